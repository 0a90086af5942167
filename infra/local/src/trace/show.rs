//! A story for people, one line for each thing that happened with what is known of it below; and for programs, by the tables' names.

use std::fmt::Write as _;

use console::pages::words::{self, Words as _};
use console::pages::{NOTHING_ATTEMPTED, money};
use console::story;
use payonce_ledger::FiledCase;
use payonce_protocol::UnixMillis;
use serde_json::{Map, Value, json};

use super::find::{NotFound, Start};
use super::gather::{Kept, Line, Story};
use super::next::{next, time};
use super::{Said, Told};
use crate::report::Paint;

/// Label and headline of a payout key, in the console's words.
fn stands(story: &Story, kept: &Kept, now: UnixMillis) -> (Option<&'static str>, String) {
    let cases: Vec<FiledCase> = story.cases.iter().map(|of| of.filed.clone()).collect();
    let cases: Vec<FiledCase> = cases.into_iter().filter(|filed| filed.case.key.as_ref() == Some(&kept.key)).collect();
    match story::stands(&kept.records.payout, &cases, now) {
        Some(standing) => (Some(standing.label), standing.headline),
        None => (None, NOTHING_ATTEMPTED.to_owned()),
    }
}

/// What the top of its page says, without what is known of its payout.
fn known(filed: &FiledCase) -> &'static str {
    let ended = filed.proposal.as_ref().filter(|_| filed.resolution.is_some());
    ended.map_or_else(|| words::known(filed.case.reason), |made| words::ended(made.ending))
}

/// `+1.204 s`, `+3 min 12 s`, `+2 d 4 h`; nothing is rounded away below a minute.
fn since(ms: u64) -> String {
    let (seconds, rest) = (ms / 1000, ms % 1000);
    match seconds {
        0..60 => format!("+{seconds}.{rest:03} s"),
        60..3600 => format!("+{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("+{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("+{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

pub(super) fn text(told: &Told, paint: Paint) -> String {
    let mut text = String::new();
    match &told.said {
        Said::Story(story) => of_story(&mut text, told, story, paint),
        Said::NotFound(missing) => not_found(&mut text, told, missing, paint),
    }
    text
}

fn not_found(text: &mut String, told: &Told, missing: &NotFound, paint: Paint) {
    let asked = story::shown(&told.asked);
    if missing.several.is_empty() {
        let _ = writeln!(text, "{}", paint.warn(&format!("{asked}: not found in {}", told.place)));
        let _ = writeln!(text, "looked for in:");
        for place in &missing.looked {
            let _ = writeln!(text, "  {place}");
        }
        return;
    }
    let _ = writeln!(text, "{}", paint.warn(&format!("{asked}: several, which are not one story; name one of them")));
    for (start, says) in &missing.several {
        let _ = writeln!(text, "  {}  {says}", named(start));
    }
    if missing.left_off > 0 {
        let _ = writeln!(text, "  and {} more", missing.left_off);
    }
}

fn named(start: &Start) -> String {
    match start {
        Start::Payout(key) => key.to_string(),
        Start::Case(id) => id.to_string(),
    }
}

fn of_story(text: &mut String, told: &Told, story: &Story, paint: Paint) {
    for kept in &story.keys {
        let claim = kept.records.payout.attempts.first().map(|attempt| &attempt.claim);
        let sum = claim.map(|claim| format!("  {} to {}", money(&claim.money), claim.destination)).unwrap_or_default();
        let _ = writeln!(text, "{}{sum}", paint.bold(kept.key.as_str()));
    }
    for (one, other, how) in &story.links {
        let _ = writeln!(text, "{one} is {how} {other}");
    }
    let _ = writeln!(text, "{}\n", paint.dim(&told.place));
    let mut before = None;
    for line in &story.lines {
        of_line(text, line, before, story.keys.len() > 1, paint);
        before = Some(line.at);
    }
    let _ = writeln!(text);
    for kept in &story.keys {
        let (label, headline) = stands(story, kept, told.now);
        let label = label.map(|label| format!("{}. ", paint.bold(label))).unwrap_or_default();
        let key = if story.keys.len() > 1 { format!("{}: ", kept.key) } else { String::new() };
        let _ = writeln!(text, "now    {key}{label}{headline}");
    }
    for of in &story.cases {
        let case = &of.filed.case;
        let (status, reason) = (of.filed.status.label(), case.reason.label());
        let _ = writeln!(text, "case   {}  {reason}, {}: {}", case.id(), status.to_lowercase(), known(&of.filed));
    }
    let _ = writeln!(text, "books  {}", books(story));
    for (index, says) in next(story, told.now).iter().enumerate() {
        let _ = writeln!(text, "{}{says}", if index == 0 { "next   " } else { "       " });
    }
    for says in left_off(story) {
        let _ = writeln!(text, "{}", paint.warn(&says));
    }
}

fn of_line(text: &mut String, line: &Line, before: Option<UnixMillis>, names_key: bool, paint: Paint) {
    let passed = before.map(|before| since(line.at.saturating_sub(before))).unwrap_or_default();
    let by = if line.is_person { paint.bold(&story::shown(&line.by)) } else { paint.dim(&line.by) };
    let what = story::shown(&line.what);
    let _ = writeln!(text, "{}  {passed:<14} {what}, {by}", time(line.at));
    let mut below = |says: &str| {
        let _ = writeln!(text, "{:41}{says}", "");
    };
    if names_key || line.of.starts_with("case ") {
        below(&paint.dim(&line.of));
    }
    if let Some(note) = &line.note {
        story::shown(note).lines().for_each(|part| below(&format!("\u{201c}{part}\u{201d}")));
    }
    for (name, value) in story::in_words(&line.facts) {
        below(&format!("{name}: {}", value.replace(['\n', '\t'], " ")));
    }
}

fn books(story: &Story) -> String {
    let runs = &story.runs;
    let Some(until) = runs.until else { return "No run of the reconciler covers it yet.".to_owned() };
    let count = if runs.read == 1 { "1 run".to_owned() } else { format!("{} runs", runs.read) };
    let breaks = story.lines.iter().filter(|line| line.by == "reconciler" && !line.of.starts_with("case ")).count();
    let says = if breaks == 0 { "none says anything against it" } else { "what they say of it stands above" };
    format!("{count} of the reconciler could speak of it, the last until {}; {says}.", time(until))
}

/// What of it was not read.
fn left_off(story: &Story) -> Vec<String> {
    let unreadable: u32 = story.keys.iter().map(|kept| kept.records.unreadable).sum();
    let mut says = vec![];
    if unreadable > 0 {
        says.push(format!("{unreadable} notes of refusals cannot be read"));
    }
    if story.left_off > 0 {
        says.push(format!("{} more keys that belong to it were left off", story.left_off));
    }
    if story.runs.unreadable > 0 {
        says.push(format!("what {} runs of the reconciler said cannot be read", story.runs.unreadable));
    }
    if story.runs.are_cut {
        says.push(format!("earlier runs of the reconciler than the last {} were not read", story.runs.read));
    }
    says
}

pub(super) fn json(told: &Told) -> Value {
    let mut json = json!({
        "kind": "trace",
        "asked": told.asked,
        "place": told.place,
        "found": told.is_found(),
        "exit": u8::from(!told.is_found()),
    });
    let more = match &told.said {
        Said::Story(story) => story_json(told, story),
        Said::NotFound(missing) => {
            let several = missing.several.iter().map(|(start, says)| match start {
                Start::Payout(key) => json!({ "payout_key": key.to_string(), "says": says }),
                Start::Case(id) => json!({ "case": id.to_string(), "says": says }),
            });
            json!({ "looked": missing.looked, "several": several.collect::<Vec<_>>(), "left_off": missing.left_off })
        }
    };
    if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    json
}

fn story_json(told: &Told, story: &Story) -> Value {
    let mut before = None;
    let lines = story.lines.iter().map(|line| {
        let since_ms = before.map(|before| line.at.saturating_sub(before));
        before = Some(line.at);
        let facts: Map<String, Value> =
            line.facts.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({
            "at": time(line.at),
            "since_ms": since_ms,
            "of": line.of,
            "what": line.what,
            "by": line.by,
            "is_person": line.is_person,
            "note": line.note,
            "facts": facts,
        })
    });
    let lines: Vec<Value> = lines.collect();
    let payouts = story.keys.iter().map(|kept| {
        let (label, headline) = stands(story, kept, told.now);
        json!({ "payout_key": kept.key.to_string(), "stands": label, "headline": headline })
    });
    let cases = story.cases.iter().map(|of| {
        let case = &of.filed.case;
        json!({
            "case": case.id().to_string(),
            "reason": case.reason.to_string(),
            "status": of.filed.status.to_string(),
            "known": known(&of.filed),
        })
    });
    let links = story
        .links
        .iter()
        .map(|(one, other, how)| json!({ "key": one.to_string(), "is": how, "of": other.to_string() }));
    json!({
        "payouts": payouts.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "timeline": lines,
        "cases": cases.collect::<Vec<_>>(),
        "books": { "runs": story.runs.read, "until": story.runs.until.map(time) },
        "next": next(story, told.now),
        "left_off": left_off(story),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_between_lines_is_told_in_two_units() {
        for (ms, words) in [
            (0, "+0.000 s"),
            (1_204, "+1.204 s"),
            (192_000, "+3 min 12 s"),
            (7_260_000, "+2 h 1 min"),
            (187_200_000, "+2 d 4 h"),
        ] {
            assert_eq!(since(ms), words);
        }
    }
}
