//! SWIFT MT940, the customer statement. Field rules after the user handbook of category 9
//! (<https://pinas.synology.me/Swift_Manual/2006/FINAL/US9M/DOC/ALAF008.HTM> has field 61) and two banks' guides,
//! <https://studylib.net/doc/8074467/deutsche-bank-mt940-942-format-specifications> and
//! <https://studylib.net/doc/18834720/format-description-swift-mt940>.
//!
//! Tags, their order and their form are held to; lengths of references and texts are not, as banks exceed them.

use jiff::civil::Date;
use payonce_protocol::money::Currency;

use crate::amount::{Amount, Marks};
use crate::charset::Charset;
use crate::date;
use crate::error::{Refused, Wrong};
use crate::model::{Balance, Balances, Entry, Header, Kind, Place, References, Status, account, reference};
use crate::output::Output;
use crate::remittance;
use crate::source::{Line, Source};

/// Field 86 has six lines by the rules; some banks write dozens.
const MAX_LINES: usize = 200;

#[derive(Debug)]
struct Field {
    line: u64,
    tag: String,
    lines: Vec<String>,
    /// Of all lines but the first.
    bytes: usize,
}

impl Field {
    fn refused(&self, wrong: Wrong) -> Refused {
        Refused::new(self.line, format!("field {}", self.tag), wrong)
    }

    /// Its value, when it may have one line only.
    fn value(&self) -> Result<&str, Refused> {
        match &self.lines[..] {
            [value] if !value.trim().is_empty() => Ok(value.trim_end()),
            [_] => Err(self.refused(Wrong::Missing)),
            _ => Err(self.refused(Wrong::Form("one line"))),
        }
    }
}

pub(crate) fn read(source: &mut Source<'_>, charset: Charset, output: &mut Output<'_>) -> Result<(), Refused> {
    let mut message: Option<Message> = None;
    let mut field: Option<Field> = None;
    while let Some(Line { number, text }) = source.next_line(charset)? {
        let ends = text == "-" || text.starts_with("-}");
        match (tag(&text), &mut field) {
            (Some((tag, value)), _) => {
                if let Some(done) =
                    field.replace(Field { line: number, tag: tag.to_owned(), lines: vec![value.to_owned()], bytes: 0 })
                {
                    accept(done, &mut message, output)?;
                }
            }
            (None, Some(_)) if ends => {
                if let Some(done) = field.take() {
                    accept(done, &mut message, output)?;
                }
                if let Some(message) = message.take() {
                    message.end(number, output)?;
                }
            }
            // Lines around a message: blocks of the network, a bank's own cover, nothing.
            (None, None) if !text.starts_with(':') => {}
            (None, Some(field)) if !text.starts_with(':') && field.lines.len() < MAX_LINES => {
                field.bytes += text.len();
                source.holds(field.line, "field", field.bytes)?;
                field.lines.push(text.trim_end().to_owned());
            }
            _ => return Err(Refused::new(number, "line", Wrong::Form("a field: a tag between colons"))),
        }
    }
    if let Some(done) = field {
        accept(done, &mut message, output)?;
    }
    match message {
        Some(message) => message.end(source.line_number(), output),
        None => Ok(()),
    }
}

/// `60F` and the rest of `:60F:…`.
fn tag(line: &str) -> Option<(&str, &str)> {
    let (tag, value) = line.strip_prefix(':')?.split_once(':')?;
    let (number, letter) = (tag.get(..2)?, tag.get(2..)?);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = letter.is_empty() || letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_uppercase());
    (tag == "NS" || is_number && is_letter).then_some((tag, value))
}

/// Hands a field to its message; field 20 begins the next one.
fn accept(field: Field, message: &mut Option<Message>, output: &mut Output<'_>) -> Result<(), Refused> {
    if field.tag == "20" {
        if let Some(before) = message.take() {
            before.end(field.line, output)?;
        }
        *message = Some(Message { id: field.value()?.to_owned(), ..Message::default() });
        return Ok(());
    }
    let line = field.line;
    match message {
        Some(message) => message.accept(field, output),
        None => Err(Refused::new(line, format!("field {}", field.tag), Wrong::Misplaced)),
    }
}

#[derive(Default)]
struct Message {
    id: String,
    account: Option<String>,
    number: Option<(String, Option<String>)>,
    opening: Option<Balance>,
    entry: Option<(Field, Option<Field>)>,
    closing: Option<(Balance, u64, String)>,
}

impl Message {
    fn accept(&mut self, field: Field, output: &mut Output<'_>) -> Result<(), Refused> {
        let is_open = self.opening.is_some() && self.closing.is_none();
        match field.tag.as_str() {
            "21" | "NS" => Ok(()),
            "25" | "25P" if self.account.is_none() && self.opening.is_none() => {
                self.account = account(field.value()?);
                Ok(())
            }
            "28" | "28C" if self.number.is_none() && self.opening.is_none() => {
                let value = field.value()?;
                let (number, page) = value.split_once('/').map_or((value, None), |(number, page)| (number, Some(page)));
                let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if !is_number(number) || !page.is_none_or(is_number) {
                    return Err(field.refused(Wrong::Form("a statement number and its page")));
                }
                self.number = Some((number.to_owned(), page.map(str::to_owned)));
                Ok(())
            }
            "60F" | "60M" if self.opening.is_none() => self.open(&field, output),
            "61" if is_open => {
                self.flush(output)?;
                self.entry = Some((field, None));
                Ok(())
            }
            "86" if is_open => match &mut self.entry {
                Some((_, information @ None)) => {
                    *information = Some(field);
                    Ok(())
                }
                _ => Err(field.refused(Wrong::Misplaced)),
            },
            // Of the statement as a whole.
            "86" if self.closing.is_some() => Ok(()),
            "62F" | "62M" if is_open => {
                self.flush(output)?;
                let balance = balance(&field)?;
                self.closing = Some((balance, field.line, format!("field {}", field.tag)));
                Ok(())
            }
            // Available and forward balances.
            "64" | "65" if self.closing.is_some() => balance(&field).map(|_| ()),
            "13D" | "34F" | "90C" | "90D" => {
                Err(field.refused(Wrong::NotRead("the tag is one of MT942, which reports a day that is not over")))
            }
            "25" | "25P" | "28" | "28C" | "60F" | "60M" | "62F" | "62M" | "61" | "86" | "64" | "65" => {
                Err(field.refused(Wrong::Misplaced))
            }
            _ => Err(field.refused(Wrong::NotRead("the tag is none of MT940"))),
        }
    }

    fn open(&mut self, field: &Field, output: &mut Output<'_>) -> Result<(), Refused> {
        let opening = balance(field)?;
        let missing = |tag| Refused::new(field.line, tag, Wrong::Missing);
        let account = self.account.clone().ok_or_else(|| missing("field 25"))?;
        let (number, page) = self.number.clone().ok_or_else(|| missing("field 28C"))?;
        self.opening = Some(opening);
        output.begin(Header {
            kind: Kind::Statement,
            account,
            id: Some(self.id.clone()),
            sequence: Some(page.map_or_else(|| number.clone(), |page| format!("{number}/{page}"))),
            period: None,
            continues: field.tag == "60M",
            newest_first: false,
        });
        Ok(())
    }

    /// The entry that waited for its information.
    fn flush(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        match (self.entry.take(), self.opening) {
            (Some((field, information)), Some(opening)) => {
                output.entry(entry(&field, information.as_ref(), opening.amount.currency()))
            }
            _ => Ok(()),
        }
    }

    fn end(self, line: u64, output: &mut Output<'_>) -> Result<(), Refused> {
        let missing = |tag| Refused::new(line, tag, Wrong::Missing);
        if self.opening.is_none() {
            return Err(missing("field 60F"));
        }
        let (closing, line, place) = self.closing.ok_or_else(|| missing("field 62F"))?;
        output.end(Balances { opening: self.opening, closing: Some(closing) }, line, &place)
    }
}

/// `1!a6!n3!a15d`: `C260105EUR1234,56`.
fn balance(field: &Field) -> Result<Balance, Refused> {
    let value = field.value()?;
    let form = || field.refused(Wrong::Form("a balance: C or D, YYMMDD, currency, amount"));
    let debit = match value.get(..1) {
        Some("C") => false,
        Some("D") => true,
        _ => return Err(form()),
    };
    let date = value.get(1..7).and_then(date::yymmdd).ok_or_else(form)?;
    let currency: Currency = value.get(7..10).and_then(|code| code.parse().ok()).ok_or_else(form)?;
    let amount = amount(value.get(10..).ok_or_else(form)?, currency).map_err(|wrong| field.refused(wrong))?;
    Ok(Balance { date: Some(date), amount: amount.directed(debit) })
}

/// The comma is never left out.
fn amount(text: &str, currency: Currency) -> Result<Amount, Wrong> {
    if !text.contains(',') || text.starts_with(',') {
        return Err(Wrong::Form("an amount: digits with one comma"));
    }
    Amount::decimal(text, Marks::COMMA, currency)
}

struct StatementLine<'f> {
    value_date: Date,
    booked_on: Date,
    debit: bool,
    reversal: bool,
    amount: &'f str,
    code: &'f str,
    owner: &'f str,
    servicer: Option<&'f str>,
}

/// `6!n[4!n]2a[1!a]15d1!a3!c16x[//16x]`.
fn statement_line(text: &str) -> Result<StatementLine<'_>, Wrong> {
    let (value_date, rest) = text.split_at_checked(6).ok_or(Wrong::Form("a value date, YYMMDD"))?;
    let value_date = date::yymmdd(value_date).ok_or(Wrong::Form("a value date, YYMMDD"))?;
    let (booked_on, rest) = match rest.split_at_checked(4) {
        Some((day, rest)) if day.bytes().all(|byte| byte.is_ascii_digit()) => {
            (date::mmdd_near(day, value_date).ok_or(Wrong::Form("an entry date, MMDD"))?, rest)
        }
        _ => (value_date, rest),
    };
    let marks = [("RC", true, true), ("RD", false, true), ("C", false, false), ("D", true, false)];
    let found = marks.into_iter().find_map(|(mark, debit, reversal)| Some((debit, reversal, rest.strip_prefix(mark)?)));
    let (debit, reversal, rest) = found.ok_or(Wrong::Form("C, D, RC or RD"))?;
    // The third letter of the currency, if the bank writes it.
    let rest = rest.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(rest.len());
    let (amount, rest) = rest.split_at(end);
    let (code, rest) =
        rest.split_at_checked(4).ok_or(Wrong::Form("a transaction type: a letter and three characters"))?;
    if !code.starts_with(|c: char| c.is_ascii_uppercase()) || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Wrong::Form("a transaction type: a letter and three characters"));
    }
    let (owner, servicer) = rest.split_once("//").map_or((rest, None), |(owner, servicer)| (owner, Some(servicer)));
    Ok(StatementLine { value_date, booked_on, debit, reversal, amount, code, owner, servicer })
}

fn entry(field: &Field, information: Option<&Field>, currency: Currency) -> Result<Entry, Refused> {
    let (first, supplementary) = match &field.lines[..] {
        [first] => (first, ""),
        [first, more] => (first, more.as_str()),
        _ => return Err(field.refused(Wrong::Form("two lines at most"))),
    };
    let line = statement_line(first).map_err(|wrong| field.refused(wrong))?;
    let amount = amount(line.amount, currency).map_err(|wrong| field.refused(wrong))?;
    let remittance = information.map(|field| remittance::read(&field.lines)).unwrap_or_default();
    let texts: Vec<&str> =
        [&*remittance.text, supplementary.trim()].into_iter().filter(|text| !text.is_empty()).collect();
    Ok(Entry {
        place: Place { line: field.line, path: "field 61".to_owned() },
        booked_on: line.booked_on,
        value_date: Some(line.value_date),
        amount: amount.directed(line.debit),
        reversal: line.reversal,
        status: Status::Booked,
        references: References {
            instruction: remittance.references.instruction.or_else(|| reference(line.owner)),
            servicer: line.servicer.and_then(reference),
            ..remittance.references
        },
        remittance: texts.join("\n"),
        return_reason: remittance.return_reason,
        code: Some(line.code.to_owned()),
        batch: None,
        transactions: None,
    })
}
