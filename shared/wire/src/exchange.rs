//! One request and its whole answer over one connection. No pool, redirect, proxy, retry or HTTP/2
//! exists in this stack.
//!
//! The connection is polled in the caller's own future, never spawned: when this future is gone, nothing is left that
//! could write. [`Tally`] is read after that, which the borrow checker demands.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use payonce_protocol::UnixMillis;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::counter::{Counter, Tally};

const HEAD_BYTES_AT_MOST: usize = 16 * 1024;
const HEADERS_AT_MOST: usize = 64;

/// The time that a request has.
pub struct Gate<'a> {
    /// The first request byte is refused from this moment on, by `now`: a claim may have been given up since.
    pub first_byte_before: UnixMillis,
    /// For request and answer together.
    pub within: Duration,
    pub now: &'a (dyn Fn() -> UnixMillis + Send + Sync),
}

/// Why there is no complete answer. Whether the request may have arrived is not said here: that is [`Tally::offered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    TooLate,
    TimedOut,
    Closed,
    Reset,
    TooLarge,
    Malformed,
    Cut,
}

impl NoAnswer {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLate => "first_byte_too_late",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::TooLarge => "answer_too_large",
            Self::Malformed => "answer_malformed",
            Self::Cut => "answer_cut",
        }
    }
}

/// What came back, with the tally of the stream that is gone by now.
pub struct Exchange {
    pub answer: Result<Response<Bytes>, NoAnswer>,
    pub tally: Tally,
}

/// Sends `request` and reads its whole answer. Everything that could write is dropped before this returns.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    request: Request<Full<Bytes>>,
    gate: &Gate<'_>,
    receive_at_most: u64,
) -> Exchange {
    let mut tally = Tally::default();
    let counter = Counter::new(stream, &mut tally, gate, receive_at_most);
    let answer = match tokio::time::timeout(gate.within, converse(counter, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer::TimedOut),
    };
    let answer = answer.map_err(|failure| match tally {
        Tally { shut: true, .. } => NoAnswer::TooLate,
        Tally { flooded: true, .. } => NoAnswer::TooLarge,
        _ => failure,
    });
    Exchange { answer, tally }
}

#[expect(clippy::disallowed_methods, reason = "the one place that sends a request")]
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    counter: Counter<'_, S>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, NoAnswer> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_AT_MOST)
        .max_headers(HEADERS_AT_MOST)
        .handshake(TokioIo::new(counter))
        .await
        .map_err(|error| no_answer(&error))?;
    let mut asking = pin!(async move {
        // One turn of the reactor, so that a connection which the peer closed meanwhile is seen as closed.
        tokio::task::yield_now().await;
        sender.ready().await.map_err(|error| no_answer(&error))?;
        let (head, body) = sender.send_request(request).await.map_err(|error| no_answer(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| no_answer(&error))?.to_bytes();
        Ok(Response::from_parts(head, body))
    });
    let mut connection = Some(Box::pin(connection));
    poll_fn(|cx| {
        if connection.as_mut().is_some_and(|connection| connection.as_mut().poll(cx).is_ready()) {
            // Its end, or its error, has reached the request by now.
            connection = None;
        }
        asking.as_mut().poll(cx)
    })
    .await
}

/// Names the failure by what hyper and the socket say of themselves, never by an error's text.
fn no_answer(error: &hyper::Error) -> NoAnswer {
    if error.is_parse() {
        return NoAnswer::Malformed;
    }
    if error.is_incomplete_message() {
        return NoAnswer::Cut;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => return NoAnswer::Reset,
            Some(io::ErrorKind::UnexpectedEof) => return NoAnswer::Cut,
            Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => return NoAnswer::Malformed,
            _ => cause = error.source(),
        }
    }
    NoAnswer::Closed
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;
    use crate::connect::{Connector, Target};

    /// A request that lies in the kernel's send queue when we give up must not be delivered afterwards.
    #[test]
    fn bytes_that_were_given_up_never_leave_the_send_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let exchange = runtime.block_on(async {
            let connector = Connector::new(Target::parse(&url).unwrap(), None).unwrap();
            let connection = connector.connect(Duration::from_secs(20)).await.unwrap();
            let body = Full::from(vec![b'x'; 32 << 20]);
            let request = Request::post("/").header("host", "localhost").body(body).unwrap();
            let gate = Gate { first_byte_before: 1, within: Duration::from_millis(500), now: &|| 0 };
            connection.exchange(request, &gate, 1000).await
        });
        assert_eq!(exchange.answer.err(), Some(NoAnswer::TimedOut));
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut arrived = Vec::new();
        let end = server.read_to_end(&mut arrived);
        assert_eq!(end.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
        assert!((arrived.len() as u64) < exchange.tally.offered);
    }

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    /// A Lambda handler's future must be `Send`.
    #[test]
    fn the_exchange_is_send() {
        let gate = Gate { first_byte_before: 0, within: Duration::ZERO, now: &|| 0 };
        let (one, _two) = tokio::io::duplex(1);
        drop(is_send(exchange(one, Request::new(Full::default()), &gate, 0)));
    }
}
