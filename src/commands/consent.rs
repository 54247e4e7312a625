//! The question before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

/// Whether there is somebody to ask.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

/// Asks on standard error; everything but yes is no.
pub(super) fn ask(question: &str) -> io::Result<bool> {
    ask_over(question, &mut io::stdin().lock(), &mut io::stderr().lock())
}

fn ask_over(question: &str, answers: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expected) in [
            ("y\n", true),
            ("Y\r\n", true),
            (" yes \n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("no\n", false),
            ("yep\n", false),
            ("\u{1b}[A\ny\n", false),
        ] {
            let mut out = Vec::new();
            let is_yes = ask_over("Delete 2 groups?", &mut answer.as_bytes(), &mut out).unwrap();
            assert_eq!(is_yes, expected, "{answer:?}");
            assert_eq!(out, b"Delete 2 groups? [y/N] ");
        }
    }
}
