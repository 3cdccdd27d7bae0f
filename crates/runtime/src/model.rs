//! What every model can do, and the closed table of kinds.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use ferrule_artifact::{Manifest, Signature, TensorSpec};
use ferrule_base::Limits;

use crate::{InputTensor, OutputTensor, RequestError, RuntimeError, graph, kmeans};

/// A model in memory.
pub trait Model: Send + Sync + Debug {
    /// What its artifact says.
    fn manifest(&self) -> &Manifest;

    /// The artifact's digest.
    fn digest(&self) -> &str;

    /// Predicts. The outputs come in the signature's order.
    ///
    /// # Errors
    /// [`RequestError`] for inputs that do not fit the signature.
    fn predict(
        &self,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
    ) -> Result<Vec<OutputTensor>, RequestError>;

    /// About how many multiply-adds a byte of input costs: what tells a microsecond's request
    /// from one that would hold up others.
    fn cost_per_byte(&self) -> usize;

    /// How many rows a request has, where it may share a run with others: its inputs fit the signature,
    /// and each row of the outputs depends on that row of the inputs alone. Requests share one by
    /// having their inputs, of one name, dtype and size of a row each, joined along the first axis.
    fn joinable_rows(&self, inputs: &[InputTensor<'_>]) -> Option<usize> {
        let _ = inputs;
        None
    }

    /// Whether requests go through a line of their own, by what they cost, where those that wait may
    /// share a run: see [`joinable_rows`](Self::joinable_rows).
    fn is_queued(&self) -> bool {
        false
    }

    /// What the model takes and gives.
    fn signature(&self) -> &Signature {
        &self.manifest().signature
    }
}

/// Which outputs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted(u64);

impl Wanted {
    /// The outputs that come unasked.
    pub fn defaults(signature: &Signature) -> Self {
        let bits = signature.outputs.iter().take(64).enumerate();
        Self(bits.filter(|(_, spec)| !spec.optional).fold(0, |set, (index, _)| set | (1 << index)))
    }

    /// The outputs called `names`; the defaults where there are none.
    ///
    /// # Errors
    /// [`RequestError`] for a name that is unknown or stands twice.
    pub fn named<'a>(
        signature: &Signature,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, RequestError> {
        let mut set = 0u64;
        for name in names {
            let index = signature.outputs.iter().take(64).position(|spec| spec.name == name);
            let Some(index) = index else {
                let expected = names_of(&signature.outputs);
                return Err(RequestError::UnknownOutput { name: name.to_owned(), expected });
            };
            if set & (1 << index) != 0 {
                return Err(RequestError::DuplicateOutput { name: name.to_owned() });
            }
            set |= 1 << index;
        }
        Ok(if set == 0 { Self::defaults(signature) } else { Self(set) })
    }

    /// Whether the output at `index` of the signature is wanted.
    pub fn has(self, index: usize) -> bool {
        index < 64 && self.0 & (1 << index) != 0
    }
}

/// Names for a message, such as `"label", "distances"`.
pub(crate) fn names_of(specs: &[TensorSpec]) -> String {
    let names: Vec<String> = specs.iter().map(|spec| format!("{:?}", spec.name)).collect();
    names.join(", ")
}

/// Reads the artifact at `path` and makes the model it holds.
///
/// # Errors
/// [`RuntimeError::Artifact`] where the file is not an artifact, is damaged, or is of a kind that is
/// not known.
pub fn open(path: &Path, limits: &Limits) -> Result<Arc<dyn Model>, RuntimeError> {
    let artifact = ferrule_artifact::load(path, limits)?;
    Ok(match artifact.manifest.kind.as_str() {
        ferrule_artifact::graph::KIND => graph::open(artifact, limits)?,
        _ => kmeans::open(artifact, limits)?,
    })
}
