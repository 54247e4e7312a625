//! Workbooks: which cells become which text, on which row of the sheet, and which workbooks are refused.

use std::io::{Cursor, Write};
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn zip(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An XLSX workbook with these sheets.
fn xlsx(sheets: Vec<(&str, Worksheet)>) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, mut sheet) in sheets {
        sheet.set_name(name).unwrap();
        book.push_worksheet(sheet);
    }
    book.save_to_buffer().unwrap()
}

/// A sheet whose cells are text, from this row and column on.
fn sheet(at: (u32, u16), rows: &[&[&str]]) -> Worksheet {
    let mut sheet = Worksheet::new();
    for (row, cells) in (at.0..).zip(rows) {
        for (column, cell) in (at.1..).zip(*cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write(row, column, *cell).unwrap();
        }
    }
    sheet
}

/// The parts of an ODS workbook with this body.
fn ods(tables: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    );
    zip(&[("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", &content)])
}

fn open(bytes: &[u8], options: &ReadOptions) -> Result<Table, ReadError> {
    Table::of_stream(Path::new("g.xlsx"), Box::new(Cursor::new(bytes.to_vec())), options)
}

/// The header, then the cells of each row with its line.
fn read(bytes: &[u8], options: &ReadOptions) -> Vec<(u64, Vec<String>)> {
    let mut table = open(bytes, options).unwrap();
    let flaw = table.flaw.take();
    assert!(flaw.is_none());
    let parser = table.parser.clone();
    let mut rows = vec![(0, parser.header.clone())];
    for batch in table {
        let batch = batch.unwrap();
        parser.rows(&batch, &mut Notes::default(), &mut |row| rows.push((row.line, cells_of(row)))).unwrap();
    }
    rows
}

fn cells_of(row: &Row<'_>) -> Vec<String> {
    let cells = match row.text.clone() {
        Raw::Cells(cells) | Raw::OpenQuote(cells) => cells,
        Raw::Stray(text) | Raw::Line(text) => vec![text],
    };
    cells.into_iter().map(Cow::into_owned).collect()
}

fn error(bytes: &[u8], options: &ReadOptions) -> String {
    open(bytes, options).err().unwrap().to_string()
}

fn plain() -> ReadOptions {
    ReadOptions::default()
}

#[test]
fn cells_become_the_text_that_they_show() {
    let mut sheet = sheet((0, 0), &[&["name", "description"]]);
    let day = |format: &str| Format::new().set_num_format(format);
    let at = |text: &str| ExcelDateTime::parse_from_str(text).unwrap();
    sheet.write(1, 0, 1001).unwrap().write(1, 1, 2.5).unwrap();
    sheet.write(2, 0, 1_500_000_000_000_u64).unwrap().write(2, 1, true).unwrap();
    sheet.write_with_format(3, 0, at("2026-11-29"), &day("yyyy-mm-dd")).unwrap();
    sheet.write_with_format(3, 1, at("2026-11-29 10:30:00"), &day("d/m/yyyy h:mm")).unwrap();
    sheet.write_with_format(4, 0, at("10:30:00"), &day("h:mm")).unwrap();
    sheet.write_with_format(4, 1, 1.5, &day("[h]:mm:ss")).unwrap();
    sheet.write(5, 0, Formula::new("=1+1").set_result("2")).unwrap();
    sheet.write(5, 1, Formula::new("=A0").set_result("#REF!")).unwrap();
    sheet.write(6, 0, "a, \"b\"\nc").unwrap().write(6, 1, " d ").unwrap();
    let rows = read(&xlsx(vec![("Groups", sheet)]), &plain());
    let cells: Vec<[&str; 2]> = rows.iter().map(|(_, cells)| [cells[0].as_str(), cells[1].as_str()]).collect();
    assert_eq!(
        cells,
        [
            ["name", "description"],
            ["1001", "2.5"],
            ["1500000000000", "true"],
            ["2026-11-29", "2026-11-29T10:30:00"],
            ["10:30:00", "36:00:00"],
            ["2", "#REF!"],
            ["a, \"b\"\nc", " d "],
        ]
    );
}

#[test]
fn the_line_of_a_row_is_its_row_in_the_sheet() {
    let rows: &[&[&str]] = &[&["Our\nteams"], &[], &["name", "group\ndescription"], &["A", "a\nb"], &[], &["B"]];
    let book = xlsx(vec![("Groups", sheet((2, 1), rows))]);
    let skipped = ReadOptions { skip_lines: 4, ..plain() };
    for (options, flaw) in [(&plain(), Some(5)), (&skipped, None)] {
        let mut opened = open(&book, options).unwrap();
        let title = "g.xlsx:Groups!3: the header is on line 5; use --skip-lines 4 if the lines above it are a title, or delete them";
        assert_eq!(opened.flaw.take().map(|flaw| flaw.to_string()), flaw.map(|_| title.to_owned()));
        let (table, mut lines) = (opened, Vec::new());
        let parser = table.parser.clone();
        for batch in table {
            let each = &mut |row: &Row<'_>| lines.push((row.line, cells_of(row)[1].clone()));
            parser.rows(&batch.unwrap(), &mut Notes::default(), each).unwrap();
        }
        assert_eq!(lines, [(6, "A".to_owned()), (8, "B".to_owned())]);
    }
}

#[test]
fn rows_are_counted_across_batches_whatever_line_breaks_their_cells_have() {
    let mut long = sheet((0, 0), &[&["name", "description"]]);
    for row in 1..=5_000_u32 {
        long.write(row, 0, format!("Group {row}")).unwrap().write(row, 1, "two\nlines of text".repeat(4)).unwrap();
    }
    let rows = read(&xlsx(vec![("Groups", long)]), &plain());
    assert_eq!(rows.len(), 5_001);
    assert!(rows[1..].iter().all(|(line, cells)| cells[0] == format!("Group {}", line - 1)));
}

#[test]
fn the_first_sheet_is_read_or_the_one_that_is_named() {
    let one = |name| sheet((0, 0), &[&["name"], &[name]]);
    let book = xlsx(vec![("One", one("A")), ("Blank", Worksheet::new()), ("Two", one("B"))]);
    assert_eq!(read(&book, &plain())[1].1, ["A"]);
    let opened = open(&book, &plain()).unwrap();
    let note = "the rows are read from the sheet `One`; --sheet NAME reads another: `Two`";
    assert_eq!(opened.parser.notes.problems()[0].message, note);
    let named = |name: &str| ReadOptions { sheet: Some(name.to_owned()), ..plain() };
    assert_eq!(read(&book, &named("two"))[1].1, ["B"]);
    let missing = "g.xlsx: --sheet Three: there is no such sheet (found: `One`, `Blank`, `Two`)";
    assert_eq!(error(&book, &named("Three")), missing);
    let empty = "g.xlsx: sheet `Blank` has no cells; --sheet reads another: `One`, `Two`";
    assert_eq!(error(&book, &named("Blank")), empty);
}

#[test]
fn a_workbook_is_recognized_by_its_content_and_packed_like_others() {
    let book = xlsx(vec![("Groups", sheet((0, 0), &[&["name"], &["A"]]))]);
    let folder = Folder::new();
    let options = plain();
    for name in ["g.xlsx", "g.csv", "g"] {
        let path = folder.file(name, &book);
        assert!(Table::open(&path, &options).is_ok(), "{name}");
    }
    let packed = zstd::encode_all(&book[..], 1).unwrap();
    assert_eq!(read(&packed, &options)[1], (2, vec!["A".to_owned()]));
    let forced = |format| ReadOptions { format: Some(format), ..plain() };
    assert_eq!(read(&book, &forced(InputFormat::Xlsx)).len(), 2);
    assert!(error(&book, &forced(InputFormat::Csv)).contains("looks like a workbook; use --format xlsx"));
    assert!(error(b"name\nA\n", &forced(InputFormat::Xlsx)).contains("looks like text; use --format csv"));
}

#[test]
fn an_open_document_is_read_cell_by_cell() {
    let table = r#"<table:table table:name="Notes"><table:shapes><text:p>x</text:p></table:shapes><table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>
        <table:table table:name="Groups &amp; co"><table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>
        <table:table-row>
          <table:table-cell office:value-type="string"><office:annotation><text:p>hint</text:p></office:annotation><text:p>name</text:p></table:table-cell>
          <table:table-cell office:value-type="string"><text:p>description</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16382"/></table:table-row>
        <table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="float" office:value="1.5E+12"><text:p>1.5E+12</text:p></table:table-cell>
          <table:table-cell office:value-type="date" office:date-value="2026-11-29T00:00:00"><text:p>29/11</text:p></table:table-cell></table:table-row>
        <table:table-row><table:table-cell office:value-type="string"><text:p>R&amp;D<text:s/>lab</text:p><text:p>two</text:p></table:table-cell>
          <table:covered-table-cell office:boolean-value="true"/></table:table-row></table:table>"#;
    let options = ReadOptions { sheet: Some("groups & co".to_owned()), ..plain() };
    let row = |line, cells: [&str; 2]| (line, cells.map(str::to_owned).to_vec());
    assert_eq!(
        read(&ods(table), &options),
        [
            row(0, ["name", "description"]),
            row(4, ["1500000000000", "2026-11-29"]),
            row(5, ["1500000000000", "2026-11-29"]),
            row(6, ["R&D lab\ntwo", "true"]),
        ]
    );
    assert_eq!(
        error(&ods(table), &plain()),
        "g.xlsx: sheet `Notes` has no cells; --sheet reads another: `Groups & co`"
    );
}

#[test]
fn what_is_no_sound_workbook_is_refused_with_a_cure() {
    let book = xlsx(vec![("Groups", sheet((0, 0), &[&["name"], &["A"]]))]);
    let broken = zip(&[("xl/workbook.xml", "<workbook>"), ("[Content_Types].xml", "")]);
    let protected =
        zip(&[("mimetype", ""), ("content.xml", ""), ("META-INF/manifest.xml", "<manifest:encryption-data/>")]);
    let mut changed = book.clone();
    let middle = book.windows(9).position(|bytes| bytes == b"xl/worksh").unwrap() + 60;
    changed[middle..middle + 20].fill(0xFF);
    for (bytes, message) in [
        (&zip(&[("a.txt", "a")])[..], "is a ZIP archive and no XLSX or ODS workbook; save the sheet"),
        (&book[..book.len() / 2], "is a ZIP archive or workbook that is damaged or cut off; "),
        (&broken, "the workbook is damaged ("),
        (&changed, "the workbook is damaged ("),
        (&protected, "is protected by a password; save it without one"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "is protected by a password or an old Excel workbook; save it as .xlsx without",
        ),
    ] {
        let error = error(bytes, &plain());
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_workbook_that_unpacks_to_far_more_than_tables_do_is_refused() {
    let bomb = "unpacks to more than 200 times its size";
    let large = "a".repeat(70 << 20);
    let zeros = zip(&[("xl/workbook.xml", ""), ("xl/media/a.png", &large)]);
    assert!(error(&zeros, &plain()).contains(bomb));
    let wide = r#"<table:table table:name="A"><table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:string-value="TEXT"/></table:table-row></table:table>"#;
    let wide = &wide.replace("TEXT", &"a".repeat(10_000));
    assert!(error(&ods(wide), &plain()).contains(bomb));
    let count = r#"<sst uniqueCount="99999999999">"#;
    let texts = zip(&[("xl/workbook.xml", ""), ("xl/sharedStrings.xml", count)]);
    assert!(error(&texts, &plain()).contains("the workbook is damaged (it states more texts than it can have)"));
}
