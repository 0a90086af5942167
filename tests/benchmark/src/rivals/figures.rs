//! What the rounds say of one contestant: of each figure the median over the rounds, with the lowest and the highest.

use super::contestant::Contestant;
use super::speed::{Asked, Round};

pub struct Figures {
    pub who: Contestant,
    pub zip: Option<usize>,
    pub asked: Asked,
    pub rounds: Vec<Round>,
}

#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Self { low: at(0), median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, high: at(last) }
    }

    /// Three digits that say something, and the range.
    pub fn shown(self) -> String {
        format!("{} ({}–{})", digits(self.median), digits(self.low), digits(self.high))
    }
}

pub fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

impl Figures {
    pub fn spread(&self, figure: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(figure))
    }

    /// Each round beside the floor's own of that round: what the machine did meanwhile slowed both.
    pub fn times(&self, floor: &Self, figure: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().zip(&floor.rounds).map(|(round, floor)| figure(round) / figure(floor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_has_the_middle_and_both_ends() {
        let of = |values: &[f64]| {
            let Spread { low, median, high } = Spread::of(values.iter().copied());
            [low, median, high]
        };
        assert_eq!(of(&[3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(of(&[4.0, 1.0, 3.0, 2.0]), [1.0, 2.5, 4.0]);
        assert_eq!(of(&[7.0]), [7.0; 3]);
    }
}
