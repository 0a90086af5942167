//! The sandbox rail's transfers: one that was executed, and the list of them as Stripe documents it.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::form::{field, form};

const PAGE: usize = 10;
const PAGE_AT_MOST: usize = 100;

/// A payout that was executed.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Transfer {
    pub id: String,
    pub amount: u64,
    pub currency: String,
    pub destination: String,
    /// The charge that it is made from.
    pub source_transaction: Option<String>,
    /// The charge's, or what the request asked for: it says nothing about whose payout this is.
    pub transfer_group: Option<String>,
    /// As the request wrote it.
    pub metadata: BTreeMap<String, String>,
    pub idempotency_key: String,
    /// Seconds since 1970.
    pub created: u64,
    /// What was taken back from the payee, all or a part (<https://docs.stripe.com/api/transfer_reversals>).
    #[serde(default)]
    pub amount_reversed: u64,
}

impl Transfer {
    /// By our own mark in the metadata; empty, should there be none.
    pub fn payout_key(&self) -> &str {
        self.metadata.get(PAYOUT_KEY).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "transfer",
            "amount": self.amount,
            "amount_reversed": self.amount_reversed,
            "created": self.created,
            "currency": self.currency,
            "destination": self.destination,
            "livemode": false,
            "metadata": self.metadata,
            "reversed": self.amount_reversed == self.amount,
            "source_transaction": self.source_transaction,
            "transfer_group": self.transfer_group,
        })
    }
}

pub const PAYOUT_KEY: &str = "payout_key";

/// What stands in `metadata[…]` of a request.
pub(crate) fn metadata(form: &[(String, String)]) -> BTreeMap<String, String> {
    let named = form.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
        Some((name.to_owned(), value.clone()))
    });
    named.collect()
}

/// Whether all of the time that is asked for is before this second.
pub(crate) fn ends_before(query: &str, second: u64) -> bool {
    let query = form(query);
    let end = field(&query, "created[lte]").and_then(|end| end.parse::<u64>().ok());
    end.is_some_and(|end| end < second)
}

/// Newest first, in pages. `executed` is in the order of time, and those after `visible_until` (in seconds) are not listed yet.
/// An error's status and code: a page cannot be had so.
pub(crate) fn list(
    executed: &[Transfer],
    query: &str,
    visible_until: u64,
) -> Result<Value, (StatusCode, Option<&'static str>)> {
    let refused = |code| (StatusCode::BAD_REQUEST, code);
    let query = form(query);
    let wanted = |name: &str| field(&query, name);
    let limit: usize = wanted("limit").map_or(Ok(PAGE), str::parse).map_err(|_| refused(None))?;
    if !(1..=PAGE_AT_MOST).contains(&limit) {
        return Err(refused(None));
    }
    let moment = |name: &str| wanted(name).map(str::parse::<u64>).transpose().map_err(|_| refused(None));
    let (gt, gte) = (moment("created[gt]")?, moment("created[gte]")?);
    let (lt, lte) = (moment("created[lt]")?, moment("created[lte]")?);
    let is_within = |created: u64| {
        gt.is_none_or(|gt| created > gt)
            && gte.is_none_or(|gte| created >= gte)
            && lt.is_none_or(|lt| created < lt)
            && lte.is_none_or(|lte| created <= lte)
    };
    let mut found = executed.iter().rev().filter(|transfer| transfer.created <= visible_until);
    if let Some(after) = wanted("starting_after")
        && !found.any(|transfer| transfer.id == after)
    {
        return Err(refused(Some("resource_missing")));
    }
    let mut page: Vec<Value> = found
        .filter(|transfer| is_within(transfer.created))
        .filter(|transfer| wanted("destination").is_none_or(|payee| payee == transfer.destination))
        .filter(|transfer| {
            wanted("transfer_group").is_none_or(|group| Some(group) == transfer.transfer_group.as_deref())
        })
        .take(limit + 1)
        .map(Transfer::json)
        .collect();
    let has_more = page.len() > limit;
    page.truncate(limit);
    Ok(json!({ "object": "list", "url": "/v1/transfers", "has_more": has_more, "data": page }))
}
