//! From the tables to the pages: the queue, a case, a payout.

use http::StatusCode;
use payonce_ledger::{AGES_MS, FiledCase, HistoryRecord, Payout, Queue, Sum};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Role, Status, certainty, may, may_read_bodies, next};
use payonce_protocol::ids::CaseId;
use payonce_protocol::money::Money;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, expected_generation, offer};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::filter::{Filter, NO_ATTEMPT, OwnedBy, Sort};
use crate::pages::*;
use crate::reply::Reply;
use crate::trouble::Trouble;
use crate::words;
use askama::Template;

const PAGE_ROWS: usize = 50;
/// The sweeper runs each minute.
const SILENT_AFTER_MS: u64 = 5 * 60_000;
const AGES: [&str; 4] = ["< 1 d", "1–3 d", "3–7 d", "> 7 d"];
const BAR: u64 = 100;

impl App {
    pub(crate) fn frame(&self, visit: Option<&Visit>, title: &str, section: &'static str) -> Frame {
        let person = visit.map(|visit| {
            let roles: Vec<&str> = visit.roles.iter().map(|role| role.as_str()).collect();
            (visit.session.person.name.clone(), roles.join(", "))
        });
        Frame {
            title: title.to_owned(),
            person,
            csrf: visit.map(|visit| visit.csrf.clone()).unwrap_or_default(),
            section,
            is_sandbox: self.parts.is_sandbox,
            told: None,
        }
    }

    pub(crate) fn landing_page(&self) -> String {
        let text = "The reconcile queue of payonce. Sign in with your organisation's account.".to_owned();
        let way = (format!("{BASE}/sign-in"), "Sign in");
        MessagePage { frame: self.frame(None, "Finance console", ""), text, way }.render().unwrap_or_default()
    }

    pub(crate) fn trouble(&self, visit: Option<&Visit>, trouble: &Trouble) -> Reply {
        tracing::warn!(status = trouble.status().as_u16(), what = trouble.title(), "not done");
        let way =
            if visit.is_some() { (BASE.to_owned(), "To the queue") } else { (format!("{BASE}/sign-in"), "Sign in") };
        let page = MessagePage { frame: self.frame(visit, trouble.title(), ""), text: trouble.to_string(), way };
        Reply::html(trouble.status(), page.render().unwrap_or_default())
    }

    pub(crate) async fn queue(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let me = visit.session.person.subject.as_str();
        let (filter, wrong) = Filter::read(&ask.query, me);
        let keeps = |filed: &FiledCase| filter.keeps(filed, now);
        let page = self
            .parts
            .ledger
            .queue(filter.queue(), PAGE_ROWS, filter.after.as_ref(), filter.is_narrow(), keeps)
            .await?;
        let snapshot = self.parts.ledger.snapshot().await?;
        let totals = snapshot.as_ref().map(|snapshot| snapshot.totals.clone()).unwrap_or_default();
        let most = totals.ages.iter().copied().max().unwrap_or_default().max(1);
        let ages = totals.ages.iter().zip(AGES).zip(0..);
        let sorted = |sort| Filter { sort, after: None, ..filter.clone() };
        let address = |filter: Filter| format!("{BASE}?{}", filter.query(None));
        let swept_at = snapshot.as_ref().map(|snapshot| snapshot.taken_at);
        let mut frame = self.frame(Some(visit), "Reconcile queue", "queue");
        frame.told = told(ask);
        if !wrong.is_empty() {
            let text = format!("These parts of the address could not be read and were left out: {}.", wrong.join(", "));
            frame.told = Some((false, text));
        }
        let any = |chosen: Option<&str>, list: Vec<(&str, &str)>| -> Vec<Choice> {
            let choice = |(value, text): (&str, &str)| (value.to_owned(), text.to_owned(), chosen == Some(value));
            list.into_iter().map(choice).collect()
        };
        let known = [Outcome::Unknown, Outcome::Rejected, Outcome::NotSent, Outcome::Accepted];
        let mut certainties: Vec<(&str, &str)> =
            known.iter().map(|outcome| (outcome.as_str(), words::certainty(Some(*outcome)).2)).collect();
        certainties.push((NO_ATTEMPT, words::certainty(None).2));
        let open = Status::ALL.iter().filter(|status| status.is_open());
        let certainty_chosen = filter.certainty.map(|wanted| wanted.map_or(NO_ATTEMPT, Outcome::as_str));
        let age_chosen = filter.age.map(|age| age.to_string());
        let view = QueuePage {
            frame,
            totals: totals.at_risk.iter().filter_map(|(currency, sum)| total_row(currency, sum)).collect(),
            ages: ages
                .map(|((count, name), row)| AgeBar { name, count: *count, width: count * BAR / most, y: row * 23 })
                .collect(),
            incidents: totals
                .incidents
                .iter()
                .map(|(name, incident)| IncidentRow {
                    name: incident_name(name),
                    cases: incident.cases,
                    first_seen: words::time(incident.first_seen),
                    query: Filter { incident: Some(name.clone()), ..Filter::default() }.query(None),
                })
                .collect(),
            swept: swept_at.map(|at| words::age(at, now)),
            is_silent: swept_at.is_none_or(|at| now.saturating_sub(at) > SILENT_AFTER_MS),
            open: totals.open,
            rows: page.cases.iter().map(|filed| self.row(filed, now)).collect(),
            next: page_after(filter.query(page.next.as_ref()), page.next.as_ref()),
            is_first: filter.after.is_none(),
            is_by_risk: filter.queue() == Queue::Risk,
            by_age: address(sorted(Sort::Age)),
            by_risk: address(sorted(Sort::Risk)),
            mine: format!("{BASE}?owner=me"),
            is_narrow: filter != Filter { sort: filter.sort, after: filter.after.clone(), ..Filter::default() },
            statuses: any(
                filter.status.map(|status| status.as_str()),
                open.map(|status| (status.as_str(), words::status(*status))).collect(),
            ),
            reasons: any(
                filter.reason.map(|reason| reason.as_str()),
                Reason::ALL.iter().map(|reason| (reason.as_str(), words::reason(*reason).0)).collect(),
            ),
            certainties: any(certainty_chosen, certainties),
            ages_of: any(age_chosen.as_deref(), ["0", "1", "2", "3"].into_iter().zip(AGES).collect()),
            provider: filter.provider.clone().unwrap_or_default(),
            currency: filter.currency.map(|currency| currency.to_string()).unwrap_or_default(),
            from: filter.from.map(|from| from.to_string()).unwrap_or_default(),
            to: filter.to.map(|to| to.to_string()).unwrap_or_default(),
            owner: match &filter.owner {
                OwnedBy::Anybody => String::new(),
                OwnedBy::Nobody => "nobody".to_owned(),
                OwnedBy::One(subject) if subject == me => "me".to_owned(),
                OwnedBy::One(subject) => subject.clone(),
            },
            incident: filter.incident.clone().unwrap_or_default(),
            may_act: may(&visit.roles, Act::Assign),
            people: people(visit),
            codes: codes(),
            endings: any(
                None,
                Ending::ALL
                    .iter()
                    .filter(|ending| !ending.pays() && **ending != Ending::DuplicateOf)
                    .map(|ending| (ending.as_str(), words::ending(*ending).0))
                    .collect(),
            ),
        };
        Ok(Reply::html(StatusCode::OK, view.render()?))
    }

    fn row(&self, filed: &FiledCase, now: UnixMillis) -> CaseRow {
        let case = &filed.case;
        let currency = case.money.map(|money| money.currency().to_string());
        let days = self.days_left(filed, now);
        CaseRow {
            id: case.id().to_string(),
            sum: case.money.as_ref().map(words::sum).unwrap_or_default(),
            currency: currency.unwrap_or_default(),
            payee: case.destination.as_ref().map(ToString::to_string).unwrap_or_default(),
            provider: case.provider.clone().unwrap_or_default(),
            reason: words::reason(case.reason).0,
            certainty: words::certainty(certainty(case.reason)),
            age: words::age(case.since, now),
            due: days.map(words::due).unwrap_or_default(),
            is_late: days.is_some_and(|days| days < 0),
            owner: filed.owner.as_ref().and_then(|owner| owner.name.clone()).unwrap_or_default(),
            status: words::status(filed.status),
        }
    }

    fn days_left(&self, filed: &FiledCase, now: UnixMillis) -> Option<i32> {
        if !filed.status.is_open() {
            return None;
        }
        let currency = filed.case.money.map(|money| money.currency().to_string());
        let due = self.parts.sla.due(filed.case.since, currency.as_deref())?;
        self.parts.sla.days_left(due, now, currency.as_deref())
    }

    /// By any id: of a case, of a payout, of an object at a provider, of an event.
    pub(crate) async fn search(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let Some(wanted) = ask.query.get("q").filter(|text| text.len() <= 220) else { return Ok(Reply::see(BASE)) };
        if let Some(id) = CaseId::parse(wanted)
            && self.parts.ledger.case(&id).await?.is_some()
        {
            return Ok(Reply::see(format!("{BASE}/cases/{id}")));
        }
        let spaces = self.parts.namespaces.values().map(|namespace| format!("{namespace}/{wanted}"));
        for key in std::iter::once(wanted.to_owned()).chain(spaces) {
            let Ok(key) = PayoutKey::new(key) else { continue };
            let is_there = !self.parts.ledger.payout(&key).await?.attempts.is_empty()
                || !self.parts.ledger.cases_of_key(key.as_str()).await?.is_empty();
            if is_there {
                return Ok(Reply::see(format!("{BASE}/payouts/{}", encoded(key.as_str()))));
            }
        }
        match self.parts.ledger.cases_of_event(wanted).await?.as_slice() {
            [] => {
                let frame = self.frame(Some(visit), "Nothing found", "queue");
                let text = format!("No case, payout, provider's object or event has exactly the id {wanted}.");
                let page = MessagePage { frame, text, way: (BASE.to_owned(), "To the queue") };
                Ok(Reply::html(StatusCode::NOT_FOUND, page.render()?))
            }
            [first, ..] => Ok(Reply::see(format!("{BASE}/cases/{}", first.case.id()))),
        }
    }

    pub(crate) async fn payout(&self, key: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let key = PayoutKey::new(key).map_err(|_| Trouble::NotFound)?;
        let payout = self.parts.ledger.payout(&key).await?;
        let mut cases = self.parts.ledger.cases_of_key(key.as_str()).await?;
        cases.sort_by_key(|filed| filed.case.since);
        if payout.attempts.is_empty() && cases.is_empty() {
            return Err(Trouble::NotFound);
        }
        let now = self.parts.clock.now();
        let page = PayoutPage {
            frame: self.frame(Some(visit), "Payout", "queue"),
            key: key.to_string(),
            moments: sorted(moments_of(&payout)),
            cases: cases.iter().map(|filed| self.row(filed, now)).collect(),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    pub(crate) async fn case(&self, ask: &Ask, id: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let id = CaseId::parse(id).ok_or(Trouble::NotFound)?;
        let filed = self.parts.ledger.case(&id).await?.ok_or(Trouble::NotFound)?;
        let history = self.parts.ledger.history(&id).await?;
        let payout = match &filed.case.key {
            Some(key) => self.parts.ledger.payout(key).await?,
            None => Payout::default(),
        };
        let now = self.parts.clock.now();
        let case = &filed.case;
        let can = |act: Act| may(&visit.roles, act) && next(filed.status, act).is_some();
        let (label, sentence) = words::reason(case.reason);
        let (body, body_told) = self.body(&filed, visit).await?;
        let attempt = payout.attempts.iter().find(|attempt| Some(attempt.claim.attempt) == case.attempt);
        let verdict = attempt.and_then(|attempt| attempt.outcome.as_ref()).map(|outcome| outcome.verdict);
        let (offered, generation, clock) = self.offered(&filed, &payout, now);
        let endings = Ending::ALL.iter().filter(|ending| match ending {
            Ending::Reissue => ending.is_offered(case.reason, verdict) && generation.is_some(),
            ending => ending.is_offered(case.reason, verdict),
        });
        let mut moments = moments_of(&payout);
        moments.extend(history.iter().map(moment_of));
        let mut frame = self.frame(Some(visit), label, "queue");
        frame.told = told(ask);
        let view = CasePage {
            frame,
            id: id.to_string(),
            version: filed.version,
            sum: case.money.as_ref().map(words::sum).unwrap_or_else(|| "No sum".to_owned()),
            currency: case.money.map(|money| money.currency().to_string()).unwrap_or_default(),
            payee: case.destination.as_ref().map(ToString::to_string).unwrap_or_default(),
            label,
            sentence,
            certainty: words::certainty(certainty(case.reason)),
            status: words::status(filed.status),
            facts: self.facts(&filed, attempt, now),
            offer: offered,
            key_clock: clock,
            compared: compared(&filed, attempt),
            moments: sorted(moments),
            proposed: filed.proposal.as_ref().filter(|_| filed.status == Status::AwaitingApproval).map(|made| {
                Proposed {
                    ending: words::ending(made.ending).0,
                    explained: words::ending(made.ending).1,
                    pays: made.ending.pays(),
                    code: code_text(&made.code),
                    note: made.note.clone(),
                    by: made.by.name.clone().unwrap_or_default(),
                    at: words::time(made.at),
                    is_mine: made.by.subject == visit.session.person.subject,
                }
            }),
            ended: ended(&filed),
            may_assign: can(Act::Assign),
            may_comment: can(Act::Comment),
            may_look_up: can(Act::LookUp) && case.key.is_some(),
            may_propose: can(Act::Propose),
            may_decide: can(Act::Approve),
            may_reopen: can(Act::Reopen),
            people: people(visit),
            endings: endings
                .map(|ending| {
                    let (text, explained) = words::ending(*ending);
                    (ending.to_string(), text, explained, ending.pays())
                })
                .collect(),
            codes: codes(),
            body,
            body_told,
        };
        Ok(Reply::html(StatusCode::OK, view.render()?))
    }

    /// What the ladder says of a further attempt, the generation it would take, and how long the rail's key still lives.
    fn offered(
        &self,
        filed: &FiledCase,
        payout: &Payout,
        now: UnixMillis,
    ) -> (Option<String>, Option<u16>, Option<String>) {
        let case = &filed.case;
        let Some(last) = payout.attempts.last().filter(|last| Some(last.claim.attempt) == case.attempt) else {
            return (None, None, None);
        };
        let about_an_attempt = certainty(case.reason).is_some();
        let (Some(facts), true) = (payout.last_attempt(), about_an_attempt && filed.status.is_open()) else {
            return (None, None, None);
        };
        let promises = self.parts.rail.promises();
        let offered = offer(&facts, &promises, now, KEY_LIFE_MARGIN_MS);
        let clock = promises.key_life_ms.map(|life| {
            let ends = facts.key_first_used_at.saturating_add(life).saturating_sub(KEY_LIFE_MARGIN_MS);
            let key = format!("Rail key {} (number {})", last.claim.rail_key, last.claim.key_generation);
            if now < ends {
                format!("{key} is counted on until {}, for another {}.", words::time(ends), words::age(now, ends))
            } else {
                format!("{key} has not been counted on since {}.", words::time(ends))
            }
        });
        (Some(words::offer(offered)), expected_generation(&facts, offered), clock)
    }

    fn facts(
        &self,
        filed: &FiledCase,
        attempt: Option<&payonce_ledger::Attempted>,
        now: UnixMillis,
    ) -> Vec<(&'static str, String)> {
        let case = &filed.case;
        let text = |value: Option<String>| value.unwrap_or_default();
        let claim = attempt.map(|attempt| &attempt.claim);
        let mut facts = vec![
            ("Case", case.id().to_string()),
            ("Payout key", text(case.key.as_ref().map(ToString::to_string))),
            ("Event", text(case.event.as_ref().map(ToString::to_string))),
            ("Provider", text(case.provider.clone())),
            ("Payee", text(case.destination.as_ref().map(ToString::to_string))),
            ("Attempt", text(case.attempt.map(|attempt| attempt.to_string()))),
            (
                "Rail",
                text(
                    claim.map(|claim| format!("{} {} ({})", claim.rail, claim.rail_account, claim.rail_mode.as_str())),
                ),
            ),
            ("Rail key", text(claim.map(|claim| format!("{} (number {})", claim.rail_key, claim.key_generation)))),
            ("Incident", text(case.incident.as_ref().map(|name| incident_name(name)))),
            ("Owner", text(filed.owner.as_ref().and_then(|owner| owner.name.clone()))),
            ("Since", format!("{}, {} ago", words::time(case.since), words::age(case.since, now))),
            ("Due", text(self.days_left(filed, now).map(words::due))),
        ];
        facts.extend(case.details.values().map(|value| ("Detail", value.clone())));
        facts.retain(|(_, value)| !value.is_empty());
        facts
    }

    async fn body(&self, filed: &FiledCase, visit: &Visit) -> Result<(Option<String>, String), Trouble> {
        let Some(digest) = filed.case.body else { return Ok((None, "This case names no delivery.".to_owned())) };
        if !may_read_bodies(&visit.roles) {
            return Ok((None, format!("SHA-256 {digest}. Bodies hold personal data; your role does not show them.")));
        }
        let Some(stored) = self.parts.ledger.body(digest).await? else {
            return Ok((None, format!("SHA-256 {digest}. It is not kept any more.")));
        };
        let text = serde_json::from_slice::<serde_json::Value>(&stored.bytes)
            .map_or_else(|_| String::from_utf8_lossy(&stored.bytes).into_owned(), |json| format!("{json:#}"));
        let cut = if stored.is_cut { " It was too large and is cut." } else { "" };
        Ok((Some(text), format!("SHA-256 {digest}, {} bytes.{cut}", stored.length)))
    }

    /// Back to the next case of the same person's list, or to the queue.
    pub(crate) async fn next(&self, seen: &FiledCase, done: &str) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let id = seen.case.id();
        let wants = |filed: &FiledCase| {
            filed.case.id() != id && !matches!(filed.status, Status::AwaitingApproval) && filed.case.since <= now
        };
        let page = self.parts.ledger.queue(Queue::Age, 1, None, false, wants).await?;
        Ok(match page.cases.first() {
            Some(next) => Reply::see(format!("{BASE}/cases/{}?done={done}&about={id}", next.case.id())),
            None => Reply::see(format!("{BASE}?done={done}&about={id}")),
        })
    }
}

/// What the last act came to, by the address that it led to. Nothing in it is a person's text.
fn told(ask: &Ask) -> Option<(bool, String)> {
    let about = ask.query.get("about").and_then(CaseId::parse).map(|id| format!(" (case {id})")).unwrap_or_default();
    let (good, text) = match ask.query.get("done")? {
        "assign" => (true, "The owner was changed."),
        "comment" => (true, "Your comment was added."),
        "attach" => (true, "The evidence was attached."),
        "look_up" => (true, "The rail was asked; its answer is below."),
        "propose" => (true, "Proposed. Another person decides. This is the next case."),
        "approve" => (true, "Approved, and the case is resolved. This is the next case."),
        "paid" => (true, "Paid: the rail took the order, and the case is resolved. This is the next case."),
        "attempted" => (false, "A further attempt was made and not accepted. It has a case of its own."),
        "send_back" => (true, "Sent back."),
        "reopen" => (true, "Reopened."),
        "absence" => (true, "Done."),
        _ => return None,
    };
    Some((good, format!("{text}{about}")))
}

fn total_row(currency: &str, sum: &Sum) -> Option<TotalRow> {
    // Sums may pass what a single payout may be.
    let unit = 10_u64.checked_pow(u32::from(sum.exponent))?;
    let whole = Money::new((sum.minor / unit).max(1), 0, currency.parse().ok()?).ok();
    let grouped = if sum.minor < unit { "0".to_owned() } else { whole.map(|money| words::sum(&money))? };
    let fraction = if sum.exponent == 0 {
        String::new()
    } else {
        format!(".{:0width$}", sum.minor % unit, width = usize::from(sum.exponent))
    };
    Some(TotalRow { currency: currency.to_owned(), sum: grouped + &fraction, cases: sum.cases })
}

/// `payout_unknown/timeout` of a day, in words.
fn incident_name(name: &str) -> String {
    let mut parts = name.splitn(3, '/');
    let day = parts.next().and_then(|day| day.parse::<u64>().ok()).unwrap_or_default();
    let label = parts.next().and_then(Reason::parse).map_or("Cases", |reason| words::reason(reason).0);
    let cause = parts.next().unwrap_or_default();
    let date = words::time(day * AGES_MS[0]);
    format!("{label}: {cause}, {}", date.split(' ').next().unwrap_or_default())
}

fn people(visit: &Visit) -> Vec<Choice> {
    let mut people: Vec<Choice> = visit
        .people
        .0
        .iter()
        .filter(|(_, person)| {
            let roles: Vec<Role> = person.roles.iter().filter_map(|role| Role::parse(role)).collect();
            may(&roles, Act::Assign)
        })
        .map(|(subject, person)| (subject.clone(), person.name.clone(), *subject == visit.session.person.subject))
        .collect();
    people.sort_by(|left, right| left.1.cmp(&right.1));
    people
}

fn codes() -> Vec<Choice> {
    words::CODES.iter().map(|(code, text)| ((*code).to_owned(), (*text).to_owned(), false)).collect()
}

fn code_text(code: &str) -> String {
    words::CODES.iter().find(|(known, _)| *known == code).map_or(code, |(_, text)| text).to_owned()
}

fn ended(filed: &FiledCase) -> Option<String> {
    let resolution = filed.resolution.as_ref()?;
    let made = filed.proposal.as_ref()?;
    let name = |who: &payonce_ledger::Who| who.name.clone().unwrap_or_else(|| who.subject.clone());
    let attempt = resolution.attempt.map(|attempt| format!(" It led to attempt {attempt}.")).unwrap_or_default();
    Some(format!(
        "{}: proposed by {}, approved by {} at {}.{attempt} {} {}",
        words::ending(made.ending).0,
        name(&made.by),
        name(&resolution.approved_by),
        words::time(resolution.at),
        code_text(&made.code),
        made.note
    ))
}

fn compared(filed: &FiledCase, attempt: Option<&payonce_ledger::Attempted>) -> Vec<Compared> {
    let case = &filed.case;
    let found = |name: &str| filed.evidence.get(name).cloned().unwrap_or_default();
    let Some(claim) = attempt.map(|attempt| &attempt.claim) else { return vec![] };
    let nothing = if found("looked_up") == "absent" { "absent" } else { "not looked up" };
    let line = |field, event: String, claimed: String, found: String| {
        let verdict = match (event == claimed, found.is_empty(), found == claimed) {
            (false, _, _) => "differs",
            (true, true, _) => nothing,
            (true, false, true) => "equal",
            (true, false, false) => "differs",
        };
        Compared { field, event, claimed, found, verdict }
    };
    let sum = |money: &Money| format!("{} {}", money.minor(), money.currency());
    let found_sum = match (found("found_amount"), found("found_currency")) {
        (amount, currency) if amount.is_empty() || currency.is_empty() => String::new(),
        (amount, currency) => format!("{amount} {currency}"),
    };
    let payee = |destination: &payonce_protocol::order::Destination| destination.to_string();
    vec![
        line("Amount, smallest unit", case.money.as_ref().map(sum).unwrap_or_default(), sum(&claim.money), found_sum),
        line(
            "Payee",
            case.destination.as_ref().map(payee).unwrap_or_default(),
            payee(&claim.destination),
            found("found_destination"),
        ),
    ]
}

/// With the moment that it is sorted by.
type Timed = (UnixMillis, Moment);

fn sorted(mut moments: Vec<Timed>) -> Vec<Moment> {
    moments.sort_by_key(|(at, _)| *at);
    moments.into_iter().map(|(_, moment)| moment).collect()
}

fn moments_of(payout: &Payout) -> Vec<Timed> {
    let mut moments = vec![];
    let mut add = |at: UnixMillis, what: String, who: &str, facts: Vec<(String, String)>| {
        let moment = Moment { at: words::time(at), what, who: who.to_owned(), is_person: false, facts };
        moments.push((at, moment));
    };
    let fact = |name: &str, value: String| (name.to_owned(), value);
    for attempt in &payout.attempts {
        let (claim, number) = (&attempt.claim, attempt.claim.attempt);
        let received = vec![fact("request", claim.request_id.clone()), fact("body SHA-256", claim.body.to_string())];
        add(claim.received_at, format!("Attempt {number}: received, signature verified"), "webhook", received);
        let claimed = vec![
            fact("attempt id", claim.attempt_id.to_string()),
            fact("rail key", format!("{} (number {})", claim.rail_key, claim.key_generation)),
            fact("request SHA-256", claim.request.to_string()),
        ];
        add(claim.claimed_at, format!("Attempt {number}: connected to the rail, then claimed"), "webhook", claimed);
        for (outcome, word) in [(&attempt.outcome, "recorded"), (&attempt.late, "reported late")] {
            let Some(outcome) = outcome else { continue };
            let told = |name: &str| outcome.evidence.get(name).and_then(|text| text.parse::<u64>().ok());
            if let Some(at) = told("first_byte_at") {
                let bytes = outcome.evidence.get("offered").cloned().unwrap_or_default();
                add(at, format!("Attempt {number}: first byte offered"), "webhook", vec![fact("bytes offered", bytes)]);
            }
            if let Some(at) = told("answered_at") {
                let facts = ["http_status", "rail_payout", "rail_status", "error_type", "error_code", "rail_request"];
                let facts = facts.iter().filter_map(|name| Some(fact(name, outcome.evidence.get(*name)?.clone())));
                add(at, format!("Attempt {number}: the rail answered"), "rail", facts.collect());
            }
            let by = if outcome.by_sweeper { "sweeper" } else { "worker" };
            let certainty = words::certainty(Some(outcome.verdict.outcome)).2;
            let facts = ["phase", "failure", "replayed"];
            let facts = facts.iter().filter_map(|name| Some(fact(name, outcome.evidence.get(*name)?.clone())));
            add(outcome.recorded_at, format!("Attempt {number}: {word}: {certainty}"), by, facts.collect());
        }
    }
    for look_up in &payout.look_ups {
        let what = if look_up.payouts.is_empty() { "Looked up: absent" } else { "Looked up: found" };
        add(look_up.at, what.to_owned(), &look_up.by, vec![fact("payouts", look_up.payouts.join(" "))]);
    }
    moments
}

fn moment_of(record: &HistoryRecord) -> Timed {
    let what = match Act::parse(&record.act) {
        Some(Act::Assign) => "Given to",
        Some(Act::Comment) => "Commented",
        Some(Act::Attach) => "Attached evidence",
        Some(Act::LookUp) => "Asked the rail",
        Some(Act::Propose) => "Proposed",
        Some(Act::Approve) => "Approved",
        Some(Act::SendBack) => "Sent back",
        Some(Act::Reopen) => "Reopened",
        None if record.act == "opened" => "Case opened",
        None => "Found out",
    };
    let who = record.by.name.clone().unwrap_or_else(|| record.by.subject.clone());
    let facts = record.facts.iter().filter(|(_, value)| !value.is_empty());
    let facts = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
    let is_person = record.by.name.is_some();
    (record.at, Moment { at: words::time(record.at), what: what.to_owned(), who, is_person, facts })
}

pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
