//! Nothing that somebody wrote is lost: after a session has ended, on a case that others changed meanwhile, sent twice; and the
//! files that people attach.

use super::*;

const NOTE: &str = "I called the bank; they see nothing";
const STATEMENT: [(&str, &str); 2] = [("title", "Bank statement"), ("link", "https://bank.example/statement")];
const CONFIRMED: [(&str, &str); 3] = [("ending", "confirmed_accepted"), ("code", "rail_books"), ("note", NOTE)];
const NOT_PAID: [(&str, &str); 3] = [("ending", "not_paid"), ("code", "nothing_owed"), ("note", NOTE)];

impl Desk<'_> {
    /// Sends a form as a page made it, without asking for a newer one.
    async fn send(&mut self, case: &Case, act: &str, fields: &[(&str, &str)]) -> Page {
        let url = self.url(&format!("/cases/{}/{act}", case.id()));
        self.browser.ask(Method::POST, &url, &form(fields), &[]).await
    }

    async fn attach(&mut self, case: &Case, name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Page {
        let (csrf, version) = (self.csrf().await, self.stand(case).await);
        let mut body = Vec::new();
        for (name, value) in fields.iter().chain(&[("csrf", csrf.as_str()), ("version", version.as_str())]) {
            body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        let body = [&body, head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
        let act = if fields.iter().any(|(name, _)| *name == "ending") { "propose" } else { "attach" };
        let url = self.url(&format!("/cases/{}/{act}", case.id()));
        self.browser.ask_with(Method::POST, &url, body, &[("content-type", "multipart/form-data; boundary=b")]).await
    }
}

impl Page {
    /// All that the page's last form would send, as a browser reads it.
    fn form_fields(&self) -> Vec<(String, String)> {
        let form = self.body.rsplit("<form").next().unwrap();
        let unescaped = |text: &str| text.replace("&#34;", "\"").replace("&#38;", "&").replace("&#60;", "<");
        let mut fields: Vec<(String, String)> = form
            .split("name=\"")
            .skip(1)
            .filter_map(|part| {
                let (name, rest) = part.split_once('"')?;
                let tag = rest.split('>').next()?;
                Some((name.to_owned(), unescaped(tag.split_once("value=\"")?.1.split('"').next()?)))
            })
            .collect();
        if let Some(text) = form.split("<textarea").nth(1) {
            let text = text.split_once('>').unwrap().1.split("</textarea>").next().unwrap();
            fields.push(("note".to_owned(), unescaped(text)));
        }
        for select in form.split("<select").skip(1) {
            let name = select.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
            let chosen =
                select.split("</select>").next().unwrap().split("<option").find(|one| one.contains(" selected"));
            let value = chosen.map_or("", |one| one.split("value=\"").nth(1).unwrap().split('"').next().unwrap());
            fields.retain(|(other, _)| other != name);
            fields.push((name.to_owned(), value.to_owned()));
        }
        fields
    }
}

fn borrowed(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn acts(stack: &Stack, case: &Case) -> Vec<String> {
    stack.ledger.history(&case.id()).await.unwrap().into_iter().map(|record| record.act).collect()
}

/// The page holds the words, the new session sends them, and no table had them between.
#[tokio::test]
async fn what_was_written_outlives_the_session_it_was_written_in() {
    let stack = stack().await;
    let case = filed(&stack, "expired", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let (csrf, version) = (ada.csrf().await, ada.stand(&case).await);
    // The idle time of a session is over.
    ada.browser.cookies.clear();
    let fields = [&NOT_PAID[..], &[("csrf", &csrf), ("version", &version)]].concat();
    let held = ada.send(&case, "propose", &fields).await;
    assert_eq!(held.status, StatusCode::FORBIDDEN);
    assert!(held.body.contains("You are signed out") && held.body.contains(NOTE), "{}", held.body);
    assert!(held.body.contains("href=\"/console/sign-in\" target=\"_blank\""), "{}", held.body);
    // Nothing of another site's is shown back.
    let evil = [("origin", "https://evil.example")];
    let url = ada.url(&format!("/cases/{}/propose", case.id()));
    let forged = ada.browser.ask(Method::POST, &url, &form(&fields), &evil).await;
    assert!(forged.status == StatusCode::FORBIDDEN && !forged.body.contains(NOTE));

    // Signed in again, in another tab; then this one is sent.
    let begun = ada.browser.get(&ada.url("/sign-in")).await;
    ada.browser.at_the_issuer(&begun.location.unwrap(), "ada").await;
    let shown = ada.send(&case, "propose", &borrowed(&held.form_fields())).await;
    assert_eq!(shown.status, StatusCode::FORBIDDEN, "the old token is none");
    assert!(shown.body.contains("Not sent yet") && shown.body.contains(NOTE), "{}", shown.body);
    assert_eq!(acts(&stack, &case).await, ["opened"]);
    let sent = ada.send(&case, "propose", &borrowed(&shown.form_fields())).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    assert_eq!(now(&stack, &case).await.proposal.unwrap().note, NOTE);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_answered_twice_as_done() {
    let stack = stack().await;
    let case = filed(&stack, "twice", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let mut ben = Desk::of(&stack, "ben").await;
    for (act, fields) in [("assign", &[][..]), ("comment", &[("note", NOTE)]), ("propose", &NOT_PAID)] {
        let (csrf, version) = (ada.csrf().await, ada.stand(&case).await);
        let fields = [fields, &[("csrf", &csrf), ("version", &version)]].concat();
        let one = ada.send(&case, act, &fields).await;
        let two = ada.send(&case, act, &fields).await;
        assert_eq!((one.status, two.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER), "{act}: {}", two.body);
        assert_eq!(one.location, two.location, "{act}");
    }
    // The same words from another page are another comment.
    assert_eq!(ada.act(&case, "comment", &[("note", NOTE)]).await.status, StatusCode::SEE_OTHER);
    // Approved by payer's hand or by ours: said twice, done once.
    let (csrf, version) = (ben.csrf().await, ben.stand(&case).await);
    let fields = [("csrf", csrf.as_str()), ("version", &version), ("note", "agreed")];
    let (one, two) = (ben.send(&case, "approve", &fields).await, ben.send(&case, "approve", &fields).await);
    assert_eq!((one.status, &one.location), (two.status, &two.location), "{}", two.body);
    let mut done = acts(&stack, &case).await;
    done.sort_unstable();
    assert_eq!(done, ["approve", "assign", "comment", "comment", "opened", "propose"]);
}

/// Nobody was faster than a comment: it stands beside whatever others did since the page was made.
#[tokio::test]
async fn a_comment_is_taken_from_a_page_that_is_older_than_the_case() {
    let stack = stack().await;
    let case = filed(&stack, "beside", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let mut ben = Desk::of(&stack, "ben").await;
    let (csrf, version) = (ada.csrf().await, ada.stand(&case).await);
    ben.act(&case, "assign", &[]).await;
    let fields = [("csrf", csrf.as_str()), ("version", &version), ("note", NOTE)];
    let sent = ada.send(&case, "comment", &fields).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let mut done = acts(&stack, &case).await;
    done.sort_unstable();
    assert_eq!(done, ["assign", "comment", "opened"]);
}

#[tokio::test]
async fn a_stale_form_comes_back_filled_in_with_what_changed() {
    let stack = stack().await;
    let case = filed(&stack, "stale", "acct_sandboxRefuses").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let (csrf, version) = (ada.csrf().await, ada.stand(&case).await);
    let stale = [&NOT_PAID[..], &[("csrf", &csrf), ("version", &version)]].concat();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    // Words of others, and looks at the rail that find nothing new, change nothing that ada decides by.
    ben.act(&case, "comment", &[("note", "me too")]).await;
    assert_eq!(
        ada.send(&case, "comment", &[("note", "late"), ("csrf", &csrf), ("version", &version)]).await.status,
        StatusCode::SEE_OTHER
    );
    ben.act(&case, "assign", &[]).await;
    let again = ada.send(&case, "propose", &stale).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
    for said in ["The case has changed", "Owner changed", "Ben", "me too", "late", NOTE] {
        assert!(again.body.contains(said), "{said} is not in {}", again.body);
    }
    assert!(!again.body.contains("Nothing of yours was written"));
    let fields = again.form_fields();
    assert!(fields.contains(&("ending".to_owned(), "not_paid".to_owned())), "{fields:?}");
    let sent = ada.send(&case, "propose", &borrowed(&fields)).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    // An approver whose page is old reads what happened; approving is for the page that shows it all.
    let (csrf, version) = (ben.csrf().await, ben.stand(&case).await);
    let mut dee = Desk::of(&stack, "dee").await;
    dee.act(&case, "send_back", &[("note", "which statement?")]).await;
    let late = ben.send(&case, "approve", &[("csrf", &csrf), ("version", &version), ("note", "fine by me")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("which statement?") && late.body.contains("fine by me"), "{}", late.body);
    assert!(!late.body.contains("/approve\"") && late.body.contains("Keep it as a comment"), "{}", late.body);
    // A mistake in the form costs none of the words.
    let missing = ada.act(&case, "propose", &[("ending", "not_paid"), ("note", "all of this")]).await;
    assert_eq!(missing.status, StatusCode::BAD_REQUEST);
    assert!(missing.body.contains("Choose a reason") && missing.body.contains("all of this"), "{}", missing.body);
}

/// The version does not move when something is found out, so the form itself says what its reader knew.
#[tokio::test]
async fn an_ending_is_decided_only_on_what_was_shown() {
    let stack = stack().await;
    let case = filed(&stack, "found", "acct_sandboxExecutesThenDies").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    assert_eq!(ada.act(&case, "propose", &NOT_PAID).await.status, StatusCode::SEE_OTHER);
    let (csrf, version) = (ben.csrf().await, ben.stand(&case).await);
    let before = now(&stack, &case).await.version;
    ada.act(&case, "look_up", &[]).await;
    assert_eq!(now(&stack, &case).await.version, before);
    let page = ben.send(&case, "approve", &[("csrf", &csrf), ("version", &version)]).await;
    assert_eq!(page.status, StatusCode::CONFLICT, "the rail has it: {}", page.body);
    assert!(page.body.contains("Rail asked"), "{}", page.body);
    assert_eq!(now(&stack, &case).await.status, Status::AwaitingApproval);
}

/// Someone who gives up at the issuer, or comes back too late, finds their proposal again.
#[tokio::test]
async fn a_proposal_that_its_sign_in_did_not_reach_comes_back() {
    let stack = stack().await;
    let case = filed(&stack, "issuer", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    ada.act(&case, "propose", &REISSUE).await;
    let page = ada.get("/signed-in?error=access_denied&state=x").await;
    assert!(page.status.is_client_error());
    assert!(page.body.contains("they called") && page.body.contains("/propose\""), "{}", page.body);
    // Not to another person in the same browser.
    let words = ada.browser.cookies.clone();
    let begun = ada.browser.get(&ada.url("/sign-in")).await;
    ada.browser.at_the_issuer(&begun.location.unwrap(), "dee").await;
    // A sign-in forgets the words. Should the browser keep them all the same, they are not shown.
    for (authority, jar) in &words {
        let kept = jar.iter().filter(|(name, _)| name.ends_with("-payonce-pending"));
        let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
        ada.browser.cookies.entry(authority.clone()).or_default().extend(kept);
    }
    let page = ada.get("/signed-in?error=access_denied&state=x").await;
    assert!(page.status.is_client_error() && !page.body.contains("they called"), "{}", page.body);
    ada.browser.cookies = words;
    // The case was given to somebody meanwhile.
    let page = ada.act(&case, "propose", &REISSUE).await;
    let mut ben = Desk::of(&stack, "ben").await;
    ben.act(&case, "assign", &[]).await;
    let (_, back) = ada.browser.at_the_issuer(&page.location.unwrap(), "ada").await;
    assert_eq!(back.status, StatusCode::CONFLICT);
    assert!(back.body.contains("they called") && back.body.contains("Owner changed"), "{}", back.body);
    // An approver's words stay with the approval.
    ada.act_and_sign_in(&case, "propose", &REISSUE, "ada").await;
    ben.act_and_sign_in(&case, "approve", &[("note", "the payee is right")], "ben").await;
    assert!(ben.get(&format!("/cases/{}", case.id())).await.body.contains("the payee is right"));
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n-------";

#[tokio::test]
async fn a_file_is_kept_hashed_and_shown_only_as_what_it_is() {
    let stack = stack().await;
    let case = filed(&stack, "file", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let markup = b"<script>alert(1)</script>".as_slice();
    for (name, bytes) in [("a<b>.svg", markup), ("statement.png", PNG), ("../../x.html", b"%PDF\x00\x80")] {
        let page = ada.attach(&case, name, bytes, &[("title", "")]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{name}: {}", page.body);
    }
    let place = |bytes: &[u8]| format!("/cases/{}/evidence/{}", case.id(), Digest::of(bytes));
    // Whoever sees the case sees its evidence.
    let mut eve = Desk::of(&stack, "eve").await;
    let listed = eve.get(&format!("/cases/{}", case.id())).await.body;
    for (name, bytes) in [("a&#60;b&#62;.svg", markup), ("statement.png", PNG), (">x.html<", b"%PDF\x00\x80")] {
        assert!(listed.contains(name) && listed.contains(&Digest::of(bytes).to_string()), "{name}: {listed}");
    }
    assert!(!listed.contains("/attach\""));
    let text = eve.get(&place(markup)).await.body;
    assert!(text.contains("&#60;script&#62;alert(1)") && !text.contains("<script>alert"), "{text}");
    let picture = eve.get(&place(PNG)).await.body;
    assert!(picture.contains(&format!("<img class=\"evidence\" src=\"/console{}/picture\"", place(PNG))), "{picture}");
    assert!(eve.get(&place(b"%PDF\x00\x80")).await.body.contains("not shown here"));
    for (bytes, what, media_type, disposition) in [
        (PNG, "picture", Some("image/png"), "inline"),
        (PNG, "file", Some("application/octet-stream"), "attachment; filename=\"statement.png\""),
        (markup, "file", Some("application/octet-stream"), "attachment; filename=\"a_b_.svg\""),
        (markup, "picture", None, ""),
    ] {
        let page = eve.get(&format!("{}/{what}", place(bytes))).await;
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let Some(media_type) = media_type else {
            assert_eq!(page.status, StatusCode::NOT_FOUND);
            continue;
        };
        assert_eq!((page.status, header("content-type").as_deref()), (StatusCode::OK, Some(media_type)));
        assert!(header("content-disposition").unwrap().starts_with(disposition));
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(header("content-security-policy").unwrap(), "default-src 'none'; sandbox; frame-ancestors 'none'");
        assert_eq!(page.bytes, bytes);
    }
    // Not by another case's name, not by nobody, not what was never attached.
    let other = filed(&stack, "other", "acct_sandboxRefuses").await;
    let elsewhere = place(PNG).replace(case.id().as_str(), other.id().as_str());
    assert_eq!(eve.get(&elsewhere).await.status, StatusCode::NOT_FOUND);
    assert_eq!(eve.get(&place(b"x")).await.status, StatusCode::NOT_FOUND);
    let nobody = Browser::new().get(&ada.url(&format!("{}/file", place(PNG)))).await;
    assert_eq!(nobody.location.as_deref(), Some("/console/signed-out"));
    assert_eq!(eve.attach(&case, "x", b"x", &[]).await.status, StatusCode::FORBIDDEN);
    // One byte too many: in words, and with the words.
    let large = vec![b'x'; payonce_ledger::FILE_BYTES_AT_MOST + 1];
    let page = ada.attach(&case, "large.txt", &large, &[("title", "a whole year")]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("larger than 256 KiB") && page.body.contains("a whole year"), "{}", page.body);
}

#[tokio::test]
async fn an_ending_that_names_evidence_wants_it() {
    let stack = stack().await;
    let case = filed(&stack, "proof", "acct_sandboxExecutesThenDies").await;
    let mut ada = Desk::of(&stack, "ada").await;
    let without = ada.act(&case, "propose", &CONFIRMED).await;
    assert_eq!(without.status, StatusCode::BAD_REQUEST);
    assert!(without.body.contains("choose a file that shows it") && without.body.contains(NOTE), "{}", without.body);
    // Among many, too.
    let many = [&CONFIRMED[..], &[("act", "propose"), ("every", "1"), ("filter", "?reason=payout_unknown")]].concat();
    let preview = ada.post("/bulk", &many).await;
    assert!(preview.body.contains("Not eligible: nothing attached to it shows this"), "{}", preview.body);
    let with = ada.attach(&case, "statement.png", PNG, &CONFIRMED).await;
    assert_eq!(with.status, StatusCode::SEE_OTHER, "{}", with.body);
    let seen = now(&stack, &case).await;
    assert_eq!((seen.status, seen.version), (Status::AwaitingApproval, 2));
    assert!(ada.get(&format!("/cases/{}", case.id())).await.body.contains("statement.png"));
    // What is paid by hand is paid after the ending binds, and shown then: until it is, the page asks for it.
    let by_hand = filed(&stack, "by_hand", "acct_sandboxRefuses").await;
    let path = format!("/cases/{}", by_hand.id());
    assert_eq!(ada.act(&by_hand, "propose", &PAID_ELSEWHERE).await.status, StatusCode::SEE_OTHER);
    assert!(ada.get(&path).await.body.contains("attach the receipt then"));
    let mut ben = Desk::of(&stack, "ben").await;
    assert_eq!(ben.act(&by_hand, "approve", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(ada.get(&path).await.body.contains("Attach the receipt"));
    ada.act(&by_hand, "attach", &STATEMENT).await;
    assert!(!ada.get(&path).await.body.contains("Attach the receipt"));
}

/// A file cannot be put back into a browser's field, so the page carries it.
#[tokio::test]
async fn a_file_outlives_the_session_it_was_sent_in() {
    let stack = stack().await;
    let case = filed(&stack, "held", "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    ada.act(&case, "attach", &STATEMENT).await;
    let session = std::mem::take(&mut ada.browser.cookies);
    let mut body = b"--b\r\ncontent-disposition: form-data; name=\"version\"\r\n\r\n1\r\n".to_vec();
    body.extend(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"s.png\"\r\n\r\n");
    let body = [&body, PNG, b"\r\n--b--\r\n"].concat();
    let url = ada.url(&format!("/cases/{}/attach", case.id()));
    let held =
        ada.browser.ask_with(Method::POST, &url, body, &[("content-type", "multipart/form-data; boundary=b")]).await;
    assert!(held.body.contains("s.png") && held.status == StatusCode::FORBIDDEN, "{}", held.body);
    ada.browser.cookies = session;
    let shown = ada.send(&case, "attach", &borrowed(&held.form_fields())).await;
    let sent = ada.send(&case, "attach", &borrowed(&shown.form_fields())).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let stored = stack.ledger.file(&case.id(), Digest::of(PNG)).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.bytes.as_slice()), ("s.png", PNG));
}
