//! A row of the input: where it is, what its fields hold, and how it was written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};

use super::entries::Entries;
use super::text::is_json_address;

/// A field of a group.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, AsRefStr, IntoStaticStr, EnumString, VariantArray, Serialize, Deserialize,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `name`
    Name,
    /// `description`
    Description,
    /// `members`
    Members,
    /// `guests`
    Guests,
    /// `tallyfy_id`: the id of a group that exists; the row is of exactly that group.
    TallyfyId,
    /// `key`: a stable id in the source system, by which a synchronization recognizes renamed groups.
    Key,
    /// `member`: one member per row; rows of one group are merged.
    Member,
    /// `guest`: one guest per row.
    Guest,
    /// `names`: the groups of one person.
    Names,
}

impl Field {
    /// All fields, in the order of the documentation.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The fields of a group.
    pub const SLOTS: [Self; 6] =
        [Self::Name, Self::Description, Self::Members, Self::Guests, Self::TallyfyId, Self::Key];

    /// `FIELD=COLUMN`.
    ///
    /// # Errors
    /// If it is not that; what is expected.
    pub fn mapping(text: &str) -> Result<(Self, String), String> {
        let (field, column) = text.split_once('=').ok_or("FIELD=COLUMN is expected")?;
        let known = field.trim().to_lowercase().parse().ok();
        let known =
            known.ok_or("the field is name, description, members, guests, member, guest, names, key or tallyfy_id")?;
        if column.trim().is_empty() { Err("the column is missing".to_owned()) } else { Ok((known, column.to_owned())) }
    }

    /// Whether several columns can hold it.
    pub fn is_list(self) -> bool {
        !matches!(self, Self::Name | Self::Description | Self::TallyfyId | Self::Key)
    }

    /// The field of a group that it gives.
    pub fn slot(self) -> Self {
        match self {
            Self::Names => Self::Name,
            Self::Member => Self::Members,
            Self::Guest => Self::Guests,
            field => field,
        }
    }

    /// Whether a file that has it has one person per row.
    pub fn is_of_person(self) -> bool {
        self.slot() != self
    }
}

/// A row's key in the journal; grows in input order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct RowId(pub i64);

impl RowId {
    /// The key of the row that comes this many rows after.
    pub fn after(self, rows: u32) -> Self {
        Self(self.0.saturating_add(rows.into()))
    }
}

/// Where a row is.
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
    /// There is no such column or key, or it is null.
    #[default]
    Absent,
    /// Text; in a list field, a list still to be split.
    Text(Cow<'a, str>),
    /// A JSON array.
    List(Vec<Item<'a>>),
    /// A JSON value of another kind, in words ("a number").
    Other(&'static str),
}

impl<'a> Cell<'a> {
    /// As a cell of CSV; a list is a JSON array, so that its entries stay as they are.
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text.clone(),
            Self::List(items) if items.is_empty() => Cow::Borrowed(""),
            Self::List(items) => {
                Cow::Owned(serde_json::json!(items.iter().map(Item::shown).collect::<Vec<_>>()).to_string())
            }
            Self::Absent | Self::Other(_) => Cow::Borrowed(""),
        }
    }

    /// Whether it holds nothing.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(_) | Self::Other(_) => false,
        }
    }
}

/// One element of a JSON array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A JSON string; for null, a blank one.
    Text(Cow<'a, str>),
    /// A JSON number, as it was written.
    Number(Cow<'a, str>),
    /// A JSON value of another kind, in words ("an object").
    Other(&'static str),
}

impl<'a> Item<'a> {
    /// An element of an array; it is copied only if it has escapes.
    pub fn of(element: &'a RawValue) -> Self {
        let json = element.get();
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str(json)
                .map(Cow::Borrowed)
                .or_else(|_| serde_json::from_str(json).map(Cow::Owned))
                .map_or(Self::Other("text with a broken \\u escape"), Self::Text),
            Some(b'{') => Self::person(json),
            Some(b'[') => Self::Other("an array"),
            Some(b't' | b'f') => Self::Other("true or false"),
            Some(b'n') => Self::Text(Cow::Borrowed("")),
            _ => Self::Number(Cow::Borrowed(json)),
        }
    }

    /// What it holds, or what kind of value it is.
    pub fn shown(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Other(kind) => kind,
        }
    }

    /// The person that an object is: its address goes before its id, which may be of another system.
    fn person(object: &'a str) -> Self {
        let Entries(entries) = serde_json::from_str(object).unwrap_or(Entries(Vec::new()));
        let held = |wanted: &str| entries.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        let is_address = |(_, value): &(String, &RawValue)| is_json_address(value);
        if held("email").is_none() && entries.iter().any(is_address) {
            let hint = "an object with its address under another key (in a JSON file, use --map members=LIST.KEY)";
            return Self::Other(hint);
        }
        let names_somebody = |item: &Self| match item {
            Self::Text(text) => !text.trim().is_empty(),
            Self::Number(_) => true,
            Self::Other(_) => false,
        };
        let mut found = ["email", "id"].into_iter().filter_map(held).map(|(_, value)| Self::of(value));
        found.find(names_somebody).unwrap_or(Self::Other("an object without `id` or `email`"))
    }
}

/// The cells of one row by field, unchecked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields<'a>([Cell<'a>; Field::SLOTS.len()]);

impl<'a> Fields<'a> {
    /// The same row with this cell in a field.
    pub fn with(mut self, field: Field, cell: Cell<'a>) -> Self {
        self.set(field, cell);
        self
    }

    /// Puts a cell into a field.
    pub fn set(&mut self, field: Field, cell: Cell<'a>) {
        self.0[field.slot() as usize] = cell;
    }

    /// Adds the cell of a further column to a list.
    pub fn join(&mut self, field: Field, cell: Cell<'a>) {
        let slot = &mut self.0[field.slot() as usize];
        *slot = match (std::mem::take(slot), cell) {
            (one, other) if one.is_blank() => other,
            (one, other) if other.is_blank() => one,
            (Cell::Text(one), Cell::Text(other)) => Cell::Text(Cow::Owned(format!("{one};{other}"))),
            (Cell::List(mut one), Cell::List(other)) => {
                one.extend(other);
                Cell::List(one)
            }
            (one, _) => one,
        };
    }

    /// The cell of a field.
    pub fn get(&self, field: Field) -> &Cell<'a> {
        &self.0[field.slot() as usize]
    }

    /// Whether all cells hold nothing.
    pub fn is_blank(&self) -> bool {
        self.0.iter().all(Cell::is_blank)
    }
}

/// The row as it stood in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Raw<S = String> {
    /// The cells of a CSV row whose last one opens a quote that never closes.
    OpenQuote(Vec<S>),
    /// A CSV row with text after a closing quote, as it was written: its cells are ambiguous.
    Stray(S),
    /// A line of JSON.
    #[serde(skip)]
    Line(S),
    /// The cells of a CSV row, unquoted.
    #[serde(untagged)]
    Cells(Vec<S>),
}

/// The column that rejects have beside those of the input; it is skipped when they are read again.
pub const ERROR_COLUMN: &str = "_error";

/// The formats of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum InputFormat {
    /// Comma-separated values, or with another delimiter
    Csv,
    /// JSON: one object per line, objects that span lines, or an array of objects
    #[value(alias = "jsonl")]
    Json,
    /// Excel or OpenDocument workbook
    #[value(alias = "ods")]
    Xlsx,
}

/// The two formats of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsRefStr, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// Comma-separated values
    Csv,
    /// JSON lines: one object per line
    Jsonl,
}

/// Whether a byte may delimit cells: visible ASCII except the quote, or the tab.
pub fn is_delimiter(byte: u8) -> bool {
    (byte.is_ascii_graphic() && byte != b'"') || byte == b'\t'
}

/// How the rows of a file are written: what is needed to write them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Its format.
    pub format: Format,
    /// The delimiter between cells; unused in JSON lines.
    pub delimiter: u8,
    /// The header's cells; empty in JSON lines.
    pub header: Vec<String>,
    /// Whether they are rejects.
    pub is_rejects: bool,
}

/// One file of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Its path as given; `-` is standard input.
    pub path: String,
    /// How its rows are written.
    pub dialect: Dialect,
}
