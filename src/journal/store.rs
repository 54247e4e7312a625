//! The database: opening it, its runs, and whose it is, and how durable.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OpenFlags, OptionalExtension, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use strum::AsRefStr;

use super::lock::Lock;
use super::{JournalError, ServerClock, beside, private};

/// Marks the file as ours (`TGrp`), for `file` and for us.
const APPLICATION_ID: i64 = 0x5447_7270;
/// The version of the schema.
const VERSION: i64 = 12;
/// Why another file is refused.
const FOREIGN: &str = "the file is not a journal of tallyfy-groups; name another with --journal";
/// Its tables, index and views.
pub(super) const SCHEMA: &str = include_str!("schema.sql");
/// The rows whose guests are all known, while the journal is open.
const KNOWN_GUESTS: &str = "PRAGMA temp_store = MEMORY; CREATE TEMP TABLE known_guests (row INTEGER PRIMARY KEY);";

/// What kind of server the groups are in. A journal of a rehearsal must not serve a real import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "lowercase")]
pub enum Realm {
    /// Inside this process.
    Simulated,
    /// Some server on this machine.
    Loopback,
    /// A server elsewhere.
    Remote,
}

/// Whose groups a journal keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The organization's id.
    pub organization: String,
    /// Where it is.
    pub realm: Realm,
}

/// A run's key in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(pub i64);

/// An open journal; nobody else has it.
#[derive(Debug)]
pub struct Journal {
    pub(super) path: PathBuf,
    pub(super) db: Connection,
    /// The clock of the server that its operations are sent to.
    pub clock: ServerClock,
    /// None if it is temporary, only read, or refused.
    lock: Option<Lock>,
}

impl Journal {
    /// Opens or creates a journal that belongs to `owner`, and holds it until dropped.
    ///
    /// # Errors
    /// If it is locked, damaged, foreign, of another version or another organization's, or cannot be written.
    pub fn open(path: &Path, owner: &Owner) -> Result<Self, JournalError> {
        private::prepare(path)?;
        // However the path is spelled, the lock has one name.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let lock = Lock::take(path)?;
        let has_log = has_content(&beside(path, "-wal"));
        let db = Connection::open(path).map_err(|reason| Self::failed(path, reason))?;
        let mut journal = Self { path: path.to_owned(), db, clock: ServerClock::default(), lock: None };
        // A journal that is refused stays as it is: SQLite would write its log into the file when it closes it.
        journal.set(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
        let is_new = journal.is_new()?;
        if !is_new {
            journal.check_sound(has_log)?;
            journal.check_owner(owner)?;
        }
        journal.set(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        journal.prepare(is_new)?;
        journal.forget_empty_runs(owner)?;
        journal.lock = Some(lock);
        Ok(journal)
    }

    /// Opens a journal that is there already, and holds it until dropped.
    ///
    /// # Errors
    /// As [`Journal::open`]; and if there is none, in which case none is created.
    pub fn open_existing(path: &Path, owner: &Owner) -> Result<Self, JournalError> {
        if has_content(path) {
            return Self::open(path, owner);
        }
        let why = "there is none; name the file that was imported, or its journal with --journal";
        Err(JournalError::refused(path, why))
    }

    /// Opens a journal, if there is one, to look into it, without holding it.
    ///
    /// # Errors
    /// If it cannot be read, or is something else.
    pub fn peek(path: &Path) -> Result<Option<Self>, JournalError> {
        if !has_content(path) {
            return Ok(None);
        }
        // A run that was killed while it staged rows has left pages to take back, which only a writer does.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let db = Connection::open_with_flags(path, flags).map_err(|reason| Self::failed(path, reason))?;
        let journal = Self { path: path.to_owned(), db, clock: ServerClock::default(), lock: None };
        journal.set(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok((!journal.is_new()?).then_some(journal))
    }

    /// A temporary journal, for a dry run.
    ///
    /// # Errors
    /// If SQLite cannot make its temporary file.
    pub fn scratch() -> Result<Self, JournalError> {
        let path = PathBuf::from("(temporary)");
        let db = Connection::open("").map_err(|reason| Self::failed(&path, reason))?;
        let journal = Self { path, db, clock: ServerClock::default(), lock: None };
        journal.run(|db| db.execute_batch(&format!("{SCHEMA} {KNOWN_GUESTS}")))?;
        Ok(journal)
    }

    /// Whether it may be written, and nobody else can.
    pub(super) fn is_held(&self) -> bool {
        self.lock.is_some()
    }

    pub(super) fn failed(path: &Path, reason: rusqlite::Error) -> JournalError {
        match reason.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => JournalError::refused(path, FOREIGN),
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
                // It may quote the damaged file.
                JournalError::Damaged { path: path.to_owned(), what: crate::model::shortened(&reason.to_string()) }
            }
            _ => JournalError::Database { path: path.to_owned(), reason },
        }
    }

    /// Uses the database; an error carries the journal's path.
    pub(super) fn run<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&self.db).map_err(|reason| Self::failed(&self.path, reason))
    }

    fn set(&self, option: DbConfig, is_on: bool) -> Result<(), JournalError> {
        self.run(|db| db.set_db_config(option, is_on).map(drop))
    }

    /// Whether there is nothing in it yet; else it is a journal of this version.
    fn is_new(&self) -> Result<bool, JournalError> {
        let (tables, application, version): (i64, i64, i64) = self.run(|db| {
            let sql = "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version
                       FROM pragma_application_id, pragma_user_version";
            db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })?;
        if tables > 0 && application != APPLICATION_ID {
            return Err(JournalError::refused(&self.path, FOREIGN));
        }
        if tables > 0 && version != VERSION {
            let why =
                format!("is of version {version}, this program writes version {VERSION}; name another with --journal");
            return Err(JournalError::refused(&self.path, why));
        }
        Ok(tables == 0)
    }

    fn prepare(&self, is_new: bool) -> Result<(), JournalError> {
        // Otherwise SQLite plans a query again whenever other values are bound.
        self.set(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        self.run(|db| {
            if is_new {
                // Rows have some hundred bytes: with larger pages, a million of them is written faster.
                db.pragma_update(None, "page_size", 8192)?;
            }
            durable(db, &self.path)?;
            db.execute_batch(KNOWN_GUESTS)?;
            if is_new {
                db.execute_batch(&format!(
                    "BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; {SCHEMA} COMMIT;"
                ))?;
            }
            Ok(())
        })
    }

    /// What is written from now on survives a power cut. A journal that is kept nowhere needs no such thing.
    pub(super) fn make_durable(&self) -> Result<(), JournalError> {
        if self.is_held() { self.run(|db| durable(db, &self.path)) } else { Ok(()) }
    }

    /// Makes sure that the journal is of this organization.
    ///
    /// # Errors
    /// If it is of another one.
    pub fn check_owner(&self, owner: &Owner) -> Result<(), JournalError> {
        let last = self.run(|db| {
            // A run that learned nothing may have had a mistyped organization.
            let last = "SELECT organization, realm FROM runs
                        WHERE EXISTS (SELECT 1 FROM operations
                                      WHERE row BETWEEN first_row AND last_row AND (attempts > 0 OR state <> 'planned'))
                        ORDER BY id DESC LIMIT 1";
            db.query_row(last, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).optional()
        })?;
        let ours = (owner.organization.clone(), owner.realm.as_ref().to_owned());
        let named = |(organization, realm): &(String, String)| {
            format!("organization {} ({realm})", crate::model::shortened(organization))
        };
        last.filter(|theirs| *theirs != ours).map_or(Ok(()), |theirs| {
            let why = format!(
                "belongs to {}, and this command goes to {}; name another with --journal, or move the file away",
                named(&theirs),
                named(&ours)
            );
            Err(JournalError::refused(&self.path, why))
        })
    }

    /// A run that was cut off while it read its files has sent nothing, and one of another owner has learned nothing.
    fn forget_empty_runs(&self, owner: &Owner) -> Result<(), JournalError> {
        self.together(|batch| {
            let empty = "DELETE FROM runs WHERE state = 'reading' OR organization <> ?1 OR realm <> ?2";
            batch.execute(empty, params![owner.organization, owner.realm.as_ref()])?;
            let last =
                batch.query_row("SELECT coalesce(max(last_row), 0) FROM runs", [], |row| row.get::<_, i64>(0))?;
            batch.execute("DELETE FROM stored_operations WHERE row > ?1", [last])?;
            batch.execute("DELETE FROM rows WHERE id > ?1", [last]).map(drop)
        })
    }

    /// Records that a run begins; it does not count until its files are read.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn begin_run(&self, owner: &Owner) -> Result<RunId, JournalError> {
        self.run(|db| {
            db.execute(
                "INSERT INTO runs (organization, realm, state, started_at, version) VALUES (?1, ?2, 'reading', ?3, ?4)",
                params![owner.organization, owner.realm.as_ref(), now(), env!("CARGO_PKG_VERSION")],
            )?;
            Ok(RunId(db.last_insert_rowid()))
        })
    }

    /// Records that a run is over. If rows of it are still open, the next run continues it.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn end_run(&self, run: RunId, is_settled: bool) -> Result<(), JournalError> {
        let end = if is_settled {
            "UPDATE runs SET state = 'ended', ended_at = CASE WHEN id = ?1 THEN ?2 ELSE ended_at END
             WHERE state IN ('open', 'continued')"
        } else {
            "UPDATE runs SET ended_at = ?2 WHERE id = ?1"
        };
        self.keep_request_log()?;
        self.run(|db| db.execute(end, params![run.0, now()]).map(drop))
    }
}

/// Whether there is such a file with something in it: SQLite takes an empty one for a new database.
fn has_content(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.len() > 0)
}

/// Intents and outcomes survive a power cut. WAL needs shared memory, which network file systems do not have.
fn durable(db: &Connection, path: &Path) -> rusqlite::Result<()> {
    if is_on_network(path) {
        db.pragma_update(None, "journal_mode", "TRUNCATE")?;
        db.pragma_update(None, "synchronous", "EXTRA")
    } else {
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")
    }
}

#[cfg(target_os = "linux")]
fn is_on_network(path: &Path) -> bool {
    /// NFS, SMB, CIFS, SMB2, AFS, Ceph, 9p, FUSE (statfs(2)).
    const REMOTE: [u32; 8] =
        [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x5346_414F, 0x00C3_6400, 0x0102_1997, 0x6573_5546];
    rustix::fs::statfs(path).is_ok_and(|found| {
        REMOTE.iter().any(|kind| u64::try_from(found.f_type).is_ok_and(|t| t & 0xFFFF_FFFF == u64::from(*kind)))
    })
}

#[cfg(not(target_os = "linux"))]
fn is_on_network(_: &Path) -> bool {
    false
}

pub(super) fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Parses the JSON of a column; its null is also that of JSON.
pub(super) fn parse<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str_or_null()?.unwrap_or("null");
    serde_json::from_str(text).map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// The values of columns have text for keys and cannot fail.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
