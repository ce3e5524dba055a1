//! The groups of `.weights.h5`, which are numbered by class.

use std::collections::HashMap;

use super::variable_names::Variable;
use crate::weights::file::ReadError;
use crate::weights::hdf5::{Hdf5, Object};

/// The groups of a container's layers.
pub(super) struct Children<'a> {
    /// By the name that the file has as an attribute.
    pub by_name: HashMap<&'a str, u64>,
    /// By class, each in the order of its numbers.
    by_class: HashMap<&'a str, Vec<(u64, u64)>>,
}

impl<'a> Children<'a> {
    pub fn of(file: &Hdf5<'a>, container: &Object<'a>) -> Result<Self, ReadError> {
        let mut children = Self { by_name: HashMap::new(), by_class: HashMap::new() };
        for (&key, &address) in file.links(container)?.iter() {
            let (class, number) = numbered_name(key);
            children.by_class.entry(class).or_default().push((number, address));
            // A class whose own name ends in a number, if there ever is one.
            children.by_class.entry(key).or_default().push((0, address));
            if let Some(vars) = file.find(&file.object(address)?, "vars")?
                && let Some(&[name]) = file.strings(&vars, "name")?.as_deref()
            {
                children.by_name.insert(name, address);
            }
        }
        for list in children.by_class.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Ok(children)
    }

    /// The group of a layer by its name, else that of the `count`th of its class. Where numbers go by twos,
    /// as those of Keras 2.12 to 2.15 do, only their order counts.
    pub fn get(&self, name: &str, class: &str, count: usize) -> Option<u64> {
        if let Some(&address) = self.by_name.get(name) {
            return Some(address);
        }
        if !self.by_name.is_empty() {
            return None;
        }
        let list = self.by_class.get(class)?;
        let goes_by_twos = list.len() > 1 && list.iter().all(|(number, _)| number % 2 == 0);
        match goes_by_twos {
            true => list.get(count).map(|&(_, address)| address),
            false => list.iter().find(|&&(number, _)| number == count as u64).map(|&(_, address)| address),
        }
    }
}

/// The arrays of a layer's `vars`, in the order of their numbers.
pub(super) fn numbered_variables<'a>(
    file: &Hdf5<'a>,
    group: &Object<'a>,
) -> Result<Vec<Variable<'a>>, ReadError> {
    let Some(vars) = file.find(group, "vars")? else { return Ok(vec![]) };
    let mut found: Vec<(u64, Variable<'a>)> = Vec::new();
    for (&name, &address) in file.links(&vars)?.iter() {
        if let Ok(number) = name.parse() {
            found.push((number, (name, address)));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, variable)| variable).collect())
}

/// `conv2d_10` → (`conv2d`, 10), `conv2d` → (`conv2d`, 0).
fn numbered_name(name: &str) -> (&str, u64) {
    match name.rsplit_once('_').map(|(class, digits)| (class, digits.parse())) {
        Some((class, Ok(number))) => (class, number),
        _ => (name, 0),
    }
}

/// `SeparableConv2D` → `separable_conv2d`, `PReLU` → `p_re_lu`: Keras' `to_snake_case`.
pub(super) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (i, &letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| letters[i]);
        let begins_word = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let follows_word = before.is_some_and(|c| c.is_ascii_lowercase());
        if letter.is_ascii_uppercase() && before.is_some_and(|c| c != '_') && (begins_word || follows_word) {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
