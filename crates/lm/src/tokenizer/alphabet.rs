//! GPT-2's alphabet: each byte as one printable character, in which byte-level vocabularies are written.

/// The byte that a character stands for.
pub(super) fn byte_of(c: char) -> Option<u8> {
    match c as u32 {
        code @ (0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) => Some(code as u8),
        // The bytes that do not print follow in their order, from U+0100 on.
        code @ 0x100..=0x120 => Some((code - 0x100) as u8),
        code @ 0x121..=0x142 => Some((code - 0x121) as u8 + 0x7f),
        0x143 => Some(0xad),
        _ => None,
    }
}

/// Appends the bytes that `text` stands for; whether all of its characters are of the alphabet.
pub(super) fn decode(text: &str, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for c in text.chars() {
        let Some(byte) = byte_of(c) else {
            out.truncate(start);
            return false;
        };
        out.push(byte);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character() {
        let bytes: Vec<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        let mut sorted = bytes.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..=255).collect::<Vec<u8>>());
        for (c, byte) in [('Ġ', b' '), ('Ċ', b'\n'), ('ĉ', b'\t'), ('A', b'A'), ('Ń', 0xad)] {
            assert_eq!(byte_of(c), Some(byte));
        }
    }

    #[test]
    fn text_outside_the_alphabet_leaves_nothing() {
        let mut out = b"x".to_vec();
        assert!(!decode("Ġa中", &mut out));
        assert_eq!(out, b"x");
        assert!(decode("Ġa", &mut out));
        assert_eq!(out, b"x a");
    }
}
