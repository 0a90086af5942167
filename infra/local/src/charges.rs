//! The charges of the sandbox: what a payment brought in, and so the most that may be transferred from it. The sandbox has no
//! payments of its own; a charge is what its id says: `ch_{payment}_{amount}{currency}`, and `_in_{group}` behind it where
//! the charge was made with a `transfer_group` of its own. Of `pi_1abc`: `ch_1abc_4200eur`, `ch_1abc_4200eur_in_ORDER95`.
//! Any other id is unknown.

/// One charge, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub amount: u64,
    pub currency: String,
    /// Assigned to every transfer that is made from it.
    pub group: String,
}

impl Charge {
    pub fn of(id: &str) -> Option<Self> {
        let rest = id.strip_prefix("ch_")?;
        let (rest, own_group) = match rest.split_once("_in_") {
            Some((rest, group)) => (rest, Some(group)),
            None => (rest, None),
        };
        let (payment, sum) = rest.rsplit_once('_').filter(|(payment, _)| !payment.is_empty())?;
        let (amount, currency) = sum.split_at_checked(sum.len().checked_sub(3)?)?;
        if !currency.bytes().all(|byte| byte.is_ascii_lowercase()) || own_group.is_some_and(str::is_empty) {
            return None;
        }
        let group = own_group.map_or_else(|| format!("group_pi_{payment}"), str::to_owned);
        Some(Self { amount: amount.parse().ok()?, currency: currency.to_owned(), group })
    }

    /// The id of the charge behind this payment.
    pub fn id(payment: &str, amount: u64, currency: &str, own_group: Option<&str>) -> String {
        let payment = payment.strip_prefix("pi_").unwrap_or(payment);
        let own_group = own_group.map(|group| format!("_in_{group}")).unwrap_or_default();
        format!("ch_{payment}_{amount}{currency}{own_group}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_says_what_it_brought_in() {
        let charge = |group: &str| Charge { amount: 4200, currency: "eur".to_owned(), group: group.to_owned() };
        let (plain, own) =
            (Charge::id("pi_1_abc", 4200, "eur", None), Charge::id("pi_1_abc", 4200, "eur", Some("ORDER_95")));
        assert_eq!((plain.as_str(), own.as_str()), ("ch_1_abc_4200eur", "ch_1_abc_4200eur_in_ORDER_95"));
        assert_eq!((Charge::of(&plain), Charge::of(&own)), (Some(charge("group_pi_1_abc")), Some(charge("ORDER_95"))));
        for unknown in
            ["", "ch_1", "ch_4200eur", "ch__4200eur", "ch_1_eur", "ch_1_4200", "py_1_4200eur", "ch_1_4200eur_in_"]
        {
            assert_eq!(Charge::of(unknown), None, "{unknown}");
        }
    }
}
