//! The rate limiter: hands out permits to send. Every request of the process needs one, lists and lookups too.
//!
//! Only the first in the queue waits for time to pass. It also probes a server that is down.

mod state;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use self::state::LimiterState;
use super::breaker::Probing;
use super::rate::Speed;
use super::sign::sign;
use super::stop::Stop;
use crate::journal::{Mark, Trail};
use crate::model::{Event, Halt, Listener, Wait};
use crate::tallyfy::{Answer, Call, Exchange, Lost, Method};

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

/// An exchange whose requests wait for permits.
pub struct RateLimiter<E> {
    inner: E,
    /// A read that tells whether the server is there.
    probe: Call,
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

/// Permission to send one request now.
pub(super) struct Permit {
    left: Instant,
    mark: Option<Mark>,
    /// Whether the request is to change something.
    is_write: bool,
}

impl<E: Exchange> RateLimiter<E> {
    /// No request has left yet, except for those of the trail: how long ago each of the last ones was answered.
    pub fn new(
        inner: E,
        probe: Call,
        limits: Limits,
        trail: Option<(Trail, Vec<Duration>)>,
        stop: Stop,
        listener: Listener,
    ) -> Self {
        Self {
            inner,
            probe,
            state: Mutex::new(LimiterState::new(limits, trail, Arc::clone(&listener), Instant::now())),
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
    pub(super) fn refuses_writes(&self) -> Option<Duration> {
        self.state().failures.refuses_writes(Instant::now().into_std())
    }

    /// A write had its effect, although its response did not say so.
    pub(super) fn had_effect(&self) {
        self.state().failures.succeeded(true);
        self.changed.notify_one();
    }

    /// Waits for the permit of a write; `None` if the run stops, or nobody wants it any more.
    pub(super) async fn admit(self: &Arc<Self>, is_wanted: impl Fn() -> bool) -> Option<Admitted<E>> {
        let permit = self.permit(true, is_wanted).await?;
        Some(Admitted { limiter: Arc::clone(self), permit: Mutex::new(Some(permit)) })
    }

    fn state(&self) -> MutexGuard<'_, LimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn permit(&self, is_write: bool, is_wanted: impl Fn() -> bool) -> Option<Permit> {
        let _turn = self.queue.lock().await;
        while is_wanted() && !self.stop.is_raised() {
            let probing = self.state().breaker.probing(self.wait_max, Instant::now().into_std());
            match probing {
                Some(Probing::GiveUp(time, why)) => self.stop.raise(Halt::Down { time, why }),
                Some(Probing::After(gap, why)) => {
                    (self.listener)(Event::Paused { time: gap, why: Wait::Down(why) });
                    self.probe_after(gap).await?;
                }
                None => match self.try_permit(is_write) {
                    Ok(permit) => return Some(permit),
                    Err(until) => self.wait(until).await?,
                },
            }
        }
        None
    }

    /// A permit, or when to try again; `None` after the next change.
    fn try_permit(&self, is_write: bool) -> Result<Permit, Option<Instant>> {
        let departure = self.state().depart(is_write, Instant::now());
        let departure = departure.unwrap_or_else(|halt| {
            self.stop.raise(halt);
            Err(None)
        });
        departure.inspect(|_| _ = self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a probe after a while, unless another response shows meanwhile that the server is there; `None` if the run stops.
    async fn probe_after(&self, gap: Duration) -> Option<()> {
        let moment = Instant::now() + gap;
        while self.state().breaker.is_open() {
            if Instant::now() < moment {
                self.wait(Some(moment)).await?;
                continue;
            }
            match self.try_permit(false) {
                Ok(permit) => {
                    self.send(permit, self.probe.clone()).await.ok();
                    break;
                }
                Err(until) => self.wait(until).await?,
            }
        }
        Some(())
    }

    /// Waits until then, or until something changes; `None` if the run stops.
    async fn wait(&self, until: Option<Instant>) -> Option<()> {
        self.stop.wait(&self.changed, until).await
    }

    async fn send(&self, permit: Permit, call: Call) -> Result<Answer, Lost> {
        let subject = subject(&call);
        let answer = self.inner.exchange(call).await;
        let sign = sign(&answer, SystemTime::now());
        let answered = self.state().answered(&permit, subject, &answer, &sign, Instant::now());
        if let Err(halt) = answered {
            self.stop.raise(halt);
        }
        self.changed.notify_one();
        answer
    }

    /// The request never left.
    fn forgo(&self, permit: &Permit) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.state().forgo(permit, Instant::now());
        self.changed.notify_one();
    }
}

impl<E: Exchange> Exchange for RateLimiter<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.permit(call.method != Method::GET, || true).await {
            Some(permit) => self.send(permit, call).await,
            None => Err(Lost::Held),
        }
    }
}

/// An exchange that has the permit of its first request. Later ones wait for theirs.
pub(super) struct Admitted<E: Exchange> {
    limiter: Arc<RateLimiter<E>>,
    permit: Mutex<Option<Permit>>,
}

impl<E: Exchange> Admitted<E> {
    fn take(&self) -> Option<Permit> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<E: Exchange> Exchange for Admitted<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.take() {
            Some(permit) => self.limiter.send(permit, call).await,
            None => self.limiter.exchange(call).await,
        }
    }
}

impl<E: Exchange> Drop for Admitted<E> {
    fn drop(&mut self) {
        if let Some(permit) = self.take() {
            self.limiter.forgo(&permit);
        }
    }
}

/// What a call is to change: the same for the same row, each time it is sent.
fn subject(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.path.hash(&mut hasher);
    call.body.hash(&mut hasher);
    hasher.finish()
}
