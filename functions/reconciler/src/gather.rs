//! The books of one window: first whose keys we hold, then the providers' lists and the rail's payouts, then everything of ours under every
//! key that any book names. The rail's books of earlier times, for what came back, are read beside the others, at the rail's pace.
//!
//! A book that nobody can ask is made of its own words: the signed delivery is the provider's, the accepting answer is the rail's. What
//! is made so contradicts nothing, and the run says that the book itself was not there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join_all, try_join};
use futures_util::{FutureExt, StreamExt, stream};
use payonce_books::BooksError;
use payonce_books::intake::{Intake, Shelf};
use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_ledger::{Ledger, LedgerError, ListedKeys, NoRow, OurRecords, case_rows};
use payonce_lists::ListedEvent;
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, PayoutKey};
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reconcile::breaks::{BreakKind, subject};
use payonce_protocol::reconcile::rows::{Book, BookKey, RailState, Record, Row, RowId, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_rails::{LookUpFailure, Rail, RailPayout};
use thiserror::Error;

use crate::bank::AtBank;
use crate::list::{Asked, Lists, Placed, Ruling, unmarked};
use crate::pace::Pace;
use crate::pages::{PAGE_TRIES, Returned, page_of, returned};
use crate::rail::{NotInUnits, RailRows};
use crate::silence::Heard;

const KEYS_AT_ONCE: usize = 16;
/// The rail's clock may be so far behind ours: what was claimed at the beginning of a window may stand in its book before that.
const RAIL_CLOCK_MS: u64 = 60_000;
/// A payout is looked at again so many days after it was made.
pub const AGAIN_AFTER_DAYS: [u64; 3] = [1, 5, 30];
const DAY_MS: u64 = 86_400_000;
/// The longest that a payout may stand in the rail's book after its claim in ours.
const CLAIMED_BEFORE_MS: u64 = 600_000;
/// Of one book in memory; more of it is sorted on disk.
const BOOK_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug, Error)]
pub enum GatherError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error(transparent)]
    NoRow(#[from] NoRow),
    #[error(
        "the window ends at {to}, and its books are settled at {settled} at the earliest, in milliseconds since 1970"
    )]
    NotSettled { to: UnixMillis, settled: UnixMillis },
}

/// Where a window's rows come from.
pub struct Sources<'a, P> {
    pub ledger: &'a Ledger<P>,
    /// With a secret that only reads.
    pub rail: &'a Rail,
    pub window: Window,
    pub units: &'a Units,
    /// Keys that the bank's lines name.
    pub named: BTreeSet<PayoutKey>,
    pub lists: &'a Lists,
    /// Each of the lists was read by the run before, too. Otherwise nobody knows of which events one had spoken.
    pub is_joined: bool,
    /// When the books are asked.
    pub now: UnixMillis,
    /// Keys that the run before left open.
    pub open: BTreeSet<PayoutKey>,
    /// Of these the rail was seen to have paid; only their lines at the bank are waited for.
    pub awaited_at_bank: &'a BTreeSet<PayoutKey>,
    /// Which rows the bank's book has a line for.
    pub at_bank: &'a AtBank,
    pub page_within: Duration,
}

pub struct Gathered {
    pub provider: Shelf,
    pub ours: Shelf,
    pub rail: Shelf,
    /// Of these our own records could not be read.
    pub unread: BTreeSet<BookKey>,
    pub keys: usize,
    pub heard: Heard,
}

struct Gathering<'a, P> {
    sources: &'a Sources<'a, P>,
    pace: &'a Pace,
    provider: Intake,
    ours: Intake,
    rail: Intake,
    has_rail_book: bool,
    unread: BTreeSet<BookKey>,
    /// Payouts of earlier windows that have come back, by their keys.
    came_back: BTreeMap<PayoutKey, Vec<RailPayout>>,
    heard: Heard,
}

/// `heard`: of when the providers' events were before.
pub async fn gather<P: Reads + QueriesAudit + QueriesCases>(
    sources: &Sources<'_, P>,
    heard: Heard,
) -> Result<Gathered, GatherError> {
    let [provider, ours, rail] =
        [Book::Provider, Book::Ours, Book::Rail].map(|book| Intake::new(Some(book), BOOK_BYTES));
    let pace = &Pace::of(sources.rail.payouts_a_second());
    let mut gathering = Gathering {
        sources,
        pace,
        provider,
        ours,
        rail,
        has_rail_book: true,
        unread: BTreeSet::new(),
        came_back: BTreeMap::new(),
        heard,
    };
    let ListedKeys { mut keys, unreadable } = sources.ledger.keys_within(sources.window).await?;
    if unreadable > 0 {
        gathering.ours.lacks(gathering.gap(Book::Ours, Why::Unreadable));
    }
    let earlier = AGAIN_AFTER_DAYS.iter().filter_map(|days| sources.window.earlier(days * DAY_MS));
    let again = join_all(earlier.map(|earlier| returned(sources.rail, pace, earlier, sources.page_within)));
    let (mut named, again) = try_join(gathering.read_theirs(&mut keys), again.map(Ok)).await?;
    for key in gathering.look_again(again).await? {
        keys.entry(key.clone()).or_default();
        named.insert(key);
    }
    let count = keys.len();
    gathering.read_ours(keys, &named).await?;
    let Gathering { provider, ours, rail, unread, heard, .. } = gathering;
    Ok(Gathered { provider: provider.done()?, ours: ours.done()?, rail: rail.done()?, unread, keys: count, heard })
}

impl<P: Reads + QueriesAudit + QueriesCases> Gathering<'_, P> {
    fn gap(&self, book: Book, why: Why) -> Gap {
        let window = self.sources.window;
        Gap { book, from: window.from(), until: window.to(), why }
    }

    /// The books of the window that are not ours. Returns the keys that they name, and adds them to ours.
    async fn read_theirs(
        &mut self,
        keys: &mut BTreeMap<PayoutKey, BTreeSet<Digest>>,
    ) -> Result<BTreeSet<PayoutKey>, GatherError> {
        let mut named = self.read_lists().await?;
        named.extend(self.sources.named.iter().cloned());
        for key in named.iter().chain(&self.sources.open) {
            keys.entry(key.clone()).or_default();
        }
        for key in self.read_rail(keys).await? {
            keys.entry(key.clone()).or_default();
            named.insert(key);
        }
        Ok(named)
    }

    /// The providers' lists of the window. Returns the keys that they name.
    async fn read_lists(&mut self) -> Result<BTreeSet<PayoutKey>, GatherError> {
        let Sources { ledger, rail, lists, window, units, page_within, now, .. } = *self.sources;
        let mut named = BTreeSet::new();
        if lists.lack_some() {
            self.provider.lacks(self.gap(Book::Provider, Why::NotAskable));
        }
        if !self.sources.is_joined {
            self.provider.lacks(Gap { book: Book::Provider, from: 0, until: window.from(), why: Why::NotBefore });
        }
        for asked in lists.iter() {
            let ruling = &asked.ruling(ledger, rail.mode(), now).await?;
            let mut reading = asked.book(window.from(), window.to(), now);
            while let Some(page) = reading.next(page_within).await {
                let placed = page.iter().map(|item| async move { (item, asked.placed(ledger, ruling, item).await) });
                let mut placed = stream::iter(placed).buffered(KEYS_AT_ONCE);
                while let Some((item, placed)) = placed.next().await {
                    for placed in placed? {
                        match placed.and_then(|placed| placed.row(item.created_at, units)) {
                            Ok(row) => {
                                named.extend(PayoutKey::new(row.key.as_str()));
                                self.take_event(&row)?;
                            }
                            Err(problem) => {
                                let (provider, event) = (asked.name(), &item.id);
                                tracing::error!(provider, event, %problem, "the provider's book is not complete");
                                let (from, until) = (item.created_at, item.created_at.saturating_add(1));
                                self.provider.lacks(Gap { book: Book::Provider, from, until, why: Why::Unreadable });
                            }
                        }
                    }
                }
            }
            if let Some(gap) = reading.gap() {
                self.provider.lacks(gap);
            }
            if !asked.speaks_alone() {
                for days in AGAIN_AFTER_DAYS {
                    named.extend(self.payments_again(asked, ruling, days).await?);
                }
            }
        }
        Ok(named)
    }

    /// A payment stands in its list at the time at which it was begun, and may be paid days later: those of earlier windows of which
    /// nothing of ours speaks.
    async fn payments_again(
        &mut self,
        asked: &Asked,
        ruling: &Ruling,
        days: u64,
    ) -> Result<BTreeSet<PayoutKey>, GatherError> {
        let Sources { ledger, window, units, page_within, now, .. } = *self.sources;
        let mut named = BTreeSet::new();
        let Some(earlier) = window.earlier(days * DAY_MS) else { return Ok(named) };
        let mut reading = asked.book(earlier.from(), earlier.to(), now);
        while let Some(page) = reading.next(page_within).await {
            let unspoken = page.iter().map(|item| async move { (item, unspoken(ledger, asked, ruling, item).await) });
            let mut unspoken = stream::iter(unspoken).buffered(KEYS_AT_ONCE);
            while let Some((item, unspoken)) = unspoken.next().await {
                for (key, placed) in unspoken? {
                    if let Ok(row) = placed.row(item.created_at, units) {
                        named.insert(key);
                        self.provider.push(&row)?;
                    }
                }
            }
        }
        lacks_earlier(&mut self.provider, reading.gap(), window);
        Ok(named)
    }

    fn take_event(&mut self, row: &Row) -> Result<(), BooksError> {
        if !row.carried {
            self.heard.count(row.key.as_str(), row.at);
        }
        self.provider.push(row)
    }

    /// The rail's book of the window. Returns the keys that it names.
    async fn read_rail(
        &mut self,
        known: &BTreeMap<PayoutKey, BTreeSet<Digest>>,
    ) -> Result<BTreeSet<PayoutKey>, GatherError> {
        let Sources { rail, window, units, page_within, .. } = *self.sources;
        let rows = RailRows::new(rail, known.keys());
        let mut named = BTreeSet::new();
        let mut book = match rail.book(window.from()..window.to()) {
            Ok(book) => book,
            Err(_) => {
                self.has_rail_book = false;
                self.rail.lacks(self.gap(Book::Rail, Why::NotAskable));
                return Ok(named);
            }
        };
        loop {
            match page_of(&mut book, self.pace, page_within).await {
                Ok(None) => return Ok(named),
                Ok(Some(page)) => {
                    for payout in &page {
                        match rows.row(rail, payout, units) {
                            Ok(row) => self.take(row, &mut named)?,
                            Err(error) => self.lacks_payout(payout, &error),
                        }
                    }
                }
                Err(_) => {
                    self.rail.lacks(self.gap(Book::Rail, Why::PageLost));
                    return Ok(named);
                }
            }
        }
    }

    fn lacks_payout(&mut self, payout: &RailPayout, error: &NotInUnits) {
        tracing::error!(%error, "the rail's book is not complete");
        let (from, until) = (payout.created_at, payout.created_at.saturating_add(1));
        self.rail.lacks(Gap { book: Book::Rail, from, until, why: Why::Unreadable });
    }

    /// Payouts that were accepted some days ago are looked at again: one can come back long after it was paid, and its rail tells
    /// nobody. Returns the keys of those to be read, which are all where the rail has no book of a time.
    async fn look_again(&mut self, again: Vec<Returned>) -> Result<BTreeSet<PayoutKey>, GatherError> {
        let Sources { ledger, rail, .. } = *self.sources;
        let mut keys = BTreeSet::new();
        for Returned { earlier, payouts, gap } in again {
            lacks_earlier(&mut self.rail, gap, self.sources.window);
            let says_nothing = if self.has_rail_book { payouts.is_empty() } else { !rail.finds() };
            if says_nothing {
                continue;
            }
            // It was claimed before the rail made it, by whichever clock.
            let claimed = Window::new(earlier.from().saturating_sub(CLAIMED_BEFORE_MS), earlier.to());
            let listed = ledger.keys_within(claimed.unwrap_or(earlier)).await?;
            if listed.unreadable > 0 {
                let (from, until) = (earlier.from(), earlier.to());
                let gap = Gap { book: Book::Ours, from, until, why: Why::Unreadable };
                lacks_earlier(&mut self.ours, Some(gap), self.sources.window);
            }
            if !self.has_rail_book {
                keys.extend(listed.keys.into_keys());
                continue;
            }
            let rows = RailRows::new(rail, listed.keys.keys());
            for payout in payouts {
                if let Some(key) = rows.key(&payout) {
                    keys.insert(key.clone());
                    self.came_back.entry(key).or_default().push(payout);
                }
            }
        }
        Ok(keys)
    }

    fn take(&mut self, row: Row, named: &mut BTreeSet<PayoutKey>) -> Result<(), BooksError> {
        named.extend(PayoutKey::new(row.key.as_str()).ok().filter(|key| !key.as_str().starts_with('!')));
        self.rail.push(&self.sources.at_bank.of(row))
    }

    /// `named`: keys of which another book has something in this window.
    async fn read_ours(
        &mut self,
        keys: BTreeMap<PayoutKey, BTreeSet<Digest>>,
        named: &BTreeSet<PayoutKey>,
    ) -> Result<(), GatherError> {
        let (sources, pace, has_rail_book) = (self.sources, self.pace, self.has_rail_book);
        let read = |(key, refused): (PayoutKey, BTreeSet<Digest>)| async move {
            let is_waited_for = sources.open.contains(&key) || named.contains(&key);
            (key.clone(), read_key(sources, pace, key, &refused, is_waited_for, has_rail_book).await)
        };
        let mut read = stream::iter(keys).map(read).buffer_unordered(KEYS_AT_ONCE);
        while let Some((key, of_key)) = read.next().await {
            match of_key {
                Ok(Some(of_key)) => self.add(&key, of_key)?,
                Ok(None) => {}
                // One record must end neither a run nor what is said of other keys.
                Err(error @ (GatherError::Ledger(LedgerError::Unreadable { .. }) | GatherError::NoRow(_))) => {
                    tracing::error!(payout_key = %key, %error, "our own records of a key cannot be read");
                    self.lacks_record(&key);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn lacks_record(&mut self, key: &PayoutKey) {
        self.unread.insert(BookKey::of(key));
        self.ours.lacks(self.gap(Book::Ours, Why::OneRecord));
    }

    fn add(&mut self, key: &PayoutKey, of_key: OfKey) -> Result<(), GatherError> {
        let Sources { window, units, rail, lists, at_bank, .. } = *self.sources;
        let OfKey { records, rows, found } = of_key;
        if records.unreadable > 0 {
            tracing::error!(payout_key = %key, "a note of a refusal cannot be read");
            self.lacks_record(key);
        }
        let was_open = self.sources.open.contains(key);
        // An earlier run was done with it: its books agreed then.
        let is_carried = |at: UnixMillis| at < window.from() && !was_open;
        let was_known = rows.iter().any(|row| is_carried(row.at));
        let taken: BTreeSet<String> = rows.iter().filter_map(taken_event).collect();
        let told: BTreeSet<String> = rows.iter().filter_map(told_break).collect();
        for row in rows {
            let asked = lists.of_key(&row.key, event_of(&row).and_then(|event| records.provider_of(event)));
            let row = named_as_listed(Row { carried: is_carried(row.at), ..row }, asked);
            if row.carried || asked.is_none_or(|asked| !asked.speaks_alone()) {
                // What another delivery of the event said is a case, and no second event.
                let said =
                    provider_word(&row).filter(|word| taken_event(&row).is_some() || !taken.contains(word.id.as_str()));
                said.iter().try_for_each(|row| self.take_event(row))?;
            }
            if matches!(found, Found::NotOffered) {
                rail_word(&row, &records, units).iter().try_for_each(|row| self.rail.push(row))?;
            }
            self.ours.push(&at_bank.of(row))?;
        }
        let came_back = self.came_back.remove(key).unwrap_or_default();
        let payouts = match found {
            Found::NotAsked | Found::NotOffered => came_back,
            Found::Failed { since } => {
                let (from, until) = (since.min(window.from()), window.to());
                self.rail.lacks(Gap { book: Book::Rail, from, until, why: Why::PageLost });
                came_back
            }
            Found::Payouts(payouts) => payouts,
        };
        let names = RailRows::new(rail, [key]);
        for payout in payouts.iter().filter(|payout| payout.created_at < window.to()) {
            let row = match names.row(rail, payout, units) {
                Ok(row) => row,
                Err(error) => {
                    self.lacks_payout(payout, &error);
                    continue;
                }
            };
            let is_old = was_known && is_carried(row.at);
            if is_old
                && payout.returned
                && !told.contains(&subject(BreakKind::PayoutReturned, Book::Rail, 0, row.id.as_str()))
            {
                // An earlier run was done with it as it was before.
                self.rail.push(&as_paid(&row))?;
                self.rail.push(&at_bank.of(row))?;
            } else {
                self.rail.push(&at_bank.of(Row { carried: is_old, ..row }))?;
            }
        }
        Ok(())
    }
}

/// Of an earlier time, and asked for by this run: no other asks for it again.
fn lacks_earlier(book: &mut Intake, gap: Option<Gap>, window: Window) {
    let Some(gap) = gap else { return };
    book.lacks(gap);
    // Of what is not kept so long nobody can speak any more.
    if matches!(gap.why, Why::PageLost | Why::Unreadable) {
        book.lacks(Gap { from: window.from(), until: window.from() + 1, ..gap });
    }
}

/// What of a listed payment nothing of ours speaks of, with its key.
async fn unspoken<P: Reads + QueriesAudit + QueriesCases>(
    ledger: &Ledger<P>,
    asked: &Asked,
    ruling: &Ruling,
    item: &ListedEvent,
) -> Result<Vec<(PayoutKey, Placed)>, GatherError> {
    let mut unspoken = vec![];
    for placed in asked.placed(ledger, ruling, item).await?.into_iter().flatten() {
        let Ok(key) = PayoutKey::new(placed.key.as_str()) else { continue };
        if ledger.standing(&key, 1).await?.is_none() && ledger.cases_of_key(key.as_str()).await?.is_empty() {
            unspoken.push((key, placed));
        }
    }
    Ok(unspoken)
}

/// The break that a case was opened for.
fn told_break(row: &Row) -> Option<String> {
    match &row.record {
        Record::Case { subject, .. } => subject.clone(),
        _ => None,
    }
}

/// As a payout stood before it came back.
fn as_paid(row: &Row) -> Row {
    let mut row = Row { carried: true, ..row.clone() };
    if let Record::Payout { state, .. } = &mut row.record {
        *state = RailState::Paid;
    }
    row
}

/// The event of which a record says what is to be paid.
fn taken_event(row: &Row) -> Option<String> {
    match &row.record {
        Record::Claim { event, .. } | Record::Refused { event, .. } => Some(event.to_string()),
        _ => None,
    }
}

/// What was read of one key.
struct OfKey {
    records: OurRecords,
    rows: Vec<Row>,
    found: Found,
}

/// What the rail says of one key by itself.
enum Found {
    /// Its books say enough: everything of the key is in that of this window, or was in that of an earlier one.
    NotAsked,
    Payouts(Vec<RailPayout>),
    /// From then on the rail was not seen.
    Failed {
        since: UnixMillis,
    },
    NotOffered,
}

/// `None`: nothing new came to it, and an earlier run was done with it. What was claimed before this window, or at a rail without a
/// list, is asked for by itself: the payouts of an earlier attempt stand in no book of this window.
async fn read_key<P: Reads + QueriesAudit + QueriesCases>(
    sources: &Sources<'_, P>,
    pace: &Pace,
    key: PayoutKey,
    refused: &BTreeSet<Digest>,
    is_waited_for: bool,
    has_rail_book: bool,
) -> Result<Option<OfKey>, GatherError> {
    let Sources { ledger, rail, window, units, page_within, .. } = *sources;
    let mut records = ledger.records(&key, refused).await?;
    let mut rows = records.rows(&key, units, window.to())?;
    if let Some((provider, event)) = unmarked(key.as_str()) {
        let cases = ledger.cases_of_event(event).await?;
        records.cases = cases.into_iter().filter(|of| of.case.provider.as_deref() == Some(provider)).collect();
        rows.extend(of_event(case_rows(&records.cases, &BookKey::of(&key), units, window.to())?, event));
    }
    if !is_waited_for && rows.iter().all(|row| row.at < window.from()) && records.unreadable == 0 {
        return Ok(None);
    }
    let claims = || records.payout.attempts.iter().map(|of| &of.claim).filter(|claim| claim.claimed_at < window.to());
    let (Some(first), Some(last)) = (claims().next(), claims().next_back()) else {
        return Ok(Some(OfKey { records, rows, found: Found::NotAsked }));
    };
    let is_awaited_at_bank = sources.awaited_at_bank.contains(&key) && last.claimed_at < window.from();
    if has_rail_book && (is_awaited_at_bank || first.claimed_at >= window.from().saturating_add(RAIL_CLOCK_MS)) {
        return Ok(Some(OfKey { records, rows, found: Found::NotAsked }));
    }
    let wanted = rail.wanted(&key, &last.destination, first.claimed_at..last.expires_at);
    let mut failures = 0;
    let found = loop {
        if rail.finds() {
            pace.turn().await;
        }
        match rail.find(&wanted, page_within).await {
            Ok(payouts) => break Found::Payouts(payouts),
            Err(LookUpFailure::NotOffered) => break Found::NotOffered,
            Err(failure) => {
                failures += 1;
                tracing::warn!(payout_key = %key, %failure, failures, "the rail was not seen for one payout");
                if failures >= PAGE_TRIES {
                    break Found::Failed { since: first.claimed_at };
                }
            }
        }
    };
    Ok(Some(OfKey { records, rows, found }))
}

/// Of a case that several events share, each of them is spoken of there.
fn of_event(rows: Vec<Row>, event: &str) -> Vec<Row> {
    let Ok(event) = EventId::new(event) else { return rows };
    let named = |row: Row| match row.record {
        Record::Case { reason, attempt, is_open, ending, subject, sum, .. } => {
            let event = Some(event.clone());
            Row { record: Record::Case { reason, attempt, event, is_open, ending, subject, sum }, ..row }
        }
        _ => row,
    };
    rows.into_iter().map(named).collect()
}

fn event_of(row: &Row) -> Option<&EventId> {
    match &row.record {
        Record::Claim { event, .. } | Record::Refused { event, .. } => Some(event),
        Record::Closing { event, .. } | Record::Case { event, .. } => event.as_ref(),
        _ => None,
    }
}

/// Where the provider lists payments, both books name the payment.
fn named_as_listed(mut row: Row, asked: Option<&Asked>) -> Row {
    let Some(asked) = asked else { return row };
    match &mut row.record {
        Record::Claim { event, .. } | Record::Refused { event, .. } => *event = asked.event_name(&row.key, event),
        Record::Closing { event: Some(event), .. } | Record::Case { event: Some(event), .. } => {
            *event = asked.event_name(&row.key, event);
        }
        _ => {}
    }
    row
}

/// The event that a record of ours names, as its signed delivery said it.
fn provider_word(row: &Row) -> Option<Row> {
    let (event, sum) = match &row.record {
        Record::Claim { event, sum, .. } | Record::Refused { event, sum, .. } => (event, Some(*sum)),
        Record::Closing { event: Some(event), is_bar: false, sum } => (event, *sum),
        Record::Case { event: Some(event), sum, .. } => (event, *sum),
        _ => return None,
    };
    Some(Row { id: RowId::new(event.as_str()).ok()?, record: Record::Event { sum }, ..row.clone() })
}

/// The payout that the rail's accepting answer named.
fn rail_word(row: &Row, records: &OurRecords, units: &Units) -> Option<Row> {
    let Record::Outcome { attempt, outcome: Outcome::Accepted } = row.record else { return None };
    let of = records.payout.attempts.iter().find(|of| of.claim.attempt == attempt)?;
    let id = of.outcome.as_ref()?.evidence.get(FactName::RailPayout)?;
    let sum = units.sum(&of.claim.money).ok()?;
    let record = Record::Payout { sum, state: RailState::Paid, shows_at_bank: false };
    Some(Row { id: RowId::new(id).ok()?, record, ..row.clone() })
}
