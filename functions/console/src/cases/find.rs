//! The search. What has a place of its own is found in all books by reading that place; everything else that a page shows of a
//! case is looked for in the cases themselves, in so many at the most. What was not looked at is said.

use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use payonce_ledger::powers::{QueriesAudit, QueriesCases, Reads};
use payonce_ledger::{Cursor, FiledCase, Ledger, LedgerError, Payout, Period, Queue, Seen};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::may_read_bodies;
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_rails::LookUpFailure;
use serde_json::Value;
use tokio::time::Instant;

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::cases::filter::is_payee;
use crate::cases::show::encoded;
use crate::pages::{FoundBy, Hit, Looked, RailSaid, SearchPage, Searched, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

const WANTED_BYTES: usize = 512;
const RAIL_WITHIN: Duration = Duration::from_secs(3);
pub(crate) const DAY_MS: u64 = 86_400_000;
/// For how long back resolved cases are looked at, and for how long when that is asked for.
const DAYS: u64 = 90;
const DAYS_AT_MOST: u64 = 366;
/// Of the open ones, and of the resolved ones: a few hundred read units.
const CASES_AT_MOST: usize = 5_000;
/// Of these so many are read with their history, attempts and body, three requests for each.
const DETAILS_AT_MOST: usize = 1_000;
const AT_ONCE: usize = 32;
/// The function has 29 seconds.
const WITHIN: Duration = Duration::from_secs(15);

/// What is found by the place that its own name gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Case(CaseId),
    Payout(PayoutKey),
    /// By its id.
    Batch(String),
}

/// Of which payout keys there is something to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those with an attempt or a case.
    Pages,
    /// Those of which the audit table holds anything: a refusal or a bar alone, too.
    Records,
}

/// The part of a search that asks nobody but the tables.
pub struct Tables<'a, P> {
    pub ledger: &'a Ledger<P>,
    /// What payout keys begin with.
    pub namespaces: &'a [String],
    pub shown: Shown,
}

/// For how long back resolved cases are looked at, and whether in the bodies of deliveries, too.
#[derive(Clone, Copy, Debug)]
pub struct Among {
    pub days: u64,
    pub has_bodies: bool,
    pub now: UnixMillis,
}

impl Among {
    pub fn lately(now: UnixMillis) -> Self {
        Self { days: DAYS, has_bodies: false, now }
    }
}

impl App {
    pub(crate) async fn search(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let Some(wanted) = ask.query.get("q") else { return self.searched(visit, "", Searched::Nothing) };
        if wanted.len() > WANTED_BYTES {
            return self.searched(visit, "", Searched::TooLong);
        }
        let namespaces: Vec<String> = self.parts.namespaces.values().cloned().collect();
        let tables = Tables { ledger: &self.parts.ledger, namespaces: &namespaces, shown: Shown::Pages };
        if let Some(place) = tables.by_its_own_place(wanted).await? {
            return Ok(Reply::see(match place {
                Place::Case(id) => format!("{BASE}/cases/{id}"),
                Place::Payout(key) => payout(&key),
                Place::Batch(id) => format!("{BASE}/batches/{id}"),
            }));
        }
        let hits = tables.by_index(wanted).await?;
        if !hits.is_empty() {
            return self.found(visit, wanted, Searched::ById { hits });
        }
        let rail = match self.at_the_rail(&tables, wanted).await? {
            Ok(key) => return Ok(Reply::see(payout(&key))),
            Err(said) => said,
        };
        let days = ask.query.get("days").and_then(|days| days.parse().ok()).unwrap_or(DAYS).clamp(1, DAYS_AT_MOST);
        let has_bodies = may_read_bodies(&visit.roles);
        let among = Among { days, has_bodies, now: self.parts.clock.now() };
        let (hits, looked) = tables.among_cases(wanted, among, rail).await?;
        self.found(visit, wanted, Searched::Cases { hits, looked })
    }

    /// The key of a payout that the rail knows by this id and that is ours; else what the rail said.
    async fn at_the_rail<P: Reads + QueriesAudit + QueriesCases>(
        &self,
        tables: &Tables<'_, P>,
        id: &str,
    ) -> Result<Result<PayoutKey, RailSaid>, Trouble> {
        let found = match self.parts.rail.payout(id, RAIL_WITHIN).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Err(RailSaid::HasNone)),
            Err(LookUpFailure::NotOffered) => return Ok(Err(RailSaid::CannotBeAsked)),
            Err(failure) => return Ok(Err(RailSaid::Silent(failure.to_string()))),
        };
        let key = found.reference.and_then(|reference| PayoutKey::new(reference).ok());
        Ok(match key {
            Some(key) if tables.has_a_page(&key).await? => Ok(key),
            _ => Err(RailSaid::HasOther),
        })
    }

    fn found(&self, visit: &Visit, wanted: &str, searched: Searched) -> Result<Reply, Trouble> {
        match searched.hits() {
            // A payee is no id: the next one of them is a case as well.
            [Hit::Case { found_by, id, .. }] if !found_by.is_payee() => Ok(Reply::see(format!("{BASE}/cases/{id}"))),
            [Hit::Payout { key, .. }] => Ok(Reply::see(format!("{BASE}/payouts?key={}", encoded(key)))),
            _ => self.searched(visit, wanted, searched),
        }
    }

    fn searched(&self, visit: &Visit, wanted: &str, searched: Searched) -> Result<Reply, Trouble> {
        let mut frame = self.frame(Some(visit), "Search", Section::Other);
        frame.search = wanted.to_owned();
        let status = match &searched {
            Searched::TooLong => StatusCode::BAD_REQUEST,
            Searched::Nothing => StatusCode::OK,
            found if found.hits().is_empty() => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        let page = SearchPage { frame, query: wanted.to_owned(), searched };
        Ok(Reply::html(status, page.render()?))
    }
}

impl<P: Reads + QueriesAudit + QueriesCases> Tables<'_, P> {
    /// A case, a batch, a payout key or an object of the provider's that makes one.
    pub async fn by_its_own_place(&self, wanted: &str) -> Result<Option<Place>, LedgerError> {
        let ledger = self.ledger;
        if let Some(id) = CaseId::parse(wanted)
            && ledger.case(&id).await?.is_some()
        {
            return Ok(Some(Place::Case(id)));
        }
        let spaces = self.namespaces.iter().map(|namespace| format!("{namespace}/{wanted}"));
        for key in std::iter::once(wanted.to_owned()).chain(spaces) {
            let Ok(key) = PayoutKey::new(key) else { continue };
            if self.has_a_page(&key).await? {
                return Ok(Some(Place::Payout(key)));
            }
        }
        Ok(ledger.batch(wanted).await?.map(|batch| Place::Batch(batch.id)))
    }

    async fn has_a_page(&self, key: &PayoutKey) -> Result<bool, LedgerError> {
        let payout = self.ledger.payout(key).await?;
        let is_shown = match self.shown {
            Shown::Pages => !payout.attempts.is_empty(),
            Shown::Records => payout != Payout::default(),
        };
        Ok(is_shown || !self.ledger.cases_of_key(key.as_str()).await?.is_empty())
    }

    /// By an event's id or a rail key: cases, and payouts that none of these is about.
    pub async fn by_index(&self, wanted: &str) -> Result<Vec<Hit>, LedgerError> {
        let ledger = self.ledger;
        let cases = ledger.cases_of_event(wanted).await?;
        let mut hits: Vec<Hit> = cases.iter().map(|filed| hit(filed, FoundBy::Id)).collect();
        for key in ledger.keys_of_id(wanted).await? {
            if cases.iter().any(|filed| filed.case.key.as_ref() == Some(&key)) || !self.has_a_page(&key).await? {
                continue;
            }
            let payout = ledger.payout(&key).await?;
            let claim = payout.attempts.first().map(|attempt| &attempt.claim);
            hits.push(Hit::Payout {
                key: key.to_string(),
                money: claim.map(|claim| claim.money),
                payee: claim.map(|claim| claim.destination.to_string()),
                since: claim.map(|claim| claim.received_at),
            });
        }
        Ok(hits)
    }

    /// The open cases and those that were resolved lately, by everything that their pages show.
    pub async fn among_cases(
        &self,
        wanted: &str,
        among: Among,
        rail: RailSaid,
    ) -> Result<(Vec<Hit>, Looked), LedgerError> {
        let (ledger, Among { days, has_bodies, now }) = (self.ledger, among);
        let since = now.saturating_sub(days * DAY_MS) / DAY_MS * DAY_MS;
        // Who resolved a case may have a clock that is ahead.
        let period = Period { from: since, until: now + DAY_MS };
        let open = ledger.queue(Queue::Age, CASES_AT_MOST, None, true, |_| true).await?;
        let resolved = ledger.resolved(period, CASES_AT_MOST, None, |_| true).await?;
        let is_more = |next: &Option<Cursor>| next.is_some();
        let mut looked = Looked {
            open: open.cases.len(),
            resolved: resolved.cases.len(),
            since,
            days,
            is_cut: is_more(&open.next) || is_more(&resolved.next),
            is_year: days >= DAYS_AT_MOST,
            without_details: 0,
            has_bodies,
            rail,
        };
        let until = Instant::now() + WITHIN;
        let all: Vec<FiledCase> = open.cases.into_iter().chain(resolved.cases).collect();
        let mut hits = vec![];
        let mut left = DETAILS_AT_MOST;
        for some in all.chunks(AT_ONCE) {
            let may_read = left >= some.len() && Instant::now() < until;
            let found =
                join_all(some.iter().map(|filed| self.within(filed, wanted, may_read, looked.has_bodies))).await;
            left = left.saturating_sub(some.len());
            looked.without_details += found.iter().filter(|found| found.is_err()).count();
            hits.extend(some.iter().zip(found).filter_map(|(filed, found)| Some(hit(filed, found.ok()??))));
        }
        Ok((hits, looked))
    }

    /// An error: its item alone was looked at.
    async fn within(
        &self,
        filed: &FiledCase,
        wanted: &str,
        may_read: bool,
        has_bodies: bool,
    ) -> Result<Option<FoundBy>, ()> {
        if let Some(by) = shown(filed, wanted) {
            return Ok(Some(by));
        }
        if !may_read {
            return Err(());
        }
        // One case that cannot be read does not hide the others.
        let read = self.details(filed, wanted, has_bodies).await;
        let payout_key = filed.case.key.as_ref().map(tracing::field::display);
        read.map_err(
            |error| tracing::error!(case = %filed.case.id(), payout_key, %error, "a case is left out of a search"),
        )
    }

    /// What a case's page shows beside the case itself.
    async fn details(&self, filed: &FiledCase, wanted: &str, has_bodies: bool) -> Result<Option<FoundBy>, LedgerError> {
        let ledger = self.ledger;
        let history = ledger.history(&filed.case.id()).await?;
        let facts =
            history.iter().flat_map(|record| &record.facts).filter(|(name, _)| *name != FactName::Note.as_str());
        if facts.into_iter().any(|(_, fact)| is_word(fact, wanted)) {
            return Ok(Some(FoundBy::History));
        }
        if let Some(key) = &filed.case.key
            && names(&ledger.payout(key).await?, wanted)
        {
            return Ok(Some(FoundBy::Attempt));
        }
        let body = match filed.case.body.filter(|_| has_bodies) {
            Some(digest) => ledger.body(digest).await?,
            None => None,
        };
        Ok(body.filter(|body| holds(&body.bytes, wanted)).map(|_| FoundBy::Body))
    }
}

fn payout(key: &PayoutKey) -> String {
    format!("{BASE}/payouts?key={}", encoded(key.as_str()))
}

fn hit(filed: &FiledCase, found_by: FoundBy) -> Hit {
    let case = &filed.case;
    Hit::Case {
        id: case.id().to_string(),
        reason: case.reason,
        status: filed.status,
        money: case.money,
        payee: case.destination.as_ref().map(ToString::to_string),
        since: case.since,
        found_by,
    }
}

/// By what the case's own item holds.
fn shown(filed: &FiledCase, wanted: &str) -> Option<FoundBy> {
    if is_payee(filed, wanted) {
        let is_whole = filed.case.destination.as_ref().is_some_and(|payee| payee.as_str().len() == wanted.len());
        return Some(if is_whole { FoundBy::Payee } else { FoundBy::PayeeBegins });
    }
    let case = &filed.case;
    let proposal = filed.proposal.as_ref();
    let ids = [
        case.body.map(|body| body.to_string()),
        case.incident.clone(),
        proposal.and_then(|made| made.batch.clone()),
        proposal.and_then(|made| made.duplicate_of.as_ref().map(ToString::to_string)),
    ];
    let named = case.details.iter().chain(&filed.evidence).any(|(_, text)| is_word(text, wanted));
    let is_id = ids.iter().flatten().any(|id| id == wanted) || case.subject.iter().any(|part| part == wanted);
    (named || is_id).then_some(FoundBy::Case)
}

/// Whether something that the audit table holds of the payout, and that a page shows, is this.
fn names(payout: &Payout, wanted: &str) -> bool {
    let of_attempts = payout.attempts.iter().any(|attempt| {
        let claim = &attempt.claim;
        let ids = [
            claim.attempt_id.to_string(),
            claim.event.to_string(),
            claim.rail_key.clone(),
            claim.request.to_string(),
            claim.body.to_string(),
            claim.request_id.clone(),
        ];
        let outcomes = attempt.outcome.iter().chain(&attempt.late);
        ids.iter().any(|id| id == wanted)
            || outcomes.flat_map(|outcome| &outcome.evidence).any(|(_, fact)| is_word(fact, wanted))
    });
    let of_look_ups = payout.look_ups.iter().any(|look_up| match &look_up.seen {
        Seen::Found(found) => found.iter().any(|payout| payout.id == wanted),
        Seen::Absent { sight: text } | Seen::Blind { why: text } => is_word(text, wanted),
    });
    let barred = payout.barred.as_ref().map(|bar| [bar.event.to_string(), bar.body.to_string()]);
    of_attempts || of_look_ups || barred.into_iter().flatten().any(|id| id == wanted)
}

/// The whole fact, or a word of it: some name several ids, or an id in a sentence.
fn is_word(fact: &str, wanted: &str) -> bool {
    fact == wanted || fact.split_whitespace().any(|word| word.trim_matches([',', ';', ':', '.', '(', ')']) == wanted)
}

/// Whether a value of the delivery is just this: a charge, an order's number. Never a part of one.
fn holds(body: &[u8], wanted: &str) -> bool {
    match serde_json::from_slice(body) {
        Ok(value) => has_value(&value, wanted),
        Err(_) => form_urlencoded::parse(body).any(|(_, value)| value == wanted),
    }
}

fn has_value(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Array(values) => values.iter().any(|value| has_value(value, wanted)),
        Value::Object(fields) => fields.values().any(|value| has_value(value, wanted)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// The moment at which this day begins, in UTC.
pub(crate) fn begin_of(day: jiff::civil::Date) -> Option<UnixMillis> {
    let begin = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(begin.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_searched_by_whole_values_alone() {
        let json =
            br#"{"id":"evt_1","data":{"order":"2026-000417","lines":[{"charge":"ch_1"}],"number":417,"paid":true}}"#;
        for (wanted, is_there) in
            [("2026-000417", true), ("ch_1", true), ("417", true), ("000417", false), ("ch_", false), ("true", false)]
        {
            assert_eq!(holds(json, wanted), is_there, "{wanted}");
        }
        assert!(holds(b"id=tr_1&testmode=no", "tr_1") && !holds(b"id=tr_1", "id"));
    }

    #[test]
    fn fact_is_found_by_one_of_its_words() {
        assert!(is_word("tr_1 tr_2", "tr_2") && is_word("the same search finds tr_2.", "tr_2"));
        assert!(is_word("a b", "a b") && !is_word("tr_22", "tr_2"));
    }
}
