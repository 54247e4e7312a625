//! What `validate` finds.

use super::desk::Desk;

impl Desk {
    /// Line and code of all that is found in files, in order; 0 for what is said of a file.
    pub(crate) fn found(&self, arguments: &[&str]) -> Vec<(u64, String)> {
        let outcome = self.run(&[&["validate", "--json"], arguments].concat());
        let lines = outcome.json_lines();
        let told = lines.iter().filter(|line| line["code"].is_string());
        told.map(|line| (line["line"].as_u64().unwrap_or(0), line["code"].as_str().unwrap().to_owned())).collect()
    }
}

/// The same as it is expected.
pub(crate) fn places(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(line, code)| (*line, (*code).to_owned())).collect()
}
