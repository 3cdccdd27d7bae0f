//! Graphs as they are written down: what is needed to compute named outputs from named inputs, with
//! large arrays by name.
//!
//! A definition is what an artifact holds of a graph. It is made by [`freeze`], and [`Definition::build`]
//! makes a graph of it again, which trusts nothing that it says.

mod build;
mod freeze;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::error::{Fault, GraphError};
use crate::graph::Value;
use crate::op::Op;

pub use build::{Built, Weight};
pub use freeze::{Frozen, Known, freeze};

/// The most nodes of a definition, where those of a subgraph count as often as it is run from a node.
pub const NODES_MAX: usize = 1 << 16;
/// The most elements of an array that is written down among the nodes.
pub const LITERAL_ELEMENTS_MAX: usize = 64;
/// The longest name of an input, an output or an array, bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// What is written down of a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Each after those that it takes values from.
    pub nodes: Vec<Entry>,
    /// What `Cond` and `While` run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subgraphs: Vec<Definition>,
    /// Placeholders, all that there are.
    pub inputs: Vec<Port>,
    /// What is computed.
    pub outputs: Vec<Port>,
}

/// A value and the name that it is known by outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its name, one of its kind.
    pub name: String,
    /// The node's number.
    pub node: u32,
    /// Which of its outputs.
    #[serde(default, skip_serializing_if = "is_first")]
    pub output: u32,
}

fn is_first(output: &u32) -> bool {
    *output == 0
}

impl Port {
    fn value(&self) -> Value {
        Value { node: self.node, output: self.output }
    }
}

/// A node: an array by its name, or an operation on values of earlier nodes.
///
/// It is written as the operation's own object with `inputs` beside its attributes, each the number of
/// a node, or of a node and of its output; an array is `{"op": "weight", "tensor": NAME}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Json>", into = "Map<String, Json>")]
pub enum Entry {
    /// The array of this name.
    Weight(String),
    /// An operation on values.
    Node(Op, Vec<Value>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Input {
    First(u32),
    Other(u32, u32),
}

impl From<Entry> for Map<String, Json> {
    fn from(entry: Entry) -> Self {
        let (op, inputs) = match entry {
            Entry::Weight(tensor) => {
                let text = |text: &str| Json::String(text.into());
                let pairs = [("op", text(WEIGHT)), ("tensor", text(&tensor))];
                return pairs.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
            }
            Entry::Node(op, inputs) => (op, inputs),
        };
        // Every attribute has a form in JSON.
        let Ok(Json::Object(mut map)) = serde_json::to_value(op) else { return Self::new() };
        let written = |value: &Value| match value.output {
            0 => Json::from(value.node),
            output => Json::from(vec![value.node, output]),
        };
        if !inputs.is_empty() {
            map.insert(INPUTS.to_owned(), inputs.iter().map(written).collect());
        }
        map
    }
}

const WEIGHT: &str = "weight";
const INPUTS: &str = "inputs";

impl TryFrom<Map<String, Json>> for Entry {
    type Error = String;

    fn try_from(mut map: Map<String, Json>) -> Result<Self, String> {
        // Without the list of all that might have stood there, which is long.
        let told = |error: serde_json::Error| {
            let text = error.to_string();
            text.split(", expected one of").next().unwrap_or_default().to_owned()
        };
        if map.get("op").and_then(Json::as_str) == Some(WEIGHT) {
            return match (map.remove("tensor"), map.len()) {
                (Some(Json::String(tensor)), 1) => Ok(Self::Weight(tensor)),
                _ => Err("a weight has just `tensor`, a string".into()),
            };
        }
        let inputs = match map.remove(INPUTS) {
            Some(inputs) => serde_json::from_value::<Vec<Input>>(inputs).map_err(told)?,
            None => Vec::new(),
        };
        let value = |input: Input| match input {
            Input::First(node) => Value::of(node),
            Input::Other(node, output) => Value { node, output },
        };
        let op = serde_json::from_value(Json::Object(map)).map_err(told)?;
        Ok(Self::Node(op, inputs.into_iter().map(value).collect()))
    }
}

impl Definition {
    /// Reads what [`to_json`](Self::to_json) wrote. It is not checked further.
    ///
    /// # Errors
    /// [`Fault::Definition`] where it is not of the form of a definition.
    pub fn from_json(json: &Json) -> Result<Self, GraphError> {
        Ok(Self::deserialize(json).map_err(|error| wrong(error.to_string()))?)
    }

    /// The definition as JSON.
    ///
    /// # Errors
    /// [`Fault::Definition`] where it has no form in JSON.
    pub fn to_json(&self) -> Result<Json, GraphError> {
        Ok(serde_json::to_value(self).map_err(|error| wrong(error.to_string()))?)
    }
}

fn wrong(detail: String) -> Fault {
    Fault::Definition { detail }
}

/// Checks a name of an input, an output or an array.
fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        return Err(wrong(format!(
            "the name \"{shown}\" must have 1 to {NAME_BYTES_MAX} bytes and no control character"
        )));
    }
    Ok(())
}

/// Checks that no name stands twice.
fn check_unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    let mut seen = BTreeMap::new();
    for name in names {
        check_name(name)?;
        if seen.insert(name, ()).is_some() {
            return Err(wrong(format!("the {what} {name:?} stands twice; give each a name")));
        }
    }
    Ok(())
}

/// Whether an artifact may hold `op`: it must compute from its inputs alone, and run without Python.
fn check_stored(op: &Op) -> Result<(), Fault> {
    let why = match op {
        Op::Custom { .. } => "it is written in Python, so that no server can run it",
        Op::Assign { .. } | Op::AssignAdd { .. } | Op::AssignSub { .. } | Op::ScatterAdd { .. } => {
            "it changes a variable, and a saved graph has none that change; name outputs that do not \
             wait for it"
        }
        Op::Random { .. } => {
            "it gives other numbers in each run; build the graph for predictions without it, such as \
             dropout with a rate of 0"
        }
        Op::Variable { .. } => "its value was not frozen",
        Op::WhileGrad { .. }
        | Op::Conv2dInputGrad(_)
        | Op::Conv2dFilterGrad(_)
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::CsrSample
        | Op::SliceGrad { .. }
        | Op::Part { .. }
        | Op::SumLike
        | Op::ReshapeLike
        | Op::ScatterLike { .. } => {
            "it is one of those that gradients are made of, which are not served; save the values that \
             they come from"
        }
        _ => return Ok(()),
    };
    Err(Fault::NotStored { op: op.name(), why })
}
