//! The kind `kmeans`: what its tensors and its manifest must say to each other.
//!
//! Tensors: `cluster_centers` [k, d], FP32 or FP64; behind a scaler also `scaler.shift` [d] and
//! `scaler.scale` [d], FP64. The hyper-parameter `scaler.kind` says how they apply to a row:
//! `standard`: `(x - shift) / scale`; `minmax`: `x * scale + shift`, and where `scaler.clip` is true
//! then cut to `scaler.feature_range`. Each step is rounded to the dtype of the centres.

use ferrule_base::DType;
use ferrule_format::text::shown;
use serde_json::Value;

use crate::{Fault, Manifest, Tensor, TensorSpec, tensor};

/// The manifest's `kind`.
pub const KIND: &str = "kmeans";
/// The name of the output with each row's cluster.
pub const LABEL: &str = "label";
/// The name of the output with each row's distance to each centre.
pub const DISTANCES: &str = "distances";

/// Cluster centres, row-major [k, d].
#[derive(Clone, Debug, PartialEq)]
pub enum Centers {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// How a scaler changes a value `x` of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalerKind {
    /// `(x - shift) / scale`.
    Standard,
    /// `x * scale + shift`, then cut to the range where there is one.
    MinMax {
        /// Lowest and highest value.
        clip: Option<(f64, f64)>,
    },
}

/// A scaler that rows pass before they meet the centres.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    /// How the columns' numbers apply.
    pub kind: ScalerKind,
    /// One number a column.
    pub shift: Vec<f64>,
    /// One number a column.
    pub scale: Vec<f64>,
}

/// A K-Means whose parts have been checked against each other: every number is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// Number of clusters, k.
    pub n_clusters: usize,
    /// Number of features, d.
    pub n_features: usize,
    /// The centres, [k, d].
    pub centers: Centers,
    /// What rows pass first.
    pub scaler: Option<Scaler>,
}

impl KMeans {
    /// The model in `tensors`, as `manifest` describes it.
    ///
    /// # Errors
    /// [`Fault::Model`] where a tensor is missing, too much or of another shape or dtype than the
    /// others or the signature say; [`Fault::NonFinite`] for a NaN or an infinity.
    pub fn new(manifest: &Manifest, tensors: &[Tensor]) -> Result<Self, Fault> {
        let Checked { n_clusters, n_features, centers, scaler } = check(manifest, tensors)?;
        let floats = |tensor: &Tensor| tensor.floats().map(Iterator::collect).unwrap_or_default();
        Ok(Self {
            n_clusters,
            n_features,
            centers: match centers.to_f32() {
                Some(values) => Centers::F32(values),
                None => Centers::F64(floats(centers)),
            },
            scaler: scaler.map(|(kind, shift, scale)| Scaler {
                kind,
                shift: floats(shift),
                scale: floats(scale),
            }),
        })
    }
}

/// The parts of a K-Means, checked against each other, where they lie.
pub(crate) struct Checked<'a> {
    n_clusters: usize,
    n_features: usize,
    centers: &'a Tensor,
    scaler: Option<(ScalerKind, &'a Tensor, &'a Tensor)>,
}

/// Holds `tensors` to `manifest` and to each other, without a copy of them.
pub(crate) fn check<'a>(manifest: &Manifest, tensors: &'a [Tensor]) -> Result<Checked<'a>, Fault> {
    let centers = required(tensors, "cluster_centers")?;
    let &[n_clusters, n_features] = centers.shape.as_slice() else {
        return Err(wrong(format!("cluster_centers must be [k, d], is {:?}", centers.shape)));
    };
    if n_clusters == 0 || n_features == 0 {
        return Err(wrong(format!(
            "cluster_centers must have a row and a column or more, is [{n_clusters}, {n_features}]"
        )));
    }
    if !matches!(centers.dtype, DType::Fp32 | DType::Fp64) {
        return Err(wrong(format!("cluster_centers must be FP32 or FP64, is {}", centers.dtype)));
    }
    check_finite(centers, centers.dtype)?;
    let scaler = scaler(manifest, tensors, n_features, centers.dtype)?;
    let known = if scaler.is_some() { 3 } else { 1 };
    if tensors.len() != known {
        return Err(wrong(format!("it has {} tensors; {known} are known", tensors.len())));
    }
    check_signature(manifest, centers.dtype, n_clusters, n_features)?;
    Ok(Checked { n_clusters, n_features, centers, scaler })
}

fn wrong(detail: String) -> Fault {
    Fault::Model { kind: KIND, detail }
}

fn required<'a>(tensors: &'a [Tensor], name: &str) -> Result<&'a Tensor, Fault> {
    tensor::find(tensors, name).ok_or_else(|| wrong(format!("it has no tensor {name:?}")))
}

/// Every value must be finite once it is rounded to `dtype`, in which the model computes.
fn check_finite(tensor: &Tensor, dtype: DType) -> Result<(), Fault> {
    let mut values = tensor.floats().into_iter().flatten().map(|value| rounded(value, dtype));
    match values.by_ref().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => Err(Fault::NonFinite { tensor: tensor.name.clone(), index, value }),
        None => Ok(()),
    }
}

fn rounded(value: f64, dtype: DType) -> f64 {
    if dtype == DType::Fp32 { f64::from(value as f32) } else { value }
}

fn scaler<'a>(
    manifest: &Manifest,
    tensors: &'a [Tensor],
    d: usize,
    dtype: DType,
) -> Result<Option<(ScalerKind, &'a Tensor, &'a Tensor)>, Fault> {
    let parameters = &manifest.hyperparameters;
    let kind = match parameters.get("scaler.kind").map(Value::as_str) {
        None => return Ok(None),
        Some(Some("standard")) => ScalerKind::Standard,
        Some(Some("minmax")) => ScalerKind::MinMax { clip: clip(manifest)? },
        Some(_) => {
            return Err(wrong("scaler.kind must be \"standard\" or \"minmax\"".into()));
        }
    };
    let shift = column_numbers(tensors, "scaler.shift", d, dtype)?;
    let scale = column_numbers(tensors, "scaler.scale", d, dtype)?;
    let mut scales = scale.floats().into_iter().flatten();
    if kind == ScalerKind::Standard && scales.any(|value| rounded(value, dtype) == 0.0) {
        return Err(wrong("scaler.scale has a 0, which a standard scaler divides by".into()));
    }
    Ok(Some((kind, shift, scale)))
}

fn clip(manifest: &Manifest) -> Result<Option<(f64, f64)>, Fault> {
    let parameters = &manifest.hyperparameters;
    match parameters.get("scaler.clip") {
        None | Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => {}
        Some(_) => return Err(wrong("scaler.clip must be true or false".into())),
    }
    let range = parameters.get("scaler.feature_range").and_then(Value::as_array);
    let bounds: Option<Vec<f64>> = range.and_then(|pair| pair.iter().map(Value::as_f64).collect());
    match bounds.as_deref() {
        Some(&[low, high]) if low < high => Ok(Some((low, high))),
        _ => Err(wrong("scaler.feature_range must be [low, high] with low < high".into())),
    }
}

fn column_numbers<'a>(
    tensors: &'a [Tensor],
    name: &str,
    d: usize,
    dtype: DType,
) -> Result<&'a Tensor, Fault> {
    let tensor = required(tensors, name)?;
    if tensor.shape != [d] || tensor.dtype != DType::Fp64 {
        return Err(wrong(format!(
            "{name} must be FP64 [{d}] for centres of {d} features, is {} {:?}",
            tensor.dtype, tensor.shape
        )));
    }
    check_finite(tensor, dtype)?;
    Ok(tensor)
}

/// The signature must be the one input and the outputs that a K-Means has; only the input's name is
/// free.
fn check_signature(manifest: &Manifest, dtype: DType, k: usize, d: usize) -> Result<(), Fault> {
    let signature = &manifest.signature;
    let [input] = signature.inputs.as_slice() else {
        return Err(wrong(format!(
            "it takes one input, the signature has {}",
            signature.inputs.len()
        )));
    };
    check_name(&input.name)?;
    let size = |n: usize| i64::try_from(n).map_err(|_| wrong(format!("{n} is beyond 63 bits")));
    let spec = |name: &str, dtype, shape, optional| TensorSpec {
        name: name.into(),
        dtype,
        shape,
        optional,
    };
    let expected_input = spec(&input.name, dtype, vec![-1, size(d)?], false);
    let expected_outputs = [
        spec(LABEL, DType::Int32, vec![-1], false),
        spec(DISTANCES, dtype, vec![-1, size(k)?], true),
    ];
    if *input != expected_input || signature.outputs != expected_outputs {
        return Err(wrong(format!(
            "centres [{k}, {d}] of {dtype} need the input {dtype} [-1, {d}] and the outputs label INT32 \
             [-1] and distances {dtype} [-1, {k}] (optional); the signature says otherwise"
        )));
    }
    check_feature_names(signature.feature_names.as_deref(), d)
}

fn check_feature_names(names: Option<&[String]>, d: usize) -> Result<(), Fault> {
    let Some(names) = names else { return Ok(()) };
    if names.len() != d {
        return Err(wrong(format!("it has {d} features and {} feature names", names.len())));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let name = pair.first().map(|name| shown(name)).unwrap_or_default();
            Err(wrong(format!("the feature name {name} stands twice")))
        }
        None => Ok(()),
    }
}

/// Longest input name, bytes.
const NAME_BYTES_MAX: usize = 128;

fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(wrong(format!(
            "the input name {} must have 1 to {NAME_BYTES_MAX} bytes and no control character",
            shown(name)
        )));
    }
    Ok(())
}
