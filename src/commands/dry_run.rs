//! `import --dry-run`: read → check → plan against the organization → the plan, row by row. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter};

use crate::cli::ImportArgs;
use crate::exit::Ending;
use crate::journal::Journal;
use crate::limit::{GuestLimiter, Stop};
use crate::model::{Format, Severity, Status};
use crate::report::PlanReport;
use crate::settings::{Connection, OutputPaths, Target};

use super::delivery::{Comparison, forecast_guests, list_guests};
use super::organization::connect;
use super::people::find_people;
use super::staging::{owner, stage};
use super::{Context, Failure, Import, block_on};

/// Says what an import would do.
pub(super) fn run(args: &ImportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let import = Import::new(args, context)?;
    let mut problems = context.problems();
    let (connection, listener) = (&import.connection, import.progress.listener());
    let mut journal = Journal::scratch()?;
    let run = journal.begin_run(&owner(connection))?;
    let staged = stage(&journal, run, &import.input, &listener, &mut problems)?;
    journal.commence(run, staged.range, true)?;
    let (mut pages, mut known) = (0, None);
    if staged.valid > 0 {
        let (stop, past) = (Stop::default(), past(args, connection)?);
        let listed = block_on(async {
            let api = connect(connection, past.as_ref().unwrap_or(&journal), &stop, &listener).await?;
            let (_, users) = find_people(&api, &mut journal, run, &staged.files, &args.people, &mut problems).await?;
            if stop.is_raised() {
                return Ok(None);
            }
            let ids = journal.rows_of_ids(run)?;
            let comparison = Comparison { names: &staged.names, ids, on_existing: import.policy.on_existing };
            let Some(groups) = comparison.settle(&mut journal, &api).await? else { return Ok(None) };
            let (known, guests) = list_guests(&api, &journal, run).await?;
            Ok(Some((groups + users + guests, known)))
        })?;
        (pages, known) = listed.unwrap_or_default();
        stop.reason().map_or(Ok(()), |reason| Err(Failure::Stopped(reason)))?;
    }
    let open = staged.valid - journal.settled_rows(run)?;
    let quota = GuestLimiter::new(import.guests, Stop::default(), listener);
    let guests = forecast_guests(&mut journal, run, known.as_deref(), &quota)?;
    let forecast = import.forecast(open + pages, &guests, known.is_some());
    drop(import);
    let warnings = problems.count(Severity::Warning);
    if !context.log.quiet {
        problems.finish(None).map_err(Failure::Print)?;
    }
    let mut report = PlanReport::new(BufWriter::new(io::stdout().lock()), &staged.files, args.output.json);
    journal.results(run, |row| report.row(row).map_err(Failure::Print))?;
    let counts = report.finish(&forecast).map_err(Failure::Print)?;
    let is_refused = args.strict && warnings > 0;
    let is_sound = counts.of(Status::Invalid) + counts.of(Status::Failed) == 0 && !is_refused;
    Ok(if is_sound { Ending::Complete } else { Ending::Problems })
}

/// The journal of earlier imports into the simulated organization: they are all that it has.
fn past(args: &ImportArgs, connection: &Connection) -> Result<Option<Journal>, Failure> {
    if !matches!(connection.target, Target::Simulated) {
        return Ok(None);
    }
    Ok(Journal::peek(&OutputPaths::resolve(args, Format::Csv).journal)?)
}
