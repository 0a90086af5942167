//! Secrets against a small Secrets Manager on loopback, which counts what it is asked.

#![allow(clippy::disallowed_methods, reason = "the fake has a thread of its own, and one test is a process")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex as StdMutex;

use super::*;

/// Answers `GetSecretValue` until the process ends.
#[derive(Clone)]
struct Fake {
    url: String,
    /// Secret id → status and body.
    answers: Arc<StdMutex<BTreeMap<String, (u16, String)>>>,
    asked: Arc<StdMutex<Vec<String>>>,
}

impl Fake {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, answers: Arc::default(), asked: Arc::default() };
        let serving = fake.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serving.answer(stream)));
        fake
    }

    fn holds(&self, id: &str, secret: &str) {
        self.says(id, 200, &serde_json::json!({ "Name": id, "SecretString": secret }).to_string());
    }

    fn says(&self, id: &str, status: u16, body: &str) {
        self.answers.lock().unwrap().insert(id.to_owned(), (status, body.to_owned()));
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn take_asked(&self) -> usize {
        std::mem::take(&mut *self.asked.lock().unwrap()).len()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut length, mut target, mut signed) = (0, false, false);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            let header = line.trim_end().to_ascii_lowercase();
            length = header.strip_prefix("content-length: ").map_or(length, |value| value.parse().unwrap());
            target |= header == "x-amz-target: secretsmanager.getsecretvalue";
            signed |= header.starts_with("authorization: aws4-hmac-sha256 credential=akidplanted/");
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert!(target && signed, "not a signed GetSecretValue");
        let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let id = request["SecretId"].as_str().unwrap().to_owned();
        let missing = (400, r#"{"__type":"ResourceNotFoundException","Message":"quotes planted names"}"#.to_owned());
        let (status, body) = self.answers.lock().unwrap().get(&id).cloned().unwrap_or(missing);
        self.asked.lock().unwrap().push(id);
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

fn environment(endpoint: &str) -> Environment {
    Environment::planted(&[("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)]).unwrap()
}

fn reader(fake: &Fake) -> SecretReader {
    SecretReader::with_variables(&environment(&fake.url), |name| {
        let value = match name {
            "ONE" => "whsec_one",
            "BOTH" => r#"["whsec_one", "whsec_two"]"#,
            "EMPTY" => "",
            _ => return None,
        };
        Some(value.to_owned())
    })
}

fn refs(texts: &[&str]) -> SigningRefs {
    let refs = texts.iter().map(|text| text.parse().unwrap()).collect();
    SigningRefs { path: "providers.p.secrets".to_owned(), refs, form: SecretForm::Begins("whsec_") }
}

/// What the source accepts is told by what it verifies: it shows its secrets to nobody.
fn accepts(secrets: &Secrets, signing: &str) -> bool {
    let text = "[providers.p]\nscheme = \"stripe\"\nsecrets = [\"env:ONE\"]\n[rail]\nkind = \"stripe\"\naccount = \"acct_1\"\nurl = \"https://api.stripe.com\"\nsecret = \"env:R\"";
    let provider = crate::config::Config::parse(text).unwrap().provider(Some("p")).ok().unwrap();
    let now = 1_795_000_000_000;
    let signer = Secrets::new(vec![signing.to_owned()]).unwrap();
    let headers = provider.sign(&signer, b"{}", now).into_iter().collect();
    provider.verify(secrets, &headers, b"{}", now).is_ok()
}

#[test]
fn refuses_a_secret_in_place_of_its_reference_without_repeating_it() {
    for good in ["env:NAME", "env:a_1", "secretsmanager:payonce/stripe"] {
        assert_eq!(good.parse::<SecretRef>().unwrap().to_string(), good);
    }
    assert!(
        "secretsmanager:arn:aws:secretsmanager:eu-central-1:123456789012:secret:a/b-AbCdEf"
            .parse::<SecretRef>()
            .is_ok()
    );
    for bad in [
        "whsec_planted",
        "",
        "env:",
        "env:A B",
        "env:A=planted",
        "secretsmanager:",
        "ssm:planted",
        "Env:A",
        "secretsmanager:a b",
    ] {
        let error = bad.parse::<SecretRef>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("planted"));
    }
}

#[tokio::test]
async fn asks_secrets_manager_only_for_its_own_references() {
    let fake = Fake::start();
    let reader = reader(&fake);
    let source = SecretSource::open(reader.clone(), refs(&["env:BOTH"]), 0).await.unwrap();
    assert!(source.refresh(REFRESH_EVERY_MS).await.is_none());
    assert!(accepts(&source.current(), "whsec_one") && accepts(&source.current(), "whsec_two"));
    assert!(!accepts(&source.current(), "whsec_other"));
    assert_eq!(fake.asked(), 0);
}

#[tokio::test]
async fn reads_a_plain_secret_and_a_list() {
    let fake = Fake::start();
    fake.holds("plain", "whsec_plain");
    fake.holds("list", r#" ["whsec_a", "whsec_b"]"#);
    let all = refs(&["secretsmanager:plain", "secretsmanager:list", "env:ONE"]);
    let source = SecretSource::open(reader(&fake), all, 0).await.unwrap();
    for known in ["whsec_plain", "whsec_a", "whsec_b", "whsec_one"] {
        assert!(accepts(&source.current(), known), "{known}");
    }
    assert_eq!(*fake.asked.lock().unwrap(), ["plain", "list"]);
}

#[tokio::test]
async fn names_a_secret_that_cannot_be_read_without_showing_it() {
    let fake = Fake::start();
    for (id, secret) in [
        ("object", r#"{"planted":"planted"}"#),
        ("half", r#"["planted", 7]"#),
        ("torn", r#"["planted"#),
        ("none", "[]"),
        ("empty", ""),
        ("line", "planted\n"),
        ("holes", r#"["whsec_planted", ""]"#),
    ] {
        fake.holds(id, secret);
    }
    fake.says("binary", 200, r#"{"SecretBinary":"cGxhbnRlZA=="}"#);
    fake.says("denied", 400, r#"{"__type":"AccessDeniedException","Message":"planted"}"#);
    fake.says("nonsense", 200, "planted");
    for (secret, word) in [
        ("secretsmanager:object", "JSON object"),
        ("secretsmanager:half", "JSON array"),
        ("secretsmanager:torn", "JSON array"),
        ("secretsmanager:none", "no signing secret"),
        ("secretsmanager:empty", "is empty"),
        ("secretsmanager:line", "white space"),
        ("secretsmanager:holes", "is empty"),
        ("secretsmanager:binary", "is binary"),
        ("secretsmanager:denied", "AccessDeniedException"),
        ("secretsmanager:absent", "ResourceNotFoundException"),
        ("secretsmanager:nonsense", ""),
        ("env:UNSET", "not set"),
        ("env:EMPTY", "is empty"),
    ] {
        let error = SecretSource::open(reader(&fake), refs(&[secret]), 0).await.err().unwrap();
        assert!(error.to_string().starts_with(secret) && error.problem.contains(word), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_named_by_its_code_alone_however_it_is_written() {
    let fake = Fake::start();
    for written in ["AccessDeniedException", "com.amazonaws.secretsmanager#AccessDeniedException:https://planted"] {
        fake.says("denied", 400, &serde_json::json!({ "__type": written }).to_string());
        let error = reader(&fake).text(&"secretsmanager:denied".parse().unwrap()).await.unwrap_err();
        assert_eq!((error.problem.as_str(), fake.take_asked()), ("AccessDeniedException", 1));
    }
    fake.says("busy", 503, "{}");
    let error = reader(&fake).text(&"secretsmanager:busy".parse().unwrap()).await.unwrap_err();
    assert_eq!((error.problem.as_str(), fake.take_asked()), ("HTTP 503", 2), "busy is asked twice, and no more");
}

#[tokio::test]
async fn silence_is_named_by_what_became_of_the_request() {
    let secret: SecretRef = "secretsmanager:s".parse().unwrap();
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", stranger.local_addr().unwrap());
    let greeting = std::thread::spawn(move || {
        for stream in stranger.incoming().take(2) {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"no HTTP is spoken here\r\n").unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let reader = SecretReader::with_variables(&environment(&url), |_| None);
    let error = reader.text(&secret).await.unwrap_err();
    assert_eq!(error.problem, "Secrets Manager does not answer (answer_malformed)");
    greeting.join().unwrap();
    // Nothing listens there any more.
    let error = reader.text(&secret).await.unwrap_err();
    assert_eq!(error.problem, "Secrets Manager does not answer (tcp)");
}

#[tokio::test]
async fn takes_up_a_rotated_secret() {
    let fake = Fake::start();
    fake.holds("s", "whsec_old");
    let source = SecretSource::open(reader(&fake), refs(&["secretsmanager:s"]), 1_000).await.unwrap();
    fake.holds("s", r#"["whsec_new", "whsec_old"]"#);
    assert!(source.refresh(1_000 + REFRESH_EVERY_MS - 1).await.is_none());
    assert_eq!(fake.asked(), 1);
    let fresh = source.refresh(1_000 + REFRESH_EVERY_MS).await.unwrap();
    assert!(accepts(&fresh, "whsec_new") && accepts(&source.current(), "whsec_new"));
    // Deliveries that failed against the old secrets meanwhile find the new ones without a call.
    assert!(source.refresh(1_001 + REFRESH_EVERY_MS).await.is_some());
    assert_eq!(fake.asked(), 2);
    // A minute on, nothing has changed since, and there is nothing else to try.
    assert!(source.refresh(1_000 + 2 * REFRESH_EVERY_MS).await.is_none());
    assert!(source.refresh(1_001 + 2 * REFRESH_EVERY_MS).await.is_none());
    assert_eq!(fake.asked(), 3);
}

#[tokio::test]
async fn flood_of_forged_deliveries_reads_the_secret_once() {
    let fake = Fake::start();
    fake.holds("s", "whsec_old");
    let source = SecretSource::open(reader(&fake), refs(&["secretsmanager:s"]), 0).await.unwrap();
    fake.says("s", 400, r#"{"__type":"AccessDeniedException"}"#);
    // A reading that failed counts as well.
    let forged = (0..500).map(|index| source.refresh(REFRESH_EVERY_MS + index));
    let (first, others) = tokio::join!(source.refresh(REFRESH_EVERY_MS), async {
        let mut found = 0;
        for refresh in forged {
            found += usize::from(refresh.await.is_some());
        }
        found
    });
    assert!(first.is_none());
    assert_eq!(others, 0);
    assert_eq!(fake.asked(), 2);
    assert!(accepts(&source.current(), "whsec_old"));
}

#[tokio::test]
async fn a_withdrawn_secret_is_trusted_for_half_an_hour_and_not_for_ever() {
    let fake = Fake::start();
    fake.holds("s", r#"["whsec_kept", "whsec_withdrawn"]"#);
    let source = SecretSource::open(reader(&fake), refs(&["secretsmanager:s"]), 0).await.unwrap();
    fake.holds("s", "whsec_kept");
    // Each delivery verifies well, so that nothing else would ever ask.
    let trusted = source.trusted(RENEW_AFTER_MS - 1).await.unwrap();
    assert!(accepts(&trusted, "whsec_withdrawn") && fake.asked() == 1);
    let trusted = source.trusted(RENEW_AFTER_MS).await.unwrap();
    assert!(accepts(&trusted, "whsec_kept") && !accepts(&trusted, "whsec_withdrawn"));
    // A reading that brought nothing new counts for the next hour as well.
    for later in 0..100 {
        assert!(source.trusted(RENEW_AFTER_MS + later * 1_000).await.is_some());
    }
    assert_eq!(fake.asked(), 2);
}

#[tokio::test]
async fn secrets_that_cannot_be_read_again_are_trusted_for_their_hour_and_no_longer() {
    let fake = Fake::start();
    fake.holds("s", "whsec_old");
    let source = SecretSource::open(reader(&fake), refs(&["secretsmanager:s"]), 0).await.unwrap();
    fake.says("s", 400, r#"{"__type":"AccessDeniedException"}"#);
    for second in 0..3_600 {
        // A forged delivery beside each: what it makes be tried prolongs nothing.
        source.refresh(second * 1_000).await;
        assert!(source.trusted(second * 1_000).await.is_some(), "second {second}");
        // Readings fail from the first minute on, and half an hour of them is no matter for anybody.
        assert_eq!(source.is_stale(second * 1_000).await, second >= 30 * 60, "second {second}");
    }
    assert!(fake.asked() <= 60, "{}", fake.asked());
    for later in [0, 1, 30_000, 24 * TRUSTED_FOR_MS] {
        assert!(source.trusted(TRUSTED_FOR_MS + later).await.is_none(), "{later} ms after the hour");
    }
    // And again as soon as they can be read, a minute later at the most.
    fake.holds("s", "whsec_old");
    assert!(accepts(&source.trusted(25 * TRUSTED_FOR_MS + REFRESH_EVERY_MS).await.unwrap(), "whsec_old"));
    assert!(!source.is_stale(25 * TRUSTED_FOR_MS + REFRESH_EVERY_MS).await);
}

#[tokio::test]
async fn a_secret_that_cannot_work_stops_the_start_and_is_named_by_its_place() {
    let fake = Fake::start();
    for wrong in ["sk_live_planted", "v1,whsec_planted", "planted", r#"["whsec_good", "https://planted.example"]"#] {
        fake.holds("s", wrong);
        let error = SecretSource::open(reader(&fake), refs(&["env:ONE", "secretsmanager:s"]), 0).await.err().unwrap();
        assert!(error.to_string().starts_with("secretsmanager:s (providers.p.secrets[1]): "), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_work_displaces_none_that_does() {
    let fake = Fake::start();
    fake.holds("s", "whsec_old");
    let source = SecretSource::open(reader(&fake), refs(&["secretsmanager:s"]), 0).await.unwrap();
    fake.holds("s", "sk_live_planted");
    assert!(source.refresh(REFRESH_EVERY_MS).await.is_none());
    assert!(accepts(&source.trusted(TRUSTED_FOR_MS - 1).await.unwrap(), "whsec_old"));
    assert!(source.trusted(TRUSTED_FOR_MS + 1).await.is_none(), "inside their trust, and no longer");
    // Beside others it is left out.
    fake.holds("s", r#"["sk_live_planted", "whsec_new"]"#);
    let renewed = source.trusted(TRUSTED_FOR_MS + REFRESH_EVERY_MS).await.unwrap();
    assert!(accepts(&renewed, "whsec_new") && !accepts(&renewed, "whsec_old"));
}

#[tokio::test]
async fn reads_one_text_and_refuses_a_list_or_nothing() {
    let fake = Fake::start();
    for (stored, wrong) in [
        ("planted", ""),
        ("[\"planted\"]", ""),
        ("  ", "is empty"),
        ("[\"a\",\"planted\"]", "several"),
        ("[]", "empty"),
    ] {
        fake.holds("payonce/console", stored);
        let read = reader(&fake).text(&"secretsmanager:payonce/console".parse().unwrap()).await;
        match read {
            Ok(text) => assert!(wrong.is_empty() && text == "planted", "{stored}"),
            Err(error) => {
                let said = error.to_string();
                assert!(!wrong.is_empty() && said.contains(wrong) && !said.contains("planted"), "{stored}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn refuses_a_list_or_a_broken_key_for_a_rail() {
    let fake = Fake::start();
    fake.holds("rail", "sk_test_planted");
    fake.holds("wide", "sk_test_planted\n");
    let read = |text: &str| {
        let (reader, secret) = (reader(&fake), text.parse::<SecretRef>().unwrap());
        async move { reader.rail_secret(&secret).await }
    };
    assert!(read("secretsmanager:rail").await.is_ok());
    assert!(read("env:ONE").await.is_ok());
    for refused in ["env:BOTH", "env:EMPTY", "secretsmanager:wide"] {
        let error = read(refused).await.unwrap_err();
        assert!(!error.to_string().contains("planted"));
    }
}

/// Runs itself once more, with a proxy in its environment at which nothing listens.
#[tokio::test]
async fn ignores_a_proxy_of_the_environment() {
    const ENDPOINT: &str = "PAYONCE_TEST_ENDPOINT";
    if let Ok(url) = std::env::var(ENDPOINT) {
        let reader = SecretReader::new(&environment(&url));
        assert_eq!(reader.read(&"secretsmanager:s".parse().unwrap()).await.unwrap(), ["whsec"]);
        return;
    }
    let fake = Fake::start();
    fake.holds("s", "whsec");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "secrets::tests::ignores_a_proxy_of_the_environment"]).env(ENDPOINT, &fake.url);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        child.env(name, "http://127.0.0.1:9");
    }
    let done = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert_eq!(fake.asked(), 1);
}

#[test]
fn no_secret_is_printed() {
    let secret = RailSecret::new("sk_test_planted").unwrap();
    assert!(!format!("{secret:?}").contains("planted"));
    let shown = format!("{:?}", Environment::planted(&[]).unwrap());
    assert!(!shown.contains("planted-secret"), "{shown}");
}
