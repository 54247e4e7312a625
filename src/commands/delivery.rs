//! From a journal that holds a run's rows to one that holds their fates: list → settle what is there → resolve what is in
//! doubt → send the rest. `import` gives it sockets; the tests, a storm.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::journal::{Journal, JournalError, OpenRow, RunId, Writer};
use crate::model::{Event, ExistingGroup, Fate, Halt, Listener, OnExisting, Past, RowId, Trouble};
use crate::plan;
use crate::send::{Api, GuestLimiter, GuestLimits, Policy, Unread, Worker, send_all};
use crate::tallyfy::{Exchange, Walk};

use super::staging::RowNames;

/// What it takes to bring the rows of a run into the organization.
pub struct Delivery<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// The user's choices.
    pub policy: Policy,
    /// How guests are sent.
    pub guests: GuestLimits,
    /// The most requests in flight; there are more rows that wait.
    pub lanes: usize,
    /// Hears what goes on.
    pub listener: Listener,
}

impl<E: Exchange> Delivery<E> {
    /// Settles every row whose group is there, and sees that no row is in doubt any more. Where that cannot be done, the
    /// run is stopped.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn prepare(&self, journal: &mut Journal, run: RunId, names: &RowNames) -> Result<(), JournalError> {
        let walk = Inventory { api: &self.api, names, on_existing: self.policy.on_existing, listener: &self.listener };
        let Some(pages) = walk.settle(journal).await? else { return Ok(()) };
        let waits = self.api.looks(Duration::ZERO);
        for (number, wait) in waits.into_iter().enumerate() {
            let doubts = journal.in_doubt(run)?;
            let lately = journal.sent_lately(run, waits.iter().sum())?;
            if doubts.is_empty() && lately == 0 {
                return Ok(());
            }
            if number == 0 && !doubts.is_empty() {
                tracing::warn!(rows = doubts.len(), "looking up first what was being sent when the last run ended");
            }
            if !self.api.stop.sleep(wait).await {
                return Ok(());
            }
            // Whichever takes fewer requests.
            if lately > 0 || doubts.len() as u64 > pages {
                walk.settle(journal).await?;
            } else {
                let fates = self.look_up(doubts).await;
                journal.settle(&fates)?;
            }
            if self.api.stop.is_raised() {
                return Ok(());
            }
        }
        journal.presume_absent(run)
    }

    /// The fates of the rows in doubt whose groups are there, by a search for each.
    async fn look_up(&self, doubts: Vec<(RowId, String)>) -> Vec<(RowId, Fate)> {
        let look = async |(row, name): (RowId, String)| match self.api.find(&name, self.policy.matching).await {
            Ok(found) => plan::ours(found, Trouble::interrupted()).map(|fate| (row, fate)),
            Err(Unread::Stopped) => None,
            Err(unread) => Some((row, Fate::Unknown(unread.on(Trouble::interrupted())))),
        };
        stream::iter(doubts).map(look).buffered(self.lanes).filter_map(async |fate| fate).collect().await
    }

    /// Sends what is left: the writer and the workers, each to be polled to its end.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn send(
        &self,
        journal: Journal,
        run: RunId,
    ) -> Result<(Writer, impl Future<Output = ()> + use<E>), JournalError> {
        let quota = GuestLimiter::new(self.guests, self.api.stop.clone(), Arc::clone(&self.listener));
        journal.sent_guests(|sent| quota.remember(sent))?;
        let mut forecast = quota.forecast();
        journal.open_guests(run, |guests| forecast.add(guests))?;
        quota.expect(&forecast);
        let stop = self.api.stop.clone();
        let (writer, handle, feeds) = Writer::new(journal, run, move || stop.raise(Halt::Journal));
        let worker = Worker {
            api: Arc::clone(&self.api),
            journal: handle,
            quota,
            policy: self.policy,
            listener: Arc::clone(&self.listener),
        };
        Ok((writer, send_all(worker, feeds, self.lanes)))
    }
}

/// A walk through all groups of the organization.
pub(super) struct Inventory<'a, E> {
    /// The API.
    pub(super) api: &'a Api<E>,
    /// Who has which name.
    pub(super) names: &'a RowNames,
    /// What becomes of a name that somebody else's group has.
    pub(super) on_existing: OnExisting,
    /// Called for every page.
    pub(super) listener: &'a Listener,
}

/// Rows that only the whole list can settle, with the groups of their names: those in doubt, which may be there twice, and
/// those whose very name may still come.
type Pending = HashMap<RowId, (OpenRow, Vec<ExistingGroup>)>;

impl<E: Exchange> Inventory<'_, E> {
    /// Settles the rows whose groups the list shows; gives how many pages it has, or stops the run.
    pub(super) async fn settle(&self, journal: &mut Journal) -> Result<Option<u64>, JournalError> {
        let mut walk = Walk::default();
        let mut pending = Pending::new();
        (self.listener)(Event::Listed { page: 0, pages: 0 });
        loop {
            match self.api.next_page(None, &mut walk).await {
                Ok(Some(groups)) => {
                    (self.listener)(Event::Listed { page: walk.read(), pages: walk.pages() });
                    self.take_page(groups, journal, &mut pending)?;
                }
                Ok(None) => break,
                Err(Unread::Stopped) => return Ok(None),
                Err(Unread::Failed(trouble)) => {
                    self.api.stop.raise(Halt::Unreachable(trouble.message));
                    return Ok(None);
                }
            }
        }
        let fates: Vec<_> =
            pending.into_iter().filter_map(|(row, (open, groups))| self.fate(row, &open, &groups)).collect();
        journal.settle(&fates)?;
        Ok(Some(walk.pages()))
    }

    fn take_page(
        &self,
        groups: Vec<ExistingGroup>,
        journal: &mut Journal,
        pending: &mut Pending,
    ) -> Result<(), JournalError> {
        let mut fates: HashMap<RowId, Fate> = HashMap::new();
        for group in groups {
            let Some(row) = self.names.get(&group.name) else { continue };
            let Some(open) = journal.open_row(row)? else { continue };
            if open.past == Past::New && group.name == open.group.name {
                pending.remove(&row);
                if let Some((row, fate)) = self.fate(row, &open, &[group]) {
                    fates.entry(row).or_insert(fate);
                }
            } else if !fates.contains_key(&row) {
                let seen = &mut pending.entry(row).or_insert_with(|| (open, Vec::new())).1;
                // A list that changes while it is read may show a group twice.
                if !seen.iter().any(|known| known.tag.id == group.tag.id) {
                    seen.push(group);
                }
            }
        }
        let fates: Vec<_> = fates.into_iter().collect();
        journal.settle(&fates)
    }

    fn fate(&self, row: RowId, open: &OpenRow, groups: &[ExistingGroup]) -> Option<(RowId, Fate)> {
        plan::decide(open.past, &open.group, groups).settles(self.on_existing).map(|fate| (row, fate))
    }
}
