//! What API Gateway does, on loopback: a POST becomes an event of payload format 2.0, the function's answer becomes the
//! response. As on AWS, a function that was started runs on when the caller hangs up.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use lambda_http::{Context, RequestExt};
use payonce_runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};

/// What Lambda takes in one synchronous request.
const PAYLOAD_BYTES_AT_MOST: usize = 6 << 20;

/// Answers everything that is no delivery, by method and path; told where the front door is.
pub type Pages = Arc<dyn Fn(Method, String, SocketAddr) -> PageFuture + Send + Sync>;
pub type PageFuture = std::pin::Pin<Box<dyn Future<Output = Option<Page>> + Send>>;

/// Answers everything under its path, as a function behind the gateway.
pub type Handler = Arc<dyn Fn(lambda_http::Request) -> HandlerFuture + Send + Sync>;
pub type HandlerFuture = std::pin::Pin<Box<dyn Future<Output = lambda_http::Response<lambda_http::Body>> + Send>>;

pub enum Page {
    Html(String),
    Json(Value),
}

struct Gateway {
    address: SocketAddr,
    functions: Mutex<BTreeMap<String, Arc<webhook::App>>>,
    /// By the first part of the path.
    handlers: BTreeMap<&'static str, Handler>,
    pages: Pages,
    clock: Clock,
    /// The function's time-out.
    function_ms: u64,
    in_flight: Mutex<Vec<AbortHandle>>,
}

/// The running front door.
pub struct Front {
    gateway: Arc<Gateway>,
    serving: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Front {
    /// Takes the port before anything is started that must know it.
    pub async fn bind(port: u16) -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
    }

    pub fn start(
        listener: TcpListener,
        functions: BTreeMap<String, Arc<webhook::App>>,
        handlers: BTreeMap<&'static str, Handler>,
        pages: Pages,
        clock: Clock,
        function_ms: u64,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (in_flight, functions) = (Mutex::default(), Mutex::new(functions));
        let gateway = Arc::new(Gateway { address, functions, handlers, pages, clock, function_ms, in_flight });
        let serving = tokio::spawn(serve(listener, gateway.clone()));
        Ok(Self { gateway, serving })
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.address
    }

    /// A new environment of one function: what is under way ends in the old one.
    pub fn replace(&self, provider: &str, function: Arc<webhook::App>) {
        let mut functions = self.gateway.functions.lock().unwrap_or_else(PoisonError::into_inner);
        functions.insert(provider.to_owned(), function);
    }

    /// Ends every function that is running, where it stands, as the platform does at a time-out or a crash.
    pub fn kill_functions(&self) {
        let mut in_flight = self.gateway.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.drain(..).for_each(|function| function.abort());
    }
}

async fn serve(listener: TcpListener, gateway: Arc<Gateway>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, std::convert::Infallible>(gateway.answer(request).await) }
            });
            // A client that hangs up is no error of the gateway's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Gateway {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let functions = || self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let function = path.strip_prefix("/webhooks/").and_then(|provider| functions().get(provider).cloned());
        if let (&Method::POST, Some(function)) = (request.method(), function) {
            return self.invoke(move |request| async move { function.handle(request).await }, request).await;
        }
        let first = path.split('/').nth(1).unwrap_or_default();
        if let Some(handler) = self.handlers.get(first) {
            let handler = handler.clone();
            return self.invoke(move |request| handler(request), request).await;
        }
        match (self.pages)(request.method().clone(), path, self.address).await {
            Some(Page::Html(html)) => respond(StatusCode::OK, "text/html; charset=utf-8", html),
            Some(Page::Json(json)) => respond(StatusCode::OK, "application/json", format!("{json:#}\n")),
            None => message(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    async fn invoke<F>(
        &self,
        function: impl FnOnce(lambda_http::Request) -> F + Send + 'static,
        request: Request<Incoming>,
    ) -> Response<Full<Bytes>>
    where
        F: Future<Output = lambda_http::Response<lambda_http::Body>> + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, PAYLOAD_BYTES_AT_MOST).collect().await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let request_id = payonce_runtime::random::attempt_id().to_string();
        let event = event(&head, &body.to_bytes(), &request_id, self.clock.now());
        let Ok(request) = lambda_http::request::from_str(&event.to_string()) else {
            return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        };
        let mut context = Context::default();
        context.request_id = request_id;
        context.deadline = self.clock.now() + self.function_ms;
        let request = request.with_lambda_context(context);
        let running = tokio::spawn(function(request));
        {
            let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            in_flight.retain(|function| !function.is_finished());
            in_flight.push(running.abort_handle());
        }
        match running.await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Response::from_parts(head, Full::new(Bytes::copy_from_slice(body.as_ref())))
            }
            Err(_) => message(StatusCode::BAD_GATEWAY, "Bad Gateway"),
        }
    }
}

/// The event of an HTTP API, payload format 2.0. Header names are in lower case, repeated headers joined by commas; a
/// body that is text is handed over as text, any other in base64. Cookies are a list of their own.
fn event(head: &Parts, body: &[u8], request_id: &str, now: u64) -> Value {
    let (method, path) = (head.method.as_str(), head.uri.path());
    let mut cookies: Vec<String> = Vec::new();
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == http::header::COOKIE {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
            continue;
        }
        joined.entry(name.as_str()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value.into_owned());
    }
    let is_text = joined
        .get("content-type")
        .is_some_and(|media_type| media_type.starts_with("application/json") || media_type.starts_with("text/"));
    let text = std::str::from_utf8(body).ok().filter(|_| is_text);
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "cookies": cookies,
        "headers": joined,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "localhost",
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": joined.get("user-agent"),
            },
            "requestId": request_id,
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": written_out(now),
            "timeEpoch": now,
        },
        "body": text.map_or_else(|| base64(body), str::to_owned),
        "isBase64Encoded": text.is_none(),
    })
}

/// `12/Mar/2026:19:03:58 +0000`
fn written_out(now: u64) -> String {
    let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    now.unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn message(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "application/json", json!({ "message": text }).to_string())
}

fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn handed_over(headers: &[(&'static str, &'static [u8])], body: &[u8]) -> (Value, lambda_http::Request) {
        let mut request = Request::post("/webhooks/stripe?a=%2F&b");
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let event = event(&head, body, "request-1", 1_773_342_238_000);
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        (event, request)
    }

    /// One changed byte would fail every signature; one that is mended would let a forged body through.
    #[test]
    fn body_arrives_byte_for_byte() {
        for (media_type, body, encoded) in [
            ("application/json; charset=utf-8", "{\"name\": \"Zoë\"}\r\n".as_bytes(), false),
            ("application/json", b"{\"name\": \"\xff\"}", true),
            ("application/octet-stream", b"plain", true),
            ("text/plain", b"\xef\xbb\xbfplain", false),
            ("application/json", b"", false),
        ] {
            let (event, request) = handed_over(&[("content-type", media_type.as_bytes())], body);
            assert_eq!(event["isBase64Encoded"], encoded, "{media_type}");
            assert_eq!(request.body().as_ref(), body, "{media_type}");
        }
    }

    #[test]
    fn repeated_headers_are_joined() {
        let (event, request) =
            handed_over(&[("Stripe-Signature", b"t=1,v1=a"), ("stripe-signature", b"t=2,v1=b")], b"{}");
        assert_eq!(event["headers"]["stripe-signature"], "t=1,v1=a,t=2,v1=b");
        assert_eq!(request.headers()["stripe-signature"], "t=1,v1=a,t=2,v1=b");
        assert_eq!(request.uri().path(), "/webhooks/stripe");
    }

    #[test]
    fn cookies_and_query_arrive() {
        let (event, request) = handed_over(&[("Cookie", b"a=1; b=2"), ("cookie", b"c=3")], b"");
        assert_eq!(event["cookies"], serde_json::json!(["a=1", "b=2", "c=3"]));
        assert_eq!(event["headers"].get("cookie"), None);
        let cookies: Vec<&str> =
            request.headers().get_all("cookie").iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(cookies.join("; "), "a=1; b=2; c=3");
        assert_eq!(request.uri().query(), Some("a=%2F&b"));
    }

    #[test]
    fn time_is_written_as_api_gateway_writes_it() {
        let (event, _) = handed_over(&[], b"{}");
        assert_eq!(event["requestContext"]["time"], "12/Mar/2026:19:03:58 +0000");
        assert_eq!(event["version"], "2.0");
    }
}
