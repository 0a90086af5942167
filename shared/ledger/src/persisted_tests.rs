//! Every word and mark that is kept in the tables comes back as it was: written by the writer that the program uses, read by its
//! reader. A value is spelled out to its last field, so that a new one does not compile before somebody says here what it is, and
//! one that nobody writes, or nobody reads, fails.

use payonce_protocol::approval::Approval;
use payonce_protocol::case::{Act, BatchState, Ending, Status};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{AttemptId, CaseId, Digest, Shards};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_protocol::release::{Derivation, TableIds};

use crate::audit::bar::Bar;
use crate::audit::claim::{Claim, RefusalNote};
use crate::audit::closing::{Closing, Standing, is_no_attempt};
use crate::audit::outcome::{OutcomeRecord, SWEEPER, StoredOutcome, WORKER};
use crate::audit::payout::{FoundPayout, LookUpRecord, Seen};
use crate::cases::acts::HistoryRecord;
use crate::cases::batch::{Batch, Decision};
use crate::cases::case::{Case, FiledCase, Proposal, Resolution, Who};
use crate::cases::case_item::history;
use crate::control::accepted::Accepted;
use crate::control::hold::Control;
use crate::control::people::{Away, PersonRecord};
use crate::item::ItemReader;
use crate::keys::{AuditSk, Versioned};

pub(crate) const NOW: u64 = 1_764_000_123_456;

/// Each of them: a mode that is missing here does not compile.
fn modes() -> Vec<Mode> {
    let after = |mode| match mode {
        None => Some(Mode::Live),
        Some(Mode::Live) => Some(Mode::Test),
        Some(Mode::Test) => None,
    };
    std::iter::successors(after(None), |mode| after(Some(*mode))).collect()
}

pub(crate) fn key() -> PayoutKey {
    PayoutKey::new("stripe/pi_1").unwrap()
}

pub(crate) fn event() -> EventId {
    EventId::new("evt_1").unwrap()
}

pub(crate) fn money() -> Money {
    Money::new(9_900, 2, "EUR".parse().unwrap()).unwrap()
}

fn destination() -> Destination {
    Destination::new("acct_1").unwrap()
}

fn case_id() -> CaseId {
    CaseId::parse("20b08ebd-f665-8c43-b6ef-eee1de011172").unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn who(subject: &str) -> Who {
    Who { subject: text(subject), name: Some(format!("{subject}'s name")) }
}

pub(crate) fn claim(rail_mode: Mode) -> Claim {
    Claim {
        key: key(),
        attempt: 1,
        attempt_id: AttemptId([7; 16]),
        event: event(),
        provider: text("stripe"),
        money: money(),
        destination: destination(),
        received_at: NOW,
        claimed_at: NOW + 1,
        expires_at: NOW + 2,
        body: Digest::of("body"),
        rail: text("http"),
        rail_account: text("checked"),
        rail_mode,
        rail_key: text("a4433b2f"),
        key_generation: 3,
        request: Digest::of("request"),
        request_id: text("request id"),
        trace_id: Some(text("trace id")),
    }
}

pub(crate) fn closing(ending: Ending, rail_mode: Mode) -> Closing {
    Closing {
        key: key(),
        attempt_id: AttemptId([7; 16]),
        case: case_id(),
        ending,
        closed_at: NOW,
        event: Some(event()),
        provider: Some(text("stripe")),
        terms: Some((money(), destination())),
        rail: text("http"),
        rail_account: text("checked"),
        rail_mode,
    }
}

pub(crate) fn bar() -> Bar {
    Bar {
        key: key(),
        event: event(),
        provider: text("stripe"),
        body: Digest::of("body"),
        received_at: NOW,
        barred_at: NOW + 1,
    }
}

#[test]
fn every_mode_and_ending_in_the_place_of_an_attempt_comes_back_as_it_was() {
    for mode in modes() {
        let claim = claim(mode);
        let item = claim.to_item(Shards::ONE);
        assert!(!is_no_attempt(&item));
        assert_eq!(Standing::from_item(&item).unwrap(), Standing::Claim(claim));
        for ending in Ending::ALL {
            let closing = closing(*ending, mode);
            let item = closing.to_item();
            assert!(is_no_attempt(&item));
            assert_eq!(Standing::from_item(&item).unwrap(), Standing::Closing(closing));
        }
    }
    let item = bar().to_item(AuditSk::Claim(1));
    assert!(is_no_attempt(&item));
    assert_eq!(Standing::from_item(&item).unwrap(), Standing::Bar(bar()));
}

#[test]
fn every_outcome_and_mark_of_an_attempt_comes_back_as_it_was() {
    for outcome in Outcome::ALL {
        for (replayed, not_begun) in [(false, false), (true, false), (false, true), (true, true)] {
            for (by, by_sweeper) in [(WORKER, false), (SWEEPER, true)] {
                let verdict = Verdict { outcome: *outcome, replayed, not_begun };
                let record =
                    OutcomeRecord { verdict, evidence: Facts::from([(FactName::HttpStatus, "200")]), recorded_at: NOW };
                let stored = StoredOutcome {
                    attempt_id: AttemptId([7; 16]),
                    verdict,
                    evidence: Facts::from([(FactName::HttpStatus, "200")]),
                    recorded_at: NOW,
                    by_sweeper,
                };
                let item = record.to_item(&claim(Mode::Live), AuditSk::Outcome(1), by);
                assert_eq!(StoredOutcome::from_item(&item).unwrap(), stored);
            }
        }
    }
}

#[test]
fn every_answer_of_a_look_up_comes_back_as_it_was() {
    let found = FoundPayout {
        id: text("tr_1"),
        amount: 9_900,
        exponent: Some(2),
        currency: text("EUR"),
        destination: Some(text("acct_1")),
        created_at: NOW,
        returned: true,
    };
    let after = |seen: Option<&Seen>| match seen {
        None => Some(Seen::Found(vec![found.clone()])),
        Some(Seen::Found(_)) => Some(Seen::Absent { sight: text("tr_0") }),
        Some(Seen::Absent { .. }) => Some(Seen::Blind { why: text("a lag") }),
        Some(Seen::Blind { .. }) => None,
    };
    for seen in std::iter::successors(after(None), |seen| after(Some(seen))) {
        let look_up = LookUpRecord { at: NOW, seen, by: text("sweeper") };
        assert_eq!(LookUpRecord::from_item(&look_up.to_item(&key(), 1)).unwrap(), look_up);
        assert_eq!(LookUpRecord::of_evidence(&look_up.facts()), Some(look_up));
    }
}

#[test]
fn note_of_a_refusal_comes_back_as_it_was() {
    let note = RefusalNote {
        key: key(),
        event: event(),
        provider: text("stripe"),
        money: money(),
        destination: destination(),
        refused_at: NOW,
        final_after: NOW + 1,
    };
    assert_eq!(RefusalNote::from_item(&note.to_item(Shards::ONE)).unwrap(), note);
}

fn filed(reason: Reason, status: Status, ending: Ending) -> FiledCase {
    let case = Case {
        reason,
        subject: vec![text("stripe"), text("evt_1")],
        provider: Some(text("stripe")),
        key: Some(key()),
        attempt: Some(2),
        event: Some(event()),
        money: Some(money()),
        concerns: Some(5_700),
        destination: Some(destination()),
        body: Some(Digest::of("body")),
        incident: Some(text("20416/payout_unknown/http")),
        details: Facts::from([(FactName::RefusedBy, "max_amount")]),
        since: NOW,
        opened_at: NOW + 1,
    };
    let proposal = Proposal {
        ending,
        code: text("rail_books"),
        note: text("seen"),
        by: who("ann"),
        at: NOW + 2,
        version: 4,
        key_generation: Some(3),
        duplicate_of: Some(case_id()),
        batch: Some(text("1764000123456-0a1b2c3d")),
    };
    FiledCase {
        case,
        status,
        version: 5,
        revision: 2,
        evidence: Facts::from([(FactName::LookedUp, "absent")]),
        owner: Some(who("ann")),
        proposal: Some(proposal),
        resolution: Some(Resolution { approved_by: who("ben"), at: NOW + 3, attempt: Some(2) }),
        sent_back: Some(who("cem")),
    }
}

#[test]
fn every_reason_status_and_ending_of_a_case_comes_back_as_it_was() {
    let of_reason = Reason::ALL.iter().map(|reason| filed(*reason, Status::Open, Ending::NotPaid));
    let of_status = Status::ALL.iter().map(|status| filed(Reason::PayoutUnknown, *status, Ending::NotPaid));
    let of_ending = Ending::ALL.iter().map(|ending| filed(Reason::PayoutUnknown, Status::AwaitingApproval, *ending));
    for case in of_reason.chain(of_status).chain(of_ending) {
        assert_eq!(FiledCase::from_item(&case.to_item()).unwrap(), case);
        let item = case.to_item();
        assert_eq!(Case::from_item(&ItemReader::new("a case", &item)).unwrap(), case.case, "as a note holds it");
    }
    let bare = FiledCase::opened(Case::new(Reason::InvalidEvent, vec![], NOW));
    assert_eq!(FiledCase::from_item(&bare.to_item()).unwrap(), bare);
}

#[test]
fn every_act_in_a_history_comes_back_as_it_was() {
    for act in Act::ALL {
        let item = history(
            Versioned::Case(case_id()),
            2,
            act.as_str(),
            &who("ann"),
            NOW,
            &Facts::from([(FactName::Note, "seen")]),
        );
        let record = HistoryRecord::from_item(&item).unwrap();
        assert_eq!(Act::parse(&record.act), Some(*act));
        let by = HistoryRecord {
            version: Some(2),
            act: text(act.as_str()),
            by: who("ann"),
            at: NOW,
            facts: Facts::from([(FactName::Note, "seen")]),
        };
        assert_eq!(record, by);
    }
}

#[test]
fn every_state_of_a_batch_and_every_line_comes_back_as_it_was() {
    let line = |ending, rail_mode| Approval {
        ending,
        case: case_id(),
        version: 4,
        key: key(),
        attempt: 2,
        money: money(),
        destination: destination(),
        rail: text("http"),
        rail_account: text("checked"),
        rail_mode,
        key_generation: 3,
        code: text("rail_books"),
        note: text("seen"),
    };
    let lines: Vec<Approval> =
        Ending::ALL.iter().flat_map(|ending| modes().into_iter().map(|mode| line(*ending, mode))).collect();
    for state in BatchState::ALL {
        let batch = Batch {
            id: Batch::new(lines.clone(), who("ann"), NOW).id,
            version: 3,
            state: *state,
            by: who("ann"),
            at: NOW,
            lines: lines.clone(),
            decided: Some(Decision { by: who("ben"), at: NOW + 1, version: 3 }),
            paid: 1,
            stopped: Some(text("rejected")),
        };
        assert!(Batch::is_of(&batch.to_item()));
        assert_eq!(Batch::from_item(&batch.to_item()).unwrap(), batch);
    }
}

#[test]
fn every_hold_comes_back_as_it_was() {
    for hold in Hold::ALL {
        let control = Control {
            hold: *hold,
            set_by: text("ann"),
            set_at: NOW,
            why: text("an outage"),
            released_for: Some(TableIds { audit: text("a"), reconcile: text("r") }),
            books_from: Some(NOW + 1),
            version: 2,
        };
        assert_eq!(Control::from_item(&control.to_item()).unwrap(), control);
    }
}

#[test]
fn accepted_rules_and_people_come_back_as_they_were() {
    let derivation = Derivation {
        namespace: text("ns"),
        event: text("payment.succeeded"),
        key: vec![text("/id")],
        when: vec![text("/paid")],
    };
    let accepted = Accepted {
        provider: text("stripe"),
        fingerprint: Digest::of("rules"),
        derivations: vec![derivation.clone()],
        paid_from: Some(NOW),
        former: vec![(derivation, NOW + 1)],
        namespaces: vec![text("ns")],
        scheme: text("stripe"),
        by: text("ann"),
        at: NOW + 2,
        version: 2,
    };
    assert_eq!(Accepted::from_item("stripe", &accepted.to_item()).unwrap(), accepted);
    let person = PersonRecord {
        name: text("Ann"),
        roles: vec![text("analyst")],
        seen_at: NOW,
        signed_out_at: NOW + 1,
        away: Some(Away { delegate: text("ben"), until: NOW + 2 }),
    };
    assert_eq!(PersonRecord::from_item(&person.to_item("auth0|ann", 1)).unwrap(), person);
}
