//! Whom the rows of a run invite.

use super::JournalError;
use super::store::{Journal, RunId};

impl Journal {
    /// How many different addresses of guests the rows of a run have that are still to be settled; case makes no
    /// difference.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_guests(&self, run: RunId) -> Result<u64, JournalError> {
        self.run(|db| {
            db.query_row(
                "SELECT count(DISTINCT lower(guest.value))
                 FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
                 JOIN json_each(body, '$.guests') AS guest
                 WHERE runs.id = ?1 AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)",
                [run.0],
                |row| row.get(0),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{created, folder, group, owner, run};
    use super::*;
    use crate::model::{Group, RowId};

    #[test]
    fn guests_of_open_rows_count_once_however_they_are_written() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (run, first) = run(&mut journal, &["A", "B", "C", "D", "a"], true);
        let guests = [&["x@a.example", "Y@a.example"][..], &["X@A.example", "hélène@b.example"], &["z@a.example"]];
        for (index, guests) in (0..).zip(guests) {
            let guests = guests.iter().map(|guest| (*guest).to_owned()).collect();
            let group = Group { guests, ..group("G") };
            journal.restage(RowId(first.0 + index), &group).unwrap();
        }
        assert_eq!(journal.open_guests(run).unwrap(), 4);
        journal.settle(&[(RowId(first.0 + 2), created("g"))]).unwrap();
        assert_eq!(journal.open_guests(run).unwrap(), 3);
    }
}
