//! Branches and loops of a traced function: each part of them is traced as a graph of its own.

use ferrule_graph::{Graph, Op, Subgraph, Value};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use smallvec::SmallVec;

use super::trace::{Trace, exchange, not_tracing, with};
use super::{Content, Symbol, Tensor};
use crate::flow::arrays::dtype_name;
use crate::flow::where_::user_line;

/// A branch, or the condition or the body of a loop, that was traced.
#[pyclass(frozen)]
pub(crate) struct TracedPart {
    /// The number of the trace around it.
    outer: u64,
    graph: Graph,
    inputs: Vec<Symbol>,
    /// Values of the trace around it, and what they are in the graph.
    taken: Vec<(Symbol, Symbol)>,
    outputs: Vec<Symbol>,
}

/// Begins to trace a part within the function that is being traced; returns what stands for its
/// arguments, which are like these tensors.
#[pyfunction]
pub(crate) fn part_begin(py: Python<'_>, like: Vec<Bound<'_, Tensor>>) -> PyResult<Vec<Tensor>> {
    let (mut trace, symbols) = Trace::new(py, &like)?;
    let begin = |outer| {
        trace.outer = Some(Box::new(outer));
        (trace, true)
    };
    if exchange(begin) { Ok(symbols) } else { Err(not_tracing()) }
}

/// Ends the part; on an error it goes on.
#[pyfunction]
pub(crate) fn part_end(outputs: Vec<Bound<'_, Tensor>>) -> PyResult<TracedPart> {
    let symbols = with(|trace| outputs.iter().map(|one| trace.symbol(one)).collect());
    let outputs: Vec<Symbol> = symbols?;
    leave(outputs).ok_or_else(not_tracing)
}

/// Forgets what was traced of the part.
#[pyfunction]
pub(crate) fn part_abort() {
    drop(leave(Vec::new()));
}

/// Goes back to the trace around a part.
fn leave(outputs: Vec<Symbol>) -> Option<TracedPart> {
    let mut part = None;
    exchange(|mut trace| match trace.outer.take() {
        Some(outer) => {
            let Trace { graph, inputs, taken, .. } = trace;
            part = Some(TracedPart { outer: outer.number, graph, inputs, taken, outputs });
            (*outer, true)
        }
        None => (trace, false),
    });
    part
}

impl TracedPart {
    /// The part as a function of its arguments and of values of the trace around it, and what those
    /// are in its graph.
    fn subgraph(&self, py: Python<'_>, around: &[Symbol]) -> PyResult<(Subgraph, Vec<Value>)> {
        let mut graph = self.graph.clone();
        let mut given = Vec::with_capacity(around.len());
        for one in around {
            let known = self.taken.iter().find(|taken| taken.0.value == one.value);
            given.push(match known {
                Some((_, inner)) => inner.value,
                None => {
                    let shape = Some(one.shape.iter().map(|&size| Some(size)).collect());
                    let node = graph.add(Op::Placeholder { dtype: one.dtype, shape }, &[], &[]);
                    Value::of(node.map_err(|error| crate::flow::raised(py, &error))?)
                }
            });
        }
        let inputs = self.inputs.iter().map(|input| input.value).chain(given.iter().copied());
        let outputs = self.outputs.iter().map(|output| output.value).collect();
        Ok((Subgraph { inputs: inputs.collect(), graph, outputs }, given))
    }
}

/// The values that parts take from the trace around them, each once.
fn around(trace: &Trace, parts: [&TracedPart; 2]) -> PyResult<Vec<Symbol>> {
    let mut all: Vec<Symbol> = Vec::new();
    for part in parts {
        if part.outer != trace.number {
            return Err(PyRuntimeError::new_err("a part of another trace"));
        }
        for (one, _) in &part.taken {
            if all.iter().all(|known| known.value != one.value) {
                all.push(*one);
            }
        }
    }
    Ok(all)
}

fn described(symbols: &[Symbol]) -> String {
    let one = |symbol: &Symbol| format!("{} {}", dtype_name(symbol.dtype), symbol.shape);
    symbols.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn check_alike(what: &str, found: &[Symbol], other: &str, wanted: &[Symbol]) -> PyResult<()> {
    let alike = |(a, b): (&Symbol, &Symbol)| a.dtype == b.dtype && a.shape == b.shape;
    if found.len() == wanted.len() && found.iter().zip(wanted).all(alike) {
        return Ok(());
    }
    let (found, wanted) = (described(found), described(wanted));
    Err(PyValueError::new_err(format!(
        "{what} gives {found}, but {other} {wanted}: dtypes and shapes must be the same"
    )))
}

/// What `then` gives where `pred` is true, else what `otherwise` gives.
#[pyfunction]
pub(crate) fn trace_cond(
    py: Python<'_>,
    pred: &Bound<'_, Tensor>,
    then: &TracedPart,
    otherwise: &TracedPart,
) -> PyResult<Vec<Tensor>> {
    let line = user_line(py)?;
    with(|trace| {
        trace.lines.mark(&trace.graph, line);
        check_alike("true_fn", &then.outputs, "false_fn gives", &otherwise.outputs)?;
        let around = around(trace, [then, otherwise])?;
        let mut numbers = [0; 2];
        for (number, part) in numbers.iter_mut().zip([then, otherwise]) {
            *number = trace.graph.add_subgraph(part.subgraph(py, &around)?.0);
        }
        let [then, otherwise] = numbers;
        let mut symbols: SmallVec<[Symbol; 8]> = SmallVec::new();
        symbols.push(trace.symbol(pred)?);
        symbols.extend(around);
        let made = trace.add(py, &Op::Cond { then, otherwise }, &symbols)?;
        Ok(made.into_iter().map(|one| Tensor::of(Content::Symbol(one))).collect())
    })
}

/// What `body` makes of `carried`, over and over while `cond` of it is true.
#[pyfunction]
pub(crate) fn trace_while(
    py: Python<'_>,
    carried: Vec<Bound<'_, Tensor>>,
    cond: &TracedPart,
    body: &TracedPart,
) -> PyResult<Vec<Tensor>> {
    let line = user_line(py)?;
    with(|trace| {
        trace.lines.mark(&trace.graph, line);
        check_alike("body_fn", &body.outputs, "takes", &body.inputs)?;
        let around = around(trace, [cond, body])?;
        let (test, _) = cond.subgraph(py, &around)?;
        let (mut step, given) = body.subgraph(py, &around)?;
        step.outputs.extend(given);
        let (cond, body) = (trace.graph.add_subgraph(test), trace.graph.add_subgraph(step));
        let count = carried.len();
        let symbols = carried.iter().map(|one| trace.symbol(one)).chain(around.into_iter().map(Ok));
        let symbols = symbols.collect::<PyResult<SmallVec<[Symbol; 8]>>>()?;
        let made = trace.add(py, &Op::While { cond, body }, &symbols)?;
        Ok(made.into_iter().take(count).map(|one| Tensor::of(Content::Symbol(one))).collect())
    })
}
