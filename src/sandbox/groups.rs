//! Storage of the groups, with indexes by id, name, page and search. Does not know the API's rules. Pure.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::list::{ListQuery, SortBy};

/// The day the simulation begins: 2024-05-21T18:00:00Z, the day of the endpoint page's example.
const EPOCH: Timestamp = Timestamp::constant(1_716_314_400, 0);

/// A group, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// RFC 3339, in whole seconds.
    pub updated_at: String,
    /// Always `None`: a deleted group is gone.
    pub deleted_at: Option<String>,
}

/// A group to put into the organization, with a chosen id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The description, if it has one.
    pub description: Option<String>,
    /// The members' user ids.
    pub members: Vec<u64>,
    /// The guests' addresses.
    pub guests: Vec<String>,
    /// When it was created and last changed, in RFC 3339; `None` is now.
    pub stamp: Option<String>,
}

/// The groups in order of creation, with indexes that keep 100,000 of them fast.
#[derive(Default)]
pub(super) struct GroupStore {
    /// By slot, which is the order of creation; a deleted group leaves its slot empty.
    slots: Vec<Option<StoredGroup>>,
    by_id: HashMap<String, usize>,
    /// How many live groups have the folded name.
    names: HashMap<String, usize>,
    /// The slots that lists show, ascending.
    visible: Vec<usize>,
    /// The slots that lists show only from a later time on.
    lagging: Vec<(Duration, usize)>,
    /// The last other order requested; valid until something changes.
    sorted: Option<(SortBy, Vec<usize>)>,
}

struct StoredGroup {
    group: SandboxGroup,
    /// Name and description in lower case, for searches.
    text: String,
    /// The pairs of letters of `text`: most searches need not compare it.
    pairs: u128,
}

impl GroupStore {
    /// The live groups, oldest first.
    pub(super) fn groups(&self) -> impl Iterator<Item = &SandboxGroup> {
        self.slots.iter().flatten().map(|entry| &entry.group)
    }

    pub(super) fn get(&self, id: &str) -> Option<&SandboxGroup> {
        let slot = *self.by_id.get(id)?;
        self.slots[slot].as_ref().map(|entry| &entry.group)
    }

    /// How many groups have `name`, without regard to case.
    pub(super) fn named(&self, name: &str) -> usize {
        self.names.get(&name.to_lowercase()).copied().unwrap_or(0)
    }

    /// Puts a group in; lists show it after `lag`. A group with the same id is replaced.
    pub(super) fn put(&mut self, group: SandboxGroup, now: Duration, lag: Duration) {
        self.remove(&group.id);
        let slot = self.slots.len();
        self.by_id.insert(group.id.clone(), slot);
        self.note_name(&group.name);
        if lag.is_zero() {
            self.visible.push(slot);
        } else {
            self.lagging.push((now.saturating_add(lag), slot));
        }
        self.slots.push(Some(StoredGroup::new(group)));
        self.sorted = None;
    }

    /// Changes the group in place, and its time of update.
    pub(super) fn change(
        &mut self,
        id: &str,
        now: Duration,
        change: impl FnOnce(&mut SandboxGroup),
    ) -> Option<&SandboxGroup> {
        let slot = *self.by_id.get(id)?;
        let mut group = self.slots[slot].take()?.group;
        self.forget_name(&group.name);
        change(&mut group);
        group.updated_at = stamp(now);
        self.note_name(&group.name);
        self.sorted = None;
        let entry = self.slots[slot].insert(StoredGroup::new(group));
        Some(&entry.group)
    }

    /// Removes the group; false if it does not exist.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.by_id.remove(id) else {
            return false;
        };
        if let Some(entry) = self.slots[slot].take() {
            self.forget_name(&entry.group.name);
        }
        if let Ok(place) = self.visible.binary_search(&slot) {
            self.visible.remove(place);
        }
        self.lagging.retain(|(_, lagging)| *lagging != slot);
        self.sorted = None;
        true
    }

    /// The requested page, and how many groups there are on all pages.
    pub(super) fn page(&mut self, wanted: &ListQuery, now: Duration) -> (Vec<&SandboxGroup>, usize) {
        self.reveal(now);
        let order = match &wanted.q {
            Some(q) => &self.search(q, wanted.sort_by),
            None => self.order(wanted.sort_by),
        };
        let total = order.len();
        let page: Vec<usize> = order.iter().skip(wanted.skip()).take(wanted.per_page).copied().collect();
        let groups = page.into_iter().filter_map(|slot| self.slots[slot].as_ref());
        (groups.map(|entry| &entry.group).collect(), total)
    }

    /// Makes groups visible whose lag is over.
    fn reveal(&mut self, now: Duration) {
        let visible = &mut self.visible;
        let before = self.lagging.len();
        self.lagging.retain(|(visible_at, slot)| {
            if *visible_at > now {
                return true;
            }
            let place = visible.partition_point(|earlier| earlier < slot);
            visible.insert(place, *slot);
            false
        });
        if self.lagging.len() < before {
            self.sorted = None;
        }
    }

    /// The visible slots whose name or description contains `q`.
    fn search(&self, q: &str, sort_by: SortBy) -> Vec<usize> {
        let q = q.to_lowercase();
        let wanted = pairs(&q);
        let holds = |slot: &&usize| {
            self.slots[**slot].as_ref().is_some_and(|entry| entry.pairs & wanted == wanted && entry.text.contains(&q))
        };
        let mut found: Vec<usize> = self.visible.iter().filter(holds).copied().collect();
        sort(&self.slots, &mut found, sort_by);
        found
    }

    /// All visible slots; the last order is kept, so that reading its pages does not sort again.
    fn order(&mut self, sort_by: SortBy) -> &[usize] {
        if sort_by == SortBy::Created {
            return &self.visible;
        }
        let kept = self.sorted.take().filter(|(kept, _)| *kept == sort_by);
        let (_, order) = self.sorted.insert(kept.unwrap_or_else(|| {
            let mut order = self.visible.clone();
            sort(&self.slots, &mut order, sort_by);
            (sort_by, order)
        }));
        order
    }

    fn note_name(&mut self, name: &str) {
        *self.names.entry(name.to_lowercase()).or_default() += 1;
    }

    fn forget_name(&mut self, name: &str) {
        let folded = name.to_lowercase();
        if let Some(count) = self.names.get_mut(&folded) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&folded);
            }
        }
    }
}

impl StoredGroup {
    fn new(group: SandboxGroup) -> Self {
        let description = group.description.as_deref().unwrap_or_default();
        let text = format!("{}\n{description}", group.name).to_lowercase();
        let pairs = pairs(&text);
        Self { group, text, pairs }
    }
}

impl Planted {
    /// The group as it is stored at `now`.
    pub(super) fn into_group(self, now: Duration) -> SandboxGroup {
        let stamp = self.stamp.unwrap_or_else(|| stamp(now));
        SandboxGroup {
            id: self.id,
            name: self.name,
            description: self.description,
            logo: None,
            members: self.members,
            guests: self.guests,
            created_at: stamp.clone(),
            updated_at: stamp,
            deleted_at: None,
        }
    }
}

/// Sorts ascending slots; the sort is stable, so that equal groups stay in order of creation.
fn sort(slots: &[Option<StoredGroup>], order: &mut [usize], sort_by: SortBy) {
    let key = |slot: &usize| {
        let group = slots[*slot].as_ref().map(|entry| &entry.group);
        match sort_by {
            SortBy::Created => None,
            SortBy::Updated => group.map(|group| group.updated_at.as_str()),
            SortBy::Name => group.map(|group| group.name.as_str()),
        }
    };
    order.sort_by(|left, right| key(left).cmp(&key(right)));
}

/// A bit for each pair of neighbouring bytes: a text that contains another has all of its bits.
fn pairs(text: &str) -> u128 {
    let bytes = text.as_bytes();
    let neighbours = bytes.iter().zip(bytes.iter().skip(1));
    neighbours
        .fold(0, |bits, (left, right)| bits | 1 << (left.wrapping_mul(37).wrapping_add(right.wrapping_mul(101)) % 128))
}

/// The time `now` as the API writes it.
fn stamp(now: Duration) -> String {
    let whole = SignedDuration::from_secs(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    EPOCH.checked_add(whole).unwrap_or(Timestamp::MAX).to_string()
}
