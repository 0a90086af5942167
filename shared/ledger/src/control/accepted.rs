//! Which rules of payout keys a person accepted, an item for each provider: adding or changing one stops no other.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::Digest;
use payonce_protocol::release::{Derivation, KeyRules, NotYet, may_accept};
use thiserror::Error;

use crate::item::{Fields, Item, ItemReader};
use crate::keys::{self, ReconcileKey};
use crate::powers::{QueriesCases, Reads, Releases};
use crate::transaction::Transacted;
use crate::{Books, Ledger, LedgerError};

/// A provider's accepted rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub provider: String,
    pub fingerprint: Digest,
    /// What the fingerprint stands for.
    pub derivations: Vec<Derivation>,
    /// Events signed before this moment are not paid.
    pub paid_from: Option<UnixMillis>,
    /// What was accepted before, and until when an event from then may come again.
    pub former: Vec<(Derivation, UnixMillis)>,
    /// Of these rules and of all before them, for as long as the table stands: payments are disputed long after their events
    /// come again no more.
    pub namespaces: Vec<String>,
    /// Of the provider's table.
    pub scheme: String,
    pub by: String,
    pub at: UnixMillis,
    pub version: u64,
}

/// What a person asks for, beside the rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The least that is safe when not given.
    pub paid_from: Option<UnixMillis>,
    /// Until when what is replaced counts as an earlier derivation; the provider's own time when not given, and never less.
    pub former_until: Option<UnixMillis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAccepted {
    #[error("these very rules are accepted already")]
    Same,
    #[error(transparent)]
    NotYet(#[from] NotYet),
    /// No time is signed, and what was paid under these would not be found.
    #[error("`formerly` does not name {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Uncovered(Vec<Derivation>),
    #[error("events from before may come again until {least}, in milliseconds since 1970")]
    EndsTooEarly { least: UnixMillis },
    /// A table under another name pays again what it paid under the first, where nobody wrote which namespace it has.
    #[error(
        "{0} was accepted with the same scheme and another namespace: write `namespace` in the new table, the same where it hears \
         of the same payments"
    )]
    AnotherName(String),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl<P: Reads> Ledger<P> {
    /// A consistent read. `None`: nobody accepted any.
    pub async fn accepted(&self, provider: &str) -> Result<Option<Accepted>, LedgerError> {
        let item = self.read_reconcile(&ReconcileKey::Accepted(provider.to_owned())).await?;
        item.as_ref().map(|item| Accepted::from_item(provider, item)).transpose()
    }

    /// Of every provider. For people: the functions may not ask for a list.
    pub async fn all_accepted(&self) -> Result<Vec<Accepted>, LedgerError>
    where
        P: QueriesCases,
    {
        let range = keys::all_accepted();
        let found = self
            .records
            .query()
            .table_name(&self.reconcile)
            .consistent_read(true)
            .key_condition_expression("pk = :control AND begins_with(sk, :provider)")
            .expression_attribute_values(":control", range.pk)
            .expression_attribute_values(":provider", range.prefix)
            .send()
            .await
            .map_err(|error| LedgerError::failed("list the accepted rules", &error))?;
        let name = |item: &Item| match ReconcileKey::of(item) {
            Some(ReconcileKey::Accepted(provider)) => Ok(provider),
            _ => Err(ItemReader::new(WHAT, item).unreadable("sk")),
        };
        found.items().iter().map(|item| Accepted::from_item(&name(item)?, item)).collect()
    }

    /// Accepts the rules of one provider. The first of a provider may be accepted at any time, because nothing of it was
    /// paid, unless it may be another's new name; others only as [`may_accept`] allows, and only if what was paid under the earlier ones is found.
    pub async fn accept_keys(
        &self,
        rules: &KeyRules,
        wish: Wish,
        by: &str,
        now: UnixMillis,
    ) -> Result<Accepted, NotAccepted>
    where
        P: Releases + QueriesCases,
    {
        let control = self.control().await?;
        let seen = self.accepted(&rules.provider).await?;
        let next = match &seen {
            None => {
                self.is_no_other_name(rules).await?;
                Accepted {
                    provider: rules.provider.clone(),
                    fingerprint: rules.fingerprint,
                    derivations: rules.derivations(),
                    // Providers write whole seconds.
                    paid_from: Some(wish.paid_from.unwrap_or(now - now % 1_000)),
                    former: vec![],
                    namespaces: rules.namespaces(),
                    scheme: rules.scheme.clone(),
                    by: by.to_owned(),
                    at: now,
                    version: 1,
                }
            }
            Some(seen) if seen.fingerprint == rules.fingerprint => return Err(NotAccepted::Same),
            Some(seen) => {
                let held = control.as_ref().ok_or(NotYet::NotHeld)?;
                let paid_from = may_accept(held.hold, held.set_at, rules.refuse_for_ms, now, wish.paid_from)?;
                seen.followed_by(rules, paid_from, wish.former_until, by, now)?
            }
        };
        let parts = [
            self.put_after(next.to_item(), next.version)?,
            self.put_new(next.history())?,
            self.hold_stands(control.as_ref())?,
        ];
        match self.transact("accept rules", &parts).await? {
            Transacted::Done => Ok(next),
            Transacted::Unmet(_) => Err(LedgerError::Changed { what: "the control item" }.into()),
        }
    }

    /// The first rules of a provider may be those of another that was given a new name.
    async fn is_no_other_name(&self, rules: &KeyRules) -> Result<(), NotAccepted>
    where
        P: QueriesCases,
    {
        if rules.namespace_is_written {
            return Ok(());
        }
        let own = rules.namespaces();
        let others = self.all_accepted().await?;
        let same = others.into_iter().find(|other| {
            other.scheme == rules.scheme && other.namespaces.iter().any(|namespace| !own.contains(namespace))
        });
        same.map_or(Ok(()), |other| Err(NotAccepted::AnotherName(other.provider)))
    }

    /// What a person does on a new stack of a machine that pays nobody: the first books, and rules as they are. What was
    /// accepted or released before stays.
    pub async fn start_books<'r>(
        &self,
        rules: impl IntoIterator<Item = &'r KeyRules>,
        now: UnixMillis,
    ) -> Result<(), NotAccepted>
    where
        P: Releases + QueriesCases,
    {
        if self.control().await?.is_none() {
            self.release(Books::First, "start", "a new stack on this machine", now).await?;
        }
        for rules in rules {
            if self.accepted(&rules.provider).await?.is_none() {
                let wish = Wish { paid_from: Some(0), ..Wish::default() };
                self.accept_keys(rules, wish, "start", now).await?;
            }
        }
        Ok(())
    }
}

const WHAT: &str = "the accepted rules";

impl Accepted {
    /// The derivations, accepted now or before, that are not these rules' own, as long as an event from their time may come
    /// again. A version whose rules are not the accepted ones finds these among them.
    pub fn others(&self, rules: &KeyRules, now: UnixMillis) -> Vec<Derivation> {
        let own = rules.derivations();
        let former = self.former.iter().filter(|(_, until)| *until > now).map(|(was, _)| was);
        former.chain(&self.derivations).filter(|was| !own.contains(was)).cloned().collect()
    }

    fn followed_by(
        &self,
        rules: &KeyRules,
        paid_from: UnixMillis,
        former_until: Option<UnixMillis>,
        by: &str,
        now: UnixMillis,
    ) -> Result<Self, NotAccepted> {
        let lasting = || self.former.iter().filter(|(_, until)| *until > now).cloned();
        let former: Vec<Derivation> = lasting().map(|(was, _)| was).collect();
        let uncovered = rules.uncovered(&self.derivations, &former);
        if !uncovered.is_empty() {
            return Err(NotAccepted::Uncovered(uncovered));
        }
        let least = now.saturating_add(rules.comes_back_ms);
        let until = former_until.unwrap_or(least);
        if until < least {
            return Err(NotAccepted::EndsTooEarly { least });
        }
        let derivations = rules.derivations();
        let replaced = self.derivations.iter().map(|was| (was.clone(), until));
        let former = lasting().chain(replaced).filter(|(was, _)| !derivations.contains(was)).collect();
        let mut namespaces = self.namespaces.clone();
        namespaces.extend(rules.namespaces());
        namespaces.sort();
        namespaces.dedup();
        Ok(Self {
            provider: self.provider.clone(),
            fingerprint: rules.fingerprint,
            derivations,
            paid_from: Some(paid_from),
            former,
            namespaces,
            scheme: rules.scheme.clone(),
            by: by.to_owned(),
            at: now,
            version: self.version + 1,
        })
    }

    pub(crate) fn to_item(&self) -> Item {
        let derivations = self.derivations.iter().map(|one| AttributeValue::M(written(one)));
        let former = self.former.iter().map(|(one, until)| {
            let mut item = written(one);
            item.insert("until".to_owned(), AttributeValue::N(until.to_string()));
            AttributeValue::M(item)
        });
        let mut item = Fields::new(ReconcileKey::Accepted(self.provider.clone()).keys())
            .number("version", self.version)
            .text("fingerprint", self.fingerprint)
            .optional(self.paid_from, |fields, from| fields.number("paid_from", from))
            .list("namespaces", &self.namespaces)
            .text("scheme", &self.scheme)
            .text("by", &self.by)
            .number("at", self.at)
            .done();
        item.insert("derivations".to_owned(), AttributeValue::L(derivations.collect()));
        item.insert("former".to_owned(), AttributeValue::L(former.collect()));
        item
    }

    /// Beside the hold's own.
    fn history(&self) -> Item {
        let mut facts = BTreeMap::from([("fingerprint".to_owned(), self.fingerprint.to_string())]);
        facts.extend(self.paid_from.map(|from| ("paid_from".to_owned(), from.to_string())));
        let numbered = |(index, one): (usize, &Derivation)| (format!("rule_{index}"), one.to_string());
        facts.extend(self.derivations.iter().enumerate().map(numbered));
        Fields::new(ReconcileKey::AcceptedHistory(self.provider.clone(), self.version).keys())
            .text("act", "keys")
            .text("by", &self.by)
            .number("at", self.at)
            .map("facts", &facts)
            .done()
    }

    pub(crate) fn from_item(provider: &str, item: &Item) -> Result<Self, LedgerError> {
        let read = ItemReader::new(WHAT, item);
        let listed = |name: &'static str| match item.get(name) {
            Some(AttributeValue::L(values)) => Ok(values),
            _ => Err(read.unreadable(name)),
        };
        let map = |value: &AttributeValue| value.as_m().cloned().map_err(|_| read.unreadable("derivations"));
        let derivations = listed("derivations")?.iter().map(|value| derivation(&map(value)?));
        let former = listed("former")?.iter().map(|value| {
            let map = map(value)?;
            Ok((derivation(&map)?, ItemReader::new(WHAT, &map).number("until")?))
        });
        Ok(Self {
            provider: provider.to_owned(),
            fingerprint: read.hex_digest("fingerprint")?,
            derivations: derivations.collect::<Result<_, LedgerError>>()?,
            paid_from: read.optional("paid_from", |read| read.number("paid_from"))?,
            former: former.collect::<Result<_, LedgerError>>()?,
            namespaces: read.list("namespaces")?,
            scheme: read.text("scheme")?.to_owned(),
            by: read.text("by")?.to_owned(),
            at: read.number("at")?,
            version: read.number("version")?,
        })
    }
}

fn written(one: &Derivation) -> HashMap<String, AttributeValue> {
    let texts = |texts: &[String]| AttributeValue::L(texts.iter().cloned().map(AttributeValue::S).collect());
    HashMap::from([
        ("namespace".to_owned(), AttributeValue::S(one.namespace.clone())),
        ("event".to_owned(), AttributeValue::S(one.event.clone())),
        ("key".to_owned(), texts(&one.key)),
        ("when".to_owned(), texts(&one.when)),
    ])
}

fn derivation(item: &Item) -> Result<Derivation, LedgerError> {
    let read = ItemReader::new(WHAT, item);
    Ok(Derivation {
        namespace: read.text("namespace")?.to_owned(),
        event: read.text("event")?.to_owned(),
        key: read.list("key")?,
        when: read.list("when")?,
    })
}
