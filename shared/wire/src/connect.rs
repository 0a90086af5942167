//! The way to a host, up to the moment before the first request byte: resolve, TCP, TLS. A fresh connection for each
//! request; there is no pool and no proxy, so there is nothing to switch off. (`stream` is for records alone, which are kept in a pool.) Of an earlier connection only TLS's session is taken up
//! again, which spares its certificates, and never with early data.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::connect::Connected;
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

    /// A name of this machine may be made to lead elsewhere, where nothing would keep a request secret.
    fn may_be_at(&self, addresses: &[SocketAddr]) -> bool {
        self.tls || addresses.iter().all(|address| address.ip().is_loopback())
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

/// A TCP connection, with TLS unless the host is this machine.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// For hyper's pool of records' connections.
impl hyper_util::client::legacy::connect::Connection for Box<dyn Stream> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// On which nothing of HTTP was written.
pub struct Connection {
    stream: Box<dyn Stream>,
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
        Ok(Connection { stream: self.stream(within).await? })
    }

    pub(crate) async fn stream(&self, within: Duration) -> Result<Box<dyn Stream>, ConnectFailure> {
        let deadline = Instant::now() + within;
        let addresses =
            timeout_at(deadline, self.resolve()).await.map_err(|_| ConnectFailure::TooLong("resolve"))??;
        let tcp = open(&addresses, deadline).await?;
        tcp.set_nodelay(true).map_err(ConnectFailure::Tcp)?;
        // Dropping the connection resets it, so that the kernel forgets what it could not deliver yet. Otherwise a
        // request that we gave up would lie in the send queue, and could still arrive minutes after our answer (one-request-per-attempt).
        tcp.set_zero_linger().map_err(ConnectFailure::Tcp)?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let tls = timeout_at(deadline, connector.connect(name.clone(), tcp))
            .await
            .map_err(|_| ConnectFailure::TooLong("tls"))?
            .map_err(ConnectFailure::Tls)?;
        match tls.get_ref().1.alpn_protocol() {
            None | Some(b"http/1.1") => Ok(Box::new(tls)),
            Some(_) => Err(ConnectFailure::Protocol),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectFailure> {
        let Target { host, port, .. } = &self.target;
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(ConnectFailure::Resolve)?;
        let addresses: Vec<_> = found.take(ADDRESSES_AT_MOST).collect();
        if self.target.may_be_at(&addresses) { Ok(addresses) } else { Err(ConnectFailure::NotLoopback) }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that connects")]
async fn open(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    let mut failure = ConnectFailure::Resolve(io::ErrorKind::NotFound.into());
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        match timeout_at(Instant::now() + share(left, addresses.len() - tried), TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(refused)) => failure = ConnectFailure::Tcp(refused),
            Err(_) => failure = ConnectFailure::TooLong("tcp"),
        }
    }
    Err(failure)
}

/// Of the time that is left, for the next of so many addresses: one that is silent leaves the others theirs.
fn share(left: Duration, untried: usize) -> Duration {
    left / u32::try_from(untried).unwrap_or(u32::MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_is_a_host_behind_tls_or_this_machine() {
        for (url, host, port, tls, authority) in [
            ("https://api.example.com", "api.example.com", 443, true, "api.example.com"),
            ("https://API.example.com:8443/", "api.example.com", 8443, true, "api.example.com:8443"),
            ("https://api.example.com:80", "api.example.com", 80, true, "api.example.com:80"),
            ("https://[2001:db8::1]", "2001:db8::1", 443, true, "[2001:db8::1]"),
            ("http://localhost", "localhost", 80, false, "localhost"),
            ("http://127.0.0.1:8000", "127.0.0.1", 8000, false, "127.0.0.1:8000"),
            ("http://[::1]:443", "::1", 443, false, "[::1]:443"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(target, Target { host: host.to_owned(), port, tls }, "{url}");
            assert_eq!(target.authority(), authority, "{url}");
        }
        for wrong in [
            "",
            "localhost",
            "ftp://localhost",
            "http://api.example.com",
            "http://10.0.0.1",
            "https://user:planted@api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com?x=1",
            "https://api.example.com/?x=1",
            "https://api.example.com:",
            "https://:443",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_never_leaves_this_machine() {
        let [here, there] = ["127.0.0.1:80", "192.0.2.1:80"].map(|address| address.parse::<SocketAddr>().unwrap());
        let may = |url: &str, addresses: &[SocketAddr]| Target::parse(url).unwrap().may_be_at(addresses);
        assert!(may("http://localhost", &[here]) && !may("http://localhost", &[here, there]));
        assert!(may("https://api.example.com", &[here, there]));
    }

    #[test]
    fn host_is_known_by_its_name_and_port_however_they_are_written() {
        let is_to =
            |url: &str, host: &str, port| Connector::new(Target::parse(url).unwrap(), None).unwrap().is_to(host, port);
        for (host, port) in [("api.example.com", None), ("API.example.com", Some(443))] {
            assert!(is_to("https://api.example.com", host, port), "{host} {port:?}");
        }
        assert!(is_to("http://[::1]", "[::1]", None) && is_to("http://[::1]", "::1", Some(80)));
        for (host, port) in [("api.example.com", Some(80)), ("api.example.org", None), ("other.example.com", Some(443))]
        {
            assert!(!is_to("https://api.example.com", host, port), "{host} {port:?}");
        }
    }

    #[test]
    fn silent_address_leaves_the_others_their_time() {
        let second = Duration::from_secs(1);
        assert_eq!(
            (share(8 * second, 4), share(6 * second, 3), share(3 * second, 1)),
            (2 * second, 2 * second, 3 * second)
        );
    }

    /// Of a listener whose queue is full nothing comes back.
    #[tokio::test]
    async fn last_address_has_all_the_time_that_is_left() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let silent = listener.local_addr().unwrap();
        let mut queue = vec![];
        while let Ok(tcp) = open(&[silent], Instant::now() + Duration::from_millis(200)).await {
            queue.push(tcp);
        }
        let (began, within) = (Instant::now(), Duration::from_millis(600));
        assert!(matches!(open(&[silent, silent], began + within).await, Err(ConnectFailure::TooLong("tcp"))));
        assert!(began.elapsed() >= within);
    }
}
