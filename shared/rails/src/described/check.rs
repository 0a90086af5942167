//! From the tables as they are written to an [`Api`], or to everything that is wrong, each with its key. Nothing is left
//! to be found out by a payout.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, HeaderValue, Method};
use payonce_protocol::money::MAX_EXPONENT;
use payonce_protocol::order::MAX_KEY_BYTES;
use payonce_protocol::reissue::{LookUp, RailPromises};
use serde_json::Value;

use super::config::{
    AnswerConfig, BodyForm, BooksConfig, ErrorsConfig, HttpConfig, KeyShape, MethodName, ReferenceForm, RequestConfig,
    Scheme,
};
use super::template::{Body, Node, Path, Slot, Text, placeholder};
use super::{Api, DIGEST_LENGTH};
use crate::amount::Units;
use crate::answer::{Means, Refusal, StatusField, Table};
use crate::books::{Books, More, Next, NextBy, Page, Returned, Search, Term, TimeForm};

/// Key and problem.
pub(crate) type Problems = Vec<(String, String)>;

/// Ten years: longer than any promise, and far from an overflow.
const HOURS_AT_MOST: u64 = 10 * 366 * 24;
const ACCOUNT_BYTES_AT_MOST: usize = 64;
/// A path and its query, without our values.
const TEXT_BYTES_AT_MOST: usize = 1024;

/// Headers that are ours or the connection's to set.
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
];

/// Statuses that never prove that nothing was executed, whatever else the answer says.
const NEVER_A_REFUSAL: &[u16] = &[408, 409, 425];

/// Collects problems under `rail.http`.
#[derive(Default)]
struct Found(Problems);

impl Found {
    fn add(&mut self, key: &str, problem: impl Into<String>) {
        self.0.push((format!("rail.http.{key}"), problem.into()));
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
        let last = rest.split('/').count() - 1;
        for (index, segment) in rest.split('/').enumerate() {
            match Text::parse(segment) {
                // A path may end with a slash.
                Ok(Text::Fixed(text)) if !is_segment(&text) && !(index == last && text.is_empty()) => {
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

pub(crate) fn check(config: &HttpConfig) -> Result<Api, Problems> {
    let mut found = Found::default();
    check_account(config, &mut found);
    let secret_header = secret_header(config, &mut found);
    let units = units(config, &mut found);
    let key_header = check_key(config, &mut found);
    let (path, body, slots) = request(&config.request, &mut found);
    check_slots(config, &slots, &mut found);
    let headers = headers(config, &secret_header, key_header.as_ref(), &mut found);
    let table = table(config, &mut found);
    let books = config.books.as_ref().and_then(|books| books_of(books, config, &headers, &units, &mut found));
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
    if config.amount.units.is_empty() {
        found.add("amount.units", "lists no currency; each that the rail may pay in has its digits here");
    }
    Units(units)
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

fn request(request: &RequestConfig, found: &mut Found) -> (Path, Body, Vec<Slot>) {
    let mut slots = vec![];
    let path = Path(found.path("request.path", &request.path));
    slots.extend(path.0.iter().filter_map(|segment| match segment {
        Text::Slot(slot) => Some(slot.clone()),
        Text::Fixed(_) => None,
    }));
    let body = match request.body_as {
        BodyForm::Json => Body::Json(Node::Table(nodes("request.body", request.body.iter(), &mut slots, found))),
        BodyForm::Form => {
            let mut fields = BTreeMap::new();
            for (name, node) in nodes("request.body", request.body.iter(), &mut slots, found) {
                let text = match node {
                    Node::Text(text) => text,
                    Node::Fixed(value) => Text::Fixed(value.to_string()),
                    Node::List(_) | Node::Table(_) => {
                        found.add(&format!("request.body.{name}"), "is a table or a list; a form is flat");
                        continue;
                    }
                };
                fields.insert(name, text);
            }
            Body::Form(fields)
        }
    };
    if let Some(text) = &request.content_type
        && (HeaderValue::from_str(text).is_err() || text.is_empty())
    {
        found.add("request.content_type", "does not fit a header");
    }
    (path, body, slots)
}

fn nodes<'a>(
    key: &str,
    table: impl Iterator<Item = (&'a String, &'a Value)>,
    slots: &mut Vec<Slot>,
    found: &mut Found,
) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    for (name, value) in table {
        let key = format!("{key}.{name}");
        if name.contains(['{', '}']) {
            found.add(&key, "has a placeholder in its name");
        }
        if let Some(node) = node(&key, value, slots, found) {
            nodes.insert(name.clone(), node);
        }
    }
    nodes
}

fn node(key: &str, value: &Value, slots: &mut Vec<Slot>, found: &mut Found) -> Option<Node> {
    match value {
        Value::String(text) => match Text::parse(text) {
            Ok(text) => {
                if let Text::Slot(slot) = &text {
                    slots.push(slot.clone());
                }
                Some(Node::Text(text))
            }
            Err(problem) => {
                found.add(key, problem);
                None
            }
        },
        Value::Array(values) => {
            let nodes = values
                .iter()
                .enumerate()
                .filter_map(|(index, value)| node(&format!("{key}[{index}]"), value, slots, found));
            Some(Node::List(nodes.collect()))
        }
        Value::Object(table) if table.keys().any(|name| name.starts_with("$__toml")) => {
            found.add(key, "is a date; write it as a text");
            None
        }
        Value::Object(table) => Some(Node::Table(nodes(key, table.iter(), slots, found))),
        Value::Number(number) if number.is_f64() => {
            found.add(key, "is a fraction; write it as a text");
            None
        }
        fixed => Some(Node::Fixed(fixed.clone())),
    }
}

/// A payout without its sum, its payee or its reference would be another's, or nobody's.
fn check_slots(config: &HttpConfig, slots: &[Slot], found: &mut Found) {
    for (slot, name) in
        [(Slot::Amount, "{amount}"), (Slot::Destination, "{destination}"), (Slot::Reference, "{reference}")]
    {
        if !slots.contains(&slot) {
            found.add("request.body", format!("holds no {name}, nor does the path"));
        }
    }
    if config.amount.units.len() > 1 && !slots.contains(&Slot::Currency) {
        found.add("request.body", "holds no {currency}, though amount.units lists several");
    }
    let key = config.key.as_ref();
    let shows_the_key = key.is_some_and(|key| key.header.is_some()) || slots.contains(&Slot::RailKey);
    if key.is_some() && !shows_the_key {
        found.add("key.header", "is missing, and the body holds no {rail_key}");
    }
    if config.reference == ReferenceForm::Key && matches_path(config, "{reference}") {
        found.add("request.path", "holds {reference}, and a payout key has a slash: use reference = \"digest\"");
    }
    if matches_path(config, "{payout_key}") {
        found.add("request.path", "holds {payout_key}, which has a slash");
    }
    let used: BTreeSet<&str> = slots
        .iter()
        .filter_map(|slot| match slot {
            Slot::Field(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    for name in &used {
        if !config.request.fields.contains_key(*name) {
            found.add(&format!("request.fields.{name}"), "is missing: how many characters may it have?");
        }
    }
    for (name, at_most) in &config.request.fields {
        if !used.contains(name.as_str()) {
            found.add(&format!("request.fields.{name}"), "stands nowhere in the body");
        }
        if *at_most == 0 {
            found.add(&format!("request.fields.{name}"), "must be above 0");
        }
    }
}

fn matches_path(config: &HttpConfig, slot: &str) -> bool {
    config.request.path.split('/').any(|segment| segment == slot)
}

fn headers(
    config: &HttpConfig,
    secret: &HeaderName,
    key: Option<&HeaderName>,
    found: &mut Found,
) -> Vec<(String, String)> {
    if key == Some(secret) {
        found.add("key.header", "is the secret's");
    }
    let mut headers = BTreeMap::new();
    for (name, value) in &config.request.headers {
        let place = format!("request.headers.{name}");
        let Some(header) = found.header(&place, name) else { continue };
        if Some(&header) == key || header == secret {
            found.add(&place, "is the secret's or the key's");
        }
        if value.contains(['{', '}']) {
            found.add(&place, "takes no placeholder");
        }
        let fits = !value.is_empty() && value.trim() == value && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !fits {
            found.add(&place, "is not a text of visible ASCII");
        }
        if headers.insert(header.to_string(), value.clone()).is_some() {
            found.add(&place, "is given twice");
        }
    }
    headers.into_iter().collect()
}

fn table(config: &HttpConfig, found: &mut Found) -> Table {
    let answer = &config.answer;
    check_answer(answer, found);
    let must_hold = found.must_hold("answer.must_hold", &answer.must_hold);
    let refusals = config.errors.as_ref().map(|errors| refusals(errors, found)).unwrap_or_default();
    let errors = config.errors.as_ref();
    let mark = config.key.as_ref().and_then(|key| key.replayed.as_ref());
    Table {
        id: answer.id.clone(),
        id_prefix: answer.id_prefix.clone(),
        must_hold,
        status: answer.status.clone().map(|pointer| StatusField {
            pointer,
            accepted: answer.accepted.clone(),
            refused: answer.refused.clone(),
        }),
        // Without a place for it no error is the rail's, and each is unknown.
        error_type: errors.map(|errors| errors.kind.clone()),
        error_code: errors.and_then(|errors| errors.code.clone()),
        refusals,
        replay_mark: mark.map(|mark| (mark.header.to_ascii_lowercase(), mark.value.clone())),
        request_id: answer.request_id.as_ref().map(|name| name.to_ascii_lowercase()),
    }
}

fn check_answer(answer: &AnswerConfig, found: &mut Found) {
    found.pointer("answer.id", &answer.id);
    let echo = &answer.echo;
    found.pointers([
        ("answer.status", &answer.status),
        ("answer.echo.amount", &echo.amount),
        ("answer.echo.currency", &echo.currency),
        ("answer.echo.destination", &echo.destination),
        ("answer.echo.reference", &echo.reference),
    ]);
    if echo.amount.is_none() && echo.reference.is_none() {
        found.add(
            "answer.echo",
            "names neither amount nor reference: another payout's answer would pass for this one's",
        );
    }
    if answer.status.is_none() && !(answer.accepted.is_empty() && answer.refused.is_empty()) {
        found.add("answer.status", "is missing, though statuses are listed");
    }
    if answer.status.is_some() && answer.accepted.is_empty() {
        found.add("answer.accepted", "lists no status");
    }
    if let Some(both) = answer.accepted.iter().find(|status| answer.refused.contains(status)) {
        found.add("answer.refused", format!("lists {both}, as accepted does"));
    }
    if answer.accepted.iter().chain(&answer.refused).any(String::is_empty) {
        found.add("answer.accepted", "lists an empty status");
    }
    if let Some(name) = &answer.request_id
        && HeaderName::from_bytes(name.as_bytes()).is_err()
    {
        found.add("answer.request_id", "is not the name of a header");
    }
}

fn refusals(errors: &ErrorsConfig, found: &mut Found) -> Vec<Refusal> {
    found.pointer("errors.type", &errors.kind);
    found.pointers([("errors.code", &errors.code)]);
    let mut rows = vec![];
    for (index, row) in errors.refusals.iter().enumerate() {
        let key = format!("errors.refusals[{index}]");
        if row.code.is_some() && errors.code.is_none() {
            found.add(&key, "has a code, and errors.code does not say where one stands");
        }
        if row.means != Means::Unknown {
            if row.http.is_empty() {
                found.add(&key, "names no HTTP status: nothing is a refusal under every one");
            }
            let proves = |status: &u16| (400..500).contains(status) && !NEVER_A_REFUSAL.contains(status);
            if let Some(status) = row.http.iter().find(|status| !proves(status)) {
                found.add(&key, format!("{status} does not prove that nothing was executed"));
            }
        }
        let refusal = |http_status| Refusal {
            http_status,
            error_type: row.kind.clone(),
            error_code: row.code.clone(),
            means: row.means,
        };
        if row.http.is_empty() {
            rows.push(refusal(None));
        }
        rows.extend(row.http.iter().map(|status| refusal(Some(*status))));
    }
    rows
}

fn books_of(
    books: &BooksConfig,
    config: &HttpConfig,
    headers: &[(String, String)],
    units: &Units,
    found: &mut Found,
) -> Option<Books> {
    if books.find.is_none() && books.list.is_none() {
        found.add("books", "has neither find nor list");
    }
    let find = books.find.as_ref().map(|find| Search {
        path: fixed_path("books.find.path", &find.path, found),
        query: query("books.find.query", &find.query, None, found),
    });
    if find.as_ref().is_some_and(|find| !find.query.iter().any(|(_, term)| *term == Term::Reference)) {
        found.add("books.find.query", "holds no {reference}");
    }
    if find.is_some() && books.reference.is_none() {
        found.add("books.reference", "is missing: what find brings must say that it is ours");
    }
    let list = books.list.as_ref().map(|list| Search {
        path: fixed_path("books.list.path", &list.path, found),
        query: query("books.list.query", &list.query, Some(list.since_as), found),
    });
    if list.as_ref().is_some_and(|list| !list.query.iter().any(|(_, term)| matches!(term, Term::Since(_)))) {
        found.add("books.list.query", "holds no {since}");
    }
    found.pointers([
        ("books.id", &Some(books.id.clone())),
        ("books.amount", &Some(books.amount.clone())),
        ("books.currency", &Some(books.currency.clone())),
        ("books.created", &Some(books.created.clone())),
        ("books.destination", &books.destination),
        ("books.reference", &books.reference),
        ("books.status", &books.status),
        ("books.more", &books.more),
    ]);
    if !books.items.is_empty() {
        found.pointer("books.items", &books.items);
    }
    let page = Page {
        must_hold: found.must_hold("books.must_hold", &books.must_hold),
        items: books.items.clone(),
        more: more(books, found)?,
        next: next(books, found),
        item_must_hold: found.must_hold("books.item_must_hold", &books.item_must_hold),
        id: books.id.clone(),
        id_prefix: config.answer.id_prefix.clone(),
        amount: books.amount.clone(),
        form: config.amount.form,
        units: units.clone(),
        currency: books.currency.clone(),
        destination: books.destination.clone(),
        reference: books.reference.clone(),
        status: books.status.clone(),
        created: books.created.clone(),
        created_as: books.created_as,
        returned: returned(books, found),
    };
    Some(Books { headers: headers.to_vec(), find, list, page })
}

fn fixed_path(key: &str, path: &str, found: &mut Found) -> String {
    if found.path(key, path).iter().any(|segment| matches!(segment, Text::Slot(_))) {
        found.add(key, "takes no placeholder; the query does");
    }
    path.to_owned()
}

fn query(
    key: &str,
    query: &BTreeMap<String, String>,
    since: Option<TimeForm>,
    found: &mut Found,
) -> Vec<(String, Term)> {
    let mut terms = vec![];
    for (name, text) in query {
        let term = match (placeholder(text), since) {
            (Ok(None), _) => Term::Fixed(text.clone()),
            (Ok(Some("reference")), None) => Term::Reference,
            (Ok(Some("since")), Some(form)) => Term::Since(form),
            (Ok(Some(_)), None) => {
                found.add(&format!("{key}.{name}"), "holds an unknown placeholder; there is {reference}");
                continue;
            }
            (Ok(Some(_)), Some(_)) => {
                found.add(&format!("{key}.{name}"), "holds an unknown placeholder; there is {since}");
                continue;
            }
            (Err(problem), _) => {
                found.add(&format!("{key}.{name}"), problem);
                continue;
            }
        };
        terms.push((name.clone(), term));
    }
    terms
}

fn more(books: &BooksConfig, found: &mut Found) -> Option<More> {
    let more = match (&books.full_page, &books.more, &books.more_header) {
        (Some(size), None, None) if *size > 0 => More::Full(*size),
        (None, Some(pointer), None) => More::Pointer(pointer.clone()),
        (None, None, Some(name)) if HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            More::Header(name.to_ascii_lowercase())
        }
        (None, None, Some(_)) => {
            found.add("books.more_header", "is not the name of a header");
            return None;
        }
        _ => {
            found.add("books.full_page", "give one of full_page (above 0), more and more_header: is a page the last?");
            return None;
        }
    };
    Some(more)
}

fn next(books: &BooksConfig, found: &mut Found) -> Option<Next> {
    let list = books.list.as_ref()?;
    match (&list.next, list.next_by) {
        (None, None) => None,
        (Some(query), Some(by)) => {
            if query.is_empty() || list.query.contains_key(query) {
                found.add("books.list.next", "is empty, or stands in the query already");
            }
            if by == NextBy::Header && books.more_header.is_none() {
                found.add("books.list.next_by", "needs books.more_header");
            }
            Some(Next { query: query.clone(), by })
        }
        _ => {
            found.add("books.list.next", "goes with next_by, and next_by with it");
            None
        }
    }
}

fn returned(books: &BooksConfig, found: &mut Found) -> Vec<Returned> {
    let mut signs = vec![];
    for (pointer, texts) in &books.returned {
        found.pointer("books.returned", pointer);
        if texts.is_empty() {
            found.add("books.returned", "lists no text");
        }
        signs.push(Returned::OneOf(pointer.clone(), texts.clone()));
    }
    signs
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
