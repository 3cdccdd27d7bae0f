//! `grpc-timeout`: how long the caller waits.

use std::time::{Duration, Instant};

use http::HeaderMap;

use ferrule_base::ErrorCode;

use super::status::Status;

const HEADER: &str = "grpc-timeout";
const DIGITS_MAX: usize = 8;

/// When the call must have ended: by the caller's word, and never later than `longest` from its start.
pub(super) fn of(
    headers: &HeaderMap,
    started: Instant,
    longest: Duration,
) -> Result<Instant, Status> {
    let timeout = match headers.get(HEADER) {
        None => longest,
        Some(value) => parse(value.as_bytes())
            .ok_or_else(|| {
                let text = "grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n";
                Status::new(ErrorCode::InvalidArgument, text)
            })?
            .min(longest),
    };
    Ok(started.checked_add(timeout).unwrap_or(started))
}

/// Digits and a unit.
fn parse(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(count.checked_mul(3600)?)),
        b'M' => Some(Duration::from_secs(count.checked_mul(60)?)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn a_timeout_is_up_to_eight_digits_and_a_unit() {
        assert_eq!(parse(b"100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse(b"0n"), Some(Duration::ZERO));
        for bad in ["", "m", "5", "-5m", "+5m", "5 m", "123456789m", "5x", "1.5S"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
