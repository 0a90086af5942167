//! Made-up statements, as every format can write them.

use crate::random::Random;
use crate::render::{Made, MadeRow};

fn word(random: &mut Random, prefix: &str) -> Option<String> {
    (random.below(4) > 0).then(|| format!("{prefix}{}", random.below(1 << 20)))
}

pub fn made(random: &mut Random) -> Made {
    let (currency, digits) = [("EUR", 2), ("USD", 2), ("JPY", 0), ("BHD", 3)][random.below(4)];
    let opening = random.below(1 << 30) as i64 - (1 << 29);
    let mut day = jiff::civil::date(2025, 12, 20);
    let rows = (0..random.below(12))
        .map(|_| {
            day = day.saturating_add(jiff::ToSpan::days(random.below(3) as i64));
            let most = 1 << [2, 10, 30][random.below(3)];
            let minor = random.below(most) as i64;
            let text = ["", "order 7", "PAY & <GO>", "ünïcode 5", "a, b; \"c\""][random.below(5)].to_owned();
            let minor = if random.below(2) == 0 { minor } else { -minor };
            MadeRow { day, minor, ours: word(random, "po_"), bank: word(random, "B"), text }
        })
        .collect();
    Made {
        account: format!("ACC{}", random.below(100)),
        id: format!("S{}", random.below(100)),
        currency,
        digits,
        opening,
        rows,
    }
}
