//! Whether this version may pay now: the hold, the provider's accepted rules and the tables' ids, read consistently at most
//! every few seconds. The rule itself is [`payonce_protocol::release`].

use std::sync::Arc;

use payonce_ledger::{Control, Ledger, LedgerError, powers};
use payonce_protocol::UnixMillis;
use payonce_protocol::event::Refusal;
use payonce_protocol::hold::Hold;
use payonce_protocol::release::{CONTROL_FRESH_MS, Derivation, KeyRules, Standing, TableIds, ruling};
use tokio::sync::Mutex;

/// Tables are not replaced under a name within a minute: a restore takes longer, and every read fails meanwhile.
const IDS_FRESH_MS: u64 = 60_000;

/// What stands, to this version.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    /// An error: it may not pay, whatever the event's age.
    pub(crate) hold: Result<Hold, Refusal>,
    /// Events signed before this moment are not paid.
    pub(crate) paid_from: Option<UnixMillis>,
    /// An event without a signed time may be from before that moment.
    pub(crate) files_undated: bool,
    /// How other rules than this version's derive keys, which are accepted or were while its events may come again.
    pub(crate) former: Arc<[Derivation]>,
    /// All that were ever accepted for the provider.
    pub(crate) namespaces: Arc<[String]>,
}

impl Ruling {
    fn unreadable() -> Self {
        let hold = Err(Refusal::ControlUnreadable);
        Self { hold, paid_from: None, files_undated: false, former: Arc::default(), namespaces: Arc::default() }
    }
}

pub(crate) struct ControlCache {
    rules: KeyRules,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    ruling: Option<(UnixMillis, Ruling)>,
    tables: Option<(UnixMillis, TableIds)>,
}

impl ControlCache {
    pub(crate) fn new(rules: KeyRules) -> Self {
        Self { rules, last: Mutex::default() }
    }

    pub(crate) async fn ruling(&self, ledger: &Ledger<powers::Webhook>, now: UnixMillis) -> Ruling {
        let mut last = self.last.lock().await;
        if let Some((read_at, ruling)) = &last.ruling
            && is_fresh(*read_at, now, CONTROL_FRESH_MS)
        {
            return ruling.clone();
        }
        match self.read(&mut last, ledger, now).await {
            Ok(ruling) => {
                last.ruling = Some((now, ruling.clone()));
                ruling
            }
            Err(error) => {
                tracing::error!(%error, "what stands cannot be read: refusing");
                // The next delivery asks for everything again.
                *last = Last::default();
                Ruling::unreadable()
            }
        }
    }

    /// The hold before the rules: whoever reads "pay" of a release reads the rules that were accepted before it.
    async fn read(
        &self,
        last: &mut Last,
        ledger: &Ledger<powers::Webhook>,
        now: UnixMillis,
    ) -> Result<Ruling, LedgerError> {
        let tables = match last.tables.take() {
            Some((read_at, tables)) if is_fresh(read_at, now, IDS_FRESH_MS) => (read_at, tables),
            _ => (now, ledger.table_ids().await?),
        };
        let control = ledger.control().await?;
        let accepted = ledger.accepted(&self.rules.provider).await?;
        let hold = ruling(Standing {
            hold: control.as_ref().map(|control| (control.hold, control.released_for.as_ref())),
            accepted: accepted.as_ref().map(|accepted| accepted.fingerprint),
            own: self.rules.fingerprint,
            tables: Some(&tables.1),
        });
        match hold {
            Err(Refusal::TablesNotReleased) => {
                tracing::error!(
                    audit = tables.1.audit,
                    reconcile = tables.1.reconcile,
                    "these tables were not released: refusing until a person releases payouts"
                );
            }
            Err(_) => tracing::error!(
                provider = self.rules.provider, configured = %self.rules.fingerprint,
                "the rules that derive payout keys are not the accepted ones: refusing until a person accepts them"
            ),
            Ok(_) => {}
        }
        last.tables = Some(tables);
        let books_from = control.as_ref().and_then(|control: &Control| control.books_from);
        let may_come_again = |from: UnixMillis| now < from.saturating_add(self.rules.comes_back_ms);
        let namespaces = accepted.as_ref().map_or_else(Vec::new, |accepted| accepted.namespaces.clone());
        let former = accepted.as_ref().map_or_else(Vec::new, |accepted| accepted.others(&self.rules, now));
        Ok(Ruling {
            hold,
            paid_from: accepted.and_then(|accepted| accepted.paid_from).max(books_from),
            files_undated: books_from.is_some_and(may_come_again),
            former: former.into(),
            namespaces: namespaces.into(),
        })
    }
}

fn is_fresh(read_at: UnixMillis, now: UnixMillis, for_ms: u64) -> bool {
    (read_at..read_at.saturating_add(for_ms)).contains(&now)
}
