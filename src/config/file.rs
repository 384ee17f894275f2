//! Reads a file from the command line as JSON.
//!
//! Its errors must not show the content: it may contain secrets.

use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use super::failure::{InputError, InputFile, Result};

/// Returns the largest accepted size, in bytes. Parsing needs up to 30 times the size of a file in memory.
fn largest(file: InputFile) -> u64 {
    match file {
        // A few hundred bytes are typical.
        InputFile::Config => 1 << 20,
        // The schema of one stream takes a few kB.
        InputFile::Catalog => 4 << 20,
        // 10,000 ids take some 200 kB, or 1 MB if they are digests.
        InputFile::State => 16 << 20,
    }
}

/// Reads the whole file; see [`parse_json`].
///
/// # Errors
/// If it is absent, not a readable file, too large, empty or not JSON.
pub fn read_json(file: InputFile, path: &Path) -> Result<Value> {
    let unreadable = |why: String, remedy| InputError::FileUnreadable { file, path: path.to_owned(), why, remedy };
    let refused = |error: &io::Error| unreadable(error.to_string(), "Make sure that this user may read it.");
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => InputError::FileMissing { file, path: path.to_owned() },
        _ => refused(&error),
    })?;
    if metadata.is_dir() {
        return Err(unreadable("it is a directory".to_owned(), "Pass the path of a JSON file."));
    }
    let largest = largest(file);
    let too_large = || InputError::FileTooLarge { file, path: path.to_owned(), megabytes: largest >> 20 };
    // The size of a pipe is unknown, and a file may grow during the read.
    if metadata.len() > largest {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(largest + 1).read_to_end(&mut bytes))
        .map_err(|error| refused(&error))?;
    if bytes.len() as u64 > largest {
        return Err(too_large());
    }
    parse_json(file, path, &bytes)
}

/// Parses the content of a file. Skips a byte order mark at the beginning, as Windows editors write it. The
/// path is only for the error.
///
/// # Errors
/// If it is empty or not JSON.
pub fn parse_json(file: InputFile, path: &Path, bytes: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|_| InputError::FileUnreadable {
        file,
        path: path.to_owned(),
        why: "it is not UTF-8 text".to_owned(),
        remedy: "Save it in the encoding UTF-8.",
    })?;
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
