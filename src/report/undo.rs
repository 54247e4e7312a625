//! The plan of `undo`: which groups are deleted, which are not, and why.

use std::fmt::Write as _;

use super::grouped;
use crate::model::{shortened, shown};

/// The groups of a run: to delete, to leave alone, and missing ones.
#[derive(Debug, Default)]
pub struct UndoPlan {
    delete: Vec<UndoLine>,
    left: Vec<UndoLine>,
    gone: Vec<UndoLine>,
}

/// One group, safe to show.
#[derive(Debug)]
struct UndoLine {
    id: String,
    name: String,
    detail: String,
}

impl UndoPlan {
    /// Adds a group to delete, and what was changed in it since.
    pub fn delete(&mut self, name: &str, id: &str, changes: &str) {
        self.delete.push(UndoLine::of(name, Some(id), changes));
    }

    /// Adds a group that is left alone.
    pub fn left(&mut self, name: &str, id: Option<&str>, why: &str) {
        self.left.push(UndoLine::of(name, id, why));
    }

    /// Adds a group that does not exist any more.
    pub fn gone(&mut self, name: &str, id: Option<&str>) {
        self.gone.push(UndoLine::of(name, id, ""));
    }

    /// The plan, below a line that names the run.
    #[must_use]
    pub fn text(&self, run: i64, started_at: &str, organization: &str) -> String {
        let mut text = format!("run {run} of {} → organization {}\n", shown(started_at), shortened(organization));
        let parts = [("to delete", &self.delete), ("left alone", &self.left), ("not there", &self.gone)];
        let ids = parts.iter().flat_map(|(_, lines)| lines.iter().map(|line| line.id.chars().count()));
        let width = ids.max().unwrap_or_default();
        for (title, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
            let _ = writeln!(text, "{title}:");
            for line in *lines {
                let what = format!("  {:<width$}  {}  {}", line.id, line.name, line.detail);
                let _ = writeln!(text, "{}", what.trim_end());
            }
        }
        text.push('\n');
        for (title, lines) in parts {
            let _ = writeln!(text, "  {title:<10} {:>9}", grouped(lines.len() as u64));
        }
        text
    }
}

impl UndoLine {
    fn of(name: &str, id: Option<&str>, detail: &str) -> Self {
        Self { id: id.map_or_else(|| "-".to_owned(), shortened), name: shortened(name), detail: shown(detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_every_group_and_what_is_done_about_it_and_moves_no_cursor() {
        let mut plan = UndoPlan::default();
        plan.delete("Sales", "g1", "");
        plan.delete("5% 🚀", "g22", "other members");
        plan.left("Support\u{1b}[2J", Some("g3"), "renamed to X");
        plan.gone("Ops", None);
        let expected = "run 3 of 2026-11-23T10:00:00Z → organization org\n\
            to delete:\n  g1   Sales\n  g22  5% 🚀  other members\n\
            left alone:\n  g3   Support\\u{1b}[2J  renamed to X\n\
            not there:\n  -    Ops\n\n  \
            to delete          2\n  left alone         1\n  not there          1\n";
        assert_eq!(plan.text(3, "2026-11-23T10:00:00Z", "org"), expected);
    }
}
