//! The closing summary: what became of the rows, and where the files are.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::grouped;
use crate::model::{InputFile, Outcome, OutcomeStatus, Status, StatusCounts, shortened, shown_path, span};

/// How many rows that were not imported are named.
const NAMED_MAX: usize = 20;

/// Everything the closing summary says.
#[derive(Debug)]
pub struct Summary<S = Status> {
    files: Vec<InputFile>,
    organization: String,
    counts: StatusCounts<S>,
    named: Vec<String>,
    open: u64,
}

/// The files that a run wrote, and what it took.
#[derive(Debug)]
pub struct Closing {
    /// The results, if they were written.
    pub results: Option<PathBuf>,
    /// The rejects, if there are any.
    pub rejects: Vec<PathBuf>,
    /// The journal.
    pub journal: PathBuf,
    /// The run's number in the journal.
    pub run: i64,
    /// Requests made.
    pub requests: u64,
    /// How long the run took.
    pub time: Duration,
    /// Rows read; the sum over the statuses must be the same.
    pub rows: u64,
    /// Why the run stopped early, if it did; said on standard error, and in the JSON.
    pub stopped: Option<String>,
    /// The exit code.
    pub exit_code: u8,
}

impl<S: OutcomeStatus> Summary<S> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(files: Vec<InputFile>, organization: &str) -> Self {
        Self {
            files,
            organization: organization.to_owned(),
            counts: StatusCounts::default(),
            named: Vec::new(),
            open: 0,
        }
    }

    /// Counts a row.
    pub fn add(&mut self, outcome: &Outcome<S>) {
        self.counts.add(outcome.status);
        if !outcome.status.is_open() || outcome.status.is_pending() {
            return;
        }
        self.open += 1;
        if self.named.len() < NAMED_MAX {
            let path = self.files.get(outcome.place.file).map_or("-", |file| &file.path);
            let error = outcome.error.as_deref().unwrap_or_default();
            let status = outcome.status.as_str();
            self.named.push(format!(
                "{}:{}: {status}: {}",
                shortened(path),
                outcome.place.line,
                crate::model::shown(error)
            ));
        }
    }

    /// How many rows ended how.
    #[must_use]
    pub fn counts(&self) -> &StatusCounts<S> {
        &self.counts
    }

    /// The summary for people.
    #[must_use]
    pub fn text(&self, closing: &Closing) -> String {
        let mut text = String::new();
        for line in &self.named {
            let _ = writeln!(text, "{line}");
        }
        let unnamed = self.open - self.named.len() as u64;
        if unnamed > 0 {
            let _ = writeln!(text, "… and {} more; the results name them all", grouped(unnamed));
        }
        if self.open > 0 {
            text.push('\n');
        }
        let names: Vec<String> = self.files.iter().map(|file| shortened(&file.path)).collect();
        let _ = writeln!(text, "{}{} → organization {}", S::TITLE, names.join(", "), shortened(&self.organization));
        for (status, count) in self.counts.by_status().filter(|(_, count)| *count > 0) {
            let _ = writeln!(text, "  {:<10} {:>9}", status.as_str(), grouped(count));
        }
        let time = match closing.time.as_secs_f64() {
            seconds @ ..120.0 => format!("{seconds:.1} s"),
            _ => span(closing.time),
        };
        let _ = writeln!(
            text,
            "  {:<10} {:>9}   {} {}, {time}",
            S::NOUN,
            grouped(closing.rows),
            grouped(closing.requests),
            if closing.requests == 1 { "request" } else { "requests" }
        );
        if let Some(results) = &closing.results {
            let _ = writeln!(text, "results  {}", shown_path(results));
        }
        for rejects in &closing.rejects {
            let _ = writeln!(text, "rejects  {}{}", shown_path(rejects), self.advice(closing));
        }
        let _ = writeln!(text, "journal  {} (run {})", shown_path(&closing.journal), closing.run);
        text
    }

    /// Rows that were only not reached need no mending.
    fn advice(&self, closing: &Closing) -> &'static str {
        match (self.open, &closing.stopped) {
            (0, _) => "",
            (_, Some(_)) => "   (with the rows that were not reached)",
            (_, None) => "   (mend these rows and import this file)",
        }
    }

    /// The summary for scripts.
    #[must_use]
    pub fn json(&self, closing: &Closing) -> String {
        let statuses: serde_json::Map<String, serde_json::Value> =
            self.counts.by_status().map(|(status, count)| (status.as_str().to_owned(), count.into())).collect();
        let files: Vec<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        json!({
            "files": files,
            "organization": self.organization,
            "rows": closing.rows,
            "statuses": statuses,
            "requests": closing.requests,
            "seconds": closing.time.as_secs_f64(),
            "results": closing.results,
            "rejects": closing.rejects,
            "journal": closing.journal,
            "run": closing.run,
            "stopped": closing.stopped,
            "exit_code": closing.exit_code,
        })
        .to_string()
    }
}
