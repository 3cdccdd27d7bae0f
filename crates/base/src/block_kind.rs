//! How weights are stored: single floats, or blocks of a few bits a weight with scales of their own.

/// A kind of stored weights, as GGUF numbers them (ggml's `ggml-common.h`). A block is the least unit;
/// floats are blocks of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant is the name that everyone gives the kind")]
#[allow(non_camel_case_types, reason = "so are they written")]
pub enum BlockKind {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
}

/// (kind, name, GGUF's number, weights a block, bytes a block)
const TABLE: [(BlockKind, &str, u32, usize, usize); 13] = [
    (BlockKind::F32, "F32", 0, 1, 4),
    (BlockKind::F16, "F16", 1, 1, 2),
    (BlockKind::BF16, "BF16", 30, 1, 2),
    (BlockKind::Q4_0, "Q4_0", 2, 32, 18),
    (BlockKind::Q4_1, "Q4_1", 3, 32, 20),
    (BlockKind::Q5_0, "Q5_0", 6, 32, 22),
    (BlockKind::Q5_1, "Q5_1", 7, 32, 24),
    (BlockKind::Q8_0, "Q8_0", 8, 32, 34),
    (BlockKind::Q2_K, "Q2_K", 10, 256, 84),
    (BlockKind::Q3_K, "Q3_K", 11, 256, 110),
    (BlockKind::Q4_K, "Q4_K", 12, 256, 144),
    (BlockKind::Q5_K, "Q5_K", 13, 256, 176),
    (BlockKind::Q6_K, "Q6_K", 14, 256, 210),
];

impl BlockKind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (BlockKind, &'static str, u32, usize, usize) {
        &TABLE[self as usize]
    }

    /// The name in GGUF's world, such as `Q4_K`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The kind that GGUF numbers `number`; `None` for kinds that are not read here.
    pub fn from_gguf(number: u32) -> Option<Self> {
        TABLE.iter().find(|row| row.2 == number).map(|row| row.0)
    }

    /// Weights a block.
    pub fn block_len(self) -> usize {
        self.row().3
    }

    /// Bytes a block.
    pub fn block_bytes(self) -> usize {
        self.row().4
    }

    /// Bytes of `len` weights; `None` where they do not fill whole blocks or the size overflows.
    pub fn bytes_of(self, len: usize) -> Option<usize> {
        let whole = len.is_multiple_of(self.block_len());
        (len / self.block_len()).checked_mul(self.block_bytes()).filter(|_| whole)
    }
}

impl std::fmt::Display for BlockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::BlockKind;

    #[test]
    fn kinds_stand_in_the_table_where_they_are_looked_up() {
        for (place, kind) in BlockKind::all().enumerate() {
            assert_eq!(kind as usize, place, "{kind}");
        }
    }

    #[test]
    fn bytes_are_of_whole_blocks_only() {
        assert_eq!(BlockKind::Q4_1.bytes_of(64), Some(40));
        assert_eq!(BlockKind::Q4_K.bytes_of(128), None);
        assert_eq!(BlockKind::F32.bytes_of(usize::MAX), None);
    }
}
