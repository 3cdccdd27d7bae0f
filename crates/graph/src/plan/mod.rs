//! From a graph to what is run: a request on arrays of given shapes becomes a list of kernels with
//! their memory laid out.

mod build;
mod cost;
mod execute;
mod fuse;
mod in_place;
mod lower;
mod nested;
mod profile;
mod program;
mod registers;
mod scalar;
mod simplify;
mod variables;

use ferrule_base::DType;
use ferrule_tensor::array::Shape;

use crate::graph::Value;

pub(crate) use build::{Bias, Finished};
pub(crate) use lower::{needed_nodes, reduced_axes, reduces_nothing, repeated_axes};
pub(crate) use nested::{TIME_BETWEEN_STOPS, copied};
pub use nested::{stopped_by, until};
pub(crate) use profile::{Observer, Stopwatch};

pub use build::Plan;
pub use profile::{Part, Profile};
pub use registers::{Registers, Scalar};
pub use scalar::ScalarPlan;
pub use variables::Variables;

/// What is asked of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Values to give back.
    pub fetches: Vec<Value>,
    /// Nodes to run for what they do.
    pub targets: Vec<u32>,
    /// Values that are given.
    pub feeds: Vec<Value>,
}

/// A [`Request`] that is not owned.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "those of a request")]
pub struct Ask<'a> {
    pub fetches: &'a [Value],
    pub targets: &'a [u32],
    pub feeds: &'a [Value],
}

impl<'a> From<&'a Request> for Ask<'a> {
    fn from(request: &'a Request) -> Self {
        let Request { fetches, targets, feeds } = request;
        Self { fetches, targets, feeds }
    }
}

/// The dtypes and shapes of what is fed.
pub type Signature = [(DType, Shape)];
