//! `--for-sql`: what the query reads, beside those files of the exports that are as their manifests say. What is not is said, and the query
//! concludes nothing from it.

use std::fs;
use std::path::{Path, PathBuf};

use payonce_books::export::take::{Fault, Wanted, take};
use payonce_books::for_sql::{ForSql, place};
use payonce_protocol::reconcile::run::Window;
use reconciler::Beside;

use super::Failure;
use crate::control::Target;

/// What was written there.
pub struct ForQuery {
    pub folder: PathBuf,
    /// Items that changed, of the exports' whole files.
    pub changes: u64,
    pub faults: Vec<(String, Fault)>,
}

impl ForQuery {
    pub fn create(folder: &Path, exports: &Path, target: &Target, window: Window) -> Result<(Self, Beside), Failure> {
        // What an earlier run left there would be counted, too.
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(format!("--for-sql {}: is not empty; name a new directory", folder.display()).into());
        }
        let for_sql = ForSql::create(folder)?;
        let mut written = Self { folder: folder.to_owned(), changes: 0, faults: vec![] };
        let mut lacks = vec![];
        for name in ["audit", "reconcile"] {
            let table = target.table(name);
            let taken = take(&Wanted { bucket: exports, prefix: name, table: &table, window })?;
            place(folder, name, &taken.files)?;
            written.changes += taken.changes;
            written.faults.extend(taken.faults.into_iter().map(|fault| (table.clone(), fault)));
            lacks.extend(taken.gaps);
        }
        Ok((written, Beside { for_sql, lacks }))
    }
}
