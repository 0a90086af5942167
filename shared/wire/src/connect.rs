//! The way to a host, up to the moment before the first request byte: resolve, TCP, TLS. A fresh connection for each
//! request; there is no pool and no proxy, so there is nothing to switch off. Of an earlier connection only TLS's session is taken up
//! again, which spares its certificates, and never with early data.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::exchange::{Exchange, Gate, exchange};

/// Where a host is: scheme, name and port of its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    tls: bool,
}

impl Target {
    /// `http://` is for a host on this machine only.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "is not a URL")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("must begin with https:// (or http:// on a loopback host)"),
        };
        let authority = uri.authority().ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("must not hold a user or a password");
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err("must end after host and port");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err("has no host");
        }
        if !tls && !is_loopback(&host) {
            return Err("may use http:// on a loopback host only");
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() != authority.host() => return Err("has a port that is none"),
            None => default_port(tls),
        };
        Ok(Self { host, port, tls })
    }

    /// The value of the `Host` header.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Why a connection does not stand. Nothing was offered: the event is still unclaimed.
#[derive(Debug, Error)]
pub enum ConnectFailure {
    #[error("the host name does not resolve")]
    Resolve(#[source] io::Error),
    #[error("http:// led to an address that is not loopback")]
    NotLoopback,
    #[error("no TCP connection to the host")]
    Tcp(#[source] io::Error),
    #[error("no TLS session with the host")]
    Tls(#[source] io::Error),
    #[error("the host chose another protocol than HTTP/1.1")]
    Protocol,
    #[error("connecting took too long ({0})")]
    TooLong(&'static str),
}

impl ConnectFailure {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "resolve",
            Self::NotLoopback => "not_loopback",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Protocol => "protocol",
            Self::TooLong(_) => "too_long",
        }
    }
}

pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Io for T {}

/// A TCP connection, with TLS unless the host is this machine. Nothing of HTTP was written on it.
pub struct Connection {
    stream: Box<dyn Io>,
}

impl Connection {
    /// Sends `request` and reads its whole answer. When this returns, or is dropped, the socket is gone. `receive_at_most`
    /// bounds everything that the host sends.
    pub async fn exchange(self, request: Request<Full<Bytes>>, gate: &Gate<'_>, receive_at_most: u64) -> Exchange {
        exchange(self.stream, request, gate, receive_at_most).await
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// A client has one host.
const SESSIONS_AT_MOST: usize = 8;
/// Tried in the order of the resolver; the time is shared among them.
const ADDRESSES_AT_MOST: usize = 4;

#[derive(Clone)]
pub(crate) struct Connector {
    target: Target,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    pub(crate) fn new(target: Target, roots: Option<RootCertStore>) -> Result<Self, &'static str> {
        let tls = if target.tls {
            let name =
                ServerName::try_from(target.host.clone()).map_err(|_| "has a host that no certificate can name")?;
            Some((TlsConnector::from(Arc::new(tls_config(roots)?)), name))
        } else {
            None
        };
        Ok(Self { target, tls })
    }

    pub(crate) fn is_to(&self, host: &str, port: Option<u16>) -> bool {
        let Target { host: ours, port: our_port, tls } = &self.target;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case(ours) && port.unwrap_or(default_port(*tls)) == *our_port
    }

    pub(crate) async fn connect(&self, within: Duration) -> Result<Connection, ConnectFailure> {
        let deadline = Instant::now() + within;
        let addresses =
            timeout_at(deadline, self.resolve()).await.map_err(|_| ConnectFailure::TooLong("resolve"))??;
        let tcp = open(&addresses, deadline).await?;
        tcp.set_nodelay(true).map_err(ConnectFailure::Tcp)?;
        // Dropping the connection resets it, so that the kernel forgets what it could not deliver yet. Otherwise a
        // request that we gave up would lie in the send queue, and could still arrive minutes after our answer (one-request-per-attempt).
        tcp.set_zero_linger().map_err(ConnectFailure::Tcp)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Connection { stream: Box::new(tcp) });
        };
        let tls = timeout_at(deadline, connector.connect(name.clone(), tcp))
            .await
            .map_err(|_| ConnectFailure::TooLong("tls"))?
            .map_err(ConnectFailure::Tls)?;
        match tls.get_ref().1.alpn_protocol() {
            None | Some(b"http/1.1") => Ok(Connection { stream: Box::new(tls) }),
            Some(_) => Err(ConnectFailure::Protocol),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectFailure> {
        let Target { host, port, tls } = &self.target;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(ConnectFailure::Resolve)?;
        let addresses: Vec<_> = found.take(ADDRESSES_AT_MOST).collect();
        if !tls && addresses.iter().any(|address| !address.ip().is_loopback()) {
            return Err(ConnectFailure::NotLoopback);
        }
        Ok(addresses)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that connects")]
async fn open(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    let mut failure = ConnectFailure::Resolve(io::ErrorKind::NotFound.into());
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - tried) as u32;
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(refused)) => failure = ConnectFailure::Tcp(refused),
            Err(_) => failure = ConnectFailure::TooLong("tcp"),
        }
    }
    Err(failure)
}

fn tls_config(roots: Option<RootCertStore>) -> Result<ClientConfig, &'static str> {
    let roots = roots.unwrap_or_else(|| RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    let mut config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|_| "has no TLS version in common with us")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_AT_MOST);
    // 0-RTT data can be replayed by anybody on the way.
    config.enable_early_data = false;
    Ok(config)
}
