//! What one world consists of: who comes, what may go wrong, what the rail promises, and the moments at which its clock
//! stands. The moments are real milliseconds around the protocol's real constants, so that nothing is scaled down.

use payonce_protocol::UnixMillis;
use payonce_protocol::reissue::{LookUp, RailPromises};
use payonce_protocol::sweep::{MINUTE_MS, VISITS};

use crate::fault::Fault;
use crate::mutation::Mutation;
use crate::properties::Sight;

/// The first moment of every world, with more than a day before it.
pub const START_MS: UnixMillis = 10_000 * MINUTE_MS;
pub const SECOND_MS: u64 = 1_000;
pub const HOUR_MS: u64 = 60 * MINUTE_MS;

/// An index into the setting's moments.
pub type Tick = u8;

/// What one event of a delivery asks for; the payout key is the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Asked {
    pub event: u8,
    pub terms: u8,
}

impl Asked {
    pub const fn new(event: u8, terms: u8) -> Self {
        Self { event, terms }
    }

    /// One bit for each, in sets.
    pub fn bit(self) -> u8 {
        1 << (self.event * 2 + self.terms)
    }
}

pub const ONE: Asked = Asked::new(0, 0);
pub const OTHER_EVENT: Asked = Asked::new(1, 0);
pub const OTHER_TERMS: Asked = Asked::new(0, 1);

#[derive(Clone, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// When the clock may stand where, after [`START_MS`]. At the last one nobody begins anything.
    pub moments: Vec<u64>,
    /// Each delivery with its events. They arrive in this order, at any moment until the next field's, or never.
    pub deliveries: Vec<Vec<Asked>>,
    pub arrivals_until: Tick,
    /// Whether a run of the sweeper may be left out, and made up later.
    pub sweeper_pauses: bool,
    pub fault_budget: u8,
    pub faults: Vec<Fault>,
    pub rail: RailPromises,
    /// From the arrival of a delivery to the end of its invocation.
    pub deadline_ms: u64,
    /// How far a worker's clock is behind.
    pub clock_lag_ms: u64,
    /// From a refusal to the moment after which the provider does not come back.
    pub refusal_waits_ms: u64,
    /// How often two people may approve a further attempt.
    pub approvals: u8,
    pub look_ups: u8,
    /// How many cases two people may close, or pay as an order of its own.
    pub endings: u8,
    /// How often two people may lift the limit that refused the event.
    pub lifts: u8,
    /// The payment is given back at any moment, or never.
    pub is_given_back: bool,
    /// What must be seen at least once.
    pub sights: Vec<Sight>,
    pub mutation: Option<Mutation>,
}

/// A rail like Stripe: keys live a day, look-ups by reference.
pub const KEYS_AND_LOOK_UP: RailPromises =
    RailPromises { key_life_ms: Some(24 * HOUR_MS), settle_ms: 600 * SECOND_MS, look_up: LookUp::ByReference };
/// A rail that keeps keys and cannot be asked.
pub const KEYS_ONLY: RailPromises = RailPromises { look_up: LookUp::None, ..KEYS_AND_LOOK_UP };
/// A rail that keeps no keys, but settles within seconds and can be asked.
pub const LOOK_UP_ONLY: RailPromises =
    RailPromises { key_life_ms: None, settle_ms: 10 * SECOND_MS, look_up: LookUp::ByReference };
/// A rail that promises nothing, and so hides no second request.
pub const NOTHING: RailPromises = RailPromises { key_life_ms: None, ..KEYS_ONLY };

impl Setting {
    /// Deliveries only: nobody re-issues, and the rail does not help. A rail that keeps keys would answer a second
    /// request with the first payout, and the missing guard would go unnoticed.
    pub fn deliveries(name: &'static str, deliveries: Vec<Vec<Asked>>) -> Self {
        Self {
            name,
            moments: vec![0, 100 * SECOND_MS, 5 * MINUTE_MS, 22 * MINUTE_MS, 25 * HOUR_MS],
            deliveries,
            arrivals_until: Tick::MAX,
            sweeper_pauses: true,
            fault_budget: 2,
            faults: Fault::ALL.to_vec(),
            rail: NOTHING,
            deadline_ms: 30 * SECOND_MS,
            clock_lag_ms: 90 * SECOND_MS,
            refusal_waits_ms: 3 * HOUR_MS,
            approvals: 0,
            look_ups: 0,
            endings: 0,
            lifts: 0,
            is_given_back: false,
            sights: vec![],
            mutation: None,
        }
    }

    pub fn at(&self, tick: Tick) -> UnixMillis {
        START_MS + self.moments.get(usize::from(tick)).copied().unwrap_or(u64::MAX / 2)
    }

    pub fn last_tick(&self) -> Tick {
        self.moments.len().saturating_sub(1) as Tick
    }

    pub fn expires_at(&self, started: Tick) -> UnixMillis {
        self.at(started) + self.deadline_ms
    }

    /// The clock by which a worker lives.
    pub fn worker_clock(&self, tick: Tick) -> UnixMillis {
        self.at(tick) - self.clock_lag_ms
    }

    /// Whether the last moment is late enough for everything to be at rest there: the last visit of what began at any
    /// moment before, and the last note.
    pub fn leaves_time(&self) -> bool {
        let began = self.at(self.last_tick().saturating_sub(1));
        let arrived = self.at(self.arrivals_until.min(self.last_tick().saturating_sub(1)));
        let visited = |at: UnixMillis| at + (VISITS[VISITS.len() - 1] + 1) * MINUTE_MS;
        self.at(self.last_tick()) >= visited(began).max(arrived + self.refusal_waits_ms + (VISITS[0] + 1) * MINUTE_MS)
    }

    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}
