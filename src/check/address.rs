//! What an e-mail address is: the crate's word, by its strict options. Pure.

use email_address::{EmailAddress, Options};

/// Whether this is a bare address at a domain with a dot.
pub(super) fn is_address(text: &str) -> bool {
    is_plain(text) || is_strict(text)
}

fn is_strict(text: &str) -> bool {
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(text, options).is_ok()
}

/// The plainest addresses, as most are, are told at a glance: letters, digits and single dots, short of every bound.
fn is_plain(text: &str) -> bool {
    let (mut ats, mut dots, mut before) = (0, 0, b'.');
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => before = byte,
            b'@' if before != b'.' => (ats, dots, before) = (ats + 1, 0, b'.'),
            b'.' if before != b'.' => (dots, before) = (dots + 1, b'.'),
            _ => return false,
        }
    }
    ats == 1 && dots > 0 && before != b'.' && text.len() <= 64
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn what_is_told_at_a_glance_is_what_the_crate_says() {
        let pieces = ["a", "B7", ".", "@", "-", "example", ".com", "x@y.z"];
        let mut plain = 0;
        for seed in 0..20_000 {
            let mut random = StdRng::seed_from_u64(seed);
            let count = random.random_range(1..9);
            let text: String = (0..count).map(|_| pieces[random.random_range(0..pieces.len())]).collect();
            plain += u32::from(is_plain(&text));
            assert!(!is_plain(&text) || is_strict(&text), "{text}");
        }
        assert!(plain > 500, "{plain}");
        assert!(is_plain("ada.lovelace1@partner.example.com"));
        let long = format!("{}@b.example", "a".repeat(65));
        assert!(!is_address(&long) && !is_plain(&long));
    }
}
