//! `undo`: choose the run → compare what it did with what exists → show and ask → take back → record → report.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use console::Term;

use crate::cli::UndoArgs;
use crate::execute::Policy;
use crate::exit::Ending;
use crate::journal::{Change, Journal, Operation, PastOperation, PastRun, Selection, State};
use crate::limit::GuestLimiter;
use crate::model::{
    Action, ActionKind, Event, GroupRef, InputFile, Listener, MatchNames, OnExisting, Outcome, RowId, listed,
    shortened, shown, shown_path,
};
use crate::plan::Inventory;
use crate::report::{Form, PlanTally, PlanView, Results, RunKind, Summary, counted, probe};
use crate::settings::{Connection, UndoPaths};
use crate::tallyfy::Transport;

use super::delivery::Delivery;
use super::organization::connect;
use super::question::agree;
use super::reversal::Reversal;
use super::signals::Signals;
use super::staging::owner;
use super::{Context, Failure, block_on, close, outputs};

/// How many runs a message lists.
const RUNS_LISTED: usize = 10;

/// A run being undone.
struct Undo<'a> {
    args: &'a UndoArgs,
    context: &'a Context<'a>,
    connection: Connection,
    paths: UndoPaths,
    run: PastRun,
    signals: Signals,
    start: Instant,
}

/// Undoes a run.
pub(super) fn run(args: &UndoArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let start = Instant::now();
    let signals = Signals::listen(context.bars)?;
    let connection = Connection::resolve(&args.connection, context.environment)?;
    let paths = UndoPaths::resolve(args);
    let mut journal = Journal::open_existing(&paths.journal, &owner(&connection))?;
    let runs = journal.past_runs(paths.imported.as_deref())?;
    let (run, has_changes) = choose(&journal, &runs, args.run, paths.imported.as_deref())?;
    let undo = Undo { args, context, connection, paths, run, signals, start };
    if undo.run.changed == 0 && !has_changes {
        return undo.report_nothing_done(&runs);
    }
    let UndoPaths { results, journal: path, imported } = &undo.paths;
    let written = [("--results", results.clone()), ("--journal", path.clone())];
    outputs::keep_apart(imported.as_slice(), written, context.log.log_file.as_deref())?;
    outputs::make_folder(args.output.out_dir.as_deref())?;
    probe(results, args.output.results.is_some()).map_err(Failure::Unwritable)?;
    let progress = context.progress(args.output.progress);
    let mut requests = Some(0);
    if has_changes {
        (journal, requests) = block_on(undo.take_back(journal, progress.listener()))?;
    }
    drop(progress);
    if let Some(requests) = requests {
        return undo.report(&journal, requests);
    }
    writeln!(io::stderr(), "nothing was changed").map_err(Failure::Print)?;
    Ok(Ending::Complete)
}

/// The run of this number, or the latest wanted one that changed something which is not undone yet; whether there is anything to
/// take back.
fn choose(
    journal: &Journal,
    runs: &[PastRun],
    number: Option<i64>,
    file: Option<&Path>,
) -> Result<(PastRun, bool), Failure> {
    for run in runs.iter().rev().filter(|run| number.map_or(run.is_wanted, |number| run.id.0 == number)) {
        let has_changes = journal.has_changes(run.id)?;
        if number.is_some() || has_changes {
            let last = runs.iter().rfind(|run| run.is_wanted).filter(|last| last.id != run.id && number.is_none());
            if let Some(last) = last {
                tracing::warn!("nothing of run {} is left to take back: this is run {}", last.id.0, run.id.0);
            }
            return Ok((run.clone(), has_changes));
        }
    }
    let over = file.map_or_else(String::new, |file| format!(" over {}", shown_path(file)));
    let wanted = match number {
        Some(number) => format!("the journal has no run {number}"),
        None => format!("no run{over} changed anything that is not undone yet"),
    };
    let known = match latest(runs.iter()) {
        known if known.is_empty() => "the journal has no runs".to_owned(),
        known => format!("the journal has {known}; --run N undoes one of them"),
    };
    Err(Failure::Usage(format!("{wanted}; {known}")))
}

/// The latest of these runs, with what they did.
fn latest<'a>(runs: impl DoubleEndedIterator<Item = &'a PastRun>) -> String {
    let one = |run: &PastRun| {
        let undone = if run.undone > 0 { format!(", {} taken back", run.undone) } else { String::new() };
        let (files, changed) = (shortened(&run.files), counted(run.changed, "group"));
        format!("run {} over {files} of {} ({changed} changed{undone})", run.id.0, run.started_at)
    };
    listed(runs.rev().map(one), RUNS_LISTED)
}

impl Undo<'_> {
    /// Says so and writes nothing: the file may hold the results of another undone run.
    fn report_nothing_done(&self, runs: &[PastRun]) -> Result<Ending, Failure> {
        if self.args.output.json {
            return close(self.summary(Vec::new(), 0), None, true, false);
        }
        let others = latest(runs.iter().filter(|run| run.changed > run.undone));
        let advice = if others.is_empty() { String::new() } else { format!("; --run N undoes one of these: {others}") };
        writeln!(io::stdout(), "run {} changed nothing{advice}", self.run.id.0).map_err(Failure::Print)?;
        Ok(Ending::Complete)
    }

    /// Takes the run back; gives the number of requests, or nothing if the user said no.
    async fn take_back(&self, mut journal: Journal, listener: Listener) -> Result<(Journal, Option<u64>), Failure> {
        let (run, concurrency) = (self.run.id, self.connection.limits.concurrency);
        let api = connect(&self.connection, &journal, &self.signals.stop, &listener).await?;
        // So that a group is found whose name the server changed in case or spaces.
        let matching = MatchNames::Folded;
        let (on_existing, is_forced) = (OnExisting::Fail, self.args.force);
        let policy = Policy { matching, on_existing, is_forced, allows_empty: true };
        let wait_max = self.connection.limits.wait_max;
        let quota = GuestLimiter::new(None, wait_max, self.signals.stop.clone(), Arc::clone(&listener));
        let delivery = Delivery { api: Arc::clone(&api), policy, concurrency, run, quota };
        let plan = delivery.plan_undo(&mut journal).await?;
        if !self.context.bars.suspend(|| self.is_agreed(&plan))? {
            return Ok((journal, None));
        }
        self.signals.sending();
        let (done, changes) = (self.run.undone, plan.changes());
        journal.commence_undo(run, plan.operations)?;
        listener(Event::Started { is_deleting: true, done, total: done + changes });
        for (level, _) in journal.levels(run, true)? {
            journal = delivery.carry_out(journal, Selection { level, is_undo: true }).await?;
        }
        Ok((journal, Some(api.requests())))
    }

    /// Shows what would be done, and asks.
    fn is_agreed(&self, plan: &UndoWork) -> Result<bool, Failure> {
        let count = plan.changes();
        let is_agreed = self.args.yes || count == 0;
        let organization = &self.connection.organization;
        let mut tally = PlanTally::default();
        plan.actions.iter().for_each(|action| tally.add(action));
        let view = PlanView {
            title: format!("run {} of {}", self.run.id.0, shown(&self.run.started_at)),
            files: &[],
            rows: 0,
            unsent: [0; 3],
            organization,
            tally,
            plan: None,
            labels: hashbrown::HashMap::new(),
            forecast: None,
            is_full: true,
        };
        let (out, form): (Box<dyn Write>, _) = match self.args.output.json {
            _ if self.context.log.quiet && is_agreed => (Box::new(io::sink()), Form::Text(0)),
            true => (Box::new(io::stderr()), Form::text(&Term::stderr())),
            false => (Box::new(io::stdout()), Form::text(&Term::stdout())),
        };
        view.write(form, plan.actions.iter(), out).map_err(Failure::Print)?;
        if is_agreed {
            return Ok(true);
        }
        let is_deletion = view.tally.of(ActionKind::Delete) == count;
        let verb = if is_deletion { "delete" } else { "restore or delete" };
        agree(count, verb, organization, true, "add --yes to do so without being asked")
    }

    /// Writes the results and the summary.
    fn report(&self, journal: &Journal, requests: u64) -> Result<Ending, Failure> {
        let files = journal.files(self.run.id)?;
        let mut summary = self.summary(files.clone(), requests);
        let mut results = Results::create(&self.paths.results, &files, false)?;
        journal.results::<Failure>(self.run.id, true, |row| {
            summary.add(row);
            Ok(results.write(row)?)
        })?;
        results.finish()?;
        journal.end_undo(self.run.id)?;
        let stopped = self.signals.stop.reason().map(Failure::Stopped);
        (summary.results, summary.time) = (Some(self.paths.results.clone()), self.start.elapsed());
        close(summary, stopped, self.args.output.json, self.context.log.quiet)
    }

    /// The summary before anything is counted.
    fn summary(&self, files: Vec<InputFile>, requests: u64) -> Summary {
        let mut summary = Summary::new(RunKind::Undo, files, &self.connection.organization);
        (summary.journal, summary.run) = (self.paths.journal.clone(), self.run.id.0);
        (summary.requests, summary.time) = (requests, self.start.elapsed());
        summary
    }
}

impl<E: Transport> Delivery<E> {
    /// Settles what is in doubt, and compares what the run did with what exists.
    ///
    /// # Errors
    /// If the organization cannot be read, or the journal.
    pub async fn plan_undo(&self, journal: &mut Journal) -> Result<UndoWork, Failure> {
        journal.take_up_unknown(self.run)?;
        self.reconcile(journal, None).await?;
        self.settle_changes(journal).await?;
        let (mut past, owned) = (journal.past_operations(self.run)?, journal.owned_groups(true)?);
        let by_row: HashMap<RowId, &GroupRef> = owned.values().map(|owned| (owned.row, &owned.group_ref)).collect();
        for past in &mut past {
            past.done.follow(&owned, &by_row);
        }
        let is_gone = |past: &&PastOperation| matches!(past.done.state, State::Ended(Outcome::Deleted { .. }));
        let ids = past.iter().filter(|past| !is_gone(past)).filter_map(|past| past.done.group());
        let ids: HashSet<String> = ids.map(|group| group.id.clone()).collect();
        // A group that is missing in the list may not be in lists yet.
        let to_read = |listed: &Inventory| ids.into_iter().filter(|id| listed.group(id).is_none()).collect();
        let existing = self.inventory(HashMap::new(), to_read).await?;
        Ok(plan_undo(past, &existing, self.policy.is_forced))
    }
}

/// What `undo` will do.
#[derive(Default)]
pub struct UndoWork {
    /// The operations, in the order of the rows, and what is known of them: those without an outcome are carried out.
    pub operations: Vec<(Operation, Vec<Change>)>,
    /// What is done about each group, for people.
    actions: Vec<Action>,
}

/// Compares what a run did with what exists, when nothing is in doubt any more.
fn plan_undo(mut past: Vec<PastOperation>, existing: &Inventory, is_forced: bool) -> UndoWork {
    let (mut work, last) = (UndoWork::default(), past.iter().map(|past| past.done.level).max().unwrap_or_default());
    // Of the steps of a group, the last one tells how it was left.
    past.sort_by_key(|past| Reverse(past.done.level));
    let mut restored: HashMap<String, (bool, RowId)> = HashMap::new();
    for mut past in past {
        // In the opposite order.
        past.undoing.operation.level = last - past.done.level;
        let (id, row) = (past.done.group().map(|group| group.id.clone()), past.done.row);
        if let Some((is_restored, row)) = id.as_ref().and_then(|id| restored.get(id)) {
            if *is_restored {
                // What is shown is the name that the group has in the end.
                let action = work.actions.iter_mut().find(|action| action.row == *row);
                let name = past.done.before.as_ref().map(|before| before.name.clone());
                _ = action.map(|action| action.edit.name = name);
                work.operations.push(Reversal::of_update(&past.done).operation(past.undoing.operation));
            }
            continue;
        }
        let found = id.as_ref().and_then(|id| existing.group(id));
        let named = || existing.groups_named(&past.undoing.group.name);
        let reversal = Reversal::of(&past, found, named, is_forced);
        restored.extend(id.zip(reversal.restores()).map(|(id, is_restored)| (id, (is_restored, row))));
        work.actions.push(reversal.action(row, past.undoing.group));
        work.operations.push(reversal.operation(past.undoing.operation));
    }
    work.actions.sort_by_key(|action| action.kind);
    work
}

impl UndoWork {
    /// How many groups will be changed.
    fn changes(&self) -> u64 {
        self.actions.iter().filter(|action| action.kind.is_change()).count() as u64
    }
}
