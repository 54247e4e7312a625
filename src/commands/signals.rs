//! Ctrl-C and SIGTERM: the first stops the run in order, the second at once.

use crate::exit::Ending;
use crate::model::Halt;
use crate::send::Stop;

/// Listens for as long as the runtime lives.
pub(super) fn listen(stop: Stop) {
    tokio::spawn(async move {
        interrupted().await;
        stop.raise(Halt::Interrupted);
        tracing::warn!("interrupted: waiting for the requests in flight (once more leaves at once)");
        interrupted().await;
        std::process::exit(Ending::Interrupted.code().into());
    });
}

/// Waits for the next signal to stop.
pub(super) async fn interrupted() {
    let ctrl_c = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = ctrl_c => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = ctrl_c.await;
}
