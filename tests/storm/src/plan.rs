//! What is to happen to each delivery: a function of the seed and its number.

use std::time::Duration;

use payonce_local::sandbox_rail::Behaviour;
use payonce_suite::faults::Fault;

pub const PAYEE: &str = "acct_1SampleWorkshop";
/// What the rule pays at the most, in cents; and a sum that it does not.
pub const LIMIT: u64 = 500_000;
const ABOVE_THE_LIMIT: u64 = 600_000;
/// Events in each delivery of the provider that sends many at once.
pub const FAN_OUT: usize = 20;

/// A small generator (SplitMix64): the same seed, the same numbers.
pub struct Random(u64);

impl Random {
    /// Of one thing of one delivery.
    pub fn of(seed: u64, number: usize, what: u64) -> Self {
        let mut random = Self(seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ what.rotate_left(32));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, share: usize) -> bool {
        self.below(1_000) < share
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Chooses how the rail treats the payout.
    pub payee: &'static str,
    /// Of this sum, in cents.
    pub amount: u64,
    /// Comes again although it was answered.
    pub again: bool,
    /// Two copies at the same time.
    pub twice_at_once: bool,
    /// What the tables do to one of its requests.
    pub table: Option<TableFault>,
    /// After which provider's manner it comes back.
    pub schedule: usize,
}

impl Delivery {
    pub fn planned(seed: u64, number: usize) -> Self {
        let mut random = Random::of(seed, number, 1);
        let payee =
            if random.permille(50) { Behaviour::SANDBOX[random.below(Behaviour::SANDBOX.len())].0 } else { PAYEE };
        let amount = if random.permille(15) { ABOVE_THE_LIMIT } else { 4_200 };
        let table = random.permille(30).then(|| TABLE_FAULTS[random.below(TABLE_FAULTS.len())]);
        Self {
            payee,
            amount,
            again: random.permille(200),
            twice_at_once: random.permille(30),
            table,
            schedule: random.below(SCHEDULES.len()),
        }
    }
}

/// A claim is a put, an outcome with its case a transaction.
const TABLE_FAULTS: &[TableFault] = &[
    ("claim written, answer lost", "PutItem", Fault::DropAnswer),
    ("claim lost", "PutItem", Fault::DropRequest),
    ("claim lands late", "PutItem", Fault::Hold),
    ("claim answered 500", "PutItem", Fault::SERVER_ERROR),
    ("claim throttled", "PutItem", Fault::THROTTLE),
    ("claim written, answered 500", "PutItem", Fault::AnswerAfter(500, "InternalServerError")),
    ("claim in conflict", "PutItem", Fault::Conflict),
    ("case written, answer lost", "TransactWriteItems", Fault::DropAnswer),
    ("case in conflict", "TransactWriteItems", Fault::Conflict),
    ("case answered 500", "TransactWriteItems", Fault::SERVER_ERROR),
];

/// In words, the operation, and what becomes of it.
pub type TableFault = (&'static str, &'static str, Fault);

/// What happens to the process while it handles one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    Kill {
        after: Duration,
    },
    /// Stopped, and let go on after `for_`; or when all is over.
    Stop {
        after: Duration,
        for_: Option<Duration>,
    },
}

/// At a moment of the usual time that a delivery takes, any as likely as any other.
pub fn blow(seed: u64, number: usize, attempt: usize, usual: Duration) -> Option<Blow> {
    let mut random = Random::of(seed, number, 2 + attempt as u64);
    let after = usual * random.below(1_200) as u32 / 1_000;
    if random.permille(45) {
        return Some(Blow::Kill { after });
    }
    random.permille(5).then(|| {
        let for_ = (!random.permille(300)).then(|| Duration::from_millis(100 + random.below(4_000) as u64));
        Blow::Stop { after, for_ }
    })
}

/// What the whole world does for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Nothing listens at the rail.
    RailDown,
    /// Every payout is answered 503.
    RailUnavailable,
    /// What was executed is listed two seconds later.
    ListLags,
    /// The index by minute shows nothing new.
    IndexLags,
    /// Every connection to the tables is closed.
    HangUp,
    /// Puts are throttled.
    Throttled,
    /// So are transactions.
    TransactionsThrottled,
    /// The control item cannot be read.
    ControlUnreadable,
    /// A person holds payouts.
    Held,
}

impl Weather {
    const ALL: &[Self] = &[
        Self::Fair,
        Self::RailDown,
        Self::RailUnavailable,
        Self::ListLags,
        Self::IndexLags,
        Self::HangUp,
        Self::Throttled,
        Self::TransactionsThrottled,
        Self::ControlUnreadable,
        Self::Held,
    ];

    /// The next one: each comes once in ten, in another order each time.
    pub fn next(seed: u64, number: usize) -> Self {
        let mut all = Self::ALL.to_vec();
        let mut random = Random::of(seed, number / all.len(), 1_000);
        for place in (1..all.len()).rev() {
            all.swap(place, random.below(place + 1));
        }
        all[number % all.len()]
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Self::Fair => "fair",
            Self::RailDown => "rail refuses connections",
            Self::RailUnavailable => "rail answers 503",
            Self::ListLags => "rail's list lags",
            Self::IndexLags => "index lags",
            Self::HangUp => "tables hang up",
            Self::Throttled => "puts are throttled",
            Self::TransactionsThrottled => "transactions are throttled",
            Self::ControlUnreadable => "control item unreadable",
            Self::Held => "held by a person",
        }
    }
}

/// Pauses between tries in seconds, as `infra/providers.md` has them.
pub const SCHEDULES: &[(&str, &[u64])] = &[
    ("Svix", &[5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]),
    ("Adyen", &[9, 18, 27, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800]),
    ("Dwolla", &[900, 2_700, 7_200, 10_800, 21_600, 43_200, 86_400, 86_400]),
    ("Paystack", &[180, 180, 180, 180, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600]),
];
/// Two hours of a provider are a second here.
const COMPRESSED: u32 = 7_200;
const SHORTEST: Duration = Duration::from_millis(10);

/// How long after the `attempt`-th try the next one comes; `None`: the provider has given up.
pub fn pause(schedule: usize, attempt: usize) -> Option<Duration> {
    let seconds = SCHEDULES[schedule].1.get(attempt)?;
    Some((Duration::from_secs(*seconds) / COMPRESSED).max(SHORTEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_repeats_its_plan() {
        let plan = |seed| (0..500).map(|number| format!("{:?}", Delivery::planned(seed, number))).collect::<Vec<_>>();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        let usual = Duration::from_millis(20);
        assert_eq!(blow(7, 11, 0, usual), blow(7, 11, 0, usual));
    }

    #[test]
    fn shares_are_as_promised() {
        let plans: Vec<Delivery> = (0..10_000).map(|number| Delivery::planned(7, number)).collect();
        let share = |test: fn(&Delivery) -> bool| plans.iter().filter(|plan| test(plan)).count();
        assert!((1_850..2_150).contains(&share(|plan| plan.again)));
        assert!((430..570).contains(&share(|plan| plan.payee != PAYEE)));
        assert!((240..360).contains(&share(|plan| plan.table.is_some())));
        let killed = (0..10_000)
            .filter(|number| matches!(blow(7, *number, 0, Duration::from_millis(20)), Some(Blow::Kill { .. })))
            .count();
        assert!((380..520).contains(&killed), "{killed}");
    }
}
