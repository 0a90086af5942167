//! A look-up as evidence of a case: written the same way by sweeper, payer and console, and read back as what it was. What the
//! rail has is kept with its sum, payee and id.

use payonce_protocol::UnixMillis;
use payonce_protocol::fact::{FactName, Facts, LookUpSays};
use payonce_protocol::money::Money;
use payonce_protocol::reissue::Said;

use crate::audit::payout::{FoundPayout, LookUpRecord, Seen};
use crate::cases::case::FiledCase;
use crate::powers::{QueriesAudit, Reads};
use crate::{Ledger, LedgerError};

/// Who asks the rail before anything is paid by people.
pub const PAYER: &str = "payer";

impl FoundPayout {
    /// `None`: digits after the point are not known for its currency, or it is no sum.
    pub fn money(&self) -> Option<Money> {
        Money::new(self.amount, self.exponent?, self.currency.parse().ok()?).ok()
    }

    /// What was found, as a case keeps it.
    pub fn of_evidence(text: &str) -> Vec<Self> {
        serde_json::from_str(text).unwrap_or_default()
    }
}

impl Seen {
    /// What it rests on, under the name that the audit table and a case's evidence have for it.
    pub(crate) fn rests_on(&self) -> (FactName, String) {
        let name = rests_on(self.said());
        match self {
            Self::Found(found) => (name, serde_json::to_string(found).unwrap_or_default()),
            Self::Absent { sight } => (name, sight.clone()),
            Self::Blind { why } => (name, why.clone()),
        }
    }

    /// For a case. An empty text replaces what an earlier look-up left there.
    pub fn facts(&self) -> Facts {
        let mut facts: Facts = Said::ALL.iter().map(|said| (rests_on(*said), "")).collect();
        let (name, text) = self.rests_on();
        facts.add(name, text);
        facts.add(FactName::RailPayouts, self.ids().join(" "));
        facts
    }
}

fn rests_on(said: Said) -> FactName {
    match said {
        Said::Found => FactName::Found,
        Said::Absent => FactName::Sight,
        Said::Blind => FactName::Blind,
    }
}

impl LookUpRecord {
    /// For a case: everything that it keeps of a look-up.
    pub fn facts(&self) -> Facts {
        let mut facts = self.seen.facts();
        facts.add(FactName::LookedUp, LookUpSays::Said(self.seen.said()));
        facts.add(FactName::LookedUpAt, self.at);
        facts.add(FactName::LookedUpBy, &self.by);
        facts
    }

    /// The latest that a case keeps, unless the rail gave no answer.
    pub fn of_evidence(evidence: &Facts) -> Option<Self> {
        let text = |name| evidence.get(name).unwrap_or_default().to_owned();
        let LookUpSays::Said(said) = evidence.look_up()? else { return None };
        let rests_on = text(rests_on(said));
        let seen = match said {
            Said::Found => Seen::Found(FoundPayout::of_evidence(&rests_on)),
            Said::Absent => Seen::Absent { sight: rests_on },
            Said::Blind => Seen::Blind { why: rests_on },
        };
        Some(Self { at: evidence.moment(FactName::LookedUpAt)?, seen, by: text(FactName::LookedUpBy) })
    }
}

impl LookUpRecord {
    /// What was found, by the newest of these that found something: what a later search does not see it does not unsay.
    pub fn newest_found<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<(&'a [FoundPayout], UnixMillis)> {
        let found = all.into_iter().filter_map(|look_up| match &look_up.seen {
            Seen::Found(found) if !found.is_empty() => Some((found.as_slice(), look_up.at)),
            _ => None,
        });
        found.max_by_key(|(_, at)| *at)
    }

    /// Adds what was found out. A look-up that found something is replaced by one that found something alone; any other stands
    /// in the history.
    pub(crate) fn add_to(evidence: &mut Facts, found: &Facts) {
        let is_weaker = found.look_up().is_some_and(|says| says != LookUpSays::Said(Said::Found));
        let stays = Self::of_evidence(evidence).filter(|look_up| is_weaker && Self::newest_found([look_up]).is_some());
        let stays = stays.map(|look_up| look_up.facts()).unwrap_or_default();
        evidence.add_all(found.clone().without(&stays));
    }
}

impl<P: Reads> Ledger<P> {
    /// Whether the payout that a case is about was last seen in the rail's books with nothing given back: by what the functions
    /// recorded, or by what people asked the rail.
    pub async fn rail_has_it(&self, seen: &FiledCase) -> Result<bool, LedgerError>
    where
        P: QueriesAudit,
    {
        if !seen.case.reason.rules().books_decide {
            return Ok(false);
        }
        let of_case = LookUpRecord::of_evidence(&seen.evidence);
        let all = match &seen.case.key {
            Some(key) if seen.case.reason.is_about_a_payout() => {
                self.payout(key).await?.look_ups.into_iter().chain(of_case).collect()
            }
            // The key of an event without an attempt may be another event's. payer asks for this one's own payout.
            _ => of_case.into_iter().filter(|look_up| look_up.by == PAYER).collect::<Vec<_>>(),
        };
        let newest = LookUpRecord::newest_found(&all);
        Ok(newest.is_some_and(|(found, _)| found.iter().all(|payout| !payout.returned)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_is_read_back_as_what_it_was() {
        let found = FoundPayout {
            id: "tr_1".to_owned(),
            amount: 4_200,
            exponent: Some(2),
            currency: "EUR".to_owned(),
            destination: Some("acct_1".to_owned()),
            created_at: 5,
            returned: false,
        };
        assert_eq!(found.money().unwrap().to_string(), "42.00 EUR");
        for seen in [
            Seen::Found(vec![found]),
            Seen::Absent { sight: "tr_0".to_owned() },
            Seen::Blind { why: "a lag".to_owned() },
        ] {
            let record = LookUpRecord { at: 7, seen, by: "sweeper".to_owned() };
            assert_eq!(LookUpRecord::of_evidence(&record.facts()), Some(record));
        }
        assert_eq!(LookUpRecord::of_evidence(&Facts::default()), None);
    }

    fn found(id: &str, returned: bool, at: u64) -> LookUpRecord {
        let payout = FoundPayout {
            id: id.to_owned(),
            amount: 1,
            exponent: None,
            currency: "EUR".to_owned(),
            destination: None,
            created_at: 1,
            returned,
        };
        LookUpRecord { at, seen: Seen::Found(vec![payout]), by: "somebody".to_owned() }
    }

    fn added(evidence: &mut Facts, look_up: &LookUpRecord) {
        LookUpRecord::add_to(evidence, &look_up.facts());
    }

    /// Else a look that sees less, or gets no answer, would offer to pay by hand what the rail has.
    #[test]
    fn found_stays_until_something_else_is_found() {
        let mut evidence = Facts::default();
        let first = found("tr_1", false, 1);
        added(&mut evidence, &first);
        let absent = LookUpRecord { at: 2, seen: Seen::Absent { sight: "tr_0".to_owned() }, by: "ann".to_owned() };
        let blind = LookUpRecord { at: 3, seen: Seen::Blind { why: "a lag".to_owned() }, by: "ann".to_owned() };
        added(&mut evidence, &absent);
        added(&mut evidence, &blind);
        let mut no_answer = Facts::from([(FactName::LookedUp, LookUpSays::NoAnswer)]);
        no_answer.add(FactName::RailAccount, "checked");
        LookUpRecord::add_to(&mut evidence, &no_answer);
        assert_eq!(LookUpRecord::of_evidence(&evidence), Some(first));
        assert_eq!(evidence.get(FactName::RailAccount), Some("checked"));
        let returned = found("tr_1", true, 4);
        added(&mut evidence, &returned);
        assert_eq!(LookUpRecord::of_evidence(&evidence), Some(returned));
    }

    #[test]
    fn absent_is_replaced_by_what_is_seen_later() {
        let mut evidence = Facts::default();
        added(
            &mut evidence,
            &LookUpRecord { at: 1, seen: Seen::Absent { sight: "tr_0".to_owned() }, by: "ann".to_owned() },
        );
        let blind = LookUpRecord { at: 2, seen: Seen::Blind { why: "a lag".to_owned() }, by: "ann".to_owned() };
        added(&mut evidence, &blind);
        assert_eq!(LookUpRecord::of_evidence(&evidence), Some(blind));
    }

    #[test]
    fn newest_of_what_was_found_counts() {
        let all = [found("tr_1", false, 1), found("tr_1", true, 5), found("tr_1", false, 3)];
        assert!(LookUpRecord::newest_found(&all).unwrap().0[0].returned);
        let unreadable = LookUpRecord { seen: Seen::Found(vec![]), ..found("tr_1", false, 9) };
        assert_eq!(LookUpRecord::newest_found([&unreadable]), None);
    }
}
