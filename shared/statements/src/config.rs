//! `[statements.NAME]` of the configuration: what a bank's or provider's files are written in.
//!
//! ```
//! use payonce_statements::config::StatementConfig;
//!
//! let text = r#"
//! format = "csv"
//! delimiter = ";"
//! charset = "windows-1252"
//! account = { column = "Auftragskonto" }
//! currency = { column = "Waehrung" }
//! date = { column = "Buchungstag", form = "DD.MM.YYYY" }
//! amount = { column = "Betrag", decimal = ",", grouping = "." }
//! end_to_end = "Kundenreferenz"
//! remittance = ["Verwendungszweck"]
//! "#;
//! let config: StatementConfig = toml::from_str(text).unwrap();
//! config.format().unwrap();
//! ```

use payonce_protocol::config::ConfigError;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Format;
use crate::charset::Charset;
use crate::csv::Csv;

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "format", rename_all = "lowercase")]
pub enum StatementConfig {
    /// camt.053 and camt.054.
    Camt(Nothing),
    Mt940(TextConfig),
    Bai2(TextConfig),
    Csv(Box<CsvConfig>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    #[serde(default)]
    pub charset: Charset,
}

impl StatementConfig {
    pub fn format(&self) -> Result<Format, ConfigError> {
        Ok(match self {
            Self::Camt(Nothing {}) => Format::Camt,
            Self::Mt940(text) => Format::Mt940(text.charset),
            Self::Bai2(text) => Format::Bai2(text.charset),
            Self::Csv(csv) => Format::Csv(Csv::new(csv)?),
        })
    }
}

/// A list described as data. Columns are named as the header row names them, or counted from 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    #[serde(default = "comma")]
    pub delimiter: char,
    /// An empty text for files that quote nothing.
    #[serde(default = "double_quote")]
    pub quote: String,
    #[serde(default)]
    pub charset: Charset,
    /// Lines before the header row, or before the first row.
    #[serde(default)]
    pub skip: u64,
    /// Whether a row names the columns.
    #[serde(default = "yes")]
    pub header: bool,
    /// For files whose rows say in a column what they are.
    pub kinds: Option<KindsConfig>,
    pub account: FixedOrColumn,
    pub currency: FixedOrColumn,
    pub date: DateConfig,
    pub value_date: Option<DateConfig>,
    pub amount: AmountConfig,
    pub status: Option<StatusConfig>,
    /// Whether the first row is the oldest or the newest.
    #[serde(default)]
    pub order: RowOrder,
    /// The account's balance after each row, in the form of the amount.
    pub balance: Option<Column>,
    pub end_to_end: Option<Column>,
    pub instruction: Option<Column>,
    pub transaction: Option<Column>,
    pub servicer: Option<Column>,
    pub mandate: Option<Column>,
    pub return_reason: Option<Column>,
    pub code: Option<Column>,
    #[serde(default)]
    pub remittance: Vec<Column>,
    /// Currencies that are counted with other digits than ISO 4217 has, when the unit is `minor`: `{ HUF = 0 }`.
    #[serde(default)]
    pub exponents: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Column {
    Number(usize),
    Name(String),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FixedOrColumn {
    Fixed(String),
    Column(ColumnOnly),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnOnly {
    pub column: Column,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindsConfig {
    /// Counted from 1.
    pub column: usize,
    /// The header row.
    pub header: Option<String>,
    pub entry: Vec<String>,
    #[serde(default)]
    pub ignore: Vec<String>,
    /// A row whose next column says how many entries there are.
    pub count: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateConfig {
    pub column: Column,
    /// `DD.MM.YYYY`; with `*` at the end, a time may follow.
    pub form: String,
}

/// Either `column`, with a sign or a `direction`, or `debit` and `credit`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountConfig {
    pub column: Option<Column>,
    pub direction: Option<DirectionConfig>,
    pub debit: Option<Column>,
    pub credit: Option<Column>,
    /// What an amount without a minus is, when neither column nor direction says it.
    #[serde(default)]
    pub positive: Positive,
    #[serde(default)]
    pub unit: Unit,
    #[serde(default = "point")]
    pub decimal: char,
    pub grouping: Option<char>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionConfig {
    pub column: Column,
    pub debit: Vec<String>,
    pub credit: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Positive {
    #[default]
    Credit,
    Debit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A decimal of the currency: `12.34`.
    #[default]
    Major,
    /// A whole number of its smallest unit: `1234`.
    Minor,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusConfig {
    pub column: Column,
    pub booked: Vec<String>,
    #[serde(default)]
    pub pending: Vec<String>,
    #[serde(default)]
    pub information: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowOrder {
    #[default]
    OldestFirst,
    NewestFirst,
}

fn comma() -> char {
    ','
}

fn double_quote() -> String {
    "\"".to_owned()
}

fn yes() -> bool {
    true
}

fn point() -> char {
    '.'
}
