//! Carries out the plan of a run whose rows are in the journal: list the groups → settle rows whose group exists → look up what is
//! in doubt, which is sent again if it is not found → send the rest; or delete what a run created.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::{StreamExt, stream};
use parking_lot::Mutex;

use crate::execute::{Api, Policy, ROWS, Unread, Worker, send_all};
use crate::journal::{
    Change, GroupOperation, Journal, JournalError, Operation, OperationKind, RunId, Selection, Writer,
};
use crate::limit::{GuestForecast, GuestLimiter};
use crate::model::{ExistingGroup, OnExisting, Outcome, OwnedGroup, RequestError, RowId, StopReason, best};
use crate::plan;
use crate::tallyfy::{Guest, List, PageCursor, Transport};

use super::staging::Staged;
use super::{Failure, block_on};

/// What the rows of a run are sent with.
pub struct Delivery<E> {
    /// The API.
    pub api: Arc<Api<E>>,
    /// The user's choices.
    pub policy: Policy,
    /// The most requests in flight; more rows may wait.
    pub concurrency: usize,
    /// The run.
    pub run: RunId,
    /// The guest quota; an undo invites nobody.
    pub quota: Arc<GuestLimiter>,
}

impl<E: Transport> Delivery<E> {
    /// Settles every row whose group exists, or in a file with one person per row plans to add its people to a group that the
    /// journal of earlier runs owns; and finds out what became of every row in doubt. If that cannot be done, the run is stopped.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn prepare(
        &self,
        journal: &mut Journal,
        staged: &Staged,
        past: Option<&Journal>,
    ) -> Result<(), JournalError> {
        let (ids, on_existing) = (journal.rows_of_ids(self.run)?, self.policy.on_existing);
        let list = Comparison { staged, ids, past, owned: OnceCell::new(), on_existing };
        let Some(pages) = list.settle(journal, &self.api).await? else { return Ok(()) };
        self.reconcile(journal, Some((&list, pages))).await
    }

    /// Finds out what became of every row in doubt, by a search for each, or by the list of all groups where that takes fewer requests.
    /// Rows that are not found for long enough are planned again. A stop ends it early. Without a list, a plan is made from what is found:
    /// then a search that fails stops the run.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub(super) async fn reconcile(
        &self,
        journal: &mut Journal,
        list: Option<(&Comparison<'_>, u64)>,
    ) -> Result<(), JournalError> {
        let waits = self.api.lookup_delays(Duration::ZERO);
        for (number, wait) in waits.into_iter().enumerate() {
            let in_doubt = journal.in_doubt(self.run)?;
            let lately = if list.is_some() { journal.sent_lately(self.run, waits.iter().sum())? } else { 0 };
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
            match list {
                Some((list, pages)) if lately > 0 || in_doubt.len() as u64 > pages => {
                    list.settle(journal, &self.api).await?;
                }
                _ => journal.apply(self.look_up(in_doubt, list.is_some()).await)?,
            }
            if self.api.stop.is_raised() {
                return Ok(());
            }
        }
        journal.presume_absent(self.run)
    }

    /// Finds out which changes of a run were made whose answer is lost; first it waits until they have arrived.
    pub(super) async fn settle_changes(&self, journal: &mut Journal) -> Result<(), Failure> {
        let (in_doubt, mut settled) = (journal.changes_in_doubt(self.run)?, Vec::new());
        if !in_doubt.is_empty() {
            tracing::warn!(groups = in_doubt.len(), "looking up the groups that were being changed when the run ended");
            self.api.stop.sleep(self.api.lookup_delays(Duration::ZERO).iter().sum()).await;
        }
        for GroupOperation { operation, .. } in in_doubt {
            let Some(id) = operation.target.as_ref().map(|target| target.id.clone()) else { continue };
            let seen = match self.api.group(&id).await {
                Ok(seen) => seen,
                Err(unread) => {
                    self.api.stop_unread(unread);
                    return Ok(());
                }
            };
            let outcome = match (operation.kind, seen) {
                (OperationKind::Delete, None) => Outcome::not_there(true),
                (OperationKind::Update, Some(seen))
                    if seen.whole().is_some_and(|now| operation.left() == Some(now)) =>
                {
                    Outcome::Updated { group: seen.group_ref, http_status: 201 }
                }
                _ => continue,
            };
            settled.push((operation, [Change::End(outcome)]));
        }
        Ok(journal.apply(settled)?)
    }

    /// The rows in doubt whose groups exist, by a search for each. If one fails, the row stays unknown, or the run stops.
    async fn look_up(&self, in_doubt: Vec<GroupOperation>, may_fail: bool) -> Vec<(Operation, [Change; 1])> {
        let look_up = async |task: GroupOperation| {
            let outcome = match self.api.named(&task.group.name, self.policy.matching).await {
                Ok(groups) => plan::ours(&task.group, &task.operation.sent_ms, &groups, RequestError::interrupted()),
                Err(Unread::Failed(error)) if may_fail => {
                    Some(Outcome::Unknown(Unread::Failed(error).on(RequestError::interrupted())))
                }
                Err(unread) => {
                    self.api.stop_unread(unread);
                    None
                }
            };
            outcome.map(|outcome| settled(task, outcome))
        };
        let looked_up = stream::iter(in_doubt).map(look_up).buffered(self.concurrency);
        looked_up.filter_map(async |settled| settled).collect().await
    }

    /// Tells the guest quota which guests are known. Gives the forecast of the rows that invite others, and whether the
    /// organization's guests could be listed.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn forecast_guests(&self, journal: &Journal) -> Result<(GuestForecast, bool), JournalError> {
        let are_listed = self.learn_guests(journal, journal.has_open_guests(self.run)?).await?;
        Ok((self.new_guests(journal)?, are_listed))
    }

    /// The forecast of the open rows that invite guests who are not known. The other rows are noted: they do not wait for the quota.
    pub(super) fn new_guests(&self, journal: &Journal) -> Result<GuestForecast, JournalError> {
        let quota = &self.quota;
        let (mut forecast, mut known_rows) = (quota.forecast(), Vec::new());
        journal.open_guests(
            self.run,
            |row, guests| {
                if quota.knows(guests) { known_rows.push(row) } else { forecast.add(guests) }
            },
        )?;
        journal.note_known_guests(&known_rows)?;
        Ok(forecast)
    }

    /// Tells the guest quota which guests are known: those of earlier runs, and those of the organization if some are to be invited.
    /// Gives whether these could be listed.
    pub(super) async fn learn_guests(&self, journal: &Journal, are_invited: bool) -> Result<bool, JournalError> {
        let listed = if are_invited { listed_guests(&self.api).await } else { None };
        journal.sent_guests(|sent| self.quota.remember(sent))?;
        // Only now: the guests that earlier runs invited are listed too, and count.
        self.quota.learn(listed.as_deref().unwrap_or_default());
        Ok(listed.is_some())
    }

    /// Carries planned operations out; gives the journal back. The writer has a thread of its own: workers do not wait for a commit.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub(super) async fn carry_out(&self, journal: Journal, selection: Selection) -> Result<Journal, Failure> {
        let (writer, sending) = self.start(journal, selection);
        let work = move || block_on(async { Ok(writer.work().await?) });
        let writer = thread::Builder::new().name("journal".to_owned()).spawn(work).map_err(Failure::Start)?;
        sending.await;
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// The writer of the journal and the workers, each to be polled to its end.
    pub fn start(&self, journal: Journal, selection: Selection) -> (Writer, impl Future<Output = ()> + use<E>) {
        let stop = self.api.stop.clone();
        let (writer, journal, feed) =
            Writer::new(journal, self.run, selection, move || stop.raise(StopReason::Journal));
        let (api, quota) = (Arc::clone(&self.api), Arc::clone(&self.quota));
        let worker = Worker { api, journal, quota, policy: self.policy, created: Mutex::default() };
        let rows = if selection.is_undo { self.concurrency } else { self.concurrency * ROWS };
        (writer, send_all(worker, feed, rows))
    }
}

/// The addresses of the organization's guests. None if they cannot be listed: they are not needed, and older versions of the API
/// have no such list.
async fn listed_guests<E: Transport>(api: &Api<E>) -> Option<Vec<String>> {
    match api.all(List::Guests).await {
        // Those who are disabled too: they need no new invitation.
        Ok((guests, _)) => return Some(guests.into_iter().map(|guest: Guest| guest.email).collect()),
        Err(Unread::Failed(RequestError { http_status, message, .. })) if !matches!(http_status, Some(403 | 404)) => {
            tracing::warn!("the organization's guests cannot be listed: {message}");
        }
        Err(_) => {}
    }
    None
}

/// Compares the rows of a run with the list of all groups.
pub(super) struct Comparison<'a> {
    staged: &'a Staged,
    /// The row of each existing group, by the group's id.
    ids: HashMap<String, RowId>,
    /// The journal of earlier runs, if it is not the same one.
    past: Option<&'a Journal>,
    /// The groups that it owns, once one of them may get people.
    owned: OnceCell<HashMap<String, OwnedGroup>>,
    on_existing: OnExisting,
}

/// Rows that only the whole list can settle, with the groups of their names: rows in doubt, whose group may exist twice, and rows
/// whose exact name may still come.
type Pending = HashMap<RowId, (GroupOperation, Vec<ExistingGroup>)>;

/// What the outcome of a lookup changes: a group that was found may lack guests.
fn settled(task: GroupOperation, outcome: Outcome) -> (Operation, [Change; 1]) {
    let change = match outcome {
        Outcome::Created { group, .. } if !task.group.guests.is_empty() => Change::Incomplete(group),
        outcome => Change::End(outcome),
    };
    (task.operation, [change])
}

impl Comparison<'_> {
    /// Settles the rows whose groups exist; gives the number of pages of the list, or stops the run.
    async fn settle<E: Transport>(&self, journal: &mut Journal, api: &Api<E>) -> Result<Option<u64>, JournalError> {
        let (mut pending, mut cursor) = (Pending::new(), PageCursor::default());
        loop {
            match api.next_page(List::Groups, &mut cursor).await {
                Ok(Some(groups)) => self.page(groups, journal, &mut pending)?,
                Ok(None) => break,
                Err(unread) => {
                    api.stop_unread(unread);
                    return Ok(None);
                }
            }
        }
        let mut rest = Vec::new();
        for (task, groups) in pending.into_values() {
            rest.extend(self.outcome(journal, task, &groups)?);
        }
        for (id, row) in &self.ids {
            let is_named = |task: &GroupOperation| task.group.tallyfy_id.as_ref() == Some(id);
            rest.extend(journal.open_row(*row)?.filter(is_named).map(|task| settled(task, plan::unknown_id(id))));
        }
        journal.apply(rest)?;
        Ok(Some(cursor.pages))
    }

    fn page(
        &self,
        groups: Vec<ExistingGroup>,
        journal: &mut Journal,
        pending: &mut Pending,
    ) -> Result<(), JournalError> {
        let mut found: HashMap<RowId, _> = HashMap::new();
        for group in groups {
            let own = self.ids.get(&group.group_ref.id).copied();
            let Some(row) = own.or_else(|| self.staged.named(&group.name)) else { continue };
            let Some(task) = journal.open_row(row)? else { continue };
            if own.is_none() && task.group.tallyfy_id.is_some() {
                // It is of another group.
            } else if own.is_some() || !task.operation.was_sent() && group.name == task.group.name {
                pending.remove(&row);
                if let Some(settled) = self.outcome(journal, task, &[group])? {
                    found.entry(row).or_insert(settled);
                }
            } else if !found.contains_key(&row) {
                pending.entry(row).or_insert_with(|| (task, Vec::new())).1.push(group);
            }
        }
        journal.apply(found.into_values())
    }

    /// What becomes of a row whose groups these are. In a file with one person per row, who is new is added to a group that is owned.
    fn outcome(
        &self,
        journal: &Journal,
        task: GroupOperation,
        groups: &[ExistingGroup],
    ) -> Result<Option<(Operation, [Change; 1])>, JournalError> {
        let first = best(&task.group.name, groups).into_iter().next();
        if let Some(first) = first.filter(|_| task.group.is_of_person && !task.operation.was_sent()) {
            if self.owned.get().is_none() {
                let _ = self.owned.set(self.past.unwrap_or(journal).owned_groups(false)?);
            }
            let owned = self.owned.get().and_then(|owned| owned.get(&first.group_ref.id));
            if let Some((owned, has)) = owned.zip(first.whole()) {
                let exists = || Change::End(plan::exists(&task.group, first, OnExisting::Skip));
                let add = |edit| Change::Add(first.group_ref.clone(), Box::new(has.clone()), Box::new(edit));
                let change = plan::addition(&task.group, owned, &has).map_or_else(exists, add);
                return Ok(Some((task.operation, [change])));
            }
        }
        let outcome = plan::decide(&task.operation.sent_ms, &task.group, groups, self.on_existing);
        Ok(outcome.map(|outcome| settled(task, outcome)))
    }
}
