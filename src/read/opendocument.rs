//! The sheets of an OpenDocument workbook (ODS), read cell by cell: a few bytes can stand for millions of cells.

use std::io::{BufRead, BufReader, Read, Seek};
use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::sheet::{SheetText, damaged, is_same_sheet, no_sheet};
use crate::model::Problem;

/// The most columns and rows that a sheet may have.
const COLUMNS_MAX: u64 = 16_384;
const ROWS_MAX: u64 = 1_048_576;

const CELL: &str = "table:table-cell";
const COVERED_CELL: &str = "table:covered-table-cell";

/// What holds a cell's value, other than its text (ODF 1.2, part 1, 19.385).
const VALUES: [&str; 4] = ["office:value", "office:date-value", "office:boolean-value", "office:string-value"];

/// Writes the sheet of this name, or the first. Gives its name, and those of others that have cells.
pub(super) fn read_ods(
    archive: &mut ZipArchive<impl Read + Seek>,
    wanted: Option<&str>,
    out: &mut SheetText<'_>,
) -> Result<Vec<String>, Problem> {
    let content = archive.by_name("content.xml").map_err(damaged)?;
    let mut xml = quick_xml::Reader::from_reader(BufReader::new(content));
    xml.config_mut().expand_empty_elements = true;
    // Each sheet's name, and whether it has cells; and the one that is read.
    let (mut sheets, mut chosen): (Vec<(String, bool)>, _) = (Vec::new(), None);
    // The row, how many are like it, and its cells that are not blank: their columns, and what they hold.
    let (mut row, mut rows, mut cells) = (0, 1, Vec::new());
    let (mut column, mut buffer) = (0, Vec::new());
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(damaged)? {
            Event::Start(tag) => match tag.name().as_ref() {
                "table:table" => {
                    let name = attribute(&tag, "table:name")?.unwrap_or_default();
                    if wanted.is_none_or(|wanted| is_same_sheet(&name, wanted)) {
                        chosen.get_or_insert(sheets.len());
                    }
                    sheets.push((name, false));
                    row = 0;
                }
                "table:table-row" => rows = count(&tag, "table:number-rows-repeated")?.min(ROWS_MAX),
                CELL | COVERED_CELL => {
                    let end = column + count(&tag, "table:number-columns-repeated")?.min(COLUMNS_MAX);
                    let (value, shown) = (value(&tag)?, shown(&mut xml)?);
                    cells.push((column..end, value.unwrap_or(shown)));
                    column = end;
                }
                _ => {}
            },
            Event::End(tag) if tag.name().as_ref() == "table:table-row" => {
                cells.retain(|(_, text): &(_, String)| !text.is_empty());
                let is_chosen = chosen.is_some_and(|chosen| chosen + 1 == sheets.len());
                if let Some((_, has_cells)) = sheets.last_mut() {
                    *has_cells |= !cells.is_empty();
                }
                if is_chosen {
                    write(out, row..row + rows, &cells)?;
                }
                (row, column) = (row + rows, 0);
                cells.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let Some(chosen) = chosen else {
        let names: Vec<String> = sheets.into_iter().map(|(name, _)| name).collect();
        return Err(no_sheet(wanted, &names));
    };
    let (name, _) = sheets.remove(chosen);
    let others = sheets.into_iter().filter(|(_, has_cells)| *has_cells);
    Ok(std::iter::once(name).chain(others.map(|(name, _)| name)).collect())
}

/// Writes rows that are alike.
fn write(out: &mut SheetText<'_>, rows: Range<u64>, cells: &[(Range<u64>, String)]) -> Result<(), Problem> {
    for row in rows {
        for (columns, text) in cells {
            columns.clone().try_for_each(|column| out.cell(row, column, text))?;
        }
    }
    Ok(())
}

/// The text of a cell that has begun, up to its end.
fn shown(xml: &mut quick_xml::Reader<impl BufRead>) -> Result<String, Problem> {
    let (mut text, mut is_text, mut buffer) = (String::new(), false, Vec::new());
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(damaged)? {
            Event::Start(tag) => match tag.name().as_ref() {
                "office:annotation" => _ = xml.read_to_end_into(tag.name(), &mut Vec::new()).map_err(damaged)?,
                "text:p" => {
                    is_text = true;
                    text.push_str(if text.is_empty() { "" } else { "\n" });
                }
                "text:line-break" if is_text => text.push('\n'),
                "text:s" | "text:tab" if is_text => text.push(' '),
                _ => {}
            },
            Event::Text(part) if is_text => text.push_str(&part.xml10_content()),
            Event::GeneralRef(part) if is_text => {
                let entity = format!("&{};", part.xml10_content());
                text.push_str(&quick_xml::escape::unescape(&entity).map_err(damaged)?);
            }
            Event::End(tag) => match tag.name().as_ref() {
                "text:p" => is_text = false,
                CELL | COVERED_CELL => return Ok(text),
                _ => {}
            },
            Event::Eof => return Ok(text),
            _ => {}
        }
    }
}

/// What a cell holds, unless it is its text.
fn value(tag: &BytesStart<'_>) -> Result<Option<String>, Problem> {
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

fn count(tag: &BytesStart<'_>, key: &str) -> Result<u64, Problem> {
    attribute(tag, key)?.map_or(Ok(1), |count| count.parse().map_err(damaged))
}

fn attribute(tag: &BytesStart<'_>, key: &str) -> Result<Option<String>, Problem> {
    let Some(found) = tag.try_get_attribute(key).map_err(damaged)? else { return Ok(None) };
    let value = found.normalized_value(XmlVersion::Implicit1_0).map_err(damaged)?;
    Ok(Some(value.into_owned()))
}
