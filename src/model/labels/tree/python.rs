//! What Python prints of dictionaries, lists and tuples of texts and numbers, nested as little as lists of names are.

use super::value::{DEEPEST, Tree};

/// `{0: 'owl', 1: "red fox"}`, `['owl', 'red fox']`, `{'owl': 0}`, `{0: ('n01', 'owl')}`. `None` for anything else.
pub(super) fn literal(text: &str) -> Option<Tree> {
    let (tree, rest) = value(text.trim(), 0)?;
    rest.trim().is_empty().then_some(tree)
}

/// A value at the beginning of a text, and what follows.
fn value(text: &str, depth: usize) -> Option<(Tree, &str)> {
    let text = text.trim_start();
    let (open, inner) = (text.chars().next()?, text.get(1..));
    match open {
        '\'' | '"' => quoted(text).map(|(text, rest)| (Tree::Text(text), rest)),
        '{' if depth < DEEPEST => {
            let mut pairs = Vec::new();
            let rest = items(inner?, '}', |rest| {
                let (key, rest) = value(rest, DEEPEST)?;
                let (one, rest) = value(rest.trim_start().strip_prefix(':')?, depth + 1)?;
                pairs.push((key.text()?, one));
                Some(rest)
            })?;
            Some((Tree::Map(pairs), rest))
        }
        '[' | '(' if depth < DEEPEST => {
            let mut list = Vec::new();
            let rest = items(inner?, if open == '[' { ']' } else { ')' }, |rest| {
                let (one, rest) = value(rest, depth + 1)?;
                list.push(one);
                Some(rest)
            })?;
            Some((Tree::List(list), rest))
        }
        _ => {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.' | '_'));
            let (word, rest) = text.split_at(end.unwrap_or(text.len()));
            let tree = match word {
                "None" => Tree::Nothing,
                word => Tree::Number(word.parse().ok()?),
            };
            Some((tree, rest))
        }
    }
}

/// Items parted by commas up to a bracket, and what follows it.
fn items<'a>(
    text: &'a str,
    close: char,
    mut item: impl FnMut(&'a str) -> Option<&'a str>,
) -> Option<&'a str> {
    let mut rest = text.trim_start();
    loop {
        if let Some(rest) = rest.strip_prefix(close) {
            return Some(rest);
        }
        rest = item(rest)?.trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.starts_with(close) => {}
            None => return None,
        }
    }
}

/// A string as Python writes it, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next()?;
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            _ if c == quote => return Some((name, &text[at + 1..])),
            _ => name.push(c),
        }
    }
    None
}
