//! Dimensions, held in place.

use std::ops::Deref;

/// The most dimensions of an array.
pub const RANK_MAX: usize = 8;

/// The dimensions of an array.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; RANK_MAX],
    rank: u8,
}

impl Shape {
    /// No dimensions: one element.
    pub const SCALAR: Self = Self { dims: [0; RANK_MAX], rank: 0 };

    /// The shape of `dims`; `None` for more than [`RANK_MAX`].
    pub fn new(dims: &[usize]) -> Option<Self> {
        let mut shape = Self::SCALAR;
        shape.dims.get_mut(..dims.len())?.copy_from_slice(dims);
        shape.rank = dims.len() as u8;
        Some(shape)
    }

    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.iter().product()
    }

    /// Elements between neighbours along each axis.
    pub fn strides(&self) -> Self {
        let mut strides = *self;
        let mut step = 1;
        for axis in (0..self.len()).rev() {
            strides.dims[axis] = step;
            step *= self[axis];
        }
        strides
    }

    /// The shape that `self` and `other` broadcast to by NumPy's rule; `None` where they do not.
    pub fn broadcast(&self, other: &Self) -> Option<Self> {
        let (long, short) = if self.len() >= other.len() { (self, other) } else { (other, self) };
        let mut shape = *long;
        let lead = long.len() - short.len();
        for (axis, &size) in short.iter().enumerate() {
            let dim = &mut shape.dims[lead + axis];
            *dim = match (*dim, size) {
                (a, b) if a == b => a,
                (1, b) => b,
                (a, 1) => a,
                _ => return None,
            };
        }
        Some(shape)
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.dims[..usize::from(self.rank)]
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<String> = self.iter().map(ToString::to_string).collect();
        match sizes.as_slice() {
            [one] => write!(f, "({one},)"),
            _ => write!(f, "({})", sizes.join(", ")),
        }
    }
}
