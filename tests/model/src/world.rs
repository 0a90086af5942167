//! The world as the checker sees it: a state, the steps that are possible in it, and what each does to it.

use payonce_protocol::event::{Answer, ClaimAnswer, Input, Recorded};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use stateright::{Model, Property};

use crate::mutation::Mutation;
use crate::people::{self, People};
use crate::properties;
use crate::rail::{Rail, Request};
use crate::setting::{Asked, OTHER_EVENT, Setting, Tick};
use crate::step::{Arrives, Ending, Fate, Step};
use crate::sweeper::{Sweeper, Visits};
use crate::table::{Claim, Ended, Note, SLOTS, Subject, Table};
use crate::worker::{Doing, Job, Start, Worker};

/// Invocations of the payer are numbered from here.
pub(crate) const PAYERS: u8 = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub tick: Tick,
    pub faults_left: u8,
    /// Deliveries that have come.
    pub arrived: u8,
    pub workers: Vec<Worker>,
    /// The number of the next one: none that is there, or has left something, has it.
    pub workers_started: u8,
    pub table: Table,
    pub rail: Rail,
    pub sweeper: Sweeper,
    pub people: People,
    pub seen: Seen,
}

/// What the properties need to know of the past. Sets of [`crate::setting::Asked`] are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Answered 2xx.
    pub answered: u8,
    /// Answered 503.
    pub refused: u8,
    /// Refused, and the note that is best effort failed.
    pub unnoted: u8,
    pub request_without_claim: bool,
    /// Answered as filed, and no open case said so.
    pub filed_unseen: bool,
    pub refused_having_paid: bool,
    /// A first put met its own attempt id.
    pub impossible: bool,
}

#[derive(Debug)]
pub struct World {
    pub setting: Setting,
    pub(crate) visits: Visits,
    /// States that differ only in how their workers are numbered are one.
    renumbers: bool,
}

impl World {
    pub fn new(setting: Setting) -> Self {
        // There the numbers of deliveries and of attempts are two things.
        let renumbers = !setting.is(Mutation::AttemptIdPerDelivery);
        Self { visits: Visits::of(&setting), renumbers, setting }
    }

    /// Each state by itself, which takes longer and finds the same.
    pub fn with_numbers(setting: Setting) -> Self {
        Self { renumbers: false, ..Self::new(setting) }
    }

    /// Everything is over: nobody is at work, nothing is under way, and the sweeper has made its visits.
    pub fn is_at_rest(&self, state: &State) -> bool {
        state.tick == self.setting.last_tick()
            && state.workers.is_empty()
            && state.table.landing.is_empty()
            && state.rail.under_way.is_empty()
            && state.sweeper.found.is_none()
            && (!state.sweeper.is_behind(state.tick) || self.setting.is(Mutation::NoSweeper))
    }

    fn apply(&self, state: &mut State, step: Step) {
        let setting = &self.setting;
        let tick = state.tick;
        match step {
            Step::Tick => {
                if !setting.sweeper_pauses {
                    state.sweeper.done = tick + 1;
                }
                state.tick += 1;
                self.expire_claims(state);
            }
            Step::Arrive(start) => {
                let events = setting.deliveries.get(usize::from(state.arrived));
                let invocation = state.workers_started;
                state.arrived += 1;
                for asked in events.into_iter().flatten() {
                    if start == Start::Misfit {
                        self.file(state, Reason::BeforeCutover, *asked);
                        state.seen.answered |= asked.bit();
                        continue;
                    }
                    let attempt_id = match setting.is(Mutation::AttemptIdPerDelivery) {
                        true => invocation,
                        false => state.workers_started,
                    };
                    let number = state.workers_started;
                    let job =
                        Job { number, invocation, attempt_id, asked: *asked, slot: 0, generation: 1, started: tick };
                    state.start(job, start);
                }
            }
            Step::Approve => {
                let (Some((slot, generation)), Some(first)) =
                    (people::offered(&state.table, &state.people, setting, tick), state.table.claim(0))
                else {
                    return;
                };
                let number = state.workers_started;
                let asked = first.asked;
                let invocation = PAYERS + number;
                state.people.approvals_left -= 1;
                let job = Job { number, invocation, attempt_id: number, asked, slot, generation, started: tick };
                state.start(job, Start::Open);
            }
            Step::Lift(asked) => {
                let number = state.workers_started;
                let invocation = PAYERS + number;
                state.people.lifts_left -= 1;
                let job = Job { number, invocation, attempt_id: number, asked, slot: 0, generation: 1, started: tick };
                state.start(job, Start::Open);
            }
            Step::Put(index, fate) => self.put(state, index, fate),
            Step::Land(index) => {
                let (slot, claim) = state.table.landing.remove(index);
                state.claim(slot, claim);
            }
            Step::Hide(slot) | Step::List(slot) => {
                if let Some(claim) = state.table.claim_mut(slot) {
                    claim.listed = matches!(step, Step::List(_));
                }
            }
            Step::LookUpClaim(index, fate) => {
                let input = if fate == Fate::Done { state.table.first() } else { Input::ClaimNotRead };
                self.feed(state, index, input);
            }
            Step::Note(index, fate) => {
                let asked = state.workers[index].asked;
                if fate == Fate::Done && !setting.is(Mutation::NoNote) {
                    state.table.note.get_or_insert(Note { asked, refused: tick });
                }
                // Best effort, and once for each key: it may fail, and speaks of one event.
                if fate == Fate::NotDone || state.table.note.as_ref().is_some_and(|note| note.asked != asked) {
                    state.seen.unnoted |= asked.bit();
                }
                self.feed(state, index, Input::Noted);
            }
            Step::Send(index, fate) => self.send(state, index, fate),
            Step::Process(index, how, arrives) => {
                let request = state.rail.under_way[index];
                let reply = state.rail.process(request, how, setting, tick);
                if let Some(index) = state.awaiting(&request) {
                    match arrives {
                        Arrives::Yes => {
                            state.workers[index].evidence = reply.evidence(request.sent);
                            self.paid(state, index, reply.verdict);
                        }
                        Arrives::No => self.paid(state, index, Verdict::UNKNOWN),
                    }
                }
            }
            Step::LoseRequest(index) => {
                let request = state.rail.under_way.remove(index);
                if let Some(index) = state.awaiting(&request) {
                    self.paid(state, index, Verdict::UNKNOWN);
                }
            }
            Step::GiveUp(index) => self.paid(state, index, Verdict::UNKNOWN),
            Step::Record(index, fate) => {
                let worker = &state.workers[index];
                let Doing::Record(verdict) = worker.doing else { return };
                let ended = Ended { verdict, at: tick, evidence: worker.evidence, abandoned: false };
                let (slot, attempt_id) = (worker.slot, worker.attempt_id);
                let mut recorded = Recorded::Failed;
                if !matches!(fate, Fate::NotDone | Fate::PanicBefore) {
                    recorded = state.table.record(slot, attempt_id, ended);
                }
                self.feed(state, index, fate.input(Input::Recorded(recorded), Input::Recorded(Recorded::Failed)));
            }
            Step::File(index, fate) => {
                let worker = &state.workers[index];
                let Doing::File(reason) = worker.doing else { return };
                let unfiled = match setting.is(Mutation::CaseBelievedWritten) {
                    true => Input::CaseFiled,
                    false => Input::CaseNotFiled,
                };
                if !matches!(fate, Fate::NotDone | Fate::PanicBefore) {
                    let asked = worker.asked;
                    self.file(state, reason, asked);
                }
                self.feed(state, index, fate.input(Input::CaseFiled, unfiled));
            }
            Step::Crash(invocation) => state.workers.retain(|worker| worker.invocation != invocation),
            Step::Freeze(invocation) => {
                for worker in state.workers.iter_mut().filter(|worker| worker.invocation == invocation) {
                    worker.frozen = true;
                }
            }
            Step::Sweep => state.sweeper.read(&state.table, setting, &self.visits, tick),
            Step::WriteSwept | Step::SweeperStops => self.write_swept(state, step == Step::SweeperStops),
            Step::SweeperDies => state.sweeper.found = None,
            Step::LookUpAtRail(said, _) => {
                state.people.look_ups_left -= 1;
                state.people.look_ups.push((tick, said));
            }
            Step::End(reason, asked, ending) => self.end(state, reason, asked, ending),
            Step::GiveBack => state.table.bar(),
            Step::PayOwnOrder => {
                state.people.endings_left -= 1;
                let own = &mut state.people.own;
                if !own.is_claimed {
                    own.is_claimed = true;
                    own.by_rail += 1;
                    state.table.resolved.insert((Reason::SecondEventForKey, Subject::Event(OTHER_EVENT)));
                }
            }
        }
    }

    fn file(&self, state: &mut State, reason: Reason, asked: Asked) {
        let subject = Subject::Event(asked);
        match self.setting.is(Mutation::FiledUnderAResolvedCase) {
            true => drop(state.table.cases.insert((reason, subject))),
            false => state.table.file(reason, subject),
        }
        state.seen.filed_unseen |= !state.table.is_open(reason, subject);
    }

    /// The sweeper's place moves on when all that was found is written; when its time is over before, it stays.
    fn write_swept(&self, state: &mut State, stops: bool) {
        let Some(found) = state.sweeper.found.take() else { return };
        let mut claims: Vec<u8> = (0..SLOTS as u8).filter(|slot| found.claims[usize::from(*slot)]).collect();
        if stops {
            claims.pop();
        }
        claims.into_iter().for_each(|slot| state.table.abandon(slot, state.tick));
        if let (true, false, Some(note)) = (found.note, stops, &state.table.note) {
            state.table.cases.insert((properties::NEVER_CAME_BACK, Subject::Event(note.asked)));
        }
        if !stops || self.setting.is(Mutation::PlaceBeforeWork) {
            state.sweeper.done = found.read_at + 1;
        }
    }

    /// Two people close a case: in one transaction with the claim that the ending makes, which finds the place free or
    /// refuses. Only then is anybody paid by hand.
    fn end(&self, state: &mut State, reason: Reason, asked: Asked, ending: Ending) {
        let by_hand = ending == Ending::ByHand;
        state.people.endings_left -= 1;
        if asked == OTHER_EVENT {
            let own = &mut state.people.own;
            if !self.setting.is(Mutation::SecondEventEndsWithoutClaim) {
                if own.is_claimed {
                    return;
                }
                own.is_claimed = true;
            }
            own.by_hand += u8::from(by_hand);
        } else {
            if !self.setting.is(Mutation::EndingWithoutClaim) {
                let closing = Claim::of_ending(asked, state.tick, by_hand);
                if state.claim(0, closing) != ClaimAnswer::Written {
                    return;
                }
            }
            state.people.by_hand += u8::from(by_hand);
        }
        state.table.resolved.insert((reason, Subject::Event(asked)));
    }

    fn put(&self, state: &mut State, index: usize, fate: Fate) {
        let worker = &state.workers[index];
        let (slot, again, claim) = (worker.slot, worker.doing == Doing::Put { again: true }, worker.claim());
        let said = match fate {
            Fate::Refused(said) => said,
            Fate::NotDone | Fate::PanicBefore => ClaimAnswer::NoAnswer,
            Fate::Late => {
                state.table.landing.push((slot, claim.clone()));
                ClaimAnswer::NoAnswer
            }
            Fate::Done | Fate::AnswerLost | Fate::PanicAfter => {
                let is_lifted = worker.invocation >= PAYERS && slot == 0;
                if is_lifted && self.setting.is(Mutation::LiftedOverAClaim) {
                    state.table.claims[0] = None;
                }
                let bar = state.table.bar.take_if(|_| self.setting.is(Mutation::BarIgnored));
                let said = state.claim(slot, claim.clone());
                state.table.bar = bar.or(state.table.bar);
                said
            }
        };
        let ours = ClaimAnswer::Taken(claim.facts());
        let said = match said {
            ClaimAnswer::Taken(_) if again && self.setting.is(Mutation::AttemptIdIgnored) => ours,
            said => said,
        };
        let silence = match self.setting.mutation {
            Some(Mutation::SilenceIsWritten) => ClaimAnswer::Written,
            Some(Mutation::SdkRepeatsPut) if said == ClaimAnswer::Written => ours,
            _ => ClaimAnswer::NoAnswer,
        };
        state.workers[index].recognised = again && said == ours;
        self.feed(state, index, fate.input(Input::Claim(said), Input::Claim(silence)));
    }

    /// The last gate stands at the first byte, by the worker's own clock.
    fn send(&self, state: &mut State, index: usize, fate: Fate) {
        let (setting, tick) = (&self.setting, state.tick);
        let worker = &mut state.workers[index];
        if worker.doing != Doing::Send {
            return;
        }
        let in_time =
            setting.worker_clock(tick) < setting.expires_at(worker.started) || setting.is(Mutation::NoGateAtFirstByte);
        if fate == Fate::PanicBefore {
            return self.feed(state, index, Input::Panicked);
        }
        if !in_time {
            return self.paid(state, index, Verdict::NOT_SENT);
        }
        let requests = if setting.is(Mutation::RequestRepeated) { 2 } else { 1 };
        let request = Request { worker: worker.number, generation: worker.generation, sent: tick };
        worker.evidence.sent = Some(tick);
        worker.doing = Doing::AwaitReply;
        match state.table.claim_mut(worker.slot).filter(|claim| claim.attempt_id == worker.attempt_id) {
            Some(claim) => claim.requests += requests,
            None => state.seen.request_without_claim = true,
        }
        state.rail.under_way.push(request);
        if fate == Fate::PanicAfter {
            state.workers[index].evidence.sent = None;
            self.feed(state, index, Input::Panicked);
        }
    }

    fn paid(&self, state: &mut State, index: usize, verdict: Verdict) {
        let worker = &state.workers[index];
        if self.setting.is(Mutation::ClaimDeletedOnError)
            && verdict.outcome != Outcome::Accepted
            && let Some(place) = state.table.claims.get_mut(usize::from(worker.slot))
        {
            *place = None;
        }
        self.feed(state, index, Input::Paid(verdict));
    }

    fn feed(&self, state: &mut State, index: usize, input: Input) {
        if let Some(answer) = state.workers[index].feed(input) {
            let worker = state.workers.remove(index);
            self.answered(state, &worker, answer);
        }
    }

    fn answered(&self, state: &mut State, worker: &Worker, answer: Answer) {
        let unrecorded = matches!(answer, Answer::Done(_, Recorded::Failed));
        let is_final = answer.is_final() && !(unrecorded && self.setting.is(Mutation::UnrecordedIs503));
        state.seen.impossible |= answer == Answer::Impossible;
        if !is_final {
            let own = state.table.claim(worker.slot).filter(|claim| claim.attempt_id == worker.attempt_id);
            state.seen.refused_having_paid |= own.is_some_and(|claim| claim.requests > 0);
        }
        if worker.invocation < PAYERS {
            match is_final {
                true => state.seen.answered |= worker.asked.bit(),
                false => state.seen.refused |= worker.asked.bit(),
            }
        }
    }

    fn expire_claims(&self, state: &mut State) {
        if self.setting.is(Mutation::ClaimExpires) {
            let now = self.setting.worker_clock(state.tick);
            for place in &mut state.table.claims {
                if place
                    .as_ref()
                    .is_some_and(|claim| claim.outcome.is_none() && self.setting.expires_at(claim.received) < now)
                {
                    *place = None;
                }
            }
        }
    }
}

impl State {
    fn start(&mut self, job: Job, start: Start) {
        self.workers_started += 1;
        self.workers.extend(Worker::start(job, start));
    }

    fn claim(&mut self, slot: u8, claim: Claim) -> ClaimAnswer {
        let said = self.table.put(slot, claim);
        if said == ClaimAnswer::Written {
            self.people.look_ups.clear();
        }
        said
    }

    pub(crate) fn awaiting(&self, request: &Request) -> Option<usize> {
        self.workers.iter().position(|worker| worker.number == request.worker && worker.doing == Doing::AwaitReply)
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tick: 0,
            faults_left: self.setting.fault_budget,
            arrived: 0,
            workers: vec![],
            workers_started: 0,
            table: Table::default(),
            rail: Rail::default(),
            sweeper: Sweeper::default(),
            people: People {
                approvals_left: self.setting.approvals,
                look_ups_left: self.setting.look_ups,
                look_ups: vec![],
                endings_left: self.setting.endings,
                lifts_left: self.setting.lifts,
                ..People::default()
            },
            seen: Seen::default(),
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.possible(state, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        state.faults_left -= u8::from(step.fault().is_some());
        self.apply(&mut state, step);
        Some(if self.renumbers { state.renumbered() } else { state })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(&self.setting)
    }

    /// Beyond two payouts there is nothing more to learn.
    fn within_boundary(&self, state: &State) -> bool {
        state.rail.executed.len() + usize::from(state.people.by_hand) <= 2
    }
}
