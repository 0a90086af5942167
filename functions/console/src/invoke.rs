//! The one way to payer: an invocation of Lambda's, signed here and sent as one request over the wire of a payout. An SDK
//! would send it again when the answer is lost, and Lambda runs an invocation as often as it is asked to.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::Full;
use payonce_identity::payer::{self, Answer};
use payonce_ledger::Case;
use payonce_runtime::signed::{Signer, ToSign};
use payonce_wire::{Peer, PeerFailure};
use tracing::{Span, warn_span};

use crate::app::{Payer, PayerSilent};

/// The alias `live` of `payonce-payer`, as the template calls them. No variable can lead elsewhere.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
const PATH: &str = "/2015-03-31/functions/payonce-payer%3Alive/invocations";
/// Longer than payer may run, so that its end is seen; shorter than API Gateway waits for us. infra/template.yaml has both.
const WITHIN: Duration = Duration::from_millis(28_000);
/// The reply is a status and a message.
const ANSWER_BYTES_AT_MOST: u64 = 64 * 1024;

pub struct Invoke {
    signer: Signer,
    peer: Peer,
    within: Duration,
}

/// Around an invocation for this case: whatever it logs is found by the payout's key.
pub(crate) fn invoking(case: &Case) -> Span {
    warn_span!("invoke", case = %case.id(), payout_key = case.key.as_ref().map(tracing::field::display))
}

impl Invoke {
    pub fn new(signer: Signer) -> Result<Self, &'static str> {
        Self::within(signer, WITHIN)
    }

    fn within(signer: Signer, within: Duration) -> Result<Self, &'static str> {
        let peer = Peer::new(&signer.url("lambda"), None)?;
        Ok(Self { signer, peer, within })
    }

    async fn ask(&self, request: payer::Request) -> Result<Answer, PayerSilent> {
        let Some(request) = self.signed(&request) else { return Err(PayerSilent::NotBegun) };
        match self.peer.ask(request, self.within, ANSWER_BYTES_AT_MOST).await {
            Ok(answer) => read(&answer),
            Err(PeerFailure::Connect(failure)) => {
                tracing::warn!(why = failure.as_str(), "payer was not reached");
                Err(PayerSilent::NotBegun)
            }
            Err(PeerFailure::NoAnswer(why)) => {
                tracing::error!(why, "payer was invoked, and its answer is lost");
                Err(PayerSilent::Unknown)
            }
        }
    }

    fn signed(&self, request: &payer::Request) -> Option<Request<Full<Bytes>>> {
        let body = serde_json::to_string(request).ok()?;
        let headers = [
            ("content-type", "application/json".to_owned()),
            // Synchronous: Lambda queues nothing, and repeats nothing.
            ("x-amz-invocation-type", "RequestResponse".to_owned()),
        ];
        let ask = ToSign { service: "lambda", method: "POST", path: PATH, headers: &headers, body: &body };
        let (mut head, body) = self.signer.sign(&ask)?.into_parts();
        head.uri = Uri::from_static(PATH);
        Some(Request::from_parts(head, Full::from(body)))
    }
}

impl Payer for Invoke {
    fn invoke(&self, request: payer::Request) -> BoxFuture<'_, Result<Answer, PayerSilent>> {
        Box::pin(self.ask(request))
    }
}

/// payer's own answer, or what the lack of one says about money.
fn read(answer: &Response<Bytes>) -> Result<Answer, PayerSilent> {
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (status, failed) = (answer.status().as_u16(), header("x-amz-function-error"));
    let said = match (status, failed) {
        (200, "") => serde_json::from_slice(answer.body()).ok(),
        _ => None,
    };
    if let Some(said) = said {
        return Ok(said);
    }
    // Lambda refuses before it runs anything: no permission, too many at once, no such function. Who speaks of a time-out may
    // have begun.
    let is_refused = (400..500).contains(&status) && status != 408 && failed.is_empty();
    let code = header("x-amzn-errortype");
    tracing::error!(status, code, failed, is_refused, "payer gave no answer");
    Err(if is_refused { PayerSilent::NotBegun } else { PayerSilent::Unknown })
}

#[cfg(test)]
#[path = "invoke_tests.rs"]
mod tests;
