//! The alarms of the whole stack.

use payonce_runtime::metrics::Metric;

use super::{
    ABOVE_ZERO, DYNAMODB_READS, DYNAMODB_WRITES, LAST_RUN, PARSING, SILENT, VALIDATION, front, index, lambda,
    malformed, messages, table,
};
use crate::alarm::Comparison::AtLeast;
use crate::alarm::Source::Ours;
use crate::alarm::Urgency::{Page, Ticket};
use crate::alarm::Value::{Attribute, Ref};
use crate::alarm::{Alarm, Cause, Statistic, Thousandths, Threshold, Value};

pub(super) fn all() -> Vec<Alarm> {
    [people(), guards(), sweeper(), reconciler(), front_door(), tables(), figures()].concat()
}

/// Console and payer.
fn people() -> Vec<Alarm> {
    vec![
        Alarm {
            name: "console-errors",
            id: "ConsoleErrors",
            source: lambda("Errors", Ref("Console")),
            urgency: Ticket,
            money: "No payout is made twice or lost by it; what a person did at that moment may be done or not, and its case says which.",
            text: "The console died, timed out or did not start.",
            runbook: "console-errors",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "payer-errors",
            id: "PayerErrors",
            source: lambda("Errors", Ref("Payer")),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "A payout that two people approved may have been made or not: where it was claimed it becomes a case within minutes, and nobody sends it again.",
            text: "payer died, timed out or did not start while a person waited.",
            runbook: "payer-errors",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "payer-throttles",
            id: "PayerThrottles",
            source: lambda("Throttles", Ref("Payer")),
            urgency: Ticket,
            money: "No money moved: a payout that two people approved was not begun, and may be approved again.",
            text: "Too many ran at once. Look for who else invokes.",
            runbook: "payer-throttles",
            ..ABOVE_ZERO
        },
    ]
}

/// Of what keeps a payout from being made twice. They page whatever else is on.
fn guards() -> Vec<Alarm> {
    vec![
        Alarm {
            name: "tripwire",
            id: "TripwireAlarm",
            source: messages(Attribute("Tripwire.QueueName")),
            statistic: Statistic::Maximum,
            urgency: Page,
            money: "Somebody invoked a function in a way in which AWS may run it more than once, or a changed claim was not looked at; the claim still keeps a payout from being made twice.",
            text: "Read the message: it says which of the two it is. Send nothing again.",
            runbook: "tripwire",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "claims-overwritten",
            id: "ClaimsOverwrittenAlarm",
            source: Ours(Metric::ClaimsOverwritten),
            urgency: Page,
            money: "A record that keeps an event from being paid twice was changed or removed, so payonce has stopped all payouts; payees wait until a person has looked.",
            text: "Find who wrote, with CloudTrail, before anybody releases them.",
            runbook: "claims-overwritten",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "retry-config-drift",
            id: "RetryConfigDriftAlarm",
            source: Ours(Metric::RetryConfigDrift),
            statistic: Statistic::Maximum,
            period_s: 600,
            urgency: Page,
            money: "Nothing yet: a setting that keeps AWS from repeating or dropping a delivery, guards the claims, or makes an alarm speak differs from what it must be.",
            text: "Ask retry-audit what differs and set that back by hand; hold payouts only if a place begins with claims-.",
            runbook: "retry-config-drift",
            ..ABOVE_ZERO
        },
        // A deployment that changes an alarm changes the function that compares it at another moment: what lasts for two runs is none.
        Alarm {
            name: "alarm-drift",
            id: "AlarmDriftAlarm",
            source: Ours(Metric::AlarmDrift),
            statistic: Statistic::Maximum,
            period_s: 600,
            evaluation_periods: 2,
            datapoints_to_alarm: 2,
            urgency: Ticket,
            money: "Nothing by itself: an alarm is gone, muted or not as it was made, so a loss or a second payout may call nobody.",
            text: "The log of retry-audit names it. Set it back, and find out who changed it.",
            runbook: "alarm-drift",
            ..ABOVE_ZERO
        },
        // Where none ends well any more, what is silent says so, and pages where that is urgent.
        Alarm {
            name: "failed-runs",
            id: "FailedRunsAlarm",
            source: messages(Attribute("FailedRuns.QueueName")),
            statistic: Statistic::Maximum,
            urgency: Ticket,
            money: "Nothing by itself: a scheduled run of sweeper, reconciler or retry-audit failed or ran out of time, and the next one takes its work up.",
            text: "The message says whose run it was and how it ended.",
            runbook: "failed-runs",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "retry-audit-silent",
            id: "RetryAuditSilentAlarm",
            source: Ours(Metric::AuditRuns),
            period_s: 1_800,
            urgency: Ticket,
            money: "Nothing by itself: for half an hour nobody would have seen that a setting was changed by which a payout could be repeated.",
            text: "No run of retry-audit has ended well in that time.",
            runbook: "retry-audit-silent",
            ..SILENT
        },
    ]
}

fn sweeper() -> Vec<Alarm> {
    vec![
        Alarm {
            name: "sweeper-silent",
            id: "SweeperSilentAlarm",
            source: Ours(Metric::Heartbeat),
            urgency: Page,
            money: "Nothing is lost while the sweeper does not run, but an attempt whose function died is in no list yet, and an outage of the rail does not stop payouts by itself.",
            text: "No run of the sweeper was without a failure for five minutes. It catches up.",
            runbook: "sweeper-silent",
            ..SILENT
        },
        Alarm {
            name: "swept",
            id: "SweptAlarm",
            source: Ours(Metric::Swept),
            urgency: Ticket,
            money: "A function died while it paid: nobody knows yet whether that payout was made, it is a case now, and it is not made again by itself.",
            text: "Look for why it died.",
            runbook: "swept",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "hold-tripped",
            id: "HoldTrippedAlarm",
            source: Ours(Metric::HoldTripped),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "payonce has stopped all payouts, because of ten or more attempts within two minutes at least half ended unknown, or were not made for one and the same cause, or the rail accepted more within an hour than you allow; payees wait.",
            text: "The hold names the cause. The providers keep the rest until a person releases it.",
            runbook: "hold-tripped",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "unreadable",
            id: "UnreadableAlarm",
            source: Ours(Metric::Unreadable),
            urgency: Page,
            money: "The sweeper passed by a row or a record that it cannot read, so the payout behind it may have been made or not and may have no case.",
            text: "Its log names the payout; whether it was paid is for a person to find out.",
            runbook: "unreadable",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "evidence-lost",
            id: "EvidenceLostAlarm",
            source: Ours(Metric::EvidenceLost),
            urgency: Ticket,
            money: "What the rail said about a payout in doubt found no case to stand in, so its case may be missing, or tells less than is known.",
            text: "It stands in the audit table; the sweeper's log names the payout.",
            runbook: "evidence-lost",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "sweeper-behind",
            id: "SweeperBehindAlarm",
            source: Ours(Metric::RoundsBehind),
            statistic: Statistic::Minimum,
            period_s: 300,
            evaluation_periods: 6,
            datapoints_to_alarm: 6,
            threshold: Threshold::of(30),
            urgency: Ticket,
            money: "Attempts whose functions died become cases late, by as many minutes as the sweeper is behind; none is skipped.",
            text: "It has been more than half an hour behind for half an hour. It makes a pause up by itself; look for what it cannot work off.",
            runbook: "sweeper-behind",
            ..ABOVE_ZERO
        },
        // The last of the ages by which the console sorts open cases. Without an open case there is no figure.
        Alarm {
            name: "case-overdue",
            id: "CaseOverdueAlarm",
            source: Ours(Metric::OldestOpenAgeSeconds),
            statistic: Statistic::Minimum,
            period_s: 3_600,
            threshold: Threshold::of(7 * 86_400),
            urgency: Ticket,
            money: "A case was not worked off in time: somebody waits for money, or money that may have left was not looked for.",
            text: "The oldest open case is older than seven days.",
            runbook: "case-overdue",
            ..ABOVE_ZERO
        },
        // A figure that is 100 where somebody is to be called: windows and rates are in shared/protocol/src/slo.rs.
        Alarm {
            name: "success-burning",
            id: "SuccessBurningAlarm",
            source: Ours(Metric::SuccessBurnPage),
            statistic: Statistic::Minimum,
            period_s: 120,
            comparison: AtLeast,
            threshold: Threshold::of(100),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            lasts: true,
            money: "Payouts fail so fast that within hours or days more will have failed than you allow in a month: each is a case, and its payee waits or may have been paid.",
            text: "Payouts end unknown or are not sent. The rail and the way to it first.",
            runbook: "success-burning",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "success-slow-burn",
            id: "SuccessSlowBurnAlarm",
            source: Ours(Metric::SuccessBurnTicket),
            statistic: Statistic::Minimum,
            period_s: 3_600,
            comparison: AtLeast,
            threshold: Threshold::of(100),
            urgency: Ticket,
            money: "For days a few payouts too many have failed: each is a case, and before the month is over more will have failed than you allow.",
            text: "Look for what the open cases have in common.",
            runbook: "success-burning",
            ..ABOVE_ZERO
        },
        // Only where `[watch]` states limits.
        Alarm {
            name: "money-at-risk",
            id: "MoneyAtRiskAlarm",
            source: Ours(Metric::MoneyAtRiskPercent),
            statistic: Statistic::Minimum,
            period_s: 300,
            comparison: AtLeast,
            threshold: Threshold::of(100),
            urgency: Page,
            money: "More money than you allow may have left without anybody knowing where, or waits for payees, in open cases.",
            text: "The sum of the open cases of one currency has reached its limit in [watch] of the configuration.",
            runbook: "money-at-risk",
            ..ABOVE_ZERO
        },
    ]
}

fn reconciler() -> Vec<Alarm> {
    vec![
        // Two runs may be missed or fail: the third takes their day up.
        Alarm {
            name: "reconciler-silent",
            id: "ReconcilerSilentAlarm",
            source: Ours(Metric::Reconciliations),
            period_s: 3_600,
            evaluation_periods: 3,
            datapoints_to_alarm: 3,
            warm_up_minutes: Some(180),
            urgency: Ticket,
            money: "Nothing yet: what is lost or was paid twice since is not seen for now, and the next run that works leaves nothing out.",
            text: "No run of the reconciler has ended well for three hours.",
            runbook: "reconciler-silent",
            ..SILENT
        },
        // The last day's books are at most 26 hours old: the day after, an hour in which they settle (settle_minutes of ours and the
        // rail's in [reconciler]; longer there wants more here), and one until the next run. A day of failed runs later this is 50 hours.
        Alarm {
            name: "reconciliation-late",
            id: "ReconciliationLateAlarm",
            source: Ours(Metric::BooksBehindSeconds),
            statistic: Statistic::Minimum,
            period_s: 3_600,
            threshold: Threshold::of(50 * 3_600),
            urgency: Page,
            cause: Some(Cause::WatchersBlind),
            lasts: true,
            money: "A whole day's payouts were not compared for another day, so what was lost or made twice since is not known.",
            text: "The reconciler's log says what it fails at, or that a day does not fit into one invocation.",
            runbook: "reconciliation-late",
            ..ABOVE_ZERO
        },
        Alarm {
            name: "books-incomplete",
            id: "BooksIncompleteAlarm",
            source: Ours(Metric::BooksIncomplete),
            urgency: Ticket,
            money: "For part of the last day nobody can say whether a payout was lost or made twice, because one of the books could not be read.",
            text: "The run's page in the console names the book and the time; look whether the rail or the provider answers, and at the reconciler's log.",
            runbook: "books-incomplete",
            ..LAST_RUN
        },
        Alarm {
            name: "paid-twice",
            id: "PaidTwiceAlarm",
            source: Ours(Metric::PaidTwice),
            urgency: Page,
            money: "Money is gone: by the books more than one payout was made for one payout key.",
            text: "Hold payouts, and find out who made the second, from the case and the run's page; finance asks for it back.",
            runbook: "paid-twice",
            ..LAST_RUN
        },
        Alarm {
            name: "wrong-payee",
            id: "WrongPayeeAlarm",
            source: Ours(Metric::WrongPayee),
            urgency: Page,
            money: "Money may be gone: by the books a payout went to another payee than its event or our record names.",
            text: "Hold payouts, and find out who named the other payee, from the case and the run's page; finance asks for it back.",
            runbook: "wrong-payee",
            ..LAST_RUN
        },
        Alarm {
            name: "lost",
            id: "LostAlarm",
            source: Ours(Metric::Lost),
            urgency: Page,
            money: "A payee waits and nobody knew: by the books an event that asks for a payout was never claimed here, or an attempt that failed had no case.",
            text: "It is a case now, from which two people pay; find out why it was lost.",
            runbook: "lost",
            ..LAST_RUN
        },
        Alarm {
            name: "endpoints-off",
            id: "EndpointsOffAlarm",
            source: Ours(Metric::EndpointsOff),
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            urgency: Page,
            cause: Some(Cause::EventsMissing),
            money: "Payees wait for events that may never come: by its own word a provider does not send here what a rule names, or would not say for two hours.",
            text: "Its endpoint is missing, switched off or lacks a type; the reconciler's log names it.",
            runbook: "endpoints-off",
            ..LAST_RUN
        },
        Alarm {
            name: "provider-silent",
            id: "ProvidersSilentAlarm",
            source: Ours(Metric::ProvidersSilent),
            urgency: Page,
            cause: Some(Cause::EventsMissing),
            money: "Payees may wait: nothing came of a provider for longer than was ever usual at this hour of the week.",
            text: "Look at the provider's own list of deliveries, then at answers of 401 and 503; the reconciler's log names it.",
            runbook: "provider-silent",
            ..LAST_RUN
        },
    ]
}

fn front_door() -> Vec<Alarm> {
    vec![
        Alarm {
            name: "front-door-5xx",
            id: "FrontDoorAlarm",
            source: front("5xx"),
            period_s: 300,
            comparison: AtLeast,
            threshold: Threshold::of(5),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "Payees may wait: five requests or more within five minutes were answered 5xx, some of them before any function ran.",
            text: "Those of a function are in its log; the others (504, a function that does not start) are in the access log alone.",
            runbook: "front-door-5xx",
            ..ABOVE_ZERO
        },
        // Anybody may knock: a stranger's tries are 404, and few beside deliveries.
        Alarm {
            name: "front-door-4xx",
            id: "FrontDoorRefusesAlarm",
            source: front("4xx"),
            statistic: Statistic::Average,
            period_s: 900,
            evaluation_periods: 3,
            datapoints_to_alarm: 3,
            comparison: AtLeast,
            threshold: Threshold::Is(Thousandths(500)),
            urgency: Ticket,
            money: "Deliveries may be turned away before payonce sees them, and then neither a payout nor a case follows unless the provider sends them again.",
            text: "Half of all requests or more were answered 4xx for three quarters of an hour: 429 is the throttle, 404 an address that is not ours, 401 and 413 a function's.",
            runbook: "front-door-4xx",
            ..ABOVE_ZERO
        },
    ]
}

fn tables() -> Vec<Alarm> {
    let at = |name, id, source| Alarm {
        name,
        id,
        source,
        period_s: 300,
        evaluation_periods: 3,
        datapoints_to_alarm: 2,
        urgency: Page,
        cause: Some(Cause::PayoutsStopped),
        money: "Payees wait: where a claim cannot be written nothing is paid and the provider is asked to come back, and a payout whose end cannot be written becomes a case.",
        text: "DynamoDB refused requests of this table for more than a moment.",
        runbook: "tables-throttled",
        ..ABOVE_ZERO
    };
    let of = |name, id, metric, of| at(name, id, table(metric, of));
    // The index that every claim is written to, and that the sweeper reads: of all the claims of a minute it has few partitions.
    let by_minute = |name, id, metric| at(name, id, index(metric, "AuditTable", "by_minute"));
    let (writes, reads) = (DYNAMODB_WRITES, DYNAMODB_READS);
    vec![
        of("audit-writes-throttled", "AuditWritesThrottledAlarm", writes, "AuditTable"),
        of("audit-reads-throttled", "AuditReadsThrottledAlarm", reads, "AuditTable"),
        by_minute("audit-by-minute-writes-throttled", "AuditByMinuteWritesThrottledAlarm", writes),
        by_minute("audit-by-minute-reads-throttled", "AuditByMinuteReadsThrottledAlarm", reads),
        of("bodies-writes-throttled", "BodiesWritesThrottledAlarm", writes, "BodiesTable"),
        of("bodies-reads-throttled", "BodiesReadsThrottledAlarm", reads, "BodiesTable"),
        of("reconcile-writes-throttled", "ReconcileWritesThrottledAlarm", writes, "ReconcileTable"),
        of("reconcile-reads-throttled", "ReconcileReadsThrottledAlarm", reads, "ReconcileTable"),
    ]
}

/// Of each function that reports figures, beside the providers'.
fn figures() -> Vec<Alarm> {
    let of = |name, id, metric, log| Alarm { name, id, ..malformed(metric, Value::Ref(log)) };
    vec![
        of("sweeper-metrics-unread", "SweeperMetricsUnreadAlarm", PARSING, "SweeperLog"),
        of("sweeper-metrics-invalid", "SweeperMetricsInvalidAlarm", VALIDATION, "SweeperLog"),
        of("reconciler-metrics-unread", "ReconcilerMetricsUnreadAlarm", PARSING, "ReconcilerLog"),
        of("reconciler-metrics-invalid", "ReconcilerMetricsInvalidAlarm", VALIDATION, "ReconcilerLog"),
        of("payer-metrics-unread", "PayerMetricsUnreadAlarm", PARSING, "PayerLog"),
        of("payer-metrics-invalid", "PayerMetricsInvalidAlarm", VALIDATION, "PayerLog"),
        of("audit-watch-metrics-unread", "AuditWatchMetricsUnreadAlarm", PARSING, "AuditWatchLog"),
        of("audit-watch-metrics-invalid", "AuditWatchMetricsInvalidAlarm", VALIDATION, "AuditWatchLog"),
        of("retry-audit-metrics-unread", "RetryAuditMetricsUnreadAlarm", PARSING, "RetryAuditLog"),
        of("retry-audit-metrics-invalid", "RetryAuditMetricsInvalidAlarm", VALIDATION, "RetryAuditLog"),
    ]
}
