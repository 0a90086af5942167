//! Writes every page of the console with made-up data, and the two files beside them, to look at in a browser:
//! `cargo run -p console --example pages -- DIR`. The tests read the same samples.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;

use console::pages::*;
use payonce_identity::NoRole;
use payonce_protocol::case::{Act, Ending, Role, Status};
use payonce_protocol::money::Money;
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_protocol::reissue::{Reissue, Said, Why};

#[path = "samples/books.rs"]
pub mod books;

pub const SECOND: u64 = 1000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;
/// 2026-11-24T10:53:20Z, a Tuesday.
pub const NOW: u64 = 1_795_517_600 * SECOND;

/// What others may write, and would like a page to do.
pub const MARKUP: &str = "<script>alert(1)</script>";
pub const QUOTES: &str = "\"><img src=x onerror='alert(1)'>";
pub const TURNED: &str = "acct_\u{202e}4321_tcca";
const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn long_key() -> String {
    format!("stripe/{}", "pi_3QzX7nLk".repeat(10))
}

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    std::fs::create_dir_all(dir.join("static")).unwrap();
    for (name, html) in all(".") {
        std::fs::write(dir.join(format!("{name}.html")), html).unwrap();
    }
    for name in ["console.css", "app.js"] {
        std::fs::write(dir.join("static").join(name), asset(name).unwrap().1).unwrap();
    }
}

/// Every sample by name.
pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = |section, title: &str| frame(base, section, title);
    let mut all = vec![
        ("queue", queue(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_filtered", queue_filtered(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_empty", queue_empty(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_viewer", queue_viewer(f(Section::Queue, "Cases")).render().unwrap()),
        ("case", case(f(Section::Queue, "Case")).render().unwrap()),
        ("case_awaiting", case_awaiting(f(Section::Queue, "Case")).render().unwrap()),
        ("case_found", case_found(f(Section::Queue, "Case")).render().unwrap()),
        ("case_unpaid", case_unpaid(f(Section::Queue, "Case")).render().unwrap()),
        ("case_conflict", case_conflict(f(Section::Queue, "Case")).render().unwrap()),
        ("case_own", case_own(f(Section::Queue, "Case")).render().unwrap()),
        ("case_resolved", case_resolved(f(Section::Queue, "Case")).render().unwrap()),
        ("case_hostile", case_hostile(f(Section::Queue, MARKUP)).render().unwrap()),
        ("bulk_preview", bulk(f(Section::Queue, "Preview"), true).render().unwrap()),
        ("bulk_result", bulk(f(Section::Queue, "Result"), false).render().unwrap()),
        ("payout", payout(f(Section::Queue, "Payout")).render().unwrap()),
        ("batch_awaiting", batch(f(Section::Batches, "Batch"), BatchState::AwaitingApproval).render().unwrap()),
        ("batch_paused", batch(f(Section::Batches, "Batch"), BatchState::Paused).render().unwrap()),
        ("batch_stopped", batch(f(Section::Batches, "Batch"), BatchState::Stopped).render().unwrap()),
        ("batches", batches(f(Section::Batches, "Batches")).render().unwrap()),
        ("absence", absence(f(Section::Absence, "Absence")).render().unwrap()),
        ("queue_to_approve", queue_to_approve(f(Section::ToApprove, "Cases")).render().unwrap()),
        ("resolved", resolved(f(Section::Resolved, "Resolved cases"), None).render().unwrap()),
        ("resolved_wrong", resolved(f(Section::Resolved, "Resolved cases"), Some(MARKUP)).render().unwrap()),
        ("search_nothing", search(f(Section::Other, "Search"), Searched::Nothing).render().unwrap()),
        ("search_too_long", search(f(Section::Other, "Search"), Searched::TooLong).render().unwrap()),
        ("search_none", search(f(Section::Other, "Search"), among_cases(vec![])).render().unwrap()),
        ("search_several", search(f(Section::Other, "Search"), among_cases(hits())).render().unwrap()),
        ("search_by_id", search(f(Section::Other, "Search"), Searched::ById { hits: hits() }).render().unwrap()),
        ("message_409", message(f(Section::Other, "Somebody was faster")).render().unwrap()),
        ("message_404", message_404(f(Section::Other, "Not found")).render().unwrap()),
        ("message_503", message_503(f(Section::Other, "The tables do not answer")).render().unwrap()),
        ("again_propose", again(f(Section::Queue, "The case has changed"), Act::Propose).render().unwrap()),
        ("again_attach", again(f(Section::Queue, "The case has changed"), Act::Attach).render().unwrap()),
        ("again_assign", again(f(Section::Queue, "The case has changed"), Act::Assign).render().unwrap()),
        ("again_comment", again(f(Section::Queue, "The case has changed"), Act::Comment).render().unwrap()),
        ("held", not_sent_yet(f(Section::Other, "Not sent yet")).render().unwrap()),
        ("held_signed_out", not_sent_yet(signed_out(base).frame).render().unwrap()),
        (
            "evidence_text",
            evidence(f(Section::Queue, "Evidence"), Shown::Text(format!("</pre>{MARKUP}{TURNED}"))).render().unwrap(),
        ),
        ("evidence_picture", evidence(f(Section::Queue, "Evidence"), Shown::Picture).render().unwrap()),
        ("evidence_saved", evidence(f(Section::Queue, "Evidence"), Shown::OnlySaved).render().unwrap()),
        ("evidence_gone", evidence(f(Section::Queue, "Evidence"), Shown::NotKept).render().unwrap()),
        ("no_role", no_role(f(Section::Other, "No role here"), NoRole::Linked).render().unwrap()),
        ("signed_out", signed_out(base).render().unwrap()),
    ];
    all.extend(books::all(base));
    all
}

pub fn no_role(frame: Frame, found: NoRole) -> NoRolePage {
    let frame = Frame { person: Some(MARKUP.to_owned()), roles: vec![], ..frame };
    NoRolePage { frame, name: MARKUP.to_owned(), claim: "/https:~1~1pay.example~1roles".to_owned(), found }
}

pub fn frame(base: &str, section: Section, title: &str) -> Frame {
    Frame {
        base: base.to_owned(),
        title: title.to_owned(),
        person: Some("Ann Otterbach".to_owned()),
        roles: vec![Role::Analyst, Role::Approver],
        csrf: "c2FtcGxlLW5vdC1hLXRva2Vu".to_owned(),
        section,
        banners: vec![],
        is_sandbox: true,
        now: NOW,
        search: String::new(),
        hold: None,
        to_approve: Some("3".to_owned()),
    }
}

pub fn held(held: Held) -> Option<HoldNotice> {
    let set = HoldSet { at: NOW - 35 * MINUTE, by: MARKUP.to_owned(), why: QUOTES.to_owned() };
    Some(HoldNotice { held, set: matches!(held, Held::Refuse | Held::Record).then_some(set) })
}

pub fn money(minor: u64, exponent: u8, currency: &str) -> Option<Money> {
    Some(Money::new(minor, exponent, currency.parse().unwrap()).unwrap())
}

fn due(days: i32) -> Option<Due> {
    let date = jiff::civil::date(2026, 11, 24).checked_add(jiff::Span::new().days(days)).unwrap();
    Some(Due { date, days_left: days })
}

fn people() -> Vec<PersonOption> {
    let person = |subject: &str, name: &str, is_me| PersonOption {
        subject: subject.to_owned(),
        name: name.to_owned(),
        is_me,
        stand_in: None,
    };
    vec![
        person("google|12", "Ann Otterbach", true),
        PersonOption { stand_in: Some("Ann Otterbach".to_owned()), ..person("google|14", "Ben Čapek", false) },
        person("google|15", "Chidi Okonkwo-Lindqvist", false),
        person("google|16\"", "Dana <b>Bold</b>", false),
    ]
}

/// Fifty rows, with all there is to say in each.
pub fn rows(count: usize) -> Vec<QueueRow> {
    let reasons = [
        Reason::PayoutUnknown,
        Reason::PayoutRejected,
        Reason::PayoutNotSent,
        Reason::AttemptAbandoned,
        Reason::SecondEventForKey,
        Reason::PayoutReturned,
        Reason::InvalidEvent,
        Reason::PayoutUnknown,
        Reason::AmountMismatch,
    ];
    let payees =
        ["acct_1QfT7xLkdIwHu7", "acct_1P9ZsmRtVw02Bq", "DE89370400440532013000", TURNED, "acct_1NnLcq8YhGg41d"];
    let providers = ["stripe", "adyen", "gocardless", "mollie"];
    let statuses = [Status::Open, Status::InReview, Status::Open, Status::AwaitingApproval, Status::Reopened];
    let owners = [None, Some("Ben Čapek"), None, Some("Ann Otterbach"), Some("Chidi Okonkwo-Lindqvist")];
    let sums =
        [(123_450, 2, "EUR"), (1_899, 2, "EUR"), (48_000, 0, "JPY"), (990_000_000, 2, "USD"), (12_500, 3, "KWD")];
    let ages = [12 * DAY, 8 * DAY, 6 * DAY, 4 * DAY + 3 * HOUR, 2 * DAY, 26 * HOUR, 9 * HOUR, 3 * HOUR, 25 * MINUTE];
    let row = |index: usize| {
        let (minor, exponent, currency) = sums[index % sums.len()];
        let reason = reasons[index % reasons.len()];
        let has_terms = reason != Reason::InvalidEvent;
        QueueRow {
            id: format!("{index:08x}-f665-8c43-b6ef-eee1de011172"),
            version: index as u64 % 7 + 1,
            money: money(minor + index as u64, exponent, currency).filter(|_| has_terms),
            payee: has_terms.then(|| payees[index % payees.len()].to_owned()),
            provider: Some(providers[index % providers.len()].to_owned()),
            reason,
            cause: (!has_terms).then(|| "amount_received is missing".to_owned()),
            since: NOW - ages[(index * ages.len() / count.max(1)) % ages.len()] - index as u64 * MINUTE,
            due: due([-2, -1, 0, 1, 3][index % 5]),
            owner: owners[index % owners.len()].map(str::to_owned),
            is_mine: index % owners.len() == 3,
            status: statuses[index % statuses.len()],
        }
    };
    (0..count).map(row).collect()
}

pub fn queue(frame: Frame) -> QueuePage {
    let total = |currency: &str, cases, minor, exponent| CurrencyTotal {
        currency: currency.to_owned(),
        cases,
        minor,
        exponent,
    };
    let incident = |name: &str, cases, ago| Incident { name: name.to_owned(), cases, first_seen: NOW - ago };
    let mut rows = rows(50);
    if let Some(row) = rows.get_mut(1) {
        row.payee = Some(MARKUP.to_owned());
    }
    if let Some(row) = rows.get_mut(2) {
        row.payee = Some("a".repeat(120));
    }
    QueuePage {
        frame: Frame {
            banners: vec![Banner::new(
                BannerKind::Done,
                "Proposed: another person decides. You are back where you were.",
            )],
            ..frame
        },
        me: "google|12".to_owned(),
        people: people(),
        providers: ["stripe", "adyen", "gocardless", "mollie"].map(str::to_owned).to_vec(),
        currencies: ["EUR", "JPY", "KWD", "USD"].map(str::to_owned).to_vec(),
        filter: QueueFilter::default(),
        wrong: vec![],
        totals: Some(QueueTotals {
            taken_at: NOW - 40 * SECOND,
            open: 1_184,
            at_risk: vec![
                total("EUR", 1_021, 4_821_337_712, 2),
                total("USD", 88, 120_453_050, 2),
                total("JPY", 41, 8_120_400, 0),
                total("KWD", 3, 37_500, 3),
            ],
            may_have_left: vec![
                total("EUR", 1_021, 4_821_337_712, 2),
                total("USD", 88, 120_453_050, 2),
                total("JPY", 41, 8_120_400, 0),
                total("KWD", 3, 37_500, 3),
            ],
            waited_for: vec![
                total("EUR", 1_021, 4_821_337_712, 2),
                total("USD", 88, 120_453_050, 2),
                total("JPY", 41, 8_120_400, 0),
                total("KWD", 3, 37_500, 3),
            ],
            ages: [812, 301, 64, 7],
            incidents: vec![
                incident("20780/payout_unknown/answer_timed_out", 904, 9 * HOUR),
                incident("20781/payout_rejected/insufficient_funds", 61, 3 * HOUR),
                incident("20779/payout_not_sent/connect_refused", 12, 2 * DAY),
            ],
        }),
        last_sweep: Some(NOW - 40 * SECOND),
        batches: vec![],
        rows,
        next: Some(("00000000001764000123456".to_owned(), "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned())),
        is_first: true,
    }
}

pub fn queue_filtered(frame: Frame) -> QueuePage {
    let mut page = queue(frame);
    page.frame.banners.clear();
    page.rows.truncate(6);
    page.is_first = false;
    page.next = None;
    page.last_sweep = Some(NOW - 14 * MINUTE);
    page.wrong = vec!["from".to_owned()];
    page.filter = QueueFilter {
        by_risk: true,
        owner: QueueOwner::Nobody,
        status: Some(Status::Open),
        reason: Some(Reason::PayoutUnknown),
        certainty: Some(Some(Outcome::Unknown)),
        provider: Some(QUOTES.to_owned()),
        currency: Some("EUR".to_owned()),
        from: Some(1000.into()),
        age: Some(3),
        ..QueueFilter::default()
    };
    page
}

fn queue_empty(frame: Frame) -> QueuePage {
    let mut page = queue(frame);
    page.frame.banners.clear();
    page.frame.is_sandbox = false;
    page.rows.clear();
    page.next = None;
    page.totals = Some(QueueTotals {
        taken_at: NOW - 40 * SECOND,
        open: 0,
        at_risk: vec![],
        may_have_left: vec![],
        waited_for: vec![],
        ages: [0; 4],
        incidents: vec![],
    });
    page
}

fn queue_viewer(frame: Frame) -> QueuePage {
    let mut page = queue(frame);
    page.frame.roles = vec![Role::Viewer];
    page.rows.truncate(4);
    page
}

fn entry(ago: u64, kind: &str, by: &str, is_person: bool, note: Option<&str>, facts: &[(&str, &str)]) -> Entry {
    Entry {
        at: NOW - ago,
        kind: kind.to_owned(),
        by: by.to_owned(),
        is_person,
        note: note.map(str::to_owned),
        facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn compared(field: &str, expected: &str, claimed: &str, found: Option<&str>) -> Compared {
    let [expected, claimed] = [expected, claimed].map(|text| Some(text).filter(|text| !text.is_empty()));
    let [left, middle, right] = [expected, claimed, found].map(|text| text.map(str::to_owned));
    let mark = mark(expected, claimed, found, if found.is_some() { Look::Found } else { Look::NotThere });
    Compared { field: field.to_owned(), expected: left, claimed: middle, found: right, mark }
}

fn checks() -> Vec<Check> {
    let check = |what: &str, label, tone, icon, says: &str| Check {
        what: what.to_owned(),
        label,
        tone,
        icon,
        says: says.to_owned(),
    };
    vec![
        check(
            "Refund or dispute at stripe",
            "not checked",
            "bad",
            Icon::Error,
            "payonce cannot ask stripe: its configuration has no [sources.stripe]. Look at the payment in stripe's dashboard \
             yourself before you approve.",
        ),
        check("The rail's books", "not there", "good", Icon::Done, "Asked 10:48 UTC by Ann Otterbach."),
    ]
}

pub fn case(frame: Frame) -> CasePage {
    CasePage {
frame: Frame {
            banners: vec![Banner::new(BannerKind::Done, "The rail was asked: it does not have this payout.")],
            ..frame
        },
id: "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned(),
version: Stand { version: 6, at: NOW, finding: "3fa9c1d2aabb".to_owned() },
about: CaseAbout { reason: Reason::PayoutUnknown, cause: None, status: Status::InReview, money: money(123_450, 2, "EUR"), payee: Some("acct_1QfT7xLkdIwHu7".to_owned()), key: Some("stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c".to_owned()), event: Some("evt_3QzX7nLkdIwHu7ix1kPqW0aB".to_owned()), provider: Some("stripe".to_owned()), rail: Some(Rail {
            name: "stripe, account 4f1c…90, test mode".to_owned(),
            key: "7c4a8d09-ca95-8c28-a3c2-1f0c1c2b9f55".to_owned(),
            generation: 1,
        }), attempt: Some(Attempted { number: 1, outcome: Some(Outcome::Unknown), rail_says: None }), incident: Some("20780/payout_unknown/answer_timed_out".to_owned()), since: NOW - 20 * HOUR, due: due(1), details: vec![("phase".to_owned(), "waiting for the answer".to_owned())] },
owner: CaseOwner { name: Some("Ann Otterbach".to_owned()), is_mine: true },
offer: Offer { reissue: Some(Reissue::SameKey), key_clock: Some(KeyClock {
            first_used_at: NOW - 20 * HOUR + 48 * MINUTE,
            counts_until: Some(NOW + 3 * HOUR + 12 * MINUTE),
            forgotten_at: Some(NOW + 5 * HOUR + 12 * MINUTE),
        }), looked_up: Some(LookedUpAt { at: NOW - 30 * SECOND, said: Said::Absent, why: None }) },
standing: None,
checks: checks(),
deliveries: None,
is_next: false,
        books: None,
        compared: vec![
            compared("Amount", "1\u{202f}234.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", None),
            compared("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", None),
            compared("Reference", "stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c", "stripe/pi_3QzX7nLkdIwHu7ix1mBwYq2c", None),
        ],
timeline: vec![
            entry(20 * HOUR, "received, signature verified", "webhook", false, None, &[("request_id", "c1f0e9ab-2b0f-4a55-8f3e-0d9d2f6e1c11")]),
            entry(20 * HOUR - SECOND, "claimed", "webhook", false, None, &[("attempt_id", "5d41402abc4b2a76b9719d911017c592")]),
            entry(
                20 * HOUR - 12 * SECOND,
                "opened",
                "webhook",
                false,
                None,
                &[("phase", "waiting for the answer"), ("bytes_sent", "412"), ("first_byte_at", "1795445601000")],
            ),
            entry(19 * HOUR, "look_up", "sweeper", false, None, &[("looked_up", "absent"), ("looked_up_sha256", SHA)]),
            entry(3 * HOUR, "assign", "Ben Čapek", true, None, &[("to", "Ann Otterbach")]),
            entry(
                2 * HOUR,
                "attach",
                "Ann Otterbach",
                true,
                Some("The rail's status page names an outage from 14:40 to 15:10 UTC."),
                &[("title", "Status page"), ("link", "https://status.example.com/incidents/2026-11-23"), ("sha256", SHA)],
            ),
            entry(30 * SECOND, "look_up", "Ann Otterbach", true, None, &[("looked_up", "absent"), ("looked_up_sha256", SHA)]),
        ],
evidence: vec![
            attached(Some("statement.pdf"), "Bank statement of 23 November"),
            Attached {
                link: Some("https://status.example.com/incidents/2026-11-23".to_owned()),
                ..attached(None, "Status page")
            },
        ],
choices: Choices { acts: vec![Act::Assign, Act::Comment, Act::Attach, Act::LookUp, Act::Propose], endings: vec![
            Ending::Reissue,
            Ending::ConfirmedAccepted,
            Ending::PaidElsewhere,
            Ending::NotPaid,
            Ending::WrittenOff,
            Ending::DuplicateOf,
        ], people: people() },
proposed: None,
decided: None,
body: Body::Shown {
            text: "{\n  \"id\": \"evt_3QzX7nLkdIwHu7ix1kPqW0aB\",\n  \"type\": \"payment_intent.succeeded\",\n  \"data\": {\n    \"object\": {\n      \"amount\": 123450,\n      \"currency\": \"eur\",\n      \"description\": \"</pre><script>alert(1)</script>\"\n    }\n  }\n}".to_owned(),
            sha256: SHA.to_owned(),
            kept_until: Some(NOW + 70 * DAY),
        },
related: vec![CaseLink {
            id: "a0000000-f665-8c43-b6ef-eee1de011172".to_owned(),
            reason: Reason::SecondEventForKey,
            status: Status::Open,
            since: NOW - 19 * HOUR,
        }],
next: Some("b0000000-f665-8c43-b6ef-eee1de011172".to_owned()),
}
}

fn attached(file: Option<&str>, title: &str) -> Attached {
    Attached {
        title: Some(title.to_owned()),
        file: file.map(str::to_owned),
        bytes: file.map(|_| 48_211),
        sha256: file.map(|_| SHA.to_owned()),
        link: None,
        kept_at: None,
        by: "Ann Otterbach".to_owned(),
        at: NOW - 2 * HOUR,
    }
}

pub fn evidence(frame: Frame, shown: Shown) -> EvidencePage {
    let kept_until = Some(NOW + 300 * DAY).filter(|_| shown != Shown::NotKept);
    let case = "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned();
    EvidencePage { frame, case, attached: attached(Some(&format!("{MARKUP}.txt")), MARKUP), shown, kept_until }
}

pub fn again(frame: Frame, act: Act) -> AgainPage {
    let text = |text: &str| text.to_owned();
    AgainPage {
        frame,
        status: 409,
        heading: text("The case has changed"),
        text: text("It is not as you saw it when you opened it, so this was not done."),
        id: text("20b08ebd-f665-8c43-b6ef-eee1de011172"),
        money: money(123_450, 2, "EUR"),
        payee: Some(text("acct_1QfT7xLkdIwHu7")),
        reason: Reason::PayoutUnknown,
        state: Status::InReview,
        meanwhile: vec![
            entry(3 * MINUTE, "evidence", "sweeper", false, None, &[("looked_up", "found")]),
            entry(40 * SECOND, "assign", "Ben Čapek", true, None, &[("to", "Ben Čapek")]),
        ],
        form: Some(AgainForm {
            act,
            is_other: act == Act::Comment,
            stand: Stand::from(7),
            note: format!("The bank's list of today shows it. {MARKUP}"),
            ending: Some(Ending::PaidElsewhere),
            endings: vec![Ending::Reissue, Ending::PaidElsewhere, Ending::NotPaid],
            code: text("bank_statement"),
            duplicate_of: String::new(),
            to: text("google|12"),
            people: people(),
            title: text(QUOTES),
            link: text("https://example.com/"),
            sha256: String::new(),
            kept_at: text(MARKUP),
            file: (act != Act::Comment).then(|| HeldFile { name: text(QUOTES), bytes: 3, base64: text("AP8r") }),
        }),
        written: Some(text(MARKUP)),
    }
}

pub fn not_sent_yet(frame: Frame) -> HeldPage {
    let fields = [("note", MARKUP), ("version", "7.1764000123456.3fa9c1d2aabb"), ("ending", "not_paid")];
    HeldPage {
        frame,
        heading: "You are signed out".to_owned(),
        text: "Your session has ended, so nothing was done yet. What you wrote is in this page: sign in in a new tab, come \
               back to this one, and send it."
            .to_owned(),
        action: "/console/cases/20b08ebd-f665-8c43-b6ef-eee1de011172/propose".to_owned(),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        file: Some(HeldFile { name: QUOTES.to_owned(), bytes: 48_211, base64: "AP8r".to_owned() }),
    }
}

fn proposed(is_own: bool) -> Proposed {
    Proposed {
        ending: Ending::Reissue,
        code: "refusal_understood".to_owned(),
        note: "Looked up twice, the payee has not seen the money. The outage is over, and the rail key still counts."
            .to_owned(),
        by: if is_own { "Ann Otterbach".to_owned() } else { "Ben Čapek".to_owned() },
        at: NOW - 25 * MINUTE,
        is_own,
        generation: Some(1),
        duplicate_of: None,
        batch: None,
    }
}

pub fn case_awaiting(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.frame.banners.clear();
    page.about.status = Status::AwaitingApproval;
    page.choices.acts = vec![Act::Assign, Act::Comment, Act::Attach, Act::LookUp, Act::Approve, Act::SendBack];
    page.proposed = Some(proposed(false));
    page.owner.name = Some("Ben Čapek".to_owned());
    page.owner.is_mine = false;
    page
}

/// Proposed to be paid again, and then found in the rail's books.
pub fn case_found(frame: Frame) -> CasePage {
    let mut page = case_awaiting(frame);
    page.offer.looked_up = Some(LookedUpAt { at: NOW - 5 * MINUTE, said: Said::Found, why: None });
    page.offer.reissue = Some(Reissue::NotOffered(Why::FoundAtTheRail));
    page.standing = Some(Standing {
        label: "At the rail, to be explained",
        tone: "odd",
        icon: Icon::Accepted,
        headline: "The rail has it: tr_1QfT8aLkdIwHu7, 1\u{202f}243.50\u{a0}EUR to acct_1QfT7xLkdIwHu7, 10:04 UTC."
            .to_owned(),
        goes_on: None,
    });
    page.compared = vec![
        compared("Amount", "1\u{202f}234.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", Some("1\u{202f}243.50\u{a0}EUR")),
        compared("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", Some("acct_1QfT7xLkdIwHu7")),
    ];
    page.compared[0].mark = Mark::Differs(Some("9.00\u{a0}EUR".to_owned()));
    page
}

/// Two people tried again, and the rail refused again.
pub fn case_unpaid(frame: Frame) -> CasePage {
    let mut page = case_resolved(frame);
    page.standing = Some(Standing {
        label: "The payee is not paid",
        tone: "bad",
        icon: Icon::Refused,
        headline: "The payee is not paid: the rail refused attempt 2.".to_owned(),
        goes_on: page.related.first().cloned(),
    });
    page.offer.looked_up = None;
    page.compared.clear();
    if let Some(decided) = &mut page.decided {
        decided.ending = Ending::Reissue;
        decided.code = "refusal_understood".to_owned();
        decided.note = "The payee's account was unlocked.".to_owned();
        decided.further = Some(Further { key: long_key(), number: 2, ended: Some(Outcome::Rejected) });
    }
    page
}

/// Two deliveries of one event.
pub fn case_conflict(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.about.reason = Reason::ConflictingDuplicate;
    (page.offer.reissue, page.offer.key_clock, page.offer.looked_up, page.compared) = (None, None, None, vec![]);
    page.is_next = true;
    let line = |field, first: &str, this: &str, by: &str| (field, first.to_owned(), this.to_owned(), by.to_owned());
    page.deliveries = Some(Deliveries {
        lines: vec![
            line("Amount", "1\u{202f}177.50\u{a0}EUR", "1\u{202f}234.50\u{a0}EUR", "differs by 57.00\u{a0}EUR"),
            line("Payee", "acct_1QfT7xLkdIwHu7", "acct_1QfT7xLkdIwHu7", ""),
        ],
    });
    page
}

pub fn case_own(frame: Frame) -> CasePage {
    let mut page = case_awaiting(frame);
    page.proposed = Some(proposed(true));
    page.offer.reissue = Some(Reissue::LookUpFirst { times: 2 });
    page.about.due = due(-2);
    page.body = Body::NotAllowed { sha256: SHA.to_owned() };
    page
}

fn case_resolved(frame: Frame) -> CasePage {
    let mut page = case(frame);
    page.frame.banners.clear();
    page.frame.is_sandbox = false;
    page.about.status = Status::Resolved;
    page.choices.acts = vec![Act::Comment, Act::Attach, Act::Reopen];
    page.about.due = None;
    page.decided = Some(ResolvedBy {
        ending: Ending::ConfirmedAccepted,
        code: "rail_books".to_owned(),
        note: "The rail's list of 23 November holds it.".to_owned(),
        proposed_by: "Ben Čapek".to_owned(),
        approved_by: "Ann Otterbach".to_owned(),
        at: NOW - HOUR,
        further: None,
        duplicate_of: None,
    });
    page.offer.looked_up = Some(LookedUpAt { at: NOW - 2 * HOUR, said: Said::Found, why: None });
    let sum = "1\u{202f}234.50\u{a0}EUR";
    page.compared = vec![compared("Amount", sum, sum, Some(sum))];
    page.body = Body::NotKept { sha256: SHA.to_owned() };
    page
}

/// Whatever is not ours is hostile here.
pub fn case_hostile(frame: Frame) -> CasePage {
    let mut page = case(Frame { person: Some(MARKUP.to_owned()), search: QUOTES.to_owned(), ..frame });
    page.frame.banners = vec![
        Banner::new(BannerKind::Error, MARKUP),
        Banner::new(BannerKind::Warn, QUOTES),
        Banner::new(BannerKind::Info, TURNED),
    ];
    page.about.reason = Reason::SecondEventForKey;
    page.about.status = Status::AwaitingApproval;
    page.about.payee = Some(MARKUP.to_owned());
    page.about.key = Some(format!("{}{QUOTES}", long_key()));
    page.about.event = Some(format!("{MARKUP}{TURNED}"));
    page.about.provider = Some(QUOTES.to_owned());
    page.about.cause = Some(MARKUP.to_owned());
    page.about.incident = Some(format!("20780/payout_unknown/{MARKUP}"));
    page.owner.name = Some(MARKUP.to_owned());
    page.owner.is_mine = false;
    page.offer.reissue = None;
    page.offer.key_clock = None;
    page.id = QUOTES.to_owned();
    page.about.rail = Some(Rail { name: MARKUP.to_owned(), key: QUOTES.to_owned(), generation: 2 });
    page.about.attempt =
        Some(Attempted { number: 1, outcome: Some(Outcome::Rejected), rail_says: Some(format!("{MARKUP}{TURNED}")) });
    page.about.details = vec![
        (MARKUP.to_owned(), QUOTES.to_owned()),
        ("link".to_owned(), "javascript:alert(1)".to_owned()),
        ("link".to_owned(), format!("https://example.com/{QUOTES}")),
        ("long".to_owned(), "x".repeat(400)),
    ];
    page.compared = vec![compared(MARKUP, QUOTES, &long_key(), Some(TURNED))];
    page.timeline =
        vec![entry(HOUR, MARKUP, QUOTES, true, Some(MARKUP), &[(QUOTES, MARKUP), ("looked_up_at", MARKUP)])];
    page.evidence = vec![
        attached(Some(MARKUP), TURNED),
        Attached { kept_at: Some(MARKUP.to_owned()), title: None, ..attached(Some(&long_key()), "") },
    ];
    page.choices.acts = Act::ALL.to_vec();
    page.choices.endings = Ending::ALL.to_vec();
    page.proposed = Some(Proposed {
        code: MARKUP.to_owned(),
        note: format!("{MARKUP}\n{}", "y".repeat(400)),
        by: QUOTES.to_owned(),
        duplicate_of: Some(MARKUP.to_owned()),
        ..proposed(false)
    });
    page.body =
        Body::Shown { text: format!("</pre>{MARKUP}{QUOTES}{TURNED}"), sha256: MARKUP.to_owned(), kept_until: None };
    page.next = Some(QUOTES.to_owned());
    page
}

pub fn bulk(frame: Frame, is_preview: bool) -> BulkPage {
    let row = |(index, row): (usize, QueueRow)| BulkRow {
        fate: match (index % 4, is_preview) {
            (3, true) => Fate::NotEligible("it awaits approval already".to_owned()),
            (3, false) => Fate::Failed("somebody was faster".to_owned()),
            (_, true) => Fate::WillSucceed,
            (_, false) => Fate::Done,
        },
        id: row.id,
        version: row.version,
        money: row.money,
        payee: row.payee,
        reason: Reason::PayoutNotSent,
        cause: Some("20416/payout_not_sent/connect".to_owned()),
        status: row.status,
        proposed: None,
    };
    BulkPage {
        frame,
        act: BulkAct::Release {
            code: "never_sent".to_owned(),
            note: "The rail refused connections on Sunday; none of these left us.".to_owned(),
        },
        is_preview,
        rows: rows(12).into_iter().enumerate().map(row).collect(),
        totals: vec![
            CurrencyTotal { currency: "EUR".to_owned(), cases: 5, minor: 312_480, exponent: 2 },
            CurrencyTotal { currency: "JPY".to_owned(), cases: 2, minor: 96_009, exponent: 0 },
        ],
    }
}

pub fn payout(frame: Frame) -> PayoutPage {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let attempt = |number, outcome, ago| AttemptView {
        number,
        rail: "stripe".to_owned(),
        rail_key: "7c4a8d09-ca95-8c28-a3c2-1f0c1c2b9f55".to_owned(),
        generation: number,
        event: "evt_3QzX7nLkdIwHu7ix1kPqW0aB".to_owned(),
        claimed_at: NOW - ago,
        ended: Some((outcome, NOW - ago + SECOND)),
        facts: vec![fact("http_status", "200"), fact("rail_payout", "tr_1QfT8aLkdIwHu7")],
    };
    PayoutPage {
        frame,
        key: long_key(),
        money: money(123_450, 2, "EUR"),
        payee: Some("acct_1QfT7xLkdIwHu7".to_owned()),
        provider: Some("stripe".to_owned()),
        attempts: vec![attempt(1, Outcome::Rejected, 2 * DAY), attempt(2, Outcome::Accepted, 3 * HOUR)],
        cases: vec![],
        standing: Some(Standing {
            label: "Accepted by the rail",
            tone: "good",
            icon: Icon::Done,
            headline: "The rail accepted it: tr_1QfT8aLkdIwHu7, 1\u{202f}234.50\u{a0}EUR, 07:53 UTC.".to_owned(),
            goes_on: None,
        }),
    }
}

pub fn batch(frame: Frame, state: BatchState) -> BatchPage {
    let is_awaiting = state == BatchState::AwaitingApproval;
    let line = |(index, row): (usize, QueueRow)| Line {
        case: row.id,
        money: row.money.or_else(|| money(100, 2, "EUR")).unwrap(),
        payee: row.payee.unwrap_or_default(),
        key: if index == 3 { long_key() } else { format!("stripe/pi_3QzX7nLkdIwHu7ix{index}") },
        rail_id: (!is_awaiting && index < 4).then(|| format!("tr_1QfT8aLkdIwHu{index}")),
        state: match index {
            _ if is_awaiting => LineState::Waiting,
            0..4 => LineState::Paid,
            4 if state == BatchState::Stopped => {
                LineState::StoppedAt("the rail refused it: insufficient funds".to_owned())
            }
            _ => LineState::Waiting,
        },
    };
    BatchPage {
        frame,
        id: "b7e1c0de-f665-8c43-b6ef-eee1de011172".to_owned(),
        version: 2,
        state,
        proposed_by: "Ben Čapek".to_owned(),
        proposed_at: NOW - 2 * HOUR,
        code: "never_sent".to_owned(),
        note: "The rail refused connections on Sunday; none of these left us.".to_owned(),
        is_own: false,
        decided: (!is_awaiting).then(|| ("Ann Otterbach".to_owned(), NOW - HOUR)),
        totals: vec![
            CurrencyTotal { currency: "EUR".to_owned(), cases: 8, minor: 512_480, exponent: 2 },
            CurrencyTotal { currency: "JPY".to_owned(), cases: 4, minor: 192_009, exponent: 0 },
        ],
        paid: if is_awaiting { vec![] } else { vec![eur(4, 123_456)] },
        left: vec![
            eur(4, 389_024),
            CurrencyTotal { currency: "JPY".to_owned(), cases: 4, minor: 192_009, exponent: 0 },
        ],
        who_may_continue: vec!["Ann Otterbach".to_owned(), MARKUP.to_owned()],
        needs_sign_in: state == BatchState::Paused,
        stopped: (state == BatchState::Stopped).then(|| "the rail refused it: insufficient funds".to_owned()),
        lines: rows(12).into_iter().enumerate().map(line).collect(),
    }
}

fn eur(cases: u64, minor: u64) -> CurrencyTotal {
    CurrencyTotal { currency: "EUR".to_owned(), cases, minor, exponent: 2 }
}

pub fn batches(frame: Frame) -> BatchesPage {
    let row = |state, released| BatchRow {
        id: format!("b7e1c0de-f665-8c43-b6ef-{released:012}"),
        state,
        proposed_by: "Ben Čapek".to_owned(),
        proposed_at: NOW - 2 * HOUR,
        lines: 12,
        paid: released,
        totals: vec![CurrencyTotal { currency: "EUR".to_owned(), cases: 12, minor: 512_480, exponent: 2 }],
    };
    BatchesPage { frame, rows: vec![row(BatchState::AwaitingApproval, 0), row(BatchState::Stopped, 4)] }
}

pub fn absence(frame: Frame) -> AbsencePage {
    let one = |who: &str, to: &str, is_mine| Delegation {
        who: who.to_owned(),
        to: to.to_owned(),
        until: NOW + 6 * DAY,
        is_mine,
    };
    AbsencePage {
        frame,
        people: people().into_iter().filter(|person| !person.is_me).collect(),
        delegations: vec![one("Ann Otterbach", "Chidi Okonkwo-Lindqvist", true), one("Ben Čapek", MARKUP, false)],
    }
}

fn hits() -> Vec<Hit> {
    vec![
        Hit::Case {
            id: "20b08ebd-f665-8c43-b6ef-eee1de011172".to_owned(),
            reason: Reason::SecondEventForKey,
            status: Status::Open,
            money: money(123_450, 2, "EUR"),
            payee: Some("acct_1QfT7xLkdIwHu7".to_owned()),
            since: NOW - 3 * HOUR,
            found_by: FoundBy::PayeeBegins,
        },
        Hit::Payout {
            key: long_key(),
            money: money(123_450, 2, "EUR"),
            payee: Some(MARKUP.to_owned()),
            since: Some(NOW - 4 * HOUR),
        },
    ]
}

pub fn looked() -> Looked {
    Looked {
        open: 5_000,
        resolved: 1,
        since: NOW - 90 * DAY,
        days: 90,
        is_cut: true,
        is_year: false,
        without_details: 4_001,
        has_bodies: true,
        rail: RailSaid::Silent(MARKUP.to_owned()),
    }
}

fn among_cases(hits: Vec<Hit>) -> Searched {
    Searched::Cases { hits, looked: looked() }
}

pub fn search(frame: Frame, searched: Searched) -> SearchPage {
    let query = format!("pi_3QzX7{QUOTES}");
    SearchPage { frame: Frame { search: query.clone(), ..frame }, query, searched }
}

fn queue_to_approve(frame: Frame) -> QueuePage {
    let mut page = queue(Frame { hold: held(Held::Record), ..frame });
    page.frame.banners.clear();
    page.rows.truncate(2);
    page.filter = QueueFilter { view: QueueView::ToApprove, payee: Some(QUOTES.to_owned()), ..QueueFilter::default() };
    page.batches = vec![WaitingBatch {
        id: "1795392000000-0a1b2c3d".to_owned(),
        by: MARKUP.to_owned(),
        lines: 40,
        at: NOW - HOUR,
    }];
    page
}

pub fn resolved(frame: Frame, wrong: Option<&str>) -> ResolvedPage {
    let row = |number: u64| ResolvedRow {
        id: format!("20b08ebd-f665-8c43-b6ef-eee1de0111{number:02}"),
        money: money(123_450 + number, 2, "EUR"),
        payee: Some(TURNED.to_owned()),
        reason: Reason::PayoutRejected,
        ending: Ending::PaidElsewhere,
        proposed_by: MARKUP.to_owned(),
        approved_by: "Ben Čapek".to_owned(),
        at: NOW - number * HOUR,
    };
    ResolvedPage {
        frame,
        asked: ResolvedAsked {
            from: "2026-10-26".to_owned(),
            to: "2026-11-24".to_owned(),
            payee: Some(QUOTES.to_owned()),
        },
        wrong: wrong.map(str::to_owned),
        rows: (0..if wrong.is_some() { 0 } else { 12 }).map(row).collect(),
        next: Some(("00000000001764000123456".to_owned(), "20b08ebd".to_owned())),
        is_first: false,
    }
}

pub fn message(frame: Frame) -> MessagePage {
    MessagePage {
        frame,
        status: 409,
        heading: "Somebody was faster".to_owned(),
        text: "The case has changed since you opened it. Nothing of yours was written.".to_owned(),
        meanwhile: vec![entry(40 * SECOND, "propose", "Ben Čapek", true, Some("The rail's list holds it."), &[])],
        lost_note: Some(MARKUP.to_owned()),
        back: Some(("./cases/20b08ebd".to_owned(), "Open the case as it is now".to_owned())),
        request_id: Some("c1f0e9ab-2b0f-4a55-8f3e-0d9d2f6e1c11".to_owned()),
    }
}

fn message_404(frame: Frame) -> MessagePage {
    MessagePage {
        status: 404,
        heading: "Not found".to_owned(),
        text: "There is nothing at this address.".to_owned(),
        meanwhile: vec![],
        lost_note: None,
        back: None,
        request_id: None,
        ..message(frame)
    }
}

fn message_503(frame: Frame) -> MessagePage {
    MessagePage {
        status: 503,
        heading: "The tables do not answer".to_owned(),
        text: "Nothing may have been changed; look at the case again.".to_owned(),
        ..message_404(frame)
    }
}

pub fn signed_out(base: &str) -> SignedOutPage {
    SignedOutPage {
        frame: Frame { person: None, roles: vec![], csrf: String::new(), ..frame(base, Section::Other, "Sign in") },
        is_goodbye: false,
    }
}
