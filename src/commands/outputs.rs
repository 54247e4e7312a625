//! Where a run's files go, made sure of before anything is sent.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::ImportArgs;
use crate::model::Format;
use crate::report::{OutputError, probe};
use crate::settings::OutputPaths;

use super::Failure;

/// The journal's path, in a folder that is there, and no input's.
pub(super) fn journal(args: &ImportArgs) -> Result<PathBuf, Failure> {
    fs::create_dir_all(&args.out_dir)
        .map_err(|reason| Failure::Unwritable(OutputError { path: args.out_dir.clone(), reason }))?;
    // The format matters for the rejects only.
    let paths = OutputPaths::resolve(args, Format::Csv);
    refuse_inputs(args, [("--journal", paths.journal.as_path())])?;
    Ok(paths.journal)
}

/// All paths; results and rejects can be written there.
pub(super) fn resolve(args: &ImportArgs, format: Format) -> Result<OutputPaths, Failure> {
    let paths = OutputPaths::resolve(args, format);
    let flagged = paths.flagged();
    refuse_inputs(args, flagged)?;
    for (index, (one, path)) in flagged.iter().enumerate() {
        if let Some((other, _)) = flagged[..index].iter().find(|(_, earlier)| same(earlier, path)) {
            return Err(Failure::SameFile { one: other, other: one });
        }
    }
    for path in [&paths.results, &paths.rejects] {
        probe(path).map_err(Failure::Unwritable)?;
    }
    Ok(paths)
}

fn refuse_inputs<'a>(
    args: &ImportArgs,
    outputs: impl IntoIterator<Item = (&'static str, &'a Path)>,
) -> Result<(), Failure> {
    for (flag, path) in outputs {
        if args.input.files.iter().any(|file| same(file, path)) {
            return Err(Failure::Overwrite { path: path.to_owned(), flag });
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
