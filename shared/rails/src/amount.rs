//! How a rail writes an amount: in which unit, and as an integer or a decimal. Exact both ways, or refused (money-is-integer).

use std::collections::BTreeMap;

use payonce_protocol::exponents;
use payonce_protocol::money::{Currency, Money};
use serde::Deserialize;
use serde_json::Value;

use crate::request::Misfit;

/// A reader that keeps JSON numbers in a double holds this many digits exactly.
const DIGITS_OF_A_NUMBER: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountForm {
    /// `1234`
    Integer,
    /// `"1234"`
    IntegerText,
    /// `"12.34"`
    DecimalText,
    /// `12.34`
    DecimalNumber,
}

impl AmountForm {
    /// A JSON number; the others are texts.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::DecimalNumber)
    }

    pub(crate) fn is_decimal(self) -> bool {
        matches!(self, Self::DecimalText | Self::DecimalNumber)
    }

    /// The digits of an amount that is in the rail's units.
    pub(crate) fn write(self, money: &Money) -> Result<String, Misfit> {
        let digits = usize::from(money.exponent());
        if !self.is_decimal() || digits == 0 {
            return Ok(money.minor().to_string());
        }
        // At least one digit before the point.
        let text = format!("{:0width$}", money.minor(), width = digits + 1);
        if self == Self::DecimalNumber && text.len() > DIGITS_OF_A_NUMBER {
            return Err(Misfit::Amount);
        }
        let (whole, fraction) = text.split_at(text.len() - digits);
        Ok(format!("{whole}.{fraction}"))
    }

    /// An amount in 10^-`exponent`, whether it was written as a number or a text. A fraction that is a JSON number comes
    /// out of serde's double, which holds 15 digits as they were written; one with more is not read.
    pub(crate) fn read(self, value: &Value, exponent: u8) -> Option<u64> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => {
                let text = number.to_string();
                (text.len() <= DIGITS_OF_A_NUMBER + 1).then_some(text)?
            }
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if self.is_decimal() && !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (text.as_str(), ""),
        };
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leads_with_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leads_with_zero || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        if !self.is_decimal() {
            return whole.parse().ok();
        }
        let digits = usize::from(exponent);
        // `12.30` equals `12.3`, and `5.00` of a currency without cents is `5`.
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > digits {
            return None;
        }
        format!("{whole}{fraction:0<digits$}").parse().ok()
    }
}

/// Digits after the point of each currency that the rail pays in. One that is not known is not paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    pub listed: BTreeMap<Currency, u8>,
    /// The others are counted as in ISO 4217.
    pub iso_4217: bool,
}

impl Units {
    fn of(&self, currency: Currency) -> Option<u8> {
        let iso = || exponents::ISO_4217.get(currency).filter(|_| self.iso_4217).map(|exponent| exponent.digits);
        self.listed.get(&currency).copied().or_else(iso)
    }

    /// The same sum in the rail's units: exact, or refused.
    pub(crate) fn convert(&self, money: &Money) -> Result<Money, Misfit> {
        let digits = self.of(money.currency()).ok_or(Misfit::Currency)?;
        money.with_exponent(digits).map_err(|_| Misfit::Amount)
    }

    pub(crate) fn digits(&self, currency: &str) -> Option<u8> {
        self.of(currency.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use AmountForm::{DecimalNumber, DecimalText, Integer, IntegerText};
    use serde_json::json;

    use super::*;

    fn money(minor: u64, exponent: u8) -> Money {
        Money::new(minor, exponent, "EUR".parse().unwrap()).unwrap()
    }

    #[test]
    fn writes_the_decimal_point_in_its_place() {
        let written = |form: AmountForm, minor, exponent| form.write(&money(minor, exponent)).unwrap();
        assert_eq!(written(Integer, 1234, 2), "1234");
        assert_eq!(written(IntegerText, 1234, 0), "1234");
        for form in [DecimalText, DecimalNumber] {
            assert_eq!(written(form, 1234, 2), "12.34");
            assert_eq!(written(form, 1230, 2), "12.30");
            assert_eq!(written(form, 5, 2), "0.05");
            assert_eq!(written(form, 5, 3), "0.005");
            assert_eq!(written(form, 500, 0), "500");
        }
    }

    #[test]
    fn refuses_an_amount_that_a_double_would_change() {
        assert_eq!(DecimalNumber.write(&money(9_007_199_254_740_991, 2)), Err(Misfit::Amount));
        assert_eq!(DecimalText.write(&money(9_007_199_254_740_991, 2)).unwrap(), "90071992547409.91");
        assert_eq!(DecimalNumber.read(&serde_json::from_str("900719925474099.125").unwrap(), 3), None);
        assert_eq!(DecimalNumber.read(&json!(9007199254740.91), 2), Some(900_719_925_474_091));
    }

    #[test]
    fn an_amount_is_read_in_the_same_unit_or_not_at_all() {
        for same in [json!("12.34"), json!(12.34), json!("12.340")] {
            assert_eq!(DecimalText.read(&same, 2), Some(1234), "{same}");
        }
        assert_eq!(DecimalText.read(&json!("12.3"), 2), Some(1230));
        assert_eq!(DecimalText.read(&json!(12), 2), Some(1200));
        assert_eq!(DecimalNumber.read(&json!("500.00"), 0), Some(500));
        assert_eq!((Integer.read(&json!(1234), 2), Integer.read(&json!("1234"), 2)), (Some(1234), Some(1234)));
        for wrong in [json!("12.345"), json!("1e3"), json!(1e300), json!("+12"), json!("-12"), json!(-12), json!("012")]
        {
            assert_eq!(DecimalText.read(&wrong, 2), None, "{wrong}");
        }
        for wrong in [json!("12,34"), json!(" 12"), json!(""), json!("."), json!("12."), json!(".5"), json!(null)] {
            assert_eq!(DecimalText.read(&wrong, 2), None, "{wrong}");
        }
        for wrong in [json!(1234.0), json!("12.34"), json!(-1), json!("")] {
            assert_eq!(Integer.read(&wrong, 2), None, "{wrong}");
        }
    }

    #[test]
    fn whatever_is_written_is_read_back() {
        for form in [Integer, IntegerText, DecimalText, DecimalNumber] {
            for exponent in 0..=4 {
                for minor in [1, 9, 10, 99, 100, 12_345, 100_000_000_000_000] {
                    let digits = form.write(&money(minor, exponent)).unwrap();
                    let value =
                        if form.is_number() { serde_json::from_str(&digits).unwrap() } else { Value::String(digits) };
                    assert_eq!(form.read(&value, exponent), Some(minor), "{form:?} {exponent} {minor}");
                }
            }
        }
    }

    /// ISK has no digits in ISO 4217, and two at a rail that says so.
    #[test]
    fn an_exception_stands_above_iso_4217() {
        let isk = Money::new(10_000, 0, "ISK".parse().unwrap()).unwrap();
        let units = |listed: &[(&str, u8)], iso_4217| {
            let listed = listed.iter().map(|(code, digits)| (code.parse().unwrap(), *digits)).collect();
            Units { listed, iso_4217 }.convert(&isk).map(|money| money.minor())
        };
        assert_eq!(units(&[], true), Ok(10_000));
        assert_eq!(units(&[("ISK", 2)], true), Ok(1_000_000));
        assert_eq!(units(&[("ISK", 2)], false), Ok(1_000_000));
        assert_eq!(units(&[("EUR", 2)], false), Err(Misfit::Currency));
        assert_eq!(Units { iso_4217: true, ..Units::default() }.digits("XXX"), None);
    }
}
