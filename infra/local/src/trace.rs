//! `payonce trace`: the story of one payout, for whoever is on call. It reads the tables alone, of the stack that is up on this machine
//! or of one that is deployed, with a ledger that has no power to write; no rail and no provider is asked.
//!
//! * `find` leads from whatever id is at hand to payout keys, as the console's search does.
//! * `gather` reads everything that the tables hold of them, and puts it in order.
//! * `next` says what will happen by itself.
//! * `show` is what of it people and programs read.

mod find;
mod gather;
mod next;
mod show;

use std::error::Error;

use clap::Args;
use payonce_ledger::powers::Reader;
use payonce_ledger::{Credentials, Ledger, LedgerError, Settings, Tables};
use payonce_protocol::UnixMillis;
use payonce_runtime::clock::Clock;
use serde_json::Value;

use crate::PORT;
use crate::control::{Target, trouble};
use crate::reconcile::LOCAL_PORT;
use crate::report::Paint;
use find::{Found, NotFound};
use gather::Story;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Ends with 0 when there is a story, with 1 when nothing is found, or several that are not one story. It reads \
    the tables and writes none; bodies of deliveries are never shown. Duplicates and refused signatures leave nothing in the \
    tables: infra/queries/payout.txt follows a payout key through the functions' logs.\n\n\
    payonce trace stripe/pi_3QzX7n --local\n\
    payonce trace evt_1QzX7n --stack payonce --region eu-central-1"
)]
pub struct Options {
    /// A payout key, a provider's event or object, a rail key, an attempt or a case: any id that a page, a log line or the rail shows
    #[arg(value_name = "KEY")]
    key: String,
    /// Of the stack that is up on this machine [default port: 4242]
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = LOCAL_PORT)]
    local: Option<u16>,
    #[command(flatten)]
    target: Target,
}

const _: () = assert!(PORT == 4242);

/// What was asked, and what was told.
pub struct Told {
    asked: String,
    /// For people: which tables.
    place: String,
    now: UnixMillis,
    said: Said,
}

enum Said {
    Story(Box<Story>),
    NotFound(NotFound),
}

/// Whatever fails names where it was tried, and why in plain words.
pub async fn run(options: &Options) -> Result<Told, Failure> {
    let place = Place::of(options)?;
    let now = Clock::system().now();
    let asked = options.key.trim().to_owned();
    match told(&place.ledger, &asked, now).await {
        Ok(said) => Ok(Told { asked, place: place.name, now, said }),
        Err(error) => Err(place.why(&options.target, &error).await.into()),
    }
}

async fn told(ledger: &Ledger<Reader>, asked: &str, now: UnixMillis) -> Result<Said, LedgerError> {
    Ok(match find::find(ledger, asked, now).await? {
        Found::Nothing(looked) => Said::NotFound(looked),
        Found::Several(hits) => match gather::one_of(ledger, &hits, now).await? {
            Some(story) => Said::Story(Box::new(story)),
            None => Said::NotFound(NotFound::several(ledger, hits).await?),
        },
    })
}

impl Told {
    pub fn is_found(&self) -> bool {
        matches!(self.said, Said::Story(_))
    }

    pub fn text(&self, paint: Paint) -> String {
        show::text(self, paint)
    }

    pub fn json(&self) -> Value {
        show::json(self)
    }
}

/// Which tables: of the stack on this machine, or of one that is deployed.
struct Place {
    ledger: Ledger<Reader>,
    name: String,
    local: Option<String>,
}

impl Place {
    fn of(options: &Options) -> Result<Self, Failure> {
        let target = &options.target;
        let own = target.own_endpoint().map(str::to_owned);
        let local =
            options.local.map(|port| own.clone().unwrap_or(format!("http://127.0.0.1:{}", port.saturating_add(2))));
        let credentials = match local {
            Some(_) => Credentials::Given { key_id: "sandbox".to_owned(), secret: "sandbox".to_owned() },
            None => {
                trouble::credentials().map_err(|why| trouble::tried(target, &why))?;
                Credentials::Environment
            }
        };
        let [audit, bodies, reconcile] = ["audit", "bodies", "reconcile"].map(|what| target.table(what));
        let name = match &local {
            Some(dynamodb) => format!("the stack on this machine, {dynamodb}: tables {audit}, {reconcile}"),
            None => format!("tables {audit}, {reconcile}, {}", target.region),
        };
        let endpoint = local.clone().or(own);
        let settings = Settings { region: target.region.clone(), endpoint, credentials, authorities: None };
        let ledger = Ledger::new(&settings, Tables { audit, bodies, reconcile })?;
        Ok(Self { ledger: ledger.narrowed::<Reader>().as_ref().clone(), name, local })
    }

    async fn why(&self, target: &Target, error: &LedgerError) -> String {
        match &self.local {
            None => trouble::tried(target, &trouble::why(target, error).await),
            Some(dynamodb) => format!("{error}; is the stack up? (cargo run) tried: {dynamodb}"),
        }
    }
}
