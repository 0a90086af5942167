//! How a provider or a rail counts money: its own table of digits after the point, as pure data. Tables differ from
//! ISO 4217 and from each other (money-is-integer), so each is written out by whoever knows the company, and a currency that
//! is not listed is refused.

use thiserror::Error;

use crate::money::{Currency, Money, MoneyError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ExponentError {
    #[error("the currency is not in the table of those whose unit is known")]
    Unlisted,
    #[error("the amount is not a multiple of {0}, as this currency demands")]
    Step(u64),
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// How one currency is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exponent {
    /// Digits after the point.
    pub digits: u8,
    /// An amount must be a multiple of this many units; 1 for most.
    pub step: u64,
}

/// The exponents of one provider or rail.
#[derive(Debug)]
pub struct Table(&'static [(Exponent, &'static str)]);

impl Table {
    pub const fn new(rows: &'static [(Exponent, &'static str)]) -> Self {
        Self(rows)
    }

    /// Every code in it, as often as it stands there.
    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace())
    }

    pub fn get(&self, currency: Currency) -> Option<Exponent> {
        let holds = |codes: &str| codes.split_ascii_whitespace().any(|code| code == currency.as_str());
        self.0.iter().find(|(_, codes)| holds(codes)).map(|(exponent, _)| *exponent)
    }

    /// Digits after the point of every currency in it.
    pub fn digits(&self) -> impl Iterator<Item = (Currency, u8)> {
        let codes = self
            .0
            .iter()
            .flat_map(|(exponent, codes)| codes.split_ascii_whitespace().map(|code| (code, exponent.digits)));
        codes.filter_map(|(code, digits)| Some((code.parse().ok()?, digits)))
    }

    /// An amount as the owner of this table writes it.
    pub fn money(&self, minor: u64, currency: Currency) -> Result<Money, ExponentError> {
        let Exponent { digits, step } = self.get(currency).ok_or(ExponentError::Unlisted)?;
        if !minor.is_multiple_of(step) {
            return Err(ExponentError::Step(step));
        }
        Ok(Money::new(minor, digits, currency)?)
    }

    /// The same sum as the owner of this table would write it: exact, or refused.
    pub fn convert(&self, money: &Money) -> Result<Money, ExponentError> {
        let Exponent { digits, .. } = self.get(money.currency()).ok_or(ExponentError::Unlisted)?;
        self.money(money.with_exponent(digits)?.minor(), money.currency())
    }
}

/// Most tables begin with what ISO 4217 counts with two digits.
pub const ISO_TWO_DIGITS: (Exponent, &str) = (
    Exponent { digits: 2, step: 1 },
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CZK \
     DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR IRR JMD KES KGS KHR KPW KYD \
     KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR \
     PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH \
     USD UYU UZS VES WST XCD YER ZAR ZMW",
);
pub const ISO_THREE_DIGITS: (Exponent, &str) = (Exponent { digits: 3, step: 1 }, "BHD IQD JOD KWD LYD OMR TND");

/// ISO 4217's minor units, <https://www.six-group.com/en/products-services/financial-information/data-standards.html>.
/// For providers that say "the currency's smallest unit" and list no exception. Left out: what ISO counts in fifths (MRU,
/// MGA), funds, metals, and codes that were withdrawn.
pub const ISO_4217: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    (Exponent { digits: 2, step: 1 }, "CVE IDR"),
    ISO_THREE_DIGITS,
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every rule that a table can state.
    const TABLE: Table = Table::new(&[
        (Exponent { digits: 0, step: 1 }, "JPY"),
        (Exponent { digits: 2, step: 100 }, "ISK"),
        (Exponent { digits: 3, step: 10 }, "KWD"),
        (Exponent { digits: 2, step: 1 }, "USD"),
    ]);

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn money(minor: u64, code: &str) -> Result<String, ExponentError> {
        TABLE.money(minor, currency(code)).map(|money| money.to_string())
    }

    #[test]
    fn reads_an_amount_in_the_units_of_its_table() {
        assert_eq!(money(1099, "USD").as_deref(), Ok("10.99 USD"));
        assert_eq!(money(500, "JPY").as_deref(), Ok("500 JPY"));
        assert_eq!(money(500, "ISK").as_deref(), Ok("5.00 ISK"));
        assert_eq!(money(5120, "KWD").as_deref(), Ok("5.120 KWD"));
    }

    #[test]
    fn refuses_a_fraction_that_the_currency_has_not() {
        assert_eq!(money(550, "ISK"), Err(ExponentError::Step(100)));
        assert_eq!(money(5124, "KWD"), Err(ExponentError::Step(10)));
        assert_eq!(money(0, "ISK"), Err(ExponentError::Money(MoneyError::Zero)));
        assert_eq!(money(100, "XAU"), Err(ExponentError::Unlisted));
    }

    #[test]
    fn digits_are_those_of_every_currency_in_the_table() {
        let digits: Vec<(String, u8)> = TABLE.digits().map(|(code, digits)| (code.to_string(), digits)).collect();
        let of = |code: &str, digits| (code.to_owned(), digits);
        assert_eq!(digits, [of("JPY", 0), of("ISK", 2), of("KWD", 3), of("USD", 2)]);
    }

    #[test]
    fn iso_lists_no_currency_twice() {
        let codes: Vec<&str> = ISO_4217.codes().collect();
        let distinct: std::collections::BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(codes.len(), distinct.len());
        assert!(codes.contains(&"EUR") && codes.len() > 100);
        assert!(codes.iter().all(|code| currency(code).as_str() == *code));
    }
}
