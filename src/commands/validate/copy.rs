//! The cleaned copy of `--fix`, row after row, as far as it can be written without loss.

use std::path::PathBuf;

use crate::model::{Layout, Place};
use crate::report::Cleaned;

use super::super::Failure;
use super::mend::MendedText;

/// The copy, if one is asked for.
pub(super) struct Copy {
    path: Option<PathBuf>,
    cleaned: Option<Cleaned>,
    /// Why it must not take its place.
    flaw: Option<String>,
}

impl Copy {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, cleaned: None, flaw: None }
    }

    /// Whether one is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn begin(&mut self, layout: &Layout) -> Result<(), Failure> {
        if let Some(path) = &self.path {
            self.cleaned = Some(Cleaned::create(path, layout).map_err(Failure::Uncopied)?);
        }
        Ok(())
    }

    pub(super) fn row(&mut self, place: Place, text: &MendedText) -> Result<(), Failure> {
        let Some(cleaned) = &mut self.cleaned else { return Ok(()) };
        let written = match text {
            MendedText::Whole(text) => cleaned.row(text),
            MendedText::OpenQuote(cells) => cleaned.open_quote(cells),
            MendedText::Lost => {
                self.spoil(&format!("the row on line {} is too long to be copied", place.line));
                Ok(())
            }
        };
        written.map_err(Failure::Uncopied)
    }

    /// The copy would lack something.
    pub(super) fn spoil(&mut self, why: &str) {
        self.flaw.get_or_insert_with(|| why.to_owned());
    }

    /// Puts the copy in its place.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match (self.flaw, self.cleaned) {
            (Some(why), _) if self.path.is_some() => Err(Failure::Unfixed(why)),
            (None, Some(cleaned)) => cleaned.finish().map(drop).map_err(Failure::Uncopied),
            _ => Ok(()),
        }
    }
}
