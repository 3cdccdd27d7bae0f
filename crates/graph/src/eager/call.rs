//! Graphs that are run as one operation.

use std::collections::HashSet;
use std::sync::Arc;

use ferrule_tensor::array::Array;
use smallvec::SmallVec;

use super::apply::depends;
use super::{Outputs, Record, Tensor, Work};
use crate::error::GraphError;
use crate::evaluate::reads;
use crate::gradient::gradients;
use crate::graph::{Graph, Value};
use crate::op::Op;
use crate::types::is_float;

/// A run of a graph, as gradients need it.
#[derive(Debug)]
pub struct Call {
    /// Its operations.
    pub graph: Arc<Graph>,
    /// Values that the inputs of the call stand for: placeholders and variables.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub outputs: Vec<Value>,
    /// Values on the way that the run left, so that they need not be computed again.
    pub residuals: Vec<(Value, Array)>,
}

/// Remembers a run of a graph, whose outputs are `outputs`.
pub fn apply_call(call: Call, inputs: &[&Tensor], outputs: Vec<Array>) -> Outputs {
    if depends(inputs) {
        return Record::remember(Work::Call(Arc::new(call)), inputs, outputs.into());
    }
    outputs.into_iter().map(Tensor::new).collect()
}

/// The values between `inputs` and `outputs` that the gradients of the outputs are computed from.
///
/// # Errors
/// As [`gradients`].
pub fn residuals(
    graph: &Graph,
    inputs: &[Value],
    outputs: &[Value],
) -> Result<Vec<Value>, GraphError> {
    let mut whole = graph.clone();
    let forward = whole.nodes().len() as u32;
    let is_float_value =
        |value: &&Value| graph.type_of(**value).is_ok_and(|known| is_float(known.dtype));
    let xs: Vec<Value> = inputs.iter().filter(is_float_value).copied().collect();
    let ys: Vec<Value> = outputs.iter().filter(is_float_value).copied().collect();
    let grads = gradients(&mut whole, &ys, &vec![None; ys.len()], &xs)?;
    let mut kept: SmallVec<[Value; 8]> = SmallVec::new();
    let mut open: Vec<Value> = grads.into_iter().flatten().collect();
    let mut seen: HashSet<Value> = open.iter().copied().collect();
    while let Some(value) = open.pop() {
        let node = &whole.nodes()[value.node as usize];
        if value.node < forward {
            let is_given = inputs.contains(&value) || matches!(node.op, Op::Constant { .. });
            if !is_given {
                kept.push(value);
            }
            continue;
        }
        for (index, &input) in node.inputs.iter().enumerate() {
            if reads(&node.op, index) && seen.insert(input) {
                open.push(input);
            }
        }
    }
    // Drawn again, random numbers would be others.
    for (number, node) in (0..).zip(graph.nodes()) {
        if matches!(node.op, Op::Random { .. }) && !kept.contains(&Value::of(number)) {
            kept.push(Value::of(number));
        }
    }
    kept.sort_unstable();
    Ok(kept.into_vec())
}

impl Call {
    /// What tells it from other calls.
    pub(super) fn without_residuals(&self) -> Self {
        Self {
            graph: Arc::clone(&self.graph),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            residuals: Vec::new(),
        }
    }
}
