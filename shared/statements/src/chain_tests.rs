//! Balances that show a place, and balances that do not.

use super::*;

fn row(day: i8, minor: i64) -> (Likeness, i64) {
    let amount = Amount::new(minor.into(), "EUR".parse().unwrap()).unwrap();
    (Likeness::new("1", jiff::civil::date(2026, 1, day), amount, ""), minor)
}

fn statement(opening: i64, rows: &[(Likeness, i64)], before: &[((Likeness, i64), u32)]) -> Closed {
    let before = before.iter().map(|((likeness, _), count)| (*likeness, *count)).collect();
    Closed { account: "1".to_owned(), currency: "EUR".parse().unwrap(), opening, rows: rows.to_vec(), before }
}

fn before(this: &Closed, known: &[&Closed], doubt: Doubt) -> Result<Counts, Unplaced> {
    let known: Vec<Closed> = known.iter().copied().cloned().collect();
    Chain::new(&known).before(this, doubt)
}

fn counted_before(this: &Closed, known: &[&Closed], doubt: Doubt, row: (Likeness, i64)) -> Option<u32> {
    before(this, known, doubt).ok().map(|counts| counts.get(&row.0).copied().unwrap_or_default())
}

#[test]
fn the_balance_shows_the_place() {
    let x = row(5, 10);
    let morning = statement(0, &[x, row(5, 7), x], &[]);
    for (opening, rows, expected) in [
        (0, vec![x, row(5, 7)], Some(0)),
        (10, vec![row(5, 7), x], Some(1)),
        (17, vec![x, row(5, 1)], Some(1)),
        (27, vec![x], Some(2)),
        // A statement between is missing.
        (40, vec![x], None),
        // Rows alike of other days say nothing.
        (40, vec![row(6, 10)], Some(0)),
    ] {
        let this = statement(opening, &rows, &[]);
        assert_eq!(
            counted_before(&this, &[&morning], Doubt::Refuse, rows[rows.len() - 1]).is_some(),
            expected.is_some()
        );
        assert_eq!(counted_before(&this, &[&morning], Doubt::Refuse, x), expected, "{opening}");
    }
}

#[test]
fn rows_are_counted_over_statements_without_any_alike() {
    let x = row(5, 10);
    let first = statement(0, &[x], &[]);
    let second = statement(10, &[row(5, 3)], &[(x, 1)]);
    assert_eq!(counted_before(&second, &[&first], Doubt::Refuse, x), Some(1));
    let third = statement(13, &[x], &[]);
    assert_eq!(counted_before(&third, &[&first, &second], Doubt::Refuse, x), Some(1));
}

#[test]
fn another_order_of_the_rows_is_the_same_statement() {
    let rows = [row(5, 10), row(5, -10), row(5, 4)];
    let known = statement(0, &rows, &[]);
    let this = statement(0, &[rows[2], rows[0], rows[1]], &[]);
    assert_eq!(counted_before(&this, &[&known], Doubt::Refuse, rows[0]), None);
    let this = statement(0, &[rows[1], rows[2], rows[0]], &[]);
    assert_eq!(counted_before(&this, &[&known], Doubt::Repeats, rows[0]), Some(0));
    let moved = [row(5, 10), row(5, 2), row(5, 4)];
    let this = statement(0, &[moved[2], moved[0], moved[1]], &[]);
    assert_eq!(counted_before(&this, &[&statement(0, &moved, &[])], Doubt::Refuse, moved[0]), Some(0));
}

#[test]
fn a_person_decides_what_the_balance_does_not_show() {
    let (x, back) = (row(5, 10), row(5, -10));
    let swept = statement(0, &[x, back], &[]);
    assert_eq!(before(&swept, &[&swept], Doubt::Refuse), Err(Unplaced(0)));
    assert_eq!(counted_before(&swept, &[&swept], Doubt::Repeats, x), Some(0));
    assert_eq!(counted_before(&swept, &[&swept], Doubt::Continues, x), Some(1));
    // What begins with another row cannot be the same.
    let other = statement(0, &[row(5, 1), row(5, -1)], &[]);
    assert_eq!(counted_before(&other, &[&swept], Doubt::Refuse, x), Some(1));
    // It comes back to its start on the way, and is no other for that.
    let busy = statement(0, &[x, back, row(5, 4)], &[]);
    assert_eq!(counted_before(&busy, &[&busy], Doubt::Refuse, x), Some(0));
}

#[test]
fn a_balance_that_comes_back_a_thousand_times_shows_nothing() {
    let (x, back) = (row(5, 10), row(5, -10));
    let busy = statement(0, &[x, back].repeat(MAX_PLACES), &[]);
    let next = statement(0, &[x], &[]);
    assert_eq!(before(&next, &[&busy], Doubt::Refuse), Err(Unplaced(0)));
    assert_eq!(counted_before(&next, &[&busy], Doubt::Continues, x), Some(1_000));
    assert_eq!(counted_before(&statement(0, &[row(6, 10)], &[]), &[&busy], Doubt::Refuse, x), Some(0));
}

#[test]
fn rows_of_no_money_raise_no_doubt() {
    let (zero, x) = (row(5, 0), row(5, 10));
    let known = statement(0, &[zero, x], &[]);
    assert_eq!(counted_before(&known, &[&known], Doubt::Refuse, x), Some(0));
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Few days, sums and accounts, so that balances come back and rows are alike.
#[test]
fn every_place_is_the_one_that_a_plain_reading_of_all_rows_finds() {
    let random = &mut Random(0);
    let (mut placed, mut unplaced, mut counted) = (0, 0, 0);
    for _ in 0..1_500 {
        let mut chain = Chain::new(&[]);
        for number in 0..1 + random.below(8) {
            let rows: Vec<_> = (0..random.below(6))
                .map(|_| row(5 + random.below(3) as i8, [-10, 0, 10, 20][random.below(4) as usize]))
                .collect();
            // The same once more, in another order, or what goes on from another.
            let other = chain.closed.get(random.below(number.max(1)) as usize).cloned();
            let (opening, rows) = match (random.below(4), other) {
                (0, Some(other)) => (other.opening, other.rows),
                (1, Some(other)) => (other.opening, other.rows.into_iter().rev().collect()),
                (2, Some(other)) => (other.opening + other.rows.iter().map(|(_, minor)| minor).sum::<i64>(), rows),
                _ => (10 * random.below(3) as i64, rows),
            };
            let account = ["1", "2"][usize::from(random.below(8) == 0)].to_owned();
            let this = Closed { account, ..statement(opening, &rows, &[]) };
            let known: Vec<&Closed> = chain.closed.iter().collect();
            for doubt in [Doubt::Refuse, Doubt::Repeats, Doubt::Continues] {
                let found = chain.before(&this, doubt);
                assert_eq!(found, read_plainly(&this, &known, doubt), "{this:?}\n{known:?}\n{doubt:?}");
                match found {
                    Err(_) => unplaced += 1,
                    Ok(counts) if counts.is_empty() => placed += 1,
                    Ok(_) => counted += 1,
                }
            }
            let before = chain.before(&this, [Doubt::Repeats, Doubt::Continues][random.below(2) as usize]);
            chain.add(Closed { before: before.unwrap(), ..this });
        }
    }
    assert!(placed > 1_000 && unplaced > 500 && counted > 1_000, "{placed} {unplaced} {counted}");
}

/// What [`Chain::before`] finds, read plainly: every row of every known statement for each statement.
fn read_plainly(this: &Closed, known: &[&Closed], doubt: Doubt) -> Result<Counts, Unplaced> {
    let Some(first) = this.rows.iter().map(|(likeness, _)| likeness.day).min() else {
        return Ok(Counts::new());
    };
    let known: Vec<&Closed> = known
        .iter()
        .copied()
        .filter(|other| other.account == this.account && other.currency == this.currency)
        .collect();
    let own = counted(&this.rows, first);
    // A row of no money is alike to another at no cost.
    let moving: BTreeSet<&Likeness> =
        this.rows.iter().filter(|(_, minor)| *minor != 0).map(|(likeness, _)| likeness).collect();
    let relevant = |counts: &Counts| -> Counts {
        let alike = counts.iter().filter(|(likeness, _)| moving.contains(likeness));
        alike.map(|(likeness, count)| (*likeness, *count)).collect()
    };

    let mut places: Vec<Counts> = Vec::new();
    let mut in_order = Longest::default();
    let mut in_any_order = Longest::default();
    let mut most = Counts::new();
    let mut looked = 0;
    for other in known {
        let since = other.before.iter().filter(|(likeness, _)| likeness.day >= first);
        let mut counts: Counts = since.map(|(likeness, count)| (*likeness, *count)).collect();
        let mut balance = other.opening;
        for place in 0..=other.rows.len() {
            let rest = &other.rows[place..];
            looked += usize::from(balance == this.opening);
            if balance == this.opening && looked <= MAX_PLACES {
                let length = rest.len().min(this.rows.len());
                let theirs = counted(rest, first);
                if rest.is_empty() {
                    places.push(counts.clone());
                } else if rest.iter().zip(&this.rows).all(|((one, _), (other, _))| one == other) {
                    in_order.add(length, &counts);
                } else if holds(&own, &theirs) || holds(&theirs, &own) {
                    in_any_order.add(length, &counts);
                }
            }
            if let Some((likeness, minor)) = rest.first() {
                balance = balance.saturating_add(*minor);
                if likeness.day >= first {
                    *counts.entry(*likeness).or_default() += 1;
                }
            }
        }
        for (likeness, count) in counts {
            let known = most.entry(likeness).or_default();
            *known = count.max(*known);
        }
    }
    // Of several overlaps the longest is meant; one in another order only if it is longer than any in the same.
    if in_any_order.length > in_order.length {
        places.extend(in_any_order.places);
    }
    places.extend(in_order.places);

    // Where it makes no difference, and where a person says that it repeats, it is the earliest place.
    places.sort_by_key(|counts| counts.values().sum::<u32>());
    let agree = match &places[..] {
        _ if looked > MAX_PLACES => relevant(&most).is_empty(),
        [] => relevant(&most).is_empty(),
        [first, others @ ..] => others.iter().all(|other| relevant(other) == relevant(first)),
    };
    match doubt {
        Doubt::Continues if !agree => Ok(most),
        Doubt::Refuse if !agree => {
            let alike = relevant(&most);
            Err(Unplaced(this.rows.iter().position(|(row, _)| alike.contains_key(row)).unwrap_or_default()))
        }
        _ => Ok(places.into_iter().next().unwrap_or_default()),
    }
}

#[derive(Default)]
struct Longest {
    length: usize,
    places: Vec<Counts>,
}

impl Longest {
    fn add(&mut self, length: usize, counts: &Counts) {
        if length > self.length {
            *self = Self { length, places: Vec::new() };
        }
        if length == self.length {
            self.places.push(counts.clone());
        }
    }
}

fn counted(rows: &[(Likeness, i64)], first: Date) -> Counts {
    let mut counts = Counts::new();
    for (likeness, _) in rows.iter().filter(|(likeness, _)| likeness.day >= first) {
        *counts.entry(*likeness).or_default() += 1;
    }
    counts
}

fn holds(all: &Counts, some: &Counts) -> bool {
    some.iter().all(|(likeness, count)| all.get(likeness).is_some_and(|there| there >= count))
}
