//! Tiny models of each family, and what they compute, from the formulas of their papers.

use std::collections::HashMap;

use ferrule_base::BlockKind;
use ferrule_lm::source::{Source, SourceTensor};
use ferrule_tensor::ops::transformer::Pairs;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Family {
    Llama,
    Qwen2,
    Qwen3,
    Gemma3,
}

impl Family {
    pub(crate) const ALL: [Self; 4] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Gemma3];

    fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
        }
    }
}

/// A model of seeded weights, as a file would hold it.
pub(crate) struct Tiny {
    family: Family,
    numbers: HashMap<&'static str, f64>,
    tensors: HashMap<String, Tensor>,
}

/// A tensor: its shape, its values, and these as a file holds them.
type Tensor = (Vec<usize>, Vec<f32>, Vec<u8>);

const WIDTH: usize = 48;
const HIDDEN: usize = 80;
const LAYERS: usize = 7;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const DIM: usize = 16;
const EPS: f64 = 1e-5;
const BASE: f64 = 50_000.0;
const WINDOW: usize = 20;

impl Tiny {
    pub(crate) const VOCABULARY: usize = 101;

    pub(crate) fn new(family: Family) -> Self {
        let numbers = HashMap::from([
            ("embedding_length", WIDTH as f64),
            ("feed_forward_length", HIDDEN as f64),
            ("block_count", LAYERS as f64),
            ("attention.head_count", HEADS as f64),
            ("attention.head_count_kv", KV_HEADS as f64),
            ("attention.key_length", DIM as f64),
            ("attention.layer_norm_rms_epsilon", EPS),
            ("context_length", 128.0),
            ("rope.freq_base", BASE),
        ]);
        let mut tiny = Self { family, numbers, tensors: HashMap::new() };
        if family == Family::Gemma3 {
            tiny.numbers.insert("attention.sliding_window", WINDOW as f64);
        }
        tiny.fill();
        tiny
    }

    /// The same without a number or a tensor.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.numbers.remove(name);
        self.tensors.remove(name);
        self
    }

    /// The same with one more tensor.
    pub(crate) fn with_tensor(mut self, name: &str, shape: &[usize]) -> Self {
        self.add(name, shape, 0.1);
        self
    }

    /// The same with another number.
    pub(crate) fn with_number(mut self, name: &'static str, value: f64) -> Self {
        self.numbers.insert(name, value);
        self
    }

    fn fill(&mut self) {
        self.add("token_embd.weight", &[Self::VOCABULARY, WIDTH], 0.3);
        self.add("output_norm.weight", &[WIDTH], 1.0);
        if self.family == Family::Llama {
            self.add("output.weight", &[Self::VOCABULARY, WIDTH], 0.3);
            self.add("rope_freqs.weight", &[DIM / 2], 1.0);
        }
        for layer in 0..LAYERS {
            let mut add = |name: &str, shape: &[usize], size: f32| {
                self.add(&format!("blk.{layer}.{name}"), shape, size);
            };
            add("attn_norm.weight", &[WIDTH], 1.0);
            add("ffn_norm.weight", &[WIDTH], 1.0);
            for (name, heads) in [("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)] {
                add(&format!("attn_{name}.weight"), &[heads * DIM, WIDTH], 0.3);
            }
            add("attn_output.weight", &[WIDTH, HEADS * DIM], 0.2);
            add("ffn_gate.weight", &[HIDDEN, WIDTH], 0.3);
            add("ffn_up.weight", &[HIDDEN, WIDTH], 0.3);
            add("ffn_down.weight", &[WIDTH, HIDDEN], 0.2);
            match self.family {
                Family::Llama => {}
                Family::Qwen2 => {
                    for (name, heads) in [("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)] {
                        self.add(&format!("blk.{layer}.attn_{name}.bias"), &[heads * DIM], 0.5);
                    }
                }
                Family::Qwen3 | Family::Gemma3 => {
                    for name in ["attn_q_norm", "attn_k_norm"] {
                        self.add(&format!("blk.{layer}.{name}.weight"), &[DIM], 1.0);
                    }
                }
            }
            if self.family == Family::Gemma3 {
                for name in ["post_attention_norm", "post_ffw_norm"] {
                    self.add(&format!("blk.{layer}.{name}.weight"), &[WIDTH], 1.0);
                }
            }
        }
    }

    /// Numbers around 0 for matrices and biases, around 1 for norms and divisors.
    fn add(&mut self, name: &str, shape: &[usize], size: f32) {
        let mut state = name.bytes().fold(1_u64, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3) ^ (state >> 7)
        });
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let count = shape.iter().product();
        let values: Vec<f32> = match size {
            1.0 => (0..count).map(|_| 1.0 + 0.3 * next()).collect(),
            size => (0..count).map(|_| size * next()).collect(),
        };
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.insert(name.to_owned(), (shape.to_vec(), values, bytes));
    }

    fn values(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name).map(|(_, values, _)| &values[..])
    }

    /// The logits after each token.
    pub(crate) fn logits(&self, tokens: &[u32]) -> Vec<f64> {
        let gemma = self.family == Family::Gemma3;
        let embedding = self.values("token_embd.weight").expect("an embedding");
        let scale = if gemma { (WIDTH as f64).sqrt() } else { 1.0 };
        let row = |&token: &u32| -> Vec<f64> {
            let row = &embedding[token as usize * WIDTH..][..WIDTH];
            row.iter().map(|&x| f64::from(x) * scale).collect()
        };
        let mut states: Vec<Vec<f64>> = tokens.iter().map(row).collect();
        for layer in 0..LAYERS {
            let normed: Vec<_> =
                states.iter().map(|x| self.norm(x, layer, "attn_norm").unwrap()).collect();
            for (position, delta) in self.attention(layer, &normed).into_iter().enumerate() {
                let delta = self.norm(&delta, layer, "post_attention_norm").unwrap_or(delta);
                add(&mut states[position], &delta);
            }
            for state in &mut states {
                let delta = self.feed_forward(layer, state);
                let delta = self.norm(&delta, layer, "post_ffw_norm").unwrap_or(delta);
                add(state, &delta);
            }
        }
        let head = self.values("output.weight").unwrap_or(embedding);
        let norm = self.values("output_norm.weight").expect("a norm");
        states.iter().flat_map(|state| product(head, &rms(state, norm))).collect()
    }

    fn norm(&self, x: &[f64], layer: usize, name: &str) -> Option<Vec<f64>> {
        self.values(&format!("blk.{layer}.{name}.weight")).map(|weight| rms(x, weight))
    }

    fn attention(&self, layer: usize, normed: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let heads = |name: &str| -> Vec<Vec<f64>> {
            let made = normed.iter().enumerate();
            made.map(|(position, x)| self.heads(layer, name, x, position)).collect()
        };
        let (queries, keys, values) = (heads("q"), heads("k"), heads("v"));
        let global = (layer + 1).is_multiple_of(6);
        let window = if self.family == Family::Gemma3 && !global { WINDOW } else { usize::MAX };
        let output = self.values(&format!("blk.{layer}.attn_output.weight")).expect("a product");
        let row = |position: usize| -> Vec<f64> {
            let mut joined = Vec::new();
            for head in 0..HEADS {
                let kv = head * KV_HEADS / HEADS * DIM;
                let query = &queries[position][head * DIM..][..DIM];
                let seen: Vec<usize> = (0..=position).filter(|at| position - at < window).collect();
                let score = |&at: &usize| dot(query, &keys[at][kv..kv + DIM]) / (DIM as f64).sqrt();
                let weights: Vec<f64> = seen.iter().map(|at| score(at).exp()).collect();
                let whole: f64 = weights.iter().sum();
                for d in 0..DIM {
                    let terms = seen.iter().zip(&weights).map(|(&at, w)| w * values[at][kv + d]);
                    joined.push(terms.sum::<f64>() / whole);
                }
            }
            product(output, &joined)
        };
        (0..normed.len()).map(row).collect()
    }

    /// Queries, keys or values of a position.
    fn heads(&self, layer: usize, name: &str, x: &[f64], position: usize) -> Vec<f64> {
        let weights = self.values(&format!("blk.{layer}.attn_{name}.weight")).expect("a product");
        let mut heads = product(weights, x);
        if let Some(bias) = self.values(&format!("blk.{layer}.attn_{name}.bias")) {
            heads.iter_mut().zip(bias).for_each(|(x, &b)| *x += f64::from(b));
        }
        if let Some(norm) = self.values(&format!("blk.{layer}.attn_{name}_norm.weight")) {
            heads = heads.chunks(DIM).flat_map(|head| rms(head, norm)).collect();
        }
        if name != "v" {
            heads.chunks_mut(DIM).for_each(|head| self.turn(layer, head, position));
        }
        heads
    }

    fn turn(&self, layer: usize, head: &mut [f64], position: usize) {
        let local = self.family == Family::Gemma3 && !(layer + 1).is_multiple_of(6);
        let base: f64 = if local { 10_000.0 } else { BASE };
        let divisors = self.values("rope_freqs.weight");
        for i in 0..DIM / 2 {
            let (a, b) = match self.family {
                Family::Llama => (2 * i, 2 * i + 1),
                _ => (i, i + DIM / 2),
            };
            let divisor = divisors.map_or(1.0, |divisors| f64::from(divisors[i]));
            let angle = position as f64 * base.powf(-2.0 * i as f64 / DIM as f64) / divisor;
            let (x, y) = (head[a], head[b]);
            (head[a], head[b]) =
                (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos());
        }
    }

    fn feed_forward(&self, layer: usize, state: &[f64]) -> Vec<f64> {
        let values = |name: &str| self.values(&format!("blk.{layer}.ffn_{name}.weight")).unwrap();
        let x = self.norm(state, layer, "ffn_norm").expect("a norm");
        let activated = |x: f64| match self.family {
            Family::Gemma3 => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                x / 2.0 * (1.0 + inner.tanh())
            }
            _ => x / (1.0 + (-x).exp()),
        };
        let (gate, up) = (product(values("gate"), &x), product(values("up"), &x));
        let gated: Vec<f64> = gate.iter().zip(&up).map(|(&g, &u)| activated(g) * u).collect();
        product(values("down"), &gated)
    }
}

impl Source for Tiny {
    fn architecture(&self) -> &str {
        self.family.name()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.numbers.get(key).copied()
    }

    fn text(&self, _key: &str) -> Option<&str> {
        None
    }

    fn llama_pairs(&self) -> Pairs {
        Pairs::Neighbours
    }

    fn tensor(&self, name: &str) -> Option<SourceTensor<'_>> {
        let (shape, _, bytes) = self.tensors.get(name)?;
        Some(SourceTensor { shape: shape.clone(), kind: BlockKind::F32, bytes })
    }
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn product(weights: &[f32], x: &[f64]) -> Vec<f64> {
    let rows = weights.chunks_exact(x.len());
    rows.map(|row| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum()).collect()
}

fn rms(x: &[f64], weight: &[f32]) -> Vec<f64> {
    let mean = dot(x, x) / x.len() as f64;
    let scale = 1.0 / (mean + EPS).sqrt();
    x.iter().zip(weight).map(|(x, &w)| x * scale * f64::from(w)).collect()
}
