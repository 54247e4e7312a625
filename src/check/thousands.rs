//! Numbers with their thousands apart, and lists that look like them. Pure.

use super::glance::is_number;

/// Whether a comma or a space may stand for thousands: 1,001 alone, beside other separators, or before a zero.
pub(super) fn may_be_thousands(text: &str) -> bool {
    if !text.bytes().any(|byte| byte == b',' || byte == b' ' || byte >= 0x80) {
        return false;
    }
    // Nobody types these between ids, and some write their numbers with them.
    let has_narrow = text.contains(['\u{a0}', '\u{202f}', '\u{2009}']);
    let plain = text.replace(['\u{a0}', '\u{202f}', '\u{2009}'], ",");
    let is_parted = plain.contains([';', '|']);
    // Spaces part entries where nothing else does.
    let plain = if is_parted { plain.trim().replace(' ', ",") } else { plain };
    let entries = || plain.split([';', '|', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    let has_zero = plain.split([',', ' ']).skip(1).any(|part| part.starts_with('0'));
    let is_mixed = entries().count() > 1;
    // Ids of three digits each are more likely ids.
    let is_short = |entry: &str| entry.find(',').is_some_and(|length| length < 3);
    let is_single = plain.matches(',').count() == 1;
    has_zero || entries().any(|entry| has_thousands(entry) && (has_narrow || is_mixed || is_single || is_short(entry)))
}

/// Groups of three digits, but for the first.
fn has_thousands(entry: &str) -> bool {
    let mut parts = entry.split(',');
    let first = parts.next().unwrap_or_default();
    let mut count = 0;
    let is_rest = parts.all(|part| {
        count += 1;
        part.len() == 3 && is_number(part)
    });
    (1..=3).contains(&first.len()) && is_number(first) && is_rest && count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_or_a_space_that_may_stand_for_thousands_is_told_from_one_between_ids() {
        for members in [
            "1,001",
            "12,345",
            "1,001;1,002",
            "1,001 7",
            "1,000,001",
            "1,234,567",
            "1 001",
            "1 204 511;1 204 512",
            "301\u{202f}113;911\u{202f}711",
            "301\u{a0}113",
        ] {
            assert!(may_be_thousands(members), "{members}");
        }
        for members in
            ["1001,1002", "101,102,103", "1,2", "7;8", "12, 345", "1001", "1001 1002 7", "101; 102; 103", "1001; 1002"]
        {
            assert!(!may_be_thousands(members), "{members}");
        }
    }
}
