//! Storage of the groups, with indexes by id and name. Does not know the API's rules. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

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
    /// When lists begin to show it, since the simulation began. Of a planted group: at once.
    #[serde(skip)]
    pub visible_at: Duration,
}

/// The groups in order of creation.
#[derive(Default)]
pub(super) struct GroupStore {
    groups: BTreeMap<usize, SandboxGroup>,
    /// The places in `groups`.
    by_id: HashMap<String, usize>,
    /// How many groups have the name, in lower case.
    names: HashMap<String, usize>,
}

impl GroupStore {
    /// The groups, oldest first.
    pub(super) fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.groups.values()
    }

    pub(super) fn get(&self, id: &str) -> Option<&SandboxGroup> {
        self.groups.get(self.by_id.get(id)?)
    }

    /// How many groups have `name`, without regard to case.
    pub(super) fn named(&self, name: &str) -> usize {
        self.names.get(&name.to_lowercase()).copied().unwrap_or(0)
    }

    /// Puts a group in. It takes the place of one with the same id.
    pub(super) fn put(&mut self, group: SandboxGroup) {
        let next = self.groups.last_key_value().map_or(0, |(last, _)| last + 1);
        let place = self.remove(&group.id).unwrap_or(next);
        self.by_id.insert(group.id.clone(), place);
        *self.names.entry(group.name.to_lowercase()).or_default() += 1;
        self.groups.insert(place, group);
    }

    /// Removes the group, if there is one; gives its place.
    pub(super) fn remove(&mut self, id: &str) -> Option<usize> {
        let place = self.by_id.remove(id)?;
        let group = self.groups.remove(&place)?;
        *self.names.entry(group.name.to_lowercase()).or_default() -= 1;
        Some(place)
    }

    /// The groups that lists show `now`, with this text (lower case) in name or description, by the time of their creation.
    pub(super) fn search(&self, q: &str, now: Duration) -> Vec<&SandboxGroup> {
        let contains = |text: &str| q.is_empty() || text.to_lowercase().contains(q);
        let is_found = |group: &&SandboxGroup| {
            group.visible_at <= now && (contains(&group.name) || group.description.as_deref().is_some_and(contains))
        };
        let mut found: Vec<_> = self.groups().filter(is_found).collect();
        found.sort_by_key(|group| &group.created_at);
        found
    }
}

fn last_change<S: Serializer>(stamp: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("updated_at", stamp), ("last_updated", stamp)])
}

/// The time `now` as the API writes it.
pub(super) fn stamp(now: Duration) -> String {
    time(now).to_string()
}

/// The same for the header of a response.
pub(super) fn http_date(now: Duration) -> String {
    httpdate::fmt_http_date(time(now).into())
}

fn time(now: Duration) -> Timestamp {
    EPOCH.checked_add(Duration::from_secs(now.as_secs())).unwrap_or(Timestamp::MAX)
}
