//! Access to a layer's configuration, which is JSON that anybody may have written.

use serde_json::{Map, Value};

use crate::weights::file::ReadError;

/// The fields of one configuration, with the name of the layer for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    of: &'a str,
}

impl<'a> Fields<'a> {
    pub fn new(map: &'a Map<String, Value>, of: &'a str) -> Self {
        Self { map, of }
    }

    /// A field; `None` where it is absent or null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Why a field cannot be used.
    pub fn wrong(&self, name: &str) -> ReadError {
        let told = self.map.get(name).map_or_else(|| "nothing".into(), short);
        ReadError(format!(
            "`{}` says {told} for `{name}` in its configuration, which makes no sense; save the model anew",
            self.of
        ))
    }

    /// A field that is converted; an error where it is there and does not convert.
    fn converted<T>(
        &self,
        name: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        self.get(name).map(|value| convert(value).ok_or_else(|| self.wrong(name))).transpose()
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, ReadError> {
        self.converted(name, Value::as_str)
    }

    /// A yes or no; Keras 1 writes 0 and 1 at times.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ReadError> {
        self.converted(name, |value| value.as_bool().or_else(|| value.as_i64().map(|number| number != 0)))
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, ReadError> {
        self.converted(name, number)
    }

    pub fn count(&self, name: &str) -> Result<Option<usize>, ReadError> {
        self.converted(name, count)
    }

    /// A count that has to be there.
    pub fn needed(&self, name: &str) -> Result<usize, ReadError> {
        self.count(name)?.ok_or_else(|| self.wrong(name))
    }

    /// Height and width, or one number for both.
    pub fn pair(&self, name: &str) -> Result<Option<[usize; 2]>, ReadError> {
        self.converted(name, pair)
    }

    /// Whole numbers, or a single one.
    pub fn integers(&self, name: &str) -> Result<Option<Vec<i64>>, ReadError> {
        self.converted(name, integers)
    }

    /// Numbers in any nesting, or a single one, with their side lengths.
    pub fn array(&self, name: &str) -> Result<Option<Array>, ReadError> {
        self.converted(name, array)
    }
}

/// Numbers with their side lengths, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub sides: Vec<usize>,
    pub values: Vec<f32>,
}

impl Array {
    pub fn scalar(value: f64) -> Self {
        Self { sides: vec![], values: vec![value as f32] }
    }
}

/// Constants of more values than this are no configuration.
const MOST_CONSTANTS: usize = 1 << 22;

/// A number, also one that Keras wrapped as NumPy's or as a tensor.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Object(_) => match array(value)? {
            Array { values, .. } if values.len() == 1 => values.first().map(|&value| f64::from(value)),
            _ => None,
        },
        _ => None,
    }
}

/// A number that is whole and not too large to count with, also as `3.0`.
pub(super) fn count(value: &Value) -> Option<usize> {
    let number = number(value)?;
    (number >= 0.0 && number <= f64::from(u32::MAX) && number.fract() == 0.0).then_some(number as usize)
}

pub(super) fn pair(value: &Value) -> Option<[usize; 2]> {
    match list(value) {
        Some([height, width]) => Some([count(height)?, count(width)?]),
        Some([both]) => Some([count(both)?; 2]),
        Some(_) => None,
        None => Some([count(value)?; 2]),
    }
}

pub(super) fn integers(value: &Value) -> Option<Vec<i64>> {
    match list(value) {
        Some(values) => values.iter().map(integer).collect(),
        None => Some(vec![integer(value)?]),
    }
}

pub(super) fn integer(value: &Value) -> Option<i64> {
    let number = number(value)?;
    (number.abs() <= f64::from(u32::MAX) && number.fract() == 0.0).then_some(number as i64)
}

/// A list, also one that Keras wrapped as a tuple.
pub(super) fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        Value::Object(fields) if fields.get("class_name")?.as_str()? == "__tuple__" => {
            list(fields.get("items")?)
        }
        _ => None,
    }
}

/// Numbers in lists of equal lengths. NumPy's arrays and tensors are objects with `value`, whatever they are
/// called.
pub(super) fn array(value: &Value) -> Option<Array> {
    match value {
        Value::Number(number) => Some(Array::scalar(number.as_f64()?)),
        Value::Array(parts) => {
            let mut parts = parts.iter().map(array);
            let first = parts.next()??;
            let (inner, mut values, mut count) = (first.sides, first.values, 1);
            for part in parts {
                let part = part?;
                values.extend(part.values);
                count += 1;
                if part.sides != inner || values.len() > MOST_CONSTANTS {
                    return None;
                }
            }
            Some(Array { sides: [vec![count], inner].concat(), values })
        }
        Value::Object(fields) => match (fields.get("value"), fields.get("config"), fields.get("items")) {
            (Some(value), ..) => array(value),
            (None, Some(Value::Object(config)), _) => array(config.get("value")?),
            (None, None, Some(items)) => array(items),
            _ => None,
        },
        _ => None,
    }
}

/// Python's JSON with `null` for `Infinity`, `-Infinity` and `NaN`, which are none.
pub(super) fn without_infinities(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let (mut is_text, mut is_escaped) = (false, false);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let found =
            ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !is_text && rest.starts_with(word));
        if let Some(word) = found {
            clean.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        match letter {
            '"' if !is_escaped => is_text = !is_text,
            _ => {}
        }
        is_escaped = letter == '\\' && !is_escaped;
        clean.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    clean
}

/// A name out of a file as one line of bounded length, without what moves a terminal's cursor or turns text
/// round.
pub(super) fn clean(name: &str) -> String {
    const LONGEST: usize = 200;
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().take(LONGEST).map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// JSON as a message can show it.
pub(super) fn short(value: &Value) -> String {
    const LONGEST: usize = 60;
    // Only the beginning is written: a value may have megabytes.
    let mut text = match value {
        Value::Array(values) if values.len() > LONGEST => "a long list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => text.chars().take(LONGEST + 1).collect(),
        value => value.to_string(),
    };
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    format!("`{text}`")
}
