//! Somebody's own configuration and samples, as a person tries them: played to the end with a described rail, explained step
//! by step, sent to the running stack.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROVIDERS: &str = r#"
[providers.till]
scheme = "custom"
secrets = ["secretsmanager:acme/till"]
mode = "live"

[providers.till.custom]
header = "Till-Signature"
container = "key_value_list"
signature_name = "h1"
separator = ";"
time_element = "ts"
signed = "{t}:{body}"
encoding = "hex"
id = "/event"
event_type = "/kind"
created = "/at"
redelivers = "72h"
longest_gap = "12h"

[[providers.till.payouts]]
event = "sale.settled"
key = "/sale/id"
amount = "/sale/paise"
currency = "/sale/currency"
destination = "/sale/payee"
destination_pattern = "^fa_[A-Za-z0-9]+$"
when = { "/sale/state" = "settled" }
max_amount = { INR = 5000000 }
"#;

fn sale(name: &str, state: &str, payee: &str) -> String {
    format!(
        "{{\n  \"event\": \"ev_{name}\", \"kind\": \"sale.settled\", \"at\": \"2026-04-12T10:18:49Z\",\n  \"sale\": {{ \"id\": \
         \"sale_{name}\", \"state\": \"{state}\", \"paise\": 420000, \"currency\": \"INR\", \"payee\": \"{payee}\" }}\n}}\n"
    )
}

struct Own {
    folder: TempDir,
}

impl Own {
    /// With a rail that is described, as it stands in the repository.
    fn new(rail: &str) -> Self {
        let own = Self { folder: tempfile::tempdir().unwrap() };
        let rail = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rails").join(rail);
        let text = format!("{PROVIDERS}\n{}", std::fs::read_to_string(rail).unwrap());
        std::fs::write(own.path("my.toml"), text).unwrap();
        own
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sample(&self, name: &str, text: &str) -> String {
        let folder = self.path("events/till");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn payonce(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let config = self.path("my.toml");
        let Output { status, stdout, stderr } =
            command(&[arguments, &["--config", config.to_str().unwrap()]].concat()).output().unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    fn explain(&self, file: &str, more: &[&str]) -> (Option<i32>, String) {
        let (code, shown, problem) = self.payonce(&[&["explain", file, "--provider", "till"], more].concat());
        assert_eq!(problem, "");
        (code, shown)
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
    // Nothing of the person's own environment counts.
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn assert_says(shown: &str, lines: &[&str]) {
    // Columns are as wide as they need to be.
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown_plain = plain(shown);
    for line in lines {
        assert!(shown_plain.contains(&plain(line)), "{line:?} in\n{shown}");
    }
}

/// A described rail whose books find a payout by a digest, and one that finds it by the key itself.
#[test]
fn own_samples_are_played_on_a_described_rail_until_the_books_agree() {
    for (rail, secret) in [("razorpayx.toml", "rzp_live_testNotASecret"), ("modern_treasury.toml", "testNotASecret")] {
        let own = Own::new(rail);
        let config = std::fs::read_to_string(own.path("my.toml")).unwrap();
        // The one pays rupees, the other dollars.
        let config = if rail.starts_with("modern") { config.replace("INR", "USD") } else { config };
        std::fs::write(own.path("my.toml"), config).unwrap();
        for (name, state, payee) in [
            ("paid", "settled", "fa_1Weaver"),
            ("open", "open", "fa_1Weaver"),
            ("odd", "settled", "not a payee"),
            ("refused", "settled", "fa_sandboxRefuses"),
            ("limited", "settled", "fa_sandboxLimits"),
            ("cut", "settled", "fa_sandboxExecutesThenDies"),
            ("failed", "settled", "fa_sandboxExecutesThen500"),
        ] {
            let text = sale(name, state, payee);
            own.sample(name, &if rail.starts_with("modern") { text.replace("INR", "USD") } else { text });
        }
        let text = sale("paid", "settled", "fa_1Weaver").replace("ev_paid", "ev_second");
        own.sample("second", &if rail.starts_with("modern") { text.replace("INR", "USD") } else { text });
        let folder = own.path("events");
        let data = own.path("data");
        let play = ["--events", folder.to_str().unwrap(), "--exit", "--port", "0", "--data", data.to_str().unwrap()];
        let (code, shown, problem) = own.payonce(&play);
        assert_eq!((code, problem.as_str()), (Some(0), ""), "{rail}: {shown}");
        assert_eq!(shown.lines().last(), Some("  0 paid twice, 0 lost"), "{rail}");
        assert_says(
            &shown,
            &[
                "mode live as the configuration says",
                "secretsmanager:acme/till testNotASecret",
                secret,
                "8 older samples were sent with the present time",
                "invalid_event ev_odd payouts[0]: /sale/payee cannot be used",
                "till: the same again 8 8",
                "till: signed by somebody else 8 8",
                "payouts at the rail 3",
                "confirmed by an outcome 1",
                "1 second_event_for_key",
                "2 payout_unknown",
                "found there 2",
            ],
        );
        let books = std::fs::read_to_string(data.join("rail.jsonl")).unwrap();
        assert_eq!(books.matches("\"executed\":{").count(), 3, "{rail}: {books}");
    }
}

#[test]
fn explains_a_payout_from_the_signature_to_the_request() {
    let own = Own::new("razorpayx.toml");
    let file = own.sample("paid", &sale("paid", "settled", "fa_1Weaver"));
    let (code, shown) = own.explain(&file, &[]);
    assert_eq!(code, Some(0), "{shown}");
    assert_says(
        &shown,
        &[
            "signature verifies (the file was signed here, as the provider would)",
            "HMAC-SHA256, hex, in the header till-signature",
            "over {t}:{body}; time: `ts` in it, at most 300 s from our clock",
            "secret: secretsmanager:acme/till (a test value)",
            "event id ev_paid from /event",
            "type sale.settled from /kind",
            "time 2026-04-12T10:18:49Z from /at",
            "rule providers.till.payouts[0] names this type, and asks for a payout",
            "when /sale/state needs \"settled\" found \"settled\" (text) matches",
            "key till/sale_paid from \"sale_paid\" (text) at /sale/id",
            "amount in 4200.00 INR from 420000 (number) at /sale/paise, a whole number of the smallest unit",
            "amount out 4200.00 INR 420000 in the rail's smallest unit",
            "payee fa_1Weaver from \"fa_1Weaver\" (text) at /sale/payee",
            "request POST https://api.razorpay.com/v1/payouts",
            "authorization: (hidden)",
            "\"fund_account_id\":\"fa_1Weaver\"",
            "answer 200: paid once the rail accepts; a case when it does not",
        ],
    );
    assert!(!shown.contains("NotASecret") && !shown.contains("Basic "), "{shown}");

    let (code, json) = own.explain(&file, &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["events"][0]["outcome"]), (Some(0), &"paid".into()));
    assert_eq!(json["events"][0]["rules"][0]["when"][0]["matches"], true);
    assert_eq!(json["events"][0]["key"], "till/sale_paid");
    assert_eq!(json["answer"]["status"], 200);
    let body: Value = serde_json::from_str(json["events"][0]["request"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["amount"], 420_000);
    assert!(!json.to_string().contains("NotASecret"));
}

#[test]
fn explains_why_nothing_is_paid() {
    let own = Own::new("razorpayx.toml");
    let (code, shown) = own.explain(&own.sample("open", &sale("open", "open", "fa_1Weaver")), &[]);
    assert_says(
        &shown,
        &[
            "when /sale/state needs \"settled\" found \"open\" (text) is neither a value that pays",
            "answer 200: a case",
        ],
    );
    assert!(!shown.contains("request"), "{shown}");
    assert_eq!(code, Some(1), "{shown}");

    let (code, shown) = own.explain(&own.sample("odd", &sale("odd", "settled", "not a payee")), &[]);
    assert_eq!(code, Some(1));
    assert_says(
        &shown,
        &[
            "key till/sale_odd from",
            "\"not a payee\" (text) at /sale/payee",
            "answer 200: a case invalid_event: payouts[0]: /sale/payee cannot be used",
        ],
    );

    let (code, shown) =
        own.explain(&own.sample("other", &sale("x", "settled", "fa_1").replace("sale.s", "loan.s")), &[]);
    assert_eq!(code, Some(1));
    assert_says(&shown, &["rule no rule of providers.till names loan.settled", "a case unrouted_event"]);
}

/// The webhook takes what bars a payout first, wherever it stands in the body.
#[test]
fn explains_that_nothing_is_paid_which_the_same_delivery_or_event_bars() {
    let own = Own::new("razorpayx.toml");
    let add = |own: &Own, text: &str| {
        let config = std::fs::read_to_string(own.path("my.toml")).unwrap();
        std::fs::write(own.path("my.toml"), format!("{text}\n{config}")).unwrap();
    };
    add(
        &own,
        "[[providers.till.blocks]]\nevent = 'sale.settled'\nkey = '/sale/id'\nwhen = { '/sale/returned' = true }",
    );
    let returned =
        |is: bool| sale("one", "settled", "fa_1").replace("\"paise\"", &format!("\"returned\": {is}, \"paise\""));
    let (code, shown) = own.explain(&own.sample("paid", &returned(false)), &[]);
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = own.explain(&own.sample("itself", &returned(true)), &[]);
    assert_eq!(code, Some(1), "it asks for a payout, and bars it");
    assert_says(
        &shown,
        &["answer 200: barred: a rule asks for a payout by this event, and none is made: the payout till/sale_one"],
    );

    let own = Own::new("modern_treasury.toml");
    let list = "[providers.bank]\nscheme = 'gocardless'\nsecrets = ['env:BANK']\nmode = 'live'\n\
                [[providers.bank.payouts]]\nevent = 'payments/confirmed'\nkey = '/links/payment'\namount = '/sum'\n\
                currency = 'USD'\ndestination = '/to'\ndestination_pattern = '^fa_1$'\n\
                [[providers.bank.blocks]]\nevent = 'payments/charged_back'\nkey = '/links/payment'";
    add(&own, list);
    let event = |id: &str, action: &str, payment: &str| {
        format!(
            "{{ \"id\": \"{id}\", \"created_at\": \"2026-04-12T10:18:49Z\", \"resource_type\": \"payments\", \"action\": \
             \"{action}\", \"links\": {{ \"payment\": \"{payment}\" }}, \"sum\": \"4200\", \"to\": \"fa_1\" }}"
        )
    };
    let events =
        [event("EV1", "confirmed", "PM1"), event("EV2", "confirmed", "PM2"), event("EV3", "charged_back", "PM1")];
    let file = own.sample("batch", &format!("{{ \"events\": [{}] }}", events.join(", ")));
    let (code, shown, problem) = own.payonce(&["explain", &file, "--provider", "bank"]);
    assert_eq!((code, &*problem), (Some(1), ""), "{shown}");
    assert_says(
        &shown,
        &[
            "comes to a case blocked_before_payout: another event of this delivery bars its payout",
            "answer 200: 1 to be paid, 1 that bar a payout, 1 in a case each",
        ],
    );
}

/// HMAC-SHA256 by Python's `hmac`, key `a real secret`, over `1700000000:` and the file below.
const RECEIVED: &str = "b13490bce35cf09e6f49a14ad5dcddcccfef3026dcd9d7db5ec5c7edb2e9309a";

#[test]
fn explains_a_signature_that_was_received() {
    let own = Own::new("razorpayx.toml");
    let file = own.sample("paid", &sale("paid", "settled", "fa_1Weaver"));
    let header = format!("Till-Signature: ts=1700000000;h1={RECEIVED}");
    let (code, shown) = own.explain(&file, &["--header", &header, "--secret", "a real secret"]);
    assert_eq!(code, Some(0), "{shown}");
    assert_says(
        &shown,
        &["signature verifies (the headers were given; as of 2023-11-14T22:13:20Z: sent now, it would be refused"],
    );
    assert!(!shown.contains("a real secret"), "{shown}");

    let (code, shown) = own.explain(&file, &["--header", &header]);
    assert_eq!(code, Some(1), "{shown}");
    assert_says(
        &shown,
        &[
            "signature refused: no active secret made this signature (the headers were given; a test value fits no real signature",
            "answer 401: nothing is read, written or asked",
        ],
    );
    let (code, shown) = own.explain(&file, &["--header", "X-Other: 1"]);
    assert_eq!(code, Some(1));
    assert_says(&shown, &["signature refused: a signature header is missing"]);
}

#[test]
fn a_mistake_in_what_is_tried_is_named() {
    let own = Own::new("razorpayx.toml");
    let file = own.sample("paid", &sale("paid", "settled", "fa_1Weaver"));
    let (code, _, problem) = own.payonce(&["explain", &file, "--provider", "tell"]);
    assert_eq!(code, Some(1));
    assert!(problem.contains("no provider tell; there is till"), "{problem}");
    std::fs::create_dir(own.path("events/tell")).unwrap();
    std::fs::write(own.path("events/tell/paid.json"), "{}").unwrap();
    let events = own.path("events");
    let (code, shown, problem) = own.payonce(&["--events", events.to_str().unwrap(), "--exit", "--port", "0"]);
    assert_eq!((code, shown.as_str()), (Some(1), ""));
    assert!(problem.contains("no provider tell in the configuration; there is till"), "{problem}");

    let config = own.path("my.toml");
    let broken =
        std::fs::read_to_string(&config).unwrap().replace("paise", "paise\"\n\"x").replace("live\"", "alive\"");
    std::fs::write(&config, broken).unwrap();
    let (code, _, problem) = own.payonce(&["explain", &file, "--provider", "till"]);
    assert_eq!(code, Some(1));
    assert!(problem.contains("my.toml cannot be used\n") && problem.contains("my.toml:25:4  "), "{problem}");
}

/// The same test secret on both sides, by the reference's name alone.
#[test]
fn send_signs_as_the_stack_of_the_same_configuration_expects() {
    let own = Own::new("razorpayx.toml");
    // What is as old as the samples would be a case.
    let today =
        sale("paid", "settled", "fa_1Weaver").replace("2026-04-12T10:18:49Z", &jiff::Timestamp::now().to_string());
    let file = own.sample("paid", &today);
    let config = own.path("my.toml");
    let mut stack =
        command(&["--config", config.to_str().unwrap(), "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(stack.stdout.take().unwrap()).lines();
    let url = lines
        .find_map(|line| line.unwrap().split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned))
        .unwrap();
    let sent = ["send", &file, "--provider", "till", "--url", &url];
    let answers = [own.payonce(&sent), own.payonce(&sent), own.payonce(&[&sent[..], &["--fresh"]].concat())];
    let wrong = own.payonce(&[&sent[..], &["--secret", "another"]].concat());
    stack.kill().unwrap();
    stack.wait().unwrap();
    for ((code, shown, problem), outcome) in answers.iter().zip(["accepted", "duplicate", "accepted"]) {
        assert_eq!((code, problem.as_str()), (&Some(0), ""), "{shown}");
        assert!(shown.starts_with("HTTP 200") && shown.contains(outcome), "{outcome}: {shown}");
    }
    assert!(wrong.0 == Some(1) && wrong.1.starts_with("HTTP 401"), "{wrong:?}");
}
