//! The way to payer against a Lambda on loopback that refuses, fails, hangs and resets, and counts what reached it.

#![allow(clippy::disallowed_methods, reason = "the fake has a thread of its own")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use payonce_identity::payer::OneCase;
use payonce_protocol::outcome::Outcome;
use payonce_runtime::clock::Clock;
use payonce_runtime::environment::Environment;

const PAID: &str = r#"{"answer":"attempted","payout_key":"stripe/pi_1","attempt":2,"outcome":"accepted"}"#;

/// What it does with a request that it has read.
#[derive(Clone, Copy)]
enum Does {
    /// Status, further headers, body.
    Answers(u16, &'static str, &'static str),
    /// Part of an answer, and the end.
    Cuts,
    Closes,
    Hangs,
}

struct Lambda {
    url: String,
    /// Head and body of each request.
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Lambda {
    fn which(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut kept_open = vec![];
            for mut stream in listener.incoming().flatten() {
                seen.lock().unwrap().push(request(&stream));
                match does {
                    Does::Answers(status, headers, body) => {
                        let length = body.len();
                        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n");
                        let _ = stream.write_all(format!("{head}{body}").as_bytes());
                    }
                    Does::Cuts => {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"answer\":");
                    }
                    Does::Closes => {}
                    Does::Hangs => kept_open.push(stream),
                }
            }
        });
        Self { url, requests }
    }

    async fn asked(&self) -> Result<Answer, PayerSilent> {
        let invoke = Invoke::within(signer(&self.url), Duration::from_millis(700)).unwrap();
        let request = OneCase { case: "case".to_owned(), checker: "planted.id.token".to_owned() };
        let answer = invoke.invoke(payer::Request::Case(request)).await;
        // Whoever sends a second one does so at once.
        tokio::time::sleep(Duration::from_millis(150)).await;
        answer
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let head = head.to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn signer(endpoint: &str) -> Signer {
    let environment = Environment::planted(&[("AWS_ENDPOINT_URL", endpoint)]);
    // 2026-11-23T12:00:00Z
    Signer::new(&environment.unwrap(), Clock::manual(1_795_435_200_000))
}

#[tokio::test]
async fn invokes_payer_signed_and_synchronously_by_its_alias() {
    let lambda = Lambda::which(Does::Answers(200, "", PAID));
    let answer = lambda.asked().await.unwrap();
    let payout_key = "stripe/pi_1".to_owned();
    assert_eq!(answer, Answer::Attempted { payout_key, attempt: 2, outcome: Outcome::Accepted });
    let requests = lambda.requests();
    let [(head, body)] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert!(head.starts_with("post /2015-03-31/functions/payonce-payer%3alive/invocations http/1.1\r\n"), "{head}");
    let scope = "authorization: aws4-hmac-sha256 credential=akidplanted/20261123/eu-central-1/lambda/aws4_request";
    assert!(head.contains(scope), "{head}");
    assert!(head.contains("signedheaders=content-type;host;x-amz-date;x-amz-invocation-type;x-amz-security-token"));
    assert!(head.contains("\r\nx-amz-invocation-type: requestresponse\r\n"), "{head}");
    assert!(head.contains("\r\nx-amz-security-token: planted-token\r\n") && !head.contains("planted-secret"));
    assert_eq!(body, r#"{"case":"case","checker":"planted.id.token"}"#);
}

#[tokio::test]
async fn lost_answer_is_unknown_and_asked_for_once() {
    let unhandled = "x-amz-function-error: Unhandled\r\n";
    let refused = r#"{"answer":"refused","why":"hold","text":"payouts are held"}"#;
    let unclear = [
        ("500", Does::Answers(500, "x-amzn-errortype: ServiceException\r\n", "{}")),
        ("502", Does::Answers(502, "", "")),
        ("503", Does::Answers(503, "retry-after: 0\r\n", "")),
        ("307", Does::Answers(307, "location: /elsewhere\r\n", "")),
        ("408", Does::Answers(408, "", "{}")),
        ("202", Does::Answers(202, "", "")),
        ("payer died", Does::Answers(200, unhandled, r#"{"errorType":"Runtime.ExitError"}"#)),
        ("payer died, and left an answer", Does::Answers(200, unhandled, refused)),
        ("payer died under a refusal", Does::Answers(400, unhandled, "{}")),
        ("no JSON", Does::Answers(200, "", "paid")),
        ("null", Does::Answers(200, "", "null")),
        ("another object", Does::Answers(200, "", r#"{"message":"paid"}"#)),
        ("half an answer", Does::Answers(200, "", r#"{"answer":"attempted","attempt":2}"#)),
        ("cut", Does::Cuts),
        ("closed", Does::Closes),
        ("hangs", Does::Hangs),
    ];
    for (name, does) in unclear {
        let lambda = Lambda::which(does);
        assert_eq!(lambda.asked().await, Err(PayerSilent::Unknown), "{name}");
        assert_eq!(lambda.requests().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn refusal_before_anything_ran_is_not_begun_and_asked_for_once() {
    for (status, headers) in [
        (400, "x-amzn-errortype: InvalidRequestContentException\r\n"),
        (403, "x-amzn-errortype: AccessDeniedException\r\n"),
        (404, "x-amzn-errortype: ResourceNotFoundException\r\n"),
        (413, ""),
        (429, "x-amzn-errortype: TooManyRequestsException\r\nretry-after: 0\r\n"),
    ] {
        let lambda = Lambda::which(Does::Answers(status, headers, r#"{"Reason":"ConcurrentInvocationLimitExceeded"}"#));
        assert_eq!(lambda.asked().await, Err(PayerSilent::NotBegun), "{status}");
        assert_eq!(lambda.requests().len(), 1, "{status}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let lambda = Lambda { url: format!("http://{}", nobody.local_addr().unwrap()), requests: Arc::default() };
    drop(nobody);
    assert_eq!(lambda.asked().await, Err(PayerSilent::NotBegun));
}

#[tokio::test]
async fn hands_on_payers_own_refusal() {
    let lambda =
        Lambda::which(Does::Answers(200, "", r#"{"answer":"refused","why":"hold","text":"payouts are held"}"#));
    let said = Answer::Refused { why: "hold".to_owned(), text: "payouts are held".to_owned() };
    assert_eq!(lambda.asked().await, Ok(said));
}

#[tokio::test]
async fn what_is_logged_of_an_invocation_has_the_payouts_key() {
    use payonce_runtime::telemetry::{Captured, Level, subscriber};
    use tracing::Instrument;

    let case = Case {
        key: payonce_protocol::order::PayoutKey::new("stripe/pi_1").ok(),
        ..Case::new(payonce_protocol::outcome::Reason::PayoutUnknown, vec!["stripe/pi_1".to_owned(), "1".to_owned()], 0)
    };
    for does in [Does::Answers(500, "", ""), Does::Closes] {
        let log = Captured::default();
        let _guard = tracing::subscriber::set_default(subscriber(Level::Info, Clock::manual(0), log.clone()));
        assert!(Lambda::which(does).asked().instrument(invoking(&case)).await.is_err());
        let lines = log.lines();
        assert!(!lines.is_empty() && lines.iter().all(|line| line["payout_key"] == "stripe/pi_1"), "{lines:?}");
        assert!(!log.text().contains("planted.id.token"), "{}", log.text());
    }
}
