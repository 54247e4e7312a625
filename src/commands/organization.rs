//! The connection to the organization, real or simulated.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::execute::{Api, Refusals, Unread};
use crate::journal::{Journal, Now};
use crate::limit::{RateLimiter, Stop};
use crate::model::{Listener, StopReason};
use crate::settings::{Connection, SettingsError, Target};
use crate::tallyfy::{BaseUrl, Credentials, Endpoints, Http, Token, Transport};

use super::{Failure, sandbox};

/// Connects to the server, or to a simulated organization that has what the runs of a journal created. That one is served by the
/// runtime this is called in.
pub(super) async fn connect(
    connection: &Connection,
    past: &Journal,
    stop: &Stop,
    listener: &Listener,
) -> Result<Arc<Api<Http>>, Failure> {
    let (base, credentials) = match &connection.target {
        Target::Server(base, credentials) => (base.clone(), Arc::clone(credentials)),
        Target::Simulated => {
            let address = sandbox::simulate(past.owned_groups(true)?, connection).await?;
            let base = BaseUrl::parse(&format!("http://{address}"));
            let base = base.map_err(|reason| SettingsError::Wrong(format!("the sandbox: {reason}")))?;
            (base, Arc::new(Credentials::fixed(Token::simulated())))
        }
    };
    let transport = Http::new(base, Arc::clone(&credentials), connection.timeout, &connection.authorities)?;
    let request_log = past.request_log(connection.limits.speed.memory(), Now::at(Instant::now(), SystemTime::now()))?;
    Ok(Arc::new(Api {
        transport,
        endpoints: Endpoints::of(&connection.organization),
        credentials,
        limiter: RateLimiter::new(connection.limits, request_log, stop.clone(), Arc::clone(listener)),
        clock: past.clock.clone(),
        stop: stop.clone(),
        listener: Arc::clone(listener),
        attempts_max: connection.attempts_max,
        settle: connection.settle,
        seed: rand::random(),
        refusals: Refusals::default(),
    }))
}

/// Stops the run because the organization cannot be read; gives the reason.
pub(super) fn stop_reason<E: Transport>(api: &Api<E>, unread: Unread) -> StopReason {
    api.stop_unread(unread);
    api.stop.reason().unwrap_or(StopReason::Interrupted)
}
