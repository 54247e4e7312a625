//! The exchange behind the limiter: whoever has the turn waits for everybody, and probes a server that is down.

use std::sync::Arc;

use tokio::time::Instant;

use super::pace::{Leave, Pace, Step};
use crate::tallyfy::{Answer, Call, Exchange, Lost};

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

    /// Waits for the right to send one request; none if the run stops instead.
    async fn turn(&self) -> Option<Leave> {
        let _turn = self.pace.turn.lock().await;
        loop {
            match self.pace.step() {
                Step::Go(leave) => return Some(leave),
                Step::Wait(until) => self.pace.wait(until).await?,
                Step::Probe(gap) => self.probe_after(Instant::now() + gap).await?,
                Step::Held => return None,
            }
        }
    }

    /// Asks the server once whether it is there; none if the run stops instead.
    async fn probe_after(&self, moment: Instant) -> Option<()> {
        // Answers that are still on their way may tell that it is.
        while self.pace.is_closed() && Instant::now() < moment {
            self.pace.wait(Some(moment)).await?;
        }
        while self.pace.is_closed() {
            match self.pace.step_past_valve() {
                Step::Go(leave) => {
                    self.send(leave, self.probe.clone()).await.ok();
                    return Some(());
                }
                Step::Wait(until) => self.pace.wait(until).await?,
                Step::Probe(_) | Step::Held => return None,
            }
        }
        Some(())
    }

    async fn send(&self, leave: Leave, call: Call) -> Result<Answer, Lost> {
        let answer = self.inner.exchange(call).await;
        self.pace.hear(leave, &answer);
        answer
    }
}

impl<E: Exchange> Exchange for Paced<E> {
    async fn exchange(&self, call: Call) -> Result<Answer, Lost> {
        match self.turn().await {
            Some(leave) => self.send(leave, call).await,
            None => Err(Lost::Held),
        }
    }
}
