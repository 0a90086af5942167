//! What the console shows: a view struct for each page, and the template that it fills. Nothing here reads or writes: what
//! a page says, its fields say.

mod absence;
mod again;
mod bank;
mod batch;
mod book_words;
mod books;
mod bulk;
mod case;
mod case_books;
mod case_reason;
mod causes;
mod chart;
mod evidence;
pub(crate) mod facts;
pub(crate) mod format;
mod frame;
mod hold;
mod icon;
mod message;
mod no_role;
mod offer;
mod payout;
mod queue;
mod queue_filter;
mod reasons;
mod resolved;
mod run;
mod run_said;
mod search;
mod stand;
mod standing;
pub mod words;

pub use absence::{AbsencePage, Delegation};
pub use again::{AgainForm, AgainPage, HeldFile, HeldPage};
pub use bank::{BankCheckPage, BankPage, Checked, CheckedPlan, ImportRow, Told};
pub use batch::{BatchPage, BatchRow, BatchState, BatchesPage, Line, LineState};
pub use books::{BooksPage, RunRow};
pub use bulk::{BulkAct, BulkPage, BulkRow, Fate};
pub use case::{
    Attempted, Body, CaseAbout, CaseLink, CaseOwner, CasePage, Choices, Compared, Entry, Further, Look, Mark, Proposed,
    Rail, ResolvedBy, mark,
};
pub use case_books::CaseBooks;
pub use evidence::{Attached, EvidencePage, Shown};
pub use format::{Due, money};
pub(crate) use format::{clock, day_at, decimal};
pub use frame::{Banner, BannerKind, CurrencyTotal, Frame, PersonOption, Section, asset};
pub use hold::{Held, HoldNotice, HoldSet};
pub use icon::Icon;
pub use message::{MessagePage, SignedOutPage};
pub use no_role::NoRolePage;
pub use offer::{KeyClock, LookedUpAt, Offer};
pub use payout::{AttemptView, NOTHING_ATTEMPTED, PayoutPage};
pub use queue::{Incident, QueuePage, QueueRow, QueueTotals, WaitingBatch};
pub use queue_filter::{QueueFilter, QueueOwner, QueueView};
pub use resolved::{ResolvedAsked, ResolvedPage, ResolvedRow};
pub use run::{BreakList, BreakRow, RunPage, in_order};
pub use run_said::{Bridge, Lost, OpenKeys, RunSaid};
pub use search::{FoundBy, Hit, Looked, RailSaid, SearchPage, Searched};
pub use stand::Stand;
pub use standing::{Check, Deliveries, Standing};
