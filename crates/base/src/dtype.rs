//! Element types, with the names that each file format and protocol gives them.

use serde::{Deserialize, Serialize};

/// The type of one tensor element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "each variant is its own documentation")]
pub enum DType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}

/// (dtype, Open Inference Protocol name, safetensors name, bytes an element)
const TABLE: [(DType, &str, &str, usize); 14] = [
    (DType::Bool, "BOOL", "BOOL", 1),
    (DType::Uint8, "UINT8", "U8", 1),
    (DType::Uint16, "UINT16", "U16", 2),
    (DType::Uint32, "UINT32", "U32", 4),
    (DType::Uint64, "UINT64", "U64", 8),
    (DType::Int8, "INT8", "I8", 1),
    (DType::Int16, "INT16", "I16", 2),
    (DType::Int32, "INT32", "I32", 4),
    (DType::Int64, "INT64", "I64", 8),
    (DType::Fp16, "FP16", "F16", 2),
    (DType::Bf16, "BF16", "BF16", 2),
    (DType::Fp32, "FP32", "F32", 4),
    (DType::Fp64, "FP64", "F64", 8),
    (DType::Bytes, "BYTES", "", 0),
];

impl DType {
    fn row(self) -> &'static (DType, &'static str, &'static str, usize) {
        &TABLE[self as usize]
    }

    /// The Open Inference Protocol's name, such as `FP32`.
    pub fn oip_name(self) -> &'static str {
        self.row().1
    }

    /// The dtype that the Open Inference Protocol calls `name`.
    pub fn from_oip_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The safetensors name, such as `F32`; `None` for `BYTES`, which safetensors has not.
    pub fn safetensors_name(self) -> Option<&'static str> {
        Some(self.row().2).filter(|name| !name.is_empty())
    }

    /// The dtype that safetensors calls `name`.
    pub fn from_safetensors_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| !name.is_empty() && row.2 == name).map(|row| row.0)
    }

    /// Bytes an element takes; 0 for `BYTES`, whose elements vary.
    pub fn size(self) -> usize {
        self.row().3
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.oip_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_rows_stand_in_variant_order_and_names_round_trip() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(DType::from_oip_name(row.1), Some(row.0));
            if let Some(name) = row.0.safetensors_name() {
                assert_eq!(DType::from_safetensors_name(name), Some(row.0));
            }
        }
        assert_eq!(DType::from_safetensors_name(""), None);
    }
}
