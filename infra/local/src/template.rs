//! `payonce template`: writes what is made from the configuration and the catalogue, the template, and beside it its alarms for
//! retry-audit and for people, or says where they differ.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use payonce_catalogue::name::TablesSuffix;
use payonce_catalogue::template::suffix_of;
use payonce_catalogue::{Template, alarms, index};
use payonce_runtime::config::Config;
use serde::Serialize;

use crate::{check, given};

#[derive(Args)]
pub struct Options {
    /// The configuration that is deployed
    #[arg(long, value_name = "FILE", default_value = "infra/payonce.toml", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    /// The template
    #[arg(long, value_name = "FILE", default_value = "infra/template.yaml", value_hint = ValueHint::FilePath)]
    out: PathBuf,
    /// What the tables' names end in, such as -2 after a restore [default: as in the template that is there, else nothing]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    tables_suffix: Option<TablesSuffix>,
    /// Write nothing; say whether it is as it would be written
    #[arg(long)]
    check: bool,
}

/// What was done, or found.
#[derive(Debug, Serialize)]
pub struct Done {
    files: Vec<PathBuf>,
    providers: Vec<String>,
    tables_suffix: String,
    written: bool,
    /// Of `--check`: the first line that is not as it would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<Line>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    file: PathBuf,
    line: usize,
    is: Option<String>,
    would_be: Option<String>,
}

pub fn run(options: &Options) -> Result<Done, Box<dyn Error + Send + Sync>> {
    let text = given::read_text(&options.config)?;
    let listed = |found: Vec<_>| check::listed(&options.config, &check::in_words(&text, &found));
    let config = Config::parse(&text).map_err(listed)?;
    let there = read(&options.out)?;
    // What was restored stays restored: whoever makes it again does not have to remember.
    let suffix = options.tables_suffix.clone().or_else(|| suffix_of(&there)).unwrap_or_default();
    let made = Template::of(&config, &suffix)?;
    let files = [
        (options.out.clone(), made.text),
        (options.out.with_file_name("alarms.json"), made.alarms),
        (options.out.with_file_name("dashboards.json"), made.dashboards),
        (options.out.with_file_name("runbooks").join("alarms.md"), index::page(&alarms::all())),
    ];
    let mut differs = None;
    for (file, text) in &files {
        if options.check {
            let found = first_difference(&read(file)?, text);
            differs = differs.or(found.map(|(line, is, would_be)| Line { file: file.clone(), line, is, would_be }));
        } else {
            write(file, text).map_err(|error| about(file, &error))?;
        }
    }
    Ok(Done {
        files: files.map(|(file, _)| file).into(),
        providers: made.providers,
        tables_suffix: suffix.to_string(),
        written: !options.check,
        differs,
    })
}

/// Nothing, where there is none yet.
fn read(file: &Path) -> Result<String, Box<dyn Error + Send + Sync>> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| about(file, &error)),
    }
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, text)
}

fn about(path: &Path, error: &io::Error) -> Box<dyn Error + Send + Sync> {
    format!("{}: {}", path.display(), given::not_read(error)).into()
}

/// The number of a line, what it is, and what it would be.
fn first_difference(is: &str, would_be: &str) -> Option<(usize, Option<String>, Option<String>)> {
    let (mut is, mut would_be) = (is.split_inclusive('\n'), would_be.split_inclusive('\n'));
    for line in 1.. {
        let (is, would_be) = (is.next(), would_be.next());
        if is != would_be {
            let shown = |line: Option<&str>| line.map(|line| line.trim_end_matches('\n').to_owned());
            return Some((line, shown(is), shown(would_be)));
        }
        is?;
    }
    None
}

impl Done {
    pub fn is_well(&self) -> bool {
        self.differs.is_none()
    }

    pub fn text(&self) -> String {
        let Some(differs) = &self.differs else {
            let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
            let done = if self.written { "written for" } else { "as they would be written, for" };
            let tables = match self.tables_suffix.as_str() {
                "" => String::new(),
                suffix => format!(", with the tables {suffix}"),
            };
            return format!("{}: {done} {}{tables}", files.join(", "), self.providers.join(", "));
        };
        let shown = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the end)".to_owned());
        let (line, is, would_be) = (differs.line, shown(&differs.is), shown(&differs.would_be));
        let file = differs.file.display();
        format!("{file}:{line}: differs from what `payonce template` writes\n  is       {is}\n  would be {would_be}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_line_that_differs() {
        let line = |line, is: Option<&str>, would_be: Option<&str>| {
            Some((line, is.map(str::to_owned), would_be.map(str::to_owned)))
        };
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), line(2, Some("b"), Some("c")));
        assert_eq!(first_difference("a\n", "a\nb\n"), line(2, None, Some("b")));
        assert_eq!(first_difference("a\nb\n", "a\n"), line(2, Some("b"), None));
        assert_eq!(first_difference("", "a\n"), line(1, None, Some("a")));
        // Without its last line feed.
        assert_eq!(first_difference("a", "a\n"), line(1, Some("a"), Some("a")));
    }
}
