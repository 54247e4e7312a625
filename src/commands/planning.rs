//! The plan of a sync: what a run that was cut off left is settled, the organization is read, and the plan goes into the journal.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};

use crate::journal::{Change, Journal, JournalError, OperationKind};
use crate::model::{ExistingGroup, Outcome, OwnedGroup, Plan};
use crate::plan::{self, GuardOptions, Inventory, SyncInput, SyncPolicy};
use crate::tallyfy::{List, PageCursor, Transport};

use super::Failure;
use super::delivery::Delivery;
use super::organization::stop_reason;
use super::staging::Staged;

impl<E: Transport> Delivery<E> {
    /// Takes a run up that was cut off.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn resume(&self, journal: &mut Journal) -> Result<(), JournalError> {
        journal.resume(self.run)?;
        self.reconcile(journal, None).await
    }

    /// Finds out what became of the operations in doubt of a run that is not resumed.
    ///
    /// # Errors
    /// If the journal cannot be used, or the run stops.
    pub async fn settle(&self, journal: &mut Journal) -> Result<(), Failure> {
        journal.resume(self.run)?;
        self.reconcile(journal, None).await?;
        self.settle_changes(journal).await?;
        // Groups that were created, and may lack guests, are ours.
        let incomplete = journal.changes_in_doubt(self.run)?.into_iter().map(|task| task.operation);
        let incomplete =
            incomplete.filter(|operation| operation.edit.is_none() && operation.kind == OperationKind::Update);
        let found = incomplete.filter_map(|operation| Some((operation.target.clone()?, operation)));
        journal.apply(found.map(|(group, operation)| (operation, [Change::End(Outcome::found(group))])))?;
        self.api.stop.reason().map_or(Ok(()), |reason| Err(Failure::Stopped(reason)))?;
        Ok(journal.abandon(self.run)?)
    }

    /// The organization's groups, of which some are owned; those that `to_read` names, because the list does not show them or their
    /// people, are read one by one.
    pub(super) async fn inventory(
        &self,
        owned: HashMap<String, OwnedGroup>,
        to_read: impl FnOnce(&Inventory) -> Vec<String>,
    ) -> Result<Inventory, Failure> {
        let unread = |unread| Failure::Stopped(stop_reason(&self.api, unread));
        let (mut inventory, mut cursor) = (Inventory::new(owned, self.policy.matching), PageCursor::default());
        while let Some(page) = self.api.next_page(List::Groups, &mut cursor).await.map_err(unread)? {
            for group in page {
                inventory.add(group);
            }
        }
        tracing::info!(requests = self.api.requests(), "listed the organization's groups");
        let ids = to_read(&inventory);
        let read = stream::iter(&ids).map(|id| self.api.group(id)).buffer_unordered(self.concurrency);
        let read: Vec<Option<ExistingGroup>> = read.try_collect().await.map_err(unread)?;
        read.into_iter().flatten().for_each(|group| inventory.add(group));
        Ok(inventory)
    }

    /// Reads the organization, and makes the plan; `past` knows what is owned.
    ///
    /// # Errors
    /// If the organization cannot be read, or a journal.
    pub async fn plan(
        &self,
        journal: &Journal,
        past: &Journal,
        staged: &Staged,
        organization: &str,
        policy: SyncPolicy,
        guards: &GuardOptions,
    ) -> Result<Plan, Failure> {
        let (rows, (invalid, excluded)) = (journal.desired_rows(self.run)?, journal.other_rows(self.run)?);
        if policy.prunes && !invalid.is_empty() {
            tracing::warn!("nothing is deleted: a row is invalid");
        }
        if invalid.iter().any(String::is_empty) {
            tracing::warn!("nobody is removed: it is not known of which group an invalid row is");
        }
        let to_read = |listed: &Inventory| listed.to_read(&rows, policy.adopts);
        let inventory = &self.inventory(past.owned_groups(true)?, to_read).await?;
        Ok(plan::plan(&SyncInput {
            organization,
            rows: &rows,
            invalid: &invalid,
            excluded: &excluded,
            inventory,
            policy,
            guards,
            count: staged.rows,
            count_before: past.rows_of_last_sync()?,
            next: staged.range.1.after(1),
        }))
    }
}
