//! A file that somebody names: read, or why not, with what else is there.

use std::io;
use std::path::Path;

use crate::near::nearest;

/// Names that are listed where none is near.
const LISTED: usize = 12;

pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {}{}", path.display(), not_read(&error), others(path, &error)))
}

pub fn read_text(path: &Path) -> Result<String, String> {
    String::from_utf8(read(path)?).map_err(|_| format!("{}: is no text in UTF-8", path.display()))
}

/// In words: the system's own name an error's number.
pub fn not_read(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory, and no file".to_owned(),
        kind => format!("it cannot be read: {kind}"),
    }
}

/// What stands in the nearest directory above it that is there.
fn others(path: &Path, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::NotFound {
        return String::new();
    }
    let mut missing = path;
    while let Some(above) = missing.parent() {
        let directory = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        if let Ok(entries) = std::fs::read_dir(directory) {
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
            names.sort();
            let wanted = missing.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let near = nearest(wanted, names.iter().map(String::as_str));
            return match near {
                Some(near) => format!("; did you mean {}?", above.join(near).display()),
                None if names.is_empty() || names.len() > LISTED => String::new(),
                None => format!("; in {} there are {}", directory.display(), names.join(", ")),
            };
        }
        missing = above;
    }
    String::new()
}
