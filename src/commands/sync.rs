//! `sync`: read → check → find people → plan → show and ask → journal → carry out → report.

use std::io::{self, Write};
use std::sync::Arc;

use console::Term;

use crate::cli::{RunArgs, SyncArgs};
use crate::execute::{Api, Policy};
use crate::exit::Ending;
use crate::journal::{Journal, JournalError, OpenRun, Selection};
use crate::model::{
    Action, ActionKind, Event, Format, Guard, MembersMode, OnDuplicate, OnExisting, PeopleCounts, Plan,
};
use crate::plan::{MergePolicy, SyncPolicy};
use crate::report::{Forecast, Form, Output, PlanTally, PlanView, Problems, RunKind};
use crate::resolve::Directory;
use crate::settings::OutputPaths;
use crate::tallyfy::Http;

use super::delivery::Delivery;
use super::file_run::{FileRun, Sent};
use super::organization::connect;
use super::people::find_people;
use super::question::agree;
use super::staging::{Staged, owner, stage, stage_once};
use super::{Context, Failure, block_on, outputs};

/// A sync, ready to begin.
struct Sync<'a> {
    run: FileRun<'a>,
    args: &'a SyncArgs,
    context: &'a Context<'a>,
}

/// What is known when everything is read.
struct Planned {
    plan: Plan,
    /// The rows with an error.
    invalid: Vec<Action>,
    directory: Directory,
    forecast: Forecast,
    people: PeopleCounts,
}

/// Makes the organization match the files.
pub(super) fn run(args: &SyncArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let policy = Policy {
        matching: args.run.input.match_names,
        on_existing: OnExisting::Fail,
        is_forced: false,
        allows_empty: args.allow_empty,
    };
    let sync = Sync { run: FileRun::new(RunKind::Sync, &args.run, None, policy, context)?, args, context };
    if args.prune && args.run.input.limit.is_some() {
        return Err(Failure::Usage("--prune needs all rows of the files: leave --limit out".to_owned()));
    }
    if let Some(path) = &args.markdown {
        let OutputPaths { results, journal, .. } = OutputPaths::resolve(&args.run, None, Format::Csv);
        let outputs = [("--results", results), ("--journal", journal), ("--markdown", path.clone())];
        outputs::keep_apart(&args.run.input.files, outputs, context.log.log_file.as_deref())?;
    }
    if args.run.dry_run { sync.show() } else { sync.apply() }
}

impl Sync<'_> {
    /// Shows the plan, and changes nothing.
    fn show(&self) -> Result<Ending, Failure> {
        let FileRun { connection, input, progress, args, .. } = &self.run;
        let mut problems = self.context.problems();
        let mut journal = Journal::scratch()?;
        let run = journal.begin_run(&owner(connection))?;
        let staged = stage(&journal, run, input, &progress.listener(), &mut problems)?;
        let past = self.run.past()?;
        self.check_files(past.as_ref(), &journal, &staged)?;
        let planned = block_on(async {
            let api = self.connect(past.as_ref().unwrap_or(&journal)).await?;
            self.plan(&self.run.delivery(&api, run), &mut journal, past.as_ref(), &staged, &mut problems).await
        })?;
        let refused = self.run.report(problems)?;
        let held = planned.plan.count(ActionKind::Held) + planned.plan.count(ActionKind::Fail);
        let ending = match () {
            () if !planned.invalid.is_empty() => Ending::Problems,
            () if held > 0 => Ending::Incomplete,
            () if args.detailed_exitcode && planned.plan.changes() > 0 => Ending::Changes,
            () => Ending::Complete,
        };
        let is_silent = self.context.log.quiet && !args.output.json && refused.is_none() && ending.is_well();
        self.show_plan(&planned, &journal, &staged, is_silent)?;
        refused.map_or(Ok(ending), Err)
    }

    /// Applies the plan, or resumes one that was cut off.
    fn apply(self) -> Result<Ending, Failure> {
        let FileRun { connection, input, progress, args, .. } = &self.run;
        let (mut problems, mut journal) = (self.context.problems(), self.run.open()?);
        let SyncArgs { prune, adopt, members, allow_empty, .. } = self.args;
        let command = format!("sync {prune} {adopt} {members:?} {allow_empty} {:?}", args.people);
        let (owner, listener) = (owner(connection), progress.listener());
        let open = journal.open_run()?;
        if open.as_ref().is_some_and(|open| open.plan.is_none() && !args.fresh) {
            let why =
                "the journal holds an import that was cut off: run that import again first, or start over with --fresh";
            return Err(Failure::Usage(why.to_owned()));
        }
        let resumed = open.as_ref().filter(|_| !args.fresh);
        let staged = stage_once(&mut journal, &owner, input, &command, resumed, &listener, &mut problems)?;
        if open.as_ref().is_none_or(|open| open.run != staged.run) {
            self.check_files(Some(&journal), &journal, &staged)?;
        }
        let paths = self.run.outputs(&journal, &staged)?;
        let (journal, sent) = block_on(self.send(journal, &staged, open, problems))?;
        let Some(sent) = sent else { return Ok(Ending::Complete) };
        self.run.finish(&journal, &staged, &paths, sent)
    }

    /// Nobody is removed by rejects that have a part of a group's people. Groups are deleted only by the files that listed them: those of
    /// the last sync that `past` knows.
    fn check_files(&self, past: Option<&Journal>, journal: &Journal, staged: &Staged) -> Result<(), Failure> {
        let SyncArgs { prune, members, .. } = self.args;
        let are_rejects = staged.files.iter().any(|file| file.dialect.is_rejects);
        let RunArgs { input, .. } = &self.args.run;
        let has_parts =
            || Ok::<_, JournalError>(input.on_duplicate == OnDuplicate::Merge || journal.has_persons(staged.run)?);
        if (are_rejects || input.limit.is_some()) && *members != MembersMode::Add && has_parts()? {
            let what = if are_rejects { "these rejects" } else { "the first rows" };
            return Err(Failure::Usage(format!(
                "{what} have only some of the people of their groups, and the others would be removed: import them, or sync the \
                 whole file"
            )));
        }
        if !prune {
            return Ok(());
        }
        if are_rejects {
            let why = "--prune would delete all groups that these rejects do not have: sync the whole file";
            return Err(Failure::Usage(why.to_owned()));
        }
        let Some(past) = past.filter(|_| self.args.run.output.journal.is_none()) else { return Ok(()) };
        let (before, now) = (past.paths(None)?, journal.paths(Some(staged.run))?);
        let is_same = |[canonical, place]: &[String; 2]| now.iter().any(|own| own[0] == *canonical || own[1] == *place);
        if before.is_empty() || before.len() == now.len() && before.iter().all(is_same) {
            return Ok(());
        }
        let why = "--prune would delete the groups of other files: the last sync over this journal read others; name the same \
                   files, or the journal with --journal";
        Err(Failure::Usage(why.to_owned()))
    }

    async fn connect(&self, past: &Journal) -> Result<Arc<Api<Http>>, Failure> {
        connect(&self.run.connection, past, &self.run.signals.stop, &self.run.progress.listener()).await
    }

    /// Makes the plan, asks, and carries it out.
    async fn send(
        &self,
        mut journal: Journal,
        staged: &Staged,
        open: Option<OpenRun>,
        mut problems: Problems<impl Write>,
    ) -> Result<(Journal, Option<Sent>), Failure> {
        let api = self.connect(&journal).await?;
        let delivery = self.run.delivery(&api, staged.run);
        let mut people = PeopleCounts::default();
        if let Some(open) = open.as_ref().filter(|open| open.run == staged.run) {
            self.accepts(open.plan.as_deref().unwrap_or_default(), "the plan of the run that was cut off")?;
            self.run.report(problems)?;
            tracing::warn!("resuming interrupted run {}", open.run.0);
            delivery.resume(&mut journal).await?;
            delivery.learn_guests(&journal, journal.has_open_guests(staged.run)?).await?;
        } else {
            if let Some(open) = open {
                self.run.delivery(&api, open.run).settle(&mut journal).await?;
            }
            tracing::info!(seconds = self.run.seconds(), "read");
            let planned = self.plan(&delivery, &mut journal, None, staged, &mut problems).await?;
            tracing::info!(seconds = self.run.seconds(), "planned");
            people = planned.people;
            let refused = self.run.report(problems)?;
            if refused.is_some() {
                return Ok((journal, Some(Sent { requests: api.requests(), people, refused })));
            }
            let is_agreed = self.args.yes || self.args.accept.is_some() || planned.plan.changes() == 0;
            self.show_plan(&planned, &journal, staged, self.context.log.quiet && is_agreed)?;
            let (count, organization) = (planned.plan.changes(), &self.run.connection.organization);
            let cure = format!("--yes changes them without asking, and --accept {} only by this plan", planned.plan.id);
            let ask = || agree(count, "change", organization, !self.args.no_input, &cure);
            if !is_agreed && !self.context.bars.suspend(ask)? {
                writeln!(io::stderr(), "nothing was changed").map_err(Failure::Print)?;
                return Ok((journal, None));
            }
            journal.commence_sync(staged.run, staged.range.1, planned.plan)?;
        }
        // From here on an interrupt ends in order; while a question is asked it ends the program.
        self.run.signals.sending();
        delivery.quota.expect(delivery.new_guests(&journal)?);
        let levels = journal.levels(staged.run, false)?;
        let total = levels.iter().map(|(_, operations)| operations).sum();
        (api.listener)(Event::Started { is_deleting: false, done: 0, total });
        for (level, _) in levels {
            if api.stop.is_raised() {
                break;
            }
            journal.hold_back(staged.run, level)?;
            journal = delivery.carry_out(journal, Selection { level, is_undo: false }).await?;
        }
        Ok((journal, Some(Sent { requests: api.requests(), people, refused: None })))
    }

    /// Reads the organization, and makes the plan. What is owned is known by `past`, or by the same journal.
    async fn plan(
        &self,
        delivery: &Delivery<Http>,
        journal: &mut Journal,
        past: Option<&Journal>,
        staged: &Staged,
        problems: &mut Problems<impl Write>,
    ) -> Result<Planned, Failure> {
        let api = &delivery.api;
        let (people, directory) = find_people(api, journal, staged, &self.args.run.people, problems).await?;
        api.stop.reason().map_or(Ok(()), |reason| Err(Failure::Stopped(reason)))?;
        let SyncArgs { members, allow_empty, adopt, prune, guards, .. } = self.args;
        let merge = MergePolicy { members: *members, allows_empty: *allow_empty };
        let policy = SyncPolicy { merge, adopts: *adopt, prunes: *prune };
        let past = past.unwrap_or(journal);
        let plan = delivery.plan(journal, past, staged, &self.run.connection.organization, policy, guards).await?;
        let forecast = self.forecast(&plan, delivery, past).await?;
        let mut invalid = Vec::new();
        journal.planned_actions::<JournalError>(staged.run, ActionKind::Invalid, |action| {
            invalid.push(action.clone());
            Ok(())
        })?;
        Ok(Planned { plan, invalid, directory, forecast, people })
    }

    /// What the plan takes.
    async fn forecast(&self, plan: &Plan, delivery: &Delivery<Http>, journal: &Journal) -> Result<Forecast, Failure> {
        let changes = || plan.actions.iter().filter(|action| action.kind.is_change());
        // What exists is read right before it is changed.
        let requests = changes().map(|action| if action.kind == ActionKind::Create { 1 } else { 2 }).sum();
        let invited = || {
            changes().filter_map(|action| match action.kind {
                ActionKind::Create => Some(&action.group.guests),
                ActionKind::Delete => None,
                _ => Some(&action.edit.guests.add),
            })
        };
        let are_listed = delivery.learn_guests(journal, invited().any(|guests| !guests.is_empty())).await?;
        let mut guests = delivery.quota.forecast();
        invited().filter(|invited| !delivery.quota.knows(invited)).for_each(|invited| guests.add(invited));
        Ok(self.run.forecast(requests, &(guests, are_listed)))
    }

    /// Prints the plan, unless it is to be silent and no guard refuses it: on standard error where the summary follows as JSON on
    /// standard output.
    fn show_plan(&self, planned: &Planned, journal: &Journal, staged: &Staged, is_silent: bool) -> Result<(), Failure> {
        let SyncArgs { full, markdown, run, .. } = self.args;
        let Planned { plan, invalid, forecast, directory, .. } = planned;
        let mut tally = PlanTally::default();
        let actions = || invalid.iter().chain(&plan.actions);
        actions().for_each(|action| tally.add(action));
        let view = self.run.view(journal, staged, tally, forecast)?;
        let view = PlanView { plan: Some(plan), labels: directory.labels(), is_full: *full, ..view };
        if let Some(path) = markdown {
            let mut file = Output::create(path).map_err(Failure::Unwritable)?;
            file.bytes(view.markdown(actions()).as_bytes())
                .and_then(|()| file.finish())
                .map_err(Failure::Unwritable)?;
        }
        let allowed = self.may_be_applied(&planned.plan, journal, staged);
        if is_silent && allowed.is_ok() {
            return Ok(());
        }
        let printed = self.context.bars.suspend(|| match (run.output.json, run.dry_run || allowed.is_err()) {
            (true, true) => view.write(Form::Json, actions(), io::stdout().lock()).map(drop),
            (true, false) => view.write(Form::text(&Term::stderr()), actions(), io::stderr().lock()).map(drop),
            (false, _) => view.write(Form::text(&Term::stdout()), actions(), io::stdout().lock()).map(drop),
        });
        printed.map_err(Failure::Print).and(allowed)
    }

    /// Whether the guards let the plan pass, or it is the one that was accepted.
    fn may_be_applied(&self, plan: &Plan, journal: &Journal, staged: &Staged) -> Result<(), Failure> {
        if staged.rows == 0 {
            return Err(Failure::Refused("the files have no rows".to_owned()));
        }
        // The run that was cut off may have done everything.
        if let Some(accepted) = self.args.accept.as_ref().filter(|_| plan.changes() == 0)
            && journal.has_applied(accepted)?
        {
            return Ok(());
        }
        if self.accepts(&plan.id, "the organization or the files have changed: the plan")? {
            return Ok(());
        }
        let exceeded: Vec<String> = plan.guards.iter().filter(|guard| guard.is_exceeded()).map(refusal).collect();
        if exceeded.is_empty() {
            return Ok(());
        }
        let cure = format!("if that is right, --accept {} applies this plan", plan.id);
        Err(Failure::Refused(format!("{}: {cure}", exceeded.join("; "))))
    }

    /// Whether this plan was accepted; an error if another one was.
    fn accepts(&self, plan: &str, what: &str) -> Result<bool, Failure> {
        match &self.args.accept {
            Some(accepted) if accepted != plan => Err(Failure::Refused(format!("{what} is {plan}, not {accepted}"))),
            accepted => Ok(accepted.is_some()),
        }
    }
}

/// A guard that is exceeded, in words.
fn refusal(guard: &Guard) -> String {
    let Guard { name, count, base, limit } = guard;
    let limit = limit.unwrap_or_default();
    format!("the plan would {name} {count} of {base} (--max-{name}: {limit})")
}
