//! Workbooks (XLSX; ODS in `opendocument`): one sheet is written as CSV, and then read like any other file.
//!
//! Invariant: a workbook that unpacks to far more than tables do is refused before its parts are parsed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};

use calamine::{Data, DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use memchr::memmem;
use zip::ZipArchive;

use super::error::foreign;
use super::opendocument::read_ods;
use super::packed::{bomb, unpacked_max};
use super::sheet::{SheetText, damaged, is_same_sheet, no_cells, no_sheet};
use crate::model::Problem;

/// Writes a sheet into `copy`: the one of this name, or the first. Gives its name, and those of others that have cells.
pub(super) fn convert(packed: File, wanted: Option<&str>, copy: &File) -> Result<Vec<String>, Problem> {
    let most = unpacked_max(packed.metadata()?.len());
    let mut archive = ZipArchive::new(BufReader::new(packed)).map_err(|_| {
        foreign(
            "a ZIP archive or workbook that is damaged or cut off",
            "if it is a workbook, open it in a spreadsheet program and save it again",
        )
    })?;
    let has = |name| archive.index_for_name(name).is_some();
    let (is_xlsx, is_ods) = (has("xl/workbook.xml"), has("mimetype") && has("content.xml"));
    if !is_xlsx && !is_ods {
        let cure = "save the sheet with the groups as .xlsx, or as CSV UTF-8";
        return Err(foreign("a ZIP archive and no XLSX or ODS workbook", cure));
    }
    check_size(&mut archive, most)?;
    let mut text = SheetText::new(copy, most);
    let mut names = if is_xlsx {
        read_xlsx(archive.into_inner(), wanted, &mut text)?
    } else {
        read_ods(&mut archive, wanted, &mut text)?
    };
    if !text.finish()? {
        return Err(no_cells(&names[0], &names[1..]));
    }
    // Somebody who chooses a sheet knows the others.
    names.truncate(if wanted.is_some() { 1 } else { usize::MAX });
    Ok(names)
}

/// Unpacks everything once: the sizes that the archive states may be wrong. So may the number of texts, for which the parser
/// takes memory.
fn check_size(archive: &mut ZipArchive<impl Read + Seek>, most: u64) -> Result<(), Problem> {
    let (mut unpacked, mut texts) = (0, 0);
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(damaged)?;
        for tag in BufReader::new(part.take(most + 1)).split(b'<') {
            let tag = tag.map_err(damaged)?;
            unpacked += tag.len() as u64 + 1;
            if unpacked > most {
                return Err(bomb());
            }
            if tag.starts_with(b"manifest:encryption-data") {
                return Err(foreign("protected by a password", "save it without one"));
            }
            let count = memmem::find(&tag, b"uniqueCount").map_or(&[][..], |at| &tag[at..]);
            let mut numbers = count.split(|byte| !byte.is_ascii_digit()).filter(|digits| !digits.is_empty());
            let number = numbers.next().and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
            texts = number.unwrap_or(0).max(texts);
        }
    }
    if texts > unpacked { Err(damaged("it states more texts than it can have")) } else { Ok(()) }
}

fn read_xlsx(packed: BufReader<File>, wanted: Option<&str>, text: &mut SheetText<'_>) -> Result<Vec<String>, Problem> {
    let mut book: Xlsx<_> = Xlsx::new(packed).map_err(damaged)?;
    let sheets = book.sheets_metadata().to_vec();
    let readable: Vec<String> = sheets
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect();
    let name = match wanted {
        Some(wanted) => sheets.iter().map(|sheet| &sheet.name).find(|name| is_same_sheet(name, wanted)),
        None => readable.first(),
    };
    let name = name.ok_or_else(|| no_sheet(wanted, &readable))?.clone();
    let mut cells = match book.worksheet_cells_reader(&name) {
        Err(XlsxError::NotAWorksheet(_)) => return Err(no_cells(&name, &readable)),
        cells => cells.map_err(damaged)?,
    };
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        text.cell(row.into(), column.into(), &shown_value(&cell.get_value().clone().into()))?;
    }
    drop(cells);
    let mut has_cells = |name: &String| {
        let Ok(mut cells) = book.worksheet_cells_reader(name) else { return false };
        std::iter::from_fn(|| cells.next_cell().ok().flatten()).any(|cell| *cell.get_value() != DataRef::Empty)
    };
    let others: Vec<String> = readable.into_iter().filter(|other| *other != name && has_cells(other)).collect();
    Ok([vec![name], others].concat())
}

/// What a cell shows, apart from the format of its number.
fn shown_value(value: &Data) -> String {
    let date = match value {
        Data::DateTime(date) => date,
        Data::DateTimeIso(date) => return date.trim_end_matches("T00:00:00").to_owned(),
        value => return value.to_string(),
    };
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    match date.as_f64() {
        days if date.is_duration() => format!("{:02}:{minute:02}:{second:02}", (days * 24.0).floor()),
        days if days < 1.0 => time,
        _ if time == "00:00:00" => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{time}"),
    }
}
