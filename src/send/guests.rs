//! How many rows with guests may be under way, by what the organization's hourly cap on guest invites is seen to be. Pure.
//!
//! The cap shows only by refusals, each of which costs a look-up. So one row goes first, and for each round of rows that are
//! taken the next one is wider by one: when the cap strikes, few are on their way into it. After a refusal nobody goes for a
//! while, and then again one row first.

use std::time::{Duration, Instant};

use super::sign;

/// What the cap counts.
const HOUR: Duration = Duration::from_hours(1);

/// The pause where the server names none. Invites count for an hour: a row that goes alone, again and again, is taken by its
/// seventh send, which is within the attempts of a row.
const PAUSE: Duration = Duration::from_mins(10);
/// The least pause when the first row after a pause is refused too, whatever the server names; it doubles with every further
/// such refusal, up to the greatest. A row that goes alone gets through an hour like this too, within its attempts.
const PAUSE_MIN: Duration = Duration::from_secs(150);
const PAUSE_MAX: Duration = Duration::from_mins(15);

/// The cap, as far as it is known.
#[derive(Debug)]
pub(super) struct Cap {
    /// The longest time that it may take until a row is taken again.
    longest: Duration,
    /// The most rows under way.
    width: usize,
    /// How many of this round were taken.
    taken: usize,
    /// Rows under way.
    out: usize,
    /// How often it closed so far, and since a row was taken.
    closings: u32,
    in_vain: u32,
    closed: Option<Closed>,
    /// When a row was taken first after the last pause, and how long after the time before.
    opened: Option<Instant>,
    cycle: Option<Duration>,
    shut: Option<Duration>,
}

/// From the first refusal until a row is taken again.
#[derive(Debug, Clone, Copy)]
struct Closed {
    since: Instant,
    /// Nobody goes before.
    until: Instant,
    /// Whether that is as long as it was closed before.
    is_usual: bool,
}

/// How many times the cap had closed when a row left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GuestLeave(u32);

/// Whether a row may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It may.
    Open,
    /// Not before then.
    At(Instant),
    /// Only once another is answered.
    AfterAnswer,
    /// None will in this run: the cap would be in the way for so long.
    Shut(Duration),
}

/// What an answer tells of the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GuestWord {
    /// The row was taken.
    Taken,
    /// The cap refused it, and named this time.
    Refused(Option<Duration>),
    /// Nothing.
    Nothing,
}

impl Cap {
    /// A cap that nothing is known of.
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            longest,
            width: 1,
            taken: 0,
            out: 0,
            closings: 0,
            in_vain: 0,
            closed: None,
            opened: None,
            cycle: None,
            shut: None,
        }
    }

    /// Whether one more row may leave.
    pub(super) fn way(&self, now: Instant) -> Way {
        match (self.shut, self.closed) {
            (Some(time), _) => Way::Shut(time),
            (None, Some(closed)) if now < closed.until => Way::At(closed.until),
            _ if self.out >= self.width => Way::AfterAnswer,
            _ => Way::Open,
        }
    }

    /// Whether the next row to go is likely to be refused: as the last one was, and it has not closed for as long as usual.
    pub(super) fn is_doubtful(&self) -> bool {
        self.closed.is_some_and(|closed| self.in_vain > 1 && !closed.is_usual)
    }

    /// One leaves.
    pub(super) fn leave(&mut self) -> GuestLeave {
        self.out += 1;
        GuestLeave(self.closings)
    }

    /// One that had left is answered; gives for how long nobody goes from now on, if that is news.
    pub(super) fn answer(&mut self, leave: GuestLeave, word: GuestWord, now: Instant) -> Option<Duration> {
        self.out -= 1;
        let is_current = leave.0 == self.closings;
        match word {
            GuestWord::Taken if is_current => self.widen(now),
            GuestWord::Refused(named) => return self.close(named, is_current, now),
            GuestWord::Taken | GuestWord::Nothing => {}
        }
        None
    }

    fn widen(&mut self, now: Instant) {
        if self.closed.take().is_some() || self.opened.is_none() {
            self.cycle = self.opened.map(|before| now.duration_since(before).min(HOUR));
            self.opened = Some(now);
        }
        self.in_vain = 0;
        self.taken += 1;
        if self.taken >= self.width {
            self.width += 1;
            self.taken = 0;
        }
    }

    /// Refusals of rows that left before it closed are of the same closing.
    fn close(&mut self, named: Option<Duration>, is_current: bool, now: Instant) -> Option<Duration> {
        let is_news = is_current || self.closed.is_none_or(|closed| closed.until <= now);
        if is_news {
            (self.width, self.taken) = (1, 0);
            self.closings += 1;
            self.in_vain += 1;
        }
        let (since, until) = self.closed.map_or((now, now), |closed| (closed.since, closed.until));
        let left = self.longest.saturating_sub(now.duration_since(since));
        let usual = self.usual(since, now);
        let pause = self.pause(named, left, usual).and_then(|time| Some((time, now.checked_add(time)?)));
        let Some((time, open_at)) = pause else {
            self.shut = Some(named.map_or(now.duration_since(since), |named| sign::pause(Some(named))));
            return None;
        };
        let is_usual = usual.is_some_and(|usual| !usual.is_zero() && time >= usual);
        self.closed = Some(Closed { since, until: until.max(open_at), is_usual });
        is_news.then_some(time)
    }

    /// How long nobody goes; none if that is longer than what is left.
    fn pause(&self, named: Option<Duration>, left: Duration, usual: Option<Duration>) -> Option<Duration> {
        let usual = usual.unwrap_or_default();
        let Some(named) = named else {
            return Some(PAUSE.max(usual).min(left)).filter(|pause| !pause.is_zero());
        };
        let named = sign::pause(Some(named));
        let least = match self.in_vain {
            0 | 1 => Duration::ZERO,
            2 => PAUSE_MIN.max(usual),
            more => PAUSE_MIN.saturating_mul(2_u32.saturating_pow(more - 2)).min(PAUSE_MAX),
        };
        Some(named.max(least.min(left))).filter(|pause| *pause <= left && !left.is_zero())
    }

    /// How long it takes until it is open again for as many as it took, if that takes as long as before; none while that
    /// is not known. Each refusal until then would cost a row one of its attempts.
    fn usual(&self, since: Instant, now: Instant) -> Option<Duration> {
        let due = since.checked_add(self.cycle?)?;
        Some(due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_hours(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// As many leave as may.
    fn all(cap: &mut Cap, now: Instant) -> Vec<GuestLeave> {
        let mut left = Vec::new();
        while cap.way(now) == Way::Open {
            left.push(cap.leave());
        }
        left
    }

    #[test]
    fn each_round_that_is_taken_is_wider_by_one() {
        let (mut cap, now) = (Cap::new(LONGEST), Instant::now());
        for width in 1..20 {
            let left = all(&mut cap, now);
            assert_eq!(left.len(), width);
            assert_eq!(cap.way(now), Way::AfterAnswer);
            for leave in left {
                assert_eq!(cap.answer(leave, GuestWord::Taken, now), None);
            }
        }
    }

    #[test]
    fn what_tells_nothing_makes_the_next_round_neither_wider_nor_narrower() {
        let (mut cap, now) = (Cap::new(LONGEST), Instant::now());
        for leave in (0..10).flat_map(|_| all(&mut cap, now)).collect::<Vec<_>>() {
            cap.answer(leave, GuestWord::Nothing, now);
        }
        assert_eq!(all(&mut cap, now).len(), 1);
    }

    #[test]
    fn after_a_refusal_nobody_goes_for_the_time_named_and_then_one_row_first() {
        let (mut cap, now) = (Cap::new(LONGEST), Instant::now());
        for _ in 0..2 {
            for leave in all(&mut cap, now) {
                cap.answer(leave, GuestWord::Taken, now);
            }
        }
        let left = all(&mut cap, now);
        assert_eq!(left.len(), 3);
        assert_eq!(cap.answer(left[0], GuestWord::Refused(Some(seconds(60))), now), Some(seconds(61)));
        // The others are of the same closing; what was taken after it tells nothing.
        assert_eq!(cap.answer(left[1], GuestWord::Refused(Some(seconds(60))), now + seconds(1)), None);
        assert_eq!(cap.answer(left[2], GuestWord::Taken, now + seconds(2)), None);
        let open = now + seconds(62);
        assert_eq!(cap.way(now + seconds(2)), Way::At(open));
        let first = all(&mut cap, open);
        assert_eq!((first.len(), cap.way(open)), (1, Way::AfterAnswer));
        assert_eq!(cap.answer(first[0], GuestWord::Taken, open), None);
        assert_eq!(all(&mut cap, open).len(), 2);
    }

    /// The pauses until it is shut, when every first row is refused, and what it is shut for.
    fn pauses(longest: Duration, named: Option<Duration>) -> (Vec<u64>, Duration) {
        let (mut cap, mut now) = (Cap::new(longest), Instant::now());
        let mut pauses = Vec::new();
        loop {
            match cap.way(now) {
                Way::Open => {
                    let leave = cap.leave();
                    pauses.extend(cap.answer(leave, GuestWord::Refused(named), now).map(|time| time.as_secs()));
                }
                Way::At(until) => now = until,
                Way::AfterAnswer => panic!("none is under way"),
                Way::Shut(time) => return (pauses, time),
            }
        }
    }

    #[test]
    fn where_no_time_is_named_an_hour_is_fewer_pauses_than_a_row_has_attempts() {
        assert_eq!(pauses(LONGEST, None), (vec![600; 12], LONGEST));
        let within_an_hour = Duration::from_hours(1).as_secs() / PAUSE.as_secs();
        assert!(1 + within_an_hour < 8);
        assert_eq!(pauses(seconds(900), None), (vec![600, 300], seconds(900)));
        assert_eq!(pauses(Duration::ZERO, None), (vec![], Duration::ZERO));
    }

    #[test]
    fn a_time_named_too_short_is_believed_once() {
        let (pauses, shut) = pauses(LONGEST, Some(Duration::ZERO));
        assert_eq!(pauses[..7], [1, 150, 300, 600, 900, 900, 900]);
        assert!(pauses[..7].iter().sum::<u64>() > Duration::from_hours(1).as_secs());
        assert_eq!((pauses.iter().sum::<u64>(), shut), (LONGEST.as_secs(), seconds(1)));
    }

    #[test]
    fn once_it_was_seen_when_it_opens_again_nobody_goes_before_that_in_vain() {
        for named in [None, Some(Duration::ZERO)] {
            let (mut cap, mut now) = (Cap::new(LONGEST), Instant::now());
            let mut told = Vec::new();
            for _ in 0..3 {
                // What is taken first is all for an hour.
                let until = now + HOUR;
                let leave = cap.leave();
                assert_eq!(cap.answer(leave, GuestWord::Taken, now), None);
                now += seconds(1);
                while now < until {
                    let leave = cap.leave();
                    let pause = cap.answer(leave, GuestWord::Refused(named), now).unwrap();
                    told.push(pause.as_secs());
                    now += pause;
                }
            }
            let pauses: &[u64] = match named {
                None => &[600, 600, 600, 600, 600, 600, 3600, 3600],
                Some(_) => &[1, 150, 300, 600, 900, 900, 900, 1, 3599, 1, 3599],
            };
            assert_eq!(told, pauses);
        }
    }

    #[test]
    fn a_time_beyond_the_longest_shuts_it_for_good() {
        let day = Duration::from_hours(24);
        assert_eq!(pauses(LONGEST, Some(day)), (vec![], day + seconds(1)));
        assert_eq!(pauses(seconds(3601), Some(seconds(3600))), (vec![3601], seconds(3601)));
        assert_eq!(pauses(seconds(3600), Some(seconds(3600))), (vec![], seconds(3601)));
        // No clock goes that far, whatever the user would wait.
        assert_eq!(pauses(Duration::MAX, Some(Duration::MAX)), (vec![], Duration::MAX));
    }
}
