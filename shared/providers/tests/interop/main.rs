//! Against the providers' own libraries, for Node and for Python: what they sign we accept, what we sign they accept, and
//! one changed byte is refused on both sides. Where we differ, we do so on purpose: `differences.rs` lists each case.
//!
//! They are run, not rebuilt, and are found as `tests/tools` says; without them the tests fail. Where a provider's library has nothing for webhooks, the language's own HMAC stands in for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows them in #[test] functions only")]
#![allow(clippy::disallowed_methods, reason = "the oracles are processes, found by the environment")]

mod agreement;
mod differences;
mod oracle;
mod payments;
#[path = "../suite/random.rs"]
mod random;
mod wire;

/// A test of each provider's own, so that they run side by side.
macro_rules! providers {
    ($($provider:ident),* $(,)?) => {
        mod agrees_with {
            $(#[test]
            fn $provider() {
                crate::agreement::agrees(stringify!($provider));
            })*
        }

        mod differs_as_listed_from {
            $(#[test]
            fn $provider() {
                crate::differences::are_as_listed(stringify!($provider));
            })*
        }

        const PROVIDERS: &[&str] = &[$(stringify!($provider)),*];
    };
}

providers! {
    stripe,
    standard_webhooks,
    svix,
    adyen_balance_platform,
    square,
    gocardless,
    checkout,
    razorpay,
    paystack,
    flutterwave,
    mollie,
    shopify,
    modern_treasury,
    dwolla,
    coinbase_commerce,
    github,
}

#[test]
fn no_preset_is_left_out() {
    let asked = || PROVIDERS.iter().chain(["adyen"].iter());
    for preset in payonce_providers::preset::ALL {
        assert!(asked().any(|provider| *provider == preset.name), "{} is asked of no library", preset.name);
    }
    assert_eq!(asked().count(), payonce_providers::preset::ALL.len());
}
