//! The bridge from what was asked for to what was paid, per currency, in counts and in units: carried + asked − paid − by hand =
//! in settle time + unknown + not sent + rejected + closed + incomplete + breaks. Both sides are added up apart: the left from
//! rows, the right from findings. The residual shows where the two do not meet, and is 0 in a statement that closes.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::money::Currency;
use crate::reconcile::facts::Facts;
use crate::reconcile::finding::Finding;
use crate::reconcile::rows::Sum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a sum of a statement is too large")]
pub struct TooLarge;

/// How many, and how much; either may be below zero, where more was paid than asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub count: i64,
    pub minor: i64,
}

impl Total {
    fn of(sum: Sum) -> Result<Self, TooLarge> {
        Ok(Self { count: 1, minor: i64::try_from(sum.minor()).map_err(|_| TooLarge)? })
    }

    fn plus(self, other: Self) -> Result<Self, TooLarge> {
        let count = self.count.checked_add(other.count).ok_or(TooLarge)?;
        Ok(Self { count, minor: self.minor.checked_add(other.minor).ok_or(TooLarge)? })
    }

    fn minus(self, other: Self) -> Result<Self, TooLarge> {
        let count = self.count.checked_sub(other.count).ok_or(TooLarge)?;
        Ok(Self { count, minor: self.minor.checked_sub(other.minor).ok_or(TooLarge)? })
    }

    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// One currency's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// What the rows that earlier runs counted leave open.
    pub carried: Total,
    /// In this run's rows, as are `paid` and `by_hand`.
    pub asked: Total,
    pub paid: Total,
    pub by_hand: Total,
    /// What is asked for and not paid, by finding. A key that is reconciled, or paid by hand, leaves nothing.
    pub left: BTreeMap<Finding, Total>,
}

impl Lines {
    /// What the findings do not explain.
    pub fn residual(&self) -> Result<Total, TooLarge> {
        let open = self.carried.plus(self.asked)?.minus(self.paid)?.minus(self.by_hand)?;
        let explains = |finding: Finding| !matches!(finding, Finding::Reconciled | Finding::ByHand);
        self.left
            .iter()
            .filter(|(finding, _)| explains(**finding))
            .try_fold(open, |open, (_, total)| open.minus(*total))
    }
}

/// Keys that are not done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub before: u64,
    pub new: u64,
    pub gone: u64,
}

impl Open {
    pub fn now(&self) -> u64 {
        (self.before + self.new).saturating_sub(self.gone)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    pub currencies: BTreeMap<Currency, Lines>,
    /// Keys by their finding.
    pub findings: BTreeMap<Finding, u64>,
    pub open: Open,
}

#[derive(Default)]
struct Moved {
    asked: Total,
    paid: Total,
    by_hand: Total,
}

impl Moved {
    fn by(facts: &Facts<'_>) -> Result<BTreeMap<Currency, Self>, TooLarge> {
        let mut moved: BTreeMap<Currency, Self> = BTreeMap::new();
        if let Some(asked) = facts.asked() {
            moved.entry(asked.currency).or_default().asked = Total::of(asked)?;
        }
        for paid in facts.paid() {
            let of = moved.entry(paid.currency).or_default();
            of.paid = of.paid.plus(Total::of(paid)?)?;
        }
        for (_, by_hand, _) in facts.by_hand() {
            let of = moved.entry(by_hand.currency).or_default();
            of.by_hand = of.by_hand.plus(Total::of(by_hand)?)?;
        }
        Ok(moved)
    }

    fn left(&self) -> Result<Total, TooLarge> {
        self.asked.minus(self.paid)?.minus(self.by_hand)
    }
}

impl Statement {
    pub(crate) fn add(&mut self, facts: &Facts<'_>, finding: Finding) -> Result<(), TooLarge> {
        *self.findings.entry(finding).or_default() += 1;
        let was_open = facts.was_open();
        self.open.before += u64::from(was_open);
        self.open.new += u64::from(finding.is_open() && !was_open);
        self.open.gone += u64::from(was_open && !finding.is_open());

        for (currency, before) in Moved::by(&facts.before())? {
            let lines = self.currencies.entry(currency).or_default();
            lines.carried = lines.carried.plus(before.left()?)?;
            lines.asked = lines.asked.minus(before.asked)?;
            lines.paid = lines.paid.minus(before.paid)?;
            lines.by_hand = lines.by_hand.minus(before.by_hand)?;
        }
        for (currency, now) in Moved::by(facts)? {
            let lines = self.currencies.entry(currency).or_default();
            lines.asked = lines.asked.plus(now.asked)?;
            lines.paid = lines.paid.plus(now.paid)?;
            lines.by_hand = lines.by_hand.plus(now.by_hand)?;
            let left = lines.left.entry(finding).or_default();
            *left = left.plus(now.left()?)?;
        }
        Ok(())
    }

    /// The residual of every currency is 0.
    pub fn closes(&self) -> bool {
        self.currencies.values().all(|lines| lines.residual().is_ok_and(Total::is_zero))
    }

    pub fn count(&self, finding: Finding) -> u64 {
        self.findings.get(&finding).copied().unwrap_or_default()
    }
}
