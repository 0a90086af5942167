//! What is known of one provider, as data: its signature scheme, where its events keep their facts, in which unit it
//! counts money, and how long it comes back after a refusal.
//!
//! Identity comes from signed bytes alone: where a provider names its event only in a header that it does not sign, the
//! body's own hash is the event's name, because a header can be replaced by whoever replays the body. Redelivery windows
//! and time limits are the providers' own words where [`Preset::redelivery`] says so.

use payonce_protocol::exponents::{self, Table};
use serde::Deserialize;

use crate::blocks::Blocking;
use crate::marker::Marker;
use crate::same_payment::{self, Family};
use crate::scheme::{self, Scheme};
use crate::secret_form::SecretForm;

const HOUR_MS: u64 = 3_600_000;
const MEBIBYTE: usize = 1 << 20;

#[derive(Clone, Debug)]
pub struct Preset {
    pub name: &'static str,
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
    /// Every item of the body holds its own signature over eight of its fields: [`crate::adyen`].
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

const fn at(needed: &'static [&'static str]) -> Identity {
    Identity::Pointers { needed, optional: &[] }
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

const fn time(at: &'static str, form: TimeForm) -> Option<Created> {
    Some(Created { at, form, is_optional: false })
}

const fn time_if_there(at: &'static str, form: TimeForm) -> Option<Created> {
    Some(Created { at, form, is_optional: true })
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

const fn npm(package: &'static str, version: &'static str) -> Library {
    Library { registry: "npm", package, version }
}

const fn pypi(package: &'static str, version: &'static str) -> Library {
    Library { registry: "PyPI", package, version }
}

const NOT_PUBLISHED: &str = "not published; taken as 24 hours";

/// <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>: 32 bytes in hex, as its Customer Area
/// generates them.
const ADYEN_KEY: SecretForm = SecretForm::Hex { digits: Some(64) };

/// A provider that signs the body, says little else, and redelivers for a day.
const PLAIN: Preset = Preset {
    name: "",
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

/// Stripe's snapshot events (`object: "event"`), <https://docs.stripe.com/api/events/object>. `account` stands in events of
/// Connect, `context` in those of an organisation's accounts, too
/// (<https://docs.stripe.com/changelog/basil/2025-04-30/additional-context-organization-events>). It redelivers live events
/// for up to three days with growing pauses (<https://docs.stripe.com/webhooks#retries>), test events a few times in a
/// few hours; it publishes neither the pauses nor when it hangs up, so a day is taken for the longest pause.
pub static STRIPE: Preset = Preset {
    name: "stripe",
    signature: Signature::Scheme(&scheme::STRIPE),
    same_payment: same_payment::STRIPE,
    created: time("/created", TimeForm::Seconds),
    secret_form: SecretForm::Begins("whsec_"),
    live: Live::Flag("/livemode"),
    markers: &[Marker::live("/data/object/livemode")],
    accounts: &["/account", "/context"],
    exponents: &exponents::STRIPE,
    destination_pattern: Some("^acct_[A-Za-z0-9]+$"),
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 48 * HOUR_MS,
    answer_within_ms: None,
    redelivery: "live: up to 3 days, pauses not published; by hand for 15 to 30 days",
    checked_with: &[npm("stripe", "23.1.0"), pypi("stripe", "16.1.0")],
    blocks: &[
        // <https://docs.stripe.com/api/events/types>, <https://docs.stripe.com/api/disputes/object>
        Blocking { event: "charge.refunded", payment: "/data/object/payment_intent" },
        Blocking { event: "charge.dispute.created", payment: "/data/object/payment_intent" },
    ],
    ..PLAIN
};

/// The specification's example schedule ends after some 75 hours.
static STANDARD_WEBHOOKS: Preset = Preset {
    name: "standard_webhooks",
    signature: Signature::Scheme(&scheme::STANDARD_WEBHOOKS),
    secret_form: SecretForm::Base64 { mark: "whsec_" },
    id: Identity::Message,
    created: time("/timestamp", TimeForm::Rfc3339),
    redelivers_ms: 75 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 48 * HOUR_MS,
    answer_within_ms: Some(15_000),
    redelivery: "the sender's own; the specification's example ends after 75 hours",
    checked_with: &[npm("standardwebhooks", "1.1.1"), pypi("standardwebhooks", "1.1.0")],
    ..PLAIN
};

static SVIX: Preset = Preset {
    name: "svix",
    signature: Signature::Scheme(&scheme::SVIX),
    redelivers_ms: 27 * HOUR_MS,
    longest_gap_ms: 10 * HOUR_MS,
    refuse_for_ms: 16 * HOUR_MS,
    redelivery: "8 attempts in 27.5 hours, the last two pauses 10 hours",
    checked_with: &[npm("svix", "1.99.1"), pypi("svix", "2.9.1")],
    ..STANDARD_WEBHOOKS
};

/// <https://docs.adyen.com/development-resources/webhooks/>. Its `live` and `eventDate` are not signed, and so not read.
static ADYEN: Preset = Preset {
    name: "adyen",
    signature: Signature::Adyen,
    same_payment: same_payment::ADYEN,
    secret_form: ADYEN_KEY,
    items: Some(Items { list: "/notificationItems", event: Some("/NotificationRequestItem") }),
    id: Identity::Pointers { needed: &["/eventCode", "/pspReference", "/success"], optional: &["/originalReference"] },
    event_type: TypeFrom::Pointers(&["/eventCode"]),
    exponents: &exponents::ADYEN,
    signed_fields: Some(&[
        "/pspReference",
        "/originalReference",
        "/merchantAccountCode",
        "/merchantReference",
        "/amount/value",
        "/amount/currency",
        "/eventCode",
        "/success",
    ]),
    asks_when: &[("/success", "true", "false")],
    redelivers_ms: 30 * 24 * HOUR_MS,
    longest_gap_ms: 8 * HOUR_MS,
    refuse_for_ms: 29 * 24 * HOUR_MS,
    redelivery: "3 tries within a minute, then a queue for up to 30 days, in the end every 8 hours; in order",
    checked_with: &[npm("@adyen/api-library", "32.1.0"), pypi("Adyen", "16.0.0")],
    note: "eight signed fields; only they can feed a payout, and `success` must be `true`",
    blocks: &[
        // <https://docs.adyen.com/development-resources/webhooks/webhook-types>
        Blocking { event: "REFUND", payment: "/originalReference" },
        Blocking { event: "CANCELLATION", payment: "/originalReference" },
        Blocking { event: "CANCEL_OR_REFUND", payment: "/originalReference" },
        Blocking { event: "TECHNICAL_CANCEL", payment: "/originalReference" },
        Blocking { event: "NOTIFICATION_OF_CHARGEBACK", payment: "/originalReference" },
        Blocking { event: "CHARGEBACK", payment: "/originalReference" },
    ],
    ..PLAIN
};

static ADYEN_BALANCE_PLATFORM: Preset = Preset {
    name: "adyen_balance_platform",
    signature: Signature::Scheme(&scheme::ADYEN_BALANCE_PLATFORM),
    same_payment: same_payment::ADYEN_BALANCE_PLATFORM,
    secret_form: ADYEN_KEY,
    id: Identity::Pointers { needed: &["/type", "/data/id"], optional: &["/data/sequenceNumber"] },
    created: time("/timestamp", TimeForm::Rfc3339),
    live: Live::Word("/environment"),
    exponents: &exponents::ADYEN,
    redelivers_ms: 30 * 24 * HOUR_MS,
    longest_gap_ms: 8 * HOUR_MS,
    refuse_for_ms: 29 * 24 * HOUR_MS,
    redelivery: "as Adyen's payments: up to 30 days",
    checked_with: &[npm("@adyen/api-library", "32.1.0"), pypi("Adyen", "16.0.0")],
    ..PLAIN
};

/// A payment's receipt is the sandbox's in the sandbox: <https://developer.squareup.com/reference/square/objects/Payment>.
static SQUARE: Preset = Preset {
    name: "square",
    signature: Signature::Scheme(&scheme::SQUARE),
    markers: &[Marker::sandbox("/data/object/payment/receipt_url", "squareupsandbox.com/")],
    same_payment: same_payment::SQUARE,
    id: at(&["/event_id"]),
    created: time("/created_at", TimeForm::Rfc3339),
    redelivery: "up to 24 hours, then dropped",
    checked_with: &[npm("square", "46.0.0"), pypi("squareup", "46.0.0.20260916")],
    note: "the configured `url` is signed with the body",
    blocks: &[
        // <https://developer.squareup.com/reference/square/webhooks/refund.created>
        Blocking { event: "refund.created", payment: "/data/object/refund/payment_id" },
        Blocking { event: "dispute.created", payment: "/data/object/dispute/disputed_payment/payment_id" },
    ],
    ..PLAIN
};

static GOCARDLESS: Preset = Preset {
    name: "gocardless",
    signature: Signature::Scheme(&scheme::GOCARDLESS),
    same_payment: same_payment::GOCARDLESS,
    items: Some(Items { list: "/events", event: None }),
    event_type: TypeFrom::Pointers(&["/resource_type", "/action"]),
    created: time("/created_at", TimeForm::Rfc3339),
    amount: AmountAs::MinorText,
    exponents: &exponents::GOCARDLESS,
    redelivery: "up to 8 times, pauses partly published; by hand at any time",
    checked_with: &[npm("gocardless-nodejs", "10.1.2"), pypi("gocardless-pro", "3.22.0")],
    note: "up to 250 events in a delivery; the amount must stand in the resource's metadata",
    blocks: &[
        // <https://developer.gocardless.com/api-reference/#events-payment-actions>
        Blocking { event: "payments/failed", payment: "/links/payment" },
        Blocking { event: "payments/cancelled", payment: "/links/payment" },
        Blocking { event: "payments/charged_back", payment: "/links/payment" },
        Blocking { event: "payments/late_failure_settled", payment: "/links/payment" },
    ],
    ..PLAIN
};

/// An event links to itself where it was made (<https://www.checkout.com/docs/developer-resources/api/api-endpoints>).
static CHECKOUT: Preset = Preset {
    name: "checkout",
    signature: Signature::Scheme(&scheme::CHECKOUT),
    markers: &[
        Marker::sandbox("/_links/self/href", ".sandbox.checkout.com/"),
        Marker::sandbox("/data/event_links/payment", ".sandbox.checkout.com/"),
    ],
    same_payment: same_payment::CHECKOUT,
    created: time("/created_on", TimeForm::Rfc3339),
    exponents: &exponents::CHECKOUT,
    note: "Checkout.com (no library verifies: checked with Node's and Python's own HMAC)",
    blocks: &[
        // <https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types>
        Blocking { event: "payment_refunded", payment: "/data/id" },
        Blocking { event: "dispute_received", payment: "/data/payment_id" },
    ],
    ..PLAIN
};

static RAZORPAY: Preset = Preset {
    name: "razorpay",
    signature: Signature::Scheme(&scheme::RAZORPAY),
    same_payment: same_payment::RAZORPAY,
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    created: time("/created_at", TimeForm::Seconds),
    exponents: &exponents::RAZORPAY,
    answer_within_ms: Some(5_000),
    redelivery: "growing pauses for 24 hours, then the webhook is disabled",
    checked_with: &[npm("razorpay", "2.9.8"), pypi("razorpay", "2.0.1")],
    note: "`x-razorpay-event-id` is not signed; after a rotation redeliveries keep the old secret: list both",
    blocks: &[
        // <https://razorpay.com/docs/webhooks/refunds>, <https://razorpay.com/docs/webhooks/disputes>
        Blocking { event: "refund.created", payment: "/payload/refund/entity/payment_id" },
        Blocking { event: "refund.processed", payment: "/payload/refund/entity/payment_id" },
        Blocking { event: "payment.dispute.created", payment: "/payload/dispute/entity/payment_id" },
    ],
    ..PLAIN
};

/// `data.domain` is `live` or `test`, as a transaction has it: <https://paystack.com/docs/payments/webhooks/>.
static PAYSTACK: Preset = Preset {
    name: "paystack",
    signature: Signature::Scheme(&scheme::PAYSTACK),
    same_payment: same_payment::PAYSTACK,
    markers: &[Marker::word("/data/domain")],
    secret_form: SecretForm::ApiKey,
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    exponents: &exponents::PAYSTACK,
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: HOUR_MS,
    refuse_for_ms: 64 * HOUR_MS,
    redelivery: "live: 4 times every 3 minutes, then hourly for 72 hours; test: hourly for 10 hours",
    checked_with: &[pypi("pypaystack2", "3.4.0")],
    note: "HMAC-SHA512 with the API's secret key; the library is the community's",
    blocks: &[
        // <https://paystack.com/docs/payments/webhooks/>
        Blocking { event: "refund.pending", payment: "/data/transaction_reference" },
        Blocking { event: "refund.processed", payment: "/data/transaction_reference" },
        Blocking { event: "charge.dispute.create", payment: "/data/transaction/reference" },
    ],
    // When the charge was paid; other events have no time of their own.
    created: time_if_there("/data/paid_at", TimeForm::Rfc3339),
    ..PLAIN
};

static FLUTTERWAVE: Preset = Preset {
    name: "flutterwave",
    signature: Signature::Scheme(&scheme::FLUTTERWAVE),
    id: Identity::Body,
    amount: AmountAs::Decimal,
    note: "version 4 (no library verifies: checked with Node's and Python's own HMAC)",
    created: time_if_there("/timestamp", TimeForm::Millis),
    ..PLAIN
};

/// Every resource of Mollie's has a `mode`, `live` or `test`, the event's entity among them:
/// <https://docs.mollie.com/reference/webhooks-new>.
static MOLLIE: Preset = Preset {
    name: "mollie",
    signature: Signature::Scheme(&scheme::MOLLIE),
    same_payment: same_payment::MOLLIE,
    markers: &[Marker::word("/mode"), Marker::word("/_embedded/entity/mode")],
    created: time("/createdAt", TimeForm::Rfc3339),
    amount: AmountAs::Decimal,
    checked_with: &[npm("mollie-api-typescript", "1.12.28"), pypi("mollie-api-py", "1.10.20")],
    note: "next-generation webhooks",
    ..PLAIN
};

/// Orders and transactions bear `test` (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>): a trial of the
/// bogus gateway, which a live shop may have, too.
static SHOPIFY: Preset = Preset {
    name: "shopify",
    signature: Signature::Scheme(&scheme::SHOPIFY),
    same_payment: same_payment::SHOPIFY,
    markers: &[Marker::test("/test")],
    id: Identity::Body,
    event_type: TypeFrom::Configured,
    // The order's last change, which its payment was; `created_at` is the order's birth, days before for some.
    created: time_if_there("/updated_at", TimeForm::Rfc3339),
    amount: AmountAs::Decimal,
    redelivers_ms: 4 * HOUR_MS,
    longest_gap_ms: 2 * HOUR_MS,
    refuse_for_ms: 2 * HOUR_MS,
    answer_within_ms: Some(5_000),
    redelivery: "8 times in 4 hours; a subscription that fails 8 times in a row is deleted",
    checked_with: &[npm("@shopify/shopify-api", "13.1.0")],
    note: "topic, ids and shop stand in headers that are not signed: one endpoint for each topic",
    ..PLAIN
};

/// Every resource has `live_mode`: <https://docs.moderntreasury.com/platform/reference/incoming-payment-detail-object>.
static MODERN_TREASURY: Preset = Preset {
    name: "modern_treasury",
    signature: Signature::Scheme(&scheme::MODERN_TREASURY),
    markers: &[Marker::live("/data/live_mode")],
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    answer_within_ms: Some(5_000),
    redelivery: "growing pauses, their end not published; taken as 24 hours",
    checked_with: &[npm("modern-treasury", "3.3.0"), pypi("modern-treasury", "1.80.0")],
    note: "its id stands in a header that is not signed",
    // The object's last change, which the event is about.
    created: time_if_there("/data/updated_at", TimeForm::Rfc3339),
    ..PLAIN
};

static DWOLLA: Preset = Preset {
    name: "dwolla",
    signature: Signature::Scheme(&scheme::DWOLLA),
    event_type: TypeFrom::Pointers(&["/topic"]),
    created: time("/timestamp", TimeForm::Rfc3339),
    no_amount: Some("Dwolla's events carry links and no amount: nothing that was signed says what to pay"),
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 40 * HOUR_MS,
    redelivery: "8 times in 72 hours, the last two pauses 24 hours; by hand at any time",
    note: "carries no amount: rules are refused (no library verifies: checked with Node's and Python's own HMAC)",
    ..PLAIN
};

static COINBASE_COMMERCE: Preset = Preset {
    name: "coinbase_commerce",
    signature: Signature::Scheme(&scheme::COINBASE_COMMERCE),
    id: at(&["/event/id"]),
    event_type: TypeFrom::Pointers(&["/event/type"]),
    created: time("/event/created_at", TimeForm::Rfc3339),
    amount: AmountAs::Decimal,
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: HOUR_MS,
    refuse_for_ms: 64 * HOUR_MS,
    redelivery: "growing pauses of at most an hour, for 3 days",
    checked_with: &[npm("coinbase-commerce-node", "1.0.4"), pypi("coinbase-commerce", "1.0.1")],
    ..PLAIN
};

static GITHUB: Preset = Preset {
    name: "github",
    signature: Signature::Scheme(&scheme::GITHUB),
    id: Identity::Body,
    event_type: TypeFrom::Configured,
    redelivers_ms: 0,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 0,
    max_body_bytes: 4 * MEBIBYTE,
    redelivery: "none by itself; by hand",
    checked_with: &[npm("@octokit/webhooks-methods", "6.0.0")],
    note: "delivery id and event stand in headers that are not signed: one endpoint for each event. Nothing is ever \
           refused with 503, as it would not come back",
    ..PLAIN
};

/// What a `custom` table does not say.
pub(crate) static CUSTOM: Preset = Preset { name: "custom", redelivery: "as configured", ..PLAIN };

pub static ALL: &[&Preset] = &[
    &STRIPE,
    &STANDARD_WEBHOOKS,
    &SVIX,
    &ADYEN,
    &ADYEN_BALANCE_PLATFORM,
    &SQUARE,
    &GOCARDLESS,
    &CHECKOUT,
    &RAZORPAY,
    &PAYSTACK,
    &FLUTTERWAVE,
    &MOLLIE,
    &SHOPIFY,
    &MODERN_TREASURY,
    &DWOLLA,
    &COINBASE_COMMERCE,
    &GITHUB,
];

/// Schemes that are known, and refused: what they say is nobody's word.
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
