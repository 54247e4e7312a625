//! Rows become groups or problems: the rules of each field, lists, suspicious texts, repeated names, safe fixes.
//!
//! One set of rules for `validate`, `import` and dry runs. Pure: fields in, a group and all problems out. Knows neither
//! files nor the network.

mod fix;
mod lint;
mod lists;
mod names;
mod repeat;
mod rules;

pub use fix::{Fix, fixes};
pub use names::{Earlier, Keys, NameKeys, Names};
pub use repeat::Contents;
pub use rules::{NAME_MAX, Rules};

/// The text without outer white space and invisible characters.
fn trimmed(text: &str) -> &str {
    let text = text.trim();
    if text.is_ascii() {
        return text;
    }
    text.trim_matches(|letter: char| letter.is_whitespace() || crate::model::is_invisible(letter))
}

/// Whether the text consists of digits.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
