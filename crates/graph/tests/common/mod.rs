//! Small graphs for tests, and cases of every operation.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use ferrule_base::DType;
use ferrule_graph::{Graph, Op, Padding, Pool, Request, Session, Subgraph, Value, Window};
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, PadMode, Reduction, Unary};

pub struct Lab {
    pub graph: Graph,
}

impl Lab {
    pub fn new() -> Self {
        Self { graph: Graph::new() }
    }

    pub fn add(&mut self, op: Op, inputs: &[Value]) -> Value {
        Value::of(self.graph.add(op, inputs, &[]).unwrap())
    }

    pub fn unary(&mut self, f: Unary, x: Value) -> Value {
        self.add(Op::Unary { f }, &[x])
    }

    pub fn binary(&mut self, f: Binary, x: Value, y: Value) -> Value {
        self.add(Op::Binary { f }, &[x, y])
    }

    pub fn vector(&self, values: &[f64]) -> Array {
        array(&[values.len()], values)
    }

    /// A placeholder of unknown sizes for arrays like this one.
    pub fn placeholder(&mut self, like: &Array) -> Value {
        let shape = Some(like.shape().iter().map(|&size| Some(size)).collect());
        self.add(Op::Placeholder { dtype: like.dtype(), shape }, &[])
    }

    pub fn constant(&mut self, array: Array) -> Value {
        Value::of(self.graph.constant(array).unwrap())
    }

    /// The sum of all elements, each times another weight.
    pub fn weighted_sum(&mut self, x: Value) -> Value {
        let shape = self.graph.type_of(x).unwrap().dims.shape().unwrap();
        let weights = spread(&shape, 0.37, 1.0);
        let weights = self.constant(weights);
        let product = self.binary(Binary::Mul, x, weights);
        self.add(Op::Reduce { f: Reduction::Sum, axes: None, keepdims: false }, &[product])
    }

    pub fn run(&self, fetch: Value, feeds: &[Value], arrays: &[Array]) -> Array {
        let request = Request { fetches: vec![fetch], targets: vec![], feeds: feeds.to_vec() };
        Session::new().run(&self.graph, &request, arrays).unwrap().remove(0)
    }
}

pub fn array(shape: &[usize], values: &[f64]) -> Array {
    Array::from_slice(DType::Fp64, Shape::new(shape).unwrap(), values)
}

pub fn places(values: &[i64]) -> Array {
    Array::from_slice(DType::Int64, Shape::new(&[values.len()]).unwrap(), values)
}

/// Different numbers, none twice, `scale` wide around `offset`.
pub fn spread(shape: &[usize], scale: f64, offset: f64) -> Array {
    let count: usize = shape.iter().product();
    let value = |i: usize| offset + scale * ((i as f64 * 0.754_877_666 + 0.213) % 1.0 - 0.5) * 2.0;
    array(shape, &(0..count).map(value).collect::<Vec<_>>())
}

type Build = Box<dyn Fn(&mut Lab, &[Value]) -> Value>;

pub struct Case {
    pub name: &'static str,
    pub inputs: Vec<Array>,
    pub build: Build,
}

impl Case {
    pub fn is_float(&self, input: usize) -> bool {
        self.inputs[input].dtype() == DType::Fp64
    }

    /// The slope of the loss by each element of an input, by central differences.
    pub fn differences(&self, lab: &Lab, loss: Value, feeds: &[Value], input: usize) -> Vec<f64> {
        let step = 1e-5;
        let at = |element: usize, step: f64| {
            let mut arrays = self.inputs.clone();
            arrays[input].as_mut_slice::<f64>()[element] += step;
            lab.run(loss, feeds, &arrays).as_slice::<f64>()[0]
        };
        (0..self.inputs[input].elements())
            .map(|element| (at(element, step) - at(element, -step)) / (2.0 * step))
            .collect()
    }
}

/// A case of one operation, whose first output is weighted and summed.
fn case(name: &'static str, op: Op, inputs: Vec<Array>) -> Case {
    let build = move |lab: &mut Lab, inputs: &[Value]| {
        let y = lab.add(op.clone(), inputs);
        let y = match lab.graph.type_of(y).unwrap().dtype {
            DType::Fp64 => y,
            _ => lab.add(Op::Cast { to: DType::Fp64 }, &[y]),
        };
        lab.weighted_sum(y)
    };
    Case { name, inputs, build: Box::new(build) }
}

pub fn elementwise_cases() -> Vec<Case> {
    let mut all = Vec::new();
    for &f in Unary::ALL {
        if f == Unary::LogicalNot {
            let truths = Array::from_slice(DType::Bool, Shape::new(&[2]).unwrap(), &[0u8, 1]);
            all.push(case(f.name(), Op::Unary { f }, vec![truths]));
            continue;
        }
        let offset = match f {
            Unary::Log | Unary::Sqrt | Unary::Rsqrt | Unary::Reciprocal => 1.5,
            _ => 0.0,
        };
        for shape in [&[][..], &[3], &[2, 0], &[2, 1, 3]] {
            all.push(case(f.name(), Op::Unary { f }, vec![spread(shape, 0.9, offset)]));
        }
    }
    for &f in Binary::ALL {
        if matches!(f, Binary::LogicalAnd | Binary::LogicalOr | Binary::LogicalXor) {
            let truths = Array::from_slice(DType::Bool, Shape::new(&[2]).unwrap(), &[0u8, 1]);
            all.push(case(f.name(), Op::Binary { f }, vec![truths.clone(), truths]));
            continue;
        }
        let shapes: [(&[usize], &[usize]); 5] =
            [(&[], &[3]), (&[2, 3], &[3]), (&[2, 1], &[1, 4]), (&[2, 0], &[1, 1]), (&[3], &[3])];
        for (left, right) in shapes {
            let inputs = vec![spread(left, 0.8, 1.3), spread(right, 0.4, 0.61)];
            all.push(case(f.name(), Op::Binary { f }, inputs));
        }
    }
    all
}

pub fn cases() -> Vec<Case> {
    let x = || spread(&[2, 3, 4], 1.0, 0.1);
    let truths = Array::from_slice(DType::Bool, Shape::new(&[3]).unwrap(), &[0u8, 1, 1]);
    let mut all = vec![
        case("select", Op::Select, vec![truths, spread(&[2, 3], 1.0, 0.0), spread(&[], 1.0, 3.0)]),
        case("cast", Op::Cast { to: DType::Fp64 }, vec![x()]),
        case("softmax", Op::Softmax, vec![x()]),
        case("log_softmax", Op::LogSoftmax, vec![x()]),
        case("top_k", Op::TopK { k: 2 }, vec![x()]),
        case("sum_like", Op::SumLike, vec![x(), spread(&[3, 1], 1.0, 0.0)]),
        case("broadcast_like", Op::BroadcastLike, vec![spread(&[3, 1], 1.0, 0.0), x()]),
        case("reshape", Op::Reshape { shape: vec![4, -1] }, vec![x()]),
        case("reshape_like", Op::ReshapeLike, vec![x(), spread(&[24], 1.0, 0.0)]),
        case("expand_dims", Op::ExpandDims { axis: -2 }, vec![x()]),
        case("squeeze", Op::Squeeze { axes: Some(vec![1]) }, vec![spread(&[2, 1, 3], 1.0, 0.0)]),
        case("squeeze", Op::Squeeze { axes: None }, vec![spread(&[1, 2, 1], 1.0, 0.0)]),
        case("transpose", Op::Transpose { perm: None }, vec![x()]),
        case("transpose", Op::Transpose { perm: Some(vec![2, 0, 1]) }, vec![x()]),
        case("concat", Op::Concat { axis: 1 }, vec![x(), spread(&[2, 1, 4], 1.0, 2.0), x()]),
        case("tile", Op::Tile { multiples: vec![2, 1, 3] }, vec![x()]),
        case("reverse", Op::Reverse { axes: vec![0, -1] }, vec![x()]),
        case("gather", Op::Gather { axis: 1 }, vec![x(), places(&[2, 0, 2, 1])]),
        case(
            "scatter_like",
            Op::ScatterLike { axis: 0 },
            vec![spread(&[3, 2], 1.0, 0.0), places(&[1, 3, 1]), spread(&[4, 2], 1.0, 0.0)],
        ),
        case("identity", Op::Identity, vec![x()]),
    ];
    let pieces = vec![spread(&[2, 4, 4], 1.0, 0.0), x(), spread(&[2, 1, 4], 1.0, 0.0)];
    all.push(case("part", Op::Part { axis: 1, part: 1 }, pieces.clone()));
    all.push(case("part", Op::Part { axis: -2, part: 0 }, pieces));
    all.push(case("tile", Op::Tile { multiples: vec![0, 1, 1] }, vec![x()]));
    all.extend(shaped());
    all.extend(reductions());
    all.extend(slices());
    all.extend(products());
    all.extend(images());
    all.extend(control());
    all
}

/// Cases whose shape is a value.
fn shaped() -> Vec<Case> {
    let of = |name, op: Op, place: usize, input: Array, sizes: [i64; 2]| {
        let build = move |lab: &mut Lab, inputs: &[Value]| {
            let sizes = lab.constant(places(&sizes));
            let mut given = vec![inputs[0]];
            given.insert(place, sizes);
            let y = lab.add(op.clone(), &given);
            lab.weighted_sum(y)
        };
        Case { name, inputs: vec![input], build: Box::new(build) }
    };
    vec![
        of("fill", Op::Fill, 0, spread(&[], 1.0, 2.0), [2, 3]),
        of("broadcast_to", Op::BroadcastTo, 1, spread(&[2, 1], 1.0, 2.0), [2, 3]),
        of("reshape_to", Op::ReshapeTo, 1, spread(&[6], 1.0, 2.0), [2, -1]),
    ]
}

fn reductions() -> Vec<Case> {
    let x = || spread(&[2, 3, 4], 1.0, 0.1);
    let mut all = Vec::new();
    for f in [Reduction::Sum, Reduction::Mean, Reduction::Prod, Reduction::Max, Reduction::Min] {
        for axes in [None, Some(vec![0]), Some(vec![-1, 0]), Some(vec![])] {
            for keepdims in [false, true] {
                all.push(case(f.name(), Op::Reduce { f, axes: axes.clone(), keepdims }, vec![x()]));
            }
        }
    }
    let zeros = array(&[2, 3], &[0.0, 2.0, 3.0, 0.0, 0.0, 5.0]);
    all.push(case(
        "prod",
        Op::Reduce { f: Reduction::Prod, axes: Some(vec![1]), keepdims: false },
        vec![zeros],
    ));
    for (exclusive, reverse) in [(false, false), (true, false), (false, true), (true, true)] {
        all.push(case("cum_sum", Op::CumSum { axis: 1, exclusive, reverse }, vec![x()]));
    }
    all
}

fn slices() -> Vec<Case> {
    let x = || spread(&[5, 4], 1.0, 0.1);
    let cut = |starts: [Option<i64>; 2], stops: [Option<i64>; 2], strides: [i64; 2]| {
        let (starts, stops, strides) = (starts.to_vec(), stops.to_vec(), strides.to_vec());
        case("slice", Op::Slice { starts, stops, strides }, vec![x()])
    };
    let pad = |mode| Op::Pad { before: vec![1, 0], after: vec![2, 1], mode };
    vec![
        cut([Some(1), None], [Some(4), None], [1, 1]),
        cut([Some(-1), Some(0)], [None, Some(3)], [-2, 2]),
        cut([Some(3), Some(2)], [Some(1), Some(2)], [1, 1]),
        case(
            "slice_grad",
            Op::SliceGrad { starts: vec![Some(1)], stops: vec![None], strides: vec![2] },
            vec![spread(&[2, 4], 1.0, 0.3), x()],
        ),
        case("pad", pad(PadMode::Constant(0.5)), vec![x()]),
        case("pad", pad(PadMode::Reflect), vec![x()]),
        case("pad", pad(PadMode::Symmetric), vec![x()]),
    ]
}

fn products() -> Vec<Case> {
    let mut all = Vec::new();
    for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true), (true, true)] {
        let turn = |turned: bool, rows, cols| if turned { [cols, rows] } else { [rows, cols] };
        let (a, b) = (turn(transpose_a, 2, 3), turn(transpose_b, 3, 4));
        let op = Op::MatMul { transpose_a, transpose_b };
        all.push(case("mat_mul", op.clone(), vec![spread(&a, 1.0, 0.2), spread(&b, 1.0, -0.1)]));
        let (a, b) = ([&[2, 1], &a[..]].concat(), [&[3], &b[..]].concat());
        all.push(case("mat_mul", op, vec![spread(&a, 1.0, 0.2), spread(&b, 1.0, -0.1)]));
    }
    for transpose in [false, true] {
        for lower in [false, true] {
            let a = array(&[3, 3], &[2.0, 0.3, -0.2, 0.5, 1.5, 0.1, -0.4, 0.2, 1.8]);
            let op = Op::TriangularSolve { lower, transpose };
            all.push(case("triangular_solve", op, vec![a, spread(&[3, 2], 1.0, 0.2)]));
        }
        let a = array(&[3, 3], &[2.0, 0.3, -0.2, 0.5, 1.5, 0.1, -0.4, 0.2, 1.8]);
        all.push(case("solve", Op::Solve { transpose }, vec![a, spread(&[3, 2], 1.0, 0.2)]));
        all.push(sparse(transpose));
    }
    all.push(sampled());
    all.push(cholesky());
    all
}

/// The Cholesky factor of x xᵀ + 1, so that differences keep the matrix symmetric.
fn cholesky() -> Case {
    let build = |lab: &mut Lab, inputs: &[Value]| {
        let product = Op::MatMul { transpose_a: false, transpose_b: true };
        let square = lab.add(product, &[inputs[0], inputs[0]]);
        let one = lab.constant(array(&[3, 3], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]));
        let square = lab.binary(Binary::Add, square, one);
        let y = lab.add(Op::Cholesky, &[square]);
        lab.weighted_sum(y)
    };
    Case { name: "cholesky", inputs: vec![spread(&[3, 4], 1.0, 0.2)], build: Box::new(build) }
}

/// Products of rows at the places of [[x, 0, x], [0, x, 0]].
fn sampled() -> Case {
    let build = |lab: &mut Lab, inputs: &[Value]| {
        let [columns, starts, shape] =
            [&[0, 2, 1][..], &[0, 2, 3], &[2, 3]].map(|numbers| lab.constant(places(numbers)));
        let y = lab.add(Op::CsrSample, &[columns, starts, shape, inputs[0], inputs[1]]);
        lab.weighted_sum(y)
    };
    let inputs = vec![spread(&[2, 2], 1.0, 0.3), spread(&[3, 2], 1.0, -0.2)];
    Case { name: "csr_sample", inputs, build: Box::new(build) }
}

/// [[1, 0, 2], [0, 3, 0]] in rows, or its transpose, times a dense matrix.
fn sparse(transpose: bool) -> Case {
    let build = move |lab: &mut Lab, inputs: &[Value]| {
        let [columns, starts, shape] =
            [&[0, 2, 1][..], &[0, 2, 3], &[2, 3]].map(|numbers| lab.constant(places(numbers)));
        let op = Op::CsrMatMul { transpose };
        let y = lab.add(op, &[inputs[0], columns, starts, shape, inputs[1]]);
        lab.weighted_sum(y)
    };
    let rows = if transpose { 2 } else { 3 };
    let inputs = vec![array(&[3], &[1.0, 2.0, 3.0]), spread(&[rows, 2], 1.0, 0.3)];
    Case { name: "csr_mat_mul", inputs, build: Box::new(build) }
}

fn images() -> Vec<Case> {
    let mut all = Vec::new();
    for padding in [Padding::Same, Padding::Valid] {
        for strides in [[1, 1], [2, 1], [2, 2]] {
            let window = Window { strides, padding };
            let (x, filter) = (spread(&[2, 5, 4, 2], 1.0, 0.1), spread(&[3, 2, 2, 3], 1.0, 0.0));
            all.push(case("conv2d", Op::Conv2d(window), vec![x.clone(), filter]));
            for f in [Pool::Max, Pool::Mean] {
                all.push(case("pool", Op::Pool { f, size: [2, 3], window }, vec![x.clone()]));
                all.push(pool_grad(f, window));
            }
            all.push(pool_pick(window));
            all.extend(convolution_grads(window));
        }
    }
    all
}

/// The gradient of a pool, by the gradient that it takes.
fn pool_grad(f: Pool, window: Window) -> Case {
    let size = [2, 3];
    let build = move |lab: &mut Lab, inputs: &[Value]| {
        let x = lab.constant(spread(&[2, 5, 4, 2], 1.0, 0.1));
        let y = lab.add(Op::Pool { f, size, window }, &[x]);
        let g = lab.binary(Binary::Mul, inputs[0], y);
        let g = lab.add(Op::PoolGrad { f, size, window }, &[x, y, g]);
        lab.weighted_sum(g)
    };
    Case { name: "pool_grad", inputs: vec![spread(&[], 1.0, 0.7)], build: Box::new(build) }
}

fn pool_pick(window: Window) -> Case {
    let size = [2, 3];
    let build = move |lab: &mut Lab, inputs: &[Value]| {
        let x = lab.constant(spread(&[2, 5, 4, 2], 1.0, 0.1));
        let y = lab.add(Op::Pool { f: Pool::Max, size, window }, &[x]);
        let picked = lab.add(Op::PoolPick { size, window }, &[x, y, inputs[0]]);
        lab.weighted_sum(picked)
    };
    let inputs = vec![spread(&[2, 5, 4, 2], 0.6, 0.3)];
    Case { name: "pool_pick", inputs, build: Box::new(build) }
}

/// The gradients of a convolution, by filters or images and by the gradient that they take.
fn convolution_grads(window: Window) -> Vec<Case> {
    let (x, filter) = (spread(&[2, 5, 4, 2], 1.0, 0.1), spread(&[3, 2, 2, 3], 1.0, 0.0));
    let mut lab = Lab::new();
    let [image, taken] = [&x, &filter].map(|array| lab.placeholder(array));
    let y = lab.add(Op::Conv2d(window), &[image, taken]);
    let g = spread(&lab.graph.type_of(y).unwrap().dims.shape().unwrap(), 1.0, 0.2);
    let inputs = vec![x, filter, g];
    vec![
        case("conv2d_input_grad", Op::Conv2dInputGrad(window), inputs.clone()),
        case("conv2d_filter_grad", Op::Conv2dFilterGrad(window), inputs),
    ]
}

/// y = cond ? x² : x·w, and x doubled while a counter is below 3.
fn control() -> Vec<Case> {
    let branches = |truth: u8| {
        let pred = Array::from_slice(DType::Bool, Shape::SCALAR, &[truth]);
        let build = move |lab: &mut Lab, inputs: &[Value]| {
            let mut square = Lab::new();
            let mut product = Lab::new();
            let like = spread(&[3], 1.0, 0.0);
            let (a, b) = (square.placeholder(&like), square.placeholder(&like));
            let y = square.unary(Unary::Square, a);
            let then = Subgraph { graph: square.graph, inputs: vec![a, b], outputs: vec![y] };
            let (a, b) = (product.placeholder(&like), product.placeholder(&like));
            let y = product.binary(Binary::Mul, a, b);
            let other = Subgraph { graph: product.graph, inputs: vec![a, b], outputs: vec![y] };
            let (then, otherwise) = (lab.graph.add_subgraph(then), lab.graph.add_subgraph(other));
            let y = lab.add(Op::Cond { then, otherwise }, inputs);
            lab.weighted_sum(y)
        };
        let inputs = vec![pred, spread(&[3], 1.0, 0.0), spread(&[3], 1.0, 0.4)];
        Case { name: "cond", inputs, build: Box::new(build) }
    };
    vec![branches(0), branches(1), loop_case()]
}

fn loop_case() -> Case {
    let build = |lab: &mut Lab, inputs: &[Value]| {
        let like = spread(&[3], 1.0, 0.0);
        let count = Array::scalar(DType::Int64, 0i64);
        let mut test = Lab::new();
        let (i, x, w) =
            (test.placeholder(&count), test.placeholder(&like), test.placeholder(&like));
        let three = test.constant(Array::scalar(DType::Int64, 3i64));
        let more = test.binary(Binary::Less, i, three);
        let test = Subgraph { graph: test.graph, inputs: vec![i, x, w], outputs: vec![more] };
        let mut step = Lab::new();
        let (i, x, w) =
            (step.placeholder(&count), step.placeholder(&like), step.placeholder(&like));
        let one = step.constant(Array::scalar(DType::Int64, 1i64));
        let next = step.binary(Binary::Add, i, one);
        let y = step.binary(Binary::Mul, x, w);
        let y = step.unary(Unary::Sin, y);
        let step = Subgraph { graph: step.graph, inputs: vec![i, x, w], outputs: vec![next, y, w] };
        let (cond, body) = (lab.graph.add_subgraph(test), lab.graph.add_subgraph(step));
        let start = lab.constant(count);
        let node = lab.add(Op::While { cond, body }, &[start, inputs[0], inputs[1]]).node;
        lab.weighted_sum(Value { node, output: 1 })
    };
    let inputs = vec![spread(&[3], 0.5, 0.9), spread(&[3], 0.3, 1.2)];
    Case { name: "while", inputs, build: Box::new(build) }
}
