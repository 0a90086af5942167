//! Why a payout was not made, in words for the person who approved it.

use payonce_ledger::LedgerError;
use payonce_protocol::event;
use payonce_protocol::order::PayoutKey;
use payonce_protocol::reissue::{Reissue, Why};
use payonce_rails::Misfit;
use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PayerRefusal {
    #[error("there is no such case")]
    NoCase,
    #[error("nothing of the kind awaits approval on this case")]
    NotAwaited,
    #[error("there is no such batch, or no such line in it")]
    NoBatch,
    #[error("the payout before it in the batch was not made")]
    LineBefore,
    #[error("it is not what stands in the approved list")]
    OtherLine,
    #[error("the case says nothing of {0}, so there is no order to pay")]
    NoOrder(&'static str),
    #[error("the attempt before has not ended yet")]
    UnderWay,
    #[error("it is claimed already")]
    Claimed,
    #[error(
        "its event came after all and {1}, as {0}: look at that payout, send this back, and propose an ending anew"
    )]
    CameAfterAll(PayoutKey, &'static str),
    #[error(
        "it shared its case with further events, which its ending would not bind: {0} of them have a case of their own now; approve again"
    )]
    Spread(usize),
    #[error("the rail, or the account of its secret, is another than that of the attempt before")]
    OtherRail,
    #[error("the rail says that the secret is of account {0}, which is not the configured one")]
    OtherAccount(String),
    #[error("the delivery's body is not kept any more, or not whole")]
    NoBody,
    #[error("the configuration derives another order from this event now")]
    OtherOrder,
    #[error("the rail cannot be given this order: {0}")]
    Misfit(Misfit),
    #[error("under the same rail key the request would not be the same, byte for byte")]
    OtherBytes,
    #[error("it may be tried again from {0} on, in milliseconds since 1970")]
    NotBefore(u64),
    #[error("the rail must be asked {0} more times, each a settle time after the one before")]
    LookUpFirst(usize),
    #[error("{}", not_offered(*.0))]
    NotOffered(Why),
    #[error("another rail key would be used than the one that was proposed: propose it again")]
    OtherKey,
    #[error("the {hand}'s sign-in does not hold: {why}")]
    Token { hand: &'static str, why: String },
    #[error("the {0} may not do this")]
    Role(&'static str),
    #[error("whoever proposes does not approve")]
    SamePerson,
    #[error("the proposal is another person's than the sign-in")]
    OtherMaker,
    #[error("the provider could not be asked for the source payment's state: {0}")]
    SourceUnknown(String),
    #[error("the source payment is not in a state to pay from ({0})")]
    SourceBlocks(String),
    #[error("the rail could not be asked whether it has this payout already: {0}")]
    RailSilent(String),
    #[error("the payment was given back or is disputed, as an event of its provider says: nothing more is paid for it")]
    Barred,
    #[error("payouts are held")]
    Held,
    #[error("the rules of payout keys are not those that were accepted")]
    KeyRules,
    #[error("nobody released payouts for the tables that are there")]
    NotReleased,
    #[error(
        "it is from before the tables were restored, so a later attempt may be missing: compare it with the rail's books"
    )]
    BeforeBooks,
    #[error("it could not be begun ({}); nothing was claimed by this approval, or the sweeper files it", .0.as_str())]
    NotBegun(event::Refusal),
    #[error("somebody changed the case, or the attempt before, meanwhile")]
    Changed,
    #[error("the tables: {0}")]
    Ledger(#[from] LedgerError),
}

fn not_offered(why: Why) -> &'static str {
    match why {
        Why::AlreadyAccepted => "an attempt was accepted",
        Why::FoundAtTheRail => "the rail has a payout of this reference",
        Why::LateOutcome => "a worker reported after its attempt was given up: read that first",
        Why::RailCannotBeAsked => "the rail cannot be asked for this payout, so nobody can know that it is absent",
    }
}

impl PayerRefusal {
    /// A stable word for logs and for the console.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoCase => "no_case",
            Self::NotAwaited => "not_awaited",
            Self::NoBatch => "no_batch",
            Self::LineBefore => "line_before",
            Self::OtherLine => "other_line",
            Self::NoOrder(_) => "no_order",
            Self::UnderWay => "under_way",
            Self::Claimed => "claimed",
            Self::CameAfterAll(..) => "came_after_all",
            Self::Spread(_) => "spread",
            Self::OtherRail => "other_rail",
            Self::OtherAccount(_) => "other_account",
            Self::NoBody => "no_body",
            Self::OtherOrder => "other_order",
            Self::Misfit(_) => "misfit",
            Self::OtherBytes => "other_bytes",
            Self::NotBefore(_) => "not_before",
            Self::LookUpFirst(_) => "look_up_first",
            Self::NotOffered(_) => "not_offered",
            Self::OtherKey => "other_key",
            Self::Token { .. } => "token",
            Self::Role(_) => "role",
            Self::SamePerson => "same_person",
            Self::OtherMaker => "other_maker",
            Self::SourceUnknown(_) => "source_unknown",
            Self::SourceBlocks(_) => "source_blocks",
            Self::RailSilent(_) => "rail_silent",
            Self::Barred => "barred",
            Self::Held => "held",
            Self::KeyRules => "key_rules",
            Self::NotReleased => "not_released",
            Self::BeforeBooks => "before_books",
            Self::NotBegun(_) => "not_begun",
            Self::Changed => "changed",
            Self::Ledger(_) => "tables",
        }
    }

    /// What the ladder says, where it is not a key.
    pub(crate) fn of(offer: Reissue) -> Option<Self> {
        match offer {
            Reissue::SameKey | Reissue::NextKey(_) => None,
            Reissue::NotBefore(at) => Some(Self::NotBefore(at)),
            Reissue::LookUpFirst { times } => Some(Self::LookUpFirst(times)),
            Reissue::NotOffered(why) => Some(Self::NotOffered(why)),
        }
    }
}
