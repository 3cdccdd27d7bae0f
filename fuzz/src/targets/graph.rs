//! Graphs in artifacts: from bytes to a plan, and a run of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ferrule_artifact::graph::{GraphModel, parts};
use ferrule_artifact::read;
use ferrule_base::{DType, Limits};
use ferrule_format::safetensors::TensorSpec;
use ferrule_graph::definition::{Definition, Frozen};
use ferrule_graph::{Plan, Request, Variables, until};
use ferrule_tensor::array::{Array, Shape};
use serde_json::{Map, Value, json};

use super::artifact::{sealed, try_reseal};
use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "graph", seeds, words: WORDS, repair: Some(reseal), run };

const WORDS: &[&[u8]] = &[
    b"\\\"op\\\":\\\"unary\\\",\\\"f\\\":\\\"exp\\\"",
    b"\\\"op\\\":\\\"binary\\\",\\\"f\\\":\\\"add\\\"",
    b"\\\"op\\\":\\\"select\\\"",
    b"\\\"op\\\":\\\"softmax\\\"",
    b"\\\"op\\\":\\\"reduce\\\",\\\"f\\\":\\\"sum\\\",\\\"axes\\\":[0],\\\"keepdims\\\":true",
    b"\\\"op\\\":\\\"arg_max\\\",\\\"axis\\\":1",
    b"\\\"op\\\":\\\"cum_sum\\\",\\\"axis\\\":0,\\\"exclusive\\\":true,\\\"reverse\\\":false",
    b"\\\"op\\\":\\\"top_k\\\",\\\"k\\\":2",
    b"\\\"op\\\":\\\"reshape\\\",\\\"shape\\\":[-1,3]",
    b"\\\"op\\\":\\\"reshape_to\\\"",
    b"\\\"op\\\":\\\"reshape_like\\\"",
    b"\\\"op\\\":\\\"broadcast_to\\\"",
    b"\\\"op\\\":\\\"broadcast_like\\\"",
    b"\\\"op\\\":\\\"sum_like\\\"",
    b"\\\"op\\\":\\\"expand_dims\\\",\\\"axis\\\":-1",
    b"\\\"op\\\":\\\"squeeze\\\",\\\"axes\\\":null",
    b"\\\"op\\\":\\\"transpose\\\",\\\"perm\\\":[1,0]",
    b"\\\"op\\\":\\\"concat\\\",\\\"axis\\\":1",
    b"\\\"op\\\":\\\"part\\\",\\\"axis\\\":0,\\\"part\\\":0",
    b"\\\"op\\\":\\\"slice\\\",\\\"starts\\\":[1],\\\"stops\\\":[null],\\\"strides\\\":[-1]",
    b"\\\"op\\\":\\\"pad\\\",\\\"before\\\":[1,1],\\\"after\\\":[0,2],\\\"mode\\\":\\\"reflect\\\"",
    b"\\\"op\\\":\\\"tile\\\",\\\"multiples\\\":[2,1000000]",
    b"\\\"op\\\":\\\"gather\\\",\\\"axis\\\":0",
    b"\\\"op\\\":\\\"one_hot\\\",\\\"depth\\\":3,\\\"dtype\\\":\\\"FP32\\\"",
    b"\\\"op\\\":\\\"reverse\\\",\\\"axes\\\":[0]",
    b"\\\"op\\\":\\\"shape_of\\\",\\\"dtype\\\":\\\"INT32\\\"",
    b"\\\"op\\\":\\\"range\\\"",
    b"\\\"op\\\":\\\"fill\\\"",
    b"\\\"op\\\":\\\"cholesky\\\"",
    b"\\\"op\\\":\\\"solve\\\",\\\"transpose\\\":false",
    b"\\\"op\\\":\\\"csr_mat_mul\\\",\\\"transpose\\\":true",
    b"\\\"op\\\":\\\"cond\\\",\\\"then\\\":0,\\\"otherwise\\\":1",
    b"\\\"op\\\":\\\"while\\\",\\\"cond\\\":0,\\\"body\\\":1",
    b"\\\"op\\\":\\\"cast\\\",\\\"to\\\":\\\"INT64\\\"",
    b"\\\"inputs\\\":[0,1]",
    b"\\\"inputs\\\":[[1,1]]",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1048577",
    b"-1",
    b"null",
];

/// Layers, images, layouts, tables and control flow.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        layers(),
        images(),
        seed(
            json!([
                input(),
                {"op": "slice", "starts": [null, 1], "stops": [null, null], "strides": [1, 2], "inputs": [0]},
                {"op": "concat", "axis": 1, "inputs": [0, 1]},
                {"op": "top_k", "k": 2, "inputs": [2]},
                {"op": "pad", "before": [0, 1], "after": [0, 1], "mode": {"constant": 0.5}, "inputs": [3]},
                {"op": "transpose", "perm": [1, 0], "inputs": [4]},
            ]),
            json!([]),
            &[(5, 0, "FP32", &[4, -1]), (3, 1, "INT32", &[-1, 2])],
            &[],
        ),
        looped(),
    ]
}

/// Takes the definition by its word too: the signature becomes what it says.
fn reseal(input: Vec<u8>) -> Vec<u8> {
    try_reseal(&input, |manifest, specs| signed(&manifest, specs).unwrap_or(manifest))
        .unwrap_or(input)
}

fn signed(manifest: &Value, specs: &[TensorSpec<'_>]) -> Option<Value> {
    let definition = Definition::from_json(manifest.get("hyperparameters")?.get("graph")?).ok()?;
    let weight = |spec: &TensorSpec<'_>| {
        let bytes = spec.shape.iter().copied().fold(spec.dtype.size(), usize::saturating_mul);
        let shape = Shape::new(spec.shape).filter(|_| bytes <= crate::mutate::BYTES_MAX)?;
        Some((spec.name.to_owned(), Array::zeros(spec.dtype, shape)))
    };
    let weights = specs.iter().map(weight).collect::<Option<_>>()?;
    let frozen = Frozen { definition, weights };
    let (made, _) = parts(frozen, Map::new(), Map::new(), BTreeMap::new()).ok()?;
    serde_json::to_value(made).ok()
}

fn input() -> Value {
    json!({"op": "placeholder", "dtype": "FP32", "shape": [null, 3]})
}

fn layers() -> Vec<u8> {
    let weight = |size: usize| vec![0x3e; size * 4];
    seed(
        json!([
            input(),
            {"op": "weight", "tensor": "w"},
            {"op": "mat_mul", "transpose_a": false, "transpose_b": false, "inputs": [0, 1]},
            {"op": "constant", "value": {"dtype": "FP32", "shape": [], "data": "0000003f"}},
            {"op": "binary", "f": "add", "inputs": [2, 3]},
            {"op": "unary", "f": "tanh", "inputs": [4]},
            {"op": "softmax", "inputs": [5]},
            {"op": "arg_max", "axis": 1, "inputs": [6]},
            {"op": "weight", "tensor": "table"},
            {"op": "gather", "axis": 0, "inputs": [8, 7]},
        ]),
        json!([]),
        &[(6, 0, "FP32", &[-1, 4]), (9, 0, "FP32", &[-1, 2])],
        &[("table", vec![4, 2], weight(8)), ("w", vec![3, 4], weight(12))],
    )
}

fn images() -> Vec<u8> {
    let window = json!({"strides": [1, 1], "padding": "same"});
    seed(
        json!([
            input(),
            {"op": "reshape", "shape": [-1, 3, 1, 1], "inputs": [0]},
            {"op": "weight", "tensor": "filter"},
            {"op": "conv2d", "strides": [1, 1], "padding": "same", "inputs": [1, 2]},
            {"op": "pool", "f": "max", "size": [2, 1], "window": window, "inputs": [3]},
            {"op": "reduce", "f": "mean", "axes": [1, 2], "keepdims": false, "inputs": [4]},
        ]),
        json!([]),
        &[(5, 0, "FP32", &[-1, 2])],
        &[("filter", vec![2, 1, 1, 2], vec![0x3e; 16])],
    )
}

fn looped() -> Vec<u8> {
    let carried = json!({"op": "placeholder", "dtype": "FP32", "shape": [null, 3]});
    let ports = |node: u32| json!([{"name": "0", "node": node}]);
    let number =
        |hex: &str| json!({"op": "constant", "value": {"dtype": "FP32", "shape": [], "data": hex}});
    seed(
        json!([input(), {"op": "while", "cond": 0, "body": 1, "inputs": [0]}]),
        json!([
            {
                "nodes": [carried, {"op": "reduce", "f": "sum", "axes": null, "keepdims": false, "inputs": [0]},
                    number("0000c842"), {"op": "binary", "f": "less", "inputs": [1, 2]}],
                "inputs": ports(0), "outputs": ports(3),
            },
            {
                "nodes": [carried, number("0000803f"), {"op": "binary", "f": "add", "inputs": [0, 1]}],
                "inputs": ports(0), "outputs": ports(2),
            },
        ]),
        &[(1, 0, "FP32", &[-1, 3])],
        &[],
    )
}

/// (node, output, dtype, shape)
type Output = (u32, u32, &'static str, &'static [i64]);

/// A file of a graph of one input, its first node.
fn seed(
    nodes: Value,
    subgraphs: Value,
    outputs: &[Output],
    weights: &[(&'static str, Vec<usize>, Vec<u8>)],
) -> Vec<u8> {
    let name = |index: usize| format!("y{index}");
    let ports: Vec<Value> = outputs
        .iter()
        .enumerate()
        .map(|(index, (node, output, ..))| match output {
            0 => json!({"name": name(index), "node": node}),
            output => json!({"name": name(index), "node": node, "output": output}),
        })
        .collect();
    let specs: Vec<Value> = outputs
        .iter()
        .enumerate()
        .map(|(index, (.., dtype, shape))| json!({"name": name(index), "dtype": dtype, "shape": shape}))
        .collect();
    let mut definition =
        json!({"nodes": nodes, "inputs": [{"name": "x", "node": 0}], "outputs": ports});
    if subgraphs != json!([]) {
        definition["subgraphs"] = subgraphs;
    }
    let manifest = json!({
        "format_version": 1,
        "kind": "graph",
        "hyperparameters": {"graph": definition},
        "signature": {"inputs": [{"name": "x", "dtype": "FP32", "shape": [-1, 3]}], "outputs": specs},
        "training": {},
        "metadata": {},
        "versions": {},
    });
    let tensors: Vec<_> = weights
        .iter()
        .map(|(name, shape, bytes)| (*name, DType::Fp32, shape.clone(), bytes.clone()))
        .collect();
    sealed(&manifest.to_string(), &tensors)
}

/// Bytes that a run may work in here.
const WORK_BYTES_MAX: usize = 16 << 20;
const TIME_MAX: Duration = Duration::from_millis(200);
/// Rows that are asked about.
const ROWS: usize = 2;

fn run(input: &[u8]) -> Answer {
    Answer::new(read(input, input.len() as u64, &Limits::default()), |artifact| {
        let model = GraphModel::new(artifact).expect("read has checked it");
        match predict(&model) {
            Ok(text) => text,
            Err(error) => error,
        }
    })
}

fn predict(model: &GraphModel) -> Result<String, String> {
    let built = &model.built;
    let values = |named: &[(String, ferrule_graph::Value)]| named.iter().map(|one| one.1).collect();
    let request = Request {
        fetches: values(&built.outputs),
        targets: Vec::new(),
        feeds: values(&built.inputs),
    };
    let inputs = &model.manifest.signature.inputs;
    let feed = |spec: &ferrule_artifact::TensorSpec| {
        let sizes: Vec<usize> =
            spec.shape.iter().map(|&size| usize::try_from(size).unwrap_or(ROWS)).collect();
        let elements = sizes.iter().copied().fold(1, usize::saturating_mul);
        let shape = Shape::new(&sizes).filter(|_| elements <= WORK_BYTES_MAX / 8);
        shape.map(|shape| Array::zeros(spec.dtype, shape)).ok_or("large input".to_owned())
    };
    let feeds = inputs.iter().map(feed).collect::<Result<Vec<Array>, String>>()?;
    let signature: Vec<(DType, Shape)> =
        feeds.iter().map(|feed| (feed.dtype(), *feed.shape())).collect();
    let plan = Plan::new(&built.graph, &request, &signature);
    let mut plan = plan.map_err(|error| error.to_string())?;
    if plan.bytes() > WORK_BYTES_MAX || plan.cost() > 1 << 26 {
        return Err("large plan".to_owned());
    }
    let made = until(Instant::now() + TIME_MAX, || plan.run(&mut Variables::default(), &feeds, 0));
    let made = made.map_err(|error| error.to_string())?;
    Ok(made.iter().map(|array| format!("{} {} ", array.dtype(), array.shape())).collect())
}
