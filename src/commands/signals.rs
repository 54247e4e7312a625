//! Ctrl-C and SIGTERM. Before anything is sent the program exits at once; afterwards the first signal drains the requests in
//! flight, and the second exits at once.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use futures::poll;

use crate::exit::Ending;
use crate::limit::Stop;
use crate::model::StopReason;
use crate::report::StatusLine;

use super::{Failure, block_on};

/// Listens for signals on a thread of its own until the process ends.
pub(super) struct Signals {
    /// What stops the run.
    pub(super) stop: Stop,
    is_sending: Arc<AtomicBool>,
}

impl Signals {
    /// Starts listening; from its return on signals are caught.
    pub(super) fn listen(status: &StatusLine) -> Result<Self, Failure> {
        let signals = Self { stop: Stop::default(), is_sending: Arc::default() };
        let (stop, is_sending, status) = (signals.stop.clone(), Arc::clone(&signals.is_sending), status.clone());
        let (ready, is_ready) = channel();
        let listening = move || {
            let _ = block_on::<()>(async {
                let mut first = pin!(interrupted());
                // The first poll sets the handlers.
                if poll!(first.as_mut()).is_pending() {
                    let _ = ready.send(());
                    first.await;
                }
                if is_sending.load(Ordering::Acquire) {
                    stop.raise(StopReason::Interrupted);
                    tracing::warn!("interrupted: waiting for the requests in flight (interrupt again to exit at once)");
                    interrupted().await;
                }
                status.close();
                std::process::exit(Ending::Interrupted.code().into());
            });
        };
        thread::Builder::new().name("signals".to_owned()).spawn(listening).map_err(Failure::Start)?;
        let _ = is_ready.recv();
        Ok(signals)
    }

    /// From here on a signal raises the stop.
    pub(super) fn sending(&self) {
        self.is_sending.store(true, Ordering::Release);
    }
}

/// Waits for the next signal to stop.
pub(super) async fn interrupted() {
    let ctrl_c = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = ctrl_c => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = ctrl_c.await;
}
