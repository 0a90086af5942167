//! Who may pay, explored: two versions with other rules of payout keys live at once, environments that believe for a while
//! what they read, people who hold, accept and release in any order and pay by hand what was refused, and books that are lost
//! and restored.
//!
//! What decides is `payonce_protocol::release`; modelled is what surrounds it. Taken for granted: whoever restores books
//! does so when what was under way is over, as a restore takes longer than any function may run; and nobody pays by hand by
//! restored books, which know nothing of what was paid by hand before.

use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::release::{
    CONTROL_FRESH_MS, LONGEST_FUNCTION_MS, Standing, TableIds, books_from, may_accept, ruling,
};
use stateright::{Model, Property};

use crate::setting::{SECOND_MS, START_MS, Tick};

pub const AT_MOST_ONCE: &str = "each order is paid at most once, by whichever version and from whichever books";

/// When the clock may stand where, after [`START_MS`].
const MOMENTS_S: [u64; 7] = [0, 2, 20, 40, 200, 220, 500];
/// A provider's clock may be ahead of ours.
const SIGNED_AHEAD_MS: u64 = 100 * SECOND_MS;
/// Longer than any of this lasts: while payouts are refused nothing is claimed.
const PATIENCE_MS: u64 = 3_600 * SECOND_MS;
/// When each of two orders' events is signed; it is delivered from then on, as often as one likes.
const SIGNED: [Tick; 2] = [0, 5];
const ORDERS: usize = SIGNED.len();

/// One guard that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A version pays whatever rules were accepted.
    RulesIgnored,
    /// Rules are accepted while payouts go on.
    AcceptedWithoutHold,
    /// Rules are accepted before every version has seen the hold.
    AcceptedBeforeSeen,
    /// Events are paid from the moment of the hold on, not from the moment when everybody had seen it; and it is so long ago
    /// that the former keys count no more.
    PaidFromTheHold,
    /// Events without a signed time are paid without a look at the keys that they had formerly.
    FormerKeysIgnored,
    /// What stands under another key of an event says nothing to whoever asks about the one.
    OtherKeyIgnored,
    /// A release counts for whatever tables are there.
    TablesIgnored,
    /// Restored books are released as if no claim were missing.
    BooksTakenForWhole,
}

/// A provider's events, and what may happen to its books.
#[derive(Clone, Copy, Debug)]
pub struct Releases {
    /// The provider signs a time, which `paid_from` is held against; else the former keys are looked at.
    pub signs_time: bool,
    pub restores: bool,
    pub mutation: Option<Mutation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    Old,
    New,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub tick: Tick,
    /// What is there now; `tables` counts how often they were made.
    pub books: Books,
    pub tables: u8,
    pub backup: Option<Books>,
    /// Old and new version.
    pub versions: [Option<Environment>; 2],
    pub under_way: Vec<Worker>,
    /// By order.
    pub executed: [u8; ORDERS],
    /// Of these, under new rules.
    pub by_new_rules: bool,
    pub left: Left,
}

/// How often each may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Left {
    pub deliveries: u8,
    pub holds: u8,
    pub releases: u8,
    pub payments_by_hand: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Books {
    /// By order, by rules: what a claim, or people's closing claim, has taken.
    pub claims: [[bool; 2]; ORDERS],
    /// In the same way: that a delivery was refused.
    pub notes: [[bool; 2]; ORDERS],
    /// By order: that its two keys name each other.
    pub aliases: [bool; ORDERS],
    pub hold: Hold,
    pub hold_set_at: Tick,
    pub released_for: u8,
    /// In milliseconds, as `paid_from`.
    pub books_from: UnixMillis,
    pub accepted: Rules,
    pub paid_from: UnixMillis,
}

/// A warm function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Environment {
    pub read: Option<(Tick, Reading)>,
}

/// What it was told: whether it may pay, and what was signed from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    pub pays: bool,
    pub from: UnixMillis,
    /// Other rules than the version's own are accepted, or were.
    pub knows_others: bool,
}

/// A delivery that is going to claim and pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    pub rules: Rules,
    pub order: usize,
    pub started: Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Tick,
    Deliver(Rules, usize),
    ClaimAndPay(usize),
    Die(usize),
    Deploy,
    Retire,
    Hold,
    Accept,
    Release,
    /// A case of a refused delivery ends so.
    PayByHand(Rules, usize),
    BackUp,
    LoseAndRestore,
}

impl Releases {
    pub fn new(signs_time: bool, restores: bool) -> Self {
        Self { signs_time, restores, mutation: None }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn reading(&self, state: &State, rules: Rules) -> Reading {
        let books = &state.books;
        let (there, released_for) = (ids(state.tables), ids(books.released_for));
        let released_for = if self.is(Mutation::TablesIgnored) { &there } else { &released_for };
        let accepted = if self.is(Mutation::RulesIgnored) { rules } else { books.accepted };
        let standing = Standing {
            hold: Some((books.hold, Some(released_for))),
            accepted: Some(fingerprint(accepted)),
            own: fingerprint(rules),
            tables: Some(&there),
        };
        Reading {
            pays: ruling(standing) == Ok(Hold::Pay),
            from: books.paid_from.max(books.books_from),
            knows_others: rules == Rules::New || books.accepted == Rules::New,
        }
    }

    fn deliver(&self, state: &mut State, rules: Rules, order: usize) {
        state.left.deliveries -= 1;
        let tick = state.tick;
        let Some(mut environment) = state.versions[rules as usize] else { return };
        let is_fresh = |read: Tick| at(tick) < at(read) + CONTROL_FRESH_MS;
        let reading = match environment.read.filter(|(read, _)| is_fresh(*read)) {
            Some((_, reading)) => reading,
            None => self.reading(state, rules),
        };
        environment.read.get_or_insert((tick, reading));
        if !environment.read.is_some_and(|(read, _)| is_fresh(read)) {
            environment.read = Some((tick, reading));
        }
        state.versions[rules as usize] = Some(environment);
        let signed_at = at(SIGNED[order]) + SIGNED_AHEAD_MS;
        if self.signs_time && signed_at < reading.from {
            return;
        }
        let books = &mut state.books;
        let (own, other) = (rules as usize, rules.other() as usize);
        let forgotten = self.is(Mutation::FormerKeysIgnored) || self.is(Mutation::PaidFromTheHold);
        if reading.knows_others && !forgotten {
            if books.claims[order][other] {
                return;
            }
            books.aliases[order] = true;
        }
        if reading.pays {
            state.under_way.push(Worker { rules, order, started: tick });
        } else {
            books.notes[order][own] |= !books.claims[order][own];
        }
    }

    /// An ending takes all places of its event or none, and a payment by hand is such an ending.
    fn pay_by_hand(&self, state: &mut State, rules: Rules, order: usize) {
        let books = &mut state.books;
        let has_other = books.aliases[order] && !self.is(Mutation::OtherKeyIgnored);
        let places = &mut books.claims[order];
        let (own, other) = (rules as usize, rules.other() as usize);
        if places[own] || has_other && places[other] {
            return;
        }
        places[own] = true;
        places[other] |= has_other;
        state.executed[order] += 1;
        state.left.payments_by_hand -= 1;
    }

    fn accept(&self, state: &mut State) {
        let books = &mut state.books;
        let (set_at, now) = (at(books.hold_set_at), at(state.tick));
        let paid_from = match self.mutation {
            Some(Mutation::AcceptedWithoutHold) => Ok(now),
            Some(Mutation::AcceptedBeforeSeen) if books.hold != Hold::Pay => Ok(now),
            Some(Mutation::PaidFromTheHold) => may_accept(books.hold, set_at, PATIENCE_MS, now, None).map(|_| set_at),
            _ => may_accept(books.hold, set_at, PATIENCE_MS, now, None),
        };
        if let Ok(paid_from) = paid_from {
            books.accepted = Rules::New;
            books.paid_from = paid_from;
        }
    }

    fn release(&self, state: &mut State) {
        state.left.releases -= 1;
        let books = &mut state.books;
        if books.released_for != state.tables && !self.is(Mutation::BooksTakenForWhole) {
            books.books_from = books_from(at(state.tick));
        }
        books.released_for = state.tables;
        books.hold = Hold::Pay;
        books.hold_set_at = state.tick;
    }
}

impl Rules {
    fn other(self) -> Self {
        match self {
            Self::Old => Self::New,
            Self::New => Self::Old,
        }
    }
}

fn at(tick: Tick) -> UnixMillis {
    START_MS + MOMENTS_S[usize::from(tick)] * SECOND_MS
}

fn ids(tables: u8) -> TableIds {
    TableIds { audit: format!("audit {tables}"), reconcile: format!("reconcile {tables}") }
}

fn fingerprint(rules: Rules) -> Digest {
    Digest([rules as u8; 32])
}

impl Model for Releases {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let books = Books {
            claims: [[false; 2]; ORDERS],
            notes: [[false; 2]; ORDERS],
            aliases: [false; ORDERS],
            hold: Hold::Pay,
            hold_set_at: 0,
            released_for: 0,
            books_from: 0,
            accepted: Rules::Old,
            paid_from: 0,
        };
        vec![State {
            tick: 0,
            books,
            tables: 0,
            backup: None,
            versions: [Some(Environment::default()), None],
            under_way: vec![],
            executed: [0; ORDERS],
            by_new_rules: false,
            left: match self.restores {
                true => Left { deliveries: 3, holds: 1, releases: 2, payments_by_hand: 0 },
                false => Left { deliveries: 4, holds: 2, releases: 2, payments_by_hand: 1 },
            },
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let last = MOMENTS_S.len() - 1;
        let in_time = |worker: &Worker| at(state.tick + 1) <= at(worker.started) + LONGEST_FUNCTION_MS;
        if usize::from(state.tick) < last && state.under_way.iter().all(in_time) {
            steps.push(Step::Tick);
        }
        for rules in [Rules::Old, Rules::New] {
            if state.versions[rules as usize].is_some() && state.left.deliveries > 0 {
                let signed = (0..ORDERS).filter(|order| SIGNED[*order] <= state.tick);
                steps.extend(signed.map(|order| Step::Deliver(rules, order)));
            }
        }
        if state.left.payments_by_hand > 0 {
            let orders = 0..ORDERS;
            let noted = orders.flat_map(|order| [Rules::Old, Rules::New].map(|rules| (rules, order)));
            let noted = noted.filter(|(rules, order)| state.books.notes[*order][*rules as usize]);
            steps.extend(noted.map(|(rules, order)| Step::PayByHand(rules, order)));
        }
        for index in 0..state.under_way.len() {
            steps.extend([Step::ClaimAndPay(index), Step::Die(index)]);
        }
        match (state.versions[0], state.versions[1]) {
            (Some(_), None) => steps.push(Step::Deploy),
            (Some(_), Some(_)) => steps.push(Step::Retire),
            _ => {}
        }
        if state.left.holds > 0 {
            steps.push(Step::Hold);
        }
        if state.books.accepted == Rules::Old {
            steps.push(Step::Accept);
        }
        if state.left.releases > 0 {
            steps.push(Step::Release);
        }
        if self.restores && state.tables == 0 {
            match state.backup {
                None => steps.push(Step::BackUp),
                Some(_) if state.under_way.is_empty() => steps.push(Step::LoseAndRestore),
                Some(_) => {}
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Tick => state.tick += 1,
            Step::Deliver(rules, order) => self.deliver(&mut state, rules, order),
            Step::ClaimAndPay(index) => {
                let Worker { rules, order, .. } = state.under_way.remove(index);
                let place = &mut state.books.claims[order][rules as usize];
                if !*place {
                    *place = true;
                    state.executed[order] += 1;
                    state.by_new_rules |= rules == Rules::New;
                }
            }
            Step::Die(index) => drop(state.under_way.remove(index)),
            Step::Deploy => state.versions[1] = Some(Environment::default()),
            Step::Retire => state.versions[0] = None,
            Step::Hold => {
                state.left.holds -= 1;
                state.books.hold = Hold::Refuse;
                state.books.hold_set_at = state.tick;
            }
            Step::Accept => self.accept(&mut state),
            Step::Release => self.release(&mut state),
            Step::PayByHand(rules, order) => self.pay_by_hand(&mut state, rules, order),
            Step::BackUp => state.backup = Some(state.books),
            Step::LoseAndRestore => {
                state.books = state.backup.take()?;
                state.tables += 1;
                // While there was no table nothing could be read, and what was read before is forgotten.
                state.versions = state.versions.map(|version| version.map(|_| Environment::default()));
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always(AT_MOST_ONCE, |_: &Self, state: &State| state.executed.iter().all(|times| *times <= 1)),
            Property::sometimes("paid by new rules", |_: &Self, state: &State| state.by_new_rules),
            Property::sometimes("an order is paid by each version", |_: &Self, state: &State| {
                state.by_new_rules && state.executed == [1, 1]
            }),
        ];
        if !self.restores {
            all.push(Property::sometimes("paid by hand, and by new rules", |_: &Self, state: &State| {
                state.left.payments_by_hand == 0 && state.by_new_rules
            }));
        }
        if self.restores {
            all.push(Property::sometimes("paid from restored books", |_: &Self, state: &State| {
                state.tables > 0 && state.executed == [1, 1] && state.books.claims[1] != [false; 2]
            }));
        }
        all
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.executed.iter().all(|times| *times <= 2)
    }
}
