//! A restore, played: the tables as they were in the middle of the play stand in an engine of their own, functions of their
//! own work with them, and the rail is the same. So a payout that they do not know of would be made a second time.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use payonce_ledger::{Books, Ledger, create_tables};
use serde_json::Value;

use crate::dynamo::{Backup, Dynamo};
use crate::front::Front;
use crate::samples::Samples;
use crate::sender::Sender;
use crate::stack::{FUNCTION_MS, PROVIDER, Stack};

/// A front door upon restored tables.
pub struct Restored {
    ledger: Arc<Ledger>,
    front: Front,
    sender: Sender,
    _dynamo: Dynamo,
}

impl Restored {
    pub async fn start(stack: &Stack, backup: &Backup) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let dynamo = Dynamo::start(0, None).await?;
        let ledger = Arc::new(stack.ledger_at(&dynamo)?);
        create_tables(&ledger).await?;
        dynamo.put(backup)?;
        let function = Arc::new(stack.function_upon(ledger.clone(), PROVIDER).await?);
        let pages: crate::front::Pages = Arc::new(|_, _, _| Box::pin(async { None }));
        let functions = BTreeMap::from([(PROVIDER.to_owned(), function)]);
        let listener = Front::bind(0).await?;
        let front = Front::start(listener, functions, BTreeMap::new(), pages, stack.clock.clone(), FUNCTION_MS)?;
        let signers = BTreeMap::from([(PROVIDER.to_owned(), stack.signer(PROVIDER).await?)]);
        let sender = Sender::new(front.address(), signers, stack.clock.clone(), None)?;
        Ok(Self { ledger, front, sender, _dynamo: dynamo })
    }

    /// Everything again; how it was answered.
    pub async fn redeliver(&self, events: &[Value]) -> Result<BTreeMap<u16, u64>, Box<dyn Error + Send + Sync>> {
        let before = self.sender.answers();
        for event in events {
            self.sender.deliver(event, Samples::payout(event)).await?;
        }
        let mut answers = self.sender.answers();
        for (status, count) in before {
            answers.entry(status).and_modify(|now| *now -= count);
        }
        answers.retain(|_, count| *count > 0);
        Ok(answers)
    }

    /// As a person releases restored tables. The function is a new one, so that nobody waits until the old one looks again.
    pub async fn release(&mut self, stack: &Stack) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.ledger.release(Books::Restored, "sandbox", "restored, in the play", stack.clock.now()).await?;
        let function = Arc::new(stack.function_upon(self.ledger.clone(), PROVIDER).await?);
        self.front.replace(PROVIDER, function);
        Ok(())
    }
}
