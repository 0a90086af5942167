//! Who may pay at all (invariant only-a-person-starts). A person releases payouts for the very tables that are there, and
//! accepts, for each provider, the rules that payout keys are derived from. Whatever was restored, deployed or configured
//! differs from what that person saw, and refuses.

use std::fmt;

use thiserror::Error;

use crate::UnixMillis;
use crate::event::Refusal;
use crate::hold::Hold;
use crate::ids::Digest;
use crate::sweep::MARGIN_MS;

/// A hold that a person or the sweeper sets is obeyed by a warm function after this long at the most.
pub const CONTROL_FRESH_MS: u64 = 3_000;

/// The longest time-out that the template allows to a function that pays.
pub const LONGEST_FUNCTION_MS: u64 = 27_000;

/// So long after a hold was set nothing that did not see it can still pay: what was read just before it is believed for a
/// while, a delivery that began then runs to its time-out, and clocks differ. 3 s + 27 s + 120 s = 150 s.
pub const SEEN_AFTER_MS: u64 = CONTROL_FRESH_MS + LONGEST_FUNCTION_MS + MARGIN_MS;

/// DynamoDB's own ids of the two tables that decide whether something was paid. A table that is restored, imported or
/// made anew has another one, whatever its name:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableIds {
    pub audit: String,
    pub reconcile: String,
}

/// What stands, to one version of one provider's function.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The hold, and for which tables payouts were released; `None` on a new stack.
    pub hold: Option<(Hold, Option<&'a TableIds>)>,
    /// The fingerprint of the provider's accepted rules.
    pub accepted: Option<Digest>,
    /// Of this version's own.
    pub own: Digest,
    /// The tables that are there; `None` where that could not be read.
    pub tables: Option<&'a TableIds>,
}

/// Whether this version may pay. An error bars it whatever the provider's patience: where claims may be missing, nothing
/// can be said of a payout, not even that it was not sent.
pub fn ruling(standing: Standing<'_>) -> Result<Hold, Refusal> {
    let Some((hold, released_for)) = standing.hold else { return Err(Refusal::TablesNotReleased) };
    if released_for.is_none() || released_for != standing.tables {
        return Err(Refusal::TablesNotReleased);
    }
    if standing.accepted != Some(standing.own) {
        return Err(Refusal::RulesNotAccepted);
    }
    Ok(hold)
}

/// Why rules of payout keys cannot be accepted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotYet {
    #[error("payouts are not held in the mode `refuse`, which claims nothing")]
    NotHeld,
    /// Versions with the old rules may not have seen the hold yet.
    #[error("not before {until}, in milliseconds since 1970")]
    Until { until: UnixMillis },
    /// Versions with the old rules paid what was signed before.
    #[error("paid_from lies before {least}, in milliseconds since 1970")]
    PaidFrom { least: UnixMillis },
}

/// From when events are paid under new rules: only while payouts are refused and every version that could still claim has
/// seen it, and from no earlier moment than that. Events older than `refuse_for_ms` are claimed all the same, by the old
/// rules. Without a wish, from the earliest moment.
pub fn may_accept(
    hold: Hold,
    hold_set_at: UnixMillis,
    refuse_for_ms: u64,
    now: UnixMillis,
    paid_from: Option<UnixMillis>,
) -> Result<UnixMillis, NotYet> {
    let seen = hold_set_at.saturating_add(SEEN_AFTER_MS);
    let least = seen.max(now.saturating_sub(refuse_for_ms));
    match paid_from {
        // Under `record` events are claimed, too.
        _ if hold != Hold::Refuse => Err(NotYet::NotHeld),
        _ if now < seen => Err(NotYet::Until { until: seen }),
        Some(paid_from) if paid_from < least => Err(NotYet::PaidFrom { least }),
        paid_from => Ok(paid_from.unwrap_or(least)),
    }
}

/// From when events are paid out of books that may lack claims and are released now. An event that was paid from the books
/// before bears an earlier time than this, although clocks differ.
pub fn books_from(released_at: UnixMillis) -> UnixMillis {
    released_at.saturating_add(MARGIN_MS)
}

/// One way in which payout keys are derived from events of one type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Derivation {
    pub namespace: String,
    pub event: String,
    /// JSON pointers.
    pub key: Vec<String>,
    /// What chooses it, where several rules share the type.
    pub when: Vec<String>,
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.event, self.namespace, self.key.join(" "))?;
        if self.when.is_empty() { Ok(()) } else { write!(f, " {}", self.when.join(" and ")) }
    }
}

/// How one rule derives keys, and how the same payout's key was derived formerly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRule {
    pub own: Derivation,
    pub former: Vec<Derivation>,
}

/// Everything that one provider's payout keys are derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRules {
    pub provider: String,
    /// How the provider signs, as its table names it: a table that is given another name keeps it.
    pub scheme: String,
    /// By a person, and not taken from the table's name.
    pub namespace_is_written: bool,
    pub fingerprint: Digest,
    pub rules: Vec<KeyRule>,
    /// A time stands in what the provider signs: then `paid_from` keeps old events from being paid.
    pub signs_time: bool,
    /// How long after the first try an event may come again, by itself or sent by hand.
    pub comes_back_ms: u64,
    /// An event older than this is claimed although payouts are refused, because its provider may not come back.
    pub refuse_for_ms: u64,
}

impl KeyRules {
    pub fn derivations(&self) -> Vec<Derivation> {
        self.rules.iter().map(|rule| rule.own.clone()).collect()
    }

    /// All in which these rules derive keys, or did.
    pub fn namespaces(&self) -> Vec<String> {
        let of =
            |rule: &KeyRule| std::iter::once(&rule.own).chain(&rule.former).map(|one| one.namespace.clone()).collect();
        let mut namespaces: Vec<String> = self.rules.iter().flat_map(|rule| -> Vec<String> { of(rule) }).collect();
        namespaces.sort();
        namespaces.dedup();
        namespaces
    }

    /// The earlier derivations (those that are accepted now, and those before them whose time is not over) under whose keys
    /// these rules would not find what was paid. An event that bears a signed time needs none of this; any other is
    /// protected by the keys of `formerly` alone.
    pub fn uncovered(&self, current: &[Derivation], former: &[Derivation]) -> Vec<Derivation> {
        if self.signs_time {
            return vec![];
        }
        let stands = |rule: &KeyRule| current.contains(&rule.own);
        let earlier = current.iter().map(|was| (was, true)).chain(former.iter().map(|was| (was, false)));
        let missing = earlier.filter(|(was, is_current)| {
            let kept =
                |rule: &&KeyRule| *is_current && stands(rule) || rule.names(was, true) || same_key(&rule.own, was);
            let mut same_type = self.rules.iter().filter(|rule| rule.own.event == was.event).peekable();
            let is_covered = self.rules.iter().any(|rule| rule.own == **was)
                || match same_type.peek() {
                    // Each rule for its type must know it as it was.
                    Some(_) => same_type.all(|rule| kept(&rule)),
                    // Its type has gone: one of the others must say how its own events bore that key.
                    None => {
                        self.rules.iter().any(|rule| rule.names(was, false))
                            || *is_current && self.rules.iter().all(stands)
                    }
                };
            !is_covered
        });
        missing.map(|(was, _)| was.clone()).collect()
    }
}

impl KeyRule {
    fn names(&self, was: &Derivation, exactly: bool) -> bool {
        self.former.iter().any(|former| {
            (&former.namespace, &former.event) == (&was.namespace, &was.event) && (!exactly || former.key == was.key)
        })
    }
}

/// Only what chooses the rule differs.
fn same_key(own: &Derivation, was: &Derivation) -> bool {
    (&own.namespace, &own.key) == (&was.namespace, &was.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(audit: &str) -> TableIds {
        TableIds { audit: audit.to_owned(), reconcile: "r".to_owned() }
    }

    #[test]
    fn only_a_release_for_these_tables_and_these_rules_pays() {
        let (tables, others, own) = (ids("a"), ids("b"), Digest::of("rules"));
        let standing =
            Standing { hold: Some((Hold::Pay, Some(&tables))), accepted: Some(own), own, tables: Some(&tables) };
        assert_eq!(ruling(standing), Ok(Hold::Pay));
        assert_eq!(ruling(Standing { hold: Some((Hold::Record, Some(&tables))), ..standing }), Ok(Hold::Record));
        for barred in [
            Standing { hold: None, ..standing },
            Standing { hold: Some((Hold::Pay, None)), ..standing },
            Standing { hold: Some((Hold::Pay, None)), tables: None, ..standing },
            Standing { tables: Some(&others), ..standing },
            Standing { tables: None, ..standing },
        ] {
            assert_eq!(ruling(barred), Err(Refusal::TablesNotReleased), "{barred:?}");
        }
        for accepted in [None, Some(Digest::of("other rules"))] {
            assert_eq!(ruling(Standing { accepted, ..standing }), Err(Refusal::RulesNotAccepted));
        }
    }

    #[test]
    fn rules_are_accepted_only_while_held_and_seen() {
        let seen = 1_000 + SEEN_AFTER_MS;
        let day = 86_400_000;
        let may_accept = |hold, now, from| may_accept(hold, 1_000, day, now, from);
        for claims in [Hold::Pay, Hold::Record] {
            assert_eq!(may_accept(claims, seen, None), Err(NotYet::NotHeld));
        }
        assert_eq!(may_accept(Hold::Refuse, seen - 1, None), Err(NotYet::Until { until: seen }));
        assert_eq!(may_accept(Hold::Refuse, seen, None), Ok(seen));
        assert_eq!(may_accept(Hold::Refuse, seen, Some(seen - 1)), Err(NotYet::PaidFrom { least: seen }));
        assert_eq!(may_accept(Hold::Refuse, seen, Some(seen)), Ok(seen));
        assert_eq!(may_accept(Hold::Refuse, seen, Some(seen + 5)), Ok(seen + 5));
        // Past the provider's patience the old rules claim what is that old.
        let late = seen + day + 7;
        assert_eq!(may_accept(Hold::Refuse, late, None), Ok(seen + 7));
        assert_eq!(may_accept(Hold::Refuse, late, Some(seen + 6)), Err(NotYet::PaidFrom { least: seen + 7 }));
    }

    /// Belief in what was read, the longest delivery, and the difference of two clocks.
    #[test]
    fn hold_is_seen_by_everything_that_could_pay_after_150_seconds() {
        assert_eq!(SEEN_AFTER_MS, 3_000 + 27_000 + 120_000);
        assert_eq!(books_from(1_000), 1_000 + 120_000, "signed by a clock that is ahead");
    }

    fn derivation(event: &str, key: &str, when: &[&str]) -> Derivation {
        Derivation {
            namespace: "ns".to_owned(),
            event: event.to_owned(),
            key: vec![key.to_owned()],
            when: when.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    fn rules(signs_time: bool, rules: &[(Derivation, &[Derivation])]) -> KeyRules {
        let rules = rules.iter().map(|(own, former)| KeyRule { own: own.clone(), former: former.to_vec() }).collect();
        KeyRules {
            provider: "p".to_owned(),
            scheme: "stripe".to_owned(),
            namespace_is_written: false,
            fingerprint: Digest::of("rules"),
            rules,
            signs_time,
            comes_back_ms: 1,
            refuse_for_ms: 1,
        }
    }

    #[test]
    fn without_a_signed_time_former_keys_cover_every_earlier_derivation() {
        let (was, now) = (derivation("paid", "/id", &[]), derivation("paid", "/reference", &[]));
        let earlier = [was.clone()];
        let missing = |rules: KeyRules| rules.uncovered(&earlier, &[]).len();
        assert_eq!(missing(rules(true, &[(now.clone(), &[])])), 0, "paid_from protects");
        assert_eq!(missing(rules(false, &[(now.clone(), &[])])), 1);
        assert_eq!(missing(rules(false, &[(now.clone(), &earlier)])), 0);
        assert_eq!(missing(rules(false, &[(now.clone(), &[derivation("paid", "/other", &[])])])), 1);
        assert_eq!(missing(rules(false, &[(was.clone(), &[])])), 0, "nothing changed");
        let chosen_otherwise = derivation("paid", "/id", &["a"]);
        assert_eq!(missing(rules(false, &[(chosen_otherwise, &[])])), 0, "the keys are the same");
        // Each of two rules that take its place.
        let split = [derivation("paid", "/a", &["a"]), derivation("paid", "/b", &["b"])];
        assert_eq!(missing(rules(false, &[(split[0].clone(), &earlier), (split[1].clone(), &[])])), 1);
        assert_eq!(missing(rules(false, &[(split[0].clone(), &earlier), (split[1].clone(), &earlier)])), 0);
        // Another type of event about the same payment: its own pointers, which nobody can check.
        let other = derivation("settled", "/id", &[]);
        assert_eq!(missing(rules(false, &[(other.clone(), &[])])), 1);
        assert_eq!(missing(rules(false, &[(other.clone(), &[derivation("paid", "/payment", &[])])])), 0);
        // A type beside it that stays as it was.
        assert_eq!(missing(rules(false, &[(was.clone(), &[]), (other, &[])])), 0);
        assert_eq!(missing(rules(false, &[])), 0, "nothing is paid any more");
    }

    /// A person accepts what this says, and a bar is put under every key of a payment.
    #[test]
    fn rules_name_each_derivation_and_each_namespace_once() {
        let former = Derivation { namespace: "former".to_owned(), ..derivation("paid", "/id", &[]) };
        let (one, other) = (derivation("paid", "/a", &["x", "y"]), derivation("settled", "/b", &[]));
        let rules = rules(false, &[(one.clone(), &[former]), (other.clone(), &[])]);
        assert_eq!(rules.derivations(), [one.clone(), other.clone()]);
        assert_eq!(rules.namespaces(), ["former", "ns"]);
        assert_eq!(
            (one.to_string(), other.to_string()),
            ("paid: ns /a x and y".to_owned(), "settled: ns /b".to_owned())
        );
    }

    #[test]
    fn the_way_back_needs_former_keys_as_the_way_there_did() {
        let (first, second) = (derivation("paid", "/id", &[]), derivation("paid", "/reference", &[]));
        let (current, former) = ([second], [first.clone()]);
        let missing = |named: &[Derivation]| rules(false, &[(first.clone(), named)]).uncovered(&current, &former);
        assert_eq!(missing(&[]), current);
        assert!(missing(&current).is_empty());
    }
}
