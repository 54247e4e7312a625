//! The cleaned copy of `--fix`, row after row, as far as it can be written without loss.

use std::path::PathBuf;

use crate::model::{Field, Layout, Place, shortened};
use crate::read::{Columns, Parser, field_of};
use crate::report::Cleaned;

use super::super::Failure;
use super::mend::MendedText;

/// The copy, if one is asked for.
pub(super) struct Copy {
    path: Option<PathBuf>,
    cleaned: Option<Cleaned>,
    /// What was done to its header.
    repairs: Vec<String>,
    /// Why it must not take its place.
    flaw: Option<String>,
}

impl Copy {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, cleaned: None, repairs: Vec::new(), flaw: None }
    }

    /// What was done to its header, for a person.
    pub(super) fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// Whether one is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn begin(&mut self, parser: &Parser) -> Result<(), Failure> {
        if let Some(path) = &self.path {
            let layout = Layout { header: header(parser), ..parser.layout().clone() };
            self.repairs = header_repairs(&parser.layout().header, &layout.header);
            self.cleaned = Some(Cleaned::create(path, &layout).map_err(Failure::Uncopied)?);
        }
        Ok(())
    }

    pub(super) fn row(&mut self, place: Place, text: &MendedText) -> Result<(), Failure> {
        let Some(cleaned) = &mut self.cleaned else { return Ok(()) };
        let written = match text {
            MendedText::Whole(text) => cleaned.row(text),
            MendedText::OpenQuote(cells) => cleaned.open_quote(cells),
            MendedText::Header => Ok(()),
            MendedText::Lost => {
                self.spoil(&format!("the row on line {} is too long to be copied", place.line));
                Ok(())
            }
        };
        written.map_err(Failure::Uncopied)
    }

    /// The copy would lack something.
    fn spoil(&mut self, why: &str) {
        self.flaw.get_or_insert_with(|| why.to_owned());
    }

    /// Puts the copy in its place; gives where that is.
    pub(super) fn finish(self) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = self.path else { return Ok(None) };
        match (self.flaw, self.cleaned) {
            (Some(why), _) => Err(Failure::Unfixed(why)),
            (None, Some(cleaned)) => cleaned.finish().map(|()| Some(path)).map_err(Failure::Uncopied),
            (None, None) => Ok(None),
        }
    }
}

/// The header of the copy: a column that was named with `--map` bears the field's name, if that makes one that can be read.
fn header(parser: &Parser) -> Vec<String> {
    let own = &parser.layout().header;
    let mut header = own.clone();
    for field in Field::ALL {
        if let Some(column) = parser.index(field).and_then(|index| header.get_mut(index))
            && field_of(column) != Some(field)
        {
            field.as_str().clone_into(column);
        }
    }
    if Columns::of(&header, &[]).is_ok() { header } else { own.clone() }
}

/// What was done to the header, for a person.
fn header_repairs(own: &[String], copied: &[String]) -> Vec<String> {
    let renamed = own.iter().zip(copied).filter(|(own, copied)| own != copied);
    let told = renamed.map(|(own, copied)| format!("column `{}` renamed `{copied}`", shortened(own.trim())));
    let is_trimmed = own.iter().zip(copied).any(|(own, copied)| own == copied && own.trim() != own);
    told.chain(is_trimmed.then(|| "header: outer spaces removed".to_owned())).collect()
}
