//! Files to import, with the expected outcome of every row, and names that are easily confused.

use std::fmt::Write;

use rand::RngExt;
use rand::rngs::StdRng;

/// The expected outcome of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    Duplicate,
    Bad,
}

/// A file and its rows.
pub(crate) struct Sheet {
    pub(crate) rows: Vec<(String, Kind)>,
    pub(crate) csv: String,
}

impl Sheet {
    pub(crate) fn good(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|(_, kind)| *kind == Kind::Good).map(|(name, _)| name.as_str())
    }

    /// The guests of each row.
    pub(crate) fn guests(&self) -> Vec<Vec<String>> {
        let mut reader = csv::Reader::from_reader(self.csv.as_bytes());
        let column = reader.headers().unwrap().iter().position(|name| name == "guests").unwrap();
        let guests = |row: csv::StringRecord| row[column].split_whitespace().map(str::to_owned).collect();
        reader.records().map(|row| guests(row.unwrap())).collect()
    }
}

/// Names that contain one another, and characters that are special in queries, SQL and JSON.
const NAMES: [&str; 12] = [
    "Team",
    "Team 1",
    "Team 10",
    "100%",
    "100% Team 1",
    "R&D + \"Ops\"",
    "O'Brien; DROP TABLE",
    "back\\slash",
    "_",
    "Équipe 🚀",
    "🚀",
    "東京 + 大阪",
];

/// Rows. Some repeat a name, some break a rule, some have guests.
pub(crate) fn sheet(rng: &mut StdRng, count: usize) -> Sheet {
    let mut rows: Vec<(String, Kind)> = Vec::new();
    let mut csv = "name,description,guests\n".to_owned();
    for index in 0..count {
        let firsts: Vec<String> =
            rows.iter().filter(|(_, kind)| *kind == Kind::Good).map(|(name, _)| name.clone()).collect();
        let (name, kind) = match rng.random_range(0..20) {
            0 => (String::new(), Kind::Bad),
            1 if !firsts.is_empty() => {
                (format!(" {} ", firsts[rng.random_range(0..firsts.len())].to_lowercase()), Kind::Duplicate)
            }
            _ if index < NAMES.len() => (NAMES[index].to_owned(), Kind::Good),
            _ => (format!("{} {index}", NAMES[index % NAMES.len()]), Kind::Good),
        };
        let guests = if rng.random_bool(0.2) { format!("guest{index}@example.com") } else { String::new() };
        writeln!(csv, "\"{}\",\"row {index}\",{guests}", name.replace('"', "\"\"")).unwrap();
        rows.push((name, kind));
    }
    Sheet { rows, csv }
}

/// Only good rows, without guests.
pub(crate) fn good(count: usize) -> Sheet {
    with_guests(0, 0, count)
}

/// Only good rows: first `inviting` rows with `each` guests of their own, then `plain` rows without guests.
pub(crate) fn with_guests(inviting: usize, each: usize, plain: usize) -> Sheet {
    let rows: Vec<_> =
        (0..inviting + plain).map(|index| (format!("{} {index}", NAMES[index % NAMES.len()]), Kind::Good)).collect();
    let mut csv = "name,guests\n".to_owned();
    for (index, (name, _)) in rows.iter().enumerate() {
        let own = if index < inviting { each } else { 0 };
        let guests: Vec<String> = (0..own).map(|number| format!("guest{index}.{number}@example.com")).collect();
        writeln!(csv, "\"{}\",{}", name.replace('"', "\"\""), guests.join(" ")).unwrap();
    }
    Sheet { rows, csv }
}
