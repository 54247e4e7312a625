//! Names that are none: what programs write where there is nothing, or made of something else. Pure.

/// The longest text that may be one, in bytes.
const LENGTH_MAX: usize = 24;

/// Why a name is hardly meant.
pub(super) fn doubt(name: &str) -> Option<&'static str> {
    let first = *name.as_bytes().first()?;
    // Hardly any name gets further.
    if name.len() > LENGTH_MAX || !(first.is_ascii_digit() || b"#-?nNuUtT".contains(&first)) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    if first == b'#' && (lower.bytes().all(|byte| byte == b'#') || ERRORS.contains(&lower.as_str())) {
        return Some("is what a spreadsheet shows where a formula failed");
    }
    if NOTHING.contains(&lower.as_str()) {
        return Some("is what programs write where there is no name");
    }
    if first.is_ascii_digit() && is_power(&lower) {
        return Some("is a number that a spreadsheet cut short");
    }
    (first.is_ascii_digit() && is_date(&lower)).then_some("is a date, as spreadsheets make of texts like 3-4 or 1 MAR")
}

const ERRORS: [&str; 9] = ["#ref!", "#name?", "#n/a", "#value!", "#div/0!", "#null!", "#num!", "#spill!", "#calc!"];

const NOTHING: [&str; 11] = ["n/a", "null", "nil", "none", "nan", "undefined", "-", "--", "?", "tbd", "unnamed"];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// 1.5e+12
fn is_power(lower: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    lower.split_once("e+").is_some_and(|(whole, power)| whole.split(['.', ',']).all(is_number) && is_number(power))
}

/// 3-mar, 2024-03-01, 1.3.2024, each with or without a time.
fn is_date(lower: &str) -> bool {
    let parts: Vec<&str> = lower.split(['-', '/', '.', ':', ' ', 't']).collect();
    let is_month = |part: &&str| MONTHS.contains(part);
    let is_number = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let has_month = parts.iter().any(is_month);
    let has_year = parts.iter().any(|part| part.len() == 4);
    parts.iter().all(|part| is_month(part) || is_number(part))
        && ((has_month && parts.len() > 1) || (has_year && parts.len() > 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_are_told_from_names() {
        for name in [
            "#REF!",
            "#N/A",
            "#####",
            "N/A",
            "NULL",
            "none",
            "-",
            "1.5E+12",
            "3-Mar",
            "2024-03-01 00:00:00",
            "1.3.2024",
        ] {
            assert!(doubt(name).is_some(), "{name}");
        }
        for name in [
            "NA",
            "#general",
            "24/7",
            "1.2.3",
            "2024",
            "2024 Q1",
            "911",
            "Nan Goldin",
            "3rd floor",
            "1001",
            "Tango",
            "7-11",
        ] {
            assert_eq!(doubt(name), None, "{name}");
        }
    }
}
