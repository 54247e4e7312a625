//! Which run read and wrote which file.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, params};

use super::JournalError;
use super::store::{Journal, RunId};

/// What makes two paths of input files the same file: the absolute path with all links resolved, and that with only the links
/// of its folder resolved. A link that points to a new file for each run, as in a volume of Kubernetes, keeps the second.
pub(super) fn canonical_and_place(path: &Path) -> (String, String) {
    let place = if path == Path::new("-") { path.to_owned() } else { absolute(path) };
    let canonical = path.canonicalize().unwrap_or_else(|_| place.clone());
    (text(&canonical), text(&place))
}

/// The absolute path of a file, which need not exist; links of its folder are resolved.
pub fn absolute(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

impl Journal {
    /// Records where a run is about to write results or rejects; `digest` is that of rejects, once it is known.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_written(&self, run: RunId, path: &Path, digest: Option<&[u8]>) -> Result<(), JournalError> {
        let sql = "INSERT INTO written (path, run, digest) VALUES (?1, ?2, ?3)
                   ON CONFLICT (path, run) DO UPDATE SET digest = coalesce(?3, digest)";
        self.run(|db| db.execute(sql, params![text(&absolute(path)), run.0, digest]).map(drop))
    }

    /// Whether a run wrote rejects of this digest at that path, or was about to.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn has_written(&self, path: &Path, digest: &[u8]) -> Result<bool, JournalError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM written WHERE path = ?1 AND digest = ?2)";
        self.run(|db| db.query_row(sql, params![text(&absolute(path)), digest], |row| row.get(0)))
    }

    /// The files of a run, or of the last sync: their absolute paths with all links resolved, and with only those of their folders
    /// resolved.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn paths(&self, run: Option<RunId>) -> Result<Vec<[String; 2]>, JournalError> {
        let sql = "SELECT canonical, place FROM files
                   WHERE run = coalesce(?1, (SELECT max(id) FROM whole_syncs)) ORDER BY number";
        let run = run.map(|run| run.0);
        self.run(|db| db.prepare(sql)?.query_map([run], |row| Ok([row.get(0)?, row.get(1)?]))?.collect())
    }

    /// The first file of the last earlier run that wrote results or rejects to that path, if `run` reads another file.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn other_owner(&self, run: RunId, path: &Path) -> Result<Option<String>, JournalError> {
        let sql = "
            SELECT theirs.canonical FROM files AS theirs JOIN files AS ours ON ours.run = ?1 AND ours.number = 0
            WHERE theirs.run = (SELECT max(run) FROM written WHERE path = ?2 AND run < ?1) AND theirs.number = 0
              AND theirs.canonical <> ours.canonical AND theirs.place <> ours.place";
        self.run(|db| db.query_row(sql, params![run.0, text(&absolute(path))], |row| row.get(0)).optional())
    }
}
