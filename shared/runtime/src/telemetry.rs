//! Logs: one JSON object a line, written to stdout before the call returns, because a frozen or killed function loses
//! what is still in a buffer. What may be said about a failed payout is a list of facts, see [`Detail`].

mod lines;

use std::fmt;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Span, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::clock::Clock;
use lines::Lines;

/// How much is logged. There is no `trace`: at that level the Lambda runtime writes raw bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

impl Level {
    /// Reads the words of `PAYONCE_LOG` and of Lambda's own log level, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "fatal" | "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            _ => None,
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
        }
    }
}

/// Our own crates log at the chosen level. Libraries never say more than warnings: at `debug` some of them write
/// requests and answers, and with them secrets.
const OUR_TARGETS: [&str; 9] =
    ["payonce", "webhook", "sweeper", "reconciler", "audit_watch", "retry_audit", "console", "payer", "notices"];

/// Logs to stdout for the rest of the process. Call it once, first thing in `main`; a second call changes nothing.
pub fn start(level: Level, clock: Clock) {
    if tracing::subscriber::set_global_default(subscriber(level, clock, io::stdout)).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// What [`start`] installs, with the writer of one's choice.
pub fn subscriber<W>(level: Level, clock: Clock, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let others = level.filter().min(LevelFilter::WARN);
    let filter = Targets::new().with_default(others).with_targets(OUR_TARGETS.map(|ours| (ours, level.filter())));
    tracing_subscriber::registry().with(filter).with(Lines { clock, writer })
}

/// Why a function was invoked, by OpenTelemetry's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Http,
    Timer,
    /// A stream handed records over.
    DataSource,
    /// Another function, or a person.
    Other,
}

impl Trigger {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Timer => "timer",
            Self::DataSource => "datasource",
            Self::Other => "other",
        }
    }
}

/// The span of one invocation, around everything that it does: each line within has its ids. `trace_id` is X-Ray's, as Lambda gives
/// it (<https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html>).
///
/// Every span of ours is a warning, as a tree that is written is one: it goes with them where only errors are logged.
pub fn invocation(trigger: Trigger, request_id: &str, trace_id: Option<&str>, invoked_arn: &str) -> Span {
    tracing::warn_span!(
        "invocation",
        faas.invocation_id = request_id,
        faas.trigger = trigger.as_str(),
        aws.lambda.invoked_arn = invoked_arn,
        trace_id,
    )
}

/// That what this root span is around ended as it should. Without it its tree of steps is written.
pub fn plain(root: &Span) {
    root.record("plain", true);
}

/// The message of a panic may quote what it choked on; only the place is logged.
fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(target: "payonce", place, "panicked");
}

/// The facts about a payout that may be logged or kept. Anything else that a rail says, its messages and bodies before
/// all, may quote account numbers and names, and is not representable here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    pub help: &'static str,
}

pub const FACTS: &[Fact] = &[
    Fact { name: "phase", help: "how far the payout request came" },
    Fact { name: "offered", help: "bytes of the request that were offered to the connection" },
    Fact { name: "first_byte_at", help: "when the first of them was, in milliseconds since 1970" },
    Fact { name: "answered_at", help: "when the rail's answer was complete, in milliseconds since 1970" },
    Fact { name: "http_status", help: "of the rail's answer" },
    Fact { name: "rail_payout", help: "the rail's id of the payout" },
    Fact { name: "rail_status", help: "the rail's word for its state" },
    Fact { name: "error_type", help: "the rail's word for the kind of its error" },
    Fact { name: "error_code", help: "the rail's code of its error" },
    Fact { name: "rail_request", help: "the rail's id of our request, to quote to its support" },
    Fact { name: "replayed", help: "the rail marked its answer as a repeated one" },
    Fact { name: "failure", help: "what went wrong on our side of the wire" },
];

/// No fact is longer.
pub const MAX_FACT_BYTES: usize = 128;

/// Facts fit to be logged: only those on the list, each bounded and of visible ASCII.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Detail(Vec<(&'static str, String)>);

impl Detail {
    /// A name that is not in [`FACTS`] is left out.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(facts: impl IntoIterator<Item = (N, V)>) -> Self {
        let listed = facts.into_iter().filter_map(|(name, value)| {
            let fact = FACTS.iter().find(|fact| fact.name == name.as_ref())?;
            let value = value.as_ref().chars().filter(char::is_ascii_graphic).take(MAX_FACT_BYTES).collect();
            Some((fact.name, value))
        });
        Self(listed.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(fact, _)| *fact == name).map(|(_, value)| value.as_str())
    }

    /// Of a fact that is a number: in a log it stands as one.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    pub fn is(&self, name: &str) -> Option<bool> {
        self.get(name)?.parse().ok()
    }

    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// `phase=answered http_status=402 error_code=balance_insufficient`
impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{name}={value}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Logs a line with every fact of a [`Detail`] as a field of its own: `log!(INFO, detail, payout_key = %key, "paid")`.
#[macro_export]
macro_rules! log {
    ($level:ident, $detail:expr, $($fields:tt)+) => {{
        let detail: &$crate::telemetry::Detail = &$detail;
        $crate::telemetry::event!(
            $crate::telemetry::Severity::$level,
            phase = detail.get("phase"),
            offered = detail.number("offered"),
            first_byte_at = detail.number("first_byte_at"),
            answered_at = detail.number("answered_at"),
            http_status = detail.number("http_status"),
            rail_payout = detail.get("rail_payout"),
            rail_status = detail.get("rail_status"),
            error_type = detail.get("error_type"),
            error_code = detail.get("error_code"),
            rail_request = detail.get("rail_request"),
            replayed = detail.is("replayed"),
            failure = detail.get("failure"),
            $($fields)+
        )
    }};
}

#[doc(hidden)]
pub use tracing::{Level as Severity, event};

/// Keeps what is written, for tests.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Each line as JSON; a line that is not JSON is `null`.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn logged(level: Level, work: impl FnOnce()) -> Vec<Value> {
        let captured = Captured::default();
        let clock = Clock::manual(1_795_000_000_123);
        tracing::subscriber::with_default(subscriber(level, clock, captured.clone()), work);
        captured.lines()
    }

    #[test]
    fn each_line_is_one_flat_json_object() {
        let lines = logged(Level::Info, || {
            let span = tracing::info_span!("request", secret = "whsec_planted");
            span.in_scope(|| tracing::info!(payout_key = "stripe/pi_1", "two\nlines"));
        });
        assert_eq!(
            lines,
            [json!({
                "timestamp": "2026-11-18T11:06:40.123Z",
                "level": "INFO",
                "message": "two\nlines",
                "payout_key": "stripe/pi_1",
                "target": "payonce_runtime::telemetry::tests",
            })]
        );
    }

    #[test]
    fn libraries_log_nothing_below_warning() {
        let lines = logged(Level::Debug, || {
            tracing::trace!(target: "payonce_rails", "never");
            tracing::debug!(target: "payonce_rails", "ours");
            tracing::info!(target: "lambda_runtime::layers", "raw event");
            tracing::debug!(target: "aws_smithy_runtime", "SecretString");
            tracing::warn!(target: "hyper", "theirs");
        });
        let messages: Vec<&str> = lines.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(messages, ["ours", "theirs"]);
    }

    #[test]
    fn error_level_hides_warnings() {
        let lines = logged(Level::Error, || {
            tracing::warn!(target: "hyper", "theirs");
            tracing::warn!(target: "webhook", "ours");
            tracing::error!(target: "webhook", "kept");
        });
        assert_eq!(lines.len(), 1);
    }

    #[test]
    fn refuses_trace_as_a_level() {
        for (text, level) in [("DEBUG", Some(Level::Debug)), ("warn", Some(Level::Warn)), ("FATAL", Some(Level::Error))]
        {
            assert_eq!(Level::parse(text), level);
        }
        for refused in ["TRACE", "trace", "", "info,lambda_runtime=trace"] {
            assert_eq!(Level::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn panic_logs_its_place_and_not_its_message() {
        let lines = logged(Level::Info, || {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(log_panic));
            let caught = std::panic::catch_unwind(|| panic!("DE89370400440532013000"));
            std::panic::set_hook(before);
            assert!(caught.is_err());
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0]["place"].as_str().unwrap().contains("telemetry.rs"), "{lines:?}");
        assert!(!lines[0].to_string().contains("DE8937"));
    }

    #[test]
    fn logs_cleaned_facts_of_a_rail_and_never_its_message() {
        let detail = Detail::new([
            ("error_code", "account\r\n\u{1b}[2J_invalid\u{e9}".to_owned()),
            ("error_type", "x".repeat(500)),
            ("message", "No such account: DE89370400440532013000".to_owned()),
            ("body", "{}".to_owned()),
        ]);
        let lines = logged(Level::Info, || crate::log!(WARN, detail, payout_key = "stripe/pi_1", "not paid"));
        assert_eq!(lines[0]["error_code"], "account[2J_invalid");
        assert_eq!(lines[0]["error_type"].as_str().unwrap().len(), MAX_FACT_BYTES);
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0].get("phase"), None);
        assert!(!lines[0].to_string().contains("DE8937"));
    }

    /// A fact that rails learn to report is to be listed here, or deliberately not.
    #[test]
    fn line_carries_every_fact_of_a_rail() {
        let text = || Some("value".to_owned());
        let evidence = payonce_rails::Evidence {
            phase: "answered",
            offered: 1,
            first_byte_at: Some(2),
            answered_at: Some(3),
            http_status: Some(402),
            rail_id: text(),
            rail_status: text(),
            error_type: text(),
            error_code: text(),
            request_id: text(),
            replayed: true,
            failure: Some("timeout"),
            message: payonce_rails::Sentence::of("No such payee: Jane Doe", &[]),
        };
        // Even the record's own facts: what is not listed here is not written.
        let detail = Detail::new(&evidence.record());
        let lines = logged(Level::Info, || crate::log!(INFO, detail, "all"));
        assert_eq!(detail.facts().count(), FACTS.len());
        for (name, value) in evidence.facts() {
            let is_text = lines[0][name.as_str()].is_string();
            assert_eq!(is_text, value.parse::<u64>().is_err() && value != "true", "{name}: {}", lines[0]);
            assert_eq!(lines[0][name.as_str()].to_string().trim_matches('"'), value, "{name}");
        }
        assert!(!lines[0].to_string().contains("Jane"), "{}", lines[0]);
    }
}
