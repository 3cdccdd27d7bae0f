//! The texts hold together: JSON parses, names and widths are the model's.

use std::collections::BTreeMap;

use ferrule_artifact::{FORMAT_VERSION, Manifest, Signature, TensorSpec};
use ferrule_base::DType;
use serde_json::{Map, Value};

use super::{SchemaKind, schema};

fn manifest(feature_names: Option<Vec<String>>) -> Manifest {
    let spec = |name: &str, dtype, shape: &[i64], optional| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
        optional,
    };
    Manifest {
        format_version: FORMAT_VERSION,
        kind: "kmeans".to_owned(),
        hyperparameters: Map::new(),
        signature: Signature {
            inputs: vec![spec("X", DType::Fp64, &[-1, 2], false)],
            outputs: vec![
                spec("label", DType::Int32, &[-1], false),
                spec("distances", DType::Fp64, &[-1, 3], true),
            ],
            feature_names,
        },
        training: Map::new(),
        metadata: Map::new(),
        versions: BTreeMap::new(),
    }
}

/// The text between a line that is "```{language}" and the next fence.
fn block<'a>(text: &'a str, language: &str, index: usize) -> &'a str {
    let fence = format!("```{language}\n");
    text.split(&fence).nth(index + 1).unwrap().split("\n```").next().unwrap()
}

#[test]
fn the_example_requests_are_json_of_the_models_width() {
    let text = schema("iris", &manifest(None), SchemaKind::Example);
    let predict: Value = serde_json::from_str(block(&text, "json", 0)).unwrap();
    assert_eq!(predict["instances"][0].as_array().unwrap().len(), 2);
    let infer: Value = serde_json::from_str(block(&text, "json", 1)).unwrap();
    assert_eq!(infer["inputs"][0]["shape"], serde_json::json!([1, 2]));
    assert_eq!(infer["inputs"][0]["datatype"], "FP64");
    assert!(block(&text, "sh", 0).contains("/v1/models/iris:predict"));
    assert!(block(&text, "python", 0).contains("[[0.5, 1.5]]"));
    assert!(block(&text, "go", 0).contains("{{0.5, 1.5}}"));
}

#[test]
fn features_with_names_are_sent_by_name() {
    let names = Some(vec!["a".to_owned(), "b".to_owned()]);
    let text = schema("iris", &manifest(names), SchemaKind::Example);
    let predict: Value = serde_json::from_str(block(&text, "json", 0)).unwrap();
    assert_eq!(predict["instances"][0], serde_json::json!({ "a": 0.5, "b": 1.5 }));
}

#[test]
fn the_proto_names_the_tensors_and_defines_the_service() {
    let text = schema("iris", &manifest(None), SchemaKind::Proto);
    assert!(text.contains("//   input `X`: FP64 [-1, 2]\n"), "{text}");
    assert!(text.contains("//   output `distances`: FP64 [-1, 3], on request\n"), "{text}");
    assert!(text.contains("service Predictor {"), "{text}");
}

#[test]
fn the_openapi_document_refers_only_to_schemas_that_it_has() {
    let text = schema("iris", &manifest(None), SchemaKind::OpenApi);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["paths"]["/v2/models/iris/infer"]["post"].is_object());
    let mut references = 0;
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
        references += 1;
    }
    assert!(references > 20);
}

#[test]
fn an_unknown_kind_is_refused_with_the_known_ones() {
    let error = "xml".parse::<SchemaKind>().unwrap_err();
    assert_eq!(error, "expected `openapi`, `proto` or `example`, got `xml`");
}

#[test]
fn a_model_of_tensors_is_asked_by_infer_alone() {
    let spec = |name: &str, dtype, shape: &[i64]| TensorSpec {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
        optional: false,
    };
    let mut manifest = manifest(None);
    manifest.signature.inputs =
        vec![spec("ids", DType::Int64, &[1, 3]), spec("mask", DType::Bool, &[-1])];
    let text = schema("words", &manifest, SchemaKind::Example);
    let infer: Value = serde_json::from_str(block(&text, "json", 0)).unwrap();
    assert_eq!(infer["inputs"][0]["data"], serde_json::json!([0, 1, 2]));
    assert_eq!(infer["inputs"][1]["data"], serde_json::json!([true]));
    assert!(!text.contains(":predict"));

    let openapi = schema("words", &manifest, SchemaKind::OpenApi);
    let openapi: Value = serde_json::from_str(&openapi).unwrap();
    let paths = openapi["paths"].as_object().unwrap();
    assert!(paths.contains_key("/v2/models/words/infer"));
    assert!(!paths.contains_key("/v1/models/words:predict"));
}

#[test]
fn a_model_of_several_inputs_is_asked_by_rows_that_name_them() {
    let spec = |name: &str, shape: &[i64]| TensorSpec {
        name: name.to_owned(),
        dtype: DType::Fp32,
        shape: shape.to_vec(),
        optional: false,
    };
    let mut manifest = manifest(None);
    manifest.signature.inputs = vec![spec("image", &[-1, 2, 2]), spec("scale", &[-1])];
    let openapi = schema("words", &manifest, SchemaKind::OpenApi);
    let openapi: Value = serde_json::from_str(&openapi).unwrap();
    assert!(openapi["paths"].as_object().unwrap().contains_key("/v1/models/words:predict"));
    let request = &openapi["components"]["schemas"]["words.PredictRequest"];
    let row = &request["properties"]["instances"]["items"]["anyOf"][0];
    assert_eq!(row["required"], serde_json::json!(["image", "scale"]));
}
