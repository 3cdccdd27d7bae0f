//! What an artifact says about its model.

use std::collections::BTreeMap;

use ferrule_base::DType;
use ferrule_format::text::printable;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Fault, canonical};

/// The latest format version: what this build writes, and the last that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The name, dtype and shape of an input or an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// The name that requests and answers use.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Dimensions; -1 is any size.
    pub shape: Vec<i64>,
    /// Whether an output comes only on request, or an input may be left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What a model takes and gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// What a request must bring.
    pub inputs: Vec<TensorSpec>,
    /// What an answer may have.
    pub outputs: Vec<TensorSpec>,
    /// The columns of the first input, in their order, where the fit knew their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_names: Option<Vec<String>>,
}

/// What an artifact says about its model. All of it is under the digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the Ferrule that wrote it.
    pub format_version: u32,
    /// What kind of model it is, such as `kmeans`.
    pub kind: String,
    /// The model's parameters, and what its kind needs beside the tensors.
    pub hyperparameters: Map<String, Value>,
    /// What the model takes and gives.
    pub signature: Signature,
    /// Facts of the fit, such as rows, iterations and inertia.
    pub training: Map<String, Value>,
    /// The user's own.
    pub metadata: Map<String, Value>,
    /// Library names and versions.
    pub versions: BTreeMap<String, String>,
}

/// Bytes that the JSON tree of a manifest may take: bounds what a small file can make us allocate.
const TREE_BYTES_MAX: usize = 32 << 20;

impl Manifest {
    /// Reads a manifest's JSON text.
    ///
    /// # Errors
    /// [`Fault::NewerVersion`] for a later format, [`Fault::Manifest`] for anything else that is wrong.
    pub fn from_json(text: &str) -> Result<Self, Fault> {
        let size = tree_bytes(text);
        if size > TREE_BYTES_MAX {
            let detail = format!("it has too many values; at most {TREE_BYTES_MAX} bytes of them");
            return Err(Fault::Manifest { detail });
        }
        let version: VersionOnly = serde_json::from_str(text).map_err(invalid)?;
        if version.format_version > u64::from(FORMAT_VERSION) {
            return Err(Fault::NewerVersion {
                found: version.format_version,
                known: FORMAT_VERSION,
            });
        }
        if version.format_version == 0 {
            return Err(Fault::Manifest { detail: "format_version is 0; the first is 1".into() });
        }
        serde_json::from_str(text).map_err(invalid)
    }

    /// The canonical JSON text: sorted keys, no white space.
    ///
    /// # Errors
    /// [`Fault::Manifest`] where a value has no JSON form.
    pub fn to_json(&self) -> Result<String, Fault> {
        Ok(canonical::text(&serde_json::to_value(self).map_err(invalid)?))
    }
}

/// The one field that every version has, so that a later one is told before anything else is read.
#[derive(Deserialize)]
struct VersionOnly {
    format_version: u64,
}

fn invalid(error: serde_json::Error) -> Fault {
    Fault::Manifest { detail: printable(&error.to_string()) }
}

/// An upper bound on the memory of the values in a JSON `text`: each one follows a bracket or a
/// comma, and the first of an object or array costs a whole node of the map or vector.
fn tree_bytes(text: &str) -> usize {
    let cost = |byte| match byte {
        b'{' => 768,
        b'[' => 192,
        b',' => 96,
        _ => 0,
    };
    text.bytes().map(cost).fold(0, usize::saturating_add)
}
