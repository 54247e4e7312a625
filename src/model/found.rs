//! The groups of one name.

use crate::model::ExistingGroup;

/// The groups whose name agrees in every character, else all of these, whose names are equal. Each is there once: a list that
/// changes while it is read may show one twice.
#[must_use]
pub fn best<'a>(name: &str, groups: &'a [ExistingGroup]) -> Vec<&'a ExistingGroup> {
    let mut all: Vec<&ExistingGroup> = Vec::new();
    for group in groups {
        if !all.iter().any(|known| known.group_ref.id == group.group_ref.id) {
            all.push(group);
        }
    }
    let has_exact = all.iter().any(|group| group.name.trim() == name.trim());
    all.retain(|group| !has_exact || group.name.trim() == name.trim());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, name: &str) -> ExistingGroup {
        serde_json::from_value(serde_json::json!({"id": id, "name": name})).unwrap()
    }

    #[test]
    fn an_exact_name_wins_and_no_group_counts_twice() {
        let mut groups = Vec::new();
        let ids = |groups: &[ExistingGroup]| {
            best("Sales", groups).into_iter().map(|group| group.group_ref.id.clone()).collect::<Vec<_>>().concat()
        };
        assert_eq!(ids(&groups), "");
        groups.extend([group("a", "SALES"), group("a", "SALES")]);
        assert_eq!(ids(&groups), "a");
        groups.push(group("b", "sales"));
        assert_eq!(ids(&groups), "ab");
        groups.push(group("c", "Sales"));
        assert_eq!(ids(&groups), "c");
        groups.push(group("d", " Sales"));
        assert_eq!(ids(&groups), "cd");
    }
}
