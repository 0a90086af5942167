//! The books: what the sender sent, what the tables say, what the rail did, what people paid. Compared by a pure function, so that a
//! planted double payout and a planted loss can show that it sees them.

use std::collections::{BTreeMap, BTreeSet};

/// Everything that is known of the payouts when the storm is over.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Payout keys on the sender's list: every delivery of them was answered 200 in the end, or given up.
    pub sent: BTreeSet<String>,
    /// Keys of which the sender gave up before it read 200.
    pub given_up: BTreeSet<String>,
    /// How often the rail executed each key.
    pub executed: BTreeMap<String, u64>,
    /// How often people paid each key by hand.
    pub by_hand: BTreeMap<String, u64>,
    /// Keys whose outcome is recorded as accepted.
    pub accepted: BTreeSet<String>,
    /// Keys with an open case.
    pub filed: BTreeSet<String>,
    /// Keys whose cases two people ended.
    pub ended: BTreeMap<String, Ended>,
}

/// What two people say of a payout's money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The payee has it.
    Paid,
    /// Nothing was paid, and nothing is owed.
    NotPaid,
}

impl Ended {
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Paid => "ended as paid",
            Self::NotPaid => "ended as not paid",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub paid_twice: usize,
    /// The payee got the money of one key more than once, and not each time from the rail.
    pub paid_by_hand_as_well: usize,
    /// Sent, and neither paid and recorded, nor paid by hand, nor a case.
    pub lost: usize,
    /// Recorded as accepted, and the rail knows nothing of it.
    pub imagined: usize,
    /// Executed for a key that nobody sent.
    pub unasked: usize,
    /// Two people ended its case as not paid, and the payee got the money.
    pub paid_though_ended: usize,
}

impl Verdict {
    pub fn agrees(self) -> bool {
        self == Self::default()
    }
}

impl Books {
    fn executed(&self, key: &str) -> u64 {
        self.executed.get(key).copied().unwrap_or(0)
    }

    fn has_money(&self, key: &str) -> bool {
        self.executed(key) > 0 || self.by_hand.contains_key(key)
    }

    fn is_settled(&self, key: &str) -> bool {
        let is_paid = self.accepted.contains(key) && self.executed(key) > 0;
        let is_ended = || match self.ended.get(key) {
            Some(Ended::Paid) => self.has_money(key),
            Some(Ended::NotPaid) => true,
            None => false,
        };
        is_paid || self.by_hand.contains_key(key) || self.filed.contains(key) || is_ended()
    }

    /// What is lost, with what the books say of it all the same.
    pub fn lost(&self) -> impl Iterator<Item = (&String, u64, Option<Ended>)> {
        let lost = self.sent.iter().filter(|key| !self.is_settled(key));
        lost.map(|key| (key, self.executed(key), self.ended.get(key).copied()))
    }

    pub fn compare(&self) -> Verdict {
        let executed = |key: &String| self.executed(key);
        let not_paid = self.ended.iter().filter(|(_, ended)| **ended == Ended::NotPaid);
        Verdict {
            paid_twice: self.executed.values().filter(|times| **times > 1).count(),
            paid_by_hand_as_well: self.by_hand.iter().filter(|(key, times)| executed(key) + **times > 1).count(),
            lost: self.lost().count(),
            imagined: self.accepted.iter().filter(|key| executed(key) == 0).count(),
            unasked: self.executed.keys().filter(|key| !self.sent.contains(*key)).count(),
            paid_though_ended: not_paid.filter(|(key, _)| self.has_money(key)).count(),
        }
    }

    /// Of other payouts, beside these.
    pub fn add(&mut self, others: Self) {
        self.sent.extend(others.sent);
        self.given_up.extend(others.given_up);
        self.executed.extend(others.executed);
        self.by_hand.extend(others.by_hand);
        self.accepted.extend(others.accepted);
        self.filed.extend(others.filed);
        self.ended.extend(others.ended);
    }
}

/// The upper end of the 95 % interval of a rate of which `trials` showed none, in a million: the rule of three.
pub fn upper_bound_per_million(trials: usize) -> usize {
    3_000_000_usize.div_ceil(trials.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    fn agreeing() -> Books {
        Books {
            sent: keys(&["paid", "filed", "unknown"]),
            executed: [("paid".to_owned(), 1), ("unknown".to_owned(), 1)].into(),
            accepted: keys(&["paid"]),
            filed: keys(&["filed", "unknown"]),
            ..Books::default()
        }
    }

    #[test]
    fn planted_double_payout_is_seen() {
        assert!(agreeing().compare().agrees());
        let mut books = agreeing();
        books.executed.insert("paid".to_owned(), 2);
        assert_eq!(books.compare(), Verdict { paid_twice: 1, ..Verdict::default() });
    }

    #[test]
    fn planted_hand_payment_is_seen() {
        let mut books = agreeing();
        books.by_hand.insert("filed".to_owned(), 1);
        books.filed.remove("filed");
        assert!(books.compare().agrees(), "ended, and paid by hand");
        let told = Verdict { paid_by_hand_as_well: 1, ..Verdict::default() };
        books.by_hand.insert("filed".to_owned(), 2);
        assert_eq!(books.compare(), told);
        for key in ["paid", "unknown"] {
            let mut books = agreeing();
            books.by_hand.insert(key.to_owned(), 1);
            assert_eq!(books.compare(), told, "{key}");
        }
    }

    #[test]
    fn planted_ending_that_is_not_so_is_seen() {
        let mut books = agreeing();
        books.filed.remove("filed");
        books.ended.insert("filed".to_owned(), Ended::NotPaid);
        assert!(books.compare().agrees());
        books.by_hand.insert("filed".to_owned(), 1);
        assert_eq!(books.compare(), Verdict { paid_though_ended: 1, ..Verdict::default() });
        books.by_hand.clear();
        books.ended.insert("filed".to_owned(), Ended::Paid);
        assert_eq!(books.compare(), Verdict { lost: 1, ..Verdict::default() }, "said to be paid, and nobody paid");
        books.ended.insert("paid".to_owned(), Ended::NotPaid);
        assert_eq!(books.compare().paid_though_ended, 1);
    }

    #[test]
    fn planted_loss_is_seen() {
        let mut books = agreeing();
        books.filed.remove("filed");
        assert_eq!(books.compare().lost, 1);
        // Executed, and neither recorded nor a case: nobody would ever know.
        let mut books = agreeing();
        books.filed.remove("unknown");
        assert_eq!(books.compare().lost, 1);
        let mut books = agreeing();
        books.sent.insert("without a trace".to_owned());
        assert_eq!(books.compare().lost, 1);
    }

    #[test]
    fn planted_record_without_a_payout_is_seen() {
        let mut books = agreeing();
        books.executed.remove("paid");
        assert_eq!(books.compare(), Verdict { lost: 1, imagined: 1, ..Verdict::default() });
        let mut books = agreeing();
        books.executed.insert("nobody's".to_owned(), 1);
        assert_eq!(books.compare().unasked, 1);
    }
}
