//! Who asks, and whether they may: every request goes through here before anything is read or written for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::{BoxFuture, join};
use http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use payonce_identity::payer::{self, Answer};
use payonce_identity::{Issuer, Session, Sessions};
use payonce_ledger::{Ledger, People, Who, powers};
use payonce_protocol::case::Role;
use payonce_rails::Rail;
use payonce_runtime::clock::Clock;
use payonce_statements::chosen::Described;

use crate::around::{Around, Tables};
use crate::ask::Ask;
use crate::cases::again::Held;
use crate::cases::due::Sla;
use crate::reply::Reply;
use crate::trouble::Trouble;

/// The way to payer, which alone can pay.
pub trait Payer: Send + Sync {
    /// Exactly one invocation. An error says nothing about whether money moved, except where it says so.
    fn invoke(&self, request: payer::Request) -> BoxFuture<'_, Result<Answer, PayerSilent>>;
}

/// payer gave no answer that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayerSilent {
    #[error("payer was not reached; nothing was begun")]
    NotBegun,
    #[error("payer did not answer: whether it paid, the case and the sweeper will say within minutes")]
    Unknown,
}

pub struct Parts {
    pub ledger: Arc<Ledger<powers::Console>>,
    /// With a secret that only reads.
    pub rail: Arc<Rail>,
    pub issuer: Issuer,
    pub sessions: Sessions,
    pub payer: Arc<dyn Payer>,
    pub clock: Clock,
    pub sla: Sla,
    /// How long a file is kept that somebody attached: as long as a delivery's body.
    pub file_days: u32,
    /// First parts of payout keys, by provider: an object's id alone is looked up under each.
    pub namespaces: BTreeMap<String, String>,
    /// Providers that payer asks for refunds and disputes before it pays.
    pub sources: BTreeSet<String>,
    /// What the bank's files are written in, by name.
    pub statements: Described,
    /// Scheme, host and port under which browsers see us.
    pub origin: String,
    /// Nothing here is real, and every page says so.
    pub is_sandbox: bool,
}

/// The console's own path.
pub const BASE: &str = "/console";

pub struct App {
    pub(crate) parts: Parts,
    pub(crate) tables: Tables,
}

/// A person who is signed in, for one request.
pub(crate) struct Visit {
    pub session: Session,
    pub roles: Vec<Role>,
    /// Everybody, for whoever has a role.
    pub people: People,
    pub around: Around,
    pub csrf: String,
}

impl Visit {
    pub fn who(&self) -> Who {
        Who { subject: self.session.person.subject.clone(), name: Some(self.session.person.name.clone()) }
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self { parts, tables: Tables::default() }
    }

    /// Never an error: a person reads what went wrong, and what to do.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let reply = match Ask::read(&request, BASE, &self.parts.origin).await {
            Some(ask) => self.reply(&ask).await,
            None => Err(Trouble::NotFound),
        };
        let reply = reply.unwrap_or_else(|trouble| self.trouble(None, &trouble, None));
        let issuer = if reply.has_forms() { self.parts.issuer.origin().await.ok() } else { None };
        reply.respond(issuer.as_deref())
    }

    async fn reply(&self, ask: &Ask) -> Result<Reply, Trouble> {
        let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
        match (&ask.method, path.as_slice()) {
            (&Method::GET, ["static", name]) => {
                let (media_type, bytes) = crate::pages::asset(name).ok_or(Trouble::NotFound)?;
                return Ok(Reply::asset(media_type, bytes));
            }
            (&Method::GET, ["sign-in"]) => return self.begin_sign_in().await,
            (&Method::GET, ["signed-out"]) => return Ok(Reply::html(StatusCode::OK, self.landing_page()?)),
            _ => {}
        }
        let visit = self.visit(ask).await?;
        if let (&Method::GET, ["signed-in"]) = (&ask.method, path.as_slice()) {
            return self.finish_sign_in(ask, visit).await;
        }
        let Some(mut visit) = visit else {
            let is_reading = ask.method == Method::GET || ask.method == Method::HEAD;
            return match path.as_slice() {
                _ if is_reading => Ok(Reply::see(format!("{BASE}/signed-out"))),
                ["sign-out"] => Ok(Reply::see(format!("{BASE}/signed-out"))),
                _ if ask.is_same_origin => self.held(&Held::asked(ask), None),
                _ => Err(Trouble::SignedOut),
            };
        };
        if ask.method == Method::POST {
            let is_ours = ask.form.get("csrf").is_some_and(|given| self.parts.sessions.is_csrf(&visit.session, given));
            if !ask.is_same_origin {
                return Err(Trouble::Forged);
            }
            if !is_ours {
                // A page of ours, of an earlier session: its words are shown to whoever sent them, and nothing is done.
                let held = Held::asked(ask);
                return if visit.roles.is_empty() { self.no_role(&visit) } else { self.held(&held, Some(&visit)) };
            }
        }
        let now = self.parts.clock.now();
        let cookie = self.parts.sessions.cookie(&visit.session, now).map_err(|_| Trouble::SignedOut)?;
        if let (&Method::POST, ["sign-out"]) = (&ask.method, path.as_slice()) {
            return self.sign_out(&visit).await;
        }
        if visit.roles.is_empty() {
            return Ok(self.no_role(&visit)?.with(cookie));
        }
        let (people, around) =
            join(self.parts.ledger.people(), self.around(&visit.session.person.subject, &visit.roles)).await;
        (visit.people, visit.around) = (people?, around);
        let reply = self.route(ask, &path, &visit).await;
        let note = ask.form.get("note");
        Ok(reply.unwrap_or_else(|trouble| self.trouble(Some(&visit), &trouble.at(&path), note)).with(cookie))
    }

    /// A session counts until its person signs out, wherever that happens.
    async fn visit(&self, ask: &Ask) -> Result<Option<Visit>, Trouble> {
        let now = self.parts.clock.now();
        let Some(session) = self.parts.sessions.read(&ask.cookies, &ask.agent, now) else { return Ok(None) };
        let known = self.parts.ledger.person(&session.person.subject).await?;
        let signed_out_at = known.map_or(0, |person| person.signed_out_at);
        if session.opened_at <= signed_out_at {
            return Ok(None);
        }
        let roles = session.person.roles.iter().copied().collect();
        let csrf = self.parts.sessions.csrf(&session);
        Ok(Some(Visit { session, roles, people: People::default(), around: Around::default(), csrf }))
    }

    /// Every other address. What is not listed is not there.
    async fn route(&self, ask: &Ask, path: &[&str], visit: &Visit) -> Result<Reply, Trouble> {
        match (&ask.method, path) {
            (&Method::GET, []) => self.queue(ask, visit).await,
            (&Method::GET, ["cases.csv"]) => self.export(ask, visit).await,
            (&Method::GET, ["resolved"]) => self.resolved(ask, visit).await,
            (&Method::GET, ["resolved.csv"]) => self.export_resolved(ask, visit).await,
            (&Method::GET, ["search"]) => self.search(ask, visit).await,
            (&Method::GET, ["cases", id]) => self.case(ask, id, visit).await,
            (&Method::GET, ["cases", id, "evidence", sha256]) => self.evidence(id, sha256, visit).await,
            (&Method::GET, ["cases", id, "evidence", sha256, what]) => self.evidence_file(id, sha256, what).await,
            (&Method::POST, ["cases", id, act]) => self.act(ask, id, act, visit).await,
            (&Method::GET, ["payouts"]) => self.payout(ask, visit).await,
            (&Method::POST, ["bulk"]) => self.bulk(ask, visit, false).await,
            (&Method::POST, ["bulk", "confirm"]) => self.bulk(ask, visit, true).await,
            (&Method::GET, ["books"]) => self.books(ask, visit).await,
            (&Method::GET, ["books", end]) => self.run(ask, end, visit).await,
            (&Method::GET, ["books", end, file]) => self.run_csv(ask, end, file, visit).await,
            // Large, and not to stand on the stack of every other page.
            (&Method::GET, ["bank"]) => Box::pin(self.bank(ask, visit)).await,
            (&Method::POST, ["bank"]) => Box::pin(self.check_bank_file(ask, visit)).await,
            (&Method::POST, ["bank", "import"]) => Box::pin(self.import_bank_file(ask, visit)).await,
            (&Method::GET, ["batches"]) => self.batches(visit).await,
            (&Method::GET, ["batches", id]) => self.batch(ask, id, visit).await,
            (&Method::POST, ["batches", id, act]) => self.act_on_batch(ask, id, act, visit).await,
            (&Method::GET, ["absence"]) => self.absence(visit).await,
            (&Method::POST, ["absence"]) => self.set_absence(ask, visit).await,
            _ => Err(Trouble::NotFound),
        }
    }
}
