//! The progress: status lines on a terminal, a line every ten seconds elsewhere.
//!
//! Events are folded into a state where they happen; a thread of its own draws.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use console::{Term, measure_text_width, truncate_str};
use indicatif::ProgressDrawTarget;
use parking_lot::Mutex;

use super::forecast::{self, Forecast};
use super::progress_state::ProgressState;
use super::status_line::{BAR, StatusLine};
use crate::model::{GuestWait, Listener, ProgressMode, Rate, Wait, grouped, shortened, span};

/// How often the bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a plain line is printed.
const LINE: Duration = Duration::from_secs(10);
/// The columns of the narrowest terminal that has a bar.
const BAR_FROM: usize = 80;
/// Stands between the parts of a line.
const GAP: &str = "  ";

/// The progress of a run; dropping it removes the bar.
pub(crate) struct Progress {
    state: Arc<Mutex<ProgressState>>,
    status: StatusLine,
    /// The drawing thread, and what ends it.
    drawing: Option<(JoinHandle<()>, mpsc::Sender<()>)>,
}

impl Progress {
    /// Starts to draw on standard error, below everything else that is written there.
    pub(crate) fn start(mode: ProgressMode, status: &StatusLine) -> Self {
        let (progress_state, (end, ended)) = (Arc::default(), mpsc::channel());
        let is_terminal = || !ProgressDrawTarget::stderr().is_hidden();
        let is_bar = mode == ProgressMode::Bar || mode == ProgressMode::Auto && is_terminal();
        let (state, bars) = (Arc::clone(&progress_state), status.clone());
        let draw = move || draw(&state, &bars, is_bar, &ended);
        let is_shown = mode != ProgressMode::None;
        let thread = is_shown.then(|| thread::Builder::new().name("progress".to_owned()).spawn(draw));
        let drawing = thread.and_then(Result::ok).map(|thread| (thread, end));
        Self { state: progress_state, status: status.clone(), drawing }
    }

    /// Prints what the import takes; its rate is the planned one.
    pub(crate) fn announce(&self, forecast: &Forecast) {
        let planned = forecast.rate.map(Rate::per_second);
        self.state.lock().planned = planned;
        if self.drawing.is_some() {
            // A closed standard error is no reason to stop.
            let _ = writeln!(self.status.clone(), "{}", forecast::text(forecast));
        }
    }

    /// The receiver of events.
    pub(crate) fn listener(&self) -> Listener {
        let state = Arc::clone(&self.state);
        Arc::new(move |event| state.lock().add(event, Instant::now()))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((thread, end)) = self.drawing.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

/// Draws until the progress is dropped.
fn draw(state: &Mutex<ProgressState>, status: &StatusLine, is_bar: bool, ended: &mpsc::Receiver<()>) {
    if is_bar {
        status.open();
    }
    while ended.recv_timeout(if is_bar { FRAME } else { LINE }) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        if is_bar {
            let (bar, progress, below) = frame(&state.lock(), Term::stderr().size().1.into(), now);
            status.show(bar, progress, below);
        } else {
            let line = plain_line(&state.lock(), now);
            let _ = writeln!(status.clone(), "{line}");
        }
    }
    status.close();
}

/// Everything on one line.
fn plain_line(state: &ProgressState, now: Instant) -> String {
    [progress_parts(state, now), below_parts(state, now)].concat().join(GAP)
}

/// What is done and the total if there is room for a bar; the progress; and below it the waits and the outcomes so far. No line
/// is wider than `width`.
fn frame(state: &ProgressState, width: usize, now: Instant) -> (Option<(u64, u64)>, String, String) {
    let bar = (state.is_sending() && width >= BAR_FROM).then_some((state.done, state.total));
    let room = width - if bar.is_some() { BAR + GAP.len() } else { 0 };
    (bar, fitting(&progress_parts(state, now), room), fitting(&below_parts(state, now), width))
}

/// The first parts, as many as fit; the very first is shortened if it has to be.
fn fitting(parts: &[String], width: usize) -> String {
    let mut line = String::new();
    for (index, part) in parts.iter().enumerate() {
        let longer =
            if index == 0 { truncate_str(part, width, "…").into_owned() } else { format!("{line}{GAP}{part}") };
        if measure_text_width(&longer) > width {
            break;
        }
        line = longer;
    }
    line
}

/// What is done, how much of it, and how long the rest takes; the most important part first.
fn progress_parts(state: &ProgressState, now: Instant) -> Vec<String> {
    if !state.is_sending() {
        return match state.pages {
            None => vec![format!("reading  {} rows", grouped(state.read))],
            Some((what, _, 0)) => vec![format!("listing {what}")],
            Some((what, page, pages)) => vec![format!("listing {what}  page {} of {}", grouped(page), grouped(pages))],
        };
    }
    let (done, total) = (state.done, state.total);
    let verb = if state.is_deleting { "deleting" } else { "sending" };
    let width = grouped(total).len();
    let is_endless = matches!(state.pause, Some((until, Wait::Down(_) | Wait::Refused)) if until > now);
    let parts = [
        Some(format!("{verb}  {:>width$}/{}", grouped(done), grouped(total))),
        done.saturating_mul(100).checked_div(total).map(|percent| format!("{percent}%")),
        state.left(now).filter(|_| done < total && !is_endless).map(|left| format!("{} left", span(left))),
        state.speed(now).filter(|_| done < total && !state.is_idle(now)).map(rate),
    ];
    parts.into_iter().flatten().collect()
}

fn rate(per_second: f64) -> String {
    match per_second {
        1.0.. => format!("{per_second:.1}/s"),
        0.017.. => format!("{:.1}/min", per_second * 60.0),
        _ => format!("{:.1}/h", per_second * 3600.0),
    }
}

/// The waits with their reasons, then the outcomes of this run.
fn below_parts(state: &ProgressState, now: Instant) -> Vec<String> {
    let left = |until: Instant| Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero()).map(span);
    let pause = state.pause.as_ref().and_then(|(until, why)| Some((left(*until)?, why)));
    let pause = pause.map(|(left, why)| match why {
        Wait::Asked => format!("paused for {left}: the server asked for it"),
        Wait::Limit => format!("paused for {left}: the limit is used up"),
        Wait::Refused => format!("next attempt in {left}: the server refuses requests"),
        Wait::Down(last) => format!("next attempt in {left}: the server is down ({})", shortened(last)),
    });
    let guests = state.guest_pause.and_then(|(until, why)| Some((left(until)?, why)));
    let guests = guests.map(|(left, why)| match why {
        GuestWait::Capped => format!("guests wait for {left}: the server's guest quota"),
        GuestWait::Rated => format!("guests wait for {left}: --guest-rate"),
    });
    let counts = state.counts.by_status().map(|(status, count)| format!("{} {}", status.as_ref(), grouped(count)));
    let counts = counts.collect::<Vec<_>>().join(", ");
    pause.into_iter().chain(guests).chain((!counts.is_empty()).then_some(counts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, Status};

    const SECOND: Duration = Duration::from_secs(1);

    fn paused(seconds: u32, why: Wait) -> Event {
        Event::Paused { time: SECOND * seconds, why }
    }

    fn guests_paused(seconds: u32, why: GuestWait) -> Event {
        Event::GuestsPaused { time: SECOND * seconds, why }
    }

    fn at_ten_a_second(done: u64, total: u64, now: Instant) -> ProgressState {
        let mut state = ProgressState::default();
        state.add(Event::Rate(10.0), now);
        state.add(Event::Started { is_deleting: false, done, total }, now);
        state
    }

    #[test]
    fn the_line_says_what_is_done_how_much_of_it_and_with_what_outcome() {
        let (mut state, now) = (ProgressState::default(), Instant::now());
        state.add(Event::Read(1234), now);
        assert_eq!(plain_line(&state, now), "reading  1,234 rows");
        state.add(Event::Listed { what: "groups", page: 0, pages: 0 }, now);
        assert_eq!(plain_line(&state, now), "listing groups");
        state.add(Event::Listed { what: "groups", page: 2, pages: 1000 }, now);
        assert_eq!(plain_line(&state, now), "listing groups  page 2 of 1,000");
        let mut state = at_ten_a_second(0, 4000, now);
        assert_eq!(plain_line(&state, now), "sending      0/4,000  0%  6 min 40 s left  10.0/s");
        for status in [Status::Created, Status::Created, Status::Created, Status::Failed] {
            state.add(Event::Settled(status), now);
        }
        assert_eq!(plain_line(&state, now), "sending      4/4,000  0%  6 min 40 s left  10.0/s  created 3, failed 1");
    }

    #[test]
    fn what_earlier_runs_did_is_done() {
        let now = Instant::now();
        let mut state = at_ten_a_second(1204, 5000, now);
        state.add(Event::Settled(Status::Created), now);
        assert_eq!(plain_line(&state, now), "sending  1,205/5,000  24%  6 min 20 s left  10.0/s  created 1");
        let mut state = ProgressState::default();
        state.add(Event::Started { is_deleting: true, done: 1, total: 3 }, now);
        state.add(Event::Settled(Status::Deleted), now);
        state.add(Event::Settled(Status::Held), now);
        assert_eq!(plain_line(&state, now), "deleting  3/3  100%  deleted 1, held 1");
    }

    #[test]
    fn a_wait_shows_how_long_it_still_is_and_why_and_moves_no_cursor() {
        let (mut state, now) = (ProgressState::default(), Instant::now());
        state.add(Event::Started { is_deleting: false, done: 0, total: 40 }, now);
        state.add(paused(28, Wait::Asked), now);
        assert_eq!(plain_line(&state, now), "sending   0/40  0%  paused for 28 s: the server asked for it");
        let later = now + SECOND * 20;
        assert_eq!(plain_line(&state, later), "sending   0/40  0%  paused for 8 s: the server asked for it");
        state.add(Event::Resumed, now);
        assert_eq!(plain_line(&state, now), "sending   0/40  0%");
        state.add(paused(8, Wait::Down("connection refused\u{1b}[2J".to_owned())), now);
        state.add(guests_paused(720, GuestWait::Capped), now);
        assert_eq!(
            plain_line(&state, now),
            "sending   0/40  0%  next attempt in 8 s: the server is down (connection refused\\u{1b}[2J)  \
             guests wait for 12 min: the server's guest quota"
        );
        let later = now + SECOND * 120;
        assert_eq!(plain_line(&state, later), "sending   0/40  0%  guests wait for 10 min: the server's guest quota");
        let later = now + SECOND * 720;
        assert_eq!(plain_line(&state, later), "sending   0/40  0%");
        state.add(paused(5, Wait::Refused), later);
        state.add(guests_paused(1440, GuestWait::Rated), now);
        assert_eq!(
            plain_line(&state, later),
            "sending   0/40  0%  next attempt in 5 s: the server refuses requests  guests wait for 12 min: --guest-rate"
        );
    }

    #[test]
    fn the_time_of_the_guests_is_left_if_it_is_longer() {
        let now = Instant::now();
        let mut state = at_ten_a_second(0, 400, now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  40 s left  10.0/s");
        state.add(Event::GuestsTake { rows: 300, time: SECOND * 3600 * 3 }, now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  3 h left  10.0/s");
        state.add(Event::GuestsTake { rows: 400, time: SECOND * 3600 * 2 }, now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  2 h left", "nothing else is sent");
        state.add(Event::GuestsTake { rows: 0, time: Duration::ZERO }, now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  40 s left  10.0/s");
    }

    #[test]
    fn no_time_is_shown_while_the_end_of_a_wait_is_unknown() {
        let now = Instant::now();
        let mut state = at_ten_a_second(0, 400, now);
        for why in [Wait::Down("connection refused".to_owned()), Wait::Refused] {
            state.add(paused(20, why), now);
            assert!(!plain_line(&state, now).contains("left"), "{}", plain_line(&state, now));
            state.add(Event::Resumed, now);
        }
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  40 s left  10.0/s");
    }

    #[test]
    fn a_rate_that_is_found_on_the_way_says_how_long_the_rest_takes() {
        let (mut state, now) = (ProgressState::default(), Instant::now());
        state.add(Event::Started { is_deleting: false, done: 0, total: 400 }, now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%");
        state.add(Event::Rate(0.5), now);
        assert_eq!(plain_line(&state, now), "sending    0/400  0%  13 min 20 s left  30.0/min");
    }

    #[test]
    fn a_pause_that_began_before_the_sending_counts() {
        let (mut state, now) = (ProgressState::default(), Instant::now());
        state.planned = Some(10.0);
        state.add(paused(60, Wait::Asked), now);
        state.add(Event::Started { is_deleting: false, done: 0, total: 600 }, now);
        assert_eq!(
            plain_line(&state, now),
            "sending    0/600  0%  2 min left  paused for 60 s: the server asked for it"
        );
    }

    #[test]
    fn on_a_narrow_terminal_whole_parts_are_left_out_the_least_important_first() {
        let now = Instant::now();
        let mut state = at_ten_a_second(1_000_000, 9_000_000, now);
        state.add(Event::Settled(Status::Created), now);
        state.add(guests_paused(720, GuestWait::Capped), now);
        let lines = |width: usize| {
            let (bar, progress, below) = frame(&state, width, now);
            (bar, progress, below)
        };
        for width in 1..120 {
            let (bar, progress, below) = lines(width);
            let bar = bar.map_or(0, |_| BAR + GAP.len());
            assert!(bar + measure_text_width(&progress) <= width && measure_text_width(&below) <= width, "{width}");
        }
        let full = "sending  1,000,001/9,000,000  11%  9 days 6 h left  10.0/s".to_owned();
        let below = "guests wait for 12 min: the server's guest quota".to_owned();
        assert_eq!(lines(80), (Some((1_000_001, 9_000_000)), full.clone(), format!("{below}  created 1")));
        assert_eq!(lines(71), (None, full, format!("{below}  created 1")));
        assert_eq!(lines(50), (None, "sending  1,000,001/9,000,000  11%  9 days 6 h left".to_owned(), below));
        let cut = "guests wait for 12 min: the server's gu…".to_owned();
        assert_eq!(lines(40), (None, "sending  1,000,001/9,000,000  11%".to_owned(), cut));
    }
}
