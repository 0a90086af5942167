//! Which steps are possible in a state.

use payonce_protocol::event::ClaimAnswer;
use payonce_protocol::outcome::Reason;
use payonce_protocol::sweep::MINUTE_MS;

use crate::mutation::Mutation;
use crate::people;
use crate::setting::{ONE, OTHER_EVENT, Tick};
use crate::step::{Arrives, Ending, Fate, List, Step};
use crate::table::{SLOTS, Subject};
use crate::worker::{Doing, Start, Worker};
use crate::world::{State, World};

/// Nothing lands, and no row stays hidden, until the last visit.
const LANDS_WITHIN_MINUTES: u64 = 24 * 60;

impl World {
    pub(crate) fn possible(&self, state: &State, steps: &mut Vec<Step>) {
        let setting = &self.setting;
        if self.may_tick(state) {
            steps.push(Step::Tick);
        }
        if state.tick < setting.last_tick() {
            if state.tick <= setting.arrivals_until && usize::from(state.arrived) < setting.deliveries.len() {
                steps.extend(Start::ALL.map(Step::Arrive));
            }
            if state.people.approvals_left > 0
                && people::offered(&state.table, &state.people, setting, state.tick).is_some()
            {
                steps.push(Step::Approve);
            }
            if people::may_look_up(&state.table, &state.people, setting, state.tick)
                && let Some(searched) = people::searched(&state.table, &state.people, setting)
            {
                let (rail, tick) = (&state.rail, state.tick);
                let whole = rail.look_up(searched, setting, tick).into_iter();
                steps.extend(whole.map(|said| Step::LookUpAtRail(said, List::Whole)));
                let lagging = rail.lagging_look_up(searched, setting, tick).into_iter();
                steps.extend(lagging.map(|said| Step::LookUpAtRail(said, List::Lagging)));
            }
            if setting.is_given_back && state.table.bar.is_none() {
                steps.push(Step::GiveBack);
            }
            // They are never wiser than the case: it is open whatever was claimed since.
            if state.people.lifts_left > 0 && state.table.is_open(Reason::BeforeCutover, Subject::Event(ONE)) {
                steps.push(Step::Lift(ONE));
            }
            if state.people.endings_left > 0 {
                self.endings(state, steps);
            }
        }
        for (index, worker) in state.workers.iter().enumerate() {
            self.steps_of(state, index, worker, steps);
        }
        self.steps_of_the_rest(state, steps);
        steps.retain(|step| step.fault().is_none_or(|fault| state.faults_left > 0 && setting.faults.contains(&fault)));
    }

    /// What two people may close or pay now. The tables hold them to it: see [`World::end`].
    fn endings(&self, state: &State, steps: &mut Vec<Step>) {
        let open = |reason, asked| state.table.is_open(reason, Subject::Event(asked));
        if open(Reason::BeforeCutover, ONE) {
            steps.extend([Ending::ByHand, Ending::NotPaid].map(|ending| Step::End(Reason::BeforeCutover, ONE, ending)));
        }
        for reason in [Reason::SecondEventForKey, Reason::RefusedNotRedelivered] {
            if open(reason, OTHER_EVENT) && state.table.claim(0).is_some_and(|claim| claim.asked != OTHER_EVENT) {
                steps.push(Step::End(reason, OTHER_EVENT, Ending::ByHand));
            }
        }
        if open(Reason::SecondEventForKey, OTHER_EVENT) {
            steps.push(Step::PayOwnOrder);
        }
    }

    /// Nobody may be found past the end of its time: it goes on, dies or stands still first; and what is under way
    /// arrives within its time.
    fn may_tick(&self, state: &State) -> bool {
        let setting = &self.setting;
        let next = state.tick + 1;
        let lands =
            |received: Tick| setting.at(next) / MINUTE_MS < setting.at(received) / MINUTE_MS + LANDS_WITHIN_MINUTES;
        next <= setting.last_tick()
            && (setting.sweeper_pauses || !self.sweep_is_due(state))
            && state.workers.iter().all(|worker| match worker.frozen {
                true => lands(worker.started),
                false => setting.worker_clock(next) <= setting.expires_at(worker.started),
            })
            && state
                .rail
                .under_way
                .iter()
                .all(|request| setting.at(next) < setting.at(request.sent) + setting.rail.settle_ms)
            && state.table.landing.iter().all(|(_, claim)| lands(claim.received))
            && state.table.claims.iter().flatten().all(|claim| claim.listed || lands(claim.received))
    }

    /// A sweeper that never pauses is due only when it would find something: its other runs are part of the tick.
    fn sweep_is_due(&self, state: &State) -> bool {
        let sweeper = &state.sweeper;
        let is_last = state.tick == self.setting.last_tick();
        let would_find = || sweeper.would_find(&state.table, &self.setting, &self.visits, state.tick);
        !self.setting.is(Mutation::NoSweeper)
            && sweeper.is_behind(state.tick)
            && (self.setting.sweeper_pauses || is_last || sweeper.found.is_some() || would_find())
    }

    fn steps_of(&self, state: &State, index: usize, worker: &Worker, steps: &mut Vec<Step>) {
        use Fate::{AnswerLost, Done, Late, NotDone, PanicAfter, PanicBefore, Refused};
        match worker.doing {
            Doing::LookUp => steps.extend([Done, NotDone].map(|fate| Step::LookUpClaim(index, fate))),
            Doing::Note => steps.extend([Done, NotDone].map(|fate| Step::Note(index, fate))),
            Doing::Put { .. } => {
                let refused = [Refused(ClaimAnswer::NotApplied), Refused(ClaimAnswer::Unacceptable)];
                steps.extend(refused.map(|fate| Step::Put(index, fate)));
                steps.extend([Done, AnswerLost, PanicAfter].map(|fate| Step::Put(index, fate)));
                if state.table.claim(worker.slot).is_none() {
                    steps.extend([NotDone, Late, PanicBefore].map(|fate| Step::Put(index, fate)));
                }
            }
            Doing::Send => steps.extend([Done, PanicBefore, PanicAfter].map(|fate| Step::Send(index, fate))),
            Doing::AwaitReply => steps.push(Step::GiveUp(index)),
            Doing::Record(_) => {
                steps
                    .extend([Done, AnswerLost, NotDone, PanicBefore, PanicAfter].map(|fate| Step::Record(index, fate)));
            }
            Doing::File(_) => {
                steps.extend([Done, AnswerLost, NotDone, PanicBefore, PanicAfter].map(|fate| Step::File(index, fate)));
            }
        }
    }

    fn steps_of_the_rest(&self, state: &State, steps: &mut Vec<Step>) {
        let setting = &self.setting;
        for (index, request) in state.rail.under_way.iter().enumerate() {
            let awaited = state.awaiting(request).is_some();
            for how in state.rail.possible(*request, setting, state.tick) {
                steps.push(Step::Process(index, how, Arrives::Yes));
                if awaited {
                    steps.push(Step::Process(index, how, Arrives::No));
                }
            }
            steps.push(Step::LoseRequest(index));
        }
        steps.extend((0..state.table.landing.len()).map(Step::Land));
        for slot in 0..SLOTS as u8 {
            match state.table.claim(slot) {
                Some(claim) if !claim.listed => steps.push(Step::List(slot)),
                Some(claim) if claim.received == state.tick => steps.push(Step::Hide(slot)),
                _ => {}
            }
        }
        let mut invocations: Vec<(u8, bool)> =
            state.workers.iter().map(|worker| (worker.invocation, worker.frozen)).collect();
        invocations.sort_unstable();
        invocations.dedup();
        for (invocation, frozen) in invocations {
            steps.push(Step::Crash(invocation));
            if !frozen {
                steps.push(Step::Freeze(invocation));
            }
        }
        if state.sweeper.found.is_some() {
            steps.extend([Step::WriteSwept, Step::SweeperDies, Step::SweeperStops]);
        } else if self.sweep_is_due(state) {
            steps.push(Step::Sweep);
        }
    }
}
