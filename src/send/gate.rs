//! The gate that every row with guests passes before it is sent: it keeps the organization's cap on guest invites, and
//! `--guest-rate`. Rows without guests never come here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::guest_estimate::{GuestEstimate, GuestForecast};
use super::guests::{Cap, GuestLeave, GuestWord, Way};
use super::invites::{GUEST_CAP, Invites};
use super::judge::Verdict;
use super::queue::{Queue, Turn};
use super::rate::Rate;
use super::sign::named_pause;
use super::stop::Stop;
use super::window::Room;
use crate::journal::SentGuests;
use crate::model::{Event, Group, GuestWait, Listener, span};

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
    book: Mutex<GuestBook>,
    /// One waits at a time.
    queue: Arc<Queue>,
    /// A row was answered.
    changed: Notify,
    is_rated: bool,
    stop: Stop,
    listener: Listener,
}

struct GuestBook {
    cap: Cap,
    invites: Option<Invites>,
    estimate: GuestEstimate,
}

/// What comes of asking for places.
enum Charged {
    /// They are held.
    Paid,
    /// The cap keeps them all from being sent until then.
    Closed(std::time::Instant),
    /// There are places then, or when something changes.
    Full(Option<std::time::Instant>),
}

/// The right to send one row with guests once.
pub(super) struct Pass {
    gate: Arc<Gate>,
    leave: GuestLeave,
    /// Places held for guests that are new.
    places: usize,
    is_used: bool,
}

/// No row with guests is sent any more: the run stops, or the cap would be in the way for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shut;

impl Gate {
    /// Nothing was sent yet.
    #[must_use]
    pub fn new(limits: GuestLimits, stop: Stop, listener: Listener) -> Arc<Self> {
        let (cap, invites) = (Cap::new(limits.wait_max), limits.rate.map(Invites::new));
        let book = GuestBook { cap, invites, estimate: GuestEstimate::default() };
        Arc::new(Self {
            book: Mutex::new(book),
            queue: Arc::default(),
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

    /// An empty forecast of the rows of this run, which knows the guests of earlier rows.
    #[must_use]
    pub fn forecast(&self) -> GuestForecast {
        match &self.book().invites {
            Some(invites) => GuestForecast::with_known(invites.clone(), invites.rate()),
            None => GuestForecast::new(GUEST_CAP),
        }
    }

    /// Sets the forecast of all rows. Without `--guest-rate` it is reported only once the server's cap refuses a row:
    /// only the server knows which guests are new.
    pub fn expect(&self, forecast: &GuestForecast) {
        self.book().estimate = forecast.estimate();
        if self.is_rated {
            self.report(GuestEstimate::report);
        }
    }

    /// One more row is done.
    pub(super) fn done(&self) {
        self.report(GuestEstimate::done);
    }

    /// If the gate is shut, no more rows are sent in this run.
    pub(super) fn end(&self) {
        if self.shut_for().is_some() {
            self.report(|estimate, _| estimate.end());
        }
    }

    /// How long the cap would be in the way, if no row with guests can be sent in this run.
    pub(super) fn shut_for(&self) -> Option<Duration> {
        match self.book().cap.way(Instant::now().into_std()) {
            Way::Shut(time) => Some(time),
            _ => None,
        }
    }

    /// Waits for the right to send a row that is at hand, and was sent so often.
    pub(super) async fn pass(self: &Arc<Self>, body: &[u8], sends: u32) -> Result<Pass, Shut> {
        let (turn, mut pass) = self.admit(sends).await?;
        pass.pay(&turn, body).await?;
        Ok(pass)
    }

    /// Waits until the cap lets one more row go, and it is the turn of one that was sent so often.
    pub(super) async fn admit(self: &Arc<Self>, sends: u32) -> Result<(Turn, Pass), Shut> {
        let mut turn = self.queue.turn(sends).await;
        loop {
            let (way, leave) = {
                let mut book = self.book();
                let way = book.cap.way(Instant::now().into_std());
                (way, (way == Way::Open && !self.stop.is_raised()).then(|| book.cap.leave()))
            };
            if let Some(leave) = leave {
                return Ok((turn, Pass { gate: Arc::clone(self), leave, places: 0, is_used: false }));
            }
            match way {
                Way::At(until) => self.wait(Some(until.into())).await?,
                Way::AfterAnswer => self.wait(None).await?,
                Way::Open | Way::Shut(_) => return Err(Shut),
            }
            // Those that were refused may have come back.
            turn = self.queue.again(turn, sends).await;
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
        self.stop.wait(&self.changed, until).await.ok_or(Shut)
    }

    fn book(&self) -> MutexGuard<'_, GuestBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, pass: &Pass, word: GuestWord, are_invited: bool) {
        let now = Instant::now().into_std();
        let mut book = self.book();
        let paused = book.cap.answer(pass.leave, word, now);
        self.queue.prefer_fresh(book.cap.is_doubtful());
        match &mut book.invites {
            Some(invites) if are_invited => invites.answer(pass.places, now),
            Some(invites) => invites.forgo(pass.places),
            None => {}
        }
        drop(book);
        if let Some(time) = paused {
            let shown = span(time);
            tracing::warn!("the organization's cap on guest invites is reached: rows with guests wait for {shown}");
            self.hold_up(now.checked_add(time), GuestWait::Capped);
        }
        self.changed.notify_one();
    }

    /// The next row has to wait.
    fn hold_up(&self, until: Option<std::time::Instant>, why: GuestWait) {
        if let Some(until) = until {
            self.report(|estimate, now| estimate.wait(until, why, now));
        }
    }

    fn report<T: IntoIterator<Item = Event>>(&self, update: impl FnOnce(&mut GuestEstimate, std::time::Instant) -> T) {
        let events = update(&mut self.book().estimate, Instant::now().into_std());
        events.into_iter().for_each(|event| (self.listener)(event));
    }
}

impl GuestBook {
    /// Has the new ones among these guests hold their places. The cap may have closed since the row was let in.
    fn charge(&mut self, guests: &[String], places: &mut usize, now: std::time::Instant) -> Result<Charged, Shut> {
        match self.cap.way(now) {
            Way::Shut(_) => return Err(Shut),
            Way::At(until) => return Ok(Charged::Closed(until)),
            Way::Open | Way::AfterAnswer => {}
        }
        let Some(invites) = &mut self.invites else { return Ok(Charged::Paid) };
        let count = invites.new_among(guests);
        Ok(match invites.room(count, now) {
            Room::Now => {
                invites.leave(count);
                *places = count;
                Charged::Paid
            }
            Room::At(until) => Charged::Full(Some(until)),
            Room::AfterAnswer => Charged::Full(None),
        })
    }
}

impl Pass {
    /// Whether the new guests of a row may be invited without a wait.
    pub(super) fn pay_at_once(&mut self, _turn: &Turn, body: &[u8]) -> Result<bool, Shut> {
        Ok(!self.gate.is_rated || matches!(self.charge(&guests(body))?, Charged::Paid))
    }

    /// Waits until they may.
    pub(super) async fn pay(&mut self, _turn: &Turn, body: &[u8]) -> Result<(), Shut> {
        if !self.gate.is_rated {
            return Ok(());
        }
        let guests = guests(body);
        loop {
            let until = match self.charge(&guests)? {
                Charged::Paid => return Ok(()),
                Charged::Closed(until) => Some(until),
                Charged::Full(until) => {
                    self.gate.hold_up(until, GuestWait::Rated);
                    until
                }
            };
            self.gate.wait(until.map(Instant::from_std)).await?;
        }
    }

    fn charge(&mut self, guests: &[String]) -> Result<Charged, Shut> {
        let gate = Arc::clone(&self.gate);
        gate.book().charge(guests, &mut self.places, Instant::now().into_std())
    }

    /// The row is answered, or was lost.
    pub(super) fn hear(mut self, verdict: &Verdict) {
        self.is_used = true;
        let word = match verdict {
            Verdict::Created { .. } => GuestWord::Taken,
            Verdict::GuestCap(_, hints) => GuestWord::Refused(named_pause(hints, SystemTime::now())),
            _ => GuestWord::Nothing,
        };
        // What is in doubt, or was refused half-way, may have invited them.
        let are_invited = matches!(verdict, Verdict::Created { .. } | Verdict::GuestCap(..) | Verdict::InDoubt(_));
        self.gate.hear(&self, word, are_invited);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_used {
            self.gate.hear(self, GuestWord::Nothing, false);
        }
    }
}

/// The guests of a create request.
pub(super) fn guests(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body).map(|group: Group| group.guests).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Halt, Trouble};
    use crate::tallyfy::Hints;

    const WAIT_MAX: Duration = Duration::from_hours(2);

    /// A gate, what stops it, and what it told.
    fn gate(rate: Option<&str>) -> (Arc<Gate>, Stop, Arc<Mutex<Vec<Event>>>) {
        let (stop, told) = (Stop::default(), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&told);
        let listener: Listener = Arc::new(move |event| heard.lock().unwrap().push(event));
        let rate = rate.map(|rate| Rate::parse(rate).unwrap());
        (Gate::new(GuestLimits { rate, wait_max: WAIT_MAX }, stop.clone(), listener), stop, told)
    }

    fn refused(retry_after: &str) -> Verdict {
        let trouble = Trouble { code: "http-429".to_owned(), message: String::new(), http_status: Some(429) };
        Verdict::GuestCap(trouble, Hints { retry_after: Some(retry_after.to_owned()), ..Hints::default() })
    }

    fn created() -> Verdict {
        let group = crate::model::Tag { id: "g1".to_owned(), stamp: None };
        Verdict::Created { group, http_status: 201 }
    }

    fn body(guests: &[&str]) -> String {
        serde_json::json!({ "name": "A", "guests": guests }).to_string()
    }

    /// A pass for a row with this guest.
    async fn pass(gate: &Arc<Gate>, guest: &str) -> Pass {
        gate.pass(body(&[guest]).as_bytes(), 0).await.unwrap_or_else(|Shut| panic!("it is shut"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_closing_is_told_once_and_the_next_row_goes_when_it_is_over() {
        let (gate, _stop, told) = gate(None);
        pass(&gate, "a@x.org").await.hear(&created());
        let (one, other) = (pass(&gate, "b@x.org").await, pass(&gate, "c@x.org").await);
        let start = Instant::now();
        one.hear(&refused("60"));
        other.hear(&refused("60"));
        pass(&gate, "b@x.org").await.hear(&created());
        assert_eq!(start.elapsed(), Duration::from_secs(61));
        let paused = Event::GuestsPaused { time: Duration::from_secs(61), why: GuestWait::Capped };
        assert_eq!(*told.lock().unwrap(), [paused, Event::GuestsTake { rows: 0, time: Duration::ZERO }]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_at_once_for_all_who_wait() {
        let (gate, stop, _) = gate(None);
        pass(&gate, "a@x.org").await.hear(&refused("3600"));
        let start = Instant::now();
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stop.raise(Halt::Interrupted);
        };
        let body = body(&["b@x.org"]);
        let (one, other, ()) = tokio::join!(gate.pass(body.as_bytes(), 0), gate.pass(body.as_bytes(), 0), interrupt);
        assert!(one.is_err() && other.is_err());
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        assert_eq!(gate.shut_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_the_longest_wait_shuts_it() {
        let (gate, _stop, told) = gate(None);
        pass(&gate, "a@x.org").await.hear(&refused("86400"));
        assert!(gate.pass(body(&["a@x.org"]).as_bytes(), 0).await.is_err());
        assert_eq!(gate.shut_for(), Some(Duration::from_secs(86401)));
        assert_eq!(*told.lock().unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_rate_new_guests_wait_for_their_places_and_what_never_left_holds_none() {
        let (gate, _stop, told) = gate(Some("2/h"));
        let start = Instant::now();
        for guest in ["a@x.org", "b@x.org", "A@x.org"] {
            pass(&gate, guest).await.hear(&created());
            gate.greet(body(&[guest]).as_bytes());
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "two new ones, and one that is known");
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(pass(&gate, "c@x.org").await);
        assert_eq!(start.elapsed(), Duration::from_hours(1));
        pass(&gate, "d@x.org").await.hear(&created());
        pass(&gate, "e@x.org").await.hear(&created());
        assert_eq!(start.elapsed(), Duration::from_hours(1));
        pass(&gate, "f@x.org").await.hear(&created());
        assert_eq!(start.elapsed(), Duration::from_hours(2));
        let paused = |minutes| Event::GuestsPaused { time: Duration::from_mins(minutes), why: GuestWait::Rated };
        let none = Event::GuestsTake { rows: 0, time: Duration::ZERO };
        assert_eq!(*told.lock().unwrap(), [paused(59), none.clone(), paused(60), none]);
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_the_rest_takes_is_told_from_the_beginning_at_a_rate_and_from_the_first_closing_under_a_cap() {
        let take = |rows, seconds| Event::GuestsTake { rows, time: Duration::from_secs(seconds) };
        for (rate, before) in [(Some("1/h"), vec![take(3, 7200), take(2, 7200)]), (None, vec![])] {
            let (gate, _stop, told) = gate(rate);
            let mut forecast = gate.forecast();
            for guest in ["a@x.org", "b@x.org", "c@x.org"] {
                forecast.add(&[guest.to_owned()]);
            }
            gate.expect(&forecast);
            pass(&gate, "a@x.org").await.hear(&created());
            gate.done();
            let next = if rate.is_some() {
                drop(pass(&gate, "b@x.org").await);
                [Event::GuestsPaused { time: Duration::from_hours(1), why: GuestWait::Rated }, take(2, 7200)]
            } else {
                pass(&gate, "b@x.org").await.hear(&refused("60"));
                [Event::GuestsPaused { time: Duration::from_secs(61), why: GuestWait::Capped }, take(2, 61)]
            };
            let expected: Vec<Event> = before.into_iter().chain(next).collect();
            assert_eq!(*told.lock().unwrap(), expected, "{rate:?}");
        }
    }
}
