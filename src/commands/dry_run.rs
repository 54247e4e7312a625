//! `import --dry-run`: read → check → plan against the organization → the plan. Nothing is sent, nothing is kept.

use std::io::{self, BufWriter};
use std::sync::Arc;

use console::Term;

use crate::cli::ImportArgs;
use crate::exit::Ending;
use crate::journal::{Journal, JournalError};
use crate::limit::{GuestLimiter, Stop};
use crate::model::{Action, ActionKind};
use crate::report::{Form, PlanTally, PlanView, PlanWriter, RunKind};
use crate::resolve::Directory;

use super::file_run::FileRun;
use super::import::policy;
use super::organization::connect;
use super::people::find_people;
use super::staging::{owner, stage};
use super::{Context, Failure, block_on};

/// What an import does about groups, in the order of a plan.
const KINDS: [ActionKind; 5] =
    [ActionKind::Invalid, ActionKind::Fail, ActionKind::Update, ActionKind::Exists, ActionKind::Create];

/// Says what an import would do.
pub(super) fn run(args: &ImportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let import = FileRun::new(RunKind::Import, &args.run, None, policy(args), context)?;
    let mut problems = context.problems();
    let (connection, listener) = (&import.connection, import.progress.listener());
    let mut journal = Journal::scratch()?;
    let run = journal.begin_run(&owner(connection))?;
    let staged = stage(&journal, run, &import.input, &listener, &mut problems)?;
    journal.commence(run, staged.range, true)?;
    let (rate, wait_max) = (args.run.guest_rate, connection.limits.wait_max);
    let no_guests = GuestLimiter::new(rate, wait_max, Stop::default(), Arc::clone(&listener)).forecast();
    let (mut listed, mut guests, mut directory) = (0, (no_guests, false), Directory::default());
    if staged.valid > 0 {
        let stop = Stop::default();
        let past = import.past()?;
        let running = || stop.reason().map_or(Ok(()), |reason| Err(Failure::Stopped(reason)));
        // An import begins with the same requests.
        (listed, guests, directory) = block_on(async {
            let api = connect(connection, past.as_ref().unwrap_or(&journal), &stop, &listener).await?;
            let (_, directory) = find_people(&api, &mut journal, &staged, &args.run.people, &mut problems).await?;
            running()?;
            let delivery = import.delivery(&api, run);
            delivery.prepare(&mut journal, &staged, past.as_ref()).await?;
            running()?;
            let guests = delivery.forecast_guests(&journal).await?;
            running()?;
            Ok((api.requests(), guests, directory))
        })?;
    }
    let mut tally = PlanTally::default();
    let mut count = |action: &Action| -> Result<(), JournalError> {
        tally.add(action);
        Ok(())
    };
    KINDS.into_iter().try_for_each(|kind| journal.planned_actions(run, kind, &mut count))?;
    let changes = tally.of(ActionKind::Create) + tally.of(ActionKind::Update);
    // A group is read before it is changed.
    let forecast = import.forecast(changes + tally.of(ActionKind::Update) + listed, &guests);
    let is_refused = import.report(problems)?.is_some();
    let view = PlanView { labels: directory.labels(), ..import.view(&journal, &staged, tally, &forecast)? };
    let ending = match () {
        () if is_refused || view.tally.of(ActionKind::Invalid) + view.tally.of(ActionKind::Fail) > 0 => {
            Ending::Problems
        }
        () if args.run.detailed_exitcode && changes > 0 => Ending::Changes,
        () => Ending::Complete,
    };
    if context.log.quiet && !args.run.output.json && ending.is_well() {
        return Ok(ending);
    }
    let write = || {
        let form = if args.run.output.json { Form::Json } else { Form::text(&Term::stdout()) };
        let mut plan = PlanWriter::new(&view, form, BufWriter::new(io::stdout().lock())).map_err(Failure::Print)?;
        for kind in KINDS {
            journal.planned_actions(run, kind, |action| plan.action(action).map_err(Failure::Print))?;
        }
        plan.finish().map_err(Failure::Print)
    };
    context.bars.suspend(write).map(|_| ending)
}
