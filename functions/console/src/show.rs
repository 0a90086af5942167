//! From the tables to the pages: the queue, a case, a payout.

use askama::Error as PageError;
use http::StatusCode;
use payonce_ledger::{FOUND, FiledCase, FoundPayout, HistoryRecord, LookUpRecord, Payout, Queue, Seen, StoredOutcome};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Role, Status, certainty, may, may_read_bodies, next};
use payonce_protocol::closing::is_claimless;
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, LastAttempt, Reissue, Why, expected_generation, offer};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::bulk::totals;
use crate::comparison::{FOUND_SHOWN, compared, deliveries};
use crate::evidence::{attached, is_evidence};
use crate::filter::Filter;
use crate::pages::{
    self, Body, CaseLink, CasePage, Decided, Due, Entry, Frame, Further, Incident, KeyClock, LookedUpAt, MessagePage,
    PayoutPage, PersonOption, Proposed, QueuePage, QueueRow, QueueTotals, QueueView, Rail, Section, SignedOutPage,
    WaitingBatch,
};
use crate::reply::Reply;
use crate::standing::{Asked, found_in_words, last_look_up, standing};
use crate::trouble::Trouble;

const PAGE_ROWS: usize = 50;

impl App {
    pub(crate) fn frame(&self, visit: Option<&Visit>, title: &str, section: Section) -> Frame {
        Frame {
            base: BASE.to_owned(),
            title: title.to_owned(),
            person: visit.map(|visit| visit.session.person.name.clone()),
            roles: visit.map(|visit| visit.roles.clone()).unwrap_or_default(),
            csrf: visit.map(|visit| visit.csrf.clone()).unwrap_or_default(),
            section,
            banners: vec![],
            is_sandbox: self.parts.is_sandbox,
            now: self.parts.clock.now(),
            search: String::new(),
            hold: visit.and_then(|visit| visit.around.hold.clone()),
            to_approve: visit.and_then(|visit| visit.around.to_approve.clone()),
        }
    }

    pub(crate) fn landing_page(&self) -> Result<String, PageError> {
        let frame = self.frame(None, "Signed out", Section::Other);
        SignedOutPage { frame, is_goodbye: false }.render()
    }

    /// `note`: what the reader wrote, and would lose.
    pub(crate) fn trouble(&self, visit: Option<&Visit>, trouble: &Trouble, note: Option<&str>) -> Reply {
        tracing::warn!(status = trouble.status().as_u16(), what = trouble.kind(), "not done");
        let back = trouble.back().map(|(place, words)| (format!("{BASE}{place}"), words.to_owned()));
        let page = MessagePage {
            frame: self.frame(visit, &trouble.title(), Section::Other),
            status: trouble.status().as_u16(),
            heading: trouble.title().into_owned(),
            text: trouble.text(),
            meanwhile: vec![],
            lost_note: note.map(str::to_owned),
            back: if visit.is_none() { Some((format!("{BASE}/sign-in"), "Sign in".to_owned())) } else { back },
            request_id: None,
        };
        Reply::html(trouble.status(), page.render().unwrap_or_else(|_| trouble.to_string()))
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
        let mut snapshot = self.parts.ledger.snapshot().await?;
        // The sweeper's clock may be ahead of ours; nothing was counted in the future.
        snapshot.iter_mut().for_each(|snapshot| snapshot.taken_at = snapshot.taken_at.min(now));
        let is_to_approve = filter.view == QueueView::ToApprove && may(&visit.roles, Act::Approve);
        let section = if is_to_approve { Section::ToApprove } else { Section::Queue };
        let batches = if is_to_approve { self.waiting_batches(me).await? } else { vec![] };
        let mut frame = self.frame(Some(visit), "Cases", section);
        frame.banners.extend(self.told(ask).await?);
        let counted = snapshot.as_ref().map(|snapshot| QueueTotals {
            taken_at: snapshot.counted_at.min(now),
            open: snapshot.totals.open,
            at_risk: totals(&snapshot.totals.at_risk),
            may_have_left: totals(&snapshot.totals.may_have_left),
            waited_for: totals(&snapshot.totals.waited_for),
            ages: snapshot.totals.ages,
            incidents: snapshot
                .totals
                .incidents
                .iter()
                .map(|(name, incident)| Incident {
                    name: name.clone(),
                    cases: incident.cases,
                    first_seen: incident.first_seen,
                })
                .collect(),
        });
        let view = QueuePage {
            frame,
            me: me.to_owned(),
            people: self.people(visit),
            providers: self.parts.namespaces.keys().cloned().collect(),
            currencies: counted
                .iter()
                .flat_map(|counted| &counted.at_risk)
                .map(|total| total.currency.clone())
                .collect(),
            filter: filter.shown(),
            wrong: wrong.into_iter().map(str::to_owned).collect(),
            last_sweep: snapshot.as_ref().map(|snapshot| snapshot.taken_at),
            totals: counted,
            batches,
            rows: page.cases.iter().map(|filed| self.row(filed, me, now)).collect(),
            next: page.next.map(|cursor| (cursor.place, cursor.id)),
            is_first: filter.after.is_none(),
        };
        Ok(Reply::html(StatusCode::OK, view.render()?))
    }

    async fn waiting_batches(&self, me: &str) -> Result<Vec<WaitingBatch>, Trouble> {
        let waiting = |batch: payonce_ledger::Batch| WaitingBatch {
            by: batch.by.name.unwrap_or(batch.by.subject),
            lines: batch.lines.len() as u64,
            id: batch.id,
            at: batch.at,
        };
        Ok(self.parts.ledger.batches_to_approve(me).await?.into_iter().map(waiting).collect())
    }

    fn row(&self, filed: &FiledCase, me: &str, now: UnixMillis) -> QueueRow {
        let case = &filed.case;
        QueueRow {
            id: case.id().to_string(),
            version: filed.version,
            money: case.money,
            payee: case.destination.as_ref().map(ToString::to_string),
            provider: case.provider.clone(),
            reason: case.reason,
            cause: case.cause(),
            since: case.since,
            due: self.due(filed, now),
            owner: filed.owner.as_ref().and_then(|owner| owner.name.clone()),
            is_mine: filed.owner.as_ref().is_some_and(|owner| owner.subject == me),
            status: filed.status,
        }
    }

    pub(crate) fn due(&self, filed: &FiledCase, now: UnixMillis) -> Option<Due> {
        if !filed.status.is_open() {
            return None;
        }
        let currency = filed.case.money.map(|money| money.currency().to_string());
        let date = self.parts.sla.due(filed.case.since, currency.as_deref())?;
        let days_left = self.parts.sla.days_left(date, now, currency.as_deref())?;
        Some(Due { date, days_left })
    }

    /// Whoever can work on cases, with who stands in for them.
    pub(crate) fn people(&self, visit: &Visit) -> Vec<PersonOption> {
        let now = self.parts.clock.now();
        let name = |subject: &str| visit.people.0.get(subject).map(|person| person.name.clone());
        let mut people: Vec<PersonOption> = visit
            .people
            .0
            .iter()
            .filter(|(_, person)| {
                let roles: Vec<Role> = person.roles.iter().filter_map(|role| Role::parse(role)).collect();
                may(&roles, Act::Assign)
            })
            .map(|(subject, person)| {
                let stand_in = visit.people.stands_in_for(subject, now);
                PersonOption {
                    subject: subject.clone(),
                    name: person.name.clone(),
                    is_me: *subject == visit.session.person.subject,
                    stand_in: if stand_in == subject { None } else { name(stand_in) },
                }
            })
            .collect();
        people.sort_by(|left, right| left.name.cmp(&right.name));
        people
    }

    pub(crate) async fn payout(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let key = ask.query.get("key").and_then(|key| PayoutKey::new(key).ok()).ok_or(Trouble::NotFound)?;
        let payout = self.parts.ledger.payout(&key).await?;
        let mut cases = self.parts.ledger.cases_of_key(key.as_str()).await?;
        cases.sort_by_key(|filed| filed.case.since);
        if payout.attempts.is_empty() && cases.is_empty() {
            return Err(Trouble::NotFound);
        }
        let claim = payout.attempts.first().map(|attempt| &attempt.claim);
        let attempts = payout.attempts.iter().map(|attempt| pages::Attempt {
            number: attempt.claim.attempt,
            rail: attempt.claim.rail.clone(),
            rail_key: attempt.claim.rail_key.clone(),
            generation: attempt.claim.key_generation,
            event: attempt.claim.event.to_string(),
            claimed_at: attempt.claim.claimed_at,
            ended: attempt.outcome.as_ref().map(|outcome| (outcome.verdict.outcome, outcome.recorded_at)),
            facts: attempt.outcome.iter().flat_map(|outcome| owned(&outcome.evidence)).collect(),
        });
        let page = PayoutPage {
            frame: self.frame(Some(visit), "Payout", Section::Queue),
            key: key.to_string(),
            money: claim.map(|claim| claim.money),
            payee: claim.map(|claim| claim.destination.to_string()),
            provider: claim.map(|claim| claim.provider.clone()),
            attempts: attempts.collect(),
            standing: standing(&payout, &cases, self.parts.clock.now()),
            cases: cases.iter().map(link).collect(),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    pub(crate) async fn case(&self, ask: &Ask, id: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let id = CaseId::parse(id).ok_or(Trouble::NotFound)?;
        let filed = self.parts.ledger.case(&id).await?.ok_or(Trouble::NotFound)?;
        let history = self.parts.ledger.history(&id).await?;
        let (payout, related) = match &filed.case.key {
            Some(key) => {
                let related = self.parts.ledger.cases_of_key(key.as_str()).await?;
                (self.parts.ledger.payout(key).await?, related)
            }
            None => (Payout::default(), vec![]),
        };
        let now = self.parts.clock.now();
        let me = visit.session.person.subject.as_str();
        let case = &filed.case;
        let can = |act: Act| {
            let decides =
                matches!(act, Act::Approve) && filed.proposal.as_ref().is_some_and(|made| made.by.subject == me);
            let asks = act == Act::LookUp && case.key.is_none();
            may(&visit.roles, act) && next(filed.status, act).is_some() && !decides && !asks
        };
        let attempt = payout.attempts.iter().find(|attempt| Some(attempt.claim.attempt) == case.attempt);
        let verdict = attempt.and_then(|attempt| attempt.outcome.as_ref()).map(|outcome| outcome.verdict);
        // Only the last attempt's case decides about another one.
        let is_last = attempt.is_some_and(|attempt| payout.attempts.last() == Some(attempt));
        let last = payout.last_attempt().filter(|_| is_last && certainty(case.reason).is_some());
        let offered = last.as_ref().map(|last| offer(last, &self.parts.rail.promises(), now, KEY_LIFE_MARGIN_MS));
        let generation = last.as_ref().zip(offered).and_then(|(last, offered)| expected_generation(last, offered));
        let may_mend = self.may_mend_a_closing(&filed).await?;
        let rail_has_it = self.parts.ledger.rail_has_it(&filed).await?;
        // What people found counts for people as what the functions found does.
        let offered =
            offered.map(|offered| if rail_has_it { Reissue::NotOffered(Why::FoundAtTheRail) } else { offered });
        let further = self.further(&filed).await?;
        let stands = self.stands(&filed, &payout, &related, further.as_ref(), now).await?;
        let look_up = last_look_up(&payout, [&filed]);
        let asked = Asked { filed: &filed, look_up: look_up.as_ref(), history: &history, now };
        let endings = Ending::ALL.iter().copied().filter(|ending| match ending {
            Ending::Reissue if may_mend => true,
            Ending::Reissue => ending.is_offered(case.reason, verdict) && generation.is_some(),
            Ending::LiftLimit => case.offers(*ending, verdict) && payout.attempts.is_empty(),
            _ => ending.is_offered_now(case.reason, verdict, rail_has_it),
        });
        let endings = endings.filter(|ending| !(rail_has_it && ending.denies_the_rail()));
        let mut timeline = entries_of(&payout);
        timeline.extend(history.iter().map(entry_of));
        timeline.sort_by_key(|entry| entry.at);
        let mut frame = self.frame(Some(visit), "Case", Section::Queue);
        frame.banners.extend(self.told(ask).await?);
        let is_awaiting = filed.status == Status::AwaitingApproval;
        let view = CasePage {
            frame,
            id: id.to_string(),
            version: self.stand(&filed, &payout),
            reason: case.reason,
            cause: case.cause(),
            status: filed.status,
            money: case.money,
            payee: case.destination.as_ref().map(ToString::to_string),
            key: case.key.as_ref().map(ToString::to_string),
            event: case.event.as_ref().map(ToString::to_string),
            provider: case.provider.clone(),
            rail: attempt.map(|attempt| Rail {
                name: attempt.claim.rail.clone(),
                key: attempt.claim.rail_key.clone(),
                generation: attempt.claim.key_generation,
            }),
            attempt: attempt.map(|attempt| pages::Attempted {
                number: attempt.claim.attempt,
                outcome: attempt.outcome.as_ref().map(|outcome| outcome.verdict.outcome),
            }),
            incident: case.incident.clone(),
            owner: filed.owner.as_ref().and_then(|owner| owner.name.clone()),
            is_mine: filed.owner.as_ref().is_some_and(|owner| owner.subject == me),
            due: self.due(&filed, now),
            since: case.since,
            details: owned(&case.details).collect(),
            reissue: offered.filter(|_| filed.status.is_open()),
            key_clock: last.as_ref().map(|last| self.key_clock(last)),
            looked_up: look_up.as_ref().map(looked_up),
            standing: stands,
            checks: self.checks(&asked),
            deliveries: deliveries(case, &payout, now),
            is_next: ask.query.get("done").is_some()
                && ask.query.get("about").is_some_and(|about| about != id.as_str()),
            compared: compared(&filed, attempt, &payout),
            timeline,
            evidence: history.iter().filter(|record| is_evidence(record)).map(attached).collect(),
            acts: Act::ALL.iter().copied().filter(|act| can(*act)).collect(),
            endings: endings.collect(),
            people: self.people(visit),
            proposed: filed.proposal.as_ref().filter(|_| is_awaiting).map(|made| Proposed {
                ending: made.ending,
                code: made.code.clone(),
                note: made.note.clone(),
                by: made.by.name.clone().unwrap_or_default(),
                at: made.at,
                is_own: made.by.subject == me,
                generation: made.key_generation,
                duplicate_of: made.duplicate_of.as_ref().map(ToString::to_string),
                batch: made.batch.clone(),
            }),
            decided: decided(&filed, further),
            body: self.body(&filed, visit).await?,
            related: related.iter().filter(|other| other.case.id() != id).map(link).collect(),
            next: if is_awaiting { self.next_to_approve(&filed, visit).await? } else { self.next_open(&filed).await? },
        };
        Ok(Reply::html(StatusCode::OK, view.render()?))
    }

    /// A case that was closed without an attempt, and is open again: the first attempt can still be made.
    async fn may_mend_a_closing(&self, filed: &FiledCase) -> Result<bool, Trouble> {
        if !filed.status.is_open() || !is_claimless(filed.case.reason) {
            return Ok(false);
        }
        let place = self.parts.ledger.payout_of(&filed.case).await?;
        Ok(place.is_some_and(|(_, payout)| payout.is_closed_for(&filed.case)))
    }

    fn key_clock(&self, last: &LastAttempt) -> KeyClock {
        let life = self.parts.rail.promises().key_life_ms;
        KeyClock {
            first_used_at: last.key_first_used_at,
            counts_until: life.map(|life| (last.key_first_used_at + life).saturating_sub(KEY_LIFE_MARGIN_MS)),
            forgotten_at: life.map(|life| last.key_last_used_at + life + KEY_LIFE_MARGIN_MS),
        }
    }

    async fn body(&self, filed: &FiledCase, visit: &Visit) -> Result<Body, Trouble> {
        let Some(digest) = filed.case.body else { return Ok(Body::None) };
        let sha256 = digest.to_string();
        if !may_read_bodies(&visit.roles) {
            return Ok(Body::NotAllowed { sha256 });
        }
        let Some(stored) = self.parts.ledger.body(digest).await? else { return Ok(Body::NotKept { sha256 }) };
        let text = serde_json::from_slice::<serde_json::Value>(&stored.bytes)
            .map_or_else(|_| String::from_utf8_lossy(&stored.bytes).into_owned(), |json| format!("{json:#}"));
        Ok(Body::Shown { text, sha256, kept_until: Some(stored.kept_until) })
    }

    /// The oldest other case that waits for nobody's approval.
    async fn next_open(&self, seen: &FiledCase) -> Result<Option<String>, Trouble> {
        let id = seen.case.id();
        let wants = |filed: &FiledCase| filed.case.id() != id && filed.status != Status::AwaitingApproval;
        let page = self.parts.ledger.queue(Queue::Age, 1, None, false, wants).await?;
        Ok(page.cases.first().map(|next| next.case.id().to_string()))
    }

    /// The oldest other case that waits for this person's decision.
    async fn next_to_approve(&self, seen: &FiledCase, visit: &Visit) -> Result<Option<String>, Trouble> {
        if !may(&visit.roles, Act::Approve) {
            return Ok(None);
        }
        let (id, me) = (seen.case.id(), &visit.session.person.subject);
        let is_theirs = |filed: &FiledCase| {
            filed.proposal.as_ref().is_some_and(|made| made.by.subject != *me && made.batch.is_none())
        };
        let wants =
            |filed: &FiledCase| filed.case.id() != id && filed.status == Status::AwaitingApproval && is_theirs(filed);
        let page = self.parts.ledger.queue(Queue::Age, 1, None, true, wants).await?;
        Ok(page.cases.first().map(|next| next.case.id().to_string()))
    }

    /// After an act the person is at the next case of the same work, or at the queue.
    pub(crate) async fn next(&self, seen: &FiledCase, done: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let id = seen.case.id();
        let next = match done {
            "propose" => self.next_open(seen).await?,
            _ => self.next_to_approve(seen, visit).await?,
        };
        Ok(match next {
            Some(next) => Reply::see(format!("{BASE}/cases/{next}?done={done}&about={id}")),
            None => Reply::see(format!("{BASE}?done={done}&about={id}")),
        })
    }

    /// The attempt that two people decided: under the case's payout key, or that of an order of its own.
    pub(crate) async fn further(&self, filed: &FiledCase) -> Result<Option<Further>, Trouble> {
        let decided = filed.resolution.as_ref().and_then(|resolution| resolution.attempt).zip(filed.proposal.as_ref());
        let Some(((number, made), key)) = decided.zip(filed.case.key.as_ref()) else { return Ok(None) };
        let own = match made.ending {
            Ending::OwnOrder => filed.case.event.as_ref().and_then(|event| key.of_own_order(event).ok()),
            _ if is_claimless(filed.case.reason) => self.parts.ledger.payout_of(&filed.case).await?.map(|(key, _)| key),
            _ => None,
        };
        let key = own.as_ref().unwrap_or(key);
        let read = self.parts.ledger.attempt(key, number).await?;
        let ended = read.and_then(|(_, outcome)| outcome).map(|outcome| outcome.verdict.outcome);
        Ok(Some(Further { key: key.to_string(), number, ended }))
    }
}

pub(crate) fn link(filed: &FiledCase) -> CaseLink {
    let case = &filed.case;
    CaseLink { id: case.id().to_string(), reason: case.reason, status: filed.status, since: case.since }
}

fn decided(filed: &FiledCase, further: Option<Further>) -> Option<Decided> {
    let (resolution, made) = filed.resolution.as_ref().zip(filed.proposal.as_ref())?;
    let name = |who: &payonce_ledger::Who| who.name.clone().unwrap_or_else(|| who.subject.clone());
    Some(Decided {
        ending: made.ending,
        code: made.code.clone(),
        note: made.note.clone(),
        proposed_by: name(&made.by),
        approved_by: name(&resolution.approved_by),
        at: resolution.at,
        further,
        duplicate_of: made.duplicate_of.as_ref().map(ToString::to_string),
    })
}

fn looked_up(last: &LookUpRecord) -> LookedUpAt {
    let why = match &last.seen {
        Seen::Blind { why } => Some(why.clone()),
        Seen::Found(_) | Seen::Absent { .. } => None,
    };
    LookedUpAt { at: last.at, said: last.seen.said(), why }
}

fn owned(facts: &std::collections::BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> {
    let is_told = facts.get(FOUND).is_some_and(|found| !found.is_empty());
    let facts = facts.iter().filter(move |(name, value)| !(value.is_empty() || is_told && *name == "rail_payouts"));
    facts.flat_map(|(name, value)| match name.as_str() {
        FOUND => FoundPayout::of_evidence(value)
            .iter()
            .take(FOUND_SHOWN)
            .map(|one| (name.clone(), found_in_words(one, 0)))
            .collect(),
        _ => vec![(name.clone(), value.clone())],
    })
}

/// What the audit table holds, as a line of what happened for each fact.
pub(crate) fn entries_of(payout: &Payout) -> Vec<Entry> {
    let mut entries = vec![];
    let mut add = |at: UnixMillis, kind: String, by: &str, facts: Vec<(String, String)>| {
        entries.push(Entry { at, kind, by: by.to_owned(), is_person: false, note: None, facts });
    };
    let fact = |name: &str, value: String| (name.to_owned(), value);
    if let Some(closed) = &payout.closed {
        let facts = vec![fact("payout_key", closed.key.to_string()), fact("case", closed.case.to_string())];
        let what = format!("closed as {}: nothing is paid under this key", closed.ending.as_str().replace('_', " "));
        add(closed.closed_at, what, "payer", facts);
    }
    if let Some(bar) = &payout.barred {
        let facts = vec![fact("event", bar.event.to_string()), fact("body_sha256", bar.body.to_string())];
        add(bar.barred_at, "barred: the payment was given back or is disputed".to_owned(), "payonce", facts);
    }
    for attempt in &payout.attempts {
        let (claim, number) = (&attempt.claim, attempt.claim.attempt);
        let received = vec![fact("request", claim.request_id.clone()), fact("body_sha256", claim.body.to_string())];
        add(claim.received_at, format!("attempt {number}: received, signature verified"), "payonce", received);
        let claimed = vec![
            fact("attempt_id", claim.attempt_id.to_string()),
            fact("rail_key", format!("{} (number {})", claim.rail_key, claim.key_generation)),
            fact("request_sha256", claim.request.to_string()),
        ];
        add(claim.claimed_at, format!("attempt {number}: connected to the rail, then claimed"), "payonce", claimed);
        let late = attempt.late.iter().map(|late| (late, "reported late"));
        for (outcome, word) in attempt.outcome.iter().map(|outcome| (outcome, "recorded")).chain(late) {
            of_outcome(outcome, number, word, &mut add);
        }
    }
    for look_up in &payout.look_ups {
        let facts = look_up.facts().into_iter().filter(|(name, _)| !name.starts_with("looked_up"));
        let facts = facts.map(|(name, value)| fact(name, value)).collect();
        let facts = owned(&facts).collect();
        add(look_up.at, format!("looked up at the rail: {}", look_up.seen.word()), &look_up.by, facts);
    }
    for entry in &mut entries {
        entry.facts.retain(|(_, value)| !value.is_empty());
    }
    entries
}

fn of_outcome(
    outcome: &StoredOutcome,
    number: u16,
    word: &str,
    add: &mut impl FnMut(UnixMillis, String, &str, Vec<(String, String)>),
) {
    let moment = |name: &str| outcome.evidence.get(name).and_then(|text| text.parse::<u64>().ok());
    let facts = |names: &[&str]| {
        let named = names.iter().filter_map(|name| Some(((*name).to_owned(), outcome.evidence.get(*name)?.clone())));
        named.collect::<Vec<_>>()
    };
    if let Some(at) = moment("first_byte_at") {
        add(at, format!("attempt {number}: request sent to the rail"), "payonce", facts(&["offered"]));
    }
    if let Some(at) = moment("answered_at") {
        let said = ["http_status", "rail_payout", "rail_status", "error_type", "error_code", "rail_request"];
        add(at, format!("attempt {number}: the rail answered"), "rail", facts(&said));
    }
    let by = if outcome.by_sweeper { "sweeper" } else { "payonce" };
    let what = format!("attempt {number}: {word} as {}", outcome.verdict.outcome.as_str().replace('_', " "));
    add(outcome.recorded_at, what, by, facts(&["phase", "failure", "replayed"]));
}

pub(crate) fn entry_of(record: &HistoryRecord) -> Entry {
    let note = record.facts.get("note").cloned();
    Entry {
        at: record.at,
        kind: record.act.clone(),
        by: record.by.name.clone().unwrap_or_else(|| record.by.subject.clone()),
        is_person: record.by.name.is_some(),
        note,
        facts: owned(&record.facts).filter(|(name, _)| name != "note").collect(),
    }
}

pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
