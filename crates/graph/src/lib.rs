//! Graphs of array operations: shapes, gradients, plans and their execution.
//!
//! A [`Graph`] is checked while it is built; [`gradients`] adds nodes to it; a [`Session`] holds the
//! values of variables and runs requests, for each of which it makes a [`Plan`] once.
#![forbid(unsafe_code)]

pub mod definition;
pub mod eager;
mod error;
mod evaluate;
mod gradient;
mod graph;
mod infer;
mod literal;
mod op;
mod plan;
mod rows;
mod session;
mod types;

pub use error::{Fault, GraphError};
pub use evaluate::evaluate;
pub use gradient::{Builder, differentiate, gradients, is_differentiable};
pub use graph::{Custom, Graph, Node, Subgraph, Value};
pub use literal::Literal;
pub use op::{Op, Padding, Pool, Window};
pub use plan::{
    Ask, Part, Plan, Profile, Registers, Request, Scalar, ScalarPlan, Signature, Variables, until,
};
pub use rows::is_rowwise;
pub use session::Session;
pub use types::{Dims, Type, is_float, is_supported};
