//! A simulated Tallyfy API, for the tests, the demo and the `sandbox` command.
//!
//! A request passes from the outside in: [`serve()`] (sockets) → [`Simulation::handle`] → `faults` (which faults apply)
//! → `limit` (too many requests?) → `organization` (what the API answers). The [`TimedReply`] says what the caller must
//! carry out.
//!
//! | file | what it holds |
//! |---|---|
//! | `message` | requests, responses and replies, independent of an HTTP library |
//! | `serve` | real sockets around `handle`; the only file that uses tokio and hyper |
//! | `body` | the bodies hyper sends: whole, cut off, endless |
//! | `faults`, [`script`] | which faults apply to a request, and the TOML they are written in |
//! | `limit` | the request limit and the hourly cap on guest invites |
//! | `organization` | groups, users and rules: one request in, one response out |
//! | `route`, `fields`, `list` | parse a path, a body, a query |
//! | `groups`, `users` | storage of groups; generated users |
//! | `tally` | what arrived, for tests to check a client against |
//!
//! Everything except `serve` and `body` is pure: no clock, no socket, no file. The same requests at the same times give
//! the same replies, so that storms of days run in milliseconds. The sandbox must not import the API client or the
//! model: it implements the API independently, so that a mistake on the wire cannot cancel out.

mod body;
mod faults;
mod fields;
mod groups;
mod limit;
mod list;
mod message;
mod organization;
mod route;
pub mod script;
mod serve;
mod tally;
mod users;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use faults::FaultScript;
pub use groups::{Planted, SandboxGroup};
pub use message::{Headers, Reply, Request, Response, TimedReply};
pub use script::FaultScriptError;
pub use serve::serve;
pub use tally::Tally;

use faults::{ActiveFaults, Interruption, NewLimit};
use limit::{LimitDecision, RequestLimit};
use organization::{Conditions, Organization};

/// At most `requests` in any window of `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRate {
    /// How many requests are counted in one window.
    pub requests: u32,
    /// The window's length.
    pub period: Duration,
}

/// The organization to simulate.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// How many groups are there from the start ("Existing group 0001" …).
    pub groups: usize,
    /// How many users there are, with the ids 1001 and up. With 0 every positive member id is accepted.
    pub users: usize,
    /// The request limit; `None` is no limit.
    pub rate: Option<RequestRate>,
    /// Whether a name may be taken only once, without regard to case.
    pub unique_names: bool,
    /// How long every answer takes.
    pub latency: Duration,
    /// The one bearer token that is accepted; `None` accepts any that is not empty.
    pub token: Option<String>,
    /// Decides the groups' ids, and the random faults of a script without a seed.
    pub seed: u64,
    /// The one organization there is; `None` takes any id for it.
    pub org: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            groups: 0,
            users: 0,
            rate: None,
            unique_names: true,
            latency: Duration::ZERO,
            token: None,
            seed: 0,
            org: None,
        }
    }
}

/// The simulated API: one organization, its request limit, and the faults of a script.
pub struct Simulation {
    organization: Organization,
    faults: FaultScript,
    limit: RequestLimit,
    tally: Tally,
    latency: Duration,
    seed: u64,
    now: Duration,
}

impl Simulation {
    /// An organization as `options` describe it, with the faults of a script.
    #[must_use]
    pub fn new(options: &Options, faults: FaultScript) -> Self {
        Self {
            organization: Organization::new(options),
            faults: faults.seeded(options.seed),
            limit: RequestLimit::new(options.rate),
            tally: Tally::default(),
            latency: options.latency,
            seed: options.seed,
            now: Duration::ZERO,
        }
    }

    /// Handles a request that arrives `now` after the simulation began.
    ///
    /// A request is counted and applied at `now`, however long its answer takes. Time does not run backwards: a `now`
    /// before the latest one counts as the latest one.
    pub fn handle(&mut self, request: &Request, now: Duration) -> TimedReply {
        self.now = self.now.max(now);
        let active = self.faults.next(&request.method);
        let delay = self.latency.saturating_add(active.delay);
        let reply = self.reply(request, active);
        TimedReply { delay, reply }
    }

    fn reply(&mut self, request: &Request, active: ActiveFaults) -> Reply {
        // It is never read, so it is neither counted nor limited.
        if matches!(active.interruption, Some(Interruption::Before(Reply::Refuse))) {
            return Reply::Refuse;
        }
        self.tally.read(request);
        if let Some(NewLimit(rate)) = active.limit {
            self.limit.change(rate);
        }
        self.limit.spend(active.others, self.now);
        let decision = self.limit.admit(self.now);
        if let LimitDecision::Refused { .. } = decision {
            self.tally.refuse();
            return Reply::Answer(decision.add_headers(Response::message(429, "Too Many Attempts."), active.headers));
        }
        self.tally.count(self.now);
        let conditions = Conditions {
            now: self.now,
            lag: active.lag,
            guest_cap: active.guest_cap,
            accepted_token: active.accepted_token,
        };
        let mut apply = || decision.add_headers(self.organization.answer(request, &conditions), active.headers);
        match active.interruption {
            None => Reply::Answer(apply()),
            Some(Interruption::Before(reply)) => reply,
            Some(Interruption::After(reply)) => {
                apply();
                reply
            }
            Some(Interruption::Cut) => Reply::cut(apply()),
            Some(Interruption::Endless) => Reply::Endless(apply()),
        }
    }

    /// Ends all faults; a token that had died is accepted again.
    pub fn heal(&mut self) {
        self.set_faults(FaultScript::default());
    }

    /// Replaces the fault script; the faults count requests from 1 again.
    pub fn set_faults(&mut self, faults: FaultScript) {
        self.faults = faults.seeded(self.seed);
    }

    /// Puts a group into the organization without applying rules; one with the same id is replaced.
    pub fn plant(&mut self, group: Planted) {
        self.organization.plant(group, self.now);
    }

    /// The groups that exist, oldest first, including those that lists do not show yet.
    pub fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.organization.groups()
    }

    /// What arrived so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The latest moment the simulation has seen, since it began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }
}
