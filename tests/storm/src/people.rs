//! Two people at the finance desk, as hostile as real ones. They work off open cases all the time by the ledger's own acts and
//! the deployed payer, as the console does: they act on old pages, both at once on one case, and send a request twice; payer is
//! killed and stopped under them. They keep to the guide of infra/runbooks: they ask the rail before they decide on what may
//! have been paid, and pay by hand only what stands in the tables as ended so.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use payonce_identity::payer::{Answer, Checker, CloseCase, OneCase, Request};
use payonce_ledger::{
    Acted, CaseAct, Cursor, FiledCase, LedgerError, LookUpRecord, Payout, Proposal, Queue, Seen, Who,
};
use payonce_local::issuer::PEOPLE;
use payonce_protocol::approval::{Approval, Hand, nonce};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;
use payonce_protocol::reason::{About, Reason};
use payonce_protocol::reissue::{KEY_LIFE_MARGIN_MS, Reissue, offer};
use payonce_rails::Rail;
use payonce_runtime::look_up::{Eyes, look_up};
use payonce_runtime_api_tests::now_ms;

use crate::books::Ended;
use crate::plan::{Blow, Random};
use crate::process::{End, Process};
use crate::run::Storm;
use crate::stack::{InUse, WITHIN};

/// Both approvers of the sandbox's issuer: each may propose, and approve what the other proposed.
const LOGINS: [&str; 2] = ["ben", "dee"];
const PAGE: usize = 20;
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// The reason code of an ending after which somebody pays.
const TO_BE_PAID: &str = "pay_by_hand";
const AS_SEEN: &str = "as_seen";
/// What began before a hold runs to its time-out: nobody compares books with the rail's before.
const SETTLED_AFTER: Duration = WITHIN.saturating_add(Duration::from_secs(4));

pub fn first(storm: &Storm) {
    Desk::new(storm, 0).work();
}

pub fn second(storm: &Storm) {
    Desk::new(storm, 1).work();
}

struct Desk<'s> {
    storm: &'s Storm,
    me: usize,
    payer: Process,
    rail: Rail,
    random: Random,
    after: Option<Cursor>,
}

/// What a person wants.
struct Wish {
    ending: Ending,
    code: &'static str,
    generation: Option<u16>,
}

impl Wish {
    fn ends(ending: Ending, code: &'static str) -> Option<Self> {
        Some(Self { ending, code, generation: None })
    }

    fn pays(ending: Ending, generation: u16) -> Option<Self> {
        Some(Self { ending, code: AS_SEEN, generation: Some(generation) })
    }
}

fn person(place: usize) -> Who {
    let login = LOGINS[place];
    let (_, name, _) = PEOPLE.iter().find(|(known, ..)| *known == login).unwrap();
    Who { subject: format!("sandbox|{login}"), name: Some((*name).to_owned()) }
}

impl<'s> Desk<'s> {
    fn new(storm: &'s Storm, me: usize) -> Self {
        let (payer, rail) = (storm.stack.payer(), storm.stack.rail_for_people());
        Self { storm, me, payer, rail, random: Random::of(storm.options.seed, me, 2_000), after: None }
    }

    fn work(mut self) {
        while !self.storm.over.load(Ordering::SeqCst) {
            // Finance is called before tables are restored, and waits.
            if self.storm.on_call.try_lock().is_err() {
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            let in_use = self.storm.stack.in_use();
            if self.payer.tables != in_use.number {
                self.payer = self.storm.stack.payer();
            }
            let page = self.page(&in_use);
            if page.is_empty() {
                thread::sleep(Duration::from_millis(100));
            }
            for shown in page {
                if self.storm.over.load(Ordering::SeqCst) {
                    break;
                }
                self.take(&in_use, shown);
            }
        }
    }

    fn page(&mut self, in_use: &InUse) -> Vec<FiledCase> {
        let page = in_use.ledger.queue(Queue::Age, PAGE, self.after.as_ref(), false, |_| true);
        let Some(page) = self.answer(page) else { return vec![] };
        self.after = page.next;
        page.cases
    }

    /// Of the tables. Where they are busy, a person tries again later.
    fn answer<T>(&self, asked: impl Future<Output = Result<T, LedgerError>>) -> Option<T> {
        let answer = self.block_on(asked);
        if answer.is_err() {
            self.count("the tables did not answer");
        }
        answer.ok()
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.storm.stack.runtime.block_on(future)
    }

    fn count(&self, what: impl Into<String>) {
        self.storm.count(|counts| *counts.people.entry(what.into()).or_default() += 1);
    }

    fn take(&mut self, in_use: &InUse, shown: FiledCase) {
        let id = shown.case.id();
        // Half of them open the case; the others act on the list, which grows old.
        let opens = self.random.permille(500);
        let seen = if opens { self.answer(in_use.ledger.case(&id)).flatten() } else { Some(shown) };
        let Some(mut seen) = seen else { return };
        if matches!(seen.status, Status::Open | Status::InReview | Status::Reopened) {
            let Some(proposed) = self.propose(in_use, seen) else { return };
            // The other one may be faster.
            if self.random.permille(200) {
                return;
            }
            seen = proposed;
        }
        if seen.status == Status::AwaitingApproval {
            self.storm.worked_on.lock().unwrap().insert(id.clone());
            self.decide(in_use, &seen);
            self.storm.pay_by_hand(&id);
        }
    }

    /// The case with a proposal, if one could be made.
    fn propose(&mut self, in_use: &InUse, seen: FiledCase) -> Option<FiledCase> {
        let key = seen.case.key.clone()?;
        let payout = self.answer(in_use.ledger.payout(&key))?;
        let (seen, wish) = match seen.case.reason.rules().about {
            About::Attempt => self.about_an_attempt(in_use, seen, &key, &payout)?,
            About::Event => (seen.clone(), self.about_an_event(&seen, &key)?),
            About::Payout | About::Redelivery => return None,
        };
        let by = person(self.me);
        let proposal = Proposal {
            ending: wish.ending,
            code: wish.code.to_owned(),
            note: "two people agree".to_owned(),
            by: by.clone(),
            at: now_ms(),
            version: seen.version,
            key_generation: wish.generation,
            duplicate_of: None,
            batch: None,
        };
        let shown = wish.ending.pays().then(|| self.approval(&seen, &proposal, &payout)).flatten();
        let token = shown.map(|shown| self.sign_in(Hand::Maker, &shown));
        let doing = CaseAct::Propose(proposal, token);
        let is_sent_twice = self.random.permille(100);
        let act = || self.answer(in_use.ledger.act(&seen, &doing, &by, now_ms()));
        let acted = act()?;
        if is_sent_twice {
            self.count("proposals sent twice");
            let both = (&acted, act());
            assert!(!matches!(both, (Acted::Done(_), Some(Acted::Done(_)))), "one page was proposed on twice");
        }
        match acted {
            Acted::Done(proposed) => {
                self.count(format!("proposed: {}", wish.ending));
                Some(*proposed)
            }
            Acted::Changed | Acted::NotNow | Acted::Own => {
                self.count("proposals on an old page");
                None
            }
        }
    }

    /// The rail is asked first where it may have paid, and after a restore always.
    fn about_an_attempt(
        &mut self,
        in_use: &InUse,
        seen: FiledCase,
        key: &PayoutKey,
        payout: &Payout,
    ) -> Option<(FiledCase, Wish)> {
        let last = payout.last_attempt()?;
        if payout.attempts.last()?.claim.attempt != seen.case.attempt? {
            return None;
        }
        let is_unknown = last.verdict.outcome == Outcome::Unknown;
        let offered = offer(&last, &self.rail.promises(), now_ms(), KEY_LIFE_MARGIN_MS);
        // A person does not ask each minute for what cannot be known yet.
        if matches!(offered, Reissue::NotBefore(_)) && !self.random.permille(50) {
            return None;
        }
        let is_of_lost_tables = in_use.number > 0;
        let mut said = None;
        let mut seen = seen;
        if is_unknown || is_of_lost_tables || self.random.permille(200) {
            let eyes = Eyes::default();
            let asked = look_up(&in_use.ledger, &self.rail, &eyes, payout, now_ms(), ASK_WITHIN);
            let found = self.block_on(asked).ok()?;
            self.count(format!("asked the rail: {}", found.said()));
            let facts = LookUpRecord { at: now_ms(), seen: found.clone(), by: LOGINS[self.me].to_owned() }.facts();
            let (doing, by) = (CaseAct::LookUp(facts), person(self.me));
            let acted = self.answer(in_use.ledger.act(&seen, &doing, &by, now_ms()))?;
            let Acted::Done(after) = acted else { return None };
            (seen, said) = (*after, Some(found));
        }
        let is_absent = matches!(said, Some(Seen::Absent { .. }));
        let wish = match (said, offered) {
            (Some(Seen::Found(_)), _) => Wish::ends(Ending::ConfirmedAccepted, AS_SEEN),
            _ if last.has_late_outcome || last.verdict.outcome == Outcome::Accepted => None,
            (_, Reissue::SameKey) if self.random.permille(500) => Wish::pays(Ending::Reissue, last.generation),
            (_, Reissue::NextKey(generation)) if self.random.permille(500) => Wish::pays(Ending::Reissue, generation),
            _ if is_unknown && !is_absent => None,
            _ if self.random.permille(700) => Wish::ends(Ending::PaidElsewhere, TO_BE_PAID),
            _ => Wish::ends(Ending::NotPaid, AS_SEEN),
        };
        // Tried again and refused again: somebody has to end it some day.
        let is_tired = payout.attempts.len() > 3;
        let wish = wish.filter(|wish| !(is_tired && wish.ending == Ending::Reissue));
        self.unless_paid_by_hand(key, wish).map(|wish| (seen, wish))
    }

    fn about_an_event(&mut self, seen: &FiledCase, key: &PayoutKey) -> Option<Wish> {
        if self.storm.held_at.lock().unwrap().is_some_and(|at| at.elapsed() < SETTLED_AFTER) {
            return None;
        }
        if self.storm.stack.rail.has_paid(key.as_str()) {
            // Before the tables were restored, and nobody has to pay it.
            return match seen.case.reason {
                Reason::BeforeCutover | Reason::InvalidEvent => Wish::ends(Ending::PaidElsewhere, AS_SEEN),
                _ => None,
            };
        }
        let wish = if seen.case.offers(Ending::LiftLimit, None) && self.random.permille(600) {
            Wish::pays(Ending::LiftLimit, 1)
        } else if self.random.permille(700) {
            Wish::ends(Ending::PaidElsewhere, TO_BE_PAID)
        } else {
            Wish::ends(Ending::NotPaid, AS_SEEN)
        };
        self.unless_paid_by_hand(key, wish)
    }

    /// They look into their own list, too: a restored table may not know what they paid.
    fn unless_paid_by_hand(&self, key: &PayoutKey, wish: Option<Wish>) -> Option<Wish> {
        match self.storm.by_hand.lock().unwrap().contains_key(key.as_str()) {
            true => Wish::ends(Ending::PaidElsewhere, AS_SEEN),
            false => wish,
        }
    }

    /// What the page shows to whoever signs in for a payout.
    fn approval(&self, seen: &FiledCase, proposal: &Proposal, payout: &Payout) -> Option<Approval> {
        let case = &seen.case;
        let attempt = match proposal.ending {
            Ending::Reissue => payout.attempts.last()?.claim.attempt + 1,
            _ => 1,
        };
        Some(Approval {
            ending: proposal.ending,
            case: case.id(),
            version: proposal.version,
            key: case.key.clone()?,
            attempt,
            money: case.money?,
            destination: case.destination.clone()?,
            rail: self.rail.name().to_owned(),
            rail_account: self.rail.account(),
            rail_mode: self.rail.mode(),
            key_generation: proposal.key_generation?,
            code: proposal.code.clone(),
            note: proposal.note.clone(),
        })
    }

    fn sign_in(&self, hand: Hand, shown: &Approval) -> String {
        self.storm.stack.issuer.sign_in(LOGINS[self.me], &nonce(hand, std::slice::from_ref(shown)))
    }

    /// The second person, or by mistake the first one, about what is proposed.
    fn decide(&mut self, in_use: &InUse, seen: &FiledCase) {
        let Some(proposal) = &seen.proposal else { return };
        let maker = usize::from(proposal.by.subject != person(0).subject);
        let me = if self.random.permille(30) { maker } else { 1 - maker };
        let was = std::mem::replace(&mut self.me, me);
        self.decide_as_me(in_use, seen, proposal);
        self.me = was;
    }

    fn decide_as_me(&mut self, in_use: &InUse, seen: &FiledCase, proposal: &Proposal) {
        let (id, by) = (seen.case.id(), person(self.me));
        if self.random.permille(50) {
            return self.act(in_use, seen, &CaseAct::SendBack("not so".to_owned()), "sent back");
        }
        let request = if proposal.ending.pays() {
            let Some(key) = &seen.case.key else { return };
            let Some(payout) = self.answer(in_use.ledger.payout(key)) else { return };
            let Some(shown) = self.approval(seen, proposal, &payout) else { return };
            Request::Case(OneCase { case: id.to_string(), checker: self.sign_in(Hand::Checker, &shown) })
        } else {
            // As the console: where an attempt has the place, nothing but the case is written.
            let is_claimless = seen.case.reason.is_claimless();
            let bound = if is_claimless { None } else { self.answer(in_use.ledger.bound(seen)).flatten() };
            if let Some(bound) = bound {
                let ended = format!("ended: {}", proposal.ending);
                return self.act(in_use, seen, &CaseAct::Approve("agreed".to_owned(), bound), &ended);
            }
            let checker = Checker { subject: by.subject.clone(), name: by.name.clone().unwrap_or_default() };
            Request::Close(CloseCase { close: id.to_string(), checker, note: "agreed".to_owned() })
        };
        let times = if self.random.permille(150) { 2 } else { 1 };
        for time in 0..times {
            let payload = serde_json::to_string(&request).unwrap();
            self.ask_payer(in_use, seen, proposal, payload);
            if time > 0 {
                self.count("requests sent twice");
            }
        }
    }

    fn act(&self, in_use: &InUse, seen: &FiledCase, doing: &CaseAct, done: &str) {
        match self.answer(in_use.ledger.act(seen, doing, &person(self.me), now_ms())) {
            Some(Acted::Done(_)) => self.count(done),
            Some(Acted::Own) => self.count("own proposals, refused"),
            Some(Acted::Changed | Acted::NotNow) => self.count("decisions on an old page"),
            None => {}
        }
    }

    fn ask_payer(&mut self, in_use: &InUse, seen: &FiledCase, proposal: &Proposal, payload: String) {
        let ending = proposal.ending;
        let after = Duration::from_millis(self.random.below(120) as u64);
        let blow = match self.random.below(1_000) {
            0..100 => Some(Blow::Kill { after }),
            100..120 => {
                Some(Blow::Stop { after, for_: Some(Duration::from_millis(100 + self.random.below(4_000) as u64)) })
            }
            120..130 => Some(Blow::Stop { after, for_: None }),
            _ => None,
        };
        match self.payer.ask(payload, blow) {
            (End::Answered(_), bytes) => match serde_json::from_slice::<Answer>(&bytes) {
                Ok(Answer::Attempted { outcome, .. }) => {
                    assert!(
                        proposal.by.subject != person(self.me).subject,
                        "{} was paid by one person",
                        seen.case.id()
                    );
                    self.count(format!("{ending}: {outcome}"));
                }
                Ok(Answer::Closed { .. }) => self.count(format!("ended by payer: {ending}")),
                Ok(Answer::Refused { why, .. }) => {
                    self.count(format!("refused by payer: {why}"));
                    if self.random.permille(500) {
                        self.act(in_use, seen, &CaseAct::SendBack(why), "sent back");
                    }
                }
                Err(_) => self.count("payer failed"),
            },
            (End::Killed | End::TimedOut, _) => {
                self.storm.count(|counts| counts.payer_kills += 1);
                self.payer = self.storm.stack.payer();
            }
            (End::Stopped, _) => {
                self.storm.count(|counts| counts.payer_stops += 1);
                let stopped = std::mem::replace(&mut self.payer, self.storm.stack.payer());
                self.storm.put_aside(stopped, blow);
            }
        }
    }
}

impl Storm {
    /// Only what is on record as ended so, in the tables that are in use, and once.
    fn pay_by_hand(&self, id: &CaseId) {
        let ledger = &self.stack.in_use().ledger;
        let Ok(Some(now)) = self.stack.runtime.block_on(ledger.case(id)) else { return };
        let (Some(key), Some(proposal)) = (&now.case.key, &now.proposal) else { return };
        let is_to_be_paid = proposal.ending == Ending::PaidElsewhere && proposal.code == TO_BE_PAID;
        if now.status == Status::Resolved && is_to_be_paid {
            self.by_hand.lock().unwrap().entry(key.to_string()).or_insert(1);
        }
    }

    /// Also what a payer ended that went on after everybody had left.
    pub fn pay_what_is_ended(&self) {
        let worked_on = self.worked_on.lock().unwrap().clone();
        worked_on.iter().for_each(|case| self.pay_by_hand(case));
    }

    /// What two people said of the cases that they ended, as the tables have it.
    pub fn ended(&self) -> BTreeMap<String, Ended> {
        let ledger = &self.stack.in_use().ledger;
        let mut ended = BTreeMap::new();
        for id in self.worked_on.lock().unwrap().iter() {
            let Some(now) = self.stack.runtime.block_on(ledger.case(id)).unwrap() else { continue };
            let (Status::Resolved, Some(key), Some(proposal)) = (now.status, now.case.key, now.proposal) else {
                continue;
            };
            let said = match proposal.ending {
                Ending::PaidElsewhere | Ending::ConfirmedAccepted => Ended::Paid,
                Ending::NotPaid => Ended::NotPaid,
                _ => continue,
            };
            // Of several cases of one payout the one counts after which somebody paid.
            let all = ended.entry(key.to_string()).or_insert(said);
            if said == Ended::Paid {
                *all = said;
            }
        }
        ended
    }
}
