//! A simulated Tallyfy API, for the tests, the demo and the `sandbox` command.
//!
//! A request passes from the outside in: [`serve()`] (sockets) → [`Simulation::handle`] → `faults` (which faults apply)
//! → `limit` (too many requests?) → `organization` (what the API answers). The [`TimedReply`] says what the caller must
//! carry out.
//!
//! | file | what it holds |
//! |---|---|
//! | `message` | requests, responses and replies |
//! | `serve` | real sockets around `handle`; the only file that uses tokio |
//! | `faults` | fault scripts: which faults apply to a request, and what they do |
//! | `limit` | the request limit; the guests, and the hourly cap on their invites |
//! | `organization` | the endpoints: one request in, one response out; the pages of a list |
//! | `fields` | the rules for a group's fields |
//! | `groups`, `users` | storage of groups; generated users and those of a list |
//!
//! Everything except `serve` is pure: no clock, no socket, no file. The same requests at the same times give
//! the same replies, so that storms of days run in milliseconds. The sandbox must not import the API client or the
//! model: it implements the API independently, so that a mistake on the wire cannot cancel out.

mod faults;
mod fields;
mod groups;
mod limit;
mod message;
mod organization;
mod serve;
mod users;

#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::Args;

pub use faults::FaultScript;
pub use groups::SandboxGroup;
pub use message::{Reply, Request, Response, TimedReply};
pub use serve::serve;
pub use users::SandboxUser;

use faults::FaultEffect;
use limit::{GuestCap, RateLimitHeaders, RequestLimit};
use organization::Organization;

/// At most `requests` in any window of `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRate {
    /// How many requests are counted in one window.
    pub requests: u32,
    /// The window's length.
    pub period: Duration,
}

/// The organization to simulate. The doc comments of flags are their help.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Options {
    /// Start with this many groups
    #[arg(long, value_name = "N", default_value_t)]
    pub groups: usize,
    /// Have this many users, with ids from 1001 on; 0 has the ids 1 to 9999, or none beside --users-from
    #[arg(long, value_name = "N", default_value_t)]
    pub users: usize,
    /// Allow several groups of the same name
    // Otherwise a name is taken once, without regard to case.
    #[arg(long)]
    pub allow_same_names: bool,
    /// Refuse groups without a description, as current versions of the API do
    // A PUT must then name it too.
    #[arg(long)]
    pub require_description: bool,
    /// Answer errors as `{"error": {"code", "message", "details"}}`
    #[arg(long)]
    pub modern_errors: bool,
    /// Accept only this token [default: any]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Have only this organization [default: any]
    #[arg(long, value_name = "ID")]
    pub org: Option<String>,
    /// Users to have beside the generated ones.
    #[arg(skip)]
    pub user_list: Option<Vec<SandboxUser>>,
    /// The request limit; `None` is no limit.
    #[arg(skip)]
    pub rate: Option<RequestRate>,
    /// How long every answer takes.
    #[arg(skip)]
    pub latency: Duration,
    /// Decides the groups' ids, and the random faults of a script without a seed.
    #[arg(skip)]
    pub seed: u64,
}

/// The conditions under which one request is answered.
#[derive(Default)]
struct Conditions {
    /// Since the simulation began.
    now: Duration,
    /// How long the answer takes.
    delay: Duration,
    /// How long a group created now stays out of lists.
    lag: Duration,
    /// The cap on guest invites, where one is in force.
    guest_cap: Option<GuestCap>,
    /// What is put before the name of a group created now, and its members instead of those that were sent.
    altered: Option<(String, Vec<u64>)>,
    /// The rate-limit headers, instead of the true ones.
    headers: Option<RateLimitHeaders>,
    /// What happens instead of the answer.
    interruption: Option<FaultEffect>,
}

/// Is called with each request that is read: when it arrived, and whether the request limit let it pass.
pub type Observer = Box<dyn FnMut(&Request, Duration, bool) + Send>;

/// The simulated API: one organization, its request limit, and the faults of a script.
pub struct Simulation {
    organization: Organization,
    faults: FaultScript,
    limit: RequestLimit,
    /// For tests to check a client against.
    pub observer: Observer,
    now: Duration,
}

impl Simulation {
    /// An organization as `options` describe it, with the faults of a script.
    pub fn new(options: &Options, faults: FaultScript) -> Self {
        Self {
            organization: Organization::new(options),
            faults: faults.seeded(options.seed),
            limit: RequestLimit::new(options.rate),
            observer: Box::new(|_, _, _| ()),
            now: Duration::ZERO,
        }
    }

    /// Handles a request that arrives `now` after the simulation began.
    ///
    /// A request is counted and applied at `now`, however long its answer takes. Time does not run backwards: a `now`
    /// before the latest one counts as the latest one.
    pub fn handle(&mut self, request: &Request, now: Duration) -> TimedReply {
        self.now = self.now.max(now);
        let conditions = self.conditions(request.method().as_str());
        let delay = conditions.delay;
        let date = groups::http_date(self.now);
        // Without one, hyper would add the date of the machine.
        let dated = |answer: Response| answer.with("Date", Some(date));
        let reply = match self.reply(request, conditions) {
            Reply::Answer(answer) if self.organization.options.modern_errors => Reply::Answer(dated(answer.modern())),
            Reply::Answer(answer) => Reply::Answer(dated(answer)),
            Reply::Cut(answer) => Reply::Cut(dated(answer)),
            Reply::Endless(answer) => Reply::Endless(dated(answer)),
            reply => reply,
        };
        TimedReply { delay, reply }
    }

    /// The faults that apply to the next request, which has `method`.
    fn conditions(&mut self, method: &str) -> Conditions {
        let (now, delay) = (self.now, self.organization.options.latency);
        let mut met = Conditions { now, delay, ..Conditions::default() };
        for effect in self.faults.next(method) {
            match effect {
                FaultEffect::Slow { millis } => met.delay = met.delay.saturating_add(Duration::from_millis(millis)),
                FaultEffect::Lag { millis } => met.lag = met.lag.max(Duration::from_millis(millis)),
                FaultEffect::Alter { prefix, members } => {
                    met.altered = Some((prefix.unwrap_or_default(), members.unwrap_or_default()));
                }
                FaultEffect::GuestCap(cap) => met.guest_cap = Some(cap),
                // A request cannot carry an empty token.
                FaultEffect::TokenDies { next } => self.organization.token = Some(next.unwrap_or_default()),
                FaultEffect::Limit { requests, millis } => {
                    let period = Duration::from_millis(millis.unwrap_or(60_000));
                    self.limit.rate = requests.map(|requests| RequestRate { requests, period });
                }
                FaultEffect::Others { requests } => (0..requests).for_each(|_| _ = self.limit.admit(now)),
                FaultEffect::Headers(headers) => met.headers = Some(headers),
                effect => met.interruption = met.interruption.or(Some(effect)),
            }
        }
        met
    }

    fn reply(&mut self, request: &Request, mut conditions: Conditions) -> Reply {
        let interruption = conditions.interruption.take();
        // It is never read, so it is neither counted nor limited.
        if let Some(FaultEffect::Refuse {}) = interruption {
            return Reply::Refuse;
        }
        let (headers, retry_after) = self.limit.admit(self.now);
        (self.observer)(request, self.now, retry_after.is_none());
        let headers = conditions.headers.take().unwrap_or(headers);
        if let Some(seconds) = retry_after {
            return Reply::Answer(headers.add_to(Response::too_many(seconds)));
        }
        let mut apply = || {
            let (Ok(answer) | Err(answer)) = self.organization.answer(request, &conditions);
            headers.add_to(answer)
        };
        match interruption {
            Some(effect) => effect.reply(apply),
            None => Reply::Answer(apply()),
        }
    }

    /// Replaces the fault script: its faults count requests from 1, and a token that had died is accepted again.
    pub fn set_faults(&mut self, faults: FaultScript) {
        let Options { seed, token, .. } = &self.organization.options;
        self.faults = faults.seeded(*seed);
        self.organization.token.clone_from(token);
    }

    /// Adds a user to the organization, or replaces one.
    pub fn plant_user(&mut self, user: SandboxUser) {
        self.organization.users.insert(user.id, user);
    }

    /// Adds a guest to the organization, or replaces one. A disabled guest has the time of that.
    pub fn plant_guest(&mut self, address: &str, disabled_at: Option<&str>) {
        self.organization.guests.plant(address, disabled_at);
    }

    /// Puts a group into the organization without applying rules; one with the same id is replaced. A group without times
    /// is created now.
    pub fn plant(&mut self, group: SandboxGroup) {
        self.organization.plant(group, self.now);
    }

    /// The groups that exist, oldest first, including those that lists do not show yet.
    pub fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.organization.groups.groups()
    }

    /// The latest moment the simulation has seen, since it began.
    pub fn now(&self) -> Duration {
        self.now
    }
}
