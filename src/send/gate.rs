//! The gate that every row with guests passes before it is sent: it keeps the organization's cap on guest invites, and
//! `--guest-rate`. Rows without guests never come here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::guests::{Cap, Leave, Way, Word};
use super::invites::Invites;
use super::judge::Verdict;
use super::rate::Rate;
use super::sign::named_pause;
use super::stop::Stop;
use super::window::Room;
use crate::journal::SentGuests;
use crate::model::{Event, Group, Listener};

/// How guests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestLimits {
    /// `--guest-rate`: the most new guests in any window of the period.
    pub rate: Option<Rate>,
    /// The longest time for which the cap may keep all rows with guests from being sent.
    pub wait_max: Duration,
}

/// The gate.
pub struct Gate {
    book: Mutex<Book>,
    /// One waits at a time, in the order in which they came: whoever was refused goes behind the others.
    turn: tokio::sync::Mutex<()>,
    /// A row was answered.
    changed: Notify,
    is_rated: bool,
    stop: Stop,
    listener: Listener,
}

struct Book {
    cap: Cap,
    invites: Option<Invites>,
}

/// What comes of asking for places.
enum Charged {
    /// So many are held.
    Paid(usize),
    /// Ask again then, or when something changes.
    Wait(Option<std::time::Instant>),
}

/// The right to send one row with guests once.
pub(super) struct Pass {
    gate: Arc<Gate>,
    leave: Leave,
    /// Places held for guests that are new.
    places: usize,
    is_used: bool,
}

/// Whoever is the next to pass.
pub(super) type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

/// No row with guests is sent any more: the run stops, or the cap would be in the way for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shut;

impl Gate {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(limits: GuestLimits, stop: Stop, listener: Listener) -> Arc<Self> {
        let book = Book { cap: Cap::new(limits.wait_max), invites: limits.rate.map(Invites::new) };
        Arc::new(Self {
            book: Mutex::new(book),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            is_rated: limits.rate.is_some(),
            stop,
            listener,
        })
    }

    /// Whether guests are paced in advance, so that it matters which were sent before.
    #[must_use]
    pub fn is_rated(&self) -> bool {
        self.is_rated
    }

    /// These guests were sent with a group.
    pub fn remember(&self, sent: &SentGuests) {
        if let Some(invites) = &mut self.book().invites {
            invites.remember(sent, Instant::now().into_std());
        }
    }

    /// How long the cap would be in the way, if no row with guests can be sent in this run.
    pub(super) fn shut_for(&self) -> Option<Duration> {
        match self.book().cap.way(Instant::now().into_std()) {
            Way::Shut(time) => Some(time),
            _ => None,
        }
    }

    /// Waits for the right to send a row that is at hand.
    pub(super) async fn pass(self: &Arc<Self>, body: &[u8]) -> Result<Pass, Shut> {
        let turn = self.turn().await;
        let mut pass = self.admit(&turn).await?;
        pass.pay(&turn, body).await?;
        Ok(pass)
    }

    /// Waits until all are gone who came before.
    pub(super) async fn turn(&self) -> Turn<'_> {
        self.turn.lock().await
    }

    /// Waits until the cap lets one more row go, whichever that is.
    pub(super) async fn admit(self: &Arc<Self>, _turn: &Turn<'_>) -> Result<Pass, Shut> {
        loop {
            let (way, leave) = {
                let mut book = self.book();
                let way = book.cap.way(Instant::now().into_std());
                (way, (way == Way::Open && !self.stop.is_raised()).then(|| book.cap.leave()))
            };
            if let Some(leave) = leave {
                return Ok(Pass { gate: Arc::clone(self), leave, places: 0, is_used: false });
            }
            match way {
                Way::At(until) => self.wait(Some(until.into())).await?,
                Way::AfterAnswer => self.wait(None).await?,
                Way::Open | Way::Shut(_) => return Err(Shut),
            }
        }
    }

    /// The group of this body is there: its guests are known.
    pub(super) fn greet(&self, body: &[u8]) {
        if let Some(invites) = &mut self.book().invites {
            invites.greet(&guests(body));
        }
    }

    /// Waits until then, or until a row is answered.
    async fn wait(&self, until: Option<Instant>) -> Result<(), Shut> {
        let time = until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
        tokio::select! {
            biased;
            () = self.changed.notified() => {}
            _ = self.stop.sleep(time) => {}
        }
        if self.stop.is_raised() { Err(Shut) } else { Ok(()) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, pass: &Pass, word: Word, are_invited: bool) {
        let now = Instant::now().into_std();
        let mut book = self.book();
        let paused = book.cap.answer(pass.leave, word, now);
        match &mut book.invites {
            Some(invites) if are_invited => invites.answer(pass.places, now),
            Some(invites) => invites.forgo(pass.places, now),
            None => {}
        }
        drop(book);
        if let Some(time) = paused {
            tracing::warn!("the cap on guest invites is reached: rows with guests wait for {} s", time.as_secs());
            (self.listener)(Event::GuestsPaused(time));
        }
        self.changed.notify_one();
    }
}

impl Book {
    /// Has the new ones among these guests hold their places. The cap may have closed since the row was let in.
    fn charge(&mut self, guests: &[String], now: std::time::Instant) -> Result<Charged, Shut> {
        match self.cap.way(now) {
            Way::Shut(_) => return Err(Shut),
            Way::At(until) => return Ok(Charged::Wait(Some(until))),
            Way::Open | Way::AfterAnswer => {}
        }
        let Some(invites) = &mut self.invites else { return Ok(Charged::Paid(0)) };
        let count = invites.new_among(guests);
        Ok(match invites.room(count, now) {
            Room::Now => {
                invites.leave(count);
                Charged::Paid(count)
            }
            Room::At(until) => Charged::Wait(Some(until)),
            Room::AfterAnswer => Charged::Wait(None),
        })
    }
}

impl Pass {
    /// Waits until the new guests of a row may be invited.
    pub(super) async fn pay(&mut self, _turn: &Turn<'_>, body: &[u8]) -> Result<(), Shut> {
        if !self.gate.is_rated {
            return Ok(());
        }
        let guests = guests(body);
        loop {
            let charged = self.gate.book().charge(&guests, Instant::now().into_std())?;
            match charged {
                Charged::Paid(places) => {
                    self.places = places;
                    return Ok(());
                }
                Charged::Wait(until) => self.gate.wait(until.map(Instant::from_std)).await?,
            }
        }
    }

    /// The row is answered, or was lost.
    pub(super) fn hear(mut self, verdict: &Verdict) {
        self.is_used = true;
        let word = match verdict {
            Verdict::Created { .. } => Word::Taken,
            Verdict::GuestCap(_, hints) => Word::Refused(named_pause(hints, SystemTime::now())),
            _ => Word::Nothing,
        };
        // What is in doubt, or was refused half-way, may have invited them.
        let are_invited = matches!(verdict, Verdict::Created { .. } | Verdict::GuestCap(..) | Verdict::InDoubt(_));
        self.gate.hear(&self, word, are_invited);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_used {
            self.gate.hear(self, Word::Nothing, false);
        }
    }
}

/// The guests of a create request.
pub(super) fn guests(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body).map(|group: Group| group.guests).unwrap_or_default()
}
