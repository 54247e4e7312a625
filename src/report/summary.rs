//! The closing summary: what became of the rows, what it took, and where the files are.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use strum::VariantArray;

use super::count_line;
use crate::model::{
    InputFile, PeopleCounts, Place, ResultRow, Status, StatusCounts, grouped, place, shortened, shown, shown_path,
    span, without_sheet,
};

/// At most this many rows that were not imported are named.
const NAMED_MAX: u64 = 20;

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RunKind {
    /// It creates groups.
    #[default]
    Import,
    /// It creates, changes and deletes groups.
    Sync,
    /// It takes back what another run did.
    Undo,
}

/// What became of the rows of a run, what it took, and where its files are.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    kind: RunKind,
    files: Vec<InputFile>,
    organization: String,
    /// The rows by status.
    pub(crate) counts: StatusCounts,
    /// Results without a row of a file.
    pruned: u64,
    /// The lines of the first rows that went wrong.
    named: String,
    /// The number of rows that went wrong.
    pub(crate) wrong: u64,
    /// Whether a group that the server made otherwise than it was sent went wrong, too: `--strict`.
    pub(crate) is_strict: bool,
    /// The results, if they were written.
    pub(crate) results: Option<PathBuf>,
    /// The rejects, if there are any.
    pub(crate) rejects: Vec<PathBuf>,
    /// The journal.
    pub(crate) journal: PathBuf,
    /// The number of the run in the journal.
    pub(crate) run: i64,
    /// Requests sent.
    pub(crate) requests: u64,
    /// What became of the people that the rows name.
    pub(crate) people: PeopleCounts,
    /// How long the run took.
    pub(crate) time: Duration,
    /// Why the run stopped early, if it did; it is printed on standard error, and here only in JSON.
    pub(crate) stopped: Option<String>,
    /// The exit code.
    pub(crate) exit_code: u8,
}

impl Summary {
    /// Nothing is counted yet.
    pub(crate) fn new(kind: RunKind, files: Vec<InputFile>, organization: &str) -> Self {
        Self { kind, files, organization: organization.to_owned(), ..Self::default() }
    }

    /// Adds the result of a row.
    pub(crate) fn add(&mut self, result: &ResultRow) {
        self.counts.add(result.status);
        self.pruned += u64::from(result.place.is_none() && self.kind == RunKind::Sync);
        // Anything else that is warned of keeps a strict run from sending.
        let is_altered = self.is_strict && matches!(result.status, Status::Created | Status::Updated);
        let warnings = result.warnings.as_ref().filter(|_| is_altered);
        if result.status == Status::Pending || !result.status.is_open() && warnings.is_none() {
            return;
        }
        self.wrong += 1;
        if self.wrong <= NAMED_MAX {
            let at = |at: Place| place(&self.files[at.file].path, Some(at.line), None);
            let (at, status) = (result.place.map_or_else(|| shortened(&result.name), at), result.status.as_ref());
            let error = shown(result.error.as_ref().or(warnings).map_or("", String::as_str));
            let _ = writeln!(self.named, "{at}: {status}: {error}");
        }
    }

    /// Whether it is known what became of every row.
    pub(crate) fn is_settled(&self) -> bool {
        self.counts.of(Status::Pending) + self.counts.of(Status::Unknown) == 0
    }

    /// The summary for people.
    pub(crate) fn text(&self) -> String {
        let mut text = self.named.clone();
        if self.wrong > NAMED_MAX {
            let _ = writeln!(text, "… and {} more; all of them are in the results", grouped(self.wrong - NAMED_MAX));
        }
        if self.wrong > 0 {
            text.push('\n');
        }
        let names: Vec<String> = self.files.iter().map(|file| shortened(without_sheet(&file.path))).collect();
        let (title, noun) = match self.kind {
            RunKind::Import => ("", "rows"),
            RunKind::Sync => ("sync: ", "rows"),
            RunKind::Undo => ("undo: ", "groups"),
        };
        let _ = writeln!(text, "{title}{} → organization {}", names.join(", "), shortened(&self.organization));
        let counts = self.counts.by_status().map(|(status, count)| (status.into(), count));
        let time = match self.time.as_secs_f64() {
            seconds @ ..120.0 => format!("{seconds:.1} s"),
            _ => span(self.time),
        };
        for (word, count) in counts.chain([(noun, self.counts.total() - self.pruned), ("requests", self.requests)]) {
            text.push_str(&count_line(word, count));
        }
        let _ = writeln!(text, "  {:<10} {time:>9}", "time");
        let advice = match self.stopped {
            Some(_) => "with the rows that were not attempted",
            None => "fix these rows and import this file",
        };
        let mut files: Vec<(&str, String)> = Vec::new();
        files.extend(self.people.words().map(|words| ("people", words)));
        files.extend(self.results.iter().map(|path| ("results", shown_path(path))));
        files.extend(self.rejects.iter().map(|path| ("rejects", format!("{}   ({advice})", shown_path(path)))));
        files.push(("journal", format!("{} (run {})", shown_path(&self.journal), self.run)));
        text.extend(files.into_iter().map(|(label, what)| format!("{label:<8} {what}\n")));
        text
    }

    /// The summary for scripts.
    pub(crate) fn json(&self) -> String {
        let is_possible = |status: &&Status| match status {
            Status::Failed | Status::Unknown | Status::Pending => true,
            Status::Deleted | Status::Held => self.kind != RunKind::Import,
            Status::Gone => self.kind == RunKind::Undo,
            Status::Exists => self.kind == RunKind::Import,
            Status::Updated | Status::Unchanged => self.kind == RunKind::Sync,
            _ => self.kind != RunKind::Undo,
        };
        let statuses = Status::VARIANTS.iter().filter(is_possible);
        let statuses: BTreeMap<_, _> = statuses.map(|status| (status.as_ref(), self.counts.of(*status))).collect();
        let files: Vec<&str> = self.files.iter().map(|file| without_sheet(&file.path)).collect();
        json!({
            "files": files,
            "organization": self.organization,
            "rows": self.counts.total() - self.pruned,
            "statuses": statuses,
            "requests": self.requests,
            "people": self.people,
            "seconds": self.time.as_secs_f64(),
            "results": self.results,
            "rejects": self.rejects,
            "journal": self.journal,
            "run": self.run,
            "stopped": self.stopped,
            "exit_code": self.exit_code,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dialect, Format, Raw};

    fn file() -> InputFile {
        let dialect = Dialect { format: Format::Csv, delimiter: b',', header: Vec::new(), is_rejects: false };
        InputFile { path: "g.csv".to_owned(), dialect }
    }

    fn result(row: u64, status: Status) -> ResultRow {
        ResultRow {
            place: Some(Place { file: 0, row, line: row + 1 }),
            name: String::new(),
            status,
            group_id: None,
            duplicate_of: None,
            attempts: 1,
            http_status: None,
            error_code: None,
            error: Some("refused\u{1b}".to_owned()),
            changes: None,
            warnings: None,
            raw: Raw::Cells(Vec::new()),
        }
    }

    #[test]
    fn what_is_not_as_it_was_to_be_has_gone_wrong() {
        for kind in [RunKind::Import, RunKind::Sync, RunKind::Undo] {
            let wrong = Status::VARIANTS.iter().copied().filter(|status| {
                let mut summary = Summary::new(kind, vec![file()], "org");
                summary.add(&result(1, *status));
                summary.wrong > 0
            });
            assert_eq!(wrong.collect::<Vec<_>>(), [Status::Held, Status::Invalid, Status::Failed, Status::Unknown]);
        }
    }

    #[test]
    fn the_summary_names_the_first_rows_that_went_wrong_and_aligns_the_counts() {
        let mut summary = Summary::new(RunKind::Import, vec![file()], "org");
        (1..=2000).for_each(|row| summary.add(&result(row, Status::Created)));
        (2001..=2022).for_each(|row| summary.add(&result(row, Status::Failed)));
        summary.add(&result(2023, Status::Pending));
        summary.results = Some("g.results.csv".into());
        summary.rejects = vec!["g.rejects.csv".into()];
        summary.journal = "g.journal".into();
        (summary.run, summary.requests, summary.time) = (3, 2054, Duration::from_secs(206));
        let text = summary.text();
        let (named, rest) = text.split_once("\n\n").unwrap();
        assert_eq!(named.lines().next(), Some("g.csv:2002: failed: refused\\u{1b}"));
        assert_eq!(
            (named.lines().count(), named.lines().last()),
            (21, Some("… and 2 more; all of them are in the results"))
        );
        assert_eq!(
            rest,
            "g.csv → organization org\n  created        2,000\n  failed            22\n  pending            1\n  \
             rows           2,023\n  requests       2,054\n  time       3 min 30 s\nresults  g.results.csv\n\
             rejects  g.rejects.csv   (fix these rows and import this file)\njournal  g.journal (run 3)\n"
        );
    }
}
