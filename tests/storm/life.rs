//! One life of the client: from the opening of the journal until it ends, is interrupted, or is killed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tallyfy_groups::cli::{Cli, Command};
use tallyfy_groups::commands::{Delivery, Staged, stage};
use tallyfy_groups::journal::{Journal, JournalError, Owner, Realm, RunId, Trail};
use tallyfy_groups::model::{Account, Event, Halt, Listener, MatchNames, OnExisting, Status};
use tallyfy_groups::report::Results;
use tallyfy_groups::send::{Api, GuestLimits, Jitter, Limits, Pace, Paced, Policy, Rate, Refusals, Speed, Stop};
use tallyfy_groups::settings::Input;
use tallyfy_groups::tallyfy::{Client, Credentials, Renewing, Token, probe};

use super::world::{ORG, Shared, Wire};

/// How a client goes about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) speed: Speed,
    pub(crate) lanes: usize,
    pub(crate) timeout: Duration,
    pub(crate) attempts_max: u32,
    pub(crate) settle: Duration,
    pub(crate) guest_rate: Option<Rate>,
    pub(crate) wait_max: Duration,
    pub(crate) seed: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            speed: Speed::parse("600/min").unwrap(),
            lanes: 16,
            timeout: Duration::from_secs(30),
            attempts_max: 8,
            settle: Duration::from_secs(6),
            guest_rate: None,
            wait_max: Duration::from_hours(2),
            seed: 1,
        }
    }
}

/// How a life ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It does not.
    Natural,
    /// kill -9 after so long.
    Killed(Duration),
    /// Ctrl-C after so long.
    Interrupted(Duration),
}

/// What a client leaves that was not killed.
pub(crate) struct Left {
    pub(crate) accounts: Vec<Account>,
    pub(crate) halt: Option<Halt>,
}

impl Left {
    /// Whether the run is history: the next one begins anew.
    pub(crate) fn is_over(&self) -> bool {
        self.count(Status::Pending) + self.count(Status::Unknown) == 0
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_over() && self.count(Status::Failed) == 0
    }

    pub(crate) fn count(&self, status: Status) -> usize {
        self.accounts.iter().filter(|account| account.status == status).count()
    }
}

/// A folder with a file to import and its journal.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) file: &'a str,
}

impl Place<'_> {
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("groups.journal")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.folder.join("groups.results.csv")
    }

    fn input(&self) -> Input {
        let file = self.folder.join(self.file);
        let words = ["tallyfy-groups".as_ref(), "import".as_ref(), file.as_os_str()];
        match Cli::try_parse_from(words).unwrap().command {
            Command::Import(args) => Input::resolve(&args.input),
            other => panic!("{other:?}"),
        }
    }
}

/// Lives; none if it was killed.
pub(crate) async fn live(place: &Place<'_>, world: &Shared, habits: &Habits, end: End) -> Option<Left> {
    let stop = Stop::default();
    let life = async { import(place, world, habits, &stop).await.0 };
    match end {
        End::Natural => Some(life.await),
        End::Killed(after) => tokio::time::timeout(after, life).await.ok(),
        End::Interrupted(after) => {
            let interrupt = async {
                tokio::time::sleep(after).await;
                stop.raise(Halt::Interrupted);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                left = life => Some(left),
                () = interrupt => None,
            }
        }
    }
}

/// Imports to the end, or until it is stopped; the journal is still open.
pub(crate) async fn import(place: &Place<'_>, world: &Shared, habits: &Habits, stop: &Stop) -> (Left, Journal) {
    let (mut journal, run, staged) = open(place);
    let settled = settled(&journal, run);
    let posts = world.posts(&settled);
    let trail = journal.trail(habits.speed.memory(), world.now()).unwrap();
    let delivery = delivery(world, habits, stop, trail);
    delivery.prepare(&mut journal, run, &staged.names).await.unwrap();
    if !stop.is_raised() {
        let (writer, sending) = delivery.send(journal, run).unwrap();
        let (written, ()) = tokio::join!(writer.work(), sending);
        journal = written.unwrap();
    }
    assert_eq!(world.posts(&settled), posts, "rows that were done cost a request");
    let left = close(place, &journal, run, &staged, stop);
    assert_eq!(left.accounts.len() as u64, staged.rows, "the accounts balance");
    (left, journal)
}

/// Opens the journal, reads the file into it, and goes on with what was cut off.
pub(crate) fn open(place: &Place<'_>) -> (Journal, RunId, Staged) {
    let owner = Owner { organization: ORG.to_owned(), realm: Realm::Loopback };
    let mut journal = Journal::open(&place.journal(), &owner).unwrap();
    let run = journal.begin_run(&owner).unwrap();
    let listener: Listener = Arc::new(|_| {});
    let staged = stage(&journal, run, &place.input(), &listener).unwrap();
    journal.commence(run, staged.range, false).unwrap();
    (journal, run, staged)
}

fn delivery(world: &Shared, habits: &Habits, stop: &Stop, trail: Option<(Trail, Vec<Duration>)>) -> Delivery<Wire> {
    let told = world.clone();
    let listener: Listener = Arc::new(move |event| {
        if let Event::GuestsTake { time: left, .. } = event {
            let at = told.elapsed();
            told.with(|world| world.guests_told.push((at, left)));
        }
    });
    let limits = Limits { speed: habits.speed, lanes: habits.lanes, wait_max: habits.wait_max };
    let pace = Arc::new(Pace::new(limits, trail, stop.clone(), Arc::clone(&listener)));
    let credentials = Arc::new(Credentials::fixed(Token::simulated()));
    let wire = Wire { world: world.clone(), timeout: habits.timeout, credentials: Arc::clone(&credentials) };
    let paced = Arc::new(Paced::new(wire, pace, probe(ORG)));
    let api = Api {
        client: Client::new(Renewing::new(Arc::clone(&paced), credentials), ORG),
        paced,
        stop: stop.clone(),
        attempts_max: habits.attempts_max,
        settle: habits.settle,
        jitter: Jitter::seeded(habits.seed),
        refusals: Refusals::default(),
    };
    let policy =
        Policy { attempts_max: habits.attempts_max, matching: MatchNames::Folded, on_existing: OnExisting::Skip };
    let guests = GuestLimits { rate: habits.guest_rate, wait_max: habits.wait_max };
    Delivery { api: Arc::new(api), policy, guests, lanes: habits.lanes, listener }
}

fn accounts(journal: &Journal, run: RunId) -> Vec<Account> {
    let mut accounts = Vec::new();
    let note = |account: &Account| -> Result<(), JournalError> {
        accounts.push(account.clone());
        Ok(())
    };
    journal.accounts(run, note).unwrap();
    accounts
}

fn settled(journal: &Journal, run: RunId) -> Vec<String> {
    let is_done = |account: &Account| matches!(account.status, Status::Created | Status::Exists);
    accounts(journal, run).into_iter().filter(is_done).map(|account| account.name).collect()
}

/// Writes the results and closes the run.
fn close(place: &Place<'_>, journal: &Journal, run: RunId, staged: &Staged, stop: &Stop) -> Left {
    let left = Left { accounts: accounts(journal, run), halt: stop.reason() };
    let mut results = Results::create(&place.results(), &staged.files, false).unwrap();
    for account in &left.accounts {
        results.write(account).unwrap();
    }
    results.finish().unwrap();
    journal.end_run(run, left.is_over()).unwrap();
    left
}
