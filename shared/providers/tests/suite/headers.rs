//! What real senders' headers look like, each described as `custom`, against signatures that Python's `hmac` made; and what
//! cannot be described is refused by its name.
//!
//! * Paddle: <https://developer.paddle.com/webhooks/about/signature-verification>
//! * Slack: <https://docs.slack.dev/authentication/verifying-requests-from-slack>, and Zoom in the same way
//! * Calendly: <https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures>
//! * Persona: <https://docs.withpersona.com/webhooks-best-practices>
//! * Box: <https://developer.box.com/guides/webhooks/v2/signatures-v2>
//! * HubSpot: <https://developers.hubspot.com/changelog/introducing-version-3-of-webhook-signatures>
//! * Authorize.Net: <https://developer.authorize.net/api/reference/features/webhooks.html>
//! * Zoho Payments: <https://www.zoho.com/in/payments/developerdocs/webhooks/verification>

use http::{HeaderMap, HeaderName, HeaderValue};
use payonce_providers::{Provider, Refused};

use crate::{T, config, secrets};

const BODY: &str = r#"{"id":"evt_1","kind":"sale","note":"hé ✓"}"#;
/// `hmac.new(b"a custom secret", b"1700000000:" + body, "sha256").hexdigest()`, and the same with `the secret before`.
const PADDLE: &str = "e7d790ad72765e2472fd71cc2542d6f6567814f8604c558afa6f58345aca53b0";
const PADDLE_BEFORE: &str = "151947a3d81fa4a6bb4d40997433ea12b56ee6ad07ac8e6bb79402a56999d97f";
/// Over `v0:1700000000:` and the body.
const SLACK: &str = "7a1edafa70fa1cf97aa267c91ac5f39669ac8a50d85e29339716112e9aa2e6d4";
/// Over `1700000000.` and the body, and the same with `the secret before`.
const CALENDLY: &str = "8787a6307ef922c93819f0edef6f1af52ef9a8193616ed251d5e31ecc2a4c012";
const PERSONA_BEFORE: &str = "6437bb2881e9925f82077f8f624749c836306f2f36c29088286721466e68d05b";
/// Over the body and `2023-11-14T14:13:20-08:00`, in base64.
const BOX: &str = "i1LISHFzxaIww86vE/iOBX07Mdm8nWm+gbRAdbIZCgM=";
/// Over `POSThttps://pay.example.com/webhooks/x`, the body and `1700000000000`, in base64.
const HUBSPOT: &str = "KgaZ2nGhjVmW6WwjZKsMposk5nmsaSD44xsD/HHAy2M=";
/// Over `1700000000000.` and the body.
const ZOHO: &str = "12378bdce02b72dd890eced81df595338eeda5be4e29004aa7381ff27a636215";
/// SHA-512 over the body, in upper case.
const AUTHORIZE_NET: &str = "9DD8BAC9FEA4FCCDCF45799C3AAD20CDECD34BC46EAB5F881A073FC47B38F98B53460DB9CE7A005D216B70F6FC90362F7093970088675B83EC2131F70ECE1CE6";

const PADDLE_SCHEME: &str = r#"header = "Paddle-Signature"
container = "key_value_list"
signature_name = "h1"
separator = ";"
time_element = "ts"
signed = "{t}:{body}"
encoding = "hex""#;
const SLACK_SCHEME: &str = r#"header = "X-Slack-Signature"
prefix = "v0="
time_header = "X-Slack-Request-Timestamp"
signed = "v0:{t}:{body}"
encoding = "hex""#;
const PERSONA_SCHEME: &str = r#"header = "Persona-Signature"
container = "key_value_list"
signature_name = "v1"
groups = " "
time_element = "t"
signed = "{t}.{body}"
encoding = "hex""#;
const BOX_SCHEME: &str = r#"header = "BOX-SIGNATURE-PRIMARY"
time_header = "BOX-DELIVERY-TIMESTAMP"
time_as = "rfc3339"
tolerance_s = 600
signed = "{body}{t}"
encoding = "base64""#;
const HUBSPOT_SCHEME: &str = r#"header = "X-HubSpot-Signature-v3"
time_header = "X-HubSpot-Request-Timestamp"
time_as = "millis"
signed = "POST{url}{body}{t}"
encoding = "base64""#;
const ZOHO_SCHEME: &str = r#"header = "X-Zoho-Webhook-Signature"
container = "key_value_list"
signature_name = "v"
time_element = "t"
time_as = "millis"
signed = "{t}.{body}"
encoding = "hex""#;
const AUTHORIZE_NET_SCHEME: &str = r#"header = "X-ANET-Signature"
prefix = "sha512="
algorithm = "hmac-sha512"
encoding = "hex_upper""#;

fn text(custom: &str) -> String {
    let url = if custom.contains("{url}") { "url = \"https://pay.example.com/webhooks/x\"" } else { "" };
    format!(
        "scheme = \"custom\"\nsecrets = [\"env:A\"]\nmode = \"test\"\nevent_type = \"sale\"\n{url}\n[custom]\n{custom}\n\
         redelivers = \"24h\"\nlongest_gap = \"6h\"\n"
    )
}

fn provider(custom: &str) -> Provider {
    Provider::new("x", &config(&text(custom))).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let header =
        |(name, value): &(&str, &str)| (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
    pairs.iter().map(header).collect()
}

#[track_caller]
fn verified(custom: &str, pairs: &[(&str, &str)]) -> Result<(), Refused> {
    provider(custom).verify(&secrets(&["a custom secret"]), &headers(pairs), BODY.as_bytes(), T).map(drop)
}

#[test]
fn headers_of_real_senders_verify_as_described() {
    let paddle = format!("ts=1700000000;h1={PADDLE}");
    assert_eq!(verified(PADDLE_SCHEME, &[("paddle-signature", &paddle)]), Ok(()));
    let rotating = format!("ts=1700000000;h1={PADDLE_BEFORE};h1={PADDLE}");
    assert_eq!(verified(PADDLE_SCHEME, &[("paddle-signature", &rotating)]), Ok(()));

    let slack = [("x-slack-signature", format!("v0={SLACK}")), ("x-slack-request-timestamp", "1700000000".to_owned())];
    assert_eq!(verified(SLACK_SCHEME, &slack.each_ref().map(|(name, value)| (*name, value.as_str()))), Ok(()));

    let calendly = PERSONA_SCHEME.replace("Persona", "Calendly-Webhook").replace("groups = \" \"\n", "");
    let value = format!("t=1700000000,v1={CALENDLY}");
    assert_eq!(verified(&calendly, &[("calendly-webhook-signature", &value)]), Ok(()));

    let persona = format!("t=1700000000,v1={PERSONA_BEFORE} t=1700000000,v1={CALENDLY}");
    for value in [value, persona] {
        assert_eq!(verified(PERSONA_SCHEME, &[("persona-signature", &value)]), Ok(()));
    }

    let at = "2023-11-14T14:13:20-08:00";
    assert_eq!(verified(BOX_SCHEME, &[("box-signature-primary", BOX), ("box-delivery-timestamp", at)]), Ok(()));
    let at = "1700000000000";
    let hubspot = [("x-hubspot-signature-v3", HUBSPOT), ("x-hubspot-request-timestamp", at)];
    assert_eq!(verified(HUBSPOT_SCHEME, &hubspot), Ok(()));
    let zoho = format!("t={at},v={ZOHO}");
    assert_eq!(verified(ZOHO_SCHEME, &[("x-zoho-webhook-signature", &zoho)]), Ok(()));
    let authorize_net = format!("sha512={AUTHORIZE_NET}");
    assert_eq!(verified(AUTHORIZE_NET_SCHEME, &[("x-anet-signature", &authorize_net)]), Ok(()));
}

#[test]
fn headers_that_differ_from_their_description_are_refused() {
    let paddle = |value: String| verified(PADDLE_SCHEME, &[("paddle-signature", &value)]);
    assert_eq!(paddle(format!("ts=1700000000,h1={PADDLE}")), Err(Refused::MalformedSignature));
    assert_eq!(paddle(format!("ts=1700000000;h1={PADDLE_BEFORE}")), Err(Refused::Mismatch));
    assert_eq!(paddle(format!("ts=1700000001;h1={PADDLE}")), Err(Refused::Mismatch));
    assert_eq!(paddle(format!("ts=1700000000;ts=1700000000;h1={PADDLE}")), Err(Refused::MalformedSignature));
    assert_eq!(paddle(format!("ts=1699999600;h1={PADDLE}")), Err(Refused::Stale));

    // Two lists with two times would leave it open which of them was signed.
    let persona = |value: String| verified(PERSONA_SCHEME, &[("persona-signature", &value)]);
    let of_two_times = format!("t=1700000000,v1={PERSONA_BEFORE} t=1700000001,v1={CALENDLY}");
    assert_eq!(persona(of_two_times), Err(Refused::MalformedSignature));

    let lower = format!("sha512={}", AUTHORIZE_NET.to_ascii_lowercase());
    assert_eq!(verified(AUTHORIZE_NET_SCHEME, &[("x-anet-signature", &lower)]), Err(Refused::MalformedSignature));
    let zoho = |at: &str| verified(ZOHO_SCHEME, &[("x-zoho-webhook-signature", &format!("t={at},v={ZOHO}"))]);
    assert_eq!(zoho("1700000000"), Err(Refused::Stale));
    assert_eq!(zoho("17000000000000"), Err(Refused::MalformedSignature));
    let boxed = |at: &str| verified(BOX_SCHEME, &[("box-signature-primary", BOX), ("box-delivery-timestamp", at)]);
    assert_eq!(boxed("2023-11-14T22:13:20Z"), Err(Refused::Mismatch));
    assert_eq!(boxed("2023-11-14"), Err(Refused::MalformedSignature));
}

#[test]
fn what_is_signed_here_is_what_the_description_verifies() {
    let schemes = [PADDLE_SCHEME, SLACK_SCHEME, PERSONA_SCHEME, BOX_SCHEME, HUBSPOT_SCHEME, ZOHO_SCHEME];
    for custom in schemes.into_iter().chain([AUTHORIZE_NET_SCHEME]) {
        let (provider, held) = (provider(custom), secrets(&["a custom secret", "the secret before"]));
        let headers: HeaderMap = provider.sign(&held, BODY.as_bytes(), T).into_iter().collect();
        for one in ["a custom secret", "the secret before"] {
            let is_first = one == "a custom secret";
            let verified = provider.verify(&secrets(&[one]), &headers, BODY.as_bytes(), T);
            // Where the header holds one signature, it is the first secret's.
            assert!(verified.is_ok() || !is_first, "{custom}: {:?}", verified.err());
        }
        let said = provider.signature_shown().time;
        assert_eq!(provider.signed_at(&headers).is_some(), said.is_some(), "{custom}");
        if said.is_some() {
            assert_eq!(provider.signed_at(&headers), Some(T), "{custom}");
        }
    }
}

/// The path and what is said about it.
fn problem(custom: &str) -> (String, String) {
    let errors = Provider::new("x", &config(&text(custom))).err().unwrap_or_default();
    let [one] = &errors[..] else { panic!("{custom}: {errors:?}") };
    (one.path.clone(), one.problem.clone())
}

#[test]
fn refuses_by_name_what_it_cannot_verify() {
    for (algorithm, sender) in [
        ("rsa-sha256", "public key"),
        ("RSA_SHA256", "public key"),
        ("ed25519", "public key"),
        ("ecdsa-sha256", "public key"),
        ("ES256", "public key"),
        ("jwt", "JSON Web Token"),
        ("hmac-sha1", "SHA-1"),
        ("sha256", "key schedule"),
        ("basic", "says nothing of the body"),
    ] {
        let (path, said) = problem(&format!("{SLACK_SCHEME}\nalgorithm = \"{algorithm}\""));
        let name = algorithm.to_ascii_lowercase().replace('_', "-");
        assert_eq!(path, "providers.x.custom.algorithm");
        assert!(said.starts_with(&format!("{name} is refused. ")) && said.contains(sender), "{said}");
    }
    let (_, said) = problem(&format!("{SLACK_SCHEME}\nalgorithm = \"hmac-sha3\""));
    assert!(said.contains("unknown") && said.contains("hmac-sha256"), "{said}");

    for (placeholder, why) in [
        ("{method}", "write POST"),
        ("{params}", "Twilio"),
        ("{path}", "write {url}"),
        ("{header.date}", "no header"),
        ("{body_hash}", "PayPal"),
        ("{nonce}", "there are {body}"),
    ] {
        let (path, said) = problem(&SLACK_SCHEME.replace("v0:", placeholder));
        assert_eq!(path, "providers.x.custom.signed");
        assert!(said.contains(why), "{said}");
    }
    let (path, said) = problem(
        &SLACK_SCHEME.replace("\"X-Slack-Signature\"", "[\"BOX-SIGNATURE-PRIMARY\", \"BOX-SIGNATURE-SECONDARY\"]"),
    );
    assert_eq!(path, "providers.x.custom.header");
    assert!(said.contains("several headers are refused"), "{said}");
}

#[test]
fn refuses_a_description_that_reads_in_two_ways() {
    let with = |lines: &str| problem(&format!("{PADDLE_SCHEME}\n{lines}")).0;
    assert_eq!(with("groups = \";\""), "providers.x.custom.groups");
    assert_eq!(with("groups = \"\""), "providers.x.custom.groups");
    assert_eq!(problem(&PADDLE_SCHEME.replace('"', "'").replace("';'", "'a'")).0, "providers.x.custom.separator");
    assert_eq!(problem(&PADDLE_SCHEME.replace("\";\"", "\"=\"")).0, "providers.x.custom.separator");
    assert_eq!(problem(&format!("{SLACK_SCHEME}\nseparator = \";\"")).0, "providers.x.custom.separator");
    assert_eq!(problem(&format!("{AUTHORIZE_NET_SCHEME}\ntime_as = \"millis\"")).0, "providers.x.custom.time_as");
    // The end of the id would be the beginning of the body.
    let run_on = SLACK_SCHEME.replace("v0:{t}:{body}", "{t}.{id}{body}");
    assert_eq!(problem(&format!("{run_on}\nid_header = \"x-id\"")).0, "providers.x.custom.signed");
}
