//! The providers themselves: where each keeps what, how long it comes back, and the pages that say so.

use super::{
    AmountAs, Created, HOUR_MS, Identity, Items, Library, Live, MEBIBYTE, PLAIN, Preset, Signature, TimeForm, TypeFrom,
    at, reversals,
};
use crate::adyen;
use crate::marker::Marker;
use crate::same_payment;
use crate::scheme::{self, Algorithm, Container, Encoding, KeyDecoding, Piece, Scheme};
use crate::secret_form::SecretForm;
use crate::units;

const fn time(at: &'static str, form: TimeForm) -> Option<Created> {
    Some(Created { at, form, is_optional: false })
}

const fn time_if_there(at: &'static str, form: TimeForm) -> Option<Created> {
    Some(Created { at, form, is_optional: true })
}

const fn npm(package: &'static str, version: &'static str) -> Library {
    Library { registry: "npm", package, version }
}

const fn pypi(package: &'static str, version: &'static str) -> Library {
    Library { registry: "PyPI", package, version }
}

/// <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>: 32 bytes in hex, as its Customer Area
/// generates them.
const ADYEN_KEY: SecretForm = SecretForm::Hex { digits: Some(64) };

/// Stripe's snapshot events (`object: "event"`), <https://docs.stripe.com/api/events/object>. `account` stands in events of
/// Connect, `context` in those of an organisation's accounts, too
/// (<https://docs.stripe.com/changelog/basil/2025-04-30/additional-context-organization-events>). It redelivers live events
/// for up to three days with growing pauses (<https://docs.stripe.com/webhooks#retries>), test events a few times in a
/// few hours; it publishes neither the pauses nor when it hangs up, so a day is taken for the longest pause.
pub static STRIPE: Preset = Preset {
    name: "stripe",
    title: "Stripe",
    signature: Signature::Scheme(&scheme::STRIPE),
    same_payment: same_payment::STRIPE,
    created: time("/created", TimeForm::Seconds),
    secret_form: SecretForm::Begins("whsec_"),
    live: Live::Flag("/livemode"),
    markers: &[Marker::live("/data/object/livemode")],
    accounts: &["/account", "/context"],
    exponents: &units::STRIPE,
    destination_pattern: Some("^acct_[A-Za-z0-9]+$"),
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 48 * HOUR_MS,
    answer_within_ms: None,
    redelivery: "live: up to 3 days, pauses not published; by hand for 15 to 30 days",
    checked_with: &[npm("stripe", "23.1.0"), pypi("stripe", "16.1.0")],
    blocks: reversals::STRIPE,
    ..PLAIN
};

/// The specification's example schedule ends after some 75 hours.
static STANDARD_WEBHOOKS: Preset = Preset {
    name: "standard_webhooks",
    title: "Standard Webhooks",
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
    no_blocks: Some("the sender's own events"),
    ..PLAIN
};

static SVIX: Preset = Preset {
    name: "svix",
    title: "Svix",
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
    title: "Adyen (payments)",
    signature: Signature::Adyen,
    same_payment: same_payment::ADYEN,
    secret_form: ADYEN_KEY,
    items: Some(Items { list: "/notificationItems", event: Some("/NotificationRequestItem") }),
    id: Identity::Pointers { needed: &["/eventCode", "/pspReference", "/success"], optional: &["/originalReference"] },
    event_type: TypeFrom::Pointers(&["/eventCode"]),
    exponents: &units::ADYEN,
    signed_fields: Some(&adyen::FIELDS),
    asks_when: &[("/success", "true", "false")],
    redelivers_ms: 30 * 24 * HOUR_MS,
    longest_gap_ms: 8 * HOUR_MS,
    refuse_for_ms: 29 * 24 * HOUR_MS,
    redelivery: "3 tries within a minute, then a queue for up to 30 days, in the end every 8 hours; in order",
    checked_with: &[npm("@adyen/api-library", "32.1.0"), pypi("Adyen", "16.0.0")],
    note: "eight signed fields; only they can feed a payout, and `success` must be `true`",
    blocks: reversals::ADYEN,
    ..PLAIN
};

static ADYEN_BALANCE_PLATFORM: Preset = Preset {
    name: "adyen_balance_platform",
    title: "Adyen (balance platform)",
    // <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>, of the balance platform: the body, not
    // eight of its fields.
    signature: Signature::Scheme(&Scheme {
        header: "hmacsignature",
        key: KeyDecoding::Hex,
        encoding: Encoding::Base64,
        ..scheme::PLAIN
    }),
    same_payment: same_payment::ADYEN_BALANCE_PLATFORM,
    secret_form: ADYEN_KEY,
    id: Identity::Pointers { needed: &["/type", "/data/id"], optional: &["/data/sequenceNumber"] },
    created: time("/timestamp", TimeForm::Rfc3339),
    live: Live::Word("/environment"),
    exponents: &units::ADYEN,
    redelivers_ms: 30 * 24 * HOUR_MS,
    longest_gap_ms: 8 * HOUR_MS,
    refuse_for_ms: 29 * 24 * HOUR_MS,
    redelivery: "as Adyen's payments: up to 30 days",
    checked_with: &[npm("@adyen/api-library", "32.1.0"), pypi("Adyen", "16.0.0")],
    no_blocks: Some("what is given back is a transfer of its own, which does not name the first"),
    ..PLAIN
};

/// A payment's receipt is the sandbox's in the sandbox: <https://developer.squareup.com/reference/square/objects/Payment>.
static SQUARE: Preset = Preset {
    name: "square",
    title: "Square",
    // <https://developer.squareup.com/docs/webhooks/step3validate>
    signature: Signature::Scheme(&Scheme {
        header: "x-square-hmacsha256-signature",
        encoding: Encoding::Base64,
        signed: &[Piece::Url, Piece::Body],
        ..scheme::PLAIN
    }),
    markers: &[Marker::sandbox("/data/object/payment/receipt_url", "squareupsandbox.com/")],
    same_payment: same_payment::SQUARE,
    id: at(&["/event_id"]),
    created: time("/created_at", TimeForm::Rfc3339),
    redelivery: "up to 24 hours, then dropped",
    checked_with: &[npm("square", "46.0.0"), pypi("squareup", "46.0.0.20260916")],
    note: "the configured `url` is signed with the body",
    blocks: reversals::SQUARE,
    ..PLAIN
};

static GOCARDLESS: Preset = Preset {
    name: "gocardless",
    title: "GoCardless",
    // <https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks>
    signature: Signature::Scheme(&Scheme { header: "webhook-signature", ..scheme::PLAIN }),
    same_payment: same_payment::GOCARDLESS,
    items: Some(Items { list: "/events", event: None }),
    event_type: TypeFrom::Pointers(&["/resource_type", "/action"]),
    created: time("/created_at", TimeForm::Rfc3339),
    amount: AmountAs::MinorText,
    exponents: &units::GOCARDLESS,
    redelivery: "up to 8 times, pauses partly published; by hand at any time",
    checked_with: &[npm("gocardless-nodejs", "10.1.2"), pypi("gocardless-pro", "3.22.0")],
    note: "up to 250 events in a delivery; the amount must stand in the resource's metadata",
    blocks: reversals::GOCARDLESS,
    ..PLAIN
};

/// An event links to itself where it was made (<https://www.checkout.com/docs/developer-resources/api/api-endpoints>).
static CHECKOUT: Preset = Preset {
    name: "checkout",
    title: "Checkout.com",
    // <https://www.checkout.com/docs/workflows/set-up-your-webhook-receiver>
    signature: Signature::Scheme(&Scheme { header: "cko-signature", ..scheme::PLAIN }),
    markers: &[
        Marker::sandbox("/_links/self/href", ".sandbox.checkout.com/"),
        Marker::sandbox("/data/event_links/payment", ".sandbox.checkout.com/"),
    ],
    same_payment: same_payment::CHECKOUT,
    created: time("/created_on", TimeForm::Rfc3339),
    exponents: &units::CHECKOUT,
    note: "Checkout.com (no library verifies: checked with Node's and Python's own HMAC)",
    blocks: reversals::CHECKOUT,
    ..PLAIN
};

static RAZORPAY: Preset = Preset {
    name: "razorpay",
    title: "Razorpay",
    // <https://razorpay.com/docs/webhooks/validate-test/>
    signature: Signature::Scheme(&Scheme { header: "x-razorpay-signature", ..scheme::PLAIN }),
    same_payment: same_payment::RAZORPAY,
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    created: time("/created_at", TimeForm::Seconds),
    exponents: &units::RAZORPAY,
    answer_within_ms: Some(5_000),
    redelivery: "growing pauses for 24 hours, then the webhook is disabled",
    checked_with: &[npm("razorpay", "2.9.8"), pypi("razorpay", "2.0.1")],
    note: "`x-razorpay-event-id` is not signed; after a rotation redeliveries keep the old secret: list both",
    blocks: reversals::RAZORPAY,
    ..PLAIN
};

/// `data.domain` is `live` or `test`, as a transaction has it: <https://paystack.com/docs/payments/webhooks/>.
static PAYSTACK: Preset = Preset {
    name: "paystack",
    title: "Paystack",
    // <https://paystack.com/docs/payments/webhooks/>
    signature: Signature::Scheme(&Scheme {
        header: "x-paystack-signature",
        algorithm: Algorithm::HmacSha512,
        ..scheme::PLAIN
    }),
    same_payment: same_payment::PAYSTACK,
    markers: &[Marker::word("/data/domain")],
    secret_form: SecretForm::ApiKey,
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    exponents: &units::PAYSTACK,
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: HOUR_MS,
    refuse_for_ms: 64 * HOUR_MS,
    redelivery: "live: 4 times every 3 minutes, then hourly for 72 hours; test: hourly for 10 hours",
    checked_with: &[pypi("pypaystack2", "3.4.0")],
    note: "HMAC-SHA512 with the API's secret key; the library is the community's",
    blocks: reversals::PAYSTACK,
    // When the charge was paid; other events have no time of their own.
    created: time_if_there("/data/paid_at", TimeForm::Rfc3339),
    ..PLAIN
};

static FLUTTERWAVE: Preset = Preset {
    name: "flutterwave",
    title: "Flutterwave",
    // Version 4, <https://developer.flutterwave.com/docs/webhooks>
    signature: Signature::Scheme(&Scheme {
        header: "flutterwave-signature",
        encoding: Encoding::Base64,
        ..scheme::PLAIN
    }),
    id: Identity::Body,
    amount: AmountAs::Decimal,
    note: "version 4 (no library verifies: checked with Node's and Python's own HMAC)",
    created: time_if_there("/timestamp", TimeForm::Millis),
    blocks: reversals::FLUTTERWAVE,
    ..PLAIN
};

/// Every resource of Mollie's has a `mode`, `live` or `test`, the event's entity among them:
/// <https://docs.mollie.com/reference/webhooks-new>.
static MOLLIE: Preset = Preset {
    name: "mollie",
    title: "Mollie",
    // Next-generation webhooks, <https://docs.mollie.com/reference/webhooks-new>. During a rotation there are several values.
    signature: Signature::Scheme(&Scheme {
        header: "x-mollie-signature",
        prefix: "sha256=",
        prefix_optional: true,
        container: Container::CommaList,
        ..scheme::PLAIN
    }),
    same_payment: same_payment::MOLLIE,
    markers: &[Marker::word("/mode"), Marker::word("/_embedded/entity/mode")],
    created: time("/createdAt", TimeForm::Rfc3339),
    amount: AmountAs::Decimal,
    checked_with: &[npm("mollie-api-typescript", "1.12.28"), pypi("mollie-api-py", "1.10.20")],
    note: "next-generation webhooks",
    blocks: reversals::MOLLIE,
    ..PLAIN
};

/// Orders and transactions bear `test` (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>): a trial of the
/// bogus gateway, which a live shop may have, too.
static SHOPIFY: Preset = Preset {
    name: "shopify",
    title: "Shopify",
    // <https://shopify.dev/docs/apps/build/webhooks/subscribe/https#step-2-validate-the-origin-of-your-webhook-to-ensure-its-coming-from-shopify>
    signature: Signature::Scheme(&Scheme {
        header: "x-shopify-hmac-sha256",
        encoding: Encoding::Base64,
        ..scheme::PLAIN
    }),
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
    blocks: reversals::SHOPIFY,
    ..PLAIN
};

/// Every resource has `live_mode`: <https://docs.moderntreasury.com/platform/reference/incoming-payment-detail-object>.
static MODERN_TREASURY: Preset = Preset {
    name: "modern_treasury",
    title: "Modern Treasury",
    // <https://docs.moderntreasury.com/platform/reference/webhook-signature-verification>
    signature: Signature::Scheme(&Scheme { header: "x-signature", ..scheme::PLAIN }),
    markers: &[Marker::live("/data/live_mode")],
    id: Identity::Body,
    event_type: TypeFrom::Pointers(&["/event"]),
    answer_within_ms: Some(5_000),
    redelivery: "growing pauses, their end not published; taken as 24 hours",
    checked_with: &[npm("modern-treasury", "3.3.0"), pypi("modern-treasury", "1.80.0")],
    note: "its id stands in a header that is not signed",
    // The object's last change, which the event is about.
    created: time_if_there("/data/updated_at", TimeForm::Rfc3339),
    blocks: reversals::MODERN_TREASURY,
    ..PLAIN
};

static DWOLLA: Preset = Preset {
    name: "dwolla",
    title: "Dwolla",
    // <https://developers.dwolla.com/docs/connect/webhooks/process-validate>
    signature: Signature::Scheme(&Scheme { header: "x-request-signature-sha-256", ..scheme::PLAIN }),
    event_type: TypeFrom::Pointers(&["/topic"]),
    created: time("/timestamp", TimeForm::Rfc3339),
    no_amount: Some("Dwolla's events carry links and no amount: nothing that was signed says what to pay"),
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: 24 * HOUR_MS,
    refuse_for_ms: 40 * HOUR_MS,
    redelivery: "8 times in 72 hours, the last two pauses 24 hours; by hand at any time",
    note: "carries no amount: rules are refused (no library verifies: checked with Node's and Python's own HMAC)",
    no_blocks: Some("nothing is paid by it"),
    ..PLAIN
};

static COINBASE_COMMERCE: Preset = Preset {
    name: "coinbase_commerce",
    title: "Coinbase Commerce",
    // <https://docs.cdp.coinbase.com/commerce/docs/webhooks-security>
    signature: Signature::Scheme(&Scheme { header: "x-cc-webhook-signature", ..scheme::PLAIN }),
    id: at(&["/event/id"]),
    event_type: TypeFrom::Pointers(&["/event/type"]),
    created: time("/event/created_at", TimeForm::Rfc3339),
    amount: AmountAs::Decimal,
    redelivers_ms: 72 * HOUR_MS,
    longest_gap_ms: HOUR_MS,
    refuse_for_ms: 64 * HOUR_MS,
    redelivery: "growing pauses of at most an hour, for 3 days",
    checked_with: &[npm("coinbase-commerce-node", "1.0.4"), pypi("coinbase-commerce", "1.0.1")],
    no_blocks: Some("a confirmed charge is final, and what a merchant sends back is no event"),
    ..PLAIN
};

static GITHUB: Preset = Preset {
    name: "github",
    title: "GitHub",
    // <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
    signature: Signature::Scheme(&Scheme { header: "x-hub-signature-256", prefix: "sha256=", ..scheme::PLAIN }),
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
    no_blocks: Some("its events have no payments"),
    ..PLAIN
};

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
