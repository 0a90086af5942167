//! Several cases at once: a dry run first, then each on its own, with a result for each. Nothing here pays.

use http::StatusCode;
use payonce_ledger::{Acted, Away, Doing, FiledCase};
use payonce_protocol::case::{Act, Ending, may, next};
use payonce_protocol::ids::CaseId;

use crate::acts::{code, note, wrong};
use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::pages::{AbsencePage, BulkPage, BulkRow, Choice};
use crate::reply::Reply;
use crate::trouble::Trouble;
use crate::words;
use askama::Template;

const CASES_AT_MOST: usize = 100;
/// What the form's fields are called, for the confirmation.
const FIELDS: [&str; 5] = ["act", "to", "ending", "code", "note"];
const DAY_MS: u64 = 86_400_000;

impl App {
    pub(crate) async fn bulk(&self, ask: &Ask, visit: &Visit, is_real: bool) -> Result<Reply, Trouble> {
        let ids: Vec<&str> = ask.form.all("case").collect();
        if ids.is_empty() || ids.len() > CASES_AT_MOST {
            return Err(wrong(&format!("Select at least one case, and at most {CASES_AT_MOST}.")));
        }
        let act = ask.form.get("act").and_then(Act::parse);
        let act = act.filter(|act| matches!(act, Act::Assign | Act::Comment | Act::Propose));
        let act = act.ok_or_else(|| wrong("Choose what to do with the selected cases."))?;
        if !may(&visit.roles, act) {
            return Err(Trouble::NotAllowed);
        }
        let (mut rows, mut again) = (vec![], vec![]);
        for text in ids {
            let id = CaseId::parse(text).ok_or_else(|| wrong("One of these is no case."))?;
            let Some(seen) = self.parts.ledger.case(&id).await? else { continue };
            let result = self.one_of_many(ask, &seen, act, visit, is_real).await?;
            let is_good = result.is_ok();
            if is_good {
                again.push(("case".to_owned(), text.to_owned()));
            }
            let sum = seen.case.money.map(|money| money.to_string()).unwrap_or_default();
            let what = format!("{} {sum}", words::reason(seen.case.reason).0);
            let done = if is_real { "done" } else { "will be done" };
            rows.push(BulkRow { id: id.to_string(), what, result: result.err().unwrap_or(done).to_owned(), is_good });
        }
        let kept = FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), ask.form.get(name)?.to_owned())));
        again.extend(kept);
        let good = rows.iter().filter(|row| row.is_good).count();
        let title = if is_real { "What was done" } else { "Preview" };
        let page = BulkPage { frame: self.frame(Some(visit), title, "queue"), rows, good, is_done: is_real, again };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// Why it cannot be done, or could not.
    async fn one_of_many(
        &self,
        ask: &Ask,
        seen: &FiledCase,
        act: Act,
        visit: &Visit,
        is_real: bool,
    ) -> Result<Result<(), &'static str>, Trouble> {
        if next(seen.status, act).is_none() {
            return Ok(Err("not in its state"));
        }
        let doing = match act {
            Act::Assign => Doing::Assign(self.owner(ask.form.get("to"), visit)?),
            Act::Comment => Doing::Comment(note(&ask.form)?),
            _ => {
                let ending = ask.form.get("ending").and_then(Ending::parse);
                let ending = ending.filter(|ending| !ending.pays() && *ending != Ending::DuplicateOf);
                let ending = ending.ok_or_else(|| wrong("Choose how the cases shall end."))?;
                if !ending.is_offered(seen.case.reason, None) {
                    return Ok(Err("a case of this kind cannot end so"));
                }
                Doing::Propose(self.proposal(seen, ending, code(&ask.form)?, note(&ask.form)?, visit), None)
            }
        };
        if !is_real {
            return Ok(Ok(()));
        }
        Ok(match self.parts.ledger.act(seen, &doing, &visit.who(), self.parts.clock.now()).await? {
            Acted::Done(_) => Ok(()),
            Acted::Changed => Err("somebody was faster"),
            Acted::NotNow | Acted::Own => Err("not in its state"),
        })
    }

    pub(crate) async fn absence(&self, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let me = &visit.session.person.subject;
        let name = |subject: &str| visit.people.0.get(subject).map(|person| person.name.clone()).unwrap_or_default();
        let until = |away: &Away| words::time(away.until);
        let away = |subject: &str| visit.people.0.get(subject)?.away.clone().filter(|away| away.until > now);
        let people: Vec<Choice> = visit
            .people
            .0
            .iter()
            .filter(|(subject, _)| *subject != me)
            .map(|(subject, person)| (subject.clone(), person.name.clone(), false))
            .collect();
        let others = visit.people.0.keys().filter(|subject| *subject != me);
        let page = AbsencePage {
            frame: self.frame(Some(visit), "Absence", "absence"),
            people,
            mine: away(me).map(|away| (name(&away.delegate), until(&away))),
            others: others
                .filter_map(|subject| away(subject).map(|away| (name(subject), name(&away.delegate), until(&away))))
                .collect(),
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
            (None, None) => None,
            _ => return Err(wrong("Choose who stands in for you, and until when.")),
        };
        self.parts.ledger.change_people(|people| people.0.entry(me.clone()).or_default().away = away.clone()).await?;
        Ok(Reply::see(format!("{BASE}/absence")))
    }
}
