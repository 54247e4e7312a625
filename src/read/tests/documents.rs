//! JSON that is not one object per line, and paths into it.

use super::*;

fn names(text: &str, options: &ReadOptions) -> Vec<(u64, u64, String)> {
    seen(&read_with("g.json", text, options))
}

fn mapped(map: &[(Field, &str)]) -> ReadOptions {
    let map = map.iter().map(|(field, column)| (*field, (*column).to_owned())).collect();
    ReadOptions { map, ..ReadOptions::default() }
}

#[test]
fn objects_are_found_however_a_document_is_written() {
    for (text, lines) in [
        ("[{\"name\":\"A\"},{\"name\":\"B\"}]", (1, 1)),
        ("[\n  {\"name\":\"A\"},\n  {\"name\":\"B\"}\n]\n", (2, 3)),
        ("{\n \"name\":\n\"A\"\n}\n{\"name\":\"B\"}\n", (1, 5)),
        ("{\"name\":\"A\"}{\"name\":\"B\"}", (1, 1)),
        ("{\"meta\":{\"x\":[1]},\"groups\":[{\"name\":\"A\"},\n{\"name\":\"B\"}],\"total\":2}", (1, 2)),
    ] {
        let expected = rows(&[(1, lines.0, "A"), (2, lines.1, "B")]);
        if text.contains("}{") {
            assert!(names(text, &ReadOptions::default())[0].2.contains("several objects"), "{text}");
            continue;
        }
        assert_eq!(names(text, &ReadOptions::default()), expected, "{text}");
    }
    assert!(names("[]", &ReadOptions::default()).is_empty());
    let chosen = ReadOptions { records: Some("data.teams".to_owned()), ..ReadOptions::default() };
    let text = "{\"data\":{\"people\":[{\"name\":\"x\"}],\"teams\":[{\"name\":\"A\"}]}}";
    assert_eq!(names(text, &chosen), rows(&[(1, 1, "A")]));
}

#[test]
fn a_group_with_a_list_of_objects_is_not_taken_for_a_list_of_groups() {
    let text = "{\n\"members\":[{\"email\":\"a@b.example\"}],\n\"name\":\"A\"\n}\n";
    assert_eq!(names(text, &ReadOptions::default()), rows(&[(1, 1, "A")]));
    let text = "{\"name\":\"A\",\"members\":[{\"name\":\"Ada\",\"email\":\"a@b.example\"}]}";
    assert_eq!(names(text, &ReadOptions::default()), rows(&[(1, 1, "A")]));
}

#[test]
fn a_document_that_is_broken_or_unclear_is_refused_with_its_place() {
    for (text, part) in [
        ("[\n{\"name\":\"A\"},\n{\"name\":\"B\"", "FILE:3:11: invalid JSON: the file ends in the middle of an object"),
        ("[\n{\"name\":\"A\"}\n{\"name\":}]", "FILE:3:9: invalid JSON: expected value"),
        ("[\n{\"name\":\"A\"}\n", "FILE:2: invalid JSON: the file ends before the array does"),
        ("[{\"name\":\"A\"}]\n[]", "FILE:1: invalid JSON: there is text after the array"),
        ("{\"a\":[{\"name\":\"A\"}],\"b\":[{\"name\":\"A\"}]}", "several arrays of objects: `a`, `b`"),
        ("{\"a\":[{\"name\":\"A\"}],\"b\":[{\"x\":1}]}", "several arrays of objects: `b`, `a`"),
    ] {
        let told = refused("g.json", text);
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn a_page_of_several_is_told() {
    for (text, is_page) in [
        ("{\"value\":[{\"name\":\"A\"}],\"@odata.nextLink\":\"https://x\"}", true),
        ("{\"groups\":[{\"name\":\"A\"}],\"nextPageToken\":\"\"}", false),
        ("{\"isLast\":false,\"values\":[{\"name\":\"A\"}]}", true),
        ("{\"totalResults\":2,\"Resources\":[{\"name\":\"A\"}]}", true),
        ("{\"totalResults\":1,\"Resources\":[{\"name\":\"A\"}]}", false),
    ] {
        let folder = Folder::new();
        let mut table = Table::open(&folder.file("g.json", text), &ReadOptions::default()).unwrap();
        assert_eq!(table.by_ref().count(), 1);
        assert_eq!(table.check_whole().unwrap().is_some(), is_page, "{text}");
    }
}

#[test]
fn a_path_leads_through_objects_and_arrays_and_a_key_with_dots_counts_first() {
    let text = "{\"profile\":{\"name\":\"A\"},\"members\":[{\"email\":\"a@b.example\"},{\"id\":1},{\"email\":\"c@d.example\"}],\"x.y\":\"B\"}";
    let records =
        read_with("g.json", text, &mapped(&[(Field::Name, "profile.name"), (Field::Members, "members.email")]));
    assert_eq!((records[0].name.as_str(), &records[0].members), ("A", &items(&["a@b.example", "c@d.example"])));
    assert_eq!(names(text, &mapped(&[(Field::Name, "x.y")]))[0].2, "B");
}

#[test]
fn rows_are_filtered_by_what_is_at_a_path() {
    let text =
        "[{\"name\":\"A\",\"status\":{\"on\":true}},{\"name\":\"B\",\"status\":{\"on\":false}},{\"name\":\"C\"}]";
    let filtered = |filter: &str| {
        let filters = vec![Filter::try_from(filter.to_owned()).unwrap()];
        let seen = names(text, &ReadOptions { filters, ..ReadOptions::default() });
        seen.into_iter().map(|(.., name)| name).filter(|name| name.len() == 1).collect::<String>()
    };
    assert_eq!((filtered("status.on=true"), filtered("status.on!=TRUE")), ("A".to_owned(), "BC".to_owned()));
    assert_eq!(filtered("status.on!="), "AB");
}

fn items(texts: &[&str]) -> Cell<'static> {
    Cell::List(texts.iter().map(|text| Item::Text((*text).to_owned().into())).collect())
}
