//! Somebody is away, and somebody stands in.

use http::StatusCode;
use payonce_ledger::{Away, Stranger};
use payonce_protocol::case::{Act, may};

use crate::app::{App, BASE, Visit};
use crate::ask::Ask;
use crate::cases::acts::wrong;
use crate::pages::{AbsencePage, Delegation, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

const DAY_MS: u64 = 86_400_000;

impl App {
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
