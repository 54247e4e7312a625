//! What the user says about how files are read; a layout says the same of an export that is recognized. Pure.

use std::sync::Arc;

use clap::Args;
use encoding_rs::Encoding;

use super::layout::{GivenName, Layout, LayoutChoice, Layouts, all_layouts};
use crate::model::{Code, Field, Filter, InputFormat, Problem, is_delimiter, shortened};

/// How files are read; what is not given is found from the file. The doc comments of flags are their help.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadOptions {
    /// Format of the files [default: found from the file]
    #[arg(long, value_name = "FORMAT", help_heading = "Input", hide_short_help = true)]
    pub format: Option<InputFormat>,
    /// Character between cells [default: found from the header]
    ///
    /// One of , ; | or another ASCII character, or `tab`.
    #[arg(long, value_name = "C", value_parser = delimiter, help_heading = "Input", hide_short_help = true)]
    pub delimiter: Option<u8>,
    /// Encoding of the files, such as windows-1252 [default: UTF-8]
    ///
    /// UTF-16 is recognized by its byte-order mark.
    #[arg(long, value_name = "NAME", value_parser = encoding, help_heading = "Input")]
    pub encoding: Option<&'static Encoding>,
    /// Column that holds a field
    ///
    /// The field is name, description, members or guests; member or guest if each row has one person, names if each row
    /// is a person with a list of groups. Can be repeated, also for a list that is in several columns. In JSON the
    /// column is a key, or a path such as profile.name.
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = Field::mapping, help_heading = "Input")]
    pub map: Vec<(Field, String)>,
    /// Column that is not meant, although it looks like a field
    #[arg(long, value_name = "COLUMN", help_heading = "Input", hide_short_help = true)]
    pub ignore: Vec<String>,
    /// Read only the rows with this cell; COLUMN!=VALUE: without it
    ///
    /// Case does not matter. `COLUMN!=` reads the rows whose cell is not blank. Can be repeated: all must hold.
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = |text: &str| Filter::try_from(text.to_owned()), help_heading = "Input")]
    pub filters: Vec<Filter>,
    /// The columns of a file without a header, in order
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Input", hide_short_help = true)]
    pub columns: Vec<String>,
    /// Skip this many lines above the header
    #[arg(long, value_name = "N", default_value_t, help_heading = "Input", hide_short_help = true)]
    pub skip_lines: u64,
    /// Key or path of the array that has the rows, in a JSON object
    #[arg(long, value_name = "PATH", help_heading = "Input", hide_short_help = true)]
    pub records: Option<String>,
    /// Sheet of a workbook [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Input", hide_short_help = true)]
    pub sheet: Option<String>,
    /// Character between the entries of a list [default: any of ; | , space]
    ///
    /// The names of a person's groups are separated by ; or | only, unless this says otherwise.
    #[arg(long, value_name = "C", value_parser = |text: &str| delimiter(text).map(char::from), help_heading = "Input", hide_short_help = true)]
    pub list_delimiter: Option<char>,
    /// `--name`, `--name-from`: the name of all groups.
    #[arg(skip)]
    pub name: Option<GivenName>,
    /// `--layout`
    #[arg(skip)]
    pub layout: LayoutChoice,
    /// The user's own layouts.
    #[arg(skip)]
    pub own_layouts: Arc<Layouts>,
    /// The layout that has filled these options up: then other columns mean nothing.
    #[arg(skip)]
    pub of_layout: Option<Layout>,
    /// Whether files may lack columns that `--map` names: others have them.
    #[arg(skip)]
    pub are_several: bool,
}

/// One ASCII character, or `tab`.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if is_delimiter(*byte) => Ok(*byte),
        b"tab" | b"\\t" => Ok(b'\t'),
        _ => Err("one ASCII character is expected, or `tab`".to_owned()),
    }
}

/// An encoding by any of its names.
fn encoding(text: &str) -> Result<&'static Encoding, String> {
    // What spreadsheets and editors of Windows call it, in Western Europe and America.
    let is_ansi = ["ansi", "latin-1"].iter().any(|name| text.eq_ignore_ascii_case(name));
    let label = if is_ansi { "windows-1252" } else { text };
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        "unknown encoding; utf-8, utf-16le, windows-1252, shift_jis and macintosh are some of those known (convert others, such as cp850, with `iconv -f cp850 -t utf-8 FILE > NEW`)".to_owned()
    })
}

impl ReadOptions {
    /// The same options, filled up with those of a layout: the chosen one, or that with most columns or keys (`wanted`) of those
    /// whose columns or keys are all in one row. What the user says goes before. Also gives the index of that row.
    pub(super) fn with_layout(
        &self,
        wanted: impl Fn(&Layout) -> Vec<String>,
        rows: impl Fn(&Layout) -> Vec<Vec<String>>,
    ) -> Result<Option<(Self, usize)>, Problem> {
        let find = |layout: &Layout| {
            let wanted = wanted(layout);
            rows(layout).iter().position(|row| wanted.iter().all(|column| row.contains(column)))
        };
        let found = match &self.layout {
            LayoutChoice::Off => None,
            LayoutChoice::Chosen(layout) => Some((Layout::clone(layout), find(layout).unwrap_or_default())),
            LayoutChoice::Recognized => {
                let all = all_layouts(&self.own_layouts).into_values().filter(|layout| !wanted(layout).is_empty());
                let found = all.filter_map(|layout| find(&layout).map(|found| (layout, found)));
                found.max_by_key(|(layout, _)| wanted(layout).len())
            }
        };
        let Some((layout, found)) = found else { return Ok(None) };
        if let Some(why) = layout.refuse {
            return Err(Problem::fatal(Code::FileForeign, format!("this looks like {}: {why}", layout.what)));
        }
        let mut all = self.clone();
        all.map.extend(layout.map.iter().filter(|(field, _)| !self.settles(*field)).cloned());
        // A condition on the column of a field does not hold where that field comes from elsewhere.
        let is_replaced = |filter: &Filter| {
            let mut fields = layout.map.iter().filter(|(_, column)| *column == filter.column);
            fields.any(|(field, _)| self.settles(*field))
        };
        all.filters.extend(layout.filters.iter().filter(|filter| !is_replaced(filter)).cloned());
        all.records = self.records.clone().or_else(|| layout.records.clone());
        all.list_delimiter = self.list_delimiter.or(layout.list_delimiter);
        all.name = self.name.clone().or_else(|| layout.name_from.clone());
        all.of_layout = Some(layout);
        Ok(Some((all, found)))
    }

    /// Why the first filter that does not keep a row leaves it out, if there is one; `keeps` gets the filter's index, too.
    pub(super) fn left_out(&self, keeps: impl Fn(usize, &Filter) -> bool) -> Option<Problem> {
        let (_, filter) = self.filters.iter().enumerate().find(|(index, filter)| !keeps(*index, filter))?;
        let is_of_layout = self.of_layout.as_ref().is_some_and(|layout| layout.filters.contains(filter));
        let by = if is_of_layout { "the layout reads only rows with" } else { "by --where" };
        Some(Problem::excluded(&format!("{by} {}", shortened(&filter.to_string()))))
    }

    /// Whether it is said where a field comes from.
    pub(super) fn settles(&self, field: Field) -> bool {
        let is_named = self.name.is_some() && field.slot() == Field::Name;
        is_named || self.map.iter().any(|(mapped, _)| mapped.slot() == field.slot())
    }
}
