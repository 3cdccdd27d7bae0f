//! A graph comes back from disk as it was, and a file that says otherwise is refused.

mod common;

use std::collections::{BTreeMap, HashMap};

use common::Folder;
use ferrule_artifact::graph::{GraphModel, parts};
use ferrule_artifact::{Manifest, Tensor, load, save};
use ferrule_base::{DType, Limits};
use ferrule_graph::definition::{Known, freeze};
use ferrule_graph::{Graph, Op, Value};
use ferrule_tensor::array::{Array, Shape};
use serde_json::{Map, json};

/// Rows of 3 by a weight [3, 40].
fn product() -> (Manifest, Vec<Tensor>) {
    let mut graph = Graph::new();
    let shape = Some(vec![None, Some(3)]);
    let x = graph.add(Op::Placeholder { dtype: DType::Fp64, shape }, &[], &[]).unwrap();
    let w = graph.add(Op::Variable { id: 0, dtype: DType::Fp64, shape: vec![3, 40] }, &[], &[]);
    let product = Op::MatMul { transpose_a: false, transpose_b: false };
    let y = graph.add(product, &[Value::of(x), Value::of(w.unwrap())], &[]).unwrap();
    let values: Vec<f64> = (0..120).map(f64::from).collect();
    let w = Array::from_slice(DType::Fp64, Shape::new(&[3, 40]).unwrap(), &values);
    let variables = HashMap::from([(0, ("w".to_owned(), w))]);
    let weights = Known { variables, ..Known::default() };
    let port = |name: &str, node| [(name.to_owned(), Value::of(node))];
    let frozen = freeze(&graph, &port("x", x), &port("y", y), &weights).unwrap();
    parts(frozen, Map::new(), Map::new(), BTreeMap::new()).unwrap()
}

#[test]
fn a_graph_comes_back_with_its_weights_and_its_signature() {
    let folder = Folder::new();
    let path = folder.join("model.safetensors");
    let (manifest, tensors) = product();
    assert_eq!(manifest.signature.outputs[0].shape, [-1, 40]);
    let digest = save(&path, manifest.clone(), tensors.clone()).unwrap();
    let model = GraphModel::new(load(&path, &Limits::default()).unwrap()).unwrap();
    assert_eq!((model.manifest, model.digest), (manifest, digest));
    let weight = model.built.graph.constant_of(Value::of(1)).unwrap();
    assert_eq!(weight.as_bytes(), tensors[0].bytes);
}

#[test]
fn definition_tensors_and_signature_must_fit_each_other() {
    type Change = fn(&mut Manifest, &mut Vec<Tensor>);
    let cases: [(Change, &str); 7] = [
        (|_, tensors| tensors[0].name = "v".into(), "no tensor \"w\""),
        (|_, tensors| tensors[0].shape = vec![4, 30], "do not fit"),
        (|_, tensors| tensors[0].dtype = DType::Int64, "must have one dtype"),
        (|_, tensors| tensors[0].dtype = DType::Uint64, "not supported"),
        (|manifest, _| manifest.signature.inputs[0].shape = vec![-1, 4], "the signature is not"),
        (|manifest, _| manifest.signature.outputs[0].optional = true, "the signature is not"),
        (
            |manifest, _| drop(manifest.hyperparameters.insert("more".into(), json!(1))),
            "hyper-parameters other than",
        ),
    ];
    let folder = Folder::new();
    for (change, says) in cases {
        let (mut manifest, mut tensors) = product();
        change(&mut manifest, &mut tensors);
        let error = save(&folder.join("model"), manifest, tensors).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(folder.names().is_empty());
    }
}

#[test]
fn an_input_of_unknown_rank_is_refused_with_what_to_do() {
    let mut graph = Graph::new();
    let op = Op::Placeholder { dtype: DType::Fp32, shape: None };
    let x = vec![("x".to_owned(), Value::of(graph.add(op, &[], &[]).unwrap()))];
    let frozen = freeze(&graph, &x, &x, &Known::default()).unwrap();
    let error = parts(frozen, Map::new(), Map::new(), BTreeMap::new()).unwrap_err().to_string();
    assert!(error.contains("give it a shape, such as [None, 4]"), "{error}");
}
