//! What was found block by block, collected in the order of the files: repeats, totals, problems told.

use std::io::Write;

use crate::check::{Earlier, Likeness, NameIndex, NameKey, likeness};
use crate::model::{Code, Fault, Field, Group, OnDuplicate, Place, Severity, shortened};
use crate::read::{Block, ReadError};
use crate::report::{Problems, Repeat};
use crate::settings::Input;

use super::super::Failure;
use super::compare::{Known, first_difference};
use super::copy::Copy;
use super::crew::{Next, Opened, Piece};
use super::inspect::Findings;
use super::mend::{Mended, MendedText};
use super::past::Past;
use super::whole::FileSoFar;

/// So many names are looked up together.
const AHEAD: usize = 64;

/// Collects.
pub(super) struct Collator<'a, W> {
    input: &'a Input,
    problems: Problems<W>,
    copy: Copy,
    index: NameIndex,
    past: Past<'a>,
    /// Files that cannot be read as tables.
    unread: Vec<ReadError>,
    /// Rows of all files.
    rows: u64,
    /// The file that is open.
    file: FileSoFar,
}

impl<'a, W: Write> Collator<'a, W> {
    pub(super) fn new(input: &'a Input, problems: Problems<W>, copy: Copy) -> Self {
        Self {
            input,
            problems,
            copy,
            index: NameIndex::default(),
            past: Past::new(&input.rules),
            unread: Vec::new(),
            rows: 0,
            file: FileSoFar::default(),
        }
    }

    /// The problems told, the cleaned copy, and the files that cannot be read.
    pub(super) fn finish(self) -> (Problems<W>, Copy, Vec<ReadError>) {
        (self.problems, self.copy, self.unread)
    }

    /// Takes the next piece.
    pub(super) fn collect(&mut self, piece: Piece) -> Result<Next, Failure> {
        match piece {
            Piece::Opened(opened, flaw) => {
                flaw.map_or(Ok(()), |flaw| self.give_up(flaw))?;
                self.open(opened)?;
            }
            Piece::Unopened(error) => self.give_up(error)?,
            Piece::Block(_) if self.file.is_given_up => {}
            Piece::Block(_) if self.is_full() => {
                self.close()?;
                return Ok(Next::End);
            }
            Piece::Block(Ok(found)) => return self.take(found),
            Piece::Block(Err(error)) => {
                self.file.is_given_up = true;
                self.give_up(error)?;
                return Ok(Next::File);
            }
            Piece::Closed(error) => {
                self.file.is_given_up |= error.is_some();
                error.map_or(Ok(()), |error| self.give_up(error))?;
                self.close()?;
            }
        }
        self.problems.flush().map_err(Failure::Print)?;
        Ok(Next::Piece)
    }

    /// Whether no more rows are to be looked at.
    fn is_full(&self) -> bool {
        self.input.limit.is_some_and(|limit| self.rows >= limit)
    }

    fn open(&mut self, opened: Opened) -> Result<(), Failure> {
        self.file = FileSoFar::of(&opened.parser);
        self.copy.begin(&opened.parser)?;
        self.past.files.push(opened);
        Ok(())
    }

    fn give_up(&mut self, error: ReadError) -> Result<(), Failure> {
        self.problems
            .unreadable(&error.path, error.line, error.column, &error.problem.told())
            .map_err(Failure::Print)?;
        self.unread.push(error);
        self.copy = Copy::new(None);
        Ok(())
    }

    fn take(&mut self, found: Findings) -> Result<Next, Failure> {
        let Findings { has_cr, block, spots, keys, undescribed, faults, unknown, mended, blanks } = found;
        let first = Place { file: self.past.file(), row: self.file.rows + 1, line: block.first_line() };
        let number = self.past.spots.add(&block, first, spots);
        for key in unknown {
            self.file.note_unknown(key);
        }
        self.file.blanks += blanks;
        self.file.has_cr |= has_cr;
        let left =
            self.input.limit.map_or(usize::MAX, |limit| usize::try_from(limit - self.rows).unwrap_or(usize::MAX));
        let undescribed = &undescribed[..undescribed.partition_point(|index| *index < left)];
        if let Some(index) = undescribed.first() {
            let line = self.past.spots.of(number + *index as u64).map_or(first.line, |spot| spot.place.line);
            self.file.note_undescribed(undescribed.len(), line);
        }
        let mut faults = faults.into_iter().peekable();
        for (index, key) in keys.iter().take(left).enumerate() {
            if index % AHEAD == 0 {
                self.index.look_ahead(&keys[index..keys.len().min(index + AHEAD)]);
            }
            let row = number + index as u64;
            while let Some((_, fault)) = faults.next_if(|(at, _)| *at == index) {
                self.tell(self.past.place(row)?, &fault)?;
            }
            let twin = key.map_or(Ok(None), |key| self.compare(&block, row, key))?;
            if let Some(mended) = mended.get(index).filter(|_| self.copy.is_wanted()) {
                self.mend(self.past.place(row)?, mended, twin)?;
            }
        }
        let taken = keys.len().min(left);
        self.rows += taken as u64;
        self.file.rows += taken as u64;
        self.problems.rows(taken as u64, keys.iter().take(left).flatten().count() as u64);
        self.problems.flush().map_err(Failure::Print)?;
        if taken == keys.len() { Ok(Next::Piece) } else { self.close().map(|()| Next::End) }
    }

    fn tell(&mut self, place: Place, fault: &Fault) -> Result<(), Failure> {
        let column = fault.field.and_then(|field| self.past.column(place.file, field));
        self.problems.tell(self.past.path(place.file), Some(place), fault, column).map_err(Failure::Print)
    }

    /// Writes the row into the cleaned copy, or leaves it out: if it stands there already, letter by letter, or is a header.
    fn mend(&mut self, place: Place, mended: &Mended, twin: Option<u32>) -> Result<(), Failure> {
        let is_there = match twin {
            Some(twin) => self.past.text(u64::from(twin))? == mended.text,
            None => false,
        };
        let path = self.past.path(place.file);
        let left_out = match &mended.text {
            _ if is_there => Some("left out, as it repeats an earlier row in all"),
            MendedText::Header => Some("left out, as it repeats the header"),
            _ => None,
        };
        if let Some(what) = left_out {
            return self.problems.repaired(path, Some(place), what).map_err(Failure::Print);
        }
        for (field, what) in &mended.repairs {
            let what = format!("{}: {what}", field.as_str());
            self.problems.repaired(path, Some(place), &what).map_err(Failure::Print)?;
        }
        self.copy.row(place, &mended.text)
    }

    /// Has an earlier row this name, or one like it? Gives the one that has it.
    fn compare(&mut self, block: &Block, number: u64, key: NameKey) -> Result<Option<u32>, Failure> {
        let row = u32::try_from(number).ok().filter(|row| *row < NameIndex::ROWS_MAX).ok_or(Failure::TooManyRows)?;
        let matching = self.input.matching;
        let (past, mut pair) = (&mut self.past, None);
        let found = self.index.note(key, row, |earlier| {
            let theirs = past.group(u64::from(earlier))?;
            let mine = past.group_in(block, number)?;
            let is_same = mine.name == theirs.group.name || matching.same(&mine.name, &theirs.group.name);
            pair = Some((theirs, mine));
            Ok::<_, ReadError>(is_same)
        })?;
        match (found, pair) {
            (Earlier::Same(twin), Some((theirs, mine))) => {
                let (place, first) = (self.past.place(number)?, self.past.place(u64::from(twin))?);
                self.repeat(place, first, &mine, &theirs).map(|()| Some(twin))
            }
            (Earlier::Alike(earlier), _) => self.resemble(block, number, u64::from(earlier)).map(|()| None),
            _ => Ok(None),
        }
    }

    fn repeat(&mut self, place: Place, first: Place, mine: &Group, theirs: &Known) -> Result<(), Failure> {
        let on_duplicate = self.input.on_duplicate;
        let (differs, lost) = (theirs.differences(mine), theirs.lost(mine, on_duplicate));
        let severity = match on_duplicate {
            OnDuplicate::Fail => Severity::Error,
            _ if lost.is_empty() => Severity::Note,
            _ => Severity::Warning,
        };
        let repeat = Repeat { first: self.past.told(first), severity, on_duplicate, differs, lost };
        self.problems.repeat(self.past.path(place.file), place, &repeat).map_err(Failure::Print)
    }

    fn resemble(&mut self, block: &Block, number: u64, earlier: u64) -> Result<(), Failure> {
        let (first, theirs) = (self.past.place(earlier)?, self.past.group(earlier)?);
        let mine = self.past.group_in(block, number)?;
        let theirs = &theirs.group;
        let (name, other, at) = (shortened(&mine.name), shortened(&theirs.name), self.past.told(first));
        let (code, message) = match likeness(&mine.name, &theirs.name) {
            None => return Ok(()),
            Some(Likeness::Look) => (
                Code::NameLookalike,
                format!(
                    "the name `{name}` looks like that of {at} and is another, in {}; are they one group?",
                    first_difference(&mine.name, &theirs.name)
                ),
            ),
            Some(Likeness::Letters) => (
                Code::NameSimilar,
                format!("the name `{name}` is almost that of {at}, `{other}`; is it the same group?"),
            ),
        };
        self.tell(self.past.place(number)?, &Fault::warning(Field::Name, code, message))
    }

    /// What is to be said of the file as a whole.
    fn close(&mut self) -> Result<(), Failure> {
        let file = std::mem::take(&mut self.file);
        let path = self.past.path(self.past.file());
        let Some(Opened { parser, .. }) = self.past.files.last() else { return Ok(()) };
        for what in self.copy.repairs().iter().chain(&file.repairs(parser)).filter(|_| self.copy.is_wanted()) {
            self.problems.repaired(path, None, what).map_err(Failure::Print)?;
        }
        for fault in file.faults(parser, self.input) {
            self.problems.tell(path, None, &fault, None).map_err(Failure::Print)?;
        }
        Ok(())
    }
}
