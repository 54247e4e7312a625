//! How values are read, from flags. An error says what is expected.

use std::path::PathBuf;
use std::time::Duration;

use encoding_rs::Encoding;
use strum::VariantArray;

use crate::model::{Code, is_delimiter};

/// A number from 1 to `max`.
pub(super) fn up_to(max: u32) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        let number = text.trim().parse().ok().filter(|number| (1..=max).contains(number));
        number.ok_or_else(|| format!("a number from 1 to {max} is expected"))
    }
}

/// A duration: `30s`, `5min`, `2h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected a duration such as 30s, 5min or 2h".to_owned())
}

/// The longest that one request may take: more than nothing, and at most a day.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let is_sound = |timeout: &Duration| !timeout.is_zero() && *timeout <= Duration::from_hours(24);
    Some(duration(text)?).filter(is_sound).ok_or_else(|| "more than 0s and at most a day is expected".to_owned())
}

/// The code of a problem.
pub(super) fn code(text: &str) -> Result<Code, String> {
    let plain = text.trim_matches(['[', ']']).to_ascii_lowercase();
    plain.parse().map_err(|_| {
        let known: Vec<&str> = Code::VARIANTS.iter().map(|code| code.as_str()).collect();
        format!("there is no such code; these exist: {}", known.join(", "))
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
        "unknown encoding; utf-8, utf-16le, windows-1252, shift_jis and macintosh are some of those known (convert others, such as cp850, with `iconv -f cp850 -t utf-8 FILE > NEW`)".to_owned()
    })
}

/// The path of a file to be written.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" | "-" => Err("a file is expected; --json prints the summary on standard output".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}
