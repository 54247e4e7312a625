//! The trail of the requests themselves: which are under way and when the last ones were answered, beside the journal.
//!
//! The server counts every request, a list's too, and goes on counting when this program is killed. So each one leaves a
//! mark before it leaves, and another when it is answered. The marks must outlive the process, not a power cut (no machine
//! starts within a period): they are written through to the system and not forced to the disk, which costs microseconds.
//!
//! The file: eight bytes that name it, then marks of eight bytes, little-endian, in no order: 0 is none, all ones is a
//! request under way, else the Unix time in milliseconds at which one was answered.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::JournalError;
use super::store::Journal;

const HEAD: &[u8; 8] = b"TGpace01";
const UNDER_WAY: u64 = u64::MAX;
/// More marks than any rate needs.
const MARKS_MAX: u64 = 64 * 1024;

/// A request's mark, until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(usize);

/// The marks of a journal's requests.
#[derive(Debug)]
pub struct Trail {
    path: PathBuf,
    file: File,
    /// A moment, and what the clock on the wall shows at it, in milliseconds.
    now: (Instant, u64),
    /// Until when each mark is needed; none while its request is under way.
    needed: Vec<Option<Instant>>,
    next: usize,
}

impl Journal {
    /// The trail beside this journal, if it is one that is kept and held; with how long ago each of the last requests was
    /// answered. `now` is what the clock on the wall shows at `instant`.
    ///
    /// # Errors
    /// If it cannot be read and written.
    pub fn trail(&self, now: SystemTime, instant: Instant) -> Result<Option<(Trail, Vec<Duration>)>, JournalError> {
        if !self.is_held() {
            return Ok(None);
        }
        let mut name = self.path.as_os_str().to_owned();
        name.push("-pace");
        let path = PathBuf::from(name);
        match open(&path) {
            Ok(None) => Err(JournalError::Foreign(path)),
            Ok(Some((file, marks))) => Trail::over(path.clone(), file, &marks, (instant, unix_ms(now)))
                .map(Some)
                .map_err(|reason| JournalError::Io { path, reason }),
            Err(reason) => Err(JournalError::Io { path, reason }),
        }
    }
}

impl Trail {
    /// What was under way when the process ended may be counted until now, and was not answered later than now.
    fn over(path: PathBuf, file: File, marks: &[u64], now: (Instant, u64)) -> io::Result<(Self, Vec<Duration>)> {
        let mut trail = Self { path, file, now, needed: vec![Some(now.0); marks.len()], next: 0 };
        let mut ages = Vec::new();
        for (index, mark) in marks.iter().enumerate() {
            match *mark {
                0 => {}
                UNDER_WAY => {
                    trail.write(index, now.1)?;
                    ages.push(Duration::ZERO);
                }
                // A clock that was set back since: as if it were just answered.
                answered => ages.push(Duration::from_millis(now.1.saturating_sub(answered))),
            }
        }
        Ok((trail, ages))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Marks that a request leaves.
    ///
    /// # Errors
    /// If it cannot be written: the request must not leave.
    pub fn leave(&mut self, now: Instant) -> io::Result<Mark> {
        let count = self.needed.len();
        let is_free = |index: &usize| self.needed[*index].is_some_and(|until| until <= now);
        let index = (self.next..count).chain(0..self.next).find(is_free).unwrap_or(count);
        self.write(index, UNDER_WAY)?;
        if index == count {
            self.needed.push(None);
        } else {
            self.needed[index] = None;
        }
        self.next = index + 1;
        Ok(Mark(index))
    }

    /// Marks that it is answered, which matters for a period.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn answer(&mut self, mark: Mark, now: Instant, period: Duration) -> io::Result<()> {
        self.needed[mark.0] = Some(now + period);
        let passed = u64::try_from(now.duration_since(self.now.0).as_millis()).unwrap_or(u64::MAX);
        self.write(mark.0, self.now.1.saturating_add(passed))
    }

    fn write(&mut self, index: usize, mark: u64) -> io::Result<()> {
        let at = HEAD.len() + index * size_of::<u64>();
        self.file.seek(SeekFrom::Start(u64::try_from(at).unwrap_or(u64::MAX)))?;
        self.file.write_all(&mark.to_le_bytes())
    }
}

/// Opens or makes the file, and reads its marks; none if it is something else.
fn open(path: &std::path::Path) -> io::Result<Option<(File, Vec<u64>)>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut bytes = Vec::new();
    (&file).take(HEAD.len() as u64 + MARKS_MAX * 8).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        file.write_all(HEAD)?;
        return Ok(Some((file, Vec::new())));
    }
    let Some(marks) = bytes.strip_prefix(HEAD) else { return Ok(None) };
    // A mark that was being added when the power went is none.
    let marks = marks.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    Ok(Some((file, marks.collect())))
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    /// The trail at a path, opened so many seconds after the beginning.
    fn at(path: &std::path::Path, seconds: u64) -> (Trail, Instant, Vec<u64>) {
        let now = Instant::now();
        let (file, marks) = open(path).unwrap().unwrap();
        let (trail, ages) = Trail::over(path.to_owned(), file, &marks, (now, 1_000_000 + seconds * 1000)).unwrap();
        let mut ages: Vec<u64> = ages.iter().map(Duration::as_secs).collect();
        ages.sort_unstable();
        (trail, now, ages)
    }

    #[test]
    fn what_was_answered_and_what_was_under_way_is_known_after_the_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut trail, now, ages) = at(&path, 0);
        assert!(ages.is_empty());
        let first = trail.leave(now).unwrap();
        let second = trail.leave(now).unwrap();
        trail.leave(now).unwrap();
        trail.answer(second, now + Duration::from_secs(2), PERIOD).unwrap();
        trail.answer(first, now + Duration::from_secs(5), PERIOD).unwrap();
        drop(trail);
        // The third was under way: it counts from now on.
        assert_eq!(at(&path, 30).2, [0, 25, 28]);
        assert_eq!(at(&path, 40).2, [10, 35, 38]);
        // The clock was set back.
        assert_eq!(at(&path, 1).2, [0, 0, 0]);
    }

    #[test]
    fn a_mark_is_written_over_only_when_it_is_not_needed_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        let (mut trail, now, _) = at(&path, 0);
        for second in 0..600 {
            let now = now + Duration::from_secs(second);
            let mark = trail.leave(now).unwrap();
            trail.answer(mark, now, PERIOD).unwrap();
        }
        let (_, _, ages) = at(&path, 599);
        assert!((60..70).contains(&ages.len()), "{} marks are kept", ages.len());
        assert_eq!(ages[..60], (0..60).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_is_no_trail_is_left_alone_and_half_a_mark_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-pace");
        std::fs::write(&path, "somebody's notes").unwrap();
        assert!(open(&path).unwrap().is_none());
        std::fs::write(&path, [&HEAD[..], &[1; 11]].concat()).unwrap();
        assert_eq!(open(&path).unwrap().unwrap().1.len(), 1);
    }
}
