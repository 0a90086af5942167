//! Lists in delimited text that a configuration describes ([`crate::config::CsvConfig`]): where each fact stands and how it is
//! written. A row that does not fit the description is refused; none is skipped that the description does not name.

use std::collections::{BTreeMap, BTreeSet};

use payonce_protocol::config::ConfigError;
use payonce_protocol::money::Currency;

use crate::amount::{Amount, Marks, whole};
use crate::config::{AmountConfig, Column, CsvConfig, FixedOrColumn, Positive, Unit};
use crate::date;
use crate::error::{Refused, Wrong};
use crate::lists::{Lists, Row};
use crate::model::{Entry, Place, References, Status, account, reference};
use crate::output::Output;
use crate::record::{self, Dialect, Record};
use crate::source::Source;

/// A description that was checked.
#[derive(Clone, Debug)]
pub struct Csv {
    config: Box<CsvConfig>,
    dialect: Dialect,
    exponents: BTreeMap<Currency, u8>,
}

impl Csv {
    pub fn new(config: &CsvConfig) -> Result<Self, ConfigError> {
        let wrong = |field: &str, what: &str| Err(ConfigError::new(field, what));
        let mut quote = config.quote.chars();
        let dialect = Dialect { charset: config.charset, delimiter: config.delimiter, quote: quote.next() };
        if quote.next().is_some() {
            return wrong("quote", "is one character, or empty");
        }
        let marks = [Some(config.delimiter), dialect.quote];
        if marks.iter().flatten().any(|mark| mark.is_alphanumeric() || matches!(mark, '\n' | '\r'))
            || marks[0] == marks[1]
        {
            return wrong("delimiter", "and quote are two different marks, no letters or digits");
        }
        let dates = [Some(&config.date), config.value_date.as_ref()];
        if dates.into_iter().flatten().any(|config| !date::is_form(&config.form)) {
            return wrong("date", "has a form of YYYY or YY, MM and DD, each once");
        }
        let amount = &config.amount;
        match (&amount.column, &amount.debit, &amount.credit, &amount.direction) {
            (Some(_), None, None, None) | (None, Some(_), Some(_), None) => {}
            (Some(_), None, None, Some(_)) if amount.positive == Positive::Credit => {}
            (Some(_), None, None, Some(_)) => return wrong("amount.positive", "says what a direction says already"),
            _ => return wrong("amount", "is one column, with a direction or without, or a debit and a credit column"),
        }
        if let Some(direction) = &amount.direction {
            let debit: BTreeSet<_> = direction.debit.iter().collect();
            if debit.is_empty()
                || direction.credit.is_empty()
                || direction.credit.iter().any(|word| debit.contains(word))
            {
                return wrong("amount.direction", "needs words for debit and others for credit");
            }
        }
        let is_mark = |mark: char| !mark.is_alphanumeric() && !matches!(mark, '+' | '-');
        if !is_mark(amount.decimal) || amount.grouping.is_some_and(|mark| !is_mark(mark) || mark == amount.decimal) {
            return wrong("amount.decimal", "and grouping are two different marks");
        }
        if let FixedOrColumn::Fixed(code) = &config.currency
            && Amount::new(0, code.parse().map_err(|_| ConfigError::new("currency", "is no currency"))?).is_err()
        {
            return wrong("currency", "is none whose unit is known (ISO 4217)");
        }
        if let FixedOrColumn::Fixed(number) = &config.account
            && account(number).is_none()
        {
            return wrong("account", "is empty");
        }
        if config.kinds.as_ref().is_some_and(|kinds| kinds.column == 0 || kinds.entry.is_empty()) {
            return wrong("kinds", "has a column, from 1, and a word for entries");
        }
        let named = config.columns();
        if named.iter().any(|(_, column)| matches!(column, Column::Number(0))) {
            return wrong("columns", "are counted from 1");
        }
        let has_header = config.header && config.kinds.as_ref().is_none_or(|kinds| kinds.header.is_some());
        if !has_header && named.iter().any(|(_, column)| matches!(column, Column::Name(_))) {
            return wrong("columns", "have no names without a header row; count them from 1");
        }
        let mut exponents = BTreeMap::new();
        for (code, digits) in &config.exponents {
            match code.parse() {
                Ok(currency) if Amount::scaled(0, *digits, currency).is_ok() => exponents.insert(currency, *digits),
                _ => return wrong("exponents", "names a currency that is not known, or too many digits"),
            };
        }
        if !exponents.is_empty() && amount.unit == Unit::Major {
            return wrong("exponents", "matter for amounts in the minor unit only");
        }
        Ok(Self { config: Box::new(config.clone()), dialect, exponents })
    }
}

impl CsvConfig {
    /// Every column that is read, by the name of the fact.
    fn columns(&self) -> Vec<(&'static str, &Column)> {
        fn of(value: &FixedOrColumn) -> Option<&Column> {
            match value {
                FixedOrColumn::Column(only) => Some(&only.column),
                FixedOrColumn::Fixed(_) => None,
            }
        }
        let all = [
            ("account", of(&self.account)),
            ("currency", of(&self.currency)),
            ("date", Some(&self.date.column)),
            ("value_date", self.value_date.as_ref().map(|date| &date.column)),
            ("amount", self.amount.column.as_ref()),
            ("debit", self.amount.debit.as_ref()),
            ("credit", self.amount.credit.as_ref()),
            ("direction", self.amount.direction.as_ref().map(|direction| &direction.column)),
            ("status", self.status.as_ref().map(|status| &status.column)),
            ("balance", self.balance.as_ref()),
            ("end_to_end", self.end_to_end.as_ref()),
            ("instruction", self.instruction.as_ref()),
            ("transaction", self.transaction.as_ref()),
            ("servicer", self.servicer.as_ref()),
            ("mandate", self.mandate.as_ref()),
            ("return_reason", self.return_reason.as_ref()),
            ("code", self.code.as_ref()),
        ];
        let remittance = self.remittance.iter().map(|column| ("remittance", column));
        all.into_iter().filter_map(|(name, column)| Some((name, column?))).chain(remittance).collect()
    }
}

pub(crate) fn read(csv: &Csv, source: &mut Source<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
    let config = &*csv.config;
    for _ in 0..config.skip {
        if source.next_line(csv.dialect.charset)?.is_none() {
            return Err(Refused::new(source.line_number(), "file", Wrong::Truncated));
        }
    }
    let mut table: Option<Table<'_>> = None;
    if !config.header && config.kinds.is_none() {
        table = Some(Table::new(csv, None)?);
    }
    let mut rows = 0;
    let mut lists = Lists::default();
    let mut ended: Option<Record> = None;
    while let Some(record) = record::next(source, csv.dialect)? {
        let kind = config.kinds.as_ref().map(|kinds| {
            let word = record.fields.get(kinds.column - 1).map(|field| field.trim()).unwrap_or_default();
            (kinds, word)
        });
        match (kind, &table) {
            (Some((kinds, word)), _) if kinds.header.as_deref() == Some(word) => {
                if table.is_some() {
                    return Err(Refused::new(record.line, "header row", Wrong::Twice));
                }
                table = Some(Table::new(csv, Some(&record))?);
                continue;
            }
            (Some((kinds, word)), _) if kinds.count.as_deref() == Some(word) => {
                let stated = record.fields.get(kinds.column).and_then(|field| whole(field.trim()));
                let stated = stated.and_then(|stated| u64::try_from(stated).ok());
                match stated {
                    Some(stated) if stated == rows => {}
                    Some(stated) => {
                        return Err(Refused::new(record.line, "count", Wrong::Count { stated, found: rows }));
                    }
                    None => return Err(Refused::new(record.line, "count", Wrong::Form("a number"))),
                }
                ended = Some(record);
                continue;
            }
            (Some((kinds, word)), _) if kinds.ignore.iter().any(|ignored| ignored == word) => continue,
            (Some((kinds, word)), _) if !kinds.entry.iter().any(|entry| entry == word) => {
                return Err(Refused::new(record.line, "row", Wrong::NotRead("is of no kind that is described")));
            }
            (Some((kinds, _)), None) if kinds.header.is_none() => table = Some(Table::new(csv, None)?),
            (None, None) => {
                table = Some(Table::new(csv, Some(&record))?);
                continue;
            }
            _ => {}
        }
        let Some(table) = &table else {
            return Err(Refused::new(record.line, "header row", Wrong::Missing));
        };
        if ended.is_some() {
            return Err(Refused::new(record.line, "row", Wrong::Misplaced));
        }
        rows += 1;
        match table.row(&record) {
            Ok(row) => lists.accept(row, config.order, output)?,
            Err(refused) => output.note(refused)?,
        }
    }
    if config.kinds.as_ref().is_some_and(|kinds| kinds.count.is_some()) && ended.is_none() {
        return Err(Refused::new(source.line_number(), "count", Wrong::Missing));
    }
    if table.is_some() && config.header {
        output.is_list();
    }
    lists.end(output)
}

/// Where the columns of a description are in this file.
struct Table<'c> {
    csv: &'c Csv,
    /// Of the header row; without one a row has at least the columns that are described.
    width: usize,
    is_named: bool,
    names: BTreeMap<String, usize>,
}

impl<'c> Table<'c> {
    fn new(csv: &'c Csv, header: Option<&Record>) -> Result<Self, Refused> {
        let mut names = BTreeMap::new();
        let mut twice = BTreeSet::new();
        for (index, name) in header.iter().flat_map(|header| &header.fields).enumerate() {
            if names.insert(name.trim().to_owned(), index).is_some() {
                twice.insert(name.trim().to_owned());
            }
        }
        let line = header.map_or(1, |header| header.line);
        for (fact, column) in csv.config.columns() {
            let Column::Name(name) = column else { continue };
            let wrong = match (names.contains_key(name.as_str()), twice.contains(name.as_str())) {
                (_, true) => Wrong::Twice,
                (false, _) => Wrong::Missing,
                _ => continue,
            };
            return Err(Refused::new(line, format!("header row, column for {fact}"), wrong));
        }
        let described = csv.config.columns().into_iter().filter_map(|(_, column)| match column {
            Column::Number(number) => Some(*number),
            Column::Name(_) => None,
        });
        let width = header.map_or_else(|| described.max().unwrap_or_default(), |header| header.fields.len());
        Ok(Self { csv, width, is_named: header.is_some(), names })
    }

    /// The first that a row of so many fields does not have, as a person finds it.
    fn column_after(&self, fields: usize) -> String {
        let is_it = |column: &Column| matches!(column, Column::Number(number) if *number == fields + 1);
        let name = self.names.iter().find(|(_, index)| **index == fields).map(|(name, _)| name.as_str());
        let fact = || self.csv.config.columns().into_iter().find(|(_, column)| is_it(column)).map(|(fact, _)| fact);
        let name = name.or_else(fact).map(|name| format!(" ({name})")).unwrap_or_default();
        format!("column {}{name}", fields + 1)
    }

    fn field<'r>(&self, record: &'r Record, column: &Column) -> &'r str {
        let index = match column {
            Column::Number(number) => number.checked_sub(1),
            Column::Name(name) => self.names.get(name.as_str()).copied(),
        };
        index.and_then(|index| record.fields.get(index)).map(|field| field.trim()).unwrap_or_default()
    }

    fn row(&self, record: &Record) -> Result<Row, Refused> {
        let config = &*self.csv.config;
        let at = |place: &str, wrong| Refused::new(record.line, place, wrong);
        let found = record.fields.len();
        if found < self.width {
            return Err(at(&self.column_after(found), Wrong::Missing));
        }
        if self.is_named && found > self.width {
            return Err(at("columns", Wrong::Count { stated: self.width as u64, found: found as u64 }));
        }
        let field = |column: &Column| self.field(record, column);
        let optional = |column: &Option<Column>| column.as_ref().map(field).unwrap_or_default();
        let named = |column: &Option<Column>| reference(optional(column));
        let of = |value: &FixedOrColumn| match value {
            FixedOrColumn::Fixed(text) => text.clone(),
            FixedOrColumn::Column(only) => field(&only.column).to_owned(),
        };
        let account = account(&of(&config.account)).ok_or_else(|| at("account", Wrong::Missing))?;
        let currency = of(&config.currency).parse().map_err(|_| at("currency", Wrong::Currency))?;
        let day = |date: &crate::config::DateConfig| date::formed(field(&date.column), &date.form);
        let booked_on =
            day(&config.date).ok_or_else(|| at("date", Wrong::Form("a date of the form that is described")))?;
        let value_date = match &config.value_date {
            Some(date) if !field(&date.column).is_empty() => {
                Some(day(date).ok_or_else(|| at("value_date", Wrong::Form("a date of the form that is described")))?)
            }
            _ => None,
        };
        let status = match &config.status {
            None => Status::Booked,
            Some(status) => {
                let word = field(&status.column);
                let is_in = |words: &[String]| words.iter().any(|known| known == word);
                match () {
                    () if is_in(&status.booked) => Status::Booked,
                    () if is_in(&status.pending) => Status::Pending,
                    () if is_in(&status.information) => Status::Information,
                    () => return Err(at("status", Wrong::NotRead("is no word that is described"))),
                }
            }
        };
        let amount = self.amount(&config.amount, record, currency)?;
        let balance = match &config.balance {
            None => None,
            Some(balance) if status != Status::Booked && field(balance).is_empty() => None,
            Some(balance) => {
                let text = field(balance);
                Some(self.signed(text, &config.amount, currency).map_err(|wrong| at("balance", wrong))?)
            }
        };
        let remittance: Vec<&str> = config.remittance.iter().map(field).filter(|text| !text.is_empty()).collect();
        let text = |column: &Option<Column>| Some(optional(column)).filter(|text| !text.is_empty()).map(str::to_owned);
        let entry = Entry {
            place: Place { line: record.line, path: "row".to_owned() },
            booked_on,
            value_date,
            amount,
            reversal: false,
            status,
            references: References {
                end_to_end: named(&config.end_to_end),
                instruction: named(&config.instruction),
                transaction: named(&config.transaction),
                servicer: named(&config.servicer),
                mandate: named(&config.mandate),
            },
            remittance: remittance.join("\n"),
            return_reason: text(&config.return_reason),
            code: text(&config.code),
            batch: None,
            transactions: None,
        };
        Ok(Row { account, balance, entry })
    }

    fn amount(&self, config: &AmountConfig, record: &Record, currency: Currency) -> Result<Amount, Refused> {
        let at = |place: &str, wrong| Refused::new(record.line, place, wrong);
        let field = |column: &Column| self.field(record, column);
        if let (Some(debit), Some(credit)) = (&config.debit, &config.credit) {
            let (text, is_debit) = match (field(debit), field(credit)) {
                ("", "") => return Err(at("amount", Wrong::Missing)),
                (debit, "") => (debit, true),
                ("", credit) => (credit, false),
                (debit, credit) => {
                    // A zero in the other column is as good as nothing.
                    let [debit_sum, credit_sum] = [debit, credit].map(|text| self.signed(text, config, currency));
                    match (
                        debit_sum.map_err(|wrong| at("debit", wrong))?,
                        credit_sum.map_err(|wrong| at("credit", wrong))?,
                    ) {
                        (_, zero) if zero.minor() == 0 => (debit, true),
                        (zero, _) if zero.minor() == 0 => (credit, false),
                        _ => return Err(at("amount", Wrong::Twice)),
                    }
                }
            };
            // Some banks write a minus in the column that means minus.
            let text = if is_debit { text.strip_prefix('-').unwrap_or(text) } else { text };
            let amount = self.unsigned(text, config, currency);
            let amount = amount.map_err(|wrong| at(if is_debit { "debit" } else { "credit" }, wrong))?;
            return Ok(amount.directed(is_debit));
        }
        let Some(column) = &config.column else { return Err(at("amount", Wrong::Missing)) };
        let text = field(column);
        match &config.direction {
            Some(direction) => {
                let word = field(&direction.column);
                let is_debit = match () {
                    () if direction.debit.iter().any(|known| known == word) => true,
                    () if direction.credit.iter().any(|known| known == word) => false,
                    () => return Err(at("direction", Wrong::NotRead("is no word that is described"))),
                };
                let amount = self.unsigned(text, config, currency).map_err(|wrong| at("amount", wrong))?;
                Ok(amount.directed(is_debit))
            }
            None => {
                let amount = self.signed(text, config, currency).map_err(|wrong| at("amount", wrong))?;
                let is_debit = amount.is_debit() != (config.positive == Positive::Debit);
                Ok(amount.directed(is_debit))
            }
        }
    }

    /// With a plus or minus before or after it.
    fn signed(&self, text: &str, config: &AmountConfig, currency: Currency) -> Result<Amount, Wrong> {
        let stripped = |sign| text.strip_prefix(sign).or_else(|| text.strip_suffix(sign));
        let (digits, is_debit) = match (stripped('-'), stripped('+')) {
            (Some(digits), _) => (digits, true),
            (None, Some(digits)) => (digits, false),
            (None, None) => (text, false),
        };
        Ok(self.unsigned(digits.trim(), config, currency)?.directed(is_debit))
    }

    fn unsigned(&self, text: &str, config: &AmountConfig, currency: Currency) -> Result<Amount, Wrong> {
        match config.unit {
            Unit::Major => {
                Amount::decimal(text, Marks { decimal: config.decimal, grouping: config.grouping }, currency)
            }
            Unit::Minor => Amount::minor_units(text, self.csv.exponents.get(&currency).copied(), currency),
        }
    }
}
