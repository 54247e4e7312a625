//! What the user says about how files are read; a layout says the same of an export that is recognized. Pure.

use std::sync::Arc;

use encoding_rs::Encoding;

use super::layout::{GivenName, Layout, LayoutChoice, Layouts, all_layouts};
use crate::model::{Code, Field, Filter, InputFormat, Problem, shortened};

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
    /// The layout that has filled these options up: then other columns mean nothing.
    pub of_layout: Option<Layout>,
    /// Whether files may lack columns that `--map` names: others have them.
    pub are_several: bool,
}

impl ReadOptions {
    /// The same options, filled up with those of a layout: the chosen one, or that with most columns or keys (`wanted`) of those
    /// that `find` finds. What the user says goes before. Also gives what was found.
    pub(super) fn with_layout<T: Default>(
        &self,
        wanted: fn(&Layout) -> &[String],
        find: impl Fn(&Layout) -> Option<T>,
    ) -> Result<Option<(Self, T)>, Problem> {
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
