//! What people do with cases, and the claim of a further attempt that two of them decided.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{
    Acted, Case, CaseAct, Claim, Explained, Filed, FiledCase, FoundPayout, FurtherDecision, LedgerError, LookUpRecord,
    OutcomeRecord, Resolution, Seen, Stranger, Who,
};
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::event::ClaimAnswer;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{AttemptId, Digest};
use payonce_protocol::outcome::{Outcome, Reason};
use payonce_suite::faults::Fault;

use crate::bench::{Bench, NOW, case_of, claim, outcome, person, proposal, until};

async fn opened(bench: &Bench, case: &Case) -> FiledCase {
    bench.ledger.open_case(case).await.unwrap();
    filed(bench, case).await
}

async fn filed(bench: &Bench, case: &Case) -> FiledCase {
    bench.ledger.case(&case.id()).await.unwrap().unwrap()
}

async fn done(bench: &Bench, seen: &FiledCase, doing: CaseAct, by: &str) -> FiledCase {
    match bench.ledger.act(seen, &doing, &person(by), NOW).await.unwrap() {
        Acted::Done(case) => *case,
        other => panic!("{doing:?}: {other:?}"),
    }
}

/// Of an ending that pays nothing, for a case whose place is taken.
pub async fn approve(bench: &Bench, seen: &FiledCase, note: &str) -> CaseAct {
    let bound = bench.ledger.bound(seen).await.unwrap().expect("a place that is taken");
    CaseAct::Approve(note.to_owned(), bound)
}

fn propose(seen: &FiledCase, ending: Ending, by: &str) -> CaseAct {
    CaseAct::Propose(proposal(seen, ending, &person(by)), ending.pays().then(|| format!("token of {by}")))
}

/// An attempt that ended so, with its case, and a person's proposal to issue it again.
async fn proposed(bench: &Bench, ended: Outcome) -> (Claim, FiledCase) {
    let first = claim("pi_1", 1);
    let reason = outcome(ended).verdict.reason().unwrap_or(Reason::PayoutUnknown);
    let case = case_of(&first, reason);
    bench.ledger.put_claim(&first).await;
    bench.ledger.record(&first, &outcome(ended), Some(&case)).await;
    bench.ledger.open_case(&case).await.unwrap();
    let seen = filed(bench, &case).await;
    let seen = done(bench, &seen, propose(&seen, Ending::Reissue, "ann"), "ann").await;
    (further(bench, Claim { attempt: 2, ..claim("pi_1", 2) }, 2), seen)
}

/// With an attempt id of this test alone: the engine remembers the tokens of transactions, whatever their tables.
fn further(bench: &Bench, claim: Claim, number: u8) -> Claim {
    let digest = Digest::of(format!("{} {number}", bench.tables.audit));
    let mut id = [0; 16];
    id.copy_from_slice(&digest.0[..16]);
    Claim { attempt_id: AttemptId(id), ..claim }
}

async fn decide(bench: &Bench, claim: &Claim, seen: &FiledCase, by: &str) -> ClaimAnswer {
    let facts = Facts::from([(FactName::Source, "paid")]);
    let (checker, unless_barred) = (&person(by), &claim.key);
    let decided = FurtherDecision { case: seen, checker, facts: &facts, unless_barred, after_closing: false, at: NOW };
    bench.ledger.put_further_claim(None, claim, decided).await
}

pub async fn each_act_leaves_its_record(bench: Bench) {
    bench.ledger.put_claim(&claim("pi_1", 1)).await;
    let mut case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown).of_cause("timeout");
    case.say(FactName::Problem, "it hung");
    let mut seen = opened(&bench, &case).await;
    let attached = Facts::from([(FactName::Title, "statement")]);
    let said = Facts::from([(FactName::LookedUp, "absent")]);
    for (doing, status) in [
        (CaseAct::Assign(person("ann")), Status::InReview),
        (CaseAct::Comment("asked the bank".to_owned()), Status::InReview),
        (CaseAct::Attach(attached), Status::InReview),
        (CaseAct::LookUp(said), Status::InReview),
        (propose(&seen, Ending::NotPaid, "ann"), Status::AwaitingApproval),
    ] {
        let act = doing.act();
        seen = done(&bench, &seen, doing, "ann").await;
        assert_eq!(seen.status, status, "{act}");
        assert_eq!(filed(&bench, &case).await, seen, "{act}");
    }
    seen = done(&bench, &seen, CaseAct::SendBack("which account?".to_owned()), "ben").await;
    assert_eq!((seen.status, &seen.proposal), (Status::InReview, &None));
    seen = done(&bench, &seen, propose(&seen, Ending::NotPaid, "ann"), "ann").await;
    let agreed = approve(&bench, &seen, "seen").await;
    seen = done(&bench, &seen, agreed, "ben").await;
    assert_eq!((seen.status, seen.resolution.as_ref().unwrap().approved_by.clone()), (Status::Resolved, person("ben")));
    seen = done(&bench, &seen, CaseAct::Reopen("it bounced".to_owned()), "ann").await;
    assert_eq!((seen.status, &seen.proposal, &seen.resolution), (Status::Reopened, &None, &None));
    assert_eq!((&seen.case, seen.evidence.get(FactName::LookedUp).unwrap()), (&case, "absent"));
    assert_eq!(filed(&bench, &case).await, seen);

    let history = bench.ledger.history(&case.id()).await.unwrap();
    let (moved, added): (Vec<_>, Vec<_>) = history.iter().partition(|record| record.version.is_some());
    let acts: Vec<&str> = moved.iter().map(|record| record.act.as_str()).collect();
    assert_eq!(acts, ["opened", "assign", "propose", "send_back", "propose", "approve", "reopen"]);
    assert!(moved.iter().zip(1..).all(|(record, version)| record.version == Some(version)));
    assert_eq!((&moved[5].by, moved[5].facts.get(FactName::Note).unwrap()), (&person("ben"), "seen"));
    let mut acts: Vec<&str> = added.iter().map(|record| record.act.as_str()).collect();
    acts.sort_unstable();
    assert_eq!(acts, ["attach", "comment", "look_up"], "beside the versions");
}

pub async fn comments_and_evidence_need_no_version_and_move_none(bench: Bench) {
    bench.ledger.put_claim(&claim("pi_1", 1)).await;
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    let first = opened(&bench, &case).await;
    let taken = done(&bench, &first, CaseAct::Assign(person("ann")), "ann").await;
    // On the case as it was long ago.
    done(&bench, &first, CaseAct::Comment("called the bank".to_owned()), "ben").await;
    let attached = Facts::from([(FactName::Title, "statement")]);
    done(&bench, &first, CaseAct::Attach(attached), "ben").await;
    bench.ledger.add_evidence(&case.id(), "sweeper", &Facts::from([(FactName::LookedUp, "found")]), NOW).await.unwrap();
    let now = filed(&bench, &case).await;
    assert_eq!((now.version, now.revision, now.owner.clone()), (2, 1, Some(person("ann"))));
    assert_eq!(now.evidence.get(FactName::LookedUp).unwrap(), "found");
    // What decides nothing goes through, and keeps what was found.
    let given = done(&bench, &taken, CaseAct::Assign(person("dee")), "ann").await;
    assert_eq!((given.version, given.revision, given.evidence.get(FactName::LookedUp).unwrap()), (3, 1, "found"));
    // Who decides must have seen it.
    bench
        .ledger
        .add_evidence(&case.id(), "sweeper", &Facts::from([(FactName::LookedUp, "absent")]), NOW)
        .await
        .unwrap();
    let not_paid = propose(&given, Ending::NotPaid, "ann");
    assert_eq!(bench.ledger.act(&given, &not_paid, &person("ann"), NOW).await, Ok(Acted::Changed));
    let seen = filed(&bench, &case).await;
    let proposed = done(&bench, &seen, propose(&seen, Ending::NotPaid, "ann"), "ann").await;
    bench.ledger.add_evidence(&case.id(), "sweeper", &Facts::from([(FactName::LookedUp, "found")]), NOW).await.unwrap();
    let agreed = approve(&bench, &proposed, "yes").await;
    assert_eq!(bench.ledger.act(&proposed, &agreed, &person("ben"), NOW).await, Ok(Acted::Changed));
    assert_eq!(filed(&bench, &case).await.status, Status::AwaitingApproval);
}

pub async fn a_form_that_is_sent_twice_acts_once(bench: Bench) {
    bench.ledger.put_claim(&claim("pi_1", 1)).await;
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    let seen = opened(&bench, &case).await;
    let (ann, form) = (person("ann"), Digest::of("a form"));
    for doing in [CaseAct::Comment("once".to_owned()), propose(&seen, Ending::NotPaid, "ann")] {
        let (one, two) = tokio::join!(
            bench.ledger.act_once(&seen, &doing, &ann, NOW, Some(&form)),
            bench.ledger.act_once(&seen, &doing, &ann, NOW + 1, Some(&form)),
        );
        assert!(matches!((&one, &two), (Ok(Acted::Done(_)), Ok(Acted::Done(_)))), "{one:?} {two:?}");
    }
    let acts: Vec<String> =
        bench.ledger.history(&case.id()).await.unwrap().into_iter().map(|record| record.act).collect();
    assert_eq!(acts, ["opened", "propose", "comment"]);
    assert!(bench.ledger.was_done(&case.id(), seen.version, &form).await.unwrap());
    // Another form on the same version, of whomever.
    let other = Digest::of("another form");
    assert!(!bench.ledger.was_done(&case.id(), seen.version, &other).await.unwrap());
    let again = propose(&seen, Ending::WrittenOff, "ann");
    assert_eq!(bench.ledger.act_once(&seen, &again, &ann, NOW, Some(&other)).await, Ok(Acted::Changed));
}

pub async fn a_file_comes_back_as_it_was_to_its_own_case(bench: Bench) {
    let [one, other] = ["pi_1", "pi_2"].map(|name| case_of(&claim(name, 1), Reason::PayoutUnknown).id());
    let file = b"\x89PNG\r\n\x1a\n and so on".to_vec();
    let digest = bench.ledger.put_file(&one, "statement.png", &file, NOW, 400).await.unwrap();
    assert_eq!(digest, Digest::of(&file));
    assert_eq!(bench.ledger.put_file(&one, "again.png", &file, NOW, 400).await, Ok(digest));
    let stored = bench.ledger.file(&one, digest).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.bytes), ("statement.png", file));
    assert_eq!(stored.kept_until, (NOW / 1_000 + 400 * 86_400) * 1_000);
    assert_eq!(bench.ledger.file(&other, digest).await, Ok(None));
    let largest = vec![7; 256 * 1024];
    assert!(bench.ledger.put_file(&one, &"n".repeat(120), &largest, NOW, 400).await.is_ok());
    assert!(bench.ledger.put_file(&one, "n", &[largest.as_slice(), &[7]].concat(), NOW, 400).await.is_err());
}

pub async fn maker_cannot_approve_their_own_proposal(bench: Bench) {
    bench.ledger.put_claim(&claim("pi_1", 1)).await;
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    let seen = opened(&bench, &case).await;
    let seen = done(&bench, &seen, propose(&seen, Ending::WrittenOff, "ann"), "ann").await;
    let approve = approve(&bench, &seen, "me").await;
    assert_eq!(bench.ledger.act(&seen, &approve, &person("ann"), NOW).await, Ok(Acted::Own));
    // A console that lies about what it saw: the table knows who proposed.
    let mut lie = seen.clone();
    lie.proposal.as_mut().unwrap().by = person("somebody");
    assert_eq!(bench.ledger.act(&lie, &approve, &person("ann"), NOW).await, Ok(Acted::Changed));
    assert_eq!(filed(&bench, &case).await, seen);
    // What pays is not the console's to approve, whoever asks.
    let other = opened(&bench, &case_of(&claim("pi_2", 2), Reason::PayoutUnknown)).await;
    let other = done(&bench, &other, propose(&other, Ending::Reissue, "ann"), "ann").await;
    assert_eq!(bench.ledger.act(&other, &approve, &person("ben"), NOW).await, Ok(Acted::NotNow));
}

/// Payer approves it, and pays: else the case would be over, and nobody paid.
pub async fn an_ending_that_pays_is_not_approved_as_one_that_does_not(bench: Bench) {
    let (_, seen) = proposed(&bench, Outcome::Unknown).await;
    let doing = approve(&bench, &seen, "paid").await;
    assert_eq!(bench.ledger.act(&seen, &doing, &person("ben"), NOW).await, Ok(Acted::NotNow));
    assert_eq!(filed(&bench, &seen.case).await, seen);
}

pub async fn one_of_two_people_who_act_at_once_wins(bench: Bench) {
    bench.ledger.put_claim(&claim("pi_1", 1)).await;
    let case = case_of(&claim("pi_1", 1), Reason::PayoutUnknown);
    let seen = opened(&bench, &case).await;
    let seen = done(&bench, &seen, propose(&seen, Ending::WrittenOff, "ann"), "ann").await;
    let (from_ben, from_dee) = (approve(&bench, &seen, "from ben").await, CaseAct::SendBack("from dee".to_owned()));
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "from ben", Fault::Hold);
    let (ben, dee) = (person("ben"), person("dee"));
    let (ben, dee) = tokio::join!(bench.ledger.act(&seen, &from_ben, &ben, NOW), async {
        until(|| bench.proxy.count("TransactWriteItems") == 1).await;
        bench.ledger.act(&seen, &from_dee, &dee, NOW).await
    });
    assert_eq!(ben, Ok(Acted::Changed));
    assert!(matches!(dee, Ok(Acted::Done(_))));
    assert_eq!(bench.ledger.history(&case.id()).await.unwrap().last().unwrap().by, person("dee"));
    // The status alone has moved back: what was seen is still not what stands. Then nothing is done that is less than a decision,
    // either, whether or not something was found out since.
    let late = [from_ben, CaseAct::SendBack("late".to_owned()), CaseAct::Assign(person("ben"))];
    for found_out in [false, true] {
        if found_out {
            let said = CaseAct::LookUp(Facts::from([(FactName::LookedUp, "absent")]));
            done(&bench, &filed(&bench, &case).await, said, "dee").await;
        }
        for late in &late {
            let acted = bench.ledger.act(&seen, late, &person("ben"), NOW).await;
            assert_eq!(acted, Ok(Acted::Changed), "{late:?}, something was found out: {found_out}");
        }
    }
}

pub async fn makers_token_is_kept_and_not_shown(bench: Bench) {
    let (_, seen) = proposed(&bench, Outcome::Unknown).await;
    let id = seen.case.id();
    let kept = bench.ledger.makers_token(&id, seen.proposal.as_ref().unwrap()).await;
    assert_eq!(kept, Ok(Some("token of ann".to_owned())));
    let history = bench.ledger.history(&id).await.unwrap();
    assert!(!format!("{history:?} {seen:?}").contains("token of ann"));
}

pub async fn further_claim_is_written_with_its_case(bench: Bench) {
    let (second, seen) = proposed(&bench, Outcome::Unknown).await;
    assert_eq!(decide(&bench, &second, &seen, "ben").await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.read_claim(&second.key, 2).await, Ok(Some(second.clone())));
    let after = filed(&bench, &seen.case).await;
    let resolution = after.resolution.unwrap();
    assert_eq!((after.status, resolution.attempt, resolution.approved_by), (Status::Resolved, Some(2), person("ben")));
    let last = bench.ledger.history(&seen.case.id()).await.unwrap().pop().unwrap();
    assert_eq!((last.act.as_str(), last.facts.get(FactName::Source).unwrap()), ("approve", "paid"));
    // Approved again, by the same people: the attempt is another's now.
    let again = further(&bench, second.clone(), 3);
    assert_eq!(decide(&bench, &again, &seen, "ben").await, ClaimAnswer::Taken(second.facts()));
    let third = further(&bench, Claim { attempt: 3, ..again }, 4);
    assert_eq!(decide(&bench, &third, &seen, "ben").await, ClaimAnswer::NotApplied);
}

pub async fn further_claim_holds_every_condition(bench: Bench) {
    // An attempt that was accepted, one that has not ended, one whose worker reported late.
    let (second, seen) = proposed(&bench, Outcome::Accepted).await;
    assert_eq!(decide(&bench, &second, &seen, "ben").await, ClaimAnswer::NotApplied, "accepted");
    let running = claim("pi_2", 4);
    bench.ledger.put_claim(&running).await;
    let next = |number| further(&bench, Claim { attempt: 2, ..running.clone() }, number);
    assert_eq!(decide(&bench, &next(5), &seen, "ben").await, ClaimAnswer::NotApplied, "under way");
    bench.ledger.abandon(&running, NOW).await.unwrap();
    bench.ledger.record(&running, &outcome(Outcome::Accepted), None).await;
    assert_eq!(decide(&bench, &next(6), &seen, "ben").await, ClaimAnswer::NotApplied, "late");

    let (second, seen) = {
        let first = claim("pi_3", 5);
        let case = case_of(&first, Reason::PayoutNotSent);
        bench.ledger.put_claim(&first).await;
        bench.ledger.record(&first, &outcome(Outcome::NotSent), Some(&case)).await;
        let seen = filed(&bench, &case).await;
        let seen = done(&bench, &seen, propose(&seen, Ending::Reissue, "ann"), "ann").await;
        (Claim { attempt: 2, ..claim("pi_3", 6) }, seen)
    };
    let anew = |number| further(&bench, second.clone(), number);
    // The maker, and the maker under a console that lies about who it was.
    assert_eq!(decide(&bench, &anew(7), &seen, "ann").await, ClaimAnswer::NotApplied, "the maker");
    let mut lie = seen.clone();
    lie.proposal.as_mut().unwrap().by = person("somebody");
    assert_eq!(decide(&bench, &anew(8), &lie, "ann").await, ClaimAnswer::NotApplied, "a lie");
    // One that somebody took meanwhile, and one about which something was found out.
    let taken = done(&bench, &seen, CaseAct::Assign(person("dee")), "dee").await;
    assert_eq!(decide(&bench, &anew(9), &seen, "ben").await, ClaimAnswer::NotApplied, "changed");
    bench
        .ledger
        .add_evidence(&seen.case.id(), "sweeper", &Facts::from([(FactName::LookedUp, "found")]), NOW)
        .await
        .unwrap();
    assert_eq!(decide(&bench, &anew(10), &taken, "ben").await, ClaimAnswer::NotApplied, "found out");
    assert_eq!(bench.ledger.read_claim(&second.key, 2).await, Ok(None));
}

/// Attempt 1 by two people, whose limit they lifted: where anything stands, or a bar, it is not written, nor is its case ended.
pub async fn first_claim_by_two_people_takes_a_free_place_once(bench: Bench) {
    let awaiting = async |object: &str| {
        let seen = opened(&bench, &case_of(&claim(object, 1), Reason::InvalidEvent)).await;
        done(&bench, &seen, propose(&seen, Ending::LiftLimit, "ann"), "ann").await
    };
    let seen = awaiting("pi_1").await;
    let ours = further(&bench, claim("pi_1", 1), 10);
    assert_eq!(decide(&bench, &ours, &seen, "ann").await, ClaimAnswer::NotApplied, "the maker");
    let ours = further(&bench, claim("pi_1", 1), 11);
    assert_eq!(decide(&bench, &ours, &seen, "ben").await, ClaimAnswer::Written);
    assert_eq!(filed(&bench, &seen.case).await.status, Status::Resolved);
    assert_eq!(bench.ledger.put_claim(&claim("pi_1", 2)).await, ClaimAnswer::Taken(ours.facts()), "the webhook's");
    assert_eq!(bench.ledger.payout(&ours.key).await.unwrap().own_orders, [], "it is the payment's own");

    let seen = awaiting("pi_2").await;
    let webhooks = claim("pi_2", 3);
    assert_eq!(bench.ledger.put_claim(&webhooks).await, ClaimAnswer::Written);
    let late = further(&bench, claim("pi_2", 4), 12);
    assert_eq!(decide(&bench, &late, &seen, "ben").await, ClaimAnswer::Taken(webhooks.facts()));
    assert_eq!(filed(&bench, &seen.case).await, seen, "its case awaits still");
}

pub async fn recognises_its_own_further_claim_after_a_lost_answer(bench: Bench) {
    let (second, seen) = proposed(&bench, Outcome::NotSent).await;
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "", Fault::DropAnswer);
    assert_eq!(decide(&bench, &second, &seen, "ben").await, ClaimAnswer::NoAnswer);
    assert_eq!(bench.proxy.count("TransactWriteItems"), 1, "one request for each call");
    assert_eq!(decide(&bench, &second, &seen, "ben").await, ClaimAnswer::Written);
    assert_eq!(bench.ledger.read_claim(&second.key, 2).await, Ok(Some(second)));
}

pub async fn further_claim_is_not_sent_again_after_a_conflict(bench: Bench) {
    let (second, seen) = proposed(&bench, Outcome::NotSent).await;
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "", Fault::Conflict);
    assert_eq!(decide(&bench, &second, &seen, "ben").await, ClaimAnswer::NotApplied);
    assert_eq!(bench.proxy.count("TransactWriteItems"), 1);
    assert_eq!(bench.ledger.read_claim(&second.key, 2).await, Ok(None));
}

pub async fn payout_lists_every_attempt_and_look_up(bench: Bench) {
    let (second, seen) = proposed(&bench, Outcome::Unknown).await;
    let look_up = |at, seen: Seen| LookUpRecord { at, seen, by: "sweeper".to_owned() };
    let found = |id: &str| {
        let (currency, destination) = ("EUR".to_owned(), None);
        Seen::Found(vec![FoundPayout {
            id: id.to_owned(),
            amount: 1,
            exponent: None,
            currency,
            destination,
            created_at: NOW,
            returned: true,
        }])
    };
    let blind = || Seen::Blind { why: "a lag".to_owned() };
    let absent = || Seen::Absent { sight: "tr_0".to_owned() };
    let all = [(NOW + 3, found("tr_1")), (NOW + 1, blind()), (NOW + 1, found("another")), (NOW + 2, absent())];
    for look_up in all.map(|(at, seen)| look_up(at, seen)) {
        bench.ledger.add_look_up(&second.key, 1, &look_up).await.unwrap();
    }
    decide(&bench, &second, &seen, "ben").await;
    let refused = OutcomeRecord { recorded_at: NOW + 9, ..outcome(Outcome::NotSent) };
    bench.ledger.record(&second, &refused, None).await;
    let payout = bench.ledger.payout(&second.key).await.unwrap();
    assert_eq!(payout.attempts.iter().map(|attempt| attempt.claim.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        payout.look_ups,
        [look_up(NOW + 1, blind()), look_up(NOW + 2, absent()), look_up(NOW + 3, found("tr_1"))]
    );
    let last = payout.last_attempt().unwrap();
    assert!(last.key_is_uncertain, "attempt 1 under the same key may have paid");
    assert_eq!((last.verdict.outcome, last.look_ups.len()), (Outcome::NotSent, 3));
    assert_eq!(last.key_first_used_at, payout.attempts[0].claim.claimed_at);
    assert_eq!(last.key_last_used_at, second.expires_at);
    // The same attempt, whole, for the sweeper: a look-up beside it is no outcome.
    let (_, stored) = bench.ledger.attempt(&second.key, 1).await.unwrap().unwrap();
    assert_eq!(stored.unwrap().verdict.outcome, Outcome::Unknown);
    // Half of a record is no ground to decide on.
    let mut newer = bench.audit(&second.key, "0002#outcome").await.unwrap();
    newer.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    bench.plant(&bench.tables.audit, newer).await;
    assert!(bench.ledger.payout(&second.key).await.is_err());
}

pub async fn people_who_change_at_once_are_both_kept(bench: Bench) {
    let sign_in = |name: &'static str| {
        bench.ledger.change_person(name, Stranger::Added, move |person| person.name = name.to_owned())
    };
    let out = bench.ledger.change_person("ann", Stranger::Added, |person| person.signed_out_at = NOW);
    let (ann, ben, out) = tokio::join!(sign_in("ann"), sign_in("ben"), out);
    assert!(ann.is_ok() && ben.is_ok() && out.is_ok());
    let people = bench.ledger.people().await.unwrap();
    assert_eq!(people.0.keys().collect::<Vec<_>>(), ["ann", "ben"]);
    let ann = bench.ledger.person("ann").await.unwrap().unwrap();
    assert_eq!((ann.name.as_str(), ann.signed_out_at), ("ann", NOW));
}

/// One item for all had room for 2,990; then nobody could sign in any more.
pub async fn list_of_people_ends_at_one_page(bench: Bench) {
    for number in 0..520 {
        let name = format!("{number:03}{}", "x".repeat(250));
        bench.ledger.change_person(&name, Stranger::Added, |person| person.name = "y".repeat(80)).await.unwrap();
    }
    assert_eq!(bench.ledger.people().await.unwrap().0.len(), 500, "one page");
    bench.ledger.change_person("zoe", Stranger::Added, |person| person.signed_out_at = NOW).await.unwrap();
    assert_eq!(bench.ledger.person("zoe").await.unwrap().unwrap().signed_out_at, NOW);
}

pub async fn stranger_without_a_role_is_not_written(bench: Bench) {
    let before = bench.proxy.count("TransactWriteItems");
    bench.ledger.change_person("stranger", Stranger::LeftOut, |person| person.signed_out_at = NOW).await.unwrap();
    assert_eq!(bench.ledger.person("stranger").await.unwrap(), None);
    assert_eq!(bench.proxy.count("TransactWriteItems"), before);
    // Whoever lost their role is known.
    bench
        .ledger
        .change_person("ann", Stranger::Added, |person| person.roles = vec!["analyst".to_owned()])
        .await
        .unwrap();
    bench.ledger.change_person("ann", Stranger::LeftOut, |person| person.roles.clear()).await.unwrap();
    assert!(bench.ledger.person("ann").await.unwrap().unwrap().roles.is_empty());
}

pub async fn unreadable_person_hides_no_other(bench: Bench) {
    bench.ledger.change_person("ann", Stranger::Added, |person| person.name = "Ann".to_owned()).await.unwrap();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let torn = [("pk", text("person")), ("sk", text("torn")), ("person", text("{"))];
    bench.plant(&bench.tables.reconcile, torn.map(|(name, value)| (name.to_owned(), value)).into()).await;
    assert_eq!(bench.ledger.people().await.unwrap().0.keys().collect::<Vec<_>>(), ["ann"]);
}

/// As long as no person has taken it up. What people ended stays ended, whatever the books say.
pub async fn what_an_event_asks_for_is_added_to_its_open_case_once(bench: Bench) {
    let mut bare = Case::new(Reason::EventMissing, vec!["stripe".to_owned(), "evt_of_pi_1".to_owned()], NOW - 5);
    bare.say(FactName::Problem, "the list has it");
    let bare = bare.of_cause("stripe");
    let mut known = case_of(&claim("pi_1", 1), Reason::EventMissing);
    known.subject.clone_from(&bare.subject);
    let complete = async || bench.ledger.complete_case(&known, "reconciler", NOW + 9).await;
    assert_eq!(complete().await, Err(LedgerError::Missing { what: "the case" }));
    let seen = opened(&bench, &bare).await;
    assert_eq!(complete().await, Ok(true));
    let Case { since, opened_at, details, incident, .. } = bare.clone();
    let completed =
        FiledCase { case: Case { since, opened_at, details, incident, ..known.clone() }, revision: 1, ..seen };
    assert_eq!(filed(&bench, &bare).await, completed);
    assert!(bench.reconcile(bare.id(), "history#added#000001").await.is_some(), "who and when");
    assert_eq!(complete().await, Ok(false), "it is known");
    // One that is over stays as it ended.
    let over = Case { subject: vec!["stripe".to_owned(), "evt_over".to_owned()], ..bare };
    bench.ledger.open_break(&over).await.unwrap();
    bench.ledger.explain_case(&over.id(), "reconciler", &Facts::default(), NOW).await.unwrap();
    let ended = filed(&bench, &over).await;
    let known = Case { subject: over.subject.clone(), ..known.clone() };
    assert_eq!(bench.ledger.complete_case(&known, "reconciler", NOW + 9).await, Ok(false));
    assert_eq!(filed(&bench, &over).await, ended);
}

/// Beside an attempt, what nobody can read may be what the attempt did.
pub async fn what_a_later_version_notes_beside_a_payout_is_passed_by(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.ledger.put_claim(&ours).await;
    let mut item = bench.audit(&ours.key, "0001#claim").await.unwrap();
    for (sk, is_read) in [("0000#later", true), ("0001#later", false)] {
        item.insert("sk".to_owned(), AttributeValue::S(sk.to_owned()));
        bench.plant(&bench.tables.audit, item.clone()).await;
        assert_eq!(bench.ledger.payout(&ours.key).await.is_ok(), is_read, "{sk}");
    }
}

pub async fn the_books_end_a_case_and_open_it_again(bench: Bench) {
    let of = |number: u8| Case::new(Reason::PayoutMissing, vec![format!("stripe/pi_{number}"), "rail".to_owned()], NOW);
    let explained_by =
        |run: u64| Facts::from([(FactName::BookRun, run.to_string()), (FactName::BookExplains, "[]".into())]);
    let explain = async |case: &Case, run: u64| {
        bench.ledger.explain_case(&case.id(), "reconciler", &explained_by(run), NOW + run).await.unwrap()
    };
    assert_eq!(explain(&of(9), 1).await, Explained::Nothing, "nobody opened it");

    // Nobody is at work on it. A second writer comes between.
    assert_eq!(bench.ledger.open_break(&of(1)).await.unwrap(), Filed::New);
    assert_eq!(bench.ledger.open_break(&of(1)).await.unwrap(), Filed::Open);
    bench.proxy.plan(1, "TransactWriteItems", "explained", Fault::DropAnswer);
    assert_eq!(explain(&of(1), 1).await, Explained::Ended);
    assert_eq!(explain(&of(1), 1).await, Explained::Nothing);
    let ended = filed(&bench, &of(1)).await;
    assert!(ended.is_explained() && ended.version == 2);
    let approved_by = Who::function("reconciler");
    assert_eq!(ended.resolution, Some(Resolution { approved_by, at: NOW + 1, attempt: None }));
    assert_eq!(bench.ledger.open_cases(10).await.unwrap(), []);
    let record = bench.reconcile(of(1).id(), "history#000002").await.expect("its record");
    assert_eq!(record["act"], AttributeValue::S("explained".to_owned()));
    assert_eq!(bench.ledger.open_break(&of(1)).await.unwrap(), Filed::Reopened);
    assert_eq!(filed(&bench, &of(1)).await.status, Status::Reopened);

    // Somebody is, and whoever decides must see it first: the case as it was seen is not the case any more.
    let seen = opened(&bench, &of(2)).await;
    let seen = done(&bench, &seen, CaseAct::Assign(person("ann")), "ann").await;
    assert_eq!(explain(&of(2), 1).await, Explained::Told);
    assert_eq!(explain(&of(2), 1).await, Explained::Nothing, "told once of one run");
    assert_eq!(explain(&of(2), 2).await, Explained::Told, "another run says it anew");
    let proposed = bench.ledger.act(&seen, &propose(&seen, Ending::NotPaid, "ann"), &person("ann"), NOW).await.unwrap();
    assert_eq!(proposed, Acted::Changed);

    // People ended it.
    let seen = opened(&bench, &of(3)).await;
    done(&bench, &seen, propose(&seen, Ending::WrittenOff, "ann"), "ann").await;
    assert_eq!(explain(&of(3), 1).await, Explained::Told, "it awaits approval");
    let seen = filed(&bench, &of(3)).await;
    let ended =
        done(&bench, &seen, CaseAct::Approve(String::new(), bench.ledger.bound(&seen).await.unwrap().unwrap()), "ben")
            .await;
    assert_eq!(explain(&of(3), 2).await, Explained::Nothing);
    assert_eq!(bench.ledger.open_break(&of(3)).await.unwrap(), Filed::Open);
    assert_eq!(filed(&bench, &of(3)).await, ended);
}
