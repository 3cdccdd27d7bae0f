//! The reader of artifacts: the whole way from bytes to a checked model.

use std::collections::BTreeMap;

use ferrule_artifact::{kmeans::KMeans, read};
use ferrule_base::{DType, Limits};
use ferrule_format::safetensors::{TensorSpec, layout};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::safetensors::json_end;
use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "artifact", seeds, words: WORDS, repair: Some(reseal), run };

const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\\\"",
    b"\\\\u0000",
    b"\\\"kind\\\":\\\"kmeans\\\"",
    b"\\\"format_version\\\":2",
    b"\\\"scaler.kind\\\":\\\"standard\\\"",
    b"\\\"scaler.kind\\\":\\\"minmax\\\"",
    b"\\\"scaler.clip\\\":true",
    b"\\\"scaler.feature_range\\\":[0,1]",
    b"\\\"feature_names\\\":[\\\"a\\\",\\\"b\\\"]",
    b"\\\"optional\\\":true",
    b"\"F32\"",
    b"\"F64\"",
    b"cluster_centers",
    b"scaler.shift",
    b"scaler.scale",
    b"\x00\x00\x00\x00\x00\x00\xf8\x7f",
    b"\x00\x00\x00\x00\x00\x00\xf0\xff",
    b"[[[[[[[[[[",
    b"{\\\"a\\\":{\\\"a\\\":",
    b"1e400",
    b"-0.0",
];

/// K-Means alone and behind each scaler, in both precisions.
fn seeds() -> Vec<Vec<u8>> {
    let plain = |dtype| sealed(&manifest(dtype, json!({"n_clusters": 2})), &centers(dtype));
    let scaled = |parameters: Value| {
        let mut tensors = centers(DType::Fp64);
        tensors.push(("scaler.scale", DType::Fp64, vec![3], f64s(&[1.0, 2.0, 0.5])));
        tensors.push(("scaler.shift", DType::Fp64, vec![3], f64s(&[0.0, -1.0, 3.0])));
        sealed(&manifest(DType::Fp64, parameters), &tensors)
    };
    let clip =
        json!({"scaler.kind": "minmax", "scaler.clip": true, "scaler.feature_range": [0, 1]});
    vec![
        plain(DType::Fp64),
        plain(DType::Fp32),
        scaled(json!({"scaler.kind": "standard"})),
        scaled(json!({"scaler.kind": "minmax", "scaler.clip": false})),
        scaled(clip),
    ]
}

/// (name, dtype, shape, little-endian bytes), in the order of the file
pub(super) type Tensor = (&'static str, DType, Vec<usize>, Vec<u8>);

fn f64s(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn centers(dtype: DType) -> Vec<Tensor> {
    vec![("cluster_centers", dtype, vec![2, 3], vec![0; 6 * dtype.size()])]
}

fn manifest(dtype: DType, hyperparameters: Value) -> String {
    json!({
        "format_version": 1,
        "kind": "kmeans",
        "hyperparameters": hyperparameters,
        "signature": {
            "inputs": [{"name": "X", "dtype": dtype, "shape": [-1, 3]}],
            "outputs": [
                {"name": "label", "dtype": "INT32", "shape": [-1]},
                {"name": "distances", "dtype": dtype, "shape": [-1, 2], "optional": true},
            ],
            "feature_names": ["a", "b", "c"],
        },
        "training": {"rows": 10, "inertia": 1.5},
        "metadata": {"note": "é\u{1}"},
        "versions": {"ferrule": "0.1.0"},
    })
    .to_string()
}

/// A file by the words of docs/reference/artifact-format.md, not by the writer under test.
pub(super) fn sealed(manifest: &str, tensors: &[Tensor]) -> Vec<u8> {
    let specs: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, _)| TensorSpec { name, dtype: *dtype, shape })
        .collect();
    let data: Vec<u8> = tensors.iter().flat_map(|(.., bytes)| bytes.clone()).collect();
    seal(manifest, &specs, &data).expect("seeds can be written")
}

fn seal(manifest: &str, specs: &[TensorSpec<'_>], data: &[u8]) -> Option<Vec<u8>> {
    let layout = layout(specs).ok()?;
    let hash = |parts: &[&[u8]]| {
        let digest = Sha256::digest(parts.join(&0));
        digest.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    };
    let digest = hash(&[manifest.as_bytes(), layout.tensors_json.as_bytes(), data]);
    let created_at = "2026-01-31T12:00:00Z".to_owned();
    let metadata = BTreeMap::from([
        ("ferrule.created_at_check".to_owned(), hash(&[digest.as_bytes(), created_at.as_bytes()])),
        ("ferrule.created_at".to_owned(), created_at),
        ("ferrule.digest".to_owned(), digest),
        ("ferrule.manifest".to_owned(), manifest.to_owned()),
    ]);
    Some([layout.head(&metadata).as_slice(), data].concat())
}

/// Takes a changed header by its word: the manifest and the tensors it names get their right form, length
/// and digest, so that only what they say can be wrong.
fn reseal(input: Vec<u8>) -> Vec<u8> {
    try_reseal(&input, |manifest, _| manifest).unwrap_or(input)
}

/// The same, with a manifest that `mend` mends for the tensors that there are.
pub(super) fn try_reseal(
    input: &[u8],
    mend: impl FnOnce(Value, &[TensorSpec<'_>]) -> Value,
) -> Option<Vec<u8>> {
    let end = json_end(input)?;
    let mut header: Map<String, Value> = serde_json::from_slice(input.get(8..end)?).ok()?;
    let metadata = header.remove("__metadata__")?;
    let manifest = metadata.get("ferrule.manifest")?.as_str()?;
    let shapes: Vec<(String, DType, Vec<usize>)> = header
        .iter()
        .map(|(name, entry)| {
            let dtype = DType::from_safetensors_name(entry.get("dtype")?.as_str()?)?;
            let sizes = entry.get("shape")?.as_array()?;
            let shape = sizes.iter().map(|size| size.as_u64().map(|size| size as usize));
            Some((name.clone(), dtype, shape.collect::<Option<_>>()?))
        })
        .collect::<Option<_>>()?;
    let specs: Vec<_> = shapes
        .iter()
        .map(|(name, dtype, shape)| TensorSpec { name, dtype: *dtype, shape })
        .collect();
    // Sorted keys and no white space where it is JSON at all.
    let manifest = match serde_json::from_str::<Value>(manifest) {
        Ok(value) => mend(value, &specs).to_string(),
        Err(_) => manifest.to_owned(),
    };
    let mut data = input.get(end..)?.to_vec();
    let needed = usize::try_from(layout(&specs).ok()?.data_bytes).ok()?;
    data.resize(needed.min(crate::mutate::BYTES_MAX), 0);
    seal(&manifest, &specs, &data)
}

fn run(input: &[u8]) -> Answer {
    Answer::new(read(input, input.len() as u64, &Limits::default()), |artifact| {
        if artifact.manifest.kind != ferrule_artifact::kmeans::KIND {
            return artifact.manifest.kind;
        }
        let model =
            KMeans::new(&artifact.manifest, &artifact.tensors).expect("read has checked it");
        format!("{} {:?}", artifact.manifest.kind, model.scaler.map(|scaler| scaler.kind))
    })
}
