//! What an item weighs by AWS's published rule, and what writing it costs. The promise "at most seven write units for
//! an ordinary event" is kept by a test that counts with this.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

const COLLECTION_OVERHEAD: usize = 3;
const ELEMENT_OVERHEAD: usize = 1;
const UNIT: usize = 1024;

/// Bytes: the names in UTF-8 and the values.
pub fn item_size(item: &HashMap<String, AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// Units of a plain write of so many bytes; a write inside a transaction costs twice as much.
pub fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(number) => number_size(number),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| number_size(number)).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|bytes| bytes.as_ref().len()).sum(),
        AttributeValue::L(values) => {
            COLLECTION_OVERHEAD + values.iter().map(|value| value_size(value) + ELEMENT_OVERHEAD).sum::<usize>()
        }
        AttributeValue::M(values) => {
            let size = |(name, value): (&String, &AttributeValue)| name.len() + value_size(value) + ELEMENT_OVERHEAD;
            COLLECTION_OVERHEAD + values.iter().map(size).sum::<usize>()
        }
        // Bool and Null; the enum may grow.
        _ => 1,
    }
}

/// One byte for two significant digits, one more for the exponent, one more for a sign.
fn number_size(number: &str) -> usize {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    significant.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    fn size(value: AttributeValue) -> usize {
        item_size(&HashMap::from([("ab".to_owned(), value)]))
    }

    #[test]
    fn names_and_values_are_counted_by_the_published_rule() {
        assert_eq!(size(AttributeValue::S("äb".to_owned())), 2 + 3);
        assert_eq!(size(AttributeValue::N("1764000000000".to_owned())), 2 + 3);
        assert_eq!(size(AttributeValue::N("1764000123456".to_owned())), 2 + 8);
        assert_eq!(size(AttributeValue::N("0".to_owned())), 2 + 1);
        assert_eq!(size(AttributeValue::N("-12".to_owned())), 2 + 3);
        assert_eq!(size(AttributeValue::B(Blob::new([7; 5]))), 2 + 5);
        assert_eq!(size(AttributeValue::Ss(vec!["abc".to_owned(), "d".to_owned()])), 2 + 4);
        assert_eq!(size(AttributeValue::Ns(vec!["1".to_owned(), "123".to_owned()])), 2 + 5);
        assert_eq!(size(AttributeValue::Bs(vec![Blob::new([7; 5]), Blob::new([7])])), 2 + 6);
        assert_eq!(size(AttributeValue::Bool(true)), 2 + 1);
        assert_eq!(size(AttributeValue::L(vec![AttributeValue::S("abc".to_owned())])), 2 + 3 + 4);
        let map = ["k", "l"].map(|name| (name.to_owned(), AttributeValue::S("abc".to_owned())));
        assert_eq!(size(AttributeValue::M(HashMap::from(map))), 2 + 3 + 2 * 5);
    }

    #[test]
    fn a_unit_ends_at_exactly_one_kilobyte() {
        assert_eq!([0, 1, 1024, 1025, 2048, 2049].map(write_units), [1, 1, 1, 2, 2, 3]);
    }
}
