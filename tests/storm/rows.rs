//! Files to import, whose every row's end is known beforehand; names made to be mistaken for one another.

use std::fmt::Write;

use rand::RngExt;
use rand::rngs::StdRng;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Good,
    Twin,
    Bad,
}

/// A file and what is in it.
pub(crate) struct Sheet {
    pub(crate) rows: Vec<(String, Kind)>,
    pub(crate) csv: String,
}

impl Sheet {
    pub(crate) fn good(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|(_, kind)| *kind == Kind::Good).map(|(name, _)| name.as_str())
    }
}

/// Parts of one another, and full of what queries, SQL and JSON read otherwise.
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

/// So many rows; some repeat a name, some break a rule, some bring guests.
pub(crate) fn sheet(dice: &mut StdRng, count: usize) -> Sheet {
    let mut rows: Vec<(String, Kind)> = Vec::new();
    let mut csv = "name,description,guests\n".to_owned();
    for index in 0..count {
        let firsts: Vec<String> =
            rows.iter().filter(|(_, kind)| *kind == Kind::Good).map(|(name, _)| name.clone()).collect();
        let (name, kind) = match dice.random_range(0..20) {
            0 => (String::new(), Kind::Bad),
            1 if !firsts.is_empty() => {
                (format!(" {} ", firsts[dice.random_range(0..firsts.len())].to_lowercase()), Kind::Twin)
            }
            _ if index < NAMES.len() => (NAMES[index].to_owned(), Kind::Good),
            _ => (format!("{} {index}", NAMES[index % NAMES.len()]), Kind::Good),
        };
        let guests = if dice.random_bool(0.2) { format!("guest{index}@example.com") } else { String::new() };
        writeln!(csv, "\"{}\",\"row {index}\",{guests}", name.replace('"', "\"\"")).unwrap();
        rows.push((name, kind));
    }
    Sheet { rows, csv }
}

/// Good rows, and nothing else: so many that bring a guest of their own each, and after them so many without.
pub(crate) fn with_guests(guests: usize, plain: usize) -> Sheet {
    let rows: Vec<_> = (0..guests + plain).map(|index| (format!("Group {index}"), Kind::Good)).collect();
    let mut csv = "name,guests\n".to_owned();
    for (index, (name, _)) in rows.iter().enumerate() {
        let guest = if index < guests { format!("guest{index}@example.com") } else { String::new() };
        writeln!(csv, "{name},{guest}").unwrap();
    }
    Sheet { rows, csv }
}

/// So many good rows, and nothing else.
pub(crate) fn good(count: usize) -> Sheet {
    let rows: Vec<_> =
        (0..count).map(|index| (format!("{} {index}", NAMES[index % NAMES.len()]), Kind::Good)).collect();
    let mut csv = "name\n".to_owned();
    for (name, _) in &rows {
        writeln!(csv, "\"{}\"", name.replace('"', "\"\"")).unwrap();
    }
    Sheet { rows, csv }
}
