//! What the terminal shows: plain aligned text, and colours only where somebody looks.

use payonce_protocol::fact::FactName;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;

use payonce_ledger::{Case, KeptRun};
use payonce_protocol::reconcile::finding::Finding;
use serde_json::Value;

use crate::books::{Books, Fault};
use crate::play::Scene;
use crate::stack::{Stack, sandbox_secrets};

/// Colours, or none of them.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// Colours on a terminal, unless <https://no-color.org> is asked for.
    pub fn stdout() -> Self {
        Self::on(&std::io::stdout())
    }

    pub fn stderr() -> Self {
        Self::on(&std::io::stderr())
    }

    fn on(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(stream.is_terminal() && !refused)
    }

    pub const PLAIN: Self = Self(false);

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn good(self, text: &str) -> String {
        self.with("1;32", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.with("1;33", text)
    }

    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }
}

/// Stripe's and the rail's: what the commands below use.
const SECRETS_SHOWN: usize = 3;

/// What runs where.
pub fn introduction(stack: &Stack, data: Option<&Path>, paint: Paint) -> String {
    let kept = data.map_or_else(|| "in memory".to_owned(), |directory| format!("kept in {}", directory.display()));
    let address = stack.front.address();
    let mut text = paint.bold("payonce on this machine: nothing here moves money");
    text.push_str("\n\n");
    let own = stack.setup.is_own;
    let doors = stack.providers().map(|name| format!("/webhooks/{name}")).collect::<Vec<_>>().join(", ");
    let door = if own { format!("POST {doors}") } else { "POST /webhooks/{provider}".to_owned() };
    let rail = match stack.rail.is_described() {
        true => "as rail.http describes it",
        false => "as Stripe's transfers",
    };
    for (what, place, more) in [
        ("front door", format!("http://{address}"), door.as_str()),
        ("console", format!("http://{address}/console"), "sign in as anybody"),
        ("sandbox rail", stack.rail.url(), rail),
        ("DynamoDB", stack.dynamo.url(), kept.as_str()),
        ("sweeper", "each minute".to_owned(), "and in the play, with its clock ahead"),
    ] {
        let _ = writeln!(text, "  {what:<14}{place:<31}{}", paint.dim(more));
    }
    if own {
        let _ = writeln!(text, "  {:<14}{:<31}{}", "mode", stack.setup.mode.as_str(), paint.dim(stack.setup.mode_by));
        text.push_str(&own_secrets(stack, paint));
        return text;
    }
    let secrets = sandbox_secrets();
    for (index, (name, value)) in secrets.iter().take(SECRETS_SHOWN).enumerate() {
        let what = if index == 0 { "secrets" } else { "" };
        let set = std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let value = if set { "(from the environment)" } else { value };
        let _ = writeln!(text, "  {what:<14}{name}={value}");
    }
    let others = secrets.len().saturating_sub(SECRETS_SHOWN);
    let _ = writeln!(text, "  {:<14}and {others} more, one for each provider: infra/local/src/stack.rs", "");
    text
}

/// Once, and plainly test values: they open nothing but this stack.
fn own_secrets(stack: &Stack, paint: Paint) -> String {
    let held: Vec<_> = stack.setup.held().collect();
    let widest = held.iter().map(|held| held.reference.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (index, held) in held.iter().enumerate() {
        let what = if index == 0 { "secrets" } else { "" };
        let _ = writeln!(text, "  {what:<14}{:<widest$}  {}", held.reference, held.shown());
    }
    if held.iter().any(|held| held.made) {
        let _ = writeln!(
            text,
            "  {:<14}{}",
            "",
            paint.dim("test values of this stack: set the variable of an env: reference for your own")
        );
    }
    text
}

/// Kept from an earlier run.
pub fn held(stack: &Stack, why: &str, paint: Paint) -> String {
    let free = format!("curl -X POST http://{}/sandbox/hold/pay", stack.front.address());
    format!("  {:<14}{}\n  {:<14}{free}", "hold", paint.bad(why), "")
}

/// Why there are cases: which event, and what is wrong with it.
pub fn cases(cases: &[Case], paint: Paint) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let name = |case: &Case| {
        let event = case.event.as_ref().map(ToString::to_string);
        event.or_else(|| case.subject.last().cloned()).unwrap_or_default()
    };
    let reason = cases.iter().map(|case| case.reason.as_str().len()).max().unwrap_or_default();
    let widest = cases.iter().map(|case| name(case).len()).max().unwrap_or_default();
    let mut text = format!("{}\n", paint.bold("  why there are cases"));
    for case in cases {
        let problem = case.details.get(FactName::Problem).unwrap_or_default();
        let line = format!("  {:<reason$}  {:<widest$}  {problem}", case.reason.as_str(), name(case));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

const HEAD: &str = "what was played";

/// One line for each scene.
pub fn scenes(scenes: &[Scene], paint: Paint) -> String {
    let statuses: BTreeSet<u16> = scenes.iter().flat_map(|scene| scene.answers.keys().copied()).collect();
    let widest = scenes.iter().map(|scene| scene.name.chars().count()).max().unwrap_or_default().max(HEAD.len());
    let columns: String = statuses.iter().map(|status| format!("{status:>5}")).collect();
    let head = format!("  {:<widest$}{:>6}{columns}{:>6}  cases opened", HEAD, "sent", "paid");
    let mut text = format!("{}\n", paint.bold(&head));
    let margin = head.chars().count() - "cases opened".len();
    for scene in scenes {
        let sent: u64 = scene.answers.values().sum();
        let counts: String =
            statuses.iter().map(|status| number(scene.answers.get(status).copied().unwrap_or_default(), 5)).collect();
        let reasons: Vec<String> = scene.cases.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let reasons = reasons.join(&format!("\n{:margin$}", ""));
        let row =
            format!("  {:<widest$}{}{counts}{}  {reasons}", scene.name, number(sent, 6), number(scene.paid as u64, 6));
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// Nothing is shown as nothing.
fn number(count: u64, width: usize) -> String {
    if count == 0 { " ".repeat(width) } else { format!("{count:>width$}") }
}

/// The three books, and whether they agree.
pub fn books(answers: &BTreeMap<u16, u64>, books: &Books, paint: Paint) -> String {
    let mut text =
        format!("{}\n", paint.bold("  The books: the sender's list, the rail's ledger, the people's list, the tables"));
    let mut line = |name: &str, count: u64| {
        let _ = writeln!(text, "  {name:<36}{count:>7}");
    };
    line("events on the sender's list", books.events as u64);
    line("deliveries sent", answers.values().sum());
    for (status, count) in answers {
        line(&format!("  answered {status}"), *count);
    }
    line("claims in the audit table", books.claims as u64);
    line("payout requests at the rail", books.requests);
    line("payouts at the rail", books.payouts as u64);
    line("  confirmed by an outcome", books.confirmed as u64);
    line("  not confirmed", (books.payouts - books.confirmed) as u64);
    line("paid by hand, on the people's list", books.by_hand as u64);
    line("open cases", books.cases.values().sum::<usize>() as u64);
    for (reason, count) in &books.cases {
        line(&format!("  {reason}"), *count as u64);
    }
    line("cases ended by two people", books.ended.values().sum::<usize>() as u64);
    for (ending, count) in &books.ended {
        line(&format!("  {ending}"), *count as u64);
    }
    let looked_up = books.looked_up;
    line("looked up at the rail by the sweeper", (looked_up.found + looked_up.absent + looked_up.blind) as u64);
    line("  found there", looked_up.found as u64);
    line("  absent", looked_up.absent as u64);
    line("  blind, and so nothing", looked_up.blind as u64);
    text.push('\n');
    for (fault, about) in &books.faults {
        let _ = writeln!(text, "  {}", paint.bad(&format!("{fault}: {about}")));
    }
    let end = format!("{} paid twice, {} lost", books.count(Fault::PaidTwice), books.count(Fault::Lost));
    let _ = writeln!(text, "  {}", if books.agree() { paint.good(&end) } else { paint.bad(&end) });
    if !books.agree() {
        let _ = writeln!(text, "  {}", paint.bad("The books do not agree."));
    }
    text
}

/// What the reconciler said of all four books, and the statement by which it does.
pub fn reconciled(run: &KeptRun, paint: Paint) -> String {
    let manifest: Value = serde_json::from_str(&run.manifest).unwrap_or_default();
    let mut text = format!(
        "{}\n",
        paint.bold("  The reconciler: each payout in the provider's book, ours, the rail's and the bank's")
    );
    let word = |word: &str| word.replace('_', " ");
    let _ = writeln!(text, "  {:<36}{:>12}", "verdict", word(manifest["verdict"].as_str().unwrap_or_default()));
    let gaps = manifest["incomplete"].as_array().into_iter().flatten();
    for gap in gaps {
        let [book, why] = ["book", "why"].map(|name| word(gap[name].as_str().unwrap_or_default()));
        let _ = writeln!(text, "  {:<36}{why:>12}", format!("  book of the {book}"));
    }
    for (kind, count) in manifest["kinds"].as_object().into_iter().flatten() {
        let _ = writeln!(text, "  {:<36}{:>12}", format!("  {}", word(kind)), count.as_u64().unwrap_or_default());
    }
    for (currency, lines) in manifest["statement"].as_object().into_iter().flatten() {
        let of = |name: &str| lines[name]["count"].as_i64().unwrap_or_default();
        let left: Vec<String> = Finding::ALL
            .iter()
            .map(|finding| (finding.as_str(), of(finding.as_str())))
            .filter(|(_, count)| *count != 0)
            .map(|(name, count)| format!("{count} {}", word(name)))
            .collect();
        let left = if left.is_empty() { "0".to_owned() } else { left.join(" + ") };
        let _ = writeln!(
            text,
            "  {currency}  {} asked - {} paid - {} by hand = {left}, residual {}",
            of("carried") + of("asked"),
            of("paid"),
            of("paid_by_hand"),
            of("residual")
        );
    }
    text
}

/// What to try while the stack stays up.
pub fn invitation(stack: &Stack, own: Option<&Path>, paint: Paint) -> String {
    let address = stack.front.address();
    let url = format!("http://{address}");
    let elsewhere = if address.port() == crate::PORT { String::new() } else { format!(" --url {url}") };
    let send = match own {
        None => format!(
            "cargo run -- send events/stripe/payment_intent.succeeded.json --provider stripe --fresh{elsewhere}"
        ),
        Some(config) => {
            let (config, provider) = (config.display(), stack.providers().next().unwrap_or_default());
            let explain = format!("cargo run -- explain FILE --provider {provider} --config {config}");
            format!("cargo run -- send FILE --provider {provider} --config {config}{elsewhere}\n    {explain}")
        }
    };
    format!(
        "\n  {}\n\n    {send}\n    curl {url}/sandbox/rail\n    curl {url}/sandbox/cases\n\n  {}\n",
        paint.bold("Up until Ctrl-C. Try in another terminal:"),
        paint.dim(&format!("More to try: {url}")),
    )
}

/// One delivery or sweep in a few words, from the line that Lambda would carry to CloudWatch. Sweeps that found nothing
/// are not worth one.
pub fn in_passing(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let Some(status) = line["status"].as_u64() else {
        let count = |name: &str| line[name].as_u64().unwrap_or_default();
        let (swept, held) = (count("Swept"), count("HoldTripped") > 0);
        let hold = if held { ", payouts are held until POST /sandbox/hold/pay" } else { "" };
        return (swept > 0 || held).then(|| format!("sweeper  {swept} claims given up{hold}"));
    };
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = line["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut said: Vec<String> = events
        .iter()
        .map(|event| {
            let key = if event["payout_key"].is_string() { &event["payout_key"] } else { &event["event_id"] };
            [word(key), word(&event["outcome"]), word(&event["reason"])].join(" ").trim().to_owned()
        })
        .collect();
    said.extend(line["refused"].as_str().map(str::to_owned));
    Some(format!("POST /webhooks/{}  {status}  {}", word(&line["provider"]), said.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scene_with_two_reasons_keeps_the_columns() {
        let quiet = Scene { name: "quiet".into(), answers: BTreeMap::from([(401, 3)]), ..Scene::default() };
        let busy = Scene {
            name: "a longer name".into(),
            answers: BTreeMap::from([(200, 40), (503, 20)]),
            paid: 20,
            cases: BTreeMap::from([("invalid_event", 2), ("payout_unknown", 1)]),
        };
        let expected = "  what was played  sent  200  401  503  paid  cases opened
  quiet               3         3
  a longer name      60   40        20    20  2 invalid_event
                                              1 payout_unknown
";
        assert_eq!(scenes(&[quiet, busy], Paint::PLAIN), expected);
    }

    #[test]
    fn disagreement_ends_the_books_in_words() {
        let mut found = Books::default();
        assert!(books(&BTreeMap::new(), &found, Paint::PLAIN).ends_with("\n  0 paid twice, 0 lost\n"));
        found.fault(Fault::Lost, "evt_1");
        let shown = books(&BTreeMap::new(), &found, Paint::PLAIN);
        assert!(shown.contains("  lost: evt_1\n  0 paid twice, 1 lost\n  The books do not agree.\n"), "{shown}");
    }

    #[test]
    fn each_delivery_prints_one_line() {
        let line = r#"{"provider":"stripe","status":200,"events":[{"payout_key":"stripe/pi_1","outcome":"unknown","reason":"payout_unknown"}]}"#;
        assert_eq!(in_passing(line).as_deref(), Some("POST /webhooks/stripe  200  stripe/pi_1 unknown payout_unknown"));
        let forged = r#"{"provider":"stripe","status":401,"refused":"mismatch","events":[]}"#;
        assert_eq!(in_passing(forged).as_deref(), Some("POST /webhooks/stripe  401  mismatch"));
        assert_eq!(in_passing(r#"{"Heartbeat":1,"Swept":0}"#), None);
        assert_eq!(in_passing(r#"{"Heartbeat":1,"Swept":2}"#).as_deref(), Some("sweeper  2 claims given up"));
    }
}
