//! The reconciler's runs as people see them: what it filed from real books, on the console's own pages.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use lambda_http::Body;
use payonce_end_to_end::{PAYEE, TestIssuer, WINDOW_MS, World, key_of, payment};
use payonce_identity::payer::{Answer, Request};
use payonce_identity::{Person, Sessions};
use payonce_ledger::KeptRun;
use payonce_local::sandbox_rail::Transfer;
use payonce_protocol::case::Role;
use reconciler::{App, Lists};

const AGENT: &str = "a browser";

struct NoPayer;

impl console::Payer for NoPayer {
    fn invoke(&self, _: Request) -> BoxFuture<'_, Result<Answer, console::PayerSilent>> {
        async { Err(console::PayerSilent::NotBegun) }.boxed()
    }
}

/// Somebody at the console.
struct Visitor {
    app: console::App,
    cookie: String,
}

struct Page {
    status: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Visitor {
    fn new(world: &World, roles: &[Role]) -> Self {
        let sessions = || Sessions::new("a secret of 32 bytes, of this test", 3_600_000, 36_000_000, "/").unwrap();
        let person = Person {
            subject: "ada".to_owned(),
            name: "Ada".to_owned(),
            roles: roles.iter().copied().collect(),
            no_role: None,
        };
        let now = world.clock.now();
        let session = sessions().open(&person, AGENT, now).unwrap();
        let cookie = sessions().cookie(&session, now).unwrap().split(';').next().unwrap().to_owned();
        let app = console::App::new(console::Parts {
            ledger: Arc::new(world.ledger.clone()).narrowed(),
            rail: world.parts().1,
            issuer: TestIssuer::default().seen(world.clock.clone()),
            sessions: sessions(),
            payer: Arc::new(NoPayer),
            clock: world.clock.clone(),
            sla: console::Sla::default(),
            file_days: 30,
            namespaces: Default::default(),
            sources: Default::default(),
            statements: Default::default(),
            origin: "https://us.example".to_owned(),
            is_sandbox: true,
        });
        Self { app, cookie }
    }

    async fn get(&self, path: &str) -> Page {
        let request = http::Request::get(format!("https://us.example/console{path}"));
        let request = request.header("cookie", &self.cookie).header("user-agent", AGENT).body(Body::Empty).unwrap();
        let (head, body) = self.app.handle(request).await.into_parts();
        let text = String::from_utf8(body.as_ref().to_vec()).unwrap();
        Page { status: head.status.as_u16(), headers: head.headers, text }
    }
}

/// A day with 12 payouts, of which the rail lost one, changed one, gave one back and has one of its own; returns the end of its window.
async fn reconciled(world: &World) -> u64 {
    let began = world.clock.now() / WINDOW_MS * WINDOW_MS;
    let mut keys = vec![];
    for number in 0..12 {
        let event = payment(&format!("book{number}"), PAYEE, world.clock.now());
        assert_eq!(world.deliver(&event).await.status, 200);
        keys.push(key_of(&event).to_string());
        world.clock.advance(30_000);
    }
    assert!(world.rail.change(&keys[1], |_| None));
    assert!(world.rail.change(&keys[2], |paid| Some(Transfer { amount: paid.amount + 100, ..paid })));
    assert!(world.rail.change(&keys[3], |paid| Some(Transfer { amount_reversed: paid.amount, ..paid })));
    let mut foreign = world.rail.executed()[0].clone();
    foreign.id = "tr_sandboxForeign".into();
    foreign.metadata.clear();
    world.rail.plant([foreign]);
    world.clock.set(began + WINDOW_MS + 3_600_000);
    let folder = tempfile::tempdir().unwrap();
    let reconciler = App::new(world.reconciler(Lists::default(), began, folder.path()));
    let report = reconciler.run_within(Duration::from_secs(300)).await.unwrap();
    assert_eq!((report.runs, report.cases), (1, 4));
    began + WINDOW_MS
}

fn links<'a>(html: &'a str, begin: &str) -> Vec<&'a str> {
    let all = html.split("href=\"/console").skip(1).filter_map(|rest| rest.split('"').next());
    all.filter(|to| to.starts_with(begin)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_difference_of_a_run_leads_to_its_case_and_back() {
    let world = World::start().await;
    let to = reconciled(&world).await;
    let viewer = Visitor::new(&world, &[Role::Viewer]);
    let list = viewer.get("/books").await;
    assert_eq!((list.status, links(&list.text, "/books/").len()), (200, 1));
    // No list of the provider is read here, so that nobody knows what never came.
    assert!(list.text.contains("Not every book was whole") && list.text.contains("<td class=\"num\">not known</td>"));

    let run = viewer.get(links(&list.text, "/books/")[0]).await;
    assert_eq!(run.status, 200);
    let said = ["Not kept for us", "4 differences show all the same", "closes</span>", "4 new, 0 still there, 0 gone"];
    for words in said.into_iter().chain(["Not at the rail", "Other sum at the rail", "Came back at the rail"]) {
        assert!(run.text.contains(words), "{words}");
    }
    let cases = links(&run.text, "/cases/");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let case = viewer.get(case).await;
        assert_eq!(case.status, 200);
        assert!(case.text.contains("What the books say") && case.text.contains("The rail&#39;s book</h3>"));
        assert_eq!(links(&case.text, "/books/"), [format!("/books/{to}")]);
        // Rows are said in words, there and in what happened.
        assert!(!case.text.contains("&#34;book&#34;") && !case.text.contains("Rows of our book"), "{}", case.text);
    }
    for key in links(&run.text, "/payouts") {
        assert_eq!(viewer.get(key).await.status, 200, "{key}");
    }
    for nowhere in [
        "/books/1",
        "/books/x",
        "/books?before=x",
        &format!("/books/{to}?page=2"),
        &format!("/books/{to}/carried.jsonl"),
    ] {
        assert_eq!(viewer.get(nowhere).await.status, 404, "{nowhere}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_run_are_for_whoever_has_a_role_and_as_they_were_written() {
    let world = World::start().await;
    let to = reconciled(&world).await;
    let kept = world.ledger.run(to).await.unwrap().unwrap();
    let viewer = Visitor::new(&world, &[Role::Viewer]);
    for name in ["breaks.csv", "statement.csv"] {
        let file = viewer.get(&format!("/books/{to}/{name}")).await;
        assert_eq!(
            (file.status, &file.headers["content-type"]),
            (200, &"text/csv; charset=utf-8; header=present".parse().unwrap())
        );
        let expected = format!("attachment; filename=\"payonce-{}-2026-11-23.csv\"", name.trim_end_matches(".csv"));
        assert_eq!(file.headers["content-disposition"], expected.as_str());
        assert_eq!(Some(file.text.into_bytes()), world.ledger.run_file(&kept, name).await.unwrap());
        let parted = viewer.get(&format!("/books/{to}/{name}?csv=semicolon")).await;
        assert!(parted.text.lines().next().unwrap().contains(';'));
        assert_eq!(viewer.get(&format!("/books/{to}/{name}?csv=tabs")).await.status, 400);
    }
    let nobody = Visitor::new(&world, &[]);
    for path in ["/books".to_owned(), format!("/books/{to}"), format!("/books/{to}/breaks.csv")] {
        let page = nobody.get(&path).await;
        assert!(!page.text.contains("tr_sandbox") && !page.text.contains("The books"), "{path}: {}", page.text);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_says_so_in_words() {
    let world = World::start().await;
    let to = reconciled(&world).await;
    let viewer = Visitor::new(&world, &[Role::Viewer]);
    let client = world.engine().client();
    let items = client.scan().table_name(&world.tables.reconcile).send().await.unwrap();
    let parts = items.items().iter().filter(|item| item.contains_key("part"));
    for mut item in parts.cloned() {
        item.insert("part".to_owned(), AttributeValue::B(Blob::new(*b"no longer what it was")));
        client.put_item().table_name(&world.tables.reconcile).set_item(Some(item)).send().await.unwrap();
    }
    let run = viewer.get(&format!("/books/{to}")).await;
    assert_eq!(run.status, 200);
    assert!(run.text.contains("The list of differences cannot be read") && run.text.contains("closes</span>"));
    let file = viewer.get(&format!("/books/{to}/breaks.csv")).await;
    assert_eq!(file.status, 503);
    assert!(file.text.contains("A part of it is missing or was changed.") && file.text.contains("All runs"));

    // Of another version.
    let kept = world.ledger.run(to).await.unwrap().unwrap();
    let next = KeptRun { from: to, to: to + WINDOW_MS, manifest: "{}".to_owned(), ..kept };
    assert!(world.ledger.finish_run(&next).await.unwrap());
    let list = viewer.get("/books").await;
    assert!(list.text.contains("Cannot be read") && list.text.contains("Not every book was whole"));
    let run = viewer.get(&format!("/books/{}", to + WINDOW_MS)).await;
    assert_eq!(run.status, 503);
    assert!(run.text.contains("written by another version of payonce"));
}
