//! The finance desk of the play: two people end a case, and one of them pays by hand, as people do with the bank's own tools.
//! What they paid stands in a list of their own, from which the books are made; payonce knows nothing of it.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use payer::{Answer, Checker, CloseCase, Request};
use payonce_ledger::{Acted, CaseAct, Proposal, Who};
use payonce_protocol::UnixMillis;
use payonce_protocol::case::Ending;
use payonce_protocol::ids::CaseId;
use serde::{Deserialize, Serialize};

use crate::sender::Payout;
use crate::stack::{FUNCTION_MS, Stack};

/// One payment that somebody made by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// The event for which it was paid, as the case names it.
    pub event: String,
    pub payout: Payout,
}

/// The person's own list.
pub struct HandBook {
    /// Keeps the list over a restart.
    file: Option<PathBuf>,
    list: Mutex<Vec<ByHand>>,
}

impl HandBook {
    pub fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let mut list = vec![];
        if let Some(path) = file.as_ref().filter(|path| path.exists()) {
            for line in std::fs::read_to_string(path)?.lines() {
                list.push(serde_json::from_str(line)?);
            }
        }
        Ok(Self { file, list: Mutex::new(list) })
    }

    pub fn paid(&self) -> Vec<ByHand> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn pay(&self, by_hand: ByHand) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |path| crate::append_line(path, &by_hand))?;
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(by_hand);
        Ok(())
    }
}

/// Ann proposes, Ben approves. Each act is the console's own; the approval goes to payer, as the console sends it.
pub async fn end_by_two(stack: &Stack, case: &CaseId, ending: Ending) -> io::Result<()> {
    let now = stack.clock.now();
    let seen = stack.ledger.case(case).await.map_err(io::Error::other)?;
    let seen = seen.ok_or_else(|| io::Error::other("there is no such case"))?;
    let proposal = proposal(ending, seen.version, now);
    let by = proposal.by.clone();
    let acted = stack.ledger.act(&seen, &CaseAct::Propose(proposal, None), &by, now).await.map_err(io::Error::other)?;
    if !matches!(acted, Acted::Done(_)) {
        return Err(io::Error::other("the ending could not be proposed"));
    }
    let checker = Checker { subject: "sandbox-ben".to_owned(), name: "Ben Approver".to_owned() };
    let request = Request::Close(CloseCase { close: case.to_string(), checker, note: "as agreed".to_owned() });
    let id = payonce_runtime::random::attempt_id().to_string();
    match stack.payer.answer(&request, &id, now + FUNCTION_MS).await {
        Answer::Closed { .. } => Ok(()),
        Answer::Refused { text, .. } => Err(io::Error::other(text)),
        Answer::Attempted { .. } => Err(io::Error::other("an ending was taken for a payout")),
    }
}

fn proposal(ending: Ending, version: u64, at: UnixMillis) -> Proposal {
    Proposal {
        ending,
        code: "payee_confirmed".to_owned(),
        note: "paid from the bank's own page once this is approved".to_owned(),
        by: Who { subject: "sandbox-ann".to_owned(), name: Some("Ann Analyst".to_owned()) },
        at,
        version,
        key_generation: None,
        duplicate_of: None,
        batch: None,
    }
}
