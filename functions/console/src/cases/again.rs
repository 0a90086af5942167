//! Nothing that somebody wrote is lost to them: a form that could not be taken comes back filled in, with what happened since
//! it was opened. Nobody else keeps it: the page itself holds the words.

use http::StatusCode;
use payonce_ledger::{FiledCase, Payout};
use payonce_protocol::case::{Act, Ending, may, next};

use crate::app::{App, BASE, Visit};
use crate::ask::{Ask, Fields, HELD_FILE, HELD_NAME, Upload};
use crate::cases::draft::Draft;
use crate::cases::show::{encoded, entries_of, entry_of};
use crate::pages::{AgainForm, AgainPage, Entry, HeldFile, HeldPage, Section, Stand};
use crate::reply::Reply;
use crate::trouble::Trouble;

/// A form of whatever page, as it came.
pub(crate) struct Held {
    action: String,
    fields: Fields,
    file: Option<Upload>,
}

impl Held {
    pub fn asked(ask: &Ask) -> Self {
        let path: String = ask.path.iter().map(|part| format!("/{}", encoded(part))).collect();
        Self { action: format!("{BASE}{path}"), fields: ask.form.clone(), file: ask.file.clone() }
    }

    pub fn of(draft: &Draft) -> Self {
        let action = format!("{BASE}/cases/{}/{}", draft.id, draft.act);
        Self { action, fields: draft.fields.clone(), file: draft.file.clone() }
    }
}

pub(crate) fn held_file(file: &Upload) -> Option<HeldFile> {
    let bytes = file.bytes.as_ref()?.len() as u64;
    Some(HeldFile { name: file.name.clone(), bytes, base64: file.text()? })
}

impl App {
    /// For whoever is not signed in, or is signed in anew: to be sent once more, with the token of the session that there is
    /// then. Only for what a page of ours sent.
    pub(crate) fn held(&self, held: &Held, visit: Option<&Visit>) -> Result<Reply, Trouble> {
        let (heading, text) = match visit {
            None => (
                "You are signed out",
                "Your session has ended, so nothing was done yet. What you wrote is in this page: sign in in a new tab, \
                 come back to this one, and send it.",
            ),
            Some(_) => (
                "Not sent yet",
                "This was written before you signed in anew, so nothing was done yet. Read it once more, and send it.",
            ),
        };
        self.held_page(held, visit, StatusCode::FORBIDDEN, heading, text)
    }

    fn held_page(
        &self,
        held: &Held,
        visit: Option<&Visit>,
        status: StatusCode,
        heading: &str,
        text: &str,
    ) -> Result<Reply, Trouble> {
        let file = held.file.as_ref().and_then(held_file);
        let mut fields: Vec<(String, String)> =
            held.fields.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if let Some(file) = &file {
            fields.push((HELD_NAME.to_owned(), file.name.clone()));
            fields.push((HELD_FILE.to_owned(), file.base64.clone()));
        }
        let page = HeldPage {
            frame: self.frame(visit, heading, Section::Other),
            heading: heading.to_owned(),
            text: text.to_owned(),
            action: held.action.clone(),
            fields,
            file,
        };
        Ok(Reply::html(status, page.render()?))
    }

    /// `trouble` stopped it. What no form of ours could ask for has no page of its own.
    pub(crate) async fn again(&self, draft: &Draft, visit: &Visit, trouble: Trouble) -> Result<Reply, Trouble> {
        if matches!(trouble, Trouble::NotFound | Trouble::NotAllowed | Trouble::Forged) {
            return Err(trouble);
        }
        tracing::warn!(status = trouble.status().as_u16(), what = trouble.kind(), "not done");
        // What does not answer now may not answer this either.
        let Ok(Some((case, payout, meanwhile))) = self.since(draft).await else {
            let text = format!("{trouble} What you wrote is in this page: sent again, it is written once.");
            return self.held_page(&Held::of(draft), Some(visit), trouble.status(), &trouble.title(), &text);
        };
        let is_stale = !matches!(trouble, Trouble::Wrong(_) | Trouble::Ledger(_) | Trouble::Identity(_));
        let stand = match &draft.stand {
            Some(stand) if !is_stale => stand.clone(),
            _ => self.stand(&case, &payout),
        };
        let title = if matches!(trouble, Trouble::Changed) { "The case has changed".into() } else { trouble.title() };
        let page = AgainPage {
            frame: self.frame(Some(visit), &title, Section::Queue),
            status: trouble.status().as_u16(),
            heading: title.to_string(),
            text: match &trouble {
                Trouble::Changed => "It is not as you saw it when you opened it, so this was not done.".to_owned(),
                other => other.text(),
            },
            id: draft.id.to_string(),
            money: case.case.money,
            payee: case.case.destination.as_ref().map(ToString::to_string),
            reason: case.case.reason,
            state: case.status,
            meanwhile: if is_stale { meanwhile } else { vec![] },
            form: self.form_again(draft, &case, stand, visit).await?,
            written: draft.note().map(str::to_owned),
        };
        Ok(Reply::html(trouble.status(), page.render()?))
    }

    /// The case as it is, and what happened to it since the form was made.
    async fn since(&self, draft: &Draft) -> Result<Option<(FiledCase, Payout, Vec<Entry>)>, Trouble> {
        let Some(case) = self.parts.ledger.case(&draft.id).await? else { return Ok(None) };
        let payout = match &case.case.key {
            Some(key) => self.parts.ledger.payout(key).await?,
            None => Payout::default(),
        };
        let mut entries = entries_of(&payout);
        entries.extend(self.parts.ledger.history(&draft.id).await?.iter().map(entry_of));
        let since = draft.stand.as_ref().map_or(0, |stand| stand.at);
        entries.retain(|entry| since > 0 && entry.at > since);
        entries.sort_by_key(|entry| entry.at);
        Ok(Some((case, payout, entries)))
    }

    /// `None`: nothing that was written can still be sent. An approval is given where all that it is about is shown, and nowhere
    /// else; its note, or that of an act that is too late, can stay as a comment.
    async fn form_again(
        &self,
        draft: &Draft,
        case: &FiledCase,
        stand: Stand,
        visit: &Visit,
    ) -> Result<Option<AgainForm>, Trouble> {
        let can = |act: Act| may(&visit.roles, act) && next(case.status, act).is_some();
        let is_batch = case.proposal.as_ref().is_some_and(|made| made.batch.is_some());
        let as_before = can(draft.act) && draft.act != Act::Approve && !(draft.act == Act::SendBack && is_batch);
        let act = match draft.note() {
            _ if as_before => draft.act,
            Some(_) if can(Act::Comment) => Act::Comment,
            _ => return Ok(None),
        };
        let verdict = self.verdict(case).await?;
        let text = |name: &str| draft.fields.get(name).unwrap_or_default().to_owned();
        let offered = |ending: &Ending| ending.pays() || ending.is_offered(case.case.reason, verdict);
        Ok(Some(AgainForm {
            act,
            is_other: act != draft.act,
            stand,
            note: text("note"),
            ending: draft.fields.get("ending").and_then(Ending::parse),
            endings: Ending::ALL.iter().copied().filter(offered).collect(),
            code: text("code"),
            duplicate_of: text("duplicate_of"),
            to: text("to"),
            people: if act == Act::Assign { self.people(visit) } else { vec![] },
            title: text("title"),
            link: text("link"),
            sha256: text("sha256"),
            kept_at: text("kept_at"),
            file: draft.file.as_ref().and_then(held_file).filter(|_| as_before),
        }))
    }
}
