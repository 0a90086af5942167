//! The program as a person starts it: the whole play over real sockets, its words, its exit codes, its files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use payonce_local::sandbox_rail::Transfer;
use serde_json::Value;

fn payonce(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
    // Nothing of the person's own environment counts.
    command.env_clear().args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output = payonce(&[&["--exit", "--port", "0", "--data", data.to_str().unwrap()], more].concat());
    assert_eq!(text(&output.stderr), "");
    (output.status.code(), text(&output.stdout))
}

/// The line of the books with this name.
fn count(shown: &str, name: &str) -> u64 {
    let line = shown.lines().rev().find(|line| line.trim_start().starts_with(name));
    line.and_then(|line| line.split_whitespace().last()?.parse().ok()).unwrap_or_else(|| panic!("{name} in {shown}"))
}

#[test]
fn play_ends_with_books_that_agree_and_a_restart_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("functions.log");
    let data = folder.path().join("data");
    let (code, shown) = run(&data, &["--log", log.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.lines().last(), Some("  0 paid twice, 0 lost"));
    assert!(shown.chars().all(|character| character == '\n' || !character.is_control()), "control characters");
    assert!(count(&shown, "answered 401") > 0);
    is_the_play_of_the_page(&shown);
    assert_eq!(count(&shown, "claims in the audit table"), count(&shown, "payout requests at the rail"));
    assert_eq!(count(&shown, "attempt_abandoned"), 1);
    // One of them met what two people had ended and paid by hand.
    assert_eq!(count(&shown, "conflicting_duplicate"), 2);
    assert_eq!(count(&shown, "paid by hand"), 1);
    assert_eq!(count(&shown, "second_event_for_key"), 1);
    // One function died and so never said what it measured.
    let measured = std::fs::read_to_string(&log).unwrap();
    assert!(measured.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert!(!measured.contains("NotASecret"), "a secret in a log");
    for_people_and_programs(&measured);

    let (code, again) = run(&data, &["--no-play"]);
    assert_eq!(code, Some(0), "{again}");
    let kept = [
        "events on the sender's list",
        "claims in the audit table",
        "payouts at the rail",
        "paid by hand",
        "open cases",
        "attempt_abandoned",
        "found there",
    ];
    for name in kept {
        assert_eq!(count(&again, name), count(&shown, name), "{name}");
    }

    // A rail that paid the last one twice.
    let ledger = data.join("rail.jsonl");
    let lines = std::fs::read_to_string(&ledger).unwrap();
    let line = lines.lines().rev().find(|line| line.contains(r#""executed":{"#)).unwrap();
    let transfer: Transfer =
        serde_json::from_value(serde_json::from_str::<Value>(line).unwrap()["executed"].clone()).unwrap();
    std::fs::write(&ledger, format!("{lines}{line}\n")).unwrap();
    let (code, spoiled) = run(&data, &["--no-play"]);
    assert_eq!(code, Some(1), "{spoiled}");
    assert!(spoiled.contains("\n  1 paid twice, 0 lost\n"), "{spoiled}");
    assert!(spoiled.contains(&format!("paid twice: {}", transfer.payout_key())), "{spoiled}");
}

/// infra/local.md shows the play as it is: `PAYONCE_WRITE=1` writes it anew. README.md quotes lines of that page.
fn is_the_play_of_the_page(shown: &str) {
    const BEGINS: &str = "```text\n$ cargo run -- --exit\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../local.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGINS).unwrap();
    let (written, after) = rest.split_once("```").unwrap();
    // The ports and the two lines of what was asked for here are this run's own.
    let begins = |text: &'_ str| text.find("  what was played").unwrap();
    let (head, written) = written.split_at(begins(written));
    let played = &shown[begins(shown)..];
    if std::env::var_os("PAYONCE_WRITE").is_some() {
        return std::fs::write(&path, format!("{before}{BEGINS}{head}{played}```{after}")).unwrap();
    }
    assert_eq!(played, written, "infra/local.md shows another play: run this test with PAYONCE_WRITE=1");
}

/// What the functions log is read by people at night and by queries: numbers are numbers, no text is a Rust value, and whatever has
/// no accepted payout is a warning that says what happens next.
fn for_people_and_programs(log: &str) {
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        texts(line, &mut |name, text| {
            assert!(text.parse::<f64>().is_err() || name == "attempt_id", "{name} is a number in a text: {line}");
            let is_debug =
                ["Some(", "None", "Ok(", "Err(", " { "].iter().any(|mark| text.contains(mark)) || text.starts_with('"');
            assert!(!is_debug, "{name} is a value of Rust's: {line}");
        });
    }
    let warned = |wanted: &[(&str, &str)]| {
        let found = lines.iter().filter(|line| line["level"] == "WARN");
        found.filter(|line| wanted.iter().all(|(name, value)| line[*name] == *value)).collect::<Vec<_>>()
    };
    let unknown = warned(&[("outcome", "unknown"), ("message", "no accepted payout")]);
    assert!(!unknown.is_empty());
    for line in unknown {
        assert!(line["payout_key"].as_str().unwrap().starts_with("stripe/"), "{line}");
        assert!(line["next"].as_str().unwrap().contains("asks the rail"), "{line}");
    }
    let invalid = warned(&[("reason", "invalid_event"), ("message", "a case is filed")]);
    let causes: Vec<&str> = invalid.iter().filter_map(|line| line["problem"].as_str()).collect();
    for place in ["/data/object/amount_received", "/data/object/metadata/payee", "/livemode", "the body is not JSON"] {
        assert!(causes.iter().any(|cause| cause.contains(place)), "{place} in {causes:?}");
    }
    assert!(lines.iter().any(|line| line["message"] == "sweep done" && line["abandoned"].is_u64()));
    assert!(lines.iter().any(|line| line["message"] == "event answered" && line["offered"].is_u64()));
}

fn texts(value: &Value, seen: &mut impl FnMut(&str, &str)) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::String(text) => seen(name, text),
            Value::Array(items) => items.iter().for_each(|item| texts(item, seen)),
            other => texts(other, seen),
        }
    }
}

/// `?field` writes a value of Rust's own into the log.
#[test]
fn no_line_of_a_function_logs_the_debug_form_of_a_value() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = ["functions", "shared"].map(|name| root.join(name)).into();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files += 1;
                let source = std::fs::read_to_string(&path).unwrap();
                for call in source.split("tracing::").skip(1).chain(source.split("log!(").skip(1)) {
                    let fields = call.split(";").next().unwrap().split('"').next().unwrap();
                    let marks = [" = ?", "(?", ", ?", " ?"];
                    assert!(!marks.iter().any(|mark| fields.contains(mark)), "{}: {fields}", path.display());
                }
            }
        }
    }
    assert!(files > 100, "{files}");
}

#[test]
fn wrong_command_fails_with_its_reason() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/stripe/payment_intent.succeeded.json");
    // Nobody listens on port 1.
    let wrong: [(&[&str], &str); 5] = [
        (&["send", sample, "--provider", "stripe", "--url", "http://127.0.0.1:1"], "is the stack up?"),
        (&["send", "/no/such/file", "--provider", "stripe"], "/no/such/file"),
        (&["send", sample, "--provider", "nobody"], "no provider nobody"),
        (&["send", sample, "--provider", "stripe", "--url", "ftp://x"], "http://HOST:PORT"),
        (&["check", "--config", "/no/such/file"], "/no/such/file"),
    ];
    for (arguments, why) in wrong {
        let output = payonce(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains(why), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn checks_the_sandboxs_own_configuration() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/payonce.toml");
    for arguments in [["check", "--config", config].as_slice(), &["check-config", config]] {
        let output = payonce(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("payonce.toml");
    let text_of = std::fs::read_to_string(config).unwrap().replace("amount =", "amonut =");
    std::fs::write(&broken, text_of).unwrap();
    let output = payonce(&["check", "--config", broken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("payouts[0].amonut: is no known key"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("did you mean amount?"), "{}", text(&output.stderr));
}

#[test]
fn check_reads_sign_in_sources_and_lists() {
    let deployed = concat!(env!("CARGO_MANIFEST_DIR"), "/../payonce.toml");
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("payonce.toml");
    let text_of = std::fs::read_to_string(deployed).unwrap();
    let check = |text_of: &str| {
        std::fs::write(&changed, text_of).unwrap();
        let output = payonce(&["check", changed.to_str().unwrap()]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, _) = check(&text_of);
    assert!(code == Some(0) && !said.contains("unwise"), "{said}");
    let wrong =
        text_of.replace("https://login", "http://login").replace("secretsmanager:payonce/console-cookies", "guess")
            + "\n[sources.nobody]\nurl = \"ftp://x\"\npath = \"/{object}\"\nsecret = \"env:X\"\nobject = \"/id\"\n\
           must_hold = { \"/id\" = \"{object}\" }\nblocks = [\"/refunded\"]\n\
           [providers.stripe.list]\nkind = \"stripe\"\nurl = \"ftp://x\"\nsecret = \"env:X\"\naccount = \"\"\n";
    let (code, _, said) = check(&wrong);
    assert_eq!(code, Some(1));
    for path in [
        "console.identity.issuer",
        "console.identity.cookie_secret",
        "sources.nobody",
        "sources.nobody.url",
        "providers.stripe.list.url",
        "providers.stripe.list.account",
    ] {
        assert!(
            said.lines().any(|line| line.starts_with("wrong ") && line.contains(&format!("  {path}: "))),
            "{path}: {said}"
        );
    }
    let (code, said, _) = check(text_of.split("\n# Who may work in the console").next().unwrap());
    assert!(code == Some(0) && said.contains("  console: not given"), "{said}");
}
