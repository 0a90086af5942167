//! What bodies are compressed against: texts that most of them share. A dictionary is kept as long as bodies are, and never changed: a body
//! names the one that it needs, and without the very same bytes nobody can read it.

use std::sync::OnceLock;

use flate2::{Decompress, FlushDecompress, Status};
use miniz_oxide::deflate::core::{CompressionStrategy, CompressorOxide};
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

const LEVEL: u8 = 4;
/// 32 KB, as far as deflate looks back.
const WINDOW_BITS: u8 = 15;
/// How much is inflated at a time, 64 KB.
const CHUNK: usize = 65_536;

/// Under which number a body names it, from 1. The first is made of what every provider's deliveries look like, `events/`, once without
/// spaces and once as they are written; deflate looks back 32 KB, and a dictionary has to leave some of that to the body.
const DICTIONARIES: [&[u8]; 1] = [include_bytes!("dictionary-1.txt")];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dictionary {
    number: u8,
    bytes: &'static [u8],
}

/// Neither a reason nor a remedy: what was compressed is not what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Dictionary {
    /// For what is kept from now on.
    pub(crate) fn newest() -> Self {
        let [.., bytes] = DICTIONARIES;
        Self { number: DICTIONARIES.len() as u8, bytes }
    }

    /// `None`: a later version's.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        let bytes = DICTIONARIES.get(usize::from(number).checked_sub(1)?)?;
        Some(Self { number, bytes })
    }

    pub(crate) fn number(self) -> u8 {
        self.number
    }

    /// Raw deflate (RFC 1951). The hash of the whole body is its key, so that no other checksum is needed.
    ///
    /// The dictionary is compressed first, up to a flush, which ends at a whole byte; of that nothing is kept. What follows refers back to
    /// it as to any text before. A library that takes a dictionary (zlib-rs) does the same and makes the function a sixteenth larger.
    pub(crate) fn compress(self, body: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut compressor = self.read()?;
        let mut out = vec![0; body.len().min(CHUNK) + 64];
        let (mut read, mut written) = (0, 0);
        loop {
            let (rest, room) = (body.get(read..).ok_or(Broken)?, out.get_mut(written..).ok_or(Broken)?);
            let done = deflate(&mut compressor, rest, room, MZFlush::Finish);
            read += done.bytes_consumed;
            written += done.bytes_written;
            match done.status {
                Ok(MZStatus::StreamEnd) => {
                    out.truncate(written);
                    return Ok(out);
                }
                Ok(_) => out.resize(out.len() * 2, 0),
                Err(_) => return Err(Broken),
            }
        }
    }

    /// A compressor that has read the dictionary. Reading takes longer than a body of some KB does, so it is done once, and copied.
    fn read(self) -> Result<Box<CompressorOxide>, Broken> {
        // Boxed: 64 KB of it would stand on the stack at each step.
        static READ: [OnceLock<Box<CompressorOxide>>; DICTIONARIES.len()] =
            [const { OnceLock::new() }; DICTIONARIES.len()];
        let place = usize::from(self.number).checked_sub(1).and_then(|place| READ.get(place)).ok_or(Broken)?;
        if let Some(read) = place.get() {
            return Ok(read.clone());
        }
        let mut compressor =
            Box::new(CompressorOxide::with_params(DataFormat::Raw, LEVEL, CompressionStrategy::Default, WINDOW_BITS));
        let mut out = vec![0; self.bytes.len() + CHUNK];
        let done = deflate(&mut compressor, self.bytes, &mut out, MZFlush::Sync);
        // Where room was left, the flush is over.
        let room_is_left = done.bytes_written < out.len();
        if (done.status, done.bytes_consumed, room_is_left) != (Ok(MZStatus::Ok), self.bytes.len(), true) {
            return Err(Broken);
        }
        Ok(place.get_or_init(|| compressor).clone())
    }

    /// As a block of deflate that is stored and not the last: the text that a body's own blocks refer back to.
    fn stored(self) -> Vec<u8> {
        let length = self.bytes.len() as u16;
        [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), self.bytes].concat()
    }

    /// At most so many bytes, whatever is there; and whether that is the end of it.
    pub(crate) fn inflate(self, compressed: &[u8], length: usize) -> (Vec<u8>, bool) {
        let mut inflate = Decompress::new(false);
        let (stored, mut out) = (self.stored(), Vec::with_capacity(self.bytes.len() + 1));
        let was_read = inflate.decompress_vec(&stored, &mut out, FlushDecompress::None).is_ok();
        if (was_read, out.as_slice()) != (true, self.bytes) {
            return (vec![], false);
        }
        out.clear();
        loop {
            out.reserve(CHUNK.min(length.saturating_sub(out.len())).max(1));
            let read = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX).saturating_sub(stored.len());
            let before = (inflate.total_in(), out.len());
            let status =
                inflate.decompress_vec(compressed.get(read..).unwrap_or_default(), &mut out, FlushDecompress::None);
            let is_over = matches!(status, Ok(Status::StreamEnd));
            let is_stuck = status.is_err() || before == (inflate.total_in(), out.len());
            if is_over || is_stuck || out.len() > length {
                let is_whole = is_over && out.len() == length;
                out.truncate(length);
                return (out, is_whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};
    use payonce_protocol::ids::Digest;

    use super::*;

    /// Another byte in one of these, and every body that names it is lost.
    #[test]
    fn golden_dictionaries_never_change() {
        let hashes = DICTIONARIES.map(|bytes| Digest::of(bytes).to_string());
        assert_eq!(hashes, ["393673714f8d1ff9490bf07f1cdfe863bc117493af94a53e1abcf179e7c364c0"]);
        assert!(DICTIONARIES.iter().all(|bytes| bytes.len() < 28 * 1024));
    }

    #[test]
    fn each_dictionary_has_its_number_and_there_is_no_other() {
        assert_eq!(Dictionary::numbered(0), None);
        assert_eq!(Dictionary::numbered(DICTIONARIES.len() as u8 + 1), None);
        assert_eq!(Dictionary::numbered(DICTIONARIES.len() as u8), Some(Dictionary::newest()));
    }

    /// By flate2, which reads the dictionary each time.
    fn as_text_after_the_dictionary(body: &[u8]) -> Vec<u8> {
        let dictionary = Dictionary::newest().bytes;
        let mut compress = Compress::new(Compression::new(LEVEL.into()), false);
        let mut out = Vec::with_capacity(dictionary.len() + body.len() + CHUNK);
        compress.compress_vec(dictionary, &mut out, FlushCompress::Sync).unwrap();
        out.clear();
        assert_eq!(compress.compress_vec(body, &mut out, FlushCompress::Finish).unwrap(), Status::StreamEnd);
        out
    }

    #[test]
    fn body_is_compressed_as_what_follows_the_dictionary_and_nothing_else() {
        let noise: Vec<u8> = (0_u32..5_000).flat_map(|block| Digest::of(block.to_be_bytes()).0).collect();
        let long = DICTIONARIES[0].repeat(20);
        // As long as what inflates it has room for: there, too, the end is read.
        let room = &noise[..=DICTIONARIES[0].len()];
        for body in [&b""[..], b"{}", DICTIONARIES[0], &noise, &long, room, &noise[..CHUNK - 1], &noise[..CHUNK]] {
            let compressed = Dictionary::newest().compress(body).unwrap();
            assert_eq!(compressed, as_text_after_the_dictionary(body), "{} bytes", body.len());
            assert_eq!(Dictionary::newest().inflate(&compressed, body.len()), (body.to_vec(), true));
        }
    }

    #[test]
    fn whatever_is_there_is_inflated_no_further_than_was_asked() {
        let bomb = Dictionary::newest().compress(&vec![b'a'; 5_000_000]).unwrap();
        assert!(bomb.len() < 10_000);
        let (bytes, is_whole) = Dictionary::newest().inflate(&bomb, 1_000);
        assert_eq!((bytes.len(), is_whole), (1_000, false));
        assert!(bytes.capacity() < 1_000_000, "{} bytes were taken for it", bytes.capacity());
        let short = Dictionary::newest().compress(b"{}").unwrap();
        assert_eq!(Dictionary::newest().inflate(&short, 3), (b"{}".to_vec(), false), "a byte is missing");
        for noise in [&b""[..], b"x", &[0xff; 100], &bomb[..bomb.len() / 2]] {
            assert!(!Dictionary::newest().inflate(noise, 5_000_000).1);
        }
    }
}
