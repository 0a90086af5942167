//! Where a key of the configuration stands in its file, by the key's path.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// From 1, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_from = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_from..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

/// How far a path leads into a file.
pub struct Reached<'t, 'i> {
    /// Of the deepest key that is there.
    pub at: Range<usize>,
    pub value: Option<&'t DeValue<'i>>,
    /// The whole path is there.
    pub is_whole: bool,
}

/// Keys may hold dots and slashes themselves, so each step takes the longest key that fits.
pub fn reach<'t, 'i>(file: &'t DeTable<'i>, path: &str) -> Reached<'t, 'i> {
    let mut reached = Reached { at: 0..0, value: None, is_whole: false };
    let mut rest = path;
    while !rest.is_empty() {
        let step = match reached.value {
            None => into_table(file, rest),
            Some(DeValue::Table(table)) => into_table(table, rest),
            Some(DeValue::Array(_)) => into_list(reached.value, rest),
            Some(_) => None,
        };
        let Some((at, value, after)) = step else { return reached };
        (reached.at, reached.value, rest) = (at, Some(value), after);
    }
    reached.is_whole = true;
    reached
}

/// The last key that begins before this place: where, and its path.
pub fn path_at(file: &DeTable<'_>, at: usize) -> (usize, String) {
    let mut last = (0, String::new());
    collect(file, "", at, &mut last);
    last
}

fn collect(table: &DeTable<'_>, path: &str, at: usize, last: &mut (usize, String)) {
    for (key, value) in table {
        let path = if path.is_empty() { key.get_ref().to_string() } else { format!("{path}.{}", key.get_ref()) };
        if (last.0..=at).contains(&key.span().start) {
            *last = (key.span().start, path.clone());
        }
        match value.get_ref() {
            DeValue::Table(table) => collect(table, &path, at, last),
            DeValue::Array(list) => {
                let tables =
                    list.iter().enumerate().filter_map(|(index, value)| Some((index, value.get_ref().as_table()?)));
                tables.for_each(|(index, table)| collect(table, &format!("{path}[{index}]"), at, last));
            }
            _ => {}
        }
    }
}

type Step<'t, 'i, 'p> = (Range<usize>, &'t DeValue<'i>, &'p str);

fn into_table<'t, 'i, 'p>(table: &'t DeTable<'i>, path: &'p str) -> Option<Step<'t, 'i, 'p>> {
    let fits = table.iter().filter_map(|(key, value)| {
        let after = path.strip_prefix(key.get_ref().as_ref())?;
        let after = if after.is_empty() || after.starts_with('[') { after } else { after.strip_prefix('.')? };
        Some((key.span(), value.get_ref(), after))
    });
    fits.min_by_key(|(_, _, after)| after.len())
}

fn into_list<'t, 'i, 'p>(list: Option<&'t DeValue<'i>>, path: &'p str) -> Option<Step<'t, 'i, 'p>> {
    let (index, after) = path.strip_prefix('[')?.split_once(']')?;
    let element = list?.get(index.parse::<usize>().ok()?)?;
    Some((element.span(), element.get_ref(), after.strip_prefix('.').unwrap_or(after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_the_path_of_the_key_before_it() {
        let file = DeTable::parse(FILE).unwrap();
        let at = |word: &str| path_at(file.get_ref(), FILE.find(word).unwrap()).1;
        assert_eq!(at("\"custom\""), "providers.till.scheme");
        assert_eq!(at("\"b\""), "providers.till.payouts[1].event");
        assert_eq!(at("\"ok\""), "providers.till.payouts[0].when./data.x/status");
    }

    const FILE: &str = "[providers.till]\nscheme = \"custom\"\n\n[[providers.till.payouts]]\nevent = \"a\"\n\
        when = { \"/data.x/status\" = \"ok\" }\n\n[[providers.till.payouts]]\n  event = \"b\"\n";

    #[test]
    fn a_path_leads_to_its_line_and_column() {
        let file = DeTable::parse(FILE).unwrap();
        for (path, line, column, is_whole) in [
            ("providers.till.scheme", 2, 1, true),
            ("providers.till.payouts[0].event", 5, 1, true),
            ("providers.till.payouts[1].event", 9, 3, true),
            ("providers.till.payouts[0].when./data.x/status", 6, 10, true),
            // What is missing is missing in the table around it.
            ("providers.till.payouts[1].amount", 8, 1, false),
            ("rail", 1, 1, false),
        ] {
            let reached = reach(file.get_ref(), path);
            assert_eq!(
                (Place::of(FILE, reached.at.start), reached.is_whole),
                (Place { line, column }, is_whole),
                "{path}"
            );
        }
    }
}
