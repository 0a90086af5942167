//! Performs, for one order, what the protocol's state machine asks for. The order of things is decided there; here is
//! only how each is done.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use payonce_ledger::{Case, Claim, LedgerError, OutcomeRecord, RefusalNote, Standing};
use payonce_protocol::UnixMillis;
use payonce_protocol::event::{Action, Answer, Claimed, Event, Input, Patience, Recorded, TimeLeft};
use payonce_protocol::hold::{HELD, Hold, NOT_TRIED};
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{PayoutKey, PayoutOrder};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_providers::ParsedEvent;
use payonce_rails::{Connection, Evidence, Gate, Prepared};
use payonce_runtime::config::{MIN_PAYOUT_MS, RECORD_RESERVE_MS};
use payonce_runtime::look_up::refresh;
use payonce_runtime::metrics::{End, Step};
use payonce_runtime::random;
use payonce_runtime::telemetry::Detail;

use crate::delivery::{Delivery, Ended};
use crate::gate::Ruling;

/// The first attempt at a payout is the webhook's; later ones need two people.
const FIRST_ATTEMPT: u16 = 1;

pub(crate) struct Attempt<'a> {
    delivery: &'a Delivery<'a>,
    event: &'a ParsedEvent,
    order: PayoutOrder,
    prepared: Prepared,
    ruling: Ruling,
    /// Built once, so that a second put sends the identical item.
    claim: Claim,
    connection: Option<Connection>,
    evidence: Option<Evidence>,
    steps: Vec<(Step, u64)>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        delivery: &'a Delivery<'a>,
        event: &'a ParsedEvent,
        order: PayoutOrder,
        prepared: Prepared,
        body: Digest,
        ruling: Ruling,
    ) -> Self {
        let parts = &delivery.app.parts;
        let claim = Claim {
            key: order.key.clone(),
            attempt: FIRST_ATTEMPT,
            attempt_id: random::attempt_id(),
            event: order.event.clone(),
            provider: parts.provider.name().to_owned(),
            money: order.money,
            destination: order.destination.clone(),
            received_at: delivery.received_at,
            claimed_at: parts.clock.now(),
            expires_at: delivery.deadline,
            body,
            rail: parts.rail.name().to_owned(),
            rail_account: parts.rail.account(),
            rail_mode: parts.rail.mode(),
            rail_key: prepared.rail_key().to_string(),
            key_generation: 1,
            request: prepared.digest(),
            request_id: delivery.request_id.clone(),
            trace_id: delivery.trace_id.clone(),
        };
        let (connection, evidence, steps) = (None, None, vec![]);
        Self { delivery, event, order, prepared, ruling, claim, connection, evidence, steps }
    }

    pub(crate) async fn run(mut self) -> Ended {
        let parts = &self.delivery.app.parts;
        // Nothing, unless the rail turned the secret away before. The time that it takes is missing at the gate.
        refresh(&parts.rail, parts.clock.now()).await;
        let machine = Event::new(self.claim.facts(), self.prepared.digest());
        let mut machine = if self.order.former_keys.is_empty() { machine } else { machine.with_former_keys() };
        let mut input = self.gate();
        let answer = loop {
            match machine.step(input) {
                Action::Answer(answer) => break answer,
                action => {
                    let timed = async {
                        let (step, began_at) = (step_of(&action), self.now());
                        let input = self.perform(action).await;
                        self.steps.extend(step.map(|step| (step, self.now().saturating_sub(began_at))));
                        input
                    };
                    input = AssertUnwindSafe(timed).catch_unwind().await.unwrap_or(Input::Panicked);
                }
            }
        };
        self.log(answer);
        Ended {
            attempt_id: Some(self.claim.attempt_id),
            steps: self.steps,
            keeps_body: matches!(answer, Answer::Done(..) | Answer::Filed(_)),
            ..Ended::new(Some(self.event), Some(self.order.key.to_string()), End::Order(answer))
        }
    }

    async fn perform(&mut self, action: Action) -> Input {
        match action {
            Action::LookUpFormer => self.recall().await,
            Action::LookAtGate => self.gate(),
            Action::Connect => self.connect().await,
            Action::LookUpClaim => self.look_up(std::slice::from_ref(&self.order.key)).await,
            Action::NoteRefusal => self.note_refusal().await,
            Action::PutClaim => Input::Claim(self.delivery.app.parts.ledger.put_claim(&self.claim).await),
            Action::Pay(claimed) => self.pay(claimed).await,
            Action::Record(verdict) => self.record(verdict).await,
            Action::FileCase(reason) => self.file(reason).await,
            // The loop has taken it; nothing is left to do.
            Action::Answer(_) => Input::Panicked,
        }
    }

    fn now(&self) -> UnixMillis {
        self.delivery.app.parts.clock.now()
    }

    fn gate(&self) -> Input {
        match self.ruling.hold {
            Ok(hold) => Input::Gate { hold, time: self.time_left(), patience: self.patience() },
            Err(refusal) => Input::Barred(refusal),
        }
    }

    /// Two deadlines count. Past the platform's nothing runs any more, so the worst case must fit: a claim is put twice at
    /// the most, and each put and the record have their own time. Past the provider's it hangs up, which harms no payout
    /// but counts as a failed delivery: events that have not begun by then are left to the next one.
    fn time_left(&self) -> TimeLeft {
        let limits = &self.delivery.app.parts.limits;
        let left = self.delivery.deadline.saturating_sub(self.now());
        let for_claim = 2 * limits.claim_ms + limits.record_ms;
        let for_payout = for_claim + limits.connect_ms + self.payout_ms();
        if left >= for_payout && self.provider_waits_ms() >= MIN_PAYOUT_MS + RECORD_RESERVE_MS {
            TimeLeft::ForPayout
        } else if left >= for_claim {
            TimeLeft::ForClaim
        } else {
            TimeLeft::None
        }
    }

    /// How long the provider will still wait for the answer.
    fn provider_waits_ms(&self) -> u64 {
        let answer_within = self.delivery.app.parts.provider.answer_within_ms().unwrap_or(u64::MAX);
        self.delivery.received_at.saturating_add(answer_within).saturating_sub(self.now())
    }

    /// A provider that hangs up early must not make every first delivery count as failed (M4). The claim stands by then,
    /// so the rail gets its least time even when the provider's is over.
    fn payout_ms(&self) -> u64 {
        let within = self.provider_waits_ms().saturating_sub(RECORD_RESERVE_MS).max(MIN_PAYOUT_MS);
        self.delivery.app.parts.limits.payout_ms.min(within)
    }

    /// Refusing has an end: past it the provider may not come back, and the event is claimed and filed instead.
    fn patience(&self) -> Patience {
        let age = self.now().saturating_sub(self.created_at());
        let refuse_for = self.delivery.app.parts.provider.patience().refuse_for_ms;
        if age >= refuse_for { Patience::Over } else { Patience::Lasts }
    }

    /// As far as it can be believed: an event without a time, or from the future, counts as made now.
    fn created_at(&self) -> UnixMillis {
        let now = self.now();
        self.event.created_at.map_or(now, |created_at| created_at.min(now))
    }

    async fn connect(&mut self) -> Input {
        let parts = &self.delivery.app.parts;
        match parts.rail.connect(Duration::from_millis(parts.limits.connect_ms)).await {
            Ok(connection) => {
                self.connection = Some(connection);
                Input::Connected
            }
            Err(failure) => {
                tracing::warn!(
                    payout_key = %self.order.key, request_id = %self.delivery.request_id, %failure,
                    "the rail cannot be reached"
                );
                Input::NotConnected { patience: self.patience() }
            }
        }
    }

    /// Before anything is done under the own key, each of the others names it: what is refused under one of them and paid
    /// here is then found by whoever asks about the one.
    async fn recall(&self) -> Input {
        let found = self.look_up(&self.order.former_keys).await;
        if !matches!(found, Input::ClaimRead(None)) {
            return found;
        }
        for former in &self.order.former_keys {
            if let Err(error) = self.add_alias(former).await {
                tracing::warn!(payout_key = %former, %error, "the event's other key cannot be written");
                return Input::ClaimNotRead;
            }
        }
        found
    }

    async fn add_alias(&self, former: &PayoutKey) -> Result<(), LedgerError> {
        let ledger = &self.delivery.app.parts.ledger;
        ledger.add_alias(&self.order.event, &self.order.key, former).await
    }

    /// What stands under the first of the keys that is taken.
    async fn look_up(&self, keys: &[PayoutKey]) -> Input {
        for key in keys {
            match self.delivery.app.parts.ledger.standing(key, FIRST_ATTEMPT).await {
                Ok(None) => {}
                Ok(Some(Standing::Claim(claim))) => return Input::ClaimRead(Some(claim.facts())),
                Ok(Some(Standing::Closing(closing))) => return Input::ClosingRead(closing.facts()),
                Ok(Some(Standing::Bar(bar))) => return Input::ClosingRead(bar.facts()),
                Err(error @ LedgerError::Unreadable { .. }) => {
                    tracing::error!(payout_key = %key, %error, "an unreadable claim is taken as a duplicate");
                    return Input::ClaimUnreadable;
                }
                Err(error) => {
                    tracing::warn!(payout_key = %key, %error, "the claim cannot be looked up");
                    return Input::ClaimNotRead;
                }
            }
        }
        Input::ClaimRead(None)
    }

    /// Once for each event of a key: the sweeper opens a case should the provider never come back. Final within the
    /// provider's own time from now, whatever time the event claims.
    async fn note_refusal(&self) -> Input {
        let parts = &self.delivery.app.parts;
        let patience = parts.provider.patience();
        let now = self.now();
        let patience_ends = self.created_at().saturating_add(patience.refuse_for_ms);
        let note = RefusalNote {
            key: self.order.key.clone(),
            event: self.order.event.clone(),
            provider: parts.provider.name().to_owned(),
            money: self.order.money,
            destination: self.order.destination.clone(),
            refused_at: now,
            final_after: patience_ends.max(now).saturating_add(patience.longest_gap_ms),
        };
        // This version may be taken back, and the event paid under a key that the accepted rules derive.
        for former in &self.order.former_keys {
            self.delivery.noted("another key of its event", || self.add_alias(former)).await;
        }
        self.delivery.noted("a refusal", || parts.ledger.note_refusal(&note)).await;
        Input::Noted
    }

    async fn pay(&mut self, claimed: Claimed) -> Input {
        let parts = &self.delivery.app.parts;
        self.delivery.keep_body.notify_one();
        let Some(connection) = self.connection.take() else {
            return Input::Paid(Verdict::NOT_SENT);
        };
        let payout_ms = self.payout_ms();
        let now = || parts.clock.now();
        let gate = Gate {
            first_byte_before: self.delivery.deadline.saturating_sub(payout_ms + parts.limits.record_ms),
            within: Duration::from_millis(payout_ms),
            now: &now,
        };
        let payment = parts.rail.pay(connection, &self.prepared, claimed, gate).await;
        self.evidence = Some(payment.evidence);
        Input::Paid(payment.verdict)
    }

    async fn record(&mut self, verdict: Verdict) -> Input {
        let parts = &self.delivery.app.parts;
        self.delivery.keep_body.notify_one();
        // The socket is gone before the outcome is written: nothing can leave after it.
        self.connection = None;
        let recorded_at = parts.clock.now();
        let evidence = self.evidence.as_ref().map_or_else(|| self.not_tried(), Evidence::facts);
        let outcome = OutcomeRecord { verdict, evidence, recorded_at };
        let case = verdict.reason().map(|reason| {
            let subject = vec![self.order.key.to_string(), FIRST_ATTEMPT.to_string()];
            let case = self.case(reason, subject, recorded_at);
            // What a hold left unpaid is one thing to work off when it is over.
            if self.was_held() { case.of_cause(HELD) } else { case }
        });
        let recorded = parts.ledger.record(&self.claim, &outcome, case.as_ref()).await;
        if recorded == Recorded::Failed {
            tracing::error!(
                payout_key = %self.order.key, attempt_id = %self.claim.attempt_id, outcome = %verdict.outcome,
                "the outcome could not be recorded: the sweeper will file this attempt"
            );
        }
        Input::Recorded(recorded)
    }

    /// Claimed and filed. While payouts are held that says nothing of the rail, and the sweeper does not count it.
    fn not_tried(&self) -> Vec<(&'static str, String)> {
        let why = if self.was_held() { HELD } else { NOT_TRIED };
        vec![("failure", why.to_owned())]
    }

    fn was_held(&self) -> bool {
        self.evidence.is_none() && self.ruling.hold != Ok(Hold::Pay)
    }

    async fn file(&mut self, reason: Reason) -> Input {
        let parts = &self.delivery.app.parts;
        self.delivery.keep_body.notify_one();
        let mut subject = vec![self.order.key.to_string(), self.order.event.to_string()];
        if reason == Reason::ConflictingDuplicate {
            subject.push(self.order.terms().to_string());
        }
        let mut case = self.case(reason, subject, parts.clock.now());
        if reason == Reason::ConflictingDuplicate
            && let Ok(Some(Standing::Claim(first))) = parts.ledger.standing(&self.order.key, FIRST_ATTEMPT).await
        {
            // For the figures alone: unread, the whole sum counts.
            case = case.differing_from(&first);
        }
        match parts.ledger.file_case(&case).await {
            Ok(_) => Input::CaseFiled,
            Err(error) => {
                tracing::error!(payout_key = %self.order.key, %reason, %error, "a case could not be written");
                Input::CaseNotFiled
            }
        }
    }

    fn case(&self, reason: Reason, subject: Vec<String>, opened_at: u64) -> Case {
        Case {
            provider: Some(self.claim.provider.clone()),
            attempt: Some(FIRST_ATTEMPT),
            body: Some(self.claim.body),
            since: self.claim.received_at,
            ..Case::new(reason, subject, opened_at)
        }
        .with_order(&self.order)
        .of_cause(self.evidence.as_ref().map_or(&self.claim.provider, Evidence::cause))
    }

    fn log(&self, answer: Answer) {
        let end = End::Order(answer);
        let detail = Detail::new(self.evidence.as_ref().map(Evidence::facts).unwrap_or_default());
        payonce_runtime::log!(
            INFO,
            detail,
            payout_key = %self.order.key,
            event_id = %self.order.event,
            attempt_id = %self.claim.attempt_id,
            request_id = %self.delivery.request_id,
            trace_id = self.delivery.trace_id.as_deref(),
            outcome = end.outcome(),
            reason = end.reason(),
            "event answered"
        );
        if let Some(next) = next(answer) {
            tracing::warn!(
                payout_key = %self.order.key, event_id = %self.order.event, request_id = %self.delivery.request_id,
                outcome = end.outcome(), reason = end.reason(), next, "no accepted payout"
            );
        }
    }
}

/// What becomes of an event that was answered 200 and has no accepted payout of this delivery's; a duplicate's is another's.
fn next(answer: Answer) -> Option<&'static str> {
    match answer {
        Answer::Done(Verdict { outcome: Outcome::Accepted, .. }, _) => None,
        Answer::Done(Verdict { outcome: Outcome::Unknown, .. }, _) => Some(
            "nothing is sent again: the sweeper asks the rail whether it has the payout, and a person decides its case",
        ),
        Answer::Done(..) | Answer::Filed(_) => Some("a person decides its case"),
        Answer::Duplicate | Answer::Refused(_) | Answer::Impossible => None,
    }
}

fn step_of(action: &Action) -> Option<Step> {
    match action {
        Action::Connect => Some(Step::Connect),
        Action::PutClaim => Some(Step::Claim),
        Action::Pay(_) => Some(Step::Pay),
        Action::Record(_) => Some(Step::Record),
        _ => None,
    }
}
