//! A save refuses what a load would refuse, and writes nothing.

mod common;

use common::{Folder, centers, f64_tensor, manifest};
use ferrule_artifact::kmeans::{KMeans, ScalerKind};
use ferrule_artifact::{Manifest, Tensor, load, save};
use ferrule_base::{Coded, ErrorCode, Limits};
use serde_json::json;

/// The code and the text, without the path, of a save that must fail.
fn refused(manifest: Manifest, tensors: Vec<Tensor>) -> (ErrorCode, String) {
    let folder = Folder::new();
    let error = save(&folder.join("model"), manifest, tensors).unwrap_err();
    assert!(folder.names().is_empty());
    assert_eq!(error.to_string(), format!("{}: {}", error.path().display(), error.fault()));
    (error.code(), error.fault().to_string())
}

fn scaled(parameters: serde_json::Value, shift: f64, scale: f64) -> (Manifest, Vec<Tensor>) {
    let mut manifest = manifest(2, 1);
    manifest.hyperparameters.extend(parameters.as_object().unwrap().clone());
    let mut tensors = centers(2, 1);
    tensors.push(f64_tensor("scaler.shift", &[1], &[shift]));
    tensors.push(f64_tensor("scaler.scale", &[1], &[scale]));
    (manifest, tensors)
}

#[test]
fn a_model_that_is_none_is_not_saved() {
    let nan = vec![f64_tensor("cluster_centers", &[2, 1], &[0.0, f64::NAN])];
    let (code, text) = refused(manifest(2, 1), nan);
    assert_eq!(code, ErrorCode::InvalidArgument);
    assert!(text.contains("NaN at element 1"), "{text}");

    let (_, text) = refused(manifest(3, 1), centers(2, 1));
    assert!(text.contains("the signature says otherwise"), "{text}");

    let unknown = Manifest { kind: "forest".into(), ..manifest(2, 1) };
    let (code, text) = refused(unknown, centers(2, 1));
    assert_eq!(code, ErrorCode::Unimplemented);
    assert!(text.contains("unknown kind \"forest\"; this Ferrule knows kmeans"), "{text}");

    let later = Manifest { format_version: 2, ..manifest(2, 1) };
    assert!(refused(later, centers(2, 1)).1.contains("newer Ferrule"));
}

#[test]
fn a_scaler_comes_back_as_it_was_and_a_wrong_one_is_refused() {
    let folder = Folder::new();
    let minmax =
        json!({"scaler.kind": "minmax", "scaler.clip": true, "scaler.feature_range": [-1, 2.5]});
    let cases = [
        (json!({"scaler.kind": "standard"}), ScalerKind::Standard),
        (minmax, ScalerKind::MinMax { clip: Some((-1.0, 2.5)) }),
        (json!({"scaler.kind": "minmax"}), ScalerKind::MinMax { clip: None }),
    ];
    for (parameters, kind) in cases {
        let (manifest, tensors) = scaled(parameters.clone(), 0.5, 2.0);
        save(&folder.join("model"), manifest, tensors).unwrap();
        let artifact = load(&folder.join("model"), &Limits::default()).unwrap();
        let model = KMeans::new(&artifact.manifest, &artifact.tensors).unwrap();
        let scaler = model.scaler.unwrap();
        assert_eq!((scaler.kind, scaler.shift, scaler.scale), (kind, vec![0.5], vec![2.0]));
    }
    let (manifest, tensors) = scaled(json!({"scaler.kind": "standard"}), 0.0, 0.0);
    assert!(refused(manifest, tensors).1.contains("has a 0"));
}

#[test]
fn a_scaler_that_single_precision_cannot_hold_is_refused() {
    for (shift, scale, text) in [(0.0, 1e-60, "has a 0"), (1e60, 1.0, "inf at element 0")] {
        let (mut manifest, mut tensors) = scaled(json!({"scaler.kind": "standard"}), shift, scale);
        manifest.signature.inputs[0].dtype = ferrule_base::DType::Fp32;
        manifest.signature.outputs[1].dtype = ferrule_base::DType::Fp32;
        tensors[0].dtype = ferrule_base::DType::Fp32;
        tensors[0].bytes = vec![0; 8];
        let (_, found) = refused(manifest, tensors);
        assert!(found.contains(text), "{found}");
    }
}
