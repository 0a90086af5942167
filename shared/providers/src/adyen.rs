//! Adyen's payment webhooks: each item of a delivery carries its own signature over eight of its fields, joined by colons
//! without escaping. <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>
//!
//! Stricter than Adyen's libraries: every item must verify, a field that could move a boundary is refused, and only the
//! eight signed fields are ever looked at afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::event::Strict;
use crate::scheme::{Refused, hex_bytes};
use crate::secrets::Secrets;

const ITEMS: &str = "/notificationItems";
const ITEM: &str = "NotificationRequestItem";
const SIGNATURE: &str = "/additionalData/hmacSignature";

/// The eight fields of one item, as text; one that is missing is signed as nothing.
struct Signed {
    psp_reference: String,
    original_reference: String,
    merchant_account_code: String,
    merchant_reference: String,
    value: String,
    currency: String,
    event_code: String,
    success: String,
}

impl Signed {
    fn of(item: &Value) -> Result<Self, Refused> {
        let text = |pointer: &str| match item.pointer(pointer) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Refused::MalformedSignature),
        };
        let value = match item.pointer("/amount/value") {
            None | Some(Value::Null) => String::new(),
            Some(value) => value.as_i64().ok_or(Refused::MalformedSignature)?.to_string(),
        };
        let signed = Self {
            psp_reference: text("/pspReference")?,
            original_reference: text("/originalReference")?,
            merchant_account_code: text("/merchantAccountCode")?,
            merchant_reference: text("/merchantReference")?,
            value,
            currency: text("/amount/currency")?,
            event_code: text("/eventCode")?,
            success: text("/success")?,
        };
        // With at most one field that may hold a colon, the joined text reads in one way only.
        let others = [
            &signed.psp_reference,
            &signed.original_reference,
            &signed.merchant_account_code,
            &signed.currency,
            &signed.event_code,
        ];
        if others.iter().any(|field| field.contains(':')) || !matches!(signed.success.as_str(), "true" | "false") {
            return Err(Refused::Ambiguous);
        }
        Ok(signed)
    }

    fn text(&self) -> String {
        [
            &self.psp_reference,
            &self.original_reference,
            &self.merchant_account_code,
            &self.merchant_reference,
            &self.value,
            &self.currency,
            &self.event_code,
            &self.success,
        ]
        .map(String::as_str)
        .join(":")
    }

    /// `None` for a secret that is no hex key.
    fn mac(&self, secret: &str) -> Option<Vec<u8>> {
        let key = hex_bytes(&secret.to_ascii_lowercase()).filter(|key| !key.is_empty())?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(self.text().as_bytes());
        Some(mac.finalize().into_bytes().to_vec())
    }

    fn verify(&self, secrets: &Secrets, signature: &[u8]) -> Result<(), Refused> {
        let (mut any_key, mut matched) = (false, Choice::from(0));
        for ours in secrets.iter().filter_map(|secret| self.mac(secret)) {
            any_key = true;
            matched |= ours.ct_eq(signature);
        }
        match (any_key, bool::from(matched)) {
            (false, _) => Err(Refused::UnusableSecret),
            (true, false) => Err(Refused::Mismatch),
            (true, true) => Ok(()),
        }
    }
}

/// Whether every item is signed by one of the secrets. A delivery without an item has no signature.
pub(crate) fn verify(secrets: &Secrets, body: &[u8]) -> Result<(), Refused> {
    let Strict(body) = serde_json::from_slice(body).map_err(|_| Refused::MalformedSignature)?;
    let items = body.pointer(ITEMS).and_then(Value::as_array).ok_or(Refused::MissingSignature)?;
    if items.is_empty() {
        return Err(Refused::MissingSignature);
    }
    items.iter().try_for_each(|item| {
        let item = item.get(ITEM).ok_or(Refused::MissingSignature)?;
        let signature = item.pointer(SIGNATURE).and_then(Value::as_str).ok_or(Refused::MissingSignature)?;
        let signature = BASE64.decode(signature).map_err(|_| Refused::MalformedSignature)?;
        Signed::of(item)?.verify(secrets, &signature)
    })
}

/// What is left of an item when everything unsigned is taken away.
pub(crate) fn signed_part(item: &Value) -> Option<Value> {
    let signed = Signed::of(item).ok()?;
    let value = signed.value.parse::<i64>().map_or(Value::Null, Value::from);
    Some(json!({
        "pspReference": signed.psp_reference,
        "originalReference": signed.original_reference,
        "merchantAccountCode": signed.merchant_account_code,
        "merchantReference": signed.merchant_reference,
        "amount": { "value": value, "currency": signed.currency },
        "eventCode": signed.event_code,
        "success": signed.success,
    }))
}

/// The body as Adyen would send it: each item with its signature by the first secret. One that cannot be signed is left
/// as it is.
pub(crate) fn seal(secrets: &Secrets, body: &[u8]) -> Vec<u8> {
    let Ok(Strict(mut value)) = serde_json::from_slice(body) else { return body.to_vec() };
    let items = value.pointer_mut(ITEMS).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(|item| item.get_mut(ITEM)) {
        let mac = Signed::of(item).ok().and_then(|signed| signed.mac(secrets.iter().next()?));
        let (Some(mac), Some(item)) = (mac, item.as_object_mut()) else { continue };
        let additional = item.entry("additionalData").or_insert_with(|| Map::new().into());
        if let Some(additional) = additional.as_object_mut() {
            additional.insert("hmacSignature".to_owned(), BASE64.encode(mac).into());
        }
    }
    value.to_string().into_bytes()
}
