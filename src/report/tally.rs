//! Events folded into what one line says of the work. Pure: the moment of each event is handed in.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::eta::Eta;
use super::{forecast, grouped};
use crate::model::{Event, GuestWait, OutcomeStatus, Status, Undone, Wait, shortened, span};

/// A wait of this length is told when it begins; a shorter one is over before the next line.
const LONG: Duration = Duration::from_secs(10);

/// What is not to wait for the next line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// This is said once.
    Text(String),
    /// A long wait begins: the line says so.
    Wait,
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) text: String,
}

/// How many rows were settled, by their status.
struct Settled<S>(Vec<(S, AtomicU64)>);

impl<S: OutcomeStatus> Default for Settled<S> {
    fn default() -> Self {
        Self(S::VARIANTS.iter().map(|status| (*status, AtomicU64::new(0))).collect())
    }
}

impl<S: OutcomeStatus> Settled<S> {
    fn add(&self, status: S) {
        for (_, count) in self.0.iter().filter(|(known, _)| *known == status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(status, count)| (status.as_str(), count.load(Ordering::Relaxed)))
    }
}

/// What is being waited for.
#[derive(Default)]
struct Waits {
    /// All requests, until that moment.
    all: Option<(Instant, Wait)>,
    /// Those of rows with guests.
    guests: Option<(Instant, GuestWait)>,
}

/// The times.
#[derive(Default)]
struct Times {
    /// Rows that can be settled in a second, at most, as far as it is known.
    planned: Option<f64>,
    /// Since the sending began.
    eta: Option<Eta>,
    waits: Waits,
}

/// What has been heard so far.
#[derive(Default)]
pub(super) struct Tally {
    read: AtomicU64,
    page: AtomicU64,
    pages: AtomicU64,
    to_settle: AtomicU64,
    settled: Settled<Status>,
    undone: Settled<Undone>,
    is_listing: AtomicBool,
    is_deleting: AtomicBool,
    times: Mutex<Times>,
}

impl Tally {
    /// Hears of something that happens at this moment; gives what is to be said of it at once.
    pub(super) fn hear(&self, event: &Event, now: Instant) -> Option<Notice> {
        match event {
            Event::Read(rows) => self.read.store(*rows, Ordering::Relaxed),
            Event::Forecast(takes) => {
                self.times().planned = takes.rows_per_second();
                return Some(Notice::Text(forecast::text(takes)));
            }
            Event::Listed { page, pages } => {
                self.is_listing.store(true, Ordering::Relaxed);
                self.page.store(*page, Ordering::Relaxed);
                self.pages.store(*pages, Ordering::Relaxed);
            }
            Event::Sending(rows) | Event::Deleting(rows) => {
                self.to_settle.store(*rows, Ordering::Relaxed);
                self.is_deleting.store(matches!(event, Event::Deleting(_)), Ordering::Relaxed);
                self.times().begin(*rows, now);
            }
            Event::Settled(status) => self.settled.add(*status),
            Event::Undone(status) => self.undone.add(*status),
            Event::Resumed => self.times().resume(now),
            Event::Paused { time, why } => {
                self.look(now);
                return self.times().pause(now.checked_add(*time)?, why, now);
            }
            Event::GuestsPaused { time, why } => {
                self.look(now);
                return self.times().hold_guests(now.checked_add(*time)?, *why, now);
            }
            Event::GuestsTake { rows, time } => self.times().expect_guests(*rows, now.checked_add(*time)?),
            Event::Rate(per_second) => self.times().plan(*per_second),
        }
        None
    }

    /// Whether rows are being settled.
    pub(super) fn is_sending(&self) -> bool {
        self.times().eta.is_some()
    }

    /// Rows to settle.
    fn total(&self) -> u64 {
        self.to_settle.load(Ordering::Relaxed)
    }

    /// Rows that are settled.
    fn done(&self) -> u64 {
        self.all_settled().map(|(_, count)| count).sum()
    }

    /// Looks how far it is; to be called every second or more often.
    pub(super) fn look(&self, now: Instant) {
        let done = self.done();
        if let Some(eta) = &mut self.times().eta {
            eta.see(done, now);
        }
    }

    /// How far it is, how fast, and how long it still takes.
    pub(super) fn course(&self, now: Instant) -> Course {
        let (done, total, times) = (self.done(), self.total(), self.times());
        let text = match &times.eta {
            Some(eta) => self.sending((done, total), eta, times.waits.are_endless(now), now),
            None => self.before_sending(),
        };
        Course { done, total, text }
    }

    /// What is waited for, and what came of the rows so far; nothing if there is neither.
    pub(super) fn state(&self, now: Instant) -> String {
        let wait = self.times().waits.told(now);
        let counts = Some(self.counts()).filter(|counts| !counts.is_empty());
        // The wait first: on a narrow terminal the end is cut off.
        wait.into_iter().chain(counts).collect::<Vec<_>>().join("  ")
    }

    fn sending(&self, (done, total): (u64, u64), eta: &Eta, is_endless: bool, now: Instant) -> String {
        let verb = if self.is_deleting.load(Ordering::Relaxed) { "deleting" } else { "sending" };
        let width = grouped(total).len();
        let left = eta.left(now).filter(|_| done < total && !is_endless);
        let parts = [
            Some(format!("{verb}  {:>width$}/{}", grouped(done), grouped(total))),
            eta.speed().filter(|_| !eta.is_held_up(now)).map(|speed| format!("{speed:.1}/s")),
            left.map(|left| format!("{} left", span(left))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
    }

    fn before_sending(&self) -> String {
        let pages = match self.pages.load(Ordering::Relaxed) {
            _ if !self.is_listing.load(Ordering::Relaxed) => {
                return format!("reading  {} rows", grouped(self.read.load(Ordering::Relaxed)));
            }
            0 => String::new(),
            pages => format!("  page {} of {}", grouped(self.page.load(Ordering::Relaxed)), grouped(pages)),
        };
        format!("listing the organization's groups{pages}")
    }

    fn all_settled(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.settled.counts().chain(self.undone.counts())
    }

    fn counts(&self) -> String {
        let some = self.all_settled().filter(|(_, count)| *count > 0);
        some.map(|(status, count)| format!("{status} {}", grouped(count))).collect::<Vec<_>>().join(", ")
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn begin(&mut self, rows: u64, now: Instant) {
        let mut eta = Eta::new(rows, self.planned, now);
        if let Some((until, _)) = self.waits.all {
            eta.pause(until, now);
        }
        if let Some((until, _)) = self.waits.guests {
            eta.hold_guests(until, now);
        }
        self.eta = Some(eta);
    }

    fn expect_guests(&mut self, rows: u64, until: Instant) {
        if let Some(eta) = &mut self.eta {
            eta.expect_guests(rows, until);
        }
    }

    fn plan(&mut self, per_second: f64) {
        self.planned = Some(per_second);
        if let Some(eta) = &mut self.eta {
            eta.plan(per_second);
        }
    }

    fn resume(&mut self, now: Instant) {
        self.waits.all = None;
        if let Some(eta) = &mut self.eta {
            eta.resume(now);
        }
    }

    fn pause(&mut self, until: Instant, why: &Wait, now: Instant) -> Option<Notice> {
        if let Some(eta) = &mut self.eta {
            eta.pause(until, now);
        }
        lengthen(&mut self.waits.all, until, why.clone(), now)
    }

    fn hold_guests(&mut self, until: Instant, why: GuestWait, now: Instant) -> Option<Notice> {
        if let Some(eta) = &mut self.eta {
            eta.hold_guests(until, now);
        }
        lengthen(&mut self.waits.guests, until, why, now)
    }
}

/// A wait lasts until then; several requests may hear of one.
fn lengthen<T>(wait: &mut Option<(Instant, T)>, until: Instant, why: T, now: Instant) -> Option<Notice> {
    let before = wait.as_ref().map(|(before, _)| *before);
    if before.is_none_or(|before| before < until) {
        *wait = Some((until, why));
    }
    let longer = until.saturating_duration_since(before.map_or(now, |before| before.max(now)));
    (longer >= LONG).then_some(Notice::Wait)
}

impl Waits {
    /// Whether nobody knows when it will go on.
    fn are_endless(&self, now: Instant) -> bool {
        self.all.as_ref().is_some_and(|(until, why)| *until > now && matches!(why, Wait::Down(_) | Wait::Refused))
    }

    /// What is waited for, how long still, and why.
    fn told(&self, now: Instant) -> Option<String> {
        let left = |until: Instant| Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero()).map(span);
        let all = self.all.as_ref().and_then(|(until, why)| Some((left(*until)?, why)));
        let all = all.map(|(left, why)| match why {
            Wait::Asked => format!("paused for {left}: the server asked for it"),
            Wait::Refused => format!("paused for {left}: the server takes no more for now"),
            Wait::Limit => format!("paused for {left}: the limit is used up"),
            Wait::Down(last) => format!("paused for {left}: the server is down ({})", shortened(last)),
        });
        let guests = self.guests.and_then(|(until, why)| {
            let left = left(until)?;
            Some(match why {
                GuestWait::Capped => format!("guests wait for {left} (the server's cap)"),
                GuestWait::Rated => format!("guests wait for {left} (--guest-rate)"),
            })
        });
        let waits: Vec<String> = all.into_iter().chain(guests).collect();
        (!waits.is_empty()).then(|| waits.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Forecast, GuestCap};

    const SECOND: Duration = Duration::from_secs(1);

    fn paused(seconds: u64, why: Wait) -> Event {
        Event::Paused { time: SECOND * u32::try_from(seconds).unwrap(), why }
    }

    fn guests_paused(seconds: u32, why: GuestWait) -> Event {
        Event::GuestsPaused { time: SECOND * seconds, why }
    }

    fn forecast() -> Forecast {
        let (rate, guest_cap) = (Some((600, SECOND * 60)), GuestCap::OfApi(30, SECOND * 3600));
        Forecast { creates: 4000, pages: None, rate, guests: 0, guest_cap, guest_time: Duration::ZERO }
    }

    fn line(tally: &Tally, now: Instant) -> String {
        super::super::progress::line(tally, now)
    }

    #[test]
    fn the_line_says_what_is_being_done_how_far_and_with_what_outcome() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Read(1234), now);
        assert_eq!(line(&tally, now), "reading  1,234 rows");
        let notice = tally.hear(&Event::Forecast(forecast()), now);
        assert_eq!(notice, Some(Notice::Text(super::forecast::text(&forecast()))));
        tally.hear(&Event::Listed { page: 0, pages: 0 }, now);
        assert_eq!(line(&tally, now), "listing the organization's groups");
        tally.hear(&Event::Listed { page: 2, pages: 1000 }, now);
        assert_eq!(line(&tally, now), "listing the organization's groups  page 2 of 1,000");
        tally.hear(&Event::Sending(4000), now);
        assert_eq!(line(&tally, now), "sending      0/4,000  10.0/s  6 min 40 s left");
        for _ in 0..3 {
            tally.hear(&Event::Settled(Status::Created), now);
        }
        tally.hear(&Event::Settled(Status::Failed), now);
        tally.look(now);
        assert_eq!(line(&tally, now), "sending      4/4,000  10.0/s  6 min 40 s left  created 3, failed 1");
    }

    #[test]
    fn deleting_is_called_so() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Deleting(2), now);
        tally.hear(&Event::Undone(Undone::Deleted), now);
        tally.hear(&Event::Undone(Undone::Changed), now);
        assert_eq!(line(&tally, now), "deleting  2/2  deleted 1, changed 1");
    }

    #[test]
    fn a_wait_says_how_long_still_and_why_and_moves_no_cursor() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Sending(40), now);
        tally.hear(&paused(28, Wait::Asked), now);
        assert_eq!(line(&tally, now), "sending   0/40  paused for 28 s: the server asked for it");
        assert_eq!(line(&tally, now + SECOND * 20), "sending   0/40  paused for 8 s: the server asked for it");
        tally.hear(&Event::Resumed, now);
        assert_eq!(line(&tally, now), "sending   0/40");
        tally.hear(&paused(8, Wait::Down("connection refused\u{1b}[2J".to_owned())), now);
        tally.hear(&guests_paused(720, GuestWait::Capped), now);
        assert_eq!(
            line(&tally, now),
            "sending   0/40  paused for 8 s: the server is down (connection refused\\u{1b}[2J), \
             guests wait for 12 min (the server's cap)"
        );
        assert_eq!(line(&tally, now + SECOND * 120), "sending   0/40  guests wait for 10 min (the server's cap)");
        assert_eq!(line(&tally, now + SECOND * 720), "sending   0/40");
        tally.hear(&paused(5, Wait::Refused), now + SECOND * 720);
        tally.hear(&guests_paused(1440, GuestWait::Rated), now);
        assert_eq!(
            line(&tally, now + SECOND * 720),
            "sending   0/40  paused for 5 s: the server takes no more for now, guests wait for 12 min (--guest-rate)"
        );
    }

    #[test]
    fn the_time_that_guests_take_is_what_is_left_where_it_is_longer() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Forecast(forecast()), now);
        tally.hear(&Event::Sending(400), now);
        assert_eq!(tally.course(now).text, "sending    0/400  10.0/s  40 s left");
        tally.hear(&Event::GuestsTake { rows: 300, time: SECOND * 3600 * 3 }, now);
        assert_eq!(tally.course(now).text, "sending    0/400  10.0/s  3 h left");
        assert_eq!(tally.course(now + SECOND * 3600).text, "sending    0/400  10.0/s  2 h left");
        tally.hear(&Event::GuestsTake { rows: 0, time: Duration::ZERO }, now);
        assert_eq!(tally.course(now).text, "sending    0/400  10.0/s  40 s left");
    }

    #[test]
    fn while_nobody_knows_when_it_goes_on_no_time_is_told() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Forecast(forecast()), now);
        tally.hear(&Event::Sending(400), now);
        for why in [Wait::Down("connection refused".to_owned()), Wait::Refused] {
            tally.hear(&paused(20, why), now);
            assert_eq!(tally.course(now).text, "sending    0/400");
            tally.hear(&Event::Resumed, now);
        }
        assert_eq!(tally.course(now).text, "sending    0/400  10.0/s  40 s left");
    }

    #[test]
    fn a_rate_that_is_found_on_the_way_is_what_the_rest_takes() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Forecast(Forecast { rate: None, ..forecast() }), now);
        tally.hear(&Event::Sending(400), now);
        assert_eq!(tally.course(now).text, "sending    0/400");
        tally.hear(&Event::Rate(5.0), now);
        assert_eq!(tally.course(now).text, "sending    0/400  5.0/s  80 s left");
    }

    #[test]
    fn a_long_wait_is_told_once_when_it_begins() {
        let (tally, now) = (Tally::default(), Instant::now());
        let is_told = |event: &Event, at: u32| tally.hear(event, now + SECOND * at).is_some();
        assert!(!is_told(&paused(4, Wait::Asked), 0));
        assert!(is_told(&paused(30, Wait::Asked), 0));
        assert!(!is_told(&paused(30, Wait::Asked), 1), "another lane hears of it");
        assert!(is_told(&paused(60, Wait::Asked), 2), "it became longer");
        assert!(!is_told(&Event::Resumed, 3));
        assert!(is_told(&paused(12, Wait::Down(String::new())), 4));
        assert!(is_told(&guests_paused(720, GuestWait::Capped), 5));
        assert!(!is_told(&guests_paused(720, GuestWait::Capped), 6));
    }

    #[test]
    fn a_pause_that_began_before_the_sending_counts() {
        let (tally, now) = (Tally::default(), Instant::now());
        tally.hear(&Event::Forecast(forecast()), now);
        tally.hear(&paused(60, Wait::Asked), now);
        tally.hear(&Event::Sending(600), now);
        assert_eq!(line(&tally, now), "sending    0/600  2 min left  paused for 60 s: the server asked for it");
    }
}
