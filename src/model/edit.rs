//! What an update changes in a group; everything else stays as it is.

use std::collections::HashSet;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::group::Group;

/// How a list of people changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ListChange<T> {
    /// Who is added.
    pub add: Vec<T>,
    /// Who is removed.
    pub remove: Vec<T>,
    /// Who is not in the file, and stays: somebody else added them.
    pub kept: Vec<T>,
}

/// What an update changes in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edit {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The members.
    pub members: ListChange<u64>,
    /// The guests.
    pub guests: ListChange<String>,
}

impl<T: Clone + Display> ListChange<T> {
    fn is_none(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// The list after the change, in its order; people are the same whose keys are equal.
    fn apply(&self, has: &[T]) -> Vec<T> {
        [lacking(has, &self.remove), lacking(&self.add, has)].concat()
    }

    /// Everybody who is added or removed, as they are `shown`: `+1004`, `-guest a@b.example`.
    pub fn signed(&self, shown: impl Fn(&T) -> String) -> impl Iterator<Item = String> {
        let all = self.add.iter().map(|person| ('+', person)).chain(self.remove.iter().map(|person| ('-', person)));
        all.map(move |(sign, person)| format!("{sign}{}", shown(person)))
    }

    /// What takes the change of this list back: others may have made a part of it before.
    fn reversed(&self, before: &[T]) -> Self {
        Self { add: parted(&self.remove, before).0, remove: lacking(&self.add, before), kept: Vec::new() }
    }
}

/// These people: those whom the others have, and those whom they lack.
pub fn parted<T: Clone + Display>(people: &[T], others: &[T]) -> (Vec<T>, Vec<T>) {
    let others: HashSet<_> = others.iter().map(person_key).collect();
    people.iter().cloned().partition(|person| others.contains(&person_key(person)))
}

/// Those of these people whom the others lack.
pub fn lacking<T: Clone + Display>(people: &[T], others: &[T]) -> Vec<T> {
    parted(people, others).1
}

/// Equal for one person: the address of a guest counts without case.
pub fn person_key(person: &impl Display) -> String {
    person.to_string().trim().to_lowercase()
}

impl Edit {
    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        self.name.is_none() && self.description.is_none() && self.members.is_none() && self.guests.is_none()
    }

    /// The whole group after the change.
    pub fn apply(&self, group: &Group) -> Group {
        Group {
            name: self.name.as_ref().unwrap_or(&group.name).clone(),
            description: self.description.clone().or_else(|| group.description.clone()),
            members: self.members.apply(&group.members),
            guests: self.guests.apply(&group.guests),
            ..Group::default()
        }
    }

    /// What takes the change of a group back. A description that was blank before stays: the API cannot clear one.
    pub fn reversed(&self, before: &Group) -> Self {
        Self {
            name: self.name.as_ref().map(|_| before.name.clone()),
            description: self.description.as_ref().and(before.description.clone()),
            members: self.members.reversed(&before.members),
            guests: self.guests.reversed(&before.guests),
        }
    }

    /// The change, for the results: `name; description; +1004 -1003; +guest a@b.example`.
    pub fn words(&self) -> String {
        let members = self.members.signed(u64::to_string).collect::<Vec<_>>().join(" ");
        let guests = self.guests.signed(|guest| format!("guest {guest}")).collect::<Vec<_>>().join(" ");
        let name = self.name.as_ref().map(|_| "name".to_owned());
        let description = self.description.as_ref().map(|_| "description".to_owned());
        let parts = [name, description, Some(members), Some(guests)].into_iter().flatten();
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_applied_to_what_is_there_now_and_taken_back() {
        let group = |name: &str, members: &[u64], guests: &[&str]| Group {
            name: name.to_owned(),
            description: Some("d".to_owned()),
            members: members.to_vec(),
            guests: guests.iter().map(|guest| (*guest).to_owned()).collect(),
            ..Group::default()
        };
        let edit = Edit {
            name: Some("B".to_owned()),
            description: None,
            members: ListChange { add: vec![4, 2], remove: vec![3], kept: vec![] },
            guests: ListChange {
                add: vec!["new@x.org".to_owned()],
                remove: vec!["OLD@x.org".to_owned()],
                kept: vec![],
            },
        };
        let (before, after) = (group("A", &[1, 3], &["old@x.org"]), group("B", &[1, 4, 2], &["new@x.org"]));
        assert_eq!(edit.apply(&before), after);
        assert_eq!(edit.apply(&after), after, "a second time it changes nothing");
        let back = edit.reversed(&before).apply(&after);
        assert_eq!((back.name.as_str(), back.members, back.guests.len()), ("A", vec![1, 3], 1));
        assert_eq!(edit.words(), "name; +4 +2 -3; +guest new@x.org -guest OLD@x.org");
    }
}
