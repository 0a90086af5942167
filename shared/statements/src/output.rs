//! Where the parsers put what they read. Every statement is held to its own balances here, whatever its format.

use payonce_protocol::money::Currency;

use crate::amount::Amount;
use crate::error::{Refused, RefusedFile, Wrong};
use crate::model::{Balances, Entry, Header, Kind, Status};

/// One step of a file. Nothing of it counts before the whole file was read without a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are entries, and each is kept or dropped by whom it is given to"
)]
pub enum Part {
    Begin(Header),
    Entry(Entry),
    End(Balances),
}

/// The formats allow 35 characters, and banks take more; what is longer is no reference.
const MAX_REFERENCE: usize = 256;
/// A row with its texts is kept as one item.
const MAX_TEXT: usize = 32 << 10;

/// So many things are said of one file; more help nobody.
pub(crate) const MAX_REFUSED: usize = 100;

pub(crate) struct Output<'a> {
    sink: &'a mut dyn FnMut(Part),
    most_entries: u64,
    entries: u64,
    /// A file that holds no statement is not what it was taken for; a list may be empty.
    holds_one: bool,
    /// The booked entries of the statement: their sum and currency.
    rows: Option<(i128, Currency)>,
    /// The account, and whether it is a later page.
    page: Option<(String, bool)>,
    /// Of the statement before: account and closing balance.
    last: Option<(String, Amount)>,
    refused: Vec<Refused>,
}

impl<'a> Output<'a> {
    pub fn new(sink: &'a mut dyn FnMut(Part), most_entries: u64) -> Self {
        Self {
            sink,
            most_entries,
            entries: 0,
            holds_one: false,
            rows: None,
            page: None,
            last: None,
            refused: Vec::new(),
        }
    }

    pub fn is_list(&mut self) {
        self.holds_one = true;
    }

    pub fn begin(&mut self, header: Header) {
        self.holds_one = true;
        self.rows = None;
        self.page = Some((header.account.clone(), header.continues && header.kind == Kind::Statement));
        (self.sink)(Part::Begin(header));
    }

    /// A wrong entry is noted, and the next one read: who mends a file wants to see all that is wrong with it.
    pub fn entry(&mut self, entry: Result<Entry, Refused>) -> Result<(), Refused> {
        let entry = match entry {
            Ok(entry) => entry,
            Err(refused) => return self.note(refused),
        };
        let references = &entry.references;
        let names = [
            &references.end_to_end,
            &references.instruction,
            &references.transaction,
            &references.servicer,
            &references.mandate,
        ];
        let longest = names.into_iter().chain([&entry.return_reason, &entry.code]).flatten().map(String::len).max();
        for (length, most) in [(longest.unwrap_or_default(), MAX_REFERENCE), (entry.remittance.len(), MAX_TEXT)] {
            if length > most {
                return self.note(Refused::new(entry.place.line, entry.place.path, Wrong::TooLong(most as u64)));
            }
        }
        self.entries += 1;
        if self.entries > self.most_entries {
            return Err(Refused::new(entry.place.line, entry.place.path, Wrong::TooManyEntries(self.most_entries)));
        }
        if entry.status == Status::Booked {
            let currency = entry.amount.currency();
            let (sum, one) = self.rows.get_or_insert((0, currency));
            if *one != currency {
                return self.note(Refused::new(entry.place.line, entry.place.path, Wrong::OtherCurrency));
            }
            *sum = sum.saturating_add(i128::from(entry.amount.minor()));
        }
        (self.sink)(Part::Entry(entry));
        Ok(())
    }

    /// Opening balance and booked rows make the closing balance, or the file is refused. Rows that were refused make no sum.
    pub fn end(&mut self, balances: Balances, line: u64, place: &str) -> Result<(), Refused> {
        if let (Some(opening), Some(closing)) = (balances.opening, balances.closing)
            && self.refused.is_empty()
        {
            let (opening, closing) = (opening.amount, closing.amount);
            let (rows, currency) = self.rows.unwrap_or((0, opening.currency()));
            let at = |wrong| Refused::new(line, place, wrong);
            if opening.currency() != closing.currency() || opening.currency() != currency {
                return Err(at(Wrong::OtherCurrency));
            }
            let made = Amount::new(i128::from(opening.minor()).saturating_add(rows), currency).map_err(at)?;
            if let (Some((account, true)), Some((before, last))) = (&self.page, &self.last)
                && account == before
                && *last != opening
            {
                return Err(at(Wrong::Gap { closing: *last, opening }));
            }
            if made != closing {
                let rows = Amount::new(rows, currency).map_err(at)?;
                return Err(at(Wrong::Bridge { opening, rows, made, closing }));
            }
        }
        let closing = balances.closing.map(|closing| closing.amount);
        self.last = self.page.take().map(|(account, _)| account).zip(closing);
        (self.sink)(Part::End(balances));
        Ok(())
    }

    pub fn note(&mut self, refused: Refused) -> Result<(), Refused> {
        if self.refused.len() + 1 == MAX_REFUSED {
            return Err(refused);
        }
        self.refused.push(refused);
        Ok(())
    }

    pub fn finish(mut self, read: Result<(), Refused>, line: u64) -> Result<(), RefusedFile> {
        if let Err(refused) = read {
            self.refused.push(refused);
        } else if !self.holds_one && self.refused.is_empty() {
            self.refused.push(Refused::new(line, "file", Wrong::NoStatement));
        }
        if self.refused.is_empty() { Ok(()) } else { Err(RefusedFile(self.refused)) }
    }
}
