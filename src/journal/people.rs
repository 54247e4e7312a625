//! The people of staged rows: as the files name them, and as they were found.

use rusqlite::{Connection, Row, params};

use super::JournalError;
use super::outcomes::parse;
use super::store::{Journal, RunId};
use crate::model::{Group, Place, Problem, RowId, Severity, WantedGroup};

/// How many rows are read at a time.
const BATCH: usize = 1000;

/// A row whose people are to be found.
struct PeopleRow {
    id: RowId,
    place: Place,
    wanted: String,
    /// Whether an earlier attempt changed it.
    is_changed: bool,
}

impl Journal {
    /// Whether an open row of a run has members.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn names_members(&self, run: RunId) -> Result<bool, JournalError> {
        // In a JSON text quotes are escaped.
        let sql = "SELECT EXISTS (SELECT 1 FROM open_rows
                                  WHERE run = ?1 AND instr(coalesce(wanted, body), '\"members\":[') > 0)";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// Gives every open row of a run to `find`, as its file defines it, and keeps the group and the problems that come back.
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
                let wanted = self.run(|_| parse(0, &row.wanted))?;
                let (group, problems) = find(row.place, &wanted)?;
                let body = serde_json::to_string(&group).unwrap_or_default();
                if row.is_changed || !problems.is_empty() || body != row.wanted {
                    found.push((row.id, row.wanted, body, group.guests.len(), problems));
                }
            }
            self.together(|batch| {
                let sql = "UPDATE rows SET wanted = ?2, body = ?3, guests = ?4, code = ?5, error = ?6, people = ?7
                           WHERE id = ?1";
                let mut update = batch.prepare_cached(sql)?;
                found.iter().try_for_each(|(id, wanted, body, guests, problems)| {
                    let of = |severity| problems.iter().filter(move |problem| problem.severity == severity);
                    let joined = |severity| of(severity).next().map(|_| Problem::join(of(severity)));
                    let code = of(Severity::Error).next().map(|problem| problem.code.as_str());
                    let (error, warnings) = (joined(Severity::Error), joined(Severity::Warning));
                    update.execute(params![id.0, wanted, body, guests, code, error, warnings]).map(drop)
                })
            })?;
            last = end;
        }
    }
}

fn people_rows(db: &Connection, run: RunId, last: RowId) -> rusqlite::Result<Vec<PeopleRow>> {
    let sql = "SELECT id, file, row, line, coalesce(wanted, body), wanted IS NOT NULL FROM open_rows
               WHERE run = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let row = |row: &Row<'_>| {
        Ok(PeopleRow {
            id: RowId(row.get(0)?),
            place: Place { file: row.get(1)?, row: row.get(2)?, line: row.get(3)? },
            wanted: row.get(4)?,
            is_changed: row.get(5)?,
        })
    };
    db.prepare_cached(sql)?.query_map(params![run.0, last.0, BATCH], row)?.collect()
}
