//! What two people approve when a payout is to be made by hand. Each signs in afresh for it, and the nonce of that sign-in
//! is a hash of every term below: a token that was obtained for anything else fits nothing here (two-people).

use crate::case::Ending;
use crate::ids::{CaseId, Digest, Hasher, KeyGeneration};
use crate::money::Money;
use crate::order::{Destination, Mode, PayoutKey};

/// For half an hour a checker's sign-in counts for the lines of a batch: they are paid one by one, and a person may have to say
/// "go on" between them.
pub const BATCH_SIGN_IN_MS: u64 = 1_800_000;

/// Whose hand a sign-in is: a maker's token is never a checker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    Maker,
    Checker,
}

/// One payout that a person wants to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub ending: Ending,
    pub case: CaseId,
    /// The case's version when it was proposed: a proposal that was sent back and made anew is another one.
    pub version: u64,
    pub key: PayoutKey,
    /// The attempt that is to be made.
    pub attempt: u16,
    pub money: Money,
    pub destination: Destination,
    pub rail: String,
    pub rail_account: String,
    pub rail_mode: Mode,
    pub key_generation: KeyGeneration,
    /// Reason code and note.
    pub code: String,
    pub note: String,
}

impl Approval {
    fn digest(&self) -> Digest {
        Hasher::new("payonce/approval/1")
            .part(self.ending.as_str())
            .part(self.case.as_str())
            .part(self.version.to_be_bytes())
            .part(self.key.as_str())
            .part(self.attempt.to_be_bytes())
            .part(self.money.minor().to_be_bytes())
            .part([self.money.exponent()])
            .part(self.money.currency().as_str())
            .part(self.destination.as_str())
            .part(&self.rail)
            .part(&self.rail_account)
            .part(self.rail_mode.as_str())
            .part(self.key_generation.to_be_bytes())
            .part(&self.code)
            .part(&self.note)
            .finish()
    }
}

/// The nonce of one person's sign-in, for one payout or for a batch of them in order.
pub fn nonce(hand: Hand, approvals: &[Approval]) -> String {
    let hand = match hand {
        Hand::Maker => "maker",
        Hand::Checker => "checker",
    };
    let hasher = Hasher::new("payonce/nonce/1").part(hand).part((approvals.len() as u64).to_be_bytes());
    approvals.iter().fold(hasher, |hasher, approval| hasher.part(approval.digest().0)).finish().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::outcome::Reason;

    fn approval() -> Approval {
        Approval {
            ending: Ending::Reissue,
            case: CaseId::new(Reason::PayoutUnknown, &["stripe/pi_1", "1"]),
            version: 3,
            key: PayoutKey::new("stripe/pi_1").unwrap(),
            attempt: 2,
            money: Money::new(1200, 2, "EUR".parse().unwrap()).unwrap(),
            destination: Destination::new("acct_1").unwrap(),
            rail: "stripe".to_owned(),
            rail_account: "0123456789ab".to_owned(),
            rail_mode: Mode::Test,
            key_generation: 1,
            code: "rail_timeout".to_owned(),
            note: "looked up twice".to_owned(),
        }
    }

    /// A token for one term must not fit another.
    #[test]
    fn every_term_changes_the_nonce() {
        let change = |change: &dyn Fn(&mut Approval)| {
            let mut changed = approval();
            change(&mut changed);
            changed
        };
        let all = [
            approval(),
            change(&|a| a.ending = Ending::OwnOrder),
            change(&|a| a.ending = Ending::LiftLimit),
            change(&|a| a.case = CaseId::new(Reason::PayoutUnknown, &["stripe/pi_1", "2"])),
            change(&|a| a.version = 4),
            change(&|a| a.key = PayoutKey::new("stripe/pi_2").unwrap()),
            change(&|a| a.attempt = 3),
            change(&|a| a.money = Money::new(1201, 2, "EUR".parse().unwrap()).unwrap()),
            change(&|a| a.money = Money::new(1200, 3, "EUR".parse().unwrap()).unwrap()),
            change(&|a| a.money = Money::new(1200, 2, "USD".parse().unwrap()).unwrap()),
            change(&|a| a.destination = Destination::new("acct_2").unwrap()),
            change(&|a| a.rail = "http".to_owned()),
            change(&|a| a.rail_account = "ba9876543210".to_owned()),
            change(&|a| a.rail_mode = Mode::Live),
            change(&|a| a.key_generation = 2),
            change(&|a| a.code = "other".to_owned()),
            change(&|a| a.note = "looked up once".to_owned()),
        ];
        let mut nonces: BTreeSet<String> =
            all.iter().map(|approval| nonce(Hand::Maker, std::slice::from_ref(approval))).collect();
        assert_eq!(nonces.len(), all.len());
        assert!(nonces.insert(nonce(Hand::Checker, &[approval()])), "a maker's token is a checker's");
        assert!(nonces.insert(nonce(Hand::Maker, &[])), "nothing");
        assert!(nonces.insert(nonce(Hand::Maker, &[approval(), approval()])), "a batch");
        assert_ne!(
            nonce(Hand::Maker, &[all[1].clone(), all[2].clone()]),
            nonce(Hand::Maker, &[all[2].clone(), all[1].clone()])
        );
    }
}
