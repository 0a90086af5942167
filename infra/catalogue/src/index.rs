//! The index of the alarms that people read: which is urgent, what it means for money, and where its runbook is.

use std::fmt::Write;

use crate::alarm::{Alarm, Scope};
use crate::placed::causes;

const HEAD: &str = "\
<!-- Made by `cargo run -- template` from infra/catalogue. -->

# Alarms

Each alarm by its name, the urgent ones first. A *page* calls somebody at any hour, a *ticket* waits for the next working day. Pages of
one cause come as one of a provider, and one of the whole stack, named in brackets, wherever composite alarms are on; the others page
whatever else is on. What a person on call needs before the first night stands in the [README](README.md).

Which are on:

```sh
aws cloudwatch describe-alarms --alarm-name-prefix payonce- --state-value ALARM --query 'MetricAlarms[].AlarmName' --output text
```

Several are on: begin with the first of these, and see in each runbook's first lines whether to hold payouts.

1. Money or a guard, the pages without a cause in brackets: `paid-twice`, `claims-overwritten`, `webhook-…-impossible`, `tripwire`,
   `retry-config-drift`, `unreadable`, `money-at-risk`, `lost`.
2. `incident-…`, or the alarms in it. Each has a runbook that says with which of its alarms to begin.
3. The tickets.

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
    for (scope, cause) in causes(alarms) {
        let of = if scope == Scope::EachProvider { "{provider}-" } else { "" };
        line(format_args!(
            "| `payonce-incident-{of}{name}` | page | {} | [incident-{name}](incident-{name}.md) |",
            cause.money(),
            name = cause.name()
        ));
    }
    let mut sorted: Vec<&Alarm> = alarms.iter().collect();
    sorted.sort_by_key(|alarm| alarm.urgency);
    for alarm in sorted {
        let of = if alarm.scope == Scope::EachProvider { "webhook-{provider}-" } else { "" };
        let cause = alarm.cause.filter(|_| alarm.is_composed());
        let cause = cause.map(|cause| format!(" ({})", cause.name())).unwrap_or_default();
        let Alarm { name, money, runbook, .. } = alarm;
        let urgency = alarm.urgency.as_str();
        line(format_args!("| `payonce-{of}{name}` | {urgency}{cause} | {money} | [{runbook}]({runbook}.md) |"));
    }
    page
}
