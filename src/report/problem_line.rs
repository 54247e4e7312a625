//! One problem as a line: for people and their editors, as JSON, or as an annotation of a pull request.

use serde_json::{Value, json};

use crate::model::{Field, Place, Problem, Severity, place, shortened, shown, without_sheet};

/// A line for people, without the number of its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProblemText {
    pub(super) file: String,
    /// "error"
    pub(super) word: &'static str,
    pub(super) message: String,
    /// The code in brackets, if there is one.
    pub(super) code: String,
}

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

    /// For people and their editors, without the place.
    pub(super) fn text(&self) -> ProblemText {
        let (word, code) = (self.problem.severity.as_str(), format!(" [{}]", self.problem.code.as_str()));
        ProblemText { file: self.file.to_owned(), word, message: self.message(), code }
    }

    pub(super) fn json(&self) -> Value {
        let Problem { severity, code, field, message, .. } = self.problem;
        json!({
            "type": if *severity == Severity::Error { "problem" } else { severity.as_str() },
            "severity": severity.as_str(),
            "code": code.as_str(),
            "file": without_sheet(self.file),
            "row": self.row,
            "line": self.line,
            "column": self.column,
            "field": field.map(Field::as_str),
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
        let place = [("line", self.line), ("col", self.column)].into_iter();
        let place: String =
            place.filter_map(|(name, number)| number.map(|number| format!(",{name}={number}"))).collect();
        let title = self.problem.code.as_str();
        format!(
            "::{command} file={}{place},title={title}::{}",
            property(&shown(without_sheet(self.file))),
            data(&self.message())
        )
    }
}

/// Equal problems of consecutive rows; the first has a line of its own.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) line: ProblemText,
    /// The first row without a line of its own.
    pub(super) second: Option<Place>,
    pub(super) last: Place,
}

impl Fold {
    /// Takes the problem of a row if it is equal and the row is the next one.
    pub(super) fn takes(&mut self, at: Place, line: &ProblemText) -> bool {
        if (at.file, at.row) != (self.last.file, self.last.row + 1) || *line != self.line {
            return false;
        }
        self.second.get_or_insert(at);
        self.last = at;
        true
    }

    /// The line that stands for all but the first, if there are any.
    pub(super) fn end(self) -> Option<String> {
        let (ProblemText { file, word, code, .. }, second) = (self.line, self.second?);
        let what = match self.last.row - second.row {
            0 => "the same".to_owned(),
            more => format!("the same in {} rows, up to line {}", more + 1, self.last.line),
        };
        Some(format!("{}: {word}: {what}{code}", place(&file, Some(second.line), None)))
    }
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Escapes the text after the properties.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

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
