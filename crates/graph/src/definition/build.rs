//! From a definition, which may say anything, to a graph.

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};

use super::{
    Definition, Entry, LITERAL_ELEMENTS_MAX, NODES_MAX, Port, check_name, check_stored,
    check_unique, wrong,
};
use crate::error::GraphError;
use crate::graph::{Graph, Subgraph, Value};
use crate::literal::Literal;
use crate::op::Op;

/// An array that a definition names.
#[derive(Clone, Debug)]
pub enum Weight {
    /// Its elements.
    Array(Array),
    /// What is known of it, where only a check is wanted.
    Type(DType, Shape),
}

/// A graph that was made of a definition.
#[derive(Clone, Debug)]
pub struct Built {
    /// The graph. Where a [`Weight::Type`] was given, there is a variable without a value.
    pub graph: Graph,
    /// Its placeholders, by name.
    pub inputs: Vec<(String, Value)>,
    /// What it computes, by name.
    pub outputs: Vec<(String, Value)>,
}

impl Definition {
    /// Makes the graph, each node of which is checked; `weight` gives the arrays that it names.
    ///
    /// # Errors
    /// [`GraphError`] for whatever is wrong: values that do not exist, shapes and dtypes that do not
    /// fit, operations that are not stored, too many nodes, missing arrays.
    pub fn build(
        &self,
        weight: &mut dyn FnMut(&str) -> Option<Weight>,
    ) -> Result<Built, GraphError> {
        check_unique("input", self.inputs.iter().map(|port| port.name.as_str()))?;
        check_unique("output", self.outputs.iter().map(|port| port.name.as_str()))?;
        if self.outputs.is_empty() {
            return Err(wrong("it has no output".into()).into());
        }
        self.count_runs(0)?;
        self.made(weight)
    }

    /// Nodes, with those of subgraphs once for each node that runs them.
    ///
    /// Without a bound on that, a file of some kilobytes would make a plan without end.
    fn count_runs(&self, depth: usize) -> Result<usize, GraphError> {
        let too_many = || wrong(format!("it has more than {NODES_MAX} nodes, or is too deep"));
        if self.nodes.len() > NODES_MAX || depth > DEPTH_MAX {
            return Err(too_many().into());
        }
        let inner = self.subgraphs.iter().map(|inner| inner.count_runs(depth + 1));
        let inner = inner.collect::<Result<Vec<usize>, GraphError>>()?;
        let mut total = self.nodes.len();
        for entry in &self.nodes {
            let run = match entry {
                Entry::Node(Op::Cond { then, otherwise }, _) => [*then, *otherwise],
                Entry::Node(Op::While { cond, body }, _) => [*cond, *body],
                _ => continue,
            };
            for id in run {
                let missing = || wrong(format!("there is no subgraph {id}"));
                total = total.saturating_add(*inner.get(id as usize).ok_or_else(missing)?);
            }
        }
        if total > NODES_MAX { Err(too_many().into()) } else { Ok(total) }
    }

    fn made(&self, weight: &mut dyn FnMut(&str) -> Option<Weight>) -> Result<Built, GraphError> {
        let mut graph = Graph::new();
        for subgraph in &self.subgraphs {
            let Built { graph: inner, inputs, outputs } =
                subgraph.made(weight).map_err(GraphError::outside)?;
            let values = |named: Vec<(String, Value)>| named.into_iter().map(|one| one.1).collect();
            let (inputs, outputs) = (values(inputs), values(outputs));
            graph.add_subgraph(Subgraph { graph: inner, inputs, outputs });
        }
        for (number, entry) in self.nodes.iter().enumerate() {
            let number = number as u32;
            self.add(&mut graph, number, entry, weight).map_err(|error| error.at(number))?;
        }
        let inputs = self.ports(&graph, &self.inputs)?;
        self.check_inputs(&graph, &inputs)?;
        let outputs = self.ports(&graph, &self.outputs)?;
        Ok(Built { graph, inputs, outputs })
    }

    fn add(
        &self,
        graph: &mut Graph,
        number: u32,
        entry: &Entry,
        weight: &mut dyn FnMut(&str) -> Option<Weight>,
    ) -> Result<(), GraphError> {
        let (op, inputs) = match entry {
            Entry::Weight(name) => (weight_op(number, name, weight)?, &[][..]),
            Entry::Node(op, inputs) => {
                check_stored(op)?;
                check_attributes(op)?;
                (op.clone(), inputs.as_slice())
            }
        };
        graph.add(op, inputs, &[]).map(drop)
    }

    fn ports(&self, graph: &Graph, ports: &[Port]) -> Result<Vec<(String, Value)>, GraphError> {
        let port = |port: &Port| {
            graph.type_of(port.value())?;
            Ok((port.name.clone(), port.value()))
        };
        ports.iter().map(port).collect()
    }

    /// Every input is a placeholder, and every placeholder is one input.
    fn check_inputs(&self, graph: &Graph, inputs: &[(String, Value)]) -> Result<(), GraphError> {
        let is_placeholder = |node: u32| matches!(graph.node(node), Some(node) if matches!(node.op, Op::Placeholder { .. }));
        let mut named: Vec<u32> = inputs.iter().map(|input| input.1.node).collect();
        named.sort_unstable();
        if let Some(node) = named.iter().copied().find(|&node| !is_placeholder(node)) {
            return Err(GraphError::from(wrong("an input is no placeholder".into())).at(node));
        }
        let all = (0..graph.nodes().len() as u32).filter(|&node| is_placeholder(node));
        if all.eq(named) {
            return Ok(());
        }
        Err(wrong("every placeholder must be one input".into()).into())
    }
}

/// How deep subgraphs may lie in each other.
const DEPTH_MAX: usize = 16;

fn weight_op(
    number: u32,
    name: &str,
    weight: &mut dyn FnMut(&str) -> Option<Weight>,
) -> Result<Op, GraphError> {
    check_name(name)?;
    match weight(name) {
        Some(Weight::Array(array)) => Ok(Op::Constant { value: Literal(array) }),
        Some(Weight::Type(dtype, shape)) => {
            Ok(Op::Variable { id: number, dtype, shape: shape.to_vec() })
        }
        None => Err(wrong(format!("there is no tensor {name:?}")).into()),
    }
}

fn check_attributes(op: &Op) -> Result<(), GraphError> {
    let Op::Constant { value } = op else { return Ok(()) };
    if value.0.elements() > LITERAL_ELEMENTS_MAX {
        let detail =
            format!("a constant among the nodes has at most {LITERAL_ELEMENTS_MAX} elements");
        return Err(wrong(detail).into());
    }
    if value.0.dtype() == DType::Bool && value.0.as_bytes().iter().any(|&byte| byte > 1) {
        return Err(wrong("a truth value is neither 0 nor 1".into()).into());
    }
    Ok(())
}
