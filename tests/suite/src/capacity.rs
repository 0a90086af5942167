//! How many read units a request takes, by AWS's rules, of what was asked and what came back:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::item_size;
use serde_json::Value;

pub type Item = HashMap<String, AttributeValue>;

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        // Of base64 four letters are three bytes.
        "B" => AttributeValue::B(vec![0; text().len() / 4 * 3].into()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "M" => AttributeValue::M(item(value)),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        other => panic!("{other} is not known"),
    }
}

/// As DynamoDB's JSON writes it.
pub fn item(value: &Value) -> Item {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// Half a unit for each begun 4 KB that is read eventually, one for what is read consistently. A query that finds nothing takes as much
/// as one that finds little.
pub fn read_halves(target: &str, asked: &Value, answer: &Value) -> usize {
    let of = |items: &[Value], whole: bool| {
        let sizes = items.iter().map(|it| item_size(&item(it)));
        if whole { sizes.sum::<usize>().div_ceil(4096) } else { sizes.map(|size| size.div_ceil(4096)).sum() }
    };
    let consistent = |request: &Value| 1 + usize::from(request["ConsistentRead"] == true);
    match target {
        "Query" => of(answer["Items"].as_array().unwrap(), true).max(1) * consistent(asked),
        "GetItem" => answer.get("Item").map_or(1, |it| of(std::slice::from_ref(it), false)) * consistent(asked),
        "BatchGetItem" => {
            let tables = asked["RequestItems"].as_object().unwrap();
            let read = |(name, asked): (&String, &Value)| {
                let found = answer["Responses"][name].as_array().map_or(&[][..], Vec::as_slice);
                let absent = asked["Keys"].as_array().unwrap().len() - found.len();
                (of(found, false) + absent) * consistent(asked)
            };
            tables.iter().map(read).sum()
        }
        _ => 0,
    }
}
