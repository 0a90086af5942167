//! Adyen's payment webhooks: each item of a delivery carries its own signature over eight of its fields, joined by colons
//! without escaping. <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>
//!
//! Stricter than Adyen's libraries: every item must verify, what a colon makes uncertain feeds no payout, and only the eight
//! signed fields are ever looked at afterwards. An item whose signature fits is never refused: Adyen holds back everything
//! behind a delivery that is, for up to 30 days.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::EventId;
use serde_json::{Map, Value, json};

use crate::event::{EventMisfit, EventReader, ParsedEvent, Verified};
use crate::pointer::find;
use crate::read::{read, unreadable};
use crate::scheme::{self, KeyDecoding, Refused, Scheme, made_by_one};
use crate::secrets::Secrets;

const ITEMS: &str = "/notificationItems";
const ITEM: &str = "NotificationRequestItem";
const SIGNATURE: &str = "/additionalData/hmacSignature";

/// Of an item's signature: what it stands in is read here.
const OF_AN_ITEM: Scheme = Scheme { key: KeyDecoding::Hex, ..scheme::PLAIN };

/// The eight fields of one item in the order in which they are joined.
pub(crate) const FIELDS: [&str; 8] = [
    "/pspReference",
    "/originalReference",
    "/merchantAccountCode",
    "/merchantReference",
    "/amount/value",
    "/amount/currency",
    "/eventCode",
    "/success",
];

/// The fields as they are joined: one that is missing is signed as nothing.
struct Signed {
    psp_reference: Field,
    original_reference: Field,
    merchant_account_code: Field,
    merchant_reference: Field,
    value: Field,
    currency: Field,
    event_code: Field,
    success: Field,
}

/// One field: as it is signed, and as it is read.
struct Field {
    text: String,
    value: Value,
}

/// What the joined text says without doubt, as fields may hold the colon that joins them.
enum Certain {
    All,
    /// All but the first four fields. The last four are Adyen's own words and numbers, which hold no colon, so that they
    /// are found from the end of the text. A report's pspReference is the name of its file, with times in it:
    /// <https://docs.adyen.com/development-resources/webhooks/webhook-types/>
    LastFour,
    /// Not even the type.
    Nothing(&'static str),
}

impl Field {
    /// Numbers and truth values are joined as JavaScript writes them, which is how Adyen's library for Node joins them. They
    /// are read only where one belongs. `None`: what was signed here cannot be known.
    fn of(item: &Value, pointer: &str) -> Option<Self> {
        let found = find(item, pointer);
        let is_amount = pointer == "/amount/value";
        Some(match found {
            None | Some(Value::Null) if is_amount => Self { text: String::new(), value: Value::Null },
            None | Some(Value::Null) => Self { text: String::new(), value: "".into() },
            Some(Value::String(text)) if is_amount => Self { text: text.clone(), value: unreadable() },
            Some(Value::String(text)) => Self { text: text.clone(), value: text.as_str().into() },
            Some(Value::Bool(value)) => Self { text: value.to_string(), value: unreadable() },
            Some(value) => {
                let number = value.as_i64()?;
                Self { text: number.to_string(), value: if is_amount { number.into() } else { unreadable() } }
            }
        })
    }

    fn holds_colon(&self) -> bool {
        self.text.contains(':')
    }
}

impl Signed {
    fn of(item: &Value) -> Option<Self> {
        let [psp, original, account, reference, value, currency, code, success] =
            FIELDS.map(|pointer| Field::of(item, pointer));
        Some(Self {
            psp_reference: psp?,
            original_reference: original?,
            merchant_account_code: account?,
            merchant_reference: reference?,
            value: value?,
            currency: currency?,
            event_code: code?,
            success: success?,
        })
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
        .map(|field| field.text.as_str())
        .join(":")
    }

    fn certain(&self) -> Certain {
        if !matches!(self.success.text.as_str(), "true" | "false") {
            return Certain::Nothing("/success is neither true nor false");
        }
        if [&self.value, &self.currency, &self.event_code].iter().any(|field| field.holds_colon()) {
            return Certain::Nothing("a colon stands where none belongs: the signed fields cannot be told apart");
        }
        // With at most one further field that may hold a colon, the joined text reads in one way only.
        let references = [&self.psp_reference, &self.original_reference, &self.merchant_account_code];
        if references.iter().any(|field| field.holds_colon()) { Certain::LastFour } else { Certain::All }
    }

    /// What is left of an item when everything unsigned is taken away, and everything that is not certain.
    fn part(&self, references_are_certain: bool) -> Value {
        let reference = |field: &Field| if references_are_certain { field.value.clone() } else { unreadable() };
        json!({
            "pspReference": reference(&self.psp_reference),
            "originalReference": reference(&self.original_reference),
            "merchantAccountCode": reference(&self.merchant_account_code),
            "merchantReference": reference(&self.merchant_reference),
            "amount": { "value": self.value.value, "currency": self.currency.value },
            "eventCode": self.event_code.value,
            "success": self.success.value,
        })
    }

    /// `None` for a secret that is no hex key.
    fn mac(&self, secret: &str) -> Option<Vec<u8>> {
        OF_AN_ITEM.mac_of(secret, self.text().as_bytes())
    }
}

/// Whether every item is signed by one of the secrets. A delivery without an item has no signature. Where a name stands
/// twice on the way to a signed field or to the signature, or half a character in one, nobody can say what was signed.
pub(crate) fn verify(secrets: &Secrets, body: &[u8]) -> Result<(), Refused> {
    let body = read(body).map_err(|_| Refused::MalformedSignature)?;
    let items = body.pointer(ITEMS).and_then(Value::as_array).ok_or(Refused::MissingSignature)?;
    if items.is_empty() {
        return Err(Refused::MissingSignature);
    }
    items.iter().try_for_each(|item| {
        let item = item.get(ITEM).ok_or(Refused::MissingSignature)?;
        let signature = item.pointer(SIGNATURE).and_then(Value::as_str).ok_or(Refused::MissingSignature)?;
        let signature = BASE64.decode(signature).map_err(|_| Refused::MalformedSignature)?;
        let signed = Signed::of(item).ok_or(Refused::MalformedSignature)?;
        made_by_one(secrets, |secret| signed.mac(secret), &[signature])
    })
}

/// One item of a verified delivery. What a colon makes uncertain is unreadable in it, so that it feeds no payout; its signed
/// text names it, in however many ways that can be read.
pub(crate) fn event(
    provider: &str,
    reader: &EventReader,
    item: &Value,
    verified: &Verified<'_>,
) -> Result<ParsedEvent, EventMisfit> {
    let signed = Signed::of(item).ok_or_else(|| EventMisfit::new("its signed fields cannot be read"))?;
    let digest = Digest::of(signed.text());
    let by = |subject: &[&str]| Some(subject.iter().map(|part| (*part).to_owned()).collect());
    let code = EventId::new(signed.event_code.text.as_str()).ok();
    let id = code.as_ref().and_then(|code| EventId::new(format!("{code}/{digest}")).ok());
    match (signed.certain(), code, id) {
        (Certain::LastFour, Some(code), Some(id)) => {
            Ok(ParsedEvent { id, event_type: code.to_string(), created_at: None, body: signed.part(false) })
        }
        // One case for whatever comes of this kind, however often.
        (Certain::Nothing(problem), code, _) => {
            let code = code.map_or_else(String::new, |code| code.to_string());
            Err(EventMisfit { shared: by(&[provider, &code, problem]), ..EventMisfit::new(problem) })
        }
        _ => {
            let event = reader.event(signed.part(true), verified);
            event.map_err(|misfit| EventMisfit { shared: by(&[provider, &digest.to_string()]), ..misfit })
        }
    }
}

/// The body as Adyen would send it: each item with its signature by the first secret. One that cannot be signed is left
/// as it is, and so is a body that is signed.
pub(crate) fn seal(secrets: &Secrets, body: &[u8]) -> Vec<u8> {
    if verify(secrets, body).is_ok() {
        return body.to_vec();
    }
    let Ok(mut value) = read(body) else { return body.to_vec() };
    let items = value.pointer_mut(ITEMS).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(|item| item.get_mut(ITEM)) {
        let mac = Signed::of(item).and_then(|signed| signed.mac(secrets.iter().next()?));
        let (Some(mac), Some(item)) = (mac, item.as_object_mut()) else { continue };
        let additional = item.entry("additionalData").or_insert_with(|| Map::new().into());
        if let Some(additional) = additional.as_object_mut() {
            additional.insert("hmacSignature".to_owned(), BASE64.encode(mac).into());
        }
    }
    value.to_string().into_bytes()
}
