//! Reverse-mode differentiation: a table of rules, and a walk that applies them.
//!
//! The walk goes through nodes from the last to the first and never recurses, so that its depth does not
//! depend on the graph's. What it adds are nodes as any others, so gradients have gradients.

mod control;
mod elementwise;
mod layout;
mod linalg;
mod product;
mod reduce;
mod scope;

use std::collections::HashMap;

use ferrule_tensor::ops::Unary;

use crate::error::{Fault, GraphError};
use crate::graph::{Graph, Value};
use crate::op::Op;
use crate::registry::{self, Applied};
use crate::types::is_float;

pub use scope::Builder;
pub(crate) use scope::{Call, Scope};

/// The gradient of an operation by each of its inputs; `None` where there is none.
type Gradients = Result<Vec<Option<Value>>, GraphError>;

/// Gradients by the inputs of a call, given those by its outputs, of which at least one is there;
/// of operations that need nothing of a graph but their inputs and outputs.
///
/// # Errors
/// [`Fault::NoGradient`] where the operation has one that is not written.
pub fn differentiate(
    builder: &mut dyn Builder,
    op: &Op,
    inputs: &[Value],
    outputs: &[Value],
    grads: &[Option<Value>],
) -> Gradients {
    if let Op::Registered { name, version, attributes } = op {
        let applied = Applied { attributes, inputs, outputs, grads };
        return registry::differentiate(builder, (name, *version), &applied);
    }
    let call = Call { op, inputs, outputs, grads };
    let mut scope = Scope::new(builder);
    match op {
        Op::Unary { .. } | Op::Binary { .. } | Op::Select | Op::Cast { .. } => {
            elementwise::gradient(&mut scope, &call)
        }
        Op::Reduce { .. }
        | Op::SumLike
        | Op::BroadcastLike
        | Op::BroadcastTo
        | Op::CumSum { .. }
        | Op::TopK { .. }
        | Op::Softmax
        | Op::LogSoftmax => reduce::gradient(&mut scope, &call),
        Op::MatMul { .. }
        | Op::Conv2d(_)
        | Op::Conv2dInputGrad(_)
        | Op::Conv2dFilterGrad(_)
        | Op::Pool { .. }
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::CsrMatMul { .. }
        | Op::CsrSample => product::gradient(&mut scope, &call),
        Op::Cholesky | Op::Solve { .. } | Op::TriangularSolve { .. } => {
            linalg::gradient(&mut scope, &call)
        }
        Op::Identity | Op::Assign { .. } | Op::AssignAdd { .. } => Ok(vec![grads[0]]),
        Op::AssignSub { .. } => Ok(vec![Some(scope.unary(Unary::Neg, call.grad())?)]),
        Op::WhileGrad { .. } => Err(Fault::NoGradient { op: op.name() }.into()),
        _ if !is_differentiable(op) => Ok(vec![None; inputs.len()]),
        _ => layout::gradient(&mut scope, &call),
    }
}

/// Whether something may flow back through an operation.
pub fn is_differentiable(op: &Op) -> bool {
    !matches!(
        op,
        Op::Constant { .. }
            | Op::Placeholder { .. }
            | Op::Variable { .. }
            | Op::Random { .. }
            | Op::StatelessRandom { .. }
            | Op::ArgMax { .. }
            | Op::ArgMin { .. }
            | Op::OneHot { .. }
            | Op::ShapeOf { .. }
            | Op::SizeOf { .. }
            | Op::Range
            | Op::StopGradient
            | Op::NoOp
            | Op::ScatterAdd { .. }
    )
}

/// Adds to `graph` the gradients of the sum of all elements of `ys` by each of `xs`; `None` for those
/// that `ys` do not depend on. `grad_ys` are weights of the elements, 1 where `None`.
///
/// # Errors
/// [`GraphError`] where an operation on the way has no gradient or a weight does not fit.
pub fn gradients(
    graph: &mut Graph,
    ys: &[Value],
    grad_ys: &[Option<Value>],
    xs: &[Value],
) -> Gradients {
    let mut walk = Walk::new(graph, xs)?;
    for (index, &y) in ys.iter().enumerate() {
        let weight = grad_ys.get(index).copied().flatten();
        walk.start(y, weight)?;
    }
    walk.run(xs)?;
    xs.iter().map(|&x| walk.take(x)).collect()
}

struct Walk<'g> {
    graph: &'g mut Graph,
    /// Nodes, from the first of `xs` on, that depend on one of them.
    depends: Vec<bool>,
    first: u32,
    last: u32,
    /// What has come back to each value so far.
    grads: HashMap<Value, Vec<Value>>,
}

impl<'g> Walk<'g> {
    fn new(graph: &'g mut Graph, xs: &[Value]) -> Result<Self, GraphError> {
        for &x in xs {
            graph.type_of(x)?;
        }
        let first = xs.iter().map(|x| x.node).min().unwrap_or_default();
        let mut depends = vec![false; graph.nodes().len() - first as usize];
        for x in xs {
            depends[(x.node - first) as usize] = true;
        }
        for (index, node) in graph.nodes()[first as usize..].iter().enumerate() {
            let through =
                |input: &Value| input.node >= first && depends[(input.node - first) as usize];
            depends[index] = depends[index] || node.inputs.iter().any(through);
        }
        Ok(Self { graph, depends, first, last: first, grads: HashMap::new() })
    }

    fn depends(&self, value: Value) -> bool {
        value.node >= self.first
            && self.depends.get((value.node - self.first) as usize).copied().unwrap_or(false)
    }

    fn start(&mut self, y: Value, weight: Option<Value>) -> Result<(), GraphError> {
        let dtype = self.graph.type_of(y)?.dtype;
        if !is_float(dtype) {
            let detail =
                format!("a gradient is taken of FP32 or FP64, not of {dtype}; cast it first");
            return Err(Fault::Attribute { op: "gradients", detail }.into());
        }
        if !self.depends(y) {
            return Ok(());
        }
        let weight = match weight {
            Some(weight) => weight,
            None => Scope::new(&mut *self.graph).ones_like(y)?,
        };
        self.grads.entry(y).or_default().push(weight);
        self.last = self.last.max(y.node);
        Ok(())
    }

    fn run(&mut self, xs: &[Value]) -> Result<(), GraphError> {
        let wanted: std::collections::HashSet<Value> = xs.iter().copied().collect();
        for number in (self.first..=self.last).rev() {
            if !self.depends[(number - self.first) as usize] {
                continue;
            }
            let node = &self.graph.nodes()[number as usize];
            let outputs: Vec<Value> = (0..node.outputs.len() as u32)
                .map(|output| Value { node: number, output })
                .collect();
            if !outputs.iter().any(|output| self.grads.contains_key(output)) {
                continue;
            }
            if !node.inputs.iter().any(|&input| self.depends(input)) {
                continue;
            }
            let first = self.graph.nodes().len();
            self.step(number, &outputs, &wanted).map_err(|error| error.at(number))?;
            self.graph.set_origin(first, number);
        }
        Ok(())
    }

    /// Takes the gradients of a node's outputs to its inputs.
    fn step(
        &mut self,
        number: u32,
        outputs: &[Value],
        wanted: &std::collections::HashSet<Value>,
    ) -> Result<(), GraphError> {
        let mut grads = Vec::with_capacity(outputs.len());
        for &output in outputs {
            let grad = self.take(output)?;
            if wanted.contains(&output)
                && let Some(grad) = grad
            {
                self.grads.insert(output, vec![grad]);
            }
            grads.push(grad);
        }
        let node = &self.graph.nodes()[number as usize];
        let (op, inputs) = (node.op.clone(), node.inputs.clone());
        let back = match op {
            Op::Custom { id, .. } => self.through_custom(id, &inputs, outputs, &grads)?,
            Op::Cond { then, otherwise } => {
                control::of_cond(self.graph, then, otherwise, &inputs, outputs, &grads)?
            }
            Op::While { cond, body } => {
                control::of_while(self.graph, cond, body, &inputs, outputs, &grads)?
            }
            _ => differentiate(&mut *self.graph, &op, &inputs, outputs, &grads)?,
        };
        for (&input, grad) in inputs.iter().zip(back) {
            if let Some(grad) = grad
                && self.depends(input)
                && is_float(self.graph.type_of(input)?.dtype)
            {
                self.grads.entry(input).or_default().push(grad);
            }
        }
        Ok(())
    }

    /// The gradients of a user's operation are another operation of the user's.
    fn through_custom(
        &mut self,
        id: u32,
        inputs: &[Value],
        outputs: &[Value],
        grads: &[Option<Value>],
    ) -> Gradients {
        let custom = self.graph.custom(id).and_then(|custom| custom.gradient());
        let custom = custom.ok_or(Fault::NoGradient { op: "custom" })?;
        let mut given = [inputs, outputs].concat();
        for (&output, grad) in outputs.iter().zip(grads) {
            given.push(match grad {
                Some(grad) => *grad,
                None => Scope::new(&mut *self.graph).zeros_like(output)?,
            });
        }
        let types = inputs.iter().map(|&input| self.graph.type_of(input).cloned());
        let types = types.collect::<Result<Vec<_>, GraphError>>()?;
        let made = types.into_iter().map(|known| (known.dtype, known.dims.0)).collect();
        let id = self.graph.add_custom(custom);
        let node = self.graph.add(Op::Custom { id, outputs: made }, &given, &[])?;
        Ok((0..inputs.len() as u32).map(|output| Some(Value { node, output })).collect())
    }

    /// The sum of what has come back to a value.
    fn take(&mut self, value: Value) -> Result<Option<Value>, GraphError> {
        let Some(parts) = self.grads.remove(&value) else { return Ok(None) };
        let mut parts = parts.into_iter();
        let Some(mut sum) = parts.next() else { return Ok(None) };
        for part in parts {
            sum = Scope::new(&mut *self.graph).add(sum, part)?;
        }
        Ok(Some(sum))
    }
}
