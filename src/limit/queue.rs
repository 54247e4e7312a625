//! What every wait of a run has: the signal that ends it early, and the queue for permits, in which one waits at a time, in the
//! order in which they came, until the state of a limit lets it through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, SetOnce};

use super::now;
use crate::model::StopReason;

/// The one signal that ends a run early, for all who wait; the first reason stays.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<SetOnce<StopReason>>);

impl Stop {
    /// Stops the run, unless it is stopping already.
    pub fn raise(&self, why: StopReason) {
        // It fails if there is a reason already, which stays.
        let _ = self.0.set(why);
    }

    /// Why the run stops, if it does.
    pub fn reason(&self) -> Option<StopReason> {
        self.0.get().cloned()
    }

    /// Whether the run stops.
    pub fn is_raised(&self) -> bool {
        self.0.initialized()
    }

    /// Waits until the run stops.
    pub async fn raised(&self) {
        self.0.wait().await;
    }

    /// Sleeps; says whether it slept to the end, or the run stops.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.raised()).await.is_err()
    }
}

/// The state of a limit, and those that wait for it.
pub(crate) struct PermitQueue<T> {
    pub(super) state: Mutex<T>,
    turn: tokio::sync::Mutex<()>,
    /// A response came, or a pause began.
    pub(super) changed: Notify,
    pub(super) stop: Stop,
}

impl<T> PermitQueue<T> {
    pub(super) fn new(state: T, stop: Stop) -> Self {
        Self { state: Mutex::new(state), turn: tokio::sync::Mutex::default(), changed: Notify::new(), stop }
    }

    /// Waits until `depart` gives a permit, in the order of the calls; `None` if the run stops. Where there is none, `depart` says
    /// when to try again, or `None`: not before something changes.
    pub(super) async fn permit<P>(&self, depart: impl Fn() -> Result<P, Option<Instant>>) -> Option<P> {
        let _turn = self.turn.lock().await;
        while !self.stop.is_raised() {
            let until = match depart() {
                Ok(permit) => return Some(permit),
                Err(until) => until,
            };
            let time = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now()));
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                _ = self.stop.sleep(time) => {}
            }
        }
        None
    }
}
