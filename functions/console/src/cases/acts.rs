//! What people do: every act is checked for role, state and form here, and held by the table in the end.

use payonce_identity::payer::{self, Answer, OneCase};
use payonce_ledger::{Acted, CaseAct, FiledCase, LookUpRecord, Proposal, Who};
use payonce_protocol::approval::{Approval, Hand, nonce};
use payonce_protocol::case::{Act, Ending, may};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, expected_generation, offer};
use payonce_runtime::look_up::{Eyes, look_up};
use tracing::Instrument;

use crate::app::{App, BASE, PayerSilent, Visit};
use crate::ask::{Ask, Fields};
use crate::cases::draft::Draft;
use crate::invoke::invoking;
use crate::pages::words::{self, Words as _};
use crate::reply::Reply;
use crate::session::sign_in::{Pending, Wanted};
use crate::trouble::Trouble;

pub(crate) const NOTE_CHARS: usize = 500;
const LOOK_UP_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

impl App {
    /// Whatever stops it, the form comes back with what was written in it.
    pub(crate) async fn act(&self, ask: &Ask, id: &str, act: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let (id, act) = CaseId::parse(id).zip(Act::parse(act)).ok_or(Trouble::NotFound)?;
        let draft = Draft::of(ask, id, act);
        match self.act_on(&draft, visit).await {
            Ok(reply) => Ok(reply),
            Err(trouble) => self.again(&draft, visit, trouble).await,
        }
    }

    async fn act_on(&self, draft: &Draft, visit: &Visit) -> Result<Reply, Trouble> {
        let act = draft.act;
        if !may(&visit.roles, act) {
            return Err(Trouble::NotAllowed);
        }
        let seen = self.parts.ledger.case(&draft.id).await?.ok_or(Trouble::NotFound)?;
        let stand = draft.stand.as_ref().ok_or(Trouble::Changed)?;
        let form = draft.digest(visit);
        // What only adds something is never too late.
        let adds = matches!(act, Act::Comment | Act::Attach | Act::LookUp);
        if !adds && stand.version != seen.version {
            return match self.was_done(draft, stand.version, &seen, &form, visit).await? {
                true => self.answer(&seen, act, visit).await,
                false => Err(Trouble::Changed),
            };
        }
        if payonce_protocol::case::next(seen.status, act).is_none() {
            return Err(Trouble::NotNow);
        }
        let is_decision = matches!(act, Act::Approve | Act::SendBack);
        if is_decision && seen.proposal.as_ref().is_some_and(|made| made.batch.is_some()) {
            return Err(wrong("It is part of a batch, and is decided with it."));
        }
        // Whoever decides how it ends must have seen what is known now: the version does not move with it.
        if matches!(act, Act::Propose | Act::Approve) && stand.finding != self.finding_of(&seen).await? {
            return Err(Trouble::Changed);
        }
        let fields = &draft.fields;
        let doing = match act {
            Act::Assign => CaseAct::Assign(self.owner(fields.get("to"), visit)?),
            Act::Comment => CaseAct::Comment(note(fields)?),
            Act::Attach => CaseAct::Attach(self.attached(draft).await?),
            Act::LookUp => CaseAct::LookUp(self.look_up(&seen, visit).await?),
            Act::Propose => return self.propose(draft, &seen, &form, visit).await,
            Act::Approve => return self.approve(draft, &seen, &form, visit).await,
            Act::SendBack => CaseAct::SendBack(note(fields)?),
            Act::Reopen => CaseAct::Reopen(note(fields)?),
        };
        self.do_it(&seen, &doing, &form, visit).await?;
        self.answer(&seen, act, visit).await
    }

    /// The case moved on since: by this very form, or by something else.
    async fn was_done(
        &self,
        draft: &Draft,
        version: u64,
        now: &FiledCase,
        form: &Digest,
        visit: &Visit,
    ) -> Result<bool, Trouble> {
        // payer writes some of the approvals, and no form.
        let approver = now.resolution.as_ref().map(|made| made.approved_by.subject.as_str());
        let is_approved = approver == Some(visit.session.person.subject.as_str()) && now.version == version + 1;
        let was_done = self.parts.ledger.was_done(&draft.id, version, form).await?;
        Ok(was_done || (draft.act == Act::Approve && is_approved))
    }

    async fn answer(&self, seen: &FiledCase, act: Act, visit: &Visit) -> Result<Reply, Trouble> {
        match act {
            Act::Propose | Act::Approve => self.next(seen, act.as_str(), visit).await,
            _ => Ok(Reply::see(format!("{BASE}/cases/{}?done={act}", seen.case.id()))),
        }
    }

    pub(crate) async fn do_it(
        &self,
        seen: &FiledCase,
        doing: &CaseAct,
        form: &Digest,
        visit: &Visit,
    ) -> Result<FiledCase, Trouble> {
        let now = self.parts.clock.now();
        match self.parts.ledger.act_once(seen, doing, &visit.who(), now, Some(form)).await? {
            Acted::Done(case) => Ok(*case),
            Acted::Changed => Err(Trouble::Changed),
            Acted::NotNow => Err(Trouble::NotNow),
            Acted::Own => Err(Trouble::Own),
        }
    }

    /// Oneself, or somebody who has signed in before; who is away is stood in for.
    pub(crate) fn owner(&self, to: Option<&str>, visit: &Visit) -> Result<Who, Trouble> {
        let to = to.unwrap_or(&visit.session.person.subject);
        let subject = visit.people.stands_in_for(to, self.parts.clock.now());
        if subject == visit.session.person.subject {
            return Ok(visit.who());
        }
        let known = visit.people.0.get(subject).ok_or_else(|| wrong("Nobody of that name has signed in here yet."))?;
        Ok(Who { subject: subject.to_owned(), name: Some(known.name.clone()) })
    }

    /// Asks the rail with a secret that only reads. What it says is kept with its hash; a further attempt rests on what
    /// payer and sweeper see, not on this.
    async fn look_up(&self, seen: &FiledCase, visit: &Visit) -> Result<Facts, Trouble> {
        let key = seen.case.key.as_ref().ok_or_else(|| wrong("This case is about no payout key."))?;
        let (ledger, now) = (&self.parts.ledger, self.parts.clock.now());
        let payout = ledger.payout(key).await?;
        let seen = look_up(ledger, &self.parts.rail, &Eyes::default(), &payout, now, LOOK_UP_WITHIN).await;
        let seen = seen.map_err(|failure| wrong(&format!("The rail was asked, and this came of it: {failure}.")))?;
        let look_up = LookUpRecord { at: now, seen, by: visit.session.person.name.clone() };
        let mut facts = look_up.facts();
        let found = Digest::of(facts.get(FactName::Found).unwrap_or_default());
        facts.add(FactName::LookedUpSha256, found);
        Ok(facts)
    }

    async fn propose(&self, draft: &Draft, seen: &FiledCase, form: &Digest, visit: &Visit) -> Result<Reply, Trouble> {
        let fields = &draft.fields;
        let ending =
            fields.get("ending").and_then(Ending::parse).ok_or_else(|| wrong("Choose how the case shall end."))?;
        let (code, note) = (code(fields, ending)?, note(fields)?);
        self.not_against_the_rail(seen, ending).await?;
        let verdict = self.verdict(seen).await?;
        let rail_has_it = self.parts.ledger.rail_has_it(seen).await?;
        if !ending.pays() && !ending.is_offered_now(seen.case.reason, verdict, rail_has_it) {
            return Err(wrong("A case of this kind cannot end so."));
        }
        let duplicate_of = match (ending, fields.get("duplicate_of")) {
            (Ending::DuplicateOf, Some(text)) => Some(self.other_case(text, seen).await?),
            (Ending::DuplicateOf, None) => return Err(wrong("Name the case that this one repeats.")),
            _ => None,
        };
        if ending.pays() {
            let approval = self.approval(seen, ending, seen.version, &code, &note).await?;
            self.evidence_for(ending, draft, seen, visit).await?;
            let (form, stand) = (form.to_string(), fields.get("version").unwrap_or_default().to_owned());
            let what = Wanted::Propose { ending: ending.to_string(), code, note, form, stand };
            let nonce = nonce(Hand::Maker, std::slice::from_ref(&approval));
            return self.confirm(nonce, &self.pending(seen, visit, what)).await;
        }
        self.evidence_for(ending, draft, seen, visit).await?;
        let proposal = Proposal { duplicate_of, ..self.proposal(seen, ending, code, note, visit) };
        self.do_it(seen, &CaseAct::Propose(proposal, None), form, visit).await?;
        self.answer(seen, Act::Propose, visit).await
    }

    async fn other_case(&self, text: &str, seen: &FiledCase) -> Result<CaseId, Trouble> {
        let id = CaseId::parse(text).filter(|id| *id != seen.case.id());
        let id = id.ok_or_else(|| wrong("That is not the id of another case."))?;
        match self.parts.ledger.case(&id).await? {
            Some(_) => Ok(id),
            None => Err(wrong("There is no case of that id.")),
        }
    }

    pub(crate) fn proposal(
        &self,
        seen: &FiledCase,
        ending: Ending,
        code: String,
        note: String,
        visit: &Visit,
    ) -> Proposal {
        let (by, at, version) = (visit.who(), self.parts.clock.now(), seen.version);
        Proposal { ending, code, note, by, at, version, key_generation: None, duplicate_of: None, batch: None }
    }

    async fn approve(&self, draft: &Draft, seen: &FiledCase, form: &Digest, visit: &Visit) -> Result<Reply, Trouble> {
        let proposal = seen.proposal.as_ref().ok_or(Trouble::NotNow)?;
        if proposal.by.subject == visit.session.person.subject {
            return Err(Trouble::Own);
        }
        let note = match draft.note() {
            Some(_) => note(&draft.fields)?,
            None => String::new(),
        };
        self.not_against_the_rail(seen, proposal.ending).await?;
        if !proposal.ending.pays() {
            self.end(seen, note, form, visit).await?;
            return self.answer(seen, Act::Approve, visit).await;
        }
        let approval = self.approval(seen, proposal.ending, proposal.version, &proposal.code, &proposal.note).await?;
        let stand = draft.fields.get("version").unwrap_or_default().to_owned();
        let nonce = nonce(Hand::Checker, std::slice::from_ref(&approval));
        self.confirm(nonce, &self.pending(seen, visit, Wanted::Approve { note, stand })).await
    }

    fn pending(&self, seen: &FiledCase, visit: &Visit, what: Wanted) -> Pending {
        let subject = visit.session.person.subject.clone();
        Pending { subject, about: seen.case.id().to_string(), version: seen.version, what }
    }

    /// Back from the fresh sign-in, whose nonce must still be that of the terms as they are now.
    pub(crate) async fn confirmed(
        &self,
        visit: &Visit,
        pending: &Pending,
        signed: &str,
        id_token: &str,
    ) -> Result<Reply, Trouble> {
        if pending.what.is_batch() {
            return self.batch_confirmed(visit, pending, id_token).await;
        }
        let id = CaseId::parse(&pending.about).ok_or(Trouble::NotFound)?;
        let seen = self.parts.ledger.case(&id).await?.ok_or(Trouble::NotFound)?;
        if seen.version != pending.version {
            return Err(Trouble::Changed);
        }
        match pending.what.clone() {
            Wanted::Propose { ending, code, note, form, .. } => {
                let allowed = may(&visit.roles, Act::Propose);
                let ending = Ending::parse(&ending).filter(|_| allowed).ok_or(Trouble::NotAllowed)?;
                let approval = self.approval(&seen, ending, seen.version, &code, &note).await?;
                if nonce(Hand::Maker, std::slice::from_ref(&approval)) != signed {
                    return Err(Trouble::Changed);
                }
                let key_generation = Some(approval.key_generation);
                let proposal = Proposal { key_generation, ..self.proposal(&seen, ending, code, note, visit) };
                let form = Digest::from_hex(&form).ok_or(Trouble::Changed)?;
                self.do_it(&seen, &CaseAct::Propose(proposal, Some(id_token.to_owned())), &form, visit).await?;
                self.answer(&seen, Act::Propose, visit).await
            }
            Wanted::Approve { note, .. } if may(&visit.roles, Act::Approve) => {
                let request = OneCase { case: pending.about.clone(), checker: id_token.to_owned() };
                let answer = self.parts.payer.invoke(payer::Request::Case(request));
                let answer = answer.instrument(invoking(&seen.case)).await;
                let answer = answer.map_err(|silent: PayerSilent| Trouble::NotPaid(silent.to_string()))?;
                if matches!(answer, Answer::Attempted { .. }) && !note.is_empty() {
                    // payer keeps no words of people; the approval stands without them.
                    let form = Digest::of(signed);
                    let said = self.do_it(&seen, &CaseAct::Comment(note), &form, visit).await;
                    said.inspect_err(|trouble| tracing::warn!(what = trouble.kind(), "a note was not written")).ok();
                }
                match answer {
                    Answer::Attempted { outcome: Outcome::Accepted, .. } => self.next(&seen, "paid", visit).await,
                    Answer::Attempted { .. } => Ok(Reply::see(format!("{BASE}/cases/{id}?done=attempted&about={id}"))),
                    Answer::Refused { text, .. } => Err(Trouble::NotPaid(text)),
                    Answer::Closed { .. } => Err(Trouble::NotPaid("payer did not say why".to_owned())),
                }
            }
            _ => Err(Trouble::NotAllowed),
        }
    }

    /// The terms that both people approve, from what the audit table holds; payer makes its own of the same facts.
    pub(crate) async fn approval(
        &self,
        seen: &FiledCase,
        ending: Ending,
        version: u64,
        code: &str,
        note: &str,
    ) -> Result<Approval, Trouble> {
        let case = &seen.case;
        let key = case.key.clone().ok_or_else(|| wrong("This case is about no payout key."))?;
        if !self.may_pay_unsent(case) {
            return Err(wrong(
                "payonce cannot ask the provider whether this payment was given back: [sources] of its configuration does not name it.",
            ));
        }
        let place = if ending == Ending::Reissue || ending.is_webhooks_own() {
            self.parts.ledger.payout_of(case).await?
        } else {
            None
        };
        let (key, payout) = match place {
            Some(place) => place,
            None => (key.clone(), self.parts.ledger.payout(&key).await?),
        };
        let ours = (self.parts.rail.name(), self.parts.rail.account(), self.parts.rail.mode());
        let (rail, rail_account, rail_mode) = match payout.rail() {
            Some((rail, account, mode)) => (rail, account.to_owned(), mode),
            None if ending.is_webhooks_own() => ours,
            None => return Err(wrong("There was no attempt at this payout.")),
        };
        let last = payout.attempts.last().map(|attempt| attempt.claim.attempt);
        let (key, attempt, key_generation) = match ending {
            // Closed by this very case, and wrongly so: the first attempt, after the closing.
            Ending::Reissue if payout.is_closed_for(case) => (key, 2, 1),
            Ending::Reissue => {
                let under_way = || wrong("The last attempt has not ended yet; the sweeper will end it within minutes.");
                let facts = payout.last_attempt().ok_or_else(under_way)?;
                if !ending.is_offered(case.reason, Some(facts.verdict)) || case.attempt != last {
                    return Err(wrong("A later attempt decides about this payout; look at its case."));
                }
                let offered = offer(&facts, &self.parts.rail.promises(), self.parts.clock.now(), KEY_LIFE_MARGIN_MS);
                let generation = expected_generation(&facts, offered);
                let generation = generation.ok_or_else(|| wrong("It may not be issued again now: see the case."))?;
                (key, last.unwrap_or_default() + 1, generation)
            }
            Ending::LiftLimit if !case.offers(ending, None) => {
                return Err(wrong("No limit that people may lift refused this event."));
            }
            Ending::Replay if !case.offers(ending, None) => {
                return Err(wrong("The provider's list did not show this event whole."));
            }
            Ending::LiftLimit | Ending::Replay if payout.is_closed_for(case) => (key, 2, 1),
            Ending::LiftLimit | Ending::Replay if payout.attempts.is_empty() => (key, 1, 1),
            Ending::LiftLimit | Ending::Replay => return Err(wrong("It was claimed after all: see its payout.")),
            Ending::OwnOrder if ending.is_offered(case.reason, None) => {
                let event = case.event.as_ref().ok_or_else(|| wrong("This case is about no event."))?;
                (key.of_own_order(event).map_err(|_| wrong("The payout key is too long."))?, 1, 1)
            }
            _ => return Err(wrong("A case of this kind cannot end so.")),
        };
        let terms = case.money.zip(case.destination.clone());
        let (money, destination) = terms.ok_or_else(|| wrong("This case names no sum or no payee."))?;
        Ok(Approval {
            ending,
            case: case.id(),
            version,
            key,
            attempt,
            money,
            destination,
            rail: rail.to_owned(),
            rail_account,
            rail_mode,
            key_generation,
            code: code.to_owned(),
            note: note.to_owned(),
        })
    }

    pub(crate) async fn verdict(&self, seen: &FiledCase) -> Result<Option<Verdict>, Trouble> {
        let Some((key, attempt)) = seen.case.key.as_ref().zip(seen.case.attempt) else { return Ok(None) };
        let read = self.parts.ledger.attempt(key, attempt).await?;
        Ok(read.and_then(|(_, outcome)| outcome).map(|outcome| outcome.verdict))
    }
}

pub(crate) fn wrong(text: &str) -> Trouble {
    Trouble::Wrong(text.to_owned())
}

/// What a person wrote, bounded, without anything that a terminal or a spreadsheet would take for an order.
pub(crate) fn note(form: &Fields) -> Result<String, Trouble> {
    let note = form.get("note").ok_or_else(|| wrong("Write down why; it stays with the case for good."))?;
    if note.chars().count() > NOTE_CHARS {
        return Err(wrong("The note is longer than 500 characters."));
    }
    Ok(note.chars().map(|character| if character.is_control() { ' ' } else { character }).collect())
}

/// Why it ends so: one of the reasons that the form offers for this ending.
pub(crate) fn code(form: &Fields, ending: Ending) -> Result<String, Trouble> {
    let code = form.get("code").ok_or_else(|| wrong("Choose a reason."))?;
    let offered = words::codes(ending);
    match offered.iter().find(|(known, _)| *known == code) {
        Some((known, _)) => Ok((*known).to_owned()),
        None => Err(wrong(&format!("Choose a reason that goes with \u{201c}{}\u{201d}.", ending.label()))),
    }
}
