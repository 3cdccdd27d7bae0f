//! `x[...]`.

use ferrule_base::DType;
use ferrule_graph::Op;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::Binary;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PySlice, PyTuple};

use super::convert::tensor_from;
use super::in_place::replace;
use super::scalar::operand;
use super::{Tensor, apply_one, then};

/// One part of an index.
enum Part<'py> {
    At(i64),
    Slice(Option<i64>, Option<i64>, i64),
    NewAxis,
    Ellipsis,
    /// Places along an axis, or truth values.
    Places(Bound<'py, Tensor>),
}

fn part<'py>(index: &Bound<'py, PyAny>) -> PyResult<Part<'py>> {
    let py = index.py();
    if index.is_none() {
        return Ok(Part::NewAxis);
    }
    if index.is_instance_of::<PyEllipsis>() {
        return Ok(Part::Ellipsis);
    }
    if let Ok(slice) = index.cast::<PySlice>() {
        let bound = |name: &str| slice.getattr(name)?.extract::<Option<i64>>();
        let step = bound("step")?.unwrap_or(1);
        if step == 0 {
            return Err(PyIndexError::new_err("the step of a slice is 0"));
        }
        return Ok(Part::Slice(bound("start")?, bound("stop")?, step));
    }
    if let Ok(tensor) = index.cast::<Tensor>()
        && (!tensor.borrow().shape().is_empty() || Tensor::array(tensor).is_err())
    {
        return Ok(Part::Places(tensor.clone()));
    }
    if !index.is_instance_of::<PyBool>()
        && let Ok(at) = index.extract::<i64>()
    {
        return Ok(Part::At(at));
    }
    if index.hasattr("__len__")? || index.hasattr("__array__")? {
        return Ok(Part::Places(Bound::new(py, tensor_from(py, index, None)?)?));
    }
    let class = index.get_type();
    Err(PyTypeError::new_err(format!(
        "an index is an integer, a slice, None, `...`, or a tensor of places or truth values, not {class}"
    )))
}

/// An index with every axis named.
struct Parsed<'py> {
    starts: Vec<Option<i64>>,
    stops: Vec<Option<i64>>,
    strides: Vec<i64>,
    /// What becomes of the axes: kept, dropped, or new.
    axes: Vec<Axis>,
    /// Places along axes of what is left.
    places: Vec<(usize, Bound<'py, Tensor>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Axis {
    Kept,
    Dropped,
    New,
}

fn parse<'py>(index: &Bound<'py, PyAny>, shape: &Shape) -> PyResult<Parsed<'py>> {
    let parts: Vec<Part<'py>> = match index.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().map(|one| part(&one)).collect::<PyResult<_>>()?,
        Err(_) => vec![part(index)?],
    };
    let uses = parts.iter().filter(|part| !matches!(part, Part::NewAxis | Part::Ellipsis)).count();
    let rank = shape.len();
    if uses > rank {
        let message = format!("{uses} indices for a tensor of {rank} dimensions");
        return Err(PyIndexError::new_err(message));
    }
    let mut parsed = Parsed {
        starts: Vec::new(),
        stops: Vec::new(),
        strides: Vec::new(),
        axes: Vec::new(),
        places: Vec::new(),
    };
    let mut is_open = true;
    for part in parts {
        match part {
            Part::NewAxis => parsed.axes.push(Axis::New),
            Part::Ellipsis if is_open => {
                is_open = false;
                (uses..rank).for_each(|_| parsed.keep(None, None, 1));
            }
            Part::Ellipsis => {
                return Err(PyIndexError::new_err("an index has at most one `...`"));
            }
            Part::Slice(start, stop, step) => parsed.keep(start, stop, step),
            Part::At(at) => parsed.drop_axis(at, shape)?,
            Part::Places(tensor) => {
                let axis = parsed.axes.iter().filter(|&&axis| axis != Axis::Dropped).count();
                if parsed.places.last().is_some_and(|last| last.0 + 1 != axis) {
                    return Err(PyIndexError::new_err(
                        "tensors of places are taken side by side, without slices between them: index \
                         twice, or permute() first",
                    ));
                }
                parsed.places.push((axis, tensor));
                parsed.keep(None, None, 1);
            }
        }
    }
    while parsed.starts.len() < rank {
        parsed.keep(None, None, 1);
    }
    Ok(parsed)
}

impl Parsed<'_> {
    fn keep(&mut self, start: Option<i64>, stop: Option<i64>, step: i64) {
        self.starts.push(start);
        self.stops.push(stop);
        self.strides.push(step);
        self.axes.push(Axis::Kept);
    }

    fn drop_axis(&mut self, at: i64, shape: &Shape) -> PyResult<()> {
        let axis = self.starts.len();
        let size = shape[axis] as i64;
        if !(-size..size).contains(&at) {
            let message = format!("index {at} is outside of axis {axis}, which has size {size}");
            return Err(PyIndexError::new_err(message));
        }
        self.keep(Some(at), (at != -1).then_some(at + 1), 1);
        self.axes.pop();
        self.axes.push(Axis::Dropped);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        let all = |bounds: &[Option<i64>]| bounds.iter().all(Option::is_none);
        all(&self.starts) && all(&self.stops) && self.strides.iter().all(|&step| step == 1)
    }

    fn slice(&self) -> Op {
        let (starts, stops) = (self.starts.clone(), self.stops.clone());
        Op::Slice { starts, stops, strides: self.strides.clone() }
    }

    /// The shape of a slice without the axes that are dropped and with those that are new.
    fn shape(&self, sliced: &Shape) -> Vec<i64> {
        let mut sizes = sliced.iter();
        let size = |&axis: &Axis| match axis {
            Axis::New => Some(1),
            Axis::Kept => sizes.next().map(|&size| size as i64),
            Axis::Dropped => {
                sizes.next();
                None
            }
        };
        self.axes.iter().filter_map(size).collect()
    }
}

/// Places along an axis of `size` from places that may be negative, or from truth values.
fn places<'py>(tensor: &Bound<'py, Tensor>, size: usize) -> PyResult<Bound<'py, Tensor>> {
    let py = tensor.py();
    match tensor.borrow().dtype() {
        DType::Bool => {}
        DType::Int32 | DType::Int64 => return from_the_end(tensor, size),
        dtype => {
            let name = crate::flow::arrays::dtype_name(dtype);
            let message = format!("places are int32 or int64, or truth values, not {name}");
            return Err(PyIndexError::new_err(message));
        }
    }
    let truths = Tensor::array(tensor)?;
    if **truths.shape() != [size] {
        let found = truths.shape();
        let message = format!("truth values of shape {found} for an axis of size {size}");
        return Err(PyIndexError::new_err(message));
    }
    let chosen = (0..).zip(truths.as_slice::<u8>()).filter(|(_, truth)| **truth != 0);
    let chosen: Vec<i64> = chosen.map(|(place, _): (i64, _)| place).collect();
    let shape = Shape::new(&[chosen.len()]).ok_or_else(|| PyIndexError::new_err("too many"))?;
    Bound::new(py, Tensor::from_array(Array::from_slice(DType::Int64, shape, &chosen)))
}

fn from_the_end<'py>(tensor: &Bound<'py, Tensor>, size: usize) -> PyResult<Bound<'py, Tensor>> {
    let py = tensor.py();
    let is_negative = match Tensor::array(tensor) {
        Ok(array) if array.dtype() == DType::Int64 => {
            array.as_slice::<i64>().iter().any(|&i| i < 0)
        }
        Ok(array) => array.as_slice::<i32>().iter().any(|&i| i < 0),
        Err(_) => true,
    };
    if !is_negative {
        return Ok(tensor.clone());
    }
    let dtype = tensor.borrow().dtype();
    let number = |value: usize| -> PyResult<Bound<'py, Tensor>> {
        let value = value.into_pyobject(py)?.into_any();
        operand(&value, dtype)?.ok_or_else(|| PyIndexError::new_err("a size is a number"))
    };
    let make = |op: Op, inputs: &[&Bound<'py, Tensor>]| Bound::new(py, apply_one(py, &op, inputs)?);
    let below = make(Op::Binary { f: Binary::Less }, &[tensor, &number(0)?])?;
    let moved = make(Op::Binary { f: Binary::Add }, &[tensor, &number(size)?])?;
    make(Op::Select, &[&below, &moved, tensor])
}

/// The elements of `x` at places along several axes side by side, which become one.
fn at_places<'py>(x: Tensor, several: &[(usize, Bound<'py, Tensor>)]) -> PyResult<Tensor> {
    let [(axis, first), ..] = several else { return Ok(x) };
    let (axis, py, shape) = (*axis, first.py(), x.shape());
    let sizes = &shape[axis..axis + several.len()];
    let make = |op: &Op, inputs: &[&Bound<'py, Tensor>]| Bound::new(py, apply_one(py, op, inputs)?);
    let mut sum: Option<Bound<'py, Tensor>> = None;
    for (at, (_, tensor)) in several.iter().enumerate() {
        let step: usize = sizes[at + 1..].iter().product();
        let steps: Vec<i64> = (0..sizes[at]).map(|place| (place * step) as i64).collect();
        let count = Shape::new(&[steps.len()]).ok_or_else(|| PyIndexError::new_err("too many"))?;
        let steps = Tensor::from_array(Array::from_slice(DType::Int64, count, &steps));
        // Looked up along its own axis, so that a place outside of that is an error.
        let part =
            make(&Op::Gather { axis: 0 }, &[&Bound::new(py, steps)?, &places(tensor, sizes[at])?])?;
        sum = Some(match sum {
            None => part,
            Some(sum) => make(&Op::Binary { f: Binary::Add }, &[&sum, &part])?,
        });
    }
    let mut joined: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
    joined.splice(axis..axis + sizes.len(), [sizes.iter().product::<usize>() as i64]);
    let x = make(&Op::Reshape { shape: joined }, &[&Bound::new(py, x)?])?;
    let sum = sum.unwrap_or_else(|| first.clone());
    apply_one(py, &Op::Gather { axis: axis as i64 }, &[&x, &sum])
}

#[pymethods]
impl Tensor {
    fn __getitem__<'py>(slf: &Bound<'py, Self>, index: &Bound<'py, PyAny>) -> PyResult<Self> {
        let (py, shape) = (slf.py(), slf.borrow().shape());
        if let Some(mask) = full_mask(index, &shape) {
            let flat = Bound::new(py, apply_one(py, &Op::Reshape { shape: vec![-1] }, &[slf])?)?;
            let mask = apply_one(py, &Op::Reshape { shape: vec![-1] }, &[&mask])?;
            let chosen = places(&Bound::new(py, mask)?, shape.elements())?;
            return apply_one(py, &Op::Gather { axis: 0 }, &[&flat, &chosen]);
        }
        let parsed = parse(index, &shape)?;
        let op = if parsed.is_whole() { Op::Identity } else { parsed.slice() };
        let mut made = apply_one(py, &op, &[slf])?;
        let wanted = parsed.shape(&made.shape());
        if wanted.iter().map(|&size| size as usize).ne(made.shape().iter().copied()) {
            made = then(py, made, &Op::Reshape { shape: wanted })?;
        }
        match parsed.places.as_slice() {
            [] => Ok(made),
            [(axis, tensor)] => {
                let chosen = places(tensor, made.shape()[*axis])?;
                let made = Bound::new(py, made)?;
                apply_one(py, &Op::Gather { axis: *axis as i64 }, &[&made, &chosen])
            }
            several => at_places(made, several),
        }
    }

    fn __setitem__<'py>(
        slf: &Bound<'py, Self>,
        index: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let (py, shape, dtype) = (slf.py(), slf.borrow().shape(), slf.borrow().dtype());
        let value = operand(value, dtype)?
            .ok_or_else(|| PyTypeError::new_err("a tensor or a number is expected"))?;
        if let Some(mask) = full_mask(index, &shape) {
            return replace(slf, apply_one(py, &Op::Select, &[&mask, &value, slf])?);
        }
        let parsed = parse(index, &shape)?;
        if !parsed.places.is_empty() {
            return Err(PyIndexError::new_err(
                "a tensor cannot be set at a tensor of places: use truth values of its shape, or slices",
            ));
        }
        let make =
            |op: &Op, inputs: &[&Bound<'py, Self>]| Bound::new(py, apply_one(py, op, inputs)?);
        let sliced = make(&parsed.slice(), &[slf])?;
        let seen =
            make(&Op::Reshape { shape: parsed.shape(&sliced.borrow().shape()) }, &[&sliced])?;
        let filled = make(&Op::BroadcastLike, &[&value, &seen])?;
        let filled = make(&Op::ReshapeLike, &[&filled, &sliced])?;
        let (starts, stops) = (parsed.starts.clone(), parsed.stops.clone());
        let back = Op::SliceGrad { starts, stops, strides: parsed.strides.clone() };
        let truth = Bound::new(py, Self::from_array(Array::scalar(DType::Bool, 1u8)))?;
        let truths = make(&Op::BroadcastLike, &[&truth, &sliced])?;
        let mask = make(&back, &[&truths, slf])?;
        let spread = make(&back, &[&filled, slf])?;
        replace(slf, apply_one(py, &Op::Select, &[&mask, &spread, slf])?)
    }
}

/// The index where it is truth values of the whole shape, of more than one dimension or written to.
fn full_mask<'py>(index: &Bound<'py, PyAny>, shape: &Shape) -> Option<Bound<'py, Tensor>> {
    let tensor = index.cast::<Tensor>().ok()?;
    let is_mask = tensor.borrow().dtype() == DType::Bool && tensor.borrow().shape() == *shape;
    is_mask.then(|| tensor.clone())
}
