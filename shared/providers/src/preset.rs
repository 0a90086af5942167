//! What is known of one provider, as data: its signature scheme, where its events keep their facts, in which unit it
//! counts money, and how long it comes back after a refusal.
//!
//! Identity comes from signed bytes alone: where a provider names its event only in a header that it does not sign, the
//! body's own hash is the event's name, because a header can be replaced by whoever replays the body. Redelivery windows
//! and time limits are the providers' own words where [`Preset::redelivery`] says so.

mod known;
mod reversals;

use payonce_protocol::exponents::{self, Table};
use serde::Deserialize;

use crate::blocks::Blocking;
use crate::marker::Marker;
use crate::same_payment::Family;
use crate::scheme::{self, Scheme};
use crate::secret_form::SecretForm;

pub use known::{ALL, STRIPE};

const HOUR_MS: u64 = 3_600_000;
const MEBIBYTE: usize = 1 << 20;

#[derive(Clone, Debug)]
pub struct Preset {
    pub name: &'static str,
    /// As the provider writes itself, for people.
    pub title: &'static str,
    pub signature: Signature,
    /// What its signing secrets look like.
    pub secret_form: SecretForm,
    /// Where the list of events stands, when one delivery carries several, and where in an entry the event itself.
    pub items: Option<Items>,
    pub id: Identity,
    pub event_type: TypeFrom,
    /// The time of the event, out of signed bytes.
    pub created: Option<Created>,
    pub live: Live,
    /// Where an event may say so besides, and is believed.
    pub markers: &'static [Marker],
    /// There, and not null, when the event is about somebody else's account, connected to ours.
    pub accounts: &'static [&'static str],
    pub amount: AmountAs,
    /// Why no rule can be made for it: its events carry no amount.
    pub no_amount: Option<&'static str>,
    /// Its events that say that a payment was given back or is disputed.
    pub blocks: &'static [Blocking],
    /// Why there are none.
    pub no_blocks: Option<&'static str>,
    pub exponents: &'static Table,
    /// Stands when a rule gives no pattern of its own; without one a rule must.
    pub destination_pattern: Option<&'static str>,
    /// The only places that are signed; `None` where the whole body is.
    pub signed_fields: Option<&'static [&'static str]>,
    /// Pointer, the text with which an event may ask for a payout, and the one with which it never does.
    pub asks_when: &'static [(&'static str, &'static str, &'static str)],
    /// Where events of different kinds name what they have in common.
    pub same_payment: &'static [Family],
    /// How long it redelivers in all, and the longest pause between two tries.
    pub redelivers_ms: u64,
    pub longest_gap_ms: u64,
    /// For how long a person may have the provider send an event again: Stripe's 30 days, and as much where it says nothing
    /// or "at any time". Whoever sends an older one by hand must know what became of it.
    pub resent_ms: u64,
    pub refuse_for_ms: u64,
    /// After this it hangs up; `None` where it does not say.
    pub answer_within_ms: Option<u64>,
    pub max_body_bytes: usize,
    /// Its redeliveries in words, for `infra/providers.md`.
    pub redelivery: &'static str,
    /// Libraries with which the scheme was checked, both ways where they can sign.
    pub checked_with: &'static [Library],
    pub note: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub enum Signature {
    Scheme(&'static Scheme),
    /// Every item of the body holds its own signature over eight of its fields: see `adyen.rs`.
    Adyen,
}

#[derive(Clone, Copy, Debug)]
pub struct Items {
    pub list: &'static str,
    pub event: Option<&'static str>,
}

/// What names an event, the same at each redelivery.
#[derive(Clone, Copy, Debug)]
pub enum Identity {
    /// The values at these places, joined by `/`; the last ones may be missing when `optional` says so.
    Pointers { needed: &'static [&'static str], optional: &'static [&'static str] },
    /// SHA-256 of the body.
    Body,
    /// The signed id header.
    Message,
}

#[derive(Clone, Copy, Debug)]
pub enum TypeFrom {
    /// The texts at these places, joined by `/`.
    Pointers(&'static [&'static str]),
    /// It stands in a header that is not signed: the configuration's `event_type` says which one this endpoint is for.
    Configured,
}

#[derive(Clone, Copy, Debug)]
pub struct Created {
    pub at: &'static str,
    pub form: TimeForm,
    /// Not every event has it: one without counts as made now.
    pub is_optional: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    Seconds,
    Millis,
    Rfc3339,
}

/// How an event says whether real money moves in it.
#[derive(Clone, Copy, Debug)]
pub enum Live {
    /// `true` or `false`.
    Flag(&'static str),
    /// `live` or `test`.
    Word(&'static str),
    /// It does not; the configuration's `mode` says for which this endpoint is.
    Configured,
}

/// How an amount is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountAs {
    /// A whole number of the currency's smallest unit, by the provider's own table.
    Minor,
    /// The same as a text of digits, as in metadata.
    MinorText,
    /// `"10.50"`, or such a number.
    Decimal,
}

/// A published library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Library {
    pub registry: &'static str,
    pub package: &'static str,
    pub version: &'static str,
}

const fn at(needed: &'static [&'static str]) -> Identity {
    Identity::Pointers { needed, optional: &[] }
}

const NOT_PUBLISHED: &str = "not published; taken as 24 hours";

/// A provider that signs the body, says little else, and redelivers for a day.
const PLAIN: Preset = Preset {
    name: "",
    title: "",
    signature: Signature::Scheme(&scheme::PLAIN),
    secret_form: SecretForm::Text,
    items: None,
    id: at(&["/id"]),
    event_type: TypeFrom::Pointers(&["/type"]),
    created: None,
    live: Live::Configured,
    markers: &[],
    accounts: &[],
    amount: AmountAs::Minor,
    no_amount: None,
    blocks: &[],
    no_blocks: None,
    exponents: &exponents::ISO_4217,
    destination_pattern: None,
    signed_fields: None,
    asks_when: &[],
    same_payment: &[],
    redelivers_ms: 24 * HOUR_MS,
    longest_gap_ms: 12 * HOUR_MS,
    resent_ms: 30 * 24 * HOUR_MS,
    refuse_for_ms: 12 * HOUR_MS,
    answer_within_ms: Some(10_000),
    max_body_bytes: MEBIBYTE,
    redelivery: NOT_PUBLISHED,
    checked_with: &[],
    note: "",
};

/// What a `custom` table does not say.
pub(crate) static CUSTOM: Preset = Preset {
    name: "custom",
    title: "custom",
    no_blocks: Some("the sender's own events"),
    redelivery: "as configured",
    ..PLAIN
};

/// Known schemes that are refused, because anybody could send their events.
pub static REFUSED: &[(&str, &str)] = &[
    (
        "flutterwave_v3",
        "Flutterwave's version 3 sends a fixed text in `verif-hash` and signs nothing: whoever saw one delivery can write \
         the next. Use version 4",
    ),
    (
        "mollie_classic",
        "Mollie's classic webhooks carry an id and no signature: anybody can send one. Use the next-generation webhooks",
    ),
];

impl Preset {
    /// How old an event may be where its rule does not say: as long as it may come again, by itself or sent by hand. An older
    /// one comes from an archive, and nobody knows what became of its payment since.
    pub fn max_age_ms(&self) -> u64 {
        self.redelivers_ms.saturating_add(self.resent_ms)
    }

    pub fn by_name(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|preset| preset.name == name)
    }
}
