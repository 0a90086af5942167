//! Files that show what somebody says: attached to a case, kept beside the deliveries' bodies, named in the case's history by
//! their hash. Nothing looks into them but for how they may be shown.

use http::StatusCode;
use payonce_ledger::{Acted, CaseAct, FiledCase, HistoryRecord, StoredFile};
use payonce_protocol::case::{Act, Ending};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{CaseId, Digest, Hasher};

use crate::app::{App, Visit};
use crate::ask::{Fields, Upload};
use crate::cases::acts::{NOTE_CHARS, wrong};
use crate::cases::draft::Draft;
use crate::pages::{Attached, EvidencePage, Section, Shown};
use crate::reply::Reply;
use crate::trouble::Trouble;

/// How a file may be shown: by what it is, and never by what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Png,
    Jpeg,
    Text,
    /// Only to be saved.
    Other,
}

impl Kind {
    pub fn of(bytes: &[u8]) -> Self {
        let is_text = |text: &str| !text.chars().any(|letter| letter.is_control() && !"\n\r\t".contains(letter));
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Png,
            [0xff, 0xd8, 0xff, ..] => Self::Jpeg,
            _ if std::str::from_utf8(bytes).is_ok_and(is_text) => Self::Text,
            _ => Self::Other,
        }
    }
}

/// What the history names as attached: more than a title.
pub(crate) fn is_evidence(record: &HistoryRecord) -> bool {
    let says = |name| record.facts.said(name).is_some();
    record.act == Act::Attach.as_str() && (says(FactName::File) || says(FactName::Link) || says(FactName::Sha256))
}

pub(crate) fn attached(record: &HistoryRecord) -> Attached {
    let text = |name| record.facts.said(name).map(str::to_owned);
    Attached {
        title: text(FactName::Title),
        file: text(FactName::File),
        bytes: text(FactName::Bytes).and_then(|text| text.parse().ok()),
        sha256: text(FactName::Sha256),
        link: text(FactName::Link),
        kept_at: text(FactName::KeptAt),
        by: record.by.name.clone().unwrap_or_else(|| record.by.subject.clone()),
        at: record.at,
    }
}

impl App {
    /// What an attachment says of itself. A file is kept first: the history never names one that is not there.
    pub(crate) async fn attached(&self, draft: &Draft) -> Result<Facts, Trouble> {
        let mut facts = named(&draft.fields)?;
        if let Some(file) = &draft.file {
            facts.add_all(self.keep_file(&draft.id, file).await?);
        } else if facts.get(FactName::Title).is_none() {
            return Err(wrong("Choose a file, or give what you attach a title."));
        }
        Ok(facts)
    }

    async fn keep_file(&self, case: &CaseId, file: &Upload) -> Result<Facts, Trouble> {
        let too_large = || wrong("The file is larger than 256 KiB. Attach a smaller one, or say where it is kept.");
        let bytes = file.bytes.as_deref().ok_or_else(too_large)?;
        if bytes.is_empty() {
            return Err(wrong("The file is empty."));
        }
        let (now, days) = (self.parts.clock.now(), self.parts.file_days);
        let digest = self.parts.ledger.put_file(case, &file.name, bytes, now, days).await?;
        let mut facts = Facts::from([(FactName::File, &file.name)]);
        facts.add(FactName::Bytes, bytes.len());
        facts.add(FactName::Sha256, digest);
        Ok(facts)
    }

    /// Attaches the file that came with a proposal. An ending that says what somebody saw needs one, or one from before.
    pub(crate) async fn evidence_for(
        &self,
        ending: Ending,
        draft: &Draft,
        seen: &FiledCase,
        visit: &Visit,
    ) -> Result<(), Trouble> {
        if let Some(file) = &draft.file {
            let facts = self.keep_file(&draft.id, file).await?;
            let sha256 = facts.get(FactName::Sha256).unwrap_or_default();
            let me = &visit.session.person.subject;
            // Once, however often its proposal is sent.
            let form = Hasher::new("payonce/proof/1").part(me).part(draft.id.as_str()).part(sha256).finish();
            let (doing, now) = (CaseAct::Attach(facts), self.parts.clock.now());
            return match self.parts.ledger.act_once(seen, &doing, &visit.who(), now, Some(&form)).await? {
                Acted::Done(_) => Ok(()),
                Acted::Changed | Acted::NotNow | Acted::Own => Err(Trouble::NotNow),
            };
        }
        let ledger = &self.parts.ledger;
        // What the rail itself was seen to have needs no paper.
        if ending.needs_evidence()
            && !ledger.history(&draft.id).await?.iter().any(is_evidence)
            && !ledger.rail_has_it(seen).await?
        {
            let text =
                "This ending says that the rail has paid: choose a file that shows it, or attach a link to it first.";
            return Err(wrong(text));
        }
        Ok(())
    }

    /// A file of this case, with what the history says of it. Whoever may see the case may see it.
    async fn file_of(&self, id: &str, sha256: &str) -> Result<(Attached, Option<StoredFile>), Trouble> {
        let (id, digest) = CaseId::parse(id).zip(Digest::from_hex(sha256)).ok_or(Trouble::NotFound)?;
        let history = self.parts.ledger.history(&id).await?;
        let names_it = |record: &&HistoryRecord| {
            is_evidence(record)
                && record.facts.get(FactName::File).is_some()
                && record.facts.digest(FactName::Sha256) == Some(digest)
        };
        let said = history.iter().find(names_it).map(attached).ok_or(Trouble::NotFound)?;
        Ok((said, self.parts.ledger.file(&id, digest).await?))
    }

    pub(crate) async fn evidence(&self, id: &str, sha256: &str, visit: &Visit) -> Result<Reply, Trouble> {
        let (said, stored) = self.file_of(id, sha256).await?;
        let kind = stored.as_ref().map(|stored| Kind::of(&stored.bytes));
        let shown = match (&stored, kind) {
            (None, _) | (_, None) => Shown::NotKept,
            (Some(stored), Some(Kind::Text)) => {
                Shown::Text(String::from_utf8_lossy(&stored.bytes).replace("\r\n", "\n"))
            }
            (Some(_), Some(Kind::Png | Kind::Jpeg)) => Shown::Picture,
            (Some(_), Some(Kind::Other)) => Shown::OnlySaved,
        };
        let page = EvidencePage {
            frame: self.frame(Some(visit), "Evidence", Section::Queue),
            case: id.to_owned(),
            attached: said,
            shown,
            kept_until: stored.map(|stored| stored.kept_until),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// The bytes: as a picture where they are one, and to be saved in any case.
    pub(crate) async fn evidence_file(&self, id: &str, sha256: &str, what: &str) -> Result<Reply, Trouble> {
        let (_, stored) = self.file_of(id, sha256).await?;
        let StoredFile { name, bytes, .. } = stored.ok_or(Trouble::NotFound)?;
        match (what, Kind::of(&bytes)) {
            ("picture", Kind::Png) => Ok(Reply::picture("image/png", bytes)),
            ("picture", Kind::Jpeg) => Ok(Reply::picture("image/jpeg", bytes)),
            ("file", _) => Ok(Reply::file(&name, bytes)),
            _ => Err(Trouble::NotFound),
        }
    }
}

/// Beside a file, or in its place: for what is kept elsewhere.
fn named(form: &Fields) -> Result<Facts, Trouble> {
    let mut facts = Facts::default();
    for name in [FactName::Title, FactName::Link, FactName::Sha256, FactName::KeptAt] {
        if let Some(text) = form.get(name.as_str()) {
            if text.chars().count() > NOTE_CHARS || text.chars().any(char::is_control) {
                return Err(wrong("One of the fields is too long, or holds a control character."));
            }
            facts.add(name, text);
        }
    }
    if facts.get(FactName::Link).is_some_and(|link| !link.starts_with("https://")) {
        return Err(wrong("A link begins with https://."));
    }
    if facts.get(FactName::Sha256).is_some_and(|hash| Digest::from_hex(&hash.to_ascii_lowercase()).is_none()) {
        return Err(wrong("A SHA-256 has 64 hexadecimal digits."));
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_only_as_what_its_bytes_are() {
        assert_eq!(Kind::of(b"\x89PNG\r\n\x1a\n..."), Kind::Png);
        assert_eq!(Kind::of(&[0xff, 0xd8, 0xff, 0xe0]), Kind::Jpeg);
        // Markup is text, and shown as such.
        for text in ["<svg onload=alert(1)>", "<!doctype html>", "a\tb\r\n", "", "\u{e4}"] {
            assert_eq!(Kind::of(text.as_bytes()), Kind::Text, "{text}");
        }
        for other in [&b"%PDF-1.7\n\x80"[..], b"GIF89a\x01\x00", b"PK\x03\x04", b"a\x00b", b"\x89PNG", &[0xff, 0xd8]] {
            assert_eq!(Kind::of(other), Kind::Other, "{other:?}");
        }
    }
}
