//! Shapes of products: matrices, images, factorisations.

use ferrule_base::DType;

use crate::error::{Fault, GraphError};
use crate::infer::Call;
use crate::op::{Op, Padding, Window};
use crate::types::{Dims, Type};

impl Call<'_> {
    pub(super) fn product(&self, op: &Op) -> Result<Type, GraphError> {
        match op {
            Op::MatMul { transpose_a, transpose_b } => self.mat_mul(*transpose_a, *transpose_b),
            Op::Conv2d(window) => self.conv2d(*window),
            Op::Conv2dInputGrad(_) | Op::PoolGrad { .. } => {
                self.float(0)?;
                self.sizes(0, 4)?;
                Ok(self.inputs[0].clone())
            }
            Op::PoolPick { .. } => {
                self.float(2)?;
                self.one_dtype(0)?;
                self.sizes(1, 4)?;
                Ok(self.inputs[1].clone())
            }
            Op::Conv2dFilterGrad(_) => {
                self.float(1)?;
                self.sizes(1, 4)?;
                Ok(self.inputs[1].clone())
            }
            Op::Pool { size, window, .. } => self.pool(*size, *window),
            Op::CsrMatMul { transpose } => self.csr_mat_mul(*transpose),
            Op::CsrSample => self.csr_sample(),
            Op::Cholesky => {
                self.square_matrix()?;
                Ok(self.inputs[0].clone())
            }
            _ => self.solve(),
        }
    }

    fn solve(&self) -> Result<Type, GraphError> {
        self.square_matrix()?;
        self.one_dtype(0)?;
        let (a, b) = (self.sizes(0, 2)?, self.sizes(1, 2)?);
        if let (Some(rows), Some(found)) = (a[0].or(a[1]), b[0])
            && rows != found
        {
            return Err(self.shape(1, format!("({rows}, columns)")));
        }
        Ok(self.inputs[1].clone())
    }

    fn mat_mul(&self, transpose_a: bool, transpose_b: bool) -> Result<Type, GraphError> {
        let dtype = self.one_dtype(0)?;
        self.number(0)?;
        if dtype == DType::Uint8 {
            let expected = "a float, INT32 or INT64";
            return Err(Fault::Dtype { op: self.op, input: 0, expected, found: dtype }.into());
        }
        let (Some(a), Some(b)) = (self.matrix(0)?, self.matrix(1)?) else {
            return Ok(Type::new(dtype, Dims::UNKNOWN));
        };
        let (m, k) = if transpose_a { (a.cols, a.rows) } else { (a.rows, a.cols) };
        let (inner, n) = if transpose_b { (b.cols, b.rows) } else { (b.rows, b.cols) };
        if let (Some(k), Some(inner)) = (k, inner)
            && k != inner
        {
            let (a, b) = (self.dims(0).describe(), self.dims(1).describe());
            let turned = |turned| if turned { ", transposed" } else { "" };
            return Err(self.attribute(format!(
                "shapes {a}{} and {b}{} do not fit: the inner sizes are {k} and {inner}",
                turned(transpose_a),
                turned(transpose_b)
            )));
        }
        let both = a.batch.broadcast(&b.batch).ok_or_else(|| self.mismatch(&a.batch, &b.batch))?;
        let mut dims = both.0.unwrap_or_default();
        dims.extend([m, n]);
        Ok(Type::new(dtype, Dims(Some(dims))))
    }

    /// The last two sizes of an input and those before; `None` where the rank is unknown.
    fn matrix(&self, input: usize) -> Result<Option<Matrix>, GraphError> {
        let Some(dims) = &self.dims(input).0 else { return Ok(None) };
        let [batch @ .., rows, cols] = dims.as_slice() else {
            return Err(self.shape(input, "at least 2 dimensions".into()));
        };
        Ok(Some(Matrix { batch: Dims(Some(batch.to_vec())), rows: *rows, cols: *cols }))
    }

    fn square_matrix(&self) -> Result<(), GraphError> {
        self.float(0)?;
        match self.sizes(0, 2)?[..] {
            [Some(rows), Some(cols)] if rows != cols => {
                Err(self.shape(0, "as many rows as columns".into()))
            }
            _ => Ok(()),
        }
    }

    fn conv2d(&self, window: Window) -> Result<Type, GraphError> {
        self.float(0)?;
        let dtype = self.one_dtype(0)?;
        let (image, filter) = (self.sizes(0, 4)?, self.sizes(1, 4)?);
        if let (Some(channels), Some(taken)) = (image[3], filter[2])
            && channels != taken
        {
            return Err(self.shape(1, format!("(height, width, {channels}, outputs)")));
        }
        let rows = self.steps(image[1], filter[0], window, 0)?;
        let cols = self.steps(image[2], filter[1], window, 1)?;
        Ok(Type::new(dtype, Dims(Some(vec![image[0], rows, cols, filter[3]]))))
    }

    fn pool(&self, size: [usize; 2], window: Window) -> Result<Type, GraphError> {
        self.float(0)?;
        let image = self.sizes(0, 4)?;
        let rows = self.steps(image[1], Some(size[0]), window, 0)?;
        let cols = self.steps(image[2], Some(size[1]), window, 1)?;
        Ok(Type::new(self.dtype(0), Dims(Some(vec![image[0], rows, cols, image[3]]))))
    }

    /// How often a window of `size` fits along one axis of an image.
    fn steps(
        &self,
        image: Option<usize>,
        size: Option<usize>,
        window: Window,
        axis: usize,
    ) -> Result<Option<usize>, GraphError> {
        let stride = window.strides[axis];
        if stride == 0 || size == Some(0) {
            return Err(self.attribute("strides and windows must be at least 1".into()));
        }
        let (Some(image), Some(size)) = (image, size) else { return Ok(None) };
        match window.padding {
            Padding::Same => Ok(Some(image.div_ceil(stride))),
            Padding::Valid if size > image => {
                Err(self.attribute(format!("a window of {size} does not fit an image of {image}")))
            }
            Padding::Valid => Ok(Some((image - size) / stride + 1)),
        }
    }

    fn csr_mat_mul(&self, transpose: bool) -> Result<Type, GraphError> {
        self.float(0)?;
        for input in 1..4 {
            self.place(input)?;
        }
        let dense = self.sizes(4, 2)?;
        let sparse = self.dims_from_value(3)?;
        if sparse.rank().is_some_and(|rank| rank != 2) {
            return Err(self.shape(3, "(2,)".into()));
        }
        let (rows, cols) = (sparse.size(0), sparse.size(1));
        let (data, columns) = (self.sizes(0, 1)?[0], self.sizes(1, 1)?[0]);
        if let (Some(data), Some(columns)) = (data, columns)
            && data != columns
        {
            return Err(self.shape(1, format!("({data},), one a value")));
        }
        if let (Some(rows), Some(starts)) = (rows, self.sizes(2, 1)?[0])
            && starts != rows + 1
        {
            return Err(self.shape(2, format!("({},), one more than rows", rows + 1)));
        }
        let (rows, inner) = if transpose { (cols, rows) } else { (rows, cols) };
        let (left, right) = (self.dtype(0), self.dtype(4));
        if left != right {
            return Err(Fault::MixedDtypes { op: self.op, left, right }.into());
        }
        if let (Some(inner), Some(found)) = (inner, dense[0])
            && inner != found
        {
            return Err(self.shape(4, format!("({inner}, columns)")));
        }
        Ok(Type::new(self.dtype(0), Dims(Some(vec![rows, dense[1]]))))
    }
}

impl Call<'_> {
    fn csr_sample(&self) -> Result<Type, GraphError> {
        self.float(3)?;
        self.one_dtype(3)?;
        for input in 0..3 {
            self.place(input)?;
        }
        let places = self.sizes(0, 1)?;
        let (left, right) = (self.sizes(3, 2)?, self.sizes(4, 2)?);
        let sparse = self.dims_from_value(2)?;
        for (input, rows) in [(3, sparse.size(0)), (4, sparse.size(1))] {
            let found = self.sizes(input, 2)?[0];
            if rows.zip(found).is_some_and(|(rows, found)| rows != found) {
                return Err(self.shape(input, format!("({}, columns)", rows.unwrap_or_default())));
            }
        }
        if left[1].zip(right[1]).is_some_and(|(left, right)| left != right) {
            return Err(self.shape(4, format!("(rows, {})", left[1].unwrap_or_default())));
        }
        Ok(Type::new(self.dtype(3), Dims(Some(places))))
    }
}

struct Matrix {
    batch: Dims,
    rows: Option<usize>,
    cols: Option<usize>,
}
