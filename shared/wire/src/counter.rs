//! The stream between hyper and the socket, above TLS: it counts the request bytes that are offered, holds the last
//! deadline gate, and bounds what the peer may send. The certainty ladder stands on this count.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use payonce_protocol::UnixMillis;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::Gate;

/// What happened on one stream. `Counter` borrows it mutably, so the compiler lets nobody read it while anything that
/// could still write exists: a connection that was spawned, or merely not dropped yet, does not compile.
#[derive(Debug, Default)]
pub struct Tally {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Takes a few bytes at a time, or none yet.
    struct Reluctant {
        takes: Vec<Poll<usize>>,
        vectored: bool,
    }

    impl AsyncWrite for Reluctant {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.takes.remove(0).map(Ok)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            assert!(self.vectored, "hyper asks before it writes vectored");
            self.takes.remove(0).map(Ok)
        }

        fn is_write_vectored(&self) -> bool {
            self.vectored
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    fn cx() -> Context<'static> {
        Context::from_waker(std::task::Waker::noop())
    }

    fn gate(now: &(dyn Fn() -> UnixMillis + Send + Sync)) -> Gate<'_> {
        Gate { first_byte_before: 10, within: Duration::ZERO, now }
    }

    #[test]
    fn bytes_that_were_offered_and_not_taken_count() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let inner = Reluctant { takes: vec![Poll::Pending], vectored: false };
        let mut counter = Counter::new(inner, &mut tally, &gate, 0);
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"12345").is_pending());
        drop(counter);
        assert_eq!((tally.offered, tally.first_byte_at), (5, Some(9)));
    }

    #[test]
    fn bytes_that_are_offered_again_count_once() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let inner = Reluctant { takes: vec![Poll::Pending, Poll::Ready(2), Poll::Ready(3)], vectored: false };
        let mut counter = Counter::new(inner, &mut tally, &gate, 0);
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"12345").is_pending());
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"12345").is_ready());
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"345").is_ready());
        drop(counter);
        assert_eq!(tally.offered, 5);
    }

    #[test]
    fn vectored_bytes_count() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let inner = Reluctant { takes: vec![Poll::Pending], vectored: true };
        let mut counter = Counter::new(inner, &mut tally, &gate, 0);
        assert!(counter.is_write_vectored());
        let bufs = [IoSlice::new(b"head"), IoSlice::new(b"body!")];
        assert!(Pin::new(&mut counter).poll_write_vectored(&mut cx(), &bufs).is_pending());
        drop(counter);
        assert_eq!(tally.offered, 9);
    }

    /// The stream itself is never asked: it has no answers to give.
    #[test]
    fn a_gate_that_was_shut_once_stays_shut_though_the_clock_goes_back() {
        let clock = std::sync::atomic::AtomicU64::new(10);
        let now = || clock.fetch_sub(5, std::sync::atomic::Ordering::SeqCst);
        let (mut tally, gate) = (Tally::default(), gate(&now));
        let mut counter = Counter::new(Reluctant { takes: vec![], vectored: true }, &mut tally, &gate, 0);
        for _ in 0..2 {
            assert!(matches!(Pin::new(&mut counter).poll_write(&mut cx(), b"1"), Poll::Ready(Err(_))));
        }
        let bufs = [IoSlice::new(b"1")];
        assert!(matches!(Pin::new(&mut counter).poll_write_vectored(&mut cx(), &bufs), Poll::Ready(Err(_))));
        drop(counter);
        assert_eq!((tally.offered, tally.first_byte_at, tally.shut), (0, None, true));
    }

    #[test]
    fn bytes_of_every_write_count() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let inner = Reluctant { takes: vec![Poll::Ready(5), Poll::Ready(4)], vectored: false };
        let mut counter = Counter::new(inner, &mut tally, &gate, 0);
        assert!(!counter.is_write_vectored());
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"12345").is_ready());
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"6789").is_ready());
        drop(counter);
        assert_eq!(tally.offered, 9);
    }

    /// Also where they are read into a buffer that holds something already.
    #[test]
    fn peer_may_send_so_many_bytes_and_none_more() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let mut counter = Counter::new(&b"1234567"[..], &mut tally, &gate, 6);
        let mut read = |bytes: usize| {
            let mut storage = [0; 8];
            let mut buf = ReadBuf::new(&mut storage[..2 + bytes]);
            buf.put_slice(b"xx");
            Pin::new(&mut counter).poll_read(&mut cx(), &mut buf)
        };
        assert!(matches!((read(2), read(4)), (Poll::Ready(Ok(())), Poll::Ready(Ok(())))));
        assert!(matches!(read(1), Poll::Ready(Err(_))));
        assert!(tally.flooded);
    }

    /// Else a request lies in a buffer of TLS, and its answer never comes.
    #[test]
    fn flush_and_shutdown_are_over_when_the_stream_says_so() {
        let (mut tally, gate) = (Tally::default(), gate(&|| 9));
        let mut counter = Counter::new(Reluctant { takes: vec![], vectored: false }, &mut tally, &gate, 0);
        assert!(Pin::new(&mut counter).poll_flush(&mut cx()).is_pending());
        assert!(Pin::new(&mut counter).poll_shutdown(&mut cx()).is_pending());
    }

    /// Only the first byte is gated: half a request is worse than a late one.
    #[test]
    fn the_gate_does_not_cut_a_request_in_two() {
        let clock = std::sync::atomic::AtomicU64::new(9);
        let now = || clock.fetch_add(5, std::sync::atomic::Ordering::SeqCst);
        let (mut tally, gate) = (Tally::default(), gate(&now));
        let inner = Reluctant { takes: vec![Poll::Ready(2), Poll::Ready(3)], vectored: false };
        let mut counter = Counter::new(inner, &mut tally, &gate, 0);
        assert!(Pin::new(&mut counter).poll_write(&mut cx(), b"12345").is_ready());
        assert!(matches!(Pin::new(&mut counter).poll_write(&mut cx(), b"345"), Poll::Ready(Ok(3))));
    }
}
