//! `import --dry-run`: read → check → plan against the organization → the plan. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter};
use std::sync::Arc;

use console::Term;

use crate::cli::{ImportArgs, RunArgs};
use crate::exit::Ending;
use crate::journal::{Journal, JournalError};
use crate::limit::{GuestLimiter, Stop};
use crate::model::{Action, ActionKind, Format};
use crate::report::{Form, PlanTally, PlanWriter, RunKind};
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
            let guests = delivery.forecast_guests(&journal).await?;
            running()?;
            Ok((api.requests(), guests))
        })?;
    }
    let (kinds, mut tally) =
        ([ActionKind::Invalid, ActionKind::Fail, ActionKind::Exists, ActionKind::Create], PlanTally::default());
    let mut count = |action: &Action| -> Result<(), JournalError> {
        tally.add(action);
        Ok(())
    };
    kinds.into_iter().try_for_each(|kind| journal.planned_actions(run, kind, &mut count))?;
    let forecast = import.forecast(tally.of(ActionKind::Create) + listed, &guests);
    let is_refused = import.report(problems)?.is_some();
    let view = import.view(&journal, &staged, tally, &forecast)?;
    let write = || {
        let form = if args.run.output.json { Form::Json } else { Form::text(&Term::stdout()) };
        let mut plan = PlanWriter::new(&view, form, BufWriter::new(io::stdout().lock())).map_err(Failure::Print)?;
        for kind in kinds {
            journal.planned_actions(run, kind, |action| plan.action(action).map_err(Failure::Print))?;
        }
        plan.finish().map_err(Failure::Print)
    };
    context.bars.suspend(write)?;
    Ok(match () {
        () if is_refused || view.tally.of(ActionKind::Invalid) + view.tally.of(ActionKind::Fail) > 0 => {
            Ending::Problems
        }
        () if args.run.detailed_exitcode && view.tally.of(ActionKind::Create) > 0 => Ending::Changes,
        () => Ending::Complete,
    })
}

/// The journal of earlier imports into the simulated organization: they are all that it has.
fn past(args: &RunArgs, connection: &Connection) -> Result<Option<Journal>, Failure> {
    if !matches!(connection.target, Target::Simulated) {
        return Ok(None);
    }
    Ok(Journal::peek(&OutputPaths::resolve(args, None, Format::Csv).journal)?)
}
