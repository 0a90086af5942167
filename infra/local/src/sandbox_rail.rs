//! A rail that pays nobody: it answers as Stripe documents its transfers, keeps a ledger of what it executed, and
//! misbehaves when the payee's name asks for it. Nothing here is told what payonce believes; its ledger is the other side
//! of the books.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use payonce_protocol::ids::Digest;
use payonce_runtime::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use crate::behaviour::Behaviour;
use crate::form::{field, form};

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

/// A payout that was executed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Transfer {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub destination: String,
    /// Our searchable reference: the payout key.
    pub transfer_group: String,
    pub idempotency_key: String,
    /// Seconds since 1970.
    pub created: u64,
}

impl Transfer {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "transfer",
            "amount": self.amount,
            "amount_reversed": 0,
            "created": self.created,
            "currency": self.currency,
            "destination": self.destination,
            "livemode": false,
            "metadata": {},
            "reversed": false,
            "transfer_group": self.transfer_group,
        })
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
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Arrived {
    transfer_group: String,
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
}

/// What a caller must show.
struct Secrets {
    pays: String,
    reads: String,
}

/// The running sandbox.
pub struct SandboxRail {
    address: SocketAddr,
    desk: Arc<Desk>,
    weather: watch::Sender<Weather>,
    serving: JoinHandle<()>,
}

struct Desk {
    clock: Clock,
    secrets: Secrets,
    state: Mutex<State>,
}

impl Drop for SandboxRail {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl SandboxRail {
    /// `pays` may do everything, `reads` may only look up; `file` keeps the books over a restart.
    pub async fn start(port: u16, [pays, reads]: [String; 2], file: Option<PathBuf>, clock: Clock) -> io::Result<Self> {
        let mut state = State::default();
        if let Some(path) = file.as_ref().filter(|path| path.exists()) {
            for line in std::fs::read_to_string(path)?.lines() {
                state.note(serde_json::from_str(line)?);
            }
        }
        state.file = file;
        let listener = crate::listen(port).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk { clock, secrets: Secrets { pays, reads }, state: Mutex::new(state) });
        let (weather, watched) = watch::channel(Weather::Fair);
        let serving = tokio::spawn(serve(listener, address, desk.clone(), watched));
        Ok(Self { address, desk, weather, serving })
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
            *per_key.entry(&transfer.transfer_group).or_default() += 1;
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

async fn serve(listener: TcpListener, address: SocketAddr, desk: Arc<Desk>, mut weather: watch::Receiver<Weather>) {
    let mut listener = Some(listener);
    loop {
        let now = *weather.borrow_and_update();
        match (&listener, now) {
            (Some(_), Weather::Down) => listener = None,
            (None, Weather::Fair | Weather::Unavailable) => listener = TcpListener::bind(address).await.ok(),
            (Some(open), _) => tokio::select! {
                accepted = open.accept() => {
                    if let Ok((stream, _)) = accepted {
                        desk.state().connections += 1;
                        tokio::spawn(converse(stream, desk.clone(), weather.clone()));
                    }
                }
                _ = weather.changed() => {}
            },
            (None, Weather::Down) => {
                if weather.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>, weather: watch::Receiver<Weather>) {
    let service = service_fn(move |request| {
        let desk = desk.clone();
        let weather = *weather.borrow();
        async move { desk.answer(request, weather).await }
    });
    // A connection that ends badly is part of the play.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
struct Died;

impl From<Infallible> for Died {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl std::fmt::Debug for Died {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the sandbox rail died, as it was asked to")
    }
}

impl std::fmt::Display for Died {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Died {}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>, weather: Weather) -> Result<Response<Full<Bytes>>, Died> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Died)?.to_bytes();
        let shown = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bearer = shown("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if bearer != self.secrets.pays && bearer != self.secrets.reads {
            return Ok(error(StatusCode::UNAUTHORIZED, "invalid_request_error", None));
        }
        match (&head.method, head.uri.path()) {
            (&Method::POST, "/v1/transfers") if bearer != self.secrets.pays => {
                Ok(error(StatusCode::FORBIDDEN, "invalid_request_error", Some("secret_key_required")))
            }
            (&Method::POST, "/v1/transfers") => self.pay(shown("idempotency-key"), &body, weather).await,
            (&Method::GET, "/v1/transfers") => Ok(self.list(head.uri.query().unwrap_or_default())),
            (&Method::GET, path) => Ok(self.one(path.strip_prefix("/v1/transfers/").unwrap_or_default())),
            _ => Ok(error(StatusCode::NOT_FOUND, "invalid_request_error", None)),
        }
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
            transfer_group: field(form, "transfer_group").unwrap_or_default().to_owned(),
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
        let transfer = Transfer {
            id: format!("tr_sandbox{:06}", state.executed.len() + 1),
            amount,
            currency: currency.to_owned(),
            destination: destination.to_owned(),
            transfer_group: arrived.transfer_group.clone(),
            idempotency_key: key.to_owned(),
            created: now / 1000,
        };
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

    fn list(&self, query: &str) -> Response<Full<Bytes>> {
        let query = form(query);
        let wanted = |name: &str| field(&query, name);
        let since: u64 = wanted("created[gte]").and_then(|text| text.parse().ok()).unwrap_or(0);
        let state = self.state();
        let mut found: Vec<&Transfer> = state
            .executed
            .iter()
            .rev()
            .filter(|transfer| wanted("transfer_group").is_none_or(|group| group == transfer.transfer_group))
            .filter(|transfer| transfer.created >= since)
            .collect();
        if let Some(after) = wanted("starting_after") {
            found = found.into_iter().skip_while(|transfer| transfer.id != after).skip(1).collect();
        }
        let limit: usize = wanted("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let data: Vec<Value> = found.into_iter().map(Transfer::json).collect();
        let list = json!({ "object": "list", "url": "/v1/transfers", "has_more": has_more, "data": data });
        respond(StatusCode::OK, &list)
    }
}

impl State {
    /// The file first: what is executed is not forgotten.
    fn write(&mut self, arrived: Arrived) -> Result<(), Died> {
        if let Some(path) = &self.file {
            crate::append_line(path, &arrived).map_err(|_| Died)?;
        }
        self.note(arrived);
        Ok(())
    }

    fn note(&mut self, arrived: Arrived) {
        *self.requests.entry(arrived.transfer_group).or_default() += 1;
        self.executed.extend(arrived.executed);
        if let Some(remembered) = arrived.remembered {
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
