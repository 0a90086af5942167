//! The connections on which records go: kept for a while and used again, by hyper's own pool, over streams that the wire of a payout opens. The
//! pool sends a request that it had not begun a second time on its own; a record can be written twice, a claim cannot ([`crate::single_shot`]).

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::{self, connect::capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use payonce_wire::{ConnectFailure, Peer, Stream};

use crate::client::CONNECT_WITHIN;
use crate::single_shot::request_to;

/// Shorter than DynamoDB keeps an idle connection.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct KeptAlive {
    peer: Peer,
    #[expect(clippy::disallowed_types, reason = "records may be written twice")]
    pool: legacy::Client<Opening, Full<Bytes>>,
}

impl fmt::Debug for KeptAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptAlive").field(&self.peer.authority()).finish()
    }
}

impl KeptAlive {
    #[expect(clippy::disallowed_types, reason = "records may be written twice")]
    pub(crate) fn new(peer: Peer) -> Self {
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Opening(peer.clone()));
        Self { peer, pool }
    }

    /// In the time of an attempt, which the SDK takes.
    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request_to(&self.peer, request)?;
        let on = capture_connection(&mut request);
        let response = self.pool.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
        // What tries again after that shall reach another host of DynamoDB's.
        if response.status().is_server_error()
            && let Some(connected) = &*on.connection_metadata()
        {
            connected.poison();
        }
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| ConnectorError::io(error.into()))?.to_bytes();
        HttpResponse::try_from(http::Response::from_parts(head, SdkBody::from(body)))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for KeptAlive {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

/// Opens what the pool has none of.
#[derive(Clone)]
struct Opening(Peer);

impl tower_service::Service<http::Uri> for Opening {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectFailure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    /// [`request_to`] has seen that it is this host.
    #[expect(clippy::disallowed_methods, reason = "records may be written twice")]
    fn call(&mut self, _: http::Uri) -> Self::Future {
        let Self(peer) = self.clone();
        async move { peer.stream(CONNECT_WITHIN).await.map(TokioIo::new) }.boxed()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a server of its own")]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::client::{kept_alive, records};
    use crate::{Credentials, Settings};

    /// Answers with one status after the other, the last one for ever, and counts connections.
    async fn server(statuses: &'static [u16]) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (opened, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = opened.clone();
        let answer = move |mut stream: TcpStream| {
            let answered = answered.clone();
            async move {
                let mut bytes = [0; 1024];
                while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                    let status = statuses[answered.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1)];
                    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream));
            }
        });
        (url, opened)
    }

    async fn ask(kept: &KeptAlive, url: &str) -> Result<u16, ConnectorError> {
        let request = http::Request::post(format!("{url}/")).body(SdkBody::from("{}")).unwrap();
        let response = kept.call(HttpRequest::try_from(request).unwrap()).await?;
        Ok(response.status().as_u16())
    }

    #[tokio::test]
    async fn connection_is_used_again_unless_its_host_failed() {
        let (url, opened) = server(&[200, 400, 200, 500, 200]).await;
        let kept = KeptAlive::new(Peer::new(&url, None).unwrap());
        for (status, so_far) in [(200, 1), (400, 1), (200, 1), (500, 1), (200, 2), (200, 2)] {
            assert_eq!(ask(&kept, &url).await.unwrap(), status);
            assert_eq!(opened.load(Ordering::SeqCst), so_far, "after {status}");
        }
    }

    /// Counts what is logged as an error.
    #[derive(Clone, Default)]
    struct Errors(Arc<AtomicUsize>);

    impl tracing::Subscriber for Errors {
        fn enabled(&self, of: &tracing::Metadata<'_>) -> bool {
            *of.level() == tracing::Level::ERROR
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[tokio::test]
    async fn record_that_is_written_at_the_second_attempt_is_no_error() {
        let (url, opened) = server(&[500, 200]).await;
        let credentials = Credentials::Given { key_id: "none".to_owned(), secret: "none".to_owned() };
        let settings =
            Settings { region: "eu-central-1".to_owned(), endpoint: Some(url.clone()), credentials, authorities: None };
        let client = records(&settings, kept_alive(Peer::new(&url, None).unwrap())).unwrap();
        let errors = Errors::default();
        let listening = tracing::subscriber::set_default(errors.clone());
        client.get_item().table_name("audit").send().await.unwrap();
        drop(listening);
        assert_eq!((opened.load(Ordering::SeqCst), errors.0.load(Ordering::SeqCst)), (2, 0));
    }

    #[tokio::test]
    async fn nothing_goes_to_another_host() {
        let ((url, opened), (elsewhere, reached)) = (server(&[200]).await, server(&[200]).await);
        let kept = KeptAlive::new(Peer::new(&url, None).unwrap());
        assert!(ask(&kept, &elsewhere).await.unwrap_err().is_user());
        assert_eq!((opened.load(Ordering::SeqCst), reached.load(Ordering::SeqCst)), (0, 0));
    }

    #[tokio::test]
    async fn no_connection_is_a_failure_that_may_pass() {
        let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
        let kept = KeptAlive::new(Peer::new(&url, None).unwrap());
        assert!(ask(&kept, &url).await.unwrap_err().is_io());
    }
}
