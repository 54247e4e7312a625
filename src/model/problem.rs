//! A problem of a row or a file, found before anything is sent.

use strum::{AsRefStr, EnumString, IntoStaticStr, VariantArray};

use crate::model::Field;

/// The rule that was broken. Its word (`name-missing`) is part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsRefStr, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Code {
    /// The file cannot be opened or read.
    FileUnreadable,
    /// The file is empty, or has a header and no rows.
    FileEmpty,
    /// The file has another format.
    FileForeign,
    /// The file has another encoding.
    EncodingUnknown,
    /// The compressed data is damaged.
    ArchiveDamaged,
    /// The file unpacks to far more than a table does.
    ArchiveBomb,
    /// The JSON is broken, or it is not clear which array has the rows.
    JsonMalformed,
    /// The file is one page of several.
    FilePaged,
    /// There is no header, or it has no column for the name.
    HeaderMissing,
    /// The header cannot be read.
    HeaderMalformed,
    /// A column looks like a field and is not used.
    ColumnMisspelt,
    /// Several columns hold the same field.
    ColumnRepeated,
    /// A column named with `--map` is not in the file.
    ColumnUnmapped,
    /// The file is an export that is recognized.
    LayoutRecognized,
    /// A column of another name is used for a field.
    ColumnUsed,
    /// Columns or keys are not fields of a group.
    ColumnUnknown,
    /// A column without a name holds text.
    ColumnUnnamed,
    /// The rows of the file are people, not groups.
    ListOfPeople,
    /// Blank rows are ignored.
    RowBlank,
    /// `--where` or the layout leaves the row out.
    RowExcluded,
    /// The row cannot be read as a row of this file.
    RowMalformed,
    /// A quoted cell holds what looks like rows.
    QuoteLate,
    /// Quotes are read as text, because a space stands before them.
    QuoteSpaced,
    /// There is no name, or it is blank.
    NameMissing,
    /// The name has more characters than the API accepts.
    NameTooLong,
    /// The name is not text, or holds control or invisible characters.
    NameInvalid,
    /// The name repeats that of an earlier row.
    NameRepeated,
    /// The name looks like that of an earlier row, in other characters.
    NameConfusable,
    /// The name is what a spreadsheet writes into an empty cell.
    NameDoubtful,
    /// Letters were lost or changed by another program.
    TextGarbled,
    /// There is no description.
    DescriptionMissing,
    /// The description is not text, or holds control characters.
    DescriptionInvalid,
    /// The description of a merged row is not that of its group.
    DescriptionLost,
    /// A key or the id of a group is not text.
    IdInvalid,
    /// The key is that of another group, or its group has another key.
    KeyRepeated,
    /// A member is not a user id.
    MemberInvalid,
    /// A member is listed twice.
    MemberRepeated,
    /// A member is not a user of the organization.
    MemberUnknown,
    /// The account of a member is disabled.
    MemberDisabled,
    /// A member was invited and has not accepted yet.
    MemberInvited,
    /// A member is a program.
    MemberBot,
    /// An address is that of several users.
    MemberAmbiguous,
    /// The users of the organization cannot be listed.
    UsersUnlisted,
    /// Entries of a list without the mapped key are ignored.
    EntryIgnored,
    /// A guest is not an e-mail address.
    GuestInvalid,
    /// A guest is a user of the organization.
    GuestMember,
    /// A guest is listed twice.
    GuestRepeated,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsRefStr, EnumString, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// The row is not sent.
    Error,
    /// Something may be lost or wrong; the row is sent. Counts with `--strict`.
    Warning,
    /// Good to know; never counts.
    Note,
}

/// One problem of one row or one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The rule broken.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The field it is in, if it is in one.
    pub field: Option<Field>,
    /// What is wrong and what to do, in a sentence without a full stop.
    pub message: String,
}

impl Problem {
    /// An error in one field.
    pub fn error(field: Field, code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, field: Some(field), message: message.into() }
    }

    /// A warning about one field.
    pub fn warning(field: Field, code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(field, code, message) }
    }

    /// Blank entries of a list are left out.
    pub fn blank_entries(field: Field, count: usize) -> Self {
        Self::warning(field, Code::EntryIgnored, format!("{}: blank entries are ignored: {count}", field.as_ref()))
    }

    /// The row is left out, and why.
    pub fn excluded(why: &str) -> Self {
        Self::note(Code::RowExcluded, format!("excluded: {why}"))
    }

    /// The whole row cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::fatal(Code::RowMalformed, message)
    }

    /// An error of a row or a file as a whole.
    pub fn fatal(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, ..Self::general(code, message) }
    }

    /// A warning about a row or a file as a whole.
    pub fn general(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warning, field: None, message: message.into() }
    }

    /// A note about a file as a whole.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::general(code, message) }
    }

    /// Whether it keeps the row from being sent.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The code of the first problem that is meant, and the messages of all that are.
    pub fn of(problems: &[Self], is_meant: impl Fn(&Self) -> bool) -> Option<(Code, String)> {
        let all = || problems.iter().filter(|problem| is_meant(problem));
        Some((all().next()?.code, Self::join(all())))
    }

    /// Whether it is a warning.
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }

    /// The messages of several problems, for one cell of the results.
    pub fn join<'a>(problems: impl IntoIterator<Item = &'a Self>) -> String {
        problems.into_iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// How often a kind of problem was found, and the place of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemCount {
    /// How bad it is.
    pub severity: Severity,
    /// The rule.
    pub code: Code,
    /// How often.
    pub count: u64,
    /// `file:line:column`, as much of it as is known, safe to show.
    pub first: String,
}
