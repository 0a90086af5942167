//! The line of one attempt that people decided. Its metrics and their dimension are those of a delivery's payouts, so that
//! a sum over a provider is all that was paid for it, and the same alarms watch both.

use payonce_protocol::end::End;
use payonce_protocol::event::Answer;

use super::{Line, Metrics, Named, Step, Wide, counted};

/// One attempt of payer's. Written when dropped.
pub struct PayoutMetrics {
    line: Line,
}

impl Metrics {
    pub fn payout(&self, provider: &str, request_id: &str) -> PayoutMetrics {
        let mut line = Line::new(self.clone(), Wide::Payout);
        line.property("provider", provider);
        line.property("request_id", request_id);
        PayoutMetrics { line }
    }
}

impl PayoutMetrics {
    pub fn ended(&mut self, named: Named<'_>, attempt: u16, steps: &[(Step, u64)], end: End) {
        named.properties(end).for_each(|(name, value)| self.line.property(name, value));
        self.line.property("attempt", attempt);
        steps.iter().for_each(|(step, ms)| self.line.measure(step.metric(), *ms));
        // No case is filed for what is claimed already: its own stays open.
        let end = if let End::Order(Answer::Filed(_)) = end { End::Order(Answer::Duplicate) } else { end };
        counted(end).into_iter().for_each(|metric| self.line.count(metric, 1));
    }
}
