//! The queue for permits: one waits at a time, in the order in which they came, until the state of a limit lets it through.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::now;
use super::stop::Stop;

/// The state of a limit, and those that wait for it.
pub(crate) struct PermitQueue<T> {
    state: Mutex<T>,
    turn: tokio::sync::Mutex<()>,
    /// A response came, or a pause began.
    pub(super) changed: Notify,
    pub(super) stop: Stop,
}

impl<T> PermitQueue<T> {
    pub(super) fn new(state: T, stop: Stop) -> Self {
        Self { state: Mutex::new(state), turn: tokio::sync::Mutex::default(), changed: Notify::new(), stop }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
