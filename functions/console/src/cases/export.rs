//! The open cases of a filter, or the resolved ones of a period, as a file for a spreadsheet: every sum in whole and in smallest units, times in UTC, a total
//! for each currency, and as its last line a hash of all lines above, so that a file can be told from one that was altered.

use csv::{Terminator, WriterBuilder};
use payonce_ledger::{FiledCase, Sum};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;

use crate::app::{App, Visit};
use crate::ask::Ask;
use crate::cases::filter::Filter;
use crate::cases::spreadsheet::{Cell, Style};
use crate::pages::decimal;
use crate::reply::Reply;
use crate::trouble::Trouble;

/// Lambda answers with at most 6 MB, and a row has less than 1 kB.
pub(crate) const ROWS_AT_MOST: usize = 5_000;

/// By it a spreadsheet knows UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = *b"\xef\xbb\xbf";

const COLUMNS: [&str; 22] = [
    "case",
    "reason",
    "certainty",
    "status",
    "amount",
    "currency",
    "amount_minor",
    "exponent",
    "payee",
    "provider",
    "payout_key",
    "event",
    "incident",
    "since_utc",
    "due",
    "owner",
    "proposed_ending",
    "proposed_by",
    "version",
    "cause",
    "resolved_utc",
    "approved_by",
];

impl App {
    pub(crate) async fn export(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let (filter, mut wrong) = Filter::read(&ask.query, &visit.session.person.subject);
        let style = ask.query.get("csv").map_or(Some(Style::default()), Style::parse);
        wrong.extend(style.is_none().then_some("csv"));
        if !wrong.is_empty() {
            // A page says what it left out; a file is sent on without its page.
            return Err(Trouble::Wrong(format!("Not understood in the address: {}.", wrong.join(", "))));
        }
        let keeps = |filed: &FiledCase| filter.keeps(filed, now);
        let page = self.parts.ledger.queue(filter.queue(), ROWS_AT_MOST, None, true, keeps).await?;
        let due = |filed: &FiledCase| self.due(filed, now).map(|due| due.date.to_string());
        let csv = written(&page.cases, due, page.next.is_some(), style.unwrap_or_default(), now)?;
        // Some issuers name people by their address: who it was can be asked for, and is not read.
        let by_sha256 = Digest::of(&visit.session.person.subject);
        tracing::info!(rows = page.cases.len(), %by_sha256, "the open cases were exported");
        Ok(Reply::csv(format!("payonce-open-cases-{}.csv", time(now).replace(':', "")), csv))
    }
}

pub(crate) fn written(
    cases: &[FiledCase],
    due: impl Fn(&FiledCase) -> Option<String>,
    is_cut: bool,
    style: Style,
    now: UnixMillis,
) -> Result<Vec<u8>, csv::Error> {
    let mut csv = WriterBuilder::new()
        .delimiter(style.separator())
        .terminator(Terminator::CRLF)
        .flexible(true)
        .from_writer(BYTE_ORDER_MARK.to_vec());
    csv.write_record(COLUMNS)?;
    for filed in cases {
        csv.write_record(row(filed, due(filed)).map(|cell| cell.written(style)))?;
    }
    for (currency, sum) in Sum::of(cases.iter().filter_map(|filed| filed.case.money.as_ref())) {
        let whole = Cell::Number(decimal(sum.minor, sum.exponent)).written(style);
        let minor = sum.minor.to_string();
        let cases = format!("total of {} cases", sum.cases);
        csv.write_record([cases.as_str(), "", "", "", &whole, &currency, &minor, &sum.exponent.to_string()])?;
    }
    if is_cut {
        csv.write_record([format!("not all: a file has at most {ROWS_AT_MOST} cases; filter for fewer")])?;
    }
    csv.write_record(["written at", &time(now)])?;
    let mut bytes = csv.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    let hash = Digest::of(&bytes);
    let separator = char::from(style.separator());
    bytes.extend(format!("sha256 of all lines above{separator}{hash}\r\n").bytes());
    Ok(bytes)
}

fn row(filed: &FiledCase, due: Option<String>) -> [Cell; COLUMNS.len()] {
    fn written<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    fn text<T: ToString>(value: Option<T>) -> Cell {
        Cell::Text(written(value))
    }
    fn ours<T: ToString>(value: Option<T>) -> Cell {
        Cell::Ours(written(value))
    }
    let case = &filed.case;
    let (money, proposal, resolution) = (case.money.as_ref(), filed.proposal.as_ref(), filed.resolution.as_ref());
    [
        text(Some(case.id())),
        ours(Some(case.reason)),
        ours(case.reason.rules().certainty),
        ours(Some(filed.status)),
        Cell::Number(written(money.map(|money| decimal(money.minor(), money.exponent())))),
        ours(money.map(|money| money.currency())),
        Cell::Number(written(money.map(|money| money.minor()))),
        Cell::Number(written(money.map(|money| money.exponent()))),
        text(case.destination.as_ref()),
        text(case.provider.as_ref()),
        text(case.key.as_ref()),
        text(case.event.as_ref()),
        text(case.incident.as_ref()),
        Cell::Ours(time(case.since)),
        ours(due),
        text(filed.owner.as_ref().and_then(|owner| owner.name.as_ref())),
        ours(proposal.map(|made| made.ending)),
        text(proposal.and_then(|made| made.by.name.as_ref())),
        Cell::Number(filed.version.to_string()),
        text(case.cause()),
        Cell::Ours(resolution.map(|resolution| time(resolution.at)).unwrap_or_default()),
        text(resolution.and_then(|resolution| resolution.approved_by.name.as_ref())),
    ]
}

fn time(at: UnixMillis) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

#[cfg(test)]
#[path = "office_tests.rs"]
mod office;

#[cfg(test)]
pub(crate) mod tests {
    use payonce_ledger::{Case, Who};
    use payonce_protocol::case::Status;
    use payonce_protocol::money::Money;
    use payonce_protocol::order::Destination;
    use payonce_protocol::outcome::Reason;

    use super::*;

    pub(crate) fn filed(number: u64, minor: u64, exponent: u8, currency: &str) -> FiledCase {
        let mut case = Case::new(Reason::PayoutUnknown, vec![number.to_string()], 1_795_435_200_000);
        case.money = Some(Money::new(minor, exponent, currency.parse().unwrap()).unwrap());
        case.destination = Some(Destination::new("acct_1").unwrap());
        case.provider = Some("=cmd|' /C calc'!A0".to_owned());
        FiledCase {
            case,
            status: Status::Open,
            version: 1,
            revision: 0,
            evidence: Default::default(),
            owner: Some(Who { subject: "a".to_owned(), name: Some("＠Ann, \"A\"".to_owned()) }),
            proposal: None,
            resolution: None,
            sent_back: None,
        }
    }

    fn file(is_cut: bool) -> String {
        let cases = [filed(1, 120_050, 2, "EUR"), filed(2, 5, 2, "EUR"), filed(3, 1_200, 0, "JPY")];
        let due = |_: &FiledCase| Some("2026-11-25".to_owned());
        let bytes = written(&cases, due, is_cut, Style::Comma, 1_795_435_200_000).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn sums_are_exact_and_totalled_by_currency() {
        let file = file(false);
        assert!(file.contains(",1200.50,EUR,120050,2,") && file.contains(",0.05,EUR,5,2,"), "{file}");
        assert!(file.contains("total of 2 cases,,,,1200.55,EUR,120055,2\r\n"), "{file}");
        assert!(file.contains("total of 1 cases,,,,1200,JPY,1200,0\r\n"), "{file}");
        assert!(file.contains(",2026-11-23T12:00:00Z,2026-11-25,"), "{file}");
    }

    #[test]
    fn text_of_strangers_begins_no_formula_and_stays_in_its_column() {
        let file = file(false);
        assert!(!file.contains(",=") && !file.contains(",@") && !file.contains("\"＠"), "{file}");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows[0].len(), &rows[0][9], &rows[0][15]), (COLUMNS.len(), "'=cmd|' /C calc'!A0", "'＠Ann, \"A\""));
    }

    #[test]
    fn the_file_says_its_encoding_and_parts_as_chosen() {
        let cases = [filed(1, 120_050, 2, "EUR")];
        let bytes = written(&cases, |_| None, false, Style::Semicolon, 1_795_435_200_000).unwrap();
        let file = String::from_utf8(bytes).unwrap();
        assert!(file.starts_with("\u{feff}case;reason;"), "{file}");
        assert!(
            file.contains(";1200,50;EUR;120050;2;") && file.contains("total of 1 cases;;;;1200,50;EUR;120050;2\r\n")
        );
        assert!(file.contains("\r\nsha256 of all lines above;") && !file.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn file_says_where_it_was_cut_and_carries_its_hash() {
        let file = file(true);
        assert!(file.contains("not all: a file has at most 5000 cases"));
        let (above, hash) = file.split_once("sha256 of all lines above,").unwrap();
        assert_eq!(hash.trim_end(), Digest::of(above).to_string());
    }
}
