//! Several events tell of one payment, each about an object of its own: a payment intent, its charge, the invoice that it
//! pays. Rules that take their keys from different ones pay the same payment once for each. Here stands, for each preset,
//! where the events of a family name what they have in common, so that `check` can say what to write instead.

use crate::config::{ProviderConfig, Rule};
use crate::preset::Preset;
use payonce_protocol::config::ConfigError;

/// Events whose types begin alike, and which tell of one kind of object.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What their types begin with; the longest counts.
    pub events: &'static str,
    /// Where each names the payment that the other families name, too; none where it does not.
    pub payment: &'static [&'static str],
    /// What to know, or to do instead.
    pub advice: &'static str,
}

pub(crate) const fn family(events: &'static str, payment: &'static [&'static str]) -> Family {
    Family { events, payment, advice: "" }
}

/// The payment intent, <https://docs.stripe.com/api/events/types>. Since API version 2025-03-31 an invoice does not name it
/// (<https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices>); the
/// `invoice_payment` between the two does.
pub(crate) const STRIPE: &[Family] = &[
    family("payment_intent.", &["/data/object/id"]),
    family("charge.", &["/data/object/payment_intent"]),
    family("refund.", &["/data/object/payment_intent"]),
    family("checkout.session.", &["/data/object/payment_intent"]),
    family("invoice_payment.", &["/data/object/payment/payment_intent"]),
    Family {
        events: "invoice.",
        payment: &["/data/object/payment_intent"],
        advice: "since API version 2025-03-31 an invoice does not name it: there, pay on invoice_payment.paid with \
                 /data/object/payment/payment_intent",
    },
];

/// A modification names the payment that it is about: <https://docs.adyen.com/development-resources/webhooks/webhook-types>.
pub(crate) const ADYEN: &[Family] = &[
    family("AUTHORISATION", &["/pspReference"]),
    family("AUTHORISATION_ADJUSTMENT", &["/originalReference"]),
    family("CAPTURE", &["/originalReference"]),
    family("CANCEL", &["/originalReference"]),
    family("REFUND", &["/originalReference"]),
    family("CHARGEBACK", &["/originalReference"]),
];

/// A transaction names its transfer:
/// <https://docs.adyen.com/api-explorer/transaction-webhooks/4/post/balancePlatform.transaction.created>.
pub(crate) const ADYEN_BALANCE_PLATFORM: &[Family] = &[
    family("balancePlatform.transfer.", &["/data/id"]),
    family("balancePlatform.transaction.", &["/data/transfer/id"]),
];

/// The order is what payment and invoice have in common: <https://developer.squareup.com/reference/square/webhooks>. Its own
/// events name it in an object that is called after each.
pub(crate) const SQUARE: &[Family] = &[
    family("payment.", &["/data/object/payment/order_id"]),
    family("invoice.", &["/data/object/invoice/order_id"]),
    family("order.created", &["/data/object/order_created/order_id"]),
    family("order.updated", &["/data/object/order_updated/order_id"]),
    family("order.fulfillment.updated", &["/data/object/order_fulfillment_updated/order_id"]),
];

/// A billing request that is paid at once names its payment; a refund's events name the refund alone:
/// <https://developer.gocardless.com/api-reference/#core-endpoints-events>.
pub(crate) const GOCARDLESS: &[Family] =
    &[family("payments/", &["/links/payment"]), family("billing_requests/", &["/links/payment_request_payment"])];

/// <https://www.checkout.com/docs/developer-resources/event-notifications/event-types>.
pub(crate) const CHECKOUT: &[Family] = &[family("payment_", &["/data/id"]), family("dispute_", &["/data/payment_id"])];

/// What was paid, be it an order, an invoice or a link, comes with its payment: <https://razorpay.com/docs/webhooks/payloads/>.
pub(crate) const RAZORPAY: &[Family] = &[
    family("payment.", &["/payload/payment/entity/id"]),
    family("payment.dispute.", &["/payload/dispute/entity/payment_id", "/payload/payment/entity/id"]),
    family("order.", &["/payload/payment/entity/id"]),
    family("invoice.", &["/payload/payment/entity/id"]),
    family("payment_link.", &["/payload/payment/entity/id"]),
    family("qr_code.", &["/payload/payment/entity/id"]),
    family("virtual_account.", &["/payload/payment/entity/id"]),
    family("subscription.", &["/payload/payment/entity/id"]),
    family("refund.", &["/payload/refund/entity/payment_id", "/payload/payment/entity/id"]),
];

/// The transaction's reference: <https://paystack.com/docs/payments/webhooks/#types-of-events>.
pub(crate) const PAYSTACK: &[Family] = &[
    family("charge.", &["/data/reference"]),
    family("charge.dispute.", &["/data/transaction/reference"]),
    family("invoice.", &["/data/transaction/reference"]),
    family("refund.", &["/data/transaction_reference"]),
];

/// A capture, a refund and a chargeback name their payment (<https://docs.mollie.com/reference/captures-api-webhooks>,
/// <https://docs.mollie.com/reference/refunds-api-webhooks>); a link and an invoice do not.
pub(crate) const MOLLIE: &[Family] = &[
    family("payment.", &["/entityId"]),
    family("capture.", &["/_embedded/entity/paymentId"]),
    family("refund.", &["/_embedded/entity/paymentId"]),
    family("chargeback.", &["/_embedded/entity/paymentId"]),
    Family { events: "payment-link.", payment: &[], advice: "a link names no payment: keep one of the rules" },
    Family { events: "sales-invoice.", payment: &[], advice: "an invoice names no payment: keep one of the rules" },
];

/// The order: <https://shopify.dev/docs/api/webhooks>.
pub(crate) const SHOPIFY: &[Family] = &[
    family("orders/", &["/id"]),
    family("order_transactions/", &["/order_id"]),
    family("draft_orders/", &["/order_id"]),
    family("fulfillments/", &["/order_id"]),
    family("refunds/", &["/order_id"]),
];

/// What a rule's key names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named<'a> {
    /// What all families of the preset name.
    Payment,
    /// An object of this family's own, by these pointers.
    Own { family: &'static str, key: &'a [String] },
    /// Nothing is known of the event; these are its pointers.
    Somewhere { key: &'a [String] },
    /// An event that has nothing to do with a payment of the preset's, as far as is known.
    Elsewhere,
}

struct Placed<'a> {
    path: String,
    rule: &'a Rule,
    family: Option<&'static Family>,
    named: Named<'a>,
}

fn placed<'a>(path: String, rule: &'a Rule, families: &'static [Family]) -> Placed<'a> {
    let (family, named) = named(&rule.event, rule.key.as_slice(), families);
    Placed { path, rule, family, named }
}

fn named<'a>(event: &str, key: &'a [String], families: &'static [Family]) -> (Option<&'static Family>, Named<'a>) {
    let of_type = families.iter().filter(|family| event.starts_with(family.events));
    let family = of_type.max_by_key(|family| family.events.len());
    let named = match family {
        Some(family) if key.iter().any(|pointer| family.payment.contains(&pointer.as_str())) => Named::Payment,
        Some(family) => Named::Own { family: family.events, key },
        None if families.is_empty() => Named::Somewhere { key },
        None => Named::Elsewhere,
    };
    (family, named)
}

/// Whether the keys of two events, given by type and pointers, can be one, as far as is known of the scheme.
pub(crate) fn may_be_one(scheme: &str, one: (&str, &[String]), other: (&str, &[String])) -> bool {
    let families = Preset::by_name(scheme).map_or(&[][..], |preset| preset.same_payment);
    let says = |(event, key)| match named(event, key, families).1 {
        Named::Elsewhere | Named::Somewhere { .. } => None,
        known => Some(known),
    };
    let differ = says(one).zip(says(other)).is_some_and(|(one, other)| one != other);
    one.1.len() == other.1.len() && !differ
}

impl Placed<'_> {
    fn may_pay_twice_with(&self, other: &Self) -> bool {
        let unknown = |placed: &Self| placed.named == Named::Elsewhere;
        self.named != other.named && !unknown(self) && !unknown(other)
    }

    fn advice(&self, other: &Self) -> String {
        let twice = format!(
            "names another object than the key of {} ({}): a payment of which both tell is paid twice",
            other.path, other.rule.event
        );
        let answer = match self.family {
            Some(Family { payment: [at, ..], advice: "", .. }) => format!("write key = \"{at}\""),
            Some(Family { payment: [at, ..], advice, .. }) => format!("write key = \"{at}\"; {advice}"),
            Some(Family { advice, .. }) => (*advice).to_owned(),
            None => "take both keys from what names the payment, or keep one of the rules".to_owned(),
        };
        format!("{twice}. In both, name the payment itself: {answer}")
    }
}

/// Of the tables of each scheme, the rules whose keys name different objects of one provider.
pub fn split_payments<'a>(tables: impl IntoIterator<Item = (&'a str, &'a ProviderConfig)>) -> Vec<ConfigError> {
    let tables: Vec<(&str, &ProviderConfig)> = tables.into_iter().collect();
    let mut found = vec![];
    let mut schemes: Vec<&str> = tables.iter().map(|(_, config)| config.scheme.as_str()).collect();
    schemes.sort_unstable();
    schemes.dedup();
    for scheme in schemes {
        let families = Preset::by_name(scheme).map_or(&[][..], |preset| preset.same_payment);
        let of_scheme = tables.iter().filter(|(_, config)| config.scheme == scheme);
        let rules: Vec<Placed<'_>> = of_scheme
            .flat_map(|(name, config)| {
                let path = move |index| format!("providers.{name}.payouts[{index}]");
                config.payouts.iter().enumerate().map(move |(index, rule)| placed(path(index), rule, families))
            })
            .collect();
        for rule in rules.iter().filter(|rule| rule.named != Named::Payment) {
            if let Some(other) = rules.iter().find(|other| rule.may_pay_twice_with(other)) {
                found.push(ConfigError::new("key", rule.advice(other)).below(&rule.path));
            }
        }
    }
    found
}
