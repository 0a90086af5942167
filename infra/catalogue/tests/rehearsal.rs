//! Each alarm of ours, rehearsed: the lines of hours in which one thing is wrong raise it and no other, and those of good hours none.
//! `tests/end_to_end` plays many of these faults with the functions themselves.

use std::collections::BTreeSet;

use payonce_catalogue::alarm::{Source, Statistic};
use payonce_catalogue::alarms;
use payonce_catalogue::placed::{Placed, Provider, placed};
use payonce_catalogue::rehearsal::{Span, is_raised, is_raised_by, pages};
use payonce_protocol::end::End;
use payonce_protocol::event::{Answer, Recorded, Refusal};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::slo::Burn;
use payonce_runtime::clock::Clock;
use payonce_runtime::metrics::{AVERAGED, LastRun, Metric, Metrics, Named, Sweep};
use serde_json::{Value, json};

/// 2026-11-23T00:00:00Z.
const BEGINNING: u64 = 1_795_392_000_000;
const MINUTE_MS: u64 = 60_000;
const MINUTES: u64 = 6 * 60;
/// From here on it is wrong.
const WRONG_FROM: u64 = 2 * 60;

type Part = fn(u64, &Metrics);

/// What reports in an hour. Each part is called once a minute, with its number.
#[derive(Clone, Copy)]
struct Hours {
    delivery: Part,
    sweep: Part,
    audit: Part,
    reconciliation: Part,
    watch: Part,
}

const NAMED: Named<'static> = Named { event: Some("evt_1"), payout_key: Some("stripe/pi_1"), attempt_id: None };

fn answered(metrics: &Metrics, end: End, status: u16, ms: u64) {
    answered_by("stripe", metrics, end, status, ms);
}

fn answered_by(provider: &str, metrics: &Metrics, end: End, status: u16, ms: u64) {
    let mut delivery = metrics.delivery(provider);
    delivery.verified();
    delivery.event(NAMED, end);
    delivery.answered(status, ms);
}

fn accepted() -> End {
    End::Order(Answer::Done(Verdict::plain(Outcome::Accepted), Recorded::Durable))
}

const WELL: Sweep = Sweep {
    swept: 0,
    cases_filed: 0,
    oldest_open_age_seconds: Some(3_600),
    money_at_risk_percent: Some(20),
    accepted_hour_percent: Some(30),
    rounds_behind: Some(0),
    hold_tripped: false,
    unreadable: 0,
    evidence_lost: 0,
    look_ups_waiting: Some(0),
    burn: Some(BURN),
};
const BURN: Burn =
    Burn { page_percent: 30, ticket_percent: 60, budget_left_percent: Some(80), good_of_a_million: Some(999_600) };
const SETTLED: LastRun =
    LastRun { behind_seconds: 7_200, incomplete: 0, open_breaks: 0, paid_twice: 0, wrong_payee: 0, lost: 0 };

fn reconciled(minute: u64, metrics: &Metrics, last: LastRun, endpoints_off: u64, silent: u64) {
    if minute.is_multiple_of(60) {
        let mut reconciliation = metrics.reconciliation();
        reconciliation.last_run(&last);
        reconciliation.endpoints_off(endpoints_off);
        reconciliation.providers_silent(silent);
        reconciliation.ran();
    }
}

const GOOD: Hours = Hours {
    delivery: |minute, metrics| match minute % 30 {
        // A forged one now and then is no incident.
        7 => metrics.delivery("stripe").answered(401, 3),
        _ => answered(metrics, accepted(), 200, 400),
    },
    sweep: |_, metrics| metrics.sweep().ran(&WELL),
    audit: |minute, metrics| {
        if minute.is_multiple_of(10) {
            metrics.audit().ran(vec![], 0);
        }
    },
    reconciliation: |minute, metrics| reconciled(minute, metrics, SETTLED, 0, 0),
    watch: |_, _| {},
};

/// Which alarms were on.
fn played(wrong: Hours) -> BTreeSet<&'static str> {
    let lines = lines(wrong);
    ours().iter().filter(|one| is_raised(one, &lines, SPAN)).map(|one| one.alarm.name).collect()
}

const SPAN: Span = Span { from: BEGINNING, until: BEGINNING + MINUTES * MINUTE_MS };

fn lines(wrong: Hours) -> Vec<Value> {
    let clock = Clock::manual(BEGINNING);
    let (metrics, lines) = Metrics::captured(clock.clone());
    for minute in 0..MINUTES {
        let hours = if minute < WRONG_FROM { GOOD } else { wrong };
        for part in [hours.delivery, hours.sweep, hours.audit, hours.reconciliation, hours.watch] {
            part(minute, &metrics);
        }
        clock.advance(MINUTE_MS);
    }
    lines.lines()
}

fn ours() -> Vec<Placed> {
    let placed = placed(&alarms::all(), &[Provider::new("stripe", Some(10_000))]);
    placed.into_iter().filter(|one| matches!(one.alarm.source, Source::Ours(_))).collect()
}

/// Fault → what it raises.
const REHEARSALS: [(&str, Hours); 30] = [
    (
        "impossible",
        Hours { delivery: |_, metrics| answered(metrics, End::Order(Answer::Impossible), 503, 400), ..GOOD },
    ),
    (
        "unrecorded",
        Hours {
            delivery: |_, metrics| {
                let end = End::Order(Answer::Done(Verdict::plain(Outcome::Accepted), Recorded::Failed));
                answered(metrics, end, 200, 400);
            },
            ..GOOD
        },
    ),
    (
        "refused",
        Hours {
            delivery: |_, metrics| {
                (0..2).for_each(|_| answered(metrics, End::Order(Answer::Refused(Refusal::NoTime)), 503, 400));
            },
            ..GOOD
        },
    ),
    (
        "held",
        Hours {
            delivery: |_, metrics| answered(metrics, End::Order(Answer::Refused(Refusal::Hold)), 503, 400),
            ..GOOD
        },
    ),
    ("unverified", Hours { delivery: |_, metrics| metrics.delivery("stripe").answered(401, 3), ..GOOD }),
    ("too-large", Hours { delivery: |_, metrics| metrics.delivery("stripe").answered(413, 1), ..GOOD }),
    ("slow", Hours { delivery: |_, metrics| answered(metrics, accepted(), 200, 8_001), ..GOOD }),
    (
        "secrets-stale",
        Hours {
            delivery: |_, metrics| {
                let mut delivery = metrics.delivery("stripe");
                delivery.secrets_stale();
                delivery.verified();
                delivery.answered(200, 400);
            },
            ..GOOD
        },
    ),
    ("claims-overwritten", Hours { watch: |_, metrics| metrics.watch().overwritten(), ..GOOD }),
    (
        "retry-config-drift",
        Hours {
            audit: |minute, metrics| {
                if minute.is_multiple_of(10) {
                    metrics.audit().ran(vec![json!({ "place": "async-retries" })], 0);
                }
            },
            ..GOOD
        },
    ),
    (
        "alarm-drift",
        Hours {
            audit: |minute, metrics| {
                if minute.is_multiple_of(10) {
                    metrics.audit().ran(vec![json!({ "place": "alarms" })], 1);
                }
            },
            ..GOOD
        },
    ),
    ("retry-audit-silent", Hours { audit: |_, metrics| drop(metrics.audit()), ..GOOD }),
    ("sweeper-silent", Hours { sweep: |_, metrics| metrics.sweep().so_far(&WELL), ..GOOD }),
    ("swept", Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { swept: 1, ..WELL }), ..GOOD }),
    ("hold-tripped", Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { hold_tripped: true, ..WELL }), ..GOOD }),
    ("unreadable", Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { unreadable: 1, ..WELL }), ..GOOD }),
    ("evidence-lost", Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { evidence_lost: 1, ..WELL }), ..GOOD }),
    (
        "sweeper-behind",
        Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { rounds_behind: Some(31), ..WELL }), ..GOOD },
    ),
    (
        "case-overdue",
        Hours {
            sweep: |_, metrics| metrics.sweep().ran(&Sweep { oldest_open_age_seconds: Some(7 * 86_400 + 1), ..WELL }),
            ..GOOD
        },
    ),
    (
        "money-at-risk",
        Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { money_at_risk_percent: Some(100), ..WELL }), ..GOOD },
    ),
    (
        "success-burning",
        Hours {
            sweep: |_, metrics| {
                metrics.sweep().ran(&Sweep { burn: Some(Burn { page_percent: 100, ..BURN }), ..WELL });
            },
            ..GOOD
        },
    ),
    (
        "success-slow-burn",
        Hours {
            sweep: |_, metrics| {
                metrics.sweep().ran(&Sweep { burn: Some(Burn { ticket_percent: 100, ..BURN }), ..WELL });
            },
            ..GOOD
        },
    ),
    ("reconciler-silent", Hours { reconciliation: |_, metrics| metrics.reconciliation().last_run(&SETTLED), ..GOOD }),
    (
        "reconciliation-late",
        Hours {
            reconciliation: |minute, metrics| {
                reconciled(minute, metrics, LastRun { behind_seconds: 180_001, ..SETTLED }, 0, 0);
            },
            ..GOOD
        },
    ),
    (
        "books-incomplete",
        Hours {
            reconciliation: |minute, metrics| reconciled(minute, metrics, LastRun { incomplete: 1, ..SETTLED }, 0, 0),
            ..GOOD
        },
    ),
    (
        "paid-twice",
        Hours {
            reconciliation: |minute, metrics| reconciled(minute, metrics, LastRun { paid_twice: 1, ..SETTLED }, 0, 0),
            ..GOOD
        },
    ),
    (
        "wrong-payee",
        Hours {
            reconciliation: |minute, metrics| reconciled(minute, metrics, LastRun { wrong_payee: 1, ..SETTLED }, 0, 0),
            ..GOOD
        },
    ),
    (
        "lost",
        Hours {
            reconciliation: |minute, metrics| reconciled(minute, metrics, LastRun { lost: 1, ..SETTLED }, 0, 0),
            ..GOOD
        },
    ),
    ("endpoints-off", Hours { reconciliation: |minute, metrics| reconciled(minute, metrics, SETTLED, 1, 0), ..GOOD }),
    ("provider-silent", Hours { reconciliation: |minute, metrics| reconciled(minute, metrics, SETTLED, 0, 1), ..GOOD }),
];

#[test]
fn good_hours_raise_no_alarm() {
    assert_eq!(played(GOOD), BTreeSet::new());
}

#[test]
fn each_fault_raises_its_own_alarm_and_no_other() {
    for (alarm, wrong) in REHEARSALS {
        assert_eq!(played(wrong), [alarm].into(), "{alarm}");
    }
}

#[test]
fn each_alarm_of_ours_is_rehearsed() {
    let rehearsed: BTreeSet<&str> = REHEARSALS.iter().map(|(alarm, _)| *alarm).collect();
    assert_eq!(rehearsed, ours().iter().map(|one| one.alarm.name).collect());
}

/// A share needs the zero of each delivery, of which all others are written once a minute.
#[test]
fn each_average_of_ours_is_of_a_figure_that_every_line_has() {
    let averaged = ours().into_iter().filter(|one| one.alarm.statistic == Statistic::Average);
    let metrics: BTreeSet<Metric> = averaged.filter_map(|one| one.metric()).collect();
    assert_eq!(metrics, AVERAGED.into());
    // One forged delivery a minute among fifty good ones, in one environment.
    let hours = Hours {
        delivery: |_, metrics| {
            metrics.delivery("stripe").answered(401, 3);
            (0..50).for_each(|_| answered(metrics, accepted(), 200, 400));
        },
        ..GOOD
    };
    assert_eq!(played(hours), BTreeSet::new());
}

#[test]
fn a_little_less_raises_nothing() {
    let nearly: [(&str, Hours); 8] = [
        ("slow", Hours { delivery: |_, metrics| answered(metrics, accepted(), 200, 8_000), ..GOOD }),
        (
            "sweeper-behind",
            Hours { sweep: |_, metrics| metrics.sweep().ran(&Sweep { rounds_behind: Some(30), ..WELL }), ..GOOD },
        ),
        (
            "money-at-risk",
            Hours {
                sweep: |_, metrics| metrics.sweep().ran(&Sweep { money_at_risk_percent: Some(99), ..WELL }),
                ..GOOD
            },
        ),
        (
            "success-burning",
            Hours {
                sweep: |_, metrics| {
                    let burn = Burn { page_percent: 99, ticket_percent: 99, ..BURN };
                    metrics.sweep().ran(&Sweep { burn: Some(burn), ..WELL });
                },
                ..GOOD
            },
        ),
        (
            "unverified",
            Hours {
                delivery: |minute, metrics| match minute % 9 {
                    0..4 => metrics.delivery("stripe").answered(401, 3),
                    _ => answered(metrics, accepted(), 200, 400),
                },
                ..GOOD
            },
        ),
        (
            "refused",
            Hours {
                delivery: |_, metrics| answered(metrics, End::Order(Answer::Refused(Refusal::NoTime)), 503, 400),
                ..GOOD
            },
        ),
        // A run beside a deployment.
        (
            "alarm-drift",
            Hours {
                audit: |minute, metrics| {
                    if minute.is_multiple_of(10) {
                        metrics.audit().ran(vec![], usize::from(minute == SECOND_FROM));
                    }
                },
                ..GOOD
            },
        ),
        // Two runs of three.
        (
            "reconciler-silent",
            Hours {
                reconciliation: |minute, metrics| {
                    if minute.is_multiple_of(180) {
                        reconciled(minute, metrics, SETTLED, 0, 0);
                    }
                },
                ..GOOD
            },
        ),
    ];
    for (alarm, hours) in nearly {
        assert_eq!(played(hours), BTreeSet::new(), "{alarm}");
    }
}

/// Minutes in which AWS's figure has these values, one for each request or invocation of it.
type Points = fn(u64) -> Vec<u64>;

/// Of each figure of AWS's that an alarm looks at: what it is while all is well or nearly so, and what the fault makes of it, with what AWS
/// says of it.
const OF_AWS: [(&str, Points, Points); 8] = [
    // "The number of invocations that result in a function error", 0 of one that does not:
    // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("Errors", |_| vec![0, 0, 0], |minute| vec![0, u64::from(minute == WRONG_FROM), 0]),
    // "The number of invocation requests that are throttled": a burst of some minutes is none.
    ("Throttles", |_| vec![0], |minute| if minute >= WRONG_FROM { vec![3] } else { vec![0] }),
    // A line that is no EMF, or one whose figures are none: nothing is written of good ones.
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    ("EMFParsingErrors", |_| vec![], |minute| vec![1; usize::from(minute == WRONG_FROM)]),
    ("EMFValidationErrors", |_| vec![], |minute| vec![1; usize::from(minute == WRONG_FROM)]),
    // Of an idle queue nothing is written; with a message each minute.
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html
    (
        "ApproximateNumberOfMessagesVisible",
        |minute| vec![0; usize::from(minute > WRONG_FROM)],
        |minute| vec![1; usize::from(minute >= WRONG_FROM)],
    ),
    // 1 for each request that ends so and 0 for each other, so that the average is the rate.
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    ("5xx", |minute| vec![0, 0, u64::from(minute % 5 < 4)], |_| vec![0, 0, 1]),
    ("4xx", |minute| vec![0, 1, 0, minute % 2], |minute| vec![1, u64::from(minute >= WRONG_FROM), 0, 1]),
    // Of a table on demand there are none but under a sudden load: once is its own growing.
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    (
        "ThrottleEvents",
        |minute| vec![2; usize::from(minute == WRONG_FROM)],
        |minute| vec![2; usize::from(minute >= WRONG_FROM && minute % 15 < 10)],
    ),
];

#[test]
fn each_alarm_of_awss_figures_goes_off_by_its_fault_and_by_nothing_less() {
    let points = |of: Points| {
        let minute =
            move |minute: u64| of(minute).into_iter().map(move |value| (BEGINNING + minute * MINUTE_MS, value));
        (0..MINUTES).flat_map(minute).collect::<Vec<_>>()
    };
    let placed = placed(&alarms::all(), &[Provider::new("stripe", Some(10_000))]);
    let mut rehearsed = 0;
    for one in placed.iter().filter(|one| one.metric().is_none()) {
        let metric = one.alarm.source.metric();
        let found = OF_AWS.iter().find(|(name, ..)| metric == *name || metric.ends_with(*name) && name.len() > 10);
        let (_, well, wrong) = found.unwrap_or_else(|| panic!("{metric} is not rehearsed"));
        assert!(!is_raised_by(one, points(*well), SPAN), "{} goes off for little", one.name());
        assert!(is_raised_by(one, points(*wrong), SPAN), "{} does not go off", one.name());
        rehearsed += 1;
    }
    assert!(rehearsed > 25, "{rehearsed}");
}

/// From here on a second thing is wrong, while the first still is.
const SECOND_FROM: u64 = 4 * 60;

fn refused(provider: &str, metrics: &Metrics) {
    (0..3).for_each(|_| answered_by(provider, metrics, End::Order(Answer::Refused(Refusal::NoTime)), 503, 400));
}

/// A first fault that lasts, and a second one.
const SECOND_FAULTS: [(&str, &str, Hours); 6] = [
    (
        "payonce-incident-stripe-payouts-stopped",
        "payonce-incident-acme-payouts-stopped",
        Hours {
            delivery: |minute, metrics| {
                refused("stripe", metrics);
                if minute >= SECOND_FROM {
                    refused("acme", metrics);
                }
            },
            ..GOOD
        },
    ),
    (
        "payonce-incident-stripe-payouts-stopped",
        "payonce-incident-stripe-events-missing",
        Hours {
            delivery: |minute, metrics| {
                refused("stripe", metrics);
                if minute >= SECOND_FROM {
                    metrics.delivery("stripe").answered(413, 1);
                }
            },
            ..GOOD
        },
    ),
    (
        "payonce-incident-stripe-payouts-stopped",
        "payonce-incident-payouts-stopped",
        Hours {
            delivery: |_, metrics| refused("stripe", metrics),
            sweep: |minute, metrics| {
                metrics.sweep().ran(&Sweep { hold_tripped: minute == SECOND_FROM, ..WELL });
            },
            ..GOOD
        },
    ),
    (
        "payonce-webhook-stripe-held",
        "payonce-incident-stripe-payouts-stopped",
        Hours {
            delivery: |minute, metrics| {
                answered(metrics, End::Order(Answer::Refused(Refusal::Hold)), 503, 400);
                if minute >= SECOND_FROM {
                    refused("stripe", metrics);
                }
            },
            ..GOOD
        },
    ),
    (
        "payonce-success-burning",
        "payonce-incident-payouts-stopped",
        Hours {
            sweep: |minute, metrics| {
                let burn = Some(Burn { page_percent: 100, ..BURN });
                metrics.sweep().ran(&Sweep { burn, hold_tripped: minute == SECOND_FROM, ..WELL });
            },
            ..GOOD
        },
    ),
    (
        "payonce-endpoints-off",
        "payonce-provider-silent",
        Hours {
            reconciliation: |minute, metrics| reconciled(minute, metrics, SETTLED, 1, u64::from(minute >= SECOND_FROM)),
            ..GOOD
        },
    ),
];

#[test]
fn a_second_fault_pages_while_the_first_is_still_on() {
    let second = BEGINNING + SECOND_FROM * MINUTE_MS;
    let providers = ["stripe", "acme"].map(|name| Provider::new(name, Some(10_000)));
    for (first, then, hours) in SECOND_FAULTS {
        let pages = pages(&placed(&alarms::all(), &providers), &lines(hours), SPAN);
        let of = |late: bool| -> Vec<&str> {
            pages.iter().filter(|(at, _)| (*at > second) == late).map(|(_, name)| name.as_str()).collect()
        };
        assert_eq!((of(false), of(true)), (vec![first], vec![then]));
    }
}

#[test]
fn several_alarms_of_one_cause_and_provider_page_once() {
    let hours = Hours {
        delivery: |_, metrics| {
            refused("stripe", metrics);
            answered(metrics, End::Order(Answer::Done(Verdict::plain(Outcome::Accepted), Recorded::Failed)), 200, 400);
        },
        ..GOOD
    };
    assert!(played(hours).is_superset(&["refused", "unrecorded"].into()));
    let pages = pages(&ours(), &lines(hours), SPAN);
    assert_eq!(
        pages.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
        ["payonce-incident-stripe-payouts-stopped"]
    );
}
