//! Layouts and options: whatever a layout says of whatever file, nothing panics, and a row that is written again is read alike.
#![no_main]

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::model::{Cell, Field, InputFormat, Raw};
use tallyfy_groups::read::{GivenName, LayoutChoice, Layouts, Notes, ReadOptions, Table};

fuzz_target!(|text: &str| {
    let mut parts = text.split('\u{1f}');
    let (layout, file) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let _ = toml::from_str::<Layouts>(layout);
    let pairs: Vec<(Field, String)> = parts.next().unwrap_or_default().lines().filter_map(|line| Field::mapping(line).ok()).collect();
    let filters = parts.next().unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect();
    let name = parts.next().map(|name| GivenName::Text(name.to_owned()));
    let format = if text.len() % 2 == 0 { InputFormat::Csv } else { InputFormat::Json };
    let own_layouts = toml::from_str::<Layouts>(layout).unwrap_or_default().into();
    let list_delimiter = parts.next().and_then(|text| text.chars().next()).filter(char::is_ascii_punctuation);
    let options = ReadOptions { format: Some(format), map: pairs, filters, name, own_layouts, list_delimiter, ..ReadOptions::default() };
    let Some((header, rows)) = read(file, &options) else { return };
    let plain = ReadOptions { format: Some(format), delimiter: Some(b','), layout: LayoutChoice::Off, ..ReadOptions::default() };
    for (raw, fields) in rows {
        let again = match raw {
            Raw::Cells(cells) if header.iter().all(|column| !column.trim().is_empty()) => {
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                writer.write_record(&header).unwrap();
                writer.write_record(&cells).unwrap();
                read(&String::from_utf8(writer.into_inner().unwrap()).unwrap(), &plain)
            }
            Raw::Line(line) => read(&line, &plain),
            _ => continue,
        };
        // A blank row is not one any more.
        let Some(again) = again.and_then(|(_, rows)| rows.into_iter().next()) else { continue };
        assert_eq!(again.1, fields, "{options:?}");
    }
});

type Read = (Vec<String>, Vec<(Raw, Vec<Vec<String>>)>);

/// The header under which the rows are written again, and each row that can be read, with the entries of its fields.
fn read(text: &str, options: &ReadOptions) -> Option<Read> {
    let opened = Table::of_stream(Path::new("fuzz"), Box::new(Cursor::new(text.as_bytes().to_vec())), options).ok()?;
    if opened.flaw.is_some() {
        return None;
    }
    let (mut table, mut rows) = (opened, Vec::new());
    let parser = table.parser.clone();
    for batch in table.by_ref() {
        let mut keep = |row: &tallyfy_groups::read::Row<'_>| {
            if let Ok(fields) = &row.fields {
                let all = Field::SLOTS.iter().map(|field| entries(fields.get(*field))).collect();
                rows.push((owned(&row.text), all));
            }
        };
        parser.rows(&batch.ok()?, &mut Notes::default(), &mut keep).ok()?;
    }
    table.check_whole().ok()?;
    Some((parser.dialect.header.clone(), rows))
}

fn owned(raw: &Raw<Cow<'_, str>>) -> Raw {
    let all = |cells: &[Cow<'_, str>]| cells.iter().map(ToString::to_string).collect();
    match raw {
        Raw::Cells(cells) => Raw::Cells(all(cells)),
        Raw::OpenQuote(cells) => Raw::OpenQuote(all(cells)),
        Raw::Stray(text) => Raw::Stray(text.to_string()),
        Raw::Line(line) => Raw::Line(line.to_string()),
    }
}

fn entries(cell: &Cell<'_>) -> Vec<String> {
    match cell {
        Cell::Absent => Vec::new(),
        Cell::Text(text) if text.starts_with('[') => serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_string()]),
        Cell::Text(text) => vec![text.to_string()].into_iter().filter(|text| !text.is_empty()).collect(),
        Cell::List(items) => items.iter().map(|item| format!("{item:?}")).collect(),
        Cell::Other(kind) => vec![(*kind).to_owned()],
    }
}
