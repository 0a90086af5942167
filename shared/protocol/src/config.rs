//! What is wrong with a configuration, in one shape for every crate that reads a part of it.

/// One thing that is wrong, or unwise: where it stands, and why. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ConfigError {
    /// `providers.stripe.payouts[0].amount`; of a part, below the table that is read there.
    pub path: String,
    pub problem: String,
}

impl ConfigError {
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// Of a part that cannot be used: whoever checks the whole file says all of them.
    pub fn first(found: Vec<Self>) -> Self {
        found.into_iter().next().unwrap_or_else(|| Self::new("", "cannot be used"))
    }

    /// As the whole file sees it: `table` is where the part stands.
    pub fn below(self, table: &str) -> Self {
        Self { path: format!("{table}.{}", self.path), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_of_a_part_names_its_place_in_the_file() {
        let found = ConfigError::new("http.path", "is missing").below("providers.x.list");
        assert_eq!(found.to_string(), "providers.x.list.http.path: is missing");
    }
}
