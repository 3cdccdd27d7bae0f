//! Nodes and values. A node's inputs exist before it, so the order of nodes is one to run them in.

use std::collections::HashMap;
use std::sync::Arc;

use ferrule_tensor::array::Array;

use crate::error::{Fault, GraphError};
use crate::infer::infer;
use crate::literal::Literal;
use crate::op::Op;
use crate::types::Type;

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    /// The node's number.
    pub node: u32,
    /// Which of its outputs.
    pub output: u32,
}

impl Value {
    /// The first output of `node`.
    pub fn of(node: u32) -> Self {
        Self { node, output: 0 }
    }
}

/// An operation on values.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Of what.
    pub inputs: Box<[Value]>,
    /// Nodes that run before it.
    pub control: Box<[u32]>,
    /// What is known of its outputs.
    pub outputs: Box<[Type]>,
    /// The node whose gradient it is a part of.
    pub origin: Option<u32>,
}

/// Nodes, to which more can be added.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Graphs that `Cond` and `While` run, whose placeholders are their inputs.
    subgraphs: Vec<Arc<Subgraph>>,
    customs: Vec<Arc<dyn Custom>>,
}

/// An operation of the user's.
pub trait Custom: std::fmt::Debug + Send + Sync {
    /// The outputs for `inputs`.
    ///
    /// # Errors
    /// What went wrong, in the user's words.
    fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, String>;

    /// The operation that gives gradients by its inputs, from inputs, outputs and the gradients of
    /// the outputs, where there is one.
    fn gradient(&self) -> Option<Arc<dyn Custom>>;
}

/// A graph with its inputs and outputs.
#[derive(Clone, Debug)]
pub struct Subgraph {
    /// Its nodes.
    pub graph: Graph,
    /// Placeholders, in the order of its inputs.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub outputs: Vec<Value>,
}

impl Graph {
    /// A graph of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, checked, and returns its number.
    ///
    /// # Errors
    /// [`GraphError`] where inputs do not exist or are not what `op` takes.
    pub fn add(&mut self, op: Op, inputs: &[Value], control: &[u32]) -> Result<u32, GraphError> {
        let types = inputs.iter().map(|&value| self.type_of(value).cloned());
        let types = types.collect::<Result<Vec<Type>, GraphError>>()?;
        for &node in control {
            self.node(node).ok_or(Fault::NoSuchValue { node, output: 0 })?;
        }
        let value_of = |input: usize| self.constant_of(*inputs.get(input)?).cloned();
        let outputs = infer(&op, &types, &value_of, &self.subgraphs)?;
        let number = u32::try_from(self.nodes.len()).map_err(|_| Fault::Attribute {
            op: op.name(),
            detail: "the graph has 4,294,967,295 nodes and takes no more".into(),
        })?;
        self.nodes.push(Node {
            op,
            inputs: inputs.into(),
            control: control.into(),
            outputs: outputs.into(),
            origin: None,
        });
        Ok(number)
    }

    /// Says that the nodes from `first` on are part of the gradient of `node`, or of what that is one of.
    pub(crate) fn set_origin(&mut self, first: usize, node: u32) {
        let origin = self.nodes[node as usize].origin.unwrap_or(node);
        for made in &mut self.nodes[first..] {
            made.origin = Some(origin);
        }
    }

    /// Adds a constant and returns its number.
    ///
    /// # Errors
    /// [`GraphError`] where the dtype is not one of the engine's.
    pub fn constant(&mut self, value: Array) -> Result<u32, GraphError> {
        self.add(Op::Constant { value: Literal(value) }, &[], &[])
    }

    /// Adds a graph for `Cond` and `While`, and returns its number.
    pub fn add_subgraph(&mut self, subgraph: Subgraph) -> u32 {
        self.subgraphs.push(Arc::new(subgraph));
        self.subgraphs.len() as u32 - 1
    }

    /// Adds an operation of the user's, and returns its number for `Op::Custom`.
    pub fn add_custom(&mut self, custom: Arc<dyn Custom>) -> u32 {
        self.customs.push(custom);
        self.customs.len() as u32 - 1
    }

    /// Adds a copy of node `number` of `other`, whose inputs are here what `copies` says, without what
    /// it waits for.
    ///
    /// # Errors
    /// [`GraphError`] where an input has no copy, or the copies are not what the node takes.
    pub fn copy_node(
        &mut self,
        other: &Self,
        number: u32,
        copies: &HashMap<Value, Value>,
    ) -> Result<u32, GraphError> {
        let node = &other.nodes[number as usize];
        let inputs = node.inputs.iter().map(|input| {
            let Value { node, output } = *input;
            copies.get(input).copied().ok_or(Fault::NoSuchValue { node, output }.into())
        });
        let inputs = inputs.collect::<Result<Vec<Value>, GraphError>>()?;
        let op = self.adopted(other, &node.op);
        let made = self.add(op, &inputs, &[])?;
        let origin = node.origin.and_then(|origin| copies.get(&Value::of(origin)));
        self.nodes[made as usize].origin = origin.map(|origin| origin.node);
        Ok(made)
    }

    /// An operation of `other`, with what it refers to here.
    pub(crate) fn adopted(&mut self, other: &Self, op: &Op) -> Op {
        let mut op = op.clone();
        match &mut op {
            Op::Cond { then: a, otherwise: b } | Op::While { cond: a, body: b } => {
                [*a, *b] = [*a, *b].map(|id| self.share(other, id));
            }
            Op::WhileGrad { cond, body, back } => {
                [*cond, *body, *back] = [*cond, *body, *back].map(|id| self.share(other, id));
            }
            Op::Custom { id, .. } => {
                *id = self.add_custom(Arc::clone(&other.customs[*id as usize]))
            }
            _ => {}
        }
        op
    }

    /// The number here of a subgraph of `other`.
    fn share(&mut self, other: &Self, id: u32) -> u32 {
        let subgraph = &other.subgraphs[id as usize];
        let known = self.subgraphs.iter().position(|one| Arc::ptr_eq(one, subgraph));
        let index = known.unwrap_or_else(|| {
            self.subgraphs.push(Arc::clone(subgraph));
            self.subgraphs.len() - 1
        });
        index as u32
    }

    /// The user's operation of this number.
    pub fn custom(&self, id: u32) -> Option<&Arc<dyn Custom>> {
        self.customs.get(id as usize)
    }

    /// The graphs for `Cond` and `While`.
    pub fn subgraphs(&self) -> &[Arc<Subgraph>] {
        &self.subgraphs
    }

    /// The node of this number.
    pub fn node(&self, number: u32) -> Option<&Node> {
        self.nodes.get(number as usize)
    }

    /// All nodes, in the order of their numbers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What is known of a value.
    ///
    /// # Errors
    /// [`Fault::NoSuchValue`]
    pub fn type_of(&self, value: Value) -> Result<&Type, GraphError> {
        let node = self.nodes.get(value.node as usize);
        let known = node.and_then(|node| node.outputs.get(value.output as usize));
        let Value { node, output } = value;
        Ok(known.ok_or(Fault::NoSuchValue { node, output })?)
    }

    /// The array that a value always is, where it is a constant.
    pub fn constant_of(&self, value: Value) -> Option<&Array> {
        match &self.node(value.node)?.op {
            Op::Constant { value } => Some(&value.0),
            _ => None,
        }
    }
}
