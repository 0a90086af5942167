//! The cause that the cases of an incident share, in words for people who have never seen the code that the tables keep of it.

use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::rows::Book;

use super::book_words::whose;
use super::format::shown;

/// The rail's own codes are shown as they are.
pub(crate) fn cause(code: &str) -> String {
    let words = match code {
        "first_byte_too_late" => "it answered too late",
        "timed_out" => "it did not answer in time",
        "closed" => "it hung up",
        "reset" => "the connection broke",
        "answer_too_large" => "its answer is too long",
        "answer_malformed" | "not_json" => "its answer cannot be read",
        "answer_cut" => "its answer broke off",
        "no_payout_id" => "its answer names no payout",
        "other_object" | "other_order" => "its answer is about something else",
        "unlisted_status" => "its status is not in its documentation",
        "unlisted_error" => "its error is not in its documentation",
        "replayed_refusal" => "it repeated an old refusal",
        "not_the_rails_error" => "somebody else answered in its place",
        "listed_as_unknown" => "its error leaves it open",
        "held" => "payouts were held",
        _ if code.starts_with("books/") => return books(code),
        _ => return shown(code).replace(['_', '-'], " "),
    };
    words.to_owned()
}

/// `books/payout_missing/rail`
fn books(code: &str) -> String {
    let mut parts = code.split('/').skip(1);
    let said = parts.next().and_then(BreakKind::parse).zip(parts.next().and_then(Book::parse));
    said.map_or_else(|| shown(code).replace(['_', '-'], " "), |(_, book)| format!("seen in {}", whose(book)))
}
