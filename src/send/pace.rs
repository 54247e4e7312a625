//! The limiter: every request of the process passes here, lists and look-ups too.
//!
//! The window keeps it honest, the spacing keeps it smooth inside the window.

mod book;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use self::book::{Book, Heard, Pause};
use super::judge::trouble;
use super::meter::Ticket;
use super::patience::TooLong;
use super::rate::Speed;
use super::sign::{Sign, sign};
use super::stop::Stop;
use super::valve::ValveCourse;
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

/// The right of a request to leave now.
pub(super) struct Leave {
    at: Instant,
    ticket: Ticket,
    mark: Option<Mark>,
    /// Whether it is to change something.
    is_write: bool,
}

/// What is to be done before a request may leave.
pub(super) enum PaceStep {
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
        Self {
            book: Mutex::new(Book::new(limits, trail, Instant::now())),
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

    /// Whether more requests in flight would be faster: the rate was rarely what they waited for.
    pub fn is_cramped(&self) -> bool {
        self.book().meter.is_cramped()
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

    fn tell(&self, event: Option<Event>) {
        if let Some(event) = event {
            (self.listener)(event);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever has the turn is to do.
    pub(super) fn step(&self, is_write: bool) -> PaceStep {
        let course = self.book().valve.course(self.wait_max, Instant::now().into_std());
        match course {
            None => self.step_past_valve(is_write),
            Some(ValveCourse::GiveUp(time, why)) => {
                self.stop.raise(Halt::Down { time, why });
                PaceStep::Held
            }
            Some(ValveCourse::Probe(gap, why)) => {
                (self.listener)(Event::Paused { time: gap, why: Wait::Down(why) });
                PaceStep::Probe(gap)
            }
        }
    }

    /// The same, whether or not the server is down.
    pub(super) fn step_past_valve(&self, is_write: bool) -> PaceStep {
        if self.stop.is_raised() {
            return PaceStep::Held;
        }
        let (now, mut book) = (Instant::now(), self.book());
        if let Some(until) = book.paused_until.filter(|until| now < *until) {
            return PaceStep::Wait(Some(until));
        }
        match book.room(is_write, now) {
            Room::Now => match book.leave(is_write, now) {
                Ok(leave) => {
                    let told = book.go(now);
                    drop(book);
                    self.tell(told);
                    self.requests.fetch_add(1, Ordering::Relaxed);
                    PaceStep::Go(leave)
                }
                Err(why) => {
                    self.stop.raise(Halt::Unrecorded(why));
                    PaceStep::Held
                }
            },
            Room::At(until) => {
                let told = book.wait(until.into(), now);
                drop(book);
                self.tell(told);
                PaceStep::Wait(Some(until.into()))
            }
            Room::AfterAnswer => PaceStep::Wait(None),
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

    /// A request is answered, or lost. `subject` is what it was to change, if it was: the same each time it is sent.
    pub(super) fn hear(&self, leave: Leave, subject: Option<u64>, answer: &Result<Answer, Lost>) {
        let (now, said) = (Instant::now(), sign(answer, SystemTime::now()));
        let mut book = self.book();
        let was_closed = book.valve.is_closed();
        let asked = book.hear(leave, Heard { answer, said: &said, subject }, now);
        let is_over = was_closed && !book.valve.is_closed();
        let rate = book.rate(now);
        drop(book);
        self.tell(rate);
        self.tell(is_over.then_some(Event::Resumed));
        match asked {
            None => {}
            Some(Ok(pause)) => self.pause(pause),
            Some(Err(TooLong::Pause(time))) => self.stop.raise(Halt::PauseTooLong(time)),
            Some(Err(TooLong::InAll(time))) => self.stop.raise(Halt::Refusing { time, why: why(answer, &said) }),
        }
        self.changed.notify_one();
    }

    /// What left then had its effect, although no answer said so.
    pub(super) fn had_effect(&self, left: Instant) {
        self.book().patience.had_effect(left.into_std());
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

/// What befell a request that had no effect for now.
fn why(answer: &Result<Answer, Lost>, said: &Sign) -> String {
    match (answer, said) {
        (Ok(answer), _) => trouble(answer).message,
        (Err(_), Sign::Unable(why, _) | Sign::Failing(why, _)) => why.clone(),
        (Err(_), Sign::Fine | Sign::TooMany(_)) => String::new(),
    }
}
