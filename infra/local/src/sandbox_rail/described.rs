//! A described rail, played: it reads requests and writes answers as `[rail.http]` says that the API does. It shares no code
//! with what payonce writes and reads, so a description that contradicts itself shows here. What a description cannot say is
//! not known here either: the sandbox is as true as the description.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use payonce_protocol::exponents::ISO_4217;
use payonce_protocol::ids::Digest;
use payonce_rails::answer::Means;
use payonce_rails::description::{BodyForm, BooksConfig, HttpConfig, KeyShape, MethodName, Scheme};
use payonce_rails::{AmountForm, NextBy, TimeForm};
use serde_json::{Map, Value, json};

use super::serving::Died;
use super::{Arrived, Behaviour, Caller, Desk, Remembered, Weather, html, respond};
use crate::form::{decode, field, form};
use crate::transfers::{PAYOUT_KEY, Transfer};

const HOUR_MS: u64 = 3_600_000;
const PAGE: usize = 100;
/// Ours, beside [`PAYOUT_KEY`]: what the rail was told as its reference.
const REFERENCE: &str = "reference";
const ANSWERED: &str = "sandbox";

type Slots = BTreeMap<String, Value>;
type Answer = Response<Full<Bytes>>;

pub(super) struct Described(HttpConfig);

impl Desk {
    pub(super) async fn answer_as(
        &self,
        described: &Described,
        head: &Parts,
        body: &[u8],
        weather: Weather,
    ) -> Result<Answer, Died> {
        let Some(caller) = self.caller(&described.secret(head)) else {
            return Ok(described.error(StatusCode::UNAUTHORIZED, None));
        };
        let method = match described.0.request.method {
            MethodName::Post => Method::POST,
            MethodName::Put => Method::PUT,
        };
        let (path, query) = (head.uri.path(), form(head.uri.query().unwrap_or_default()));
        if head.method == method
            && let Some(slots) = described.path_slots(path)
        {
            if caller != Caller::Pays {
                return Ok(described.error(StatusCode::FORBIDDEN, None));
            }
            return self.pay_as(described, head, body, slots, weather).await;
        }
        let found = described.0.books.as_ref().filter(|_| head.method == Method::GET);
        let answer = found.and_then(|books| self.looked_up(described, books, path, &query));
        Ok(answer.unwrap_or_else(|| described.error(StatusCode::NOT_FOUND, None)))
    }

    async fn pay_as(
        &self,
        described: &Described,
        head: &Parts,
        body: &[u8],
        mut slots: Slots,
        weather: Weather,
    ) -> Result<Answer, Died> {
        let key = described.0.key.as_ref().and_then(|key| key.header.as_ref());
        let key = key.and_then(|name| head.headers.get(name)).and_then(|value| value.to_str().ok());
        slots.extend(key.map(|key| ("rail_key".to_owned(), key.into())));
        if weather == Weather::Unavailable || !described.body_slots(body, &mut slots) {
            let status = if weather == Weather::Unavailable { 503 } else { 400 };
            self.state().write(Arrived { payout_key: named(&slots), ..Arrived::default() })?;
            return Ok(described.error(StatusCode::from_u16(status).unwrap_or_default(), None));
        }
        let behaviour = Behaviour::by_end_of(text(&slots, "destination"));
        let settled = self.settle_as(described, body, &slots, behaviour)?;
        match behaviour {
            Behaviour::Hangs | Behaviour::ExecutesThenHangs => std::future::pending().await,
            Behaviour::Dies | Behaviour::ExecutesThenDies => Err(Died),
            _ => Ok(settled),
        }
    }

    /// Executes or does not, writes the books, and says what the answer would be.
    fn settle_as(
        &self,
        described: &Described,
        body: &[u8],
        slots: &Slots,
        behaviour: Behaviour,
    ) -> Result<Answer, Died> {
        let (mut state, now) = (self.state(), self.clock.now());
        let (digest, key) = (Digest::of(body).to_string(), described.rail_key(slots));
        let mut arrived = Arrived { payout_key: named(slots), idempotency_key: key.clone(), ..Arrived::default() };
        let life_ms = described.0.key.as_ref().and_then(|key| key.life_hours).unwrap_or_default() * HOUR_MS;
        let before = state.keys.get(&key).filter(|before| !key.is_empty() && now < before.at + life_ms).cloned();
        if let Some(before) = before {
            state.write(arrived)?;
            if before.body != digest {
                return Ok(described.error(StatusCode::CONFLICT, None));
            }
            let mut replay = respond(StatusCode::from_u16(before.status).unwrap_or_default(), &before.answer);
            if let Some(mark) = described.0.key.as_ref().and_then(|key| key.replayed.as_ref()) {
                put_header(&mut replay, &mark.header, &mark.value);
            }
            return Ok(replay);
        }
        let Some(transfer) = described.transfer(slots, key, state.executed.len() + 1, now) else {
            state.write(arrived)?;
            return Ok(described.error(StatusCode::BAD_REQUEST, None));
        };
        let (status, answer) = match behaviour {
            Behaviour::Refuses => described.refusal(&transfer),
            Behaviour::Limits => described.refused_as(Means::NotBegun).unwrap_or((429, described.error_body(None))),
            Behaviour::Answers500 | Behaviour::ExecutesThen500 => (500, described.error_body(None)),
            _ => (200, described.accepted(&transfer)),
        };
        let answered = match behaviour {
            Behaviour::Html => html(),
            _ => respond(StatusCode::from_u16(status).unwrap_or_default(), &answer),
        };
        if behaviour.executes() || behaviour == Behaviour::Refuses {
            arrived.remembered = Some(Remembered { body: digest, at: now, status, answer });
        }
        arrived.executed = behaviour.executes().then_some(transfer);
        state.write(arrived)?;
        Ok(answered)
    }

    fn looked_up(
        &self,
        described: &Described,
        books: &BooksConfig,
        path: &str,
        query: &[(String, String)],
    ) -> Option<Answer> {
        let state = self.state();
        if let Some(id) = books.payout.as_ref().and_then(|at| path.strip_prefix(at)?.strip_prefix('/')) {
            let found = state.executed.iter().find(|paid| paid.id == id)?;
            return Some(respond(StatusCode::OK, &described.item(books, found)));
        }
        let visible_until = self.clock.now().saturating_sub(state.manners.list_lag_ms) / 1000;
        let mut listed: Vec<_> = state.executed.iter().rev().filter(|paid| paid.created <= visible_until).collect();
        let term = |query: &BTreeMap<String, String>, slot: &str| {
            query.iter().find(|(_, text)| *text == slot).map(|(name, _)| name.clone())
        };
        let by_reference = books.find.as_ref().filter(|find| find.path == path);
        let by_reference = by_reference.and_then(|find| field(query, &term(&find.query, "{reference}")?));
        let list = books.list.as_ref().filter(|list| list.path == path);
        match (by_reference, list) {
            (Some(reference), _) => {
                listed.retain(|paid| paid.metadata.get(REFERENCE).is_some_and(|own| own == reference));
            }
            (None, Some(list)) => {
                let since = term(&list.query, "{since}").and_then(|name| field(query, &name));
                let since = since.and_then(|text| moment(list.since_as, text))?;
                let until = term(&list.query, "{until}").and_then(|name| field(query, &name));
                let until = until.map_or(Some(u64::MAX), |text| moment(list.since_as, text))?;
                listed.retain(|paid| (since..=until).contains(&paid.created));
            }
            (None, None) => return None,
        }
        let next = list.and_then(|list| Some((field(query, list.next.as_ref()?)?, list.next_by?)));
        let from = match next {
            None => 0,
            Some((last, NextBy::LastId)) => listed.iter().position(|paid| paid.id == last)? + 1,
            Some((offset, NextBy::Offset | NextBy::Header)) => offset.parse().ok()?,
        };
        Some(described.page(books, &listed, from))
    }
}

impl Described {
    pub(super) fn new(http: HttpConfig) -> Self {
        Self(http)
    }

    fn secret(&self, head: &Parts) -> String {
        let shown = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let authorization = shown("authorization");
        match self.0.scheme {
            Scheme::Bearer => authorization.strip_prefix("Bearer ").unwrap_or_default().to_owned(),
            Scheme::Basic => {
                let decoded = authorization.strip_prefix("Basic ").and_then(|text| BASE64.decode(text).ok());
                String::from_utf8(decoded.unwrap_or_default()).unwrap_or_default()
            }
            Scheme::Header => shown(self.0.secret_header.as_deref().unwrap_or_default()).to_owned(),
        }
    }

    /// What stands in the path's placeholders. `None`: it is another path.
    fn path_slots(&self, path: &str) -> Option<Slots> {
        let (wanted, found): (Vec<_>, Vec<_>) = (self.0.request.path.split('/').collect(), path.split('/').collect());
        let mut slots = Slots::new();
        let fits = wanted.len() == found.len()
            && wanted.iter().zip(found).all(|(wanted, found)| take(&json!(wanted), &decode(found).into(), &mut slots));
        fits.then_some(slots)
    }

    /// Whether the body is the described one; what stands in its placeholders is added.
    fn body_slots(&self, body: &[u8], slots: &mut Slots) -> bool {
        let wanted: Value = self.0.request.body.clone().into_iter().collect::<Map<_, _>>().into();
        match self.0.request.body_as {
            BodyForm::Json => serde_json::from_slice(body).is_ok_and(|found| take(&wanted, &found, slots)),
            BodyForm::Form => {
                let pairs = form(&String::from_utf8_lossy(body));
                let count = pairs.len();
                let found: Map<String, Value> = pairs.into_iter().map(|(name, text)| (name, text.into())).collect();
                found.len() == count && take(&as_texts(wanted), &found.into(), slots)
            }
        }
    }

    /// As payonce keeps it, with its hyphens.
    fn rail_key(&self, slots: &Slots) -> String {
        let key = text(slots, "rail_key");
        let is_hex =
            self.0.key.as_ref().is_some_and(|key| key.shape == KeyShape::Hex) && key.len() == 32 && key.is_ascii();
        if !is_hex {
            return key.to_owned();
        }
        [&key[..8], &key[8..12], &key[12..16], &key[16..20], &key[20..]].join("-")
    }

    /// What is to be paid. `None`: not in a unit that this rail has.
    fn transfer(&self, slots: &Slots, idempotency_key: String, number: usize, now: u64) -> Option<Transfer> {
        let only = || self.0.amount.units.keys().next().cloned();
        let currency = slots.get("currency").and_then(Value::as_str).map(str::to_owned).or_else(only)?;
        let amount = self.minor(slots.get("amount")?, self.digits(&currency)?)?;
        let metadata = [(PAYOUT_KEY, named(slots)), (REFERENCE, text(slots, "reference").to_owned())];
        Some(Transfer {
            id: format!("{}sandbox{number:06}", self.0.answer.id_prefix),
            amount,
            currency: currency.to_ascii_lowercase(),
            destination: text(slots, "destination").to_owned(),
            source_transaction: None,
            transfer_group: None,
            metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
            idempotency_key,
            created: now / 1000,
            amount_reversed: 0,
        })
    }

    fn digits(&self, currency: &str) -> Option<usize> {
        let listed = self.0.amount.units.iter().find(|(code, _)| code.eq_ignore_ascii_case(currency));
        let iso = || ISO_4217.get(currency.parse().ok()?).map(|exponent| exponent.digits);
        listed.map(|(_, digits)| *digits).or_else(|| iso().filter(|_| self.0.amount.iso_4217)).map(usize::from)
    }

    fn minor(&self, amount: &Value, digits: usize) -> Option<u64> {
        let is_number = matches!(self.0.amount.form, AmountForm::Integer | AmountForm::DecimalNumber);
        let text = match amount {
            Value::Number(number) if is_number || self.0.request.body_as == BodyForm::Form => number.to_string(),
            Value::String(text) if !is_number || self.0.request.body_as == BodyForm::Form => text.clone(),
            _ => return None,
        };
        if matches!(self.0.amount.form, AmountForm::Integer | AmountForm::IntegerText) {
            return text.parse().ok();
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        // A JSON number loses its last zeros on the way into this process.
        (fraction.len() <= digits).then(|| format!("{whole}{fraction:0<digits$}").parse().ok()).flatten()
    }

    /// As the rail writes this sum.
    fn written(&self, paid: &Transfer) -> Value {
        let digits = self.digits(&paid.currency).unwrap_or_default();
        let decimal = || {
            let text = format!("{:0width$}", paid.amount, width = digits + 1);
            let (whole, fraction) = text.split_at(text.len() - digits);
            if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
        };
        match self.0.amount.form {
            AmountForm::Integer => paid.amount.into(),
            AmountForm::IntegerText => paid.amount.to_string().into(),
            AmountForm::DecimalText => decimal().into(),
            AmountForm::DecimalNumber => serde_json::from_str(&decimal()).unwrap_or_default(),
        }
    }

    fn currency(&self, paid: &Transfer) -> String {
        match self.0.amount.currency {
            payonce_rails::description::CurrencyCase::Upper => paid.currency.to_ascii_uppercase(),
            payonce_rails::description::CurrencyCase::Lower => paid.currency.clone(),
        }
    }

    fn accepted(&self, paid: &Transfer) -> Value {
        let status = self.0.answer.accepted.first().map_or(ANSWERED, String::as_str);
        self.answer(paid, status)
    }

    fn answer(&self, paid: &Transfer, status: &str) -> Value {
        let (answer, echo) = (&self.0.answer, &self.0.answer.echo);
        let mut body = json!({});
        answer.must_hold.iter().for_each(|(at, text)| put(&mut body, at, typed(text)));
        put(&mut body, &answer.id, paid.id.clone().into());
        for (at, value) in [
            (&answer.status, status.into()),
            (&echo.amount, self.written(paid)),
            (&echo.currency, self.currency(paid).into()),
            (&echo.destination, paid.destination.clone().into()),
            (&echo.reference, paid.metadata.get(REFERENCE).cloned().into()),
        ] {
            at.iter().for_each(|at| put(&mut body, at, value.clone()));
        }
        body
    }

    /// One payout in the rail's books.
    fn item(&self, books: &BooksConfig, paid: &Transfer) -> Value {
        let status = self.0.answer.accepted.first().map_or(ANSWERED, String::as_str);
        let mut item = json!({});
        books.returned.keys().for_each(|at| put(&mut item, at, status.into()));
        books.item_must_hold.iter().for_each(|(at, text)| put(&mut item, at, typed(text)));
        for (at, value) in [
            (Some(&books.id), paid.id.clone().into()),
            (Some(&books.amount), self.written(paid)),
            (Some(&books.currency), self.currency(paid).into()),
            (books.destination.as_ref(), paid.destination.clone().into()),
            (books.reference.as_ref(), paid.metadata.get(REFERENCE).cloned().into()),
            (books.status.as_ref(), status.into()),
            (Some(&books.created), written_time(books.created_as, paid.created)),
        ] {
            at.into_iter().for_each(|at| put(&mut item, at, value.clone()));
        }
        item
    }

    fn page(&self, books: &BooksConfig, listed: &[&Transfer], from: usize) -> Answer {
        let size = books.full_page.unwrap_or(PAGE);
        let items: Vec<Value> = listed.iter().skip(from).take(size).map(|paid| self.item(books, paid)).collect();
        let until = from + items.len();
        let is_last = until >= listed.len();
        let mut body = if books.items.is_empty() { json!(items) } else { json!({}) };
        if !books.items.is_empty() {
            books.must_hold.iter().for_each(|(at, text)| put(&mut body, at, typed(text)));
            books.more.iter().for_each(|at| put(&mut body, at, (!is_last).into()));
            put(&mut body, &books.items, json!(items));
        }
        let mut page = respond(StatusCode::OK, &body);
        if let Some(name) = books.more_header.as_ref().filter(|_| !is_last) {
            put_header(&mut page, name, &until.to_string());
        }
        page
    }

    /// Refused before it is executed, in the way that the description knows: as an error, or inside a 2xx.
    fn refusal(&self, transfer: &Transfer) -> (u16, Value) {
        let inside = || Some((200, self.answer(transfer, self.0.answer.refused.first()?)));
        let refused = self.refused_as(Means::Rejected).or_else(inside).or_else(|| self.refused_as(Means::NotBegun));
        refused.unwrap_or_else(|| (400, self.error_body(None)))
    }

    /// By the first row that means this, with a status that does not speak of the secret where there is another.
    fn refused_as(&self, means: Means) -> Option<(u16, Value)> {
        let errors = self.0.errors.as_ref()?;
        let row = errors.refusals.iter().find(|row| row.means == means)?;
        let status = |wanted: &dyn Fn(u16) -> bool| row.http.iter().copied().find(|status| wanted(*status));
        let status = status(&|status| status == 422 || status == 429)
            .or_else(|| status(&|status| status != 401 && status != 403))
            .or_else(|| row.http.first().copied())
            .unwrap_or(400);
        let mut body = self.error_body(row.code.as_deref());
        row.kind.iter().for_each(|kind| put(&mut body, &errors.kind, kind.as_str().into()));
        Some((status, body))
    }

    fn error_body(&self, code: Option<&str>) -> Value {
        let mut body = json!({});
        if let Some(errors) = &self.0.errors {
            put(&mut body, &errors.kind, ANSWERED.into());
            errors.code.iter().zip(code).for_each(|(at, code)| put(&mut body, at, code.into()));
        }
        body
    }

    fn error(&self, status: StatusCode, code: Option<&str>) -> Answer {
        respond(status, &self.error_body(code))
    }
}

/// By our own name for it where the request has one, else by what it has in its place.
fn named(slots: &Slots) -> String {
    let key = text(slots, "payout_key");
    if key.is_empty() { text(slots, "reference").to_owned() } else { key.to_owned() }
}

fn text<'s>(slots: &'s Slots, name: &str) -> &'s str {
    slots.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `found` is `wanted`, a whole placeholder standing for anything.
fn take(wanted: &Value, found: &Value, slots: &mut Slots) -> bool {
    let slot = wanted.as_str().and_then(|text| text.strip_prefix('{')?.strip_suffix('}'));
    match (slot, wanted, found) {
        (Some(name), ..) => {
            slots.insert(name.to_owned(), found.clone());
            true
        }
        (None, Value::Object(wanted), Value::Object(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|(name, wanted)| found.get(name).is_some_and(|found| take(wanted, found, slots)))
        }
        (None, Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| take(wanted, found, slots))
        }
        _ => wanted == found,
    }
}

/// A form has texts alone.
fn as_texts(wanted: Value) -> Value {
    let Value::Object(fields) = wanted else { return wanted };
    let texts = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text.into()),
        other => (name, other.to_string().into()),
    });
    Value::Object(texts.collect())
}

/// A description writes truth values as texts.
fn typed(text: &str) -> Value {
    match text {
        "true" => true.into(),
        "false" => false.into(),
        other => other.into(),
    }
}

/// Puts a value at a JSON pointer, and makes what is missing on the way: a list where a number stands.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let index: Option<usize> = part.parse().ok().filter(|index| *index < PAGE);
        match (index, place.is_object() && !place.as_object().is_some_and(Map::is_empty)) {
            (Some(index), false) => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let Value::Array(list) = place else { return };
                if list.len() <= index {
                    list.resize(index + 1, json!({}));
                }
                place = &mut list[index];
            }
            _ => {
                if !place.is_object() {
                    *place = json!({});
                }
                let Value::Object(table) = place else { return };
                place = table.entry(part).or_insert_with(|| json!({}));
            }
        }
    }
    *place = value;
}

fn put_header(answer: &mut Answer, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        answer.headers_mut().insert(name, value);
    }
}

/// In seconds since 1970.
fn moment(form: TimeForm, text: &str) -> Option<u64> {
    match form {
        TimeForm::Seconds => text.parse().ok(),
        TimeForm::Millis => text.parse::<u64>().ok().map(|millis| millis / 1000),
        TimeForm::Rfc3339 => text.parse::<jiff::Timestamp>().ok()?.as_second().try_into().ok(),
    }
}

fn written_time(form: TimeForm, seconds: u64) -> Value {
    match form {
        TimeForm::Seconds => seconds.into(),
        TimeForm::Millis => (seconds * 1000).into(),
        TimeForm::Rfc3339 => {
            let at = i64::try_from(seconds).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
            at.unwrap_or_default().to_string().into()
        }
    }
}
