//! What the code takes from the template, held against it.

#![allow(clippy::unwrap_used, reason = "test code")]

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

#[test]
fn an_invocation_has_the_time_that_the_template_gives_it() {
    let (_, reconciler) = TEMPLATE.split_once("CodeUri: ../functions/reconciler").unwrap();
    let time_out = reconciler.lines().find_map(|line| line.trim().strip_prefix("Timeout: ")).unwrap();
    assert_eq!(time_out.parse(), Ok(reconciler::TIME_OUT.as_secs()));
}
