//! A provider, as seen from its own side: it signs, posts over HTTP, comes back when it is not answered 2xx, and keeps
//! the list of what it sent. The books are made from this list, so that an event which left no trace is missed.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_providers::{Provider, Secrets};
use payonce_runtime::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::stack::PROVIDER;

/// A body as it leaves, and its headers.
pub type Signed = (Vec<u8>, Vec<(HeaderName, HeaderValue)>);

/// What must come of an event, by what its sender knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// One payout, or a case that says why not.
    Payout(Payout),
    /// No payout, and a case of this reason.
    Case(String),
    /// Neither.
    Nothing,
}

/// The payout that an event asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    pub key: String,
    pub amount: u64,
    pub currency: String,
    pub payee: String,
}

/// One thing that was sent, however often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The event's id, unless one id was sent with two contents.
    pub name: String,
    /// What a case about it may name: the event, its type, its body.
    pub about: Vec<String>,
    pub expected: Expected,
    /// It was answered 2xx: a provider does not come back.
    pub acknowledged: bool,
}

impl Sent {
    pub fn payout(&self) -> Option<&Payout> {
        match &self.expected {
            Expected::Payout(payout) => Some(payout),
            Expected::Case(_) | Expected::Nothing => None,
        }
    }
}

/// An answer to one delivery.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: u16,
    pub body: String,
}

impl Answered {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

pub struct Sender {
    to: SocketAddr,
    /// Everybody who can send, by name.
    providers: BTreeMap<String, (Provider, Secrets)>,
    clock: Clock,
    /// Keeps the list over a restart.
    file: Option<PathBuf>,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    sent: BTreeMap<String, Sent>,
    answers: BTreeMap<u16, u64>,
}

impl Sender {
    pub fn new(
        to: SocketAddr,
        providers: BTreeMap<String, (Provider, Secrets)>,
        clock: Clock,
        file: Option<PathBuf>,
    ) -> io::Result<Self> {
        let mut list = List::default();
        if let Some(path) = file.as_ref().filter(|path| path.exists()) {
            for line in std::fs::read_to_string(path)?.lines() {
                let sent: Sent = serde_json::from_str(line)?;
                list.sent.insert(sent.name.clone(), sent);
            }
        }
        Ok(Self { to, providers, clock, file, list: Mutex::new(list) })
    }

    pub fn path(provider: &str) -> String {
        format!("/webhooks/{provider}")
    }

    /// Signs and posts one event, and notes it under its id.
    pub async fn deliver(&self, event: &Value, expected: Expected) -> io::Result<Answered> {
        let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let about = vec![word("id"), word("type")];
        self.deliver_bytes(&word("id"), event.to_string().as_bytes(), about, expected).await
    }

    pub async fn deliver_bytes(
        &self,
        name: &str,
        body: &[u8],
        mut about: Vec<String>,
        expected: Expected,
    ) -> io::Result<Answered> {
        about.push(Digest::of(body).to_string());
        let sent = Sent { name: name.to_owned(), about, expected, acknowledged: false };
        self.deliver_from(PROVIDER, body, vec![sent]).await
    }

    /// Signs and posts a body of any provider, and notes everything that is in it.
    pub async fn deliver_from(&self, provider: &str, body: &[u8], sent: Vec<Sent>) -> io::Result<Answered> {
        // On the list before it leaves: whatever becomes of the delivery, it was sent.
        sent.iter().try_for_each(|sent| self.note(sent.clone()))?;
        let (body, headers) = self.signed(provider, body)?;
        let answered = self.post_to(provider, &body, headers).await?;
        if answered.is_success() {
            sent.iter().try_for_each(|sent| self.acknowledge(&sent.name))?;
        }
        Ok(answered)
    }

    /// The body as the provider sends it now, with its headers.
    pub fn signed(&self, provider: &str, body: &[u8]) -> io::Result<Signed> {
        let (provider, secrets) = self.provider(provider)?;
        let body = provider.seal(secrets, body).into_owned();
        let headers = provider.sign(secrets, &body, self.clock.now());
        Ok((body, headers))
    }

    fn provider(&self, name: &str) -> io::Result<&(Provider, Secrets)> {
        self.providers.get(name).ok_or_else(|| io::Error::other(format!("the sandbox has no provider {name}")))
    }

    /// Posts a body with headers made elsewhere. It is not put on the sender's list.
    pub async fn post(&self, body: &[u8], headers: Vec<(HeaderName, HeaderValue)>) -> io::Result<Answered> {
        self.post_to(PROVIDER, body, headers).await
    }

    pub async fn post_to(
        &self,
        provider: &str,
        body: &[u8],
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> io::Result<Answered> {
        let answered = post(&self.to.to_string(), &Self::path(provider), body, headers).await?;
        *self.list().answers.entry(answered.status).or_default() += 1;
        Ok(answered)
    }

    pub fn sign_at(&self, body: &[u8], now: UnixMillis) -> io::Result<Vec<(HeaderName, HeaderValue)>> {
        let (provider, secrets) = self.provider(PROVIDER)?;
        Ok(provider.sign(secrets, body, now))
    }

    /// As somebody would who holds another secret.
    pub fn sign_as(&self, secret: &str, body: &[u8], now: UnixMillis) -> io::Result<Vec<(HeaderName, HeaderValue)>> {
        let secrets = Secrets::new(vec![secret.to_owned()]).map_err(io::Error::other)?;
        Ok(self.provider(PROVIDER)?.0.sign(&secrets, body, now))
    }

    /// Everything that was ever sent.
    pub fn sent(&self) -> Vec<Sent> {
        self.list().sent.values().cloned().collect()
    }

    /// How many deliveries of this process were answered with which status.
    pub fn answers(&self) -> BTreeMap<u16, u64> {
        self.list().answers.clone()
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, sent: Sent) -> io::Result<()> {
        let mut list = self.list();
        match list.sent.get_mut(&sent.name) {
            // The same again, perhaps in another body.
            Some(before) => {
                before.about.extend(sent.about);
                before.about.sort();
                before.about.dedup();
                Ok(())
            }
            None => {
                self.keep(&sent)?;
                list.sent.insert(sent.name.clone(), sent);
                Ok(())
            }
        }
    }

    fn acknowledge(&self, name: &str) -> io::Result<()> {
        let mut list = self.list();
        match list.sent.get_mut(name) {
            Some(sent) if !sent.acknowledged => {
                sent.acknowledged = true;
                self.keep(sent)
            }
            _ => Ok(()),
        }
    }

    fn keep(&self, sent: &Sent) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |path| crate::append_line(path, sent))
    }
}

/// One POST on a fresh connection, to `host:port`.
pub async fn post(to: &str, path: &str, body: &[u8], headers: Vec<(HeaderName, HeaderValue)>) -> io::Result<Answered> {
    let stream = TcpStream::connect(to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::post(path).header(header::HOST, to).header(header::CONTENT_TYPE, "application/json");
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
