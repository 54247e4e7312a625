//! The limiter: every request of the process passes here, lists and look-ups too.
//!
//! governor spaces the requests evenly; it is asked, never awaited, because its own timer is deaf to tokio's paused clock.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::rate::{Rate, Speed};
use super::stop::Stop;
use crate::model::{Event, Halt, Listener, Wait};
use crate::tallyfy::{Answer, Call, Exchange, Lost};

/// How late tokio's timer, which counts milliseconds, may wake a sleeper on a busy machine.
const TICK: Duration = Duration::from_millis(5);

/// One, unless requests follow one another faster than the timer ticks: then what falls due while it sleeps.
fn burst(rate: Rate) -> NonZeroU32 {
    let due = TICK.as_nanos().div_ceil(rate.spacing().as_nanos());
    u32::try_from(due).ok().and_then(NonZeroU32::new).unwrap_or(rate.requests)
}

fn rate(speed: Speed) -> Option<Rate> {
    match speed {
        Speed::At(rate) => Some(rate),
        Speed::Unpaced | Speed::Auto => None,
    }
}

/// governor's clock over tokio's, so that paused time paces too.
#[derive(Debug, Clone, Copy, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<std::time::Instant>>;

/// When the next request may leave.
pub struct Pace {
    limiter: Option<Limiter>,
    /// governor does not serve waiters in order: whoever holds the turn asks it.
    turn: tokio::sync::Mutex<()>,
    paused_until: Mutex<Option<Instant>>,
    wait_max: Duration,
    requests: AtomicU64,
    latency_us: AtomicU64,
    stop: Stop,
    listener: Listener,
}

impl Pace {
    /// Requests are spaced evenly at `rate`, and the server may impose pauses of up to `wait_max`.
    #[must_use]
    pub fn new(speed: Speed, wait_max: Duration, stop: Stop, listener: Listener) -> Self {
        let quota = |rate: Rate| Quota::with_period(rate.spacing()).map(|quota| quota.allow_burst(burst(rate)));
        Self {
            limiter: rate(speed).and_then(quota).map(|quota| RateLimiter::direct_with_clock(quota, TokioClock)),
            turn: tokio::sync::Mutex::new(()),
            paused_until: Mutex::new(None),
            wait_max,
            requests: AtomicU64::new(0),
            latency_us: AtomicU64::new(0),
            stop,
            listener,
        }
    }

    /// How many requests have left.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How long the server takes to answer when it is slow: the longest time seen, which fades over some hundred faster answers.
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed))
    }

    fn saw(&self, latency: Duration) {
        let latency = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let fade = |before: u64| Some(latency.max(before - before / 64));
        // It never refuses: `fade` always gives a value.
        let _ = self.latency_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fade);
    }

    /// Nobody sends for so long, because the server asked for it; too long a pause stops the run.
    pub fn pause(&self, time: Duration) {
        if time > self.wait_max {
            self.stop.raise(Halt::PauseTooLong(time));
            return;
        }
        let Some(until) = Instant::now().checked_add(time) else {
            self.stop.raise(Halt::PauseTooLong(time));
            return;
        };
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        if paused.is_none_or(|before| before < until) {
            *paused = Some(until);
            (self.listener)(Event::Paused { time, why: Wait::Asked });
        }
    }

    /// Waits for the right to send one request; false if the run stops instead.
    async fn turn(&self) -> bool {
        if let Some(limiter) = &self.limiter {
            let _turn = self.turn.lock().await;
            loop {
                if !self.pause_is_over().await {
                    return false;
                }
                match limiter.check() {
                    Ok(()) => break,
                    Err(until) => {
                        let wait = until.earliest_possible().duration_since(TokioClock.now());
                        if !self.stop.sleep(wait).await {
                            return false;
                        }
                    }
                }
            }
        } else if !self.pause_is_over().await {
            return false;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        true
    }

    async fn pause_is_over(&self) -> bool {
        loop {
            if self.stop.is_raised() {
                return false;
            }
            let paused = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            match paused.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(wait) if !wait.is_zero() => self.stop.sleep(wait).await,
                _ => return true,
            };
        }
    }
}

/// An exchange that keeps the pace.
pub struct Paced<E> {
    inner: E,
    pace: Arc<Pace>,
}

impl<E> Paced<E> {
    /// Every request of `inner` waits for its turn.
    pub fn new(inner: E, pace: Arc<Pace>) -> Self {
        Self { inner, pace }
    }
}

impl<E: Exchange> Exchange for Paced<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        if !self.pace.turn().await {
            return Err(Lost::Held);
        }
        let start = Instant::now();
        let answer = self.inner.exchange(call).await;
        if answer.is_ok() {
            self.pace.saw(start.elapsed());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: &str) -> (Arc<Pace>, Stop) {
        let stop = Stop::default();
        let pace = Pace::new(Speed::parse(rate).unwrap(), Duration::from_hours(2), stop.clone(), Arc::new(|_| {}));
        (Arc::new(pace), stop)
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_all_lanes_leave_evenly_spaced_and_in_order() {
        let (pace, _) = pace("600/min");
        let start = Instant::now();
        let lanes = (0..16).map(|_| {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move {
                let mut sent = Vec::new();
                for _ in 0..10 {
                    assert!(pace.turn().await);
                    sent.push(start.elapsed());
                }
                sent
            })
        });
        let mut sent: Vec<Duration> = join_all(lanes).await.into_iter().flat_map(Result::unwrap).collect();
        sent.sort_unstable();
        assert_eq!(sent.len(), 160);
        for pair in sent.windows(2) {
            assert!(pair[1] >= pair[0] + Duration::from_millis(100), "{pair:?}");
        }
        assert!(*sent.last().unwrap() < Duration::from_millis(159 * 101 + 1), "{:?}", sent.last());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_every_lane_also_without_a_rate() {
        for rate in ["none", "10/s"] {
            let (pace, _) = pace(rate);
            let start = Instant::now();
            pace.pause(Duration::from_secs(30));
            pace.pause(Duration::from_secs(5));
            assert!(pace.turn().await);
            assert_eq!(start.elapsed().as_secs(), 30);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_every_wait_and_too_long_a_pause_is_a_stop() {
        let (pace, stop) = pace("1/h");
        assert!(pace.turn().await);
        let waiting = tokio::spawn({
            let pace = Arc::clone(&pace);
            async move { pace.turn().await }
        });
        tokio::task::yield_now().await;
        pace.pause(Duration::from_hours(3));
        assert!(!waiting.await.unwrap());
        assert_eq!(stop.reason(), Some(Halt::PauseTooLong(Duration::from_hours(3))));
    }

    use futures::future::join_all;
}
