//! Who approved it: two ID tokens, each obtained afresh for exactly these terms, of two people with the right roles.

use payonce_identity::{Person, TokenRule};
use payonce_ledger::{FiledCase, Who};
use payonce_protocol::approval::{Hand, nonce};
use payonce_protocol::case::{Act, Role, may};
use payonce_protocol::ids::Digest;

use crate::decide::Decided;
use crate::{App, Refusal};

/// How long a proposal may wait: over a weekend, and a day.
const MAKER_AT_MOST_MS: u64 = 4 * 24 * 3_600_000;
/// An approval is acted on at once.
const CHECKER_AT_MOST_MS: u64 = 5 * 60_000;

/// Who decided, and by which tokens.
pub(crate) struct People {
    pub(crate) checker: Who,
    /// SHA-256 of both tokens, for the history.
    pub(crate) tokens: [(&'static str, String); 2],
}

impl App {
    pub(crate) async fn people(&self, case: &FiledCase, decided: &Decided, checkers: &str) -> Result<People, Refusal> {
        let makers = self.parts.ledger.makers_token(&case.case.id(), &decided.proposal).await?;
        let makers = makers.ok_or(Refusal::Token { hand: "maker", why: "there is none".to_owned() })?;
        let waited = TokenRule { at_most_ms: MAKER_AT_MOST_MS, expired_is_fine: true };
        let maker = self.person("maker", &makers, Hand::Maker, decided, waited).await?;
        let at_once = TokenRule { at_most_ms: CHECKER_AT_MOST_MS, expired_is_fine: false };
        let checker = self.person("checker", checkers, Hand::Checker, decided, at_once).await?;
        if maker.subject == checker.subject {
            return Err(Refusal::SamePerson);
        }
        if maker.subject != decided.proposal.by.subject {
            return Err(Refusal::OtherMaker);
        }
        if !may(&roles(&maker), Act::Propose) {
            return Err(Refusal::Role("maker"));
        }
        if !may(&roles(&checker), Act::Approve) {
            return Err(Refusal::Role("checker"));
        }
        let hash = |token: &str| Digest::of(token).to_string();
        Ok(People {
            checker: Who { subject: checker.subject, name: Some(checker.name) },
            tokens: [("maker_token_sha256", hash(&makers)), ("checker_token_sha256", hash(checkers))],
        })
    }

    async fn person(
        &self,
        hand: &'static str,
        token: &str,
        whose: Hand,
        decided: &Decided,
        rule: TokenRule,
    ) -> Result<Person, Refusal> {
        let nonce = nonce(whose, std::slice::from_ref(&decided.approval));
        let verified = self.parts.issuer.verify(token, &nonce, rule).await;
        verified.map_err(|error| Refusal::Token { hand, why: error.to_string() })
    }
}

fn roles(person: &Person) -> Vec<Role> {
    person.roles.iter().copied().collect()
}
