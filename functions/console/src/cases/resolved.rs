//! Resolved cases by the days on which they were resolved: a page at a time, and as a file.

use http::StatusCode;
use jiff::ToSpan as _;
use jiff::civil::Date;
use payonce_ledger::{Cursor, FiledCase, Page, Period};
use payonce_protocol::UnixMillis;

use crate::app::{App, Visit};
use crate::ask::{Ask, Fields};
use crate::cases::export::{ROWS_AT_MOST, written};
use crate::cases::filter::is_payee;
use crate::cases::find::{DAY_MS, begin_of};
use crate::cases::spreadsheet::Style;
use crate::pages::{ResolvedAsked, ResolvedPage, ResolvedRow, Section, day_at};
use crate::reply::Reply;
use crate::trouble::Trouble;

const PAGE_ROWS: usize = 50;
/// Without a wish: today and so many days before it.
const DAYS_BEFORE: i64 = 29;
const DAYS_AT_MOST: u64 = 366;

/// What was asked for, or why it cannot be.
struct Wanted {
    asked: ResolvedAsked,
    period: Result<Period, String>,
    after: Option<Cursor>,
}

impl App {
    pub(crate) async fn resolved(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let wanted = read(&ask.query, self.parts.clock.now());
        let page = match &wanted.period {
            Ok(period) => Some(self.resolved_page(*period, &wanted, PAGE_ROWS).await?),
            Err(_) => None,
        };
        let status = if page.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        let page = page.unwrap_or(Page { cases: vec![], next: None });
        let view = ResolvedPage {
            frame: self.frame(Some(visit), "Resolved cases", Section::Resolved),
            wrong: wanted.period.err(),
            is_first: wanted.after.is_none(),
            asked: wanted.asked,
            rows: page.cases.iter().filter_map(row).collect(),
            next: page.next.map(|cursor| (cursor.place, cursor.id)),
        };
        Ok(Reply::html(status, view.render()?))
    }

    pub(crate) async fn export_resolved(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let wanted = read(&ask.query, now);
        let style = ask.query.get("csv").map_or(Some(Style::default()), Style::parse);
        let style = style.ok_or_else(|| Trouble::Wrong("Not understood in the address: csv.".to_owned()))?;
        let period = wanted.period.clone().map_err(Trouble::Wrong)?;
        let page = self.resolved_page(period, &Wanted { after: None, ..wanted }, ROWS_AT_MOST).await?;
        let csv = written(&page.cases, |_| None, page.next.is_some(), style, now)?;
        let by_sha256 = payonce_protocol::ids::Digest::of(&visit.session.person.subject);
        tracing::info!(rows = page.cases.len(), %by_sha256, "resolved cases were exported");
        let (from, last) = (day_at(period.from), day_at(period.until.saturating_sub(1)));
        Ok(Reply::csv(format!("payonce-resolved-cases-{from}-to-{last}.csv"), csv))
    }

    async fn resolved_page(&self, period: Period, wanted: &Wanted, at_most: usize) -> Result<Page, Trouble> {
        let payee = wanted.asked.payee.as_deref();
        let keeps = |filed: &FiledCase| payee.is_none_or(|payee| is_payee(filed, payee));
        Ok(self.parts.ledger.resolved(period, at_most, wanted.after.as_ref(), keeps).await?)
    }
}

/// A day that cannot be read is not replaced by another: then nothing is looked for.
fn read(query: &Fields, now: UnixMillis) -> Wanted {
    let today: Option<Date> = day_at(now).parse().ok();
    let text = |name: &str, else_day: Option<Date>| {
        let default = || else_day.map(|day| day.to_string()).unwrap_or_default();
        query.get(name).map_or_else(default, str::to_owned)
    };
    let to = text("to", today);
    let before = today.and_then(|today| today.checked_sub(DAYS_BEFORE.days()).ok());
    let before_to = to.parse::<Date>().ok().and_then(|to| to.checked_sub(DAYS_BEFORE.days()).ok());
    let from = text("from", before_to.or(before));
    let period = period(&from, &to);
    let after = match (query.get("after"), query.get("id")) {
        (Some(place), Some(id)) => Some(Cursor { place: place.to_owned(), id: id.to_owned() }),
        _ => None,
    };
    Wanted { asked: ResolvedAsked { from, to, payee: query.get("payee").map(str::to_owned) }, period, after }
}

fn period(from: &str, to: &str) -> Result<Period, String> {
    let day = |name: &str, text: &str| {
        let begin = text.parse::<Date>().ok().and_then(begin_of);
        begin.ok_or_else(|| format!("“{name}” is not a day. Write it as 2026-11-24."))
    };
    let (from, last) = (day("From", from)?, day("To", to)?);
    if from > last {
        return Err("“From” lies after “To”.".to_owned());
    }
    let until = last + DAY_MS;
    if until - from > DAYS_AT_MOST * DAY_MS {
        return Err(format!("The period has more than {DAYS_AT_MOST} days. Ask for a shorter one."));
    }
    Ok(Period { from, until })
}

fn row(filed: &FiledCase) -> Option<ResolvedRow> {
    let (made, resolution) = filed.proposal.as_ref().zip(filed.resolution.as_ref())?;
    let name = |who: &payonce_ledger::Who| who.name.clone().unwrap_or_else(|| who.subject.clone());
    let case = &filed.case;
    Some(ResolvedRow {
        id: case.id().to_string(),
        money: case.money,
        payee: case.destination.as_ref().map(ToString::to_string),
        reason: case.reason,
        ending: made.ending,
        proposed_by: name(&made.by),
        approved_by: name(&resolution.approved_by),
        at: resolution.at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T10:53:20Z.
    const NOW: UnixMillis = 1_795_517_600_000;

    fn asked(query: &str) -> Wanted {
        read(&Fields::parse(query.as_bytes()), NOW)
    }

    #[test]
    fn period_is_whole_days_in_utc_with_both_ends() {
        let wanted = asked("from=2026-11-23&to=2026-11-24");
        assert_eq!(wanted.period, Ok(Period { from: 1_795_392_000_000, until: 1_795_392_000_000 + 2 * DAY_MS }));
        let wanted = asked("");
        assert_eq!((wanted.asked.from.as_str(), wanted.asked.to.as_str()), ("2026-10-26", "2026-11-24"));
        assert_eq!(asked("to=2026-06-30").asked.from, "2026-06-01");
        assert!(asked("from=2025-11-24&to=2026-11-24").period.is_ok());
    }

    #[test]
    fn unreadable_period_is_refused_with_its_reason() {
        for (query, why) in [
            ("from=24.11.2026", "“From” is not a day"),
            ("to=2026-02-30", "“To” is not a day"),
            ("from=2026-11-24&to=2026-11-23", "“From” lies after “To”"),
            ("from=2025-11-23&to=2026-11-24", "more than 366 days"),
            ("from=1900-01-01&to=1900-01-02", "“From” is not a day"),
        ] {
            let said = asked(query).period.unwrap_err();
            assert!(said.contains(why), "{query}: {said}");
        }
    }
}
