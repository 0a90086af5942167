//! The template as a whole: its parts in order, those of a provider once for each provider of the configuration. Written out,
//! because SAM alone reads it then: loops of AWS::LanguageExtensions around what SAM makes are documented nowhere.

use payonce_protocol::config::ConfigError;
use payonce_runtime::config::Config;

use crate::alarms;
use crate::dashboards::{self, QUERIES, Query};
use crate::deployed;
use crate::name::TablesSuffix;
use crate::placed::{Incident, Placed, Provider, incidents, muted, placed};

/// How the first line of a made file begins.
const MADE_BY: &str = "Made by `cargo run -- template";

/// Why there is no template for a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(
        "providers.{0} and providers.{1}: one name begins with the other and goes on with a capital letter, so that their resources could have one logical id"
    )]
    Alike(String, String),
    #[error(
        "it would have {0} resources, and a stack takes {RESOURCES_AT_MOST}: deploy some providers in an account of their own"
    )]
    TooMany(usize),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Config(Vec<ConfigError>),
    #[error("the template could not be written: {0}")]
    NotWritten(String),
}

#[derive(askama::Template)]
#[template(path = "template.yaml", escape = "none")]
struct Parts<'t> {
    made_by: String,
    suffix: &'t TablesSuffix,
    /// Of the tables' logical ids.
    nth: &'t str,
    providers: &'t [Provider],
    /// Requests a second of each route.
    door: u32,
    alarms: &'t [Placed],
    incidents: Vec<Incident>,
    muted: Vec<Vec<String>>,
    dashboards: Vec<Drawn>,
    queries: &'t [Query],
    /// Of all functions.
    logs: &'t [String],
    /// What notices are made of; empty where nobody is told.
    streams: &'t [(&'t str, &'t str, &'t [&'t str])],
}

/// Which changes end an attempt or a case, or open a case again: the mapping's id, its table, the filters.
const STREAMS: [(&str, &str, &[&str]); 2] = [
    ("Audit", "AuditTable", &[r#"{"dynamodb":{"NewImage":{"outcome":{"S":[{"exists":true}]}}}}"#]),
    (
        "Case",
        "ReconcileTable",
        &[
            r#"{"dynamodb":{"Keys":{"sk":{"S":["case"]}},"NewImage":{"status":{"S":["resolved"]}},"OldImage":{"status":{"S":[{"anything-but":["resolved"]}]}}}}"#,
            r#"{"dynamodb":{"Keys":{"sk":{"S":["case"]}},"NewImage":{"status":{"S":[{"anything-but":["resolved"]}]}},"OldImage":{"status":{"S":["resolved"]}}}}"#,
        ],
    ),
];

/// A dashboard with its body as lines of YAML.
struct Drawn {
    id: &'static str,
    name: &'static str,
    lines: Vec<String>,
}

/// A template that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub text: String,
    /// `infra/alarms.json`, which retry-audit holds against what is deployed.
    pub alarms: String,
    /// `infra/dashboards.json`, likewise.
    pub dashboards: String,
    /// In the order of the file.
    pub providers: Vec<String>,
}

impl Template {
    pub fn of(config: &Config, suffix: &TablesSuffix) -> Result<Self, Refused> {
        let mut providers = vec![];
        for name in config.providers.keys() {
            let provider = config.provider(Some(name)).map_err(Refused::Config)?;
            providers.push(Provider::new(name, provider.answer_within_ms()));
        }
        check(&providers)?;
        let alarms = placed(&alarms::all(), &providers);
        let tells = config.tells().map_err(Refused::Config)?;
        let logs = dashboards::logs(&providers, tells);
        let all = dashboards::all();
        let drawn = all.iter().map(|dashboard| Drawn {
            id: dashboard.id,
            name: dashboard.name,
            lines: dashboard.body(&providers, &alarms, &logs, suffix.nth()),
        });
        let parts = Parts {
            made_by: format!("{}: change the configuration or infra/catalogue, and run that again.", command(suffix)),
            suffix,
            nth: suffix.nth(),
            providers: &providers,
            door: door(config.rail.payouts_a_second(), providers.len()),
            alarms: &alarms,
            incidents: incidents(&alarms),
            muted: muted(&alarms),
            dashboards: drawn.collect(),
            queries: &QUERIES,
            logs: &logs,
            streams: if tells { &STREAMS } else { &[] },
        };
        let dashboards =
            deployed::dashboards(parts.dashboards.iter().map(|drawn| (drawn.name, drawn.lines.as_slice())))
                .ok_or_else(|| Refused::NotWritten("a dashboard is no JSON".to_owned()))?;
        let text = askama::Template::render(&parts).map_err(|error| Refused::NotWritten(error.to_string()))?;
        fits(&text)?;
        let providers = providers.into_iter().map(|provider| provider.name).collect();
        Ok(Self { text: format!("{}\n", text.trim_end()), alarms: deployed::file(&alarms), dashboards, providers })
    }
}

/// Of one that says nothing: what rails ask for at the least.
const PAYOUTS_A_SECOND: u32 = 5;

/// Four fifths of what the rail takes, shared by all providers: people and further attempts pay beside them.
fn door(payouts_a_second: Option<u32>, providers: usize) -> u32 {
    let shared = u64::from(payouts_a_second.unwrap_or(PAYOUTS_A_SECOND)) * 4 / 5 / (providers.max(1) as u64);
    u32::try_from(shared).unwrap_or(u32::MAX).max(1)
}

fn command(suffix: &TablesSuffix) -> String {
    match suffix.nth() {
        "" => format!("{MADE_BY}`"),
        _ => format!("{MADE_BY} --tables-suffix {suffix}`"),
    }
}

/// With which tables a template works that was made before; `None` if it was not made by this.
pub fn suffix_of(text: &str) -> Option<TablesSuffix> {
    let first = text.lines().next()?.strip_prefix("# ")?.strip_prefix(MADE_BY)?;
    let (options, _) = first.split_once('`')?;
    options.trim().trim_start_matches("--tables-suffix").trim().parse().ok()
}

fn check(providers: &[Provider]) -> Result<(), Refused> {
    for one in providers {
        for other in providers {
            // `Webhook{one}Log` is also what a provider `{one}Log` would be called. An escape is no ending of ours.
            let rest = other.id.strip_prefix(&one.id).unwrap_or_default();
            if rest.starts_with(|first: char| first.is_ascii_uppercase() && first != 'X') {
                return Err(Refused::Alike(one.name.clone(), other.name.clone()));
            }
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const RESOURCES_AT_MOST: usize = 500;
/// What SAM adds to a function: version, alias, and what holds for the alias.
const BESIDE_A_FUNCTION: usize = 3;

fn fits(text: &str) -> Result<(), Refused> {
    let count = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
    let (written, functions) = (count("    Type: AWS::"), count("    Type: AWS::Serverless::Function"));
    // A canary's group for each webhook, one application and one role.
    let resources = written + BESIDE_A_FUNCTION * functions + count("      DeploymentPreference:") + 2;
    if resources > RESOURCES_AT_MOST { Err(Refused::TooMany(resources)) } else { Ok(()) }
}
