//! The stream between hyper and the socket, above TLS: it counts the request bytes that are offered, holds the last
//! deadline gate, and bounds what the peer may send. The certainty ladder stands on this count (H2).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use payonce_protocol::UnixMillis;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Gate;

/// What happened on one stream. [`Counter`] borrows it mutably, so the compiler lets nobody read it while anything that
/// could still write exists: a connection that was spawned, or merely not dropped yet, does not compile.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Request bytes handed to the stream, counted before the stream says whether it takes them.
    pub offered: u64,
    pub first_byte_at: Option<UnixMillis>,
    /// The first byte came too late, and was refused.
    pub shut: bool,
    /// The peer sent more than it may; reading was stopped.
    pub flooded: bool,
}

pub(crate) struct Counter<'a, S> {
    inner: S,
    tally: &'a mut Tally,
    gate: &'a Gate<'a>,
    /// Request bytes that the stream took.
    taken: u64,
    received: u64,
    receive_at_most: u64,
}

impl<'a, S> Counter<'a, S> {
    /// `receive_at_most` bounds everything the peer sends on this connection: interim answers (1xx), head, body.
    pub(crate) fn new(inner: S, tally: &'a mut Tally, gate: &'a Gate<'a>, receive_at_most: u64) -> Self {
        Self { inner, tally, gate, taken: 0, received: 0, receive_at_most }
    }

    /// Called before the stream is given `bytes`, whatever it then does with them. Bytes that are offered again because
    /// they were not taken count once.
    fn offer(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        if self.tally.offered == 0 {
            let now = (self.gate.now)();
            if self.tally.shut || now >= self.gate.first_byte_before {
                self.tally.shut = true;
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the first byte came too late"));
            }
            self.tally.first_byte_at = Some(now);
        }
        self.tally.offered = self.tally.offered.max(self.taken + bytes as u64);
        Ok(())
    }

    fn took(&mut self, bytes: usize) -> Poll<io::Result<usize>> {
        self.taken += bytes as u64;
        Poll::Ready(Ok(bytes))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counter<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        this.received += (buf.filled().len() - before) as u64;
        if this.received > this.receive_at_most {
            this.tally.flooded = true;
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too large")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counter<'_, S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.offer(buf.len())?;
        let taken = ready!(Pin::new(&mut this.inner).poll_write(cx, buf))?;
        this.took(taken)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.offer(bufs.iter().map(|buf| buf.len()).sum())?;
        let taken = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, bufs))?;
        this.took(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}
