//! Headers: no column is taken for two fields, and one that can be used can be used again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::model::Field;
use tallyfy_groups::read::{Columns, ReadOptions};

fuzz_target!(|text: &str| {
    let (header, mapped) = text.split_once('\n').unwrap_or((text, ""));
    let header: Vec<String> = header.split(',').map(str::to_owned).collect();
    let map: Vec<(Field, String)> = Field::ALL
        .iter()
        .copied()
        .zip(mapped.split(','))
        .filter(|(_, column)| !column.is_empty())
        .map(|(field, column)| (field, column.to_owned()))
        .collect();
    let options = ReadOptions { map, ..ReadOptions::default() };
    let (columns, errors) = Columns::read(&header, &options);
    let mut indices: Vec<usize> = columns.fields.iter().map(|(_, index)| *index).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices.len(), columns.fields.len());
    assert!(!errors.is_empty() || columns.index(Field::Name).is_some());
    if errors.is_empty() {
        let again = Columns::read(&columns.canonical(&header), &ReadOptions::default());
        // The columns of a list are joined into the first of them.
        let slots: std::collections::BTreeSet<&str> = columns.fields.iter().map(|(field, _)| field.slot().into()).collect();
        assert_eq!((again.0.fields.len(), again.1.len()), (slots.len(), 0), "{header:?}");
    }
    for error in errors {
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
});
