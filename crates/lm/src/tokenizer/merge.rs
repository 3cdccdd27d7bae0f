//! Merging neighbours, best first: what both kinds of byte-pair encoding do with the symbols of a word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::NONE;

/// Most symbols for which looking through all neighbours for the best beats a queue.
const SCANNED_MAX: usize = 96;

/// A stretch of a word and the token that writes it ([`NONE`] where none does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) token: u32,
}

/// What two neighbours become, and when: the least `order` first, then the leftmost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    pub(super) order: u32,
    pub(super) token: u32,
}

impl Join {
    /// The neighbours stay apart.
    pub(super) const NEVER: Self = Self { order: u32::MAX, token: NONE };
}

/// Says which neighbours become one.
pub(super) trait Joins {
    fn join(&self, left: Symbol, right: Symbol) -> Join;
}

/// The symbols of one word at a time, with the memory that merging needs.
#[derive(Debug, Default)]
pub(super) struct Merger {
    pub(super) symbols: Vec<Symbol>,
    joins: Vec<Join>,
    links: Vec<Link>,
    queue: BinaryHeap<Reverse<Waiting>>,
}

/// The neighbours of a symbol; [`NONE`] beyond the ends.
#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
}

/// A join that waits for its turn, of the symbol `left` with the one that ends at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    order: u32,
    left: u32,
    end: u32,
    token: u32,
}

impl Merger {
    /// Merges the symbols until none of them join.
    pub(super) fn run(&mut self, rules: &impl Joins) {
        if self.symbols.len() <= SCANNED_MAX { self.scan(rules) } else { self.work_queue(rules) }
    }

    fn scan(&mut self, rules: &impl Joins) {
        let symbols = &mut self.symbols;
        self.joins.clear();
        self.joins.extend(symbols.windows(2).map(|pair| rules.join(pair[0], pair[1])));
        while let Some(at) = first_least(&self.joins) {
            symbols[at] =
                Symbol { end: symbols[at + 1].end, token: self.joins[at].token, ..symbols[at] };
            symbols.remove(at + 1);
            self.joins.remove(at);
            if at > 0 {
                self.joins[at - 1] = rules.join(symbols[at - 1], symbols[at]);
            }
            if at < self.joins.len() {
                self.joins[at] = rules.join(symbols[at], symbols[at + 1]);
            }
        }
    }

    /// In time n log n, for words of any length.
    fn work_queue(&mut self, rules: &impl Joins) {
        self.link();
        for left in 0..self.links.len() {
            self.wait(rules, left as u32);
        }
        while let Some(Reverse(next)) = self.queue.pop() {
            let Link { before, after } = self.links[next.left as usize];
            // A symbol that has changed since, or is no more, does not reach from here to there.
            if after == NONE || self.symbols[after as usize].end != next.end {
                continue;
            }
            let left = &mut self.symbols[next.left as usize];
            (left.end, left.token) = (next.end, next.token);
            let beyond = self.links[after as usize].after;
            self.links[after as usize].after = NONE;
            self.symbols[after as usize].start = next.end;
            self.links[next.left as usize].after = beyond;
            if beyond != NONE {
                self.links[beyond as usize].before = next.left;
            }
            self.wait(rules, next.left);
            if before != NONE {
                self.wait(rules, before);
            }
        }
        self.symbols.retain(|symbol| symbol.start < symbol.end);
    }

    fn link(&mut self) {
        let len = self.symbols.len() as u32;
        self.links.clear();
        self.links.extend((0..len).map(|at| Link {
            before: at.checked_sub(1).unwrap_or(NONE),
            after: if at + 1 < len { at + 1 } else { NONE },
        }));
    }

    /// Queues the join of a symbol with the one after it, if they join.
    fn wait(&mut self, rules: &impl Joins, left: u32) {
        let after = self.links[left as usize].after;
        if after == NONE {
            return;
        }
        let right = self.symbols[after as usize];
        let join = rules.join(self.symbols[left as usize], right);
        if join.order != Join::NEVER.order {
            let Join { order, token } = join;
            self.queue.push(Reverse(Waiting { order, left, end: right.end, token }));
        }
    }
}

/// Where the first of the least joins is, unless none is to be done.
fn first_least(joins: &[Join]) -> Option<usize> {
    let mut least = Join::NEVER.order;
    let mut found = None;
    for (at, join) in joins.iter().enumerate() {
        if join.order < least {
            (least, found) = (join.order, Some(at));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neighbours join where their lengths' sum is not a multiple of five, by an order of chance.
    struct Chance(u32);

    impl Joins for Chance {
        fn join(&self, left: Symbol, right: Symbol) -> Join {
            let sum = right.end - left.start;
            if sum.is_multiple_of(5) {
                return Join::NEVER;
            }
            let mixed =
                (left.token ^ right.token.rotate_left(9) ^ self.0).wrapping_mul(0x9e37_79b1);
            Join { order: (mixed >> 8) % 20, token: mixed }
        }
    }

    fn symbols(count: u32) -> Vec<Symbol> {
        (0..count).map(|at| Symbol { start: at, end: at + 1, token: at * at % 7 }).collect()
    }

    #[test]
    fn the_queue_and_the_scan_merge_alike() {
        for seed in 0..200 {
            let mut scanned = Merger { symbols: symbols(1 + seed % 80), ..Merger::default() };
            let mut queued = Merger { symbols: symbols(1 + seed % 80), ..Merger::default() };
            scanned.scan(&Chance(seed));
            queued.work_queue(&Chance(seed));
            assert_eq!(scanned.symbols, queued.symbols, "seed {seed}");
        }
    }

    #[test]
    fn no_symbols_stay_none() {
        let mut merger = Merger::default();
        merger.run(&Chance(0));
        assert!(merger.symbols.is_empty());
    }
}
