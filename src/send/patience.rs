//! Decides how long everything backs off after consecutive refusals, and when to give up. Pure.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The first pauses in a row are as long as the server says; later ones grow, whatever it says.
const BELIEVED: u32 = 3;
const GROWN_MIN: Duration = Duration::from_secs(1);
const GROWN_MAX: Duration = Duration::from_mins(1);

/// Writes refused in a row that are more than an accident of one row.
const REFUSED: u32 = 5;
/// Rows failed in a row that prove the server to fail. Fewer may have a problem of their own: several rows of a file may hold
/// what a server cannot digest.
const FAILED: usize = 20;
/// A row that failed this often, with others accepted in between, has a problem of its own.
const AT_FAULT: u32 = 2;

#[derive(Debug)]
pub(super) struct Patience {
    longest: Duration,
    streak: Option<Streak>,
    in_vain: Option<InVain>,
    /// What failed, and how often others were taken after that.
    suspects: HashMap<u64, u32>,
}

/// Writes that had no effect since the last one that was taken.
#[derive(Debug)]
struct InVain {
    /// When the first of them left.
    since: Instant,
    /// Those that the server refused because it accepts no request now: when the first left, and how many.
    refused: Option<(Instant, u32)>,
    /// What the others were to change.
    failed: HashSet<u64>,
}

/// Refusals since the last request that was taken.
#[derive(Debug)]
struct Streak {
    since: Instant,
    /// A read that is taken tells nothing about writes.
    is_of_writes: bool,
    pauses: u32,
    /// When the last pause began: what left before it is refused for the same reason.
    paused: Instant,
}

/// A request that was refused for now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    /// Whether it was to change something.
    pub(super) is_write: bool,
    /// When it left.
    pub(super) left: Instant,
    /// How long everybody is to wait, at least.
    pub(super) pause: Duration,
    /// Whether the server said so.
    pub(super) is_named: bool,
}

/// The server would have everybody wait for longer than the user lets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLong {
    /// In one pause, of this length.
    Pause(Duration),
    /// In all pauses since the last request that was taken, for so long by now.
    InAll(Duration),
}

impl Patience {
    /// Of this length.
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, streak: None, in_vain: None, suspects: HashMap::new() }
    }

    /// A read was taken.
    pub(super) fn read(&mut self) {
        self.streak.take_if(|streak| !streak.is_of_writes);
    }

    /// A write was taken; of this subject, if that is known.
    pub(super) fn written(&mut self, subject: Option<u64>) {
        self.streak = None;
        for failed in self.in_vain.take().into_iter().flat_map(|in_vain| in_vain.failed) {
            *self.suspects.entry(failed).or_default() += 1;
        }
        if let Some(subject) = subject {
            self.suspects.remove(&subject);
        }
    }

    /// A write that left then turns out to have been taken, although no answer said so.
    pub(super) fn had_effect(&mut self, left: Instant) {
        let refused = self.in_vain.as_ref().and_then(|in_vain| in_vain.refused);
        // From before the first refusal it tells nothing.
        if refused.is_none_or(|(since, _)| since <= left) {
            self.written(None);
        }
    }

    /// A write that left then had no effect, as far as is known: for a reason that is not its own, if it was refused; else
    /// it may be the server's or its own.
    pub(super) fn in_vain(&mut self, subject: u64, is_refused: bool, left: Instant) {
        if !is_refused && self.suspects.get(&subject).is_some_and(|count| *count >= AT_FAULT) {
            return;
        }
        let in_vain = self.in_vain.get_or_insert(InVain { since: left, refused: None, failed: HashSet::new() });
        if is_refused {
            let (_, count) = in_vain.refused.get_or_insert((left, 0));
            *count = count.saturating_add(1);
        } else {
            in_vain.failed.insert(subject);
        }
    }

    /// For how long no write has been taken, if that is neither chance nor the fault of some rows.
    pub(super) fn takes_none(&self, now: Instant) -> Option<Duration> {
        let is_of_all = |in_vain: &&InVain| {
            in_vain.refused.is_some_and(|(_, count)| count >= REFUSED) || in_vain.failed.len() >= FAILED
        };
        self.in_vain.as_ref().filter(is_of_all).map(|in_vain| now.saturating_duration_since(in_vain.since))
    }

    /// A request was refused for now; gives how long everybody is to wait.
    pub(super) fn refused(&mut self, refused: Refused, now: Instant) -> Result<Duration, TooLong> {
        if refused.is_named && refused.pause > self.longest {
            return Err(TooLong::Pause(refused.pause));
        }
        let first = Streak { since: now, is_of_writes: false, pauses: 0, paused: refused.left };
        let streak = self.streak.get_or_insert(first);
        streak.is_of_writes |= refused.is_write;
        if streak.pauses == 0 || refused.left > streak.paused {
            streak.pauses += 1;
            streak.paused = now;
        }
        let passed = now.duration_since(streak.since);
        let left = self.longest.saturating_sub(passed);
        let is_beyond = if refused.is_named { refused.pause > left } else { left.is_zero() };
        if is_beyond && streak.pauses > 1 {
            return Err(TooLong::InAll(passed));
        }
        Ok(refused.pause.max(grown(streak.pauses)).min(left))
    }
}

/// The least of the pauses in a row.
fn grown(pauses: u32) -> Duration {
    match pauses.checked_sub(BELIEVED + 1) {
        None => Duration::ZERO,
        Some(more) => GROWN_MIN.saturating_mul(2_u32.saturating_pow(more)).min(GROWN_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused(pause: u64, is_named: bool, left: Instant) -> Refused {
        Refused { is_write: true, left, pause: seconds(pause), is_named }
    }

    /// The pauses of a server that refuses everything, and how they end.
    fn pauses(longest: Duration, pause: u64, is_named: bool) -> (Vec<u64>, TooLong) {
        let (mut patience, mut now, mut pauses) = (Patience::new(longest), Instant::now(), Vec::new());
        loop {
            let left = now;
            now += Duration::from_millis(1);
            match patience.refused(refused(pause, is_named, left), now) {
                Ok(pause) => {
                    pauses.push(pause.as_secs());
                    now += pause;
                }
                Err(too_long) => return (pauses, too_long),
            }
        }
    }

    #[test]
    fn pauses_in_a_row_grow_and_end_with_the_longest_wait() {
        let (pauses, end) = pauses(LONGEST, 2, true);
        assert_eq!(pauses[..12], [2, 2, 2, 2, 2, 4, 8, 16, 32, 60, 60, 60]);
        let TooLong::InAll(time) = end else { panic!("{end:?}") };
        assert!((7139..=7200).contains(&time.as_secs()), "{time:?}");
    }

    #[test]
    fn one_pause_beyond_the_longest_wait_is_refused_at_once_where_the_server_named_it() {
        assert_eq!(pauses(seconds(60), 61, true), (vec![], TooLong::Pause(seconds(61))));
        assert_eq!(pauses(seconds(60), 60, true).0, [60]);
        let (pauses, end) = pauses(seconds(3), 5, false);
        assert_eq!(pauses[0], 3);
        assert!(matches!(end, TooLong::InAll(_)));
    }

    #[test]
    fn no_write_is_taken_when_some_in_a_row_were_refused_whatever_becomes_of_reads() {
        let (mut patience, start) = (Patience::new(LONGEST), Instant::now());
        for number in 0..8 {
            assert_eq!(patience.takes_none(start), None);
            if number == 3 {
                patience.written(None);
            }
            patience.in_vain(1, true, start);
            patience.read();
            if number == 7 {
                assert_eq!(patience.takes_none(start + seconds(9)), Some(seconds(9)));
            }
        }
        patience.written(None);
        assert_eq!(patience.takes_none(start), None);
    }

    #[test]
    fn rows_that_fail_again_and_again_are_no_sign_that_all_do_unless_they_are_many() {
        let (mut patience, now) = (Patience::new(LONGEST), Instant::now());
        let fail = |patience: &mut Patience, subjects: std::ops::Range<u64>| {
            subjects.for_each(|subject| patience.in_vain(subject, false, now));
            patience.takes_none(now).is_some()
        };
        assert!((0..5).all(|_| !fail(&mut patience, 0..19)));
        assert!(fail(&mut patience, 19..20));
        // Others are taken, and they fail once more: so may all, after that.
        patience.written(Some(99));
        assert!(fail(&mut patience, 0..20));
        // Others are taken again: now it is their own fault.
        patience.written(Some(99));
        assert!((0..5).all(|_| !fail(&mut patience, 0..20)));
        assert!(fail(&mut patience, 20..40), "now all fail");
        // One that was taken in the end is none of them any more.
        patience.written(Some(7));
        (0..20).for_each(|subject| patience.written(Some(subject)));
        assert!(fail(&mut patience, 0..20));
    }

    #[test]
    fn an_effect_that_is_seen_later_ends_it_unless_it_is_from_before_the_refusals() {
        let (mut patience, start) = (Patience::new(LONGEST), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        (0..20).for_each(|subject| patience.in_vain(subject, false, at(subject)));
        patience.had_effect(at(0));
        assert_eq!(patience.takes_none(at(30)), None);
        (0..5).for_each(|subject| patience.in_vain(subject, true, at(40)));
        patience.had_effect(at(39));
        assert_eq!(patience.takes_none(at(50)), Some(seconds(10)));
        patience.had_effect(at(40));
        assert_eq!(patience.takes_none(at(50)), None);
    }

    #[test]
    fn refusals_of_what_left_before_the_pause_are_of_the_same_pause() {
        let (mut patience, start) = (Patience::new(LONGEST), Instant::now());
        for number in 0..100 {
            let now = start + Duration::from_millis(number);
            assert_eq!(patience.refused(refused(2, true, start), now), Ok(seconds(2)));
        }
    }

    #[test]
    fn what_is_taken_ends_the_row_of_pauses_but_no_read_ends_that_of_writes() {
        let (mut patience, start) = (Patience::new(seconds(10)), Instant::now());
        let read = |left| Refused { is_write: false, ..refused(5, false, left) };
        assert_eq!(patience.refused(read(start), start), Ok(seconds(5)));
        patience.read();
        assert_eq!(patience.refused(refused(5, false, start), start + seconds(20)), Ok(seconds(5)));
        patience.read();
        let too_long = patience.refused(refused(5, false, start + seconds(30)), start + seconds(31));
        assert_eq!(too_long, Err(TooLong::InAll(seconds(11))));
        patience.written(None);
        assert_eq!(patience.refused(refused(5, false, start), start + seconds(40)), Ok(seconds(5)));
    }
}
