//! The rows so far, looked at again: an index of hashes finds who may be meant, the file says who is.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::rc::Rc;

use crate::check::{Draft, Rules};
use crate::model::{self, Field, Group, Place};
use crate::read::{Block, FileProblem, ReadError, Row};

use super::compare::Known;
use super::crew::Opened;
use super::mend::{MendedText, mend};
use super::spots::{Spot, Spots};

/// So many of the rows that were looked at again are remembered; one may have a MiB.
const RECALLED_MAX: usize = 16;

/// The rows so far.
pub(super) struct Past<'a> {
    rules: &'a Rules,
    pub(super) spots: Spots,
    pub(super) files: Vec<Opened>,
    /// The rows that were looked at last, the last one first: many rows may repeat one.
    recalled: VecDeque<(u64, Rc<Known>)>,
}

impl<'a> Past<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self { rules, spots: Spots::default(), files: Vec::new(), recalled: VecDeque::new() }
    }

    /// The file that is open.
    pub(super) fn file(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    /// A file's path as given.
    pub(super) fn path(&self, file: usize) -> &str {
        self.files.get(file).map_or("-", |file| file.path.as_str())
    }

    /// Where a row stands.
    pub(super) fn place(&self, number: u64) -> Result<Place, ReadError> {
        self.spots.of(number).map(|spot| spot.place).ok_or_else(|| self.changed())
    }

    /// The column that holds a field, where it is called otherwise.
    pub(super) fn column(&self, file: usize, field: Field) -> Option<&str> {
        self.files.get(file)?.parser.column(field)
    }

    /// Where a row stands, for a person.
    pub(super) fn told(&self, place: Place) -> String {
        model::place(self.path(place.file), Some(place.line), None)
    }

    /// The group of an earlier row that is valid.
    pub(super) fn group(&mut self, number: u64) -> Result<Rc<Known>, ReadError> {
        let known = self.recalled.iter().position(|(other, _)| *other == number);
        if let Some(known) = known.and_then(|at| self.recalled.remove(at)) {
            self.recalled.push_front(known);
        } else {
            let (place, bytes) = self.bytes(number)?;
            let group = self.parse(place.file, bytes, |row| self.group_of(row))?;
            self.recalled.push_front((number, Rc::new(Known::of(group))));
            self.recalled.truncate(RECALLED_MAX);
        }
        self.recalled.front().map(|(_, group)| group.clone()).ok_or_else(|| self.changed())
    }

    /// The group of a row of the block that was read last.
    pub(super) fn group_in(&self, block: &Block, number: u64) -> Result<Group, ReadError> {
        let Some(Spot { place, start, length }) = self.spots.of(number) else { return Err(self.changed()) };
        let start = usize::try_from(start - block.offset()).unwrap_or(usize::MAX);
        self.parse(place.file, block.part(start, length).to_vec(), |row| self.group_of(row))
    }

    /// How an earlier row stands in the cleaned copy.
    pub(super) fn text(&mut self, number: u64) -> Result<MendedText, ReadError> {
        let (place, bytes) = self.bytes(number)?;
        let parser = &self.files[place.file].parser;
        self.parse(place.file, bytes, |row| {
            let mut draft = Draft::default();
            let faults = self.rules.check(row.fields.as_ref().ok()?, &mut draft);
            Some(mend(row, parser, &draft.group, &faults).text)
        })
    }

    fn group_of(&self, row: &Row<'_>) -> Option<Group> {
        row.fields.as_ref().ok().and_then(|fields| self.rules.group(fields).ok())
    }

    /// An earlier row as it stands, and where.
    fn bytes(&mut self, number: u64) -> Result<(Place, Vec<u8>), ReadError> {
        let Some(Spot { place, start, length }) = self.spots.of(number) else { return Err(self.changed()) };
        let Some(file) = self.files.get_mut(place.file) else { return Err(self.changed()) };
        let failed = |reason| FileProblem::Io(reason).at(&file.path, place.line, None);
        Ok((place, file.recall.bytes(start, length).map_err(failed)?))
    }

    /// What `look` finds in the first of these rows that has it.
    fn parse<T>(&self, file: usize, bytes: Vec<u8>, look: impl Fn(&Row<'_>) -> Option<T>) -> Result<T, ReadError> {
        let mut found = None;
        self.files[file].parser.rows(&Block::of_row(bytes), &mut BTreeSet::new(), &mut |row| {
            if found.is_none() {
                found = look(&row);
            }
        })?;
        found.ok_or_else(|| self.changed())
    }

    fn changed(&self) -> ReadError {
        let reason = io::Error::other("the file was changed while it was read; validate it again");
        FileProblem::Io(reason).of(self.path(self.file()))
    }
}
