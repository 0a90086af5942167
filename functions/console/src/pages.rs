//! What the console shows: a view struct for each page, and the template that it fills. Nothing here reads or writes: what
//! a page says, its fields say.

mod absence;
mod again;
mod batch;
mod bulk;
mod case;
mod evidence;
mod facts;
mod format;
mod frame;
mod hold;
mod icon;
mod message;
mod no_role;
mod payout;
mod queue;
mod reasons;
mod resolved;
mod search;
mod stand;
mod standing;
pub mod words;

pub use absence::{AbsencePage, Delegation};
pub use again::{AgainForm, AgainPage, HeldFile, HeldPage};
pub use batch::{BatchPage, BatchRow, BatchState, BatchesPage, Line, LineState};
pub use bulk::{BulkAct, BulkPage, BulkRow, Fate};
pub use case::{
    Attempted, Body, CaseLink, CasePage, Compared, Decided, Entry, Further, KeyClock, Look, LookedUpAt, Mark, Proposed,
    Rail, mark,
};
pub use evidence::{Attached, EvidencePage, Shown};
pub use format::{Due, money};
pub(crate) use format::{clock, day_at, decimal};
pub use frame::{Banner, BannerKind, CurrencyTotal, Frame, PersonOption, Section, asset};
pub use hold::{Held, HoldNotice, HoldSet};
pub use icon::Icon;
pub use message::{MessagePage, SignedOutPage};
pub use no_role::NoRolePage;
pub use payout::{Attempt, PayoutPage};
pub use queue::{Incident, QueueFilter, QueueOwner, QueuePage, QueueRow, QueueTotals, QueueView, WaitingBatch};
pub use resolved::{ResolvedAsked, ResolvedPage, ResolvedRow};
pub use search::{FoundBy, Hit, Looked, RailSaid, SearchPage, Searched};
pub use stand::Stand;
pub use standing::{Check, Deliveries, Standing};
