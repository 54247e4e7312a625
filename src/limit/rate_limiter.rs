//! The rate limiter: hands out permits to send. Every request of the process needs one, lists and lookups too.
//!
//! Sends nothing itself: while the server is down, the first that waits gets a permit for a probe.

use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use super::circuit_breaker::CircuitBreaker;
use super::failure_streaks::FailureStreaks;
use super::now;
use super::queue::{PermitQueue, Stop};
use super::rate_limit::RateLimit;
use super::server_failure::{FailureKind, ServerFailure};
use crate::journal::{Mark, RequestLog};
use crate::model::{Event, Listener, Rate, Speed, StopReason, Wait, shown_path};
use crate::tallyfy::Hints;

/// A wait of this length, beyond the usual one between two requests, is reported.
const LONG: Duration = Duration::from_secs(1);

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
    queue: PermitQueue<LimiterState>,
    listener: Listener,
}

/// Every rule that a request must pass, and what each response changes.
struct LimiterState {
    limit: RateLimit,
    breaker: CircuitBreaker,
    streaks: FailureStreaks,
    /// For the rate limit after a restart; none at full speed.
    request_log: Option<RequestLog>,
    /// Requests that have left.
    requests: u64,
    writes_in_flight: usize,
    /// Until when nothing leaves, as reported.
    reported_until: Option<Instant>,
    /// The rate to expect, as reported.
    reported_rate: Option<Rate>,
}

/// Permission to send one request now. If it is dropped, the request never left.
pub struct Permit<'a> {
    limiter: &'a RateLimiter,
    left: Instant,
    mark: Option<Mark>,
    is_write: bool,
    /// Whether it is for a probe only: the server is down.
    pub(crate) is_probe: bool,
}

impl RateLimiter {
    /// No request has left yet, except for those of the request log: how long ago each of the last ones was answered.
    pub fn new(
        limits: Limits,
        request_log: Option<(RequestLog, Vec<Duration>)>,
        stop: Stop,
        listener: Listener,
    ) -> Self {
        let Limits { speed, concurrency, wait_max } = limits;
        let (request_log, ages) = request_log.filter(|_| speed != Speed::Unpaced).unzip();
        let found =
            request_log.as_ref().and_then(RequestLog::found).and_then(|(requests, period)| Rate::of(requests, period));
        let limit = RateLimit::new(speed, concurrency, found, &ages.unwrap_or_default(), now());
        let state = LimiterState {
            // A rate that the user named needs no report.
            reported_rate: limit.expected().filter(|_| speed != Speed::Auto),
            limit,
            breaker: CircuitBreaker::new(wait_max),
            streaks: FailureStreaks::new(wait_max),
            request_log,
            requests: 0,
            writes_in_flight: 0,
            reported_until: None,
        };
        Self { queue: PermitQueue::new(state, stop), listener }
    }

    /// How many requests have left.
    pub fn requests(&self) -> u64 {
        self.queue.state.lock().requests
    }

    /// How long the server takes to answer when it is slow: the longest latency, which fades over some hundred faster responses.
    pub fn latency(&self) -> Duration {
        self.queue.state.lock().limit.latency
    }

    /// For how long the server has refused all writes, for reasons that are not their own; `None` if it may be chance.
    pub(crate) fn refuses_writes(&self) -> Option<Duration> {
        self.queue.state.lock().streaks.refuses_writes(now())
    }

    /// A write had its effect, although its response did not say so.
    pub(crate) fn had_effect(&self) {
        self.queue.state.lock().streaks.succeeded(true);
        self.queue.changed.notify_one();
    }

    /// Waits until one request may leave, in the order of the calls; `None` if the run stops. While the server is down, it may be
    /// a probe only.
    pub(crate) async fn permit(&self, is_write: bool) -> Option<Permit<'_>> {
        self.queue.permit(|| self.depart(is_write)).await
    }

    /// A permit; or when to try again, or `None`: not before a response.
    fn depart(&self, is_write: bool) -> Result<Permit<'_>, Option<Instant>> {
        let (state, now) = (&mut *self.queue.state.lock(), now());
        state.breaker.room(now)?;
        let is_probe = state.breaker.is_open();
        let is_write = is_write && !is_probe;
        // While the server refuses all writes, one at a time finds out when it accepts them.
        if is_write && state.writes_in_flight > 0 && state.streaks.refuses_writes(now).is_some() {
            return Err(None);
        }
        state.limit.room(now).inspect_err(|until| self.report_wait(state, *until, now))?;
        let leave = |request_log: &mut RequestLog| {
            request_log.leave().map_err(|reason| format!("{}: {reason}", shown_path(request_log.path())))
        };
        let mark = state.request_log.as_mut().map(leave).transpose().map_err(|why| {
            self.queue.stop.raise(StopReason::Unrecorded(why));
            None
        })?;
        if is_probe {
            state.breaker.probe_at = None;
        }
        state.limit.window.leave(1);
        state.requests += 1;
        state.writes_in_flight += usize::from(is_write);
        if state.reported_until.take().is_some_and(|until| now < until) {
            (self.listener)(Event::Resumed);
        }
        Ok(Permit { limiter: self, left: now, mark, is_write, is_probe })
    }

    fn report_wait(&self, state: &mut LimiterState, until: Option<Instant>, now: Instant) {
        let Some(until) = until else { return };
        let time = until.saturating_duration_since(now);
        let usual = state.reported_rate.map(Rate::spacing).unwrap_or_default().saturating_mul(2).saturating_add(LONG);
        if time > usual && state.reported_until < Some(until) {
            state.reported_until = Some(until);
            (self.listener)(Event::Paused { time, why: Wait::Limit });
        }
    }

    /// The request of a permit is answered, or lost. `subject` is what it was to change: the same each time it is sent.
    pub(crate) fn answered(
        &self,
        permit: Permit<'_>,
        subject: u64,
        failure: Option<ServerFailure>,
        hints: Option<&Hints>,
    ) {
        // Its drop would take the request back.
        let Permit { left, mark, is_write, is_probe, .. } = *ManuallyDrop::new(permit);
        let (state, now) = (&mut *self.queue.state.lock(), now());
        self.queue.changed.notify_one();
        state.writes_in_flight -= usize::from(is_write);
        // A mark that stays holds its place for longer after a restart: nothing is lost by it.
        let _ = state.request_log.as_mut().zip(mark).map(|(request_log, mark)| request_log.answer(mark, now));
        let refused = failure.as_ref().filter(|failure| failure.kind == FailureKind::TooMany);
        let asked = state.limit.answer(left, refused, hints, now);
        self.report_rate(state);
        if let Some(failure) = failure.as_ref().filter(|failure| failure.kind != FailureKind::TooMany) {
            match state.breaker.failed(failure, is_probe, now) {
                Ok(None) => {}
                Ok(Some(time)) => (self.listener)(Event::Paused { time, why: Wait::Down(failure.why.clone()) }),
                Err(reason) => self.queue.stop.raise(reason),
            }
        } else {
            if state.breaker.is_open() {
                (self.listener)(Event::Resumed);
            }
            state.breaker.answered();
        }
        let Some(failure) = failure else { return state.streaks.succeeded(is_write) };
        match state.streaks.failed(is_write, subject, left, failure, asked, now) {
            Ok(Some((time, why))) if state.limit.closed_until < Some(now + time) => {
                (state.limit.closed_until, state.reported_until) = (Some(now + time), Some(now + time));
                (self.listener)(Event::Paused { time, why });
            }
            Ok(_) => {}
            Err(reason) => self.queue.stop.raise(reason),
        }
    }

    /// Reports the rate to expect when it changes, and records it if it was found.
    fn report_rate(&self, state: &mut LimiterState) {
        let expected = state.limit.expected();
        let Some(rate) = expected.filter(|_| expected != state.reported_rate) else { return };
        state.reported_rate = expected;
        (self.listener)(Event::Rate(rate.per_second()));
        if state.limit.adaptive.is_some() {
            tracing::info!("the server lets {rate}, as far as is found");
            // What is not recorded has to be found again.
            let _ = state.request_log.as_mut().map(|request_log| request_log.find(rate.requests.get(), rate.period));
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.queue.state.lock();
        if self.is_probe {
            state.breaker.probe_at = Some(now());
        }
        state.limit.window.cancel(1);
        state.requests -= 1;
        state.writes_in_flight -= usize::from(self.is_write);
        let _ = state.request_log.as_mut().zip(self.mark).map(|(request_log, mark)| request_log.cancel(mark));
        self.limiter.queue.changed.notify_one();
    }
}
