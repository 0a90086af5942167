//! A blocking event whose pointer is wrong bars nothing, and nobody hears of it. So each one that a preset names is tried with a
//! body in the form of the provider's own documentation (the pages stand in `src/preset/reversals.rs`), against the shipped
//! configuration: its bar must lie on the very key that the paying rule derives.

use std::collections::{BTreeMap, BTreeSet};

use payonce_protocol::order::{Mode, PayoutKey};
use payonce_protocol::outcome::Reason;
use payonce_providers::preset::{self, Preset};
use payonce_providers::{Misfit, NoPayout, Provider, ProviderConfig, RouteContext, Routed, unbarred};
use serde_json::{Value, json};

use crate::damage::parse_with;
use crate::presets::{PAYEE, TEST, sample};
use crate::{T, T_S, TOML, config};

/// The sandbox's tables, each of which is shipped to be copied.
fn shipped() -> BTreeMap<String, ProviderConfig> {
    let text = include_str!("../../../../infra/local/payonce.toml");
    let whole: toml::Table = toml::from_str(text).unwrap();
    whole["providers"].clone().try_into().unwrap()
}

/// By the table of this name, whose secret's form is the scheme's.
fn route(table: &str, body: &Value) -> Routed {
    let config = &shipped()[table];
    let provider = Provider::new(table, config).unwrap();
    provider.route(&parse_with(&provider, sample(&config.scheme).secret, body)[0], &TEST)
}

fn barred(table: &str, body: &Value) -> PayoutKey {
    match route(table, body) {
        Routed::Block(block) => block.key,
        other => panic!("{table}: bars nothing: {other:?}\n{body}"),
    }
}

fn stripe(kind: &str, object: Value) -> Value {
    json!({"id": format!("evt_{kind}"), "object": "event", "created": T_S, "livemode": false, "type": kind,
        "data": {"object": object}})
}

fn adyen(code: &str, psp: &str, original: &str) -> Value {
    json!({"live": "false", "notificationItems": [{"NotificationRequestItem": {
        "additionalData": {}, "amount": {"currency": "EUR", "value": 1130}, "eventCode": code,
        "eventDate": "2023-11-14T22:13:20+01:00", "merchantAccountCode": "Workshop", "merchantReference": PAYEE,
        "originalReference": original, "paymentMethod": "mc", "pspReference": psp, "reason": "", "success": "true"}}]})
}

fn square(kind: &str, id: &str, object: Value) -> Value {
    let what = kind.split('.').next().unwrap();
    json!({"merchant_id": "MWORKSHOP", "type": kind, "event_id": format!("e-{kind}"),
        "created_at": "2023-11-14T22:13:20.4Z", "data": {"type": what, "id": id, "object": {what: object}}})
}

fn gocardless(action: &str, details: Value) -> Value {
    json!({"events": [{"id": format!("EV_{action}"), "created_at": "2023-11-14T22:13:20.123Z",
        "resource_type": "payments", "action": action, "links": {"payment": "PM7"}, "details": details, "metadata": {},
        "resource_metadata": {"payout_pence": "4200", "payee": PAYEE}}]})
}

fn checkout(kind: &str, data: Value) -> Value {
    json!({"id": format!("evt_{kind}"), "type": kind, "version": "1.0.29", "created_on": "2023-11-14T22:13:20Z", "data": data,
        "_links": {"self": {"href": "https://api.sandbox.checkout.com/workflows/events/evt_1"}}})
}

fn razorpay(event: &str, payload: Value) -> Value {
    json!({"entity": "event", "account_id": "acc_workshop", "event": event, "created_at": T_S, "payload": payload})
}

fn paystack(event: &str, data: Value) -> Value {
    json!({"event": event, "data": data})
}

fn flutterwave(kind: &str, data: Value) -> Value {
    json!({"webhook_id": format!("wbk_{kind}"), "timestamp": T, "type": kind, "data": data})
}

fn mollie(kind: &str, id: &str, entity: Value) -> Value {
    json!({"resource": "event", "id": format!("event_{kind}"), "type": kind, "entityId": id,
        "createdAt": "2023-11-14T22:13:20+00:00", "_embedded": {"entity": entity}, "_links": {}})
}

fn modern_treasury(event: &str, object: &str) -> Value {
    json!({"event": event, "data": {"id": "4f1d", "object": object, "live_mode": false, "type": "ach", "status": event,
        "amount": 4200, "currency": "USD", "direction": "credit", "metadata": {"payee": PAYEE},
        "created_at": "2023-11-13T22:13:20Z", "updated_at": "2023-11-14T22:13:20Z"}})
}

fn order(test: bool) -> Value {
    json!({"id": 5_550_001_112_223_u64, "admin_graphql_api_id": "gid://shopify/Order/5550001112223", "name": "#1007",
        "confirmation_number": "W0RKSH0P", "created_at": "2023-11-11T09:00:00-05:00", "cancelled_at": null,
        "updated_at": "2023-11-14T17:13:20-05:00", "currency": "USD", "financial_status": "paid", "total_price": "42.00",
        "test": test, "note_attributes": [{"name": "payee", "value": PAYEE}]})
}

/// The table that pays and a body that it pays for; then the table and the body of each event that takes it back.
type Tried = (&'static str, Value, Vec<(&'static str, Value)>);

fn tried() -> Vec<Tried> {
    let of = |table, bodies: Vec<Value>| bodies.into_iter().map(|body| (table, body)).collect();
    let adyen_disputes = [
        "NOTIFICATION_OF_FRAUD",
        "REQUEST_FOR_INFORMATION",
        "NOTIFICATION_OF_CHARGEBACK",
        "DISPUTE_OPENED_WITH_CHARGEBACK",
        "CHARGEBACK",
    ];
    let adyen_changes = ["REFUND", "CANCELLATION", "CANCEL_OR_REFUND", "TECHNICAL_CANCEL", "CAPTURE_FAILED", "EXPIRE"];
    let of_adyen =
        adyen_changes.iter().chain(&adyen_disputes).map(|code| adyen(code, "OTHER00000000009", "PSP0000000000007"));
    let checkout_payment =
        |kind: &str| checkout(kind, json!({"id": "pay_7", "action_id": "act_9", "amount": 4200, "currency": "GBP"}));
    let checkout_dispute = |kind: &str| {
        checkout(
            kind,
            json!({"id": "dsp_9", "amount": 4200, "currency": "GBP", "payment_id": "pay_7", "payment_action_id": "act_8"}),
        )
    };
    let refund = |status: &str| {
        json!({"resource": "refund", "id": "re_9", "mode": "test", "amount": {"currency": "EUR", "value": "42.00"},
            "status": status, "paymentId": "tr_7", "metadata": null})
    };
    let mut cancelled = order(true);
    cancelled["cancelled_at"] = "2023-11-14T17:13:20-05:00".into();
    vec![
        (
            "stripe",
            stripe(
                "payment_intent.succeeded",
                json!({"id": "pi_7", "object": "payment_intent", "amount_received": 4200, "currency": "eur", "status": "succeeded",
                    "latest_charge": "ch_7", "metadata": {"payee": PAYEE}}),
            ),
            of(
                "stripe",
                vec![
                    stripe(
                        "charge.refunded",
                        json!({"id": "ch_7", "object": "charge", "payment_intent": "pi_7", "refunded": true}),
                    ),
                    stripe(
                        "charge.dispute.created",
                        json!({"id": "dp_9", "object": "dispute", "charge": "ch_7", "payment_intent": "pi_7"}),
                    ),
                ],
            ),
        ),
        ("adyen", adyen("AUTHORISATION", "PSP0000000000007", ""), of("adyen", of_adyen.collect())),
        (
            "square",
            square(
                "payment.updated",
                "sqpay7",
                json!({"id": "sqpay7", "status": "COMPLETED", "reference_id": PAYEE,
                "amount_money": {"amount": 4200, "currency": "USD"}}),
            ),
            of(
                "square",
                vec![
                    square(
                        "refund.created",
                        "sqpay7_9",
                        json!({"id": "sqpay7_9", "payment_id": "sqpay7", "status": "PENDING"}),
                    ),
                    square(
                        "dispute.created",
                        "dis9",
                        json!({"id": "dis9", "state": "EVIDENCE_REQUIRED",
                        "disputed_payment": {"payment_id": "sqpay7"}}),
                    ),
                ],
            ),
        ),
        (
            "gocardless",
            gocardless("confirmed", json!({"origin": "gocardless", "cause": "payment_confirmed"})),
            of(
                "gocardless",
                vec![
                    gocardless(
                        "failed",
                        json!({"origin": "bank", "cause": "insufficient_funds", "will_attempt_retry": false}),
                    ),
                    // Older events, and other schemes', do not say it: in doubt it bars.
                    gocardless("failed", json!({"origin": "bank", "cause": "insufficient_funds"})),
                    gocardless("cancelled", json!({"origin": "api", "cause": "payment_cancelled"})),
                    gocardless(
                        "customer_approval_denied",
                        json!({"origin": "customer", "cause": "customer_approval_denied"}),
                    ),
                    gocardless("charged_back", json!({"origin": "bank", "cause": "refund_requested"})),
                    gocardless(
                        "late_failure_settled",
                        json!({"origin": "gocardless", "cause": "late_failure_settled"}),
                    ),
                ],
            ),
        ),
        (
            "checkout",
            checkout(
                "payment_captured",
                json!({"id": "pay_7", "amount": 4200, "currency": "GBP", "metadata": {"payee": PAYEE}}),
            ),
            of(
                "checkout",
                vec![
                    checkout_payment("payment_refunded"),
                    checkout_payment("payment_returned"),
                    checkout_payment("payment_voided"),
                    checkout_payment("payment_canceled"),
                    checkout_dispute("dispute_received"),
                    checkout_dispute("dispute_evidence_required"),
                ],
            ),
        ),
        (
            "razorpay",
            razorpay(
                "payment.captured",
                json!({"payment": {"entity": {"id": "pay_7", "amount": 420_000, "currency": "INR", "notes": {"payee": PAYEE}}}}),
            ),
            of(
                "razorpay",
                ["refund.created", "refund.processed", "payment.dispute.created"]
                    .map(|event| {
                        let what = if event.starts_with("refund") { "refund" } else { "dispute" };
                        razorpay(
                            event,
                            json!({"payment": {"entity": {"id": "pay_7", "status": "captured"}},
                            what: {"entity": {"id": "x_9", "payment_id": "pay_7", "amount": 420_000}}}),
                        )
                    })
                    .to_vec(),
            ),
        ),
        (
            "paystack",
            paystack(
                "charge.success",
                json!({"id": 7_000_001, "domain": "test", "reference": "ref_7", "amount": 4200, "currency": "USD",
                "paid_at": "2023-11-14T22:13:20.000Z", "metadata": {"payee": PAYEE}}),
            ),
            of(
                "paystack",
                vec![
                    paystack(
                        "refund.pending",
                        json!({"status": "pending", "transaction_reference": "ref_7", "refund_reference": null, "domain": "test"}),
                    ),
                    paystack(
                        "refund.processed",
                        json!({"status": "processed", "transaction_reference": "ref_7", "refund_reference": "99", "domain": "test"}),
                    ),
                    paystack(
                        "charge.dispute.create",
                        json!({"id": 9, "domain": "test", "status": "awaiting-merchant-feedback",
                        "transaction": {"id": 7_000_001, "reference": "ref_7"}}),
                    ),
                ],
            ),
        ),
        (
            "flutterwave",
            flutterwave(
                "charge.completed",
                json!({"id": "chg_7", "amount": 42, "currency": "USD", "status": "succeeded",
                "reference": "order-7", "meta": {"payee": PAYEE}}),
            ),
            of(
                "flutterwave",
                vec![flutterwave(
                    "refund.completed",
                    json!({"id": "rfd_9", "amount_refunded": 42, "meta": {},
                "reason": "requested_by_customer", "status": "succeeded", "charge_id": "chg_7"}),
                )],
            ),
        ),
        (
            "mollie",
            mollie(
                "payment.paid",
                "tr_7",
                json!({"resource": "payment", "id": "tr_7", "mode": "test", "status": "paid",
                "amount": {"currency": "EUR", "value": "42.00"}, "metadata": {"payee": PAYEE}}),
            ),
            of(
                "mollie",
                vec![
                    mollie("refund.queued", "re_9", refund("queued")),
                    mollie("refund.pending", "re_9", refund("pending")),
                    mollie("refund.refunded", "re_9", refund("refunded")),
                    mollie(
                        "chargeback.received",
                        "chb_9",
                        json!({"resource": "chargeback", "id": "chb_9",
                        "amount": {"currency": "EUR", "value": "42.00"}, "reason": null, "paymentId": "tr_7"}),
                    ),
                ],
            ),
        ),
        (
            "shopify",
            order(true),
            vec![
                (
                    "shopify_refunds",
                    json!({"id": 990_001, "order_id": 5_550_001_112_223_u64, "created_at": "2023-11-14T17:13:20-05:00",
                    "processed_at": "2023-11-14T17:13:20-05:00", "refund_line_items": [], "transactions": [{"id": 1, "kind": "refund", "test": true}]}),
                ),
                ("shopify_cancellations", cancelled),
            ],
        ),
        (
            "modern_treasury",
            modern_treasury("completed", "incoming_payment_detail"),
            of("modern_treasury", vec![modern_treasury("returned", "incoming_payment_detail")]),
        ),
    ]
}

#[test]
fn the_bar_of_each_blocking_event_lies_on_the_key_that_its_rule_pays() {
    for (table, pays, blocks) in tried() {
        let Routed::Order(order) = route(table, &pays) else { panic!("{table}: {:?}", route(table, &pays)) };
        for (from, body) in blocks {
            assert_eq!(barred(from, &body), order.key, "{from}: {body}");
        }
    }
}

/// A body for each, and each in the shipped configuration, with the pointer and the condition that the preset knows.
#[test]
fn every_blocking_event_of_a_preset_is_shipped_and_tried() {
    let shipped = shipped();
    let mut tried_types: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, _, blocks) in tried() {
        for (table, body) in blocks {
            let config = &shipped[table];
            let provider = Provider::new(table, config).unwrap();
            let event = parse_with(&provider, sample(&config.scheme).secret, &body).remove(0);
            let name = preset::ALL.iter().find(|preset| preset.name == config.scheme).unwrap().name;
            tried_types.entry(name).or_default().insert(event.event_type);
        }
    }
    for preset in preset::ALL {
        let known: BTreeSet<String> = preset.blocks.iter().map(|block| block.event.to_owned()).collect();
        assert_eq!(tried_types.remove(preset.name).unwrap_or_default(), known, "{}", preset.name);
        // Either there are some, or it is said why there are none.
        assert_eq!(preset.blocks.is_empty(), preset.no_blocks.is_some(), "{}", preset.name);
        let tables = shipped.values().filter(|config| config.scheme == preset.name);
        let written = tables.flat_map(|config| &config.blocks).map(|block| {
            let when = block.when.iter().map(|(at, expected)| (at.clone(), expected.pays()[0].to_string())).next();
            (block.event.clone(), block.key.as_slice().to_vec(), when)
        });
        let owned = |(at, value): (&str, &str)| (at.to_owned(), value.to_owned());
        let known = preset
            .blocks
            .iter()
            .map(|block| (block.event.to_owned(), vec![block.payment.to_owned()], block.when.map(owned)));
        assert_eq!(written.collect::<BTreeSet<_>>(), known.collect::<BTreeSet<_>>(), "{}", preset.name);
    }
}

/// What GoCardless itself tries again may be confirmed yet; an outgoing payment that was returned is none that came in.
#[test]
fn bars_nothing_while_the_provider_says_that_nothing_is_lost() {
    let nothing = |routed: Routed| matches!(routed, Routed::NoPayout(NoPayout::WhenNotMet));
    assert!(nothing(route("gocardless", &gocardless("failed", json!({"will_attempt_retry": true})))));
    assert!(nothing(route("modern_treasury", &modern_treasury("returned", "payment_order"))));
    let mut refused = adyen("REFUND", "OTHER00000000009", "PSP0000000000007");
    refused["notificationItems"][0]["NotificationRequestItem"]["success"] = "false".into();
    assert!(nothing(route("adyen", &refused)));
}

/// A thin event names the refund and not the payment: nothing can be barred by it, and that is said.
#[test]
fn a_thin_event_of_a_refund_is_a_case() {
    let thin = json!({"resource": "event", "id": "event_9", "type": "refund.pending", "entityId": "re_9",
        "createdAt": "2023-11-14T22:13:20+00:00", "_links": {}});
    let Routed::Misfit(Misfit { reason, problem, shared, .. }) = route("mollie", &thin) else { panic!("silent") };
    assert_eq!(reason, Reason::InvalidEvent);
    assert!(problem.contains("/_embedded/entity/paymentId is missing"), "{problem}");
    assert!(shared.is_some(), "one case for all of them");
}

const BLOCK: &str = "[[blocks]]\nevent = 'charge.refunded'\nkey = '/data/object/payment_intent'";

fn refund(name: &str, value: Value) -> Value {
    let mut event = stripe("charge.refunded", json!({"id": "ch_7", "object": "charge", "payment_intent": "pi_7"}));
    event["livemode"] = true.into();
    event[name] = value;
    event
}

/// What a trial or a stranger's account gives back is not what we pay out, even where its id is that of one of our payments. In
/// doubt it bars.
#[test]
fn a_refund_of_another_mode_or_account_bars_nothing_and_is_one_case() {
    let live = RouteContext { rail_mode: Mode::Live, ..TEST };
    let routed = |lines: &str, body: &Value| {
        let provider = Provider::new("stripe", &config(&format!("{TOML}\n{lines}\n{BLOCK}"))).unwrap();
        provider.route(&parse_with(&provider, "whsec_1", body)[0], &live)
    };
    let allows = "allow_connected_accounts = true";
    assert!(matches!(routed("", &refund("livemode", json!(true))), Routed::Block(_)));
    for (name, value) in
        [("livemode", json!(false)), ("account", json!("acct_1Other")), ("context", json!("acct_1Other"))]
    {
        let Routed::Misfit(Misfit { reason, problem, key, shared, .. }) = routed("", &refund(name, value.clone()))
        else {
            panic!("{name} bars")
        };
        assert_eq!((reason, key), (Reason::InvalidEvent, None));
        assert!(problem.starts_with(&format!("blocks[0]: /{name} ")), "{problem}");
        assert_eq!(shared.unwrap().len(), 3, "{name}");
        let is_paid_for_too = name != "livemode";
        assert_eq!(matches!(routed(allows, &refund(name, value)), Routed::Block(_)), is_paid_for_too, "{name}");
    }
    for odd in [Value::Null, json!("true"), json!(1)] {
        assert!(matches!(routed("", &refund("livemode", odd)), Routed::Block(_)), "in doubt it bars");
    }
    // A merchant chooses Paystack's references, so a trial may have the one of a live payment.
    let text = "scheme = 'paystack'\nsecrets = ['env:A']\nmode = 'live'\n[[blocks]]\nevent = 'refund.pending'\nkey = '/data/transaction_reference'";
    let provider = Provider::new("paystack", &config(text)).unwrap();
    let of_domain = |domain: &str| {
        let body = paystack("refund.pending", json!({"transaction_reference": "ref_7", "domain": domain}));
        provider.route(&parse_with(&provider, sample("paystack").secret, &body)[0], &live)
    };
    assert!(matches!(of_domain("test"), Routed::Misfit(_)) && matches!(of_domain("live"), Routed::Block(_)));
}

fn shop(namespace: &str, topic: &str, rest: &str) -> ProviderConfig {
    config(&format!(
        "scheme = 'shopify'\nnamespace = '{namespace}'\nmode = 'test'\nsecrets = ['env:A']\nevent_type = '{topic}'\n{rest}"
    ))
}

const PAYS: &str = "[[payouts]]\nevent = 'orders/paid'\nkey = '/id'\namount = '/total_price'\ncurrency = '/currency'\n\
                    destination = '/to'\ndestination_pattern = '^a$'";
const REFUNDS: &str = "[[blocks]]\nevent = 'refunds/create'\nkey = '/order_id'";

#[test]
fn check_says_where_nothing_bars_and_where_a_bar_is_met_by_no_rule() {
    let said = |tables: &[(&str, &ProviderConfig)]| {
        let found = unbarred(tables.iter().copied());
        found.into_iter().map(|found| format!("{}: {}", found.path, found.problem)).collect::<Vec<_>>()
    };
    let pays = shop("shop", "orders/paid", PAYS);
    let [alone] = &said(&[("one", &pays)])[..] else { panic!("one warning") };
    assert!(
        alone.starts_with("providers.one.blocks: none") && alone.contains("refunds/create, orders/cancelled"),
        "{alone}"
    );
    let refunds = shop("shop", "refunds/create", REFUNDS);
    assert_eq!(said(&[("one", &pays), ("two", &refunds)]), [""; 0], "a block of another table counts");
    let elsewhere = shop("other", "refunds/create", REFUNDS);
    let apart = said(&[("one", &pays), ("two", &elsewhere)]);
    assert_eq!(apart.len(), 2);
    assert!(apart[1].starts_with("providers.two.blocks: bar nothing"), "{}", apart[1]);
    assert_eq!(said(&[("one", &config(TOML))]).len(), 1);
    assert!(Preset::by_name("svix").unwrap().blocks.is_empty());
    let svix = config(&TOML.replace("scheme = \"stripe\"", "scheme = \"svix\"\nmode = \"test\""));
    assert_eq!(said(&[("one", &svix)]), [""; 0], "nobody knows the sender's events");
}

/// A topic that never comes to this endpoint would pay, or bar, nothing for ever.
#[test]
fn refuses_a_rule_or_block_of_another_topic_than_its_endpoints() {
    let paths = |config: &ProviderConfig| match Provider::new("x", config) {
        Ok(_) => vec![],
        Err(errors) => errors.into_iter().map(|error| error.path).collect::<Vec<_>>(),
    };
    assert_eq!(paths(&shop("shop", "refunds/create", REFUNDS)), [""; 0]);
    assert_eq!(paths(&shop("shop", "orders/paid", REFUNDS)), ["providers.x.blocks[0].event"]);
    assert_eq!(paths(&shop("shop", "orders/create", PAYS)), ["providers.x.payouts[0].event"]);
}
