//! What one delivery really takes, against what the command `cost` reckons with. Units by AWS's rules, of the requests that were sent and
//! the answers that came: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>.

use payonce_end_to_end::{PAYEE, World, book_settings, payment};
use payonce_ledger::{item_size, write_units};
use payonce_local::cost::measured;
use payonce_local::stack::sandbox_secret;
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::sweep::MINUTE_MS;
use payonce_runtime::environment::Environment;
use payonce_runtime::metrics::Metrics;
use payonce_runtime::secrets::{SecretReader, SecretSource};
use payonce_suite::capacity::{self, Item, item};
use payonce_suite::faults::Seen;
use reconciler::{Before, Lists, reconcile};
use serde_json::{Value, json};

/// The rows of the audit table's indexes.
fn index_rows(item: &Item) -> Vec<usize> {
    let indexes: [&[&str]; 3] = [&["bucket", "received_at"], &["event"], &["rail_key"]];
    let row = |keys: &&[&str]| {
        let kept = |name: &str| ["pk", "sk"].contains(&name) || keys.contains(&name);
        let row: Item =
            item.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        keys.iter().all(|key| item.contains_key(*key)).then(|| item_size(&row))
    };
    indexes.iter().filter_map(row).collect()
}

fn puts<'a>(seen: &'a [Seen], table: &'a str) -> impl Iterator<Item = Item> + 'a {
    let puts = seen.iter().filter(move |seen| seen.target == "PutItem" && seen.body["TableName"] == table);
    puts.map(|seen| item(&seen.body["Item"]))
}

fn read_halves(seen: &Seen) -> usize {
    let (status, answer) = seen.engine.as_ref().unwrap();
    assert_eq!(*status, 200);
    capacity::read_halves(&seen.target, &seen.body, answer)
}

/// The event that the write units are promised for, of now and of this sandbox.
fn event(world: &World) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../suite/tests/engines/stripe_event_3kb.json")).unwrap();
    event["created"] = (world.clock.now() / 1_000).into();
    event["livemode"] = false.into();
    event["data"]["object"]["metadata"]["payee"] = PAYEE.into();
    event
}

/// `figure` is what the bill reckons with: never less than what is measured, and at most a quarter more.
fn holds(what: &str, measured: usize, figure: u128) {
    println!("{what}: measured {measured}, reckoned with {figure}");
    let measured = measured as u128;
    assert!(
        measured <= figure && figure * 4 <= measured * 5 + 4,
        "{what}: measured {measured}, reckoned with {figure}"
    );
}

#[tokio::test]
async fn bill_reckons_with_what_a_delivery_takes() {
    let world = World::start().await;
    let (ledger, rail) = world.parts();
    let environment = Environment::planted(&[]).unwrap();
    let reader = SecretReader::with_variables(&environment, sandbox_secret);
    let (metrics, lines) = Metrics::captured(world.clock.clone());
    let app = webhook::App::new(webhook::Parts {
        provider: world.config.provider(Some("stripe")).unwrap(),
        secrets: SecretSource::open(reader, world.config.secrets("stripe"), world.clock.now()).await.unwrap(),
        ledger: ledger.narrowed(),
        rail,
        clock: world.clock.clone(),
        limits: world.config.limits,
        metrics,
    });
    world.rail.take_any_charge();
    let event = event(&world);
    world.proxy.forget();
    let response = app.handle(world.request(event.to_string().as_bytes())).await;
    assert_eq!(response.status(), 200);
    let seen = world.proxy.seen();
    let audit: Vec<Item> = puts(&seen, &world.tables.audit).collect();
    let bodies: Vec<Item> = puts(&seen, &world.tables.bodies).collect();
    assert_eq!((audit.len(), bodies.len()), (2, 1));
    let units = audit.iter().chain(&bodies).map(|item| write_units(item_size(item))).sum::<usize>();
    let rows: Vec<usize> = audit.iter().flat_map(index_rows).collect();
    holds("write units", units + rows.iter().map(|size| write_units(*size)).sum::<usize>(), measured::WRITE_UNITS);
    // Each item and each row of an index has 100 bytes of its own.
    let kept = |sizes: &[usize]| sizes.iter().map(|size| size + 100).sum::<usize>();
    holds("bytes of audit records", kept(&audit.iter().map(item_size).collect::<Vec<_>>()), measured::AUDIT_BYTES);
    holds("bytes of their index rows", kept(&rows), measured::INDEX_BYTES);
    holds("bytes of the body", item_size(&bodies[0]), measured::BODY_BYTES);
    // Counters of zero stand in the first line of a minute alone.
    let again = payment("again", PAYEE, world.clock.now());
    assert_eq!(app.handle(world.request(again.to_string().as_bytes())).await.status(), 200);
    let second = lines.text().lines().last().unwrap().len() + 1;
    holds("bytes of the log", second, measured::LOG_BYTES);

    // Everything that the sweeper reads because of it, in all three visits of its minute and in the tallies of the hold.
    let (quiet, one, eleven) = (swept(0).await, swept(1).await, swept(11).await);
    holds("read units of an idle minute", quiet.div_ceil(2 * MINUTES), measured::IDLE_READ_UNITS_A_MINUTE);
    holds("read units of the sweeper", (eleven - one).div_ceil(2 * 10), measured::SWEEPER_READ_UNITS);
}

/// A quarter of the claims stand in the quarter of an hour before the window and are read again, as with any steady load.
#[tokio::test(flavor = "multi_thread")]
async fn bill_reckons_with_what_the_reconciler_reads_of_an_hour() {
    let (eight, twenty_four) = (reconciled(2).await, reconciled(6).await);
    let units = (twenty_four - eight).div_ceil(2 * 16);
    holds("read units of the reconciler", units, measured::RECONCILER_READ_UNITS);
}

/// In half units: of a run over an hour with so many payouts in each quarter of it, and in the one before.
async fn reconciled(each: u64) -> usize {
    let world = World::start().await;
    let from = world.clock.now().div_ceil(HOUR_MS) * HOUR_MS;
    for quarter in 0..5 {
        world.clock.set(from - QUARTER_MS + quarter * QUARTER_MS + 2 * MINUTE_MS);
        for number in 0..each {
            world.deliver(&payment(&format!("{quarter}n{number}"), PAYEE, world.clock.now())).await;
        }
    }
    let window = Window::new(from, from + HOUR_MS).unwrap();
    world.clock.set(from + 3 * HOUR_MS);
    let (folder, (ledger, rail)) = (tempfile::tempdir().unwrap(), world.parts());
    let settings = book_settings(Lists::default());
    world.proxy.forget();
    let (before, now) = (Before::default(), world.clock.now());
    let run = reconcile(&ledger, &rail, &settings, window, &before, None, folder.path(), now);
    let manifest = run.await.unwrap();
    let euros = &manifest.statement.currencies[&"EUR".parse().unwrap()];
    assert_eq!((euros.asked.count, euros.paid.count), (4 * each as i64, 4 * each as i64));
    world.proxy.seen().iter().map(read_halves).sum()
}

const HOUR_MS: u64 = 3_600_000;
const QUARTER_MS: u64 = HOUR_MS / 4;

const MINUTES: usize = 40;

/// In half units: of a minute with so many claims, until its last visit is over.
async fn swept(claims: usize) -> usize {
    let world = World::start().await;
    for number in 0..claims {
        world.deliver(&payment(&number.to_string(), PAYEE, world.clock.now())).await;
    }
    let sweeper = world.sweeper();
    world.proxy.forget();
    for _ in 0..MINUTES {
        world.clock.advance(MINUTE_MS);
        sweeper.run().await.unwrap();
    }
    // A day after it: the minutes between hold nothing.
    world.clock.advance((24 * 60 - MINUTES as u64) * MINUTE_MS);
    world.ledger.set_round(world.clock.now() / MINUTE_MS - 1).await.unwrap();
    sweeper.run().await.unwrap();
    world.proxy.seen().iter().map(read_halves).sum()
}

#[test]
fn sizes_are_counted_as_dynamodb_does() {
    let small = item(&json!({ "pk": { "S": "ab" }, "n": { "N": "100" }, "b": { "B": "AAAA" } }));
    assert_eq!(item_size(&small), 2 + 2 + 1 + 2 + 1 + 3);
}
