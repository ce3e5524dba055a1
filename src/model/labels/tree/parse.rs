//! A text that is JSON (of one document, or of one a line), YAML, Python's, or a label map of TensorFlow's.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::python;
use super::value::{KEYS, Tree};

/// Most collections inside each other.
const MOST_OPEN: usize = 64;

/// The tree of a text; `None` where it is lines.
///
/// # Errors
/// Where it begins as such a text and does not end as one.
pub(in super::super) fn parse(text: &str) -> Result<Option<Tree>, String> {
    let text = assigned(text);
    let first = text.lines().next().unwrap_or_default().trim_end();
    // `[unknown]` is the first of many names, `[` and `["owl"]` are not.
    let is_name = first.starts_with('[') && first.ends_with(']') && text.len() > first.len();
    if text.starts_with('{') || text.starts_with('[') && !is_name {
        return json(text)
            .or_else(|error| python::literal(text).or_else(|| yaml(text)).ok_or(error))
            .map(Some);
    }
    if text.starts_with("item {") || text.starts_with("item{") {
        let inner =
            label_map(text).ok_or("begins as a label map of TensorFlow's, and does not end as one")?;
        return Ok(Some(inner));
    }
    let is_key =
        |line: &str| KEYS.iter().any(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    if text.starts_with("---") || text.lines().any(is_key) {
        let tree = yaml(text)
            .ok_or("seems to be YAML, and cannot be read as such: check its indentation and quotes")?;
        return Ok(Some(tree));
    }
    Ok(None)
}

/// What stands behind `CLASSES =` in Python's source.
fn assigned(text: &str) -> &str {
    let Some((name, value)) = text.split_once('=') else { return text };
    let is_name =
        name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.trim().is_empty();
    let value = value.trim_start();
    if is_name && value.starts_with(['{', '[']) { value } else { text }
}

fn json(text: &str) -> Result<Tree, String> {
    let error = match serde_json::from_str::<Tree>(text) {
        Ok(tree) => return Ok(tree),
        Err(error) => error,
    };
    let lines: Result<Vec<Tree>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    lines.map(Tree::List).map_err(|_| {
        format!("begins as JSON, and cannot be read as such from line {} on: check its quotes, commas and brackets", error.line())
    })
}

/// A document of YAML. `None` where it is none, or of another kind (aliases, keys that are lists).
fn yaml(text: &str) -> Option<Tree> {
    // Collections that are open: what they are so far, and the key that waits for its value.
    let mut open: Vec<(Tree, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let done = match event.ok()?.0 {
            Event::Scalar(text, style, ..) => match text.parse() {
                Ok(number) if style == ScalarStyle::Plain => Tree::Number(number),
                _ => Tree::Text(text.into_owned()),
            },
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() > MOST_OPEN => return None,
            Event::SequenceStart(..) => {
                open.push((Tree::List(vec![]), None));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((Tree::Map(vec![]), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop()?.0,
            Event::Alias(_) => return None,
            _ => continue,
        };
        match open.last_mut() {
            Some((Tree::List(items), _)) => items.push(done),
            Some((Tree::Map(pairs), key)) => match key.take() {
                Some(key) => pairs.push((key, done)),
                None => *key = Some(done.text()?),
            },
            _ => return Some(done),
        }
    }
    None
}

/// `item { id: 1 name: 'owl' }` …
fn label_map(text: &str) -> Option<Tree> {
    let mut items = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix("item")?.trim_start().strip_prefix('{')?.split_once('}')?;
        let mut pairs = Vec::new();
        let mut fields = inner.trim();
        while let Some((key, value)) = fields.split_once(':') {
            let value = value.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (value, next) = match quote {
                Some(quote) => value.get(1..)?.split_once(quote)?,
                None => value.split_once(|c: char| c.is_whitespace() || c == ',').unwrap_or((value, "")),
            };
            pairs.push((key.trim().to_string(), Tree::Text(value.into())));
            fields = next.trim_start_matches([',', ';']).trim();
        }
        items.push(Tree::Map(pairs));
        rest = after.trim();
    }
    Some(Tree::List(items))
}
