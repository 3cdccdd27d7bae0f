//! Bounds on distances that hold in spite of rounding.

use ferrule_tensor::{Assigner, Float};

/// The factor that covers what one operation on bounds rounds, many times over.
const STEP: f32 = 2.0 * f32::EPSILON;

/// At least the exact value of which `value` is the rounded one.
#[inline(always)]
pub(super) fn up(value: f32) -> f32 {
    value * (1.0 + STEP) + f32::MIN_POSITIVE
}

/// At most the exact value of which `value` is the rounded one; 0 where that is negative or unknown.
#[inline(always)]
pub(super) fn down(value: f32) -> f32 {
    (value * (1.0 - STEP) - f32::MIN_POSITIVE).max(0.0)
}

/// At least √`square`.
#[inline(always)]
pub(super) fn root_up(square: f64) -> f32 {
    up(square.sqrt() as f32)
}

/// At most √`square`; 0 where that is negative or not a number.
pub(super) fn root_down(square: f64) -> f32 {
    down(square.max(0.0).sqrt().min(f64::from(f32::MAX)) as f32)
}

/// How far the scores that an [`Assigner`] compares may be from the exact ones.
///
/// A score is the squared distance D² or, for many features, `½|c - s|² - (x - s)·(c - s)`, which is
/// ½D² less a term of the row's own. A chain of d fused multiply-adds is off by at most (d + 4)·ε/2 times
/// the sum of its terms' sizes: D², or (D + R)·R + ½R² where no centre is farther than R from s.
/// `relative` is over twice that factor.
#[derive(Clone, Copy)]
pub(super) struct Margin {
    relative: f64,
    /// What squares that underflow may lose.
    tiny: f64,
    /// R; 0 where scores are squared distances.
    reach: f64,
    /// How much of D² a score's difference is.
    scale: f64,
    /// Least (D + R)² at which a score might overflow.
    limit: f64,
}

impl Margin {
    pub(super) fn new<T: Float>(assigner: &Assigner<T>) -> Self {
        let d = assigner.n_features();
        let relative = (d + 8) as f64 * T::EPSILON.to_f64();
        let tiny = 8.0 * (d + 8) as f64 * T::MIN_POSITIVE.to_f64();
        // The estimates are for small errors: with more features every test fails, by this limit.
        let limit =
            if relative < 1.0 / 64.0 { 1.0 / (64.0 * T::MIN_POSITIVE.to_f64()) } else { 0.0 };
        let from_shift = |center: &[T], shift: &[T]| -> f64 {
            let differences = center.iter().zip(shift).map(|(c, s)| c.to_f64() - s.to_f64());
            differences.map(|difference| difference * difference).sum()
        };
        let (reach, scale) = assigner.shift().map_or((0.0, 1.0), |shift| {
            let squares = assigner.centers().chunks_exact(d).map(|c| from_shift(c, shift));
            (squares.fold(0.0, f64::max).sqrt() * (1.0 + relative), 2.0)
        });
        Self { relative, tiny, reach, scale, limit }
    }

    /// The error that the difference of two scores may have, as a difference of squared distances, where
    /// the nearer centre is at most `upper` away; infinite where a score might overflow.
    #[inline(always)]
    fn error(&self, upper: f64) -> f64 {
        let size = (upper + self.reach) * (upper + self.reach);
        let error = 8.0 * self.relative * size + self.tiny;
        if size <= self.limit { error } else { f64::INFINITY }
    }

    /// A centre farther than this has a greater score than one at most `upper` away.
    #[inline(always)]
    pub(super) fn least_lower(&self, upper: f32) -> f32 {
        let upper = f64::from(upper);
        let error = self.error(upper);
        if error.is_finite() { root_up(upper * upper + error) } else { f32::INFINITY }
    }

    /// At least the distance whose square was computed as `square`.
    pub(super) fn upper<T: Float>(&self, square: T) -> f32 {
        root_up(square.to_f64() * (1.0 + self.relative) + self.tiny)
    }

    /// At most the distance whose square was computed as `square`, overflow included.
    pub(super) fn lower<T: Float>(&self, square: T) -> f32 {
        let square = square.to_f64().min(self.limit);
        root_down(square * (1.0 - self.relative) - self.tiny)
    }

    /// At most the distance to a centre whose score is `gap` above that of one whose squared distance
    /// was computed as `square`.
    pub(super) fn lower_by_gap<T: Float>(&self, square: T, gap: T) -> f32 {
        let (square, gap) = (square.to_f64(), gap.to_f64().min(self.limit));
        let sum = (square + self.scale * gap) * (1.0 - self.relative);
        root_down(sum - self.error(f64::from(root_up(square * (1.0 + self.relative)))))
    }

    /// At most the distance to a centre with this score, of a row whose distance from the shift has
    /// the square `own` (0 where there is no shift).
    pub(super) fn lower_by_score<T: Float>(&self, own: f64, score: T) -> f32 {
        let score = score.to_f64().min(self.limit);
        if self.scale == 1.0 {
            return root_down(score * (1.0 - self.relative) - self.tiny);
        }
        root_down(own * (1.0 - self.relative) + self.scale * score - self.error(own.sqrt()))
    }
}
