//! A way on loopback that is as long as one to another machine: each request waits before it is passed on, however many others
//! wait beside it. It counts requests, and the read units of those to DynamoDB.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::capacity::read_halves;
use crate::dynamo::{Background, listen};

/// What passed.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// By DynamoDB's operation, or the path of anybody else's.
    pub requests: BTreeMap<String, usize>,
    /// In half units.
    pub read_halves: usize,
    /// The most that waited at one moment.
    pub at_once: usize,
    now: usize,
}

pub struct Link {
    address: SocketAddr,
    passed: Arc<Mutex<Passed>>,
    _serving: Background,
}

impl Link {
    /// To whatever listens there.
    pub fn start(upstream: SocketAddr, delay: Duration) -> Self {
        let (listener, address) = listen();
        let passed = Arc::new(Mutex::new(Passed::default()));
        let shared = Arc::clone(&passed);
        let serving = Background::start(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, upstream, delay, Arc::clone(&shared)));
            }
        });
        Self { address, passed, _serving: serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Since this was asked last.
    pub fn passed(&self) -> Passed {
        std::mem::take(&mut *lock(&self.passed))
    }
}

fn lock(passed: &Mutex<Passed>) -> MutexGuard<'_, Passed> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection of the one side is one of the other.
async fn serve(stream: TcpStream, upstream: SocketAddr, delay: Duration, passed: Arc<Mutex<Passed>>) {
    let Ok(onward) = TcpStream::connect(upstream).await else { return };
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(onward)).await.expect("a connection onwards");
    tokio::spawn(connection);
    let sender = Arc::new(tokio::sync::Mutex::new(sender));
    let service = service_fn(move |request: Request<Incoming>| {
        let (sender, passed) = (Arc::clone(&sender), Arc::clone(&passed));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let operation = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            let operation = operation.and_then(|target| target.rsplit('.').next()).map(str::to_owned);
            let name = operation.clone().unwrap_or_else(|| head.uri.path().to_owned());
            {
                let mut passed = lock(&passed);
                *passed.requests.entry(name).or_default() += 1;
                passed.now += 1;
                passed.at_once = passed.at_once.max(passed.now);
            }
            tokio::time::sleep(delay).await;
            let asked = operation.as_ref().map(|_| json_of(&body));
            let answer = sender.lock().await.send_request(Request::from_parts(head, Full::new(body))).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            let mut passed = lock(&passed);
            passed.now = passed.now.saturating_sub(1);
            if let (Some(operation), Some(asked), true) = (operation, asked, head.status.is_success()) {
                passed.read_halves += read_halves(&operation, &asked, &json_of(&body));
            }
            Ok::<_, hyper::Error>(Response::from_parts(head, Full::new(body)))
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn json_of(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}
