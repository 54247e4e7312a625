//! Fault scripts: which requests fail, and how. `docs/development.md` describes their form. Pure.

use std::num::NonZeroU64;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use serde::de::Error as _;
use thiserror::Error;

use super::limit::{GuestCap, RateLimitHeaders};
use super::message::{Reply, Response};

/// The faults of an organization; none by default.
#[derive(Clone, Debug, Default)]
pub struct FaultScript {
    about: Option<String>,
    seed: Option<u64>,
    faults: Vec<ScriptedFault>,
}

/// Why a fault script cannot be used.
#[derive(Debug, Error)]
pub enum FaultScriptError {
    /// It is not TOML, or something outside the faults is wrong.
    #[error("the fault script cannot be read: {0}")]
    Script(String),
    /// A fault has an unknown or missing key, or a value of another type.
    #[error("fault {number} of the fault script cannot be read: {reason}")]
    Fault {
        /// Which fault, from 1.
        number: usize,
        /// What is wrong, with the field's name.
        reason: String,
    },
}

/// The whole script; faults are parsed one by one, so that an error can name its fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    about: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    fault: Vec<toml::Table>,
}

/// One fault, and how many requests of its method it has seen.
#[derive(Clone, Debug)]
struct ScriptedFault {
    effect: FaultEffect,
    trigger: Trigger,
    seen: u64,
    /// A seed of its own, so that faults are independent of one another.
    chance: u64,
}

/// Which requests a fault applies to: those for which every key that is given holds.
#[derive(Clone, Debug, Deserialize)]
struct Trigger {
    kind: String,
    method: Option<String>,
    percent: Option<f64>,
    every: Option<NonZeroU64>,
    at: Option<Vec<u64>>,
    from: Option<u64>,
    until: Option<u64>,
    /// The keys of the effect.
    #[serde(flatten)]
    own: toml::Table,
}

/// What a fault does, under the names that scripts use.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum FaultEffect {
    Refuse {},
    DropBefore {},
    DropAfter {},
    HangBefore {},
    HangAfter {},
    ErrorBefore(JsonError),
    ErrorAfter(JsonError),
    HtmlBefore(HtmlError),
    HtmlAfter(HtmlError),
    TooMany {
        retry_after: Option<String>,
    },
    Cut {},
    Empty {},
    Foreign {},
    Answer {
        body: String,
    },
    Endless {},
    // The following kinds combine with any other.
    Slow {
        millis: u64,
    },
    Lag {
        millis: u64,
    },
    Alter {
        #[serde(default)]
        prefix: String,
        #[serde(default)]
        members: Vec<u64>,
    },
    GuestCap(GuestCap),
    /// Without `next` no token is accepted: a request cannot carry an empty one.
    TokenDies {
        #[serde(default)]
        next: String,
    },
    Limit {
        requests: Option<u32>,
        #[serde(default = "minute")]
        millis: u64,
    },
    Others {
        requests: u32,
    },
    Headers(RateLimitHeaders),
}

fn minute() -> u64 {
    60_000
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonError {
    status: Option<u16>,
    message: Option<String>,
    retry_after: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HtmlError {
    status: Option<u16>,
}

impl FaultScript {
    /// Parses a script.
    ///
    /// # Errors
    /// When `text` is not a script; the error names the fault's number and field.
    pub fn parse(text: &str) -> Result<Self, FaultScriptError> {
        let script: Script =
            toml::from_str(text).map_err(|error| FaultScriptError::Script(error.to_string().trim_end().to_owned()))?;
        let fault = |(number, table)| {
            ScriptedFault::parse(table).map_err(|error| FaultScriptError::Fault {
                number,
                reason: error.to_string().trim_end().replace('\n', " "),
            })
        };
        let faults = (1..).zip(script.fault).map(fault).collect::<Result<_, _>>()?;
        Ok(Self { about: script.about, seed: script.seed, faults })
    }

    /// The script's description.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// Counts requests from 1 again; random faults use the script's own seed, else `fallback`.
    pub(super) fn seeded(mut self, fallback: u64) -> Self {
        let mut chances = StdRng::seed_from_u64(self.seed.unwrap_or(fallback));
        for fault in &mut self.faults {
            fault.seen = 0;
            fault.chance = chances.random();
        }
        self
    }

    /// The effects of the faults that apply to the next request, which has `method`, in the order of the script.
    pub(super) fn next(&mut self, method: &str) -> Vec<FaultEffect> {
        self.faults.iter_mut().filter_map(|fault| fault.applies(method).then(|| fault.effect.clone())).collect()
    }
}

impl ScriptedFault {
    fn parse(table: toml::Table) -> Result<Self, toml::de::Error> {
        let mut trigger: Trigger = table.try_into()?;
        if trigger.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            return Err(toml::de::Error::custom("`percent` must be between 0 and 100"));
        }
        let own = toml::Value::Table(std::mem::take(&mut trigger.own));
        let effect = toml::Table::from_iter([(trigger.kind.clone(), own)]).try_into()?;
        Ok(Self { effect, trigger, seen: 0, chance: 0 })
    }

    fn applies(&mut self, method: &str) -> bool {
        let Trigger { method: only, percent, every, at, from, until, .. } = &self.trigger;
        if only.as_ref().is_some_and(|only| !only.eq_ignore_ascii_case(method)) {
            return false;
        }
        self.seen += 1;
        let number = self.seen;
        // Drawn from the request's number alone, independent of earlier draws.
        let draw = || StdRng::seed_from_u64(self.chance.wrapping_add(number)).random::<f64>() * 100.0;
        from.is_none_or(|from| from <= number)
            && until.is_none_or(|until| number <= until)
            && every.is_none_or(|every| number.is_multiple_of(every.get()))
            && at.as_ref().is_none_or(|at| at.contains(&number))
            && percent.is_none_or(|percent| draw() < percent)
    }
}

impl FaultEffect {
    /// What the client sees of a request that `apply` would carry out.
    pub(super) fn reply(self, apply: impl FnOnce() -> Response) -> Reply {
        match self {
            Self::Refuse {} => Reply::Refuse,
            Self::DropBefore {} => Reply::Drop,
            Self::HangBefore {} => Reply::Hang,
            Self::ErrorBefore(error) => error.reply(),
            Self::HtmlBefore(error) => error.reply(),
            Self::TooMany { retry_after } => {
                let retry_after = retry_after.unwrap_or_else(|| "1".to_owned());
                Reply::Answer(Response::message(429, "Too Many Attempts.").with("Retry-After", Some(retry_after)))
            }
            after => after.reply_to_applied(apply()),
        }
    }

    /// What the client sees instead of the answer to a request that was applied.
    fn reply_to_applied(self, answer: Response) -> Reply {
        match self {
            Self::DropAfter {} => Reply::Drop,
            Self::HangAfter {} => Reply::Hang,
            Self::ErrorAfter(error) => error.reply(),
            Self::HtmlAfter(error) => error.reply(),
            Self::Empty {} => Reply::Answer(Response::empty(201)),
            Self::Foreign {} => Reply::Answer(Response::message(200, "OK")),
            Self::Answer { body } => Reply::Answer(Response { body: body.into_bytes(), ..answer }),
            Self::Cut {} if answer.body.is_empty() => Reply::Drop,
            Self::Cut {} => Reply::Cut { bytes: answer.body.len() / 2, answer },
            Self::Endless {} => Reply::Endless(answer),
            _ => Reply::Answer(answer),
        }
    }
}

impl JsonError {
    fn reply(self) -> Reply {
        let answer = Response::error(self.status.unwrap_or(500), self.message.as_deref().unwrap_or("Server Error"));
        Reply::Answer(answer.with("Retry-After", self.retry_after))
    }
}

impl HtmlError {
    fn reply(self) -> Reply {
        Reply::Answer(Response::html(self.status.unwrap_or(502)))
    }
}
