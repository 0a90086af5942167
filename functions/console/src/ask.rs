//! One request of a browser, as far as the console reads it: everything bounded, nothing trusted.

use std::collections::BTreeMap;

use http::Method;
use lambda_http::Request;

/// A note, a few ids and a token; nothing here is larger.
const FORM_BYTES_AT_MOST: usize = 64 * 1024;

pub(crate) struct Ask {
    pub method: Method,
    /// Below the console's own path, decoded.
    pub path: Vec<String>,
    /// As it came, for the issuer's answer.
    pub raw_query: String,
    pub query: Fields,
    pub form: Fields,
    pub cookies: Vec<String>,
    pub agent: String,
    /// Whether the browser says that a page of ours sent it.
    pub is_same_origin: bool,
}

/// Names and values of a query or a form, several for one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, Vec<String>>);

impl Fields {
    pub fn parse(text: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// The trimmed text, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.first()?.trim();
        (!text.is_empty()).then_some(text)
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }
}

impl Ask {
    /// `None`: not one of ours, or larger than any of ours.
    pub fn read(request: &Request, base: &str, origin: &str) -> Option<Self> {
        let rest = request.uri().path().strip_prefix(base)?;
        if !(rest.is_empty() || rest.starts_with('/')) || request.body().len() > FORM_BYTES_AT_MOST {
            return None;
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let cookies = request.headers().get_all("cookie").iter();
        let path = rest.split('/').filter(|part| !part.is_empty());
        let path: Option<Vec<String>> = path.map(decoded).collect();
        let raw_query = request.uri().query().unwrap_or_default().to_owned();
        let is_form = header("content-type").starts_with("application/x-www-form-urlencoded");
        let same_origin = match header("sec-fetch-site") {
            "" => header("origin") == origin,
            site => site == "same-origin" && [origin, ""].contains(&header("origin")),
        };
        Some(Self {
            method: request.method().clone(),
            path: path?,
            query: Fields::parse(raw_query.as_bytes()),
            raw_query,
            form: if is_form { Fields::parse(request.body().as_ref()) } else { Fields::default() },
            cookies: cookies.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect(),
            agent: header("user-agent").to_owned(),
            is_same_origin: same_origin,
        })
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_encoding::percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}
