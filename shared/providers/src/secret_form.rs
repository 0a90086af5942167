//! What a provider's signing secret looks like. One that cannot work verifies nothing, for ever, and each delivery is
//! refused as if it were forged: it is found when it is read, and named by its place in the configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::config::ProviderConfig;
use crate::custom::KeyKind;
use crate::preset::Preset;
use crate::scheme::hex_bytes;
use crate::secrets::Secrets;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// Any text, of which nothing is known.
    Any,
    /// Any text but what is plainly something else.
    Text,
    /// The same where the key that the API is called with signs as well.
    ApiKey,
    /// Begins so, and goes on.
    Begins(&'static str),
    /// Base64, and before it, or not, this mark.
    Base64 { mark: &'static str },
    /// Hex, of so many digits where that is known.
    Hex { digits: Option<usize> },
}

/// What people copy from the line above or below, and what it is.
const FOREIGN: &[(&str, &str)] = &[
    ("pk_", "is a public API key; the endpoint's signing secret is wanted"),
    ("sk_live_", API_KEY),
    ("sk_test_", API_KEY),
    ("rk_live_", API_KEY),
    ("rk_test_", API_KEY),
    ("v1,", "begins with `v1,`, which is a part of no secret"),
    ("https://", ADDRESS),
    ("http://", ADDRESS),
    ("arn:", REFERENCE),
    ("env:", REFERENCE),
    ("secretsmanager:", REFERENCE),
    ("-----BEGIN", "is a key or certificate of a key pair; an HMAC's secret is wanted"),
];
const API_KEY: &str = "is an API key; the endpoint's signing secret is wanted";
const ADDRESS: &str = "is an address; the endpoint's signing secret is wanted";
const REFERENCE: &str = "is a reference to a secret, and not the secret";

impl SecretForm {
    /// Of this provider's secrets; [`SecretForm::Any`] for a scheme that there is not.
    pub fn of(config: &ProviderConfig) -> Self {
        match &config.custom {
            Some(custom) => match custom.key {
                KeyKind::Utf8 => Self::Any,
                KeyKind::Base64 => Self::Base64 { mark: crate::custom::kept(&custom.key_mark) },
                KeyKind::Hex => Self::Hex { digits: None },
            },
            None => Preset::by_name(&config.scheme).map_or(Self::Any, |preset| preset.secret_form),
        }
    }

    /// The problem holds nothing of the secret.
    pub fn check(self, secret: &str) -> Result<(), String> {
        Secrets::new(vec![secret.to_owned()]).map_err(|problem| problem.to_string())?;
        let foreign = FOREIGN.iter().find(|(begin, _)| secret.starts_with(begin)).map(|(_, what)| *what);
        let problem = match self {
            Self::Any => None,
            Self::Text => foreign,
            Self::ApiKey => foreign.filter(|what| *what != API_KEY),
            Self::Begins(mark) => {
                let fits = secret
                    .strip_prefix(mark)
                    .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()));
                let problem =
                    || foreign.map_or_else(|| format!("does not begin with `{mark}`, or ends there"), str::to_owned);
                return fits.then_some(()).ok_or_else(problem);
            }
            Self::Base64 { mark } => {
                let key = BASE64.decode(secret.strip_prefix(mark).unwrap_or(secret));
                let is_key = key.is_ok_and(|key| !key.is_empty());
                (!is_key).then_some(foreign.unwrap_or("is no base64, with its padding"))
            }
            Self::Hex { digits } => {
                let fits = hex_bytes(&secret.to_ascii_lowercase()).is_some();
                let is_long = digits.is_none_or(|digits| digits == secret.len());
                match (fits, digits) {
                    (true, _) if is_long => None,
                    (true, Some(digits)) => {
                        return Err(format!("has {} hex digits where {digits} are due", secret.len()));
                    }
                    _ => Some(foreign.unwrap_or("is no hex")),
                }
            }
        };
        problem.map_or(Ok(()), |problem| Err(problem.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(scheme: &str, secret: &str) -> Option<String> {
        SecretForm::of(&toml::from_str(&format!("{scheme}\nsecrets = ['env:A']")).unwrap()).check(secret).err()
    }

    #[test]
    fn refuses_a_secret_that_cannot_work() {
        let hex = "5A4DB0C0".repeat(8);
        let balance = "adyen_balance_platform";
        let (short, long, base64) = (&hex[1..], format!("{hex}00"), "c2FuZGJveC1vbmx5LW5vdC1hLXNlY3JldA==");
        let marked = format!("whsec_{base64}");
        for (scheme, good, bad) in [
            (
                "stripe",
                vec!["whsec_1", "whsec_aB3+/="],
                vec!["sk_live_planted", "rk_test_planted", "whsec_", "planted", "v1,whsec_planted"],
            ),
            (
                "svix",
                vec![&marked, base64],
                vec!["v1,whsec_c2Fu", "whsec_", "whsec_c2Fu!", "sk_test_planted", &marked[..marked.len() - 1]],
            ),
            ("standard_webhooks", vec![&marked, base64], vec!["whsk_c2Fu", "planted", "https://planted.example"]),
            ("adyen", vec![&hex], vec![short, &long, &hex[..62], "whsec_planted", "planted", "AQEyhmfxplanted"]),
            (balance, vec![&hex], vec![short, &long, "planted"]),
            (
                "square",
                vec!["sandboxOnlyNotASecret", "Zm9v", &hex],
                vec!["sk_live_planted", "https://planted.example", "env:PLANTED", "arn:aws:planted"],
            ),
            ("paystack", vec!["sk_live_1", "sk_test_1"], vec!["pk_live_planted", "https://planted.example"]),
            ("github", vec!["It's a Secret to Everybody"], vec!["-----BEGIN PUBLIC KEY-----", "planted ", "", " "]),
        ] {
            let scheme = format!("scheme = '{scheme}'");
            for good in good {
                assert_eq!(problem(&scheme, good), None, "{scheme}: {good}");
            }
            for bad in bad {
                let problem = problem(&scheme, bad).unwrap_or_else(|| panic!("{scheme}: {bad} is taken"));
                assert!(!problem.contains("planted"), "{problem}");
            }
        }
    }

    #[test]
    fn a_described_providers_secret_is_held_to_its_key_alone() {
        let custom = |key: &str| {
            format!(
                "scheme = 'custom'\ncustom = {{ header = 'x', encoding = 'hex', redelivers = '1h', longest_gap = '1h', {key} }}"
            )
        };
        assert_eq!(problem(&custom("key = 'utf8'"), "sk_live_1"), None);
        assert_eq!(problem(&custom("key = 'hex'"), "aB01"), None);
        assert!(problem(&custom("key = 'hex'"), "aB0").is_some());
        assert_eq!(problem(&custom("key = 'base64'"), "Zm9v"), None);
        assert!(problem(&custom("key = 'base64'"), "whsec_Zm9v").is_some());
        assert_eq!(problem(&custom("key = 'base64', key_mark = 'whsec_'"), "whsec_Zm9v"), None);
    }
}
