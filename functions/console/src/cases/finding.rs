//! What is known about the payout of a case, as a short hash in each form: who proposes or approves an ending decides on what
//! they saw, and what was found out meanwhile moves no version.

use payonce_ledger::{FiledCase, LookUpRecord, Payout, Seen};
use payonce_protocol::ids::Hasher;

use crate::app::App;
use crate::pages::Stand;
use crate::trouble::Trouble;

const CHARS: usize = 12;

/// Outcomes, what stands in the payout's place, and what the rail's books were last seen to say. That it was asked once more,
/// or blindly, changes nothing.
pub(crate) fn finding(filed: &FiledCase, payout: &Payout) -> String {
    let mut hasher = Hasher::new("payonce/finding/1");
    for attempt in &payout.attempts {
        let outcome = attempt.outcome.as_ref().map_or("", |outcome| outcome.verdict.outcome.as_str());
        let late = attempt.late.as_ref().map_or("", |late| late.verdict.outcome.as_str());
        hasher = hasher.part(attempt.claim.attempt.to_be_bytes()).part(outcome).part(late);
    }
    let closed = payout.closed.as_ref().map(|closed| closed.case.to_string()).unwrap_or_default();
    hasher = hasher.part("closed").part(closed).part(if payout.barred.is_some() { "barred" } else { "" });
    let by_functions = payout.look_ups.iter().rev().find(|look_up| !matches!(look_up.seen, Seen::Blind { .. }));
    let by_people = LookUpRecord::of_evidence(&filed.evidence);
    hasher = books(hasher, by_functions);
    hasher = books(hasher, by_people.as_ref());
    hasher.finish().to_string().chars().take(CHARS).collect()
}

/// What the rail's books said, with everything by which one payout is told from another.
fn books(hasher: Hasher, look_up: Option<&LookUpRecord>) -> Hasher {
    let Some(seen) = look_up.map(|look_up| &look_up.seen) else { return hasher.part("") };
    match seen {
        Seen::Blind { .. } => hasher.part(""),
        Seen::Absent { .. } => hasher.part(seen.said().as_str()),
        Seen::Found(found) => found.iter().fold(hasher.part(seen.said().as_str()), |hasher, one| {
            let payee = one.destination.as_deref().unwrap_or_default();
            let returned = if one.returned { "returned" } else { "" };
            hasher.part(&one.id).part(one.amount.to_string()).part(&one.currency).part(payee).part(returned)
        }),
    }
}

impl App {
    pub(crate) async fn finding_of(&self, filed: &FiledCase) -> Result<String, Trouble> {
        let payout = match &filed.case.key {
            Some(key) => self.parts.ledger.payout(key).await?,
            None => Payout::default(),
        };
        Ok(finding(filed, &payout))
    }

    /// For the forms of a page that is made now.
    pub(crate) fn stand(&self, filed: &FiledCase, payout: &Payout) -> Stand {
        Stand { version: filed.version, at: self.parts.clock.now(), finding: finding(filed, payout) }
    }
}

#[cfg(test)]
mod tests {
    use payonce_ledger::{Case, FoundPayout};
    use payonce_protocol::reason::Reason;

    use super::*;

    fn found() -> FoundPayout {
        FoundPayout {
            id: "tr_1".to_owned(),
            amount: 4_200,
            exponent: Some(2),
            currency: "EUR".to_owned(),
            destination: Some("acct_1".to_owned()),
            created_at: 5,
            returned: false,
        }
    }

    fn record(seen: Seen, at: u64) -> LookUpRecord {
        LookUpRecord { at, seen, by: "somebody".to_owned() }
    }

    /// Once as people found it, in the case, and once as the functions did, beside the attempts.
    fn findings(look_up: Option<LookUpRecord>) -> [String; 2] {
        let mut filed = FiledCase::opened(Case::new(Reason::PayoutUnknown, vec!["stripe/pi_1".to_owned()], 1));
        let mut payout = Payout::default();
        let untouched = (filed.clone(), payout.clone());
        if let Some(look_up) = look_up {
            filed.evidence = look_up.facts();
            payout.look_ups = vec![look_up];
        }
        [finding(&filed, &untouched.1), finding(&untouched.0, &payout)]
    }

    #[test]
    fn finding_changes_with_everything_that_a_look_up_found() {
        let before = findings(Some(record(Seen::Found(vec![found()]), 7)));
        for other in [
            FoundPayout { id: "tr_2".to_owned(), ..found() },
            FoundPayout { amount: 4_100, ..found() },
            FoundPayout { currency: "USD".to_owned(), ..found() },
            FoundPayout { destination: Some("acct_2".to_owned()), ..found() },
            FoundPayout { destination: None, ..found() },
            FoundPayout { returned: true, ..found() },
        ] {
            let after = findings(Some(record(Seen::Found(vec![other.clone()]), 7)));
            assert!(after[0] != before[0] && after[1] != before[1], "{other:?}");
        }
        let absent = findings(Some(record(Seen::Absent { sight: "tr_0".to_owned() }, 7)));
        assert!(absent[0] != before[0] && absent[1] != before[1]);
    }

    #[test]
    fn finding_stays_when_the_rail_is_asked_again_or_blindly() {
        let seen = || Seen::Found(vec![found()]);
        assert_eq!(findings(Some(record(seen(), 7))), findings(Some(record(seen(), 8))));
        assert_eq!(findings(Some(record(Seen::Blind { why: "a lag".to_owned() }, 7))), findings(None));
    }
}
