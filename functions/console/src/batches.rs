//! Batches: payouts that were surely not paid are proposed as one list, which another person approves, and payer then pays
//! them one by one. Each line is an invocation of its own; the list and its order are payer's to check.

use std::time::Duration;

use http::StatusCode;
use payonce_identity::payer::{Answer, OneLine, Request};
use payonce_ledger::{Acted, Batch, FiledCase, LINES_AT_MOST, Step, Sum, Who};
use payonce_protocol::approval::{Approval, BATCH_SIGN_IN_MS, Hand, nonce};
use payonce_protocol::case::{Act, BatchState, Ending, Role, Status, may};
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::{Outcome, Verdict};
use tracing::{Instrument, Span, warn_span};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::cases::acts::{note, wrong};
use crate::cases::bulk::totals;
use crate::pages::{self, BatchPage, BatchRow, BatchesPage, Line, LineState, Section};
use crate::reply::Reply;
use crate::session::sign_in::{Pending, Wanted};
use crate::trouble::Trouble;

const BATCHES_SHOWN: i32 = 50;
/// Between two payouts: a person who sees the first go wrong can still stop the rest.
const PACE: Duration = Duration::from_millis(500);
/// API Gateway waits for 30 s, and one payout may take 25 of them.
const BEGIN_WITHIN_MS: u64 = 3_000;
/// A sign-in that ends soon is renewed before the next line.
const SIGN_IN_LEFT_MS: u64 = 5 * 60_000;

impl App {
    /// What a case comes to as a line of a batch.
    pub(crate) async fn line(&self, seen: &FiledCase, code: &str, note: &str) -> Result<Approval, Trouble> {
        let last = match &seen.case.key {
            Some(key) => self.parts.ledger.payout(key).await?.last_attempt(),
            None => None,
        };
        if !last.is_some_and(|last| last.is_surely_unpaid()) {
            return Err(wrong("only what was surely not paid can be tried again in a list"));
        }
        self.approval(seen, Ending::Reissue, seen.version, code, note).await
    }

    /// The list as it is, for its maker to sign in for. Nothing is proposed before.
    pub(crate) async fn draft(
        &self,
        seen: &[FiledCase],
        code: &str,
        note: &str,
        visit: &Visit,
    ) -> Result<Reply, Trouble> {
        // The preview has said so for each case beyond it.
        if seen.is_empty() || seen.len() > LINES_AT_MOST {
            return Err(wrong(&format!("A list has at least one case, and at most {LINES_AT_MOST}.")));
        }
        let mut lines = Vec::new();
        for seen in seen {
            lines.push(self.line(seen, code, note).await?);
        }
        let batch = Batch::new(lines, visit.who(), self.parts.clock.now());
        let batch = done(self.parts.ledger.draft_batch(&batch).await?)?;
        self.sign_for(&batch, Hand::Maker, visit).await
    }

    async fn sign_for(&self, batch: &Batch, hand: Hand, visit: &Visit) -> Result<Reply, Trouble> {
        let what = match hand {
            Hand::Maker => Wanted::ProposeBatch,
            Hand::Checker => Wanted::ApproveBatch,
        };
        let subject = visit.session.person.subject.clone();
        let pending = Pending { subject, about: batch.id.clone(), version: batch.version, what };
        self.confirm(nonce(hand, &batch.lines), &pending).await
    }

    /// Back from the fresh sign-in.
    pub(crate) async fn batch_confirmed(
        &self,
        visit: &Visit,
        pending: &Pending,
        id_token: &str,
    ) -> Result<Reply, Trouble> {
        let batch = self.parts.ledger.batch(&pending.about).await?.ok_or(Trouble::NotFound)?;
        let (hand, act) = match pending.what {
            Wanted::ProposeBatch => (Hand::Maker, Act::Propose),
            _ => (Hand::Checker, Act::Approve),
        };
        if !may(&visit.roles, act) {
            return Err(Trouble::NotAllowed);
        }
        // Its lines never change. That both people signed just these is payer's to see.
        if batch.version != pending.version {
            return Err(Trouble::Changed);
        }
        match hand {
            Hand::Maker => {
                let cases = self.cases_of(&batch).await?;
                let is_same = |line: &Approval| {
                    cases.iter().any(|seen| seen.case.id() == line.case && seen.version == line.version)
                };
                if !batch.lines.iter().all(is_same) {
                    return Err(Trouble::Changed);
                }
                match self.step(&batch, &Step::Propose(id_token.to_owned()), &cases, visit).await {
                    // A long list is proposed in several steps: what came of it, its own page says.
                    Err(Trouble::Changed) if self.awaits(&batch).await? => Ok(see(&batch)),
                    proposed => proposed.map(|batch| see(&batch)),
                }
            }
            Hand::Checker => {
                self.is_whole(&batch).await?;
                let approved = self.step(&batch, &Step::Approve(id_token.to_owned()), &[], visit).await?;
                self.release(approved, visit).await
            }
        }
    }

    async fn awaits(&self, batch: &Batch) -> Result<bool, Trouble> {
        let batch = self.parts.ledger.batch(&batch.id).await?;
        Ok(batch.is_some_and(|batch| batch.state == BatchState::AwaitingApproval))
    }

    /// Nobody approves a list of which a part has gone another way.
    async fn is_whole(&self, batch: &Batch) -> Result<(), Trouble> {
        if batch.state != BatchState::AwaitingApproval {
            return Ok(());
        }
        let cases = self.cases_of(batch).await?;
        let is_whole = cases.len() == batch.lines.len() && cases.iter().all(|case| waits(batch, case));
        if is_whole { Ok(()) } else { Err(wrong("A part of this list does not await approval: send it back.")) }
    }

    async fn step(&self, batch: &Batch, step: &Step, cases: &[FiledCase], visit: &Visit) -> Result<Batch, Trouble> {
        done(self.parts.ledger.move_batch(batch, step, cases, &visit.who(), self.parts.clock.now()).await?)
    }

    async fn cases_of(&self, batch: &Batch) -> Result<Vec<FiledCase>, Trouble> {
        let mut cases = Vec::new();
        for line in &batch.lines {
            cases.extend(self.parts.ledger.case(&line.case).await?);
        }
        Ok(cases)
    }

    pub(crate) async fn act_on_batch(&self, ask: &Ask, id: &str, act: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let needed = match act {
            "approve" | "continue" => Act::Approve,
            "send_back" => Act::SendBack,
            _ => return Err(Trouble::NotFound),
        };
        if !may(&visit.roles, needed) {
            return Err(Trouble::NotAllowed);
        }
        let batch = self.parts.ledger.batch(id).await?.ok_or(Trouble::NotFound)?;
        if ask.form.get("version") != Some(batch.version.to_string().as_str()) {
            return Err(Trouble::Changed);
        }
        let is_mine = batch.by.subject == visit.session.person.subject;
        match (act, batch.state) {
            ("approve", BatchState::AwaitingApproval) if is_mine => Err(Trouble::Own),
            ("approve", BatchState::AwaitingApproval) => {
                self.is_whole(&batch).await?;
                self.sign_for(&batch, Hand::Checker, visit).await
            }
            ("continue", BatchState::Approved) => {
                if self.sign_in_counts(&batch) {
                    self.release(batch, visit).await
                } else if is_mine {
                    Err(Trouble::Own)
                } else {
                    self.sign_for(&batch, Hand::Checker, visit).await
                }
            }
            ("send_back", BatchState::AwaitingApproval | BatchState::Approved) => {
                let cases = self.cases_of(&batch).await?;
                let waiting: Vec<FiledCase> = cases.into_iter().filter(|case| waits(&batch, case)).collect();
                self.step(&batch, &Step::SendBack(note(&ask.form)?), &waiting, visit).await?;
                Ok(see(&batch))
            }
            _ => Err(Trouble::NotNow),
        }
    }

    /// Whether the checker's sign-in still counts for the lines that are left.
    fn sign_in_counts(&self, batch: &Batch) -> bool {
        let until = batch.decided.as_ref().map_or(0, |decided| decided.at + BATCH_SIGN_IN_MS);
        until >= self.parts.clock.now() + SIGN_IN_LEFT_MS
    }

    /// One payout after the other, until one is not accepted or the time of this request is over.
    async fn release(&self, batch: Batch, visit: &Visit) -> Result<Reply, Trouble> {
        let began = self.parts.clock.now();
        let (mut paid, mut stopped, mut asked) = (batch.paid, None, false);
        while let Some(line) = batch.lines.get(paid) {
            match self.line_state(&batch, line).await?.0 {
                LineState::Paid => {
                    paid += 1;
                    continue;
                }
                LineState::Waiting => {}
                LineState::StoppedAt(why) => stopped = Some(why),
                LineState::TakenOut => stopped = Some("the next case went another way".to_owned()),
            }
            if stopped.is_some() || self.parts.clock.now() > began + BEGIN_WITHIN_MS {
                break;
            }
            if asked {
                tokio::time::sleep(PACE).await;
            }
            asked = true;
            match self.pay_line(&batch, paid).await {
                Ok(()) => paid += 1,
                Err(why) => stopped = Some(why),
            }
        }
        // Nothing is in the way of the rest: the page goes on while somebody looks at it.
        let goes_on = stopped.is_none() && paid < batch.lines.len();
        // Somebody else who said "go on" has written how far it is.
        let step = Step::Paid(paid, stopped);
        match self.parts.ledger.move_batch(&batch, &step, &[], &visit.who(), self.parts.clock.now()).await? {
            Acted::Done(after) if goes_on => {
                Ok(Reply::see(format!("{BASE}/batches/{}?going={}", after.id, going(&after, visit))))
            }
            _ => Ok(see(&batch)),
        }
    }

    async fn pay_line(&self, batch: &Batch, number: usize) -> Result<(), String> {
        let line = OneLine { batch: batch.id.clone(), line: number };
        let about = batch.lines.get(number);
        let span = about.map_or_else(Span::none, |of| warn_span!("invoke", case = %of.case, payout_key = %of.key));
        let answer = self.parts.payer.invoke(Request::Line(line)).instrument(span).await;
        let answer = answer.map_err(|silent| silent.to_string())?;
        match answer {
            Answer::Attempted { outcome: Outcome::Accepted, .. } => Ok(()),
            Answer::Attempted { outcome, .. } => Err(ended(outcome)),
            Answer::Refused { text, .. } => Err(text),
            Answer::Closed { .. } => Err("payer did not say why".to_owned()),
        }
    }

    /// How far a line is, by its case and the audit table: not by what the batch says of itself. And the rail's id of it.
    async fn line_state(&self, batch: &Batch, line: &Approval) -> Result<(LineState, Option<String>), Trouble> {
        let Some(case) = self.parts.ledger.case(&line.case).await? else { return Ok((LineState::TakenOut, None)) };
        if waits(batch, &case) {
            return Ok((LineState::Waiting, None));
        }
        let attempt = case.resolution.as_ref().and_then(|resolution| resolution.attempt);
        if !is_of(batch, &case) || attempt != Some(line.attempt) {
            return Ok((LineState::TakenOut, None));
        }
        let read = self.parts.ledger.attempt(&line.key, line.attempt).await?;
        let Some(outcome) = read.and_then(|(_, outcome)| outcome) else {
            let why = "the attempt has not ended yet; the sweeper ends it within minutes";
            return Ok((LineState::StoppedAt(why.to_owned()), None));
        };
        let state = match outcome.verdict {
            verdict if verdict == Verdict::plain(Outcome::Accepted) => LineState::Paid,
            verdict => LineState::StoppedAt(ended(verdict.outcome)),
        };
        Ok((state, outcome.evidence.get(FactName::RailPayout).map(str::to_owned)))
    }

    pub(crate) async fn batch(&self, ask: &Ask, id: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let batch = self.parts.ledger.batch(id).await?.ok_or(Trouble::NotFound)?;
        let mut lines = Vec::new();
        for line in &batch.lines {
            let (state, rail_id) = self.line_state(&batch, line).await?;
            lines.push(Line {
                case: line.case.to_string(),
                money: line.money,
                payee: line.destination.to_string(),
                key: line.key.to_string(),
                rail_id,
                state,
            });
        }
        let first = batch.lines.first();
        let state = match shown(&batch).ok_or(Trouble::NotFound)? {
            pages::BatchState::Paused if ask.query.get("going") == Some(&going(&batch, visit)) => {
                pages::BatchState::Going
            }
            state => state,
        };
        let needs_sign_in = batch.state == BatchState::Approved && !self.sign_in_counts(&batch);
        let sum = |wanted: &dyn Fn(&LineState) -> bool| {
            totals(&Sum::of(lines.iter().filter(|line| wanted(&line.state)).map(|line| &line.money)))
        };
        let page = BatchPage {
            frame: self.frame(Some(visit), "List of payouts", Section::Batches),
            state,
            version: batch.version,
            proposed_by: name(&batch.by),
            proposed_at: batch.at,
            code: first.map(|line| line.code.clone()).unwrap_or_default(),
            note: first.map(|line| line.note.clone()).unwrap_or_default(),
            is_own: batch.by.subject == visit.session.person.subject,
            decided: batch.decided.as_ref().map(|decided| (name(&decided.by), decided.at)),
            totals: sum(&|_| true),
            paid: sum(&|state| *state == LineState::Paid),
            left: sum(&|state| *state != LineState::Paid),
            who_may_continue: approvers(visit, needs_sign_in.then_some(batch.by.subject.as_str())),
            needs_sign_in,
            stopped: batch.stopped.clone(),
            lines,
            id: batch.id,
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    pub(crate) async fn batches(&self, visit: &Visit) -> Result<Reply, Trouble> {
        let batches = self.parts.ledger.batches(BATCHES_SHOWN).await?;
        let row = |batch: &Batch| {
            Some(BatchRow {
                id: batch.id.clone(),
                state: shown(batch)?,
                proposed_by: name(&batch.by),
                proposed_at: batch.at,
                lines: batch.lines.len() as u64,
                paid: batch.paid as u64,
                totals: totals(&Sum::of(batch.lines.iter().map(|line| &line.money))),
            })
        };
        let frame = self.frame(Some(visit), "Batches", Section::Batches);
        let page = BatchesPage { frame, rows: batches.iter().filter_map(row).collect() };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }
}

/// In the address that "Approve" and "Continue" lead to, so that nobody's link makes the page of another go on.
fn going(batch: &Batch, visit: &Visit) -> String {
    Digest::of(format!("payonce/going/1 {} {} {}", visit.csrf, batch.id, batch.version)).to_string()
}

fn see(batch: &Batch) -> Reply {
    Reply::see(format!("{BASE}/batches/{}", batch.id))
}

fn ended(outcome: Outcome) -> String {
    let words = pages::words::outcome(outcome).to_lowercase();
    format!("it was tried and ended as \u{201c}{words}\u{201d}; a case of its own says more")
}

fn done(acted: Acted<Batch>) -> Result<Batch, Trouble> {
    match acted {
        Acted::Done(batch) => Ok(*batch),
        Acted::Changed => Err(Trouble::Changed),
        Acted::NotNow => Err(Trouble::NotNow),
        Acted::Own => Err(Trouble::Own),
    }
}

fn is_of(batch: &Batch, case: &FiledCase) -> bool {
    case.proposal.as_ref().is_some_and(|made| made.batch.as_ref() == Some(&batch.id))
}

fn waits(batch: &Batch, case: &FiledCase) -> bool {
    case.status == Status::AwaitingApproval && is_of(batch, case)
}

/// By name: whoever may approve, but for the one who must not.
fn approvers(visit: &Visit, but: Option<&str>) -> Vec<String> {
    let may_approve = |roles: &[String]| {
        let roles: Vec<Role> = roles.iter().filter_map(|role| Role::parse(role)).collect();
        may(&roles, Act::Approve)
    };
    let people =
        visit.people.0.iter().filter(|(subject, person)| Some(subject.as_str()) != but && may_approve(&person.roles));
    people.map(|(_, person)| person.name.clone()).collect()
}

fn name(who: &Who) -> String {
    who.name.clone().unwrap_or_else(|| who.subject.clone())
}

/// A draft is nobody's business yet.
fn shown(batch: &Batch) -> Option<pages::BatchState> {
    Some(match batch.state {
        BatchState::Drafted => return None,
        BatchState::AwaitingApproval => pages::BatchState::AwaitingApproval,
        BatchState::Approved if batch.stopped.is_some() => pages::BatchState::Stopped,
        // It goes on in requests of people only: between them nothing happens.
        BatchState::Approved => pages::BatchState::Paused,
        BatchState::SentBack => pages::BatchState::SentBack,
        BatchState::Done => pages::BatchState::Done,
    })
}
