//! What the release build is asked for. `cargo lambda build --release` adds `panic = "abort"` on its own command line
//! unless the workspace's manifest names a strategy itself; the environment and `.cargo/config.toml` do not stop it
//! (measured with 1.9.2). With abort, a panic after a claim ends the process before it can record `Unknown`.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

#[test]
fn release_profile_unwinds_on_a_panic() {
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(root().join("Cargo.toml")).unwrap()).unwrap();
    let profiles = manifest["profile"].as_table().unwrap();
    assert_eq!(profiles["release"]["panic"].as_str(), Some("unwind"), "[profile.release] must name it");
    for (name, profile) in profiles {
        let panic = profile.get("panic").map(|panic| panic.as_str().unwrap());
        assert!(matches!(panic, None | Some("unwind")), "[profile.{name}] panic = {panic:?}");
    }
}

#[test]
fn cargo_configuration_sets_no_profile() {
    for name in ["config", "config.toml"] {
        let path = root().join(".cargo").join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(!text.contains("profile") && !text.contains("panic"), "{}", path.display());
    }
}
