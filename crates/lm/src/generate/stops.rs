//! Texts that end an answer, found across the borders of its pieces.

/// Holds back what may yet become a stop.
pub(super) struct Stops {
    stops: Vec<String>,
    held: String,
}

impl Stops {
    /// Empty texts stop nothing.
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self {
            stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(),
            held: String::new(),
        }
    }

    /// Takes a piece of the answer; returns what can be shown by now, and whether a stop was met, which
    /// is not shown.
    pub(super) fn push(&mut self, piece: &str) -> (String, bool) {
        self.held.push_str(piece);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let begun = self.stops.iter().map(|stop| begun(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - begun);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What is still held back.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// The length of the longest end of `text` with which `stop` begins.
fn begun(text: &str, stop: &str) -> usize {
    let most = text.len().min(stop.len() - 1);
    let fits = |&len: &usize| stop.is_char_boundary(len) && text.ends_with(&stop[..len]);
    (1..=most).rev().find(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Stops;

    fn shown(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let mut stops = Stops::new(stops.iter().map(|&s| s.to_owned()).collect());
        let mut all = String::new();
        for piece in pieces {
            let (text, met) = stops.push(piece);
            all.push_str(&text);
            if met {
                return (all, true);
            }
        }
        (all + &stops.finish(), false)
    }

    #[test]
    fn a_stop_is_met_however_the_answer_is_cut() {
        let answer = "one two\n\nthree";
        for cut in 0..=answer.len() {
            let (a, b) = answer.split_at(cut);
            assert_eq!(shown(&["\n\n"], &[a, b]), ("one two".to_owned(), true), "cut at {cut}");
        }
    }

    #[test]
    fn what_only_begins_like_a_stop_is_shown_in_the_end() {
        assert_eq!(shown(&["STOP", "ö!"], &["a ST", "ö", "O"]), ("a STöO".to_owned(), false));
        assert_eq!(shown(&[""], &["all"]), ("all".to_owned(), false));
    }

    #[test]
    fn the_stop_that_comes_first_counts() {
        assert_eq!(shown(&["late", "early"], &["an early and a late"]), ("an ".to_owned(), true));
    }
}
