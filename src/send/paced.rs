//! The exchange behind the limiter: whoever has the turn waits for everybody, and probes a server that is down.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::pace::{Leave, Pace, PaceStep};
use crate::tallyfy::{Answer, Call, Exchange, Lost, Method};

/// An exchange that keeps the pace.
pub struct Paced<E> {
    inner: E,
    pace: Arc<Pace>,
    probe: Call,
}

impl<E: Exchange> Paced<E> {
    /// Every request of `inner` waits for its turn; `probe` is a read that tells whether the server is there.
    pub fn new(inner: E, pace: Arc<Pace>, probe: Call) -> Self {
        Self { inner, pace, probe }
    }

    /// The pace.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Waits for the right to send one request that changes something; none if the run stops instead, or nobody wants it any more.
    pub(super) async fn admit(self: &Arc<Self>, is_wanted: impl Fn() -> bool) -> Option<Admitted<E>> {
        let leave = self.turn(true, is_wanted).await?;
        Some(Admitted { paced: Arc::clone(self), leave: Mutex::new(Some(leave)) })
    }

    async fn turn(&self, is_write: bool, is_wanted: impl Fn() -> bool) -> Option<Leave> {
        let _turn = self.pace.turn.lock().await;
        while is_wanted() {
            match self.pace.step(is_write) {
                PaceStep::Go(leave) => return Some(leave),
                PaceStep::Wait(until) => self.pace.wait(until).await?,
                PaceStep::Probe(gap) => self.probe_after(Instant::now() + gap).await?,
                PaceStep::Held => return None,
            }
        }
        None
    }

    /// Asks the server once whether it is there; none if the run stops instead.
    async fn probe_after(&self, moment: Instant) -> Option<()> {
        // Answers that are still on their way may tell that it is.
        while self.pace.is_closed() && Instant::now() < moment {
            self.pace.wait(Some(moment)).await?;
        }
        while self.pace.is_closed() {
            match self.pace.step_past_valve(false) {
                PaceStep::Go(leave) => {
                    self.send(leave, self.probe.clone()).await.ok();
                    return Some(());
                }
                PaceStep::Wait(until) => self.pace.wait(until).await?,
                PaceStep::Probe(_) | PaceStep::Held => return None,
            }
        }
        Some(())
    }

    async fn send(&self, leave: Leave, call: Call) -> Result<Answer, Lost> {
        let subject = is_write(&call).then(|| subject(&call));
        let answer = self.inner.exchange(call).await;
        self.pace.hear(leave, subject, &answer);
        answer
    }
}

impl<E: Exchange> Exchange for Paced<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.turn(is_write(&call), || true).await {
            Some(leave) => self.send(leave, call).await,
            None => Err(Lost::Held),
        }
    }
}

/// An exchange whose first request leaves at once: its right is held from now on. Others keep the pace.
pub(super) struct Admitted<E: Exchange> {
    paced: Arc<Paced<E>>,
    leave: Mutex<Option<Leave>>,
}

impl<E: Exchange> Admitted<E> {
    fn take(&self) -> Option<Leave> {
        self.leave.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<E: Exchange> Exchange for Admitted<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.take() {
            Some(leave) => self.paced.send(leave, call).await,
            None => self.paced.exchange(call).await,
        }
    }
}

impl<E: Exchange> Drop for Admitted<E> {
    fn drop(&mut self) {
        if let Some(leave) = self.take() {
            self.paced.pace.forgo(leave);
        }
    }
}

fn is_write(call: &Call) -> bool {
    call.method != Method::GET
}

/// What a call is to change: the same for the same row, each time it is sent.
fn subject(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.path.hash(&mut hasher);
    call.body.hash(&mut hasher);
    hasher.finish()
}
