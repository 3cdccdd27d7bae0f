//! API keys: `Authorization: Bearer KEY`, held as digests, compared in constant time.

use std::path::Path;

use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::ServerError;

/// Shortest key that is taken, bytes: 16 random bytes in hexadecimal.
const KEY_BYTES_MIN: usize = 32;
const KEYS_MAX: usize = 1024;

type KeyDigest = [u8; 32];

/// The digests of the keys that are let in.
pub(crate) struct Keys(Vec<KeyDigest>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

fn digest(key: &[u8]) -> KeyDigest {
    Sha256::digest(key).into()
}

impl Keys {
    /// Reads a file of keys: one a line; `#` begins a comment.
    ///
    /// # Errors
    /// [`ServerError`] for a file that cannot be read, has no key, or a key that is too short.
    pub(crate) fn read(path: &Path) -> Result<Self, ServerError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ServerError::File {
            what: "the API keys",
            path: shown.clone(),
            source,
        })?;
        let keys: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let hint = "write one key a line, such as the output of `openssl rand -hex 32`";
        if keys.is_empty() || keys.len() > KEYS_MAX {
            let count = keys.len();
            let what = format!("{shown} has {count} keys; expected 1 to {KEYS_MAX}");
            return Err(ServerError::config(what, hint));
        }
        if let Some(short) = keys.iter().position(|key| key.len() < KEY_BYTES_MIN) {
            let which = short.saturating_add(1);
            let what = format!("{shown}: key {which} is shorter than {KEY_BYTES_MIN} characters");
            return Err(ServerError::config(what, hint));
        }
        Ok(Self(keys.iter().map(|key| digest(key.as_bytes())).collect()))
    }

    /// Whether the request carries one of the keys. Every key is compared, in full.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, key)) = value.as_bytes().split_first_chunk::<7>() else { return false };
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return false;
        }
        let given = digest(key.trim_ascii());
        let equal =
            |known: &KeyDigest| known.iter().zip(given).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0;
        self.0.iter().fold(false, |found, known| found | equal(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_of_a_known_key_is_admitted() {
        let keys = Keys(vec![digest(b"first"), digest(b"second")]);
        let admits = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            keys.admit(&headers)
        };
        assert!(admits(&["Bearer first"]) && admits(&["bearer second"]));
        for refused in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer firs"],
            &["Bearer firstt"],
            &["Basic first"],
            &["first"],
            &["Bearer first", "Bearer second"],
        ] {
            assert!(!admits(refused), "{refused:?}");
        }
    }
}
