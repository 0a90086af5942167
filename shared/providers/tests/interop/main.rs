//! Against the providers' own libraries, for Node and for Python: what they sign we accept, what we sign they accept, and
//! one changed byte is refused on both sides. Where we differ, we do so on purpose: `differences.rs` lists each case.
//!
//! They are run, not rebuilt, and are found as `tests/tools` says; without them the tests fail. Where a
//! provider's library has nothing for webhooks, the language's own HMAC stands in for it, by that provider's line in `wire.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "the oracles are processes, found by the environment")]

mod agreement;
mod differences;
mod oracle;
mod payments;
#[path = "../suite/random.rs"]
mod random;
mod wire;

#[test]
fn no_preset_is_left_out() {
    let asked: Vec<&str> = wire::WIRES.iter().chain([&wire::ADYEN]).map(|wire| wire.provider).collect();
    for preset in payonce_providers::preset::ALL {
        assert!(asked.contains(&preset.name), "{} has no line in wire.rs", preset.name);
    }
    assert_eq!(asked.len(), payonce_providers::preset::ALL.len());
}
