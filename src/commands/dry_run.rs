//! `import --dry-run`: read → check → plan against the organization → the plan, row by row. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter, LineWriter};

use crate::cli::{ImportArgs, LogArgs};
use crate::exit::Ending;
use crate::journal::{Journal, RunId};
use crate::model::{Forecast, OnExisting, ProblemFormat, Severity, Status, StatusCounts};
use crate::report::{PlanReport, ProblemStyle, Problems, Progress, StatusLine};
use crate::send::Stop;
use crate::settings::{Connection, Environment, Input, OutputPaths, SendingSettings, Target, progress_mode};

use super::Failure;
use super::block_on;
use super::delivery::Inventory;
use super::forecast::{Speeds, forecast};
use super::organization::Line;
use super::signals::Signals;
use super::staging::{Staged, owner, stage};

/// Says what an import would do.
pub(super) fn run(
    args: &ImportArgs,
    log: &LogArgs,
    environment: &Environment,
    bars: &StatusLine,
) -> Result<Ending, Failure> {
    let _signals = Signals::listen(bars)?;
    let connection = Connection::resolve(&args.connection, args.sandbox, environment)?;
    let sending = SendingSettings::resolve(args, &connection, environment)?;
    let speeds = Speeds { requests: connection.speed, guests: sending.guests.rate };
    let input = Input::resolve(&args.input, environment)?;
    let progress = Progress::start(progress_mode(args.progress, log.quiet, environment)?, bars);
    let mut journal = Journal::scratch()?;
    let run = journal.begin_run(&owner(&connection))?;
    let style = ProblemStyle { format: ProblemFormat::Counts, shows_all: log.verbose > 0 };
    let mut problems = Problems::new(LineWriter::new(bars.clone()), style);
    let staged = stage(&journal, run, &input, &progress.listener(), &mut problems)?;
    journal.commence(run, staged.range, true)?;
    let pages = match journal.open_rows(run)? {
        0 => 0,
        _ => consult(args, (&connection, sending.policy.on_existing), &mut journal, &staged, &progress)?,
    };
    progress.finish();
    let forecast = forecast(&journal, run, Some(pages), speeds)?;
    let warnings = problems.count(Severity::Warning);
    if !log.quiet {
        problems.finish(None).map_err(Failure::Print)?;
    }
    let counts = print(&journal, run, &staged, &forecast, args.json)?;
    let is_refused = args.strict && warnings > 0;
    let is_sound = counts.of(Status::Invalid) + counts.of(Status::Failed) == 0 && !is_refused;
    Ok(if is_sound { Ending::Complete } else { Ending::Problems })
}

/// Settles the rows whose group is there; gives how many pages the list has.
fn consult(
    args: &ImportArgs,
    (connection, on_existing): (&Connection, OnExisting),
    journal: &mut Journal,
    staged: &Staged,
    progress: &Progress,
) -> Result<u64, Failure> {
    let stop = Stop::default();
    let listener = progress.listener();
    let past = past(args, connection, staged)?;
    let pages = block_on(async {
        let line = Line::open(connection, past.as_ref().unwrap_or(journal), &stop, &listener)?;
        let inventory = Inventory { api: &line.api, names: &staged.names, on_existing, listener: &listener };
        inventory.settle(journal).await.map_err(Failure::from)
    })??;
    stop.reason().map_or(Ok(pages.unwrap_or_default()), |halt| Err(Failure::Stopped(halt)))
}

/// The journal of earlier imports into the simulated organization, which is all that organization is.
fn past(args: &ImportArgs, connection: &Connection, staged: &Staged) -> Result<Option<Journal>, Failure> {
    let path = OutputPaths::resolve(args, staged.first_format()).journal;
    let has_content = path.metadata().is_ok_and(|found| found.len() > 0);
    if !matches!(connection.target, Target::Simulated) || !has_content {
        return Ok(None);
    }
    Ok(Some(Journal::peek(&path)?))
}

fn print(
    journal: &Journal,
    run: RunId,
    staged: &Staged,
    forecast: &Forecast,
    is_json: bool,
) -> Result<StatusCounts, Failure> {
    let mut report = PlanReport::new(BufWriter::new(io::stdout().lock()), &staged.files, is_json);
    journal.accounts(run, |account| report.row(account).map_err(Failure::Print))?;
    report.finish(forecast).map_err(Failure::Print)
}
