//! One reads, several check, one collects: blocks come back in the order of the files.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::check::NameKeys;
use crate::read::{Block, Options, Parser, ReadError, Recall, Table};
use crate::settings::Input;

use super::super::Failure;
use super::inspect::{Findings, inspect};

/// What comes of the files, in order.
pub(super) enum Piece {
    /// The next file is open.
    Opened(Opened),
    /// Some rows of it were checked.
    Block(Result<Findings, ReadError>),
    /// It was read to its end, or as far as it can be.
    Closed(Option<ReadError>),
    /// The next file cannot be read as a table.
    Unopened(ReadError),
}

/// A file that is open.
pub(super) struct Opened {
    /// Its path as given.
    pub(super) path: String,
    pub(super) parser: Arc<Parser>,
    pub(super) recall: Recall,
}

/// What is wanted after a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The next piece.
    Piece,
    /// No more of this file.
    File,
    /// Nothing.
    End,
}

/// A piece on its way; a block's is answered by whoever checks it.
enum Ticket {
    Ready(Box<Piece>),
    Block(Receiver<Result<Findings, ReadError>>),
}

/// A block to be checked.
struct Task {
    block: Block,
    parser: Arc<Parser>,
    reply: SyncSender<Result<Findings, ReadError>>,
}

/// Reads and checks all files.
pub(super) fn work(
    input: &Input,
    mends: bool,
    mut each: impl FnMut(Piece) -> Result<Next, Failure>,
) -> Result<(), Failure> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let keys = NameKeys::new(input.matching);
    // How many files nothing more is wanted of.
    let passed = AtomicUsize::new(0);
    thread::scope(|scope| {
        // What is read ahead is bounded, so that memory is.
        let (tickets, collected) = sync_channel(2 * workers);
        let (tasks, taken) = sync_channel(2 * workers);
        let taken = Arc::new(Mutex::new(taken));
        for _ in 0..workers {
            let (taken, keys) = (Arc::clone(&taken), keys.clone());
            scope.spawn(move || check(&taken, input, keys, mends));
        }
        drop(taken);
        let (passed, mut opened) = (&passed, 0);
        scope.spawn(move || {
            let mut files = input.files.iter().enumerate();
            files.try_for_each(|(file, path)| {
                let is_wanted = || passed.load(Ordering::Relaxed) <= file;
                read(path, &input.options, is_wanted, &tickets, &tasks)
            })
        });
        for ticket in collected {
            let piece = match ticket {
                Ticket::Ready(piece) => *piece,
                Ticket::Block(reply) => match reply.recv() {
                    Ok(found) => Piece::Block(found),
                    // Its checker is gone, and the panic that ended it is told when all threads are joined.
                    Err(_) => break,
                },
            };
            opened += usize::from(matches!(piece, Piece::Opened(_) | Piece::Unopened(_)));
            match each(piece)? {
                Next::Piece => {}
                Next::File => passed.store(opened, Ordering::Relaxed),
                Next::End => break,
            }
        }
        Ok(())
    })
}

/// Reads one file; none as soon as nobody collects any more.
fn read(
    path: &Path,
    options: &Options,
    is_wanted: impl Fn() -> bool,
    tickets: &SyncSender<Ticket>,
    tasks: &SyncSender<Task>,
) -> Option<()> {
    let ready = |piece| tickets.send(Ticket::Ready(Box::new(piece))).ok();
    let (table, recall) = match Table::open_to_recall(path, options) {
        Ok(opened) => opened,
        Err(error) => return ready(Piece::Unopened(error)),
    };
    let parser = table.parser();
    let path = path.display().to_string();
    ready(Piece::Opened(Opened { path, parser: Arc::clone(&parser), recall }))?;
    for block in table.take_while(|_| is_wanted()) {
        let block = match block {
            Ok(block) => block,
            Err(error) => return ready(Piece::Closed(Some(error))),
        };
        let (reply, found) = sync_channel(1);
        tickets.send(Ticket::Block(found)).ok()?;
        tasks.send(Task { block, parser: Arc::clone(&parser), reply }).ok()?;
    }
    ready(Piece::Closed(None))
}

fn check(tasks: &Mutex<Receiver<Task>>, input: &Input, mut keys: NameKeys, mends: bool) {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Task { block, parser, reply }) = task else { return };
        // Whoever asked may be gone.
        let _ = reply.send(inspect(block, &parser, &input.rules, &mut keys, mends));
    }
}
