//! A small K-Means to save, and folders to save it in.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ferrule_artifact::{Manifest, Tensor};
use ferrule_base::DType;
use serde_json::json;

/// A folder of its own, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ferrule-artifact-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn manifest(k: usize, d: usize) -> Manifest {
    let value = json!({
        "format_version": 1,
        "kind": "kmeans",
        "hyperparameters": {"n_clusters": k, "tol": 1e-4},
        "signature": {
            "inputs": [{"name": "X", "dtype": "FP64", "shape": [-1, d]}],
            "outputs": [
                {"name": "label", "dtype": "INT32", "shape": [-1]},
                {"name": "distances", "dtype": "FP64", "shape": [-1, k], "optional": true},
            ],
        },
        "training": {"rows": 100, "inertia": 1.25, "n_iter": 7},
        "metadata": {"owner": "été", "note": "line\u{1f}"},
        "versions": {"ferrule": "0.1.0"},
    });
    serde_json::from_value(value).unwrap()
}

pub(crate) fn f64_tensor(name: &str, shape: &[usize], values: &[f64]) -> Tensor {
    Tensor {
        name: name.into(),
        dtype: DType::Fp64,
        shape: shape.into(),
        bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

/// Centres 0, 1, 2, … and what scaler there may be.
pub(crate) fn centers(k: usize, d: usize) -> Vec<Tensor> {
    let values: Vec<f64> = (0..k * d).map(|value| value as f64).collect();
    vec![f64_tensor("cluster_centers", &[k, d], &values)]
}
