//! The connections on which claims go: by the very wire of a payout, under the SDK, which signs and reads. Each request has a connection of
//! its own, and is never sent again.
//!
//! No connection is kept from one attempt to the next: after a freeze a kept one may be dead without anybody knowing, and hyper's pool would
//! send a request that it had not begun a second time on its own. A connection may stand before its claim, though, so that nobody waits for
//! it then: whoever is about to claim opens one beside the rail's, and drops it where nothing is claimed.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::uri::PathAndQuery;
use http_body_util::Full;
use payonce_wire::{ConnectFailure, Connection, NoAnswer, Peer};

use crate::LedgerError;
use crate::client::{ATTEMPT_WITHIN, CONNECT_WITHIN, Settings};

/// What stands in the way of a claim comes back with the refusal; an item has 400 KB at the most, and JSON makes it longer.
const ANSWER_BYTES_AT_MOST: u64 = 4 * 1024 * 1024;

tokio::task_local! {
    /// For the one request that is sent inside its scope. The SDK sends in the task that asked it to.
    static STANDING: RefCell<Option<Connection>>;
}

/// A connection to DynamoDB that stands, and on which nothing was sent.
#[derive(Debug)]
pub struct ClaimConnection(Connection);

#[derive(Clone)]
pub(crate) struct SingleShot {
    peer: Peer,
}

impl fmt::Debug for SingleShot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SingleShot").field(&self.peer.authority()).finish()
    }
}

impl SingleShot {
    pub(crate) fn new(settings: &Settings) -> Result<Self, LedgerError> {
        let url = match settings.endpoint()? {
            Some(url) => url.to_owned(),
            None => of_region(&settings.region).ok_or_else(|| LedgerError::Region(settings.region.clone()))?,
        };
        let peer = Peer::new(&url, settings.roots()).map_err(|_| LedgerError::Endpoint(url))?;
        Ok(Self { peer })
    }

    /// Where it leads.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// `None`: it does not stand in time. Then the claim opens its own, and says what becomes of it.
    pub(crate) async fn stand(&self, within: Duration) -> Option<ClaimConnection> {
        let opened = self.peer.connect(within.min(CONNECT_WITHIN)).await;
        opened
            .inspect_err(|failure| tracing::warn!(%failure, "no connection for the claim yet"))
            .ok()
            .map(ClaimConnection)
    }

    /// `request` sends one request, and sends it on this connection if there is one.
    pub(crate) async fn on<F: Future>(connection: Option<ClaimConnection>, request: F) -> F::Output {
        STANDING.scope(RefCell::new(connection.map(|of| of.0)), request).await
    }

    async fn send(&self, standing: Option<Connection>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = request_to(&self.peer, request)?;
        *request.uri_mut() = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")).into();
        let within = ATTEMPT_WITHIN;
        if let Some(connection) = standing {
            let exchange = self.peer.ask_on(connection, request.clone(), within, ANSWER_BYTES_AT_MOST).await;
            match exchange.answer {
                // It was closed before anything was written on it, so this is no second sending.
                Err(_) if exchange.tally.offered == 0 => {}
                answer => return answered(answer),
            }
        }
        let connection = self.peer.connect(CONNECT_WITHIN).await.map_err(not_connected)?;
        answered(self.peer.ask_on(connection, request, within, ANSWER_BYTES_AT_MOST).await.answer)
    }
}

/// As hyper takes it. One for any other host goes nowhere.
pub(crate) fn request_to(peer: &Peer, request: HttpRequest) -> Result<http::Request<Full<Bytes>>, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let is_peers = request.uri().authority().is_some_and(|of| peer.is_at(of.host(), of.port_u16()));
    let (head, body) = request.into_parts();
    let (Some(body), true) = (body.bytes(), is_peers) else {
        return Err(ConnectorError::user("a request for another host, or with a body that is not at hand".into()));
    };
    Ok(http::Request::from_parts(head, Full::new(Bytes::copy_from_slice(body))))
}

impl HttpConnector for SingleShot {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let standing = STANDING.try_with(|standing| standing.take()).ok().flatten();
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.send(standing, request).await })
    }
}

/// As the SDK itself finds it for its requests.
fn of_region(region: &str) -> Option<String> {
    let params =
        Params::builder().region(region).use_fips(false).use_dual_stack(false).account_id_endpoint_mode("disabled");
    let params = params.build().ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).now_or_never()?.ok()?;
    Some(endpoint.url().to_owned())
}

fn answered(answer: Result<http::Response<Bytes>, NoAnswer>) -> Result<HttpResponse, ConnectorError> {
    let response = answer.map_err(|failure| match failure {
        NoAnswer::TimedOut | NoAnswer::TooLate => ConnectorError::timeout(failure.as_str().into()),
        _ => ConnectorError::io(failure.as_str().into()),
    })?;
    let response = response.map(SdkBody::from);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

fn not_connected(failure: ConnectFailure) -> ConnectorError {
    match failure {
        ConnectFailure::TooLong(_) => ConnectorError::timeout(failure.into()),
        _ => ConnectorError::io(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};

    use super::*;
    use crate::Credentials;
    use crate::client::one_request;

    /// Says where a request would go, and sends nothing.
    #[derive(Clone, Debug, Default)]
    struct Asked(Arc<Mutex<Vec<String>>>);

    impl HttpConnector for Asked {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.lock().unwrap().push(request.uri().to_owned());
            HttpConnectorFuture::ready(Err(ConnectorError::user("nothing is sent here".into())))
        }
    }

    #[tokio::test]
    async fn connection_of_a_claim_leads_where_the_sdk_sends_it() {
        for (region, host) in [
            ("eu-central-1", "dynamodb.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ] {
            let credentials = Credentials::Given { key_id: "none".to_owned(), secret: "none".to_owned() };
            let settings = Settings { region: region.to_owned(), endpoint: None, credentials, authorities: None };
            let single_shot = SingleShot::new(&settings).unwrap();
            assert_eq!(single_shot.peer.authority(), host);
            let asked = Asked::default();
            let connector = SharedHttpConnector::new(asked.clone());
            let client = one_request(&settings, http_client_fn(move |_, _| connector.clone())).unwrap();
            assert!(client.get_item().table_name("audit").send().await.is_err());
            let [uri] = &asked.0.lock().unwrap()[..] else { panic!("one request") };
            let uri: http::Uri = uri.parse().unwrap();
            assert!(uri.scheme_str() == Some("https") && single_shot.peer.is_at(uri.host().unwrap(), uri.port_u16()));
        }
    }
}
