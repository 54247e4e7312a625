//! The rules for lists: what separates entries, what an entry may be (`1,001` is neither one id nor two), and what a bad one may
//! have been. Pure.

use std::borrow::Cow;

use email_address::{EmailAddress, Options};
use hashbrown::HashSet;
use serde_json::value::RawValue;

use super::{is_number, lint, trimmed};
use crate::model::{Cell, Code, Field, Item, Member, Problem, shortened};

/// How many bad entries of a row are named: a hostile row must not take much memory.
const NAMED_MAX: usize = 10;

/// In the user principal name of a guest in Microsoft Entra, behind the address with `_` for `@`.
const ENTRA_GUEST: &str = "#EXT#@";

/// Characters between groups of three digits.
const THOUSANDS: [char; 5] = [',', ' ', '\u{a0}', '\u{202f}', '\u{2009}'];

/// Reads the members, each once. With `skips_strangers` entries that cannot be meant as ids are left out.
pub(super) fn members(cell: &Cell<'_>, skips_strangers: bool, problems: &mut Vec<Problem>) -> Vec<Member> {
    if let Cell::Text(text) = cell
        && let Some(number) = thousands(text)
    {
        let plain = |with: &str| shortened(&number.replace(THOUSANDS, with));
        let (one, several) = (plain(""), plain(";"));
        let message = format!(
            "members: `{}` may be one number or several ids; write {one} for one id, or {several} for several",
            shortened(number)
        );
        problems.push(Problem::error(Field::Members, Code::MemberInvalid, message));
        return Vec::new();
    }
    people(Field::Members, cell, skips_strangers, problems)
}

/// Reads the guests, each once.
pub(super) fn guests(cell: &Cell<'_>, problems: &mut Vec<Problem>) -> Vec<String> {
    people(Field::Guests, cell, false, problems).iter().map(Member::to_string).collect()
}

/// Why an entry is bad.
type Why = Cow<'static, str>;

/// A user of the organization, by id or e-mail address.
fn member(text: &str) -> Result<Member, Why> {
    // An id is a positive whole number, as a signed 64-bit column can hold it.
    let is_plain = matches!(text.as_bytes().first(), Some(b'1'..=b'9'));
    match text.parse::<i64>() {
        Ok(id) if is_plain => Ok(Member::Id(id.unsigned_abs())),
        _ if text.contains('@') => address(text),
        _ if is_number(text) && text.trim_start_matches('0').len() > 18 => Err("is too large for a user id".into()),
        _ if is_number(text) && text.bytes().any(|byte| byte != b'0') => {
            Err("is not a user id: ids have no leading zeros".into())
        }
        _ => {
            Err(format!("is not a user id (a positive whole number) or an e-mail address{}", member_hint(text)).into())
        }
    }
}

/// A person outside the organization.
fn guest(text: &str) -> Result<Member, Why> {
    if is_number(text) {
        return Err("looks like a user id; guests are e-mail addresses (ids go into members)".into());
    }
    address(text)
}

/// A bare e-mail address at a domain with a dot.
fn address(text: &str) -> Result<Member, Why> {
    if let Some((home, _)) = text.split_once(ENTRA_GUEST) {
        let likely = |(local, domain)| format!("; the address is probably `{local}@{domain}`");
        let likely = home.rsplit_once('_').map(likely).unwrap_or_default();
        return Err(format!("is the name that Microsoft gives to a guest, not an e-mail address{likely}").into());
    }
    if is_address(text) {
        return Ok(Member::Address(text.to_owned()));
    }
    Err(format!("is not an e-mail address{}", address_hint(text)).into())
}

fn is_address(text: &str) -> bool {
    // The crate accepts any character of other scripts, and so invisible ones.
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    is_simple_address(text)
        || (!text.chars().any(crate::model::is_invisible)
            && !text.starts_with('\'')
            && EmailAddress::parse_with_options(text, options).is_ok())
}

/// Most addresses: letters and digits with single marks between them. The crate takes several times as long.
fn is_simple_address(text: &str) -> bool {
    let has_words = |side: &[u8], marks: &[u8]| {
        side.split(|byte| marks.contains(byte))
            .all(|word| !word.is_empty() && word.iter().all(u8::is_ascii_alphanumeric))
    };
    // So short that neither side can be too long.
    text.len() < 64
        && text.split_once('@').is_some_and(|(local, domain)| {
            domain.contains('.') && has_words(local.as_bytes(), b".-_+") && has_words(domain.as_bytes(), b".-")
        })
}

/// What a bad member may have been, and what to do.
fn member_hint(text: &str) -> &'static str {
    let divided = |marks: &[char]| text.contains(marks) && text.split(marks).map(str::trim).all(is_number);
    match () {
        () if lint::is_placeholder(text) => "; an empty cell means no entries",
        () if lint::is_formula_error(text) => "; it is a spreadsheet's formula error",
        () if lint::is_shortened_number(text) => "; a spreadsheet shortened it: take all digits from the source",
        () if text.contains('\'') && is_number(text.trim_matches('\'')) => "; remove the apostrophe",
        () if divided(&['/', '+', '&', ':', '、', '，', '；']) => "; separate ids with `;`",
        () if divided(&['.', '_', '\'']) => "; ids have digits only, without a decimal point or thousands separator",
        () if !is_number(text) && is_number(text.trim_matches(['[', ']', '(', ')', '{', '}', '"', '#'])) => {
            "; remove the signs around it"
        }
        () if !text.is_ascii() && text.chars().all(char::is_numeric) => "; type plain digits",
        () => "",
    }
}

/// What a bad address may have been, and what to do.
fn address_hint(text: &str) -> &'static str {
    match () {
        () if lint::is_placeholder(text) => "; an empty cell means no entries",
        () if lint::is_formula_error(text) => "; it is a spreadsheet's formula error",
        () if text.starts_with("mailto:") || (text.starts_with('<') && text.ends_with('>')) => {
            "; write only the address itself"
        }
        () if text.starts_with(['\'', '"', '“', '„']) => "; remove the quotation marks",
        () if is_address(text.trim_end_matches('.')) => "; remove the dot at its end",
        () if text.contains(crate::model::is_invisible) => "; it contains an invisible character: retype it",
        () if text.contains('’') => "; type a plain apostrophe",
        () if text.contains(['、', '，', '；', '＠']) => "; type plain signs: `@`, and `;` between addresses",
        () => "",
    }
}

/// The addresses of a text with people's names before them, as mail programs write it: `Ada Lovelace <ada@b.example>`.
fn with_display_names(text: &str) -> Option<Vec<&str>> {
    let (before, _) = text.split_once('<')?;
    let name = before.rsplit([';', ',', '|']).next().unwrap_or_default();
    let inner = text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0.trim()));
    let addresses: Vec<&str> = inner.filter(|address| is_address(address)).collect();
    ((!name.trim().is_empty() || before.contains('"')) && !addresses.is_empty()).then_some(addresses)
}

/// The first text that may be one number with separators between its thousands: `1,001`, `1 234 567`.
fn thousands(text: &str) -> Option<&str> {
    if is_plain_list(text) {
        return None;
    }
    let is_grouped = |entry: &&str| {
        let mut parts = entry.split(THOUSANDS);
        let first = parts.next().unwrap_or_default();
        let mut rest = parts.peekable();
        (1..=3).contains(&first.len())
            && is_number(first)
            && rest.peek().is_some()
            && rest.all(|part| part.len() == 3 && is_number(part))
    };
    let entries = || text.split([';', '|', '\n', '\r', '\t']).map(str::trim);
    entries().find(is_grouped).or_else(|| entries().flat_map(|entry| entry.split(' ')).find(is_grouped))
}

fn people(field: Field, cell: &Cell<'_>, skips_strangers: bool, problems: &mut Vec<Problem>) -> Vec<Member> {
    let (invalid, repeated, wanted) = match field {
        Field::Guests => (Code::GuestInvalid, Code::GuestRepeated, "an e-mail address"),
        _ => (Code::MemberInvalid, Code::MemberRepeated, "a user id or an e-mail address"),
    };
    let parse = |item: &Item<'_>| match item {
        Item::Other(_) => Err(format!("is not {wanted}").into()),
        item if field == Field::Guests => guest(item.shown()),
        item => member(item.shown()),
    };
    let problem = |is_skipped, message: String| {
        let problem = if is_skipped { Problem::warning } else { Problem::error };
        problem(field, invalid, format!("{}: {message}", field.as_ref()))
    };
    let (mut people, mut known, before) = (Vec::new(), HashSet::new(), problems.len());
    let (mut named, mut bad, mut repeats) = (0_usize, 0_usize, 0_usize);
    let mut first_repeat = None;
    let read = entries(cell, |item| match parse(item) {
        Ok(person) if known.insert(person.key()) => people.push(person),
        Ok(_) => {
            repeats += 1;
            first_repeat.get_or_insert_with(|| shortened(item.shown()));
        }
        Err(why) => {
            let entry = match item {
                Item::Other(kind) => (*kind).to_owned(),
                item => format!("`{}`", shortened(item.shown())),
            };
            let is_skipped = skips_strangers && entry.contains(char::is_alphabetic);
            named += 1;
            bad += usize::from(!is_skipped);
            if named <= NAMED_MAX {
                let left_out = if is_skipped { "; left out" } else { "" };
                problems.push(problem(is_skipped, format!("{entry} {why}{left_out}")));
            }
        }
    });
    match read {
        Err(message) => problems.push(problem(false, message)),
        Ok(0) => {}
        Ok(blank) => problems.push(Problem::blank_entries(field, blank)),
    }
    if named > NAMED_MAX {
        problems.push(problem(bad == 0, format!("and {} more", named - NAMED_MAX)));
    }
    if let Cell::Text(text) = cell
        && bad > 0
        && let Some(addresses) = with_display_names(text)
    {
        // One problem for all of them.
        problems.truncate(before);
        let message = format!("remove the names beside the addresses: `{}`", shortened(&addresses.join(";")));
        problems.push(problem(false, message));
    }
    if let Some(first) = first_repeat {
        let more = if repeats > 1 { format!(", and {} more repeats", repeats - 1) } else { String::new() };
        let message = format!("{}: `{first}` is listed more than once{more}; it counts once", field.as_ref());
        problems.push(Problem::warning(field, repeated, message));
    }
    people
}

/// Gives the entries of a list cell, trimmed, and how many blank ones are between them; or says what is there instead of a list.
pub(super) fn entries(cell: &Cell<'_>, mut each: impl FnMut(&Item<'_>)) -> Result<usize, String> {
    let mut blank = 0;
    let mut given = |item: &Item<'_>| match item {
        Item::Text(text) if text.is_empty() => blank += 1,
        item => each(item),
    };
    match cell {
        Cell::Absent => {}
        Cell::Text(text) if text.trim_start().starts_with('[') => {
            // Python writes it with other quotes.
            let plain = text.replace('\'', "\"");
            let items = array(text).or_else(|| array(&plain));
            let items = items.ok_or("the list begins like a JSON array but is not one; remove its brackets")?;
            return entries(&Cell::List(items), each);
        }
        Cell::Text(text) => {
            let mut given = |entry| given(&Item::Text(Cow::Borrowed(entry)));
            let is_separator = |letter| matches!(letter, ';' | '|' | ',');
            // Nothing is missing where a list begins or ends with a separator.
            let list = text.trim_matches(|letter| is_separator(letter) || letter.is_whitespace());
            if list.is_empty() {
                return Ok(0);
            }
            if is_plain_list(list) {
                list.split(';').for_each(given);
                return Ok(blank);
            }
            for part in list.split(is_separator).map(trimmed) {
                let words = || part.split(char::is_whitespace).map(trimmed).filter(|word| !word.is_empty());
                // `Ada, Room 1002` is prose, and 1002 no id.
                let is_list = part.contains('@') || words().all(is_number);
                if part.is_empty() || !is_list { given(part) } else { words().for_each(&mut given) }
            }
        }
        Cell::List(items) => items.iter().for_each(|item| match item {
            Item::Text(text) => given(&Item::Text(Cow::Borrowed(trimmed(text)))),
            item => given(item),
        }),
        Cell::Other(kind) => return Err(format!("expected a list, found {kind}")),
    }
    Ok(blank)
}

/// Whether only `;` can separate its entries: most lists.
fn is_plain_list(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'.' | b'_' | b'-' | b'+' | b';'))
}

fn array(json: &str) -> Option<Vec<Item<'_>>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(elements.into_iter().map(Item::of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(text: &str) -> (Vec<Member>, Vec<String>) {
        let mut problems = Vec::new();
        let people = members(&Cell::Text(text.into()), false, &mut problems);
        (people, problems.into_iter().map(|problem| problem.message).collect())
    }

    fn ids(text: &str) -> (Vec<u64>, Vec<String>) {
        let (people, problems) = people(text);
        let id = |member| if let Member::Id(id) = member { id } else { panic!("{member:?}") };
        (people.into_iter().map(id).collect(), problems)
    }

    fn addresses(text: &str) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let found = guests(&Cell::Text(text.into()), &mut problems);
        (found, problems.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn every_separator_of_the_contract_splits_a_cell() {
        for text in ["1;2;3", "1|2|3", "1,2,3", " 1 2  3 ", "1\r\n2\n3", "; 1; 2;3;,", "1\u{a0}2\u{2003};3\u{200b}"] {
            assert_eq!(ids(text), (vec![1, 2, 3], Vec::new()), "{text}");
        }
        for text in [" [1, \"2\", 3]", "['1', '2', '3']"] {
            assert_eq!(ids(text), (vec![1, 2, 3], Vec::new()), "{text}");
        }
        for text in ["", " \n", "[]"] {
            assert_eq!(ids(text), (Vec::new(), Vec::new()));
        }
        assert!(ids("[1, 2").1[0].contains("begins like a JSON array"));
    }

    #[test]
    fn a_blank_entry_between_others_is_ignored_with_a_warning() {
        for text in ["1;;2", "1, ,2", "1 | | 2;", r#"["1", "", 2]"#, "[1, null, 2]"] {
            assert_eq!(ids(text), (vec![1, 2], vec!["members: blank entries are ignored: 1".to_owned()]), "{text}");
        }
        let entry = |text: &'static str| Item::Text(Cow::Borrowed(text));
        let mut problems = Vec::new();
        let found = guests(&Cell::List(vec![entry(" "), entry(""), entry("a@b.example")]), &mut problems);
        assert_eq!((found.len(), problems.len(), problems[0].severity), (1, 1, crate::model::Severity::Warning));
    }

    #[test]
    fn one_number_with_thousands_is_never_read_as_several_ids() {
        for text in [
            "1,234",
            "12,345",
            "1,234;2,345",
            "1,234,567",
            "123,456,789",
            "1 234;5 678",
            "10,123",
            "1,001 7",
            "301\u{202f}113;911\u{202f}711",
            "301\u{a0}113",
        ] {
            let (found, problems) = ids(text);
            assert!(found.is_empty() && problems.len() == 1, "{text}: {found:?} {problems:?}");
        }
        assert_eq!(
            ids("x;12,345").1,
            ["members: `12,345` may be one number or several ids; write 12345 for one id, or 12;345 for several"]
        );
        for text in ["1001,1002", "1001, 1002", "12, 345", "1,2", "1001 1002 7", "101; 102; 103", "1001;1002;"] {
            assert!(ids(text).1.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_member_is_a_positive_whole_number_that_the_server_can_hold() {
        for (bad, part) in [
            ("0", "whole number)"),
            ("007", "leading zeros"),
            ("-1", "positive"),
            ("+1", "positive"),
            ("9223372036854775808", "too large"),
            ("abc", "positive"),
            ("a@b", "is not an e-mail address"),
            ("Ada <a@b.example>", "`a@b.example`"),
            ("1001.0", "digits only"),
            ("1.234", "digits only"),
            ("1'234", "digits only"),
            ("1_234", "digits only"),
            ("1.5E+12", "shortened"),
            ("'1001", "apostrophe"),
            ("1001/1002", "separate ids"),
            ("{1001,1002}", "signs around it"),
            ("#7", "signs around it"),
            ("n/a", "empty"),
            ("#N/A", "formula"),
            ("４６９４", "plain digits"),
            ("2592、5129", "separate ids"),
        ] {
            let problems = ids(bad).1;
            assert!(!problems.is_empty() && problems[0].contains(part), "{bad}: {problems:?}");
        }
        assert_eq!(ids("9223372036854775807").0, [i64::MAX as u64]);
    }

    #[test]
    fn a_member_is_an_id_or_an_address_and_counts_once_however_it_is_written() {
        let address = |text: &str| Member::Address(text.to_owned());
        let expected = vec![address("Ada@b.example"), Member::Id(7), address("c@d.example")];
        for text in [
            "Ada@b.example;7;c@d.example",
            "Ada@b.example ada@B.example 7, c@d.example",
            r#"[{"id": "x1", "email": "Ada@b.example"}, {"id": 7}, {"email": null, "id": "7"}, "c@d.example"]"#,
        ] {
            assert_eq!(people(text).0, expected, "{text}");
        }
        let problems = people(r#"[{"name": "Ada"}]"#).1;
        assert!(problems[0].contains("an object without `id` or `email`"), "{problems:?}");
        let problems = people("ann_partner.example#EXT#@acme.onmicrosoft.com").1;
        assert!(problems[0].contains("probably `ann@partner.example`"), "{problems:?}");
    }

    #[test]
    fn a_guest_is_a_bare_address_with_a_domain() {
        for (bad, part) in [
            ("ada", ""),
            ("ada@", ""),
            ("ada@localhost", ""),
            ("ada@[127.0.0.1]", ""),
            ("<ada@b.example>", "only the address itself"),
            ("mailto:ada@b.example", "only the address itself"),
            ("'ada@b.example", "quotation marks"),
            ("“ada@b.example”", "quotation marks"),
            ("ada@b.example.", "dot"),
            ("a\u{200b}da@b.example", "invisible"),
            ("o’neil@b.example", "plain apostrophe"),
            ("1001", "user id"),
            ("Ada L. <ada@b.example>; Bob <bob@b.example>", "`ada@b.example;bob@b.example`"),
        ] {
            let problems = addresses(bad).1;
            assert!(problems.len() == 1 && problems[0].contains(part), "{bad}: {problems:?}");
        }
        assert_eq!(addresses("a@b.example, A@B.example c.d@bücher.example").0, ["a@b.example", "c.d@bücher.example"]);
    }

    #[test]
    fn entries_count_once_however_long_the_list_is() {
        for count in [3_u64, 16, 17, 500] {
            let once: Vec<String> = (1..=count).map(|id| (id * 1001).to_string()).collect();
            let (found, problems) = ids(&[once.join(";"), once.join(";")].join(";"));
            assert_eq!((found.len(), problems.len()), (once.len(), 1), "{count}");
        }
        assert_eq!(
            ids("1001;1001;1001").1,
            ["members: `1001` is listed more than once, and 1 more repeats; it counts once"]
        );
    }

    #[test]
    fn entries_that_cannot_be_ids_are_left_out_if_that_is_asked_for() {
        let mut problems = Vec::new();
        let found = members(&Cell::Text("1001;nobody;ada@ 7, Room 1002".into()), true, &mut problems);
        assert_eq!((found, problems.iter().any(Problem::is_error)), (vec![Member::Id(1001), Member::Id(7)], false));
        assert!(problems.len() == 3 && problems[2].message.contains("`Room 1002`"), "{problems:?}");
        for id in ["1,001", "007", "1001.0", "-1"] {
            problems.clear();
            members(&Cell::Text(id.into()), true, &mut problems);
            assert!(problems[0].is_error(), "{id}");
        }
    }

    #[test]
    fn ten_bad_entries_of_a_row_are_named_and_the_rest_counted() {
        let problems = ids(&"x;".repeat(250)).1;
        assert_eq!((problems.len(), problems[10].as_str()), (11, "members: and 240 more"));
    }
}
