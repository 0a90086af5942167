//! The three dashboards, and the queries that are saved beside them.

use payonce_runtime::metrics::Metric::{self, *};

use crate::alarm::Statistic;
use crate::alarm::Statistic::{Maximum, Minimum, P50, P99, Sum};
use crate::alarm::Value::{OfProvider, Ref};
use crate::alarms::{DYNAMODB_READS, DYNAMODB_WRITES, PARSING, VALIDATION, front, index, lambda, log_lines, table};
use crate::dashboard::{Dashboard, Figure, Panel, View};
use crate::placed::Provider;

const MINUTE_S: u32 = 60;
const FIVE_MINUTES_S: u32 = 300;
const HOUR_S: u32 = 3_600;
const DAY_S: u32 = 86_400;

pub fn all() -> Vec<Dashboard> {
    vec![executive(), on_call(), debug()]
}

fn ours(statistic: Statistic, metrics: &[Metric]) -> Vec<Figure> {
    metrics.iter().map(|metric| Figure::Ours(*metric, statistic)).collect()
}

fn totals(metrics: &[Metric]) -> Vec<Figure> {
    metrics.iter().map(|metric| Figure::Total(*metric)).collect()
}

fn panel(title: &'static str, view: View, period_s: u32, width: u32, figures: Vec<Figure>) -> Panel {
    Panel { title, view, period_s, width, figures }
}

/// Of every payout whose request was decided: what was taken.
const ACCEPTED: Figure =
    Figure::Share { label: "of the claims, accepted, %", part: &[Accepted], of: &[Claims], by_provider: false };

/// For whoever answers for the money: seven days.
fn executive() -> Dashboard {
    let rows = vec![
        panel("Payouts that the rail took, of those claimed", View::Number, DAY_S, 8, vec![ACCEPTED]),
        panel("Paid twice, by the books", View::Number, DAY_S, 4, ours(Maximum, &[PaidTwice])),
        panel("Paid to another payee, by the books", View::Number, DAY_S, 4, ours(Maximum, &[WrongPayee])),
        panel("Lost, by the books", View::Number, DAY_S, 4, ours(Maximum, &[Lost])),
        panel("Discrepancies between the books", View::Number, DAY_S, 4, ours(Maximum, &[OpenBreaks])),
        panel(
            "Payouts by how they ended, each day",
            View::Lines,
            DAY_S,
            12,
            totals(&[Accepted, Rejected, NotSent, Unknown]),
        ),
        panel("Cases for finance, each day", View::Lines, DAY_S, 12, totals(&[CasesFiled])),
        panel(
            "Of a million payouts attempted in seven days, answered",
            View::Lines,
            HOUR_S,
            12,
            ours(Minimum, &[SuccessOfAMillion]),
        ),
        panel(
            "Error budget of thirty days, left, %",
            View::Lines,
            HOUR_S,
            12,
            ours(Minimum, &[SuccessBudgetLeftPercent]),
        ),
        panel("Money at risk, of what is allowed, %", View::Lines, HOUR_S, 12, ours(Maximum, &[MoneyAtRiskPercent])),
        panel("Age of the oldest open case, seconds", View::Lines, HOUR_S, 12, ours(Maximum, &[OldestOpenAgeSeconds])),
        panel(
            "Accepted within an hour, of what is allowed, %",
            View::Lines,
            HOUR_S,
            12,
            ours(Maximum, &[AcceptedHourPercent]),
        ),
    ];
    Dashboard { name: "executive", id: "ExecutiveDashboard", since: "-P7D", panels: rows }
}

const ANSWERED: Figure = Figure::Without {
    label: "answered well, %",
    part: &[Refused503, Refused401, TooLarge],
    of: &[Deliveries],
    by_provider: true,
};

/// For whoever is called at night: three hours.
fn on_call() -> Dashboard {
    let throttles = vec![
        Figure::Aws("throttled", lambda("Throttles", OfProvider("")), Sum),
        Figure::Aws("throttled payer", lambda("Throttles", Ref("Payer")), Sum),
        Figure::Aws("4xx at the front door", front("4xx"), Sum),
        Figure::Aws("5xx at the front door", front("5xx"), Sum),
        Figure::Aws("writes of claims", table(DYNAMODB_WRITES, "AuditTable"), Sum),
        Figure::Aws("reads of claims", table(DYNAMODB_READS, "AuditTable"), Sum),
        Figure::Aws("writes of claims by minute", index(DYNAMODB_WRITES, "AuditTable", "by_minute"), Sum),
        Figure::Aws("reads of claims by minute", index(DYNAMODB_READS, "AuditTable", "by_minute"), Sum),
        Figure::Aws("writes of bodies", table(DYNAMODB_WRITES, "BodiesTable"), Sum),
        Figure::Aws("reads of bodies", table(DYNAMODB_READS, "BodiesTable"), Sum),
        Figure::Aws("writes of cases", table(DYNAMODB_WRITES, "ReconcileTable"), Sum),
        Figure::Aws("reads of cases", table(DYNAMODB_READS, "ReconcileTable"), Sum),
    ];
    let errors = vec![
        Figure::Aws("errors", lambda("Errors", OfProvider("")), Sum),
        Figure::Aws("errors of payer", lambda("Errors", Ref("Payer")), Sum),
        Figure::Aws("errors of the console", lambda("Errors", Ref("Console")), Sum),
    ];
    let refused = [RefusedFault, RefusedHeld, Refused401, TooLarge];
    let rows = vec![
        panel("Alarms that page", View::Alarms, FIVE_MINUTES_S, 24, vec![]),
        panel("Deliveries that were answered well, by provider", View::Lines, FIVE_MINUTES_S, 12, vec![ANSWERED]),
        panel("Deliveries that were refused, by reason", View::Lines, FIVE_MINUTES_S, 12, totals(&refused)),
        panel(
            "Payouts by how they ended",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            totals(&[Accepted, Rejected, NotSent, Unknown, Unrecorded, Impossible]),
        ),
        panel(
            "Held: by the sweeper, and deliveries that wait for a person",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            totals(&[HoldTripped, RefusedHeld]),
        ),
        panel("Throttles, and answers at the front door", View::Lines, FIVE_MINUTES_S, 12, throttles),
        panel("Functions that died", View::Lines, FIVE_MINUTES_S, 12, errors),
        panel(
            "Age of the oldest open case, seconds",
            View::Lines,
            FIVE_MINUTES_S,
            8,
            ours(Maximum, &[OldestOpenAgeSeconds]),
        ),
        panel("Runs that ended well: sweeper, each minute", View::Lines, MINUTE_S, 8, ours(Sum, &[Heartbeat])),
        panel(
            "Runs that ended well: retry-audit and reconciler, each hour",
            View::Lines,
            HOUR_S,
            8,
            ours(Sum, &[AuditRuns, Reconciliations]),
        ),
        panel(
            "How fast the error budget is used: 100 calls somebody",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            ours(Maximum, &[SuccessBurnPage, SuccessBurnTicket]),
        ),
        panel("Minutes that the sweeper is behind", View::Lines, FIVE_MINUTES_S, 12, ours(Minimum, &[RoundsBehind])),
        panel("Seconds that the books are behind", View::Lines, HOUR_S, 12, ours(Minimum, &[BooksBehindSeconds])),
    ];
    Dashboard { name: "on-call", id: "OnCallDashboard", since: "-PT3H", panels: rows }
}

/// For whoever looks for a cause: three hours.
fn debug() -> Dashboard {
    let steps = [VerifyTime, ConnectTime, ClaimTime, PayTime, RecordTime, TotalTime];
    let lines = ["SweeperLog", "ReconcilerLog", "PayerLog", "AuditWatchLog", "RetryAuditLog"];
    let unread = [PARSING, VALIDATION].into_iter().flat_map(|metric| {
        let stack = lines.map(|log| Figure::Aws(log, log_lines(metric, Ref(log)), Sum));
        [Figure::Aws("webhook", log_lines(metric, OfProvider("Log")), Sum)].into_iter().chain(stack)
    });
    let rows = vec![
        panel("Each step of a delivery, half of them within, ms", View::Lines, FIVE_MINUTES_S, 12, ours(P50, &steps)),
        panel("Each step of a delivery, 99 of 100 within, ms", View::Lines, FIVE_MINUTES_S, 12, ours(P99, &steps)),
        panel(
            "Deliveries and their events",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            totals(&[Deliveries, Verified, Events, NoPayout, Claims, Duplicates, CasesFiled]),
        ),
        panel(
            "Signatures, sizes, secrets and bodies that failed",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            totals(&[Refused401, TooLarge, SecretsStale, BodyLost, Refused503]),
        ),
        panel(
            "Sweeper: dead workers, unreadable rows, lost findings",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            ours(Sum, &[Swept, Unreadable, EvidenceLost]),
        ),
        panel("Sweeper: look-ups that wait", View::Lines, FIVE_MINUTES_S, 12, ours(Maximum, &[LookUpsWaiting])),
        panel(
            "Drift of settings, and claims that were changed",
            View::Lines,
            FIVE_MINUTES_S,
            12,
            ours(Maximum, &[RetryConfigDrift, AlarmDrift, ClaimsOverwritten]),
        ),
        panel(
            "Books: gaps, providers that are off or silent",
            View::Lines,
            HOUR_S,
            12,
            ours(Maximum, &[BooksIncomplete, OpenBreaks, EndpointsOff, ProvidersSilent]),
        ),
        panel("Lines from which CloudWatch took no figures", View::Lines, FIVE_MINUTES_S, 12, unread.collect()),
        panel("What was refused, newest first", View::Log(REFUSED), FIVE_MINUTES_S, 12, vec![]),
    ];
    Dashboard { name: "debug", id: "DebugDashboard", since: "-PT3H", panels: rows }
}

const REFUSED: &str = "fields @timestamp, provider, status, refused, events.0.payout_key, events.0.outcome, events.0.reason \
                       | filter status >= 400 | sort @timestamp desc | limit 50";

/// A query of CloudWatch Logs Insights over all functions' logs:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>
#[derive(Clone, Copy, Debug)]
pub struct Query {
    pub id: &'static str,
    pub name: &'static str,
    pub text: &'static str,
}

impl Query {
    /// On one line, without its comments, as a text of YAML in single quotes holds it.
    pub fn quoted(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.collect::<Vec<_>>().join(" ").replace('\'', "''")
    }
}

pub const QUERIES: [Query; 3] = [
    Query {
        id: "QueryOnePayout",
        name: "payonce/one payout, by its key",
        text: include_str!("../../queries/payout.txt"),
    },
    Query { id: "QueryRefused", name: "payonce/deliveries that were refused", text: REFUSED },
    Query {
        id: "QueryErrors",
        name: "payonce/errors of all functions",
        text: "fields @timestamp, @log, @message | filter level = \"ERROR\" | sort @timestamp desc | limit 200",
    },
];

/// Logical ids of the log groups of every function.
pub fn logs(providers: &[Provider], tells: bool) -> Vec<String> {
    let webhooks = providers.iter().map(|provider| format!("Webhook{}Log", provider.id));
    let stack = ["SweeperLog", "ReconcilerLog", "ConsoleLog", "PayerLog", "RetryAuditLog", "AuditWatchLog"];
    let notices = tells.then(|| "NoticesLog".to_owned());
    webhooks.chain(stack.map(str::to_owned)).chain(notices).collect()
}
