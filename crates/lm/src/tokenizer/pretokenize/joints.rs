//! Splitting text wherever no token reaches across, which byte-pair encoding cannot notice.

/// The pairs of bytes that stand side by side in some token.
pub(in crate::tokenizer) struct Joints {
    /// A bit for each second byte, by the first.
    pairs: Box<[[u64; 4]; 256]>,
}

impl std::fmt::Debug for Joints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs: u32 = self.pairs.iter().flatten().map(|bits| bits.count_ones()).sum();
        write!(f, "Joints({pairs} pairs)")
    }
}

impl Default for Joints {
    fn default() -> Self {
        Self { pairs: Box::new([[0; 4]; 256]) }
    }
}

impl Joints {
    /// Adds the pairs within `token`.
    pub(in crate::tokenizer) fn add(&mut self, token: &[u8]) {
        for (&first, &second) in token.iter().zip(token.iter().skip(1)) {
            // Most are known by now, and reading does not hold up the next.
            if !self.holds(first, second) {
                self.pairs[first as usize][second as usize >> 6] |= 1 << (second & 63);
            }
        }
    }

    fn holds(&self, first: u8, second: u8) -> bool {
        self.pairs[first as usize][second as usize >> 6] >> (second & 63) & 1 != 0
    }

    /// Where the first word of `text` ends.
    pub(super) fn piece(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let cut = |&(&first, &second): &(&u8, &u8)| {
            // A byte of 0b10xx_xxxx goes on with a character.
            second & 0xc0 != 0x80 && !self.holds(first, second)
        };
        bytes
            .iter()
            .zip(bytes.iter().skip(1))
            .position(|pair| cut(&pair))
            .map_or(text.len(), |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Split;
    use super::*;

    #[test]
    fn text_is_cut_where_no_token_reaches_across() {
        let mut joints = Joints::default();
        for token in [" ab", "> <", "éa"] {
            joints.add(token.as_bytes());
        }
        let split = Split::Joints(joints);
        let words: Vec<&str> = split.words(" abba> < >éaé12").collect();
        assert_eq!(words, [" ab", "b", "a", "> <", " ", ">", "éa", "é", "1", "2"]);
    }
}
