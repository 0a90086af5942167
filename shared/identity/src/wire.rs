//! The exchange with the issuer as the functions make it: by the one HTTP client ([`payonce_wire`]), so one connection, one request, no
//! redirect, no proxy, and an answer of bounded size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use payonce_wire::Peer;

use crate::{Fetch, FetchError};

const WITHIN: Duration = Duration::from_secs(5);
/// Metadata and keys of the largest issuers stay below a tenth of it.
const ANSWER_BYTES_AT_MOST: u64 = 512 * 1024;

/// Asks whatever host the request names.
pub fn over_the_wire() -> Fetch {
    Arc::new(|request| Box::pin(ask(request)))
}

async fn ask(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
    let (mut head, body) = request.into_parts();
    let (Some(scheme), Some(authority)) = (head.uri.scheme_str(), head.uri.authority()) else {
        return Err(FetchError("not_a_url"));
    };
    let peer = Peer::new(&format!("{scheme}://{authority}"), None).map_err(|_| FetchError("not_to_be_asked"))?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>().map_err(|_| FetchError("not_a_url"))?;
    let request = Request::from_parts(head, Full::new(Bytes::from(body)));
    let answer = peer.ask(request, WITHIN, ANSWER_BYTES_AT_MOST).await.map_err(|_| FetchError("silence"))?;
    Ok(answer.map(|body| body.to_vec()))
}
