//! Sessions: the way from Python to a plan and back, as short as it can be.

use std::ptr::null_mut;
use std::sync::{Arc, PoisonError, RwLock};

use ferrule_base::DType;
use ferrule_graph::{
    Ask, Graph, GraphError, Lent, Registers, Request, Scalar, ScalarPlan, Session, Value, Variables,
};
use ferrule_tensor::array::Array;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyTuple};
use smallvec::SmallVec;

use super::arrays::{fed_any, from_any, is_float32, scalar, to_numpy};
use super::custom::take_failure;
use super::graph::{FlowGraph, GraphTensor};
use super::guarded::Guarded;
use super::{profile, raised};
use crate::control::{Raised, stoppable};

/// Runs a graph and holds the values of its variables.
#[pyclass(frozen, subclass)]
pub(crate) struct FlowSession {
    graph: Py<FlowGraph>,
    shared: Arc<RwLock<Graph>>,
    state: Guarded<State>,
}

/// What one thread at a time uses.
#[derive(Default)]
struct State {
    session: Session,
    /// Calls that are known by their objects alone, the latest last.
    known: Vec<Known>,
}

/// The most calls that are known.
const KNOWN_MAX: usize = 4;

/// A call whose plan is of scalars: what is fetched, and the keys of what is fed. The objects are
/// held, so that no others can have their addresses.
struct Known {
    fetch: Py<PyAny>,
    keys: SmallVec<[Py<PyAny>; 4]>,
    is_value: bool,
    plan: u64,
}

/// What is fetched: one thing, or several.
struct Wanted {
    values: SmallVec<[Value; 4]>,
    targets: SmallVec<[u32; 2]>,
    /// For each thing asked for, whether it is a value.
    is_value: SmallVec<[bool; 4]>,
    shape: Nest,
}

#[derive(Clone, Copy)]
enum Nest {
    One,
    List,
    Tuple,
}

/// A run that is done, or goes on without the session.
enum Begun {
    Done(Result<Vec<Array>, GraphError>),
    Lent(Box<Lent>),
}

/// Values that are fed, in the order of the dict.
struct Fed<'py> {
    keys: SmallVec<[Bound<'py, PyAny>; 4]>,
    values: SmallVec<[Value; 4]>,
    given: SmallVec<[Bound<'py, PyAny>; 4]>,
}

#[pymethods]
impl FlowSession {
    #[new]
    #[pyo3(signature = (graph, *_args, **_kwargs))]
    fn new(
        py: Python<'_>,
        graph: Py<FlowGraph>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> Self {
        let shared = graph.borrow(py).shared();
        Self { graph, shared, state: Guarded::default() }
    }

    /// Runs what `fetches` name, a tensor or operation or a flat list of them, with what `feed_dict`
    /// gives; anything else goes to `_run_nested`.
    #[pyo3(signature = (fetches, feed_dict = None, options = None, run_metadata = None))]
    fn run<'py>(
        slf: &Bound<'py, Self>,
        fetches: &Bound<'py, PyAny>,
        feed_dict: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyAny>>,
        run_metadata: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = (options, run_metadata);
        let py = slf.py();
        let session = slf.get();
        if let Some(result) = session.run_known(py, fetches, feed_dict) {
            return result.map_err(|error| explained(slf, error));
        }
        let (Some(wanted), Some(fed)) = (session.wanted(fetches), session.fed(feed_dict)) else {
            return Ok(slf.call_method1("_run_nested", (fetches, feed_dict))?.unbind());
        };
        let result = match session.run_scalars(py, fetches, &wanted, &fed) {
            Some(result) => result,
            None => session.run_arrays(py, &wanted, &fed),
        };
        result.map_err(|error| explained(slf, error))
    }

    /// Frees variables and plans.
    fn close(&self, py: Python<'_>) {
        let closed = std::mem::take(&mut *self.state.take(py));
        // Objects that were held go without the lock.
        drop(closed);
    }

    /// The value of a variable; `None` where it has none.
    fn variable(&self, py: Python<'_>, id: u32) -> PyResult<Option<Py<PyAny>>> {
        let value = self.state.take(py).session.variables.get(id).cloned();
        value.map(|value| to_numpy(py, &value)).transpose()
    }

    /// Gives a variable a value, of the dtype called `dtype`.
    fn set_variable(
        &self,
        py: Python<'_>,
        id: u32,
        value: &Bound<'_, PyAny>,
        dtype: &str,
    ) -> PyResult<()> {
        let array = from_any(value, super::arrays::dtype_named(dtype)?)?;
        self.state.take(py).session.variables.set(id, array);
        Ok(())
    }

    /// Runs `fetch` once for each row of the arrays in `feeds`, with no Python in between; returns the
    /// last values.
    fn run_many<'py>(
        slf: &Bound<'py, Self>,
        fetch: &Bound<'py, PyAny>,
        feeds: &Bound<'py, PyDict>,
        steps: usize,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let session = slf.get();
        let (Some(wanted), Some(fed)) = (session.wanted(fetch), session.fed(Some(feeds.as_any())))
        else {
            return Err(pyo3::exceptions::PyTypeError::new_err(
                "run_many takes tensors or operations, and a dict of arrays by placeholder",
            ));
        };
        session.loop_over(py, &wanted, &fed, steps).map_err(|error| explained(slf, error))
    }
}

#[pymethods]
impl FlowSession {
    /// Runs what `fetches` name so many times, and says what each part of it cost; what the runs change
    /// is put back.
    fn profile<'py>(
        slf: &Bound<'py, Self>,
        fetches: &Bound<'py, PyAny>,
        feeds: &Bound<'py, PyDict>,
        calls: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let session = slf.get();
        let (Some(wanted), Some(fed)) =
            (session.wanted(fetches), session.fed(Some(feeds.as_any())))
        else {
            return Err(pyo3::exceptions::PyTypeError::new_err(
                "profile takes tensors or operations, and a dict of arrays by placeholder",
            ));
        };
        session.profiled(slf.py(), &wanted, &fed, calls).map_err(|error| explained(slf, error))
    }
}

/// The exception, or the one that the Python session makes of it with names and lines.
fn explained(slf: &Bound<'_, FlowSession>, error: PyErr) -> PyErr {
    let py = slf.py();
    match slf.getattr("_explain") {
        Ok(explain) => match explain.call1((error.value(py),)) {
            Ok(better) => PyErr::from_value(better),
            Err(failure) => failure,
        },
        Err(_) => error,
    }
}

impl FlowSession {
    fn wanted(&self, fetches: &Bound<'_, PyAny>) -> Option<Wanted> {
        let mut wanted = Wanted {
            values: SmallVec::new(),
            targets: SmallVec::new(),
            is_value: SmallVec::new(),
            shape: Nest::One,
        };
        if wanted.push(self, fetches) {
            return Some(wanted);
        }
        if let Ok(list) = fetches.cast_exact::<PyList>() {
            wanted.shape = Nest::List;
            return list.iter().all(|one| wanted.push(self, &one)).then_some(wanted);
        }
        let tuple = fetches.cast_exact::<PyTuple>().ok()?;
        wanted.shape = Nest::Tuple;
        tuple.iter().all(|one| wanted.push(self, &one)).then_some(wanted)
    }

    fn fed<'py>(&self, feed_dict: Option<&Bound<'py, PyAny>>) -> Option<Fed<'py>> {
        let mut fed =
            Fed { keys: SmallVec::new(), values: SmallVec::new(), given: SmallVec::new() };
        let Some(feeds) = feed_dict.filter(|feeds| !feeds.is_none()) else { return Some(fed) };
        for (key, value) in feeds.cast_exact::<PyDict>().ok()?.iter() {
            let tensor = key.cast::<GraphTensor>().ok()?.clone();
            let tensor = tensor.get();
            if tensor.index < 0 || !tensor.is_of(&self.graph) {
                return None;
            }
            fed.values.push(tensor.value());
            fed.keys.push(key);
            fed.given.push(value);
        }
        Some(fed)
    }

    /// The way of calls that are known; `None` where this is none.
    fn run_known(
        &self,
        py: Python<'_>,
        fetch: &Bound<'_, PyAny>,
        feed_dict: Option<&Bound<'_, PyAny>>,
    ) -> Option<PyResult<Py<PyAny>>> {
        let mut state = self.state.try_take(py)?;
        let State { session, known } = &mut *state;
        let feeds = feed_dict.map(|feeds| feeds.cast_exact::<PyDict>()).transpose().ok()?;
        let n_feeds = feeds.map_or(0, |feeds| feeds.len());
        let known = known
            .iter()
            .rev()
            .find(|known| known.fetch.as_ptr() == fetch.as_ptr() && known.keys.len() == n_feeds)?;
        let (plan, variables) = session.scalars_of(known.plan)?;
        match plan {
            ScalarPlan::Single(registers) => {
                feed_known(registers, known, feeds, |x| x as f32)?;
                Some(run_one(py, registers, variables, known.is_value, &f32::to_ne_bytes))
            }
            ScalarPlan::Double(registers) => {
                feed_known(registers, known, feeds, |x| x)?;
                Some(run_one(py, registers, variables, known.is_value, &f64::to_ne_bytes))
            }
        }
    }

    /// The way of plans of scalars; `None` where this is none, or none yet.
    fn run_scalars(
        &self,
        py: Python<'_>,
        fetch: &Bound<'_, PyAny>,
        wanted: &Wanted,
        fed: &Fed,
    ) -> Option<PyResult<Py<PyAny>>> {
        let mut state = self.state.try_take(py)?;
        let State { session, known } = &mut *state;
        let ask = Ask { fetches: &wanted.values, targets: &wanted.targets, feeds: &fed.values };
        let (plan, variables) = session.find_scalars(ask)?;
        let result = match plan {
            ScalarPlan::Single(registers) => {
                step(py, registers, variables, wanted, fed, |x| x as f32, &f32::to_ne_bytes)
            }
            ScalarPlan::Double(registers) => {
                step(py, registers, variables, wanted, fed, |x| x, &f64::to_ne_bytes)
            }
        };
        if let (Nest::One, Some(Ok(_)), Some(plan)) = (wanted.shape, &result, session.latest()) {
            if known.len() == KNOWN_MAX {
                known.remove(0);
            }
            let keys = fed.keys.iter().map(|key| key.clone().unbind()).collect();
            let is_value = !wanted.values.is_empty();
            known.push(Known { fetch: fetch.clone().unbind(), keys, is_value, plan });
        }
        result
    }

    fn run_arrays(&self, py: Python<'_>, wanted: &Wanted, fed: &Fed) -> PyResult<Py<PyAny>> {
        let arrays = self.arrays(py, fed)?;
        let request = wanted.request(fed);
        let has_loops = self.has_loops();
        let mut state = self.state.take(py);
        let session = &mut state.session;
        let begun = stoppable(py, has_loops, || {
            let graph = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            match session.lend(&graph, &request, &arrays) {
                Ok(Some(lent)) => Begun::Lent(Box::new(lent)),
                Ok(None) => Begun::Done(session.run(&graph, &request, &arrays)),
                Err(error) => Begun::Done(Err(error)),
            }
        });
        drop(state);
        let made = match begun? {
            Begun::Done(made) => made,
            Begun::Lent(mut lent) => {
                let made = stoppable(py, has_loops, || lent.run(&arrays));
                self.state.take(py).session.take_back(*lent);
                made?
            }
        };
        let made = made.map_err(|error| take_failure().unwrap_or_else(|| raised(py, &error)))?;
        let objects = made.iter().map(|array| to_numpy(py, array)).collect::<PyResult<Vec<_>>>()?;
        wanted.nest(py, objects)
    }

    /// What is fed, in the dtypes that the graph says.
    fn arrays(&self, py: Python<'_>, fed: &Fed) -> PyResult<Vec<Array>> {
        let dtypes: Result<Vec<DType>, GraphError> = {
            let graph = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            fed.values.iter().map(|&value| Ok(graph.type_of(value)?.dtype)).collect()
        };
        let dtypes = dtypes.map_err(|error| raised(py, &error))?;
        let mut arrays = Vec::with_capacity(dtypes.len());
        for ((given, value), dtype) in fed.given.iter().zip(&fed.values).zip(dtypes) {
            let array = fed_any(given, dtype).or_else(|error| {
                // NumPy's own words do not say what they are about.
                error.value(py).setattr("node", value.node)?;
                Err(error)
            });
            arrays.push(array?);
        }
        Ok(arrays)
    }

    fn profiled<'py>(
        &self,
        py: Python<'py>,
        wanted: &Wanted,
        fed: &Fed,
        calls: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let arrays = self.arrays(py, fed)?;
        let request = wanted.request(fed);
        let mut state = self.state.take(py);
        let session = &mut state.session;
        let interrupt = Raised::default();
        let stop = || interrupt.interrupted();
        let made = py.detach(|| {
            let graph = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            session.profile(&graph, &request, &arrays, calls, &stop)
        });
        drop(state);
        interrupt.result()?;
        let made = made.map_err(|error| take_failure().unwrap_or_else(|| raised(py, &error)))?;
        profile::to_dict(py, &made)
    }

    fn has_loops(&self) -> bool {
        let graph = self.shared.read().unwrap_or_else(PoisonError::into_inner);
        !graph.subgraphs().is_empty()
    }

    fn loop_over(
        &self,
        py: Python<'_>,
        wanted: &Wanted,
        fed: &Fed,
        steps: usize,
    ) -> PyResult<Py<PyAny>> {
        let arrays = self.arrays(py, fed)?;
        if arrays.iter().any(|array| array.shape().first().is_none_or(|&rows| rows == 0)) {
            return Err(pyo3::exceptions::PyValueError::new_err(
                "run_many feeds the rows of arrays; each must have at least one row",
            ));
        }
        let request = wanted.request(fed);
        let mut state = self.state.take(py);
        let session = &mut state.session;
        let interrupt = Raised::default();
        let stop = || interrupt.interrupted();
        let made = py.detach(|| {
            let graph = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            session.run_many(&graph, &request, &arrays, steps, &stop)
        });
        drop(state);
        interrupt.result()?;
        let made = made.map_err(|error| take_failure().unwrap_or_else(|| raised(py, &error)))?;
        let objects = made.iter().map(|array| to_numpy(py, array)).collect::<PyResult<Vec<_>>>()?;
        wanted.nest(py, objects)
    }
}

/// One run on registers; `None` where something fed is no plain number.
fn step<T: Scalar, const N: usize>(
    py: Python<'_>,
    registers: &mut Registers<T>,
    variables: &mut Variables,
    wanted: &Wanted,
    fed: &Fed,
    from: impl Fn(f64) -> T,
    bytes: &dyn Fn(T) -> [u8; N],
) -> Option<PyResult<Py<PyAny>>> {
    for (index, value) in fed.given.iter().enumerate() {
        registers.feed(index, from(number(value)?));
    }
    if let Nest::One = wanted.shape {
        return Some(run_one(py, registers, variables, !wanted.values.is_empty(), bytes));
    }
    if let Err(error) = registers.run(variables) {
        return Some(Err(raised(py, &error)));
    }
    let fetched = |index: usize| scalar(py, T::DTYPE, &bytes(registers.fetched(index)));
    let objects = (0..wanted.values.len()).map(fetched).collect::<PyResult<Vec<_>>>();
    Some(objects.and_then(|objects| wanted.nest(py, objects)))
}

/// Puts what is fed in its registers; `None` where a key is another, or a value is no plain number.
fn feed_known<T: Scalar>(
    registers: &mut Registers<T>,
    known: &Known,
    feeds: Option<&Bound<'_, PyDict>>,
    from: impl Fn(f64) -> T,
) -> Option<()> {
    let Some(feeds) = feeds else { return Some(()) };
    let (mut place, mut key, mut value) = (0, null_mut(), null_mut());
    for (index, known) in known.keys.iter().enumerate() {
        // SAFETY: the dict is borrowed, and nothing between two calls changes it: a plain number is
        // read without code of the user's.
        let value = unsafe {
            if ffi::PyDict_Next(feeds.as_ptr(), &mut place, &mut key, &mut value) == 0 {
                return None;
            }
            Borrowed::from_ptr(feeds.py(), value)
        };
        if key != known.as_ptr() {
            return None;
        }
        registers.feed(index, from(number(&value)?));
    }
    Some(())
}

/// Runs on registers for one value, or for what it does.
fn run_one<T: Scalar, const N: usize>(
    py: Python<'_>,
    registers: &mut Registers<T>,
    variables: &mut Variables,
    is_value: bool,
    bytes: &dyn Fn(T) -> [u8; N],
) -> PyResult<Py<PyAny>> {
    registers.run(variables).map_err(|error| raised(py, &error))?;
    if is_value { scalar(py, T::DTYPE, &bytes(registers.fetched(0))) } else { Ok(py.None()) }
}

/// The number that a plain float or integer, or a float of NumPy's, is; `None` of anything else.
fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Some(float.value());
    }
    if !value.is_exact_instance_of::<PyInt>() && !is_float32(value) {
        return None;
    }
    // Beyond 2^53 an integer would be rounded twice.
    value.extract::<f64>().ok().filter(|number| number.abs() <= (1u64 << 53) as f64)
}

impl Wanted {
    /// Adds a thing asked for; says whether it could.
    fn push(&mut self, session: &FlowSession, fetch: &Bound<'_, PyAny>) -> bool {
        let Ok(tensor) = fetch.cast::<GraphTensor>() else { return false };
        let tensor = tensor.get();
        if !tensor.is_of(&session.graph) {
            return false;
        }
        self.is_value.push(tensor.index >= 0);
        if tensor.index >= 0 {
            self.values.push(tensor.value());
        } else {
            self.targets.push(tensor.node);
        }
        true
    }

    fn request(&self, fed: &Fed) -> Request {
        Request {
            fetches: self.values.to_vec(),
            targets: self.targets.to_vec(),
            feeds: fed.values.to_vec(),
        }
    }

    /// The values in the nest that was asked for, with `None` for operations.
    fn nest(&self, py: Python<'_>, values: Vec<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let mut values = values.into_iter();
        let mut next = |&is_value: &bool| match is_value {
            true => values.next().unwrap_or_else(|| py.None()),
            false => py.None(),
        };
        let objects: Vec<Py<PyAny>> = self.is_value.iter().map(&mut next).collect();
        match self.shape {
            Nest::One => Ok(objects.into_iter().next().unwrap_or_else(|| py.None())),
            Nest::List => Ok(PyList::new(py, objects)?.into_any().unbind()),
            Nest::Tuple => Ok(PyTuple::new(py, objects)?.into_any().unbind()),
        }
    }
}
