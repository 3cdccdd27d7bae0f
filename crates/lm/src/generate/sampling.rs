//! Which token comes next.

use crate::LmError;

/// How tokens are drawn. The default takes the most likely one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// What logits are divided by; 0: the most likely token is taken.
    pub temperature: f32,
    /// Only so many of the most likely tokens; 0: all.
    pub top_k: usize,
    /// Only the most likely tokens that together reach this probability (Holtzman et al. 2020).
    pub top_p: f32,
    /// Only tokens that have at least this share of the most likely one's probability.
    pub min_p: f32,
    /// What the logits of tokens seen lately are divided by, or multiplied where they are negative
    /// (Keskar et al. 2019).
    pub repeat_penalty: f32,
    /// How many of the last tokens count as seen lately.
    pub repeat_last: usize,
    /// Taken from a token's logit once where the answer has it.
    pub presence_penalty: f32,
    /// Taken from a token's logit as often as the answer has it.
    pub frequency_penalty: f32,
    /// Added to the logits of tokens.
    pub logit_bias: Vec<(u32, f32)>,
    /// Where the draws begin.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repeat_penalty: 1.0,
            repeat_last: 64,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            seed: 0,
        }
    }
}

impl Sampling {
    /// Refuses numbers that cannot be.
    ///
    /// # Errors
    /// Names the first of them.
    pub fn check(&self, vocabulary: usize) -> Result<(), LmError> {
        let rules = [
            ("temperature", self.temperature, 0.0, 100.0, "between 0 and 100"),
            ("top_p", self.top_p, 0.0, 1.0, "between 0 and 1"),
            ("min_p", self.min_p, 0.0, 1.0, "between 0 and 1"),
            ("repeat_penalty", self.repeat_penalty, 0.01, 100.0, "between 0.01 and 100"),
            ("presence_penalty", self.presence_penalty, -100.0, 100.0, "between -100 and 100"),
            ("frequency_penalty", self.frequency_penalty, -100.0, 100.0, "between -100 and 100"),
        ];
        for (name, value, least, most, expected) in rules {
            if !(least..=most).contains(&value) {
                return Err(LmError::Invalid {
                    name: name.to_owned(),
                    expected: expected.to_owned(),
                    got: value.to_string(),
                });
            }
        }
        for &(token, bias) in &self.logit_bias {
            if token as usize >= vocabulary {
                return Err(LmError::UnknownToken { token, vocabulary });
            }
            if bias.is_nan() {
                return Err(LmError::Invalid {
                    name: format!("the logit bias of token {token}"),
                    expected: "a number".to_owned(),
                    got: bias.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Draws tokens for one answer.
pub(super) struct Sampler {
    sampling: Sampling,
    state: u64,
    /// Those that are still in the draw: (logit, token).
    left: Vec<(f32, u32)>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        let state = sampling.seed;
        Self { sampling, state, left: Vec::new() }
    }

    /// The next token, by `logits`, which are changed; `seen` is all so far, of which the last
    /// `answered` were drawn.
    pub(super) fn draw(&mut self, logits: &mut [f32], seen: &[u32], answered: usize) -> u32 {
        for &(token, bias) in &self.sampling.logit_bias {
            logits[token as usize] += bias;
        }
        self.penalise(logits, seen, answered);
        if self.sampling.temperature == 0.0 {
            return most_likely(logits);
        }
        self.keep_top_k(logits);
        self.keep_likely();
        self.pick()
    }

    fn penalise(&self, logits: &mut [f32], seen: &[u32], answered: usize) {
        let Sampling { repeat_penalty, presence_penalty, frequency_penalty, .. } = self.sampling;
        if repeat_penalty != 1.0 {
            let mut lately = seen[seen.len().saturating_sub(self.sampling.repeat_last)..].to_vec();
            lately.sort_unstable();
            lately.dedup();
            for token in lately {
                let logit = &mut logits[token as usize];
                *logit *= if *logit > 0.0 { 1.0 / repeat_penalty } else { repeat_penalty };
            }
        }
        if presence_penalty != 0.0 || frequency_penalty != 0.0 {
            let mut answer = seen[seen.len() - answered..].to_vec();
            answer.sort_unstable();
            for same in answer.chunk_by(|a, b| a == b) {
                let often = same.len() as f32;
                logits[same[0] as usize] -= presence_penalty + frequency_penalty * often;
            }
        }
    }

    /// Leaves the `top_k` most likely, those of equal logits by their number, in that order.
    fn keep_top_k(&mut self, logits: &[f32]) {
        let usable = logits.iter().zip(0..).filter(|(logit, _)| !logit.is_nan());
        self.left.clear();
        self.left.extend(usable.map(|(&logit, token)| (logit, token)));
        let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let k = self.sampling.top_k;
        if k > 0 && k < self.left.len() {
            self.left.select_nth_unstable_by(k - 1, order);
            self.left.truncate(k);
        }
        self.left.sort_unstable_by(order);
    }

    /// Leaves what `top_p` and `min_p` leave, at least one.
    fn keep_likely(&mut self) {
        let Sampling { top_p, min_p, .. } = self.sampling;
        let Some(&(most, _)) = self.left.first() else { return };
        let weight = |logit: f32| f64::from(logit - most).exp();
        if top_p < 1.0 {
            let total: f64 = self.left.iter().map(|&(logit, _)| weight(logit)).sum();
            let mut sum = 0.0;
            let enough = self.left.iter().position(|&(logit, _)| {
                sum += weight(logit);
                sum >= f64::from(top_p) * total
            });
            self.left.truncate(enough.map_or(self.left.len(), |last| last + 1));
        }
        if min_p > 0.0 {
            let likely = self.left.partition_point(|&(l, _)| weight(l) >= f64::from(min_p));
            self.left.truncate(likely.max(1));
        }
    }

    /// One of those left, by their probabilities at the temperature.
    fn pick(&mut self) -> u32 {
        let Some(&(most, first)) = self.left.first() else { return 0 };
        let temperature = f64::from(self.sampling.temperature);
        let weight = |logit: f32| (f64::from(logit - most) / temperature).exp();
        let total: f64 = self.left.iter().map(|&(logit, _)| weight(logit)).sum();
        let mut point = self.uniform() * total;
        for &(logit, token) in &self.left {
            point -= weight(logit);
            if point < 0.0 {
                return token;
            }
        }
        first
    }

    /// A number in [0, 1), by SplitMix64 (Steele et al. 2014).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The place of the greatest number, the first of equals; NaN is never it.
fn most_likely(logits: &[f32]) -> u32 {
    let mut best = (f32::NEG_INFINITY, 0);
    for (&logit, token) in logits.iter().zip(0..) {
        if logit > best.0 {
            best = (logit, token);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::{Sampler, Sampling};

    fn draws(sampling: Sampling, logits: &[f32], count: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling);
        (0..count).map(|_| sampler.draw(&mut logits.to_vec(), &[], 0)).collect()
    }

    #[test]
    fn without_temperature_the_first_of_the_most_likely_is_taken() {
        assert_eq!(draws(Sampling::default(), &[0.0, f32::NAN, 3.0, 3.0], 1), [2]);
    }

    #[test]
    fn draws_follow_the_probabilities_and_the_seed() {
        let sampling = Sampling { temperature: 1.0, seed: 7, ..Sampling::default() };
        let logits = [0.1_f32.ln(), 0.6_f32.ln(), 0.3_f32.ln()];
        let drawn = draws(sampling.clone(), &logits, 20_000);
        for (token, share) in [(0, 0.1), (1, 0.6), (2, 0.3)] {
            let found = drawn.iter().filter(|&&t| t == token).count() as f64 / 20_000.0;
            assert!((found - share).abs() < 0.015, "token {token}: {found}");
        }
        assert_eq!(drawn, draws(sampling.clone(), &logits, 20_000));
        assert_ne!(drawn, draws(Sampling { seed: 8, ..sampling }, &logits, 20_000));
    }

    #[test]
    fn top_k_top_p_and_min_p_leave_only_the_likely() {
        let logits: Vec<f32> = [0.05_f32, 0.5, 0.15, 0.3].iter().map(|p| p.ln()).collect();
        let hot = Sampling { temperature: 5.0, ..Sampling::default() };
        let kept = |sampling: Sampling| {
            let mut drawn = draws(sampling, &logits, 2_000);
            drawn.sort_unstable();
            drawn.dedup();
            drawn
        };
        assert_eq!(kept(hot.clone()), [0, 1, 2, 3]);
        assert_eq!(kept(Sampling { top_k: 2, ..hot.clone() }), [1, 3]);
        assert_eq!(kept(Sampling { top_p: 0.79, ..hot.clone() }), [1, 3]);
        assert_eq!(kept(Sampling { min_p: 0.25, ..hot.clone() }), [1, 2, 3]);
        assert_eq!(kept(Sampling { top_p: 0.0, ..hot }), [1]);
    }

    #[test]
    fn penalties_and_biases_move_the_choice() {
        let first = |sampling: Sampling, seen: &[u32], answered| {
            Sampler::new(sampling).draw(&mut [1.0, 0.9, -1.0], seen, answered)
        };
        let plain = Sampling::default();
        assert_eq!(first(Sampling { repeat_penalty: 1.5, ..plain.clone() }, &[0], 0), 1);
        assert_eq!(first(Sampling { presence_penalty: 0.2, ..plain.clone() }, &[0], 0), 0);
        assert_eq!(first(Sampling { presence_penalty: 0.2, ..plain.clone() }, &[0], 1), 1);
        assert_eq!(first(Sampling { frequency_penalty: 0.04, ..plain.clone() }, &[0; 4], 4), 1);
        assert_eq!(first(Sampling { logit_bias: vec![(2, 5.0)], ..plain }, &[], 0), 2);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_by_name() {
        let refused = |sampling: Sampling| sampling.check(10).unwrap_err().to_string();
        let nan = Sampling { temperature: f32::NAN, ..Sampling::default() };
        assert_eq!(refused(nan), "temperature is NaN; expected between 0 and 100");
        let bias = Sampling { logit_bias: vec![(10, 1.0)], ..Sampling::default() };
        assert_eq!(refused(bias), "token 10 is not one of the vocabulary's 10");
    }
}
