//! What a person wrote into a form on a case. It is in our hands until it is written down: whatever stops that, the form comes
//! back with it.

use payonce_ledger::FILE_BYTES_AT_MOST;
use payonce_protocol::case::Act;
use payonce_protocol::ids::{CaseId, Digest, Hasher};

use crate::app::Visit;
use crate::ask::{Ask, Fields, Upload};
use crate::pages::Stand;
use crate::session::sign_in::{Pending, Wanted};

pub(crate) struct Draft {
    pub id: CaseId,
    pub act: Act,
    /// What the form was made from. `None`: the form says nothing that can be read.
    pub stand: Option<Stand>,
    pub fields: Fields,
    pub file: Option<Upload>,
}

impl Draft {
    pub fn of(ask: &Ask, id: CaseId, act: Act) -> Self {
        let file = ask.file.clone().map(|file| file.at_most(FILE_BYTES_AT_MOST));
        let fields = ask.form.clone();
        Self { id, act, stand: fields.get("version").and_then(Stand::parse), fields, file }
    }

    /// What was kept while its writer was sent to sign in afresh; `None` for what is about no case.
    pub fn pending(pending: &Pending) -> Option<Self> {
        let id = CaseId::parse(&pending.about)?;
        let (act, stand, fields) = match &pending.what {
            Wanted::Propose { ending, code, note, stand, .. } => {
                let named = [("ending", ending), ("code", code), ("note", note), ("version", stand)];
                (Act::Propose, stand, Fields::of(named.map(|(name, value)| (name, value.clone()))))
            }
            Wanted::Approve { note, stand } => {
                (Act::Approve, stand, Fields::of([("note", note.clone()), ("version", stand.clone())]))
            }
            Wanted::ProposeBatch | Wanted::ApproveBatch => return None,
        };
        Some(Self { id, act, stand: Stand::parse(stand), fields, file: None })
    }

    pub fn note(&self) -> Option<&str> {
        self.fields.get("note")
    }

    /// The same for the same person who sends the same form again, and for nothing else: each page's forms bear its time.
    pub fn digest(&self, visit: &Visit) -> Digest {
        let hasher = Hasher::new("payonce/form/1").part(&visit.session.person.subject).part(self.id.as_str());
        let hasher = hasher.part(self.act.as_str());
        let hasher = self.fields.pairs().fold(hasher, |hasher, (name, value)| hasher.part(name).part(value));
        let file = self.file.as_ref().map(|file| (&file.name, file.bytes.as_deref().unwrap_or_default()));
        file.into_iter().fold(hasher, |hasher, (name, bytes)| hasher.part(name).part(bytes)).finish()
    }
}
