//! The index of the alarms that people read: which is urgent, what it means for money, and where its runbook is.

use std::fmt::Write;

use crate::alarm::{Alarm, Cause, Scope, Urgency};

const HEAD: &str = "\
<!-- Made by `cargo run -- template` from infra/catalogue. -->

# Alarms

Each alarm by its name, the urgent ones first. A *page* calls somebody at any hour, a *ticket* waits for the next working day. Pages of
one cause come as one, named in brackets, wherever composite alarms are on; the others page whatever else is on.

";

/// As it stands in `infra/runbooks/alarms.md`.
pub fn page(alarms: &[Alarm]) -> String {
    let mut page = HEAD.to_owned();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a text does not fail.
        let _ = writeln!(page, "{text}");
    };
    line(format_args!("| alarm | urgency | for your money it means | runbook |"));
    line(format_args!("|---|---|---|---|"));
    for cause in Cause::ALL {
        line(format_args!("| `payonce-incident-{}` | page | {} | of the alarms in it |", cause.name(), cause.money()));
    }
    let mut sorted: Vec<&Alarm> = alarms.iter().collect();
    sorted.sort_by_key(|alarm| alarm.urgency);
    for alarm in sorted {
        let of = if alarm.scope == Scope::EachProvider { "webhook-{provider}-" } else { "" };
        let cause = match (alarm.urgency, alarm.cause) {
            (Urgency::Page, Some(cause)) => format!(" ({})", cause.name()),
            _ => String::new(),
        };
        let Alarm { name, money, runbook, .. } = alarm;
        let urgency = alarm.urgency.as_str();
        line(format_args!("| `payonce-{of}{name}` | {urgency}{cause} | {money} | [{runbook}]({runbook}.md) |"));
    }
    page
}
