//! The reconciler upon a world: with windows of four hours, because a day of minutes is long to read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use payonce_protocol::exponents::ISO_4217;
use payonce_protocol::reconcile::rows::Units;
use payonce_protocol::reconcile::terms::Settle;
use payonce_runtime::metrics::Metrics;
use reconciler::{Account, Lists, Parts, Settings, Windows};

use crate::World;

const HOUR_MS: u64 = 3_600_000;
pub const WINDOW_MS: u64 = 4 * HOUR_MS;

pub fn book_settings(lists: Lists) -> Settings {
    Settings {
        units: Units(ISO_4217.digits().collect()),
        settle: Settle { provider_ms: HOUR_MS, ours_ms: 600_000, rail_ms: 600_000, bank_ms: 0 },
        page_within: Duration::from_secs(10),
        lists: Arc::new(lists),
        left_out: Default::default(),
        silence_floor_ms: 6 * HOUR_MS,
        body_days: 30,
    }
}

impl World {
    pub fn reconciler(&self, lists: Lists, first: u64, folder: &Path) -> Parts {
        let (ledger, rail) = self.parts();
        Parts {
            ledger: ledger.narrowed(),
            rail,
            clock: self.clock.clone(),
            metrics: Metrics::stdout(self.clock.clone()),
            settings: book_settings(lists),
            first: Some(first),
            windows: Windows::Of(WINDOW_MS),
            account: Account::OfTheRail,
            namespaces: reconciler::namespaces(&self.config),
            folder: folder.to_owned(),
        }
    }
}
