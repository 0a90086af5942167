//! A look-up as evidence of a case: written the same way by sweeper, payer and console, and read back as what it was. What the
//! rail has is kept with its sum, payee and id.

use std::collections::BTreeMap;

use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use crate::case::FiledCase;
use crate::payout::{FoundPayout, LookUpRecord, Payout, Seen};
use crate::{Ledger, LedgerError};

/// The name of the evidence that holds what was found, as JSON.
pub const FOUND: &str = "found";

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

impl LookUpRecord {
    /// For a case. An empty text replaces what an earlier look-up left there.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let (found, sight, why) = match &self.seen {
            Seen::Found(found) => (serde_json::to_string(found).unwrap_or_default(), "", ""),
            Seen::Absent { sight } => (String::new(), sight.as_str(), ""),
            Seen::Blind { why } => (String::new(), "", why.as_str()),
        };
        vec![
            ("looked_up", self.seen.word().to_owned()),
            ("looked_up_at", self.at.to_string()),
            ("looked_up_by", self.by.clone()),
            ("rail_payouts", self.seen.ids().join(" ")),
            (FOUND, found),
            ("sight", sight.to_owned()),
            ("blind", why.to_owned()),
        ]
    }

    pub fn of_evidence(evidence: &BTreeMap<String, String>) -> Option<Self> {
        let text = |name: &str| evidence.get(name).cloned().unwrap_or_default();
        let seen = match text("looked_up").as_str() {
            "found" => Seen::Found(FoundPayout::of_evidence(&text(FOUND))),
            "absent" => Seen::Absent { sight: text("sight") },
            "blind" => Seen::Blind { why: text("blind") },
            _ => return None,
        };
        Some(Self { at: text("looked_up_at").parse().ok()?, seen, by: text("looked_up_by") })
    }
}

impl Payout {
    /// Somebody saw it in the rail's books, and nothing of it was given back.
    pub fn was_found(&self) -> bool {
        self.look_ups.iter().any(LookUpRecord::shows_it)
    }
}

impl LookUpRecord {
    fn shows_it(&self) -> bool {
        matches!(&self.seen, Seen::Found(found) if found.iter().all(|payout| !payout.returned))
    }
}

impl Ledger {
    /// Whether the payout that a case is about was seen in the rail's books: by what the functions recorded, or by what people
    /// asked the rail.
    pub async fn rail_has_it(&self, seen: &FiledCase) -> Result<bool, LedgerError> {
        let is_about_an_attempt = matches!(
            seen.case.reason,
            Reason::PayoutRejected
                | Reason::PayoutUnknown
                | Reason::PayoutNotSent
                | Reason::AttemptAbandoned
                | Reason::LateOutcome
        );
        let Some(key) = seen.case.key.as_ref().filter(|_| is_about_an_attempt) else { return Ok(false) };
        let by_people = LookUpRecord::of_evidence(&seen.evidence).is_some_and(|look_up| look_up.shows_it());
        Ok(by_people || self.payout(key).await?.was_found())
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
            let evidence = record.facts().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(LookUpRecord::of_evidence(&evidence), Some(record));
        }
        assert_eq!(LookUpRecord::of_evidence(&BTreeMap::new()), None);
    }
}
