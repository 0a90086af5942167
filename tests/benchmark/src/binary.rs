//! A function's binary, and how large the zip is that it is uploaded as: to the byte what
//! `cargo lambda build --output-format zip` makes of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What a zip of one file called `bootstrap` has around its data: local header, entry of the directory, its end.
const AROUND: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

pub struct Binary {
    pub path: PathBuf,
    /// As Rust names it.
    pub architecture: &'static str,
    pub bytes: usize,
    pub zip: usize,
}

impl Binary {
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| {
            format!("{}: {error}; run `cargo lambda build --release -p webhook` first", path.display())
        })?;
        // ELF's e_machine.
        let architecture = match bytes.get(18..20) {
            Some([0x3e, 0]) => "x86_64",
            Some([0xb7, 0]) => "aarch64",
            _ => return Err(format!("{} is not a binary of an architecture that Lambda runs", path.display())),
        };
        let mut zip = DeflateEncoder::new(vec![], Compression::default());
        zip.write_all(&bytes).unwrap();
        let zip = zip.finish().unwrap().len() + AROUND;
        Ok(Self { path: path.to_owned(), architecture, bytes: bytes.len(), zip })
    }
}
