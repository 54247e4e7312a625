//! `undo`: choose the run → compare what it created with what exists → show and ask → delete → record → report.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, stream};

use crate::cli::{LogArgs, UndoArgs};
use crate::exit::Ending;
use crate::journal::{Creations, Journal, PastRun};
use crate::model::{Creation, Event, Listener, Undone, shortened, shown_path};
use crate::report::{Closing, Progress, Results, StatusLine, Summary};
use crate::send::Remover;
use crate::settings::{Connection, Environment, UndoPaths, progress_mode};

use super::block_on;
use super::organization::Line;
use super::signals::Signals;
use super::staging::owner;
use super::survey::{Survey, Surveyor};
use super::{Failure, close, consent, outputs};

/// How many intents are committed together, per request in flight: few commits, and few groups in doubt after a crash.
const CHUNK: usize = 4;
/// How many runs a message lists.
const RUNS_LISTED: usize = 10;

/// A run being undone.
struct Undo<'a> {
    args: &'a UndoArgs,
    log: &'a LogArgs,
    connection: Connection,
    paths: UndoPaths,
    run: PastRun,
    signals: Signals,
    listener: Listener,
    bars: &'a StatusLine,
    start: Instant,
}

/// Undoes a run.
pub(super) fn run(
    args: &UndoArgs,
    log: &LogArgs,
    environment: &Environment,
    bars: &StatusLine,
) -> Result<Ending, Failure> {
    let start = Instant::now();
    let signals = Signals::listen(bars)?;
    let connection = Connection::resolve(&args.connection, args.sandbox, environment)?;
    let paths = UndoPaths::resolve(args);
    let mut journal = Journal::open_existing(&paths.journal, &owner(&connection))?;
    let runs = journal.past_runs(paths.imported.as_deref())?;
    let (run, all) = choose(&journal, &runs, args.run, paths.imported.as_deref())?;
    let progress = Progress::start(progress_mode(args.progress, log.quiet, environment)?, bars);
    let undo = Undo { args, log, connection, paths, run, signals, listener: progress.listener(), bars, start };
    if undo.is_of_nothing(&all) {
        progress.finish();
        return undo.say_nothing_created(&runs);
    }
    outputs::prepare_undo(args, &undo.paths, log.log_file.as_deref())?;
    let requests = undo.take_back(&mut journal, all);
    progress.finish();
    if let Some(requests) = requests? {
        return undo.report(&journal, requests);
    }
    writeln!(io::stderr(), "nothing was deleted").map_err(Failure::Print)?;
    Ok(Ending::Complete)
}

/// The run of this number, or the latest wanted one that created something which is not undone yet; with what it created.
fn choose(
    journal: &Journal,
    runs: &[PastRun],
    number: Option<i64>,
    file: Option<&Path>,
) -> Result<(PastRun, Creations), Failure> {
    for run in runs.iter().rev() {
        if number.map_or(run.is_wanted, |number| run.id.0 == number) {
            let all = journal.creations(run.id)?;
            if number.is_some() || all != Creations::default() {
                return Ok((run.clone(), all));
            }
        }
    }
    let wanted = match (number, file) {
        (Some(number), _) => format!("the journal has no run {number}"),
        (None, Some(file)) => format!("no run over {} created anything that is not undone yet", shown_path(file)),
        (None, None) => "no run created anything that is not undone yet".to_owned(),
    };
    let known = match listed(runs.iter()) {
        known if known.is_empty() => "the journal has no runs".to_owned(),
        known => format!("the journal has {known}; --run N undoes one of them"),
    };
    Err(Failure::NoSuchRun { wanted, known })
}

/// The latest of these runs, with what they created.
fn listed<'a>(runs: impl DoubleEndedIterator<Item = &'a PastRun>) -> String {
    let one = |run: &PastRun| {
        let undone = if run.undone > 0 { format!(", {} deleted or gone", run.undone) } else { String::new() };
        let (number, files) = (run.id.0, shortened(&run.files));
        format!("run {number} over {files} of {} ({} created{undone})", run.started_at, groups(run.created))
    };
    let mut runs = runs.rev();
    let mut latest: Vec<String> = runs.by_ref().take(RUNS_LISTED).map(one).collect();
    latest.reverse();
    let earlier = runs.count();
    if earlier > 0 {
        latest.push(format!("and {earlier} earlier ones"));
    }
    latest.join(", ")
}

fn groups(count: u64) -> String {
    format!("{count} {}", if count == 1 { "group" } else { "groups" })
}

impl Undo<'_> {
    fn is_of_nothing(&self, all: &Creations) -> bool {
        self.run.created == 0 && all.in_doubt.is_empty()
    }

    fn say_nothing_created(&self, runs: &[PastRun]) -> Result<Ending, Failure> {
        let others = listed(runs.iter().filter(|run| run.created > run.undone));
        let mut out = io::stdout().lock();
        let ending = Ending::Complete;
        if self.args.json {
            let summary: Summary<Undone> = Summary::new(Vec::new(), &self.connection.organization);
            let closing = self.closing(&summary, 0, None, ending);
            return close(&summary, &Closing { results: None, ..closing }, true, false).map(|()| ending);
        }
        let advice = if others.is_empty() { String::new() } else { format!("; --run N undoes one of these: {others}") };
        writeln!(out, "run {} created nothing{advice}", self.run.id.0).map_err(Failure::Print)?;
        Ok(ending)
    }

    /// Deletes the groups; returns the number of requests, or nothing if the user said no.
    fn take_back(&self, journal: &mut Journal, all: Creations) -> Result<Option<u64>, Failure> {
        if all == Creations::default() {
            return Ok(Some(0));
        }
        block_on(async {
            let line = Line::open(&self.connection, journal, self.signals.stop(), &self.listener)?;
            let survey = self.survey(&line, all).await?;
            if !self.bars.suspend(|| self.may_delete(&survey))? {
                return Ok(None);
            }
            self.signals.sending();
            journal.commence_undo(self.run.id, &survey.findings())?;
            self.delete(journal, &line, &survey.delete).await?;
            Ok(Some(line.api.requests()))
        })?
    }

    async fn survey(&self, line: &Line, all: Creations) -> Result<Survey, Failure> {
        let surveyor = Surveyor {
            api: &line.api,
            lanes: self.connection.concurrency,
            is_forced: self.args.force,
            listener: &self.listener,
        };
        let found = surveyor.survey(all).await;
        match self.signals.stop().reason() {
            Some(halt) => Err(Failure::Stopped(halt)),
            None => Ok(found.unwrap_or_default()),
        }
    }

    /// Shows what would be deleted, and asks.
    fn may_delete(&self, survey: &Survey) -> Result<bool, Failure> {
        let count = survey.delete.len() as u64;
        let is_agreed = self.args.yes || count == 0;
        let plan = survey.plan().text(self.run.id.0, &self.run.started_at, &self.connection.organization);
        let shown = match (self.log.quiet && is_agreed, self.args.json) {
            (true, _) => Ok(()),
            (false, true) => io::stderr().write_all(plan.as_bytes()),
            (false, false) => io::stdout().write_all(plan.as_bytes()),
        };
        shown.map_err(Failure::Print)?;
        if is_agreed {
            return Ok(true);
        }
        let what = format!("{} of organization {}", groups(count), shortened(&self.connection.organization));
        if !consent::can_ask() {
            return Err(Failure::Unasked(format!("there is no terminal on which to ask whether to delete {what}")));
        }
        consent::ask(count, &what).map_err(Failure::Print)
    }

    async fn delete(&self, journal: &mut Journal, line: &Line, groups: &[Creation]) -> Result<(), Failure> {
        let done = self.run.undone;
        (self.listener)(Event::Deleting { done, total: done + groups.len() as u64 });
        let remover =
            Remover { api: Arc::clone(&line.api), is_forced: self.args.force, listener: Arc::clone(&self.listener) };
        let lanes = self.connection.concurrency;
        for chunk in groups.chunks(lanes * CHUNK) {
            if line.api.stop.is_raised() {
                break;
            }
            let condemned = stream::iter(journal.condemn(chunk)?);
            let attempts = condemned.map(|group| remover.take(group)).buffer_unordered(lanes);
            let attempts: Vec<_> = attempts.collect().await;
            journal.note_attempts(&attempts)?;
        }
        Ok(())
    }

    /// Writes the results and the summary.
    fn report(&self, journal: &Journal, requests: u64) -> Result<Ending, Failure> {
        let files = journal.files(self.run.id)?;
        let mut summary = Summary::new(files.clone(), &self.connection.organization);
        let mut results = Results::create(&self.paths.results, &files, false)?;
        journal.undo_accounts::<Failure>(self.run.id, |account| {
            summary.add(account);
            Ok(results.write(account)?)
        })?;
        results.finish()?;
        let counts = summary.counts();
        let pending = counts.of(Undone::Pending);
        let stopped = match self.signals.stop().reason() {
            None if pending > 0 => Some(Failure::Forgotten(pending)),
            // A stop that came after the last group stopped nothing.
            Some(_) if pending + counts.of(Undone::Unknown) == 0 => None,
            halt => halt.map(Failure::Stopped),
        };
        let ending = stopped.as_ref().map_or_else(|| Ending::of_counts(counts), Failure::ending);
        let closing = self.closing(&summary, requests, stopped.as_ref(), ending);
        close(&summary, &closing, self.args.json, self.log.quiet)?;
        stopped.map_or(Ok(ending), Err)
    }

    fn closing(&self, summary: &Summary<Undone>, requests: u64, stopped: Option<&Failure>, ending: Ending) -> Closing {
        Closing {
            results: Some(self.paths.results.clone()),
            rejects: Vec::new(),
            journal: self.paths.journal.clone(),
            run: self.run.id.0,
            requests,
            time: self.start.elapsed(),
            rows: summary.counts().total(),
            stopped: stopped.map(ToString::to_string),
            exit_code: ending.code(),
        }
    }
}
