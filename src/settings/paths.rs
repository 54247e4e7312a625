//! Where the files of a run go, and where those of a run to be taken back are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{ImportArgs, UndoArgs};
use crate::model::Format;
use crate::read;

/// Where the files of a run go: as typed, or named after the first file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPaths {
    /// The results.
    pub results: PathBuf,
    /// The rejects.
    pub rejects: PathBuf,
    /// The journal.
    pub journal: PathBuf,
}

impl OutputPaths {
    /// Resolves them; `format` is the first file's, if it is known already.
    #[must_use]
    pub fn resolve(args: &ImportArgs, format: Format) -> Self {
        let file = args.input.files.first().map_or(Path::new(read::STDIN), PathBuf::as_path);
        let extension = read::unpacked_name(file)
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or(format.extension());
        let beside = |ending: &str| named_after(file, &args.out_dir, ending);
        Self {
            results: args.results.clone().unwrap_or_else(|| beside(".results.csv")),
            rejects: args.rejects.clone().unwrap_or_else(|| beside(&format!(".rejects.{extension}"))),
            journal: args.journal.clone().unwrap_or_else(|| beside(".journal")),
        }
    }
}

/// Where the journal of a run to be taken back is, and where the results go: as typed, or named after the file that was
/// imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoPaths {
    /// The journal.
    pub journal: PathBuf,
    /// The results.
    pub results: PathBuf,
    /// The file that was imported, where it was named.
    pub imported: Option<PathBuf>,
}

impl UndoPaths {
    /// Resolves them. A file whose name ends in `.journal` is the journal.
    #[must_use]
    pub fn resolve(args: &UndoArgs) -> Self {
        let is_journal = |path: &Path| path.extension().is_some_and(|extension| extension == "journal");
        let (journal, imported) = match (args.journal.clone(), args.file.clone()) {
            (None, Some(file)) if is_journal(&file) => (Some(file), None),
            typed => typed,
        };
        let named = imported.as_ref().or(journal.as_ref()).map_or(Path::new(read::STDIN), PathBuf::as_path);
        let beside = |ending: &str| named_after(named, &args.out_dir, ending);
        let results = args.results.clone().unwrap_or_else(|| beside(".undo.csv"));
        let journal = journal.clone().unwrap_or_else(|| beside(".journal"));
        Self { journal, results, imported }
    }
}

/// STEM and the ending, in the folder.
fn named_after(file: &Path, folder: &Path, ending: &str) -> PathBuf {
    let stem = if file == Path::new(read::STDIN) { None } else { read::unpacked_name(file).file_stem() };
    let mut name = stem.map_or_else(|| OsString::from("stdin"), OsString::from);
    name.push(ending);
    if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) }
}
