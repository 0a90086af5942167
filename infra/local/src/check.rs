//! `payonce check`: what is wrong with a configuration, what is allowed and unwise, and what it would pay by a delivery of one's
//! own. The functions' own checks decide; here their findings get a line, a column, plain words, and what may have been meant.

pub mod place;
mod unwise;
pub mod words;

use std::path::{Path, PathBuf};

use console::ConsoleConfig;
use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::release::KeyRules;
use payonce_runtime::config::Config;
use serde::Serialize;
use toml::de::{DeTable, DeValue};

use crate::explain::{Asked, Explained, explain};
use crate::given;
use crate::near::nearest;
use crate::report::Paint;
use crate::setup::Setup;
use place::{Place, path_at, reach};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One thing that is wrong or unwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of the key: `providers.stripe.payouts[0].amount`; of its table where the file is no TOML there.
    pub path: String,
    pub line: usize,
    pub column: usize,
    pub words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A configuration, looked through.
#[derive(Debug, Serialize)]
pub struct Checked {
    pub file: String,
    pub can_be_used: bool,
    pub wrong: Vec<Finding>,
    pub unwise: Vec<Finding>,
    /// What each payout key is made of: what a person accepts by `control accept-keys`.
    pub keys: Vec<Keys>,
    pub events: Vec<Explained>,
}

#[derive(Debug, Serialize)]
pub struct Keys {
    pub provider: String,
    pub made_of: Vec<String>,
    /// What a change of keys is protected by.
    pub change: String,
}

/// Deliveries to try.
pub struct Tried<'a> {
    pub files: &'a [PathBuf],
    pub provider: Option<&'a str>,
}

pub fn check(path: &Path, tried: &Tried<'_>, now: UnixMillis) -> Result<Checked, Failure> {
    let text = given::read_text(path)?;
    let mut checked = Checked {
        file: path.display().to_string(),
        can_be_used: false,
        wrong: vec![],
        unwise: vec![],
        keys: vec![],
        events: vec![],
    };
    let config = match usable(&text) {
        Ok(config) => config,
        Err(problems) => {
            checked.wrong = in_words(&text, &problems);
            return Ok(checked);
        }
    };
    checked.can_be_used = true;
    let mut warnings = config.warnings();
    warnings.extend(unwise::unwise(&config));
    if matches!(ConsoleConfig::of(&config), Ok(None)) {
        warnings.push(ConfigError::new("console", "not given: the functions console and payer do not start"));
    }
    checked.unwise = in_words(&text, &warnings);
    checked.keys = config.key_rules().iter().map(keys).collect();
    if !tried.files.is_empty() {
        let setup = Setup::of(&text, true, None).map_err(|found| listed(path, &in_words(&text, &found)))?;
        let names: Vec<&str> = config.providers.keys().map(String::as_str).collect();
        let provider = match (tried.provider, &names[..]) {
            (Some(provider), _) => provider,
            (None, [one]) => one,
            (None, several) => return Err(format!("--provider: who sends it? There are {}", several.join(", ")).into()),
        };
        for file in tried.files {
            let asked = Asked { file, provider, headers: &[], secret: None };
            checked.events.push(explain(&asked, &setup, now)?);
        }
    }
    Ok(checked)
}

/// As the functions read it, with the sections that only those with people behind them read.
fn usable(text: &str) -> Result<Config, Vec<ConfigError>> {
    let config = Config::parse(text)?;
    let found: Vec<ConfigError> = [ConsoleConfig::of(&config).err(), config.sources().err(), config.lists().err()]
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    if found.is_empty() { Ok(config) } else { Err(found) }
}

/// Everything that is wrong with this text.
pub fn wrong(text: &str) -> Vec<Finding> {
    usable(text).err().map(|found| in_words(text, &found)).unwrap_or_default()
}

/// In the order of the file.
pub fn in_words(text: &str, problems: &[ConfigError]) -> Vec<Finding> {
    let (file, mut syntax) = DeTable::parse_recoverable(text);
    // Numbers that no program holds are seen only when they are read.
    syntax.extend(toml::from_str::<toml::Table>(text).err().filter(|_| syntax.is_empty()));
    let mut found: Vec<Finding> = match &syntax[..] {
        [] => problems.iter().map(|problem| explain_toml_error(text, problem)).collect(),
        // Nothing else was looked at.
        errors => errors.iter().map(|error| not_toml(text, file.get_ref(), error)).collect(),
    };
    found.sort_by_key(|found| (found.line, found.column));
    found.dedup();
    found
}

fn not_toml(text: &str, file: &DeTable<'_>, error: &toml::de::Error) -> Finding {
    let at = error.span().map_or(0, |span| span.start);
    let Place { line, column } = Place::of(text, at);
    let (began, mut path) = path_at(file, at);
    if Place::of(text, began).line != line {
        // What is wrong begins after that key: only its table is known.
        path.truncate(path.rfind('.').unwrap_or_default());
    }
    Finding { path, line, column, words: words::said(error.message()).words, hint: None }
}

/// A finding of the functions' own checks, with its place in the file and what may have been meant.
pub fn explain_toml_error(text: &str, error: &ConfigError) -> Finding {
    let said = words::said(&error.problem);
    let path = error.path.clone();
    let file = DeTable::parse(text).ok();
    let reached = file.as_ref().map(|file| reach(file.get_ref(), &path));
    let Place { line, column } = Place::of(text, reached.as_ref().map_or(0, |reached| reached.at.start));
    let key = path.rsplit('.').next().unwrap_or_default();
    // Of an unknown key the key itself is misspelt, else the value that stands there.
    let value = reached.as_ref().filter(|reached| reached.is_whole).and_then(|reached| reached.value?.as_str());
    let word = if error.problem.starts_with("is unknown") { key } else { value.unwrap_or(key) };
    let others = file.as_ref().map(|file| others(file.get_ref(), &error.problem)).unwrap_or_default();
    let known = said.known.iter().map(String::as_str).chain(others.iter().map(String::as_str));
    let hint = nearest(word, known).map(|near| format!("did you mean {near}?"));
    Finding { path, line, column, words: said.words, hint }
}

/// What another place of the file names, where a problem says that this one must be named there.
fn others(file: &DeTable<'_>, problem: &str) -> Vec<String> {
    let place = match problem {
        "names no provider of the configuration" => "providers",
        "is no field of rail.http.request.fields" => "rail.http.request.fields",
        _ => return vec![],
    };
    match reach(file, place).value {
        Some(DeValue::Table(table)) => table.iter().map(|(key, _)| key.get_ref().to_string()).collect(),
        _ => vec![],
    }
}

fn keys(rules: &KeyRules) -> Keys {
    let made_of = rules.rules.iter().map(|rule| {
        let former: String = rule.former.iter().map(|former| format!(", formerly {former}")).collect();
        format!("{}{former}", rule.own)
    });
    let days = rules.comes_back_ms.div_ceil(86_400_000);
    let change = if rules.signs_time {
        "a change of keys is protected by the signed time (paid_from)".to_owned()
    } else {
        format!("no time is signed: a change of keys needs `formerly`, for {days} days")
    };
    Keys { provider: rules.provider.clone(), made_of: made_of.collect(), change }
}

/// Of a file that cannot be used, for a command that needs it.
pub fn listed(path: &Path, found: &[Finding]) -> String {
    let file = path.display().to_string();
    let lines: Vec<String> = found.iter().map(|found| format!("\n  {}", found.text(&file))).collect();
    format!("{file} cannot be used{}", lines.concat())
}

impl Finding {
    /// `my.toml:12:1  providers.till.scheme: is no known value; …; did you mean svix?`
    pub fn text(&self, file: &str) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{file}:{}:{}  {path}{}{hint}", self.line, self.column, self.words)
    }
}

impl Checked {
    /// It can be used, and nothing that was tried would be a case.
    pub fn is_well(&self) -> bool {
        self.can_be_used && self.events.iter().all(Explained::is_well)
    }

    /// Everything but what is wrong.
    pub fn text(&self, paint: Paint) -> String {
        let mut lines = vec![];
        for found in &self.unwise {
            lines.push(format!("{}  {}", paint.warn("unwise"), found.text(&self.file)));
        }
        for keys in &self.keys {
            lines.extend(keys.made_of.iter().map(|made_of| format!("keys    {made_of}")));
            lines.push(format!("        {}: {}", keys.provider, keys.change));
        }
        if self.can_be_used {
            lines.push(format!("{} can be used.", self.file));
        }
        for event in &self.events {
            lines.push(format!("\n{}", event.text(&paint)));
        }
        lines.join("\n")
    }

    pub fn problems(&self, paint: Paint) -> String {
        let wrong = self.wrong.iter().map(|found| format!("{}   {}\n", paint.bad("wrong"), found.text(&self.file)));
        format!("{}{} cannot be used.", wrong.collect::<String>(), self.file)
    }
}
