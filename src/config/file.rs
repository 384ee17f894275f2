//! Reading a file of the command line as JSON.
//!
//! Its errors never show the content: it may hold secrets.

use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use super::failure::{InputError, InputFile, Result};

/// No configuration, catalog or state of this connector comes near to this size, in bytes.
const LARGEST: u64 = 64 << 20;

/// Reads the whole file; see [`parse_json`].
///
/// # Errors
/// If it is absent, not a readable plain file, too large, empty or no JSON.
pub fn read_json(file: InputFile, path: &Path) -> Result<Value> {
    let unreadable = |why: String| InputError::FileUnreadable { file, path: path.to_owned(), why };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => InputError::FileMissing { file, path: path.to_owned() },
        _ => unreadable(error.to_string()),
    })?;
    if metadata.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    parse_json(file, path, &bytes)
}

/// Reads the content of a file, in which a byte order mark, as Windows editors write it, is skipped.
/// The path is for the error only.
///
/// # Errors
/// If it is empty or no JSON.
pub fn parse_json(file: InputFile, path: &Path, bytes: &[u8]) -> Result<Value> {
    let unreadable = |why: String| InputError::FileUnreadable { file, path: path.to_owned(), why };
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(InputError::FileEmpty { file, path: path.to_owned() });
    }
    serde_json::from_str(text).map_err(|error| InputError::FileNotJson {
        file,
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}
