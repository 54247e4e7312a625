//! What a run created, as the organization holds it now: what is to be deleted, what is left alone, what is gone.
//!
//! Only reads.

use std::collections::HashMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use crate::journal::{Creations, Findings};
use crate::model::{Creation, Event, Group, Halt, Listener, MatchNames, NameKey, Removal, RowId, Tag, Trouble};
use crate::report::UndoPlan;
use crate::send::{Api, Claim, Unread, changes, claim};
use crate::tallyfy::{Exchange, Listed, Walk};

/// Names are looked for more widely than they are taken for ours.
const MATCHING: MatchNames = MatchNames::Folded;

/// Whoever looks.
pub(super) struct Surveyor<'a, E> {
    /// The API.
    pub(super) api: &'a Api<E>,
    /// How many groups are looked for at once.
    pub(super) lanes: usize,
    /// Whether groups are deleted that were changed since.
    pub(super) is_forced: bool,
    /// Hears of every page.
    pub(super) listener: &'a Listener,
}

/// What was found.
#[derive(Default)]
pub(super) struct Survey {
    /// The groups to be deleted.
    pub(super) delete: Vec<Creation>,
    /// Groups of which nothing is to be deleted.
    settled: Vec<(RowId, Removal)>,
    /// Rows in doubt whose group was found.
    adopted: Vec<(RowId, Tag)>,
    /// What was found, for a person.
    plan: UndoPlan,
}

/// The groups that lists show, as far as they matter.
struct Sighted {
    /// By their ids, those that the run made.
    made: HashMap<String, Option<Listed>>,
    /// By their names, those that the rows in doubt may have made.
    namesakes: HashMap<NameKey, Vec<Listed>>,
}

impl<E: Exchange> Surveyor<'_, E> {
    /// Looks for all of them.
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

    /// Walks through the list of all groups; gives how many pages it has.
    async fn walk(&self, sighted: &mut Sighted) -> Result<u64, Unread> {
        let mut walk = Walk::default();
        (self.listener)(Event::Listed { page: 0, pages: 0 });
        while let Some(groups) = self.had(self.api.next_page(None, &mut walk).await)? {
            (self.listener)(Event::Listed { page: walk.read(), pages: walk.pages() });
            sighted.take(groups);
        }
        Ok(walk.pages())
    }

    /// A group that no list shows may only not be in lists yet.
    async fn look_for_unlisted(&self, sighted: &mut Sighted) -> Result<(), Unread> {
        let unlisted = sighted.made.iter().filter(|(_, seen)| seen.is_none()).map(|(id, _)| id.clone());
        let look = async |id: String| self.had(self.api.group(&id).await);
        let looks = stream::iter(unlisted.collect::<Vec<_>>()).map(look).buffer_unordered(self.lanes);
        let found: Vec<Option<Listed>> = looks.try_collect().await?;
        sighted.take(found.into_iter().flatten());
        Ok(())
    }

    /// A group whose answer was lost may still be on its way: it is looked for as long as an import would.
    async fn look_for_namesakes(&self, all: &Creations, sighted: &mut Sighted, pages: u64) -> Result<(), Unread> {
        for (number, wait) in self.api.looks(Duration::ZERO).into_iter().enumerate() {
            let unseen = sighted.unseen(all);
            if unseen.is_empty() {
                return Ok(());
            }
            if number == 0 {
                tracing::warn!(rows = unseen.len(), "looking first for what was being sent when the run ended");
            }
            if !self.api.stop.sleep(wait).await {
                return Err(Unread::Stopped);
            }
            // Whichever takes fewer requests.
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

    /// Without an answer nothing can be said of any group.
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

    /// The names of rows in doubt that no group was seen of.
    fn unseen(&self, all: &Creations) -> Vec<String> {
        let names = all.in_doubt.iter().map(|(_, group)| &group.name);
        let is_unseen = |name: &&String| self.namesakes.get(&MATCHING.key(name)).is_none_or(Vec::is_empty);
        names.filter(is_unseen).cloned().collect()
    }
}

impl Survey {
    /// What the journal is to know before anything is deleted.
    pub(super) fn findings(&self) -> Findings {
        Findings { adopted: self.adopted.clone(), settled: self.settled.clone(), is_deleting: !self.delete.is_empty() }
    }

    /// What is shown of it.
    pub(super) fn plan(&self) -> &UndoPlan {
        &self.plan
    }

    fn add(&mut self, creation: Creation, seen: Option<&Listed>, is_forced: bool) {
        let Creation { row, ref group, ref tag, may_be_deleted } = creation;
        let Some(seen) = seen else {
            self.plan.gone(&group.name, Some(&tag.id));
            // The status that says so.
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
                let message = format!("no answer tells whether its group was made: {why}");
                self.plan.left(&group.name, None, &message);
                let trouble = Trouble { code: Trouble::interrupted().code, message, http_status: None };
                self.settled.push((row, Removal::Unknown(trouble)));
            }
        }
    }
}
