//! The guest limiter: keeps the guest quota and `--guest-rate` by a queue that every row with new guests passes each time it
//! is sent. Rows without guests, or whose guests are all known, need no permit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::guest_forecast::GuestForecast;
use super::guest_quota::{GUEST_CAP, GuestDeparture, GuestQuota, GuestResponse};
use super::now;
use super::queue::{PermitQueue, Stop};
use crate::journal::SentGuests;
use crate::model::{Event, GuestWait, Listener, Rate};

/// Hands out permits to send rows with guests.
pub struct GuestLimiter {
    queue: PermitQueue<GuestQuota>,
    listener: Listener,
}

/// Permission to send one row with guests once. If it is dropped, the row never left.
pub(crate) struct GuestPermit {
    limiter: Arc<GuestLimiter>,
    departure: GuestDeparture,
    response: GuestResponse,
}

impl GuestLimiter {
    /// Nothing was sent yet. `rate` is `--guest-rate`: the most new guests in any window of the period. `wait_max` is the longest
    /// time for which the quota may keep all rows with guests from being sent.
    pub fn new(rate: Option<Rate>, wait_max: Duration, stop: Stop, listener: Listener) -> Arc<Self> {
        Arc::new(Self { queue: PermitQueue::new(GuestQuota::new(rate, wait_max), stop), listener })
    }

    /// These guests were sent with a group.
    pub fn remember(&self, sent: &SentGuests) {
        self.queue.state.lock().remember(sent, now());
    }

    /// The organization knows these guests.
    pub fn learn(&self, guests: &[String]) {
        self.queue.state.lock().known.add(guests);
    }

    /// Whether the organization knows all of these guests.
    pub fn knows(&self, guests: &[String]) -> bool {
        self.queue.state.lock().known.new_among(guests) == 0
    }

    /// An empty forecast of the rows of this run, which knows the guests of earlier rows.
    pub fn forecast(&self) -> GuestForecast {
        let quota = self.queue.state.lock();
        GuestForecast::new(quota.rate.unwrap_or(GUEST_CAP), quota.known.clone())
    }

    /// Sets the forecast of all rows. Without `--guest-rate` it is reported only once the server refuses a row: only the
    /// server knows which guests are new.
    pub fn expect(&self, forecast: GuestForecast) {
        self.report(|quota, now| {
            quota.forecast = forecast;
            quota.rate.and_then(|_| quota.forecast.begin(now))
        });
    }

    /// One more row is done.
    pub(crate) fn done(&self) {
        self.report(|quota, now| quota.forecast.done(now));
    }

    /// How long the quota would hold rows with guests back, if none can be sent in this run.
    pub(crate) fn shut_for(&self) -> Option<Duration> {
        self.queue.state.lock().shut
    }

    /// Waits until a row with these guests, which was not sent yet, may leave; `None` if the run stops, or no row with guests
    /// is sent any more.
    pub(crate) async fn permit(self: &Arc<Self>, guests: &[String]) -> Option<GuestPermit> {
        loop {
            let permit = self.admit(guests).await?;
            // Each refusal is an attempt: a row that was refused is sent again and again, and no other before it.
            if self.queue.state.lock().repeats == 0 {
                return Some(permit);
            }
        }
    }

    /// Waits for the permit of a row that is sent again: it goes before new ones.
    pub(crate) async fn permit_again(self: &Arc<Self>, guests: &[String]) -> Option<GuestPermit> {
        self.queue.state.lock().repeats += 1;
        let permit = self.admit(guests).await;
        self.queue.state.lock().repeats -= 1;
        permit
    }

    async fn admit(self: &Arc<Self>, guests: &[String]) -> Option<GuestPermit> {
        let depart = || {
            let admission = self.queue.state.lock().admit(guests, now());
            match admission {
                // After a refusal the wait is reported already.
                Err(Some(until)) => self.report(|quota, now| quota.forecast.wait(until, GuestWait::Rated, now)),
                Err(None) if self.shut_for().is_some() => return Ok(None),
                _ => {}
            }
            admission.map(Some)
        };
        let departure = self.queue.permit(depart).await??;
        Some(GuestPermit { limiter: Arc::clone(self), departure, response: GuestResponse::NotInvited })
    }

    /// A row is answered. One without a permit had no new guests; if the quota refuses it, they were not known.
    pub(crate) fn row_answered(&self, permit: Option<GuestPermit>, guests: &[String], response: GuestResponse) {
        match permit {
            Some(permit) => permit.answered(response),
            None if matches!(response, GuestResponse::Refused(_)) => self.queue.state.lock().known.remove(guests),
            None => {}
        }
    }

    fn report<T: IntoIterator<Item = Event>>(&self, update: impl FnOnce(&mut GuestQuota, Instant) -> T) {
        let events = update(&mut self.queue.state.lock(), now());
        events.into_iter().for_each(|event| (self.listener)(event));
    }
}

impl GuestPermit {
    /// The row is answered, or was lost.
    pub(crate) fn answered(mut self, response: GuestResponse) {
        self.response = response;
    }
}

impl Drop for GuestPermit {
    fn drop(&mut self) {
        self.limiter.report(|quota, now| quota.answer(self.departure, self.response, now));
        self.limiter.queue.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use tokio::time::Instant;

    use crate::model::StopReason;

    const WAIT_MAX: Duration = Duration::from_hours(2);

    /// A quota, what stops it, and what it told.
    fn quota(rate: Option<&str>) -> (Arc<GuestLimiter>, Stop, Arc<Mutex<Vec<Event>>>) {
        let (stop, told) = (Stop::default(), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&told);
        let listener: Listener = Arc::new(move |event| heard.lock().unwrap().push(event));
        let rate = rate.map(|rate| Rate::parse(rate).unwrap());
        (GuestLimiter::new(rate, WAIT_MAX, stop.clone(), listener), stop, told)
    }

    fn refused(seconds: u64) -> GuestResponse {
        GuestResponse::Refused(Some(Duration::from_secs(seconds)))
    }

    /// The permit of a row with this guest.
    async fn permit(quota: &Arc<GuestLimiter>, guest: &str) -> GuestPermit {
        quota.permit(&[guest.to_owned()]).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_closing_is_told_once_and_the_next_row_goes_when_it_is_over() {
        let (quota, _stop, told) = quota(None);
        for guest in ["x@x.org", "y@x.org"] {
            permit(&quota, guest).await.answered(GuestResponse::Accepted);
        }
        let (one, other) = (permit(&quota, "b@x.org").await, permit(&quota, "c@x.org").await);
        let start = Instant::now();
        one.answered(refused(61));
        other.answered(refused(61));
        permit(&quota, "b@x.org").await.answered(GuestResponse::Accepted);
        assert_eq!(start.elapsed(), Duration::from_secs(61));
        let paused = Event::GuestsPaused { time: Duration::from_secs(61), why: GuestWait::Capped };
        assert_eq!(*told.lock().unwrap(), [paused, Event::GuestsTake { rows: 0, time: Duration::ZERO }]);
    }

    #[tokio::test]
    async fn guests_are_known_from_a_list_until_the_quota_refuses_a_row_that_has_no_others() {
        let (quota, _stop, _) = quota(None);
        let listed = ["A@x.org", "b@x.org"].map(str::to_owned);
        quota.learn(&listed);
        assert!(quota.knows(&["B@x.org".to_owned()]) && !quota.knows(&["a@x.org".to_owned(), "c@x.org".to_owned()]));
        let row = ["a@x.org".to_owned()];
        quota.row_answered(None, &row, GuestResponse::Accepted);
        assert!(quota.knows(&listed));
        quota.row_answered(None, &row, refused(61));
        assert!(!quota.knows(&listed[..1]) && quota.knows(&listed[1..]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_at_once_for_all_who_wait() {
        let (quota, stop, _) = quota(None);
        permit(&quota, "a@x.org").await.answered(refused(3601));
        let start = Instant::now();
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stop.raise(StopReason::Interrupted);
        };
        let row = ["b@x.org".to_owned()];
        let (one, other, ()) = tokio::join!(quota.permit(&row), quota.permit(&row), interrupt);
        assert!(one.is_none() && other.is_none());
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        assert_eq!(quota.shut_for(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_the_longest_wait_shuts_it() {
        let (quota, _stop, told) = quota(None);
        permit(&quota, "a@x.org").await.answered(refused(86401));
        assert!(quota.permit(&["a@x.org".to_owned()]).await.is_none());
        assert_eq!(quota.shut_for(), Some(Duration::from_secs(86401)));
        assert_eq!(*told.lock().unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_rate_new_guests_wait_for_their_places_and_what_never_left_holds_none() {
        let (quota, _stop, told) = quota(Some("2/h"));
        let start = Instant::now();
        for guest in ["a@x.org", "b@x.org", "A@x.org"] {
            permit(&quota, guest).await.answered(GuestResponse::Accepted);
            quota.learn(&[guest.to_owned()]);
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "two new ones, and one that is known");
        tokio::time::sleep(Duration::from_mins(1)).await;
        drop(permit(&quota, "c@x.org").await);
        assert_eq!(start.elapsed(), Duration::from_hours(1));
        permit(&quota, "d@x.org").await.answered(GuestResponse::Accepted);
        permit(&quota, "e@x.org").await.answered(GuestResponse::Accepted);
        assert_eq!(start.elapsed(), Duration::from_hours(1));
        permit(&quota, "f@x.org").await.answered(GuestResponse::Accepted);
        assert_eq!(start.elapsed(), Duration::from_hours(2));
        let paused = |minutes| Event::GuestsPaused { time: Duration::from_mins(minutes), why: GuestWait::Rated };
        let none = Event::GuestsTake { rows: 0, time: Duration::ZERO };
        assert_eq!(*told.lock().unwrap(), [paused(59), none.clone(), paused(60), none]);
    }

    #[tokio::test(start_paused = true)]
    async fn how_long_the_rest_takes_is_told_from_the_beginning_at_a_rate_and_from_the_first_closing_under_a_cap() {
        let take = |rows, seconds| Event::GuestsTake { rows, time: Duration::from_secs(seconds) };
        for (rate, before) in [(Some("1/h"), vec![take(3, 7200), take(2, 7200)]), (None, vec![])] {
            let (quota, _stop, told) = quota(rate);
            let mut forecast = quota.forecast();
            for guest in ["a@x.org", "b@x.org", "c@x.org"] {
                forecast.add(&[guest.to_owned()]);
            }
            quota.expect(forecast);
            permit(&quota, "a@x.org").await.answered(GuestResponse::Accepted);
            quota.done();
            let next = if rate.is_some() {
                drop(permit(&quota, "b@x.org").await);
                [Event::GuestsPaused { time: Duration::from_hours(1), why: GuestWait::Rated }, take(2, 7200)]
            } else {
                permit(&quota, "b@x.org").await.answered(refused(61));
                [Event::GuestsPaused { time: Duration::from_secs(61), why: GuestWait::Capped }, take(2, 61)]
            };
            let expected: Vec<Event> = before.into_iter().chain(next).collect();
            assert_eq!(*told.lock().unwrap(), expected, "{rate:?}");
        }
    }
}
