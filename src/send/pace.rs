//! The limiter: every request of the process passes here, lists and look-ups too.
//!
//! The window keeps it honest, the spacing keeps it smooth inside the window.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::judge::{refusal, trouble};
use super::meter::{Meter, Said, Ticket};
use super::patience::{Patience, Refused, TooLong};
use super::rate::Speed;
use super::sign::{Sign, pause, sign};
use super::spacing::Spacing;
use super::stop::Stop;
use super::valve::{Course, Valve};
use super::window::Room;
use crate::journal::{Mark, Trail};
use crate::model::{Event, Halt, Listener, Wait};
use crate::tallyfy::{Answer, Lost};

/// How fast requests may leave, and how long they may have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `--rate`
    pub speed: Speed,
    /// The most requests in flight.
    pub lanes: usize,
    /// The longest pause that the server may impose.
    pub wait_max: Duration,
}

/// When the next request may leave.
pub struct Pace {
    book: Mutex<Book>,
    /// One asks at a time, in the order in which they came.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// An answer came, or a pause.
    changed: Notify,
    wait_max: Duration,
    requests: AtomicU64,
    stop: Stop,
    listener: Listener,
}

struct Book {
    meter: Meter,
    spacing: Option<Spacing>,
    valve: Valve,
    patience: Patience,
    paused_until: Option<Instant>,
    trail: Option<Trail>,
}

/// The right of a request to leave now.
pub(super) struct Leave {
    at: Instant,
    ticket: Ticket,
    mark: Option<Mark>,
}

/// Nobody sends for a while.
struct Pause {
    time: Duration,
    why: Wait,
}

/// What is to be done before a request may leave.
pub(super) enum Step {
    /// It may.
    Go(Leave),
    /// Wait until then, or until something changes.
    Wait(Option<Instant>),
    /// Wait for so long, and probe the server.
    Probe(Duration),
    /// It never will: the run stops.
    Held,
}

impl Pace {
    /// Nothing has left yet, but what a trail tells of: how long ago each of the last requests was answered.
    #[must_use]
    pub fn new(limits: Limits, trail: Option<(Trail, Vec<Duration>)>, stop: Stop, listener: Listener) -> Self {
        let now = Instant::now().into_std();
        let mut meter = Meter::new(limits.speed, limits.lanes, now);
        let (trail, ages) = trail.map_or((None, Vec::new()), |(trail, ages)| (Some(trail), ages));
        for age in ages {
            meter.remember(age, now);
        }
        let (valve, patience) = (Valve::default(), Patience::new(limits.wait_max));
        let book = Book { meter, spacing: None, valve, patience, paused_until: None, trail };
        Self {
            book: Mutex::new(book),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            wait_max: limits.wait_max,
            requests: AtomicU64::new(0),
            stop,
            listener,
        }
    }

    /// How many requests have left.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// For how long the server has refused all requests that change something, for reasons that are not their own; none if
    /// it may be chance.
    pub(super) fn takes_none(&self) -> Option<Duration> {
        self.book().patience.takes_none(Instant::now().into_std())
    }

    /// How long the server takes to answer when it is slow: the longest time seen, which fades over some hundred faster answers.
    pub fn latency(&self) -> Duration {
        self.book().meter.latency()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever has the turn is to do.
    pub(super) fn step(&self) -> Step {
        let (now, mut book) = (Instant::now(), self.book());
        match book.valve.course(self.wait_max, now.into_std()) {
            None => self.step_in(&mut book, now),
            Some(Course::GiveUp(time, why)) => {
                self.stop.raise(Halt::Down { time, why });
                Step::Held
            }
            Some(Course::Probe(gap, why)) => {
                drop(book);
                (self.listener)(Event::Paused { time: gap, why: Wait::Down(why) });
                Step::Probe(gap)
            }
        }
    }

    /// The same, whether or not the server is down.
    pub(super) fn step_past_valve(&self) -> Step {
        self.step_in(&mut self.book(), Instant::now())
    }

    fn step_in(&self, book: &mut Book, now: Instant) -> Step {
        if self.stop.is_raised() {
            return Step::Held;
        }
        if let Some(until) = book.paused_until.filter(|until| now < *until) {
            return Step::Wait(Some(until));
        }
        match book.room(now) {
            Room::Now => match book.leave(now) {
                Ok(leave) => {
                    self.requests.fetch_add(1, Ordering::Relaxed);
                    Step::Go(leave)
                }
                Err(why) => {
                    self.stop.raise(Halt::Unrecorded(why));
                    Step::Held
                }
            },
            Room::At(until) => Step::Wait(Some(until.into())),
            Room::AfterAnswer => Step::Wait(None),
        }
    }

    /// Waits until then, or until something changes; none if the run stops.
    pub(super) async fn wait(&self, until: Option<Instant>) -> Option<()> {
        self.stop.wait(&self.changed, until).await
    }

    /// Whether nothing but a probe may leave.
    pub(super) fn is_closed(&self) -> bool {
        self.book().valve.is_closed()
    }

    /// It never left after all.
    pub(super) fn forgo(&self, leave: Leave) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.book().forgo(leave);
        self.changed.notify_one();
    }

    /// A request is answered, or lost.
    pub(super) fn hear(&self, leave: Leave, is_write: bool, answer: &Result<Answer, Lost>) {
        let (now, said) = (Instant::now(), sign(answer, SystemTime::now()));
        let mut book = self.book();
        let was_closed = book.valve.is_closed();
        let asked = book.hear(leave, is_write, answer, &said, now);
        let is_over = was_closed && !book.valve.is_closed();
        drop(book);
        if is_over {
            (self.listener)(Event::Resumed);
        }
        match asked {
            None => {}
            Some(Ok(pause)) => self.pause(pause),
            Some(Err(TooLong::Pause(time))) => self.stop.raise(Halt::PauseTooLong(time)),
            Some(Err(TooLong::InAll(time))) => self.stop.raise(Halt::Refusing { time, why: why(answer) }),
        }
        self.changed.notify_one();
    }

    /// Nobody sends for so long, because of what the server answered.
    fn pause(&self, Pause { time, why }: Pause) {
        let Some(until) = Instant::now().checked_add(time) else {
            self.stop.raise(Halt::PauseTooLong(time));
            return;
        };
        let mut book = self.book();
        if !time.is_zero() && book.paused_until.is_none_or(|before| before < until) {
            book.paused_until = Some(until);
            drop(book);
            (self.listener)(Event::Paused { time, why });
        }
    }
}

/// What befell a request that was refused for now.
fn why(answer: &Result<Answer, Lost>) -> String {
    answer.as_ref().map_or_else(|_| String::new(), |answer| trouble(answer, &refusal(answer)).message)
}

impl Book {
    fn room(&mut self, now: Instant) -> Room {
        match self.meter.room(now.into_std()) {
            Room::Now => {}
            room => return room,
        }
        let Some(rate) = self.meter.rate() else { return Room::Now };
        let spacing = match self.spacing.take() {
            Some(spacing) => spacing.at(rate, now),
            None => Spacing::new(rate, now),
        };
        self.spacing.insert(spacing).room(now)
    }

    fn leave(&mut self, now: Instant) -> Result<Leave, String> {
        let (at, now) = (now, now.into_std());
        let mark = match &mut self.trail {
            Some(trail) if self.meter.rate().is_some() => Some(
                trail.leave(now).map_err(|reason| format!("{}: {reason}", crate::model::shown_path(trail.path())))?,
            ),
            _ => None,
        };
        Ok(Leave { at, ticket: self.meter.leave(now), mark })
    }

    fn forgo(&mut self, Leave { ticket, mark, .. }: Leave) {
        self.meter.forgo(ticket);
        if let (Some(trail), Some(mark)) = (&mut self.trail, mark) {
            // A mark that stays holds its place for longer after a restart: nothing is lost by it.
            let _ = trail.forgo(mark, Instant::now().into_std());
        }
    }

    /// Notes an answer; gives how long everybody is to wait, where the server asks for it.
    fn hear(
        &mut self,
        Leave { at, ticket, mark }: Leave,
        is_write: bool,
        answer: &Result<Answer, Lost>,
        said: &Sign,
        now: Instant,
    ) -> Option<Result<Pause, TooLong>> {
        let (left, now) = (at.into_std(), now.into_std());
        if let (Some(trail), Some(mark)) = (&mut self.trail, mark) {
            // As above.
            let _ = trail.answer(mark, now);
        }
        let hints = answer.as_ref().ok().map(|answer| &answer.hints);
        let told = match (said, hints) {
            (Sign::TooMany(named), Some(hints)) => Said::TooMany(hints, *named),
            _ => Said::Taken(hints),
        };
        let asked = self.meter.answer(ticket, told, now);
        match said {
            Sign::Fine | Sign::TooMany(_) => self.valve.answered(),
            Sign::Unable(why, _) | Sign::Failing(why, _) => self.valve.failed(why.clone(), now),
        }
        if is_write && said.is_refusal() {
            self.patience.in_vain(now);
        }
        let (time, named) = match said {
            Sign::Fine => {
                self.patience.taken(is_write);
                return None;
            }
            Sign::TooMany(named) => (asked?, *named),
            // Once it may be chance; again and again the pauses grow.
            Sign::Unable(_, None) if is_write => (Duration::ZERO, None),
            Sign::Unable(_, named) | Sign::Failing(_, named) => (pause(Some((*named)?)), *named),
        };
        // The pause may be our own and longer: only what the server names may be too long.
        let is_asked = |time| named.is_some_and(|named| time == pause(Some(named)));
        let refused = Refused { is_write, left, pause: time, is_named: is_asked(time) };
        let paused = self.patience.refused(refused, now);
        Some(paused.map(|time| Pause { time, why: if is_asked(time) { Wait::Asked } else { Wait::Refused } }))
    }
}
