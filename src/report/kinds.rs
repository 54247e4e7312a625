//! The problems of one kind: how many, where the first one is, and how many have a line. Pure.

use super::grouped;

/// At most this many lines of a kind are shown unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// The problems of one kind.
#[derive(Debug, Default)]
pub(super) struct ProblemKind {
    pub(super) count: u64,
    pub(super) first: String,
    lines: u64,
    /// Problems that no line shows.
    pub(super) hidden: u64,
}

impl ProblemKind {
    /// Counts one more problem.
    pub(super) fn add(&mut self, place: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = place();
        }
        self.count += 1;
    }

    /// Whether one more problem gets no line.
    pub(super) fn hides_next(&mut self, shows_all: bool) -> bool {
        let is_hidden = !shows_all && self.lines >= SHOWN_MAX;
        self.hidden += u64::from(is_hidden);
        self.lines += u64::from(!is_hidden);
        is_hidden
    }

    /// Says after `gap` how many are shown if that is not all.
    pub(super) fn cut(&self, gap: &str) -> String {
        if self.hidden == 0 {
            return String::new();
        }
        format!("{gap}the first {} shown", grouped(self.count - self.hidden))
    }
}
