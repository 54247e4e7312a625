//! The results file, read back and held to what is known.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::desk::Desk;
use super::rows::{Draft, Kind};
use super::server::Server;

/// The header the contract names.
pub(crate) const HEADER: &str =
    "file,row,line,name,status,group_id,duplicate_of,attempts,http_status,error_code,error,changes,warnings";

/// One row of the results.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) file: String,
    #[serde(deserialize_with = "number")]
    pub(crate) row: u64,
    #[serde(deserialize_with = "number")]
    pub(crate) line: u64,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) group_id: Option<String>,
    pub(crate) duplicate_of: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) http_status: Option<u16>,
    pub(crate) error_code: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) changes: Option<String>,
    pub(crate) warnings: Option<String>,
}

/// A number; 0 for a group that no row has.
fn number<'de, D: serde::Deserializer<'de>>(cell: D) -> Result<u64, D::Error> {
    Ok(Option::deserialize(cell)?.unwrap_or_default())
}

impl Desk {
    /// The rows of a results file.
    #[track_caller]
    pub(crate) fn results(&self, name: &str) -> Vec<Told> {
        let text = self.read(name);
        assert!(text.starts_with(HEADER), "{name}: {}", text.lines().next().unwrap_or_default());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|line| line.unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
    }

    /// The columns and rows of any CSV file.
    #[track_caller]
    pub(crate) fn table(&self, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let text = self.read(name);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
        let header = cells(reader.headers().unwrap());
        (header, reader.records().map(|record| cells(&record.unwrap())).collect())
    }
}

/// The statuses, row by row.
pub(crate) fn statuses(lines: &[Told]) -> Vec<&str> {
    lines.iter().map(|line| line.status.as_str()).collect()
}

/// Every row is in the results, in order, with the status that it must have; `made` is that of good rows.
#[track_caller]
pub(crate) fn assert_answers(lines: &[Told], rows: &[Draft], server: &Server, made: &str) {
    let ids: HashMap<String, String> = server.groups().into_iter().map(|group| (group.name, group.id)).collect();
    assert_eq!(lines.len(), rows.len());
    for (index, (line, row)) in lines.iter().zip(rows).enumerate() {
        assert_eq!((line.row, line.name.as_str()), (index as u64 + 1, row.name.trim()));
        let told =
            (line.status.as_str(), line.group_id.as_ref(), line.duplicate_of.clone(), line.error_code.as_deref());
        let expected = match row.kind {
            Kind::Good => (made, Some(&ids[&row.name]), None, None),
            Kind::Twin(first) => ("duplicate", Some(&ids[&rows[first].name]), Some((first + 1).to_string()), None),
            Kind::Bad(code) => ("invalid", None, None, Some(code)),
        };
        assert_eq!(told, expected, "row {}", index + 1);
        assert_eq!(line.error.is_some(), matches!(row.kind, Kind::Bad(_)), "row {}", index + 1);
    }
}

/// Rows read are the sum over the statuses: in the summary and in the results.
#[track_caller]
pub(crate) fn assert_accounts(summary: &serde_json::Value, lines: &[Told]) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for line in lines {
        *counted.entry(&line.status).or_default() += 1;
    }
    let told = summary["statuses"].as_object().unwrap();
    for (status, count) in &counted {
        assert_eq!(told[*status], *count, "{status}");
    }
    let sum: u64 = told.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(summary["rows"], sum);
    assert_eq!(lines.len() as u64, sum);
}
