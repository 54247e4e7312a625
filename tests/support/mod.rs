//! What the tests stand on: real processes in folders of their own, a simulated API on a real socket as the oracle,
//! and rows whose fate is known beforehand. It must not know how the program works inside.

mod bytes;
mod desk;
#[cfg(target_os = "linux")]
mod disk;
mod problems;
mod results;
mod rows;
mod server;

use std::time::Duration;

pub(crate) use bytes::{gzip, utf16};
pub(crate) use desk::{Desk, Outcome};
#[cfg(target_os = "linux")]
pub(crate) use disk::{EACCES, EIO, ENOSPC, Fault, Noted, noted};
pub(crate) use problems::places;
pub(crate) use results::{HEADER, Told, assert_accounts, assert_answers, statuses};
pub(crate) use rows::{Draft, Kind, as_csv, as_jsonl, good, good_names, rows};
pub(crate) use server::{ORG, Server, TOKEN};

/// No single step of a test takes this long unless something hangs. A machine that stands still does not count.
const DEADLINE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(2);

/// Asks again and again until `probe` gives something; fails the test if it never does.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(waited < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

/// Three rows; the one in the middle is invalid.
pub(crate) const ROWS: &str = "name,members\nA,1\nB,x\nC,2\n";

/// The import is refused with this code, the input is whole, and nothing was sent.
#[track_caller]
pub(crate) fn refused(desk: &Desk, server: &Server, code: i32, flags: &[&str], part: &str) {
    let arguments = [&["import", "groups.csv"], flags].concat();
    desk.run(&arguments).expect(code).says(part);
    assert_eq!(server.requests(), 0);
    assert_eq!(desk.read("groups.csv"), ROWS);
}
