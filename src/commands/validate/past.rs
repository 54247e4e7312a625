//! The rows so far, looked at again: an index of hashes finds who may be meant, the file says who is.

use std::collections::BTreeSet;
use std::io;

use crate::check::{Draft, Rules};
use crate::model::{Field, Group, Place, shown};
use crate::read::{Block, FileProblem, ReadError};

use super::crew::Opened;
use super::mend::{MendedText, mend};
use super::spots::{Spot, Spots};

/// The rows so far.
pub(super) struct Past<'a> {
    rules: &'a Rules,
    pub(super) spots: Spots,
    pub(super) files: Vec<Opened>,
}

impl<'a> Past<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self { rules, spots: Spots::default(), files: Vec::new() }
    }

    /// The file that is open.
    pub(super) fn file(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    /// A file's path as given.
    pub(super) fn path(&self, file: usize) -> &str {
        self.files.get(file).map_or("-", |file| file.path.as_str())
    }

    /// The column that holds a field, where it is called otherwise.
    pub(super) fn column(&self, file: usize, field: Field) -> Option<&str> {
        self.files.get(file)?.parser.column(field)
    }

    /// Where a row stands, for a person.
    pub(super) fn told(&self, place: Place) -> String {
        format!("{}:{}", shown(self.path(place.file)), place.line)
    }

    /// The group of an earlier row that is valid, and where it stands.
    pub(super) fn group(&mut self, number: u64) -> Result<(Place, Group), ReadError> {
        let Some(spot) = self.spots.of(number) else { return Err(self.changed()) };
        let Some(file) = self.files.get_mut(spot.place.file) else { return Err(self.changed()) };
        let failed = |reason| FileProblem::Io(reason).at(&file.path, spot.place.line, None);
        let bytes = file.recall.bytes(spot.start, spot.length).map_err(failed)?;
        Ok((spot.place, self.parse(spot.place.file, bytes)?))
    }

    /// The group of a row of the block that was read last.
    pub(super) fn group_in(&self, block: &Block, number: u64) -> Result<Group, ReadError> {
        let Some(Spot { place, start, length }) = self.spots.of(number) else { return Err(self.changed()) };
        let start = usize::try_from(start - block.offset()).unwrap_or(usize::MAX);
        self.parse(place.file, block.part(start, length).to_vec())
    }

    /// How an earlier row stands in the cleaned copy.
    pub(super) fn text(&mut self, number: u64) -> Result<MendedText, ReadError> {
        let Some(spot) = self.spots.of(number) else { return Err(self.changed()) };
        let Some(file) = self.files.get_mut(spot.place.file) else { return Err(self.changed()) };
        let failed = |reason| FileProblem::Io(reason).at(&file.path, spot.place.line, None);
        let bytes = file.recall.bytes(spot.start, spot.length).map_err(failed)?;
        let (mut text, mut draft) = (None, Draft::default());
        file.parser.rows(&Block::of_row(bytes), &mut BTreeSet::new(), &mut |row| {
            if let Ok(fields) = &row.fields
                && text.is_none()
            {
                let faults = self.rules.check(fields, &mut draft);
                text = Some(mend(&row, &file.parser, &draft.group, &faults).text);
            }
        })?;
        text.ok_or_else(|| self.changed())
    }

    fn parse(&self, file: usize, bytes: Vec<u8>) -> Result<Group, ReadError> {
        let mut group = None;
        self.files[file].parser.rows(&Block::of_row(bytes), &mut BTreeSet::new(), &mut |row| {
            if group.is_none() {
                group = row.fields.ok().and_then(|fields| self.rules.group(&fields).ok());
            }
        })?;
        group.ok_or_else(|| self.changed())
    }

    fn changed(&self) -> ReadError {
        let reason = io::Error::other("the file was changed while it was read; validate it again");
        FileProblem::Io(reason).of(self.path(self.file()))
    }
}
