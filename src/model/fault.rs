//! What is wrong with a row or a file before anything is sent.

use strum::{EnumString, IntoStaticStr};

use crate::model::{Field, Group};

/// What was found; its word is part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The file cannot be opened or read.
    FileUnreadable,
    /// The file holds nothing.
    FileEmpty,
    /// The file is of another kind.
    FileForeign,
    /// The file is in another encoding.
    EncodingUnknown,
    /// What is compressed in the file is broken.
    ArchiveDamaged,
    /// The file unpacks to far more than a table does.
    ArchiveBomb,
    /// The file is one JSON array.
    JsonArray,
    /// The header has no column for the name, or there is no header.
    HeaderMissing,
    /// The header cannot be read.
    HeaderMalformed,
    /// A column looks like a misspelt field.
    ColumnMisspelt,
    /// Two columns hold the same field.
    ColumnRepeated,
    /// A column named with `--map` is not there.
    ColumnUnmapped,
    /// Columns or keys are no field of a group.
    ColumnUnknown,
    /// A column without a name holds something.
    ColumnUnnamed,
    /// The row cannot be read as a row of this file.
    RowMalformed,
    /// The row may be parted by another delimiter.
    RowParted,
    /// A quoted cell holds what looks like rows.
    QuoteLate,
    /// Quotes are taken as text, as a space stands before them.
    QuoteSpaced,
    /// There is no name, or it is blank.
    NameMissing,
    /// The name has more characters than the server takes.
    NameTooLong,
    /// The name is not text, or holds control characters.
    NameInvalid,
    /// The name repeats that of an earlier row.
    NameRepeated,
    /// The name looks like that of an earlier row, and is another.
    NameLookalike,
    /// The name is almost that of an earlier row.
    NameSimilar,
    /// The name holds characters that nobody sees.
    NameInvisible,
    /// Letters of the name or the description were lost or changed by another program.
    TextGarbled,
    /// The name has several spaces in a row.
    NameSpaces,
    /// A spreadsheet would run the name as a formula.
    NameFormula,
    /// The name is what programs write where there is none, or made of something else.
    NameDoubtful,
    /// There is no description.
    DescriptionMissing,
    /// The description is not text, or holds control characters.
    DescriptionInvalid,
    /// A member is not a user id.
    MemberInvalid,
    /// Members may be one number with a comma in it.
    MembersUnclear,
    /// A member stands there twice.
    MemberRepeated,
    /// There are very many members.
    MembersMany,
    /// A guest is not an e-mail address.
    GuestInvalid,
    /// A guest stands there twice.
    GuestRepeated,
}

impl Code {
    /// All codes, those of files first.
    pub const ALL: [Self; 37] = [
        Self::FileUnreadable,
        Self::FileEmpty,
        Self::FileForeign,
        Self::EncodingUnknown,
        Self::ArchiveDamaged,
        Self::ArchiveBomb,
        Self::JsonArray,
        Self::HeaderMissing,
        Self::HeaderMalformed,
        Self::ColumnMisspelt,
        Self::ColumnRepeated,
        Self::ColumnUnmapped,
        Self::ColumnUnknown,
        Self::ColumnUnnamed,
        Self::RowMalformed,
        Self::RowParted,
        Self::QuoteLate,
        Self::QuoteSpaced,
        Self::NameMissing,
        Self::NameTooLong,
        Self::NameInvalid,
        Self::NameRepeated,
        Self::NameLookalike,
        Self::NameSimilar,
        Self::NameInvisible,
        Self::TextGarbled,
        Self::NameSpaces,
        Self::NameFormula,
        Self::NameDoubtful,
        Self::DescriptionMissing,
        Self::DescriptionInvalid,
        Self::MemberInvalid,
        Self::MembersUnclear,
        Self::MemberRepeated,
        Self::MembersMany,
        Self::GuestInvalid,
        Self::GuestRepeated,
    ];

    /// The word that stands in `error_code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileUnreadable => "file-unreadable",
            Self::FileEmpty => "file-empty",
            Self::FileForeign => "file-foreign",
            Self::EncodingUnknown => "encoding-unknown",
            Self::ArchiveDamaged => "archive-damaged",
            Self::ArchiveBomb => "archive-bomb",
            Self::JsonArray => "json-array",
            Self::HeaderMissing => "header-missing",
            Self::HeaderMalformed => "header-malformed",
            Self::ColumnMisspelt => "column-misspelt",
            Self::ColumnRepeated => "column-repeated",
            Self::ColumnUnmapped => "column-unmapped",
            Self::ColumnUnknown => "column-unknown",
            Self::ColumnUnnamed => "column-unnamed",
            Self::RowMalformed => "row-malformed",
            Self::RowParted => "row-parted",
            Self::QuoteLate => "quote-late",
            Self::QuoteSpaced => "quote-spaced",
            Self::NameMissing => "name-missing",
            Self::NameTooLong => "name-too-long",
            Self::NameInvalid => "name-invalid",
            Self::NameRepeated => "name-repeated",
            Self::NameLookalike => "name-lookalike",
            Self::NameSimilar => "name-similar",
            Self::NameInvisible => "name-invisible",
            Self::TextGarbled => "text-garbled",
            Self::NameSpaces => "name-spaces",
            Self::NameFormula => "name-formula",
            Self::NameDoubtful => "name-doubtful",
            Self::DescriptionMissing => "description-missing",
            Self::DescriptionInvalid => "description-invalid",
            Self::MemberInvalid => "member-invalid",
            Self::MembersUnclear => "members-unclear",
            Self::MemberRepeated => "member-repeated",
            Self::MembersMany => "members-many",
            Self::GuestInvalid => "guest-invalid",
            Self::GuestRepeated => "guest-repeated",
        }
    }

    /// The code that has this word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// Nothing is sent.
    Error,
    /// Worth a look; it is sent all the same.
    Warning,
    /// To be known.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One problem of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule broken.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// The field it was broken in, where it is one field's.
    pub field: Option<Field>,
    /// What is wrong and what to do, in a sentence without a full stop.
    pub message: String,
    /// The entry of a list that it is about, as the message has it.
    pub entry: Option<String>,
}

impl Fault {
    /// A fault of one field.
    pub fn of(field: Field, code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, field: Some(field), message: message.into(), entry: None }
    }

    /// Something in one field that is worth a look.
    pub fn warning(field: Field, code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::of(field, code, message) }
    }

    /// A fault of the whole row: it cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        let (code, severity) = (Code::RowMalformed, Severity::Error);
        Self { code, severity, field: None, message: message.into(), entry: None }
    }

    /// Something about a row or a file as a whole that is worth a look.
    pub fn remark(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warning, field: None, message: message.into(), entry: None }
    }

    /// Whether it keeps the row from being sent.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The messages of several faults as they stand in one `error` cell.
    #[must_use]
    pub fn join(faults: &[Self]) -> String {
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        messages.join("; ")
    }
}

/// What the check says of a row; rows are named by `K`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<K> {
    /// It is to be created.
    Good(Group),
    /// It repeats this earlier row.
    Twin(K, Group),
    /// It is faulty.
    Bad(Vec<Fault>),
}
