//! Which group each row of a sync means: by id, by key, by name; and in which order groups can be renamed. Pure.

use std::collections::{HashMap, HashSet};

use super::OwnedGroup;
use crate::model::{ExistingGroup, MatchNames, NameKey, shortened};

/// What a row says about which group it means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowIdentity {
    /// The name.
    pub name: String,
    /// The id of the group.
    pub tallyfy_id: Option<String>,
    /// Its id in the source system.
    pub key: Option<String>,
}

/// Which group a row means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// The existing group at this index.
    Group(usize),
    /// None: it is created. `is_again` if the group that it had was deleted.
    New {
        /// Whether the journal owned a group of the row that the organization does not have any more.
        is_again: bool,
    },
    /// It is not known, or must not be touched: why.
    Held(String),
    /// The organization has no group of this id, and the journal never owned one.
    UnknownId(String),
}

/// The renames of a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renames {
    /// The groups and their new names, in the order in which they are free; a group of two that swap their names comes twice.
    pub steps: Vec<(usize, String)>,
    /// The groups that keep their names, and why.
    pub held: HashMap<usize, String>,
}

/// The existing groups that matter, and what the journal knows of those that it owns, by their ids.
#[derive(Debug)]
pub struct Inventory {
    /// The groups.
    pub groups: Vec<ExistingGroup>,
    owned: HashMap<String, OwnedGroup>,
    by_id: HashMap<String, usize>,
    by_name: HashMap<NameKey, Vec<usize>>,
    by_key: HashMap<String, String>,
    matching: MatchNames,
}

impl Inventory {
    /// The groups by their names and ids.
    #[must_use]
    pub fn new(groups: Vec<ExistingGroup>, owned: HashMap<String, OwnedGroup>, matching: MatchNames) -> Self {
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (index, group) in groups.iter().enumerate() {
            // A list that changes while it is read may show a group twice.
            if by_id.insert(group.group_ref.id.clone(), index).is_none() {
                by_name.entry(matching.key(&group.name)).or_default().push(index);
            }
        }
        let key = |(id, group): (&String, &OwnedGroup)| Some((group.key.clone()?, id.clone()));
        let by_key = owned.iter().filter_map(key).collect();
        Self { groups, owned, by_id, by_name, by_key, matching }
    }

    /// What the journal knows of a group, if it owns it.
    #[must_use]
    pub fn owned(&self, group: usize) -> Option<&OwnedGroup> {
        self.owned.get(&self.groups[group].group_ref.id)
    }

    /// Which group each of these rows means. With `adopts`, groups that the journal does not own are taken over. Ids and keys go
    /// before names: the name of a group that is renamed is free.
    #[must_use]
    pub fn meant(&self, rows: &[RowIdentity], adopts: bool) -> Vec<Meant> {
        let mut claimed = HashSet::new();
        let by_id: Vec<_> = rows.iter().map(|row| self.by_id_or_key(row)).collect();
        claimed.extend(
            by_id.iter().filter_map(|meant| if let Some(Meant::Group(group)) = meant { Some(*group) } else { None }),
        );
        let mut taken = HashSet::new();
        let decided = rows.iter().zip(by_id).map(|(row, meant)| {
            let meant = match meant {
                Some(Meant::New { is_again }) => self.by_name(row, &claimed, is_again, adopts),
                None => self.by_name(row, &claimed, false, adopts),
                Some(meant) => meant,
            };
            match meant {
                Meant::Group(group) if !taken.insert(group) => {
                    Meant::Held("another row means the same group".to_owned())
                }
                Meant::Group(group) if self.owned(group).is_none() && !adopts => {
                    Meant::Held("exists and is not managed by this file (--adopt takes it over)".to_owned())
                }
                meant => meant,
            }
        });
        decided.collect()
    }

    /// By the id or the key; `None` if the row has neither, or its key is new.
    fn by_id_or_key(&self, row: &RowIdentity) -> Option<Meant> {
        if let Some(id) = &row.tallyfy_id {
            return Some(match self.by_id.get(id) {
                Some(group) => Meant::Group(*group),
                None if self.owned.contains_key(id) => Meant::New { is_again: true },
                None => Meant::UnknownId(id.clone()),
            });
        }
        let id = self.by_key.get(row.key.as_ref()?)?;
        Some(self.by_id.get(id).map_or(Meant::New { is_again: true }, |group| Meant::Group(*group)))
    }

    /// By the name, among the groups that no id or key means.
    fn by_name(&self, row: &RowIdentity, claimed: &HashSet<usize>, is_again: bool, adopts: bool) -> Meant {
        let mut named = self.named(&row.name);
        named.retain(|group| !claimed.contains(group));
        if named.iter().any(|group| self.groups[*group].name == row.name) {
            named.retain(|group| self.groups[*group].name == row.name);
        }
        match named.as_slice() {
            [] => Meant::New { is_again },
            [group] => {
                let known = self.owned(*group).and_then(|owned| owned.key.as_ref());
                match known.filter(|known| !adopts && row.key.as_ref().is_some_and(|own| own != *known)) {
                    Some(known) => {
                        Meant::Held(format!("the group of this name has another key ({})", shortened(known)))
                    }
                    None => Meant::Group(*group),
                }
            }
            several => Meant::Held(format!("{} groups have this name", several.len())),
        }
    }

    /// The groups that have a name now.
    fn named(&self, name: &str) -> Vec<usize> {
        self.by_name.get(&self.matching.key(name)).cloned().unwrap_or_default()
    }

    /// In which order these groups can be given their new names, and which of them cannot be. Two groups that swap their names do so
    /// by way of a temporary one.
    #[must_use]
    pub fn renames(&self, wanted: &HashMap<usize, String>) -> Renames {
        let (mut renames, mut left) = (Renames::default(), wanted.keys().copied().collect::<Vec<_>>());
        left.sort_unstable();
        let (mut moved, mut last) = (HashSet::new(), Vec::new());
        while !left.is_empty() {
            let before = left.len();
            left.retain(|group| {
                let holders = self.holders(*group, &wanted[group], &moved);
                match holders.as_slice() {
                    [] => {
                        renames.steps.push((*group, wanted[group].clone()));
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
                continue;
            }
            // Each waits for another one.
            let Some(group) = left.pop() else { break };
            let holders = self.holders(group, &wanted[&group], &moved);
            let is_swap = |other: &usize| self.holders(*other, &wanted[other], &moved) == [group];
            if holders.len() == 1 && holders.iter().all(is_swap) {
                let temporary =
                    format!("{} (being renamed {})", shortened(&wanted[&group]), self.groups[group].group_ref.id);
                renames.steps.push((group, temporary));
                moved.insert(group);
                last.push((group, wanted[&group].clone()));
            } else {
                let why = "more than two groups exchange their names; rename one of them in Tallyfy first";
                renames.held.insert(group, why.to_owned());
            }
        }
        renames.steps.append(&mut last);
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
    use super::*;
    use crate::model::GroupRef;

    /// Groups with these ids and names; those with a key are owned, `-` stands for none.
    fn inventory(groups: &[(&str, &str, Option<&str>)]) -> Inventory {
        let group = |(id, name, _): &(&str, &str, Option<&str>)| ExistingGroup {
            group_ref: GroupRef { id: (*id).to_owned(), stamp: None, differences: None },
            name: (*name).to_owned(),
            description: None,
            members: Some(Vec::new()),
            guests: Some(Vec::new()),
            created_at: None,
            is_deleted: false,
        };
        let owned = |(id, _, key): &(&str, &str, Option<&str>)| {
            let key = Some((*key)?).filter(|key| *key != "-").map(str::to_owned);
            Some(((*id).to_owned(), OwnedGroup { key, ..OwnedGroup::default() }))
        };
        let there: Vec<_> = groups.iter().filter(|(_, name, _)| !name.is_empty()).map(group).collect();
        Inventory::new(there, groups.iter().filter_map(owned).collect(), MatchNames::Folded)
    }

    /// `name`, `name key`, or `name #id`.
    fn row(text: &str) -> RowIdentity {
        let (name, id) = text.rsplit_once(' ').unwrap_or((text, ""));
        let (tallyfy_id, key) = match id.strip_prefix('#') {
            Some(id) => (Some(id.to_owned()), None),
            None => (None, Some(id.to_owned()).filter(|key| !key.is_empty())),
        };
        RowIdentity { name: name.to_owned(), tallyfy_id, key }
    }

    fn meant(groups: &[(&str, &str, Option<&str>)], rows: &[&str], adopts: bool) -> Vec<String> {
        let inventory = inventory(groups);
        let rows: Vec<_> = rows.iter().map(|text| row(text)).collect();
        let shown = |meant| match meant {
            Meant::Group(group) => inventory.groups[group].group_ref.id.clone(),
            Meant::New { is_again } => if is_again { "again" } else { "new" }.to_owned(),
            Meant::Held(why) => format!("held: {why}"),
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
        assert_eq!(meant(&groups, &["A #g1", "B K1"], false), ["g1", twice]);
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
        let Renames { steps, held } = inventory(&groups).renames(&wanted);
        let mut held: Vec<usize> = held.into_keys().collect();
        held.sort_unstable();
        (steps, held)
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
