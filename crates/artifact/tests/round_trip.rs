//! What is saved comes back, and nothing that has changed does.

mod common;

use common::{Folder, centers, f64_tensor, manifest};
use ferrule_artifact::{Artifact, ArtifactError, Fault, kmeans, load, read, save};
use ferrule_base::Limits;
use serde_json::json;

fn load_default(path: &std::path::Path) -> Result<Artifact, ArtifactError> {
    load(path, &Limits::default())
}

#[test]
fn a_saved_model_loads_with_the_same_manifest_tensors_and_digest() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    let digest = save(&path, manifest(3, 2), centers(3, 2)).unwrap();
    let artifact = load_default(&path).unwrap();
    assert_eq!(artifact.manifest, manifest(3, 2));
    assert_eq!(artifact.tensors, centers(3, 2));
    assert_eq!(artifact.digest, digest);
    assert_eq!(artifact.created_at.len(), "2026-01-31T12:00:00Z".len());
    let model = kmeans::KMeans::new(&artifact.manifest, &artifact.tensors).unwrap();
    assert_eq!((model.n_clusters, model.n_features, model.scaler), (3, 2, None));
    assert_eq!(folder.names(), ["model.safetensors"]);
}

#[test]
fn equal_contents_have_equal_digests_and_another_parameter_another() {
    let folder = Folder::new();
    let digest = |name: &str, k| save(&folder.join(name), manifest(k, 2), centers(k, 2)).unwrap();
    assert_eq!(digest("a", 3), digest("b", 3));
    assert_ne!(digest("a", 3), digest("b", 4));
}

#[test]
fn any_flipped_bit_is_found() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    let mut scaled = manifest(2, 2);
    scaled.hyperparameters.insert("scaler.kind".into(), json!("standard"));
    let mut tensors = centers(2, 2);
    tensors.push(f64_tensor("scaler.shift", &[2], &[0.5, -0.0]));
    tensors.push(f64_tensor("scaler.scale", &[2], &[1.0, 2.0]));
    save(&path, scaled, tensors).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let limits = Limits::default();
    assert!(read(whole.as_slice(), whole.len() as u64, &limits).is_ok());
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[index] ^= 1 << bit;
            let result = read(bytes.as_slice(), bytes.len() as u64, &limits);
            assert!(result.is_err(), "bit {bit} of byte {index} may flip unseen");
        }
    }
}

#[test]
fn any_prefix_and_any_tail_is_found() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    save(&path, manifest(2, 2), centers(2, 2)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let limits = Limits::default();
    for length in 0..whole.len() {
        let prefix = &whole[..length];
        let fault = read(prefix, length as u64, &limits).unwrap_err();
        assert!(matches!(fault, Fault::Format(_)), "{length}: {fault}");
    }
    let longer = [whole.as_slice(), b"\0"].concat();
    assert!(read(longer.as_slice(), longer.len() as u64, &limits).is_err());
    assert!(matches!(read(longer.as_slice(), whole.len() as u64, &limits), Err(Fault::Changed)));
}
