//! In which units each company counts money, by its own pages: as pure data, one table each.

use payonce_protocol::exponents::{Exponent, ISO_4217, ISO_THREE_DIGITS, ISO_TWO_DIGITS, Table};
use payonce_protocol::reconcile::rows::Units;

/// The units in which books are held against each other, and in which their statements are written: of each currency the finest in
/// which any company that is known here, or ISO 4217, counts it.
pub fn finest() -> Units {
    let mut all = Units::default();
    let tables = [&ISO_4217, &STRIPE, &ADYEN, &CHECKOUT, &RAZORPAY, &PAYSTACK, &GOCARDLESS];
    for (currency, digits) in tables.into_iter().flat_map(|table| table.digits()) {
        let finest = all.0.entry(currency).or_default();
        *finest = digits.max(*finest);
    }
    all
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
pub const STRIPE: Table = Table::new(&[
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

/// Adyen's minor units, <https://docs.adyen.com/development-resources/currency-codes>: CLP and ISK with two digits, CVE and
/// IDR with none, against ISO 4217.
pub const ADYEN: Table = Table::new(&[
    (Exponent { digits: 0, step: 1 }, "CVE DJF GNF IDR JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    (Exponent { digits: 2, step: 1 }, "CLP ISK"),
    ISO_THREE_DIGITS,
]);

/// Checkout.com's, <https://www.checkout.com/docs/payments/accept-payments/calculating-the-value>. CLP and ISK, on which old
/// and new copies of the page differ, are left out.
pub const CHECKOUT: Table = Table::new(&[
    (Exponent { digits: 0, step: 1 }, "BIF DJF GNF JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    ISO_TWO_DIGITS,
    ISO_THREE_DIGITS,
]);

/// Razorpay's subunits, <https://razorpay.com/docs/payments/international-payments/>: three-digit amounts end in 0.
pub const RAZORPAY: Table = Table::new(&[
    (Exponent { digits: 0, step: 1 }, "JPY"),
    (Exponent { digits: 2, step: 1 }, "AED AUD CAD CHF CNY DKK EUR GBP HKD INR MYR NOK NZD SAR SEK SGD THB USD ZAR"),
    (Exponent { digits: 3, step: 10 }, "BHD KWD OMR"),
]);

/// Paystack's subunits, <https://paystack.com/docs/api/#supported-currency>. XOF, which it multiplies by 100 although it
/// has no subunit, is left out.
pub const PAYSTACK: Table = Table::new(&[(Exponent { digits: 2, step: 1 }, "GHS KES NGN USD ZAR")]);

/// GoCardless collects in these, <https://developer.gocardless.com/api-reference/#appendix-currencies>.
pub const GOCARDLESS: Table = Table::new(&[(Exponent { digits: 2, step: 1 }, "AUD CAD DKK EUR GBP NZD SEK USD")]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use payonce_protocol::exponents::ExponentError;
    use payonce_protocol::money::{Currency, Money, MoneyError};

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn finest_unit_holds_every_companys_amounts_whole() {
        let units = finest();
        for table in [&ISO_4217, &STRIPE, &ADYEN, &CHECKOUT, &RAZORPAY, &PAYSTACK, &GOCARDLESS] {
            assert!(table.digits().all(|(currency, digits)| digits <= units.0[&currency]));
        }
        let of = |code: &str| units.0[&currency(code)];
        assert_eq!((of("EUR"), of("JPY"), of("KWD"), of("ISK"), of("CLP")), (2, 0, 3, 2, 2));
    }

    fn stripe(minor: u64, code: &str) -> Result<String, ExponentError> {
        STRIPE.money(minor, currency(code)).map(|money| money.to_string())
    }

    #[test]
    fn reads_stripes_units_where_they_differ_from_iso() {
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
        for table in [&STRIPE, &ADYEN, &CHECKOUT, &RAZORPAY, &PAYSTACK, &GOCARDLESS] {
            let codes: Vec<&str> = table.codes().collect();
            let distinct: BTreeSet<&str> = codes.iter().copied().collect();
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
