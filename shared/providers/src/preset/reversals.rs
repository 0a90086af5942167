//! Events by which a provider says that a payment was given back, cancelled or disputed: their type, and where in them the
//! payment is named that the shipped rules take as payout key. Data for `[[providers.X.blocks]]`.

use crate::blocks::Blocking;

/// <https://docs.stripe.com/api/events/types>, <https://docs.stripe.com/api/disputes/object>
pub(super) const STRIPE: &[Blocking] = &[
    Blocking { event: "charge.refunded", payment: "/data/object/payment_intent" },
    Blocking { event: "charge.dispute.created", payment: "/data/object/payment_intent" },
];

/// <https://docs.adyen.com/development-resources/webhooks/webhook-types>
pub(super) const ADYEN: &[Blocking] = &[
    Blocking { event: "REFUND", payment: "/originalReference" },
    Blocking { event: "CANCELLATION", payment: "/originalReference" },
    Blocking { event: "CANCEL_OR_REFUND", payment: "/originalReference" },
    Blocking { event: "TECHNICAL_CANCEL", payment: "/originalReference" },
    Blocking { event: "NOTIFICATION_OF_CHARGEBACK", payment: "/originalReference" },
    Blocking { event: "CHARGEBACK", payment: "/originalReference" },
];

/// <https://developer.squareup.com/reference/square/webhooks/refund.created>
pub(super) const SQUARE: &[Blocking] = &[
    Blocking { event: "refund.created", payment: "/data/object/refund/payment_id" },
    Blocking { event: "dispute.created", payment: "/data/object/dispute/disputed_payment/payment_id" },
];

/// <https://developer.gocardless.com/api-reference/#events-payment-actions>
pub(super) const GOCARDLESS: &[Blocking] = &[
    Blocking { event: "payments/failed", payment: "/links/payment" },
    Blocking { event: "payments/cancelled", payment: "/links/payment" },
    Blocking { event: "payments/charged_back", payment: "/links/payment" },
    Blocking { event: "payments/late_failure_settled", payment: "/links/payment" },
];

/// <https://www.checkout.com/docs/developer-resources/webhooks/webhook-event-types>
pub(super) const CHECKOUT: &[Blocking] = &[
    Blocking { event: "payment_refunded", payment: "/data/id" },
    Blocking { event: "dispute_received", payment: "/data/payment_id" },
];

/// <https://razorpay.com/docs/webhooks/refunds>, <https://razorpay.com/docs/webhooks/disputes>
pub(super) const RAZORPAY: &[Blocking] = &[
    Blocking { event: "refund.created", payment: "/payload/refund/entity/payment_id" },
    Blocking { event: "refund.processed", payment: "/payload/refund/entity/payment_id" },
    Blocking { event: "payment.dispute.created", payment: "/payload/dispute/entity/payment_id" },
];

/// <https://paystack.com/docs/payments/webhooks/>
pub(super) const PAYSTACK: &[Blocking] = &[
    Blocking { event: "refund.pending", payment: "/data/transaction_reference" },
    Blocking { event: "refund.processed", payment: "/data/transaction_reference" },
    Blocking { event: "charge.dispute.create", payment: "/data/transaction/reference" },
];
