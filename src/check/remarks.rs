//! What is odd about a name, seen by itself: it is sent all the same. Pure.

use crate::model::{Code, Fault, Field, is_invisible, shortened};

/// What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
const FORMULA: [u8; 4] = *b"=+-@";

/// Adds what is odd about a name without outer spaces.
pub(super) fn remark(name: &str, is_ascii: bool, faults: &mut Vec<Fault>) {
    let mut warn = |code, message: String| faults.push(Fault::warning(Field::Name, code, message));
    if let Some(first) = name.bytes().next().filter(|first| FORMULA.contains(first)) {
        let (shown, first) = (shortened(name), char::from(first));
        warn(
            Code::NameFormula,
            format!("the name `{shown}` begins with `{first}`: a spreadsheet runs it as a formula"),
        );
    }
    if !is_ascii {
        remark_garbled(Field::Name, name, faults);
    }
    let mut warn = |code, message: String| faults.push(Fault::warning(Field::Name, code, message));
    if !is_ascii && let Some(hidden) = hidden(name) {
        let shown = shortened(name);
        let hidden = hidden.escape_unicode();
        warn(Code::NameInvisible, format!("the name `{shown}` holds a character that nobody sees ({hidden})"));
    }
    if has_double_space(name) || (!is_ascii && name.contains(is_odd_space)) {
        let shown = shortened(&name.replace(is_odd_space, "␣"));
        warn(Code::NameSpaces, format!("the name `{shown}` holds doubled or unusual spaces; one plain space is safer"));
    }
}

/// Adds that letters of a text were lost or changed before it came here.
pub(super) fn remark_garbled(field: Field, text: &str, faults: &mut Vec<Fault>) {
    let word = field.as_str();
    let shown = shortened(text);
    if text.contains(char::REPLACEMENT_CHARACTER) {
        let message = format!("the {word} `{shown}` holds the sign for a lost letter (U+FFFD); retype it");
        faults.push(Fault::warning(field, Code::TextGarbled, message));
    } else if is_misread(text) {
        let message =
            format!("the {word} `{shown}` looks like UTF-8 that was read as another encoding; export it again");
        faults.push(Fault::warning(field, Code::TextGarbled, message));
    }
}

/// UTF-8 read as Windows-1252 or Latin-1: `Ã` or `Â` before what stands for a byte from 0x80 to 0xBF, or `â€`.
fn is_misread(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_follower = letters.peek().is_some_and(|next| matches!(next, '\u{80}'..='\u{bf}' | '€' | '‚'..='„' | '†' | '‡' | '‰' | '‹' | '›' | '‘'..='”' | '•' | '–' | '—' | '˜' | '™' | 'š' | 'œ' | 'ž' | 'Š' | 'Œ' | 'Ž' | 'Ÿ' | 'ƒ' | 'ˆ' | '…'));
        if matches!(letter, 'Ã' | 'Â') && is_follower || letter == 'â' && letters.peek() == Some(&'€') {
            return true;
        }
    }
    false
}

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

fn has_double_space(name: &str) -> bool {
    name.as_bytes().windows(2).any(|pair| pair == b"  ")
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
            ("Sa\u{200b}les", &[Code::NameInvisible]),
            ("\u{202e}selaS", &[Code::NameInvisible]),
            ("👩\u{200d}💻 नि\u{200d}ष می\u{200c}خواهم", &[]),
            ("Sa\u{200d}les", &[Code::NameInvisible]),
            ("MÃ¼ller", &[Code::TextGarbled]),
            ("It\u{e2}€™s", &[Code::TextGarbled]),
            ("M\u{fffd}ller", &[Code::TextGarbled]),
            ("SÃO PAULO Â", &[]),
            ("Field  Ops", &[Code::NameSpaces]),
            ("Field\u{a0}Ops", &[Code::NameSpaces]),
            ("-\u{200b}  ", &[Code::NameFormula, Code::NameInvisible, Code::NameSpaces]),
        ] {
            let mut faults = Vec::new();
            remark(name, name.is_ascii(), &mut faults);
            assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), codes, "{name:?}");
            assert!(faults.iter().all(|fault| !fault.is_error()));
        }
    }
}
