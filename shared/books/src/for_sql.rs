//! The books of a run as `infra/reconcile.sql` reads them on one machine: what the exports of our tables do not have, the terms of the
//! run, and of the exports those files that are whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use payonce_protocol::reconcile::rows::{Book, Row, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Settle};

use crate::BooksError;
use crate::line::Line;

/// What the run goes by.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    pub window: Window,
    pub settle: Settle,
    pub units: &'a Units,
    /// Whether what people paid by hand shows in the bank's book.
    pub hand_shows_at_bank: bool,
    /// Those of earlier runs, too.
    pub gaps: &'a [Gap],
}

pub struct ForSql {
    folder: PathBuf,
    listed: GzEncoder<BufWriter<File>>,
}

impl ForSql {
    pub fn create(folder: &Path) -> Result<Self, BooksError> {
        fs::create_dir_all(folder.join("listed"))?;
        let file = BufWriter::new(File::create(folder.join("listed/rows.jsonl.gz"))?);
        Ok(Self { folder: folder.to_owned(), listed: GzEncoder::new(file, Compression::default()) })
    }

    /// Of what is ours only what is carried: the rest stands in the exports.
    pub fn add<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>) -> Result<(), BooksError> {
        for row in rows.into_iter().filter(|row| row.carried || row.record.book() != Some(Book::Ours)) {
            serde_json::to_writer(&mut self.listed, &Line::of(row))?;
            self.listed.write_all(b"\n")?;
        }
        Ok(())
    }

    pub fn done(self, of: &Conditions<'_>) -> Result<(), BooksError> {
        self.listed.finish()?.flush()?;
        let Settle { provider_ms, ours_ms, rail_ms, bank_ms } = of.settle;
        let (from, to, hand) = (of.window.from(), of.window.to(), u8::from(of.hand_shows_at_bank));
        let terms = format!(
            "from_ms,as_of,provider_ms,ours_ms,rail_ms,bank_ms,hand_at_bank\n\
             {from},{to},{provider_ms},{ours_ms},{rail_ms},{bank_ms},{hand}\n"
        );
        let mut gaps = "book,from_ms,until_ms\n".to_owned();
        for gap in of.gaps {
            let book = if gap.hides() { gap.book.as_str() } else { "nobody" };
            gaps += &format!("{book},{},{}\n", gap.from, gap.until);
        }
        let mut units = "currency,exponent\n".to_owned();
        for (currency, exponent) in &of.units.0 {
            units += &format!("{currency},{exponent}\n");
        }
        for (name, text) in [("terms.csv", terms), ("gaps.csv", gaps), ("units.csv", units)] {
            fs::write(self.folder.join(name), text)?;
        }
        Ok(())
    }
}

/// Puts the files of an export where the SQL reads those of this table (`audit` or `reconcile`), and no others: an export shares its
/// folder of data with those of other days.
pub fn place(folder: &Path, table: &str, files: &[PathBuf]) -> io::Result<()> {
    let data = folder.join(table).join("AWSDynamoDB/data");
    fs::create_dir_all(&data)?;
    // An engine that finds no file at all gives up.
    let nothing = GzEncoder::new(File::create(data.join("nothing.json.gz"))?, Compression::default());
    nothing.finish()?;
    for file in files {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let to = data.join(name);
        // On another disk there is no link.
        if fs::hard_link(file, &to).is_err() {
            fs::copy(file, &to)?;
        }
    }
    Ok(())
}
