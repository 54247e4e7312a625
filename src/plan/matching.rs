//! Which group each row of a sync means: by id, by key, by name; and in which order groups can be renamed. Pure.

use std::collections::{HashMap, HashSet};

use crate::model::{DesiredRow, ExistingGroup, GroupRef, MatchNames, NameKey, OwnedGroup, WantedGroup, shortened};

/// Which group a row means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meant {
    /// The existing group at this index.
    Group(usize),
    /// None: it is created. `is_again` if the group that it had was deleted.
    New {
        /// Whether the journal owned a group of the row that the organization does not have any more.
        is_again: bool,
    },
    /// It is not known, or must not be touched: why; and the existing group, if it is clear.
    Held(String, Option<usize>),
    /// The organization has no group of this id, and the journal never owned one.
    UnknownId(String),
}

impl Meant {
    fn group(&self) -> Option<usize> {
        if let Self::Group(group) = self { Some(*group) } else { None }
    }
}

/// One step of the renames of a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rename {
    /// The group.
    pub(super) group: usize,
    /// The name that it gets.
    pub(super) name: String,
    /// The step that frees this name, by its index.
    pub(super) waits_for: Option<usize>,
}

/// The renames of a sync.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Each after those that free its name; a group of two that swap their names comes twice.
    pub(super) steps: Vec<Rename>,
    /// The groups that keep their names, and why.
    pub(super) held: HashMap<usize, String>,
    /// The steps that free a name.
    pub(super) freed: HashMap<NameKey, usize>,
}

impl Renames {
    fn push(&mut self, matching: MatchNames, group: usize, from: &str, name: String) {
        let [before, after] = [from, &name].map(|name| matching.key(name));
        let waits_for = self.freed.get(&after).copied();
        if before != after {
            self.freed.insert(before, self.steps.len());
        }
        self.steps.push(Rename { group, name, waits_for });
    }
}

/// The existing groups that matter, and what the journal knows of those that it owns, by their ids.
#[derive(Debug)]
pub struct Inventory {
    pub(super) groups: Vec<ExistingGroup>,
    owned: HashMap<String, OwnedGroup>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<NameKey, Vec<usize>>,
    by_key: HashMap<String, String>,
    /// The ids of groups whose names the organization stores otherwise than they were sent, and those names, by the names sent.
    by_sent_name: HashMap<NameKey, (String, String)>,
    pub(super) matching: MatchNames,
}

impl Inventory {
    /// Without groups; what is owned is known.
    pub fn new(owned: HashMap<String, OwnedGroup>, matching: MatchNames) -> Self {
        let (mut by_key, mut by_sent_name) = (HashMap::new(), HashMap::new());
        for (id, group) in &owned {
            if let Some(key) = group.key() {
                by_key.insert(key.clone(), id.clone());
            }
            let [sent, answered] = group.texts();
            if sent.name != answered.name {
                by_sent_name.insert(matching.key(&sent.name), (id.clone(), answered.name));
            }
        }
        let (by_id, by_name) = (HashMap::new(), HashMap::new());
        Self { groups: Vec::new(), owned, by_id, by_name, by_key, by_sent_name, matching }
    }

    /// Adds a group, or replaces what is known of it: a list that changes while it is read may show one twice.
    pub fn add(&mut self, group: ExistingGroup) {
        if group.is_deleted {
            return;
        }
        if let Some(known) = self.by_id.get(&group.group_ref.id) {
            self.groups[*known] = group;
            return;
        }
        let index = self.groups.len();
        self.by_id.insert(group.group_ref.id.clone(), index);
        self.by_name.entry(self.matching.key(&group.name)).or_default().push(index);
        self.groups.push(group);
    }

    /// The ids of groups that the list does not show, or not with their people, although a row means them or the journal owns them.
    pub fn to_read(&self, rows: &[DesiredRow], adopts: bool) -> Vec<String> {
        let names: HashSet<NameKey> = rows.iter().map(|row| self.matching.key(&row.group.name)).collect();
        let ids: HashSet<&String> = rows.iter().filter_map(|row| row.group.tallyfy_id.as_ref()).collect();
        let keys: HashSet<&String> = rows.iter().filter_map(|row| row.group.key.as_ref()).collect();
        let is_meant = |(id, owned): &(&String, &OwnedGroup)| {
            let has_key = owned.key().is_some_and(|key| keys.contains(key));
            has_key || ids.contains(id) || names.contains(&self.matching.key(&owned.group().name))
        };
        let missing = self.owned.iter().filter(|(id, _)| !self.by_id.contains_key(*id)).filter(is_meant);
        let is_hidden = |group: &ExistingGroup| group.members.is_none() || group.guests.is_none();
        let hidden = self.groups.iter().enumerate().filter(|(_, group)| is_hidden(group));
        let mut hidden: HashMap<usize, &String> = hidden.map(|(index, group)| (index, &group.group_ref.id)).collect();
        // Mostly there is none.
        if !hidden.is_empty() {
            let meant: HashSet<usize> = self.meant(rows, adopts).iter().filter_map(Meant::group).collect();
            hidden.retain(|index, _| meant.contains(index) || self.owned(*index).is_some());
        }
        missing.map(|(id, _)| id).chain(hidden.into_values()).cloned().collect()
    }

    /// The group of this id.
    pub(crate) fn group(&self, id: &str) -> Option<&ExistingGroup> {
        self.by_id.get(id).map(|group| &self.groups[*group])
    }

    /// The groups that have a name.
    pub(crate) fn groups_named(&self, name: &str) -> Vec<ExistingGroup> {
        self.named(name).into_iter().map(|group| self.groups[group].clone()).collect()
    }

    /// What the journal knows of a group, if it owns it.
    pub(super) fn owned(&self, group: usize) -> Option<&OwnedGroup> {
        self.owned.get(&self.groups[group].group_ref.id)
    }

    /// The place of a group.
    pub(super) fn index(&self, group: Option<&GroupRef>) -> Option<usize> {
        self.by_id.get(&group?.id).copied()
    }

    /// Which group each of these rows means. With `adopts`, groups that the journal does not own are taken over. Ids and keys go
    /// before names: the name of a group that is renamed is free.
    pub(super) fn meant(&self, rows: &[DesiredRow], adopts: bool) -> Vec<Meant> {
        let by_id: Vec<_> = rows.iter().map(|row| self.by_id_or_key(row)).collect();
        let claimed: HashSet<usize> = by_id.iter().flatten().filter_map(Meant::group).collect();
        let decided: Vec<Meant> = rows
            .iter()
            .zip(by_id)
            .map(|(row, meant)| match meant {
                Some(Meant::New { is_again }) => self.by_name(row, &claimed, is_again, adopts),
                None => self.by_name(row, &claimed, false, adopts),
                Some(meant) => meant,
            })
            .collect();
        let mut once = HashSet::new();
        let again: HashSet<usize> =
            decided.iter().filter_map(Meant::group).filter(|group| !once.insert(*group)).collect();
        let held = |why: &str, group| Meant::Held(why.to_owned(), Some(group));
        let decided = decided.into_iter().map(|meant| match meant {
            Meant::Group(group) if again.contains(&group) => held("another row means the same group", group),
            Meant::Group(group) if self.owned(group).is_none() && !adopts => {
                held("exists and is not managed by this file (--adopt takes it over)", group)
            }
            meant => meant,
        });
        decided.collect()
    }

    /// By the id or the key; `None` if the row has neither, or its key is new.
    fn by_id_or_key(&self, row: &DesiredRow) -> Option<Meant> {
        if let Some(id) = &row.group.tallyfy_id {
            return Some(match self.by_id.get(id) {
                Some(group) => Meant::Group(*group),
                None if self.owned.contains_key(id) => Meant::New { is_again: true },
                None => Meant::UnknownId(id.clone()),
            });
        }
        let id = self.by_key.get(row.group.key.as_ref()?)?;
        Some(self.by_id.get(id).map_or(Meant::New { is_again: true }, |group| Meant::Group(*group)))
    }

    /// By the name, among the groups that no id or key means.
    fn by_name(&self, row: &DesiredRow, claimed: &HashSet<usize>, is_again: bool, adopts: bool) -> Meant {
        let mut named = self.named(&row.group.name);
        named.retain(|group| !claimed.contains(group));
        if named.iter().any(|group| self.groups[*group].name == row.group.name) {
            named.retain(|group| self.groups[*group].name == row.group.name);
        }
        match named.as_slice() {
            [] => match self.stored_otherwise(&row.group.name).filter(|group| !claimed.contains(group)) {
                Some(group) => Meant::Group(group),
                None => Meant::New { is_again },
            },
            [group] => {
                let known = self.owned(*group).and_then(OwnedGroup::key);
                match known.filter(|known| !adopts && row.group.key.as_ref().is_some_and(|own| own != *known)) {
                    Some(known) => Meant::Held(
                        format!("the group of this name has another key ({})", shortened(known)),
                        Some(*group),
                    ),
                    None => Meant::Group(*group),
                }
            }
            several => Meant::Held(format!("{} groups have this name", several.len()), None),
        }
    }

    /// The group that was sent under a name, and has the other one with which the organization answered.
    fn stored_otherwise(&self, name: &str) -> Option<usize> {
        let (id, answered) = self.by_sent_name.get(&self.matching.key(name))?;
        self.by_id.get(id).copied().filter(|group| self.groups[*group].name == *answered)
    }

    /// The groups that have a name now.
    pub(super) fn named(&self, name: &str) -> Vec<usize> {
        self.by_name.get(&self.matching.key(name)).cloned().unwrap_or_default()
    }

    /// Every group that a row means by its id or its key.
    pub(super) fn mentioned(&self, row: &WantedGroup) -> Vec<usize> {
        let ids = [row.tallyfy_id.as_ref(), row.key.as_ref().and_then(|key| self.by_key.get(key))];
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id).copied()).collect()
    }

    /// In which order these groups can be given their new names, and which of them cannot be. Two groups that swap their names do so
    /// by way of a temporary one.
    pub(super) fn renames(&self, wanted: &HashMap<usize, String>) -> Renames {
        let (mut renames, mut left) = (Renames::default(), wanted.keys().copied().collect::<Vec<_>>());
        left.sort_unstable();
        let (mut moved, mut last) = (HashSet::new(), Vec::new());
        while !left.is_empty() {
            let before = left.len();
            left.retain(|group| {
                let holders = self.holders(*group, &wanted[group], &moved);
                match holders.as_slice() {
                    [] => {
                        let from = &self.groups[*group].name;
                        renames.push(self.matching, *group, from, wanted[group].clone());
                        moved.insert(*group);
                        false
                    }
                    [holder, ..] if !wanted.contains_key(holder) || renames.held.contains_key(holder) => {
                        renames.held.insert(*group, "another group has this name".to_owned());
                        false
                    }
                    _ => true,
                }
            });
            if left.len() < before {
                // A chain is mostly in one order or the other.
                left.reverse();
                continue;
            }
            // Each waits for another one.
            let Some(group) = left.pop() else { break };
            let holders = self.holders(group, &wanted[&group], &moved);
            let is_swap = |other: &usize| self.holders(*other, &wanted[other], &moved) == [group];
            if holders.len() == 1 && holders.iter().all(is_swap) {
                let temporary =
                    format!("{} (being renamed {})", shortened(&wanted[&group]), self.groups[group].group_ref.id);
                renames.push(self.matching, group, &self.groups[group].name, temporary.clone());
                moved.insert(group);
                last.push((group, temporary));
            } else {
                let why = "more than two groups exchange their names; rename one of them in Tallyfy first";
                let mut next = Some(group);
                while let Some(held) = next.filter(|next| !renames.held.contains_key(next)) {
                    renames.held.insert(held, why.to_owned());
                    left.retain(|other| *other != held);
                    next =
                        self.holders(held, &wanted[&held], &moved).into_iter().find(|other| wanted.contains_key(other));
                }
            }
        }
        for (group, temporary) in last {
            renames.push(self.matching, group, &temporary, wanted[&group].clone());
        }
        renames
    }

    /// The other groups that have a name, without those that are renamed by then.
    fn holders(&self, group: usize, name: &str, moved: &HashSet<usize>) -> Vec<usize> {
        let mut holders = self.named(name);
        holders.retain(|holder| *holder != group && !moved.contains(holder));
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{desired, existing, owned};
    use super::*;
    use crate::model::Group;

    /// Groups with these ids and names; those with a key are owned, `-` stands for none.
    fn inventory(groups: &[(&str, &str, Option<&str>)]) -> Inventory {
        let group = |(id, name, _): &(&str, &str, Option<&str>)| existing(id, name);
        let owned = |(id, name, key): &(&str, &str, Option<&str>)| {
            let key = Some((*key)?).filter(|key| *key != "-").map(str::to_owned);
            Some(((*id).to_owned(), owned(id, Group { name: (*name).to_owned(), key, ..Group::default() })))
        };
        let mut inventory = Inventory::new(groups.iter().filter_map(owned).collect(), MatchNames::Folded);
        groups.iter().filter(|(_, name, _)| !name.is_empty()).for_each(|there| inventory.add(group(there)));
        inventory
    }

    /// `name`, `name key`, or `name #id`.
    fn row(text: &str) -> DesiredRow {
        let (name, id) = text.rsplit_once(' ').unwrap_or((text, ""));
        let (tallyfy_id, key) = match id.strip_prefix('#') {
            Some(id) => (Some(id.to_owned()), None),
            None => (None, Some(id.to_owned()).filter(|key| !key.is_empty())),
        };
        desired(Group { name: name.to_owned(), tallyfy_id, key, ..Group::default() })
    }

    fn meant(groups: &[(&str, &str, Option<&str>)], rows: &[&str], adopts: bool) -> Vec<String> {
        let inventory = inventory(groups);
        let rows: Vec<_> = rows.iter().map(|text| row(text)).collect();
        let shown = |meant| match meant {
            Meant::Group(group) => inventory.groups[group].group_ref.id.clone(),
            Meant::New { is_again } => if is_again { "again" } else { "new" }.to_owned(),
            Meant::Held(why, _) => format!("held: {why}"),
            Meant::UnknownId(id) => format!("unknown {id}"),
        };
        inventory.meant(&rows, adopts).into_iter().map(shown).collect()
    }

    #[test]
    fn an_id_goes_before_a_key_and_a_key_before_a_name() {
        let groups = [("g1", "Sales", Some("K1")), ("g2", "Ops", Some("-")), ("g3", "Legal", Some("K3"))];
        assert_eq!(meant(&groups, &["ops", "Other #g3", "Sales", "New K9"], false), ["g2", "g3", "g1", "new"]);
        let renamed = ["Sales EMEA K1", "Sales K2", "Legal K3"];
        assert_eq!(meant(&groups, &renamed, false), ["g1", "new", "g3"], "the name of a renamed group is free");
        assert_eq!(meant(&groups, &["Ops K1", "Sales"], false), ["g1", "new"]);
    }

    #[test]
    fn what_is_not_owned_or_not_clear_is_held_with_its_reason() {
        let groups =
            [("g1", "Sales", Some("K1")), ("g2", "Ops", None), ("g3", "Dup", Some("-")), ("g4", "dup", Some("-"))];
        let foreign = "held: exists and is not managed by this file (--adopt takes it over)";
        let other_key = "held: the group of this name has another key (K1)";
        assert_eq!(
            meant(&groups, &["Ops", "Sales K2", "DUP"], false),
            [foreign, other_key, "held: 2 groups have this name"]
        );
        assert_eq!(meant(&groups, &["Ops", "Sales K2", "Dup"], true), ["g2", "g1", "g3"], "an exact name wins");
        assert_eq!(meant(&groups, &["X #g2"], false), [foreign]);
        let twice = "held: another row means the same group";
        assert_eq!(meant(&groups, &["A #g1", "B K1"], false), [twice, twice]);
    }

    #[test]
    fn an_owned_group_that_was_deleted_is_created_again_and_an_unknown_id_is_an_error() {
        let groups = [("gone", "", Some("K1")), ("g2", "Ops", Some("-"))];
        assert_eq!(meant(&groups, &["Sales K1", "X #gone", "Y #other"], false), ["again", "again", "unknown other"]);
        assert_eq!(meant(&groups, &["Ops K1"], false), ["g2"], "a group of the name is there");
    }

    fn renames(names: &[&str], wanted: &[(usize, &str)]) -> (Vec<(usize, String)>, Vec<usize>) {
        let ids: Vec<String> = (0..names.len()).map(|index| format!("g{index}")).collect();
        let groups: Vec<_> = ids.iter().zip(names).map(|(id, name)| (id.as_str(), *name, Some("-"))).collect();
        let wanted = wanted.iter().map(|(group, name)| (*group, (*name).to_owned())).collect();
        let Renames { steps, held, .. } = inventory(&groups).renames(&wanted);
        let mut held: Vec<usize> = held.into_keys().collect();
        held.sort_unstable();
        for (index, step) in steps.iter().enumerate() {
            assert!(step.waits_for.is_none_or(|other| other < index), "{steps:?}");
        }
        (steps.into_iter().map(|step| (step.group, step.name)).collect(), held)
    }

    #[test]
    fn a_group_is_renamed_when_its_new_name_is_free() {
        let steps =
            |list: &[(usize, &str)]| list.iter().map(|(group, name)| (*group, (*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(renames(&["A", "B"], &[(0, "B"), (1, "C")]), (steps(&[(1, "C"), (0, "B")]), vec![]), "a chain");
        assert_eq!(renames(&["A", "B"], &[(0, "a")]), (steps(&[(0, "a")]), vec![]), "its own name, otherwise written");
        assert_eq!(renames(&["A", "B", "C"], &[(0, "B"), (1, "C")]), (vec![], vec![0, 1]), "nobody gives C up");
        let (swapped, held) = renames(&["A", "B"], &[(0, "B"), (1, "A")]);
        assert_eq!((&swapped[1..], held), (&steps(&[(0, "B"), (1, "A")])[..], vec![]));
        assert!(swapped[0].0 == 1 && swapped[0].1.contains("g1"), "by way of a temporary name: {swapped:?}");
        assert_eq!(
            renames(&["A", "B", "C"], &[(0, "B"), (1, "C"), (2, "A")]),
            (vec![], vec![0, 1, 2]),
            "a cycle of three"
        );
    }
}
