//! Workers are told apart by numbers that mean nothing else. Of all states that become the same when the workers are numbered
//! otherwise, one is explored: n copies of one delivery would be explored up to n! times.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::table::CLOSED;
use crate::world::{PAYERS, State};

impl State {
    /// The same state, with its workers numbered by what they are about, and no number in use that nothing bears any more.
    pub fn renumbered(mut self) -> Self {
        let mut order: Vec<(u64, u8)> = (0..self.workers_started)
            .filter(|number| self.is_borne(*number))
            .map(|number| (digest(&(self.about(number), self.about_its_delivery(number))), number))
            .collect();
        // Two that are about the same may come in any order.
        order.sort_unstable();
        let new = |number: u8| order.iter().position(|(_, old)| *old == number).map_or(number, |place| place as u8);
        for worker in &mut self.workers {
            worker.number = new(worker.number);
            worker.attempt_id = worker.number;
        }
        self.workers.sort_unstable_by_key(|worker| worker.number);
        self.renumber_invocations();
        for request in &mut self.rail.under_way {
            request.worker = new(request.worker);
        }
        self.rail.under_way.sort_unstable_by_key(|request| (request.worker, request.generation, request.sent));
        let landing = self.table.landing.iter_mut().map(|(_, claim)| claim);
        for claim in self.table.claims.iter_mut().flatten().chain(landing) {
            if claim.attempt_id != CLOSED {
                claim.attempt_id = new(claim.attempt_id);
            }
        }
        self.table.landing.sort_by_cached_key(|(slot, claim)| (claim.attempt_id, *slot, digest(claim)));
        self.workers_started = order.len() as u8;
        self
    }

    /// A worker that is there, or one that left a request or a claim.
    fn is_borne(&self, number: u8) -> bool {
        let landing = self.table.landing.iter().map(|(_, claim)| claim);
        self.workers.iter().any(|worker| worker.number == number)
            || self.rail.under_way.iter().any(|request| request.worker == number)
            || self.table.claims.iter().flatten().chain(landing).any(|claim| claim.attempt_id == number)
    }

    /// What does not change when workers are numbered otherwise.
    fn about(&self, number: u8) -> u64 {
        let mut hasher = DefaultHasher::new();
        for worker in self.workers.iter().filter(|worker| worker.number == number) {
            let mut worker = worker.clone();
            worker.invocation = u8::from(worker.invocation >= PAYERS);
            (worker.number, worker.attempt_id) = (0, 0);
            worker.hash(&mut hasher);
        }
        for request in self.rail.under_way.iter().filter(|request| request.worker == number) {
            (request.generation, request.sent).hash(&mut hasher);
        }
        for (slot, claim) in self.table.claims.iter().enumerate() {
            claim.as_ref().is_some_and(|claim| claim.attempt_id == number).then_some(slot).hash(&mut hasher);
        }
        for (slot, claim) in self.table.landing.iter().filter(|(_, claim)| claim.attempt_id == number) {
            let mut claim = claim.clone();
            claim.attempt_id = 0;
            (slot, claim).hash(&mut hasher);
        }
        hasher.finish()
    }

    fn about_its_delivery(&self, number: u8) -> Vec<u64> {
        let invocation = self.workers.iter().find(|worker| worker.number == number).map(|worker| worker.invocation);
        let of_it = self.workers.iter().filter(|worker| Some(worker.invocation) == invocation);
        let mut about: Vec<u64> = of_it.map(|worker| self.about(worker.number)).collect();
        about.sort_unstable();
        about
    }

    /// The events of a delivery that are still at work have the number of their first.
    fn renumber_invocations(&mut self) {
        let before: Vec<u8> = self.workers.iter().map(|worker| worker.invocation).collect();
        for index in 0..before.len() {
            let first = before.iter().position(|other| *other == before[index]).unwrap_or(index);
            let payer = if before[index] >= PAYERS { PAYERS } else { 0 };
            self.workers[index].invocation = self.workers[first].number + payer;
        }
    }
}

fn digest(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
