//! Counts line ends: LF, CRLF and a lone CR end a line each. Pure.

use memchr::{memchr, memchr_iter};

/// How many lines end in these bytes. A CRLF must not be cut in two.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    if memchr(b'\r', bytes).is_none() {
        return feeds as u64;
    }
    let lone = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// Whether a line ends with this byte.
pub(super) fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The index after the line end that begins at `at`, if there is one.
pub(super) fn past_line_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => at + 2,
        Some([b'\n' | b'\r', ..]) => at + 1,
        _ => at.min(bytes.len()),
    }
}

/// The bytes without the line ends after them.
pub(super) fn without_line_ends(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| !ends_line(*byte)).map_or(0, |last| last + 1);
    &bytes[..kept]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        for (text, count) in [("", 0), ("a", 0), ("a\nb", 1), ("a\r\nb\r\n", 2), ("\r\r\n\n\r", 4), ("\n\r", 2)] {
            assert_eq!(line_ends(text.as_bytes()), count, "{text:?}");
        }
    }
}
