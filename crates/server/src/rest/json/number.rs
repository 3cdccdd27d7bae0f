//! Decimal text to binary numbers, correctly rounded.

use ferrule_base::DType;

/// A number as it stands in the text, and its decimal digits where they fit 64 bits.
#[derive(Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a str,
    negative: bool,
    /// The digits, without the point, and the power of ten they stand at; `None` beyond 19 digits.
    decimal: Option<(u64, i32)>,
    /// Whether neither a point nor an exponent is in it.
    whole: bool,
}

/// Most decimal digits that always fit a `u64`.
const DIGITS_MAX: usize = 19;

impl<'a> Number<'a> {
    /// Reads JSON's `number` rule at `start`; the number and where it ends, or `None`.
    #[inline]
    pub(super) fn scan(text: &'a str, start: usize) -> Option<(Self, usize)> {
        let bytes = text.as_bytes().get(start..)?;
        let negative = bytes.first() == Some(&b'-');
        let digits = if negative { bytes.get(1..)? } else { bytes };
        let mut mantissa = 0u64;
        let (mut digit_count, mut rest) = take_digits(digits, &mut mantissa);
        let leading_zero = digits.first() == Some(&b'0');
        if digit_count == 0 || (leading_zero && digit_count > 1) {
            return None;
        }
        let mut exponent = 0i32;
        let mut whole = true;
        if let [b'.', fraction @ ..] = rest {
            let places;
            (places, rest) = take_digits(fraction, &mut mantissa);
            if places == 0 {
                return None;
            }
            digit_count = digit_count.saturating_add(places);
            exponent = i32::try_from(places).map_or(i32::MIN, i32::wrapping_neg);
            whole = false;
        }
        if let [b'e' | b'E', written @ ..] = rest {
            let power;
            (power, rest) = take_exponent(written)?;
            exponent = exponent.saturating_add(power);
            whole = false;
        }
        let end = text.len().checked_sub(rest.len())?;
        let decimal = (digit_count <= DIGITS_MAX).then_some((mantissa, exponent));
        Some((Self { text: text.get(start..end)?, negative, decimal, whole }, end))
    }

    /// The number as it was written.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }
}

/// Adds the digits that `bytes` begin with to `mantissa` (wrapping: the caller counts); returns how
/// many they are and what follows.
#[inline]
fn take_digits<'a>(bytes: &'a [u8], mantissa: &mut u64) -> (usize, &'a [u8]) {
    let mut count = 0usize;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        count = count.saturating_add(1);
    }
    (count, bytes.get(count..).unwrap_or_default())
}

/// The signed exponent that `bytes` begin with, clamped to what `i32` holds, and what follows.
fn take_exponent(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut size = 0u64;
    let (count, rest) = take_digits(digits, &mut size);
    let size = if count > DIGITS_MAX { u64::MAX } else { size };
    let size = i32::try_from(size).unwrap_or(i32::MAX);
    (count > 0).then_some((if negative { size.saturating_neg() } else { size }, rest))
}

/// A tensor element that JSON numbers are read into.
pub(crate) trait Element: Copy {
    /// Its data type.
    const DTYPE: DType;
    /// The nearest value; `None` where that is infinite or, for an integer, not a whole number in
    /// range.
    fn from_number(number: &Number<'_>) -> Option<Self>;
    /// Appends its little-endian bytes.
    fn append_to(self, bytes: &mut Vec<u8>);
}

/// A truth value: a tensor element that no number is read into.
#[derive(Clone, Copy)]
pub(crate) struct Truth(bool);

impl Element for Truth {
    const DTYPE: DType = DType::Bool;

    fn from_number(_: &Number<'_>) -> Option<Self> {
        None
    }

    fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.0));
    }
}

macro_rules! float_element {
    ($float:ty, $dtype:expr, $mantissa_max:expr, $powers:expr) => {
        impl Element for $float {
            const DTYPE: DType = $dtype;

            /// Where the digits and the power of ten are both exact, one rounding is left, so one
            /// multiplication or division is correctly rounded (Clinger 1990); else the standard
            /// library's parser decides.
            #[inline]
            fn from_number(number: &Number<'_>) -> Option<Self> {
                const POWERS: &[$float] = &$powers;
                if let Some((mantissa, exponent)) = number.decimal {
                    let power = POWERS.get(exponent.unsigned_abs() as usize);
                    if let Some(power) = power.filter(|_| mantissa <= $mantissa_max) {
                        let digits = mantissa as $float;
                        let size = if exponent < 0 { digits / power } else { digits * power };
                        return Some(if number.negative { -size } else { size });
                    }
                }
                number.text.parse().ok().filter(|value: &$float| value.is_finite())
            }

            #[inline]
            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    };
}

float_element!(
    f64,
    DType::Fp64,
    1 << 53,
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22
    ]
);
float_element!(f32, DType::Fp32, 1 << 24, [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10]);

macro_rules! integer_element {
    ($($integer:ty => $dtype:expr),*) => {$(
        impl Element for $integer {
            const DTYPE: DType = $dtype;

            #[inline]
            fn from_number(number: &Number<'_>) -> Option<Self> {
                if number.whole { number.text.parse().ok() } else { None }
            }

            #[inline]
            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

integer_element!(
    u8 => DType::Uint8, u16 => DType::Uint16, u32 => DType::Uint32, u64 => DType::Uint64,
    i8 => DType::Int8, i16 => DType::Int16, i32 => DType::Int32, i64 => DType::Int64
);
