//! Bars over days, as a picture of whole numbers: drawn here, without a script. A table beside it has the same figures, and its
//! own description says the most and the last of them.

use super::books::number;

/// High enough that one of a hundred is seen.
const HEIGHT: u64 = 100;
/// Of a day, with what parts it from the next.
const STEP: usize = 10;
const WIDTH: usize = 8;
/// A few days are not drawn as broad as a month.
const DAYS_AT_LEAST: usize = 14;

#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub id: &'static str,
    pub title: &'static str,
    /// What stands below and what stands on top, where there are two.
    pub parts: Option<(&'static str, &'static str)>,
    /// The oldest first.
    pub bars: Vec<Bar>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bar {
    day: String,
    says: String,
    below: u64,
    above: u64,
    /// Whether there cannot be more than was seen.
    is_whole: bool,
}

/// A bar where it stands in the picture; the first of its two parts is at the bottom.
pub(crate) struct Drawn {
    pub x: usize,
    pub title: String,
    /// Top edge and height of each part that is there.
    pub below: Option<(u64, u64)>,
    pub above: Option<(u64, u64)>,
    pub is_whole: bool,
}

impl Bar {
    pub fn of(says: String, below: u64, above: u64, is_whole: bool) -> Self {
        Self { says, below, above, is_whole, ..Self::default() }
    }

    pub fn unknown() -> Self {
        Self::of("cannot be read".to_owned(), 0, 0, false)
    }

    pub fn on(self, day: String) -> Self {
        Self { day, ..self }
    }

    fn all(&self) -> u64 {
        self.below.saturating_add(self.above)
    }
}

impl Chart {
    fn most(&self) -> u64 {
        self.bars.iter().map(Bar::all).max().unwrap_or_default()
    }

    pub fn highest(&self) -> String {
        number(self.most())
    }

    pub fn width(&self) -> usize {
        self.bars.len().max(DAYS_AT_LEAST) * STEP
    }

    /// Its last day is not at the right edge.
    pub fn is_short(&self) -> bool {
        self.bars.len() < DAYS_AT_LEAST
    }

    pub fn first(&self) -> &str {
        self.bars.first().map_or("", |bar| bar.day.as_str())
    }

    pub fn last(&self) -> &str {
        self.bars.last().map_or("", |bar| bar.day.as_str())
    }

    pub fn has_partial(&self) -> bool {
        self.bars.iter().any(|bar| !bar.is_whole)
    }

    pub fn says(&self) -> String {
        let (Some(last), most) = (self.bars.last(), self.most()) else { return String::new() };
        let of_most = self.bars.iter().rev().find(|bar| bar.all() == most);
        let highest = match of_most {
            Some(bar) if most > 0 => format!("The most are {}, on {}", number(most), bar.day),
            _ => "None was seen".to_owned(),
        };
        let partial = self.bars.iter().filter(|bar| !bar.is_whole).count();
        let partial = match partial {
            0 => String::new(),
            1 => " On one of these days a book was not whole, and there may have been more.".to_owned(),
            days => format!(" On {days} of these days a book was not whole, and there may have been more."),
        };
        format!(
            "One bar for each run from {} to {}. {highest}; the last run: {}.{partial} The table below has all figures.",
            self.first(),
            self.last(),
            last.says
        )
    }

    /// Every number that is not 0 is seen, however small it is beside the largest.
    pub fn drawn(&self) -> Vec<Drawn> {
        let most = self.most().max(1);
        let height = |of: u64| match of {
            0 => 0,
            some => (some.saturating_mul(HEIGHT) / most).max(2),
        };
        let draw = |(at, bar): (usize, &Bar)| {
            let (below, above) = (height(bar.below), height(bar.above));
            // A line of the page's colour between the two, where both are there.
            let gap = u64::from(below > 0 && above > 0) * 2;
            let top = HEIGHT.saturating_sub(below).saturating_sub(above);
            Drawn {
                x: at * STEP + 1,
                title: format!("{}: {}", bar.day, bar.says),
                below: (below > 0).then_some((HEIGHT.saturating_sub(below), below)),
                above: (above > 0).then_some((top, above.saturating_sub(gap).max(1))),
                is_whole: bar.is_whole,
            }
        };
        self.bars.iter().enumerate().map(draw).collect()
    }

    pub fn bar_width(&self) -> usize {
        WIDTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bars: &[(u64, u64, bool)]) -> Chart {
        let bar = |(at, (below, above, is_whole)): (usize, &(u64, u64, bool))| {
            Bar::of(format!("{}", below + above), *below, *above, *is_whole).on(format!("{} Nov", at + 1))
        };
        Chart { id: "c", title: "C", parts: None, bars: bars.iter().enumerate().map(bar).collect() }
    }

    #[test]
    fn bars_stand_on_the_ground_and_the_most_fills_the_height() {
        let drawn = chart(&[(1, 0, true), (30, 10, true), (0, 0, false)]).drawn();
        assert_eq!((drawn[0].below, drawn[0].above), (Some((98, 2)), None), "1 of 40 is seen");
        assert_eq!((drawn[1].below, drawn[1].above), (Some((25, 75)), Some((0, 23))));
        assert_eq!((drawn[2].below, drawn[2].above, drawn[2].is_whole), (None, None, false));
        assert!(drawn.windows(2).all(|pair| pair[1].x == pair[0].x + STEP));
    }

    #[test]
    fn description_says_the_most_the_last_and_what_is_not_known() {
        let says = chart(&[(4, 3, true), (0, 2, true), (0, 0, false)]).says();
        assert!(says.contains("The most are 7, on 1 Nov; the last run: 0."), "{says}");
        assert!(says.contains("On one of these days a book was not whole"), "{says}");
        assert!(chart(&[(0, 0, true)]).says().contains("None was seen; the last run: 0."));
    }
}
