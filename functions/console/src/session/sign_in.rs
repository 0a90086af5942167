//! Signing in and out, and the fresh sign-in that a payout by hand asks of both people: what they approve is the nonce of
//! it.

use http::StatusCode;
use payonce_identity::{IdentityError, NoRole, PendingSignIn, Purpose, SignedIn};
use payonce_ledger::Stranger;
use serde::{Deserialize, Serialize};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::cases::again::Held;
use crate::cases::draft::Draft;
use crate::pages::{NoRolePage, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

const SIGN_IN: &str = "sign-in";
const PENDING: &str = "pending";
const PENDING_MS: u64 = 10 * 60_000;
/// For so long what was written comes back to its writer, when it is too late to do it.
const WORDS_MS: u64 = 12 * 60 * 60_000;

/// What a person wanted when they were sent to sign in afresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub subject: String,
    /// The case's id, or the batch's.
    pub about: String,
    /// As the person saw it.
    pub version: u64,
    pub what: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Wanted {
    /// `form` is the hash of the form, `stand` what it was made from.
    Propose {
        ending: String,
        code: String,
        note: String,
        form: String,
        stand: String,
    },
    Approve {
        note: String,
        stand: String,
    },
    ProposeBatch,
    ApproveBatch,
}

impl Wanted {
    /// It is about a batch, and not about a case.
    pub fn is_batch(&self) -> bool {
        matches!(self, Self::ProposeBatch | Self::ApproveBatch)
    }
}

impl App {
    pub(crate) async fn begin_sign_in(&self) -> Result<Reply, Trouble> {
        let (url, kept) = self.parts.issuer.begin(&Purpose::SignIn).await?;
        Ok(Reply::see(url).with(self.keep(SIGN_IN, &kept)?))
    }

    /// Sends the person to sign in for just this.
    pub(crate) async fn confirm(&self, nonce: String, pending: &Pending) -> Result<Reply, Trouble> {
        let (url, kept) = self.parts.issuer.begin(&Purpose::Confirm { nonce }).await?;
        Ok(Reply::see(url).with(self.keep(SIGN_IN, &kept)?).with(self.keep(PENDING, pending)?))
    }

    fn keep(&self, name: &'static str, value: &impl Serialize) -> Result<String, Trouble> {
        let kept = self.parts.sessions.keep(name, value, self.parts.clock.now());
        kept.map_err(|_| Trouble::Wrong("That is too long.".to_owned()))
    }

    /// The issuer has sent the browser back.
    pub(crate) async fn finish_sign_in(&self, ask: &Ask, visit: Option<Visit>) -> Result<Reply, Trouble> {
        let (sessions, now) = (&self.parts.sessions, self.parts.clock.now());
        let pending: Option<Pending> = sessions.kept(PENDING, &ask.cookies, WORDS_MS, now);
        // Nobody reads what another person wrote in this browser.
        let is_own =
            |pending: &&Pending| visit.as_ref().is_none_or(|visit| visit.session.person.subject == pending.subject);
        let draft = pending.as_ref().filter(is_own).and_then(Draft::pending);
        let kept: Option<PendingSignIn> = sessions.kept(SIGN_IN, &ask.cookies, PENDING_MS, now);
        let Some(kept) = kept else {
            let late = Trouble::Identity(IdentityError::OtherState);
            return match (draft, visit) {
                (Some(draft), Some(visit)) => self.again(&draft, &visit, late).await,
                _ => Err(late),
            };
        };
        let signed_in = self.parts.issuer.finish(&kept, &ask.raw_query).await.map_err(Trouble::from);
        let reply = match kept.purpose() {
            Purpose::SignIn => self.open_session(ask, &signed_in?).await?,
            Purpose::Confirm { nonce } => {
                let pending = pending.ok_or(Trouble::Identity(IdentityError::OtherState))?;
                let Some(visit) = visit else {
                    return draft.map_or(Err(Trouble::SignedOut), |draft| self.held(&Held::of(&draft), None));
                };
                let done = match signed_in {
                    Ok(signed_in) => self.as_signed(&visit, &pending, nonce, &signed_in).await,
                    Err(trouble) => Err(trouble),
                };
                match (done, draft) {
                    (Err(trouble), Some(draft)) => return self.again(&draft, &visit, trouble).await,
                    (done, _) => done?,
                }
            }
        };
        Ok(reply.with(sessions.forget(SIGN_IN)).with(sessions.forget(PENDING)))
    }

    async fn as_signed(
        &self,
        visit: &Visit,
        pending: &Pending,
        nonce: &str,
        signed_in: &SignedIn,
    ) -> Result<Reply, Trouble> {
        let me = &visit.session.person.subject;
        if signed_in.person.subject != *me || pending.subject != *me {
            return Err(Trouble::Wrong("Another person signed in than the one who is working here.".to_owned()));
        }
        self.confirmed(visit, pending, nonce, &signed_in.id_token).await
    }

    async fn open_session(&self, ask: &Ask, signed_in: &SignedIn) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let person = &signed_in.person;
        let unusable = |_| Trouble::Identity(IdentityError::NoRandomness);
        // Always a new one: whatever session came with the request is not continued.
        let session = self.parts.sessions.open(person, &ask.agent, now).map_err(unusable)?;
        let cookie = self.parts.sessions.cookie(&session, now).map_err(unusable)?;
        let roles: Vec<String> = person.roles.iter().map(ToString::to_string).collect();
        let set = self.parts.ledger.change_person(&person.subject, stranger(roles.is_empty()), |known| {
            (known.name, known.roles, known.seen_at) = (person.name.clone(), roles.clone(), now);
        });
        set.await?;
        Ok(Reply::see(BASE).with(cookie))
    }

    /// Whatever was asked for: whoever has no role learns why, and nothing else.
    pub(crate) fn no_role(&self, visit: &Visit) -> Result<Reply, Trouble> {
        let person = &visit.session.person;
        let found = person.no_role.unwrap_or(NoRole::Absent);
        tracing::warn!(found = found.word(), "somebody is signed in and has no role");
        let page = NoRolePage {
            frame: self.frame(Some(visit), "No role here", Section::Other),
            name: person.name.clone(),
            claim: self.parts.issuer.roles_claim().to_owned(),
            found,
        };
        Ok(Reply::html(StatusCode::FORBIDDEN, page.render()?))
    }

    /// Every session of this person ends, a stolen one too.
    pub(crate) async fn sign_out(&self, visit: &Visit) -> Result<Reply, Trouble> {
        let (subject, now) = (&visit.session.person.subject, self.parts.clock.now());
        let out = stranger(visit.roles.is_empty());
        self.parts.ledger.change_person(subject, out, |known| known.signed_out_at = now).await?;
        let elsewhere = self.parts.issuer.end_session().await.ok().flatten();
        let to = elsewhere.unwrap_or_else(|| format!("{BASE}/signed-out"));
        Ok(Reply::see(to).with(payonce_identity::Sessions::end_cookie()))
    }
}

/// Anybody may sign in at some issuers. Whoever has no role here, and never had, is written nowhere: a list that strangers
/// fill is one that they can fill up.
fn stranger(is_without_role: bool) -> Stranger {
    if is_without_role { Stranger::LeftOut } else { Stranger::Added }
}
