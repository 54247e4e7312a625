//! Explains each problem and how to fix it: one paragraph per code, in `explain.md`.

use crate::model::Code;

const PAGE: &str = include_str!("explain.md");

/// The paragraph for a code, ready to print.
pub fn explanation(code: Code) -> String {
    let word = code.as_ref();
    let sections = PAGE.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let text = sections.filter(|(title, _)| *title == word).map(|(_, text)| text.trim()).next().unwrap_or_default();
    format!("{word}\n\n{text}\n")
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_code_has_a_paragraph_and_every_paragraph_a_code() {
        for code in Code::VARIANTS {
            assert!(explanation(*code).len() > 120, "{}", code.as_ref());
        }
        let titles = PAGE.split("\n## ").skip(1).map(|section| section.lines().next().unwrap());
        assert_eq!(titles.collect::<Vec<_>>(), Code::VARIANTS.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    }
}
