//! A made-up statement, and how each format writes it.

use jiff::civil::Date;

use payonce_statements::model::Entry;

#[derive(Clone, Debug)]
pub struct Made {
    pub account: String,
    pub id: String,
    pub currency: &'static str,
    pub digits: u32,
    pub opening: i64,
    pub rows: Vec<MadeRow>,
}

/// What every format can say of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeRow {
    pub day: Date,
    pub minor: i64,
    pub ours: Option<String>,
    pub bank: Option<String>,
    pub text: String,
}

impl MadeRow {
    pub fn new(day: i8, minor: i64, ours: &str) -> Self {
        let ours = (!ours.is_empty()).then(|| ours.to_owned());
        Self { day: jiff::civil::date(2026, 1, day), minor, ours, bank: None, text: String::new() }
    }

    pub fn bank(mut self, reference: &str) -> Self {
        self.bank = Some(reference.to_owned());
        self
    }

    /// The same facts, as they were read.
    pub fn read(entry: &Entry) -> Self {
        Self {
            day: entry.booked_on,
            minor: entry.amount.minor(),
            ours: entry.references.instruction.clone(),
            bank: entry.references.servicer.clone(),
            text: entry.remittance.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Camt,
    Mt940,
    Bai2,
    Csv,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Camt, Self::Mt940, Self::Bai2, Self::Csv];
}

impl Made {
    pub fn new(account: &str, opening: i64, rows: Vec<MadeRow>) -> Self {
        Self { account: account.to_owned(), id: "S1".to_owned(), currency: "EUR", digits: 2, opening, rows }
    }

    pub fn id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }

    pub fn closing(&self) -> i64 {
        self.opening + self.rows.iter().map(|row| row.minor).sum::<i64>()
    }

    pub fn render(&self, kind: Kind) -> String {
        match kind {
            Kind::Camt => self.camt(),
            Kind::Mt940 => self.mt940(),
            Kind::Bai2 => self.bai2(),
            Kind::Csv => self.csv(),
        }
    }

    fn decimal(&self, minor: i64, mark: char) -> String {
        let unit = 10_u64.pow(self.digits);
        let minor = minor.unsigned_abs();
        match self.digits {
            0 => format!("{minor}{}", if mark == ',' { "," } else { "" }),
            digits => format!("{}{mark}{:0width$}", minor / unit, minor % unit, width = digits as usize),
        }
    }

    pub fn camt(&self) -> String {
        let side = |minor: i64| if minor < 0 { "DBIT" } else { "CRDT" };
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let amount = |minor| {
            format!(
                "<Amt Ccy=\"{}\">{}</Amt><CdtDbtInd>{}</CdtDbtInd>",
                self.currency,
                self.decimal(minor, '.'),
                side(minor)
            )
        };
        let balance =
            |code, minor| format!("<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{}</Bal>\n", amount(minor));
        let mut text = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr/>\n<Stmt><Id>{}</Id><Acct><Id><Othr><Id>{}</Id></Othr></Id></Acct>\n",
            self.id, self.account
        );
        text += &balance("OPBD", self.opening);
        text += &balance("CLBD", self.closing());
        for (index, row) in self.rows.iter().enumerate() {
            let element = |name: &str, value: &Option<String>| {
                value.as_ref().map_or_else(String::new, |value| format!("<{name}>{}</{name}>", escaped(value)))
            };
            text += &format!(
                "<Ntry><NtryRef>{}-{index}</NtryRef>{}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{}</Dt></BookgDt>",
                self.id,
                amount(row.minor),
                row.day
            );
            text += &format!(
                "<NtryDtls><TxDtls><Refs>{}{}</Refs>",
                element("AcctSvcrRef", &row.bank),
                element("InstrId", &row.ours)
            );
            if !row.text.is_empty() {
                text += &format!("<RmtInf><Ustrd>{}</Ustrd></RmtInf>", escaped(&row.text));
            }
            text += "</TxDtls></NtryDtls></Ntry>\n";
        }
        text + "</Stmt></BkToCstmrStmt></Document>\n"
    }

    pub fn mt940(&self) -> String {
        let short = |day: Date| day.strftime("%y%m%d").to_string();
        let day = self.rows.first().map_or(jiff::civil::date(2026, 1, 1), |row| row.day);
        let mark = |minor: i64| if minor < 0 { 'D' } else { 'C' };
        let balance =
            |minor: i64| format!("{}{}{}{}", mark(minor), short(day), self.currency, self.decimal(minor, ','));
        let mut text =
            format!(":20:{}\r\n:25:{}\r\n:28C:1/1\r\n:60F:{}\r\n", self.id, self.account, balance(self.opening));
        for row in &self.rows {
            let ours = row.ours.as_deref().unwrap_or("NONREF");
            let bank = row.bank.as_ref().map_or_else(String::new, |bank| format!("//{bank}"));
            text += &format!(
                ":61:{}{}{}NTRF{ours}{bank}\r\n",
                short(row.day),
                mark(row.minor),
                self.decimal(row.minor, ',')
            );
            if !row.text.is_empty() {
                text += &format!(":86:{}\r\n", row.text);
            }
        }
        text + &format!(":62F:{}\r\n-\r\n", balance(self.closing()))
    }

    /// A group for each day: the as-of date is the booking date.
    pub fn bai2(&self) -> String {
        let mut days: Vec<Date> = self.rows.iter().map(|row| row.day).collect();
        days.dedup();
        if days.is_empty() {
            days.push(jiff::civil::date(2026, 1, 1));
        }
        let (mut text, mut opening, mut file_total, mut records) =
            ("01,A,B,260101,0000,1,,,2/\n".to_owned(), self.opening, 0, 2);
        let mut rows = self.rows.iter().peekable();
        for day in &days {
            let (mut lines, mut total, mut closing) = (String::new(), 0, opening);
            let mut count = 0;
            while let Some(row) = rows.next_if(|row| row.day == *day) {
                let code = if row.minor < 0 { 475 } else { 165 };
                let (bank, ours) = (row.bank.as_deref().unwrap_or_default(), row.ours.as_deref().unwrap_or_default());
                lines += &format!("16,{code},{},Z,{bank},{ours},{}\n", row.minor.unsigned_abs(), row.text);
                total += row.minor.abs();
                closing += row.minor;
                count += 1;
            }
            total += opening + closing;
            let account = format!("03,{},{},010,{opening},,,015,{closing},,/\n", self.account, self.currency);
            text += &format!(
                "02,A,B,1,{},,,2/\n{account}{lines}49,{total},{}/\n98,{total},1,{}/\n",
                day.strftime("%y%m%d"),
                count + 2,
                count + 4
            );
            (opening, file_total, records) = (closing, file_total + total, records + count + 4);
        }
        text + &format!("99,{file_total},{},{records}/\n", days.len())
    }

    pub fn csv(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let mut text = "Account,Date,Amount,Currency,Ours,Bank,Text,Balance\n".to_owned();
        let mut balance = self.opening;
        let signed = |minor: i64| format!("{}{}", if minor < 0 { "-" } else { "" }, self.decimal(minor, '.'));
        for row in &self.rows {
            balance += row.minor;
            let fields = [
                quoted(&self.account),
                row.day.to_string(),
                signed(row.minor),
                self.currency.to_owned(),
                quoted(row.ours.as_deref().unwrap_or_default()),
                quoted(row.bank.as_deref().unwrap_or_default()),
                quoted(&row.text),
                signed(balance),
            ];
            text += &format!("{}\n", fields.join(","));
        }
        text
    }
}
