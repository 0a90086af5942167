//! Sums on an account: a signed whole number of the currency's smallest unit by ISO 4217. What a file writes with more
//! decimals than the currency has is refused, never rounded (invariant money-is-integer).

use std::fmt;

use payonce_protocol::exponents::ISO_4217;
use payonce_protocol::money::{Currency, MAX_EXPONENT, MAX_MINOR, Money};

use crate::error::Wrong;

/// Above zero is money that came in (credit), below zero money that went out (debit).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    exponent: u8,
    currency: Currency,
}

impl Amount {
    /// So many of the currency's own smallest unit.
    pub fn new(minor: i128, currency: Currency) -> Result<Self, Wrong> {
        let exponent = ISO_4217.get(currency).ok_or(Wrong::Currency)?.digits;
        Self::scaled(minor, exponent, currency)
    }

    /// So many of 10^-`digits` of the currency, for files that count otherwise than ISO 4217.
    pub fn scaled(count: i128, digits: u8, currency: Currency) -> Result<Self, Wrong> {
        let exponent = ISO_4217.get(currency).ok_or(Wrong::Currency)?.digits;
        if digits > MAX_EXPONENT {
            return Err(Wrong::Inexact);
        }
        let minor = if digits <= exponent {
            count.checked_mul(10_i128.pow(u32::from(exponent - digits))).ok_or(Wrong::TooMuch)?
        } else {
            let divisor = 10_i128.pow(u32::from(digits - exponent));
            if count % divisor != 0 {
                return Err(Wrong::Inexact);
            }
            count / divisor
        };
        match i64::try_from(minor) {
            Ok(minor) if minor.unsigned_abs() <= MAX_MINOR => Ok(Self { minor, exponent, currency }),
            _ => Err(Wrong::TooMuch),
        }
    }

    /// An unsigned decimal: `1234.5`, with `,` and `.` as the file has them.
    pub fn decimal(text: &str, marks: Marks, currency: Currency) -> Result<Self, Wrong> {
        let (count, digits) = decimal(text, marks).ok_or(Wrong::Form("an amount"))?;
        Self::scaled(count, digits, currency)
    }

    /// An unsigned whole number of the smallest unit.
    pub fn minor_units(text: &str, digits: Option<u8>, currency: Currency) -> Result<Self, Wrong> {
        let count = whole(text).ok_or(Wrong::Form("a whole number of the smallest unit"))?;
        match digits {
            Some(digits) => Self::scaled(count, digits, currency),
            None => Self::new(count, currency),
        }
    }

    pub fn minor(&self) -> i64 {
        self.minor
    }

    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    pub fn is_debit(&self) -> bool {
        self.minor < 0
    }

    /// With `debit` below zero, else above.
    #[must_use]
    pub fn directed(self, debit: bool) -> Self {
        let minor = self.minor.saturating_abs();
        Self { minor: if debit { -minor } else { minor }, ..self }
    }

    /// The sum without its direction; none when it is zero.
    pub fn money(&self) -> Option<Money> {
        Money::new(self.minor.unsigned_abs(), self.exponent, self.currency).ok()
    }
}

/// `-12.34 EUR`: for people, never parsed back.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(u32::from(self.exponent));
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        write!(f, "{sign}{}", minor / unit)?;
        if self.exponent > 0 {
            write!(f, ".{:0width$}", minor % unit, width = usize::from(self.exponent))?;
        }
        write!(f, " {}", self.currency)
    }
}

/// How a file writes decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    pub decimal: char,
    /// Between groups of three digits.
    pub grouping: Option<char>,
}

impl Marks {
    pub const POINT: Self = Self { decimal: '.', grouping: None };
    pub const COMMA: Self = Self { decimal: ',', grouping: None };
}

/// Digits alone, at most 18 of them.
pub(crate) fn whole(text: &str) -> Option<i128> {
    let is_number = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// The number without its point, and how many digits stood behind it. Zeros at the end say nothing and are dropped.
fn decimal(text: &str, marks: Marks) -> Option<(i128, u8)> {
    let (before, after) = match text.split_once(marks.decimal) {
        Some((before, after)) => (before, after.trim_end_matches('0')),
        None => (text, ""),
    };
    let before = match marks.grouping {
        Some(mark) if before.contains(mark) => {
            let mut groups = before.split(mark);
            let first = groups.next()?;
            let are_threes = groups.all(|group| group.len() == 3);
            if !are_threes || !(1..=3).contains(&first.len()) {
                return None;
            }
            before.replace(mark, "")
        }
        _ => before.to_owned(),
    };
    if before.is_empty() && text.len() < 2 {
        return None;
    }
    let before = if before.is_empty() { "0" } else { before.as_str() };
    let count = whole(&format!("{before}{after}"))?;
    Some((count, u8::try_from(after.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, marks: Marks, currency: &str) -> Result<String, Wrong> {
        Amount::decimal(text, marks, currency.parse().unwrap()).map(|amount| amount.to_string())
    }

    #[test]
    fn reads_amounts_exactly_or_refuses_them() {
        let grouped = Marks { decimal: ',', grouping: Some('.') };
        for (text, marks, currency, amount) in [
            ("1234.5", Marks::POINT, "EUR", "1234.50 EUR"),
            ("1234", Marks::POINT, "EUR", "1234.00 EUR"),
            ("100.000", Marks::POINT, "EUR", "100.00 EUR"),
            (".5", Marks::POINT, "EUR", "0.50 EUR"),
            ("0", Marks::POINT, "EUR", "0.00 EUR"),
            ("100,", Marks::COMMA, "EUR", "100.00 EUR"),
            ("1.234,56", grouped, "EUR", "1234.56 EUR"),
            ("234,56", grouped, "EUR", "234.56 EUR"),
            ("500.00", Marks::POINT, "JPY", "500 JPY"),
            ("5.125", Marks::POINT, "BHD", "5.125 BHD"),
        ] {
            assert_eq!(read(text, marks, currency).as_deref(), Ok(amount), "{text}");
        }
        for (text, marks) in [
            ("", Marks::POINT),
            (".", Marks::POINT),
            ("1,5", Marks::POINT),
            ("1.5", Marks::COMMA),
            ("-1.5", Marks::POINT),
            ("+1.5", Marks::POINT),
            ("1.5.0", Marks::POINT),
            ("1e3", Marks::POINT),
            ("1 000", Marks::POINT),
            ("١", Marks::POINT),
            ("1.23,4", grouped),
            ("1234.567,00", grouped),
            (".123,00", grouped),
        ] {
            assert_eq!(read(text, marks, "EUR"), Err(Wrong::Form("an amount")), "{text}");
        }
    }

    #[test]
    fn refuses_decimals_that_the_currency_has_not() {
        assert_eq!(read("1.001", Marks::POINT, "EUR"), Err(Wrong::Inexact));
        assert_eq!(read("0.5", Marks::POINT, "JPY"), Err(Wrong::Inexact));
        assert_eq!(read("0.123456789", Marks::POINT, "EUR"), Err(Wrong::Inexact));
        assert_eq!(read("1", Marks::POINT, "XAU"), Err(Wrong::Currency));
        assert_eq!(read("90071992547409.93", Marks::POINT, "EUR"), Err(Wrong::TooMuch));
        assert_eq!(read("90071992547409.92", Marks::POINT, "EUR").as_deref(), Ok("90071992547409.92 EUR"));
    }

    #[test]
    fn a_file_may_count_a_currency_in_whole_units() {
        let forint = "HUF".parse().unwrap();
        assert_eq!(Amount::minor_units("150", Some(0), forint).unwrap().to_string(), "150.00 HUF");
        assert_eq!(Amount::minor_units("150", None, forint).unwrap().to_string(), "1.50 HUF");
        assert_eq!(Amount::minor_units("1.5", None, forint), Err(Wrong::Form("a whole number of the smallest unit")));
    }

    #[test]
    fn a_debit_is_below_zero() {
        let ten = Amount::new(1_000, "EUR".parse().unwrap()).unwrap();
        assert_eq!(ten.directed(true).to_string(), "-10.00 EUR");
        assert_eq!(ten.directed(true).directed(false), ten);
        assert_eq!(ten.directed(true).money(), ten.money());
        assert_eq!(Amount::new(0, "EUR".parse().unwrap()).unwrap().money(), None);
    }
}
