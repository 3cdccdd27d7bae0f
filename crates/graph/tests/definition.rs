//! What is written down of a graph gives the same bits, and what is wrong is refused.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ferrule_base::DType;
use ferrule_graph::definition::{Built, Definition, Frozen, Known, Weight, freeze};
use ferrule_graph::{Fault, Graph, Op, Plan, Request, Session, Subgraph, Value, Variables, until};
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Random, Reduction, Unary};
use serde_json::{Value as Json, json};

const PRODUCT: Op = Op::MatMul { transpose_a: false, transpose_b: false };

fn array(shape: &[usize], from: impl Fn(usize) -> f32) -> Array {
    let shape = Shape::new(shape).unwrap();
    let values: Vec<f32> = (0..shape.elements()).map(from).collect();
    Array::from_slice(DType::Fp32, shape, &values)
}

fn add(graph: &mut Graph, op: Op, inputs: &[Value]) -> Value {
    Value::of(graph.add(op, inputs, &[]).unwrap())
}

fn placeholder(graph: &mut Graph, shape: &[Option<usize>]) -> Value {
    add(graph, Op::Placeholder { dtype: DType::Fp32, shape: Some(shape.to_vec()) }, &[])
}

/// tanh(x w + b) summed over a table of constants, and a variable that is not needed.
fn layer() -> (Graph, Value, Value, Known) {
    let mut graph = Graph::new();
    let unused = Op::Variable { id: 9, dtype: DType::Fp32, shape: vec![2] };
    add(&mut graph, unused, &[]);
    let x = placeholder(&mut graph, &[None, Some(9)]);
    let w = add(&mut graph, Op::Variable { id: 0, dtype: DType::Fp32, shape: vec![9, 9] }, &[]);
    let table = graph.constant(array(&[9, 9], |place| place as f32 / 7.0)).unwrap();
    let same = add(&mut graph, Op::Identity, &[w]);
    let y = add(&mut graph, PRODUCT, &[x, same]);
    let y = add(&mut graph, Op::Unary { f: Unary::Tanh }, &[y]);
    let y = add(&mut graph, PRODUCT, &[y, Value::of(table)]);
    let w = ("layer/w".to_owned(), array(&[9, 9], |place| (place as f32).sin()));
    let weights = Known { variables: HashMap::from([(0, w)]), ..Known::default() };
    (graph, x, y, weights)
}

fn rebuilt(frozen: &Frozen) -> Built {
    let json = frozen.definition.to_json().unwrap();
    let arrays: HashMap<&str, &Array> =
        frozen.weights.iter().map(|(name, array)| (name.as_str(), array)).collect();
    let definition = Definition::from_json(&json).unwrap();
    assert_eq!(definition, frozen.definition);
    definition.build(&mut |name| arrays.get(name).map(|&one| Weight::Array(one.clone()))).unwrap()
}

fn run(built: &Built, feeds: &[Array]) -> Vec<Array> {
    let values = |named: &[(String, Value)]| named.iter().map(|one| one.1).collect();
    let (fetches, fed) = (values(&built.outputs), values(&built.inputs));
    let request = Request { fetches, targets: vec![], feeds: fed };
    Session::new().run(&built.graph, &request, feeds).unwrap()
}

fn named(name: &str, value: Value) -> Vec<(String, Value)> {
    vec![(name.to_owned(), value)]
}

#[test]
fn a_graph_that_was_written_down_gives_the_bits_of_the_one_in_use() {
    let (graph, x, y, weights) = layer();
    let frozen = freeze(&graph, &named("x", x), &named("y", y), &weights).unwrap();
    let names: Vec<&str> = frozen.weights.iter().map(|weight| weight.0.as_str()).collect();
    assert_eq!(names, ["layer/w", "constant_1"]);

    let rows = array(&[5, 9], |place| (place as f32).cos());
    let mut session = Session::new();
    session.variables.set(0, weights.variables[&0].1.clone());
    let request = Request { fetches: vec![y], targets: vec![], feeds: vec![x] };
    let expected = session.run(&graph, &request, std::slice::from_ref(&rows)).unwrap();
    let found = run(&rebuilt(&frozen), &[rows]);
    assert_eq!(found[0].as_bytes(), expected[0].as_bytes());
}

#[test]
fn a_placeholder_that_is_known_is_a_weight() {
    let (graph, x, y, mut weights) = layer();
    let rows = array(&[5, 9], |place| (place as f32).cos());
    weights.placeholders.insert(x.node, ("captured".to_owned(), rows));
    let frozen = freeze(&graph, &[], &named("y", y), &weights).unwrap();
    assert_eq!(frozen.weights[0].0, "captured");
    assert_eq!(run(&rebuilt(&frozen), &[])[0].shape()[..], [5, 9]);
}

#[test]
fn a_value_in_the_middle_may_be_the_input() {
    let (graph, _, y, weights) = layer();
    let middle = graph.node(y.node).unwrap().inputs[0];
    let frozen = freeze(&graph, &named("h", middle), &named("y", y), &weights).unwrap();
    assert_eq!(frozen.weights.len(), 1, "the layer before it is left out");
    let built = rebuilt(&frozen);
    let rows = array(&[2, 9], |place| place as f32);
    assert_eq!(run(&built, &[rows])[0].shape()[..], [2, 9]);
}

/// x + 1 while the sum of x is below 100.
fn counting() -> (Graph, Value, Value) {
    let step = |end: fn(&mut Graph, Value) -> Value| {
        let mut graph = Graph::new();
        let x = placeholder(&mut graph, &[None]);
        let y = end(&mut graph, x);
        Subgraph { graph, inputs: vec![x], outputs: vec![y] }
    };
    let mut graph = Graph::new();
    let cond = graph.add_subgraph(step(|graph, x| {
        let all = Op::Reduce { f: Reduction::Sum, axes: None, keepdims: false };
        let sum = add(graph, all, &[x]);
        let limit = graph.constant(Array::scalar(DType::Fp32, 100.0f32)).unwrap();
        add(graph, Op::Binary { f: Binary::Less }, &[sum, Value::of(limit)])
    }));
    let body = graph.add_subgraph(step(|graph, x| {
        let one = graph.constant(Array::scalar(DType::Fp32, 1.0f32)).unwrap();
        add(graph, Op::Binary { f: Binary::Add }, &[x, Value::of(one)])
    }));
    let x = placeholder(&mut graph, &[None]);
    let y = add(&mut graph, Op::While { cond, body }, &[x]);
    (graph, x, y)
}

#[test]
fn loops_are_written_down_and_end_by_the_deadline() {
    let (graph, x, y) = counting();
    let frozen = freeze(&graph, &named("x", x), &named("y", y), &Known::default()).unwrap();
    let built = rebuilt(&frozen);
    let given = array(&[4], |_| 0.0);
    assert_eq!(run(&built, &[given])[0].as_slice::<f32>(), [25.0; 4]);

    let (x, y) = (built.inputs[0].1, built.outputs[0].1);
    let request = Request { fetches: vec![y], targets: vec![], feeds: vec![x] };
    let endless = array(&[4], |_| f32::MIN);
    let signature = [(DType::Fp32, *endless.shape())];
    let mut plan = Plan::new(&built.graph, &request, &signature).unwrap();
    let deadline = Instant::now() + Duration::from_millis(20);
    let late = until(deadline, || plan.run(&mut Variables::default(), &[endless], 0));
    assert_eq!(late.unwrap_err().fault, Fault::Late);
}

#[test]
fn what_no_server_can_run_is_not_written_down() {
    let refused = |build: fn(&mut Graph, Value) -> Value| {
        let mut graph = Graph::new();
        let x = placeholder(&mut graph, &[None, Some(3)]);
        let y = build(&mut graph, x);
        let error = freeze(&graph, &named("x", x), &named("y", y), &Known::default()).unwrap_err();
        (error.node.is_some(), error.to_string())
    };
    type Case = (fn(&mut Graph, Value) -> Value, &'static str);
    let cases: [Case; 5] = [
        (|graph, x| add(graph, Op::Assign { id: 0 }, &[x]), "it changes a variable"),
        (
            |graph, _| {
                let shape = Array::from_slice(DType::Int32, Shape::new(&[1]).unwrap(), &[3i32]);
                let shape = graph.constant(shape).unwrap();
                let op = Op::Random {
                    kind: Random::Uniform { low: 0.0, high: 1.0 },
                    dtype: DType::Fp32,
                    seed: 0,
                };
                add(graph, op, &[Value::of(shape)])
            },
            "other numbers in each run",
        ),
        (
            |graph, x| {
                let outputs = vec![(DType::Fp32, None)];
                add(graph, Op::Custom { id: 0, outputs }, &[x])
            },
            "written in Python",
        ),
        (
            |graph, x| {
                let other = placeholder(graph, &[]);
                add(graph, Op::Binary { f: Binary::Mul }, &[x, other])
            },
            "is none of the inputs",
        ),
        (
            |graph, _| add(graph, Op::Variable { id: 4, dtype: DType::Fp32, shape: vec![] }, &[]),
            "variable 4 has no value yet",
        ),
    ];
    for (build, says) in cases {
        let (has_node, text) = refused(build);
        assert!(has_node && text.contains(says), "{text}");
    }
}

#[test]
fn names_stand_once_and_are_printable() {
    let (graph, x, y, weights) = layer();
    let twice = [named("y", y), named("y", y)].concat();
    let error = freeze(&graph, &named("x", x), &twice, &weights).unwrap_err();
    assert!(error.to_string().contains("\"y\" stands twice"), "{error}");
    let error = freeze(&graph, &named("\n", x), &named("y", y), &weights).unwrap_err();
    assert!(error.to_string().contains("no control character"), "{error}");
    let error = freeze(&graph, &named("x", x), &[], &weights).unwrap_err();
    assert!(error.to_string().contains("name at least one"), "{error}");
}

fn built(json: &Json) -> Result<Built, String> {
    let definition = Definition::from_json(json).map_err(|error| error.to_string())?;
    definition.build(&mut |_| None).map_err(|error| error.to_string())
}

#[test]
fn a_definition_that_says_what_cannot_be_is_refused() {
    let x = json!({"op": "placeholder", "dtype": "FP32", "shape": [null, 3]});
    let port = |node: u32| json!([{"name": "p", "node": node}]);
    let whole =
        |nodes: Json, outputs: Json| json!({"nodes": nodes, "inputs": port(0), "outputs": outputs});
    let exp = |from: Json| json!({"op": "unary", "f": "exp", "inputs": [from]});
    let literal = json!({"op": "constant", "value": {"dtype": "UINT8", "shape": [65], "data": "00".repeat(65)}});
    let truth = json!({"op": "constant", "value": {"dtype": "BOOL", "shape": [], "data": "02"}});
    let cond = json!({"op": "cond", "then": 0, "otherwise": 0, "inputs": [0]});
    let cases = [
        (whole(json!([x, exp(json!(1))]), port(1)), "no value 0 of node 1"),
        (whole(json!([x, exp(json!(7))]), port(1)), "no value 0 of node 7"),
        (whole(json!([x, exp(json!([0, 1]))]), port(1)), "no value 1 of node 0"),
        (whole(json!([x]), port(3)), "no value 0 of node 3"),
        (whole(json!([x]), json!([])), "no output"),
        (whole(json!([x, x]), port(0)), "every placeholder must be one input"),
        (whole(json!([x, literal]), port(0)), "at most 64 elements"),
        (whole(json!([x, truth]), port(0)), "neither 0 nor 1"),
        (whole(json!([x, cond]), port(1)), "there is no subgraph 0"),
        (whole(json!([x, {"op": "weight", "tensor": "w"}]), port(1)), "no tensor \"w\""),
        (
            whole(json!([x, {"op": "assign", "id": 0, "inputs": [0]}]), port(1)),
            "changes a variable",
        ),
        (whole(json!([x, {"op": "exec"}]), port(0)), "unknown variant"),
        (
            whole(json!([x, {"op": "unary", "f": "exp", "g": 1, "inputs": [0]}]), port(0)),
            "unknown field",
        ),
        (
            json!({"nodes": [exp(json!(0))], "inputs": port(0), "outputs": port(0)}),
            "no value 0 of node 0",
        ),
        (json!([]), "invalid length 0"),
    ];
    for (json, says) in cases {
        let error = built(&json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn subgraphs_that_run_each_other_are_counted_before_anything_is_planned() {
    // Each level runs the next twice from each of 8 nodes: 16^12 plans.
    let x = json!({"op": "placeholder", "dtype": "BOOL", "shape": []});
    let ports = json!([{"name": "0", "node": 0}]);
    let mut inner = json!({"nodes": [x], "inputs": ports, "outputs": ports});
    for _ in 0..12 {
        let cond = json!({"op": "cond", "then": 0, "otherwise": 0, "inputs": [0, 0]});
        let nodes: Vec<Json> = std::iter::once(x.clone()).chain(vec![cond; 8]).collect();
        inner = json!({"nodes": nodes, "subgraphs": [inner], "inputs": ports, "outputs": ports});
    }
    assert!(built(&inner).unwrap_err().contains("more than 65536 nodes"));
}
