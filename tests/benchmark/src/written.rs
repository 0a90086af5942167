//! What a measurement leaves in the repository: a text between two marks of a page, and a picture beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The marks stay.
pub fn between(page: &Path, [begin, end]: [&str; 2], text: &str) -> Result<(), String> {
    let before = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let parts = before.split_once(begin).and_then(|(head, rest)| Some((head, rest.split_once(end)?.1)));
    let (head, tail) = parts.ok_or(format!("{} has not both marks", page.display()))?;
    std::fs::write(page, format!("{head}{begin}\n{text}\n{end}{tail}")).map_err(|error| error.to_string())
}

/// By a script of this folder, which reads `data` from its input.
pub fn draw(script: &str, data: &Value, picture: &Path) -> Result<(), String> {
    let mut drawing = Command::new(root().join("target/tools/deploy/bin/python"))
        .arg(root().join("tests/benchmark").join(script))
        .arg(picture)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("no picture, as tests/run installs what draws it: {error}"))?;
    let mut input = drawing.stdin.take().ok_or("nothing to write to")?;
    input.write_all(data.to_string().as_bytes()).map_err(|error| error.to_string())?;
    drop(input);
    let status = drawing.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the picture ended with {status}")) }
}
