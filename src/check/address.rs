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
    let (mut ats, mut dots, mut before) = (0, 0, DOT);
    for byte in text.bytes() {
        let class = CLASSES[usize::from(byte)];
        if class != LETTER {
            if before != LETTER || class == NEITHER {
                return false;
            }
            (ats, dots) = if class == AT { (ats + 1, 0) } else { (ats, dots + 1) };
        }
        before = class;
    }
    ats == 1 && dots > 0 && before == LETTER && text.len() <= 64
}

const NEITHER: u8 = 0;
const LETTER: u8 = 1;
const AT: u8 = 2;
const DOT: u8 = 3;

/// What each byte is in the plainest addresses.
const CLASSES: [u8; 256] = {
    let mut classes = [NEITHER; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'@' => AT,
            b'.' => DOT,
            _ if byte.is_ascii_alphanumeric() => LETTER,
            _ => NEITHER,
        };
        byte += 1;
    }
    classes
};

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
