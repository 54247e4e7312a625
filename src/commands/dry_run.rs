//! `import --dry-run`: read → check → plan against the organization → the plan, row by row. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter};

use crate::cli::{ImportArgs, LogArgs};
use crate::exit::Ending;
use crate::journal::Journal;
use crate::model::{Format, Listener, OnExisting, Severity, Status};
use crate::report::{PlanReport, StatusLine};
use crate::send::Stop;
use crate::settings::{Connection, Environment, OutputPaths, Target};

use super::delivery::Inventory;
use super::forecast::forecast;
use super::organization::connect;
use super::staging::{Staged, owner, stage};
use super::{Failure, Setup, block_on};

/// Says what an import would do.
pub(super) fn run(
    args: &ImportArgs,
    log: &LogArgs,
    environment: &Environment,
    bars: &StatusLine,
) -> Result<Ending, Failure> {
    let Setup { connection, policy, guests, input, progress, mut problems, .. } =
        Setup::new(args, log, environment, bars)?;
    let mut journal = Journal::scratch()?;
    let run = journal.begin_run(&owner(&connection))?;
    let staged = stage(&journal, run, &input, &progress.listener(), &mut problems)?;
    journal.commence(run, staged.range, true)?;
    let mut pages = 0;
    if journal.open_rows(run)? > 0 {
        let past = past(args, &connection, &staged)?;
        let listener = progress.listener();
        pages = block_on(compare(&connection, past.as_ref(), policy.on_existing, &mut journal, &staged, &listener))??;
    }
    drop(progress);
    let forecast = forecast(&journal, run, Some(pages), connection.speed, guests.rate)?;
    let warnings = problems.count(Severity::Warning);
    if !log.quiet {
        problems.finish(None).map_err(Failure::Print)?;
    }
    let mut report = PlanReport::new(BufWriter::new(io::stdout().lock()), &staged.files, args.json);
    journal.accounts(run, |outcome| report.row(outcome).map_err(Failure::Print))?;
    let counts = report.finish(&forecast).map_err(Failure::Print)?;
    let is_refused = args.strict && warnings > 0;
    let is_sound = counts.of(Status::Invalid) + counts.of(Status::Failed) == 0 && !is_refused;
    Ok(if is_sound { Ending::Complete } else { Ending::Problems })
}

/// Settles the rows whose groups exist; gives the number of pages of the list.
async fn compare(
    connection: &Connection,
    past: Option<&Journal>,
    on_existing: OnExisting,
    journal: &mut Journal,
    staged: &Staged,
    listener: &Listener,
) -> Result<u64, Failure> {
    let stop = Stop::default();
    let api = connect(connection, past.unwrap_or(journal), &stop, listener)?;
    let pages = Inventory { api: &api, names: &staged.names, on_existing, listener }.settle(journal).await?;
    stop.reason().map_or(Ok(pages.unwrap_or_default()), |halt| Err(Failure::Stopped(halt)))
}

/// The journal of earlier imports into the simulated organization: they are all that it has.
fn past(args: &ImportArgs, connection: &Connection, staged: &Staged) -> Result<Option<Journal>, Failure> {
    let format = staged.files.first().map_or(Format::Csv, |file| file.layout.format);
    let path = OutputPaths::resolve(args, format).journal;
    let has_content = path.metadata().is_ok_and(|found| found.len() > 0);
    let is_simulated = matches!(connection.target, Target::Simulated);
    Ok(if is_simulated && has_content { Some(Journal::peek(&path)?) } else { None })
}
