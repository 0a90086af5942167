//! Cases: what is seen of them, and what people do with them.
//!
//! * `queue`, `show`, `find`, `resolved`, `export` (for a `spreadsheet`) are what is seen; `filter`, with an `amount`, what of it somebody wants.
//! * `acts`, `ending`, `bulk` are what is done, `told` what it came to, `due` until when.
//! * `draft` is what somebody has written and we have not, `again` the form that comes back with it; `finding` is what was known when
//!   a form was made, `standing` and `comparison` what is known now, `evidence` the files of a case.

pub(crate) mod acts;
pub(crate) mod again;
pub(crate) mod amount;
pub(crate) mod bulk;
pub(crate) mod comparison;
pub(crate) mod draft;
pub(crate) mod due;
pub(crate) mod ending;
pub(crate) mod evidence;
pub(crate) mod export;
pub(crate) mod filter;
pub(crate) mod find;
pub(crate) mod finding;
pub(crate) mod queue;
pub(crate) mod resolved;
pub(crate) mod show;
pub(crate) mod spreadsheet;
pub(crate) mod standing;
pub(crate) mod told;
