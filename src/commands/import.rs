//! `import`: read → check → plan → send → record → report.

use std::io::Write;

use crate::cli::ImportArgs;
use crate::execute::Policy;
use crate::exit::Ending;
use crate::journal::{Journal, Selection};
use crate::model::{Event, grouped};
use crate::report::{Problems, RunKind, counted};
use crate::settings::OutputPaths;

use super::file_run::{FileRun, Sent};
use super::organization::connect;
use super::people::find_people;
use super::staging::{Staged, owner, stage_once};
use super::{Context, Failure, block_on};

/// Imports files.
pub(super) fn run(args: &ImportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let import = FileRun::new(RunKind::Import, &args.run, args.rejects.as_ref(), policy(args), context)?;
    let mut problems = context.problems();
    let (journal, staged, paths) = read(&import, &mut problems)?;
    import.signals.sending();
    let (journal, sent) = if import.refusal(&problems).is_some() || journal.settled_rows(staged.run)? >= staged.valid {
        (journal, Sent { refused: import.report(problems)?, ..Sent::default() })
    } else {
        block_on(send(&import, journal, &staged, problems))?
    };
    let differing = journal.differing_groups(staged.run)?;
    if differing > 0 {
        tracing::warn!(
            "groups that exist already and differ from the file: {differing}; an import does not change them: see `warnings` in the results"
        );
    }
    import.finish(&journal, &staged, &paths, sent)
}

/// How the rows of an import are sent.
pub(super) fn policy(args: &ImportArgs) -> Policy {
    let (matching, on_existing) = (args.run.input.match_names, args.on_existing);
    Policy { matching, on_existing, is_forced: false, allows_empty: false }
}

/// Reads and checks all files into the journal, unless it has their rows already; gives the journal and the run.
fn read(
    import: &FileRun<'_>,
    problems: &mut Problems<impl Write + Send>,
) -> Result<(Journal, Staged, OutputPaths), Failure> {
    let FileRun { connection, input, progress, args, .. } = import;
    let (mut journal, owner, fresh) = (import.open()?, owner(connection), args.fresh);
    let open = journal.open_run()?.filter(|_| !fresh);
    let staged = stage_once(&mut journal, &owner, input, "import", open.as_ref(), &progress.listener(), problems)?;
    let run = staged.run;
    tracing::info!(rows = staged.rows, invalid = staged.invalid, seconds = import.seconds(), "read");
    let paths = import.outputs(&journal, &staged)?;
    let resumed = if open.is_some_and(|open| open.run == run) {
        journal.resume(run)?;
        Some(format!("interrupted run {}", run.0))
    } else {
        journal.commence(run, staged.range, fresh)?.then(|| "an interrupted run".to_owned())
    };
    if let Some(resumed) = resumed {
        let (done, rows) = (grouped(journal.settled_rows(run)?), counted(staged.valid, "row"));
        tracing::warn!("resuming {resumed} ({done} of {rows} done)");
    }
    Ok((journal, staged, paths))
}

/// Finds the people, and settles every row that can be settled; gives the journal back.
async fn send(
    import: &FileRun<'_>,
    mut journal: Journal,
    staged: &Staged,
    mut problems: Problems<impl Write>,
) -> Result<(Journal, Sent), Failure> {
    let FileRun { connection, progress, args, signals, .. } = import;
    let (stop, listener) = (&signals.stop, progress.listener());
    let api = connect(connection, &journal, stop, &listener).await?;
    let (people, _) = find_people(&api, &mut journal, staged, &args.people, &mut problems).await?;
    let refused = import.report(problems)?;
    if refused.is_some() || stop.is_raised() {
        return Ok((journal, Sent { requests: api.requests(), people, refused }));
    }
    let delivery = import.delivery(&api, staged.run);
    delivery.prepare(&mut journal, staged, None).await?;
    let guests = delivery.forecast_guests(&journal).await?;
    tracing::info!(requests = api.requests(), seconds = import.seconds(), "listed the organization's groups");
    if !stop.is_raised() {
        let (done, total) = (journal.settled_rows(staged.run)?, staged.valid);
        if done < total {
            // A group is read before it is changed.
            let requests = total - done + journal.planned_updates(staged.run)?;
            progress.announce(&import.forecast(requests, &guests));
        }
        listener(Event::Started { is_deleting: false, done, total });
        delivery.quota.expect(guests.0);
        journal = delivery.carry_out(journal, Selection::default()).await?;
    }
    tracing::info!(requests = api.requests(), seconds = import.seconds(), "sent");
    Ok((journal, Sent { requests: api.requests(), people, refused: None }))
}
