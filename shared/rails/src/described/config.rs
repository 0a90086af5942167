//! The `[rail.http]` tables as they are written. What they mean, and everything that can be wrong with them, is in
//! `check`; infra/rails/README.md explains each key.

use std::collections::BTreeMap;

use payonce_protocol::order::Mode;
pub use payonce_wire::Scheme;
use payonce_wire::TimeForm;
use serde::Deserialize;
use serde_json::Value;

use crate::amount::AmountForm;
use crate::answer::Means;
use crate::books::NextBy;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    pub mode: ModeName,
    pub account: String,
    pub scheme: Scheme,
    pub secret_header: Option<String>,
    pub secret_prefix: Option<String>,
    pub destination_prefix: Option<String>,
    #[serde(default)]
    pub reference: ReferenceForm,
    pub reference_at_most: Option<usize>,
    pub settle_minutes: u64,
    pub amount: AmountConfig,
    pub key: Option<KeyConfig>,
    pub request: RequestConfig,
    pub answer: AnswerConfig,
    pub errors: Option<ErrorsConfig>,
    pub books: Option<BooksConfig>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeName {
    Live,
    Test,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Live => Self::Live,
            ModeName::Test => Self::Test,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceForm {
    /// The payout key as it is.
    #[default]
    Key,
    /// 32 characters derived from it, for a rail that takes few.
    Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountConfig {
    #[serde(rename = "as")]
    pub form: AmountForm,
    /// Digits after the point, for each currency that the rail may pay in.
    #[serde(default)]
    pub units: BTreeMap<String, u8>,
    /// Currencies that are not listed are paid, too, and counted as in ISO 4217.
    #[serde(default)]
    pub iso_4217: bool,
    #[serde(default)]
    pub currency: CurrencyCase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrencyCase {
    #[default]
    Upper,
    Lower,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    pub header: Option<String>,
    #[serde(default)]
    pub shape: KeyShape,
    pub at_most: Option<usize>,
    pub life_hours: Option<u64>,
    pub replayed: Option<ReplayMark>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyShape {
    /// 36 characters of `0-9a-f-`.
    #[default]
    Uuid,
    /// The same without hyphens.
    Hex,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayMark {
    pub header: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestConfig {
    pub method: MethodName,
    pub path: String,
    #[serde(default)]
    pub body_as: BodyForm,
    pub content_type: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// How many characters each field of the rules' `rail_fields` may have.
    #[serde(default)]
    pub fields: BTreeMap<String, usize>,
    pub body: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MethodName {
    Post,
    Put,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    #[default]
    Json,
    Form,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerConfig {
    pub id: String,
    #[serde(default)]
    pub id_prefix: String,
    #[serde(default)]
    pub must_hold: BTreeMap<String, String>,
    pub status: Option<String>,
    #[serde(default)]
    pub accepted: Vec<String>,
    #[serde(default)]
    pub refused: Vec<String>,
    pub request_id: Option<String>,
    pub echo: EchoConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EchoConfig {
    pub amount: Option<String>,
    pub currency: Option<String>,
    pub destination: Option<String>,
    pub reference: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorsConfig {
    #[serde(rename = "type")]
    pub kind: String,
    pub code: Option<String>,
    pub message: Option<String>,
    #[serde(default)]
    pub refusals: Vec<RefusalConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalConfig {
    #[serde(default)]
    pub http: Vec<u16>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub code: Option<String>,
    pub means: Means,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BooksConfig {
    pub find: Option<FindConfig>,
    pub list: Option<ListConfig>,
    pub payout: Option<String>,
    #[serde(default)]
    pub must_hold: BTreeMap<String, String>,
    #[serde(default)]
    pub items: String,
    pub full_page: Option<usize>,
    pub more: Option<String>,
    pub more_header: Option<String>,
    #[serde(default)]
    pub item_must_hold: BTreeMap<String, String>,
    pub id: String,
    pub amount: String,
    pub currency: String,
    pub destination: Option<String>,
    pub reference: Option<String>,
    pub status: Option<String>,
    pub created: String,
    pub created_as: TimeForm,
    #[serde(default)]
    pub returned: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindConfig {
    pub path: String,
    pub query: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListConfig {
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub since_as: TimeForm,
    pub next: Option<String>,
    pub next_by: Option<NextBy>,
}
