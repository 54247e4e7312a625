//! A row of the input: where it stands, what it says, and how it stood there.

use std::borrow::Cow;

use crate::model::Fault;

/// The four fields of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `name`
    Name,
    /// `description`
    Description,
    /// `members`
    Members,
    /// `guests`
    Guests,
}

impl Field {
    /// All fields, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Name, Self::Description, Self::Members, Self::Guests];

    /// The field's name as it stands in a header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Members => "members",
            Self::Guests => "guests",
        }
    }

    /// Whether it has entries.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Members | Self::Guests)
    }
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the file in the order given, from 0.
    pub file: usize,
    /// Data row of that file, from 1.
    pub row: u64,
    /// Line of that file on which the row begins, from 1.
    pub line: u64,
}

/// What one cell, or one value of a JSON object, holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cell<'a> {
    /// No such column or key, or a JSON null.
    #[default]
    Absent,
    /// Text; in a list field, a list still to be split.
    Text(Cow<'a, str>),
    /// A JSON array.
    List(Vec<Item<'a>>),
    /// A JSON value of another kind, named for a person ("a number").
    Other(&'static str),
}

impl Cell<'_> {
    /// Whether nothing stands there.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(_) | Self::Other(_) => false,
        }
    }

    fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Absent => Cell::Absent,
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::List(items) => Cell::List(items.into_iter().map(Item::into_owned).collect()),
            Self::Other(kind) => Cell::Other(kind),
        }
    }
}

/// One element of a JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A JSON string.
    Text(Cow<'a, str>),
    /// A JSON number, as it was written.
    Number(Cow<'a, str>),
    /// A JSON value of another kind, named for a person ("an object").
    Other(&'static str),
}

impl Item<'_> {
    fn into_owned(self) -> Item<'static> {
        match self {
            Self::Text(text) => Item::Text(Cow::Owned(text.into_owned())),
            Self::Number(number) => Item::Number(Cow::Owned(number.into_owned())),
            Self::Other(kind) => Item::Other(kind),
        }
    }
}

/// The four fields of one row, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'a> {
    /// `name`
    pub name: Cell<'a>,
    /// `description`
    pub description: Cell<'a>,
    /// `members`
    pub members: Cell<'a>,
    /// `guests`
    pub guests: Cell<'a>,
}

impl<'a> Fields<'a> {
    /// The cell of a field, to be filled.
    pub fn cell_mut(&mut self, field: Field) -> &mut Cell<'a> {
        match field {
            Field::Name => &mut self.name,
            Field::Description => &mut self.description,
            Field::Members => &mut self.members,
            Field::Guests => &mut self.guests,
        }
    }

    /// The same, independent of what it was read from.
    #[must_use]
    pub fn into_owned(self) -> Fields<'static> {
        Fields {
            name: self.name.into_owned(),
            description: self.description.into_owned(),
            members: self.members.into_owned(),
            guests: self.guests.into_owned(),
        }
    }
}

/// The row as it stood in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// The cells of a CSV row, unquoted.
    Cells(Vec<String>),
    /// The cells of a CSV row whose last one opens a quote that never closes.
    OpenQuote(Vec<String>),
    /// A CSV row with text behind a closing quote, as it stood: nobody knows its cells.
    Stray(String),
    /// A line of JSON.
    Line(String),
}

/// One row as `read` hands it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub place: Place,
    /// How it stood there.
    pub raw: Raw,
    /// Its fields, or why it cannot be read as a row.
    pub fields: Result<Fields<'static>, Fault>,
}

/// The column that rejects carry beside those of the input; it is skipped when they are read again.
pub const ERROR_COLUMN: &str = "_error";

/// The two formats of input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values, or with another delimiter
    Csv,
    /// JSON lines: one object per line
    Jsonl,
}

impl Format {
    /// The format's usual file name extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// Whether a byte may part cells: ASCII that is seen, but for the quote, or the tab.
#[must_use]
pub fn is_delimiter(byte: u8) -> bool {
    (byte.is_ascii_graphic() && byte != b'"') || byte == b'\t'
}

/// How a file is laid out; what is needed to write rows of it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Its format.
    pub format: Format,
    /// The delimiter between cells; unused in JSON lines.
    pub delimiter: u8,
    /// The header's cells; empty in JSON lines.
    pub header: Vec<String>,
}

/// One file of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its path as given; `-` is standard input.
    pub path: String,
    /// How it is laid out.
    pub layout: Layout,
}
