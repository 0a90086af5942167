//! What is on the wire, written down a second time out of the providers' documentation, so that a preset's mistake is not
//! repeated here; and our side of it, which is asked through [`Provider`] as the webhook asks it.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue};
use payonce_providers::{Provider, Refused, Secrets};

use crate::random::Random;

pub const NOW_S: u64 = 1_790_000_000;
pub const NOW: u64 = NOW_S * 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Hex,
    Base64,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

/// How one provider's deliveries look.
#[derive(Debug)]
pub struct Wire {
    pub provider: &'static str,
    /// The header of the signature.
    pub header: &'static str,
    /// What stands before the signature in it, other than the time.
    pub mark: &'static str,
    pub encoding: Encoding,
    /// Of the HMAC, as Node and Python call it.
    pub algorithm: &'static str,
    /// The header of a signed id, and of a signed time; `t` is an element of the signature header.
    pub id: Option<&'static str>,
    pub time: Option<&'static str>,
    /// What our configuration wants besides.
    pub toml: &'static str,
}

const HEX: Wire = Wire {
    provider: "",
    header: "",
    mark: "",
    encoding: Encoding::Hex,
    algorithm: "sha256",
    id: None,
    time: None,
    toml: "",
};
const BASE_64: Wire = Wire { encoding: Encoding::Base64, ..HEX };

/// Its signatures stand in the body: see `payments.rs`.
pub static ADYEN: Wire = Wire { provider: "adyen", toml: "mode = 'live'", ..BASE_64 };

/// The table, and tests of each provider's own, so that they run side by side.
macro_rules! providers {
    ($($provider:ident: $wire:expr,)*) => {
        pub static WIRES: &[Wire] = &[$(Wire { provider: stringify!($provider), ..$wire }),*];

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
    };
}

providers! {
    stripe: Wire { header: "stripe-signature", mark: "v1=", time: Some("t"), ..HEX },
    standard_webhooks: Wire {
        header: "webhook-signature",
        mark: "v1,",
        id: Some("webhook-id"),
        time: Some("webhook-timestamp"),
        toml: "mode = 'live'",
        ..BASE_64
    },
    svix: Wire {
        header: "svix-signature",
        mark: "v1,",
        id: Some("svix-id"),
        time: Some("svix-timestamp"),
        toml: "mode = 'live'",
        ..BASE_64
    },
    adyen_balance_platform: Wire { header: "hmacsignature", ..BASE_64 },
    square: Wire { header: "x-square-hmacsha256-signature", toml: "mode = 'live'", ..BASE_64 },
    gocardless: Wire { header: "webhook-signature", toml: "mode = 'live'", ..HEX },
    checkout: Wire { header: "cko-signature", toml: "mode = 'live'", ..HEX },
    razorpay: Wire { header: "x-razorpay-signature", toml: "mode = 'live'", ..HEX },
    paystack: Wire { header: "x-paystack-signature", toml: "mode = 'live'", algorithm: "sha512", ..HEX },
    flutterwave: Wire { header: "flutterwave-signature", toml: "mode = 'live'", ..BASE_64 },
    mollie: Wire { header: "x-mollie-signature", mark: "sha256=", toml: "mode = 'live'", ..HEX },
    shopify: Wire { header: "x-shopify-hmac-sha256", toml: "mode = 'live'\nevent_type = 'orders/paid'", ..BASE_64 },
    modern_treasury: Wire { header: "x-signature", toml: "mode = 'live'", ..HEX },
    dwolla: Wire { header: "x-request-signature-sha-256", toml: "mode = 'live'", ..HEX },
    coinbase_commerce: Wire { header: "x-cc-webhook-signature", toml: "mode = 'live'", ..HEX },
    github: Wire { header: "x-hub-signature-256", mark: "sha256=", toml: "mode = 'live'\nevent_type = 'push'", ..HEX },
}

pub fn wire(provider: &str) -> &'static Wire {
    WIRES
        .iter()
        .chain([&ADYEN])
        .find(|wire| wire.provider == provider)
        .unwrap_or_else(|| panic!("{provider} is not in the table"))
}

/// One provider with one secret, and our side of it.
pub struct Case {
    pub wire: &'static Wire,
    pub secret: String,
    /// The signed address, where one is signed.
    pub url: String,
    ours: Provider,
}

#[derive(Clone)]
pub struct Delivery {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// When it arrives.
    pub now: u64,
}

impl Case {
    pub fn new(provider: &str, secret: String) -> Self {
        let url = if provider == "square" { "https://pay.example/hooks/square?a=1" } else { "" };
        Self::of(wire(provider), secret, url.to_owned())
    }

    fn of(wire: &'static Wire, secret: String, url: String) -> Self {
        let mut toml = format!("scheme = '{}'\nsecrets = ['env:NOT_READ_HERE']\n{}", wire.provider, wire.toml);
        if !url.is_empty() {
            toml += &format!("\nurl = '{url}'");
        }
        let ours = Provider::new(wire.provider, &toml::from_str(&toml).unwrap()).unwrap();
        Self { wire, secret, url, ours }
    }

    pub fn random(provider: &str, random: &mut Random) -> Self {
        let secret = secret(provider, random);
        Self::new(provider, secret)
    }

    pub fn with_secret(&self, secret: String) -> Self {
        Self::of(self.wire, secret, self.url.clone())
    }

    pub fn with_url(&self, url: String) -> Self {
        Self::of(self.wire, self.secret.clone(), url)
    }

    /// As our local sender would send it at this second; it arrives at [`NOW`].
    pub fn we_sign(&self, body: &[u8], t: u64) -> Delivery {
        let body = self.ours.seal(&self.secrets(), body);
        let headers = self.ours.sign(&self.secrets(), &body, t * 1000);
        let mut headers: BTreeMap<String, String> = headers
            .into_iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .collect();
        // Shopify's library looks whether these are there; the signature does not cover them.
        if self.wire.provider == "shopify" {
            for name in ["topic", "shop-domain", "api-version", "webhook-id"] {
                headers.insert(format!("x-shopify-{name}"), "unsigned".to_owned());
            }
        }
        Delivery { headers, body: body.into_owned(), now: NOW }
    }

    pub fn we_say(&self, delivery: &Delivery) -> Result<(), Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in &delivery.headers {
            let Ok(value) = HeaderValue::from_str(value) else { return Err(Refused::MalformedSignature) };
            headers.append(HeaderName::try_from(name).unwrap(), value);
        }
        self.ours.verify(&self.secrets(), &headers, &delivery.body, delivery.now).map(|_| ())
    }

    fn secrets(&self) -> Secrets {
        Secrets::new(vec![self.secret.clone()]).unwrap()
    }

    pub fn signature(&self, delivery: &Delivery) -> String {
        delivery.headers[self.wire.header].clone()
    }

    /// The signature alone, without the time and the mark.
    pub fn mac(&self, delivery: &Delivery) -> String {
        let header = self.signature(delivery);
        match self.wire.mark {
            "" => header,
            mark => header.rsplit(mark).next().unwrap().to_owned(),
        }
    }
}

/// The body as text, cut short.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        write!(f, "at {}: {:?} {body:?}", self.now, self.headers)
    }
}

impl Delivery {
    pub fn with(&self, header: &str, value: impl Into<String>) -> Self {
        let mut changed = self.clone();
        changed.headers.insert(header.to_owned(), value.into());
        changed
    }

    pub fn without(&self, header: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.remove(header).unwrap();
        changed
    }
}

/// A secret as the provider hands them out.
pub fn secret(provider: &str, random: &mut Random) -> String {
    let bytes: Vec<u8> = (0..32).map(|_| random.below(256) as u8).collect();
    match provider {
        "standard_webhooks" | "svix" => format!("whsec_{}", BASE64.encode(bytes)),
        "adyen" | "adyen_balance_platform" => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        _ => format!("whsec_{}", random.below(1 << 30)),
    }
}
