//! Gemma 3's text models (Gemma Team 2025).
//!
//! Five layers see a window and turn by a short base, the sixth sees all and turns by the file's; norms
//! stand before and after each block. GGUF stores norms as they are used.

use ferrule_tensor::ops::transformer::{Attention, Gate, Pairs, Rotary};

use super::numbers::{Numbers, linear_factor};
use crate::LmError;
use crate::config::{Config, LayerConfig};
use crate::source::Source;

/// The rotary base of layers with a window; no file has it.
const LOCAL_BASE: f64 = 10_000.0;
/// Each so manieth layer sees all.
const GLOBAL_EVERY: usize = 6;
/// The one size (27B) whose scores are scaled by its width over its heads.
const LAYERS_OF_27B: usize = 62;

pub(super) fn config(source: &dyn Source, numbers: &Numbers) -> Result<Config, LmError> {
    let window = numbers.window.ok_or_else(|| {
        let name = "attention.sliding_window".to_owned();
        LmError::Missing { what: "key", name }
    })?;
    let scaled_by = match numbers.layers {
        LAYERS_OF_27B => numbers.width / numbers.heads,
        _ => numbers.dim,
    };
    let scale = 1.0 / (scaled_by as f32).sqrt();
    let layer = |index: usize| {
        let global = (index + 1).is_multiple_of(GLOBAL_EVERY);
        let window = (!global).then_some(window);
        let attention = Attention { scale, window, ..numbers.attention() };
        LayerConfig { attention, rotary: usize::from(global) }
    };
    let global = linear_factor(source)?;
    Ok(Config {
        architecture: "gemma3",
        width: numbers.width,
        hidden: numbers.hidden,
        vocabulary: numbers.vocabulary,
        context: numbers.context,
        eps: numbers.eps,
        gate: Gate::GeluTanh,
        embedding_scale: (numbers.width as f32).sqrt(),
        rotaries: vec![
            Rotary::new(Pairs::Halves, numbers.dim, LOCAL_BASE, 1.0, None),
            Rotary::new(Pairs::Halves, numbers.dim, numbers.rope_base, global, None),
        ],
        layers: (0..numbers.layers).map(layer).collect(),
    })
}
