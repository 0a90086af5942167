//! Which events bar a payout, also where a rule pays by the same type.

use super::Provider;
use crate::blocks::BlockRule;
use crate::event::ParsedEvent;
use crate::rules::{Misfit, PayoutRule};
use crate::when::{Asks, Condition};

impl Provider {
    /// Whether the event bars a payout, whatever else may be wrong with it.
    pub fn blocks(&self, event: &ParsedEvent) -> bool {
        !self.barring(event).is_empty()
    }

    /// The blocks that hold. In doubt they do where no rule names the type: that costs a look by a person, and the other way
    /// costs money. Where a rule does, a doubtful bar would keep its payments from being paid, so there it is a case.
    pub(super) fn barring(&self, event: &ParsedEvent) -> Vec<&BlockRule> {
        let doubt_bars = !self.rules.iter().any(|rule| rule.event == event.event_type);
        let bars = |block: &&BlockRule| match block.asks(event) {
            Asks::Yes => true,
            Asks::No => false,
            Asks::CannotTell { .. } => doubt_bars,
        };
        self.blocks_of(event).filter(bars).collect()
    }

    pub(super) fn blocks_of(&self, event: &ParsedEvent) -> impl Iterator<Item = &BlockRule> {
        self.blocks.iter().filter(|block| block.event == event.event_type)
    }

    /// A block that can tell neither that the event bars nor that it does not.
    pub(super) fn doubtful(&self, event: &ParsedEvent) -> Option<Misfit> {
        self.blocks_of(event).find_map(|block| match block.asks(event) {
            Asks::CannotTell { pointer, problem } => Some(block.cannot_tell(&self.name, &pointer, problem)),
            Asks::Yes | Asks::No => None,
        })
    }
}

/// What one rule of an event type names, the others of that type know as well, and so do the type's blocks. From a block a
/// rule learns only what bars: a value that is known to bar nothing may be one that pays.
pub(super) fn learned(mut rules: Vec<PayoutRule>, mut blocks: Vec<BlockRule>) -> (Vec<PayoutRule>, Vec<BlockRule>) {
    type Named = Vec<(String, Condition)>;
    let named = |event: &String, when: &[Condition]| -> Named {
        when.iter().map(|condition| (event.clone(), condition.clone())).collect()
    };
    let of_rules: Named = rules.iter().flat_map(|rule| named(&rule.event, &rule.when)).collect();
    let of_blocks: Named = blocks.iter().flat_map(|block| named(&block.event, &block.when)).collect();
    let learn = |event: &str, when: &mut Vec<Condition>, from: &Named| {
        for (_, other) in from.iter().filter(|(of, _)| of == event) {
            when.iter_mut().for_each(|condition| condition.learn_from(other));
        }
    };
    let bars: Named = of_blocks.iter().map(|(event, condition)| (event.clone(), condition.without_no())).collect();
    for PayoutRule { event, when, .. } in &mut rules {
        learn(event, when, &of_rules);
        learn(event, when, &bars);
    }
    for BlockRule { event, when, .. } in &mut blocks {
        learn(event, when, &of_rules);
        learn(event, when, &of_blocks);
    }
    (rules, blocks)
}
