//! An order, a rail to a test server, and a claim as the state machine gives it out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use payonce_protocol::event::{Action, ClaimAnswer, ClaimFacts, Claimed, Event, Input, Patience, TimeLeft};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{AttemptId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey, PayoutOrder};
use payonce_rails::{LookUpFailure, Rail, RailConfig, RailKind, RailPayout, RailSecret};
use payonce_wire::Gate;
use rustls::RootCertStore;

pub const SECRET: &str = "sk_test_hostile";
pub const ACCOUNT: &str = "acct_1Platform";
/// A window of the rail's book, to its end.
pub async fn book(rail: &Rail, window: Range<u64>) -> Result<Vec<RailPayout>, LookUpFailure> {
    let (mut book, mut payouts) = (rail.book(window)?, vec![]);
    while let Some(page) = book.next(AMPLE).await? {
        payouts.extend(page);
    }
    Ok(payouts)
}

pub const AMPLE: Duration = Duration::from_secs(20);

pub fn order() -> PayoutOrder {
    PayoutOrder {
        key: PayoutKey::new("stripe/pi_hostile").unwrap(),
        event: EventId::new("evt_hostile").unwrap(),
        money: Money::new(1234, 2, "EUR".parse().unwrap()).unwrap(),
        destination: Destination::new("acct_1Payee").unwrap(),
        rail_fields: BTreeMap::new(),
        former_keys: vec![],
    }
}

pub fn rail(url: &str, roots: RootCertStore) -> Rail {
    let secret = "env:RAIL".into();
    let account = Some(ACCOUNT.to_owned());
    let (kind, url) = (RailKind::Stripe, url.to_owned());
    let config = RailConfig { kind, url, account, secret, lookup_secret: None, payouts_a_second: None, http: None };
    Rail::new(&config, RailSecret::new(SECRET).unwrap(), None, Some(roots)).unwrap()
}

/// The same rail twice: in code, and described in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Coded,
    Described,
}

impl Make {
    pub const BOTH: [Self; 2] = [Self::Coded, Self::Described];

    pub fn rail(self, url: &str, roots: RootCertStore) -> Rail {
        if self == Self::Coded {
            return rail(url, roots);
        }
        #[derive(serde::Deserialize)]
        struct File {
            rail: RailConfig,
        }
        let File { rail } = toml::from_str(include_str!("stripe_as_http.toml")).unwrap();
        let config = RailConfig { url: url.to_owned(), ..rail };
        Rail::new(&config, RailSecret::new(SECRET).unwrap(), None, Some(roots)).unwrap()
    }
}

/// The only way to a claim: through the state machine, with a claim that was written.
pub fn claimed(request: Digest) -> Claimed {
    let ours = ClaimFacts { attempt_id: AttemptId([7; 16]), event: Digest::of("evt"), terms: Digest::of("terms") };
    let mut event = Event::new(ours, request);
    event.step(Input::Gate { hold: Hold::Pay, time: TimeLeft::ForPayout, patience: Patience::Lasts });
    event.step(Input::Connected);
    match event.step(Input::Claim(ClaimAnswer::Written)) {
        Action::Pay(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

/// A gate that stands open, by a clock that stands still.
pub fn open_gate() -> Gate<'static> {
    Gate { first_byte_before: 2_000, within: AMPLE, now: &|| 1_999 }
}

pub fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub const TRANSFER: &str = r#"{"id":"tr_1Hostile","object":"transfer","amount":1234,"currency":"eur","destination":"acct_1Payee","reversed":false,"transfer_group":"ORDER95","metadata":{"payout_key":"stripe/pi_hostile"}}"#;
