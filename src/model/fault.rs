//! What is wrong with a row before anything is sent.

use crate::model::{Field, Group};

/// The rule that a row breaks; its word is part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The row cannot be read as a row of this file.
    RowMalformed,
    /// There is no name, or it is blank.
    NameMissing,
    /// The name has more characters than the server takes.
    NameTooLong,
    /// The name is not text, or holds control characters.
    NameInvalid,
    /// There is no description although one is required.
    DescriptionMissing,
    /// The description is not text.
    DescriptionInvalid,
    /// A member is not a user id.
    MemberInvalid,
    /// A guest is not an e-mail address.
    GuestInvalid,
    /// The name repeats that of an earlier row, and repeats were asked to fail.
    NameRepeated,
}

impl Code {
    /// The word that stands in `error_code`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RowMalformed => "row-malformed",
            Self::NameMissing => "name-missing",
            Self::NameTooLong => "name-too-long",
            Self::NameInvalid => "name-invalid",
            Self::DescriptionMissing => "description-missing",
            Self::DescriptionInvalid => "description-invalid",
            Self::MemberInvalid => "member-invalid",
            Self::GuestInvalid => "guest-invalid",
            Self::NameRepeated => "name-repeated",
        }
    }
}

/// One problem of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The rule broken.
    pub code: Code,
    /// The field it was broken in, where it is one field's.
    pub field: Option<Field>,
    /// What is wrong and what to do, in a sentence without a full stop.
    pub message: String,
}

impl Fault {
    /// A fault of one field.
    pub fn of(field: Field, code: Code, message: impl Into<String>) -> Self {
        Self { code, field: Some(field), message: message.into() }
    }

    /// A fault of the whole row: it cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self { code: Code::RowMalformed, field: None, message: message.into() }
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
