//! A proxy on loopback between the SDK and an engine. It keeps every real HTTP request that arrives, and makes the
//! faults that no engine makes by itself: lost answers, puts that land late, conflicts, throttling, an index that lags.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::http::{HeaderName, header};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::dynamo::{Background, Engine, listen};

/// One HTTP request that reached the proxy.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The operation, such as `PutItem`.
    pub target: String,
    pub body: Value,
    /// Status and body of the engine's own answer, when it was asked.
    pub engine: Option<(u16, Value)>,
}

/// What happens to a request instead of being forwarded and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Forwarded; then the connection is closed without an answer.
    DropAnswer,
    /// The connection is closed, nothing is forwarded.
    DropRequest,
    /// Nothing happens until the client gives up. [`Proxy::release_held`] forwards it: a put that lands late.
    Hold,
    /// Not forwarded; answered with this status and error code.
    Answer(u16, &'static str),
    /// Forwarded; answered with this status and error code all the same.
    AnswerAfter(u16, &'static str),
    /// Not forwarded: another transaction holds the item.
    Conflict,
    /// Not forwarded: a batch of which nothing was read, as DynamoDB answers when it is short of time.
    Unprocessed,
}

impl Fault {
    pub const SERVER_ERROR: Self = Self::Answer(500, "InternalServerError");
    pub const THROTTLE: Self = Self::Answer(400, "ProvisionedThroughputExceededException");
    pub const REPLICATED_WRITE_CONFLICT: Self = Self::Answer(400, "ReplicatedWriteConflictException");
}

struct Plan {
    times: u32,
    target: &'static str,
    containing: String,
    fault: Fault,
}

#[derive(Default)]
struct State {
    connections: usize,
    standing: usize,
    requests: usize,
    seen: Vec<Seen>,
    plans: Vec<Plan>,
    held: Vec<(Parts, Bytes)>,
    /// While the index lags: the keys of the rows that it does not show yet.
    lagging: Option<HashSet<(String, String)>>,
    /// Rows that one page of an index may have.
    page: Option<usize>,
    /// Nothing is kept of what passes: for runs too long to remember.
    forgetful: bool,
    /// Write units that the engine says it took, where somebody counts them.
    write_units: Option<u64>,
    /// How tables were described first, by what was asked.
    described: Option<BTreeMap<Bytes, Response<Full<Bytes>>>>,
}

pub struct Proxy {
    address: SocketAddr,
    upstream: SocketAddr,
    state: Arc<Mutex<State>>,
    hang_up: watch::Sender<()>,
    _serving: Background,
}

impl Proxy {
    pub fn start(engine: &Engine) -> Self {
        Self::before(engine.address())
    }

    /// In front of whatever listens there.
    pub fn before(upstream: SocketAddr) -> Self {
        let (listener, address) = listen();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let (hang_up, hung_up) = watch::channel(());
        let serving = Background::start(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (state, counted, mut hung_up) = (Arc::clone(&shared), Arc::clone(&shared), hung_up.clone());
                hung_up.mark_unchanged();
                let mut counts = lock(&counted);
                (counts.connections, counts.standing) = (counts.connections + 1, counts.standing + 1);
                drop(counts);
                let service = service_fn(move |request| handle(request, upstream, Arc::clone(&state)));
                let serve = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    tokio::select! {
                        _ = serve => {}
                        _ = hung_up.changed() => {}
                    }
                    lock(&counted).standing -= 1;
                });
            }
        });
        Self { address, upstream, state, hang_up, _serving: serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests of this operation whose body contains `containing` meet this fault.
    pub fn plan(&self, times: u32, target: &'static str, containing: &str, fault: Fault) {
        self.lock().plans.push(Plan { times, target, containing: containing.to_owned(), fault });
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    pub fn count(&self, target: &str) -> usize {
        self.lock().seen.iter().filter(|seen| seen.target == target).count()
    }

    /// Connections that were accepted so far.
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Waits for a connection that stands, and closes it and every other.
    pub async fn hang_up(&self) {
        while self.lock().standing == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.hang_up.send_replace(());
        while self.lock().standing > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Requests that arrived since the start, whatever is remembered of them.
    pub fn requests(&self) -> usize {
        self.lock().requests
    }

    /// The requests so far are counted no more, and plans are dropped.
    pub fn forget(&self) {
        let mut state = self.lock();
        state.seen.clear();
        state.plans.clear();
    }

    /// Forwards what was held, now that nobody waits for it; the engine's answers.
    pub async fn release_held(&self) -> Vec<(u16, Value)> {
        let held = std::mem::take(&mut self.lock().held);
        let mut answers = Vec::new();
        for (parts, body) in held {
            self.note_rows(&parts, &body);
            let answer = forward(parts, body, self.upstream).await;
            answers.push((answer.status().as_u16(), json_of(answer.body())));
        }
        answers
    }

    /// From now on what is written does not show in the index `by_minute`.
    pub fn lag_index(&self) {
        self.lock().lagging = Some(HashSet::new());
    }

    /// The index catches up.
    pub fn release_index(&self) {
        self.lock().lagging = None;
    }

    /// From now on nothing is kept for [`Proxy::seen`].
    pub fn remember_nothing(&self) {
        self.lock().forgetful = true;
    }

    /// From now on a page of an index has so many rows: the engine's own pages would take a megabyte.
    pub fn cut_pages(&self, rows: usize) {
        self.lock().page = Some(rows);
    }

    /// From now on each write asks the engine for the units that it takes.
    pub fn count_write_units(&self) {
        self.lock().write_units = Some(0);
    }

    /// From now on a table is described as it was described first. DynamoDB counts a table's items some every six hours
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>); this engine counts them
    /// each time, and does nothing else meanwhile: seconds with millions of them.
    pub fn remember_descriptions(&self) {
        self.lock().described = Some(BTreeMap::new());
    }

    pub fn write_units(&self) -> u64 {
        self.lock().write_units.unwrap_or_default()
    }

    fn note_rows(&self, parts: &Parts, body: &Bytes) {
        note_rows(&mut self.lock(), &target(parts), &json_of(body));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Ends the connection without an answer.
#[derive(Debug, Clone, Copy)]
struct HangUp;

impl std::fmt::Display for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the proxy hangs up")
    }
}

impl std::error::Error for HangUp {}

async fn handle(
    request: Request<Incoming>,
    upstream: SocketAddr,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, HangUp> {
    let (mut parts, body) = request.into_parts();
    let mut body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
    let target = target(&parts);
    let (index, fault) = arrived(&state, &target, &body);
    match fault {
        Some(Fault::DropRequest) => return Err(HangUp),
        Some(Fault::Hold) => {
            lock(&state).held.push((parts, body));
            return std::future::pending().await;
        }
        Some(Fault::Answer(status, code)) => return Ok(refusal(status, code)),
        Some(Fault::Unprocessed) => {
            let rest = json!({"Responses": {}, "UnprocessedKeys": json_of(&body)["RequestItems"]});
            return Ok(answer(200, rest.to_string()));
        }
        Some(Fault::Conflict) => return Ok(conflict(&target, &json_of(&body))),
        Some(Fault::DropAnswer | Fault::AnswerAfter(..)) | None => {}
    }
    let mut asked = json_of(&body);
    note_rows(&mut lock(&state), &target, &asked);
    let page = lock(&state).page;
    if let Some(rows) = page.filter(|_| asked["IndexName"].is_string()) {
        asked["Limit"] = json!(rows);
        body = Bytes::from(asked.to_string());
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let counts =
        lock(&state).write_units.is_some() && ["PutItem", "UpdateItem", "DeleteItem"].contains(&target.as_str());
    if counts {
        asked["ReturnConsumedCapacity"] = json!("TOTAL");
        body = Bytes::from(asked.to_string());
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    if target == "DescribeTable"
        && let Some(known) = lock(&state).described.as_ref().and_then(|described| described.get(&body))
    {
        return Ok(known.clone());
    }
    let answer = forward(parts, body.clone(), upstream).await;
    if target == "DescribeTable"
        && answer.status() == StatusCode::OK
        && let Some(described) = &mut lock(&state).described
    {
        described.insert(body, answer.clone().map(Full::new));
    }
    if counts {
        // A failed condition tells no units: one, as no item of ours is larger than a unit.
        let units =
            json_of(answer.body())["ConsumedCapacity"]["CapacityUnits"].as_f64().map_or(1, |units| units as u64);
        lock(&state).write_units.iter_mut().for_each(|sum| *sum += units);
    }
    if let Some(index) = index {
        let said = (answer.status().as_u16(), json_of(answer.body()));
        lock(&state).seen[index].engine = Some(said);
    }
    match fault {
        Some(Fault::DropAnswer) => Err(HangUp),
        Some(Fault::AnswerAfter(status, code)) => Ok(refusal(status, code)),
        _ => Ok(with_lag(&lock(&state), &asked, answer)),
    }
}

/// Keeps the request, and finds what is planned for it.
fn arrived(state: &Mutex<State>, target: &str, body: &Bytes) -> (Option<usize>, Option<Fault>) {
    let mut state = lock(state);
    state.requests += 1;
    let text = String::from_utf8_lossy(body);
    let index = (!state.forgetful).then_some(state.seen.len());
    if index.is_some() {
        state.seen.push(Seen { target: target.to_owned(), body: json_of(body), engine: None });
    }
    let plan =
        state.plans.iter_mut().find(|plan| plan.times > 0 && plan.target == target && text.contains(&plan.containing));
    let fault = plan.map(|plan| {
        plan.times -= 1;
        plan.fault
    });
    if state.forgetful && fault.is_some() {
        state.plans.retain(|plan| plan.times > 0);
    }
    (index, fault)
}

fn target(parts: &Parts) -> String {
    let header = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.rsplit('.').next().unwrap_or_default().to_owned()
}

fn json_of(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

/// A connection for each request: the engine never sees one of ours reused.
async fn forward(parts: Parts, body: Bytes, upstream: SocketAddr) -> Response<Bytes> {
    let stream = TcpStream::connect(upstream).await.expect("the engine is there");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection to the engine");
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await.expect("the engine's answer");
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("the whole answer").to_bytes();
    connection.abort();
    Response::from_parts(parts, body)
}

fn refusal(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = match code {
        // Somebody else than DynamoDB speaks.
        "" => "<html>no</html>".to_owned(),
        code => json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "planned"}).to_string(),
    };
    answer(status, body)
}

fn conflict(target: &str, asked: &Value) -> Response<Full<Bytes>> {
    if target != "TransactWriteItems" {
        return refusal(400, "TransactionConflictException");
    }
    let parts = asked["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons: Vec<Value> =
        (0..parts).map(|part| json!({"Code": if part == 0 { "TransactionConflict" } else { "None" }})).collect();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    answer(400, body.to_string())
}

fn answer(status: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let json = "application/x-amz-json-1.0".parse().expect("a header value");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What a write adds to the index while it lags.
fn note_rows(state: &mut State, target: &str, asked: &Value) {
    let Some(lagging) = &mut state.lagging else { return };
    let items: Vec<&Value> = match target {
        "PutItem" => vec![&asked["Item"]],
        "TransactWriteItems" => {
            asked["TransactItems"].as_array().into_iter().flatten().map(|part| &part["Put"]["Item"]).collect()
        }
        _ => vec![],
    };
    lagging.extend(items.into_iter().filter(|item| item["bucket"].is_object()).filter_map(keys));
}

fn keys(item: &Value) -> Option<(String, String)> {
    Some((item["pk"]["S"].as_str()?.to_owned(), item["sk"]["S"].as_str()?.to_owned()))
}

fn with_lag(state: &State, asked: &Value, answer: Response<Bytes>) -> Response<Full<Bytes>> {
    let (mut parts, mut body) = answer.into_parts();
    if let Some(lagging) = &state.lagging
        && asked["IndexName"] == payonce_ledger::BY_MINUTE
    {
        let mut shown = json_of(&body);
        if let Some(items) = shown["Items"].as_array_mut() {
            items.retain(|item| keys(item).is_none_or(|keys| !lagging.contains(&keys)));
            shown["Count"] = json!(items.len());
        }
        body = Bytes::from(shown.to_string());
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(HeaderName::from_static("x-amz-crc32"));
    }
    Response::from_parts(parts, Full::new(body))
}
