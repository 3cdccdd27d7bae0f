//! Graphs: planned once for each set of shapes, run by several threads at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ferrule_artifact::graph::GraphModel;
use ferrule_artifact::{Artifact, Fault, Manifest};
use ferrule_base::{DType, Limits};
use ferrule_graph::{Graph, Plan, Request, Value, Variables, is_rowwise, until};
use ferrule_tensor::array::{Array, Buffer, Shape};

use crate::model::names_of;
use crate::{InputTensor, Model, OutputTensor, RequestError, Wanted};

/// The most plans that are kept; the one that was not used for longest goes.
const PLANS_MAX: usize = 64;

/// A graph that is served. Its arrays are shared by all of its plans.
struct Served {
    manifest: Manifest,
    digest: String,
    limits: Limits,
    graph: Graph,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    is_rowwise: bool,
    cost_per_byte: usize,
    /// Those that no thread is running, the latest used last.
    plans: Mutex<Vec<Kept>>,
}

/// What a plan is for.
#[derive(Debug, PartialEq)]
struct Key {
    wanted: Wanted,
    shapes: Vec<(DType, Shape)>,
}

struct Kept {
    key: Key,
    plan: Plan,
    /// Memory that it works in.
    bytes: usize,
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Makes the model that `artifact` holds.
pub(crate) fn open(artifact: Artifact, limits: &Limits) -> Result<Arc<dyn Model>, Fault> {
    let GraphModel { manifest, digest, built } = GraphModel::new(artifact)?;
    let values = |named: &[(String, Value)]| named.iter().map(|one| one.1).collect::<Vec<Value>>();
    let (inputs, outputs) = (values(&built.inputs), values(&built.outputs));
    let signature = &manifest.signature;
    let mut specs = signature.inputs.iter().chain(&signature.outputs);
    let is_rowwise = specs.all(|spec| spec.shape.first() == Some(&-1))
        && is_rowwise(&built.graph, &inputs, &outputs);
    let mut served = Served {
        manifest,
        digest,
        limits: limits.clone(),
        graph: built.graph,
        inputs,
        outputs,
        is_rowwise,
        cost_per_byte: 0,
        plans: Mutex::default(),
    };
    served.cost_per_byte = served.estimate();
    Ok(Arc::new(served))
}

impl Model for Served {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn cost_per_byte(&self) -> usize {
        self.cost_per_byte
    }

    fn is_queued(&self) -> bool {
        true
    }

    fn joinable_rows(&self, inputs: &[InputTensor<'_>]) -> Option<usize> {
        if !self.is_rowwise {
            return None;
        }
        let ordered = self.ordered(inputs).ok()?;
        let rows = *ordered.first()?.shape.first()?;
        let same = ordered.iter().all(|input| input.shape.first() == Some(&rows));
        usize::try_from(rows).ok().filter(|&rows| same && rows > 0)
    }

    fn predict(
        &self,
        inputs: &[InputTensor<'_>],
        wanted: Wanted,
    ) -> Result<Vec<OutputTensor>, RequestError> {
        let ordered = self.ordered(inputs)?;
        let feeds = ordered.into_iter().map(array).collect::<Result<Vec<Array>, RequestError>>()?;
        let shapes = feeds.iter().map(|feed| (feed.dtype(), *feed.shape())).collect();
        let key = Key { wanted, shapes };
        // A panic would be a defect of a kernel or of the planner; it must not take others' requests
        // with it. The plan that it was in is dropped.
        let run = AssertUnwindSafe(|| self.run(key, &feeds));
        catch_unwind(run).unwrap_or(Err(RequestError::Failed))
    }
}

impl Served {
    /// The inputs in the order of the signature, checked against it.
    fn ordered<'i, 'a>(
        &self,
        inputs: &'i [InputTensor<'a>],
    ) -> Result<Vec<&'i InputTensor<'a>>, RequestError> {
        let specs = &self.signature().inputs;
        let known = |input: &&InputTensor| specs.iter().any(|spec| spec.name == input.name);
        if let Some(unknown) = inputs.iter().find(|input| !known(input)) {
            let (name, expected) = (unknown.name.to_owned(), names_of(specs));
            return Err(RequestError::UnknownInput { name, expected });
        }
        let mut ordered = Vec::with_capacity(specs.len());
        for spec in specs {
            let mut of_name = inputs.iter().filter(|input| input.name == spec.name);
            let input = of_name.next().ok_or_else(|| RequestError::MissingInput {
                name: spec.name.clone(),
                expected: names_of(specs),
            })?;
            if of_name.next().is_some() {
                return Err(RequestError::DuplicateInput { name: spec.name.clone() });
            }
            input.check_against(spec)?;
            input.check(&self.limits)?;
            ordered.push(input);
        }
        Ok(ordered)
    }

    fn run(&self, key: Key, feeds: &[Array]) -> Result<Vec<OutputTensor>, RequestError> {
        let mut kept = match self.take(&key) {
            Some(kept) => kept,
            None => self.plan(key)?,
        };
        let now = Instant::now();
        let deadline = now.checked_add(self.limits.request_timeout).unwrap_or(now);
        let made = until(deadline, || kept.plan.run(&mut Variables::default(), feeds, 0));
        let wanted = kept.key.wanted;
        self.keep(kept);
        let made = made.map_err(RequestError::Graph)?;
        let indices = (0..self.outputs.len()).filter(|&index| wanted.has(index));
        Ok(indices.zip(&made).map(|(index, array)| output(index, array)).collect())
    }

    /// A plan that nobody is running.
    fn take(&self, key: &Key) -> Option<Kept> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let place = plans.iter().rposition(|kept| kept.key == *key)?;
        Some(plans.remove(place))
    }

    /// Puts a plan back; those that were not used for longest go where they are too many, or take too
    /// much memory.
    fn keep(&self, kept: Kept) {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        plans.push(kept);
        let sum = |all: usize, kept: &Kept| all.saturating_add(kept.bytes);
        while plans.len() > PLANS_MAX
            || plans.len() > 1 && plans.iter().fold(0, sum) > self.limits.work_bytes_max
        {
            plans.remove(0);
        }
    }

    fn plan(&self, key: Key) -> Result<Kept, RequestError> {
        let values = self.outputs.iter().enumerate();
        let fetches = values.filter(|(index, _)| key.wanted.has(*index)).map(|(_, value)| *value);
        let request =
            Request { fetches: fetches.collect(), targets: Vec::new(), feeds: self.inputs.clone() };
        let plan = Plan::new(&self.graph, &request, &key.shapes).map_err(RequestError::Graph)?;
        let (bytes, max) = (plan.bytes(), self.limits.work_bytes_max);
        if bytes > max {
            return Err(RequestError::Memory { needed: bytes, max });
        }
        let max = self.limits.elements_max;
        let indices = (0..self.outputs.len()).filter(|&index| key.wanted.has(index));
        for (index, (_, shape)) in indices.zip(plan.fetched()) {
            let elements = shape.iter().copied().fold(1, usize::saturating_mul);
            if elements > max {
                let name = self.signature().outputs.get(index).map(|spec| spec.name.clone());
                let output = name.unwrap_or_default();
                return Err(RequestError::OutputTooLarge { output, max });
            }
        }
        Ok(Kept { key, plan, bytes })
    }

    /// What a byte of input costs, by a plan for one row; 1 where there can be none.
    fn estimate(&self) -> usize {
        let one = |size: &i64| usize::try_from(*size).unwrap_or(1);
        let shape = |spec: &ferrule_artifact::TensorSpec| {
            let sizes: Vec<usize> = spec.shape.iter().map(one).collect();
            Some((spec.dtype, Shape::new(&sizes)?))
        };
        let shapes: Option<Vec<(DType, Shape)>> =
            self.signature().inputs.iter().map(shape).collect();
        let Some(shapes) = shapes else { return 1 };
        let size = |(dtype, shape): &(DType, Shape)| {
            shape.iter().copied().fold(dtype.size(), usize::saturating_mul)
        };
        let bytes: usize = shapes.iter().map(size).fold(0, usize::saturating_add);
        let key = Key { wanted: Wanted::defaults(self.signature()), shapes };
        let planned = catch_unwind(AssertUnwindSafe(|| self.plan(key)));
        let Ok(Ok(kept)) = planned else { return 1 };
        let cost = usize::try_from(kept.plan.cost()).unwrap_or(usize::MAX);
        cost.div_ceil(bytes.max(1)).max(1)
    }
}

/// The elements of an input that was checked, where kernels read them.
fn array(input: &InputTensor<'_>) -> Result<Array, RequestError> {
    let wrong = || RequestError::Element { input: input.name.to_owned(), dtype: input.dtype };
    let bytes = input.data.to_bytes(input.dtype).ok_or_else(wrong)?;
    let sizes = input.shape.iter().map(|&size| usize::try_from(size).ok());
    let shape = sizes.collect::<Option<Vec<usize>>>().and_then(|sizes| Shape::new(&sizes));
    let shape = shape.ok_or_else(wrong)?;
    let mut buffer = Buffer::zeroed(bytes.len());
    let place = buffer.as_mut_slice::<u8>(bytes.len());
    place.copy_from_slice(&bytes);
    in_machine_order(place, input.dtype.size());
    Ok(Array::from_buffer(input.dtype, shape, Arc::new(buffer)))
}

fn output(index: usize, array: &Array) -> OutputTensor {
    let mut bytes = array.as_bytes().to_vec();
    in_machine_order(&mut bytes, array.dtype().size());
    let shape = array.shape().iter().map(|&size| i64::try_from(size).unwrap_or(i64::MAX)).collect();
    OutputTensor { index, dtype: array.dtype(), shape, bytes }
}

/// Turns little-endian elements into the machine's, and back.
fn in_machine_order(bytes: &mut [u8], size: usize) {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size.max(1)).for_each(<[u8]>::reverse);
    }
}
