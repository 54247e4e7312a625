//! Where the files of a run go.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::ImportArgs;
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
        let stem = if file == Path::new(read::STDIN) { None } else { file.file_stem() };
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or(format.extension());
        let beside = |ending: &str| {
            let mut name = stem.map_or_else(|| OsString::from("stdin"), OsString::from);
            name.push(ending);
            if args.out_dir == Path::new(".") { PathBuf::from(name) } else { args.out_dir.join(name) }
        };
        Self {
            results: args.results.clone().unwrap_or_else(|| beside(".results.csv")),
            rejects: args.rejects.clone().unwrap_or_else(|| beside(&format!(".rejects.{extension}"))),
            journal: args.journal.clone().unwrap_or_else(|| beside(".journal")),
        }
    }
}
