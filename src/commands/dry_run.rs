//! `import --dry-run`: read → check → plan against the organization → the plan, row by row. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter};
use std::sync::Arc;

use crate::cli::{ImportArgs, RunArgs};
use crate::exit::Ending;
use crate::journal::Journal;
use crate::limit::{GuestLimiter, Stop};
use crate::model::{Format, Severity, Status};
use crate::report::{PlanReport, RunKind};
use crate::settings::{Connection, OutputPaths, Target};

use super::file_run::FileRun;
use super::import::policy;
use super::organization::connect;
use super::people::find_people;
use super::staging::{owner, stage};
use super::{Context, Failure, block_on};

/// Says what an import would do.
pub(super) fn run(args: &ImportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let import = FileRun::new(RunKind::Import, &args.run, None, policy(args), context)?;
    let mut problems = context.problems();
    let (connection, listener) = (&import.connection, import.progress.listener());
    let mut journal = Journal::scratch()?;
    let run = journal.begin_run(&owner(connection))?;
    let staged = stage(&journal, run, &import.input, &listener, &mut problems)?;
    journal.commence(run, staged.range, true)?;
    let no_guests = GuestLimiter::new(import.guests, Stop::default(), Arc::clone(&listener)).forecast();
    let (mut listed, mut guests) = (0, (no_guests, false));
    if staged.valid > 0 {
        let (stop, past) = (Stop::default(), past(&args.run, connection)?);
        let running = || stop.reason().map_or(Ok(()), |reason| Err(Failure::Stopped(reason)));
        // An import begins with the same requests.
        (listed, guests) = block_on(async {
            let api = connect(connection, past.as_ref().unwrap_or(&journal), &stop, &listener).await?;
            find_people(&api, &mut journal, &staged, &args.run.people, &mut problems).await?;
            running()?;
            let delivery = import.delivery(&api, run);
            delivery.prepare(&mut journal, &staged).await?;
            running()?;
            let guests = delivery.forecast_guests(&mut journal).await?;
            running()?;
            Ok((api.requests(), guests))
        })?;
    }
    let open = staged.valid - journal.settled_rows(run)?;
    let forecast = import.forecast(open + listed, &guests);
    drop(import);
    let is_refused = args.run.strict && problems.count(Severity::Warning) > 0;
    if !context.log.quiet {
        problems.finish(None).map_err(Failure::Print)?;
    }
    let mut report = PlanReport::new(BufWriter::new(io::stdout().lock()), &staged.files, args.run.output.json);
    journal.results(run, |row| report.row(row).map_err(Failure::Print))?;
    let counts = report.finish(&forecast).map_err(Failure::Print)?;
    let is_sound = counts.of(Status::Invalid) + counts.of(Status::Failed) == 0 && !is_refused;
    Ok(match is_sound {
        false => Ending::Problems,
        true if args.run.detailed_exitcode && counts.of(Status::Pending) > 0 => Ending::Changes,
        true => Ending::Complete,
    })
}

/// The journal of earlier imports into the simulated organization: they are all that it has.
fn past(args: &RunArgs, connection: &Connection) -> Result<Option<Journal>, Failure> {
    if !matches!(connection.target, Target::Simulated) {
        return Ok(None);
    }
    Ok(Journal::peek(&OutputPaths::resolve(args, None, Format::Csv).journal)?)
}
