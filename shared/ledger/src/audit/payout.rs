//! Everything that the audit table holds of one payout, and what follows from it for a further attempt.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::closing::Held;
use payonce_protocol::fact::FactName;
use payonce_protocol::ids::Digest;
use payonce_protocol::order::{EventId, Mode, PayoutKey};
use payonce_protocol::outcome::{Outcome, Verdict};
use payonce_protocol::reissue::{LastAttempt, LookedUp, Said};
use serde::{Deserialize, Serialize};

use crate::audit::attempt::is_taken;
use crate::audit::bar::Bar;
use crate::audit::claim::Claim;
use crate::audit::closing::{Closing, Standing, is_no_attempt};
use crate::audit::outcome::StoredOutcome;
use crate::cases::case::Case;
use crate::item::{Fields, Item, ItemReader};
use crate::keys::AuditSk;
use crate::powers::{LooksUp, QueriesAudit, Reads};
use crate::{Ledger, LedgerError};

/// All attempts at one payout, the first one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payout {
    /// People closed it before anything was attempted.
    pub closed: Option<Closing>,
    /// Its payment was given back or disputed: no further attempt is made. The first event that said so.
    pub barred: Option<Bar>,
    /// That event came before any claim, and stands in the place of the first attempt.
    pub is_barred_from_the_first: bool,
    pub attempts: Vec<Attempted>,
    /// Of other events with the same key, which two people paid as orders of their own.
    pub own_orders: Vec<PayoutKey>,
    /// Events that were refused and were to come again, by the digests that name their notes, whether they came or not.
    pub refused: BTreeSet<Digest>,
    /// Other keys of an event that could be claimed under this one.
    pub aliases: Vec<Alias>,
    /// What the rail said when it was asked, by functions that may write the audit table; the oldest first.
    pub look_ups: Vec<LookUpRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    pub claim: Claim,
    pub outcome: Option<StoredOutcome>,
    /// The worker's own word, after the attempt had been given up.
    pub late: Option<StoredOutcome>,
}

/// That one event has another payout key, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub event: EventId,
    pub other: PayoutKey,
}

/// That the rail was asked for a payout by its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUpRecord {
    pub at: UnixMillis,
    pub seen: Seen,
    /// Which function asked.
    pub by: String,
}

/// What a look-up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Never empty.
    Found(Vec<FoundPayout>),
    /// `sight`: which payout the same search did find just before.
    Absent { sight: String },
    /// Nothing was found, and that means nothing: why.
    Blind { why: String },
}

/// A payout as the rail's books have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPayout {
    /// The rail's own.
    pub id: String,
    /// In the rail's units.
    pub amount: u64,
    /// Digits after the point of those units, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exponent: Option<u8>,
    pub currency: String,
    pub destination: Option<String>,
    pub created_at: UnixMillis,
    /// The sum or a part of it was given back, or never left.
    pub returned: bool,
}

/// That another event of `key` is paid as an order of its own, so that whoever asks about the payment finds it.
pub(crate) fn own_order(key: &PayoutKey, own: &PayoutKey) -> Item {
    Fields::new(AuditSk::OwnOrder(Digest::of(own.as_str())).of(key)).text("own", own).done()
}

impl Payout {
    /// What a re-issue is decided from. `None`: nothing was ever claimed, or the last attempt is still under way.
    pub fn last_attempt(&self) -> Option<LastAttempt> {
        let last = self.attempts.last()?;
        let mut verdict = last.outcome.as_ref()?.verdict;
        let verdicts = || self.attempts.iter().filter_map(|attempt| attempt.outcome.as_ref());
        if verdicts().any(|outcome| outcome.verdict.outcome == Outcome::Accepted) {
            verdict = Verdict::plain(Outcome::Accepted);
        }
        let generation = last.claim.key_generation;
        let of_key = || self.attempts.iter().filter(move |attempt| attempt.claim.key_generation == generation);
        Some(LastAttempt {
            verdict,
            generation,
            key_is_uncertain: of_key().any(Attempted::is_unknown),
            key_first_used_at: of_key().map(|attempt| attempt.claim.claimed_at).min()?,
            // Its worker may have sent it until then.
            key_last_used_at: of_key().map(|attempt| attempt.claim.expires_at).max()?,
            key_holds_an_error: of_key().any(Attempted::was_answered_5xx),
            has_late_outcome: self.attempts.iter().any(|attempt| attempt.late.is_some()),
            look_ups: self.look_ups.iter().map(LookUpRecord::looked_up).collect(),
        })
    }
}

impl Payout {
    /// For this case, and nothing was attempted since: should the people have been wrong, attempt 2 mends it. Where they said
    /// that the same event is another case's, it is that one's to mend, too.
    pub fn is_closed_for(&self, case: &Case) -> bool {
        self.attempts.is_empty()
            && self.closed.as_ref().is_some_and(|closing| {
                let is_passed_on = closing.ending == Ending::DuplicateOf && closing.event.is_some();
                closing.case == case.id() || (is_passed_on && closing.event == case.event)
            })
    }

    /// Rail, account and mode of the last attempt, or of the closing that stands in its place.
    pub fn rail(&self) -> Option<(&str, &str, Mode)> {
        let last = self.attempts.last().map(|attempt| &attempt.claim);
        let attempted = last.map(|claim| (claim.rail.as_str(), claim.rail_account.as_str(), claim.rail_mode));
        let closed = || {
            self.closed.as_ref().map(|closed| (closed.rail.as_str(), closed.rail_account.as_str(), closed.rail_mode))
        };
        attempted.or_else(closed)
    }

    /// Who has the first place.
    pub(crate) fn held(&self) -> Held {
        let digest = |event: &EventId| Digest::of(event.as_str());
        let bar = self.barred.as_ref().filter(|_| self.is_barred_from_the_first);
        if let Some(bar) = bar {
            return Held::By(Some(digest(&bar.event)));
        }
        match (&self.closed, self.attempts.first()) {
            (Some(closing), _) => Held::By(closing.event.as_ref().map(digest)),
            (None, Some(first)) => Held::By(Some(digest(&first.claim.event))),
            (None, None) => Held::Free,
        }
    }
}

impl Attempted {
    fn is_unknown(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome.verdict.outcome == Outcome::Unknown)
    }

    fn was_answered_5xx(&self) -> bool {
        let status = self.outcome.as_ref().and_then(|outcome| outcome.evidence.http_status());
        status.is_some_and(|status| (500..600).contains(&status))
    }
}

impl Seen {
    pub fn said(&self) -> Said {
        match self {
            Self::Found(_) => Said::Found,
            Self::Absent { .. } => Said::Absent,
            Self::Blind { .. } => Said::Blind,
        }
    }

    /// The rail's ids of what it has.
    pub fn ids(&self) -> Vec<String> {
        match self {
            Self::Found(payouts) => payouts.iter().map(|payout| payout.id.clone()).collect(),
            _ => vec![],
        }
    }
}

impl LookUpRecord {
    fn looked_up(&self) -> LookedUp {
        LookedUp { at: self.at, said: self.seen.said() }
    }

    pub(crate) fn to_item(&self, key: &PayoutKey, attempt: u16) -> Item {
        let (name, text) = self.seen.rests_on();
        Fields::new(AuditSk::LookUp(attempt, self.at).of(key))
            .list("payouts", &self.seen.ids())
            .text("by", &self.by)
            .number("at", self.at)
            .text(name.as_str(), text)
            .done()
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new("the look-up", item);
        let text = |name: FactName| read.optional(name.as_str(), |read| read.text(name.as_str()).map(str::to_owned));
        let seen = match (read.list("payouts")?.is_empty(), text(FactName::Sight)?, text(FactName::Blind)?) {
            (false, ..) => Seen::Found(read.parsed(FactName::Found.as_str(), |text| serde_json::from_str(text).ok())?),
            (true, Some(sight), None) => Seen::Absent { sight },
            (true, _, why) => Seen::Blind { why: why.unwrap_or_default() },
        };
        Ok(Self { at: read.number("at")?, seen, by: read.text("by")?.to_owned() })
    }
}

impl<P: Reads> Ledger<P> {
    /// A consistent read of everything. An item of a newer schema is an error here: what a person decides must not rest on
    /// half of the record.
    pub async fn payout(&self, key: &PayoutKey) -> Result<Payout, LedgerError>
    where
        P: QueriesAudit,
    {
        let mut payout = Payout::default();
        let mut from = None;
        loop {
            let page = self
                .audit
                .query(&self.records)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", "pk")
                .expression_attribute_values(":pk", AttributeValue::S(key.to_string()))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(|error| LedgerError::failed("read a payout", &error))?;
            page.items().iter().try_for_each(|row| payout.add(row))?;
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        payout.look_ups.sort_by_key(|look_up| look_up.at);
        Ok(payout)
    }

    /// Beside the attempt that it is about. The same moment twice is the same look-up.
    pub async fn add_look_up(&self, key: &PayoutKey, attempt: u16, look_up: &LookUpRecord) -> Result<(), LedgerError>
    where
        P: LooksUp,
    {
        match self.audit.append(&self.records, look_up.to_item(key, attempt)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(LedgerError::failed("record a look-up", &error)),
        }
    }
}

impl Payout {
    /// In the order of the table: the claim of an attempt comes before everything else of it.
    pub(crate) fn add(&mut self, item: &Item) -> Result<(), LedgerError> {
        let read = ItemReader::new("the payout", item);
        if read.is_newer() {
            return Err(read.unreadable("v"));
        }
        let sk = read.text("sk")?;
        let unreadable = || read.unreadable("sk");
        match AuditSk::parse(sk) {
            Some(AuditSk::Barred) => self.barred = Some(Bar::from_item(item)?),
            Some(AuditSk::OwnOrder(_)) => self.own_orders.push(read.parsed("own", |text| PayoutKey::new(text).ok())?),
            Some(AuditSk::Claim(_)) if is_no_attempt(item) => match Standing::from_item(item)? {
                Standing::Closing(closing) => self.closed = Some(closing),
                Standing::Bar(bar) => {
                    self.barred = Some(bar);
                    self.is_barred_from_the_first = true;
                }
                Standing::Claim(_) => return Err(unreadable()),
            },
            Some(AuditSk::Claim(_)) => {
                self.attempts.push(Attempted { claim: Claim::from_item(item)?, outcome: None, late: None });
            }
            Some(AuditSk::LookUp(..)) => self.look_ups.push(LookUpRecord::from_item(item)?),
            Some(AuditSk::Outcome(number)) => {
                self.of(number).ok_or_else(unreadable)?.outcome = Some(StoredOutcome::from_item(item)?);
            }
            Some(AuditSk::Late(number)) => {
                self.of(number).ok_or_else(unreadable)?.late = Some(StoredOutcome::from_item(item)?);
            }
            Some(AuditSk::Refused(event)) => drop(self.refused.insert(event)),
            // Nothing is decided from these: one that cannot be read is passed by.
            Some(AuditSk::Alias { .. }) => {
                let other = read.parsed("other", |text| PayoutKey::new(text).ok());
                self.aliases.extend(read.event().ok().zip(other.ok()).map(|(event, other)| Alias { event, other }));
            }
            Some(AuditSk::Unfiled) => {}
            None if AuditSk::is_of_no_attempt(sk) => {}
            None => return Err(unreadable()),
        }
        Ok(())
    }

    fn of(&mut self, number: u16) -> Option<&mut Attempted> {
        self.attempts.last_mut().filter(|attempt| attempt.claim.attempt == number)
    }
}

#[cfg(test)]
mod tests {
    use payonce_protocol::fact::Facts;

    use super::*;
    use crate::persisted_tests::{claim, closing};

    fn attempted(outcome: Outcome, http_status: &str) -> Attempted {
        let claim = claim(Mode::Live);
        let stored = StoredOutcome {
            attempt_id: claim.attempt_id,
            verdict: Verdict::plain(outcome),
            evidence: Facts::from([(FactName::HttpStatus, http_status)]),
            recorded_at: claim.claimed_at,
            by_sweeper: false,
        };
        Attempted { claim, outcome: Some(stored), late: None }
    }

    /// The rail repeats under a key what it answered: an attempt under the same key would hear of the error again.
    #[test]
    fn key_holds_an_error_when_the_rail_answered_with_one() {
        for (status, holds) in [("499", false), ("500", true), ("503", true), ("599", true), ("600", false)] {
            let payout = Payout { attempts: vec![attempted(Outcome::Unknown, status)], ..Payout::default() };
            assert_eq!(payout.last_attempt().unwrap().key_holds_an_error, holds, "{status}");
        }
    }

    #[test]
    fn key_is_uncertain_while_an_attempt_under_it_is_unknown() {
        for (ended, is_uncertain) in [(Outcome::Unknown, true), (Outcome::Rejected, false), (Outcome::NotSent, false)] {
            let payout = Payout { attempts: vec![attempted(ended, "400")], ..Payout::default() };
            assert_eq!(payout.last_attempt().unwrap().key_is_uncertain, is_uncertain, "{ended}");
        }
    }

    #[test]
    fn rail_is_that_of_the_last_attempt_or_of_what_closed_its_place() {
        let mut closed = closing(Ending::NotPaid, Mode::Test);
        closed.rail = "another".to_owned();
        let closed = Payout { closed: Some(closed), ..Payout::default() };
        assert_eq!(closed.rail(), Some(("another", "checked", Mode::Test)));
        let attempts = vec![attempted(Outcome::Rejected, "400")];
        assert_eq!(Payout { attempts, ..closed }.rail(), Some(("http", "checked", Mode::Live)));
        assert_eq!(Payout::default().rail(), None);
    }
}
