//! The rate limiter: hands out permits to send. Every request of the process needs one, lists and lookups too.
//!
//! Sends nothing itself: while the server is down, the first that waits for a permit sends a probe.

mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use self::state::LimiterState;
use super::circuit_breaker::Probing;
use super::rate::Speed;
use super::server_failure::ServerFailure;
use super::stop::Stop;
use crate::journal::{Mark, Trail};
use crate::model::{Event, Listener, StopReason, Wait};
use crate::tallyfy::Hints;

/// How fast requests may leave, and how long they may have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `--rate`
    pub speed: Speed,
    /// The most requests in flight.
    pub concurrency: usize,
    /// The longest pause that the server may impose.
    pub wait_max: Duration,
}

/// Hands out permits.
pub struct RateLimiter {
    state: Mutex<LimiterState>,
    /// One waits for a permit at a time, in the order in which they came.
    queue: tokio::sync::Mutex<()>,
    /// A response came, or a pause began.
    changed: Notify,
    wait_max: Duration,
    requests: AtomicU64,
    stop: Stop,
    listener: Listener,
}

/// Permission to send one request now. If it is dropped, the request never left.
pub struct Permit<'a> {
    limiter: &'a RateLimiter,
    departure: Option<Departure>,
}

/// A request that left.
#[derive(Debug, Clone, Copy)]
struct Departure {
    left: Instant,
    mark: Option<Mark>,
    is_write: bool,
}

/// Why no request may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Not before then, or not before something changes.
    Until(Option<Instant>),
    /// The server is down: a probe may leave after this time.
    Down(Duration),
}

impl RateLimiter {
    /// No request has left yet, except for those of the trail: how long ago each of the last ones was answered.
    #[must_use]
    pub fn new(limits: Limits, trail: Option<(Trail, Vec<Duration>)>, stop: Stop, listener: Listener) -> Self {
        Self {
            state: Mutex::new(LimiterState::new(limits, trail, listener.clone(), Instant::now())),
            queue: tokio::sync::Mutex::new(()),
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

    /// How long the server takes to answer when it is slow: the longest latency, which fades over some hundred faster responses.
    pub fn latency(&self) -> Duration {
        self.state().budget.latency()
    }

    /// For how long the server has refused all writes, for reasons that are not their own; `None` if it may be chance.
    pub(crate) fn refuses_writes(&self) -> Option<Duration> {
        self.state().failures.refuses_writes(Instant::now().into_std())
    }

    /// A write had its effect, although its response did not say so.
    pub(crate) fn had_effect(&self) {
        self.state().failures.succeeded(true);
        self.changed.notify_one();
    }

    /// The first place in the queue for permits.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.queue.lock().await
    }

    /// A permit, if one request may leave now.
    pub(crate) fn try_permit(&self, is_write: bool) -> Result<Permit<'_>, Blocked> {
        let probing = self.state().breaker.probing(self.wait_max, Instant::now().into_std());
        match probing {
            Some(Probing::GiveUp(time, why)) => {
                self.stop.raise(StopReason::Down { time, why });
                Err(Blocked::Until(None))
            }
            Some(Probing::After(gap, why)) => {
                (self.listener)(Event::Paused { time: gap, why: Wait::Down(why) });
                Err(Blocked::Down(gap))
            }
            None => self.depart(is_write).map_err(Blocked::Until),
        }
    }

    /// A permit for a probe, or when to try again; nothing if something must change.
    pub(crate) fn try_probe(&self) -> Result<Permit<'_>, Option<Instant>> {
        self.depart(false)
    }

    fn depart(&self, is_write: bool) -> Result<Permit<'_>, Option<Instant>> {
        let departure = self.state().depart(is_write, Instant::now());
        let departure = departure.unwrap_or_else(|halt| {
            self.stop.raise(halt);
            Err(None)
        })?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { limiter: self, departure: Some(departure) })
    }

    /// Whether nothing but probes may leave.
    pub(crate) fn is_down(&self) -> bool {
        self.state().breaker.is_open()
    }

    /// Waits until then, or until something changes; `None` if the run stops.
    pub(crate) async fn wait(&self, until: Option<Instant>) -> Option<()> {
        self.stop.wait(&self.changed, until).await
    }

    /// The request of a permit is answered, or lost. `subject` is what it was to change: the same each time it is sent.
    pub(crate) fn answered(
        &self,
        mut permit: Permit<'_>,
        subject: u64,
        failure: Option<ServerFailure>,
        hints: Option<&Hints>,
    ) {
        let Some(departure) = permit.departure.take() else { return };
        let answered = self.state().answered(&departure, subject, failure, hints, Instant::now());
        if let Err(halt) = answered {
            self.stop.raise(halt);
        }
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(departure) = self.departure.take() {
            self.limiter.requests.fetch_sub(1, Ordering::Relaxed);
            self.limiter.state().cancel(&departure, Instant::now());
            self.limiter.changed.notify_one();
        }
    }
}
