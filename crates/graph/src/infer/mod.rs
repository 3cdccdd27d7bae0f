//! What a node gives, from what it takes: dtypes and dimensions, as far as they are known.
//!
//! The same rules check a graph while it is built, where sizes may be unknown, and before a run, where
//! all are known.

pub(crate) mod layout;
mod product;

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::{Binary, Reduction, Unary};

use crate::error::{Fault, GraphError};
use crate::graph::Subgraph;
use crate::op::Op;
use crate::types::{Dims, Type, absolute, is_float, is_supported, rank_allowed};

/// What a rule looks at.
pub(crate) struct Call<'a> {
    pub(crate) op: &'static str,
    pub(crate) inputs: &'a [Type],
    /// The array that an input always is, where that is known.
    pub(crate) value_of: &'a dyn Fn(usize) -> Option<Array>,
}

/// The types of the outputs of `op`.
///
/// # Errors
/// [`GraphError`] where the inputs are not what `op` takes.
pub(crate) fn infer(
    op: &Op,
    inputs: &[Type],
    value_of: &dyn Fn(usize) -> Option<Array>,
    subgraphs: &[Arc<Subgraph>],
) -> Result<Vec<Type>, GraphError> {
    let call = Call { op: op.name(), inputs, value_of };
    call.check_count(op)?;
    let outputs = call.outputs(op, subgraphs)?;
    for output in &outputs {
        if !is_supported(output.dtype) {
            return Err(Fault::UnsupportedDtype { dtype: output.dtype }.into());
        }
        if !output.dims.rank().is_none_or(rank_allowed) {
            let detail =
                format!("the result has shape {}: too many dimensions", output.dims.describe());
            return Err(call.attribute(detail));
        }
        if !is_addressable(output) {
            return Err(Fault::TooLarge { shape: output.dims.describe() }.into());
        }
    }
    Ok(outputs)
}

/// Whether memory may have as many bytes as the sizes that are known ask for.
fn is_addressable(output: &Type) -> bool {
    let Some(dims) = &output.dims.0 else { return true };
    let mut known = dims.iter().map(|dim| dim.unwrap_or(1)).filter(|&size| size > 0);
    let bytes = known.try_fold(output.dtype.size(), usize::checked_mul);
    bytes.is_some_and(|bytes| bytes < isize::MAX as usize / 2)
}

impl Call<'_> {
    fn outputs(&self, op: &Op, subgraphs: &[Arc<Subgraph>]) -> Result<Vec<Type>, GraphError> {
        Ok(vec![match op {
            Op::Constant { value } => Type::new(value.0.dtype(), value.0.shape().into()),
            Op::Placeholder { dtype, shape } => Type::new(*dtype, Dims(shape.clone())),
            Op::Variable { dtype, shape, .. } => Type::new(*dtype, Dims::known(shape)),
            Op::Random { dtype, .. } | Op::StatelessRandom { dtype, .. } => self.random(*dtype)?,
            Op::Unary { f } => self.unary(*f)?,
            Op::Binary { f } => self.binary(*f)?,
            Op::Select => self.select()?,
            Op::Cast { to } => Type::new(*to, self.dims(0).clone()),
            Op::Reduce { f, axes, keepdims } => self.reduce(*f, axes.as_deref(), *keepdims)?,
            Op::BroadcastLike => {
                let (from, to) = (self.dims(0), self.dims(1));
                let both = from.broadcast(to).ok_or_else(|| self.mismatch(from, to))?;
                let both = both.merged(to).ok_or_else(|| self.mismatch(from, to))?;
                Type::new(self.dtype(0), both)
            }
            Op::SumLike | Op::ReshapeLike => Type::new(self.dtype(0), self.dims(1).clone()),
            Op::ArgMax { axis } | Op::ArgMin { axis } => {
                let reduced = self.without(&[*axis], false)?;
                let place = self.axis(0, *axis)?;
                if place.is_some_and(|place| self.dims(0).size(place) == Some(0)) {
                    return Err(self.attribute(format!("there is nothing along axis {axis}")));
                }
                Type::new(DType::Int64, reduced)
            }
            Op::CumSum { axis, .. } => {
                self.axis(0, *axis)?;
                self.inputs[0].clone()
            }
            Op::TopK { k } => return self.top_k(*k),
            Op::Softmax | Op::LogSoftmax => {
                self.float(0)?;
                self.axis(0, -1)?;
                self.inputs[0].clone()
            }
            Op::ShapeOf { dtype } => Type::new(*dtype, Dims(Some(vec![self.dims(0).rank()]))),
            Op::SizeOf { dtype } => Type::new(*dtype, Dims::known(&[])),
            Op::Identity
            | Op::StopGradient
            | Op::Assign { .. }
            | Op::AssignAdd { .. }
            | Op::AssignSub { .. } => self.inputs[0].clone(),
            Op::ScatterAdd { dtype, shape, .. } => return self.scatter_add(*dtype, shape),
            Op::NoOp => return Ok(Vec::new()),
            Op::Cond { then, otherwise } => return self.cond(*then, *otherwise, subgraphs),
            Op::While { cond, body } => return self.repeat(*cond, *body, subgraphs),
            Op::WhileGrad { body, .. } => {
                let carries = self.subgraph(*body, subgraphs)?.inputs.len();
                let carried = self.inputs[..carries.min(self.inputs.len())].iter();
                return Ok(carried.filter(|one| is_float(one.dtype)).cloned().collect());
            }
            Op::Registered { name, version, attributes } => {
                let made = crate::registry::find(name, *version)?.infer(attributes, self.inputs);
                return Ok(
                    made.map_err(|message| Fault::Operation { name: name.clone(), message })?
                );
            }
            Op::Custom { outputs, .. } => {
                let known = |(dtype, dims): &(DType, Option<Vec<Option<usize>>>)| {
                    Type::new(*dtype, Dims(dims.clone()))
                };
                return Ok(outputs.iter().map(known).collect());
            }
            _ => return self.structural(op),
        }])
    }

    /// Products and layouts.
    fn structural(&self, op: &Op) -> Result<Vec<Type>, GraphError> {
        match op {
            Op::MatMul { .. }
            | Op::Conv2d(_)
            | Op::Conv2dInputGrad(_)
            | Op::Conv2dFilterGrad(_)
            | Op::Pool { .. }
            | Op::PoolGrad { .. }
            | Op::PoolPick { .. }
            | Op::Cholesky
            | Op::Solve { .. }
            | Op::TriangularSolve { .. }
            | Op::CsrMatMul { .. }
            | Op::CsrSample => self.product(op).map(|one| vec![one]),
            _ => self.layout(op).map(|one| vec![one]),
        }
    }

    fn check_count(&self, op: &Op) -> Result<(), GraphError> {
        let (least, most) = match op {
            Op::Constant { .. } | Op::Placeholder { .. } | Op::Variable { .. } => (0, 0),
            Op::Select | Op::Conv2dInputGrad(_) | Op::Conv2dFilterGrad(_) => (3, 3),
            Op::PoolGrad { .. } | Op::PoolPick { .. } | Op::ScatterLike { .. } | Op::Range => {
                (3, 3)
            }
            Op::Binary { .. } | Op::SumLike | Op::BroadcastLike | Op::ReshapeLike => (2, 2),
            Op::MatMul { .. } | Op::Conv2d(_) | Op::Solve { .. } | Op::TriangularSolve { .. } => {
                (2, 2)
            }
            Op::ReshapeTo | Op::BroadcastTo | Op::SliceGrad { .. } | Op::Gather { .. } => (2, 2),
            Op::Fill | Op::StatelessRandom { .. } | Op::ScatterAdd { .. } => (2, 2),
            Op::CsrMatMul { .. } | Op::CsrSample => (5, 5),
            Op::Concat { .. }
            | Op::Part { .. }
            | Op::Cond { .. }
            | Op::While { .. }
            | Op::WhileGrad { .. } => (1, usize::MAX),
            Op::NoOp | Op::Custom { .. } | Op::Registered { .. } => (0, usize::MAX),
            _ => (1, 1),
        };
        let found = self.inputs.len();
        if (least..=most).contains(&found) {
            return Ok(());
        }
        let expected = if most == least { least.to_string() } else { format!("at least {least}") };
        Err(Fault::InputCount { op: self.op, expected, found }.into())
    }

    fn unary(&self, f: Unary) -> Result<Type, GraphError> {
        let dtype = self.dtype(0);
        match f {
            Unary::Neg | Unary::Abs | Unary::Sign | Unary::Square => self.number(0)?,
            Unary::LogicalNot => self.truth(0)?,
            _ => self.float(0)?,
        }
        let dtype = if f.is_predicate() { DType::Bool } else { dtype };
        Ok(Type::new(dtype, self.dims(0).clone()))
    }

    fn binary(&self, f: Binary) -> Result<Type, GraphError> {
        let (left, right) = (self.dtype(0), self.dtype(1));
        if left != right {
            return Err(Fault::MixedDtypes { op: self.op, left, right }.into());
        }
        match f {
            Binary::Equal | Binary::NotEqual => {}
            Binary::LogicalAnd | Binary::LogicalOr | Binary::LogicalXor => self.truth(0)?,
            Binary::Atan2 => self.float(0)?,
            _ => self.number(0)?,
        }
        let dtype = if f.is_predicate() { DType::Bool } else { left };
        Ok(Type::new(dtype, self.broadcast(0, 1)?))
    }

    fn select(&self) -> Result<Type, GraphError> {
        self.truth(0)?;
        let (left, right) = (self.dtype(1), self.dtype(2));
        if left != right {
            return Err(Fault::MixedDtypes { op: self.op, left, right }.into());
        }
        let both = self.broadcast(1, 2)?;
        let all = self.dims(0).broadcast(&both);
        let all = all.ok_or_else(|| self.mismatch(self.dims(0), &both))?;
        Ok(Type::new(left, all))
    }

    fn reduce(&self, f: Reduction, axes: Option<&[i64]>, keep: bool) -> Result<Type, GraphError> {
        match f {
            Reduction::Any | Reduction::All => self.truth(0)?,
            Reduction::Mean => self.float(0)?,
            _ => self.number(0)?,
        }
        let dims = match (axes, self.dims(0).rank()) {
            (Some(axes), _) => self.without(axes, keep)?,
            (None, Some(rank)) if keep => Dims::known(&vec![1; rank]),
            (None, None) if keep => Dims::UNKNOWN,
            (None, _) => Dims::known(&[]),
        };
        Ok(Type::new(self.dtype(0), dims))
    }

    /// The dimensions of input 0 without those at `axes`, or with 1 there.
    fn without(&self, axes: &[i64], keep: bool) -> Result<Dims, GraphError> {
        let Some(dims) = &self.dims(0).0 else { return Ok(Dims::UNKNOWN) };
        let mut gone = vec![false; dims.len()];
        for &axis in axes {
            gone[self.axis(0, axis)?.unwrap_or_default()] = true;
        }
        let left = dims.iter().zip(gone).filter_map(|(&dim, gone)| match (gone, keep) {
            (true, false) => None,
            (true, true) => Some(Some(1)),
            (false, _) => Some(dim),
        });
        Ok(Dims(Some(left.collect())))
    }

    fn top_k(&self, k: usize) -> Result<Vec<Type>, GraphError> {
        self.number(0)?;
        self.axis(0, -1)?;
        let mut dims = self.dims(0).clone();
        if let Some(last) = dims.0.as_mut().and_then(|dims| dims.last_mut()) {
            if last.is_some_and(|size| size < k) {
                return Err(self.attribute(format!(
                    "k is {k}, more than the last axis of {}",
                    self.dims(0).describe()
                )));
            }
            *last = Some(k);
        }
        Ok(vec![Type::new(self.dtype(0), dims.clone()), Type::new(DType::Int32, dims)])
    }

    fn random(&self, dtype: DType) -> Result<Type, GraphError> {
        if !is_float(dtype) {
            return Err(self.attribute(format!("random numbers are FP32 or FP64, not {dtype}")));
        }
        Ok(Type::new(dtype, self.dims_from_value(0)?))
    }

    /// Rows of a variable of `shape`, added at places along its first axis.
    fn scatter_add(&self, dtype: DType, shape: &[usize]) -> Result<Vec<Type>, GraphError> {
        self.place(0)?;
        if self.dtype(1) != dtype {
            let (left, right) = (dtype, self.dtype(1));
            return Err(Fault::MixedDtypes { op: self.op, left, right }.into());
        }
        let rows = shape.get(1..).ok_or_else(|| self.attribute("a scalar has no rows".into()))?;
        if let (Some(places), Some(given)) = (&self.dims(0).0, &self.dims(1).0) {
            let rest = rows.iter().map(|&size| Some(size));
            let wanted = Dims(Some(places.iter().copied().chain(rest).collect()));
            if wanted.merged(&Dims(Some(given.clone()))).is_none() {
                return Err(self.shape(1, wanted.describe()));
            }
        }
        Ok(vec![Type::new(dtype, Dims::known(shape))])
    }

    fn cond(
        &self,
        then: u32,
        otherwise: u32,
        all: &[Arc<Subgraph>],
    ) -> Result<Vec<Type>, GraphError> {
        self.truth(0)?;
        let (a, b) = (self.subgraph(then, all)?, self.subgraph(otherwise, all)?);
        for branch in [a, b] {
            self.check_inputs(branch, &self.inputs[1..])?;
        }
        let (a, b) = (output_types(a)?, output_types(b)?);
        if a.len() != b.len() || a.iter().zip(&b).any(|(a, b)| a.dtype != b.dtype) {
            return Err(
                self.attribute("both branches must give as many values, of the same dtypes".into())
            );
        }
        let either = |(a, b): (&Type, &Type)| {
            let dims = if a.dims == b.dims { a.dims.clone() } else { common(&a.dims, &b.dims) };
            Type::new(a.dtype, dims)
        };
        Ok(a.iter().zip(&b).map(either).collect())
    }

    fn repeat(&self, cond: u32, body: u32, all: &[Arc<Subgraph>]) -> Result<Vec<Type>, GraphError> {
        let (cond, body) = (self.subgraph(cond, all)?, self.subgraph(body, all)?);
        self.check_inputs(cond, self.inputs)?;
        self.check_inputs(body, self.inputs)?;
        let test = output_types(cond)?;
        if test.len() != 1 || test[0].dtype != DType::Bool {
            return Err(self.attribute("the condition must give one truth value".into()));
        }
        let next = output_types(body)?;
        let same = |(a, b): (&Type, &Type)| a.dtype == b.dtype && a.dims.merged(&b.dims).is_some();
        if next.len() != self.inputs.len() || !next.iter().zip(self.inputs).all(same) {
            return Err(self.attribute(
                "the body must give what it takes: as many values, of the same dtypes and shapes"
                    .into(),
            ));
        }
        Ok(self.inputs.to_vec())
    }

    fn subgraph<'g>(&self, id: u32, all: &'g [Arc<Subgraph>]) -> Result<&'g Subgraph, GraphError> {
        let found = all.get(id as usize).map(|subgraph| &**subgraph);
        found.ok_or_else(|| self.attribute(format!("there is no subgraph {id}")))
    }

    fn check_inputs(&self, subgraph: &Subgraph, given: &[Type]) -> Result<(), GraphError> {
        if subgraph.inputs.len() != given.len() {
            let wanted = subgraph.inputs.len();
            let detail = format!("a subgraph takes {wanted} values, got {}", given.len());
            return Err(self.attribute(detail));
        }
        for (&input, given) in subgraph.inputs.iter().zip(given) {
            let wanted = subgraph.graph.type_of(input)?;
            if wanted.dtype != given.dtype || wanted.dims.merged(&given.dims).is_none() {
                let detail = "a subgraph takes values of other dtypes or shapes";
                return Err(self.attribute(detail.into()));
            }
        }
        Ok(())
    }
}

/// What two shapes have in common.
fn common(a: &Dims, b: &Dims) -> Dims {
    match (&a.0, &b.0) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            Dims(Some(a.iter().zip(b).map(|(a, b)| a.filter(|_| a == b)).collect()))
        }
        _ => Dims::UNKNOWN,
    }
}

fn output_types(subgraph: &Subgraph) -> Result<Vec<Type>, GraphError> {
    subgraph.outputs.iter().map(|&value| subgraph.graph.type_of(value).cloned()).collect()
}

impl Call<'_> {
    pub(crate) fn dtype(&self, input: usize) -> DType {
        self.inputs[input].dtype
    }

    pub(crate) fn dims(&self, input: usize) -> &Dims {
        &self.inputs[input].dims
    }

    fn expect(&self, input: usize, right: bool, expected: &'static str) -> Result<(), GraphError> {
        let found = self.dtype(input);
        if right {
            return Ok(());
        }
        Err(Fault::Dtype { op: self.op, input, expected, found }.into())
    }

    pub(crate) fn float(&self, input: usize) -> Result<(), GraphError> {
        self.expect(input, is_float(self.dtype(input)), "FP32 or FP64")
    }

    pub(crate) fn number(&self, input: usize) -> Result<(), GraphError> {
        let number = is_supported(self.dtype(input)) && self.dtype(input) != DType::Bool;
        self.expect(input, number, "a dtype of numbers")
    }

    pub(crate) fn truth(&self, input: usize) -> Result<(), GraphError> {
        self.expect(input, self.dtype(input) == DType::Bool, "BOOL")
    }

    /// Checks that an input holds places.
    pub(crate) fn place(&self, input: usize) -> Result<(), GraphError> {
        let whole = matches!(self.dtype(input), DType::Int32 | DType::Int64);
        self.expect(input, whole, "INT32 or INT64")
    }

    /// Checks that all inputs from `first` on have one dtype.
    pub(crate) fn one_dtype(&self, first: usize) -> Result<DType, GraphError> {
        let left = self.dtype(first);
        match self.inputs[first..].iter().find(|input| input.dtype != left) {
            None => Ok(left),
            Some(other) => Err(Fault::MixedDtypes { op: self.op, left, right: other.dtype }.into()),
        }
    }

    /// The axis that `axis` means in an input; `None` where its rank is unknown.
    pub(crate) fn axis(&self, input: usize, axis: i64) -> Result<Option<usize>, GraphError> {
        let Some(rank) = self.dims(input).rank() else { return Ok(None) };
        match absolute(axis, rank) {
            Some(axis) => Ok(Some(axis)),
            None => Err(Fault::Axis { op: self.op, axis, rank }.into()),
        }
    }

    /// The sizes of an input that must have `rank` dimensions.
    pub(crate) fn sizes(
        &self,
        input: usize,
        rank: usize,
    ) -> Result<Vec<Option<usize>>, GraphError> {
        match &self.dims(input).0 {
            None => Ok(vec![None; rank]),
            Some(sizes) if sizes.len() == rank => Ok(sizes.clone()),
            Some(_) => Err(self.shape(input, format!("{rank} dimensions"))),
        }
    }

    /// The shape that the values of an input give; unknown sizes where they are not known.
    pub(crate) fn dims_from_value(&self, input: usize) -> Result<Dims, GraphError> {
        self.place(input)?;
        let rank = self.sizes(input, 1)?[0];
        let Some(value) = (self.value_of)(input) else {
            return Ok(rank.map_or(Dims::UNKNOWN, Dims::of_rank));
        };
        let sizes = whole_numbers(&value).into_iter().map(|size| usize::try_from(size).ok());
        match sizes.collect::<Option<Vec<usize>>>() {
            Some(sizes) => Ok(Dims::known(&sizes)),
            None => Err(self.attribute("a size is negative".into())),
        }
    }

    fn broadcast(&self, left: usize, right: usize) -> Result<Dims, GraphError> {
        let (left, right) = (self.dims(left), self.dims(right));
        left.broadcast(right).ok_or_else(|| self.mismatch(left, right))
    }

    pub(crate) fn mismatch(&self, left: &Dims, right: &Dims) -> GraphError {
        Fault::Broadcast { op: self.op, left: left.describe(), right: right.describe() }.into()
    }

    pub(crate) fn attribute(&self, detail: String) -> GraphError {
        Fault::Attribute { op: self.op, detail }.into()
    }

    pub(crate) fn shape(&self, input: usize, expected: String) -> GraphError {
        let found = self.dims(input).describe();
        Fault::Shape { op: self.op, input, expected, found }.into()
    }
}

/// The elements of an `int32` or `int64` array.
pub(crate) fn whole_numbers(value: &Array) -> Vec<i64> {
    match value.dtype() {
        DType::Int32 => value.as_slice::<i32>().iter().map(|&one| one.into()).collect(),
        DType::Int64 => value.as_slice::<i64>().to_vec(),
        _ => Vec::new(),
    }
}
