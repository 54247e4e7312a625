//! The files that a run writes.

use std::fs;
use std::path::Path;

use super::*;
use crate::model::{Dialect, Format, InputFile, Place, Raw, ResultRow, Status};

fn csv_file(path: &str, header: &[&str]) -> InputFile {
    let header = header.iter().map(|column| (*column).to_owned()).collect();
    InputFile {
        path: path.to_owned(),
        dialect: Dialect { format: Format::Csv, delimiter: b';', header, is_rejects: false },
    }
}

fn jsonl_file(path: &str) -> InputFile {
    InputFile {
        path: path.to_owned(),
        dialect: Dialect { format: Format::Jsonl, delimiter: b',', header: Vec::new(), is_rejects: false },
    }
}

fn cells(cells: &[&str]) -> Raw {
    Raw::Cells(cells.iter().map(|cell| (*cell).to_owned()).collect())
}

fn result(file: usize, row: u64, status: Status, raw: Raw) -> ResultRow {
    ResultRow {
        place: Some(Place { file, row, line: row + 1 }),
        name: format!("G{row}"),
        status,
        group_id: (status == Status::Created).then(|| format!("id{row}")),
        duplicate_of: None,
        attempts: u32::from(status == Status::Created),
        http_status: (status == Status::Created).then_some(201),
        error_code: (status == Status::Invalid).then(|| "row-malformed".to_owned()),
        error: (status == Status::Invalid).then(|| "the name is missing".to_owned()),
        changes: None,
        warnings: None,
        raw,
    }
}

fn results(name: &str, files: &[InputFile], with_input: bool, rows: &[ResultRow]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let mut results = Results::create(&path, files, with_input).unwrap();
    for result in rows {
        results.write(result).unwrap();
    }
    results.finish().unwrap();
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "nothing but the results is left");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_results_have_the_contracts_columns_in_both_formats() {
    let files = [csv_file("a.csv", &["name"]), csv_file("b.csv", &["name"])];
    let twin = |file| ResultRow {
        duplicate_of: Some(Place { file: 0, row: 1, line: 2 }),
        group_id: Some("id1".to_owned()),
        warnings: Some("the members 7, 8 are lost".to_owned()),
        ..result(file, 2, Status::Duplicate, cells(&["G2"]))
    };
    let rows = [result(0, 1, Status::Created, cells(&["G1"])), twin(0), twin(1)];
    assert_eq!(
        results("r.csv", &files, false, &rows),
        "file,row,line,name,status,group_id,duplicate_of,attempts,http_status,error_code,error,changes,warnings\n\
         a.csv,1,2,G1,created,id1,,1,201,,,,\n\
         a.csv,2,3,G2,duplicate,id1,1,0,,,,,\"the members 7, 8 are lost\"\n\
         b.csv,2,3,G2,duplicate,id1,a.csv:1,0,,,,,\"the members 7, 8 are lost\"\n"
    );
    assert_eq!(
        results("r.jsonl", &files, false, &rows[..2]),
        concat!(
            r#"{"file":"a.csv","row":1,"line":2,"name":"G1","status":"created","group_id":"id1","duplicate_of":null,"attempts":1,"http_status":201,"error_code":null,"error":null,"changes":null,"warnings":null}"#,
            "\n",
            r#"{"file":"a.csv","row":2,"line":3,"name":"G2","status":"duplicate","group_id":"id1","duplicate_of":1,"attempts":0,"http_status":null,"error_code":null,"error":null,"changes":null,"warnings":"the members 7, 8 are lost"}"#,
            "\n"
        )
    );
}

#[test]
fn the_inputs_own_columns_follow_as_they_stood_under_one_header() {
    let files = [csv_file("a.csv", &["name", "x"]), csv_file("b.csv", &["y", "name"]), jsonl_file("c.jsonl")];
    let rows = [
        result(0, 1, Status::Created, cells(&[" G1 ", "1"])),
        result(1, 1, Status::Created, cells(&["2", "G1"])),
        result(2, 1, Status::Created, Raw::Line("{\"name\":\"G1\"}".to_owned())),
        result(0, 1, Status::Created, cells(&["ragged"])),
    ];
    let text = results("r.csv", &files, true, &rows);
    assert_eq!(
        text,
        "file,row,line,name,status,group_id,duplicate_of,attempts,http_status,error_code,error,changes,warnings,name,x,y,input\n\
         a.csv,1,2,G1,created,id1,,1,201,,,,, G1 ,1,,\n\
         b.csv,1,2,G1,created,id1,,1,201,,,,,G1,,2,\n\
         c.jsonl,1,2,G1,created,id1,,1,201,,,,,,,,\"{\"\"name\"\":\"\"G1\"\"}\"\n\
         a.csv,1,2,G1,created,id1,,1,201,,,,,ragged,,,\n"
    );
    let text = results("r.jsonl", &files, true, &rows);
    let inputs: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("\"input\":")).map(|(_, input)| input).collect();
    assert_eq!(
        inputs,
        [r#"{"name":" G1 ","x":"1"}}"#, r#"{"name":"G1","y":"2"}}"#, r#"{"name":"G1"}}"#, r#"["ragged"]}"#]
    );
}

#[test]
fn rejects_keep_their_rows_as_they_stood_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.rejects.csv");
    let files = [csv_file("a.csv", &["name", "_error", "x"]), jsonl_file("b.jsonl")];
    let mut rejects = Rejects::new(&path, &files);
    let open = Raw::OpenQuote(vec!["A".to_owned(), "b\nc".to_owned()]);
    rejects.write(&result(0, 1, Status::Invalid, open)).unwrap();
    rejects.write(&result(0, 2, Status::Invalid, cells(&["", "old", " x"]))).unwrap();
    rejects.write(&result(0, 3, Status::Pending, cells(&["short"]))).unwrap();
    rejects.write(&result(1, 1, Status::Invalid, Raw::Line("{\"name\":\"\"}".to_owned()))).unwrap();
    let written = rejects.finish::<OutputError>(|_, _| Ok(())).unwrap();
    assert_eq!(written, [path.clone(), path.with_extension("jsonl")]);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "\u{feff}name;x;_error\n; x;the name is missing\nshort;;not attempted: the run stopped before this row\n\"A\";\"b\nc"
    );
    assert_eq!(
        fs::read_to_string(path.with_extension("jsonl")).unwrap(),
        "{\"name\":\"\",\"_error\":\"the name is missing\"}\n"
    );
    let none = Rejects::new(&path, &files).finish::<OutputError>(|_, _| Ok(())).unwrap();
    assert!(none.is_empty() && !path.exists(), "rejects of an earlier run do not outlive it");
}

#[test]
fn a_place_that_cannot_be_written_is_found_without_leaving_anything() {
    let folder = tempfile::tempdir().unwrap();
    probe(&folder.path().join("r.csv"), true).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(probe(folder.path(), true).is_err(), "a folder");
    assert!(probe(&folder.path().join("none/r.csv"), true).is_err(), "a folder that is not there");
    assert!(probe(Path::new("/proc/r.csv"), true).is_err() || !cfg!(target_os = "linux"), "a place the system keeps");
}

#[test]
fn thousands_stand_apart() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn a_ragged_reject_stays_ragged_under_the_common_header_and_only_one_quote_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.rejects.csv");
    let files = [csv_file("a.csv", &["name", "x"]), csv_file("b.csv", &["name", "y"])];
    let mut rejects = Rejects::new(&path, &files);
    rejects.write(&result(0, 1, Status::Invalid, cells(&["A", "1", "2"]))).unwrap();
    for file in [0, 1] {
        let open = Raw::OpenQuote(vec!["B".to_owned(), "b".to_owned()]);
        rejects.write(&result(file, 2, Status::Invalid, open)).unwrap();
    }
    rejects.finish::<OutputError>(|_, _| Ok(())).unwrap();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "\u{feff}name;x;y;_error\nA;1;2;the name is missing;\nB;;b;the name is missing;\n\"B\";\"b"
    );
}
