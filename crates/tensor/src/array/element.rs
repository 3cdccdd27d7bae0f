//! What a dense array may hold.

use ferrule_base::DType;

/// A type of elements. Any bits are a value; truth values are bytes of 0 or 1.
pub trait Element: Copy + Default + Send + Sync + 'static + sealed::Plain {
    /// Whether arrays of `dtype` hold elements of this type.
    fn holds(dtype: DType) -> bool;
}

mod sealed {
    /// Keeps types out of which some bits are no value.
    pub trait Plain {}
}

macro_rules! element {
    ($type:ty: $($dtype:ident),+) => {
        impl sealed::Plain for $type {}
        impl Element for $type {
            #[inline(always)]
            fn holds(dtype: DType) -> bool {
                matches!(dtype, $(DType::$dtype)|+)
            }
        }
    };
}

element!(f32: Fp32);
element!(f64: Fp64);
element!(i32: Int32);
element!(i64: Int64);
element!(u8: Uint8, Bool);
