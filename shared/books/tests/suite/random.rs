//! Books made at random out of a seed: every contradiction, several at once, over two runs that follow each other. What they hold
//! is plausible one row at a time and need not be so as a whole: two readings of it must agree all the same.

use std::collections::BTreeSet;

use payonce_protocol::case::Ending;
use payonce_protocol::money::Currency;
use payonce_protocol::order::{Destination, EventId};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reconcile::rows::{Book, BookKey, Direction, RailState, Record, Row, RowId, Sum, Units};
use payonce_protocol::reconcile::terms::{Gap, Settle, Why};

use crate::items::{LISTS_NOTHING, LISTS_PAYMENTS, provider};

/// A small generator (SplitMix64): the same seed, the same numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // A seed is drawn from once: two that are neighbours would else give one sequence, one step apart.
        let mut seeds = Self(seed);
        Self(seeds.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

pub const HOUR: u64 = 3_600_000;
/// Of each of the two runs.
pub const WINDOW: u64 = 240 * HOUR;
pub const START: u64 = 1_790_000_000_000;
const CURRENCIES: [(&str, u8); 3] = [("EUR", 2), ("JPY", 0), ("BHD", 3)];

pub fn units() -> Units {
    Units(CURRENCIES.iter().map(|(code, exponent)| (code.parse().unwrap(), *exponent)).collect())
}

pub struct World {
    /// Which run reads it first, and the row.
    pub rows: Vec<(usize, Row)>,
    pub settle: Settle,
    pub gaps: [Vec<Gap>; 2],
    pub hand_at_bank: BTreeSet<Currency>,
}

pub fn row(key: &str, id: &str, at: u64, record: Record) -> Row {
    let names = matches!(record, Record::Event { .. } | Record::Claim { .. } | Record::Payout { .. });
    let payee = names.then(|| payee("acct_1"));
    Row { key: BookKey::parse(key).unwrap(), id: RowId::new(id).unwrap(), at, carried: false, payee, record }
}

pub fn sum(minor: u64, currency: &str) -> Sum {
    Sum::new(minor, currency.parse().unwrap()).unwrap()
}

pub fn payee(text: &str) -> Destination {
    Destination::new(text).unwrap()
}

fn event(id: &str) -> EventId {
    EventId::new(id).unwrap()
}

/// One key under construction.
struct Key<'a> {
    random: &'a mut Random,
    name: String,
    sum: Sum,
    /// Of what happens next.
    at: u64,
    rows: &'a mut Vec<(usize, Row)>,
    hand_at_bank: &'a BTreeSet<Currency>,
    cases: u64,
}

impl Key<'_> {
    fn later(&mut self, hours_at_most: u64) -> u64 {
        self.at += 1 + self.random.below(hours_at_most * HOUR);
        self.at
    }

    fn put(&mut self, id: &str, at: u64, record: Record) {
        let run = usize::from(at >= START + WINDOW);
        if at < START + 2 * WINDOW {
            let row = self.with_payee(row(&self.name, id, at, record));
            self.rows.push((run, row));
        }
    }

    /// Mostly the payee that is asked for. A claim names one, and the others may not.
    fn with_payee(&mut self, row: Row) -> Row {
        let is_claim = matches!(row.record, Record::Claim { .. });
        let to = match self.random.below(40) {
            0 => Some(payee("acct_0")),
            1 => Some(payee("acct_2")),
            2 if !is_claim => None,
            _ => return row,
        };
        Row { payee: row.payee.is_some().then_some(to).flatten(), ..row }
    }

    /// Mostly the sum that is asked for.
    fn sum(&mut self) -> Sum {
        match self.random.below(20) {
            0 => sum(self.sum.minor() + 1 + self.random.below(50), self.sum.currency.as_str()),
            1 => sum(self.sum.minor(), self.random.one(&CURRENCIES).0),
            _ => self.sum,
        }
    }

    fn listed(&mut self, id: &str) {
        if self.random.percent(88) {
            let sum = if self.random.percent(5) { None } else { Some(self.sum()) };
            self.put(id, self.at, Record::Event { sum });
        }
    }

    fn case(&mut self, reason: Reason, attempt: Option<u16>, of: Option<&str>) {
        if self.random.percent(10) {
            return;
        }
        self.cases += 1;
        let id = format!("case-{}-{}", self.name.replace('/', "-"), self.cases);
        let case = |ending: Option<Ending>, is_open, sum| {
            let event = of.map(event);
            Record::Case { reason, attempt, event, is_open, ending, subject: None, sum }
        };
        let at = self.later(2);
        let sum = self.sum();
        let known = if self.random.percent(90) { Some(sum) } else { None };
        let ends = self.random.percent(40).then(|| self.at + self.random.below(WINDOW));
        // The same item, read again when it has changed; a run that reads it late sees the end alone.
        let is_other_run = ends.is_some_and(|end| (end >= START + WINDOW) != (at >= START + WINDOW));
        if ends.is_none() || is_other_run {
            self.put(&id, at, case(None, true, known));
        }
        if let Some(end) = ends.filter(|end| *end < START + 2 * WINDOW) {
            let run = usize::from(end >= START + WINDOW);
            let by_hand = known.filter(|_| self.random.percent(30));
            let others = [Ending::NotPaid, Ending::WrittenOff, Ending::ConfirmedAccepted, Ending::DuplicateOf];
            let other = if self.random.percent(10) { None } else { Some(self.random.one(&others)) };
            let ending = if by_hand.is_some() { Some(Ending::PaidElsewhere) } else { other };
            self.rows.push((run, row(&self.name, &id, at, case(ending, false, known))));
            if let Some(sum) = by_hand {
                let shows_at_bank = self.hand_at_bank.contains(&sum.currency);
                self.put(&id, end, Record::ByHand { sum, shows_at_bank });
            }
        }
    }

    fn attempt(&mut self, attempt: u16, of: &str) {
        let at = self.later(2);
        if self.random.percent(96) {
            let record =
                Record::Claim { attempt, event: event(of), sum: self.sum(), expires_at: at + self.random.below(HOUR) };
            self.put(&format!("{attempt:04}#claim"), at, record);
        }
        let outcome = self.random.one(&[
            Outcome::Accepted,
            Outcome::Accepted,
            Outcome::Accepted,
            Outcome::Rejected,
            Outcome::NotSent,
            Outcome::Unknown,
        ]);
        if self.random.percent(93) {
            let at = self.later(1);
            self.put(&format!("{attempt:04}#outcome"), at, Record::Outcome { attempt, outcome });
        }
        if outcome != Outcome::Accepted {
            self.case(Reason::PayoutUnknown, Some(attempt), Some(of));
        }
        if self.random.percent(6) {
            let (at, outcome) = (self.later(3), self.random.one(&[Outcome::Accepted, Outcome::Rejected]));
            self.put(&format!("{attempt:04}#late"), at, Record::Late { attempt, outcome });
            self.case(Reason::LateOutcome, Some(attempt), Some(of));
        }
    }

    fn rail(&mut self, number: u64) {
        let (id, at) = (format!("tr_{}_{number}", self.name.replace('/', "-")), self.later(3));
        let (sum, shows_at_bank) = (self.sum(), self.random.percent(60));
        let state = self.random.one(&[
            RailState::Paid,
            RailState::Paid,
            RailState::Paid,
            RailState::Paid,
            RailState::Pending,
            RailState::Failed,
            RailState::Returned,
        ]);
        self.put(&id, at, Record::Payout { sum, state, shows_at_bank });
        // Looked at again, days later.
        let again = at + self.random.below(WINDOW);
        if self.random.percent(25) && at < START + WINDOW && again >= START + WINDOW {
            let sum = if self.random.percent(10) { self.sum() } else { sum };
            let state = self.random.one(RailState::ALL);
            let row = self.with_payee(row(&self.name, &id, at, Record::Payout { sum, state, shows_at_bank }));
            self.rows.push((1, row));
        }
    }

    fn line(&mut self, number: u64, direction: Direction) {
        let (id, at, sum) = (format!("line-{}-{number}", self.name.replace('/', "-")), self.later(40), self.sum());
        self.put(&id, at, Record::Line { sum, direction });
    }

    fn fill(&mut self, number: u64) {
        let of = format!("evt_{number}");
        let shape = self.random.below(12);
        if shape != 11 {
            self.listed(&of);
        }
        match shape {
            0..=6 => {
                self.attempt(1, &of);
                if self.random.percent(25) {
                    self.attempt(2, &of);
                }
            }
            7 => self.case(Reason::StaleEvent, None, Some(&of)),
            8 => {
                self.case(Reason::InvalidEvent, None, Some(&of));
                let (at, sum) = (self.later(30), self.sum());
                let sum = self.random.percent(70).then_some(sum);
                self.put("0001#claim", at, Record::Closing { event: Some(event(&of)), is_bar: false, sum });
            }
            9 => {
                let (at, sum) = (self.later(5), self.sum());
                let named = Some(event(&format!("refund_{number}")));
                match self.random.percent(50) {
                    true => self.put("0000#barred", at, Record::Closing { event: named, is_bar: true, sum: None }),
                    false => {
                        let final_after = at + self.random.below(100 * HOUR);
                        self.put("0000#refused#00", at, Record::Refused { event: event(&of), sum, final_after });
                    }
                }
            }
            _ if self.random.percent(50) => {
                // The case of an earlier run's break, with all that it could find out.
                let (at, sum, event) = (self.later(60), self.sum(), Some(event(&of)));
                let subject = Some(format!("event_missing:provider:0:{of}"));
                let (reason, is_open, ending, sum) = (Reason::EventMissing, true, None, Some(sum));
                let record = Record::Case { reason, attempt: None, event, is_open, ending, subject, sum };
                self.put(&format!("case-missing-{}", self.name.replace('/', "-")), at, record);
            }
            _ => {}
        }
        if self.random.percent(15) {
            let second = format!("evt_{number}_2");
            self.listed(&second);
            self.case(Reason::SecondEventForKey, None, Some(&second));
        }
        let payouts = self.random.one(&[0, 1, 1, 1, 1, 1, 1, 2]);
        (0..payouts).for_each(|number| self.rail(number));
        let lines = self.random.one(&[0, 0, 1, 1, 1, 2]);
        (0..lines).for_each(|number| self.line(number, Direction::Out));
        if self.random.percent(7) {
            self.line(9, Direction::Back);
        }
        if self.random.percent(4) {
            let (at, id) = (self.later(5), self.random.one(&["0001#claim", "0001#outcome"]));
            self.put(id, at, Record::Overwritten);
        }
    }
}

pub fn world(seed: u64, keys: u64) -> World {
    let random = &mut Random::new(seed);
    let mut rows = vec![];
    // Of the third currency no statement was handed in.
    let hand_at_bank =
        if random.percent(50) { ["EUR", "JPY"].map(|code| code.parse().unwrap()).into() } else { [].into() };
    for number in 0..keys {
        let name = match random.below(25) {
            0 => format!("!rail/acct_1/tr_{number}"),
            1 => format!("!provider/stripe/evt_{number}"),
            2 => format!("stripe/pi_{number}~0123456789ab"),
            3 | 4 => format!("{LISTS_PAYMENTS}/pi_{number}"),
            5 | 6 => format!("{LISTS_NOTHING}/pi_{number}"),
            _ => format!("stripe/pi_{number}"),
        };
        let currency = random.one(&CURRENCIES).0;
        let asked = sum((1 + random.below(30)) * random.one(&[1, 10, 100]), currency);
        let at = START + random.below(2 * WINDOW);
        Key { random, name, sum: asked, at, rows: &mut rows, hand_at_bank: &hand_at_bank, cases: 0 }.fill(number);
    }
    let rows = as_gathered(rows);
    let settle = Settle {
        provider_ms: random.below(72 * HOUR),
        ours_ms: random.below(24 * HOUR),
        rail_ms: random.below(72 * HOUR),
        bank_ms: random.below(120 * HOUR),
    };
    let gaps = [0, 1].map(|run| {
        let many = random.one(&[0, 0, 1, 2, 4]);
        (0..many).map(|_| gap(random, START + run * WINDOW)).collect()
    });
    World { rows, settle, gaps, hand_at_bank }
}

/// What the reconciler makes of rows whose provider does not list events: of a list of payments each row names the payment, and where
/// there is no word of the provider's own, the signed delivery is one.
fn as_gathered(rows: Vec<(usize, Row)>) -> Vec<(usize, Row)> {
    let (mut gathered, mut listed) = (vec![], BTreeSet::new());
    for (run, mut row) in rows {
        if provider(&row) == LISTS_PAYMENTS {
            let payment = event(row.key.as_str());
            match &mut row.record {
                Record::Event { .. } => row.id = RowId::new(payment.as_str()).unwrap(),
                Record::Claim { event, .. } | Record::Refused { event, .. } => *event = payment,
                Record::Closing { event: Some(event), .. } | Record::Case { event: Some(event), .. } => {
                    *event = payment
                }
                _ => {}
            }
        }
        let is_event = matches!(row.record, Record::Event { .. });
        if !is_event || listed.insert((run, row.key.clone(), row.id.clone())) {
            gathered.push((run, row));
        }
    }
    let mut words = vec![];
    for (run, row) in gathered.iter().filter(|(_, row)| [LISTS_PAYMENTS, LISTS_NOTHING].contains(&provider(row))) {
        let (named, sum) = match &row.record {
            Record::Claim { event, sum, .. } | Record::Refused { event, sum, .. } => (event, Some(*sum)),
            Record::Closing { event: Some(event), is_bar: false, sum } => (event, *sum),
            Record::Case { event: Some(event), sum, .. } => (event, *sum),
            _ => continue,
        };
        let id = RowId::new(named.as_str()).unwrap();
        if listed.insert((*run, row.key.clone(), id.clone())) {
            words.push((*run, Row { id, record: Record::Event { sum }, ..row.clone() }));
        }
    }
    gathered.extend(words);
    gathered
}

fn gap(random: &mut Random, start: u64) -> Gap {
    let from = (start + random.below(2 * WINDOW)).saturating_sub(WINDOW / 2);
    let until = from + 1 + random.below(60 * HOUR);
    Gap { book: random.one(Book::ALL), from, until, why: random.one(Why::ALL) }
}
