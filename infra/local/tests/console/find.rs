//! That finance finds its work: every id that a page prints, payees, periods, views, and the hold on every page.

use payonce_protocol::fact::FactName;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use payonce_ledger::{Acted, CaseAct, Proposal, Who};
use payonce_protocol::case::Ending;
use payonce_protocol::order::{Destination, PayoutKey};

use super::*;

const GOOD: &str = "acct_1Payee";
const REFUSES: &str = "acct_sandboxRefuses";

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn plain(html: &str) -> String {
    let text: String = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    text.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\"")
}

/// Whatever a page marks as an id. A moment is none, nor what is too short to be one.
fn ids_of(html: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for (at, _) in html.match_indices("class=\"id") {
        let name: String =
            html[html[..at].rfind('<').unwrap() + 1..].chars().take_while(char::is_ascii_alphanumeric).collect();
        let inner = html[at..].split_once('>').unwrap().1.split(&format!("</{name}>")).next().unwrap();
        let text = plain(inner);
        if text.ends_with("UTC") || text.contains("https://") {
            continue;
        }
        let is_id = |word: &&str| word.len() >= 6 && word.bytes().any(|byte| byte.is_ascii_digit() || byte == b'_');
        ids.extend(text.split_whitespace().filter(is_id).map(str::to_owned));
    }
    ids
}

/// What `payonce trace` says.
async fn traced(stack: &Stack, id: &str) -> String {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_payonce"));
    command.env_clear().args(["trace", id, "--local", "--endpoint", &stack.dynamo.url()]);
    String::from_utf8(command.output().await.unwrap().stdout).unwrap()
}

impl Desk<'_> {
    /// It leads to a page, or lists some.
    async fn finds(&mut self, text: &str) -> bool {
        let page = self.get(&format!("/search?q={}", encoded(text))).await;
        let leads = |to: &str| {
            ["/console/cases/", "/console/payouts?key=", "/console/batches/"].iter().any(|one| to.contains(one))
        };
        match page.status {
            StatusCode::SEE_OTHER => leads(&page.location.unwrap()),
            StatusCode::OK => leads(&page.body),
            _ => false,
        }
    }
}

#[tokio::test]
async fn every_id_that_a_page_prints_is_found_by_pasting_it() {
    let stack = stack().await;
    let paid = PayoutKey::new("stripe/pi_paid").unwrap();
    deliver(&stack, "paid", "paid", GOOD).await;
    let refused = filed(&stack, "refused", REFUSES).await;
    let ended = filed(&stack, "ended", REFUSES).await;
    let lines = held(&stack, &[GOOD, GOOD]).await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    ada.act(&refused, "look_up", &[]).await;
    ada.act(&refused, "attach", &[("title", "statement"), ("sha256", &"a1".repeat(32)), ("kept_at", "archive/4711")])
        .await;
    ada.act_and_sign_in(&ended, "propose", &REISSUE, "ada").await;
    ben.act_and_sign_in(&ended, "approve", &[], "ben").await;
    let sent = ada.select("/bulk/confirm", &lines).await;
    let (_, back) = ada.browser.at_the_issuer(&sent.location.unwrap(), "ada").await;
    let batch = path_of(&back);
    let mut pages = vec![batch.clone(), format!("/payouts?key={}", encoded(paid.as_str()))];
    for case in [&refused, &ended, &lines[0]] {
        pages.push(format!("/cases/{}", case.id()));
        pages.push(format!("/payouts?key={}", encoded(case.key.as_ref().unwrap().as_str())));
    }
    let mut all = BTreeSet::new();
    for path in &pages {
        let page = ben.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let ids = ids_of(&page.body);
        assert!(ids.len() > 1, "{path}: {ids:?}");
        all.extend(ids);
    }
    let mut missing = vec![];
    for id in &all {
        if !ben.finds(id).await || !ben.finds(&format!("  {id} ")).await {
            missing.push(id);
        }
    }
    assert_eq!(missing, Vec::<&String>::new(), "of {all:?}");
    println!("{} ids of {} pages are found", all.len(), pages.len());
    // Of each kind at least one was among them.
    let claim = stack.ledger.payout(&paid).await.unwrap().attempts.remove(0);
    let other = stack.ledger.payout(refused.key.as_ref().unwrap()).await.unwrap().attempts.remove(0).claim;
    let rail_payout = claim.outcome.unwrap().evidence.get(FactName::RailPayout).unwrap().to_owned();
    let batch = batch.rsplit('/').next().unwrap().to_owned();
    for (kind, id) in [
        ("event", claim.claim.event.to_string()),
        ("rail key", claim.claim.rail_key),
        ("payout key", paid.to_string()),
        ("rail's payout", rail_payout),
        ("attempt", other.attempt_id.to_string()),
        ("body", other.body.to_string()),
        ("case", refused.id().to_string()),
        ("attachment", "a1".repeat(32)),
    ] {
        assert!(all.contains(&id), "{kind}: {id} stands on no page");
    }
    // The same ids lead to their stories at a terminal, but those that only the rail or a delivery's body has.
    for (kind, id) in [
        ("event", other.event.to_string()),
        ("rail key", other.rail_key.clone()),
        ("payout key", paid.to_string()),
        ("attempt", other.attempt_id.to_string()),
        ("body", other.body.to_string()),
        ("case", refused.id().to_string()),
        ("attachment", "a1".repeat(32)),
    ] {
        assert!(traced(&stack, &id).await.contains("now    "), "{kind}: {id}");
    }
    let further = traced(&stack, ended.key.as_ref().unwrap().as_str()).await;
    let decided = format!("two people, Ada Lovelace and Ben Okafor, by case {}", ended.id());
    assert!(further.contains("Attempt 2: connected") && further.contains(&decided), "{further}");
    // What the delivery shows: a charge leads to its case; an order's number that several share lists them.
    for (kind, id, leads_to) in [
        ("batch", batch.as_str(), format!("/console/batches/{batch}")),
        ("charge", "ch_refused_4200eur", format!("/console/cases/{}", refused.id())),
        ("attempt", &other.attempt_id.to_string(), format!("/console/cases/{}", refused.id())),
    ] {
        let page = ben.get(&format!("/search?q={}", encoded(id))).await;
        assert_eq!(page.location, Some(leads_to), "{kind}");
    }
    let orders = ben.get("/search?q=2026-000417").await;
    assert!(orders.body.contains("5 found") && orders.body.contains("the delivery"), "{}", orders.body);
}

#[tokio::test]
async fn search_says_what_it_looked_at_and_what_it_did_not() {
    let stack = stack().await;
    filed(&stack, "one", REFUSES).await;
    let (mut eve, mut ada) = (Desk::of(&stack, "eve").await, Desk::of(&stack, "ada").await);
    // By the payee's beginning, whatever its capitals.
    for begins in ["acct_sandboxRefuses", "ACCT_SANDBOXr", "acct"] {
        let page = eve.get(&format!("/search?q={begins}")).await;
        assert!(page.status == StatusCode::OK && page.body.contains("1 found"), "{begins}: {}", page.body);
        assert!(page.body.contains(&format!("/console?payee={begins}")));
    }
    assert_eq!(eve.get("/search?q=sandboxRefuses").await.status, StatusCode::NOT_FOUND, "the middle of it");
    let page = ada.get("/search?q=tr_unknown").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    for said in [
        "Not found in what was searched",
        "The rail was asked, and has no payout of this id.",
        "1 open case, and 0 cases resolved since",
        "The deliveries of these cases",
        "Not searched: notes, names, sums",
        "/console/search?q=tr_unknown&#38;days=366",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    // Whoever may not read deliveries learns nothing of what is in them, and that they were not searched.
    let page = eve.get("/search?q=ch_one_4200eur").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("Not searched: what stands in deliveries"), "{}", page.body);
    assert_eq!(ada.get("/search?q=ch_one_4200eur").await.status, StatusCode::SEE_OTHER);
    // Nothing was asked for, or too much: then nothing is called absent.
    assert!(ada.get("/search").await.body.contains("What can be searched for"));
    let page = ada.get(&format!("/search?q={}", "a".repeat(513))).await;
    assert!(page.status == StatusCode::BAD_REQUEST && page.body.contains("Nothing was searched."), "{}", page.body);
}

#[tokio::test]
async fn search_tells_a_silent_rail_from_one_that_has_nothing() {
    let stack = stack().await;
    stack.rail.set_weather(payonce_local::sandbox_rail::Weather::Down).await;
    let mut ada = Desk::of(&stack, "ada").await;
    let page = ada.get("/search?q=tr_1").await;
    assert!(page.body.contains("Whether the rail has a payout of this id is not known"), "{}", page.body);
    assert!(!page.body.contains("has no payout of this id"));
}

fn who(name: &str) -> Who {
    Who { subject: name.to_owned(), name: Some(name.to_uppercase()) }
}

/// A case about no key, by its number.
async fn opened(stack: &Stack, number: u64, payee: &str) -> FiledCase {
    let mut case = Case::new(Reason::InvalidEvent, vec![format!("evt_{number}")], stack.clock.now());
    case.destination = Destination::new(payee).ok();
    stack.ledger.open_case(&case).await.unwrap();
    now(stack, &case).await
}

async fn proposed(stack: &Stack, number: u64, payee: &str, by: &str) -> FiledCase {
    let seen = opened(stack, number, payee).await;
    let proposal = Proposal {
        ending: Ending::NotPaid,
        code: "other".to_owned(),
        note: "small".to_owned(),
        by: who(by),
        at: stack.clock.now(),
        version: seen.version,
        key_generation: None,
        duplicate_of: None,
        batch: None,
    };
    match stack.ledger.act(&seen, &CaseAct::Propose(proposal, None), &who(by), stack.clock.now()).await.unwrap() {
        Acted::Done(case) => *case,
        other => panic!("{other:?}"),
    }
}

async fn resolved(stack: &Stack, number: u64, payee: &str, at: u64) {
    let seen = proposed(stack, number, payee, "maker").await;
    let bound = stack.ledger.bound(&seen).await.unwrap().unwrap();
    let done = stack.ledger.act(&seen, &CaseAct::Approve("seen".to_owned(), bound), &who("checker"), at).await.unwrap();
    assert!(matches!(done, Acted::Done(_)));
}

#[tokio::test]
async fn resolved_cases_come_by_the_day_in_utc_a_page_at_a_time_and_as_a_file() {
    let stack = stack().await;
    /// 2026-03-31T23:59:59.999Z, and the moment after.
    const LAST: u64 = 1_775_001_599_999;
    for number in 0..60 {
        resolved(&stack, number, "acct_march", LAST - number * 1000).await;
    }
    resolved(&stack, 60, "acct_april", LAST + 1).await;
    let mut eve = Desk::of(&stack, "eve").await;
    let march = eve.get("/resolved?from=2026-03-01&to=2026-03-31").await;
    assert_eq!(march.body.matches("<th scope=\"row\"").count(), 50);
    assert!(march.body.contains("in UTC") && march.body.contains("MAKER") && march.body.contains("CHECKER"));
    assert!(!march.body.contains("acct_april"));
    let from =
        march.body.find("rel=\"next\" href=\"/console").expect(&march.body) + "rel=\"next\" href=\"/console".len();
    let next = march.body[from..].split('"').next().unwrap().replace("&#38;", "&");
    assert_eq!(eve.get(&next).await.body.matches("<th scope=\"row\"").count(), 10);
    let april = eve.get("/resolved?from=2026-04-01&to=2026-04-01").await;
    assert!(april.body.contains("acct_april") && april.body.matches("<th scope=\"row\"").count() == 1);
    let payee = eve.get("/resolved?from=2026-03-01&to=2026-04-30&payee=ACCT_A").await;
    assert_eq!(payee.body.matches("<th scope=\"row\"").count(), 1);
    let file = eve.get("/resolved.csv?from=2026-03-31&to=2026-04-01").await;
    assert_eq!(file.body.matches(",resolved,").count(), 61, "{}", file.body);
    assert!(file.body.contains("2026-03-31T23:59:59Z,CHECKER") && file.body.contains("2026-04-01T00:00:00Z,CHECKER"));
    // What cannot be read is not replaced by what nobody asked for.
    for wrong in ["from=31.03.2026", "from=2026-04-02&to=2026-04-01", "from=2020-01-01&to=2026-01-01"] {
        let page = eve.get(&format!("/resolved?{wrong}")).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.body.contains("Nothing was looked for."), "{wrong}");
        assert!(!page.body.contains("No case was resolved"), "{wrong}");
        assert_eq!(eve.get(&format!("/resolved.csv?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    // Without a wish the last thirty days, in which nothing was resolved; and that is said of these days alone.
    assert!(eve.get("/resolved").await.body.contains("No case was resolved from "));
}

#[tokio::test]
async fn approver_sees_on_every_page_how_much_awaits_approval() {
    let stack = stack().await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let case = filed(&stack, "one", REFUSES).await;
    let all = async |desk: &mut Desk<'_>, count: Option<&str>| {
        let none = |count: &str| if count == "0" { " none" } else { "" };
        let link = count.map(|count| format!("To approve <b class=\"count{}\">{count}</b></a>", none(count)));
        for path in ["", "/batches", "/absence", "/resolved", "/search", &format!("/cases/{}", case.id()), "/nowhere"] {
            let page = desk.get(path).await.body;
            match &link {
                Some(link) => assert!(page.contains(link), "{path}: {page}"),
                None => assert!(!page.contains("To approve"), "{path}: {page}"),
            }
        }
    };
    all(&mut ben, Some("0")).await;
    proposed(&stack, 1, GOOD, "somebody").await;
    // One's own is not there.
    proposed(&stack, 2, GOOD, "sandbox|ben").await;
    ada.act(&case, "propose", &WRITE_OFF).await;
    all(&mut ben, Some("2")).await;
    all(&mut ada, None).await;
    let view = ben.get("?view=to-approve").await.body;
    assert_eq!(view.matches("name=\"case\"").count(), 2, "{view}");
    assert!(view.contains(&format!("/console/cases/{}", case.id())));
    // With a filter the view stays what it is.
    assert_eq!(ben.get("?view=to-approve&payee=ACCT_SANDBOX").await.body.matches("name=\"case\"").count(), 1);
    // Turned down, it is its maker's again.
    assert!(ada.get("?view=sent-back").await.body.contains("Nothing that you proposed was sent back."));
    ben.act(&case, "send_back", &[("note", "which statement?")]).await;
    all(&mut ben, Some("1")).await;
    for (view, count) in [("sent-back", 1), ("mine", 0), ("held", 0)] {
        let page = ada.get(&format!("?view={view}")).await.body;
        assert_eq!(page.matches("name=\"case\"").count(), count, "{view}: {page}");
    }
    assert_eq!(ben.get("?view=sent-back").await.body.matches("name=\"case\"").count(), 0);
    ada.act(&case, "assign", &[]).await;
    assert_eq!(ada.get("?view=mine").await.body.matches("name=\"case\"").count(), 1);
    assert!(ada.get("?view=elsewhere").await.body.contains("Not understood in the address"));
}

#[tokio::test]
async fn batch_that_awaits_approval_is_counted_once_and_led_to() {
    let stack = stack().await;
    let cases = held(&stack, &[GOOD, GOOD]).await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    // What the hold left is a view of its own.
    assert_eq!(ada.get("?view=held").await.body.matches("name=\"case\"").count(), 2);
    let sent = ada.select("/bulk/confirm", &cases).await;
    let (_, back) = ada.browser.at_the_issuer(&sent.location.unwrap(), "ada").await;
    let view = ben.get("?view=to-approve").await.body;
    assert!(view.contains("To approve <b class=\"count\">1</b>"), "{view}");
    assert!(view.contains(&path_of(&back)) && view.contains("2 cases, proposed by"), "{view}");
    assert_eq!(view.matches("name=\"case\"").count(), 0);
}

#[tokio::test]
async fn hold_is_said_on_every_page_with_who_why_and_what_works() {
    let stack = stack().await;
    let case = filed(&stack, "one", REFUSES).await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    ada.act_and_sign_in(&case, "propose", &REISSUE, "ada").await;
    let id = case.id();
    let paths = [
        "",
        "?view=to-approve",
        "/batches",
        "/absence",
        "/resolved",
        "/search?q=x",
        &format!("/cases/{id}"),
        "/nowhere",
    ];
    for path in paths {
        assert!(!ben.get(path).await.body.contains("Payouts are"), "{path}");
    }
    for (hold, events) in [(Hold::Refuse, "New events are turned away"), (Hold::Record, "each becomes a case")] {
        stack.ledger.set_hold(hold, "Olu <b>of operations</b>", "the rail's limit", stack.clock.now()).await.unwrap();
        for path in paths {
            let page = ben.get(path).await.body;
            let said = [
                "Payouts are held</strong> since 20",
                "Olu &#60;b&#62;of operations",
                "the rail&#39;s limit",
                events,
                "approve endings that pay nothing",
            ];
            for said in said {
                assert!(page.contains(said), "{path} {hold}: {said} is not in {page}");
            }
        }
    }
    // Strangers learn nothing of it.
    assert!(!Browser::new().get(&ben.url("/signed-out")).await.body.contains("held"));
    // What the banner says of approving holds.
    let (_, page) = ben.act_and_sign_in(&case, "approve", &[], "ben").await;
    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    let small = opened(&stack, 7, GOOD).await.case;
    ada.act(&small, "propose", &WRITE_OFF).await;
    assert_eq!(ben.act(&small, "approve", &[]).await.status, StatusCode::SEE_OTHER);
    stack.ledger.set_hold(Hold::Pay, "olu", "over", stack.clock.now()).await.unwrap();
    assert!(!ben.get("").await.body.contains("Payouts are held"));
}

#[tokio::test]
async fn three_hundred_cases_stay_usable() {
    let stack = stack().await;
    for number in 0..300 {
        opened(&stack, number, &format!("acct_{}", number % 7)).await;
    }
    let mut ada = Desk::of(&stack, "ada").await;
    let (mut path, mut seen) = (String::from("?payee=ACCT_3"), BTreeSet::new());
    let begun = Instant::now();
    loop {
        let page = ada.get(&path).await.body;
        let links = page.split("href=\"/console/cases/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        let before = seen.len();
        seen.extend(links);
        assert!(seen.len() - before <= 50);
        let Some(from) = page.find("rel=\"next\" href=\"/console") else { break };
        path = page[from + "rel=\"next\" href=\"/console".len()..].split('"').next().unwrap().replace("&#38;", "&");
        assert!(path.contains("payee=ACCT_3"), "the filter stays: {path}");
    }
    assert_eq!(seen.len(), 43);
    let pages = begun.elapsed();
    let begun = Instant::now();
    let page = ada.get("/search?q=nothing-of-this-name").await;
    assert!(page.body.contains("300 open cases") && !page.body.contains("were not looked at"), "{}", page.body);
    println!("300 cases: a payee's page by page in {pages:?}, a search through all in {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(15));
    let page = ada.get("/search?q=acct_").await;
    assert!(page.body.contains("300 found") && page.body.contains("The first 100 are shown."));
    assert!(page.body.len() < 100_000, "{} bytes", page.body.len());
}
