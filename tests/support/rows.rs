//! Rows whose fate is known beforehand: good ones, ones that repeat an earlier name, and ones that break a rule.

use serde_json::json;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) members: Vec<String>,
    pub(crate) guests: Vec<String>,
    pub(crate) kind: Kind,
}

/// What becomes of a row in an empty organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is created.
    Good,
    /// It repeats the row of this index.
    Twin(usize),
    /// It breaks the rule of this code.
    Bad(&'static str),
}

const WORDS: [&str; 12] =
    ["Sales", "Support", "Onboarding", "Finance", "Légal", "Büro", "東京", "Ops", "Audit", "R&D", "Clinic, East", "5%"];

/// `count` rows with these percentages of twins and bad ones; the same for the same seed.
pub(crate) fn rows(count: usize, twins: u64, bad: u64, seed: u64) -> Vec<Draft> {
    let mut dice = Dice(seed);
    let mut rows: Vec<Draft> = Vec::with_capacity(count);
    for index in 0..count {
        let mut row = good_row(index, &mut dice);
        let firsts: Vec<usize> =
            rows.iter().enumerate().filter(|(_, row)| row.kind == Kind::Good).map(|(at, _)| at).collect();
        let throw = dice.below(100);
        if throw < twins && !firsts.is_empty() {
            let first = firsts[usize::try_from(dice.below(firsts.len() as u64)).unwrap()];
            row.name = variant(&rows[first].name, dice.below(3));
            row.kind = Kind::Twin(first);
        } else if throw >= 100 - bad {
            spoil(&mut row, dice.below(4));
        }
        rows.push(row);
    }
    rows
}

/// `count` good rows.
pub(crate) fn good(count: usize) -> Vec<Draft> {
    rows(count, 0, 0, 1)
}

/// The names of the groups that come of them.
pub(crate) fn good_names(rows: &[Draft]) -> Vec<String> {
    rows.iter().filter(|row| row.kind == Kind::Good).map(|row| row.name.clone()).collect()
}

fn good_row(index: usize, dice: &mut Dice) -> Draft {
    let word = |dice: &mut Dice| WORDS[usize::try_from(dice.below(WORDS.len() as u64)).unwrap()];
    let first = 1001 + dice.below(190);
    let members = (0..dice.below(6)).map(|number| (first + number).to_string()).collect();
    let guests = (0..dice.below(3)).map(|number| format!("guest{number}.{index}@partner.example.com")).collect();
    Draft {
        name: format!("{} {} {index:05}", word(dice), word(dice)),
        description: format!("Team {index} of \"{}\",\nmoved from the old directory", word(dice)),
        members,
        guests,
        kind: Kind::Good,
    }
}

/// The same name, written otherwise.
fn variant(name: &str, how: u64) -> String {
    match how {
        0 => name.to_owned(),
        1 => format!("  {} ", name.to_uppercase()),
        _ => name.replace(' ', "  "),
    }
}

fn spoil(row: &mut Draft, how: u64) {
    let code = match how {
        0 => {
            " ".clone_into(&mut row.name);
            "name-missing"
        }
        1 => {
            row.name = "x".repeat(201);
            "name-too-long"
        }
        2 => {
            row.guests.push("not-an-email".to_owned());
            "guest-invalid"
        }
        _ => {
            row.members.push("abc".to_owned());
            "member-invalid"
        }
    };
    row.kind = Kind::Bad(code);
}

/// The rows as a CSV file.
pub(crate) fn as_csv(rows: &[Draft]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["name", "description", "members", "guests"]).unwrap();
    for row in rows {
        writer.write_record([&row.name, &row.description, &row.members.join(";"), &row.guests.join(" ")]).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The rows as JSON lines.
pub(crate) fn as_jsonl(rows: &[Draft]) -> String {
    let line = |row: &Draft| {
        let members: Vec<serde_json::Value> =
            row.members.iter().map(|id| id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id))).collect();
        let object =
            json!({"name": row.name, "description": row.description, "members": members, "guests": row.guests});
        format!("{object}\n")
    };
    rows.iter().map(line).collect()
}

/// Numbers that look thrown and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}
