//! The people of staged rows: as the files name them, as they were found, and merged into one group for all rows of a name.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row, params};

use super::JournalError;
use super::results::place;
use super::store::{Journal, RunId, json, parse};
use crate::model::{Group, Place, Problem, RowId, WantedGroup};

/// How many groups are read at a time.
const BATCH: usize = 1000;

/// A row whose people are to be found.
struct PeopleRow {
    id: RowId,
    place: Place,
    wanted: String,
    group: WantedGroup,
    /// Whether an earlier attempt changed it.
    is_changed: bool,
    /// Whether other rows are merged into its group.
    has_merged: bool,
    /// Whether it has an outcome: then its body stays as it was sent.
    is_sent: bool,
}

/// What was found for a row: the columns that change.
struct FoundRow {
    id: RowId,
    problems: Vec<Problem>,
    /// The row that has the status of the group of several.
    lead: Option<RowId>,
    /// What the row defines, the body of the request, and how many guests that has.
    group: Option<(String, String, usize)>,
}

/// The group of several rows.
#[derive(Default)]
struct MergedGroup {
    group: Option<Group>,
    /// The first valid row.
    lead: Option<RowId>,
    members: HashSet<u64>,
    /// In lower case.
    guests: HashSet<String>,
}

impl MergedGroup {
    /// Adds the group of a row that has no errors.
    fn add(&mut self, row: RowId, group: Group) {
        self.lead.get_or_insert(row);
        let Group { name, description, members, guests, tallyfy_id, key, unmanaged, is_partial, is_of_person } = group;
        let lists = unmanaged.clone();
        let merged =
            self.group.get_or_insert_with(|| Group { name, unmanaged: lists, is_of_person, ..Group::default() });
        merged.unmanaged.retain(|list| unmanaged.contains(list));
        merged.is_partial |= is_partial;
        merged.tallyfy_id = merged.tallyfy_id.take().or(tallyfy_id);
        merged.key = merged.key.take().or(key);
        merged.description = merged.description.take().or(description);
        merged.members.extend(members.into_iter().filter(|id| self.members.insert(*id)));
        merged.guests.extend(guests.into_iter().filter(|guest| self.guests.insert(guest.to_lowercase())));
    }
}

impl Journal {
    /// Whether a row of a run that is to be sent, or is merged into one, has members; and whether rows are merged.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn people_to_find(&self, run: RunId) -> Result<(bool, bool), JournalError> {
        // In a JSON text quotes are escaped.
        let sql = "WITH merged_rows AS (SELECT wanted FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
                                        WHERE runs.id = ?1 AND merged)
                   SELECT EXISTS (SELECT 1 FROM open_rows
                                  WHERE run = ?1 AND instr(coalesce(wanted, body), '\"members\":[') > 0)
                       OR EXISTS (SELECT 1 FROM merged_rows WHERE instr(wanted, '\"members\":[') > 0),
                       EXISTS (SELECT 1 FROM merged_rows)";
        self.run(|db| db.query_row(sql, [run.0], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    /// Whether rows of a run have one person each.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn has_persons(&self, run: RunId) -> Result<bool, JournalError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
                                  WHERE runs.id = ?1 AND instr(body, '\"is_of_person\":true') > 0)";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// The open rows of a run that are of existing groups, by the ids of those: the file names them, or the server gave a group of
    /// the row's name another name when it was created.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn rows_of_ids(&self, run: RunId) -> Result<HashMap<String, RowId>, JournalError> {
        let sql = "SELECT json_extract(body, '$.tallyfy_id') AS id, rows.id FROM open_rows AS rows
                   WHERE run = ?1 AND instr(body, '\"tallyfy_id\":') > 0 AND id IS NOT NULL
                   UNION ALL
                   SELECT group_id, open_rows.id FROM operations JOIN rows AS sent ON sent.id = operations.row
                   CROSS JOIN open_rows ON open_rows.identity = sent.identity
                   WHERE run = ?1 AND NOT undo AND state = 'created' AND note IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = sent.id)";
        self.run(|db| db.prepare(sql)?.query_map([run.0], |row| Ok((row.get(0)?, RowId(row.get(1)?))))?.collect())
    }

    /// Gives every row of a run whose people are not settled to `find`, as its file defines it, and keeps the group and the
    /// problems that come back. Rows that are merged into the group of another one add what was found for them to it.
    ///
    /// # Errors
    /// If the journal cannot be used; and the errors of `find`.
    pub fn find_people<E: From<JournalError>>(
        &mut self,
        run: RunId,
        mut find: impl FnMut(Place, &WantedGroup) -> Result<(Group, Vec<Problem>), E>,
    ) -> Result<(), E> {
        let mut last = RowId(0);
        loop {
            let rows = self.run(|db| people_rows(db, run, last))?;
            let Some(end) = rows.last().map(|row| row.id) else { return Ok(()) };
            let mut found = Vec::new();
            for row in rows {
                self.find_row(row, &mut find, &mut found)?;
            }
            self.together(|batch| found.iter().try_for_each(|row| update(batch, row)))?;
            last = end;
        }
    }

    /// Finds the people of one group.
    fn find_row<E: From<JournalError>>(
        &self,
        row: PeopleRow,
        find: &mut impl FnMut(Place, &WantedGroup) -> Result<(Group, Vec<Problem>), E>,
        found: &mut Vec<FoundRow>,
    ) -> Result<(), E> {
        let is_valid = |problems: &[Problem]| problems.iter().all(|problem| !problem.is_error());
        let mut find = |row: &PeopleRow| find(row.place, &row.group);
        let (group, problems) = find(&row)?;
        if !row.has_merged {
            let body = json(&group);
            if row.is_changed || !problems.is_empty() || body != row.wanted {
                let group = Some((row.wanted, body, group.guests.len()));
                found.push(FoundRow { id: row.id, problems, lead: None, group });
            }
            return Ok(());
        }
        // Where no row is valid, nothing is sent.
        let (mut merged, own) = (MergedGroup::default(), group.clone());
        if is_valid(&problems) {
            merged.add(row.id, group);
        }
        for part in self.run(|db| merged_rows(db, row.id))? {
            let (group, problems) = find(&part)?;
            if is_valid(&problems) {
                merged.add(part.id, group);
            }
            if part.is_changed || !problems.is_empty() {
                found.push(FoundRow { id: part.id, problems, lead: None, group: None });
            }
        }
        let group = merged.group.unwrap_or(own);
        let group = (!row.is_sent).then(|| (row.wanted, json(&group), group.guests.len()));
        found.push(FoundRow { id: row.id, problems, lead: merged.lead, group });
        Ok(())
    }
}

/// Keeps what was found for a row.
fn update(db: &Connection, row: &FoundRow) -> rusqlite::Result<()> {
    let FoundRow { id, problems, lead, group } = row;
    let (code, error) = Problem::of(problems, Problem::is_error).unzip();
    let warnings = Problem::of(problems, Problem::is_warning).map(|(_, warnings)| warnings);
    // A row that is merged into a group keeps what it defines.
    let (wanted, body) = group.as_ref().map(|(wanted, body, _)| (wanted, body)).unzip();
    let (lead, guests) = (lead.map(|lead| lead.0), group.as_ref().map(|(.., guests)| guests));
    let sql = "UPDATE rows SET code = ?2, error = ?3, people = ?4, lead = ?5, wanted = coalesce(?6, wanted),
                               body = coalesce(?7, body), guests = coalesce(?8, guests)
               WHERE id = ?1";
    let values = params![id.0, code.map(<&str>::from), error, warnings, lead, wanted, body, guests];
    db.prepare_cached(sql)?.execute(values).map(drop)
}

/// The next rows that are to be sent, and those that were sent and whose merged rows are not settled. The range begins behind
/// the last row: beside one of the whole run, a further condition would be checked for each earlier row again.
fn people_rows(db: &Connection, run: RunId, last: RowId) -> rusqlite::Result<Vec<PeopleRow>> {
    let sql = "SELECT rows.id, file, rows.row, line, coalesce(wanted, body), wanted IS NOT NULL OR lead IS NOT NULL,
                      EXISTS (SELECT 1 FROM rows AS part WHERE part.merged AND part.twin = rows.id) AS has_merged,
                      ended.row IS NOT NULL AS is_sent
               FROM runs JOIN rows ON rows.id BETWEEN max(first_row, ?2 + 1) AND last_row
               LEFT JOIN ended ON ended.row = rows.id AND NOT undo
               WHERE runs.id = ?1 AND body IS NOT NULL AND (NOT is_sent OR has_merged)
               ORDER BY rows.id LIMIT ?3";
    db.prepare_cached(sql)?.query_map(params![run.0, last.0, BATCH], people_row)?.collect()
}

/// The rows that are merged into the group of this one.
fn merged_rows(db: &Connection, row: RowId) -> rusqlite::Result<Vec<PeopleRow>> {
    let sql = "SELECT id, file, row, line, wanted, code IS NOT NULL OR people IS NOT NULL, FALSE, FALSE FROM rows
               WHERE merged AND twin = ?1 ORDER BY id";
    db.prepare_cached(sql)?.query_map([row.0], people_row)?.collect()
}

fn people_row(row: &Row<'_>) -> rusqlite::Result<PeopleRow> {
    Ok(PeopleRow {
        id: RowId(row.get(0)?),
        place: place(row, 1)?,
        wanted: row.get(4)?,
        group: parse(row, 4)?,
        is_changed: row.get(5)?,
        has_merged: row.get(6)?,
        is_sent: row.get(7)?,
    })
}
