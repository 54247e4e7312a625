//! A slow disk: every sync of the journal takes its time, and no row is forgotten over it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::process::Command;
use std::time::Duration;

use support::{Desk, Server, as_csv, good_names, rows, statuses};

/// Stands before the C library's own: the wait is in `SLOW_SYNC_MS`.
const SHIM: &str = r#"
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
static void slow(void) { const char *ms = getenv("SLOW_SYNC_MS"); if (ms) usleep(atoi(ms) * 1000); }
int fsync(int fd) { slow(); return syscall(SYS_fsync, fd); }
int fdatasync(int fd) { slow(); return syscall(SYS_fdatasync, fd); }
"#;

/// A place whose disk takes so long over every sync. The C compiler is there: SQLite was built with it.
fn slow_disk(server: &Server, sync_ms: u64) -> Desk {
    let desk = Desk::at(server).with("shim.c", SHIM);
    let (shim, source) = (desk.path("shim.so"), desk.path("shim.c"));
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(&source).status().unwrap();
    assert!(built.success());
    desk.set("LD_PRELOAD", shim.to_str().unwrap()).set("SLOW_SYNC_MS", &sync_ms.to_string())
}

#[test]
fn no_row_is_forgotten_however_slow_the_disk_is() {
    let rows = rows(300, 0, 0, 41);
    for (sync_ms, latency_ms, lanes) in [(60, 3, "16"), (150, 3, "16"), (30, 60, "64")] {
        let server = Server::slow(Duration::from_millis(latency_ms));
        let desk = slow_disk(&server, sync_ms).with("groups.csv", as_csv(&rows));
        let outcome = desk.run(&["import", "groups.csv", "--concurrency", lanes]);
        let lines = desk.results("groups.results.csv");
        let pending = statuses(&lines).iter().filter(|status| **status == "pending").count();
        assert_eq!(pending, 0, "sync {sync_ms} ms, latency {latency_ms} ms, {lanes} lanes: {outcome:?}");
        outcome.expect(0);
        server.assert_each_once(&good_names(&rows));
    }
}
