//! Samples of payouts, of batches of them, and of what a search finds.

use super::*;

pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = |section, title: &str| frame(base, section, title);
    vec![
        ("payout", payout(f(Section::Queue, "Payout")).render().unwrap()),
        ("batch_awaiting", batch(f(Section::Batches, "Batch"), BatchState::AwaitingApproval).render().unwrap()),
        ("batch_paused", batch(f(Section::Batches, "Batch"), BatchState::Paused).render().unwrap()),
        ("batch_stopped", batch(f(Section::Batches, "Batch"), BatchState::Stopped).render().unwrap()),
        ("batches", batches(f(Section::Batches, "Batches")).render().unwrap()),
        ("search_nothing", search(f(Section::Other, "Search"), Searched::Nothing).render().unwrap()),
        ("search_too_long", search(f(Section::Other, "Search"), Searched::TooLong).render().unwrap()),
        ("search_none", search(f(Section::Other, "Search"), among_cases(vec![])).render().unwrap()),
        ("search_several", search(f(Section::Other, "Search"), among_cases(hits())).render().unwrap()),
        ("search_by_id", search(f(Section::Other, "Search"), Searched::ById { hits: hits() }).render().unwrap()),
    ]
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
