//! One line of a batch that two people approved as a list: payouts that were surely not paid, one after the other, and none
//! after one that did not go as it should.

use payonce_protocol::UnixMillis;
use payonce_protocol::approval::Approval;
use payonce_protocol::fact::FactName;
use payonce_protocol::outcome::{Outcome, Verdict};

use tracing::{Instrument, warn_span};

use crate::{Answer, App, PayerRefusal};

impl App {
    pub(crate) async fn pay_line(
        &self,
        id: &str,
        number: usize,
        request_id: &str,
        deadline: UnixMillis,
    ) -> Result<Answer, PayerRefusal> {
        let batch = self.parts.ledger.batch(id).await?.ok_or(PayerRefusal::NoBatch)?;
        let line = batch.lines.get(number).ok_or(PayerRefusal::NoBatch)?;
        let case = self.awaited(line.case.as_str()).await?;
        if let Some(before) = number.checked_sub(1).and_then(|before| batch.lines.get(before)) {
            self.was_paid(before).await?;
        }
        let mut decided = self.decide(&case).instrument(warn_span!("decide")).await?;
        if !decided.is_surely_unpaid {
            return Err(PayerRefusal::NotAwaited);
        }
        // What is paid is what payer found; what was signed is the list, and this line of it must say the same.
        if decided.approval != *line {
            return Err(PayerRefusal::OtherLine);
        }
        let people = self.people_of(&batch, &decided).instrument(warn_span!("people")).await?;
        decided.facts.add(FactName::Batch, &batch.id);
        self.pay(case, decided, people, request_id, deadline).await
    }

    /// By the audit table, which no person's tool can write.
    async fn was_paid(&self, line: &Approval) -> Result<(), PayerRefusal> {
        let attempt = self.parts.ledger.attempt(&line.key, line.attempt).await?;
        let verdict = attempt.and_then(|(_, outcome)| outcome).map(|outcome| outcome.verdict);
        if verdict == Some(Verdict::plain(Outcome::Accepted)) { Ok(()) } else { Err(PayerRefusal::LineBefore) }
    }
}
