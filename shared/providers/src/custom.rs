//! `scheme = "custom"`: a provider that has no preset, described in the configuration. Every mistake stops the start.

use std::num::NonZeroU64;

use serde::Deserialize;

use crate::config::{OneOrMore, duration_ms};
use crate::pointer::Pointer;
use crate::preset::{self, AmountAs, Created, Identity, Items, Live, Preset, Signature, TimeForm, TypeFrom};
use crate::rules::Problems;
use crate::scheme::{self, Algorithm, Container, Encoding, KeyDecoding, Piece, Scheme, SignedTime, TimeFrom};

const MAX_TOLERANCE_S: u64 = 3_600;

/// The `[providers.X.custom]` table, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    pub header: String,
    #[serde(default)]
    pub prefix: String,
    /// `comma_list`: several signatures; `key_value_list`: `t=…,v1=…`; `space_list`: `v1,… v1,…`.
    #[serde(default)]
    pub container: ContainerKind,
    /// Which elements of a list are signatures, such as `v1`.
    pub signature_name: Option<String>,
    #[serde(default)]
    pub algorithm: AlgorithmKind,
    #[serde(default)]
    pub key: KeyKind,
    /// What stands before a base64 key, such as `whsec_`.
    #[serde(default)]
    pub key_mark: String,
    pub encoding: EncodingKind,
    /// Text with `{body}`, `{t}`, `{id}` and `{url}`; the body alone when not given.
    #[serde(default = "body_alone")]
    pub signed: String,
    /// Where the signed time stands: a header, or an element of a `key_value_list`.
    pub time_header: Option<String>,
    pub time_element: Option<String>,
    pub tolerance_s: Option<u64>,
    pub id_header: Option<String>,
    /// Pointers that name the event; without, its signed id header, else the body's hash.
    pub id: Option<OneOrMore>,
    /// Pointers to its type; without, the provider's `event_type` says it.
    pub event_type: Option<OneOrMore>,
    pub created: Option<String>,
    #[serde(default = "rfc3339")]
    pub created_as: TimeForm,
    /// Pointer to `true` for real money; without, the provider's `mode` says it.
    pub live: Option<String>,
    pub account: Option<String>,
    /// Pointer to the list of events, when a delivery carries several.
    pub items: Option<String>,
    #[serde(default = "minor")]
    pub amount_as: AmountAs,
    /// How long it redelivers in all, and its longest pause.
    pub redelivers: String,
    pub longest_gap: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerKind {
    #[default]
    Single,
    CommaList,
    KeyValueList,
    SpaceList,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlgorithmKind {
    #[default]
    HmacSha256,
    HmacSha512,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    #[default]
    Utf8,
    Base64,
    Hex,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingKind {
    Hex,
    Base64,
}

fn body_alone() -> String {
    "{body}".to_owned()
}

fn rfc3339() -> TimeForm {
    TimeForm::Rfc3339
}

fn minor() -> AmountAs {
    AmountAs::Minor
}

/// A configuration lives as long as its process.
fn kept(text: &str) -> &'static str {
    Box::leak(text.into())
}

impl Custom {
    /// `None` when something was wrong; what, is in `problems`.
    pub(crate) fn preset(&self, problems: &mut Problems) -> Option<&'static Preset> {
        let before = problems.found.len();
        let signed = self.signed_pieces(problems);
        let time = self.time(problems);
        let container = self.container(problems);
        for (name, is_signed, source) in [
            ("t", signed.contains(&Piece::Time), time.is_some()),
            ("id", signed.contains(&Piece::Id), self.id_header.is_some()),
        ] {
            if is_signed != source {
                problems.add("custom.signed", format!("`{{{name}}}` and the place where it stands go together"));
            }
        }
        if !self.key_mark.is_empty() && !matches!(self.key, KeyKind::Base64) {
            problems.add("custom.key_mark", "only a base64 key has one");
        }
        let header = header("custom.header", &self.header, problems);
        let id_header = self.id_header.as_ref().map(|name| self::header("custom.id_header", name, problems));
        let pointer = |field: &str, text: &Option<String>, problems: &mut Problems| {
            text.as_ref().map(|text| pointer(field, text, problems))
        };
        let live = pointer("custom.live", &self.live, problems);
        let account = pointer("custom.account", &self.account, problems);
        let items = pointer("custom.items", &self.items, problems);
        let created = pointer("custom.created", &self.created, problems);
        let id = pointers("custom.id", self.id.as_ref(), problems);
        let event_type = pointers("custom.event_type", self.event_type.as_ref(), problems);
        if items.is_some() && id.is_none() {
            problems.add("custom.id", "several events in one body need pointers that tell them apart");
        }
        let redelivers_ms = duration("custom.redelivers", &self.redelivers, problems);
        let longest_gap_ms = duration("custom.longest_gap", &self.longest_gap, problems);
        if problems.found.len() > before {
            return None;
        }
        let scheme: &'static Scheme = Box::leak(Box::new(Scheme {
            header,
            prefix: kept(&self.prefix),
            container,
            algorithm: match self.algorithm {
                AlgorithmKind::HmacSha256 => Algorithm::HmacSha256,
                AlgorithmKind::HmacSha512 => Algorithm::HmacSha512,
            },
            key: match self.key {
                KeyKind::Utf8 => KeyDecoding::Utf8,
                KeyKind::Base64 => KeyDecoding::Base64 { mark: kept(&self.key_mark) },
                KeyKind::Hex => KeyDecoding::Hex,
            },
            encoding: match self.encoding {
                EncodingKind::Hex => Encoding::Hex,
                EncodingKind::Base64 => Encoding::Base64,
            },
            signed: Box::leak(signed.into_boxed_slice()),
            time,
            id_header,
            ..scheme::PLAIN
        }));
        Some(Box::leak(Box::new(Preset {
            signature: Signature::Scheme(scheme),
            items: items.map(|list| Items { list, event: None }),
            id: match (id, id_header) {
                (Some(needed), _) => Identity::Pointers { needed, optional: &[] },
                (None, Some(_)) => Identity::Message,
                (None, None) => Identity::Body,
            },
            event_type: event_type.map_or(TypeFrom::Configured, TypeFrom::Pointers),
            created: created.map(|at| Created { at, form: self.created_as }),
            live: live.map_or(Live::Configured, Live::Flag),
            account,
            amount: self.amount_as,
            redelivers_ms,
            longest_gap_ms,
            refuse_for_ms: redelivers_ms.saturating_sub(longest_gap_ms),
            answer_within_ms: None,
            ..preset::CUSTOM.clone()
        })))
    }

    fn container(&self, problems: &mut Problems) -> Container {
        let name = self.signature_name.as_deref();
        let is_list = matches!(self.container, ContainerKind::KeyValueList | ContainerKind::SpaceList);
        if name.is_some_and(str::is_empty) || name.is_some() != is_list {
            problems.add("custom.signature_name", "a list of named signatures has one, and nothing else has");
        }
        match self.container {
            ContainerKind::Single => Container::Single,
            ContainerKind::CommaList => Container::CommaList,
            ContainerKind::KeyValueList => Container::KeyValueList { signature: kept(name.unwrap_or_default()) },
            ContainerKind::SpaceList => Container::SpaceList { version: kept(name.unwrap_or_default()) },
        }
    }

    fn time(&self, problems: &mut Problems) -> Option<SignedTime> {
        let from = match (&self.time_header, &self.time_element) {
            (None, None) => None,
            (Some(name), None) => Some(TimeFrom::Header(header("custom.time_header", name, problems))),
            (None, Some(name)) => {
                if !matches!(self.container, ContainerKind::KeyValueList) {
                    problems.add("custom.time_element", "only a key_value_list has elements");
                }
                Some(TimeFrom::Element(kept(name)))
            }
            (Some(_), Some(_)) => {
                problems.add("custom.time_element", "the time stands there or in time_header, not in both");
                None
            }
        };
        let tolerance = self.tolerance_s.map_or(Some(scheme::FIVE_MINUTES_S), NonZeroU64::new);
        let Some(tolerance) = tolerance.filter(|tolerance| tolerance.get() <= MAX_TOLERANCE_S) else {
            problems.add("custom.tolerance_s", format!("1 to {MAX_TOLERANCE_S} seconds"));
            return None;
        };
        if self.tolerance_s.is_some() && from.is_none() {
            problems.add("custom.tolerance_s", "no time is signed");
        }
        from.map(|from| SignedTime { from, past_s: tolerance, future_s: tolerance })
    }

    fn signed_pieces(&self, problems: &mut Problems) -> Vec<Piece> {
        let mut pieces = vec![];
        let mut rest = self.signed.as_str();
        while let Some((text, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                problems.add("custom.signed", "a `{` is not closed");
                return pieces;
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(kept(text)));
            }
            match name {
                "body" => pieces.push(Piece::Body),
                "t" => pieces.push(Piece::Time),
                "id" => pieces.push(Piece::Id),
                "url" => pieces.push(Piece::Url),
                _ => problems.add("custom.signed", "there are {body}, {t}, {id} and {url}"),
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(kept(rest)));
        }
        if pieces.iter().filter(|piece| **piece == Piece::Body).count() != 1 {
            problems.add("custom.signed", "must hold {body}, once: what is not signed is nobody's word");
        }
        pieces
    }
}

fn header(field: &str, name: &str, problems: &mut Problems) -> &'static str {
    let lower = name.to_ascii_lowercase();
    if lower.parse::<http::HeaderName>().is_err() {
        problems.add(field, "is no name of a header");
    }
    kept(&lower)
}

fn pointer(field: &str, text: &str, problems: &mut Problems) -> &'static str {
    if let Err(problem) = Pointer::parse(text) {
        problems.add(field, problem);
    }
    kept(text)
}

fn pointers(field: &str, texts: Option<&OneOrMore>, problems: &mut Problems) -> Option<&'static [&'static str]> {
    let texts = texts?.as_slice();
    if texts.is_empty() {
        problems.add(field, "give at least one JSON pointer");
    }
    let kept: Vec<&'static str> = texts.iter().map(|text| pointer(field, text, problems)).collect();
    Some(Box::leak(kept.into_boxed_slice()))
}

fn duration(field: &str, text: &str, problems: &mut Problems) -> u64 {
    duration_ms(text).unwrap_or_else(|| {
        problems.add(field, "write a duration such as 48h, 90m or 10s");
        0
    })
}
