//! Shapes of operations that move elements.

use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::PadMode;

use crate::error::GraphError;
use crate::infer::Call;
use crate::op::Op;
use crate::types::{Dims, Type, absolute};

impl Call<'_> {
    pub(super) fn layout(&self, op: &Op) -> Result<Type, GraphError> {
        let dims = match op {
            Op::Reshape { shape } => self.reshape(shape)?,
            Op::ReshapeTo => match (self.value_of)(1) {
                Some(value) => self.reshape(&super::whole_numbers(&value))?,
                None => self.dims_from_value(1)?,
            },
            Op::ExpandDims { axis } => self.expand_dims(*axis)?,
            Op::Squeeze { axes } => self.squeeze(axes.as_deref())?,
            Op::Transpose { perm } => self.transpose(perm.as_deref())?,
            Op::BroadcastTo => self.broadcast_to()?,
            Op::Concat { axis } => self.concat(*axis)?,
            Op::Part { axis, part } => {
                let Some(piece) = self.inputs.get(part + 1) else {
                    return Err(self.attribute(format!("there is no part {part}")));
                };
                self.axis(0, *axis)?;
                piece.dims.clone()
            }
            Op::Slice { starts, stops, strides } => self.slice(starts, stops, strides)?,
            Op::SliceGrad { .. } => self.dims(1).clone(),
            Op::Pad { before, after, mode } => {
                self.check_mirror(before, after, *mode)?;
                self.pad(before, after)?
            }
            Op::Tile { multiples } => self.tile(multiples)?,
            Op::Gather { axis } => self.gather(*axis)?,
            Op::ScatterLike { axis } => {
                self.place(1)?;
                self.axis(2, *axis)?;
                self.dims(2).clone()
            }
            Op::OneHot { depth, dtype } => return self.one_hot(*depth, *dtype),
            Op::Reverse { axes } => {
                axes.iter().try_for_each(|&axis| self.axis(0, axis).map(drop))?;
                self.dims(0).clone()
            }
            Op::Range => self.range()?,
            Op::Fill => return Ok(Type::new(self.dtype(1), self.dims_from_value(0)?)),
            other => unreachable!("`{}` has a rule of its own", other.name()),
        };
        Ok(Type::new(self.dtype(0), dims))
    }

    fn reshape(&self, wanted: &[i64]) -> Result<Dims, GraphError> {
        let known: Option<usize> = match &self.dims(0).0 {
            Some(sizes) => {
                sizes.iter().copied().try_fold(1usize, |all, size| all.checked_mul(size?))
            }
            None => None,
        };
        let wrong = || {
            let from = self.dims(0).describe();
            self.attribute(format!("an array of shape {from} cannot take shape {wanted:?}"))
        };
        let sizes = wanted.iter().filter(|&&size| size != -1);
        let sizes = sizes.map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<usize>>>();
        let sizes = sizes.ok_or_else(wrong)?;
        let product = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
        let product = product.ok_or_else(wrong)?;
        let open = wanted.len() - sizes.len();
        let rest = match (known, open) {
            (Some(known), 0) if known != product => return Err(wrong()),
            (Some(known), 1) if product > 0 && known % product == 0 => Some(known / product),
            (Some(0), 1) if product == 0 => Some(0),
            (Some(_), 1) => return Err(wrong()),
            (_, 0 | 1) => None,
            _ => return Err(self.attribute("only one size of a shape may be -1".into())),
        };
        let size = |&size: &i64| if size == -1 { rest } else { Some(size as usize) };
        Ok(Dims(Some(wanted.iter().map(size).collect())))
    }

    fn expand_dims(&self, axis: i64) -> Result<Dims, GraphError> {
        let Some(mut dims) = self.dims(0).0.clone() else { return Ok(Dims::UNKNOWN) };
        let place = absolute(axis, dims.len() + 1);
        let rank = dims.len();
        let wrong = crate::error::Fault::Axis { op: self.op, axis, rank };
        dims.insert(place.ok_or(wrong)?, Some(1));
        Ok(Dims(Some(dims)))
    }

    fn squeeze(&self, axes: Option<&[i64]>) -> Result<Dims, GraphError> {
        let Some(dims) = &self.dims(0).0 else { return Ok(Dims::UNKNOWN) };
        let Some(axes) = axes else {
            // An unknown size may be 1, so that not even the rank is known.
            if dims.contains(&None) {
                return Ok(Dims::UNKNOWN);
            }
            return Ok(Dims(Some(dims.iter().copied().filter(|&size| size != Some(1)).collect())));
        };
        let mut gone = vec![false; dims.len()];
        for &axis in axes {
            let place = self.axis(0, axis)?.unwrap_or_default();
            if dims[place].is_some_and(|size| size != 1) {
                return Err(self.shape(0, format!("size 1 along axis {axis}")));
            }
            gone[place] = true;
        }
        let left = dims.iter().zip(gone).filter(|(_, gone)| !gone).map(|(&size, _)| size);
        Ok(Dims(Some(left.collect())))
    }

    fn transpose(&self, perm: Option<&[usize]>) -> Result<Dims, GraphError> {
        let Some(dims) = &self.dims(0).0 else {
            return Ok(perm.map_or(Dims::UNKNOWN, |perm| Dims::of_rank(perm.len())));
        };
        let Some(perm) = perm else {
            return Ok(Dims(Some(dims.iter().rev().copied().collect())));
        };
        let mut sorted = perm.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..dims.len()) {
            let rank = dims.len();
            return Err(
                self.attribute(format!("perm {perm:?} does not name each of {rank} axes once"))
            );
        }
        Ok(Dims(Some(perm.iter().map(|&axis| dims[axis]).collect())))
    }

    fn broadcast_to(&self) -> Result<Dims, GraphError> {
        let to = self.dims_from_value(1)?;
        match self.dims(0).broadcast(&to) {
            Some(both) if to.0.is_none() || both.rank() == to.rank() => Ok(to),
            _ => Err(self.mismatch(self.dims(0), &to)),
        }
    }

    fn concat(&self, axis: i64) -> Result<Dims, GraphError> {
        self.one_dtype(0)?;
        let Some(at) = self.axis(0, axis)? else { return Ok(Dims::UNKNOWN) };
        let mut whole = self.dims(0).clone();
        let mut total = Some(0usize);
        for input in 0..self.inputs.len() {
            let mut rest = self.dims(input).clone();
            let size = rest.size(at);
            total = total.zip(size).and_then(|(total, size)| total.checked_add(size));
            if let Some(place) = rest.0.as_mut().and_then(|dims| dims.get_mut(at)) {
                *place = None;
            }
            if let Some(place) = whole.0.as_mut().and_then(|dims| dims.get_mut(at)) {
                *place = None;
            }
            let merged = whole.merged(&rest);
            whole = merged.ok_or_else(|| {
                let first = self.dims(0).describe();
                self.shape(input, format!("that of input 0, {first}, but along axis {axis}"))
            })?;
        }
        if let Some(place) = whole.0.as_mut().and_then(|dims| dims.get_mut(at)) {
            *place = total;
        }
        Ok(whole)
    }

    fn slice(
        &self,
        starts: &[Option<i64>],
        stops: &[Option<i64>],
        strides: &[i64],
    ) -> Result<Dims, GraphError> {
        if starts.len() != stops.len() || starts.len() != strides.len() {
            return Err(self.attribute("as many starts as stops and strides are needed".into()));
        }
        if strides.contains(&0) {
            return Err(self.attribute("a stride of 0".into()));
        }
        let Some(mut dims) = self.dims(0).0.clone() else { return Ok(Dims::UNKNOWN) };
        if starts.len() > dims.len() {
            return Err(self.shape(0, format!("at least {} dimensions", starts.len())));
        }
        for axis in 0..starts.len() {
            let size = |size| slice_of(size, starts[axis], stops[axis], strides[axis]).1;
            dims[axis] = dims[axis].map(size);
        }
        Ok(Dims(Some(dims)))
    }

    fn pad(&self, before: &[usize], after: &[usize]) -> Result<Dims, GraphError> {
        let sizes = self.sizes(0, before.len())?;
        if after.len() != before.len() {
            return Err(self.attribute("as many sizes before as after are needed".into()));
        }
        let wider = |((size, before), after): ((&Option<usize>, &usize), &usize)| {
            size.and_then(|size| size.checked_add(*before)?.checked_add(*after))
        };
        Ok(Dims(Some(sizes.iter().zip(before).zip(after).map(wider).collect())))
    }

    /// What is mirrored must be there.
    fn check_mirror(
        &self,
        before: &[usize],
        after: &[usize],
        mode: PadMode,
    ) -> Result<(), GraphError> {
        let edge = match mode {
            PadMode::Constant(_) => return Ok(()),
            PadMode::Reflect => 1,
            PadMode::Symmetric => 0,
        };
        for (axis, (&before, &after)) in before.iter().zip(after).enumerate() {
            let most = self.dims(0).size(axis).map(|size| size.saturating_sub(edge));
            if most.is_some_and(|most| before.max(after) > most) {
                let (asked, most) = (before.max(after), most.unwrap_or_default());
                let detail = format!("axis {axis} has {most} elements to mirror, not {asked}");
                return Err(self.attribute(detail));
            }
        }
        Ok(())
    }

    fn tile(&self, multiples: &[usize]) -> Result<Dims, GraphError> {
        let sizes = self.sizes(0, multiples.len())?;
        let more = |(size, times): (&Option<usize>, &usize)| {
            size.and_then(|size| size.checked_mul(*times))
        };
        Ok(Dims(Some(sizes.iter().zip(multiples).map(more).collect())))
    }

    fn gather(&self, axis: i64) -> Result<Dims, GraphError> {
        self.place(1)?;
        let Some(at) = self.axis(0, axis)? else { return Ok(Dims::UNKNOWN) };
        let (Some(from), Some(places)) = (&self.dims(0).0, &self.dims(1).0) else {
            return Ok(Dims::UNKNOWN);
        };
        let dims = [&from[..at], places, &from[at + 1..]].concat();
        Ok(Dims(Some(dims)))
    }

    fn one_hot(&self, depth: usize, dtype: DType) -> Result<Type, GraphError> {
        self.place(0)?;
        let mut dims = self.dims(0).clone();
        if let Some(dims) = &mut dims.0 {
            dims.push(Some(depth));
        }
        Ok(Type::new(dtype, dims))
    }

    fn range(&self) -> Result<Dims, GraphError> {
        self.one_dtype(0)?;
        self.number(0)?;
        for input in 0..3 {
            self.sizes(input, 0)?;
        }
        let value = |input| (self.value_of)(input).map(|value| number(&value));
        let (Some(start), Some(limit), Some(delta)) = (value(0), value(1), value(2)) else {
            return Ok(Dims::of_rank(1));
        };
        let count = ((limit - start) / delta).ceil();
        if delta == 0.0 || !count.is_finite() || count > 1e12 {
            return Err(self.attribute(format!("from {start} to {limit} in steps of {delta}")));
        }
        Ok(Dims::known(&[count.max(0.0) as usize]))
    }
}

/// The one number of a scalar.
pub(crate) fn number(value: &Array) -> f64 {
    match value.dtype() {
        DType::Fp32 => value.as_slice::<f32>()[0].into(),
        DType::Fp64 => value.as_slice::<f64>()[0],
        DType::Int32 => value.as_slice::<i32>()[0].into(),
        DType::Int64 => value.as_slice::<i64>()[0] as f64,
        _ => value.as_slice::<u8>()[0].into(),
    }
}

/// Where a slice of an axis of `size` starts, and how many elements it has, by Python's rules.
pub(crate) fn slice_of(
    size: usize,
    start: Option<i64>,
    stop: Option<i64>,
    stride: i64,
) -> (usize, usize) {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let (least, most) = if stride > 0 { (0, size) } else { (-1, size - 1) };
    let place = |place: i64| {
        (if place < 0 { place.saturating_add(size) } else { place }).clamp(least, most)
    };
    let start = start.map_or(if stride > 0 { least } else { most }, place);
    let stop = stop.map_or(if stride > 0 { most } else { least }, place);
    let reach = if stride > 0 { stop - start } else { start - stop };
    let step = stride.unsigned_abs();
    let count = u64::try_from(reach).map_or(0, |reach| reach.div_ceil(step));
    (usize::try_from(start).unwrap_or_default(), count as usize)
}
