//! The numbers of one tensor: from JSON lists straight into little-endian bytes.

use ferrule_base::DType;

use super::json::{Cursor, Element, Excerpt, Fault};

/// Calls a function that is generic over [`Element`] with the element type of a [`DType`]; `None`
/// for a data type that JSON numbers are not read into.
macro_rules! with_element {
    ($dtype:expr, $function:ident ( $($argument:expr),* )) => {
        match $dtype {
            DType::Fp64 => Some($function::<f64>($($argument),*)),
            DType::Fp32 => Some($function::<f32>($($argument),*)),
            DType::Int8 => Some($function::<i8>($($argument),*)),
            DType::Int16 => Some($function::<i16>($($argument),*)),
            DType::Int32 => Some($function::<i32>($($argument),*)),
            DType::Int64 => Some($function::<i64>($($argument),*)),
            DType::Uint8 => Some($function::<u8>($($argument),*)),
            DType::Uint16 => Some($function::<u16>($($argument),*)),
            DType::Uint32 => Some($function::<u32>($($argument),*)),
            DType::Uint64 => Some($function::<u64>($($argument),*)),
            DType::Bool => Some($function::<crate::rest::json::Truth>($($argument),*)),
            DType::Fp16 | DType::Bf16 | DType::Bytes => None,
        }
    };
}
pub(crate) use with_element;

/// Reads the `data` of a tensor, flat or nested as its shape says, in row-major order.
///
/// `count` is the product of `shape`, checked by the caller.
///
/// # Errors
/// [`Fault`] where the lists do not have the shape or an item is not a number of this data type.
pub(crate) fn read_tensor(
    cursor: &mut Cursor<'_>,
    dtype: DType,
    shape: &[i64],
    count: usize,
) -> Result<Vec<u8>, Fault> {
    with_element!(dtype, read_elements(cursor, shape, count)).unwrap_or_else(|| {
        Err(Fault::new(format!("{dtype} has no JSON form here; send numbers, or binary data")))
    })
}

fn read_elements<T: Element>(
    cursor: &mut Cursor<'_>,
    shape: &[i64],
    count: usize,
) -> Result<Vec<u8>, Fault> {
    // An element takes at least a byte of text, so a shape cannot make us reserve much more than
    // the body holds.
    let reserved = count.min(cursor.remaining());
    let mut bytes = Vec::with_capacity(reserved.saturating_mul(size_of::<T>()));
    let nested = shape.len() > 1 && cursor.opens_nested_array();
    let dimensions = if nested { shape } else { &[i64::try_from(count).unwrap_or(i64::MAX)] };
    read_level::<T>(cursor, dimensions, &mut bytes)?;
    Ok(bytes)
}

/// Reads one level of nested lists; the depth of the recursion is the tensor's rank.
fn read_level<T: Element>(
    cursor: &mut Cursor<'_>,
    dimensions: &[i64],
    bytes: &mut Vec<u8>,
) -> Result<(), Fault> {
    let Some((&length, inner)) = dimensions.split_first() else {
        return read_number::<T>(cursor, bytes);
    };
    let expected = usize::try_from(length).unwrap_or_default();
    let got = cursor.array("an array", |cursor, index| {
        if index >= expected {
            return Err(Fault::new(format!("expected {expected} items (see `shape`), got more")));
        }
        if inner.is_empty() {
            read_number::<T>(cursor, bytes)
        } else {
            read_level::<T>(cursor, inner, bytes)
        }
    })?;
    if got < expected {
        return Err(Fault::new(format!("expected {expected} items (see `shape`), got {got}")));
    }
    Ok(())
}

/// Reads one number, or truth value, of type `T` and appends its bytes.
#[inline]
pub(crate) fn read_number<T: Element>(
    cursor: &mut Cursor<'_>,
    bytes: &mut Vec<u8>,
) -> Result<(), Fault> {
    if T::DTYPE == DType::Bool {
        bytes.push(u8::from(cursor.bool("true or false")?));
        return Ok(());
    }
    let number = cursor.number("a number")?;
    match T::from_number(&number) {
        Some(value) => {
            value.append_to(bytes);
            Ok(())
        }
        None => Err(out_of_range(T::DTYPE, number.text())),
    }
}

#[cold]
fn out_of_range(dtype: DType, text: &str) -> Fault {
    let wanted = match dtype {
        DType::Fp64 | DType::Fp32 => "a finite",
        _ => "a whole number in the range of",
    };
    Fault::new(format!("expected {wanted} {dtype}, got {}", Excerpt(text)))
}
