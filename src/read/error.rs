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
    /// The line, from 1, where it is one line's problem.
    pub line: Option<u64>,
    /// The column in characters, from 1, where it is known.
    pub column: Option<u64>,
    /// What is wrong and what to do.
    pub problem: FileProblem,
}

impl ReadError {
    /// `file:line:column`, as far as it is known; safe to show.
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
    Io(#[from] io::Error),
    /// It is a folder.
    #[error("is a folder; name the files in it")]
    Folder,
    /// It holds nothing.
    #[error("the file is empty; a header row with a column `name`, or JSON lines, were expected")]
    Empty,
    /// It is a file of another kind, named for a person.
    #[error("is {kind}; {cure}")]
    Foreign {
        /// "an Excel workbook"
        kind: &'static str,
        /// What to do.
        cure: &'static str,
    },
    /// It is not in UTF-8.
    #[error("byte 0x{byte:02X} is not UTF-8; {}", encodings(readings))]
    NotUtf8 {
        /// The first byte that is not.
        byte: u8,
        /// How its cell reads in the likeliest encodings: each encoding's name, and the text.
        readings: Vec<(String, String)>,
    },
    /// It is in UTF-8 up to here.
    #[error(
        "byte 0x{byte:02X} is not UTF-8, though letters before it are; the file mixes encodings: retype {} as UTF-8",
        mixed(readings, lines)
    )]
    Mixed {
        /// The first byte that is not.
        byte: u8,
        /// How its cell reads in the likeliest encodings.
        readings: Vec<(String, String)>,
        /// The next lines on which such bytes are.
        lines: Vec<u64>,
    },
    /// It is not in the encoding named, or is cut off in mid-character.
    #[error("is not in the encoding expected; check --encoding, or the file's end")]
    Undecodable,
    /// It looks like UTF-16 and has no byte-order mark.
    #[error("looks like UTF-16 without a byte-order mark; add --encoding {0}")]
    Utf16WithoutMark(&'static str),
    /// What is compressed in it is broken.
    #[error("the {kind} data is damaged or cut off ({reason}); unpack it yourself to see what is left")]
    Damaged {
        /// "gzip"
        kind: &'static str,
        /// What the decompressor says.
        reason: io::Error,
    },
    /// It unpacks to far more than files of text do.
    #[error("unpacks to more than {ratio} times its size, as no table does; unpack it yourself if that is meant")]
    Bomb {
        /// How many times.
        ratio: u64,
    },
    /// It is one JSON array.
    #[error("is a JSON array; one object a line is expected: `jq -c '.[]' FILE > NEW` makes it so")]
    JsonArray,
    /// It is JSON that is not one object a line.
    #[error("one object goes on over several lines; each needs a line of its own: `jq -c . FILE > NEW` makes it so")]
    JsonSpread,
    /// It is of the other format.
    #[error("looks like {looks}; say --format {format}, or name the file .{format}")]
    OtherFormat {
        /// "CSV"
        looks: &'static str,
        /// The word for it.
        format: &'static str,
    },
    /// Its header cannot be used.
    #[error("{}", all(.0))]
    Header(Vec<HeaderError>),
    /// A copy to look back into cannot be written.
    #[error("a copy for looking back cannot be written to the folder of temporary files: {0}")]
    Copy(io::Error),
}

fn encodings(readings: &[(String, String)]) -> String {
    if readings.is_empty() {
        return "say with --encoding how the file is encoded, or save it as UTF-8".to_owned();
    }
    let flags = readings.iter().map(|(name, text)| format!("--encoding {name} if `{text}` is right"));
    format!("say {}; if nothing is, save the file as UTF-8", flags.collect::<Vec<_>>().join(", "))
}

fn mixed(readings: &[(String, String)], lines: &[u64]) -> String {
    // What was typed or pasted into a file of UTF-8 is mostly of Windows.
    let reading = readings.iter().find(|(name, _)| name == "windows-1252").or(readings.first());
    let what =
        reading.map_or_else(|| "what stands there".to_owned(), |(_, text)| format!("`{text}` (if that is meant)"));
    match lines {
        [] => what,
        [line] => format!("{what}, and so on line {line},"),
        lines => {
            format!("{what}, and so on lines {},", lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

fn all(errors: &[HeaderError]) -> String {
    errors.iter().map(HeaderError::to_string).collect::<Vec<_>>().join("; ")
}

impl FileProblem {
    /// The problem of this file, as a whole.
    #[must_use]
    pub fn of(self, path: impl Into<PathBuf>) -> ReadError {
        ReadError { path: path.into(), line: None, column: None, problem: self }
    }

    /// The problem at this place.
    #[must_use]
    pub fn at(self, path: impl Into<PathBuf>, line: u64, column: Option<u64>) -> ReadError {
        ReadError { path: path.into(), line: Some(line), column, problem: self }
    }

    /// The stable word for each of its problems, and the sentence.
    #[must_use]
    pub fn told(&self) -> Vec<(Code, String)> {
        match self {
            Self::Header(errors) => errors.iter().map(|error| (error.code(), error.to_string())).collect(),
            other => vec![(other.code(), other.to_string())],
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Io(_) | Self::Folder | Self::Copy(_) => Code::FileUnreadable,
            Self::Empty => Code::FileEmpty,
            Self::Foreign { .. } | Self::OtherFormat { .. } => Code::FileForeign,
            Self::NotUtf8 { .. } | Self::Mixed { .. } | Self::Undecodable | Self::Utf16WithoutMark(_) => {
                Code::EncodingUnknown
            }
            Self::Damaged { .. } => Code::ArchiveDamaged,
            Self::Bomb { .. } => Code::ArchiveBomb,
            Self::JsonArray | Self::JsonSpread => Code::JsonArray,
            Self::Header(errors) => errors.first().map_or(Code::HeaderMissing, HeaderError::code),
        }
    }
}
