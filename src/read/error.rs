//! Why a file cannot be read as a table.

use std::io;
use std::path::PathBuf;

use super::header::HeaderError;
use crate::model::{Code, place};

/// A file cannot be read as a table, or not to its end.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", self.place())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1, if it is a problem of one line.
    pub line: Option<u64>,
    /// The column in characters, from 1, if it is known.
    pub column: Option<u64>,
    /// What is wrong and what to do.
    pub problem: FileProblem,
}

impl ReadError {
    /// `file:line:column`, or the known part of it; safe to show.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.path.display().to_string(), self.line, self.column)
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It cannot be opened or read.
    #[error("{0}")]
    Io(io::Error),
    /// It is a folder.
    #[error("is a folder; name the files in it")]
    Folder,
    /// It is empty.
    #[error("the file is empty; expected a header row with a column `name`, or JSON lines")]
    Empty,
    /// It has fewer lines than are to be skipped.
    #[error("has fewer lines at its beginning than --skip-lines skips")]
    Short,
    /// It is a file of another kind.
    #[error("is {kind}; {cure}")]
    Foreign {
        /// "an Excel workbook"
        kind: &'static str,
        /// What to do.
        cure: &'static str,
    },
    /// It is not UTF-8.
    #[error("byte 0x{byte:02X} is not UTF-8; {}", encodings(readings))]
    NotUtf8 {
        /// The first byte that is not.
        byte: u8,
        /// How its cell reads in the likeliest encodings: each encoding's name, and the text.
        readings: Vec<(String, String)>,
    },
    /// It is UTF-8 up to here.
    #[error(
        "byte 0x{byte:02X} is not UTF-8, but text before it is; the file mixes encodings: retype {} as UTF-8",
        mixed(readings, lines)
    )]
    Mixed {
        /// The first byte that is not.
        byte: u8,
        /// How its cell reads in the likeliest encodings.
        readings: Vec<(String, String)>,
        /// The next lines with such bytes.
        lines: Vec<u64>,
    },
    /// It is not in the encoding named, or is cut off in the middle of a character.
    #[error("is not in the expected encoding; check --encoding, or the end of the file")]
    Undecodable,
    /// It looks like UTF-16 and has no byte-order mark.
    #[error("looks like UTF-16 without a byte-order mark; add --encoding {0}")]
    Utf16WithoutMark(&'static str),
    /// The compressed data is damaged.
    #[error("the {kind} data is damaged or cut off ({reason}); unpack it yourself to see what is left")]
    Damaged {
        /// "gzip"
        kind: &'static str,
        /// What the decompressor says.
        reason: io::Error,
    },
    /// It is a workbook that is damaged.
    #[error("the workbook is damaged ({0}); open it in a spreadsheet program and save it again")]
    Workbook(String),
    /// It is a workbook without the sheet that is wanted, or with nothing in it.
    #[error("{0}")]
    Sheet(String),
    /// It unpacks to far more than text does.
    #[error("unpacks to more than {ratio} times its size; unpack it yourself if that is intended")]
    Bomb {
        /// How many times.
        ratio: u64,
    },
    /// It is not JSON from here on.
    #[error("invalid JSON: {reason}; nothing after this place was read")]
    Json {
        /// How many lines behind the last object that was read.
        lines: u64,
        /// In the line, from 1.
        column: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// It is not clear where the objects are.
    #[error("{0}")]
    Records(String),
    /// It is of the other format.
    #[error("looks like {looks}; use --format {format}, or name the file .{format}")]
    OtherFormat {
        /// "CSV"
        looks: &'static str,
        /// The word for it.
        format: &'static str,
    },
    /// A byte-order mark was read in another encoding.
    #[error(
        "begins with a UTF-8 byte-order mark that was read as Latin-1 and saved again; export the file again as UTF-8"
    )]
    GarbledMark,
    /// Its header cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Header(Vec<HeaderError>),
    /// A copy, which is needed to read rows again, cannot be written.
    #[error("a temporary copy of the input cannot be written: {0}")]
    Copy(io::Error),
}

fn encodings(readings: &[(String, String)]) -> String {
    if readings.is_empty() {
        return "name its encoding with --encoding, or save the file as UTF-8".to_owned();
    }
    let flags = readings.iter().map(|(name, text)| format!("use --encoding {name} if `{text}` is right"));
    format!("{}, or save the file as UTF-8", flags.collect::<Vec<_>>().join(", "))
}

fn mixed(readings: &[(String, String)], lines: &[u64]) -> String {
    // What is typed or pasted into a UTF-8 file mostly comes from Windows.
    let reading = readings.iter().find(|(name, _)| name == "windows-1252").or(readings.first());
    let text = reading.map_or_else(|| "it".to_owned(), |(_, text)| format!("`{text}`"));
    let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
    match lines.as_slice() {
        [] => text,
        [line] => format!("{text}, and line {line},"),
        lines => format!("{text}, and lines {},", lines.join(", ")),
    }
}

/// A problem that is found while a stream is read goes through its reader as an error of input.
impl From<FileProblem> for io::Error {
    fn from(problem: FileProblem) -> Self {
        Self::new(io::ErrorKind::InvalidData, problem)
    }
}

impl From<io::Error> for FileProblem {
    fn from(reason: io::Error) -> Self {
        reason.downcast().unwrap_or_else(Self::Io)
    }
}

impl FileProblem {
    /// The problem of this file as a whole.
    #[must_use]
    pub fn of(self, path: impl Into<PathBuf>) -> ReadError {
        ReadError { path: path.into(), line: None, column: None, problem: self }
    }

    /// The problem at this place.
    #[must_use]
    pub fn at(self, path: impl Into<PathBuf>, line: u64, column: Option<u64>) -> ReadError {
        let (line, column) = match &self {
            Self::Json { lines, column, .. } => (line + lines, *column),
            _ => (line, column),
        };
        ReadError { path: path.into(), line: Some(line), column, problem: self }
    }

    /// Each of its problems: the code, and the sentence.
    #[must_use]
    pub fn parts(&self) -> Vec<(Code, String)> {
        match self {
            Self::Header(errors) => errors.iter().map(|error| (error.code(), error.to_string())).collect(),
            other => vec![(other.code(), other.to_string())],
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Io(_) | Self::Folder | Self::Copy(_) => Code::FileUnreadable,
            Self::Empty | Self::Short | Self::Sheet(_) => Code::FileEmpty,
            Self::Foreign { .. } | Self::OtherFormat { .. } => Code::FileForeign,
            Self::NotUtf8 { .. }
            | Self::Mixed { .. }
            | Self::Undecodable
            | Self::Utf16WithoutMark(_)
            | Self::GarbledMark => Code::EncodingUnknown,
            Self::Damaged { .. } | Self::Workbook(_) => Code::ArchiveDamaged,
            Self::Bomb { .. } => Code::ArchiveBomb,
            Self::Json { .. } | Self::Records(_) => Code::JsonMalformed,
            Self::Header(errors) => errors.first().map_or(Code::HeaderMissing, HeaderError::code),
        }
    }
}
