//! Reads from the API, repeated until they are answered: all groups, the groups of one name, one group.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::de::DeserializeOwned;

use super::judge::{Verdict, backoff, judge_read};
use super::judge_delete::judge_look;
use super::limiter::{Admitted, RateLimiter};
use super::refusals::Refusals;
use super::settle::{LOOKS, looks};
use super::stop::Stop;
use crate::model::{Event, Found, Halt, Listener, MatchNames, Trouble, User};
use crate::tallyfy::{self, Client, Exchange, Guest, List, Listed, Page, Renewing, Walk};

/// A read that was never answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The run stops.
    Stopped,
    /// Every attempt failed; the last one so.
    Failed(Trouble),
}

impl Unread {
    /// The trouble of a row, with that of looking it up.
    #[must_use]
    pub fn on(self, trouble: Trouble) -> Trouble {
        match self {
            Self::Stopped => trouble,
            Self::Failed(why) => trouble.and(&format!("looking it up failed: {}", why.message)),
        }
    }
}

/// The API behind the rate limiter, with retries.
pub struct Api<E> {
    /// The endpoints.
    pub client: Client<Renewing<Arc<RateLimiter<E>>>>,
    /// The rate limiter of all requests.
    pub limiter: Arc<RateLimiter<E>>,
    /// Ends every wait.
    pub stop: Stop,
    /// How often one request is made at most.
    pub attempts_max: u32,
    /// How long a group that was made may be absent from lists, at least.
    pub settle: Duration,
    /// Spreads repeated requests in time.
    pub jitter: Jitter,
    /// Writes refused in a row.
    pub refusals: Refusals,
}

/// Chance, for waits that must not fall together.
pub struct Jitter(Mutex<StdRng>);

impl Jitter {
    /// Chance that comes out the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A part of all, between 0 and 1.
    fn part(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::seeded(rand::random())
    }
}

/// The endpoints, for one request that may leave at once.
pub(super) type Ready<E> = Client<Renewing<Admitted<E>>>;

impl<E: Exchange> Api<E> {
    /// How many requests have left.
    pub fn requests(&self) -> u64 {
        self.limiter.requests()
    }

    /// Without what was to be read, nothing can be done: the run stops.
    pub fn stop_unread(&self, unread: Unread) {
        if let Unread::Failed(trouble) = unread {
            self.stop.raise(match trouble.http_status {
                Some(403) => Halt::Forbidden(trouble.message),
                Some(404) => Halt::NotFound(trouble.message),
                _ => Halt::Unreachable(trouble.message),
            });
        }
    }

    /// Waits until one request may leave; none if the run stops instead, or nobody wants it any more.
    pub(super) async fn admit(&self, is_wanted: impl Fn() -> bool) -> Option<Ready<E>> {
        let admitted = self.limiter.admit(is_wanted).await?;
        Some(self.client.over(|renewing| renewing.over(admitted)))
    }

    /// All users of the organization, and the number of pages of their list.
    ///
    /// # Errors
    /// If a page cannot be had, or the list does not add up.
    pub async fn users(&self, listener: &Listener) -> Result<(Vec<User>, u64), Unread> {
        self.all(List::Users, listener, |user: &User| user.id.to_string()).await
    }

    /// All guests of the organization, and the number of pages of their list.
    ///
    /// # Errors
    /// If a page cannot be had, or the list does not add up.
    pub async fn guests(&self, listener: &Listener) -> Result<(Vec<Guest>, u64), Unread> {
        self.all(List::Guests, listener, |guest: &Guest| guest.email.clone()).await
    }

    /// The next page of a walk through the list of all groups, which is reported; none when all are read.
    ///
    /// # Errors
    /// If it cannot be had, or the list does not add up.
    pub async fn next_groups(&self, walk: &mut Walk, listener: &Listener) -> Result<Option<Vec<Listed>>, Unread> {
        self.reported(List::Groups, walk, listener, |group: &Listed| group.tag.id.clone()).await
    }

    async fn all<T: DeserializeOwned>(
        &self,
        list: List<'_>,
        listener: &Listener,
        id: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, u64), Unread> {
        let (mut all, mut walk) = (Vec::new(), Walk::default());
        while let Some(page) = self.reported(list, &mut walk, listener, &id).await? {
            all.extend(page);
        }
        Ok((all, walk.pages()))
    }

    async fn reported<T: DeserializeOwned>(
        &self,
        list: List<'_>,
        walk: &mut Walk,
        listener: &Listener,
        id: impl Fn(&T) -> String,
    ) -> Result<Option<Vec<T>>, Unread> {
        let what = list.into();
        if walk.read() == 0 {
            listener(Event::Listed { what, page: 0, pages: 0 });
        }
        let page = self.walk(list, walk, id).await?;
        if page.is_some() {
            listener(Event::Listed { what, page: walk.read(), pages: walk.pages() });
        }
        Ok(page)
    }

    async fn walk<T: DeserializeOwned>(
        &self,
        list: List<'_>,
        walk: &mut Walk,
        id: impl Fn(&T) -> String,
    ) -> Result<Option<Vec<T>>, Unread> {
        let Some(number) = walk.next() else { return Ok(None) };
        let Page { entries, pages } = self.page(list, number).await?;
        let taken = walk.take(entries.first().map(id), pages);
        taken.map_err(|error| Unread::Failed(unreadable(&list.name(), &error.to_string())))?;
        Ok(Some(entries))
    }

    /// Looks for the groups of this name. The server's search is for parts of names and descriptions: names are compared here.
    ///
    /// # Errors
    /// If a page cannot be had.
    pub async fn find(&self, name: &str, matching: MatchNames) -> Result<Found, Unread> {
        Ok(Found::of(name, &self.named(name, matching).await?))
    }

    /// The groups of this name, as a search shows them.
    ///
    /// # Errors
    /// If a page cannot be had.
    pub async fn named(&self, name: &str, matching: MatchNames) -> Result<Vec<Listed>, Unread> {
        let (mut found, mut walk) = (Vec::new(), Walk::default());
        let id = |group: &Listed| group.tag.id.clone();
        while let Some(groups) = self.walk(List::Search(searchable(name)), &mut walk, id).await? {
            found.extend(groups.into_iter().filter(|group| matching.same(&group.name, name)));
        }
        Ok(found)
    }

    /// The group of this id; none if it is not there.
    ///
    /// # Errors
    /// If it cannot be had.
    pub async fn group(&self, id: &str) -> Result<Option<Listed>, Unread> {
        let parse = |body: &Bytes| tallyfy::group(body).map_err(|lack| unreadable("group", &lack));
        let ask = || async move { judge_look(self.client.get_group(id).await, parse) };
        let group = self.read("group", false, ask).await?;
        Ok(group.filter(|group| !group.is_deleted))
    }

    /// Whether what was sent as often as it may be is given up: not if the server takes none at all, which stops the run.
    pub(super) fn gives_up(&self, trouble: &Trouble) -> bool {
        let refusing = self.limiter.refuses_writes();
        if let Some(time) = refusing {
            self.stop.raise(Halt::Refusing { time, why: trouble.message.clone() });
        }
        refusing.is_none()
    }

    /// A row or group was given up; the run stops if too many in a row were refused.
    pub(super) fn write_failed(&self, trouble: &Trouble) {
        if let Some(halt) = self.refusals.count(trouble) {
            self.stop.raise(halt);
        }
    }

    /// How long to wait before each look for a group that may have been made, after its answer was waited for so long.
    #[must_use]
    pub fn looks(&self, waited: Duration) -> [Duration; LOOKS] {
        looks(self.settle, self.limiter.latency(), waited)
    }

    /// Waits before a request is repeated; returns false if the run stops.
    pub async fn back_off(&self, sends: u32) -> bool {
        self.stop.sleep(backoff(sends, self.jitter.part())).await
    }

    async fn page<T: DeserializeOwned>(&self, list: List<'_>, number: u64) -> Result<Page<T>, Unread> {
        let name = list.name();
        let parse = |body: &Bytes| Page::parse(body).map_err(|lack| unreadable(&name, &lack));
        let ask = || async move { judge_read(self.client.list(list, number).await, parse) };
        self.read(&name, matches!(list, List::Groups | List::Users), ask).await
    }

    /// Asks until there is an answer; it is said if everything waits for that.
    async fn read<T, F: Future<Output = Verdict<T>>>(
        &self,
        what: &str,
        is_awaited: bool,
        ask: impl Fn() -> F,
    ) -> Result<T, Unread> {
        let (mut sends, most) = (0, self.attempts_max);
        loop {
            let trouble = match ask().await {
                Verdict::Done(read) => return Ok(read),
                Verdict::Again(trouble) | Verdict::InDoubt(trouble) | Verdict::GuestCap(trouble, _) => trouble,
                Verdict::Refused(trouble) | Verdict::NameTaken(trouble) => return Err(Unread::Failed(trouble)),
                Verdict::Halt(halt) => {
                    self.stop.raise(halt);
                    return Err(Unread::Stopped);
                }
                Verdict::Held => return Err(Unread::Stopped),
            };
            // A 429 is no failed attempt: the rate limiter decides how long refusals may go on.
            let is_failure = trouble.http_status != Some(429);
            sends += u32::from(is_failure);
            if is_failure && is_awaited {
                tracing::warn!("the {what} cannot be had yet (attempt {sends} of {most}): {}", trouble.message);
            }
            if sends >= most {
                return Err(Unread::Failed(trouble));
            }
            tracing::info!(attempt = sends, "{what}: {}; asking again", trouble.message);
            if !self.back_off(sends).await {
                return Err(Unread::Stopped);
            }
        }
    }
}

/// The longest part of a name without a backslash, which SQL's LIKE reads as an escape: a search for it finds the name too.
fn searchable(name: &str) -> &str {
    name.split('\\').max_by_key(|part| part.len()).unwrap_or(name)
}

fn unreadable(what: &str, lack: &str) -> Trouble {
    let message = format!("the {what} cannot be read: {lack}");
    Trouble { code: "answer-unreadable".to_owned(), message, http_status: Some(200) }
}
