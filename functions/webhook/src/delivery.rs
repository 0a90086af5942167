//! From raw bytes to one HTTP status. The order of the steps is the order of the types: only verified bytes are parsed,
//! only parsed events are routed, only routed orders are attempted.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{self, StreamExt};
use lambda_http::{Body, Context, Request, Response};
use payonce_ledger::{Case, LedgerError, Standing};
use payonce_protocol::UnixMillis;
use payonce_protocol::end::End;
use payonce_protocol::event::{Answer, Refusal};
use payonce_protocol::ids::{AttemptId, Digest};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId};
use payonce_protocol::outcome::Reason;
use payonce_providers::{
    BodyMisfit, EventMisfit, ItemMisfit, Misfit, ParsedEvent, Refused, RouteContext, Routed, Verified,
};
use payonce_runtime::metrics::{DeliveryMetrics, Named, Step};
use payonce_runtime::telemetry::{self, Trigger};
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, Span, warn_span};

use crate::app::App;
use crate::gate::Ruling;
use crate::response::{self, EventAnswer};

/// The body's record is written beside the payout. When everything else is done, it is waited for this long.
const BODY_GRACE: Duration = Duration::from_millis(500);

/// Events of one delivery that are handled at the same time: each holds a connection to the rail and one to the table.
const EVENTS_AT_ONCE: usize = 8;

/// One HTTP request of a provider.
pub(crate) struct Delivery<'a> {
    pub(crate) app: &'a App,
    request: Request,
    pub(crate) received_at: UnixMillis,
    /// When the platform ends this invocation: after it, nothing of it runs.
    pub(crate) deadline: UnixMillis,
    pub(crate) request_id: String,
    pub(crate) trace_id: Option<String>,
    invoked_arn: String,
    /// Told once an event needs the body to be kept.
    pub(crate) keep_body: Notify,
}

/// `cargo lambda watch` always says 600000: the time that is left, not the moment of the deadline. Only its placeholder ARN, in a
/// debug build, is corrected; deployed code trusts the deadline.
fn deadline(context: &Context, received_at: UnixMillis) -> UnixMillis {
    let watched = cfg!(debug_assertions) && context.invoked_function_arn == "function-arn";
    if watched { received_at.saturating_add(context.deadline) } else { context.deadline }
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(app: &'a App, request: Request, context: Context) -> Self {
        let received_at = app.parts.clock.now();
        Self {
            app,
            received_at,
            deadline: deadline(&context, received_at),
            request_id: context.request_id,
            trace_id: context.xray_trace_id,
            invoked_arn: context.invoked_function_arn,
            keep_body: Notify::new(),
            request,
        }
    }

    /// Every line has the ids of the invocation, and what was not plain its steps.
    pub(crate) async fn answer(&self) -> Response<Body> {
        let arn = &self.invoked_arn;
        let around = telemetry::invocation(Trigger::Http, &self.request_id, self.trace_id.as_deref(), arn);
        let delivery = around.in_scope(|| {
            let provider = self.app.parts.provider.name();
            warn_span!("delivery", provider, http.response.status_code = Empty, plain = Empty)
        });
        // On the heap: the compiler computes so many futures within each other and no more.
        let response = Box::pin(self.measured()).instrument(delivery.clone()).await;
        let status = response.status().as_u16();
        delivery.record("http.response.status_code", status);
        // Anybody can cause these, as many as they like. The lines that they leave anyway say all there is.
        if matches!(status, 401 | 413) {
            telemetry::plain(&delivery);
        }
        response
    }

    async fn measured(&self) -> Response<Body> {
        let mut metrics = self.app.parts.metrics.delivery(self.app.parts.provider.name());
        metrics.request_id(&self.request_id);
        if let Some(trace_id) = &self.trace_id {
            metrics.trace_id(trace_id);
        }
        let response = self.verified_or_refused(&mut metrics).await;
        metrics.answered(response.status().as_u16(), self.app.parts.clock.now().saturating_sub(self.received_at));
        response
    }

    async fn verified_or_refused(&self, metrics: &mut DeliveryMetrics) -> Response<Body> {
        let body: &[u8] = self.request.body().as_ref();
        if body.len() > self.app.parts.provider.max_body_bytes() {
            metrics.refused_unverified("too_large");
            return response::too_large();
        }
        let verified = self.verify(body).instrument(warn_span!("verify")).await;
        if self.app.parts.secrets.is_stale(self.app.parts.clock.now()).await {
            metrics.secrets_stale();
        }
        metrics.took(Step::Verify, self.app.parts.clock.now().saturating_sub(self.received_at));
        match verified {
            Ok(verified) => self.verified(&verified, body, metrics).await,
            Err(Unverified::Unchecked) => {
                tracing::error!(request_id = %self.request_id, "no signature can be checked: the secrets could not be read for an hour");
                metrics.refused_unverified("secrets_not_read");
                response::not_checked()
            }
            Err(Unverified::Refused(refused)) => {
                tracing::warn!(request_id = %self.request_id, reason = refused.as_str(), "signature refused");
                metrics.refused_unverified(refused.as_str());
                response::not_verified()
            }
        }
    }

    /// A failed check may mean that the secret was rotated: it is read again, once a minute at the most, and tried once.
    async fn verify<'b>(&self, body: &'b [u8]) -> Result<Verified<'b>, Unverified> {
        let (parts, now, headers) = (&self.app.parts, self.received_at, self.request.headers());
        let secrets = parts.secrets.trusted(now).await.ok_or(Unverified::Unchecked)?;
        let refused = match parts.provider.verify(&secrets, headers, body, now) {
            Err(refused @ (Refused::Mismatch | Refused::UnusableSecret)) => refused,
            settled => return settled.map_err(Unverified::Refused),
        };
        match parts.secrets.refresh(now).await {
            Some(secrets) => parts.provider.verify(&secrets, headers, body, now).map_err(Unverified::Refused),
            None => Err(Unverified::Refused(refused)),
        }
    }

    async fn verified(&self, verified: &Verified<'_>, body: &[u8], metrics: &mut DeliveryMetrics) -> Response<Body> {
        metrics.verified();
        let digest = Digest::of(body);
        let mut body_record = pin!(async {
            self.keep_body.notified().await;
            self.put_body(digest, body).await
        });
        let events = match select(pin!(self.events(verified, digest)), body_record.as_mut()).await {
            Either::Left((events, _)) => {
                // Only a body that an event asked for is under way.
                if events.iter().any(|event| event.keeps_body) && timeout(BODY_GRACE, body_record).await != Ok(true) {
                    metrics.body_lost();
                }
                events
            }
            Either::Right((stored, events)) => {
                if !stored {
                    metrics.body_lost();
                }
                events.await
            }
        };
        for EventEnd { answer, attempt_id, steps, .. } in &events {
            steps.iter().for_each(|(step, ms)| metrics.took(*step, *ms));
            let named = Named {
                event: answer.event.as_deref(),
                payout_key: answer.payout_key.as_deref(),
                attempt_id: *attempt_id,
            };
            metrics.event(named, answer.end);
        }
        if events.iter().all(|event| event.answer.end.is_plain()) {
            telemetry::plain(&Span::current());
        }
        response::to_events(events.iter().map(|event| &event.answer))
    }

    async fn put_body(&self, digest: Digest, body: &[u8]) -> bool {
        let parts = &self.app.parts;
        let put = parts.ledger.put_body(digest, body, self.received_at, parts.limits.body_days);
        match put.instrument(warn_span!("keep_body")).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(request_id = %self.request_id, body = %digest, %error, "the body's record is lost; its hash stays");
                false
            }
        }
    }

    /// Every event of the delivery, parsed before the first is claimed. Nothing that a body causes answers 5xx
    /// (503-means-unclaimed): a panic in here is caught and becomes a case.
    async fn events(&self, verified: &Verified<'_>, body: Digest) -> Vec<EventEnd> {
        let parsed = std::panic::catch_unwind(AssertUnwindSafe(|| self.app.parts.provider.events(verified)));
        match parsed {
            Ok(Ok(events)) => {
                let ruling = self.app.control.ruling(&self.app.parts.ledger, self.received_at);
                let ruling = ruling.instrument(warn_span!("ruling")).await;
                self.handled(&events, body, ruling).await
            }
            Ok(Err(misfit)) => {
                let event = match &misfit {
                    BodyMisfit::Event(event) => Some(event),
                    _ => None,
                };
                vec![self.misfit_body(body, body, event, misfit.to_string()).await]
            }
            Err(_) => vec![self.misfit_body(body, body, None, "the parser gave up".to_owned()).await],
        }
    }

    /// What bars a payout comes first, wherever it stands in the body. Should it not be durable, nothing of this delivery is
    /// paid: it comes again whole. The answers are in the order of the body, whichever ends first.
    async fn handled(
        &self,
        events: &[Result<ParsedEvent, ItemMisfit>],
        body: Digest,
        mut ruling: Ruling,
    ) -> Vec<EventEnd> {
        let provider = &self.app.parts.provider;
        let blocks = |item: &Result<ParsedEvent, ItemMisfit>| item.as_ref().is_ok_and(|event| provider.blocks(event));
        let (first, then): (Vec<usize>, Vec<usize>) = (0..events.len()).partition(|index| blocks(&events[*index]));
        let mut ended = Vec::with_capacity(events.len());
        for indexes in [first, then] {
            let handled: Vec<_> = indexes.iter().map(|index| self.item(&events[*index], body, &ruling)).collect();
            let handled: Vec<EventEnd> = stream::iter(handled).buffered(EVENTS_AT_ONCE).collect().await;
            if ruling.hold.is_ok() && !handled.iter().all(|ended| ended.answer.is_final()) {
                ruling.hold = Err(Refusal::ClaimUncertain);
            }
            ended.extend(indexes.into_iter().zip(handled));
        }
        ended.sort_by_key(|(index, _)| *index);
        ended.into_iter().map(|(_, ended)| ended).collect()
    }

    /// One that cannot be read is a case, and no hindrance to its neighbours.
    async fn item(&self, item: &Result<ParsedEvent, ItemMisfit>, body: Digest, ruling: &Ruling) -> EventEnd {
        match item {
            Ok(event) => self.event(event, body, ruling).await,
            Err(misfit) => self.misfit_body(body, misfit.item, Some(&misfit.misfit), misfit.to_string()).await,
        }
    }

    async fn event(&self, event: &ParsedEvent, body: Digest, ruling: &Ruling) -> EventEnd {
        let span = warn_span!("event", event_id = %event.id);
        let handled = AssertUnwindSafe(self.route(event, body, ruling).instrument(span)).catch_unwind().await;
        match handled {
            Ok(ended) => ended,
            Err(_) => self.filed(event, self.case(event, Reason::InvalidEvent, body), "its handler panicked").await,
        }
    }

    async fn route(&self, event: &ParsedEvent, body: Digest, ruling: &Ruling) -> EventEnd {
        let parts = &self.app.parts;
        let Ruling { paid_from, files_undated, .. } = *ruling;
        let now = self.received_at;
        let context = RouteContext { rail_mode: parts.rail.mode(), paid_from, files_undated, now };
        let routed = warn_span!("route").in_scope(|| parts.provider.route(event, &context));
        match routed {
            Routed::Order(order) => match parts.rail.prepare(&order, 1) {
                Ok(prepared) => {
                    let order = parts.provider.with_former_keys(order, event, &ruling.former);
                    self.attempt(event, order, prepared, body, ruling).await
                }
                Err(misfit) => {
                    let case = self.case(event, Reason::InvalidEvent, body).with_order(&order);
                    self.filed(event, case, &misfit.to_string()).await
                }
            },
            Routed::Block(block) => {
                let span = warn_span!("bar", payout_key = %block.key);
                self.block(event, &block, body, ruling).instrument(span).await
            }
            Routed::NoPayout(_) => EventEnd::new(Some(event), None, End::NoPayout),
            Routed::Unrouted { event_type } => {
                let subject = vec![parts.provider.name().to_owned(), event_type];
                let case = Case { subject, ..self.case(event, Reason::UnroutedEvent, body) };
                self.filed(event, case, "no rule names this type, and it is not ignored").await
            }
            Routed::Misfit(misfit) if self.has_claimed(&misfit, event, ruling).await => {
                EventEnd::new(Some(event), misfit.key.map(|key| key.to_string()), End::Order(Answer::Duplicate))
            }
            Routed::Misfit(Misfit { reason, problem, key, money, destination, shared, lifted }) => {
                let case = self.case(event, reason, body);
                let case = if lifted.is_some() { case.of_limit() } else { case };
                let subject = shared.unwrap_or_else(|| case.subject.clone());
                self.filed(event, Case { subject, key, money, destination, ..case }, &problem).await
            }
        }
    }

    pub(crate) fn case(&self, event: &ParsedEvent, reason: Reason, body: Digest) -> Case {
        let provider = self.app.parts.provider.name();
        Case {
            provider: Some(provider.to_owned()),
            event: Some(event.id.clone()),
            body: Some(body),
            ..Case::new(reason, vec![provider.to_owned(), event.id.to_string()], self.received_at)
        }
        .of_cause(provider)
    }

    /// The whole body, or one item of it. What can be read of it names it: what it shares with others of its kind, else its
    /// event's id; else its hash does.
    async fn misfit_body(
        &self,
        body: Digest,
        nameless: Digest,
        misfit: Option<&EventMisfit>,
        problem: String,
    ) -> EventEnd {
        let provider = self.app.parts.provider.name();
        let event = misfit.and_then(|misfit| misfit.event.clone());
        let named = || vec![provider.to_owned(), event.as_ref().map_or(nameless.to_string(), ToString::to_string)];
        let subject = misfit.and_then(|misfit| misfit.shared.clone()).unwrap_or_else(named);
        // What shares a case leaves a record of its own there, by whatever names it.
        let by_hash = || EventId::new(format!("?/{nameless}")).ok();
        let is_shared = misfit.is_some_and(|misfit| misfit.shared.is_some());
        let event = event.or_else(|| by_hash().filter(|_| is_shared));
        let case = Case {
            provider: Some(provider.to_owned()),
            event,
            body: Some(body),
            ..Case::new(Reason::InvalidEvent, subject, self.received_at)
        }
        .of_cause(provider);
        let event = case.event.as_ref().map(ToString::to_string);
        let answer = EventAnswer { event, payout_key: None, end: self.file(case, &problem).await };
        EventEnd { answer, attempt_id: None, steps: vec![], keeps_body: true }
    }

    /// What is known to be claimed by this very event, or closed for it by people who knew its terms, is a duplicate, and no
    /// case, whatever its rule says of it now: that it is too old, above a limit that was lowered or that two people lifted,
    /// or of an unknown state. Where it asks for other terms than those, it is a case.
    async fn has_claimed(&self, misfit: &Misfit, event: &ParsedEvent, ruling: &Ruling) -> bool {
        let parts = &self.app.parts;
        let Some(key) = &misfit.key else { return false };
        let same = |money: &Money, destination: &Destination| {
            misfit.money.is_none_or(|ours| ours == *money)
                && misfit.destination.as_ref().is_none_or(|ours| ours == destination)
        };
        for key in std::iter::once(key).chain(&parts.provider.former_keys(event, &ruling.former)) {
            let place = parts.ledger.place(key, Some(&event.id)).await;
            let is_its_own = match place.ok().and_then(|place| place.standing) {
                Some(Standing::Claim(claim)) => claim.event == event.id && same(&claim.money, &claim.destination),
                Some(Standing::Closing(closing)) => {
                    let terms = closing.terms.as_ref();
                    closing.event.as_ref() == Some(&event.id)
                        && terms.is_some_and(|(money, destination)| same(money, destination))
                }
                Some(Standing::Bar(_)) | None => false,
            };
            if is_its_own {
                return true;
            }
        }
        false
    }

    async fn filed(&self, event: &ParsedEvent, case: Case, problem: &str) -> EventEnd {
        let payout_key = case.key.as_ref().map(ToString::to_string);
        let end = self.file(case, problem).await;
        EventEnd { keeps_body: true, ..EventEnd::new(Some(event), payout_key, end) }
    }

    /// A case that the answer depends on is durable before the 200 (filed-is-an-open-case).
    pub(crate) async fn file(&self, case: Case, problem: &str) -> End {
        let payout_key = case.key.as_ref().map(tracing::field::display);
        let span = warn_span!("file_case", case = %case.id(), payout_key);
        self.filed_once(case, problem).instrument(span).await
    }

    async fn filed_once(&self, case: Case, problem: &str) -> End {
        self.keep_body.notify_one();
        let (reason, case) = (case.reason, case.of_problem(problem));
        let (cause, id) = (case.cause().unwrap_or_default(), case.id());
        // A case that events share speaks of the first; whoever watches the log sees each. No problem repeats a value.
        tracing::warn!(
            request_id = %self.request_id, case = %id, %reason, cause, problem,
            event_id = case.event.as_ref().map(tracing::field::display),
            payout_key = case.key.as_ref().map(tracing::field::display), next = "a person decides it", "a case is filed"
        );
        match self.app.parts.ledger.file_case(&case).await {
            Ok(_) => End::Filed(reason),
            Err(error) => {
                tracing::error!(request_id = %self.request_id, %reason, %error, "a case could not be written: asking for redelivery");
                self.noted("a case", || self.app.parts.ledger.note_case(&case)).await;
                End::NotFiled
            }
        }
    }

    /// A 503 is noted first, or an event that never comes back would leave no trace. Tables that take no note are asked once
    /// more while there is time; a 503 whose note they do not take even then rests on the provider alone.
    pub(crate) async fn noted<F>(&self, what: &'static str, note: impl Fn() -> F)
    where
        F: Future<Output = Result<(), LedgerError>>,
    {
        let parts = &self.app.parts;
        let has_time = || parts.clock.now().saturating_add(parts.limits.record_ms) <= self.deadline;
        let mut written = note().await;
        if written.is_err() && has_time() {
            written = note().await;
        }
        if let Err(error) = written {
            tracing::error!(request_id = %self.request_id, what, %error, "a 503 is answered without a note");
        }
    }
}

enum Unverified {
    Refused(Refused),
    /// Nothing that can be trusted to check it with: it may well be the provider's.
    Unchecked,
}

/// What became of one event, with what its delivery is to report.
pub(crate) struct EventEnd {
    pub(crate) answer: EventAnswer,
    pub(crate) attempt_id: Option<AttemptId>,
    pub(crate) steps: Vec<(Step, u64)>,
    /// The delivery's body is evidence of something.
    pub(crate) keeps_body: bool,
}

impl EventEnd {
    pub(crate) fn new(event: Option<&ParsedEvent>, payout_key: Option<String>, end: End) -> Self {
        let answer = EventAnswer { event: event.map(|event| event.id.to_string()), payout_key, end };
        Self { answer, attempt_id: None, steps: vec![], keeps_body: false }
    }
}
