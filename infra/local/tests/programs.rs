//! Every command for programs and shells: JSON with names that stay, errors as JSON, completions, no colours in a pipe, and why a
//! deployed stack was not reached.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/stripe/payment_intent.succeeded.json");
const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "planted-id"), ("AWS_SECRET_ACCESS_KEY", "planted-secret")];

fn payonce(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
    command.env_clear().envs(variables.iter().copied()).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[track_caller]
fn assert_error(output: &Output, code: i32, words: &str) {
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), ""), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(error["exit"], code);
    assert!(error["error"].as_str().unwrap().contains(words), "{error}");
}

#[test]
fn each_command_answers_in_json() {
    let explained = json(&payonce(&["explain", SAMPLE, "--provider", "stripe", "--json"], &[]));
    assert_eq!((&explained["answer"]["status"], &explained["events"][0]["outcome"]), (&200.into(), &"paid".into()));
    let written = json(&payonce(&["send", SAMPLE, "--provider", "stripe", "--as", "curl", "--json"], &[]));
    assert!(written["written"].as_str().unwrap().starts_with("url = "));
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/payonce.toml");
    let checked = json(&payonce(&["check", config, "--json"], &[]));
    assert_eq!((&checked["can_be_used"], &checked["wrong"]), (&true.into(), &Value::Array(vec![])));
    assert!(checked["unwise"][0]["line"].is_u64() && checked["keys"][0]["made_of"].is_array(), "{checked}");
    let script = json(&payonce(&["completions", "fish", "--json"], &[]));
    assert!(script["script"].as_str().unwrap().contains("complete -c payonce"));
}

#[test]
fn a_run_is_one_document_a_line() {
    let output = payonce(&["--exit", "--no-play", "--port", "0", "--json"], &[]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["stack", "books"]);
    assert!(lines[0]["front"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(
        (&lines[1]["agree"], &lines[1]["lost"], &lines[1]["faults"]),
        (&true.into(), &0.into(), &Value::Array(vec![]))
    );
}

#[test]
fn an_error_is_json_with_its_exit_code() {
    let send = |more: &[&str]| payonce(&[&["send", SAMPLE, "--json"], more].concat(), &[]);
    assert_error(&send(&["--provider", "strip"]), 1, "did you mean stripe?");
    assert_error(&send(&["--provider", "stripe", "--url", "http://127.0.0.1:1"]), 1, "connection refused");
    let misspelt = SAMPLE.replace("succeeded", "suceeded");
    assert_error(&payonce(&["explain", &misspelt, "--provider", "stripe", "--json"], &[]), 1, "did you mean ");
    assert_error(&send(&[]), 2, "--provider <NAME>");
    assert_error(&payonce(&["check", "--json"], &[]), 2, "<FILE>");
}

#[test]
fn control_names_where_it_tried_and_why_it_failed() {
    let show = |more: &[&str], variables: &[(&str, &str)]| {
        let output = payonce(&[&["control", "show"], more].concat(), variables);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
        text(&output.stderr)
    };
    let none = show(&[], &[]);
    assert!(none.contains("no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"), "{none}");
    assert!(none.contains("tried: https://dynamodb.eu-central-1.amazonaws.com, region eu-central-1"), "{none}");
    let refused = show(&["--endpoint", "http://127.0.0.1:1", "--region", "eu-west-1"], &CREDENTIALS);
    assert!(refused.contains("connection refused"), "{refused}");
    assert!(refused.contains("tried: http://127.0.0.1:1, region eu-west-1, tables payonce-audit"), "{refused}");
    assert!(!refused.contains("planted"), "{refused}");
    assert_error(&payonce(&["control", "show", "--json"], &CREDENTIALS[..1]), 1, "AWS_SECRET_ACCESS_KEY is not set");
}

/// Against the tables of a stack that is up, and under a name that none has.
#[tokio::test]
async fn control_shows_what_stands_and_names_the_table_that_is_missing() {
    use payonce_local::stack::{Options, Stack};
    let stack = Stack::start(Options { port: 0, data: None, metrics: Box::new(|_| ()) }).await.unwrap();
    let url = stack.dynamo.url();
    let asked = move |more: &'static [&'static str]| {
        let url = url.clone();
        let ask = move || payonce(&[&["control", "show", "--endpoint", &url], more].concat(), &CREDENTIALS);
        tokio::task::spawn_blocking(ask)
    };
    let stands = json(&asked(&["--json"]).await.unwrap());
    assert_eq!((&stands["hold"], &stands["released_for"]), (&"pay".into(), &"these_tables".into()), "{stands}");
    assert!(stands["providers"].as_array().unwrap().len() > 10 && stands["endpoint"].is_string(), "{stands}");
    let missing = text(&asked(&["--stack", "payments"]).await.unwrap().stderr);
    assert!(missing.contains("no such table") && missing.contains("payments-audit"), "{missing}");
}

#[test]
fn arguments_are_labelled_and_known_values_are_listed() {
    for command in ["explain", "send", "check", "control", "trace", "completions"] {
        let help = text(&payonce(&[command, "--help"], &[]).stdout);
        let lines: Vec<&str> = help.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            let is_argument = trimmed.starts_with('<') || trimmed.starts_with("--");
            let says = |line: &str| line.split("  ").filter(|part| !part.trim().is_empty()).count() > 1;
            let next = lines.get(index + 1).is_some_and(|next| !next.trim().is_empty());
            assert!(!is_argument || says(trimmed) || next, "{command}: {line}\n{help}");
        }
        assert!(help.contains("--json"), "{help}");
    }
    let help = text(&payonce(&["explain", "--help"], &[]).stdout);
    assert!(help.contains("standard_webhooks") && help.contains("live") && !help.contains('\u{1b}'), "{help}");
}

#[test]
fn completions_know_the_commands_in_each_shell() {
    for (shell, mark) in [("bash", "_payonce()"), ("zsh", "#compdef payonce"), ("fish", "complete -c payonce")] {
        let output = payonce(&["completions", shell], &[]);
        let script = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(script.contains(mark), "{shell}");
        for word in ["explain", "control", "trace", "razorpay", "accept-keys"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_template_is_written_as_it_stands_and_its_first_difference_is_named() {
    let infra = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (infra.join("payonce.toml"), folder.path().join("template.yaml"));
    let template = |more: &[&str]| {
        let files = ["template", "--config", config.to_str().unwrap(), "--out", out.to_str().unwrap()];
        payonce(&[&files[..], more].concat(), &[])
    };
    assert_eq!(template(&["--check"]).status.code(), Some(1), "nothing is there yet");
    assert!(!out.exists());
    let written = json(&template(&["--json"]));
    assert_eq!((&written["written"], &written["providers"]), (&true.into(), &serde_json::json!(["stripe"])));
    assert_eq!(template(&["--check"]).status.code(), Some(0));

    // Restored tables stay in the template that is made again.
    assert_eq!(template(&["--tables-suffix", "-2"]).status.code(), Some(0));
    assert_eq!(json(&template(&["--json"]))["tables_suffix"], "-2");
    let made = std::fs::read_to_string(&out).unwrap();
    assert!(made.contains("TableName: payonce-audit-2\n"));

    std::fs::write(&out, made.replacen("QueueName: payonce-tripwire", "QueueName: other", 1)).unwrap();
    let line = made.lines().position(|line| line.contains("QueueName: payonce-tripwire")).unwrap() + 1;
    let differs = template(&["--check", "--json"]);
    assert_eq!(differs.status.code(), Some(1));
    let differs = &json(&differs)["differs"];
    assert_eq!((&differs["line"], &differs["is"]), (&line.into(), &"      QueueName: other".into()));
    assert_eq!(template(&["--tables-suffix", "2"]).status.code(), Some(2));
}
