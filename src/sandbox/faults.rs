//! Decides which faults of a script apply to a request. Carries nothing out. Pure.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::RequestRate;
use super::limit::{CapOnGuests, RateLimitHeaders};
use super::message::Reply;

/// The faults of an organization; none by default. Written in TOML: see [`super::script`].
#[derive(Clone, Debug, Default)]
pub struct FaultScript {
    pub(super) about: Option<String>,
    pub(super) seed: Option<u64>,
    pub(super) faults: Vec<ScriptedFault>,
    pub(super) accepted_token: AcceptedToken,
}

/// Which tokens are accepted.
#[derive(Clone, Debug, Default)]
pub(super) enum AcceptedToken {
    /// The one of the options.
    #[default]
    AsSetUp,
    Nobody,
    Only(String),
}

/// One fault, and how many requests of its method it has seen.
#[derive(Clone, Debug)]
pub(super) struct ScriptedFault {
    effect: FaultEffect,
    trigger: Trigger,
    seen: u64,
    /// A seed of its own, so that faults are independent of one another.
    chance: u64,
}

/// Which requests a fault applies to.
#[derive(Clone, Debug)]
pub(super) struct Trigger {
    /// Only this method; `None` is any.
    pub(super) method: Option<String>,
    pub(super) times: Frequency,
    /// The first and the last matching request, by number from 1.
    pub(super) span: (u64, u64),
}

/// How often a fault applies.
#[derive(Clone, Debug)]
pub(super) enum Frequency {
    Always,
    /// A part of all, between 0 and 1.
    Share(f64),
    Every(u64),
    At(Vec<u64>),
}

/// What a fault does.
#[derive(Clone, Debug)]
pub(super) enum FaultEffect {
    /// Replaces the answer; the first such fault of a script wins.
    Interrupt(Interruption),
    /// This and the rest combine with any other fault.
    Slow(Duration),
    Lag(Duration),
    GuestCap(CapOnGuests),
    /// With the token that replaces it, if any.
    TokenDies(Option<String>),
    /// The limit from now on.
    Limit(Option<RequestRate>),
    /// The number of requests that others send.
    Others(u32),
    Headers(RateLimitHeaders),
}

/// What replaces an answer.
#[derive(Clone, Debug)]
pub(super) enum Interruption {
    /// The request is not applied.
    Before(Reply),
    /// The request is applied first.
    After(Reply),
    /// The request is applied; half of its answer arrives.
    Cut,
    /// The request is applied; its answer never ends.
    Endless,
}

/// Another limit; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NewLimit(pub(super) Option<RequestRate>);

/// All faults that apply to one request.
#[derive(Debug, Default)]
pub(super) struct ActiveFaults {
    pub(super) interruption: Option<Interruption>,
    pub(super) delay: Duration,
    pub(super) lag: Duration,
    pub(super) guest_cap: Option<CapOnGuests>,
    pub(super) accepted_token: AcceptedToken,
    /// The limit from now on, if it changes.
    pub(super) limit: Option<NewLimit>,
    pub(super) others: u32,
    pub(super) headers: Option<RateLimitHeaders>,
}

impl FaultScript {
    /// The script's description.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// Counts requests from 1 again; random faults use the script's own seed, else `fallback`.
    pub(super) fn seeded(mut self, fallback: u64) -> Self {
        let mut chances = StdRng::seed_from_u64(self.seed.unwrap_or(fallback));
        self.accepted_token = AcceptedToken::AsSetUp;
        for fault in &mut self.faults {
            fault.seen = 0;
            fault.chance = chances.random();
        }
        self
    }

    /// The faults that apply to the next request, which has `method`.
    pub(super) fn next(&mut self, method: &str) -> ActiveFaults {
        let mut active = ActiveFaults::default();
        for fault in &mut self.faults {
            if !fault.applies(method) {
                continue;
            }
            match &fault.effect {
                FaultEffect::Interrupt(interruption) => {
                    active.interruption.get_or_insert_with(|| interruption.clone());
                }
                FaultEffect::Slow(delay) => active.delay = active.delay.saturating_add(*delay),
                FaultEffect::Lag(lag) => active.lag = active.lag.max(*lag),
                FaultEffect::GuestCap(cap) => active.guest_cap = Some(cap.clone()),
                FaultEffect::Limit(rate) => active.limit = Some(NewLimit(*rate)),
                FaultEffect::Others(requests) => active.others += requests,
                FaultEffect::Headers(claim) => active.headers = Some(*claim),
                FaultEffect::TokenDies(next) => {
                    self.accepted_token = next.clone().map_or(AcceptedToken::Nobody, AcceptedToken::Only);
                }
            }
        }
        active.accepted_token.clone_from(&self.accepted_token);
        active
    }
}

impl ScriptedFault {
    pub(super) fn new(effect: FaultEffect, trigger: Trigger) -> Self {
        Self { effect, trigger, seen: 0, chance: 0 }
    }

    fn applies(&mut self, method: &str) -> bool {
        if self.trigger.method.as_ref().is_some_and(|only| only != method) {
            return false;
        }
        self.seen += 1;
        let (from, until) = self.trigger.span;
        if !(from..=until).contains(&self.seen) {
            return false;
        }
        match &self.trigger.times {
            Frequency::Always => true,
            // Drawn from the request's number alone, independent of earlier draws.
            Frequency::Share(share) => StdRng::seed_from_u64(self.chance.wrapping_add(self.seen)).random_bool(*share),
            Frequency::Every(every) => self.seen.is_multiple_of(*every),
            Frequency::At(numbers) => numbers.contains(&self.seen),
        }
    }
}
