//! Bad disks: the program under way behind a shim that has its own calls fail, and its journal read by other means.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::desk::Desk;

/// No space left on device.
pub(crate) const ENOSPC: i32 = 28;
/// Input/output error.
pub(crate) const EIO: i32 = 5;
/// Permission denied.
pub(crate) const EACCES: i32 = 13;

/// What goes wrong; the words are those of `shim.c`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    /// Of the file's path.
    pub(crate) part: &'static str,
    pub(crate) errno: i32,
    /// The first call that fails, from 1.
    pub(crate) from: u64,
    /// How many calls fail; 0 is all from there on.
    pub(crate) times: u64,
}

impl Fault {
    /// For good, from this call on.
    pub(crate) const fn from(what: &'static str, part: &'static str, errno: i32, from: u64) -> Self {
        Self { what, part, errno, from, times: 0 }
    }
}

impl Desk {
    /// A place where this goes wrong; with `when`, only while that file of the place is there.
    pub(crate) fn under(self, fault: Fault, when: Option<&str>) -> Self {
        let Fault { what, part, errno, from, times } = fault;
        let log = self.beside("failures");
        let desk = self
            .behind_shim()
            .set("FAULT", &format!("{what} {part} {errno} {from} {times}"))
            .set("FAULT_LOG", log.to_str().unwrap());
        match when {
            Some(file) => desk.set("FAULT_WHEN", file),
            None => desk,
        }
    }

    /// A place whose disk takes so long over every sync.
    pub(crate) fn with_slow_sync(self, sync_ms: u64) -> Self {
        self.behind_shim().set("SLOW_SYNC_MS", &sync_ms.to_string())
    }

    /// How many calls failed so far.
    pub(crate) fn failures(&self) -> u64 {
        fs::metadata(self.beside("failures")).map_or(0, |found| found.len())
    }

    /// The disk is mended.
    pub(crate) fn healed(self) -> Self {
        self.unset("LD_PRELOAD").unset("FAULT")
    }

    fn behind_shim(self) -> Self {
        self.set("LD_PRELOAD", shim().to_str().unwrap())
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder().with_file_name(name)
    }
}

/// The shim, built. The C compiler is there: SQLite was built with it.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/shim.c");
        let shim = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(env!("CARGO_CRATE_NAME"), "-shim.so"));
        // Other processes may be using it.
        let new = shim.with_extension(std::process::id().to_string());
        let built = Command::new("cc").args(["-shared", "-fPIC", source, "-o"]).arg(&new).status().unwrap();
        assert!(built.success());
        fs::rename(new, &shim).unwrap();
        shim
    })
}

/// What a journal says of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// How many sends are noted.
    pub(crate) intents: u32,
    /// The group, where its creation is noted.
    pub(crate) group_id: Option<String>,
}

/// What a journal says, name by name; nothing if it never came to be. A copy is read: opening it would tidy it up.
pub(crate) fn noted(desk: &Desk, journal: &str) -> BTreeMap<String, Noted> {
    let copies = tempfile::tempdir().unwrap();
    for name in [journal.to_owned(), format!("{journal}-wal"), format!("{journal}-journal")] {
        if desk.path(&name).exists() {
            fs::copy(desk.path(&name), copies.path().join(&name)).unwrap();
        }
    }
    let db = rusqlite::Connection::open(copies.path().join(journal)).unwrap();
    let tables: u32 =
        db.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'operations'", [], |row| row.get(0)).unwrap();
    if tables == 0 {
        return BTreeMap::new();
    }
    let mut query = db
        .prepare(
            "SELECT rows.name, coalesce((SELECT attempts FROM operations WHERE operations.row = rows.id AND NOT undo), 0),
                    (SELECT group_id FROM operations WHERE operations.row = rows.id AND NOT undo AND state = 'created')
             FROM rows WHERE body IS NOT NULL",
        )
        .unwrap();
    let noted = query.query_map([], |row| Ok((row.get(0)?, Noted { intents: row.get(1)?, group_id: row.get(2)? })));
    noted.unwrap().map(Result::unwrap).collect()
}
