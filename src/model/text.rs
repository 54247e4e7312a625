//! Makes text from files and servers safe to show: it cannot move a terminal's cursor.

use std::fmt::Write;
use std::path::Path;

use serde_json::value::RawValue;

/// The longest piece of foreign text shown in a message, in characters.
const SHOWN_MAX: usize = 60;

/// The text with every control, direction and invisible character escaped.
pub fn shown(text: &str) -> String {
    escaped(text, |hazard, safe| safe.extend(hazard.escape_default()))
}

/// Equivalent JSON in which every character is escaped that moves a cursor or hides others.
pub fn json_shown(json: &str) -> String {
    escaped(json, |hazard, safe| {
        hazard.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(safe, "\\u{unit:04x}"));
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_invisible(letter) { escape(letter, &mut safe) } else { safe.push(letter) }
    }
    safe
}

/// A path, safe to show.
pub fn shown_path(path: &Path) -> String {
    shown(&path.display().to_string())
}

/// A number with thousands separators: 12,345.
pub(crate) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// The first words of a list, and the number of the others.
pub(crate) fn listed(words: impl IntoIterator<Item = String>, most: usize) -> String {
    let mut words = words.into_iter();
    let named: Vec<String> = words.by_ref().take(most).collect();
    match words.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The name under which the places of a sheet are shown: `groups.xlsx:Sheet1!`.
pub(crate) fn sheet_name(file: &str, sheet: &str) -> String {
    format!("{file}:{sheet}!")
}

/// The file of such a name; other names are as they are.
pub(crate) fn without_sheet(file: &str) -> &str {
    file.strip_suffix('!').and_then(|name| name.rsplit_once(':')).map_or(file, |(file, _)| file)
}

/// `file:line:column` or `file:sheet!row`, as much of it as is known, safe to show.
pub fn place(file: &str, line: Option<u64>, column: Option<u64>) -> String {
    let is_sheet = without_sheet(file) != file;
    let (name, mark) = if is_sheet { (&file[..file.len() - 1], '!') } else { (file, ':') };
    let place = line.map_or_else(|| shown(name), |line| format!("{}{mark}{line}", shown(name)));
    column.map_or(place.clone(), |column| format!("{place}:{column}"))
}

/// Text made safe to show and short enough for a message.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", shown(&text[..end])),
        None => shown(text),
    }
}

/// Whether it consists of spaces and visible ASCII characters: most texts, about which there is little to check.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether it is a format character that reorders or hides others (Unicode TR 36).
pub fn is_invisible(letter: char) -> bool {
    !letter.is_ascii()
        && matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether this holds something like an e-mail address.
pub(crate) fn has_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))
}

/// Whether there is nothing else than e-mail addresses.
pub(crate) fn are_addresses(text: &str) -> bool {
    let mut words = text.split([';', '|', ',', ' ']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(has_address)
}

/// The same for a value of JSON.
pub(crate) fn is_json_address(value: &RawValue) -> bool {
    value.get().starts_with('"') && are_addresses(value.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_move_the_cursor_or_reorder_the_line_are_escaped() {
        assert_eq!(shown("a\u{1b}[2Jb\u{202e}c\nd"), "a\\u{1b}[2Jb\\u{202e}c\\nd");
        assert_eq!(shown("Région 東京"), "Région 東京");
    }

    #[test]
    fn a_long_list_is_cut_and_the_rest_counted() {
        let words = |count: usize| (1..=count).map(|number| number.to_string());
        assert_eq!((listed(words(0), 2), listed(words(2), 2)), (String::new(), "1, 2".to_owned()));
        assert_eq!(listed(words(5), 2), "1, 2 and 3 more");
    }

    #[test]
    fn json_that_is_shown_means_the_same() {
        let text = "a\u{9b}b\u{202e}c\u{e0001}d東";
        let json = json_shown(&serde_json::Value::from(text).to_string());
        assert_eq!(json, "\"a\\u009bb\\u202ec\\udb40\\udc01d東\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(80);
        assert_eq!(shortened(&long), format!("{}…", "é".repeat(60)));
    }
}
