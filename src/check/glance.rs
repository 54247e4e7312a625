//! What one quick pass over a text's bytes tells, so that most texts need no second one. Pure.

/// What a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    /// Whether it is ASCII.
    pub(super) is_ascii: bool,
    /// Whether a control character or an `&` may be in it: false is certain.
    pub(super) may_be_odd: bool,
}

impl Glance {
    /// Control characters are bytes below the space, DEL, or, in UTF-8, behind 0xC2.
    pub(super) fn of(text: &str) -> Self {
        let (mut all, mut may_be_odd) = (0, false);
        for byte in text.bytes() {
            all |= byte;
            // No shortcut within a pass, so that it takes many bytes at once.
            may_be_odd |= matches!(byte, 0..b' ' | b'&' | 0x7F | 0xC2);
        }
        Self { is_ascii: all < 0x80, may_be_odd }
    }
}

/// Whether digits stand here, and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text without outer spaces; mostly there are none.
pub(super) fn trimmed(text: &str) -> &str {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    if is_edge(text.as_bytes().first()) && is_edge(text.as_bytes().last()) { text } else { text.trim() }
}
