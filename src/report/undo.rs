//! Shows the plan of `undo`: which groups are deleted, which are not, and why.

use std::fmt::Write as _;

use super::count_line;
use crate::model::{Status, shortened, shown};

/// What is done about a group, by the status it has then.
const ACTIONS: [(&str, &[Status]); 3] = [
    ("to delete", &[Status::Pending]),
    ("left alone", &[Status::Changed, Status::Unknown]),
    ("not there", &[Status::Gone, Status::Deleted]),
];

/// The groups of a run: their statuses, and their ids, names and details, safe to show.
#[derive(Debug, Default)]
pub(crate) struct UndoPlan(Vec<(Status, [String; 3])>);

impl UndoPlan {
    /// Adds a group; `detail` says what was changed in it since, or why it stays.
    pub(crate) fn add(&mut self, status: Status, name: &str, id: Option<&str>, detail: &str) {
        let id = id.map_or_else(|| "-".to_owned(), shortened);
        self.0.push((status, [id, shortened(name), shown(detail)]));
    }

    /// The plan, below a line that names the run.
    pub(crate) fn text(&self, run: i64, started_at: &str, organization: &str) -> String {
        let mut text = format!("run {run} of {} → organization {}\n", shown(started_at), shortened(organization));
        let width = self.0.iter().map(|(_, [id, ..])| id.chars().count()).max().unwrap_or_default();
        let mut totals = String::new();
        for (title, statuses) in ACTIONS {
            let lines: Vec<_> = self.0.iter().filter(|(status, _)| statuses.contains(status)).collect();
            totals.push_str(&count_line(title, lines.len() as u64));
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
        plan.add(Status::Pending, "Sales", Some("g1"), "");
        plan.add(Status::Pending, "5% 🚀", Some("g22"), "other members");
        plan.add(Status::Changed, "Support\u{1b}[2J", Some("g3"), "renamed to X");
        plan.add(Status::Gone, "Ops", None, "");
        let expected = "run 3 of 2026-11-23T10:00:00Z → organization org\n\
            to delete:\n  g1   Sales\n  g22  5% 🚀  other members\n\
            left alone:\n  g3   Support\\u{1b}[2J  renamed to X\n\
            not there:\n  -    Ops\n\n  \
            to delete          2\n  left alone         1\n  not there          1\n";
        assert_eq!(plan.text(3, "2026-11-23T10:00:00Z", "org"), expected);
    }
}
