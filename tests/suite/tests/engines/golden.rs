//! Every request that the ledger makes, frozen: keys, sort keys, attribute names, conditions, consistency. Last year's
//! claim must be found by next year's code, and during a canary two versions write the same table.

use payonce_ledger::{
    Acted, Agreed, Bar, Books, CaseAct, Claim, Cursor, DueLookUp, FoundPayout, FurtherDecision, LookUpRecord, Period,
    Queue, RefusalNote, Sample, Seen, Snapshot, Stranger, Tables, Totals, Wish,
};
use payonce_protocol::case::Ending;
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::{Digest, Shards};
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_protocol::release::SEEN_AFTER_MS;
use payonce_suite::dynamo::{Engine, ledger};
use serde_json::{Value, json};

use crate::bench::{Bench, MINUTE, NOW, case_of, claim, closing, outcome, person, proposal};
use crate::control::rules;

#[test]
fn requests_are_what_they_were() {
    let tables = Tables { audit: "audit".to_owned(), bodies: "bodies".to_owned(), reconcile: "reconcile".to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let actual = runtime.block_on(async {
        let engine = Engine::start();
        payonce_ledger::create_tables(&ledger(&engine.url(), &tables)).await.unwrap();
        requests(&Bench::with_tables(engine, tables)).await
    });
    let frozen: Value = serde_json::from_str(include_str!("golden.json")).unwrap();
    for (name, request) in actual.as_object().unwrap() {
        assert_eq!(request, &frozen[name], "{name} is now {request:#}");
    }
    assert_eq!(actual.as_object().unwrap().len(), frozen.as_object().unwrap().len());
}

async fn requests(bench: &Bench) -> Value {
    let ledger = &bench.ledger.clone().listing_under(Shards::UNCHOSEN);
    let ours = claim("pi_3PayonceGolden", 0xa5);
    let mut all = serde_json::Map::new();
    let mut keep = |name: &str| {
        let mut sent: Vec<Value> =
            bench.proxy.seen().into_iter().map(|seen| timeless(&seen.target, seen.body)).collect();
        bench.proxy.forget();
        // The sixteen shards are asked at once, in any order.
        sent.sort_by_key(Value::to_string);
        all.insert(name.to_owned(), Value::Array(sent));
    };

    ledger.put_claim(&ours).await;
    keep("claim");
    ledger.read_claim(&ours.key, 1).await.unwrap();
    keep("read of a claim");
    let note = RefusalNote {
        key: ours.key.clone(),
        event: ours.event.clone(),
        provider: ours.provider.clone(),
        money: ours.money,
        destination: ours.destination.clone(),
        refused_at: NOW,
        final_after: NOW + 200_000_000,
    };
    ledger.note_refusal(&note).await.unwrap();
    keep("note of a refusal");
    ledger.refusal(&ours.key, Digest::of(ours.event.as_str())).await.unwrap();
    keep("read of a refusal");
    ledger.minute(MINUTE, Shards::UNCHOSEN).await.unwrap();
    keep("rows of a minute");
    ledger.attempt(&ours.key, 1).await.unwrap();
    keep("an attempt");

    let other = claim("pi_other", 0x5a);
    ledger.record(&other, &outcome(Outcome::Accepted), None).await;
    keep("outcome without case");
    let mut refused = outcome(Outcome::Rejected);
    refused.verdict = Verdict { replayed: true, not_begun: true, ..refused.verdict };
    ledger.record(&claim("pi_refused", 1), &refused, Some(&case_of(&ours, Reason::PayoutRejected))).await;
    keep("outcome with case");
    ledger.abandon(&ours, NOW + 200_000).await.unwrap();
    keep("attempt given up");
    ledger.record(&ours, &outcome(Outcome::Accepted), None).await;
    keep("late outcome");

    let mut case = case_of(&ours, Reason::SecondEventForKey);
    case.incident = Some("stripe".to_owned());
    case.say(FactName::Problem, "another event");
    ledger.open_case(&case).await.unwrap();
    keep("case");
    ledger.case(&case.id()).await.unwrap();
    keep("read of a case");
    ledger.open_cases(10).await.unwrap();
    keep("open cases");
    let cursor = Cursor { place: "2#EUR#00000000000000000042000000".to_owned(), id: case.id().to_string() };
    ledger.queue(Queue::Risk, 50, Some(&cursor), false, |_| true).await.unwrap();
    keep("a page of open cases by risk");
    ledger.queue(Queue::Owner("ann"), 50, None, true, |_| true).await.unwrap();
    keep("a person's open cases");
    ledger.cases_of_event(ours.event.as_str()).await.unwrap();
    keep("cases of an event");
    ledger.keys_of_id(ours.event.as_str()).await.unwrap();
    keep("payouts of an id");
    ledger.count_to_approve("ann").await.unwrap();
    ledger.batches_to_approve("ann").await.unwrap();
    ledger.queue(Queue::Awaiting, 50, None, false, |_| true).await.unwrap();
    keep("what awaits approval");
    let after = Cursor { place: format!("{NOW:020}"), id: case.id().to_string() };
    ledger.resolved(Period { from: NOW - 7, until: NOW + 7 }, 50, Some(&after), |_| true).await.unwrap();
    keep("resolved cases of a period");
    ledger.add_evidence(&case.id(), "sweeper", &Facts::from([(FactName::LookedUp, "absent")]), NOW).await.unwrap();
    keep("evidence");
    let form = Digest::of("a form");
    let filed = ledger.case(&case.id()).await.unwrap().unwrap();
    bench.proxy.forget();
    let comment = CaseAct::Comment("called the bank".to_owned());
    ledger.act_once(&filed, &comment, &person("ann"), NOW, Some(&form)).await.unwrap();
    keep("comment");
    ledger.was_done(&case.id(), 1, &form).await.unwrap();
    keep("whether a form was sent before");

    let (ann, ben) = (person("ann"), person("ben"));
    let seen = ledger.case(&case.id()).await.unwrap().unwrap();
    let Acted::Done(seen) = ledger.act(&seen, &CaseAct::Assign(ann.clone()), &ben, NOW).await.unwrap() else {
        panic!()
    };
    let propose = CaseAct::Propose(proposal(&seen, Ending::WrittenOff, &ann), Some("a token".to_owned()));
    bench.proxy.forget();
    let Acted::Done(seen) = ledger.act(&seen, &propose, &ann, NOW).await.unwrap() else { panic!() };
    keep("proposal");
    let bound = ledger.bound(&seen).await.unwrap().unwrap();
    bench.proxy.forget();
    ledger.act(&seen, &CaseAct::Approve("seen".to_owned(), bound), &ben, NOW).await.unwrap();
    keep("approval");
    ledger.history(&case.id()).await.unwrap();
    keep("history");
    ledger.makers_token(&case.id(), seen.proposal.as_ref().unwrap()).await.unwrap();
    keep("a maker's token");
    let found = FoundPayout {
        id: "tr_1".to_owned(),
        amount: 1234,
        exponent: None,
        currency: "EUR".to_owned(),
        destination: Some("acct_1".to_owned()),
        created_at: NOW,
        returned: false,
    };
    let look_up = |at, seen| LookUpRecord { at, seen, by: "sweeper".to_owned() };
    ledger.add_look_up(&ours.key, 1, &look_up(NOW, Seen::Found(vec![found]))).await.unwrap();
    keep("look-up");
    let absent = Seen::Absent { sight: "the same search finds tr_2".to_owned() };
    ledger.add_look_up(&ours.key, 1, &look_up(NOW + 1, absent)).await.unwrap();
    keep("look-up that found nothing");
    let blind = Seen::Blind { why: "no payout is known to be accepted".to_owned() };
    ledger.add_look_up(&ours.key, 1, &look_up(NOW + 2, blind)).await.unwrap();
    keep("blind look-up");
    ledger.payout(&ours.key).await.unwrap();
    keep("a payout");
    let barred = claim("pi_barred", 0xb4);
    let bar = Bar {
        key: barred.key,
        event: barred.event,
        provider: barred.provider,
        body: barred.body,
        received_at: NOW,
        barred_at: NOW,
    };
    ledger.bar(&bar).await.unwrap();
    keep("bar");
    let (facts, unless_barred) = (&Default::default(), &ours.key);
    let decided = FurtherDecision { case: &seen, checker: &ben, facts, unless_barred, after_closing: false, at: NOW };
    ledger.put_further_claim(None, &Claim { attempt: 2, key_generation: 2, ..ours.clone() }, decided).await;
    keep("claim of a further attempt");
    let after_closing = FurtherDecision { after_closing: true, ..decided };
    ledger.put_further_claim(None, &Claim { attempt: 2, ..claim("pi_closed", 0xc3) }, after_closing).await;
    keep("claim of a further attempt after a closing");
    let agreed = Agreed { case: &seen, checker: &ben, note: "seen", at: NOW };
    ledger.close(&closing(&case, "pi_closed"), &[], agreed).await.unwrap();
    keep("closing claim");
    let other = PayoutKey::new("stripe_eu/pi_1").unwrap();
    ledger.add_alias(&ours.event, &ours.key, &other).await.unwrap();
    ledger.places(&ours.key, Some(&ours.event)).await.unwrap();
    keep("another key of an event");
    ledger.file_case(&case).await.unwrap();
    keep("case that came again");
    ledger.change_person("ann", Stranger::Added, |person| person.seen_at = NOW).await.unwrap();
    keep("person");
    ledger.people().await.unwrap();
    keep("people");
    ledger.note_case(&case).await.unwrap();
    keep("note of a case");
    ledger.noted_case(&PayoutKey::new(format!("unfiled/{}/{}", case.id(), case.opened_at)).unwrap()).await.unwrap();
    keep("read of a noted case");

    ledger.release(Books::First, "ann", "go", NOW).await.unwrap();
    keep("first release");
    ledger.control().await.unwrap();
    keep("read of the control item");
    ledger.set_hold(Hold::Refuse, "sweeper", "unknown outcomes", NOW).await.unwrap();
    keep("hold");
    ledger.release(Books::Restored, "ann", "over", NOW).await.unwrap();
    keep("release");
    ledger.start_books([&rules("stripe", "/data/object/id", &[])], NOW).await.unwrap();
    keep("first rules");
    ledger.set_hold(Hold::Refuse, "ann", "new rules", NOW).await.unwrap();
    bench.proxy.forget();
    let next = rules("stripe", "/data/object/latest_charge", &["/data/object/id"]);
    ledger.accept_keys(&next, Wish::default(), "ann", NOW + SEEN_AFTER_MS).await.unwrap();
    keep("accepted rules");
    ledger.all_accepted().await.unwrap();
    keep("all accepted rules");

    ledger.set_round(MINUTE).await.unwrap();
    keep("round");
    let totals = Totals { open: 3, ..Totals::default() };
    ledger.put_snapshot(&Snapshot { taken_at: NOW, counted_at: NOW, totals }).await.unwrap();
    keep("snapshot");
    ledger.remember_accepted(&Sample::of(&ours)).await.unwrap();
    keep("accepted payout");
    let due = [DueLookUp { attempt: (ours.key.clone(), 1), since: NOW }];
    ledger.set_due_look_ups(&[], &due).await.unwrap();
    ledger.due_look_ups().await.unwrap();
    keep("look-ups that are due");
    let names = [(ours.key.clone(), 1)].into();
    ledger.outcomes(&names, true).await.unwrap();
    ledger.attempts(&names).await.unwrap();
    ledger.came_back(&[(ours.key.clone(), Digest::of("event"))].into()).await.unwrap();
    keep("batches of the sweeper");
    ledger.count_open(NOW, 0).await.unwrap();
    ledger.count_open(NOW, 1_000).await.unwrap();
    keep("open cases counted");
    ledger.put_body(Digest::of("body"), b"body", NOW, 400).await.unwrap();
    keep("body");
    let file = ledger.put_file(&case.id(), "statement.png", b"bytes", NOW, 400).await.unwrap();
    keep("file");
    ledger.file(&case.id(), file).await.unwrap();
    keep("read of a file");
    Value::Object(all)
}

/// Without what differs from run to run, or with the next release of a compressor.
fn timeless(target: &str, mut body: Value) -> Value {
    if let Some(token) = body.get_mut("ClientRequestToken") {
        // A further claim's is its own attempt id.
        if token.as_str().is_some_and(|token| token.len() != 32) {
            *token = json!("drawn anew");
        }
    }
    // Engines draw the ids of their tables.
    for part in body.pointer_mut("/TransactItems").and_then(Value::as_array_mut).into_iter().flatten() {
        for place in ["/Put/Item", "/Put/Item/facts/M"] {
            for name in ["audit_table", "reconcile_table"] {
                if let Some(id) = part.pointer_mut(&format!("{place}/{name}/S")) {
                    *id = json!("drawn by the engine");
                }
            }
        }
    }
    if let Some(deflate) = body.pointer_mut("/Item/deflate") {
        *deflate = json!("compressed");
    }
    body.as_object_mut().unwrap().insert("Operation".to_owned(), json!(target));
    body
}
