//! What the output files of a command may overwrite: never an input, one another, the outputs of another import, or rejects
//! that were edited.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::journal::{Journal, RunId, absolute};
use crate::model::shown_path;
use crate::report::{OutputError, Rejects, is_regular};

use super::Failure;
use super::staging::digest;

/// A file, and the flag that names it.
pub(super) type Flagged = (&'static str, PathBuf);

pub(super) fn make_folder(path: Option<&Path>) -> Result<(), Failure> {
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
