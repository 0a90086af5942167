//! Every alarm there is. The template, its index of runbooks and the rehearsals are made from this list.

mod provider;
mod stack;

use crate::alarm::{Alarm, Comparison, Missing, Scope, Source, Statistic, Threshold, Urgency, Value};
use payonce_runtime::metrics::Metric;

pub fn all() -> Vec<Alarm> {
    [provider::all(), stack::all()].concat()
}

/// One is too many, within a minute of which it is seen.
const ABOVE_ZERO: Alarm = Alarm {
    name: "",
    id: "",
    scope: Scope::Stack,
    source: Source::Ours(Metric::Swept),
    statistic: Statistic::Sum,
    period_s: 60,
    evaluation_periods: 1,
    datapoints_to_alarm: 1,
    comparison: Comparison::Above,
    threshold: Threshold::of(0),
    missing: Missing::NotBreaching,
    warm_up_minutes: None,
    urgency: Urgency::Page,
    cause: None,
    lasts: false,
    money: "",
    text: "",
    runbook: "",
    takes_canary_back: false,
};

/// What the last run found, counted by every invocation until the next one: it lasts as long as what it says.
const LAST_RUN: Alarm = Alarm { statistic: Statistic::Maximum, period_s: 3_600, lasts: true, ..ABOVE_ZERO };

/// No run ended well for so long. A new stack may take an hour until its first run, and pays nothing before a person releases payouts.
const SILENT: Alarm = Alarm {
    period_s: 300,
    comparison: Comparison::Below,
    threshold: Threshold::of(1),
    missing: Missing::Breaching,
    warm_up_minutes: Some(90),
    lasts: true,
    ..ABOVE_ZERO
};

/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
pub(crate) const fn lambda(metric: &'static str, function: Value) -> Source {
    Source::Aws { namespace: "AWS/Lambda", metric, dimension: "FunctionName", value: function }
}

/// Lines from which CloudWatch could take no figures, by log group:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html>
pub(crate) const fn log_lines(metric: &'static str, log: Value) -> Source {
    Source::Aws { namespace: "AWS/Logs", metric, dimension: "LogGroupName", value: log }
}
pub(crate) const PARSING: &str = "EMFParsingErrors";
pub(crate) const VALIDATION: &str = "EMFValidationErrors";

/// Messages that lie in a queue:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html>
pub(crate) const fn messages(queue: Value) -> Source {
    Source::Aws {
        namespace: "AWS/SQS",
        metric: "ApproximateNumberOfMessagesVisible",
        dimension: "QueueName",
        value: queue,
    }
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html>
pub(crate) const fn front(metric: &'static str) -> Source {
    Source::Aws { namespace: "AWS/ApiGateway", metric, dimension: "ApiId", value: Value::Ref("Api") }
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>
pub(crate) const fn table(metric: &'static str, table: &'static str) -> Source {
    Source::Aws { namespace: "AWS/DynamoDB", metric, dimension: "TableName", value: Value::Table(table) }
}

/// What an index was refused is counted under its own name beside the table's, and not with the table:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html>
pub(crate) const fn index(metric: &'static str, table: &'static str, index: &'static str) -> Source {
    Source::Aws { namespace: "AWS/DynamoDB", metric, dimension: "TableName", value: Value::Index(table, index) }
}
pub(crate) const INDEX_DIMENSION: &str = "GlobalSecondaryIndexName";
pub(crate) const DYNAMODB_WRITES: &str = "WriteThrottleEvents";
pub(crate) const DYNAMODB_READS: &str = "ReadThrottleEvents";

const fn malformed(metric: &'static str, log: Value) -> Alarm {
    Alarm {
        source: log_lines(metric, log),
        period_s: 300,
        urgency: Urgency::Ticket,
        money: "Nothing by itself, but alarms that count what functions report may be blind: a figure that CloudWatch could not read counts as none.",
        text: "The figures are in the log all the same.",
        runbook: "metrics-malformed",
        ..ABOVE_ZERO
    }
}
