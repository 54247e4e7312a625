//! Texts that are hardly intended, as spreadsheets and wrong encodings produce them: a table. Pure.

use crate::model::{Code, Field, Problem, Severity, shortened};

/// A kind of text that is hardly a name: what is true of it, how bad it is, and what it is and what to do.
type Lint = (fn(&str) -> bool, Severity, &'static str);

const NAMES: [Lint; 6] = [
    (is_formula_error, Severity::Error, "is a spreadsheet's formula error; write the real name"),
    (is_placeholder, Severity::Warning, "is a placeholder for a missing value; write the real name"),
    (|text| is_any(&TOTALS, text), Severity::Warning, "looks like a row of totals; delete the row if it is one"),
    (is_total, Severity::Error, "is a total, not a group; delete the row"),
    (is_shortened_number, Severity::Warning, "is a number that a spreadsheet shortened; write the real name"),
    (
        |text| text.len() > 2 && text.bytes().all(|byte| byte == b'#'),
        Severity::Warning,
        "is what a spreadsheet shows in a narrow column; write the real name",
    ),
];

const FORMULA_ERRORS: [&str; 9] =
    ["#REF!", "#NAME?", "#N/A", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"];

const PLACEHOLDERS: [&str; 11] = ["n/a", "null", "nil", "none", "nan", "undefined", "-", "--", "?", "tbd", "unnamed"];

/// What is written before a sum, in some languages.
const TOTALS: [&str; 8] = ["total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "suma"];

/// Adds what is suspicious about a trimmed name.
pub(super) fn name(name: &str, problems: &mut Vec<Problem>) {
    if let Some((_, severity, what)) = NAMES.iter().find(|(matches, ..)| matches(name)) {
        let code = if *severity == Severity::Error { Code::NameInvalid } else { Code::NameDoubtful };
        let message = format!("the name `{}` {what}", shortened(name));
        problems.push(Problem { severity: *severity, ..Problem::error(Field::Name, code, message) });
    }
    garbled(Field::Name, name, problems);
}

/// Adds what is suspicious about a trimmed description.
pub(super) fn description(text: &str, problems: &mut Vec<Problem>) {
    if is_formula_error(text) {
        let message = format!("the description `{}` is a spreadsheet's formula error", shortened(text));
        problems.push(Problem::warning(Field::Description, Code::TextGarbled, message));
    }
    garbled(Field::Description, text, problems);
}

/// Adds that letters of a text were lost or changed by another program.
fn garbled(field: Field, text: &str, problems: &mut Vec<Problem>) {
    if text.is_ascii() {
        return;
    }
    let why = match () {
        () if text.contains(char::REPLACEMENT_CHARACTER) => "contains the sign for a lost letter (U+FFFD); retype it",
        () if is_misread(text) => "looks like UTF-8 that was read in another encoding; export it again",
        () => return,
    };
    let message = format!("the {} `{}` {why}", field.as_ref(), shortened(text));
    problems.push(Problem::warning(field, Code::TextGarbled, message));
}

fn is_any(words: &[&str], text: &str) -> bool {
    words.iter().any(|word| word.len() == text.len() && word.eq_ignore_ascii_case(text))
}

/// What a spreadsheet shows where a formula failed.
pub(super) fn is_formula_error(text: &str) -> bool {
    text.starts_with('#') && is_any(&FORMULA_ERRORS, text)
}

/// What programs and people write where there is no value.
pub(super) fn is_placeholder(text: &str) -> bool {
    is_any(&PLACEHOLDERS, text)
}

/// 1.5E+12
pub(super) fn is_shortened_number(text: &str) -> bool {
    let is_number = || text.replace(',', ".").parse::<f64>().is_ok();
    text.starts_with(|first: char| first.is_ascii_digit()) && text.contains(['e', 'E']) && is_number()
}

/// `Total`, `Total: 12`, `Summe 12`; a team may be called Total Rewards.
fn is_total(text: &str) -> bool {
    let rest = |word: &&str| {
        let (start, rest) = text.split_at_checked(word.len())?;
        start.eq_ignore_ascii_case(word).then_some(rest)
    };
    let is_number = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '.' | ',');
    let mut rests = TOTALS.iter().filter_map(rest).map(|rest| rest.trim_start_matches(is_number));
    text.starts_with(['t', 'g', 's', 'T', 'G', 'S']) && rests.any(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether its bytes in Windows-1252 are UTF-8.
fn is_misread(text: &str) -> bool {
    let (bytes, _, is_lossy) = encoding_rs::WINDOWS_1252.encode(text);
    !is_lossy && str::from_utf8(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_hardly_intended_are_reported() {
        for (text, code) in [
            ("#REF!", Code::NameInvalid),
            ("#n/a", Code::NameInvalid),
            ("N/A", Code::NameDoubtful),
            ("NULL", Code::NameDoubtful),
            ("-", Code::NameDoubtful),
            ("1.5E+12", Code::NameDoubtful),
            ("#####", Code::NameDoubtful),
            ("Total", Code::NameDoubtful),
            ("TOTAL: 12", Code::NameInvalid),
            ("Summe: 16 Gruppen", Code::NameInvalid),
            ("MÃ¼ller", Code::TextGarbled),
            ("It\u{e2}€™s", Code::TextGarbled),
            ("M\u{fffd}ller", Code::TextGarbled),
        ] {
            let mut problems = Vec::new();
            name(text, &mut problems);
            let errors = code == Code::NameInvalid;
            assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{text}");
            assert_eq!(problems[0].is_error(), errors);
        }
        let names = "NA,#general,24/7,1.2.3,2024,911,Nan Goldin,3rd floor,1001,Tango,7-11,Total Rewards,Summer,Sum Ting,\
                     SÃO PAULO Â,Field Ops 東京,2E,E5,R&D";
        for text in names.split(',') {
            let mut problems = Vec::new();
            name(text, &mut problems);
            assert_eq!(problems, [], "{text}");
        }
    }
}
