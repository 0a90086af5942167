//! One signed request to an AWS service, and its JSON, for the few that want no SDK between: its structs would drop what AWS adds
//! later, and a client of some hundred operations for one of them is no bargain.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use payonce_wire::{Peer, PeerFailure};
use serde_json::Value;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::signed::{Signer, ToSign};

const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Reading twice does no harm; the services ask for it when they are busy.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);
/// The longest are lists of a function's settings, of some 100 KB.
const ANSWER_BYTES_AT_MOST: u64 = 16 * 1024 * 1024;

/// A request to one of the services.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// As it stands in the host and in the signature's scope: `lambda`, `dynamodb`, …
    pub service: &'a str,
    pub path: String,
    /// Of the services that speak JSON over POST: the protocol's version, the operation, its parameters.
    pub operation: Option<(&'static str, &'a str, Value)>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the request could not be made")]
    Unmade,
    /// What became of the request, in a word.
    #[error("no answer ({0})")]
    Silence(&'static str),
    #[error("HTTP {status} {code}")]
    Refused { status: u16, code: String },
    #[error("an answer that is no JSON object")]
    Unreadable,
}

impl NoAnswer {
    /// What was asked for is not there.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    fn may_pass(&self) -> bool {
        match self {
            Self::Silence(_) => true,
            Self::Refused { status, code } => {
                *status == 429 || *status >= 500 || code.contains("Throttl") || code.contains("TooManyRequests")
            }
            Self::Unmade | Self::Unreadable => false,
        }
    }
}

/// Each request has a connection of its own: a run asks some dozens of times, and the next one is minutes away.
pub struct Aws {
    signer: Signer,
    answered_within: Duration,
    tries: u32,
    /// By their URLs.
    peers: Mutex<BTreeMap<String, Peer>>,
}

impl Aws {
    pub fn new(environment: &Environment, clock: Clock) -> Self {
        Self::hurried(Signer::new(environment, clock), ANSWERED_WITHIN, TRIES)
    }

    pub(crate) fn hurried(signer: Signer, answered_within: Duration, tries: u32) -> Self {
        Self { signer, answered_within, tries, peers: Mutex::default() }
    }

    pub async fn get(&self, service: &str, path: String) -> Result<Value, NoAnswer> {
        self.ask(&Ask { service, path, operation: None }).await
    }

    pub async fn ask(&self, ask: &Ask<'_>) -> Result<Value, NoAnswer> {
        let mut tries = 1;
        loop {
            match self.once(ask).await {
                Err(error) if error.may_pass() && tries < self.tries => {
                    sleep(PAUSE * tries).await;
                    tries += 1;
                }
                answered => return answered,
            }
        }
    }

    /// The same again for the same host, whose session of TLS is taken up.
    fn peer(&self, service: &str) -> Result<Peer, NoAnswer> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let url = self.signer.url(service);
        if let Some(peer) = peers.get(&url) {
            return Ok(peer.clone());
        }
        let peer = Peer::new(&url, None).map_err(|_| NoAnswer::Unmade)?;
        peers.insert(url, peer.clone());
        Ok(peer)
    }

    async fn once(&self, ask: &Ask<'_>) -> Result<Value, NoAnswer> {
        let request = self.signed(ask).ok_or(NoAnswer::Unmade)?;
        let response = self.peer(ask.service)?.ask(request, self.answered_within, ANSWER_BYTES_AT_MOST).await;
        let response = response.map_err(|failure| match failure {
            PeerFailure::Connect(failure) => NoAnswer::Silence(failure.as_str()),
            PeerFailure::NoAnswer(word) => NoAnswer::Silence(word),
        })?;
        let status = response.status().as_u16();
        let header =
            response.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body: Option<Value> = serde_json::from_slice(response.body()).ok();
        if (200..300).contains(&status) {
            // Looking into anything else would find every setting absent.
            return body.filter(Value::is_object).ok_or(NoAnswer::Unreadable);
        }
        let in_body = || body.as_ref().and_then(|body| body["__type"].as_str()).map(str::to_owned);
        let code = header.or_else(in_body).unwrap_or_default();
        // <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>
        let code = code.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        Err(NoAnswer::Refused { status, code })
    }

    fn signed(&self, ask: &Ask<'_>) -> Option<http::Request<Full<Bytes>>> {
        let (method, headers, body) = match &ask.operation {
            None => ("GET", vec![], String::new()),
            Some((version, operation, parameters)) => (
                "POST",
                vec![
                    ("content-type", format!("application/x-amz-json-{version}")),
                    ("x-amz-target", (*operation).to_owned()),
                ],
                parameters.to_string(),
            ),
        };
        let to_sign = ToSign { service: ask.service, method, path: &ask.path, headers: &headers, body: &body };
        let mut request = self.signer.sign(&to_sign)?;
        *request.uri_mut() = ask.path.parse().ok()?;
        Some(request.map(Full::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws() -> Aws {
        // 2026-11-23T12:00:00Z
        Aws::new(&Environment::planted(&[]).unwrap(), Clock::manual(1_795_435_200_000))
    }

    #[test]
    fn refuses_endpoints_of_other_machines() {
        for elsewhere in ["https://lambda.example", "http://10.0.0.1:4566", "http://127.0.0.1@evil.example"] {
            let refused = Environment::planted(&[("AWS_ENDPOINT_URL", elsewhere)]).unwrap_err();
            assert_eq!(refused.problems[0].0, "AWS_ENDPOINT_URL", "{elsewhere}");
        }
    }

    #[test]
    fn names_and_signs_the_operation() {
        let operation =
            Some(("1.0", "DynamoDB_20120810.DescribeTable", serde_json::json!({ "TableName": "payonce-audit" })));
        let request = aws().signed(&Ask { service: "dynamodb", path: "/".to_owned(), operation }).unwrap();
        assert_eq!(
            (request.method(), &request.headers()["x-amz-target"]),
            (&http::Method::POST, &"DynamoDB_20120810.DescribeTable".parse().unwrap())
        );
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"),
            "{authorization}"
        );
    }

    #[test]
    fn only_not_found_is_an_absence() {
        let refused = |status, code: &str| NoAnswer::Refused { status, code: code.to_owned() };
        assert!(refused(404, "ResourceNotFoundException").is_absence());
        for other in
            [refused(403, "AccessDeniedException"), refused(500, ""), NoAnswer::Silence("tcp"), NoAnswer::Unreadable]
        {
            assert!(!other.is_absence(), "{other}");
        }
        assert!(refused(400, "ThrottlingException").may_pass() && refused(429, "").may_pass());
        assert!(!refused(403, "AccessDeniedException").may_pass());
    }
}
