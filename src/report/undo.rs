//! The plan of `undo`: which groups are deleted, which are not, and why.

use std::fmt::Write as _;

use super::grouped;
use crate::model::{shortened, shown};

const DELETE: &str = "to delete";
const LEFT: &str = "left alone";
const GONE: &str = "not there";

/// The groups of a run: what is done about each, and its id, name and details, safe to show.
#[derive(Debug, Default)]
pub struct UndoPlan(Vec<(&'static str, [String; 3])>);

impl UndoPlan {
    /// Adds a group to delete, and what was changed in it since.
    pub fn delete(&mut self, name: &str, id: &str, changes: &str) {
        self.add(DELETE, name, Some(id), changes);
    }

    /// Adds a group that is left alone.
    pub fn left(&mut self, name: &str, id: Option<&str>, why: &str) {
        self.add(LEFT, name, id, why);
    }

    /// Adds a group that does not exist any more.
    pub fn gone(&mut self, name: &str, id: Option<&str>) {
        self.add(GONE, name, id, "");
    }

    fn add(&mut self, action: &'static str, name: &str, id: Option<&str>, detail: &str) {
        let id = id.map_or_else(|| "-".to_owned(), shortened);
        self.0.push((action, [id, shortened(name), shown(detail)]));
    }

    /// The plan, below a line that names the run.
    #[must_use]
    pub fn text(&self, run: i64, started_at: &str, organization: &str) -> String {
        let mut text = format!("run {run} of {} → organization {}\n", shown(started_at), shortened(organization));
        let width = self.0.iter().map(|(_, [id, ..])| id.chars().count()).max().unwrap_or_default();
        let mut totals = String::new();
        for title in [DELETE, LEFT, GONE] {
            let lines: Vec<_> = self.0.iter().filter(|(action, _)| *action == title).collect();
            let _ = writeln!(totals, "  {title:<10} {:>9}", grouped(lines.len() as u64));
            if !lines.is_empty() {
                let _ = writeln!(text, "{title}:");
            }
            for (_, [id, name, detail]) in lines {
                let _ = writeln!(text, "{}", format!("  {id:<width$}  {name}  {detail}").trim_end());
            }
        }
        format!("{text}\n{totals}")
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
