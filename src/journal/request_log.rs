//! The times of the last requests, in a file beside the journal: they occupy places of the rate limit after a restart.
//!
//! The server counts every request, a list's too, and goes on counting when this program is killed. So each request leaves a
//! mark before it leaves, and another when it is answered. The marks must outlive the process, not a power cut (no machine
//! starts within a period): they are written through to the system and not forced to the disk, which costs 2 microseconds. As
//! rows of the database they waited for the commits of the writer: 1 in 20 for 3 ms, 1 in 100 for 8 ms, at most 56 ms, on a
//! local disk with a write-ahead log; without one, as on network file systems, each has to be forced to the disk.
//!
//! The file: eight bytes that name it, then numbers of eight bytes, little-endian. The first is the limit that `--rate auto`
//! found (its period in milliseconds above 32 bits of requests; 0 is none). Then comes a mark for each request of the run, and
//! before them those of earlier runs that still count: 0 is none, all ones is a request under way, else the Unix time in
//! milliseconds at which it was answered. Between runs the journal itself holds the last of the marks, and there is no file.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::OptionalExtension;

use super::store::Journal;
use super::{JournalError, beside, private};
use crate::model::shown_path;

const HEAD: &[u8; 8] = b"TGpace02";
/// Why another file is refused.
const FOREIGN: &str = "is not the file in which this program keeps the times of its last requests; move it away and run the same command again";
const NONE: u64 = 0;
const UNDER_WAY: u64 = u64::MAX;
/// How many marks are kept for the next run: more than any rate needs.
const KEPT_MAX: u64 = 64 * 1024;

/// A request's mark, until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

/// One moment, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    instant: Instant,
    unix_ms: u64,
}

impl Now {
    /// The clock on the wall shows `time` at `instant`.
    pub fn at(instant: Instant, time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant, unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// The marks of a journal's requests.
#[derive(Debug)]
pub struct RequestLog {
    path: PathBuf,
    file: File,
    now: Now,
    /// How many marks the file has.
    count: usize,
    /// The limit that an earlier run found.
    found: u64,
}

impl Journal {
    /// The request log beside this journal, if it is one that is kept and held, of requests that matter for so long; with how long
    /// ago each of the last ones was answered.
    ///
    /// # Errors
    /// If it cannot be read and written.
    pub fn request_log(&self, memory: Duration, now: Now) -> Result<Option<(RequestLog, Vec<Duration>)>, JournalError> {
        if !self.is_held() {
            return Ok(None);
        }
        let path = self.request_log_path();
        let io = |reason| JournalError::Io { path: path.clone(), reason };
        let file = private::options().open(&path).map_err(io)?;
        let mut bytes = read(&file).map_err(io)?;
        // A file with marks that could not be removed has the same marks as the journal.
        if bytes.is_empty() {
            let kept = self.run(|db| db.query_row("SELECT marks FROM pace", [], |row| row.get(0)).optional())?;
            bytes = kept.unwrap_or_default();
        }
        let Some((found, marks)) = parse(&bytes) else { return Err(JournalError::refused(&path, FOREIGN)) };
        let (request_log, ages) = RequestLog::resume(path.clone(), file, memory, now, found, &marks).map_err(io)?;
        self.run(|db| db.execute("DELETE FROM pace", []).map(drop))?;
        Ok(Some((request_log, ages)))
    }

    /// Takes the request log into the journal, now that nothing is sent any more.
    pub(super) fn keep_request_log(&self) -> Result<(), JournalError> {
        let path = self.request_log_path();
        let Ok(bytes) = File::open(&path).and_then(|file| read(&file)) else { return Ok(()) };
        let Some((found, marks)) = parse(&bytes) else { return Ok(()) };
        if !bytes.is_empty() {
            let bytes = bytes_of(found, &marks);
            self.run(|db| db.execute("INSERT OR REPLACE INTO pace (id, marks) VALUES (1, ?1)", [bytes]).map(drop))?;
        }
        if let Err(reason) = fs::remove_file(&path) {
            tracing::warn!("{} is not needed any more and cannot be removed: {reason}", shown_path(&path));
        }
        Ok(())
    }

    fn request_log_path(&self) -> PathBuf {
        beside(&self.path, "-pace")
    }
}

impl Drop for Journal {
    /// However the command ended, the request log stays: in its own file, if the journal cannot be written.
    fn drop(&mut self) {
        if self.is_held() {
            let _ = self.keep_request_log();
        }
    }
}

impl RequestLog {
    /// Writes the marks of earlier runs again, as far as they matter; gives how long ago each was answered.
    fn resume(
        path: PathBuf,
        mut file: File,
        memory: Duration,
        now: Now,
        found: u64,
        old: &[u64],
    ) -> io::Result<(Self, Vec<Duration>)> {
        // What was under way when the process ended may be counted until now, and was not answered later. So is a mark that is
        // still to come: the clock was set back.
        let age = |mark: &u64| Duration::from_millis(now.unix_ms - mark);
        let marks: Vec<_> = old.iter().map(|mark| now.unix_ms.min(*mark)).filter(|mark| age(mark) <= memory).collect();
        // Found long ago, it may be another by now.
        let found = if marks.is_empty() { 0 } else { found };
        let bytes = bytes_of(found, &marks);
        file.rewind()?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        Ok((Self { path, file, now, count: marks.len(), found }, marks.iter().map(age).collect()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The limit that an earlier run had found when its last requests left: requests per period.
    pub fn found(&self) -> Option<(u32, Duration)> {
        let period = Duration::from_millis(self.found >> 32);
        let requests = u32::try_from(self.found & u64::from(u32::MAX)).ok()?;
        (requests > 0 && !period.is_zero()).then_some((requests, period))
    }

    /// Records the limit that is found: requests per period.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn find(&mut self, requests: u32, period: Duration) -> io::Result<()> {
        let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
        self.write(0, u64::from(period) << 32 | u64::from(requests))
    }

    /// Marks that a request leaves.
    ///
    /// # Errors
    /// If it cannot be written: the request must not leave.
    pub fn leave(&mut self) -> io::Result<Mark> {
        self.count += 1;
        self.write(self.count, UNDER_WAY)?;
        Ok(Mark(self.count))
    }

    /// Takes the mark of a request back that never left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn cancel(&mut self, mark: Mark) -> io::Result<()> {
        self.write(mark.0, NONE)
    }

    /// Marks that it is answered.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn answer(&mut self, mark: Mark, now: Instant) -> io::Result<()> {
        let passed = u64::try_from(now.duration_since(self.now.instant).as_millis()).unwrap_or(u64::MAX);
        self.write(mark.0, self.now.unix_ms.saturating_add(passed))
    }

    /// Writes the number at a place.
    fn write(&mut self, place: usize, number: u64) -> io::Result<()> {
        let at = HEAD.len() + place * size_of::<u64>();
        self.file.seek(SeekFrom::Start(u64::try_from(at).unwrap_or(u64::MAX)))?;
        self.file.write_all(&number.to_le_bytes())
    }
}

/// The bytes of a file. What a power cut leaves of one that was never forced to the disk is nothing, or zeros.
/// Of the marks, only the last are read.
fn read(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(16).read_to_end(&mut bytes)?;
    let marks = file.metadata()?.len().saturating_sub(KEPT_MAX * 8).next_multiple_of(8).max(16);
    file.seek(SeekFrom::Start(marks))?;
    file.read_to_end(&mut bytes)?;
    if HEAD.starts_with(&bytes) || bytes.iter().all(|byte| *byte == 0) {
        bytes.clear();
    }
    Ok(bytes)
}

/// The limit that was found, and the marks, if these are the bytes of a request log; a mark that was being added is none.
fn parse(bytes: &[u8]) -> Option<(u64, Vec<u64>)> {
    let numbers = if bytes.is_empty() { bytes } else { bytes.strip_prefix(HEAD)? };
    let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    Some((numbers.next().unwrap_or_default(), numbers.filter(|mark| *mark != NONE).collect()))
}

fn bytes_of(found: u64, marks: &[u64]) -> Vec<u8> {
    let numbers = std::iter::once(found).chain(marks.iter().copied()).flat_map(u64::to_le_bytes);
    HEAD.iter().copied().chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{exists, folder, owner, run, settle};
    use super::*;

    const PERIOD: Duration = Duration::from_mins(1);

    /// The request log at a path, opened some seconds after the beginning, and the ages of its marks.
    fn at(path: &Path, seconds: u64) -> (RequestLog, Instant, Vec<u64>) {
        let now = Now { instant: Instant::now(), unix_ms: 1_000_000 + seconds * 1000 };
        let file = private::options().open(path).unwrap();
        let (found, marks) = parse(&read(&file).unwrap()).unwrap();
        let (request_log, ages) = RequestLog::resume(path.to_owned(), file, PERIOD, now, found, &marks).unwrap();
        let mut ages: Vec<u64> = ages.iter().map(Duration::as_secs).collect();
        ages.sort_unstable();
        (request_log, now.instant, ages)
    }

    #[test]
    fn what_was_answered_and_what_was_under_way_is_known_after_the_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut request_log, now, ages) = at(&path, 0);
        assert!(ages.is_empty());
        let first = request_log.leave().unwrap();
        let second = request_log.leave().unwrap();
        request_log.leave().unwrap();
        request_log.answer(second, now + Duration::from_secs(2)).unwrap();
        request_log.answer(first, now + Duration::from_secs(5)).unwrap();
        drop(request_log);
        // The third was under way: it counts from now on.
        assert_eq!(at(&path, 30).2, [0, 25, 28]);
        assert_eq!(at(&path, 40).2, [10, 35, 38]);
        // The clock was set back.
        assert_eq!(at(&path, 1).2, [0, 0, 0]);
    }

    #[test]
    fn marks_are_kept_as_long_as_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut request_log, now, _) = at(&path, 0);
        for second in 0..600 {
            let mark = request_log.leave().unwrap();
            request_log.answer(mark, now + Duration::from_secs(second)).unwrap();
        }
        assert_eq!(at(&path, 599).2, (0..=60).collect::<Vec<_>>());
    }

    #[test]
    fn of_a_long_run_the_last_marks_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut request_log, now, _) = at(&path, 0);
        let first = request_log.leave().unwrap();
        request_log.answer(first, now).unwrap();
        for _ in 0..KEPT_MAX {
            request_log.leave().unwrap();
        }
        assert_eq!(at(&path, 30).2, vec![0; usize::try_from(KEPT_MAX).unwrap()]);
    }

    #[test]
    fn between_runs_the_marks_stand_in_the_journal_and_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let owner = crate::journal::Owner { organization: "acme".to_owned(), realm: crate::journal::Realm::Loopback };
        let journal = Journal::open(&folder.path().join("x.journal"), &owner).unwrap();
        let now = |seconds| Now { instant: Instant::now(), unix_ms: 1_000_000 + seconds * 1000 };
        for run in 0..3 {
            let (mut request_log, ages) = journal.request_log(PERIOD, now(run * 10)).unwrap().unwrap();
            let ages: Vec<u64> = ages.iter().map(Duration::as_secs).collect();
            assert_eq!(ages, (1..=run).rev().map(|past| past * 10).collect::<Vec<_>>());
            let mark = request_log.leave().unwrap();
            request_log.answer(mark, request_log.now.instant).unwrap();
            drop(request_log);
            journal.keep_request_log().unwrap();
            assert!(!journal.request_log_path().exists());
        }
        assert_eq!(journal.request_log(PERIOD, now(75)).unwrap().unwrap().1.len(), 1);
        assert!(Journal::scratch().unwrap().request_log(PERIOD, now(0)).unwrap().is_none());
    }

    #[test]
    fn the_limit_that_was_found_is_known_as_long_as_what_was_sent_under_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let owner = crate::journal::Owner { organization: "acme".to_owned(), realm: crate::journal::Realm::Loopback };
        let journal = Journal::open(&folder.path().join("x.journal"), &owner).unwrap();
        let now = |seconds: u64| Now { instant: Instant::now(), unix_ms: 1_000_000 + seconds * 1000 };
        let (mut request_log, _) = journal.request_log(PERIOD, now(0)).unwrap().unwrap();
        assert_eq!(request_log.found(), None);
        request_log.leave().unwrap();
        let (most, longest) = ((u32::MAX, Duration::from_hours(24)), (600, PERIOD));
        for (requests, period) in [longest, longest, most] {
            request_log.find(requests, period).unwrap();
        }
        request_log.leave().unwrap();
        // Killed, and ended.
        let (request_log, ages) = journal.request_log(PERIOD, now(10)).unwrap().unwrap();
        assert_eq!((request_log.found(), ages.len()), (Some(most), 2));
        journal.keep_request_log().unwrap();
        let (request_log, ages) = journal.request_log(PERIOD, now(40)).unwrap().unwrap();
        assert_eq!((request_log.found(), ages.len()), (Some(most), 2));
        assert_eq!(journal.request_log(PERIOD, now(200)).unwrap().unwrap().0.found(), None);
    }

    #[test]
    fn what_a_killed_run_sent_still_counts_after_a_run_that_could_not_read_its_files() {
        let (_folder, path) = crate::journal::tests::folder();
        let owner = crate::journal::tests::owner();
        let now = Now { instant: Instant::now(), unix_ms: 1_000_000 };
        let journal = Journal::open(&path, &owner).unwrap();
        let (mut request_log, _) = journal.request_log(PERIOD, now).unwrap().unwrap();
        request_log.leave().unwrap();
        let file = fs::read(journal.request_log_path()).unwrap();
        drop((request_log, journal));
        let journal = Journal::open(&path, &owner).unwrap();
        fs::write(journal.request_log_path(), &file).unwrap();
        drop(journal.stage(true).unwrap());
        drop(journal);
        let journal = Journal::open(&path, &owner).unwrap();
        assert_eq!(journal.request_log(PERIOD, now).unwrap().unwrap().1.len(), 1);
    }

    #[test]
    fn a_file_that_could_not_be_removed_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let owner = crate::journal::Owner { organization: "acme".to_owned(), realm: crate::journal::Realm::Loopback };
        let journal = Journal::open(&folder.path().join("x.journal"), &owner).unwrap();
        let now = Now { instant: Instant::now(), unix_ms: 1_000_000 };
        let (mut request_log, _) = journal.request_log(PERIOD, now).unwrap().unwrap();
        let mark = request_log.leave().unwrap();
        request_log.answer(mark, now.instant).unwrap();
        request_log.leave().unwrap();
        let file = fs::read(journal.request_log_path()).unwrap();
        for _ in 0..3 {
            journal.keep_request_log().unwrap();
            fs::write(journal.request_log_path(), &file).unwrap();
            assert_eq!(journal.request_log(PERIOD, now).unwrap().unwrap().1.len(), 2);
        }
    }

    #[test]
    fn a_second_crash_forgets_nothing_that_was_sent_before_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut request_log, now, _) = at(&path, 0);
        for second in 0..30 {
            let mark = request_log.leave().unwrap();
            request_log.answer(mark, now + Duration::from_secs(second)).unwrap();
        }
        let (mut request_log, ..) = at(&path, 30);
        for _ in 0..5 {
            request_log.leave().unwrap();
        }
        assert_eq!(at(&path, 30).2.len(), 35);
        assert_eq!(at(&path, 70).2.len(), 25);
    }

    #[test]
    fn a_file_that_is_no_trail_is_left_alone_and_half_a_mark_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let owner = crate::journal::Owner { organization: "acme".to_owned(), realm: crate::journal::Realm::Loopback };
        let journal = Journal::open(&folder.path().join("x.journal"), &owner).unwrap();
        let now = Now { instant: Instant::now(), unix_ms: 1_000_000 };
        let path = journal.request_log_path();
        fs::write(&path, "somebody's notes").unwrap();
        assert!(matches!(journal.request_log(PERIOD, now), Err(JournalError::Refused { why, .. }) if why == FOREIGN));
        assert_eq!(fs::read(&path).unwrap(), b"somebody's notes");
        for (bytes, marks) in [
            ([&HEAD[..], &[0; 8], &UNDER_WAY.to_le_bytes(), &[1; 3]].concat(), 1),
            (Vec::new(), 0),
            (HEAD[..3].to_vec(), 0),
            (vec![0; 64], 0),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(journal.request_log(PERIOD, now).unwrap().unwrap().1.len(), marks);
            assert!(fs::read(&path).unwrap().starts_with(HEAD));
        }
    }

    #[test]
    fn a_journal_that_is_refused_stays_as_it_is_and_so_does_its_trail() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (_, row) = run(&mut journal, &["A"], false);
        settle(&journal, row, exists());
        let request_log_path = journal.request_log_path();
        drop(journal);
        let request_log = [&HEAD[..], &[0; 8], &UNDER_WAY.to_le_bytes()].concat();
        std::fs::write(&request_log_path, &request_log).unwrap();
        let before = std::fs::read(&path).unwrap();
        let other = crate::journal::Owner { organization: "other".to_owned(), ..owner() };
        assert!(matches!(Journal::open(&path, &other), Err(JournalError::Refused { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read(&request_log_path).unwrap(), request_log);
    }
}
