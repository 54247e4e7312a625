//! Hands the planned operations of a run to the workers.
//!
//! An operation that is begun and not sent is in doubt after a crash: so one is begun when a worker can send it, and ahead of the
//! workers only where they are so fast that they would wait for the disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, params};
use tokio::sync::{Mutex, mpsc};

use super::Intent;
use super::handle::{Handle, WriterCommand};
use super::operations::{TASK, begin, query};
use super::state::GroupOperation;
use super::store::RunId;
use crate::model::RowId;

/// The most operations that are read or begun ahead of the workers.
const AHEAD_MAX: usize = 1024;
/// So few operations in the time of two commits can wait for the disk: one takes some 5 to 25 ms.
const FEW: usize = 8;
/// How many operations with guests are read at a time.
const GUESTS: usize = 256;

/// Which operations of a run are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// Those of this level. At 0 are those of an import, in which a row without one is to be created.
    pub level: u32,
    /// Those that undo others.
    pub is_undo: bool,
}

/// The operations, for all workers; each gets the next.
#[derive(Debug)]
pub struct Feed {
    tasks: Mutex<mpsc::Receiver<Intent>>,
    /// One for each operation that is ready to be begun.
    ready: Mutex<mpsc::UnboundedReceiver<()>>,
    /// Workers that wait for an operation.
    waiting: Arc<AtomicUsize>,
    /// Does not keep the writer at work. Closed when the journal cannot be written any more.
    commands: mpsc::WeakUnboundedSender<WriterCommand>,
}

impl Feed {
    /// Waits until one more operation is ready to be begun; `None` if there are no more.
    pub async fn ready(&self) -> Option<()> {
        self.ready.lock().await.recv().await
    }

    /// The next operation, begun; `None` if all are out, or the journal cannot be written any more.
    pub async fn next(&self) -> Option<Intent> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let mut tasks = self.tasks.lock().await;
        if tasks.is_empty()
            && let Some(commands) = self.commands.upgrade()
        {
            let _ = commands.send(WriterCommand::Feed);
        }
        let task = tasks.recv().await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        task.filter(|_| !self.commands.upgrade().is_some_and(|commands| commands.is_closed()))
    }

    /// What was begun and is not sent, after a stop.
    pub async fn leftover(&self) -> Option<Intent> {
        self.tasks.lock().await.recv().await
    }
}

/// The writer's end of a feed.
pub(super) struct OperationSource {
    /// `None` when nothing more is begun.
    tasks: Option<mpsc::Sender<Intent>>,
    ready: Option<mpsc::UnboundedSender<()>>,
    waiting: Arc<AtomicUsize>,
    run: RunId,
    selection: Selection,
    /// Operations with guests that the quota admits; they go first.
    admitted: VecDeque<GroupOperation>,
    /// Whether more may be admitted.
    has_guests: bool,
    /// The next other operations.
    next: VecDeque<GroupOperation>,
    /// The last row that was read.
    last: RowId,
    /// Whether there are rows after that one.
    has_more: bool,
    /// Operations in the feed when it was last filled.
    filled: usize,
    /// How many operations to begin beyond those that workers wait for: about as many as they take in the time of two commits.
    ahead: usize,
}

impl OperationSource {
    /// A feed of the operations of the rows of a run, or of those that undo them.
    pub(super) fn new(run: RunId, selection: Selection, writer: &Handle) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        let (ready, ready_receiver) = mpsc::unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        let feed = Feed {
            tasks: Mutex::new(receiver),
            ready: Mutex::new(ready_receiver),
            waiting: Arc::clone(&waiting),
            commands: writer.commands.downgrade(),
        };
        let source = Self {
            tasks: Some(sender),
            ready: Some(ready),
            waiting,
            run,
            selection,
            admitted: VecDeque::new(),
            has_guests: !selection.is_undo,
            next: VecDeque::new(),
            last: RowId(0),
            has_more: true,
            filled: 0,
            ahead: 0,
        };
        (source, feed)
    }

    /// The next operations with guests that may be new.
    pub(super) fn with_guests(&self, db: &Connection, after: RowId) -> rusqlite::Result<Vec<GroupOperation>> {
        let which = "(rows.code IS NULL OR lead IS NOT NULL) AND rows.guests > 0 AND rows.id NOT IN temp.known_guests";
        if self.tasks.is_none() || self.selection.is_undo {
            Ok(Vec::new())
        } else {
            self.read(db, "INDEXED BY rows_with_guests", which, after, GUESTS)
        }
    }

    /// The guest quota admits this operation.
    pub(super) fn admit(&mut self, task: GroupOperation) {
        self.admitted.push_back(task);
        self.announce(1);
    }

    fn announce(&self, tasks: usize) {
        // A closed feed means that the workers are gone.
        let _ = self.ready.as_ref().map(|ready| (0..tasks).try_for_each(|_| ready.send(())));
    }

    /// No more operations with guests are admitted.
    pub(super) fn end_guests(&mut self) {
        self.has_guests = false;
    }

    /// Begins the next operations at this moment by the server's clock.
    pub(super) fn begin(&mut self, db: &Connection, now_ms: Option<i64>) -> rusqlite::Result<Vec<Intent>> {
        if self.tasks.is_none() {
            return Ok(Vec::new());
        }
        let room = AHEAD_MAX - self.next.len();
        if self.has_more && room >= AHEAD_MAX / 2 {
            let which = "(rows.code IS NULL OR lead IS NOT NULL) AND (guests = 0 OR rows.id IN temp.known_guests)";
            let which = if self.selection.is_undo { "TRUE" } else { which };
            let tasks = self.read(db, "", which, self.last, room)?;
            self.has_more = tasks.len() == room;
            self.last = tasks.last().map_or(self.last, |task| task.operation.row);
            self.announce(tasks.len());
            self.next.extend(tasks);
        }
        let mut begun = Vec::new();
        for _ in 0..self.wanted() {
            let Some(task) = self.admitted.pop_front().or_else(|| self.next.pop_front()) else { break };
            begun.extend(begin(db, task, now_ms)?);
        }
        Ok(begun)
    }

    /// The planned operations of a kind behind a row, in input order.
    fn read(
        &self,
        db: &Connection,
        index: &str,
        which: &str,
        after: RowId,
        count: usize,
    ) -> rusqlite::Result<Vec<GroupOperation>> {
        let Selection { level, is_undo } = self.selection;
        let sql = format!(
            "SELECT {TASK} FROM runs JOIN rows {index} ON rows.id BETWEEN max(first_row, ?2 + 1) AND last_row
             LEFT JOIN operations AS operation ON operation.row = rows.id AND operation.undo = {is_undo}
             WHERE runs.id = ?1 AND body IS NOT NULL AND {which} AND (operation.row IS NOT NULL OR NOT {is_undo})
               AND coalesce(operation.state, 'planned') = 'planned' AND coalesce(operation.level, 0) = {level}
             ORDER BY rows.id LIMIT ?3"
        );
        query(db, &sql, params![self.run.0, after.0, count], is_undo)
    }

    /// Hands out what was begun. There is room: only the writer sends. A closed feed means that the workers are gone.
    pub(super) fn hand_out(&mut self, begun: Vec<Intent>) {
        self.filled += begun.len();
        if let Some(tasks) = &self.tasks {
            for task in begun {
                let _ = tasks.try_send(task);
            }
        }
        if !self.has_more && !self.has_guests && self.next.is_empty() && self.admitted.is_empty() {
            self.close();
        }
    }

    /// Nothing more is begun.
    pub(super) fn close(&mut self) {
        (self.tasks, self.ready) = (None, None);
    }

    /// How many operations to begin now: for the workers that wait, and ahead of those that are fast.
    fn wanted(&mut self) -> usize {
        let Some(tasks) = &self.tasks else { return 0 };
        let room = tasks.capacity();
        let ready = tasks.max_capacity() - room;
        let taken = self.filled.saturating_sub(ready);
        self.filled = ready;
        self.ahead = (2 * taken).saturating_sub(FEW).max(self.ahead * 3 / 4);
        (self.waiting.load(Ordering::Acquire) + self.ahead).saturating_sub(ready).min(room)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{StreamExt, stream};
    use tokio::time::Instant;

    use super::super::tests::{apply, created, define, folder, group, open_rows, owner, run};
    use super::super::{Change, Journal, OperationKind, SentGuests, Writer};
    use super::*;
    use crate::model::{GroupRef, WantedGroup};

    /// A journal with five rows; the second and the fourth have a guest.
    fn five(path: &std::path::Path) -> (Journal, RunId, RowId) {
        let mut journal = Journal::open(path, &owner()).unwrap();
        let (run, first) = run(&mut journal, &["A", "B", "C", "D", "E"], false);
        for (offset, name) in [(1, "B"), (3, "D")] {
            let inviting = WantedGroup { guests: vec![format!("{name}@x.org")], ..group(name) };
            define(&journal, RowId(first.0 + offset), &inviting);
        }
        (journal, run, first)
    }

    async fn next(feed: &Feed) -> Option<String> {
        feed.ready().await?;
        feed.next().await.map(|begun| begun.spend().group.name)
    }

    fn names(tasks: &[GroupOperation]) -> Vec<&str> {
        tasks.iter().map(|task| task.group.name.as_str()).collect()
    }

    #[tokio::test]
    async fn rows_with_guests_come_when_they_are_admitted_and_hold_no_other_up() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
        let send = async {
            let guests = handle.with_guests(RowId(0)).await.unwrap();
            assert_eq!(names(&guests), ["B", "D"]);
            assert!(handle.with_guests(guests[1].operation.row).await.unwrap().is_empty());
            for name in ["A", "C", "E"] {
                assert_eq!(next(&feed).await.unwrap(), name);
            }
            let [b, _] = guests.try_into().unwrap();
            let admit = async {
                tokio::task::yield_now().await;
                handle.admit(b).unwrap();
            };
            assert_eq!(tokio::join!(next(&feed), admit).0.unwrap(), "B");
            handle.end_guests();
            assert!(next(&feed).await.is_none());
            drop(handle);
        };
        let (journal, ()) = tokio::join!(writer.work(), send);
        journal.unwrap();
    }

    #[tokio::test]
    async fn rows_whose_guests_are_known_go_with_those_without_unless_their_groups_may_lack_guests() {
        let (_folder, path) = folder();
        let (journal, run, first) = five(&path);
        let with_guests = [RowId(first.0 + 1), RowId(first.0 + 3)];
        let incomplete = Change::Incomplete(GroupRef::new("gD"));
        apply(&journal, with_guests[1], &[Change::Begin(None), incomplete]);
        journal.note_known_guests(&with_guests).unwrap();
        let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
        let send = async {
            assert_eq!(names(&handle.with_guests(RowId(0)).await.unwrap()), ["D"]);
            for name in ["A", "B", "C", "E"] {
                assert_eq!(next(&feed).await.unwrap(), name);
            }
            drop(handle);
        };
        tokio::join!(writer.work(), send).0.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_row_is_begun_before_a_worker_can_send_it_while_workers_are_slow() {
        let (_folder, path) = folder();
        let (journal, run, _) = five(&path);
        let reader = Connection::open(&path).unwrap();
        let begun = || reader.query_row("SELECT count(*) FROM operations", [], |row| row.get::<_, usize>(0)).unwrap();
        let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
        let send = async {
            let (one, other) = tokio::join!(feed.next(), feed.next());
            for task in handle.with_guests(RowId(0)).await.unwrap() {
                handle.admit(task).unwrap();
            }
            for sent in 2..4 {
                tokio::time::sleep(Duration::from_mins(1)).await;
                assert_eq!(begun(), sent);
                let wait = tokio::time::sleep(Duration::from_millis(25));
                tokio::join!(async { drop(feed.next().await) }, wait);
            }
            drop((one, other, handle));
        };
        tokio::join!(writer.work(), send).0.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn workers_that_are_fast_do_not_wait_for_a_commit_each_time() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let all: Vec<String> = (0..3000).map(|number| format!("G{number}")).collect();
        let (run, _) = run(&mut journal, &all.iter().map(String::as_str).collect::<Vec<_>>(), false);
        let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
        let start = Instant::now();
        let send = stream::iter(&all).for_each_concurrent(64, async |_| {
            let sent = feed.next().await.unwrap().spend().operation;
            tokio::time::sleep(Duration::from_millis(1)).await;
            handle.record(sent.next(Change::NotApplied).unwrap()).unwrap();
        });
        tokio::select! {
            _ = writer.work() => panic!("workers are left"),
            () = send => {}
        }
        // With a wait of 3 ms for a commit each time it takes some 190 ms.
        assert!(start.elapsed() < Duration::from_millis(120), "{:?}", start.elapsed());
    }

    #[test]
    fn what_was_sent_tells_its_guests_and_whether_they_are_known() {
        let (_folder, path) = folder();
        let (journal, _, first) = five(&path);
        apply(&journal, RowId(first.0 + 1), &[Change::Begin(None), Change::End(created("gB"))]);
        apply(&journal, RowId(first.0 + 3), &[Change::Begin(None), Change::Absent]);
        let mut told = Vec::new();
        journal.sent_guests(|of: &SentGuests| told.push((of.guests.clone(), of.are_known))).unwrap();
        assert_eq!(told, [(vec!["B@x.org".to_owned()], true), (vec!["D@x.org".to_owned()], false)]);
    }

    #[tokio::test]
    async fn a_group_that_was_found_and_may_lack_guests_is_updated_next() {
        let (_folder, path) = folder();
        let (journal, run, first) = five(&path);
        let incomplete = Change::Incomplete(GroupRef::new("gB"));
        apply(&journal, RowId(first.0 + 1), &[Change::Begin(None), incomplete]);
        apply(&journal, first, &[Change::Begin(None), Change::End(created("gA"))]);
        assert_eq!((open_rows(&journal, run), journal.in_doubt(run).unwrap()), (4, vec![]));
        let (writer, handle, _feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
        let read = async {
            let tasks = handle.with_guests(RowId(0)).await.unwrap();
            let told: Vec<_> = tasks.iter().map(|task| (task.operation.kind, task.operation.was_sent())).collect();
            assert_eq!(told, [(OperationKind::Update, true), (OperationKind::Create, false)]);
            drop(handle);
        };
        tokio::join!(writer.work(), read).0.unwrap();
    }
}
