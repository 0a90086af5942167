//! A function's binary, and how large the zip is that it is uploaded as: to the byte what
//! `cargo lambda build --output-format zip` makes of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;

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
        let zip = zipped([("bootstrap", bytes.as_slice())]);
        Ok(Self { path: path.to_owned(), architecture, bytes: bytes.len(), zip })
    }
}

/// How large a zip of these files is. Around the data of each there are a local header and an entry of the directory, and
/// after all of them its end.
pub fn zipped<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> usize {
    let of_file = |(name, bytes): (&str, &[u8])| {
        let mut deflated = DeflateEncoder::new(vec![], Compression::default());
        deflated.write_all(bytes).unwrap();
        deflated.finish().unwrap().len() + 30 + 46 + 2 * name.len()
    };
    files.into_iter().map(of_file).sum::<usize>() + 22
}
