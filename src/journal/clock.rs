//! The server's clock, as its responses tell it. Ours may be wrong, or be set meanwhile.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::time::Instant;

/// The server's clock. It may be behind by a second and the time that a response takes, and is never ahead.
#[derive(Debug, Clone, Default)]
pub struct ServerClock(Arc<Mutex<Option<(Instant, i64)>>>);

impl ServerClock {
    /// A response came, which the server wrote at `date`.
    pub fn told(&self, date: SystemTime) {
        let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
        *self.0.lock() = i64::try_from(since.as_millis()).ok().map(|date_ms| (Instant::now(), date_ms));
    }

    /// What it shows, in Unix milliseconds; none if no response told it.
    pub(super) fn now_ms(&self) -> Option<i64> {
        let (at, date_ms) = (*self.0.lock())?;
        Some(date_ms.saturating_add(i64::try_from(at.elapsed().as_millis()).ok()?))
    }
}
