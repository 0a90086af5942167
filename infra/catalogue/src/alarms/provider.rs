//! The alarms that each provider has.

use payonce_runtime::metrics::Metric;

use super::{ABOVE_ZERO, PARSING, VALIDATION, lambda, malformed};
use crate::alarm::Comparison::{Above, AtLeast};
use crate::alarm::Source::Ours;
use crate::alarm::Urgency::{Page, Ticket};
use crate::alarm::Value::OfProvider;
use crate::alarm::{Alarm, Cause, Scope, Statistic, Thousandths, Threshold};

const EACH: Alarm = Alarm { scope: Scope::EachProvider, ..ABOVE_ZERO };

/// The first four take a canary back; each also calls somebody.
pub(super) fn all() -> Vec<Alarm> {
    vec![
        Alarm {
            name: "errors",
            id: "Errors",
            source: lambda("Errors", OfProvider("")),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "Payees of this provider wait, and where the function died between its claim and its answer nobody knows yet whether that one payout was made.",
            text: "The function died, timed out or did not start. What it had claimed becomes a case within minutes.",
            runbook: "webhook-errors",
            takes_canary_back: true,
            ..EACH
        },
        Alarm {
            name: "impossible",
            id: "Impossible",
            source: Ours(Metric::Impossible),
            urgency: Page,
            money: "The guard against a second payout met what cannot be, so until it is understood nobody can say that each event is paid once.",
            text: "A first put of a claim met its own attempt id. Hold payouts, and read the delivery's log.",
            runbook: "webhook-impossible",
            takes_canary_back: true,
            ..EACH
        },
        Alarm {
            name: "unrecorded",
            id: "Unrecorded",
            source: Ours(Metric::Unrecorded),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "A payout may have been made whose end could not be written down; it is claimed, so it is not made again, and it becomes a case within minutes.",
            text: "The sweeper files its claim.",
            runbook: "webhook-unrecorded",
            takes_canary_back: true,
            ..EACH
        },
        Alarm {
            name: "refused",
            id: "Refused",
            source: Ours(Metric::RefusedFault),
            period_s: 300,
            comparison: AtLeast,
            threshold: Threshold::of(10),
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            money: "Payees wait: ten deliveries or more of this provider were turned away within five minutes because something does not work, nothing was claimed for them, and the provider brings them again.",
            text: "They were answered 503.",
            runbook: "webhook-refused",
            takes_canary_back: true,
            ..EACH
        },
        // A person wants it. It lasts until somebody releases payouts, or accepts the rules.
        Alarm {
            name: "held",
            id: "Held",
            source: Ours(Metric::RefusedHeld),
            period_s: 300,
            urgency: Page,
            cause: Some(Cause::PayoutsStopped),
            lasts: true,
            money: "Payees wait, because payouts are held or were never released; the provider keeps the events and brings them again until its patience ends.",
            text: "Payouts are held, or nobody released the tables or accepted the rules. `control show` says why.",
            runbook: "webhook-held",
            ..EACH
        },
        // 0 or 1 for each delivery, so that its average is the share. A few forged ones among many are no incident.
        Alarm {
            name: "unverified",
            id: "Unverified",
            source: Ours(Metric::Refused401),
            statistic: Statistic::Average,
            period_s: 900,
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            comparison: AtLeast,
            threshold: Threshold::Is(Thousandths(500)),
            urgency: Page,
            cause: Some(Cause::EventsMissing),
            money: "Half of this provider's deliveries or more are not believed: genuine ones among them are not paid for now, and forged ones move no money.",
            text: "Most often the signing secret was changed at the provider and not here.",
            runbook: "webhook-unverified",
            ..EACH
        },
        Alarm {
            name: "too-large",
            id: "TooLarge",
            source: Ours(Metric::TooLarge),
            period_s: 300,
            urgency: Page,
            cause: Some(Cause::EventsMissing),
            money: "Each of these deliveries may ask for payouts that are not made: the provider repeats the same bytes, and they are too large each time.",
            text: "They were answered 413.",
            runbook: "webhook-too-large",
            ..EACH
        },
        // How long a provider waits stands in its preset, with the page that says so, or in `answer_within` of the configuration.
        Alarm {
            name: "slow",
            id: "Slow",
            source: Ours(Metric::TotalTime),
            statistic: Statistic::P99,
            period_s: 300,
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            comparison: Above,
            threshold: Threshold::PercentOfPatience(80),
            urgency: Ticket,
            money: "No money is lost, but the provider may hang up before it is answered, count the delivery as failed, and switch the endpoint off when that goes on.",
            text: "One delivery in a hundred takes more than four fifths of the time that the provider waits.",
            runbook: "webhook-slow",
            ..EACH
        },
        // A burst is throttled on purpose, before the claim: what lasts is not one.
        Alarm {
            name: "throttled",
            id: "Throttled",
            source: lambda("Throttles", OfProvider("")),
            period_s: 300,
            evaluation_periods: 3,
            datapoints_to_alarm: 3,
            urgency: Ticket,
            money: "Payees wait: deliveries were turned away before the function ran, so nothing was claimed and nothing noted, and only the provider's repetition brings them back.",
            text: "More deliveries came at once than the function's concurrency takes.",
            runbook: "webhook-throttled",
            ..EACH
        },
        // A reading is tried each minute for half an hour before anything is refused: one that fails twice within half an hour is no
        // accident, and there is time left.
        Alarm {
            name: "secrets-stale",
            id: "SecretsStale",
            source: Ours(Metric::SecretsStale),
            period_s: 600,
            evaluation_periods: 3,
            datapoints_to_alarm: 2,
            urgency: Page,
            cause: Some(Cause::EventsMissing),
            money: "Nothing yet, but within the hour all deliveries of this provider will be turned away with 503, and its payees wait.",
            text: "Its signing secrets could not be read again; those of the last reading are trusted for an hour.",
            runbook: "webhook-secrets-stale",
            ..EACH
        },
        Alarm {
            name: "metrics-unread",
            id: "MetricsUnread",
            scope: Scope::EachProvider,
            ..malformed(PARSING, OfProvider("Log"))
        },
        Alarm {
            name: "metrics-invalid",
            id: "MetricsInvalid",
            scope: Scope::EachProvider,
            ..malformed(VALIDATION, OfProvider("Log"))
        },
    ]
}
