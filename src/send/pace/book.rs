//! What the limiter holds under its lock: every rule of the pace, asked before each request and told of each answer.

use std::time::Duration;

use tokio::time::Instant;

use super::super::meter::{Meter, Said, Ticket};
use super::super::patience::{Patience, Refused, TooLong};
use super::super::rate::{Rate, Speed};
use super::super::sign::{Sign, pause};
use super::super::spacing::Spacing;
use super::super::valve::Valve;
use super::super::window::Room;
use super::{Leave, Limits};
use crate::journal::Trail;
use crate::model::{Event, Wait};
use crate::tallyfy::{Answer, Lost};

/// A wait of this length, beyond the usual one between two requests, is told.
const LONG: Duration = Duration::from_secs(1);

pub(super) struct Book {
    pub(super) meter: Meter,
    spacing: Option<Spacing>,
    pub(super) valve: Valve,
    pub(super) patience: Patience,
    pub(super) paused_until: Option<Instant>,
    trail: Option<Trail>,
    /// Requests in flight that are to change something.
    writes: usize,
    /// Until when the limit is used up, as far as it was told.
    told_until: Option<Instant>,
    /// The rate that was told.
    told_rate: Option<Rate>,
    /// The limit that was noted as found.
    found: Option<Rate>,
}

/// Nobody sends for a while.
pub(super) struct Pause {
    pub(super) time: Duration,
    pub(super) why: Wait,
}

/// An answer, or its absence, with what it tells.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) answer: &'a Result<Answer, Lost>,
    pub(super) said: &'a Sign,
    /// What was to be changed; the same each time it is sent.
    pub(super) subject: Option<u64>,
}

impl Book {
    pub(super) fn new(limits: Limits, trail: Option<(Trail, Vec<Duration>)>, now: Instant) -> Self {
        let now = now.into_std();
        let (trail, ages) = trail.map_or((None, Vec::new()), |(trail, ages)| (Some(trail), ages));
        let found = trail.as_ref().and_then(Trail::found).and_then(|(requests, period)| Rate::of(requests, period));
        let mut meter = Meter::new(limits.speed, found, limits.lanes, now);
        for age in ages {
            meter.remember(age, now);
        }
        // A rate that the user named is known already.
        let told_rate = meter.expected(now).filter(|_| matches!(limits.speed, Speed::At(_)));
        Self {
            meter,
            spacing: None,
            valve: Valve::default(),
            patience: Patience::new(limits.wait_max),
            paused_until: None,
            trail,
            writes: 0,
            told_until: None,
            told_rate,
            found: None,
        }
    }

    /// Whether one more may leave.
    pub(super) fn room(&mut self, is_write: bool, now: Instant) -> Room {
        if is_write && self.writes > 0 && self.patience.takes_none(now.into_std()).is_some() {
            // The server takes none: one at a time finds out when it does.
            return Room::AfterAnswer;
        }
        match self.meter.room(now.into_std()) {
            Room::Now => {}
            room => return room,
        }
        let Some(rate) = self.meter.rate() else { return Room::Now };
        let spacing = match self.spacing.take() {
            Some(spacing) => spacing.at(rate, now),
            None => Spacing::new(rate, now),
        };
        self.spacing.insert(spacing).room(now)
    }

    /// What there is to tell of a wait until then.
    pub(super) fn wait(&mut self, until: Instant, now: Instant) -> Option<Event> {
        let time = until.saturating_duration_since(now);
        let usual = self.meter.rate()?.spacing().saturating_mul(2).saturating_add(LONG);
        let is_news = self.told_until.is_none_or(|told| told < until);
        (time > usual && is_news).then(|| {
            self.told_until = Some(until);
            Event::Paused { time, why: Wait::Limit }
        })
    }

    /// What there is to tell when one leaves before the end of the wait that was told.
    pub(super) fn go(&mut self, now: Instant) -> Option<Event> {
        self.told_until.take().filter(|until| now < *until).map(|_| Event::Resumed)
    }

    /// What there is to tell of the rate.
    pub(super) fn rate(&mut self, now: Instant) -> Option<Event> {
        let rate = self.meter.expected(now.into_std());
        if rate == self.told_rate {
            return None;
        }
        self.told_rate = rate;
        Some(Event::Rate(rate?.per_second()))
    }

    pub(super) fn leave(&mut self, is_write: bool, now: Instant) -> Result<Leave, String> {
        let (at, now) = (now, now.into_std());
        let mark = match &mut self.trail {
            Some(trail) if self.meter.rate().is_some() => Some(
                trail.leave(now).map_err(|reason| format!("{}: {reason}", crate::model::shown_path(trail.path())))?,
            ),
            _ => None,
        };
        self.writes += usize::from(is_write);
        Ok(Leave { at, is_write, ticket: self.meter.leave(now), mark })
    }

    pub(super) fn forgo(&mut self, Leave { ticket, mark, is_write, .. }: Leave) {
        self.writes -= usize::from(is_write);
        self.meter.forgo(ticket);
        if let (Some(trail), Some(mark)) = (&mut self.trail, mark) {
            // A mark that stays holds its place for longer after a restart: nothing is lost by it.
            let _ = trail.forgo(mark, Instant::now().into_std());
        }
    }

    /// Notes an answer; gives how long everybody is to wait, where the server asks for it.
    pub(super) fn hear(
        &mut self,
        Leave { at, ticket, mark, is_write }: Leave,
        heard: Heard<'_>,
        now: Instant,
    ) -> Option<Result<Pause, TooLong>> {
        let (left, now) = (at.into_std(), now.into_std());
        if let (Some(trail), Some(mark)) = (&mut self.trail, mark) {
            // As above.
            let _ = trail.answer(mark, now);
        }
        self.writes -= usize::from(is_write);
        let asked = self.count(ticket, heard, now);
        self.note_found();
        match heard.said {
            Sign::Fine | Sign::TooMany(_) => self.valve.answered(),
            Sign::Unable(why, _) | Sign::Failing(why, _) => {
                let is_there = heard.answer.as_ref().is_ok_and(|answer| answer.status >= 500);
                self.valve.failed(why.clone(), is_there, now);
            }
        }
        if let Some(subject) = heard.subject.filter(|_| *heard.said != Sign::Fine) {
            self.patience.in_vain(subject, heard.said.is_refusal(), left);
        }
        let takes_none = is_write && self.patience.takes_none(now).is_some();
        let (time, named) = match *heard.said {
            Sign::Fine => {
                if is_write {
                    self.patience.written(heard.subject);
                } else {
                    self.patience.read();
                }
                return None;
            }
            Sign::TooMany(named) => (asked?, named),
            // As long as it may be chance, each waits for itself.
            Sign::Unable(_, None) | Sign::Failing(_, None) if takes_none => (Duration::ZERO, None),
            Sign::Unable(_, named) | Sign::Failing(_, named) => (pause(Some(named?)), named),
        };
        // The pause may be our own and longer: only what the server names may be too long.
        let is_asked = |time| named.is_some_and(|named| time == pause(Some(named)));
        let refused = Refused { is_write, left, pause: time, is_named: is_asked(time) };
        let paused = self.patience.refused(refused, now);
        Some(paused.map(|time| Pause { time, why: if is_asked(time) { Wait::Asked } else { Wait::Refused } }))
    }

    fn note_found(&mut self) {
        let found = self.meter.found();
        let Some(rate) = found.filter(|_| found != self.found) else { return };
        self.found = found;
        tracing::info!("the server lets {rate}, as far as is found");
        if let Some(trail) = &mut self.trail {
            // What is not noted has to be found again.
            let _ = trail.find(rate.requests.get(), rate.period);
        }
    }

    /// How long everybody is to wait, if it was one too many.
    fn count(
        &mut self,
        ticket: Ticket,
        Heard { answer, said, .. }: Heard<'_>,
        now: std::time::Instant,
    ) -> Option<Duration> {
        let hints = answer.as_ref().ok().map(|answer| &answer.hints);
        let told = match (said, hints) {
            (Sign::TooMany(named), Some(hints)) => Said::TooMany(hints, *named),
            _ => Said::Taken(hints),
        };
        self.meter.answer(ticket, told, now)
    }
}
