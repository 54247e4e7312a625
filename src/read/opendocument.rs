//! The sheets of an OpenDocument workbook (ODS), read cell by cell: a few bytes can stand for millions of cells.

use std::io::{BufReader, Read, Seek};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::error::FileProblem;
use super::workbook::{SheetText, damaged, is_same_sheet, no_sheet};

/// The most columns and rows that a sheet may have.
const COLUMNS_MAX: u64 = 16_384;
const ROWS_MAX: u64 = 1_048_576;

/// What holds a cell's value, other than its text (ODF 1.2, part 1, 19.385).
const VALUES: [&str; 4] = ["office:value", "office:date-value", "office:boolean-value", "office:string-value"];

/// Cells of one row that hold the same.
struct SheetCells {
    /// The column of the first, from 0.
    column: u64,
    count: u64,
    text: String,
}

/// Writes the sheet of this name, or the first. Gives its name, and those of others that have cells.
pub(super) fn read_ods(
    archive: &mut ZipArchive<impl Read + Seek>,
    wanted: Option<&str>,
    text: &mut SheetText<'_>,
) -> Result<Vec<String>, FileProblem> {
    let content = archive.by_name("content.xml").map_err(damaged)?;
    let mut xml = quick_xml::Reader::from_reader(BufReader::new(content));
    xml.config_mut().expand_empty_elements = true;
    let (mut sheets, mut filled, mut chosen) = (Vec::new(), Vec::new(), None);
    let (mut row, mut rows, mut cells) = (0, 1, Vec::new());
    let (mut cell, mut has_value, mut is_text, mut buffer) = (None::<SheetCells>, false, false, Vec::new());
    loop {
        buffer.clear();
        match (xml.read_event_into(&mut buffer).map_err(damaged)?, &mut cell) {
            (Event::Start(tag), open) => match (tag.name().as_ref(), open) {
                ("table:table", _) => {
                    let name = attribute(&tag, "table:name")?.unwrap_or_default();
                    if wanted.is_none_or(|wanted| is_same_sheet(&name, wanted)) {
                        chosen.get_or_insert(sheets.len());
                    }
                    sheets.push(name);
                    row = 0;
                }
                ("table:table-row", _) => rows = count(&tag, "table:number-rows-repeated")?.min(ROWS_MAX),
                ("table:table-cell" | "table:covered-table-cell", _) => {
                    let count = count(&tag, "table:number-columns-repeated")?.min(COLUMNS_MAX);
                    let column = cells.last().map_or(0, |cells: &SheetCells| cells.column + cells.count);
                    let value = value(&tag)?;
                    has_value = value.is_some();
                    cell = Some(SheetCells { column, count, text: value.unwrap_or_default() });
                }
                ("text:p", Some(cell)) if !has_value => {
                    is_text = true;
                    cell.text.extend((!cell.text.is_empty()).then_some('\n'));
                }
                ("text:line-break", Some(cell)) if is_text => cell.text.push('\n'),
                ("text:s" | "text:tab", Some(cell)) if is_text => cell.text.push(' '),
                ("office:annotation", _) => {
                    let end = tag.to_end().into_owned();
                    xml.read_to_end_into(end.name(), &mut Vec::new()).map_err(damaged)?;
                }
                _ => {}
            },
            (Event::Text(part), Some(cell)) if is_text => cell.text.push_str(&part.xml10_content()),
            (Event::GeneralRef(part), Some(cell)) if is_text => {
                let entity = format!("&{};", part.xml10_content());
                cell.text.push_str(&quick_xml::escape::unescape(&entity).map_err(damaged)?);
            }
            (Event::End(tag), _) => match tag.name().as_ref() {
                "text:p" => is_text = false,
                "table:table-cell" | "table:covered-table-cell" => cells.extend(cell.take()),
                "table:table-row" => {
                    let sheet = sheets.len().saturating_sub(1);
                    if cells.iter().any(|cells| !cells.text.is_empty()) {
                        filled.push(sheet);
                        filled.dedup();
                        for row in if chosen == Some(sheet) { row..row + rows } else { 0..0 } {
                            each_cell(&cells, |column, cell| text.cell(row, column, cell))?;
                        }
                    }
                    (row, cells) = (row + rows, Vec::new());
                }
                _ => {}
            },
            (Event::Eof, _) => break,
            _ => {}
        }
    }
    let chosen = chosen.ok_or_else(|| no_sheet(wanted, &sheets))?;
    let others = filled.into_iter().filter(|sheet| *sheet != chosen);
    Ok(std::iter::once(chosen).chain(others).map(|sheet| sheets[sheet].clone()).collect())
}

fn each_cell(
    cells: &[SheetCells],
    mut each: impl FnMut(u64, &str) -> Result<(), FileProblem>,
) -> Result<(), FileProblem> {
    let columns = |cells: &SheetCells| cells.column..cells.column + cells.count;
    cells.iter().try_for_each(|cells| columns(cells).try_for_each(|column| each(column, &cells.text)))
}

/// What a cell holds, unless it is its text.
fn value(tag: &BytesStart<'_>) -> Result<Option<String>, FileProblem> {
    for key in VALUES {
        if let Some(value) = attribute(tag, key)? {
            // A number is written as in XLSX.
            let number = if key == VALUES[0] { value.parse::<f64>().ok() } else { None };
            let value = number.map_or(value, |number| number.to_string());
            return Ok(Some(value.trim_end_matches("T00:00:00").to_owned()).filter(|value| !value.is_empty()));
        }
    }
    Ok(None)
}

fn count(tag: &BytesStart<'_>, key: &str) -> Result<u64, FileProblem> {
    attribute(tag, key)?.map_or(Ok(1), |count| count.parse().map_err(damaged))
}

fn attribute(tag: &BytesStart<'_>, key: &str) -> Result<Option<String>, FileProblem> {
    let Some(found) = tag.try_get_attribute(key).map_err(damaged)? else { return Ok(None) };
    let value = found.normalized_value(XmlVersion::Implicit1_0).map_err(damaged)?;
    Ok(Some(value.into_owned()))
}
