//! The digest of an artifact and the check of its creation time.

use sha2::{Digest as _, Sha256};

/// A running digest: manifest text, 0, tensor table text, 0, data section. The texts are JSON and
/// so hold no 0 byte, which keeps their boundaries unambiguous.
pub(crate) struct ContentDigest(Sha256);

impl ContentDigest {
    pub(crate) fn new(manifest_json: &str, tensors_json: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(manifest_json);
        hash.update([0]);
        hash.update(tensors_json);
        hash.update([0]);
        Self(hash)
    }

    /// Takes in the next bytes of the data section.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        spell(self.0)
    }
}

/// What the file records beside its creation time: a hash over the digest, 0 and the time.
pub(crate) fn creation_check(digest: &str, created_at: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(digest);
    hash.update([0]);
    hash.update(created_at);
    spell(hash)
}

fn spell(hash: Sha256) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("sha256:");
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_sha_256_of_the_documented_bytes() {
        // printf '{}\0{}\0ab' | sha256sum
        let mut digest = ContentDigest::new("{}", "{}");
        digest.update(b"a");
        digest.update(b"b");
        let expected = spell(Sha256::new_with_prefix(b"{}\0{}\0ab"));
        assert_eq!(digest.finish(), expected);
        assert_eq!(
            spell(Sha256::new()),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
