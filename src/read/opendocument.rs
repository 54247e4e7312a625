//! The sheets of an OpenDocument workbook (ODS), read cell by cell: a few bytes can stand for millions of cells.

use std::io::{BufReader, Read, Seek};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::error::FileProblem;
use super::sheet::{SheetText, damaged, is_same_sheet, no_sheet};

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

/// What is known of the sheets so far.
struct OdsReader<'a, 'b> {
    wanted: Option<&'a str>,
    text: &'a mut SheetText<'b>,
    names: Vec<String>,
    /// Which sheets have cells, and which is read.
    filled: Vec<usize>,
    chosen: Option<usize>,
    /// The row, from 0, and how many are like it.
    row: u64,
    rows: u64,
    cells: Vec<SheetCells>,
    /// The cell that is open, whether its value was stated, and whether text is part of it.
    cell: Option<SheetCells>,
    has_value: bool,
    is_text: bool,
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
    let (names, filled, cells) = (Vec::new(), Vec::new(), Vec::new());
    let (chosen, cell, has_value, is_text) = (None, None, false, false);
    let mut ods = OdsReader { wanted, text, names, filled, chosen, row: 0, rows: 1, cells, cell, has_value, is_text };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match xml.read_event_into(&mut buffer).map_err(damaged)? {
            Event::Start(tag) if tag.name().as_ref() == "office:annotation" => {
                let end = tag.to_end().into_owned();
                xml.read_to_end_into(end.name(), &mut Vec::new()).map_err(damaged)?;
            }
            Event::Start(tag) => ods.start(&tag)?,
            Event::Text(part) => ods.push(&part.xml10_content()),
            Event::GeneralRef(part) => {
                let entity = format!("&{};", part.xml10_content());
                ods.push(&quick_xml::escape::unescape(&entity).map_err(damaged)?);
            }
            Event::End(tag) => ods.end(tag.name().as_ref())?,
            Event::Eof => break,
            _ => {}
        }
    }
    let OdsReader { names, filled, chosen, .. } = ods;
    let chosen = chosen.ok_or_else(|| no_sheet(wanted, &names))?;
    let others = filled.into_iter().filter(|sheet| *sheet != chosen);
    Ok(std::iter::once(chosen).chain(others).map(|sheet| names[sheet].clone()).collect())
}

impl OdsReader<'_, '_> {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), FileProblem> {
        match tag.name().as_ref() {
            "table:table" => {
                let name = attribute(tag, "table:name")?.unwrap_or_default();
                if self.wanted.is_none_or(|wanted| is_same_sheet(&name, wanted)) {
                    self.chosen.get_or_insert(self.names.len());
                }
                self.names.push(name);
                self.row = 0;
            }
            "table:table-row" => self.rows = count(tag, "table:number-rows-repeated")?.min(ROWS_MAX),
            "table:table-cell" | "table:covered-table-cell" => {
                let count = count(tag, "table:number-columns-repeated")?.min(COLUMNS_MAX);
                let column = self.cells.last().map_or(0, |cells| cells.column + cells.count);
                let value = value(tag)?;
                self.has_value = value.is_some();
                self.cell = Some(SheetCells { column, count, text: value.unwrap_or_default() });
            }
            "text:p" => {
                self.is_text = !self.has_value;
                if self.cell.as_ref().is_some_and(|cell| !cell.text.is_empty()) {
                    self.push("\n");
                }
            }
            "text:line-break" => self.push("\n"),
            "text:s" | "text:tab" => self.push(" "),
            _ => {}
        }
        Ok(())
    }

    fn push(&mut self, text: &str) {
        if let Some(cell) = self.cell.as_mut().filter(|_| self.is_text) {
            cell.text.push_str(text);
        }
    }

    fn end(&mut self, name: &str) -> Result<(), FileProblem> {
        let sheet = self.names.len().saturating_sub(1);
        match name {
            "text:p" => self.is_text = false,
            "table:table-cell" | "table:covered-table-cell" => self.cells.extend(self.cell.take()),
            "table:table-row" => {
                if self.cells.iter().any(|cells| !cells.text.is_empty()) {
                    self.filled.push(sheet);
                    self.filled.dedup();
                    for row in if self.chosen == Some(sheet) { self.row..self.row + self.rows } else { 0..0 } {
                        self.write(row)?;
                    }
                }
                (self.row, self.cells) = (self.row + self.rows, Vec::new());
            }
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self, row: u64) -> Result<(), FileProblem> {
        for SheetCells { column, count, text } in self.cells.iter().filter(|cells| !cells.text.is_empty()) {
            for column in *column..column + count {
                self.text.cell(row, column, text)?;
            }
        }
        Ok(())
    }
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
