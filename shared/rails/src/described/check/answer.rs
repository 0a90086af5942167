//! `[rail.http.answer]` and `[rail.http.errors]`: what the rail's answers mean, as the same table that a coded rail has.

use http::HeaderName;

use super::Found;
use crate::answer::{Means, RefusalRow, StatusField, Table};
use crate::described::config::{AnswerConfig, ErrorsConfig, HttpConfig};

/// Statuses that never prove that nothing was executed, whatever else the answer says.
const NEVER_A_REFUSAL: &[u16] = &[408, 409, 425];

pub(super) fn table(config: &HttpConfig, found: &mut Found) -> Table {
    let answer = &config.answer;
    check_answer(answer, found);
    let must_hold = found.must_hold("answer.must_hold", &answer.must_hold);
    let refusals = config.errors.as_ref().map(|errors| refusals(errors, found)).unwrap_or_default();
    let errors = config.errors.as_ref();
    let mark = config.key.as_ref().and_then(|key| key.replayed.as_ref());
    Table {
        id: answer.id.clone(),
        id_prefix: answer.id_prefix.clone(),
        must_hold,
        status: answer.status.clone().map(|pointer| StatusField {
            pointer,
            accepted: answer.accepted.clone(),
            refused: answer.refused.clone(),
        }),
        // Without a place for it no error is the rail's, and each is unknown.
        error_type: errors.map(|errors| errors.kind.clone()),
        error_code: errors.and_then(|errors| errors.code.clone()),
        error_message: errors.and_then(|errors| errors.message.clone()),
        refusals,
        replay_mark: mark.map(|mark| (mark.header.to_ascii_lowercase(), mark.value.clone())),
        request_id: answer.request_id.as_ref().map(|name| name.to_ascii_lowercase()),
    }
}

fn check_answer(answer: &AnswerConfig, found: &mut Found) {
    found.pointer("answer.id", &answer.id);
    let echo = &answer.echo;
    found.pointers([
        ("answer.status", &answer.status),
        ("answer.echo.amount", &echo.amount),
        ("answer.echo.currency", &echo.currency),
        ("answer.echo.destination", &echo.destination),
        ("answer.echo.reference", &echo.reference),
    ]);
    if echo.amount.is_none() && echo.reference.is_none() {
        found.add(
            "answer.echo",
            "names neither amount nor reference: another payout's answer would pass for this one's",
        );
    }
    if answer.status.is_none() && !(answer.accepted.is_empty() && answer.refused.is_empty()) {
        found.add("answer.status", "is missing, though statuses are listed");
    }
    if answer.status.is_some() && answer.accepted.is_empty() {
        found.add("answer.accepted", "lists no status");
    }
    if let Some(both) = answer.accepted.iter().find(|status| answer.refused.contains(status)) {
        found.add("answer.refused", format!("lists {both}, as accepted does"));
    }
    if answer.accepted.iter().chain(&answer.refused).any(String::is_empty) {
        found.add("answer.accepted", "lists an empty status");
    }
    if let Some(name) = &answer.request_id
        && HeaderName::from_bytes(name.as_bytes()).is_err()
    {
        found.add("answer.request_id", "is not the name of a header");
    }
}

fn refusals(errors: &ErrorsConfig, found: &mut Found) -> Vec<RefusalRow> {
    found.pointer("errors.type", &errors.kind);
    found.pointers([("errors.code", &errors.code), ("errors.message", &errors.message)]);
    let mut rows = vec![];
    for (index, row) in errors.refusals.iter().enumerate() {
        let key = format!("errors.refusals[{index}]");
        if row.code.is_some() && errors.code.is_none() {
            found.add(&key, "has a code, and errors.code does not say where one stands");
        }
        if row.means != Means::Unknown {
            if row.http.is_empty() {
                found.add(&key, "names no HTTP status: nothing is a refusal under every one");
            }
            let proves = |status: &u16| (400..500).contains(status) && !NEVER_A_REFUSAL.contains(status);
            if let Some(status) = row.http.iter().find(|status| !proves(status)) {
                found.add(&key, format!("{status} does not prove that nothing was executed"));
            }
        }
        let refusal = |http_status| RefusalRow {
            http_status,
            error_type: row.kind.clone(),
            error_code: row.code.clone(),
            means: row.means,
        };
        if row.http.is_empty() {
            rows.push(refusal(None));
        }
        rows.extend(row.http.iter().map(|status| refusal(Some(*status))));
    }
    rows
}
