//! Rows like those of a migration, the same for the same seed.

use std::borrow::Borrow;
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// What every benchmark's rows grow from.
const SEED: u64 = 1;

/// The ids of the members.
pub(crate) const MEMBERS: Range<u64> = 1000..9000;

/// What names and descriptions are made of.
const WORDS: [&str; 18] = [
    "Sales",
    "Support",
    "Onboarding",
    "Finance",
    "Legal",
    "Marketing",
    "Engineering",
    "Field",
    "Partner",
    "Claims",
    "Région",
    "Büro",
    "東京",
    "Ops",
    "Audit",
    "Payroll",
    "Clinic",
    "Intake",
];

/// One group, as its create request has it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    guests: Vec<String>,
}

/// This many rows, no two of one name.
pub(crate) fn rows(count: usize) -> impl Iterator<Item = Row> {
    let mut random = StdRng::seed_from_u64(SEED);
    (0..count).map(move |number| row(number, &mut random))
}

/// Up to five members; every second row has one to three guests.
fn row(number: usize, random: &mut StdRng) -> Row {
    let mut word = || WORDS[random.random_range(0..WORDS.len())];
    let name = format!("{} {} {number:07}", word(), word());
    let description = format!("Team {number} of the {} department, moved from the old directory", word());
    let members = (0..random.random_range(0..6)).map(|_| random.random_range(MEMBERS)).collect();
    let guests = if random.random_bool(0.5) { random.random_range(1..4) } else { 0 };
    let guests = (0..guests).map(|_| {
        let (guest, partner) = (random.random_range(0..1_000_000), random.random_range(0..50));
        format!("guest{guest}.{number}@partner{partner}.example.com")
    });
    Row { name, description, members, guests: guests.collect() }
}

/// A row without a name.
pub(crate) fn nameless() -> Row {
    Row { name: String::new(), description: String::from("x"), members: Vec::new(), guests: Vec::new() }
}

/// Writes the rows as CSV.
pub(crate) fn write_csv(rows: impl IntoIterator<Item: Borrow<Row>>, path: &Path) {
    let mut file = csv::Writer::from_path(path).unwrap();
    file.write_record(["name", "description", "members", "guests"]).unwrap();
    for row in rows {
        let row = row.borrow();
        let members: Vec<String> = row.members.iter().map(u64::to_string).collect();
        let cells = [&row.name, &row.description, &members.join(";"), &row.guests.join(";")];
        file.write_record(cells).unwrap();
    }
    file.flush().unwrap();
}

/// The bodies of the create requests.
pub(crate) fn bodies(rows: &[Row]) -> Vec<Bytes> {
    rows.iter().map(|row| serde_json::to_vec(row).unwrap().into()).collect()
}
