//! What a payout waits for, under TLS on both sides: the slower of two connections, then claim, payout and outcome, one after the other. Each
//! side stands behind a front that speaks TLS, counts what passes, and holds a party back until another has come: nothing here is timed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_ledger::{Ledger, Settings};
use payonce_local::stack::sandbox_secret;
use payonce_rails::{Rail, RailSecret};
use payonce_suite::dynamo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Notify};
use tokio_rustls::TlsAcceptor;

/// What happened at a front, in the order in which it did.
#[derive(Clone, Debug, PartialEq)]
enum Passed {
    /// TLS stands.
    Opened(&'static str, HandshakeKind),
    /// A request, by what it is about.
    Asked(&'static str),
    Answered(&'static str),
}

#[derive(Default)]
struct Road {
    passed: Mutex<Vec<Passed>>,
    /// Neither side answers its next handshake until the other has one to answer, too.
    at_once: AtomicBool,
    both: Both,
    /// The rail's answer waits until the body is on its way.
    body_comes: Notify,
    body_first: AtomicBool,
}

struct Both(Barrier);

impl Default for Both {
    fn default() -> Self {
        Self(Barrier::new(2))
    }
}

impl Road {
    fn note(&self, passed: Passed) {
        self.passed.lock().unwrap().push(passed);
    }

    fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut self.passed.lock().unwrap())
    }
}

struct Front {
    side: &'static str,
    road: Arc<Road>,
    acceptor: TlsAcceptor,
    upstream: String,
}

impl Front {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((tcp, _)) = listener.accept().await {
            let front = self.clone();
            tokio::spawn(async move { front.pass(tcp).await });
        }
    }

    async fn pass(&self, tcp: TcpStream) -> std::io::Result<()> {
        if self.road.at_once.load(Ordering::SeqCst) {
            tcp.peek(&mut [0]).await?;
            self.road.both.0.wait().await;
            self.road.at_once.store(false, Ordering::SeqCst);
        }
        let mut client = self.acceptor.accept(tcp).await?;
        let session = client.get_ref().1;
        self.road.note(Passed::Opened(self.side, session.handshake_kind().unwrap()));
        let mut server = TcpStream::connect(&self.upstream).await?;
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let (mut about, mut said, mut is_fresh) = ("", String::new(), true);
        loop {
            tokio::select! {
                read = client.read(&mut asked) => {
                    let bytes = &asked[..read?];
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    said.push_str(&String::from_utf8_lossy(bytes));
                    if about.is_empty() {
                        about = match self.about(&said) {
                            "claim" if !is_fresh => "claim on a connection that was used",
                            about => about,
                        };
                        if !about.is_empty() {
                            is_fresh = false;
                            self.road.note(Passed::Asked(about));
                        }
                        if about == "body" {
                            self.road.body_comes.notify_one();
                        }
                    }
                    server.write_all(bytes).await?;
                }
                read = server.read(&mut answered) => {
                    let bytes = &answered[..read?];
                    if self.side == "rail" && self.road.body_first.load(Ordering::SeqCst) {
                        self.road.body_comes.notified().await;
                    }
                    if !about.is_empty() {
                        self.road.note(Passed::Answered(about));
                    }
                    (about, said) = ("", String::new());
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    client.write_all(bytes).await?;
                }
            }
        }
    }

    /// A claim is put alone, an outcome is part of a transaction, and a body is of the table of bodies.
    fn about(&self, said: &str) -> &'static str {
        match said {
            _ if self.side == "rail" => "payout",
            said if said.contains("-bodies\"") => "body",
            said if said.contains("#claim") && said.contains(".PutItem") => "claim",
            said if said.contains("#outcome") => "outcome",
            said if said.contains("\r\n\r\n{") => "something else",
            _ => "",
        }
    }
}

/// A world whose webhook sees tables and rail through TLS.
async fn world() -> (World, Arc<Road>) {
    let mut world = World::start().await;
    let road = Arc::new(Road::default());
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut server = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap())
        .unwrap();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Whoever has a ticket might send early data here.
    server.max_early_data_size = 16 * 1024;
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let mut urls = vec![];
    for (side, url) in [("tables", world.proxy.url()), ("rail", world.rail.url())] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        urls.push(format!("https://localhost:{}", listener.local_addr().unwrap().port()));
        let upstream = url.strip_prefix("http://").unwrap().to_owned();
        let front = Front { side, road: road.clone(), acceptor: acceptor.clone(), upstream };
        tokio::spawn(Arc::new(front).serve(listener));
    }
    let [tables, rail] = &urls[..] else { panic!("two sides") };
    let settings = Settings { authorities: Some(cert.pem()), ..dynamo::settings(tables) };
    let ledger = Ledger::new(&settings, world.tables.clone()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let secret = RailSecret::new(sandbox_secret("PAYONCE_SANDBOX_RAIL").unwrap()).unwrap();
    let mut config = world.config.rail.clone();
    config.url.clone_from(rail);
    let rail = Rail::new(&config, secret, None, Some(roots)).unwrap();
    world.restart_between(ledger, rail).await;
    (world, road)
}

/// To which sides a connection was opened.
fn opened<'p>(passed: impl IntoIterator<Item = &'p Passed>) -> Vec<&'static str> {
    let side = |passed: &Passed| match passed {
        Passed::Opened(side, _) => Some(*side),
        Passed::Asked(_) | Passed::Answered(_) => None,
    };
    let mut sides: Vec<&'static str> = passed.into_iter().filter_map(side).collect();
    sides.sort_unstable();
    sides
}

#[tokio::test]
async fn a_payout_waits_for_two_connections_at_once_and_for_three_answers() {
    let (world, road) = world().await;
    // An environment's first delivery reads the hold, too.
    let first = payment("first", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&first).await.outcome(), "accepted");
    road.take();
    road.at_once.store(true, Ordering::SeqCst);
    road.body_first.store(true, Ordering::SeqCst);
    let second = payment("second", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&second).await.outcome(), "accepted");
    assert_eq!(world.executed(&key_of(&second)).len(), 1);
    let all = road.take();
    let before_the_claim = all.iter().take_while(|passed| **passed != Passed::Asked("claim"));
    assert_eq!(opened(before_the_claim), ["rail", "tables"], "both stand before the claim is sent");
    // Beside them a record may open one for the body, which is under way meanwhile.
    let opened = opened(&all);
    assert!(opened == ["rail", "tables"] || opened == ["rail", "tables", "tables"], "{opened:?}");
    let passed = all.into_iter().filter(|passed| !matches!(passed, Passed::Opened(..)));
    let waited_for: Vec<Passed> =
        passed.filter(|passed| !matches!(passed, Passed::Asked("body") | Passed::Answered("body"))).collect();
    let trips = ["claim", "payout", "outcome"].map(|about| [Passed::Asked(about), Passed::Answered(about)]);
    assert_eq!(waited_for, trips.concat());
}

#[tokio::test]
async fn a_later_connection_takes_the_session_up_again_and_sends_nothing_early() {
    let (world, road) = world().await;
    for name in ["first", "second"] {
        let event = payment(name, PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.outcome(), "accepted");
        let passed = road.take();
        let handshakes = |of: &str| -> Vec<HandshakeKind> {
            let kind = |passed: &Passed| match passed {
                Passed::Opened(side, kind) if *side == of => Some(*kind),
                _ => None,
            };
            passed.iter().filter_map(kind).collect()
        };
        if name == "first" {
            assert_eq!(handshakes("rail"), [HandshakeKind::Full]);
            assert!(handshakes("tables").contains(&HandshakeKind::Full));
        } else {
            assert_eq!(handshakes("rail"), [HandshakeKind::Resumed]);
            assert!(handshakes("tables").iter().all(|kind| *kind == HandshakeKind::Resumed), "{passed:?}");
        }
    }
}
