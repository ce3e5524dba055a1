//! A list of names as it was found in a file, with the indices that it has.

use super::label::{Label, finished};

/// One class as a list has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Where it is, for sentences: `line 3`.
    pub place: String,
    pub index: Option<i64>,
    pub wordnet_id: String,
    pub name: String,
}

/// Names, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct List {
    pub entries: Vec<Entry>,
    /// Numbers of categories, which may leave some out, and not indices.
    pub has_gaps: bool,
    /// What was taken for granted of its form.
    pub note: Option<String>,
}

/// What the indices of a list are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Indices {
    /// None: the order of the lines counts.
    None,
    From0,
    From1,
    /// Growing, with gaps.
    Gaps,
}

impl List {
    /// Names alone, in their order.
    pub fn of_names(names: impl IntoIterator<Item = (String, String)>) -> Self {
        let entry = |(place, name)| Entry { place, name, ..Entry::default() };
        Self { entries: names.into_iter().map(entry).collect(), ..Self::default() }
    }

    /// True where its entries have indices.
    pub fn has_indices(&self) -> bool {
        self.entries.iter().any(|entry| entry.index.is_some())
    }

    /// The labels in the order of their indices, which count from 0 or from 1.
    pub fn in_order(mut self) -> Result<Vec<Label>, String> {
        self.sort()?;
        Ok(self.labels())
    }

    /// Puts the entries into the order of their indices.
    pub fn sort(&mut self) -> Result<Indices, String> {
        if self.entries.iter().all(|entry| entry.index.is_none()) {
            return Ok(Indices::None);
        }
        if let Some(entry) = self.entries.iter().find(|entry| entry.index.is_none()) {
            return Err(format!("gives {} no index, and others one: give each class its own", entry.place));
        }
        // Stable: of two with one index the later one is told.
        self.entries.sort_by_key(|entry| entry.index);
        let index = |entry: &Entry| entry.index.unwrap_or_default();
        if let Some(first) = self.entries.first().filter(|first| index(first) < 0) {
            return Err(format!("gives {} the index {}: indices count from 0", first.place, index(first)));
        }
        let pairs = || self.entries.windows(2).map(|pair| (&pair[0], &pair[1]));
        if let Some((one, other)) = pairs().find(|(one, other)| one.index == other.index) {
            return Err(format!(
                "gives index {} twice, in {} and again in {}: give each class its own",
                index(other),
                one.place,
                other.place
            ));
        }
        let start = self.entries.first().map_or(0, index);
        let gap = pairs().find(|(one, other)| index(other) - index(one) != 1);
        match (start, gap) {
            (0, None) => Ok(Indices::From0),
            (1, None) => Ok(Indices::From1),
            _ if self.has_gaps => Ok(Indices::Gaps),
            (2.., _) => Err(format!(
                "begins with index {start} ({}): number the classes from 0",
                self.entries[0].place
            )),
            (_, Some((one, other))) => Err(format!(
                "has no index {}: behind {} ({}) comes {} ({})",
                index(one) + 1,
                index(one),
                one.place,
                index(other),
                other.place
            )),
            (_, None) => Ok(Indices::From0),
        }
    }

    /// The labels in the order of the entries.
    pub fn labels(&self) -> Vec<Label> {
        let label = |entry: &Entry| Label {
            wordnet_id: entry.wordnet_id.clone(),
            name: entry.name.clone(),
            is_shared: false,
        };
        finished(self.entries.iter().map(label).collect()).to_vec()
    }
}
