//! The rows of a list, held together by the balance that each of them states: a row that is missing between two others shows.

use std::collections::BTreeMap;

use payonce_protocol::money::Currency;

use crate::amount::Amount;
use crate::config::RowOrder;
use crate::error::{Refused, Wrong};
use crate::model::{Balance, Balances, Entry, Header, Kind, Status};
use crate::output::Output;

/// Accounts and currencies of one file.
const MAX_LISTS: usize = 10_000;

pub(crate) struct Row {
    pub account: String,
    pub balance: Option<Amount>,
    pub entry: Entry,
}

/// Lists of one account and currency each, which may take turns in a file.
#[derive(Default)]
pub(crate) struct Lists {
    run: Option<Run>,
    /// Those that were interrupted: the balance that the next row must have, or must start from.
    interrupted: BTreeMap<(String, Currency), Option<Amount>>,
}

/// Rows of one account and currency that follow each other.
struct Run {
    account: String,
    currency: Currency,
    line: u64,
    opening: Option<Amount>,
    closing: Option<Amount>,
    expected: Option<Amount>,
}

impl Lists {
    pub fn accept(&mut self, row: Row, order: RowOrder, output: &mut Output<'_>) -> Result<(), Refused> {
        let Row { account, balance, entry } = row;
        let (line, currency) = (entry.place.line, entry.amount.currency());
        let mut run = match self.run.take() {
            Some(run) if run.account == account && run.currency == currency => run,
            before => {
                if let Some(before) = before {
                    self.interrupt(before, output)?;
                }
                let expected = self.interrupted.remove(&(account.clone(), currency));
                output.begin(Header {
                    kind: Kind::Report,
                    account: account.clone(),
                    id: None,
                    sequence: None,
                    period: None,
                    continues: expected.is_some(),
                    newest_first: order == RowOrder::NewestFirst,
                });
                Run { account, currency, line, opening: None, closing: None, expected: expected.flatten() }
            }
        };
        run.line = line;
        if let Some(balance) = balance.filter(|_| entry.status == Status::Booked) {
            run.balance(balance, entry.amount, order, output)?;
        }
        output.entry(Ok(entry))?;
        self.run = Some(run);
        Ok(())
    }

    fn interrupt(&mut self, run: Run, output: &mut Output<'_>) -> Result<(), Refused> {
        let balance = |amount: Option<Amount>| amount.map(|amount| Balance { date: None, amount });
        let balances = Balances { opening: balance(run.opening), closing: balance(run.closing) };
        output.end(balances, run.line, "balance")?;
        self.interrupted.insert((run.account, run.currency), run.expected);
        if self.interrupted.len() > MAX_LISTS {
            return Err(Refused::new(run.line, "account", Wrong::TooManyEntries(MAX_LISTS as u64)));
        }
        Ok(())
    }

    pub fn end(mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        match self.run.take() {
            Some(run) => self.interrupt(run, output),
            None => Ok(()),
        }
    }
}

impl Run {
    /// Each row goes on from the balance of the one before it in time.
    fn balance(
        &mut self,
        balance: Amount,
        rows: Amount,
        order: RowOrder,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let at = |wrong| Refused::new(self.line, "balance", wrong);
        let start = i128::from(balance.minor()) - i128::from(rows.minor());
        let start = Amount::new(start, self.currency).map_err(at)?;
        let (here, next) = match order {
            RowOrder::OldestFirst => (start, balance),
            RowOrder::NewestFirst => (balance, start),
        };
        if let Some(expected) = self.expected.filter(|expected| *expected != here) {
            let less = i128::from(expected.minor()) - i128::from(here.minor());
            let made = Amount::new(i128::from(balance.minor()) + less, self.currency).map_err(at)?;
            output.note(at(Wrong::Unchained { made, stated: balance }))?;
        }
        self.expected = Some(next);
        match order {
            RowOrder::OldestFirst => {
                self.opening = self.opening.or(Some(start));
                self.closing = Some(balance);
            }
            RowOrder::NewestFirst => {
                self.opening = Some(start);
                self.closing = self.closing.or(Some(balance));
            }
        }
        Ok(())
    }
}
