//! The text of an export: CSV or JSON lines. Pure.

use serde_json::Value;

use super::output::{csv_cell, csv_row};
use crate::model::{Format, json_shown, object, shown};

/// The header, if the format has one, and the rows under these columns. On a terminal, what would move the cursor is escaped.
pub(crate) fn export_text(columns: &str, rows: &[Vec<Value>], format: Format, is_terminal: bool) -> Vec<u8> {
    let safe = |text: String, escape: fn(&str) -> String| if is_terminal { escape(&text) } else { text };
    let mut text = if format == Format::Csv { csv_row(columns.split(','), b',') } else { Vec::new() };
    for row in rows {
        if format == Format::Csv {
            text.extend(csv_row(row.iter().map(|value| safe(csv_cell(value), shown)), b','));
        } else {
            let object = object(columns.split(',').zip(row.iter().map(Value::to_string)));
            text.extend((safe(object, json_shown) + "\n").bytes());
        }
    }
    text
}
