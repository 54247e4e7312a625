//! What the user says about how files are read; a layout says the same of an export that is recognized. Pure.

use encoding_rs::Encoding;

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
    /// Whether it is said where a field comes from.
    pub(super) fn settles(&self, field: Field) -> bool {
        let is_named = self.name.is_some() && field.slot() == Field::Name;
        is_named || self.map.iter().any(|(mapped, _)| mapped.slot() == field.slot())
    }
}
