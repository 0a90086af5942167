//! From the tables as they are written to an [`Api`], or to everything that is wrong, each with its key. Nothing is left
//! to be found out by a payout.

mod answer;
mod books;
mod request;

use std::collections::BTreeMap;

use http::{HeaderName, Method};
use payonce_protocol::config::ConfigError;
use payonce_protocol::money::MAX_EXPONENT;
use payonce_protocol::order::MAX_KEY_BYTES;
use payonce_protocol::reissue::{LookUp, RailPromises};

use super::config::{BodyForm, HttpConfig, KeyShape, MethodName, ReferenceForm, Scheme};
use super::template::Text;
use super::{Api, DIGEST_LENGTH};
use crate::amount::Units;
use crate::books::Books;

/// Ten years: longer than any promise, and far from an overflow.
const HOURS_AT_MOST: u64 = 10 * 366 * 24;
const ACCOUNT_BYTES_AT_MOST: usize = 64;
/// A path and its query, without our values.
const TEXT_BYTES_AT_MOST: usize = 1024;

/// Headers that are ours or the connection's to set, and those that some servers read as another method: look-ups carry
/// the fixed headers too, and must stay GETs.
const NOT_YOURS: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];

/// Collects problems under `rail.http`.
#[derive(Default)]
struct Found(Vec<ConfigError>);

impl Found {
    fn add(&mut self, key: &str, problem: impl Into<String>) {
        self.0.push(ConfigError::new(key, problem).below("rail.http"));
    }

    fn pointer(&mut self, key: &str, pointer: &str) {
        let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !pointer.starts_with('/') || !escapes {
            self.add(key, "is not a JSON pointer (RFC 6901): it begins with /");
        }
    }

    fn pointers<'a>(&mut self, keys: impl IntoIterator<Item = (&'a str, &'a Option<String>)>) {
        for (key, pointer) in keys {
            if let Some(pointer) = pointer {
                self.pointer(key, pointer);
            }
        }
    }

    fn must_hold(&mut self, key: &str, must_hold: &BTreeMap<String, String>) -> Vec<(String, String)> {
        for pointer in must_hold.keys() {
            self.pointer(key, pointer);
        }
        must_hold.clone().into_iter().collect()
    }

    /// A name that may stand in a request, in lower case.
    fn header(&mut self, key: &str, name: &str) -> Option<HeaderName> {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            self.add(key, "is not the name of a header");
            return None;
        };
        if NOT_YOURS.contains(&header.as_str()) {
            self.add(key, format!("may not be {header}"));
            return None;
        }
        Some(header)
    }

    /// A path without placeholders, or with `{…}` as whole segments.
    fn path(&mut self, key: &str, path: &str) -> Vec<Text> {
        let Some(rest) = path.strip_prefix('/') else {
            self.add(key, "must begin with /");
            return vec![];
        };
        if path.len() > TEXT_BYTES_AT_MOST {
            self.add(key, "is too long");
        }
        let mut segments = vec![];
        let mut rest = rest.split('/').peekable();
        while let Some(segment) = rest.next() {
            let ends_with_a_slash = segment.is_empty() && rest.peek().is_none();
            match Text::parse(segment) {
                Ok(Text::Fixed(text)) if !(ends_with_a_slash || is_segment(&text)) => {
                    self.add(key, "holds a segment that is empty, a dot, or not of RFC 3986's characters");
                }
                Ok(text) => segments.push(text),
                Err(problem) => self.add(key, problem),
            }
        }
        segments
    }
}

fn is_segment(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(allowed)
}

pub(crate) fn check(config: &HttpConfig) -> Result<Api, Vec<ConfigError>> {
    let mut found = Found::default();
    check_account(config, &mut found);
    let secret_header = secret_header(config, &mut found);
    let units = units(config, &mut found);
    let key_header = check_key(config, &mut found);
    let (path, body, slots) = request::request(&config.request, &mut found);
    request::check_slots(config, &slots, &mut found);
    let headers = request::headers(config, &secret_header, key_header.as_ref(), &mut found);
    let table = answer::table(config, &mut found);
    let books = config.books.as_ref().and_then(|books| books::books(books, config, &headers, &units, &mut found));
    let promises = promises(config, books.as_ref(), &mut found);
    if !found.0.is_empty() {
        return Err(found.0);
    }
    let request = &config.request;
    let by_default = match request.body_as {
        BodyForm::Json => "application/json",
        BodyForm::Form => "application/x-www-form-urlencoded",
    };
    Ok(Api {
        mode: config.mode.into(),
        account: config.account.clone(),
        scheme: config.scheme,
        secret_header,
        secret_prefix: config.secret_prefix.clone().unwrap_or_default(),
        destination_prefix: config.destination_prefix.clone().unwrap_or_default(),
        reference: config.reference,
        reference_at_most: config.reference_at_most.unwrap_or(MAX_KEY_BYTES),
        form: config.amount.form,
        units,
        currency: config.amount.currency,
        key_header: key_header.map(|name| name.to_string()),
        key_shape: config.key.as_ref().map(|key| key.shape).unwrap_or_default(),
        method: match request.method {
            MethodName::Post => Method::POST,
            MethodName::Put => Method::PUT,
        },
        path,
        body,
        content_type: request.content_type.clone().unwrap_or_else(|| by_default.to_owned()),
        headers,
        fields: request.fields.clone(),
        echo: config.answer.echo.clone(),
        table,
        books,
        promises,
    })
}

fn check_account(config: &HttpConfig, found: &mut Found) {
    let fits = (1..=ACCOUNT_BYTES_AT_MOST).contains(&config.account.len());
    if !fits || !config.account.bytes().all(|byte| byte.is_ascii_graphic()) {
        found.add("account", format!("must be 1 to {ACCOUNT_BYTES_AT_MOST} characters of visible ASCII"));
    }
    match (config.reference, config.reference_at_most) {
        (ReferenceForm::Digest, Some(at_most)) if at_most < DIGEST_LENGTH => {
            found.add("reference_at_most", format!("must be {DIGEST_LENGTH} or more for a digest"));
        }
        (_, Some(0)) => found.add("reference_at_most", "must be above 0"),
        _ => {}
    }
}

fn secret_header(config: &HttpConfig, found: &mut Found) -> HeaderName {
    match (config.scheme, &config.secret_header) {
        (Scheme::Header, Some(name)) => {
            return found.header("secret_header", name).unwrap_or(http::header::AUTHORIZATION);
        }
        (Scheme::Header, None) => found.add("secret_header", "is missing"),
        (_, Some(_)) => found.add("secret_header", "is for scheme = \"header\" only"),
        (_, None) => {}
    }
    http::header::AUTHORIZATION
}

fn units(config: &HttpConfig, found: &mut Found) -> Units {
    let mut units = BTreeMap::new();
    for (name, digits) in &config.amount.units {
        match name.parse() {
            Ok(currency) if *digits <= MAX_EXPONENT => {
                if units.insert(currency, *digits).is_some() {
                    found.add("amount.units", format!("lists {currency} twice"));
                }
            }
            Ok(currency) => found.add("amount.units", format!("{currency} has more than {MAX_EXPONENT} digits")),
            Err(_) => found.add("amount.units", "holds a name that is not a currency (ISO 4217)"),
        }
    }
    if config.amount.units.is_empty() && !config.amount.iso_4217 {
        found.add("amount.units", "lists no currency; each that the rail may pay in has its digits here");
    }
    Units { listed: units, iso_4217: config.amount.iso_4217 }
}

fn check_key(config: &HttpConfig, found: &mut Found) -> Option<HeaderName> {
    let key = config.key.as_ref()?;
    let length = match key.shape {
        KeyShape::Uuid => 36,
        KeyShape::Hex => 32,
    };
    if key.at_most.is_some_and(|at_most| at_most < length) {
        found.add("key.at_most", format!("is less than the {length} characters of this shape"));
    }
    if let Some(mark) = &key.replayed {
        if HeaderName::from_bytes(mark.header.as_bytes()).is_err() {
            found.add("key.replayed.header", "is not the name of a header");
        }
        if mark.value.is_empty() {
            found.add("key.replayed.value", "is empty");
        }
    }
    found.header("key.header", key.header.as_ref()?)
}

fn promises(config: &HttpConfig, books: Option<&Books>, found: &mut Found) -> RailPromises {
    let life = config.key.as_ref().and_then(|key| key.life_hours);
    if life.is_some_and(|hours| !(1..=HOURS_AT_MOST).contains(&hours)) {
        found.add("key.life_hours", format!("must be 1 to {HOURS_AT_MOST}"));
    }
    if !(1..=HOURS_AT_MOST * 60).contains(&config.settle_minutes) {
        found.add("settle_minutes", format!("must be 1 to {}", HOURS_AT_MOST * 60));
    }
    RailPromises {
        key_life_ms: life.map(|hours| hours.saturating_mul(3_600_000)),
        settle_ms: config.settle_minutes.saturating_mul(60_000),
        look_up: match books {
            Some(Books { find: Some(_), .. }) => LookUp::ByReference,
            Some(Books { list: Some(_), .. }) => LookUp::ByList,
            _ => LookUp::None,
        },
    }
}
