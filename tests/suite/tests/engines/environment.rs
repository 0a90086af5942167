//! The environment cannot change how often a claim is sent, nor where to (claim-before-pay). Variables cannot be set safely in
//! a running process, so this binary starts itself again, once for each environment.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payonce_ledger::Opened;
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::dynamo::Engine;
use payonce_suite::faults::Fault;

use crate::bench::{Bench, case_of, claim, outcome};

const IN_THIS_ENVIRONMENT: &str = "environment::claim_is_sent_once_in_this_environment";

/// Holds in whatever environment it is started; the two tests below start it in worse ones.
#[test]
fn claim_is_sent_once_in_this_environment() {
    crate::run(Engine::start(), async |bench: Bench| {
        let ours = claim("pi_1", 1);
        for fault in [Fault::SERVER_ERROR, Fault::THROTTLE, Fault::Hold, Fault::DropRequest, Fault::DropAnswer] {
            bench.proxy.forget();
            bench.proxy.plan(9, "PutItem", "#claim", fault);
            assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::NoAnswer, "{fault:?}");
            assert_eq!(bench.proxy.count("PutItem"), 1, "{fault:?}");
        }
        for fault in [Fault::SERVER_ERROR, Fault::THROTTLE, Fault::DropRequest] {
            bench.proxy.forget();
            bench.proxy.plan(1, "PutItem", "#outcome", fault);
            let ours = claim(&format!("pi_{fault:?}").replace(['"', ' '], ""), 1);
            assert_eq!(bench.ledger.record(&ours, &outcome(Outcome::Accepted), None).await, Recorded::Durable);
            assert_eq!(bench.proxy.count("PutItem"), 2, "{fault:?}");
        }
        bench.proxy.plan(1, "TransactWriteItems", "", Fault::SERVER_ERROR);
        assert_eq!(bench.ledger.open_case(&case_of(&ours, Reason::InvalidEvent)).await, Ok(Opened::New));
        assert_eq!(bench.proxy.count("TransactWriteItems"), 2);
    });
}

#[test]
fn no_environment_changes_what_is_retried() {
    let mut environments = Vec::new();
    for attempts in [None, Some("1"), Some("5")] {
        for new_retries in [None, Some("true")] {
            for mode in [None, Some("adaptive")] {
                let variables =
                    [("AWS_MAX_ATTEMPTS", attempts), ("AWS_NEW_RETRIES_2026", new_retries), ("AWS_RETRY_MODE", mode)];
                environments.push(variables);
            }
        }
    }
    assert_eq!(environments.len(), 12);
    // Three at a time: they mostly wait for time-outs.
    for some in environments.chunks(3) {
        let children: Vec<_> = some.iter().map(|variables| again(variables).spawn().unwrap()).collect();
        for (variables, child) in some.iter().zip(children) {
            passed(&format!("{variables:?}"), child.wait_with_output().unwrap());
        }
    }
}

#[test]
fn proxy_of_the_environment_sees_no_claim() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    // Ends with this process, which runs this test only for as long as it listens.
    std::thread::spawn(move || {
        listener.incoming().for_each(|_| {
            counter.fetch_add(1, Ordering::SeqCst);
        })
    });
    let proxy = Some(url.as_str());
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let mut variables: Vec<(&str, Option<&str>)> = names.into_iter().map(|name| (name, proxy)).collect();
    variables.extend([("NO_PROXY", None), ("no_proxy", None)]);
    passed("a proxy", again(&variables).output().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// Nothing but the programmatic settings decides where the tables are.
#[test]
fn endpoint_or_profile_of_the_environment_moves_nothing() {
    let nowhere = Some("http://127.0.0.1:9");
    let variables = [
        ("AWS_ENDPOINT_URL", nowhere),
        ("AWS_ENDPOINT_URL_DYNAMODB", nowhere),
        ("AWS_REGION", Some("us-west-1")),
        ("AWS_PROFILE", Some("nobody")),
        ("AWS_ACCOUNT_ID", Some("123456789012")),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", Some("required")),
        ("AWS_USE_FIPS_ENDPOINT", Some("true")),
    ];
    passed("an endpoint", again(&variables).output().unwrap());
}

fn again(variables: &[(&str, Option<&str>)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([IN_THIS_ENVIRONMENT, "--exact", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn passed(variables: &str, output: std::process::Output) {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{variables}: {said}");
}
