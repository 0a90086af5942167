//! One configured provider: verify, parse, route, in this order and no other.

mod blocking;
mod explain;
mod unwise;

use std::borrow::Cow;
use std::collections::BTreeSet;

use payonce_protocol::UnixMillis;
use payonce_protocol::config::ConfigError;
use payonce_protocol::ids::{Digest, Hasher};
use payonce_protocol::order::{EventId, Mode, PayoutKey, PayoutOrder};
use payonce_protocol::outcome::Reason;
use payonce_protocol::release::{Derivation, KeyRule, KeyRules};
use serde_json::Value;

use crate::adyen;
use crate::blocks::{self, Block, BlockRule};
use crate::config::{ProviderConfig, duration_ms};
use crate::event::{BodyMisfit, EventMisfit, EventReader, ItemMisfit, MAX_EVENTS, ParsedEvent, Verified};
use crate::pointer::Pointer;
use crate::preset::{self, Identity, Items, Live, Preset, Signature, TypeFrom};
use crate::read::read;
use crate::rules::{Misfit, PayoutRule, Problems, derived_key, key_by};
use crate::scheme::{Piece, Refused};
use crate::secrets::{MAX_SECRETS, Secrets};
use crate::when::{Asks, Condition};

pub use unwise::unwise;

const MAX_NAME_BYTES: usize = 32;
/// What Lambda takes: 6 MB of request, the body being a part of it in base64.
const MAX_BODY_BYTES: u64 = 4 << 20;

pub struct Provider {
    name: String,
    namespace: String,
    namespace_is_written: bool,
    scheme: String,
    preset: &'static Preset,
    /// The address as configured, where it is signed.
    url: String,
    reader: EventReader,
    ignore: Vec<String>,
    rules: Vec<PayoutRule>,
    blocks: Vec<BlockRule>,
    refuse_for_ms: u64,
    answer_within_ms: Option<u64>,
    max_body_bytes: usize,
}

/// How long a refused event may be left to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// An event older than this is claimed and filed instead of refused once more.
    pub refuse_for_ms: u64,
    /// The longest pause between two redeliveries: how long to wait for the one after the last refusal.
    pub longest_gap_ms: u64,
}

/// What a route depends on besides the event.
#[derive(Clone, Copy, Debug)]
pub struct RouteContext {
    pub rail_mode: Mode,
    /// The stack's own moment from which payouts are made; a rule's may be later.
    pub paid_from: Option<UnixMillis>,
    /// An event without a signed time may be from before that moment, and becomes a case.
    pub files_undated: bool,
    /// An event whose time lies longer ago than its rule's `max_age` is a case.
    pub now: UnixMillis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed {
    Order(PayoutOrder),
    NoPayout(NoPayout),
    /// It asks for none, and bars one.
    Block(Block),
    /// Neither in a rule nor ignored: one case for each type.
    Unrouted {
        event_type: String,
    },
    /// It asks for a payout that its rule does not allow.
    Misfit(Misfit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPayout {
    Ignored,
    WhenNotMet,
}

impl Provider {
    /// Every error, not the first; each path begins with `providers.{name}`.
    pub fn new(name: &str, config: &ProviderConfig) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems { path: format!("providers.{name}"), found: Vec::new() };
        if !is_name(name) {
            let problem = "a provider's name is up to 32 of a-z, A-Z, 0-9, `_`, `-`";
            problems.found.push(ConfigError::new(problems.path.clone(), problem));
        }
        let known = scheme(config, &mut problems);
        // The rest is checked by the first preset's measures, so that one misspelling does not hide the other errors.
        let preset = known.unwrap_or(&preset::STRIPE);
        let mode = config.mode.map(Mode::from);
        if known.is_some() {
            check_besides(config, preset, &mut problems);
        }
        let namespace = config.namespace_or(name);
        if config.namespace.is_some() && !is_name(namespace) {
            problems.add("namespace", "up to 32 of a-z, A-Z, 0-9, `_`, `-`");
        }
        if config.secrets.is_empty() || config.secrets.len() > MAX_SECRETS {
            problems.add("secrets", format!("name 1 to {MAX_SECRETS} signing secrets"));
        }
        let rules: Vec<Option<PayoutRule>> = config
            .payouts
            .iter()
            .enumerate()
            .map(|(index, rule)| PayoutRule::compile(index, rule, preset, mode, &mut problems))
            .collect();
        check_types(config, preset, &mut problems);
        let blocks: Vec<Option<BlockRule>> = config
            .blocks
            .iter()
            .enumerate()
            .map(|(index, block)| BlockRule::compile(index, config, block, preset, &mut problems))
            .collect();
        blocks::check_types(config, preset, &mut problems);
        let refuse_for_ms = duration("refuse_for", config.refuse_for.as_deref(), &mut problems);
        if refuse_for_ms.is_some_and(|millis| millis > preset.redelivers_ms) {
            problems.add("refuse_for", "longer than the provider comes back");
        }
        let patience_ms = refuse_for_ms.unwrap_or(preset.refuse_for_ms);
        for (index, rule) in rules.iter().enumerate() {
            if rule.as_ref().is_some_and(|rule| rule.max_age_ms < patience_ms) {
                problems.add(
                    &format!("payouts[{index}].max_age"),
                    "shorter than refuse_for: what was refused would come too late",
                );
            }
        }
        let answer_within_ms = duration("answer_within", config.answer_within.as_deref(), &mut problems);
        if answer_within_ms == Some(0) {
            problems.add("answer_within", "nobody can answer in no time");
        }
        let max_body_bytes = config.max_body_bytes.unwrap_or(preset.max_body_bytes as u64);
        if !(1..=MAX_BODY_BYTES).contains(&max_body_bytes) {
            problems.add("max_body_bytes", format!("1 to {MAX_BODY_BYTES}"));
        }
        let reader = EventReader::of(preset, config.event_type.as_deref());
        let reader = reader.map_err(|problem| problems.add("scheme", problem)).ok();
        let both = rules.into_iter().collect::<Option<_>>().zip(blocks.into_iter().collect());
        match (reader, both.map(|(rules, blocks)| blocking::learned(rules, blocks)), problems.found) {
            (Some(reader), Some((rules, blocks)), found) if found.is_empty() => Ok(Self {
                name: name.to_owned(),
                namespace: namespace.to_owned(),
                namespace_is_written: config.namespace.is_some(),
                scheme: config.scheme.clone(),
                preset,
                url: config.url.clone().unwrap_or_default(),
                reader,
                ignore: config.ignore.clone(),
                rules,
                blocks,
                refuse_for_ms: refuse_for_ms.unwrap_or(preset.refuse_for_ms),
                answer_within_ms: answer_within_ms.or(preset.answer_within_ms),
                max_body_bytes: max_body_bytes as usize,
            }),
            (.., found) => Err(found),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn verify<'a>(
        &self,
        secrets: &Secrets,
        headers: &http::HeaderMap,
        body: &'a [u8],
        now: UnixMillis,
    ) -> Result<Verified<'a>, Refused> {
        let message = match self.preset.signature {
            Signature::Scheme(scheme) => {
                scheme.verify(secrets, &self.url, headers, body, now)?;
                scheme.message_id(headers).map(str::to_owned)
            }
            Signature::Adyen => {
                adyen::verify(secrets, body)?;
                None
            }
        };
        Ok(Verified { body, message })
    }

    /// The body as the provider would send it: some write their signature into it. Before [`Provider::sign`].
    pub fn seal<'b>(&self, secrets: &Secrets, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self.preset.signature {
            Signature::Scheme(_) => Cow::Borrowed(body),
            Signature::Adyen => Cow::Owned(adyen::seal(secrets, body)),
        }
    }

    /// The headers that the provider would send with this body: for the local sender and for tests.
    pub fn sign(&self, secrets: &Secrets, body: &[u8], now: UnixMillis) -> Vec<(http::HeaderName, http::HeaderValue)> {
        match self.preset.signature {
            Signature::Scheme(scheme) => scheme.sign(secrets, &self.url, body, now),
            Signature::Adyen => vec![],
        }
    }

    /// Every event of a delivery in the order of the body, before anything is done about the first. One that cannot be
    /// read hinders no other.
    pub fn events(&self, verified: &Verified<'_>) -> Result<Vec<Result<ParsedEvent, ItemMisfit>>, BodyMisfit> {
        let mut body = read(verified.body)?;
        let items = match self.preset.items {
            None => return Ok(vec![Ok(self.reader.event(body, verified).map_err(BodyMisfit::Event)?)]),
            Some(Items { list, .. }) => match body.pointer_mut(list).map(Value::take) {
                Some(Value::Array(items)) if items.len() > MAX_EVENTS => {
                    return Err(BodyMisfit::TooMany { pointer: list });
                }
                Some(Value::Array(items)) => items,
                _ => return Err(BodyMisfit::NoList { pointer: list }),
            },
        };
        let item = |(index, item): (usize, Value)| {
            let digest = Digest::of(item.to_string());
            self.event_of(item, verified).map_err(|misfit| ItemMisfit { index, item: digest, misfit })
        };
        Ok(items.into_iter().enumerate().map(item).collect())
    }

    /// Every event of a body that stands in the provider's own list: that answer came from the provider by TLS, to a question under
    /// our secret, in place of a signature. For reconciliation alone; whoever may send us a body must sign it.
    pub fn listed(&self, body: &[u8]) -> Result<Vec<Result<ParsedEvent, ItemMisfit>>, BodyMisfit> {
        self.events(&Verified { body, message: None })
    }

    /// One event of a body that was kept under its hash, for a further attempt at its payout. `None`: these are other bytes
    /// than a claim or case names, or the event is not in them.
    pub fn kept(&self, body: &[u8], named: Digest, event: &EventId) -> Option<ParsedEvent> {
        let verified = Verified::kept(body, named, event)?;
        self.events(&verified).ok()?.into_iter().flatten().find(|found| found.id == *event)
    }

    fn event_of(&self, mut item: Value, verified: &Verified<'_>) -> Result<ParsedEvent, EventMisfit> {
        let event = match self.preset.items.and_then(|items| items.event) {
            None => item,
            Some(at) => {
                let missing = || EventMisfit::new(format!("{at} is missing"));
                item.pointer_mut(at).map(Value::take).ok_or_else(missing)?
            }
        };
        match self.preset.signature {
            Signature::Scheme(_) => self.reader.event(event, verified),
            Signature::Adyen => adyen::event(&self.name, &self.reader, &event, verified),
        }
    }

    pub fn route(&self, event: &ParsedEvent, context: &RouteContext) -> Routed {
        let of_rule = |rule: &PayoutRule| RouteContext { paid_from: rule.paid_from.max(context.paid_from), ..*context };
        self.route_in(event, context.rail_mode, of_rule)
    }

    /// Of a kept event that people decide about: whatever moment its rule pays from, it is they who say what becomes of it.
    pub fn route_by_people(&self, event: &ParsedEvent, context: &RouteContext) -> Routed {
        // To them no event is too old.
        self.route_in(event, context.rail_mode, |_| RouteContext { now: 0, ..*context })
    }

    fn route_in(&self, event: &ParsedEvent, rail_mode: Mode, context: impl Fn(&PayoutRule) -> RouteContext) -> Routed {
        let doubtful = self.doubtful(event);
        match (&self.barring(event)[..], &doubtful) {
            ([], _) => {}
            // Two never hold at once, so this is doubt, and which key to bar is part of it.
            ([_, _, ..], Some(misfit)) => return Routed::Misfit(misfit.clone()),
            ([block, ..], _) => return block.route(&self.name, &self.namespace, event, rail_mode),
        }
        let is_blocking_type = self.blocks_of(event).next().is_some();
        if !self.rules.iter().any(|rule| rule.event == event.event_type) {
            return if is_blocking_type {
                Routed::NoPayout(NoPayout::WhenNotMet)
            } else if self.ignore.iter().any(|ignored| *ignored == event.event_type || ignored == "*") {
                Routed::NoPayout(NoPayout::Ignored)
            } else {
                Routed::Unrouted { event_type: event.event_type.clone() }
            };
        }
        // A type's other rule might ask as well, so one that cannot tell stops the one that does.
        let mut asking = vec![];
        for rule in self.rules.iter().filter(|rule| rule.event == event.event_type) {
            match rule.asks(event) {
                Asks::Yes => asking.push(rule),
                Asks::No => {}
                Asks::CannotTell { pointer, problem } => {
                    return Routed::Misfit(rule.cannot_tell(&self.name, &self.namespace, event, &pointer, problem));
                }
            }
        }
        let rule = match (&asking[..], doubtful) {
            ([rule], Some(misfit)) => return Routed::Misfit(rule.filled(misfit, &self.namespace, event)),
            (_, Some(misfit)) => return Routed::Misfit(misfit),
            ([], None) => return Routed::NoPayout(NoPayout::WhenNotMet),
            ([rule], None) => rule,
            (_, None) => {
                return Routed::Misfit(Misfit::new(Reason::InvalidEvent, "more than one rule asks for a payout"));
            }
        };
        match rule.order(&self.namespace, event, &context(rule)) {
            Ok(order) => Routed::Order(order),
            Err(misfit) => Routed::Misfit(*misfit),
        }
    }

    /// The keys that other accepted rules for this type of event derive from it, and those that its own rules name as former
    /// ones, however long ago.
    pub fn former_keys(&self, event: &ParsedEvent, accepted: &[Derivation]) -> Vec<PayoutKey> {
        let rules = self.rules.iter().filter(|rule| rule.event == event.event_type);
        let named = rules.flat_map(|rule| {
            rule.former.iter().filter_map(|was| derived_key("formerly", &was.namespace, &was.key, event).ok())
        });
        let accepted = accepted.iter().filter(|was| was.event == event.event_type);
        named.chain(accepted.filter_map(|was| key_by(was, event))).collect()
    }

    /// The order with these keys, too.
    pub fn with_former_keys(&self, order: PayoutOrder, event: &ParsedEvent, former: &[Derivation]) -> PayoutOrder {
        let mut keys = order.former_keys;
        for key in self.former_keys(event, former) {
            if key != order.key && !keys.contains(&key) {
                keys.push(key);
            }
        }
        PayoutOrder { former_keys: keys, ..order }
    }

    /// Types of events that a rule or a block names: what must be sent here.
    pub fn event_types(&self) -> BTreeSet<String> {
        let rules = self.rules.iter().map(|rule| rule.event.clone());
        rules.chain(self.blocks.iter().map(|block| block.event.clone())).collect()
    }

    pub fn patience(&self) -> Patience {
        Patience { refuse_for_ms: self.refuse_for_ms, longest_gap_ms: self.preset.longest_gap_ms }
    }

    pub fn answer_within_ms(&self) -> Option<u64> {
        self.answer_within_ms
    }

    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Why what stands in the provider's own list can never be known to be what was delivered. `lists_events`: it holds events, and not
    /// payments.
    pub fn never_lists(&self, lists_events: bool) -> Option<&'static str> {
        match self.preset.id {
            Identity::Message => Some("names no event: a header of the delivery does, and nothing in a list"),
            Identity::Body if lists_events => Some(
                "lists events, which this provider names by the very bytes that it delivers: list its payments, with \"{id}\"",
            ),
            Identity::Body | Identity::Pointers { .. } => None,
        }
    }

    /// Whether a time stands in everything that it signs, which tells an old event from a new one.
    pub fn signs_time(&self) -> bool {
        self.preset.created.is_some_and(|created| !created.is_optional)
    }

    /// How long after its first try an event may come again: by itself, and then sent by hand.
    pub fn comes_back_ms(&self) -> u64 {
        self.preset.redelivers_ms.saturating_add(self.preset.resent_ms)
    }

    /// Everything that derives payout keys, for a person to accept.
    pub fn derivations(&self) -> KeyRules {
        let derived = |rule: &PayoutRule| {
            let former = rule.former.iter().map(|former| Derivation {
                namespace: former.namespace.clone(),
                event: former.event.clone(),
                key: texts(&former.key),
                when: vec![],
            });
            let (namespace, event) = (self.namespace.clone(), rule.event.clone());
            let own = Derivation { namespace, event, key: texts(&rule.key), when: self.chosen_when(rule) };
            KeyRule { own, former: former.collect() }
        };
        KeyRules {
            provider: self.name.clone(),
            scheme: self.scheme.clone(),
            namespace_is_written: self.namespace_is_written,
            fingerprint: self.key_rules(),
            rules: self.rules.iter().map(derived).collect(),
            signs_time: self.signs_time(),
            comes_back_ms: self.comes_back_ms(),
            refuse_for_ms: self.refuse_for_ms,
        }
    }

    /// A fingerprint of everything that derives payout keys, former ones among it: another one may pay again what was paid
    /// (only-a-person-starts). `when` counts only where it chooses between two derivations.
    pub fn key_rules(&self) -> Digest {
        let mut rules: Vec<Vec<String>> = self.rules.iter().map(|rule| self.derivation(rule)).collect();
        rules.sort();
        let start = Hasher::new("payonce/key-rules/1").part(&self.namespace);
        rules
            .iter()
            .fold(start, |hasher, rule| {
                let hasher = hasher.part(rule.len().to_be_bytes());
                rule.iter().fold(hasher, |hasher, part| hasher.part(part))
            })
            .finish()
    }

    fn derivation(&self, rule: &PayoutRule) -> Vec<String> {
        let mut parts = vec![rule.event.clone()];
        parts.extend(texts(&rule.key));
        parts.extend(self.chosen_when(rule));
        for former in &rule.former {
            parts.extend(["formerly".to_owned(), former.namespace.clone(), former.event.clone()]);
            parts.extend(texts(&former.key));
        }
        parts
    }

    fn chosen_when(&self, rule: &PayoutRule) -> Vec<String> {
        if self.rules.iter().filter(|other| other.event == rule.event).count() < 2 {
            return vec![];
        }
        rule.when.iter().map(Condition::choice).collect()
    }
}

fn texts(pointers: &[Pointer]) -> Vec<String> {
    pointers.iter().map(|pointer| pointer.as_str().to_owned()).collect()
}

/// The preset that the scheme names, or the one that `custom` describes.
fn scheme(config: &ProviderConfig, problems: &mut Problems) -> Option<&'static Preset> {
    match (&config.custom, config.scheme.as_str()) {
        (Some(custom), "custom") => return custom.preset(problems),
        (None, "custom") => problems.add("custom", "is missing: it describes the scheme"),
        (Some(_), _) => problems.add("custom", "stands only with scheme = \"custom\""),
        (None, _) => {}
    }
    if let Some((_, why)) = preset::REFUSED.iter().find(|(name, _)| *name == config.scheme) {
        problems.add("scheme", format!("is refused. {why}"));
        return None;
    }
    let known = Preset::by_name(&config.scheme);
    if known.is_none() && config.scheme != "custom" {
        let names: Vec<&str> = preset::ALL.iter().map(|preset| preset.name).collect();
        problems.add("scheme", format!("unknown; there is {}, custom", names.join(", ")));
    }
    known
}

/// What the configuration must say because the provider's signed bytes do not, and must not say where they do.
fn check_besides(config: &ProviderConfig, preset: &Preset, problems: &mut Problems) {
    let signs_url = matches!(preset.signature, Signature::Scheme(scheme) if scheme.signed.contains(&Piece::Url));
    for (key, given, needed, why) in [
        ("url", config.url.is_some(), signs_url, "the provider signs its address: give it as the provider has it"),
        (
            "event_type",
            config.event_type.is_some(),
            matches!(preset.event_type, TypeFrom::Configured),
            "no signed byte says the type: name the one that this endpoint is for",
        ),
        (
            "mode",
            config.mode.is_some(),
            matches!(preset.live, Live::Configured),
            "its events do not say whether money is real: write live or test",
        ),
    ] {
        match (given, needed) {
            (false, true) => problems.add(key, format!("is missing: {why}")),
            (true, false) => {
                problems.add(key, "is not wanted: it stands in what the provider signs, or is not signed at all")
            }
            _ => {}
        }
    }
    if config.url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
        problems.add("url", "begins with https://");
    }
    if config.event_type.as_ref().is_some_and(|name| EventId::new(name.as_str()).is_err()) {
        problems.add("event_type", "is a short text of visible ASCII");
    }
}

/// Letters that stand unchanged in a key, a path and a log line.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn duration(field: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let millis = duration_ms(text?);
    if millis.is_none() {
        problems.add(field, "write a duration such as 48h, 90m or 10s");
    }
    millis
}

/// An event type must lead to one answer: rules that share one are told apart by `when`, and none is ignored as well.
fn check_types(config: &ProviderConfig, preset: &Preset, problems: &mut Problems) {
    for (index, rule) in config.payouts.iter().enumerate() {
        let shared = config.payouts.iter().filter(|other| other.event == rule.event).count() > 1;
        if shared && rule.when.is_empty() {
            problems.add(
                &format!("payouts[{index}].when"),
                "another rule names this event type: say with `when` which one asks",
            );
        }
        if config.ignore.contains(&rule.event) {
            problems.add("ignore", format!("`{}` stands in a rule, too", rule.event));
        }
        blocks::check_topic(config, preset, &format!("payouts[{index}].event"), &rule.event, problems);
    }
}
