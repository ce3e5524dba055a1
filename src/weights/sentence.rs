//! Sentences that hold names out of a file.

/// A sentence with names out of a file in it, as one line of bounded length that a terminal only shows: a name may hold
/// lines, control sequences or a megabyte.
pub fn shown(sentence: &str) -> String {
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let clean = |c: char| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c };
    let mut line: String = sentence.chars().take(MAX_SENTENCE).map(clean).collect();
    if sentence.chars().nth(MAX_SENTENCE).is_some() {
        line.push('…');
    }
    line
}

/// Characters of one sentence of a message. Those made here have at most about 400.
const MAX_SENTENCE: usize = 1000;
