//! The connection to the organization, real or simulated.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::journal::{Journal, Now};
use crate::model::Listener;
use crate::send::{Api, Jitter, Limits, RateLimiter, Refusals, Stop};
use crate::settings::{Connection, SettingsError, Target};
use crate::tallyfy::{BaseUrl, Client, Credentials, Http, Renewing, Token, probe};

use super::Failure;
use super::sandbox::Simulated;

/// A connection, ready to be used; the simulated organization lives as long as this.
pub(super) struct Line {
    /// The API.
    pub(super) api: Arc<Api<Http>>,
    _simulated: Option<Simulated>,
}

impl Line {
    /// Connects to the server, or starts the simulated organization with what the runs of a journal created in it.
    pub(super) fn open(
        connection: &Connection,
        past: &Journal,
        stop: &Stop,
        listener: &Listener,
    ) -> Result<Self, Failure> {
        let (base, credentials, simulated) = match &connection.target {
            Target::Server(base, credentials) => (base.clone(), Arc::clone(credentials), None),
            Target::Simulated => {
                let simulated = Simulated::start(past.created_groups()?)?;
                let base = BaseUrl::parse(&format!("http://{}", simulated.address)).map_err(|reason| {
                    SettingsError::Wrong { origin: "the sandbox".to_owned(), reason: reason.to_string() }
                })?;
                (base, Arc::new(Credentials::fixed(Token::simulated())), Some(simulated))
            }
        };
        let http = Http::new(base, Arc::clone(&credentials), connection.timeout)?;
        let limits =
            Limits { speed: connection.speed, concurrency: connection.concurrency, wait_max: connection.wait_max };
        let trail = past.trail(connection.speed.memory(), Now::at(Instant::now(), SystemTime::now()))?;
        let probe = probe(&connection.organization);
        let limiter = Arc::new(RateLimiter::new(http, probe, limits, trail, stop.clone(), Arc::clone(listener)));
        // Outermost, so that a request that is repeated with a new token waits for a permit too.
        let client = Client::new(Renewing::new(Arc::clone(&limiter), credentials), &connection.organization);
        let attempts_max = connection.attempts_max;
        let (stop, settle, jitter) = (stop.clone(), connection.settle, Jitter::default());
        let api = Api { client, limiter, stop, attempts_max, settle, jitter, refusals: Refusals::default() };
        Ok(Self { api: Arc::new(api), _simulated: simulated })
    }
}
