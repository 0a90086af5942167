//! The one place that builds DynamoDB clients. Everything that decides how often a request is sent is spelled out
//! here, so that no environment variable, profile or new default can change it: the SDK's environment loader is not
//! used at all.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{ReconnectMode, RetryConfig};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_types::endpoint_config::AccountIdEndpointMode;

use payonce_wire::Peer;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::LedgerError;
use crate::kept::KeptAlive;
use crate::single_shot::SingleShot;

pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// One HTTP request, from connecting to the end of its answer.
pub(crate) const ATTEMPT_WITHIN: Duration = Duration::from_millis(1_500);
const CLAIM_WITHIN: Duration = Duration::from_secs(2);
/// A record with all its retries.
pub(crate) const RECORD_WITHIN: Duration = Duration::from_secs(5);
const RECORD_ATTEMPTS: u32 = 4;
/// The SDK's default of a second would leave no time for a third attempt.
const RECORD_BACKOFF: Duration = Duration::from_millis(50);
const RECORD_BACKOFF_MAX: Duration = Duration::from_millis(400);

/// Where the tables are, and who we are to them.
#[derive(Clone, Debug)]
pub struct Settings {
    pub region: String,
    /// `None`: AWS's own. Any other must be on a loopback host: elsewhere a claim would guard nothing.
    pub endpoint: Option<String>,
    pub credentials: Credentials,
    /// PEM: trusted instead of the public authorities, by tests.
    pub authorities: Option<String>,
}

impl Settings {
    pub(crate) fn endpoint(&self) -> Result<Option<&str>, LedgerError> {
        match &self.endpoint {
            Some(endpoint) if !is_loopback(endpoint) => Err(LedgerError::Endpoint(endpoint.clone())),
            endpoint => Ok(endpoint.as_deref()),
        }
    }

    /// What cannot be read is trusted by nobody.
    pub(crate) fn roots(&self) -> Option<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots
            .add_parsable_certificates(CertificateDer::pem_slice_iter(self.authorities.as_ref()?.as_bytes()).flatten());
        Some(roots)
    }
}

#[derive(Clone)]
pub enum Credentials {
    /// The variables that Lambda sets; no file, no metadata service, no I/O.
    Environment,
    Given {
        key_id: String,
        secret: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::Given { .. } => "Given(…)",
        })
    }
}

/// One HTTP request for each call, whatever happens to it ([`SingleShot`]).
pub(crate) fn claims(settings: &Settings, single_shot: SingleShot) -> Result<Client, LedgerError> {
    let connector = SharedHttpConnector::new(single_shot);
    one_request(settings, http_client_fn(move |_, _| connector.clone()))
}

pub(crate) fn one_request(settings: &Settings, http: SharedHttpClient) -> Result<Client, LedgerError> {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_WITHIN).operation_timeout(CLAIM_WITHIN).build();
    client(settings, RetryConfig::disabled(), timeouts, http)
}

/// Retries inside its time. Connections are kept for a while; a dead one is what the retries are for.
#[expect(clippy::disallowed_methods, reason = "records are retried, by construction they can be")]
pub(crate) fn records(settings: &Settings, http: SharedHttpClient) -> Result<Client, LedgerError> {
    let timeouts =
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_WITHIN).operation_timeout(RECORD_WITHIN).build();
    let retries = RetryConfig::standard()
        .with_max_attempts(RECORD_ATTEMPTS)
        .with_initial_backoff(RECORD_BACKOFF)
        .with_max_backoff(RECORD_BACKOFF_MAX);
    client(settings, retries, timeouts, http)
}

/// To one host, over connections that are kept.
pub fn kept_alive(peer: Peer) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(KeptAlive::new(peer));
    http_client_fn(move |_, _| connector.clone())
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds DynamoDB clients")]
fn client(
    settings: &Settings,
    retries: RetryConfig,
    timeouts: TimeoutConfig,
    http: SharedHttpClient,
) -> Result<Client, LedgerError> {
    let credentials = match &settings.credentials {
        Credentials::Environment => SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
        Credentials::Given { key_id, secret } => SharedCredentialsProvider::new(
            aws_credential_types::Credentials::new(key_id, secret, None, None, "payonce"),
        ),
    };
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials)
        // One host name, whether or not the credentials name an account.
        .account_id_endpoint_mode(AccountIdEndpointMode::Disabled)
        // `KeptAlive` gives up the connection to a host that failed by itself; the SDK does not find it, and logs that as an error.
        .retry_config(retries.with_reconnect_mode(ReconnectMode::ReuseAllConnections))
        .timeout_config(timeouts)
        .http_client(http);
    if let Some(endpoint) = settings.endpoint()? {
        config = config.endpoint_url(endpoint);
    }
    Ok(Client::from_conf(config.build()))
}

/// A user name in front of the host, as in `http://127.0.0.1@elsewhere`, does not deceive the parser.
fn is_loopback(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_takes_the_place_of_aws() {
        for good in ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:8000/", "https://127.9.9.9"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "http://169.254.169.254",
            "https://dynamodb.example.com",
            "http://127.0.0.1@example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://0.0.0.0:8000",
            "127.0.0.1",
            "/",
            "",
        ] {
            let settings = Settings {
                region: "eu-central-1".to_owned(),
                endpoint: Some(bad.to_owned()),
                credentials: Credentials::Environment,
                authorities: None,
            };
            if bad != "127.0.0.1" {
                assert!(SingleShot::new(&settings).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let given = Credentials::Given { key_id: "planted-id".to_owned(), secret: "planted-secret".to_owned() };
        assert!(!format!("{given:?}").contains("planted"));
    }
}
