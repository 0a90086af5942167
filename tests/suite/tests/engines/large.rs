//! A hundred thousand cases of which ten thousand are open: what a page of the queue asks of the table, in requests and in
//! read units. SQLite's milliseconds would say nothing about DynamoDB.

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt, TryStreamExt, stream};
use payonce_ledger::{Case, Cursor, Queue, item_size};
use payonce_protocol::ids::Shards;
use payonce_protocol::outcome::Reason;
use payonce_suite::dynamo::Engine;

use crate::bench::{Bench, Item, NOW, case_of, claim, item_of};

const CASES: usize = 100_000;
const OPEN: usize = 10_000;

/// Eventually consistent reads: half a unit for each 4 KB that a request reads.
fn half_units(items: &[Item]) -> usize {
    items.iter().map(item_size).sum::<usize>().div_ceil(4096)
}

/// Requests, and read units, since the proxy forgot.
fn cost(bench: &Bench) -> (usize, usize) {
    let seen = bench.proxy.seen();
    assert!(seen.iter().all(|seen| seen.target == "Query"), "nothing but queries");
    // On a busy machine the client may give up on one and ask it again; only what was answered is counted.
    let answers: Vec<_> = seen.iter().filter_map(|seen| seen.engine.as_ref()).collect();
    let halves = answers
        .iter()
        .map(|(_, answer)| half_units(&answer["Items"].as_array().unwrap().iter().map(item_of).collect::<Vec<_>>()));
    (answers.len(), halves.sum::<usize>().div_ceil(2))
}

fn numbered(number: usize) -> Case {
    let reason = if number.is_multiple_of(3) { Reason::PayoutUnknown } else { Reason::PayoutNotSent };
    let cause = if number.is_multiple_of(7) { "timeout" } else { "balance_insufficient" };
    let case = case_of(&claim(&format!("pi_{number}"), 1), reason);
    Case { since: NOW + number as u64, opened_at: NOW + number as u64, ..case }.of_cause(cause)
}

/// As open cases stand in the table, written past the ledger: one transaction for each would take an hour.
async fn seed(bench: &Bench) {
    let first = numbered(0);
    bench.ledger.open_case(&first).await.unwrap();
    let form = bench.reconcile(first.id(), "case").await.unwrap();
    let text = |text: String| AttributeValue::S(text);
    let item = |number: usize| {
        let case = numbered(number);
        let id = case.id().to_string();
        let mut item = form.clone();
        item.insert("pk".to_owned(), text(id.clone()));
        item.insert("key".to_owned(), text(case.key.as_ref().unwrap().to_string()));
        item.insert("event".to_owned(), text(case.event.as_ref().unwrap().to_string()));
        item.insert("subject".to_owned(), AttributeValue::L(case.subject.iter().cloned().map(text).collect()));
        item.insert("reason".to_owned(), text(case.reason.to_string()));
        item.insert("since".to_owned(), AttributeValue::N(case.since.to_string()));
        if number < OPEN {
            // All of one sum: what tells them apart is their age.
            let risk = form["risk"].as_s().unwrap();
            let (same, _) = risk.rsplit_once('#').unwrap();
            item.insert("risk".to_owned(), text(format!("{same}#{:020}", u64::MAX - case.since)));
            item.insert("open".to_owned(), text(format!("open#{}", &id[..1])));
            let shard = Shards::OF_INCIDENT.of_case(&case.id());
            item.insert("open_incident".to_owned(), text(format!("{shard}#{}", case.incident.unwrap())));
            item.insert("open_owner".to_owned(), text(format!("person {}", number % 40)));
        } else {
            for left in ["open", "risk", "open_incident"] {
                item.remove(left);
            }
            item.insert("status".to_owned(), text("resolved".to_owned()));
        }
        item
    };
    let write = |numbers: Vec<usize>| async move {
        let puts = numbers.into_iter().map(|number| {
            let put = PutRequest::builder().set_item(Some(item(number))).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let batch = bench.client.batch_write_item().request_items(&bench.tables.reconcile, puts.collect());
        batch.send().await.map(|written| assert!(written.unprocessed_items().is_none_or(|left| left.is_empty())))
    };
    let numbers: Vec<Vec<usize>> = (1..CASES).collect::<Vec<_>>().chunks(25).map(<[usize]>::to_vec).collect();
    stream::iter(numbers).map(write).buffer_unordered(4).try_collect::<Vec<_>>().await.unwrap();
}

#[test]
fn page_of_the_queue_reads_a_bounded_part() {
    crate::run(Engine::start(), async |bench: Bench| {
        seed(&bench).await;
        let cost_of = async |queue: Queue<'_>, cursor: Option<&Cursor>, is_filtered, wanted: &dyn Fn(usize) -> bool| {
            bench.proxy.forget();
            let place = |case: &Case| usize::try_from(case.since - NOW).unwrap();
            let keeps = |filed: &payonce_ledger::FiledCase| wanted(place(&filed.case));
            let page = bench.ledger.queue(queue, 50, cursor, is_filtered, keeps).await.unwrap();
            let (requests, units) = cost(&bench);
            println!(
                "{queue:?} filtered {is_filtered}: {} cases, {requests} requests, {units} read units",
                page.cases.len()
            );
            (page, requests, units)
        };
        let all = |_: usize| true;
        for queue in [Queue::Age, Queue::Risk] {
            let (first, requests, units) = cost_of(queue, None, false, &all).await;
            assert!(first.cases.len() == 50 && requests <= 32 && units <= 40, "{requests} {units}");
            let (second, requests, units) = cost_of(queue, first.next.as_ref(), false, &all).await;
            assert!(second.cases.len() == 50 && requests <= 32 && units <= 40, "{requests} {units}");
        }
        let incident = numbered(0).incident.unwrap();
        let (page, requests, units) = cost_of(Queue::Owner("person 7"), None, false, &all).await;
        assert!(page.cases.len() == 50 && requests <= 2 && units <= 200, "{requests} {units}");
        // Each shard once, and few of them again.
        let (first, requests, units) = cost_of(Queue::Incident(&incident), None, false, &all).await;
        assert!(first.cases.len() == 50 && requests <= 14 && units <= 40, "{requests} {units}");
        let (second, requests, units) = cost_of(Queue::Incident(&incident), first.next.as_ref(), false, &all).await;
        assert!(second.cases.len() == 50 && requests <= 14 && units <= 40, "{requests} {units}");
        // The rarest of filters: it reads what is open, and no more.
        let (page, requests, units) = cost_of(Queue::Age, None, true, &|number| number == OPEN - 1).await;
        assert!(page.cases.len() == 1 && requests <= 32 && units <= 2_000, "{requests} {units}");
        // By an id: one query for each index, whatever became of the case.
        bench.proxy.forget();
        let found = bench.ledger.cases_of_key("stripe/pi_99999").await.unwrap();
        assert_eq!((found.len(), cost(&bench)), (1, (1, 1)));
        assert_eq!(found[0].case.since, NOW + 99_999);
    });
}
