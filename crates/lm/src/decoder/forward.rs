//! From tokens to logits.
//!
//! Rows of several sequences go through the products together. No row's numbers depend on the others:
//! products, norms and attention each have one order of sums for a row, whatever comes with it.

use ferrule_tensor::Control;
use ferrule_tensor::ops::transformer::{
    BLOCK_POSITIONS, Past, add, attend, gate, rms_norm, rms_norm_in_place, store,
};
use ferrule_tensor::quant::{Inputs, Weights, matmul};

use super::weights::{Head, Layer, Projection};
use super::{Decoder, Sequence};
use crate::LmError;

/// Tokens that a sequence goes on with.
pub struct Feed<'a> {
    /// What came before.
    pub sequence: &'a mut Sequence,
    /// At least one.
    pub tokens: &'a [u32],
    /// Which of their logits are asked for.
    pub wanted: Wanted,
}

/// Which tokens' logits are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those of none: more of the prompt is to come.
    Nothing,
    /// Those of the last token.
    Last,
    /// Those of every token.
    All,
}

/// Rows between the products.
#[derive(Default)]
struct Rows {
    state: Vec<f32>,
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    heads: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    delta: Vec<f32>,
    /// For each rotary, cosines and sines of each row's position.
    tables: Vec<Vec<f32>>,
    inputs: Inputs,
}

impl Decoder {
    /// Runs the tokens of `feeds` through the model; returns the logits that were asked for, a row of the
    /// vocabulary's size for each, in order.
    ///
    /// # Errors
    /// A token is unknown, a context or the cache is full (no sequence has changed then), or `control`
    /// stopped it: the sequences are to be thrown away.
    pub fn forward(&self, feeds: &mut [Feed], control: &Control) -> Result<Vec<f32>, LmError> {
        self.check(feeds)?;
        let starts: Vec<usize> = feeds.iter().map(|feed| feed.sequence.tokens().len()).collect();
        for at in 0..feeds.len() {
            let tokens = feeds[at].tokens;
            if let Err(error) = feeds[at].sequence.extend(tokens) {
                for (feed, &start) in feeds.iter_mut().zip(&starts).take(at + 1) {
                    feed.sequence.truncate(start);
                }
                return Err(error);
            }
        }
        let mut rows = self.rows(feeds, &starts);
        for (index, layer) in self.layers.iter().enumerate() {
            control.check()?;
            self.attention(index, layer, feeds, &starts, &mut rows);
            self.feed_forward(layer, &mut rows);
        }
        Ok(self.logits(feeds, &mut rows))
    }

    fn check(&self, feeds: &[Feed]) -> Result<(), LmError> {
        let vocabulary = self.config.vocabulary;
        let mut tokens = feeds.iter().flat_map(|feed| feed.tokens);
        match tokens.find(|&&token| token as usize >= vocabulary) {
            Some(&token) => Err(LmError::UnknownToken { token, vocabulary }),
            None => Ok(()),
        }
    }

    /// Embeddings, tables of the positions, and room for the rest.
    fn rows(&self, feeds: &[Feed], starts: &[usize]) -> Rows {
        let width = self.config.width;
        let n: usize = feeds.iter().map(|feed| feed.tokens.len()).sum();
        let mut rows = Rows { state: vec![0.0; n * width], ..Rows::default() };
        let tokens = feeds.iter().flat_map(|feed| feed.tokens);
        for (state, &token) in rows.state.chunks_exact_mut(width).zip(tokens) {
            self.embedding.row(token as usize, state);
            for x in state {
                *x *= self.config.embedding_scale;
            }
        }
        for rotary in &self.config.rotaries {
            let mut table = vec![0.0; n * rotary.dim()];
            let positions = feeds
                .iter()
                .zip(starts)
                .flat_map(|(feed, &start)| start..start + feed.tokens.len());
            for (table, position) in table.chunks_exact_mut(rotary.dim()).zip(positions) {
                rotary.table(position, table);
            }
            rows.tables.push(table);
        }
        rows.normed = vec![0.0; n * width];
        rows.delta = vec![0.0; n * width];
        rows.gate = vec![0.0; n * self.config.hidden];
        rows.up = vec![0.0; n * self.config.hidden];
        rows
    }

    fn attention(
        &self,
        index: usize,
        layer: &Layer,
        feeds: &mut [Feed],
        starts: &[usize],
        rows: &mut Rows,
    ) {
        let (width, shape) = (self.config.width, layer.config.attention);
        let n = rows.state.len() / width;
        let (query_width, key_width) = (shape.heads * shape.dim, shape.kv_heads * shape.dim);
        rms_norm(&rows.state, &layer.attention_norm, self.config.eps, &mut rows.normed);
        let weights = [&layer.query.weights, &layer.key.weights, &layer.value.weights];
        rows.inputs.set(&rows.normed, n, width, &weights);
        for (heads, width) in [
            (&mut rows.query, query_width),
            (&mut rows.key, key_width),
            (&mut rows.value, key_width),
            (&mut rows.heads, query_width),
        ] {
            heads.resize(n * width, 0.0);
        }
        matmul(&rows.inputs, &weights, &mut [&mut rows.query, &mut rows.key, &mut rows.value]);
        let table = &rows.tables[layer.config.rotary];
        self.finish(&layer.query, &mut rows.query, query_width, Some((layer, table)));
        self.finish(&layer.key, &mut rows.key, key_width, Some((layer, table)));
        self.finish(&layer.value, &mut rows.value, key_width, None);
        let mut row = 0;
        for (feed, &start) in feeds.iter_mut().zip(starts) {
            let count = feed.tokens.len();
            for position in start..start + count {
                let at = (row + position - start) * key_width;
                let (key, value) = (&rows.key[at..][..key_width], &rows.value[at..][..key_width]);
                let block = feed.sequence.part_mut(index, position);
                store(&shape, block, position % BLOCK_POSITIONS, key, value);
            }
            let range = row * query_width..(row + count) * query_width;
            let parts = feed.sequence.parts(index);
            let (query, heads) = (&rows.query[range.clone()], &mut rows.heads[range]);
            attend(&shape, query, start, Past { blocks: &parts }, heads);
            row += count;
        }
        rows.inputs.set(&rows.heads, n, query_width, &[&layer.output]);
        self.add_product(&layer.output, layer.post_attention_norm.as_deref(), rows);
    }

    /// What follows a product that gives heads: bias, norm of each head, and, with tables, the turn by
    /// its position.
    fn finish(
        &self,
        projection: &Projection,
        heads: &mut [f32],
        width: usize,
        turned: Option<(&Layer, &Vec<f32>)>,
    ) {
        if let Some(bias) = &projection.bias {
            heads.chunks_exact_mut(width).for_each(|row| add(row, bias));
        }
        if let Some(norm) = &projection.norm {
            rms_norm_in_place(heads, norm, self.config.eps);
        }
        if let Some((layer, table)) = turned {
            let rotary = &self.config.rotaries[layer.config.rotary];
            let tables = table.chunks_exact(rotary.dim());
            for (row, table) in heads.chunks_exact_mut(width).zip(tables) {
                rotary.turn(row, table);
            }
        }
    }

    fn feed_forward(&self, layer: &Layer, rows: &mut Rows) {
        let width = self.config.width;
        let n = rows.state.len() / width;
        rms_norm(&rows.state, &layer.ffn_norm, self.config.eps, &mut rows.normed);
        let weights = [&layer.gate, &layer.up];
        rows.inputs.set(&rows.normed, n, width, &weights);
        matmul(&rows.inputs, &weights, &mut [&mut rows.gate, &mut rows.up]);
        gate(self.config.gate, &mut rows.gate, &rows.up);
        rows.inputs.set(&rows.gate, n, self.config.hidden, &[&layer.down]);
        self.add_product(&layer.down, layer.post_ffn_norm.as_deref(), rows);
    }

    /// Adds the product of the inputs, normed where there is a norm, to the states.
    fn add_product(&self, weights: &Weights, norm: Option<&[f32]>, rows: &mut Rows) {
        matmul(&rows.inputs, &[weights], &mut [&mut rows.delta]);
        if let Some(norm) = norm {
            rms_norm_in_place(&mut rows.delta, norm, self.config.eps);
        }
        add(&mut rows.state, &rows.delta);
    }

    /// The logits of the rows that were asked for.
    fn logits(&self, feeds: &[Feed], rows: &mut Rows) -> Vec<f32> {
        let width = self.config.width;
        let (mut wanted, mut row) = (Vec::new(), 0);
        for feed in feeds {
            let end = row + feed.tokens.len();
            let first = match feed.wanted {
                Wanted::Nothing => end,
                Wanted::Last => end - 1,
                Wanted::All => row,
            };
            wanted.extend_from_slice(&rows.state[first * width..end * width]);
            row = end;
        }
        let n = wanted.len() / width;
        let mut logits = vec![0.0; n * self.config.vocabulary];
        if n > 0 {
            rms_norm_in_place(&mut wanted, &self.norm, self.config.eps);
            let head = match &self.head {
                Head::Embedding => &self.embedding,
                Head::Own(weights) => weights,
            };
            rows.inputs.set(&wanted, n, width, &[head]);
            matmul(&rows.inputs, &[head], &mut [&mut logits]);
        }
        logits
    }
}
