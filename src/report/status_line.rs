//! The progress bar at the bottom of a terminal, and everything that is written above it. It is drawn by indicatif.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The columns of the bar.
pub(super) const BAR: usize = 16;
/// Draws per second, at most: a frame takes several.
const DRAWS_HZ: u8 = 100;
/// The lines to draw. The last one is padded to the whole width, so its end can move the cursor to its start: there an
/// echoed `^C` overwrites it and is removed with it. At the right edge it would begin a new line, and the bar would stay.
const LINES: &str = "{prefix}\n{wide_msg}\u{1b}[G";

/// The progress bar of standard error; nothing if that is not a terminal.
#[derive(Clone)]
pub struct StatusLine(ProgressBar);

impl StatusLine {
    /// Shows nothing yet.
    pub fn stderr() -> Self {
        Self(ProgressBar::hidden().with_style(style("")))
    }

    /// Lets `show` draw.
    pub(super) fn open(&self) {
        self.0.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_HZ));
    }

    /// Draws two lines in the place of the former ones, neither wider than the terminal. With `bar`, what is done and the
    /// total, the first line begins with a bar.
    pub(super) fn show(&self, bar: Option<(u64, u64)>, progress: String, below: String) {
        let (done, total) = bar.unwrap_or_default();
        let drawn = bar.map_or_else(String::new, |_| format!("{{bar:{BAR}}}  "));
        self.0.set_style(style(&format!("{drawn}{LINES}")));
        self.0.set_length(total);
        self.0.set_position(done);
        self.0.set_prefix(progress);
        self.0.set_message(below);
    }

    /// Removes the bar while something else uses the terminal. No lock is held meanwhile: it may take long.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.finish_and_clear();
        let done = work();
        self.0.reset();
        done
    }

    /// Removes the bar for good.
    pub fn close(&self) {
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█░")
}

/// Writes to standard error, above the bar; text should come in whole lines.
impl Write for StatusLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(text)).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_while_a_question_is_asked_ends_the_program() {
        let status = StatusLine::stderr();
        status.open();
        status.suspend(|| {
            status.clone().write_all(b"").unwrap();
            status.close();
        });
        assert!(status.0.is_hidden());
    }
}
