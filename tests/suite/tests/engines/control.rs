//! Whether payouts are made, for which tables, and by which rules of payout keys.

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_ledger::{Books, LedgerError, NotAccepted, Wish};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use payonce_protocol::release::{Derivation, KeyRule, KeyRules, NotYet, SEEN_AFTER_MS, books_from};
use payonce_suite::dynamo::ledger;
use payonce_suite::faults::Fault;

use crate::bench::{Bench, NOW, until};

pub async fn release_is_for_the_tables_that_are_there(bench: Bench) {
    assert_eq!(bench.ledger.control().await, Ok(None));
    let held = bench.ledger.set_hold(Hold::Refuse, "ann", "not yet", NOW).await.unwrap();
    assert_eq!((held.hold, &held.released_for, held.version), (Hold::Refuse, &None, 1));
    let ids = bench.ledger.table_ids().await.unwrap();
    assert_eq!(bench.ledger.table_ids().await, Ok(ids.clone()), "the ids of a table stay");
    let released = bench.ledger.release(Books::First, "ann", "go", NOW + 1).await.unwrap();
    assert_eq!((released.hold, &released.released_for, released.books_from), (Hold::Pay, &Some(ids.clone()), None));
    // Held and released again, they are the same books.
    let held = bench.ledger.set_hold(Hold::Record, "ann", "drill", NOW + 2).await.unwrap();
    assert_eq!(held.hold, Hold::Record);
    let again = bench.ledger.set_hold(Hold::Pay, "ann", "over", NOW + 3).await.unwrap();
    assert_eq!((again.released_for, again.books_from, again.version), (Some(ids.clone()), None, 4));

    // The same item in other tables, as a restore leaves it.
    let others = bench.engine.tables().await;
    bench.engine.copy(&bench.tables, &others).await;
    let restored = ledger(&bench.proxy.url(), &others);
    let copied = restored.control().await.unwrap().unwrap();
    assert_eq!((copied.hold, copied.released_for), (Hold::Pay, Some(ids.clone())));
    assert_ne!(restored.table_ids().await.unwrap(), ids);
    for (books, at) in [(Books::First, NOW + 9), (Books::Restored, NOW + 10)] {
        let released = restored.release(books, "ann", "restored", at).await.unwrap();
        assert_ne!(released.released_for, Some(ids.clone()));
        assert_eq!(
            released.books_from,
            Some(books_from(NOW + 9)),
            "books that were released elsewhere are never the first"
        );
    }
}

pub async fn hold_that_changed_meanwhile_is_not_overwritten(bench: Bench) {
    bench.ledger.release(Books::First, "ann", "go", NOW).await.unwrap();
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "back to normal", Fault::Hold);
    let other = ledger(&bench.proxy.url(), &bench.tables);
    let (person, sweeper) = tokio::join!(bench.ledger.set_hold(Hold::Pay, "ann", "back to normal", NOW + 1), async {
        until(|| bench.proxy.count("TransactWriteItems") == 1).await;
        other.set_hold(Hold::Refuse, "sweeper", "unknown outcomes", NOW + 2).await
    });
    assert_eq!(person, Err(LedgerError::Changed { what: "the control item" }));
    let stands = sweeper.unwrap();
    assert_eq!((stands.hold, stands.set_by.as_str(), stands.version), (Hold::Refuse, "sweeper", 2));
    assert_eq!(bench.ledger.control().await, Ok(Some(stands)));
    let history = bench.reconcile("control", "history#000002").await.expect("who and why");
    assert_eq!(history["by"], AttributeValue::S("sweeper".to_owned()));
}

pub fn rules(provider: &str, key: &str, former: &[&str]) -> KeyRules {
    let derivation = |key: &str| Derivation {
        namespace: provider.to_owned(),
        event: "paid".to_owned(),
        key: vec![key.to_owned()],
        when: vec![],
    };
    let former = former.iter().map(|key| derivation(key)).collect();
    KeyRules {
        scheme: "stripe".to_owned(),
        namespace_is_written: true,
        provider: provider.to_owned(),
        fingerprint: Digest::of(format!("{key}{former:?}")),
        rules: vec![KeyRule { own: derivation(key), former }],
        signs_time: false,
        comes_back_ms: 1_000,
        refuse_for_ms: 86_400_000,
    }
}

pub async fn rules_are_accepted_only_after_the_hold_was_seen(bench: Bench) {
    let ledger = &bench.ledger;
    ledger.start_books([&rules("a", "/id", &[]), &rules("b", "/id", &[])], NOW).await.unwrap();
    let other = ledger.accepted("b").await.unwrap();
    let accept = async |rules: &KeyRules, wish: Wish, now| ledger.accept_keys(rules, wish, "ann", now).await;
    let (none, next) = (Wish::default(), rules("a", "/reference", &["/id"]));
    let not_yet = |why| Err(NotAccepted::NotYet(why));
    assert_eq!(accept(&next, none, NOW + 1).await, not_yet(NotYet::NotHeld));
    ledger.set_hold(Hold::Refuse, "ann", "new rules", NOW + 2).await.unwrap();
    let seen = NOW + 2 + SEEN_AFTER_MS;
    assert_eq!(accept(&next, none, seen - 1).await, not_yet(NotYet::Until { until: seen }));
    let early = Wish { paid_from: Some(seen - 1), ..none };
    assert_eq!(accept(&next, early, seen).await, not_yet(NotYet::PaidFrom { least: seen }));
    let early = Wish { former_until: Some(seen + 999), ..none };
    assert_eq!(accept(&next, early, seen).await, Err(NotAccepted::EndsTooEarly { least: seen + 1_000 }));
    assert_eq!(accept(&rules("a", "/id", &[]), none, seen).await, Err(NotAccepted::Same));
    let uncovered = accept(&rules("a", "/reference", &[]), none, seen).await;
    assert!(matches!(uncovered, Err(NotAccepted::Uncovered(was)) if was[0].key == ["/id"]));

    let first = accept(&rules("c", "/id", &[]), none, NOW + 2).await.unwrap();
    assert_eq!(first.paid_from, Some(NOW / 1_000 * 1_000), "providers write whole seconds");

    let accepted = accept(&next, none, seen).await.unwrap();
    assert_eq!((accepted.paid_from, accepted.former[0].1, accepted.version), (Some(seen), seen + 1_000, 2));
    let others = [seen + 999, seen + 1_000].map(|at| accepted.others(&next, at).len());
    assert_eq!(others, [1, 0], "until nothing from its time may come again");
    assert_eq!(ledger.accepted("a").await, Ok(Some(accepted.clone())));
    assert_eq!(ledger.all_accepted().await, Ok(vec![accepted, other.clone().unwrap(), first]));
    assert_eq!(ledger.accepted("b").await, Ok(other), "another provider's stay");
    assert!(bench.reconcile("control", "history#provider#a#000002").await.is_some(), "who and when");
    // Past its end a former derivation needs no naming any more.
    let dropped = rules("a", "/reference", &[]);
    let uncovered = accept(&dropped, none, seen + 1).await;
    assert!(matches!(uncovered, Err(NotAccepted::Uncovered(_))), "{uncovered:?}");
    assert!(accept(&dropped, none, seen + 1_000).await.unwrap().former.is_empty());
}

/// Whoever releases payouts while rules are being accepted undoes neither.
pub async fn rules_are_not_accepted_upon_a_hold_that_is_over(bench: Bench) {
    bench.ledger.start_books([&rules("a", "/id", &[])], NOW).await.unwrap();
    bench.ledger.set_hold(Hold::Refuse, "ann", "new rules", NOW).await.unwrap();
    bench.proxy.forget();
    bench.proxy.plan(1, "TransactWriteItems", "fingerprint", Fault::Hold);
    let other = ledger(&bench.proxy.url(), &bench.tables);
    let next = rules("a", "/reference", &["/id"]);
    let (accepted, released) =
        tokio::join!(bench.ledger.accept_keys(&next, Wish::default(), "ann", NOW + SEEN_AFTER_MS), async {
            until(|| bench.proxy.count("TransactWriteItems") == 1).await;
            other.set_hold(Hold::Pay, "bob", "go", NOW + SEEN_AFTER_MS).await
        });
    released.unwrap();
    assert_eq!(accepted, Err(LedgerError::Changed { what: "the control item" }.into()));
}
