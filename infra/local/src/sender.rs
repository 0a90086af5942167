//! A provider, as seen from its own side: it signs, posts over HTTP, comes back when it is not answered 2xx, and keeps
//! the list of what it sent. The books are made from this list, so that an event which left no trace is missed.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use payonce_protocol::ids::Digest;
use payonce_providers::{Provider, Secrets};
use payonce_runtime::clock::Clock;
use serde_json::Value;
use tokio::net::TcpStream;

/// What the sender knows must come of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One payout, or a case that says why not.
    Payout,
    /// No payout, and a case.
    Case,
    /// Neither.
    Nothing,
}

/// One event that was sent, however often.
#[derive(Clone, Debug)]
pub struct Sent {
    pub event: String,
    /// The payout key that the event asks for.
    pub payout_key: Option<String>,
    /// What a case about it may name: the event, its type, its body.
    pub about: Vec<String>,
    pub expected: Expected,
    /// Its last answer was a 2xx: it will not be sent again.
    pub acknowledged: bool,
}

/// An answer to one delivery.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub body: String,
}

pub struct Sender {
    to: SocketAddr,
    provider: Arc<Provider>,
    secrets: Secrets,
    clock: Clock,
    sent: Mutex<BTreeMap<String, Sent>>,
    answers: Mutex<BTreeMap<u16, u64>>,
}

impl Sender {
    pub fn new(to: SocketAddr, provider: Arc<Provider>, secrets: Secrets, clock: Clock) -> Self {
        Self { to, provider, secrets, clock, sent: Mutex::default(), answers: Mutex::default() }
    }

    /// Signs and posts one event, and notes it.
    pub async fn deliver(&self, event: &Value, key: Option<&str>, expected: Expected) -> io::Result<Answered> {
        let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let about = vec![word("type")];
        self.deliver_bytes(&word("id"), event.to_string().as_bytes(), about, key, expected).await
    }

    pub async fn deliver_bytes(
        &self,
        id: &str,
        body: &[u8],
        mut about: Vec<String>,
        key: Option<&str>,
        expected: Expected,
    ) -> io::Result<Answered> {
        let headers = self.provider.sign(&self.secrets, body, self.clock.now());
        let answered = self.post(body, headers).await?;
        about.extend([id.to_owned(), Digest::of(body).to_string()]);
        let sent = Sent {
            about,
            event: id.to_owned(),
            payout_key: key.map(str::to_owned),
            expected,
            acknowledged: (200..300).contains(&answered.status),
        };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), sent);
        Ok(answered)
    }

    /// Posts a body with headers that somebody else made. It is on nobody's list.
    pub async fn post(&self, body: &[u8], headers: Vec<(HeaderName, HeaderValue)>) -> io::Result<Answered> {
        let answered = post(self.to, &Self::path(self.provider.name()), body, headers).await?;
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(answered.status).or_default() += 1;
        Ok(answered)
    }

    /// Where a provider posts to.
    pub fn path(provider: &str) -> String {
        format!("/webhooks/{provider}")
    }

    pub fn sign(&self, body: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        self.provider.sign(&self.secrets, body, self.clock.now())
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// How many deliveries were answered with which status.
    pub fn answers(&self) -> BTreeMap<u16, u64> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One POST on a fresh connection.
pub async fn post(
    to: SocketAddr,
    path: &str,
    body: &[u8],
    headers: Vec<(HeaderName, HeaderValue)>,
) -> io::Result<Answered> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(path).header("host", to.to_string()).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).map_err(io::Error::other)?;
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok(Answered { status, body: String::from_utf8_lossy(&body).into_owned() })
}
