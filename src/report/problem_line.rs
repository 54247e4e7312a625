//! One problem as a line: for people and their editors, as JSON, or as an annotation of a pull request.

use serde_json::{Value, json};

use crate::model::{Problem, Severity, place, shortened, shown, without_sheet};

/// A problem and its place.
pub(super) struct Finding<'a> {
    /// As it was given.
    pub(super) file: &'a str,
    pub(super) row: Option<u64>,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    /// The field's name in this file, if it is another.
    pub(super) header: Option<&'a str>,
    pub(super) problem: &'a Problem,
}

impl Finding<'_> {
    /// `file:line:column`, as much of it as is known.
    pub(super) fn place(&self) -> String {
        place(self.file, self.line, self.column)
    }

    fn message(&self) -> String {
        let column = self.header.map_or_else(String::new, |header| format!(" (column `{}`)", shortened(header)));
        format!("{}{column}", self.problem.message)
    }

    /// For people and their editors.
    pub(super) fn text(&self) -> String {
        let Problem { severity, code, .. } = self.problem;
        format!("{}: {}: {} [{}]", self.place(), severity.as_ref(), self.message(), code.as_ref())
    }

    pub(super) fn json(&self) -> Value {
        let Problem { severity, code, field, message, .. } = self.problem;
        json!({
            "type": if *severity == Severity::Error { "problem" } else { severity.as_ref() },
            "severity": severity.as_ref(),
            "code": code.as_ref(),
            "file": without_sheet(self.file),
            "row": self.row,
            "line": self.line,
            "column": self.column,
            "field": field.map(<&str>::from),
            "header": self.header,
            "message": message,
        })
    }

    /// A workflow command, by GitHub's documentation ("Setting an error message").
    pub(super) fn github(&self) -> String {
        let command = match self.problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let at = |name, number: Option<u64>| number.map_or_else(String::new, |number| format!(",{name}={number}"));
        let place = at("line", self.line) + &at("col", self.column);
        let file = data(&shown(without_sheet(self.file))).replace(':', "%3A").replace(',', "%2C");
        format!("::{command} file={file}{place},title={}::{}", self.problem.code.as_ref(), data(&self.message()))
    }
}

/// Escapes the text after the properties; in a property a colon and a comma are escaped too.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Code, Field};

    #[test]
    fn an_annotation_cannot_be_ended_by_the_text_in_it() {
        let problem = &Problem::error(Field::Name, Code::NameMissing, "100%\n::stop-commands::");
        let (file, header) = ("a,b:c%.csv", Some("Display Name"));
        let finding = Finding { file, row: Some(1), line: Some(2), column: None, header, problem };
        assert_eq!(
            finding.github(),
            "::error file=a%2Cb%3Ac%25.csv,line=2,title=name-missing::100%25%0A::stop-commands:: (column `Display Name`)"
        );
    }
}
