//! Log lines, and the spans around them. A line is one flat JSON object with the fields of its event; which invocation it is of and which
//! payout it is about it has from the spans that it stands in. Spans are written only where something was not plain: then the root's
//! line holds the whole tree of steps, each with how long it took.

use std::fmt;
use std::io::Write;

use jiff::Timestamp;
use payonce_protocol::UnixMillis;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::clock::Clock;

/// The field that a root has; its span is not written once this is `true`. What ends before it is recorded was not plain.
const PLAIN: &str = "plain";

/// What a span may say. Anything else that is given to one is not kept, so that no body, name or secret comes into a line by it. Names
/// are OpenTelemetry's where it has one: <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>,
/// <https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/>.
///
/// `http.request.resend_count` is none of them. It counts how often a client sent a request again, and here each request of a payout
/// is sent once (one-request-per-attempt): whoever found a number there would have to believe that it was not.
const OF_SPANS: [&str; 16] = [
    "aws.lambda.invoked_arn",
    "attempt",
    "attempt_id",
    "case",
    "error.type",
    "event_id",
    "faas.invocation_id",
    "faas.trigger",
    "http.request.method",
    "http.response.status_code",
    "outcome",
    "payout_key",
    "provider",
    "server.address",
    "server.port",
    "trace_id",
];

/// What a line has of the spans around it, under which name.
const INHERITED: [(&str, &str); 3] =
    [("faas.invocation_id", "request_id"), ("trace_id", "trace_id"), (PAYOUT_KEY, PAYOUT_KEY)];
const PAYOUT_KEY: &str = "payout_key";

/// An ARN is not longer, nor a payout key.
const VALUE_BYTES: usize = 256;
/// Of one tree: with its fields each has some 200 bytes, and CloudWatch takes a line of 256 KB
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).
const STEPS_AT_MOST: u32 = 300;

/// Names and values, in their order.
type Fields = Vec<(&'static str, Value)>;

pub(super) struct Lines<W> {
    pub(super) clock: Clock,
    pub(super) writer: W,
}

/// One span, while it is open and when it is over.
struct Step {
    name: &'static str,
    began: UnixMillis,
    ms: u64,
    fields: Fields,
    steps: Vec<Step>,
    /// Of all steps below.
    left_off: u32,
    is_plain: Option<bool>,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let is_root = span.metadata().fields().field(PLAIN).is_some();
        let mut step = Step {
            name: span.name(),
            began: self.clock.now(),
            ms: 0,
            fields: vec![],
            steps: vec![],
            left_off: 0,
            is_plain: is_root.then_some(false),
        };
        attributes.record(&mut step);
        span.extensions_mut().insert(step);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(step) = span.extensions_mut().get_mut::<Step>()
        {
            values.record(step);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let inherited = inherited(context.event_scope(event), &said.0);
        self.write(event.metadata(), &said.0, &inherited, None);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut step) = span.extensions_mut().remove::<Step>() else { return };
        step.ms = self.clock.now().saturating_sub(step.began);
        if step.is_plain == Some(false) {
            let said = vec![("message", Value::from("not a plain success: every step, with its milliseconds"))];
            let mut around = step.own();
            around.extend(inherited(span.parent().map(|parent| parent.scope()), &around));
            around.extend(outside(span.parent().map(|parent| parent.scope())));
            around.extend(step.one_payout().filter(|_| around.iter().all(|(name, _)| *name != PAYOUT_KEY)));
            self.write(span.metadata(), &said, &around, Some(&step));
        } else if let Some(parent) = span.parent()
            && let Some(above) = parent.extensions_mut().get_mut::<Step>()
        {
            above.take(step);
        }
    }
}

impl<W: for<'w> MakeWriter<'w>> Lines<W> {
    /// In one write, before it returns: a function that is frozen or killed loses what stands in a buffer.
    fn write(&self, of: &Metadata<'_>, said: &[(&str, Value)], inherited: &[(&str, Value)], steps: Option<&Step>) {
        let line = Line { at: self.clock.now(), of, said, inherited, steps };
        if let Ok(mut line) = serde_json::to_vec(&line) {
            line.push(b'\n');
            // A line that cannot be written must not stop a delivery.
            let _ = self.writer.make_writer_for(of).write_all(&line);
        }
    }
}

/// Of the nearest span that has it; what the event says itself comes first.
fn inherited<'s, S>(scope: Option<Scope<'s, S>>, said: &[(&str, Value)]) -> Fields
where
    S: Subscriber + LookupSpan<'s>,
{
    let mut found: Fields = vec![];
    for span in scope.into_iter().flatten() {
        let extensions = span.extensions();
        let Some(step) = extensions.get::<Step>() else { continue };
        for (name, value) in step.own() {
            let is_known =
                said.iter().any(|(known, _)| *known == name) || found.iter().any(|(known, _)| *known == name);
            if !is_known {
                found.push((name, value));
            }
        }
    }
    found
}

/// What else the spans around a root say: of its invocation, which version of the function it was.
fn outside<'s, S>(scope: Option<Scope<'s, S>>) -> Fields
where
    S: Subscriber + LookupSpan<'s>,
{
    let is_inherited = |field: &str| INHERITED.iter().any(|(of_span, _)| *of_span == field);
    let mut fields: Fields = vec![];
    for span in scope.into_iter().flatten() {
        let extensions = span.extensions();
        let own = extensions.get::<Step>().map(|step| step.fields.as_slice()).unwrap_or_default();
        fields.extend(own.iter().filter(|(name, _)| !is_inherited(name)).cloned());
    }
    fields
}

impl Step {
    /// What lines have of it, under their names.
    fn own(&self) -> Fields {
        let named = INHERITED.iter().filter_map(|(of_span, name)| {
            let (_, value) = self.fields.iter().find(|(field, _)| field == of_span)?;
            Some((*name, value.clone()))
        });
        named.collect()
    }

    /// The payout key of its steps, where all of them are about one.
    fn one_payout(&self) -> Option<(&'static str, Value)> {
        let mut keys = vec![];
        self.payouts(&mut keys);
        let first = keys.first().copied().filter(|first| keys.iter().all(|key| key == first));
        first.map(|key| (PAYOUT_KEY, key.clone()))
    }

    fn payouts<'s>(&'s self, keys: &mut Vec<&'s Value>) {
        keys.extend(self.fields.iter().filter(|(name, _)| *name == PAYOUT_KEY).map(|(_, key)| key));
        self.steps.iter().for_each(|step| step.payouts(keys));
    }

    fn count(&self) -> u32 {
        self.steps.iter().map(Self::count).sum::<u32>().saturating_add(1)
    }

    fn take(&mut self, step: Self) {
        if self.count() + step.count() > STEPS_AT_MOST {
            self.left_off = self.left_off.saturating_add(step.count()).saturating_add(step.left_off);
        } else {
            self.steps.push(step);
        }
    }

    fn keep(&mut self, field: &Field, value: Value) {
        if !OF_SPANS.contains(&field.name()) {
            return;
        }
        match self.fields.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, kept)) => *kept = value,
            None => self.fields.push((field.name(), value)),
        }
    }
}

impl Visit for Step {
    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == PLAIN && self.is_plain.is_some() {
            self.is_plain = Some(value);
        }
        self.keep(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let value: String = value.chars().filter(char::is_ascii_graphic).take(VALUE_BYTES).collect();
        self.keep(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The fields of an event.
#[derive(Default)]
struct Said(Fields);

impl Visit for Said {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), value.into()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.into()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}").into()));
    }
}

struct Line<'l> {
    at: UnixMillis,
    of: &'l Metadata<'l>,
    said: &'l [(&'l str, Value)],
    inherited: &'l [(&'l str, Value)],
    steps: Option<&'l Step>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        let at = i64::try_from(self.at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        line.serialize_entry("timestamp", &format!("{:.3}", at.unwrap_or_default()))?;
        line.serialize_entry("level", level(*self.of.level()))?;
        for (name, value) in self.said.iter().chain(self.inherited) {
            line.serialize_entry(name, value)?;
        }
        if let Some(steps) = self.steps {
            line.serialize_entry("steps", steps)?;
        }
        line.serialize_entry("target", self.of.target())?;
        line.end()
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG => "DEBUG",
        Level::TRACE => "TRACE",
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut step = serializer.serialize_map(None)?;
        step.serialize_entry("name", self.name)?;
        step.serialize_entry("ms", &self.ms)?;
        for (name, value) in &self.fields {
            step.serialize_entry(name, value)?;
        }
        if !self.steps.is_empty() {
            step.serialize_entry("steps", &self.steps)?;
        }
        if self.left_off > 0 {
            step.serialize_entry("steps_left_off", &self.left_off)?;
        }
        step.end()
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
