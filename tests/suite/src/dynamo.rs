//! The two engines that stand in for DynamoDB: dynoxide in this process, and Amazon's DynamoDB Local in a child. One
//! suite runs on both, so that neither's own ideas are taken for DynamoDB's.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials as SdkCredentials, Region};
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, ImportOptions};
use payonce_ledger::{Credentials, Ledger, Settings, Tables, create_tables};
use payonce_wire::Peer;
use tempfile::TempDir;
use tokio::sync::oneshot;

const STARTED_WITHIN: Duration = Duration::from_secs(90);

pub struct Engine {
    address: SocketAddr,
    /// Of the engine in this process.
    database: Option<Database>,
    _running: Running,
}

/// Everything as it stood at one moment, to which tables can be restored.
pub struct Moment {
    folder: TempDir,
}

enum Running {
    Embedded(#[allow(dead_code, reason = "stops when dropped")] Background),
    Local(#[allow(dead_code, reason = "is killed when dropped")] Arc<LocalProcess>),
}

impl Engine {
    /// Dynoxide, in memory, for this test alone.
    pub fn start() -> Self {
        let database = Database::memory().expect("an empty database");
        let (listener, address) = listen();
        let served = database.clone();
        let serving = Background::start(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            dynoxide::server::serve_on(listener, served).await;
        });
        Self { address, database: Some(database), _running: Running::Embedded(serving) }
    }

    /// DynamoDB Local, in memory. Tests that run at the same time share one; each makes tables of its own.
    pub fn local() -> Self {
        static SHARED: Mutex<Weak<LocalProcess>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let process = shared.upgrade().unwrap_or_else(|| Arc::new(LocalProcess::start()));
        *shared = Arc::downgrade(&process);
        Self { address: process.address, database: None, _running: Running::Local(process) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Names that no other test of this process uses, and the tables under them.
    pub async fn tables(&self) -> Tables {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = |table: &str| format!("test{number}-{table}");
        let tables = Tables { audit: name("audit"), bodies: name("bodies"), reconcile: name("reconcile") };
        create_tables(&ledger(&self.url(), &tables)).await.expect("tables");
        tables
    }

    /// Tables of its own, and the ledger upon them.
    pub async fn ledger(&self) -> Ledger {
        ledger(&self.url(), &self.tables().await)
    }

    /// The items of three tables as they are now, into others: what a restore does.
    pub async fn copy(&self, from: &Tables, to: &Tables) {
        let client = self.client();
        let tables = [(&from.audit, &to.audit), (&from.bodies, &to.bodies), (&from.reconcile, &to.reconcile)];
        for (from, to) in tables {
            let mut after = None;
            loop {
                let page = client.scan().table_name(from).consistent_read(true).set_exclusive_start_key(after);
                let page = page.send().await.expect("a page");
                for item in page.items() {
                    client.put_item().table_name(to).set_item(Some(item.clone())).send().await.expect("a copy");
                }
                after = page.last_evaluated_key().cloned();
                if after.is_none() {
                    break;
                }
            }
        }
    }

    /// All tables at one moment, while others write. Of the engine in this process.
    pub fn moment(&self) -> Moment {
        let moment = Moment { folder: TempDir::new().expect("an empty folder") };
        self.embedded().vacuum_into(&moment.file()).expect("a copy of everything");
        moment
    }

    /// The items of three tables as they were at that moment, into others, which have ids of their own: what a restore to a
    /// point in time does.
    pub fn restore(&self, moment: &Moment, from: &Tables, to: &Tables) {
        let then = Database::new(&moment.file()).expect("the copy");
        let tables = [(&from.audit, &to.audit), (&from.bodies, &to.bodies), (&from.reconcile, &to.reconcile)];
        for (from, to) in tables {
            let mut after = None;
            loop {
                let page =
                    ScanRequest { table_name: from.clone(), exclusive_start_key: after, ..ScanRequest::default() };
                let page = then.scan(page).expect("a page");
                let items = page.items.unwrap_or_default();
                self.embedded().import_items(to, items, ImportOptions::default()).expect("a restored page");
                after = page.last_evaluated_key;
                if after.is_none() {
                    break;
                }
            }
        }
    }

    fn embedded(&self) -> &Database {
        self.database.as_ref().expect("the engine runs in this process")
    }

    /// A plain client, to look at what stands in a table and to plant what no code of ours would write.
    pub fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(SdkCredentials::new(KEY, KEY, None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(payonce_ledger::kept_alive(Peer::new(&self.url(), None).expect("an engine's address")))
            .endpoint_url(self.url());
        Client::from_conf(config.build())
    }
}

impl Moment {
    fn file(&self) -> String {
        self.folder.path().join("moment").to_string_lossy().into_owned()
    }
}

const REGION: &str = "eu-central-1";
const KEY: &str = "local";

/// The real ledger, against an engine or a proxy on this machine.
pub fn ledger(url: &str, tables: &Tables) -> Ledger {
    Ledger::new(&settings(url), tables.clone()).expect("a loopback endpoint")
}

pub fn settings(url: &str) -> Settings {
    Settings {
        region: REGION.to_owned(),
        endpoint: Some(url.to_owned()),
        credentials: Credentials::Given { key_id: KEY.to_owned(), secret: KEY.to_owned() },
        authorities: None,
    }
}

struct LocalProcess {
    address: SocketAddr,
    child: Child,
    /// It leaves a file where it is started.
    _room: TempDir,
}

impl LocalProcess {
    fn start() -> Self {
        let dir = std::path::absolute(payonce_tools::DYNAMODB_LOCAL.path()).expect("a folder");
        let jar = dir.join("DynamoDBLocal.jar");
        assert!(jar.is_file(), "in {} there is no DynamoDBLocal.jar", dir.display());
        let (listener, address) = listen();
        drop(listener);
        let room = TempDir::new().expect("an empty folder");
        let mut child = Command::new("java")
            .current_dir(&room)
            .arg(format!("-Djava.library.path={}", dir.join("DynamoDBLocal_lib").display()))
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-jar"])
            .arg(&jar)
            .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`java` (17 or newer) runs DynamoDB Local");
        let deadline = Instant::now() + STARTED_WITHIN;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait().expect("the child's state") {
                let lines = BufReader::new(child.stderr.take().expect("its stderr")).lines();
                let said = lines.map_while(Result::ok).collect::<Vec<_>>().join("\n");
                panic!("DynamoDB Local ended at once with {status}: {said}");
            }
            assert!(Instant::now() < deadline, "DynamoDB Local does not listen after {STARTED_WITHIN:?}");
            thread::sleep(Duration::from_millis(50));
        }
        // Nobody reads on, and a full pipe would stop it.
        if let Some(mut stderr) = child.stderr.take() {
            thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        }
        Self { address, child, _room: room }
    }
}

impl Drop for LocalProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("a socket of tokio's");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// A server on a thread and runtime of its own, so that it outlives no test and waits for none. It stops when dropped.
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(serve: impl Future<Output = ()> + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()).ok());
        self.thread.take().map(|thread| thread.join().ok());
    }
}
