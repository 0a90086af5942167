//! An external merge sort: rows that do not fit into memory are sorted in parts on disk, and merged. Stable, and bounded in bytes.
//! Its files have no name, so that nothing is left of them however the program ends.
//!
//! Written here because the crates that do it bring a pool of threads, and bound the number of rows and not their bytes.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

/// Parts that are merged at once, each with a buffer of [`BUFFER_BYTES`].
const FAN_IN: usize = 64;
const BUFFER_BYTES: usize = 32 * 1024;

/// Where an entry stands in the arena.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    key: u32,
    value: u32,
}

pub struct Sorter {
    bytes_at_most: usize,
    arena: Vec<u8>,
    places: Vec<Place>,
    /// Each sorted; in the order of their entries.
    parts: Vec<File>,
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

impl Sorter {
    /// `bytes_at_most` for what waits in memory, below 4 GiB.
    pub fn new(bytes_at_most: usize) -> Self {
        Self { bytes_at_most: bytes_at_most.min(u32::MAX as usize), arena: vec![], places: vec![], parts: vec![] }
    }

    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let size = key.len() + value.len();
        let used = self.arena.len() + self.places.len() * size_of::<Place>();
        // A vector that is full doubles: half of the bound is the point at which it must not do so again.
        if used + size > self.bytes_at_most / 2 && !self.places.is_empty() {
            self.spill()?;
        }
        let length = |length: usize| u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge);
        let place = Place { start: length(self.arena.len())?, key: length(key.len())?, value: length(value.len())? };
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value);
        self.places.push(place);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let arena = &self.arena;
        self.places.sort_by(|one, other| key_in(arena, *one).cmp(key_in(arena, *other)));
        let mut part = Part::begin()?;
        for place in &self.places {
            part.write(key_in(arena, *place), value_in(arena, *place))?;
        }
        self.parts.push(part.end()?);
        self.arena.clear();
        self.places.clear();
        if self.parts.len() == FAN_IN {
            // In their order, so that equal keys stay in theirs.
            let mut merged = Part::begin()?;
            for entry in Sorted::of(std::mem::take(&mut self.parts))? {
                let (key, value) = entry?;
                merged.write(&key, &value)?;
            }
            self.parts.push(merged.end()?);
        }
        Ok(())
    }

    /// All entries by key; equal keys in the order in which they were pushed.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        if !self.places.is_empty() {
            self.spill()?;
        }
        Sorted::of(self.parts)
    }
}

fn key_in(arena: &[u8], place: Place) -> &[u8] {
    let start = place.start as usize;
    arena.get(start..start + place.key as usize).unwrap_or_default()
}

fn value_in(arena: &[u8], place: Place) -> &[u8] {
    let start = place.start as usize + place.key as usize;
    arena.get(start..start + place.value as usize).unwrap_or_default()
}

/// One part as it is written: lengths and bytes.
struct Part(BufWriter<File>);

impl Part {
    fn begin() -> io::Result<Self> {
        Ok(Self(BufWriter::with_capacity(BUFFER_BYTES, tempfile::tempfile()?)))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        for bytes in [key, value] {
            let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
            self.0.write_all(&length.to_le_bytes())?;
        }
        self.0.write_all(key)?;
        self.0.write_all(value)
    }

    fn end(self) -> io::Result<File> {
        let mut file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(file)
    }
}

/// The merged parts.
pub struct Sorted {
    parts: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<Head>>,
}

#[derive(PartialEq, Eq)]
struct Head {
    entry: Entry,
    part: usize,
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.entry.0, self.part).cmp(&(&other.entry.0, other.part))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Sorted {
    fn of(files: Vec<File>) -> io::Result<Self> {
        let parts = files.into_iter().map(|file| BufReader::with_capacity(BUFFER_BYTES, file)).collect::<Vec<_>>();
        let mut sorted = Self { heads: BinaryHeap::with_capacity(parts.len()), parts };
        (0..sorted.parts.len()).try_for_each(|part| sorted.advance(part))?;
        Ok(sorted)
    }

    fn advance(&mut self, part: usize) -> io::Result<()> {
        let Some(reader) = self.parts.get_mut(part) else { return Ok(()) };
        if let Some(entry) = read(reader)? {
            self.heads.push(Reverse(Head { entry, part }));
        }
        Ok(())
    }
}

fn read(reader: &mut BufReader<File>) -> io::Result<Option<Entry>> {
    let mut lengths = [0; 8];
    // A part ends between two entries, or it is torn.
    match reader.read(&mut lengths)? {
        0 => return Ok(None),
        some => reader.read_exact(lengths.get_mut(some..).unwrap_or_default())?,
    }
    let length = |bytes: &[u8]| bytes.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (key, value) = lengths.split_at(4);
    let (mut key, mut value) = (vec![0; length(key)], vec![0; length(value)]);
    reader.read_exact(&mut key)?;
    reader.read_exact(&mut value)?;
    Ok(Some((key, value)))
}

impl Iterator for Sorted {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(head) = self.heads.pop()?;
        Some(self.advance(head.part).map(|()| head.entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_more_than_fits_and_keeps_the_order_of_equal_keys() {
        // So little memory that parts are merged into parts, too.
        let mut sorter = Sorter::new(1_000);
        let mut expected = vec![];
        for number in 0_u64..20_000 {
            let key = format!("key-{:03}", number.wrapping_mul(7_919) % 512);
            sorter.push(key.as_bytes(), &number.to_be_bytes()).unwrap();
            expected.push((key.into_bytes(), number.to_be_bytes().to_vec()));
            assert!(sorter.arena.len() <= 1_000 && sorter.parts.len() < FAN_IN);
        }
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        let sorted: Vec<Entry> = sorter.sorted().unwrap().map(Result::unwrap).collect();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn nothing_sorted_is_nothing() {
        assert_eq!(Sorter::new(1_000).sorted().unwrap().count(), 0);
    }

    #[test]
    fn an_entry_larger_than_the_bound_is_taken_alone() {
        let mut sorter = Sorter::new(16);
        for key in ["b", "a"] {
            sorter.push(key.as_bytes(), &[7; 100]).unwrap();
        }
        let keys: Vec<Vec<u8>> = sorter.sorted().unwrap().map(|entry| entry.unwrap().0).collect();
        assert_eq!(keys, [b"a", b"b"]);
    }

    #[test]
    fn a_torn_part_is_an_error_and_no_end() {
        let mut part = Part::begin().unwrap();
        part.write(b"key", b"value").unwrap();
        let file = part.end().unwrap();
        file.set_len(15).unwrap();
        assert!(Sorted::of(vec![file]).is_err());
    }
}
