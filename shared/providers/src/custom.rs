//! `scheme = "custom"`: a provider that has no preset, described in the configuration. Every mistake stops the start.

use std::num::NonZeroU64;

use serde::Deserialize;

use crate::beyond::{refused_algorithm, refused_placeholder};
use crate::config::{OneOrMore, duration_ms};
use crate::marker::Marker;
use crate::pointer::Pointer;
use crate::preset::{self, AmountAs, Created, Identity, Items, Live, Preset, Signature, TimeForm, TypeFrom};
use crate::rules::Problems;
use crate::scheme::{
    self, Algorithm, Container, Encoding, KeyDecoding, Piece, Scheme, SignedTime, TimeFrom, WrittenAs,
};

const MAX_TOLERANCE_S: u64 = 3_600;

/// The `[providers.X.custom]` table, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// One: a list is refused, as only one header's signatures are looked at.
    pub header: OneOrMore,
    /// What each signature begins with, such as `sha256=` or `v0=`.
    #[serde(default)]
    pub prefix: String,
    /// `comma_list`: several signatures; `key_value_list`: `t=…,v1=…`; `space_list`: `v1,… v1,…`.
    #[serde(default)]
    pub container: ContainerKind,
    /// Which elements of a list are signatures, such as `v1`.
    pub signature_name: Option<String>,
    /// Between the elements of a list, where it is no comma: `;` in `ts=…;h1=…`.
    pub separator: Option<String>,
    /// Between whole lists, where the header holds one for each secret: ` ` in `t=…,v1=… t=…,v1=…`.
    pub groups: Option<String>,
    /// `hmac-sha256` or `hmac-sha512`; others are refused by name.
    #[serde(default = "hmac_sha256")]
    pub algorithm: String,
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
    /// How that time is written; in seconds when not given.
    #[serde(default)]
    pub time_as: WrittenAs,
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
    /// Pointer to `true` for a trial, where an event may bear that; it is believed whatever `mode` says.
    pub test: Option<String>,
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
    HexUpper,
    Base64,
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_owned()
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
pub(crate) fn kept(text: &str) -> &'static str {
    Box::leak(text.into())
}

impl Custom {
    /// `None` when something was wrong; what, is in `problems`.
    pub(crate) fn preset(&self, problems: &mut Problems) -> Option<&'static Preset> {
        let before = problems.found.len();
        let signed = self.signed_pieces(problems);
        let time = self.time(problems);
        let container = self.container(problems);
        let algorithm = self.algorithm(problems);
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
        let header = match self.header.as_slice() {
            [one] => header("custom.header", one, problems),
            _ => {
                let why = "several headers are refused: one is looked at. Name the one with the key that you have (DocuSign's \
                     -1, Box's primary); while keys rotate at the sender, give both as `secrets`";
                problems.add("custom.header", why);
                ""
            }
        };
        let id_header = self.id_header.as_ref().map(|name| self::header("custom.id_header", name, problems));
        let pointer = |field: &str, text: &Option<String>, problems: &mut Problems| {
            text.as_ref().map(|text| pointer(field, text, problems))
        };
        let live = pointer("custom.live", &self.live, problems);
        let test = pointer("custom.test", &self.test, problems);
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
            separator: self.separator.as_deref().map_or(scheme::PLAIN.separator, kept),
            groups: self.groups.as_deref().map(kept),
            algorithm: algorithm?,
            key: match self.key {
                KeyKind::Utf8 => KeyDecoding::Utf8,
                KeyKind::Base64 => KeyDecoding::Base64 { mark: kept(&self.key_mark) },
                KeyKind::Hex => KeyDecoding::Hex,
            },
            encoding: match self.encoding {
                EncodingKind::Hex => Encoding::Hex,
                EncodingKind::HexUpper => Encoding::HexUpper,
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
            created: created.map(|at| Created { at, form: self.created_as, is_optional: false }),
            live: live.map_or(Live::Configured, Live::Flag),
            markers: test.map_or(&[], |at| &*Box::leak(Box::new([Marker::test(at)]))),
            accounts: account.map_or(&[], |at| &*Box::leak(Box::new([at]))),
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
        let is_joined = matches!(self.container, ContainerKind::KeyValueList | ContainerKind::CommaList);
        let is_grouped = matches!(self.container, ContainerKind::KeyValueList);
        for (field, text, wanted) in [("separator", &self.separator, is_joined), ("groups", &self.groups, is_grouped)] {
            let Some(text) = text else { continue };
            let field = format!("custom.{field}");
            if !wanted {
                problems.add(&field, "only a key_value_list has it, and a comma_list its separator");
            }
            // Signatures and times hold these.
            let is_apart = |character: char| character.is_ascii() && !character.is_ascii_alphanumeric();
            if text.is_empty() || !text.chars().all(is_apart) || text.contains(['=', '+', '/', '-']) {
                problems.add(&field, "is a sign that stands in no signature, such as `;`");
            }
        }
        if self.groups.is_some() && self.groups.as_deref() == Some(self.separator.as_deref().unwrap_or(",")) {
            problems.add("custom.groups", "is the separator, too");
        }
        match self.container {
            ContainerKind::Single => Container::Single,
            ContainerKind::CommaList => Container::CommaList,
            ContainerKind::KeyValueList => Container::KeyValueList { signature: kept(name.unwrap_or_default()) },
            ContainerKind::SpaceList => Container::SpaceList { version: kept(name.unwrap_or_default()) },
        }
    }

    fn algorithm(&self, problems: &mut Problems) -> Option<Algorithm> {
        match self.algorithm.as_str() {
            "hmac-sha256" => Some(Algorithm::HmacSha256),
            "hmac-sha512" => Some(Algorithm::HmacSha512),
            other => {
                problems.add("custom.algorithm", refused_algorithm(other));
                None
            }
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
        if from.is_none() && self.time_as != WrittenAs::default() {
            problems.add("custom.time_as", "no time is signed");
        }
        from.map(|from| SignedTime { from, form: self.time_as, past_s: tolerance, future_s: tolerance })
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
                other => problems.add("custom.signed", refused_placeholder(other)),
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(kept(rest)));
        }
        if pieces.iter().filter(|piece| **piece == Piece::Body).count() != 1 {
            problems.add("custom.signed", "must hold {body}, once: otherwise the body is not signed");
        }
        // A byte that moved over the boundary would make it another id under the same signature.
        let runs_on =
            |pair: &[Piece]| pair.contains(&Piece::Id) && pair.iter().all(|piece| !matches!(piece, Piece::Text(_)));
        if pieces.windows(2).any(runs_on) {
            problems.add("custom.signed", "`{id}` runs into its neighbour: where it ends could be read in two ways");
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
