//! From the tables to the page of a case.

use http::StatusCode;
use payonce_ledger::{Case, FiledCase, FoundPayout, HistoryRecord, LookUpRecord, Payout, Queue, Seen, StoredOutcome};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Ending, Status, may, may_read_bodies, next};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::CaseId;
use payonce_protocol::outcome::Reason;
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, LastAttempt, Reissue, Why, expected_generation, offer};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::cases::comparison::{FOUND_SHOWN, compared, deliveries};
use crate::cases::evidence::{attached, is_evidence};
use crate::cases::standing::{Asked, found_in_words, last_look_up};
use crate::pages::{
    self, Body, CaseAbout, CaseBooks, CaseLink, CaseOwner, CasePage, Choices, Entry, Further, KeyClock, LookedUpAt,
    Offer, Proposed, Rail, ResolvedBy, Section,
};
use crate::reply::Reply;
use crate::trouble::Trouble;

impl App {
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
        let last = payout.last_attempt().filter(|_| is_last && case.reason.rules().certainty.is_some());
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
            Ending::LiftLimit | Ending::Replay => case.offers(*ending, verdict) && payout.attempts.is_empty(),
            _ => ending.is_offered_now(case.reason, verdict, rail_has_it),
        });
        let endings = endings.filter(|ending| !(rail_has_it && ending.denies_the_rail()));
        let is_given_back = related.iter().chain([&filed]).any(|filed| filed.case.is_of_a_lost_block());
        let endings = endings.filter(|ending| !(is_given_back && ending.pays()));
        let endings = endings.filter(|ending| !ending.pays() || self.may_pay_unsent(case));
        let books = CaseBooks::of(&case.details);
        let is_fact = |(name, _): &(String, String)| books.is_none() || !CaseBooks::says(name);
        let reads_bodies = may_read_bodies(&visit.roles);
        let mut timeline = entries_of(&payout);
        timeline
            .iter_mut()
            .for_each(|entry| entry.facts.retain(|(name, _)| reads_bodies || name != FactName::RailSays.as_str()));
        timeline.extend(history.iter().map(entry_of));
        timeline.iter_mut().for_each(|entry| entry.facts.retain(is_fact));
        timeline.sort_by_key(|entry| entry.at);
        let mut frame = self.frame(Some(visit), "Case", Section::Queue);
        frame.banners.extend(self.told(ask).await?);
        let is_awaiting = filed.status == Status::AwaitingApproval;
        let view = CasePage {
            frame,
            id: id.to_string(),
            version: self.stand(&filed, &payout),
            about: CaseAbout {
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
                    rail_says: Some(attempt)
                        .and_then(|attempt| attempt.outcome.as_ref()?.evidence.get(FactName::RailSays))
                        .map(str::to_owned)
                        .filter(|_| reads_bodies),
                }),
                incident: case.incident.clone(),
                since: case.since,
                due: self.due(&filed, now),
                details: owned(&case.details).filter(is_fact).collect(),
            },
            owner: CaseOwner {
                name: filed.owner.as_ref().and_then(|owner| owner.name.clone()),
                is_mine: filed.owner.as_ref().is_some_and(|owner| owner.subject == me),
            },
            offer: Offer {
                reissue: offered.filter(|_| filed.status.is_open()),
                key_clock: last.as_ref().map(|last| self.key_clock(last)),
                looked_up: look_up.as_ref().map(looked_up),
            },
            standing: stands,
            checks: self.checks(&asked),
            deliveries: deliveries(case, &payout, now),
            is_next: ask.query.get("done").is_some()
                && ask.query.get("about").is_some_and(|about| about != id.as_str()),
            compared: compared(&filed, attempt, &payout),
            books: books.clone(),
            timeline,
            evidence: history.iter().filter(|record| is_evidence(record)).map(attached).collect(),
            choices: Choices {
                acts: Act::ALL.iter().copied().filter(|act| can(*act)).collect(),
                endings: endings.collect(),
                people: self.people(visit),
            },
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
        if !filed.status.is_open() || !filed.case.reason.is_claimless() {
            return Ok(false);
        }
        let place = self.parts.ledger.payout_of(&filed.case).await?;
        Ok(place.is_some_and(|(_, payout)| payout.is_closed_for(&filed.case)))
    }

    /// payer pays what never reached us only where it can ask the provider whether the payment stands.
    pub(crate) fn may_pay_unsent(&self, case: &Case) -> bool {
        let is_asked = || case.provider.as_ref().is_some_and(|provider| self.parts.sources.contains(provider));
        case.reason != Reason::EventMissing || is_asked()
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
            _ if filed.case.reason.is_claimless() => {
                self.parts.ledger.payout_of(&filed.case).await?.map(|(key, _)| key)
            }
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

fn decided(filed: &FiledCase, further: Option<Further>) -> Option<ResolvedBy> {
    let (resolution, made) = filed.resolution.as_ref().zip(filed.proposal.as_ref())?;
    let name = |who: &payonce_ledger::Who| who.name.clone().unwrap_or_else(|| who.subject.clone());
    Some(ResolvedBy {
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

pub(crate) fn owned(facts: &Facts) -> impl Iterator<Item = (String, String)> {
    let is_told = facts.said(FactName::Found).is_some();
    let facts = facts
        .iter()
        .filter(move |(name, value)| !(value.is_empty() || is_told && *name == FactName::RailPayouts.as_str()));
    facts.flat_map(|(name, value)| match FactName::parse(name) {
        Some(FactName::Found) => FoundPayout::of_evidence(value)
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
    let fact = |name: FactName, value: String| (name.to_string(), value);
    if let Some(closed) = &payout.closed {
        let facts =
            vec![fact(FactName::PayoutKey, closed.key.to_string()), fact(FactName::Case, closed.case.to_string())];
        let what = format!("closed as {}: nothing is paid under this key", closed.ending.as_str().replace('_', " "));
        add(closed.closed_at, what, "payer", facts);
    }
    if let Some(bar) = &payout.barred {
        let facts =
            vec![fact(FactName::Event, bar.event.to_string()), fact(FactName::BodySha256, bar.body.to_string())];
        add(bar.barred_at, "barred: the payment was given back or is disputed".to_owned(), "payonce", facts);
    }
    for attempt in &payout.attempts {
        let (claim, number) = (&attempt.claim, attempt.claim.attempt);
        let received =
            vec![fact(FactName::Request, claim.request_id.clone()), fact(FactName::BodySha256, claim.body.to_string())];
        add(claim.received_at, format!("attempt {number}: received, signature verified"), "payonce", received);
        let claimed = vec![
            fact(FactName::AttemptId, claim.attempt_id.to_string()),
            fact(FactName::RailKey, format!("{} (number {})", claim.rail_key, claim.key_generation)),
            fact(FactName::RequestSha256, claim.request.to_string()),
        ];
        add(claim.claimed_at, claimed_kind(number), "payonce", claimed);
        let late = attempt.late.iter().map(|late| (late, "reported late"));
        for (outcome, word) in attempt.outcome.iter().map(|outcome| (outcome, "recorded")).chain(late) {
            of_outcome(outcome, number, word, &mut add);
        }
    }
    for look_up in &payout.look_ups {
        let facts = owned(&look_up.seen.facts()).collect();
        add(look_up.at, format!("looked up at the rail: {}", look_up.seen.said()), &look_up.by, facts);
    }
    for entry in &mut entries {
        entry.facts.retain(|(_, value)| !value.is_empty());
    }
    entries
}

/// What the entry of a claim is called.
pub(crate) fn claimed_kind(attempt: u16) -> String {
    format!("attempt {attempt}: connected to the rail, then claimed")
}

fn of_outcome(
    outcome: &StoredOutcome,
    number: u16,
    word: &str,
    add: &mut impl FnMut(UnixMillis, String, &str, Vec<(String, String)>),
) {
    let facts = |names: &[FactName]| {
        let named = names.iter().filter_map(|name| Some((name.to_string(), outcome.evidence.get(*name)?.to_owned())));
        named.collect::<Vec<_>>()
    };
    if let Some(at) = outcome.evidence.moment(FactName::FirstByteAt) {
        add(at, format!("attempt {number}: request sent to the rail"), "payonce", facts(&[FactName::Offered]));
    }
    if let Some(at) = outcome.evidence.moment(FactName::AnsweredAt) {
        let said = [
            FactName::HttpStatus,
            FactName::RailPayout,
            FactName::RailStatus,
            FactName::ErrorType,
            FactName::ErrorCode,
            FactName::RailSays,
            FactName::RailRequest,
        ];
        add(at, format!("attempt {number}: the rail answered"), "rail", facts(&said));
    }
    let by = if outcome.by_sweeper { "sweeper" } else { "payonce" };
    let what = format!("attempt {number}: {word} as {}", outcome.verdict.outcome.as_str().replace('_', " "));
    add(outcome.recorded_at, what, by, facts(&[FactName::Phase, FactName::Failure, FactName::Replayed]));
}

pub(crate) fn entry_of(record: &HistoryRecord) -> Entry {
    let note = record.facts.get(FactName::Note).map(str::to_owned);
    Entry {
        at: record.at,
        kind: record.act.clone(),
        by: record.by.name.clone().unwrap_or_else(|| record.by.subject.clone()),
        is_person: record.by.name.is_some(),
        note,
        facts: owned(&record.facts).filter(|(name, _)| name != FactName::Note.as_str()).collect(),
    }
}

pub(crate) fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
