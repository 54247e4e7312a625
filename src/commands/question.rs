//! The question before groups are changed or deleted.

use std::io::{self, BufRead, IsTerminal, Write};

use super::Failure;
use crate::model::shortened;
use crate::report::counted;

/// Asks for the number of groups to be typed; any other answer means no. What was typed before the question is discarded. `cure` is what
/// to do where nobody can be asked.
pub(super) fn agree(count: u64, verb: &str, organization: &str, may_ask: bool, cure: &str) -> Result<bool, Failure> {
    let what = format!("{} of organization {}", counted(count, "group"), shortened(organization));
    if !may_ask || !io::stdin().is_terminal() {
        let why = format!("nothing was changed: there is nobody to ask whether to {verb} {what}; {cure}");
        return Err(Failure::Usage(why));
    }
    #[cfg(unix)]
    rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush)
        .map_err(|error| Failure::Print(error.into()))?;
    ask_over(count, verb, &what, &mut io::stdin().lock(), &mut io::stderr().lock()).map_err(Failure::Print)
}

fn ask_over(count: u64, verb: &str, what: &str, answers: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
    write!(out, "Type {count} to {verb} {what}: ")?;
    out.flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    Ok(answer.trim() == count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_is_yes() {
        for (answer, expected) in [
            ("12\n", true),
            (" 12 \r\n", true),
            ("", false),
            ("\n", false),
            ("y\n", false),
            ("1\n", false),
            ("120\n", false),
            ("y\n12\n", false),
            ("\u{1b}[A\n12\n", false),
        ] {
            let mut out = Vec::new();
            let is_yes = ask_over(12, "delete", "12 groups", &mut answer.as_bytes(), &mut out).unwrap();
            assert_eq!(is_yes, expected, "{answer:?}");
            assert_eq!(out, b"Type 12 to delete 12 groups: ");
        }
    }
}
