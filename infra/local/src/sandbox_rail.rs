//! A rail that pays nobody: it answers as Stripe documents its transfers, keeps a ledger of what it executed, and
//! misbehaves when the payee's name asks for it. Nothing here is told what payonce believes; its ledger is the other side
//! of the books.
//!
//! What is documented, and done here:
//! * <https://docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability>: with `source_transaction` the
//!   transfer gets the charge's `transfer_group`, or `group_` and the PaymentIntent's id, whatever the request asked for.
//!   All transfers of a charge together are no more than the charge, and of its currency.
//! * <https://docs.stripe.com/api/transfers/create>, `…/object`, `…/retrieve`: metadata is kept as it was sent.
//! * <https://docs.stripe.com/api/transfers/list>: newest first, `limit` 1 to 100 and 10 by default, `starting_after`,
//!   `created[…]`, `destination`, `transfer_group`. How long a transfer may be missing there is not documented: the lag is
//!   on request.
//! * <https://docs.stripe.com/api/idempotent_requests>: keys for 24 hours, other parameters refused, replays marked.
//! * <https://docs.stripe.com/api/accounts/retrieve>: `GET /v1/account` is the account of the key that asks.
//!   <https://docs.stripe.com/keys#limit-access>: a restricted key may do what it was given; ours reads, or does not.
//! * <https://docs.stripe.com/error-codes>: `resource_missing`, `parameter_missing`. For a sum or a currency that does not fit the
//!   charge no code is documented, so none is given.
//!
//! What is not imitated: balances and funds that are not available yet, reversals, connected accounts that do not exist or
//! may not be paid, conversion of a charge into the account's currency, `ending_before`, `expand`, versions. Charges are
//! what their ids say (`charges`).

mod described;
mod serving;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use payonce_protocol::ids::Digest;
use payonce_rails::RailConfig;
use payonce_runtime::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use crate::behaviour::Behaviour;
use crate::charges::Charge;
use crate::form::{field, form};
pub use crate::transfers::{PAYOUT_KEY, Transfer};
use crate::transfers::{list, metadata};
use described::Described;
use serving::{Died, serve};

/// How long an idempotency key is remembered, <https://docs.stripe.com/api/idempotent_requests>.
const KEY_LIFE_MS: u64 = 24 * 3_600_000;

/// What the whole rail does for a while, whoever the payee is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Nothing listens: connections are refused.
    Down,
    /// Every payout is answered 503, and none executed.
    Unavailable,
}

impl Weather {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fair => "fair",
            Self::Down => "down",
            Self::Unavailable => "unavailable",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Fair, Self::Down, Self::Unavailable].into_iter().find(|weather| weather.word() == word)
    }
}

/// The answer that a rail key is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    /// SHA-256 of the request's body, in hex.
    body: String,
    at: u64,
    status: u16,
    answer: Value,
}

/// A payout request that arrived, as a line of the rail's file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Arrived {
    payout_key: String,
    idempotency_key: String,
    executed: Option<Transfer>,
    remembered: Option<Remembered>,
}

#[derive(Default)]
struct State {
    file: Option<PathBuf>,
    executed: Vec<Transfer>,
    /// By rail key.
    keys: BTreeMap<String, Remembered>,
    /// Payout requests that arrived, executed or not, by payout key.
    requests: BTreeMap<String, u64>,
    connections: u64,
    manners: Manners,
}

/// What a test or a scene may change while the rail is up.
#[derive(Default)]
struct Manners {
    /// How long an executed payout is missing from the list.
    list_lag_ms: u64,
    /// A list that ends before this second is not answered.
    lists_from: u64,
    /// A key of another account, which has paid nothing.
    stranger: Option<String>,
    /// The restricted key may not read the account.
    hides_account: bool,
    /// Charges that are not the sandbox's are somebody's own, and bring in enough.
    takes_any_charge: bool,
}

/// What a caller must show.
struct Secrets {
    pays: String,
    reads: String,
}

/// The account of the sandbox's keys.
pub const ACCOUNT: &str = "acct_sandboxPlatform";
pub const STRANGER: &str = "acct_sandboxStranger";

/// The running sandbox.
pub struct SandboxRail {
    address: SocketAddr,
    desk: Arc<Desk>,
    weather: watch::Sender<Weather>,
    serving: JoinHandle<()>,
}

struct Desk {
    clock: Clock,
    secrets: Mutex<Secrets>,
    state: Mutex<State>,
    account: String,
    /// The rail that it plays instead of Stripe's.
    described: Option<Described>,
}

impl Drop for SandboxRail {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl SandboxRail {
    /// `pays` may do everything, `reads` may only look up; `file` keeps the books over a restart.
    pub async fn start(port: u16, secrets: [String; 2], file: Option<PathBuf>, clock: Clock) -> io::Result<Self> {
        Self::playing(ACCOUNT, None, port, secrets, file, clock).await
    }

    /// In place of the rail that a configuration names: Stripe with that account, or one that answers as it is described.
    pub async fn of(
        rail: &RailConfig,
        port: u16,
        secrets: [String; 2],
        file: Option<PathBuf>,
        clock: Clock,
    ) -> io::Result<Self> {
        let account = rail.account.as_deref().unwrap_or_default();
        let described = rail.http.as_deref().cloned().map(Described::new);
        Self::playing(account, described, port, secrets, file, clock).await
    }

    async fn playing(
        account: &str,
        described: Option<Described>,
        port: u16,
        [pays, reads]: [String; 2],
        file: Option<PathBuf>,
        clock: Clock,
    ) -> io::Result<Self> {
        let mut state = State::default();
        if let Some(path) = file.as_ref().filter(|path| path.exists()) {
            for line in std::fs::read_to_string(path)?.lines() {
                state.note(serde_json::from_str(line)?);
            }
        }
        state.file = file;
        let listener = crate::listen(port).await?;
        let address = listener.local_addr()?;
        let (secrets, state, account) = (Mutex::new(Secrets { pays, reads }), Mutex::new(state), account.to_owned());
        let desk = Arc::new(Desk { clock, secrets, state, account, described });
        let (weather, watched) = watch::channel(Weather::Fair);
        let serving = tokio::spawn(serve(listener, address, desk.clone(), watched));
        Ok(Self { address, desk, weather, serving })
    }

    pub fn is_described(&self) -> bool {
        self.desk.described.is_some()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the weather, and returns once it is felt: a rail that is down refuses connections from here on.
    pub async fn set_weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
        loop {
            let listens = TcpStream::connect(self.address).await.is_ok();
            if listens == (weather != Weather::Down) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// From here on an executed payout is listed only after this long.
    pub fn set_list_lag_ms(&self, list_lag_ms: u64) {
        self.desk.state().manners.list_lag_ms = list_lag_ms;
    }

    /// A list of a time that was over then is answered 500, as where what is old is kept elsewhere.
    pub fn lose_lists_before(&self, ms: u64) {
        self.desk.state().manners.lists_from = ms / 1000;
    }

    /// The keys are rotated: the old ones are answered 401.
    pub fn set_secrets(&self, [pays, reads]: [String; 2]) {
        *self.desk.secrets.lock().unwrap_or_else(PoisonError::into_inner) = Secrets { pays, reads };
    }

    /// From here on a charge with an id that is not the sandbox's own is known.
    pub fn take_any_charge(&self) {
        self.desk.state().manners.takes_any_charge = true;
    }

    /// Takes a key of another account, too.
    pub fn admit_stranger(&self, secret: &str) {
        self.desk.state().manners.stranger = Some(secret.to_owned());
    }

    /// Whether the restricted key may not read the account.
    pub fn set_account_hidden(&self, hidden: bool) {
        self.desk.state().manners.hides_account = hidden;
    }

    /// Payouts of somebody else from the same account.
    pub fn plant(&self, transfers: impl IntoIterator<Item = Transfer>) {
        self.desk.state().executed.extend(transfers);
    }

    /// Changes what was executed for a payout key, as nobody told us: taken back, altered, or gone (`None`). Says whether there
    /// was any.
    pub fn change(&self, payout_key: &str, change: impl Fn(Transfer) -> Option<Transfer>) -> bool {
        let mut state = self.desk.state();
        let (of_key, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.executed).into_iter().partition(|transfer| transfer.payout_key() == payout_key);
        let changes = !of_key.is_empty();
        state.executed = others.into_iter().chain(of_key.into_iter().filter_map(change)).collect();
        state.executed.sort_by_key(|transfer| transfer.created);
        changes
    }

    /// A day passes for the rail: a request under a key from before is a new one.
    pub fn forget_keys(&self) {
        self.desk.state().keys.clear();
    }

    /// What somebody sees at the rail's own dashboard: whether it paid this.
    pub fn has_paid(&self, payout_key: &str) -> bool {
        self.desk.state().executed.iter().any(|transfer| transfer.payout_key() == payout_key)
    }

    /// Everything that was executed, the oldest first.
    pub fn executed(&self) -> Vec<Transfer> {
        self.desk.state().executed.clone()
    }

    /// How many payout requests arrived for each payout key, executed or not.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.desk.state().requests.clone()
    }

    /// How many connections were taken, used or not.
    pub fn connections(&self) -> u64 {
        self.desk.state().connections
    }

    /// The ledger, with what was executed more than once for one payout key.
    pub fn json(&self) -> Value {
        let state = self.desk.state();
        let mut per_key: BTreeMap<&str, u64> = BTreeMap::new();
        for transfer in &state.executed {
            *per_key.entry(transfer.payout_key()).or_default() += 1;
        }
        let twice: Vec<&&str> = per_key.iter().filter(|(_, times)| **times > 1).map(|(key, _)| key).collect();
        json!({
            "requests": state.requests.values().sum::<u64>(),
            "executed": state.executed.len(),
            "paid_twice": twice,
            "transfers": state.executed.iter().map(Transfer::json).collect::<Vec<_>>(),
        })
    }
}

/// Whose key was shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Pays,
    Reads,
    Stranger,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>, weather: Weather) -> Result<Response<Full<Bytes>>, Died> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Died)?.to_bytes();
        if let Some(described) = &self.described {
            return self.answer_as(described, &head, &body, weather).await;
        }
        let shown = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = shown("authorization").strip_prefix("Bearer ").unwrap_or_default();
        let Some(caller) = self.caller(bearer) else {
            return Ok(error(StatusCode::UNAUTHORIZED, "invalid_request_error", None));
        };
        let missing = || error(StatusCode::NOT_FOUND, "invalid_request_error", Some("resource_missing"));
        match (&head.method, head.uri.path()) {
            (&Method::POST, "/v1/transfers") if caller != Caller::Pays => {
                Ok(error(StatusCode::FORBIDDEN, "invalid_request_error", Some("secret_key_required")))
            }
            (&Method::POST, "/v1/transfers") => self.pay(shown("idempotency-key"), &body, weather).await,
            (&Method::GET, "/v1/account") => Ok(self.account(caller)),
            (&Method::GET, "/v1/transfers") => Ok(self.list(caller, head.uri.query().unwrap_or_default())),
            (&Method::GET, _) if caller == Caller::Stranger => Ok(missing()),
            (&Method::GET, path) => Ok(self.one(path.strip_prefix("/v1/transfers/").unwrap_or_default())),
            _ => Ok(missing()),
        }
    }

    fn caller(&self, bearer: &str) -> Option<Caller> {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if bearer == secrets.pays {
            Some(Caller::Pays)
        } else if bearer == secrets.reads {
            Some(Caller::Reads)
        } else {
            self.state().manners.stranger.as_ref().filter(|stranger| **stranger == bearer).map(|_| Caller::Stranger)
        }
    }

    fn account(&self, caller: Caller) -> Response<Full<Bytes>> {
        let id = match caller {
            Caller::Reads if self.state().manners.hides_account => {
                return error(StatusCode::FORBIDDEN, "invalid_request_error", Some("more_permissions_required"));
            }
            Caller::Stranger => STRANGER,
            Caller::Pays | Caller::Reads => &self.account,
        };
        respond(StatusCode::OK, &json!({ "id": id, "object": "account" }))
    }

    async fn pay(&self, key: &str, body: &[u8], weather: Weather) -> Result<Response<Full<Bytes>>, Died> {
        let form = form(&String::from_utf8_lossy(body));
        let behaviour = Behaviour::of(field(&form, "destination").unwrap_or_default());
        let settled = self.settle(key, body, &form, behaviour, weather)?;
        match behaviour {
            Behaviour::Hangs | Behaviour::ExecutesThenHangs => std::future::pending().await,
            Behaviour::Dies | Behaviour::ExecutesThenDies => Err(Died),
            _ => Ok(settled),
        }
    }

    /// Executes or does not, writes the books, and says what the answer would be.
    fn settle(
        &self,
        key: &str,
        body: &[u8],
        form: &[(String, String)],
        behaviour: Behaviour,
        weather: Weather,
    ) -> Result<Response<Full<Bytes>>, Died> {
        let mut state = self.state();
        let now = self.clock.now();
        let digest = Digest::of(body).to_string();
        let mut arrived = Arrived {
            payout_key: field(form, &format!("metadata[{PAYOUT_KEY}]")).unwrap_or_default().to_owned(),
            idempotency_key: key.to_owned(),
            executed: None,
            remembered: None,
        };
        if weather == Weather::Unavailable {
            state.write(arrived)?;
            return Ok(error(StatusCode::SERVICE_UNAVAILABLE, "api_error", None));
        }
        if let Some(before) = state.keys.get(key).filter(|before| now < before.at + KEY_LIFE_MS).cloned() {
            state.write(arrived)?;
            if before.body != digest {
                return Ok(error(StatusCode::BAD_REQUEST, "idempotency_error", None));
            }
            let mut replay = respond(StatusCode::from_u16(before.status).unwrap_or_default(), &before.answer);
            replay.headers_mut().insert("idempotent-replayed", http::HeaderValue::from_static("true"));
            return Ok(replay);
        }
        let amount = field(form, "amount").and_then(|text| text.parse().ok());
        let (Some(amount), Some(currency), Some(destination)) =
            (amount, field(form, "currency"), field(form, "destination"))
        else {
            state.write(arrived)?;
            return Ok(error(StatusCode::BAD_REQUEST, "invalid_request_error", Some("parameter_missing")));
        };
        let source_transaction = field(form, "source_transaction").map(str::to_owned);
        let mut transfer = Transfer {
            id: format!("tr_sandbox{:06}", state.executed.len() + 1),
            amount,
            currency: currency.to_owned(),
            destination: destination.to_owned(),
            source_transaction,
            transfer_group: field(form, "transfer_group").map(str::to_owned),
            metadata: metadata(form),
            idempotency_key: key.to_owned(),
            created: now / 1000,
            amount_reversed: 0,
        };
        if let Err(code) = state.take_from_charge(&mut transfer) {
            let answer = json!({ "error": { "type": "invalid_request_error", "code": code } });
            let status = StatusCode::BAD_REQUEST;
            let refused = respond(status, &answer);
            arrived.remembered = Some(Remembered { body: digest, at: now, status: status.as_u16(), answer });
            state.write(arrived)?;
            return Ok(refused);
        }
        let (status, answer) = behaviour.says(&transfer);
        let answered = if behaviour == Behaviour::Html { html() } else { respond(status, &answer) };
        // A limiter stands before the idempotency layer, and a proxy before the rail: neither leaves anything under the
        // key. Nor does what never ended.
        if behaviour.executes() || matches!(behaviour, Behaviour::Refuses | Behaviour::Answers500) {
            arrived.remembered = Some(Remembered { body: digest, at: now, status: status.as_u16(), answer });
        }
        arrived.executed = behaviour.executes().then_some(transfer);
        state.write(arrived)?;
        Ok(answered)
    }

    fn one(&self, id: &str) -> Response<Full<Bytes>> {
        let state = self.state();
        let found = state.executed.iter().find(|transfer| transfer.id == id);
        found.map_or_else(
            || error(StatusCode::NOT_FOUND, "invalid_request_error", Some("resource_missing")),
            |transfer| respond(StatusCode::OK, &transfer.json()),
        )
    }

    fn list(&self, caller: Caller, query: &str) -> Response<Full<Bytes>> {
        let state = self.state();
        let visible_until = self.clock.now().saturating_sub(state.manners.list_lag_ms) / 1000;
        if crate::transfers::ends_before(query, state.manners.lists_from) {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "api_error", None);
        }
        let executed = if caller == Caller::Stranger { &[] } else { state.executed.as_slice() };
        match list(executed, query, visible_until) {
            Ok(page) => respond(StatusCode::OK, &page),
            Err((status, code)) => error(status, "invalid_request_error", code),
        }
    }
}

impl State {
    /// A transfer that names a charge gets its group, and no more than is left of it. The error's code, where one is known.
    fn take_from_charge(&self, transfer: &mut Transfer) -> Result<(), Option<&'static str>> {
        let Some(id) = &transfer.source_transaction else { return Ok(()) };
        let charge = match Charge::of(id) {
            None if self.manners.takes_any_charge => return Ok(()),
            known => known.ok_or(Some("resource_missing"))?,
        };
        let of_charge = self.executed.iter().filter(|before| before.source_transaction.as_ref() == Some(id));
        let taken: u64 = of_charge.map(|before| before.amount).sum();
        if transfer.currency != charge.currency || taken.saturating_add(transfer.amount) > charge.amount {
            return Err(None);
        }
        transfer.transfer_group = Some(charge.group);
        Ok(())
    }

    /// The file first: what is executed is not forgotten.
    fn write(&mut self, arrived: Arrived) -> Result<(), Died> {
        if let Some(path) = &self.file {
            crate::append_line(path, &arrived).map_err(|_| Died)?;
        }
        self.note(arrived);
        Ok(())
    }

    fn note(&mut self, arrived: Arrived) {
        *self.requests.entry(arrived.payout_key).or_default() += 1;
        self.executed.extend(arrived.executed);
        if let Some(remembered) = arrived.remembered.filter(|_| !arrived.idempotency_key.is_empty()) {
            self.keys.insert(arrived.idempotency_key, remembered);
        }
    }
}

fn error(status: StatusCode, kind: &str, code: Option<&str>) -> Response<Full<Bytes>> {
    respond(status, &json!({ "error": { "type": kind, "code": code } }))
}

fn html() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"<html><title>403 Forbidden</title></html>")));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    response
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
