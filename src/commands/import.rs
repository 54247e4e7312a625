//! `import`: read → check → plan → send → record → report.

use std::io::{LineWriter, Write};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::cli::{ImportArgs, LogArgs};
use crate::exit::Ending;
use crate::journal::{Journal, ReadBefore, RunId, Writer};
use crate::model::{Event, Listener, OutcomeStatus, ProblemFormat, Severity, Status};
use crate::read;
use crate::report::{Closing, ProblemStyle, Problems, Progress, Rejects, Results, StatusLine, Summary};
use crate::send::Stop;
use crate::settings::{Connection, Environment, Input, OutputPaths, SendingSettings, progress_mode};

use super::block_on;
use super::delivery::Delivery;
use super::forecast::{Speeds, forecast};
use super::organization::Line;
use super::signals::Signals;
use super::staging::{Staged, fingerprint, owner, restored, stage, stamps};
use super::{Failure, close, outputs};

/// An import under way.
struct Import<'a> {
    args: &'a ImportArgs,
    log: &'a LogArgs,
    connection: Connection,
    sending: SendingSettings,
    listener: Listener,
    start: Instant,
}

/// A run whose rows are in the journal.
struct StagedRun {
    journal: Journal,
    run: RunId,
    staged: Staged,
    paths: OutputPaths,
}

/// The sending, done or stopped.
struct Sent {
    journal: Journal,
    /// Why it stopped before its end, if it did.
    stopped: Option<Failure>,
    requests: u64,
}

/// Imports files.
pub(super) fn run(
    args: &ImportArgs,
    log: &LogArgs,
    environment: &Environment,
    bars: &StatusLine,
) -> Result<Ending, Failure> {
    let start = Instant::now();
    let signals = Signals::listen(bars)?;
    let connection = Connection::resolve(&args.connection, args.sandbox, environment)?;
    let sending = SendingSettings::resolve(args, &connection, environment)?;
    let input = Input::resolve(&args.input, environment)?;
    let progress = Progress::start(progress_mode(args.progress, log.quiet, environment)?, bars);
    let import = Import { args, log, connection, sending, listener: progress.listener(), start };
    let style = ProblemStyle { format: ProblemFormat::Counts, shows_all: log.verbose > 0 };
    let mut problems = Problems::new(LineWriter::new(bars.clone()), style);
    let StagedRun { journal, run, staged, paths } = import.read(&input, &mut problems)?;
    let (errors, warnings) = (problems.count(Severity::Error), problems.count(Severity::Warning));
    if !log.quiet {
        problems.finish(None).map_err(Failure::Print)?;
    }
    let sent = if args.strict && errors + warnings > 0 {
        Sent { journal, stopped: Some(Failure::Strict { errors, warnings }), requests: 0 }
    } else {
        import.send(journal, run, &staged, &signals.sending())?
    };
    progress.finish();
    import.report(sent, run, &staged, paths)
}

impl Import<'_> {
    /// Reads and checks all files into the journal, unless it has their rows already.
    fn read(&self, input: &Input, problems: &mut Problems<impl Write>) -> Result<StagedRun, Failure> {
        read::check_files(&input.files)?;
        let path = outputs::prepare(self.args, self.log.log_file.as_deref())?;
        let owner = owner(&self.connection);
        let mut journal = Journal::open(&path, &owner)?;
        let fingerprint = fingerprint(input);
        let known = fingerprint.as_deref().map_or(Ok(None), |fingerprint| journal.run_over(fingerprint))?;
        let resolve = |journal: &Journal, run: RunId, staged: &Staged| {
            outputs::resolve(self.args, self.log.log_file.as_deref(), &staged.files, (journal, run))
        };
        if let Some(ReadBefore { run, range, is_cut_off: true }) = known.filter(|_| !self.args.fresh) {
            tracing::warn!("resuming interrupted run {}", run.0);
            let staged = restored(&journal, run, range, input, problems)?;
            let paths = resolve(&journal, run, &staged)?;
            journal.resume(run)?;
            return Ok(StagedRun { journal, run, staged, paths });
        }
        let run = journal.begin_run(&owner)?;
        let staged = if let Some(earlier) = known {
            let range = journal.copy_rows(&earlier, run)?;
            restored(&journal, run, range, input, problems)?
        } else {
            let stamps = stamps(input);
            let staged = stage(&journal, run, input, &self.listener, problems)?;
            journal.note_problems(run, problems.counts())?;
            // Of a file that changed meanwhile it is not known what was read.
            if let Some(fingerprint) = fingerprint.as_deref().filter(|_| stamps == self::stamps(input)) {
                journal.note_fingerprint(run, fingerprint)?;
            }
            staged
        };
        tracing::info!(rows = staged.rows, invalid = staged.invalid, seconds = self.seconds(), "read");
        let paths = resolve(&journal, run, &staged)?;
        if journal.commence(run, staged.range, self.args.fresh)? {
            tracing::warn!("resuming an interrupted run");
        }
        Ok(StagedRun { journal, run, staged, paths })
    }

    /// Settles every row that can be settled.
    fn send(&self, journal: Journal, run: RunId, staged: &Staged, stop: &Stop) -> Result<Sent, Failure> {
        if journal.open_rows(run)? == 0 {
            return Ok(Sent { journal, stopped: None, requests: 0 });
        }
        let speeds = Speeds { requests: self.connection.speed, guests: self.sending.guests.rate };
        (self.listener)(Event::Forecast(forecast(&journal, run, None, speeds)?));
        block_on(self.send_rows(journal, run, staged, stop))?
    }

    async fn send_rows(&self, mut journal: Journal, run: RunId, staged: &Staged, stop: &Stop) -> Result<Sent, Failure> {
        let line = Line::open(&self.connection, &journal, stop, &self.listener)?;
        let delivery = Delivery {
            api: line.api.clone(),
            policy: self.sending.policy,
            guests: self.sending.guests,
            lanes: self.connection.concurrency,
            listener: self.listener.clone(),
        };
        delivery.prepare(&mut journal, run, &staged.names).await?;
        tracing::info!(requests = line.api.requests(), seconds = self.seconds(), "listed the organization's groups");
        if !stop.is_raised() {
            let (done, total) = journal.progress(run)?;
            (self.listener)(Event::Sending { done, total });
            let (writer, sending) = delivery.send(journal, run)?;
            let writer = on_own_thread(writer)?;
            sending.await;
            journal = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let lanes = self.connection.concurrency;
        if line.api.limiter.is_cramped() {
            tracing::warn!("as many requests were in flight as --concurrency lets ({lanes}); more would be faster");
        }
        let requests = line.api.requests();
        tracing::info!(requests, seconds = self.seconds(), "sent");
        Ok(Sent { journal, stopped: stop.reason().map(Failure::Stopped), requests })
    }

    /// Writes results and rejects, closes the run, and says how it ended.
    fn report(&self, sent: Sent, run: RunId, staged: &Staged, paths: OutputPaths) -> Result<Ending, Failure> {
        let (summary, rejects) = self.write_files(&sent, run, staged, &paths)?;
        let counts = summary.counts();
        let is_settled = counts.of(Status::Pending) + counts.of(Status::Unknown) == 0;
        sent.journal.end_run(run, is_settled)?;
        let pending = counts.of(Status::Pending);
        let stopped = match sent.stopped {
            None if pending > 0 => Some(Failure::Forgotten(pending)),
            // A stop that came after the last row stopped nothing.
            Some(Failure::Stopped(_)) if is_settled => None,
            stopped => stopped,
        };
        let ending = stopped.as_ref().map_or_else(|| Ending::of_counts(counts), Failure::ending);
        let closing = Closing {
            results: Some(paths.results),
            rejects,
            journal: paths.journal,
            run: run.0,
            requests: sent.requests,
            time: self.start.elapsed(),
            rows: staged.rows,
            stopped: stopped.as_ref().map(ToString::to_string),
            exit_code: ending.code(),
        };
        close(&summary, &closing, self.args.json, self.log.quiet)?;
        stopped.map_or(Ok(ending), Err)
    }

    fn write_files(
        &self,
        sent: &Sent,
        run: RunId,
        staged: &Staged,
        paths: &OutputPaths,
    ) -> Result<(Summary, Vec<std::path::PathBuf>), Failure> {
        let mut summary = Summary::new(staged.files.clone(), &self.connection.organization);
        let mut results = Results::create(&paths.results, &staged.files, self.args.with_input)?;
        let mut rejects = Rejects::new(&paths.rejects, &staged.files);
        sent.journal.accounts::<Failure>(run, |account| {
            summary.add(account);
            results.write(account)?;
            if account.status.is_open() {
                rejects.write(account)?;
            }
            Ok(())
        })?;
        let accounted = summary.counts().total();
        if accounted != staged.rows {
            return Err(Failure::Unbalanced { read: staged.rows, accounted });
        }
        results.finish()?;
        Ok((summary, outputs::put_rejects(&sent.journal, run, rejects)?))
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// A commit must not keep the lanes waiting.
fn on_own_thread(writer: Writer) -> Result<JoinHandle<Result<Journal, Failure>>, Failure> {
    let work = move || Ok(block_on(writer.work())??);
    thread::Builder::new().name("journal".to_owned()).spawn(work).map_err(Failure::Start)
}
