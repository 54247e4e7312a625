//! Where a run's files go, made sure of before anything is sent.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::ImportArgs;
use crate::model::{Format, InputFile};
use crate::report::{OutputError, probe, reject_paths};
use crate::settings::OutputPaths;

use super::Failure;

/// A file, and the flag that names it.
type Flagged = (&'static str, PathBuf);

/// Makes the out-dir, and sees that nothing known already is in the way of anything else. Gives the journal's path.
pub(super) fn prepare(args: &ImportArgs, log: Option<&Path>) -> Result<PathBuf, Failure> {
    fs::create_dir_all(&args.out_dir)
        .map_err(|reason| Failure::Unwritable(OutputError { path: args.out_dir.clone(), reason }))?;
    let paths = OutputPaths::resolve(args, Format::Csv);
    let mut outputs = vec![("--results", paths.results), ("--journal", paths.journal.clone())];
    outputs.extend(args.rejects.clone().map(|path| ("--rejects", path)));
    outputs.extend(log.map(|path| ("--log-file", path.to_owned())));
    keep_apart(&args.input.files, &outputs)?;
    Ok(paths.journal)
}

/// All paths; results and rejects can be written there.
pub(super) fn resolve(args: &ImportArgs, log: Option<&Path>, files: &[InputFile]) -> Result<OutputPaths, Failure> {
    let first = files.first().map_or(Format::Csv, |file| file.layout.format);
    let paths = OutputPaths::resolve(args, first);
    let rejects = reject_paths(&paths.rejects, files).into_iter().map(|(_, path)| ("--rejects", path));
    let mut outputs: Vec<Flagged> = vec![("--results", paths.results.clone())];
    outputs.extend(rejects);
    for (_, path) in &outputs {
        probe(path).map_err(Failure::Unwritable)?;
    }
    outputs.push(("--journal", paths.journal.clone()));
    outputs.extend(log.map(|path| ("--log-file", path.to_owned())));
    keep_apart(&args.input.files, &outputs)?;
    Ok(paths)
}

/// No output is an input, and no two outputs are one file.
pub(super) fn keep_apart(inputs: &[PathBuf], outputs: &[Flagged]) -> Result<(), Failure> {
    for (index, (flag, path)) in outputs.iter().enumerate() {
        if inputs.iter().any(|input| is_same(input, path)) {
            return Err(Failure::Overwrite { path: path.clone(), flag });
        }
        if let Some((other, _)) = outputs[..index].iter().find(|(_, earlier)| is_same(earlier, path)) {
            return Err(Failure::SameFile { one: other, other: flag });
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || absolute(one).is_some_and(|one| Some(one) == absolute(other))
}

/// The one path of a file, also of one that is not there yet.
fn absolute(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().or_else(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(folder.canonicalize().ok()?.join(path.file_name()?))
    })
}
