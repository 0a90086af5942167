//! What finance reads: lists that say how far they are, reasons that fit, and no word that only an engineer knows.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "../examples/pages.rs"]
#[allow(dead_code)]
mod samples;

use console::pages::*;
use payonce_protocol::case::{Ending, Role};
use samples::*;

const BASE: &str = "/console";

/// What a reader sees without opening "Technical details": the text, without marks.
fn seen(html: &str) -> String {
    let main = html.split("<main").nth(1).unwrap();
    let mut plain = String::new();
    let mut parts = main.split("<details class=\"tech\">");
    plain.push_str(parts.next().unwrap());
    for part in parts {
        plain.push_str(part.split_once("</details>").unwrap().1);
    }
    let texts = plain.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn words_of_engineers_stand_behind_technical_details() {
    for (name, html) in all(BASE) {
        let text = seen(&html);
        let words = [
            "SHA-256",
            "sha256",
            "eneration",
            "refusal_understood",
            "Phase",
            "Offered",
            "surely_not",
            "attempt_id",
            "Attempt id",
            "google|",
            "sandbox|",
            "idempotency",
            "Http status",
            "HTTP status",
        ];
        let found: Vec<_> = words.into_iter().filter(|word| text.contains(word)).collect();
        // Evidence is attached by its hash, which the person types.
        let is_form = |word: &&str| {
            *word != "SHA-256" || !(name.starts_with("case") || name.starts_with("evidence") || name == "again_attach")
        };
        let found: Vec<_> = found.into_iter().filter(is_form).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn reasons_stand_in_groups_of_the_endings_that_they_fit() {
    let page = case(frame(BASE, Section::Queue, ""));
    let html = page.render().unwrap();
    let list = html.split("<select id=\"pr-code\"").nth(1).unwrap().split("</select>").next().unwrap();
    for ending in &page.choices.endings {
        let group = list.split(&format!("data-ending=\"{ending}\">")).nth(1).unwrap();
        let group = group.split("</optgroup>").next().unwrap();
        for (code, words) in words::codes(*ending) {
            assert!(group.contains(&format!("<option value=\"{code}\">")) && !words.is_empty(), "{ending} {code}");
        }
        assert_eq!(group.matches("<option").count(), words::codes(*ending).len(), "{ending}");
    }
    assert!(!list.contains("data-ending=\"own_order\""), "what is not offered has no reasons");
    let bulk = queue(frame(BASE, Section::Queue, "")).render().unwrap();
    assert!(bulk.contains("<optgroup label=\"Try again\" data-ending=\"reissue\">"));
    // The style sheet knows every group.
    let css = std::str::from_utf8(asset("console.css").unwrap().1).unwrap();
    for ending in Ending::ALL.iter().filter(|ending| ending.is_for_people()) {
        assert!(css.contains(&format!("optgroup:not([data-ending={ending}])")), "{ending}");
    }
}

fn list(state: BatchState) -> BatchPage {
    batch(frame(BASE, Section::Batches, "Batch"), state)
}

#[test]
fn sum_of_each_currency_stands_in_the_form_that_approves() {
    let html = list(BatchState::AwaitingApproval).render().unwrap();
    let form = html.split("/approve\">").nth(1).unwrap().split("</form>").next().unwrap();
    assert!(form.contains("5\u{202f}124.80\u{a0}EUR") && form.contains("192\u{202f}009\u{a0}JPY"), "{form}");
}

#[test]
fn list_of_which_a_part_is_gone_is_not_approved() {
    let mut page = list(BatchState::AwaitingApproval);
    page.lines[3].state = LineState::TakenOut;
    let html = page.render().unwrap();
    assert!(html.contains("This list is not whole.") && !html.contains("/approve\"") && html.contains("/send_back\""));
}

#[test]
fn paused_list_says_what_is_paid_what_is_left_and_who_may_continue() {
    let mut page = list(BatchState::Paused);
    let text = seen(&page.render().unwrap());
    for words in [
        "Paused",
        "Nothing goes on by itself.",
        "4 of 12 paid: 1\u{202f}234.56\u{a0}EUR",
        "8 not paid: 3\u{202f}890.24\u{a0}EUR and 192\u{202f}009\u{a0}JPY",
        "May continue: Ann Otterbach",
        "signs in for this list again",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(page.render().unwrap().contains("/continue\""));
    page.is_own = true;
    assert!(!page.render().unwrap().contains("/continue\""), "its maker would sign in as the checker");
    page.frame.roles = vec![Role::Viewer];
    let html = page.render().unwrap();
    assert!(!html.contains("/send_back\"") && seen(&html).contains("May continue"));
}

#[test]
fn list_goes_on_by_itself_only_on_the_page_that_continue_leads_to() {
    for (state, goes_on) in [(BatchState::Going, true), (BatchState::Paused, false), (BatchState::Stopped, false)] {
        assert_eq!(list(state).render().unwrap().contains("id=\"go-on\""), goes_on, "{state:?}");
    }
}

#[test]
fn line_of_a_list_names_its_case_payout_and_the_rails_id() {
    let html = list(BatchState::Stopped).render().unwrap();
    assert!(html.contains("href=\"/console/payouts?key=stripe%2Fpi_3QzX7nLkdIwHu7ix0\""), "{html}");
    assert!(html.contains("tr_1QfT8aLkdIwHu0") && html.contains("href=\"/console/cases/"));
}

#[test]
fn approver_of_many_reads_what_was_proposed_and_by_whom() {
    let mut page = bulk(frame(BASE, Section::Queue, ""), true);
    page.act = BulkAct::Approve { note: String::new() };
    page.rows[0].proposed = Some((Ending::NotPaid, "Ben Čapek".to_owned(), "the sale was cancelled".to_owned()));
    let html = page.render().unwrap();
    assert!(
        html.contains("Not paid, nothing owed")
            && html.contains("Ben Čapek")
            && html.contains("the sale was cancelled")
    );
    assert!(html.contains("name=\"act\" value=\"approve\""));
}

#[test]
fn all_that_match_are_offered_where_one_page_does_not_show_them() {
    let page = queue(frame(BASE, Section::Queue, ""));
    assert!(page.next.is_some() && page.render().unwrap().contains("name=\"every\""));
    let whole = QueuePage { next: None, ..page };
    assert!(!whole.render().unwrap().contains("name=\"every\""));
}

#[test]
fn phone_shows_the_way_to_the_main_act_first() {
    for (page, words) in [
        (case_awaiting(frame(BASE, Section::Queue, "")), Some("href=\"#h-prop\">Decide about it")),
        (case(frame(BASE, Section::Queue, "")), Some("href=\"#h-next\">What to do next")),
        (case_own(frame(BASE, Section::Queue, "")), None),
    ] {
        let html = page.render().unwrap();
        assert_eq!(html.contains("class=\"main-act\""), words.is_some());
        assert!(words.is_none_or(|words| html.contains(words)));
    }
}
