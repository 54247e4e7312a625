//! A simulated Tallyfy API, for the tests, the demo and the `sandbox` command.
//!
//! A request goes through the room from the outside in:
//! [`serve()`] (sockets) → [`Simulation::handle`] → `weather` (what befalls it) → `limit` (is it too soon?)
//! → `book` (what the API answers) → back out as a [`Handled`], which whoever called enacts.
//!
//! | file | what it holds |
//! |---|---|
//! | `message` | the room's own words for a request, an answer and what becomes of them |
//! | `serve` | real sockets around `handle`; the only file that knows of tokio and hyper |
//! | `body` | the bodies hyper sends: whole, cut short, endless |
//! | `weather`, [`script`] | which faults strike, and the TOML they are written in |
//! | `limit` | the requests a period and the guests an hour |
//! | `book` | the organization: one request in, one answer out |
//! | `route`, `form`, `list` | the book's reading of a path, a body and a query |
//! | `shelf`, `people` | the groups, the users |
//! | `tally` | what arrived, for tests to hold a client to |
//!
//! Everything but `serve` and `body` is pure: no clock, no socket, no file; the same requests at the same moments
//! give the same outcomes, so storms of days run in milliseconds. The room must import neither the product's API
//! client nor its model: it reads the API for itself, so that a mistake on the wire cannot cancel out.

mod body;
mod book;
mod form;
mod limit;
mod list;
mod message;
mod people;
mod route;
pub mod script;
mod serve;
mod shelf;
mod tally;
mod weather;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use message::{Answer, Handled, Headers, Reply, Request};
pub use script::WeatherError;
pub use serve::serve;
pub use shelf::{Group, Planted};
pub use tally::Tally;
pub use weather::Weather;

use book::{Book, Terms};
use limit::{RequestLimit, Verdict};
use weather::{Break, NewLimit, Strike};

/// At most `requests` in any window of `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
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
    pub rate: Option<Rate>,
    /// Whether a name may be taken only once, without regard to case.
    pub unique_names: bool,
    /// How long every answer takes.
    pub latency: Duration,
    /// The one bearer token that is accepted; `None` accepts any that is not empty.
    pub token: Option<String>,
    /// Decides the groups' ids, and the faults where the weather's script names no seed of its own.
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

/// The simulated API: one organization, its request limit, and the weather over it.
pub struct Simulation {
    book: Book,
    weather: Weather,
    limit: RequestLimit,
    tally: Tally,
    latency: Duration,
    seed: u64,
    now: Duration,
}

impl Simulation {
    /// An organization as `options` describe it, under `weather`.
    #[must_use]
    pub fn new(options: &Options, weather: Weather) -> Self {
        Self {
            book: Book::new(options),
            weather: weather.seeded(options.seed),
            limit: RequestLimit::new(options.rate),
            tally: Tally::default(),
            latency: options.latency,
            seed: options.seed,
            now: Duration::ZERO,
        }
    }

    /// What becomes of `request`, arriving `now` after the simulation began.
    ///
    /// A request is counted and applied at `now`, however long its answer takes. A `now` before the latest one is
    /// taken for the latest one: time here does not run backwards.
    pub fn handle(&mut self, request: &Request, now: Duration) -> Handled {
        self.now = self.now.max(now);
        let strike = self.weather.strike(&request.method);
        let delay = self.latency.saturating_add(strike.delay);
        let reply = self.reply(request, strike);
        Handled { delay, reply }
    }

    fn reply(&mut self, request: &Request, strike: Strike) -> Reply {
        // Never read, so neither counted nor limited.
        if matches!(strike.interruption, Some(Break::Before(Reply::Refuse))) {
            return Reply::Refuse;
        }
        self.tally.read(request);
        if let Some(NewLimit(rate)) = strike.limit {
            self.limit.change(rate);
        }
        self.limit.spend(strike.others, self.now);
        let verdict = self.limit.admit(self.now);
        if let Verdict::Refused { .. } = verdict {
            self.tally.refuse();
            return Reply::Answer(verdict.stamp(Answer::message(429, "Too Many Attempts."), strike.headers));
        }
        self.tally.count(self.now);
        let terms = Terms { now: self.now, lag: strike.lag, guest_cap: strike.guest_cap, admission: strike.admission };
        let mut apply = || verdict.stamp(self.book.answer(request, &terms), strike.headers);
        match strike.interruption {
            None => Reply::Answer(apply()),
            Some(Break::Before(reply)) => reply,
            Some(Break::After(reply)) => {
                apply();
                reply
            }
            Some(Break::Cut) => Reply::cut(apply()),
            Some(Break::Endless) => Reply::Endless(apply()),
        }
    }

    /// Ends all faults: the weather is clear from here on, and a token that had died is alive again.
    pub fn heal(&mut self) {
        self.set_weather(Weather::default());
    }

    /// Replaces the weather; the numbers of requests that faults go by begin anew.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather.seeded(self.seed);
    }

    /// Puts a group into the organization, past every rule; one with the same id is replaced.
    pub fn plant(&mut self, group: Planted) {
        self.book.plant(group, self.now);
    }

    /// The groups that are there, oldest first, also those no list shows yet.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.book.groups()
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
