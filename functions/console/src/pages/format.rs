//! Sums, times and texts as people read them. Whatever is written as markup here is made of numbers alone.

use std::borrow::Cow;
use std::fmt;

use askama::filters::HtmlSafe;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use payonce_protocol::UnixMillis;
use payonce_protocol::money::Money;

/// Groups of three digits, a narrow space that does not break between them, and the ISO code.
pub fn money(money: &Money) -> String {
    sum(u128::from(money.minor()), money.exponent(), money.currency().as_str())
}

/// For machines: no grouping, and no currency.
pub(crate) fn decimal(minor: u64, exponent: u8) -> String {
    let unit = 10_u64.saturating_pow(u32::from(exponent));
    let width = usize::from(exponent);
    if exponent == 0 { minor.to_string() } else { format!("{}.{:0width$}", minor / unit, minor % unit) }
}

pub(crate) fn sum(minor: u128, exponent: u8, currency: &str) -> String {
    let unit = 10_u128.saturating_pow(u32::from(exponent));
    let whole = grouped(minor / unit);
    let currency = shown(currency);
    if exponent == 0 {
        return format!("{whole}\u{a0}{currency}");
    }
    let width = usize::from(exponent);
    format!("{whole}.{:0width$}\u{a0}{currency}", minor % unit)
}

pub(crate) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A sum in a template.
pub(crate) trait Sum {
    fn shown(&self) -> String;
}

impl Sum for Money {
    fn shown(&self) -> String {
        money(self)
    }
}

/// What somebody else wrote: characters that are not seen, or that turn the text around, are named instead.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            shown.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(character: char) -> bool {
    let is_layout = matches!(character, '\n' | '\t');
    let is_format = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    (character.is_control() && !is_layout) || is_format
}

pub(crate) trait Text {
    fn shown(&self) -> Cow<'_, str>;
}

impl Text for str {
    fn shown(&self) -> Cow<'_, str> {
        shown(self)
    }
}

/// A moment in a template, whether it is borrowed there or not.
pub(crate) trait Moment {
    fn at(&self) -> UnixMillis;

    fn utc(&self) -> String {
        formatted(self.at(), "%Y-%m-%d %H:%M:%S UTC")
    }

    fn iso(&self) -> String {
        formatted(self.at(), "%Y-%m-%dT%H:%M:%SZ")
    }

    fn day(&self) -> String {
        formatted(self.at(), "%-d %b %Y")
    }
}

impl Moment for u64 {
    fn at(&self) -> UnixMillis {
        *self
    }
}

impl<T: Moment> Moment for &T {
    fn at(&self) -> UnixMillis {
        (*self).at()
    }
}

fn timestamp(at: UnixMillis) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()
}

fn formatted(at: UnixMillis, format: &str) -> String {
    timestamp(at).map_or_else(|| "at an unknown time".to_owned(), |at| at.strftime(format).to_string())
}

/// Of days since 1970.
pub(crate) fn day_of(days: u64) -> Option<String> {
    let at = days.checked_mul(86_400_000)?;
    timestamp(at).map(|_| at.day())
}

/// `2026-11-24`, in UTC.
pub(crate) fn day_at(at: UnixMillis) -> String {
    formatted(at, "%Y-%m-%d")
}

/// `24 Nov 2026, 14:05 UTC`
pub(crate) fn moment(at: UnixMillis) -> String {
    formatted(at, "%-d %b %Y, %H:%M UTC")
}

/// `14:05` today, with the day else.
pub(crate) fn clock(at: UnixMillis, now: UnixMillis) -> String {
    let format = if at / 86_400_000 == now / 86_400_000 { "%H:%M UTC" } else { "%-d %b, %H:%M UTC" };
    formatted(at, format)
}

/// One unit: `40 s`, `3 h`, `2 d`.
pub(crate) fn age(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min", seconds / 60),
        3600..86_400 => format!("{}\u{a0}h", seconds / 3600),
        _ => format!("{}\u{a0}d", grouped(u128::from(seconds / 86_400))),
    }
}

/// Two units: `3 h 12 min`.
pub(crate) fn span(ms: u64) -> String {
    let minutes = ms / 60_000;
    let two = |first: u64, unit: &str, second: u64, smaller: &str| match second {
        0 => format!("{first}\u{a0}{unit}"),
        _ => format!("{first}\u{a0}{unit} {second}\u{a0}{smaller}"),
    };
    match minutes {
        0 => age(ms),
        1..60 => format!("{minutes}\u{a0}min"),
        60..1440 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(minutes / 1440, "d", minutes % 1440 / 60, "h"),
    }
}

/// A `<time>` that `app.js` keeps fresh.
pub(crate) struct Ago {
    pub at: UnixMillis,
    pub now: UnixMillis,
    /// How old something is, without "ago".
    pub is_age: bool,
}

impl Ago {
    /// For a sentence that is no markup.
    pub(crate) fn words(&self) -> String {
        let age = age(self.at.abs_diff(self.now));
        if self.at > self.now { format!("in {age}") } else { format!("{age} ago") }
    }
}

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = age(self.at.abs_diff(self.now));
        let kind = if self.is_age { "age" } else { "ago" };
        write!(f, "<time datetime=\"{}\" title=\"{}\" data-t={kind}>", self.at.iso(), self.at.utc())?;
        match (self.is_age, self.at > self.now) {
            (true, _) => write!(f, "{age}</time>"),
            (_, true) => write!(f, "in {age}</time>"),
            _ => write!(f, "{age} ago</time>"),
        }
    }
}

impl HtmlSafe for Ago {}

/// Until when a case should be worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub date: Date,
    /// Business days from today; below zero when it is late, 0 today.
    pub days_left: i32,
}

impl Due {
    pub(crate) fn words(&self, now: impl Moment) -> String {
        let now = now.at();
        let days = |days: u32| if days == 1 { "1 business day".to_owned() } else { format!("{days} business days") };
        let is_tomorrow = timestamp(now)
            .and_then(|now| now.to_zoned(TimeZone::UTC).date().checked_add(1.day()).ok())
            .is_some_and(|tomorrow| tomorrow == self.date);
        match self.days_left {
            ..0 => format!("{} late", days(self.days_left.unsigned_abs())),
            0 => "due today".to_owned(),
            1 if is_tomorrow => "due tomorrow".to_owned(),
            1 => format!("due {}", self.date.strftime("%a %-d %b")),
            _ => format!("due in {}", days(self.days_left.unsigned_abs())),
        }
    }

    /// For a narrow column that is called "Due": days are business days, as everywhere.
    pub(crate) fn short(&self, now: impl Moment) -> String {
        let words = self.words(now).replace("business ", "");
        words.strip_prefix("due ").unwrap_or(&words).to_owned()
    }

    pub(crate) fn is_late(&self) -> bool {
        self.days_left < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_sums_with_their_point_and_currency() {
        for (minor, exponent, text) in [
            (1, 2, "0.01\u{a0}EUR"),
            (123_450, 2, "1\u{202f}234.50\u{a0}EUR"),
            (500, 0, "500\u{a0}EUR"),
            (1_000_000, 0, "1\u{202f}000\u{202f}000\u{a0}EUR"),
            (1 << 53, 3, "9\u{202f}007\u{202f}199\u{202f}254\u{202f}740.992\u{a0}EUR"),
        ] {
            assert_eq!(money(&Money::new(minor, exponent, "EUR".parse().unwrap()).unwrap()), text);
        }
    }

    #[test]
    fn shows_hidden_characters_as_code_points() {
        assert_eq!(shown("acct_\u{202e}321"), "acct_⟨U+202E⟩321");
        assert_eq!(shown("a\u{200b}b\0"), "a⟨U+200B⟩b⟨U+0000⟩");
        assert_eq!(shown("Zoë\nעברית"), "Zoë\nעברית");
    }

    #[test]
    fn writes_a_span_with_its_smaller_part() {
        for (ms, text) in [
            (40_000, "40\u{a0}s"),
            (840_000, "14\u{a0}min"),
            (11_520_000, "3\u{a0}h 12\u{a0}min"),
            (7_200_000, "2\u{a0}h"),
            (180_000_000, "2\u{a0}d 2\u{a0}h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn writes_due_dates_by_the_calendar() {
        let friday = "2026-11-27T15:00:00Z".parse::<Timestamp>().unwrap().as_millisecond().unsigned_abs();
        let due = |date: &str, days_left| Due { date: date.parse().unwrap(), days_left }.words(friday);
        assert_eq!(due("2026-11-30", 1), "due Mon 30 Nov");
        assert_eq!(due("2026-11-28", 1), "due tomorrow");
        assert_eq!(due("2026-11-27", 0), "due today");
        assert_eq!(due("2026-11-26", -1), "1 business day late");
        assert_eq!(due("2026-12-02", 3), "due in 3 business days");
        let short = |date: &str, days_left| Due { date: date.parse().unwrap(), days_left }.short(friday);
        assert_eq!(short("2026-11-26", -1), "1 day late");
        assert_eq!(short("2026-12-02", 3), "in 3 days");
        assert_eq!(short("2026-11-30", 1), "Mon 30 Nov");
        assert_eq!(short("2026-11-27", 0), "today");
    }
}
