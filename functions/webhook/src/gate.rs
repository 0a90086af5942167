//! Whether payouts are made now: the control item, read consistently at most every few seconds.

use payonce_ledger::{Control, Ledger};
use payonce_protocol::UnixMillis;
use payonce_protocol::hold::Hold;
use payonce_protocol::ids::Digest;
use tokio::sync::Mutex;

/// A hold that a person or the sweeper sets is obeyed by a warm function after this long at the most.
const FRESH_FOR_MS: u64 = 3_000;

/// What the control item says to this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) hold: Hold,
    /// Events signed before this moment are not paid.
    pub(crate) paid_from: Option<UnixMillis>,
}

impl Ruling {
    const UNREADABLE: Self = Self { hold: Hold::Refuse, paid_from: None };
}

pub(crate) struct ControlCache {
    key_rules: Digest,
    last: Mutex<Option<(UnixMillis, Ruling)>>,
}

impl ControlCache {
    pub(crate) fn new(key_rules: Digest) -> Self {
        Self { key_rules, last: Mutex::new(None) }
    }

    pub(crate) async fn ruling(&self, ledger: &Ledger, now: UnixMillis) -> Ruling {
        let mut last = self.last.lock().await;
        if let Some((read_at, ruling)) = *last
            && (read_at..read_at + FRESH_FOR_MS).contains(&now)
        {
            return ruling;
        }
        let ruling = match self.read(ledger, now).await {
            Ok(control) => self.rule(&control),
            Err(error) => {
                tracing::error!(%error, "the control item cannot be read: refusing");
                Ruling::UNREADABLE
            }
        };
        // An unreadable item is asked for again by the next delivery.
        *last = (ruling != Ruling::UNREADABLE).then_some((now, ruling));
        ruling
    }

    async fn read(&self, ledger: &Ledger, now: UnixMillis) -> Result<Control, payonce_ledger::LedgerError> {
        match ledger.control().await? {
            Some(control) => Ok(control),
            // A new stack: the first configuration to arrive is the accepted one.
            None => ledger.start_control(self.key_rules, now).await,
        }
    }

    /// A configuration that derives other payout keys than the accepted one would pay again what is claimed under the
    /// old keys (C3): it refuses until a person accepts it together with a `paid_from`.
    fn rule(&self, control: &Control) -> Ruling {
        if control.keys != self.key_rules {
            tracing::error!(
                accepted = %control.keys, configured = %self.key_rules,
                "the rules that derive payout keys differ from the accepted ones: refusing"
            );
            return Ruling { hold: Hold::Refuse, paid_from: control.paid_from };
        }
        Ruling { hold: control.hold, paid_from: control.paid_from }
    }
}
