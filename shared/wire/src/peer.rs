//! A host that is asked one question on one fresh connection: by the very wire of a payout, so without pool, redirect,
//! proxy or retry. For what moves no money by itself: an issuer's keys, a source payment's state, the way to payer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use payonce_protocol::UnixMillis;
use rustls::RootCertStore;
use thiserror::Error;
use tokio::time::Instant;

use crate::connect::{ConnectFailure, Connection, Connector, Stream, Target};
use crate::exchange::{Exchange, Gate};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum PeerFailure {
    /// Nothing was sent.
    #[error(transparent)]
    Connect(#[from] ConnectFailure),
    /// The request may have arrived.
    #[error("no complete answer ({0})")]
    NoAnswer(&'static str),
}

#[derive(Clone)]
pub struct Peer {
    connector: Connector,
    authority: String,
    host: HeaderValue,
}

impl Peer {
    /// `url` is scheme, host and port; `http://` is for a loopback host only. `roots` instead of the public authorities.
    pub fn new(url: &str, roots: Option<RootCertStore>) -> Result<Self, &'static str> {
        let target = Target::parse(url)?;
        let authority = target.authority();
        let host = HeaderValue::from_str(&authority).map_err(|_| "has a host that no header can name")?;
        Ok(Self { connector: Connector::new(target, roots)?, authority, host })
    }

    /// The value of the `Host` header.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether this is that host. No port is the scheme's own.
    pub fn is_at(&self, host: &str, port: Option<u16>) -> bool {
        self.connector.is_to(host, port)
    }

    /// TCP and TLS, afresh. No byte of HTTP is written.
    pub async fn connect(&self, within: Duration) -> Result<Connection, ConnectFailure> {
        self.connector.connect(within).await
    }

    /// The same, for whoever sends more than one request on it: that may send one of them again.
    pub async fn stream(&self, within: Duration) -> Result<Box<dyn Stream>, ConnectFailure> {
        self.connector.stream(within).await
    }

    /// The request names path and query; its host is set here, its length by hyper.
    pub async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
        answer_bytes_at_most: u64,
    ) -> Result<Response<Bytes>, PeerFailure> {
        let deadline = Instant::now() + within;
        let connection = self.connect(within).await?;
        let within = deadline.saturating_duration_since(Instant::now());
        let answer = self.ask_on(connection, request, within, answer_bytes_at_most).await.answer;
        answer.map_err(|failure| PeerFailure::NoAnswer(failure.as_str()))
    }

    /// The same on a connection to this host that stands already. The tally says whether anything was sent.
    pub async fn ask_on(
        &self,
        connection: Connection,
        mut request: Request<Full<Bytes>>,
        within: Duration,
        answer_bytes_at_most: u64,
    ) -> Exchange {
        request.headers_mut().insert(header::HOST, self.host.clone());
        // A question moves no money: its first byte is never too late.
        let gate = Gate { first_byte_before: UnixMillis::MAX, within, now: &|| 0 };
        connection.exchange(request, &gate, answer_bytes_at_most).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_is_one_host_and_says_which() {
        let peer = Peer::new("https://api.example.com:8443", None).unwrap();
        assert_eq!(peer.authority(), "api.example.com:8443");
        assert!(peer.is_at("api.example.com", Some(8443)) && !peer.is_at("api.example.com", None));
    }
}
