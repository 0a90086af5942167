//! One change after another to a stack that is as it should be, each named by the place of the census that it breaks.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "made/alarms.rs"]
mod made;

use made::{PAGE, TICKET, mute_rule};
use retry_audit::alarms::changed;
use retry_audit::census::{Census, Expected, TEXT};
use retry_audit::verdict::{Deployed, Function, KINDS, Subject, Table, verdict};
use serde_json::{Value, json};

const TRIPWIRE: &str = "arn:aws:sqs:eu-central-1:111122223333:payonce-tripwire";
const FAILED_RUNS: &str = "arn:aws:sqs:eu-central-1:111122223333:payonce-failed-runs";
const STREAM: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/payonce-audit/stream/2026-11-23T00:00:00.000";

fn expected() -> Expected {
    let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    [
        of("tripwire", TRIPWIRE),
        of("failed_runs", FAILED_RUNS),
        of("audit_stream", STREAM),
        of("reserved_concurrency", "20"),
        of("function_timeout_seconds", "25"),
        of("page_topic", PAGE),
        of("ticket_topic", TICKET),
        of("composite_alarms", "true"),
        of("maintenance_schedule", MAINTENANCE),
        of("maintenance_duration", "PT2H"),
    ]
    .into()
}

/// When the template mutes alarms.
const MAINTENANCE: &str = "cron(0 3 * * SUN)";

fn subject(of: &'static str, kind: &str, qualifier: &str, answer: Value) -> Subject {
    let owner = if kind == "webhook" { "payonce-webhook-stripe".to_owned() } else { format!("payonce-{kind}") };
    Subject { of, owner, kind: kind.to_owned(), qualifier: qualifier.to_owned(), answer, table: String::new() }
}

fn of_table(of: &'static str, table: &str, answer: Value) -> Subject {
    Subject { of, owner: format!("payonce-{table}"), table: table.to_owned(), answer, ..Subject::default() }
}

fn claims_are_forever() -> Value {
    let denied = ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"];
    json!({
        "Sid": "ClaimsAreForever", "Effect": "Deny", "Principal": "*", "Action": denied.map(|one| format!("dynamodb:{one}")),
        "Resource": "arn:aws:dynamodb:eu-central-1:111122223333:table/payonce-audit",
    })
}

/// As the template deploys it, in AWS's words.
fn deployed() -> Deployed {
    let mut deployed = Deployed::default();
    for kind in KINDS {
        let name = subject("", kind, "", Value::Null).owner;
        deployed.functions.push(Function { name: name.clone(), kind: kind.to_owned() });
        let mut add = |of, qualifier, answer| deployed.subjects.push(subject(of, kind, qualifier, answer));
        add("alias", "live", json!({ "Name": "live", "FunctionVersion": "3" }));
        let (reserved, seconds) = match kind {
            "console" => (10, 29),
            "sweeper" | "reconciler" | "audit-watch" => (2, 25),
            "retry-audit" => (1, 25),
            "payer" => (5, 25),
            _ => (20, 25),
        };
        add("concurrency", "", json!({ "ReservedConcurrentExecutions": reserved }));
        add("recursion", "", json!({ "RecursiveLoop": "Terminate" }));
        for qualifier in ["live", "$LATEST"] {
            let is_scheduled = ["sweeper", "reconciler", "retry-audit"].contains(&kind);
            let destination = if is_scheduled && qualifier == "live" { FAILED_RUNS } else { TRIPWIRE };
            add(
                "event_invoke_config",
                qualifier,
                json!({
                    "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60,
                    "DestinationConfig": { "OnSuccess": {}, "OnFailure": { "Destination": destination } },
                }),
            );
            add(
                "configuration",
                qualifier,
                json!({
                    "FunctionName": name, "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": seconds,
                    "MemorySize": 512, "Architectures": ["arm64"], "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
                    "TracingConfig": { "Mode": "PassThrough" }, "State": "Active",
                    "Environment": { "Variables": { "PAYONCE_AUDIT_TABLE": "payonce-audit" } },
                    "LoggingConfig": { "LogGroup": made::log_of(&name) },
                }),
            );
        }
        let target = format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}:live");
        match kind {
            "webhook" | "console" => {
                let route = if kind == "webhook" { "POST/webhooks/stripe/x" } else { "*/console*" };
                let source = format!("arn:aws:execute-api:eu-central-1:1:api/*/{route}");
                add(
                    "policy_statement",
                    "live",
                    json!({
                        "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" },
                        "Action": "lambda:InvokeFunction", "Resource": target,
                        "Condition": { "ArnLike": { "AWS:SourceArn": source } },
                    }),
                )
            }
            // Nothing at it lets anybody in: the console's role may invoke it.
            "payer" => {}
            "notices" => {
                for filters in [1, 2] {
                    let filters = vec![json!({ "Pattern": "{}" }); filters];
                    add(
                        "mapping",
                        "live",
                        json!({
                            "EventSourceArn": STREAM, "State": "Enabled", "MaximumRetryAttempts": 1000,
                            "MaximumRecordAgeInSeconds": 86400, "BisectBatchOnFunctionError": true,
                            "FilterCriteria": { "Filters": filters },
                            "DestinationConfig": { "OnFailure": { "Destination": TRIPWIRE } },
                        }),
                    );
                }
            }
            "audit-watch" => add(
                "mapping",
                "live",
                json!({
                    "EventSourceArn": STREAM, "State": "Enabled", "MaximumRetryAttempts": 5,
                    "MaximumRecordAgeInSeconds": 3600, "BisectBatchOnFunctionError": true,
                    "FilterCriteria": { "Filters": [{ "Pattern": "{\"eventName\":[\"MODIFY\",\"REMOVE\"]}" }] },
                    "DestinationConfig": { "OnFailure": { "Destination": TRIPWIRE } },
                }),
            ),
            _ => add(
                "schedule",
                "live",
                json!({
                    "State": "ENABLED",
                    "Target": { "Arn": target, "RetryPolicy": { "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60 } },
                }),
            ),
        }
    }
    for table in ["audit", "bodies", "reconcile"] {
        deployed.tables.push(Table { name: format!("payonce-{table}"), table: table.to_owned() });
        let mut answer = json!({ "TableName": format!("payonce-{table}"), "DeletionProtectionEnabled": true });
        let mut time_to_live = json!({ "TimeToLiveStatus": "DISABLED" });
        match table {
            "audit" => {
                answer["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" })
            }
            "bodies" => time_to_live = json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires" }),
            _ => {}
        }
        deployed.subjects.push(of_table("table", table, answer));
        deployed.subjects.push(of_table("time_to_live", table, time_to_live));
        let recovery = json!({ "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "ENABLED" } });
        deployed.subjects.push(of_table("backups", table, recovery));
        if table == "audit" {
            deployed.subjects.push(of_table("table_policy_statement", table, claims_are_forever()));
        }
    }
    for answer in made::described(true) {
        let owner = answer["AlarmName"].as_str().unwrap().to_owned();
        deployed.subjects.push(Subject { of: "alarm", owner, answer, ..Subject::default() });
    }
    deployed.subjects.push(muting("payonce-maintenance-1", mute_rule(MAINTENANCE, "PT2H", HELD)));
    deployed
}

fn muting(owner: &str, answer: Value) -> Subject {
    Subject { of: "mute_rule", owner: owner.to_owned(), answer, ..Subject::default() }
}

fn places(deployed: &Deployed) -> Vec<String> {
    let mut found = verdict(&Census::parse(TEXT).unwrap(), &expected(), deployed);
    found.extend(changed(&made::made(), &expected(), deployed));
    found.into_iter().map(|drift| drift.place).collect()
}

/// Sets one value of the chosen answer; `null` takes it away.
fn set(of: &'static str, owner: &'static str, qualifier: &'static str, path: &'static str, value: Value) -> Change {
    Box::new(move |deployed| {
        let chosen = deployed
            .subjects
            .iter_mut()
            .find(|subject| subject.of == of && subject.owner == owner && subject.qualifier == qualifier)
            .unwrap();
        let mut at = &mut chosen.answer;
        for step in path.split('/').skip(1) {
            at = match at {
                Value::Array(all) => &mut all[step.parse::<usize>().unwrap()],
                _ => &mut at[step],
            };
        }
        *at = value.clone();
    })
}

fn add(of: &'static str, kind: &'static str, qualifier: &'static str, answer: Value) -> Change {
    Box::new(move |deployed| deployed.subjects.push(subject(of, kind, qualifier, answer.clone())))
}

fn gone(of: &'static str, owner: &'static str, qualifier: &'static str) -> Change {
    Box::new(move |deployed| {
        let before = deployed.subjects.len();
        deployed.subjects.retain(|it| !(it.of == of && it.owner == owner && it.qualifier == qualifier));
        assert!(deployed.subjects.len() < before);
    })
}

type Change = Box<dyn Fn(&mut Deployed)>;

const WEBHOOK: &str = "payonce-webhook-stripe";
const SWEEPER: &str = "payonce-sweeper";
const RECONCILER: &str = "payonce-reconciler";
const WATCH: &str = "payonce-audit-watch";
const RETRY_AUDIT: &str = "payonce-retry-audit";
const CONSOLE: &str = "payonce-console";
const PAYER: &str = "payonce-payer";
const AUDIT: &str = "payonce-audit";
const POLICY: &str = "table_policy_statement";

const HELD: &str = "payonce-webhook-stripe-held";
const INCIDENT: &str = "payonce-incident-stripe-payouts-stopped";

/// A mute rule that somebody puts beside those of the template.
fn muted(owner: &'static str, expression: &'static str, duration: &'static str, alarm: &'static str) -> Change {
    Box::new(move |deployed| deployed.subjects.push(muting(owner, mute_rule(expression, duration, alarm))))
}

/// Another account may write there, by the table's own policy.
fn lets_in(table: &'static str) -> Change {
    let allow = json!({ "Effect": "Allow", "Principal": { "AWS": "444455556666" }, "Action": "dynamodb:PutItem", "Resource": "*" });
    Box::new(move |deployed| deployed.subjects.push(of_table(POLICY, table, allow.clone())))
}

#[test]
fn stack_as_deployed_agrees_with_the_census() {
    assert_eq!(places(&deployed()), Vec::<String>::new());
}

#[test]
fn names_the_place_of_every_changed_setting() {
    let route = |route| {
        let arn = json!(format!("arn:aws:execute-api:eu-central-1:1:{route}"));
        set("policy_statement", WEBHOOK, "live", "/Condition/ArnLike/AWS:SourceArn", arn)
    };
    let config = "event_invoke_config";
    let variable = "/Environment/Variables/AWS_MAX_ATTEMPTS";
    let retries = "/Target/RetryPolicy/MaximumRetryAttempts";
    let changes: Vec<(&str, Change)> = vec![
        ("async-retries", set(config, WEBHOOK, "live", "/MaximumRetryAttempts", json!(2))),
        ("notices-mapping", set("mapping", "payonce-notices", "live", "/MaximumRetryAttempts", json!(0))),
        ("notices-mapping", set("mapping", "payonce-notices", "live", "/State", json!("Disabled"))),
        ("alarms", set("alarm", "payonce-lost", "", "/ActionsEnabled", json!(false))),
        ("alarms", set("alarm", INCIDENT, "", "/AlarmRule", json!("FALSE"))),
        ("alarms", set("alarm", "payonce-webhook-stripe-errors", "", "/Dimensions/0/Value", json!("payonce-payer"))),
        ("alarms", muted("quiet", "at(2026-12-06T01:00)", "P15D", "payonce-paid-twice")),
        ("async-retries", set(config, WEBHOOK, "$LATEST", "/MaximumRetryAttempts", json!(1))),
        ("async-retries", gone(config, WEBHOOK, "$LATEST")),
        ("async-retries", gone(config, SWEEPER, "live")),
        (
            "async-retries",
            add(config, "webhook", "7", json!({ "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60 })),
        ),
        ("async-retries", set(config, PAYER, "live", "/MaximumRetryAttempts", json!(2))),
        ("async-retries", gone(config, PAYER, "$LATEST")),
        ("async-retries", gone(config, RECONCILER, "$LATEST")),
        ("async-age", set(config, CONSOLE, "$LATEST", "/MaximumEventAgeInSeconds", json!(21600))),
        ("async-age", set(config, WATCH, "live", "/MaximumEventAgeInSeconds", json!(21600))),
        ("async-drop", set(config, WEBHOOK, "live", "/DestinationConfig", json!({}))),
        (
            "async-drop",
            set(config, WEBHOOK, "live", "/DestinationConfig/OnFailure/Destination", json!("arn:aws:sqs:x:1:other")),
        ),
        ("async-drop", set(config, WEBHOOK, "live", "/DestinationConfig/OnFailure/Destination", json!(FAILED_RUNS))),
        ("async-drop", set(config, PAYER, "live", "/DestinationConfig/OnFailure/Destination", json!(FAILED_RUNS))),
        ("async-drop", set(config, SWEEPER, "$LATEST", "/DestinationConfig/OnFailure/Destination", json!(FAILED_RUNS))),
        ("async-drop", set(config, SWEEPER, "live", "/DestinationConfig/OnFailure/Destination", json!(TRIPWIRE))),
        ("async-drop", set(config, RECONCILER, "live", "/DestinationConfig/OnFailure/Destination", json!(TRIPWIRE))),
        ("async-drop", set(config, WEBHOOK, "live", "/DestinationConfig/OnSuccess", json!({ "Destination": "arn" }))),
        (
            "dead-letter-queue",
            set("configuration", WEBHOOK, "live", "/DeadLetterConfig", json!({ "TargetArn": "arn" })),
        ),
        ("source-mapping", add("mapping", "webhook", "live", json!({ "State": "Enabled" }))),
        ("source-mapping", add("mapping", "sweeper", "$LATEST", json!({}))),
        ("source-mapping", add("mapping", "reconciler", "live", json!({ "State": "Enabled" }))),
        ("source-mapping", gone("mapping", WATCH, "live")),
        ("source-mapping", add("mapping", "payer", "live", json!({ "State": "Enabled" }))),
        ("watch-mapping", set("mapping", WATCH, "live", "/MaximumRetryAttempts", json!(-1))),
        ("watch-mapping", set("mapping", WATCH, "live", "/State", json!("Disabled"))),
        ("watch-mapping", set("mapping", WATCH, "live", "/FilterCriteria", Value::Null)),
        ("watch-mapping", set("mapping", WATCH, "live", "/FilterCriteria/Filters/0/Pattern", json!("{}"))),
        ("watch-mapping", set("mapping", WATCH, "live", "/EventSourceArn", json!("arn:aws:sqs:x"))),
        (
            "resource-policy",
            add("policy_statement", "webhook", "live", json!({ "Principal": "*", "Action": "lambda:InvokeFunction" })),
        ),
        ("resource-policy", add("policy_statement", "webhook", "$LATEST", json!({}))),
        ("resource-policy", add("policy_statement", "sweeper", "live", json!({}))),
        ("resource-policy", add("policy_statement", "reconciler", "live", json!({}))),
        ("resource-policy", gone("policy_statement", WEBHOOK, "live")),
        (
            "resource-policy",
            add("policy_statement", "payer", "live", json!({ "Principal": { "AWS": "111122223333" } })),
        ),
        ("resource-policy", set("policy_statement", CONSOLE, "live", "/Condition", Value::Null)),
        ("resource-policy", add("policy_statement", "console", "$LATEST", json!({}))),
        ("resource-policy", set("policy_statement", WEBHOOK, "live", "/Principal", json!("*"))),
        ("resource-policy", set("policy_statement", WEBHOOK, "live", "/Condition", Value::Null)),
        ("resource-policy", route("api/*")),
        ("resource-policy", route("api/*/*/webhooks/stripe/*")),
        ("resource-policy", route("api/*/POST/webhooks/adyen/x")),
        ("resource-policy", set("policy_statement", WEBHOOK, "live", "/Action", json!("lambda:*"))),
        ("aliases", add("alias", "webhook", "beta", json!({ "Name": "beta" }))),
        ("aliases", set("alias", SWEEPER, "live", "/Name", json!("other"))),
        ("function-url", add("url", "payer", "live", json!({ "AuthType": "AWS_IAM" }))),
        ("function-url", add("url", "webhook", "$LATEST", json!({ "AuthType": "NONE" }))),
        ("event-rules", add("rule", "webhook", "live", json!("hourly"))),
        ("schedule-retries", set("schedule", SWEEPER, "live", retries, json!(185))),
        ("schedule-retries", set("schedule", SWEEPER, "live", "/Target/RetryPolicy", Value::Null)),
        ("schedule-retries", set("schedule", RETRY_AUDIT, "live", "/State", json!("DISABLED"))),
        ("schedule-retries", gone("schedule", SWEEPER, "live")),
        ("schedule-retries", set("schedule", RECONCILER, "live", retries, json!(185))),
        ("schedule-retries", gone("schedule", RECONCILER, "live")),
        ("schedule-retries", add("schedule", "payer", "?", json!({ "State": "ENABLED" }))),
        ("schedule-retries", add("schedule", "webhook", "live", json!({ "State": "ENABLED" }))),
        (
            "durable-function",
            set("configuration", WEBHOOK, "live", "/DurableConfig", json!({ "ExecutionTimeout": 60 })),
        ),
        (
            "managed-instances",
            set("configuration", WEBHOOK, "live", "/CapacityProviderConfig", json!({ "Arn": "arn" })),
        ),
        ("snap-start", set("configuration", WEBHOOK, "live", "/SnapStart/ApplyOn", json!("PublishedVersions"))),
        ("layers", set("configuration", WEBHOOK, "live", "/Layers", json!([{ "Arn": "arn" }]))),
        ("provisioned-concurrency", add("provisioned_concurrency", "webhook", "", json!({}))),
        ("reserved-concurrency", set("concurrency", WEBHOOK, "", "/ReservedConcurrentExecutions", json!(0))),
        ("reserved-concurrency", set("concurrency", WEBHOOK, "", "/ReservedConcurrentExecutions", Value::Null)),
        ("reserved-concurrency", set("concurrency", PAYER, "", "/ReservedConcurrentExecutions", json!(0))),
        ("reserved-concurrency", set("concurrency", CONSOLE, "", "/ReservedConcurrentExecutions", json!(900))),
        ("recursion", set("recursion", WEBHOOK, "", "/RecursiveLoop", json!("Allow"))),
        ("timeout-ladder", set("configuration", WEBHOOK, "live", "/Timeout", json!(900))),
        ("timeout-ladder", set("configuration", PAYER, "live", "/Timeout", json!(900))),
        ("timeout-ladder", set("configuration", CONSOLE, "live", "/Timeout", json!(3))),
        ("environment", set("configuration", WEBHOOK, "live", variable, json!("1"))),
        ("environment", set("configuration", PAYER, "live", variable, json!("1"))),
        ("environment", set("configuration", RECONCILER, "live", variable, json!("1"))),
        (
            "environment",
            set("configuration", PAYER, "live", "/Environment/Variables/PAYONCE_ORIGIN", json!("https://x")),
        ),
        ("environment", set("configuration", CONSOLE, "live", "/Environment/Variables/HTTPS_PROXY", json!("http://x"))),
        (
            "environment",
            set("configuration", SWEEPER, "$LATEST", "/Environment/Variables/AWS_ENDPOINT_URL", json!("https://x")),
        ),
        (
            "network",
            set("configuration", WATCH, "live", "/VpcConfig", json!({ "VpcId": "vpc-1", "SubnetIds": ["subnet-1"] })),
        ),
        ("unknown-setting", set("configuration", WEBHOOK, "live", "/RetryForever", json!(true))),
        (
            "claims-expire",
            set("time_to_live", AUDIT, "", "", json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "x" })),
        ),
        ("claims-expire", set("time_to_live", AUDIT, "", "/TimeToLiveStatus", json!("ENABLING"))),
        ("claims-expire", set("time_to_live", "payonce-bodies", "", "/TimeToLiveStatus", json!("DISABLED"))),
        ("claims-deleted", set("table", AUDIT, "", "/DeletionProtectionEnabled", json!(false))),
        ("claims-deleted", set("backups", AUDIT, "", "/PointInTimeRecoveryDescription", Value::Null)),
        ("claims-deleted", set("backups", AUDIT, "", "/PointInTimeRecoveryDescription/RecoveryPeriodInDays", json!(7))),
        ("claims-in-two-regions", set("table", AUDIT, "", "/Replicas", json!([{ "RegionName": "eu-west-1" }]))),
        ("claims-overwritten", set("table", AUDIT, "", "/StreamSpecification", Value::Null)),
        ("claims-unprotected", gone(POLICY, AUDIT, "")),
        ("claims-unprotected", set(POLICY, AUDIT, "", "/Effect", json!("Allow"))),
        (
            "claims-unprotected",
            set(POLICY, AUDIT, "", "/Principal", json!({ "AWS": "arn:aws:iam::111122223333:role/x" })),
        ),
        ("claims-unprotected", set(POLICY, AUDIT, "", "/Action", json!("dynamodb:UpdateItem"))),
        ("claims-unprotected", set(POLICY, AUDIT, "", "/Action/1", json!("dynamodb:GetItem"))),
        (
            "claims-unprotected",
            set(POLICY, AUDIT, "", "/Condition", json!({ "Bool": { "aws:SecureTransport": "false" } })),
        ),
        ("claims-unprotected", set(POLICY, AUDIT, "", "/Resource", json!("arn:aws:dynamodb:x:1:table/payonce-bodies"))),
        ("claims-unprotected", set(POLICY, AUDIT, "", "", Value::Null)),
        ("claims-unprotected", lets_in("audit")),
        ("claims-unprotected", lets_in("reconcile")),
        (
            "unknown-function",
            Box::new(|deployed| {
                deployed.functions.push(Function { name: "payonce-helper".to_owned(), kind: "unknown".to_owned() });
            }),
        ),
        ("missing-function", Box::new(|deployed| deployed.functions.retain(|function| function.kind != "audit-watch"))),
        ("missing-function", Box::new(|deployed| deployed.functions.retain(|function| function.kind != "payer"))),
        ("missing-function", Box::new(|deployed| deployed.functions.retain(|function| function.kind != "reconciler"))),
    ];
    for (index, (place, change)) in changes.iter().enumerate() {
        let mut changed = deployed();
        change(&mut changed);
        let found = places(&changed);
        assert!(found.iter().any(|found| found == place), "change {index}: {place} is not in {found:?}");
    }
    // Every place that speaks of what is deployed is broken by one of them.
    let census = Census::parse(TEXT).unwrap();
    for place in census.place.iter().filter(|place| !place.deployed.is_empty()) {
        assert!(changes.iter().any(|(broken, _)| *broken == place.id), "nothing breaks {}", place.id);
    }
}

#[test]
fn drift_says_subject_path_and_value() {
    let mut changed = deployed();
    set("event_invoke_config", WEBHOOK, "$LATEST", "/MaximumRetryAttempts", json!(2))(&mut changed);
    let found = verdict(&Census::parse(TEXT).unwrap(), &expected(), &changed);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].subject, "event_invoke_config of payonce-webhook-stripe:$LATEST");
    assert_eq!((found[0].path.as_str(), found[0].found.as_str()), ("/MaximumRetryAttempts", "2"));
}

#[test]
fn names_an_unknown_variable_without_its_value() {
    let mut changed = deployed();
    set("configuration", WEBHOOK, "live", "/Environment/Variables/STRANGE", json!("planted"))(&mut changed);
    let found = verdict(&Census::parse(TEXT).unwrap(), &expected(), &changed);
    assert!(found[0].found.contains("STRANGE") && !format!("{found:?}").contains("planted"));
}

/// Words of the row language that no row about what is deployed uses today.
#[test]
fn every_word_of_the_row_language_is_enforced() {
    let differs = |row: &str| {
        let head = "[[place]]\nid = 'x'\nwhat = ''\nmust = ''\nwhy = ''\nsource = ''\n";
        let census = Census::parse(&format!("{head}deployed = [{{ {row} }}]")).unwrap();
        !verdict(&census, &expected(), &deployed()).is_empty()
    };
    let of = "of = 'configuration', kind = 'webhook', path =";
    for (good, bad) in [
        (format!("{of} '/Timeout', at_least = 25"), format!("{of} '/Timeout', at_least = 26")),
        (format!("{of} '/Timeout', at_most = 25"), format!("{of} '/Timeout', at_most = 24")),
        (format!("{of} '/Handler', starts = 'boot'"), format!("{of} '/Handler', starts = 'strap'")),
        (format!("{of} '/Handler', ends = 'strap'"), format!("{of} '/Handler', ends = 'boot'")),
        (
            format!("{of} '/Architectures', all_of = ['arm64']"),
            format!("{of} '/Architectures', all_of = ['arm64', 'x86_64']"),
        ),
        ("of = 'table', count = 1".to_owned(), "of = 'table', count = 2".to_owned()),
        (
            "of = 'backups', table = 'audit', count = 1".to_owned(),
            "of = 'backups', table = 'audit', count = 0".to_owned(),
        ),
    ] {
        assert!(!differs(&good), "{good}");
        assert!(differs(&bad), "{bad}");
    }
    // Nothing there, or no number, is neither large nor small.
    assert!(differs(&format!("{of} '/Nothing', all_of = []")) && differs(&format!("{of} '/Handler', all_of = []")));
    assert!(differs(&format!("{of} '/Nothing', at_least = 0")) && differs(&format!("{of} '/Handler', at_most = 9")));
}

#[test]
fn table_without_an_answer_counts_as_missing() {
    let head = "[[place]]\nid = 'x'\nwhat = ''\nmust = ''\nwhy = ''\nsource = ''\n";
    let census = Census::parse(&format!("{head}deployed = [{{ of = 'backups', count = 1 }}]")).unwrap();
    let mut changed = deployed();
    gone("backups", AUDIT, "")(&mut changed);
    let found = verdict(&census, &expected(), &changed);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].subject.as_str(), found[0].found.as_str()), ("backups of payonce-audit", "0, not 1"));
}
