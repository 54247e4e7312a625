//! How far the work is: a bar on a terminal, a line every ten seconds elsewhere.
//!
//! Events are folded into a tally where they happen; a thread of its own draws.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::tally::{Course, Notice, Tally};
use crate::model::ProgressMode;

/// How often it is looked how far the work is, and the bar is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a plain line is printed.
const LINE: Duration = Duration::from_secs(10);

/// Draws until it is finished.
pub struct Progress {
    tally: Arc<Tally>,
    drawing: Option<Drawing>,
}

/// The thread that draws.
struct Drawing {
    thread: JoinHandle<()>,
    /// What it is to say at once; nothing ends it.
    notices: mpsc::Sender<Option<Notice>>,
}

impl Progress {
    /// Begins to draw on standard error; the bar is one of `bars`, beside which logs are written.
    #[must_use]
    pub fn start(mode: ProgressMode, bars: &MultiProgress) -> Self {
        let tally = Arc::new(Tally::default());
        let mode = match mode {
            ProgressMode::Auto if io::stderr().is_terminal() => ProgressMode::Bar,
            ProgressMode::Auto => ProgressMode::Plain,
            chosen => chosen,
        };
        let (notices, heard) = mpsc::channel();
        let drawn = Arc::clone(&tally);
        let bars = bars.clone();
        let thread = thread::Builder::new().name("progress".to_owned());
        let thread = match mode {
            ProgressMode::None | ProgressMode::Auto => None,
            ProgressMode::Bar => thread.spawn(move || draw_bar(&drawn, &bars, &heard)).ok(),
            ProgressMode::Plain => thread.spawn(move || draw_lines(&drawn, &bars, &heard)).ok(),
        };
        Self { tally, drawing: thread.map(|thread| Drawing { thread, notices }) }
    }

    /// Whoever is to be told of events.
    #[must_use]
    pub fn listener(&self) -> crate::model::Listener {
        let tally = Arc::clone(&self.tally);
        let notices = self.drawing.as_ref().map(|drawing| drawing.notices.clone());
        Arc::new(move |event| {
            let notice = tally.hear(&event, Instant::now());
            if let (Some(notice), Some(notices)) = (notice, &notices) {
                // Nobody hears it once the drawing has ended.
                let _ = notices.send(Some(notice));
            }
        })
    }

    /// Says what is still to be said, ends the drawing and clears the bar.
    pub fn finish(self) {
        if let Some(Drawing { thread, notices }) = self.drawing {
            let _ = notices.send(None);
            let _ = thread.join();
        }
    }
}

/// Calls `draw` for every notice and, without one, for every frame.
fn follow(heard: &mpsc::Receiver<Option<Notice>>, mut draw: impl FnMut(Option<Notice>)) {
    loop {
        match heard.recv_timeout(FRAME) {
            Ok(Some(notice)) => draw(Some(notice)),
            Err(RecvTimeoutError::Timeout) => draw(None),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Two lines: how far it is, and below that what is waited for and what came of the rows so far.
fn draw_bar(tally: &Tally, bars: &MultiProgress, heard: &mpsc::Receiver<Option<Notice>>) {
    // A bar belongs to its group before it is drawn first, or logs tear it.
    let bar = bars.add(ProgressBar::new(0));
    bar.set_style(style("{spinner} {wide_msg}"));
    let (mut is_full, mut below) = (false, None);
    follow(heard, |notice| {
        if let Some(Notice::Text(text)) = notice {
            say(bars, &text);
        }
        let now = Instant::now();
        tally.look(now);
        if !is_full && tally.is_sending() {
            bar.set_style(style("{bar:16} {wide_msg}"));
            is_full = true;
        }
        let Course { done, total, text } = tally.course(now);
        bar.set_length(total);
        bar.set_position(done);
        // Of the same moment as the numbers, and a hundred only at the end.
        let percent = done.saturating_mul(100).checked_div(total).filter(|_| is_full);
        bar.set_message(percent.map_or_else(|| text.clone(), |percent| format!("{percent:>3}%  {text}")));
        bar.tick();
        let state = tally.state(now);
        // Once it is there it stays: nothing jumps.
        if below.is_some() || !state.is_empty() {
            let below = below.get_or_insert_with(|| begin_below(&bar, bars));
            below.set_message(state);
            below.tick();
        }
    });
    below.iter().chain([&bar]).for_each(ProgressBar::finish_and_clear);
}

fn begin_below(bar: &ProgressBar, bars: &MultiProgress) -> ProgressBar {
    let below = bars.insert_after(bar, ProgressBar::new(0));
    below.set_style(style("  {wide_msg}"));
    below
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One line that says it all, without the bar.
pub(super) fn line(tally: &Tally, now: Instant) -> String {
    let parts = [tally.course(now).text, tally.state(now)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

fn draw_lines(tally: &Tally, bars: &MultiProgress, heard: &mpsc::Receiver<Option<Notice>>) {
    let mut said_at = Instant::now();
    follow(heard, |notice| {
        let now = Instant::now();
        tally.look(now);
        match notice {
            Some(Notice::Text(text)) => say(bars, &text),
            None if now.duration_since(said_at) < LINE => {}
            Some(Notice::Wait) | None => {
                say(bars, &line(tally, now));
                said_at = now;
            }
        }
    });
}

/// Writes whole lines on standard error, above the bar if there is one.
fn say(bars: &MultiProgress, text: &str) {
    // Whoever closed it does not want to hear it.
    let _ = bars.suspend(|| io::stderr().write_all(format!("{text}\n").as_bytes()));
}
