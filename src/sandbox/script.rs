//! Parses fault scripts, which are TOML. Pure.
//!
//! ```toml
//! about = "A bad day: answers get lost, and the proxy fails."   # optional prose
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
//! | `guest-cap` | at most `per_hour` new guests in any hour, else 429; with `partial` the group is created with the guests that fit | `per_hour`, `retry_after` (none), `partial` (false) |
//! | `token-dies` | from now on every request is a 401, except with the token `next` | `next` (none) |
//! | `limit` | from now on at most `requests` in any window of `millis`; without keys there is no limit | `requests`, `millis` |
//! | `others` | other users of the token send `requests` requests first | `requests` |
//! | `headers` | the answer's `X-RateLimit-Limit` and `-Remaining` say this instead of the truth; without keys there are none | `limit`, `remaining` |
//!
//! The first fault that applies to a request wins; the last seven kinds combine with any other.
//! A request that the request limit refuses gets its 429 whatever the faults, except `refuse`.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use super::RequestRate;
use super::faults::{FaultEffect, FaultScript, Frequency, Interruption, ScriptedFault, Trigger};
use super::limit::{CapOnGuests, RateLimitHeaders};
use super::message::{Reply, Response};

/// Why a fault script cannot be used.
#[derive(Debug, Error)]
pub enum FaultScriptError {
    /// It is not TOML, or something outside the faults is wrong.
    #[error("the fault script cannot be read: {0}")]
    Script(String),
    /// A fault has an unknown key, or a value of another type.
    #[error("fault {number} of the fault script cannot be read: {reason}")]
    Fault {
        /// Which fault, from 1.
        number: usize,
        /// What is wrong, with the field's name.
        reason: String,
    },
    /// A field's value is not allowed.
    #[error("fault {number} of the fault script: `{field}` {problem}")]
    Field {
        /// Which fault, from 1.
        number: usize,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl FaultScript {
    /// Reads a script; the module's page has its form.
    ///
    /// # Errors
    /// When `text` is not a script; the error names the fault's number and field.
    pub fn parse(text: &str) -> Result<Self, FaultScriptError> {
        let script: Script =
            toml::from_str(text).map_err(|error| FaultScriptError::Script(error.to_string().trim_end().to_owned()))?;
        let mut faults = Self { about: script.about, seed: script.seed, ..Self::default() };
        for (number, table) in (1..).zip(script.fault) {
            let spec: FaultSpec = table.try_into().map_err(|error: toml::de::Error| FaultScriptError::Fault {
                number,
                reason: error.to_string().trim_end().replace('\n', " "),
            })?;
            let fault =
                spec.fault().map_err(|BadField(field, problem)| FaultScriptError::Field { number, field, problem })?;
            faults.faults.push(fault);
        }
        Ok(faults)
    }
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultSpec {
    kind: FaultKind,
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
enum FaultKind {
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
struct BadField(&'static str, &'static str);

impl FaultSpec {
    fn fault(self) -> Result<ScriptedFault, BadField> {
        self.check()?;
        Ok(ScriptedFault::new(self.effect()?, self.trigger()?))
    }

    /// Every key given must be one of the kind's own, and hold a value that HTTP can carry.
    fn check(&self) -> Result<(), BadField> {
        use FaultKind::{
            ErrorAfter, ErrorBefore, GuestCap, Headers, HtmlAfter, HtmlBefore, Lag, Limit, Others, Slow, TokenDies,
            TooMany,
        };
        let errors = matches!(self.kind, ErrorBefore | ErrorAfter);
        for (field, given, own) in [
            ("status", self.status.is_some(), errors || matches!(self.kind, HtmlBefore | HtmlAfter)),
            ("message", self.message.is_some(), errors),
            ("retry_after", self.retry_after.is_some(), errors || matches!(self.kind, TooMany | GuestCap)),
            ("per_hour", self.per_hour.is_some(), self.kind == GuestCap),
            ("partial", self.partial.is_some(), self.kind == GuestCap),
            ("millis", self.millis.is_some(), matches!(self.kind, Slow | Lag | Limit)),
            ("next", self.next.is_some(), self.kind == TokenDies),
            ("requests", self.requests.is_some(), matches!(self.kind, Limit | Others)),
            ("limit", self.limit.is_some(), self.kind == Headers),
            ("remaining", self.remaining.is_some(), self.kind == Headers),
        ] {
            if given && !own {
                return Err(BadField(field, "has no meaning for this kind of fault"));
            }
        }
        let is_printable = |text: &String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err(BadField("status", "must be between 200 and 599"));
        }
        if !self.retry_after.as_ref().is_none_or(is_printable) {
            return Err(BadField("retry_after", "must be printable ASCII"));
        }
        Ok(())
    }

    fn effect(&self) -> Result<FaultEffect, BadField> {
        let interruption = match self.kind {
            FaultKind::Slow => return Ok(FaultEffect::Slow(self.pause()?)),
            FaultKind::Lag => return Ok(FaultEffect::Lag(self.pause()?)),
            FaultKind::TokenDies => return Ok(FaultEffect::TokenDies(self.next.clone())),
            FaultKind::GuestCap => return self.guest_cap(),
            FaultKind::Limit => return self.limit(),
            FaultKind::Others => {
                return Ok(FaultEffect::Others(self.requests.ok_or(BadField("requests", "is missing"))?));
            }
            FaultKind::Headers => {
                return Ok(FaultEffect::Headers(RateLimitHeaders { limit: self.limit, remaining: self.remaining }));
            }
            FaultKind::Refuse => Interruption::Before(Reply::Refuse),
            FaultKind::DropBefore => Interruption::Before(Reply::Drop),
            FaultKind::DropAfter => Interruption::After(Reply::Drop),
            FaultKind::HangBefore => Interruption::Before(Reply::Hang),
            FaultKind::HangAfter => Interruption::After(Reply::Hang),
            FaultKind::ErrorBefore => Interruption::Before(self.error()),
            FaultKind::ErrorAfter => Interruption::After(self.error()),
            FaultKind::HtmlBefore => Interruption::Before(self.html()),
            FaultKind::HtmlAfter => Interruption::After(self.html()),
            FaultKind::TooMany => Interruption::Before(self.too_many()),
            FaultKind::Empty => Interruption::After(Reply::Answer(Response::empty(201))),
            FaultKind::Foreign => Interruption::After(Reply::Answer(Response::message(200, "OK"))),
            FaultKind::Cut => Interruption::Cut,
            FaultKind::Endless => Interruption::Endless,
        };
        Ok(FaultEffect::Interrupt(interruption))
    }

    fn pause(&self) -> Result<Duration, BadField> {
        self.millis.map(Duration::from_millis).ok_or(BadField("millis", "is missing"))
    }

    fn guest_cap(&self) -> Result<FaultEffect, BadField> {
        Ok(FaultEffect::GuestCap(CapOnGuests {
            per_hour: self.per_hour.ok_or(BadField("per_hour", "is missing"))?,
            retry_after: self.retry_after.clone(),
            is_partial: self.partial.unwrap_or_default(),
        }))
    }

    fn limit(&self) -> Result<FaultEffect, BadField> {
        let rate = match (self.requests, self.millis) {
            (Some(requests @ 1..), Some(_)) => Some(RequestRate { requests, period: self.pause()? }),
            (None, None) => None,
            _ => return Err(BadField("requests", "must be at least 1 and stand beside `millis`")),
        };
        Ok(FaultEffect::Limit(rate))
    }

    fn error(&self) -> Reply {
        let answer = Response::error(self.status.unwrap_or(500), self.message.as_deref().unwrap_or("Server Error"));
        let retry_after = self.retry_after.iter();
        Reply::Answer(retry_after.fold(answer, |answer, text| answer.with("Retry-After", text)))
    }

    fn html(&self) -> Reply {
        Reply::Answer(Response::html(self.status.unwrap_or(502)))
    }

    fn too_many(&self) -> Reply {
        let retry_after = self.retry_after.as_deref().unwrap_or("1");
        Reply::Answer(Response::message(429, "Too Many Attempts.").with("Retry-After", retry_after))
    }

    fn trigger(self) -> Result<Trigger, BadField> {
        let span = (self.from.unwrap_or(1), self.until.unwrap_or(u64::MAX));
        if span.0 == 0 || span.0 > span.1 {
            return Err(BadField("from", "must be at least 1 and at most `until`"));
        }
        let times = match (self.percent, self.every, self.at) {
            (None, None, None) => Frequency::Always,
            (Some(percent), None, None) if (0.0..=100.0).contains(&percent) => Frequency::Share(percent / 100.0),
            (Some(_), None, None) => return Err(BadField("percent", "must be between 0 and 100")),
            (None, Some(0), None) => return Err(BadField("every", "must be at least 1")),
            (None, Some(every), None) => Frequency::Every(every),
            (None, None, Some(at)) if at.is_empty() || at.contains(&0) => {
                return Err(BadField("at", "must list numbers of requests, from 1"));
            }
            (None, None, Some(at)) => Frequency::At(at),
            (Some(_), _, _) => {
                return Err(BadField("percent", "cannot stand beside `every` or `at`"));
            }
            (None, Some(_), Some(_)) => return Err(BadField("every", "cannot stand beside `at`")),
        };
        let method = self.method.map(|method| method.to_ascii_uppercase());
        Ok(Trigger { method, times, span })
    }
}
