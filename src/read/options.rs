//! What the user says about how files are read; a layout says the same of an export that is recognized. Pure.

use std::sync::Arc;

use encoding_rs::Encoding;

use super::layout::{Layout, LayoutChoice, Layouts, NameFrom};
use crate::model::{Field, Filter, InputFormat};

/// How files are read; what is not given is found from the file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// `--format`
    pub format: Option<InputFormat>,
    /// `--delimiter`
    pub delimiter: Option<u8>,
    /// `--encoding`
    pub encoding: Option<&'static Encoding>,
    /// `--map`: columns that hold a field under another name; several for a list.
    pub map: Vec<(Field, String)>,
    /// `--ignore`: columns that are not meant.
    pub ignore: Vec<String>,
    /// `--where`: the rows that are read; all must hold.
    pub filters: Vec<Filter>,
    /// `--name`, `--name-from`: the name of all groups.
    pub name: Option<GivenName>,
    /// `--columns`: the columns of a file without a header.
    pub columns: Vec<String>,
    /// `--skip-lines`
    pub skip_lines: u64,
    /// `--records`: the path of the array in a JSON object.
    pub records: Option<String>,
    /// `--sheet`: the sheet of a workbook.
    pub sheet: Option<String>,
    /// `--list-delimiter`
    pub list_delimiter: Option<char>,
    /// `--layout`
    pub layout: LayoutChoice,
    /// The user's own layouts.
    pub own_layouts: Arc<Layouts>,
    /// Whether a layout has filled these options up: then other columns mean nothing.
    pub is_of_layout: bool,
    /// Whether files may lack columns that `--map` names: others have them.
    pub are_several: bool,
}

/// A group's name that is not in the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenName {
    /// This text.
    Text(String),
    /// The file's name without its extensions.
    File,
}

impl ReadOptions {
    /// The same options, filled up with those of a layout. What the user says goes before.
    pub(super) fn with_layout(&self, layout: &Layout) -> Self {
        let mut all = self.clone();
        all.map.extend(layout.map.iter().filter(|(field, _)| !self.settles(*field)).cloned());
        all.filters.extend(layout.filters.iter().cloned());
        all.records = self.records.clone().or_else(|| layout.records.clone());
        all.list_delimiter = self.list_delimiter.or(layout.list_delimiter);
        all.name = self.name.clone().or(layout.name_from.map(|NameFrom::File| GivenName::File));
        all.is_of_layout = true;
        all
    }

    /// Whether it is said where a field comes from.
    pub(super) fn settles(&self, field: Field) -> bool {
        let is_named = self.name.is_some() && field.slot() == Field::Name;
        is_named || self.map.iter().any(|(mapped, _)| mapped.slot() == field.slot())
    }
}
