//! Pays once. The order of things is the protocol's own state machine, the very one of a webhook: gate, connect, claim, pay,
//! record. Only the claim is another: it stands or falls with the case that two people decided.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use payonce_ledger::{Case, Claim, Decided as Decision, FiledCase, LedgerError, OutcomeRecord, Standing};
use payonce_protocol::UnixMillis;
use payonce_protocol::event::{self, Action, Claimed, Event, Input, Patience, Recorded, TimeLeft};
use payonce_protocol::hold::Hold;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_rails::{Connection, Evidence, Gate};
use payonce_runtime::random;
use payonce_runtime::telemetry::Detail;

use crate::decide::Decided;
use crate::tokens::People;
use crate::{Answer, App, Refusal};

struct Attempt<'a> {
    app: &'a App,
    case: FiledCase,
    decided: Decided,
    people: People,
    /// Built once, so that a second put sends the identical transaction.
    claim: Claim,
    at: UnixMillis,
    connection: Option<Connection>,
    evidence: Option<Evidence>,
}

impl App {
    pub(crate) async fn pay(
        &self,
        case: FiledCase,
        decided: Decided,
        people: People,
        request_id: &str,
        deadline: UnixMillis,
    ) -> Result<Answer, Refusal> {
        let (now, rail) = (self.parts.clock.now(), &self.parts.rail);
        let claim = Claim {
            key: decided.order.key.clone(),
            attempt: decided.approval.attempt,
            attempt_id: random::attempt_id(),
            event: decided.order.event.clone(),
            provider: decided.provider.clone(),
            money: decided.order.money,
            destination: decided.order.destination.clone(),
            // Now, and not the webhook's: the sweeper looks for a claim under the minute of this.
            received_at: now,
            claimed_at: now,
            expires_at: deadline,
            body: decided.body,
            rail: rail.name().to_owned(),
            rail_account: rail.account(),
            rail_mode: rail.mode(),
            rail_key: decided.prepared.rail_key().to_string(),
            key_generation: decided.approval.key_generation,
            request: decided.prepared.digest(),
            request_id: request_id.to_owned(),
            trace_id: None,
        };
        let (connection, evidence) = (None, None);
        Attempt { app: self, case, decided, people, claim, at: now, connection, evidence }.run().await
    }
}

impl Attempt<'_> {
    async fn run(mut self) -> Result<Answer, Refusal> {
        let mut machine = Event::new(self.claim.facts(), self.decided.prepared.digest());
        let time = if self.has_time() { TimeLeft::ForPayout } else { TimeLeft::None };
        let mut input = Input::Gate { hold: Hold::Pay, time, patience: Patience::Lasts };
        let ended = loop {
            match machine.step(input) {
                Action::Answer(ended) => break ended,
                action => {
                    let done = AssertUnwindSafe(self.perform(action)).catch_unwind().await;
                    input = done.unwrap_or(Input::Panicked);
                }
            }
        };
        let outcome = match ended {
            event::Answer::Done(verdict, _) => verdict.outcome,
            event::Answer::Duplicate | event::Answer::Filed(_) => return Err(Refusal::Claimed),
            event::Answer::Refused(event::Refusal::ClaimUncertain) => return Err(self.what_changed().await),
            event::Answer::Refused(refusal) => return Err(Refusal::NotBegun(refusal)),
            event::Answer::Impossible => return Err(Refusal::Claimed),
        };
        let detail = Detail::new(self.evidence.as_ref().map(Evidence::facts).unwrap_or_default());
        payonce_runtime::log!(
            INFO,
            detail,
            payout_key = %self.claim.key,
            attempt = self.claim.attempt,
            attempt_id = %self.claim.attempt_id,
            outcome = %outcome,
            "a further attempt ended"
        );
        if outcome != Outcome::Accepted {
            let next = "a new case is open: a person decides it";
            tracing::warn!(payout_key = %self.claim.key, attempt = self.claim.attempt, %outcome, next, "no accepted payout");
        }
        let (payout_key, attempt) = (self.claim.key.to_string(), self.claim.attempt);
        Ok(Answer::Attempted { payout_key, attempt, outcome: outcome.to_string() })
    }

    async fn perform(&mut self, action: Action) -> Input {
        match action {
            Action::Connect => self.connect().await,
            Action::LookUpClaim => self.look_up().await,
            // Its key has its claims already, and the gate was open.
            Action::LookUpFormer | Action::LookAtGate => Input::Panicked,
            // A person is waiting, and the case stays open: nothing is forgotten.
            Action::NoteRefusal => Input::Noted,
            Action::PutClaim => self.put_claim().await,
            Action::Pay(claimed) => self.pay(claimed).await,
            Action::Record(verdict) => self.record(verdict).await,
            // It has its case.
            Action::FileCase(_) => Input::CaseFiled,
            // The loop has taken it.
            Action::Answer(_) => Input::Panicked,
        }
    }

    fn now(&self) -> UnixMillis {
        self.app.parts.clock.now()
    }

    fn has_time(&self) -> bool {
        self.claim.expires_at.saturating_sub(self.now()) >= self.app.parts.limits.delivery_ms()
    }

    async fn connect(&mut self) -> Input {
        let within = Duration::from_millis(self.app.parts.limits.connect_ms);
        match self.app.parts.rail.connect(within).await {
            Ok(connection) => {
                self.connection = Some(connection);
                Input::Connected
            }
            Err(_) => Input::NotConnected { patience: Patience::Lasts },
        }
    }

    async fn look_up(&self) -> Input {
        match self.app.parts.ledger.standing(&self.claim.key, self.claim.attempt).await {
            Ok(Some(Standing::Claim(claim))) => Input::ClaimRead(Some(claim.facts())),
            Ok(Some(Standing::Closing(closing))) => Input::ClosingRead(closing.facts()),
            Ok(Some(Standing::Bar(bar))) => Input::ClosingRead(bar.facts()),
            Ok(None) => Input::ClaimRead(None),
            Err(LedgerError::Unreadable { .. }) => Input::ClaimUnreadable,
            Err(_) => Input::ClaimNotRead,
        }
    }

    async fn put_claim(&self) -> Input {
        let mut facts = self.decided.facts.clone();
        facts.extend(self.people.tokens.iter().map(|(name, hash)| ((*name).to_owned(), hash.clone())));
        facts.insert("payout_key".to_owned(), self.claim.key.to_string());
        facts.insert("attempt".to_owned(), self.claim.attempt.to_string());
        facts.insert("rail_key".to_owned(), self.claim.rail_key.clone());
        let decision = Decision {
            case: &self.case,
            checker: &self.people.checker,
            facts: &facts,
            unless_barred: &self.decided.base,
            after_closing: self.decided.after_closing,
            at: self.at,
        };
        Input::Claim(self.app.parts.ledger.put_further_claim(&self.claim, decision).await)
    }

    async fn pay(&mut self, claimed: Claimed) -> Input {
        let Some(connection) = self.connection.take() else { return Input::Paid(Verdict::NOT_SENT) };
        let parts = &self.app.parts;
        let now = || parts.clock.now();
        let (payout_ms, record_ms) = (parts.limits.payout_ms, parts.limits.record_ms);
        let gate = Gate {
            first_byte_before: self.claim.expires_at.saturating_sub(payout_ms + record_ms),
            within: Duration::from_millis(payout_ms),
            now: &now,
        };
        let payment = parts.rail.pay(connection, &self.decided.prepared, claimed, gate).await;
        self.evidence = Some(payment.evidence);
        Input::Paid(payment.verdict)
    }

    async fn record(&mut self, verdict: Verdict) -> Input {
        // The socket is gone before the outcome is written: nothing can leave after it.
        self.connection = None;
        let recorded_at = self.now();
        let evidence = self.evidence.as_ref();
        let outcome =
            OutcomeRecord { verdict, evidence: evidence.map(Evidence::facts).unwrap_or_default(), recorded_at };
        let cause = evidence.map_or("not_offered", Evidence::cause);
        let verdict = self.judged(verdict);
        let case = verdict.reason().map(|reason| Case::of_claim(reason, &self.claim, recorded_at).of_cause(cause));
        let recorded = self.app.parts.ledger.record(&self.claim, &outcome, case.as_ref()).await;
        if recorded == Recorded::Failed {
            tracing::error!(payout_key = %self.claim.key, "the outcome could not be recorded: the sweeper will file it");
        }
        Input::Recorded(recorded)
    }

    /// A replay is what the same key is for when an earlier request may have paid; any other says that somebody else sent it.
    fn judged(&self, verdict: Verdict) -> Verdict {
        Verdict { replayed: verdict.replayed && !self.decided.replay_is_expected, ..verdict }
    }

    /// Why the claim was not written, as far as a fresh look tells.
    async fn what_changed(&self) -> Refusal {
        let id = self.case.case.id();
        match self.app.parts.ledger.case(&id).await {
            Ok(Some(now)) if (now.version, now.revision) != (self.case.version, self.case.revision) => Refusal::Changed,
            _ => Refusal::NotBegun(event::Refusal::ClaimUncertain),
        }
    }
}
