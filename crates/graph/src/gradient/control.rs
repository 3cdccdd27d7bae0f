//! Gradients of branches and loops: branches and loops over the gradients of their subgraphs.

use std::sync::Arc;

use super::{Gradients, Scope, gradients};
use crate::error::{Fault, GraphError};
use crate::graph::{Graph, Subgraph, Value};
use crate::op::Op;
use crate::types::{Type, is_float};

/// Each branch becomes the gradient of that branch.
pub(super) fn of_cond(
    graph: &mut Graph,
    then: u32,
    otherwise: u32,
    inputs: &[Value],
    outputs: &[Value],
    grads: &[Option<Value>],
) -> Gradients {
    let then = backward(graph, then)?;
    let otherwise = backward(graph, otherwise)?;
    let mut given = inputs.to_vec();
    given.extend(float_grads(graph, outputs, grads)?);
    let node = graph.add(Op::Cond { then, otherwise }, &given, &[])?;
    let mut back = vec![None];
    back.extend(by_float_inputs(graph, &inputs[1..], node)?);
    Ok(back)
}

/// The loop runs again, its steps kept, and then backwards.
pub(super) fn of_while(
    graph: &mut Graph,
    cond: u32,
    body: u32,
    inputs: &[Value],
    outputs: &[Value],
    grads: &[Option<Value>],
) -> Gradients {
    let back = backward(graph, body)?;
    let mut given = inputs.to_vec();
    given.extend(float_grads(graph, outputs, grads)?);
    let node = graph.add(Op::WhileGrad { cond, body, back }, &given, &[])?;
    by_float_inputs(graph, inputs, node)
}

/// The gradients of the float outputs, zeros where there are none.
fn float_grads(
    graph: &mut Graph,
    outputs: &[Value],
    grads: &[Option<Value>],
) -> Result<Vec<Value>, GraphError> {
    let mut given = Vec::new();
    for (&output, grad) in outputs.iter().zip(grads) {
        if is_float(graph.type_of(output)?.dtype) {
            given.push(match grad {
                Some(grad) => *grad,
                None => Scope::new(graph).zeros_like(output)?,
            });
        }
    }
    Ok(given)
}

/// The outputs of `node`, one for each float input.
fn by_float_inputs(graph: &Graph, inputs: &[Value], node: u32) -> Gradients {
    let mut next = 0..;
    let by_input = |&input: &Value| {
        let float = is_float(graph.type_of(input)?.dtype);
        Ok(if float { next.next().map(|output| Value { node, output }) } else { None })
    };
    inputs.iter().map(by_input).collect()
}

/// Adds the gradient of a subgraph: of its inputs and the gradients of its float outputs, by its float
/// inputs.
fn backward(graph: &mut Graph, id: u32) -> Result<u32, GraphError> {
    let missing = Fault::NoGradient { op: "cond" };
    let forward: Arc<Subgraph> = graph.subgraphs().get(id as usize).ok_or(missing)?.clone();
    let Subgraph { graph: mut inner, mut inputs, outputs } = (*forward).clone();
    let mut ys = Vec::new();
    let mut weights = Vec::new();
    for output in outputs {
        let Type { dtype, dims } = inner.type_of(output)?.clone();
        if is_float(dtype) {
            let shape = dims.0;
            let grad = Value::of(inner.add(Op::Placeholder { dtype, shape }, &[], &[])?);
            ys.push(output);
            weights.push(Some(grad));
        }
    }
    let mut xs = Vec::new();
    for &input in &inputs {
        if is_float(inner.type_of(input)?.dtype) {
            xs.push(input);
        }
    }
    let found = gradients(&mut inner, &ys, &weights, &xs)?;
    let mut by_inputs = Vec::new();
    for (&x, grad) in xs.iter().zip(found) {
        by_inputs.push(match grad {
            Some(grad) => grad,
            None => Scope::new(&mut inner).zeros_like(x)?,
        });
    }
    inputs.extend(weights.into_iter().flatten());
    Ok(graph.add_subgraph(Subgraph { graph: inner, inputs, outputs: by_inputs }))
}
