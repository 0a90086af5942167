//! A run over the four books: one group after the other, its results into a folder, and the manifest when all of them are on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use payonce_protocol::reconcile::finding::Found;
use payonce_protocol::reconcile::rows::BookKey;
use payonce_protocol::reconcile::run::{Before, Manifest, Run, Window, all_gaps};
use payonce_protocol::reconcile::statement::Statement;
use payonce_protocol::reconcile::terms::{Gap, Settle, Terms};

use serde::Serialize;

use crate::BooksError;
use crate::groups::{Group, Groups};
use crate::intake::Shelf;
use crate::output::{BREAK_COLUMNS, Hashed, break_cells, carried, gone_cells, statement_lines};
use crate::said::{BreakLine, GoneLine};

pub const BREAKS: &str = "breaks.jsonl";
pub const BREAKS_CSV: &str = "breaks.csv";
pub const STATEMENT_CSV: &str = "statement.csv";
pub const CARRIED: &str = "carried.jsonl";

/// The books, each complete or not, with what the run before carried as the first.
pub struct Books {
    pub shelves: Vec<Shelf>,
    pub window: Window,
    pub settle: Settle,
    /// Of these keys a record could not be read: nothing new is said of them, and they stay open.
    pub unread: BTreeSet<BookKey>,
}

impl Books {
    /// Every group to `each`, then the run that saw them all.
    /// `earlier`: gaps of the runs before.
    pub fn walk(
        self,
        earlier: &[Gap],
        mut each: impl FnMut(&Group, Found, &Terms) -> Result<(), BooksError>,
    ) -> Result<Run, BooksError> {
        let own = self.shelves.iter().flat_map(|shelf| shelf.gaps.clone());
        let gaps = all_gaps(earlier, own);
        let terms = Terms { as_of: self.window.to(), settle: self.settle, gaps, unread: self.unread };
        let mut run = Run::new(self.window, terms.clone());
        let mut groups = Groups::new(self.shelves);
        while let Some(group) = groups.next_group()? {
            let found = run.add(&group.key, &group.rows)?;
            each(&group, found, &terms)?;
        }
        Ok(run)
    }

    /// A run that fails leaves a folder without a manifest, which is no run; it is made again from the start.
    pub fn reconcile_into(self, folder: &Path, before: Option<&Before>) -> Result<Manifest, BooksError> {
        self.reconcile_beside(folder, before, |_| Ok(()))
    }

    /// The same, and each group to `each` as it was read.
    pub fn reconcile_beside(
        self,
        folder: &Path,
        before: Option<&Before>,
        mut each: impl FnMut(&Group) -> Result<(), BooksError>,
    ) -> Result<Manifest, BooksError> {
        fs::create_dir_all(folder)?;
        // Of an earlier run of this window: its files are overwritten, and vouch for nothing.
        match fs::remove_file(folder.join(crate::manifest::FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut breaks = Hashed::create(&folder.join(BREAKS))?;
        let mut next = Hashed::create(&folder.join(CARRIED))?;
        let mut sheet = csv::Writer::from_writer(Hashed::create(&folder.join(BREAKS_CSV))?);
        sheet.write_record(BREAK_COLUMNS)?;
        let earlier = before.map(|before| before.gaps.as_slice()).unwrap_or_default();
        let run = self.walk(earlier, |group, found, terms| {
            each(group)?;
            for (it, life) in &found.breaks {
                write_line(&mut breaks, &BreakLine::of(it, *life))?;
                sheet.write_record(break_cells(it, *life))?;
            }
            for gone in &found.gone {
                write_line(&mut breaks, &GoneLine::of(&group.key, gone))?;
                sheet.write_record(gone_cells(&group.key, gone))?;
            }
            for line in carried(group, &found, terms)? {
                write_line(&mut next, &line)?;
            }
            Ok(())
        })?;
        let sheet = sheet.into_inner().map_err(|error| error.into_error())?;
        let files = BTreeMap::from([
            (BREAKS.to_owned(), breaks.end()?),
            (BREAKS_CSV.to_owned(), sheet.end()?),
            (CARRIED.to_owned(), next.end()?),
            (STATEMENT_CSV.to_owned(), write_statement(&folder.join(STATEMENT_CSV), run.statement())?),
        ]);
        let manifest = run.manifest(before, files)?;
        // Under its name only when it is whole.
        let written = folder.join("manifest.part");
        let mut file = File::create(&written)?;
        writeln!(file, "{:#}", crate::manifest::to_json(&manifest)?)?;
        file.sync_all()?;
        fs::rename(written, folder.join(crate::manifest::FILE))?;
        Ok(manifest)
    }
}

fn write_line(file: &mut Hashed, line: &impl Serialize) -> Result<(), BooksError> {
    serde_json::to_writer(&mut *file, line)?;
    Ok(file.write_all(b"\n")?)
}

fn write_statement(path: &Path, statement: &Statement) -> Result<payonce_protocol::ids::Digest, BooksError> {
    let mut sheet = csv::Writer::from_writer(Hashed::create(path)?);
    sheet.write_record(["currency", "line", "count", "minor"])?;
    for (currency, name, total) in statement_lines(statement)? {
        sheet.write_record([&currency, name, &total.count.to_string(), &total.minor.to_string()])?;
    }
    Ok(sheet.into_inner().map_err(|error| error.into_error())?.end()?)
}
