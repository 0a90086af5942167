//! The provider's own list against what arrived here: an event that never came is found, with everything that it takes to pay it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payonce_end_to_end::{Desk, PAYEE, WINDOW_MS, World, book_settings, key_of, payment};
use payonce_ledger::FiledCase;
use payonce_lists::{ListConfig, ProviderList};
use payonce_protocol::case::Ending;
use payonce_protocol::hold::Hold;
use payonce_protocol::order::Mode;
use payonce_protocol::outcome::Reason;
use payonce_protocol::reconcile::breaks::BreakKind;
use payonce_protocol::reconcile::rows::Book;
use payonce_protocol::reconcile::run::{Manifest, Window};
use payonce_protocol::reconcile::terms::{Gap, Why};
use payonce_providers::{Provider, RouteContext, Routed};
use payonce_rails::RailSecret;
use reconciler::{App, Before, DAY_MS, Lists, Parts, Settings, reconcile};
use serde_json::{Value, json};

use crate::blocks::refund;
use crate::replaced_rules::hold;
use crate::sandbox::{Answer, Request, Sandbox};

const HOUR_MS: u64 = 3_600_000;

/// What the provider lists, newest first and three to a page, as <https://docs.stripe.com/api/events/list> says.
#[derive(Clone, Default)]
struct Listing(Arc<Mutex<Vec<Value>>>, Arc<AtomicBool>);

impl Listing {
    fn add(&self, event: &Value) {
        self.0.lock().unwrap().push(event.clone());
    }

    /// It has no answer for a question about so short a time: none to who asks for single events once more.
    fn fails_for_single_events(&self, fails: bool) {
        self.1.store(fails, Ordering::SeqCst);
    }

    fn answer(&self, request: &Request) -> Answer {
        let query = request.query();
        let number = |name: &str| query[name].parse::<u64>().unwrap();
        let within = number("created[gte]")..number("created[lt]");
        if self.1.load(Ordering::SeqCst) && within.end - within.start < 3_600 {
            return Answer::json(500, json!({"error": {"message": "not now"}}));
        }
        let mut found = self.0.lock().unwrap().clone();
        found.retain(|event| within.contains(&event["created"].as_u64().unwrap()));
        found.sort_by_key(|event| std::cmp::Reverse(event["created"].as_u64()));
        if let Some(last) = query.get("starting_after") {
            let at = found.iter().position(|event| event["id"] == last.as_str()).unwrap();
            found.drain(..=at);
        }
        let has_more = found.len() > 3;
        found.truncate(3);
        Answer::json(200, json!({"object": "list", "data": found, "has_more": has_more}))
    }

    fn open(&self) -> Sandbox {
        let book = self.clone();
        Sandbox::start(move |request| Some(book.answer(request)))
    }
}

fn lists(world: &World, config: Value) -> Lists {
    let config: ListConfig = serde_json::from_value(config).unwrap();
    let list = ProviderList::new(&config, &RailSecret::new("rk_test_list").unwrap(), Mode::Test, None).unwrap();
    let mut lists = Lists::default();
    lists.add(world.config.provider(Some("stripe")).unwrap(), "stripe", list);
    lists
}

fn stripe(world: &World, sandbox: &Sandbox) -> Lists {
    lists(world, json!({"kind": "stripe", "url": sandbox.url(), "secret": "env:LIST"}))
}

struct Days<'a> {
    world: &'a World,
    settings: Settings,
    began: u64,
    folder: tempfile::TempDir,
}

type Breaks = BTreeSet<(String, String, String)>;

impl<'a> Days<'a> {
    fn of(world: &'a World, lists: Lists) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { world, settings: book_settings(lists), began: world.clock.now() / WINDOW_MS * WINDOW_MS, folder }
    }

    fn path(&self, day: u64) -> PathBuf {
        self.folder.path().join(day.to_string())
    }

    /// With life, kind and key of each break.
    async fn run(&self, day: u64) -> (Manifest, Breaks) {
        let (world, window) =
            (self.world, Window::new(self.began + day * WINDOW_MS, self.began + (day + 1) * WINDOW_MS));
        let window = window.unwrap();
        world.clock.set(window.to() + HOUR_MS);
        let before = match day.checked_sub(1) {
            Some(before) => Before::read(&self.path(before)).unwrap().unwrap(),
            None => Before::default(),
        };
        let (rail, now, folder) = (world.parts().1, world.clock.now(), self.path(day));
        let manifest =
            reconcile(&world.ledger, &rail, &self.settings, window, &before, None, &folder, now).await.unwrap();
        let lines = std::fs::read_to_string(folder.join("breaks.jsonl")).unwrap();
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let parsed = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        (manifest, parsed.map(|line| (text(&line, "life"), text(&line, "kind"), text(&line, "key"))).collect())
    }

    /// The function, for everything that is due.
    async fn app(&self) -> u64 {
        let app = App::new(Parts {
            settings: self.settings.clone(),
            ..self.world.reconciler(Lists::default(), self.began, self.folder.path())
        });
        app.run_within(Duration::from_secs(300)).await.unwrap().cases
    }
}

fn all(life: &str, kind: BreakKind, keys: impl IntoIterator<Item = String>) -> Breaks {
    keys.into_iter().map(|key| (life.to_owned(), kind.to_string(), key)).collect()
}

fn key(event: &Value) -> String {
    key_of(event).to_string()
}

async fn missing(world: &World) -> Vec<FiledCase> {
    let mut found = vec![];
    for case in world.cases().await.into_iter().filter(|case| case.reason == Reason::EventMissing) {
        found.push(world.ledger.case(&case.id()).await.unwrap().unwrap());
    }
    found
}

/// 12 payments, of which those of these numbers never arrive.
async fn paid(world: &World, book: &Listing, dropped: &[usize]) -> Vec<Value> {
    let mut events = vec![];
    for number in 0..12 {
        let event = payment(&format!("listed{number}"), PAYEE, world.clock.now());
        book.add(&event);
        if !dropped.contains(&number) {
            assert_eq!(world.deliver(&event).await.status, 200, "{number}");
        }
        events.push(event);
        world.clock.advance(90_000);
    }
    events
}

/// Two hours into the first day: what is listed then is in no gap before the first run.
async fn world() -> World {
    let world = World::start().await;
    world.clock.advance(2 * HOUR_MS);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_that_never_arrived_is_missing_and_nothing_else() {
    let (world, book) = (world().await, Listing::default());
    let events = paid(&world, &book, &[2, 3, 9]).await;
    // Nobody sent these here, and they ask for no payout.
    for (name, event_type) in [("created", "payment_intent.created"), ("b", "balance.available")] {
        let mut event = payment(name, PAYEE, world.clock.now());
        event["type"] = event_type.into();
        book.add(&event);
    }
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    let (manifest, found) = days.run(0).await;
    let gone = || [2, 3, 9].map(|number: usize| key(&events[number]));
    assert_eq!(found, all("new", BreakKind::EventMissing, gone()));
    assert!(manifest.statement.closes());
    let before = Gap { book: Book::Provider, from: 0, until: days.began, why: Why::NotBefore };
    assert_eq!(manifest.gaps, [before]);
    let (_, next) = days.run(1).await;
    assert_eq!(next, all("persisting", BreakKind::EventMissing, gone()));
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_case_of_a_missing_event_bears_what_it_asks_for_and_its_body() {
    let (world, book) = (world().await, Listing::default());
    let events = paid(&world, &book, &[4, 11]).await;
    let mut ignored = payment("ignored", PAYEE, world.clock.now());
    ignored["type"] = "payment_intent.created".into();
    book.add(&ignored);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    world.clock.set(days.began + WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 2);
    let cases = missing(&world).await;
    assert_eq!(cases.len(), 2);
    let provider: &Provider = &world.provider;
    for FiledCase { case, .. } in &cases {
        let event = events.iter().find(|event| Some(key_of(event)) == case.key).unwrap();
        assert_eq!(case.provider.as_deref(), Some("stripe"));
        assert_eq!(case.destination.as_ref().unwrap().as_str(), PAYEE);
        assert_eq!(case.event.as_ref().unwrap().as_str(), event["id"]);
        let digest = case.body.unwrap();
        let body = world.ledger.body(digest).await.unwrap().unwrap();
        // As it will be paid: from the kept body, by the same rules.
        let kept = provider.kept(&body.bytes, digest, case.event.as_ref().unwrap()).unwrap();
        let context =
            RouteContext { rail_mode: Mode::Test, paid_from: None, files_undated: false, now: world.clock.now() };
        let Routed::Order(order) = provider.route_by_people(&kept, &context) else { panic!("no order") };
        assert_eq!((Some(order.key), Some(order.money)), (case.key.clone(), case.money));
        assert_eq!(body.kept_until / DAY_MS, (world.clock.now() + 30 * DAY_MS) / DAY_MS);
    }
    let ignored = payonce_protocol::ids::Digest::of(ignored.to_string());
    assert_eq!(world.ledger.body(ignored).await.unwrap(), None, "no other body is kept");
    // The same again, and the day after, add none.
    assert_eq!(days.app().await, 0);
    world.clock.set(days.began + 2 * WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 0);
    assert_eq!(missing(&world).await.len(), 2);
}

/// Else nobody could replay it: its case would say that it is missing, and never what it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_was_opened_without_its_body_gets_it_from_a_later_run() {
    let (world, book) = (world().await, Listing::default());
    paid(&world, &book, &[4]).await;
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    book.fails_for_single_events(true);
    world.clock.set(days.began + WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 1);
    let bare = missing(&world).await.remove(0);
    assert_eq!((bare.case.body, &bare.case.destination), (None, &None));
    book.fails_for_single_events(false);
    world.clock.set(days.began + 2 * WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 0);
    let whole = missing(&world).await.remove(0);
    let body = world.ledger.body(whole.case.body.unwrap()).await.unwrap();
    assert!(body.is_some() && whole.case.offers(Ending::Replay, None));
    assert_eq!((whole.version, whole.case.opened_at), (bare.version, bare.case.opened_at));
}

/// It came to us, and a case or a note says so: it is not lost, whatever became of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_filed_when_it_came_is_not_missing() {
    let (world, book) = (world().await, Listing::default());
    let mut events = vec![];
    for (number, spoiled) in ["amount_received", "id", "status"].into_iter().enumerate() {
        for half in ["came", "lost"] {
            let mut event = payment(&format!("{half}{number}"), PAYEE, world.clock.now());
            event["data"]["object"][spoiled] = json!({"what": "is this"});
            book.add(&event);
            if half == "came" {
                assert_eq!(world.deliver(&event).await.status, 200);
            }
            events.push(event);
            world.clock.advance(60_000);
        }
    }
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    let unmarked = |event: &Value| format!("!provider/stripe/{}", event["id"].as_str().unwrap());
    let lost = [key(&events[1]), unmarked(&events[3]), unmarked(&events[5])];
    assert_eq!(days.run(0).await.1, all("new", BreakKind::EventMissing, lost.clone()));
    assert_eq!(days.run(1).await.1, all("persisting", BreakKind::EventMissing, lost));
}

/// The list shows it without a payout key, and it comes with one after all: sent again in another version of the API, or by rules that
/// were mended. Its case has ended by then.
#[tokio::test(flavor = "multi_thread")]
async fn an_ending_binds_an_event_that_the_books_know_by_no_payout_key() {
    let (world, book) = (world().await, Listing::default());
    let event = payment("keyless", PAYEE, world.clock.now());
    let mut listed = event.clone();
    listed["data"]["object"]["status"] = json!({"what": "is this"});
    book.add(&listed);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    world.clock.set(days.began + WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 1);
    let case = missing(&world).await.remove(0).case;
    assert_eq!((case.provider.as_deref(), case.key.as_ref()), (Some("stripe"), None));
    assert_eq!(case.event.as_ref().map(ToString::to_string).as_deref(), event["id"].as_str());
    // What the books say of it is this case, from run to run, and nothing when people have ended it.
    world.clock.set(days.began + 2 * WINDOW_MS + HOUR_MS);
    assert_eq!((days.app().await, missing(&world).await.len()), (0, 1));
    Desk::new().ends(&world, &case.id(), Ending::PaidElsewhere).await;
    assert!(missing(&world).await.is_empty());
    assert_eq!(world.deliver(&event).await.status, 200);
    assert!(world.executed(&key_of(&event)).is_empty(), "people paid it by hand");
    world.clock.set(days.began + 3 * WINDOW_MS + HOUR_MS);
    assert_eq!((days.app().await, missing(&world).await.len()), (0, 0));
}

/// It is sent late, and comes in the day after: it was in settle time, and then it is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_in_the_next_window_was_waited_for() {
    let (world, book) = (world().await, Listing::default());
    let mut days = None;
    let (sandbox, began) = (book.open(), world.clock.now() / WINDOW_MS * WINDOW_MS);
    world.clock.set(began + WINDOW_MS - 60_000);
    let mut events: Vec<Value> = ["late", "laterMisfit"].map(|name| payment(name, PAYEE, world.clock.now())).into();
    events[1]["data"]["object"]["id"] = json!(7);
    events.iter().for_each(|event| book.add(event));
    let days = days.insert(Days { began, ..Days::of(&world, stripe(&world, &sandbox)) });
    let (manifest, found) = days.run(0).await;
    assert_eq!((found, manifest.statement.open.now()), (Breaks::new(), 2));
    for event in &events {
        assert_eq!(world.deliver(event).await.status, 200);
    }
    let (manifest, found) = days.run(1).await;
    assert_eq!((found, manifest.statement.closes()), (Breaks::new(), true));
}

/// Its provider comes back for days: it did reach us, be it when its window was read or later, and is to be paid then.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_refused_is_not_missing_while_its_provider_comes_back() {
    for is_late in [false, true] {
        let (world, book) = (world().await, Listing::default());
        hold(&world, Hold::Refuse).await;
        let began = world.clock.now() / WINDOW_MS * WINDOW_MS;
        world.clock.set(began + WINDOW_MS - 60_000);
        let event = payment("refused", PAYEE, world.clock.now());
        book.add(&event);
        let sandbox = book.open();
        let days = Days::of(&world, stripe(&world, &sandbox));
        for day in 0..3 {
            if day == u64::from(is_late) {
                world.clock.set(world.clock.now().max(began + day * WINDOW_MS + HOUR_MS));
                assert_eq!(world.deliver(&event).await.status, 503);
            }
            let (manifest, found) = days.run(day).await;
            assert_eq!((found, manifest.statement.open.now()), (Breaks::new(), 1), "{is_late} {day}");
        }
    }
}

/// The list answers when the books are read, and not when the cases are filed.
#[tokio::test(flavor = "multi_thread")]
async fn the_case_of_a_second_event_says_nothing_of_the_first() {
    let (world, book) = (world().await, Listing::default());
    let first = payment("twice", PAYEE, world.clock.now());
    assert_eq!(world.deliver(&first).await.outcome(), "accepted");
    let mut second = payment("twice", PAYEE, world.clock.now());
    second["id"] = "evt_second".into();
    second["data"]["object"]["amount_received"] = json!(1700);
    [&first, &second].into_iter().for_each(|event| book.add(event));
    book.fails_for_single_events(true);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    world.clock.set(days.began + WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 1);
    let case = missing(&world).await.remove(0).case;
    assert_eq!(case.event.unwrap().as_str(), "evt_second");
    assert_eq!(case.money.map(|money| money.minor()), Some(1700), "and not the first one's");
    assert_eq!((case.destination, case.body), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_provider_does_not_list_is_an_orphan_where_its_list_was_read() {
    let (world, book) = (world().await, Listing::default());
    let events = paid(&world, &book, &[]).await;
    let forged = book.0.lock().unwrap().remove(5);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    assert_eq!(days.run(0).await.1, all("new", BreakKind::EventOrphan, [key(&forged)]));

    // One page of two is not answered: nothing is concluded from what is not found.
    let again = book.clone();
    let short =
        Sandbox::start(move |request| (!request.target.contains("starting_after")).then(|| again.answer(request)));
    let days = Days::of(&world, stripe(&world, &short));
    let (manifest, found) = Days { began: events_day(&events), ..days }.run(0).await;
    assert_eq!(found, Breaks::new());
    assert!(manifest.gaps.iter().any(|gap| (gap.book, gap.why) == (Book::Provider, Why::PageLost)));
    assert_eq!(short.requests().iter().filter(|request| request.target.contains("starting_after")).count(), 3);
}

fn events_day(events: &[Value]) -> u64 {
    events[0]["created"].as_u64().unwrap() * 1000 / WINDOW_MS * WINDOW_MS
}

/// One provider has a list, and another has none: what came from the second is its own word.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_list_is_taken_at_its_word_and_the_run_says_so() {
    let (world, book) = (world().await, Listing::default());
    paid(&world, &book, &[1]).await;
    let sandbox = book.open();
    // Nothing of the first is concealed by the second.
    let forged = book.0.lock().unwrap().remove(5);
    let mut both = stripe(&world, &sandbox);
    both.without("adyen", "adyen");
    let pattern = world.ledger.read_claim(&key_of(&payment("listed0", PAYEE, 0)), 1).await.unwrap().unwrap();
    let claim = payonce_ledger::Claim {
        key: payonce_protocol::order::PayoutKey::new("adyen/psp_1").unwrap(),
        provider: "adyen".to_owned(),
        ..pattern
    };
    assert_eq!(world.ledger.put_claim(&claim).await, payonce_protocol::event::ClaimAnswer::Written);
    let days = Days::of(&world, both);
    let (manifest, found) = days.run(0).await;
    let kinds: Vec<(&str, &str)> = found.iter().map(|(_, kind, key)| (kind.as_str(), key.as_str())).collect();
    let forged = key(&forged);
    let expected =
        [("event_missing", "stripe/pi_listed1"), ("event_orphan", &forged), ("outcome_missing", "adyen/psp_1")];
    assert_eq!(kinds, expected);
    assert!(manifest.gaps.iter().any(|gap| (gap.book, gap.why) == (Book::Provider, Why::NotAskable)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_event_that_nobody_can_read_is_a_gap_at_its_time() {
    let (world, book) = (world().await, Listing::default());
    paid(&world, &book, &[]).await;
    // Longer than any event's id may be.
    let mut odd = payment(&"o".repeat(150), PAYEE, world.clock.now());
    odd["data"]["object"]["id"] = "pi_odd".into();
    book.add(&odd);
    let sandbox = book.open();
    let (manifest, found) = Days::of(&world, stripe(&world, &sandbox)).run(0).await;
    let at = odd["created"].as_u64().unwrap() * 1000;
    let gap = Gap { book: Book::Provider, from: at, until: at + 1, why: Why::Unreadable };
    assert!(manifest.gaps.contains(&gap), "{:?}", manifest.gaps);
    assert_eq!(found, Breaks::new());
}

/// Both were lost in one outage. Whoever replays the payment must not overlook that it was given back.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_never_came_is_missing_as_long_as_nothing_bars_its_payment() {
    let (world, book) = (world().await, Listing::default());
    paid(&world, &book, &[4]).await;
    let given_back = |name: &str, number: u8| {
        let event = refund(name, number, world.clock.now());
        book.add(&event);
        event
    };
    let lost = [given_back("listed4", 1), given_back("listed5", 1)];
    assert_eq!(world.deliver(&given_back("listed6", 1)).await.status, 200);
    given_back("listed6", 2);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    world.clock.set(days.began + WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 3);
    let cases = missing(&world).await;
    let mut blocks: Vec<&str> = vec![];
    for case in cases.iter().filter(|filed| filed.case.is_of_a_lost_block()) {
        assert!(!case.case.offers(Ending::Replay, None));
        blocks.push(case.case.event.as_ref().unwrap().as_str());
    }
    blocks.sort_unstable();
    let mut expected = lost.each_ref().map(|event| event["id"].as_str().unwrap());
    expected.sort_unstable();
    assert_eq!(blocks, expected);
    // It comes after all, and says what is to be said.
    assert_eq!(world.deliver(&lost[1]).await.status, 200);
    world.clock.set(days.began + 2 * WINDOW_MS + HOUR_MS);
    assert_eq!(days.app().await, 0);
    assert_eq!(missing(&world).await.len(), 2);
}

/// Whoever paid before payonce may have paid it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_before_the_first_invocation_is_not_missing() {
    let (world, book) = (world().await, Listing::default());
    book.add(&payment("early", PAYEE, world.clock.now()));
    world.clock.advance(60_000);
    assert_eq!(world.ledger.runs_begin(world.clock.now()).await.unwrap(), world.clock.now());
    let began = world.clock.now();
    world.clock.advance(60_000);
    // The first word counts, however late the first run is.
    assert_eq!(world.ledger.runs_begin(world.clock.now()).await.unwrap(), began);
    let late = payment("afterwards", PAYEE, world.clock.now());
    book.add(&late);
    let sandbox = book.open();
    let days = Days::of(&world, stripe(&world, &sandbox));
    assert_eq!(days.run(0).await.1, all("new", BreakKind::EventMissing, [key(&late)]));
}

/// A list of payments names no event: a payment is there as soon as anything under its key tells of an event.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_payments_finds_the_payment_of_which_no_event_came() {
    let (world, book) = (world().await, Listing::default());
    let events = paid(&world, &book, &[6]).await;
    let payments = book.clone();
    let sandbox = Sandbox::start(move |request| {
        let since = request.query()["since"].parse::<u64>().unwrap();
        let until = request.query()["until"].parse::<u64>().unwrap();
        let payments = payments.0.lock().unwrap().clone();
        let within = payments.into_iter().filter(|event| (since..until).contains(&event["created"].as_u64().unwrap()));
        let object = |event: Value| {
            let mut object = event["data"]["object"].clone();
            object["made"] = event["created"].clone();
            object
        };
        Some(Answer::json(200, json!({"payments": within.map(object).collect::<Vec<_>>()})))
    });
    let list = json!({"kind": "http", "url": sandbox.url(), "secret": "env:LIST", "http": {
        "path": "/payments", "query": {"since": "{since}", "until": "{until}"}, "times_as": "seconds",
        "items": "/payments", "id": "/id", "created": "/made", "created_as": "seconds", "askable_days": 30,
        "next": {"by": "cursor", "query": "cursor", "at": "/cursor"},
        "event": {"id": "{id}", "object": "event", "type": "payment_intent.succeeded", "livemode": false, "created": "{created}",
            "data": {"object": "{item}"}},
    }});
    let days = Days::of(&world, lists(&world, list));
    assert_eq!(days.run(0).await.1, all("new", BreakKind::EventMissing, [key(&events[6])]));
    // It comes after all, under an id that the list does not know.
    world.clock.set(days.began + WINDOW_MS + 2 * HOUR_MS);
    assert_eq!(world.deliver(&events[6]).await.status, 200);
    let gone = ("gone".to_owned(), String::new(), key(&events[6]));
    assert_eq!(days.run(1).await.1, Breaks::from([gone]));
    // It was begun on the first day, and is listed as paid later.
    let slow = payment("slow", PAYEE, days.began + 3 * HOUR_MS);
    book.add(&slow);
    for day in 2..6 {
        assert_eq!(days.run(day).await.1, Breaks::new(), "{day}");
    }
    assert_eq!(days.run(6).await.1, all("new", BreakKind::EventMissing, [key(&slow)]));
}
