//! How a payout stands, from everything that the tables hold of it: attempts, late answers, look-ups, and what two people agreed
//! on. A case's own reason says only why it was opened.

use payonce_ledger::{FiledCase, FoundPayout, LookUpRecord, Payout, Seen};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::fact::{FactName, SourceSays};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reason::{About, Reason};

use crate::app::App;
use crate::cases::show::link;
use crate::pages::{Check, Further, Icon, Standing, clock, money, words};
use crate::trouble::Trouble;

/// What several sources said last: people's own look-up is in the case, the functions' are beside the attempts.
pub(crate) fn last_look_up<'a>(
    payout: &Payout,
    cases: impl IntoIterator<Item = &'a FiledCase>,
) -> Option<LookUpRecord> {
    let by_people = cases.into_iter().filter_map(|filed| LookUpRecord::of_evidence(&filed.evidence));
    payout.look_ups.iter().cloned().chain(by_people).max_by_key(|look_up| look_up.at)
}

/// Whatever showed the payout in the rail's books; a later search that does not see it unsays nothing.
pub(crate) fn found<'a>(
    payout: &Payout,
    cases: impl IntoIterator<Item = &'a FiledCase>,
) -> Option<(Vec<FoundPayout>, UnixMillis)> {
    let by_people = cases.into_iter().filter_map(|filed| LookUpRecord::of_evidence(&filed.evidence));
    let all = payout.look_ups.iter().cloned().chain(by_people);
    let of = |look_up: LookUpRecord| match look_up.seen {
        Seen::Found(found) if !found.is_empty() => Some((found, look_up.at)),
        _ => None,
    };
    all.filter_map(of).max_by_key(|(_, at)| *at)
}

/// A sum as everywhere else. Where nobody knows the digits after the point, that is said and nothing is guessed.
pub(crate) fn found_sum(found: &FoundPayout) -> String {
    found.money().map_or_else(
        || format!("{} {} (in the rail's own unit, whose decimals are not configured)", found.amount, found.currency),
        |sum| money(&sum),
    )
}

/// `tr_1, 42.00 EUR to acct_1, 10:04 UTC`
pub(crate) fn found_in_words(found: &FoundPayout, now: UnixMillis) -> String {
    let payee = found.destination.as_ref().map(|payee| format!(" to {payee}")).unwrap_or_default();
    let returned = if found.returned { ", given back at least in part" } else { "" };
    format!("{}, {}{payee}, {}{returned}", found.id, found_sum(found), clock(found.created_at, now))
}

/// `None`: nothing was attempted under the key, nor ended by people.
pub(crate) fn standing(payout: &Payout, cases: &[FiledCase], now: UnixMillis) -> Option<Standing> {
    let said = |label, tone, icon, headline| Standing { label, tone, icon, headline, goes_on: None };
    if let Some((found, _)) = found(payout, cases) {
        let all: Vec<String> = found.iter().map(|one| found_in_words(one, now)).collect();
        let headline = format!("The rail has it: {}.", all.join("; "));
        let is_odd = found.len() != 1 || found.iter().any(|one| one.returned) || !fits(payout, &found);
        return Some(if is_odd {
            said("At the rail, to be explained", "odd", Icon::Accepted, headline)
        } else {
            said("The rail has it", "good", Icon::Done, headline)
        });
    }
    let outcomes = payout.attempts.iter().flat_map(|attempt| {
        let outcomes = attempt.outcome.iter().chain(&attempt.late);
        outcomes.map(move |outcome| (&attempt.claim, outcome))
    });
    let accepted = outcomes.into_iter().find(|(_, outcome)| outcome.verdict.outcome == Outcome::Accepted);
    if let Some((claim, outcome)) = accepted {
        let id = outcome.evidence.get(FactName::RailPayout).map(|id| format!("{id}, ")).unwrap_or_default();
        let (sum, at) = (money(&claim.money), clock(outcome.recorded_at, now));
        let headline = format!("The rail accepted it: {id}{sum} to {}, {at}.", claim.destination);
        if cases.iter().any(|filed| filed.case.reason == Reason::PayoutReturned && !filed.is_explained()) {
            let headline = format!("{headline} The money came back.");
            return Some(said("Given back by the rail", "bad", Icon::Refused, headline));
        }
        let is_odd = |filed: &FiledCase| filed.status.is_open() && is_odd_though_accepted(filed.case.reason);
        return Some(if cases.iter().any(is_odd) {
            said("Accepted, to be explained", "odd", Icon::Accepted, headline)
        } else {
            said("Accepted by the rail", "good", Icon::Done, headline)
        });
    }
    let last = payout.attempts.last();
    let is_of_last = |filed: &&FiledCase| filed.case.attempt == last.map(|last| last.claim.attempt);
    let of_last = || cases.iter().filter(is_of_last).filter(|filed| filed.case.reason.is_about_a_payout());
    let open = of_last().find(|filed| filed.status.is_open());
    let settled = of_last().filter_map(|filed| Some((filed.proposal.as_ref()?.ending, filed.resolution.as_ref()?.at)));
    let says = |ending: Ending| !ending.pays() && !matches!(ending, Ending::DuplicateOf | Ending::Explained);
    let settled = settled.filter(|(ending, _)| says(*ending));
    let closed = payout.closed.as_ref().filter(|_| last.is_none()).map(|closed| (closed.ending, closed.closed_at));
    if let (None, Some((ending, at))) = (open, settled.chain(closed).max_by_key(|(_, at)| *at)) {
        let (label, tone, icon) = match ending {
            Ending::PaidElsewhere => ("Paid another way", "good", Icon::Done),
            Ending::ConfirmedAccepted => ("Paid", "good", Icon::Done),
            _ => ("Not paid, and settled", "calm", Icon::Done),
        };
        let headline = format!("{} Two people agreed, {}.", words::ended(ending), clock(at, now));
        return Some(said(label, tone, icon, headline));
    }
    let last = last?;
    let number = last.claim.attempt;
    let standing = match last.outcome.as_ref().map(|outcome| outcome.verdict.outcome) {
        None => said("Under way", "none", Icon::Clock, format!("Attempt {number} is under way.")),
        Some(Outcome::Rejected) => said(
            "The payee is not paid",
            "bad",
            Icon::Refused,
            format!("The payee is not paid: the rail refused attempt {number}."),
        ),
        Some(Outcome::NotSent) => said(
            "The payee is not paid",
            "bad",
            Icon::NotSent,
            format!("The payee is not paid: attempt {number} was not sent."),
        ),
        Some(Outcome::Unknown | Outcome::Accepted) => {
            said("We do not know", "warn", Icon::Unknown, format!("We do not know whether attempt {number} paid."))
        }
    };
    Some(Standing { goes_on: open.map(link), ..standing })
}

/// The rail took the order, and something that people must explain is not in the record of its attempts.
fn is_odd_though_accepted(reason: Reason) -> bool {
    reason.rules().about == About::Payout
}

fn fits(payout: &Payout, found: &[FoundPayout]) -> bool {
    let Some(last) = payout.attempts.last() else { return true };
    found.iter().all(|one| {
        let is_sum = one.money().is_none_or(|sum| sum.same_sum(&last.claim.money));
        is_sum && one.destination.as_ref().is_none_or(|payee| *payee == last.claim.destination.to_string())
    })
}

/// What stands before an approver who is asked to move money.
pub(crate) struct Asked<'a> {
    pub filed: &'a FiledCase,
    pub look_up: Option<&'a LookUpRecord>,
    /// The history's records that hold what payer found out, the newest last.
    pub history: &'a [payonce_ledger::HistoryRecord],
    pub now: UnixMillis,
}

impl App {
    /// How the payout stands that a case is about. An open case of the last attempt speaks for itself, unless more is known.
    pub(crate) async fn stands(
        &self,
        filed: &FiledCase,
        payout: &Payout,
        related: &[FiledCase],
        further: Option<&Further>,
        now: UnixMillis,
    ) -> Result<Option<Standing>, Trouble> {
        let stands = match further {
            Some(further) if filed.case.key.as_ref().is_none_or(|key| key.as_str() != further.key) => {
                let Ok(key) = PayoutKey::new(further.key.clone()) else { return Ok(None) };
                let cases = self.parts.ledger.cases_of_key(key.as_str()).await?;
                standing(&self.parts.ledger.payout(&key).await?, &cases, now)
            }
            Some(_) => standing(payout, related, now),
            None if filed.case.reason.is_about_a_payout() => standing(payout, related, now),
            None => None,
        };
        let own = filed.case.id().to_string();
        let is_its_own = stands.as_ref().and_then(|stands| stands.goes_on.as_ref()).is_some_and(|on| on.id == own);
        let is_plain = filed.status.is_open()
            && (is_its_own
                || is_odd_though_accepted(filed.case.reason)
                || filed.case.reason.rules().certainty.is_none());
        Ok(stands.filter(|_| !is_plain))
    }

    /// The refund-and-dispute check first: where it is not made, nobody else makes it.
    pub(crate) fn checks(&self, asked: &Asked<'_>) -> Vec<Check> {
        let Asked { filed, look_up, history, now } = *asked;
        let said = |name: FactName| {
            let (newest, text) =
                history.iter().rev().find_map(|record| record.facts.said(name).map(|text| (record, text)))?;
            let by = newest.by.name.clone().unwrap_or_else(|| newest.by.subject.clone());
            Some((text.to_owned(), format!("{} by {by}", clock(newest.at, now))))
        };
        let check = |what: String, label, tone, icon, says| Check { what, label, tone, icon, says };
        let provider = filed.case.provider.as_deref().unwrap_or("the provider");
        let is_source = self.parts.sources.contains(provider);
        let what = format!("Refund or dispute at {provider}");
        let refund = match said(FactName::Source) {
            _ if !is_source => check(
                what,
                "not checked",
                "bad",
                Icon::Error,
                format!(
                    "payonce cannot ask {provider}: its configuration has no [sources.{provider}]. Look at the payment in \
                     {provider}'s dashboard yourself before you approve."
                ),
            ),
            Some((state, at)) if SourceSays::parse(&state) == Some(SourceSays::Paid) => check(
                what,
                "checked",
                "good",
                Icon::Done,
                format!("Paid and not given back: {at}. Asked again on paying."),
            ),
            Some((_, at)) => {
                check(what, "stops it", "bad", Icon::Error, format!("Given back, disputed or not paid: {at}."))
            }
            None => check(
                what,
                "not yet",
                "calm",
                Icon::Clock,
                format!(
                    "payonce asks {provider} once you approve, just before it pays. A refund or dispute stops the payout."
                ),
            ),
        };
        let what = "The rail's books".to_owned();
        let books = match look_up {
            None => check(
                what,
                "not asked",
                "warn",
                Icon::Search,
                "Nobody has asked the rail for this payout yet. payonce asks once you approve.".to_owned(),
            ),
            Some(seen) => {
                let at = format!("{} by {}", clock(seen.at, now), seen.by);
                match &seen.seen {
                    Seen::Found(_) => check(what, "found", "bad", Icon::Error, format!("The rail has it: asked {at}.")),
                    Seen::Absent { .. } => check(what, "not there", "good", Icon::Done, format!("Asked {at}.")),
                    Seen::Blind { why } => check(
                        what,
                        "blind",
                        "warn",
                        Icon::Warn,
                        format!("Asked {at}, and it counts for nothing: {why}."),
                    ),
                }
            }
        };
        let what = "The account that pays".to_owned();
        let account = match said(FactName::RailAccount) {
            Some((state, at)) => check(what, "checked", "calm", Icon::Info, format!("{state}, {at}.")),
            None => check(
                what,
                "not yet",
                "calm",
                Icon::Clock,
                "payonce compares it with the configured account once you approve.".to_owned(),
            ),
        };
        vec![refund, books, account]
    }

    /// An ending is refused that says what the rail's books contradict, by whichever way it is asked for.
    pub(crate) async fn not_against_the_rail(&self, seen: &FiledCase, ending: Ending) -> Result<(), Trouble> {
        if ending.denies_the_rail() && self.parts.ledger.rail_has_it(seen).await? {
            return Err(crate::cases::acts::wrong(
                "The rail has this payout: it cannot end as unpaid, nor be paid again.",
            ));
        }
        Ok(())
    }
}
