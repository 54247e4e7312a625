//! What must be true when all is over, by the server's own book.

use std::collections::{HashMap, HashSet};

use tallyfy_groups::model::{Outcome, Status};

use super::rows::{Kind, Sheet};
use super::world::Shared;

/// What was there when the last run began that did not go on with another: the rows of these groups say `exists`.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) names: HashSet<String>,
    /// What an ended run gave up on may still have been under way, so that either may be said of its rows.
    pub(crate) is_blurred: bool,
}

/// One group a row, with all guests of a row that was created; one final status a row, ids as the book has them.
pub(crate) fn judge(sheet: &Sheet, accounts: &[Outcome], history: &History, world: &Shared) -> Result<(), String> {
    let mut book: HashMap<String, Vec<String>> = HashMap::new();
    let mut invited: HashMap<String, Vec<String>> = HashMap::new();
    world.with(|world| {
        for group in world.simulation.groups() {
            book.entry(group.name.clone()).or_default().push(group.id.clone());
            invited.insert(group.name.clone(), group.guests.clone());
        }
    });
    let wanted: HashSet<&str> = sheet.good().collect();
    for (name, ids) in &book {
        if !wanted.contains(name.as_str()) || ids.len() != 1 {
            return Err(format!("{} groups are named {name:?}", ids.len()));
        }
    }
    if let Some(name) = wanted.iter().find(|name| !book.contains_key(**name)) {
        return Err(format!("no group is named {name:?}"));
    }
    if accounts.len() != sheet.rows.len() {
        return Err(format!("{} rows are accounted for", accounts.len()));
    }
    for (((name, kind), account), guests) in sheet.rows.iter().zip(accounts).zip(sheet.guests()) {
        let expected = match kind {
            Kind::Bad => Status::Invalid,
            Kind::Twin => Status::Duplicate,
            Kind::Good if history.is_blurred && account.status == Status::Exists => Status::Exists,
            Kind::Good if !history.is_blurred && history.names.contains(name) => Status::Exists,
            Kind::Good => Status::Created,
        };
        if account.status != expected {
            return Err(format!("{name:?} is {:?}, not {expected:?}: {account:?}", account.status));
        }
        if account.status == Status::Created && invited[name] != guests {
            return Err(format!("{name:?} has the guests {:?}, not {guests:?}", invited[name]));
        }
        let id = book.get(name).map(|ids| ids[0].as_str());
        if *kind == Kind::Good && account.group_id.as_deref() != id {
            return Err(format!("{name:?} has the id {:?}, the book says {id:?}", account.group_id));
        }
        if *kind == Kind::Twin && !book.values().any(|ids| account.group_id.as_ref() == Some(&ids[0])) {
            return Err(format!("{name:?} has the id {:?}, which no group has", account.group_id));
        }
    }
    Ok(())
}
