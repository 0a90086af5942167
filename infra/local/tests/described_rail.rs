//! The sandbox's described rail against the requests that payonce prepares: what a description promises, it does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]

use http::{HeaderName, HeaderValue};
use payonce_local::sandbox_rail::SandboxRail;
use payonce_local::sender::{Answered, post};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_rails::{Rail, RailConfig, RailSecret};
use payonce_runtime::clock::Clock;
use serde_json::Value;

const NOW: u64 = 1_795_428_000_000;
const SECRETS: [&str; 2] = ["sk_test_pays:x", "sk_test_reads:x"];

struct Played {
    sandbox: SandboxRail,
    rail: Rail,
    clock: Clock,
    authorization: &'static str,
}

async fn played(description: &str, authorization: &'static str) -> Played {
    #[derive(serde::Deserialize)]
    struct File {
        rail: RailConfig,
    }
    let config = toml::from_str::<File>(&description.replace("rzp_live_", "")).unwrap().rail;
    let clock = Clock::manual(NOW);
    let sandbox = SandboxRail::of(&config, 0, SECRETS.map(str::to_owned), None, clock.clone()).await.unwrap();
    let config = RailConfig { url: sandbox.url(), ..config };
    let rail = Rail::new(&config, RailSecret::new(SECRETS[0]).unwrap(), None, None).unwrap();
    Played { sandbox, rail, clock, authorization }
}

impl Played {
    /// The request as it is prepared, with the body changed where something else is to be sent.
    async fn pays(&self, order: &PayoutOrder, change: (&str, &str)) -> Answered {
        let shown = self.rail.shown(&self.rail.prepare(order, 1).unwrap());
        let to = self.sandbox.url()["http://".len()..].to_owned();
        let body = shown.body.replace(change.0, change.1);
        let skipped = ["host", "content-length", "content-type", "authorization"];
        let own = shown.headers.iter().filter(|(name, _)| !skipped.contains(&name.as_str()));
        let header =
            |name: &str, value: &str| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        let mut headers: Vec<_> = own.map(|(name, value)| header(name, value)).collect();
        headers.push(header("authorization", self.authorization));
        post(&to, &shown.path, body.as_bytes(), headers).await.unwrap()
    }
}

fn order(payee: &str, currency: &str) -> PayoutOrder {
    PayoutOrder {
        key: PayoutKey::new(format!("till/{payee}")).unwrap(),
        event: EventId::new("ev_1").unwrap(),
        money: Money::new(420_050, 2, currency.parse().unwrap()).unwrap(),
        destination: Destination::new(payee).unwrap(),
        rail_fields: Default::default(),
        former_keys: vec![],
    }
}

fn body(answered: &Answered) -> Value {
    serde_json::from_str(&answered.body).unwrap()
}

const NO_CHANGE: (&str, &str) = ("\u{0}", "");
const BASIC: &str = "Basic c2tfdGVzdF9wYXlzOng=";

#[tokio::test]
async fn a_repeated_key_is_answered_with_the_first_result_while_it_lives() {
    let razorpayx = include_str!("../../rails/razorpayx.toml");
    let rail = played(razorpayx, BASIC).await;
    let first = rail.pays(&order("fa_1", "INR"), NO_CHANGE).await;
    assert_eq!((first.status, &body(&first)["amount"]), (200, &420_050.into()));
    assert_eq!(body(&first)["status"], "queued");
    let again = rail.pays(&order("fa_1", "INR"), NO_CHANGE).await;
    assert_eq!((again.status, body(&again)), (200, body(&first)));
    let other = rail.pays(&order("fa_1", "INR"), ("420050", "420051")).await;
    assert_eq!((other.status, rail.sandbox.executed().len()), (409, 1));
    // After its life the key is fresh, and the rail pays once more: whoever sends it then pays twice.
    rail.clock.set(NOW + 169 * 3_600_000);
    let late = rail.pays(&order("fa_1", "INR"), NO_CHANGE).await;
    assert_eq!((late.status, rail.sandbox.executed().len()), (200, 2));
    assert_eq!(rail.sandbox.requests().into_iter().collect::<Vec<_>>(), [("till/fa_1".to_owned(), 4)]);
}

#[tokio::test]
async fn another_request_than_the_described_one_is_not_executed() {
    let rail = played(include_str!("../../rails/razorpayx.toml"), BASIC).await;
    for change in [("\"IMPS\"", "\"NEFT\""), ("\"purpose\":\"payout\",", ""), ("420050", "\"420050\""), ("INR", "XAU")]
    {
        assert_eq!(rail.pays(&order("fa_1", "INR"), change).await.status, 400, "{change:?}");
    }
    let reads = Played { authorization: "Basic c2tfdGVzdF9yZWFkczp4", ..rail };
    assert_eq!(reads.pays(&order("fa_1", "INR"), NO_CHANGE).await.status, 403);
    let nobody = Played { authorization: "Basic eDp4", ..reads };
    assert_eq!(nobody.pays(&order("fa_1", "INR"), NO_CHANGE).await.status, 401);
    assert!(nobody.sandbox.executed().is_empty());
}

/// A form, a bearer's secret, a key that is marked when it is repeated.
#[tokio::test]
async fn a_rail_that_takes_forms_is_played_too() {
    let stripe = include_str!("../../../shared/rails/tests/hostile/stripe_as_http.toml");
    let rail = played(stripe, "Bearer sk_test_pays:x").await;
    let paid = rail.pays(&order("acct_1", "EUR"), NO_CHANGE).await;
    assert_eq!(paid.status, 200, "{}", paid.body);
    let [executed] = &rail.sandbox.executed()[..] else { panic!("{:?}", rail.sandbox.executed()) };
    assert_eq!((executed.amount, executed.currency.as_str(), executed.payout_key()), (420_050, "eur", "till/acct_1"));
    let refused = rail.pays(&order("acct_sandboxRefuses", "EUR"), NO_CHANGE).await;
    assert_eq!((refused.status, rail.sandbox.requests().len()), (422, 2), "{refused:?}");
    assert_eq!(rail.sandbox.executed().len(), 1);
}
