//! `import`: read → check → plan → send → record → report.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use crate::cli::ImportArgs;
use crate::execute::{Api, Policy};
use crate::exit::Ending;
use crate::journal::{Journal, RunId};
use crate::limit::{GUEST_CAP, GuestForecast, GuestLimiter, GuestLimits};
use crate::model::{Event, PeopleCounts, Severity, Speed};
use crate::read;
use crate::report::{Forecast, LogOptions, Problems, Progress, Rejects, Results, Summary, counted, grouped};
use crate::settings::{Config, Connection, Input, OutputPaths, sending_settings};

use super::delivery::Delivery;
use super::organization::connect;
use super::people::find_people;
use super::signals::Signals;
use super::staging::{Staged, fingerprint, owner, restored, stage};
use super::{Context, Failure, block_on, close, outputs};

/// An import, or its dry run, ready to begin.
pub(super) struct Import<'a> {
    start: Instant,
    args: &'a ImportArgs,
    log: &'a LogOptions,
    signals: Signals,
    pub(super) connection: Connection,
    policy: Policy,
    pub(super) guests: GuestLimits,
    pub(super) input: Input,
    pub(super) progress: Progress,
}

/// Imports files.
pub(super) fn run(args: &ImportArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    let import = Import::new(args, context)?;
    let mut problems = context.problems();
    let (journal, staged, paths) = import.read(&mut problems)?;
    import.signals.sending();
    let (journal, sent) = if import.refusal(&problems).is_some() || journal.settled_rows(staged.run)? >= staged.valid {
        (journal, Sent { refused: import.report(problems)?, ..Sent::default() })
    } else {
        block_on(import.send(journal, &staged, problems))?
    };
    let stopped = sent.refused.or_else(|| import.signals.stop.reason().map(Failure::Stopped));
    let differing = journal.differing_groups(staged.run)?;
    if differing > 0 {
        tracing::warn!(
            "groups that exist already and differ from the file: {differing}; an import does not change them: see `warnings` in the results"
        );
    }
    let mut summary = import.write_files(&journal, &staged, &paths)?;
    journal.end_run(staged.run, summary.is_settled())?;
    (summary.requests, summary.people) = (sent.requests, sent.people);
    summary.time = import.start.elapsed();
    drop(import);
    close(summary, stopped, args.output.json, context.log.quiet)
}

/// What sending took.
#[derive(Default)]
struct Sent {
    requests: u64,
    people: PeopleCounts,
    /// Why nothing was sent, with `--strict`.
    refused: Option<Failure>,
}

impl<'a> Import<'a> {
    pub(super) fn new(args: &'a ImportArgs, context: &Context<'a>) -> Result<Self, Failure> {
        let (start, signals) = (Instant::now(), Signals::listen(context.bars)?);
        let connection = Connection::resolve(&args.connection, context.environment)?;
        let (policy, guests) = sending_settings(args)?;
        let input = Input::resolve(&args.input, &args.people, Config::read(context.config, context.environment)?)?;
        let progress = context.progress(args.output.progress);
        Ok(Self { start, args, log: context.log, signals, connection, policy, guests, input, progress })
    }

    /// What the rows of a run are sent with.
    pub(super) fn delivery<E>(&self, api: &Arc<Api<E>>, run: RunId) -> Delivery<E> {
        let (api, concurrency) = (Arc::clone(api), self.connection.limits.concurrency);
        let quota = GuestLimiter::new(self.guests, api.stop.clone(), Arc::clone(&api.listener));
        Delivery { api, policy: self.policy, concurrency, run, quota }
    }

    /// What the open rows of a run take: this many requests; with the rows that invite guests, and whether those are known to be new.
    pub(super) fn forecast(&self, requests: u64, (guests, are_guests_new): &(GuestForecast, bool)) -> Forecast {
        let rate = if let Speed::At(rate) = self.connection.limits.speed { Some(rate) } else { None };
        let is_guest_rate_chosen = self.guests.rate.is_some();
        let guest_rate = self.guests.rate.unwrap_or(GUEST_CAP);
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

    /// Why nothing is sent, with `--strict`.
    fn refusal(&self, problems: &Problems<impl Write>) -> Option<Failure> {
        let (errors, warnings) = (problems.count(Severity::Error), problems.count(Severity::Warning));
        let why = || format!("nothing was sent because of --strict (errors: {errors}, warnings: {warnings})");
        (self.args.strict && errors + warnings > 0).then(|| Failure::Problems(why()))
    }

    /// Says what was found in the files, and whether that keeps everything from being sent.
    fn report(&self, problems: Problems<impl Write>) -> Result<Option<Failure>, Failure> {
        let refusal = self.refusal(&problems);
        if !self.log.quiet {
            problems.finish(None).map_err(Failure::Print)?;
        }
        Ok(refusal)
    }

    /// Reads and checks all files into the journal, unless it has their rows already; gives the journal and the run.
    fn read(&self, problems: &mut Problems<impl Write + Send>) -> Result<(Journal, Staged, OutputPaths), Failure> {
        let Self { connection, input, .. } = self;
        input.files.iter().try_for_each(|path| read::check_file(path))?;
        let log_file = self.log.log_file.as_deref();
        let path = outputs::prepare(self.args, log_file)?;
        let owner = owner(connection);
        let mut journal = Journal::open(&path, &owner)?;
        let fingerprint = fingerprint(input);
        let known = fingerprint.as_deref().map_or(Ok(None), |fingerprint| journal.run_over(fingerprint))?;
        let cut_off = known.filter(|known| known.is_cut_off && !self.args.fresh);
        let run = cut_off.map_or_else(|| journal.begin_run(&owner), |known| Ok(known.run))?;
        let staged = if let Some(earlier) = known {
            let range = if cut_off.is_some() { earlier.range } else { journal.copy_rows(&earlier, run)? };
            restored(&journal, run, range, input, problems)?
        } else {
            let staged = stage(&journal, run, input, &self.progress.listener(), problems)?;
            // If a file changed meanwhile, it is not known what was read.
            let fingerprint = fingerprint.filter(|before| self::fingerprint(input).as_ref() == Some(before));
            journal.note_read(run, fingerprint.as_deref(), problems.counts())?;
            staged
        };
        tracing::info!(rows = staged.rows, invalid = staged.invalid, seconds = self.seconds(), "read");
        let paths = outputs::resolve(self.args, log_file, &journal, &staged)?;
        let resumed = if cut_off.is_some() {
            journal.resume(run)?;
            Some(format!("interrupted run {}", run.0))
        } else {
            journal.commence(run, staged.range, self.args.fresh)?.then(|| "an interrupted run".to_owned())
        };
        if let Some(resumed) = resumed {
            let (done, rows) = (grouped(journal.settled_rows(run)?), counted(staged.valid, "row"));
            tracing::warn!("resuming {resumed} ({done} of {rows} done)");
        }
        Ok((journal, staged, paths))
    }

    /// Finds the people, and settles every row that can be settled; gives the journal back.
    async fn send(
        &self,
        mut journal: Journal,
        staged: &Staged,
        mut problems: Problems<impl Write>,
    ) -> Result<(Journal, Sent), Failure> {
        let (stop, listener) = (&self.signals.stop, self.progress.listener());
        let api = connect(&self.connection, &journal, stop, &listener).await?;
        let people = find_people(&api, &mut journal, staged, &self.args.people, &mut problems).await?;
        let refused = self.report(problems)?;
        if refused.is_some() || stop.is_raised() {
            return Ok((journal, Sent { requests: api.requests(), people, refused }));
        }
        let delivery = self.delivery(&api, staged.run);
        delivery.prepare(&mut journal, staged).await?;
        let guests = delivery.forecast_guests(&mut journal).await?;
        tracing::info!(requests = api.requests(), seconds = self.seconds(), "listed the organization's groups");
        if !stop.is_raised() {
            let (done, total) = (journal.settled_rows(staged.run)?, staged.valid);
            if done < total {
                self.progress.announce(&self.forecast(total - done, &guests));
            }
            listener(Event::Started { is_deleting: false, done, total });
            delivery.quota.expect(guests.0);
            journal = delivery.carry_out(journal, false).await?;
        }
        tracing::info!(requests = api.requests(), seconds = self.seconds(), "sent");
        Ok((journal, Sent { requests: api.requests(), people, refused: None }))
    }

    /// Writes results and rejects; gives the summary.
    fn write_files(&self, journal: &Journal, staged: &Staged, paths: &OutputPaths) -> Result<Summary, Failure> {
        let mut summary = Summary::new(false, staged.files.clone(), &self.connection.organization);
        let mut results = Results::create(&paths.results, &staged.files, self.args.with_input)?;
        let mut rejects = Rejects::new(&paths.rejects, &staged.files);
        journal.results::<Failure>(staged.run, |row| {
            summary.add(row);
            results.write(row)?;
            if row.status.is_open() {
                rejects.write(row)?;
            }
            Ok(())
        })?;
        let accounted = summary.counts().total();
        if accounted != staged.rows {
            return Err(Failure::Defect(format!("{} rows were read but {accounted} have a result", staged.rows)));
        }
        results.finish()?;
        summary.results = Some(paths.results.clone());
        summary.rejects = outputs::put_rejects(journal, staged.run, rejects)?;
        (summary.journal, summary.run) = (paths.journal.clone(), staged.run.0);
        Ok(summary)
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
