//! The words and values that flags take.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use encoding_rs::Encoding;

use strum::VariantArray;

use crate::model::{Code, Field, is_delimiter};

/// `--log-format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormatArg {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Comma-separated values, or with another delimiter
    Csv,
    /// JSON lines
    Jsonl,
}

/// `--match-names`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MatchNamesArg {
    /// Case, spaces and Unicode composition do not matter
    Folded,
    /// Every character matters
    Exact,
}

/// `--on-duplicate`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnDuplicateArg {
    /// The first row wins
    Skip,
    /// The first row takes over members and guests of the later ones
    Merge,
    /// The later row is invalid
    Fail,
}

/// `--on-existing`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnExistingArg {
    /// The row is settled as `exists`
    Skip,
    /// The row is settled as `failed`
    Fail,
}

/// `--format-problems`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProblemFormatArg {
    /// `file:line: problem`, for people and their editors
    Text,
    /// One JSON object a line
    Json,
    /// Annotations of a pull request, for GitHub Actions
    Github,
}

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A bar
    Bar,
    /// A line every ten seconds
    Plain,
    /// Nothing
    None,
}

/// A duration: `30s`, `5min`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) => Ok(duration),
        Err(_) => Err("30s, 5min or 2h are durations".to_owned()),
    }
}

/// The word of a problem.
pub(super) fn code(text: &str) -> Result<Code, String> {
    let plain = text.trim_matches(['[', ']']).to_ascii_lowercase();
    plain.parse().map_err(|_| {
        let known: Vec<&str> = Code::VARIANTS.iter().map(|code| code.as_str()).collect();
        format!("there is no such problem; there are: {}", known.join(", "))
    })
}

/// One ASCII character, or `tab`.
pub(super) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if is_delimiter(*byte) => Ok(*byte),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("one ASCII character is expected, or `tab`".to_owned()),
    }
}

/// An encoding by any of its names.
pub(super) fn encoding(text: &str) -> Result<&'static Encoding, String> {
    // What spreadsheets and editors of Windows call it, in Western Europe and America.
    let is_ansi = ["ansi", "latin-1"].iter().any(|name| text.eq_ignore_ascii_case(name));
    let label = if is_ansi { "windows-1252" } else { text };
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        "this encoding is not known; utf-8, utf-16le, windows-1252, shift_jis or macintosh are some that are (of others, such as cp850, `iconv -f cp850 -t utf-8 FILE > NEW` makes UTF-8)".to_owned()
    })
}

/// `FIELD=COLUMN`.
pub(super) fn mapping(text: &str) -> Result<(Field, String), String> {
    let (field, column) = text.split_once('=').ok_or("FIELD=COLUMN is expected")?;
    let known = field.trim().to_lowercase().parse().ok();
    let known = known.ok_or("the field is name, description, members or guests")?;
    if column.trim().is_empty() { Err("the column is missing".to_owned()) } else { Ok((known, column.to_owned())) }
}

/// The path of a file to be written.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" | "-" => Err("a file is expected; --json prints the summary on standard output".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}

/// The longest that one request may take: more than nothing, and no more than a day.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if timeout.is_zero() || timeout > Duration::from_hours(24) {
        return Err("more than 0s and no more than a day is expected".to_owned());
    }
    Ok(timeout)
}
