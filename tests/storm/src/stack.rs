//! The world of a storm, and what its providers would post.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payonce_ledger::{Ledger, Tables};
use payonce_local::desk::CLIENT;
use payonce_local::issuer::Issuer;
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::clock::Clock;
use payonce_runtime_api_tests::{World, now_ms};
use payonce_suite::dynamo::{self, Moment};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::plan::{Delivery, FAN_OUT, LIMIT};
use crate::process::Process;

/// The webhooks' time-out: connect, two claims, payout and record at their slowest, and a little.
pub const WITHIN: Duration = Duration::from_secs(14);
/// That of payer, as the template has it.
const PAYER_WITHIN: Duration = Duration::from_secs(27);
const SIGNING: &str = "whsec_storm_not_a_secret";
const PAYING: &str = "sk_test_storm_not_a_secret";

/// Binaries that have to be built first.
#[derive(Debug)]
pub struct Missing(pub PathBuf);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} is missing: run `cargo lambda build --release -p webhook -p sweeper -p payer` first, or name the folder that it \
             fills in PAYONCE_LAMBDA",
            self.0.display()
        )
    }
}

/// A binary as `cargo lambda build` left it.
pub fn built(name: &str) -> Result<PathBuf, Missing> {
    let folder = std::env::var_os("PAYONCE_LAMBDA").map_or_else(|| PathBuf::from("target/lambda"), PathBuf::from);
    let binary = folder.join(name).join("bootstrap");
    if binary.is_file() { Ok(binary) } else { Err(Missing(binary)) }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// One event in each delivery.
    Stripe,
    /// Many.
    GoCardless,
}

impl Sender {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::GoCardless => "gocardless",
        }
    }

    /// The payout keys that the delivery of this number asks for.
    pub fn keys(self, number: usize) -> Vec<String> {
        match self {
            Self::Stripe => vec![format!("stripe/pi_storm{number}")],
            Self::GoCardless => (0..FAN_OUT).map(|place| format!("gocardless/PM{number}x{place}")).collect(),
        }
    }

    fn body(self, number: usize, plan: &Delivery, created_s: u64) -> String {
        let Delivery { payee, amount, .. } = plan;
        match self {
            Self::Stripe => json!({
                "id": format!("evt_storm{number}"),
                "object": "event",
                "created": created_s,
                "livemode": false,
                "type": "payment_intent.succeeded",
                "data": { "object": {
                    "id": format!("pi_storm{number}"),
                    "amount_received": amount,
                    "currency": "eur",
                    "metadata": { "payee": payee },
                }},
            }),
            Self::GoCardless => {
                let created = jiff::Timestamp::from_second(created_s.cast_signed()).unwrap().to_string();
                let event = |place: usize| {
                    json!({
                        "id": format!("EV{number}x{place}"),
                        "created_at": created,
                        "resource_type": "payments",
                        "action": "confirmed",
                        "links": { "payment": format!("PM{number}x{place}") },
                        "resource_metadata": { "pence": "4200", "payee": payee },
                    })
                };
                json!({ "events": (0..FAN_OUT).map(event).collect::<Vec<_>>() })
            }
        }
        .to_string()
    }
}

/// The tables that functions which start now work with. After a restore they are others.
pub struct InUse {
    pub ledger: Arc<Ledger>,
    /// How many restores there were.
    pub number: usize,
    tables: Tables,
}

pub struct Stack {
    world: World,
    /// At which people sign in; it runs on threads of its own.
    pub issuer: Issuer,
    _issuing: Runtime,
    in_use: Mutex<Arc<InUse>>,
    binaries: [PathBuf; 3],
}

/// The rail and the proxy are used as if they were the stack's own. Its first tables are not: see [`Stack::in_use`].
impl Deref for Stack {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Stack {
    pub fn start() -> Result<Self, Missing> {
        let binaries = [built("webhook")?, built("sweeper")?, built("payer")?];
        let issuing = Runtime::new().unwrap();
        let issuer = issuing.block_on(Issuer::start(0, CLIENT, vec![], Clock::system())).unwrap();
        let world = World::start([PAYING, PAYING], |rail| config(rail, &issuer.url()));
        world.proxy.remember_nothing();
        let first = InUse { ledger: world.ledger.clone(), number: 0, tables: world.tables.clone() };
        Ok(Self { world, issuer, _issuing: issuing, in_use: Mutex::new(Arc::new(first)), binaries })
    }

    pub fn in_use(&self) -> Arc<InUse> {
        self.in_use.lock().unwrap().clone()
    }

    pub fn webhook(&self, sender: Sender) -> Process {
        self.process(0, WITHIN, Some(("PAYONCE_PROVIDER", sender.name())))
    }

    pub fn sweeper(&self) -> Process {
        self.process(1, sweeper::TIME_OUT, None)
    }

    pub fn payer(&self) -> Process {
        self.process(2, PAYER_WITHIN, None)
    }

    fn process(&self, binary: usize, within: Duration, more: Option<(&str, &str)>) -> Process {
        let in_use = self.in_use();
        let Tables { audit, bodies, reconcile } = &in_use.tables;
        let tables =
            [("PAYONCE_AUDIT_TABLE", audit), ("PAYONCE_BODIES_TABLE", bodies), ("PAYONCE_RECONCILE_TABLE", reconcile)];
        let tables = tables.map(|(name, value)| (name, value.as_str()));
        let all = [("SIGNING", SIGNING), ("PAYING", PAYING)].into_iter().chain(tables).chain(more);
        Process::start(&self.binaries[binary], in_use.number, within, &self.log(), self.world.environment(all))
    }

    /// What people ask the rail with.
    pub fn rail_for_people(&self) -> Rail {
        Rail::new(&self.config.rail, RailSecret::new(PAYING).unwrap(), None, None).unwrap()
    }

    /// Makes tables, and brings the items of that moment into them. Nobody works with them yet.
    pub fn restored(&self, moment: &Moment) -> InUse {
        let before = self.in_use();
        let tables = self.runtime.block_on(self.engine.tables());
        self.engine.restore(moment, &before.tables, &tables);
        let ledger = Arc::new(dynamo::ledger(&self.engine.url(), &tables));
        InUse { ledger, number: before.number + 1, tables }
    }

    /// Whatever starts from now on works with these.
    pub fn deploy(&self, tables: InUse) {
        *self.in_use.lock().unwrap() = Arc::new(tables);
    }

    /// What API Gateway hands over for this delivery, signed now.
    pub fn payload(&self, sender: Sender, number: usize, plan: &Delivery, created_s: u64) -> String {
        self.world.payload(sender.name(), SIGNING, &sender.body(number, plan, created_s))
    }

    /// Half an hour passes for a sweeper, which runs each minute.
    pub fn half_an_hour_later(&self) {
        self.world.sweep_upon(&self.in_use().ledger, PAYING, 30);
    }
}

pub fn now_s() -> u64 {
    now_ms() / 1_000
}

fn config(rail: &str, issuer: &str) -> String {
    format!(
        r#"
[providers.stripe]
scheme = "stripe"
secrets = ["env:SIGNING"]

[[providers.stripe.payouts]]
event = "payment_intent.succeeded"
key = "/data/object/id"
amount = "/data/object/amount_received"
currency = "/data/object/currency"
destination = "/data/object/metadata/payee"
max_amount = {{ eur = {LIMIT} }}

[providers.gocardless]
scheme = "gocardless"
mode = "test"
secrets = ["env:SIGNING"]

[[providers.gocardless.payouts]]
event = "payments/confirmed"
key = "/links/payment"
amount = "/resource_metadata/pence"
currency = "GBP"
destination = "/resource_metadata/payee"
destination_pattern = "^acct_[A-Za-z0-9]+$"

[rail]
kind = "stripe"
account = "acct_sandboxPlatform"
url = "{rail}"
secret = "env:PAYING"

[limits]
payout_ms = 1000

[console.identity]
issuer = "{issuer}"
client_id = "{CLIENT}"
cookie_secret = "env:NOBODY_HAS_IT"

[console.identity.roles]
analyst = ["payonce-analyst"]
approver = ["payonce-approver"]
"#
    )
}
