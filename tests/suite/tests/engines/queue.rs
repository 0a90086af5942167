//! The queue, page by page, and what it asks of the table.

use std::collections::BTreeSet;

use payonce_ledger::{Acted, Case, CaseAct, FiledCase, Queue};
use payonce_protocol::case::Ending;
use payonce_protocol::money::Money;
use payonce_protocol::outcome::Reason;

use crate::acts::approve;
use crate::bench::{Bench, NOW, case_of, claim, person, proposal, text};

fn cases(count: u64) -> Vec<Case> {
    let reasons = [Reason::PayoutUnknown, Reason::PayoutNotSent, Reason::InvalidEvent];
    let currencies = ["EUR", "JPY", "USD"];
    (0..count)
        .map(|number| {
            let index = usize::try_from(number).unwrap();
            let mut case = case_of(&claim(&format!("pi_{number}"), 1), reasons[index % 3]).of_cause("timeout");
            let exponent = if currencies[index % 2] == "JPY" { 0 } else { 2 };
            case.money = Money::new(100 + (number * 37) % 1000, exponent, currencies[index % 2].parse().unwrap()).ok();
            // Many of one moment, so that a page may end within it.
            case.since = NOW + (number * 7) % 11;
            case.opened_at = case.since;
            case
        })
        .collect()
}

async fn all_pages(bench: &Bench, queue: Queue<'_>, at_most: usize) -> Vec<FiledCase> {
    let (mut all, mut cursor) = (vec![], None);
    loop {
        let page = bench.ledger.queue(queue, at_most, cursor.as_ref(), false, |_| true).await.unwrap();
        assert!(page.cases.len() == at_most || page.next.is_none());
        all.extend(page.cases);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

pub async fn pages_show_each_case_once(bench: Bench) {
    let cases = cases(120);
    for case in &cases {
        bench.ledger.open_case(case).await.unwrap();
    }
    for (queue, at_most) in [(Queue::Age, 7), (Queue::Age, 50), (Queue::Risk, 7), (Queue::Risk, 119), (Queue::Age, 120)]
    {
        let all = all_pages(&bench, queue, at_most).await;
        let ids: BTreeSet<_> = all.iter().map(|filed| filed.case.id()).collect();
        assert_eq!((all.len(), ids.len()), (120, 120), "{queue:?} {at_most}");
    }
    let by_age = all_pages(&bench, Queue::Age, 50).await;
    assert!(by_age.is_sorted_by_key(|filed| (filed.case.since, filed.case.id())));
    let by_risk = all_pages(&bench, Queue::Risk, 50).await;
    // What may have been paid unseen first; within a currency the largest first; never one currency against another.
    let place = |filed: &FiledCase| {
        let money = filed.case.money.unwrap();
        let rank = match filed.case.reason {
            Reason::PayoutUnknown => 0,
            Reason::PayoutNotSent => 1,
            _ => 2,
        };
        (rank, std::cmp::Reverse(money.currency()), std::cmp::Reverse(money.minor()), filed.case.since)
    };
    assert!(by_risk.is_sorted_by_key(place));
    let wanted = |filed: &FiledCase| filed.case.money.unwrap().minor() < 150;
    let few = bench.ledger.queue(Queue::Age, 5, None, true, wanted).await.unwrap();
    assert!(few.cases.iter().all(wanted) && few.cases.len() == 5);
    let rest = bench.ledger.queue(Queue::Age, 500, few.next.as_ref(), true, wanted).await.unwrap();
    assert_eq!(few.cases.len() + rest.cases.len(), by_age.iter().filter(|filed| wanted(filed)).count());
    assert_eq!(bench.proxy.count("Scan"), 0);
}

/// Under one partition of the index an outage's cases would push back on the transactions that record its outcomes.
pub async fn an_incident_is_spread_over_partitions_and_paged_as_one(bench: Bench) {
    let cases: Vec<Case> =
        cases(360).into_iter().filter(|case| case.reason == Reason::PayoutUnknown).take(100).collect();
    let name = cases[0].incident.clone().unwrap();
    let neighbour = case_of(&claim("pi_neighbour", 1), Reason::PayoutUnknown).of_cause("timeout_of_another");
    for case in cases.iter().chain([&neighbour]) {
        bench.ledger.open_case(case).await.unwrap();
    }
    let partition =
        async |case: &Case| bench.reconcile(case.id(), "case").await.unwrap()["open_incident"].as_s().unwrap().clone();
    let mut partitions = BTreeSet::new();
    for case in &cases {
        partitions.insert(partition(case).await);
    }
    assert_eq!(partitions, (0..8).map(|shard| format!("{shard}#{name}")).collect());
    // Older versions listed an incident under its name alone.
    for case in cases.iter().step_by(3) {
        let mut item = bench.reconcile(case.id(), "case").await.unwrap();
        item.insert("open_incident".to_owned(), text(&name));
        bench.plant(&bench.tables.reconcile, item).await;
    }
    for at_most in [1, 7, 50, 99, 100] {
        let all = all_pages(&bench, Queue::Incident(&name), at_most).await;
        let ids: BTreeSet<_> = all.iter().map(|filed| filed.case.id()).collect();
        assert_eq!((all.len(), ids.len()), (100, 100), "{at_most}");
        assert!(all.is_sorted_by_key(|filed| (filed.case.since, filed.case.id())), "{at_most}");
        assert!(all.iter().all(|filed| filed.case.incident.as_ref() == Some(&name)));
    }
    // The next thing that a person does with such a case lists it as all others.
    let seen = bench.ledger.case(&cases[0].id()).await.unwrap().unwrap();
    assert_eq!(partition(&seen.case).await, name);
    let acted = bench.ledger.act(&seen, &CaseAct::Assign(person("ann")), &person("ann"), NOW).await;
    assert!(matches!(acted, Ok(Acted::Done(_))), "{acted:?}");
    assert!(partitions.contains(&partition(&seen.case).await));
    assert_eq!(all_pages(&bench, Queue::Incident(&name), 50).await.len(), 100);
}

pub async fn case_leaves_its_old_queue(bench: Bench) {
    let cases = cases(3);
    let ann = person("ann");
    for case in &cases {
        bench.ledger.open_case(case).await.unwrap();
    }
    let seen = bench.ledger.case(&cases[0].id()).await.unwrap().unwrap();
    let incident = cases[0].incident.clone().unwrap();
    let act =
        async |seen: &FiledCase, doing: CaseAct, by: &str| match bench.ledger.act(seen, &doing, &person(by), NOW).await
        {
            Ok(Acted::Done(case)) => *case,
            other => panic!("{other:?}"),
        };
    let found = async |queue| bench.ledger.queue(queue, 10, None, false, |_| true).await.unwrap().cases;
    assert_eq!(found(Queue::Owner("ann")).await, []);
    let seen = act(&seen, CaseAct::Assign(ann.clone()), "ann").await;
    assert_eq!(found(Queue::Owner("ann")).await, std::slice::from_ref(&seen));
    assert_eq!(found(Queue::Incident(&incident)).await, std::slice::from_ref(&seen));
    let seen = act(&seen, CaseAct::Propose(proposal(&seen, Ending::WrittenOff, &ann), None), "ann").await;
    bench.ledger.put_claim(&claim("pi_0", 1)).await;
    let agreed = approve(&bench, &seen, "yes").await;
    let seen = act(&seen, agreed, "ben").await;
    assert_eq!(found(Queue::Owner("ann")).await, []);
    assert_eq!(found(Queue::Incident(&incident)).await, []);
    assert_eq!((found(Queue::Age).await.len(), found(Queue::Risk).await.len()), (2, 2));
    // A resolved case is still found by what it is about.
    let key = seen.case.key.clone().unwrap();
    assert_eq!(bench.ledger.cases_of_key(key.as_str()).await, Ok(vec![seen.clone()]));
    assert_eq!(bench.ledger.cases_of_event(seen.case.event.as_ref().unwrap().as_str()).await.unwrap().len(), 1);
    let seen = act(&seen, CaseAct::Reopen("again".to_owned()), "ann").await;
    assert_eq!(found(Queue::Owner("ann")).await, [seen]);
}
