//! `payonce-benchmark sweeper`: the deployed sweeper on a bad day, each figure beside what it has to keep. The binary runs
//! on one core (`taskset`); its memory is not limited but read from the kernel (`VmHWM`), which must stay below 512 MiB. It
//! speaks to an emulated DynamoDB in this process through a proxy that counts its requests, so that the times hold the
//! emulator's, too, which is slower than DynamoDB but nearer.

use std::collections::HashMap;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::{StreamExt, stream};
use payonce_ledger::{Case, Claim, OutcomeRecord};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::{AttemptId, Digest, Shards};
use payonce_protocol::money::Money;
use payonce_protocol::order::{Destination, EventId, Mode, PayoutKey};
use payonce_protocol::outcome::{Outcome, Reason, Verdict};
use payonce_protocol::sweep::{MINUTE_MS, Minute, Progress};
use payonce_runtime_api_tests::{Ending, Treatment, now_ms as now};
use serde_json::Value;

use crate::function::Function;
use crate::surroundings::{Surroundings, config_for};

/// The function's time-out, as deployed.
const WITHIN: Duration = Duration::from_secs(55);
const MEMORY_AT_MOST_MIB: usize = 512;
const ONE_BATCH: usize = 25;
const EXPIRES_AFTER_MS: u64 = 25_000;

type Item = HashMap<String, AttributeValue>;

#[derive(clap::Args)]
pub struct Sweeps {
    /// Claims of the busy minute, of which one in a hundred lacks an outcome
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    claims: usize,
    /// Minutes of the pause, with 3,000 payouts each
    #[arg(long, value_name = "N", default_value_t = 60)]
    pause: usize,
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    unknown: usize,
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    open: usize,
}

/// What one run did, and what it took.
pub struct Ran {
    report: Value,
    took: Duration,
    pub requests: usize,
}

/// A stack of which the tables can be filled by the minute.
pub struct Day {
    around: Surroundings,
    client: Client,
}

impl Deref for Day {
    type Target = Surroundings;

    fn deref(&self) -> &Surroundings {
        &self.around
    }
}

/// The figures, and whether all are kept.
pub fn measure(binary: &Path, sizes: &Sweeps) -> bool {
    let mut figures = Figures { are_kept: true };
    busy_minute(binary, sizes.claims, &mut figures);
    pause(binary, sizes.pause, &mut figures);
    hanging_rail(binary, sizes.unknown, &mut figures);
    open_cases(binary, sizes.open, &mut figures);
    figures.are_kept
}

struct Figures {
    are_kept: bool,
}

impl Figures {
    fn line(&mut self, name: &str, value: String, limit: &str, is_kept: bool) {
        println!("  {name:<58}{value:>12}  {limit}{}", if is_kept { "" } else { "  EXCEEDED" });
        self.are_kept &= is_kept;
    }

    fn memory(&mut self, function: &Function) {
        let mib = function.memory_kib("VmHWM") / 1024;
        self.line("  peak memory", format!("{mib} MiB"), "at most 512", mib <= MEMORY_AT_MOST_MIB);
    }
}

fn busy_minute(binary: &Path, claims: usize, figures: &mut Figures) {
    let day = Day::start();
    let minute = now() / MINUTE_MS - 30;
    day.claims(minute, "busy", claims, |number| number % 100 != 0);
    day.owe(&[minute]);
    let function = day.function(binary, &day.rail.url());
    let ran = day.run(&function);
    let dead = claims.div_ceil(100);
    let filed = ran.report["abandoned"].as_u64().unwrap() as usize;
    println!("a minute with {claims} claims, of which {dead} lack an outcome");
    figures.line("  cases", filed.to_string(), &format!("all {dead}"), filed == dead);
    let seconds = ran.took.as_secs_f64();
    figures.line("  took", format!("{seconds:.1} s"), "at most 15", seconds <= 15.0);
    figures.line("  requests", ran.requests.to_string(), "at most 1500", ran.requests <= 1_500);
    figures.memory(&function);
}

fn pause(binary: &Path, minutes: usize, figures: &mut Figures) {
    let day = Day::start();
    // Before this, so that the minutes that pass meanwhile are empty.
    let first = now() / MINUTE_MS - 20 - minutes as u64;
    for minute in 0..minutes as u64 {
        day.claims(first + minute, &format!("pause{minute}n"), 3_000, |number| number % 1_000 != 0);
    }
    day.runtime.block_on(day.ledger.set_round(first)).unwrap();
    let function = day.function(binary, &day.rail.url());
    let (mut runs, mut filed, mut took, mut requests, mut behind) = (0, 0, Duration::ZERO, 0, u64::MAX);
    while behind > 0 && runs < 20 {
        let ran = day.run(&function);
        (runs, took, requests) = (runs + 1, took + ran.took, requests + ran.requests);
        filed += ran.report["abandoned"].as_u64().unwrap();
        behind = ran.report["minutes_behind"].as_u64().unwrap();
    }
    println!("a pause of {minutes} minutes at 50 payouts a second");
    figures.line("  made up within", format!("{runs} runs"), "at most 10", runs <= 10 && behind == 0);
    figures.line("  cases", filed.to_string(), &format!("all {}", 3 * minutes), filed == 3 * minutes as u64);
    figures.line("  took", format!("{:.1} s", took.as_secs_f64()), "", true);
    figures.line("  requests", requests.to_string(), "", true);
    figures.memory(&function);
}

fn hanging_rail(binary: &Path, unknown: usize, figures: &mut Figures) {
    let day = Day::start();
    let minute = now() / MINUTE_MS - 30;
    day.ended(minute, "unknown", unknown, Outcome::Unknown);
    day.claims(minute + 1, "dead", 20, |_| false);
    day.owe(&[minute, minute + 1]);
    // It takes connections, and says nothing.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let function = day.function(binary, &format!("http://{}", hanging.local_addr().unwrap()));
    let ran = day.run(&function);
    let filed = ran.report["abandoned"].as_u64().unwrap();
    println!("{unknown} unknown payouts and a rail that hangs, beside 20 abandoned claims");
    figures.line("  cases of the first run", filed.to_string(), "all 20", filed == 20);
    figures.line("  took", format!("{:.1} s", ran.took.as_secs_f64()), "at most 55", ran.took < WITHIN);
    let waiting = ran.report["look_ups_waiting"].as_u64().unwrap();
    figures.line("  look-ups that wait", waiting.to_string(), "", true);
    figures.line("  requests", ran.requests.to_string(), "", true);
    figures.memory(&function);
}

fn open_cases(binary: &Path, open: usize, figures: &mut Figures) {
    let day = Day::start();
    day.owe(&[]);
    let function = day.function(binary, &day.rail.url());
    day.run(&function);
    let none = day.run(&function);
    day.cases(open);
    day.owe(&[]);
    day.run(&function);
    let many = day.run(&function);
    println!("{open} open cases");
    let more = many.took.saturating_sub(none.took).as_secs_f64();
    figures.line("  a run takes longer by", format!("{more:.2} s"), "at most 2", more <= 2.0);
    figures.line("  requests", format!("{} ({})", many.requests, none.requests), "", true);
    figures.memory(&function);
}

impl Day {
    pub fn start() -> Self {
        let around = Surroundings::start();
        let client = around.engine.client();
        Self { around, client }
    }

    /// The sweeper's process, with this rail.
    pub fn function(&self, binary: &Path, rail: &str) -> Function {
        self.write_config(&config_for(rail));
        Function::start(binary, self.environment(), true).0
    }

    pub fn run(&self, function: &Function) -> Ran {
        let before = self.proxy.requests();
        let began = Instant::now();
        let request = function.api.invoke("{}", WITHIN, Treatment::Take);
        let ending = function.api.ending_within(&request, WITHIN);
        let took = began.elapsed();
        let requests = self.proxy.requests() - before;
        match ending {
            Some(Ending::Response(bytes)) => Ran { report: serde_json::from_slice(&bytes).unwrap(), took, requests },
            other => panic!("the run ended as {other:?} after {requests} requests"),
        }
    }

    /// Everything was visited but these minutes.
    pub fn owe(&self, minutes: &[Minute]) {
        let mut progress = Progress::through(now() / MINUTE_MS);
        progress.owed.extend(minutes);
        self.runtime.block_on(self.ledger.set_progress(&progress)).unwrap();
    }

    pub fn claims(&self, minute: Minute, name: &str, number: usize, is_accepted: impl Fn(usize) -> bool) {
        self.fill(minute, name, number, |number| is_accepted(number).then_some(Outcome::Accepted));
    }

    fn ended(&self, minute: Minute, name: &str, number: usize, outcome: Outcome) {
        self.fill(minute, name, number, |_| Some(outcome));
    }

    /// Of the claim of this number, as [`Day::fill`] names them.
    pub fn key(name: &str, number: usize) -> PayoutKey {
        PayoutKey::new(format!("stripe/pi_{name}{number:08}")).unwrap()
    }

    /// Claims of a minute with their outcomes, made of one that the ledger itself wrote.
    pub fn fill(&self, minute: Minute, name: &str, number: usize, outcome: impl Fn(usize) -> Option<Outcome>) {
        // In a minute that nobody reads.
        let claim = claim(&format!("{name}pattern"), MINUTE_MS);
        let [claim_item, outcome_item] = self.runtime.block_on(async {
            self.ledger.put_claim(&claim).await;
            let evidence = Facts::from([(FactName::Phase, "answered"), (FactName::HttpStatus, "200")]);
            let accepted =
                OutcomeRecord { verdict: Verdict::plain(Outcome::Accepted), evidence, recorded_at: claim.claimed_at };
            self.ledger.record(&claim, &accepted, None).await;
            [self.item(&claim.key, "0001#claim").await, self.item(&claim.key, "0001#outcome").await]
        });
        let items = (0..number).flat_map(|number| {
            let key = Self::key(name, number);
            let text = |text: String| AttributeValue::S(text);
            let time = |at: u64| AttributeValue::N(at.to_string());
            let at = minute * MINUTE_MS;
            let mut claim = claim_item.clone();
            claim.insert("pk".to_owned(), text(key.to_string()));
            claim.insert("received_at".to_owned(), time(at));
            claim.insert("claimed_at".to_owned(), time(at));
            claim.insert("expires_at".to_owned(), time(at + EXPIRES_AFTER_MS));
            claim.insert("destination".to_owned(), text(payee(&key)));
            claim.insert("bucket".to_owned(), text(format!("{minute}#{:02}", Shards::ONE.of(&key))));
            let ended = outcome(number).map(|outcome| {
                let mut item = outcome_item.clone();
                item.insert("pk".to_owned(), text(key.to_string()));
                item.insert("recorded_at".to_owned(), time(at));
                item.insert("outcome".to_owned(), text(outcome.to_string()));
                item
            });
            std::iter::once(claim).chain(ended)
        });
        self.write(&self.tables.audit, items.collect());
    }

    /// Open cases, each of a claim of its own, made of one that the ledger itself wrote.
    pub fn cases(&self, number: usize) {
        let claim = claim("casepattern", now() - MINUTE_MS);
        let case = Case::of_claim(Reason::PayoutUnknown, &claim, now()).of_cause("timeout");
        let pattern = self.runtime.block_on(async {
            self.ledger.open_case(&case).await.unwrap();
            let get = self.client.get_item().table_name(&self.tables.reconcile);
            let key = |text: &str| AttributeValue::S(text.to_owned());
            let got = get.key("pk", key(case.id().as_str())).key("sk", key("case")).send().await;
            got.unwrap().item.unwrap()
        });
        let items = (0..number).map(|number| {
            let key = PayoutKey::new(format!("stripe/pi_case{number:08}")).unwrap();
            let id = Case::id_of(Reason::PayoutUnknown, &key, 1).to_string();
            let mut item = pattern.clone();
            item.insert("open".to_owned(), AttributeValue::S(format!("open#{}", &id[..1])));
            item.insert("pk".to_owned(), AttributeValue::S(id));
            item.insert("key".to_owned(), AttributeValue::S(key.to_string()));
            item
        });
        self.write(&self.tables.reconcile, items.collect());
    }

    async fn item(&self, key: &PayoutKey, sk: &str) -> Item {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let get = self.client.get_item().table_name(&self.tables.audit);
        get.key("pk", text(key.as_str())).key("sk", text(sk)).send().await.unwrap().item.unwrap()
    }

    fn write(&self, table: &str, items: Vec<Item>) {
        let batches: Vec<Vec<WriteRequest>> = items
            .chunks(ONE_BATCH)
            .map(|items| {
                let put = |item: &Item| PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
                items.iter().map(|item| WriteRequest::builder().put_request(put(item)).build()).collect()
            })
            .collect();
        self.runtime.block_on(
            stream::iter(batches)
                .map(|batch| async move {
                    self.client.batch_write_item().request_items(table, batch).send().await.unwrap();
                })
                .buffer_unordered(8)
                .collect::<Vec<()>>(),
        );
    }
}

/// Each is somebody else: a rail that is searched by its payees gives one payout.
pub fn payee(key: &PayoutKey) -> String {
    format!("acct_{}", key.as_str().replace(|letter: char| !letter.is_ascii_alphanumeric(), ""))
}

/// Of each, in its smallest unit.
pub const AMOUNT: u64 = 12_345;

fn claim(name: &str, received_at: u64) -> Claim {
    Claim {
        key: PayoutKey::new(format!("stripe/pi_{name}")).unwrap(),
        attempt: 1,
        attempt_id: AttemptId([7; 16]),
        event: EventId::new(format!("evt_{name}")).unwrap(),
        provider: "stripe".to_owned(),
        money: Money::new(AMOUNT, 2, "EUR".parse().unwrap()).unwrap(),
        destination: Destination::new("acct_1SampleWorkshop").unwrap(),
        received_at,
        claimed_at: received_at,
        expires_at: received_at + EXPIRES_AFTER_MS,
        body: Digest::of("body"),
        rail: "stripe".to_owned(),
        // Of the sandbox, else nobody would be asked.
        rail_account: "acct_sandboxPlatform".to_owned(),
        rail_mode: Mode::Test,
        rail_key: "a4433b2f-e244-8883-9a07-95cdeb0ec013".to_owned(),
        key_generation: 1,
        request: Digest::of("request"),
        request_id: "8a6e0804-2bd0-4672-b79d-d97027f9071a".to_owned(),
        trace_id: None,
    }
}
