//! A rule, compiled and checked once at start, and applied to one event. Problems name the rule and the pointer, never a
//! value: they are written into cases and logs.

mod explain;
mod limit;

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::exponents::{ExponentError, Table};
use payonce_protocol::money::{Currency, Money, MoneyError};
use payonce_protocol::order::{Destination, Mode, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_protocol::release::Derivation;
use regex_lite::Regex;
use serde_json::Value;

use crate::config::{Formerly, Rule, duration_ms};
use crate::event::ParsedEvent;
use crate::pointer::Pointer;
use crate::preset::{AmountAs, Preset};
use crate::provider::{RouteContext, is_name};
use crate::sender::Sender;
use crate::when::{self, Asks, Condition};

use self::limit::{Limit, Within};

const MAX_KEY_POINTERS: usize = 8;
/// Each costs a read of the audit table for every event.
pub(crate) const MAX_FORMER: usize = 4;
const MAX_RAIL_FIELDS: usize = 16;
const MAX_RAIL_FIELD_BYTES: usize = 128;

/// Errors of one provider's table, each with its path.
pub(crate) struct Problems {
    pub path: String,
    pub found: Vec<ConfigError>,
}

impl Problems {
    pub fn add(&mut self, field: &str, problem: impl ToString) {
        self.found.push(ConfigError::new(field, problem.to_string()).below(&self.path));
    }

    pub(crate) fn pointer(&mut self, field: &str, text: &str) -> Option<Pointer> {
        Pointer::parse(text).map_err(|problem| self.add(field, problem)).ok()
    }
}

/// Why an event that asks for a payout gets a case instead, with what could be read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub reason: Reason,
    /// Names the rule and the place in the event, never a value.
    pub problem: String,
    pub key: Option<PayoutKey>,
    pub money: Option<Money>,
    pub destination: Option<Destination>,
    /// One case for all events that share this, where it is not one for each event.
    pub shared: Option<Vec<String>>,
    /// The order as it is but for its limit, which two people may lift; nothing else is wrong with it.
    pub lifted: Option<Box<PayoutOrder>>,
}

impl Misfit {
    pub fn new(reason: Reason, problem: impl Into<String>) -> Self {
        Self { reason, problem: problem.into(), key: None, money: None, destination: None, shared: None, lifted: None }
    }
}

#[derive(Debug)]
pub(crate) struct PayoutRule {
    /// As in the configuration: `payouts[0]`.
    name: String,
    pub event: String,
    pub key: Vec<Pointer>,
    pub former: Vec<Former>,
    /// Of the configuration, with what the type's other rules know.
    pub when: Vec<Condition>,
    amount: Pointer,
    amount_as: AmountAs,
    currency: CurrencyFrom,
    destination: Pointer,
    limit: Limit,
    destination_pattern: Regex,
    pub paid_from: Option<UnixMillis>,
    /// Nothing without a signed time grows old.
    pub max_age_ms: u64,
    rail_fields: BTreeMap<String, Pointer>,
    created: Option<Pointer>,
    /// An event may lack its time.
    is_dated_only_sometimes: bool,
    sender: Sender,
    /// Of the preset.
    asks_when: Vec<Condition>,
    exponents: &'static Table,
}

/// How an earlier rule derived the key.
#[derive(Debug)]
pub(crate) struct Former {
    pub namespace: String,
    pub event: String,
    pub key: Vec<Pointer>,
}

#[derive(Debug)]
enum CurrencyFrom {
    Event(Pointer),
    Always(Currency),
}

impl PayoutRule {
    /// `None` when something was wrong; what, is in `problems`.
    /// `mode` is the configured one, where the provider's events do not say it.
    pub fn compile(
        index: usize,
        rule: &Rule,
        preset: &'static Preset,
        mode: Option<Mode>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let name = format!("payouts[{index}]");
        let field = |field: &str| format!("{name}.{field}");
        let before = problems.found.len();
        if let Some(why) = preset.no_amount {
            problems.add(&field("amount"), why);
        }
        let signed = |problems: &mut Problems, name: &str, text: &str| {
            if preset.signed_fields.is_some_and(|fields| text.starts_with('/') && !fields.contains(&text)) {
                let fields = preset.signed_fields.unwrap_or_default().join(", ");
                problems.add(&field(name), format!("is not signed by the provider; there are {fields}"));
            }
        };
        rule.key.as_slice().iter().for_each(|text| signed(problems, "key", text));
        rule.formerly
            .iter()
            .flat_map(|former| former.key.as_slice())
            .for_each(|text| signed(problems, "formerly", text));
        rule.when.keys().for_each(|text| signed(problems, "when", text));
        rule.rail_fields.values().for_each(|text| signed(problems, "rail_fields", text));
        for (name, text) in [("amount", &rule.amount), ("currency", &rule.currency), ("destination", &rule.destination)]
        {
            signed(problems, name, text);
        }
        if rule.event.is_empty() || rule.event == "*" {
            problems.add(&field("event"), "name one event type, exactly");
        }
        let key = pointers(&field("key"), rule.key.as_slice(), problems);
        if rule.formerly.len() > MAX_FORMER {
            problems.add(&field("formerly"), format!("there are more than {MAX_FORMER}"));
        }
        let former = former_rules(&name, &rule.formerly, problems);
        let when = rule.when.iter().filter_map(|(text, expected)| {
            if let Some(problem) = expected.problem() {
                problems.add(&field(&format!("when.{text}")), problem);
            }
            Some(Condition::new(problems.pointer(&field("when"), text)?, expected))
        });
        let when = when.collect();
        let limit = Limit::compile(&name, rule, preset, problems);
        if rule.rail_fields.len() > MAX_RAIL_FIELDS {
            problems.add(&field("rail_fields"), format!("there are more than {MAX_RAIL_FIELDS}"));
        }
        let rail_fields = rule
            .rail_fields
            .iter()
            .filter_map(|(name, text)| {
                Some((name.clone(), problems.pointer(&field(&format!("rail_fields.{name}")), text)?))
            })
            .collect();
        let paid_from = rule.paid_from.as_ref().and_then(|moment| {
            if preset.created.is_none() {
                problems.add(&field("paid_from"), "no time stands in what this provider signs");
            }
            let millis = moment.millis();
            if millis.is_none() {
                problems.add(&field("paid_from"), "write a time with its offset, such as 2026-12-01T00:00:00Z");
            }
            millis
        });
        let max_age_ms = max_age(&field("max_age"), rule.max_age.as_deref(), preset, problems);
        let destination_pattern = match rule.destination_pattern.as_deref().or(preset.destination_pattern) {
            Some(pattern) => {
                whole(pattern).map_err(|problem| problems.add(&field("destination_pattern"), problem)).ok()
            }
            None => {
                problems.add(
                    &field("destination_pattern"),
                    "is missing: say what a payee looks like, such as ^acct_[A-Za-z0-9]+$",
                );
                None
            }
        };
        let amount = problems.pointer(&field("amount"), &rule.amount);
        let currency = if rule.currency.starts_with('/') {
            problems.pointer(&field("currency"), &rule.currency).map(CurrencyFrom::Event)
        } else {
            let known = rule.currency.parse().ok().filter(|code| preset.exponents.get(*code).is_some());
            if known.is_none() {
                problems.add(&field("currency"), "is neither a JSON pointer nor a currency whose unit is known here");
            }
            known.map(CurrencyFrom::Always)
        };
        let destination = problems.pointer(&field("destination"), &rule.destination);
        let compiled = Self {
            event: rule.event.clone(),
            key,
            former,
            when,
            amount: amount?,
            amount_as: rule.amount_as.unwrap_or(preset.amount),
            currency: currency?,
            destination: destination?,
            limit,
            destination_pattern: destination_pattern?,
            paid_from,
            max_age_ms,
            rail_fields,
            is_dated_only_sometimes: preset.created.is_some_and(|created| created.is_optional),
            created: preset.created.and_then(|created| Pointer::parse(created.at).ok()),
            sender: Sender::new(preset, mode, rule.allow_connected_accounts)?,
            asks_when: preset
                .asks_when
                .iter()
                .filter_map(|(at, pays, not)| Some(Condition::of_texts(Pointer::parse(at).ok()?, pays, not)))
                .collect(),
            exponents: preset.exponents,
            name,
        };
        (problems.found.len() == before).then_some(compiled)
    }

    pub fn asks(&self, event: &ParsedEvent) -> Asks {
        when::asks(self.asks_when.iter().chain(&self.when), &event.body)
    }

    /// Nobody knows whether the event asks. One case for this rule and problem, with what can be read of its first event.
    pub fn cannot_tell(&self, provider: &str, namespace: &str, event: &ParsedEvent, place: &str, why: &str) -> Misfit {
        let problem = format!("{}: {place} {why}", self.name);
        let shared = vec![provider.to_owned(), self.name.clone(), problem.clone()];
        let misfit = Misfit { shared: Some(shared), ..Misfit::new(Reason::InvalidEvent, problem) };
        self.filled(misfit, namespace, event)
    }

    /// With what the event says well of the payout.
    pub fn filled(&self, misfit: Misfit, namespace: &str, event: &ParsedEvent) -> Misfit {
        Misfit {
            key: self.payout_key(namespace, &self.key, event).ok(),
            money: self.asked(event).ok(),
            destination: self.destination(event).ok(),
            ..misfit
        }
    }

    pub fn order(
        &self,
        namespace: &str,
        event: &ParsedEvent,
        context: &RouteContext,
    ) -> Result<PayoutOrder, Box<Misfit>> {
        let key = self.payout_key(namespace, &self.key, event);
        // A case bears whatever its event says well, also when something else in it is wrong.
        let misfit = |reason, problem: String| {
            Box::new(Misfit {
                key: key.clone().ok(),
                money: self.asked(event).ok(),
                destination: self.destination(event).ok(),
                ..Misfit::new(reason, problem)
            })
        };
        let invalid = |problem| misfit(Reason::InvalidEvent, problem);

        match (&self.created, event.created_at, context.paid_from) {
            (Some(_), Some(created_at), Some(paid_from)) if created_at < paid_from => {
                let problem = self.says_of(self.created.as_ref(), "lies before paid_from");
                return Err(misfit(Reason::BeforeCutover, problem));
            }
            (Some(created), Some(at), _) if context.now.saturating_sub(at) > self.max_age_ms => {
                return Err(misfit(Reason::StaleEvent, self.says(created, "lies longer ago than max_age")));
            }
            (Some(created), None, _) if !self.is_undated(created, event) => {
                return Err(invalid(self.says(created, "is no time")));
            }
            (Some(created), None, _) if context.files_undated || self.paid_from.is_some() => {
                let problem = self.says(created, "is missing, and it may be from before paid_from");
                return Err(misfit(Reason::BeforeCutover, problem));
            }
            (None, ..) if context.files_undated => {
                let problem = format!("{}: no time is signed, and it may be from before paid_from", self.name);
                return Err(misfit(Reason::BeforeCutover, problem));
            }
            _ => {}
        }
        let key_found = key.clone().map_err(invalid)?;
        self.sender.check(&self.name, event, context.rail_mode).map_err(|stranger| invalid(stranger.problem()))?;
        let order = PayoutOrder {
            key: key_found,
            event: event.id.clone(),
            money: self.asked(event).map_err(invalid)?,
            destination: self.destination(event).map_err(invalid)?,
            rail_fields: self.rail_fields(event).map_err(invalid)?,
            former_keys: self.former_keys(event).map_err(invalid)?,
        };
        // Last, so that nothing else is wrong with what only the limit refuses.
        match self.limit.of(&order.money) {
            Within::Limit => Ok(order),
            Within::Nothing(problem) => Err(invalid(self.says(&self.amount, problem))),
            Within::Approval(problem) => {
                let misfit = invalid(self.says(&self.amount, problem));
                Err(Box::new(Misfit { lifted: Some(Box::new(order)), ..*misfit }))
            }
        }
    }

    /// An earlier rule for this type that finds no key in the event claimed nothing for it. What another type's rule claimed
    /// must be found.
    fn former_keys(&self, event: &ParsedEvent) -> Result<Vec<PayoutKey>, String> {
        let derived = self.former.iter().map(|former| {
            let key = self.payout_key(&former.namespace, &former.key, event);
            if former.event == self.event { Ok(key.ok()) } else { key.map(Some) }
        });
        derived.filter_map(Result::transpose).collect()
    }

    fn payout_key(&self, namespace: &str, key: &[Pointer], event: &ParsedEvent) -> Result<PayoutKey, String> {
        derived_key(&self.name, namespace, key, event)
    }

    /// Its provider writes a time into some events only, and not into this one.
    fn is_undated(&self, created: &Pointer, event: &ParsedEvent) -> bool {
        self.is_dated_only_sometimes && created.of(&event.body).is_none_or(Value::is_null)
    }

    /// What the event asks for, whether it may be paid or not.
    fn asked(&self, event: &ParsedEvent) -> Result<Money, String> {
        let currency: Currency = match &self.currency {
            CurrencyFrom::Always(currency) => *currency,
            CurrencyFrom::Event(pointer) => self
                .text(pointer, event)?
                .parse()
                .map_err(|problem| self.says(pointer, &format!("is no currency: {problem}")))?,
        };
        let found = self.amount.of(&event.body);
        let not = |what: &str| self.says(&self.amount, what);
        if found.is_none() {
            return Err(not("is missing"));
        }
        let minor = match self.amount_as {
            AmountAs::Minor => found.and_then(Value::as_u64).ok_or_else(|| not("is not a whole number above zero"))?,
            AmountAs::MinorText => found
                .and_then(Value::as_str)
                .and_then(digits)
                .ok_or_else(|| not("is not a text of digits above zero"))?,
            AmountAs::Decimal => {
                let (minor, places) = found.and_then(decimal).ok_or_else(|| not("is not a decimal amount"))?;
                let unit = self.exponents.get(currency).ok_or_else(|| not(&ExponentError::Unlisted.to_string()))?;
                let money = Money::new(minor, places, currency).and_then(|money| money.with_exponent(unit.digits));
                let money = money.map_err(|problem| match problem {
                    MoneyError::Inexact(_) => not(&format!("has more decimals than {currency}")),
                    other => not(&other.to_string()),
                });
                money?.minor()
            }
        };
        self.exponents.money(minor, currency).map_err(|problem| not(&problem.to_string()))
    }

    fn destination(&self, event: &ParsedEvent) -> Result<Destination, String> {
        let destination = Destination::new(self.text(&self.destination, event)?)
            .map_err(|problem| self.says(&self.destination, &format!("cannot be used: {problem}")))?;
        if !self.destination_pattern.is_match(destination.as_str()) {
            return Err(self.says(&self.destination, "does not match destination_pattern"));
        }
        Ok(destination)
    }

    fn rail_fields(&self, event: &ParsedEvent) -> Result<BTreeMap<String, String>, String> {
        let field = |(name, pointer): (&String, &Pointer)| {
            let text = self.text(pointer, event)?;
            let fits = !text.is_empty()
                && text.len() <= MAX_RAIL_FIELD_BYTES
                && text.bytes().all(|byte| byte.is_ascii_graphic());
            if !fits {
                return Err(self.says(pointer, "is not a short text of visible ASCII"));
            }
            Ok((name.clone(), text.to_owned()))
        };
        self.rail_fields.iter().map(field).collect()
    }

    fn text<'e>(&self, pointer: &Pointer, event: &'e ParsedEvent) -> Result<&'e str, String> {
        pointer.of(&event.body).and_then(Value::as_str).ok_or_else(|| self.says(pointer, "is missing, or not a text"))
    }

    fn says_of(&self, pointer: Option<&Pointer>, problem: &str) -> String {
        pointer.map_or_else(|| format!("{}: {problem}", self.name), |pointer| self.says(pointer, problem))
    }

    fn says(&self, pointer: &Pointer, problem: &str) -> String {
        format!("{}: {} {problem}", self.name, pointer.as_str())
    }
}

pub(crate) fn key_part(pointer: &Pointer, event: &ParsedEvent) -> Option<String> {
    match pointer.of(&event.body)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|number| number.to_string()),
        _ => None,
    }
}

/// The key that other rules derive. `None`: they find none in this event, and so claimed nothing for it.
pub(crate) fn key_by(derivation: &Derivation, event: &ParsedEvent) -> Option<PayoutKey> {
    let part = |text: &String| key_part(&Pointer::parse(text).ok()?, event);
    let parts = derivation.key.iter().map(part).collect::<Option<Vec<String>>>()?;
    PayoutKey::from_parts(&derivation.namespace, parts.iter().map(String::as_str)).ok()
}

/// `rule` is the rule's name in the configuration.
pub(crate) fn derived_key(
    rule: &str,
    namespace: &str,
    key: &[Pointer],
    event: &ParsedEvent,
) -> Result<PayoutKey, String> {
    let parts = key.iter().map(|pointer| {
        key_part(pointer, event)
            .ok_or_else(|| format!("{rule}: {} is missing, or neither a text nor a whole number", pointer.as_str()))
    });
    let parts = parts.collect::<Result<Vec<String>, String>>()?;
    PayoutKey::from_parts(namespace, parts.iter().map(String::as_str))
        .map_err(|problem| format!("{rule}.key: {problem}"))
}

pub(crate) fn former_rules(rule: &str, formerly: &[Formerly], problems: &mut Problems) -> Vec<Former> {
    let former = formerly.iter().enumerate().map(|(index, former)| {
        let path = format!("{rule}.formerly[{index}]");
        if !is_name(&former.namespace) {
            problems.add(&format!("{path}.namespace"), "up to 32 of a-z, A-Z, 0-9, `_`, `-`");
        }
        let key = pointers(&format!("{path}.key"), former.key.as_slice(), problems);
        Former { namespace: former.namespace.clone(), event: former.event.clone(), key }
    });
    former.collect()
}

fn max_age(path: &str, text: Option<&str>, preset: &Preset, problems: &mut Problems) -> u64 {
    let Some(text) = text else { return preset.max_age_ms() };
    if preset.created.is_none() {
        problems.add(path, "no time stands in what this provider signs");
    }
    duration_ms(text).unwrap_or_else(|| {
        problems.add(path, "write a duration such as 96h");
        u64::MAX
    })
}

pub(crate) fn pointers(path: &str, texts: &[String], problems: &mut Problems) -> Vec<Pointer> {
    if texts.is_empty() || texts.len() > MAX_KEY_POINTERS {
        problems.add(path, format!("give 1 to {MAX_KEY_POINTERS} JSON pointers"));
    }
    texts.iter().filter_map(|text| problems.pointer(path, text)).collect()
}

/// Canonical digits: no sign, no leading zero.
fn digits(text: &str) -> Option<u64> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| text.parse().ok()).flatten()
}

/// `"10.50"`, or the number 10.5, as 1050 and 2 places. A number is taken as it would be written shortest; with more than
/// fifteen digits that need not be what was sent.
fn decimal(value: &Value) -> Option<(u64, u8)> {
    const MAX_PLACES: usize = 8;
    const EXACT_DIGITS: usize = 15;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    let canonical = !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && (places.is_empty() != text.contains('.'))
        && places.len() <= MAX_PLACES
        && whole.bytes().chain(places.bytes()).all(|byte| byte.is_ascii_digit())
        && (value.is_string() || whole.len() + places.len() <= EXACT_DIGITS);
    let minor = canonical.then(|| format!("{whole}{places}").parse().ok()).flatten()?;
    Some((minor, u8::try_from(places.len()).ok()?))
}

/// The pattern as one that must match from the first byte to the last.
fn whole(pattern: &str) -> Result<Regex, String> {
    // On its own first, so that `a)|(b` cannot close the group around it.
    Regex::new(pattern).and_then(|_| Regex::new(&format!(r"\A(?:{pattern})\z"))).map_err(|error| error.to_string())
}
