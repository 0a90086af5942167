//! The bank's files that people imported in the console, as far as a run needs them: those that it has not read yet, and those of the
//! last months, in which a line may stand that another is held against. Older ones have nothing to say to it, so that a run does not
//! cost more each year.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use payonce_ledger::powers::QueriesCases;
use payonce_ledger::{KeptImport, Ledger};
use payonce_protocol::UnixMillis;
use payonce_protocol::reconcile::run::Window;
use payonce_statements::kept::{Imports, Learned};

use crate::app::AppError;
use crate::bank::AccountRead;
use crate::run::{Before, Settings};

/// Beside the time that a line may take. A second line of one payout that comes later is taken for its first.
const DAYS_BACK: i64 = 90;

/// For a run of this window, which follows the run before.
pub async fn imported<P: QueriesCases>(
    ledger: &Ledger<P>,
    window: Window,
    settings: &Settings,
    before: &Before,
) -> Result<Imports, AppError> {
    let mut imports = Imports::default();
    let since = day(window.from().saturating_sub(settings.settle.bank_ms));
    for import in ledger.imports().await? {
        if import.number > before.imports_read() || reaches(&import, since) {
            let lines = ledger.import_lines(&import).await?;
            let learned = Learned::read(&lines).map_err(|error| AppError::Import(import.number, error))?;
            imports.add_as(import.number, learned);
        } else {
            imports.pass_over(import.number);
        }
    }
    for AccountRead { account, currency, last } in before.accounts_read() {
        if let Ok(currency) = currency.parse() {
            imports.remember(account, currency, *last);
        }
    }
    imports.leave_out(&settings.left_out);
    Ok(imports)
}

/// What cannot be read as a day is not left out.
fn reaches(import: &KeptImport, since: Option<Date>) -> bool {
    let last = import.days.as_ref().and_then(|(_, last)| last.parse::<Date>().ok());
    !matches!((last, since), (Some(last), Some(since)) if last < since)
}

fn day(at: UnixMillis) -> Option<Date> {
    let at = Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()?;
    at.to_zoned(TimeZone::UTC).date().checked_sub(Span::new().days(DAYS_BACK)).ok()
}
