//! What a rail's complete answer means, as data: a [`Table`] for each rail, and one pure function that reads it. Whatever
//! a table does not list is `Unknown`.

use http::{HeaderMap, Response};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_wire::{ApiSecret, hold, text_at};
use serde::Deserialize;
use serde_json::Value;

use crate::amount::AmountForm;
use crate::payment::Evidence;
use crate::sentence::Sentence;

/// How one rail answers. A pointer is a JSON pointer (RFC 6901) into the answer's body.
#[derive(Clone, Debug)]
pub struct Table {
    /// Where the rail's payout id stands, and how it begins.
    pub id: String,
    pub id_prefix: String,
    /// Pointers and the text that each must hold in a 2xx, besides what the request asked for.
    pub must_hold: Vec<(String, String)>,
    pub status: Option<StatusField>,
    /// A refusal counts only in the rail's own error format: a text must stand here (a proxy's HTML is not the rail).
    /// Without a place for it no error is the rail's own.
    pub error_type: Option<String>,
    pub error_code: Option<String>,
    /// Where an error says to people what is wrong.
    pub error_message: Option<String>,
    /// Read in order, the first that matches decides.
    pub refusals: Vec<RefusalRow>,
    /// Header and value by which the rail says that it repeats an earlier answer.
    pub replay_mark: Option<(String, String)>,
    /// Header with the rail's own name for the request.
    pub request_id: Option<String>,
}

/// A rail that says in a 2xx that it refused. A status that neither list holds is `Unknown`.
#[derive(Clone, Debug)]
pub struct StatusField {
    pub pointer: String,
    pub accepted: Vec<String>,
    pub refused: Vec<String>,
}

/// One row of a rail's table of refusals; `None` matches anything.
#[derive(Clone, Debug)]
pub struct RefusalRow {
    pub http_status: Option<u16>,
    pub error_type: Option<String>,
    pub error_code: Option<String>,
    pub means: Means,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Not executed; the rail keeps the refusal under the rail key.
    Rejected,
    /// Not executed, and the rail key is still fresh.
    NotBegun,
    /// It speaks of an earlier request, or says nothing certain.
    Unknown,
}

/// What an answer must repeat of this very order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    Text(String),
    /// The same sum in the rail's units, however many zeros end it.
    Amount(AmountForm, Money),
}

impl Echo {
    fn stands_at(&self, pointer: &str, body: &Value) -> bool {
        match self {
            Self::Text(text) => text_at(body, pointer).as_ref() == Some(text),
            Self::Amount(form, money) => {
                body.pointer(pointer).and_then(|value| form.read(value, money.exponent())) == Some(money.minor())
            }
        }
    }
}

/// What the answer alone says: of the exchange it knows nothing. `echo` holds what a 2xx must repeat, pointer by pointer; a message
/// that repeats one of `secrets` is not kept.
pub fn classify(
    table: &Table,
    echo: &[(String, Echo)],
    secrets: &[ApiSecret],
    answer: &Response<impl AsRef<[u8]>>,
) -> (Verdict, Evidence) {
    let http_status = answer.status().as_u16();
    let replayed = is_replay(table, answer.headers());
    let mut said = Evidence {
        request_id: table
            .request_id
            .as_ref()
            .and_then(|name| answer.headers().get(name)?.to_str().ok())
            .and_then(plain),
        ..Evidence::default()
    };
    let Ok(body) = serde_json::from_slice::<Value>(answer.body().as_ref()) else {
        return unknown(said, "not_json");
    };
    let text = |pointer: &Option<String>| text_at(&body, pointer.as_ref()?);
    let (verdict, said) = if answer.status().is_success() {
        accepted(table, echo, &body, replayed, said)
    } else {
        let at = |pointer: &Option<String>| text(pointer).as_deref().and_then(plain);
        said.error_type = at(&table.error_type);
        said.error_code = at(&table.error_code);
        refused(table, http_status, replayed, said)
    };
    // Of what was accepted there is nothing to say, and its narration may name the payee.
    let message = text(&table.error_message).filter(|_| verdict.outcome != Outcome::Accepted);
    (verdict, Evidence { message: message.and_then(|text| Sentence::of(&text, secrets)), ..said })
}

fn accepted(
    table: &Table,
    echo: &[(String, Echo)],
    body: &Value,
    replayed: bool,
    mut said: Evidence,
) -> (Verdict, Evidence) {
    said.rail_id = text_at(body, &table.id).filter(|id| id.starts_with(&table.id_prefix)).as_deref().and_then(plain);
    if said.rail_id.is_none() {
        return unknown(said, "no_payout_id");
    }
    if !hold(body, &table.must_hold) {
        return unknown(said, "other_object");
    }
    if !echo.iter().all(|(pointer, echo)| echo.stands_at(pointer, body)) {
        return unknown(said, "other_order");
    }
    let outcome = match &table.status {
        None => Outcome::Accepted,
        Some(field) => {
            let status = text_at(body, &field.pointer).unwrap_or_default();
            said.rail_status = plain(&status);
            if field.accepted.contains(&status) {
                Outcome::Accepted
            } else if field.refused.contains(&status) {
                Outcome::Rejected
            } else {
                return unknown(said, "unlisted_status");
            }
        }
    };
    if replayed && outcome == Outcome::Rejected {
        return unknown(said, "replayed_refusal");
    }
    (Verdict { replayed, ..Verdict::plain(outcome) }, said)
}

fn refused(table: &Table, http_status: u16, replayed: bool, said: Evidence) -> (Verdict, Evidence) {
    if replayed {
        // Somebody else used this rail key first, and was refused; what else they sent is not known.
        return unknown(said, "replayed_refusal");
    }
    if said.error_type.is_none() {
        return unknown(said, "not_the_rails_error");
    }
    let row = table.refusals.iter().find(|row| {
        row.http_status.is_none_or(|status| status == http_status)
            && (row.error_type.is_none() || row.error_type == said.error_type)
            && (row.error_code.is_none() || row.error_code == said.error_code)
    });
    match row.map(|row| row.means) {
        Some(Means::Rejected) => (Verdict::plain(Outcome::Rejected), said),
        Some(Means::NotBegun) => (Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) }, said),
        Some(Means::Unknown) => unknown(said, "listed_as_unknown"),
        None => unknown(said, "unlisted_error"),
    }
}

fn unknown(said: Evidence, doubt: &'static str) -> (Verdict, Evidence) {
    (Verdict::UNKNOWN, Evidence { failure: Some(doubt), ..said })
}

fn is_replay(table: &Table, headers: &HeaderMap) -> bool {
    table.replay_mark.as_ref().is_some_and(|(name, value)| {
        headers.get_all(name).iter().any(|mark| mark.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
    })
}

/// A text, a whole number or a truth value, as text. Numbers are compared as written, never through a float.
/// A word that may stand in evidence and logs. Ids and codes are short and plain; whatever is not is left out, for it
/// may hold personal data.
fn plain(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RazorpayX and Wise refuse inside a 2xx.
    fn with_status() -> Table {
        Table {
            id: "/id".into(),
            id_prefix: String::new(),
            must_hold: vec![],
            status: Some(StatusField {
                pointer: "/status".into(),
                accepted: vec!["queued".into(), "processing".into()],
                refused: vec!["rejected".into()],
            }),
            error_type: Some("/error/code".into()),
            error_code: Some("/error/reason".into()),
            error_message: Some("/error/description".into()),
            refusals: vec![],
            replay_mark: None,
            request_id: Some("x-request-id".into()),
        }
    }

    fn says(body: &str) -> (Verdict, Evidence) {
        classify(&with_status(), &[], &[], &Response::builder().status(200).body(body.as_bytes()).unwrap())
    }

    #[test]
    fn reads_a_refusal_inside_a_2xx() {
        assert_eq!(says(r#"{"id":"p1","status":"rejected"}"#).0, Verdict::plain(Outcome::Rejected));
        assert_eq!(says(r#"{"id":"p1","status":"queued"}"#).0, Verdict::plain(Outcome::Accepted));
        for unlisted in [r#"{"id":"p1","status":"on_hold"}"#, r#"{"id":"p1"}"#, r#"{"id":"p1","status":null}"#] {
            let (verdict, said) = says(unlisted);
            assert_eq!((verdict, said.failure), (Verdict::UNKNOWN, Some("unlisted_status")), "{unlisted}");
        }
    }

    #[test]
    fn drops_personal_data_in_place_of_an_id_or_a_code() {
        let (verdict, said) = says(r#"{"id":"Jane Doe <jane@example.com>","status":"queued"}"#);
        assert_eq!((verdict, said.rail_id), (Verdict::UNKNOWN, None));
        let answer = Response::builder()
            .status(400)
            .header("x-request-id", "jane doe")
            .body(r#"{"error":{"code":"no such payee: Jane Doe","reason":"DE89 3704 0044"}}"#)
            .unwrap();
        let (verdict, said) = classify(&with_status(), &[], &[], &answer);
        assert_eq!(verdict, Verdict::UNKNOWN);
        assert_eq!(said, Evidence { failure: Some("not_the_rails_error"), ..Evidence::default() });
    }

    #[test]
    fn a_number_is_compared_as_it_is_written() {
        let echo = [("/amount".to_owned(), Echo::Text("9007199254740993".to_owned()))];
        let answer = |body: &'static str| Response::new(body.as_bytes());
        let says = |body| classify(&with_status(), &echo, &[], &answer(body)).0.outcome;
        assert_eq!(says(r#"{"id":"p","status":"queued","amount":9007199254740993}"#), Outcome::Accepted);
        assert_eq!(says(r#"{"id":"p","status":"queued","amount":9007199254740992}"#), Outcome::Unknown);
    }

    #[test]
    fn keeps_the_rails_own_sentence_unless_it_repeats_a_secret() {
        let says = |secrets: &[ApiSecret]| {
            let body =
                r#"{"error":{"code":"BAD_REQUEST_ERROR","reason":"x","description":"No payee for planted_secret"}}"#;
            let answer = Response::builder().status(400).body(body).unwrap();
            classify(&with_status(), &[], secrets, &answer).1.message.map(|message| message.as_str().to_owned())
        };
        assert_eq!(says(&[]).as_deref(), Some("No payee for planted_secret"));
        let accepted = r#"{"id":"p","status":"queued","error":{"description":"For Jane Doe"}}"#;
        let refused = accepted.replace("queued", "rejected");
        let of = |body: &str| {
            let answer = Response::new(body.as_bytes());
            classify(&with_status(), &[], &[], &answer).1.message.is_some()
        };
        assert_eq!((of(accepted), of(&refused)), (false, true));
        assert_eq!(says(&[ApiSecret::new("planted_secret").unwrap()]), None);
    }
}
