//! Where the files of a command are: named after the input file and beside it, unless the user says otherwise. What may be
//! overwritten there is decided in `commands/outputs`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::{RunArgs, UndoArgs};
use crate::model::Format;
use crate::read;

/// Extensions of workbooks, whose rejects are CSV.
const WORKBOOKS: [&str; 3] = ["xlsx", "xlsm", "ods"];

/// Where a run writes: as typed, or named after the first file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputPaths {
    /// The results.
    pub(crate) results: PathBuf,
    /// The rejects.
    pub(crate) rejects: PathBuf,
    /// The journal.
    pub(crate) journal: PathBuf,
}

impl OutputPaths {
    /// Resolves them; `rejects` is what was typed, and `format` the first file's, if it is known already.
    pub(crate) fn resolve(args: &RunArgs, rejects: Option<&PathBuf>, format: Format) -> Self {
        let file = args.input.files.first().map_or(Path::new(read::STDIN), PathBuf::as_path);
        let own = read::unpacked_name(file).extension().and_then(OsStr::to_str);
        let is_text = |own: &&str| !WORKBOOKS.iter().any(|workbook| own.eq_ignore_ascii_case(workbook));
        let extension = own.filter(is_text).unwrap_or(format.as_ref());
        let names = OutputNames::of(file, args.output.out_dir.as_deref(), args.connection.sandbox);
        Self {
            results: args.output.results.clone().unwrap_or_else(|| names.output("results.csv")),
            rejects: rejects.cloned().unwrap_or_else(|| names.output(&format!("rejects.{extension}"))),
            journal: args.output.journal.clone().unwrap_or_else(|| names.journal()),
        }
    }
}

/// Where `undo` finds the journal, and where it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UndoPaths {
    /// The journal.
    pub(crate) journal: PathBuf,
    /// The results.
    pub(crate) results: PathBuf,
    /// The file that was imported, if it was named.
    pub(crate) imported: Option<PathBuf>,
}

impl UndoPaths {
    /// Resolves them. A file whose name ends in `.journal` is the journal.
    pub(crate) fn resolve(args: &UndoArgs) -> Self {
        let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "journal");
        let (journal, imported) = match (&args.output.journal, &args.file) {
            (None, Some(file)) if is_journal(file) => (Some(file.clone()), None),
            (journal, file) => (journal.clone(), file.clone()),
        };
        let file = imported.as_ref().or(journal.as_ref()).map_or(Path::new(read::STDIN), PathBuf::as_path);
        let is_simulated = args.connection.sandbox && imported.is_some();
        let names = OutputNames::of(file, args.output.out_dir.as_deref(), is_simulated);
        Self {
            results: args.output.results.clone().unwrap_or_else(|| names.output("undo.csv")),
            journal: journal.unwrap_or_else(|| names.journal()),
            imported,
        }
    }
}

/// The names of outputs: `FOLDER/STEM[.sandbox][.rejects]…`.
struct OutputNames {
    /// The folder, and the input's name without extensions, with `.sandbox` if nothing real is changed.
    base: PathBuf,
    /// One `rejects.` for each time that rejects were rejected again.
    rejects: String,
}

impl OutputNames {
    fn of(file: &Path, out_dir: Option<&Path>, is_simulated: bool) -> Self {
        // Nothing may be put beside a device, such as the /dev/fd/63 of a shell's `<(command)`.
        let is_device = file.starts_with("/dev") || file.starts_with("/proc");
        let own_folder = if is_device { None } else { file.parent() };
        let name = if file == Path::new(read::STDIN) { None } else { read::unpacked_name(file).file_stem() };
        let mut stem = Path::new(name.unwrap_or(OsStr::new("stdin")));
        let mut rejects = String::new();
        while let Some(shorter) = without_extension(stem, "rejects") {
            stem = shorter;
            rejects.push_str("rejects.");
        }
        if let Some(shorter) = without_extension(stem, "sandbox").filter(|_| !rejects.is_empty()) {
            stem = shorter;
        }
        let base = out_dir.or(own_folder).unwrap_or(Path::new("")).join(stem);
        Self { base: if is_simulated { base.with_added_extension("sandbox") } else { base }, rejects }
    }

    /// Rejects belong to the file they come from: its journal is theirs.
    fn journal(&self) -> PathBuf {
        self.base.with_added_extension("journal")
    }

    fn output(&self, extension: &str) -> PathBuf {
        self.base.with_added_extension(format!("{}{extension}", self.rejects))
    }
}

fn without_extension<'a>(name: &'a Path, extension: &str) -> Option<&'a Path> {
    name.file_stem().filter(|_| name.extension() == Some(OsStr::new(extension))).map(Path::new)
}
