//! What two people may try again as one list: payouts that were surely not paid, one after the other, and none after one that
//! failed.

use payer::{Answer, OneLine, Request};
use payonce_end_to_end::{Desk, PAYEE, World, approval, cut_after, filed, key_of, payment};
use payonce_ledger::{Batch, Case, CaseAct, Claim, OutcomeRecord, Who};
use payonce_protocol::approval::Approval;
use payonce_protocol::case::{Ending, Status};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::AttemptId;
use payonce_protocol::order::{Destination, PayoutKey};
use payonce_protocol::outcome::{Outcome, Verdict};

use crate::further_attempts::{attempted, case_of, not_sent_too, set_hold, why};

/// Payouts to these payees that never left, because payouts were held; the list as the page shows it.
async fn held(payees: &[&str]) -> (World, Desk, Vec<PayoutKey>, Vec<Approval>) {
    let mut world = World::start().await;
    world.deliver(&payment("before", PAYEE, world.clock.now())).await;
    set_hold(&mut world, Hold::Record).await;
    let (mut keys, mut lines) = (vec![], vec![]);
    for (number, payee) in payees.iter().enumerate() {
        let event = payment(&number.to_string(), payee, world.clock.now());
        assert_eq!(world.deliver(&event).await.outcome(), "not_sent");
        let seen = filed(&world, &case_of(&world, &key_of(&event)).await.id()).await;
        lines.push(approval(&world, &seen, Ending::Reissue, 2, 1));
        keys.push(key_of(&event));
    }
    set_hold(&mut world, Hold::Pay).await;
    (world, Desk::new(), keys, lines)
}

fn line(batch: &Batch, line: usize) -> Request {
    Request::Line(OneLine { batch: batch.id.clone(), line })
}

fn executed(world: &World, keys: &[PayoutKey]) -> Vec<usize> {
    keys.iter().map(|key| world.executed(key).len()).collect()
}

#[tokio::test]
async fn pays_each_line_once_and_in_turn() {
    let (world, mut desk, keys, lines) = held(&[PAYEE, PAYEE, PAYEE]).await;
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    for (number, expected) in [(1, "line_before"), (2, "line_before"), (3, "no_batch")] {
        assert_eq!(why(&desk.ask(&world, &line(&batch, number)).await), expected);
    }
    assert_eq!(executed(&world, &keys), [0, 0, 0]);
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(desk.ask(&world, &line(&batch, number)).await, attempted(key, 2, "accepted"));
        assert_eq!(why(&desk.ask(&world, &line(&batch, number)).await), "not_awaited", "again");
    }
    assert_eq!(executed(&world, &keys), [1, 1, 1]);
    for approval in &lines {
        let case = filed(&world, &approval.case).await;
        assert_eq!((case.status, case.resolution.unwrap().attempt), (Status::Resolved, Some(2)));
        let history = world.ledger.history(&approval.case).await.unwrap();
        assert_eq!(history.last().unwrap().facts.get(FactName::Batch).unwrap(), batch.id);
    }
}

#[tokio::test]
async fn stops_after_a_line_that_failed() {
    let (world, mut desk, keys, lines) = held(&[PAYEE, "acct_sandboxRefuses", PAYEE]).await;
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    let mut answers = Vec::new();
    for number in 0..3 {
        answers.push(desk.ask(&world, &line(&batch, number)).await);
    }
    assert_eq!(answers.iter().map(why).collect::<Vec<_>>(), ["accepted", "rejected", "line_before"]);
    assert_eq!(executed(&world, &keys), [1, 0, 0]);
    assert_eq!(world.ledger.read_claim(&keys[2], 2).await, Ok(None));
}

/// A limiter, or a key that was revoked: the rail says that it did not begin, and its key is fresh. A thousand of these must
/// not be a thousand proposals.
#[tokio::test]
async fn what_the_rail_refused_before_it_began_is_released_as_a_list() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let (mut keys, mut lines) = (vec![], vec![]);
    for name in ["1", "2"] {
        let event = payment(name, "acct_sandboxLimits", world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "payout_rejected");
        let seen = filed(&world, &case_of(&world, &key_of(&event)).await.id()).await;
        // The same rail key, and so the same bytes.
        lines.push(approval(&world, &seen, Ending::Reissue, 2, 1));
        keys.push(key_of(&event));
    }
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    assert_eq!(why(&desk.ask(&world, &line(&batch, 1)).await), "line_before");
    // The limiter limits still: one request for this line, and none for the next.
    let before = world.payout_requests();
    assert_eq!(desk.ask(&world, &line(&batch, 0)).await, attempted(&keys[0], 2, "rejected"));
    assert_eq!(why(&desk.ask(&world, &line(&batch, 1)).await), "line_before");
    assert_eq!(world.payout_requests(), before + 1);
}

/// A later request under the same rail key says nothing of the one before, which may have paid.
#[tokio::test]
async fn what_was_not_begun_under_an_uncertain_key_is_not_released_as_a_list() {
    for verdict in [Verdict::NOT_SENT, Verdict { not_begun: true, ..Verdict::plain(Outcome::Rejected) }] {
        let world = World::start().await;
        let mut desk = Desk::new();
        let event = payment("1", "acct_sandboxDies", world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "payout_unknown");
        let key = key_of(&event);
        world.clock.advance(3_600_000);
        let first = world.ledger.read_claim(&key, 1).await.unwrap().unwrap();
        let second = Claim { attempt: 2, attempt_id: AttemptId([2; 16]), ..first };
        assert_eq!(world.ledger.put_claim(&second).await, ClaimAnswer::Written);
        let outcome = OutcomeRecord { verdict, evidence: Facts::default(), recorded_at: world.clock.now() };
        let case = Case::of_claim(verdict.reason().unwrap(), &second, world.clock.now());
        assert_eq!(world.ledger.record(&second, &outcome, Some(&case)).await, Recorded::Durable);

        let lines = [approval(&world, &filed(&world, &case.id()).await, Ending::Reissue, 3, 1)];
        let batch = desk.batch(&world, &lines, lines.to_vec()).await;
        assert_eq!(why(&desk.ask(&world, &line(&batch, 0)).await), "not_awaited", "{verdict:?}");
        assert_eq!(world.ledger.read_claim(&key, 3).await, Ok(None));
        assert_eq!(executed(&world, &[key]), [0]);
    }
}

/// Many refusals of one cause are one decision: the rail said in full that nothing was paid. Each takes its next rail key.
#[tokio::test]
async fn what_the_rail_refused_in_full_is_tried_again_as_a_list() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let (mut keys, mut lines) = (vec![], vec![]);
    for name in ["1", "2"] {
        let event = payment(name, "acct_sandboxRefuses", world.clock.now());
        assert_eq!(world.deliver(&event).await.reason(), "payout_rejected");
        let seen = filed(&world, &case_of(&world, &key_of(&event)).await.id()).await;
        lines.push(approval(&world, &seen, Ending::Reissue, 2, 2));
        keys.push(key_of(&event));
    }
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    // The rail refuses the first again: the second is not asked for.
    assert_eq!(desk.ask(&world, &line(&batch, 0)).await, attempted(&keys[0], 2, "rejected"));
    assert_eq!(why(&desk.ask(&world, &line(&batch, 1)).await), "line_before");
    assert_eq!(world.ledger.read_claim(&keys[0], 2).await.unwrap().unwrap().key_generation, 2);
    assert_eq!(world.ledger.read_claim(&keys[1], 2).await, Ok(None));
}

/// Whatever the list says, and whoever signed it.
#[tokio::test]
async fn an_unknown_payout_is_not_tried_again_as_a_list() {
    let world = World::start().await;
    let mut desk = Desk::new();
    let event = payment("1", "acct_sandboxDies", world.clock.now());
    world.deliver(&event).await;
    let seen = filed(&world, &case_of(&world, &key_of(&event)).await.id()).await;
    world.clock.advance(48 * 3_600_000);
    let lines = [approval(&world, &seen, Ending::Reissue, 2, 2)];
    let batch = desk.batch(&world, &lines, lines.to_vec()).await;
    desk.ask(&world, &line(&batch, 0)).await;
    let answer = desk.ask(&world, &line(&batch, 0)).await;
    assert!(["not_awaited", "look_up_first"].contains(&why(&answer)), "{answer:?}");
    assert_eq!(world.ledger.read_claim(&key_of(&event), 2).await, Ok(None));
}

/// Whoever owns the console writes the list as they like; what the people signed is another one then.
#[tokio::test]
async fn refuses_a_list_that_nobody_signed() {
    type Lie = fn(&mut Vec<Approval>);
    let lies: [(&str, Lie); 7] = [
        ("token", |lines| lines.swap(0, 1)),
        ("token", |lines| drop(lines.pop())),
        ("other_line", |lines| lines[0].note = "another".to_owned()),
        ("other_line", |lines| lines[0].destination = Destination::new("acct_evil").unwrap()),
        ("other_key", |lines| lines[0].key_generation = 2),
        ("other_line", |lines| lines[0].attempt = 3),
        ("token", |_| ()),
    ];
    for (number, (expected, lie)) in lies.into_iter().enumerate() {
        let (world, mut desk, keys, lines) = held(&[PAYEE, PAYEE]).await;
        let mut written = lines.clone();
        lie(&mut written);
        // The last one is told to the people in another order than it is written.
        let signed: Vec<Approval> = if number == 6 { lines.iter().rev().cloned().collect() } else { lines };
        let batch = desk.batch(&world, &signed, written).await;
        let answer = desk.ask(&world, &line(&batch, 0)).await;
        // A proposal takes its words from the list, so that a changed word shows in the signature alone.
        let expected = if number == 2 { "token" } else { expected };
        assert_eq!(why(&answer), expected, "lie {number}: {answer:?}");
        assert_eq!(executed(&world, &keys), [0, 0], "lie {number}");
    }
}

/// A case of the list is changed, or proposed anew by others; the list speaks of it as it was.
#[tokio::test]
async fn refuses_a_case_that_left_the_list() {
    let (world, mut desk, keys, lines) = held(&[PAYEE, PAYEE]).await;
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    let seen = filed(&world, &lines[0].case).await;
    let back = CaseAct::SendBack("not this one".to_owned());
    world.ledger.act(&seen, &back, &Who::function("eve"), world.clock.now()).await.unwrap();
    assert_eq!(why(&desk.ask(&world, &line(&batch, 0)).await), "not_awaited");
    assert_eq!(why(&desk.ask(&world, &line(&batch, 1)).await), "line_before");
    let shown = desk.propose(&world, &seen.case, Ending::Reissue, 2, 1).await;
    assert_eq!(why(&desk.ask(&world, &line(&batch, 0)).await), "other_line", "it awaits approval, by another proposal");
    let request = desk.approves(&world, &shown);
    assert_eq!(desk.ask(&world, &request).await, attempted(&keys[0], 2, "accepted"));
    assert_eq!(executed(&world, &keys), [1, 0]);
}

#[tokio::test]
async fn approval_of_a_batch_counts_in_its_time_and_as_a_list_alone() {
    let (world, mut desk, keys, lines) = held(&[PAYEE, PAYEE]).await;
    let other = {
        world.ledger.set_hold(Hold::Record, "a person", "a test", world.clock.now()).await.unwrap();
        world.clock.advance(5_000);
        let other = not_sent_too(&world, "other").await;
        world.ledger.set_hold(Hold::Pay, "a person", "a test", world.clock.now()).await.unwrap();
        other
    };
    // Approved as a list only: alone it is nothing that anybody signed.
    let batch = desk.batch(&world, &lines, lines.clone()).await;
    let alone = payonce_end_to_end::Shown { case: lines[0].case.clone(), approval: lines[0].clone() };
    let request = desk.approves(&world, &alone);
    assert_eq!(why(&desk.ask(&world, &request).await), "token");
    assert_eq!(desk.ask(&world, &line(&batch, 0)).await, attempted(&keys[0], 2, "accepted"));
    world.clock.advance(31 * 60_000);
    let answer: Answer = desk.ask(&world, &line(&batch, 1)).await;
    assert_eq!(why(&answer), "token", "{answer:?}");
    assert_eq!(executed(&world, &keys), [1, 0]);
    assert_eq!(world.executed(&other).len(), 0);
}

/// payer is dropped at its k-th wait in the first of two lines; then the console asks again for both.
#[tokio::test]
async fn survives_a_crash_at_any_step_of_a_line() {
    let mut waits = 1;
    loop {
        let (world, mut desk, keys, lines) = held(&[PAYEE, PAYEE]).await;
        let batch = desk.batch(&world, &lines, lines.clone()).await;
        let (payer, first, deadline) = (desk.payer(&world), line(&batch, 0), world.clock.now() + 25_000);
        let whole = cut_after(waits, payer.answer(&first, "1", deadline)).await.is_some();
        let (again, next) = (desk.ask(&world, &first).await, desk.ask(&world, &line(&batch, 1)).await);
        let what = format!("cut after {waits} waits, then {} and {}", why(&again), why(&next));
        let paid = executed(&world, &keys);
        assert!(paid.iter().all(|times| *times <= 1), "{what}: {paid:?}");
        assert!(paid[1] == 0 || paid[0] == 1, "{what}: {paid:?}");
        if whole {
            break;
        }
        waits += 1;
        assert!(waits < 500);
    }
    assert!(waits > 12, "a line waits more often than {waits} times");
}
