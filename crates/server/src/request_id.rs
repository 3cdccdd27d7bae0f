//! Request ids: the caller's own where it is sane, else a fresh one.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request with these headers.
pub(crate) fn of(headers: &HeaderMap, bytes_max: usize) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|value| is_sane(value.as_bytes(), bytes_max));
    let mut id = given.cloned().unwrap_or_else(fresh);
    // No id comes twice: kept out of HTTP/2's header tables, it displaces nothing that does.
    id.set_sensitive(true);
    id
}

fn is_sane(id: &[u8], bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
}

/// 16 hexadecimal digits: a counter of this thread, from a random start, mixed so that neighbours
/// look unlike.
fn fresh() -> HeaderValue {
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(RandomState::new().hash_one("request id"));
    }
    let count = NEXT.with(|next| next.replace(next.get().wrapping_add(1)));
    let mut digits = [0; 16];
    let mut mixed = count.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for digit in &mut digits {
        mixed = mixed.rotate_left(4);
        let value = (mixed & 15) as u8;
        *digit = if value < 10 { b'0'.wrapping_add(value) } else { b'W'.wrapping_add(value) };
    }
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let id = |given: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(given).unwrap());
            of(&headers, 128)
        };
        assert_eq!(id(b"abc-1.2_3:4"), "abc-1.2_3:4");
        for bad in [&b""[..], b"a b", b"a\"b", b"\xc3\xa9", &[b'a'; 129]] {
            assert_ne!(id(bad).as_bytes(), bad);
            assert_eq!(id(bad).len(), 16);
        }
        assert_ne!(of(&HeaderMap::new(), 128), of(&HeaderMap::new(), 128));
    }
}
