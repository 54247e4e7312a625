//! What is odd about a name, seen by itself: it is sent all the same. Pure.

use memchr::memchr_iter;

use super::doubt::{Doubt, doubt};
use super::glance::Glance;
use crate::model::{Code, Fault, Field, has_double_space, is_invisible, shortened};

/// What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
const FORMULA: [u8; 4] = *b"=+-@";

/// Adds what is odd about a name without outer spaces.
pub(super) fn remark(name: &str, glance: Glance, faults: &mut Vec<Fault>) {
    let mut warn = |code, message: String| faults.push(Fault::warning(Field::Name, code, message));
    if let Some(first) = name.bytes().next().filter(|first| FORMULA.contains(first)) {
        let (shown, first) = (shortened(name), char::from(first));
        warn(
            Code::NameFormula,
            format!("the name `{shown}` begins with `{first}`: a spreadsheet runs it as a formula"),
        );
    }
    match doubt(name) {
        Some(Doubt::Failed) => {
            let message =
                format!("the name is `{}`, as where a formula failed; put the real one there", shortened(name));
            faults.push(Fault::of(Field::Name, Code::NameInvalid, message));
        }
        Some(Doubt::Other(why)) => {
            warn(Code::NameDoubtful, format!("the name `{}` {why}; put the real one there", shortened(name)));
        }
        None => {}
    }
    // Hardly any name has such characters.
    let is_odd = !glance.is_ascii && name.chars().any(|letter| !letter.is_ascii() && may_be_odd(letter));
    remark_text(Field::Name, name, Glance { is_ascii: !is_odd, ..glance }, faults);
    let mut warn = |code, message: String| faults.push(Fault::warning(Field::Name, code, message));
    if is_odd && let Some(hidden) = hidden(name) {
        let shown = shortened(name);
        let hidden = hidden.escape_unicode();
        warn(Code::NameInvisible, format!("the name `{shown}` holds a character that nobody sees ({hidden})"));
    }
    if has_double_space(name) || (is_odd && name.contains(is_odd_space)) {
        let shown = shortened(&name.replace(is_odd_space, "␣"));
        warn(Code::NameSpaces, format!("the name `{shown}` holds doubled or unusual spaces; one plain space is safer"));
    }
}

/// Whether this may be a character that nobody sees, an unusual space, or part of what was garbled.
fn may_be_odd(letter: char) -> bool {
    matches!(letter, '\u{80}'..='\u{bf}' | 'Â' | 'Ã' | 'â' | char::REPLACEMENT_CHARACTER)
        || is_invisible(letter)
        || is_odd_space(letter)
}

/// Adds that something of a text was lost or changed before it came here.
pub(super) fn remark_text(field: Field, text: &str, glance: Glance, faults: &mut Vec<Fault>) {
    if glance.may_be_odd && memchr_iter(b'&', text.as_bytes()).any(|at| is_entity(&text[at..])) {
        let message = format!(
            "the {} `{}` holds the code of a web page for a character (`&amp;` for `&`); write the character",
            field.as_str(),
            shortened(text)
        );
        faults.push(Fault::warning(field, Code::TextGarbled, message));
    }
    if field == Field::Description && doubt(text) == Some(Doubt::Failed) {
        let message = format!("the description is `{}`, as where a formula failed", shortened(text));
        faults.push(Fault::warning(field, Code::TextGarbled, message));
    }
    if glance.is_ascii {
        return;
    }
    let why = if text.contains(char::REPLACEMENT_CHARACTER) {
        "holds the sign for a lost letter (U+FFFD); retype it"
    } else if is_misread(text) {
        "looks like UTF-8 that was read as another encoding; export it again"
    } else {
        return;
    };
    let message = format!("the {} `{}` {why}", field.as_str(), shortened(text));
    faults.push(Fault::warning(field, Code::TextGarbled, message));
}

/// `&amp;`, `&iuml;`, `&#39;`
fn is_entity(text: &str) -> bool {
    let Some(end) = text.bytes().take(10).position(|byte| byte == b';') else { return false };
    let inner = &text[1..end];
    let accents = ["uml", "acute", "grave", "circ", "cedil", "tilde", "ring"];
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    ["amp", "lt", "gt", "quot", "apos", "nbsp", "szlig"].contains(&inner)
        || inner.strip_prefix('#').is_some_and(|number| is_number(number.trim_start_matches(['x', 'X'])))
        || accents.iter().any(|accent| inner.strip_suffix(accent).is_some_and(|letter| letter.len() == 1))
}

/// UTF-8 read as Windows-1252 or Latin-1: `Ã` or `Â` before what stands for a byte from 0x80 to 0xBF, or `â€`.
fn is_misread(text: &str) -> bool {
    // In UTF-8 these begin with 0xC3, as letters with accents do.
    let mut starts = memchr_iter(0xC3, text.as_bytes());
    starts.any(|start| {
        let mut letters = text.get(start..).unwrap_or_default().chars();
        match (letters.next(), letters.next()) {
            (Some('Ã' | 'Â'), Some(next)) => ('\u{80}'..='\u{bf}').contains(&next) || WINDOWS_1252.contains(next),
            (Some('â'), next) => next == Some('€'),
            _ => false,
        }
    })
}

/// What the bytes from 0x80 to 0x9F are in Windows-1252.
const WINDOWS_1252: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/// The first character that nobody sees. Joiners between letters belong to some scripts, and to emoji.
fn hidden(name: &str) -> Option<char> {
    let mut letters = name.chars().peekable();
    let mut before = 'a';
    while let Some(letter) = letters.next() {
        let is_joiner = matches!(letter, '\u{200c}' | '\u{200d}')
            && !before.is_ascii()
            && letters.peek().is_some_and(|after| !after.is_ascii() && !is_invisible(*after));
        if is_invisible(letter) && !is_joiner {
            return Some(letter);
        }
        before = letter;
    }
    None
}

fn is_odd_space(letter: char) -> bool {
    letter.is_whitespace() && letter != ' ' && !letter.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_told() {
        for (name, codes) in [
            ("Sales", &[][..]),
            ("Field Ops 東京", &[]),
            ("=1+1", &[Code::NameFormula]),
            ("@here", &[Code::NameFormula]),
            ("-", &[Code::NameFormula, Code::NameDoubtful]),
            ("Sa\u{200b}les", &[Code::NameInvisible]),
            ("\u{202e}selaS", &[Code::NameInvisible]),
            ("👩\u{200d}💻 नि\u{200d}ष می\u{200c}خواهم", &[]),
            ("Sa\u{200d}les", &[Code::NameInvisible]),
            ("MÃ¼ller", &[Code::TextGarbled]),
            ("It\u{e2}€™s", &[Code::TextGarbled]),
            ("M\u{fffd}ller", &[Code::TextGarbled]),
            ("A&amp;E", &[Code::TextGarbled]),
            ("R&D &iuml; &#39;", &[Code::TextGarbled]),
            ("R&D; A&B; M&Ms; Food&Drinks; & ; é&é", &[]),
            ("SÃO PAULO Â", &[]),
            ("Field  Ops", &[Code::NameSpaces]),
            ("Field\u{a0}Ops", &[Code::NameSpaces]),
            ("-\u{200b}  ", &[Code::NameFormula, Code::NameInvisible, Code::NameSpaces]),
        ] {
            let mut faults = Vec::new();
            remark(name, Glance::of(name), &mut faults);
            assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), codes, "{name:?}");
            assert!(faults.iter().all(|fault| !fault.is_error()));
        }
        let mut faults = Vec::new();
        remark("#REF!", Glance::of("#REF!"), &mut faults);
        assert_eq!(
            faults.iter().map(|fault| (fault.code, fault.is_error())).collect::<Vec<_>>(),
            [(Code::NameInvalid, true)]
        );
    }
}
