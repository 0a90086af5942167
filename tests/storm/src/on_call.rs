//! What befalls everything at once, and whoever is on call for it: weather, holds that are released, tables that are restored.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use payonce_ledger::Books;
use payonce_protocol::hold::Hold;
use payonce_runtime_api_tests::now_ms;
use payonce_suite::faults::Fault;

use crate::plan::Weather;
use crate::process::{End, Process};
use crate::queue::Job;
use crate::run::{Extent, Storm};
use crate::stack::Sender;

/// Held writes land late, holds are looked at and the weather changes, at these intervals.
const LATE: Duration = Duration::from_secs(3);
/// The sweeper is invoked so often, as its schedule would.
const ROUND: Duration = Duration::from_secs(5);
/// A rail that is away is away for so long: more than an hour of the sender's clock.
const AWAY: Duration = Duration::from_millis(700);
/// Deliveries that were answered between the moment to which tables are restored, and the hold.
const GAP: Duration = Duration::from_secs(2);
/// New tables stand unreleased for so long at the least.
const UNRELEASED: Duration = Duration::from_secs(1);
const ON_CALL: &str = "storm";

/// What was answered 200 by functions whose tables will be gone.
#[derive(Default)]
pub struct Answered {
    /// From the moment on to which they are restored.
    is_noted: bool,
    deliveries: Vec<(Sender, usize)>,
}

impl Storm {
    /// The sweeper as deployed, by its own clock.
    pub fn sweep(&self) {
        let mut process = self.stack.sweeper();
        let mut next = Instant::now();
        while !self.over.load(Ordering::SeqCst) {
            if process.tables != self.stack.in_use().number {
                process = self.stack.sweeper();
            }
            if Instant::now() >= next {
                let (end, _) = process.invoke("{}".to_owned(), None);
                // A run that fails is made up for by the next one.
                let name = if end == End::Answered(200) { "rounds" } else { "rounds that failed" };
                if end == End::TimedOut {
                    process = self.stack.sweeper();
                }
                self.count(|counts| *counts.sweeps.entry(name).or_default() += 1);
                next = Instant::now() + ROUND;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stopped processes go on, held writes land late, the weather changes, and a person releases a hold.
    pub fn look_after(&self) {
        let mut late = Instant::now() + LATE;
        let mut number = 0;
        while !self.over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
            let now = Instant::now();
            let is_due = |(goes_on, _): &mut (Option<Instant>, Process)| goes_on.is_some_and(|moment| moment <= now);
            let due: Vec<_> = self.stopped.lock().unwrap().extract_if(.., is_due).collect();
            for (_, process) in due {
                process.go_on();
                self.count(|counts| counts.went_on += 1);
                self.going_on.lock().unwrap().push(process);
            }
            if Instant::now() < late {
                continue;
            }
            let landed = self.stack.runtime.block_on(self.stack.proxy.release_held()).len();
            self.count(|counts| counts.landed_late += landed);
            self.release_hold();
            self.change_weather(Weather::next(self.options.seed, number));
            number += 1;
            late = Instant::now() + LATE;
        }
        self.clear_weather();
    }

    /// Who restores tables releases them; nobody else meanwhile.
    fn release_hold(&self) {
        let Ok(_on_call) = self.on_call.try_lock() else { return };
        let ledger = &self.stack.in_use().ledger;
        let control = self.stack.runtime.block_on(ledger.control());
        if control.is_ok_and(|control| control.is_some_and(|control| control.hold != Hold::Pay)) {
            let released = ledger.set_hold(Hold::Pay, ON_CALL, "looked at", now_ms());
            // The sweeper may have set it again meanwhile.
            if self.stack.runtime.block_on(released).is_ok() {
                self.count(|counts| counts.holds_released += 1);
            }
        }
    }

    fn change_weather(&self, weather: Weather) {
        use payonce_local::sandbox_rail::Weather as AtTheRail;

        self.clear_weather();
        let (stack, runtime) = (&self.stack, &self.stack.runtime);
        let throttle = |target, times| stack.proxy.plan(times, target, "", Fault::THROTTLE);
        let rail = |weather| {
            self.clock_stands.fetch_add(1, Ordering::SeqCst);
            runtime.block_on(stack.rail.set_weather(weather));
            thread::sleep(AWAY);
            runtime.block_on(stack.rail.set_weather(AtTheRail::Fair));
            self.clock_stands.fetch_sub(1, Ordering::SeqCst);
        };
        match weather {
            Weather::Fair => {}
            Weather::RailDown => rail(AtTheRail::Down),
            Weather::RailUnavailable => rail(AtTheRail::Unavailable),
            Weather::ListLags => stack.rail.set_list_lag_ms(2_000),
            Weather::IndexLags => stack.proxy.lag_index(),
            // New ones stand at once, so nobody waits until there is none.
            Weather::HangUp => {
                drop(runtime.block_on(async { tokio::time::timeout(AWAY, stack.proxy.hang_up()).await }));
            }
            Weather::Throttled => throttle("PutItem", 20),
            Weather::TransactionsThrottled => throttle("TransactWriteItems", 5),
            Weather::ControlUnreadable => stack.proxy.plan(5, "GetItem", "\"control\"", Fault::SERVER_ERROR),
            Weather::Held => {
                let Ok(_on_call) = self.on_call.try_lock() else { return };
                let ledger = &stack.in_use().ledger;
                drop(runtime.block_on(ledger.set_hold(Hold::Refuse, ON_CALL, "a person had a doubt", now_ms())));
                self.clock_stands.fetch_add(1, Ordering::SeqCst);
                thread::sleep(AWAY);
                drop(runtime.block_on(ledger.set_hold(Hold::Pay, ON_CALL, "and has none any more", now_ms())));
                self.clock_stands.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.count(|counts| *counts.weather.entry(weather.in_words()).or_default() += 1);
    }

    fn clear_weather(&self) {
        self.stack.rail.set_list_lag_ms(0);
        self.stack.proxy.release_index();
    }

    /// Tables are lost, and restored as infra/runbooks/restore.md says.
    pub fn restore_tables(&self) {
        for place in 0..self.restores_at.len() {
            while !self.is_time_to_restore(place) {
                thread::sleep(Duration::from_millis(20));
            }
            self.restore();
        }
    }

    fn is_time_to_restore(&self, place: usize) -> bool {
        let share = self.restores_at[place];
        match self.options.extent {
            Extent::Deliveries(all) => self.made() == all && self.pending() * 100 <= all * (100 - share),
            Extent::Minutes(_) => self.began.elapsed() * 100 >= self.length * share as u32,
        }
    }

    fn restore(&self) {
        let _on_call = self.on_call.lock().unwrap();
        let runtime = &self.stack.runtime;
        self.answered.lock().unwrap().is_noted = true;
        let moment = self.stack.engine.moment();
        thread::sleep(GAP);
        // A second of ours is an hour of the sender's, and a restore takes minutes.
        self.clock_stands.fetch_add(1, Ordering::SeqCst);
        let before = self.stack.in_use();
        let held = || before.ledger.set_hold(Hold::Refuse, ON_CALL, "restoring the tables", now_ms());
        // The sweeper may set it at the same moment.
        while runtime.block_on(held()).is_err() {}
        *self.held_at.lock().unwrap() = Some(Instant::now());
        let restored = self.stack.restored(&moment);
        let ledger = restored.ledger.clone();
        // A redelivery may come a day later: the rail's keys are no help, and what stands in the tables is all there is.
        self.stack.rail.forget_keys();
        let lost = {
            let mut answered = self.answered.lock().unwrap();
            self.stack.deploy(restored);
            std::mem::take(&mut *answered).deliveries
        };
        // Providers come again by themselves, before anybody released anything.
        lost.iter().step_by(3).for_each(|(sender, number)| self.send_again(*sender, *number));
        thread::sleep(UNRELEASED);
        let release = || ledger.release(Books::Restored, ON_CALL, "restored; paid from now on", now_ms());
        while runtime.block_on(release()).is_err() {}
        self.clock_stands.fetch_sub(1, Ordering::SeqCst);
        // Answered 200, so no provider comes back by itself: what ended as a case is in the lost tables alone.
        lost.iter().for_each(|(sender, number)| self.send_again(*sender, *number));
        self.count(|counts| {
            counts.restores += 1;
            counts.sent_again_after_restores += lost.len();
        });
    }

    /// Before everything that waits.
    fn send_again(&self, sender: Sender, number: usize) {
        self.queues[sender.name()].put(Job { due: self.began, number, attempt: 0, redelivery: true });
    }

    /// Of a function that works with these tables.
    pub fn note_answer(&self, sender: Sender, number: usize, tables: usize) {
        let mut answered = self.answered.lock().unwrap();
        if tables < self.stack.in_use().number {
            // It ended after the others had new tables.
            drop(answered);
            self.send_again(sender, number);
        } else if answered.is_noted {
            answered.deliveries.push((sender, number));
        }
    }
}
