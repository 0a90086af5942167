//! Enums that are words: each variant has one text, by which it is stored, sent and parsed.

/// Declares an enum together with `ALL`, `as_str`, `parse`, `AsRef<str>` and `Display`, so that no variant can lack its text or be left out
/// of the list of all.
///
/// ```
/// payonce_protocol::words! {
///     pub enum Side {
///         Debit = "debit",
///         Credit = "credit",
///     }
/// }
/// assert_eq!(Side::parse("credit"), Some(Side::Credit));
/// assert_eq!(Side::ALL.len(), 2);
/// ```
#[macro_export]
macro_rules! words {
    ($(#[$attribute:meta])* $vis:vis enum $type:ident { $($(#[$each:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $type { $($(#[$each])* $name,)* }

        impl $type {
            $vis const ALL: &'static [Self] = &[$(Self::$name,)*];

            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            $vis fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl ::std::convert::AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::case::{Act, BatchState, Ending, Role, Status};
    use crate::event::Refusal;
    use crate::fact::{FactName, SourceSays};
    use crate::hold::Hold;
    use crate::outcome::Outcome;
    use crate::reason::Reason;
    use crate::reissue::Said;

    macro_rules! parses_back {
        ($($type:ident),*) => { $(
            assert!($type::ALL.iter().all(|word| $type::parse(word.as_str()) == Some(*word)), stringify!($type));
            let texts: std::collections::BTreeSet<_> = $type::ALL.iter().map(|word| word.as_str()).collect();
            assert_eq!(texts.len(), $type::ALL.len(), "two words of {} are the same", stringify!($type));
        )* };
    }

    #[test]
    fn every_word_parses_back() {
        parses_back!(Act, BatchState, Ending, FactName, Hold, Outcome, Reason, Refusal, Role, Said, SourceSays, Status);
        assert_eq!(Role::parse("Viewer"), None);
    }
}
