//! What a form was made from: which state of the case its reader saw, when, and what was known then about the payout.

use std::fmt;

use payonce_protocol::UnixMillis;

/// Comes back with every form on a case. The time makes each page's forms their own: what is sent twice from one page is one
/// act, and the same words from two pages are two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// The case's version.
    pub version: u64,
    pub at: UnixMillis,
    /// A short hash of what was known about the payout.
    pub finding: String,
}

impl Stand {
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let version = parts.next()?.parse().ok()?;
        let at = parts.next().map_or(Some(0), |at| at.parse().ok())?;
        Some(Self { version, at, finding: parts.next().unwrap_or_default().to_owned() })
    }
}

impl fmt::Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.version, self.at, self.finding)
    }
}

impl From<u64> for Stand {
    fn from(version: u64) -> Self {
        Self { version, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_was_made_from_comes_back_as_it_was() {
        let stand = Stand { version: 7, at: 1_764_000_123_456, finding: "3fa9c1d2aabb".to_owned() };
        assert_eq!(Stand::parse(&stand.to_string()), Some(stand));
        assert_eq!(Stand::parse("7"), Some(Stand::from(7)));
        for wrong in ["", "x", "7.x.y", "-1", ".1.a"] {
            assert_eq!(Stand::parse(wrong), None, "{wrong}");
        }
    }
}
