//! The two types of number that columns are read into.

/// A floating-point type that any number of a file is rounded to.
pub trait Real: Copy + Default {
    /// What stands for a missing value.
    const NAN: Self;

    /// The nearest value; infinite where there is none near.
    fn rounded(value: f64) -> Self;

    /// Whether a finite `value` rounds to infinity.
    fn overflows(value: f64) -> bool;
}

impl Real for f64 {
    const NAN: Self = f64::NAN;

    fn rounded(value: f64) -> Self {
        value
    }

    fn overflows(_: f64) -> bool {
        false
    }
}

impl Real for f32 {
    const NAN: Self = f32::NAN;

    fn rounded(value: f64) -> Self {
        value as f32
    }

    fn overflows(value: f64) -> bool {
        value.is_finite() && (value as f32).is_infinite()
    }
}
