//! Performs what the protocol's state machine asks for. What follows what is decided there; here is only how each is done.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use payonce_ledger::{Case, Claim, Ledger, LedgerError, OutcomeRecord, Standing};
use payonce_protocol::UnixMillis;
use payonce_protocol::end::End;
use payonce_protocol::event::{Action, Answer, Claimed, Event, Input};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::{HELD, Hold, NOT_TRIED};
use payonce_protocol::ids::AttemptId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_rails::{Evidence, Rail};
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Limits;
use payonce_runtime::metrics::Step;
use payonce_runtime::random;
use payonce_runtime::telemetry::Detail;
use payonce_wire::Gate;
use tracing::field::Empty;
use tracing::{Instrument, Span, warn_span};

use crate::occasion::{Intent, Occasion};
use crate::socket::{Closed, Socket};
use crate::time::Time;

/// What an attempt is made with; `P` are the powers of the function that makes it.
#[derive(Clone, Copy)]
pub struct Parts<'a, P> {
    pub ledger: &'a Ledger<P>,
    pub rail: &'a Rail,
    pub clock: &'a Clock,
    pub limits: &'a Limits,
}

/// How an attempt ended, and how long its steps took in milliseconds.
pub struct AttemptEnd {
    pub attempt_id: AttemptId,
    pub answer: Answer,
    pub steps: Vec<(Step, u64)>,
}

/// One attempt, from the gate to the recorded outcome.
pub struct Attempt<'a, O: Occasion> {
    parts: Parts<'a, O::Powers>,
    occasion: O,
    intent: Intent,
    /// Built once, so that a second put sends the identical item.
    claim: Claim,
    evidence: Option<Evidence>,
    steps: Vec<(Step, u64)>,
}

impl<'a, O: Occasion> Attempt<'a, O> {
    pub fn new(parts: Parts<'a, O::Powers>, occasion: O, intent: Intent) -> Self {
        let claim = claim(&intent, parts);
        Self { parts, occasion, intent, claim, evidence: None, steps: vec![] }
    }

    pub async fn run(self) -> AttemptEnd {
        let claim = &self.claim;
        let span = warn_span!(
            "attempt", payout_key = %claim.key, event_id = %claim.event, attempt = claim.attempt,
            attempt_id = %claim.attempt_id, outcome = Empty
        );
        self.driven().instrument(span).await
    }

    async fn driven(mut self) -> AttemptEnd {
        let machine = Event::new(self.claim.facts(), self.intent.prepared.digest());
        let mut machine = if self.intent.order.former_keys.is_empty() { machine } else { machine.with_former_keys() };
        let (mut socket, mut input) = (Socket::default(), self.gate());
        let answer = loop {
            let action = machine.step(input);
            let span = self.span_of(&action);
            let performed = AssertUnwindSafe(self.perform(action, &mut socket).instrument(span)).catch_unwind().await;
            input = match performed {
                Ok(ControlFlow::Continue(input)) => input,
                Ok(ControlFlow::Break(answer)) => break self.judged_answer(answer),
                Err(_) => Input::Panicked,
            };
        };
        Span::current().record("outcome", End::Order(answer).outcome());
        self.log(answer);
        AttemptEnd { attempt_id: self.claim.attempt_id, answer, steps: self.steps }
    }

    async fn perform(&mut self, action: Action, socket: &mut Socket) -> ControlFlow<Answer, Input> {
        let (step, began_at) = (step_of(&action), self.now());
        let input = match action {
            Action::LookUpFormer => self.recall().await,
            Action::LookAtGate => self.gate(),
            Action::Connect => self.connect(socket).await,
            Action::LookUpClaim => self.look_up(std::slice::from_ref(&self.claim.key)).await,
            Action::NoteRefusal => {
                self.occasion.note_refusal(&self.intent).await;
                Input::Noted
            }
            Action::PutClaim => Input::Claim(self.occasion.put_claim(socket.take_for_claim(), &self.claim).await),
            Action::Pay(claimed) => self.pay(claimed, socket).await,
            Action::Record(verdict) => self.record(verdict, &socket.close()).await,
            Action::FileCase(reason) => self.file(reason).await,
            Action::Answer(answer) => return ControlFlow::Break(answer),
        };
        self.steps.extend(step.map(|step| (step, self.now().saturating_sub(began_at))));
        ControlFlow::Continue(input)
    }

    /// The trace's id is not sent to the rail: every header but the secret's is part of the request whose hash the claim keeps, and a
    /// further attempt under the same rail key has to repeat those bytes. The rail's own id of the request leads to its logs.
    fn span_of(&self, action: &Action) -> Span {
        let (address, port) = self.parts.rail.server();
        match action {
            Action::LookUpFormer => warn_span!("recall"),
            Action::LookAtGate => warn_span!("gate"),
            Action::Connect => warn_span!("connect", server.address = address, server.port = port),
            Action::LookUpClaim => warn_span!("look_up_claim"),
            Action::NoteRefusal => warn_span!("note_refusal"),
            Action::PutClaim => warn_span!("claim"),
            Action::Pay(_) => warn_span!(
                "pay",
                http.request.method = %self.intent.prepared.method(),
                server.address = address,
                server.port = port,
                http.response.status_code = Empty,
                "error.type" = Empty,
            ),
            Action::Record(_) => warn_span!("record"),
            Action::FileCase(_) => warn_span!("file_case"),
            Action::Answer(_) => Span::none(),
        }
    }

    fn now(&self) -> UnixMillis {
        self.parts.clock.now()
    }

    fn time(&self) -> Time<'a> {
        Time { limits: self.parts.limits, deadline: self.intent.deadline, answer_by: self.intent.answer_by }
    }

    fn gate(&self) -> Input {
        match self.intent.hold {
            Ok(hold) => {
                let now = self.now();
                Input::Gate { hold, time: self.time().left(now), patience: self.occasion.patience(now) }
            }
            Err(refusal) => Input::Barred(refusal),
        }
    }

    /// To the rail, and to the claim's table beside it: whoever waits for the payout waits for the slower of the two. Without the rail
    /// nothing is claimed; without the other the claim has still a connection of its own to open.
    async fn connect(&self, socket: &mut Socket) -> Input {
        let Parts { rail, ledger, limits, .. } = self.parts;
        let within = Duration::from_millis(limits.connect_ms);
        match tokio::try_join!(rail.connect(within), ledger.connect_for_claim(within).map(Ok)) {
            Ok((rail, claim)) => {
                socket.open(rail, claim);
                Input::Connected
            }
            Err(failure) => {
                tracing::warn!(
                    payout_key = %self.claim.key, attempt = self.claim.attempt, request_id = self.claim.request_id,
                    %failure, "the rail cannot be reached"
                );
                Input::NotConnected { patience: self.occasion.patience(self.now()) }
            }
        }
    }

    /// Before anything is done under the own key, each of the others names it: what is refused under one of them and paid
    /// here is then found by whoever asks about the one.
    async fn recall(&self) -> Input {
        let order = &self.intent.order;
        let found = self.look_up(&order.former_keys).await;
        if !matches!(found, Input::ClaimRead(None)) {
            return found;
        }
        for former in &order.former_keys {
            if let Err(error) = self.parts.ledger.add_alias(&order.event, &order.key, former).await {
                tracing::warn!(payout_key = %former, %error, "the event's other key cannot be written");
                return Input::ClaimNotRead;
            }
        }
        found
    }

    /// What stands under the first of the keys that is taken.
    async fn look_up(&self, keys: &[PayoutKey]) -> Input {
        for key in keys {
            match self.parts.ledger.standing(key, self.claim.attempt).await {
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

    /// The only place from which a payout is paid. It takes both the claim and the connection for good.
    async fn pay(&mut self, claimed: Claimed, socket: &mut Socket) -> Input {
        self.occasion.body_is_evidence();
        let Some(connection) = socket.take() else {
            return Input::Paid(Verdict::NOT_SENT);
        };
        let (time, now) = (self.time(), || self.parts.clock.now());
        let payout_ms = time.payout_ms(now());
        let gate = Gate {
            first_byte_before: time.first_byte_before(payout_ms),
            within: Duration::from_millis(payout_ms),
            now: &now,
        };
        let payment = self.parts.rail.pay(connection, &self.intent.prepared, claimed, gate).await;
        let (span, said) = (Span::current(), &payment.evidence);
        if let Some(status) = said.http_status {
            span.record("http.response.status_code", status);
        }
        if let Some(failure) = said.failure {
            span.record("error.type", failure);
        }
        self.evidence = Some(payment.evidence);
        Input::Paid(payment.verdict)
    }

    async fn record(&self, verdict: Verdict, _: &Closed<'_>) -> Input {
        self.occasion.body_is_evidence();
        let recorded_at = self.now();
        let outcome = OutcomeRecord { verdict, evidence: self.facts(verdict), recorded_at };
        let case = self.judged(verdict).reason().map(|reason| {
            let case = Case::of_claim(reason, &self.claim, recorded_at);
            // What a hold left unpaid is one thing to work off when it is over.
            let cause = if self.was_held() { HELD } else { self.cause() };
            case.of_cause(cause)
        });
        Input::Recorded(self.parts.ledger.record(&self.claim, &outcome, case.as_ref()).await)
    }

    /// What the outcome's record says of the payment. Of one that was not tried while payouts were held, that says nothing of
    /// the rail, and the sweeper does not count it.
    fn facts(&self, verdict: Verdict) -> Facts {
        let untried = || {
            let why = match verdict.outcome {
                _ if self.was_held() => HELD,
                // Its code panicked while the request may have been under way.
                Outcome::Unknown => "panicked",
                _ => NOT_TRIED,
            };
            Facts::from([(FactName::Failure, why)])
        };
        self.evidence.as_ref().map_or_else(untried, Evidence::record)
    }

    fn cause(&self) -> &str {
        self.evidence.as_ref().map_or(&self.claim.provider, Evidence::cause)
    }

    fn was_held(&self) -> bool {
        self.evidence.is_none() && self.intent.hold != Ok(Hold::Pay)
    }

    /// A replay is what the same rail key is for when an earlier request may have paid; any other says that somebody else
    /// sent it. The record keeps what the rail said.
    fn judged(&self, verdict: Verdict) -> Verdict {
        Verdict { replayed: verdict.replayed && !self.intent.replay_is_expected, ..verdict }
    }

    fn judged_answer(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Done(verdict, recorded) => Answer::Done(self.judged(verdict), recorded),
            other => other,
        }
    }

    async fn file(&self, reason: Reason) -> Input {
        self.occasion.body_is_evidence();
        let Some(case) = self.occasion.case_of_event(reason, &self.claim).await else {
            return Input::CaseFiled;
        };
        match self.parts.ledger.file_case(&case).await {
            Ok(_) => Input::CaseFiled,
            Err(error) => {
                tracing::error!(payout_key = %self.claim.key, %reason, %error, "a case could not be written");
                Input::CaseNotFiled
            }
        }
    }

    fn log(&self, answer: Answer) {
        let (claim, end) = (&self.claim, End::Order(answer));
        let detail = Detail::new(self.evidence.as_ref().map(Evidence::facts).unwrap_or_default());
        payonce_runtime::log!(
            INFO,
            detail,
            payout_key = %claim.key,
            event_id = %claim.event,
            attempt = claim.attempt,
            attempt_id = %claim.attempt_id,
            request_id = %claim.request_id,
            trace_id = claim.trace_id.as_deref(),
            outcome = end.outcome(),
            reason = end.reason(),
            "{}", O::ENDED
        );
        if let Some(next) = next(answer) {
            tracing::warn!(
                payout_key = %claim.key, event_id = %claim.event, attempt = claim.attempt, request_id = %claim.request_id,
                outcome = end.outcome(), reason = end.reason(), next, "no accepted payout"
            );
        }
    }
}

fn claim<P>(intent: &Intent, Parts { rail, clock, .. }: Parts<'_, P>) -> Claim {
    let Intent { order, prepared, .. } = intent;
    Claim {
        key: order.key.clone(),
        attempt: intent.attempt,
        attempt_id: random::attempt_id(),
        event: order.event.clone(),
        provider: intent.provider.clone(),
        money: order.money,
        destination: order.destination.clone(),
        received_at: intent.received_at,
        claimed_at: clock.now(),
        expires_at: intent.deadline,
        body: intent.body,
        rail: rail.name().to_owned(),
        rail_account: rail.account(),
        rail_mode: rail.mode(),
        rail_key: prepared.rail_key().to_string(),
        key_generation: prepared.key_generation(),
        request: prepared.digest(),
        request_id: intent.request_id.clone(),
        trace_id: intent.trace_id.clone(),
    }
}

/// What becomes of a payout that was answered for good and was not accepted by this attempt; a duplicate's is another's.
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

/// The steps whose time is measured.
fn step_of(action: &Action) -> Option<Step> {
    match action {
        Action::Connect => Some(Step::Connect),
        Action::PutClaim => Some(Step::Claim),
        Action::Pay(_) => Some(Step::Pay),
        Action::Record(_) => Some(Step::Record),
        _ => None,
    }
}
