//! Rows of the four books. A source makes them from what it reads; amounts are in the run's unit of their currency, so that
//! sums of two books can be compared as they are.

use std::collections::BTreeMap;
use std::fmt;

use crate::UnixMillis;
use crate::case::Ending;
use crate::money::{Currency, MAX_MINOR, Money, MoneyError};
use crate::order::{
    Destination, EventId, MAX_EVENT_ID_BYTES, MAX_KEY_BYTES, PayoutKey, TextError, ends_as_own_order, visible_ascii,
};
use crate::outcome::{Outcome, Reason};
use crate::reconcile::breaks::BreakKind;
use crate::reconcile::finding::Finding;

crate::words! {
    /// Whose book a row is from.
    pub enum Book {
        /// The provider's list of events, as far as our rules make orders or cases of them.
        Provider = "provider",
        Ours = "ours",
        Rail = "rail",
        Bank = "bank",
    }
}

/// Whole units of a currency as the run counts it, above zero. Made by [`Units`] alone from whatever a book says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sum {
    pub currency: Currency,
    minor: u64,
}

impl Sum {
    /// An amount that is in the run's unit already, such as that of a row that is read back.
    pub fn new(minor: u64, currency: Currency) -> Result<Self, MoneyError> {
        match minor {
            0 => Err(MoneyError::Zero),
            1..=MAX_MINOR => Ok(Self { currency, minor }),
            _ => Err(MoneyError::TooLarge),
        }
    }

    pub fn minor(&self) -> u64 {
        self.minor
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.minor, self.currency)
    }
}

/// In which unit a run counts each currency: the finest of those that its books use, so that nothing is rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units(pub BTreeMap<Currency, u8>);

impl Units {
    /// Exact, or refused. A source that meets a refusal is incomplete at that row's time.
    pub fn sum(&self, money: &Money) -> Result<Sum, MoneyError> {
        let exponent = self.0.get(&money.currency()).ok_or(MoneyError::Currency)?;
        Sum::new(money.with_exponent(*exponent)?.minor(), money.currency())
    }
}

/// Under which the rows of all books meet: the payout key. What carries no mark of ours has a name of its own, which no payout
/// key can be: it begins with `!`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BookKey(String);

const UNMARKED: char = '!';
const MAX_BOOK_KEY_BYTES: usize = 3 * MAX_KEY_BYTES;

impl BookKey {
    pub fn of(key: &PayoutKey) -> Self {
        Self(key.to_string())
    }

    /// Of a row that names no payout key: an event that no rule gives one, a payout or a line without our reference. `owner` is the
    /// provider, the rail's account or the bank's.
    pub fn unmarked(book: Book, owner: &str, id: &RowId) -> Result<Self, TextError> {
        Self::parse(format!("{UNMARKED}{book}/{owner}/{id}"))
    }

    pub fn parse(text: impl Into<String>) -> Result<Self, TextError> {
        visible_ascii("the key of a book's row", MAX_BOOK_KEY_BYTES, text.into()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// See [`PayoutKey::of_own_order`]. The provider lists its event under the key that another event has claimed.
    pub fn is_own_order(&self) -> bool {
        ends_as_own_order(&self.0)
    }
}

impl fmt::Display for BookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_ROW_ID_BYTES: usize = 2 * MAX_EVENT_ID_BYTES;

/// What names a row in its book, for good: a later reading of the same row replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowId(String);

impl RowId {
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        visible_ascii("the id of a book's row", MAX_ROW_ID_BYTES, text.into()).map(Self)
    }

    /// Of a break of the run before: its subject, which holds the id of a row.
    pub fn of_subject(subject: impl Into<String>) -> Result<Self, TextError> {
        visible_ascii("the subject of a break", 2 * MAX_ROW_ID_BYTES, subject.into()).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::words! {
    /// How a payout stands at the rail.
    pub enum RailState {
        /// The rail has the order, and the money is on its way.
        Pending = "pending",
        Paid = "paid",
        /// The rail took the order and did not pay it.
        Failed = "failed",
        /// The sum or a part of it came back.
        Returned = "returned",
    }
}

crate::words! {
    pub enum Direction {
        Out = "out",
        /// A payout that came back to the account.
        Back = "back",
    }
}

/// One row of one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The provider's: an event that our rules make an order or a case of. Its id is the event's.
    Event {
        sum: Option<Sum>,
    },
    Claim {
        attempt: u16,
        event: EventId,
        sum: Sum,
        expires_at: UnixMillis,
    },
    /// What the attempt's worker, or the sweeper, recorded.
    Outcome {
        attempt: u16,
        outcome: Outcome,
    },
    /// What a worker recorded after its attempt was given up.
    Late {
        attempt: u16,
        outcome: Outcome,
    },
    Case {
        reason: Reason,
        attempt: Option<u16>,
        event: Option<EventId>,
        is_open: bool,
        /// How people ended it; of one that is open, and of one that another version ended, nothing.
        ending: Option<Ending>,
        /// The break that it was opened for, as [`crate::reconcile::breaks::Break::subject`] writes it.
        subject: Option<String>,
        sum: Option<Sum>,
    },
    /// What stands in the place of the first attempt: people ended the payout's case, or the payment was given back.
    Closing {
        event: Option<EventId>,
        is_bar: bool,
        sum: Option<Sum>,
    },
    /// The event was refused, and its provider may come back with it until then.
    Refused {
        event: EventId,
        sum: Sum,
        final_after: UnixMillis,
    },
    /// A case that people ended as paid elsewhere.
    ByHand {
        sum: Sum,
        shows_at_bank: bool,
    },
    /// A claim or another audit record that somebody changed or removed. Its id is the record's sort key.
    Overwritten,
    /// The rail's. `shows_at_bank`: a book of the bank that this rail pays from is read, and has one line for each payout.
    Payout {
        sum: Sum,
        state: RailState,
        shows_at_bank: bool,
    },
    Line {
        sum: Sum,
        direction: Direction,
    },
    /// How the key stood at the end of the run before, where it was not done with.
    WasOpen {
        finding: Finding,
    },
    /// A break of the run before. Its id is the break's subject.
    WasBreak {
        kind: BreakKind,
        book: Book,
        attempt: u16,
        which: String,
    },
}

impl Record {
    /// `None`: from the run before.
    pub fn book(&self) -> Option<Book> {
        match self {
            Self::Event { .. } => Some(Book::Provider),
            Self::Claim { .. }
            | Self::Outcome { .. }
            | Self::Late { .. }
            | Self::Case { .. }
            | Self::Closing { .. }
            | Self::Refused { .. }
            | Self::ByHand { .. }
            | Self::Overwritten => Some(Book::Ours),
            Self::Payout { .. } => Some(Book::Rail),
            Self::Line { .. } => Some(Book::Bank),
            Self::WasOpen { .. } | Self::WasBreak { .. } => None,
        }
    }

    /// Unique among the kinds of rows.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Event { .. } => "event",
            Self::Claim { .. } => "claim",
            Self::Outcome { .. } => "outcome",
            Self::Late { .. } => "late",
            Self::Case { .. } => "case",
            Self::Closing { .. } => "closing",
            Self::Refused { .. } => "refused",
            Self::ByHand { .. } => "by_hand",
            Self::Overwritten => "overwritten",
            Self::Payout { .. } => "payout",
            Self::Line { .. } => "line",
            Self::WasOpen { .. } => "was_open",
            Self::WasBreak { .. } => "was_break",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: BookKey,
    pub id: RowId,
    /// When the book says that it happened: created, claimed, recorded, booked.
    pub at: UnixMillis,
    /// An earlier run counted it, as it stood then. All rows of a key that was left open are carried into the next run; and a source
    /// that reads an older payout again brings all rows of its key along, carried.
    pub carried: bool,
    /// Who was to have, or had, the money, where the book says it in the words of our claims: the payee at the rail.
    pub payee: Option<Destination>,
    pub record: Record,
}
