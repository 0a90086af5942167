//! Which of the rows alike has a reference of the bank's: looked up, for a file may hold a hundred thousand rows alike.

use std::collections::{BTreeMap, BTreeSet};

/// The bank's own reference of a row that is known. Some have none.
pub(crate) type Reference = Option<String>;

/// Rows alike, numbered from 1 without a gap.
#[derive(Default)]
pub(crate) struct Alike {
    numbers: BTreeMap<Reference, BTreeSet<u32>>,
    looked_at: u32,
}

impl Alike {
    /// The first that is of this reference, or of none. `Err`: there is none, and the first number that is free.
    pub fn find(&mut self, reference: &str, mut row: impl FnMut(u32) -> Option<Reference>) -> Result<u32, u32> {
        // Rows are added at their end: each is looked at once.
        while let Some(reference) = row(self.looked_at + 1) {
            self.looked_at += 1;
            self.numbers.entry(reference).or_default().insert(self.looked_at);
        }
        let first = |reference: Reference| self.numbers.get(&reference)?.first().copied();
        let found = [first(None), first(Some(reference.to_owned()))].into_iter().flatten().min();
        found.ok_or(self.looked_at + 1)
    }

    /// A row has another reference than before.
    pub fn change(&mut self, number: u32, from: &Reference, to: &Reference) {
        if number <= self.looked_at && from != to {
            self.numbers.get_mut(from).map(|numbers| numbers.remove(&number));
            self.numbers.entry(to.clone()).or_default().insert(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: impl Into<String>) -> Reference {
        Some(text.into())
    }

    #[test]
    fn the_first_with_the_reference_or_with_none_is_meant() {
        let mut rows = vec![some("a"), some("b"), some("a")];
        let mut alike = Alike::default();
        let mut find = |rows: &[Reference], reference: &str| {
            alike.find(reference, |number| rows.get(number as usize - 1).cloned())
        };
        assert_eq!(["a", "b", "c"].map(|reference| find(&rows, reference)), [Ok(1), Ok(2), Err(4)]);
        rows.extend([some("c"), None, some("d")]);
        assert_eq!(["c", "d", "e", "b"].map(|reference| find(&rows, reference)), [Ok(4), Ok(5), Ok(5), Ok(2)]);
        alike.change(5, &None, &some("e"));
        alike.change(1, &some("a"), &some("f"));
        rows[4] = some("e");
        rows[0] = some("f");
        let mut find = |reference| alike.find(reference, |number| rows.get(number as usize - 1).cloned());
        assert_eq!(["a", "e", "f", "g"].map(&mut find), [Ok(3), Ok(5), Ok(1), Err(7)]);
    }

    #[test]
    fn each_row_is_looked_at_once() {
        let (mut alike, mut rows, mut looked) = (Alike::default(), Vec::new(), 0);
        for number in 1..=10_000 {
            let reference = format!("ref {number}");
            let found = alike.find(&reference, |number| {
                looked += 1;
                rows.get(number as usize - 1).cloned()
            });
            assert_eq!(found, Err(number));
            rows.push(some(reference));
        }
        assert!(looked < 20_001, "{looked}");
    }
}
