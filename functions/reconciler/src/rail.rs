//! The rail's payouts as rows. One is known by our own mark alone: the reference that payonce wrote when it paid (our-own-mark).

use std::collections::BTreeMap;

use payonce_protocol::ids::Digest;
use payonce_protocol::money::{Currency, Money};
use payonce_protocol::order::{Destination, PayoutKey, TextError};
use payonce_protocol::reconcile::rows::{Book, BookKey, RailState, Record, Row, RowId, Units};
use payonce_rails::{Rail, RailPayout};
use thiserror::Error;

/// A payout of the rail that cannot be a row: its book is not complete at that time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the rail's payout {id} cannot stand in a book: {why}")]
pub struct NotInUnits {
    pub id: String,
    pub why: String,
}

/// By which reference the rail knows each payout key that any other book names.
#[derive(Debug, Default)]
pub struct RailRows(BTreeMap<String, PayoutKey>);

impl RailRows {
    pub fn new<'a>(rail: &Rail, keys: impl IntoIterator<Item = &'a PayoutKey>) -> Self {
        Self(keys.into_iter().map(|key| (rail.reference(key), key.clone())).collect())
    }

    /// A payout without a reference of ours is nobody's that we know: it has a name of its own.
    pub fn row(&self, rail: &Rail, payout: &RailPayout, units: &Units) -> Result<Row, NotInUnits> {
        let wrong = |why: &dyn ToString| NotInUnits { id: payout.id.clone(), why: why.to_string() };
        let id = RowId::new(payout.id.clone()).map_err(|why| wrong(&why))?;
        let currency: Currency = payout.currency.parse().map_err(|why| wrong(&why))?;
        let exponent = payout.exponent.ok_or_else(|| wrong(&"the rail's unit of its currency is not known"))?;
        let money = Money::new(payout.amount, exponent, currency).map_err(|why| wrong(&why))?;
        let sum = units.sum(&money).map_err(|why| wrong(&why))?;
        let key = match self.key(payout) {
            Some(key) => BookKey::of(&key),
            None => BookKey::unmarked(Book::Rail, &rail.account(), &id).map_err(|why| wrong(&why))?,
        };
        let state = if payout.returned { RailState::Returned } else { RailState::Paid };
        let record = Record::Payout { sum, state, shows_at_bank: false };
        let payee = payout.destination.as_deref().map(payee).transpose().map_err(|why| wrong(&why))?;
        Ok(Row { key, id, at: payout.created_at, carried: false, payee, record })
    }

    /// A rail that carries the key itself names it even where no other book does. A reference that looks like a book's own name for
    /// a row without a mark is none.
    pub fn key(&self, payout: &RailPayout) -> Option<PayoutKey> {
        let reference = payout.reference.as_ref()?;
        let known = self.0.get(reference).cloned();
        known.or_else(|| PayoutKey::new(reference.clone()).ok().filter(is_marked))
    }
}

/// A text that no claim of ours can name is another payee than any of ours, and is told from all of them by its hash.
fn payee(text: &str) -> Result<Destination, TextError> {
    Destination::new(text).or_else(|_| Destination::new(format!("sha256:{}", Digest::of(text))))
}

fn is_marked(key: &PayoutKey) -> bool {
    key.as_str().contains('/') && !key.as_str().starts_with('!')
}
