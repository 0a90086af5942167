//! Several cases at once: a dry run first, then each on its own, with a result for each. Nothing here pays; what is tried
//! again becomes a batch.

use std::collections::BTreeMap;

use http::StatusCode;
use payonce_ledger::{Acted, CaseAct, FiledCase, LINES_AT_MOST, Sum, cause_of_incident};
use payonce_protocol::case::{Act, Ending, may, next};
use payonce_protocol::ids::{CaseId, Digest, Hasher};
use payonce_protocol::outcome::Reason;

use crate::app::{App, Visit};
use crate::ask::{Ask, Fields};
use crate::cases::acts::{code, note, wrong};
use crate::cases::evidence::is_evidence;
use crate::cases::filter::Filter;
use crate::pages::{Banner, BannerKind, BulkAct, BulkPage, BulkRow, CurrencyTotal, Fate, Section};
use crate::reply::Reply;
use crate::trouble::Trouble;

const CASES_AT_MOST: usize = 200;
/// API Gateway waits for 30 s; what was not reached until then is said, and nothing was done with it.
const BEGIN_WITHIN_MS: u64 = 20_000;

impl App {
    pub(crate) async fn bulk(&self, ask: &Ask, visit: &Visit, is_real: bool) -> Result<Reply, Trouble> {
        let (act, bulk) = self.bulk_act(&ask.form, visit)?;
        if !may(&visit.roles, act) {
            return Err(Trouble::NotAllowed);
        }
        let (chosen, is_cut) = self.chosen(&ask.form, visit, is_real).await?;
        let began = self.parts.clock.now();
        let (mut rows, mut good, mut list) = (vec![], vec![], List::default());
        for (seen, version) in chosen {
            let (id, form) = (seen.case.id(), form(ask, &seen.case.id(), act, visit));
            let fate = if self.parts.clock.now() > began + BEGIN_WITHIN_MS {
                Fate::Failed("the time of this request was over, and nothing was done: select it again".to_owned())
            } else if version == Some(seen.version) || act == Act::Comment {
                // A comment is never too late; and what this very form has done is done.
                self.fate(&ask.form, &seen, act, visit, is_real.then_some(&form)).await?
            } else if is_real && self.parts.ledger.was_done(&id, version.unwrap_or_default(), &form).await? {
                Fate::Done
            } else {
                Fate::NotEligible("it has changed since you saw it".to_owned())
            };
            // What is previewed is what confirming takes: the limits of a list are applied in both.
            let fate = match (&bulk, fate) {
                (BulkAct::Release { .. }, Fate::WillSucceed) => list.take(&seen),
                (_, fate) => fate,
            };
            rows.push(row(&seen, &bulk, fate.clone()));
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
        let mut frame = self.frame(Some(visit), title, Section::Queue);
        if is_cut {
            let text = format!("more cases match than can be decided at once: these are the first {CASES_AT_MOST}.");
            frame.banners.push(Banner::new(BannerKind::Info, text));
        }
        let page = BulkPage {
            frame,
            act: bulk,
            is_preview: !is_real,
            rows,
            totals: totals(&Sum::of(good.iter().filter_map(|seen| seen.case.money.as_ref()))),
        };
        Ok(Reply::html(StatusCode::OK, page.render()?))
    }

    /// The selected cases, each with the version that the person saw; or all that match the filter, as they are now: the
    /// preview shows them, and confirming names each. And whether more match.
    async fn chosen(&self, form: &Fields, visit: &Visit, is_real: bool) -> Result<(Vec<Chosen>, bool), Trouble> {
        if form.get("every").is_some() && !is_real {
            let query = Fields::parse(form.get("filter").unwrap_or_default().trim_start_matches('?').as_bytes());
            let (filter, _) = Filter::read(&query, &visit.session.person.subject);
            let now = self.parts.clock.now();
            let keeps = |filed: &FiledCase| filter.keeps(filed, now);
            let found = self.parts.ledger.queue(filter.queue(), CASES_AT_MOST, None, filter.is_narrow(), keeps).await?;
            let mut chosen = Vec::new();
            for found in found.cases {
                // An index may lag behind.
                let seen = self.parts.ledger.case(&found.case.id()).await?;
                chosen.extend(seen.map(|seen| (seen.clone(), Some(seen.version))));
            }
            return Ok((chosen, found.next.is_some()));
        }
        let texts: Vec<&str> = form.all("case").collect();
        if texts.is_empty() || texts.len() > CASES_AT_MOST {
            return Err(wrong(&format!("Select at least one case, and at most {CASES_AT_MOST}.")));
        }
        let mut chosen = Vec::new();
        for text in texts {
            let (id, version) = text.split_once(':').ok_or_else(|| wrong("One of these is no case."))?;
            let id = CaseId::parse(id).ok_or_else(|| wrong("One of these is no case."))?;
            let Some(seen) = self.parts.ledger.case(&id).await? else { continue };
            chosen.push((seen, version.parse().ok()));
        }
        Ok((chosen, false))
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
                let ending =
                    ending.filter(|ending| ending.is_for_people() && !ending.pays() && *ending != Ending::DuplicateOf);
                let ending = ending.ok_or_else(|| wrong("Choose how the cases shall end."))?;
                (Act::Propose, BulkAct::Propose { ending, code: code(form, ending)?, note: note(form)? })
            }
            Some("release") => {
                (Act::Propose, BulkAct::Release { code: code(form, Ending::Reissue)?, note: note(form)? })
            }
            Some("approve") => (Act::Approve, BulkAct::Approve { note: optional_note(form)? }),
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
            return Ok(Fate::NotEligible(not_now(act).to_owned()));
        }
        let doing = match self.bulk_act(form, visit)?.1 {
            BulkAct::Take => CaseAct::Assign(self.owner(None, visit)?),
            BulkAct::Assign { to, .. } => CaseAct::Assign(self.owner(Some(&to), visit)?),
            BulkAct::Comment { note } => CaseAct::Comment(note),
            BulkAct::Propose { ending, code, note } => {
                let rail_has_it = self.parts.ledger.rail_has_it(seen).await?;
                if rail_has_it && ending.denies_the_rail() {
                    return Ok(Fate::NotEligible("the rail has this payout".to_owned()));
                }
                if !ending.is_offered(seen.case.reason, None) {
                    return Ok(Fate::NotEligible("a case of this kind cannot end so".to_owned()));
                }
                let id = seen.case.id();
                if ending.needs_evidence() && !self.parts.ledger.history(&id).await?.iter().any(is_evidence) {
                    return Ok(Fate::NotEligible("nothing attached to it shows this".to_owned()));
                }
                CaseAct::Propose(self.proposal(seen, ending, code, note, visit), None)
            }
            BulkAct::Release { code, note } => {
                return match self.line(seen, &code, &note).await {
                    Ok(_) => Ok(Fate::WillSucceed),
                    Err(Trouble::Wrong(why)) => Ok(Fate::NotEligible(why)),
                    Err(trouble) => Err(trouble),
                };
            }
            BulkAct::Approve { note } => return self.fate_of_approval(seen, note, visit, real).await,
        };
        let Some(form) = real else { return Ok(Fate::WillSucceed) };
        let now = self.parts.clock.now();
        Ok(match self.parts.ledger.act_once(seen, &doing, &visit.who(), now, Some(form)).await? {
            Acted::Done(_) => Fate::Done,
            Acted::Changed => Fate::Failed("somebody was faster".to_owned()),
            Acted::NotNow | Acted::Own => Fate::Failed(not_now(act).to_owned()),
        })
    }

    /// Each ending of a list is bound as it would be alone.
    async fn fate_of_approval(
        &self,
        seen: &FiledCase,
        note: String,
        visit: &Visit,
        real: Option<&Digest>,
    ) -> Result<Fate, Trouble> {
        let Some(made) = &seen.proposal else { return Ok(Fate::NotEligible(not_now(Act::Approve).to_owned())) };
        let no = |why: &str| Ok(Fate::NotEligible(why.to_owned()));
        if made.by.subject == visit.session.person.subject {
            return no("you proposed it, and another person must decide");
        }
        if made.batch.is_some() {
            return no("it is part of a list of payouts, and is decided with that");
        }
        if made.ending.pays() {
            return no("it moves money, and is approved on its own page");
        }
        let Some(form) = real else { return Ok(Fate::WillSucceed) };
        match self.end(seen, note, form, visit).await {
            Ok(()) => Ok(Fate::Done),
            Err(Trouble::Ledger(error)) => Err(Trouble::Ledger(error)),
            Err(Trouble::NotClosed(why)) => Ok(Fate::Failed(why)),
            Err(Trouble::Changed) => Ok(Fate::Failed("somebody was faster".to_owned())),
            Err(trouble) => Ok(Fate::Failed(trouble.kind().to_owned())),
        }
    }
}

/// Sent twice from one preview, it is done once.
fn form(ask: &Ask, id: &CaseId, act: Act, visit: &Visit) -> Digest {
    let hasher = Hasher::new("payonce/bulk/1").part(&visit.session.person.subject).part(id.as_str()).part(act.as_str());
    ask.form.pairs().fold(hasher, |hasher, (name, value)| hasher.part(name).part(value)).finish()
}

/// A case, and its version as the person saw it.
type Chosen = (FiledCase, Option<u64>);

/// What is tried again as one list: so many payouts, and refusals of one cause only, since one note stands for all.
#[derive(Default)]
struct List {
    lines: usize,
    cause: Option<String>,
}

impl List {
    fn take(&mut self, seen: &FiledCase) -> Fate {
        if self.lines == LINES_AT_MOST {
            return Fate::NotEligible(format!("a list has at most {LINES_AT_MOST}: propose the rest as another one"));
        }
        if seen.case.reason == Reason::PayoutRejected {
            let cause = cause(seen);
            if self.cause.as_ref().is_some_and(|first| *first != cause) {
                return Fate::NotEligible("it was refused for another cause than the first of the list".to_owned());
            }
            self.cause = Some(cause);
        }
        self.lines += 1;
        Fate::WillSucceed
    }
}

/// Of an incident, whatever its day.
fn cause(seen: &FiledCase) -> String {
    cause_of_incident(seen.case.incident.as_deref().unwrap_or_default()).to_owned()
}

fn row(seen: &FiledCase, act: &BulkAct, fate: Fate) -> BulkRow {
    let case = &seen.case;
    let made = seen.proposal.as_ref().filter(|_| matches!(act, BulkAct::Approve { .. }));
    BulkRow {
        id: case.id().to_string(),
        version: seen.version,
        money: case.money,
        payee: case.destination.as_ref().map(ToString::to_string),
        reason: case.reason,
        cause: case.incident.clone(),
        status: seen.status,
        proposed: made.map(|made| (made.ending, made.by.name.clone().unwrap_or_default(), made.note.clone())),
        fate,
    }
}

fn not_now(act: Act) -> &'static str {
    match act {
        Act::Approve => "nothing is proposed for it",
        _ => "it awaits approval, or is resolved",
    }
}

fn optional_note(form: &Fields) -> Result<String, Trouble> {
    if form.get("note").is_some() { note(form) } else { Ok(String::new()) }
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
