//! What `scheme = "custom"` does not describe, each by name and with the reason, so that a configuration is refused for what it
//! asks for instead of being called usable. The senders in brackets were read in November 2026:
//! <https://developer.paypal.com/api/rest/webhooks/rest/#verify-webhooks>,
//! <https://docs.wise.com/api-docs/features/webhooks-notifications/event-handling>,
//! <https://plaid.com/docs/api/webhooks/webhook-verification/>,
//! <https://developers.intercom.com/docs/references/webhooks/webhook-models>,
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-security>,
//! <https://discord.com/developers/docs/events/webhook-events>.

const PUBLIC_KEY: &str = "is checked with a public key of the sender's (PayPal, Wise, Discord), which must be fetched and \
    trusted first. Only HMAC with a shared secret is described here";
const TOKEN: &str = "is a JSON Web Token that holds a hash of the body, and its key is fetched by an id out of it (Plaid). Only \
    HMAC over the body itself is described here";
const OLD_HASH: &str =
    "rests on a hash that is broken elsewhere (Intercom, Twilio sign with SHA-1), and is not taken for money";
const NO_KEY: &str = "is a hash without HMAC's key schedule: who saw one signature may be able to make another";
const NO_BODY: &str = "says nothing of the body: who saw one delivery can write the next";

/// Why a scheme with this algorithm is refused.
pub(crate) fn refused_algorithm(name: &str) -> String {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let why = match plain.as_str() {
        name if name.starts_with("rsa") || name.starts_with("ecdsa") || name.starts_with("ed25519") => PUBLIC_KEY,
        "es256" | "rs256" | "ps256" | "eddsa" | "secp256k1" => PUBLIC_KEY,
        "jwt" | "jws" | "jwk" => TOKEN,
        "hmac-sha1" | "hmac-md5" => OLD_HASH,
        "sha1" | "md5" | "sha256" | "sha512" => NO_KEY,
        "basic" | "bearer" | "token" | "none" => NO_BODY,
        _ => return "is unknown; there are hmac-sha256 and hmac-sha512".to_owned(),
    };
    format!("{plain} is refused. It {why}")
}

/// Why this placeholder does not stand in `signed`.
pub(crate) fn refused_placeholder(name: &str) -> String {
    let why = match name {
        "method" => "every delivery is a POST here: write POST",
        "params" | "query" | "form" => {
            "parameters in an order of their own (Twilio) are not described: a body here is JSON"
        }
        "path" | "host" | "uri" => "an address is never taken out of a request: write {url} for the configured one",
        name if name.starts_with("header") => "beside body, time and id no header is signed here",
        "body_hash" | "body_sha256" | "sha256" | "crc32" => "a hash in place of the body (PayPal) is not described",
        _ => return "holds an unknown placeholder; there are {body}, {t}, {id} and {url}".to_owned(),
    };
    format!("{{{name}}} is refused: {why}")
}
