//! One directory of books, one process: two that write the same lists would each find the other's payouts unasked. The lock is the
//! kernel's own (`flock`), so it ends with its process however that ends, and a pid left behind blocks no later process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

const NAME: &str = "lock";

/// Held as long as this lives.
pub struct Held {
    _file: File,
}

impl Held {
    pub fn take(directory: &Path) -> io::Result<Self> {
        let path = directory.join(NAME);
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = open.map_err(about)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(about)?;
                // Locked, and not written yet: it has just begun.
                let by = if pid.trim().is_empty() { String::new() } else { format!(", process {}", pid.trim()) };
                let says = format!(
                    "--data {}: another payonce keeps its books there{by}. End that one, or name another directory",
                    directory.display()
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, says));
            }
            Err(TryLockError::Error(error)) => return Err(about(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(about)?;
        writeln!(file, "{}", std::process::id()).map_err(about)?;
        Ok(Self { _file: file })
    }
}
