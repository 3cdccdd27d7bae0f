//! Tokens that stand for one fixed text wherever it occurs: found before anything else is split.

/// A token with a text of its own.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    end: u32,
    token: u32,
    steers: bool,
    traits: Traits,
}

/// What Hugging Face's added tokens may ask for besides their text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// White space before the text belongs to it.
    pub(super) left_space: bool,
    /// White space after the text belongs to it.
    pub(super) right_space: bool,
    /// Letters, digits and `_` may not touch it.
    pub(super) whole_word: bool,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Text to split further.
    Text(&'t str),
    /// A token of its own.
    Token(u32),
}

/// The texts, sorted by their bytes; a text is found by narrowing the range of those that begin alike.
#[derive(Debug)]
pub(super) struct Specials {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    /// The range of entries that begin with a byte.
    first: Box<[(u32, u32); 256]>,
}

impl Default for Specials {
    fn default() -> Self {
        Self { arena: Vec::new(), entries: Vec::new(), first: Box::new([(0, 0); 256]) }
    }
}

impl Specials {
    /// Adds a text; [`Specials::sort`] comes after the last. A text that steers the model is only
    /// looked for where texts of special tokens are to be read as such. One that is empty or not
    /// UTF-8 is in no text.
    pub(super) fn push(&mut self, text: &[u8], token: u32, steers: bool, traits: Traits) {
        if text.is_empty() || std::str::from_utf8(text).is_err() {
            return;
        }
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(text);
        let end = self.arena.len() as u32;
        self.entries.push(Entry { start, end, token, steers, traits });
    }

    /// Of equal texts, the first is kept.
    pub(super) fn sort(&mut self) {
        let text = |entry: &Entry| &self.arena[entry.start as usize..entry.end as usize];
        self.entries.sort_by(|a, b| text(a).cmp(text(b)));
        self.entries.dedup_by(|later, earlier| text(later) == text(earlier));
        for byte in 0..=u8::MAX {
            let from = self.entries.partition_point(|entry| text(entry)[0] < byte);
            let to = self.entries.partition_point(|entry| text(entry)[0] <= byte);
            self.first[byte as usize] = (from as u32, to as u32);
        }
    }

    /// The token whose whole text this is.
    pub(super) fn find(&self, text: &[u8]) -> Option<u32> {
        let at = self.entries.binary_search_by(|entry| self.text(entry).cmp(text)).ok()?;
        Some(self.entries[at].token)
    }

    /// Splits `text` at the texts of tokens: the leftmost first, of those at one place the longest.
    pub(super) fn pieces<'t>(&'t self, text: &'t str, steer: bool) -> Pieces<'t> {
        Pieces { specials: self, text, at: 0, found: None, steer }
    }

    fn text(&self, entry: &Entry) -> &[u8] {
        &self.arena[entry.start as usize..entry.end as usize]
    }

    /// The longest entry that `text` begins with at `at`.
    fn longest_at(&self, text: &str, at: usize, steer: bool) -> Option<&Entry> {
        let bytes = &text.as_bytes()[at..];
        let (from, to) = self.first[bytes[0] as usize];
        let mut range = &self.entries[from as usize..to as usize];
        let mut best = None;
        for depth in 1..=bytes.len() {
            // Sorted: the entry that ends here comes before those that go on.
            while let Some(entry) = range.first().filter(|e| self.text(e).len() == depth) {
                if (steer || !entry.steers) && entry.traits.allow(text, at, at + depth) {
                    best = Some(entry);
                }
                range = &range[1..];
            }
            let Some(byte) = bytes.get(depth) else { break };
            let from = range.partition_point(|entry| self.text(entry)[depth] < *byte);
            let to = range.partition_point(|entry| self.text(entry)[depth] <= *byte);
            range = &range[from..to];
            if range.is_empty() {
                break;
            }
        }
        best
    }
}

impl Traits {
    fn allow(self, text: &str, start: usize, end: usize) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !self.whole_word || !(text[..start].ends_with(word) || text[end..].starts_with(word))
    }
}

/// What [`Specials::pieces`] gives.
#[derive(Debug)]
pub(super) struct Pieces<'t> {
    specials: &'t Specials,
    text: &'t str,
    at: usize,
    found: Option<u32>,
    steer: bool,
}

impl<'t> Pieces<'t> {
    /// The next entry at or after `self.at`: where it starts and ends, and its token.
    fn search(&self) -> Option<(usize, usize, u32)> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while at < bytes.len() {
            let (from, to) = self.specials.first[bytes[at] as usize];
            if from < to
                && let Some(entry) = self.specials.longest_at(self.text, at, self.steer)
            {
                let end = at + self.specials.text(entry).len();
                return Some(self.widen(entry, at, end));
            }
            at += 1;
        }
        None
    }

    fn widen(&self, entry: &Entry, mut start: usize, mut end: usize) -> (usize, usize, u32) {
        if entry.traits.left_space {
            start = self.at + self.text[self.at..start].trim_end().len();
        }
        if entry.traits.right_space {
            end = self.text.len() - self.text[end..].trim_start().len();
        }
        (start, end, entry.token)
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some(token) = self.found.take() {
            return Some(Piece::Token(token));
        }
        if self.at == self.text.len() {
            return None;
        }
        let Some((start, end, token)) = self.search() else {
            let rest = &self.text[self.at..];
            self.at = self.text.len();
            return Some(Piece::Text(rest));
        };
        let before = &self.text[self.at..start];
        self.at = end;
        if before.is_empty() {
            return Some(Piece::Token(token));
        }
        self.found = Some(token);
        Some(Piece::Text(before))
    }
}

#[cfg(test)]
mod tests {
    use super::Piece::{Text, Token};
    use super::*;

    fn specials(texts: &[(&str, bool)]) -> Specials {
        let mut specials = Specials::default();
        for (token, (text, steers)) in (0..).zip(texts) {
            specials.push(text.as_bytes(), token, *steers, Traits::default());
        }
        specials.sort();
        specials
    }

    #[test]
    fn the_leftmost_longest_text_wins() {
        let specials =
            specials(&[("<s>", true), ("\n\n", false), ("\n", false), ("\n\n\n", false)]);
        let pieces: Vec<_> = specials.pieces("a<s>\n\n\n\nb<s", true).collect();
        assert_eq!(pieces, [Text("a"), Token(0), Token(3), Token(2), Text("b<s")]);
    }

    #[test]
    fn texts_that_steer_are_text_where_that_is_asked() {
        let specials = specials(&[("<s>", true), ("<s>x", false), ("", true)]);
        assert_eq!(specials.pieces("<s><s>x", false).collect::<Vec<_>>(), [Text("<s>"), Token(1)]);
        assert_eq!(specials.pieces("", true).count(), 0);
        assert_eq!(specials.find(b"<s>"), Some(0));
        assert_eq!(specials.find(b"<s"), None);
    }

    #[test]
    fn the_first_of_equal_texts_is_kept() {
        let specials = specials(&[("é", true), ("é", true)]);
        assert_eq!(specials.pieces("éé", true).collect::<Vec<_>>(), [Token(0), Token(0)]);
    }

    #[test]
    fn traits_take_white_space_and_keep_from_inside_words() {
        let mut specials = Specials::default();
        let space = Traits { left_space: true, right_space: true, whole_word: false };
        specials.push(b"<m>", 1, true, space);
        specials.push(b"cat", 2, false, Traits { whole_word: true, ..Traits::default() });
        specials.sort();
        let pieces: Vec<_> = specials.pieces("a \t<m>\n b cat concat", true).collect();
        assert_eq!(pieces, [Text("a"), Token(1), Text("b "), Token(2), Text(" concat")]);
    }

    #[test]
    fn no_character_is_cut() {
        let mut specials = Specials::default();
        specials.push(&"é".as_bytes()[1..], 0, false, Traits::default());
        specials.push(&"é".as_bytes()[..1], 1, false, Traits::default());
        specials.sort();
        assert_eq!(specials.pieces("éa", true).collect::<Vec<_>>(), [Text("éa")]);
    }
}
