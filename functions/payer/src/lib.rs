//! One approved re-issue. Trusts nobody but the tokens of two people.
