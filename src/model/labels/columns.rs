//! Rows of cells → names: which column holds the index, the WordNet id, the name.

use std::collections::HashMap;

use super::label::{imagenet, tidy};
use super::list::{Entry, List};

/// A line of a table, or an entry of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Where it is, for sentences.
    pub place: String,
    pub cells: Vec<String>,
}

/// Headings of numbers of classes, the surer one first.
const INDEX: [&str; 18] = [
    "index",
    "idx",
    "classindex",
    "classidx",
    "classid",
    "labelindex",
    "labelidx",
    "labelid",
    "categoryid",
    "id",
    "number",
    "target",
    "output",
    "i",
    "",
    "class",
    "label",
    "value",
];

/// Headings of names, the surer one first.
const NAME: [&str; 17] = [
    "name",
    "classname",
    "labelname",
    "displayname",
    "label",
    "class",
    "classlabel",
    "category",
    "categoryname",
    "title",
    "text",
    "species",
    "breed",
    "description",
    "names",
    "labels",
    "classes",
];

/// Headings of WordNet ids.
const WORDNET: [&str; 6] = ["wnid", "wordnetid", "synset", "synsetid", "wordnet", "nid"];

/// A number of a class.
pub(super) fn index(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number =
        !digits.is_empty() && digits.len() < 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// `n01440764`
pub(super) fn is_wordnet_id(text: &str) -> bool {
    text.strip_prefix('n')
        .is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// True for the numbers from 0, or from 1, each once, in any order.
pub(super) fn counts(indices: &[i64]) -> bool {
    let mut sorted = indices.to_vec();
    sorted.sort_unstable();
    let first = sorted.first().copied().unwrap_or(-1);
    matches!(first, 0 | 1) && sorted.iter().zip(first..).all(|(index, wanted)| *index == wanted)
}

/// How a heading is compared: `Class ID` is `class_id`.
pub(super) fn plain(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Is it a heading, and how surely: a number of columns that are told by their names.
pub(super) fn known_headings(heading: &[String]) -> usize {
    let is_known = |cell: &&String| {
        let word = plain(cell);
        !word.is_empty() && [&INDEX[..], &NAME, &WORDNET].concat().contains(&word.as_str())
    };
    heading.iter().filter(is_known).count()
}

/// What each column is.
struct Roles {
    index: Option<usize>,
    wordnet_id: Option<usize>,
    name: Option<usize>,
}

/// The names of rows; `None` where nothing tells the columns apart.
pub(super) fn list(rows: &[Row], heading: Option<&[String]>) -> Option<List> {
    let width = rows.iter().map(|row| row.cells.len()).min().filter(|width| *width > 0)?;
    let columns = Columns { rows, width };
    let Roles { index: number, wordnet_id, name } = match heading {
        Some(heading) => columns.by_heading(heading)?,
        None => columns.by_content()?,
    };
    let last = number.max(wordnet_id);
    let entry = |row: &Row| {
        let cell = |column: Option<usize>| column.map_or("", |at| row.cells[at].as_str());
        let name = name.map_or_else(String::new, |at| {
            // A name's own comma, which nothing quotes, parts it too.
            let whole = heading.is_none_or(|heading| at + 1 == heading.len()) && Some(at) > last;
            let end = if whole { row.cells.len() } else { at + 1 };
            tidy(&row.cells[at..end].join(","))
        });
        let (place, index) = (row.place.clone(), index(cell(number)));
        Entry { place, index, wordnet_id: tidy(cell(wordnet_id)), name }
    };
    let mut entries: Vec<Entry> = rows.iter().map(entry).collect();
    if name.is_none() {
        name_by_ids(&mut entries);
    }
    Some(List { entries, ..List::default() })
}

/// Gives WordNet ids that stand alone ImageNet's names, where they have one.
pub(super) fn name_by_ids(entries: &mut [Entry]) {
    let known = imagenet();
    let known: HashMap<&str, &str> =
        known.iter().map(|label| (label.wordnet_id.as_str(), label.name.as_str())).collect();
    for entry in entries {
        entry.name = known.get(entry.wordnet_id.as_str()).map_or(&entry.wordnet_id[..], |name| name).into();
    }
}

struct Columns<'a> {
    rows: &'a [Row],
    /// Cells that every row has.
    width: usize,
}

impl Columns<'_> {
    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.cells.get(column).map(|cell| cell.trim()))
    }

    /// How many cells of a column are numbers.
    fn numbers(&self, column: usize) -> usize {
        self.cells(column).filter(|cell| index(cell).is_some()).count()
    }

    fn is_numbers(&self, column: usize) -> bool {
        self.numbers(column) == self.rows.len()
    }

    fn counts(&self, column: usize) -> bool {
        self.is_numbers(column) && counts(&self.cells(column).filter_map(index).collect::<Vec<_>>())
    }

    fn wordnet_ids(&self) -> Option<usize> {
        (0..self.width).find(|column| self.cells(*column).all(is_wordnet_id))
    }

    fn by_heading(&self, heading: &[String]) -> Option<Roles> {
        let words: Vec<String> = heading.iter().take(self.width).map(|cell| plain(cell)).collect();
        let of = |known: &[&str]| -> Vec<usize> {
            known.iter().filter_map(|word| words.iter().position(|cell| cell == word)).collect()
        };
        let numbers = of(&INDEX);
        let number = numbers.iter().copied().find(|column| self.counts(*column));
        let number = number.or_else(|| numbers.iter().copied().find(|column| self.is_numbers(*column)));
        // One that lacks a number is told as such.
        let number =
            number.or_else(|| numbers.into_iter().find(|column| 2 * self.numbers(*column) > self.rows.len()));
        let wordnet_id = of(&WORDNET).first().copied().or_else(|| self.wordnet_ids());
        let is_free = |column: &usize| Some(*column) != number && Some(*column) != wordnet_id;
        let names = of(&NAME);
        let mut names = names.into_iter().filter(is_free);
        let named = names.clone().find(|column| !self.is_numbers(*column)).or_else(|| names.next());
        // Beside an index the only other column needs no known heading.
        let mut rest = (0..words.len()).filter(is_free);
        let rest = rest.next().filter(|_| number.is_some() && rest.next().is_none());
        let name = named.or(rest);
        (name.is_some() || wordnet_id.is_some()).then_some(Roles { index: number, wordnet_id, name })
    }

    /// A column of numbers is the index; the first other one is the name.
    fn by_content(&self) -> Option<Roles> {
        let number = (0..self.width).find(|column| self.counts(*column));
        let number =
            number.or_else(|| (0..self.width).find(|column| 2 * self.numbers(*column) > self.rows.len()));
        // Ids of another data set stand in front of the names too.
        let ids = |column: &usize| {
            let is_id = |cell: &str| !cell.contains(' ') && cell.contains(|c: char| c.is_ascii_digit());
            Some(*column) != number && column + 1 < self.width && self.cells(*column).all(is_id)
        };
        let other_ids = || (0..self.width).find(|column| ids(column) && !self.is_numbers(*column));
        let wordnet_id = self.wordnet_ids().or_else(|| number.and_then(|_| other_ids()));
        let is_free = |column: &usize| Some(*column) != number && Some(*column) != wordnet_id;
        let mut rest = (0..self.width).filter(is_free);
        let name = rest.clone().find(|column| !self.is_numbers(*column)).or_else(|| rest.next());
        let is_told = number.is_some() && name.is_some() || wordnet_id.is_some();
        is_told.then_some(Roles { index: number, wordnet_id, name })
    }
}
