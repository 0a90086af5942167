//! `payonce-benchmark growth`: how the work grows as one thing grows and nothing else does. What is counted is the functions' processor time,
//! from the kernel, and their requests to the tables: both are the same on a busy machine. Each line must be flat, or grow no
//! faster than what was changed.

use std::path::Path;
use std::time::Duration;

use payonce_local::stack::{CONFIG, PROVIDER, sandbox_secret, sandbox_secrets, secret_of};
use payonce_runtime_api_tests::{Ending, Treatment, World};
use serde_json::{Value, json};

use crate::function::Function;
use crate::surroundings::{RAIL_IN_CONFIG, Surroundings, config_for};
use crate::sweeps::Day;
use crate::written::{between, draw, root};

/// The function's time-out, as deployed.
const WITHIN: Duration = Duration::from_secs(25);
const PAYEE: &str = "acct_1SampleWorkshop";
/// From one point to the next the work may grow by the growth of what was changed to this power.
const EXPONENT_AT_MOST: f64 = 1.1;
const PAGE: &str = "infra/scale.md";
const PICTURE: &str = "infra/growth.png";
const MARKS: [&str; 2] = ["<!-- growth: begin -->\n", "<!-- growth: end -->\n"];

#[derive(clap::Args)]
pub struct Growth {
    /// Up to so many open cases
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    open: usize,
    /// Up to so many claims in a minute
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    claims: usize,
    /// Up to so many claims in the audit table
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    records: usize,
    /// Writes the table into infra/scale.md, and the picture beside it
    #[arg(long)]
    write: bool,
}

/// One thing that grows, and what it costs.
pub struct Series {
    /// What grows.
    grows: &'static str,
    /// What is counted.
    counted: &'static str,
    /// Each: how much of it, and its cost.
    points: Vec<(f64, f64)>,
}

impl Series {
    /// Between its last two points. 0 is flat, 1 as fast as what grows.
    fn exponent(&self) -> f64 {
        let [.., (x, y), (later_x, later_y)] = self.points[..] else { return 0.0 };
        if y <= 0.0 || later_y <= 0.0 { 0.0 } else { (later_y / y).ln() / (later_x / x).ln() }
    }

    fn is_kept(&self) -> bool {
        self.exponent() <= EXPONENT_AT_MOST
    }

    fn said(&self) -> &'static str {
        match self.exponent() {
            exponent if exponent < 0.15 => "flat",
            exponent if exponent < 0.85 => "slower than it grows",
            exponent if exponent <= EXPONENT_AT_MOST => "as it grows",
            _ => "FASTER THAN IT GROWS",
        }
    }
}

/// Whether everything grows no faster than it may.
pub fn measure(lambda: &Path, sizes: &Growth) -> Result<bool, String> {
    let webhook = lambda.join("webhook").join("bootstrap");
    let sweeper = lambda.join("sweeper").join("bootstrap");
    let mut all = vec![];
    all.extend(events_of_a_delivery(&webhook));
    all.extend(size_of_a_body(&webhook));
    all.extend(records_of_the_table(&webhook, sizes.records));
    all.push(providers_of_the_configuration(&webhook));
    all.extend(claims_of_a_minute(&sweeper, sizes.claims));
    all.extend(open_cases(&sweeper, sizes.open));
    let table = table(&all);
    print!("{table}");
    if sizes.write {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let text = format!(
            "![Each cost by what grows, both by powers of ten](growth.png)\n\n{table}\nRelease builds for {} on {cores} cores, tables and rail in \
             the same machine.\n",
            std::env::consts::ARCH
        );
        between(&root().join(PAGE), MARKS, &text)?;
        let line = |of: &Series| json!({ "grows": of.grows, "counted": of.counted, "points": of.points });
        draw("growth.py", &all.iter().map(line).collect(), &root().join(PICTURE))?;
    }
    Ok(all.iter().all(Series::is_kept))
}

fn decades(from: usize, to: usize) -> Vec<usize> {
    std::iter::successors(Some(from), |size| Some(size * 10)).take_while(|size| *size <= to).collect()
}

/// A webhook with a world of its own, and what a delivery costs it.
struct Webhook {
    world: World,
    function: Function,
    provider: &'static str,
    sent: usize,
}

/// Milliseconds of the processor, and requests to the tables.
struct Cost {
    cpu_ms: f64,
    requests: f64,
}

impl Webhook {
    fn start(binary: &Path, provider: &'static str, config: impl FnOnce(&str) -> String) -> Self {
        let secrets = ["PAYONCE_SANDBOX_RAIL", "PAYONCE_SANDBOX_RAIL_LOOKUP"].map(|name| sandbox_secret(name).unwrap());
        let world = World::start(secrets.each_ref().map(String::as_str), config);
        world.proxy.remember_nothing();
        let variables = sandbox_secrets().into_iter().chain([("PAYONCE_PROVIDER".to_owned(), provider.to_owned())]);
        let (function, _) = Function::start(binary, world.environment(variables), false);
        Self { world, function, provider, sent: 0 }
    }

    fn deliver(&mut self, body: &str) {
        self.sent += 1;
        self.function.api.asked(self.sent);
        let secret = sandbox_secret(&secret_of(self.provider)).unwrap();
        let payload = self.world.payload(self.provider, &secret, body);
        let request = self.function.api.invoke(payload, WITHIN, Treatment::Take);
        match self.function.api.ending(&request) {
            Ending::Response(bytes) => {
                let response: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(response["statusCode"], 200, "{response}");
            }
            Ending::Error(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// Of one delivery, the mean of these.
    fn cost(&mut self, bodies: &[String]) -> Cost {
        let (cpu, requests) = (cpu_ms(&self.function), self.world.proxy.requests());
        bodies.iter().for_each(|body| self.deliver(body));
        // It has answered; what it does after that is its own time, too.
        self.function.api.asked(self.sent + 1);
        let deliveries = bodies.len() as f64;
        Cost {
            cpu_ms: (cpu_ms(&self.function) - cpu) / deliveries,
            requests: (self.world.proxy.requests() - requests) as f64 / deliveries,
        }
    }
}

/// What the process has used of processors, all its threads together.
fn cpu_ms(function: &Function) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", function.id())).unwrap();
    let ran_ns = |task: std::io::Result<std::fs::DirEntry>| -> f64 {
        // A thread may end meanwhile.
        let said = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
        said.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
    };
    tasks.map(ran_ns).sum::<f64>() / 1e6
}

/// What the same thing costs of each.
fn both(grows: &'static str, [cpu, requests]: [&'static str; 2], points: &[(usize, Cost)]) -> [Series; 2] {
    let each = |of: fn(&Cost) -> f64| points.iter().map(|(size, cost)| (*size as f64, of(cost))).collect();
    [
        Series { grows, counted: cpu, points: each(|cost| cost.cpu_ms) },
        Series { grows, counted: requests, points: each(|cost| cost.requests) },
    ]
}

fn events_of_a_delivery(binary: &Path) -> [Series; 2] {
    let mut webhook = Webhook::start(binary, "gocardless", config_for);
    let body = |name: &str, events: usize| {
        let event = |place: usize| {
            json!({
                "id": format!("EV{name}{place}"),
                "created_at": "2026-11-23T10:00:00.000Z",
                "resource_type": "payments",
                "action": "confirmed",
                "links": { "payment": format!("PM{name}{place}") },
                "resource_metadata": { "payout_pence": 4200, "payee": PAYEE },
            })
        };
        json!({ "events": (0..events).map(event).collect::<Vec<_>>() }).to_string()
    };
    webhook.deliver(&body("cold", 1));
    let mut points = vec![];
    for (events, deliveries) in [(1, 100), (5, 40), (25, 20), (100, 8), (250, 4)] {
        let bodies: Vec<String> = (0..deliveries).map(|number| body(&format!("{events}n{number}e"), events)).collect();
        let cost = webhook.cost(&bodies);
        points.push((events, cost));
    }
    both("events of a delivery", ["webhook, processor ms", "webhook, requests"], &points)
}

fn size_of_a_body(binary: &Path) -> [Series; 2] {
    let mut webhook = Webhook::start(binary, PROVIDER, config_for);
    let samples = Surroundings::start();
    let body = |number: usize, kib: usize| {
        let mut event: Value = serde_json::from_str(&samples.payment(number)).unwrap();
        // No two lines alike, as in an order of many lines.
        let line = |at: usize| json!({ "sku": format!("{:016x}", at * 0x9e37_79b9), "quantity": at % 7, "name": "A thing of the order" });
        let bare = event.to_string().len();
        event["data"]["object"]["lines"] = (0..(kib * 1024).saturating_sub(bare) / 75).map(line).collect();
        event.to_string()
    };
    webhook.deliver(&body(0, 1));
    let mut points = vec![];
    for (at, (kib, deliveries)) in [(4, 100), (16, 60), (64, 30), (256, 15), (1_000, 8)].into_iter().enumerate() {
        let bodies: Vec<String> = (0..deliveries).map(|number| body(1 + at * 1_000 + number, kib)).collect();
        let cost = webhook.cost(&bodies);
        points.push((kib, cost));
    }
    both("KiB of a body", ["webhook, processor ms", "webhook, requests"], &points)
}

fn records_of_the_table(binary: &Path, at_most: usize) -> [Series; 2] {
    let mut points = vec![];
    for records in decades(1_000, at_most) {
        let day = Day::start();
        for minute in 0..10 {
            day.claims(1_000 + minute, &format!("old{minute}n"), records / 10, |_| true);
        }
        let (function, _) = Function::start(binary, day.environment(), false);
        let mut sent = 0;
        let mut deliver = |number: usize| {
            sent += 1;
            function.api.asked(sent);
            let payload = day.payload(&day.payment(number), false);
            let request = function.api.invoke(payload, WITHIN, Treatment::Take);
            assert!(matches!(function.api.ending(&request), Ending::Response(_)));
        };
        deliver(0);
        let before = (cpu_ms(&function), day.proxy.requests());
        (1..=100).for_each(&mut deliver);
        function.api.asked(102);
        let requests = (day.proxy.requests() - before.1) as f64 / 100.0;
        points.push((records, Cost { cpu_ms: (cpu_ms(&function) - before.0) / 100.0, requests }));
    }
    both("claims that the tables hold", ["webhook, processor ms", "webhook, requests"], &points)
}

fn providers_of_the_configuration(binary: &Path) -> Series {
    let mut points = vec![];
    for providers in [1_usize, 4, 17] {
        let config = |rail: &str| {
            let others = |number: usize| {
                format!(
                    "\n[providers.other{number}]\nscheme = \"stripe\"\nnamespace = \"other{number}\"\nsecrets = [\"env:NONE\"]\n\n[[providers.other{number}.payouts]]\n\
                     event = \"payment_intent.succeeded\"\nkey = \"/data/object/id\"\namount = \"/data/object/amount_received\"\n\
                     currency = \"/data/object/currency\"\ndestination = \"/data/object/metadata/payee\"\nmax_amount = {{ eur = 500000 }}\ndestination_pattern = \"^acct_[A-Za-z0-9]+$\"\n"
                )
            };
            let own = one_provider(rail);
            own + &(1..providers).map(others).collect::<String>()
        };
        let mut used: Vec<f64> = (0..20).map(|_| cpu_ms(&Webhook::start(binary, PROVIDER, config).function)).collect();
        used.sort_by(f64::total_cmp);
        points.push((providers as f64, used[used.len() / 2]));
    }
    Series { grows: "providers of the configuration", counted: "webhook's start, processor ms", points }
}

/// The sandbox's configuration without the providers that others send for.
fn one_provider(rail: &str) -> String {
    let text = CONFIG;
    let mut kept = String::new();
    let mut is_kept = true;
    for line in text.lines() {
        if line.starts_with('[') {
            let name = line.trim_start_matches('[');
            is_kept = !name.starts_with("providers.") || name.starts_with(&format!("providers.{PROVIDER}"));
        }
        if is_kept {
            kept += line;
            kept.push('\n');
        }
        if line == format!("[providers.{PROVIDER}]") {
            kept += "namespace = \"own\"\n";
        }
    }
    kept.replace(RAIL_IN_CONFIG, rail)
}

fn claims_of_a_minute(binary: &Path, at_most: usize) -> [Series; 2] {
    let mut points = vec![];
    for claims in decades(100, at_most) {
        let day = Day::start();
        let minute = payonce_runtime_api_tests::now_ms() / 60_000 - 30;
        day.claims(minute, "busy", claims, |number| number % 100 != 0);
        day.owe(&[]);
        let function = day.function(binary, &day.rail.url());
        day.run(&function);
        day.owe(&[minute]);
        let before = cpu_ms(&function);
        let ran = day.run(&function);
        points.push((claims, Cost { cpu_ms: cpu_ms(&function) - before, requests: ran.requests as f64 }));
    }
    both(
        "claims of a minute, 1 % without an outcome",
        ["sweeper's visit, processor ms", "sweeper's visit, requests"],
        &points,
    )
}

fn open_cases(binary: &Path, at_most: usize) -> [Series; 2] {
    let mut points = vec![];
    for open in decades(100, at_most) {
        let day = Day::start();
        day.cases(open);
        day.owe(&[]);
        let function = day.function(binary, &day.rail.url());
        // The first run of an environment counts them all.
        day.run(&function);
        let before = cpu_ms(&function);
        let ran = day.run(&function);
        points.push((open, Cost { cpu_ms: cpu_ms(&function) - before, requests: ran.requests as f64 }));
    }
    both("open cases", ["sweeper's run, processor ms", "sweeper's run, requests"], &points)
}

fn table(all: &[Series]) -> String {
    let mut table = "| what grows | what is counted | from | to | it grows |\n|---|---|---|---|---|\n".to_owned();
    for series in all {
        let said =
            |point: Option<&(f64, f64)>| point.map_or(String::new(), |(x, y)| format!("{} at {x}", significant(*y)));
        let Series { grows, counted, points } = series;
        table += &format!(
            "| {grows} | {counted} | {} | {} | {} |\n",
            said(points.first()),
            said(points.last()),
            series.said()
        );
    }
    table
}

/// Three digits are all that a measurement is worth.
fn significant(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
