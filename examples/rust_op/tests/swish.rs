//! A registered operation joins shapes, gradients, plans, saving and sharing of runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Once;

use ferrule_base::DType;
use ferrule_graph::definition::{Definition, Known, Weight, freeze};
use ferrule_graph::{
    Attribute, Fault, Graph, Op, Request, Session, Value, eager, gradients, is_rowwise, registered,
};
use ferrule_tensor::array::{Array, Shape};
use serde_json::json;

fn swish(beta: f64) -> Op {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| rust_op::register_all().unwrap());
    let attributes = BTreeMap::from([("beta".to_owned(), Attribute::Number(beta))]);
    Op::Registered { name: "example.swish".into(), version: 1, attributes }
}

fn array(values: &[f32]) -> Array {
    Array::from_slice(DType::Fp32, Shape::new(&[values.len(), 1]).unwrap(), values)
}

/// Swish of a placeholder of any number of rows.
fn graph() -> (Graph, Value, Value) {
    let mut graph = Graph::new();
    let shape = Some(vec![None, Some(1)]);
    let x = Value::of(graph.add(Op::Placeholder { dtype: DType::Fp32, shape }, &[], &[]).unwrap());
    let y = Value::of(graph.add(swish(1.5), &[x], &[]).unwrap());
    (graph, x, y)
}

fn run(graph: &Graph, fetch: Value, x: Value, given: &Array) -> Vec<f32> {
    let request = Request { fetches: vec![fetch], targets: vec![], feeds: vec![x] };
    let made = Session::new().run(graph, &request, std::slice::from_ref(given)).unwrap();
    made[0].as_slice::<f32>().to_vec()
}

fn reference(x: f64) -> f64 {
    x / (1.0 + (-1.5 * x).exp())
}

#[test]
fn it_computes_in_a_plan_and_at_once() {
    let (graph, x, y) = graph();
    let given = array(&[-2.0, 0.0, 3.0]);
    let planned = run(&graph, y, x, &given);
    let at_once = eager::apply(&swish(1.5), &[&eager::Tensor::new(given)], false).unwrap();
    assert_eq!(planned, at_once[0].array().as_slice::<f32>());
    for (y, x) in planned.iter().zip([-2.0, 0.0, 3.0]) {
        assert!((f64::from(*y) - reference(x)).abs() < 1e-6);
    }
    assert!(registered().contains(&("example.swish".to_owned(), 1)));
}

#[test]
fn its_gradient_is_the_slope() {
    let (mut graph, x, y) = graph();
    let by_x = gradients(&mut graph, &[y], &[], &[x]).unwrap()[0].unwrap();
    let points = [-2.0, -0.3, 0.0, 1.7];
    let found = run(&graph, by_x, x, &array(&points.map(|x| x as f32)));
    for (found, x) in found.iter().zip(points) {
        let slope = (reference(x + 1e-6) - reference(x - 1e-6)) / 2e-6;
        assert!((f64::from(*found) - slope).abs() < 1e-5, "{found} is not {slope}");
    }
}

#[test]
fn what_has_no_gradient_of_its_own_says_so() {
    let (mut graph, x, y) = graph();
    let by_x = gradients(&mut graph, &[y], &[], &[x]).unwrap()[0].unwrap();
    let error = gradients(&mut graph, &[by_x], &[], &[x]).unwrap_err();
    assert!(matches!(error.fault, Fault::NoGradient { .. }));
}

#[test]
fn a_definition_names_it_and_is_built_where_it_is_registered() {
    let (graph, x, y) = graph();
    let ports = |name: &str, value| vec![(name.to_owned(), value)];
    let frozen = freeze(&graph, &ports("x", x), &ports("y", y), &Known::default()).unwrap();
    let json = frozen.definition.to_json().unwrap();
    assert_eq!(json["nodes"][1]["name"], json!("example.swish"));
    let weights: HashMap<String, Array> = frozen.weights.into_iter().collect();
    let mut weight = |name: &str| weights.get(name).cloned().map(Weight::Array);
    let built = Definition::from_json(&json).unwrap().build(&mut weight).unwrap();
    let given = array(&[0.5, -1.0]);
    let (inputs, outputs) = (built.inputs[0].1, built.outputs[0].1);
    assert_eq!(run(&built.graph, outputs, inputs, &given), run(&graph, y, x, &given));
    assert!(is_rowwise(&built.graph, &[inputs], &[outputs]));
}

#[test]
fn a_definition_that_names_what_is_not_registered_is_refused() {
    let (graph, x, y) = graph();
    let ports = |name: &str, value| vec![(name.to_owned(), value)];
    let frozen = freeze(&graph, &ports("x", x), &ports("y", y), &Known::default()).unwrap();
    for (key, value) in [("name", json!("example.other")), ("version", json!(2))] {
        let mut json = frozen.definition.to_json().unwrap();
        json["nodes"][1][key] = value;
        let built = Definition::from_json(&json).unwrap().build(&mut |_| None);
        let error = built.unwrap_err();
        assert!(matches!(error.fault, Fault::NotRegistered { .. }), "{error}");
    }
    for (key, value) in [("name", json!("no\nname")), ("attributes", json!({"beta": "x"}))] {
        let mut json = frozen.definition.to_json().unwrap();
        json["nodes"][1][key] = value;
        let error = Definition::from_json(&json).unwrap().build(&mut |_| None).unwrap_err();
        assert!(matches!(error.fault, Fault::Operation { .. }), "{error}");
    }
}

#[test]
fn a_name_is_registered_once() {
    swish(1.0);
    assert!(rust_op::register_all().is_err());
}
