//! What is known of a value before a run: its dtype and, as far as they are known, its dimensions.

use ferrule_base::DType;
use ferrule_tensor::array::{RANK_MAX, Shape};

/// Dimensions: `None` where the rank is unknown, and for each size that is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dims(pub Option<Vec<Option<usize>>>);

impl Dims {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self(None);

    /// So many dimensions of unknown size.
    pub fn of_rank(rank: usize) -> Self {
        Self(Some(vec![None; rank]))
    }

    /// All is known.
    pub fn known(sizes: &[usize]) -> Self {
        Self(Some(sizes.iter().map(|&size| Some(size)).collect()))
    }

    /// The number of dimensions, where it is known.
    pub fn rank(&self) -> Option<usize> {
        self.0.as_ref().map(Vec::len)
    }

    /// The shape, where all of it is known.
    pub fn shape(&self) -> Option<Shape> {
        let sizes: Option<Vec<usize>> = self.0.as_ref()?.iter().copied().collect();
        Shape::new(&sizes?)
    }

    /// The size along `axis`, where it is known.
    pub fn size(&self, axis: usize) -> Option<usize> {
        *self.0.as_ref()?.get(axis)?
    }

    /// Whether an array of `shape` fits.
    pub fn admits(&self, shape: &[usize]) -> bool {
        self.0.as_ref().is_none_or(|dims| {
            dims.len() == shape.len()
                && dims.iter().zip(shape).all(|(dim, size)| dim.is_none_or(|dim| dim == *size))
        })
    }

    /// What both say; `None` where they contradict each other.
    pub fn merged(&self, other: &Self) -> Option<Self> {
        let (Some(a), Some(b)) = (&self.0, &other.0) else {
            return Some(if self.0.is_some() { self.clone() } else { other.clone() });
        };
        if a.len() != b.len() {
            return None;
        }
        let merge = |(a, b): (&Option<usize>, &Option<usize>)| match (*a, *b) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => Some(a.or(b)),
        };
        a.iter().zip(b).map(merge).collect::<Option<Vec<_>>>().map(|dims| Self(Some(dims)))
    }

    /// What both broadcast to by NumPy's rule; `None` where they cannot.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let (Some(a), Some(b)) = (&self.0, &other.0) else { return Some(Self::UNKNOWN) };
        let rank = a.len().max(b.len());
        let at = |dims: &[Option<usize>], axis: usize| {
            let missing = rank - dims.len();
            if axis < missing { Some(1) } else { dims[axis - missing] }
        };
        let together = |axis| match (at(a, axis), at(b, axis)) {
            (Some(a), Some(b)) if a == b => Some(Some(a)),
            (Some(1), other) | (other, Some(1)) => Some(other),
            (Some(_), Some(_)) => None,
            (known, None) | (None, known) => Some(known),
        };
        (0..rank).map(together).collect::<Option<Vec<_>>>().map(|dims| Self(Some(dims)))
    }

    /// As `(2, ?)`; `unknown` where the rank is.
    pub fn describe(&self) -> String {
        let Some(dims) = &self.0 else { return "unknown".into() };
        let size = |dim: &Option<usize>| dim.map_or("?".into(), |size| size.to_string());
        match dims.as_slice() {
            [one] => format!("({},)", size(one)),
            _ => format!("({})", dims.iter().map(size).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl From<&Shape> for Dims {
    fn from(shape: &Shape) -> Self {
        Self::known(shape)
    }
}

/// The dtype and the dimensions of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// The element type.
    pub dtype: DType,
    /// The dimensions, as far as they are known.
    pub dims: Dims,
}

impl Type {
    /// A type.
    pub fn new(dtype: DType, dims: Dims) -> Self {
        Self { dtype, dims }
    }
}

/// The axis that `axis` means among `rank`; negative ones count from the end.
pub(crate) fn absolute(axis: i64, rank: usize) -> Option<usize> {
    let rank_i = i64::try_from(rank).ok()?;
    let absolute = if axis < 0 { axis + rank_i } else { axis };
    (0..rank_i).contains(&absolute).then_some(absolute as usize)
}

/// Whether arrays may have so many dimensions.
pub(crate) fn rank_allowed(rank: usize) -> bool {
    rank <= RANK_MAX
}

/// Whether a dtype is one of the engine's.
pub fn is_supported(dtype: DType) -> bool {
    use DType::{Bool, Fp32, Fp64, Int32, Int64, Uint8};
    matches!(dtype, Fp32 | Fp64 | Int32 | Int64 | Uint8 | Bool)
}

/// Whether a dtype is a floating-point one.
pub fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::Fp32 | DType::Fp64)
}
