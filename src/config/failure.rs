//! The failures of input files: config, catalog and state.
//!
//! A failure never shows a file's content: the content may hold secrets.

use std::fmt;
use std::path::PathBuf;

use crate::failure::{Category, Explanation};

/// A file that is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFile {
    /// `--config`
    Config,
    /// `--catalog`
    Catalog,
    /// `--state`
    State,
}

impl fmt::Display for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Catalog => "catalog",
            Self::State => "state",
        })
    }
}

/// Why an input file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explain())]
pub enum InputError {
    /// The file does not exist.
    FileMissing {
        /// The kind of file.
        file: InputFile,
        /// The path from the command line.
        path: PathBuf,
    },
    /// The file exists but cannot be read.
    FileUnreadable {
        /// The kind of file.
        file: InputFile,
        /// The path from the command line.
        path: PathBuf,
        /// The system's error message.
        why: String,
        /// The remedy, as a whole sentence.
        remedy: &'static str,
    },
    /// The file is larger than the limit for its kind.
    FileTooLarge {
        /// The kind of file.
        file: InputFile,
        /// The path from the command line.
        path: PathBuf,
        /// The limit, in MiB.
        megabytes: u64,
    },
    /// The file is empty.
    FileEmpty {
        /// The kind of file.
        file: InputFile,
        /// The path from the command line.
        path: PathBuf,
    },
    /// The file is not JSON.
    FileNotJson {
        /// The kind of file.
        file: InputFile,
        /// The path from the command line.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// A field is missing or has an invalid value.
    Field {
        /// The kind of file.
        file: InputFile,
        /// The path of the field, such as `credentials.api_token` or `streams[0].stream.name`.
        field: String,
        /// The predicate of the sentence, without the period: "is missing".
        problem: String,
        /// The remedy, as a whole sentence, unless the problem includes it.
        remedy: Option<String>,
    },
}

impl InputError {
    /// Explains the failure to the user.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let explain = |fact: String| Explanation::new(Category::Configuration, fact);
        match self {
            Self::FileMissing { file, path } => explain(format!("The {file} file {} does not exist.", path.display()))
                .remedy(format!(
                    "Pass the path of a JSON file with --{file}; in a container, mount the folder that contains it."
                )),
            Self::FileUnreadable { file, path, why, remedy } => {
                explain(format!("The {file} file {} cannot be read: {why}.", path.display())).remedy(*remedy)
            }
            Self::FileTooLarge { file, path, megabytes } => {
                explain(format!("The {file} file {} is larger than {megabytes} MiB.", path.display())).remedy(format!(
                    "Check that --{file} names the right file: no {file} file of this connector is that large."
                ))
            }
            Self::FileEmpty { file, path } => {
                explain(format!("The {file} file {} is empty.", path.display())).remedy(match file {
                    InputFile::State => "To sync from the beginning, omit --state or pass a file that contains [].",
                    InputFile::Config => "Write the connector's configuration to it; spec.json describes the fields.",
                    InputFile::Catalog => "Write a configured catalog to it.",
                })
            }
            Self::FileNotJson { file, path, line, column } => {
                let path = path.display();
                explain(format!("The {file} file {path} is not valid JSON (line {line}, column {column})."))
                    .remedy("Correct it, or create it again.")
            }
            Self::Field { file, field, problem, remedy } => Explanation {
                remedy: remedy.clone().map(Into::into),
                ..explain(format!("In the {file}, {field} {problem}."))
            },
        }
    }

    /// Replaces the remedy of an invalid field.
    #[must_use]
    pub fn with_remedy(mut self, new: &str) -> Self {
        if let Self::Field { remedy, .. } = &mut self {
            *remedy = Some(new.to_owned());
        }
        self
    }
}

/// The result of reading an input file.
pub type Result<T> = std::result::Result<T, InputError>;
