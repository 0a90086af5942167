//! What an act came to, said on the page that it leads to: sum, payee, and a link to the case acted on.

use payonce_ledger::Case;
use payonce_protocol::case::Status;
use payonce_protocol::ids::CaseId;
use payonce_protocol::outcome::Outcome;

use crate::app::{App, BASE};
use crate::ask::Ask;
use crate::pages::words::Words as _;
use crate::pages::{self, Banner, BannerKind};
use crate::trouble::Trouble;

impl App {
    /// What the last act came to, by the address that it led to. Nothing in it is a person's text, and it says of no case what
    /// the tables do not say: anybody may send a link.
    pub(crate) async fn told(&self, ask: &Ask) -> Result<Option<Banner>, Trouble> {
        let Some(done) = ask.query.get("done") else { return Ok(None) };
        let id = ask.query.get("about").and_then(CaseId::parse);
        let about = match &id {
            Some(id) => self.parts.ledger.case(id).await?,
            None => None,
        };
        let proposed = about.as_ref().filter(|filed| filed.status == Status::AwaitingApproval);
        let proposed = proposed.and_then(|filed| filed.proposal.as_ref());
        let resolved =
            about.as_ref().filter(|filed| filed.resolution.is_some()).and_then(|filed| filed.proposal.as_ref());
        let further = match &about {
            Some(filed) if matches!(done, "paid" | "attempted") => self.further(filed).await?,
            _ => None,
        };
        let ended = further.as_ref().and_then(|further| further.ended);
        let what = about.as_ref().map(|filed| in_words(&filed.case)).unwrap_or_default();
        let (kind, text) = match (done, proposed, resolved) {
            ("assign", ..) => (BannerKind::Done, "the owner was changed.".to_owned()),
            ("comment", ..) => (BannerKind::Done, "your comment was added.".to_owned()),
            ("attach", ..) => (BannerKind::Done, "the evidence was attached.".to_owned()),
            ("look_up", ..) => (BannerKind::Done, "the rail was asked; its answer is below.".to_owned()),
            ("propose", Some(made), _) => {
                let ending = made.ending.label();
                (BannerKind::Done, format!("proposed for {what}: {ending}. Another person decides."))
            }
            ("approve", _, Some(made)) => {
                (BannerKind::Done, format!("approved for {what}: {}. The case is resolved.", made.ending.label()))
            }
            ("paid", ..) if ended == Some(Outcome::Accepted) => {
                (BannerKind::Done, format!("paid: {what}. The rail took the order, and the case is resolved."))
            }
            ("attempted", ..) if further.is_some() && ended != Some(Outcome::Accepted) => (
                BannerKind::Warn,
                format!("a further attempt at {what} was made and not accepted: the payee is not known to be paid."),
            ),
            ("send_back", ..) => (BannerKind::Done, "sent back.".to_owned()),
            ("reopen", ..) => (BannerKind::Done, "reopened.".to_owned()),
            _ => return Ok(None),
        };
        let banner = Banner::new(kind, text);
        let Some(filed) = about else { return Ok(Some(banner)) };
        // What goes on is a case of the new attempt.
        let on = match &further {
            Some(further) if done == "attempted" => {
                let cases = self.parts.ledger.cases_of_key(&further.key).await?;
                cases.into_iter().find(|on| on.case.attempt == Some(further.number) && on.status.is_open())
            }
            _ => None,
        };
        Ok(Some(match on {
            Some(on) => banner.to(format!("{BASE}/cases/{}", on.case.id()), "It goes on in a case of its own."),
            None => banner.to(format!("{BASE}/cases/{}", filed.case.id()), "Open that case"),
        }))
    }
}

/// `42.00 EUR to acct_1`
fn in_words(case: &Case) -> String {
    let sum = case.money.as_ref().map_or_else(|| case.reason.label().to_owned(), pages::money);
    let payee = case.destination.as_ref().map(|payee| format!(" to {payee}")).unwrap_or_default();
    format!("{sum}{payee}")
}
