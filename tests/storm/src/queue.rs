//! What is still to be sent, each with the moment from which it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    pub due: Instant,
    pub number: usize,
    pub attempt: usize,
    /// It was answered 200 before.
    pub redelivery: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: BinaryHeap<Reverse<Job>>,
    /// Taken and not yet finished: each may still put another job in.
    under_way: usize,
    /// Nothing new comes, but what follows from what there is.
    is_closed: bool,
}

impl Queue {
    pub fn put(&self, job: Job) {
        self.state.lock().unwrap().jobs.push(Reverse(job));
        self.changed.notify_one();
    }

    pub fn close(&self) {
        self.state.lock().unwrap().is_closed = true;
        self.changed.notify_all();
    }

    /// What is not finished.
    pub fn pending(&self) -> usize {
        let state = self.state.lock().unwrap();
        state.jobs.len() + state.under_way
    }

    /// Waits for the next one that is due; `None` when nothing is left and nothing can follow.
    pub fn take(&self) -> Option<Job> {
        let mut state = self.state.lock().unwrap();
        loop {
            let now = Instant::now();
            match state.jobs.peek() {
                Some(Reverse(job)) if job.due <= now => {
                    state.under_way += 1;
                    return state.jobs.pop().map(|Reverse(job)| job);
                }
                Some(Reverse(job)) => {
                    let wait = job.due - now;
                    state = self.changed.wait_timeout(state, wait).unwrap().0;
                }
                None if state.under_way == 0 && state.is_closed => return None,
                None => state = self.changed.wait(state).unwrap(),
            }
        }
    }

    pub fn finished(&self) {
        self.state.lock().unwrap().under_way -= 1;
        self.changed.notify_all();
    }
}
