//! `payonce-benchmark rivals`: payonce's webhook beside what somebody would write with AWS Lambda Powertools, on the same
//! machine, in one run: how quick each is, and what comes of six faults. `--write` puts the tables and the picture into
//! `infra/comparison.md`.

mod contestant;
mod faults;
mod figures;
pub mod floor;
mod page;
mod speed;
mod stage;

use std::path::Path;

use contestant::{Contestant, Programs};
use faults::{Came, Fault};
use figures::Figures;

use crate::binary::Binary;

#[derive(clap::Args)]
pub struct Rivals {
    /// Each takes its turn so often
    #[arg(long, value_name = "N", default_value_t = 7)]
    rounds: usize,
    /// New payments of each turn; a fifth of them is sent again
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    deliveries: usize,
    /// Only that each of them pays one delivery once, and nothing for its redelivery
    #[arg(long)]
    smoke: bool,
    /// Puts what was measured into infra/comparison.md and infra/comparison.png
    #[arg(long, conflicts_with = "smoke")]
    write: bool,
}

/// What became of each fault, with each contestant.
pub type Faults = Vec<(Contestant, Vec<(Fault, Came)>)>;

pub fn measure(binary: &Path, arguments: &Rivals) -> Result<(), String> {
    let programs = Programs::install(Binary::read(binary)?)?;
    if arguments.smoke {
        return smoke(&programs);
    }
    let machine = page::Machine::look();
    let faults: Faults = Contestant::tried()
        .into_iter()
        .map(|who| {
            eprintln!("faults: {}", who.name());
            (who, Fault::ALL.map(|fault| (fault, faults::play(&programs, who, fault))).to_vec())
        })
        .collect();
    let mut figures: Vec<Figures> = vec![];
    for who in Contestant::MEASURED {
        figures.push(Figures {
            who,
            zip: programs.zip(who),
            asked: speed::asked(&programs, who).map_err(of(who))?,
            rounds: vec![],
        });
    }
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for figures in &mut figures {
            let round = speed::round(&programs, figures.who, arguments.deliveries);
            figures.rounds.push(round.map_err(of(figures.who))?);
        }
    }
    let page =
        page::Page { machine: machine.after(), programs: &programs, arguments, faults: &faults, figures: &figures };
    print!("{}", page.text());
    if arguments.write {
        page.write()?;
    }
    let ours = faults.iter().filter(|(who, _)| *who == Contestant::Payonce).flat_map(|(_, came)| came);
    let badly: Vec<&str> = ours.filter(|(_, came)| !came.is_well()).map(|(fault, _)| fault.in_words()).collect();
    if badly.is_empty() { Ok(()) } else { Err(format!("payonce paid twice or lost a payout: {}", badly.join(", "))) }
}

/// The same programs as are compared, and nothing of a measurement.
fn smoke(programs: &Programs) -> Result<(), String> {
    for who in [vec![Contestant::Floor], Contestant::tried()].concat() {
        speed::round(programs, who, 1).map_err(of(who))?;
        println!("{}: one payout for two deliveries", who.name());
    }
    Ok(())
}

fn of(who: Contestant) -> impl Fn(String) -> String {
    move |problem| format!("{}: {problem}", who.name())
}
