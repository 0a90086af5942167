//! How a provider or a rail counts money: its own table of digits after the point, as pure data. Tables differ from
//! ISO 4217 and from each other (C4), so each is written out, and a currency that is not listed is refused.

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

/// Stripe's units, from <https://docs.stripe.com/currencies> ("Currencies are two-decimal currencies unless otherwise
/// specified", "Zero-decimal currencies", "Three-decimal currencies", "Special cases"), read in November 2026:
///
/// * three-decimal amounts must end in 0;
/// * ISK and UGX are counted with two digits that must be 00 ("to charge 5 ISK, provide an amount value of 500"), although
///   the zero-decimal list still names UGX;
/// * MGA has no digits there, two in ISO 4217;
/// * HUF and TWD have two digits; that *bank payouts* of them must be whole is no matter of transfers, and no unit.
///
/// The two-decimal ones are those of the page's list of presentment currencies.
pub const STRIPE: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"),
    (Exponent { digits: 2, step: 100 }, "ISK UGX"),
    (Exponent { digits: 3, step: 10 }, "BHD JOD KWD OMR TND"),
    (
        Exponent { digits: 2, step: 1 },
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC \
         CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD \
         KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP \
         PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS \
         WST XCD XCG YER ZAR ZMW",
    ),
]);

const ISO_TWO_DIGITS: (Exponent, &str) = (
    Exponent { digits: 2, step: 1 },
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CZK \
     DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF ILS INR IRR JMD KES KGS KHR KPW KYD \
     KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR \
     PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH \
     USD UYU UZS VES WST XCD YER ZAR ZMW",
);
const ISO_THREE_DIGITS: (Exponent, &str) = (Exponent { digits: 3, step: 1 }, "BHD IQD JOD KWD LYD OMR TND");

/// ISO 4217's minor units, <https://www.six-group.com/en/products-services/financial-information/data-standards.html>.
/// For providers that say "the currency's smallest unit" and list no exception. Left out: what ISO counts in fifths (MRU,
/// MGA), funds, metals, and codes that were withdrawn.
pub const ISO_4217: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    (Exponent { digits: 2, step: 1 }, "CVE IDR"),
    ISO_THREE_DIGITS,
]);

/// Adyen's minor units, <https://docs.adyen.com/development-resources/currency-codes>: CLP and ISK with two digits, CVE and
/// IDR with none, against ISO 4217.
pub const ADYEN: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    (Exponent { digits: 2, step: 1 }, "CLP ISK"),
    ISO_THREE_DIGITS,
]);

/// Checkout.com's, <https://www.checkout.com/docs/payments/accept-payments/calculating-the-value>. CLP and ISK, on which old
/// and new copies of the page differ, are left out.
pub const CHECKOUT: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "BIF DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    ISO_THREE_DIGITS,
]);

/// Razorpay's subunits, <https://razorpay.com/docs/payments/international-payments/>: three-digit amounts end in 0.
pub const RAZORPAY: Table = Table(&[
    (Exponent { digits: 0, step: 1 }, "JPY"),
    (Exponent { digits: 2, step: 1 }, "AED AUD CAD CHF CNY DKK EUR GBP HKD INR MYR NOK NZD SAR SEK SGD THB USD ZAR"),
    (Exponent { digits: 3, step: 10 }, "BHD KWD OMR"),
]);

/// Paystack's subunits, <https://paystack.com/docs/api/#supported-currency>. XOF, which it multiplies by 100 although it
/// has no subunit, is left out.
pub const PAYSTACK: Table = Table(&[(Exponent { digits: 2, step: 1 }, "GHS KES NGN USD ZAR")]);

/// GoCardless collects in these, <https://developer.gocardless.com/api-reference/#appendix-currencies>.
pub const GOCARDLESS: Table = Table(&[(Exponent { digits: 2, step: 1 }, "AUD CAD DKK EUR GBP NZD SEK USD")]);

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn stripe(minor: u64, code: &str) -> Result<String, ExponentError> {
        STRIPE.money(minor, currency(code)).map(|money| money.to_string())
    }

    #[test]
    fn an_amount_is_a_hundred_times_too_much_where_stripe_leaves_iso() {
        assert_eq!(stripe(1099, "USD").as_deref(), Ok("10.99 USD"));
        assert_eq!(stripe(500, "JPY").as_deref(), Ok("500 JPY"));
        assert_eq!(stripe(500, "ISK").as_deref(), Ok("5.00 ISK"));
        assert_eq!(stripe(500, "UGX").as_deref(), Ok("5.00 UGX"));
        assert_eq!(stripe(500, "MGA").as_deref(), Ok("500 MGA"));
        assert_eq!(stripe(1045, "HUF").as_deref(), Ok("10.45 HUF"));
        assert_eq!(stripe(5120, "KWD").as_deref(), Ok("5.120 KWD"));
    }

    #[test]
    fn a_fraction_that_the_currency_has_not_is_refused() {
        assert_eq!(stripe(550, "ISK"), Err(ExponentError::Step(100)));
        assert_eq!(stripe(1, "UGX"), Err(ExponentError::Step(100)));
        assert_eq!(stripe(5124, "KWD"), Err(ExponentError::Step(10)));
        assert_eq!(stripe(0, "ISK"), Err(ExponentError::Money(MoneyError::Zero)));
    }

    #[test]
    fn an_unlisted_currency_is_refused_rather_than_guessed() {
        // IQD and LYD have three digits in ISO 4217, CLF four.
        for code in ["IQD", "LYD", "CLF", "XXX", "XAU"] {
            assert_eq!(stripe(100, code), Err(ExponentError::Unlisted), "{code}");
        }
    }

    #[test]
    fn another_tables_money_is_converted_exactly_or_refused() {
        let adyen_isk = Money::new(10_000, 0, currency("ISK")).unwrap();
        assert_eq!(STRIPE.convert(&adyen_isk).unwrap().minor(), 1_000_000);
        let kwd = Money::new(5_124, 3, currency("KWD")).unwrap();
        assert_eq!(STRIPE.convert(&kwd), Err(ExponentError::Step(10)));
        let sub_yen = Money::new(1_050, 2, currency("JPY")).unwrap();
        assert_eq!(STRIPE.convert(&sub_yen), Err(ExponentError::Money(MoneyError::Inexact(0))));
        let idr = Money::new(15_000, 0, currency("IDR")).unwrap();
        assert_eq!(STRIPE.convert(&idr).unwrap().minor(), 1_500_000);
    }

    #[test]
    fn no_currency_is_listed_twice() {
        for table in [&STRIPE, &ISO_4217, &ADYEN, &CHECKOUT, &RAZORPAY, &PAYSTACK, &GOCARDLESS] {
            let codes: Vec<&str> = table.0.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace()).collect();
            let distinct: std::collections::BTreeSet<&str> = codes.iter().copied().collect();
            assert_eq!(codes.len(), distinct.len());
            assert!(codes.iter().all(|code| currency(code).as_str() == *code));
        }
    }

    #[test]
    fn the_same_number_is_another_sum_at_another_provider() {
        let sum = |table: &Table, code| table.money(500, currency(code)).map(|money| money.to_string());
        assert_eq!(sum(&ADYEN, "ISK").as_deref(), Ok("5.00 ISK"));
        assert_eq!(sum(&ISO_4217, "ISK").as_deref(), Ok("500 ISK"));
        assert_eq!(sum(&ADYEN, "IDR").as_deref(), Ok("500 IDR"));
        assert_eq!(sum(&ISO_4217, "IDR").as_deref(), Ok("5.00 IDR"));
        assert_eq!(sum(&STRIPE, "UGX").as_deref(), Ok("5.00 UGX"));
        assert_eq!(sum(&CHECKOUT, "UGX").as_deref(), Ok("500 UGX"));
        assert_eq!(sum(&CHECKOUT, "ISK"), Err(ExponentError::Unlisted));
        assert_eq!(sum(&PAYSTACK, "XOF"), Err(ExponentError::Unlisted));
    }
}
