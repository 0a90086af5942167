//! Starts everything, in the order in which it depends on each other.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use payonce_ledger::{Credentials, FiledCase, KeptRun, Ledger, LedgerError, Settings, Tables, create_tables};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::Facts;
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reconcile::terms::Settle;
use payonce_protocol::sweep::MINUTE_MS;
use payonce_providers::{Provider, Secrets, preset};
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_runtime::environment::{Environment, EnvironmentError};
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::{SecretError, SecretReader, SecretSource};
use payonce_runtime::start::{Duty, StartError, Started};
use serde_json::{Value, json};

use crate::books::{Books, CASES_AT_MOST, Records, per_reason};
use crate::desk;
use crate::dynamo::{Backup, Dynamo};
use crate::front::{Front, Page, Pages};
use crate::hand::HandBook;
use crate::held::Held;
use crate::issuer::Issuer;
use crate::sandbox_rail::{Behaviour, PAYOUT_KEY, SandboxRail, Weather};
use crate::sender::Sender;
use crate::setup::Setup;

/// The provider that most of the play is about.
pub const PROVIDER: &str = "stripe";
const TABLES: [&str; 3] = ["payonce-audit", "payonce-bodies", "payonce-reconcile"];
pub(crate) const AUDIT: &str = TABLES[0];
pub(crate) const RECONCILE: &str = TABLES[2];

/// The sandbox's configuration, as it is in the repository.
pub const CONFIG: &str = include_str!("../payonce.toml");
/// Of the rail, and of the providers whose secrets have a form of their own. Test values: they open nothing but this sandbox.
const FORMED: [(&str, &str); 7] = [
    ("PAYONCE_SANDBOX_STRIPE", "whsec_sandboxOnlyNotASecret"),
    ("PAYONCE_SANDBOX_RAIL", "sk_test_sandboxOnlyNotASecret"),
    ("PAYONCE_SANDBOX_RAIL_LOOKUP", "rk_test_sandboxOnlyNotASecret"),
    ("PAYONCE_SANDBOX_STANDARD_WEBHOOKS", "whsec_c2FuZGJveC1vbmx5LW5vdC1hLXNlY3JldA=="),
    ("PAYONCE_SANDBOX_SVIX", "whsec_c2FuZGJveC1vbmx5LW5vdC1hLXNlY3JldA=="),
    ("PAYONCE_SANDBOX_ADYEN", "5A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C0"),
    ("PAYONCE_SANDBOX_ADYEN_BALANCE_PLATFORM", "5A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C05A4DB0C0"),
];
/// Of every other provider.
const UNFORMED: &str = "sandboxOnlyNotASecret";

/// Each variable and what it holds; the rail's stand among the first.
pub fn sandbox_secrets() -> Vec<(String, String)> {
    let mut secrets = FORMED.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    for name in preset::ALL.iter().map(|preset| preset.name).chain(["custom"]).map(secret_of) {
        if !secrets.iter().any(|(known, _)| *known == name) {
            secrets.push((name, UNFORMED.to_owned()));
        }
    }
    secrets
}

pub fn sandbox_secret(name: &str) -> Option<String> {
    sandbox_secrets().into_iter().find_map(|(known, value)| (known == name).then_some(value))
}

/// The variable with the signing secret of one of the sandbox's providers.
pub fn secret_of(provider: &str) -> String {
    format!("PAYONCE_SANDBOX_{}", provider.to_ascii_uppercase())
}

/// Everything here is in its book at once, and the rail counts in seconds.
pub const SETTLE: Settle = Settle { provider_ms: 2_000, ours_ms: 2_000, rail_ms: 2_000, bank_ms: 2_000 };

/// The functions' time-out, as deployed.
pub const FUNCTION_MS: u64 = 25_000;
const CASES_SHOWN: usize = 1_000;

/// Takes the lines that Lambda would carry to CloudWatch: one for each delivery and each run of the sweeper.
pub type Lines = Box<dyn Fn(&str) + Send + Sync>;

pub struct Options {
    /// Of the front door; rail, tables and issuer listen on the three after it, or where there is room. 0: any that is free.
    pub port: u16,
    /// Where tables, rail and sender keep their books; in memory without.
    pub data: Option<PathBuf>,
    pub metrics: Lines,
}

/// The running stack.
pub struct Stack {
    pub clock: Clock,
    pub front: Front,
    pub rail: Arc<SandboxRail>,
    pub ledger: Arc<Ledger>,
    pub sender: Arc<Sender>,
    pub dynamo: Dynamo,
    sweeper: sweeper::Parts,
    reconciler: reconciler::Parts,
    started: Started,
    pub issuer: Issuer,
    /// The same that the console asks.
    pub payer: Arc<payer::App>,
    /// What people paid by hand.
    pub by_hand: HandBook,
    /// What the rail had executed when this process began.
    executed_before: usize,
    pub setup: Setup,
    /// Kept until the end: nobody else writes these books.
    _held: Option<Held>,
}

impl Stack {
    /// The sandbox's own configuration.
    pub async fn start(options: Options) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Self::with(Setup::sandbox().map_err(StartError::Config)?, options).await
    }

    pub async fn with(setup: Setup, options: Options) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let clock = Clock::system();
        let kept = |name: &str| options.data.as_ref().map(|directory| directory.join(name));
        if let Some(directory) = &options.data {
            std::fs::create_dir_all(directory)
                .map_err(|error| io::Error::new(error.kind(), format!("--data {}: {error}", directory.display())))?;
        }
        let held = options.data.as_deref().map(Held::take).transpose()?;
        // Everything that people are sent to must know where that is.
        let listener = Front::bind(options.port).await.map_err(|error| {
            let hint = if error.kind() == io::ErrorKind::AddrInUse { " (--port 0 takes any that is free)" } else { "" };
            io::Error::new(error.kind(), format!("--port {}: {error}{hint}", options.port))
        })?;
        let address = listener.local_addr()?;
        let near = |step: u16| if options.port == 0 { 0 } else { options.port.checked_add(step).unwrap_or(0) };
        let written = setup.as_written().map_err(StartError::Config)?;
        let lookup_secret = written.lookup_secret().unwrap_or_else(|| written.rail_secret());
        let rail_secrets = [written.rail_secret(), lookup_secret].map(|reference| setup.value(reference));
        let rail = SandboxRail::of(&written.rail, near(1), rail_secrets, kept("rail.jsonl"), clock.clone()).await?;
        if setup.is_own {
            rail.take_any_charge();
        }
        let dynamo = Dynamo::start(near(2), kept("dynamodb.sqlite").as_deref()).await?;

        let issuer = desk::issuer(near(3), address, clock.clone()).await?;

        let config = setup.config(&rail.url(), &issuer.url()).map_err(StartError::Config)?;
        let provider = config.providers.keys().next().map_or(PROVIDER, String::as_str);
        let environment = environment(&dynamo.url(), provider)?;
        let variables = setup.variables();
        let reader = SecretReader::with_variables(&environment, move |name| variables.get(name).cloned());
        let credentials = Credentials::Given { key_id: "sandbox".to_owned(), secret: "sandbox".to_owned() };
        let metrics = Metrics::to(clock.clone(), options.metrics);
        let started =
            Started::of(Duty::Pay, environment, config, reader.clone(), credentials, clock.clone(), metrics).await?;
        create_tables(&started.ledger).await?;
        dynamo.keep_changes(&[AUDIT, RECONCILE])?;
        let ledger = started.ledger.clone();
        ledger.start_books(started.config.key_rules(), clock.now()).await?;
        let sweeper = sweeper::Parts::of(&started, started.ledger.narrowed());
        let reconciler = reconciler::Parts::of(&started, started.ledger.narrowed()).await?;
        let reconciler = reconciler::Parts {
            settings: reconciler::Settings { settle: SETTLE, ..reconciler.settings },
            first: Some(clock.now()),
            windows: reconciler::Windows::UntilSettled,
            ..reconciler
        };
        // New tables hold nothing that would have to be made up.
        if ledger.progress().await?.is_none() {
            ledger.set_round(clock.now() / MINUTE_MS).await?;
        }
        sweeper::App::new(sweeper.clone()).run().await?;

        let (mut functions, mut signers) = (BTreeMap::new(), BTreeMap::new());
        for name in started.config.providers.keys() {
            let provider = || started.config.provider(Some(name)).map_err(StartError::Config);
            let secrets = secrets(&started, name).await?;
            functions.insert(name.clone(), Arc::new(function(&started, ledger.clone(), provider()?).await?));
            signers.insert(name.clone(), (provider()?, secrets));
        }
        let rail = Arc::new(rail);
        let pages = pages(rail.clone(), ledger.clone(), clock.clone());
        let payer = Arc::new(desk::payer(&started)?);
        let console = desk::console(&started, &reader, payer.clone(), address).await?;
        let handlers = BTreeMap::from([("console", console)]);
        let front = Front::start(listener, functions, handlers, pages, clock.clone(), FUNCTION_MS)?;
        let sender = Sender::new(front.address(), signers, clock.clone(), kept("sent.jsonl"))?;
        let by_hand = HandBook::open(kept("by_hand.jsonl"))?;
        let executed_before = rail.executed().len();
        let sender = Arc::new(sender);
        Ok(Self {
            clock,
            front,
            rail,
            ledger,
            sender,
            dynamo,
            sweeper,
            reconciler,
            started,
            issuer,
            payer,
            by_hand,
            executed_before,
            setup,
            _held: held,
        })
    }

    /// The sweeper, as it runs each minute.
    pub fn sweeper(&self) -> sweeper::App {
        sweeper::App::new(self.sweeper.clone())
    }

    /// The sweeper with a clock that is ahead, so that nobody must wait for claims to expire.
    pub async fn sweep_as_if_in(&self, minutes: u64) -> io::Result<sweeper::Report> {
        let clock = Clock::manual(self.clock.now() + minutes * MINUTE_MS);
        let app = sweeper::App::new(sweeper::Parts { clock, ..self.sweeper.clone() });
        app.run().await.map_err(io::Error::other)
    }

    /// The reconciler, as it runs each hour: of all that is settled by now.
    pub async fn reconcile(&self) -> io::Result<Option<KeptRun>> {
        let app = reconciler::App::new(self.reconciler.clone());
        app.run_within(reconciler::TIME_OUT).await.map_err(io::Error::other)?;
        let runs = self.ledger.runs(None, 1).await.map_err(io::Error::other)?;
        Ok(runs.into_iter().next())
    }

    /// All tables as they are now.
    pub fn backup(&self) -> io::Result<Backup> {
        self.dynamo.backup(&TABLES)
    }

    pub(crate) fn ledger_at(&self, dynamo: &Dynamo) -> Result<Ledger, LedgerError> {
        let [audit, bodies, reconcile] = TABLES.map(str::to_owned);
        let settings = Settings {
            region: "eu-central-1".to_owned(),
            endpoint: Some(dynamo.url()),
            credentials: Credentials::Given { key_id: "sandbox".to_owned(), secret: "sandbox".to_owned() },
            authorities: None,
        };
        Ledger::new(&settings, Tables { audit, bodies, reconcile })
    }

    /// A function of this stack's rail and configuration, upon other tables.
    pub(crate) async fn function_upon(&self, ledger: Arc<Ledger>, provider: &str) -> Result<webhook::App, StartError> {
        let provider = self.started.config.provider(Some(provider)).map_err(StartError::Config)?;
        function(&self.started, ledger, provider).await
    }

    /// Who sends as this provider.
    pub(crate) async fn signer(&self, name: &str) -> Result<(Provider, Secrets), Box<dyn Error + Send + Sync>> {
        let provider = self.started.config.provider(Some(name)).map_err(StartError::Config)?;
        Ok((provider, secrets(&self.started, name).await?))
    }

    /// Everybody who sends.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.started.config.providers.keys().map(String::as_str)
    }

    pub(crate) fn rail_of_functions(&self) -> &Rail {
        &self.started.rail
    }

    /// The books of all sides, and what the tables say about them.
    pub async fn books(&self) -> io::Result<Books> {
        let mut kept = Records {
            sent: self.sender.sent(),
            executed: self.rail.executed(),
            requests: self.rail.requests(),
            executed_before: self.executed_before,
            by_hand: self.by_hand.paid(),
            claims: self.dynamo.attempts(AUDIT)?,
            ..Records::default()
        };
        self.name_by_key(&mut kept);
        let filed = self.dynamo.cases(RECONCILE)?;
        let filed: Vec<CaseId> = filed.iter().filter_map(|id| CaseId::parse(id)).collect();
        kept.look_up(&self.ledger, &filed).await.map_err(io::Error::other)?;
        Ok(Books::compare(&kept))
    }

    /// A rail that is told a digest of the payout key names its payouts by that; the sender knows of which key it is.
    fn name_by_key(&self, kept: &mut Records) {
        for sent in &kept.sent {
            let Some(Ok(key)) = sent.payout().map(|payout| PayoutKey::new(payout.key.as_str())) else { continue };
            let reference = self.started.rail.reference(&key);
            if reference == key.as_str() {
                continue;
            }
            if let Some(times) = kept.requests.remove(&reference) {
                kept.requests.insert(key.to_string(), times);
            }
            for paid in kept.executed.iter_mut().filter(|paid| paid.payout_key() == reference) {
                paid.metadata.insert(PAYOUT_KEY.to_owned(), key.to_string());
            }
        }
    }

    /// Why payouts are not made, when they are not.
    pub async fn held(&self) -> io::Result<Option<String>> {
        let control = self.ledger.control().await.map_err(io::Error::other)?;
        let held = control.filter(|control| control.hold != Hold::Pay);
        Ok(held.map(|control| format!("{}, set by {}: {}", control.hold, control.set_by, control.why)))
    }

    pub async fn open_cases(&self) -> io::Result<BTreeMap<&'static str, usize>> {
        let cases = self.ledger.open_cases(CASES_AT_MOST).await.map_err(io::Error::other)?;
        Ok(per_reason(&cases))
    }
}

/// As a deployed one for this provider, on the stack's own rail.
async fn function(started: &Started, ledger: Arc<Ledger>, provider: Provider) -> Result<webhook::App, StartError> {
    Ok(webhook::App::new(webhook::Parts {
        secrets: source(started, provider.name()).await?,
        provider,
        rail: started.rail.clone(),
        ledger: ledger.narrowed(),
        clock: started.clock.clone(),
        limits: started.config.limits,
        metrics: started.metrics.clone(),
    }))
}

async fn source(started: &Started, provider: &str) -> Result<SecretSource, SecretError> {
    SecretSource::open(started.reader.clone(), started.config.secrets(provider), started.clock.now()).await
}

/// What a provider signs with: the same that its function verifies with.
async fn secrets(started: &Started, provider: &str) -> Result<Secrets, Box<dyn Error + Send + Sync>> {
    let secrets = source(started, provider).await?.trusted(started.clock.now()).await;
    let secrets = secrets.ok_or_else(|| io::Error::other(format!("the secrets of {provider} cannot be read")))?;
    Ok((*secrets).clone())
}

fn environment(dynamodb: &str, provider: &str) -> Result<Environment, EnvironmentError> {
    let variables = BTreeMap::from([
        ("PAYONCE_CONFIG", "infra/local/payonce.toml"),
        ("PAYONCE_AUDIT_TABLE", AUDIT),
        ("PAYONCE_BODIES_TABLE", TABLES[1]),
        ("PAYONCE_RECONCILE_TABLE", RECONCILE),
        ("PAYONCE_PROVIDER", provider),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "sandbox"),
        ("AWS_SECRET_ACCESS_KEY", "sandbox"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
    ]);
    Environment::read(|name| variables.get(name).map(|value| (*value).to_owned()))
}

fn pages(rail: Arc<SandboxRail>, ledger: Arc<Ledger>, clock: Clock) -> Pages {
    Arc::new(move |method, path, address| {
        let (rail, ledger, now) = (rail.clone(), ledger.clone(), clock.now());
        Box::pin(async move {
            match (method, path.as_str()) {
                (Method::GET, "/") => Some(Page::Html(index(address))),
                (Method::GET, "/sandbox/rail") => Some(Page::Json(rail.json())),
                (Method::GET, "/sandbox/cases") => Some(Page::Json(cases(&ledger).await)),
                (Method::POST, path) => match path.strip_prefix("/sandbox/")?.split_once('/')? {
                    ("rail", word) => {
                        let weather = Weather::parse(word)?;
                        rail.set_weather(weather).await;
                        Some(Page::Json(json!({ "rail": weather.word() })))
                    }
                    ("hold", word) => {
                        let hold = Hold::parse(word)?;
                        let set = ledger.set_hold(hold, "sandbox", "asked for by hand", now).await;
                        Some(Page::Json(set.map_or_else(problem, |control| json!({ "hold": control.hold.as_str() }))))
                    }
                    _ => None,
                },
                _ => None,
            }
        })
    })
}

fn index(address: SocketAddr) -> String {
    let misbehaviour = Behaviour::SANDBOX.iter().fold(String::new(), |rows, (payee, behaviour)| {
        format!("{rows}<tr><td><code>{payee}</code><td>{}\n", behaviour.in_words())
    });
    let page = include_str!("index.html").replace("<!-- misbehaviour -->", &misbehaviour);
    page.replace("<!-- address -->", &address.to_string())
}

fn written(at: UnixMillis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    format!("{:.3}", at.unwrap_or_default())
}

/// Open cases with what was found out about each, the oldest first.
async fn cases(ledger: &Ledger) -> Value {
    let read = async {
        let mut shown = vec![];
        for case in ledger.open_cases(CASES_SHOWN).await? {
            shown.extend(ledger.case(&case.id()).await?);
        }
        Ok::<_, LedgerError>(shown)
    };
    match read.await {
        Ok(cases) => cases.iter().map(case_json).collect(),
        Err(error) => problem(error),
    }
}

fn problem(error: LedgerError) -> Value {
    json!({ "problem": error.to_string() })
}

/// What another version wrote, too.
fn all(facts: &Facts) -> BTreeMap<&String, &String> {
    facts.iter().collect()
}

fn case_json(FiledCase { case, status, version, evidence, .. }: &FiledCase) -> Value {
    json!({
        "id": case.id().to_string(),
        "reason": case.reason.as_str(),
        "status": status.as_str(),
        "version": version,
        "provider": case.provider,
        "payout_key": case.key.as_ref().map(ToString::to_string),
        "attempt": case.attempt,
        "event": case.event.as_ref().map(ToString::to_string),
        "amount": case.money.map(|money| money.to_string()),
        "destination": case.destination.as_ref().map(ToString::to_string),
        "details": all(&case.details),
        "evidence": all(evidence),
        "opened_at": written(case.opened_at),
    })
}
