//! Three books side by side: what the sender sent, what the rail executed, what the tables say. Nothing here asks payonce
//! whether all is well.

use std::collections::{BTreeMap, BTreeSet};

use payonce_ledger::{Case, Ledger, LedgerError};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;

use crate::sandbox_rail::Transfer;
use crate::sender::{Expected, Sent};

/// Open cases that are read at the most.
const CASES_AT_MOST: usize = 10_000;

#[derive(Debug, Default)]
pub struct Books {
    pub claims: usize,
    pub payouts: usize,
    /// Payouts that a claim's outcome confirms.
    pub accepted: usize,
    pub cases: BTreeMap<&'static str, usize>,
    pub paid_twice: Vec<String>,
    /// Sent, verified, to be paid or filed, and there is neither.
    pub lost: Vec<String>,
    /// Executed at the rail, and nobody asked for it.
    pub unasked: Vec<String>,
    /// Still waiting for a redelivery.
    pub unacknowledged: usize,
}

impl Books {
    pub fn agree(&self) -> bool {
        self.paid_twice.is_empty() && self.lost.is_empty() && self.unasked.is_empty() && self.unacknowledged == 0
    }

    pub async fn compare(sent: &[Sent], executed: &[Transfer], ledger: &Ledger) -> Result<Self, LedgerError> {
        let cases = ledger.open_cases(CASES_AT_MOST).await?;
        let mut books = Self { payouts: executed.len(), ..Self::default() };
        for case in &cases {
            *books.cases.entry(case.reason.as_str()).or_default() += 1;
        }
        let mut per_key: BTreeMap<&str, usize> = BTreeMap::new();
        for transfer in executed {
            *per_key.entry(transfer.transfer_group.as_str()).or_default() += 1;
        }
        books.paid_twice = per_key.iter().filter(|(_, times)| **times > 1).map(|(key, _)| (*key).to_owned()).collect();
        let asked: BTreeSet<&str> = sent
            .iter()
            .filter(|sent| sent.expected == Expected::Payout)
            .filter_map(|sent| sent.payout_key.as_deref())
            .collect();
        books.unasked = per_key.keys().filter(|key| !asked.contains(*key)).map(|key| (*key).to_owned()).collect();
        books.unacknowledged = sent.iter().filter(|sent| !sent.acknowledged).count();
        books.claims(&asked, ledger).await?;
        for sent in sent {
            let filed = || has_case(&cases, sent);
            let settled = match sent.expected {
                Expected::Nothing => true,
                Expected::Case => filed(),
                Expected::Payout => {
                    let key = sent.payout_key.as_deref().unwrap_or_default();
                    let paid = per_key.contains_key(key) && outcome(ledger, key).await? == Some(Outcome::Accepted);
                    paid || filed()
                }
            };
            if !settled {
                books.lost.push(sent.event.clone());
            }
        }
        Ok(books)
    }

    async fn claims(&mut self, asked: &BTreeSet<&str>, ledger: &Ledger) -> Result<(), LedgerError> {
        for key in asked {
            let Ok(key) = PayoutKey::new(*key) else { continue };
            if let Some((_, outcome)) = ledger.attempt(&key, 1).await? {
                self.claims += 1;
                self.accepted +=
                    usize::from(outcome.is_some_and(|outcome| outcome.verdict.outcome == Outcome::Accepted));
            }
        }
        Ok(())
    }
}

async fn outcome(ledger: &Ledger, key: &str) -> Result<Option<Outcome>, LedgerError> {
    let Ok(key) = PayoutKey::new(key) else { return Ok(None) };
    let attempt = ledger.attempt(&key, 1).await?;
    Ok(attempt.and_then(|(_, outcome)| outcome).map(|outcome| outcome.verdict.outcome))
}

/// A case about this event, its type or its body, or about the payout that it asks for.
fn has_case(cases: &[Case], sent: &Sent) -> bool {
    cases.iter().any(|case| {
        case.subject.iter().any(|subject| sent.about.contains(subject))
            || case.key.as_ref().is_some_and(|key| Some(key.as_str()) == sent.payout_key.as_deref())
    })
}
