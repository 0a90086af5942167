//! The list of alarms as CloudWatch and people need it.

#![allow(clippy::panic, reason = "test code")]

use std::collections::BTreeSet;

use payonce_catalogue::alarm::{Alarm, Missing, Scope, Source, Statistic, Threshold, Urgency, is_of_providers};
use payonce_catalogue::alarms;
use payonce_catalogue::placed::{Placed, Provider, incidents, muted, placed};
use payonce_runtime::metrics::Kind;

fn at(providers: &[&str]) -> Vec<Placed> {
    let providers: Vec<Provider> = providers.iter().map(|name| Provider::new(name, Some(5_000))).collect();
    placed(&alarms::all(), &providers)
}

fn all_different(what: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for one in what {
        assert!(seen.insert(one.clone()), "{one} twice");
    }
}

#[test]
fn each_alarm_has_a_name_and_a_logical_id_of_its_own() {
    let placed = at(&["stripe", "acme-eu", "adyen"]);
    all_different(placed.iter().map(Placed::id));
    all_different(placed.iter().map(Placed::name));
    assert!(placed.iter().all(|one| one.id().bytes().all(|byte| byte.is_ascii_alphanumeric())));
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
#[test]
fn description_says_what_it_means_for_money_first_and_ends_with_the_runbook() {
    const LONGEST_URL: usize = 200;
    for one in at(&["stripe"]) {
        let Alarm { money, text, runbook, .. } = one.alarm;
        for sentence in [money, text] {
            assert!(sentence.ends_with('.') && !sentence.contains("${"), "{}", one.name());
        }
        assert!(!money.trim_end_matches('.').contains(['.', '!', '?']), "{}: more than one sentence", one.name());
        assert!(money.starts_with(|first: char| first.is_uppercase()) || money.starts_with("payonce"), "{money}");
        let description = one.description().replace("''", "'");
        assert!(description.starts_with(money) && description.ends_with(&format!("${{RunbookUrl}}{runbook}.md")));
        let longest = description.len() - "${RunbookUrl}".len() + LONGEST_URL;
        assert!(longest <= 1_024, "{}: {longest}", one.name());
    }
    for incident in incidents(&at(&["stripe"])) {
        let description = incident.description();
        assert!(description.starts_with(incident.cause.money()) && description.len() + LONGEST_URL <= 1_024);
        assert!(description.ends_with(&format!("Runbook: ${{RunbookUrl}}incident-{}.md", incident.cause.name())));
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>
#[test]
fn looks_back_no_further_than_cloudwatch_does() {
    for alarm in alarms::all() {
        let seconds = alarm.period_s * alarm.evaluation_periods;
        let most = if alarm.period_s < 3_600 { 86_400 } else { 7 * 86_400 };
        assert!(alarm.period_s % 60 == 0 && seconds <= most, "{}", alarm.name);
        assert!((1..=alarm.evaluation_periods).contains(&alarm.datapoints_to_alarm), "{}", alarm.name);
    }
}

#[test]
fn figure_of_ours_has_the_dimensions_under_which_it_is_written() {
    for alarm in alarms::all() {
        if let Source::Ours(metric) = alarm.source {
            assert_eq!(alarm.scope == Scope::EachProvider, is_of_providers(metric), "{}", alarm.name);
            // One name with two sets of dimensions would be two metrics.
            let sets: BTreeSet<_> = metric.on().iter().map(|wide| wide.dimensions()).collect();
            assert_eq!(sets.len(), 1, "{}", metric.name());
        }
    }
}

#[test]
fn silence_is_bad_news_of_a_figure_that_each_good_run_reports() {
    for alarm in alarms::all().iter().filter(|alarm| alarm.missing == Missing::Breaching) {
        let Source::Ours(metric) = alarm.source else { panic!("{}", alarm.name) };
        assert_eq!((metric.kind(), alarm.statistic), (Kind::Gauge, Statistic::Sum), "{}", alarm.name);
        assert_eq!(alarm.threshold, Threshold::of(1), "{}", alarm.name);
    }
}

#[test]
fn only_a_provider_has_patience() {
    for alarm in alarms::all() {
        assert!(matches!(alarm.threshold, Threshold::Is(_)) || alarm.scope == Scope::EachProvider, "{}", alarm.name);
    }
    let known = |patience_ms| {
        let placed = placed(&alarms::all(), &[Provider::new("p", patience_ms)]);
        placed.iter().find(|one| one.alarm.name == "slow").map(|one| one.threshold.to_string())
    };
    assert_eq!((known(None), known(Some(5_000))), (None, Some("4000".to_owned())));
}

#[test]
fn canary_goes_back_for_what_its_own_code_may_have_broken() {
    let back: Vec<&str> =
        alarms::all().iter().filter(|alarm| alarm.takes_canary_back).map(|alarm| alarm.name).collect();
    assert_eq!(back, ["errors", "impossible", "unrecorded", "refused"]);
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
#[test]
fn one_cause_pages_once_and_its_rule_fits() {
    let providers: Vec<String> = (0..15).map(|number| format!("a-provider-of-this-many-letter{number:02}")).collect();
    let placed = at(&providers.iter().map(String::as_str).collect::<Vec<_>>());
    for incident in incidents(&placed) {
        // One alarm needs nothing to stand for it.
        assert!((2..=100).contains(&incident.of.len()), "{}: {}", incident.name(), incident.of.len());
        // With the names in place of their logical ids.
        assert!(incident.of.len() * (12 + 64 + 20) <= 10_240, "{}", incident.name());
        assert!(incident.of.iter().all(|one| one.provider == incident.provider), "{}", incident.name());
    }
    all_different(incidents(&placed).iter().map(|incident| incident.id()));
    all_different(incidents(&placed).iter().map(|incident| incident.name()).chain(placed.iter().map(Placed::name)));
    for one in &placed {
        let members = incidents(&placed).iter().filter(|incident| incident.of.contains(one)).count();
        let pages_by_itself = one.tells() == ("HasPageTopic", "PageTopicArn");
        match one.alarm.urgency {
            Urgency::Page => assert_eq!(members == 0, pages_by_itself, "{}", one.name()),
            Urgency::Ticket => assert_eq!((members, one.tells().1), (0, "TicketTopicArn"), "{}", one.name()),
        }
    }
}

/// What lasts until somebody acts, or until the next run, would keep the alarm that stands for it and for others on, and so silent.
#[test]
fn what_lasts_pages_by_itself() {
    let lasting: BTreeSet<&str> = alarms::all()
        .iter()
        .filter(|alarm| alarm.urgency == Urgency::Page && alarm.cause.is_some() && !alarm.is_composed())
        .map(|alarm| alarm.name)
        .collect();
    let expected = ["held", "success-burning", "reconciliation-late", "endpoints-off", "provider-silent"];
    assert_eq!(lasting, expected.into());
}

#[test]
fn money_that_is_gone_and_a_guard_that_failed_page_whatever_else_is_on() {
    let always: BTreeSet<&str> = alarms::all()
        .iter()
        .filter(|alarm| alarm.urgency == Urgency::Page && alarm.cause.is_none())
        .map(|alarm| alarm.name)
        .collect();
    let expected = [
        "claims-overwritten",
        "impossible",
        "lost",
        "money-at-risk",
        "paid-twice",
        "retry-config-drift",
        "sweeper-silent",
        "tripwire",
        "unreadable",
        "wrong-payee",
    ];
    assert_eq!(always, expected.into());
    let placed = at(&["stripe"]);
    let muted = muted(&placed).concat();
    for one in &placed {
        let is_muted = muted.contains(&format!("!Ref {}", one.id()));
        assert_eq!(is_muted, !always.contains(one.alarm.name), "{}", one.name());
    }
    for incident in incidents(&placed) {
        let entry = format!("!If [ComposesAlarms, !Ref {}, !Ref AWS::NoValue]", incident.id());
        assert!(muted.contains(&entry), "{}", incident.name());
    }
}
