//! What is known of one provider, as data: its signature scheme, where its events keep their facts, in which unit it
//! counts money, and how long it comes back after a refusal.

use payonce_protocol::exponents::{self, Table};

use crate::scheme::{self, Scheme};

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug)]
pub struct Preset {
    pub name: &'static str,
    pub scheme: &'static Scheme,
    /// Pointers into one event.
    pub id: &'static str,
    pub event_type: &'static str,
    /// The time of the event in seconds, out of signed bytes.
    pub created_s: &'static str,
    /// `true` for real money.
    pub live: &'static str,
    /// There when the event is about somebody else's account, connected to ours.
    pub account: &'static str,
    pub exponents: &'static Table,
    /// Stands when a rule gives no pattern of its own.
    pub destination_pattern: &'static str,
    /// How long it redelivers in all, and the longest pause between two tries.
    pub redelivers_ms: u64,
    pub longest_gap_ms: u64,
    pub refuse_for_ms: u64,
    /// After this it hangs up; `None` where it does not say.
    pub answer_within_ms: Option<u64>,
    pub max_body_bytes: usize,
}

/// Stripe's snapshot events (`object: "event"`), <https://docs.stripe.com/api/events/object>. It redelivers live events
/// for up to three days with growing pauses (<https://docs.stripe.com/webhooks#retries>), test events a few times in a
/// few hours; it publishes neither the pauses nor when it hangs up, so a day is taken for the longest pause.
pub static STRIPE: Preset = Preset {
    name: "stripe",
    scheme: &scheme::STRIPE,
    id: "/id",
    event_type: "/type",
    created_s: "/created",
    live: "/livemode",
    account: "/account",
    exponents: &exponents::STRIPE,
    destination_pattern: "^acct_[A-Za-z0-9]+$",
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 48 * HOUR_MS,
    answer_within_ms: None,
    max_body_bytes: 1 << 20,
};

pub static ALL: &[&Preset] = &[&STRIPE];
