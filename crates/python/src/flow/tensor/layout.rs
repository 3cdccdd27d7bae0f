//! Elements in another shape or order.

use ferrule_graph::Op;
use ferrule_tensor::array::Shape;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{Tensor, apply_one};

/// The axis that `axis` means among `rank`.
pub(super) fn absolute(axis: i64, rank: usize) -> PyResult<usize> {
    let signed = rank as i64;
    let absolute = if axis < 0 { axis + signed } else { axis };
    if (0..signed).contains(&absolute) {
        return Ok(absolute as usize);
    }
    let message = format!("dimension {axis} is outside of the {rank} that the tensor has");
    Err(PyIndexError::new_err(message))
}

/// Whole numbers given one by one or as one sequence.
fn integers(args: &Bound<'_, PyTuple>) -> PyResult<Vec<i64>> {
    if args.len() == 1
        && let Ok(several) = args.get_item(0)?.extract::<Vec<i64>>()
    {
        return Ok(several);
    }
    args.extract::<Vec<i64>>().or_else(|_| args.iter().map(|one| one.extract()).collect())
}

fn emit(slf: &Bound<'_, Tensor>, op: &Op) -> PyResult<Tensor> {
    apply_one(slf.py(), op, &[slf])
}

#[pymethods]
impl Tensor {
    /// The same elements in another shape; one size may be -1.
    #[pyo3(signature = (*shape))]
    fn reshape(slf: &Bound<'_, Self>, shape: &Bound<'_, PyTuple>) -> PyResult<Self> {
        emit(slf, &Op::Reshape { shape: integers(shape)? })
    }

    /// As `reshape`.
    #[pyo3(signature = (*shape))]
    fn view(slf: &Bound<'_, Self>, shape: &Bound<'_, PyTuple>) -> PyResult<Self> {
        emit(slf, &Op::Reshape { shape: integers(shape)? })
    }

    /// The dimensions from `start_dim` to `end_dim` become one.
    #[pyo3(signature = (start_dim = 0, end_dim = -1))]
    fn flatten(slf: &Bound<'_, Self>, start_dim: i64, end_dim: i64) -> PyResult<Self> {
        let shape = slf.borrow().shape();
        if shape.is_empty() {
            return emit(slf, &Op::Reshape { shape: vec![1] });
        }
        let (start, end) = (absolute(start_dim, shape.len())?, absolute(end_dim, shape.len())?);
        if start > end {
            let message = format!("start_dim {start_dim} comes after end_dim {end_dim}");
            return Err(PyValueError::new_err(message));
        }
        let signed = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
        let joined: usize = shape[start..=end].iter().product();
        let sizes = [signed(&shape[..start]), vec![joined as i64], signed(&shape[end + 1..])];
        let mut sizes = sizes.concat();
        if start > 0 && sizes[1..].iter().all(|&size| size > 0) {
            // The first size is left open, so that a traced function does not depend on it.
            sizes[0] = -1;
        }
        emit(slf, &Op::Reshape { shape: sizes })
    }

    /// Without the dimension of 1 at `dim`, or all of them.
    #[pyo3(signature = (dim = None))]
    fn squeeze(slf: &Bound<'_, Self>, dim: Option<i64>) -> PyResult<Self> {
        emit(slf, &Op::Squeeze { axes: dim.map(|dim| vec![dim]) })
    }

    /// With a dimension of 1 before `dim`.
    fn unsqueeze(slf: &Bound<'_, Self>, dim: i64) -> PyResult<Self> {
        emit(slf, &Op::ExpandDims { axis: dim })
    }

    /// Two dimensions change places.
    fn transpose(slf: &Bound<'_, Self>, dim0: i64, dim1: i64) -> PyResult<Self> {
        let rank = slf.borrow().shape().len();
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(absolute(dim0, rank)?, absolute(dim1, rank)?);
        emit(slf, &Op::Transpose { perm: Some(order) })
    }

    /// The dimensions in another order.
    #[pyo3(signature = (*dims))]
    fn permute(slf: &Bound<'_, Self>, dims: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let rank = slf.borrow().shape().len();
        let order = integers(dims)?.into_iter().map(|dim| absolute(dim, rank));
        emit(slf, &Op::Transpose { perm: Some(order.collect::<PyResult<_>>()?) })
    }

    /// The dimensions in reverse order.
    #[getter(T)]
    fn transposed(slf: &Bound<'_, Self>) -> PyResult<Self> {
        emit(slf, &Op::Transpose { perm: None })
    }

    /// Repeated along dimensions of 1, and new ones in front, to this shape; -1 keeps a size.
    #[pyo3(signature = (*shape))]
    fn expand(slf: &Bound<'_, Self>, shape: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let (wanted, found) = (integers(shape)?, slf.borrow().shape());
        let (own, multiples) = expansion(&found, &wanted)?;
        super::then(slf.py(), emit(slf, &Op::Reshape { shape: own })?, &Op::Tile { multiples })
    }

    /// Repeated whole, so often along each dimension; more numbers than dimensions add some in front.
    #[pyo3(signature = (*sizes))]
    fn repeat(slf: &Bound<'_, Self>, sizes: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let sizes = sizes.extract::<Vec<usize>>().or_else(|_| sizes.get_item(0)?.extract())?;
        let found = slf.borrow().shape();
        let Some(added) = sizes.len().checked_sub(found.len()) else {
            let message = format!("repeat takes a number for each of {} dimensions", found.len());
            return Err(PyValueError::new_err(message));
        };
        let own = vec![1; added].into_iter().chain(found.iter().map(|&size| size as i64));
        let tile = Op::Tile { multiples: sizes };
        super::then(slf.py(), emit(slf, &Op::Reshape { shape: own.collect() })?, &tile)
    }

    /// Elements along `dims` in reverse order.
    #[pyo3(signature = (*dims))]
    fn flip(slf: &Bound<'_, Self>, dims: &Bound<'_, PyTuple>) -> PyResult<Self> {
        emit(slf, &Op::Reverse { axes: integers(dims)? })
    }
}

/// The shape, of as many dimensions as `wanted`, and how often each is repeated.
fn expansion(found: &Shape, wanted: &[i64]) -> PyResult<(Vec<i64>, Vec<usize>)> {
    let refused = || {
        PyValueError::new_err(format!("a tensor of shape {found} cannot be expanded to {wanted:?}"))
    };
    let added = wanted.len().checked_sub(found.len()).ok_or_else(refused)?;
    let mut own = Vec::new();
    let mut multiples = Vec::new();
    for (axis, &wanted) in wanted.iter().enumerate() {
        let size = if axis < added { 1 } else { found[axis - added] };
        let keeps = wanted == size as i64 || (wanted == -1 && axis >= added);
        let times = if keeps { 1 } else { usize::try_from(wanted).map_err(|_| refused())? };
        if !keeps && size != 1 {
            return Err(refused());
        }
        own.push(size as i64);
        multiples.push(times);
    }
    Ok((own, multiples))
}
