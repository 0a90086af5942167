//! The queue of open cases, and what its rows say.

use http::StatusCode;
use payonce_ledger::FiledCase;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::{Act, Role, may};

use crate::app::{App, Visit};
use crate::ask::Ask;
use crate::cases::bulk::totals;
use crate::cases::filter::Filter;
use crate::pages::{Due, Incident, PersonOption, QueuePage, QueueRow, QueueTotals, QueueView, Section, WaitingBatch};
use crate::reply::Reply;
use crate::trouble::Trouble;

const PAGE_ROWS: usize = 50;

impl App {
    pub(crate) async fn queue(&self, ask: &Ask, visit: &Visit) -> Result<Reply, Trouble> {
        let now = self.parts.clock.now();
        let me = visit.session.person.subject.as_str();
        let (filter, wrong) = Filter::read(&ask.query, me);
        let keeps = |filed: &FiledCase| filter.keeps(filed, now);
        let page = self
            .parts
            .ledger
            .queue(filter.queue(), PAGE_ROWS, filter.after.as_ref(), filter.is_narrow(), keeps)
            .await?;
        let mut snapshot = self.parts.ledger.snapshot().await?;
        // The sweeper's clock may be ahead of ours; nothing was counted in the future.
        snapshot.iter_mut().for_each(|snapshot| snapshot.taken_at = snapshot.taken_at.min(now));
        let is_to_approve = filter.asked.view == QueueView::ToApprove && may(&visit.roles, Act::Approve);
        let section = if is_to_approve { Section::ToApprove } else { Section::Queue };
        let batches = if is_to_approve { self.waiting_batches(me).await? } else { vec![] };
        let mut frame = self.frame(Some(visit), "Cases", section);
        frame.banners.extend(self.told(ask).await?);
        let counted = snapshot.as_ref().map(|snapshot| QueueTotals {
            taken_at: snapshot.counted_at.min(now),
            open: snapshot.totals.open,
            at_risk: totals(&snapshot.totals.at_risk),
            may_have_left: totals(&snapshot.totals.may_have_left),
            waited_for: totals(&snapshot.totals.waited_for),
            ages: snapshot.totals.ages,
            incidents: snapshot
                .totals
                .incidents
                .iter()
                .map(|(name, incident)| Incident {
                    name: name.clone(),
                    cases: incident.cases,
                    first_seen: incident.first_seen,
                })
                .collect(),
        });
        let view = QueuePage {
            frame,
            me: me.to_owned(),
            people: self.people(visit),
            providers: self.parts.namespaces.keys().cloned().collect(),
            currencies: counted
                .iter()
                .flat_map(|counted| &counted.at_risk)
                .map(|total| total.currency.clone())
                .collect(),
            filter: filter.asked.clone(),
            wrong: wrong.into_iter().map(str::to_owned).collect(),
            last_sweep: snapshot.as_ref().map(|snapshot| snapshot.taken_at),
            totals: counted,
            batches,
            rows: page.cases.iter().map(|filed| self.row(filed, me, now)).collect(),
            next: page.next.map(|cursor| (cursor.place, cursor.id)),
            is_first: filter.after.is_none(),
        };
        Ok(Reply::html(StatusCode::OK, view.render()?))
    }

    async fn waiting_batches(&self, me: &str) -> Result<Vec<WaitingBatch>, Trouble> {
        let waiting = |batch: payonce_ledger::Batch| WaitingBatch {
            by: batch.by.name.unwrap_or(batch.by.subject),
            lines: batch.lines.len() as u64,
            id: batch.id,
            at: batch.at,
        };
        Ok(self.parts.ledger.batches_to_approve(me).await?.into_iter().map(waiting).collect())
    }

    fn row(&self, filed: &FiledCase, me: &str, now: UnixMillis) -> QueueRow {
        let case = &filed.case;
        QueueRow {
            id: case.id().to_string(),
            version: filed.version,
            money: case.money,
            payee: case.destination.as_ref().map(ToString::to_string),
            provider: case.provider.clone(),
            reason: case.reason,
            cause: case.cause(),
            since: case.since,
            due: self.due(filed, now),
            owner: filed.owner.as_ref().and_then(|owner| owner.name.clone()),
            is_mine: filed.owner.as_ref().is_some_and(|owner| owner.subject == me),
            status: filed.status,
        }
    }

    pub(crate) fn due(&self, filed: &FiledCase, now: UnixMillis) -> Option<Due> {
        if !filed.status.is_open() {
            return None;
        }
        let currency = filed.case.money.map(|money| money.currency().to_string());
        let date = self.parts.sla.due(filed.case.since, currency.as_deref())?;
        let days_left = self.parts.sla.days_left(date, now, currency.as_deref())?;
        Some(Due { date, days_left })
    }

    /// Whoever can work on cases, with who stands in for them.
    pub(crate) fn people(&self, visit: &Visit) -> Vec<PersonOption> {
        let now = self.parts.clock.now();
        let name = |subject: &str| visit.people.0.get(subject).map(|person| person.name.clone());
        let mut people: Vec<PersonOption> = visit
            .people
            .0
            .iter()
            .filter(|(_, person)| {
                let roles: Vec<Role> = person.roles.iter().filter_map(|role| Role::parse(role)).collect();
                may(&roles, Act::Assign)
            })
            .map(|(subject, person)| {
                let stand_in = visit.people.stands_in_for(subject, now);
                PersonOption {
                    subject: subject.clone(),
                    name: person.name.clone(),
                    is_me: *subject == visit.session.person.subject,
                    stand_in: if stand_in == subject { None } else { name(stand_in) },
                }
            })
            .collect();
        people.sort_by(|left, right| left.name.cmp(&right.name));
        people
    }
}
