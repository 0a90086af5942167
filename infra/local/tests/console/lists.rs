//! Many cases of one cause, decided as a list: what is previewed is what is taken, and two people sign in once each.

use super::*;

/// So many cases of payouts that the rail refused. On a busy machine an answer may come too late, and its case is another.
async fn refused(stack: &Stack, wanted: usize, payee: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for number in 0..wanted * 2 {
        let case = filed(stack, &format!("many_{number}"), payee).await;
        cases.extend(Some(case).filter(|case| case.reason == Reason::PayoutRejected));
        if cases.len() == wanted {
            return cases;
        }
    }
    panic!("{} of {wanted} were refused", cases.len());
}

/// The cases and versions that a preview would confirm, with its other hidden fields.
fn confirmed(preview: &Page) -> Vec<(String, String)> {
    let form = preview.body.split("/bulk/confirm\">").nth(1).unwrap_or_else(|| panic!("{}", preview.body));
    let form = form.split("</form>").next().unwrap();
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name.to_owned(), rest.split('"').next()?.to_owned()))
        })
        .filter(|(name, _)| name != "csrf")
        .collect()
}

impl Desk<'_> {
    async fn confirm(&mut self, preview: &Page) -> Page {
        let fields = confirmed(preview);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post("/bulk/confirm", &fields).await
    }
}

const EVERY: [(&str, &str); 2] = [("every", "1"), ("filter", "?reason=payout_rejected")];
const AGAIN: [(&str, &str); 3] =
    [("act", "release"), ("code", "refusal_understood"), ("note", "our account was empty")];

#[tokio::test]
async fn many_refusals_of_one_cause_are_tried_again_by_two_sign_ins_and_no_more_than_the_preview_says() {
    let stack = stack().await;
    // More than one list takes, and one that was refused for another cause.
    let other = filed(&stack, "limited", "acct_sandboxLimits").await;
    let cases = refused(&stack, 123, "acct_sandboxRefuses").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let incident = cases[0].incident.clone().unwrap();
    let filter = format!("?incident={}", incident.replace('/', "%2F"));
    let all = [&AGAIN[..], &[("every", "1"), ("filter", filter.as_str())]].concat();
    let preview = ada.post("/bulk", &all).await;
    assert_eq!(confirmed(&preview).iter().filter(|(name, _)| name == "case").count(), 120, "{}", preview.body);
    assert_eq!(preview.body.matches("Not eligible: a list has at most 120").count(), 3);
    let mixed = ada.post("/bulk", &[&AGAIN[..], &EVERY[..]].concat()).await;
    assert!(mixed.body.contains("it was refused for another cause than the first of the list"), "{}", mixed.body);
    drop(other);

    let sent = ada.confirm(&preview).await;
    let (_, back) = ada.browser.at_the_issuer(&sent.location.unwrap_or_else(|| panic!("{}", sent.body)), "ada").await;
    let path = path_of(&back);
    let page = ben.get(&path).await.body;
    let approval = page.split("/approve\">").nth(1).unwrap().split("</form>").next().unwrap();
    assert!(approval.contains("120 cases") && approval.contains("5\u{202f}040.00\u{a0}EUR"), "{approval}");
    let approved = ben.on_batch(&path, "approve", &[]).await;
    let (_, released) = ben.browser.at_the_issuer(&approved.location.unwrap(), "ben").await;
    assert_eq!(path_of(&released), path, "the rail refuses the first again, and the rest is not asked for");
    let page = ben.get(&path).await.body;
    assert!(page.contains("0 of 120 paid: nothing") && page.contains("120 not paid"), "{page}");
    let attempts = stack.ledger.payout(cases[1].key.as_ref().unwrap()).await.unwrap().attempts.len();
    assert_eq!(attempts, 1);
    // The whole rest goes back by one act.
    ben.on_batch(&path, "send_back", &[("note", "the account is still empty")]).await;
    let mut awaiting = 0;
    for case in &cases {
        awaiting += usize::from(now(&stack, case).await.status == Status::AwaitingApproval);
    }
    assert_eq!(awaiting, 0);
}

#[tokio::test]
async fn many_refusals_end_unpaid_as_a_list_by_two_people() {
    let stack = stack().await;
    let cases = refused(&stack, 113, "acct_sandboxRefuses").await;
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    let end = [("act", "propose"), ("ending", "not_paid"), ("note", "the sale was cancelled")];
    let unfit = ada.post("/bulk", &[&end[..], &EVERY[..], &[("code", "rail_books")]].concat()).await;
    assert_eq!(unfit.status, StatusCode::BAD_REQUEST);
    assert!(unfit.body.contains("<title>Choose a reason that goes with"), "{}", unfit.body);
    let preview = ada.post("/bulk", &[&end[..], &EVERY[..], &[("code", "nothing_owed")]].concat()).await;
    let done = ada.confirm(&preview).await;
    assert_eq!(done.body.matches("</svg>Done</span>").count(), 113, "{}", done.body);

    let approve = [&[("act", "approve"), ("note", "")][..], &EVERY[..]].concat();
    let own = ada.post("/bulk", &approve).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN, "an analyst");
    let preview = ben.post("/bulk", &approve).await;
    assert!(preview.body.contains("the sale was cancelled") && preview.body.contains("Not paid, nothing owed"));
    let done = ben.confirm(&preview).await;
    assert_eq!(done.body.matches("</svg>Done</span>").count(), 113, "{}", done.body);
    for case in &cases {
        assert_eq!(now(&stack, case).await.status, Status::Resolved);
    }
}

/// What moves money is approved where its sum and its payee stand.
#[tokio::test]
async fn payout_is_not_approved_among_many() {
    let stack = stack().await;
    let [case] = refused(&stack, 1, "acct_sandboxRefuses").await.try_into().unwrap();
    let (mut ada, mut ben) = (Desk::of(&stack, "ada").await, Desk::of(&stack, "ben").await);
    ada.act_and_sign_in(&case, "propose", &REISSUE, "ada").await;
    let preview = ben.post("/bulk", &[&[("act", "approve")][..], &EVERY[..]].concat()).await;
    assert!(preview.body.contains("it moves money, and is approved on its own page"), "{}", preview.body);
    let chosen = format!("{}:{}", case.id(), now(&stack, &case).await.version);
    ben.post("/bulk/confirm", &[("act", "approve"), ("case", &chosen)]).await;
    assert_eq!(now(&stack, &case).await.status, Status::AwaitingApproval);
}

#[tokio::test]
async fn absence_shows_the_last_day_that_was_entered_and_an_error_leads_back() {
    let stack = stack().await;
    let mut ada = Desk::of(&stack, "ada").await;
    Desk::of(&stack, "ben").await;
    let to = "sandbox|ben";
    assert_eq!(ada.post("/absence", &[("to", to), ("until", "2031-03-09")]).await.status, StatusCode::SEE_OTHER);
    let page = ada.get("/absence").await.body;
    assert!(page.contains("<td>9 Mar 2031</td>") && !page.contains("10 Mar"), "{page}");
    let wrong = ada.post("/absence", &[("to", to), ("until", "yesterday")]).await;
    assert!(wrong.body.contains("<title>That is not a date") && wrong.body.contains("href=\"/console/absence\""));

    let [case] = refused(&stack, 1, "acct_sandboxRefuses").await.try_into().unwrap();
    let unfit = [("ending", "written_off"), ("code", "rail_books"), ("note", "x")];
    let wrong = ada.act(&case, "propose", &unfit).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(
        wrong.body.contains("Choose a reason that goes with") && wrong.body.contains("Look at the case as it is now")
    );
}

/// "50,00" is fifty where the browser's language writes so.
#[tokio::test]
async fn sum_in_the_filter_is_read_in_the_browsers_language() {
    let stack = stack().await;
    refused(&stack, 1, "acct_sandboxRefuses").await;
    let mut ada = Desk::of(&stack, "ada").await;
    for (language, query, is_shown) in [
        ("de-DE,de;q=0.9", "from=42,00", true),
        ("de-DE,de;q=0.9", "from=42,01", false),
        ("en-GB", "to=41.99", false),
        ("de", "from=1.042", true),
    ] {
        let url = ada.url(&format!("?{query}"));
        let page = ada.browser.ask(Method::GET, &url, "", &[("accept-language", language)]).await.body;
        assert_eq!(page.contains("name=\"case\""), is_shown, "{language} {query}");
        assert_eq!(page.contains("is not guessed"), query.ends_with("1.042"), "{language} {query}");
    }
}
