//! What the rate limiter holds under its lock: every rule that a request must pass, and what each response changes.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::super::circuit_breaker::CircuitBreaker;
use super::super::failure_streaks::{FailedRequest, Failures, TooLong};
use super::super::rate::{Rate, Speed};
use super::super::rate_limit::Budget;
use super::super::server_failure::{FailureKind, ServerFailure, pause};
use super::super::window::Room;
use super::{Departure, Limits};
use crate::journal::{Mark, Trail};
use crate::model::{Event, Listener, StopReason, Wait, shown_path};
use crate::tallyfy::Hints;

/// A wait of this length, beyond the usual one between two requests, is reported.
const LONG: Duration = Duration::from_secs(1);

pub(crate) struct LimiterState {
    pub(crate) budget: Budget,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) failures: Failures,
    paused_until: Option<Instant>,
    trail: Option<Trail>,
    /// Writes in flight.
    writes: usize,
    /// Until when the limit is used up, as reported.
    reported_until: Option<Instant>,
    /// The rate, as reported.
    reported_rate: Option<Rate>,
    /// The limit that is recorded as found.
    found: Option<Rate>,
    listener: Listener,
}

impl LimiterState {
    pub(crate) fn new(limits: Limits, trail: Option<(Trail, Vec<Duration>)>, listener: Listener, now: Instant) -> Self {
        let (trail, ages) = trail.map_or((None, Vec::new()), |(trail, ages)| (Some(trail), ages));
        let found = trail.as_ref().and_then(Trail::found).and_then(|(requests, period)| Rate::of(requests, period));
        let budget = Budget::new(limits.speed, limits.concurrency, found, &ages, now.into_std());
        Self {
            // A rate that the user named needs no report.
            reported_rate: budget.rate().filter(|_| limits.speed != Speed::Auto),
            budget,
            breaker: CircuitBreaker::default(),
            failures: Failures::new(limits.wait_max),
            paused_until: None,
            trail,
            writes: 0,
            reported_until: None,
            found,
            listener,
        }
    }

    /// Lets one request leave if nothing is in its way; otherwise gives when to try again, or nothing if something must change.
    pub(crate) fn depart(
        &mut self,
        is_write: bool,
        now: Instant,
    ) -> Result<Result<Departure, Option<Instant>>, StopReason> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Ok(Err(Some(until)));
        }
        if is_write && self.writes > 0 && self.failures.refuses_writes(now.into_std()).is_some() {
            // The server refuses all writes: one at a time finds out when it accepts them.
            return Ok(Err(None));
        }
        match self.budget.room(now.into_std()) {
            Room::AfterAnswer => Ok(Err(None)),
            Room::At(until) => {
                self.report_wait(until.into(), now);
                Ok(Err(Some(until.into())))
            }
            Room::Now => {
                let mark = match &mut self.trail {
                    Some(trail) if self.budget.rate().is_some() => {
                        Some(trail.leave(now.into_std()).map_err(|reason| {
                            StopReason::Unrecorded(format!("{}: {reason}", shown_path(trail.path())))
                        })?)
                    }
                    _ => None,
                };
                self.writes += usize::from(is_write);
                self.budget.leave(now.into_std());
                if self.reported_until.take().is_some_and(|until| now < until) {
                    (self.listener)(Event::Resumed);
                }
                Ok(Ok(Departure { left: now, mark, is_write }))
            }
        }
    }

    fn report_wait(&mut self, until: Instant, now: Instant) {
        let time = until.saturating_duration_since(now);
        let spacing = self.budget.rate().map(Rate::spacing).unwrap_or_default();
        let usual = spacing.saturating_mul(2).saturating_add(LONG);
        if time > usual && self.reported_until.is_none_or(|reported| reported < until) {
            self.reported_until = Some(until);
            (self.listener)(Event::Paused { time, why: Wait::Limit });
        }
    }

    /// A request that was to leave never did.
    pub(crate) fn cancel(&mut self, departure: &Departure, now: Instant) {
        self.budget.cancel();
        self.come_back(departure, Trail::cancel, now);
    }

    /// A request is not in flight any more; `note` says so in the trail.
    fn come_back(
        &mut self,
        departure: &Departure,
        note: fn(&mut Trail, Mark, std::time::Instant) -> io::Result<()>,
        now: Instant,
    ) {
        self.writes -= usize::from(departure.is_write);
        if let (Some(trail), Some(mark)) = (&mut self.trail, departure.mark) {
            // A mark that stays holds its place for longer after a restart: nothing is lost by it.
            let _ = note(trail, mark, now.into_std());
        }
    }

    /// A request is answered, or lost. `subject` is what it was to change: the same each time it is sent.
    pub(crate) fn answered(
        &mut self,
        departure: &Departure,
        subject: u64,
        failure: Option<ServerFailure>,
        hints: Option<&Hints>,
        now: Instant,
    ) -> Result<(), StopReason> {
        self.come_back(departure, Trail::answer, now);
        let was_open = self.breaker.is_open();
        let asked = self.count(departure, failure.as_ref(), hints, now);
        self.report_rate();
        if was_open && !self.breaker.is_open() {
            (self.listener)(Event::Resumed);
        }
        match failure {
            None => self.failures.succeeded(departure.is_write),
            Some(failure) if departure.is_write || asked.is_some() => {
                self.pause(departure, subject, asked, failure, now)?;
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Notes a response. Returns how long the server asks everything to wait.
    fn count(
        &mut self,
        departure: &Departure,
        failure: Option<&ServerFailure>,
        hints: Option<&Hints>,
        now: Instant,
    ) -> Option<Duration> {
        let (left, now) = (departure.left.into_std(), now.into_std());
        let refused = failure.filter(|failure| failure.kind == FailureKind::TooMany);
        let asked = self.budget.answer(left, refused, hints, now);
        self.record_found();
        match failure {
            Some(failure) if failure.kind != FailureKind::TooMany => {
                let is_there = failure.kind != FailureKind::Unreachable;
                self.breaker.failed(failure.why.clone(), is_there, now);
            }
            _ => self.breaker.answered(),
        }
        // As long as a failure that names no time may be chance, each request waits for itself.
        asked.or_else(|| failure?.named.map(|named| pause(Some(named))))
    }

    /// Nothing is sent for a while, because of this failure.
    fn pause(
        &mut self,
        departure: &Departure,
        subject: u64,
        asked: Option<Duration>,
        failure: ServerFailure,
        now: Instant,
    ) -> Result<(), StopReason> {
        let ServerFailure { kind, why, named } = failure;
        // The pause may be our own and longer: only one that the server names may be too long.
        let is_named = |time| named.is_some_and(|named| time == pause(Some(named)));
        let failed = FailedRequest {
            is_write: departure.is_write,
            subject,
            is_refusal: matches!(kind, FailureKind::TooMany | FailureKind::Unable),
            left: departure.left.into_std(),
            pause: asked.unwrap_or_default(),
            is_named: asked.is_some_and(is_named),
        };
        let time = self.failures.failed(failed, now.into_std()).map_err(|too_long| match too_long {
            TooLong::Pause(time) => StopReason::PauseTooLong(time),
            TooLong::InAll(time) => StopReason::Refusing { time, why },
        })?;
        let until = now.checked_add(time).ok_or(StopReason::PauseTooLong(time))?;
        if !time.is_zero() && self.paused_until.is_none_or(|before| before < until) {
            self.paused_until = Some(until);
            (self.listener)(Event::Paused { time, why: if is_named(time) { Wait::Asked } else { Wait::Refused } });
        }
        Ok(())
    }

    fn report_rate(&mut self) {
        let rate = self.budget.expected();
        if rate != self.reported_rate {
            self.reported_rate = rate;
            if let Some(rate) = rate {
                (self.listener)(Event::Rate(rate.per_second()));
            }
        }
    }

    fn record_found(&mut self) {
        let found = self.budget.found();
        let Some(rate) = found.filter(|_| found != self.found) else { return };
        self.found = found;
        tracing::info!("the server lets {rate}, as far as is found");
        if let Some(trail) = &mut self.trail {
            // What is not recorded has to be found again.
            let _ = trail.find(rate.requests.get(), rate.period);
        }
    }
}
