//! From a graph, what is fetched and what is fed, to a program.

use std::collections::HashMap;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Reduction};

use super::nested::Nested;
use super::program::{Function, Id, Program};
use super::{Request, Signature};
use crate::error::{Fault, GraphError};
use crate::evaluate::{evaluate, read_inputs};
use crate::graph::{Graph, Node, Value};
use crate::infer::infer;
use crate::op::Op;
use crate::types::{Type, absolute};

/// Arrays of at most so many bytes are computed before the run where that is possible.
const FOLD_BYTES_MAX: usize = 1 << 20;

/// Bytes that may be computed before the run in all; arrays that may be shapes are, all the same.
const FOLD_TOTAL_BYTES_MAX: usize = 16 << 20;
/// Arrays up to so many bytes may be shapes.
const SHAPE_BYTES_MAX: usize = 128;

/// Makes the program of a request.
///
/// # Errors
/// [`GraphError`] where shapes do not fit, a placeholder is not fed, or a value that must be known is not.
pub(crate) fn lower(
    graph: &Graph,
    request: &Request,
    fed: &Signature,
) -> Result<Program, GraphError> {
    let needed = needed_nodes(graph, request)?;
    let mut lowering = Lowering {
        graph,
        program: Program::default(),
        values: HashMap::new(),
        assigned: HashMap::new(),
        folded_bytes: 0,
    };
    for (index, (&value, (dtype, shape))) in request.feeds.iter().zip(fed).enumerate() {
        let id = lowering.program.push(*dtype, *shape, super::program::Source::Feed(index as u32));
        lowering.values.insert(value, id);
    }
    for number in needed {
        let node = &graph.nodes()[number as usize];
        lowering.node(number, node).map_err(|error| error.at(number))?;
    }
    let fetches = request.fetches.iter().map(|value| lowering.values[value]);
    lowering.program.fetches = fetches.collect();
    let mut stores: Vec<(u32, Id)> = lowering.assigned.into_iter().collect();
    stores.sort_unstable();
    lowering.program.stores = stores;
    Ok(lowering.program)
}

/// Nodes that a request needs, in their order.
pub(crate) fn needed_nodes(graph: &Graph, request: &Request) -> Result<Vec<u32>, GraphError> {
    let mut open: Vec<u32> = request.targets.clone();
    let mut needed: Vec<u32> = Vec::new();
    let mut seen = vec![false; graph.nodes().len()];
    for &value in &request.fetches {
        graph.type_of(value)?;
        if !request.feeds.contains(&value) {
            open.push(value.node);
        }
    }
    while let Some(number) = open.pop() {
        let missing = Fault::NoSuchValue { node: number, output: 0 };
        let node = graph.node(number).ok_or(missing)?;
        if std::mem::replace(&mut seen[number as usize], true) {
            continue;
        }
        needed.push(number);
        open.extend(&node.control);
        let inputs = node.inputs.iter().filter(|value| !request.feeds.contains(value));
        open.extend(inputs.map(|value| value.node));
    }
    needed.sort_unstable();
    Ok(needed)
}

struct Lowering<'g> {
    graph: &'g Graph,
    program: Program,
    values: HashMap<Value, Id>,
    /// What variables hold after the assignments so far.
    assigned: HashMap<u32, Id>,
    /// Bytes that were computed before the run.
    folded_bytes: usize,
}

impl Lowering<'_> {
    fn node(&mut self, number: u32, node: &Node) -> Result<(), GraphError> {
        if let Op::Placeholder { dtype, .. } = node.op {
            if self.values.contains_key(&Value::of(number)) {
                return Ok(());
            }
            let shape = node.outputs[0].dims.describe();
            return Err(Fault::Unfed { dtype, shape }.into());
        }
        let inputs: Vec<Id> = node.inputs.iter().map(|value| self.values[value]).collect();
        let outputs = self.outputs(number, node, &inputs)?;
        for (output, id) in (0..).zip(outputs) {
            // A value that is fed is not what its node gives.
            self.values.entry(Value { node: number, output }).or_insert(id);
        }
        Ok(())
    }

    fn outputs(&mut self, number: u32, node: &Node, inputs: &[Id]) -> Result<Vec<Id>, GraphError> {
        match &node.op {
            Op::Constant { value } => return Ok(vec![self.program.known(value.0.clone())]),
            Op::NoOp => return Ok(Vec::new()),
            Op::Identity | Op::StopGradient => return Ok(vec![inputs[0]]),
            Op::Variable { id, dtype, shape } => {
                let shape = concrete(&Type::new(*dtype, crate::types::Dims::known(shape)))?.1;
                let found = self.program.variable(*id, *dtype, shape);
                let later = self.assigned.get(id).filter(|_| !node.control.is_empty());
                return Ok(vec![later.copied().unwrap_or(found)]);
            }
            Op::Assign { id } => {
                self.assigned.insert(*id, inputs[0]);
                return Ok(vec![inputs[0]]);
            }
            Op::AssignAdd { id } => return self.step(number, *id, Binary::Add, inputs[0]),
            Op::AssignSub { id } => return self.step(number, *id, Binary::Sub, inputs[0]),
            Op::Cond { .. } | Op::While { .. } | Op::WhileGrad { .. } => {
                return self.nested(number, &node.op, inputs);
            }
            _ => {}
        }
        let types: Vec<Type> = inputs.iter().map(|&id| self.type_of(id)).collect();
        let value_of = |input: usize| self.program.known_array(*inputs.get(input)?).cloned();
        let outputs = infer(&node.op, &types, &value_of, self.graph.subgraphs())?;
        let outputs = outputs.iter().zip(0..).map(|(output, index)| {
            concrete(output).map_err(|error| self.not_known(&node.op, error, index))
        });
        let outputs = outputs.collect::<Result<Vec<(DType, Shape)>, GraphError>>()?;
        if let Op::Part { axis, part } = node.op {
            return Ok(self.part(number, axis, part, inputs, outputs[0]));
        }
        if let Op::ScatterAdd { id, .. } = node.op {
            let (dtype, shape) = outputs[0];
            let now = match self.assigned.get(&id) {
                Some(&now) => now,
                None => self.program.variable(id, dtype, shape),
            };
            let given = vec![now, inputs[0], inputs[1]];
            let made = self.program.kernel(node.op.clone(), given, &outputs, number);
            self.assigned.insert(id, made[0]);
            return Ok(made);
        }
        if let Some(folded) = self.folded(&node.op, inputs, &outputs)? {
            return Ok(folded);
        }
        self.rewritten(number, &node.op, inputs, &outputs)
    }

    /// A piece of what was joined is a slice, now that the sizes of the others are known.
    fn part(
        &mut self,
        number: u32,
        axis: i64,
        part: usize,
        inputs: &[Id],
        output: (DType, Shape),
    ) -> Vec<Id> {
        let rank = output.1.len();
        let at = absolute(axis, rank).expect("the axis was checked when shapes were inferred");
        let size = |&id: &Id| self.program.datum(id).shape[at] as i64;
        let start: i64 = inputs[1..=part].iter().map(size).sum();
        let mut starts = vec![None; at];
        let mut stops = starts.clone();
        starts.push(Some(start));
        stops.push(Some(start + output.1[at] as i64));
        let op = Op::Slice { starts, stops, strides: vec![1; at + 1] };
        self.program.kernel(op, vec![inputs[0]], &[output], number)
    }

    fn nested(&mut self, number: u32, op: &Op, inputs: &[Id]) -> Result<Vec<Id>, GraphError> {
        let data = inputs.iter().map(|&id| self.program.datum(id));
        let signature: Vec<(DType, Shape)> = data.map(|datum| (datum.dtype, datum.shape)).collect();
        let made = Nested::new(self.graph, op, &signature).map_err(GraphError::outside);
        let (nested, outputs) = made?;
        Ok(self.program.nest(nested, inputs.to_vec(), &outputs, number))
    }

    fn type_of(&self, id: Id) -> Type {
        let datum = self.program.datum(id);
        Type::new(datum.dtype, (&datum.shape).into())
    }

    /// What an unknown size of an output means: an input that had to be known.
    fn not_known(&self, op: &Op, error: GraphError, _output: u32) -> GraphError {
        let input = match op {
            Op::ReshapeTo | Op::BroadcastTo => 1,
            Op::Range | Op::Fill | Op::Random { .. } | Op::StatelessRandom { .. } => 0,
            Op::CsrMatMul { .. } => 3,
            _ => return error,
        };
        Fault::NotKnown { op: op.name(), input }.into()
    }

    /// One more step of a variable.
    fn step(&mut self, number: u32, id: u32, f: Binary, delta: Id) -> Result<Vec<Id>, GraphError> {
        let datum = self.program.datum(delta);
        let (dtype, shape) = (datum.dtype, datum.shape);
        let now = match self.assigned.get(&id) {
            Some(&now) => now,
            None => self.program.variable(id, dtype, shape),
        };
        let next =
            self.program.simplified(Function::Binary(f), vec![now, delta], dtype, shape, number);
        self.assigned.insert(id, next);
        Ok(vec![next])
    }

    /// The outputs, where they can be computed now.
    fn folded(
        &mut self,
        op: &Op,
        inputs: &[Id],
        outputs: &[(DType, Shape)],
    ) -> Result<Option<Vec<Id>>, GraphError> {
        if let Op::ShapeOf { dtype } | Op::SizeOf { dtype } = op {
            let shape = self.program.datum(inputs[0]).shape;
            let sizes = match op {
                Op::ShapeOf { .. } => shape.to_vec(),
                _ => vec![shape.elements()],
            };
            return Ok(Some(vec![self.program.known(whole(*dtype, outputs[0].1, &sizes)?)]));
        }
        let bytes: usize =
            outputs.iter().map(|(dtype, shape)| dtype.size() * shape.elements()).sum();
        let repeats = matches!(op, Op::BroadcastLike | Op::BroadcastTo | Op::Fill);
        let fixed = !matches!(op, Op::Random { .. } | Op::Custom { .. });
        if !fixed || bytes > FOLD_BYTES_MAX || (repeats && bytes > 8) {
            return Ok(None);
        }
        let arrays: Option<Vec<Array>> =
            inputs.iter().map(|&id| self.program.known_array(id).cloned()).collect();
        // An operand that is there for its shape alone need not be known.
        let Some(arrays) = arrays.filter(|_| !inputs.is_empty()) else { return Ok(None) };
        let total = self.folded_bytes.saturating_add(bytes);
        if bytes > SHAPE_BYTES_MAX && total > FOLD_TOTAL_BYTES_MAX {
            return Ok(None);
        }
        self.folded_bytes = total;
        let made = evaluate(op, &arrays, outputs, 0)?;
        Ok(Some(made.into_iter().map(|array| self.program.known(array)).collect()))
    }

    /// The same in operations of which shapes are attributes, not inputs.
    fn rewritten(
        &mut self,
        number: u32,
        op: &Op,
        inputs: &[Id],
        outputs: &[(DType, Shape)],
    ) -> Result<Vec<Id>, GraphError> {
        let (dtype, shape) = outputs[0];
        let program = &mut self.program;
        let mut elementwise = |function, inputs: &[Id]| {
            Ok(vec![program.simplified(function, inputs.to_vec(), dtype, shape, number)])
        };
        match op {
            Op::Unary { f } => elementwise(Function::Unary(*f), inputs),
            Op::Binary { f } => elementwise(Function::Binary(*f), inputs),
            Op::Select => elementwise(Function::Select, inputs),
            Op::Cast { to } => elementwise(Function::Cast(*to), inputs),
            Op::BroadcastLike | Op::BroadcastTo => elementwise(Function::Broadcast, &inputs[..1]),
            Op::Fill => elementwise(Function::Broadcast, &inputs[1..]),
            Op::Reshape { .. }
            | Op::ReshapeTo
            | Op::ReshapeLike
            | Op::ExpandDims { .. }
            | Op::Squeeze { .. } => Ok(vec![program.reshaped(inputs[0], shape)]),
            Op::SumLike => Ok(vec![self.sum_to(number, inputs[0], shape)]),
            Op::Reduce { f, axes, .. } => {
                let rank = self.program.datum(inputs[0]).shape.len();
                let axes = reduced_axes(axes.as_deref(), rank);
                Ok(vec![self.reduce(number, *f, inputs[0], axes, shape)])
            }
            Op::MatMul { transpose_a, transpose_b } => {
                let (a, transpose_a) = self.without_transpose(inputs[0], *transpose_a);
                let (b, transpose_b) = self.without_transpose(inputs[1], *transpose_b);
                let op = Op::MatMul { transpose_a, transpose_b };
                Ok(self.program.kernel(op, vec![a, b], outputs, number))
            }
            _ => {
                let read = read_inputs(op, inputs);
                Ok(self.program.kernel(op.clone(), read, outputs, number))
            }
        }
    }

    fn sum_to(&mut self, number: u32, x: Id, shape: Shape) -> Id {
        let axes = repeated_axes(&self.program.datum(x).shape, &shape);
        self.reduce(number, Reduction::Sum, x, axes, shape)
    }

    fn reduce(&mut self, number: u32, f: Reduction, x: Id, axes: Vec<bool>, shape: Shape) -> Id {
        let datum = self.program.datum(x);
        let (dtype, from) = (datum.dtype, datum.shape);
        if reduces_nothing(&from, &axes) {
            return self.program.reshaped(x, shape);
        }
        let axes = (0..axes.len()).filter(|&axis| axes[axis]).map(|axis| axis as i64).collect();
        let op = Op::Reduce { f, axes: Some(axes), keepdims: false };
        self.program.kernel(op, vec![x], &[(dtype, shape)], number)[0]
    }

    /// A matrix that is transposed is read transposed.
    fn without_transpose(&self, id: Id, transposed: bool) -> (Id, bool) {
        let Some(maker) = self.program.maker(id) else { return (id, transposed) };
        let super::program::Kind::Kernel(Op::Transpose { perm }) = &maker.kind else {
            return (id, transposed);
        };
        let rank = self.program.datum(id).shape.len();
        let mut swapped: Vec<usize> = (0..rank).collect();
        swapped.swap(rank - 1, rank - 2);
        let swaps = perm.as_ref().map_or(rank == 2, |perm| *perm == swapped);
        if swaps { (maker.inputs[0], !transposed) } else { (id, transposed) }
    }
}

/// The axes along which an array of shape `small` was repeated to become one of shape `large`.
pub(crate) fn repeated_axes(large: &Shape, small: &Shape) -> Vec<bool> {
    let lead = large.len().saturating_sub(small.len());
    let gone = |axis: usize| axis < lead || (small[axis - lead] == 1 && large[axis] != 1);
    (0..large.len()).map(gone).collect()
}

/// Whether all that goes away has size 1.
pub(crate) fn reduces_nothing(shape: &Shape, gone: &[bool]) -> bool {
    shape.iter().zip(gone).all(|(&size, &gone)| !gone || size == 1)
}

/// Which axes a reduction takes away.
pub(crate) fn reduced_axes(axes: Option<&[i64]>, rank: usize) -> Vec<bool> {
    let Some(axes) = axes else { return vec![true; rank] };
    let mut gone = vec![false; rank];
    for axis in axes.iter().filter_map(|&axis| absolute(axis, rank)) {
        gone[axis] = true;
    }
    gone
}

/// The dtype and shape of an output, all of which must be known.
fn concrete(output: &Type) -> Result<(DType, Shape), GraphError> {
    let too_large = || Fault::TooLarge { shape: output.dims.describe() };
    let shape = output.dims.shape().ok_or_else(too_large)?;
    let elements = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    let bytes = elements.and_then(|all| all.checked_mul(output.dtype.size()));
    match bytes {
        Some(bytes) if bytes <= isize::MAX as usize / 2 => Ok((output.dtype, shape)),
        _ => Err(too_large().into()),
    }
}

/// An array of sizes.
fn whole(dtype: DType, shape: Shape, sizes: &[usize]) -> Result<Array, GraphError> {
    match dtype {
        DType::Int32 => {
            let sizes: Vec<i32> = sizes.iter().map(|&size| size as i32).collect();
            Ok(Array::from_slice(dtype, shape, &sizes))
        }
        DType::Int64 => {
            let sizes: Vec<i64> = sizes.iter().map(|&size| size as i64).collect();
            Ok(Array::from_slice(dtype, shape, &sizes))
        }
        found => {
            Err(Fault::Dtype { op: "shape_of", input: 0, expected: "INT32 or INT64", found }.into())
        }
    }
}
