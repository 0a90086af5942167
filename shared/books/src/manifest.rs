//! A manifest as JSON. The next run reads of it which window it has to join, and how many keys it must find carried.

use std::collections::BTreeMap;
use std::path::Path;

use payonce_protocol::ids::Digest;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::{Before, Manifest, Window};
use payonce_protocol::reconcile::statement::Total;
use payonce_protocol::reconcile::terms::{Gap, Lack, Why};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::BooksError;
use crate::output::statement_lines;
use crate::reconcile::CARRIED;

pub const FILE: &str = "manifest.json";

pub fn to_json(manifest: &Manifest) -> Result<Value, BooksError> {
    let total = |total: Total| json!({ "count": total.count, "minor": total.minor });
    let mut currencies: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (currency, name, of) in statement_lines(&manifest.statement)? {
        currencies.entry(currency).or_default().insert(name.to_owned(), total(of));
    }
    let gaps = manifest.lacks().map(|(gap, lack)| {
        let (book, why) = (gap.book.as_str(), gap.why.as_str());
        json!({ "book": book, "from": gap.from, "until": gap.until, "why": why, "lack": lack.as_str() })
    });
    fn counts<'a, W: ToString + 'a>(counts: impl IntoIterator<Item = (&'a W, &'a u64)>) -> Map<String, Value> {
        counts.into_iter().map(|(word, count)| (word.to_string(), json!(count))).collect()
    }
    let open = manifest.statement.open;
    Ok(json!({
        "window": { "from": manifest.window.from(), "to": manifest.window.to() },
        "verdict": manifest.verdict.as_str(),
        "incomplete": gaps.collect::<Vec<_>>(),
        "rows": counts(&manifest.rows),
        "breaks": counts(&manifest.breaks),
        "kinds": counts(&manifest.kinds),
        "findings": counts(&manifest.statement.findings),
        "open": { "before": open.before, "new": open.new, "gone": open.gone, "now": open.now() },
        "statement": currencies,
        "files": manifest.files.iter().map(|(name, hash)| (name.clone(), json!(hash.to_string()))).collect::<Map<_, _>>(),
    }))
}

/// What the next run must know. `None`: that run has no manifest, so it was not finished.
pub fn read_before(folder: &Path) -> Result<Option<Before>, BooksError> {
    #[derive(Deserialize)]
    struct Stored {
        window: Times,
        open: Open,
        incomplete: Vec<GapLine>,
        files: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct GapLine {
        book: String,
        from: u64,
        until: u64,
        why: String,
        #[serde(default)]
        lack: String,
    }
    #[derive(Deserialize)]
    struct Times {
        from: u64,
        to: u64,
    }
    #[derive(Deserialize)]
    struct Open {
        now: u64,
    }
    let bytes = match std::fs::read(folder.join(FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let Stored { window, open, incomplete, files } = serde_json::from_slice(&bytes)?;
    // What the next run takes up.
    let hash = Digest::of(std::fs::read(folder.join(CARRIED))?).to_string();
    if files.get(CARRIED) != Some(&hash) {
        return Err(BooksError::Altered(CARRIED.to_owned()));
    }
    let gap = |line: &GapLine| {
        let (book, why) = (Book::parse(&line.book)?, Why::parse(&line.why)?);
        Some(Gap { book, from: line.from, until: line.until, why })
    };
    let read = |lines: &mut dyn Iterator<Item = &GapLine>| {
        lines.map(gap).collect::<Option<Vec<Gap>>>().ok_or(BooksError::Line { number: 0, what: "incomplete" })
    };
    let gaps = read(&mut incomplete.iter())?;
    let awaited = read(&mut incomplete.iter().filter(|line| line.lack == Lack::Awaited.as_str()))?;
    Ok(Some(Before { window: Window::new(window.from, window.to)?, open: open.now, gaps, awaited }))
}
