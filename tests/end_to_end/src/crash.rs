//! A crash at a chosen step: the future is dropped the k-th time that it waits.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Runs `future` until it has to wait for the `waits`-th time, and drops it there, with everything it holds. `Some` when
/// it ended before.
pub async fn cut_after<F: Future>(waits: u32, future: F) -> Option<F::Output> {
    cut_once(|| true, waits, future).await
}

/// The same; waits are counted from when `begun` holds. How often it waits before that may differ from run to run.
pub async fn cut_once<F: Future>(begun: impl Fn() -> bool, waits: u32, future: F) -> Option<F::Output> {
    let mut future = pin!(Some(future));
    let mut waited = 0;
    let ended = poll_fn(|cx| {
        let Some(running) = future.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match running.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                waited += u32::from(begun());
                if waited == waits { Poll::Ready(None) } else { Poll::Pending }
            }
        }
    })
    .await;
    future.set(None);
    ended
}
