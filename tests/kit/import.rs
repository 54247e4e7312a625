//! Runs an import inside the test process, against the simulated server. The only file of the kit that names the inside
//! of the crate: when the pipeline changes, this file changes, and no test.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Parser;
use rusqlite::Connection;
use tallyfy_groups::cli::{Cli, Command};
use tallyfy_groups::commands::{Delivery, Staged, stage};
use tallyfy_groups::execute::{Api, Policy, Refusals};
use tallyfy_groups::journal::{Journal, JournalError, Now, Owner, Realm, RequestLog, RunId, Selection, ServerClock};
use tallyfy_groups::limit::{GuestLimiter, Limits, RateLimiter, Stop};
use tallyfy_groups::model::{self, Event, Listener, MatchNames, OnExisting, ProblemFormat, Rate, Speed, StopReason};
use tallyfy_groups::report::{Problems, Results};
use tallyfy_groups::resolve::PeopleRules;
use tallyfy_groups::sandbox::{Reply, Response};
use tallyfy_groups::settings::{Config, Input};
use tallyfy_groups::tallyfy::{
    Answer, BodyError, Call, Credentials, Endpoints, Hints, Method, Token, Transport, TransportError,
};
use tokio::time::Instant;

use super::server::{ORG, Server, name, request};
use super::{End, Finished, GuestEstimate, Outcome, Settings, Workspace};

/// Imports the file of the workspace; `None` if the import was killed.
pub(crate) async fn import(workspace: &Workspace, server: &Server, settings: &Settings, end: End) -> Option<Finished> {
    let stop = Stop::default();
    ended(async { run(workspace, server, settings, &stop).await.0 }, end, &stop).await
}

/// Works until it ends, by itself or not; `None` if it was killed.
pub(super) async fn ended<T>(work: impl Future<Output = T>, end: End, stop: &Stop) -> Option<T> {
    match end {
        End::Natural => Some(work.await),
        End::Killed(after) => tokio::time::timeout(after, work).await.ok(),
        End::Interrupted(after) => {
            let interrupt = async {
                tokio::time::sleep(after).await;
                stop.raise(StopReason::Interrupted);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                finished = work => Some(finished),
                () = interrupt => None,
            }
        }
    }
}

/// Imports the file of the workspace, and is not killed.
pub(crate) async fn import_to_end(workspace: &Workspace, server: &Server, settings: &Settings) -> Finished {
    run(workspace, server, settings, &Stop::default()).await.0
}

/// A journal that is still open, so that its write-ahead log is complete.
pub(crate) struct OpenJournal(#[expect(dead_code, reason = "it is kept, not used")] Journal);

/// The same, and keeps the journal open.
pub(crate) async fn import_and_keep_journal(
    workspace: &Workspace,
    server: &Server,
    settings: &Settings,
) -> (Finished, OpenJournal) {
    let (finished, journal) = run(workspace, server, settings, &Stop::default()).await;
    (finished, OpenJournal(journal))
}

/// What a journal knows of its latest run.
#[derive(Default)]
pub(crate) struct JournalState {
    pub(crate) is_open: bool,
    /// The names of the rows that are created, and of those in doubt.
    pub(crate) created: Vec<String>,
    pub(crate) in_doubt: Vec<String>,
}

/// Reads a journal that no import has open.
pub(crate) fn journal_state(journal: &Path) -> JournalState {
    let db = Connection::open(journal).unwrap();
    let sql = "SELECT id, state = 'open' FROM runs WHERE state <> 'reading'";
    let run: rusqlite::Result<(i64, bool)> = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let Ok((run, is_open)) = run else { return JournalState::default() };
    let names = |status: &str| -> Vec<String> {
        let sql = "SELECT name FROM results WHERE run = ?1 AND status = ?2 ORDER BY id";
        let mut query = db.prepare(sql).unwrap();
        query.query_map((run, status), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    JournalState { is_open, created: names("created"), in_doubt: names("unknown") }
}

async fn run(workspace: &Workspace, server: &Server, settings: &Settings, stop: &Stop) -> (Finished, Journal) {
    let (mut journal, run, staged) = open(workspace);
    let done = done(&journal, run);
    let speed = Speed::parse(settings.rate).unwrap();
    let now = Now::at(Instant::now().into_std(), server.wall_clock());
    let request_log = journal.request_log(speed.memory(), now).unwrap();
    let seen = Arc::new(Seen::default());
    let delivery = delivery(server, settings, stop, request_log, &journal.clock, &seen, run);
    delivery.prepare(&mut journal, &staged, <_>::default()).await.unwrap();
    if !stop.is_raised() {
        let (forecast, _) = delivery.forecast_guests(&journal).await.unwrap();
        delivery.quota.expect(forecast);
        let (writer, sending) = delivery.start(journal, Selection::default());
        let (written, ()) = tokio::join!(writer.work(), sending);
        journal = written.unwrap();
    }
    let sent = std::mem::take(&mut *seen.sent.lock().unwrap());
    let again: Vec<_> = done.iter().filter(|name| sent.contains(*name)).collect();
    assert!(again.is_empty(), "rows that were done cost a request: {again:?}");
    let guest_estimates = std::mem::take(&mut *seen.guest_estimates.lock().unwrap());
    let finished = close(workspace, &journal, run, &staged, stop, guest_estimates);
    assert_eq!(finished.rows.len() as u64, staged.rows, "every row has a result");
    (finished, journal)
}

/// What is observed of one import.
#[derive(Default)]
pub(super) struct Seen {
    /// The names of the groups that it sent. Requests of a killed import may arrive later and do not count.
    sent: Mutex<HashSet<String>>,
    guest_estimates: Mutex<Vec<GuestEstimate>>,
}

/// Opens the journal, reads the file into it, and continues an interrupted run.
fn open(workspace: &Workspace) -> (Journal, RunId, Staged) {
    let owner = Owner { organization: ORG.to_owned(), realm: Realm::Loopback };
    let mut journal = Journal::open(&workspace.journal(), &owner).unwrap();
    let run = journal.begin_run(&owner).unwrap();
    let file = workspace.input();
    let input = match Cli::try_parse_from(["tallyfy-groups".as_ref(), "import".as_ref(), file.as_os_str()])
        .unwrap()
        .command
    {
        Command::Import(args) => Input::resolve(&args.run.input, &PeopleRules::default(), Config::default()).unwrap(),
        other => panic!("{other:?}"),
    };
    let listener: Listener = Arc::new(|_| {});
    let mut problems = Problems::new(io::sink(), ProblemFormat::Counts, false);
    let staged = stage(&journal, run, &input, &listener, &mut problems).unwrap();
    journal.commence(run, staged.range, false).unwrap();
    (journal, run, staged)
}

pub(super) fn delivery(
    server: &Server,
    settings: &Settings,
    stop: &Stop,
    request_log: Option<(RequestLog, Vec<Duration>)>,
    server_clock: &ServerClock,
    seen: &Arc<Seen>,
    run: RunId,
) -> Delivery<Wire> {
    let (clock, listening) = (server.clone(), Arc::clone(seen));
    let listener: Listener = Arc::new(move |event| {
        if let Event::GuestsTake { time: time_left, .. } = event {
            let estimate = GuestEstimate { made_at: clock.elapsed(), time_left };
            listening.guest_estimates.lock().unwrap().push(estimate);
        }
    });
    let (concurrency, wait_max) = (settings.concurrency, settings.max_wait);
    let limits = Limits { speed: Speed::parse(settings.rate).unwrap(), concurrency, wait_max };
    let credentials = Arc::new(Credentials::fixed(Token::simulated()));
    let wire = Wire {
        server: server.clone(),
        timeout: settings.timeout,
        credentials: Arc::clone(&credentials),
        seen: Arc::clone(seen),
    };
    let api = Api {
        transport: wire,
        endpoints: Endpoints::of(ORG),
        credentials,
        limiter: RateLimiter::new(limits, request_log, stop.clone(), Arc::clone(&listener)),
        clock: server_clock.clone(),
        stop: stop.clone(),
        listener,
        attempts_max: settings.max_attempts,
        settle: settings.settle,
        seed: settings.seed,
        refusals: Refusals::default(),
    };
    let (matching, on_existing) = (MatchNames::Folded, OnExisting::Skip);
    let policy = Policy { matching, on_existing, is_forced: false, allows_empty: false };
    let rate = settings.guest_rate.map(|rate| Rate::parse(rate).unwrap());
    let quota = GuestLimiter::new(rate, wait_max, stop.clone(), Arc::clone(&api.listener));
    Delivery { api: Arc::new(api), policy, concurrency, run, quota }
}

fn result_rows(journal: &Journal, run: RunId) -> Vec<model::ResultRow> {
    let mut rows = Vec::new();
    let add = |row: &model::ResultRow| -> Result<(), JournalError> {
        rows.push(row.clone());
        Ok(())
    };
    journal.results(run, false, add).unwrap();
    rows
}

/// The names of the rows that need no request any more.
fn done(journal: &Journal, run: RunId) -> Vec<String> {
    let is_done = |row: &model::ResultRow| matches!(row.status.as_ref(), "created" | "exists");
    result_rows(journal, run).into_iter().filter(is_done).map(|row| row.name).collect()
}

/// Writes the results and closes the run.
fn close(
    workspace: &Workspace,
    journal: &Journal,
    run: RunId,
    staged: &Staged,
    stop: &Stop,
    guest_estimates: Vec<GuestEstimate>,
) -> Finished {
    let mut results = Results::create(&workspace.results(), &staged.files, false).unwrap();
    let shown = |row: model::ResultRow| {
        results.write(&row).unwrap();
        let model::ResultRow { name, status, group_id, error_code, error, .. } = row;
        Outcome { name, status: status.into(), group_id, error_code, error }
    };
    let rows = result_rows(journal, run).into_iter().map(shown).collect();
    results.finish().unwrap();
    let finished = Finished { rows, stopped: stop.reason().map(|reason| reason.to_string()), guest_estimates };
    journal.end_run(run, finished.is_settled()).unwrap();
    finished
}

/// The client's connection to the simulated server.
pub(super) struct Wire {
    server: Server,
    timeout: Duration,
    credentials: Arc<Credentials>,
    seen: Arc<Seen>,
}

impl Transport for Wire {
    async fn send(&self, call: Call) -> Result<Answer, TransportError> {
        let body = call.body.map(|body| body.to_vec()).unwrap_or_default();
        if call.method == Method::POST {
            self.seen.sent.lock().unwrap().insert(name(&body));
        }
        let reply = self.server.send(request(call.method.as_str(), &call.path, body));
        let answer = |response: Response, body: Option<BodyError>| {
            let headers = &response.headers;
            let header = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let hints = Hints::read(|name| header(name).map(|(_, value)| value.as_str()));
            Answer { status: response.status, hints, body: body.map_or(Ok(response.body.into()), Err) }
        };
        match tokio::time::timeout(self.timeout, reply).await.map(Result::unwrap) {
            Ok(Reply::Answer(response)) => {
                if response.status == 401 {
                    self.credentials.refuse(&self.credentials.token());
                }
                Ok(answer(response, None))
            }
            Ok(Reply::Cut(response)) => Ok(answer(response, Some(BodyError::CutOff))),
            Ok(Reply::Endless(response)) => Ok(answer(response, Some(BodyError::TooLong))),
            Ok(Reply::Refuse) => Err(TransportError::Undelivered("connection refused".to_owned())),
            Ok(Reply::Drop) => {
                Err(TransportError::InDoubt { code: "connection-lost", message: "the connection broke".to_owned() })
            }
            Ok(Reply::Hang) | Err(_) => {
                Err(TransportError::InDoubt { code: "timeout", message: "no answer in time".to_owned() })
            }
        }
    }
}
