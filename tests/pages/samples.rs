//! Small files with something wrong in them, one problem each where that is possible.

use std::iter::once;

/// One file to validate: what is special about it, its name, its bytes, and the flags it is validated with.
pub(crate) struct Sample {
    pub(crate) title: &'static str,
    pub(crate) name: &'static str,
    pub(crate) content: Vec<u8>,
    pub(crate) flags: &'static [&'static str],
}

fn csv(title: &'static str, content: impl Into<Vec<u8>>) -> Sample {
    Sample { title, name: "groups.csv", content: content.into(), flags: &[] }
}

fn json(title: &'static str, content: &str) -> Sample {
    Sample { title, name: "groups.jsonl", content: content.into(), flags: &[] }
}

impl Sample {
    fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

    fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

/// The rows of a sheet.
const ROWS: &[[&str; 3]] = &[["name", "description", "members"], ["Ops", "Runs it", "1001"], ["", "Builds it", "x"]];

/// A workbook with these rows and a sheet of notes.
fn workbook(rows: &[[&str; 3]]) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let cells = rows.iter().map(|row| row.iter().copied());
    book.add_worksheet().set_name("Groups").unwrap().write_row_matrix(0, 0, cells).unwrap();
    book.add_worksheet().set_name("Notes").unwrap().write(0, 0, "x").unwrap();
    book.save_to_buffer().unwrap()
}

/// `text` packed with zstd.
fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

/// Files that cannot be read as a table, or not in the encoding that was expected.
pub(crate) fn files() -> Vec<Sample> {
    let accents = b"name,description\nB\xfcro Z\xfcrich,x\nM\xfcnchen,y\n";
    let packed = zstd(b"name,description\nA,a\nB,b\n");
    vec![
        csv("nothing in it", ""),
        csv("nothing but blank lines", "\n  \r\n\t\n"),
        csv("a workbook that is cut off", &workbook(ROWS)[..200]).named("groups.xlsx"),
        csv("a workbook whose first sheet is empty", workbook(&[])).named("groups.xlsx"),
        csv("a sheet that a workbook does not have", workbook(ROWS)).named("groups.xlsx").with(&["--sheet", "Teams"]),
        csv("a workbook of two sheets", workbook(ROWS)).named("groups.xlsx"),
        csv("an old Excel workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice()),
        csv("a PDF document", "%PDF-1.7\n"),
        csv("a web page", "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"),
        csv("an archive of another kind", b"BZh91AY&SY".as_slice()),
        csv("damaged zstd", &packed[..packed.len() - 4]).named("groups.csv.zst"),
        csv(
            "a decompression bomb",
            zstd(format!("name,x\n{}", format!("{}\n", " ".repeat(1_000_000)).repeat(70)).as_bytes()),
        )
        .named("groups.csv.zst"),
        csv("windows-1252", accents.as_slice()),
        csv(
            "windows-1252 in the middle of UTF-8",
            b"name,description\nZ\xc3\xbcrich,x\nM\xfcnchen,y\nK\xf6ln,z\n".as_slice(),
        ),
        csv("the wrong --encoding", b"name\nA\xffB\n".as_slice()).with(&["--encoding", "utf-8"]),
        csv("UTF-16 without a byte-order mark", "n\0a\0m\0e\0\n\0A\0\n\0"),
        csv("a byte-order mark read as Latin-1", "ï»¿name,description,members,guests\r\nOps,x,1001,\r\n"),
        csv("JSON in a file called CSV", "{\"name\": \"A\"}\n").with(&["--format", "csv"]),
        json("CSV in a file called JSON", "name,members\nA,1\n"),
        json("one array", "[\n  {\"name\":\"A\",\"members\":[1001]},\n  {\"name\":\"B\",\"members\":[1002]}\n]\n"),
        json("an object over several lines", "{\n  \"name\": \"A\"\n}\n"),
        json("an array that is cut off", "[\n  {\"name\":\"A\"},\n  {\"name\":\n"),
        json("an array with a slip in it", "[\n  {\"name\":\"A\"},\n  {\"name\": B}\n]\n"),
        json("two arrays in an object", "{\"teams\":[{\"name\":\"A\"}],\"clubs\":[{\"name\":\"B\"}]}\n"),
        json("one of them", "{\"teams\":[{\"name\":\"A\"}],\"clubs\":[{\"name\":\"B\"}]}\n")
            .with(&["--records", "clubs"]),
        json("none of them", "{\"teams\":[{\"name\":\"A\"}]}\n").with(&["--records", "clubs"]),
        json("one page of several", "{\"value\":[{\"name\":\"A\"}],\"@odata.nextLink\":\"https://graph.example/2\"}\n"),
        json("an object around an array", "{\"groups\":[{\"name\":\"A\",\"members\":[1001]}]}\n"),
        json(
            "a page of the API's own list",
            "{\"data\":[{\"id\":\"1\",\"name\":\"A\",\"members\":[1001]},{\"id\":\"2\",\"name\":\"B\",\"members\":[]}],\"meta\":{\"pagination\":{\"total\":2}}}\n",
        ),
    ]
}

/// CSV files whose header cannot be used, or holds more than fields.
pub(crate) fn headers() -> Vec<Sample> {
    vec![
        csv("no name", "label,description\nA,b\n"),
        csv("a common name of the name", "title,description\nA,b\n"),
        csv("no header", "Sales,Field sales,1001;1002,ann@partner.example\n"),
        csv("a title above the header", "Our teams,,\n,,\nname,description,members\nA,d,1001\n"),
        csv("a misspelt field", "name,descripton,membrs\nA,a,1\n"),
        csv("a field twice", "name,guests,Guests\nA,,a@b.example\n"),
        csv("a numbered field", "name,member 1,member 2\nA,1001,1002\n"),
        csv("a list of people", "Name,E-Mail,Department\nAda,ada@acme.example,Ops\n"),
        csv(
            "the same with what is meant",
            "Name,E-Mail,Department\nAda,ada@acme.example,Ops\nBob,bob@acme.example,Ops\nEve,,\n",
        )
        .with(&["--map", "name=Department", "--map", "member=E-Mail", "--where", "Department!="]),
        csv("a filter of a column that is missing", "name,people\nA,1\n").with(&["--where", "type=USER"]),
        csv("fewer lines than are skipped", "name\n").with(&["--skip-lines", "3"]),
        csv("a mapped column that is missing", "name,people\nA,1\n").with(&["--map", "members=persons"]),
        csv("one column for two fields", "name,people\nA,1\n").with(&[
            "--map",
            "members=people",
            "--map",
            "guests=people",
        ]),
        csv("a quote that never closes", "name,\"description\nA,a\nB,b\n"),
        csv("text behind a quote", "\"name\"s,description\nA,a\n"),
        csv("the whole header in quotes", "\"name,description\"\nA,a\n"),
        csv("another delimiter", "name~description~members\nA~a~1\n"),
        csv("longer than a row may be", "name,".repeat(220_000)),
        csv("unknown columns", "name,description,cost centre,owner\nA,a,4711,Ann\n"),
        csv("a column without a name", "name,description,\nA,a,1001\n"),
        csv("a header and no rows", "name,description,members,guests\n"),
        csv("the header once more", "name,description,members\nA,a,1\nname,description,members\nB,b,2\n"),
        csv(
            "marks at the titles",
            "Name*,Description,Members (IDs),Guests (e-mail)\nSales North,Sells in the north,1001;1002,ann@partner.example\n",
        ),
        csv(
            "remarks at the titles",
            "Group Name (required),Description (optional),Members,Guest Emails\nSales North,Sells in the north,1001;1002,ann@partner.example\n",
        ),
        csv(
            "ids in the title",
            "Name,Description,Member IDs,Guests\nSales North,Sells in the north,1001;1002,ann@partner.example\n",
        ),
        csv(
            "parentheses in the titles",
            "Name,Description,User IDs,External e-mail addresses\nSales North,Sells in the north,1001;1002,ann@partner.example\n",
        ),
        csv(
            "German",
            "Name;Beschreibung;Mitglieder;Gäste\nVertrieb Nord;Verkauft im Norden;1001,1002;ann@partner.example\n",
        ),
        csv(
            "a template of Microsoft Entra",
            "version:v1.0,,,\nGroup name [displayName] Required,Description [description],Member IDs [memberIds],Guest e-mail [guestMail]\nExample: Sales team,Example: people who sell,Example: 1001;1002,Example: guest@example.com\nSales North,Sells in the north,1001;1002,ann@partner.example\nSales South,Sells in the south,1003,\n",
        ),
    ]
}

/// Rows that cannot be read, or look as if something else was meant.
pub(crate) fn rows() -> Vec<Sample> {
    let wide = |rows: &str| format!("name,description,members,guests\n{rows}");
    vec![
        csv("one person per row", "name,description,member\nOps,Runs it,1001\nOps,Serves it,1002\nOps,,1001\nDev,,x\n"),
        csv("the groups of a person", "member,names\n1001,Ops;Dev\n1002,\"Ops, Dev\"\n1003,\n"),
        csv("the same separated by commas", "member,names\n1001,\"Ops, Dev\"\n").with(&["--list-delimiter", ","]),
        json(
            "a path into lists",
            "{\"name\":\"A\",\"members\":[{\"user\":{\"email\":\"a@b.example\"}},{\"user\":{}}]}\n",
        )
        .with(&["--map", "members=members.user.email"]),
        csv("too few cells", wide("A,a,1\nTotal: 12\n")),
        csv("the end cut off", wide("A,a,1,\nB,b")),
        csv("a comma without quotes", wide("Ops, Core,,,\n")),
        csv("more cells than the header", wide("A,a,1,,,\nB,b,1,,x\n")),
        csv("quotes that are not \"", wide("A,“b, c”,1,\n")),
        csv("a space before a quote", wide("A, \"b, c\",1,\nB, \"b\",1,\nC,\" \"\"c\"\" \",1,\n")),
        csv("another delimiter in one row", wide("A,a,1,\nB;b;2;\n")),
        csv("another delimiter in the first cell", "name,description,members\nA;UK;1,2,3\n"),
        csv("text behind a quote", wide("\"A\"team,a,1,\n\"A, the \"best\" team\",a,1,\n")),
        csv("a quote that never closes", wide("A,\"a,1,\nB,b,2,\n")),
        csv("a quote that closes late", wide("A,\"The A team,1001,a@x.example\nB,pipe 5\",1002,b@x.example\n")),
        csv("a whole line in quotes", "name,description\n\"A,a\"\n"),
        csv("a row that is too long", wide(&format!("A,{},1,\n", "x".repeat(1 << 20)))),
        csv("control characters", wide("\0\0\0\n")),
        csv("JSON among CSV", wide("{\"name\":\"A\",\"x\":1}\n")),
        csv(
            "empty columns and rows at the end",
            "name,description,members,guests,,,\nOps,Runs it,1001,a@b.example,,,\nDev,Builds it,1002,,,,\n,,,,,,\n,,,,,,\n",
        ),
        csv("blank rows at the end", wide("Ops,Runs it,1001,a@b.example\n\n   \n\t\n ,,,\n")),
        json("no JSON", "{\"name\": \"A\"}\nB\n[1]\n"),
        json("broken JSON", "{\"name\": \"A\",}\n{\"name\": \"B\"\n{name: \"C\"}\n{\"name\": \"D\"} x\n"),
        json("a key twice", "{\"name\": \"A\", \"name\": \"B\"}\n"),
        json("a misspelt key", "{\"name\": \"A\", \"membres\": [1]}\n"),
        json("other keys", "{\"name\": \"A\", \"owner\": 7, \"member_ids\": [1]}\n"),
        json("values of another type", "{\"name\": 7, \"description\": [], \"members\": 1, \"guests\": {}}\n"),
        json(
            "entries of another type",
            "{\"name\": \"A\", \"members\": [null, true, 1.5, \"1\"], \"guests\": [7, null]}\n",
        ),
    ]
}

/// Names and descriptions that break a rule, or are hardly meant.
pub(crate) fn texts() -> Vec<Sample> {
    let names = |rows: &str| format!("name,description\n{rows}");
    vec![
        csv("names that are missing", names(",x\n  ,x\n\u{200b},x\n")),
        csv("a long name", names(&format!("{},x\n", "x".repeat(201)))),
        csv("control characters", names("A\tB,x\n\"A\nB\",x\nA,x\u{1b}[31m\n")),
        csv("names made by spreadsheets", names("#REF!,x\nNULL,x\n1.5E+12,x\n#####,x\n3-Mar,x\nTotal: 12,x\n=1+1,x\n")),
        csv("invisible and unusual characters", names("Sa\u{200b}les,x\nField\u{a0}Ops,x\nTwo  Spaces,x\n")),
        csv("text damaged by other programs", names("MÃ¼ller,x\nM\u{fffd}ller,x\nA&amp;E,#REF!\n")),
        csv("repeated names", "name,description,members\nA,x,1\na ,x,1\nA,y,2\n"),
        csv("repeated names that are to fail", "name,members\nA,1\na,2\n").with(&["--on-duplicate", "fail"]),
        csv("names that look alike", names("Sales,x\nS\u{430}les,x\nField Ops,x\nField-Ops,x\n")),
        csv("keys of two names, and names with two keys", "key,name,description\nK1,A,x\nK1,B,x\nK2,a,x\nK3,C,x\n"),
        json(
            "ids that are no text",
            "{\"name\": \"A\", \"key\": 7, \"tallyfy_id\": [7]}\n{\"name\": \"B\", \"key\": true}\n",
        ),
        csv("no descriptions", names("A,\nB,b\nC,\n")),
        csv("required descriptions", names("A,\nB,b\n")).with(&["--require-description"]),
    ]
}

/// Numbers with something between their digits, and lists that look like them.
#[rustfmt::skip]
const THOUSANDS: [&str; 23] = [
    "1,234", "12,345", "1,234;2,345", "1,234,567", "123,456,789", "1 234;5 678", "1'234", "1_234",
    "1001, 1002", "10,123", "1.234", "1001;;1002;", "[1001, 1002]", "['1001', '1002']", "[\"1001\",\"1002\"]", "{1001,1002}",
    "(1001,1002)", "1001/1002", "1001 & 1002", "1001-1005", "#1001", "1001 (Ann); 1002 (Bob)", "1001\n1002",
];

/// Lists that break a rule, or are hardly meant.
pub(crate) fn lists() -> Vec<Sample> {
    let members = |cells: &[&str]| {
        let rows = ('A'..).zip(cells).map(|(name, cell)| format!("{name},\"{}\"\n", cell.replace('"', "\"\"")));
        once("name,members\n".to_owned()).chain(rows).collect::<String>()
    };
    let guests = |cells: &[&str]| members(cells).replacen("members", "guests", 1);
    let many = (1001..2003).map(|id| id.to_string()).collect::<Vec<_>>().join(";");
    let invalid = "x;".repeat(150);
    vec![
        csv(
            "members that are no ids",
            members(&["abc", "0", "-1", "9223372036854775808", "1.5", "n/a", "#N/A", "ann@partner.example"]),
        ),
        csv(
            "members from spreadsheets",
            members(&["1001.0", "1.5E+12", "'1001", "#7", "1001/1002", "４６９４", "2592、5129", "[1001"]),
        ),
        csv("thousands", members(&THOUSANDS)),
        csv("repeated members", members(&["1001;1001;1002;1002;1001"])),
        csv("many members", format!("name,members\nA,{many}\n")),
        csv("many invalid members", format!("name,members\nA,{invalid}\n")),
        csv(
            "guests that are no addresses",
            guests(&[
                "nobody",
                "a@",
                "1001",
                "Ann <ann@partner.example>",
                "a(at)b.example",
                "a@b.example.",
                "n/a",
                "A@b.example;a@B.example",
            ]),
        ),
        csv(
            "invisible characters",
            "\u{a0}name\u{a0},description\u{a0},members,guests\u{200b}\nOps\u{a0}Team\u{a0},Runs it,1001\u{a0};\u{a0}1002,ann@partner.example\u{a0}\n\u{feff}Dev,x,\u{200b}1003,\u{feff}bob@partner.example\nQA,x,\u{202a}1004\u{202c},\u{202a}carl@partner.example\u{202c}\nSec,x,1005,“dora@partner.example”\nLaw,x,1005,Eve Example <eve@partner.example>\nHR,x,1005,mailto:fred@partner.example\nPR,x,1005,gina＠partner.example\nIT,x,1005,hal@partner.example.\nBI,x,1005,\"ida@partner.example, jon@partner.example\"\nBD,x,1005,IDA@Partner.Example;ida@partner.example\nXX,x,1005,[kim@partner.example](mailto:kim@partner.example)\nYY,x,1005,jürgen@bücher.example\nZZ,x,1005,o’neil@partner.example\nAA,x,1005,'lee@partner.example\n",
        ),
        csv("one row for each person", "name,members\nOps,1001\nOps,1002\nDev,1001\nOps,1003\n"),
        csv(
            "more than 20 problems of a kind",
            (1..=25).fold("name,members\n".to_owned(), |rows, row| rows + &format!("A{row},x{row}\n")),
        ),
    ]
}
