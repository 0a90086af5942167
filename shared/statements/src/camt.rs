//! camt.053 (statement) and camt.054 (notification), ISO 20022, <https://www.iso20022.org/catalogue-messages>. Versions 02 to
//! 13 name alike what is read here; `Sts` became a choice and `TxDtls` got an amount of its own on the way.
//!
//! Entries come one at a time, in the order of the schema: the account and the balances before them, an entry's own facts
//! before its transactions.

use jiff::civil::Date;
use payonce_protocol::money::Currency;

use crate::amount::{Amount, Marks, whole};
use crate::date;
use crate::error::{Refused, Sum, Wrong};
use crate::model::{Balance, Balances, Batch, Entry, Header, Kind, Place, References, Status, account, reference};
use crate::output::Output;
use crate::source::Source;
use crate::xml::{Node, Xml};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.";
const VERSIONS: std::ops::RangeInclusive<i128> = 2..=13;
/// Of one statement: two are needed, and a bank adds available and forward ones.
const MAX_BALANCES: usize = 100;

pub(crate) fn read(source: &mut Source<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
    let mut reader = Camt { xml: Xml::new(source), output, kind: Kind::Statement };
    let namespace = reader.xml.root()?;
    let (message, statement);
    (reader.kind, message, statement) = match version(&namespace) {
        Some("053") => (Kind::Statement, "BkToCstmrStmt", "Stmt"),
        Some("054") => (Kind::Notification, "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        Some("052") => return reader.xml.refuse("Document", Wrong::NotRead("camt.052 reports a day that is not over")),
        _ => return reader.xml.refuse("Document", Wrong::NotRead("its namespace is none of camt.053 or camt.054")),
    };
    match reader.xml.child("Document")? {
        Some(open) if open.name == message => {}
        _ => return reader.xml.refuse(message, Wrong::Missing),
    }
    let mut count = 0;
    while let Some(open) = reader.xml.child(message)? {
        reader.xml.mark();
        if open.name == statement {
            count += 1;
            reader.statement(open.line, &format!("{statement}[{count}]"))?;
        } else if matches!(open.name.as_str(), "GrpHdr" | "SplmtryData") {
            reader.xml.rest(open)?;
        } else {
            return reader.xml.refuse(message, Wrong::Misplaced);
        }
    }
    if reader.xml.child("Document")?.is_some() {
        return reader.xml.refuse("Document", Wrong::Misplaced);
    }
    match reader.xml.next()? {
        crate::xml::Token::End => Ok(()),
        crate::xml::Token::Text(text) if text.trim().is_empty() => match reader.xml.next()? {
            crate::xml::Token::End => Ok(()),
            _ => reader.xml.refuse("file", Wrong::Misplaced),
        },
        _ => reader.xml.refuse("file", Wrong::Misplaced),
    }
}

/// `053` of `urn:…:camt.053.001.08`.
fn version(namespace: &str) -> Option<&str> {
    let (message, version) = namespace.strip_prefix(NAMESPACE)?.split_once(".001.")?;
    let is_known = version.len() == 2 && whole(version).is_some_and(|version| VERSIONS.contains(&version));
    is_known.then_some(message)
}

struct Camt<'x, 's, 'a, 'o> {
    xml: Xml<'s, 'a>,
    output: &'x mut Output<'o>,
    kind: Kind,
}

/// What the entries of a statement come to, to be held against its own summary.
#[derive(Default)]
struct Totals {
    credits: (u64, i128),
    debits: (u64, i128),
    /// Entries of nothing: a bank may count them on either side.
    zeros: u64,
    currency: Option<Currency>,
}

impl Camt<'_, '_, '_, '_> {
    fn statement(&mut self, line: u64, place: &str) -> Result<(), Refused> {
        let mut head = Node::empty(place, line);
        let mut begun = false;
        let mut totals = Some(Totals::default());
        let mut entries = 0;
        while let Some(open) = self.xml.child(place)? {
            self.xml.mark();
            match open.name.as_str() {
                "Ntry" => {
                    if !begun {
                        self.begin(&head, place)?;
                        begun = true;
                    }
                    entries += 1;
                    let amount = self.entry(open.line, &format!("{place}/Ntry[{entries}]"))?;
                    totals = totals.zip(amount).map(|(totals, amount)| totals.with(amount));
                }
                "Bal" if head.all("Bal").count() >= MAX_BALANCES => return self.xml.refuse(place, Wrong::Misplaced),
                "Id" | "ElctrncSeqNb" | "LglSeqNb" | "StmtPgntn" | "FrToDt" | "Acct" | "TxsSummry" | "Bal" => {
                    if open.name != "Bal" && head.at(&open.name).is_some() {
                        return self.xml.refuse(&format!("{place}/{}", open.name), Wrong::Twice);
                    }
                    let node = self.xml.rest(open)?;
                    head.children.push(node);
                }
                _ => {
                    self.xml.rest(open)?;
                }
            }
        }
        if !begun {
            self.begin(&head, place)?;
        }
        if let (Some(totals), Some(summary)) = (totals, head.at("TxsSummry")) {
            totals.held_against(summary, &format!("{place}/TxsSummry"))?;
        }
        let (balances, _) = self.balances(&head, place)?;
        self.output.end(balances, self.xml.line(), place)
    }

    fn begin(&mut self, head: &Node, place: &str) -> Result<(), Refused> {
        let number = head.text("Acct/Id/IBAN").or_else(|| head.text("Acct/Id/Othr/Id"));
        let Some(account) = number.and_then(account) else {
            return self.xml.refuse(&format!("{place}/Acct/Id"), Wrong::Missing);
        };
        let sequence = head.text("ElctrncSeqNb").or_else(|| head.text("LglSeqNb"));
        let period = |edge| head.text(&format!("FrToDt/{edge}DtTm")).or_else(|| head.text(&format!("FrToDt/{edge}Dt")));
        let period_days = match (period("Fr"), period("To")) {
            (Some(from), Some(to)) => match (date::iso(from), date::iso(to)) {
                (Some(from), Some(to)) => Some((from, to)),
                _ => return self.xml.refuse(&format!("{place}/FrToDt"), Wrong::Form("two dates")),
            },
            _ => None,
        };
        let (balances, continues) = self.balances(head, place)?;
        let closes_on = balances.closing.and_then(|closing| closing.date);
        // An end at midnight is that of the day before, unless the bank closes the day that begins with it.
        let ends_before = |to: Date| period("To").is_some_and(is_midnight) && closes_on != Some(to);
        let period = period_days.map(|(from, to)| match to.yesterday() {
            Ok(before) if from <= before && ends_before(to) => (from, before),
            _ => (from, to),
        });
        self.output.begin(Header {
            kind: self.kind,
            account,
            id: head.text("Id").map(str::to_owned),
            sequence: sequence.map(str::to_owned),
            period,
            continues: continues || head.text("StmtPgntn/PgNb").is_some_and(|page| page != "1"),
            newest_first: false,
        });
        Ok(())
    }

    /// Opening and closing balance, and whether the opening one is that of a later page: there, and at the end of a page that
    /// is not the last, the balance is an interim one.
    fn balances(&self, head: &Node, place: &str) -> Result<(Balances, bool), Refused> {
        if self.kind == Kind::Notification {
            return Ok((Balances::default(), false));
        }
        let of = |code: &str| {
            let all = head.all("Bal").filter(move |balance| balance.text("Tp/CdOrPrtry/Cd") == Some(code));
            all.collect::<Vec<_>>()
        };
        let single = |code: &str| match of(code)[..] {
            [] => Ok(None),
            [balance] => Ok(Some(balance)),
            [_, second, ..] => Err(Refused::new(second.line, format!("{place}/Bal[{code}]"), Wrong::Twice)),
        };
        let mut interim = of("ITBD").into_iter();
        let stated = single("OPBD")?.or(single("PRCD")?);
        let continues = stated.is_none();
        let opening = stated.or_else(|| interim.next());
        let closing = single("CLBD")?.or_else(|| interim.next());
        let missing = |code: &str| Refused::new(head.line, format!("{place}/Bal[{code}]"), Wrong::Missing);
        let opening = balance(opening.ok_or_else(|| missing("OPBD"))?, place)?;
        let closing = balance(closing.ok_or_else(|| missing("CLBD"))?, place)?;
        Ok((Balances { opening: Some(opening), closing: Some(closing) }, continues))
    }

    /// Its amount, unless it was refused.
    fn entry(&mut self, line: u64, place: &str) -> Result<Option<Amount>, Refused> {
        let mut head = Node::empty("Ntry", line);
        let mut transactions = Transactions::default();
        while let Some(open) = self.xml.child(place)? {
            if open.name != "NtryDtls" {
                let node = self.xml.rest(open)?;
                head.children.push(node);
                continue;
            }
            // Each transaction is a piece for itself; the facts of the entry around them are one.
            let around = self.xml.piece();
            let place_of_details = format!("{place}/NtryDtls");
            while let Some(open) = self.xml.child(&place_of_details)? {
                self.xml.mark();
                let node = self.xml.rest(open)?;
                match node.name.as_str() {
                    "Btch" => transactions.stated += node.text("NbOfTxs").and_then(whole).unwrap_or(0),
                    "TxDtls" => transactions.add(node, &head, place, self.output)?,
                    _ => return self.xml.refuse(&place_of_details, Wrong::Misplaced),
                }
            }
            self.xml.mark_at(around);
        }
        transactions.end(&head, place, self.output)
    }
}

/// The transactions of an entry as they come. The first waits for the second: alone, the entry's own amount is its amount.
#[derive(Default)]
struct Transactions {
    stated: i128,
    count: u64,
    first: Option<Node>,
    /// The entry as the account shows it, read once for all of them.
    booked: Option<Entry>,
    /// Why it could not be read when its second transaction came.
    refused: Option<Refused>,
    made: i128,
    /// One of them was refused, and its sum says nothing.
    broken: bool,
}

impl Transactions {
    fn add(&mut self, node: Node, head: &Node, place: &str, output: &mut Output<'_>) -> Result<(), Refused> {
        self.count += 1;
        if self.count == 1 {
            self.first = Some(node);
            return Ok(());
        }
        if self.broken {
            return Ok(());
        }
        let booked = match self.booked.take().map_or_else(|| booked(head, place), Ok) {
            // Each has a text of its own.
            Ok(booked) => Entry { remittance: String::new(), ..booked },
            Err(refused) => {
                // Said once, at the end of the entry.
                self.broken = true;
                self.refused = Some(refused);
                return Ok(());
            }
        };
        if let Some(first) = self.first.take() {
            self.emit(&first, 1, &booked, place, output)?;
        }
        self.emit(&node, self.count, &booked, place, output)?;
        self.booked = Some(booked);
        Ok(())
    }

    fn emit(
        &mut self,
        node: &Node,
        index: u64,
        booked: &Entry,
        place: &str,
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let place = format!("{place}/TxDtls[{index}]");
        let entry = part(node, booked, &place);
        match &entry {
            Ok(entry) => self.made = self.made.saturating_add(i128::from(entry.amount.minor())),
            Err(_) => self.broken = true,
        }
        output.entry(entry)
    }

    fn end(self, head: &Node, place: &str, output: &mut Output<'_>) -> Result<Option<Amount>, Refused> {
        let mut booked = match booked(head, place) {
            Ok(booked) => booked,
            Err(refused) => {
                output.entry(Err(refused))?;
                return Ok(None);
            }
        };
        let amount = booked.amount;
        let at = |place: String, wrong| Err(Refused::new(head.line, place, wrong));
        match (self.count, &self.first) {
            (count, _) if count > 0 && self.stated > 0 && i128::from(count) != self.stated => {
                let stated = u64::try_from(self.stated).unwrap_or(u64::MAX);
                output.entry(at(format!("{place}/NtryDtls/Btch/NbOfTxs"), Wrong::Count { stated, found: count }))?;
            }
            // By now it can be: its facts came after the transactions.
            _ if self.refused.is_some() => output.entry(self.refused.map_or(Ok(booked), Err))?,
            (0, _) => {
                booked.transactions = u32::try_from(self.stated).ok().filter(|count| *count > 1);
                output.entry(Ok(booked))?;
            }
            (_, Some(only)) => output.entry(alone(only, booked, &format!("{place}/TxDtls[1]")))?,
            (_, None) if !self.broken && self.made != i128::from(amount.minor()) => {
                let made = match Amount::new(self.made, amount.currency()) {
                    Ok(made) => made,
                    Err(wrong) => return Err(Refused::new(head.line, place, wrong)),
                };
                output.entry(at(place.to_owned(), Wrong::Batch { made, entry: amount }))?;
            }
            (_, None) => {}
        }
        Ok(Some(amount))
    }
}

/// The entry as the account shows it.
fn is_midnight(text: &str) -> bool {
    text.get(10..19) == Some("T00:00:00")
}

fn booked(head: &Node, place: &str) -> Result<Entry, Refused> {
    let at = |name: &str, wrong| Refused::new(head.line, format!("{place}/{name}"), wrong);
    let amount = money(head, "Amt", place)?;
    let debit = debit(head, place)?.ok_or_else(|| at("CdtDbtInd", Wrong::Missing))?;
    let status = match head.text("Sts/Cd").or_else(|| head.text("Sts")) {
        Some("BOOK") => Status::Booked,
        Some("PDNG" | "FUTR") => Status::Pending,
        Some("INFO") => Status::Information,
        Some(_) => return Err(at("Sts", Wrong::NotRead("the status is not known"))),
        None => return Err(at("Sts", Wrong::Missing)),
    };
    let reversal = match head.text("RvslInd") {
        Some("true" | "1") => true,
        Some("false" | "0") | None => false,
        Some(_) => return Err(at("RvslInd", Wrong::Form("true or false"))),
    };
    let value_date = day(head, "ValDt", place)?;
    let booked_on = day(head, "BookgDt", place)?.or(value_date).ok_or_else(|| at("BookgDt", Wrong::Missing))?;
    Ok(Entry {
        place: Place { line: head.line, path: place.to_owned() },
        booked_on,
        value_date,
        amount: amount.directed(debit),
        reversal,
        status,
        references: References { servicer: head.text("AcctSvcrRef").and_then(reference), ..References::default() },
        remittance: head.text("AddtlNtryInf").unwrap_or_default().to_owned(),
        return_reason: None,
        code: code(head),
        batch: None,
        transactions: None,
    })
}

/// The only transaction of an entry. What it says of its amount must be the entry's, if it says it in the same currency.
fn alone(node: &Node, booked: Entry, place: &str) -> Result<Entry, Refused> {
    if node.at("Amt").is_some() {
        let made = money(node, "Amt", place)?.directed(booked.amount.is_debit());
        if made.currency() == booked.amount.currency() && made != booked.amount {
            return Err(Refused::new(node.line, place, Wrong::Batch { made, entry: booked.amount }));
        }
    }
    let servicer = booked.references.servicer.clone();
    let mut entry = details(node, booked, place);
    entry.references.servicer = entry.references.servicer.or(servicer);
    Ok(entry)
}

/// One transaction of several. Its amount is the first that is stated in the currency of the entry.
fn part(node: &Node, booked: &Entry, place: &str) -> Result<Entry, Refused> {
    let mut amount = None;
    for path in ["Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt", "AmtDtls/CntrValAmt/Amt"] {
        if node.at(path).is_some() {
            amount = amount
                .or(Some(money(node, path, place)?).filter(|amount| amount.currency() == booked.amount.currency()));
        }
    }
    let amount = amount.ok_or_else(|| Refused::new(node.line, format!("{place}/Amt"), Wrong::Missing))?;
    let debit = debit(node, place)?.unwrap_or(booked.amount.is_debit());
    let batch = Batch { line: booked.place.line, amount: booked.amount, reference: booked.references.servicer.clone() };
    let entry = Entry { amount: amount.directed(debit), batch: Some(batch), ..booked.clone() };
    Ok(details(node, entry, place))
}

fn details(node: &Node, booked: Entry, place: &str) -> Entry {
    let named = |name: &str| node.text(&format!("Refs/{name}")).and_then(reference);
    let mut lines = Vec::new();
    for information in node.all("RmtInf") {
        lines.extend(information.all("Ustrd").map(Node::own_text));
        for structured in information.all("Strd") {
            lines.extend(structured.text("CdtrRefInf/Ref"));
            lines.extend(structured.all("AddtlRmtInf").map(Node::own_text));
        }
    }
    lines.retain(|line| !line.is_empty());
    if lines.is_empty() {
        lines.extend(node.text("AddtlTxInf"));
    }
    Entry {
        place: Place { line: node.line, path: place.to_owned() },
        references: References {
            end_to_end: named("EndToEndId"),
            instruction: named("InstrId"),
            transaction: named("TxId"),
            servicer: named("AcctSvcrRef"),
            mandate: named("MndtId"),
        },
        remittance: if lines.is_empty() { booked.remittance } else { lines.join("\n") },
        return_reason: node.text("RtrInf/Rsn/Cd").or_else(|| node.text("RtrInf/Rsn/Prtry")).map(str::to_owned),
        code: code(node).or(booked.code),
        ..booked
    }
}

fn code(node: &Node) -> Option<String> {
    let parts = ["Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd"].map(|part| node.text(&format!("BkTxCd/{part}")));
    let domain: Vec<&str> = parts.into_iter().flatten().collect();
    let own = || node.text("BkTxCd/Prtry/Cd").map(str::to_owned);
    if domain.is_empty() { own() } else { Some(domain.join("/")) }
}

fn debit(node: &Node, place: &str) -> Result<Option<bool>, Refused> {
    match node.text("CdtDbtInd") {
        Some("CRDT") => Ok(Some(false)),
        Some("DBIT") => Ok(Some(true)),
        Some(_) => Err(Refused::new(node.line, format!("{place}/CdtDbtInd"), Wrong::Form("CRDT or DBIT"))),
        None => Ok(None),
    }
}

fn money(node: &Node, path: &str, place: &str) -> Result<Amount, Refused> {
    let at = |wrong| Refused::new(node.line, format!("{place}/{path}"), wrong);
    let element = node.at(path).ok_or_else(|| at(Wrong::Missing))?;
    let currency = element.currency.as_deref().and_then(|code| code.parse().ok()).ok_or_else(|| at(Wrong::Currency))?;
    Amount::decimal(element.own_text(), Marks::POINT, currency).map_err(at)
}

fn day(node: &Node, name: &str, place: &str) -> Result<Option<Date>, Refused> {
    let Some(element) = node.at(name) else { return Ok(None) };
    let text = element.text("Dt").or_else(|| element.text("DtTm")).unwrap_or_default();
    let date = date::iso(text);
    date.map(Some).ok_or_else(|| Refused::new(element.line, format!("{place}/{name}"), Wrong::Form("a date")))
}

fn balance(node: &Node, place: &str) -> Result<Balance, Refused> {
    let place = format!("{place}/Bal");
    let amount = money(node, "Amt", &place)?;
    let at = |name: &str, wrong| Refused::new(node.line, format!("{place}/{name}"), wrong);
    let debit = debit(node, &place)?.ok_or_else(|| at("CdtDbtInd", Wrong::Missing))?;
    Ok(Balance { date: day(node, "Dt", &place)?, amount: amount.directed(debit) })
}

impl Totals {
    fn with(mut self, amount: Amount) -> Self {
        let (count, sum) = if amount.is_debit() { &mut self.debits } else { &mut self.credits };
        if amount.minor() == 0 {
            self.zeros += 1;
        } else {
            *count += 1;
        }
        *sum = sum.saturating_add(i128::from(amount.minor()).abs());
        self.currency = Some(amount.currency());
        self
    }

    /// The bank's own count and sum of the entries, where it gives them.
    fn held_against(&self, summary: &Node, place: &str) -> Result<(), Refused> {
        let sides = [
            ("TtlNtries", self.credits.0 + self.debits.0 + self.zeros, 0, None),
            ("TtlCdtNtries", self.credits.0, self.zeros, Some(self.credits.1)),
            ("TtlDbtNtries", self.debits.0, self.zeros, Some(self.debits.1)),
        ];
        for (name, count, more, sum) in sides {
            let at = |part: &str, wrong| Err(Refused::new(summary.line, format!("{place}/{name}/{part}"), wrong));
            if let Some(stated) = summary.text(&format!("{name}/NbOfNtries")) {
                let stated = whole(stated).and_then(|stated| u64::try_from(stated).ok());
                match stated {
                    Some(stated) if (count..=count + more).contains(&stated) => {}
                    Some(stated) => return at("NbOfNtries", Wrong::Count { stated, found: count }),
                    None => return at("NbOfNtries", Wrong::Form("a number")),
                }
            }
            if let (Some(stated), Some(found), Some(currency)) =
                (summary.text(&format!("{name}/Sum")), sum, self.currency)
            {
                match Amount::decimal(stated, Marks::POINT, currency) {
                    Ok(amount) if i128::from(amount.minor()) == found => {}
                    Ok(amount) => {
                        let stated = Sum(i128::from(amount.minor()));
                        return at("Sum", Wrong::Total { stated, found: Sum(found) });
                    }
                    Err(wrong) => return at("Sum", wrong),
                }
            }
        }
        Ok(())
    }
}
