//! What people look for beside the queue: resolved cases by period, what awaits their approval, payouts by other ids.

use std::collections::BTreeSet;

use payonce_ledger::{Acted, Batch, Case, CaseAct, FiledCase, Period, Queue, RefusalNote, Step, ToApprove};
use payonce_protocol::case::Ending;
use payonce_protocol::ids::CaseId;
use payonce_protocol::outcome::Reason;

use crate::bench::{Bench, NOW, case_of, claim, person, proposal};

const DAY_MS: u64 = 86_400_000;

async fn act(bench: &Bench, seen: &FiledCase, doing: CaseAct, by: &str, at: u64) -> FiledCase {
    match bench.ledger.act(seen, &doing, &person(by), at).await {
        Ok(Acted::Done(case)) => *case,
        other => panic!("{other:?}"),
    }
}

/// About no key, so that nothing must be closed before it ends.
async fn opened(bench: &Bench, number: u64) -> FiledCase {
    let case = Case::new(Reason::InvalidEvent, vec![format!("evt_{number}")], NOW + number);
    bench.ledger.open_case(&case).await.unwrap();
    bench.ledger.case(&case.id()).await.unwrap().unwrap()
}

async fn proposed(bench: &Bench, number: u64, by: &str) -> FiledCase {
    let seen = opened(bench, number).await;
    let proposal = proposal(&seen, Ending::NotPaid, &person(by));
    act(bench, &seen, CaseAct::Propose(proposal, None), by, NOW).await
}

async fn resolved(bench: &Bench, number: u64, at: u64) -> FiledCase {
    let seen = proposed(bench, number, "ann").await;
    let bound = bench.ledger.bound(&seen).await.unwrap().unwrap();
    act(bench, &seen, CaseAct::Approve("seen".to_owned(), bound), "ben", at).await
}

async fn all_pages(bench: &Bench, period: Period, at_most: usize) -> Vec<(u64, CaseId)> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = bench.ledger.resolved(period, at_most, cursor.as_ref(), |_| true).await.unwrap();
        assert!(page.cases.len() == at_most || page.next.is_none());
        all.extend(page.cases.iter().map(|filed| (filed.resolution.as_ref().unwrap().at, filed.case.id())));
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

pub async fn resolved_cases_of_a_period_come_once_each_and_the_latest_first(bench: Bench) {
    // Over three partitions of four weeks, and several of one moment.
    let at = |number: u64| NOW + number / 3 * 5 * DAY_MS;
    for number in 0..40 {
        resolved(&bench, number, at(number)).await;
    }
    bench.proxy.forget();
    let whole = Period { from: NOW, until: at(39) + 1 };
    for at_most in [1, 2, 7, 40, 50] {
        let all = all_pages(&bench, whole, at_most).await;
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (40, 40), "{at_most}");
        assert!(all.is_sorted_by_key(|(at, id)| (std::cmp::Reverse(*at), id.to_string())), "{at_most}");
    }
    let full = bench.ledger.resolved(whole, 40, None, |_| true).await.unwrap();
    assert_eq!((full.cases.len(), full.next), (40, None), "nothing follows a page that is just full");
    assert_eq!(bench.proxy.count("Scan"), 0);
    // Both ends are held: the first moment is in it, the last is not.
    let part = Period { from: at(3), until: at(9) };
    let all = all_pages(&bench, part, 50).await;
    assert_eq!(all.iter().map(|(at, _)| *at).collect::<BTreeSet<_>>(), [at(3), at(6)].into());
    assert_eq!(all_pages(&bench, Period { from: at(39) + 1, until: at(39) + 2 }, 50).await, []);
    assert_eq!(all_pages(&bench, Period { from: NOW, until: NOW }, 50).await, []);
    // What is work again is not among them.
    let seen = opened(&bench, 0).await;
    act(&bench, &seen, CaseAct::Reopen("again".to_owned()), "ann", NOW).await;
    assert_eq!(all_pages(&bench, whole, 50).await.len(), 39);
}

pub async fn what_awaits_approval_is_counted_for_others_than_its_maker(bench: Bench) {
    let counted = async |me: &str| bench.ledger.count_to_approve(me).await.unwrap();
    let exactly = |count| ToApprove { count, is_more: false };
    assert_eq!(counted("ben").await, exactly(0));
    let seen = proposed(&bench, 1, "ann").await;
    proposed(&bench, 2, "ben").await;
    opened(&bench, 3).await;
    assert_eq!(
        (counted("ann").await, counted("ben").await, counted("dee").await),
        (exactly(1), exactly(1), exactly(2))
    );
    // A batch is one thing to decide, and its lines are none.
    let line = case_of(&claim("pi_1", 1), Reason::PayoutNotSent);
    bench.ledger.open_case(&line).await.unwrap();
    let line = bench.ledger.case(&line.id()).await.unwrap().unwrap();
    let batch = Batch::new(vec![crate::batches::line(&line)], person("ann"), NOW);
    bench.ledger.draft_batch(&batch).await.unwrap();
    assert_eq!(counted("ben").await, exactly(1), "nobody signed a draft");
    let propose = Step::Propose("token".to_owned());
    bench.ledger.move_batch(&batch, &propose, std::slice::from_ref(&line), &person("ann"), NOW).await.unwrap();
    assert_eq!((counted("ann").await, counted("ben").await), (exactly(1), exactly(2)));
    let batches = bench.ledger.batches_to_approve("ben").await.unwrap();
    assert_eq!(batches.iter().map(|waiting| &waiting.id).collect::<Vec<_>>(), [&batch.id]);
    assert_eq!(bench.ledger.batches_to_approve("ann").await, Ok(vec![]));
    // The list has the cases alone.
    let page = bench.ledger.queue(Queue::Awaiting, 50, None, false, |_| true).await.unwrap();
    assert_eq!(page.cases.len(), 2);
    // Sent back, it waits for nobody but its maker, who finds it by that.
    let seen = act(&bench, &seen, CaseAct::SendBack("which statement?".to_owned()), "ben", NOW).await;
    assert_eq!((counted("ben").await, seen.sent_back.as_ref()), (exactly(1), Some(&person("ann"))));
    assert_eq!(bench.ledger.case(&seen.case.id()).await, Ok(Some(seen.clone())), "it comes back as it was written");
    let again = CaseAct::Propose(proposal(&seen, Ending::NotPaid, &person("ann")), None);
    let seen = act(&bench, &seen, again, "ann", NOW).await;
    assert_eq!((counted("ben").await, seen.sent_back), (exactly(2), None));
}

/// Every page that an approver opens counts: it must cost little, however much waits.
pub async fn counting_what_awaits_approval_ends_after_a_hundred(bench: Bench) {
    for number in 0..120 {
        proposed(&bench, number, "ann").await;
    }
    bench.proxy.forget();
    assert_eq!(bench.ledger.count_to_approve("ben").await, Ok(ToApprove { count: 100, is_more: true }));
    assert_eq!(bench.proxy.count("Query"), 1);
}

pub async fn payout_is_found_by_its_event_and_its_rail_key(bench: Bench) {
    let ours = claim("pi_1", 1);
    bench.ledger.put_claim(&ours).await;
    let note = RefusalNote {
        key: claim("pi_2", 2).key,
        event: ours.event.clone(),
        provider: ours.provider.clone(),
        money: ours.money,
        destination: ours.destination.clone(),
        refused_at: NOW,
        final_after: NOW + 1,
    };
    bench.ledger.note_refusal(&note).await.unwrap();
    let found = async |id: &str| bench.ledger.keys_of_id(id).await.unwrap();
    assert_eq!(found(ours.event.as_str()).await, [ours.key.clone(), note.key]);
    assert_eq!(found(&ours.rail_key).await, [ours.key]);
    assert_eq!(found("evt_unknown").await, []);
}
