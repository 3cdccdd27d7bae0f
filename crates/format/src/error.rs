//! Why bytes are not a file of the format that they claim.

use ferrule_base::{Coded, ErrorCode};

use crate::text::shown;

/// A rule of a file format that the bytes break. Offsets and sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes end before what they announce.
    #[error("truncated: {part} needs {needed} bytes, {available} are there")]
    Truncated {
        /// What is cut off.
        part: &'static str,
        /// Bytes it needs.
        needed: u64,
        /// Bytes there are.
        available: u64,
    },
    /// The header is longer than the limit.
    #[error("the header claims {size} bytes; at most {max} are allowed")]
    HeaderTooLarge {
        /// What the length field says.
        size: u64,
        /// The most allowed.
        max: usize,
    },
    /// The header does not begin with `{`.
    #[error("not safetensors: the header must begin with '{{' and begins with byte {found:#04x}")]
    HeaderStart {
        /// The first byte of the header.
        found: u8,
    },
    /// The header is not UTF-8.
    #[error("the header is not UTF-8 from its byte {offset} on")]
    HeaderNotUtf8 {
        /// Where in the header.
        offset: usize,
    },
    /// The header is not the JSON that safetensors defines.
    #[error("the header is not a safetensors header: {detail}")]
    HeaderJson {
        /// What the JSON reader says, with line and column.
        detail: String,
    },
    /// A key stands twice in one JSON object.
    #[error("the header has the key {} twice", shown(.key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A limit on the header's contents is passed.
    #[error("the header has more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most allowed.
        max: usize,
    },
    /// A tensor's dtype is not one of ours.
    #[error("tensor {} has the unknown dtype {}", shown(.tensor), shown(.dtype))]
    UnknownDType {
        /// The tensor's name.
        tensor: String,
        /// What it says.
        dtype: String,
    },
    /// The product of a tensor's dimensions and its element size does not fit in 64 bits.
    #[error("tensor {} has a shape whose size overflows", shown(.tensor))]
    SizeOverflow {
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor's offsets enclose another number of bytes than its shape and dtype need.
    #[error(
        "tensor {} needs {needed} bytes for its shape and dtype, its offsets hold {held}",
        shown(.tensor)
    )]
    SizeMismatch {
        /// The tensor's name.
        tensor: String,
        /// Product of the shape times the element size.
        needed: u64,
        /// End less start.
        held: u64,
    },
    /// A tensor ends before it starts.
    #[error("tensor {} ends at {end}, before it starts at {start}", shown(.tensor))]
    OffsetsReversed {
        /// The tensor's name.
        tensor: String,
        /// First byte, in the data section.
        start: u64,
        /// Byte after the last.
        end: u64,
    },
    /// A tensor does not start where the one before it ends.
    #[error(
        "tensor {} starts at {start} where {expected} was expected: tensors must follow each \
         other with no hole and no overlap",
        shown(.tensor)
    )]
    NotContiguous {
        /// The tensor's name.
        tensor: String,
        /// Where it starts.
        start: u64,
        /// Where the tensor before it ends.
        expected: u64,
    },
    /// Bytes follow the last tensor.
    #[error("{count} bytes follow the last tensor; none may")]
    TrailingBytes {
        /// How many.
        count: u64,
    },
    /// A tensor given to the writer has another number of bytes than its shape and dtype need.
    #[error("tensor {} cannot be written: {detail}", shown(.tensor))]
    Unwritable {
        /// The tensor's name.
        tensor: String,
        /// Why.
        detail: String,
    },
}

impl Coded for FormatError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::HeaderTooLarge { .. } | Self::TooMany { .. } => ErrorCode::ResourceExhausted,
            Self::Unwritable { .. } => ErrorCode::InvalidArgument,
            _ => ErrorCode::DataLoss,
        }
    }
}
