//! One problem as a line: for people and editors, as JSON, or as an annotation of a pull request.

use serde_json::json;

use crate::model::{Code, Field, Severity, json_shown, place, shortened, shown};

/// What a line says, for people, behind its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// "error"
    pub(super) word: &'static str,
    pub(super) message: String,
    /// The code in brackets, where there is one.
    pub(super) code: String,
    /// The entry of a list that it is about, as the message has it.
    pub(super) entry: Option<String>,
}

impl Line {
    /// Whether it says of its entry what the other says of another.
    pub(super) fn is_of_entry_as(&self, other: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (&self.entry, &other.entry) else { return false };
        self.word == other.word
            && self.code == other.code
            && self.message.replacen(mine.as_str(), "", 1) == other.message.replacen(theirs.as_str(), "", 1)
    }
}

/// One problem, in its place.
pub(super) struct Finding<'a> {
    /// As it was given.
    pub(super) file: &'a str,
    pub(super) row: Option<u64>,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) field: Option<Field>,
    /// The field's name in this file, where it is another.
    pub(super) header: Option<&'a str>,
    pub(super) message: &'a str,
    /// The entry of a list that it is about, as the message has it.
    pub(super) entry: Option<&'a str>,
}

impl Finding<'_> {
    /// `file:line:column`, as far as it is known.
    pub(super) fn place(&self) -> String {
        place(self.file, self.line, self.column)
    }

    fn message(&self) -> String {
        let column = self.header.map_or_else(String::new, |header| format!(" (column `{}`)", shortened(header)));
        format!("{}{column}", self.message)
    }

    /// For people and editors, without the place.
    pub(super) fn text(&self) -> Line {
        let (severity, code) = (self.severity.as_str(), format!(" [{}]", self.code.as_str()));
        Line { word: severity, message: self.message(), code, entry: self.entry.map(str::to_owned) }
    }

    pub(super) fn json(&self) -> String {
        let line = json!({
            "type": if self.severity == Severity::Error { "problem" } else { self.severity.as_str() },
            "severity": self.severity.as_str(),
            "code": self.code.as_str(),
            "file": self.file,
            "row": self.row,
            "line": self.line,
            "column": self.column,
            "field": self.field.map(Field::as_str),
            "header": self.header,
            "message": self.message,
        });
        json_shown(&line.to_string())
    }

    /// As GitHub's documentation of workflow commands has it ("Setting an error message").
    pub(super) fn github(&self) -> String {
        let command = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let place = [("line", self.line), ("col", self.column)].into_iter();
        let place: String =
            place.filter_map(|(name, number)| number.map(|number| format!(",{name}={number}"))).collect();
        let title = self.code.as_str();
        format!("::{command} file={}{place},title={title}::{}", property(&shown(self.file)), data(&self.message()))
    }
}

/// A value between the colons.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The text behind them.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_cannot_be_ended_by_the_text_in_it() {
        let finding = Finding {
            file: "a,b:c%.csv",
            row: Some(1),
            line: Some(2),
            column: None,
            code: Code::NameMissing,
            severity: Severity::Error,
            field: Some(Field::Name),
            header: Some("Display Name"),
            message: "100%\n::stop-commands::",
            entry: None,
        };
        assert_eq!(
            finding.github(),
            "::error file=a%2Cb%3Ac%25.csv,line=2,title=name-missing::100%25%0A::stop-commands:: (column `Display Name`)"
        );
    }
}
