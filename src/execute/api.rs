//! The API behind the rate limiter. Each response is classified once. Reads are repeated until they are answered: all groups, the
//! groups of one name, one group.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::de::DeserializeOwned;

use super::classify::{Class, Classified, RequestKind, classify};
use super::refusals::Refusals;
use super::settle::{LOOKUPS, lookup_delays};
use crate::journal::ServerClock;
use crate::limit::{Permit, RateLimiter, Stop};
use crate::model::{
    Event, ExistingGroup, Group, GroupRef, Listener, MatchNames, Outcome, RequestError, StopReason, Texts, hash,
    shortened,
};
use crate::plan;
use crate::tallyfy::{self, Call, Credentials, Endpoints, List, Method, Page, PageCursor, Transport, TransportError};

/// The first backoff, and the longest.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// A read that was never answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The run stops.
    Stopped,
    /// Every attempt failed; the last one so.
    Failed(RequestError),
}

impl Unread {
    /// The error of a row, with that of looking it up.
    pub fn on(self, error: RequestError) -> RequestError {
        match self {
            Self::Stopped => error,
            Self::Failed(why) => error.and(&format!("looking it up failed: {}", why.message)),
        }
    }
}

/// A request, and how the body of its success is read.
struct ApiRequest<'a, T> {
    kind: RequestKind,
    call: Result<Call, TransportError>,
    parse: &'a (dyn Fn(u16, &Bytes) -> Result<T, String> + Sync),
}

/// A group that was created or updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The group.
    pub group: GroupRef,
    /// The whole group, if the answer has it.
    pub whole: Option<ExistingGroup>,
    /// The status of the answer.
    pub http_status: u16,
}

impl Created {
    /// Reads the answer to a request that created or updated a group.
    ///
    /// # Errors
    /// If it names no group.
    pub fn parse(http_status: u16, body: &Bytes) -> Result<Self, String> {
        let whole = tallyfy::group(body).ok();
        let group = whole.as_ref().map(|whole| whole.group_ref.clone()).or_else(|| tallyfy::created(body));
        let group = group.ok_or_else(|| {
            if tallyfy::is_web_page(body) { "a web page came" } else { "the answer says success and names no group" }
        })?;
        Ok(Self { group, whole, http_status })
    }

    /// The outcome of a row whose group was sent so.
    pub(super) fn outcome(self, sent: &Group, is_update: bool) -> Outcome {
        let differences = self.whole.as_ref().and_then(|whole| plan::altered(sent, whole));
        let answered = self.whole.and_then(|whole| Some(Texts::from(&whole.whole()?)));
        let texts = answered.filter(|texts| *texts != Texts::from(sent)).map(Box::new);
        let (group, http_status) = (GroupRef { differences, texts, ..self.group }, self.http_status);
        Outcome::made(is_update, group, http_status)
    }
}

/// The API behind the rate limiter; reads are repeated.
pub struct Api<E> {
    /// Sends requests.
    pub transport: E,
    /// The endpoints.
    pub endpoints: Endpoints,
    /// The token.
    pub credentials: Arc<Credentials>,
    /// The rate limiter of all requests.
    pub limiter: RateLimiter,
    /// The server's clock.
    pub clock: ServerClock,
    /// Ends every wait.
    pub stop: Stop,
    /// Receives the events.
    pub listener: Listener,
    /// How often one request is made at most, and one row sent.
    pub attempts_max: u32,
    /// How long a group that was made may be absent from lists, at least.
    pub settle: Duration,
    /// Of the chance that spreads repeated requests in time.
    pub seed: u64,
    /// Writes refused in a row.
    pub refusals: Refusals,
}

impl<E: Transport> Api<E> {
    /// How many requests have left.
    pub fn requests(&self) -> u64 {
        self.limiter.requests()
    }

    /// Without what was to be read, nothing can be done: the run stops.
    pub fn stop_unread(&self, unread: Unread) {
        if let Unread::Failed(error) = unread {
            self.stop.raise(match error.http_status {
                Some(403) => StopReason::Forbidden(error.message),
                Some(404) => StopReason::NotFound(error.message),
                _ => StopReason::Unreachable(error.message),
            });
        }
    }

    /// Waits until one request may leave; none if the run stops instead. While the server is down, the first who waits sends
    /// probes.
    pub async fn permit(&self, is_write: bool) -> Option<Permit<'_>> {
        loop {
            let permit = self.limiter.permit(is_write).await?;
            if !permit.is_probe {
                return Some(permit);
            }
            let call = Ok(self.endpoints.probe());
            self.send_once(permit, &ApiRequest { kind: RequestKind::List, call, parse: &|_, _| Ok(()) }).await;
        }
    }

    /// Creates a group.
    pub async fn create_group(&self, permit: Permit<'_>, group: &Group) -> Class<Created> {
        let call = Ok(self.endpoints.create_group(tallyfy::body(group, false)));
        self.send(permit, &ApiRequest { kind: RequestKind::Create, call, parse: &Created::parse }).await
    }

    /// Replaces a group.
    pub(super) async fn update_group(&self, permit: Permit<'_>, id: &str, group: &Group) -> Class<Created> {
        let call = self.endpoints.group(Method::PUT, id, Some(tallyfy::body(group, true)));
        let parse = |status, body: &Bytes| {
            let updated = Created::parse(status, body)?;
            check_id(id, &updated.group).map(|()| updated)
        };
        self.send(permit, &ApiRequest { kind: RequestKind::Update, call, parse: &parse }).await
    }

    /// Deletes a group.
    pub(super) async fn delete_group(&self, permit: Permit<'_>, id: &str) -> Class<()> {
        let call = self.endpoints.group(Method::DELETE, id, None);
        self.send(permit, &ApiRequest { kind: RequestKind::Delete, call, parse: &|_, _| Ok(()) }).await
    }

    /// Sends a request. If its token was refused and there is a newer one, it is sent once more: a 401 was not applied. A response
    /// for which the run must stop stops it.
    async fn send<T>(&self, permit: Permit<'_>, request: &ApiRequest<'_, T>) -> Class<T> {
        let mut class = self.send_once(permit, request).await;
        if matches!(class, Class::Stop(StopReason::TokenRefused(_))) && self.credentials.renew() {
            class = match self.permit(!request.kind.is_read()).await {
                Some(permit) => self.send_once(permit, request).await,
                None => Class::Held,
            };
        }
        if let Class::Stop(reason) = &class {
            self.stop.raise(reason.clone());
        }
        class
    }

    async fn send_once<T>(&self, permit: Permit<'_>, ApiRequest { kind, call, parse }: &ApiRequest<'_, T>) -> Class<T> {
        let hide = |text: &str| self.credentials.hide(text);
        let classified = |answer: &_| classify(*kind, answer, parse, hide, SystemTime::now());
        let call = match call {
            Ok(call) => call.clone(),
            // Nothing leaves: the permit is dropped.
            Err(error) => return classified(&Err(error.clone())).class,
        };
        // What it is to change: the same for the same row, each time it is sent.
        let subject = hash((&call.path, &call.body));
        let answer = self.transport.send(call).await;
        let Classified { class, failure } = classified(&answer);
        let hints = answer.as_ref().ok().map(|answer| &answer.hints);
        hints.and_then(|hints| hints.date).into_iter().for_each(|date| self.clock.told(date));
        self.limiter.answered(permit, subject, failure, hints);
        class
    }

    /// All entries of a list, and the number of its pages.
    ///
    /// # Errors
    /// If a page cannot be had, or the list does not add up.
    pub async fn all<T: DeserializeOwned + Hash>(&self, list: List<'_>) -> Result<(Vec<T>, u64), Unread> {
        let (mut all, mut cursor) = (Vec::new(), PageCursor::default());
        while let Some(page) = self.next_page(list, &mut cursor).await? {
            all.extend(page);
        }
        Ok((all, cursor.pages))
    }

    /// The next page of a list, which is reported unless it is a search; none when all are read.
    ///
    /// # Errors
    /// If it cannot be had, or the list does not add up.
    pub async fn next_page<T: DeserializeOwned + Hash>(
        &self,
        list: List<'_>,
        cursor: &mut PageCursor,
    ) -> Result<Option<Vec<T>>, Unread> {
        let Some(number) = cursor.next() else { return Ok(None) };
        let what = <&str>::from(list);
        let name = format!("list of {what}");
        let report = |page, pages| {
            if !matches!(list, List::Search(_)) {
                (self.listener)(Event::Listed { what, page, pages });
            }
        };
        if number == 1 {
            report(0, 0);
        }
        let is_awaited = matches!(list, List::Groups | List::Users);
        let call = Ok(self.endpoints.list(list, number));
        let parse = |_, body: &Bytes| Page::parse(body).map_err(|lack| unreadable(&name, &lack));
        let page = self.read(&name, is_awaited, ApiRequest { kind: RequestKind::List, call, parse: &parse }).await?;
        let page = page.ok_or_else(|| "it is not there".to_owned());
        let page = page.and_then(|page| cursor.add(&page).map(|()| page)).map_err(|lack| {
            let error = RequestError::new("answer-unreadable", unreadable(&name, &lack));
            Unread::Failed(RequestError { http_status: Some(200), ..error })
        })?;
        report(cursor.read, cursor.pages);
        Ok(Some(page.entries))
    }

    /// The groups of this name. The server's search is for parts of names and descriptions: names are compared here.
    ///
    /// # Errors
    /// If a page cannot be had.
    pub async fn named(&self, name: &str, matching: MatchNames) -> Result<Vec<ExistingGroup>, Unread> {
        let (mut found, mut cursor, key) = (Vec::new(), PageCursor::default(), matching.key(name));
        // SQL's LIKE reads a backslash as an escape: a search for the longest part without one finds the name too.
        let part = name.split('\\').max_by_key(|part| part.len()).unwrap_or(name);
        while let Some(groups) = self.next_page(List::Search(part), &mut cursor).await? {
            found.extend(groups.into_iter().filter(|group: &ExistingGroup| matching.key(&group.name) == key));
        }
        Ok(found)
    }

    /// The group of this id; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn group(&self, id: &str) -> Result<Option<ExistingGroup>, Unread> {
        let call = self.endpoints.group(Method::GET, id, None);
        let parse = |_, body: &Bytes| {
            let group = tallyfy::group(body).map_err(|lack| unreadable("group", &lack))?;
            check_id(id, &group.group_ref).map(|()| group)
        };
        let group = self.read("group", false, ApiRequest { kind: RequestKind::Read, call, parse: &parse }).await?;
        Ok(group.filter(|group| !group.is_deleted))
    }

    /// Whether what was sent as often as it may be is given up: not if the server takes none at all, which stops the run.
    pub(super) fn gives_up(&self, error: &RequestError) -> bool {
        let refusing = self.limiter.refuses_writes();
        if let Some(time) = refusing {
            self.stop.raise(StopReason::Refusing { time, why: error.message.clone() });
        }
        refusing.is_none()
    }

    /// A row or group was given up; the run stops if too many in a row were refused.
    pub(super) fn write_failed(&self, error: &RequestError) {
        if let Some(reason) = self.refusals.count(error) {
            self.stop.raise(reason);
        }
    }

    /// How long to wait before each lookup of a group that may have been created, after its answer was waited for so long.
    pub fn lookup_delays(&self, waited: Duration) -> [Duration; LOOKUPS] {
        lookup_delays(self.settle, self.limiter.latency(), waited)
    }

    /// Waits before a request is repeated; returns false if the run stops.
    pub async fn back_off(&self, sends: u32) -> bool {
        let chance = StdRng::seed_from_u64(self.seed.wrapping_add(self.requests())).random();
        self.stop.sleep(backoff(sends, chance)).await
    }

    /// Asks until there is an answer; it is said if everything waits for that. None if what is read does not exist.
    async fn read<T>(&self, what: &str, is_awaited: bool, request: ApiRequest<'_, T>) -> Result<Option<T>, Unread> {
        let (mut sends, most) = (0, self.attempts_max);
        loop {
            let permit = self.permit(false).await.ok_or(Unread::Stopped)?;
            let error = match self.send(permit, &request).await {
                Class::Applied(read) => return Ok(Some(read)),
                Class::NotThere => return Ok(None),
                Class::NotApplied(error) | Class::Ambiguous(error) | Class::GuestQuota(error, _) => error,
                Class::Refused(error) | Class::NameTaken(error) | Class::MaybeTaken(error) => {
                    return Err(Unread::Failed(error));
                }
                Class::Stop(_) | Class::Held => return Err(Unread::Stopped),
            };
            // A 429 is no failed attempt: the rate limiter decides how long refusals may go on.
            let is_failure = error.http_status != Some(429);
            sends += u32::from(is_failure);
            if is_failure && is_awaited {
                tracing::warn!("the {what} cannot be had yet (attempt {sends} of {most}): {}", error.message);
            }
            if sends >= most {
                return Err(Unread::Failed(error));
            }
            tracing::info!(attempt = sends, "{what}: {}; asking again", error.message);
            if !self.back_off(sends).await {
                return Err(Unread::Stopped);
            }
        }
    }
}

/// How long to wait before the next attempt: exponential, with full jitter; `random` is from 0 to 1.
fn backoff(sends: u32, random: f64) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(sends.saturating_sub(1)));
    doubled.min(BACKOFF_MAX).mul_f64(random.clamp(0.0, 1.0))
}

/// A cache on the way may answer with another group.
fn check_id(id: &str, group: &GroupRef) -> Result<(), String> {
    if group.id == id { Ok(()) } else { Err(format!("the answer is about another group ({})", shortened(&group.id))) }
}

fn unreadable(what: &str, lack: &str) -> String {
    format!("the {what} cannot be read: {lack}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;
    use crate::limit::Limits;
    use crate::model::Speed;
    use crate::tallyfy::{Answer, Hints, Token};

    #[test]
    fn the_backoff_doubles_up_to_a_bound_and_jitters_down_to_nothing() {
        let most: Vec<u128> = (1..=8).map(|sends| backoff(sends, 1.0).as_millis()).collect();
        assert_eq!(most, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(backoff(8, 0.0), Duration::ZERO);
        assert_eq!(backoff(u32::MAX, 0.5), Duration::from_secs(15));
    }

    /// A server that takes one token only, and sees the requests of all workers before it answers any.
    struct Server {
        credentials: Arc<Credentials>,
        takes: &'static str,
        seen: AtomicUsize,
    }

    impl Transport for Server {
        async fn send(&self, _: Call) -> Result<Answer, TransportError> {
            let token = self.credentials.token();
            self.seen.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let is_taken = token == Token::new(self.takes).unwrap();
            if !is_taken {
                self.credentials.refuse(&token);
            }
            let body = Bytes::from_static(br#"{"data":{"id":"g1"}}"#);
            Ok(Answer { status: if is_taken { 201 } else { 401 }, hints: Hints::default(), body: Ok(body) })
        }
    }

    fn api(credentials: Arc<Credentials>, takes: &'static str) -> Api<Server> {
        let (stop, listener): (_, Listener) = (Stop::default(), Arc::new(|_| {}));
        let limits = Limits { speed: Speed::Unpaced, concurrency: 16, wait_max: Duration::from_hours(1) };
        Api {
            transport: Server { credentials: Arc::clone(&credentials), takes, seen: AtomicUsize::new(0) },
            endpoints: Endpoints::of("acme"),
            credentials,
            limiter: RateLimiter::new(limits, None, stop.clone(), listener),
            clock: ServerClock::default(),
            stop,
            listener: Arc::new(|_| {}),
            attempts_max: 1,
            settle: Duration::ZERO,
            seed: 1,
            refusals: Refusals::default(),
        }
    }

    /// How many of 16 groups are created at once, how many requests that took, and how often the file was read.
    async fn created_at_once(takes: &'static str, file: &'static str) -> (usize, usize, usize) {
        let reads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&reads);
        let credentials = Arc::new(Credentials::renewable(Token::new("old-token").unwrap(), move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Token::new(file).ok()
        }));
        let api = api(credentials, takes);
        let create = async || {
            let permit = api.permit(true).await.unwrap();
            matches!(api.create_group(permit, &Group::default()).await, Class::Applied(_))
        };
        let created = join_all((0..16).map(|_| create())).await.into_iter().filter(|is_created| *is_created).count();
        (created, api.transport.seen.into_inner(), reads.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn sixteen_refusals_at_once_are_one_look_and_sixteen_repeats() {
        assert_eq!(created_at_once("new-token", "new-token").await, (16, 32, 1));
    }

    #[tokio::test]
    async fn a_401_stays_when_there_is_no_newer_token_or_it_is_refused_too() {
        assert_eq!(created_at_once("new-token", "old-token").await, (0, 16, 1));
        assert_eq!(created_at_once("new-token", "").await, (0, 16, 1));
        assert_eq!(created_at_once("new-token", "wrong-token").await, (0, 32, 1));
    }

    #[tokio::test]
    async fn a_token_that_is_taken_is_not_looked_for() {
        assert_eq!(created_at_once("old-token", "new-token").await, (16, 16, 0));
    }

    #[tokio::test]
    async fn an_id_that_would_lead_out_of_the_groups_is_never_sent_and_says_nothing_about_the_server() {
        let api = api(Arc::new(Credentials::fixed(Token::simulated())), "simulated");
        for _ in 0..10 {
            let permit = api.permit(true).await.unwrap();
            assert!(matches!(api.delete_group(permit, "..").await, Class::NotApplied(_)));
        }
        assert_eq!((api.transport.seen.load(Ordering::Relaxed), api.requests()), (0, 0));
        assert!(!api.limiter.permit(true).await.unwrap().is_probe);
    }
}
