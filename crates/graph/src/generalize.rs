//! Graphs of functions that were traced for some sizes, made graphs for any.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::GraphError;
use crate::graph::{Graph, Node, Subgraph, Value};
use crate::op::Op;
use crate::types::{Dims, Type};

/// The graph that `a` and `b` are for two choices of sizes, with placeholders of the dimensions that
/// `placeholders` says, by their nodes; nodes keep their numbers. `None` where the two do not the same.
///
/// A reshape may name sizes that differ between the two, at one place: that place is left open.
///
/// # Errors
/// [`GraphError`] where an operation does not take what it then would be given.
pub fn generalize(
    a: &Graph,
    b: &Graph,
    placeholders: &HashMap<u32, Dims>,
) -> Result<Option<Graph>, GraphError> {
    if a.nodes().len() != b.nodes().len() {
        return Ok(None);
    }
    let mut made = Graph::new();
    for (number, (one, other)) in (0..).zip(a.nodes().iter().zip(b.nodes())) {
        if one.inputs != other.inputs {
            return Ok(None);
        }
        let op = match (&one.op, &other.op) {
            (Op::Placeholder { dtype, shape }, Op::Placeholder { dtype: also, .. })
                if dtype == also =>
            {
                let shape = placeholders.get(&number).map_or(shape, |dims| &dims.0).clone();
                Some(Op::Placeholder { dtype: *dtype, shape })
            }
            (Op::Cond { then, otherwise }, Op::Cond { .. }) => {
                let inner = inner(&mut made, [a, b], [*then, *otherwise], one, 1)?;
                inner.map(|[then, otherwise]| Op::Cond { then, otherwise })
            }
            (Op::While { cond, body }, Op::While { .. }) => {
                let inner = inner(&mut made, [a, b], [*cond, *body], one, 0)?;
                inner.map(|[cond, body]| Op::While { cond, body })
            }
            (same, op) if same == op => Some(made.adopted(a, same)),
            (Op::Reshape { .. }, Op::Reshape { .. }) => {
                reshape([&one.outputs[0].dims, &other.outputs[0].dims])
            }
            _ => None,
        };
        let Some(op) = op else { return Ok(None) };
        made.add(op, &one.inputs, &one.control).map_err(|error| error.at(number))?;
    }
    Ok(Some(made))
}

/// Two subgraphs of both graphs, for what the node is given in `made` from its input `first` on.
fn inner(
    made: &mut Graph,
    graphs: [&Graph; 2],
    ids: [u32; 2],
    node: &Node,
    first: usize,
) -> Result<Option<[u32; 2]>, GraphError> {
    let types = node.inputs[first..].iter().map(|&input| made.type_of(input).cloned());
    let types = types.collect::<Result<Vec<Type>, GraphError>>()?;
    let mut found = [0; 2];
    for (found, id) in found.iter_mut().zip(ids) {
        let [Some(a), Some(b)] = graphs.map(|graph| graph.subgraphs().get(id as usize)) else {
            return Ok(None);
        };
        if a.inputs != b.inputs || a.outputs != b.outputs {
            return Ok(None);
        }
        let dims = a.inputs.iter().map(|input: &Value| input.node);
        let dims = dims.zip(types.iter().map(|known| known.dims.clone())).collect();
        let Some(graph) = generalize(&a.graph, &b.graph, &dims)? else { return Ok(None) };
        let Subgraph { inputs, outputs, .. } = Subgraph::clone(&Arc::clone(a));
        *found = made.add_subgraph(Subgraph { graph, inputs, outputs });
    }
    Ok(Some(found))
}

/// The reshape that gave these two, where at most one size differs.
fn reshape(made: [&Dims; 2]) -> Option<Op> {
    let [one, other] = made.map(Dims::shape);
    let (one, other) = (one?, other?);
    if one.len() != other.len() {
        return None;
    }
    let open = |(&one, &other): (&usize, &usize)| if one == other { one as i64 } else { -1 };
    let shape: Vec<i64> = one.iter().zip(other.iter()).map(open).collect();
    (shape.iter().filter(|&&size| size == -1).count() <= 1).then_some(Op::Reshape { shape })
}
