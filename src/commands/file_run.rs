//! What runs over files have in common: the settings, the forecast, `--strict`, and the files that are written at the end.

use std::io::Write;
use std::iter;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use hashbrown::HashMap;

use crate::cli::RunArgs;
use crate::execute::{Api, Policy};
use crate::exit::Ending;
use crate::journal::{Journal, JournalError, RunId};
use crate::limit::{GUEST_CAP, GuestForecast, GuestLimiter, Limits};
use crate::model::{Format, PeopleCounts, Severity, Speed, shown, shown_path};
use crate::read;
use crate::report::{
    Forecast, LogOptions, PlanTally, PlanView, Problems, Progress, Rejects, Results, RunKind, Summary, probe,
    reject_paths,
};
use crate::settings::{Config, Connection, Input, OutputPaths};

use super::delivery::Delivery;
use super::outputs::{Flagged, keep_apart, make_folder, put_rejects};
use super::signals::Signals;
use super::staging::{Staged, owner};
use super::{Context, Failure, close};

/// A run over files, or its dry run, ready to begin.
pub(super) struct FileRun<'a> {
    kind: RunKind,
    /// Where rejects go, if that was typed.
    rejects: Option<&'a PathBuf>,
    pub(super) start: Instant,
    pub(super) args: &'a RunArgs,
    log: &'a LogOptions,
    pub(super) signals: Signals,
    pub(super) connection: Connection,
    policy: Policy,
    pub(super) input: Input,
    pub(super) progress: Progress,
}

/// What sending took.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) requests: u64,
    pub(super) people: PeopleCounts,
    /// Why nothing was sent, if something refused.
    pub(super) refused: Option<Failure>,
}

impl<'a> FileRun<'a> {
    pub(super) fn new(
        kind: RunKind,
        args: &'a RunArgs,
        rejects: Option<&'a PathBuf>,
        policy: Policy,
        context: &Context<'a>,
    ) -> Result<Self, Failure> {
        let (start, signals) = (Instant::now(), Signals::listen(context.bars)?);
        let connection = Connection::resolve(&args.connection, context.environment)?;
        let input = Input::resolve(&args.input, &args.people, Config::read(context.config, context.environment)?)?;
        let progress = context.progress(args.output.progress);
        Ok(Self { kind, rejects, start, args, log: context.log, signals, connection, policy, input, progress })
    }

    /// Opens the journal, after the files and the outputs that are known already: these overwrite nothing.
    pub(super) fn open(&self) -> Result<Journal, Failure> {
        self.input.files.iter().try_for_each(|path| read::check_file(path))?;
        make_folder(self.args.output.out_dir.as_deref())?;
        let OutputPaths { results, journal, .. } = OutputPaths::resolve(self.args, None, Format::Csv);
        let rejects = self.rejects.map(|path| ("--rejects", path.clone()));
        let outputs = [("--results", results), ("--journal", journal.clone())].into_iter().chain(rejects);
        keep_apart(&self.input.files, outputs, self.log.log_file.as_deref())?;
        Ok(Journal::open(&journal, &owner(&self.connection))?)
    }

    /// The journal of earlier runs, for a dry run.
    pub(super) fn past(&self) -> Result<Option<Journal>, JournalError> {
        let past = Journal::peek(&OutputPaths::resolve(self.args, None, Format::Csv).journal)?;
        past.as_ref().map_or(Ok(()), |past| past.check_owner(&owner(&self.connection)))?;
        Ok(past)
    }

    /// The outputs of a run whose files are in the journal. Results and rejects can be written there, which the journal notes.
    pub(super) fn outputs(
        &self,
        journal: &Journal,
        Staged { run, files, .. }: &Staged,
    ) -> Result<OutputPaths, Failure> {
        let first = files.first().map_or(Format::Csv, |file| file.dialect.format);
        let paths = OutputPaths::resolve(self.args, self.rejects, first);
        let own = if self.kind == RunKind::Import { reject_paths(&paths.rejects, files) } else { Vec::new() };
        let own = own.into_iter().map(|(_, path)| ("--rejects", path));
        let written: Vec<Flagged> = iter::once(("--results", paths.results.clone())).chain(own).collect();
        for (flag, path) in &written {
            let is_typed =
                if *flag == "--results" { self.args.output.results.is_some() } else { self.rejects.is_some() };
            // Results and rejects belong to the first file of the last run that wrote them, as the journal says; only runs over that
            // file replace them. Files of one stem in one folder share a journal, so it knows all runs with the same default path.
            if let Some(owner) = journal.other_owner(*run, path)?.filter(|_| !is_typed && path.exists()) {
                return Err(Failure::Usage(format!(
                    "{} belongs to the import of {}; nothing was sent: name another folder with --out-dir, or move that file away",
                    shown_path(path),
                    shown(&owner)
                )));
            }
            probe(path, is_typed).map_err(Failure::Unwritable)?;
        }
        let outputs = written.iter().cloned().chain([("--journal", paths.journal.clone())]);
        keep_apart(&self.input.files, outputs, self.log.log_file.as_deref())?;
        written.iter().try_for_each(|(_, path)| journal.note_written(*run, path, None))?;
        Ok(paths)
    }

    /// What the rows of a run are sent with.
    pub(super) fn delivery<E>(&self, api: &Arc<Api<E>>, run: RunId) -> Delivery<E> {
        let (api, Limits { concurrency, wait_max, .. }) = (Arc::clone(api), self.connection.limits);
        let quota = GuestLimiter::new(self.args.guest_rate, wait_max, api.stop.clone(), Arc::clone(&api.listener));
        Delivery { api, policy: self.policy, concurrency, run, quota }
    }

    /// What the open rows of a run take: this many requests; with the rows that invite guests, and whether those are known to be new.
    pub(super) fn forecast(&self, requests: u64, (guests, are_guests_new): &(GuestForecast, bool)) -> Forecast {
        let rate = if let Speed::At(rate) = self.connection.limits.speed { Some(rate) } else { None };
        let is_guest_rate_chosen = self.args.guest_rate.is_some();
        let guest_rate = self.args.guest_rate.unwrap_or(GUEST_CAP);
        let (most, allowed) = (guests.most, guest_rate.requests.get());
        if most > u64::from(allowed) {
            let whose = if is_guest_rate_chosen { "--guest-rate" } else { "the guest quota" };
            tracing::warn!(
                "a row has {most} new guests, more than {whose} allows at once ({allowed}); it is sent alone and may be refused"
            );
        }
        let (guests, guest_time) = (guests.guests, guests.time());
        Forecast {
            requests,
            rate,
            guests,
            are_guests_new: *are_guests_new,
            guest_rate,
            is_guest_rate_chosen,
            guest_time,
        }
    }

    /// What is shown of the plan of a run beside its actions.
    pub(super) fn view<'v>(
        &'v self,
        journal: &Journal,
        staged: &'v Staged,
        tally: PlanTally,
        forecast: &'v Forecast,
    ) -> Result<PlanView<'v>, JournalError> {
        Ok(PlanView {
            title: PlanView::title(&staged.files, staged.rows),
            files: &staged.files,
            rows: staged.rows,
            unsent: journal.unsent_rows(staged.run)?,
            organization: &self.connection.organization,
            tally,
            plan: None,
            labels: HashMap::new(),
            forecast: Some(forecast),
            is_full: false,
        })
    }

    /// Why nothing is sent, with `--strict`.
    pub(super) fn refusal(&self, problems: &Problems<impl Write>) -> Option<Failure> {
        let (errors, warnings) = (problems.count(Severity::Error), problems.count(Severity::Warning));
        let why = || format!("nothing was sent because of --strict (errors: {errors}, warnings: {warnings})");
        (self.args.strict && errors + warnings > 0).then(|| Failure::Problems(why()))
    }

    /// Says what was found in the files, and whether that keeps everything from being sent.
    pub(super) fn report(&self, problems: Problems<impl Write>) -> Result<Option<Failure>, Failure> {
        let refusal = self.refusal(&problems);
        if !self.log.quiet {
            problems.finish(None).map_err(Failure::Print)?;
        }
        Ok(refusal)
    }

    /// Writes the results, and rejects if the run has some; closes the run, and prints the summary.
    pub(super) fn finish(
        self,
        journal: &Journal,
        staged: &Staged,
        paths: &OutputPaths,
        sent: Sent,
    ) -> Result<Ending, Failure> {
        let mut summary = Summary::new(self.kind, staged.files.clone(), &self.connection.organization);
        summary.is_strict = self.args.strict;
        let mut results = Results::create(&paths.results, &staged.files, self.args.with_input)?;
        let mut rejects = Rejects::new(&paths.rejects, &staged.files);
        let mut accounted = 0;
        journal.results::<Failure>(staged.run, false, |row| {
            summary.add(row);
            results.write(row)?;
            accounted += u64::from(row.place.is_some());
            if self.kind == RunKind::Import && row.status.is_open() {
                rejects.write(row)?;
            }
            Ok(())
        })?;
        if accounted != staged.rows {
            return Err(Failure::Defect(format!("{} rows were read but {accounted} have a result", staged.rows)));
        }
        results.finish()?;
        summary.results = Some(paths.results.clone());
        if self.kind == RunKind::Import {
            summary.rejects = put_rejects(journal, staged.run, rejects)?;
        }
        journal.end_run(staged.run, summary.is_settled())?;
        (summary.journal, summary.run) = (paths.journal.clone(), staged.run.0);
        (summary.requests, summary.people, summary.time) = (sent.requests, sent.people, self.start.elapsed());
        let stopped = sent.refused.or_else(|| self.signals.stop.reason().map(Failure::Stopped));
        drop(self.progress);
        close(summary, stopped, self.args.output.json, self.log.quiet)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
