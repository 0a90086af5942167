//! Who approved it: two ID tokens, each obtained afresh for exactly these terms, of two people with the right roles.

use payonce_identity::{Person, TokenRule};
use payonce_ledger::{Batch, FiledCase, Who};
use payonce_protocol::approval::{Approval, BATCH_SIGN_IN_MS, Hand, nonce};
use payonce_protocol::case::{Act, Role, may};
use payonce_protocol::fact::{FactName, Facts};
use payonce_protocol::ids::Digest;

use crate::decide::ProposedPayout;
use crate::{App, PayerRefusal};

/// How long a proposal may wait: over a weekend, and a day.
const MAKER_AT_MOST_MS: u64 = 4 * 24 * 3_600_000;
/// An approval is acted on at once.
const CHECKER_AT_MOST_MS: u64 = 5 * 60_000;

/// Who decided, and by which tokens.
pub(crate) struct People {
    pub(crate) checker: Who,
    /// SHA-256 of both tokens, for the history.
    pub(crate) tokens: Facts,
}

/// What two people signed, and with which tokens.
struct Signed<'a> {
    approvals: &'a [Approval],
    maker: &'a str,
    checker: &'a str,
    /// For how long the checker's sign-in counts.
    checker_rule: TokenRule,
    /// Who proposed it, as the case says.
    proposed_by: &'a str,
}

impl App {
    pub(crate) async fn people(
        &self,
        case: &FiledCase,
        decided: &ProposedPayout,
        checker: &str,
    ) -> Result<People, PayerRefusal> {
        let maker = self.parts.ledger.makers_token(&case.case.id(), &decided.proposal).await?;
        self.both(Signed {
            approvals: std::slice::from_ref(&decided.approval),
            maker: &maker.ok_or_else(no_token)?,
            checker,
            checker_rule: TokenRule { at_most_ms: CHECKER_AT_MOST_MS, expired_is_fine: false },
            proposed_by: &decided.proposal.by.subject,
        })
        .await
    }

    /// Of the whole list. Whoever keeps the tokens can pay what stands in it, line by line, and nothing else.
    pub(crate) async fn people_of(&self, batch: &Batch, decided: &ProposedPayout) -> Result<People, PayerRefusal> {
        let tokens = self.parts.ledger.batch_tokens(batch).await?;
        let (maker, checker) = tokens.ok_or_else(no_token)?;
        self.both(Signed {
            approvals: &batch.lines,
            maker: &maker,
            checker: &checker,
            checker_rule: TokenRule { at_most_ms: BATCH_SIGN_IN_MS, expired_is_fine: true },
            proposed_by: &decided.proposal.by.subject,
        })
        .await
    }

    async fn both(&self, signed: Signed<'_>) -> Result<People, PayerRefusal> {
        let waited = TokenRule { at_most_ms: MAKER_AT_MOST_MS, expired_is_fine: true };
        let maker = self.person("maker", signed.maker, Hand::Maker, signed.approvals, waited).await?;
        let checker =
            self.person("checker", signed.checker, Hand::Checker, signed.approvals, signed.checker_rule).await?;
        if maker.subject == checker.subject {
            return Err(PayerRefusal::SamePerson);
        }
        if maker.subject != signed.proposed_by {
            return Err(PayerRefusal::OtherMaker);
        }
        if !may(&roles(&maker), Act::Propose) {
            return Err(PayerRefusal::Role("maker"));
        }
        if !may(&roles(&checker), Act::Approve) {
            return Err(PayerRefusal::Role("checker"));
        }
        let hash = |token: &str| Digest::of(token).to_string();
        Ok(People {
            checker: Who { subject: checker.subject, name: Some(checker.name) },
            tokens: Facts::from([
                (FactName::MakerTokenSha256, hash(signed.maker)),
                (FactName::CheckerTokenSha256, hash(signed.checker)),
            ]),
        })
    }

    async fn person(
        &self,
        hand: &'static str,
        token: &str,
        whose: Hand,
        approvals: &[Approval],
        rule: TokenRule,
    ) -> Result<Person, PayerRefusal> {
        let verified = self.parts.issuer.verify(token, &nonce(whose, approvals), rule).await;
        verified.map_err(|error| PayerRefusal::Token { hand, why: error.to_string() })
    }
}

fn no_token() -> PayerRefusal {
    PayerRefusal::Token { hand: "maker", why: "there is none".to_owned() }
}

fn roles(person: &Person) -> Vec<Role> {
    person.roles.iter().copied().collect()
}
