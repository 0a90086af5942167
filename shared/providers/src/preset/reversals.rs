//! Events by which a provider says that a payment was given back, cancelled or disputed: their type, and where in them
//! the payment is named that the shipped rules take as payout key. Data for `[[providers.X.blocks]]`.
//!
//! A pointer that is wrong bars nothing and says nothing, so each list names the page that it is from, and
//! `tests/suite/reversals.rs` holds a body in that page's form. What only follows one of these is left out where the
//! first surely comes. Several events of one refund or dispute share a case where all of them name it.

use crate::blocks::Blocking;

pub(super) const fn at(event: &'static str, payment: &'static str) -> Blocking {
    Blocking { event, payment, when: None, subject: None }
}

/// One of several events of one refund or dispute, which this place names.
pub(super) const fn of(subject: &'static str, event: &'static str, payment: &'static str) -> Blocking {
    Blocking { event, payment, when: None, subject: Some(subject) }
}

/// Only where this place holds this value, as TOML writes it.
pub(super) const fn at_when(
    event: &'static str,
    payment: &'static str,
    place: &'static str,
    value: &'static str,
) -> Blocking {
    Blocking { event, payment, when: Some((place, value)), subject: None }
}

/// A charge and a dispute name their PaymentIntent: <https://docs.stripe.com/api/events/types>,
/// <https://docs.stripe.com/api/charges/object>, <https://docs.stripe.com/api/disputes/object>.
pub(super) const STRIPE: &[Blocking] = &[
    at("charge.refunded", "/data/object/payment_intent"),
    at("charge.dispute.created", "/data/object/payment_intent"),
];

/// A modification and a dispute name the payment in `originalReference`, which is signed, and their `success` is `true`: the
/// examples in <https://github.com/Adyen/adyen-openapi/blob/main/json/Webhooks-v1.json>. Modifications and a capture that
/// failed: <https://docs.adyen.com/development-resources/webhooks/webhook-types>. Disputes, of which a fraud alert and a
/// request for information are the forerunners:
/// <https://docs.adyen.com/risk-management/disputes-api/dispute-notifications/>: all events of a dispute have its
/// `pspReference`. Not `EXPIRE`, whose example names no
/// original: pay on `CAPTURE` where authorisations may expire.
pub(super) const ADYEN: &[Blocking] = &[
    at("REFUND", "/originalReference"),
    at("CANCELLATION", "/originalReference"),
    at("CANCEL_OR_REFUND", "/originalReference"),
    at("TECHNICAL_CANCEL", "/originalReference"),
    at("CAPTURE_FAILED", "/originalReference"),
    of("/pspReference", "NOTIFICATION_OF_FRAUD", "/originalReference"),
    of("/pspReference", "REQUEST_FOR_INFORMATION", "/originalReference"),
    of("/pspReference", "NOTIFICATION_OF_CHARGEBACK", "/originalReference"),
    of("/pspReference", "DISPUTE_OPENED_WITH_CHARGEBACK", "/originalReference"),
    of("/pspReference", "CHARGEBACK", "/originalReference"),
];

/// <https://developer.squareup.com/reference/square/webhooks/refund.created>,
/// <https://developer.squareup.com/reference/square/webhooks/dispute.created>
pub(super) const SQUARE: &[Blocking] = &[
    at("refund.created", "/data/object/refund/payment_id"),
    at("dispute.created", "/data/object/dispute/disputed_payment/payment_id"),
];

/// <https://developer.gocardless.com/api-reference/#events-payment-actions>. A payment may fail after it was confirmed,
/// when the bank says so late, and one that failed may be tried again and be confirmed then: `will_attempt_retry` says
/// whether GoCardless itself will (<https://developer.gocardless.com/introduction/success-plus>). While it will,
/// nothing is lost: the last failure says `false`. The events of refunds name the refund alone.
pub(super) const GOCARDLESS: &[Blocking] = &[
    at_when("payments/failed", "/links/payment", "/details/will_attempt_retry", "false"),
    at("payments/cancelled", "/links/payment"),
    at("payments/customer_approval_denied", "/links/payment"),
    at("payments/charged_back", "/links/payment"),
    at("payments/late_failure_settled", "/links/payment"),
];

/// <https://www.checkout.com/docs/developer-resources/event-notifications/event-types>, and there `/payment_refunded`,
/// `/payment_returned`, `/payment_voided`, `/payment_canceled`, `/dispute_received` and `/dispute_evidence_required`: a
/// dispute's `data.id` is its own, in all of its events, and its payment is `data.payment_id`.
pub(super) const CHECKOUT: &[Blocking] = &[
    at("payment_refunded", "/data/id"),
    at("payment_returned", "/data/id"),
    at("payment_voided", "/data/id"),
    at("payment_canceled", "/data/id"),
    of("/data/id", "dispute_received", "/data/payment_id"),
    of("/data/id", "dispute_evidence_required", "/data/payment_id"),
];

/// <https://razorpay.com/docs/webhooks/refunds>, <https://razorpay.com/docs/webhooks/disputes>
pub(super) const RAZORPAY: &[Blocking] = &[
    of("/payload/refund/entity/id", "refund.created", "/payload/refund/entity/payment_id"),
    of("/payload/refund/entity/id", "refund.processed", "/payload/refund/entity/payment_id"),
    at("payment.dispute.created", "/payload/dispute/entity/payment_id"),
];

/// <https://paystack.com/docs/payments/webhooks/>. A refund that is pending has no reference of its own yet, so its two
/// events have nothing in common but the payment, which may be refunded in parts.
pub(super) const PAYSTACK: &[Blocking] = &[
    at("refund.pending", "/data/transaction_reference"),
    at("refund.processed", "/data/transaction_reference"),
    at("charge.dispute.create", "/data/transaction/reference"),
];

/// <https://developer.flutterwave.com/reference/refund_completed_webhook>: its `data` is the refund, which names its
/// charge as <https://developer.flutterwave.com/reference/refunds_get> shows it. What the event of a chargeback holds
/// is not published.
pub(super) const FLUTTERWAVE: &[Blocking] = &[at("refund.completed", "/data/charge_id")];

/// <https://docs.mollie.com/reference/refunds-api-webhooks>: a refund begins queued or pending.
/// <https://docs.mollie.com/reference/chargebacks-api-webhooks>. Only the full payload holds the payment's id; a simple
/// one names the refund alone, and is a case. A payment link is named by neither, so the shipped rule pays on
/// `payment.paid`.
pub(super) const MOLLIE: &[Blocking] = &[
    of("/_embedded/entity/id", "refund.queued", "/_embedded/entity/paymentId"),
    of("/_embedded/entity/id", "refund.pending", "/_embedded/entity/paymentId"),
    of("/_embedded/entity/id", "refund.refunded", "/_embedded/entity/paymentId"),
    at("chargeback.received", "/_embedded/entity/paymentId"),
];

/// Each is a topic, so an endpoint and a table of its own, whose `namespace` is that of the table that pays:
/// <https://shopify.dev/docs/api/webhooks>, <https://shopify.dev/docs/api/admin-rest/latest/resources/refund>.
pub(super) const SHOPIFY: &[Blocking] = &[at("refunds/create", "/order_id"), at("orders/cancelled", "/id")];

/// An incoming payment that was returned: <https://docs.moderntreasury.com/reference/incoming-payment-details>. Other
/// objects have events of this name, too.
pub(super) const MODERN_TREASURY: &[Blocking] =
    &[at_when("returned", "/data/id", "/data/object", "\"incoming_payment_detail\"")];
