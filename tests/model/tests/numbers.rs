//! That numbers of workers are left out of account loses no state.

use std::collections::HashSet;

use payonce_model::fault::Fault;
use payonce_model::setting::{KEYS_AND_LOOK_UP, ONE, OTHER_EVENT, Setting};
use payonce_model::world::{State, World};
use payonce_model::worlds;
use stateright::{Checker, Model, StateRecorder};

fn explored(world: World) -> HashSet<State> {
    let (recorder, states) = StateRecorder::new_with_accessor();
    world.checker().visitor(recorder).spawn_bfs().join();
    states().into_iter().collect()
}

#[track_caller]
fn loses_nothing(setting: Setting) {
    let setting = Setting { sights: vec![], ..setting };
    let each = explored(World::with_numbers(setting.clone()));
    let once = explored(World::new(setting.clone()));
    println!("{}: {} states, {} by themselves", setting.name, once.len(), each.len());
    assert!(once.len() < each.len());
    let renumbered: HashSet<State> = each.into_iter().map(State::renumbered).collect();
    let lost = renumbered.difference(&once).count();
    let made_up = once.difference(&renumbered).count();
    assert_eq!((lost, made_up), (0, 0), "{}: of {}", setting.name, renumbered.len());
}

#[test]
fn copies_of_one_delivery_are_explored_in_one_order() {
    loses_nothing(Setting {
        faults: vec![Fault::PutAnswerLost, Fault::PutLate, Fault::Crash, Fault::ReplyLost, Fault::Freeze],
        fault_budget: 1,
        ..Setting::deliveries("three copies", vec![vec![ONE]; 3])
    });
}

#[test]
fn events_of_one_delivery_stay_together() {
    loses_nothing(Setting {
        faults: vec![Fault::Crash, Fault::Freeze, Fault::PutLate],
        fault_budget: 2,
        ..Setting::deliveries("two deliveries with two events", vec![vec![ONE, OTHER_EVENT], vec![ONE]])
    });
}

#[test]
fn attempts_that_people_approve_are_told_apart_from_deliveries() {
    loses_nothing(Setting {
        rail: KEYS_AND_LOOK_UP,
        fault_budget: 2,
        faults: vec![Fault::Crash, Fault::GivesUp, Fault::RequestLost, Fault::PutLate, Fault::RecordLost],
        ..worlds::keys_and_look_up()
    });
}
