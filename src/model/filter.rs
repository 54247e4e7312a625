//! Which rows of a file are read, by the cells of a column.

use std::fmt;

use serde::Deserialize;

/// A condition on the cells of one column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Filter {
    /// The column, or the path in JSON.
    pub column: String,
    value: String,
    is_negated: bool,
}

impl Filter {
    /// Whether a row with this cell is read. Case and outer spaces do not matter.
    pub fn keeps(&self, cell: &str) -> bool {
        (cell.trim().to_lowercase() == self.value) != self.is_negated
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.column, if self.is_negated { "!=" } else { "=" }, self.value)
    }
}

impl TryFrom<String> for Filter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (column, value) = text.split_once('=').ok_or("COLUMN=VALUE or COLUMN!=VALUE is expected")?;
        let (column, is_negated) = column.strip_suffix('!').map_or((column, false), |column| (column, true));
        if column.trim().is_empty() {
            return Err("the column is missing".to_owned());
        }
        Ok(Self { column: column.trim().to_owned(), value: value.trim().to_lowercase(), is_negated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_compares_without_case_and_outer_spaces() {
        let keeps = |filter: &str, cell: &str| Filter::try_from(filter.to_owned()).unwrap().keeps(cell);
        assert!(keeps("Type=user", " USER ") && !keeps("Type=USER", "GROUP") && !keeps("Type=USER", ""));
        assert!(keeps("Type!=GROUP", "USER") && !keeps("Type!=GROUP", "group"));
        assert!(keeps("Team!=", "Sales") && !keeps("Team!=", " ") && keeps("Team=", ""));
        assert!(["Type", "!=x"].iter().all(|text| Filter::try_from((*text).to_owned()).is_err()));
    }
}
