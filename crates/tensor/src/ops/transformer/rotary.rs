//! Rotary position embedding (Su et al. 2021).

/// Which elements of a head are turned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// `(x[2i], x[2i + 1])`: GGUF files of the architecture `llama`, llama2.c.
    Neighbours,
    /// `(x[i], x[i + h/2])`: Hugging Face, and GGUF files of other architectures.
    Halves,
}

/// The angles by which heads are turned: a frequency a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    pairs: Pairs,
    /// Radians a position.
    frequencies: Vec<f64>,
}

impl Rotary {
    /// Frequencies `base^(-2i/dim)`, divided by `divisors` (one a pair) where there are any, and by
    /// `factor`.
    ///
    /// # Panics
    /// Where `dim` is odd or there are not `dim / 2` divisors.
    pub fn new(pairs: Pairs, dim: usize, base: f64, factor: f64, divisors: Option<&[f32]>) -> Self {
        assert!(dim.is_multiple_of(2), "heads of an even number of elements");
        assert!(divisors.is_none_or(|divisors| divisors.len() == dim / 2), "a divisor a pair");
        let frequency = |i: usize| {
            let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[i]));
            base.powf(-2.0 * i as f64 / dim as f64) / (factor * divisor)
        };
        Self { pairs, frequencies: (0..dim / 2).map(frequency).collect() }
    }

    /// Elements of a head.
    pub fn dim(&self) -> usize {
        2 * self.frequencies.len()
    }

    /// Writes the cosines, then the sines, of `position` to `table`: [`dim`](Self::dim) numbers,
    /// computed in double precision.
    pub fn table(&self, position: usize, table: &mut [f32]) {
        let (cosines, sines) = table.split_at_mut(self.frequencies.len());
        for ((frequency, cosine), sine) in self.frequencies.iter().zip(cosines).zip(sines) {
            let (s, c) = (position as f64 * frequency).sin_cos();
            (*cosine, *sine) = (c as f32, s as f32);
        }
    }

    /// Turns the heads of a row, by a table of its position.
    pub fn turn(&self, heads: &mut [f32], table: &[f32]) {
        let half = self.frequencies.len();
        let (cosines, sines) = table.split_at(half);
        for head in heads.chunks_exact_mut(2 * half) {
            match self.pairs {
                Pairs::Neighbours => {
                    let (pairs, _) = head.as_chunks_mut::<2>();
                    for (([x, y], &c), &s) in pairs.iter_mut().zip(cosines).zip(sines) {
                        (*x, *y) = (*x * c - *y * s, *x * s + *y * c);
                    }
                }
                Pairs::Halves => {
                    let (xs, ys) = head.split_at_mut(half);
                    for (((x, y), &c), &s) in xs.iter_mut().zip(ys).zip(cosines).zip(sines) {
                        (*x, *y) = (*x * c - *y * s, *x * s + *y * c);
                    }
                }
            }
        }
    }
}
