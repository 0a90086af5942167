//! One request of a browser, as far as the console reads it: everything bounded, nothing trusted.

use std::collections::BTreeMap;
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use lambda_http::Request;
use multer::Multipart;

use crate::bank::BANK_FILE_BYTES_AT_MOST;
use crate::cases::amount::Divides;

/// Lambda takes 6 MB, and API Gateway hands every body over in base64 that is no text by its type
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>,
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>). Whatever arrives
/// is read, so that a file that is too large is answered in words, with all else that was written beside it.
#[doc(hidden)]
pub const FORM_BYTES_AT_MOST: usize = 6 << 20;
const FILE_NAME_CHARS: usize = 100;
/// A page holds a file in these two fields while its writer signs in again.
pub(crate) const HELD_NAME: &str = "held_name";
pub(crate) const HELD_FILE: &str = "held_file";

pub(crate) struct Ask {
    pub method: Method,
    /// Below the console's own path, decoded.
    pub path: Vec<String>,
    /// As it came, for the issuer's answer.
    pub raw_query: String,
    pub query: Fields,
    pub form: Fields,
    pub file: Option<Upload>,
    pub cookies: Vec<String>,
    pub agent: String,
    /// Whether the browser says that a page of ours sent it.
    pub is_same_origin: bool,
}

/// Names and values of a query or a form, several for one name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    values: BTreeMap<String, Vec<String>>,
    /// How whoever filled it in writes a sum.
    pub divides: Divides,
}

/// A file in a form.
#[derive(Clone)]
pub(crate) struct Upload {
    /// The last part of its path, bounded.
    pub name: String,
    /// `None`: it is larger than any that we take.
    pub bytes: Option<Vec<u8>>,
}

impl Fields {
    pub fn parse(text: &[u8]) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            fields.add(&name, value.into_owned());
        }
        fields
    }

    pub fn of(pairs: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            fields.add(name, value);
        }
        fields
    }

    fn add(&mut self, name: &str, value: String) {
        self.values.entry(name.to_owned()).or_default().push(value);
    }

    /// The trimmed text, unless it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let text = self.values.get(name)?.first()?.trim();
        (!text.is_empty()).then_some(text)
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(name).into_iter().flatten().map(String::as_str)
    }

    /// All that a person sent: without the token that says that they did.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.values.iter().filter(|(name, _)| *name != "csrf");
        named.flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }
}

impl Upload {
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = last.chars().filter(|letter| !letter.is_control()).take(FILE_NAME_CHARS).collect();
        let name = if name.trim().is_empty() { "file".to_owned() } else { name.trim().to_owned() };
        Self { name, bytes: (bytes.len() <= BANK_FILE_BYTES_AT_MOST).then(|| bytes.to_vec()) }
    }

    /// Without its bytes where there are more than that.
    pub fn at_most(self, most: usize) -> Self {
        Self { bytes: self.bytes.filter(|bytes| bytes.len() <= most), ..self }
    }

    /// As a page of ours held it.
    fn held(form: &mut Fields) -> Option<Self> {
        let (name, text) = (form.values.remove(HELD_NAME)?, form.values.remove(HELD_FILE)?);
        let bytes = STANDARD.decode(text.first()?.trim()).ok()?;
        Some(Self::new(name.first()?, &bytes))
    }

    /// For a page to hold.
    pub fn text(&self) -> Option<String> {
        self.bytes.as_ref().map(|bytes| STANDARD.encode(bytes))
    }
}

impl Ask {
    /// `None`: not one of ours, or larger than any of ours.
    pub async fn read(request: &Request, base: &str, origin: &str) -> Option<Self> {
        let rest = request.uri().path().strip_prefix(base)?;
        if !(rest.is_empty() || rest.starts_with('/')) || request.body().len() > FORM_BYTES_AT_MOST {
            return None;
        }
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let cookies = request.headers().get_all("cookie").iter();
        let path = rest.split('/').filter(|part| !part.is_empty());
        let path: Option<Vec<String>> = path.map(decoded).collect();
        let raw_query = request.uri().query().unwrap_or_default().to_owned();
        let same_origin = match header("sec-fetch-site") {
            "" => header("origin") == origin,
            site => site == "same-origin" && [origin, ""].contains(&header("origin")),
        };
        let divides = Divides::of(header("accept-language"));
        let fields = |text: &[u8]| Fields { divides, ..Fields::parse(text) };
        let media_type = header("content-type");
        let (mut form, mut file) = (Fields::default(), None);
        if media_type.starts_with("application/x-www-form-urlencoded") {
            form = fields(request.body().as_ref());
            file = Upload::held(&mut form);
        } else if media_type.starts_with("multipart/form-data") {
            (form, file) = parts(media_type, request.body().as_ref()).await?;
            form.divides = divides;
        }
        Some(Self {
            method: request.method().clone(),
            path: path?,
            query: fields(raw_query.as_bytes()),
            raw_query,
            form,
            file,
            cookies: cookies.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect(),
            agent: header("user-agent").to_owned(),
            is_same_origin: same_origin,
        })
    }
}

/// Names, values and the file of a form, as every page reads them. For `tests/fuzz`.
#[doc(hidden)]
pub async fn form_of(request: &Request) -> Option<(Vec<(String, String)>, Option<(String, Option<Vec<u8>>)>)> {
    let Ask { form, file, .. } = Ask::read(request, "/console", "https://us.example").await?;
    let fields = form.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some((fields, file.map(|file| (file.name, file.bytes))))
}

/// `None`: no browser sends this.
async fn parts(media_type: &str, body: &[u8]) -> Option<(Fields, Option<Upload>)> {
    let boundary = multer::parse_boundary(media_type).ok()?;
    let whole = Ok::<_, Infallible>(Bytes::copy_from_slice(body));
    let mut parts = Multipart::new(futures_util::stream::iter([whole]), boundary);
    let (mut form, mut file) = (Fields::default(), None);
    while let Some(part) = parts.next_field().await.ok()? {
        let (name, file_name) = (part.name()?.to_owned(), part.file_name().map(str::to_owned));
        let bytes = part.bytes().await.ok()?;
        match file_name {
            None => form.add(&name, String::from_utf8_lossy(&bytes).into_owned()),
            // A field for a file that was left alone comes without a name and without bytes.
            Some(file_name) if file_name.is_empty() && bytes.is_empty() => {}
            Some(file_name) => file = Some(Upload::new(&file_name, &bytes)),
        }
    }
    let held = Upload::held(&mut form);
    Some((form, file.or(held)))
}

fn decoded(part: &str) -> Option<String> {
    percent_encoding::percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    async fn ask(media_type: &str, body: &[u8]) -> Option<Ask> {
        let request = http::Request::post("https://us.example/console/cases/1/attach")
            .header("content-type", media_type)
            .header("origin", "https://us.example")
            .body(Body::Binary(body.to_vec()))
            .unwrap();
        Ask::read(&request, "/console", "https://us.example").await
    }

    fn form(file: &str, bytes: &[u8]) -> Vec<u8> {
        let head = format!(
            "--x\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\na\u{e4}\r\n--x\r\ncontent-disposition: form-data; \
             name=\"file\"; filename=\"{file}\"\r\ncontent-type: text/html\r\n\r\n"
        );
        [head.as_bytes(), bytes, b"\r\n--x--\r\n"].concat()
    }

    #[tokio::test]
    async fn a_form_with_a_file_is_read_whole_and_bounded() {
        let kind = "multipart/form-data; boundary=x";
        let asked = ask(kind, &form("C:\\Users\\me\\statement.pdf", b"%PDF\x00\xff")).await.unwrap();
        assert_eq!(asked.form.get("note"), Some("a\u{e4}"));
        let file = asked.file.unwrap();
        assert_eq!((file.name.as_str(), file.bytes.as_deref()), ("statement.pdf", Some(&b"%PDF\x00\xff"[..])));
        // Left empty, too long a name, one byte too many.
        assert!(ask(kind, &form("", b"")).await.unwrap().file.is_none());
        let long = ask(kind, &form(&"n".repeat(400), b"x")).await.unwrap().file.unwrap();
        assert_eq!(long.name.len(), FILE_NAME_CHARS);
        let large = ask(kind, &form("f", &vec![b'x'; BANK_FILE_BYTES_AT_MOST + 1])).await.unwrap();
        assert_eq!((large.file.unwrap().bytes, large.form.get("note")), (None, Some("a\u{e4}")));
        assert!(
            ask(kind, &form("f", &vec![b'x'; BANK_FILE_BYTES_AT_MOST])).await.unwrap().file.unwrap().bytes.is_some()
        );
        // Cut, without a boundary, more than can come.
        assert!(ask(kind, &form("f", b"x")[..90]).await.is_none());
        assert!(ask("multipart/form-data", b"x").await.is_none());
        assert!(ask(kind, &vec![0; FORM_BYTES_AT_MOST + 1]).await.is_none());
    }

    #[tokio::test]
    async fn a_file_that_a_page_held_comes_back_as_it_was() {
        let file = Upload::new("a b.png", &[0, 255, 43, 47]);
        let held = [(HELD_NAME, file.name.clone()), (HELD_FILE, file.text().unwrap()), ("note", "n".to_owned())];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(held).finish();
        let asked = ask("application/x-www-form-urlencoded", body.as_bytes()).await.unwrap();
        let back = asked.file.unwrap();
        assert_eq!((back.name, back.bytes), (file.name, file.bytes));
        assert_eq!(asked.form.pairs().collect::<Vec<_>>(), [("note", "n")]);
    }
}
