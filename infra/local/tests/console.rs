//! The console over real HTTP, with the sandbox's issuer: who may do what, what a forged or stolen request comes to, and a
//! payout that two people decide.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]
#![allow(clippy::disallowed_methods, reason = "a browser's connections are the test's own")]

use payonce_protocol::fact::FactName;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use payonce_ledger::{Case, FiledCase, PersonRecord};
use payonce_local::setup::Setup;
use payonce_local::stack::{Options, Stack};
use payonce_protocol::case::{Act, Role, Status, may};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::outcome::Reason;
use serde_json::{Value, json};
use tokio::net::TcpStream;

#[path = "console/bank.rs"]
mod bank;
#[path = "console/find.rs"]
mod find;
#[path = "console/lost.rs"]
mod lost;

async fn stack() -> Stack {
    Stack::start(Options { port: 0, data: None, metrics: Box::new(|_| ()) }).await.unwrap()
}

/// Delivers one payment to this payee, so that a case opens; the case.
async fn filed(stack: &Stack, name: &str, payee: &str) -> Case {
    deliver(stack, name, name, payee).await;
    let found = stack.ledger.cases_of_key(&format!("stripe/pi_{name}")).await.unwrap();
    found.into_iter().next().expect("a case").case
}

async fn deliver(stack: &Stack, event_id: &str, name: &str, payee: &str) {
    deliver_sum(stack, event_id, name, payee, 4200).await;
}

async fn deliver_sum(stack: &Stack, event_id: &str, name: &str, payee: &str, minor: u64) {
    let sample = include_str!("../../../events/stripe/payment_intent.succeeded.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["id"] = json!(format!("evt_{event_id}"));
    event["created"] = json!(stack.clock.now() / 1000);
    event["data"]["object"]["id"] = json!(format!("pi_{name}"));
    event["data"]["object"]["metadata"]["payee"] = json!(payee);
    event["data"]["object"]["latest_charge"] = json!(format!("ch_{event_id}_{minor}eur"));
    event["data"]["object"]["amount_received"] = json!(minor);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), event.to_string()).unwrap();
    let changes = payonce_local::send::Changes { fresh: false, set: vec![] };
    let delivery =
        payonce_local::send::sign(file.path(), "stripe", None, &changes, &Setup::sandbox().unwrap()).unwrap();
    let answered = delivery.send(&format!("http://{}", stack.front.address())).await.unwrap();
    assert!(answered.is_success(), "{}: {}", answered.status, answered.body);
}

struct Browser {
    agent: &'static str,
    /// By origin.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

struct Page {
    status: StatusCode,
    headers: http::HeaderMap,
    location: Option<String>,
    bytes: Bytes,
    body: String,
}

impl Page {
    /// The value of the hidden field, which every form of one page shares.
    fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let from = self.body.find(&mark).unwrap_or_else(|| panic!("no {name} in {}", self.body)) + mark.len();
        self.body[from..].split('"').next().unwrap().to_owned()
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

impl Browser {
    fn new() -> Self {
        Self { agent: "a browser", cookies: BTreeMap::new() }
    }

    async fn ask(&mut self, method: Method, url: &str, body: &str, headers: &[(&str, &str)]) -> Page {
        self.ask_with(method, url, body.as_bytes().to_vec(), headers).await
    }

    async fn ask_with(&mut self, method: Method, url: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Page {
        let uri: http::Uri = url.parse().unwrap();
        let authority = uri.authority().unwrap().to_string();
        let stream = TcpStream::connect(&authority).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let jar = self.cookies.entry(authority.clone()).or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method.clone())
            .uri(uri.path_and_query().unwrap().as_str())
            .header("host", &authority)
            .header("user-agent", self.agent)
            .header("cookie", cookies.join("; "));
        if method == Method::POST {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/x-www-form-urlencoded");
            }
            if !headers.iter().any(|(name, _)| *name == "origin") {
                request = request.header("origin", format!("http://{authority}"));
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        for cookie in head.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let attributes = cookie.to_ascii_lowercase();
            assert!(
                ["httponly", "secure", "samesite=lax", "path=/"].iter().all(|one| attributes.contains(one)),
                "{cookie}"
            );
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                jar.remove(name)
            } else {
                jar.insert(name.to_owned(), value.to_owned())
            };
        }
        let body = body.collect().await.unwrap().to_bytes();
        Page {
            status: head.status,
            location: head.headers.get("location").map(|location| location.to_str().unwrap().to_owned()),
            body: String::from_utf8_lossy(&body).into_owned(),
            bytes: body,
            headers: head.headers,
        }
    }

    async fn get(&mut self, url: &str) -> Page {
        self.ask(Method::GET, url, "", &[]).await
    }

    /// Chooses who to be at the issuer's page, and comes back with the answer; what the console says to it.
    async fn at_the_issuer(&mut self, address: &str, person: &str) -> (String, Page) {
        let (issuer, query) = address.split_once("/authorize?").unwrap();
        let page =
            self.ask(Method::POST, &format!("{issuer}/authorize"), &format!("{query}&person={person}"), &[]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        let back = page.location.unwrap();
        let answer = self.get(&back).await;
        (back, answer)
    }
}

struct Desk<'a> {
    stack: &'a Stack,
    browser: Browser,
}

impl<'a> Desk<'a> {
    async fn of(stack: &'a Stack, person: &str) -> Self {
        let mut desk = Self { stack, browser: Browser::new() };
        let begun = desk.browser.get(&desk.url("/sign-in")).await;
        let (_, back) = desk.browser.at_the_issuer(&begun.location.unwrap(), person).await;
        assert_eq!((back.status, back.location.as_deref()), (StatusCode::SEE_OTHER, Some("/console")));
        desk
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/console{path}", self.stack.front.address())
    }

    async fn get(&mut self, path: &str) -> Page {
        let url = self.url(path);
        self.browser.get(&url).await
    }

    async fn csrf(&mut self) -> String {
        self.get("/absence").await.field("csrf")
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.csrf().await;
        let body = form(&[fields, &[("csrf", &csrf)]].concat());
        let url = self.url(path);
        self.browser.ask(Method::POST, &url, &body, &[]).await
    }

    /// As the case's page has it; whoever has no form there makes it up.
    async fn stand(&mut self, case: &Case) -> String {
        let page = self.get(&format!("/cases/{}", case.id())).await;
        let has_form = page.body.contains("name=\"version\"");
        if has_form { page.field("version") } else { now(self.stack, case).await.version.to_string() }
    }

    async fn act(&mut self, case: &Case, act: &str, fields: &[(&str, &str)]) -> Page {
        let version = self.stand(case).await;
        self.post(&format!("/cases/{}/{act}", case.id()), &[fields, &[("version", &version)]].concat()).await
    }

    /// An act that pays: the console sends to the issuer, and back from there it is done.
    async fn act_and_sign_in(
        &mut self,
        case: &Case,
        act: &str,
        fields: &[(&str, &str)],
        person: &str,
    ) -> (String, Page) {
        let page = self.act(case, act, fields).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        self.browser.at_the_issuer(&page.location.unwrap(), person).await
    }
}

async fn now(stack: &Stack, case: &Case) -> FiledCase {
    stack.ledger.case(&case.id()).await.unwrap().unwrap()
}

const REISSUE: [(&str, &str); 3] = [("ending", "reissue"), ("code", "payee_confirmed"), ("note", "they called")];
const WRITE_OFF: [(&str, &str); 3] = [("ending", "written_off"), ("code", "other"), ("note", "small")];
const PEOPLE: [(&str, Option<Role>); 5] = [
    ("ada", Some(Role::Analyst)),
    ("ben", Some(Role::Approver)),
    ("eve", Some(Role::Viewer)),
    ("olu", Some(Role::Auditor)),
    ("nik", None),
];

#[tokio::test]
async fn each_role_does_only_its_own_acts() {
    let stack = stack().await;
    for (person, role) in PEOPLE {
        let roles: Vec<Role> = role.into_iter().collect();
        for act in Act::ALL {
            let case = filed(&stack, &format!("{person}_{act}"), "acct_sandboxRefuses").await;
            // Brought by others into a state in which the act is possible.
            let mut dee = Desk::of(&stack, "dee").await;
            if matches!(act, Act::Approve | Act::SendBack | Act::Reopen) {
                assert_eq!(dee.act(&case, "propose", &WRITE_OFF).await.status, StatusCode::SEE_OTHER);
            }
            if *act == Act::Reopen {
                let mut ben = Desk::of(&stack, "ben").await;
                assert_eq!(ben.act(&case, "approve", &[]).await.status, StatusCode::SEE_OTHER);
            }
            let before = stack.ledger.history(&case.id()).await.unwrap().len();
            let mut desk = Desk { stack: &stack, browser: Browser::new() };
            let begun = desk.browser.get(&desk.url("/sign-in")).await;
            desk.browser.at_the_issuer(&begun.location.unwrap(), person).await;
            let fields: &[(&str, &str)] = match act {
                Act::Propose => &WRITE_OFF,
                Act::Attach => &[("title", "statement")],
                Act::Assign => &[],
                _ => &[("note", "text")],
            };
            let page = if role.is_none() {
                // Without a role there is not even a page to take a token from.
                let url = desk.url(&format!("/cases/{}/{act}", case.id()));
                desk.browser.ask(Method::POST, &url, "csrf=x", &[]).await
            } else {
                desk.act(&case, act.as_str(), fields).await
            };
            let allowed = may(&roles, *act);
            let expected = if allowed { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
            assert_eq!(page.status, expected, "{person} {act}: {}", page.body);
            let after = stack.ledger.history(&case.id()).await.unwrap().len();
            assert_eq!(after - before, usize::from(allowed), "{person} {act}");
        }
    }
}

/// It may name a person, as a delivery's body may.
#[tokio::test]
async fn rails_own_sentence_is_read_by_who_reads_bodies() {
    let stack = stack().await;
    let refused = filed(&stack, "refused", "acct_sandboxRefuses").await;
    let case = format!("/cases/{}", refused.id());
    for (person, role) in PEOPLE.into_iter().filter_map(|(person, role)| Some((person, role?))) {
        let mut desk = Desk::of(&stack, person).await;
        for path in [case.as_str(), "/payouts?key=stripe%2Fpi_refused"] {
            let page = desk.get(path).await.body;
            assert_eq!(page.contains("You have insufficient funds"), role != Role::Viewer, "{person} {path}");
            assert!(page.contains("balance insufficient"), "{person} {path}");
        }
    }
}

#[tokio::test]
async fn pays_once_what_two_people_decide() {
    let stack = stack().await;
    let refused = filed(&stack, "refused", "acct_sandboxRefuses").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let (back, proposed) = ada.act_and_sign_in(&refused, "propose", &REISSUE, "ada").await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.body);
    assert_eq!(now(&stack, &refused).await.status, Status::AwaitingApproval);
    // The issuer's answer once more: its code is used up, and what was kept is gone.
    assert!(ada.browser.get(&back).await.status.is_client_error());

    let waits = ben.get(&format!("/cases/{}", refused.id())).await.body;
    let checks = waits.split("What was checked").nth(1).expect("an approver reads what was checked");
    assert!(checks.contains("Refund or dispute at stripe") && checks.contains("not checked"), "{checks}");

    let (back, approved) = ben.act_and_sign_in(&refused, "approve", &[], "ben").await;
    assert!(approved.location.unwrap().contains("done=attempted&about="));
    assert!(ben.browser.get(&back).await.status.is_client_error());
    let payout = stack.ledger.payout(refused.key.as_ref().unwrap()).await.unwrap();
    assert_eq!(payout.attempts.len(), 2);
    assert_ne!(payout.attempts[0].claim.rail_key, payout.attempts[1].claim.rail_key, "the rail holds its refusal");
    assert_eq!(now(&stack, &refused).await.status, Status::Resolved);
    let next = stack.ledger.cases_of_key(refused.key.as_ref().unwrap().as_str()).await.unwrap();
    assert_eq!(next.len(), 2, "the further attempt has a case of its own");
    // How it ended stands there, and no link can make the page say more.
    let id = refused.id();
    let page = ben.get(&format!("/cases/{id}?done=paid&about={id}")).await.body;
    assert!(
        page.contains("Attempt 2") && page.contains("Refused") && !page.contains("The rail took the order"),
        "{page}"
    );
    // Nobody reads of a resolved case that the payee was paid.
    assert!(
        page.contains("The payee is not paid: the rail refused attempt 2.") && !page.contains("tag good"),
        "{page}"
    );
    let on = next.iter().find(|on| on.case.id() != id).unwrap().case.id();
    assert!(page.contains("It goes on in") && page.contains(&format!("/cases/{on}")), "{page}");
    let payout = ben.get("/payouts?key=stripe%2Fpi_refused").await.body;
    assert!(payout.contains("The payee is not paid: the rail refused attempt 2."), "{payout}");
}

const OWN_ORDER: [(&str, &str); 3] = [("ending", "own_order"), ("code", "provider_confirmed"), ("note", "two orders")];

#[tokio::test]
async fn own_order_leads_to_its_payout() {
    let stack = stack().await;
    deliver(&stack, "first", "twice", "acct_1Payee").await;
    let second = {
        deliver(&stack, "second", "twice", "acct_1Payee").await;
        stack.ledger.cases_of_key("stripe/pi_twice").await.unwrap().remove(0).case
    };
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let id = second.id();
    let before = ada.get(&format!("/cases/{id}?done=paid&about={id}")).await.body;
    assert!(before.contains("Nothing was paid for this event") && !before.contains("The rail took the order"));
    ada.act_and_sign_in(&second, "propose", &OWN_ORDER, "ada").await;
    let (_, approved) = ben.act_and_sign_in(&second, "approve", &[], "ben").await;
    assert!(ben.get(&path_of(&approved)).await.body.contains("The rail took the order"), "{:?}", approved.location);
    let page = ben.get(&format!("/cases/{id}")).await.body;
    let link = page.split('"').find(|part| part.contains("/payouts?key=stripe%2Fpi_twice~")).expect(&page);
    assert!(ben.get(link.strip_prefix("/console").unwrap()).await.body.contains("Accepted"));
}

/// Payouts that were claimed while payouts were held: they never left.
const PAID_ELSEWHERE: [(&str, &str); 3] =
    [("ending", "paid_elsewhere"), ("code", "bank_statement"), ("note", "to be paid at the bank")];

/// Ended by two people at the console: the event's place is taken. Ended wrongly: the same people still pay it, once.
#[tokio::test]
async fn ending_at_the_console_binds_the_event_and_can_be_mended() {
    let stack = stack().await;
    deliver(&stack, "first", "ended", "acct_1Payee").await;
    deliver(&stack, "second", "ended", "acct_1Payee").await;
    let second = stack.ledger.cases_of_key("stripe/pi_ended").await.unwrap().remove(0).case;
    let own = second.key.as_ref().unwrap().of_own_order(second.event.as_ref().unwrap()).unwrap();
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    assert_eq!(ada.act(&second, "propose", &PAID_ELSEWHERE).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stack.ledger.standing(&own, 1).await, Ok(None));
    let approved = ben.act(&second, "approve", &[("note", "seen")]).await;
    assert_eq!(approved.status, StatusCode::SEE_OTHER, "{}", approved.body);
    assert!(matches!(stack.ledger.standing(&own, 1).await, Ok(Some(payonce_ledger::Standing::Closing(_)))));
    assert_eq!(now(&stack, &second).await.resolution.unwrap().approved_by.subject, "sandbox|ben");

    // It comes again, so that the case is open, and says so on its page.
    deliver(&stack, "second", "ended", "acct_1Payee").await;
    assert_eq!(now(&stack, &second).await.status, Status::Reopened);
    let page = ada.get(&format!("/cases/{}", second.id())).await.body;
    assert!(page.contains("It came again, and the case is open again"), "{page}");
    assert!(page.contains("value=\"reissue\""), "{page}");
    // As its own order it cannot be paid any more, and payer says so.
    ada.act_and_sign_in(&second, "propose", &OWN_ORDER, "ada").await;
    let (_, refused) = ben.act_and_sign_in(&second, "approve", &[], "ben").await;
    assert!(refused.body.contains("it is claimed already"), "{}", refused.body);
    ben.act(&second, "send_back", &[("note", "it was ended before")]).await;
    let (_, proposed) = ada.act_and_sign_in(&second, "propose", &REISSUE, "ada").await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.body);
    let (_, approved) = ben.act_and_sign_in(&second, "approve", &[], "ben").await;
    assert!(ben.get(&path_of(&approved)).await.body.contains("The rail took the order"), "{:?}", approved.location);
    let payout = stack.ledger.payout(&own).await.unwrap();
    assert_eq!(payout.attempts.iter().map(|attempt| attempt.claim.attempt).collect::<Vec<_>>(), [2]);
    assert_eq!(stack.rail.executed().iter().filter(|paid| paid.payout_key() == own.as_str()).count(), 1);
}

/// The event was paid between proposal and approval: the approver reads it, and the case stays as it is.
#[tokio::test]
async fn ending_that_comes_too_late_is_refused_in_words() {
    let stack = stack().await;
    deliver(&stack, "first", "late", "acct_1Payee").await;
    deliver(&stack, "second", "late", "acct_1Payee").await;
    let second = stack.ledger.cases_of_key("stripe/pi_late").await.unwrap().remove(0).case;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    ada.act_and_sign_in(&second, "propose", &OWN_ORDER, "ada").await;
    ben.act_and_sign_in(&second, "approve", &[], "ben").await;
    ada.act(&second, "reopen", &[("note", "again")]).await;
    ada.act(&second, "propose", &PAID_ELSEWHERE).await;
    let refused = ben.act(&second, "approve", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("came after all and was paid"), "{}", refused.body);
    assert!(refused.body.contains("Pay nothing by hand"), "{}", refused.body);
    assert_eq!(now(&stack, &second).await.status, Status::AwaitingApproval);
}

async fn held(stack: &Stack, payees: &[&str]) -> Vec<Case> {
    stack.ledger.set_hold(Hold::Record, "a person", "a test", stack.clock.now()).await.unwrap();
    // A webhook goes by what it has read for three seconds.
    tokio::time::sleep(std::time::Duration::from_millis(3_100)).await;
    let mut cases = Vec::new();
    for (number, payee) in payees.iter().enumerate() {
        cases.push(filed(stack, &format!("held_{number}"), payee).await);
    }
    stack.ledger.set_hold(Hold::Pay, "a person", "a test", stack.clock.now()).await.unwrap();
    assert!(cases.iter().all(|case| case.reason == Reason::PayoutNotSent));
    cases
}

impl Desk<'_> {
    /// Selects these cases as the page shows them.
    async fn select(&mut self, path: &str, cases: &[Case]) -> Page {
        let mut fields = vec![("act", "release".to_owned()), ("code", "never_sent".to_owned())];
        fields.push(("note", "the rail was away".to_owned()));
        for case in cases {
            fields.push(("case", format!("{}:{}", case.id(), now(self.stack, case).await.version)));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post(path, &fields).await
    }

    async fn on_batch(&mut self, path: &str, act: &str, fields: &[(&str, &str)]) -> Page {
        let version = self.get(path).await.field("version");
        self.post(&format!("{path}/{act}"), &[fields, &[("version", &version)]].concat()).await
    }
}

fn path_of(page: &Page) -> String {
    let location = page.location.as_ref().unwrap_or_else(|| panic!("{}", page.body));
    location.strip_prefix("/console").unwrap().to_owned()
}

#[tokio::test]
async fn batch_needs_two_people_and_stops_after_a_failure() {
    let stack = stack().await;
    let good = "acct_1Payee";
    let unknown = filed(&stack, "unknown", "acct_sandboxDies").await;
    let cases = held(&stack, &[good, good, "acct_sandboxRefuses", good]).await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let all: Vec<Case> = cases.iter().cloned().chain([unknown]).collect();
    let preview = ada.select("/bulk", &all).await;
    assert_eq!(preview.body.matches("Will succeed").count() - 1, 4, "{}", preview.body);
    assert!(preview.body.contains("only what was surely not paid"));
    // The rail's limiter turned it away before it began.
    let limited = filed(&stack, "limited", "acct_sandboxLimits").await;
    let with_it: Vec<Case> = cases.iter().cloned().chain([limited]).collect();
    let preview = ada.select("/bulk", &with_it).await;
    assert_eq!(preview.body.matches("Will succeed").count() - 1, 5, "{}", preview.body);
    // With a case that is not eligible there is no list.
    assert_eq!(ada.select("/bulk/confirm", &all).await.status, StatusCode::CONFLICT);
    let sent = ada.select("/bulk/confirm", &cases).await;
    assert!(!ada.get("/batches").await.body.contains("/batches/"), "a draft is shown");
    assert_eq!(now(&stack, &cases[0]).await.status, Status::Open);
    let (_, back) = ada.browser.at_the_issuer(&sent.location.unwrap(), "ada").await;
    let path = path_of(&back);
    assert!(ada.get("/batches").await.body.contains(&path));
    let own = ada.get(&path).await.body;
    assert!(own.contains("You proposed this; another person must decide.") && !own.contains("/approve\""));
    for case in &cases {
        let seen = now(&stack, case).await;
        assert_eq!(seen.status, Status::AwaitingApproval);
        // Alone it cannot be decided.
        let page = ben.act(case, "approve", &[]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    }
    // An analyst, and a maker who is an approver too, are refused.
    for act in ["approve", "continue", "send_back"] {
        let page = ada.post(&format!("{path}/{act}"), &[("version", "2"), ("note", "me")]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{act}");
    }
    let page = ben.on_batch(&path, "approve", &[]).await;
    let (_, released) = ben.browser.at_the_issuer(&page.location.unwrap(), "ben").await;
    assert_eq!(path_of(&released), path);
    let page = ben.get(&path).await.body;
    assert!(page.contains("2 of 4 paid") && page.contains("Stopped") && page.contains("/continue\""), "{page}");
    // Going on does not pass the one that failed.
    assert_eq!(path_of(&ben.on_batch(&path, "continue", &[]).await), path);
    let attempts = |case: &Case| {
        let (key, ledger) = (case.key.clone().unwrap(), stack.ledger.clone());
        async move { ledger.payout(&key).await.unwrap().attempts.len() }
    };
    let mut made = Vec::new();
    for case in &cases {
        made.push(attempts(case).await);
    }
    assert_eq!(made, [2, 2, 2, 1]);
    let page = ben.on_batch(&path, "send_back", &[("note", "look at the refusal first")]).await;
    assert_eq!(path_of(&page), path);
    let statuses: Vec<Status> = [now(&stack, &cases[0]).await.status, now(&stack, &cases[3]).await.status].into();
    assert_eq!(statuses, [Status::Resolved, Status::InReview]);
    let page = ben.get(&path).await.body;
    assert!(
        page.contains("look at the refusal first")
            && !page.contains("/continue\"")
            && page.contains("Not in it any more")
    );
    // The one that was sent back is released by another batch; all of it this time.
    let sent = ada.select("/bulk/confirm", &cases[3..]).await;
    let (_, back) = ada.browser.at_the_issuer(&sent.location.unwrap(), "ada").await;
    let path = path_of(&back);
    let page = ben.on_batch(&path, "approve", &[]).await;
    ben.browser.at_the_issuer(&page.location.unwrap(), "ben").await;
    assert!(ben.get(&path).await.body.contains("1 of 1 paid"));
    assert_eq!((attempts(&cases[3]).await, now(&stack, &cases[3]).await.status), (2, Status::Resolved));
    // A bank statement names the rail's own id of the payout.
    let payout = stack.ledger.payout(cases[3].key.as_ref().unwrap()).await.unwrap();
    let id = payout.attempts[1].outcome.as_ref().unwrap().evidence.get(FactName::RailPayout).unwrap().to_owned();
    let found = ben.get(&format!("/search?q={id}")).await;
    assert_eq!(found.location.as_deref(), Some("/console/payouts?key=stripe%2Fpi%5Fheld%5F3"));
    assert_eq!(ben.get("/search?q=tr_unknown").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refuses_another_persons_sign_in_and_ones_own_proposal() {
    let stack = stack().await;
    let case = filed(&stack, "own", "acct_sandboxRefuses").await;
    let mut ben = Desk::of(&stack, "ben").await;
    // At the issuer, somebody else.
    let (_, page) = ben.act_and_sign_in(&case, "propose", &REISSUE, "dee").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert_eq!(now(&stack, &case).await.version, 1);
    let (_, page) = ben.act_and_sign_in(&case, "propose", &REISSUE, "ben").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    // A forged request for one's own proposal: the button was not there.
    let page = ben.act(&case, "approve", &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(stack.ledger.payout(case.key.as_ref().unwrap()).await.unwrap().attempts.len(), 1);
    // Two approvers at once: one wins, the other is told.
    let (mut dee, mut other) = (Desk::of(&stack, "dee").await, Desk::of(&stack, "dee").await);
    let first = dee.act(&case, "approve", &[]).await.location.unwrap();
    let second = other.act(&case, "approve", &[]).await.location.unwrap();
    let ((_, one), (_, two)) =
        tokio::join!(dee.browser.at_the_issuer(&first, "dee"), other.browser.at_the_issuer(&second, "dee"));
    let statuses = [one.status, two.status];
    assert!(statuses.contains(&StatusCode::SEE_OTHER) && statuses.contains(&StatusCode::CONFLICT), "{statuses:?}");
    assert_eq!(stack.ledger.payout(case.key.as_ref().unwrap()).await.unwrap().attempts.len(), 2);
}

/// Anybody may have an account at the issuer: a list that strangers fill is one that they can fill up.
#[tokio::test]
async fn writes_nothing_of_people_without_a_role() {
    let stack = stack().await;
    let mut nik = Desk::of(&stack, "nik").await;
    for path in ["", "/cases.csv", "/batches", "/nowhere"] {
        let page = nik.browser.get(&nik.url(path)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        for said in [
            "Nik Novak</bdi>, and have no role here",
            "/roles</span> of your ID token: it is empty",
            "console.identity.roles",
        ] {
            assert!(page.body.contains(said), "{said} is not in {}", page.body);
        }
        // Neither the person's subject, nor a token, nor what others would be given.
        for hidden in ["sandbox|", "eyJ", "payonce-approver", "payonce-viewer"] {
            assert!(!page.body.contains(hidden), "{hidden} is in {}", page.body);
        }
    }
    let csrf = nik.csrf().await;
    let out = nik.browser.ask(Method::POST, &nik.url("/sign-out"), &form(&[("csrf", &csrf)]), &[]).await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(stack.ledger.people().await.unwrap().0.is_empty());
    Desk::of(&stack, "eve").await;
    let known: Vec<PersonRecord> = stack.ledger.people().await.unwrap().0.into_values().collect();
    assert_eq!(known.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Eve Lindqvist"]);
}

#[tokio::test]
async fn refuses_forged_and_stolen_requests() {
    let stack = stack().await;
    let case = filed(&stack, "forged", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let mut eve = Desk::of(&stack, "eve").await;
    let (csrf, others) = (ada.csrf().await, eve.csrf().await);
    let path = format!("/cases/{}/comment", case.id());
    let url = ada.url(&path);
    let body = |csrf: &str| form(&[("note", "text"), ("version", "1"), ("csrf", csrf)]);
    let evil = [("origin", "https://evil.example")];
    let cross = [("sec-fetch-site", "cross-site")];
    for (what, body, headers) in [
        ("no token", form(&[("note", "text"), ("version", "1")]), &[][..]),
        ("another session's token", body(&others), &[]),
        ("a token of nothing", body("AAAA"), &[]),
        ("from another origin", body(&csrf), &evil),
        ("across sites", body(&csrf), &cross),
    ] {
        let page = ada.browser.ask(Method::POST, &url, &body, headers).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{what}");
    }
    // The session in other hands: another browser, altered, after its person has signed out.
    let stolen = ada.browser.cookies.clone();
    let with = |agent: &'static str| Browser { agent, cookies: stolen.clone() };
    assert_eq!(with("another browser").ask(Method::POST, &url, &body(&csrf), &[]).await.status, StatusCode::FORBIDDEN);
    let mut altered = with("a browser");
    for value in altered.cookies.values_mut().flat_map(BTreeMap::values_mut) {
        let last = if value.ends_with('A') { 'B' } else { 'A' };
        value.pop();
        value.push(last);
    }
    assert_eq!(altered.ask(Method::POST, &url, &body(&csrf), &[]).await.status, StatusCode::FORBIDDEN);
    let left = ada.post("/sign-out", &[]).await;
    assert!(left.location.unwrap().contains("/sign-out?"));
    assert_eq!(with("a browser").ask(Method::POST, &url, &body(&csrf), &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(with("a browser").get(&ada.url("")).await.location.as_deref(), Some("/console/signed-out"));
    assert_eq!(now(&stack, &case).await.version, 1);
    // Nobody: neither a page nor a case.
    let mut nobody = Browser::new();
    assert_eq!(
        nobody.get(&ada.url(&format!("/cases/{}", case.id()))).await.location.as_deref(),
        Some("/console/signed-out")
    );
    assert!(nobody.get(&ada.url("/signed-in?code=1&state=2")).await.status.is_client_error());
}

const LIFT: [(&str, &str); 3] = [("ending", "lift_limit"), ("code", "provider_confirmed"), ("note", "a large sale")];

/// Where nothing but the limit is wrong, and nowhere else.
#[tokio::test]
async fn rightful_payout_above_a_limit_is_paid_once_by_two_people() {
    let stack = stack().await;
    deliver_sum(&stack, "much", "much", "acct_1Payee", 600_000).await;
    deliver(&stack, "odd", "odd", "no payee").await;
    let case_of = async |key: &str| stack.ledger.cases_of_key(key).await.unwrap().remove(0).case;
    let (much, odd) = (case_of("stripe/pi_much").await, case_of("stripe/pi_odd").await);
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    for path in ["", &format!("/cases/{}", much.id()), "/cases.csv"] {
        let page = ada.get(path).await.body;
        assert!(page.contains("amount_received is above max_amount"), "{path}: {page}");
    }
    assert!(ada.get(&format!("/cases/{}", much.id())).await.body.contains("value=\"lift_limit\""));
    assert!(!ada.get(&format!("/cases/{}", odd.id())).await.body.contains("value=\"lift_limit\""));
    assert!(!ada.act(&odd, "propose", &LIFT).await.status.is_redirection());

    ada.act_and_sign_in(&much, "propose", &LIFT, "ada").await;
    let (_, approved) = ben.act_and_sign_in(&much, "approve", &[], "ben").await;
    assert!(ben.get(&path_of(&approved)).await.body.contains("The rail took the order"), "{}", approved.body);
    deliver_sum(&stack, "much", "much", "acct_1Payee", 600_000).await;
    assert_eq!(now(&stack, &much).await.status, Status::Resolved);
    let paid: Vec<_> = stack.rail.executed().into_iter().filter(|paid| paid.payout_key() == "stripe/pi_much").collect();
    assert_eq!(paid.iter().map(|paid| paid.amount).collect::<Vec<_>>(), [600_000]);
    let page = ada.get(&format!("/cases/{}", much.id())).await.body;
    assert!(page.contains("Attempt 1") && page.contains("The rail accepted it: tr_"), "{page}");
}

/// What a provider or a person writes is text, wherever it is shown.
#[tokio::test]
async fn markup_of_a_stranger_stays_text() {
    let stack = stack().await;
    let probe = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";
    let mut case = Case::new(Reason::InvalidEvent, vec!["stripe".to_owned(), "evt_<b>".to_owned()], stack.clock.now());
    case.provider = Some(probe.to_owned());
    case.event = Some(payonce_protocol::order::EventId::new("evt_<script>").unwrap());
    case.destination = Some(payonce_protocol::order::Destination::new("<script>alert(1)</script>").unwrap());
    case.say(FactName::Problem, probe);
    case.incident = Some(format!("1/invalid_event/{}", probe.replace(' ', "")));
    stack.ledger.open_case(&case).await.unwrap();
    let mut ada = Desk::of(&stack, "ada").await;
    for (act, fields) in [
        ("comment", vec![("note", probe)]),
        ("attach", vec![("title", probe), ("kept_at", probe)]),
        ("propose", vec![("ending", "written_off"), ("code", "other"), ("note", probe)]),
    ] {
        assert_eq!(ada.act(&case, act, &fields).await.status, StatusCode::SEE_OTHER, "{act}");
    }
    let mut ben = Desk::of(&stack, "ben").await;
    let id = case.id();
    let encoded = percent_encoding::utf8_percent_encode(probe, percent_encoding::NON_ALPHANUMERIC);
    for path in [
        String::new(),
        format!("/cases/{id}"),
        format!("?provider={encoded}&owner={encoded}&incident={encoded}&status={encoded}"),
        format!("/search?q={encoded}"),
        format!("/cases/{id}?done={encoded}&about={encoded}"),
        format!("/{encoded}"),
    ] {
        let page = ben.get(&path).await;
        assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{path}: {}", page.body);
        assert!(page.body.matches("<script").count() == 1 || page.location.is_some(), "{path}");
    }
    assert!(ben.get(&format!("/cases/{id}")).await.body.contains("&#60;script"), "it is shown, as text");
    // A link that runs, or leads nowhere, is not attached.
    for link in ["javascript:alert(1)", "http://evil.example", "//evil.example"] {
        let page = ada.act(&case, "attach", &[("title", "x"), ("link", link)]).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{link}");
    }
}

/// The sandbox's issuer is as strict as others: else the console's own mistakes would not show here.
#[tokio::test]
async fn sandbox_issuer_refuses_strangers_and_used_codes() {
    let stack = stack().await;
    let (issuer, redirect) = (stack.issuer.url(), payonce_local::desk::redirect_uri(stack.front.address()));
    let verifier = "a-verifier-of-this-test-alone-0123456789-0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(Digest::of(verifier).0);
    let mut browser = Browser::new();
    let asked = |changed: &[(&'static str, &'static str)]| {
        let mut fields = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", "payonce-console"),
            ("redirect_uri", redirect.as_str()),
            ("scope", "openid profile"),
            ("state", "s"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("person", "ada"),
        ]);
        fields.extend(changed.iter().copied());
        form(&fields.into_iter().collect::<Vec<_>>())
    };
    for stranger in [("redirect_uri", "https://evil.example/"), ("client_id", "another"), ("response_type", "token")] {
        let page = browser.ask(Method::POST, &format!("{issuer}/authorize"), &asked(&[stranger]), &[]).await;
        assert_eq!((page.status, page.location), (StatusCode::BAD_REQUEST, None), "{stranger:?}");
    }
    for missing in [("code_challenge", ""), ("code_challenge_method", "plain"), ("state", ""), ("scope", "profile")] {
        let page = browser.ask(Method::POST, &format!("{issuer}/authorize"), &asked(&[missing]), &[]).await;
        assert!(page.location.unwrap().contains("error=invalid"), "{missing:?}");
    }
    let mut code = async || {
        let page = browser.ask(Method::POST, &format!("{issuer}/authorize"), &asked(&[]), &[]).await;
        let location = page.location.unwrap();
        location.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let codes = [code().await, code().await, code().await];
    let exchange = async |code: &str, verifier: &str, redirect: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "payonce-console"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect),
        ];
        Browser::new().ask(Method::POST, &format!("{issuer}/token"), &form(&fields), &[]).await.status
    };
    assert_eq!(exchange(&codes[0], verifier, &redirect).await, StatusCode::OK);
    assert_eq!(exchange(&codes[0], verifier, &redirect).await, StatusCode::BAD_REQUEST, "used before");
    assert_eq!(exchange(&codes[1], "another verifier", &redirect).await, StatusCode::BAD_REQUEST, "stolen");
    assert_eq!(exchange(&codes[1], verifier, &redirect).await, StatusCode::BAD_REQUEST, "shown once");
    assert_eq!(exchange(&codes[2], verifier, "https://evil.example/").await, StatusCode::BAD_REQUEST, "elsewhere");
}

#[tokio::test]
async fn page_of_the_queue_stays_below_a_hundred_kilobytes() {
    let stack = stack().await;
    for number in 0..60 {
        let subject = vec!["stripe".to_owned(), format!("evt_{number}")];
        let mut case = Case::new(Reason::PayoutUnknown, subject, stack.clock.now()).of_cause("timeout");
        case.destination = payonce_protocol::order::Destination::new("a".repeat(128)).ok();
        case.provider = Some("a_provider_with_a_rather_long_name".to_owned());
        stack.ledger.open_case(&case).await.unwrap();
    }
    stack.sweeper().run().await.unwrap();
    let mut ada = Desk::of(&stack, "ada").await;
    let page = ada.get("").await;
    assert_eq!(page.body.matches("name=\"case\"").count(), 50);
    assert!(page.body.len() <= 100_000, "{} bytes", page.body.len());
    println!("a page of fifty cases: {} bytes", page.body.len());
    let from = page.body.find("href=\"/console?after=").expect("a next page") + "href=\"/console".len();
    let next = page.body[from..].split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    assert_eq!(ada.get(&next).await.body.matches("name=\"case\"").count(), 10);
    // The file has what the filter shows, all of it, for whoever may read.
    let mut eve = Desk::of(&stack, "eve").await;
    for (query, cases) in [("", 60), ("?provider=a_provider_with_a_rather_long_name", 60), ("?provider=stripe", 0)] {
        let file = eve.get(&format!("/cases.csv{query}")).await;
        assert_eq!((file.status, file.body.matches("payout_unknown,").count()), (StatusCode::OK, cases), "{query}");
    }
    for wrong in ["age=9", "csv=tab"] {
        assert_eq!(eve.get(&format!("/cases.csv?{wrong}")).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let german = eve.get("/cases.csv?csv=semicolon").await;
    assert!(german.body.starts_with("\u{feff}case;reason;certainty;"), "{}", german.body);
    assert_eq!(german.body.matches("payout_unknown;").count(), 60);
    let nobody = Browser::new().get(&ada.url("/cases.csv")).await;
    assert_eq!(nobody.location.as_deref(), Some("/console/signed-out"));
}

/// The rail paid and hung up. Once somebody asked it, every page says what it has, and nobody ends the case otherwise.
#[tokio::test]
async fn what_the_rail_has_is_the_headline_and_cannot_be_denied() {
    let stack = stack().await;
    let lost = filed(&stack, "lost", "acct_sandboxExecutesThenDies").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let before = ada.get(&format!("/cases/{}", lost.id())).await.body;
    assert!(
        before.contains("Not asked") && !before.contains(">Equal<"),
        "our own records agree by themselves: {before}"
    );
    // Proposed while nobody knew better.
    let not_paid = [("ending", "not_paid"), ("code", "nothing_owed"), ("note", "no")];
    assert_eq!(ada.act(&lost, "propose", &not_paid).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.act(&lost, "look_up", &[]).await.status, StatusCode::SEE_OTHER);
    let refused = ben.act(&lost, "approve", &[]).await;
    assert!(refused.status.is_client_error() && refused.body.contains("The rail has this payout"), "{}", refused.body);
    assert_eq!(stack.ledger.bound(&now(&stack, &lost).await).await, Ok(None), "the table holds it, too");
    assert_eq!(ben.act(&lost, "send_back", &[("note", "look")]).await.status, StatusCode::SEE_OTHER);

    let page = ada.get(&format!("/cases/{}", lost.id())).await.body;
    let headline = page.split("class=\"known\">").nth(1).unwrap().split('<').next().unwrap();
    assert!(headline.starts_with("The rail has it: tr_") && headline.contains("42.00\u{a0}EUR"), "{headline}");
    assert!(page.contains("Equal") && !page.contains("smallest unit") && !page.contains("We do not know"), "{page}");
    for ending in ["not_paid", "paid_elsewhere", "reissue"] {
        assert!(!page.contains(&format!("value=\"{ending}\"")), "{ending} is offered");
        let fields = [("ending", ending), ("code", "other"), ("note", "no")];
        assert!(ada.act(&lost, "propose", &fields).await.status.is_client_error(), "{ending}");
    }
    assert!(page.contains("value=\"confirmed_accepted\""), "{page}");
    let confirmed = [("ending", "confirmed_accepted"), ("code", "rail_books"), ("note", "seen")];
    assert_eq!(ada.act(&lost, "propose", &confirmed).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ben.act(&lost, "approve", &[]).await.status, StatusCode::SEE_OTHER);
    let payout = ben.get("/payouts?key=stripe%2Fpi_lost").await.body;
    assert!(payout.contains("The rail has it: tr_"), "{payout}");
}

#[tokio::test]
async fn after_an_act_the_case_acted_on_is_named_and_an_approver_is_shown_one_to_approve() {
    let stack = stack().await;
    let first = filed(&stack, "one", "acct_sandboxRefuses").await;
    let second = filed(&stack, "two", "acct_sandboxRefuses").await;
    let untouched = filed(&stack, "three", "acct_sandboxRefuses").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let proposed = ada.act(&first, "propose", &WRITE_OFF).await;
    let page = ada.get(&path_of(&proposed)).await.body;
    assert!(page.contains("proposed for 42.00\u{a0}EUR to acct_sandboxRefuses: Write off."), "{page}");
    assert!(page.contains(&format!("href=\"/console/cases/{}\"", first.id())) && page.contains("Next case"), "{page}");
    ada.act(&second, "propose", &WRITE_OFF).await;

    let approved = ben.act(&first, "approve", &[]).await;
    assert!(path_of(&approved).starts_with(&format!("/cases/{}?", second.id())), "{:?}", approved.location);
    assert!(ben.get(&path_of(&approved)).await.body.contains("approved for 42.00\u{a0}EUR to acct_sandboxRefuses"));
    // Nothing more to approve: the queue, and not a case of another kind of work.
    let approved = ben.act(&second, "approve", &[]).await;
    assert!(approved.location.as_deref().unwrap().starts_with("/console?done=approve"), "{:?}", approved.location);
    // A link cannot say what did not happen.
    let forged = ben.get(&format!("?done=propose&about={}", untouched.id())).await.body;
    assert!(!forged.contains("proposed for"), "{forged}");
}

#[tokio::test]
async fn a_conflict_shows_both_deliveries_and_where_they_differ() {
    let stack = stack().await;
    deliver(&stack, "both", "both", "acct_1Payee").await;
    let conflict = filed(&stack, "both", "acct_2Other").await;
    assert_eq!(conflict.reason, Reason::ConflictingDuplicate);
    let page = Desk::of(&stack, "ada").await.get(&format!("/cases/{}", conflict.id())).await.body;
    let both = page.split("Both deliveries").nth(1).expect(&page);
    assert!(both.contains("acct_1Payee") && both.contains("acct_2Other") && both.contains("another one"), "{both}");
}
#[path = "console/lists.rs"]
mod lists;
