//! Whole runs against a small AWS on loopback. What decides about drift is in `drift.rs`; here it is whether AWS is asked
//! for everything, signed for the right service, and whether a question without an answer could pass for "no drift".

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "test code; the fake has a thread of its own")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

#[path = "made/alarms.rs"]
mod made;

use payonce_ledger::{Credentials, Ledger, Settings};
use payonce_runtime::clock::Clock;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::start::Tables;
use retry_audit::{App, Report};
use serde_json::{Value, json};

const ACCOUNT: &str = "eu-central-1:111122223333";
const TRIPWIRE: &str = "arn:aws:sqs:eu-central-1:111122223333:payonce-tripwire";
const FAILED_RUNS: &str = "arn:aws:sqs:eu-central-1:111122223333:payonce-failed-runs";
const STREAM: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/payonce-audit/stream/2026-11-23T00:00:00.000";
const FUNCTIONS: [&str; 7] = [
    "payonce-webhook-stripe",
    "payonce-sweeper",
    "payonce-reconciler",
    "payonce-retry-audit",
    "payonce-audit-watch",
    "payonce-console",
    "payonce-payer",
];
const MAPPINGS: &str = "lambda /2015-03-31/event-source-mappings/";
const LISTED: &str = "lambda /2015-03-31/functions/";

fn arn(function: &str) -> String {
    format!("arn:aws:lambda:{ACCOUNT}:function:{function}")
}

/// Question → the answers to it, of which the last stays. A question is the service with the path, or with the operation
/// and its parameters.
type Answers = BTreeMap<String, Vec<(u16, String)>>;

#[derive(Clone)]
struct Fake {
    url: String,
    answers: Arc<Mutex<Answers>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, answers: Arc::new(Mutex::new(as_deployed())), asked: Arc::default() };
        let serving = fake.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        fake
    }

    fn says(&self, question: &str, status: u16, answer: &Value) {
        self.says_in_turn(question, &[(status, answer.to_string())]);
    }

    fn says_in_turn(&self, question: &str, answers: &[(u16, String)]) {
        self.answers.lock().unwrap().insert(question.to_owned(), answers.to_vec());
    }

    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut lines = vec![];
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |wanted: &str| {
            let mut headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
            headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
        };
        let length = header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (method, rest) = lines[0].split_once(' ').unwrap();
        let path = rest.split_once(' ').unwrap().0;

        let signed = header("authorization").unwrap();
        let scope = signed.strip_prefix("AWS4-HMAC-SHA256 Credential=AKIDPLANTED/20261123/eu-central-1/").unwrap();
        let service = scope.split_once("/aws4_request, ").unwrap().0;
        assert_eq!(header("x-amz-security-token").as_deref(), Some("planted-token"));
        let question = match header("x-amz-target") {
            Some(target) => {
                assert_eq!((method, path), ("POST", "/"));
                assert!(signed.contains("x-amz-target"), "{signed}");
                format!("{service} {target} {}", String::from_utf8(body).unwrap())
            }
            None => {
                assert_eq!((method, body.len()), ("GET", 0));
                format!("{service} {path}")
            }
        };
        let (status, answer) = {
            let mut all = self.answers.lock().unwrap();
            match all.get_mut(&question) {
                Some(turns) if turns.len() > 1 => turns.remove(0),
                Some(turns) => turns[0].clone(),
                None => (404, r#"{"__type":"ResourceNotFoundException"}"#.to_owned()),
            }
        };
        self.asked.lock().unwrap().push(question);
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).ok()
    }

    /// The report or the failure, and the wide event.
    async fn run(&self) -> (Result<Report, String>, Value) {
        let environment = environment(&self.url);
        // 2026-11-23T12:00:00Z
        let clock = Clock::manual(1_795_435_200_000);
        let (metrics, lines) = Metrics::captured(clock.clone());
        let credentials = Credentials::Given { key_id: "none".to_owned(), secret: "none".to_owned() };
        let settings = Settings {
            region: environment.region.clone(),
            endpoint: environment.endpoints.dynamodb.clone(),
            credentials,
            authorities: None,
        };
        let tables = payonce_ledger::Tables {
            audit: environment.audit_table.clone(),
            bodies: environment.bodies_table.clone(),
            reconcile: environment.reconcile_table.clone(),
        };
        let ledger = Arc::new(Ledger::new(&settings, tables).unwrap());
        let app = App::new(Tables { environment, clock, ledger: ledger.narrowed(), metrics }).unwrap();
        let done = app.run().await.map_err(|error| error.to_string());
        (done, lines.lines().remove(0))
    }

    async fn drift(&self) -> Vec<(String, String)> {
        let drift = self.run().await.0.unwrap().drift;
        drift.into_iter().map(|found| (found.place, found.subject)).collect()
    }
}

fn environment(endpoint: &str) -> Environment {
    let expected = json!({
        "tripwire": TRIPWIRE, "failed_runs": FAILED_RUNS, "audit_stream": STREAM, "reserved_concurrency": "20", "function_timeout_seconds": "25",
        "page_topic": made::PAGE, "ticket_topic": made::TICKET,
    });
    let more =
        [("AWS_ENDPOINT_URL", endpoint), ("PAYONCE_STACK", "payonce"), ("PAYONCE_EXPECTED", &expected.to_string())];
    Environment::planted(&more).unwrap()
}

/// A stack as the template deploys it, in AWS's words.
fn as_deployed() -> Answers {
    let mut all = Answers::new();
    let mut says = |question: String, answer: Value| all.insert(question, vec![(200, answer.to_string())]);
    let listed = FUNCTIONS.map(|name| json!({ "FunctionName": name, "FunctionArn": arn(name) }));
    says(LISTED.to_owned(), json!({ "Functions": listed }));
    for name in FUNCTIONS {
        let live = format!("{}:live", arn(name));
        let v1 = format!("lambda /2015-03-31/functions/{name}");
        let v2 = format!("lambda /2019-09-25/functions/{name}/event-invoke-config");
        let v3 = format!("lambda /2019-09-30/functions/{name}");
        says(format!("{v1}/aliases"), json!({ "Aliases": [{ "Name": "live", "AliasArn": live }] }));
        let configs = ["live", "$LATEST"].map(|qualifier| invoke_config(name, qualifier, 0));
        says(format!("{v2}/list"), json!({ "FunctionEventInvokeConfigs": configs }));
        for (qualifier, encoded) in [("live", "live"), ("$LATEST", "%24LATEST")] {
            says(format!("{v2}?Qualifier={encoded}"), invoke_config(name, qualifier, 0));
            let seconds = if name == "payonce-console" { 29 } else { 25 };
            let configuration = json!({
                "FunctionName": name, "Timeout": seconds, "SnapStart": { "ApplyOn": "None" },
                "Environment": { "Variables": { "PAYONCE_AUDIT_TABLE": "payonce-audit" } },
                "LoggingConfig": { "LogGroup": made::log_of(name) },
            });
            says(format!("{v1}/configuration?Qualifier={encoded}"), configuration);
        }
        says(format!("lambda /2021-10-31/functions/{name}/urls"), json!({ "FunctionUrlConfigs": [] }));
        says(format!("{v3}/provisioned-concurrency?List=ALL"), json!({ "ProvisionedConcurrencyConfigs": [] }));
        let reserved = match name {
            "payonce-console" => 10,
            "payonce-payer" => 5,
            "payonce-sweeper" | "payonce-reconciler" | "payonce-audit-watch" => 2,
            "payonce-retry-audit" => 1,
            _ => 20,
        };
        says(format!("{v3}/concurrency"), json!({ "ReservedConcurrentExecutions": reserved }));
        let recursion = format!("lambda /2024-08-31/functions/{name}/recursion-config");
        says(recursion, json!({ "RecursiveLoop": "Terminate" }));
        for target in [arn(name), live] {
            says(rules_of(&target), json!({ "RuleNames": [] }));
        }
    }
    says(format!("{}/policy?Qualifier=live", function("payonce-webhook-stripe")), policy(&[statement(":live")]));
    says(format!("{}/policy?Qualifier=live", function("payonce-console")), policy(&[at_the_console()]));
    says(alarms_after(None), json!({ "MetricAlarms": made::described(false), "CompositeAlarms": [] }));
    says(mute_rules_after(None), json!({ "AlarmMuteRuleSummaries": [] }));
    says(MAPPINGS.to_owned(), json!({ "EventSourceMappings": [watch_mapping()] }));
    let scheduled = ["payonce-sweeper", "payonce-reconciler", "payonce-retry-audit"];
    let named = scheduled.map(|name| json!({ "Name": name, "GroupName": "default" }));
    says("scheduler /schedules".to_owned(), json!({ "Schedules": named }));
    for name in scheduled {
        let retries = json!({ "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60 });
        let target = json!({ "Arn": format!("{}:live", arn(name)), "RetryPolicy": retries });
        says(format!("scheduler /schedules/{name}?groupName=default"), json!({ "State": "ENABLED", "Target": target }));
    }
    for table in ["audit", "bodies", "reconcile"] {
        let mut answer = json!({ "DeletionProtectionEnabled": true, "TableArn": table_arn(table) });
        let mut time_to_live = json!({ "TimeToLiveStatus": "DISABLED" });
        match table {
            "audit" => answer["StreamSpecification"] = json!({ "StreamViewType": "NEW_AND_OLD_IMAGES" }),
            "bodies" => time_to_live = json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires" }),
            _ => {}
        }
        let recovery = json!({ "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "ENABLED" } });
        says(described("DescribeTable", table), json!({ "Table": answer }));
        says(described("DescribeTimeToLive", table), json!({ "TimeToLiveDescription": time_to_live }));
        says(described("DescribeContinuousBackups", table), json!({ "ContinuousBackupsDescription": recovery }));
    }
    says(policy_of("audit"), policy(&[claims_are_forever()]));
    let dashboards: Value = serde_json::from_str(retry_audit::dashboards::TEXT).unwrap();
    for (name, panels) in dashboards.as_object().unwrap() {
        says(dashboard(name), json!({ "DashboardName": name, "DashboardBody": body(panels.as_array().unwrap()) }));
    }
    for table in ["bodies", "reconcile"] {
        all.insert(policy_of(table), vec![(NO_POLICY.0, NO_POLICY.1.to_owned())]);
    }
    all
}

fn dashboard(name: &str) -> String {
    format!("monitoring GraniteServiceVersion20100801.GetDashboard {}", json!({ "DashboardName": name }))
}

/// As CloudWatch has it.
fn body(panels: &[Value]) -> String {
    let metrics = |panel: &Value| -> Vec<Value> {
        let named =
            panel["metrics"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().split_once(' ').unwrap());
        named.map(|(namespace, metric)| json!([namespace, metric, "provider", "stripe"])).collect()
    };
    let widget = |panel: &Value| json!({ "type": panel["type"], "properties": { "title": panel["title"], "metrics": metrics(panel) } });
    json!({ "widgets": panels.iter().map(widget).collect::<Vec<_>>() }).to_string()
}

/// The question for alarms, after a page.
fn alarms_after(token: Option<&str>) -> String {
    let mut parameters =
        json!({ "AlarmNamePrefix": "payonce-", "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100 });
    if let Some(token) = token {
        parameters["NextToken"] = json!(token);
    }
    format!("monitoring GraniteServiceVersion20100801.DescribeAlarms {parameters}")
}

fn of_mute_rules(operation: &str, parameters: &Value) -> String {
    format!("monitoring GraniteServiceVersion20100801.{operation} {parameters}")
}

fn mute_rules_after(token: Option<&str>) -> String {
    let mut parameters = json!({ "Statuses": ["SCHEDULED", "ACTIVE"], "MaxRecords": 100 });
    if let Some(token) = token {
        parameters["NextToken"] = json!(token);
    }
    of_mute_rules("ListAlarmMuteRules", &parameters)
}

const NO_POLICY: (u16, &str) =
    (400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#PolicyNotFoundException","message":"x"}"#);

fn table_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{ACCOUNT}:table/payonce-{table}")
}

fn policy_of(table: &str) -> String {
    format!("dynamodb DynamoDB_20120810.GetResourcePolicy {}", json!({ "ResourceArn": table_arn(table) }))
}

fn claims_are_forever() -> Value {
    let denied = ["UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"];
    json!({
        "Sid": "ClaimsAreForever", "Effect": "Deny", "Principal": "*", "Action": denied.map(|one| format!("dynamodb:{one}")),
        "Resource": table_arn("audit"),
    })
}

fn function(name: &str) -> String {
    format!("lambda /2015-03-31/functions/{name}")
}

fn described(operation: &str, table: &str) -> String {
    format!("dynamodb DynamoDB_20120810.{operation} {}", json!({ "TableName": format!("payonce-{table}") }))
}

fn rules_of(target: &str) -> String {
    format!("events AWSEvents.ListRuleNamesByTarget {}", json!({ "TargetArn": target }))
}

fn invoke_config(name: &str, qualifier: &str, attempts: u32) -> Value {
    let is_scheduled = ["payonce-sweeper", "payonce-reconciler", "payonce-retry-audit"].contains(&name);
    let destination = if is_scheduled && qualifier == "live" { FAILED_RUNS } else { TRIPWIRE };
    json!({
        "FunctionArn": format!("{}:{qualifier}", arn(name)), "MaximumRetryAttempts": attempts,
        "MaximumEventAgeInSeconds": 60, "DestinationConfig": { "OnFailure": { "Destination": destination } },
    })
}

fn statement(qualifier: &str) -> Value {
    json!({
        "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" }, "Action": "lambda:InvokeFunction",
        "Resource": format!("{}{qualifier}", arn("payonce-webhook-stripe")),
        "Condition": { "ArnLike": { "AWS:SourceArn": "arn:aws:execute-api:eu-central-1:1:api/*/POST/webhooks/stripe/x" } },
    })
}

fn at_the_console() -> Value {
    let mut statement = statement("");
    statement["Resource"] = json!(format!("{}:live", arn("payonce-console")));
    statement["Condition"]["ArnLike"]["AWS:SourceArn"] = json!("arn:aws:execute-api:eu-central-1:1:api/*/*/console*");
    statement
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Policy": json!({ "Statement": statements }).to_string() })
}

fn watch_mapping() -> Value {
    json!({
        "FunctionArn": format!("{}:live", arn("payonce-audit-watch")), "EventSourceArn": STREAM, "State": "Enabled",
        "MaximumRetryAttempts": 5, "MaximumRecordAgeInSeconds": 3600, "BisectBatchOnFunctionError": true,
        "FilterCriteria": { "Filters": [{ "Pattern": "{\"eventName\":[\"MODIFY\",\"REMOVE\"]}" }] },
        "DestinationConfig": { "OnFailure": { "Destination": TRIPWIRE } },
    })
}

#[tokio::test]
async fn stack_as_deployed_has_no_drift_and_counts_as_a_run() {
    let fake = Fake::start();
    let (done, line) = fake.run().await;
    assert_eq!(serde_json::to_value(done.unwrap()).unwrap(), json!({ "drift": [] }));
    assert_eq!((&line["RetryConfigDrift"], &line["AuditRuns"], &line["drift"]), (&json!(0), &json!(1), &json!([])));
}

#[tokio::test]
async fn refused_or_strange_answer_is_never_no_drift() {
    let fake = Fake::start();
    fake.run().await.0.unwrap();
    let asked: BTreeSet<String> = fake.asked.lock().unwrap().drain(..).collect();
    // What every function is asked alike is tried with one.
    let others = &FUNCTIONS[1..];
    let kept = |question: &&String| question.starts_with("scheduler") || !others.iter().any(|o| question.contains(o));
    let mut tried = 0;
    for question in asked.iter().filter(kept) {
        let before = fake.answers.lock().unwrap().get(question).cloned();
        let may_be_missing = question.contains("/policy")
            || question.contains("/event-invoke-config?")
            || question.contains("/provisioned-concurrency");
        for (status, answer) in
            [(403, json!({ "__type": "AccessDeniedException" })), (404, json!({})), (200, json!("?")), (200, json!({}))]
        {
            fake.says(question, status, &answer);
            let (done, line) = fake.run().await;
            if done.is_err() {
                assert!(line.get("AuditRuns").is_none() && line["RetryConfigDrift"] == 0, "{question}: {line}");
            }
            let told = match &done {
                Err(_) => true,
                // What a row asks for and does not find is told as drift; the list tells of the single answers, too.
                Ok(report) if answer == json!({}) && status == 200 => {
                    let may_be_empty = ["/event-invoke-config?", "ListAlarmMuteRules"];
                    !report.drift.is_empty() || may_be_empty.iter().any(|part| question.contains(part))
                }
                // One that is not there is drift.
                Ok(report) if question.contains("GetDashboard") => status == 404 && !report.drift.is_empty(),
                Ok(_) => status == 404 && may_be_missing,
            };
            assert!(told, "{question} -> {status} {answer}: {done:?}");
            tried += 1;
        }
        match before {
            Some(before) => fake.says_in_turn(question, &before),
            None => drop(fake.answers.lock().unwrap().remove(question)),
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Where others are told, the bus of notices is asked, too: a rule there may start anything but a function of this stack.
#[tokio::test]
async fn sees_a_rule_on_the_bus_of_notices_that_starts_a_function() {
    let (fake, notices) = (Fake::start(), "payonce-notices");
    let all: Vec<&str> = FUNCTIONS.into_iter().chain([notices]).collect();
    let listed: Vec<Value> = all.iter().map(|name| json!({ "FunctionName": name, "FunctionArn": arn(name) })).collect();
    for (question, answers) in as_deployed().iter().filter(|(question, _)| question.contains("payonce-audit-watch")) {
        let renamed = |text: &String| text.replace("payonce-audit-watch", notices);
        let answers: Vec<(u16, String)> = answers.iter().map(|(status, answer)| (*status, renamed(answer))).collect();
        fake.says_in_turn(&renamed(question), &answers);
    }
    fake.says(&format!("lambda /2019-09-30/functions/{notices}/concurrency"), 200, &json!({}));
    let mapping = json!({
        "FunctionArn": format!("{}:live", arn(notices)), "EventSourceArn": STREAM, "State": "Enabled", "MaximumRetryAttempts": 1000,
        "MaximumRecordAgeInSeconds": 86400, "BisectBatchOnFunctionError": true, "FilterCriteria": { "Filters": [{ "Pattern": "{}" }] },
        "DestinationConfig": { "OnFailure": { "Destination": TRIPWIRE } },
    });
    fake.says(MAPPINGS, 200, &json!({ "EventSourceMappings": [watch_mapping(), mapping, mapping] }));
    fake.says(LISTED, 200, &json!({ "Functions": listed }));
    let on_the_bus = |target: &str| {
        format!("events AWSEvents.ListRuleNamesByTarget {}", json!({ "EventBusName": "payonce", "TargetArn": target }))
    };
    for target in all.iter().flat_map(|name| [arn(name), format!("{}:live", arn(name))]) {
        fake.says(&on_the_bus(&target), 200, &json!({ "RuleNames": [] }));
    }
    assert_eq!(fake.drift().await, []);
    let webhook = format!("{}:live", arn("payonce-webhook-stripe"));
    fake.says(&on_the_bus(&webhook), 200, &json!({ "RuleNames": ["pay again"] }));
    assert_eq!(fake.drift().await, [("event-rules".to_owned(), "rule of payonce-webhook-stripe".to_owned())]);
}

#[tokio::test]
async fn reads_every_page() {
    let stranger = "payonce-helper";
    let fake = Fake::start();
    let first = FUNCTIONS.map(|name| json!({ "FunctionName": name, "FunctionArn": arn(name) }));
    fake.says(LISTED, 200, &json!({ "Functions": first, "NextMarker": "a/b=" }));
    let second = json!({ "Functions": [{ "FunctionName": "payoncex", "FunctionArn": arn("payoncex") }] });
    fake.says(&format!("{LISTED}?Marker=a%2Fb%3D"), 200, &second);
    assert_eq!(fake.drift().await, []);

    fake.says(MAPPINGS, 200, &json!({ "EventSourceMappings": [watch_mapping()], "NextMarker": "2" }));
    let foreign = json!({ "FunctionArn": arn("payonce-sweeper") });
    let elsewhere = json!({ "FunctionArn": arn("payonce-sweeper-of-others") });
    let page = json!({ "EventSourceMappings": [foreign, elsewhere] });
    fake.says(&format!("{MAPPINGS}?Marker=2"), 200, &page);
    let found = fake.drift().await;
    assert!(found.contains(&("source-mapping".to_owned(), "mapping of payonce-sweeper".to_owned())), "{found:?}");
    assert!(!found.iter().any(|(_, subject)| subject.contains("others")), "{found:?}");
    fake.says(MAPPINGS, 200, &json!({ "EventSourceMappings": [watch_mapping()] }));

    let target = format!("{}:live", arn("payonce-sweeper"));
    fake.says(&rules_of(&target), 200, &json!({ "RuleNames": [], "NextToken": "2" }));
    let next = format!("events AWSEvents.ListRuleNamesByTarget {}", json!({ "TargetArn": target, "NextToken": "2" }));
    fake.says(&next, 200, &json!({ "RuleNames": ["hourly"] }));
    assert_eq!(fake.drift().await, [("event-rules".to_owned(), "rule of payonce-sweeper".to_owned())]);
    fake.says(&rules_of(&target), 200, &json!({ "RuleNames": [] }));

    let all = first.into_iter().chain([json!({ "FunctionName": stranger, "FunctionArn": arn(stranger) })]);
    fake.says(LISTED, 200, &json!({ "Functions": all.collect::<Vec<_>>() }));
    let copied: Vec<(String, Vec<(u16, String)>)> = as_deployed()
        .into_iter()
        .filter(|(question, _)| question.contains("payonce-sweeper") && !question.starts_with("scheduler"))
        .map(|(question, answers)| (question.replace("payonce-sweeper", stranger), answers))
        .collect();
    copied.iter().for_each(|(question, answers)| fake.says_in_turn(question, answers));
    assert!(fake.drift().await.contains(&("unknown-function".to_owned(), stranger.to_owned())));
}

#[tokio::test]
async fn sees_a_dashboard_that_is_gone_or_lost_a_panel() {
    let fake = Fake::start();
    let name = "payonce-on-call";
    let drift = [("alarms".to_owned(), format!("dashboard {name}"))];
    fake.says(&dashboard(name), 200, &json!({ "DashboardName": name, "DashboardBody": body(&[]) }));
    assert_eq!(fake.drift().await, drift);
    fake.says(&dashboard(name), 404, &json!({ "__type": "ResourceNotFound" }));
    assert_eq!(fake.drift().await, drift);
    fake.says(&dashboard(name), 403, &json!({ "__type": "AccessDeniedException" }));
    assert!(fake.run().await.0.is_err(), "what could not be asked is no answer");
}

#[tokio::test]
async fn sees_a_setting_that_only_one_of_two_answers_shows() {
    let webhook = "payonce-webhook-stripe";
    let config = format!("lambda /2019-09-25/functions/{webhook}/event-invoke-config");
    let drifted = |place: &str, subject: &str| [(place.to_owned(), subject.to_owned())];
    let retries = drifted("async-retries", "event_invoke_config of payonce-webhook-stripe:live");

    // The list leaves the alias out, and its own answer tells.
    let fake = Fake::start();
    let latest = json!({ "FunctionEventInvokeConfigs": [invoke_config(webhook, "$LATEST", 0)] });
    fake.says(&format!("{config}/list"), 200, &latest);
    assert_eq!(fake.drift().await, []);
    fake.says(&format!("{config}?Qualifier=live"), 200, &invoke_config(webhook, "live", 2));
    assert_eq!(fake.drift().await, retries);

    // Nothing but the list tells of a version's number.
    let fake = Fake::start();
    let three =
        ["live", "$LATEST", "7"].map(|qualifier| invoke_config(webhook, qualifier, u32::from(qualifier == "7")));
    fake.says(&format!("{config}/list"), 200, &json!({ "FunctionEventInvokeConfigs": three }));
    assert_eq!(fake.drift().await, drifted("async-retries", "event_invoke_config of payonce-webhook-stripe:7"));

    // The alias' statement told twice is one; one past the alias is another.
    let fake = Fake::start();
    let past = format!("{}/policy", function(webhook));
    fake.says(&past, 200, &policy(&[statement(":live")]));
    assert_eq!(fake.drift().await, []);
    fake.says(&past, 200, &policy(&[statement("")]));
    let found = fake.drift().await;
    let latest = "policy_statement of payonce-webhook-stripe:$LATEST";
    assert!(found.contains(&("resource-policy".to_owned(), latest.to_owned())), "{found:?}");
}

#[tokio::test]
async fn busy_service_is_asked_three_times() {
    let question = format!("{}/aliases", function("payonce-sweeper"));
    let good = as_deployed()[&question][0].clone();
    for (status, busy) in [(429, "{}"), (500, "?"), (400, r#"{"__type":"ThrottlingException"}"#)] {
        let fake = Fake::start();
        fake.says_in_turn(&question, &[(status, busy.to_owned()), good.clone()]);
        assert_eq!(fake.drift().await, [], "{status}");
        fake.says_in_turn(&question, &[(status, busy.to_owned())]);
        fake.asked.lock().unwrap().clear();
        assert!(fake.run().await.0.is_err(), "{status}");
        let asked = fake.asked.lock().unwrap().iter().filter(|asked| **asked == question).count();
        assert_eq!(asked, 3, "{status}");
    }
}

#[tokio::test]
async fn reads_every_page_of_alarms_and_takes_none_for_missing() {
    let fake = Fake::start();
    let alarms = made::described(false);
    let (first, second) = alarms.split_at(alarms.len() / 2);
    fake.says(&alarms_after(None), 200, &json!({ "MetricAlarms": first, "CompositeAlarms": [], "NextToken": "next" }));
    fake.run().await.0.unwrap_err();
    fake.says(&alarms_after(Some("next")), 200, &json!({ "MetricAlarms": second }));
    assert_eq!(fake.drift().await, []);
    fake.says(&alarms_after(Some("next")), 200, &json!({ "MetricAlarms": &second[1..] }));
    let gone = format!("alarm {}", second[0]["AlarmName"].as_str().unwrap());
    assert_eq!(fake.drift().await, [("alarms".to_owned(), gone)]);
    // It is a figure of its own, and none of the settings by which a payout could be repeated.
    let line = fake.run().await.1;
    assert_eq!((&line["RetryConfigDrift"], &line["AlarmDrift"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn asks_for_each_mute_rule_of_every_page() {
    let fake = Fake::start();
    let details = |name: &str| of_mute_rules("GetAlarmMuteRule", &json!({ "AlarmMuteRuleName": name }));
    let arn = |name: &str| format!("arn:aws:cloudwatch:{ACCOUNT}:alarm-mute-rule:{name}");
    let page = json!({ "AlarmMuteRuleSummaries": [{ "Name": "night", "AlarmMuteRuleArn": arn("night") }], "NextToken": "next" });
    fake.says(&mute_rules_after(None), 200, &page);
    fake.says(&details("night"), 200, &made::mute_rule("at(2026-12-06T01:00)", "P15D", "payonce-lost"));
    fake.run().await.0.unwrap_err();
    // The name is left out, and one is deleted meanwhile.
    let second = json!([{ "AlarmMuteRuleArn": arn("other") }, { "AlarmMuteRuleArn": arn("gone") }]);
    fake.says(&mute_rules_after(Some("next")), 200, &json!({ "AlarmMuteRuleSummaries": second }));
    fake.says(&details("other"), 200, &made::mute_rule("at(2026-12-06T01:00)", "P15D", "payonce-swept"));
    let muted = ["night", "other"].map(|name| ("alarms".to_owned(), format!("mute rule {name}")));
    assert_eq!(fake.drift().await, muted);
    for (status, answer) in [(403, json!({})), (200, json!({})), (200, json!({ "Rule": "?" }))] {
        fake.says(&details("night"), status, &answer);
        fake.run().await.0.unwrap_err();
    }
}

/// Where there are metric alarms alone, CloudWatch need not know of mute rules; anything else that it says is a question without an answer.
#[tokio::test]
async fn no_mute_rules_where_the_operation_is_unknown() {
    let fake = Fake::start();
    fake.says(&mute_rules_after(None), 400, &json!({ "__type": "InvalidAction" }));
    assert_eq!(fake.drift().await, []);
    fake.says(&mute_rules_after(None), 400, &json!({ "__type": "AccessDenied" }));
    fake.run().await.0.unwrap_err();
}
