//! An import of a workbook: its rows in the results, its places in messages, and its rejects, which are CSV.

use crate::support::{Desk, Server, statuses};
use rust_xlsxwriter::Workbook;

/// A workbook with a title, a group that is sound, one that is not, and one that repeats the first; and with a second sheet.
fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Teams").unwrap();
    sheet.write(0, 0, "Our\nteams").unwrap();
    sheet.write_row(2, 0, ["name", "description", "members"]).unwrap();
    sheet.write_row(3, 0, ["Ops", "Runs\nit"]).unwrap().write(3, 2, 1001).unwrap();
    sheet.write_row(5, 0, ["Dev", "Builds, \"it\"", "nobody"]).unwrap();
    sheet.write_row(6, 0, ["ops", "Runs\nit", "1001"]).unwrap();
    book.add_worksheet().set_name("Notes").unwrap().write(0, 0, "x").unwrap();
    book.save_to_buffer().unwrap()
}

#[test]
fn the_rows_of_a_workbook_are_imported_and_those_that_were_not_are_rejected_as_csv() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.xlsx", workbook());
    desk.run(&["import", "teams.xlsx", "--skip-lines", "2", "-v"])
        .expect(9)
        .says("teams.xlsx:Teams!6: error: ")
        .says("teams.xlsx:Teams: note: the rows are read from the sheet `Teams`; --sheet NAME reads another: `Notes`")
        .tells("teams.xlsx:Teams!6: invalid: ");
    let lines = desk.results("teams.results.csv");
    assert_eq!(statuses(&lines), ["created", "invalid", "duplicate"]);
    let (_, results) = desk.table("teams.results.csv");
    let places: Vec<[&str; 3]> = results.iter().map(|row| [&*row[0], &*row[1], &*row[2]]).collect();
    assert_eq!(places, [["teams.xlsx", "1", "4"], ["teams.xlsx", "2", "6"], ["teams.xlsx", "3", "7"]]);
    assert_eq!(server.group("Ops").members, [1001]);
    let (header, rejects) = desk.table("teams.rejects.csv");
    assert_eq!(header[..3], ["name", "description", "members"]);
    assert_eq!(rejects[0][..3], ["Dev", "Builds, \"it\"", "nobody"]);
    let mended = desk.read("teams.rejects.csv").replace("nobody", "1002");
    desk.write("teams.rejects.csv", mended);
    desk.run(&["import", "teams.rejects.csv", "--skip-lines", "2"]).expect(0);
    assert_eq!((server.group("Dev").members, server.all_posts()), (vec![1002], 2));
}

#[test]
fn blank_cells_at_the_end_of_a_row_of_a_sheet_are_blank_and_a_footer_is_no_group() {
    let server = Server::calm();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, ["name", "description", "members"]).unwrap();
    sheet.write_row(1, 0, ["Ops", "Runs it"]).unwrap();
    sheet.write_row(2, 0, ["Dev", "Builds it", "1001"]).unwrap();
    sheet.write(4, 0, "Checked by Ada").unwrap();
    let desk = Desk::at(&server).with("teams.xlsx", book.save_to_buffer().unwrap());
    desk.run(&["import", "teams.xlsx", "-v"]).expect(9).says("delete it if it is a title or a footer");
    assert_eq!(server.names(), ["Dev", "Ops"]);
    desk.run(&["validate", "teams.rejects.csv"]).expect(7);
}

#[test]
fn the_same_workbook_again_finds_its_groups_and_shows_the_same_places() {
    let server = Server::calm();
    let desk = Desk::at(&server).with("teams.xlsx", workbook());
    desk.run(&["import", "teams.xlsx", "--skip-lines", "2"]).expect(9);
    desk.run(&["import", "teams.xlsx", "--skip-lines", "2"]).expect(9).tells("teams.xlsx:Teams!6: invalid: ");
    assert_eq!(statuses(&desk.results("teams.results.csv")), ["exists", "invalid", "duplicate"]);
    assert_eq!(server.all_posts(), 1);
}

#[test]
fn machines_read_the_path_of_a_workbook_without_its_sheet() {
    let desk = Desk::bare().with("teams.xlsx", workbook());
    let arguments = ["validate", "-", "--skip-lines", "2", "--json"];
    let lines = desk.run_over(workbook(), &arguments).expect(7).json_lines();
    assert!(lines.iter().any(|line| line["file"] == "-" && line["line"] == 6), "{lines:?}");
    let github = ["validate", "teams.xlsx", "--skip-lines", "2", "--format-problems", "github"];
    desk.run(&github).expect(7).tells("file=teams.xlsx,line=6");
}
