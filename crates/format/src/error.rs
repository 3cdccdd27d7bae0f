//! Why bytes are not a file of the format that they claim.

use ferrule_base::{BlockKind, Coded, ErrorCode};

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
    /// The bytes end before what they announce, as those of a download that was cut off do.
    #[error("the file ends {missing} bytes early, within {part}: download or copy it again")]
    EndsEarly {
        /// What is cut off.
        part: &'static str,
        /// How many bytes of it are not there.
        missing: u64,
    },
    /// The first bytes are not GGUF's.
    #[error("not a GGUF file: {found}")]
    NotGguf {
        /// What the first bytes say.
        found: String,
    },
    /// A GGUF file whose numbers have their most significant byte first.
    #[error("a big-endian GGUF file; convert it with llama.cpp's gguf_convert_endian.py")]
    BigEndian,
    /// A GGUF file of another version.
    #[error(
        "GGUF version {version}; 2 and 3 are read: convert an older model again, or upgrade ferrule \
         for a newer one"
    )]
    GgufVersion {
        /// What the file says.
        version: u32,
    },
    /// A text is not UTF-8.
    #[error("{part} is not UTF-8")]
    NotUtf8 {
        /// What it should be.
        part: &'static str,
    },
    /// A name is longer than any of a model.
    #[error("{part} has {size} bytes; at most {max} are allowed")]
    NameTooLong {
        /// What it names.
        part: &'static str,
        /// Its bytes.
        size: usize,
        /// The most allowed.
        max: usize,
    },
    /// The value of a key has a type that the format does not define.
    #[error("the key {} has a value of the unknown type {number}", shown(.key))]
    UnknownValueType {
        /// The key.
        key: String,
        /// The type's number.
        number: u32,
    },
    /// The value of a key is an array of arrays, which no model has.
    #[error("the key {} has an array of arrays, which is not read", shown(.key))]
    NestedArray {
        /// The key.
        key: String,
    },
    /// A truth value is neither 0 nor 1.
    #[error("the key {} has the truth value {byte}; expected 0 or 1", shown(.key))]
    NotABool {
        /// The key.
        key: String,
        /// What is there.
        byte: u8,
    },
    /// What the offsets of tensors must be multiples of is no such number.
    #[error("general.alignment is {found}; expected a power of two")]
    Alignment {
        /// What is there.
        found: String,
    },
    /// Two tensors have one name.
    #[error("the tensor {} stands twice", shown(.tensor))]
    DuplicateTensor {
        /// The name.
        tensor: String,
    },
    /// A tensor has no elements, or more than can be counted.
    #[error("tensor {} has a dimension of {size}", shown(.tensor))]
    Dimension {
        /// The tensor's name.
        tensor: String,
        /// The dimension.
        size: u64,
    },
    /// A tensor's weights are stored in a way that is not read here.
    #[error(
        "tensor {} is stored as {kind}, which is not supported: get the model as Q4_K_M, Q8_0 or F16, \
         or convert it with llama-quantize",
        shown(.tensor)
    )]
    UnsupportedKind {
        /// The tensor's name.
        tensor: String,
        /// The kind's name.
        kind: String,
    },
    /// The rows of a tensor are not whole blocks.
    #[error(
        "tensor {} has rows of {columns} weights, and {kind} stores blocks of {block}",
        shown(.tensor)
    )]
    PartialBlock {
        /// The tensor's name.
        tensor: String,
        /// How it is stored.
        kind: BlockKind,
        /// Weights of a row.
        columns: usize,
        /// Weights of a block.
        block: usize,
    },
    /// The text is not the JSON of an index of safetensors files.
    #[error("not an index of safetensors files: {detail}")]
    IndexJson {
        /// What the JSON reader says, with line and column.
        detail: String,
    },
    /// An index names a file that does not lie beside it.
    #[error(
        "tensor {} lies in the file {}; expected the name of a .safetensors file beside the index",
        shown(.tensor),
        shown(.file)
    )]
    ShardName {
        /// The tensor's name.
        tensor: String,
        /// What the index says.
        file: String,
    },
    /// A number in the header of a llama2.c file is one that cannot be.
    #[error("not a llama2.c file: {field} is {value} in its header; expected {expected}")]
    Llama2cHeader {
        /// What the number says.
        field: &'static str,
        /// The number.
        value: i32,
        /// What it may be.
        expected: &'static str,
    },
    /// A llama2.c file of a later layout than the first.
    #[error(
        "llama2.c file of version {version}; only version 0 is read: export it with --version 0"
    )]
    Llama2cVersion {
        /// What the file says.
        version: u32,
    },
    /// A token of a llama2.c tokenizer has a length below 0.
    #[error("token {token} has {length} bytes")]
    TokenLength {
        /// The token.
        token: usize,
        /// What the file says.
        length: i32,
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
            Self::Unwritable { .. } | Self::NotGguf { .. } | Self::Llama2cHeader { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::BigEndian
            | Self::GgufVersion { .. }
            | Self::UnsupportedKind { .. }
            | Self::Llama2cVersion { .. } => ErrorCode::Unimplemented,
            _ => ErrorCode::DataLoss,
        }
    }
}
