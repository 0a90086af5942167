//! `payonce send`: a file of the user's own, signed as the provider would, to a stack that is up.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::Path;

use http::{HeaderName, HeaderValue};
use payonce_providers::{Provider, Secrets};
use payonce_runtime::clock::Clock;
use payonce_runtime::random;
use payonce_runtime::start::StartError;
use serde_json::{Value, json};

use crate::charges::Charge;
use crate::given;
use crate::near::hint;
use crate::samples::{PLACE_OF_ID, charge_of, moved_to, renamed};
use crate::sender::{Answered, Sender, post};
use crate::setup::Setup;

type Failure = Box<dyn Error + Send + Sync>;

/// What is changed in a file before it is signed; nothing, when nothing is asked for.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// New ids and the present time: an event that was never sent before.
    pub fresh: bool,
    /// `POINTER=VALUE`, such as `/data/object/metadata/payee=acct_1`.
    pub set: Vec<String>,
}

/// For whom a signed delivery is written down instead of being sent to the stack on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A configuration for `curl --config -`
    Curl,
    /// API Gateway's event, for `aws lambda invoke` and `cargo lambda invoke`
    Event,
}

/// A file as its provider would send it now.
pub struct Delivery {
    provider: String,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Signs. Without a secret, with those of the stack that runs this configuration.
pub fn sign(
    file: &Path,
    provider: &str,
    secret: Option<String>,
    changes: &Changes,
    setup: &Setup,
) -> Result<Delivery, Failure> {
    let now = Clock::system().now();
    let read = given::read(file)?;
    let (provider, secrets) = signer(setup, provider, secret)?;
    let body = changes.apply(read, now, &provider).map_err(|problem| format!("{}: {problem}", file.display()))?;
    let body = provider.seal(&secrets, &body).into_owned();
    let headers = provider.sign(&secrets, &body, now);
    Ok(Delivery { provider: provider.name().to_owned(), body, headers })
}

/// A provider of the configuration, and what it signs with.
pub fn signer(setup: &Setup, name: &str, secret: Option<String>) -> Result<(Provider, Secrets), Failure> {
    let config = setup.as_written().map_err(StartError::Config)?;
    let known = || config.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let whose = if setup.is_own { "the configuration" } else { "the sandbox" };
    let provider = config.provider(Some(name));
    let near = || hint(name, config.providers.keys().map(String::as_str));
    let provider = provider.map_err(|_| format!("{whose} has no provider {name}; there is {}{}", known(), near()))?;
    let values = match secret {
        Some(secret) => vec![secret],
        None => config.secrets(name).iter().flat_map(|reference| one_or_more(&setup.value(reference))).collect(),
    };
    Ok((provider, Secrets::new(values)?))
}

/// A variable may hold a JSON array of several, as the functions read it.
fn one_or_more(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()])
}

impl Delivery {
    /// To the stack on this machine.
    pub async fn send(self, url: &str) -> Result<Answered, Failure> {
        let to = host_and_port(url).ok_or_else(|| format!("--url {url}: write http://HOST:PORT"))?;
        let answered = post(&to, &Sender::path(&self.provider), &self.body, self.headers).await;
        Ok(answered.map_err(|error| format!("http://{to}: {}; is the stack up? (cargo run)", not_reached(&error)))?)
    }

    /// As somebody else will send it; `url` is whole for this.
    pub fn written(&self, form: Form, url: &str) -> Result<String, Failure> {
        let text = |(name, value): &(HeaderName, HeaderValue)| Ok((name.to_string(), value.to_str()?.to_owned()));
        let signed: Result<Vec<(String, String)>, Failure> = self.headers.iter().map(text).collect();
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into_iter().chain(signed?);
        let body = std::str::from_utf8(&self.body)?;
        Ok(match form {
            Form::Curl => {
                // curl knows \\, \", \t, \n, \r and \v; everything else stands for itself.
                let quoted = |text: &str| {
                    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r")
                };
                let headers: String =
                    headers.map(|(name, value)| format!("header = \"{name}: {}\"\n", quoted(&value))).collect();
                format!("url = \"{}\"\n{headers}data-binary = \"{}\"", quoted(url), quoted(body))
            }
            Form::Event => {
                let path = format!("/webhooks/{}", self.provider);
                let http = json!({ "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "payonce" });
                let event = json!({
                    "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path, "rawQueryString": "",
                    "headers": headers.collect::<BTreeMap<_, _>>(),
                    "requestContext": { "http": http, "requestId": "drill", "stage": "$default", "timeEpoch": 0 },
                    "body": body, "isBase64Encoded": false,
                });
                event.to_string()
            }
        })
    }
}

/// Why nobody answers, in words: the system's own end in a number.
pub(crate) fn not_reached(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nobody listens there".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was closed without an answer".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

pub(crate) fn host_and_port(url: &str) -> Option<String> {
    let to = url.strip_prefix("http://")?.trim_end_matches('/');
    if to.is_empty() || to.contains('/') {
        return None;
    }
    Some(if to.contains(':') { to.to_owned() } else { format!("{to}:80") })
}

impl Changes {
    fn apply(&self, body: Vec<u8>, now: u64, provider: &Provider) -> Result<Vec<u8>, String> {
        if !self.fresh && self.set.is_empty() {
            return Ok(body);
        }
        let mut event: Value = match serde_json::from_slice(&body) {
            Ok(event) => event,
            Err(error) => return self.apply_to_odd(&body, now, provider, &error),
        };
        let text = event.to_string();
        if self.fresh && text.contains(PLACE_OF_ID) {
            // A sample of `events/`: all of its ids hold this text.
            let id = random::attempt_id().to_string();
            event =
                serde_json::from_str(&moved_to(now, &renamed(&text, &id[..12]))).map_err(|error| error.to_string())?;
        } else if self.fresh && event.pointer("/data/object/id").is_none() {
            // No event of Stripe's: by the places that the configuration names.
            provider.renew(&mut event, now, &random::attempt_id().to_string()[..12]);
        } else if self.fresh {
            let id = random::attempt_id().to_string();
            put(&mut event, "/id", format!("evt_{id}").into())?;
            put(&mut event, "/created", (now / 1000).into())?;
            put(&mut event, "/data/object/id", format!("pi_{id}").into())?;
        }
        for set in &self.set {
            let (pointer, value) = set.split_once('=').ok_or_else(|| format!("--set {set}: write POINTER=VALUE"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            put(&mut event, pointer, value)?;
        }
        self.recharge(&mut event);
        Ok(event.to_string().into_bytes())
    }
}

impl Changes {
    /// A file of which a part cannot be read, such as half a character, is what somebody wants to try: only the text of its ids
    /// and of its time is replaced.
    fn apply_to_odd(
        &self,
        body: &[u8],
        now: u64,
        provider: &Provider,
        error: &serde_json::Error,
    ) -> Result<Vec<u8>, String> {
        if !self.set.is_empty() {
            return Err(format!("it cannot be read whole ({error}), so --set cannot change it: change the file"));
        }
        let renewed = provider.renewed(body, now, &random::attempt_id().to_string()[..12]);
        renewed.ok_or_else(|| {
            format!(
                "it cannot be read whole ({error}), and no id that --fresh could replace was found: send it without"
            )
        })
    }

    /// Another payment, or another sum, has another charge behind it. One that somebody chose, or of a real account, stays.
    fn recharge(&self, event: &mut Value) {
        let is_set = self.set.iter().any(|set| set.starts_with("/data/object/latest_charge="));
        let Some(object) = event.pointer_mut("/data/object").filter(|_| !is_set) else { return };
        if object["latest_charge"].as_str().and_then(Charge::of).is_some() {
            let own_group = object["transfer_group"].as_str().map(str::to_owned);
            object["latest_charge"] = charge_of(object, own_group.as_deref()).into();
        }
    }
}

fn put(event: &mut Value, pointer: &str, value: Value) -> Result<(), String> {
    let place = event.pointer_mut(pointer).ok_or_else(|| format!("there is nothing at {pointer}"))?;
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripe() -> Provider {
        signer(&Setup::sandbox().unwrap(), "stripe", None).unwrap().0
    }

    const FILE: &[u8] = br#"{ "id": "evt_1", "created": 1, "data": { "object": { "id": "pi_1", "amount": 5 } } }"#;

    fn applied(fresh: bool, set: &[&str]) -> Result<Value, String> {
        let changes = Changes { fresh, set: set.iter().map(|text| (*text).to_owned()).collect() };
        changes.apply(FILE.to_vec(), 7_000, &stripe()).map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn sends_a_file_byte_for_byte() {
        assert_eq!(Changes::default().apply(FILE.to_vec(), 7_000, &stripe()).unwrap(), FILE);
        assert_eq!(Changes::default().apply(b"no JSON".to_vec(), 7_000, &stripe()).unwrap(), b"no JSON");
    }

    #[test]
    fn fresh_events_have_ids_of_their_own() {
        let (one, other) = (applied(true, &[]).unwrap(), applied(true, &[]).unwrap());
        assert_ne!(one["id"], other["id"]);
        assert_ne!(one["data"]["object"]["id"], other["data"]["object"]["id"]);
        assert_eq!(one["created"], 7);
    }

    /// Half a surrogate pair is no text, and serde_json reads nothing of its whole file.
    #[test]
    fn a_file_with_an_odd_part_is_sent_with_fresh_ids_and_nothing_else_changed() {
        const ODD: &str = r#"{"id": "evt_1", "type": "payment_intent.succeeded", "created": 1, "n": 17, "s": [1],
            "data": {"object": {"id": "pi_1", "note": "\"pi_1\"", "description": "Chair \ud83d"}}}"#;
        let fresh = Changes { fresh: true, set: vec![] };
        let sent = || String::from_utf8(fresh.apply(ODD.into(), 7_000, &stripe()).unwrap()).unwrap();
        let (one, other) = (sent(), sent());
        assert_ne!(one, other);
        let id = one.split_once("evt_1").unwrap().1.split('"').next().unwrap();
        let expected = ODD
            .replace("\"evt_1\"", &format!("\"evt_1{id}\""))
            .replace("\"id\": \"pi_1\"", &format!("\"id\": \"pi_1{id}\""));
        assert_eq!(one, expected.replace("\"created\": 1,", "\"created\": 7,"));
        let set = Changes { fresh: true, set: vec!["/id=evt_2".to_owned()] };
        assert!(set.apply(ODD.into(), 7_000, &stripe()).unwrap_err().contains("cannot be read whole"));
        assert!(fresh.apply(b"no JSON".to_vec(), 7_000, &stripe()).unwrap_err().contains("send it without"));
    }

    #[test]
    fn changed_payment_names_a_charge_of_its_own() {
        let mut event: Value = serde_json::from_slice(FILE).unwrap();
        event["data"]["object"]["amount_received"] = 5.into();
        event["data"]["object"]["currency"] = "eur".into();
        event["data"]["object"]["latest_charge"] = "ch_1_5eur".into();
        let applied = |set: &[&str]| {
            let changes = Changes { fresh: true, set: set.iter().map(|text| (*text).to_owned()).collect() };
            let body = changes.apply(event.to_string().into_bytes(), 7_000, &stripe()).unwrap();
            let object = serde_json::from_slice::<Value>(&body).unwrap()["data"]["object"].clone();
            (
                object["id"].as_str().unwrap()["pi_".len()..].to_owned(),
                object["latest_charge"].as_str().unwrap().to_owned(),
            )
        };
        let (id, charge) = applied(&["/data/object/amount_received=900"]);
        assert_eq!(charge, format!("ch_{id}_900eur"));
        assert_eq!(applied(&["/data/object/latest_charge=ch_2_7usd"]).1, "ch_2_7usd");
    }

    #[test]
    fn sets_a_value_at_its_pointer_with_its_type() {
        let event = applied(false, &["/data/object/amount=900", "/data/object/id=pi_2"]).unwrap();
        assert_eq!(event["data"]["object"]["amount"], 900);
        assert_eq!(event["data"]["object"]["id"], "pi_2");
        assert!(applied(false, &["/data/nowhere=1"]).unwrap_err().contains("/data/nowhere"));
        assert!(applied(false, &["amount"]).is_err());
    }

    #[test]
    fn written_delivery_keeps_its_bytes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{ \"id\": \"evt_1\",\n \"x\": \"\\\\ü\" }").unwrap();
        let delivery = sign(
            file.path(),
            "stripe",
            Some("whsec_planted".to_owned()),
            &Changes::default(),
            &Setup::sandbox().unwrap(),
        )
        .unwrap();
        let event: Value = serde_json::from_str(&delivery.written(Form::Event, "").unwrap()).unwrap();
        assert_eq!(event["body"].as_str().unwrap().as_bytes(), delivery.body);
        assert!(event["headers"]["stripe-signature"].as_str().unwrap().starts_with("t="));
        let curl = delivery.written(Form::Curl, "https://pay.example/webhooks/stripe/x").unwrap();
        assert!(curl.starts_with("url = \"https://pay.example/webhooks/stripe/x\"\n"), "{curl}");
        assert!(curl.ends_with(r#"data-binary = "{ \"id\": \"evt_1\",\n \"x\": \"\\\\ü\" }""#), "{curl}");
        assert!(!curl.contains("whsec_planted"));
    }

    #[test]
    fn reads_host_and_port_of_a_plain_http_url() {
        assert_eq!(host_and_port("http://127.0.0.1:4242/").as_deref(), Some("127.0.0.1:4242"));
        assert_eq!(host_and_port("http://localhost").as_deref(), Some("localhost:80"));
        for wrong in ["", "127.0.0.1:4242", "https://127.0.0.1", "http://", "http://a/b"] {
            assert_eq!(host_and_port(wrong), None, "{wrong}");
        }
    }
}
