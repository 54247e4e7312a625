//! `undo`: choose the run → compare what it created with what exists → show and ask → delete → record → report.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::slice;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};

use crate::cli::UndoArgs;
use crate::execute::{Policy, Unread};
use crate::exit::Ending;
use crate::journal::{Change, Creation, GroupOperation, Journal, Operation, PastRun, Selection, State};
use crate::limit::{GuestLimiter, GuestLimits};
use crate::model::{
    Event, ExistingGroup, InputFile, Listener, MatchNames, OnExisting, Outcome, RequestError, Status, listed,
    shortened, shown_path,
};
use crate::plan::{changes, claim};
use crate::report::{Results, RunKind, Summary, UndoPlan, counted};
use crate::settings::{Connection, UndoPaths};
use crate::tallyfy::{List, PageCursor, Transport};

use super::delivery::Delivery;
use super::organization::{connect, stop_reason};
use super::question::ask;
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
    let (run, has_creations) = choose(&journal, &runs, args.run, paths.imported.as_deref())?;
    let undo = Undo { args, context, connection, paths, run, signals, start };
    if undo.run.created == 0 && !has_creations {
        return undo.report_nothing_created(&runs);
    }
    outputs::prepare_undo(args, &undo.paths, context.log.log_file.as_deref())?;
    let progress = context.progress(args.output.progress);
    let mut requests = Some(0);
    if has_creations {
        (journal, requests) = block_on(undo.delete(journal, progress.listener()))?;
    }
    drop(progress);
    if let Some(requests) = requests {
        return undo.report(&journal, requests);
    }
    writeln!(io::stderr(), "nothing was deleted").map_err(Failure::Print)?;
    Ok(Ending::Complete)
}

/// The run of this number, or the latest wanted one that created something which is not undone yet; whether anything that it created
/// may still exist.
fn choose(
    journal: &Journal,
    runs: &[PastRun],
    number: Option<i64>,
    file: Option<&Path>,
) -> Result<(PastRun, bool), Failure> {
    for run in runs.iter().rev().filter(|run| number.map_or(run.is_wanted, |number| run.id.0 == number)) {
        let has_creations = journal.has_creations(run.id)?;
        if number.is_some() || has_creations {
            return Ok((run.clone(), has_creations));
        }
    }
    let over = file.map_or_else(String::new, |file| format!(" over {}", shown_path(file)));
    let wanted = match number {
        Some(number) => format!("the journal has no run {number}"),
        None => format!("no run{over} created anything that is not undone yet"),
    };
    let known = match latest(runs.iter()) {
        known if known.is_empty() => "the journal has no runs".to_owned(),
        known => format!("the journal has {known}; --run N undoes one of them"),
    };
    Err(Failure::Usage(format!("{wanted}; {known}")))
}

/// The latest of these runs, with what they created.
fn latest<'a>(runs: impl DoubleEndedIterator<Item = &'a PastRun>) -> String {
    let one = |run: &PastRun| {
        let undone = if run.undone > 0 { format!(", {} deleted or gone", run.undone) } else { String::new() };
        let (files, created) = (shortened(&run.files), counted(run.created, "group"));
        format!("run {} over {files} of {} ({created} created{undone})", run.id.0, run.started_at)
    };
    listed(runs.rev().map(one), RUNS_LISTED)
}

impl Undo<'_> {
    /// Says so and writes nothing: the file may hold the results of another undone run.
    fn report_nothing_created(&self, runs: &[PastRun]) -> Result<Ending, Failure> {
        if self.args.output.json {
            return close(self.summary(Vec::new(), 0), None, true, false);
        }
        let others = latest(runs.iter().filter(|run| run.created > run.undone));
        let advice = if others.is_empty() { String::new() } else { format!("; --run N undoes one of these: {others}") };
        writeln!(io::stdout(), "run {} created nothing{advice}", self.run.id.0).map_err(Failure::Print)?;
        Ok(Ending::Complete)
    }

    /// Deletes the groups; gives the number of requests, or nothing if the user said no.
    async fn delete(&self, mut journal: Journal, listener: Listener) -> Result<(Journal, Option<u64>), Failure> {
        let (run, concurrency) = (self.run.id, self.connection.limits.concurrency);
        let api = connect(&self.connection, &journal, &self.signals.stop, &listener).await?;
        // So that a group is found whose name the server changed in case or spaces.
        let matching = MatchNames::Folded;
        let (on_existing, is_forced) = (OnExisting::Fail, self.args.force);
        let policy = Policy { matching, on_existing, is_forced, mirrors: false, allows_empty: true };
        let guests = GuestLimits { rate: None, wait_max: self.connection.limits.wait_max };
        let quota = GuestLimiter::new(guests, self.signals.stop.clone(), Arc::clone(&listener));
        let delivery = Delivery { api: Arc::clone(&api), policy, concurrency, run, quota };
        journal.take_up_unknown(run)?;
        delivery.reconcile(&mut journal, None).await?;
        let plan = plan_deletions(journal.creations(run)?, &delivery).await;
        let plan = plan.map_err(|unread| Failure::Stopped(stop_reason(&api, unread)))?;
        if !self.context.bars.suspend(|| self.may_delete(&plan))? {
            return Ok((journal, None));
        }
        self.signals.sending();
        journal.commence_undo(run, plan.operations)?;
        let done = self.run.undone;
        listener(Event::Started { is_deleting: true, done, total: done + plan.count });
        let journal = delivery.carry_out(journal, Selection::Undo).await?;
        Ok((journal, Some(api.requests())))
    }

    /// Shows what would be deleted, and asks.
    fn may_delete(&self, plan: &Deletions) -> Result<bool, Failure> {
        let count = plan.count;
        let is_agreed = self.args.yes || count == 0;
        let organization = &self.connection.organization;
        let text = plan.view.text(self.run.id.0, &self.run.started_at, organization);
        let mut out: Box<dyn Write> = match self.args.output.json {
            _ if self.context.log.quiet && is_agreed => Box::new(io::sink()),
            true => Box::new(io::stderr()),
            false => Box::new(io::stdout()),
        };
        out.write_all(text.as_bytes()).map_err(Failure::Print)?;
        if is_agreed {
            return Ok(true);
        }
        let what = format!("{} of organization {}", counted(count, "group"), shortened(organization));
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!(
                "nothing was deleted: there is no terminal on which to ask whether to delete {what}; add --yes to delete without being asked"
            )));
        }
        ask(count, "delete", &what).map_err(Failure::Print)
    }

    /// Writes the results and the summary.
    fn report(&self, journal: &Journal, requests: u64) -> Result<Ending, Failure> {
        let files = journal.files(self.run.id)?;
        let mut summary = self.summary(files.clone(), requests);
        let mut results = Results::create(&self.paths.results, &files, false)?;
        journal.undo_results::<Failure>(self.run.id, |row| {
            summary.add(row);
            Ok(results.write(row)?)
        })?;
        results.finish()?;
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

/// What `undo` will do.
#[derive(Default)]
struct Deletions {
    /// The deletions, in the order of the rows, and what is known of them: those without an outcome are carried out.
    operations: Vec<(Operation, Vec<Change>)>,
    /// How many groups will be deleted.
    count: u64,
    /// What the user is shown.
    view: UndoPlan,
}

/// Compares the groups of a run with those that exist, when no row is in doubt any more.
async fn plan_deletions(creations: Vec<Creation>, by: &Delivery<impl Transport>) -> Result<Deletions, Unread> {
    let Delivery { api, policy, concurrency, .. } = by;
    let by_id = |group: ExistingGroup| (group.group_ref.id.clone(), group);
    let ids = creations.iter().filter_map(|creation| creation.sent.group());
    let mut unlisted: HashSet<&str> = ids.map(|group| group.id.as_str()).collect();
    let (mut existing, mut cursor) = (HashMap::new(), PageCursor::default());
    while let Some(groups) = api.next_page(List::Groups, &mut cursor).await? {
        let is_created = |group: &ExistingGroup| !group.is_deleted && unlisted.remove(group.group_ref.id.as_str());
        existing.extend(groups.into_iter().filter(is_created).map(by_id));
    }
    // A group that is missing in the list may not be in lists yet: it is read by its id.
    let read = stream::iter(unlisted).map(|id| api.group(id)).buffer_unordered(*concurrency);
    let found: Vec<_> = read.try_collect().await?;
    existing.extend(found.into_iter().flatten().map(by_id));
    let mut plan = Deletions::default();
    for creation in creations {
        let found = creation.sent.group().and_then(|group| existing.get(&group.id));
        plan.add(creation, found, policy.is_forced);
    }
    Ok(plan)
}

impl Deletions {
    fn add(&mut self, Creation { deletion, sent }: Creation, found: Option<&ExistingGroup>, is_forced: bool) {
        let GroupOperation { operation, group } = deletion;
        let may_be_deleted = operation.was_sent() || matches!(operation.state, State::Ended(Outcome::Unknown(_)));
        let (detail, outcome) = match (&sent.state, found) {
            (State::Ended(Outcome::Unknown(error)), None) if sent.group().is_none() => {
                (error.message.clone(), Some(Outcome::Unknown(error.clone())))
            }
            (_, None) => (String::new(), Some(Outcome::not_there(may_be_deleted))),
            (State::Ended(Outcome::Created { group: made, .. }), Some(found)) => {
                let changes = changes(&group, made, found);
                (
                    changes.clone().unwrap_or_default(),
                    changes.filter(|_| !is_forced).map(|message| Outcome::Held { message }),
                )
            }
            (_, Some(found)) => match claim(&group, &sent.sent_ms, slice::from_ref(found)) {
                Err(why) => (why.clone(), Some(Outcome::Unknown(RequestError::guests_missing().and(&why)))),
                Ok(_) => (String::new(), None),
            },
        };
        let status = outcome.as_ref().map_or(Status::Pending, Outcome::status);
        self.view.add(status, &group.name, sent.group().map(|group| group.id.as_str()), &detail);
        self.count += u64::from(outcome.is_none());
        let known = match operation.state {
            State::Ended(_) => Some(Change::Resume),
            State::Sending => found.map(|_| Change::Absent),
            State::Planned => None,
        };
        let changes = known.into_iter().chain(outcome.map(Change::End)).collect();
        self.operations.push((Operation { target: sent.group().cloned(), ..operation }, changes));
    }
}
