//! The `[console]` part that concerns identity: each mistake is named with its place.

use payonce_identity::{IdentityConfig, Role};
use serde_json::{Value, json};

fn parsed(change: &Value) -> Result<IdentityConfig, String> {
    let mut text = json!({
        "issuer": "https://id.example.com", "client_id": "console", "cookie_secret": "env:COOKIES",
        "roles": { "approver": ["cfo"] },
    });
    for (name, value) in change.as_object().unwrap() {
        text[name] = value.clone();
    }
    serde_json::from_value(text).map_err(|error| error.to_string())
}

fn paths(change: &Value) -> Vec<String> {
    parsed(change).unwrap().check().into_iter().map(|found| found.path).collect()
}

#[test]
fn defaults_are_as_documented() {
    let config = parsed(&json!({})).unwrap();
    assert_eq!((config.roles_claim.as_str(), config.idle_minutes, config.absolute_hours), ("/roles", 20, 10));
    assert_eq!((config.idle_ms(), config.absolute_ms()), (1_200_000, 36_000_000));
    assert_eq!(config.roles[&Role::Approver], ["cfo"]);
    assert!(config.client_secret.is_none() && config.check().is_empty());
}

#[test]
fn refuses_unknown_keys_and_roles() {
    assert!(parsed(&json!({ "issuers": "x" })).unwrap_err().contains("unknown field `issuers`"));
    let unknown = parsed(&json!({ "roles": { "approver": ["cfo"], "admin": ["x"] } })).unwrap_err();
    assert!(unknown.contains("unknown role `admin`; there are viewer, analyst, approver, auditor"), "{unknown}");
    assert!(parsed(&json!({ "roles": { "Approver": ["cfo"] } })).is_err());
}

#[test]
fn names_every_mistake_by_its_path() {
    for issuer in [
        "",
        "id.example.com",
        "http://id.example.com",
        "http://localhost.example.com",
        "ftp://id.example.com",
        "https://u:p@id.example.com",
        "https://id.example.com?x=1",
        "https://id.example.com#x",
    ] {
        assert_eq!(paths(&json!({ "issuer": issuer })), ["issuer"], "{issuer}");
    }
    for issuer in
        ["http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000", "https://id.example.com/realms/x/"]
    {
        assert_eq!(paths(&json!({ "issuer": issuer })), [""; 0], "{issuer}");
    }
    for pointer in ["", "/", "roles", "/a~2b", "/a~"] {
        assert_eq!(paths(&json!({ "roles_claim": pointer })), ["roles_claim"], "{pointer}");
    }
    assert_eq!(paths(&json!({ "roles_claim": "/https:~1~1x~0" })), [""; 0]);
    let all = json!({ "client_id": " ", "client_secret": "", "cookie_secret": "", "idle_minutes": 0, "absolute_hours": 25,
        "roles": { "viewer": [], "auditor": [""] } });
    let expected = [
        "client_id",
        "client_secret",
        "cookie_secret",
        "roles.viewer",
        "roles.auditor",
        "idle_minutes",
        "absolute_hours",
    ];
    assert_eq!(paths(&all), expected);
    assert_eq!(paths(&json!({ "roles": {} })), ["roles"]);
    assert_eq!(paths(&json!({ "idle_minutes": 61, "absolute_hours": 1 })), ["idle_minutes"]);
}
