//! What stands around the tiles, and in which light. Pure.

use crate::app::theme::Theme;

/// What is switched on beside the tiles.
#[derive(Clone, Debug)]
pub struct Panels {
    /// Predictions are computed and shown.
    pub predictions: bool,
    /// The probabilities of all classes are shown as a curve.
    pub curve: bool,
    /// The picture is shown as the network sees it.
    pub network_input: bool,
    /// The image is mirrored on screen (never for the network).
    pub mirror: bool,
    /// What is wrong with maps is marked.
    pub health: bool,
    /// How the marked cell of the enlarged map is computed is shown.
    pub cell: bool,
    /// The graph of the layer's stage is shown.
    pub block: bool,
    /// The key list is shown.
    pub help: bool,
    /// The first keys are shown, until one is pressed.
    pub hint: bool,
    /// The list of everything that can be done, while it is open.
    pub palette: Option<Search>,
    /// Light or dark.
    pub theme: Theme,
    /// Which parts of the left panel are folded.
    pub folds: Folds,
}

impl Default for Panels {
    fn default() -> Self {
        Self {
            predictions: true,
            curve: false,
            network_input: false,
            mirror: false,
            health: false,
            cell: false,
            block: false,
            help: false,
            hint: false,
            palette: None,
            theme: Theme::default(),
            folds: Folds::default(),
        }
    }
}

/// A part of the left panel under the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// What lies over the picture.
    Over,
    /// What the network says.
    Predictions,
    /// How healthy maps are.
    Health,
    /// The enlarged channel.
    Channel,
    /// What the colours mean.
    Colors,
}

impl Section {
    /// In the order in which they are opened where there is no room for all.
    const IMPORTANCE: [Self; 5] = [Self::Over, Self::Colors, Self::Channel, Self::Predictions, Self::Health];
}

/// What the user folded and unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folds {
    closed: Vec<Section>,
    /// The newest one last.
    opened: Vec<Section>,
}

impl Folds {
    /// Folds what is open, or unfolds it.
    pub fn toggle(&mut self, section: Section, is_open: bool) {
        self.closed.retain(|known| *known != section);
        self.opened.retain(|known| *known != section);
        if is_open { self.closed.push(section) } else { self.opened.push(section) }
    }

    /// Which sections are open where there is so much room: each is given with its heights, open and folded. Those that were
    /// unfolded by hand come first, the newest before all others; that one is open in any case. Then comes what is `asked` for now.
    pub fn open(&self, shown: &[(Section, f32, f32)], room: f32, asked: Option<Section>) -> Vec<Section> {
        let mut height: f32 = shown.iter().map(|(.., low)| low).sum();
        let mut open = Vec::new();
        let newest = self.opened.last();
        let others = Section::IMPORTANCE.iter().filter(|section| Some(**section) != asked);
        let others = asked.iter().chain(others).filter(|section| !self.opened.contains(section));
        for section in self.opened.iter().rev().chain(others).filter(|section| !self.closed.contains(section))
        {
            let Some((_, tall, low)) = shown.iter().find(|(known, ..)| known == section) else { continue };
            if height - low + tall <= room || Some(section) == newest {
                height += tall - low;
                open.push(*section);
            }
        }
        open
    }
}

/// What is looked for in a list, and which of what was found is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What was typed.
    pub text: String,
    /// Position among what was found.
    pub chosen: usize,
}

/// A longer text finds nothing.
const MOST_TYPED: usize = 60;

impl Search {
    /// Adds what a key types.
    pub fn add(&mut self, typed: &str) {
        let room = MOST_TYPED.saturating_sub(self.text.chars().count());
        self.text.extend(typed.chars().filter(|c| !c.is_control()).take(room));
        self.chosen = 0;
    }

    /// Takes the last letter back.
    pub fn remove(&mut self) {
        self.text.pop();
        self.chosen = 0;
    }

    /// Chooses another of `found` entries; the ends meet.
    pub fn step(&mut self, by: isize, found: usize) {
        let found = found.max(1) as isize;
        self.chosen = (self.chosen as isize + by).rem_euclid(found) as usize;
    }

    /// True where each word that was typed is a part of one of `texts`.
    pub fn finds(&self, texts: &[&str]) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        self.text.to_lowercase().split_whitespace().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_open_as_far_as_there_is_room() {
        use Section::{Colors, Health, Over, Predictions};
        let shown =
            [(Over, 80.0, 10.0), (Predictions, 100.0, 10.0), (Health, 50.0, 10.0), (Colors, 90.0, 10.0)];
        let mut folds = Folds::default();
        assert_eq!(folds.open(&shown, 320.0, None), [Over, Colors, Predictions, Health]);
        assert_eq!(folds.open(&shown, 319.0, None), [Over, Colors, Predictions]);
        assert_eq!(folds.open(&shown, 230.0, Some(Predictions))[0], Predictions);
        // What is smaller still fits where something larger does not.
        assert_eq!(folds.open(&shown, 230.0, None), [Over, Colors, Health]);
        // What was opened by hand comes before all others.
        folds.toggle(Health, false);
        folds.toggle(Predictions, false);
        assert_eq!(folds.open(&shown, 200.0, None), [Predictions, Health]);
        assert_eq!(folds.open(&shown, 10.0, None), [Predictions]);
        // What was folded stays folded.
        folds.toggle(Predictions, true);
        assert_eq!(folds.open(&shown, 999.0, None), [Health, Over, Colors]);
    }

    #[test]
    fn a_search_finds_by_any_words_in_any_order() {
        let mut search = Search::default();
        assert!(search.finds(&["snapshot to disk"]));
        search.add("Class  ac");
        assert!(search.finds(&["class-activation", "where the top class comes from"]));
        assert!(!search.finds(&["classify"]));
        search.step(-1, 3);
        assert_eq!(search.chosen, 2);
        search.step(1, 3);
        assert_eq!(search.chosen, 0);
        search.step(2, 3);
        search.remove();
        assert_eq!((search.text.as_str(), search.chosen), ("Class  a", 0));
        search.add(&"x".repeat(500));
        assert_eq!(search.text.len(), MOST_TYPED);
        search.step(1, 0);
        assert_eq!(search.chosen, 0);
    }
}
