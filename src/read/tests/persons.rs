//! Rows of persons: folded into groups later, inverted here, under the names that options give.

use super::*;

fn cells(name: &str, text: &str, options: &ReadOptions) -> Vec<Vec<String>> {
    read_with(name, text, options).into_iter().map(|record| record.cells).collect()
}

#[test]
fn a_person_with_a_list_of_groups_is_a_row_for_each_of_them() {
    let records =
        read("g.csv", "names,member\nSales; Ops,a@b.example\n,c@d.example\n\"Sales, EMEA\",e@f.example\nOps,\n");
    let told: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(told[..3], ["Sales", "Ops", "excluded: the person is in no group"]);
    assert!(told[3].contains("--list-delimiter ','") && told[4] == "Ops");
    assert_eq!(records[1].cells, ["Ops", "a@b.example"], "as it is written again");
    let json = read("g.json", "[{\"groups\":[\"Sales\",\"Ops\"],\"member\":\"a@b.example\",\"x\":1}]");
    assert_eq!(json[1].cells, ["{\"name\":\"Ops\",\"member\":\"a@b.example\",\"x\":1}"]);
}

#[test]
fn the_name_may_come_from_outside_of_the_rows() {
    let named = |name| ReadOptions { name: Some(name), ..ReadOptions::default() };
    let text = "member\na@b.example\n";
    assert_eq!(cells("g.csv", text, &named(GivenName::Text("Ops".to_owned()))), [["a@b.example", "Ops"]]);
    assert_eq!(read_with("Sales.csv.txt", text, &named(GivenName::File))[0].name, "Sales.csv");
    assert_eq!(read_with("Sales.json", "{\"member\":\"a@b.example\"}", &named(GivenName::File))[0].name, "Sales");
}

#[test]
fn a_file_without_a_header_and_lines_above_one_are_read_as_the_options_say() {
    let columns = vec!["name".to_owned(), "members".to_owned()];
    let without = ReadOptions { columns, ..ReadOptions::default() };
    assert_eq!(seen(&read_with("g.csv", "A,1\nB,2\n", &without)), rows(&[(1, 1, "A"), (2, 2, "B")]));
    let skipping = ReadOptions { skip_lines: 2, ..ReadOptions::default() };
    assert_eq!(seen(&read_with("g.csv", "Teams\r\n\r\nname;members\r\nA;1\r\n", &skipping)), rows(&[(1, 4, "A")]));
}

#[test]
fn several_columns_of_a_list_are_joined_and_other_rows_left_out() {
    let map = ["one", "two"].map(|column| (Field::Members, column.to_owned())).to_vec();
    let options =
        ReadOptions { map, filters: vec![Filter::try_from("type=user".to_owned()).unwrap()], ..ReadOptions::default() };
    let records = read_with("g.csv", "name,one,two,Type\nA,1,2,USER\nB,3,4,GROUP\n", &options);
    assert_eq!((&records[0].members, records[0].name.as_str()), (&Cell::Text("1;2".into()), "A"));
    assert_eq!(records[0].cells, ["A", "1;2", "2", "USER"]);
    assert_eq!(records[1].name, "excluded: by --where type=user");
}

#[test]
fn a_delimiter_of_lists_is_the_only_one() {
    let options = ReadOptions { list_delimiter: Some('/'), ..ReadOptions::default() };
    let records = read_with("g.csv", "name,members\nA,1/2\n", &options);
    assert_eq!(records[0].cells, ["A", "[\"1\",\"2\"]"], "it is read without the option then");
    let names = read_with("g.csv", "names,member\nSales; East/Ops,1\n", &options);
    assert_eq!(names.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["Sales; East", "Ops"]);
}

#[test]
fn rejects_are_read_without_the_options_of_the_first_file() {
    let options = ReadOptions { skip_lines: 3, name: Some(GivenName::File), ..ReadOptions::default() };
    assert_eq!(read_with("g.rejects.csv", "name,member,_error\nOps,1,no\n", &options)[0].name, "Ops");
    assert_eq!(read_with("g.jsonl", "{\"name\":\"Ops\",\"_error\":\"no\"}\n", &options)[0].name, "Ops");
}
