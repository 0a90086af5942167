//! Every preset: what it verifies, what it takes for an event's identity, and how it reads an amount.

use http::{HeaderMap, HeaderValue};
use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_providers::preset::{self, Identity, Preset, Signature};
use payonce_providers::{Misfit, NoPayout, ParsedEvent, Provider, Refused, RouteContext, Routed};
use serde_json::{Value, json};

use crate::random::Random;
use crate::{T, T_S, config, secrets};

pub const TEST: RouteContext = RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: 0 };

/// One event that asks for a payout, as the provider writes it.
pub struct Sample {
    pub preset: &'static str,
    /// What the configuration must say besides.
    pub besides: &'static str,
    pub secret: &'static str,
    pub rule: &'static str,
    pub body: fn() -> Value,
    /// Empty: the body's hash.
    id: &'static str,
    event_type: &'static str,
    pub money: &'static str,
}

pub const PAYEE: &str = "acct_1Sample";
const SECRET: &str = "planted_secret_of_a_provider";
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HEX: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

fn standard() -> Value {
    json!({"type": "payment.succeeded", "timestamp": "2023-11-14T22:13:20Z",
        "data": {"id": "pay_1", "amount": 1099, "currency": "EUR", "payee": PAYEE}})
}

fn adyen() -> Value {
    json!({"live": "false", "notificationItems": [{"NotificationRequestItem": {
        "pspReference": "7914073381342284", "originalReference": "", "merchantAccountCode": "TestMerchant",
        "merchantReference": PAYEE, "amount": {"value": 1130, "currency": "EUR"}, "eventCode": "AUTHORISATION",
        "success": "true", "eventDate": "2023-11-14T22:13:20+01:00", "reason": "planted"}}]})
}

fn gocardless() -> Value {
    json!({"events": [{"id": "EV1", "created_at": "2023-11-14T22:13:20.123Z", "resource_type": "payments",
        "action": "confirmed", "links": {"payment": "PM1"}, "resource_metadata": {"pence": "1099", "payee": PAYEE}}]})
}

const STANDARD_RULE: &str = "event = 'payment.succeeded'\nkey = '/data/id'\namount = '/data/amount'\n\
     currency = '/data/currency'\ndestination = '/data/payee'";

pub static SAMPLES: &[Sample] = &[
    Sample {
        preset: "stripe",
        besides: "",
        secret: SECRET,
        rule: "event = 'payment_intent.succeeded'\nkey = '/data/object/id'\namount = '/data/object/amount'\n\
               currency = '/data/object/currency'\ndestination = '/data/object/payee'",
        body: || {
            json!({"id": "evt_1", "type": "payment_intent.succeeded", "created": T_S, "livemode": false,
                "data": {"object": {"id": "pi_1", "amount": 1099, "currency": "eur", "payee": PAYEE}}})
        },
        id: "evt_1",
        event_type: "payment_intent.succeeded",
        money: "10.99 EUR",
    },
    Sample {
        preset: "standard_webhooks",
        besides: "mode = 'test'",
        secret: WHSEC,
        rule: STANDARD_RULE,
        body: standard,
        id: "msg_",
        event_type: "payment.succeeded",
        money: "10.99 EUR",
    },
    Sample {
        preset: "svix",
        besides: "mode = 'test'",
        secret: WHSEC,
        rule: STANDARD_RULE,
        body: standard,
        id: "msg_",
        event_type: "payment.succeeded",
        money: "10.99 EUR",
    },
    Sample {
        preset: "adyen",
        besides: "mode = 'test'",
        secret: HEX,
        rule: "event = 'AUTHORISATION'\nkey = '/pspReference'\namount = '/amount/value'\n\
               currency = '/amount/currency'\ndestination = '/merchantReference'",
        body: adyen,
        id: "AUTHORISATION/7914073381342284/true",
        event_type: "AUTHORISATION",
        money: "11.30 EUR",
    },
    Sample {
        preset: "adyen_balance_platform",
        besides: "",
        secret: HEX,
        rule: "event = 'balancePlatform.transfer.updated'\nkey = '/data/id'\namount = '/data/amount/value'\n\
               currency = '/data/amount/currency'\ndestination = '/data/reference'",
        body: || {
            json!({"type": "balancePlatform.transfer.updated", "environment": "test",
                "timestamp": "2023-11-14T22:13:20+01:00",
                "data": {"id": "TRF1", "sequenceNumber": 3, "amount": {"value": 500, "currency": "ISK"}, "reference": PAYEE}})
        },
        id: "balancePlatform.transfer.updated/TRF1/3",
        event_type: "balancePlatform.transfer.updated",
        money: "5.00 ISK",
    },
    Sample {
        preset: "square",
        besides: "mode = 'test'\nurl = 'https://example.com/webhooks/square'",
        secret: SECRET,
        rule: "event = 'payment.updated'\nkey = '/data/id'\namount = '/data/object/payment/amount_money/amount'\n\
               currency = '/data/object/payment/amount_money/currency'\ndestination = '/data/object/payment/reference_id'",
        body: || {
            json!({"merchant_id": "M1", "type": "payment.updated", "event_id": "e1", "created_at": "2023-11-14T22:13:20.4Z",
                "data": {"id": "P1", "object": {"payment": {"amount_money": {"amount": 500, "currency": "JPY"},
                    "reference_id": PAYEE}}}})
        },
        id: "e1",
        event_type: "payment.updated",
        money: "500 JPY",
    },
    Sample {
        preset: "gocardless",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'payments/confirmed'\nkey = '/links/payment'\namount = '/resource_metadata/pence'\n\
               currency = 'GBP'\ndestination = '/resource_metadata/payee'",
        body: gocardless,
        id: "EV1",
        event_type: "payments/confirmed",
        money: "10.99 GBP",
    },
    Sample {
        preset: "checkout",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'payment_captured'\nkey = '/data/id'\namount = '/data/amount'\n\
               currency = '/data/currency'\ndestination = '/data/metadata/payee'",
        body: || {
            json!({"id": "evt_az5sblvku4ge3dwpztvyizgcau", "type": "payment_captured", "created_on": "2023-11-14T22:13:20Z",
                "data": {"id": "pay_1", "amount": 5120, "currency": "KWD", "metadata": {"payee": PAYEE}}})
        },
        id: "evt_az5sblvku4ge3dwpztvyizgcau",
        event_type: "payment_captured",
        money: "5.120 KWD",
    },
    Sample {
        preset: "razorpay",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'payment.captured'\nkey = '/payload/payment/entity/id'\n\
               amount = '/payload/payment/entity/amount'\ncurrency = '/payload/payment/entity/currency'\n\
               destination = '/payload/payment/entity/notes/payee'",
        body: || {
            json!({"entity": "event", "event": "payment.captured", "created_at": T_S, "payload": {"payment": {"entity":
                {"id": "pay_1", "amount": 50000, "currency": "INR", "notes": {"payee": PAYEE}}}}})
        },
        id: "",
        event_type: "payment.captured",
        money: "500.00 INR",
    },
    Sample {
        preset: "paystack",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'charge.success'\nkey = '/data/id'\namount = '/data/amount'\ncurrency = '/data/currency'\n\
               destination = '/data/metadata/payee'",
        body: || {
            json!({"event": "charge.success", "data": {"id": 302961, "paid_at": "2023-11-14T22:13:20.000Z", "amount": 10000, "currency": "NGN",
                "metadata": {"payee": PAYEE}}})
        },
        id: "",
        event_type: "charge.success",
        money: "100.00 NGN",
    },
    Sample {
        preset: "flutterwave",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'charge.completed'\nkey = '/data/id'\namount = '/data/amount'\ncurrency = '/data/currency'\n\
               destination = '/data/meta/payee'",
        body: || {
            json!({"timestamp": T, "type": "charge.completed", "data": {"id": "chg_1", "amount": 12.5, "currency": "NGN",
                "meta": {"payee": PAYEE}}})
        },
        id: "",
        event_type: "charge.completed",
        money: "12.50 NGN",
    },
    Sample {
        preset: "mollie",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'payment-link.paid'\nkey = '/entityId'\namount = '/_embedded/entity/amount/value'\n\
               currency = '/_embedded/entity/amount/currency'\ndestination = '/_embedded/entity/description'",
        body: || {
            json!({"resource": "event", "id": "event_1", "type": "payment-link.paid", "entityId": "pl_1",
                "createdAt": "2023-11-14T22:13:20+00:00",
                "_embedded": {"entity": {"amount": {"value": "10.00", "currency": "EUR"}, "description": PAYEE}}})
        },
        id: "event_1",
        event_type: "payment-link.paid",
        money: "10.00 EUR",
    },
    Sample {
        preset: "shopify",
        besides: "mode = 'test'\nevent_type = 'orders/paid'",
        secret: SECRET,
        rule: "event = 'orders/paid'\nkey = '/id'\namount = '/total_price'\ncurrency = '/currency'\n\
               destination = '/note_attributes/0/value'",
        body: || {
            json!({"id": 820982911946154508_u64, "created_at": "2023-11-11T09:00:00-05:00",
                "updated_at": "2023-11-14T17:13:20-05:00", "currency": "JPY",
                "total_price": "500.00", "note_attributes": [{"name": "payee", "value": PAYEE}]})
        },
        id: "",
        event_type: "orders/paid",
        money: "500 JPY",
    },
    Sample {
        preset: "modern_treasury",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'completed'\nkey = '/data/id'\namount = '/data/amount'\ncurrency = '/data/currency'\n\
               destination = '/data/metadata/payee'",
        body: || {
            json!({"event": "completed", "data": {"id": "ip_1", "object": "incoming_payment_detail",
                "updated_at": "2023-11-14T22:13:20Z", "amount": 1099,
                "currency": "USD", "metadata": {"payee": PAYEE}}})
        },
        id: "",
        event_type: "completed",
        money: "10.99 USD",
    },
    Sample {
        preset: "dwolla",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "",
        body: || json!({"id": "80d8ff7d", "topic": "transfer_completed", "timestamp": "2023-11-14T22:13:20.000Z"}),
        id: "80d8ff7d",
        event_type: "transfer_completed",
        money: "",
    },
    Sample {
        preset: "coinbase_commerce",
        besides: "mode = 'test'",
        secret: SECRET,
        rule: "event = 'charge:confirmed'\nkey = '/event/data/id'\namount = '/event/data/pricing/local/amount'\n\
               currency = '/event/data/pricing/local/currency'\ndestination = '/event/data/metadata/payee'",
        body: || {
            json!({"id": 1, "attempt_number": 1, "event": {"id": "24934862-d980-46cb-9402-43c81b0cdba6",
                "type": "charge:confirmed", "created_at": "2023-11-14T22:13:20Z", "data": {"id": "c1",
                "pricing": {"local": {"amount": "100.00", "currency": "USD"}}, "metadata": {"payee": PAYEE}}}})
        },
        id: "24934862-d980-46cb-9402-43c81b0cdba6",
        event_type: "charge:confirmed",
        money: "100.00 USD",
    },
    Sample {
        preset: "github",
        besides: "mode = 'test'\nevent_type = 'sponsorship'",
        secret: SECRET,
        rule: "event = 'sponsorship'\nkey = '/sponsorship/node_id'\namount = '/sponsorship/tier/monthly_price_in_cents'\n\
               currency = 'USD'\ndestination = '/sponsorship/tier/name'",
        body: || {
            json!({"action": "created", "sponsorship": {"node_id": "S_1", "tier": {"monthly_price_in_cents": 500,
                "name": PAYEE}}})
        },
        id: "",
        event_type: "sponsorship",
        money: "5.00 USD",
    },
];

fn toml(sample: &Sample) -> String {
    let rule = match sample.rule {
        "" => String::new(),
        rule => format!("[[payouts]]\n{rule}\ndestination_pattern = '^acct_[A-Za-z0-9]+$'"),
    };
    format!("scheme = '{}'\nsecrets = ['env:A']\n{}\n{rule}", sample.preset, sample.besides)
}

pub fn provider(sample: &Sample) -> Provider {
    Provider::new(sample.preset, &config(&toml(sample)))
        .unwrap_or_else(|errors| panic!("{}: {errors:?}", sample.preset))
}

pub fn sample(preset: &str) -> &'static Sample {
    SAMPLES.iter().find(|sample| sample.preset == preset).unwrap()
}

/// Body and headers as the provider sends them at [`T`].
fn sent(sample: &Sample, body: &Value) -> (Vec<u8>, HeaderMap) {
    let (provider, secrets) = (provider(sample), secrets(&[sample.secret]));
    let body = provider.seal(&secrets, body.to_string().as_bytes()).into_owned();
    let headers = provider.sign(&secrets, &body, T).into_iter().collect();
    (body, headers)
}

fn received(sample: &Sample, body: &[u8], headers: &HeaderMap) -> Result<(), Refused> {
    provider(sample).verify(&secrets(&[sample.secret]), headers, body, T).map(drop)
}

fn parsed(sample: &Sample, body: &Value) -> Vec<ParsedEvent> {
    let (body, headers) = sent(sample, body);
    let provider = provider(sample);
    let verified = provider.verify(&secrets(&[sample.secret]), &headers, &body, T).unwrap();
    provider.events(&verified).unwrap().into_iter().map(Result::unwrap).collect()
}

fn routed(sample: &Sample, body: &Value) -> Routed {
    provider(sample).route(&parsed(sample, body)[0], &TEST)
}

#[test]
fn every_preset_has_a_sample() {
    let tried: Vec<&str> = SAMPLES.iter().map(|sample| sample.preset).collect();
    let all: Vec<&str> = preset::ALL.iter().map(|preset| preset.name).collect();
    assert_eq!(tried, all);
}

#[test]
fn each_preset_reads_identity_type_and_sum_where_the_provider_writes_them() {
    for sample in SAMPLES {
        let [event] = &parsed(sample, &(sample.body)())[..] else { panic!("one event") };
        let (body, _) = sent(sample, &(sample.body)());
        let hash = payonce_protocol::ids::Digest::of(&body).to_string();
        match sample.id {
            "" => assert_eq!(event.id.as_str(), hash, "{}", sample.preset),
            "msg_" => assert_eq!(event.id.as_str(), format!("msg_{hash}"), "{}", sample.preset),
            id => assert_eq!(event.id.as_str(), id, "{}", sample.preset),
        }
        assert_eq!(event.event_type, sample.event_type, "{}", sample.preset);
        match provider(sample).route(event, &TEST) {
            Routed::Order(order) => {
                assert_eq!(order.money.to_string(), sample.money, "{}", sample.preset);
                assert_eq!(order.destination.as_str(), PAYEE);
            }
            Routed::Unrouted { .. } if sample.money.is_empty() => {}
            other => panic!("{}: {other:?}", sample.preset),
        }
        let preset = Preset::by_name(sample.preset).unwrap();
        assert_eq!(event.created_at.is_some(), preset.created.is_some(), "{}", sample.preset);
    }
}

/// The money and the mode are checked for every provider, not for Stripe alone.
#[test]
fn refuses_a_test_event_at_a_live_rail() {
    for sample in SAMPLES.iter().filter(|sample| !sample.money.is_empty()) {
        let event = &parsed(sample, &(sample.body)())[0];
        let live = RouteContext { rail_mode: Mode::Live, ..TEST };
        let Routed::Misfit(Misfit { reason, problem, .. }) = provider(sample).route(event, &live) else {
            panic!("{}: paid", sample.preset)
        };
        assert_eq!(reason, Reason::InvalidEvent);
        assert!(problem.contains("mode"), "{problem}");
    }
}

/// A moment from which events are paid says nothing about an event without a time: that is paid, because former keys
/// protect it, or filed where claims may be missing. It is never called malformed.
#[test]
fn cutover_spares_events_without_a_signed_time() {
    let after = RouteContext { paid_from: Some(T + 1000), ..TEST };
    for sample in SAMPLES.iter().filter(|sample| !sample.money.is_empty()) {
        let event = &parsed(sample, &(sample.body)())[0];
        let provider = provider(sample);
        let is_before = |context| match provider.route(event, &context) {
            Routed::Order(_) => false,
            Routed::Misfit(Misfit { reason: Reason::BeforeCutover, .. }) => true,
            other => panic!("{}: {other:?}", sample.preset),
        };
        let is_dated = event.created_at.is_some();
        assert_eq!(is_before(after), is_dated, "{}", sample.preset);
        assert_eq!(is_before(RouteContext { files_undated: true, ..TEST }), !is_dated, "{}", sample.preset);
    }
}

#[test]
fn refuses_a_forgery_by_one_byte() {
    let mut random = Random::new("refuses_a_forgery_by_one_byte");
    for sample in SAMPLES {
        let (body, headers) = sent(sample, &(sample.body)());
        assert_eq!(received(sample, &body, &headers), Ok(()), "{}", sample.preset);
        // Adyen signs eight fields: what else is changed has no effect, and is tested below.
        for _ in 0..if sample.preset == "adyen" { 0 } else { 200 } {
            let mut forged = body.clone();
            let place = random.below(forged.len());
            forged[place] ^= 1 << random.below(8);
            assert!(received(sample, &forged, &headers).is_err(), "{}: byte {place}", sample.preset);
        }
        for name in headers.keys() {
            let mut value = headers[name].as_bytes().to_vec();
            let last = value.len() - 2;
            value[last] = if value[last] == b'0' { b'1' } else { b'0' };
            let mut forged = headers.clone();
            forged.insert(name, HeaderValue::from_bytes(&value).unwrap());
            assert!(received(sample, &body, &forged).is_err(), "{}: {name}", sample.preset);
            let mut without = headers.clone();
            without.remove(name);
            assert_eq!(received(sample, &body, &without), Err(Refused::MissingSignature), "{}", sample.preset);
            let mut twice = headers.clone();
            twice.append(name, headers[name].clone());
            assert_eq!(received(sample, &body, &twice), Err(Refused::RepeatedSignature), "{}", sample.preset);
        }
    }
}

/// Whoever caught one delivery can change every header that is not signed: it stays the same event.
#[test]
fn replay_under_another_header_is_the_same_event() {
    for sample in SAMPLES {
        let (body, mut headers) = sent(sample, &(sample.body)());
        for unsigned in [
            "x-razorpay-event-id",
            "x-shopify-webhook-id",
            "x-shopify-event-id",
            "x-shopify-topic",
            "x-github-delivery",
            "x-github-event",
            "x-dwolla-topic",
            "x-webhook-id",
            "x-event-id",
        ] {
            headers.insert(unsigned, HeaderValue::from_static("replayed"));
        }
        let provider = provider(sample);
        let verified = provider.verify(&secrets(&[sample.secret]), &headers, &body, T).unwrap();
        let events = provider.events(&verified).unwrap();
        let (event, before) = (events[0].as_ref().unwrap(), &parsed(sample, &(sample.body)())[0]);
        assert_eq!((&event.id, &event.event_type), (&before.id, &before.event_type), "{}", sample.preset);
    }
}

#[test]
fn verifies_published_vectors_of_every_provider() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap_or_default().to_owned();
    let mut tried = 0;
    for vector in &vectors {
        let name = text(vector, "provider");
        let presets: &[&str] = match name.as_str() {
            "adyen-balance-platform" => &["adyen_balance_platform"],
            "coinbase-commerce" => &["coinbase_commerce"],
            "square" => &["square"],
            "gocardless" => &["gocardless"],
            "razorpay" => &["razorpay"],
            "github" => &["github"],
            "paystack" => &["paystack"],
            name if name.starts_with("generic hmac-sha256 hex") => {
                &["gocardless", "checkout", "razorpay", "mollie", "modern_treasury", "dwolla", "coinbase_commerce"]
            }
            name if name.starts_with("generic hmac-sha256 base64") => &["shopify", "flutterwave"],
            // In `signature.rs` and below.
            "stripe" | "standard-webhooks" | "adyen-payments" => continue,
            other => panic!("unknown vector {other}"),
        };
        for preset in presets {
            let Signature::Scheme(scheme) = Preset::by_name(preset).unwrap().signature else { panic!() };
            let secret = [text(vector, "secret"), text(vector, "hex_key")].concat();
            let signature = [text(vector, "sig"), text(vector, "header")].concat();
            let mut headers = HeaderMap::new();
            headers.insert(scheme.header, signature.parse().unwrap());
            let (body, url) = (text(vector, "body"), text(vector, "url"));
            let verdict = scheme.verify(&secrets(&[&secret]), &url, &headers, body.as_bytes(), T);
            assert_eq!(verdict, Ok(()), "{preset}: {}", vector["source"]);
            let made = scheme.sign(&secrets(&[&secret]), &url, body.as_bytes(), T);
            let expected = if *preset == "mollie" { format!("sha256={signature}") } else { signature };
            assert_eq!(made[0].1, expected.as_str(), "{preset}");
            tried += 1;
        }
    }
    assert_eq!(tried, 21);
}

#[test]
fn verifies_published_vectors_of_adyens_payments() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors.json")).unwrap();
    let adyens = vectors.iter().filter(|vector| vector["provider"] == "adyen-payments");
    let mut tried = 0;
    for vector in adyens {
        let signed = vector["signed"].as_str().unwrap();
        // The reference may hold colons; what stands around it does not.
        let mut parts: Vec<&str> = signed.split(':').collect();
        let tail = parts.split_off(parts.len() - 4);
        let (head, reference) = parts.split_at(3);
        let reference = reference.join(":");
        let body = json!({"notificationItems": [{"NotificationRequestItem": {
            "pspReference": head[0], "originalReference": head[1], "merchantAccountCode": head[2],
            "merchantReference": reference, "amount": {"value": tail[0].parse::<i64>().unwrap(), "currency": tail[1]},
            "eventCode": tail[2], "success": tail[3], "additionalData": {"hmacSignature": vector["sig"]}}}]});
        let secrets = secrets(&[vector["hex_key"].as_str().unwrap()]);
        let verified =
            provider(sample("adyen")).verify(&secrets, &HeaderMap::new(), body.to_string().as_bytes(), T).map(drop);
        assert_eq!(verified, Ok(()), "{signed}");
        tried += 1;
    }
    assert_eq!(tried, 7);
}

fn adyen_item(change: impl Fn(&mut Value)) -> Value {
    let mut body = adyen();
    change(&mut body["notificationItems"][0]["NotificationRequestItem"]);
    body
}

#[test]
fn refuses_one_unsigned_item_among_adyens() {
    let adyen_sample = sample("adyen");
    let mut two = adyen();
    let second = two["notificationItems"][0].clone();
    two["notificationItems"].as_array_mut().unwrap().push(second);
    let (body, headers) = sent(adyen_sample, &two);
    assert_eq!(received(adyen_sample, &body, &headers), Ok(()));
    let mut value: Value = serde_json::from_slice(&body).unwrap();
    let item = &mut value["notificationItems"][1]["NotificationRequestItem"];
    item["amount"]["value"] = 999_900.into();
    assert_eq!(received(adyen_sample, value.to_string().as_bytes(), &headers), Err(Refused::Mismatch));
    value["notificationItems"][1]["NotificationRequestItem"].as_object_mut().unwrap().remove("additionalData");
    assert_eq!(received(adyen_sample, value.to_string().as_bytes(), &headers), Err(Refused::MissingSignature));
    for empty in [json!({}), json!({"notificationItems": []}), json!([])] {
        assert_eq!(received(adyen_sample, empty.to_string().as_bytes(), &headers), Err(Refused::MissingSignature));
    }
}

#[test]
fn pays_nothing_for_a_failed_adyen_payment() {
    let failed = adyen_item(|item| item["success"] = "false".into());
    assert_eq!(routed(sample("adyen"), &failed), Routed::NoPayout(NoPayout::WhenNotMet));
}

#[test]
fn refuses_a_rule_that_reads_an_unsigned_field_of_adyens() {
    let adyen = sample("adyen");
    for (from, to) in [
        ("destination = '/merchantReference'", "destination = '/additionalData/payee'"),
        ("key = '/pspReference'", "key = ['/pspReference', '/paymentMethod']"),
        ("amount = '/amount/value'", "amount = '/additionalData/amount'"),
        ("event = 'AUTHORISATION'", "event = 'AUTHORISATION'\nwhen = { '/live' = 'false' }"),
    ] {
        let text = toml(adyen).replace(from, to);
        let errors = Provider::new("adyen", &config(&text)).err().unwrap();
        assert!(errors.iter().any(|error| error.problem.contains("not signed")), "{to}: {errors:?}");
    }
    // What is not signed may change freely, and nothing follows from it.
    let changed = adyen_item(|item| item["reason"] = "another".into());
    assert_eq!(parsed(adyen, &changed)[0].id, parsed(adyen, &adyen_body())[0].id);
}

fn adyen_body() -> Value {
    adyen()
}

#[test]
fn poisoned_event_hides_no_neighbour() {
    let gocardless_sample = sample("gocardless");
    let mut body = gocardless();
    let good = body["events"][0].clone();
    let mut nameless = good.clone();
    nameless.as_object_mut().unwrap().remove("id");
    body["events"] = json!([good, nameless, 7, null, {"id": "EV2", "resource_type": "payments"}, good]);
    let provider = provider(gocardless_sample);
    let (body, headers) = sent(gocardless_sample, &body);
    let verified = provider.verify(&secrets(&[SECRET]), &headers, &body, T).unwrap();
    let events = provider.events(&verified).unwrap();
    let read: Vec<bool> = events.iter().map(Result::is_ok).collect();
    assert_eq!(read, [true, false, false, false, false, true]);
    let places: Vec<usize> = events.iter().filter_map(|event| Some(event.as_ref().err()?.index)).collect();
    assert_eq!(places, [1, 2, 3, 4]);
}

#[test]
fn refuses_a_list_that_is_missing_or_too_long() {
    let gocardless_sample = sample("gocardless");
    let provider = provider(gocardless_sample);
    let events = |body: &Value| {
        let (body, headers) = sent(gocardless_sample, body);
        let verified = provider.verify(&secrets(&[SECRET]), &headers, &body, T).unwrap();
        provider.events(&verified).map(|events| events.len())
    };
    let many = |count: usize| json!({"events": vec![json!({}); count]});
    assert_eq!(events(&many(0)).unwrap(), 0);
    assert_eq!(events(&many(500)).unwrap(), 500);
    assert!(events(&many(501)).is_err());
    assert!(events(&json!({"events": {}})).is_err());
    assert!(events(&json!({})).is_err());
}

#[test]
fn reads_amounts_only_in_the_form_of_their_provider() {
    let with = |preset: &str, pointer: &str, value: Value| {
        let mut body = (sample(preset).body)();
        *body.pointer_mut(pointer).unwrap() = value;
        match routed(sample(preset), &body) {
            Routed::Order(order) => Some(order.money.to_string()),
            _ => None,
        }
    };
    let pence = |value: &str| with("gocardless", "/events/0/resource_metadata/pence", value.into());
    assert_eq!(pence("4200").as_deref(), Some("42.00 GBP"));
    for wrong in ["", "0", "042", "42.00", "-1", "+1", " 1", "1e3", "٤", "99999999999999999999"] {
        assert_eq!(pence(wrong), None, "{wrong}");
    }
    assert_eq!(with("gocardless", "/events/0/resource_metadata/pence", json!(4200)), None);
    let mollie = |value: Value| with("mollie", "/_embedded/entity/amount/value", value);
    assert_eq!(mollie("10.5".into()).as_deref(), Some("10.50 EUR"));
    assert_eq!(mollie("10".into()).as_deref(), Some("10.00 EUR"));
    assert_eq!(mollie("10.500".into()).as_deref(), Some("10.50 EUR"));
    assert_eq!(mollie(json!(10.25)).as_deref(), Some("10.25 EUR"));
    for wrong in ["", ".5", "10.", "010.00", "1,000.00", "-1.00", "10.005", "1e2", "0.00", "NaN", "10.00 "] {
        assert_eq!(mollie(wrong.into()), None, "{wrong}");
    }
    for wrong in [json!(-1.5), json!(1e300), json!(1e-7), json!(0.005), json!(true), json!(12345678901234.567)] {
        assert_eq!(mollie(wrong.clone()), None, "{wrong}");
    }
    assert_eq!(with("shopify", "/total_price", "500.50".into()), None, "half a yen");
    assert_eq!(with("stripe", "/data/object/amount", "1099".into()), None, "a text where a number belongs");
}

#[test]
fn names_missing_and_needless_settings() {
    let problem = |text: &str| {
        let errors = Provider::new("x", &config(text)).err().unwrap_or_default();
        errors.into_iter().map(|error| error.path).collect::<Vec<_>>()
    };
    let with = |preset: &str, from: &str, to: &str| {
        let text = toml(sample(preset));
        assert!(text.contains(from), "{preset}: {from}");
        problem(&text.replacen(from, to, 1))
    };
    assert_eq!(with("square", "url = 'https://example.com/webhooks/square'", ""), ["providers.x.url"]);
    assert_eq!(with("square", "url = 'https:", "url = 'http:"), ["providers.x.url"]);
    assert_eq!(with("gocardless", "mode = 'test'", "mode = 'test'\nurl = 'https://a.b'"), ["providers.x.url"]);
    assert!(with("gocardless", "mode = 'test'", "").contains(&"providers.x.mode".to_owned()));
    assert_eq!(with("stripe", "secrets", "mode = 'test'\nsecrets"), ["providers.x.mode"]);
    assert_eq!(with("shopify", "event_type = 'orders/paid'", ""), ["providers.x.event_type"]);
    assert_eq!(with("razorpay", "mode", "event_type = 'payment.captured'\nmode"), ["providers.x.event_type"]);
    assert_eq!(with("github", "'USD'", "'XYZ'"), ["providers.x.payouts[0].currency"]);
    assert_eq!(with("gocardless", "destination_pattern = ", "#"), ["providers.x.payouts[0].destination_pattern"]);
    let paid_from = "destination_pattern = '^a$'\npaid_from = 2026-12-01T00:00:00Z\n#";
    assert_eq!(with("github", "destination_pattern = ", paid_from), ["providers.x.payouts[0].paid_from"]);
    let dwolla = format!(
        "{}\n[[payouts]]\nevent = 'a'\nkey = '/a'\namount = '/a'\ncurrency = 'USD'\n\
        destination = '/a'\ndestination_pattern = '^a$'",
        toml(sample("dwolla"))
    );
    assert_eq!(problem(&dwolla), ["providers.x.payouts[0].amount"]);
    for refused in ["flutterwave_v3", "mollie_classic"] {
        let errors = Provider::new("x", &config(&format!("scheme = '{refused}'\nsecrets = ['env:A']"))).err().unwrap();
        assert_eq!(errors[0].path, "providers.x.scheme");
        assert!(errors[0].problem.contains("refused"), "{errors:?}");
    }
}

#[test]
fn accepts_either_secret_during_a_rotation() {
    for sample in SAMPLES {
        let other = match sample.secret {
            WHSEC => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            HEX => "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00",
            _ => "the_new_one",
        };
        let (body, headers) = sent(sample, &(sample.body)());
        let verify = |held: &[&str]| provider(sample).verify(&secrets(held), &headers, &body, T).map(drop);
        assert_eq!(verify(&[other, sample.secret]), Ok(()), "{}", sample.preset);
        assert_eq!(verify(&[other]), Err(Refused::Mismatch), "{}", sample.preset);
    }
}

#[test]
fn finds_a_mollie_signature_alone_or_among_others() {
    let mollie = sample("mollie");
    let (body, headers) = sent(mollie, &(mollie.body)());
    let value = headers["x-mollie-signature"].to_str().unwrap();
    let bare = value.strip_prefix("sha256=").unwrap();
    let other = "0".repeat(64);
    let verify = |value: &str| {
        let headers = [("x-mollie-signature".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        received(mollie, &body, &headers)
    };
    for right in [value.to_owned(), bare.to_owned(), format!("sha256={other},{value}"), format!("{bare}, {other}")] {
        assert_eq!(verify(&right), Ok(()), "{right}");
    }
    for wrong in [other.clone(), format!("sha512={bare}"), format!("{bare},"), format!("sha256=sha256={bare}")] {
        assert!(verify(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn only_a_signed_header_names_an_event() {
    for preset in preset::ALL {
        let Signature::Scheme(scheme) = preset.signature else { continue };
        assert_eq!(matches!(preset.id, Identity::Message), scheme.id_header.is_some(), "{}", preset.name);
    }
}

/// Else the last refusal is answered by nobody, and only the sweeper's case remains.
#[test]
fn every_preset_refuses_only_while_another_try_is_still_to_come() {
    for preset in preset::ALL {
        let last_try_ms = preset.redelivers_ms.saturating_sub(preset.longest_gap_ms);
        assert!(preset.refuse_for_ms <= last_try_ms, "{}: refuses past the last try but one", preset.name);
    }
}
