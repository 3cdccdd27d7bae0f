//! Which neighbours byte-pair encoding joins, and in which order.

use super::hash::{Hash, both};
use super::merge::{Join, Joins, Symbol};
use super::vocabulary::{Index, NONE, Vocabulary};
use crate::LmError;

/// The two ways in which vocabularies say it.
#[derive(Debug)]
pub(super) enum Rules {
    /// SentencePiece's: neighbours whose text together is a token join, the best score first. Of each
    /// token, a number that is the least for the best score.
    Scores(Vec<u32>),
    /// A list of pairs of tokens, the earliest first.
    Ranks(Ranks),
}

impl Rules {
    /// The scores of all of a vocabulary's tokens.
    ///
    /// # Errors
    /// [`LmError::Invalid`] where a score is not a number, or not every token has one.
    pub(super) fn by_score(
        tokens: usize,
        scores: impl Iterator<Item = f32>,
    ) -> Result<Self, LmError> {
        let mut orders = Vec::with_capacity(tokens);
        for score in scores {
            if score.is_nan() {
                return Err(LmError::Invalid {
                    name: format!("the score of token {}", orders.len()),
                    expected: "a number".into(),
                    got: "NaN".into(),
                });
            }
            orders.push(order(score));
        }
        if orders.len() != tokens {
            return Err(LmError::Invalid {
                name: "the number of scores".into(),
                expected: format!("{tokens}, that of tokens"),
                got: orders.len().to_string(),
            });
        }
        Ok(Self::Scores(orders))
    }
}

/// Numbers that rise as scores fall.
fn order(score: f32) -> u32 {
    // The sum makes 0 of -0.
    let bits = (score + 0.0).to_bits();
    if score.is_sign_negative() && score != 0.0 { bits } else { !(bits | 1 << 31) }
}

/// The rules for one word.
pub(super) struct WordRules<'w> {
    pub(super) rules: &'w Rules,
    pub(super) index: &'w Index,
    pub(super) vocabulary: &'w Vocabulary,
    pub(super) word: &'w [u8],
}

impl Joins for WordRules<'_> {
    fn join(&self, left: Symbol, right: Symbol) -> Join {
        match self.rules {
            Rules::Ranks(ranks) => ranks.join(left.token, right.token),
            Rules::Scores(orders) => {
                let text = &self.word[left.start as usize..right.end as usize];
                match self.index.find(self.vocabulary, text) {
                    NONE => Join::NEVER,
                    token => Join { order: orders[token as usize], token },
                }
            }
        }
    }
}

/// The joins of a list, by their pairs of tokens: open addressing.
#[derive(Debug)]
pub(super) struct Ranks {
    hash: Hash,
    slots: Box<[Rank]>,
}

#[derive(Clone, Copy, Debug)]
struct Rank {
    /// The two tokens; that of [`NONE`] twice is an empty slot.
    pair: u64,
    join: Join,
}

impl Ranks {
    pub(super) fn with_capacity(pairs: usize) -> Self {
        let empty = Rank { pair: u64::MAX, join: Join::NEVER };
        let slots = pairs.saturating_mul(3).div_ceil(2).next_power_of_two();
        Self { hash: Hash::new(), slots: vec![empty; slots.max(2)].into_boxed_slice() }
    }

    /// Adds a pair, with no more of them than there is room for. Of equal pairs the first counts.
    pub(super) fn insert(&mut self, left: u32, right: u32, join: Join) {
        let at = self.place(left, right);
        if self.slots[at].pair == u64::MAX {
            self.slots[at] = Rank { pair: both(left, right), join };
        }
    }

    fn join(&self, left: u32, right: u32) -> Join {
        self.slots[self.place(left, right)].join
    }

    fn place(&self, left: u32, right: u32) -> usize {
        let pair = both(left, right);
        let mask = self.slots.len() - 1;
        let mut at = self.hash.pair(left, right) as usize & mask;
        while self.slots[at].pair != pair && self.slots[at].pair != u64::MAX {
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_scores_falls_as_they_rise() {
        let rising = [f32::NEG_INFINITY, -1e9, -2.0, -1.0, -1e-30, 0.0, 1e-30, 3.0, f32::INFINITY];
        assert!(rising.windows(2).all(|pair| order(pair[0]) > order(pair[1])));
        assert_eq!(order(-0.0), order(0.0));
        assert!(rising.iter().all(|&score| order(score) != Join::NEVER.order));
    }

    #[test]
    fn pairs_are_found_by_both_tokens_and_the_first_of_equals_counts() {
        let mut ranks = Ranks::with_capacity(1000);
        for at in 0..999 {
            ranks.insert(at, at * 7 % 31, Join { order: at, token: at + 1 });
        }
        ranks.insert(5, 4, Join { order: 0, token: 0 });
        assert_eq!(ranks.join(5, 4).token, 6);
        assert_eq!(ranks.join(5, 5).token, NONE);
        assert_eq!(ranks.join(NONE, NONE).token, NONE);
    }
}
