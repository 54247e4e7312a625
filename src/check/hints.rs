//! What an entry of a list that is none may be instead, and what to do then. Pure.

use super::address::is_address;
use super::doubt::is_failed;
use super::glance::is_number;

/// What else it may be, and what to do then.
pub(super) fn member_hint(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    let is_decimal = |text: &str| text.split(['.', ',']).all(is_number);
    let parts = |sign| lower.split_once(sign).filter(|(whole, part)| is_decimal(whole) && is_number(part));
    match (parts('.'), parts('e').or_else(|| lower.split_once("e+").filter(|(whole, _)| is_decimal(whole)))) {
        (Some((_, part)), _) if part.bytes().all(|byte| byte == b'0') && part.len() < 3 => {
            "; remove what is behind the point"
        }
        (Some((_, part)), _) if part.len() == 3 => "; write a number without a point for its thousands",
        (_, Some(_)) => "; the number was cut short (by a spreadsheet?): take all its digits from the source",
        _ if is_for_none(&lower) => FOR_NONE,
        _ if is_failed(&lower) => "; a formula failed there",
        _ if lower.contains(['、', '，', '；']) => "; part ids with `;`",
        _ if !lower.is_ascii() && lower.chars().all(char::is_numeric) => "; type plain digits",
        _ if lower.trim_matches('\'').split(['/', '+', '&', ':']).all(is_number) => {
            if lower.contains('\'') {
                "; remove the apostrophe"
            } else {
                "; part ids with `;`"
            }
        }
        _ if lower.trim_matches(['[', ']', '(', ')', '{', '}', '"', '#']).split(';').all(is_number) => {
            "; remove the signs around the number"
        }
        _ => "",
    }
}

/// The addresses of a text with a person's name before one, as mail programs write them: `Ada Lovelace <ada@b.example>`.
pub(super) fn with_display_name(text: &str) -> Option<Vec<&str>> {
    let (before, _) = text.split_once('<')?;
    let name = before.rsplit([';', ',', '|']).next().unwrap_or_default();
    let inner = text.split('<').skip(1).filter_map(|rest| Some(rest.split_once('>')?.0.trim()));
    let addresses: Vec<&str> = inner.filter(|address| is_address(address)).collect();
    ((!name.trim().is_empty() || before.contains('"')) && !addresses.is_empty()).then_some(addresses)
}

/// What else an entry that is no address may be, and what to do then.
pub(super) fn guest_hint(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    match () {
        () if is_for_none(&lower) => FOR_NONE,
        () if is_failed(&lower) => "; a formula failed there",
        () if lower.starts_with("mailto:") || (text.starts_with('<') && text.ends_with('>')) => {
            "; only the address itself belongs here"
        }
        () if is_address(text.trim_end_matches('.')) => "; remove the dot at its end",
        () if lower.contains("(at)") || lower.contains("[at]") => "; write @",
        () if lower.contains(['、', '，', '；', '＠']) => "; type plain signs: `@`, and `;` between addresses",
        () => "",
    }
}

/// What people write where there is nothing.
fn is_for_none(lower: &str) -> bool {
    matches!(lower, "-" | "none" | "n/a" | "null" | "nil")
}

const FOR_NONE: &str = "; leave the cell empty where there are none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_number_is_told_with_the_way_back() {
        for (text, part) in [
            ("1001.0", "behind the point"),
            ("1.001", "thousands"),
            ("12.345", "thousands"),
            ("1.5E+12", "cut short"),
            ("1E3", "cut short"),
            ("'1001", "apostrophe"),
            ("1001/1002", "part ids"),
            ("#7", "signs"),
            ("[1001", "signs"),
            ("n/a", "empty"),
            ("#N/A", "formula"),
            ("４６９４", "plain digits"),
            ("2592、5129", "part ids"),
        ] {
            assert!(member_hint(text).contains(part), "{text}: {}", member_hint(text));
        }
        for text in ["abc", "1.5", "-1", "", "7a", "1e"] {
            assert_eq!(member_hint(text), "", "{text}");
        }
    }

    #[test]
    fn a_name_beside_an_address_is_told_from_an_address() {
        assert_eq!(
            with_display_name("Ada L. <ada@b.example>; B <b@b.example>"),
            Some(vec!["ada@b.example", "b@b.example"])
        );
        assert_eq!(with_display_name("\"L, Ada\" <ada@b.example>"), Some(vec!["ada@b.example"]));
        for text in ["<ada@b.example>", "a@b.example; <ada@b.example>", "a < b", "Ada <nobody>"] {
            assert_eq!(with_display_name(text), None, "{text}");
        }
    }
}
