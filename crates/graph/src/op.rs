//! The operations of a graph: a closed set, each with its attributes.

use ferrule_base::DType;
use ferrule_tensor::ops::{Binary, PadMode, Random, Reduction, Unary};
use serde::{Deserialize, Serialize};

use crate::literal::Literal;
use crate::registry::Attributes;

/// What a node computes from its inputs.
///
/// Axes may be negative, from the end. An operand "for its shape" is not read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the variants say what their attributes are")]
pub enum Op {
    // Sources.
    /// An array that never changes.
    Constant { value: Literal },
    /// A value that each run is given.
    Placeholder { dtype: DType, shape: Option<Vec<Option<usize>>> },
    /// The value of variable `id`: after the assignments that it is told to wait for, else as the
    /// run found it.
    Variable { id: u32, dtype: DType, shape: Vec<usize> },
    /// Random numbers of the shape given by input 0 (`int32` or `int64`, a vector); a function of
    /// the seed and of how often the session has run the node.
    Random { kind: Random, dtype: DType, seed: u64 },
    /// As `Random`, of the seed and input 1 (a counter, scalar `int64`) alone.
    StatelessRandom { kind: Random, dtype: DType, seed: u64 },

    // Element-wise, with NumPy's broadcasting.
    /// A function of one array.
    Unary { f: Unary },
    /// A function of two arrays of one dtype.
    Binary { f: Binary },
    /// Input 1 where input 0 is true, else input 2.
    Select,
    /// The same numbers in another dtype; a float is truncated to an integer, anything but 0 is true.
    Cast { to: DType },

    // Reductions.
    /// Elements along axes (none named: all of them) become one.
    Reduce { f: Reduction, axes: Option<Vec<i64>>, keepdims: bool },
    /// Input 0 summed to the shape of input 1, which broadcasts to it.
    SumLike,
    /// The place (`int64`) of the first greatest element along an axis.
    ArgMax { axis: i64 },
    /// The place (`int64`) of the first least element along an axis.
    ArgMin { axis: i64 },
    /// Running sums along an axis.
    CumSum { axis: i64, exclusive: bool, reverse: bool },
    /// The `k` greatest elements of the last axis, greatest first, and their places (`int32`).
    TopK { k: usize },
    /// exp(x) / sum(exp(x)) along the last axis.
    Softmax,
    /// log(softmax(x)) along the last axis.
    LogSoftmax,

    // Products.
    /// Matrix products over the last two axes; those before broadcast.
    MatMul { transpose_a: bool, transpose_b: bool },
    /// Images `[n, h, w, c]` by filters `[kh, kw, c, m]`.
    Conv2d(Window),
    /// The gradient of `Conv2d` by its images: (images for their shape, filters, gradient).
    Conv2dInputGrad(Window),
    /// The gradient of `Conv2d` by its filters: (images, filters for their shape, gradient).
    Conv2dFilterGrad(Window),
    /// The greatest or mean of each window of `[n, h, w, c]`, `size` high and wide.
    Pool { f: Pool, size: [usize; 2], window: Window },
    /// The gradient of `Pool`: (its input, its output, gradient).
    PoolGrad { f: Pool, size: [usize; 2], window: Window },
    /// Of each window the element of input 2 where that of input 0 is the greatest, which is input 1.
    PoolPick { size: [usize; 2], window: Window },
    /// The lower triangle L of input = L Lᵀ.
    Cholesky,
    /// x of input 0 (its transpose, where asked) x = input 1.
    Solve { transpose: bool },
    /// As `Solve`, of a triangle.
    TriangularSolve { lower: bool, transpose: bool },
    /// A CSR matrix (data, indices, indptr, shape `int64` [2]) by a dense one (input 4).
    CsrMatMul { transpose: bool },
    /// The products of rows of inputs 3 and 4 at the rows and columns where a CSR matrix (indices,
    /// indptr, shape `int64` [2]) has elements.
    CsrSample,

    // Layout.
    /// The same elements in another shape; one size may be -1.
    Reshape { shape: Vec<i64> },
    /// Input 0 in the shape that the values of input 1 give.
    ReshapeTo,
    /// Input 0 in the shape of input 1.
    ReshapeLike,
    /// A dimension of 1 before `axis`.
    ExpandDims { axis: i64 },
    /// Without the dimensions of 1 at `axes` (none named: all of them).
    Squeeze { axes: Option<Vec<i64>> },
    /// Axes in another order (none named: reversed).
    Transpose { perm: Option<Vec<usize>> },
    /// Repeated to the shape that the values of input 1 give.
    BroadcastTo,
    /// Input 0, repeated to the shape of input 1.
    BroadcastLike,
    /// Arrays one after the other along an axis.
    Concat { axis: i64 },
    /// The piece of input 0 that came from input `part + 1`, where the inputs from 1 on were joined
    /// along an axis; these are there for their shapes.
    Part { axis: i64, part: usize },
    /// `starts[i]..stops[i]` in steps of `strides[i]` of the first axes, by Python's rules; `None`:
    /// from or to the end.
    Slice { starts: Vec<Option<i64>>, stops: Vec<Option<i64>>, strides: Vec<i64> },
    /// The gradient of `Slice`: input 0 at its places in zeros of the shape of input 1.
    SliceGrad { starts: Vec<Option<i64>>, stops: Vec<Option<i64>>, strides: Vec<i64> },
    /// `before` and `after` each axis, elements of a value, or mirrored.
    Pad { before: Vec<usize>, after: Vec<usize>, mode: PadMode },
    /// Input 0 repeated whole, so often along each axis.
    Tile { multiples: Vec<usize> },
    /// Elements of input 0 at the places (`int32` or `int64`) of input 1 along an axis.
    Gather { axis: i64 },
    /// Input 0 added up at the places of input 1 along an axis, in zeros of the shape of input 2.
    ScatterLike { axis: i64 },
    /// 1 at the places of the input along a new last axis of `depth`, else 0.
    OneHot { depth: usize, dtype: DType },
    /// Its elements along an axis in reverse order.
    Reverse { axes: Vec<i64> },

    // Shapes as values. They are known before a run, and cost it nothing.
    /// The dimensions of the input.
    ShapeOf { dtype: DType },
    /// The number of elements of the input.
    SizeOf { dtype: DType },
    /// start, start + delta, … before limit: inputs are scalars known before a run.
    Range,
    /// Input 1, a scalar, in the shape that the values of input 0 give.
    Fill,

    // Flow of values.
    /// The input itself.
    Identity,
    /// The input itself, whose gradient is none.
    StopGradient,
    /// Nothing; runs once its control inputs have.
    NoOp,
    /// Input 0 becomes the value of variable `id`, and the output.
    Assign { id: u32 },
    /// The value of variable `id` at this point plus input 0 becomes its value, and the output.
    AssignAdd { id: u32 },
    /// As `AssignAdd`, minus input 0.
    AssignSub { id: u32 },
    /// Input 1's rows are added to variable `id` at the places of input 0; the output is its value.
    ScatterAdd { id: u32, dtype: DType, shape: Vec<usize> },
    /// One of two subgraphs of the inputs after the first, which is a scalar truth value.
    Cond { then: u32, otherwise: u32 },
    /// Subgraph `body` of the inputs, over and over while subgraph `cond` of them is true.
    While { cond: u32, body: u32 },
    /// The gradient of `While` by its float inputs: the inputs of that, then the gradients of its
    /// float outputs. `back` is the gradient of `body`, of its inputs and those gradients.
    WhileGrad { cond: u32, body: u32, back: u32 },
    /// An operation that was registered in the process: see [`Operation`](crate::Operation).
    Registered { name: String, version: u32, attributes: Attributes },
    /// An operation of the user's, by its number.
    Custom { id: u32, outputs: Vec<(DType, Option<Vec<Option<usize>>>)> },
}

/// How a window moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Steps down and right.
    pub strides: [usize; 2],
    /// What is around the image.
    pub padding: Padding,
}

/// What is around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros, so that the output has ceil(size / stride) rows; the odd one is at the end.
    Same,
    /// Nothing.
    Valid,
}

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Its greatest element.
    Max,
    /// The mean of its elements, without padding.
    Mean,
}

impl Op {
    /// The operation's name, as it is written down.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Placeholder { .. } => "placeholder",
            Self::Variable { .. } => "variable",
            Self::Random { .. } => "random",
            Self::StatelessRandom { .. } => "stateless_random",
            Self::Unary { f } => f.name(),
            Self::Binary { f } => f.name(),
            Self::Select => "select",
            Self::Cast { .. } => "cast",
            Self::Reduce { f, .. } => f.name(),
            Self::SumLike => "sum_like",
            Self::ArgMax { .. } => "arg_max",
            Self::ArgMin { .. } => "arg_min",
            Self::CumSum { .. } => "cum_sum",
            Self::TopK { .. } => "top_k",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
            Self::MatMul { .. } => "mat_mul",
            Self::Conv2d(_) => "conv2d",
            Self::Conv2dInputGrad(_) => "conv2d_input_grad",
            Self::Conv2dFilterGrad(_) => "conv2d_filter_grad",
            Self::Pool { .. } => "pool",
            Self::PoolGrad { .. } => "pool_grad",
            Self::PoolPick { .. } => "pool_pick",
            Self::Cholesky => "cholesky",
            Self::Solve { .. } => "solve",
            Self::TriangularSolve { .. } => "triangular_solve",
            Self::CsrMatMul { .. } => "csr_mat_mul",
            Self::CsrSample => "csr_sample",
            Self::Reshape { .. } => "reshape",
            Self::ReshapeTo => "reshape_to",
            Self::ReshapeLike => "reshape_like",
            Self::ExpandDims { .. } => "expand_dims",
            Self::Squeeze { .. } => "squeeze",
            Self::Transpose { .. } => "transpose",
            Self::BroadcastTo => "broadcast_to",
            Self::BroadcastLike => "broadcast_like",
            Self::Concat { .. } => "concat",
            Self::Part { .. } => "part",
            Self::Slice { .. } => "slice",
            Self::SliceGrad { .. } => "slice_grad",
            Self::Pad { .. } => "pad",
            Self::Tile { .. } => "tile",
            Self::Gather { .. } => "gather",
            Self::ScatterLike { .. } => "scatter_like",
            Self::OneHot { .. } => "one_hot",
            Self::Reverse { .. } => "reverse",
            Self::ShapeOf { .. } => "shape_of",
            Self::SizeOf { .. } => "size_of",
            Self::Range => "range",
            Self::Fill => "fill",
            Self::Identity => "identity",
            Self::StopGradient => "stop_gradient",
            Self::NoOp => "no_op",
            Self::Assign { .. } => "assign",
            Self::AssignAdd { .. } => "assign_add",
            Self::AssignSub { .. } => "assign_sub",
            Self::ScatterAdd { .. } => "scatter_add",
            Self::Cond { .. } => "cond",
            Self::While { .. } => "while",
            Self::WhileGrad { .. } => "while_grad",
            Self::Registered { .. } => "registered",
            Self::Custom { .. } => "custom",
        }
    }
}
