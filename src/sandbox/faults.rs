//! Fault scripts: which requests fail, and how. `docs/development.md` describes their form. Pure.

use std::num::NonZeroU64;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::json;

use super::limit::{GuestCap, RateLimitHeaders};
use super::message::{Reply, Response};

/// The faults of an organization; none by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// The script's description.
    pub about: Option<String>,
    seed: Option<u64>,
    /// Parsed one by one, so that an error can name its fault.
    #[serde(default)]
    fault: Vec<toml::Table>,
    #[serde(skip)]
    faults: Vec<(Trigger, FaultEffect)>,
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
    /// How many requests of its method it has seen.
    #[serde(skip)]
    seen: u64,
    /// A seed of its own, so that faults are independent of one another.
    #[serde(skip)]
    chance: u64,
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
    ErrorBefore { status: Option<u16>, message: Option<String>, retry_after: Option<String> },
    ErrorAfter { status: Option<u16>, message: Option<String>, retry_after: Option<String> },
    HtmlBefore { status: Option<u16> },
    HtmlAfter { status: Option<u16> },
    TooMany { retry_after: Option<String> },
    Cut {},
    Empty {},
    Foreign {},
    Answer { body: String },
    Endless {},
    // The following kinds combine with any other.
    Slow { millis: u64 },
    Lag { millis: u64 },
    Alter { prefix: Option<String>, members: Option<Vec<u64>> },
    GuestCap(GuestCap),
    TokenDies { next: Option<String> },
    Limit { requests: Option<u32>, millis: Option<u64> },
    Others { requests: u32 },
    Headers(RateLimitHeaders),
}

impl FaultScript {
    /// Parses a script.
    ///
    /// # Errors
    /// When `text` is not a script; the message names the fault's number and field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unreadable = |what: &str, reason: &str| format!("{what} cannot be read: {}", reason.trim_end());
        let mut script: Self =
            toml::from_str(text).map_err(|error| unreadable("the fault script", &error.to_string()))?;
        for (number, table) in (1..).zip(std::mem::take(&mut script.fault)) {
            let what = format!("fault {number} of the fault script");
            let fault = fault(table).map_err(|error| unreadable(&what, &error.to_string().replace('\n', " ")))?;
            script.faults.push(fault);
        }
        Ok(script)
    }

    /// Counts requests from 1 again; random faults use the script's own seed, else `fallback`.
    pub(super) fn seeded(mut self, fallback: u64) -> Self {
        let mut chances = StdRng::seed_from_u64(self.seed.unwrap_or(fallback));
        for (trigger, _) in &mut self.faults {
            trigger.seen = 0;
            trigger.chance = chances.random();
        }
        self
    }

    /// The effects of the faults that apply to the next request, which has `method`, in the order of the script.
    pub(super) fn next(&mut self, method: &str) -> Vec<FaultEffect> {
        let applies = |(trigger, effect): &mut (Trigger, FaultEffect)| trigger.applies(method).then(|| effect.clone());
        self.faults.iter_mut().filter_map(applies).collect()
    }
}

fn fault(table: toml::Table) -> Result<(Trigger, FaultEffect), toml::de::Error> {
    let mut trigger: Trigger = table.try_into()?;
    if trigger.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
        return Err(toml::de::Error::custom("`percent` must be between 0 and 100"));
    }
    let own = toml::Value::Table(std::mem::take(&mut trigger.own));
    let effect = toml::Table::from_iter([(trigger.kind.clone(), own)]).try_into()?;
    Ok((trigger, effect))
}

impl Trigger {
    fn applies(&mut self, method: &str) -> bool {
        let Self { method: only, percent, every, at, from, until, seen, chance, .. } = self;
        if only.as_ref().is_some_and(|only| !only.eq_ignore_ascii_case(method)) {
            return false;
        }
        *seen += 1;
        let number = *seen;
        // Drawn from the request's number alone, independent of earlier draws.
        let draw = || StdRng::seed_from_u64(chance.wrapping_add(number)).random::<f64>() * 100.0;
        from.is_none_or(|from| from <= number)
            && until.is_none_or(|until| number <= until)
            && every.is_none_or(|every| number.is_multiple_of(every.get()))
            && at.as_ref().is_none_or(|at| at.contains(&number))
            && percent.is_none_or(|percent| draw() < percent)
    }
}

impl FaultEffect {
    /// What the client sees of a request that was read, and that `apply` would carry out.
    pub(super) fn reply(self, apply: impl FnOnce() -> Response) -> Reply {
        let is_applied = !matches!(
            self,
            Self::DropBefore {}
                | Self::HangBefore {}
                | Self::ErrorBefore { .. }
                | Self::HtmlBefore { .. }
                | Self::TooMany { .. }
        );
        // The kinds that are not applied do not use it.
        let answer = if is_applied { apply() } else { Response::empty(500) };
        Reply::Answer(match self {
            Self::DropBefore {} | Self::DropAfter {} => return Reply::Drop,
            Self::HangBefore {} | Self::HangAfter {} => return Reply::Hang,
            Self::ErrorBefore { status, message, retry_after } | Self::ErrorAfter { status, message, retry_after } => {
                let message = message.as_deref().unwrap_or("Server Error");
                Response::error(status.unwrap_or(500), message).with("Retry-After", retry_after)
            }
            Self::HtmlBefore { status } | Self::HtmlAfter { status } => Response::html(status.unwrap_or(502)),
            Self::TooMany { retry_after } => Response::too_many(retry_after.as_deref().unwrap_or("1")),
            Self::Cut {} if answer.body.is_empty() => return Reply::Drop,
            Self::Cut {} => return Reply::Cut(answer),
            Self::Empty {} => Response::empty(201),
            Self::Foreign {} => Response::json(200, &json!({"message": "OK"})),
            Self::Answer { body } => Response { body: body.into_bytes(), ..answer },
            Self::Endless {} => return Reply::Endless(answer),
            _ => answer,
        })
    }
}
