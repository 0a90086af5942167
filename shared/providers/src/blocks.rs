//! Blocking events: those that say that a payment was given back or is disputed. They ask for no payout, they bar one.
//!
//! A bar under a wrong key only fails to bar, and pays nothing. So what derives it is not a part of what a person accepts.

use std::collections::BTreeMap;

use payonce_protocol::config::ConfigError;
use payonce_protocol::order::{EventId, Mode, PayoutKey};
use payonce_protocol::outcome::Reason;
use serde::Deserialize;

use crate::config::{Formerly, OneOrMore, ProviderConfig, Rule};
use crate::event::ParsedEvent;
use crate::pointer::Pointer;
use crate::preset::{Preset, TypeFrom};
use crate::provider::Routed;
use crate::rules::{Former, MAX_FORMER, Misfit, Problems, derived_key, former_rules, key_part, pointers};
use crate::same_payment::may_be_one;
use crate::sender::{Sender, Stranger};
use crate::when::{self, Asks, Condition, Expected};

/// A blocking event of a provider, as its documentation has it: the type, and where the id of the payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    pub event: &'static str,
    pub payment: &'static str,
    /// It says so only where this place holds this value, as TOML writes it.
    pub when: Option<(&'static str, &'static str)>,
    /// Where the id of the refund or dispute stands, which tells several events of one from those of another.
    pub subject: Option<&'static str>,
}

/// One `[[providers.X.blocks]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockConfig {
    pub event: String,
    /// Where the key of the payout stands that it bars.
    pub key: OneOrMore,
    /// Pointer → value, as in a rule. An event bars nothing only where a value says so that is known to.
    #[serde(default)]
    pub when: BTreeMap<String, Expected>,
    /// Where the refund or dispute is named, of which several events tell: they share one case.
    pub subject: Option<String>,
    /// How earlier rules derived the key of the same payout.
    #[serde(default)]
    pub formerly: Vec<Formerly>,
}

/// The payouts that an event bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub key: PayoutKey,
    pub former_keys: Vec<PayoutKey>,
    /// The provider's id of the refund or dispute. `None`: the event is all that is known of it.
    pub subject: Option<String>,
}

impl Block {
    /// With the keys that it has in every namespace that was ever accepted: a dispute comes months after its payment.
    pub fn all_former_keys(&self, namespaces: &[String]) -> Vec<PayoutKey> {
        let mut keys = self.former_keys.clone();
        let (_, parts) = self.key.as_str().split_once('/').unwrap_or_default();
        for namespace in namespaces {
            if let Ok(key) = PayoutKey::new(format!("{namespace}/{parts}"))
                && key != self.key
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        keys
    }
}

#[derive(Debug)]
pub(crate) struct BlockRule {
    /// As in the configuration: `blocks[0]`.
    name: String,
    pub event: String,
    key: Vec<Pointer>,
    former: Vec<Former>,
    /// The preset's, by which a refund that failed is told, and the configuration's, with what the type's rules and other
    /// blocks know.
    pub when: Vec<Condition>,
    subject: Option<Pointer>,
    sender: Sender,
}

impl BlockRule {
    /// `None` when something was wrong; what, is in `problems`.
    pub fn compile(
        index: usize,
        config: &ProviderConfig,
        block: &BlockConfig,
        preset: &Preset,
        problems: &mut Problems,
    ) -> Option<Self> {
        let name = format!("blocks[{index}]");
        let before = problems.found.len();
        let field = |field: &str| format!("{name}.{field}");
        if block.event.is_empty() || block.event == "*" {
            problems.add(&field("event"), "name one event type, exactly");
        }
        let formerly = block.formerly.iter().flat_map(|former| former.key.as_slice());
        for text in block.key.as_slice().iter().chain(formerly).chain(block.when.keys()).chain(&block.subject) {
            if preset.signed_fields.is_some_and(|fields| text.starts_with('/') && !fields.contains(&text.as_str())) {
                problems.add(&name, format!("{text} is not signed by the provider"));
            }
        }
        let key = pointers(&field("key"), block.key.as_slice(), problems);
        if block.formerly.len() > MAX_FORMER {
            problems.add(&field("formerly"), format!("there are more than {MAX_FORMER}"));
        }
        let former = former_rules(&name, &block.formerly, problems);
        let own = preset
            .asks_when
            .iter()
            .filter_map(|(at, asks, not)| Some(Condition::of_texts(Pointer::parse(at).ok()?, asks, not)));
        let written = block.when.iter().filter_map(|(text, expected)| {
            if let Some(problem) = expected.problem() {
                problems.add(&field(&format!("when.{text}")), problem);
            }
            Some(Condition::new(problems.pointer(&field("when"), text)?, expected))
        });
        let when = own.chain(written).collect();
        // Where a rule pays for connected accounts, or another table does, their refunds count.
        let allows = config.payouts.is_empty() || config.payouts.iter().any(|rule| rule.allow_connected_accounts);
        let sender = Sender::new(preset, config.mode.map(Mode::from), allows)?;
        let subject = block.subject.as_ref().and_then(|text| problems.pointer(&field("subject"), text));
        let compiled = Self { event: block.event.clone(), key, former, when, subject, sender, name };
        (problems.found.len() == before).then_some(compiled)
    }

    /// Whether an event of its type bars a payout.
    pub fn asks(&self, event: &ParsedEvent) -> Asks {
        when::asks(&self.when, &event.body)
    }

    /// One case for the block and the problem, and not one for each event.
    pub fn misfit(&self, provider: &str, problem: String) -> Misfit {
        let shared = vec![provider.to_owned(), self.name.clone(), problem.clone()];
        Misfit { shared: Some(shared), ..Misfit::new(Reason::InvalidEvent, problem) }
    }

    /// Nobody knows whether the event bars a payout.
    pub fn cannot_tell(&self, provider: &str, place: &str, why: &str) -> Misfit {
        self.misfit(provider, format!("{}: {place} {why}", self.name))
    }

    /// An event from which no key can be derived, and one that says itself that it is of another mode or account, is a case. It
    /// bars nothing: its key may be that of a payment of ours by chance.
    pub fn route(&self, provider: &str, namespace: &str, event: &ParsedEvent, rail_mode: Mode) -> Routed {
        let misfit = |problem: String| Routed::Misfit(self.misfit(provider, problem));
        if let Err(Stranger::Other(problem)) = self.sender.check(&self.name, event, rail_mode) {
            return misfit(problem);
        }
        let key = match derived_key(&self.name, namespace, &self.key, event) {
            Ok(key) => key,
            Err(problem) => return misfit(problem),
        };
        // A former key that cannot be derived barred nothing, and is no reason not to bar what can be.
        let former_keys = self.former.iter();
        let former_keys =
            former_keys.filter_map(|former| derived_key(&self.name, &former.namespace, &former.key, event).ok());
        let subject = self.subject.as_ref().and_then(|at| key_part(at, event));
        // It becomes a part of a case's name, as an event's id does.
        let subject = subject.filter(|text| EventId::new(text.as_str()).is_ok());
        Routed::Block(Block { key, former_keys: former_keys.collect(), subject })
    }
}

/// An event type must lead to one answer: a block and a rule that share one are told apart by `when`, and so are two blocks,
/// of which never both may hold: only one key would be barred.
pub(crate) fn check_types(config: &ProviderConfig, preset: &Preset, problems: &mut Problems) {
    for (index, block) in config.blocks.iter().enumerate() {
        let mut others =
            config.blocks.iter().enumerate().filter(|(other, of)| *other != index && of.event == block.event);
        let field = format!("blocks[{index}].when");
        if others.any(|(_, other)| !exclude_each_other(block, other)) {
            let problem =
                "another block names this event type, and both may hold: let one place hold another value in each";
            problems.add(&field, problem);
        } else if block.when.is_empty() && config.payouts.iter().any(|rule| rule.event == block.event) {
            problems.add(&field, "a rule names this event type, too: say with `when` which one is meant");
        }
        if config.ignore.contains(&block.event) {
            problems.add("ignore", format!("`{}` stands in a block, too", block.event));
        }
        check_topic(config, preset, &format!("blocks[{index}].event"), &block.event, problems);
    }
}

fn exclude_each_other(one: &BlockConfig, other: &BlockConfig) -> bool {
    one.when.iter().any(|(at, bars)| {
        other.when.get(at).is_some_and(|others| !bars.pays().iter().any(|value| others.pays().contains(value)))
    })
}

/// Where the type stands in no signed byte, a table has one: what names another would never be met.
pub(crate) fn check_topic(config: &ProviderConfig, preset: &Preset, field: &str, event: &str, problems: &mut Problems) {
    let topic = config.event_type.as_deref().filter(|_| matches!(preset.event_type, TypeFrom::Configured));
    if let Some(topic) = topic.filter(|topic| *topic != event) {
        let why = "write a table of its own for each, with one `namespace`";
        problems.add(field, format!("never comes here: this endpoint is for `{topic}`. {why}"));
    }
}

/// What is allowed but unwise: a payment that was given back is paid out where nothing bars it, and a bar that no rule can meet
/// bars nothing. A table's blocks count for every table of its namespace.
pub fn unbarred<'a>(tables: impl IntoIterator<Item = (&'a str, &'a ProviderConfig)>) -> Vec<ConfigError> {
    let tables: Vec<(&str, &ProviderConfig)> = tables.into_iter().collect();
    let mut found = vec![];
    for (name, config) in &tables {
        let beside = || tables.iter().filter(|(other, of)| of.namespace_or(other) == config.namespace_or(name));
        let path = format!("providers.{name}.blocks");
        let known = Preset::by_name(&config.scheme).map_or(&[][..], |preset| preset.blocks);
        if !config.payouts.is_empty() && !known.is_empty() && beside().all(|(_, of)| of.blocks.is_empty()) {
            let known: Vec<&str> = known.iter().map(|block| block.event).collect();
            let problem = "none: a payment that was given back or disputed is paid out; there is";
            found.push(ConfigError::new(path, format!("{problem} {}", known.join(", "))));
        } else if !config.blocks.is_empty() && beside().all(|(_, of)| of.payouts.is_empty()) {
            let namespace = config.namespace_or(name);
            let problem = format!("bar nothing: no rule pays in the namespace {namespace}");
            found.push(ConfigError::new(path, problem));
        } else {
            let rules: Vec<&Rule> =
                beside().filter(|(_, of)| of.scheme == config.scheme).flat_map(|(_, of)| &of.payouts).collect();
            for (index, block) in config.blocks.iter().enumerate() {
                found.extend(unmet(&format!("{path}[{index}]"), &config.scheme, block, &rules));
            }
        }
    }
    found
}

/// A block whose key is that of no rule, or never was.
fn unmet(path: &str, scheme: &str, block: &BlockConfig, rules: &[&Rule]) -> Vec<ConfigError> {
    let mut found = vec![];
    let mut add = |field: &str, problem: String| found.push(ConfigError::new(field, problem).below(path));
    let is_met =
        |rule: &&Rule| may_be_one(scheme, (&rule.event, rule.key.as_slice()), (&block.event, block.key.as_slice()));
    if let Some(rule) = rules.first()
        && !rules.iter().any(is_met)
    {
        let (event, key) = (&rule.event, rule.key.as_slice().join(", "));
        add("key", format!("names another object than the key of {event} ({key}): it bars nothing that is paid"));
    }
    let was_another = |rule: &&Rule| rule.formerly.iter().any(|former| former.key.as_slice() != rule.key.as_slice());
    if block.formerly.is_empty()
        && let Some(rule) = rules.iter().find(|rule| was_another(rule))
    {
        let problem = "is missing: the rule for";
        let why = "has one with another key, and what was paid under that is not found when it is given back";
        add("formerly", format!("{problem} {} {why}", rule.event));
    }
    found
}
