//! Against Stripe's own libraries, for Python and for Node: what they sign we accept, what we sign they accept, and one
//! changed byte is refused on both sides. Where we differ, we do so on purpose: [`differences`] lists each case.
//!
//! They are run, not rebuilt: `PAYONCE_INTEROP_PYTHON` is a Python with `tests/interop/requirements.txt` installed,
//! `PAYONCE_INTEROP_NODE_MODULES` the `node_modules` folder that `npm ci` makes in `tests/interop`. Without them the
//! tests fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "the oracles are processes, found by the environment")]

#[path = "suite/random.rs"]
mod random;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue};
use payonce_providers::scheme::{MAX_HEADER_BYTES, MAX_SIGNATURES, STRIPE};
use payonce_providers::{Refused, Secrets};
use random::Random;
use serde_json::{Value, json};

const NOW_S: u64 = 1_790_000_000;
const NOW: u64 = NOW_S * 1000;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// One of Stripe's libraries, in its own process.
struct Oracle {
    name: &'static str,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn python() -> Self {
        Self::start("python", "16.1.0", Command::new(setting("PAYONCE_INTEROP_PYTHON")).arg(script("oracle.py")))
    }

    fn node() -> Self {
        setting("PAYONCE_INTEROP_NODE_MODULES");
        Self::start("node", "23.1.0", Command::new("node").arg(script("oracle.mjs")))
    }

    fn start(name: &'static str, version: &str, command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut oracle = Self { name, process, questions, answers };
        assert_eq!(
            oracle.ask(json!({"do": "version"}))["version"],
            version,
            "{name}: the pinned library is not the one found"
        );
        oracle
    }

    fn ask(&mut self, question: Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: no answer; its error stands above", self.name))
    }

    fn sign(&mut self, secret: &str, body: &[u8], t: u64) -> String {
        let answer = self.ask(json!({"do": "sign", "secret": secret, "t": t, "body": BASE64.encode(body)}));
        answer["header"].as_str().unwrap().to_owned()
    }

    fn accepts(&mut self, secret: &str, header: &str, body: &[u8], now: u64) -> bool {
        let answer = self.ask(
            json!({"do": "verify", "secret": secret, "header": header, "body": BASE64.encode(body), "now_ms": now}),
        );
        answer["ok"].as_bool().unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; the head of tests/interop.rs says to what"))
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop").join(name)
}

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![secret.to_owned()]).unwrap()
}

fn we_sign(secret: &str, body: &[u8], t: u64) -> String {
    STRIPE.sign(&secrets(secret), "", body, t * 1000)[0].1.to_str().unwrap().to_owned()
}

fn we_say(secret: &str, header: &str, body: &[u8], now: u64) -> Result<(), Refused> {
    let Ok(value) = HeaderValue::from_str(header) else { return Err(Refused::MalformedSignature) };
    let headers = HeaderMap::from_iter([("stripe-signature".parse().unwrap(), value)]);
    STRIPE.verify(&secrets(secret), "", &headers, body, now)
}

/// Text of the characters that encoders, decoders and line ends treat differently.
fn text(random: &mut Random) -> String {
    const CHARACTERS: [char; 14] = ['a', 'Z', '0', ' ', '"', '\\', '\n', '\r', '\t', '.', 'é', '✓', '😀', '\u{2028}'];
    random.bytes(80).into_iter().map(|byte| CHARACTERS[usize::from(byte) % CHARACTERS.len()]).collect()
}

/// The body of an event as a provider might write it, and worse.
fn bodies(random: &mut Random) -> Vec<Vec<u8>> {
    let mut bodies = vec![
        b"{}".to_vec(),
        b"{\r\n  \"id\": \"evt_1\"\r\n}\r\n".to_vec(),
        "{\"note\":\"h\u{e9} \u{2713} \u{1F600} \\u00e9 \\\" \\\\ \\/ \\n\",\"zero\":\"\\u0000\"}".into(),
        "{\"\u{2028}\":\"\u{7f}\u{85}\u{feff}\"}".into(),
        format!("{{\"pad\":\"{}\"}}", "\u{2713}x".repeat(1 << 18)).into_bytes(),
    ];
    for _ in 0..60 {
        bodies.push(json!({"id": format!("evt_{}", random.below(1 << 30)), "note": text(random)}).to_string().into());
        bodies.push(format!("{{{}}}", text(random)).into());
    }
    assert!(bodies.iter().any(|body| body.len() >= 1 << 20));
    bodies
}

fn agrees_with_us(mut oracle: Oracle, takes_bom: bool) {
    let mut random = Random::new(oracle.name);
    let mut all = bodies(&mut random);
    if takes_bom {
        all.push([BOM, b"{}"].concat());
    }
    for body in &all {
        let secret = format!("whsec_{}", random.below(1 << 30));
        let t = NOW_S - random.below(300) as u64;
        let theirs = oracle.sign(&secret, body, t);
        assert_eq!(theirs, we_sign(&secret, body, t));
        assert_eq!(we_say(&secret, &theirs, body, NOW), Ok(()));
        assert!(oracle.accepts(&secret, &theirs, body, NOW));

        // One byte of the body (kept UTF-8: the libraries decode before they hash), of the header, of the time, of the
        // secret.
        let mut other_body = body.clone();
        let last = other_body.len() - 1;
        other_body[last] ^= 1;
        let other_header = String::from_utf8_lossy(&random.one_changed(theirs.as_bytes())).into_owned();
        let other_time = theirs.replace(&format!("t={t}"), &format!("t={}", t - 1));
        for (secret, header, body) in [
            (&secret, &theirs, &other_body),
            (&secret, &other_header, body),
            (&secret, &other_time, body),
            (&format!("{secret}0"), &theirs, body),
        ] {
            assert!(we_say(secret, header, body, NOW).is_err(), "{header}");
            assert!(!oracle.accepts(secret, header, body, NOW), "{header}");
        }

        // Too old for both.
        let late = t * 1000 + 301_000;
        assert_eq!(we_say(&secret, &theirs, body, late), Err(Refused::Stale));
        assert!(!oracle.accepts(&secret, &theirs, body, late));
    }
}

#[test]
fn python_accepts_and_refuses_what_we_do() {
    agrees_with_us(Oracle::python(), true);
}

#[test]
fn node_accepts_and_refuses_what_we_do() {
    // Its decoder drops a byte order mark before hashing, so that its own signature over one is refused: see below.
    agrees_with_us(Oracle::node(), false);
}

struct Difference {
    what: &'static str,
    header: String,
    body: Vec<u8>,
    now: u64,
    python: bool,
    node: bool,
    ours: Result<(), Refused>,
}

/// Every known case in which we answer otherwise than at least one of the libraries.
fn differences(secret: &str) -> Vec<Difference> {
    let header = we_sign(secret, b"{}", NOW_S);
    let mac = header.split_once("v1=").unwrap().1;
    let other = "0".repeat(64);
    let malformed = Err(Refused::MalformedSignature);
    let case = |what, header: String, python, node, ours| Difference {
        what,
        header,
        body: b"{}".to_vec(),
        now: NOW,
        python,
        node,
        ours,
    };
    let bom = [BOM, b"{}"].concat();
    let not_utf8 = b"{\"a\":\"\xff\"}".to_vec();
    vec![
        // Only age is checked there; a recorded signature with a far time would be good for ever.
        Difference { now: NOW - 3_600_000, ..case("an hour ahead", header.clone(), true, true, Err(Refused::Future)) },
        // Node counts whole seconds.
        Difference {
            now: NOW + 300_500,
            ..case("half a second late", header.clone(), false, true, Err(Refused::Stale))
        },
        case("letters behind the time", format!("t={NOW_S}abc,v1={mac}"), false, true, malformed),
        case("a sign before the time", format!("t=+{NOW_S},v1={mac}"), true, true, malformed),
        case("a space before the time", format!("t= {NOW_S},v1={mac}"), true, true, malformed),
        case("a nought before the time", format!("t=0{NOW_S},v1={mac}"), true, true, malformed),
        case("a grouped time", format!("t=1_790_000_000,v1={mac}"), true, false, malformed),
        case("two times, the first signed", format!("t={NOW_S},t={},v1={mac}", NOW_S - 1), true, false, malformed),
        case("two times, the last signed", format!("t={},t={NOW_S},v1={mac}", NOW_S - 1), false, true, malformed),
        case("an element without a value", format!("{header},junk"), true, true, malformed),
        case("a comma at the end", format!("{header},"), true, true, malformed),
        case("a bad signature beside the good", format!("{header},v1=bad"), true, true, malformed),
        case("something behind the signature", format!("{header}=junk"), true, true, malformed),
        case(
            "many signatures",
            format!("{header}{}", format!(",v1={other}").repeat(MAX_SIGNATURES)),
            true,
            true,
            malformed,
        ),
        case("a long header", format!("{header},x={}", "y".repeat(MAX_HEADER_BYTES)), true, true, malformed),
        // The libraries hash decoded text, we hash what was sent.
        Difference {
            header: we_sign(secret, &bom, NOW_S),
            body: bom,
            ..case("a byte order mark", String::new(), true, false, Ok(()))
        },
        Difference {
            header: we_sign(secret, &not_utf8, NOW_S),
            body: not_utf8,
            ..case("a body that is not UTF-8", String::new(), false, false, Ok(()))
        },
    ]
}

#[test]
fn every_difference_is_deliberate() {
    let (mut python, mut node) = (Oracle::python(), Oracle::node());
    let secret = "whsec_difference";
    for Difference { what, header, body, now, python: in_python, node: in_node, ours } in differences(secret) {
        assert_eq!(we_say(secret, &header, &body, now), ours, "{what}: ours");
        assert_eq!(python.accepts(secret, &header, &body, now), in_python, "{what}: python");
        assert_eq!(node.accepts(secret, &header, &body, now), in_node, "{what}: node");
        assert!(in_python != ours.is_ok() || in_node != ours.is_ok(), "{what}: no difference");
    }
}

/// What all three refuse, and what all three accept, beyond the plain case.
#[test]
fn the_rest_of_the_header_is_read_alike() {
    let (mut python, mut node) = (Oracle::python(), Oracle::node());
    let secret = "whsec_alike";
    let header = we_sign(secret, b"{}", NOW_S);
    let (mac, other) = (header.split_once("v1=").unwrap().1, "0".repeat(64));
    for (header, accepted) in [
        (header.clone(), true),
        (format!("v1={mac},t={NOW_S}"), true),
        (format!("t={NOW_S},v1={other},v1={mac}"), true),
        (format!("t={NOW_S},v0={other},v1={mac}"), true),
        (format!("t={NOW_S},v1={}", mac.to_uppercase()), false),
        (format!("t={NOW_S},v0={mac}"), false),
        (format!("t={NOW_S}, v1={mac}"), false),
        (format!("t={NOW_S},v1={}", &mac[..63]), false),
        (format!("v1={mac}"), false),
        (format!("t=,v1={mac}"), false),
        (String::new(), false),
    ] {
        assert_eq!(we_say(secret, &header, b"{}", NOW).is_ok(), accepted, "{header}: ours");
        assert_eq!(python.accepts(secret, &header, b"{}", NOW), accepted, "{header}: python");
        assert_eq!(node.accepts(secret, &header, b"{}", NOW), accepted, "{header}: node");
    }
}
