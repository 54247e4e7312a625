//! How far the work is: a bar on a terminal, a line every ten seconds elsewhere.
//!
//! Events are folded into counters where they happen; a thread of its own draws.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use super::grouped;
use crate::model::{Event, Standing, Status, Undone};

/// How often the bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a plain line is printed.
const LINE: Duration = Duration::from_secs(10);

/// `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// Plain lines.
    Plain,
    /// Nothing.
    None,
}

/// How many rows were settled, by their status.
struct Settled<S>(Vec<(S, AtomicU64)>);

impl<S: Standing> Default for Settled<S> {
    fn default() -> Self {
        Self(S::all().iter().map(|status| (*status, AtomicU64::new(0))).collect())
    }
}

impl<S: Standing> Settled<S> {
    fn add(&self, status: S) {
        for (_, count) in self.0.iter().filter(|(known, _)| *known == status) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(status, count)| (status.as_str(), count.load(Ordering::Relaxed)))
    }
}

/// What has been heard so far.
#[derive(Default)]
struct Tally {
    read: AtomicU64,
    page: AtomicU64,
    pages: AtomicU64,
    to_settle: AtomicU64,
    settled: Settled<Status>,
    undone: Settled<Undone>,
    is_deleting: AtomicBool,
    sending_since: Mutex<Option<Instant>>,
    paused_until: Mutex<Option<Instant>>,
}

impl Tally {
    fn hear(&self, event: &Event) {
        match event {
            Event::Read(rows) => self.read.store(*rows, Ordering::Relaxed),
            Event::Listed { page, pages } => {
                self.page.store(*page, Ordering::Relaxed);
                self.pages.store(*pages, Ordering::Relaxed);
            }
            Event::Sending(rows) | Event::Deleting(rows) => {
                self.to_settle.store(*rows, Ordering::Relaxed);
                self.is_deleting.store(matches!(event, Event::Deleting(_)), Ordering::Relaxed);
                set(&self.sending_since, Instant::now());
            }
            Event::Settled(status) => self.settled.add(*status),
            Event::Undone(status) => self.undone.add(*status),
            Event::Resumed => *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = None,
            Event::GuestsPaused(_) => {}
            Event::Paused { time, .. } => {
                if let Some(until) = Instant::now().checked_add(*time) {
                    set(&self.paused_until, until);
                }
            }
        }
    }

    /// One line that says it all, without the bar.
    fn line(&self) -> String {
        let Some(since) = get(&self.sending_since) else { return self.before_sending() };
        let (done, total) = (self.done(), self.to_settle.load(Ordering::Relaxed));
        let elapsed = since.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate to show needs no more than 52 bits")]
        let rate = if elapsed > 0.0 { done as f64 / elapsed } else { 0.0 };
        let verb = if self.is_deleting.load(Ordering::Relaxed) { "deleting" } else { "sending" };
        let mut line = format!("{verb}  {}/{}  {rate:.1}/s", grouped(done), grouped(total));
        if done > 0 && done < total {
            #[expect(clippy::cast_precision_loss, reason = "a time to show needs no more than 52 bits")]
            let left = Duration::try_from_secs_f64((total - done) as f64 / rate).unwrap_or(Duration::MAX);
            let _ = write!(line, "  {} left", HumanDuration(left));
        }
        let counts = self.counts();
        if !counts.is_empty() {
            line.push_str("  ");
            line.push_str(&counts);
        }
        line
    }

    fn before_sending(&self) -> String {
        match self.pages.load(Ordering::Relaxed) {
            0 => format!("reading  {} rows", grouped(self.read.load(Ordering::Relaxed))),
            pages => format!(
                "listing the organization's groups  page {} of {}",
                grouped(self.page.load(Ordering::Relaxed)),
                grouped(pages)
            ),
        }
    }

    fn done(&self) -> u64 {
        self.all_settled().map(|(_, count)| count).sum()
    }

    fn all_settled(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.settled.counts().chain(self.undone.counts())
    }

    fn counts(&self) -> String {
        let mut counts: Vec<String> = self
            .all_settled()
            .filter(|(_, count)| *count > 0)
            .map(|(status, count)| format!("{status} {}", grouped(count)))
            .collect();
        let paused = get(&self.paused_until).map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = paused.filter(|left| !left.is_zero()) {
            counts.push(format!("paused by the server for {}", HumanDuration(left)));
        }
        counts.join(", ")
    }
}

fn set(slot: &Mutex<Option<Instant>>, instant: Instant) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(instant);
}

fn get(slot: &Mutex<Option<Instant>>) -> Option<Instant> {
    *slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Draws until it is finished.
pub struct Progress {
    tally: Arc<Tally>,
    drawing: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to draw on standard error; the bar is one of `bars`, beside which logs are written.
    #[must_use]
    pub fn start(mode: ProgressMode, bars: &MultiProgress) -> Self {
        let tally = Arc::new(Tally::default());
        let mode = match mode {
            ProgressMode::Auto if std::io::stderr().is_terminal() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            chosen => chosen,
        };
        let (stop, stopped) = mpsc::channel();
        let drawn = Arc::clone(&tally);
        let bars = bars.clone();
        let thread = thread::Builder::new().name("progress".to_owned());
        let drawing = match mode {
            ProgressMode::None | ProgressMode::Auto => None,
            ProgressMode::Bar => thread.spawn(move || draw_bar(&drawn, &bars, &stopped)).ok(),
            ProgressMode::Plain => thread.spawn(move || draw_lines(&drawn, &stopped)).ok(),
        };
        Self { tally, drawing: drawing.map(|thread| (stop, thread)) }
    }

    /// Whoever is to be told of events.
    #[must_use]
    pub fn listener(&self) -> crate::model::Listener {
        let tally = Arc::clone(&self.tally);
        Arc::new(move |event| tally.hear(&event))
    }

    /// Ends the drawing and clears the bar.
    pub fn finish(self) {
        if let Some((stop, thread)) = self.drawing {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn draw_bar(tally: &Tally, bars: &MultiProgress, stopped: &mpsc::Receiver<()>) {
    // A bar belongs to its group before it is drawn first, or logs tear it.
    let bar = bars.add(ProgressBar::new(0));
    let spinner = style("{spinner} {wide_msg}");
    let full = style("{bar:16} {percent:>3}%  {wide_msg}");
    bar.set_style(spinner);
    let mut is_full = false;
    while stopped.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
        if !is_full && get(&tally.sending_since).is_some() {
            bar.set_style(full.clone());
            is_full = true;
        }
        bar.set_length(tally.to_settle.load(Ordering::Relaxed));
        bar.set_position(tally.done());
        bar.set_message(tally.line());
        bar.tick();
    }
    bar.finish_and_clear();
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[expect(clippy::print_stderr, reason = "this is the room that prints")]
fn draw_lines(tally: &Tally, stopped: &mpsc::Receiver<()>) {
    while stopped.recv_timeout(LINE) == Err(RecvTimeoutError::Timeout) {
        eprintln!("{}", tally.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wait;

    #[test]
    fn the_line_says_what_is_being_done_how_far_and_with_what_outcome() {
        let tally = Tally::default();
        tally.hear(&Event::Read(1234));
        assert_eq!(tally.line(), "reading  1,234 rows");
        tally.hear(&Event::Listed { page: 2, pages: 1000 });
        assert_eq!(tally.line(), "listing the organization's groups  page 2 of 1,000");
        tally.hear(&Event::Sending(4000));
        for _ in 0..3 {
            tally.hear(&Event::Settled(Status::Created));
        }
        tally.hear(&Event::Settled(Status::Failed));
        tally.hear(&Event::Paused { time: Duration::from_secs(90), why: Wait::Asked });
        let line = tally.line();
        assert!(line.starts_with("sending  4/4,000  "), "{line}");
        assert!(line.contains(" left  created 3, failed 1, paused by the server for "), "{line}");
    }

    #[test]
    fn deleting_is_called_so() {
        let tally = Tally::default();
        tally.hear(&Event::Deleting(2));
        tally.hear(&Event::Undone(Undone::Deleted));
        tally.hear(&Event::Undone(Undone::Changed));
        let line = tally.line();
        assert!(line.starts_with("deleting  2/2  ") && line.ends_with("  deleted 1, changed 1"), "{line}");
    }
}
