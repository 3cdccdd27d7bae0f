//! Gradients: what requires them, and where they go.

use std::cell::Cell;
use std::sync::{Arc, MutexGuard, PoisonError};

use ferrule_base::DType;
use ferrule_graph::{Op, eager};
use ferrule_tensor::array::Shape;
use ferrule_tensor::ops::Binary;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::{Content, Grad, Leaf, Slot, SlotState, Tensor, apply_one, trace};
use crate::flow::take_failure;
use crate::flow::where_::raised_here;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
}

/// Whether this thread remembers operations for gradients.
pub(super) fn is_enabled() -> bool {
    ENABLED.get()
}

/// Whether operations of this thread are remembered for gradients.
#[pyfunction]
pub(crate) fn is_grad_enabled() -> bool {
    is_enabled()
}

/// Whether operations of this thread are to be remembered; returns what was so before.
#[pyfunction]
pub(crate) fn set_grad_enabled(enabled: bool) -> bool {
    ENABLED.replace(enabled)
}

/// The gradients of the sum of `ys`, each weighted by the tensor beside it where there is one, by each
/// of `xs`; `None` where nothing depends on it. With `create_graph` they have gradients themselves.
#[pyfunction]
#[pyo3(signature = (ys, weights, xs, create_graph = false))]
pub(crate) fn tensor_gradients(
    py: Python<'_>,
    ys: Vec<Bound<'_, Tensor>>,
    weights: Vec<Option<Bound<'_, Tensor>>>,
    xs: Vec<Bound<'_, Tensor>>,
    create_graph: bool,
) -> PyResult<Vec<Option<Tensor>>> {
    if trace::is_active() {
        return trace::gradients(py, &ys, &weights, &xs, create_graph);
    }
    let of = |one: &Bound<'_, Tensor>| Tensor::eager(one);
    let ys = ys.iter().map(of).collect::<PyResult<Vec<_>>>()?;
    let xs = xs.iter().map(of).collect::<PyResult<Vec<_>>>()?;
    let weights = weights.iter().map(|one| one.as_ref().map(of).transpose());
    let weights = weights.collect::<PyResult<Vec<_>>>()?;
    let pairs: Vec<_> = ys.iter().zip(weights.iter().map(Option::as_ref)).collect();
    let xs: Vec<&eager::Tensor> = xs.iter().collect();
    let made = py.detach(|| eager::gradients_of(&pairs, &xs, create_graph));
    let made = made.map_err(|error| take_failure().unwrap_or_else(|| raised_here(py, &error)))?;
    let tensor = |one: eager::Tensor| Tensor::of(Content::Array(one));
    Ok(made.into_iter().map(|grad| grad.map(tensor)).collect())
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, SlotState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_grad(&self) -> bool {
        self.lock().grad.is_some()
    }

    /// The gradient; computed now where `backward` has left it as a product.
    pub(super) fn get(&self, py: Python<'_>) -> PyResult<Option<Py<Tensor>>> {
        Ok(self.read(py)?.0)
    }

    /// The gradient, and the number of changes after which it was there.
    fn read(&self, py: Python<'_>) -> PyResult<(Option<Py<Tensor>>, u64)> {
        let (product, n_changes) = {
            let slot = self.lock();
            match &slot.grad {
                None => return Ok((None, slot.n_changes)),
                Some(Grad::Tensor(grad)) => return Ok((Some(grad.clone_ref(py)), slot.n_changes)),
                Some(Grad::Product(product)) => (product.clone(), slot.n_changes),
            }
        };
        let made = py.detach(|| product.multiply()).map_err(|error| raised_here(py, &error))?;
        let made = Py::new(py, Tensor::from_array(made))?;
        if self.replace_after(n_changes, Some(Grad::Tensor(made.clone_ref(py)))) {
            return Ok((Some(made), n_changes + 1));
        }
        // Another thread was quicker, or has left another gradient: this was the one when asked for.
        Ok((Some(made), n_changes))
    }

    /// The factors of the gradient, where it is a product that nobody has read.
    fn product(&self) -> Option<eager::Product> {
        match &self.lock().grad {
            Some(Grad::Product(product)) => Some(product.clone()),
            _ => None,
        }
    }

    /// Leaves a product where no gradient is; gives it back where one is.
    fn leave(&self, product: eager::Product) -> Option<eager::Product> {
        let mut slot = self.lock();
        if slot.grad.is_some() {
            return Some(product);
        }
        let unseen = slot.replace(Some(Grad::Product(product)));
        drop(slot);
        drop(unseen);
        None
    }

    pub(super) fn set(&self, grad: Option<Py<Tensor>>) {
        self.replace(grad.map(Grad::Tensor));
    }

    fn replace(&self, grad: Option<Grad>) {
        let old = self.lock().replace(grad);
        // Freed without the lock.
        drop(old);
    }

    /// Replaces the gradient where it has not changed since; says whether that was so.
    fn replace_after(&self, n_changes: u64, grad: Option<Grad>) -> bool {
        let (replaced, old) = {
            let mut slot = self.lock();
            match slot.n_changes == n_changes {
                true => (true, slot.replace(grad)),
                false => (false, grad),
            }
        };
        drop(old);
        replaced
    }

    /// The leaf is gone.
    pub(super) fn close(&self) {
        let old = {
            let mut slot = self.lock();
            slot.is_closed = true;
            slot.grad.take()
        };
        drop(old);
    }

    /// Adds to what has come so far, whoever else does.
    pub(super) fn add(&self, py: Python<'_>, grad: Tensor) -> PyResult<()> {
        let grad = Py::new(py, grad)?;
        loop {
            let (before, n_changes) = self.read(py)?;
            let sum = match before {
                None => grad.clone_ref(py),
                Some(before) => {
                    let op = Op::Binary { f: Binary::Add };
                    Py::new(py, apply_one(py, &op, &[before.bind(py), grad.bind(py)])?)?
                }
            };
            if self.replace_after(n_changes, Some(Grad::Tensor(sum))) {
                return Ok(());
            }
        }
    }
}

impl SlotState {
    /// Puts a gradient in; gives back what is to be freed.
    fn replace(&mut self, grad: Option<Grad>) -> Option<Grad> {
        if self.is_closed {
            return grad;
        }
        self.n_changes += 1;
        std::mem::replace(&mut self.grad, grad)
    }
}

impl Slot {
    /// As [`add`](Self::add), of what the engine gives.
    fn add_gradient(&self, py: Python<'_>, grad: eager::Gradient) -> PyResult<()> {
        let array = match grad {
            eager::Gradient::Tensor(tensor) => {
                return self.add(py, Tensor::of(Content::Array(tensor)));
            }
            eager::Gradient::Product(product) => match self.leave(product) {
                None => return Ok(()),
                Some(product) => py.detach(|| product.multiply()),
            },
        };
        let array = array.map_err(|error| raised_here(py, &error))?;
        self.add(py, Tensor::from_array(array))
    }
}

/// The slot of a leaf's record.
fn slot_of(record: &eager::Record) -> PyResult<Arc<Slot>> {
    let owner = record.owner().and_then(|owner| owner.downcast::<Slot>().ok());
    owner.ok_or_else(|| PyRuntimeError::new_err("a leaf without a place for its gradient"))
}

/// Whether a weight has the dtype and shape of what it weights.
pub(super) fn check_weight(of: (DType, Shape), weight: (DType, Shape)) -> PyResult<()> {
    if of == weight {
        return Ok(());
    }
    let describe = |(dtype, shape)| format!("{} {shape}", crate::flow::arrays::dtype_name(dtype));
    let (expected, found) = (describe(of), describe(weight));
    Err(PyValueError::new_err(format!("`gradient` is {found}; expected {expected}")))
}

fn check_start(slf: &Bound<'_, Tensor>, weight: Option<&Bound<'_, Tensor>>) -> PyResult<()> {
    let tensor = slf.borrow();
    if let Some(weight) = weight {
        let weight = weight.borrow();
        check_weight((tensor.dtype(), tensor.shape()), (weight.dtype(), weight.shape()))?;
    }
    if !tensor.requires_grad() {
        return Err(PyRuntimeError::new_err(
            "the tensor does not depend on any that requires_grad: make one with \
             requires_grad=True, and compute outside of no_grad() and detach()",
        ));
    }
    if weight.is_none() && tensor.shape().elements() != 1 {
        let shape = tensor.shape();
        return Err(PyRuntimeError::new_err(format!(
            "backward() starts from one number, and this tensor has shape {shape}: take its sum() or \
             mean(), or give `gradient`, a tensor of that shape",
        )));
    }
    Ok(())
}

#[pymethods]
impl Tensor {
    /// Whether gradients flow through this tensor.
    #[getter(requires_grad)]
    fn get_requires_grad(&self) -> bool {
        self.requires_grad()
    }

    #[setter(requires_grad)]
    fn set_requires_grad(&mut self, requires_grad: bool) -> PyResult<()> {
        if !requires_grad {
            if let Content::Array(tensor) = &self.content
                && tensor.origin().is_some()
            {
                return Err(PyRuntimeError::new_err(
                    "only a leaf can stop requiring gradients: use detach()",
                ));
            }
            self.leaf = None;
            return Ok(());
        }
        if !matches!(self.dtype(), DType::Fp32 | DType::Fp64) {
            let dtype = crate::flow::arrays::dtype_name(self.dtype());
            return Err(PyTypeError::new_err(format!("gradients are of floats, not of {dtype}")));
        }
        if matches!(self.content, Content::Symbol(_)) {
            return Err(PyRuntimeError::new_err(
                "inside of a traced function use flow.grad() or flow.vjp() in place of requires_grad",
            ));
        }
        if !self.requires_grad() {
            self.leaf = Some(Leaf::new());
        }
        Ok(())
    }

    /// Sets `requires_grad`; returns the tensor.
    #[pyo3(signature = (requires_grad = true))]
    fn requires_grad_<'py>(
        slf: Bound<'py, Self>,
        requires_grad: bool,
    ) -> PyResult<Bound<'py, Self>> {
        slf.borrow_mut().set_requires_grad(requires_grad)?;
        Ok(slf)
    }

    /// Whether no remembered operation made it.
    #[getter]
    fn is_leaf(&self) -> bool {
        match &self.content {
            Content::Array(tensor) => tensor.origin().is_none(),
            Content::Symbol(_) => false,
            Content::Away { .. } => true,
        }
    }

    /// The gradient that `backward` has left, summed over its calls; `None` before.
    #[getter]
    fn grad(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Self>>> {
        let Some(slot) = slf.borrow().slot() else { return Ok(None) };
        if trace::is_active() {
            return trace::grad_of(slf, &slot);
        }
        slot.get(slf.py())
    }

    /// The gradient as the two factors of a matrix product and whether each is transposed, where
    /// `backward` has left it so and nobody has read it: for optimizers, which take it from the tensor
    /// as they multiply.
    fn _grad_factors(slf: &Bound<'_, Self>) -> Option<(Self, Self, bool, bool)> {
        let slot = slf.borrow().slot().filter(|_| !trace::is_active())?;
        let product = slot.product()?;
        let [a, b] = product.factors().clone().map(Self::from_array);
        let [transpose_a, transpose_b] = product.transposed();
        Some((a, b, transpose_a, transpose_b))
    }

    #[setter]
    fn set_grad(slf: &Bound<'_, Self>, grad: Option<Bound<'_, Self>>) -> PyResult<()> {
        let Some(slot) = slf.borrow().slot() else {
            return Err(PyRuntimeError::new_err("only a leaf that requires_grad has a gradient"));
        };
        if let Some(grad) = &grad {
            let (own, given) = (slf.borrow(), grad.borrow());
            if own.shape() != given.shape() || own.dtype() != given.dtype() {
                let (own, given) = (own.shape(), given.shape());
                let message = format!("a gradient of shape {given} for a tensor of shape {own}");
                return Err(PyTypeError::new_err(message));
            }
        }
        if trace::is_active() {
            return trace::set_grad(slf, grad.as_ref());
        }
        slot.set(grad.map(Bound::unbind));
        Ok(())
    }

    /// Adds the gradients of this tensor, weighted by `gradient`, to the `grad` of every leaf that it
    /// depends on.
    #[pyo3(signature = (gradient = None, *, create_graph = false))]
    fn backward(
        slf: &Bound<'_, Self>,
        gradient: Option<Bound<'_, Self>>,
        create_graph: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        if trace::is_active() {
            return trace::backward(slf, gradient.as_ref());
        }
        check_start(slf, gradient.as_ref())?;
        let y = Self::eager(slf)?;
        let weight = gradient.map(|one| Self::eager(&one)).transpose()?;
        let made = py.detach(|| eager::leaf_gradients(&y, weight.as_ref(), create_graph));
        let made =
            made.map_err(|error| take_failure().unwrap_or_else(|| raised_here(py, &error)))?;
        for (record, grad) in made {
            slot_of(&record)?.add_gradient(py, grad)?;
        }
        Ok(())
    }

    /// The same elements, without history.
    pub(super) fn detach(slf: &Bound<'_, Self>) -> PyResult<Self> {
        if trace::is_active() {
            return apply_one(slf.py(), &Op::StopGradient, &[slf]);
        }
        Self::array(slf).map(Self::from_array)
    }

    /// A tensor of its own with the same elements and history.
    fn clone(slf: &Bound<'_, Self>) -> PyResult<Self> {
        apply_one(slf.py(), &Op::Identity, &[slf])
    }

    /// The tensor as what a function is differentiated by: a leaf, or, where it has history, one more
    /// step of that.
    fn as_variable(slf: &Bound<'_, Self>) -> PyResult<Self> {
        let py = slf.py();
        if trace::is_active() {
            return trace::as_variable(slf);
        }
        if slf.borrow().requires_grad() {
            return apply_one(py, &Op::Identity, &[slf]);
        }
        let mut made = Self::array(slf).map(Self::from_array)?;
        made.set_requires_grad(true)?;
        Ok(made)
    }
}
