//! Plans for people and scripts: what an import would do about each row, and what an undo will do about each group.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use super::count_line;
use super::forecast::{self, Forecast};
use crate::model::{InputFile, Place, ResultRow, Status, StatusCounts, place, shortened, shown, without_sheet};

/// Writes a plan.
pub(crate) struct PlanReport<'a, W> {
    out: W,
    files: &'a [InputFile],
    is_json: bool,
    counts: StatusCounts,
}

impl<'a, W: Write> PlanReport<'a, W> {
    /// Writes to `out`, in JSON lines or for people.
    pub(crate) fn new(out: W, files: &'a [InputFile], is_json: bool) -> Self {
        Self { out, files, is_json, counts: StatusCounts::default() }
    }

    /// Writes what an import would do about a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn row(&mut self, result: &ResultRow) -> io::Result<()> {
        // A row that is merged into a group still to be created is as open as that.
        let is_merged = result.status == Status::Pending && result.duplicate_of.is_some();
        let status = if is_merged { Status::Merged } else { result.status };
        self.counts.add(status);
        let file = |place: Place| self.files[place.file].path.as_str();
        let action = action(status);
        if self.is_json {
            let line = json!({
                "type": "row",
                "file": result.place.map(|place| without_sheet(file(place))),
                "row": result.place.map(|place| place.row),
                "line": result.place.map(|place| place.line),
                "name": result.name,
                "action": action,
                "group_id": result.group_id,
                "duplicate_of": result.duplicate_of.map(|twin| json!({"file": without_sheet(file(twin)), "row": twin.row, "line": twin.line})),
                "error_code": result.error_code,
                "error": result.error,
            });
            return writeln!(self.out, "{line}");
        }
        let at = |at: Place| place(file(at), Some(at.line), None);
        let place = result.place.map_or_else(String::new, at);
        let detail = match (status, result.duplicate_of, &result.group_id, &result.error) {
            (Status::Duplicate, Some(twin), ..) => format!("  repeats {}", at(twin)),
            (Status::Merged, Some(twin), ..) => format!("  into {}", at(twin)),
            (_, _, _, Some(error)) => format!("  {}", shown(error)),
            (_, _, Some(id), _) => format!("  {}", shown(id)),
            _ => String::new(),
        };
        writeln!(self.out, "{place:<20} {action:<10} {}{detail}", shortened(&result.name))
    }

    /// Writes the totals and the forecast, and returns the totals.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn finish(mut self, takes: &Forecast) -> io::Result<StatusCounts> {
        use Status::{Duplicate, Excluded, Exists, Failed, Invalid, Merged, Pending};
        let totals = [Pending, Exists, Merged, Duplicate, Excluded, Invalid, Failed];
        let totals = totals.map(|status| (action(status), self.counts.of(status)));
        if self.is_json {
            let totals = json!({
                "type": "totals",
                "rows": self.counts.total(),
                "actions": BTreeMap::from(totals),
                "forecast": forecast::json(takes),
            });
            writeln!(self.out, "{totals}")?;
        } else {
            writeln!(self.out)?;
            for (action, count) in totals.into_iter().filter(|(_, count)| *count > 0) {
                write!(self.out, "{}", count_line(action, count))?;
            }
            let rows = count_line("rows", self.counts.total());
            writeln!(self.out, "{}   (a dry run: nothing was sent)", rows.trim_end())?;
            if takes.requests > 0 {
                writeln!(self.out, "\n{}", forecast::text(takes))?;
            }
        }
        self.out.flush()?;
        Ok(self.counts)
    }
}

/// What `import` would do about a row in this status.
fn action(status: Status) -> &'static str {
    match status {
        Status::Pending => "create",
        Status::Failed => "fail",
        other => other.into(),
    }
}

/// What an undo does with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UndoKind {
    /// It is deleted.
    Delete,
    /// It becomes as it was.
    Restore,
    /// It is created again.
    Create,
}

/// The groups of a run: what an undo does, their statuses, and their ids, names and details, safe to show.
#[derive(Debug, Default)]
pub(crate) struct UndoPlan(Vec<(&'static str, [String; 3])>);

impl UndoPlan {
    /// Adds a group in a status; `detail` says what was changed in it since, or why it stays.
    pub(crate) fn add(&mut self, kind: UndoKind, status: Status, name: &str, id: Option<&str>, detail: &str) {
        let id = id.map_or_else(|| "-".to_owned(), shortened);
        let title = match (status, kind) {
            (Status::Pending, UndoKind::Delete) => "to delete",
            (Status::Pending, UndoKind::Restore) => "to restore",
            (Status::Pending, UndoKind::Create) => "to create",
            (Status::Held | Status::Unknown, _) => "left alone",
            _ => "not there",
        };
        self.0.push((title, [id, shortened(name), shown(detail)]));
    }

    /// The plan, below a line that names the run.
    pub(crate) fn text(&self, run: i64, started_at: &str, organization: &str) -> String {
        let mut text = format!("run {run} of {} → organization {}\n", shown(started_at), shortened(organization));
        let width = self.0.iter().map(|(_, [id, ..])| id.chars().count()).max().unwrap_or_default();
        let mut totals = String::new();
        for title in ["to delete", "to restore", "to create", "left alone", "not there"] {
            let lines: Vec<_> = self.0.iter().filter(|(own, _)| *own == title).collect();
            if lines.is_empty() && title.starts_with("to ") && title != "to delete" {
                continue;
            }
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
        plan.add(UndoKind::Delete, Status::Pending, "Sales", Some("g1"), "");
        plan.add(UndoKind::Delete, Status::Pending, "5% 🚀", Some("g22"), "other members");
        plan.add(UndoKind::Delete, Status::Held, "Support\u{1b}[2J", Some("g3"), "renamed to X");
        plan.add(UndoKind::Delete, Status::Gone, "Ops", None, "");
        let expected = "run 3 of 2026-11-23T10:00:00Z → organization org\n\
            to delete:\n  g1   Sales\n  g22  5% 🚀  other members\n\
            left alone:\n  g3   Support\\u{1b}[2J  renamed to X\n\
            not there:\n  -    Ops\n\n  \
            to delete          2\n  left alone         1\n  not there          1\n";
        assert_eq!(plan.text(3, "2026-11-23T10:00:00Z", "org"), expected);
    }
}
