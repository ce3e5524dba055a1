//! A class as people type it.

use super::label::Label;

/// Why a text names no class, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownClass {
    /// A number beyond the last class.
    #[error("there is no class {number}: this network has {classes}, from 0 to {}", classes - 1)]
    Number {
        /// As typed.
        number: usize,
        /// How many there are.
        classes: usize,
    },
    /// A name of none.
    #[error("there is no class `{name}`{hint}: name one by its number or its name")]
    Name {
        /// As typed.
        name: String,
        /// The nearest name.
        hint: String,
    },
    /// A name of several.
    #[error("`{name}` is the name of several classes: choose one of the numbers {numbers}")]
    Shared {
        /// As typed.
        name: String,
        /// Of the classes.
        numbers: String,
    },
}

/// One of `classes` classes by its number, its name (whatever is large in it, with `_` for blanks) or its WordNet id.
///
/// # Errors
/// [`UnknownClass`], with the most similar name.
pub fn find_class(text: &str, classes: usize, labels: &[Label]) -> Result<usize, UnknownClass> {
    let name = text.trim();
    if let Ok(number) = name.parse::<usize>() {
        return if number < classes { Ok(number) } else { Err(UnknownClass::Number { number, classes }) };
    }
    let plain = |name: &str| name.to_lowercase().replace('_', " ");
    let sought = plain(name);
    let is_meant = |label: &Label| plain(&label.name) == sought || label.wordnet_id == name;
    let found = labels.iter().enumerate().filter(|(_, label)| is_meant(label)).map(|(number, _)| number);
    let found: Vec<usize> = found.collect();
    match found[..] {
        [class] => Ok(class),
        [] => {
            let likeness = |label: &Label| strsim::jaro_winkler(&plain(&label.name), &sought);
            let nearest = labels.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            let hint = nearest.map_or(String::new(), |label| format!(" (did you mean `{}`?)", label.name));
            Err(UnknownClass::Name { name: name.into(), hint })
        }
        _ => {
            let numbers: Vec<_> = found.iter().map(usize::to_string).collect();
            Err(UnknownClass::Shared { name: name.into(), numbers: numbers.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::{imagenet, named};

    #[test]
    fn classes_by_number_and_name() {
        let labels = imagenet();
        let of = |text: &str| find_class(text, 1000, &labels).map_err(|error| error.to_string());
        assert_eq!((of("281"), of("Tabby"), of("n02123045")), (Ok(281), Ok(281), Ok(281)));
        assert_eq!((of("tiger_cat"), of("tiger cat")), (Ok(282), Ok(282)));
        assert!(of("1000").unwrap_err().contains("from 0 to 999"));
        assert!(of("tabi").unwrap_err().contains("did you mean `tab"));
        let twins = named(&["crane", "heron", "crane"]);
        assert!(find_class("crane", 3, &twins).unwrap_err().to_string().contains("numbers 0, 2"));
        assert!(find_class("crane", 3, &[]).unwrap_err().to_string().contains("no class `crane`:"));
    }
}
