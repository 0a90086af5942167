//! Which secrets a function reads: one that only asks the rail has no use for the secret that pays, and its role may not
//! read it.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::{Arc, Mutex};

use payonce_ledger::Credentials;
use payonce_runtime::clock::Clock;
use payonce_runtime::config::Config;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::SecretReader;
use payonce_runtime::start::{Duty, StartError, Started};

const CONFIG: &str = r#"
[providers.stripe]
scheme = "stripe"
secrets = ["env:SIGNING"]

[rail]
kind = "stripe"
account = "acct_1Payonce"
url = "https://api.stripe.com"
secret = "env:PAYING"
"#;

/// The secrets that a function of this duty read, by name.
async fn read(duty: Duty, lookup: &str) -> Vec<String> {
    let (started, asked) = start(duty, lookup).await;
    started.unwrap();
    asked
}

async fn start(duty: Duty, lookup: &str) -> (Result<Started, StartError>, Vec<String>) {
    let nobody = [("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")];
    let environment = Environment::planted(&nobody).unwrap();
    let asked = Arc::new(Mutex::new(vec![]));
    let asking = asked.clone();
    let reader = SecretReader::with_variables(&environment, move |name| {
        asking.lock().unwrap().push(name.to_owned());
        Some(format!("rk_test_{name}"))
    });
    let config = Config::parse(&format!("{CONFIG}{lookup}")).unwrap();
    let credentials = Credentials::Given { key_id: "none".to_owned(), secret: "none".to_owned() };
    let clock = Clock::manual(0);
    let metrics = Metrics::captured(clock.clone()).0;
    let started = Started::of(duty, environment, config, reader, credentials, clock, metrics).await;
    let asked = asked.lock().unwrap();
    (started, asked.clone())
}

#[tokio::test]
async fn each_duty_reads_only_its_own_secrets() {
    let lookup = "lookup_secret = \"env:LOOKING\"\n";
    assert_eq!(read(Duty::LookUp, lookup).await, ["LOOKING"]);
    assert_eq!(read(Duty::Show, lookup).await, ["LOOKING"]);
    assert_eq!(read(Duty::Pay, lookup).await, ["PAYING", "LOOKING"]);
    assert_eq!(read(Duty::Deliver, lookup).await, ["PAYING"]);
}

#[tokio::test]
async fn claims_are_listed_under_as_many_shards_as_the_configuration_says() {
    // The sweeper's own; who writes claims believes what the tables say of it, and these do not answer.
    for (duty, number) in [(Duty::LookUp, 3), (Duty::Deliver, 1), (Duty::Pay, 1)] {
        let (started, _) = start(duty, "[limits]\nindex_shards = 3\n").await;
        assert_eq!(started.unwrap().ledger.shards_written().number(), number, "{duty:?}");
    }
}

#[tokio::test]
async fn single_secret_serves_look_ups_too() {
    for duty in [Duty::LookUp, Duty::Pay, Duty::Deliver] {
        assert_eq!(read(duty, "").await, ["PAYING"], "{duty:?}");
    }
}

#[tokio::test]
async fn console_refuses_to_start_with_the_secret_that_pays() {
    let (started, asked) = start(Duty::Show, "").await;
    let problem = started.err().unwrap().to_string();
    assert!(problem.contains("rail.lookup_secret"), "{problem}");
    assert!(asked.is_empty(), "{asked:?}");
}
