//! `payonce reconcile` as a finance desk uses it: on the stack that is up, with the bank's file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it is surprised")]
#![allow(clippy::disallowed_methods, reason = "the program is started as a person would")]

#[path = "reconcile/by_sql.rs"]
mod by_sql;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use payonce_local::hand::end_by_two;
use payonce_local::sender::{Expected, Payout};
use payonce_local::stack::{Options, Stack};
use payonce_protocol::case::Ending;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

const SUM: i64 = 4_200;

struct Desk {
    stack: Stack,
    folder: TempDir,
    today: Date,
}

/// A line of the bank's: what it calls the payment, and how much went out, in cents.
struct Line {
    end_to_end: &'static str,
    text: String,
    minor: i64,
}

fn out(name: &str, minor: i64) -> Line {
    Line { end_to_end: "NOTPROVIDED", text: format!("stripe/pi_{name}"), minor: -minor }
}

fn said((code, stdout, stderr): &(Option<i32>, String, String)) -> String {
    format!("{code:?}\n{stdout}\n{stderr}")
}

impl Desk {
    /// Five payouts, a sixth that the rail has lost, and one that it refused and somebody paid by hand.
    async fn open() -> Self {
        let stack = Stack::start(Options { port: 0, data: None, metrics: Box::new(|_| ()) }).await.unwrap();
        let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
        let desk = Self { stack, folder: tempfile::tempdir().unwrap(), today };
        for name in ["a", "b", "c", "d", "e", "lost"] {
            desk.pay(name, "acct_sandboxGood").await;
        }
        assert!(desk.stack.rail.change("stripe/pi_lost", |_| None));
        desk.pay("hand", "acct_sandboxRefuses").await;
        let case = desk.stack.ledger.open_cases(10).await.unwrap().remove(0).id();
        end_by_two(&desk.stack, &case, Ending::PaidElsewhere).await.unwrap();
        // Rails count in seconds, and the sandbox's books are settled after two; a break waits for two more.
        tokio::time::sleep(Duration::from_secs(5)).await;
        desk
    }

    async fn pay(&self, name: &str, payee: &str) {
        let sample = include_str!("../../../events/stripe/payment_intent.succeeded.json");
        let mut event: Value = serde_json::from_str(sample).unwrap();
        event["id"] = json!(format!("evt_{name}"));
        event["created"] = json!(self.stack.clock.now() / 1000);
        event["data"]["object"]["id"] = json!(format!("pi_{name}"));
        event["data"]["object"]["metadata"]["payee"] = json!(payee);
        event["data"]["object"]["latest_charge"] = json!(format!("ch_{name}_4200eur"));
        let (key, currency, payee) = (format!("stripe/pi_{name}"), "eur".to_owned(), payee.to_owned());
        let payout = Payout { key, amount: 4_200, currency, payee };
        self.stack.sender.deliver(&event, Expected::Payout(payout)).await.unwrap();
    }

    /// A camt.053 of today, whose closing balance is `wrong` cents too much.
    fn statement(&self, name: &str, lines: &[Line], wrong: i64) -> String {
        let (day, opening) = (self.today, 10_000_000);
        let amount = |minor: i64| {
            let side = if minor < 0 { "DBIT" } else { "CRDT" };
            let minor = minor.abs();
            format!("<Amt Ccy=\"EUR\">{}.{:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>", minor / 100, minor % 100)
        };
        let balance = |code: &str, minor| {
            let of = amount(minor);
            format!("<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{of}<Dt><Dt>{day}</Dt></Dt></Bal>\n")
        };
        let entry = |line: &Line| {
            format!(
                "<Ntry>{}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{}</EndToEndId>\
                 </Refs><RmtInf><Ustrd>{}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n",
                amount(line.minor),
                line.end_to_end,
                line.text
            )
        };
        let closing = opening + lines.iter().map(|line| line.minor).sum::<i64>() + wrong;
        let text = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><GrpHdr/>\n<Stmt><Id>1</Id>\
             <Acct><Id><IBAN>NL08PAYO0000000001</IBAN></Id></Acct>\n{}{}{}</Stmt></BkToCstmrStmt></Document>\n",
            balance("OPBD", opening),
            balance("CLBD", closing),
            lines.iter().map(entry).collect::<String>()
        );
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kept(&self) -> String {
        std::fs::read_to_string(self.path("bank/known.jsonl")).unwrap_or_default()
    }

    /// In its own directory, with nothing of this process's environment.
    async fn payonce(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let keep = self.path("bank");
        let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.args(["reconcile", "--local", "--endpoint", &self.stack.dynamo.url()]);
        command.args(["--rail-url", &self.stack.rail.url(), "--keep", keep.to_str().unwrap()]).args(more);
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    async fn reconciled(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let today = self.today.to_string();
        self.payonce(&[&["--from", &today, "--to", &today, "--account", "rail"], more].concat()).await
    }
}

fn breaks(folder: &Path) -> BTreeSet<(String, String, String)> {
    let lines = std::fs::read_to_string(folder.join("breaks.jsonl")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| ["kind", "book", "key"].map(|name| line[name].as_str().unwrap().to_owned()).into()).collect()
}

fn expected(breaks: &[(&str, &str, &str)]) -> BTreeSet<(String, String, String)> {
    breaks.iter().map(|(kind, book, key)| ((*kind).into(), (*book).into(), (*key).into())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn banks_file_shows_exactly_the_lines_that_differ_and_is_counted_once() {
    let desk = Desk::open().await;
    let before = desk.stack.backup().unwrap();
    let top_up = || Line { end_to_end: "FUNDING-1", text: "own funds".to_owned(), minor: 500_000 };
    // `a` is known by its EndToEndId, the others by their text. `d` has no line, `b` has another sum.
    let lines = || {
        let a = Line { end_to_end: "stripe/pi_a", text: "thanks, Ann Planted".to_owned(), minor: -SUM };
        vec![top_up(), a, out("b", SUM - 100), out("c", SUM), out("e", SUM), out("hand", SUM)]
    };

    // What does not close is refused, with its line, and nothing of it is kept.
    let spoiled = desk.statement("spoiled.xml", &lines(), 1);
    let refused = desk.reconciled(&["--file", &spoiled]).await;
    assert_eq!(refused.0, Some(2), "{}", said(&refused));
    assert!(refused.2.contains("spoiled.xml: refused, nothing of it counts\n  line "), "{}", refused.2);
    assert!(refused.2.contains("but the closing balance is"), "{}", refused.2);
    assert_eq!(desk.kept(), "");

    let file = desk.statement("today.xml", &lines(), 0);
    let plan = desk.payonce(&["--file", &file, "--dry-run"]).await;
    assert_eq!(plan.0, Some(0), "{}", said(&plan));
    assert!(plan.1.contains("today.xml: 6 new, 0 known, 0 changed, 0 doubtful\n"), "{}", plan.1);
    assert!(plan.1.contains("new: -42.00 EUR on "), "{}", plan.1);
    assert_eq!(desk.kept(), "", "a dry run keeps nothing");

    let first = desk.path("first");
    let shown = desk.reconciled(&["--file", &file, "--out", first.to_str().unwrap()]).await;
    let missing = [("payout_missing", "rail", "stripe/pi_lost"), ("amount_mismatch", "bank", "stripe/pi_b")];
    let and_d = [missing.as_slice(), &[("payout_missing", "bank", "stripe/pi_d")]].concat();
    assert_eq!(breaks(&first), expected(&and_d), "{}", said(&shown));
    // Nobody asks for the provider's list here, and that stands before everything else.
    assert_eq!(shown.0, Some(2), "{}", said(&shown));
    assert!(shown.1.starts_with("INCOMPLETE"), "{}", shown.1);
    for line in ["= left 1 42.00", "= explained 1 42.00", "difference 0 0.00"] {
        let is_it = |shown: &str| shown.split_whitespace().collect::<Vec<_>>().join(" ") == line;
        assert!(shown.1.lines().any(is_it), "{line} in {}", shown.1);
    }
    assert!(shown.1.contains("paid, and the bank has no line of it"), "{}", shown.1);
    assert!(shown.1.contains("booked lines 6, of these no payouts 1"), "{}", shown.1);
    for name in ["breaks.csv", "statement.csv", "manifest.json"] {
        assert!(first.join(name).exists(), "{name}");
    }
    let kept = desk.kept();
    assert_eq!(kept.lines().count(), 1);
    assert!(!kept.contains("Planted"), "a text of a payment is kept");

    // The same file adds nothing, and what was kept is enough.
    let second = desk.path("second");
    let again = desk.reconciled(&["--file", &file, "--out", second.to_str().unwrap()]).await;
    assert!(again.1.contains("today.xml: imported before, nothing is new"), "{}", said(&again));
    assert_eq!((breaks(&second), desk.kept()), (expected(&and_d), kept));

    // A later export of the same day adds the line that was not there.
    let mut more = lines();
    more.push(out("d", SUM));
    let later = desk.statement("later.xml", &more, 0);
    let third = desk.path("third");
    let overlap = desk.reconciled(&["--file", &later, "--out", third.to_str().unwrap(), "--json"]).await;
    let json: Value = serde_json::from_str(&overlap.1).unwrap_or_else(|_| panic!("{}", said(&overlap)));
    let of_file = &json["files"][0];
    assert_eq!((&of_file["new"], &of_file["known"]), (&json!(1), &json!(6)), "{json:#}");
    assert_eq!(json["run"]["manifest"]["rows"]["bank"], 6, "{json:#}");
    assert_eq!((json["exit"].as_i64(), overlap.0), (Some(2), Some(2)));
    assert_eq!(breaks(&third), expected(&missing));

    assert_eq!(desk.stack.backup().unwrap(), before, "a reconciliation writes no table");
}

/// Of a day without a statement nothing is concluded, and an account that others use as well says nothing of what has no mark.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_statement_is_said_and_proves_nothing() {
    let desk = Desk::open().await;
    let yesterday = desk.today.yesterday().unwrap();
    let other = Desk { today: yesterday, ..desk };
    let file = other.statement("yesterday.xml", &[out("a", SUM)], 0);
    let desk = Desk { today: yesterday.tomorrow().unwrap(), ..other };
    let out_folder = desk.path("out");
    let shown = desk.reconciled(&["--file", &file, "--out", out_folder.to_str().unwrap()]).await;
    assert_eq!(breaks(&out_folder), expected(&[("payout_missing", "rail", "stripe/pi_lost")]), "{}", said(&shown));
    assert!(shown.1.contains(&format!("no statement of {}", desk.today)), "{}", shown.1);

    let today = desk.today.to_string();
    let rent = Line { end_to_end: "RENT-11", text: "rent".to_owned(), minor: -90_000 };
    let file = desk.statement("shared.xml", &[rent, out("hand", SUM)], 0);
    let shown =
        desk.payonce(&["--from", &today, "--to", &today, "--file", &file, "--out", out_folder.to_str().unwrap()]).await;
    assert_eq!(breaks(&out_folder), expected(&[("payout_missing", "rail", "stripe/pi_lost")]), "{}", said(&shown));
    // Yesterday's file is known, and no run followed it.
    assert!(shown.1.contains("booked lines 3, of these no payouts 1"), "{}", shown.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_command_or_a_file_is_said_with_its_place() {
    let desk = Desk { folder: tempfile::tempdir().unwrap(), ..Desk::open().await };
    std::fs::write(desk.path("notes.txt"), "hello\n").unwrap();
    std::fs::write(desk.path("cut.sta"), ":20:A\n:25:1\n:28C:1\n:60F:C260102EUR1,00\n:61:x\n:62F:C260102EUR1,00\n-\n")
        .unwrap();
    for (arguments, says) in [
        (vec!["--file", "nowhere.xml", "--dry-run"], "nowhere.xml: there is no such file"),
        (vec!["--file", "notes.txt", "--dry-run"], "notes.txt: how it begins does not show what it is written in"),
        (
            vec!["--file", "notes.txt", "--format", "cmat", "--dry-run"],
            "there is camt, mt940, bai2; did you mean camt?",
        ),
        (vec!["--file", "cut.sta", "--dry-run"], "cut.sta: refused, nothing of it counts\n  line 5, field 61: "),
        (vec!["--from", "2026-02-02", "--to", "2026-02-01"], "the last day is before the first"),
        (vec!["--from", "2999-01-01", "--to", "2999-01-01"], "is not settled yet"),
        (vec![], "required"),
    ] {
        let ended = desk.payonce(&arguments).await;
        assert_eq!(ended.0, Some(2), "{}", said(&ended));
        assert!(ended.2.contains(says), "{says} in {}", ended.2);
    }
}
