//! The storm itself: processes that are fed, struck and started again; a sender that comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use payonce_protocol::ids::CaseId;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::outcome::Outcome;

use crate::books::Books;
use crate::on_call::Answered;
use crate::people;
use crate::plan::{Blow, Delivery, PAYEE, blow, pause};
use crate::process::{End, Process};
use crate::queue::{Job, Queue};
use crate::report::{Counts, Report};
use crate::stack::{Missing, Sender, Stack, WITHIN, now_s};

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub extent: Extent,
    pub seed: u64,
    /// `webhook` processes at a time.
    pub processes: usize,
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// Different deliveries; redeliveries come on top.
    Deliveries(usize),
    Minutes(u64),
}

/// Of a hundred deliveries this many hold many events.
const FAN_OUT_PERCENT: usize = 1;
/// A run by time is made of portions: each has a world of its own, which settles and is compared before the next one begins, so
/// that tables and memory stay as they are in a short run. Long enough for what may be tried again ten minutes later.
const PORTION: Duration = Duration::from_secs(20 * 60);
/// In a run by time so many wait to be sent: an event is made when it is sent, not an hour before.
const AHEAD: usize = 200;
/// When tables are restored, in hundredths of a portion. The first one leaves time for what waits ten minutes.
const RESTORES_OF_A_PORTION: &[usize] = &[25, 85];
const RESTORES_OF_A_SHORT_RUN: &[usize] = &[70];

pub struct Storm {
    pub stack: Stack,
    pub options: Options,
    /// Of the first delivery; the moments at which each one's event was made.
    first: usize,
    made_s: Mutex<Vec<u64>>,
    pub began: Instant,
    /// For which deliveries are sent, in a run by time.
    pub length: Duration,
    pub restores_at: &'static [usize],
    pub queues: BTreeMap<&'static str, Queue>,
    counts: Mutex<Counts>,
    /// Stopped processes, with the moment at which they go on; without one, when all is over.
    pub stopped: Mutex<Vec<(Option<Instant>, Process)>>,
    /// They end what they had begun, beside whoever took their delivery over.
    pub going_on: Mutex<Vec<Process>>,
    given_up: Mutex<BTreeSet<String>>,
    /// What a delivery takes that nobody disturbs, by sender.
    usual: Mutex<BTreeMap<&'static str, Duration>>,
    /// Of whoever restores tables.
    pub on_call: Mutex<()>,
    pub held_at: Mutex<Option<Instant>>,
    pub answered: Mutex<Answered>,
    /// While it is not 0, a refused try does not count for the sender, whose hours are seconds here.
    pub clock_stands: AtomicUsize,
    /// What people paid by hand, in their own list, and the cases that they had in their hands.
    pub by_hand: Mutex<BTreeMap<String, u64>>,
    pub worked_on: Mutex<BTreeSet<CaseId>>,
    pub over: AtomicBool,
    progress: ProgressBar,
}

pub fn run(options: Options) -> Result<Report, Missing> {
    let began = Instant::now();
    let progress = progress(options.extent);
    let mut report =
        Report { options, deliveries: 0, took: Duration::ZERO, counts: Counts::default(), books: Books::default() };
    loop {
        let length = match options.extent {
            Extent::Deliveries(_) => Duration::ZERO,
            Extent::Minutes(minutes) => {
                let left = Duration::from_secs(minutes * 60).saturating_sub(began.elapsed());
                // What is left behind the last portion belongs to it.
                if left < PORTION * 3 / 2 { left } else { PORTION }
            }
        };
        let (deliveries, counts, books) = Storm::portion(options, report.deliveries, length, progress.clone())?;
        report.deliveries += deliveries;
        report.counts.add(counts);
        report.books.add(books);
        report.took = began.elapsed();
        match options.extent {
            Extent::Minutes(minutes) if began.elapsed() + PORTION / 20 < Duration::from_secs(minutes * 60) => {
                eprintln!("{report}");
            }
            _ => break,
        }
    }
    progress.finish_and_clear();
    Ok(report)
}

fn progress(extent: Extent) -> ProgressBar {
    let (length, template) = match extent {
        Extent::Deliveries(all) => (all as u64, "  {bar:40} {pos}/{len} deliveries settled, {elapsed}, {eta} left"),
        Extent::Minutes(minutes) => (minutes * 60, "  {bar:40} {pos}/{len} seconds, {msg} deliveries settled"),
    };
    ProgressBar::new(length).with_style(ProgressStyle::with_template(template).unwrap())
}

fn sender_of(number: usize) -> Sender {
    if number % 100 < FAN_OUT_PERCENT { Sender::GoCardless } else { Sender::Stripe }
}

impl Storm {
    /// One world: how many deliveries were sent in it, and what came of it.
    fn portion(
        options: Options,
        first: usize,
        length: Duration,
        progress: ProgressBar,
    ) -> Result<(usize, Counts, Books), Missing> {
        let stack = Stack::start()?;
        let queues = [Sender::Stripe, Sender::GoCardless].map(|sender| (sender.name(), Queue::default()));
        let restores_at = match options.extent {
            Extent::Minutes(_) if length > PORTION / 2 => RESTORES_OF_A_PORTION,
            _ => RESTORES_OF_A_SHORT_RUN,
        };
        let storm = Arc::new(Self {
            stack,
            options,
            first,
            made_s: Mutex::default(),
            began: Instant::now(),
            length,
            restores_at,
            queues: queues.into(),
            counts: Mutex::default(),
            stopped: Mutex::default(),
            going_on: Mutex::default(),
            given_up: Mutex::default(),
            usual: Mutex::default(),
            on_call: Mutex::default(),
            held_at: Mutex::default(),
            answered: Mutex::default(),
            clock_stands: AtomicUsize::new(0),
            by_hand: Mutex::default(),
            worked_on: Mutex::default(),
            over: AtomicBool::new(false),
            progress,
        });
        let spawn = |task: fn(&Self)| {
            let storm = storm.clone();
            thread::spawn(move || task(&storm))
        };
        // Nothing else brings new deliveries.
        let bringing = [Self::feed, Self::restore_tables].map(spawn);
        let background = [Self::sweep, Self::look_after, people::first, people::second].map(spawn);
        let workers: Vec<_> = (0..options.processes)
            .map(|place| {
                let storm = storm.clone();
                // One process in each group serves the provider that sends many events at once.
                let sender = if place == 0 { Sender::GoCardless } else { Sender::Stripe };
                thread::spawn(move || storm.work(sender))
            })
            .collect();
        for task in bringing {
            task.join().unwrap();
        }
        storm.queues.values().for_each(Queue::close);
        for worker in workers {
            worker.join().unwrap();
        }
        storm.over.store(true, Ordering::SeqCst);
        for task in background {
            task.join().unwrap();
        }
        storm.let_go_on_too_late();
        storm.stack.runtime.block_on(storm.stack.proxy.release_held());
        storm.stack.half_an_hour_later();
        storm.pay_what_is_ended();
        let books = storm.books();
        let counts = storm.counts.lock().unwrap().clone();
        Ok((storm.made(), counts, books))
    }

    pub fn count(&self, add: impl FnOnce(&mut Counts)) {
        add(&mut self.counts.lock().unwrap());
    }

    /// Not yet settled, of all senders.
    pub fn pending(&self) -> usize {
        self.queues.values().map(Queue::pending).sum()
    }

    /// Of so many deliveries all first tries at once: the processes take them as fast as they can. In a run by time as many as
    /// they take, until it is over.
    fn feed(&self) {
        match self.options.extent {
            Extent::Deliveries(all) => self.send_first(all),
            Extent::Minutes(_) => {
                let before = self.progress.position();
                while self.began.elapsed() < self.length {
                    if self.pending() < AHEAD {
                        self.send_first(AHEAD / 4);
                    }
                    self.progress.set_position(before + self.began.elapsed().as_secs());
                    self.progress.set_message(self.settled().to_string());
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }

    fn settled(&self) -> usize {
        self.first + self.made().saturating_sub(self.pending())
    }

    /// Deliveries of this world so far.
    pub fn made(&self) -> usize {
        self.made_s.lock().unwrap().len()
    }

    fn send_first(&self, deliveries: usize) {
        // Until all of them wait to be sent: what is made and does not wait counts as settled.
        let mut made_s = self.made_s.lock().unwrap();
        let from = self.first + made_s.len();
        made_s.extend(std::iter::repeat_n(now_s(), deliveries));
        let now = Instant::now();
        for number in from..from + deliveries {
            let sender = sender_of(number);
            let plan = self.planned(number);
            if let Some((name, target, fault)) = plan.table {
                let key = &sender.keys(number)[0];
                self.stack.proxy.plan(1, target, &format!("\"{key}\""), fault);
                self.count(|counts| *counts.table_faults.entry(name).or_default() += 1);
            }
            if plan.payee != PAYEE {
                self.count(|counts| counts.rail_faults += 1);
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
            if process.tables != self.stack.in_use().number {
                process = self.stack.webhook(sender);
            }
            let plan = self.planned(job.number);
            let usual = self.usual.lock().unwrap().get(sender.name()).copied().unwrap_or(Duration::from_millis(30));
            let blow = blow(self.options.seed, job.number, job.attempt, usual);
            let made_s = self.made_s.lock().unwrap()[job.number - self.first];
            let payload = self.stack.payload(sender, job.number, &plan, made_s);
            let (end, took) = process.invoke(payload, blow);
            if end == End::Answered(200) && blow.is_none() && plan.payee == PAYEE && plan.table.is_none() {
                let mut all = self.usual.lock().unwrap();
                let usual = all.entry(sender.name()).or_insert(took);
                *usual = (*usual * 9 + took) / 10;
            }
            let tables = process.tables;
            process = self.after(sender, end, blow, process);
            self.answered(sender, job, &plan, end, tables);
            queue.finished();
        }
    }

    /// The process that takes the next delivery.
    fn after(&self, sender: Sender, end: End, blow: Option<Blow>, process: Process) -> Process {
        match end {
            End::Answered(status) => {
                self.count(|counts| *counts.answers.entry(status).or_default() += 1);
                return process;
            }
            End::Killed => self.count(|counts| {
                counts.kills += 1;
                *counts.answers.entry(502).or_default() += 1;
            }),
            End::TimedOut => self.count(|counts| {
                counts.timed_out += 1;
                *counts.answers.entry(504).or_default() += 1;
            }),
            End::Stopped => {
                self.count(|counts| {
                    counts.stops += 1;
                    *counts.answers.entry(504).or_default() += 1;
                });
                self.put_aside(process, blow);
            }
        }
        self.stack.webhook(sender)
    }

    /// It goes on later, or when all is over.
    pub fn put_aside(&self, process: Process, blow: Option<Blow>) {
        let goes_on = match blow {
            Some(Blow::Stop { for_: Some(for_), .. }) => Some(Instant::now() + for_),
            _ => None,
        };
        self.stopped.lock().unwrap().push((goes_on, process));
    }

    /// What the provider does next.
    fn answered(&self, sender: Sender, job: Job, plan: &Delivery, end: End, tables: usize) {
        self.count(|counts| {
            counts.sent += 1;
            counts.redelivered_after_answer += usize::from(job.redelivery);
        });
        let now = Instant::now();
        let queue = &self.queues[sender.name()];
        if end == End::Answered(200) {
            self.note_answer(sender, job.number, tables);
            if plan.again && !job.redelivery {
                queue.put(Job { due: now, redelivery: true, attempt: job.attempt + 1, ..job });
            }
            if !job.redelivery && matches!(self.options.extent, Extent::Deliveries(_)) {
                self.progress.inc(1);
            }
            return;
        }
        assert!(matches!(end, End::Answered(502 | 503) | End::Killed | End::Stopped | End::TimedOut), "{end:?}");
        if end == End::Answered(503) && self.clock_stands.load(Ordering::SeqCst) > 0 {
            queue.put(Job { due: now + Duration::from_millis(200), ..job });
            return;
        }
        match pause(plan.schedule, job.attempt) {
            Some(pause) => queue.put(Job { due: now + pause, attempt: job.attempt + 1, ..job }),
            None if job.redelivery => {}
            None => self.given_up.lock().unwrap().extend(sender.keys(job.number)),
        }
    }

    /// The rest go on when their time is over, as a frozen environment may: they must not pay any more.
    fn let_go_on_too_late(&self) {
        thread::sleep(WITHIN);
        let stopped = self.stopped.lock().unwrap();
        stopped.iter().for_each(|(_, process)| process.go_on());
        self.count(|counts| counts.went_on_too_late = stopped.len());
        thread::sleep(Duration::from_secs(2));
    }

    fn books(&self) -> Books {
        let numbers = self.first..self.first + self.made();
        let sent: BTreeSet<String> = numbers.flat_map(|number| sender_of(number).keys(number)).collect();
        let mut executed: BTreeMap<String, u64> = BTreeMap::new();
        for transfer in self.stack.rail.executed() {
            *executed.entry(transfer.payout_key().to_owned()).or_default() += 1;
        }
        let in_use = self.stack.in_use();
        let ledger = &in_use.ledger;
        let (accepted, cases) = self.stack.runtime.block_on(async {
            let accepted: Vec<Option<String>> = stream::iter(sent.clone())
                .map(|key| async move {
                    let attempts = ledger.payout(&PayoutKey::new(key.as_str()).unwrap()).await.unwrap().attempts;
                    let mut outcomes = attempts.into_iter().filter_map(|attempt| attempt.outcome);
                    outcomes.any(|outcome| outcome.verdict.outcome == Outcome::Accepted).then_some(key)
                })
                .buffer_unordered(16)
                .collect()
                .await;
            (accepted.into_iter().flatten().collect(), ledger.open_cases(1_000_000).await.unwrap())
        });
        self.count(|counts| {
            for case in &cases {
                *counts.cases.entry(case.reason.to_string()).or_default() += 1;
            }
            counts.requests = self.stack.rail.requests().values().sum();
        });
        let filed = cases.into_iter().filter_map(|case| Some(case.key?.to_string())).collect();
        let given_up = self.given_up.lock().unwrap().clone();
        let by_hand = self.by_hand.lock().unwrap().clone();
        Books { sent, given_up, executed, by_hand, accepted, filed, ended: self.ended() }
    }
}
