//! The worlds that are explored. Each is about one thing and small everywhere else; together they let every fault meet
//! every guard.

use payonce_protocol::sweep::MINUTE_MS;

use crate::fault::Fault;
use crate::properties::Sight;
use crate::setting::{
    HOUR_MS, KEYS_AND_LOOK_UP, KEYS_ONLY, LOOK_UP_ONLY, ONE, OTHER_EVENT, OTHER_TERMS, SECOND_MS, Setting,
};

/// Everything that is explored with all guards in place.
pub fn all() -> Vec<Setting> {
    vec![
        seven_deliveries(),
        three_deliveries(),
        one_event_twice(),
        two_events(),
        other_terms(),
        refusals(),
        keys_and_look_up(),
        keys_only(),
        slow_worker(),
        slow_clock(),
        nothing_promised(),
        a_list_that_lags(),
        endings(),
        a_second_event_ends(),
        given_back(),
        a_lifted_limit(),
    ]
}

/// A payment that is given back, before or after, while everything else goes wrong.
pub fn given_back() -> Setting {
    Setting {
        rail: KEYS_AND_LOOK_UP,
        faults: vec![Fault::Crash, Fault::Hold, Fault::PutAnswerLost, Fault::PutLate, Fault::ReplyLost, Fault::Refuses],
        fault_budget: 2,
        moments: vec![0, 5 * MINUTE_MS, 22 * MINUTE_MS, 25 * HOUR_MS],
        sweeper_pauses: false,
        approvals: 1,
        is_given_back: true,
        sights: vec![Sight::Paid, Sight::GivenBackFirst, Sight::GivenBackAfterwards],
        ..Setting::deliveries("a payment that is given back", vec![vec![ONE], vec![ONE]])
    }
}

/// An event above its limit: two people lift it, twice at once too, or close its case, while it comes again, refused as before
/// or paid by a configuration that allows it.
pub fn a_lifted_limit() -> Setting {
    Setting {
        faults: vec![
            Fault::Misfit,
            Fault::Crash,
            Fault::PutAnswerLost,
            Fault::PutLate,
            Fault::ReplyLost,
            Fault::RecordLost,
            Fault::Refuses,
        ],
        fault_budget: 3,
        moments: vec![0, 5 * MINUTE_MS, 22 * MINUTE_MS, 25 * HOUR_MS],
        sweeper_pauses: false,
        approvals: 1,
        endings: 1,
        lifts: 2,
        sights: vec![Sight::Paid, Sight::Lifted, Sight::PaidByHand, Sight::PaidAfterAnEnding, Sight::Swept],
        ..Setting::deliveries("a limit that people lift, and an event that is sent again", vec![vec![ONE], vec![ONE]])
    }
}

/// A rail that writes a group of its own over our reference, and whose list ends too early.
pub fn a_list_that_lags() -> Setting {
    Setting {
        rail: KEYS_AND_LOOK_UP,
        fault_budget: 4,
        faults: vec![
            Fault::Crash,
            Fault::GivesUp,
            Fault::ReplyLost,
            Fault::RequestLost,
            Fault::RewritesReference,
            Fault::ListLags,
        ],
        moments: vec![
            0,
            5 * MINUTE_MS,
            22 * MINUTE_MS,
            26 * HOUR_MS,
            26 * HOUR_MS + 11 * MINUTE_MS,
            26 * HOUR_MS + 22 * MINUTE_MS,
            52 * HOUR_MS,
        ],
        arrivals_until: 0,
        sweeper_pauses: false,
        approvals: 1,
        look_ups: 3,
        sights: vec![Sight::Paid, Sight::Rewritten, Sight::Blind, Sight::PaidBySameKey, Sight::PaidByNextKey],
        ..Setting::deliveries("a rail whose list lags, and that writes groups of its own", vec![vec![ONE]])
    }
}

/// Cases without a claim that people close, and events that come again.
pub fn endings() -> Setting {
    Setting {
        faults: vec![
            Fault::Misfit,
            Fault::Crash,
            Fault::PutAnswerLost,
            Fault::PutLate,
            Fault::ReplyLost,
            Fault::RecordLost,
        ],
        fault_budget: 3,
        moments: vec![0, 5 * MINUTE_MS, 22 * MINUTE_MS, 25 * HOUR_MS],
        approvals: 1,
        endings: 2,
        sights: vec![
            Sight::Paid,
            Sight::PaidByHand,
            Sight::PaidAfterAnEnding,
            Sight::CameAgainAfterAnEnding,
            Sight::Swept,
        ],
        ..Setting::deliveries("endings, and an event that is sent again", vec![vec![ONE]; 3])
    }
}

/// A second event for a key that was refused before it came back, closed by hand or paid as an order of its own.
pub fn a_second_event_ends() -> Setting {
    Setting {
        faults: vec![Fault::Hold, Fault::NoTime, Fault::NotConnected, Fault::Crash, Fault::CaseLost],
        moments: vec![0, 5 * MINUTE_MS, 4 * HOUR_MS, 25 * HOUR_MS, 29 * HOUR_MS, 80 * HOUR_MS],
        arrivals_until: 2,
        sweeper_pauses: false,
        refusal_waits_ms: 50 * HOUR_MS,
        endings: 2,
        sights: vec![Sight::Paid, Sight::SecondEventFiled, Sight::OwnOrderByRail, Sight::OwnOrderByHand],
        ..Setting::deliveries(
            "a second event that is closed or paid by people",
            vec![vec![ONE], vec![OTHER_EVENT], vec![OTHER_EVENT]],
        )
    }
}

/// Many copies of one event at once, and much that goes wrong.
pub fn seven_deliveries() -> Setting {
    let faults = [Fault::PutAnswerLost, Fault::PutDropped, Fault::PutLate, Fault::Crash, Fault::ReplyLost];
    Setting { name: "seven deliveries of one event, five faults", ..copies(7, 5, faults.to_vec()) }
}

/// So many copies of one event, and so many faults of these kinds among them.
pub fn copies(deliveries: usize, fault_budget: u8, faults: Vec<Fault>) -> Setting {
    Setting {
        fault_budget,
        faults,
        moments: vec![0, 5 * MINUTE_MS, 25 * HOUR_MS],
        sights: vec![Sight::Paid, Sight::LostAnswerRecognised, Sight::Swept, Sight::SweptAndPaid],
        ..Setting::deliveries("copies of one event", vec![vec![ONE]; deliveries])
    }
}

/// Every fault, with fewer copies.
pub fn three_deliveries() -> Setting {
    Setting {
        sights: vec![
            Sight::Paid,
            Sight::LostAnswerRecognised,
            Sight::Swept,
            Sight::SweptAndPaid,
            Sight::LateOutcome,
            Sight::RefusedThenPaid,
        ],
        ..Setting::deliveries("three deliveries, every fault", vec![vec![ONE]; 3])
    }
}

/// The same event twice in one delivery, which is also delivered again.
pub fn one_event_twice() -> Setting {
    Setting {
        sights: vec![Sight::Paid, Sight::LostAnswerRecognised, Sight::Swept, Sight::SweptAndPaid],
        ..Setting::deliveries("one event twice in a delivery", vec![vec![ONE, ONE], vec![ONE]])
    }
}

/// Two events that ask for one payout, in one delivery.
pub fn two_events() -> Setting {
    Setting {
        sights: vec![Sight::Paid, Sight::LostAnswerRecognised, Sight::Swept, Sight::SecondEventFiled],
        ..Setting::deliveries("two events with one key in a delivery", vec![vec![ONE, OTHER_EVENT], vec![OTHER_EVENT]])
    }
}

pub fn other_terms() -> Setting {
    Setting {
        sights: vec![Sight::Paid, Sight::OtherTermsFiled],
        ..Setting::deliveries("one event with other terms", vec![vec![ONE], vec![OTHER_TERMS]])
    }
}

/// Whatever makes us answer 503, and a provider that comes back or does not.
pub fn refusals() -> Setting {
    Setting {
        fault_budget: 3,
        faults: vec![
            Fault::Hold,
            Fault::NoTime,
            Fault::NotConnected,
            Fault::PutDropped,
            Fault::PutRefused,
            Fault::PutLate,
            Fault::ReadFails,
            Fault::NoteLost,
            Fault::CaseLost,
            Fault::Panic,
            Fault::SweeperDies,
        ],
        moments: vec![0, 5 * MINUTE_MS, 4 * HOUR_MS, 25 * HOUR_MS, 29 * HOUR_MS, 80 * HOUR_MS],
        arrivals_until: 2,
        sweeper_pauses: false,
        // Longer than the sweeper looks back.
        refusal_waits_ms: 50 * HOUR_MS,
        sights: vec![Sight::Paid, Sight::RefusedThenPaid, Sight::NeverCameBack],
        ..Setting::deliveries("refused, and perhaps never back", vec![vec![ONE], vec![ONE]])
    }
}

/// What goes wrong once a worker has its claim.
const PAYING: [Fault; 11] = [
    Fault::Crash,
    Fault::Freeze,
    Fault::Panic,
    Fault::RecordLost,
    Fault::GivesUp,
    Fault::ReplyLost,
    Fault::RequestLost,
    Fault::Refuses,
    Fault::NotBegun,
    Fault::KeepsError,
    Fault::PutLate,
];

/// Attempts inside, at the end of, and past the life of a rail key.
pub fn keys_and_look_up() -> Setting {
    Setting {
        rail: KEYS_AND_LOOK_UP,
        fault_budget: 3,
        faults: PAYING.to_vec(),
        moments: vec![
            0,
            5 * MINUTE_MS,
            22 * HOUR_MS,
            26 * HOUR_MS,
            26 * HOUR_MS + 11 * MINUTE_MS,
            48 * HOUR_MS,
            48 * HOUR_MS + 11 * MINUTE_MS,
            74 * HOUR_MS,
        ],
        arrivals_until: 0,
        sweeper_pauses: false,
        approvals: 2,
        look_ups: 3,
        sights: vec![
            Sight::Paid,
            Sight::Swept,
            Sight::PaidBySameKey,
            Sight::PaidByNextKey,
            Sight::Replayed,
            Sight::ThirdAttempt,
        ],
        ..Setting::deliveries("re-issues at a rail with keys and look-ups", vec![vec![ONE]])
    }
}

pub fn keys_only() -> Setting {
    Setting {
        rail: KEYS_ONLY,
        look_ups: 0,
        fault_budget: 4,
        sights: vec![
            Sight::Paid,
            Sight::Swept,
            Sight::PaidBySameKey,
            Sight::PaidByNextKey,
            Sight::Replayed,
            Sight::ThirdAttempt,
        ],
        name: "re-issues at a rail that cannot be asked",
        ..keys_and_look_up()
    }
}

/// A function that may run for ten minutes, and a rail that settles in seconds: the sweeper visits, and the people act,
/// while a slow worker may still pay.
pub fn slow_worker() -> Setting {
    Setting {
        rail: LOOK_UP_ONLY,
        deadline_ms: 10 * MINUTE_MS,
        faults: vec![Fault::Crash, Fault::Freeze, Fault::RecordLost, Fault::GivesUp, Fault::RequestLost],
        moments: vec![
            0,
            5 * MINUTE_MS,
            5 * MINUTE_MS + 11 * SECOND_MS,
            5 * MINUTE_MS + 22 * SECOND_MS,
            9 * MINUTE_MS,
            22 * MINUTE_MS,
            22 * MINUTE_MS + 11 * SECOND_MS,
            22 * MINUTE_MS + 22 * SECOND_MS,
            25 * HOUR_MS,
        ],
        arrivals_until: 0,
        approvals: 1,
        look_ups: 2,
        sights: vec![Sight::Paid, Sight::Swept, Sight::LateOutcome, Sight::PaidBySameKey, Sight::PaidByNextKey],
        ..Setting::deliveries("re-issues at a rail without keys, a slow worker", vec![vec![ONE]])
    }
}

/// The same, around the end of the worker's time, which its own clock sees a minute and a half later.
pub fn slow_clock() -> Setting {
    Setting {
        name: "re-issues at a rail without keys, a slow clock",
        moments: vec![
            0,
            10 * MINUTE_MS + 5 * SECOND_MS,
            10 * MINUTE_MS + 16 * SECOND_MS,
            10 * MINUTE_MS + 27 * SECOND_MS,
            11 * MINUTE_MS,
            22 * MINUTE_MS,
            22 * MINUTE_MS + 11 * SECOND_MS,
            22 * MINUTE_MS + 22 * SECOND_MS,
            25 * HOUR_MS,
        ],
        ..slow_worker()
    }
}

pub fn nothing_promised() -> Setting {
    Setting {
        fault_budget: 3,
        faults: [PAYING.as_slice(), &[Fault::Hold, Fault::NotConnected]].concat(),
        moments: vec![0, 5 * MINUTE_MS, 22 * MINUTE_MS, 25 * HOUR_MS],
        arrivals_until: 0,
        sweeper_pauses: false,
        approvals: 2,
        sights: vec![Sight::Paid, Sight::Swept, Sight::PaidBySameKey, Sight::PaidByNextKey, Sight::ThirdAttempt],
        ..Setting::deliveries("re-issues at a rail that promises nothing", vec![vec![ONE]])
    }
}
