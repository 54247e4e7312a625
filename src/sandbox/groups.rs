//! Storage of the groups, with indexes by id and name. Does not know the API's rules. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::list::{ListQuery, SortBy};

/// The day the simulation begins: 2024-05-21T18:00:00Z, the day of the endpoint page's example.
const EPOCH: Timestamp = Timestamp::constant(1_716_314_400, 0);

/// A group, as the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SandboxGroup {
    /// 32 hexadecimal digits, or the planted id.
    pub id: String,
    /// The name, as it was sent.
    pub name: String,
    /// The description, if it has one.
    pub description: Option<String>,
    /// Always `None`: no call here sets a logo.
    pub logo: Option<String>,
    /// The members' user ids, in the order given.
    pub members: Vec<u64>,
    /// The guests' addresses, in the order given.
    pub guests: Vec<String>,
    /// RFC 3339, in whole seconds.
    pub created_at: String,
    /// RFC 3339, in whole seconds. The API shows it under two names.
    #[serde(flatten, serialize_with = "last_change")]
    pub updated_at: String,
    /// Always `None`: a deleted group is gone.
    pub deleted_at: Option<String>,
}

/// The groups in order of creation.
#[derive(Default)]
pub(super) struct GroupStore {
    groups: BTreeMap<usize, StoredGroup>,
    /// The places in `groups`.
    by_id: HashMap<String, usize>,
    /// How many groups have the name, in lower case.
    names: HashMap<String, usize>,
    created: usize,
}

struct StoredGroup {
    group: SandboxGroup,
    /// Name and description in lower case, for searches.
    text: String,
    /// When lists begin to show it.
    visible_at: Duration,
}

impl GroupStore {
    /// The groups, oldest first.
    pub(super) fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.groups.values().map(|stored| &stored.group)
    }

    pub(super) fn get(&self, id: &str) -> Option<&SandboxGroup> {
        self.groups.get(self.by_id.get(id)?).map(|stored| &stored.group)
    }

    /// How many groups have `name`, without regard to case.
    pub(super) fn named(&self, name: &str) -> usize {
        self.names.get(&name.to_lowercase()).copied().unwrap_or(0)
    }

    /// Puts a group in; lists show it from `visible_at` on. A group with the same id is replaced.
    pub(super) fn put(&mut self, group: SandboxGroup, visible_at: Duration) {
        self.remove(&group.id);
        self.created += 1;
        self.insert(self.created, group, visible_at);
    }

    /// Replaces the group of the same id, in its place.
    pub(super) fn replace(&mut self, group: SandboxGroup) {
        if let Some((place, stored)) = self.remove(&group.id) {
            self.insert(place, group, stored.visible_at);
        }
    }

    /// Removes the group; whether there was one.
    pub(super) fn delete(&mut self, id: &str) -> bool {
        self.remove(id).is_some()
    }

    fn insert(&mut self, place: usize, group: SandboxGroup, visible_at: Duration) {
        self.by_id.insert(group.id.clone(), place);
        *self.names.entry(group.name.to_lowercase()).or_default() += 1;
        let text = format!("{}\n{}", group.name, group.description.as_deref().unwrap_or_default()).to_lowercase();
        self.groups.insert(place, StoredGroup { group, text, visible_at });
    }

    fn remove(&mut self, id: &str) -> Option<(usize, StoredGroup)> {
        let place = self.by_id.remove(id)?;
        let stored = self.groups.remove(&place)?;
        *self.names.entry(stored.group.name.to_lowercase()).or_default() -= 1;
        Some((place, stored))
    }

    /// The groups of a list, on all of its pages.
    pub(super) fn find(&self, wanted: &ListQuery, now: Duration) -> Vec<&SandboxGroup> {
        let is_listed = |stored: &&StoredGroup| {
            stored.visible_at <= now && (wanted.q.is_empty() || stored.text.contains(&wanted.q))
        };
        let mut found: Vec<_> = self.groups.values().filter(is_listed).map(|stored| &stored.group).collect();
        match wanted.sort_by {
            SortBy::CreatedAt => {}
            SortBy::UpdatedAt => found.sort_by_key(|group| &group.updated_at),
            SortBy::Name => found.sort_by_key(|group| &group.name),
        }
        found
    }
}

fn last_change<S: Serializer>(stamp: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("updated_at", stamp), ("last_updated", stamp)])
}

/// The time `now` as the API writes it.
pub(super) fn stamp(now: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    EPOCH.checked_add(whole).unwrap_or(Timestamp::MAX).to_string()
}
