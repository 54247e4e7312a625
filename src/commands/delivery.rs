//! Carries out the plan of a run whose rows are in the journal: list the groups → settle rows whose group exists → look up what is
//! in doubt → send the rest.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};

use crate::execute::{Api, Policy, Unread, Worker, send_all};
use crate::journal::{Journal, JournalError, OpenRow, RunId, Writer};
use crate::limit::{GuestLimiter, GuestLimits};
use crate::model::{ExistingGroup, Fate, Group, Listener, OnExisting, Past, RowId, StopReason, Trouble};
use crate::plan;
use crate::tallyfy::{Transport, Walk};

use super::staging::RowNames;

/// What the rows of a run are sent with.
pub struct Delivery<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// The user's choices.
    pub policy: Policy,
    /// How guests are sent.
    pub guests: GuestLimits,
    /// The most requests in flight; more rows may wait.
    pub concurrency: usize,
    /// Receives the events.
    pub listener: Listener,
}

impl<E: Transport> Delivery<E> {
    /// Settles every row whose group exists, and finds out what became of every row in doubt. If that cannot be done, the run is
    /// stopped.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn prepare(&self, journal: &mut Journal, run: RunId, names: &RowNames) -> Result<(), JournalError> {
        let plan = Comparison { names, ids: journal.rows_of_ids(run)?, on_existing: self.policy.on_existing };
        let Some(pages) = plan.settle(journal, &self.api, &self.listener).await? else { return Ok(()) };
        let waits = self.api.looks(Duration::ZERO);
        for (number, wait) in waits.into_iter().enumerate() {
            let in_doubt = journal.in_doubt(run)?;
            let lately = journal.sent_lately(run, waits.iter().sum())?;
            if in_doubt.is_empty() && lately == 0 {
                return Ok(());
            }
            if number == 0 && !in_doubt.is_empty() {
                tracing::warn!(
                    rows = in_doubt.len(),
                    "looking up the groups that were being created when the run ended"
                );
            }
            if !self.api.stop.sleep(wait).await {
                return Ok(());
            }
            // Whichever takes fewer requests.
            if lately > 0 || in_doubt.len() as u64 > pages {
                plan.settle(journal, &self.api, &self.listener).await?;
            } else {
                journal.settle(&self.look_up(in_doubt).await)?;
            }
            if self.api.stop.is_raised() {
                return Ok(());
            }
        }
        journal.presume_absent(run)
    }

    /// The outcomes of the rows in doubt whose groups exist, by a search for each.
    async fn look_up(&self, in_doubt: Vec<(RowId, Group)>) -> Vec<(RowId, Fate)> {
        let look_up = async |(row, sent): (RowId, Group)| match self.api.named(&sent.name, self.policy.matching).await {
            Ok(groups) => plan::ours(&sent, &groups, Trouble::interrupted()).map(|fate| (row, fate)),
            Err(Unread::Stopped) => None,
            Err(unread) => Some((row, Fate::Unknown(unread.on(Trouble::interrupted())))),
        };
        stream::iter(in_doubt).map(look_up).buffered(self.concurrency).filter_map(async |fate| fate).collect().await
    }

    /// Sends what is left: the writer and the workers, each to be polled to its end. Rows whose guests are all `known` to the
    /// organization, or from earlier runs, do not wait for the guest quota.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn send(
        &self,
        mut journal: Journal,
        run: RunId,
        known: Option<Vec<String>>,
    ) -> Result<(Writer, impl Future<Output = ()> + use<E>), JournalError> {
        let quota = GuestLimiter::new(self.guests, self.api.stop.clone(), Arc::clone(&self.listener));
        journal.sent_guests(|sent| quota.remember(sent))?;
        // Only now: the guests that earlier runs invited are listed too, and count.
        quota.learn(&known.unwrap_or_default());
        let (mut forecast, mut known_rows) = (quota.forecast(), Vec::new());
        let sort =
            |row, guests: &[String]| if quota.knows(guests) { known_rows.push(row) } else { forecast.add(guests) };
        journal.open_guests(run, sort)?;
        journal.note_known_guests(&known_rows)?;
        quota.expect(&forecast);
        let stop = self.api.stop.clone();
        let (writer, handle, feeds) = Writer::new(journal, run, move || stop.raise(StopReason::Journal));
        let worker = Worker {
            api: Arc::clone(&self.api),
            journal: handle,
            quota,
            policy: self.policy,
            created: Mutex::default(),
            listener: Arc::clone(&self.listener),
        };
        Ok((writer, send_all(worker, feeds, self.concurrency)))
    }
}

/// Reads the list of the organization's guests, if an open row of the run has guests; also gives the number of its pages. None if it
/// cannot be had: it is not needed, and older versions of the API have no such list.
///
/// # Errors
/// If the journal cannot be read.
pub async fn list_guests<E: Transport>(
    api: &Api<E>,
    journal: &Journal,
    run: RunId,
    listener: &Listener,
) -> Result<(Option<Vec<String>>, u64), JournalError> {
    let mut is_needed = false;
    journal.open_guests(run, |_, _| is_needed = true)?;
    if !is_needed {
        return Ok((None, 0));
    }
    Ok(match api.guests(listener).await {
        // Those who are disabled too: they need no new invitation.
        Ok((guests, pages)) => (Some(guests.into_iter().map(|guest| guest.email).collect()), pages),
        Err(Unread::Failed(Trouble { http_status, message, .. })) if !matches!(http_status, Some(403 | 404)) => {
            tracing::warn!("the organization's guests cannot be listed: {message}");
            (None, 0)
        }
        Err(_) => (None, 0),
    })
}

/// Compares the rows of a run with the list of all groups.
pub(super) struct Comparison<'a> {
    /// Which row has which name.
    pub(super) names: &'a RowNames,
    /// The row of each existing group, by the group's id.
    pub(super) ids: HashMap<String, RowId>,
    /// What happens to a row whose group exists.
    pub(super) on_existing: OnExisting,
}

/// Rows that only the whole list can settle, with the groups of their names: rows in doubt, whose group may exist twice, and rows
/// whose exact name may still come.
type Pending = HashMap<RowId, (OpenRow, Vec<ExistingGroup>)>;

impl Comparison<'_> {
    /// Settles the rows whose groups exist; gives the number of pages of the list, or stops the run.
    pub(super) async fn settle<E: Transport>(
        &self,
        journal: &mut Journal,
        api: &Api<E>,
        listener: &Listener,
    ) -> Result<Option<u64>, JournalError> {
        let (mut pending, mut walk) = (Pending::new(), Walk::default());
        loop {
            match api.next_groups(&mut walk, listener).await {
                Ok(Some(groups)) => self.page(groups, journal, &mut pending)?,
                Ok(None) => break,
                Err(unread) => {
                    api.stop_unread(unread);
                    return Ok(None);
                }
            }
        }
        let fates = pending.into_iter().filter_map(|(row, (open, groups))| self.fate(row, &open, &groups));
        let mut fates: Vec<_> = fates.collect();
        for (id, row) in &self.ids {
            let is_named = |open: &OpenRow| open.group.tallyfy_id.as_ref() == Some(id);
            fates.extend(journal.open_row(*row)?.filter(is_named).map(|_| (*row, plan::unknown_id(id))));
        }
        journal.settle(&fates)?;
        Ok(Some(walk.pages()))
    }

    fn page(
        &self,
        groups: Vec<ExistingGroup>,
        journal: &mut Journal,
        pending: &mut Pending,
    ) -> Result<(), JournalError> {
        let mut fates: HashMap<RowId, Fate> = HashMap::new();
        for group in groups {
            let own = self.ids.get(&group.tag.id).copied();
            let Some(row) = own.or_else(|| self.names.get(&group.name)) else { continue };
            let Some(open) = journal.open_row(row)? else { continue };
            if own.is_some() {
                let fate = plan::exists(&open.group, &group).settles(self.on_existing);
                fates.extend(fate.map(|fate| (row, fate)));
            } else if open.group.tallyfy_id.is_some() {
                // It is of another group.
            } else if open.past == Past::New && group.name == open.group.name {
                pending.remove(&row);
                if let Some((row, fate)) = self.fate(row, &open, &[group]) {
                    fates.entry(row).or_insert(fate);
                }
            } else if !fates.contains_key(&row) {
                pending.entry(row).or_insert_with(|| (open, Vec::new())).1.push(group);
            }
        }
        journal.settle(&fates.into_iter().collect::<Vec<_>>())
    }

    fn fate(&self, row: RowId, open: &OpenRow, groups: &[ExistingGroup]) -> Option<(RowId, Fate)> {
        plan::decide(open.past, &open.group, groups).settles(self.on_existing).map(|fate| (row, fate))
    }
}
