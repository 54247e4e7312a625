//! The whole import in one process and in paused time: the real files, journal and conductor, over the sandbox's book instead
//! of sockets. Days pass in milliseconds, and the same seed brings the same storm.
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod life;
pub(crate) mod oracle;
pub(crate) mod rows;
pub(crate) mod world;

use std::future::Future;

use tempfile::TempDir;

/// Runs a story in paused time.
pub(crate) fn in_paused_time<T>(story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(story)
}

/// A folder in memory where there is one: a storm's journal is a real file, but no disk has to spin for it.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
