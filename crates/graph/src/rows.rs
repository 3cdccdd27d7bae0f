//! Whether a graph computes row by row: what tells that requests may share a run.

use crate::graph::{Graph, Node, Value};
use crate::op::Op;
use crate::plan::{Request, needed_nodes};
use crate::registry;
use crate::types::{Dims, absolute};

/// How a value depends on the rows of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// Not at all.
    Free,
    /// Its first axis is that of the rows, and a row of it depends on that row alone.
    Each,
    /// In some other way, or in none that is known here.
    Mixed,
}

/// Whether every row of `outputs`, along the first axis, depends on that row of `inputs` alone.
///
/// Then rows of several requests may be computed together. It is told from the operations and what is
/// known of shapes; `false` where that does not tell.
pub fn is_rowwise(graph: &Graph, inputs: &[Value], outputs: &[Value]) -> bool {
    let request =
        Request { fetches: outputs.to_vec(), targets: Vec::new(), feeds: inputs.to_vec() };
    let Ok(needed) = needed_nodes(graph, &request) else { return false };
    let mut rows: Vec<Rows> = vec![Rows::Mixed; graph.nodes().len()];
    for input in inputs {
        rows[input.node as usize] = Rows::Each;
    }
    for number in needed {
        let Some(node) = graph.node(number) else { return false };
        rows[number as usize] = of_node(graph, node, &rows);
    }
    let has_rows = |value: &Value| {
        let known = graph.type_of(*value).ok().and_then(|known| known.dims.rank());
        known.is_some_and(|rank| rank > 0)
    };
    let each = |value: &Value| rows[value.node as usize] == Rows::Each && has_rows(value);
    !inputs.is_empty() && inputs.iter().all(has_rows) && outputs.iter().all(each)
}

fn of_node(graph: &Graph, node: &Node, rows: &[Rows]) -> Rows {
    let inputs: Vec<Rows> = node.inputs.iter().map(|value| rows[value.node as usize]).collect();
    if inputs.contains(&Rows::Mixed) {
        return Rows::Mixed;
    }
    if !inputs.contains(&Rows::Each) {
        return Rows::Free;
    }
    let call = Call { graph, node, inputs: &inputs };
    if call.keeps_rows().unwrap_or(false) { Rows::Each } else { Rows::Mixed }
}

struct Call<'a> {
    graph: &'a Graph,
    node: &'a Node,
    inputs: &'a [Rows],
}

impl Call<'_> {
    fn dims(&self, input: usize) -> Option<&Dims> {
        self.graph.type_of(*self.node.inputs.get(input)?).ok().map(|known| &known.dims)
    }

    fn rank(&self, input: usize) -> Option<usize> {
        self.dims(input)?.rank()
    }

    fn is_free(&self, input: usize) -> bool {
        self.inputs.get(input) == Some(&Rows::Free)
    }

    /// Whether rows go in and rows come out; `None` where too little is known.
    fn keeps_rows(&self) -> Option<bool> {
        let first_only = || (1..self.inputs.len()).all(|input| self.is_free(input));
        Some(match &self.node.op {
            Op::Unary { .. } | Op::Cast { .. } | Op::Identity | Op::StopGradient => true,
            Op::Binary { .. } | Op::Select | Op::BroadcastLike => return self.aligned(),
            Op::Softmax | Op::LogSoftmax | Op::TopK { .. } => self.rank(0)? > 1,
            Op::Reduce { axes, .. } => self.spares_first(axes.as_deref()?)?,
            Op::ArgMax { axis } | Op::ArgMin { axis } | Op::CumSum { axis, .. } => {
                self.spares_first(&[*axis])?
            }
            Op::Reverse { axes } => self.spares_first(axes)?,
            Op::Squeeze { axes } => self.spares_first(axes.as_deref()?)?,
            Op::ExpandDims { axis } => absolute(*axis, self.rank(0)? + 1)? > 0,
            Op::Transpose { perm } => perm.as_ref()?.first() == Some(&0),
            Op::MatMul { transpose_a, .. } => return self.product(*transpose_a),
            Op::Conv2d(_) => first_only(),
            Op::Pool { .. } => true,
            Op::Reshape { shape } => return self.reshape(shape),
            Op::Concat { axis } => {
                self.spares_first(&[*axis])? && self.inputs.iter().all(|&one| one == Rows::Each)
            }
            Op::Slice { starts, stops, strides } => {
                let whole = |axis: usize| Some((*starts.get(axis)?, *stops.get(axis)?));
                whole(0).is_none_or(|cut| cut == (None, None))
                    && strides.first().is_none_or(|&step| step == 1)
            }
            Op::Pad { before, after, .. } => {
                before.first() == Some(&0) && after.first() == Some(&0)
            }
            Op::Tile { multiples } => multiples.first() == Some(&1),
            Op::Gather { axis } => return self.gather(*axis),
            Op::OneHot { .. } => self.rank(0)? > 0,
            Op::Registered { name, version, attributes } => {
                registry::find(name, *version).ok()?.is_rowwise(attributes)
                    && self.inputs.iter().all(|&one| one == Rows::Each)
            }
            _ => false,
        })
    }

    /// Whether none of `axes` is the first.
    fn spares_first(&self, axes: &[i64]) -> Option<bool> {
        let rank = self.rank(0)?;
        axes.iter()
            .map(|&axis| absolute(axis, rank).map(|axis| axis > 0))
            .try_fold(true, |all, one| Some(all && one?))
    }

    /// Whether inputs that broadcast do so with their rows beside each other.
    fn aligned(&self) -> Option<bool> {
        let rank = self.node.outputs.first()?.dims.rank()?;
        let mut all = true;
        for input in 0..self.inputs.len() {
            all &= match self.inputs[input] {
                Rows::Each => self.rank(input)? == rank,
                _ => self.repeats(input, rank)?,
            };
        }
        Some(all)
    }

    /// Whether an input without rows is the same for each row of `rank` dimensions.
    fn repeats(&self, input: usize, rank: usize) -> Option<bool> {
        let dims = self.dims(input)?;
        Some(dims.rank()? < rank || dims.size(0) == Some(1))
    }

    fn product(&self, transpose_a: bool) -> Option<bool> {
        let (left, right) = (self.rank(0)?, self.rank(1)?);
        if left == 2 {
            // Rows of a matrix by a matrix.
            return Some(!transpose_a && right == 2 && self.is_free(1));
        }
        let side = |input: usize, rank: usize, other: usize| {
            if self.is_free(input) { self.repeats(input, other) } else { Some(rank >= other) }
        };
        Some(left.max(right) > 2 && side(0, left, right)? && side(1, right, left)?)
    }

    /// Whether as many elements as a row has become a row.
    fn reshape(&self, shape: &[i64]) -> Option<bool> {
        let sizes = self.dims(0)?.0.as_ref()?;
        let row =
            sizes.get(1..)?.iter().copied().try_fold(1usize, |all, size| all.checked_mul(size?))?;
        let (&rows, rest) = shape.split_first()?;
        let wanted = rest
            .iter()
            .try_fold(1usize, |all, &size| all.checked_mul(usize::try_from(size).ok()?))?;
        Some(rows == -1 && wanted == row && row > 0)
    }

    fn gather(&self, axis: i64) -> Option<bool> {
        let at = absolute(axis, self.rank(0)?)?;
        Some(match (self.is_free(0), self.is_free(1)) {
            // Rows of a table.
            (true, false) => at == 0 && self.rank(1)? > 0,
            (false, true) => at > 0,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use ferrule_base::DType;
    use ferrule_tensor::array::{Array, Shape};
    use ferrule_tensor::ops::{Binary, Reduction};

    use super::*;

    /// Whether `build`, of a placeholder [?, 3] and a constant [3, 3], computes row by row.
    fn rowwise(build: impl Fn(&mut Graph, Value, Value) -> Value) -> bool {
        let mut graph = Graph::new();
        let shape = Some(vec![None, Some(3)]);
        let x = graph.add(Op::Placeholder { dtype: DType::Fp32, shape }, &[], &[]).unwrap();
        let square = Array::zeros(DType::Fp32, Shape::new(&[3, 3]).unwrap());
        let w = graph.constant(square).unwrap();
        let y = build(&mut graph, Value::of(x), Value::of(w));
        is_rowwise(&graph, &[Value::of(x)], &[y])
    }

    fn add(graph: &mut Graph, op: Op, inputs: &[Value]) -> Value {
        Value::of(graph.add(op, inputs, &[]).unwrap())
    }

    const PRODUCT: Op = Op::MatMul { transpose_a: false, transpose_b: false };

    fn sum(axes: Option<Vec<i64>>) -> Op {
        Op::Reduce { f: Reduction::Sum, axes, keepdims: true }
    }

    #[test]
    fn a_layer_and_sums_within_rows_are_rowwise() {
        assert!(rowwise(|graph, x, w| {
            let y = add(graph, PRODUCT, &[x, w]);
            let y = add(graph, Op::Softmax, &[y]);
            let total = add(graph, sum(Some(vec![-1])), &[y]);
            add(graph, Op::Binary { f: Binary::Div }, &[y, total])
        }));
        assert!(rowwise(|graph, x, _| add(graph, Op::Reshape { shape: vec![-1, 3, 1] }, &[x])));
    }

    #[test]
    fn what_rows_share_is_not_rowwise() {
        let share: [fn(&mut Graph, Value, Value) -> Value; 5] = [
            |graph, x, _| add(graph, sum(Some(vec![0])), &[x]),
            |graph, x, _| {
                let all = add(graph, sum(None), &[x]);
                add(graph, Op::Binary { f: Binary::Sub }, &[x, all])
            },
            |graph, x, w| {
                let turned = add(graph, Op::Transpose { perm: Some(vec![1, 0]) }, &[x]);
                add(graph, PRODUCT, &[w, turned])
            },
            |graph, x, w| add(graph, Op::Binary { f: Binary::Add }, &[x, w]),
            |graph, x, _| add(graph, Op::Reshape { shape: vec![-1, 6] }, &[x]),
        ];
        for build in share {
            assert!(!rowwise(build));
        }
    }
}
