//! The signing secrets of one provider: several while a key rotates. They are never printed.

use std::fmt;

use thiserror::Error;

/// Each failed check costs one HMAC of the body for each secret.
pub const MAX_SECRETS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretsError {
    #[error("there is no signing secret")]
    None,
    #[error("there are more than {MAX_SECRETS} signing secrets")]
    TooMany,
    /// An HMAC with an empty key can be made by anybody.
    #[error("a signing secret is empty")]
    Empty,
    /// Most often a line end that an editor added; every signature would fail.
    #[error("a signing secret begins or ends with white space")]
    WhiteSpace,
}

#[derive(Clone)]
pub struct Secrets(Vec<String>);

impl Secrets {
    pub fn new(secrets: Vec<String>) -> Result<Self, SecretsError> {
        if secrets.is_empty() {
            return Err(SecretsError::None);
        }
        if secrets.len() > MAX_SECRETS {
            return Err(SecretsError::TooMany);
        }
        for secret in &secrets {
            match secret.trim() {
                "" => return Err(SecretsError::Empty),
                trimmed if trimmed.len() != secret.len() => return Err(SecretsError::WhiteSpace),
                _ => {}
            }
        }
        Ok(Self(secrets))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} not shown)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_anybody_could_guess_is_refused() {
        let new = |secrets: &[&str]| Secrets::new(secrets.iter().map(|secret| (*secret).to_owned()).collect()).err();
        assert_eq!(new(&[]), Some(SecretsError::None));
        assert_eq!(new(&["whsec_a", ""]), Some(SecretsError::Empty));
        assert_eq!(new(&[" \t\n"]), Some(SecretsError::Empty));
        assert_eq!(new(&["whsec_a\n"]), Some(SecretsError::WhiteSpace));
        assert_eq!(new(&["a"; MAX_SECRETS + 1]), Some(SecretsError::TooMany));
        assert_eq!(new(&["It's a Secret to Everybody"]), None);
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secrets = Secrets::new(vec!["whsec_planted".to_owned()]).unwrap();
        assert!(!format!("{secrets:?}").contains("planted"));
    }
}
