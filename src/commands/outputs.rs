//! Where a run's files go, made sure of before anything is sent.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cli::{ImportArgs, UndoArgs};
use crate::journal::Journal;
use crate::model::{Format, InputFile, shown_path};
use crate::report::{OutputError, Rejects, folder, probe, reject_paths};
use crate::settings::{OutputPaths, UndoPaths};

use super::Failure;

/// A file, and the flag that names it.
type Flagged = (&'static str, PathBuf);

/// Makes the out-dir, and sees that nothing known already is in the way of anything else. Gives the journal's path.
pub(super) fn prepare(args: &ImportArgs, log: Option<&Path>) -> Result<PathBuf, Failure> {
    make_folder(&args.out_dir)?;
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

/// The results of taking a run back can be written, and nothing is in the way of anything else.
pub(super) fn prepare_undo(args: &UndoArgs, paths: &UndoPaths, log: Option<&Path>) -> Result<(), Failure> {
    let mut outputs = vec![("--results", paths.results.clone()), ("--journal", paths.journal.clone())];
    outputs.extend(log.map(|path| ("--log-file", path.to_owned())));
    keep_apart(paths.imported.as_slice(), &outputs)?;
    make_folder(&args.out_dir)?;
    probe(&paths.results).map_err(Failure::Unwritable)
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|reason| Failure::Unwritable(OutputError { path: path.to_owned(), reason }))
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
    path.canonicalize().ok().or_else(|| Some(folder(path).canonicalize().ok()?.join(path.file_name()?)))
}

/// Puts the rejects in their places. Those that somebody has mended move aside first: what is not as a run over this journal
/// wrote it. So that a run that is cut off here is not taken for somebody, the journal knows them before their places do.
pub(super) fn put_rejects(journal: &Journal, rejects: Rejects) -> Result<Vec<PathBuf>, Failure> {
    rejects.paths().try_for_each(|path| keep_mended(journal, path))?;
    let rejects = rejects.seal()?;
    for file in rejects.files() {
        let Some(meanwhile) = file.meanwhile() else { continue };
        let digest = digest(meanwhile).map_err(|reason| OutputError { path: file.path().to_owned(), reason })?;
        journal.note_written(&file.path().to_string_lossy(), &digest)?;
    }
    Ok(rejects.place()?)
}

fn keep_mended(journal: &Journal, path: &Path) -> Result<(), Failure> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(());
    }
    let failed = |reason| Failure::Output(OutputError { path: path.to_owned(), reason });
    let digest = digest(path).map_err(failed)?;
    if !journal.has_written(&path.to_string_lossy(), &digest)? {
        let kept = free_name(path);
        fs::rename(path, &kept).map_err(failed)?;
        tracing::warn!("{} was changed since it was written: kept as {}", shown_path(path), shown_path(&kept));
    }
    Ok(())
}

fn digest(path: &Path) -> io::Result<Vec<u8>> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut Hashing(&mut hasher))?;
    Ok(hasher.finalize().to_vec())
}

/// A writer that only digests.
struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `PATH.1`, or the next number that is free.
fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    (1..u32::MAX).map(numbered).find(|name| !name.exists()).unwrap_or_else(|| numbered(u32::MAX))
}
