//! What the output files of a command may overwrite: never an input, one another, the outputs of another import, or rejects
//! that were edited.

use std::fs;
use std::io::ErrorKind;
use std::iter;
use std::path::{Path, PathBuf};

use crate::cli::{RunArgs, UndoArgs};
use crate::journal::{Journal, RunId, absolute};
use crate::model::{Format, shown, shown_path};
use crate::report::{OutputError, Rejects, is_regular, probe, reject_paths};
use crate::settings::{OutputPaths, UndoPaths};

use super::Failure;
use super::staging::{Staged, digest};

/// A file, and the flag that names it.
type Flagged = (&'static str, PathBuf);

/// Makes the folder of `--out-dir`, and checks that the outputs known already do not overwrite anything. Gives the
/// journal's path.
pub(super) fn prepare(args: &RunArgs, rejects: Option<&PathBuf>, log: Option<&Path>) -> Result<PathBuf, Failure> {
    make_folder(args.output.out_dir.as_deref())?;
    let OutputPaths { results, journal, .. } = OutputPaths::resolve(args, None, Format::Csv);
    let rejects = rejects.map(|path| ("--rejects", path.clone()));
    let outputs = [("--results", results), ("--journal", journal.clone())].into_iter().chain(rejects);
    keep_apart(&args.input.files, outputs, log)?;
    Ok(journal)
}

/// Resolves all paths of a run whose files are in the journal; `rejects` is what was typed, if it has some. Results and
/// rejects can be written there, which the journal notes.
pub(super) fn resolve(
    args: &RunArgs,
    has_rejects: bool,
    rejects: Option<&PathBuf>,
    log: Option<&Path>,
    journal: &Journal,
    Staged { run, files, .. }: &Staged,
) -> Result<OutputPaths, Failure> {
    let first = files.first().map_or(Format::Csv, |file| file.dialect.format);
    let paths = OutputPaths::resolve(args, rejects, first);
    let own = if has_rejects { reject_paths(&paths.rejects, files) } else { Vec::new() };
    let own = own.into_iter().map(|(_, path)| ("--rejects", path));
    let written: Vec<Flagged> = iter::once(("--results", paths.results.clone())).chain(own).collect();
    for (flag, path) in &written {
        let is_typed = if *flag == "--results" { args.output.results.is_some() } else { rejects.is_some() };
        // Results and rejects belong to the first file of the last run that wrote them, as the journal says; only runs over that
        // file replace them. Files of one stem in one folder share a journal, so it knows all runs with the same default path.
        if let Some(owner) = journal.other_owner(*run, path)?.filter(|_| !is_typed && path.exists()) {
            return Err(Failure::Usage(format!(
                "{} belongs to the import of {}; nothing was sent: name another folder with --out-dir, or move that file away",
                shown_path(path),
                shown(&owner)
            )));
        }
        probe(path, is_typed).map_err(Failure::Unwritable)?;
    }
    let outputs = written.iter().cloned().chain([("--journal", paths.journal.clone())]);
    keep_apart(&args.input.files, outputs, log)?;
    written.iter().try_for_each(|(_, path)| journal.note_written(*run, path, None))?;
    Ok(paths)
}

/// Checks that the results of `undo` can be written and do not overwrite anything else.
pub(super) fn prepare_undo(args: &UndoArgs, paths: &UndoPaths, log: Option<&Path>) -> Result<(), Failure> {
    let outputs = [("--results", paths.results.clone()), ("--journal", paths.journal.clone())];
    keep_apart(paths.imported.as_slice(), outputs, log)?;
    make_folder(args.output.out_dir.as_deref())?;
    probe(&paths.results, args.output.results.is_some()).map_err(Failure::Unwritable)
}

fn make_folder(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let made = fs::create_dir_all(path).map_err(|reason| match reason.kind() {
        ErrorKind::AlreadyExists => ErrorKind::NotADirectory.into(),
        _ => reason,
    });
    made.map_err(OutputError::at(path)).map_err(Failure::Unwritable)
}

/// No output is an input, and no two outputs are one file; `log` is an output too.
pub(super) fn keep_apart(
    inputs: &[PathBuf],
    outputs: impl IntoIterator<Item = Flagged>,
    log: Option<&Path>,
) -> Result<(), Failure> {
    let log = log.map(|path| ("--log-file", path.to_owned()));
    let outputs: Vec<Flagged> = outputs.into_iter().chain(log).collect();
    for (index, (flag, path)) in outputs.iter().enumerate() {
        if inputs.iter().any(|input| is_same(input, path)) {
            return Err(Failure::Usage(format!(
                "{} is an input of this command and would be overwritten; name another with {flag}",
                shown_path(path)
            )));
        }
        if let Some((other, _)) = outputs[..index].iter().find(|(_, earlier)| is_same(earlier, path)) {
            return Err(Failure::Usage(format!("{other} and {flag} name the same file")));
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| absolute(path));
    one == other || resolved(one) == resolved(other)
}

/// Moves the rejects into place. Those that the user has edited are moved aside first: rejects that no run over this journal
/// wrote. The journal knows the rejects before they are in place, so that those of a run that is cut off here are not taken
/// for edited ones.
pub(super) fn put_rejects(journal: &Journal, run: RunId, rejects: Rejects<'_>) -> Result<Vec<PathBuf>, Failure> {
    rejects.paths().try_for_each(|path| keep_mended(journal, path))?;
    rejects.finish(|path, temporary| {
        let digest = digest(temporary).map_err(OutputError::at(path))?;
        Ok(journal.note_written(run, path, Some(&digest))?)
    })
}

fn keep_mended(journal: &Journal, path: &Path) -> Result<(), Failure> {
    if is_regular(path) && !journal.has_written(path, &digest(path).map_err(OutputError::at(path))?)? {
        let mut names = (1..=u32::MAX).map(|number| path.with_added_extension(number.to_string()));
        let kept = names.find(|name| !name.exists()).unwrap_or_else(|| path.with_added_extension("kept"));
        fs::rename(path, &kept).map_err(OutputError::at(path))?;
        tracing::warn!("{} is not as this journal last wrote it: kept as {}", shown_path(path), shown_path(&kept));
    }
    Ok(())
}
