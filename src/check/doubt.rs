//! Texts that are none: what programs write where there is nothing, or made of something else. Pure.

use super::glance::is_number;

/// The longest text that may be one, in bytes.
const LENGTH_MAX: usize = 24;

/// Why a text is hardly meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A spreadsheet's formula failed.
    Failed,
    /// Something else, told of a name.
    Other(&'static str),
}

/// Why a text is hardly meant, if it is not.
pub(super) fn doubt(text: &str) -> Option<Doubt> {
    let first = *text.as_bytes().first()?;
    // Hardly any text gets further.
    if text.len() > LENGTH_MAX || !(first.is_ascii_digit() || b"#-?nNuUtTsSgG".contains(&first)) {
        return None;
    }
    let is_any =
        |words: &[&str]| words.iter().any(|word| text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(word)));
    if b"tTsSgG".contains(&first) && !is_any(&["tot", "tbd", "sub", "sum", "ges", "gra"]) {
        return None;
    }
    let lower = text.to_lowercase();
    if is_failed(&lower) {
        return Some(Doubt::Failed);
    }
    let why = if lower.len() > 2 && lower.bytes().all(|byte| byte == b'#') {
        "is what a spreadsheet shows where a column is too narrow"
    } else if NOTHING.contains(&lower.as_str()) {
        "is what programs write where there is no name"
    } else if is_total(&lower) {
        "looks like that of a row of totals, not of a group"
    } else if first.is_ascii_digit() && is_power(&lower) {
        "is a number that a spreadsheet cut short"
    } else if first.is_ascii_digit() && is_date(&lower) {
        "is a date, as spreadsheets make of texts like 3-4 or 1 MAR"
    } else {
        return None;
    };
    Some(Doubt::Other(why))
}

/// What a spreadsheet shows where a formula failed.
pub(super) fn is_failed(lower: &str) -> bool {
    ERRORS.contains(&lower)
}

const ERRORS: [&str; 9] = ["#ref!", "#name?", "#n/a", "#value!", "#div/0!", "#null!", "#num!", "#spill!", "#calc!"];

const NOTHING: [&str; 11] = ["n/a", "null", "nil", "none", "nan", "undefined", "-", "--", "?", "tbd", "unnamed"];

/// What stands before a sum, in some languages.
const TOTALS: [&str; 8] = ["total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "suma"];

/// As spreadsheets shorten them, in some languages.
const MONTHS: [&str; 42] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mrz", "mai", "okt", "dez",
    "janv", "févr", "mars", "avr", "juin", "juil", "août", "sept", "déc", "ene", "abr", "ago", "dic", "gen", "mag",
    "giu", "lug", "set", "ott", "mei", "mrt", "fev", "out", "sty", "lut", "kwi",
];

/// `Total`, `Total: 12`, `Summe 12`; a team may be called Total Rewards.
fn is_total(lower: &str) -> bool {
    let word = lower.split(':').next().unwrap_or(lower);
    let word = word.trim_end_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | ':' | '.' | ','));
    TOTALS.contains(&word)
}

/// 1.5e+12
fn is_power(lower: &str) -> bool {
    lower.split_once("e+").is_some_and(|(whole, power)| whole.split(['.', ',']).all(is_number) && is_number(power))
}

/// 3-mar, 2024-03-01, 1.3.2024, each with or without a time.
fn is_date(lower: &str) -> bool {
    let is_time =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b":.z".contains(&byte)) && text.contains(':');
    let date = lower.rsplit_once([' ', 't']).filter(|(_, time)| is_time(time)).map_or(lower, |(date, _)| date);
    let parts: Vec<&str> = date.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty()).collect();
    let is_month = |part: &&str| MONTHS.contains(part);
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| is_number(part));
    let is_year = |part: &&str| number(part).is_some_and(|year| (1900..2100).contains(&year));
    let is_day = |part: &&str| number(part).is_some_and(|day| (1..=31).contains(&day)) || is_month(part);
    let years = parts.iter().filter(|part| is_year(part)).count();
    let days = parts.iter().filter(|part| is_day(part) || (number(part).is_some() && part.len() == 2)).count();
    let has_month = parts.iter().any(is_month) && date.contains(['-', '.', '/']);
    years + days == parts.len() && years < 2 && ((has_month && parts.len() > 1) || (years == 1 && parts.len() == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_are_told_from_names() {
        for name in ["#REF!", "#N/A"] {
            assert_eq!(doubt(name), Some(Doubt::Failed), "{name}");
        }
        for name in [
            "N/A",
            "NULL",
            "none",
            "-",
            "1.5E+12",
            "#####",
            "Summe: 16 Gruppen",
            "3-Mar",
            "3-Oct",
            "14-juil",
            "1. Mai",
            "2024-03-01 00:00:00",
            "2024-03-01T10:00:00Z",
            "1.3.2024",
            "Total",
            "TOTAL: 12",
            "Summe",
        ] {
            assert!(matches!(doubt(name), Some(Doubt::Other(_))), "{name}");
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
            "Total Rewards",
            "Summer",
            "Sum Ting",
            "Unit 3-4",
            "1 Team",
            "4000-10-200",
            "555-123-4567",
            "9 Mars",
            "10.0.0.1",
            "1000-20-30",
        ] {
            assert_eq!(doubt(name), None, "{name}");
        }
    }
}
