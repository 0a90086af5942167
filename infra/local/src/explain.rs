//! `payonce explain`: what becomes of one delivery, step by step, without sending or writing anything. Each step is taken by the
//! code that the webhook takes it with; here it is only told. Values of the file are shown, as it is its owner's terminal.

mod hints;
mod words;

use std::collections::BTreeSet;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use payonce_protocol::UnixMillis;
use payonce_protocol::order::PayoutKey;
use payonce_providers::explain::{ConditionShown, Found, RuleShown};
use payonce_providers::{ParsedEvent, Provider, Refused, Secrets};
use payonce_rails::{Rail, RailSecret};
use payonce_runtime::config::Config;
use payonce_runtime::start::StartError;
use serde::Serialize;
use serde_json::{Value, json};

use self::hints::hints;
use crate::foreseen::{Foreseen, barred};
use crate::given;
use crate::send::signer;
use crate::setup::Setup;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is asked about.
pub struct Asked<'a> {
    pub file: &'a Path,
    pub provider: &'a str,
    /// As received, `Name: value`; without one the file is signed with the test secret.
    pub headers: &'a [String],
    pub secret: Option<String>,
}

/// One delivery, explained.
#[derive(Debug, Serialize)]
pub struct Explained {
    pub file: String,
    pub provider: String,
    pub mode: Value,
    pub signature: Signature,
    /// Why the body cannot be read at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    pub events: Vec<Event>,
    /// Of pointers that find nothing, those that were likely meant.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hints: BTreeSet<String>,
    pub answer: Answer,
}

#[derive(Debug, Serialize)]
pub struct Signature {
    /// `verifies`, or why not.
    pub result: String,
    pub verifies: bool,
    pub header: String,
    pub signed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    pub secrets: Vec<String>,
    pub note: String,
}

#[derive(Debug, Default, Serialize)]
pub struct Event {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    pub id: Option<Place>,
    #[serde(rename = "type")]
    pub event_type: Option<Place>,
    pub time: Option<Place>,
    /// Those that name its type.
    pub rules: Vec<Rule>,
    pub rule: String,
    pub key: Option<String>,
    pub amount_in: Option<String>,
    pub amount_out: Option<String>,
    pub payee: Option<String>,
    pub request: Option<Request>,
    /// `paid`, `no_payout` or `case`.
    pub outcome: &'static str,
    pub reason: Option<String>,
    pub problem: Option<String>,
}

/// A value, and where it is from.
#[derive(Debug, Serialize)]
pub struct Place {
    pub value: String,
    pub from: String,
}

#[derive(Debug, Serialize)]
pub struct Rule {
    pub name: String,
    pub asks: bool,
    pub tells: bool,
    pub when: Vec<Condition>,
    pub key: Vec<Place>,
    pub amount: Place,
    pub amount_as: &'static str,
    pub currency: Place,
    pub destination: Place,
    pub rail_fields: Vec<(String, Place)>,
}

#[derive(Debug, Serialize)]
pub struct Condition {
    pub at: String,
    pub needs: String,
    pub found: String,
    pub matches: bool,
    pub says: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Debug, Serialize)]
pub struct Answer {
    pub status: u16,
    pub says: String,
}

impl Explained {
    /// It would be paid, or asks for nothing. What bars its own payout asks for one.
    pub fn is_well(&self) -> bool {
        self.answer.status == 200
            && self.unreadable.is_none()
            && self.events.iter().all(|event| event.outcome != "case" && !event.bars_itself())
    }
}

pub fn explain(asked: &Asked<'_>, setup: &Setup, now: UnixMillis) -> Result<Explained, Failure> {
    let read = given::read(asked.file)?;
    let config = setup.as_written().map_err(StartError::Config)?;
    let (provider, secrets) = signer(setup, asked.provider, asked.secret.clone())?;
    let rail = rail(&config, setup)?;
    let (body, headers) = match asked.headers {
        [] => {
            let sealed = provider.seal(&secrets, &read).into_owned();
            let headers = provider.sign(&secrets, &sealed, now).into_iter().collect();
            (sealed, headers)
        }
        given => (read, parsed(given)?),
    };
    let mut explained = Explained {
        file: asked.file.display().to_string(),
        provider: provider.name().to_owned(),
        mode: json!({ "mode": rail.mode().as_str(), "by": setup.mode_by }),
        signature: Signature::of(&provider, setup, &config, asked),
        unreadable: None,
        events: vec![],
        hints: BTreeSet::new(),
        answer: Answer { status: 200, says: String::new() },
    };
    if body.len() > provider.max_body_bytes() {
        let says = format!("too large: {} bytes, and max_body_bytes is {}", body.len(), provider.max_body_bytes());
        explained.signature.result = "not looked at".to_owned();
        explained.answer = Answer { status: 413, says };
        return Ok(explained);
    }
    let verified = match checked(&provider, &secrets, &headers, &body, now) {
        Ok((verified, note)) => {
            explained.signature.verifies = true;
            explained.signature.result = "verifies".to_owned();
            explained.signature.note.push_str(&note);
            verified
        }
        Err(refused) => {
            explained.signature.result = format!("refused: {refused}");
            let says = "nothing is read, written or asked: not signed by the provider".to_owned();
            explained.answer = Answer { status: 401, says };
            return Ok(explained);
        }
    };
    let whole: Value = serde_json::from_slice(&body).unwrap_or_default();
    match provider.events(&verified) {
        Ok(events) => {
            let barred = barred(&provider, &rail, events.iter().flatten());
            for event in events {
                explained.events.push(match event {
                    Ok(event) => {
                        explained.hints.extend(hints(&provider.rules_shown(&event), "", &whole));
                        Event::of(&provider, &rail, &config, &event, &barred)
                    }
                    Err(misfit) => {
                        explained.hints.extend(hints(&[], &misfit.to_string(), &whole));
                        Event::unreadable(misfit.to_string())
                    }
                });
            }
        }
        Err(misfit) => {
            explained.hints.extend(hints(&[], &misfit.to_string(), &whole));
            explained.unreadable = Some(misfit.to_string());
        }
    }
    explained.answer.says = words::answer(&explained);
    Ok(explained)
}

/// As the sender's own moment saw it, where the headers name one that is over.
fn checked<'b>(
    provider: &Provider,
    secrets: &Secrets,
    headers: &HeaderMap,
    body: &'b [u8],
    now: UnixMillis,
) -> Result<(payonce_providers::Verified<'b>, String), Refused> {
    match provider.verify(secrets, headers, body, now) {
        Err(Refused::Stale | Refused::Future) => {
            let signed_at = provider.signed_at(headers).ok_or(Refused::MalformedSignature)?;
            let verified = provider.verify(secrets, headers, body, signed_at)?;
            let note = format!("; as of {}: sent now, it would be refused for its age", words::moment(signed_at));
            Ok((verified, note))
        }
        settled => settled.map(|verified| (verified, String::new())),
    }
}

fn parsed(headers: &[String]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::new();
    for text in headers {
        let (name, value) = text.split_once(':').ok_or_else(|| format!("--header '{text}': write 'Name: value'"))?;
        map.append(HeaderName::try_from(name.trim())?, HeaderValue::try_from(value.trim())?);
    }
    Ok(map)
}

/// The configured rail with test values for secrets: it prepares requests, and sends none.
fn rail(config: &Config, setup: &Setup) -> Result<Rail, Failure> {
    let secret = RailSecret::new(setup.value(config.rail_secret())).ok_or("rail.secret cannot be used")?;
    Ok(Rail::new(&config.rail, secret, None, None)?)
}

impl Signature {
    fn of(provider: &Provider, setup: &Setup, config: &Config, asked: &Asked<'_>) -> Self {
        let shown = provider.signature_shown();
        let held: Vec<_> =
            config.secrets(provider.name()).iter().filter_map(|reference| setup.held_as(reference)).cloned().collect();
        let name = |held: &crate::setup::Held| {
            let from = if held.made { "a test value" } else { "from the environment" };
            format!("{} ({from})", held.reference)
        };
        let given = asked.secret.is_some();
        let note = match (asked.headers, given) {
            ([], _) => "the file was signed here, as the provider would".to_owned(),
            (_, false) if held.iter().all(|held| held.made) => {
                "the headers were given; a test value fits no real signature, so set the variable or --secret"
                    .to_owned()
            }
            _ => "the headers were given".to_owned(),
        };
        let place = shown.header.map_or_else(|| "in the body".to_owned(), |header| format!("in the header {header}"));
        Self {
            result: String::new(),
            verifies: false,
            header: format!("{}, {}, {place}", shown.algorithm, shown.encoding),
            signed: shown.signed,
            time: shown.time.map(|(place, seconds)| format!("{place}, at most {seconds} s from our clock")),
            secrets: if given { vec!["--secret".to_owned()] } else { held.iter().map(name).collect() },
            note,
        }
    }
}

impl Event {
    fn unreadable(problem: String) -> Self {
        let reason = Some("invalid_event".to_owned());
        Self { unreadable: Some(problem.clone()), outcome: "case", reason, problem: Some(problem), ..Self::default() }
    }

    fn bars_itself(&self) -> bool {
        self.outcome == "barred" && self.rules.iter().any(|rule| rule.asks)
    }

    fn of(provider: &Provider, rail: &Rail, config: &Config, event: &ParsedEvent, barred: &[PayoutKey]) -> Self {
        let places = provider.places_shown();
        let rules: Vec<Rule> = provider.rules_shown(event).iter().map(Rule::of).collect();
        let named = config.providers.get(provider.name()).map(|of| of.payouts.as_slice()).unwrap_or_default();
        let named: Vec<&str> = named.iter().map(|rule| rule.event.as_str()).collect();
        let time = places
            .created
            .map(|from| Place { value: event.created_at.map_or_else(|| "is no time".to_owned(), words::moment), from });
        let mut told = Self {
            id: Some(Place { value: event.id.to_string(), from: places.id }),
            event_type: Some(Place { value: event.event_type.clone(), from: places.event_type }),
            time,
            rule: words::rule(provider.name(), &event.event_type, &rules, &named),
            rules,
            ..Self::default()
        };
        // As it comes from its provider, at once.
        let comes_at = event.created_at.unwrap_or_default();
        match Foreseen::of(provider, rail, event, comes_at, barred) {
            Foreseen::Pays { order, prepared } => {
                told.outcome = "paid";
                told.key = Some(order.key.to_string());
                told.amount_in = Some(order.money.to_string());
                let out = prepared.money();
                told.amount_out = Some(format!("{out}  {} in the rail's smallest unit", out.minor()));
                told.payee = Some(order.destination.to_string());
                let shown = rail.shown(&prepared);
                told.request = Some(Request {
                    method: shown.method,
                    url: format!("{}{}", config.rail.url.trim_end_matches('/'), shown.path),
                    headers: shown.headers,
                    body: shown.body,
                });
            }
            Foreseen::Nothing(why) => {
                told.outcome = "no_payout";
                told.problem = Some(words::no_payout(why).to_owned());
            }
            Foreseen::Bars(key) => {
                told.outcome = "barred";
                told.rule = format!("a block of providers.{} names {}", provider.name(), event.event_type);
                told.key = Some(key.to_string());
                let asks =
                    if told.bars_itself() { "a rule asks for a payout by this event, and none is made: " } else { "" };
                told.problem = Some(format!("{asks}the payout {key} is barred; a case, where it was begun"));
            }
            Foreseen::Case(misfit) => {
                told.outcome = "case";
                told.reason = Some(misfit.reason.to_string());
                told.problem = Some(misfit.problem);
                told.key = misfit.key.map(|key| key.to_string());
                told.amount_in = misfit.money.map(|money| money.to_string());
                told.payee = misfit.destination.map(|payee| payee.to_string());
            }
        }
        told
    }
}

impl Rule {
    fn of(shown: &RuleShown) -> Self {
        let place = |found: &Found| Place {
            value: found.value.as_ref().map_or_else(
                || if found.at.starts_with('/') { "nothing".to_owned() } else { "as the rule says".to_owned() },
                words::value,
            ),
            from: found.at.clone(),
        };
        Self {
            name: shown.name.clone(),
            asks: shown.asks,
            tells: shown.tells,
            when: shown.when.iter().map(Condition::of).collect(),
            key: shown.key.iter().map(place).collect(),
            amount: place(&shown.amount),
            amount_as: shown.amount_as,
            currency: place(&shown.currency),
            destination: place(&shown.destination),
            rail_fields: shown.rail_fields.iter().map(|(name, found)| (name.clone(), place(found))).collect(),
        }
    }
}

impl Condition {
    fn of(shown: &ConditionShown) -> Self {
        Self {
            at: shown.at.clone(),
            needs: shown.needs.clone(),
            found: shown.found.as_ref().map_or_else(|| "nothing".to_owned(), words::value),
            matches: shown.holds,
            says: shown.says,
        }
    }
}
