//! K-Means: the nearest centre of each row, and on request the distances to all of them.

use std::borrow::Cow;
use std::sync::Arc;

use ferrule_artifact::kmeans::{Centers, KMeans, Scaler, ScalerKind};
use ferrule_artifact::{Artifact, Fault, Manifest};
use ferrule_base::{DType, Limits};
use ferrule_tensor::{Assigner, Isa, MatrixView, Scratch};

use crate::matrix::{Matrix, read_matrix};
use crate::tensor::Element;
use crate::{InputTensor, Model, OutputTensor, RequestError, Wanted};

/// Positions of the outputs in the signature, which the artifact holds to this order.
const LABEL: usize = 0;
const DISTANCES: usize = 1;

#[derive(Debug)]
struct Facts {
    manifest: Manifest,
    digest: String,
    scaler: Option<Scaler>,
    limits: Limits,
}

struct KMeansModel<T> {
    facts: Facts,
    assigner: Assigner<T>,
}

impl<T> std::fmt::Debug for KMeansModel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KMeansModel").field("digest", &self.facts.digest).finish_non_exhaustive()
    }
}

/// Makes the model that `artifact` holds.
pub(crate) fn open(artifact: Artifact, limits: &Limits) -> Result<Arc<dyn Model>, Fault> {
    let KMeans { n_clusters, n_features, centers, scaler } =
        KMeans::new(&artifact.manifest, &artifact.tensors)?;
    let Artifact { manifest, digest, .. } = artifact;
    let facts = Facts { manifest, digest, scaler, limits: limits.clone() };
    let isa = Isa::detect();
    Ok(match centers {
        Centers::F32(values) => {
            let assigner = Assigner::new(&values, n_clusters, n_features, isa);
            Arc::new(KMeansModel { facts, assigner })
        }
        Centers::F64(values) => {
            let assigner = Assigner::new(&values, n_clusters, n_features, isa);
            Arc::new(KMeansModel { facts, assigner })
        }
    })
}

impl<T: Element> Model for KMeansModel<T> {
    fn manifest(&self) -> &Manifest {
        &self.facts.manifest
    }

    fn digest(&self) -> &str {
        &self.facts.digest
    }

    fn cost_per_byte(&self) -> usize {
        self.assigner.n_clusters().div_ceil(T::DTYPE.size())
    }

    fn predict(
        &self,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
    ) -> Result<Vec<OutputTensor>, RequestError> {
        let limits = &self.facts.limits;
        let mut x = read_matrix::<T>(self.signature(), inputs, limits)?;
        self.check_size(x.rows, wanted)?;
        if let Some(scaler) = &self.facts.scaler {
            scale(scaler, &mut x);
        }
        // `read_matrix` gives rows × cols elements, so that the view is never refused.
        let Some(view) = MatrixView::contiguous(&x.values, x.rows, x.cols) else {
            return Ok(Vec::new());
        };
        let mut outputs = Vec::with_capacity(2);
        if wanted.has(LABEL) {
            outputs.push(self.labels(view));
        }
        if wanted.has(DISTANCES) {
            outputs.push(self.distances(view));
        }
        Ok(outputs)
    }
}

impl<T: Element> KMeansModel<T> {
    fn check_size(&self, rows: usize, wanted: Wanted) -> Result<(), RequestError> {
        let max = self.facts.limits.elements_max;
        if wanted.has(DISTANCES) && rows.saturating_mul(self.assigner.n_clusters()) > max {
            return Err(RequestError::OutputTooLarge { output: "distances".to_owned(), max });
        }
        Ok(())
    }

    fn labels(&self, x: MatrixView<'_, T>) -> OutputTensor {
        let mut labels = vec![0i32; x.rows()];
        let mut scratch = Scratch::default();
        self.assigner.assign(x, 0..x.rows(), &mut labels, None, &mut scratch);
        let mut bytes = Vec::with_capacity(labels.len().saturating_mul(size_of::<i32>()));
        bytes.extend(labels.iter().flat_map(|label| label.to_le_bytes()));
        OutputTensor { index: LABEL, dtype: DType::Int32, shape: vec![size(x.rows())], bytes }
    }

    fn distances(&self, x: MatrixView<'_, T>) -> OutputTensor {
        let clusters = self.assigner.n_clusters();
        let mut distances = vec![T::from_f64(0.0); x.rows().saturating_mul(clusters)];
        let mut scratch = Scratch::default();
        self.assigner.squared_distances(x, 0..x.rows(), &mut distances, &mut scratch);
        for value in &mut distances {
            *value = T::from_f64(value.to_f64().sqrt());
        }
        let mut bytes = Vec::with_capacity(size_of_val(distances.as_slice()));
        T::append_le(&distances, &mut bytes);
        let shape = vec![size(x.rows()), size(clusters)];
        OutputTensor { index: DISTANCES, dtype: T::DTYPE, shape, bytes }
    }
}

/// A length as protocols write it; lengths are within `elements_max`.
fn size(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Applies a scaler, each step computed in FP64 and rounded to `T`, as scikit-learn does.
fn scale<T: Element>(scaler: &Scaler, x: &mut Matrix<'_, T>) {
    let cols = x.cols.max(1);
    let values = match &mut x.values {
        Cow::Owned(values) => values,
        borrowed => borrowed.to_mut(),
    };
    for row in values.chunks_exact_mut(cols) {
        for ((value, shift), scale) in row.iter_mut().zip(&scaler.shift).zip(&scaler.scale) {
            *value = scaled(scaler.kind, *value, *shift, *scale);
        }
    }
}

fn scaled<T: Element>(kind: ScalerKind, value: T, shift: f64, scale: f64) -> T {
    match kind {
        ScalerKind::Standard => {
            let centred = T::from_f64(value.to_f64() - shift);
            T::from_f64(centred.to_f64() / scale)
        }
        ScalerKind::MinMax { clip } => {
            let product = T::from_f64(value.to_f64() * scale);
            let sum = T::from_f64(product.to_f64() + shift);
            match clip {
                Some((low, high)) => T::from_f64(sum.to_f64().clamp(low, high)),
                None => sum,
            }
        }
    }
}
