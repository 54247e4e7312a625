//! How values are read, from flags. An error says what is expected.

use std::path::PathBuf;
use std::time::Duration;

use strum::VariantArray;

use crate::model::Code;

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
        let known: Vec<&str> = Code::VARIANTS.iter().map(AsRef::as_ref).collect();
        format!("there is no such code; these exist: {}", known.join(", "))
    })
}

/// The path of a file to be written.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    match text {
        "" | "-" => Err("a file is expected; --json prints the summary on standard output".to_owned()),
        path => Ok(PathBuf::from(path)),
    }
}
