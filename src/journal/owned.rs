//! The groups that a journal owns, as its operations left them: those that its runs created or took over, without those that were
//! deleted. What was undone does not count.

use std::collections::HashMap;

use super::JournalError;
use super::operations::task;
use super::state::{GroupOperation, Operation, State};
use super::store::{Journal, parse};
use crate::model::{GroupRef, Outcome, OwnedGroup};

impl Journal {
    /// The groups that this journal owns, by their ids; `counts_doubt` if people count as listed whom an operation may have added.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn owned_groups(&self, counts_doubt: bool) -> Result<HashMap<String, OwnedGroup>, JournalError> {
        let sql = "SELECT id, body, done, undoing, is_temporary FROM of_owned WHERE ?1 OR NOT is_in_doubt ORDER BY id";
        self.run(|db| {
            let (mut query, mut owned, mut keys, mut renamed) =
                (db.prepare(sql)?, HashMap::<String, OwnedGroup>::new(), HashMap::new(), HashMap::new());
            let mut rows = query.query([counts_doubt])?;
            while let Some(row) = rows.next()? {
                let done = task(row, false)?;
                let (key, undoing) = (done.group.key.clone(), parse::<Option<Operation>>(row, 3)?);
                // The operations of a sync have levels from 1 on.
                let is_of_sync = done.operation.level > 0;
                let id = done.operation.group().map(|group| group.id.clone());
                // The row of a temporary name comes behind that of the name which replaced it.
                let is_undone = undoing.as_ref().is_some_and(|undoing| matches!(undoing.state, State::Ended(_)));
                if row.get(4)? && !is_undone && renamed.get(&id) == Some(&done.group.name) {
                    continue;
                }
                let before = done.operation.before.as_ref().map(|before| before.name.clone());
                renamed.extend(before.filter(|before| *before != done.group.name).map(|before| (id, before)));
                // A key is of one group: the last that got it from a sync.
                let Some((key, id)) = key.zip(add(&mut owned, done, undoing)) else { continue };
                let other = keys.get(&key).filter(|other| **other != id && owned.contains_key(*other)).cloned();
                match other {
                    Some(_) if !is_of_sync => _ = owned.entry(id).and_modify(OwnedGroup::lose_key),
                    other => {
                        other.map(|other| owned.entry(other).and_modify(OwnedGroup::lose_key));
                        keys.insert(key, id);
                    }
                }
            }
            Ok(owned)
        })
    }
}

/// Adds what an operation did, unless it was undone; gives the group that is as its row says.
fn add(owned: &mut HashMap<String, OwnedGroup>, done: GroupOperation, undoing: Option<Operation>) -> Option<String> {
    let GroupOperation { operation, group: row } = done;
    let GroupRef { id, .. } = operation.group().cloned()?;
    match (operation.state, undoing.map(|undoing| undoing.state)) {
        (State::Ended(Outcome::Created { .. }), Some(State::Ended(Outcome::Deleted { .. } | Outcome::Gone)))
        | (_, Some(State::Ended(Outcome::Unchanged { .. }))) => {}
        (State::Planned | State::Sending | State::Ended(Outcome::Unknown(_)), _) => {
            owned.entry(id).and_modify(|known| known.note_listed(row));
        }
        (State::Ended(Outcome::Updated { .. }), Some(State::Ended(Outcome::Updated { group, .. }))) => {
            if let Some((known, before)) = owned.get_mut(&id).zip(operation.before) {
                known.restore(group, *before);
            }
        }
        (State::Ended(Outcome::Created { group, .. }), _) => {
            owned.insert(id.clone(), OwnedGroup::new(operation.row, group, row));
            return Some(id);
        }
        (State::Ended(Outcome::Updated { group, .. } | Outcome::Unchanged { group }), _) => {
            let left = operation.edit.zip(operation.before).map(|(edit, before)| edit.apply(&before));
            let new = || OwnedGroup::new(operation.row, group.clone(), row.clone());
            owned.entry(id.clone()).or_insert_with(new).note(group, row, left);
            return Some(id);
        }
        // It was created again, under another id.
        (_, Some(State::Ended(Outcome::Created { group, .. }))) => {
            if let Some(mut again) = owned.remove(&id) {
                again.group_ref = group;
                owned.insert(again.group_ref.id.clone(), again);
            }
        }
        _ => _ = owned.remove(&id),
    }
    None
}
