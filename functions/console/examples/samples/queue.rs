//! Samples of the lists of cases: the queue in its views, what was resolved, and several cases worked off with one form.

use super::*;

pub fn all(base: &str) -> Vec<(&'static str, String)> {
    let f = |section, title: &str| frame(base, section, title);
    vec![
        ("queue", queue(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_filtered", queue_filtered(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_empty", queue_empty(f(Section::Queue, "Cases")).render().unwrap()),
        ("queue_viewer", queue_viewer(f(Section::Queue, "Cases")).render().unwrap()),
        ("bulk_preview", bulk(f(Section::Queue, "Preview"), true).render().unwrap()),
        ("bulk_result", bulk(f(Section::Queue, "Result"), false).render().unwrap()),
        ("queue_to_approve", queue_to_approve(f(Section::ToApprove, "Cases")).render().unwrap()),
        ("resolved", resolved(f(Section::Resolved, "Resolved cases"), None).render().unwrap()),
        ("resolved_wrong", resolved(f(Section::Resolved, "Resolved cases"), Some(MARKUP)).render().unwrap()),
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
    let totals = || {
        vec![
            total("EUR", 1_021, 4_821_337_712, 2),
            total("USD", 88, 120_453_050, 2),
            total("JPY", 41, 8_120_400, 0),
            total("KWD", 3, 37_500, 3),
        ]
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
            at_risk: totals(),
            may_have_left: totals(),
            waited_for: totals(),
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
        currency: "EUR".parse().ok(),
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
