//! Webhooks as anybody may send them: the name of a provider, headers, a body.
//!
//! * Nothing verifies under a secret that made no signature in it.
//! * What verifies does so no longer when a byte of its body was changed. Adyen signs eight fields and no bytes: there, whatever
//!   still verifies asks for the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payonce_protocol::ids::Digest;
use payonce_providers::{Provider, ProviderConfig, SecretForm, Secrets, Verified};
use toml::Table;

use crate::{events, headers, split};

/// 2023-11-14: when the kept inputs were signed.
pub(crate) const NOW: u64 = 1_700_000_000_000;

pub(crate) struct Known {
    pub provider: Provider,
    /// Under this the kept inputs were signed.
    pub secrets: Secrets,
    /// Under this nothing was.
    pub others: Secrets,
}

/// Every provider, as the local stack has it.
pub(crate) static KNOWN: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
    let file: Table = toml::from_str(include_str!("../../../infra/local/payonce.toml")).unwrap();
    let tables: Table = file["providers"].clone().try_into().unwrap();
    let known = tables.into_iter().map(|(name, table)| {
        let config: ProviderConfig = table.try_into().unwrap();
        let form = SecretForm::of(&config);
        let [secrets, others] = ["one", "other"].map(|which| Secrets::new(vec![secret(form, which)]).unwrap());
        let provider = Provider::new(&name, &config).unwrap();
        (name, Known { provider, secrets, others })
    });
    known.collect()
});

fn secret(form: SecretForm, which: &str) -> String {
    match form {
        SecretForm::Hex { .. } => Digest::of(which).to_string(),
        SecretForm::Base64 { mark } => format!("{mark}{}", STANDARD.encode(which)),
        SecretForm::Begins(mark) => format!("{mark}{which}"),
        SecretForm::Any | SecretForm::Text | SecretForm::ApiKey => format!("planted-{which}"),
    }
}

/// Their names, for whoever writes inputs to keep.
pub fn providers() -> impl Iterator<Item = &'static str> {
    KNOWN.keys().map(String::as_str)
}

/// An input: what this provider would send.
pub fn delivery(provider: &str, body: &[u8]) -> Vec<u8> {
    let Known { provider: of, secrets, .. } = &KNOWN[provider];
    let body = of.seal(secrets, body);
    let headers = of.sign(secrets, &body, NOW);
    let lines =
        headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect::<String>();
    [format!("{provider}\n{lines}\n").as_bytes(), &body].concat()
}

pub fn run(input: &[u8]) {
    let Some((head, body)) = split(input) else { return };
    let Some((known, lines)) = head.split_first().and_then(|(name, lines)| Some((KNOWN.get(*name)?, lines))) else {
        return;
    };
    let Known { provider, secrets, others } = known;
    let headers = headers(lines);
    assert!(provider.verify(others, &headers, body, NOW).is_err(), "a signature was forged");
    let Ok(verified) = provider.verify(secrets, &headers, body, NOW) else { return };
    // Which one is changed hangs on the input, so that the search reaches each.
    let Some(at) =
        Digest::of(input).0.iter().fold(0_usize, |sum, byte| sum << 7 ^ usize::from(*byte)).checked_rem(body.len())
    else {
        return;
    };
    let mut changed = body.to_vec();
    changed[at] ^= 1;
    let Ok(again) = provider.verify(secrets, &headers, &changed, NOW) else { return };
    assert_eq!(provider.name(), "adyen", "another body verifies under the same signature");
    let asked = |verified: &Verified<'_>| events::terms(&events::orders(provider, verified));
    assert_eq!(asked(&verified), asked(&again));
}
