use super::*;

const NOW: Minute = 29_900_000;
const THREE_NINES: Objective = Objective { failures_of_a_million: 1_000 };

/// Good and failed ones by how many minutes ago.
fn made(minutes: Minute, ago: impl Fn(Minute) -> (u64, u64)) -> OutcomeCounts {
    let mut all = OutcomeCounts::default();
    for minute in NOW + 1 - minutes..=NOW {
        let (good, failed) = ago(NOW - minute);
        all.count(minute, Counts { good, failed });
    }
    all.through(NOW);
    all
}

/// So many of each in every minute of the last `minutes`.
fn steady(minutes: Minute, good: u64, failed: u64) -> OutcomeCounts {
    made(minutes, |_| (good, failed))
}

fn add(all: &mut OutcomeCounts, from: Minute, until: Minute, good: u64, failed: u64) {
    (from..=until).for_each(|minute| all.count(minute, Counts { good, failed }));
}

#[test]
fn objective_is_a_percentage_between_ninety_and_a_hundred() {
    let failures = |text| Objective::parse(text).map(|objective| objective.failures_of_a_million);
    assert_eq!(["99.9%", "99%", "90%", "99.9999%"].map(failures), [1_000, 10_000, 100_000, 1].map(Some));
    for wrong in [
        "100%",
        "99.9",
        "89.9%",
        "9%",
        "99.99999%",
        "99,9%",
        "-9%",
        "%",
        "",
        "99.%x",
        "099.9%",
        "09.99999%",
        "9x%",
        "99.+9%",
    ] {
        assert_eq!(failures(wrong), None, "{wrong}");
    }
}

/// A refusal of the rail's is an answer; of the others nobody knows, or nothing was tried.
#[test]
fn only_what_payonce_or_its_rail_left_undone_is_a_failure() {
    let mut all = Counts::default();
    for (outcome, times) in
        [(Outcome::Accepted, 1), (Outcome::Rejected, 2), (Outcome::NotSent, 10), (Outcome::Unknown, 20)]
    {
        (0..times).for_each(|_| all.count(outcome));
    }
    assert_eq!(all, Counts { good: 3, failed: 30 });
    assert_eq!(all.with(Counts { good: 4, failed: 5 }), Counts { good: 7, failed: 35 });
}

#[test]
fn pages_when_two_per_cent_of_a_month_are_used_in_an_hour() {
    // 1.44 % of all, of 0.1 % that may fail.
    let mut all = steady(30 * DAY, 10_000, 0);
    add(&mut all, NOW - 59, NOW, 9_856, 144);
    let burn = all.burn(NOW, THREE_NINES);
    assert_eq!(burn.page_percent, 100);
    add(&mut all, NOW - 59, NOW, 9_857, 143);
    assert!(all.burn(NOW, THREE_NINES).page_percent < 100);
}

#[test]
fn ends_paging_soon_after_the_failures_end() {
    let mut all = steady(30 * DAY, 1_000, 0);
    add(&mut all, NOW - 59, NOW, 800, 200);
    assert!(all.burn(NOW, THREE_NINES).page_percent >= 1_000);
    add(&mut all, NOW + 1, NOW + 31, 1_000, 0);
    assert_eq!(all.burn(NOW + 31, THREE_NINES).page_percent, 0);
    assert!(all.burn(NOW + 31, THREE_NINES).budget_left_percent < Some(100));
}

#[test]
fn a_few_failures_of_few_payouts_call_nobody() {
    let mut all = OutcomeCounts::default();
    add(&mut all, NOW - 3, NOW, 0, 1);
    assert_eq!((all.burn(NOW, THREE_NINES).page_percent, all.burn(NOW, THREE_NINES).ticket_percent), (0, 0));
    add(&mut all, NOW - 4, NOW, 0, 1);
    assert!(all.burn(NOW, THREE_NINES).page_percent >= 100, "all of five failed");
}

#[test]
fn a_slow_burn_is_a_ticket_and_no_page() {
    let all = steady(30 * DAY, 1_997, 3);
    let burn = all.burn(NOW, THREE_NINES);
    assert!(burn.ticket_percent >= 100);
    assert_eq!((burn.budget_left_percent, burn.page_percent < 100), (Some(0), true), "{burn:?}");
    let all = made(30 * DAY, |ago| if ago < 3 * DAY { (1_997, 3) } else { (2_000, 0) });
    let burn = all.burn(NOW, THREE_NINES);
    assert!((145..=150).contains(&burn.ticket_percent) && burn.page_percent < 100, "{burn:?}");
}

#[test]
fn ticket_is_for_what_failed_in_three_days_and_stays_for_six_hours() {
    // 0.3 % of the first of the three days, and 0.4 % for four hours that ended two hours ago: 0.12 % of all three, of which 0.1 % may fail.
    let mut all = made(30 * DAY, |ago| match ago {
        120..360 => (1_992, 8),
        ago if (2 * DAY..3 * DAY - HOUR).contains(&ago) => (1_994, 6),
        _ => (2_000, 0),
    });
    let burn = all.burn(NOW, THREE_NINES);
    assert!((100..150).contains(&burn.ticket_percent) && burn.page_percent < 100, "{burn:?}");
    add(&mut all, NOW + 1, NOW + 4 * HOUR, 2_000, 0);
    assert!(all.burn(NOW + 4 * HOUR, THREE_NINES).ticket_percent < 100, "it is over");
}

/// Five a minute are far from any of the rates, and are too many for what is left.
#[test]
fn pages_when_what_is_left_would_be_gone_within_a_day() {
    let mut all = steady(30 * DAY, 10_000, 9);
    assert!(all.burn(NOW, THREE_NINES).page_percent < 100);
    add(&mut all, NOW - 6 * HOUR + 1, NOW, 9_900, 100);
    let burn = all.burn(NOW, THREE_NINES);
    assert!(burn.budget_left_percent.is_some_and(|left| (1..10).contains(&left)), "{burn:?}");
    assert!(burn.page_percent >= 100, "{burn:?}");
}

/// Three times what the budget allows is far from any of the rates.
#[test]
fn little_that_is_left_pages_at_a_rate_that_else_calls_nobody() {
    let mut all = steady(30 * DAY, 10_000, 9);
    add(&mut all, NOW - 6 * 60 + 1, NOW, 9_970, 30);
    assert!(all.burn(NOW, THREE_NINES).page_percent >= 100);
    add(&mut all, NOW + 1, NOW + 31, 10_000, 0);
    assert!(all.burn(NOW + 31, THREE_NINES).page_percent < 100, "it is over");
}

#[test]
fn few_failures_or_a_rate_that_the_budget_allows_use_up_no_rest() {
    let page = |failures: u64, good: u64| {
        let mut all = OutcomeCounts::default();
        all.count(NOW - 10 * 60, Counts { good: 8_497, failed: 3 });
        (0..failures).for_each(|number| all.count(NOW - 10 - 70 * number, Counts { good: 499, failed: 1 }));
        all.count(NOW - 300, Counts { good, failed: 0 });
        all.burn(NOW, THREE_NINES).page_percent
    };
    assert!(page(5, 0) >= 100);
    assert!(page(4, 0) < 100, "four");
    assert!(page(5, 4_000) < 100, "five of 6,500 within six hours");
}

/// Otherwise a page would last until the month is over, and the next outage would page nobody.
#[test]
fn a_budget_that_is_gone_pages_for_the_next_outage_alone() {
    let gone = |ago: Minute| if (600..660).contains(&ago) { (0, 2_000) } else { (1_000, 0) };
    let all = made(30 * DAY, |ago| if ago == 10 { (994, 6) } else { gone(ago) });
    let burn = all.burn(NOW, THREE_NINES);
    assert_eq!((burn.budget_left_percent, burn.page_percent < 100), (Some(0), true), "{burn:?}");
    let again = made(30 * DAY, |ago| if ago < 30 { (0, 1_000) } else { gone(ago) });
    assert!(again.burn(NOW, THREE_NINES).page_percent >= 100);
}

#[test]
fn a_clock_that_was_ahead_once_does_not_keep_minutes_from_being_counted() {
    let mut all = steady(HOUR, 1, 0);
    all.through(NOW + 400 * DAY);
    let eur = "EUR".parse().unwrap();
    all.accepted.count(NOW, [(eur, 5)].into());
    all.through(NOW);
    all.count(NOW, Counts { good: 5, failed: 0 });
    assert_eq!(all.over(NOW, HOUR).good, 5);
    assert_eq!(all.accepted.percent(NOW, &[(eur, 10)].into()), Some(50), "what was accepted since counts on");
}

#[test]
fn budget_is_of_thirty_days_and_the_good_share_of_seven() {
    let day = 24 * 60;
    for (failed_ago, is_of_the_week, is_of_the_month) in
        [(6 * day, true, true), (8 * day, false, true), (29 * day, false, true), (32 * day, false, false)]
    {
        let mut all = made(40 * day, |ago| if ago == failed_ago { (0, 100) } else { (100, 0) });
        let burn = all.burn(NOW, THREE_NINES);
        assert_eq!(burn.good_of_a_million < Some(MILLION), is_of_the_week, "{failed_ago}: {burn:?}");
        assert_eq!(burn.budget_left_percent < Some(100), is_of_the_month, "{failed_ago}: {burn:?}");
        all.through(NOW);
        assert_eq!(all.burn(NOW, THREE_NINES), burn, "once more changes nothing");
    }
}

/// The sweeper's last visit comes a day later.
#[test]
fn minute_may_be_counted_anew_for_a_day_and_two_hours() {
    let mut all = steady(3 * DAY, 1, 0);
    let before = all.over(NOW, 2 * DAY);
    for ago in [0, 24 * 60, 26 * 60] {
        all.count(NOW - ago, Counts { good: 0, failed: 1 });
    }
    assert_eq!(all.over(NOW, 2 * DAY), Counts { good: before.good - 3, failed: 3 });
    let oldest = all.kept_from;
    all.count(oldest, Counts { good: 0, failed: 1 });
    assert_eq!(all.over(NOW, 2 * DAY).failed, 4);
    all.count(oldest - 1, Counts { good: 0, failed: 1 });
    assert_eq!(all.over(NOW, 2 * DAY).failed, 4, "it stands in its hour");
}

#[test]
fn clock_that_goes_back_a_day_loses_nothing() {
    let mut all = steady(5 * DAY, 1, 0);
    let from = all.kept_from;
    let before = all.over(from, DAY);
    all.through(from);
    assert_eq!(all.over(from, DAY), before);
}

#[test]
fn nothing_attempted_is_not_a_good_share() {
    let burn = OutcomeCounts::default().burn(NOW, THREE_NINES);
    assert_eq!((burn.budget_left_percent, burn.good_of_a_million, burn.page_percent), (None, None, 0));
    assert_eq!(steady(HOUR, 3, 1).burn(NOW, THREE_NINES).good_of_a_million, Some(750_000));
}

#[test]
fn later_visit_replaces_what_an_earlier_one_counted() {
    let mut all = steady(HOUR, 10, 1);
    let counts = Counts { good: 11, failed: 0 };
    all.count(NOW - 20, counts);
    all.count(NOW - 20, counts);
    assert_eq!(all.over(NOW, HOUR), Counts { good: 601, failed: 59 });
}

#[test]
fn minutes_become_hours_and_nothing_is_counted_twice() {
    let mut all = steady(40 * DAY, 1, 1);
    let days = all.over(NOW, 3 * DAY).total();
    assert!((2 * (3 * DAY - HOUR)..=2 * 3 * DAY).contains(&days), "to an hour: {days}");
    let month = all.over(NOW, PERIOD).total();
    assert!((2 * (PERIOD - HOUR)..=2 * (PERIOD + HOUR)).contains(&month), "to an hour: {month}");
    assert!(all.to_lines().len() < 2_400, "{}", all.to_lines().len());
    all.count(NOW - 2 * DAY, Counts { good: 99, failed: 0 });
    assert_eq!(all.over(NOW, 3 * DAY).total(), days, "that minute stands in its hour already");
    all.through(NOW + 45 * DAY);
    assert_eq!(all.over(NOW + 45 * DAY, PERIOD), Counts::default());
}

#[test]
fn what_is_stored_is_read_back() {
    let all = steady(3 * DAY, 7, 2);
    let lines = all.to_lines();
    assert_eq!(OutcomeCounts::from_lines(lines.iter().map(String::as_str)), Some(all));
    for odd in ["m 1 2", "x 1 2 3", "m a 2 3", ""] {
        assert_eq!(OutcomeCounts::from_lines([odd]), None, "{odd}");
    }
}
