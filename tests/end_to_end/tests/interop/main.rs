//! A delivery as Stripe's own library signs it, through the whole: paid once, whatever comes again; and the books against a Stripe
//! that nobody here wrote. What the libraries need is said at the head of `shared/providers/tests/interop`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "tests spawn, and read where the oracle is")]

mod localstripe;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, HeaderValue};
use payonce_end_to_end::{PAYEE, World, key_of, payment};
use payonce_local::stack::sandbox_secret;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The header that PyPI `stripe` makes for this body at this time.
fn signed_by_stripe(body: &str, now: u64) -> Vec<(HeaderName, HeaderValue)> {
    let python = payonce_tools::INTEROP_PYTHON.path();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/oracle.py");
    let mut oracle =
        Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python");
    let secret = sandbox_secret("PAYONCE_SANDBOX_STRIPE").unwrap();
    let question = json!({"do": "sign", "secret": secret, "t": now / 1000, "body": BASE64.encode(body)});
    writeln!(oracle.stdin.take().unwrap(), "{question}").unwrap();
    let output = oracle.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer of the oracle");
    vec![(HeaderName::from_static("stripe-signature"), answer["header"].as_str().unwrap().parse().unwrap())]
}

#[tokio::test]
async fn a_delivery_signed_by_stripes_own_library_is_paid_once() {
    let world = Arc::new(World::start().await);
    let event = payment("signed", PAYEE, world.clock.now());
    let body = event.to_string();
    let headers = signed_by_stripe(&body, world.clock.now());

    let changed = body.replacen("4200", "4201", 1);
    let forged = world.send(world.request_with(changed.as_bytes(), headers.clone())).await;
    assert_eq!(forged.status, 401);
    assert_eq!(world.proxy.seen().len(), 0, "it writes nothing");

    let first = world.send(world.request_with(body.as_bytes(), headers.clone())).await;
    assert_eq!((first.status, first.outcome()), (200, "accepted"));
    let again = world.send(world.request_with(body.as_bytes(), headers.clone())).await;
    assert_eq!((again.status, again.outcome()), (200, "duplicate"));
    assert_eq!(world.executed(&key_of(&event)).len(), 1);

    let storm = payment("stripeStorm", PAYEE, world.clock.now());
    let body = storm.to_string();
    let headers = signed_by_stripe(&body, world.clock.now());
    let mut copies = JoinSet::new();
    for _ in 0..64 {
        let (world, body, headers) = (world.clone(), body.clone(), headers.clone());
        copies.spawn(async move { world.send(world.request_with(body.as_bytes(), headers)).await.status });
    }
    assert_eq!(copies.join_all().await, vec![200; 64]);
    assert_eq!(world.executed(&key_of(&storm)).len(), 1);
}
