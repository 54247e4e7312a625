//! Checks that an existing journal is undamaged before anything is sent or changed.
//!
//! SQLite keeps no checksums of its pages: a change within a value is noticed where it breaks a rule, or in an operation.

use std::collections::HashSet;
use std::fs;

use rusqlite::Connection;

use super::JournalError;
use super::operations::seal;
use super::store::{Journal, SCHEMA};

/// What is true of every journal. Rows beyond those of the last run belong to one that was cut off while it read.
const LEDGER: [(&str, &str); 3] = [
    (
        "rows and runs do not agree",
        "SELECT (SELECT count(*) FROM rows WHERE id <= (SELECT coalesce(max(last_row), 0) FROM runs))
             <> (SELECT coalesce(sum((SELECT count(*) FROM rows WHERE id BETWEEN first_row AND last_row)), 0) FROM runs)",
    ),
    (
        "a row that something was noted of is missing",
        "SELECT EXISTS (SELECT 1 FROM operations
                        WHERE row NOT IN (SELECT id FROM rows) OR row > (SELECT coalesce(max(last_row), 0) FROM runs))",
    ),
    ("a row is not as it was written", "SELECT EXISTS (SELECT 1 FROM rows WHERE NOT json_valid(body) OR NOT json_valid(wanted))"),
];

impl Journal {
    fn damaged(&self, what: String) -> Result<(), JournalError> {
        Err(JournalError::Damaged { path: self.path.clone(), what })
    }

    /// Makes sure that the journal is as it was written. With a log, the last pages may not be in the file yet.
    pub(super) fn check_sound(&self, has_log: bool) -> Result<(), JournalError> {
        let size = |db: &Connection| {
            db.query_row("SELECT page_size * page_count FROM pragma_page_size, pragma_page_count", [], |row| row.get(0))
        };
        let (size, there): (u64, u64) = (self.run(size)?, fs::metadata(&self.path).map_or(0, |found| found.len()));
        if !has_log && there < size {
            return self.damaged(format!("{there} bytes of {size} are left"));
        }
        self.run(flaw)?.map_or(Ok(()), |what| self.damaged(what))
    }
}

/// What is wrong with a journal.
fn flaw(db: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(found.replace('\n', " ")));
    }
    let scratch = Connection::open_in_memory()?;
    scratch.execute_batch(SCHEMA)?;
    if !schema(&scratch)?.is_subset(&schema(db)?) {
        return Ok(Some("its tables are not as they were made".to_owned()));
    }
    for (what, is_so) in LEDGER {
        if db.query_row(is_so, [], |row| row.get(0))? {
            return Ok(Some(what.to_owned()));
        }
    }
    let mut query = db.prepare("SELECT state, operation, seal FROM stored_operations")?;
    let mut operations = query.query([])?;
    while let Some(row) = operations.next()? {
        // SQLite takes any bytes for text.
        let texts = (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_str());
        if !matches!(texts, (Ok(state), Ok(operation)) if seal(state, operation) == row.get::<_, i64>(2)?) {
            return Ok(Some("an operation is not as it was written".to_owned()));
        }
    }
    Ok(None)
}

fn schema(db: &Connection) -> rusqlite::Result<HashSet<(String, String, Option<String>)>> {
    let mut query = db.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}
