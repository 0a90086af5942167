//! The sandbox rail's socket: it may be taken away, and a connection may end without an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Desk, Weather};

pub(super) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
    mut weather: watch::Receiver<Weather>,
) {
    let mut listener = Some(listener);
    loop {
        let now = *weather.borrow_and_update();
        match (&listener, now) {
            (Some(_), Weather::Down) => listener = None,
            (None, Weather::Fair | Weather::Unavailable) => listener = TcpListener::bind(address).await.ok(),
            (Some(open), _) => tokio::select! {
                accepted = open.accept() => {
                    if let Ok((stream, _)) = accepted {
                        desk.state().connections += 1;
                        tokio::spawn(converse(stream, desk.clone(), weather.clone()));
                    }
                }
                _ = weather.changed() => {}
            },
            (None, Weather::Down) => {
                if weather.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>, weather: watch::Receiver<Weather>) {
    let service = service_fn(move |request| {
        let desk = desk.clone();
        let weather = *weather.borrow();
        async move { desk.answer(request, weather).await }
    });
    // A connection that ends badly is part of the play.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without an answer.
pub(super) struct Died;

impl From<Infallible> for Died {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl std::fmt::Debug for Died {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the sandbox rail died, as it was asked to")
    }
}

impl std::fmt::Display for Died {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Died {}
