//! The plan of a sync: what its rows, the organization's groups and the journal make of each group. Pure.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::guards::{GuardOptions, PlanTotals};
use super::matching::{Inventory, Meant, Renames};
use super::merge::{MergePolicy, merge};
use crate::model::{
    Action, ActionKind, DesiredRow, Edit, ExistingGroup, Field, Group, GroupRef, NameKey, Plan, RowId, WantedGroup,
    lacking, person_key,
};

/// What a sync may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncPolicy {
    /// How groups are changed.
    pub merge: MergePolicy,
    /// Whether groups are taken over that the journal does not own.
    pub adopts: bool,
    /// Whether groups are deleted that the files do not have any more.
    pub prunes: bool,
}

/// What a plan is made from.
#[derive(Debug)]
pub struct SyncInput<'a> {
    /// The organization.
    pub organization: &'a str,
    /// The rows with a group.
    pub rows: &'a [DesiredRow],
    /// The names of invalid rows; empty if it is not known which group a row means.
    pub invalid: &'a [String],
    /// What the rows say that are left out: their groups are not deleted.
    pub excluded: &'a [WantedGroup],
    /// The groups.
    pub inventory: &'a Inventory,
    /// What may be done.
    pub policy: SyncPolicy,
    /// The limits.
    pub guards: &'a GuardOptions,
    /// How many rows the files have.
    pub count: u64,
    /// How many the last sync had.
    pub count_before: Option<u64>,
    /// The id of the first row without a file.
    pub next: RowId,
}

impl SyncInput<'_> {
    /// Whether it is not known of which group an invalid row is: then nobody is removed from any.
    pub fn has_unclear(&self) -> bool {
        self.invalid.iter().any(String::is_empty)
    }
}

/// Makes the plan.
pub fn plan(input: &SyncInput<'_>) -> Plan {
    let inventory = input.inventory;
    let key = |name: &String| inventory.matching.key(name);
    let protected = input.invalid.iter().map(key).collect();
    let (claimed, unclear, plan) = (HashSet::new(), HashSet::new(), Plan::default());
    let mut planner = Planner { input, protected, claimed, unclear, plan, next: input.next };
    for (row, meant) in input.rows.iter().zip(inventory.meant(input.rows, input.policy.adopts)) {
        planner.decide(row, meant);
    }
    let last = planner.rename();
    planner.claimed.extend(input.excluded.iter().flat_map(|group| inventory.mentioned(group)));
    planner.unclear.extend(input.excluded.iter().map(|group| key(&group.name)));
    planner.prune(last + 1);
    planner.finish()
}

struct Planner<'a> {
    input: &'a SyncInput<'a>,
    /// The names of invalid rows: nobody is removed from their groups.
    protected: HashSet<NameKey>,
    /// The groups that a row means.
    claimed: HashSet<usize>,
    /// The names of rows whose group is not known.
    unclear: HashSet<NameKey>,
    /// The plan so far.
    plan: Plan,
    next: RowId,
}

impl Planner<'_> {
    fn decide(&mut self, row: &DesiredRow, meant: Meant) {
        let inventory = self.input.inventory;
        let mut action = Action::of_row(ActionKind::Create, row);
        match meant {
            Meant::Group(group) => {
                self.claimed.insert(group);
                if row.is_valid {
                    self.merge(row, group);
                }
                return;
            }
            _ if !row.is_valid => return,
            Meant::UnknownId(id) => {
                self.unclear.insert(inventory.matching.key(&row.group.name));
                action.kind = ActionKind::Fail;
                action.reason = Some(super::no_group(&id));
            }
            Meant::Held(why, group) => {
                self.unclear.insert(inventory.matching.key(&row.group.name));
                self.claimed.extend(group);
                let group = group.map(|group| &inventory.groups[group]);
                action.target = group.map(|group| group.group_ref.clone());
                action.before = group.and_then(ExistingGroup::whole);
                action.hold(why);
            }
            Meant::New { is_again } => action.reason = is_again.then(|| "was deleted in Tallyfy".to_owned()),
        }
        self.plan.actions.push(action);
    }

    /// What makes an existing group as its row says.
    fn merge(&mut self, row: &DesiredRow, group: usize) {
        let inventory = self.input.inventory;
        let (has, owned) = (&inventory.groups[group], inventory.owned(group));
        if row.group_id.as_ref() != Some(&has.group_ref.id) {
            self.plan.group_ids.push((row.row, has.group_ref.id.clone()));
        }
        let is_protected = |name: &String| self.protected.contains(&inventory.matching.key(name));
        let names = [Some(&row.group.name), Some(&has.name), owned.map(|owned| &owned.group().name)];
        let may_remove = row.may_remove && !self.input.has_unclear() && !names.into_iter().flatten().any(is_protected);
        let before = has.whole();
        let merged = match &before {
            Some(before) => merge(&row.group, may_remove, owned, before, self.input.policy.merge),
            None => Err("the organization does not show its people".to_owned()),
        };
        let is_noted = || {
            owned.is_some_and(|owned| {
                let has_key = row.group.key.is_none() || row.group.key.as_ref() == owned.key();
                has_key
                    && lacking(&row.group.members, &owned.listed_members()).is_empty()
                    && lacking(&row.group.guests, &owned.listed_guests()).is_empty()
            })
        };
        let kind = match &merged {
            Err(_) => ActionKind::Held,
            Ok(edit) if edit.name.is_some() => ActionKind::Rename,
            Ok(edit) if !edit.is_none() => ActionKind::Update,
            Ok(_) if owned.is_none() => ActionKind::Adopt,
            Ok(_) if !is_noted() => ActionKind::Note,
            Ok(edit) => {
                self.plan.unchanged += 1;
                self.plan.drift += (edit.members.kept.len() + edit.guests.kept.len()) as u64;
                return;
            }
        };
        let mut action = Action { target: Some(has.group_ref.clone()), before, ..Action::of_row(kind, row) };
        match merged {
            Err(why) => action.hold(why),
            Ok(edit) => (action.edit, action.reason) = (edit, owned.is_none().then(|| "is taken over".to_owned())),
        }
        self.plan.actions.push(action);
    }

    /// Puts the actions in order: renames first, each after the one that frees its name. Gives the level of the other changes.
    fn rename(&mut self) -> u32 {
        let inventory = self.input.inventory;
        let index = |action: &Action| inventory.index(action.target.as_ref());
        let renamed = |action: &Action| index(action).filter(|_| action.kind == ActionKind::Rename);
        let wanted = self.plan.actions.iter().filter_map(|action| Some((renamed(action)?, action.edit.name.clone()?)));
        let wanted: HashMap<usize, String> = wanted.collect();
        let Renames { steps, mut held, freed } = inventory.renames(&wanted);
        let by_group: HashMap<usize, usize> =
            self.plan.actions.iter().enumerate().filter_map(|(at, action)| Some((renamed(action)?, at))).collect();
        let mut done: Vec<(RowId, u32)> = Vec::new();
        for step in &steps {
            let action = &mut self.plan.actions[by_group[&step.group]];
            let waits_for = step.waits_for.map(|other| done[other]);
            let level = waits_for.map_or(0, |(_, level)| level) + 1;
            let waits_for = waits_for.map(|(row, _)| row);
            if action.edit.name.as_ref() == Some(&step.name) {
                (action.level, action.waits_for) = (level, waits_for);
                done.push((action.row, level));
            } else {
                // A temporary name.
                let (row, before) = (self.next, action.before.clone());
                let edit = Edit { name: Some(step.name.clone()), ..Edit::default() };
                // It says nothing of people: who is in the group now was perhaps never in a file.
                let unmanaged = vec![Field::Members, Field::Guests];
                let group = Group { name: step.name.clone(), unmanaged, ..Group::default() };
                let target = action.target.clone();
                let step =
                    Action { target, before, edit, level, waits_for, ..Action::of(ActionKind::Rename, row, group) };
                self.plan.actions.push(step);
                self.next = row.after(1);
                done.push((row, level));
            }
        }
        let rest = done.iter().map(|(_, level)| *level).max().unwrap_or_default() + 1;
        for action in &mut self.plan.actions {
            let key = inventory.matching.key(&action.group.name);
            match action.kind {
                ActionKind::Rename => {
                    if let Some(why) = index(action).and_then(|group| held.remove(&group)) {
                        action.hold(why);
                    }
                }
                ActionKind::Create if freed.contains_key(&key) => {
                    (action.level, action.waits_for) = (rest, Some(done[freed[&key]].0));
                }
                ActionKind::Create if !inventory.named(&action.group.name).is_empty() => {
                    action.hold("another group has this name".to_owned());
                }
                _ => action.level = rest,
            }
        }
        rest
    }

    /// The owned groups that no row has are deleted, or stay.
    fn prune(&mut self, level: u32) {
        let SyncInput { inventory, invalid, policy, .. } = self.input;
        // A typo must not cost a group.
        let prunes = policy.prunes && invalid.is_empty() && self.plan.count(ActionKind::Fail) == 0;
        for (index, group) in inventory.groups.iter().enumerate() {
            let Some(owned) = inventory.owned(index) else { continue };
            // Somebody may have given the group another name.
            let is_unclear = |name: &String| self.unclear.contains(&inventory.matching.key(name));
            if self.claimed.contains(&index) || is_unclear(&group.name) || is_unclear(&owned.group().name) {
                continue;
            }
            let Some(whole) = group.whole().filter(|_| prunes) else {
                self.plan.absent += 1;
                continue;
            };
            let mut action = Action::of(ActionKind::Delete, self.next, whole.clone());
            (action.target, action.before, action.level) = (Some(group.group_ref.clone()), Some(whole), level);
            self.plan.actions.push(action);
            self.next = self.next.after(1);
        }
    }

    fn finish(self) -> Plan {
        let SyncInput { organization, inventory, guards, count, count_before, .. } = *self.input;
        let mut plan = self.plan;
        plan.actions.sort_by_cached_key(|action| (action.kind, action.name().to_owned(), action.row));
        let changed = plan.actions.iter().filter(|action| action.kind != ActionKind::Held);
        let adopted: HashSet<usize> = changed.filter_map(|action| inventory.index(action.target.as_ref())).collect();
        let mut memberships = 0;
        for (index, group) in inventory.groups.iter().enumerate() {
            if inventory.owned(index).is_some() || adopted.contains(&index) {
                plan.owned += 1;
                memberships += group.whole().as_ref().map_or(0, people);
            }
        }
        let sum = |count: fn(&Action) -> u64| plan.actions.iter().filter(|action| !action.is_step()).map(count).sum();
        let totals = PlanTotals {
            owned: plan.owned,
            memberships,
            deleted: plan.count(ActionKind::Delete),
            updated: plan.count(ActionKind::Rename) + plan.count(ActionKind::Update),
            created: plan.count(ActionKind::Create),
            added: sum(|action| (action.edit.members.add.len() + action.edit.guests.add.len()) as u64),
            removed: sum(|action| match action.kind {
                ActionKind::Delete => people(&action.group),
                _ => (action.edit.members.remove.len() + action.edit.guests.remove.len()) as u64,
            }),
            rows: count,
            rows_before: count_before,
        };
        plan.others = inventory.groups.len() as u64 - plan.owned;
        (plan.id, plan.guards) = (plan_id(organization, &plan.actions), guards.guards(&totals));
        plan
    }
}

fn people(group: &Group) -> u64 {
    (group.members.len() + group.guests.len()) as u64
}

/// A digest of all changes of a plan, whatever their order.
fn plan_id(organization: &str, actions: &[Action]) -> String {
    let is_change = |action: &&Action| action.kind.is_change();
    let mut lines: Vec<String> = actions.iter().filter(is_change).map(line).collect();
    lines.sort_unstable();
    let digest = Sha256::digest(format!("{organization}\n{}", lines.join("\n")));
    format!("{:016x}", digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
}

/// All that an action changes, in one line.
fn line(action: &Action) -> String {
    let Action { kind, target, group, edit, .. } = action;
    let sorted = |people: Vec<String>| {
        let mut people = people;
        people.sort_unstable();
        people
    };
    let list = |change: &mut dyn Iterator<Item = String>| sorted(change.collect());
    let whole = matches!(kind, ActionKind::Create | ActionKind::Delete).then(|| {
        let members = sorted(group.members.iter().map(u64::to_string).collect());
        (&group.name, group.description.as_ref(), members, sorted(group.guests.iter().map(person_key).collect()))
    });
    let subject = target.as_ref().map_or(&group.name, |target: &GroupRef| &target.id);
    let people = (list(&mut edit.members.signed(u64::to_string)), list(&mut edit.guests.signed(String::clone)));
    format!("{:?}", (kind.as_ref(), subject, &edit.name, &edit.description, people, whole))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{desired, existing, options, owned};
    use super::*;
    use crate::model::{MatchNames, MembersMode, OwnedGroup};

    fn group(name: &str, key: &str, members: &[u64]) -> Group {
        let key = Some(key.to_owned()).filter(|key| !key.is_empty());
        Group { name: name.to_owned(), key, members: members.to_vec(), ..Group::default() }
    }

    fn there(id: &str, name: &str, members: &[u64]) -> ExistingGroup {
        ExistingGroup { description: None, members: Some(members.to_vec()), guests: Some(vec![]), ..existing(id, name) }
    }

    fn known(id: &str, name: &str, key: &str, members: &[u64]) -> (String, OwnedGroup) {
        (id.to_owned(), owned(id, group(name, key, members)))
    }

    fn planned(rows: &[Group], groups: &[ExistingGroup], known: &[(String, OwnedGroup)], policy: SyncPolicy) -> Plan {
        let rows: Vec<DesiredRow> =
            (1..).zip(rows).map(|(row, group)| DesiredRow { row: RowId(row), ..desired(group.clone()) }).collect();
        let mut inventory = Inventory::new(known.iter().cloned().collect(), MatchNames::Folded);
        groups.iter().cloned().for_each(|group| inventory.add(group));
        let guards = options(&[]);
        plan(&SyncInput {
            organization: "org",
            rows: &rows,
            invalid: &[],
            excluded: &[],
            inventory: &inventory,
            policy,
            guards: &guards,
            count: rows.len() as u64,
            count_before: None,
            next: RowId(100),
        })
    }

    fn shown(plan: &Plan) -> Vec<String> {
        let reason = |action: &Action| action.reason.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let one = |action: &Action| {
            let edit = action.edit.words();
            format!("{} {} {edit} {}{}", action.kind.as_ref(), action.name(), action.level, reason(action))
        };
        plan.actions.iter().map(one).collect()
    }

    const PRUNES: SyncPolicy = SyncPolicy {
        merge: MergePolicy { members: MembersMode::Managed, allows_empty: false },
        adopts: false,
        prunes: true,
    };

    #[test]
    fn each_group_gets_what_its_row_says_and_nothing_else_is_touched() {
        let rows = [
            group("Sales EMEA", "K1", &[1]),
            group("Ops", "", &[1, 4]),
            group("New", "", &[9]),
            group("Legal", "", &[]),
        ];
        let groups = [
            there("g1", "Sales", &[1]),
            there("g2", "Ops", &[1, 2, 3]),
            there("g3", "Legal", &[5]),
            there("g4", "Old", &[7]),
            there("g5", "Theirs", &[]),
        ];
        let journal = [known("g1", "Sales", "K1", &[1]), known("g2", "Ops", "", &[1, 2]), known("g4", "Old", "", &[7])];
        let plan = planned(&rows, &groups, &journal, PRUNES);
        assert_eq!(
            shown(&plan),
            [
                "held Legal  2 (exists and is not managed by this file (--adopt takes it over))",
                "delete Old  3",
                "rename Sales name 1",
                "update Ops +4 -2 2",
                "create New  2",
            ]
        );
        assert_eq!((plan.owned, plan.others, plan.absent, plan.unchanged, plan.changes()), (3, 2, 0, 0, 4));
        assert_eq!(plan.actions[3].edit.members.kept, [3]);
        let kept = planned(&rows, &groups, &journal, SyncPolicy { prunes: false, ..PRUNES });
        assert_eq!((kept.absent, kept.count(ActionKind::Delete)), (1, 0));
    }

    #[test]
    fn an_unchanged_organization_has_an_empty_plan_and_the_id_says_what_changes_and_nothing_else() {
        let rows = [group("A", "", &[1]), group("B", "", &[2])];
        let groups = [there("a", "A", &[1]), there("b", "B", &[2, 3])];
        let journal = [known("a", "A", "", &[1]), known("b", "B", "", &[2])];
        let plan = planned(&rows, &groups, &journal, PRUNES);
        assert_eq!((plan.actions.len(), plan.unchanged), (0, 2));
        let add = |rows: &[Group]| planned(rows, &groups, &journal, PRUNES).id;
        let one = add(&[group("A", "", &[1, 7]), group("B", "", &[2])]);
        assert_eq!(one, add(&[group("B", "", &[2]), group("A", "", &[7, 1])]), "the order does not matter");
        let others = [plan.id, add(&[group("A", "", &[1, 8]), group("B", "", &[2])]), add(&[group("A", "", &[1, 7])])];
        assert!(others.iter().all(|other| *other != one && other.len() == 16));
    }

    #[test]
    fn a_name_is_taken_when_it_is_free_and_a_swap_goes_by_way_of_a_temporary_one() {
        let groups = [there("a", "A", &[]), there("b", "B", &[])];
        let journal = [known("a", "A", "1", &[]), known("b", "B", "2", &[])];
        let chain =
            planned(&[group("B", "1", &[]), group("C", "2", &[]), group("A", "3", &[])], &groups, &journal, PRUNES);
        assert_eq!(shown(&chain), ["rename A name 2", "rename B name 1", "create A  3"]);
        let rows = |plan: &Plan| {
            plan.actions.iter().map(|action| (action.row.0, action.waits_for.map(|row| row.0))).collect::<Vec<_>>()
        };
        assert_eq!(rows(&chain), [(1, Some(2)), (2, None), (3, Some(1))]);
        let swap = planned(&[group("B", "1", &[]), group("A", "2", &[])], &groups, &journal, PRUNES);
        assert_eq!((swap.count(ActionKind::Rename), swap.actions.len()), (2, 3));
        let mut levels: Vec<_> = swap.actions.iter().map(|action| action.level).collect();
        levels.sort_unstable();
        assert_eq!(levels, [1, 2, 3]);
    }

    #[test]
    fn nobody_is_removed_and_nothing_deleted_where_a_row_is_invalid() {
        let groups = [there("a", "A", &[1, 2]), there("b", "B", &[])];
        let journal = [known("a", "A", "", &[1, 2]), known("b", "B", "", &[])];
        let row = |is_valid, may_remove| DesiredRow { is_valid, may_remove, ..desired(group("A", "", &[1])) };
        let mut inventory = Inventory::new(journal.iter().cloned().collect(), MatchNames::Folded);
        groups.iter().cloned().for_each(|group| inventory.add(group));
        let guards = options(&[]);
        for (row, invalid, expected) in [
            (row(true, true), vec![], &["delete B  2", "update A -2 1"][..]),
            (row(true, false), vec![], &["delete B  2"]),
            (row(true, true), vec!["A".to_owned()], &[]),
            (row(false, true), vec!["A".to_owned()], &[]),
        ] {
            let plan = plan(&SyncInput {
                organization: "org",
                rows: &[row],
                invalid: &invalid,
                excluded: &[],
                inventory: &inventory,
                policy: PRUNES,
                guards: &guards,
                count: 1,
                count_before: None,
                next: RowId(100),
            });
            assert_eq!(shown(&plan), expected);
        }
    }
}
