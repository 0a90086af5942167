//! Asks AWS for every setting that the census speaks of. What is not there is an answer; what could not be asked is an
//! error, because "not seen" must not read as "not changed".

use payonce_runtime::aws::{Ask, Aws, NoAnswer};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::verdict::{Deployed, Function, KINDS, Subject, Table};

const LATEST: &str = "$LATEST";
/// As the template names it.
const NOTICES_BUS: &str = "payonce";
/// No list here is longer than a few pages.
const PAGES_AT_MOST: usize = 200;

/// What the stack calls its things.
#[derive(Clone, Debug)]
pub struct Names {
    /// Begins every function's name.
    pub stack: String,
    /// The census' word for each table, and its name.
    pub tables: [(&'static str, String); 3],
    pub dashboards: Vec<String>,
    /// CloudWatch has more here than metric alarms.
    pub has_composites: bool,
}

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be seen: {why}")]
pub struct NotSeen {
    what: String,
    why: NoAnswer,
}

pub async fn deployed(aws: &Aws, names: &Names) -> Result<Deployed, NotSeen> {
    let mut deployed = Deployed::default();
    let mappings =
        pages(aws, "lambda", "/2015-03-31/event-source-mappings/", "EventSourceMappings", ("Marker", "NextMarker"))
            .await?;
    let schedules = schedules(aws).await?;
    let functions = pages(aws, "lambda", "/2015-03-31/functions/", "Functions", ("Marker", "NextMarker")).await?;
    let prefix = format!("{}-", names.stack);
    let tells = functions.iter().any(|listed| listed["FunctionName"] == format!("{prefix}notices"));
    let buses = if tells { &[None, Some(NOTICES_BUS)][..] } else { &[None] };
    for listed in functions {
        let Some(rest) = listed["FunctionName"].as_str().and_then(|name| name.strip_prefix(&prefix)) else { continue };
        let kind = KINDS.into_iter().find(|kind| rest == *kind || *kind == "webhook" && rest.starts_with("webhook-"));
        let function = Function { name: format!("{prefix}{rest}"), kind: kind.unwrap_or("unknown").to_owned() };
        let arn = text(&listed["FunctionArn"]);
        one_function(aws, &function, arn, buses, &mut deployed.subjects).await?;
        let owned = |of, answer: &Value, target: &Value| {
            let qualifier = qualifier(text(target), arn)?;
            Some(subject(of, &function, qualifier, answer.clone()))
        };
        let mapped = mappings.iter().filter_map(|mapping| owned("mapping", mapping, &mapping["FunctionArn"]));
        let scheduled = schedules.iter().filter_map(|schedule| {
            let by_call = || {
                names_in_a_call(schedule, &function.name).then(|| subject("schedule", &function, "?", schedule.clone()))
            };
            owned("schedule", schedule, &schedule["Target"]["Arn"]).or_else(by_call)
        });
        let both: Vec<Subject> = mapped.chain(scheduled).collect();
        deployed.subjects.extend(both);
        deployed.functions.push(function);
    }
    for (table, name) in &names.tables {
        one_table(aws, table, name, &mut deployed.subjects).await?;
        deployed.tables.push(Table { name: name.clone(), table: (*table).to_owned() });
    }
    for answer in alarms(aws, &prefix).await? {
        let owner = text(&answer["AlarmName"]).to_owned();
        deployed.subjects.push(Subject { of: "alarm", owner, answer, ..Subject::default() });
    }
    for answer in mute_rules(aws, names.has_composites).await? {
        let owner = text(&answer["Name"]).to_owned();
        deployed.subjects.push(Subject { of: "mute_rule", owner, answer, ..Subject::default() });
    }
    for name in &names.dashboards {
        match of_cloudwatch(aws, "GetDashboard", json!({ "DashboardName": name })).await {
            Ok(answer) => {
                let owner = name.clone();
                deployed.subjects.push(Subject { of: "dashboard", owner, answer, ..Subject::default() });
            }
            Err(error) if error.is_absence() => {}
            Err(error) => return Err(not_seen(name)(error)),
        }
    }
    Ok(deployed)
}

/// Those that mute now, or will. The list says neither which alarms nor when, so each is asked for.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListAlarmMuteRules.html>
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetAlarmMuteRule.html>
async fn mute_rules(aws: &Aws, has_composites: bool) -> Result<Vec<Value>, NotSeen> {
    let what = "mute rules";
    let mut parameters = json!({ "Statuses": ["SCHEDULED", "ACTIVE"], "MaxRecords": 100 });
    let mut all = vec![];
    for _ in 0..PAGES_AT_MOST {
        let mut answer = match of_cloudwatch(aws, "ListAlarmMuteRules", parameters.clone()).await {
            // Where there are metric alarms alone, the operation may be unknown, and then nothing is muted by a rule.
            Err(NoAnswer::Refused { code, .. }) if !has_composites && code.contains("InvalidAction") => return Ok(all),
            answer => answer.map_err(not_seen(what))?,
        };
        // A list of which nothing is there may be left out.
        let listed = match answer.get_mut("AlarmMuteRuleSummaries").map(Value::take) {
            Some(Value::Array(listed)) => listed,
            None => vec![],
            _ => return Err(not_seen(what)(NoAnswer::Unreadable)),
        };
        for summary in listed {
            // A summary need not say the name, and the ARN ends with it.
            let arn = || text(&summary["AlarmMuteRuleArn"]).split_once(":alarm-mute-rule:").map(|(_, name)| name);
            let Some(name) = summary["Name"].as_str().or_else(arn) else {
                return Err(not_seen(what)(NoAnswer::Unreadable));
            };
            match of_cloudwatch(aws, "GetAlarmMuteRule", json!({ "AlarmMuteRuleName": name })).await {
                Ok(mut rule) if rule["Rule"].is_object() => {
                    rule["Name"] = json!(name);
                    all.push(rule);
                }
                // Deleted meanwhile.
                Err(error) if error.is_absence() => {}
                answer => return Err(not_seen(what)(answer.err().unwrap_or(NoAnswer::Unreadable))),
            }
        }
        match answer["NextToken"].as_str() {
            Some(next) if !next.is_empty() => parameters["NextToken"] = json!(next),
            _ => return Ok(all),
        }
    }
    Err(not_seen(what)(NoAnswer::Unreadable))
}

async fn of_cloudwatch(aws: &Aws, operation: &str, parameters: Value) -> Result<Value, NoAnswer> {
    let operation = format!("GraniteServiceVersion20100801.{operation}");
    let operation = Some(("1.0", operation.as_str(), parameters));
    aws.ask(&Ask { service: "monitoring", path: "/".to_owned(), operation }).await
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
async fn alarms(aws: &Aws, prefix: &str) -> Result<Vec<Value>, NotSeen> {
    let what = "alarms";
    let mut parameters =
        json!({ "AlarmNamePrefix": prefix, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100 });
    let mut all = vec![];
    for _ in 0..PAGES_AT_MOST {
        let answer = of_cloudwatch(aws, "DescribeAlarms", parameters.clone()).await;
        let mut answer = answer.map_err(not_seen(what))?;
        for under in ["MetricAlarms", "CompositeAlarms"] {
            match answer.get_mut(under).map(Value::take) {
                Some(Value::Array(listed)) => all.extend(listed),
                // A list of which nothing is there may be left out.
                None if under == "CompositeAlarms" => {}
                _ => return Err(not_seen(what)(NoAnswer::Unreadable)),
            }
        }
        match answer["NextToken"].as_str() {
            Some(next) if !next.is_empty() => parameters["NextToken"] = json!(next),
            _ => return Ok(all),
        }
    }
    Err(not_seen(what)(NoAnswer::Unreadable))
}

async fn one_function(
    aws: &Aws,
    function: &Function,
    arn: &str,
    buses: &[Option<&str>],
    subjects: &mut Vec<Subject>,
) -> Result<(), NotSeen> {
    let name = &function.name;
    let mut add = |of, qualifier: &str, answer| subjects.push(subject(of, function, qualifier, answer));
    let aliases =
        pages(aws, "lambda", &format!("/2015-03-31/functions/{name}/aliases"), "Aliases", ("Marker", "NextMarker"))
            .await?;
    let mut qualifiers = vec![LATEST.to_owned()];
    qualifiers.extend(aliases.iter().map(|alias| text(&alias["Name"]).to_owned()));
    for alias in aliases {
        let qualifier = text(&alias["Name"]).to_owned();
        add("alias", &qualifier, alias);
    }

    // The list shows what was set for a version's number, too; asked one by one, none of ours is overlooked.
    let path = format!("/2019-09-25/functions/{name}/event-invoke-config/list");
    let mut listed = pages(aws, "lambda", &path, "FunctionEventInvokeConfigs", ("Marker", "NextMarker")).await?;
    for wanted in &qualifiers {
        let path = format!("/2019-09-25/functions/{name}/event-invoke-config?Qualifier={}", encoded(wanted));
        if let Some(config) = present(aws, path).await?
            && listed.iter().all(|known| qualifier(text(&known["FunctionArn"]), arn) != Some(wanted))
        {
            listed.push(config);
        }
    }
    for config in listed {
        let at = qualifier(text(&config["FunctionArn"]), arn).unwrap_or("?").to_owned();
        add("event_invoke_config", &at, config);
    }

    let mut policy = vec![];
    for qualifier in &qualifiers {
        let at = encoded(qualifier);
        let path = format!("/2015-03-31/functions/{name}/configuration?Qualifier={at}");
        add("configuration", qualifier, aws.get("lambda", path.clone()).await.map_err(not_seen(&path))?);
        let path = format!("/2015-03-31/functions/{name}/policy");
        let path = if qualifier == LATEST { path } else { format!("{path}?Qualifier={at}") };
        for statement in statements(present(aws, path).await?) {
            if !policy.contains(&statement) {
                policy.push(statement);
            }
        }
    }
    for statement in policy {
        // Who asks without a qualifier may be told the alias' statements, too; each names what it allows.
        let at = qualifier(text(&statement["Resource"]), arn).unwrap_or("?").to_owned();
        add("policy_statement", &at, statement);
    }
    let path = format!("/2021-10-31/functions/{name}/urls");
    for url in pages(aws, "lambda", &path, "FunctionUrlConfigs", ("Marker", "NextMarker")).await? {
        let at = qualifier(text(&url["FunctionArn"]), arn).unwrap_or("?").to_owned();
        add("url", &at, url);
    }
    let path = format!("/2019-09-30/functions/{name}/provisioned-concurrency?List=ALL");
    let provisioned = match pages(aws, "lambda", &path, "ProvisionedConcurrencyConfigs", ("Marker", "NextMarker")).await
    {
        Err(error) if error.why.is_absence() => vec![],
        listed => listed?,
    };
    for config in provisioned {
        add("provisioned_concurrency", "", config);
    }
    for (of, path) in [
        ("concurrency", format!("/2019-09-30/functions/{name}/concurrency")),
        ("recursion", format!("/2024-08-31/functions/{name}/recursion-config")),
    ] {
        add(of, "", aws.get("lambda", path.clone()).await.map_err(not_seen(&path))?);
    }
    for qualifier in &qualifiers {
        let target = if qualifier == LATEST { arn.to_owned() } else { format!("{arn}:{qualifier}") };
        for bus in buses {
            for rule in rules(aws, &target, *bus).await? {
                add("rule", qualifier, rule);
            }
        }
    }
    Ok(())
}

async fn one_table(aws: &Aws, table: &str, name: &str, subjects: &mut Vec<Subject>) -> Result<(), NotSeen> {
    let mut add = |of, answer| {
        subjects.push(Subject { of, owner: name.to_owned(), table: table.to_owned(), answer, ..Subject::default() });
    };
    let mut arn = String::new();
    for (of, operation, part) in [
        ("table", "DescribeTable", "/Table"),
        ("time_to_live", "DescribeTimeToLive", "/TimeToLiveDescription"),
        ("backups", "DescribeContinuousBackups", "/ContinuousBackupsDescription"),
    ] {
        let what = format!("{of} of {name}");
        let answer = of_dynamodb(aws, operation, json!({ "TableName": name })).await;
        let mut answer = answer.map_err(not_seen(&what))?;
        let Some(answer) = answer.pointer_mut(part).map(Value::take).filter(Value::is_object) else {
            return Err(not_seen(&what)(NoAnswer::Unreadable));
        };
        if of == "table" {
            arn = text(&answer["TableArn"]).to_owned();
        }
        add(of, answer);
    }
    // <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetResourcePolicy.html>
    let policy = match of_dynamodb(aws, "GetResourcePolicy", json!({ "ResourceArn": arn })).await {
        Ok(policy) => Some(policy),
        Err(NoAnswer::Refused { code, .. }) if code.ends_with("PolicyNotFoundException") => None,
        Err(error) => return Err(not_seen(&format!("policy of {name}"))(error)),
    };
    statements(policy).into_iter().for_each(|statement| add("table_policy_statement", statement));
    Ok(())
}

async fn of_dynamodb(aws: &Aws, operation: &str, parameters: Value) -> Result<Value, NoAnswer> {
    let operation = format!("DynamoDB_20120810.{operation}");
    let operation = Some(("1.0", operation.as_str(), parameters));
    aws.ask(&Ask { service: "dynamodb", path: "/".to_owned(), operation }).await
}

async fn schedules(aws: &Aws) -> Result<Vec<Value>, NotSeen> {
    let mut all = vec![];
    for listed in pages(aws, "scheduler", "/schedules", "Schedules", ("NextToken", "NextToken")).await? {
        let (group, name) = (encoded(text(&listed["GroupName"])), encoded(text(&listed["Name"])));
        let path = format!("/schedules/{name}?groupName={group}");
        all.push(aws.get("scheduler", path.clone()).await.map_err(not_seen(&path))?);
    }
    Ok(all)
}

/// Rules of EventBridge, of the default bus where none is named, that have the function as their target.
async fn rules(aws: &Aws, target: &str, bus: Option<&str>) -> Result<Vec<Value>, NotSeen> {
    let what = format!("rules of {target}");
    let mut parameters = json!({ "TargetArn": target });
    if let Some(bus) = bus {
        parameters["EventBusName"] = json!(bus);
    }
    let mut all = vec![];
    for _ in 0..PAGES_AT_MOST {
        let operation = Some(("1.1", "AWSEvents.ListRuleNamesByTarget", parameters.clone()));
        let answer = aws.ask(&Ask { service: "events", path: "/".to_owned(), operation }).await;
        let mut answer = answer.map_err(not_seen(&what))?;
        match answer.get_mut("RuleNames").map(Value::take) {
            Some(Value::Array(listed)) => all.extend(listed),
            _ => return Err(not_seen(&what)(NoAnswer::Unreadable)),
        }
        match answer["NextToken"].as_str() {
            Some(next) if !next.is_empty() => parameters["NextToken"] = json!(next),
            _ => return Ok(all),
        }
    }
    Err(not_seen(&what)(NoAnswer::Unreadable))
}

/// The list `under` of every page; `(parameter, field)` carry the place from one page to the next.
async fn pages(
    aws: &Aws,
    service: &str,
    path: &str,
    under: &str,
    (parameter, field): (&str, &str),
) -> Result<Vec<Value>, NotSeen> {
    let mut all = vec![];
    let mut next: Option<String> = None;
    for _ in 0..PAGES_AT_MOST {
        let joint = if path.contains('?') { '&' } else { '?' };
        let at = next.as_deref().map(|next| format!("{joint}{parameter}={}", encoded(next))).unwrap_or_default();
        let mut page = aws.get(service, format!("{path}{at}")).await.map_err(not_seen(path))?;
        match page.get_mut(under).map(Value::take) {
            Some(Value::Array(listed)) => all.extend(listed),
            _ => return Err(not_seen(path)(NoAnswer::Unreadable)),
        }
        next = page[field].as_str().filter(|next| !next.is_empty()).map(str::to_owned);
        if next.is_none() {
            return Ok(all);
        }
    }
    Err(not_seen(path)(NoAnswer::Unreadable))
}

/// `None` where it is not there.
async fn present(aws: &Aws, path: String) -> Result<Option<Value>, NotSeen> {
    match aws.get("lambda", path.clone()).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(not_seen(&path)(error)),
    }
}

/// A policy is a text of JSON within the JSON. One that cannot be read counts as a statement that nobody knows.
fn statements(policy: Option<Value>) -> Vec<Value> {
    let Some(policy) = policy else { return vec![] };
    let read: Option<Value> = policy["Policy"].as_str().and_then(|text| serde_json::from_str(text).ok());
    match read.as_ref().map(|read| &read["Statement"]) {
        Some(Value::Array(all)) => all.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => vec![Value::Null],
    }
}

fn subject(of: &'static str, function: &Function, qualifier: &str, answer: Value) -> Subject {
    let (owner, kind, qualifier) = (function.name.clone(), function.kind.clone(), qualifier.to_owned());
    Subject { of, owner, kind, qualifier, answer, table: String::new() }
}

/// What an ARN says after the function's own; `None` when it is another function's.
fn qualifier<'a>(target: &'a str, function: &str) -> Option<&'a str> {
    match target.strip_prefix(function)? {
        "" => Some(LATEST),
        rest => rest.strip_prefix(':'),
    }
}

/// A schedule may also call Lambda's API, and then names the function in the call.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html>
fn names_in_a_call(schedule: &Value, function: &str) -> bool {
    let target = &schedule["Target"];
    text(&target["Arn"]).contains(":aws-sdk:lambda:") && text(&target["Input"]).contains(function)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn not_seen(what: &str) -> impl FnOnce(NoAnswer) -> NotSeen {
    let what = what.to_owned();
    move |why| NotSeen { what, why }
}

/// For a query or a path segment.
fn encoded(text: &str) -> impl std::fmt::Display {
    // Unreserved in RFC 3986, and so not escaped by whoever checks the signature.
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_functions_with_a_common_beginning_apart() {
        let ours = "arn:aws:lambda:eu-central-1:1:function:payonce-webhook-stripe";
        assert_eq!(qualifier(ours, ours), Some("$LATEST"));
        assert_eq!(qualifier(&format!("{ours}:live"), ours), Some("live"));
        assert_eq!(qualifier(&format!("{ours}eu"), ours), None);
    }

    #[test]
    fn sees_a_schedule_that_calls_lambda() {
        let schedule = |arn: &str, input: &str| json!({ "Target": { "Arn": arn, "Input": input } });
        let call = "arn:aws:scheduler:::aws-sdk:lambda:invoke";
        let input = "{\"FunctionName\":\"arn:aws:lambda:eu-central-1:1:function:payonce-sweeper\"}";
        assert!(names_in_a_call(&schedule(call, input), "payonce-sweeper"));
        assert!(!names_in_a_call(&schedule(call, input), "payonce-webhook-stripe"));
        assert!(!names_in_a_call(&schedule("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", input), "payonce-sweeper"));
    }

    #[test]
    fn unreadable_policy_counts_as_a_statement() {
        assert!(statements(None).is_empty());
        assert_eq!(statements(Some(json!({ "Policy": "{\"Statement\":[{},{}]}" }))).len(), 2);
        assert_eq!(statements(Some(json!({ "Policy": "{\"Statement\":{\"Sid\":\"x\"}}" }))).len(), 1);
        for strange in [json!({}), json!({ "Policy": "?" }), json!({ "Policy": "{}" })] {
            assert_eq!(statements(Some(strange)), [Value::Null]);
        }
    }

    #[test]
    fn encodes_qualifiers() {
        assert_eq!(encoded("$LATEST/ü").to_string(), "%24LATEST%2F%C3%BC");
    }
}
