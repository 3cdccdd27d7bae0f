//! Probabilities of logits.

/// `ln Σ exp(logits)`: a logit less this is the logarithm of its probability.
pub(crate) fn log_sum_exp(logits: &[f32]) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
    f64::from(most) + total.ln()
}
