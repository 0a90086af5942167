//! What goes back to the browser, with the headers that every answer bears: no script or style but our own two files, no
//! frame around us, nothing kept by anybody in between.

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use lambda_http::{Body, Response};

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: StatusCode,
    pub content: Content,
    pub cookies: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Html(String),
    /// A fixed file, which its address names by its hash.
    Asset(&'static str, &'static [u8]),
    /// For a spreadsheet, under this name.
    Csv(String, Vec<u8>),
    /// Of a type that its own bytes show.
    Picture(&'static str, Vec<u8>),
    /// Whatever somebody attached, under this name: to be saved, and never shown.
    File(String, Vec<u8>),
    /// Elsewhere, by GET.
    See(String),
}

impl Reply {
    pub fn html(status: StatusCode, html: String) -> Self {
        Self { status, content: Content::Html(html), cookies: vec![] }
    }

    pub fn see(to: impl Into<String>) -> Self {
        Self { status: StatusCode::SEE_OTHER, content: Content::See(to.into()), cookies: vec![] }
    }

    pub fn asset(media_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { status: StatusCode::OK, content: Content::Asset(media_type, bytes), cookies: vec![] }
    }

    pub fn csv(name: String, csv: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content: Content::Csv(name, csv), cookies: vec![] }
    }

    pub fn picture(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content: Content::Picture(media_type, bytes), cookies: vec![] }
    }

    pub fn file(name: &str, bytes: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, content: Content::File(name.to_owned(), bytes), cookies: vec![] }
    }

    pub fn has_forms(&self) -> bool {
        matches!(self.content, Content::Html(_))
    }

    pub fn with(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// `issuer` is where forms may lead beside us: the answer to some is a fresh sign-in there.
    pub fn respond(self, issuer: Option<&str>) -> Response<Body> {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.append(name, value);
            }
        };
        for (name, value) in ALWAYS {
            set(HeaderName::from_static(name), value);
        }
        let is_strangers = matches!(self.content, Content::Picture(..) | Content::File(..));
        let policy = if is_strangers { STRANGERS.to_owned() } else { policy(issuer) };
        set(HeaderName::from_static("content-security-policy"), &policy);
        for cookie in &self.cookies {
            set(SET_COOKIE, cookie);
        }
        let body = match self.content {
            Content::Html(html) => {
                set(CONTENT_TYPE, "text/html; charset=utf-8");
                set(CACHE_CONTROL, "no-store");
                Body::Text(html)
            }
            Content::Asset(media_type, bytes) => {
                set(CONTENT_TYPE, media_type);
                set(CACHE_CONTROL, "public, max-age=31536000, immutable");
                std::str::from_utf8(bytes).map_or(Body::Binary(bytes.to_vec()), |text| Body::Text(text.to_owned()))
            }
            Content::Csv(name, csv) => {
                set(CONTENT_TYPE, "text/csv; charset=utf-8; header=present");
                set(CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
                set(CACHE_CONTROL, "no-store");
                String::from_utf8(csv).map_or(Body::Empty, Body::Text)
            }
            Content::Picture(media_type, bytes) => {
                set(CONTENT_TYPE, media_type);
                set(CONTENT_DISPOSITION, "inline");
                set(CACHE_CONTROL, "no-store");
                Body::Binary(bytes)
            }
            Content::File(name, bytes) => {
                set(CONTENT_TYPE, "application/octet-stream");
                set(CONTENT_DISPOSITION, &attachment(&name));
                set(CACHE_CONTROL, "no-store");
                Body::Binary(bytes)
            }
            Content::See(to) => {
                set(LOCATION, &to);
                set(CACHE_CONTROL, "no-store");
                Body::Empty
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

const ALWAYS: [(&str, &str); 6] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("referrer-policy", "same-origin"),
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
];

/// For bytes that are not ours: opened by themselves they may do nothing, and belong to nobody.
const STRANGERS: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// By RFC 6266: a name of plain letters for old browsers, and the name itself for the rest.
fn attachment(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let exact = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

fn policy(issuer: Option<&str>) -> String {
    // Browsers hold a form to this through its redirects as well.
    let forms = issuer.map(|issuer| format!(" {issuer}")).unwrap_or_default();
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{forms}; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}
