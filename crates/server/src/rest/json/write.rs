//! Response bytes: strings escaped, numbers in their shortest form that reads back the same.

use ferrule_base::DType;

/// Appends `text` as a JSON string.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
        plain = at.saturating_add(1);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
    out.push(b'"');
}

/// Appends little-endian elements as numbers or truth values with commas between them.
///
/// Returns `false`, with `out` as far as it got, where a value has no JSON form: a NaN, an infinity
/// or a data type that is not a number.
#[must_use]
pub(crate) fn write_tensor_values(out: &mut Vec<u8>, dtype: DType, bytes: &[u8]) -> bool {
    match dtype {
        DType::Fp64 => write_each(out, bytes, |out, item| write_f64(out, f64::from_le_bytes(item))),
        DType::Fp32 => write_each(out, bytes, |out, item| write_f32(out, f32::from_le_bytes(item))),
        DType::Int32 => write_each(out, bytes, |out, item| {
            out.extend_from_slice(itoa::Buffer::new().format(i32::from_le_bytes(item)).as_bytes());
            true
        }),
        DType::Int64 => write_each(out, bytes, |out, item| {
            out.extend_from_slice(itoa::Buffer::new().format(i64::from_le_bytes(item)).as_bytes());
            true
        }),
        DType::Uint8 => write_each(out, bytes, |out, [item]: [u8; 1]| {
            out.extend_from_slice(itoa::Buffer::new().format(item).as_bytes());
            true
        }),
        DType::Bool => write_each(out, bytes, |out, [item]: [u8; 1]| {
            out.extend_from_slice(if item != 0 { b"true".as_slice() } else { b"false" });
            true
        }),
        _ => false,
    }
}

fn write_each<const SIZE: usize>(
    out: &mut Vec<u8>,
    bytes: &[u8],
    mut write: impl FnMut(&mut Vec<u8>, [u8; SIZE]) -> bool,
) -> bool {
    let (items, _) = bytes.as_chunks::<SIZE>();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        if !write(out, *item) {
            return false;
        }
    }
    true
}

fn write_f64(out: &mut Vec<u8>, value: f64) -> bool {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }
    value.is_finite()
}

fn write_f32(out: &mut Vec<u8>, value: f32) -> bool {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }
    value.is_finite()
}
