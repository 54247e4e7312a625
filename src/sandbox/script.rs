//! The weather in TOML. This file must not strike: it only reads.
//!
//! ```toml
//! about = "A bad day: answers get lost, and the proxy is cross."   # optional prose
//! seed = 7                    # optional; decides `percent`. Default: the simulation's own seed
//!
//! [[fault]]
//! kind = "drop-after"         # what happens, see below
//! method = "POST"             # only such requests; default any
//! percent = 5.0               # a seeded, repeatable chance …
//!
//! [[fault]]
//! kind = "html-before"
//! every = 20                  # … or every 20th of the matching requests …
//!
//! [[fault]]
//! kind = "cut"
//! at = [3, 17]                # … or these of them, counted from 1 …
//!
//! [[fault]]
//! kind = "slow"               # … or, with none of the three, all of them
//! millis = 250
//! from = 100                  # the first and the last matching request, inclusive
//! until = 200
//! ```
//!
//! | kind | what happens | own keys |
//! |---|---|---|
//! | `refuse` | the connection is closed before the request was read | |
//! | `drop-before`, `drop-after` | the connection is closed without an answer; before: nothing was applied, after: it was | |
//! | `hang-before`, `hang-after` | no answer ever comes | |
//! | `error-before`, `error-after` | a JSON error | `status` (500), `message` ("Server Error"), `retry_after` (none) |
//! | `html-before`, `html-after` | an HTML page, as from a proxy | `status` (502) |
//! | `too-many` | 429; nothing was applied | `retry_after` ("1") |
//! | `cut` | applied; the answer's body breaks off half way | |
//! | `empty` | applied; 201 with an empty body | |
//! | `foreign` | applied; 200 with JSON that carries no id | |
//! | `endless` | applied; the answer's body never ends | |
//! | `slow` | the answer takes longer | `millis` |
//! | `lag` | applied; a group created is in lists and searches only later | `millis` |
//! | `guest-cap` | at most so many new guests in any hour, else 429; with `partial` a group is created all the same, with the guests that fit | `per_hour`, `retry_after` (none), `partial` (false) |
//! | `token-dies` | from here on every request is a 401, but those with the token `next` | `next` (none) |
//! | `limit` | from here on at most so many requests in any window of so long; without keys there is no limit | `requests`, `millis` |
//! | `others` | other users of the token spend so many requests of the limit before | `requests` |
//! | `headers` | the answer's `X-RateLimit-Limit` and `-Remaining` say this, whatever is true; without keys there are none | `limit`, `remaining` |
//!
//! The first fault that strikes a request wins; the last seven kinds go along with any other.
//! A request that the request limit refuses gets its 429 whatever the weather, `refuse` excepted.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::Rate;
use super::limit::{Claim, GuestCap};
use super::message::{Answer, Reply};
use super::weather::{Aim, Break, Effect, Fault, Times, Weather};

/// Why a weather script is not one.
#[derive(Debug, Error)]
pub enum WeatherError {
    /// It is not TOML, or something outside the faults is wrong.
    #[error("the weather script cannot be read: {0}")]
    Script(String),
    /// A fault has a key that none has, or a value of another type.
    #[error("fault {number} of the weather script cannot be read: {reason}")]
    Fault {
        /// Which fault, from 1.
        number: usize,
        /// What is wrong, with the field's name.
        reason: String,
    },
    /// A fault's field does not fit.
    #[error("fault {number} of the weather script: `{field}` {problem}")]
    Field {
        /// Which fault, from 1.
        number: usize,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Weather {
    /// Reads a script; the module's page has its form.
    ///
    /// # Errors
    /// When `text` is not a script; the error names the fault's number and field.
    pub fn parse(text: &str) -> Result<Self, WeatherError> {
        let script: Script =
            toml::from_str(text).map_err(|error| WeatherError::Script(error.to_string().trim_end().to_owned()))?;
        let mut weather = Self { about: script.about, seed: script.seed, ..Self::default() };
        for (number, table) in (1..).zip(script.fault) {
            let spec: Spec = table.try_into().map_err(|error: toml::de::Error| WeatherError::Fault {
                number,
                reason: error.to_string().trim_end().replace('\n', " "),
            })?;
            let fault =
                spec.fault().map_err(|Misfit(field, problem)| WeatherError::Field { number, field, problem })?;
            weather.faults.push(fault);
        }
        Ok(weather)
    }
}

/// The script as it stands; the faults are read one by one, so that an error can name its fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    about: Option<String>,
    seed: Option<u64>,
    #[serde(default)]
    fault: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    kind: Kind,
    method: Option<String>,
    percent: Option<f64>,
    every: Option<u64>,
    at: Option<Vec<u64>>,
    from: Option<u64>,
    until: Option<u64>,
    status: Option<u16>,
    message: Option<String>,
    retry_after: Option<String>,
    per_hour: Option<u32>,
    partial: Option<bool>,
    millis: Option<u64>,
    next: Option<String>,
    requests: Option<u32>,
    limit: Option<u32>,
    remaining: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Refuse,
    DropBefore,
    DropAfter,
    HangBefore,
    HangAfter,
    ErrorBefore,
    ErrorAfter,
    HtmlBefore,
    HtmlAfter,
    TooMany,
    Cut,
    Empty,
    Foreign,
    Endless,
    Slow,
    Lag,
    GuestCap,
    TokenDies,
    Limit,
    Others,
    Headers,
}

/// A field, and what is wrong with it.
#[derive(Debug)]
struct Misfit(&'static str, &'static str);

impl Spec {
    fn fault(self) -> Result<Fault, Misfit> {
        self.check()?;
        Ok(Fault::new(self.effect()?, self.aim()?))
    }

    /// Every key given must be one of the kind's own, and hold a value that HTTP can carry.
    fn check(&self) -> Result<(), Misfit> {
        use Kind::{
            ErrorAfter, ErrorBefore, GuestCap, Headers, HtmlAfter, HtmlBefore, Lag, Limit, Others, Slow, TokenDies,
            TooMany,
        };
        let errors = matches!(self.kind, ErrorBefore | ErrorAfter);
        let own_status = errors || matches!(self.kind, HtmlBefore | HtmlAfter);
        let own_retry_after = errors || matches!(self.kind, TooMany | GuestCap);
        for (field, given, own) in [
            ("status", self.status.is_some(), own_status),
            ("message", self.message.is_some(), errors),
            ("retry_after", self.retry_after.is_some(), own_retry_after),
            ("per_hour", self.per_hour.is_some(), self.kind == GuestCap),
            ("partial", self.partial.is_some(), self.kind == GuestCap),
            ("millis", self.millis.is_some(), matches!(self.kind, Slow | Lag | Limit)),
            ("next", self.next.is_some(), self.kind == TokenDies),
            ("requests", self.requests.is_some(), matches!(self.kind, Limit | Others)),
            ("limit", self.limit.is_some(), self.kind == Headers),
            ("remaining", self.remaining.is_some(), self.kind == Headers),
        ] {
            if given && !own {
                return Err(Misfit(field, "has no meaning for this kind of fault"));
            }
        }
        let is_printable = |text: &String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err(Misfit("status", "must be between 200 and 599"));
        }
        if !self.retry_after.as_ref().is_none_or(is_printable) {
            return Err(Misfit("retry_after", "must be printable ASCII"));
        }
        Ok(())
    }

    fn effect(&self) -> Result<Effect, Misfit> {
        let interruption = match self.kind {
            Kind::Slow => return Ok(Effect::Slow(self.pause()?)),
            Kind::Lag => return Ok(Effect::Lag(self.pause()?)),
            Kind::TokenDies => return Ok(Effect::TokenDies(self.next.clone())),
            Kind::GuestCap => return self.guest_cap(),
            Kind::Limit => return self.limit(),
            Kind::Others => return Ok(Effect::Others(self.requests.ok_or(Misfit("requests", "is missing"))?)),
            Kind::Headers => return Ok(Effect::Headers(Claim { limit: self.limit, remaining: self.remaining })),
            Kind::Refuse => Break::Before(Reply::Refuse),
            Kind::DropBefore => Break::Before(Reply::Drop),
            Kind::DropAfter => Break::After(Reply::Drop),
            Kind::HangBefore => Break::Before(Reply::Hang),
            Kind::HangAfter => Break::After(Reply::Hang),
            Kind::ErrorBefore => Break::Before(self.error()),
            Kind::ErrorAfter => Break::After(self.error()),
            Kind::HtmlBefore => Break::Before(self.html()),
            Kind::HtmlAfter => Break::After(self.html()),
            Kind::TooMany => Break::Before(self.too_many()),
            Kind::Empty => Break::After(Reply::Answer(Answer::empty(201))),
            Kind::Foreign => Break::After(Reply::Answer(Answer::message(200, "OK"))),
            Kind::Cut => Break::Cut,
            Kind::Endless => Break::Endless,
        };
        Ok(Effect::Break(interruption))
    }

    fn pause(&self) -> Result<Duration, Misfit> {
        self.millis.map(Duration::from_millis).ok_or(Misfit("millis", "is missing"))
    }

    fn guest_cap(&self) -> Result<Effect, Misfit> {
        Ok(Effect::GuestCap(GuestCap {
            per_hour: self.per_hour.ok_or(Misfit("per_hour", "is missing"))?,
            retry_after: self.retry_after.clone(),
            is_partial: self.partial.unwrap_or_default(),
        }))
    }

    fn limit(&self) -> Result<Effect, Misfit> {
        let rate = match (self.requests, self.millis) {
            (Some(requests @ 1..), Some(_)) => Some(Rate { requests, period: self.pause()? }),
            (None, None) => None,
            _ => return Err(Misfit("requests", "must be at least 1 and stand beside `millis`")),
        };
        Ok(Effect::Limit(rate))
    }

    fn error(&self) -> Reply {
        let answer = Answer::error(self.status.unwrap_or(500), self.message.as_deref().unwrap_or("Server Error"));
        Reply::Answer(match &self.retry_after {
            Some(text) => answer.with("Retry-After", text.clone()),
            None => answer,
        })
    }

    fn html(&self) -> Reply {
        Reply::Answer(Answer::html(self.status.unwrap_or(502)))
    }

    fn too_many(&self) -> Reply {
        let retry_after = self.retry_after.as_deref().unwrap_or("1");
        Reply::Answer(Answer::message(429, "Too Many Attempts.").with("Retry-After", retry_after))
    }

    fn aim(self) -> Result<Aim, Misfit> {
        let span = (self.from.unwrap_or(1), self.until.unwrap_or(u64::MAX));
        if span.0 == 0 || span.0 > span.1 {
            return Err(Misfit("from", "must be at least 1 and at most `until`"));
        }
        let times = match (self.percent, self.every, self.at) {
            (None, None, None) => Times::Always,
            (Some(percent), None, None) if (0.0..=100.0).contains(&percent) => Times::Share(percent / 100.0),
            (Some(_), None, None) => return Err(Misfit("percent", "must be between 0 and 100")),
            (None, Some(0), None) => return Err(Misfit("every", "must be at least 1")),
            (None, Some(every), None) => Times::Every(every),
            (None, None, Some(at)) if at.is_empty() || at.contains(&0) => {
                return Err(Misfit("at", "must list numbers of requests, from 1"));
            }
            (None, None, Some(at)) => Times::At(at),
            (Some(_), _, _) => {
                return Err(Misfit("percent", "cannot stand beside `every` or `at`"));
            }
            (None, Some(_), Some(_)) => return Err(Misfit("every", "cannot stand beside `at`")),
        };
        let method = self.method.map(|method| method.to_ascii_uppercase());
        Ok(Aim { method, times, span })
    }
}
