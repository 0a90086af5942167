//! What is promised about cost: at most six write units for an ordinary event, one for a duplicate. Counted from the
//! requests that were really sent.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use payonce_ledger::{item_size, write_units};
use payonce_protocol::event::{ClaimAnswer, Recorded};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::Digest;
use payonce_protocol::money::{MAX_MINOR, Money};
use payonce_protocol::order::{
    Destination, EventId, MAX_DESTINATION_BYTES, MAX_EVENT_ID_BYTES, MAX_KEY_BYTES, PayoutKey,
};
use payonce_protocol::outcome::Outcome;

use crate::bench::{Bench, Item, NOW, claim, item_of, outcome, text};

/// Units of everything that the proxy saw, by AWS's rule; a failed condition costs what a write costs, without indexes.
fn units(bench: &Bench) -> usize {
    bench
        .proxy
        .seen()
        .iter()
        .map(|seen| match seen.target.as_str() {
            "PutItem" => {
                let item = item_of(&seen.body["Item"]);
                let was_written = seen.engine.as_ref().is_some_and(|(status, _)| *status == 200);
                write_units(item_size(&item)) + usize::from(was_written) * index_units(&item)
            }
            "GetItem" | "Query" => 0,
            other => panic!("{other} is not counted"),
        })
        .sum()
}

/// One for each index whose keys the item has: by minute, by event, by rail key.
fn index_units(item: &Item) -> usize {
    let indexes: [&[&str]; 3] = [&["bucket", "received_at"], &["event"], &["rail_key"]];
    let units = |keys: &&[&str]| {
        let is_projected = |name: &str| ["pk", "sk"].contains(&name) || keys.contains(&name);
        let row: Item =
            item.iter().filter(|(name, _)| is_projected(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        if keys.iter().all(|key| item.contains_key(*key)) { write_units(item_size(&row)) } else { 0 }
    };
    indexes.iter().map(units).sum()
}

pub async fn an_ordinary_event_costs_at_most_six_units(bench: Bench) {
    let body = include_bytes!("stripe_event_3kb.json");
    assert!((2_900..3_300).contains(&body.len()), "{}", body.len());
    let mut ours = claim("pi_3PXyz0GhIjKlMnOp1QrStUvW", 1);
    ours.body = Digest::of(body);
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    assert_eq!(units(&bench), 4);
    assert_eq!(bench.ledger.put_body(ours.body, body, NOW, 400).await, Ok(()));
    let mut accepted = outcome(Outcome::Accepted);
    accepted.evidence.add_all(Facts::from([
        (FactName::Offered, "612".to_owned()),
        (FactName::FirstByteAt, NOW.to_string()),
        (FactName::AnsweredAt, NOW.to_string()),
        (FactName::RailPayout, "tr_1PXyz0GhIjKlMnOpQrStUvWx".to_owned()),
        (FactName::RailStatus, "transferred".to_owned()),
        (FactName::RailRequest, "req_AbCdEfGhIjKlMn".to_owned()),
    ]));
    assert_eq!(bench.ledger.record(&ours, &accepted, None).await, Recorded::Durable);
    let spent = units(&bench);
    println!("an ordinary event: {spent} write units");
    assert!(spent <= 6, "{spent} write units");
    assert_eq!(bench.proxy.count("PutItem"), 3);

    bench.proxy.forget();
    assert_eq!(
        bench.ledger.put_claim(&claim("pi_3PXyz0GhIjKlMnOp1QrStUvW", 2)).await,
        ClaimAnswer::Taken(ours.facts())
    );
    assert_eq!(units(&bench), 1, "a duplicate");
}

pub async fn the_longest_claim_costs_a_second_unit(bench: Bench) {
    let mut ours = claim("pi_1", 0xff);
    ours.key = PayoutKey::new("k".repeat(MAX_KEY_BYTES)).unwrap();
    ours.event = EventId::new("e".repeat(MAX_EVENT_ID_BYTES)).unwrap();
    ours.destination = Destination::new("d".repeat(MAX_DESTINATION_BYTES)).unwrap();
    ours.money = Money::new(MAX_MINOR - 1, 3, "BHD".parse().unwrap()).unwrap();
    ours.provider = "a-provider-name".to_owned();
    ours.attempt = 9_999;
    ours.key_generation = 9_999;
    assert_eq!(bench.ledger.put_claim(&ours).await, ClaimAnswer::Written);
    let size = item_size(&item_of(&bench.proxy.seen()[0].body["Item"]));
    println!("the longest claim: {size} bytes");
    assert!(size <= 1_024, "{size} bytes");
    assert_eq!(units(&bench), 4);
}

/// Around each border of a unit.
pub async fn our_units_agree_with_the_engines(bench: Bench) {
    for filler in [1, 900, 940, 950, 960, 970, 980, 990, 1_000, 1_010, 1_980, 2_000, 2_020, 2_040] {
        let item = Item::from([
            ("pk".to_owned(), text(format!("units/{filler}"))),
            ("sk".to_owned(), text("0001#claim")),
            ("number".to_owned(), AttributeValue::N("1764000123456".to_owned())),
            ("mark".to_owned(), AttributeValue::Bool(true)),
            ("map".to_owned(), AttributeValue::M(Item::from([("name".to_owned(), text("value"))]))),
            ("filler".to_owned(), text("x".repeat(filler))),
        ]);
        let put = bench.client.put_item().table_name(&bench.tables.audit).set_item(Some(item.clone()));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
        let engine = put.consumed_capacity().and_then(|consumed| consumed.capacity_units()).unwrap();
        assert_eq!(engine, write_units(item_size(&item)) as f64, "filler {filler}, {} bytes", item_size(&item));
    }
}
