//! From a graph in use to its definition.

use std::collections::{HashMap, HashSet};

use ferrule_tensor::array::Array;

use super::{
    Definition, Entry, LITERAL_ELEMENTS_MAX, NODES_MAX, Port, check_stored, check_unique, wrong,
};
use crate::error::{Fault, GraphError};
use crate::graph::{Graph, Node, Subgraph, Value};
use crate::op::Op;
use crate::plan::{Request, needed_nodes};
use crate::types::Type;

/// A definition and the arrays that it names.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// What is computed.
    pub definition: Definition,
    /// From what, beside the inputs; each named once.
    pub weights: Vec<(String, Array)>,
}

/// Arrays that stand for parts of a graph, each under the name that it is stored by.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The values of variables, by their numbers.
    pub variables: HashMap<u32, (String, Array)>,
    /// What placeholders that are no inputs stand for, such as the tensors that a traced function has
    /// captured, by their nodes.
    pub placeholders: HashMap<u32, (String, Array)>,
}

impl Known {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.values().chain(self.placeholders.values()).map(|known| known.0.as_str())
    }
}

/// Writes down what `outputs` need from `inputs`, with what is `known` as constants.
///
/// An input may be any value: what it was computed from is left out.
///
/// # Errors
/// [`GraphError`] with the node: where a placeholder is needed that is no input, a variable has no
/// value, an operation cannot be stored (one of Python's, one that changes variables, random numbers,
/// parts of gradients), or names stand twice.
pub fn freeze(
    graph: &Graph,
    inputs: &[(String, Value)],
    outputs: &[(String, Value)],
    known: &Known,
) -> Result<Frozen, GraphError> {
    check_unique("input", inputs.iter().map(|input| input.0.as_str()))?;
    check_unique("output", outputs.iter().map(|output| output.0.as_str()))?;
    check_unique("array", known.names())?;
    if outputs.is_empty() {
        return Err(wrong("no output is named; name at least one".into()).into());
    }
    let taken = known.names().map(str::to_owned).collect();
    let mut weights = Weights { known, taken, written: HashSet::new(), made: Vec::new() };
    let definition = define(graph, inputs, outputs, &known.placeholders, &mut weights)?;
    Ok(Frozen { definition, weights: weights.made })
}

/// The arrays that go beside the definition.
struct Weights<'a> {
    known: &'a Known,
    /// Names that are in use.
    taken: HashSet<String>,
    /// Names that were written.
    written: HashSet<String>,
    made: Vec<(String, Array)>,
}

impl Weights<'_> {
    fn variable(&mut self, id: u32) -> Result<Entry, GraphError> {
        let known = self.known.variables.get(&id).ok_or(Fault::Uninitialized { id })?;
        Ok(self.named(known))
    }

    fn named(&mut self, (name, value): &(String, Array)) -> Entry {
        if self.written.insert(name.clone()) {
            self.made.push((name.clone(), value.clone()));
        }
        Entry::Weight(name.clone())
    }

    fn constant(&mut self, value: &Array) -> Entry {
        let mut number = self.made.len();
        let name = loop {
            let name = format!("constant_{number}");
            if self.taken.insert(name.clone()) {
                break name;
            }
            number += 1;
        };
        self.made.push((name.clone(), value.clone()));
        Entry::Weight(name)
    }
}

struct Defining<'a, 'w> {
    graph: &'a Graph,
    nodes: Vec<Entry>,
    subgraphs: Vec<Definition>,
    /// Where the values of the graph are among the nodes.
    values: HashMap<Value, Value>,
    /// Subgraphs of the graph that were written down.
    written: HashMap<u32, u32>,
    /// What placeholders stand for.
    placeholders: &'a HashMap<u32, (String, Array)>,
    weights: &'a mut Weights<'w>,
}

fn define(
    graph: &Graph,
    inputs: &[(String, Value)],
    outputs: &[(String, Value)],
    placeholders: &HashMap<u32, (String, Array)>,
    weights: &mut Weights,
) -> Result<Definition, GraphError> {
    let mut defining = Defining {
        graph,
        nodes: Vec::new(),
        subgraphs: Vec::new(),
        values: HashMap::new(),
        written: HashMap::new(),
        placeholders,
        weights,
    };
    let mut ports = Vec::with_capacity(inputs.len());
    for (name, value) in inputs {
        let Type { dtype, dims } = graph.type_of(*value)?.clone();
        let node = defining.push(Entry::Node(Op::Placeholder { dtype, shape: dims.0 }, vec![]))?;
        if defining.values.insert(*value, Value::of(node)).is_some() {
            return Err(wrong(format!("the input {name:?} is another one too")).into());
        }
        ports.push(Port { name: name.clone(), node, output: 0 });
    }
    let request = Request {
        fetches: outputs.iter().map(|output| output.1).collect(),
        targets: Vec::new(),
        feeds: inputs.iter().map(|input| input.1).collect(),
    };
    for number in needed_nodes(graph, &request)? {
        let node = &graph.nodes()[number as usize];
        defining.node(number, node).map_err(|error| error.at(number))?;
    }
    let output = |(name, value): &(String, Value)| {
        let Value { node, output } = defining.values[value];
        Port { name: name.clone(), node, output }
    };
    let outputs = outputs.iter().map(output).collect();
    Ok(Definition { outputs, inputs: ports, nodes: defining.nodes, subgraphs: defining.subgraphs })
}

impl Defining<'_, '_> {
    fn push(&mut self, entry: Entry) -> Result<u32, GraphError> {
        if self.nodes.len() >= NODES_MAX {
            return Err(wrong(format!("it needs more than {NODES_MAX} nodes")).into());
        }
        self.nodes.push(entry);
        Ok(self.nodes.len() as u32 - 1)
    }

    fn node(&mut self, number: u32, node: &Node) -> Result<(), GraphError> {
        let inputs = node.inputs.iter().map(|value| self.values[value]).collect();
        let entry = match &node.op {
            Op::NoOp => return Ok(()),
            Op::Placeholder { dtype, .. } => {
                if self.values.contains_key(&Value::of(number)) {
                    return Ok(());
                }
                match self.placeholders.get(&number) {
                    Some(known) => self.weights.named(known),
                    None => {
                        let shape = node.outputs[0].dims.describe();
                        return Err(Fault::NotAnInput { dtype: *dtype, shape }.into());
                    }
                }
            }
            Op::Identity | Op::StopGradient => {
                let same = self.values[&node.inputs[0]];
                self.values.entry(Value::of(number)).or_insert(same);
                return Ok(());
            }
            Op::Variable { id, .. } => self.weights.variable(*id)?,
            Op::Constant { value } if value.0.elements() > LITERAL_ELEMENTS_MAX => {
                self.weights.constant(&value.0)
            }
            Op::Cond { then, otherwise } => {
                let (then, otherwise) = (self.subgraph(*then)?, self.subgraph(*otherwise)?);
                Entry::Node(Op::Cond { then, otherwise }, inputs)
            }
            Op::While { cond, body } => {
                let (cond, body) = (self.subgraph(*cond)?, self.subgraph(*body)?);
                Entry::Node(Op::While { cond, body }, inputs)
            }
            op => {
                check_stored(op)?;
                Entry::Node(op.clone(), inputs)
            }
        };
        let made = self.push(entry)?;
        for output in 0..node.outputs.len() as u32 {
            // A value that is an input is not what its node gives.
            let place = self.values.entry(Value { node: number, output });
            place.or_insert(Value { node: made, output });
        }
        Ok(())
    }

    fn subgraph(&mut self, id: u32) -> Result<u32, GraphError> {
        if let Some(&written) = self.written.get(&id) {
            return Ok(written);
        }
        let missing = || wrong(format!("there is no subgraph {id}"));
        let subgraph: &Subgraph = self.graph.subgraphs().get(id as usize).ok_or_else(missing)?;
        let named = |values: &[Value]| -> Vec<(String, Value)> {
            values.iter().enumerate().map(|(at, &value)| (at.to_string(), value)).collect()
        };
        let (inputs, outputs) = (named(&subgraph.inputs), named(&subgraph.outputs));
        let none = HashMap::new();
        let made = define(&subgraph.graph, &inputs, &outputs, &none, self.weights);
        self.subgraphs.push(made.map_err(GraphError::outside)?);
        let written = self.subgraphs.len() as u32 - 1;
        self.written.insert(id, written);
        Ok(written)
    }
}
