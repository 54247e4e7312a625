//! Cells: every message is safe to show, and a fixed row is the same group and needs no fix, and outer spaces do not change a name's keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::check::{NameKeys, Rules, fixes};
use tallyfy_groups::model::{Cell, Field, Fields, Format, MatchNames};

fuzz_target!(|text: &str| {
    let cells = text.split('\u{1f}').map(|cell| Cell::Text(cell.into()));
    let with = |fields: Fields<'static>, (field, cell): (&Field, Cell<'_>)| match cell {
        Cell::Text(text) => fields.with(*field, Cell::Text(text.into_owned().into())),
        _ => fields,
    };
    let fields = Field::SLOTS.iter().zip(cells).fold(Fields::default(), with);
    let (group, problems) = Rules::default().check(&fields);
    for problem in &problems {
        assert!(!problem.message.chars().any(char::is_control), "{problem:?}");
    }
    let mut clean = fields.clone();
    for fix in fixes(&fields, &group, &problems, Format::Csv) {
        clean.set(fix.field, Cell::Text(fix.text.into()));
    }
    let (again, left) = Rules::default().check(&clean);
    assert_eq!(group.name, again.name);
    assert_eq!(group.members, again.members);
    assert_eq!(group.guests, again.guests);
    let errors = |problems: &[_]| problems.iter().filter(|problem: &&tallyfy_groups::model::Problem| problem.is_error()).count();
    assert_eq!(errors(&problems), errors(&left));
    assert!(fixes(&clean, &again, &left, Format::Csv).is_empty(), "{clean:?}");

    let keys = |name: &str| NameKeys::of(name, MatchNames::Folded);
    assert_eq!(keys(text), keys(&format!("  {text} ")));
});
