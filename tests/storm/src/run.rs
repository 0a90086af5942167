//! The storm itself: processes that are fed, struck and started again; a sender that comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use payonce_protocol::hold::Hold;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;
use payonce_runtime_api_tests::now_ms;

use crate::books::Books;
use crate::plan::{Blow, Delivery, PAYEE, blow, pause};
use crate::process::{End, Process};
use crate::queue::{Job, Queue};
use crate::report::{Counts, Report};
use crate::stack::{Missing, Sender, Stack, WITHIN};

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Different deliveries; redeliveries come on top.
    pub deliveries: usize,
    pub seed: u64,
    /// `webhook` processes at a time.
    pub processes: usize,
}

/// Of a hundred deliveries this many hold many events.
const FAN_OUT_PERCENT: usize = 1;
/// Held writes land late, at these intervals.
const LATE: Duration = Duration::from_secs(3);
/// The sweeper is invoked so often, as its schedule would.
const ROUND: Duration = Duration::from_secs(5);

struct Storm {
    stack: Stack,
    options: Options,
    queues: BTreeMap<&'static str, Queue>,
    counts: Mutex<Counts>,
    /// Stopped processes, with the moment at which they go on; without one, when all is over.
    stopped: Mutex<Vec<(Option<Instant>, Process)>>,
    /// They end what they had begun, beside whoever took their delivery over.
    going_on: Mutex<Vec<Process>>,
    given_up: Mutex<BTreeSet<String>>,
    /// What a delivery takes that nobody disturbs, by sender.
    usual: Mutex<BTreeMap<&'static str, Duration>>,
    over: AtomicBool,
    progress: ProgressBar,
}

pub fn run(options: Options) -> Result<Report, Missing> {
    let stack = Stack::start()?;
    let progress = ProgressBar::new(options.deliveries as u64).with_style(
        ProgressStyle::with_template("  {bar:40} {pos}/{len} deliveries settled, {elapsed}, {eta} left").unwrap(),
    );
    let queues = [Sender::Stripe, Sender::GoCardless].map(|sender| (sender.name(), Queue::default()));
    let storm = Arc::new(Storm {
        stack,
        options,
        queues: queues.into(),
        counts: Mutex::default(),
        stopped: Mutex::default(),
        going_on: Mutex::default(),
        given_up: Mutex::default(),
        usual: Mutex::default(),
        over: AtomicBool::new(false),
        progress,
    });
    let began = Instant::now();
    storm.fill();
    let background = [Storm::sweep, Storm::look_after].map(|task| {
        let storm = storm.clone();
        thread::spawn(move || task(&storm))
    });
    let workers: Vec<_> = (0..options.processes)
        .map(|place| {
            let storm = storm.clone();
            // One process in each group serves the provider that sends many events at once.
            let sender = if place == 0 { Sender::GoCardless } else { Sender::Stripe };
            thread::spawn(move || storm.work(sender))
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    storm.over.store(true, Ordering::SeqCst);
    for task in background {
        task.join().unwrap();
    }
    storm.progress.finish_and_clear();
    storm.let_go_on_too_late();
    storm.stack.runtime.block_on(storm.stack.proxy.release_held());
    storm.stack.half_an_hour_later();
    let books = storm.books();
    let counts = storm.counts.lock().unwrap().clone();
    Ok(Report { options, took: began.elapsed(), counts, books })
}

fn sender_of(number: usize) -> Sender {
    if number % 100 < FAN_OUT_PERCENT { Sender::GoCardless } else { Sender::Stripe }
}

impl Storm {
    /// All first tries at once: the processes take them as fast as they can.
    fn fill(&self) {
        let now = Instant::now();
        for number in 0..self.options.deliveries {
            let sender = sender_of(number);
            let plan = self.planned(number);
            if let Some((name, target, fault)) = plan.table {
                let key = &sender.keys(number)[0];
                self.stack.proxy.plan(1, target, &format!("\"{key}\""), fault);
                *self.counts.lock().unwrap().table_faults.entry(name).or_default() += 1;
            }
            if plan.payee != PAYEE {
                self.counts.lock().unwrap().rail_faults += 1;
            }
            let copies = if plan.twice_at_once { 2 } else { 1 };
            for _ in 0..copies {
                self.queues[sender.name()].put(Job { due: now, number, attempt: 0, redelivery: false });
            }
        }
    }

    fn planned(&self, number: usize) -> Delivery {
        let plan = Delivery::planned(self.options.seed, number);
        match sender_of(number) {
            Sender::Stripe => plan,
            // One payee for all of its events: a rail that hangs twenty times would only be slow.
            Sender::GoCardless => Delivery { payee: PAYEE, ..plan },
        }
    }

    fn work(&self, sender: Sender) {
        let queue = &self.queues[sender.name()];
        let mut process = self.stack.webhook(sender);
        while let Some(job) = queue.take() {
            let plan = self.planned(job.number);
            let usual = self.usual.lock().unwrap().get(sender.name()).copied().unwrap_or(Duration::from_millis(30));
            let blow = blow(self.options.seed, job.number, job.attempt, usual);
            let payload = self.stack.payload(sender, job.number, plan.payee);
            let (end, took) = process.invoke(payload, blow);
            if end == End::Answered(200) && blow.is_none() && plan.payee == PAYEE && plan.table.is_none() {
                let mut all = self.usual.lock().unwrap();
                let usual = all.entry(sender.name()).or_insert(took);
                *usual = (*usual * 9 + took) / 10;
            }
            process = self.after(sender, end, blow, process);
            self.answered(sender, job, &plan, end);
            queue.finished();
        }
    }

    /// The process that takes the next delivery.
    fn after(&self, sender: Sender, end: End, blow: Option<Blow>, process: Process) -> Process {
        let mut counts = self.counts.lock().unwrap();
        match end {
            End::Answered(status) => {
                *counts.answers.entry(status).or_default() += 1;
                return process;
            }
            End::Killed => {
                counts.kills += 1;
                *counts.answers.entry(502).or_default() += 1;
            }
            End::Stopped => {
                counts.stops += 1;
                *counts.answers.entry(504).or_default() += 1;
                let goes_on = match blow {
                    Some(Blow::Stop { for_: Some(for_), .. }) => Some(Instant::now() + for_),
                    _ => None,
                };
                self.stopped.lock().unwrap().push((goes_on, process));
            }
        }
        drop(counts);
        self.stack.webhook(sender)
    }

    /// What the provider does next.
    fn answered(&self, sender: Sender, job: Job, plan: &Delivery, end: End) {
        let mut counts = self.counts.lock().unwrap();
        counts.sent += 1;
        if job.redelivery {
            counts.redelivered_after_answer += 1;
        }
        drop(counts);
        let now = Instant::now();
        if end == End::Answered(200) {
            if plan.again && !job.redelivery {
                self.queues[sender.name()].put(Job { due: now, redelivery: true, attempt: job.attempt + 1, ..job });
            }
            if !job.redelivery {
                self.progress.inc(1);
            }
            return;
        }
        assert!(matches!(end, End::Answered(502 | 503) | End::Killed | End::Stopped), "{end:?}");
        match pause(plan.schedule, job.attempt) {
            Some(pause) => self.queues[sender.name()].put(Job { due: now + pause, attempt: job.attempt + 1, ..job }),
            None if job.redelivery => {}
            None => self.given_up.lock().unwrap().extend(sender.keys(job.number)),
        }
    }

    /// The sweeper as deployed, by its own clock.
    fn sweep(&self) {
        let mut process = self.stack.sweeper();
        let mut next = Instant::now();
        while !self.over.load(Ordering::SeqCst) {
            if Instant::now() >= next {
                let (end, _) = process.invoke("{}".to_owned(), None);
                assert!(matches!(end, End::Answered(200)), "the sweeper: {end:?}");
                self.counts.lock().unwrap().sweeps += 1;
                next = Instant::now() + ROUND;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stopped processes go on, held writes land late, and a person releases a hold that the sweeper set.
    fn look_after(&self) {
        let mut late = Instant::now() + LATE;
        while !self.over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
            let now = Instant::now();
            let is_due = |(goes_on, _): &mut (Option<Instant>, Process)| goes_on.is_some_and(|moment| moment <= now);
            let due: Vec<_> = self.stopped.lock().unwrap().extract_if(.., is_due).collect();
            for (_, process) in due {
                process.go_on();
                self.counts.lock().unwrap().went_on += 1;
                self.going_on.lock().unwrap().push(process);
            }
            if Instant::now() < late {
                continue;
            }
            late = Instant::now() + LATE;
            let landed = self.stack.runtime.block_on(self.stack.proxy.release_held()).len();
            self.counts.lock().unwrap().landed_late += landed;
            let control = self.stack.runtime.block_on(self.stack.ledger.control()).unwrap();
            if control.is_some_and(|control| control.hold != Hold::Pay) {
                let released = self.stack.ledger.set_hold(Hold::Pay, "storm", "looked at", now_ms());
                // The sweeper may have set it again meanwhile.
                if self.stack.runtime.block_on(released).is_ok() {
                    self.counts.lock().unwrap().holds_released += 1;
                }
            }
        }
    }

    /// The rest go on when their time is over, as a frozen environment may: they must not pay any more.
    fn let_go_on_too_late(&self) {
        thread::sleep(WITHIN);
        let stopped = self.stopped.lock().unwrap();
        stopped.iter().for_each(|(_, process)| process.go_on());
        self.counts.lock().unwrap().went_on_too_late = stopped.len();
        thread::sleep(Duration::from_secs(2));
    }

    fn books(&self) -> Books {
        let sent: BTreeSet<String> =
            (0..self.options.deliveries).flat_map(|number| sender_of(number).keys(number)).collect();
        let mut executed: BTreeMap<String, u64> = BTreeMap::new();
        for transfer in self.stack.rail.executed() {
            *executed.entry(transfer.payout_key().to_owned()).or_default() += 1;
        }
        let (accepted, cases) = self.stack.runtime.block_on(async {
            let ledger = &self.stack.ledger;
            let accepted: Vec<Option<String>> = stream::iter(sent.clone())
                .map(|key| async move {
                    let (_, outcome) = ledger.attempt(&PayoutKey::new(key.as_str()).unwrap(), 1).await.unwrap()?;
                    (outcome?.verdict.outcome == Outcome::Accepted).then_some(key)
                })
                .buffer_unordered(16)
                .collect()
                .await;
            (accepted.into_iter().flatten().collect(), ledger.open_cases(1_000_000).await.unwrap())
        });
        let mut counts = self.counts.lock().unwrap();
        for case in &cases {
            *counts.cases.entry(case.reason.to_string()).or_default() += 1;
        }
        counts.requests = self.stack.rail.requests().values().sum();
        let filed = cases.into_iter().filter_map(|case| Some(case.key?.to_string())).collect();
        let given_up = self.given_up.lock().unwrap().clone();
        // No person pays in a storm.
        Books { sent, given_up, executed, by_hand: BTreeMap::new(), accepted, filed }
    }
}
