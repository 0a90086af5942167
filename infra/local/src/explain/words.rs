//! An explanation as aligned plain words.

use std::fmt::Write;

use jiff::Timestamp;
use payonce_protocol::UnixMillis;
use payonce_providers::NoPayout;
use serde_json::Value;

use super::{Event, Explained, Place, Rule};
use crate::near::hint;
use crate::report::Paint;

const LABEL: usize = 12;
const VALUE_AT_MOST: usize = 60;

/// A value of the event with its type, short enough for a line.
pub fn value(value: &Value) -> String {
    let kind = match value {
        Value::Null => return "null".to_owned(),
        Value::Bool(_) => "truth value",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "an object".to_owned(),
    };
    let text = value.to_string();
    let short: String = text.chars().take(VALUE_AT_MOST).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    format!("{short}{cut} ({kind})")
}

pub fn moment(at: UnixMillis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "no time".to_owned(), |at| format!("{at:.0}"))
}

pub fn no_payout(why: NoPayout) -> &'static str {
    match why {
        NoPayout::Ignored => "the type stands in `ignore`",
        NoPayout::WhenNotMet => "`when` names a value that is known not to pay",
    }
}

/// Which rule looks at the event, and why.
pub fn rule(provider: &str, event_type: &str, rules: &[Rule], named: &[&str]) -> String {
    let asking: Vec<&str> = rules.iter().filter(|rule| rule.asks).map(|rule| rule.name.as_str()).collect();
    match (rules, &asking[..]) {
        ([], _) if named.is_empty() => format!("no rule of providers.{provider} names {event_type}; there is none"),
        ([], _) => {
            let near = hint(event_type, named.iter().copied());
            let named = named.join(", ");
            format!("no rule of providers.{provider} names {event_type}; there are rules for {named}{near}")
        }
        (_, [one]) => format!("providers.{provider}.{one} names this type, and asks for a payout"),
        ([one], []) if !one.tells => {
            format!("providers.{provider}.{} names this type, and cannot tell whether it asks", one.name)
        }
        ([one], []) => format!("providers.{provider}.{} names this type, and does not ask", one.name),
        (several, []) => format!("{} rules of providers.{provider} name this type, and none asks", several.len()),
        (_, several) => format!("{} of providers.{provider} ask at once", several.join(" and ")),
    }
}

pub fn answer(explained: &Explained) -> String {
    if let Some(problem) = &explained.unreadable {
        return format!("a case invalid_event: {problem}");
    }
    let count = |outcome: &str| explained.events.iter().filter(|event| event.outcome == outcome).count();
    match &explained.events[..] {
        [] => "there is no event in it".to_owned(),
        [one] => of_event(one),
        _ => {
            let counted = [
                ("paid", "to be paid"),
                ("no_payout", "that ask for nothing"),
                ("barred", "that bar a payout"),
                ("case", "in a case each"),
            ];
            let said = counted.map(|(outcome, words)| (count(outcome), words));
            let said = said.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}"));
            said.collect::<Vec<_>>().join(", ")
        }
    }
}

fn of_event(event: &Event) -> String {
    let problem = event.problem.as_deref().unwrap_or_default();
    match event.outcome {
        "paid" => "paid once the rail accepts; a case when it does not".to_owned(),
        "no_payout" | "barred" => format!("{}: {problem}", event.outcome),
        _ => format!("a case {}: {problem}", event.reason.as_deref().unwrap_or_default()),
    }
}

/// Rows of a label and what stands beside it, the following lines without their label.
struct Rows<'p> {
    text: String,
    paint: &'p Paint,
}

impl Rows<'_> {
    fn row(&mut self, label: &str, said: &str) {
        let padded = format!("{label:<LABEL$}");
        let line = format!("  {}  {said}", self.paint.bold(&padded));
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    fn more(&mut self, said: &str) {
        let line = format!("  {:LABEL$}  {said}", "");
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    /// Columns as wide as their widest.
    fn columns(&mut self, label: &str, lines: &[Vec<String>]) {
        let count = lines.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..count).map(width).collect();
        for (index, line) in lines.iter().enumerate() {
            let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            let said = cells.join("  ");
            if index == 0 { self.row(label, &said) } else { self.more(&said) }
        }
    }
}

impl Explained {
    pub fn text(&self, paint: &Paint) -> String {
        let mut rows = Rows { text: String::new(), paint };
        let _ = writeln!(rows.text, "{} as {} sends it; nothing is sent or written here\n", self.file, self.provider);
        let signature = &self.signature;
        rows.row("signature", &format!("{} ({})", signature.result, signature.note));
        rows.more(&signature.header);
        let time = signature.time.as_ref().map(|time| format!("; time: {time}")).unwrap_or_default();
        rows.more(&format!("over {}{time}", signature.signed));
        rows.more(&format!("secret: {}", signature.secrets.join(", ")));
        if let Some(problem) = &self.unreadable {
            rows.row("body", problem);
        }
        for (index, event) in self.events.iter().enumerate() {
            if self.events.len() > 1 {
                let _ = writeln!(rows.text, "\n  event {} of {}", index + 1, self.events.len());
            }
            event.rows(&mut rows);
            if self.events.len() > 1 {
                rows.row("comes to", &of_event(event));
            }
        }
        let _ = writeln!(rows.text);
        rows.row("answer", &format!("{}: {}", self.answer.status, self.answer.says));
        self.hints.iter().for_each(|hint| rows.more(hint));
        for key in
            self.events.iter().filter(|event| event.outcome == "paid").filter_map(|event| event.key.as_ref()).take(1)
        {
            rows.more("the same event again: 200, a duplicate: nothing is paid");
            rows.more(&format!("another event, sum or payee for {key}: 200, and a case"));
        }
        if self
            .events
            .iter()
            .any(|event| event.problem.as_ref().is_some_and(|problem| problem.contains("another mode")))
        {
            let mode = self.mode["mode"].as_str().unwrap_or_default();
            rows.more(&format!("the rail takes {mode} events here ({})", self.mode["by"].as_str().unwrap_or_default()));
        }
        rows.text
    }
}

impl Event {
    fn rows(&self, rows: &mut Rows<'_>) {
        if let Some(problem) = &self.unreadable {
            rows.row("event", problem);
            return;
        }
        let named = [("id", &self.id), ("type", &self.event_type), ("time", &self.time)];
        let lines: Vec<Vec<String>> = named
            .iter()
            .filter_map(|(what, place)| {
                let Place { value, from } = place.as_ref()?;
                Some(vec![(*what).to_owned(), value.clone(), format!("from {from}")])
            })
            .collect();
        rows.columns("event", &lines);
        if self.time.is_none() {
            rows.more("no time is signed");
        }
        rows.row("rule", &self.rule);
        for rule in &self.rules {
            self.rule_rows(rule, rows);
        }
        if let Some(request) = &self.request {
            rows.row("request", &format!("{} {}", request.method, request.url));
            let widest = request.headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
            for (name, value) in &request.headers {
                rows.more(&format!("{:widest$}  {value}", format!("{name}:"), widest = widest + 1));
            }
            rows.more("");
            rows.more(&request.body);
        }
    }

    fn rule_rows(&self, rule: &Rule, rows: &mut Rows<'_>) {
        let several = self.rules.len() > 1;
        let label =
            |what: &str| if several { format!("{what} {}", &rule.name["payouts".len()..]) } else { what.to_owned() };
        let when = rule.when.iter().map(|line| {
            vec![
                line.at.clone(),
                format!("needs {}", line.needs),
                format!("found {}", line.found),
                line.says.to_owned(),
            ]
        });
        let when: Vec<_> = when.collect();
        match &when[..] {
            [] => rows.row(&label("when"), "nothing is asked: every event of this type asks"),
            when => rows.columns(&label("when"), when),
        }
        if !rule.asks {
            return;
        }
        let from = |places: &[Place]| {
            places.iter().map(|place| format!("{} at {}", place.value, place.from)).collect::<Vec<_>>().join(", ")
        };
        // What could not be read of a misfit is left out; the problem says why.
        let read = |value: &Option<String>, from: String| match value {
            Some(value) => format!("{value}  from {from}"),
            None => from,
        };
        rows.row("key", &read(&self.key, from(&rule.key)));
        let currency = match rule.currency.from.starts_with('/') {
            true => from(std::slice::from_ref(&rule.currency)),
            false => format!("{} by the rule", rule.currency.from),
        };
        let amount = from(std::slice::from_ref(&rule.amount));
        rows.row("amount in", &read(&self.amount_in, format!("{amount}, {}; {currency}", rule.amount_as)));
        if let Some(out) = &self.amount_out {
            rows.row("amount out", out);
        }
        let destination = from(std::slice::from_ref(&rule.destination));
        rows.row("payee", &read(&self.payee, destination));
        let fields: Vec<Vec<String>> = rule
            .rail_fields
            .iter()
            .map(|(name, place)| vec![name.clone(), place.value.clone(), format!("from {}", place.from)])
            .collect();
        rows.columns("rail fields", &fields);
    }
}
