//! A server that misbehaves by script, over plain TCP or TLS, and keeps account of what reached it. After its script it
//! reads until the client is gone: whatever arrives, however late, is counted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Long enough for a busy machine; whoever waits as long as this fails.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Nobody listens.
    Shut,
    Plain,
    Tls,
    TlsOfAStranger,
    TlsForAnotherName,
    TlsWithH2Only,
    ResetBeforeServerHello,
    SilenceInsteadOfTls,
    CutBeforeServerHello,
    CutInsideServerHello,
    ResetInsideServerHello,
}

impl Door {
    pub fn speaks_tls(self) -> bool {
        !matches!(self, Self::Plain | Self::Shut)
    }
}

#[derive(Clone, Debug)]
pub enum Do {
    /// Waits for the first bytes without reading them.
    Peek,
    ReadBytes(usize),
    ReadRequest,
    Send(Vec<u8>),
    /// The same bytes again and again, until the client is gone.
    Flood(Vec<u8>),
    /// A byte at a time.
    Drip(Vec<u8>),
    /// Lets the time of a client that waits for this run out.
    Mark,
    /// Waits for [`Server::release`].
    Hold,
    /// An orderly end of what we send (with close_notify over TLS).
    Fin,
    /// FIN without close_notify.
    Cut,
    Reset,
}

#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Done before the client may pay.
    pub before: Vec<Do>,
    pub after: Vec<Do>,
}

/// What reached the server.
#[derive(Debug, Default)]
pub struct Seen {
    pub accepted: usize,
    /// Application bytes of each connection.
    pub bytes: Vec<Vec<u8>>,
    /// Connections that the client still held open when everything should have been over.
    pub stuck: usize,
}

impl Seen {
    /// The whole requests, and how many bytes of further ones came beside them.
    pub fn requests(&self) -> (Vec<Vec<u8>>, usize) {
        let (mut whole, mut beside) = (Vec::new(), 0);
        for bytes in &self.bytes {
            let mut rest = &bytes[..];
            while let Some(length) = request_length(rest).filter(|length| *length <= rest.len()) {
                whole.push(rest[..length].to_vec());
                rest = &rest[length..];
            }
            beside += rest.len();
        }
        (whole, beside)
    }
}

#[derive(Default)]
struct Signals {
    connected: bool,
    ready: bool,
    marked: bool,
    released: bool,
}

#[derive(Default)]
pub struct Signal(Mutex<Signals>, Condvar);

impl Signal {
    fn set(&self, change: impl Fn(&mut Signals)) {
        change(&mut self.0.lock().unwrap());
        self.1.notify_all();
    }

    fn wait(&self, what: &str, is_there: impl Fn(&Signals) -> bool) {
        let guard = self.0.lock().unwrap();
        let (_guard, timeout) = self.1.wait_timeout_while(guard, DEADLINE, |signals| !is_there(signals)).unwrap();
        assert!(!timeout.timed_out(), "the server never came to {what}");
    }

    pub fn wait_for_mark(&self) {
        self.wait("its mark", |signals| signals.marked);
    }
}

pub struct Server {
    address: SocketAddr,
    door: Door,
    roots: RootCertStore,
    stop: Arc<AtomicBool>,
    pub signal: Arc<Signal>,
    acceptor: Option<JoinHandle<Vec<JoinHandle<Ended>>>>,
}

struct Ended {
    bytes: Vec<u8>,
    stuck: bool,
}

impl Server {
    /// The n-th connection follows the n-th script, further ones the last.
    pub fn start(door: Door, scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (config, roots) = tls(door);
        let (stop, signal) = (Arc::<AtomicBool>::default(), Arc::<Signal>::default());
        let acceptor = (door != Door::Shut).then(|| {
            listener.set_nonblocking(true).unwrap();
            let (stop, signal) = (stop.clone(), signal.clone());
            thread::spawn(move || {
                let mut connections = Vec::new();
                loop {
                    let last_look = stop.load(Ordering::SeqCst);
                    match listener.accept() {
                        Ok((socket, _)) => {
                            let script = scripts[connections.len().min(scripts.len() - 1)].clone();
                            let (config, signal) = (config.clone(), signal.clone());
                            connections.push(thread::spawn(move || serve(socket, door, config, script, &signal)));
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            if last_look {
                                return connections;
                            }
                            thread::sleep(Duration::from_millis(1));
                        }
                        Err(error) => panic!("accept: {error}"),
                    }
                }
            })
        });
        Self { address, door, roots, stop, signal, acceptor }
    }

    pub fn url(&self) -> String {
        let (scheme, host) = if self.door.speaks_tls() { ("https", "localhost") } else { ("http", "127.0.0.1") };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    pub fn roots(&self) -> RootCertStore {
        self.roots.clone()
    }

    /// The client has its connection: waits until everything that is to happen before the payment has happened.
    pub fn wait_until_ready(&self) {
        self.signal.set(|signals| signals.connected = true);
        self.signal.wait("the end of its first part", |signals| signals.ready);
    }

    pub fn release(&self) {
        self.signal.set(|signals| signals.released = true);
    }

    /// Waits for the end of every connection. The client must have let go of all of them by itself.
    pub fn finish(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let connections = self.acceptor.map(|acceptor| acceptor.join().unwrap()).unwrap_or_default();
        let mut seen = Seen { accepted: connections.len(), ..Seen::default() };
        for connection in connections {
            let ended = connection.join().unwrap();
            seen.stuck += usize::from(ended.stuck);
            seen.bytes.push(ended.bytes);
        }
        seen
    }
}

enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Line {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &tls.sock,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        }
    }
}

fn serve(socket: TcpStream, door: Door, config: Arc<ServerConfig>, script: Script, signal: &Signal) -> Ended {
    socket.set_nonblocking(false).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    let mut ended = Ended { bytes: Vec::new(), stuck: false };
    let Some(mut line) = open(socket, door, config, &mut ended) else { return ended };
    if !script.before.is_empty() {
        signal.wait("the client's connection", |signals| signals.connected);
    }
    let mut is_there = true;
    for step in script.before {
        is_there = is_there && perform(&mut line, step, &mut ended, signal);
    }
    if !is_there {
        drop(line);
        signal.set(|signals| signals.ready = true);
        return ended;
    }
    signal.set(|signals| signals.ready = true);
    for step in script.after {
        if !perform(&mut line, step, &mut ended, signal) {
            return ended;
        }
    }
    while read_more(&mut line, &mut ended) {}
    ended
}

/// The handshake, or what takes its place; `None` when the connection is over.
fn open(mut socket: TcpStream, door: Door, config: Arc<ServerConfig>, ended: &mut Ended) -> Option<Line> {
    let cut_short = matches!(door, Door::CutInsideServerHello | Door::ResetInsideServerHello);
    match door {
        Door::Plain | Door::Shut => return Some(Line::Plain(socket)),
        Door::ResetBeforeServerHello => {
            let _ = socket.peek(&mut [0; 1]);
            reset(&socket);
        }
        Door::SilenceInsteadOfTls => {
            ended.stuck = drain(&mut socket);
        }
        Door::CutBeforeServerHello => {
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.shutdown(Shutdown::Write);
            ended.stuck = drain(&mut socket);
        }
        _ => {
            let mut tls = ServerConnection::new(config).unwrap();
            if cut_short {
                while tls.read_tls(&mut socket).is_ok_and(|read| read > 0)
                    && tls.process_new_packets().is_ok()
                    && !tls.wants_write()
                {}
                let mut flight = Vec::new();
                while tls.wants_write() {
                    tls.write_tls(&mut flight).unwrap();
                }
                socket.write_all(&flight[..flight.len() / 2]).unwrap();
                if door == Door::ResetInsideServerHello {
                    reset(&socket);
                } else {
                    let _ = socket.shutdown(Shutdown::Write);
                    ended.stuck = drain(&mut socket);
                }
                return None;
            }
            while tls.is_handshaking() {
                if tls.complete_io(&mut socket).is_err() {
                    return None;
                }
            }
            return Some(Line::Tls(Box::new(StreamOwned::new(tls, socket))));
        }
    }
    None
}

/// Reads what is no request; true when the client never went away.
fn drain(socket: &mut TcpStream) -> bool {
    loop {
        match socket.read(&mut [0; 4096]) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return is_timeout(&error),
        }
    }
}

/// False when the connection is over.
fn perform(line: &mut Line, step: Do, ended: &mut Ended, signal: &Signal) -> bool {
    match step {
        Do::Peek => line.socket().peek(&mut [0; 1]).is_ok(),
        Do::ReadBytes(count) => {
            let mut buffer = vec![0; count];
            let mut read = 0;
            while read < count {
                match line.read(&mut buffer[read..]) {
                    Ok(more) if more > 0 => read += more,
                    _ => return false,
                }
            }
            ended.bytes.extend(buffer);
            true
        }
        Do::ReadRequest => {
            while request_length(&ended.bytes).is_none_or(|length| ended.bytes.len() < length) {
                if !read_more(line, ended) {
                    return false;
                }
            }
            true
        }
        Do::Send(bytes) => line.send(&bytes).is_ok(),
        Do::Flood(bytes) => {
            while line.send(&bytes).is_ok() {}
            true
        }
        Do::Drip(bytes) => {
            for byte in bytes {
                if line.send(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(2));
            }
            true
        }
        Do::Mark => {
            signal.set(|signals| signals.marked = true);
            true
        }
        Do::Hold => {
            signal.wait("its release", |signals| signals.released);
            true
        }
        Do::Fin => {
            if let Line::Tls(tls) = line {
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
            line.socket().shutdown(Shutdown::Write).is_ok()
        }
        Do::Cut => line.socket().shutdown(Shutdown::Write).is_ok(),
        Do::Reset => {
            reset(line.socket());
            false
        }
    }
}

/// The socket's drop sends RST.
fn reset(socket: &TcpStream) {
    socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO)).unwrap();
}

fn read_more(line: &mut Line, ended: &mut Ended) -> bool {
    let mut buffer = [0; 4096];
    match line.read(&mut buffer) {
        Ok(0) => false,
        Ok(read) => {
            ended.bytes.extend_from_slice(&buffer[..read]);
            true
        }
        Err(error) => {
            ended.stuck |= is_timeout(&error);
            false
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The length of the request that `bytes` begin with, once its head is whole.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(head + length.map_or(0, |length| length.parse::<usize>().unwrap()))
}

fn tls(door: Door) -> (Arc<ServerConfig>, RootCertStore) {
    let name = if door == Door::TlsForAnotherName { "elsewhere.example" } else { "localhost" };
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    if door == Door::TlsOfAStranger {
        roots.add(generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().clone()).unwrap();
    } else {
        roots.add(cert.der().clone()).unwrap();
    }
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![if door == Door::TlsWithH2Only { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    (Arc::new(config), roots)
}

/// Waits for a condition that nothing can signal.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "never came: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
