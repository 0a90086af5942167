//! Batches: a list that is proposed, decided and sent back as one.

use payonce_ledger::{Acted, Batch, CaseAct, FiledCase, Step};
use payonce_protocol::approval::Approval;
use payonce_protocol::case::{BatchState, Ending, Status};
use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;

use crate::bench::{Bench, NOW, case_of, claim, person};

/// Cases of requests that never left, and a batch of them by Ann.
async fn drafted(bench: &Bench, number: usize) -> (Vec<FiledCase>, Batch) {
    let mut cases = Vec::new();
    for number in 0..number {
        let case = case_of(&claim(&format!("pi_{number}"), 1), Reason::PayoutNotSent);
        bench.ledger.open_case(&case).await.unwrap();
        cases.push(bench.ledger.case(&case.id()).await.unwrap().unwrap());
    }
    let batch = Batch::new(cases.iter().map(line).collect(), person("ann"), NOW);
    assert!(matches!(bench.ledger.draft_batch(&batch).await, Ok(Acted::Done(_))));
    (cases, batch)
}

pub fn line(seen: &FiledCase) -> Approval {
    Approval {
        ending: Ending::Reissue,
        case: seen.case.id(),
        version: seen.version,
        key: seen.case.key.clone().unwrap(),
        attempt: 2,
        money: seen.case.money.unwrap(),
        destination: seen.case.destination.clone().unwrap(),
        rail: "stripe".to_owned(),
        rail_account: "0123456789ab".to_owned(),
        rail_mode: Mode::Test,
        key_generation: 1,
        code: "never_sent".to_owned(),
        note: "the rail was away".to_owned(),
    }
}

async fn step(bench: &Bench, seen: &Batch, step: Step, cases: &[FiledCase], by: &str) -> Acted<Batch> {
    bench.ledger.move_batch(seen, &step, cases, &person(by), NOW).await.unwrap()
}

async fn done(bench: &Bench, seen: &Batch, by: &str, what: Step, cases: &[FiledCase]) -> Batch {
    match step(bench, seen, what, cases, by).await {
        Acted::Done(batch) => *batch,
        other => panic!("{other:?}"),
    }
}

fn token(of: &str) -> String {
    format!("token of {of}")
}

async fn now(bench: &Bench, cases: &[FiledCase]) -> Vec<FiledCase> {
    let mut fresh = Vec::new();
    for seen in cases {
        fresh.push(bench.ledger.case(&seen.case.id()).await.unwrap().unwrap());
    }
    fresh
}

pub async fn batch_is_proposed_whole(bench: Bench) {
    let (cases, batch) = drafted(&bench, 3).await;
    let take = CaseAct::Assign(person("eve"));
    bench.ledger.act(&cases[1], &take, &person("eve"), NOW).await.unwrap();
    let propose = Step::Propose(token("ann"));
    assert_eq!(step(&bench, &batch, propose.clone(), &cases, "ann").await, Acted::Changed);
    let fresh = now(&bench, &cases).await;
    assert!(fresh.iter().all(|case| case.status != Status::AwaitingApproval && case.proposal.is_none()));
    assert_eq!(bench.ledger.batch(&batch.id).await, Ok(Some(batch.clone())));

    let proposed = done(&bench, &batch, "ann", propose, &fresh).await;
    assert_eq!(bench.ledger.batch(&batch.id).await, Ok(Some(proposed.clone())), "it comes back as it was written");
    for case in now(&bench, &cases).await {
        let made = case.proposal.unwrap();
        assert_eq!((case.status, made.batch.as_ref()), (Status::AwaitingApproval, Some(&batch.id)));
        let history = bench.ledger.history(&case.case.id()).await.unwrap();
        assert_eq!(history.last().unwrap().act, "propose");
    }
    assert_eq!(bench.ledger.batches(10).await.unwrap(), [proposed]);
    // Nor is a case that is in a batch, or was decided, taken into another.
    let awaiting = now(&bench, &cases).await;
    let second = Batch::new(awaiting.iter().map(line).collect(), person("eve"), NOW + 1);
    assert!(matches!(bench.ledger.draft_batch(&second).await, Ok(Acted::Done(_))));
    let taken = step(&bench, &second, Step::Propose(token("eve")), &awaiting, "eve").await;
    assert_eq!((taken, now(&bench, &cases).await), (Acted::Changed, awaiting));
}

pub async fn batch_is_approved_once_and_not_by_its_maker(bench: Bench) {
    let (cases, batch) = drafted(&bench, 2).await;
    let approve = |who: &str| Step::Approve(token(who));
    assert_eq!(step(&bench, &batch, approve("ben"), &[], "ben").await, Acted::NotNow, "a draft");
    let seen = done(&bench, &batch, "ann", Step::Propose(token("ann")), &cases).await;
    assert_eq!(bench.ledger.batch_tokens(&seen).await, Ok(None));
    assert_eq!(step(&bench, &seen, approve("ann"), &[], "ann").await, Acted::Own);
    // A console that lies about what it saw: the table knows who proposed.
    let lie = Batch { by: person("somebody"), ..seen.clone() };
    assert_eq!(step(&bench, &lie, approve("ann"), &[], "ann").await, Acted::Changed);
    let approved = done(&bench, &seen, "ben", approve("ben"), &[]).await;
    assert_eq!(step(&bench, &seen, approve("dee"), &[], "dee").await, Acted::Changed);
    assert_eq!(bench.ledger.batch_tokens(&approved).await, Ok(Some((token("ann"), token("ben")))));
    // How far it is does not lose who decided; a later sign-in takes the place of the first.
    let further = done(&bench, &approved, "ben", Step::Paid(1, Some("it was tried".to_owned())), &[]).await;
    assert_eq!((further.paid, &further.decided), (1, &approved.decided));
    let again = done(&bench, &further, "dee", approve("dee"), &[]).await;
    assert_eq!(bench.ledger.batch_tokens(&again).await, Ok(Some((token("ann"), token("dee")))));
    assert_eq!((again.paid, again.stopped.as_ref()), (1, None));
    let ended = done(&bench, &again, "dee", Step::Paid(2, None), &[]).await;
    assert_eq!(ended.state, BatchState::Done);
    assert_eq!(step(&bench, &ended, Step::SendBack("late".to_owned()), &[], "dee").await, Acted::NotNow);
    // Who did what, and how far it was, is on record.
    let mut said = vec![];
    for version in 1..=ended.version {
        let record = bench.reconcile(format!("batch/{}", batch.id), &format!("history#{version:06}")).await.unwrap();
        let facts = record.get("facts").and_then(|facts| facts.as_m().ok()).cloned().unwrap_or_default();
        let fact = |name: &str| facts.get(name).map_or("", |fact| fact.as_s().unwrap()).to_owned();
        said.push([record["act"].as_s().unwrap().clone(), fact("paid"), fact("stopped")].join(" "));
    }
    assert_eq!(said, ["drafted  ", "propose  ", "approve  ", "paid 1 it was tried", "approve  ", "paid 2 "]);
}

pub async fn batch_is_sent_back_whole(bench: Bench) {
    let (cases, batch) = drafted(&bench, 2).await;
    let seen = done(&bench, &batch, "ann", Step::Propose(token("ann")), &cases).await;
    let awaiting = now(&bench, &cases).await;
    bench.ledger.act(&awaiting[0], &CaseAct::Assign(person("eve")), &person("eve"), NOW).await.unwrap();
    let send_back = Step::SendBack("not these".to_owned());
    assert_eq!(step(&bench, &seen, send_back.clone(), &awaiting, "ben").await, Acted::Changed);
    assert!(now(&bench, &cases).await.iter().all(|case| case.status == Status::AwaitingApproval));
    let back = done(&bench, &seen, "ben", send_back, &now(&bench, &cases).await).await;
    assert_eq!((back.state, back.stopped.as_deref()), (BatchState::SentBack, Some("not these")));
    let record = bench.reconcile(format!("batch/{}", batch.id), "history#000003").await.expect("who and why");
    assert_eq!(record["facts"].as_m().unwrap()["note"].as_s().unwrap(), "not these");
    assert_eq!(step(&bench, &back, Step::Paid(1, None), &[], "ben").await, Acted::NotNow);
    assert_eq!(step(&bench, &back, Step::Approve(token("ben")), &[], "ben").await, Acted::NotNow);
    assert!(now(&bench, &cases).await.iter().all(|case| case.status == Status::InReview && case.proposal.is_none()));
}

/// The longest that is offered takes several transactions, and its item still fits.
pub async fn the_longest_batch_is_proposed_and_sent_back_whole(bench: Bench) {
    let (cases, batch) = drafted(&bench, payonce_ledger::LINES_AT_MOST).await;
    let note = "\u{1f4b6}".repeat(500);
    let lines = batch.lines.iter().map(|line| Approval { note: note.clone(), ..line.clone() });
    let batch = Batch::new(lines.collect(), person("ann"), NOW + 1);
    assert!(matches!(bench.ledger.draft_batch(&batch).await, Ok(Acted::Done(_))));
    let seen = done(&bench, &batch, "ann", Step::Propose(token("ann")), &cases).await;
    let awaiting = now(&bench, &cases).await;
    assert!(awaiting.iter().all(|case| case.status == Status::AwaitingApproval));
    let back = done(&bench, &seen, "ben", Step::SendBack("no".to_owned()), &awaiting).await;
    assert_eq!(bench.ledger.batch(&batch.id).await, Ok(Some(back)));
    assert!(now(&bench, &cases).await.iter().all(|case| case.status == Status::InReview));
}

/// Somebody changes a case of the last transaction while the first is written.
pub async fn a_long_batch_that_stays_in_part_can_still_be_sent_back(bench: Bench) {
    let (cases, batch) = drafted(&bench, 50).await;
    bench.ledger.act(&cases[49], &CaseAct::Assign(person("eve")), &person("eve"), NOW).await.unwrap();
    let propose = Step::Propose(token("ann"));
    assert_eq!(step(&bench, &batch, propose, &cases, "ann").await, Acted::Changed);
    let seen = bench.ledger.batch(&batch.id).await.unwrap().unwrap();
    assert_eq!(seen.state, BatchState::AwaitingApproval);
    let fresh = now(&bench, &cases).await;
    let awaiting: Vec<FiledCase> = fresh.into_iter().filter(|case| case.status == Status::AwaitingApproval).collect();
    assert_eq!(awaiting.len(), 40);
    done(&bench, &seen, "ben", Step::SendBack("not whole".to_owned()), &awaiting).await;
    assert!(now(&bench, &cases).await.iter().all(|case| case.status != Status::AwaitingApproval));
}

/// The batch goes last: a case that somebody changed leaves it where it can be sent back once more.
pub async fn a_long_batch_that_was_sent_back_in_part_is_sent_back_again(bench: Bench) {
    let (cases, batch) = drafted(&bench, 50).await;
    let seen = done(&bench, &batch, "ann", Step::Propose(token("ann")), &cases).await;
    let awaiting = now(&bench, &cases).await;
    bench.ledger.act(&awaiting[49], &CaseAct::Assign(person("eve")), &person("eve"), NOW).await.unwrap();
    let back = Step::SendBack("not these".to_owned());
    assert_eq!(step(&bench, &seen, back.clone(), &awaiting, "ben").await, Acted::Changed);
    assert_eq!(bench.ledger.batch(&batch.id).await, Ok(Some(seen.clone())));
    let fresh = now(&bench, &cases).await;
    let rest: Vec<FiledCase> = fresh.into_iter().filter(|case| case.status == Status::AwaitingApproval).collect();
    assert_eq!(rest.len(), 10);
    done(&bench, &seen, "ben", back, &rest).await;
}
