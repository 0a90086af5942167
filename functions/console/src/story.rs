//! What the pages say of one payout, for whoever reads it elsewhere than on a page: how it is found, what happened to it and how it
//! stands, in the same words. Only the tables are asked, and only read.

use payonce_ledger::{FiledCase, HistoryRecord, Payout};
use payonce_protocol::UnixMillis;
use payonce_protocol::fact::FactName;

pub use crate::cases::find::{Among, Place, Shown, Tables};
use crate::cases::{show, standing};
use crate::pages::facts::facts;
use crate::pages::words;
use crate::pages::{Entry, Standing};

/// What the audit table holds, in no order. The rail's own sentence may name a person and is for who reads bodies: it is left out.
pub fn entries(payout: &Payout) -> Vec<Entry> {
    let mut entries = show::entries_of(payout);
    entries.iter_mut().for_each(|entry| entry.facts.retain(|(name, _)| name != FactName::RailSays.as_str()));
    entries
}

/// The kind of the entry that the claim of this attempt makes.
pub fn claimed(attempt: u16) -> String {
    show::claimed_kind(attempt)
}

/// One record of a case.
pub fn entry(record: &HistoryRecord) -> Entry {
    show::entry_of(record)
}

/// The headline of the payout's page. `None`: nothing was attempted under its key, nor ended by people.
pub fn stands(payout: &Payout, cases: &[FiledCase], now: UnixMillis) -> Option<Standing> {
    standing::standing(payout, cases, now)
}

/// What an entry says happened.
pub fn happened(entry: &Entry) -> String {
    words::happened(&entry.kind)
}

/// Facts by what people call them, and what they say.
pub fn in_words(named: &[(String, String)]) -> Vec<(String, String)> {
    let read = facts(named);
    read.plain.into_iter().chain(read.technical).map(|fact| (fact.name, fact.value)).collect()
}

/// What somebody wrote: characters that are not seen, or that would steer a terminal, are named instead.
pub fn shown(text: &str) -> String {
    crate::pages::format::shown(text).into_owned()
}
