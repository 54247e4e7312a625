//! Which faults strike a request. It must enact nothing: a strike says what is to happen.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Rate;
use super::limit::{Claim, GuestCap};
use super::message::Reply;

/// The faults over an organization; the default is none. Written in TOML: see [`super::script`].
#[derive(Clone, Debug, Default)]
pub struct Weather {
    pub(super) about: Option<String>,
    pub(super) seed: Option<u64>,
    pub(super) faults: Vec<Fault>,
    pub(super) admission: Admission,
}

/// Which tokens are accepted.
#[derive(Clone, Debug, Default)]
pub(super) enum Admission {
    /// Those the organization was set up with.
    #[default]
    AsSetUp,
    Nobody,
    Only(String),
}

/// One fault, and how many requests of its method it has met.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    effect: Effect,
    aim: Aim,
    met: u64,
    /// A seed of its own, so that no fault's chances hang on another's.
    chance: u64,
}

/// Which requests a fault strikes.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// Only this method; `None` is any.
    pub(super) method: Option<String>,
    pub(super) times: Times,
    /// The first and the last matching request, by number from 1.
    pub(super) span: (u64, u64),
}

/// How often a fault strikes.
#[derive(Clone, Debug)]
pub(super) enum Times {
    Always,
    /// A part of all, between 0 and 1.
    Share(f64),
    Every(u64),
    At(Vec<u64>),
}

/// What a fault does.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Takes the place of the answer; the first fault of a script that does wins.
    Break(Break),
    /// The rest goes along with whatever else strikes.
    Slow(Duration),
    Lag(Duration),
    GuestCap(GuestCap),
    /// With the token that takes its place, if one does.
    TokenDies(Option<String>),
    /// The limit from here on.
    Limit(Option<Rate>),
    /// So many requests of others.
    Others(u32),
    Headers(Claim),
}

/// What takes the place of an answer.
#[derive(Clone, Debug)]
pub(super) enum Break {
    /// It is not applied.
    Before(Reply),
    /// It is applied first.
    After(Reply),
    /// It is applied; half of its answer arrives.
    Cut,
    /// It is applied; its answer never ends.
    Endless,
}

/// Another limit; none is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NewLimit(pub(super) Option<Rate>);

/// All that strikes one request.
#[derive(Debug, Default)]
pub(super) struct Strike {
    pub(super) interruption: Option<Break>,
    pub(super) delay: Duration,
    pub(super) lag: Duration,
    pub(super) guest_cap: Option<GuestCap>,
    pub(super) admission: Admission,
    /// The limit from here on, if it is another one.
    pub(super) limit: Option<NewLimit>,
    pub(super) others: u32,
    pub(super) headers: Option<Claim>,
}

impl Weather {
    /// What the script says of itself, in prose.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// Begins anew; the chances are drawn from the script's own seed, else from `fallback`.
    pub(super) fn seeded(mut self, fallback: u64) -> Self {
        let mut chances = StdRng::seed_from_u64(self.seed.unwrap_or(fallback));
        self.admission = Admission::AsSetUp;
        for fault in &mut self.faults {
            fault.met = 0;
            fault.chance = chances.random();
        }
        self
    }

    /// What strikes the next request, which has `method`.
    pub(super) fn strike(&mut self, method: &str) -> Strike {
        let mut strike = Strike::default();
        for fault in &mut self.faults {
            if !fault.hits(method) {
                continue;
            }
            match &fault.effect {
                Effect::Break(interruption) => {
                    strike.interruption.get_or_insert_with(|| interruption.clone());
                }
                Effect::Slow(delay) => strike.delay = strike.delay.saturating_add(*delay),
                Effect::Lag(lag) => strike.lag = strike.lag.max(*lag),
                Effect::GuestCap(cap) => strike.guest_cap = Some(cap.clone()),
                Effect::Limit(rate) => strike.limit = Some(NewLimit(*rate)),
                Effect::Others(requests) => strike.others += requests,
                Effect::Headers(claim) => strike.headers = Some(*claim),
                Effect::TokenDies(next) => self.admission = next.clone().map_or(Admission::Nobody, Admission::Only),
            }
        }
        strike.admission.clone_from(&self.admission);
        strike
    }
}

impl Fault {
    pub(super) fn new(effect: Effect, aim: Aim) -> Self {
        Self { effect, aim, met: 0, chance: 0 }
    }

    fn hits(&mut self, method: &str) -> bool {
        if self.aim.method.as_ref().is_some_and(|only| only != method) {
            return false;
        }
        self.met += 1;
        let (from, until) = self.aim.span;
        if !(from..=until).contains(&self.met) {
            return false;
        }
        match &self.aim.times {
            Times::Always => true,
            // Drawn for each number on its own, whatever was drawn before.
            Times::Share(share) => StdRng::seed_from_u64(self.chance.wrapping_add(self.met)).random_bool(*share),
            Times::Every(every) => self.met.is_multiple_of(*every),
            Times::At(numbers) => numbers.contains(&self.met),
        }
    }
}
