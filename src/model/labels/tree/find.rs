//! Where the list of names is in a tree.

use super::value::{DEEPEST, KEYS, Tree};
use crate::model::labels::columns::{self, Row};
use crate::model::labels::label::tidy;
use crate::model::labels::list::{Entry, List};

/// What is said where a text holds no list.
const FORMS: &str = "is a JSON, YAML or Python text of another form; read are a list of names, of pairs of WordNet id and name, or of \
                     objects with `name` and `id`; names by index or indices by name; and such a list under `names`, `classes`, \
                     `labels`, `categories`, `id2label`, `label2id`, `class_to_idx` or `class_indices`";

/// The list of names in a tree.
pub(in super::super) fn list(tree: &Tree) -> Result<List, String> {
    find(tree, 0).ok_or_else(|| FORMS.into())
}

fn find(tree: &Tree, depth: usize) -> Option<List> {
    if depth > DEEPEST {
        return None;
    }
    match tree {
        Tree::List(items) => of_items(items, depth),
        Tree::Map(pairs) => {
            let holds = |key: &str| {
                let found = pairs.iter().find(|(name, tree)| name == key && tree.is_container())?;
                let list = find(&found.1, depth + 1)?;
                Some(List { has_gaps: key == "categories" && list.has_indices(), ..list })
            };
            KEYS.into_iter().find_map(holds).or_else(|| of_pairs(pairs, depth))
        }
        _ => None,
    }
}

fn of_items(items: &[Tree], depth: usize) -> Option<List> {
    let place = |number: usize| format!("entry {}", number + 1);
    if let Some(names) = items.iter().map(Tree::text).collect::<Option<Vec<_>>>() {
        return Some(List::of_names(
            names.into_iter().enumerate().map(|(number, name)| (place(number), name)),
        ));
    }
    let lists = items.iter().enumerate().map(|(number, item)| match item {
        Tree::List(cells) => {
            let cells: Option<Vec<_>> = cells.iter().map(Tree::text).collect();
            Some(Row { place: place(number), cells: cells? })
        }
        _ => None,
    });
    if let Some(rows) = lists.collect::<Option<Vec<_>>>() {
        return columns::list(&rows, None);
    }
    let maps = items.iter().map(|item| match item {
        Tree::Map(pairs) => Some(pairs.as_slice()),
        _ => None,
    });
    let maps: Option<Vec<_>> = maps.collect();
    match maps {
        // One pair each, as `- 0: owl` in YAML.
        Some(maps)
            if maps.iter().all(|pairs| pairs.len() == 1)
                && maps.windows(2).all(|two| two[0][0].0 != two[1][0].0) =>
        {
            of_pairs(&maps.concat(), depth)
        }
        Some(maps) => {
            of_objects(maps.into_iter().enumerate().map(|(number, pairs)| (place(number), None, pairs)))
        }
        None if items.len() == 1 => find(&items[0], depth + 1),
        None => None,
    }
}

/// Objects, with the key of each where they have one.
fn of_objects<'a>(
    objects: impl Iterator<Item = (String, Option<&'a str>, &'a [(String, Tree)])>,
) -> Option<List> {
    let objects: Vec<_> = objects.collect();
    let mut heading: Vec<String> = Vec::new();
    for (key, _) in objects.iter().flat_map(|(.., pairs)| pairs.iter()) {
        // Lists of names have few columns; another file may have a key for each line.
        if heading.len() < 64 && !heading.contains(key) {
            heading.push(key.clone());
        }
    }
    let rows = objects.iter().map(|(place, key, pairs)| {
        let cell =
            |column: &String| pairs.iter().find(|(name, _)| name == column).and_then(|(_, tree)| tree.text());
        let cells = key
            .iter()
            .map(|key| tidy(key))
            .chain(heading.iter().map(|column| cell(column).unwrap_or_default()));
        Row { place: place.clone(), cells: cells.collect() }
    });
    let rows: Vec<Row> = rows.collect();
    if objects.iter().any(|(_, key, _)| key.is_some()) {
        let is_index =
            rows.iter().all(|row| row.cells.first().is_some_and(|key| columns::index(key).is_some()));
        heading.insert(0, if is_index { "index" } else { "name" }.into());
    }
    columns::list(&rows, Some(&heading))
}

fn of_pairs(pairs: &[(String, Tree)], depth: usize) -> Option<List> {
    if pairs.is_empty() {
        return None;
    }
    if pairs.iter().all(|(_, value)| value.text().is_some()) {
        return by_index(pairs);
    }
    let lists = pairs.iter().map(|(key, value)| match value {
        Tree::List(cells) => {
            let cells: Option<Vec<_>> = cells.iter().map(Tree::text).collect();
            let cells = std::iter::once(tidy(key)).chain(cells?).collect();
            Some(Row { place: format!("`{key}`"), cells })
        }
        _ => None,
    });
    if let Some(list) = lists.collect::<Option<Vec<_>>>().and_then(|rows| columns::list(&rows, None)) {
        return Some(list);
    }
    let objects = pairs.iter().map(|(key, value)| match value {
        Tree::Map(pairs) => Some((format!("`{key}`"), Some(key.as_str()), pairs.as_slice())),
        _ => None,
    });
    let objects = objects.collect::<Option<Vec<_>>>().and_then(|objects| of_objects(objects.into_iter()));
    if let Some(list) = objects.filter(List::has_indices) {
        return Some(list);
    }
    let mut inner = pairs.iter().filter(|(_, value)| value.is_container());
    match (inner.next(), inner.next()) {
        (Some((_, only)), None) => find(only, depth + 1),
        _ => None,
    }
}

/// Names by index, or indices by name.
fn by_index(pairs: &[(String, Tree)]) -> Option<List> {
    let keys: Option<Vec<_>> = pairs.iter().map(|(key, _)| columns::index(key)).collect();
    let values: Option<Vec<_>> = pairs.iter().map(|(_, value)| value.index()).collect();
    let is_number = pairs.iter().all(|(_, value)| matches!(value, Tree::Number(_)));
    // Numbers on both sides: those of the values are indices unless only those of the keys can be.
    let by_value = match (&keys, &values) {
        (Some(keys), Some(values)) => is_number && (columns::counts(values) || !columns::counts(keys)),
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => return None,
    };
    let entries = pairs.iter().map(|(key, value)| {
        let (index, name) = match by_value {
            true => (value.index(), tidy(key)),
            false => (columns::index(key), value.text().unwrap_or_default()),
        };
        Entry { place: format!("`{name}`"), index, name, ..Entry::default() }
    });
    Some(List { entries: entries.collect(), ..List::default() })
}
