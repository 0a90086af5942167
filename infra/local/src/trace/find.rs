//! From an id to payouts and cases: by the console's own search, and an attempt's id among the claims of the last hours, as no index has
//! it. What was looked at is said.

use std::collections::BTreeSet;
use std::pin::pin;

use console::pages::words::Words as _;
use console::pages::{FoundBy, Hit, Looked, RailSaid};
use console::story::{Among, Place, Shown, Tables};
use futures_util::TryStreamExt;
use payonce_ledger::powers::Reader;
use payonce_ledger::{AttemptName, Entry, Ledger, LedgerError, MinuteRows};
use payonce_protocol::UnixMillis;
use payonce_protocol::ids::{AttemptId, CaseId};
use payonce_protocol::order::{MAX_KEY_BYTES, PayoutKey};
use payonce_protocol::sweep::MINUTE_MS;

/// Nothing that we name is longer.
const ASKED_BYTES: usize = MAX_KEY_BYTES;
/// For how long back the claims are read, and how many of them, for an attempt's id.
const HOURS: u64 = 3;
const CLAIMS_AT_MOST: usize = 20_000;
/// Of what is listed instead of told.
const LISTED: usize = 20;

/// Where a story may begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Payout(PayoutKey),
    Case(CaseId),
}

pub(super) enum Found {
    Nothing(NotFound),
    /// One, or more of which each may belong to the story of the first.
    Several(Vec<(Start, String)>),
}

/// What was looked for and where; or what there is to choose from.
pub(super) struct NotFound {
    pub(super) looked: Vec<String>,
    pub(super) several: Vec<(Start, String)>,
    pub(super) left_off: usize,
}

impl NotFound {
    fn nothing(looked: Vec<String>) -> Self {
        Self { looked, several: vec![], left_off: 0 }
    }

    pub(super) async fn several(ledger: &Ledger<Reader>, hits: Vec<(Start, String)>) -> Result<Self, LedgerError> {
        let left_off = hits.len().saturating_sub(LISTED);
        let mut several = vec![];
        for (start, says) in hits.into_iter().take(LISTED) {
            let key = match &start {
                Start::Payout(_) => None,
                Start::Case(id) => ledger.case(id).await?.and_then(|filed| filed.case.key),
            };
            let of = key.map(|key| format!("{key}, ")).unwrap_or_default();
            several.push((start, format!("{of}{says}")));
        }
        Ok(Self { looked: vec![], several, left_off })
    }
}

pub(super) async fn find(ledger: &Ledger<Reader>, asked: &str, now: UnixMillis) -> Result<Found, LedgerError> {
    if asked.is_empty() || asked.len() > ASKED_BYTES {
        let says = format!("no id is empty, or longer than {ASKED_BYTES} bytes: nothing was looked for");
        return Ok(Found::Nothing(NotFound::nothing(vec![says])));
    }
    let accepted = ledger.all_accepted().await?;
    let spaces: BTreeSet<String> = accepted.into_iter().flat_map(|accepted| accepted.namespaces).collect();
    let spaces: Vec<String> = spaces.into_iter().collect();
    let tables = Tables { ledger, namespaces: &spaces, shown: Shown::Records };
    let one = |start: Start| Ok(Found::Several(vec![(start, String::new())]));
    match tables.by_its_own_place(asked).await? {
        Some(Place::Case(id)) => return one(Start::Case(id)),
        Some(Place::Payout(key)) => return one(Start::Payout(key)),
        Some(Place::Batch(id)) => {
            let says =
                format!("{id} is a batch; each of its lines is a case, and the console's page of the batch names them");
            return Ok(Found::Nothing(NotFound::nothing(vec![says])));
        }
        None => {}
    }
    let hits = tables.by_index(asked).await?;
    if !hits.is_empty() {
        return Ok(Found::Several(hits.iter().filter_map(start).collect()));
    }
    let (hits, looked) = tables.among_cases(asked, Among::lately(now), RailSaid::CannotBeAsked).await?;
    if !hits.is_empty() {
        return Ok(Found::Several(hits.iter().filter_map(start).collect()));
    }
    let mut says = said(&spaces, &looked);
    if let Some(id) = AttemptId::from_hex(asked) {
        let (key, read) = claimed_by(ledger, id, now).await?;
        if let Some(key) = key {
            return one(Start::Payout(key));
        }
        says.push(format!(
            "the claims of the last {HOURS} hours, for an attempt of this id: {read}; an older one is found by its payout \
             key, which stands beside it in the log"
        ));
    }
    Ok(Found::Nothing(NotFound::nothing(says)))
}

fn start(hit: &Hit) -> Option<(Start, String)> {
    match hit {
        Hit::Case { id, reason, status, payee, found_by, .. } => {
            let payee = payee.as_deref().filter(|_| matches!(found_by, FoundBy::Payee | FoundBy::PayeeBegins));
            let to = payee.map(|payee| format!(", to {payee}")).unwrap_or_default();
            Some((
                Start::Case(CaseId::parse(id)?),
                format!("{}, {}{to}", reason.label(), status.label().to_lowercase()),
            ))
        }
        Hit::Payout { key, .. } => Some((Start::Payout(PayoutKey::new(key.clone()).ok()?), "a payout".to_owned())),
    }
}

fn said(spaces: &[String], looked: &Looked) -> Vec<String> {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let resolved = plural(looked.resolved, "resolved case");
    let cut = if looked.is_cut { "; there are more" } else { "" };
    let mut says = vec![
        format!("cases and batches by their ids, payout keys as they are and after {}", spaces.join(", ")),
        "events' ids and rail keys, in the indexes of both tables".to_owned(),
        format!(
            "{} and {resolved} of the last {} days, by everything that their pages show but deliveries and notes{cut}",
            plural(looked.open, "open case"),
            looked.days
        ),
    ];
    if looked.without_details > 0 {
        says.push(format!("of {} the item alone was looked at", plural(looked.without_details, "case")));
    }
    says.push(
        "the rail was not asked: an id of its own is found where a case is about its payout; the console asks it"
            .to_owned(),
    );
    says
}

/// The payout key of this attempt, the newest claims first; and how many were read.
async fn claimed_by(
    ledger: &Ledger<Reader>,
    id: AttemptId,
    now: UnixMillis,
) -> Result<(Option<PayoutKey>, usize), LedgerError> {
    let last = now / MINUTE_MS;
    let minutes = (last.saturating_sub(HOURS * 60)..=last).rev();
    let mut listed = pin!(ledger.minutes(minutes).await?);
    let mut read = 0;
    while let Some(MinuteRows { rows, .. }) = listed.try_next().await? {
        let claims = rows.into_iter().filter_map(|row| match row.entry {
            Entry::Claim(attempt) => Some((row.key, attempt)),
            Entry::Refusal(_) | Entry::Unfiled => None,
        });
        let claims: BTreeSet<AttemptName> = claims.collect();
        read += claims.len();
        if claims.is_empty() {
            continue;
        }
        let found = ledger.attempts(&claims).await?.found;
        if let Some((claim, _)) = found.into_iter().find(|(claim, _)| claim.attempt_id == id) {
            return Ok((Some(claim.key), read));
        }
        if read >= CLAIMS_AT_MOST {
            break;
        }
    }
    Ok((None, read))
}
