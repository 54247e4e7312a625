//! The status lines at the bottom of a terminal, and everything that is written above them.
//!
//! The cursor stays at the start of the first status line, so that a typed `^C` overwrites it instead of moving it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;

/// The status lines of standard error; nothing if that is not a terminal.
#[derive(Clone)]
pub struct StatusLine(Arc<Mutex<Screen>>);

struct Screen {
    term: Term,
    lines: Vec<String>,
    suspensions: u32,
    is_closed: bool,
}

impl StatusLine {
    /// Shows nothing yet.
    #[must_use]
    pub fn stderr() -> Self {
        let (term, lines) = (Term::buffered_stderr(), Vec::new());
        Self(Arc::new(Mutex::new(Screen { term, lines, suspensions: 0, is_closed: false })))
    }

    /// The columns a line may have.
    pub(super) fn width(&self) -> usize {
        usize::from(self.screen().term.size().1).saturating_sub(1)
    }

    /// Replaces the lines.
    pub(super) fn show(&self, lines: Vec<String>) {
        let mut screen = self.screen();
        screen.clear();
        screen.lines = lines;
        screen.draw();
    }

    /// Removes the lines while something else uses the terminal. The lock is not held meanwhile: it may take long.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut screen = self.screen();
        screen.clear();
        screen.suspensions += 1;
        drop(screen);
        let done = work();
        let mut screen = self.screen();
        screen.suspensions -= 1;
        screen.draw();
        done
    }

    /// Removes the lines for good.
    pub fn close(&self) {
        let mut screen = self.screen();
        screen.clear();
        screen.is_closed = true;
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to standard error, above the status lines; text should come in whole lines.
impl Write for StatusLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.suspend(|| io::stderr().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn is_shown(&self) -> bool {
        !self.lines.is_empty() && self.suspensions == 0 && !self.is_closed && self.term.is_term()
    }

    /// A terminal that cannot be written to is no reason to stop.
    fn clear(&self) {
        if self.is_shown() {
            let _ = self.term.clear_to_end_of_screen().and_then(|()| self.term.flush());
        }
    }

    fn draw(&self) {
        if self.is_shown() {
            let drawn = self.term.write_str(&self.lines.join("\n"));
            let home = drawn.and_then(|()| self.term.move_cursor_up(self.lines.len() - 1));
            let _ = home.and_then(|()| self.term.write_str("\r")).and_then(|()| self.term.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_while_a_question_is_asked_ends_the_program() {
        let status = StatusLine::stderr();
        status.show(vec!["listing groups".to_owned()]);
        status.suspend(|| {
            status.clone().write_all(b"").unwrap();
            status.close();
        });
        assert!(!status.screen().is_shown());
    }
}
