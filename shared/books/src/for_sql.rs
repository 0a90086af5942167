//! The books of a run as `infra/reconcile.sql` reads them: what the exports of our tables do not have, the terms of the run, of the exports
//! those files that are whole, and the query. Each table has a folder of its own, as Athena wants it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use payonce_protocol::money::Currency;
use payonce_protocol::reconcile::rows::{Book, Row, Units};
use payonce_protocol::reconcile::run::Window;
use payonce_protocol::reconcile::terms::{Gap, Settle};

use crate::BooksError;
use crate::line::Line;
use crate::sql::{self, Engine};

/// What the run goes by.
#[derive(Clone, Copy, Debug)]
pub struct Conditions<'a> {
    pub window: Window,
    pub settle: Settle,
    pub units: &'a Units,
    /// In these what people paid by hand has a line in the bank's book.
    pub hand_at_bank: &'a BTreeSet<Currency>,
    /// Those of earlier runs, too.
    pub gaps: &'a [Gap],
    /// Providers whose own lists were asked.
    pub lists: &'a [AskedList<'a>],
}

#[derive(Clone, Copy, Debug)]
pub struct AskedList<'a> {
    pub provider: &'a str,
    /// It lists payments, and none says which event told of it: both books name the payment by its key.
    pub by_payment: bool,
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
        let Self { folder, listed } = self;
        listed.finish()?.flush()?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)
        };
        let Settle { provider_ms, ours_ms, rail_ms, bank_ms } = of.settle;
        let (from, to) = (of.window.from(), of.window.to());
        let terms = format!(
            "from_ms,as_of,provider_ms,ours_ms,rail_ms,bank_ms\n{from},{to},{provider_ms},{ours_ms},{rail_ms},{bank_ms}\n"
        );
        let mut gaps = "book,from_ms,until_ms,lack\n".to_owned();
        for gap in of.gaps {
            let book = if gap.hides() { gap.book.as_str() } else { "nobody" };
            gaps += &format!("{book},{},{},{}\n", gap.from, gap.until, gap.lack(of.window, &of.settle));
        }
        let mut units = "currency,exponent,hand_at_bank\n".to_owned();
        for (currency, exponent) in &of.units.0 {
            units += &format!("{currency},{exponent},{}\n", u8::from(of.hand_at_bank.contains(currency)));
        }
        let mut lists = "provider,by_payment\n".to_owned();
        for AskedList { provider, by_payment } in of.lists {
            lists += &format!("{provider},{}\n", u8::from(*by_payment));
        }
        for (name, text) in [("terms", terms), ("gaps", gaps), ("units", units), ("lists", lists)] {
            write(&format!("{name}/{name}.csv"), &text)?;
        }
        write("duckdb.sql", &sql::query(Engine::DuckDb))?;
        for (name, statement) in sql::for_athena() {
            write(&format!("athena/{name}.sql"), &statement)?;
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
