//! Why a deployed stack could not be reached, in words: where it was tried, and what is to be looked at.

use std::time::Duration;

use http::Uri;
use payonce_ledger::LedgerError;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;
use crate::send::not_reached;

const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Nothing else is looked for: no profile, no file, no metadata service.
const CREDENTIALS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

pub fn credentials() -> Result<(), String> {
    let is_missing = |name: &&str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let missing: Vec<&str> = CREDENTIALS.into_iter().filter(|name| is_missing(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "no credentials: {} not set (aws configure export-credentials --format env prints them)",
        are(&missing)
    ))
}

fn are(names: &[&str]) -> String {
    format!("{} {}", names.join(" and "), if names.len() == 1 { "is" } else { "are" })
}

pub fn tried(target: &Target, why: &str) -> String {
    let tables = format!("tables {}, {}", target.table("audit"), target.table("reconcile"));
    format!("{why}\n  tried: {}, region {}, {tables}", target.endpoint(), target.region)
}

pub async fn why(target: &Target, error: &LedgerError) -> String {
    let LedgerError::Failed { doing, why } = error else { return error.to_string() };
    let because = match why.as_str() {
        "connection" => connecting(&target.endpoint()).await,
        "timeout" | "RequestTimeout" => "no answer in time".to_owned(),
        "ResourceNotFoundException" => {
            "no such table: is the stack deployed in this region, under this name? (--stack, --suffix, --region)".to_owned()
        }
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidSignatureException" => {
            "AWS does not know these credentials: are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of one \
             sign-in, and of this account?"
                .to_owned()
        }
        "ExpiredTokenException" | "ExpiredToken" => "the credentials have expired: sign in again".to_owned(),
        "AccessDeniedException" => {
            "access denied: the credentials may not do this (infra/deploy.md says what on-call's role needs)".to_owned()
        }
        other => other.to_owned(),
    };
    format!("could not {doing}: {because}")
}

/// The SDK says only that there is no connection: why, a second one shows.
async fn connecting(endpoint: &str) -> String {
    let Ok(uri) = endpoint.parse::<Uri>() else { return "the endpoint is no address".to_owned() };
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match timeout(CONNECT_WITHIN, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => "a connection can be made, and ends without an answer".to_owned(),
        Ok(Err(error)) if error.to_string().contains("lookup") => format!("the name {host} is not known here"),
        Ok(Err(error)) => not_reached(&error),
        Err(_) => "no connection in time".to_owned(),
    }
}
