//! Compares the outcomes of an import with the groups on the server.

use std::collections::{HashMap, HashSet};

use super::rows::{Kind, Sheet};
use super::{Finished, Server};

/// The groups that existed when the last run began: their rows are `exists`.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) names: HashSet<String>,
    /// Requests of an ended run may have arrived after it, so that its rows may be `created` or `exists`.
    pub(crate) is_uncertain: bool,
}

/// Checks that each good row has one group with its guests, and each row the right status and id.
pub(crate) fn check(sheet: &Sheet, finished: &Finished, before: &Before, server: &Server) -> Result<(), String> {
    let mut groups: HashMap<String, Vec<(String, Vec<String>)>> = HashMap::new();
    server.with(|simulation| {
        for group in simulation.groups() {
            groups.entry(group.name.clone()).or_default().push((group.id.clone(), group.guests.clone()));
        }
    });
    let wanted: HashSet<&str> = sheet.good().collect();
    for (name, all) in &groups {
        if !wanted.contains(name.as_str()) || all.len() != 1 {
            return Err(format!("{} groups are named {name:?}", all.len()));
        }
    }
    if let Some(name) = wanted.iter().find(|name| !groups.contains_key(**name)) {
        return Err(format!("no group is named {name:?}"));
    }
    if finished.rows.len() != sheet.rows.len() {
        return Err(format!("{} rows have a result", finished.rows.len()));
    }
    for (((name, kind), row), guests) in sheet.rows.iter().zip(&finished.rows).zip(sheet.guests()) {
        let expected = match kind {
            Kind::Bad => "invalid",
            Kind::Duplicate => "duplicate",
            Kind::Good if before.is_uncertain && row.status == "exists" => "exists",
            Kind::Good if !before.is_uncertain && before.names.contains(name) => "exists",
            Kind::Good => "created",
        };
        if row.status != expected {
            return Err(format!("{name:?} is not {expected}: {row:?}"));
        }
        let group = groups.get(name).map(|all| &all[0]);
        if row.status == "created" && group.is_none_or(|(_, invited)| *invited != guests) {
            return Err(format!("{name:?} does not have the guests {guests:?}: {group:?}"));
        }
        if *kind == Kind::Good && row.group_id.as_ref() != group.map(|(id, _)| id) {
            return Err(format!("{name:?} has another id than {group:?}: {row:?}"));
        }
        if *kind == Kind::Duplicate && !groups.values().any(|all| row.group_id.as_ref() == Some(&all[0].0)) {
            return Err(format!("{name:?} has the id of no group: {row:?}"));
        }
    }
    Ok(())
}
