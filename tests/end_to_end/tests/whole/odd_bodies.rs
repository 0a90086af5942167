//! Signed bodies as providers really send them, with something in them that cannot be read or could be read in two ways.
//! What is needed is paid, or becomes one case that carries what can be read; nothing that a body holds is a refusal.

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_providers::{Provider, Secrets};
use serde_json::{Value, json};

/// The event with this text in place of a string.
fn with(event: &Value, pointer: &str, token: &str) -> String {
    let mut event = event.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = "the place".into();
    event.to_string().replace("\"the place\"", token)
}

const ODD: [&str; 4] = [r#""Chair \ud83d""#, "1e400", r#"{"a":1,"a":2}"#, "-1E999"];

#[tokio::test]
async fn pays_once_when_an_odd_text_is_not_needed() {
    let world = World::start().await;
    for (number, token) in ODD.iter().enumerate() {
        let event = payment(&format!("odd{number}"), PAYEE, world.clock.now());
        let odd = with(&event, "/data/object/description", token);
        for body in [odd.clone(), format!("\u{feff}{odd}"), event.to_string()] {
            assert_eq!(world.send(world.request(body.as_bytes())).await.status, 200);
        }
        assert_eq!(world.executed(&key_of(&event)).len(), 1, "{token}");
    }
    assert!(world.cases().await.is_empty());
}

#[tokio::test]
async fn one_case_per_event_carries_what_can_be_read_in_whatever_bytes_it_comes() {
    let world = World::start().await;
    let event = payment("needed", PAYEE, world.clock.now());
    let first = with(&event, "/data/object/metadata/payee", r#""acct_1 \ud83d""#);
    let second = with(&event, "/data/object/metadata/payee", "1e400").replace(',', " , ");
    for body in [first.clone(), second, format!("\u{feff}{first}"), first] {
        let answer = world.send(world.request(body.as_bytes())).await;
        assert_eq!((answer.status, answer.outcome()), (200, "filed"));
    }
    let [case] = &world.cases().await[..] else { panic!("one case") };
    assert_eq!((case.reason, case.key.clone()), (Reason::InvalidEvent, Some(key_of(&event))));
    assert_eq!(case.money.unwrap().minor(), event["data"]["object"]["amount_received"].as_u64().unwrap());
    assert_eq!(case.event.as_ref().unwrap().as_str(), "evt_needed");
    assert_eq!((world.payout_requests(), case.destination.clone()), (0, None));
}

#[tokio::test]
async fn an_event_without_a_readable_type_is_one_case_under_its_own_id() {
    let world = World::start().await;
    let event = payment("typeless", PAYEE, world.clock.now());
    for token in ODD {
        let answer = world.send(world.request(with(&event, "/type", token).as_bytes())).await;
        assert_eq!((answer.status, answer.outcome()), (200, "filed"));
        assert_eq!(answer.body["events"][0]["event"], "evt_typeless");
    }
    let [case] = &world.cases().await[..] else { panic!("one case") };
    assert_eq!(case.event.as_ref().unwrap().as_str(), "evt_typeless");
}

/// Signed one by one, as Adyen does it.
fn adyen(items: &[Value]) -> String {
    let items: Vec<Value> = items.iter().map(|item| json!({"NotificationRequestItem": item})).collect();
    let body = json!({"live": "false", "notificationItems": items}).to_string();
    let secret = payonce_local::stack::sandbox_secret("PAYONCE_SANDBOX_ADYEN").unwrap();
    let provider: Provider =
        payonce_runtime::config::Config::parse(payonce_local::stack::CONFIG).unwrap().provider(Some("adyen")).unwrap();
    let sealed = provider.seal(&Secrets::new(vec![secret]).unwrap(), body.as_bytes()).into_owned();
    String::from_utf8(sealed).unwrap()
}

fn authorisation(psp: &str) -> Value {
    json!({
        "additionalData": {"shopperName": "@"}, "amount": {"currency": "EUR", "value": 4200},
        "eventCode": "AUTHORISATION", "eventDate": "2026-11-23T10:00:00+01:00", "merchantAccountCode": "SampleMerchant",
        "merchantReference": PAYEE, "pspReference": psp, "success": "true",
    })
}

fn report(day: u32) -> Value {
    json!({
        "additionalData": {}, "amount": {"currency": "EUR", "value": 0}, "eventCode": "REPORT_AVAILABLE",
        "merchantAccountCode": "SampleMerchant", "merchantReference": "", "success": "true",
        "pspReference": format!("received_payments_report_2026-11-{day:02}T00:00:00.csv"),
    })
}

fn key(psp: &str) -> PayoutKey {
    PayoutKey::new(format!("adyen/{psp}")).unwrap()
}

#[tokio::test]
async fn one_case_for_all_nightly_reports_and_the_payments_beside_them_are_paid_once() {
    let world = World::of("adyen", |text| text).await;
    for day in 1..4 {
        let psp = format!("PSPNIGHT{day}");
        let body = adyen(&[report(day), authorisation(&psp)]);
        for _ in 0..2 {
            assert_eq!(world.send(world.request(body.as_bytes())).await.status, 200);
        }
        assert_eq!(world.executed(&key(&psp)).len(), 1);
        assert_eq!(world.send(world.request(adyen(&[report(day)]).as_bytes())).await.status, 200);
    }
    assert_eq!(world.reasons().await, [(Reason::UnroutedEvent, 1)].into());
    assert_eq!(world.payout_requests(), 3);
}

#[tokio::test]
async fn an_ignored_report_is_no_case() {
    let text = "[providers.adyen]\nignore = ['REPORT_AVAILABLE']";
    let world = World::of("adyen", |config| config.replace("[providers.adyen]", text)).await;
    let answer = world.send(world.request(adyen(&[report(1)]).as_bytes())).await;
    assert_eq!((answer.status, answer.outcome()), (200, "no_payout"));
    assert!(world.cases().await.is_empty());
}

#[tokio::test]
async fn pays_once_when_what_adyen_did_not_sign_is_odd() {
    let world = World::of("adyen", |text| text).await;
    for (number, token) in ODD.iter().enumerate() {
        let psp = format!("PSPODD{number}");
        let body = adyen(&[authorisation(&psp)]).replace("\"@\"", token);
        for _ in 0..2 {
            assert_eq!(world.send(world.request(body.as_bytes())).await.status, 200, "{token}");
        }
        assert_eq!(world.executed(&key(&psp)).len(), 1, "{token}");
    }
    assert!(world.cases().await.is_empty());
}

#[tokio::test]
async fn refuses_what_does_not_fit_its_signature_whatever_stands_beside_it() {
    let world = World::of("adyen", |text| text).await;
    let body = adyen(&[report(1), authorisation("PSPFORGED")]).replace("4200", "4201");
    assert_eq!(world.send(world.request(body.as_bytes())).await.status, 401);
    assert_eq!((world.payout_requests(), world.cases().await.len()), (0, 0));
}

#[tokio::test]
async fn one_case_per_payment_whose_references_are_uncertain() {
    let world = World::of("adyen", |text| text).await;
    let mut uncertain = authorisation("PSP:UNCERTAIN");
    for note in ["a", "b"] {
        uncertain["reason"] = note.into();
        let answer = world.send(world.request(adyen(&[uncertain.clone()]).as_bytes())).await;
        assert_eq!((answer.status, answer.outcome()), (200, "filed"));
    }
    let [case] = &world.cases().await[..] else { panic!("one case") };
    assert_eq!((case.money.unwrap().to_string().as_str(), world.payout_requests()), ("42.00 EUR", 0));
}

/// Whatever stands at whatever place of a signed body: a 200, the payout as it was asked for or a case, and never both
/// refused and forgotten.
#[tokio::test]
async fn every_place_of_a_body_may_be_odd_and_the_answer_is_paid_or_one_case() {
    let world = World::start().await;
    let (mut number, mut paid, mut filed) = (0, 0, 0);
    let sample = payment("places", PAYEE, world.clock.now()).to_string();
    let places: Vec<usize> = sample.match_indices('"').map(|(at, _)| at + 1).collect();
    for at in places {
        for odd in [r"\ud83d", r"\x", "\n", r"\ud83d\ude00"] {
            number += 1;
            // Another event each time, whose charge is another.
            let event = payment(&format!("places{number}"), PAYEE, world.clock.now());
            let text = event.to_string();
            let Some((before, after)) = text.split_at_checked(at) else { continue };
            let body = format!("{before}{odd}{after}");
            let executed = world.payout_requests();
            for _ in 0..2 {
                assert_eq!(world.send(world.request(body.as_bytes())).await.status, 200, "{body}");
            }
            let sent = world.payout_requests() - executed;
            let opened = world.cases().await.len() - filed;
            assert!(sent + opened as u64 <= 1, "{body}");
            paid += sent;
            filed += opened;
            for transfer in world.executed(&key_of(&event)) {
                assert_eq!(transfer.amount, event["data"]["object"]["amount_received"].as_u64().unwrap(), "{body}");
                assert_eq!(transfer.destination, PAYEE);
            }
        }
    }
    assert!(paid > 20 && filed > 20, "{paid} paid, {filed} filed");
}
