//! The template that is made: true to the configuration, one part for each provider, the tables that were asked for.

#![allow(clippy::unwrap_used, reason = "test code")]

use payonce_catalogue::template::suffix_of;
use payonce_catalogue::{Refused, Template};
use payonce_runtime::config::Config;

const CONFIG: &str = include_str!("../../payonce.toml");
const COMMITTED: &str = include_str!("../../template.yaml");

/// The committed configuration with further providers that are as its own one.
fn with(more: &[&str]) -> Config {
    // Two providers of one scheme say whose payments they are.
    let config = CONFIG.replace("scheme = \"stripe\"", "scheme = \"stripe\"\nnamespace = \"stripe\"");
    let (_, own) = config.split_once("[providers.stripe]").unwrap();
    let (own, _) = own.split_once("[rail]").unwrap();
    let own = format!("[providers.stripe]{own}");
    let text = more.iter().fold(config.clone(), |text, name| {
        text + "\n" + &own.replace("providers.stripe", &format!("providers.{name}"))
    });
    Config::parse(&text).unwrap()
}

fn made(config: &Config, suffix: &str) -> String {
    Template::of(config, &suffix.parse().unwrap()).unwrap().text
}

#[test]
fn committed_template_is_made_from_the_committed_configuration() {
    let suffix = suffix_of(COMMITTED).unwrap().to_string();
    let made = made(&Config::parse(CONFIG).unwrap(), &suffix);
    let differs = COMMITTED.lines().zip(made.lines()).find(|(is, would_be)| is != would_be);
    assert_eq!(differs, None, "`cargo run -- template` writes it");
    assert!(COMMITTED == made, "`cargo run -- template` writes it");
}

/// The rail is the first limit: what all routes let through together stays below it.
#[test]
fn front_door_lets_through_what_the_rail_takes() {
    let rate = |rail: &str, providers: &str| {
        let text = CONFIG.replace("kind = \"stripe\"\n", &format!("kind = \"stripe\"\n{rail}")) + providers;
        let text = made(&Config::parse(&text).unwrap(), "");
        let (_, after) = text.split_once("  RequestsPerSecond:\n    Type: Number\n    Default: ").unwrap();
        after.lines().next().unwrap().parse::<u32>().unwrap()
    };
    let other =
        "\n[providers.acme]\nscheme = \"adyen\"\nsecrets = [\"secretsmanager:payonce/acme\"]\nmode = \"test\"\n";
    assert_eq!((rate("", ""), rate("", other)), (20, 10));
    assert_eq!((rate("payouts_a_second = 100\n", ""), rate("payouts_a_second = 1\n", other)), (80, 1));
}

#[test]
fn committed_alarms_are_those_that_retry_audit_expects() {
    let made = Template::of(&Config::parse(CONFIG).unwrap(), &"".parse().unwrap()).unwrap();
    assert!(made.alarms == include_str!("../../alarms.json"), "`cargo run -- template` writes it");
    assert!(made.dashboards == include_str!("../../dashboards.json"), "`cargo run -- template` writes it");
    assert_eq!(made.alarms.matches("\"Tells\"").count(), made.text.matches("Type: AWS::CloudWatch::Alarm\n").count());
}

#[test]
fn committed_index_of_the_alarms_is_the_catalogues() {
    let index = include_str!("../../runbooks/alarms.md");
    assert!(
        index == payonce_catalogue::index::page(&payonce_catalogue::alarms::all()),
        "`cargo run -- template` writes it"
    );
}

#[test]
fn a_provider_gets_its_own_resources_and_leaves_the_others_as_they_are() {
    let (one, two) = (made(&with(&[]), ""), made(&with(&["acme-eu"]), ""));
    assert!(!one.contains("acme"));
    let together = [
        "AWS::CloudWatch::CompositeAlarm",
        "MuteTargets:",
        "AWS::CloudWatch::Dashboard",
        "AWS::Logs::QueryDefinition",
        "  RetryAuditSchedule:",
        // The door is shared by all.
        "  RequestsPerSecond:\n",
    ];
    let of_all = |part: &str| together.iter().any(|kind| part.contains(kind));
    let parts = |text: &str, name: &str| -> Vec<String> {
        text.split("\n\n").filter(|part| !part.contains(name) && !of_all(part)).map(str::to_owned).collect()
    };
    let (of_two, of_one) = (parts(&two, "acme"), parts(&one, "acme"));
    let changed = of_two.iter().zip(&of_one).find(|(two, one)| two != one);
    assert_eq!((changed, of_two.len()), (None, of_one.len()), "another provider's resources have changed");
    assert!(two.contains("  WebhookacmeX2deuRole:\n"));
    assert!(two.contains("PAYONCE_PROVIDER: 'acme-eu'"));
    assert!(two.contains("RouteKey: !Sub 'POST /webhooks/acme-eu/${PathToken}'"));
}

#[test]
fn restored_tables_have_new_names_and_new_logical_ids_everywhere() {
    let text = made(&with(&[]), "-2");
    for table in ["audit", "bodies", "reconcile"] {
        assert!(text.contains(&format!("TableName: payonce-{table}-2\n")), "{table}");
        assert!(!text.lines().any(|line| line.ends_with(&format!("payonce-{table}"))), "{table}");
    }
    for id in ["AuditTable", "BodiesTable", "ReconcileTable"] {
        let uses = text.matches(id).count();
        // The outputs keep their names.
        let outputs = text.matches(&format!("\n  {id}: {{Value:")).count();
        assert_eq!(text.matches(&format!("{id}2")).count(), uses - outputs, "{id}");
    }
    assert!(text.contains(":table/payonce-audit-2'"));
}

#[test]
fn first_line_says_what_made_it_and_with_which_tables() {
    for suffix in ["", "-2", "-17"] {
        let text = made(&with(&[]), suffix);
        assert!(text.starts_with("# Made by `cargo run -- template"), "{text:.80}");
        assert_eq!(suffix_of(&text).unwrap().to_string(), suffix);
    }
    assert_eq!(suffix_of("# payonce on AWS\n"), None);
}

#[test]
fn refuses_names_whose_resources_could_have_one_logical_id() {
    let alike = with(&["stripeLog"]);
    let refused = Template::of(&alike, &"".parse().unwrap()).unwrap_err();
    assert_eq!(refused, Refused::Alike("stripe".to_owned(), "stripeLog".to_owned()));
    for fine in ["stripe2", "stripe-Log", "stripes", "stripeX"] {
        assert!(Template::of(&with(&[fine]), &"".parse().unwrap()).is_ok(), "{fine}");
    }
}

#[test]
fn refuses_more_providers_than_a_stack_has_resources_for() {
    let of = |number: usize| {
        let names: Vec<String> = (1..number).map(|number| format!("p{number:02}")).collect();
        let config = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
        Template::of(&config, &"".parse().unwrap()).map(drop)
    };
    assert_eq!(of(15), Ok(()));
    assert!(matches!(of(30), Err(Refused::TooMany(resources)) if resources > 500));
}

#[test]
fn transform_is_sams_alone_and_nothing_is_left_to_a_loop() {
    assert!(COMMITTED.contains("\nTransform: AWS::Serverless-2016-10-31\n"));
    assert!(!COMMITTED.contains("ForEach") && !COMMITTED.contains("${Provider}"));
}
