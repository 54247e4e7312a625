//! Cells: every message is safe to show, and a repaired row is the same group and needs no repair.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::check::{Draft, NameKeys, Rules, likeness, repairs};
use tallyfy_groups::model::{Cell, Fields, Format, MatchNames};

fuzz_target!(|text: &str| {
    let mut cells = text.split('\u{1f}').map(|cell| Cell::Text(cell.into()));
    let mut next = || cells.next().unwrap_or_default();
    let fields = Fields { name: next(), description: next(), members: next(), guests: next() };
    let (mut draft, mut again) = (Draft::default(), Draft::default());
    let faults = Rules::default().check(&fields, &mut draft);
    for fault in &faults {
        assert!(!fault.message.chars().any(char::is_control), "{fault:?}");
    }
    let mut clean = fields.clone();
    for repair in repairs(&fields, &draft.group, &faults, Format::Csv) {
        *clean.cell_mut(repair.field) = Cell::Text(repair.clean.cell().into());
    }
    let left = Rules::default().check(&clean, &mut again);
    assert_eq!(draft.group.name, again.group.name);
    assert_eq!(draft.group.members, again.group.members);
    assert_eq!(draft.group.guests, again.group.guests);
    assert_eq!(
        faults.iter().filter(|fault| fault.is_error()).count(),
        left.iter().filter(|fault| fault.is_error()).count()
    );
    assert!(repairs(&clean, &again.group, &left, Format::Csv).is_empty(), "{clean:?}");

    let (one, other) = text.split_at(text.floor_char_boundary(text.len() / 2));
    let mut keys = NameKeys::new(MatchNames::Folded);
    let is_same = MatchNames::Folded.same(one, other);
    assert_eq!(is_same, keys.of(one) == keys.of(other), "{one:?} {other:?}");
    if !is_same {
        let _ = likeness(one, other);
    }
});
