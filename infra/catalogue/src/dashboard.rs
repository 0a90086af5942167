//! What a dashboard is, and its body as CloudWatch reads it:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>

use payonce_runtime::metrics::{Metric, NAMESPACE};
use serde_json::{Value as Json, json};

use crate::alarm::{Source, Statistic, Urgency, Value};
use crate::alarms::INDEX_DIMENSION;
use crate::placed::{Placed, Provider};

#[derive(Clone, Debug)]
pub struct Dashboard {
    /// After `payonce-`.
    pub name: &'static str,
    pub id: &'static str,
    /// How much of the past it opens with, as ISO 8601 writes it.
    pub since: &'static str,
    pub panels: Vec<Panel>,
}

#[derive(Clone, Debug)]
pub struct Panel {
    pub title: &'static str,
    pub view: View,
    pub period_s: u32,
    /// Of 24 columns.
    pub width: u32,
    pub figures: Vec<Figure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// One number for the whole time that is shown.
    Number,
    Lines,
    /// The state of each alarm that pages.
    Alarms,
    /// The newest lines of all functions that this query of CloudWatch Logs Insights finds.
    Log(&'static str),
}

/// One line or number, or one for each provider.
#[derive(Clone, Debug)]
pub enum Figure {
    /// A metric of ours under all the dimensions that it has.
    Ours(Metric, Statistic),
    /// The sum of a metric over everything that writes it.
    Total(Metric),
    /// So many per cent of `of` are `part`; of each provider, or of all together.
    Share {
        label: &'static str,
        part: &'static [Metric],
        of: &'static [Metric],
        by_provider: bool,
    },
    /// The rest that is no `part`.
    Without {
        label: &'static str,
        part: &'static [Metric],
        of: &'static [Metric],
        by_provider: bool,
    },
    Aws(&'static str, Source, Statistic),
}

impl Figure {
    pub fn metrics(&self) -> Vec<Metric> {
        match self {
            Self::Ours(metric, _) | Self::Total(metric) => vec![*metric],
            Self::Share { part, of, .. } | Self::Without { part, of, .. } => [*part, *of].concat(),
            Self::Aws(..) => vec![],
        }
    }
}

const HEIGHT: u32 = 6;
const COLUMNS: u32 = 24;
/// What one widget takes.
const ALARMS_AT_MOST: usize = 100;

impl Dashboard {
    /// The body as a text of `Fn::Sub`, in lines: one for each panel, and below it one for each of its metrics.
    pub fn body(&self, providers: &[Provider], alarms: &[Placed], logs: &[String], nth: &str) -> Vec<String> {
        let mut lines = vec![format!(r#"{{"start":"{}","periodOverride":"inherit","widgets":["#, self.since)];
        let (mut x, mut y) = (0, 0);
        for (index, panel) in self.panels.iter().enumerate() {
            if x + panel.width > COLUMNS {
                (x, y) = (0, y + HEIGHT);
            }
            let (kind, properties, metrics) = panel.properties(providers, alarms, logs, nth);
            let width = panel.width;
            let place = format!(r#""type":"{kind}","x":{x},"y":{y},"width":{width},"height":{HEIGHT}"#);
            let properties = properties.to_string();
            let end = comma(index, self.panels.len());
            if metrics.is_empty() {
                lines.push(format!(r#"  {{{place},"properties":{properties}}}{end}"#));
            } else {
                let properties = properties.trim_end_matches('}');
                lines.push(format!(r#"  {{{place},"properties":{properties},"metrics":["#));
                let metric = |(index, metric): (usize, &Json)| format!("    {metric}{}", comma(index, metrics.len()));
                lines.extend(metrics.iter().enumerate().map(metric));
                lines.push(format!("  ]}}}}{end}"));
            }
            x += panel.width;
        }
        lines.push("]}".to_owned());
        lines
    }
}

fn comma(index: usize, of: usize) -> &'static str {
    if index + 1 < of { "," } else { "" }
}

impl Panel {
    /// What kind of widget it is, its properties, and its metrics.
    fn properties(
        &self,
        providers: &[Provider],
        alarms: &[Placed],
        logs: &[String],
        nth: &str,
    ) -> (&'static str, Json, Vec<Json>) {
        let title = self.title;
        let region = "${AWS::Region}";
        match self.view {
            View::Alarms => {
                let pages = || alarms.iter().filter(|one| one.alarm.urgency == Urgency::Page);
                // Those of the stack first: with very many providers not all are shown.
                let (stack, each) =
                    (pages().filter(|one| one.provider.is_none()), pages().filter(|one| one.provider.is_some()));
                let arns = stack.chain(each).map(|one| format!("${{{}.Arn}}", one.id()));
                let arns: Vec<String> = arns.take(ALARMS_AT_MOST).collect();
                ("alarm", json!({ "title": title, "alarms": arns }), vec![])
            }
            View::Log(query) => {
                let sources: String = logs.iter().map(|log| format!("SOURCE '${{{log}}}' | ")).collect();
                let query = format!("{sources}{query}");
                ("log", json!({ "title": title, "region": region, "view": "table", "query": query }), vec![])
            }
            View::Number | View::Lines => {
                let mut lines = Lines { providers, nth, written: vec![] };
                self.figures.iter().for_each(|figure| lines.add(figure));
                let is_number = self.view == View::Number;
                let view = if is_number { "singleValue" } else { "timeSeries" };
                let properties = json!({
                    "title": title,
                    "region": region,
                    "period": self.period_s,
                    "view": view,
                    "setPeriodToTimeRange": is_number,
                });
                ("metric", properties, lines.written)
            }
        }
    }
}

/// The metrics of one widget, as they are written.
struct Lines<'p> {
    providers: &'p [Provider],
    nth: &'p str,
    written: Vec<Json>,
}

impl Lines<'_> {
    fn add(&mut self, figure: &Figure) {
        match figure {
            Figure::Ours(metric, statistic) => {
                for (provider, mut line) in self.of(*metric) {
                    let name = metric.name();
                    let label = provider.map_or_else(|| name.to_owned(), |provider| format!("{name} {provider}"));
                    line.push(json!({ "stat": statistic.as_str(), "label": label }));
                    self.written.push(line.into());
                }
            }
            Figure::Total(metric) => {
                let ids = self.hidden(&[*metric], None);
                self.expression(format!("SUM([{}])", ids.join(",")), metric.name().to_owned());
            }
            Figure::Share { label, part, of, by_provider } => {
                self.share(label, part, of, *by_provider, |part, of| format!("100*{part}/{of}"))
            }
            Figure::Without { label, part, of, by_provider } => {
                self.share(label, part, of, *by_provider, |part, of| format!("100-100*{part}/{of}"))
            }
            Figure::Aws(label, source, statistic) => self.aws(label, *source, *statistic),
        }
    }

    /// Under which dimensions a metric of ours is written.
    fn of(&self, metric: Metric) -> Vec<(Option<String>, Vec<Json>)> {
        let by_provider = metric.on().iter().any(|wide| !wide.dimensions().is_empty());
        let alone = metric.on().iter().any(|wide| wide.dimensions().is_empty());
        let line = || vec![json!(NAMESPACE), json!(metric.name())];
        let providers = self.providers.iter().filter(|_| by_provider).map(|provider| {
            let dimension = vec![json!("provider"), json!(provider.name)];
            (Some(provider.name.clone()), [line(), dimension].concat())
        });
        providers.chain(alone.then(|| (None, line()))).collect()
    }

    /// The sums of these metrics, out of sight, for a formula: their ids.
    fn hidden(&mut self, metrics: &[Metric], provider: Option<&str>) -> Vec<String> {
        let mut ids = vec![];
        for metric in metrics {
            for (of, mut line) in self.of(*metric) {
                if provider.is_some() && of.as_deref() != provider {
                    continue;
                }
                let id = format!("m{}", self.written.len());
                line.push(json!({ "id": id, "stat": "Sum", "visible": false }));
                self.written.push(line.into());
                ids.push(id);
            }
        }
        ids
    }

    fn expression(&mut self, expression: String, label: String) {
        let id = format!("e{}", self.written.len());
        self.written.push(json!([{ "expression": expression, "label": label, "id": id }]));
    }

    fn share(
        &mut self,
        label: &str,
        part: &[Metric],
        of: &[Metric],
        by_provider: bool,
        formula: fn(&str, &str) -> String,
    ) {
        let each: Vec<Option<String>> = match by_provider {
            true => self.providers.iter().map(|provider| Some(provider.name.clone())).collect(),
            false => vec![None],
        };
        for provider in each {
            let part = format!("SUM([{}])", self.hidden(part, provider.as_deref()).join(","));
            let of = format!("SUM([{}])", self.hidden(of, provider.as_deref()).join(","));
            let label = provider.map_or_else(|| label.to_owned(), |provider| format!("{label} {provider}"));
            self.expression(formula(&part, &of), label);
        }
    }

    fn aws(&mut self, label: &str, source: Source, statistic: Statistic) {
        let Source::Aws { namespace, metric, dimension, value } = source else { return };
        let values: Vec<(String, String)> = match value {
            Value::Ref(id) => vec![(label.to_owned(), format!("${{{id}}}"))],
            Value::Attribute(of) => vec![(label.to_owned(), format!("${{{of}}}"))],
            Value::Table(table) | Value::Index(table, _) => {
                vec![(label.to_owned(), format!("${{{table}{}}}", self.nth))]
            }
            Value::OfProvider(of) => self
                .providers
                .iter()
                .map(|provider| (format!("{label} {}", provider.name), format!("${{Webhook{}{of}}}", provider.id)))
                .collect(),
        };
        for (label, of) in values {
            let shown = json!({ "stat": statistic.as_str(), "label": label });
            let mut line = vec![json!(namespace), json!(metric), json!(dimension), json!(of)];
            if let Value::Index(_, index) = value {
                line.extend([json!(INDEX_DIMENSION), json!(index)]);
            }
            line.push(shown);
            self.written.push(line.into());
        }
    }
}
