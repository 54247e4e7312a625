//! A test kit: rows in, a simulated server, outcomes out, in one process and in paused time.
//!
//! Files, journal and pipeline are the real ones; the sandbox answers without sockets. Hours pass in milliseconds, and the
//! same seed gives the same run. Only `import` names the inside of the crate.
#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub(crate) mod check;
pub(crate) mod faults;
pub(crate) mod import;
pub(crate) mod nights;
pub(crate) mod rows;
pub(crate) mod server;
pub(crate) mod sync;
pub(crate) mod sync_storm;
pub(crate) mod tally;

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

pub(crate) use import::{import, import_to_end};
pub(crate) use rows::Sheet;
pub(crate) use server::{Network, Server};

/// Runs a test in paused time.
pub(crate) fn in_paused_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// A folder with a file to import, its journal and its results.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    pub(crate) fn new(csv: &str) -> Self {
        let folder = temporary_folder();
        fs::write(folder.path().join("groups.csv"), csv).unwrap();
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.0.path().join("groups.csv")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.path().join("groups.journal")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.0.path().join("groups.results.csv")
    }
}

/// In memory where possible: the journal is a real file, but no test needs to wait for a disk.
pub(crate) fn temporary_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The settings of an import, as a user would type them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) rate: &'static str,
    pub(crate) guest_rate: Option<&'static str>,
    pub(crate) concurrency: usize,
    pub(crate) timeout: Duration,
    pub(crate) max_attempts: u32,
    pub(crate) max_wait: Duration,
    pub(crate) settle: Duration,
    /// Of the random part of backoffs.
    pub(crate) seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate: "600/min",
            guest_rate: None,
            concurrency: 16,
            timeout: Duration::from_secs(30),
            max_attempts: 8,
            max_wait: Duration::from_hours(2),
            settle: Duration::from_secs(6),
            seed: 1,
        }
    }
}

/// How an import ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself.
    Natural,
    /// kill -9 after this time.
    Killed(Duration),
    /// Ctrl-C after this time.
    Interrupted(Duration),
}

/// The result of one row, in the words of the results file.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) group_id: Option<String>,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
}

/// An import that was not killed.
#[derive(Debug)]
pub(crate) struct Finished {
    /// In the order of the input.
    pub(crate) rows: Vec<Outcome>,
    /// Why it stopped before its last row, if it did: the message.
    pub(crate) stopped: Option<String>,
    /// When it reported how long the rows with guests would still take: both since its start.
    pub(crate) guest_estimates: Vec<GuestEstimate>,
}

/// An estimate of when the last row with guests is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestEstimate {
    /// When it was made, since the server started.
    pub(crate) made_at: Duration,
    pub(crate) time_left: Duration,
}

impl Finished {
    pub(crate) fn count(&self, status: &str) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    /// Whether the next import starts a new run.
    pub(crate) fn is_settled(&self) -> bool {
        self.count("pending") + self.count("unknown") == 0
    }

    /// Whether every valid row is done.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_settled() && self.count("failed") == 0
    }
}
