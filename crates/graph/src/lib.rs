//! Graphs of array operations: shapes, gradients, plans and their execution.
//!
//! A [`Graph`] is checked while it is built; [`gradients`] adds nodes to it; a [`Session`] holds the
//! values of variables and runs requests, for each of which it makes a [`Plan`] once.
#![forbid(unsafe_code)]

pub mod definition;
pub mod eager;
mod error;
mod evaluate;
mod generalize;
mod gradient;
mod graph;
mod infer;
mod literal;
mod op;
mod plan;
mod registry;
mod rows;
mod session;
mod types;

pub use error::{Fault, GraphError};
pub use evaluate::evaluate;
pub use generalize::generalize;
pub use gradient::{Builder, differentiate, gradients, is_differentiable};
pub use graph::{Custom, Graph, Node, Subgraph, Value};
pub use literal::Literal;
pub use op::{Op, Padding, Pool, Window};
pub use plan::{
    Ask, Part, Plan, Profile, Registers, Request, Scalar, ScalarPlan, Signature, Variables,
    stopped_by, until,
};
pub use registry::{Applied, Attribute, Attributes, Operation, Output, register, registered};
pub use rows::is_rowwise;
pub use session::{Lent, Session};
pub use types::{Dims, Type, is_float, is_supported};
