//! Items as DynamoDB has them: every item that is written starts in [`Fields::new`], every item that is read goes
//! through a [`ItemReader`].

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::fact::Facts;
use payonce_protocol::ids::Digest;
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, PayoutKey};

use crate::LedgerError;
use crate::keys::Keys;

/// The schema number `v` on every item. A reader that meets a greater one leaves the item alone.
pub const SCHEMA: u64 = 1;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// An item under construction.
pub(crate) struct Fields(Item);

impl Fields {
    pub(crate) fn new(keys: Keys) -> Self {
        Self(keys.into_item()).number("v", SCHEMA)
    }

    pub(crate) fn text(self, name: &str, value: impl ToString) -> Self {
        self.with(name, AttributeValue::S(value.to_string()))
    }

    pub(crate) fn number(self, name: &str, value: impl Into<u64>) -> Self {
        self.with(name, AttributeValue::N(value.into().to_string()))
    }

    pub(crate) fn bytes(self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.with(name, AttributeValue::B(Blob::new(value)))
    }

    /// Absent means false.
    pub(crate) fn mark(self, name: &str, value: bool) -> Self {
        if value { self.with(name, AttributeValue::Bool(true)) } else { self }
    }

    pub(crate) fn map<N: ToString, V: ToString>(self, name: &str, values: impl IntoIterator<Item = (N, V)>) -> Self {
        self.with(name, text_map(values))
    }

    pub(crate) fn list(self, name: &str, values: &[String]) -> Self {
        self.with(name, AttributeValue::L(values.iter().cloned().map(AttributeValue::S).collect()))
    }

    pub(crate) fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    pub(crate) fn money(self, money: &Money) -> Self {
        self.number("amount", money.minor()).number("exponent", money.exponent()).text("currency", money.currency())
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn done(self) -> Item {
        self.0
    }
}

pub(crate) fn text_map<N: ToString, V: ToString>(values: impl IntoIterator<Item = (N, V)>) -> AttributeValue {
    AttributeValue::M(
        values.into_iter().map(|(name, value)| (name.to_string(), AttributeValue::S(value.to_string()))).collect(),
    )
}

/// Reads the attributes of one item; what is missing or malformed is named in the error, its value never.
#[derive(Clone, Copy)]
pub(crate) struct ItemReader<'a> {
    item: &'a Item,
    what: &'static str,
}

impl<'a> ItemReader<'a> {
    pub(crate) fn new(what: &'static str, item: &'a Item) -> Self {
        Self { item, what }
    }

    /// Written by a newer version of this code. An item without a readable number is not one of ours either.
    pub(crate) fn is_newer(&self) -> bool {
        self.number("v").map_or(true, |version| version > SCHEMA)
    }

    pub(crate) fn unreadable(&self, attribute: &'static str) -> LedgerError {
        LedgerError::Unreadable { what: self.what, attribute }
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, LedgerError> {
        match self.item.get(name) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(crate) fn number(&self, name: &'static str) -> Result<u64, LedgerError> {
        match self.item.get(name) {
            Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| self.unreadable(name)),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(crate) fn small<T: TryFrom<u64>>(&self, name: &'static str) -> Result<T, LedgerError> {
        T::try_from(self.number(name)?).map_err(|_| self.unreadable(name))
    }

    pub(crate) fn bytes(&self, name: &'static str) -> Result<&'a [u8], LedgerError> {
        match self.item.get(name) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
            _ => Err(self.unreadable(name)),
        }
    }

    pub(crate) fn mark(&self, name: &'static str) -> bool {
        matches!(self.item.get(name), Some(AttributeValue::Bool(true)))
    }

    pub(crate) fn map(&self, name: &'static str) -> Result<BTreeMap<String, String>, LedgerError> {
        match self.item.get(name) {
            None => Ok(BTreeMap::new()),
            Some(AttributeValue::M(map)) => map
                .iter()
                .map(|(key, value)| match value {
                    AttributeValue::S(text) => Ok((key.clone(), text.clone())),
                    _ => Err(self.unreadable(name)),
                })
                .collect(),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    pub(crate) fn facts(&self, name: &'static str) -> Result<Facts, LedgerError> {
        self.map(name).map(Facts::stored)
    }

    pub(crate) fn list(&self, name: &'static str) -> Result<Vec<String>, LedgerError> {
        let Some(AttributeValue::L(values)) = self.item.get(name) else { return Err(self.unreadable(name)) };
        values
            .iter()
            .map(|value| match value {
                AttributeValue::S(text) => Ok(text.clone()),
                _ => Err(self.unreadable(name)),
            })
            .collect()
    }

    /// An attribute that need not be there, but must be readable when it is.
    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        self.item.contains_key(name).then(|| read(self)).transpose()
    }

    /// A text that `parse` understands.
    pub(crate) fn parsed<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, LedgerError> {
        parse(self.text(name)?).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn digest(&self, name: &'static str) -> Result<Digest, LedgerError> {
        self.bytes(name)?.try_into().map(Digest).map_err(|_| self.unreadable(name))
    }

    pub(crate) fn hex_digest(&self, name: &'static str) -> Result<Digest, LedgerError> {
        self.parsed(name, Digest::from_hex)
    }

    /// An item of the audit table stands under it.
    pub(crate) fn payout_key(&self) -> Result<PayoutKey, LedgerError> {
        self.parsed("pk", |text| PayoutKey::new(text).ok())
    }

    pub(crate) fn event(&self) -> Result<EventId, LedgerError> {
        self.parsed("event", |text| EventId::new(text).ok())
    }

    pub(crate) fn destination(&self) -> Result<Destination, LedgerError> {
        self.parsed("destination", |text| Destination::new(text).ok())
    }

    pub(crate) fn money(&self) -> Result<Money, LedgerError> {
        let currency = self.parsed("currency", |text| text.parse().ok())?;
        Money::new(self.number("amount")?, self.small("exponent")?, currency).map_err(|_| self.unreadable("amount"))
    }
}
