//! The plan of `undo`: compares what a run created with what the organization has now, and decides for each group whether it is
//! deleted, left alone, or gone already. Sends no request that changes anything.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use crate::execute::{Api, Unread};
use crate::journal::{Creations, Findings};
use crate::model::{
    Creation, ExistingGroup, Group, Listener, MatchNames, NameKey, Removal, RowId, Status, StopReason, Trouble,
};
use crate::plan::{Claim, changes, claim};
use crate::report::UndoPlan;
use crate::tallyfy::{Transport, Walk};

use super::Failure;

/// Lookups compare names folded, so that a group whose name the server changed in case or spaces is found.
const MATCHING: MatchNames = MatchNames::Folded;

/// What `undo` will do.
#[derive(Default)]
pub(super) struct Deletions {
    /// The groups to delete, in the order of their rows.
    pub(super) groups: Vec<Creation>,
    /// What the journal records before anything is deleted.
    pub(super) findings: Findings,
    /// What the user is shown.
    pub(super) view: UndoPlan,
}

/// Finds all groups of a run and compares them; with `is_forced` changed groups are deleted too. At most `concurrency` lookups are
/// in flight.
pub(super) async fn plan_deletions<E: Transport>(
    all: Creations,
    is_forced: bool,
    api: &Api<E>,
    concurrency: usize,
    listener: &Listener,
) -> Result<Deletions, Failure> {
    let seen = match find_groups(&all, api, concurrency, listener).await {
        Ok(seen) => seen,
        Err(unread) => {
            // Nothing is known about any group.
            api.stop_unread(unread);
            return Err(Failure::Stopped(api.stop.reason().unwrap_or(StopReason::Interrupted)));
        }
    };
    let mut plan = Deletions::default();
    for creation in all.made {
        let found = seen.made.get(&creation.tag.id).and_then(Option::as_ref);
        plan.add(creation, found, is_forced);
    }
    for (row, group) in all.in_doubt {
        let found = seen.named.get(&MATCHING.key(&group.name)).map_or(&[][..], Vec::as_slice);
        plan.add_in_doubt(row, group, found);
    }
    plan.groups.sort_by_key(|creation| creation.row);
    plan.findings.is_deleting = !plan.groups.is_empty();
    Ok(plan)
}

/// The groups that may be the run's.
struct FoundGroups {
    /// Those that the run created, by id.
    made: HashMap<String, Option<ExistingGroup>>,
    /// Those that the rows in doubt may have created, by name.
    named: HashMap<NameKey, Vec<ExistingGroup>>,
}

impl FoundGroups {
    fn add(&mut self, groups: impl IntoIterator<Item = ExistingGroup>) {
        for group in groups.into_iter().filter(|group| !group.is_deleted) {
            if let Some(seen) = self.made.get_mut(&group.tag.id) {
                *seen = Some(group);
            } else if let Some(named) = self.named.get_mut(&MATCHING.key(&group.name)) {
                named.push(group);
            }
        }
    }
}

async fn find_groups<E: Transport>(
    all: &Creations,
    api: &Api<E>,
    concurrency: usize,
    listener: &Listener,
) -> Result<FoundGroups, Unread> {
    let mut seen = FoundGroups {
        made: all.made.iter().map(|creation| (creation.tag.id.clone(), None)).collect(),
        named: all.in_doubt.iter().map(|(_, group)| (MATCHING.key(&group.name), Vec::new())).collect(),
    };
    let mut walk = Walk::default();
    while let Some(groups) = api.next_groups(&mut walk, listener).await? {
        seen.add(groups);
    }
    // A group that is missing in the list may not be in lists yet: it is read by its id.
    let unlisted: Vec<String> =
        seen.made.iter().filter(|(_, group)| group.is_none()).map(|(id, _)| id.clone()).collect();
    let read = async |id: String| api.group(&id).await;
    let found: Vec<_> = stream::iter(unlisted).map(read).buffer_unordered(concurrency).try_collect().await?;
    seen.add(found.into_iter().flatten());
    // A group whose response was lost may still appear: it is looked up for as long as an import would.
    for (number, wait) in api.looks(Duration::ZERO).into_iter().enumerate() {
        let names = all.in_doubt.iter().map(|(_, group)| group.name.clone());
        let unseen: Vec<String> = names.filter(|name| seen.named[&MATCHING.key(name)].is_empty()).collect();
        if unseen.is_empty() {
            break;
        }
        if number == 0 {
            tracing::warn!(rows = unseen.len(), "looking up the groups that were being created when the run ended");
        }
        if !api.stop.sleep(wait).await {
            return Err(Unread::Stopped);
        }
        let look_up = async |name: String| api.named(&name, MATCHING).await;
        let found: Vec<_> = stream::iter(unseen).map(look_up).buffer_unordered(concurrency).try_collect().await?;
        seen.add(found.into_iter().flatten());
    }
    Ok(seen)
}

impl Deletions {
    fn add(&mut self, creation: Creation, found: Option<&ExistingGroup>, is_forced: bool) {
        let Creation { row, ref group, ref tag, may_be_deleted } = creation;
        let Some(found) = found else {
            // 404 is the status of a group that is not there.
            let removal = if may_be_deleted { Removal::Deleted(404) } else { Removal::Gone };
            return self.settle(row, &group.name, Some(&tag.id), "", removal);
        };
        let changes = changes(group, tag.stamp.as_deref(), found).join("; ");
        if changes.is_empty() || is_forced {
            self.delete(creation, &changes);
        } else {
            self.settle(row, &group.name, Some(&tag.id), &changes, Removal::Changed(changes.clone()));
        }
    }

    fn add_in_doubt(&mut self, row: RowId, group: Group, found: &[ExistingGroup]) {
        match claim(&group, found) {
            Claim::Ours(tag) => {
                self.findings.adopted.push((row, tag.clone()));
                self.delete(Creation { row, group, tag, may_be_deleted: false }, "");
            }
            Claim::Absent => self.settle(row, &group.name, None, "", Removal::Gone),
            Claim::Unclear(why) => {
                let message = format!("no response tells whether its group was created: {why}");
                let trouble = Trouble { message: message.clone(), ..Trouble::interrupted() };
                self.settle(row, &group.name, None, &message, Removal::Unknown(trouble));
            }
        }
    }

    fn delete(&mut self, creation: Creation, changes: &str) {
        self.view.add(Status::Pending, &creation.group.name, Some(&creation.tag.id), changes);
        self.groups.push(creation);
    }

    fn settle(&mut self, row: RowId, name: &str, id: Option<&str>, detail: &str, removal: Removal) {
        self.view.add(removal.status(), name, id, detail);
        self.findings.settled.push((row, removal));
    }
}
