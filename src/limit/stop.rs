//! The one signal that ends a run early; the first reason stays.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SetOnce;

use crate::model::StopReason;

/// Raised once, heard by all.
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
