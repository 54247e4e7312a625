//! How text that is not UTF-8 may be encoded, and how it would read then: the person who knows it sees which is right. Pure.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{MACINTOSH, WINDOWS_1252};

use super::lines::ends_line;
use crate::model::shortened;

/// How much around the bad byte is shown, in bytes to each side.
const SHOWN_MAX: usize = 24;

/// How the cell around `bad` reads in the likeliest encodings: each encoding's name, and the text.
pub(super) fn readings(bytes: &[u8], bad: usize) -> Vec<(String, String)> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // In a short text any of them is guessed, and the Mac's never: its letters are mostly where Windows has quotes and dashes.
    let western = Some(WINDOWS_1252).filter(|_| guess.is_single_byte());
    let has_low = bytes.iter().any(|byte| (0x80..0xA0).contains(byte));
    let mac = western.filter(|_| has_low).map(|_| MACINTOSH);
    let around = around(bytes, bad, guess.is_single_byte());
    let mut readings: Vec<(String, String)> = Vec::new();
    for encoding in [Some(guess), western, mac].into_iter().flatten() {
        let (text, _, is_wrong) = encoding.decode(around);
        let text = shortened(text.trim());
        if !is_wrong && readings.iter().all(|(_, other)| *other != text) {
            readings.push((encoding.name().to_ascii_lowercase(), text));
        }
    }
    readings
}

/// How to read or save a file whose text before that byte is ASCII.
pub(super) fn encodings(readings: &[(String, String)]) -> String {
    if readings.is_empty() {
        return "; name its encoding with --encoding, or save the file as UTF-8".to_owned();
    }
    let flags = readings.iter().map(|(name, text)| format!("use --encoding {name} if `{text}` is right"));
    format!("; {}, or save the file as UTF-8", flags.collect::<Vec<_>>().join(", "))
}

/// What to do about a file that is UTF-8 up to there; `lines` are the next ones with such bytes.
pub(super) fn mixed(readings: &[(String, String)], lines: &[u64]) -> String {
    // What is typed or pasted into a UTF-8 file mostly comes from Windows.
    let reading = readings.iter().find(|(name, _)| name == "windows-1252").or(readings.first());
    let text = reading.map_or_else(|| "it".to_owned(), |(_, text)| format!("`{text}`"));
    let lines: Vec<String> = lines.iter().map(u64::to_string).collect();
    let text = match lines.as_slice() {
        [] => text,
        [line] => format!("{text}, and line {line},"),
        lines => format!("{text}, and lines {},", lines.join(", ")),
    };
    format!(", but text before it is; the file mixes encodings: retype {text} as UTF-8")
}

/// What stands around a byte, up to the ends of its cell. A vertical bar may be a part of a character of several bytes.
fn around(bytes: &[u8], bad: usize, is_single_byte: bool) -> &[u8] {
    let is_end = |byte: &u8| ends_line(*byte) || b",;\t\"".contains(byte) || (is_single_byte && *byte == b'|');
    let start = bytes[..bad].iter().rposition(is_end).map_or(0, |at| at + 1).max(bad.saturating_sub(SHOWN_MAX));
    let rest = &bytes[bad..bytes.len().min(bad + SHOWN_MAX)];
    let end = bad + rest.iter().position(is_end).unwrap_or(rest.len());
    &bytes[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_reads_as_it_would_in_the_likeliest_encodings() {
        let told = |bytes: &[u8]| {
            let bad = bytes.iter().position(|byte| *byte >= 0x80).unwrap();
            readings(bytes, bad).into_iter().map(|(name, text)| format!("{name} {text}")).collect::<Vec<_>>()
        };
        assert!(told(b"name,x\nB\xfcro Z\xfcrich,1\nM\xfcnchen,2\n").contains(&"windows-1252 Büro Zürich".to_owned()));
        let mac = told(b"name\nB\x9fro Z\x9frich\nM\x9fnchen\n");
        assert!(mac.contains(&"macintosh Büro Zürich".to_owned()), "{mac:?}");
        let (japanese, ..) = encoding_rs::SHIFT_JIS.encode("name\n営業部 東京\n開発部\n総務部 大阪\n");
        assert_eq!(told(&japanese), ["shift_jis 営業部 東京"]);
    }
}
