//! The plan of `undo`: compares what a run created with what the organization has now, and decides for each group whether it is
//! deleted, left alone, or gone already. Sends no request that changes anything.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use crate::journal::{Creations, Findings};
use crate::model::{Creation, Event, Group, Halt, Listener, MatchNames, NameKey, Removal, RowId, Tag, Trouble};
use crate::report::UndoPlan;
use crate::send::{Api, Claim, Unread, changes, claim};
use crate::tallyfy::{Exchange, Listed, Walk};

/// Lookups compare names folded, so that a group whose name the server changed in case or spaces is found.
const MATCHING: MatchNames = MatchNames::Folded;

/// Reads the organization.
pub(super) struct Surveyor<'a, E> {
    /// The API.
    pub(super) api: &'a Api<E>,
    /// How many lookups are in flight at most.
    pub(super) lanes: usize,
    /// Whether changed groups are deleted too.
    pub(super) is_forced: bool,
    /// Gets an event for every page.
    pub(super) listener: &'a Listener,
}

/// What `undo` will do.
#[derive(Default)]
pub(super) struct Survey {
    /// The groups to be deleted.
    pub(super) delete: Vec<Creation>,
    /// Rows without a group to delete, and why.
    settled: Vec<(RowId, Removal)>,
    /// Rows in doubt whose group was found.
    adopted: Vec<(RowId, Tag)>,
    /// What the user is shown.
    plan: UndoPlan,
}

/// The groups of the lists that may be the run's.
struct Sighted {
    /// Those that the run created, by id.
    made: HashMap<String, Option<Listed>>,
    /// Those that the rows in doubt may have created, by name.
    namesakes: HashMap<NameKey, Vec<Listed>>,
}

impl<E: Exchange> Surveyor<'_, E> {
    /// Finds all groups of a run and compares them.
    ///
    /// # Errors
    /// If the run stops.
    pub(super) async fn survey(&self, all: Creations) -> Result<Survey, Unread> {
        let mut sighted = Sighted::of(&all);
        let pages = self.walk(&mut sighted).await?;
        self.look_for_unlisted(&mut sighted).await?;
        self.look_for_namesakes(&all, &mut sighted, pages).await?;
        let mut survey = Survey::default();
        for creation in all.made {
            let seen = sighted.made.remove(&creation.tag.id).flatten();
            survey.add(creation, seen.as_ref(), self.is_forced);
        }
        for (row, group) in all.in_doubt {
            let namesakes = sighted.namesakes.get(&MATCHING.key(&group.name)).map_or(&[][..], Vec::as_slice);
            survey.add_in_doubt(row, group, namesakes);
        }
        survey.delete.sort_by_key(|creation| creation.row);
        Ok(survey)
    }

    /// Reads the list of all groups; returns its number of pages.
    async fn walk(&self, sighted: &mut Sighted) -> Result<u64, Unread> {
        let mut walk = Walk::default();
        (self.listener)(Event::Listed { page: 0, pages: 0 });
        while let Some(groups) = self.had(self.api.next_page(None, &mut walk).await)? {
            (self.listener)(Event::Listed { page: walk.read(), pages: walk.pages() });
            sighted.take(groups);
        }
        Ok(walk.pages())
    }

    /// A group that is missing in the list may not be in lists yet: it is read by its id.
    async fn look_for_unlisted(&self, sighted: &mut Sighted) -> Result<(), Unread> {
        let unlisted = sighted.made.iter().filter(|(_, seen)| seen.is_none()).map(|(id, _)| id.clone());
        let look = async |id: String| self.had(self.api.group(&id).await);
        let looks = stream::iter(unlisted.collect::<Vec<_>>()).map(look).buffer_unordered(self.lanes);
        let found: Vec<Option<Listed>> = looks.try_collect().await?;
        sighted.take(found.into_iter().flatten());
        Ok(())
    }

    /// A group whose response was lost may still appear: it is looked up for as long as an import would.
    async fn look_for_namesakes(&self, all: &Creations, sighted: &mut Sighted, pages: u64) -> Result<(), Unread> {
        for (number, wait) in self.api.looks(Duration::ZERO).into_iter().enumerate() {
            let unseen = sighted.unseen(all);
            if unseen.is_empty() {
                return Ok(());
            }
            if number == 0 {
                tracing::warn!(rows = unseen.len(), "looking up the groups that were being created when the run ended");
            }
            if !self.api.stop.sleep(wait).await {
                return Err(Unread::Stopped);
            }
            // The list or the lookups, whichever takes fewer requests.
            if unseen.len() as u64 > pages {
                self.walk(sighted).await?;
            } else {
                let look = async |name: String| self.had(self.api.named(&name, MATCHING).await);
                let looks = stream::iter(unseen).map(look).buffer_unordered(self.lanes);
                let found: Vec<Vec<Listed>> = looks.try_collect().await?;
                sighted.take(found.into_iter().flatten());
            }
        }
        Ok(())
    }

    /// A read that failed stops the run: nothing is known about any group.
    fn had<T>(&self, read: Result<T, Unread>) -> Result<T, Unread> {
        if let Err(Unread::Failed(trouble)) = &read {
            self.api.stop.raise(Halt::Unreachable(trouble.message.clone()));
        }
        read
    }
}

impl Sighted {
    fn of(all: &Creations) -> Self {
        let made = all.made.iter().map(|creation| (creation.tag.id.clone(), None)).collect();
        let namesakes = all.in_doubt.iter().map(|(_, group)| (MATCHING.key(&group.name), Vec::new())).collect();
        Self { made, namesakes }
    }

    fn take(&mut self, groups: impl IntoIterator<Item = Listed>) {
        for group in groups.into_iter().filter(|group| !group.is_deleted) {
            self.take_one(group);
        }
    }

    fn take_one(&mut self, group: Listed) {
        if let Some(seen) = self.made.get_mut(&group.tag.id) {
            *seen = Some(group);
            return;
        }
        // A list that changes while it is read may show one twice.
        if let Some(namesakes) = self.namesakes.get_mut(&MATCHING.key(&group.name))
            && !namesakes.iter().any(|known| known.tag.id == group.tag.id)
        {
            namesakes.push(group);
        }
    }

    /// The names of rows in doubt for which no group was found.
    fn unseen(&self, all: &Creations) -> Vec<String> {
        let names = all.in_doubt.iter().map(|(_, group)| &group.name);
        let is_unseen = |name: &&String| self.namesakes.get(&MATCHING.key(name)).is_none_or(Vec::is_empty);
        names.filter(is_unseen).cloned().collect()
    }
}

impl Survey {
    /// What the journal records before anything is deleted.
    pub(super) fn findings(&self) -> Findings {
        Findings { adopted: self.adopted.clone(), settled: self.settled.clone(), is_deleting: !self.delete.is_empty() }
    }

    /// What the user is shown.
    pub(super) fn plan(&self) -> &UndoPlan {
        &self.plan
    }

    fn add(&mut self, creation: Creation, seen: Option<&Listed>, is_forced: bool) {
        let Creation { row, ref group, ref tag, may_be_deleted } = creation;
        let Some(seen) = seen else {
            self.plan.gone(&group.name, Some(&tag.id));
            // 404 is the status of a group that is not there.
            self.settled.push((row, if may_be_deleted { Removal::Deleted(404) } else { Removal::Gone }));
            return;
        };
        let changes = changes(group, tag.stamp.as_deref(), seen).join("; ");
        if changes.is_empty() || is_forced {
            self.plan.delete(&group.name, &tag.id, &changes);
            self.delete.push(creation);
        } else {
            self.plan.left(&group.name, Some(&tag.id), &changes);
            self.settled.push((row, Removal::Changed(changes)));
        }
    }

    fn add_in_doubt(&mut self, row: RowId, group: Group, namesakes: &[Listed]) {
        match claim(&group, namesakes) {
            Claim::Ours(tag) => {
                self.plan.delete(&group.name, &tag.id, "");
                self.adopted.push((row, tag.clone()));
                self.delete.push(Creation { row, group, tag, may_be_deleted: false });
            }
            Claim::Absent => {
                self.plan.gone(&group.name, None);
                self.settled.push((row, Removal::Gone));
            }
            Claim::Unclear(why) => {
                let message = format!("no response tells whether its group was created: {why}");
                self.plan.left(&group.name, None, &message);
                let trouble = Trouble { code: Trouble::interrupted().code, message, http_status: None };
                self.settled.push((row, Removal::Unknown(trouble)));
            }
        }
    }
}
