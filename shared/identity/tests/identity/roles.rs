//! Which roles a token gives: the claim in every shape that issuers send, and what is said when nobody has a role.

use payonce_identity::{NoRole, Person, Role};
use serde_json::{Value, json};

use crate::fake::{Fake, NONCE, RULE, claims_with};

/// Whom a token names, with the claim at this place and these names of groups.
async fn person(pointer: &str, roles: &Value, change: &Value) -> Person {
    let fake = Fake::new();
    let mut config = crate::fake::config();
    config.roles_claim = pointer.to_owned();
    config.roles = serde_json::from_value::<payonce_identity::IdentityConfig>(json!({
        "issuer": "x", "client_id": "x", "cookie_secret": "x", "roles": roles,
    }))
    .unwrap()
    .roles;
    let token = fake.signer.sign(&claims_with(change));
    fake.issuer_of(&config, None).verify(&token, NONCE, RULE).await.unwrap()
}

async fn found(pointer: &str, change: Value) -> (Vec<Role>, Option<NoRole>) {
    let roles =
        json!({ "analyst": ["finance-analysts"], "approver": ["finance-approvers", "cfo"], "viewer": ["everybody"] });
    let person = person(pointer, &roles, &change).await;
    (person.roles.into_iter().collect(), person.no_role)
}

async fn roles(claim: Value) -> Vec<Role> {
    let (roles, why) = found("/roles", json!({ "roles": claim })).await;
    assert_eq!(roles.is_empty(), why.is_some(), "{claim}");
    roles
}

#[tokio::test]
async fn reads_the_claim_as_a_list_or_as_one_text_of_one_or_several_names() {
    use Role::{Approver, Viewer};
    for one in [json!("cfo"), json!(" cfo\n"), json!("\"cfo\""), json!("'cfo'"), json!("[cfo]"), json!("[ \"cfo\" ]")] {
        assert_eq!(roles(one.clone()).await, [Approver], "{one}");
    }
    for several in [
        json!(["everybody", "cfo", "unknown", 7, null, ["finance-analysts"]]),
        json!([" everybody", "\"cfo\" "]),
        json!("everybody cfo"),
        json!(" other\teverybody   cfo "),
        json!("everybody,cfo"),
        json!("everybody, cfo ,"),
        json!("[everybody, cfo]"),
        json!("[ everybody,cfo, other ]"),
        json!("[everybody cfo]"),
        json!("['everybody', 'cfo']"),
        json!("[\"everybody\",\"cfo\"]"),
        json!("\"everybody\", \"cfo\""),
    ] {
        assert_eq!(roles(several.clone()).await, [Viewer, Approver], "{several}");
    }
}

#[tokio::test]
async fn gives_no_role_for_a_part_of_a_name_or_another_spelling() {
    for nothing in [
        json!(""),
        json!([]),
        json!("CFO"),
        json!("cfos everybody-else"),
        json!("not-cfo,everybodys"),
        json!("[cfo"),
        json!("cfo]"),
        json!("\"cfo"),
        json!("cfo;everybody"),
        json!("the cfo, not everybody"),
        json!(["everybody cfo"]),
        json!(["everybody,cfo"]),
        json!(["[cfo]"]),
        json!([["cfo"]]),
        json!(true),
        json!(7),
        json!({ "cfo": true }),
        // The name of a role is no value that gives it.
        json!(["approver"]),
    ] {
        assert_eq!(roles(nothing.clone()).await, [], "{nothing}");
    }
}

#[tokio::test]
async fn a_name_with_a_separator_is_found_whole_in_a_list_and_in_a_text() {
    let names = json!({
        "approver": ["Finance, Approvers"], "analyst": ["CN=Analysts,OU=Finance"], "viewer": ["All staff", "OU=Finance", "staff"],
    });
    for (claim, expected) in [
        (json!(["Finance, Approvers", "x"]), vec![Role::Approver]),
        (json!("Finance, Approvers"), vec![Role::Approver]),
        (json!("[Finance, Approvers]"), vec![Role::Approver]),
        (json!("[\"Finance, Approvers\", \"All staff\"]"), vec![Role::Viewer, Role::Approver]),
        // A distinguished name's parts are no groups of their own.
        (json!("CN=Analysts,OU=Finance"), vec![Role::Analyst]),
        (json!(["CN=Analysts,OU=Finance"]), vec![Role::Analyst]),
        (json!("Somebody, All staff"), vec![Role::Viewer]),
        // Between commas, white space belongs to the name.
        (json!("Not all staff, x"), vec![]),
        (json!(["Not all staff"]), vec![]),
    ] {
        let person = person("/roles", &names, &json!({ "roles": claim })).await;
        assert_eq!(person.roles.into_iter().collect::<Vec<_>>(), expected, "{claim}");
    }
}

#[tokio::test]
async fn the_claim_is_found_where_each_issuer_puts_it() {
    let claims = json!({
        "roles": null, "resource_access": { "payonce": { "roles": ["cfo"] } }, "realm_access": { "roles": "everybody" },
        "https://x/roles": "everybody", "cognito:groups": ["cfo"], "custom:groups": "[cfo, everybody]", "groups": "cfo",
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "cfo",
    });
    for (pointer, expected) in [
        ("/resource_access/payonce/roles", vec![Role::Approver]),
        ("/realm_access/roles", vec![Role::Viewer]),
        ("/https:~1~1x~1roles", vec![Role::Viewer]),
        ("/cognito:groups", vec![Role::Approver]),
        ("/custom:groups", vec![Role::Viewer, Role::Approver]),
        ("/groups", vec![Role::Approver]),
        ("/http:~1~1schemas.microsoft.com~1ws~12008~106~1identity~1claims~1role", vec![Role::Approver]),
        ("/roles", vec![]),
    ] {
        assert_eq!(found(pointer, claims.clone()).await.0, expected, "{pointer}");
    }
}

#[tokio::test]
async fn says_what_was_found_where_nobody_has_a_role() {
    for (pointer, claims, expected) in [
        ("/roles", json!({ "roles": ["cfo"] }), None),
        ("/roles", json!({ "roles": null }), Some(NoRole::Absent)),
        ("/realm_access/roles", json!({ "realm_access": {} }), Some(NoRole::Absent)),
        ("/roles", json!({ "roles": [] }), Some(NoRole::Empty)),
        ("/roles", json!({ "roles": " [ ] " }), Some(NoRole::Empty)),
        ("/roles", json!({ "roles": ["", " "] }), Some(NoRole::Empty)),
        ("/roles", json!({ "roles": { "cfo": {} } }), Some(NoRole::OtherType)),
        ("/roles", json!({ "roles": [{ "name": "cfo" }] }), Some(NoRole::OtherType)),
        ("/roles", json!({ "roles": 7 }), Some(NoRole::OtherType)),
        ("/roles", json!({ "roles": "somebody else" }), Some(NoRole::NoneConfigured)),
        ("/roles", json!({ "roles": ["x"] }), Some(NoRole::NoneConfigured)),
        // More groups than Entra ID writes into a token.
        ("/groups", json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": {} }), Some(NoRole::Linked)),
        ("/groups", json!({ "hasgroups": true }), Some(NoRole::Linked)),
        ("/groups", json!({ "hasgroups": "true" }), Some(NoRole::Linked)),
        ("/roles", json!({ "roles": null, "hasgroups": true }), Some(NoRole::Absent)),
        ("/https:~1~1x~1r", json!({ "_claim_names": { "https://x/r": "src1" } }), Some(NoRole::Linked)),
    ] {
        assert_eq!(found(pointer, claims.clone()).await.1, expected, "{pointer} {claims}");
    }
}
