//! The finance desk: two people, a case, and payer between them and the rail.

use std::sync::Arc;

use payer::{Answer, Checker, CloseCase, OneCase, Request};
use payonce_ledger::{Acted, Batch, Case, CaseAct, FiledCase, LedgerError, Proposal, Step, Who};
use payonce_lists::Source;
use payonce_protocol::approval::{Approval, Hand, nonce};
use payonce_protocol::case::Ending;
use payonce_protocol::ids::{CaseId, Digest};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Reason;
use payonce_rails::Rail;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::telemetry::Captured;

use crate::issuer::TestIssuer;
use crate::{FUNCTION_MS, World};

pub struct Desk {
    pub issuer: TestIssuer,
    pub sources: Option<(String, Source)>,
    /// The lines of metrics that the last payer wrote.
    pub counted: Captured,
}

/// What the page shows to a person, who then signs in for it.
pub struct Shown {
    pub case: CaseId,
    pub approval: Approval,
}

impl Desk {
    pub fn new() -> Self {
        Self { issuer: TestIssuer::default(), sources: None, counted: Captured::default() }
    }

    /// payer, afresh, as after a cold start.
    pub fn payer(&mut self, world: &World) -> payer::App {
        let (ledger, rail) = world.parts();
        let (metrics, counted) = Metrics::captured(world.clock.clone());
        self.counted = counted;
        payer::App::new(payer::Parts {
            providers: world.config.all_providers().unwrap(),
            sources: self.sources.take().into_iter().collect(),
            rail,
            ledger: ledger.narrowed(),
            issuer: self.issuer.seen(world.clock.clone()),
            clock: world.clock.clone(),
            limits: world.config.limits,
            metrics,
        })
    }

    pub fn token(&self, world: &World, person: &str, role: &str, hand: Hand, shown: &Approval) -> String {
        let nonce = nonce(hand, std::slice::from_ref(shown));
        self.issuer.sign(&TestIssuer::claims(person, role, &nonce, world.clock.now()))
    }

    /// Ann, an analyst, proposes what the page shows.
    pub async fn propose(&self, world: &World, case: &Case, ending: Ending, attempt: u16, generation: u16) -> Shown {
        let seen = filed(world, &case.id()).await;
        let approval = approval(world, &seen, ending, attempt, generation);
        let token = self.token(world, "ann", "analyst", Hand::Maker, &approval);
        self.propose_with(world, &seen, &approval, token).await;
        Shown { case: case.id(), approval }
    }

    pub async fn propose_with(&self, world: &World, seen: &FiledCase, approval: &Approval, token: String) {
        let proposal = Proposal {
            ending: approval.ending,
            code: approval.code.clone(),
            note: approval.note.clone(),
            by: Who { subject: "ann".to_owned(), name: Some("Ann".to_owned()) },
            at: world.clock.now(),
            version: approval.version,
            key_generation: Some(approval.key_generation),
            duplicate_of: None,
            batch: None,
        };
        let by = proposal.by.clone();
        let doing = CaseAct::Propose(proposal, Some(token));
        let acted = world.ledger.act(seen, &doing, &by, world.clock.now()).await.unwrap();
        assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
    }

    /// Ann proposes these as one list and Ben approves it; `signed` is what they were shown, `written` what the console keeps.
    pub async fn batch(&self, world: &World, signed: &[Approval], written: Vec<Approval>) -> Batch {
        let (ann, ben) = (person("ann"), person("ben"));
        let token = |who: &str, role: &str, hand| {
            self.issuer.sign(&TestIssuer::claims(who, role, &nonce(hand, signed), world.clock.now()))
        };
        let batch = Batch::new(written, ann.clone(), world.clock.now());
        world.ledger.draft_batch(&batch).await.unwrap();
        let mut cases = Vec::new();
        for line in &batch.lines {
            cases.push(filed(world, &line.case).await);
        }
        let propose = Step::Propose(token("ann", "analyst", Hand::Maker));
        let batch = moved(world.ledger.move_batch(&batch, &propose, &cases, &ann, world.clock.now()).await);
        let approve = Step::Approve(token("ben", "approver", Hand::Checker));
        moved(world.ledger.move_batch(&batch, &approve, &[], &ben, world.clock.now()).await)
    }

    /// Ann proposes an ending that pays nothing.
    pub async fn proposes(&self, world: &World, case: &CaseId, ending: Ending) {
        let seen = filed(world, case).await;
        let proposal = Proposal {
            ending,
            code: "bank_statement".to_owned(),
            note: "statement of Monday".to_owned(),
            by: person("ann"),
            at: world.clock.now(),
            version: seen.version,
            key_generation: None,
            duplicate_of: (ending == Ending::DuplicateOf).then(|| CaseId::new(Reason::EventMissing, &["another"])),
            batch: None,
        };
        let doing = CaseAct::Propose(proposal, None);
        let acted = world.ledger.act(&seen, &doing, &person("ann"), world.clock.now()).await.unwrap();
        assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
    }

    /// What the console asks of payer when this person approves an ending that pays nothing.
    pub fn closes(case: &CaseId, who: &str) -> Request {
        let checker = Checker { subject: who.to_owned(), name: who.to_owned() };
        Request::Close(CloseCase { close: case.to_string(), checker, note: "seen".to_owned() })
    }

    /// Ann proposes and Ben approves.
    pub async fn ends(&mut self, world: &World, case: &CaseId, ending: Ending) -> Answer {
        self.proposes(world, case, ending).await;
        self.ask(world, &Self::closes(case, "ben")).await
    }

    pub async fn reopens(&self, world: &World, case: &CaseId) {
        let doing = CaseAct::Reopen("it bounced".to_owned());
        let acted =
            world.ledger.act(&filed(world, case).await, &doing, &person("ann"), world.clock.now()).await.unwrap();
        assert!(matches!(acted, Acted::Done(_)), "{acted:?}");
    }

    /// Ben, an approver, agrees.
    pub fn approves(&self, world: &World, shown: &Shown) -> Request {
        let checker = self.token(world, "ben", "approver", Hand::Checker, &shown.approval);
        Request::Case(OneCase { case: shown.case.to_string(), checker })
    }

    pub async fn ask(&mut self, world: &World, request: &Request) -> Answer {
        let deadline = world.clock.now() + FUNCTION_MS;
        self.payer(world).answer(request, "00000000-0000-4000-8000-000000000002", deadline).await
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

fn person(name: &str) -> Who {
    Who { subject: name.to_owned(), name: Some(name.to_owned()) }
}

fn moved(acted: Result<Acted<Batch>, LedgerError>) -> Batch {
    match acted.unwrap() {
        Acted::Done(batch) => *batch,
        other => panic!("{other:?}"),
    }
}

pub async fn filed(world: &World, id: &CaseId) -> FiledCase {
    world.ledger.case(id).await.unwrap().unwrap()
}

/// The terms as the page shows them for this case.
pub fn approval(world: &World, seen: &FiledCase, ending: Ending, attempt: u16, key_generation: u16) -> Approval {
    let rail: Arc<Rail> = world.parts().1;
    let key = seen.case.key.clone().unwrap();
    let key = match ending {
        Ending::OwnOrder => {
            let hash = Digest::of(seen.case.event.as_ref().unwrap().as_str()).to_string();
            PayoutKey::new(format!("{key}~{}", &hash[..12])).unwrap()
        }
        _ => key,
    };
    Approval {
        ending,
        case: seen.case.id(),
        version: seen.version,
        key,
        attempt,
        money: seen.case.money.unwrap(),
        destination: seen.case.destination.clone().unwrap(),
        rail: rail.name().to_owned(),
        rail_account: rail.account(),
        rail_mode: rail.mode(),
        key_generation,
        code: "payee_waits".to_owned(),
        note: "they called twice".to_owned(),
    }
}
