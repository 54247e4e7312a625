//! Several read and check in turn, one collects: blocks come back in the order of the files.
//!
//! Whoever checks a block has read it, so that it is still at hand; reading itself is one's turn at a time.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::vec;

use crate::check::{NameKeys, Rules};
use crate::read::{Block, Options, Parser, ReadError, Recall, Table};
use crate::settings::Input;

use super::super::Failure;
use super::inspect::{Findings, inspect};

/// What comes of the files, in order.
pub(super) enum Piece {
    /// The next file is open, perhaps with something wrong about its header.
    Opened(Opened, Option<ReadError>),
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

/// Reads and checks all files.
pub(super) fn work(
    input: &Input,
    mends: bool,
    mut each: impl FnMut(Piece) -> Result<Next, Failure>,
) -> Result<(), Failure> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let keys = NameKeys::new(input.matching);
    let files = input.files.clone().into_iter();
    let reading = Reading { files, options: input.options.clone(), opened: 0, table: None };
    let crew = Arc::new(Crew { reading: Mutex::new(reading), passed: AtomicUsize::new(0), rules: input.rules.clone() });
    // What is ahead of the collecting is bounded, so that memory is.
    let (tickets, collected) = sync_channel(4 * workers);
    // Where not all is wanted nobody waits for them: they may wait for a pipe that says no more.
    let mut threads = Vec::new();
    for _ in 0..workers {
        let (crew, tickets, mut keys) = (crew.clone(), tickets.clone(), keys.clone());
        let check = move || {
            while let Some(task) = crew.take(&tickets) {
                let found = inspect(task.block, &task.parser, &crew.rules, &mut keys, mends);
                // Whoever asked may be gone.
                let _ = task.reply.send(found);
            }
        };
        threads.push(thread::Builder::new().spawn(check).map_err(Failure::Start)?);
    }
    drop(tickets);
    let mut opened = 0;
    for ticket in collected {
        let piece = match ticket {
            Ticket::Ready(piece) => *piece,
            Ticket::Block(reply) => match reply.recv() {
                Ok(found) => Piece::Block(found),
                // Its checker has panicked.
                Err(_) => break,
            },
        };
        opened += usize::from(matches!(piece, Piece::Opened(..) | Piece::Unopened(_)));
        match each(piece)? {
            Next::Piece => {}
            Next::File => crew.passed.store(opened, Ordering::Relaxed),
            Next::End => return Ok(()),
        }
    }
    for thread in threads {
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    }
    Ok(())
}

/// Those who read and check.
struct Crew {
    reading: Mutex<Reading>,
    /// How many files nothing more is wanted of.
    passed: AtomicUsize,
    rules: Rules,
}

/// A block to be checked.
struct Task {
    block: Block,
    parser: Arc<Parser>,
    reply: SyncSender<Result<Findings, ReadError>>,
}

impl Crew {
    /// Reads on to the next block, and has its place kept; none at the end, or when nobody collects any more.
    fn take(&self, tickets: &SyncSender<Ticket>) -> Option<Task> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match reading.next(self.passed.load(Ordering::Relaxed))? {
                Read::Piece(piece) => tickets.send(Ticket::Ready(piece)).ok()?,
                Read::Block(block, parser) => {
                    let (reply, found) = sync_channel(1);
                    tickets.send(Ticket::Block(found)).ok()?;
                    return Some(Task { block, parser, reply });
                }
            }
        }
    }
}

/// All files, one after the other.
struct Reading {
    files: vec::IntoIter<PathBuf>,
    options: Options,
    opened: usize,
    table: Option<Table>,
}

/// What reading on gives.
enum Read {
    Piece(Box<Piece>),
    Block(Block, Arc<Parser>),
}

impl Reading {
    /// Reads on; nothing more of the first `passed` files.
    fn next(&mut self, passed: usize) -> Option<Read> {
        let Some(table) = &mut self.table else {
            let path = self.files.next()?;
            self.opened += 1;
            return Some(Read::Piece(Box::new(match Table::open_to_recall(&path, &self.options) {
                Ok((table, recall, flaw)) => {
                    let parser = table.parser();
                    self.table = Some(table);
                    Piece::Opened(Opened { path: path.display().to_string(), parser, recall }, flaw)
                }
                Err(error) => Piece::Unopened(error),
            })));
        };
        let error = match table.next().filter(|_| passed < self.opened) {
            Some(Ok(block)) => return Some(Read::Block(block, table.parser())),
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.table = None;
        Some(Read::Piece(Box::new(Piece::Closed(error))))
    }
}
