//! The pages as a browser gets them: what others wrote stays text, every field has a name, nothing needs what our headers
//! forbid, and the queue stays small.

#[path = "../examples/pages.rs"]
#[allow(dead_code)]
mod samples;

use std::collections::BTreeSet;

use console::pages::*;
use payonce_identity::NoRole;
use payonce_protocol::case::Role;
use payonce_protocol::reissue::{Reissue, Said, Why};
use samples::*;

const BASE: &str = "/console";

/// Every start tag, as it stands.
fn tags(html: &str) -> Vec<&str> {
    let tags = html.split('<').skip(1).filter(|tag| tag.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    tags.filter_map(|tag| tag.split('>').next()).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn named<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    tags(html).into_iter().filter(|tag| tag.split([' ', '\n']).next() == Some(element)).collect()
}

/// Each form with all that is in it.
fn forms(html: &str) -> Vec<&str> {
    html.split("<form").skip(1).filter_map(|form| form.split("</form>").next()).collect()
}

#[test]
fn markup_in_a_payee_stays_text() {
    for (name, html) in all(BASE) {
        assert!(!html.contains("<script>"), "{name}");
        // Of ours there is one picture, on a page of its own, and it is a file that somebody attached.
        let pictures = usize::from(name == "evidence_picture");
        assert_eq!(html.matches("<img").count(), pictures, "{name}");
        assert_eq!(html.matches("<img class=\"evidence\" src=\"/console/cases/").count(), pictures, "{name}");
        // Of ours there is one script, and it is a file.
        assert_eq!(named(&html, "script").len(), 1, "{name}");
        for tag in tags(&html) {
            // Every second part stands in quotes.
            let names: String = tag.split('"').step_by(2).collect();
            assert!(!names.contains(" on"), "{name}: {tag}");
        }
    }
    assert!(case_hostile(frame(BASE, Section::Queue, MARKUP)).render().unwrap().contains("&#60;script&#62;"));
}

#[test]
fn case_quotes_the_rails_own_sentence() {
    let mut page = case(frame(BASE, Section::Queue, "Case"));
    let says = Some("You have insufficient funds.".to_owned());
    page.about.attempt = Some(Attempted { number: 1, outcome: None, rail_says: says });
    let html = page.render().unwrap();
    assert!(html.contains("The rail says</figcaption><blockquote><bdi>You have insufficient funds.</bdi>"), "{html}");
}

#[test]
fn links_lead_to_https_or_to_our_own_pages() {
    for (name, html) in all(BASE) {
        for tag in named(&html, "a") {
            let to = attribute(tag, "href").unwrap();
            assert!(to.starts_with(['/', '#', '.']) || to.starts_with("https://"), "{name}: {to}");
            if to.starts_with("https://") {
                assert_eq!(attribute(tag, "rel"), Some("noopener noreferrer"), "{name}: {to}");
            }
        }
    }
}

#[test]
fn pages_hold_no_hidden_characters() {
    for (name, html) in all(BASE) {
        let hidden = ['\u{202e}', '\u{200b}', '\u{2066}'];
        assert!(!html.contains(hidden), "{name}");
    }
    assert!(queue(frame(BASE, Section::Queue, "")).render().unwrap().contains("acct_⟨U+202E⟩4321_tcca"));
}

#[test]
fn pages_keep_to_our_content_security_policy() {
    for (name, html) in all(BASE) {
        for tag in tags(&html) {
            assert!(!tag.contains(" style="), "{name}: {tag}");
        }
        assert!(named(&html, "style").is_empty() && !html.contains("javascript:alert(1)\""), "{name}");
        for tag in named(&html, "script").into_iter().chain(named(&html, "link")) {
            let from = attribute(tag, "src").or(attribute(tag, "href")).unwrap();
            assert!(from.starts_with("/console/static/") && from.contains("?v="), "{name}: {from}");
            let file = from.trim_start_matches("/console/static/").split('?').next().unwrap();
            assert!(asset(file).is_some(), "{name}: {from}");
        }
    }
    assert!(asset("../Cargo.toml").is_none());
}

#[test]
fn fifty_rows_fit_in_a_hundred_kilobytes() {
    let page = queue(frame(BASE, Section::Queue, "Cases"));
    assert_eq!(page.rows.len(), 50);
    let html = page.render().unwrap();
    assert!(html.len() <= 100_000, "{} bytes", html.len());
    assert!(asset("app.js").unwrap().1.len() < 4_500);
}

#[test]
fn every_writing_form_has_its_csrf_token_and_version() {
    for (name, html) in all(BASE) {
        for form in forms(&html) {
            let head = form.split('>').next().unwrap();
            let action = attribute(head, "action").unwrap_or_default();
            let fields: BTreeSet<&str> = named(form, "input").iter().filter_map(|tag| attribute(tag, "name")).collect();
            if head.contains("method=\"post\"") {
                assert!(fields.contains("csrf"), "{name}: {action}");
                let is_act = action.contains("/cases/") || action.contains("/batches/");
                assert!(!is_act || fields.contains("version"), "{name}: {action}");
            } else {
                assert!(!fields.contains("csrf"), "{name}: {action} shows the token in an address");
            }
        }
    }
}

#[test]
fn every_field_has_a_label() {
    for (name, html) in all(BASE) {
        let labelled: BTreeSet<&str> = named(&html, "label").iter().filter_map(|tag| attribute(tag, "for")).collect();
        let ids: Vec<&str> = tags(&html).into_iter().filter_map(|tag| attribute(tag, "id")).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: an id stands twice");
        let fields = ["input", "select", "textarea"].map(|element| named(&html, element)).concat();
        for tag in fields.iter().filter(|tag| !tag.contains("type=\"hidden\"")) {
            let by_id = attribute(tag, "id").is_some_and(|id| labelled.contains(id));
            let by_aria = attribute(tag, "aria-label").is_some()
                || attribute(tag, "aria-labelledby").is_some_and(|id| ids.contains(&id));
            // A radio button stands inside its label.
            let is_inside =
                html.contains(&format!("<label><{tag}>")) || html.contains(&format!("<label class=\"check\"><{tag}>"));
            assert!(by_id || by_aria || is_inside, "{name}: {tag}");
        }
    }
}

#[test]
fn every_page_has_a_heading_and_every_table_a_caption() {
    for (name, html) in all(BASE) {
        assert_eq!(named(&html, "h1").len(), 1, "{name}");
        assert!(html.contains("<html lang=\"en\"") && html.contains("href=\"#main\""), "{name}");
        assert!(html.contains("role=\"status\""), "{name}");
        assert_eq!(named(&html, "table").len(), named(&html, "caption").len(), "{name}");
        for tag in named(&html, "th") {
            assert!(attribute(tag, "scope").is_some(), "{name}: {tag}");
        }
        for tag in named(&html, "use") {
            let icon = attribute(tag, "href").unwrap().trim_start_matches('#');
            assert!(html.contains(&format!("<symbol id=\"{icon}\"")), "{name}: {icon} is not drawn");
        }
    }
}

#[test]
fn queue_says_its_order() {
    let page = queue(frame(BASE, Section::Queue, ""));
    let by_age = page.render().unwrap();
    assert_eq!(by_age.matches("aria-sort=\"descending\"").count(), 1);
    assert!(by_age.contains("<a href=\"/console?sort=risk\">Certainty"));
    let by_risk = QueuePage { filter: QueueFilter { by_risk: true, ..QueueFilter::default() }, ..page };
    let by_risk = by_risk.render().unwrap();
    assert!(by_risk.contains("aria-sort=\"descending\"><a href=\"/console?sort=risk\">Certainty"));
}

#[test]
fn the_file_is_asked_for_with_the_filter_and_the_chosen_signs() {
    let html = queue_filtered(frame(BASE, Section::Queue, "")).render().unwrap();
    let export = html.split("<form id=\"export\"").nth(1).unwrap().split("</form>").next().unwrap();
    assert!(
        export.contains("method=\"get\" action=\"/console/cases.csv\"") && export.contains("type=\"hidden\""),
        "{export}"
    );
    for style in ["comma\" selected", "semicolon\"", "semicolon-point\""] {
        assert!(html.contains(&format!("<option value=\"{style}")), "{html}");
    }
}

#[test]
fn proposer_is_not_offered_to_approve() {
    let own = case_own(frame(BASE, Section::Queue, "")).render().unwrap();
    assert!(own.contains("You proposed this; another person must decide."));
    assert!(!own.contains("/approve\"") && !own.contains("/send_back\""));
    let others = case_awaiting(frame(BASE, Section::Queue, "")).render().unwrap();
    assert!(others.contains("/approve\"") && others.contains("bound to this sign-in"));
    let mut batch = batch(frame(BASE, Section::Batches, ""), BatchState::AwaitingApproval);
    assert!(batch.render().unwrap().contains("/approve\""));
    batch.is_own = true;
    assert!(!batch.render().unwrap().contains("/approve\""));
}

#[test]
fn shows_only_allowed_acts() {
    let mut page = case(frame(BASE, Section::Queue, ""));
    page.choices.acts.clear();
    let html = page.render().unwrap();
    let posts: Vec<&str> = forms(&html).into_iter().filter(|form| form.contains("method=\"post\"")).collect();
    assert_eq!(posts.len(), 1, "signing out is all that is left");
    let mut page = queue(frame(BASE, Section::Queue, ""));
    page.frame.roles = vec![Role::Auditor];
    let html = page.render().unwrap();
    assert!(!html.contains("name=\"case\"") && !html.contains("Preview"));
}

#[test]
fn endings_that_pay_are_not_offered_in_bulk() {
    let html = queue(frame(BASE, Section::Queue, "")).render().unwrap();
    for ending in ["reissue", "own_order", "duplicate_of"] {
        assert!(!html.contains(&format!("value=\"{ending}\"")), "{ending}");
    }
}

#[test]
fn only_eligible_cases_are_confirmed() {
    let page = bulk(frame(BASE, Section::Queue, ""), true);
    let eligible = page.rows.iter().filter(|row| row.fate == Fate::WillSucceed).count();
    let html = page.render().unwrap();
    assert_eq!(html.matches("name=\"case\"").count(), eligible);
    assert!(html.contains("name=\"act\" value=\"release\"") && html.contains("name=\"code\" value=\"never_sent\""));
    let result = bulk(frame(BASE, Section::Queue, ""), false).render().unwrap();
    assert!(!result.contains("/bulk/confirm") && !result.contains("name=\"case\""));
}

#[test]
fn proposal_that_became_dangerous_says_so_and_cannot_be_approved() {
    let mut page = case_awaiting(frame(BASE, Section::Queue, ""));
    page.offer.reissue = Some(Reissue::NotOffered(Why::FoundAtTheRail));
    assert!(page.render().unwrap().contains("May not be paid again, as things stand now."));
    assert!(!page.render().unwrap().contains("/approve\"") && page.render().unwrap().contains("/send_back\""));
    page.offer.reissue = Some(Reissue::SameKey);
    assert!(!page.render().unwrap().contains("as things stand now"));
}

#[test]
fn blind_look_up_is_shown_as_counting_for_nothing() {
    let mut page = case(frame(BASE, Section::Queue, ""));
    page.offer.reissue = Some(Reissue::LookUpFirst { times: 2 });
    let why = Some("no payout is known to be accepted since 2026-11-23T00:00:00Z".to_owned());
    page.offer.looked_up = Some(LookedUpAt { at: NOW, said: Said::Blind, why });
    let html = page.render().unwrap();
    assert!(html.contains("blind and counts for nothing: no payout is known to be accepted since"), "{html}");
    assert!(!html.contains("May be paid again"), "{html}");
}

#[test]
fn says_until_when_a_rail_key_may_be_repeated() {
    let html = case(frame(BASE, Section::Queue, "")).render().unwrap();
    assert!(html.contains("Until 14:05 UTC (in 3\u{a0}h 12\u{a0}min)"), "{html}");
    let mut page = case(frame(BASE, Section::Queue, ""));
    page.offer.reissue = Some(Reissue::NotBefore(NOW + 30 * HOUR));
    assert!(page.render().unwrap().contains("Not before 25 Nov, 16:53 UTC"));
}

#[test]
fn silence_of_the_sweeper_is_said() {
    let mut page = queue(frame(BASE, Section::Queue, ""));
    page.rows.clear();
    page.next = None;
    let html = page.render().unwrap();
    assert!(html.contains("Nothing to reconcile.") && !html.contains("silent"));
    page.last_sweep = Some(NOW - 14 * MINUTE);
    let html = page.render().unwrap();
    assert!(html.contains("The sweeper has been silent for 14\u{a0}min"));
    assert!(!html.contains("Nothing to reconcile."), "nothing is known to be well");
    page.last_sweep = None;
    assert!(!page.render().unwrap().contains("Nothing to reconcile."));
}

#[test]
fn payout_keys_are_encoded_in_addresses() {
    let html = case_hostile(frame(BASE, Section::Queue, "")).render().unwrap();
    assert!(html.contains("href=\"/console/payouts?key=stripe%2Fpi_3QzX7nLk"));
    assert!(!html.contains("href=\"/console/payouts?key=stripe/"));
}

#[test]
fn stranger_sees_only_the_way_in() {
    let html = signed_out(BASE).render().unwrap();
    assert!(forms(&html).is_empty() && !html.contains("<nav"));
    assert!(html.contains("href=\"/console/sign-in\""));
}

#[test]
fn who_has_no_role_learns_where_it_was_looked_for_and_what_to_change() {
    let mut remedies = BTreeSet::new();
    for (found, words) in [
        (NoRole::Absent, "is not there"),
        (NoRole::Linked, "the issuer sent a link instead of groups"),
        (NoRole::Empty, "is empty"),
        (NoRole::OtherType, "is of another type"),
        (NoRole::NoneConfigured, "holds none of the configured names"),
    ] {
        let html = no_role(frame(BASE, Section::Other, "No role here"), found).render().unwrap();
        assert!(html.contains("/https:~1~1pay.example~1roles") && html.contains(words), "{html}");
        assert!(html.contains("console.identity.roles") && html.contains("href=\"/console/sign-in\""), "{html}");
        let remedy = html.split_once("For whoever manages access</h2>").unwrap().1.split_once("</section>").unwrap().0;
        remedies.insert(remedy.to_owned());
    }
    assert_eq!(remedies.len(), NoRole::ALL.len(), "each is mended in another way");
}

#[test]
fn hold_stands_on_every_page_before_what_was_just_done() {
    for (held_as, title, is_set) in [
        (Held::Refuse, "Payouts are held", true),
        (Held::Record, "Payouts are held", true),
        (Held::NeverReleased, "Payouts were never released", false),
        (Held::OtherTables, "Payouts are not released for the tables that are there now", false),
        (Held::Unreadable, "Whether payouts are held cannot be read now", false),
    ] {
        let frame = Frame { hold: held(held_as), ..frame(BASE, Section::Queue, "") };
        let html = case_awaiting(frame).render().unwrap();
        let before = html.split("id=\"status\"").next().unwrap();
        assert!(before.contains(title) && before.contains("do not sign in for one before"), "{html}");
        assert_eq!(before.contains(" since 2026-11-24 10:18:20 UTC, 35\u{a0}min ago, by "), is_set, "{before}");
    }
    assert!(!case_awaiting(frame(BASE, Section::Queue, "")).render().unwrap().contains("class=\"banner bad hold\""));
    let own = HoldSet { at: NOW, by: "sweeper".to_owned(), why: "12 of the last 14".to_owned() };
    let hold = Some(HoldNotice { held: Held::Refuse, set: Some(own) });
    let html = absence(Frame { hold, ..frame(BASE, Section::Absence, "") }).render().unwrap();
    assert!(html.contains("by <bdi>payonce itself</bdi>"), "{html}");
}

#[test]
fn number_to_approve_is_shown_to_approvers_alone() {
    let html = absence(frame(BASE, Section::Absence, "")).render().unwrap();
    assert!(html.contains("href=\"/console?view=to-approve\">To approve <b class=\"count\">3</b></a>"), "{html}");
    let analyst = Frame { roles: vec![Role::Analyst], to_approve: None, ..frame(BASE, Section::Absence, "") };
    assert!(!absence(analyst).render().unwrap().contains("To approve"));
    // What could not be counted is not called none.
    let unknown = Frame { to_approve: None, ..frame(BASE, Section::Absence, "") };
    assert!(absence(unknown).render().unwrap().contains("?view=to-approve\">To approve</a>"));
}

#[test]
fn view_keeps_the_filter_and_a_filter_its_view() {
    let mut page = queue(frame(BASE, Section::Queue, ""));
    page.filter = QueueFilter { view: QueueView::Held, payee: Some("acct_1".to_owned()), ..QueueFilter::default() };
    let html = page.render().unwrap();
    for link in [
        "/console?payee=acct_1\">All open",
        "/console?view=mine&#38;payee=acct_1\">Mine",
        "/console?view=to-approve&#38;payee=acct_1\">To approve",
        "/console?view=sent-back&#38;payee=acct_1\">Sent back to me",
        "/console?view=held&#38;payee=acct_1\" aria-current=\"true\">Left by a hold",
        "/console?view=held&#38;sort=risk&#38;payee=acct_1\">Greatest risk first",
    ] {
        assert!(html.contains(link), "{link} is not in {html}");
    }
    assert!(html.contains("<input type=\"hidden\" name=\"view\" value=\"held\">"));
    // Whoever changes nothing has no work of their own.
    page.frame.roles = vec![Role::Viewer];
    let html = page.render().unwrap();
    assert!(!html.contains("view=mine") && !html.contains("view=sent-back") && !html.contains("view=to-approve"));
}

#[test]
fn search_never_calls_absent_what_it_did_not_look_for() {
    let page = |change: fn(&mut Looked)| {
        let mut looked = looked();
        (looked.is_cut, looked.without_details, looked.rail) = (false, 0, RailSaid::HasNone);
        change(&mut looked);
        search(frame(BASE, Section::Other, ""), Searched::Cases { hits: vec![], looked }).render().unwrap()
    };
    let whole = page(|_| ());
    assert!(
        whole.contains("Not found in what was searched") && whole.contains("1 case resolved since 26 Aug 2026 (UTC)")
    );
    assert!(!whole.contains("<strong>There are more") && !whole.contains("were not looked at"), "{whole}");
    assert!(page(|looked| looked.is_cut = true).contains("There are more than were looked at."));
    assert!(
        page(|looked| looked.without_details = 7).contains("Of 7 cases the history, attempts and delivery were not")
    );
    assert!(page(|looked| looked.has_bodies = false).contains("Not searched: what stands in deliveries"));
    assert!(
        page(|looked| looked.rail = RailSaid::Silent("timeout".to_owned()))
            .contains("is not known: it was asked, and timeout.")
    );
    assert!(page(|looked| looked.rail = RailSaid::CannotBeAsked).contains("The rail was not asked"));
    assert!(!page(|looked| looked.is_year = true).contains("days=366"));
}

#[test]
fn what_may_have_left_stands_apart_from_what_payees_wait_for() {
    let html = queue(frame(BASE, Section::Queue, "")).render().unwrap();
    let risk = html.split("At risk").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(risk.contains("May have left") && risk.contains("Payees wait for"), "{risk}");
}
