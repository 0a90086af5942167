//! An identity provider for this machine, plainly a sandbox: whoever comes chooses who to be. The console speaks OpenID
//! Connect with it as with any other. It is part of the local stack alone; no function is built with it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_runtime::clock::Clock;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::form::{field, form};

/// Login, name, what they are to the console.
pub const PEOPLE: [(&str, &str, Option<&str>); 6] = [
    ("ada", "Ada Lovelace", Some("analyst")),
    ("ben", "Ben Okafor", Some("approver")),
    ("dee", "Dee Marsh", Some("approver")),
    ("eve", "Eve Lindqvist", Some("viewer")),
    ("olu", "Olu Adeyemi", Some("auditor")),
    ("nik", "Nik Novak", None),
];

const CODE_MS: u64 = 60_000;
const TOKEN_S: u64 = 300;
const FORM_BYTES_AT_MOST: usize = 16 * 1024;

/// What a code stands for, once.
struct Granted {
    person: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    at: UnixMillis,
}

struct Desk {
    url: String,
    client: String,
    redirect_uris: Vec<String>,
    clock: Clock,
    key: EcdsaKeyPair,
    codes: Mutex<BTreeMap<String, Granted>>,
}

/// The running issuer.
pub struct Issuer {
    desk: Arc<Desk>,
    serving: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issuer {
    pub async fn start(port: u16, client: &str, redirect_uris: Vec<String>, clock: Clock) -> io::Result<Self> {
        let listener = crate::listen(port).await?;
        let address: SocketAddr = listener.local_addr()?;
        let random = SystemRandom::new();
        let unusable = |_| io::Error::other("no key could be made");
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(unusable)?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|_| io::Error::other("no key could be made"))?;
        let url = format!("http://{address}");
        let desk = Desk { url, client: client.to_owned(), redirect_uris, clock, key, codes: Mutex::default() };
        let desk = Arc::new(desk);
        let serving = tokio::spawn(serve(listener, desk.clone()));
        Ok(Self { desk, serving })
    }

    pub fn url(&self) -> String {
        self.desk.url.clone()
    }

    /// The ID token of one of [`PEOPLE`] who signs in now for just what this nonce says, without a browser.
    pub fn sign_in(&self, login: &str, nonce: &str) -> String {
        let (redirect_uri, challenge) = (String::new(), String::new());
        let (person, nonce) = (login.to_owned(), Some(nonce.to_owned()));
        self.desk.id_token(&Granted { person, redirect_uri, challenge, nonce, at: self.desk.clock.now() })
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let desk = desk.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let desk = desk.clone();
                async move { Ok::<_, Infallible>(desk.answer(request).await) }
            });
            // A browser that hangs up is no error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

type Fields = Vec<(String, String)>;
type Answer = Response<Full<Bytes>>;

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, FORM_BYTES_AT_MOST).collect().await else {
            return page(StatusCode::PAYLOAD_TOO_LARGE, "Too large", "", None);
        };
        let body = form(&String::from_utf8_lossy(&body.to_bytes()));
        let query = form(head.uri.query().unwrap_or_default());
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/.well-known/openid-configuration") => json_of(StatusCode::OK, &self.metadata()),
            (&Method::GET, "/jwks") => json_of(StatusCode::OK, &self.keys()),
            (&Method::GET, "/authorize") => self.authorize(&query, None),
            (&Method::POST, "/authorize") => self.authorize(&body, field(&body, "person")),
            (&Method::POST, "/token") => self.token(&body),
            (&Method::GET, "/sign-out") => {
                page(StatusCode::OK, "Signed out", "<p>Nobody is signed in here any more.", None)
            }
            (&Method::GET, "/style.css") => respond(StatusCode::OK, "text/css", STYLE.to_owned(), None),
            _ => page(StatusCode::NOT_FOUND, "Not found", "", None),
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
            "end_session_endpoint": at("/sign-out"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn keys(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "sandbox", "x": x, "y": y }] })
    }

    /// The page on which a person is chosen, and, once one is, the way back.
    fn authorize(&self, asked: &Fields, person: Option<&str>) -> Answer {
        let wanted = |name: &str| field(asked, name).filter(|value| !value.is_empty());
        let known = wanted("redirect_uri").filter(|uri| self.redirect_uris.iter().any(|known| known == uri));
        let (Some(redirect_uri), Some("code"), true) =
            (known, wanted("response_type"), wanted("client_id") == Some(&self.client))
        else {
            return page(StatusCode::BAD_REQUEST, "This is no request of the console's", "", None);
        };
        let scopes = wanted("scope").unwrap_or_default();
        let (Some(challenge), Some("S256"), Some(state), true) = (
            wanted("code_challenge"),
            wanted("code_challenge_method"),
            wanted("state"),
            scopes.split(' ').any(|scope| scope == "openid"),
        ) else {
            return self.back(redirect_uri, "error", "invalid_request", wanted("state"));
        };
        let Some(person) = person else { return choose(asked, redirect_uri) };
        if !PEOPLE.iter().any(|(login, ..)| *login == person) {
            return self.back(redirect_uri, "error", "access_denied", Some(state));
        }
        let code = payonce_runtime::random::attempt_id().to_string();
        let granted = Granted {
            person: person.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.to_owned(),
            nonce: wanted("nonce").map(str::to_owned),
            at: self.clock.now(),
        };
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code.clone(), granted);
        self.back(redirect_uri, "code", &code, Some(state))
    }

    fn back(&self, redirect_uri: &str, name: &str, value: &str, state: Option<&str>) -> Answer {
        let mut query = vec![(name, value), ("iss", self.url.as_str())];
        query.extend(state.map(|state| ("state", state)));
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let mut answer = respond(StatusCode::SEE_OTHER, "text/plain", String::new(), None);
        if let Ok(location) = format!("{redirect_uri}?{}", query.join("&")).parse() {
            answer.headers_mut().insert("location", location);
        }
        answer
    }

    fn token(&self, asked: &Fields) -> Answer {
        let wanted = |name: &str| field(asked, name).unwrap_or_default();
        let refused = |word: &str| json_of(StatusCode::BAD_REQUEST, &json!({ "error": word }));
        if wanted("grant_type") != "authorization_code" || wanted("client_id") != self.client {
            return refused("invalid_request");
        }
        // Taken out whatever comes of it: a code that was shown once is used up.
        let granted = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(wanted("code"));
        let now = self.clock.now();
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(wanted("code_verifier")).0);
        let Some(granted) = granted.filter(|granted| {
            now.saturating_sub(granted.at) <= CODE_MS
                && granted.redirect_uri == wanted("redirect_uri")
                && granted.challenge == challenge
        }) else {
            return refused("invalid_grant");
        };
        json_of(
            StatusCode::OK,
            &json!({
                "access_token": payonce_runtime::random::attempt_id().to_string(),
                "token_type": "Bearer",
                "expires_in": TOKEN_S,
                "id_token": self.id_token(&granted),
            }),
        )
    }

    fn id_token(&self, granted: &Granted) -> String {
        let known = PEOPLE.iter().find(|(login, ..)| *login == granted.person);
        let (login, name, role) = known.copied().unwrap_or_default();
        let roles: Vec<String> = role.iter().map(|role| format!("payonce-{role}")).collect();
        // Every sign-in here is a fresh one.
        let at = granted.at / 1000;
        let mut claims = json!({
            "iss": self.url, "sub": format!("sandbox|{login}"), "aud": self.client, "iat": at, "auth_time": at,
            "exp": at + TOKEN_S, "name": name, "roles": roles,
        });
        if let Some(nonce) = &granted.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "sandbox", "typ": "JWT" })), part(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.map(|signature| URL_SAFE_NO_PAD.encode(signature.as_ref())).unwrap_or_default();
        format!("{signed}.{signature}")
    }
}

fn choose(asked: &Fields, redirect_uri: &str) -> Answer {
    let hidden = asked.iter().fold(String::new(), |html, (name, value)| {
        format!("{html}<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value))
    });
    let people = PEOPLE.iter().fold(String::new(), |html, (login, name, role)| {
        let role = role.unwrap_or("no role");
        format!("{html}<button name=\"person\" value=\"{login}\"><b>{name}</b> {role}</button>\n")
    });
    let form = format!("<form method=\"post\" action=\"/authorize\">{hidden}\n{people}</form>");
    page(StatusCode::OK, "Who do you want to be?", &form, Some(redirect_uri))
}

const STYLE: &str = "
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 0 auto; padding: 1rem }
.sandbox { padding: .75rem 1rem; border-radius: .5rem; background: #7a4b00; color: #fff }
form { display: grid; gap: .5rem }
button { font: inherit; text-align: left; padding: .75rem 1rem; border: 1px solid #888; border-radius: .5rem; cursor: pointer }
button:focus-visible { outline: 3px solid #2a6fdb; outline-offset: 2px }
";

fn page(status: StatusCode, title: &str, main: &str, leads_to: Option<&str>) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} · sandbox</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n<main>\n\
         <p class=\"sandbox\"><strong>Sandbox.</strong> Anybody is anybody here: no password, nothing real.</p>\n\
         <h1>{title}</h1>\n{main}\n</main>\n"
    );
    respond(status, "text/html; charset=utf-8", html, leads_to)
}

fn respond(status: StatusCode, media_type: &'static str, body: String, leads_to: Option<&str>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    // A form's way back counts, too.
    let origin = leads_to.and_then(|uri| uri.parse::<http::Uri>().ok());
    let origin = origin.map(|uri| {
        format!(" {}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |a| a.as_str()))
    });
    let policy = format!("default-src 'none'; style-src 'self'; form-action 'self'{}", origin.unwrap_or_default());
    let headers = answer.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static(media_type));
    headers.insert("cache-control", http::HeaderValue::from_static("no-store"));
    if let Ok(policy) = policy.parse() {
        headers.insert("content-security-policy", policy);
    }
    answer
}

fn json_of(status: StatusCode, json: &Value) -> Answer {
    respond(status, "application/json", json.to_string(), None)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
