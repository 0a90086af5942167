//! Holds what is deployed against the retry census, each ten minutes: a setting that somebody changed by hand is named
//! before it repeats a payout. It only reads.
//!
//! [`alarms`] and [`dashboards`] are held against what the template made. [`census`] is the file, [`collect`] asks AWS, [`mod@verdict`] compares and is a pure function. AWS's answers stay the JSON
//! that they are: an SDK's structs would drop settings that AWS added later, and those are to be reported as drift.
//!
//! What AWS did not answer is drift, too:
//!
//! ```
//! use retry_audit::census::{Census, TEXT};
//! use retry_audit::verdict::{Deployed, verdict};
//!
//! let census = Census::parse(TEXT)?;
//! let expected = census.expected(
//!     r#"{"tripwire":"a","failed_runs":"f","audit_stream":"b","reserved_concurrency":"none","function_timeout_seconds":"25"}"#,
//! )?;
//! assert!(!verdict(&census, &expected, &Deployed::default()).is_empty());
//! # Ok::<(), String>(())
//! ```

pub mod alarms;
pub mod census;
pub mod collect;
pub mod dashboards;
pub mod verdict;

use payonce_runtime::aws::Aws;
use payonce_runtime::clock::Clock;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::start::Tables;
use serde::Serialize;
use serde_json::json;

use alarms::Made;
use census::{Census, Expected};
use collect::{Names, NotSeen};
use verdict::{Drift, verdict};

/// Why it does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the retry census cannot be read: {0}")]
    Census(String),
    #[error("the alarms as they were made cannot be read: {0}")]
    Alarms(String),
    #[error("the dashboards as they were made cannot be read: {0}")]
    Dashboards(String),
    #[error("PAYONCE_EXPECTED {0}")]
    Expected(String),
    #[error("PAYONCE_STACK is not set")]
    Stack,
    #[error("TLS cannot be set up")]
    Tls,
}

pub struct App {
    census: Census,
    made: Made,
    shown: dashboards::Made,
    expected: Expected,
    names: Names,
    aws: Aws,
    clock: Clock,
    metrics: Metrics,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub drift: Vec<Drift>,
}

impl App {
    pub fn new(started: Tables) -> Result<Self, StartError> {
        let environment = started.environment;
        let stack = environment.stack.clone().ok_or(StartError::Stack)?;
        let expected = environment.expected.as_deref().ok_or_else(|| StartError::Expected("is not set".to_owned()))?;
        let census = Census::parse(census::TEXT).map_err(StartError::Census)?;
        let expected = census.expected(expected).map_err(StartError::Expected)?;
        let made = Made::parse(alarms::TEXT).map_err(StartError::Alarms)?;
        let shown = dashboards::parse(dashboards::TEXT).map_err(StartError::Dashboards)?;
        let names = Names {
            stack,
            tables: [
                ("audit", environment.audit_table.clone()),
                ("bodies", environment.bodies_table.clone()),
                ("reconcile", environment.reconcile_table.clone()),
            ],
            dashboards: shown.keys().cloned().collect(),
            has_composites: expected.get("composite_alarms").is_some_and(|composed| composed == "true"),
        };
        let (clock, metrics) = (started.clock, started.metrics);
        Ok(Self { census, made, shown, expected, names, aws: Aws::new(&environment, clock.clone()), clock, metrics })
    }

    /// What differs. An answer that could not be had is an error, never "nothing differs".
    pub async fn run(&self) -> Result<Report, NotSeen> {
        let mut metrics = self.metrics.audit();
        let began = self.clock.now();
        let deployed = collect::deployed(&self.aws, &self.names).await?;
        let mut drift = verdict(&self.census, &self.expected, &deployed);
        drift.extend(alarms::changed(&self.made, &self.expected, &deployed));
        drift.extend(dashboards::changed(&self.shown, &deployed));
        for found in &drift {
            tracing::error!(
                place = found.place,
                subject = found.subject,
                path = found.path,
                must = found.must,
                found = found.found,
                "a deployed setting differs from the retry census"
            );
        }
        let of_alarms = drift.iter().filter(|found| found.place == alarms::PLACE).count();
        metrics.ran(drift.iter().map(|found| json!(found)).collect(), of_alarms);
        let took_ms = self.clock.now().saturating_sub(began);
        tracing::info!(functions = deployed.functions.len(), drift = drift.len(), took_ms, "retry audit done");
        Ok(Report { drift })
    }
}
