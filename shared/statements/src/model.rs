//! What a statement says, whatever format it came in.

use jiff::civil::Date;

use crate::amount::Amount;

payonce_protocol::words! {
    pub enum Kind {
        /// Everything that was booked between two balances.
        Statement = "statement",
        /// Single bookings, or the transactions of one that a statement shows as one sum (camt.054). It has no balances.
        Notification = "notification",
        /// A list that a provider or a bank exports. It has balances only where a column gives one for each row.
        Report = "report",
    }
}

payonce_protocol::words! {
    pub enum Status {
        /// On the account, and part of its balance.
        Booked = "booked",
        /// Announced; not part of the balance.
        Pending = "pending",
        /// Told, and never part of the balance.
        Information = "information",
    }
}

/// What is known of a statement before its first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// IBAN or the bank's own number, without spaces.
    pub account: String,
    /// As the bank counts its statements. Banks start again each year and send one number twice: this is for people to read,
    /// and identifies nothing.
    pub id: Option<String>,
    pub sequence: Option<String>,
    pub period: Option<(Date, Date)>,
    /// It is a later page of a statement, or goes on with a list that was interrupted by rows of another account or currency.
    pub continues: bool,
    /// Its entries begin with the last one.
    pub newest_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    pub date: Option<Date>,
    pub amount: Amount,
}

/// Opening and closing balance; a notification has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    pub opening: Option<Balance>,
    pub closing: Option<Balance>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub header: Header,
    pub entries: Vec<Entry>,
    pub balances: Balances,
}

impl Statement {
    pub(crate) fn begin(header: Header) -> Self {
        Self { header, entries: Vec::new(), balances: Balances::default() }
    }
}

/// Where an entry stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: u64,
    /// `Stmt[1]/Ntry[3]/TxDtls[2]`, `field 61`, `16`, `row`.
    pub path: String,
}

/// One movement of money. Where a bank books many transactions as one sum and lists them, each is an entry of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub place: Place,
    /// The value date where the file gives no booking date.
    pub booked_on: Date,
    pub value_date: Option<Date>,
    /// Above zero for a credit, below for a debit: as it was booked, also when it takes an earlier entry back.
    pub amount: Amount,
    /// It takes an earlier entry back: a debit one of credit, a credit one of debit.
    pub reversal: bool,
    pub status: Status,
    pub references: References,
    /// What the payment was for, lines separated by a line feed.
    pub remittance: String,
    /// Why a payment came back: an ISO 20022 external return reason code (`AC04`) or the bank's own.
    pub return_reason: Option<String>,
    /// What kind of movement it is in the words of the format: `PMNT/ICDT/ESCT`, `NTRF`, `475`.
    pub code: Option<String>,
    /// The sum that this transaction was booked in, together with others.
    pub batch: Option<Batch>,
    /// How many transactions this sum holds, where the file says so without listing them.
    pub transactions: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its first line tells one batch of a file from the next.
    pub line: u64,
    pub amount: Amount,
    /// The bank's reference of the whole.
    pub reference: Option<String>,
}

/// Names of one payment. Placeholders (`NOTPROVIDED`, `NONREF`) are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// `EndToEndId`: the payer's own, handed on to the payee. It is only as unique as its writer made it.
    pub end_to_end: Option<String>,
    /// `InstrId`, or the reference for the account owner: what we told our bank.
    pub instruction: Option<String>,
    /// `TxId`: given by the first bank.
    pub transaction: Option<String>,
    /// `AcctSvcrRef`: given by the bank that keeps the account.
    pub servicer: Option<String>,
    /// `MndtId`.
    pub mandate: Option<String>,
}

impl References {
    /// The one that identifies the row: the first that the file gives, from ours to the bank's.
    pub fn first(&self) -> &str {
        let all = [&self.end_to_end, &self.instruction, &self.servicer, &self.transaction, &self.mandate];
        all.into_iter().flatten().next().map_or("", String::as_str)
    }
}

/// A reference as it is kept: in one line, and none when it says that there is none.
pub(crate) fn reference(text: &str) -> Option<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_none =
        text.is_empty() || ["NOTPROVIDED", "NONREF", "NOREF"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (!is_none).then_some(text)
}

/// An account as it is kept: banks group its digits with spaces, or not.
pub(crate) fn account(text: &str) -> Option<String> {
    let account: String = text.split_ascii_whitespace().collect();
    (!account.is_empty()).then_some(account)
}
