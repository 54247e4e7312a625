//! The protocol, explored exhaustively: the real state machine, classification and decisions against a modelled server.
//!
//! Two rows, up to four attempts each and a crash at any moment. Requests and answers are lost, requests arrive late, lists lag, names are
//! unique or not, and a stranger creates the group of the first row, days before or after, or in the middle of a run. Without one of its
//! assumptions, the protocol fails, and the checker finds how.

use std::time::SystemTime;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use stateright::{Checker, HasDiscoveries, Model, Property};
use tallyfy_groups::execute::{
    Absent, Created, Lookup, Next, RequestKind, Step, When, after_create, after_lookup, classify,
};
use tallyfy_groups::journal::{Change, Operation, OperationKind, State};
use tallyfy_groups::model::{ExistingGroup, Group, GroupRef, OnExisting, Outcome, RequestError, RowId};
use tallyfy_groups::plan::decide;
use tallyfy_groups::tallyfy::{Answer, Hints, TransportError};

const ROWS: usize = 2;
/// The attempts of a row in one run; there are two runs.
const ATTEMPTS: u8 = 2;
const DAY_MS: i64 = 86_400_000;

/// The server, the stranger, and what the protocol relies on.
#[derive(Clone, Copy, Debug)]
struct World {
    /// Whether the server refuses a name that is taken.
    are_names_unique: bool,
    /// What does not hold.
    broken: Option<Assumption>,
}

/// What the protocol relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Assumption {
    /// A group shows in lists, and a request that is on its way has arrived, before `--settle` is over.
    Settles,
    /// A stranger's group that is created in the middle of a run does not say the same as the row.
    StrangerDiffers,
    /// An attempt is on disk before its request leaves.
    Durable,
}

/// Who created a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Creator {
    Row(usize),
    Stranger,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ServerGroup {
    row: usize,
    creator: Creator,
    created_ms: i64,
    says_the_same: bool,
    is_listed: bool,
}

/// What the client does about a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// A run begins: the list is read, and what is in doubt looked up.
    Starting,
    /// The row is to be sent.
    Ready,
    /// Its request is under way.
    Waiting,
    LookingUp(Lookup),
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    phase: Phase,
    operation: Operation,
    /// The operation as it is on disk.
    on_disk: Operation,
    /// Attempts of this run.
    attempts: u8,
    /// Requests that have not arrived yet; the last is the one that is waited for, if `phase` waits.
    on_the_way: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Moment {
    rows: [Row; ROWS],
    groups: Vec<ServerGroup>,
    crashes: u8,
    strangers: u8,
}

/// How a request that arrives is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Created,
    Failed,
    TooMany,
    Refused,
    /// It was applied, and its answer is lost.
    Lost,
    /// It comes after the client gave up.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Start(usize),
    Send(usize),
    /// The client gives up waiting; the request is lost, or arrives later.
    TimeOut(usize, bool),
    Arrive(usize, Reply),
    /// A request that the client gave up is lost.
    Vanish(usize),
    Look(usize, bool),
    Write(usize),
    List(usize),
    Stranger,
    Crash,
}

fn wanted(row: usize) -> Group {
    Group { name: format!("Row {row}"), description: Some("ours".to_owned()), ..Group::default() }
}

impl World {
    fn relies_on(self, assumption: Assumption) -> bool {
        self.broken != Some(assumption)
    }

    /// The groups of a row's name; those that lists show.
    fn named(moment: &Moment, row: usize) -> Vec<ExistingGroup> {
        let groups = moment.groups.iter().enumerate().filter(|(_, group)| group.row == row && group.is_listed);
        groups.map(|(index, group)| Self::existing(index, group)).collect()
    }

    fn existing(index: usize, group: &ServerGroup) -> ExistingGroup {
        let Group { name, description, .. } = wanted(group.row);
        ExistingGroup {
            group_ref: GroupRef::new(&index.to_string()),
            name,
            description: if group.says_the_same { description } else { Some("theirs".to_owned()) },
            members: Some(Vec::new()),
            guests: Some(Vec::new()),
            created_at: Some(Timestamp::from_millisecond(group.created_ms).unwrap().to_string()),
            is_deleted: false,
        }
    }

    /// Whether a group that a row created must show by now.
    fn is_settled(self, moment: &Moment, row: usize) -> bool {
        let is_listed = moment.groups.iter().all(|group| group.row != row || group.is_listed);
        !self.relies_on(Assumption::Settles) || moment.rows[row].on_the_way == 0 && is_listed
    }

    fn answer(status: u16, body: &serde_json::Value) -> Answer {
        Answer { status, hints: Hints::default(), body: Ok(Bytes::from(body.to_string())) }
    }

    /// A request arrives: its effect on the groups, and its answer.
    fn arrive(self, moment: &mut Moment, row: usize, reply: Reply) -> Result<Answer, TransportError> {
        let lost = Err(TransportError::InDoubt { code: "timeout", message: "no answer".to_owned() });
        match reply {
            Reply::TooMany => return Ok(Self::answer(429, &json!({"message": "Too Many Attempts."}))),
            Reply::Refused => return Ok(Self::answer(403, &json!({"message": "no"}))),
            Reply::Created | Reply::Failed | Reply::Lost | Reply::Late => {}
        }
        if self.are_names_unique && moment.groups.iter().any(|group| group.row == row) {
            let taken = Self::answer(422, &json!({"errors": {"name": ["The name has already been taken."]}}));
            return if reply == Reply::Lost { lost } else { Ok(taken) };
        }
        let (creator, created_ms) = (Creator::Row(row), moment.now_ms());
        moment.groups.push(ServerGroup { row, creator, created_ms, says_the_same: true, is_listed: false });
        let id = (moment.groups.len() - 1).to_string();
        match reply {
            Reply::Lost | Reply::Late => lost,
            Reply::Failed => Ok(Self::answer(500, &json!({"message": "Server Error"}))),
            _ => Ok(Self::answer(201, &json!({"data": {"id": id, "name": wanted(row).name, "description": "ours"}}))),
        }
    }
}

impl Moment {
    /// The run after a crash is two days later.
    fn now_ms(&self) -> i64 {
        if self.crashes == 0 { 2 * DAY_MS } else { 0 }
    }
}

impl Row {
    fn change(&mut self, change: Change) {
        self.operation = self.operation.clone().next(change).unwrap();
        // Several attempts at one time are as good as one; the one under way counts by itself.
        let sent_ms = &mut self.operation.sent_ms;
        let under_way = if self.operation.state == State::Sending { sent_ms.pop() } else { None };
        sent_ms.dedup();
        sent_ms.extend(under_way);
        // Neither their number nor the words of an error decide anything.
        self.operation.attempts = 1;
        if let State::Ended(Outcome::Failed(error) | Outcome::Unknown(error)) = &mut self.operation.state {
            *error = RequestError::interrupted();
        }
    }

    /// The response is classified, and the client follows.
    fn answered(&mut self, row: usize, answer: &Result<Answer, TransportError>) {
        let classified = classify(RequestKind::Create, answer, Created::parse, str::to_owned, SystemTime::UNIX_EPOCH);
        match after_create(classified.class, &wanted(row), &self.operation) {
            Next::Step(step) => self.follow(step),
            Next::Pause(error) if self.attempts >= ATTEMPTS => {
                self.follow(Step::GiveUp(Change::NotApplied, error));
            }
            Next::Pause(_) => self.follow(Step::Again(Change::NotApplied)),
            Next::Lookup(lookup) => {
                self.phase = Phase::LookingUp(Lookup { error: RequestError::interrupted(), ..lookup });
            }
        }
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Again(change) => {
                self.change(change);
                self.phase = Phase::Ready;
            }
            Step::End(change, outcome) => {
                if let Some(change) = change {
                    self.change(change);
                }
                self.end(outcome);
            }
            Step::GiveUp(change, error) => {
                self.change(change);
                self.end(Outcome::Failed(error));
            }
            Step::Stop(_) => panic!("nothing stops the run"),
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.change(Change::End(outcome));
        self.phase = Phase::Ended;
    }

    /// The run begins, with the groups that the list shows.
    fn start(&mut self, row: usize, listed: &[ExistingGroup]) {
        let in_doubt = self.operation.state == State::Sending;
        match decide(&self.operation.sent_ms, &wanted(row), listed, OnExisting::Skip) {
            Some(outcome) => self.end(outcome),
            None if in_doubt => {
                let (when, absent) = (When::UntilSettled, Absent::Again);
                self.phase = Phase::LookingUp(Lookup { when, absent, error: RequestError::interrupted() });
            }
            None => self.phase = Phase::Ready,
        }
    }

    /// Everything but the disk is lost, and the next run takes the row up.
    fn crash(&mut self) {
        self.operation = self.on_disk.clone();
        self.attempts = 0;
        self.phase = Phase::Starting;
        match &self.operation.state {
            State::Ended(outcome) if outcome.status().is_open() => self.change(Change::Resume),
            State::Ended(_) => self.phase = Phase::Ended,
            State::Planned | State::Sending => {}
        }
        self.on_disk = self.operation.clone();
    }
}

impl Model for World {
    type State = Moment;
    type Action = Move;

    fn init_states(&self) -> Vec<Moment> {
        let row = |row| {
            let operation = Operation::planned(RowId(row), false, OperationKind::Create);
            Row { phase: Phase::Starting, on_disk: operation.clone(), operation, attempts: 0, on_the_way: 0 }
        };
        vec![Moment { rows: [row(0), row(1)], groups: Vec::new(), crashes: 1, strangers: 1 }]
    }

    fn actions(&self, moment: &Moment, moves: &mut Vec<Move>) {
        for (index, row) in moment.rows.iter().enumerate() {
            match &row.phase {
                Phase::Starting => moves.push(Move::Start(index)),
                Phase::Ready => moves.push(Move::Send(index)),
                Phase::Waiting => {
                    moves.extend([Move::TimeOut(index, true), Move::TimeOut(index, false)]);
                    let replies = [Reply::Created, Reply::Failed, Reply::TooMany, Reply::Refused, Reply::Lost];
                    moves.extend(replies.map(|reply| Move::Arrive(index, reply)));
                }
                Phase::LookingUp(lookup) => {
                    let may_be_early = lookup.when != When::Settled;
                    let must_be_last = matches!(lookup.when, When::Now | When::Twice);
                    if may_be_early {
                        moves.push(Move::Look(index, must_be_last));
                    }
                    if !must_be_last && self.is_settled(moment, index) {
                        moves.push(Move::Look(index, true));
                    }
                }
                Phase::Ended => {}
            }
            if row.on_the_way > u8::from(row.phase == Phase::Waiting) {
                moves.extend([Move::Arrive(index, Reply::Late), Move::Vanish(index)]);
            }
            if row.on_disk != row.operation {
                moves.push(Move::Write(index));
            }
        }
        moves.extend((0..moment.groups.len()).filter(|index| !moment.groups[*index].is_listed).map(Move::List));
        if moment.strangers > 0 {
            moves.push(Move::Stranger);
        }
        if moment.crashes > 0 {
            moves.push(Move::Crash);
        }
    }

    fn next_state(&self, before: &Moment, action: Move) -> Option<Moment> {
        let mut moment = before.clone();
        match action {
            Move::Start(row) => moment.rows[row].start(row, &Self::named(before, row)),
            Move::Send(index) => {
                let row = &mut moment.rows[index];
                row.change(Change::Begin(Some(before.now_ms())));
                if self.relies_on(Assumption::Durable) {
                    row.on_disk = row.operation.clone();
                }
                row.attempts += 1;
                row.on_the_way += 1;
                row.phase = Phase::Waiting;
            }
            Move::TimeOut(index, is_lost) => {
                let row = &mut moment.rows[index];
                row.on_the_way -= u8::from(is_lost);
                let lost = Err(TransportError::InDoubt { code: "timeout", message: "no answer".to_owned() });
                row.answered(index, &lost);
            }
            Move::Arrive(index, reply) => {
                moment.rows[index].on_the_way -= 1;
                let answer = self.arrive(&mut moment, index, reply);
                if reply != Reply::Late {
                    moment.rows[index].answered(index, &answer);
                }
            }
            Move::Vanish(index) => moment.rows[index].on_the_way -= 1,
            Move::Look(index, is_last) => {
                let found = Self::named(before, index);
                let row = &mut moment.rows[index];
                let Phase::LookingUp(lookup) = row.phase.clone() else { return None };
                if found.is_empty() && !is_last {
                    return None;
                }
                let is_last_attempt = row.attempts >= ATTEMPTS;
                let step =
                    after_lookup(lookup, Ok(&found), &wanted(index), &row.operation, OnExisting::Skip, is_last_attempt);
                row.follow(step);
            }
            Move::Write(index) => moment.rows[index].on_disk = moment.rows[index].operation.clone(),
            Move::List(index) => moment.groups[index].is_listed = true,
            Move::Stranger => {
                moment.strangers -= 1;
                if self.are_names_unique && moment.groups.iter().any(|group| group.row == 0) {
                    return None;
                }
                let is_between_runs = before.rows[0].phase == Phase::Starting;
                let created_ms = before.now_ms() - if is_between_runs { DAY_MS } else { 0 };
                let says_the_same = is_between_runs || !self.relies_on(Assumption::StrangerDiffers);
                let creator = Creator::Stranger;
                moment.groups.push(ServerGroup { row: 0, creator, created_ms, says_the_same, is_listed: false });
            }
            Move::Crash => {
                moment.crashes -= 1;
                moment.rows.iter_mut().for_each(Row::crash);
            }
        }
        Some(moment)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one group for one row", |_, moment: &Moment| {
                let of = |row| moment.groups.iter().filter(|group| group.creator == Creator::Row(row)).count();
                (0..ROWS).all(|row| of(row) <= 1)
            }),
            Property::always("no stranger's group is taken for ours", |_, moment: &Moment| {
                moment.rows.iter().enumerate().all(|(index, row)| match &row.operation.state {
                    State::Ended(Outcome::Created { group, .. }) => {
                        let made: usize = group.id.parse().unwrap();
                        moment.groups[made].creator == Creator::Row(index)
                    }
                    _ => true,
                })
            }),
            Property::always("a row that failed has no group", |_, moment: &Moment| {
                moment.rows.iter().enumerate().all(|(index, row)| {
                    let has_failed = matches!(row.operation.state, State::Ended(Outcome::Failed(_)));
                    !has_failed || moment.groups.iter().all(|group| group.creator != Creator::Row(index))
                })
            }),
            Property::always("every row comes to an outcome", |world: &World, moment: &Moment| {
                let mut moves = Vec::new();
                world.actions(moment, &mut moves);
                let is_over = !moves.iter().any(|action| world.next_state(moment, *action).is_some());
                !is_over || moment.rows.iter().all(|row| matches!(row.on_disk.state, State::Ended(_)))
            }),
            Property::sometimes("a lost answer is found", |_, moment: &Moment| {
                moment
                    .rows
                    .iter()
                    .all(|row| row.attempts > 1 && matches!(row.on_disk.state, State::Ended(Outcome::Created { .. })))
            }),
            Property::sometimes("a run after a crash creates what is left", |_, moment: &Moment| {
                let created = |row: &Row| matches!(row.on_disk.state, State::Ended(Outcome::Created { .. }));
                moment.crashes == 0 && moment.rows.iter().all(created)
            }),
        ]
    }
}

#[test]
fn whatever_is_lost_late_or_cut_off_each_row_has_one_group_and_the_right_outcome() {
    for are_names_unique in [false, true] {
        let world = World { are_names_unique, broken: None };
        world.checker().threads(2).spawn_dfs().join().assert_properties();
    }
}

#[test]
fn without_one_of_its_assumptions_the_protocol_fails() {
    for (assumption, property) in [
        (Assumption::Settles, "one group for one row"),
        (Assumption::StrangerDiffers, "no stranger's group is taken for ours"),
        (Assumption::Durable, "one group for one row"),
    ] {
        let world = World { are_names_unique: false, broken: Some(assumption) };
        let failures = HasDiscoveries::AnyFailures;
        let checked = world.checker().threads(2).finish_when(failures).spawn_dfs().join();
        assert!(checked.discovery(property).is_some(), "{assumption:?}");
    }
}
