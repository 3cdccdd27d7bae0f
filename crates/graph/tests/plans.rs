//! Plans against one operation after the other, and what a plan may never do.

mod common;

use common::{Lab, array, spread};
use ferrule_base::{Coded, DType, ErrorCode};
use ferrule_graph::{Fault, Graph, Op, Request, Session, Value, evaluate, gradients};
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Reduction, Unary};

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

const UNARY: [Unary; 9] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Square,
    Unary::Exp,
    Unary::Tanh,
    Unary::Sigmoid,
    Unary::Sin,
    Unary::Floor,
    Unary::Sign,
];
const BINARY: [Binary; 8] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Maximum,
    Binary::Minimum,
    Binary::Pow,
    Binary::Add,
];
const SHAPES: [&[usize]; 5] = [&[], &[4], &[3, 4], &[3, 1], &[1]];

/// A graph of operations that look random, with what each gives when it is evaluated alone.
fn random_graph(
    seed: u64,
    dtype: DType,
) -> (Graph, Vec<Value>, Vec<Array>, Vec<Value>, Vec<Array>) {
    let mut dice = Dice(seed);
    let mut graph = Graph::new();
    let (mut feeds, mut given) = (Vec::new(), Vec::new());
    let (mut values, mut arrays) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let shape = SHAPES[dice.roll(SHAPES.len())];
        let array = cast(&spread(shape, 1.3, dice.roll(3) as f64 - 1.0), dtype);
        let node = graph.add(Op::Placeholder { dtype, shape: None }, &[], &[]).unwrap();
        feeds.push(Value::of(node));
        given.push(array.clone());
        values.push(Value::of(node));
        arrays.push(array);
    }
    let constant = cast(&array(&[], &[[0.0, 1.0, 2.0, -1.0][dice.roll(4)]]), dtype);
    values.push(Value::of(graph.constant(constant.clone()).unwrap()));
    arrays.push(constant);
    for _ in 0..5 + dice.roll(30) {
        let (a, b) = (dice.roll(values.len()), dice.roll(values.len()));
        let (op, inputs) = match dice.roll(6) {
            0 | 1 => (Op::Unary { f: UNARY[dice.roll(UNARY.len())] }, vec![a]),
            2 => {
                let axes = (!arrays[a].shape().is_empty()).then(|| vec![-1]);
                (Op::Reduce { f: Reduction::Sum, axes, keepdims: dice.roll(2) == 0 }, vec![a])
            }
            _ => (Op::Binary { f: BINARY[dice.roll(BINARY.len())] }, vec![a, b]),
        };
        let shapes: Vec<Shape> = inputs.iter().map(|&input| *arrays[input].shape()).collect();
        let Some(shape) = result_shape(&op, &shapes) else { continue };
        let operands: Vec<Value> = inputs.iter().map(|&input| values[input]).collect();
        let alone: Vec<Array> = inputs.iter().map(|&input| arrays[input].clone()).collect();
        arrays.push(evaluate(&op, &alone, &[(dtype, shape)], 0).unwrap().remove(0));
        values.push(Value::of(graph.add(op, &operands, &[]).unwrap()));
    }
    (graph, feeds, given, values, arrays)
}

fn result_shape(op: &Op, shapes: &[Shape]) -> Option<Shape> {
    match op {
        Op::Reduce { axes: None, .. } => Some(Shape::SCALAR),
        Op::Reduce { keepdims, .. } => {
            let mut dims = shapes[0].to_vec();
            let last = dims.pop().map(|_| 1);
            dims.extend(last.filter(|_| *keepdims));
            Shape::new(&dims)
        }
        _ => shapes.iter().try_fold(Shape::SCALAR, |all, shape| all.broadcast(shape)),
    }
}

fn cast(x: &Array, dtype: DType) -> Array {
    evaluate(&Op::Cast { to: dtype }, std::slice::from_ref(x), &[(dtype, *x.shape())], 0)
        .unwrap()
        .remove(0)
}

/// Bytes, with one NaN for all: which NaN comes of two is not promised.
fn bits(array: &Array) -> Vec<u64> {
    match array.dtype() {
        DType::Fp32 => array
            .as_slice::<f32>()
            .iter()
            .map(|&x| if x.is_nan() { u64::MAX } else { x.to_bits().into() })
            .collect(),
        _ => array
            .as_slice::<f64>()
            .iter()
            .map(|&x| if x.is_nan() { u64::MAX } else { x.to_bits() })
            .collect(),
    }
}

#[test]
fn a_plan_gives_the_bits_of_one_operation_after_the_other() {
    for seed in 0..10_000 {
        let dtype = if seed % 2 == 0 { DType::Fp32 } else { DType::Fp64 };
        let (graph, feeds, given, values, arrays) = random_graph(seed, dtype);
        // All values, some of them, or the last alone: what is kept changes what is fused.
        let kept: Vec<usize> = match seed % 3 {
            0 => (0..values.len()).collect(),
            1 => (0..values.len()).step_by(3).collect(),
            _ => vec![values.len() - 1],
        };
        let fetches = kept.iter().map(|&index| values[index]).collect();
        let request = Request { fetches, targets: vec![], feeds };
        let mut session = Session::new();
        // The second run finds memory of the first.
        for run in 0..2 {
            let made = session.run(&graph, &request, &given).unwrap();
            for (&index, made) in kept.iter().zip(&made) {
                let same =
                    made.shape() == arrays[index].shape() && bits(made) == bits(&arrays[index]);
                let nodes: Vec<_> =
                    graph.nodes().iter().map(|node| (&node.op, &node.inputs)).collect();
                assert!(
                    same,
                    "seed {seed}, run {run}, value {index}: {:?} is not {:?} in {nodes:#?}",
                    bits(made),
                    bits(&arrays[index])
                );
            }
        }
    }
}

#[test]
fn a_chain_of_a_million_operations_is_built_differentiated_and_run() {
    let mut lab = Lab::new();
    let start = array(&[], &[1.0]);
    let x = lab.placeholder(&start);
    let factor = lab.constant(array(&[], &[0.999_999]));
    let mut y = x;
    for _ in 0..1_000_000 {
        y = lab.binary(Binary::Mul, y, factor);
    }
    let grad = gradients(&mut lab.graph, &[y], &[], &[x]).unwrap()[0].unwrap();
    let expected = (0..1_000_000).fold(1.0, |product, _| product * 0.999_999);
    let request = Request { fetches: vec![y, grad], targets: vec![], feeds: vec![x] };
    for got in Session::new().run(&lab.graph, &request, &[start]).unwrap() {
        let got = got.as_slice::<f64>()[0];
        assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
    }
}

#[test]
fn a_wide_graph_takes_no_longer_than_it_is_wide() {
    let mut lab = Lab::new();
    let start = array(&[2], &[1.0, 2.0]);
    let x = lab.placeholder(&start);
    let squares: Vec<Value> = (0..100_000)
        .map(|k| {
            let shift = lab.constant(array(&[], &[f64::from(k)]));
            lab.binary(Binary::Add, x, shift)
        })
        .collect();
    let mut sum = squares[0];
    for &square in &squares[1..] {
        sum = lab.binary(Binary::Add, sum, square);
    }
    let got = lab.run(sum, &[x], &[start]);
    assert_eq!(got.as_slice::<f64>(), [4_999_950_000.0 + 100_000.0, 4_999_950_000.0 + 200_000.0]);
}

fn variable(lab: &mut Lab, id: u32, shape: &[usize]) -> Value {
    lab.add(Op::Variable { id, dtype: DType::Fp64, shape: shape.to_vec() }, &[])
}

fn run(session: &mut Session, lab: &Lab, fetches: &[Value], targets: &[u32]) -> Vec<Vec<f64>> {
    let request = Request { fetches: fetches.to_vec(), targets: targets.to_vec(), feeds: vec![] };
    let made = session.run(&lab.graph, &request, &[]).unwrap();
    made.iter().map(|array| array.as_slice::<f64>().to_vec()).collect()
}

#[test]
fn a_read_sees_what_the_run_found_unless_it_waits_for_an_assignment() {
    for shape in [&[][..], &[2]] {
        let mut lab = Lab::new();
        let before = variable(&mut lab, 0, shape);
        let one = lab.constant(spread(shape, 0.0, 1.0));
        let init = lab.add(Op::Assign { id: 0 }, &[one]).node;
        let add = lab.add(Op::AssignAdd { id: 0 }, &[one]);
        let again = lab.add(Op::AssignAdd { id: 0 }, &[one]);
        let op = Op::Variable { id: 0, dtype: DType::Fp64, shape: shape.to_vec() };
        let after = Value::of(lab.graph.add(op, &[], &[add.node, again.node]).unwrap());
        let mut session = Session::new();
        run(&mut session, &lab, &[], &[init]);
        let seen = run(&mut session, &lab, &[before, after, add], &[]);
        assert_eq!([seen[0][0], seen[1][0], seen[2][0]], [1.0, 3.0, 2.0]);
        assert_eq!(run(&mut session, &lab, &[before], &[])[0][0], 3.0);
        // Sessions do not share values, and what was handed out does not change.
        let mut other = Session::new();
        run(&mut other, &lab, &[], &[init]);
        assert_eq!(run(&mut other, &lab, &[before], &[])[0][0], 1.0);
        assert_eq!(seen[1][0], 3.0);
    }
}

#[test]
fn variables_can_change_places() {
    for shape in [&[][..], &[3]] {
        let mut lab = Lab::new();
        let (a, b) = (variable(&mut lab, 0, shape), variable(&mut lab, 1, shape));
        let swap =
            [lab.add(Op::Assign { id: 0 }, &[b]).node, lab.add(Op::Assign { id: 1 }, &[a]).node];
        let mut session = Session::new();
        session.variables.set(0, spread(shape, 0.0, 1.0));
        session.variables.set(1, spread(shape, 0.0, 2.0));
        for expected in [[2.0, 1.0], [1.0, 2.0], [2.0, 1.0]] {
            run(&mut session, &lab, &[], &swap);
            let now = run(&mut session, &lab, &[a, b], &[]);
            assert_eq!([now[0][0], now[1][0]], expected);
        }
    }
}

#[test]
fn a_run_that_fails_changes_no_variable() {
    let mut lab = Lab::new();
    let a = variable(&mut lab, 0, &[2]);
    let doubled = lab.binary(Binary::Add, a, a);
    let first = lab.add(Op::Assign { id: 0 }, &[doubled]).node;
    let places = lab.constant(common::places(&[7]));
    let wrong = lab.add(Op::Gather { axis: 0 }, &[a, places]);
    let mut session = Session::new();
    session.variables.set(0, array(&[2], &[1.0, 2.0]));
    let request = Request { fetches: vec![wrong], targets: vec![first], feeds: vec![] };
    let error = session.run(&lab.graph, &request, &[]).unwrap_err();
    assert_eq!((error.code(), error.node), (ErrorCode::InvalidArgument, Some(wrong.node)));
    assert_eq!(session.variables.get(0).unwrap().as_slice::<f64>(), [1.0, 2.0]);
}

#[test]
fn mistakes_are_named() {
    let mut lab = Lab::new();
    let x = lab.placeholder(&array(&[2], &[0.0; 2]));
    let y = variable(&mut lab, 3, &[]);
    let mut session = Session::new();
    let mut fails = |fetch, feeds: &[Value], arrays: &[Array]| {
        let request = Request { fetches: vec![fetch], targets: vec![], feeds: feeds.to_vec() };
        session.run(&lab.graph, &request, arrays).unwrap_err()
    };
    assert!(matches!(fails(x, &[], &[]).fault, Fault::Unfed { .. }));
    assert!(matches!(fails(x, &[x], &[array(&[3], &[0.0; 3])]).fault, Fault::FedShape { .. }));
    assert!(matches!(fails(x, &[x], &[common::places(&[1, 2])]).fault, Fault::FedDtype { .. }));
    let unset = fails(y, &[], &[]);
    assert_eq!(unset.fault, Fault::Uninitialized { id: 3 });
    assert_eq!(unset.code(), ErrorCode::FailedPrecondition);
    let wide = lab.placeholder(&array(&[3], &[0.0; 3]));
    let error = lab.graph.add(Op::Binary { f: Binary::Add }, &[x, wide], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`add` cannot broadcast shapes (2,) and (3,): sizes must be equal or 1"
    );
}

#[test]
fn what_is_fed_replaces_what_a_node_gives() {
    let mut lab = Lab::new();
    let x = lab.placeholder(&array(&[], &[0.0]));
    let y = lab.unary(Unary::Square, x);
    let z = lab.unary(Unary::Neg, y);
    assert_eq!(lab.run(z, &[y], &[array(&[], &[5.0])]).as_slice::<f64>(), [-5.0]);
}

#[test]
fn a_profile_tells_of_each_pass_and_puts_back_what_it_changes() {
    let mut graph = Graph::new();
    let shape = vec![8, 8];
    let variable = Op::Variable { id: 0, dtype: DType::Fp64, shape };
    let x = Value::of(graph.add(variable, &[], &[]).unwrap());
    let op = Op::MatMul { transpose_a: false, transpose_b: false };
    let product = Value::of(graph.add(op, &[x, x], &[]).unwrap());
    let sine = Value::of(graph.add(Op::Unary { f: Unary::Sin }, &[product], &[]).unwrap());
    let root = Value::of(graph.add(Op::Unary { f: Unary::Exp }, &[sine], &[]).unwrap());
    let assign = graph.add(Op::Assign { id: 0 }, &[root], &[]).unwrap();
    let request = Request { targets: vec![assign], fetches: Vec::new(), feeds: Vec::new() };
    let mut session = Session::new();
    let before = spread(&[8, 8], 1.0, 0.0);
    session.variables.set(0, before.clone());
    let profile = session.profile(&graph, &request, &[], 3, &|| false).unwrap();
    assert_eq!(session.variables.get(0).unwrap().as_bytes(), before.as_bytes());
    let names: Vec<&str> = profile.parts.iter().map(|part| part.name).collect();
    assert_eq!(names, ["mat_mul", "fused"]);
    let [product, fused] = &profile.parts[..] else { unreachable!() };
    assert_eq!((product.operations, product.bytes_read, product.bytes_written), (1024, 1024, 512));
    assert_eq!((fused.operations, &fused.members[..]), (128, &["sin", "exp"][..]));
    assert_eq!(fused.nodes, [sine.node, root.node]);
    assert!(profile.parts.iter().all(|part| part.calls == 3 && part.time <= profile.total));
}

#[test]
fn a_node_of_a_gradient_knows_what_it_is_the_gradient_of() {
    let mut graph = Graph::new();
    let x = graph.constant(array(&[2], &[1.0, 2.0])).unwrap();
    let sine = graph.add(Op::Unary { f: Unary::Sin }, &[Value::of(x)], &[]).unwrap();
    let slope = gradients(&mut graph, &[Value::of(sine)], &[None], &[Value::of(x)]).unwrap()[0];
    let slope = slope.unwrap();
    assert_eq!(graph.nodes()[slope.node as usize].origin, Some(sine));
    let again = gradients(&mut graph, &[slope], &[None], &[Value::of(x)]).unwrap()[0].unwrap();
    assert_eq!(graph.nodes()[again.node as usize].origin, Some(sine));
    assert_eq!(graph.nodes()[sine as usize].origin, None);
}
