//! The keys and values of sequences, in half precision, in blocks that are allocated when needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrule_tensor::ops::transformer::{BLOCK_POSITIONS, block_len};

use crate::LmError;
use crate::config::Config;

/// How many bytes the blocks of all sequences may take together.
#[derive(Debug)]
pub struct Budget {
    max: usize,
    used: AtomicUsize,
}

impl Budget {
    /// Up to `max` bytes.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, used: AtomicUsize::new(0) })
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Result<(), LmError> {
        let grown = |used: usize| used.checked_add(bytes).filter(|&total| total <= self.max);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown) {
            Ok(_) => Ok(()),
            Err(used) => Err(LmError::CacheFull { used, max: self.max, needed: bytes }),
        }
    }
}

/// What a model has read and written of one text: its tokens, and their keys and values.
pub struct Sequence {
    budget: Arc<Budget>,
    /// Halves of each layer's part of a block, and where each part begins.
    starts: Arc<[usize]>,
    blocks: Vec<Box<[u16]>>,
    tokens: Vec<u32>,
    context: usize,
}

impl Sequence {
    /// An empty one, for at most `context` tokens.
    pub fn new(config: &Config, budget: &Arc<Budget>, context: usize) -> Self {
        let mut starts = vec![0];
        for layer in &config.layers {
            starts.push(starts[starts.len() - 1] + block_len(&layer.attention));
        }
        Self {
            budget: budget.clone(),
            starts: starts.into(),
            blocks: Vec::new(),
            tokens: Vec::new(),
            context: context.min(config.context),
        }
    }

    /// The tokens so far.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Most tokens.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Forgets all but the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.release_from(self.tokens.len().div_ceil(BLOCK_POSITIONS));
    }

    /// Makes room for `tokens` and appends them.
    pub(super) fn extend(&mut self, tokens: &[u32]) -> Result<(), LmError> {
        let len = self.tokens.len() + tokens.len();
        if len > self.context {
            return Err(LmError::ContextLength { prompt: len, context: self.context });
        }
        let halves = self.starts[self.starts.len() - 1];
        while self.blocks.len() * BLOCK_POSITIONS < len {
            self.budget.take(2 * halves)?;
            self.blocks.push(vec![0; halves].into());
        }
        self.tokens.extend_from_slice(tokens);
        Ok(())
    }

    /// The part of a layer in the block of a position.
    pub(super) fn part_mut(&mut self, layer: usize, position: usize) -> &mut [u16] {
        let range = self.starts[layer]..self.starts[layer + 1];
        &mut self.blocks[position / BLOCK_POSITIONS][range]
    }

    /// The parts of a layer, in order of positions.
    pub(super) fn parts(&self, layer: usize) -> Vec<&[u16]> {
        let range = self.starts[layer]..self.starts[layer + 1];
        self.blocks.iter().map(|block| &block[range.clone()]).collect()
    }

    fn release_from(&mut self, first: usize) {
        let halves = self.starts[self.starts.len() - 1];
        let freed = self.blocks.len().saturating_sub(first);
        self.blocks.truncate(first);
        self.budget.used.fetch_sub(2 * halves * freed, Ordering::Relaxed);
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        self.release_from(0);
    }
}
