//! A rule, compiled and checked once at start, and applied to one event. Problems name the rule and the pointer, never a
//! value: they are written into cases and logs.

use std::collections::BTreeMap;

use payonce_protocol::UnixMillis;
use payonce_protocol::exponents::Table;
use payonce_protocol::money::{Currency, Money};
use payonce_protocol::order::{Destination, Mode, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use regex_lite::Regex;
use serde_json::Value;

use crate::config::{ConfigError, Expected, Rule};
use crate::event::ParsedEvent;
use crate::pointer::Pointer;
use crate::preset::Preset;

const MAX_KEY_POINTERS: usize = 8;
const MAX_RAIL_FIELDS: usize = 16;
const MAX_RAIL_FIELD_BYTES: usize = 128;

/// Errors of one provider's table, each with its path.
pub(crate) struct Problems {
    pub path: String,
    pub found: Vec<ConfigError>,
}

impl Problems {
    pub fn add(&mut self, field: &str, problem: impl ToString) {
        self.found.push(ConfigError { path: format!("{}.{field}", self.path), problem: problem.to_string() });
    }

    fn pointer(&mut self, field: &str, text: &str) -> Option<Pointer> {
        Pointer::parse(text).map_err(|problem| self.add(field, problem)).ok()
    }
}

/// Why an event that asks for a payout gets a case instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub reason: Reason,
    pub problem: String,
    pub key: Option<PayoutKey>,
}

#[derive(Debug)]
pub(crate) struct PayoutRule {
    /// As in the configuration: `payouts[0]`.
    name: String,
    pub event: String,
    pub key: Vec<Pointer>,
    pub when: Vec<(Pointer, Expected)>,
    amount: Pointer,
    currency: Pointer,
    destination: Pointer,
    max_amount: BTreeMap<Currency, u64>,
    destination_pattern: Regex,
    pub paid_from: Option<UnixMillis>,
    rail_fields: BTreeMap<String, Pointer>,
    allow_connected_accounts: bool,
    created: Pointer,
    live: Pointer,
    account: Pointer,
    exponents: &'static Table,
}

impl PayoutRule {
    /// `None` when something was wrong; what, is in `problems`.
    pub fn compile(index: usize, rule: &Rule, preset: &'static Preset, problems: &mut Problems) -> Option<Self> {
        let name = format!("payouts[{index}]");
        let field = |field: &str| format!("{name}.{field}");
        let before = problems.found.len();
        if rule.event.is_empty() || rule.event == "*" {
            problems.add(&field("event"), "name one event type, exactly");
        }
        let key = rule.key.as_slice();
        if key.is_empty() || key.len() > MAX_KEY_POINTERS {
            problems.add(&field("key"), format!("give 1 to {MAX_KEY_POINTERS} JSON pointers"));
        }
        let key = key.iter().filter_map(|text| problems.pointer(&field("key"), text)).collect();
        let when = rule
            .when
            .iter()
            .filter_map(|(text, value)| Some((problems.pointer(&field("when"), text)?, value.clone())))
            .collect();
        let mut max_amount = BTreeMap::new();
        for (code, largest) in &rule.max_amount {
            let path = field(&format!("max_amount.{code}"));
            let money = code.parse().map_err(Into::into).and_then(|code| preset.exponents.money(*largest, code));
            match money {
                Ok(money) if max_amount.insert(money.currency(), *largest).is_some() => {
                    problems.add(&path, "this currency stands twice");
                }
                Ok(_) => {}
                Err(problem) => problems.add(&path, problem),
            }
        }
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
            let millis = moment.millis();
            if millis.is_none() {
                problems.add(&field("paid_from"), "write a time with its offset, such as 2026-12-01T00:00:00Z");
            }
            millis
        });
        let pattern = rule.destination_pattern.as_deref().unwrap_or(preset.destination_pattern);
        let destination_pattern =
            whole(pattern).map_err(|problem| problems.add(&field("destination_pattern"), problem)).ok();
        let amount = problems.pointer(&field("amount"), &rule.amount);
        let currency = problems.pointer(&field("currency"), &rule.currency);
        let destination = problems.pointer(&field("destination"), &rule.destination);
        let compiled = Self {
            event: rule.event.clone(),
            key,
            when,
            amount: amount?,
            currency: currency?,
            destination: destination?,
            max_amount,
            destination_pattern: destination_pattern?,
            paid_from,
            rail_fields,
            allow_connected_accounts: rule.allow_connected_accounts,
            created: Pointer::parse(preset.created_s).ok()?,
            live: Pointer::parse(preset.live).ok()?,
            account: Pointer::parse(preset.account).ok()?,
            exponents: preset.exponents,
            name,
        };
        (problems.found.len() == before).then_some(compiled)
    }

    pub fn asks(&self, event: &ParsedEvent) -> bool {
        self.event == event.event_type
            && self.when.iter().all(|(pointer, expected)| {
                pointer.of(&event.body).is_some_and(|found| match expected {
                    Expected::Boolean(expected) => found.as_bool() == Some(*expected),
                    Expected::Integer(expected) => found.as_i64() == Some(*expected),
                    Expected::Text(expected) => found.as_str() == Some(expected),
                })
            })
    }

    /// `paid_from` is the later one of the rule's and of the stack's.
    pub fn order(
        &self,
        namespace: &str,
        event: &ParsedEvent,
        rail_mode: Mode,
        paid_from: Option<UnixMillis>,
    ) -> Result<PayoutOrder, Misfit> {
        let key = self.payout_key(namespace, event);
        let misfit = |reason, problem| Misfit { reason, problem, key: key.clone().ok() };
        let invalid = |problem| misfit(Reason::InvalidEvent, problem);

        let created_at =
            event.created_at.ok_or_else(|| invalid(self.says(&self.created, "is not a time in seconds")))?;
        if paid_from.is_some_and(|paid_from| created_at < paid_from) {
            return Err(misfit(Reason::BeforeCutover, self.says(&self.created, "lies before paid_from")));
        }
        let key_found = key.clone().map_err(invalid)?;
        self.check_sender(event, rail_mode).map_err(invalid)?;
        Ok(PayoutOrder {
            key: key_found,
            event: event.id.clone(),
            money: self.money(event).map_err(invalid)?,
            destination: self.destination(event).map_err(invalid)?,
            rail_fields: self.rail_fields(event).map_err(invalid)?,
        })
    }

    fn payout_key(&self, namespace: &str, event: &ParsedEvent) -> Result<PayoutKey, String> {
        let parts = self.key.iter().map(|pointer| {
            match pointer.of(&event.body) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(number)) => number.as_u64().map(|number| number.to_string()),
                _ => None,
            }
            .ok_or_else(|| self.says(pointer, "is missing, or neither a text nor a whole number"))
        });
        let parts = parts.collect::<Result<Vec<String>, String>>()?;
        PayoutKey::from_parts(namespace, parts.iter().map(String::as_str))
            .map_err(|problem| format!("{}.key: {problem}", self.name))
    }

    /// Whose event it is, and whether real money moves in it.
    fn check_sender(&self, event: &ParsedEvent, rail_mode: Mode) -> Result<(), String> {
        let connected = self.account.of(&event.body).is_some_and(|account| !account.is_null());
        if connected && !self.allow_connected_accounts {
            return Err(
                self.says(&self.account, "is there: an event of a connected account, which the rule does not allow")
            );
        }
        let mode = match self.live.of(&event.body) {
            Some(Value::Bool(true)) => Mode::Live,
            Some(Value::Bool(false)) => Mode::Test,
            _ => return Err(self.says(&self.live, "is neither true nor false")),
        };
        if mode != rail_mode {
            return Err(self
                .says(&self.live, &format!("says another mode than the rail's key, which is {}", rail_mode.as_str())));
        }
        Ok(())
    }

    fn money(&self, event: &ParsedEvent) -> Result<Money, String> {
        let minor = self.amount.of(&event.body).and_then(Value::as_u64);
        let minor = minor.ok_or_else(|| self.says(&self.amount, "is not a whole number above zero"))?;
        let currency: Currency = self
            .text(&self.currency, event)?
            .parse()
            .map_err(|problem| self.says(&self.currency, &format!("is no currency: {problem}")))?;
        let money = self.exponents.money(minor, currency).map_err(|problem| {
            format!("{}: {} with {}: {problem}", self.name, self.amount.as_str(), self.currency.as_str())
        })?;
        match self.max_amount.get(&currency) {
            None if !self.max_amount.is_empty() => Err(self.says(&self.currency, "is in no max_amount")),
            Some(largest) if minor > *largest => Err(self.says(&self.amount, "is above max_amount")),
            _ => Ok(money),
        }
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

    fn says(&self, pointer: &Pointer, problem: &str) -> String {
        format!("{}: {} {problem}", self.name, pointer.as_str())
    }
}

/// The pattern as one that must match from the first byte to the last.
fn whole(pattern: &str) -> Result<Regex, String> {
    // On its own first, so that `a)|(b` cannot close the group around it.
    Regex::new(pattern).and_then(|_| Regex::new(&format!(r"\A(?:{pattern})\z"))).map_err(|error| error.to_string())
}
