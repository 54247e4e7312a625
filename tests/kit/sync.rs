//! Runs a sync and its undo inside the test process, against the simulated server. As `import.rs`, it names the inside of the
//! crate: when the pipeline changes, this file changes, and no test.

use std::io;
use std::sync::Arc;

use clap::Parser;
use tallyfy_groups::cli::{Cli, Command};
use tallyfy_groups::commands::{Delivery, stage_once};
use tallyfy_groups::execute::Policy;
use tallyfy_groups::journal::{Journal, JournalError, Now, Owner, Realm, RunId, Selection};
use tallyfy_groups::limit::Stop;
use tallyfy_groups::model::{Listener, MatchNames, MembersMode, OnExisting, ProblemFormat, ResultRow, Speed};
use tallyfy_groups::plan::{GuardOptions, MergePolicy, SyncPolicy};
use tallyfy_groups::report::Problems;
use tallyfy_groups::resolve::PeopleRules;
use tallyfy_groups::settings::{Config, Input};
use tokio::time::Instant;

use super::import::{Seen, Wire, delivery, ended};
use super::server::{ORG, Server};
use super::{End, Outcome, Settings, Workspace};

/// A sync or an undo that was not killed.
#[derive(Debug)]
pub(crate) struct Synchronized {
    /// The results; in the order of the input.
    pub(crate) rows: Vec<Outcome>,
    /// How many groups the plan changes; none if an earlier plan was resumed.
    pub(crate) changes: Option<u64>,
    /// Why it stopped before its end, if it did.
    pub(crate) stopped: Option<String>,
    /// Its run.
    pub(crate) run: i64,
}

impl Synchronized {
    /// Whether nothing is left to do.
    pub(crate) fn is_settled(&self) -> bool {
        self.stopped.is_none() && self.rows.iter().all(|row| !matches!(row.status, "pending" | "unknown" | "failed"))
    }
}

/// Synchronizes the file of the workspace; `None` if the sync was killed.
pub(crate) async fn sync(
    workspace: &Workspace,
    server: &Server,
    settings: &Settings,
    flags: &[&str],
    end: End,
) -> Option<Synchronized> {
    let stop = Stop::default();
    let work = async { run(workspace, server, settings, flags, &stop).await };
    ended(work, end, &stop).await
}

/// Takes a run back; `None` if that was killed.
pub(crate) async fn undo(
    workspace: &Workspace,
    server: &Server,
    settings: &Settings,
    run: i64,
    end: End,
) -> Option<Synchronized> {
    let stop = Stop::default();
    let work = async { take_back(workspace, server, settings, RunId(run), &stop).await };
    ended(work, end, &stop).await
}

fn owner() -> Owner {
    Owner { organization: ORG.to_owned(), realm: Realm::Loopback }
}

async fn run(workspace: &Workspace, server: &Server, settings: &Settings, flags: &[&str], stop: &Stop) -> Synchronized {
    let mut journal = Journal::open(&workspace.journal(), &owner()).unwrap();
    let file = workspace.input();
    let words = [&["tallyfy-groups", "sync", file.to_str().unwrap()], flags].concat();
    let args = match Cli::try_parse_from(words).unwrap().command {
        Command::Sync(args) => args,
        other => panic!("{other:?}"),
    };
    let input = Input::resolve(&args.run.input, &PeopleRules::default(), Config::default()).unwrap();
    let listener: Listener = Arc::new(|_| {});
    let mut problems = Problems::new(io::sink(), ProblemFormat::Counts, false);
    let command = format!("{flags:?}");
    let open = journal.open_run().unwrap();
    let staged = stage_once(&mut journal, &owner(), &input, &command, open.as_ref(), &listener, &mut problems).unwrap();
    let policy = Policy {
        matching: MatchNames::Folded,
        on_existing: OnExisting::Fail,
        is_forced: false,
        allows_empty: args.allow_empty,
    };
    let merge = MergePolicy { members: args.members, allows_empty: args.allow_empty };
    let sync_policy = SyncPolicy { merge, adopts: args.adopt, prunes: args.prune };
    let connected = |run| {
        let now = Now::at(Instant::now().into_std(), server.wall_clock());
        let request_log = journal.request_log(Speed::parse(settings.rate).unwrap().memory(), now).unwrap();
        let mut delivery = delivery(server, settings, stop, request_log, &journal.clock, &Arc::<Seen>::default(), run);
        delivery.policy = policy;
        delivery
    };
    let mut delivery = connected(staged.run);
    let mut changes = None;
    let resumed = open.as_ref().is_some_and(|open| open.run == staged.run);
    let prepared = async {
        if resumed {
            return Ok(delivery.resume(&mut journal).await?);
        }
        if let Some(open) = open {
            delivery.run = open.run;
            delivery.settle(&mut journal).await?;
            delivery.run = staged.run;
        }
        let guards: &GuardOptions = &args.guards;
        let plan = delivery.plan(&journal, &journal, &staged, ORG, sync_policy, guards).await?;
        assert!(plan.guards.iter().all(|guard| !guard.is_exceeded()), "{:?}", plan.guards);
        changes = Some(plan.changes());
        journal.commence_sync(staged.run, staged.range.1, plan)?;
        Ok::<(), tallyfy_groups::commands::Failure>(())
    };
    if prepared.await.is_err() {
        let stopped = stop.reason().map(|reason| reason.to_string());
        return Synchronized { rows: Vec::new(), changes, stopped, run: staged.run.0 };
    }
    carry_out(&delivery, journal, stop, changes).await
}

/// Carries the plan of a run out, and closes it.
async fn carry_out(delivery: &Delivery<Wire>, mut journal: Journal, stop: &Stop, changes: Option<u64>) -> Synchronized {
    let run = delivery.run;
    let (guests, _) = delivery.forecast_guests(&journal).await.unwrap();
    delivery.quota.expect(guests);
    for (level, _) in journal.levels(run, false).unwrap() {
        if stop.is_raised() {
            break;
        }
        journal.hold_back(run, level).unwrap();
        let (writer, sending) = delivery.start(journal, Selection { level, is_undo: false });
        let (written, ()) = tokio::join!(writer.work(), sending);
        journal = written.unwrap();
    }
    let rows = collected(|add| journal.results(run, false, add));
    let finished = Synchronized { rows, changes, stopped: stop.reason().map(|reason| reason.to_string()), run: run.0 };
    let is_open = finished.rows.iter().any(|row| matches!(row.status, "pending" | "unknown"));
    journal.end_run(run, !is_open).unwrap();
    finished
}

async fn take_back(
    workspace: &Workspace,
    server: &Server,
    settings: &Settings,
    run: RunId,
    stop: &Stop,
) -> Synchronized {
    let mut journal = Journal::open(&workspace.journal(), &owner()).unwrap();
    let now = Now::at(Instant::now().into_std(), server.wall_clock());
    let request_log = journal.request_log(Speed::parse(settings.rate).unwrap().memory(), now).unwrap();
    let mut delivery = delivery(server, settings, stop, request_log, &journal.clock, &Arc::<Seen>::default(), run);
    delivery.policy.on_existing = OnExisting::Fail;
    delivery.policy.allows_empty = true;
    let stopped = || stop.reason().map(|reason| reason.to_string());
    let Ok(work) = delivery.plan_undo(&mut journal).await else {
        return Synchronized { rows: Vec::new(), changes: None, stopped: stopped(), run: run.0 };
    };
    journal.commence_undo(run, work.operations).unwrap();
    for (level, _) in journal.levels(run, true).unwrap() {
        let (writer, sending) = delivery.start(journal, Selection { level, is_undo: true });
        let (written, ()) = tokio::join!(writer.work(), sending);
        journal = written.unwrap();
    }
    let rows = collected(|add| journal.results(run, true, add));
    Synchronized { rows, changes: None, stopped: stopped(), run: run.0 }
}

type Add<'a> = &'a mut dyn FnMut(&ResultRow) -> Result<(), JournalError>;

/// The results that `read` gives.
fn collected(read: impl FnOnce(Add<'_>) -> Result<(), JournalError>) -> Vec<Outcome> {
    let mut rows = Vec::new();
    read(&mut |row| {
        let ResultRow { name, status, group_id, error_code, error, .. } = row.clone();
        rows.push(Outcome { name, status: status.into(), group_id, error_code, error });
        Ok(())
    })
    .unwrap();
    rows
}
