//! Money is a whole number of the smallest unit, with the exponent that says what that unit is. There is no float
//! anywhere (invariant money-is-integer).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Amounts above 2^53 are refused: JSON readers on the way may hold them in a double.
pub const MAX_MINOR: u64 = 1 << 53;
/// No currency in use has more than four digits after the point; eight leaves room and keeps `10^n` in a `u64`.
pub const MAX_EXPONENT: u8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum MoneyError {
    #[error("a currency is three ASCII letters (ISO 4217)")]
    Currency,
    #[error("an amount must be above zero")]
    Zero,
    #[error("an amount must not be above 2^53")]
    TooLarge,
    #[error("an exponent must not be above {MAX_EXPONENT}")]
    Exponent,
    #[error("the amount cannot be expressed exactly with exponent {0}")]
    Inexact(u8),
}

/// An ISO 4217 alphabetic code, kept in upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            [a, b, c] if text.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                Ok(Self([*a, *b, *c].map(|byte| byte.to_ascii_uppercase())))
            }
            _ => Err(MoneyError::Currency),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `minor` units of 10^-`exponent` of a currency; always above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: u64,
    exponent: u8,
    currency: Currency,
}

impl Money {
    pub fn new(minor: u64, exponent: u8, currency: Currency) -> Result<Self, MoneyError> {
        if minor == 0 {
            return Err(MoneyError::Zero);
        }
        if minor > MAX_MINOR {
            return Err(MoneyError::TooLarge);
        }
        if exponent > MAX_EXPONENT {
            return Err(MoneyError::Exponent);
        }
        Ok(Self { minor, exponent, currency })
    }

    pub fn minor(&self) -> u64 {
        self.minor
    }

    pub fn exponent(&self) -> u8 {
        self.exponent
    }

    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The same amount counted in 10^-`exponent`: exact, or refused.
    pub fn with_exponent(&self, exponent: u8) -> Result<Self, MoneyError> {
        if exponent > MAX_EXPONENT {
            return Err(MoneyError::Exponent);
        }
        let minor = if exponent >= self.exponent {
            self.minor.checked_mul(10_u64.pow(u32::from(exponent - self.exponent))).ok_or(MoneyError::TooLarge)?
        } else {
            let divisor = 10_u64.pow(u32::from(self.exponent - exponent));
            if !self.minor.is_multiple_of(divisor) {
                return Err(MoneyError::Inexact(exponent));
            }
            self.minor / divisor
        };
        Self::new(minor, exponent, self.currency)
    }

    /// Whether both are the same sum in the same currency, however they are counted.
    pub fn same_sum(&self, other: &Self) -> bool {
        let exponent = self.exponent.max(other.exponent);
        self.currency == other.currency
            && match (self.with_exponent(exponent), other.with_exponent(exponent)) {
                (Ok(left), Ok(right)) => left.minor == right.minor,
                _ => false,
            }
    }
}

/// `12.34 EUR`, `500 JPY`: for people, never parsed back.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(u32::from(self.exponent));
        write!(f, "{}", self.minor / unit)?;
        if self.exponent > 0 {
            write!(f, ".{:0width$}", self.minor % unit, width = usize::from(self.exponent))?;
        }
        write!(f, " {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: u64, exponent: u8, currency: &str) -> Money {
        Money::new(minor, exponent, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn isk_with_two_digits_becomes_isk_with_none_only_when_exact() {
        assert_eq!(money(1_000_000, 2, "isk").with_exponent(0), Ok(money(10_000, 0, "ISK")));
        assert_eq!(money(1_000_001, 2, "isk").with_exponent(0), Err(MoneyError::Inexact(0)));
    }

    #[test]
    fn idr_with_none_becomes_idr_with_two() {
        assert_eq!(money(15_000, 0, "IDR").with_exponent(2), Ok(money(1_500_000, 2, "IDR")));
        assert_eq!(money(1_234, 2, "TND").with_exponent(3), Ok(money(12_340, 3, "TND")));
        assert_eq!(money(12_340, 3, "TND").with_exponent(2), Ok(money(1_234, 2, "TND")));
    }

    #[test]
    fn zero_and_huge_amounts_are_refused() {
        let eur: Currency = "EUR".parse().unwrap();
        assert_eq!(Money::new(0, 2, eur), Err(MoneyError::Zero));
        assert_eq!(Money::new(MAX_MINOR + 1, 2, eur), Err(MoneyError::TooLarge));
        assert_eq!(Money::new(1, 9, eur), Err(MoneyError::Exponent));
        assert_eq!(money(MAX_MINOR, 0, "EUR").with_exponent(8), Err(MoneyError::TooLarge));
    }

    #[test]
    fn a_sum_is_compared_by_value_not_by_notation() {
        assert!(money(100, 2, "EUR").same_sum(&money(1, 0, "EUR")));
        assert!(!money(100, 2, "EUR").same_sum(&money(100, 0, "EUR")));
        assert!(!money(100, 2, "EUR").same_sum(&money(100, 2, "USD")));
    }

    #[test]
    fn shows_the_decimal_point_of_the_exponent() {
        assert_eq!(money(1_234, 2, "EUR").to_string(), "12.34 EUR");
        assert_eq!(money(5, 3, "BHD").to_string(), "0.005 BHD");
        assert_eq!(money(500, 0, "JPY").to_string(), "500 JPY");
    }

    #[test]
    fn a_currency_is_three_letters() {
        for wrong in ["", "EU", "EURO", "E1R", "€UR"] {
            assert_eq!(wrong.parse::<Currency>(), Err(MoneyError::Currency), "{wrong}");
        }
    }
}
