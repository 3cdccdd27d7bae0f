//! An artifact's bytes: one file for given contents and creation time.

use std::collections::BTreeMap;

use ferrule_format::safetensors::{self, Layout, TensorSpec};

use crate::digest::{ContentDigest, creation_check};
use crate::{Fault, Tensor};

/// The keys that an artifact has under `__metadata__`, and no others.
pub(crate) const MANIFEST: &str = "ferrule.manifest";
pub(crate) const DIGEST: &str = "ferrule.digest";
pub(crate) const CREATED_AT: &str = "ferrule.created_at";
pub(crate) const CREATED_AT_CHECK: &str = "ferrule.created_at_check";

/// How `tensors` lie in a file.
pub(crate) fn layout(tensors: &[Tensor]) -> Result<Layout, Fault> {
    let specs: Vec<_> = tensors
        .iter()
        .map(|tensor| TensorSpec { name: &tensor.name, dtype: tensor.dtype, shape: &tensor.shape })
        .collect();
    Ok(safetensors::layout(&specs)?)
}

/// The tensors in the order of the file.
pub(crate) fn in_order<'a>(
    layout: &'a Layout,
    tensors: &'a [Tensor],
) -> impl Iterator<Item = &'a Tensor> {
    layout.order.iter().filter_map(|&index| tensors.get(index))
}

/// The digest over `manifest_json` and `tensors`.
pub(crate) fn digest(manifest_json: &str, layout: &Layout, tensors: &[Tensor]) -> String {
    let mut digest = ContentDigest::new(manifest_json, &layout.tensors_json);
    for tensor in in_order(layout, tensors) {
        digest.update(&tensor.bytes);
    }
    digest.finish()
}

/// Everything in front of the data section.
pub(crate) fn head(
    manifest_json: &str,
    layout: &Layout,
    digest: &str,
    created_at: &str,
) -> Vec<u8> {
    let check = creation_check(digest, created_at);
    let entries = [
        (MANIFEST, manifest_json),
        (DIGEST, digest),
        (CREATED_AT, created_at),
        (CREATED_AT_CHECK, &check),
    ];
    let entries = entries.map(|(key, value)| (key.to_owned(), value.to_owned()));
    layout.head(&BTreeMap::from(entries))
}
