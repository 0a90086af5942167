//! What infra/reconcile.sql says of a stack that was played, over exports of its tables and what the command wrote beside them, is what
//! the command says.

use payonce_local::samples::Samples;
use payonce_local::sandbox_rail::{PAYOUT_KEY, Transfer, Weather};
use payonce_local::sender::Expected;
use payonce_protocol::ids::CaseId;
use payonce_protocol::outcome::Reason;
use payonce_tools::RECONCILE_PYTHON;

use super::*;

/// As long as the sandbox's books take to settle, and a whole second.
const SETTLED_AFTER_MS: u64 = 3_000;

fn time(second: u64) -> String {
    jiff::Timestamp::from_second(second.try_into().unwrap()).unwrap().to_string()
}

/// What an answer of `tests/reconcile/said.py` holds.
#[derive(Debug)]
struct Asked {
    breaks: BTreeSet<(String, String, String)>,
    differences: BTreeSet<String>,
}

impl Desk {
    fn second(&self) -> u64 {
        self.stack.clock.now() / 1_000
    }

    /// A whole second after everything that has happened, once the books of the time before are settled.
    async fn settled(&self) -> u64 {
        let end = self.second() + 1;
        let wait = (end * 1_000 + SETTLED_AFTER_MS).saturating_sub(self.stack.clock.now());
        tokio::time::sleep(Duration::from_millis(wait)).await;
        end
    }

    async fn deliver(&self, event: &Value, expected: Expected) {
        self.stack.sender.deliver(event, expected).await.unwrap();
    }

    /// Everything that nobody would have to look at, and everything that somebody must. Returns the keys that nobody claims, and what
    /// the query finds of each: no other book names them, so the command does not read them (infra/scale.md).
    async fn play(&self) -> [(String, &'static str); 4] {
        let samples = Samples::new(self.stack.clock.clone()).unwrap();
        let payment = |name: &str| samples.payment(name, "acct_1SampleWorkshop");
        let (refunded, disputed) = (payment("refunded"), payment("disputed"));
        let (refund, mut dispute) = (samples.refund("refund", &refunded), samples.refund("dispute", &disputed));
        dispute["type"] = json!("charge.dispute.created");
        let (unrouted, dropped) = (samples.unrouted("unrouted"), payment("dropped"));
        for event in [&refund, &refunded, &disputed, &dispute, &unrouted] {
            self.deliver(event, Expected::Nothing).await;
        }
        // No rule allows it; two people end its case, pay by hand, and its sender sends it again.
        let mended = payment("mended");
        let mut invalid = mended.clone();
        invalid["data"]["object"]["amount_received"] = Value::Null;
        self.deliver(&invalid, Expected::Nothing).await;
        let id = invalid["id"].as_str().unwrap();
        let case = CaseId::new(Reason::InvalidEvent, &["stripe", id]);
        end_by_two(&self.stack, &case, Ending::PaidElsewhere).await.unwrap();
        self.deliver(&mended, Expected::Nothing).await;
        // Dropped: refused while the rail is down, and it never comes again.
        self.stack.rail.set_weather(Weather::Down).await;
        self.deliver(&dropped, Expected::Nothing).await;
        self.stack.rail.set_weather(Weather::Fair).await;
        self.pay("hangs", "acct_sandboxExecutesThenDies").await;
        // The rail gives one back, has another sum of the next, and knows a third under a key that nobody asked for.
        let changed = |key: &str, change: &dyn Fn(Transfer) -> Transfer| {
            assert!(self.stack.rail.change(key, |paid| Some(change(paid))), "{key}");
        };
        changed("stripe/pi_a", &|paid| Transfer { amount_reversed: paid.amount, ..paid });
        changed("stripe/pi_b", &|paid| Transfer { amount: paid.amount - 1, ..paid });
        changed("stripe/pi_c", &|mut paid| {
            paid.metadata.insert(PAYOUT_KEY.to_owned(), "stripe/pi_alien".to_owned());
            paid
        });
        let key = |payment: &Value| format!("stripe/{}", payment["data"]["object"]["id"].as_str().unwrap());
        let without_key = format!("!provider/stripe/{}", unrouted["id"].as_str().unwrap());
        [
            (key(&refunded), "not_sent"),
            (key(&mended), "not_sent"),
            (without_key, "not_sent"),
            (key(&dropped), "pending"),
        ]
    }

    async fn ended(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payonce"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null()).args(arguments);
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }

    /// The three commands of infra/scale.md, here: exports, what stands beside them, the query.
    async fn asked(&self, from: u64, to: u64, run: &str, more: &[&str]) -> Asked {
        let (from, to) = (time(from), time(to));
        let tables = self.stack.dynamo.url();
        let exported =
            self.ended(&["export", "--endpoint", &tables, "--from", &from, "--to", &to, "--dir", "exports"]).await;
        assert_eq!(exported.0, Some(0), "{}", said(&exported));
        let out = format!("{run}/out");
        let window = ["--from", &from, "--to", &to, "--account", "rail"];
        let written = ["--exports", "exports", "--for-sql", run, "--out", &out];
        let shown = self.payonce(&[&window[..], &written[..], more].concat()).await;
        assert!(shown.1.contains(&format!("items of the exports: {run}")), "{}", said(&shown));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reconcile/said.py");
        let answered = Command::new(RECONCILE_PYTHON.path()).arg(script).arg(self.path(run)).output().await.unwrap();
        let answer: Value = serde_json::from_slice(&answered.stdout).unwrap_or_else(|_| panic!("{answered:?}"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let of = |line: &Value| (text(&line[3]), text(&line[4]), text(&line[2]));
        Asked {
            breaks: answer["breaks"].as_array().unwrap().iter().map(of).collect(),
            differences: answer["differences"].as_array().unwrap().iter().map(text).collect(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_says_of_a_played_stack_what_the_command_says() {
    let began = jiff::Timestamp::now().as_second().try_into().unwrap();
    let desk = Desk::open().await;
    let unclaimed = desk.play().await;
    let first = desk.settled().await;
    let lines = vec![out("a", SUM), out("b", SUM), out("c", SUM), out("d", SUM), out("hand", SUM)];
    let file = desk.statement("today.xml", &lines, 0);
    let asked = desk.asked(began, first, "run", &["--file", &file]).await;
    let open = unclaimed.map(|(key, finding)| format!("+ SQL   ('open', '{key}', '{finding}')"));
    let counted = [
        "+ SQL   ('finding', 'not_sent', 3)",
        "+ SQL   ('finding', 'pending', 1)",
        "- merge ('statement', 'EUR', 'asked', 9, 37800)",
        "+ SQL   ('statement', 'EUR', 'asked', 12, 50400)",
        "- merge ('statement', 'EUR', 'not_sent', 0, 0)",
        "+ SQL   ('statement', 'EUR', 'not_sent', 2, 8400)",
        "- merge ('statement', 'EUR', 'pending', 0, 0)",
        "+ SQL   ('statement', 'EUR', 'pending', 1, 4200)",
    ];
    let wanted: BTreeSet<String> = open.into_iter().chain(counted.map(str::to_owned)).collect();
    assert_eq!(asked.differences, wanted);
    assert_eq!(asked.breaks, breaks(&desk.path("run/out")));
    let expected = expected(&[
        ("payout_missing", "rail", "stripe/pi_lost"),
        ("payout_returned", "rail", "stripe/pi_a"),
        ("amount_mismatch", "rail", "stripe/pi_b"),
        ("payout_missing", "rail", "stripe/pi_c"),
        ("payout_orphan", "rail", "stripe/pi_alien"),
        ("payout_missing", "bank", "stripe/pi_e"),
    ]);
    assert!(asked.breaks.is_superset(&expected), "{asked:?}");
}
