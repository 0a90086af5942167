//! `payonce.toml`, checked whole at start: whatever is wrong is said at once, each with its key's path and why. No
//! problem repeats a value, as somebody may have written a secret there.

use std::collections::BTreeMap;
use std::path::Path;

use payonce_lists::{ListConfig, ListKind, SourceConfig};
use payonce_protocol::config::ConfigError;
use payonce_protocol::ids::Shards;
use payonce_protocol::money::Currency;
use payonce_protocol::release::KeyRules;
use payonce_protocol::slo::Objective;
use payonce_protocol::velocity::Sums;
use payonce_providers::{Provider, ProviderConfig, Rule, SecretForm, split_payments, unbarred, unwise};
use payonce_rails::RailConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::secrets::{SecretRef, SigningRefs};
use crate::section;

/// A configuration that passed every check; there is no other way to make one than [`Config::parse`].
#[derive(Clone, Debug)]
pub struct Config {
    pub providers: BTreeMap<String, ProviderConfig>,
    pub rail: RailConfig,
    pub limits: Limits,
    pub watch: Watch,
    /// For the functions that have people behind them, which read it by [`Config::section`].
    console: Option<Value>,
    /// Where the state of source payments is asked for, by provider.
    sources: Option<Value>,
    /// How the books are held against each other.
    reconciler: Option<Value>,
    /// What the bank's files are written in, by name.
    statements: Option<Value>,
    /// That whoever depends on payouts is told how they ended.
    notices: Option<Value>,
    /// How each provider is asked for its own list, where it is.
    lists: BTreeMap<String, Value>,
    /// Of each provider, in the order written.
    secrets: BTreeMap<String, Vec<SecretRef>>,
    rail_secret: SecretRef,
    lookup_secret: Option<SecretRef>,
    key_rules: Vec<KeyRules>,
}

/// The time that each step may take, and how long bodies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// To the rail, TCP and TLS.
    pub connect_ms: u64,
    /// One put of a claim; there may be two.
    pub claim_ms: u64,
    /// Request and answer.
    pub payout_ms: u64,
    /// The outcome, with all retries.
    pub record_ms: u64,
    pub body_days: u32,
    /// Under how many partitions the index lists the claims of a minute. A partition takes a thousand writes a second.
    #[serde(deserialize_with = "index_shards")]
    pub index_shards: Shards,
}

fn index_shards<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Shards, D::Error> {
    Shards::new(u64::deserialize(from)?).ok_or_else(|| serde::de::Error::custom("must be 1 to 64"))
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_ms: 2_000,
            claim_ms: 2_000,
            payout_ms: 10_000,
            record_ms: 5_000,
            body_days: 400,
            index_shards: Shards::ONE,
        }
    }
}

/// `[watch]`: what an alarm is held against that only its owner can say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Currency → so much may be at risk in open cases, in its smallest unit. A currency that is not in it has no limit.
    pub money_at_risk: BTreeMap<String, u64>,
    /// Currency → so much may be accepted by the rail within an hour, in its smallest unit; above it payouts are held. A currency that is
    /// not in it has no limit.
    pub accepted_an_hour: BTreeMap<String, u64>,
    /// Which share of payouts the rail must have answered, such as `99.9%`: accepted, or refused in so many words.
    #[serde(deserialize_with = "objective")]
    pub delivery_success: Objective,
}

fn objective<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Objective, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = || serde::de::Error::custom("must be a percentage from 90% to below 100%, such as \"99.9%\"");
    Objective::parse(&text).ok_or_else(wrong)
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notices {
    on: bool,
}

impl Watch {
    /// With currencies as they stand in money.
    fn checked(self, problems: &mut Vec<ConfigError>) -> Self {
        let mut checked = |name: &str, limits: &BTreeMap<String, u64>| {
            let mut of = BTreeMap::new();
            for (written, limit) in limits {
                let key = format!("watch.{name}.{written}");
                match written.parse::<Currency>() {
                    Ok(_) if *limit == 0 => problems.push(ConfigError::new(key, "must be at least 1")),
                    Ok(currency) => {
                        if of.insert(currency.to_string(), *limit).is_some() {
                            problems.push(ConfigError::new(key, "is there twice"));
                        }
                    }
                    Err(error) => problems.push(ConfigError::new(key, error.to_string())),
                }
            }
            of
        };
        let money_at_risk = checked("money_at_risk", &self.money_at_risk);
        let accepted_an_hour = checked("accepted_an_hour", &self.accepted_an_hour);
        Self { money_at_risk, accepted_an_hour, ..self }
    }

    /// As the sums are counted.
    pub fn accepted_an_hour(&self) -> Sums {
        self.accepted_an_hour.iter().filter_map(|(currency, limit)| Some((currency.parse().ok()?, *limit))).collect()
    }
}

/// A delivery ends before API Gateway gives it up at 30 s; a function that is cut off leaves its outcome to the sweeper.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const MAX_DELIVERY_MS: u64 = 28_000;

/// A rail that is given less would be cut off while it pays.
pub const MIN_PAYOUT_MS: u64 = 1_000;

/// Kept back for the outcome's record out of the time that the provider waits: what it takes when nothing is wrong. What
/// it may take at the worst is another matter, and of the platform's deadline.
pub const RECORD_RESERVE_MS: u64 = 500;

/// Out of a provider's patience, for everything before the payout when nothing is wrong: a cold start among it.
const BEFORE_PAYOUT_MS: u64 = 1_000;

const MAX_BODY_DAYS: u32 = 3_650;

impl Limits {
    /// Everything that one delivery may take, a repeated claim included.
    pub fn delivery_ms(&self) -> u64 {
        [self.connect_ms, self.claim_ms, self.claim_ms, self.payout_ms, self.record_ms]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    fn check(&self, problems: &mut Vec<ConfigError>) {
        let ledger = Self::default();
        for (key, value, least) in [
            ("connect_ms", self.connect_ms, 1),
            // The ledger's clients may take as long, whatever stands here.
            ("claim_ms", self.claim_ms, ledger.claim_ms),
            ("record_ms", self.record_ms, ledger.record_ms),
            ("payout_ms", self.payout_ms, MIN_PAYOUT_MS),
        ] {
            if value < least {
                problems.push(ConfigError::new(format!("limits.{key}"), format!("must be at least {least}")));
            }
        }
        if self.delivery_ms() > MAX_DELIVERY_MS {
            let why = format!("connect, claim (twice), payout and record add up to more than {MAX_DELIVERY_MS} ms");
            problems.push(ConfigError::new("limits", why));
        }
        if !(1..=MAX_BODY_DAYS).contains(&self.body_days) {
            problems.push(ConfigError::new("limits.body_days", format!("must be 1 to {MAX_BODY_DAYS}")));
        }
    }
}

/// The configuration of the functions that are deployed.
const BUILT_IN: &str = include_str!("../../../infra/payonce.toml");

impl Config {
    /// The configuration that was compiled in: a version of a function is its code and its rules, and neither changes
    /// without the other being tested, shifted and taken back with it. What is deployed needs a limit in each rule.
    pub fn built_in() -> Result<Self, Vec<ConfigError>> {
        Self::deployable(BUILT_IN)
    }

    fn deployable(text: &str) -> Result<Self, Vec<ConfigError>> {
        let config = Self::parse(text)?;
        let unlimited: Vec<ConfigError> = config
            .providers
            .iter()
            .flat_map(|(name, provider)| {
                provider.payouts.iter().enumerate().map(move |(index, rule)| (name, index, rule))
            })
            .filter(|(_, _, rule)| rule.max_amount.is_empty())
            .map(|(name, index, _)| {
                let path = format!("providers.{name}.payouts[{index}].max_amount");
                ConfigError::new(path, "is missing: a rule that is deployed needs a limit")
            })
            .collect();
        if unlimited.is_empty() { Ok(config) } else { Err(unlimited) }
    }

    pub fn load(path: &Path) -> Result<Self, Vec<ConfigError>> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            vec![ConfigError::new(path.display().to_string(), format!("cannot be read: {}", error.kind()))]
        })?;
        Self::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Self, Vec<ConfigError>> {
        Self::of(toml::from_str(text).map_err(|error| vec![syntax(text, &error)])?)
    }

    /// Of a file that was read before, such as one whose addresses the local stack replaces.
    pub fn of(mut sections: Table) -> Result<Self, Vec<ConfigError>> {
        let mut problems = vec![];
        let limits = match sections.remove("limits") {
            Some(limits) => read("limits", limits, &mut problems),
            None => Some(Limits::default()),
        };
        let watch: Watch =
            sections.remove("watch").and_then(|watch| read("watch", watch, &mut problems)).unwrap_or_default();
        let watch = watch.checked(&mut problems);
        let rail: Option<RailConfig> = match sections.remove("rail") {
            Some(rail) => read("rail", rail, &mut problems),
            None => missing("rail", &mut problems),
        };
        let mut lists = BTreeMap::new();
        let providers = read_providers(sections.remove("providers"), &mut lists, &mut problems);
        let [console, sources, reconciler, statements, notices] =
            ["console", "sources", "reconciler", "statements", "notices"].map(|name| sections.remove(name));
        for unknown in sections.keys() {
            let why =
                "is unknown; there are providers, rail, limits, watch, console, sources, reconciler, statements and notices"
                    .to_owned();
            problems.push(ConfigError::new(unknown.clone(), why));
        }

        if let Some(limits) = &limits {
            limits.check(&mut problems);
        }
        let rail_secrets = rail.as_ref().and_then(|rail| check_rail(rail, &mut problems));
        check_namespaces(&providers, &mut problems);
        let (mut secrets, mut key_rules) = (BTreeMap::new(), vec![]);
        for (name, config) in &providers {
            secrets.insert(name.clone(), references(name, &config.secrets, &mut problems));
            match Provider::new(name, config) {
                Ok(provider) => {
                    key_rules.push(provider.derivations());
                    check_patience(&provider, &mut problems);
                    if let Some(rail) = rail.as_ref().and_then(|rail| rail.http.as_ref()) {
                        check_rail_fields(name, config, &rail.request.fields, &mut problems);
                    }
                }
                Err(found) => problems.extend(found),
            }
        }
        match (limits, rail, rail_secrets, problems.is_empty()) {
            (Some(limits), Some(rail), Some((rail_secret, lookup_secret)), true) => Ok(Self {
                providers,
                rail,
                limits,
                watch,
                console,
                sources,
                reconciler,
                statements,
                notices,
                lists,
                secrets,
                rail_secret,
                lookup_secret,
                key_rules,
            }),
            _ => Err(problems),
        }
    }

    /// A section that not every function reads: `console`, `sources`, `reconciler` or `statements`. `None`: it is not there.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Vec<ConfigError>> {
        let section = match name {
            "console" => &self.console,
            "sources" => &self.sources,
            "reconciler" => &self.reconciler,
            "statements" => &self.statements,
            "notices" => &self.notices,
            _ => &None,
        };
        let mut problems = vec![];
        let section = section.clone().and_then(|section| read(name, section, &mut problems));
        if problems.is_empty() { Ok(section) } else { Err(problems) }
    }

    /// `[notices]`: whether outcomes and resolved cases are told on a bus.
    pub fn tells(&self) -> Result<bool, Vec<ConfigError>> {
        Ok(self.section::<Notices>("notices")?.is_some_and(|notices| notices.on))
    }

    /// `[sources.PROVIDER]`, each with where its secret is kept.
    pub fn sources(&self) -> Result<BTreeMap<String, (SourceConfig, SecretRef)>, Vec<ConfigError>> {
        let described: BTreeMap<String, SourceConfig> = self.section("sources")?.unwrap_or_default();
        let (mut sources, mut problems) = (BTreeMap::new(), vec![]);
        for (name, source) in described {
            if !self.providers.contains_key(&name) {
                problems.push(ConfigError::new(format!("sources.{name}"), "names no provider of the configuration"));
            }
            problems.extend(source.check().into_iter().map(|found| found.below(&format!("sources.{name}"))));
            if let Some(secret) = reference(format!("sources.{name}.secret"), &source.secret, &mut problems) {
                sources.insert(name, (source, secret));
            }
        }
        if problems.is_empty() { Ok(sources) } else { Err(problems) }
    }

    /// `[providers.PROVIDER.list]`, each with where its secret is kept. The functions that ask for no list leave it unread.
    pub fn lists(&self) -> Result<BTreeMap<String, (ListConfig, SecretRef)>, Vec<ConfigError>> {
        let (mut lists, mut problems) = (BTreeMap::new(), vec![]);
        for (name, value) in &self.lists {
            let path = format!("providers.{name}.list");
            let Some(list) = read::<ListConfig>(&path, value.clone(), &mut problems) else { continue };
            problems.extend(list.check().into_iter().map(|found| found.below(&path)));
            let Some(secret) = reference(format!("{path}.secret"), &list.secret, &mut problems) else { continue };
            if self.secrets.values().flatten().chain([&self.rail_secret]).any(|other| *other == secret) {
                let why = "is a secret that pays or signs; a list takes one that can only read";
                problems.push(ConfigError::new(format!("{path}.secret"), why));
            }
            if let Some(why) = self.never_matches(name, &list) {
                problems.push(ConfigError::new(path, why));
            }
            lists.insert(name.clone(), (list, secret));
        }
        if problems.is_empty() { Ok(lists) } else { Err(problems) }
    }

    /// Why what such a list holds is never what was delivered: each event would look lost, or forged.
    fn never_matches(&self, name: &str, list: &ListConfig) -> Option<&'static str> {
        let config = self.providers.get(name)?;
        let provider = Provider::new(name, config).ok()?;
        // <https://docs.stripe.com/connect/webhooks>: they are listed under their own account.
        let takes_connected = config.payouts.iter().any(|rule| rule.allow_connected_accounts);
        let lacks_connected = (list.kind == ListKind::Stripe && takes_connected)
            .then_some("holds no event of a connected account, and a rule has allow_connected_accounts");
        provider.never_lists(list.lists_events()).or(lacks_connected)
    }

    /// The provider that a function serves, by `PAYONCE_PROVIDER`.
    pub fn provider(&self, name: Option<&str>) -> Result<Provider, Vec<ConfigError>> {
        let known = || self.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let wrong = |what| vec![ConfigError::new("PAYONCE_PROVIDER", format!("{what}; there is {}", known()))];
        let name = name.ok_or_else(|| wrong("is not set"))?;
        let config = self.providers.get(name).ok_or_else(|| wrong("names no provider of the configuration"))?;
        Provider::new(name, config)
    }

    /// Every one, by its name.
    pub fn all_providers(&self) -> Result<BTreeMap<String, Provider>, Vec<ConfigError>> {
        self.providers.keys().map(|name| Ok((name.clone(), self.provider(Some(name))?))).collect()
    }

    /// Where a provider's signing secrets are kept, and what they look like; none for an unknown name.
    pub fn secrets(&self, provider: &str) -> SigningRefs {
        SigningRefs {
            path: format!("providers.{provider}.secrets"),
            refs: self.secrets.get(provider).cloned().unwrap_or_default(),
            form: self.providers.get(provider).map_or(SecretForm::Any, SecretForm::of),
        }
    }

    /// Where the secret that pays is kept.
    pub fn rail_secret(&self) -> &SecretRef {
        &self.rail_secret
    }

    /// Where the rail's secret that only reads is kept.
    pub fn lookup_secret(&self) -> Option<&SecretRef> {
        self.lookup_secret.as_ref()
    }

    /// Everything that derives payout keys, of each provider (only-a-person-starts).
    pub fn key_rules(&self) -> &[KeyRules] {
        &self.key_rules
    }

    /// What is allowed, and unwise.
    pub fn warnings(&self) -> Vec<ConfigError> {
        let mut found: Vec<ConfigError> =
            self.providers.iter().flat_map(|(name, config)| unwise(name, config)).collect();
        let tables = || self.providers.iter().map(|(name, config)| (name.as_str(), config));
        found.extend(split_payments(tables()));
        found.extend(unbarred(tables()));
        for (name, config) in &self.providers {
            // Tables of one scheme had to say it. Ids of two schemes are equal by chance only.
            let shares = |(other, of): &(&String, &ProviderConfig)| {
                *other < name && of.scheme != config.scheme && of.namespace_or(other) == config.namespace_or(name)
            };
            if let Some((other, _)) = self.providers.iter().find(shares) {
                let why = format!("is that of providers.{other}, too: an id that both use is paid once");
                found.push(ConfigError::new(format!("providers.{name}.namespace"), why));
            }
        }
        if self.rail.payouts_a_second().is_none() {
            let why = "not given: nobody holds what the front door lets through against what the rail takes".to_owned();
            found.push(ConfigError::new("rail.payouts_a_second", why));
        }
        if self.lookup_secret.is_none() {
            let why = "not given: look-ups need the secret that can pay".to_owned();
            found.push(ConfigError::new("rail.lookup_secret", why));
        }
        found
    }
}

fn missing<T>(path: &str, problems: &mut Vec<ConfigError>) -> Option<T> {
    problems.push(ConfigError::new(path.to_owned(), "is missing"));
    None
}

fn read_providers(
    value: Option<Value>,
    lists: &mut BTreeMap<String, Value>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, ProviderConfig> {
    let tables: BTreeMap<String, Table> =
        value.and_then(|value| read("providers", value, problems)).unwrap_or_default();
    if tables.is_empty() && problems.iter().all(|found| found.path != "providers") {
        problems.push(ConfigError::new("providers", "there is none"));
    }
    let mut providers = BTreeMap::new();
    for (name, mut table) in tables {
        lists.extend(table.remove("list").map(|list| (name.clone(), list)));
        if let Some(config) = read_provider(&format!("providers.{name}"), table, problems) {
            providers.insert(name, config);
        }
    }
    providers
}

/// The rules are read one by one, so that a misspelling in the first does not hide one in the second. What they mean is
/// looked at when all are read: a rule left out would give the next one its number.
fn read_provider(path: &str, mut table: Table, problems: &mut Vec<ConfigError>) -> Option<ProviderConfig> {
    let before = problems.len();
    let listed: Vec<Value> =
        table.remove("payouts").and_then(|rules| read(&format!("{path}.payouts"), rules, problems)).unwrap_or_default();
    let rules: Vec<Rule> = listed
        .into_iter()
        .enumerate()
        .filter_map(|(index, rule)| read(&format!("{path}.payouts[{index}]"), rule, problems))
        .collect();
    let config: ProviderConfig = read(path, Value::Table(table), problems)?;
    (problems.len() == before).then_some(ProviderConfig { payouts: rules, ..config })
}

fn read<T: DeserializeOwned>(path: &str, value: Value, problems: &mut Vec<ConfigError>) -> Option<T> {
    section::read(path, value).map_err(|wrong| problems.push(wrong)).ok()
}

/// Serde quotes the text that it did not expect.
fn without_text(message: &str) -> String {
    match (message.find("string \""), message.rfind("\", expected")) {
        (Some(from), Some(to)) if from < to => format!("{}a string{}", &message[..from], &message[to + 1..]),
        _ => message.to_owned(),
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    ConfigError::new(format!("line {line}"), without_text(error.message()))
}

/// One event may reach two tables of one scheme: two endpoints during an upgrade, an account's and a platform's. Whether they
/// tell of the same payments is for the user to say, in writing: with equal namespaces an event is paid once, with
/// different ones at each.
fn check_namespaces(providers: &BTreeMap<String, ProviderConfig>, problems: &mut Vec<ConfigError>) {
    for (name, config) in providers.iter().filter(|(_, config)| config.namespace.is_none()) {
        let of_scheme = providers.iter().find(|(other, of)| *other != name && of.scheme == config.scheme);
        if let Some((other, _)) = of_scheme {
            let why = format!(
                "is missing: providers.{other} has the same scheme, and one event may reach both. Write a namespace in each: \
                 the same, and a payment is paid once whichever hears of it; different ones, and it is paid at each"
            );
            problems.push(ConfigError::new(format!("providers.{name}.namespace"), why));
        }
    }
}

type RailSecrets = (SecretRef, Option<SecretRef>);

fn check_rail(rail: &RailConfig, problems: &mut Vec<ConfigError>) -> Option<RailSecrets> {
    problems.extend(rail.check());
    let secret = reference("rail.secret".to_owned(), &rail.secret, problems);
    let lookup =
        rail.lookup_secret.as_ref().and_then(|text| reference("rail.lookup_secret".to_owned(), text, problems));
    Some((secret?, lookup))
}

fn references(provider: &str, texts: &[String], problems: &mut Vec<ConfigError>) -> Vec<SecretRef> {
    let place = |index| format!("providers.{provider}.secrets[{index}]");
    texts.iter().enumerate().filter_map(|(index, text)| reference(place(index), text, problems)).collect()
}

fn reference(path: String, text: &str, problems: &mut Vec<ConfigError>) -> Option<SecretRef> {
    text.parse()
        .map_err(|error: crate::secrets::NotAReference| problems.push(ConfigError::new(path, error.to_string())))
        .ok()
}

/// A provider that hangs up early leaves less time for the payout.
fn check_patience(provider: &Provider, problems: &mut Vec<ConfigError>) {
    const LEAST_MS: u64 = BEFORE_PAYOUT_MS + MIN_PAYOUT_MS + RECORD_RESERVE_MS;
    if provider.answer_within_ms().is_some_and(|answer_within| answer_within < LEAST_MS) {
        let why = format!("must be at least {LEAST_MS} ms: claim, payout and record do not fit in less");
        problems.push(ConfigError::new(format!("providers.{}.answer_within", provider.name()), why));
    }
}

/// What a described rail's request wants and what the rules give must be the same.
fn check_rail_fields(
    name: &str,
    config: &ProviderConfig,
    wanted: &BTreeMap<String, usize>,
    problems: &mut Vec<ConfigError>,
) {
    for (index, rule) in config.payouts.iter().enumerate() {
        let path = format!("providers.{name}.payouts[{index}].rail_fields");
        for field in rule.rail_fields.keys().filter(|field| !wanted.contains_key(*field)) {
            problems.push(ConfigError::new(format!("{path}.{field}"), "is no field of rail.http.request.fields"));
        }
        for field in wanted.keys().filter(|field| !rule.rail_fields.contains_key(*field)) {
            let why = "is missing: rail.http.request.fields names it".to_owned();
            problems.push(ConfigError::new(format!("{path}.{field}"), why));
        }
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
