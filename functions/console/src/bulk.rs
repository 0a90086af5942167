//! Several cases at once: a dry run first, then each on its own, with a result for each. Nothing here pays; a release becomes
//! a batch.

use std::collections::BTreeMap;

use http::StatusCode;
use payonce_ledger::{Acted, Away, Doing, FiledCase, Stranger, Sum};
use payonce_protocol::case::{Act, Ending, may, next};
use payonce_protocol::ids::{CaseId, Digest, Hasher};

use crate::acts::{code, note, wrong};
use crate::app::{App, BASE, Visit};
use crate::ask::{Ask, Fields};
use crate::evidence::is_evidence;
use crate::pages::{AbsencePage, BulkAct, BulkPage, BulkRow, CurrencyTotal, Delegation, Fate, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

const CASES_AT_MOST: usize = 100;
const DAY_MS: u64 = 86_400_000;

impl App {
    pub(crate) async fn bulk(&self, ask: &Ask, visit: &Visit, is_real: bool) -> Result<Reply, Trouble> {
        let chosen: Vec<&str> = ask.form.all("case").collect();
        if chosen.is_empty() || chosen.len() > CASES_AT_MOST {
            return Err(wrong(&format!("Select at least one case, and at most {CASES_AT_MOST}.")));
        }
        let (act, bulk) = self.bulk_act(&ask.form, visit)?;
        if !may(&visit.roles, act) {
            return Err(Trouble::NotAllowed);
        }
        let (mut rows, mut good) = (vec![], vec![]);
        for text in chosen {
            // The version that the person saw stands behind the id.
            let (id, version) = text.split_once(':').ok_or_else(|| wrong("One of these is no case."))?;
            let id = CaseId::parse(id).ok_or_else(|| wrong("One of these is no case."))?;
            let Some(seen) = self.parts.ledger.case(&id).await? else { continue };
            let version = version.parse::<u64>().unwrap_or_default();
            let form = form(ask, &id, act, visit);
            // A comment is never too late; and what this very form has done is done.
            let fate = if version == seen.version || act == Act::Comment {
                self.fate(&ask.form, &seen, act, visit, is_real.then_some(&form)).await?
            } else if is_real && self.parts.ledger.was_done(&id, version, &form).await? {
                Fate::Done
            } else {
                Fate::NotEligible("it has changed since you saw it".to_owned())
            };
            let case = &seen.case;
            rows.push(BulkRow {
                id: id.to_string(),
                version: seen.version,
                money: case.money,
                payee: case.destination.as_ref().map(ToString::to_string),
                reason: case.reason,
                status: seen.status,
                fate: fate.clone(),
            });
            if matches!(fate, Fate::WillSucceed | Fate::Done) {
                good.push(seen);
            }
        }
        if let (BulkAct::Release { code, note }, true) = (&bulk, is_real) {
            // A list is signed as a whole, so that a row that has changed makes it another one.
            let is_whole = rows.iter().all(|row| row.fate == Fate::WillSucceed);
            return if is_whole { self.draft(&good, code, note, visit).await } else { Err(Trouble::Changed) };
        }
        let title = if is_real { "What was done" } else { "Preview" };
        let page = BulkPage {
            frame: self.frame(Some(visit), title, Section::Queue),
            act: bulk,
            is_preview: !is_real,
            rows,
            totals: totals(&Sum::of(good.iter().filter_map(|seen| seen.case.money.as_ref()))),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// What the form asks for; whatever it needs is checked before the first case.
    fn bulk_act(&self, form: &Fields, visit: &Visit) -> Result<(Act, BulkAct), Trouble> {
        Ok(match form.get("act") {
            Some("take") => (Act::Assign, BulkAct::Take),
            Some("assign") => {
                let to = form.get("to").ok_or_else(|| wrong("Choose to whom."))?;
                let name = self.owner(Some(to), visit)?.name.unwrap_or_default();
                (Act::Assign, BulkAct::Assign { to: to.to_owned(), name })
            }
            Some("comment") => (Act::Comment, BulkAct::Comment { note: note(form)? }),
            Some("propose") => {
                let ending = form.get("ending").and_then(Ending::parse);
                let ending = ending.filter(|ending| !ending.pays() && *ending != Ending::DuplicateOf);
                let ending = ending.ok_or_else(|| wrong("Choose how the cases shall end."))?;
                (Act::Propose, BulkAct::Propose { ending, code: code(form)?, note: note(form)? })
            }
            Some("release") => (Act::Propose, BulkAct::Release { code: code(form)?, note: note(form)? }),
            _ => return Err(wrong("Choose what to do with the selected cases.")),
        })
    }

    async fn fate(
        &self,
        form: &Fields,
        seen: &FiledCase,
        act: Act,
        visit: &Visit,
        real: Option<&Digest>,
    ) -> Result<Fate, Trouble> {
        if next(seen.status, act).is_none() {
            return Ok(Fate::NotEligible("it cannot be done in its state".to_owned()));
        }
        let doing = match self.bulk_act(form, visit)?.1 {
            BulkAct::Take => Doing::Assign(self.owner(None, visit)?),
            BulkAct::Assign { to, .. } => Doing::Assign(self.owner(Some(&to), visit)?),
            BulkAct::Comment { note } => Doing::Comment(note),
            BulkAct::Propose { ending, code, note } => {
                if !ending.is_offered(seen.case.reason, None) {
                    return Ok(Fate::NotEligible("a case of this kind cannot end so".to_owned()));
                }
                let id = seen.case.id();
                if ending.needs_evidence() && !self.parts.ledger.history(&id).await?.iter().any(is_evidence) {
                    return Ok(Fate::NotEligible("nothing attached to it shows this".to_owned()));
                }
                Doing::Propose(self.proposal(seen, ending, code, note, visit), None)
            }
            BulkAct::Release { code, note } => {
                return match self.line(seen, &code, &note).await {
                    Ok(_) => Ok(Fate::WillSucceed),
                    Err(Trouble::Wrong(why)) => Ok(Fate::NotEligible(why)),
                    Err(trouble) => Err(trouble),
                };
            }
        };
        let Some(form) = real else { return Ok(Fate::WillSucceed) };
        let now = self.parts.clock.now();
        Ok(match self.parts.ledger.act_once(seen, &doing, &visit.who(), now, Some(form)).await? {
            Acted::Done(_) => Fate::Done,
            Acted::Changed => Fate::Failed("somebody was faster".to_owned()),
            Acted::NotNow | Acted::Own => Fate::Failed("it cannot be done in its state".to_owned()),
        })
    }

    pub(crate) async fn absence(&self, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let me = &visit.session.person.subject;
        let name = |subject: &str| visit.people.0.get(subject).map(|person| person.name.clone()).unwrap_or_default();
        let delegations = visit.people.0.iter().filter_map(|(subject, person)| {
            let away = person.away.as_ref().filter(|away| away.until > now)?;
            let (who, to) = (person.name.clone(), name(&away.delegate));
            Some(Delegation { who, to, until: away.until, is_mine: subject == me })
        });
        let page = AbsencePage {
            frame: self.frame(Some(visit), "Absence", Section::Absence),
            people: self.people(visit).into_iter().filter(|person| !person.is_me).collect(),
            delegations: delegations.collect(),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    pub(crate) async fn set_absence(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        if !may(&visit.roles, Act::Assign) {
            return Err(Trouble::NotAllowed);
        }
        let me = &visit.session.person.subject;
        let away = match (ask.form.get("to"), ask.form.get("until")) {
            (Some(to), Some(until)) if to != me && visit.people.0.contains_key(to) => {
                let day: jiff::civil::Date = until.parse().map_err(|_| wrong("That is not a date."))?;
                let start = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong("That is not a date."))?;
                let until = u64::try_from(start.timestamp().as_millisecond()).unwrap_or_default() + DAY_MS;
                Some(Away { delegate: to.to_owned(), until })
            }
            _ if ask.form.get("back").is_some() => None,
            _ => return Err(wrong("Choose who stands in for you, and until when.")),
        };
        self.parts.ledger.change_person(me, Stranger::Added, |known| known.away = away.clone()).await?;
        Ok(Reply::see(format!("{BASE}/absence")))
    }
}

/// Sent twice from one preview, it is done once.
fn form(ask: &Ask, id: &CaseId, act: Act, visit: &Visit) -> Digest {
    let hasher = Hasher::new("payonce/bulk/1").part(&visit.session.person.subject).part(id.as_str()).part(act.as_str());
    ask.form.pairs().fold(hasher, |hasher, (name, value)| hasher.part(name).part(value)).finish()
}

pub(crate) fn totals(at_risk: &BTreeMap<String, Sum>) -> Vec<CurrencyTotal> {
    let total = |(currency, sum): (&String, &Sum)| CurrencyTotal {
        currency: currency.clone(),
        cases: sum.cases,
        minor: sum.minor,
        exponent: sum.exponent,
    };
    at_risk.iter().map(total).collect()
}
