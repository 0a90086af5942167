//! The table of bodies, the one from which things are deleted: what was delivered, compressed and for a while, and the files
//! that people attach to cases.

pub(crate) mod body;
mod dictionary;
pub(crate) mod evidence;
