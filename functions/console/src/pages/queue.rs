//! The queue: what is open, how much of it, and how old; filtered by the address alone, so that it can be sent to a
//! colleague.

use askama::Template;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Status, may};
use payonce_protocol::money::{Currency, Money};
use payonce_protocol::outcome::{Outcome, Reason};

use super::format::{Due, Sum as _, Text as _, grouped};
use super::frame::{CurrencyTotal, Frame, PersonOption, cases};
use super::icon::Icon;
use super::queue_filter::{QueueFilter, QueueOwner, QueueView};
use super::reasons::{Reasons, reasons};
use super::words::{self, Words as _};
use crate::cases::spreadsheet::Style;

/// The sweeper comes each minute; after this it is said to be silent.
const SILENT_AFTER_MS: u64 = 5 * 60_000;

/// One open case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    pub id: String,
    pub version: u64,
    pub money: Option<Money>,
    pub payee: Option<String>,
    pub provider: Option<String>,
    pub reason: Reason,
    /// Why its event is not paid, in words.
    pub cause: Option<String>,
    pub since: UnixMillis,
    pub due: Option<Due>,
    /// By name.
    pub owner: Option<String>,
    pub is_mine: bool,
    pub status: Status,
}

impl QueueRow {
    fn certainty(&self) -> &'static str {
        words::certainty(self.reason)
    }

    fn certainty_icon(&self) -> Icon {
        words::certainty_icon(self.reason)
    }

    fn tone(&self) -> &'static str {
        words::tone(self.reason)
    }

    fn status_icon(&self) -> Icon {
        words::status_icon(self.status)
    }

    fn risk(&self) -> &'static str {
        words::risk(self.reason.rules().risk)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// As the tables have it; shown in plain words.
    pub name: String,
    pub cases: u64,
    pub first_seen: UnixMillis,
}

impl Incident {
    fn words(&self) -> String {
        words::incident(&self.name)
    }

    fn count(&self) -> String {
        cases(self.cases)
    }

    fn query(&self) -> String {
        QueueFilter { incident: Some(self.name.clone()), ..QueueFilter::default() }.query(None)
    }
}

/// The sweeper's snapshot of all open cases, whatever is filtered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueTotals {
    pub taken_at: UnixMillis,
    pub open: u64,
    pub at_risk: Vec<CurrencyTotal>,
    /// Of it, what may have left unseen, and what payees wait for.
    pub may_have_left: Vec<CurrencyTotal>,
    pub waited_for: Vec<CurrencyTotal>,
    /// As [`words::AGES`] has them.
    pub ages: [u64; 4],
    pub incidents: Vec<Incident>,
}

/// A bar of the chart: up to 100 wide.
struct Bar {
    label: &'static str,
    count: String,
    width: u64,
    query: String,
    is_on: bool,
}

struct View {
    label: &'static str,
    query: String,
    is_on: bool,
    count: Option<String>,
}

/// A batch that the reader may decide, above the cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingBatch {
    pub id: String,
    pub by: String,
    pub lines: u64,
    pub at: UnixMillis,
}

impl WaitingBatch {
    fn count(&self) -> String {
        cases(self.lines)
    }
}

struct Chip {
    label: String,
    without: String,
}

struct Choice {
    value: String,
    label: String,
    is_on: bool,
}

#[derive(Clone, Debug, Template)]
#[template(path = "queue.html", whitespace = "minimize")]
pub struct QueuePage {
    pub frame: Frame,
    /// The reader's subject.
    pub me: String,
    /// Whoever has signed in before; for the filter, and to assign to.
    pub people: Vec<PersonOption>,
    pub providers: Vec<String>,
    pub currencies: Vec<String>,
    pub filter: QueueFilter,
    /// Names of fields of the address that could not be read, and were left out.
    pub wrong: Vec<String>,
    /// `None` before the first snapshot.
    pub totals: Option<QueueTotals>,
    /// The end of the sweeper's last complete round.
    pub last_sweep: Option<UnixMillis>,
    /// What else awaits approval, where that is shown.
    pub batches: Vec<WaitingBatch>,
    /// Up to 50.
    pub rows: Vec<QueueRow>,
    /// `after` and `id` of the next page.
    pub next: Option<(String, String)>,
    pub is_first: bool,
}

impl QueuePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn heading(&self) -> &'static str {
        if self.filter.view == QueueView::All { "Cases to reconcile" } else { self.filter.view.label() }
    }

    /// Of all open cases; whoever comes for a part of them comes to work it off.
    fn figures(&self) -> Option<&QueueTotals> {
        self.totals.as_ref().filter(|_| self.filter.view == QueueView::All)
    }

    fn may_act(&self) -> bool {
        may(&self.frame.roles, Act::Assign)
    }

    /// What may be proposed for many cases at once: nothing that pays, nothing that needs a name.
    fn bulk_endings(&self) -> impl Iterator<Item = Ending> {
        let is_of_many = |ending: &Ending| ending.is_for_people() && !ending.pays() && *ending != Ending::DuplicateOf;
        Ending::ALL.iter().copied().filter(is_of_many)
    }

    /// Reasons by ending, and those to try again as a list.
    fn reasons_by_ending(&self) -> Vec<Reasons> {
        self.bulk_endings().chain([Ending::Reissue]).map(reasons).collect()
    }

    fn may_approve(&self) -> bool {
        may(&self.frame.roles, Act::Approve)
    }

    fn silence(&self) -> Option<String> {
        let last = self.last_sweep?;
        let is_silent = self.frame.now.saturating_sub(last) > SILENT_AFTER_MS;
        is_silent.then(|| self.frame.span(last))
    }

    /// The sweeper looked just now, so that an empty queue is good news.
    fn is_swept(&self) -> bool {
        self.last_sweep.is_some() && self.silence().is_none()
    }

    fn is_mine(&self) -> bool {
        self.filter.owner == QueueOwner::One(self.me.clone())
    }

    /// Beyond its view and order.
    fn is_filtered(&self) -> bool {
        QueueFilter { by_risk: false, view: QueueView::All, ..self.filter.clone() } != QueueFilter::default()
    }

    /// What is said where there is no row.
    fn none(&self) -> Option<&'static str> {
        match (self.is_filtered(), self.filter.view) {
            (true, _) => Some(QueueView::All.none()),
            (false, QueueView::All) => None,
            (false, view) => Some(view.none()),
        }
    }

    /// Those that can hold something for the reader; what else is filtered for stays.
    fn views(&self) -> Vec<View> {
        let is_readers = |view: &QueueView| match view {
            QueueView::All | QueueView::Held => true,
            QueueView::Mine | QueueView::SentBack => self.may_act(),
            QueueView::ToApprove => self.frame.may_approve(),
        };
        let shown = |view: QueueView| View {
            label: view.label(),
            query: self.filter.with(|filter| filter.view = view).query(None),
            is_on: self.filter.view == view,
            count: self.frame.to_approve.clone().filter(|_| view == QueueView::ToApprove),
        };
        QueueView::ALL.iter().copied().filter(is_readers).map(shown).collect()
    }

    /// None where rows come by age alone.
    fn orders(&self) -> Vec<View> {
        if !self.has_orders() {
            return vec![];
        }
        let order = |(label, by_risk)| View {
            label,
            query: self.sorted(by_risk),
            is_on: self.filter.by_risk == by_risk,
            count: None,
        };
        [("Oldest first", false), ("Greatest risk first", true)].into_iter().map(order).collect()
    }

    /// The address of the same filter in the other order.
    fn sorted(&self, by_risk: bool) -> String {
        self.filter.with(|filter| filter.by_risk = by_risk).query(None)
    }

    /// A person's cases, an incident's, and what awaits approval come by age alone.
    fn has_orders(&self) -> bool {
        !matches!(self.filter.owner, QueueOwner::One(_))
            && !matches!(self.filter.view, QueueView::Mine | QueueView::ToApprove)
            && self.filter.incident.is_none()
    }

    /// Whether rows stand by risk.
    fn is_by_risk(&self) -> bool {
        self.filter.by_risk && self.has_orders()
    }

    fn bars(&self) -> Vec<Bar> {
        let Some(totals) = &self.totals else { return vec![] };
        let most = totals.ages.iter().copied().max().unwrap_or_default().max(1);
        let bar = |(index, label): (usize, &&'static str)| {
            let count = totals.ages.get(index).copied().unwrap_or_default();
            let is_on = self.filter.age == Some(index);
            let filter = self.filter.with(|filter| filter.age = (!is_on).then_some(index));
            // A case is seen, however many there are of another age.
            let width = (count.saturating_mul(100) / most).max(u64::from(count > 0) * 2);
            Bar { label, count: grouped(u128::from(count)), width, query: filter.query(None), is_on }
        };
        words::AGES.iter().enumerate().map(bar).collect()
    }

    fn open_words(&self) -> String {
        self.totals.as_ref().map(|totals| cases(totals.open)).unwrap_or_default()
    }

    fn name_of(&self, subject: &str) -> String {
        let person = self.people.iter().find(|person| person.subject == subject);
        person.map_or_else(|| subject.shown().into_owned(), |person| person.name.shown().into_owned())
    }

    fn chips(&self) -> Vec<Chip> {
        let filter = &self.filter;
        let mut chips = vec![];
        let mut add = |label: String, remove: fn(&mut QueueFilter)| {
            chips.push(Chip { label, without: filter.with(remove).query(None) });
        };
        match &filter.owner {
            QueueOwner::Anybody => {}
            QueueOwner::Nobody => add("Owner: nobody".to_owned(), |filter| filter.owner = QueueOwner::Anybody),
            QueueOwner::One(subject) => {
                let name = if self.is_mine() { "me".to_owned() } else { self.name_of(subject) };
                add(format!("Owner: {name}"), |filter| filter.owner = QueueOwner::Anybody);
            }
        }
        if let Some(name) = &filter.incident {
            add(format!("Incident: {}", words::incident(name)), |filter| filter.incident = None);
        }
        if let Some(status) = filter.status {
            add(format!("Status: {}", status.label()), |filter| filter.status = None);
        }
        if let Some(reason) = filter.reason {
            add(format!("Reason: {}", reason.label()), |filter| filter.reason = None);
        }
        if let Some(certainty) = filter.certainty {
            add(format!("Certainty: {}", certainty.label()), |filter| filter.certainty = None);
        }
        if let Some(provider) = &filter.provider {
            add(format!("Provider: {}", provider.shown()), |filter| filter.provider = None);
        }
        if let Some(payee) = &filter.payee {
            add(format!("Payee begins with {}", payee.as_str().shown()), |filter| filter.payee = None);
        }
        if let Some(currency) = filter.currency {
            add(format!("Currency: {currency}"), |filter| filter.currency = None);
        }
        if let Some(from) = filter.from {
            add(format!("From {from}"), |filter| filter.from = None);
        }
        if let Some(to) = filter.to {
            add(format!("Up to {to}"), |filter| filter.to = None);
        }
        if let Some(age) = filter.age.and_then(|age| words::AGES.get(age)) {
            add(format!("Age: {age}"), |filter| filter.age = None);
        }
        chips
    }

    fn first_query(&self) -> String {
        self.filter.query(None)
    }

    fn next_query(&self) -> String {
        self.filter.query(self.next.as_ref())
    }

    fn export(&self) -> String {
        format!("{}/cases.csv", self.frame.base)
    }

    fn styles(&self) -> Vec<Choice> {
        Style::ALL.iter().map(|style| choice(style.as_str(), style.label(), *style == Style::default())).collect()
    }

    fn cleared(&self) -> String {
        QueueFilter { by_risk: self.filter.by_risk, view: self.filter.view, ..QueueFilter::default() }.query(None)
    }

    fn statuses(&self) -> Vec<Choice> {
        let open = Status::ALL.iter().filter(|status| status.is_open());
        open.map(|status| choice(status.as_str(), status.label(), self.filter.status == Some(*status))).collect()
    }

    fn reasons(&self) -> Vec<Choice> {
        let is_on = |reason: Reason| self.filter.reason == Some(reason);
        Reason::ALL.iter().map(|reason| choice(reason.as_str(), reason.label(), is_on(*reason))).collect()
    }

    fn certainties(&self) -> Vec<Choice> {
        let all = Outcome::ALL.iter().copied().map(Some).chain([None]);
        let value = |certainty: Option<Outcome>| certainty.map_or(words::NO_ATTEMPT, Outcome::as_str);
        let label = |certainty: Option<Outcome>| certainty.map_or("No attempt, or other", |_| certainty.label());
        all.map(|one| choice(value(one), label(one), self.filter.certainty == Some(one))).collect()
    }

    fn provider_choices(&self) -> Vec<Choice> {
        named(&self.providers, self.filter.provider.as_deref())
    }

    fn currency_choices(&self) -> Vec<Choice> {
        named(&self.currencies, self.filter.currency.as_ref().map(Currency::as_str))
    }

    fn ages(&self) -> Vec<Choice> {
        let all = words::AGES.iter().enumerate();
        all.map(|(index, label)| choice(&index.to_string(), label, self.filter.age == Some(index))).collect()
    }

    fn owners(&self) -> Vec<Choice> {
        let nobody = choice("nobody", "nobody", self.filter.owner == QueueOwner::Nobody);
        let people = self.people.iter().map(|person| {
            let label = if person.is_me { format!("me ({})", person.name.shown()) } else { person.name.shown().into() };
            choice(&person.subject, &label, self.filter.owner == QueueOwner::One(person.subject.clone()))
        });
        [nobody].into_iter().chain(people).collect()
    }

    fn wrong_words(&self) -> String {
        self.wrong.iter().map(|name| words::misread(name)).collect::<Vec<_>>().join("; ")
    }
}

fn choice(value: &str, label: &str, is_on: bool) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), is_on }
}

fn named(names: &[String], on: Option<&str>) -> Vec<Choice> {
    // What is filtered for can be chosen, also when no case of it is left.
    let missing = on.filter(|on| !names.iter().any(|name| name == on));
    let all = names.iter().map(String::as_str).chain(missing);
    all.map(|name| choice(name, &name.shown(), on == Some(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and their order are those of `filter.rs`, whose tests hold the same texts.
    #[test]
    fn writes_the_address_that_the_filter_reads() {
        let filter = QueueFilter {
            by_risk: false,
            owner: QueueOwner::One("google|12".to_owned()),
            incident: Some("20416/payout_unknown/timeout".to_owned()),
            ..QueueFilter::default()
        };
        assert_eq!(filter.query(None), "?owner=google%7C12&incident=20416%2Fpayout_unknown%2Ftimeout");
        let filter = QueueFilter {
            reason: Some(Reason::PayoutUnknown),
            certainty: Some(Some(Outcome::Unknown)),
            provider: Some("stripe".to_owned()),
            currency: "EUR".parse().ok(),
            from: Some(10.into()),
            to: Some(500.into()),
            age: Some(3),
            ..QueueFilter::default()
        };
        let query = "?reason=payout_unknown&certainty=unknown&provider=stripe&currency=EUR&from=10&to=500&age=3";
        assert_eq!(filter.query(None), query);
        let filter = QueueFilter { certainty: Some(None), ..QueueFilter::default() };
        let after = ("00000000001764000123456".to_owned(), "20b08ebd".to_owned());
        assert_eq!(filter.query(Some(&after)), "?certainty=none&after=00000000001764000123456&id=20b08ebd");
        assert_eq!(QueueFilter::default().query(None), "");
    }
}
