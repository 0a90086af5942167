//! What a rail says that it has paid: a [`Books`] for each rail, as data, and one reader. Its requests are GETs, and
//! nothing here can make them another. An answer that is not as documented is never "absent": that could pay twice.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use payonce_protocol::UnixMillis;
use payonce_wire::{Form, SecretHeader, TimeForm, hold, text_at};
use serde::Deserialize;
use serde_json::Value;

use crate::amount::{AmountForm, Units};

/// A payout as the rail's books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailPayout {
    pub id: String,
    /// In the rail's units.
    pub amount: u64,
    /// Digits after the point of those units; `None`: the rail pays no such currency by its configuration.
    pub exponent: Option<u8>,
    /// As the rail writes it, in upper case.
    pub currency: String,
    pub destination: Option<String>,
    /// Our reference ([`crate::Rail::reference`]), where the payout carries one.
    pub reference: Option<String>,
    pub status: Option<String>,
    pub created_at: UnixMillis,
    /// The sum or a part of it was given back, or never left.
    pub returned: bool,
}

/// How one rail is asked, and how it answers.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    /// Sent with every question.
    pub headers: Vec<(String, String)>,
    pub find: Option<Search>,
    pub list: Option<Search>,
    /// Where one payout is read, by the rail's own id behind it.
    pub payout: Option<String>,
    /// Where the rail says whose secret was shown to it.
    pub account: Option<Account>,
    pub page: Page,
}

/// Where a rail names the account of the secret that asks.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub path: String,
    pub must_hold: Vec<(String, String)>,
    pub id: String,
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub path: String,
    pub query: Vec<(String, Term)>,
    /// How a further page is asked for. Without it a second page is [`TooLong`].
    ///
    /// [`TooLong`]: crate::LookUpFailure::TooLong
    pub next: Option<Next>,
}

/// What one question is about; a search uses what its terms name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub reference: &'a str,
    pub destination: &'a str,
    pub from: UnixMillis,
    pub until: UnixMillis,
}

/// One value of a query, never part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Fixed(String),
    Reference,
    Destination,
    Since(TimeForm),
    Until(TimeForm),
}

/// Where things stand in a page of the rail's books, and in each of its items.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub must_hold: Vec<(String, String)>,
    pub items: String,
    pub more: More,
    pub item_must_hold: Vec<(String, String)>,
    pub id: String,
    pub id_prefix: String,
    pub amount: String,
    pub form: AmountForm,
    /// Needed for decimals only: integers are as the rail counts them.
    pub units: Units,
    pub currency: String,
    pub destination: Option<String>,
    pub reference: Option<String>,
    pub status: Option<String>,
    pub created: String,
    pub created_as: TimeForm,
    pub returned: Vec<Returned>,
}

/// How a page says that it is not the last.
#[derive(Clone, Debug)]
pub(crate) enum More {
    /// A truth value stands here.
    Pointer(String),
    /// This header is there, and not empty.
    Header(String),
    /// It holds as many items as a page can.
    Full(usize),
}

/// How the next page is asked for: by this field of the query.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub query: String,
    pub by: NextBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextBy {
    /// How many items were read.
    Offset,
    LastId,
    /// The text of the header that says that there is more.
    Header,
}

/// Signs that money came back.
#[derive(Clone, Debug)]
pub(crate) enum Returned {
    OneOf(String, Vec<String>),
    AboveZero(String),
}

/// One page, and how to ask for the next.
#[derive(Debug)]
pub(crate) struct Read {
    pub payouts: Vec<RailPayout>,
    pub more: bool,
    pub header: Option<String>,
}

impl Search {
    /// `next` is the field of a further page.
    pub(crate) fn request(
        &self,
        headers: &[(String, String)],
        asked: Asked<'_>,
        next: Option<(&str, &str)>,
        secret: &SecretHeader,
    ) -> Option<Request<Full<Bytes>>> {
        let mut form = Form::default();
        for (name, term) in &self.query {
            match term {
                Term::Fixed(text) => form.field(name, text),
                Term::Reference => form.field(name, asked.reference),
                Term::Destination => form.field(name, asked.destination),
                Term::Since(time) => form.field(name, &time.write(asked.from)?),
                Term::Until(time) => form.field(name, &time.write_end(asked.until)?),
            }
        }
        if let Some((name, value)) = next {
            form.field(name, value);
        }
        let builder = Request::builder().method(Method::GET).uri(form.behind(&self.path));
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.header(&secret.name, secret.value.clone()).body(Full::default()).ok()
    }
}

impl Search {
    /// Whether the rail itself picks out the payouts that carry our reference. If not, we do.
    pub(crate) fn is_by_reference(&self) -> bool {
        self.query.iter().any(|(_, term)| *term == Term::Reference)
    }
}

impl Books {
    /// The question for one payout. `None`: it cannot be asked, or that is no id of this rail.
    pub(crate) fn one(&self, id: &str, secret: &SecretHeader) -> Option<Request<Full<Bytes>>> {
        let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let is_id = is_plain && (1..=ID_BYTES_AT_MOST).contains(&id.len()) && id.starts_with(&self.page.id_prefix);
        let path = self.payout.as_ref().filter(|_| is_id)?;
        self.get(format!("{path}/{id}"), secret)
    }

    pub(crate) fn get(&self, uri: String, secret: &SecretHeader) -> Option<Request<Full<Bytes>>> {
        let builder = Request::builder().method(Method::GET).uri(uri);
        let builder = self.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        builder.header(&secret.name, secret.value.clone()).body(Full::default()).ok()
    }
}

impl Account {
    /// `None` when it is not as documented.
    pub(crate) fn read(&self, answer: &Response<impl AsRef<[u8]>>) -> Option<String> {
        let body: Value = serde_json::from_slice(answer.body().as_ref()).ok()?;
        if hold(&body, &self.must_hold) { text_at(&body, &self.id) } else { None }
    }
}

const ID_BYTES_AT_MOST: usize = 128;

impl Page {
    /// The answer to a question for one payout.
    pub(crate) fn one(&self, answer: &Response<impl AsRef<[u8]>>) -> Option<RailPayout> {
        self.payout(&serde_json::from_slice(answer.body().as_ref()).ok()?)
    }

    /// `None` when it is not a page as documented.
    pub(crate) fn read(&self, answer: &Response<impl AsRef<[u8]>>) -> Option<Read> {
        let body: Value = serde_json::from_slice(answer.body().as_ref()).ok()?;
        if !hold(&body, &self.must_hold) {
            return None;
        }
        let items = body.pointer(&self.items)?.as_array()?;
        let payouts = items.iter().map(|item| self.payout(item)).collect::<Option<Vec<_>>>()?;
        let (more, header) = match &self.more {
            More::Pointer(pointer) => (body.pointer(pointer)?.as_bool()?, None),
            More::Header(name) => {
                let header = text_of(answer.headers(), name)?;
                (header.is_some(), header)
            }
            More::Full(size) => (payouts.len() >= *size, None),
        };
        Some(Read { payouts, more, header })
    }

    fn payout(&self, item: &Value) -> Option<RailPayout> {
        if !hold(item, &self.item_must_hold) {
            return None;
        }
        let at = |pointer: &Option<String>| pointer.as_ref().and_then(|pointer| text_at(item, pointer));
        let currency = text_at(item, &self.currency)?.to_ascii_uppercase();
        let exponent = self.units.digits(&currency);
        let digits = if self.form.is_decimal() { exponent? } else { 0 };
        let mut returned = false;
        for sign in &self.returned {
            returned |= match sign {
                Returned::OneOf(pointer, texts) => texts.contains(&text_at(item, pointer)?),
                Returned::AboveZero(pointer) => item.pointer(pointer)?.as_u64()? > 0,
            };
        }
        Some(RailPayout {
            id: text_at(item, &self.id).filter(|id| !id.is_empty() && id.starts_with(&self.id_prefix))?,
            amount: self.form.read(item.pointer(&self.amount)?, digits)?,
            exponent,
            currency,
            destination: at(&self.destination),
            reference: at(&self.reference),
            status: at(&self.status),
            created_at: self.created_as.read(item.pointer(&self.created)?)?,
            returned,
        })
    }
}

/// The header's text, where there is one; the outer `None` when it cannot be read.
fn text_of(headers: &HeaderMap, name: &str) -> Option<Option<String>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => Some(Some(value.to_str().ok()?.to_owned()).filter(|text| !text.is_empty())),
        _ => None,
    }
}
