//! Which lenses are chosen, and what they are set to. Pure.

use std::ops::Range;
use std::sync::Arc;

use super::tracing::Tracing;
use crate::inspect::{Components, Fill};
use crate::model::LayerIndex;
use crate::record::best::BestFile;

/// The name of a lens, as the lists in [`crate::app::lens`] have it.
pub type LensName = &'static str;

/// How much the opacity keys change.
const OPACITY_STEP: f32 = 0.1;

/// Principal components that colours are made by, and what of.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// The directions.
    pub components: Components,
    /// In words: a frame, or a file.
    pub made_of: String,
}

/// What the tiles show, and what lies over the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Lenses {
    /// What the tiles show; `None`: the layer's maps.
    pub tiles: Option<LensName>,
    /// What lies over the picture.
    pub over: Option<LensName>,
    /// How much of the picture that covers, from 0 (the picture alone) to 1 (what lies over it alone).
    pub opacity: f32,
    /// Layers that are shown in rows.
    pub rows: Rows,
    /// The layers of the hypercolumn, in ascending order.
    pub hypercolumn: Vec<LayerIndex>,
    /// What squares are filled with that cover the picture place by place.
    pub occlusion: Fill,
    /// What is traced back, and how.
    pub tracing: Tracing,
    /// The file whose best patches are shown; `None`: those of the session.
    pub best: Option<Arc<BestFile>>,
    /// Of the selected channel the picture is shown where it is not active.
    pub is_mask_inverse: bool,
    /// Cells of the hypercolumn are compared, not those of the shown layer.
    pub is_hypercolumn_alike: bool,
    /// Bases out of a file, by layer.
    pub bases: Arc<[(LayerIndex, Basis)]>,
    /// Counts how often something was laid over the picture, or renewed: what is held from then on belongs to one count.
    pub since: u64,
}

/// Rows of a page at most: so many layers are computed for each frame.
pub const MOST_ROWS: usize = 12;

/// Layers in rows, a page of them at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// In ascending order; empty: the ends of all stages.
    pub layers: Vec<LayerIndex>,
    /// The page that is shown, from 0; beyond the last one that is meant.
    pub page: usize,
    /// Rows of a page, as they were laid out last; `None` before that.
    pub room: Option<usize>,
}

impl Rows {
    /// Which of `count` rows are on the page.
    pub fn shown(&self, count: usize) -> Range<usize> {
        let room = self.room.unwrap_or(MOST_ROWS).clamp(1, MOST_ROWS);
        let first = self.page.min(count.saturating_sub(1) / room) * room;
        first..(first + room).min(count)
    }

    /// A page on (+1) or back (−1), where there is one of `count` rows.
    pub fn turn(&mut self, by: isize, count: usize) {
        let room = self.shown(count).len().max(1);
        let last = count.saturating_sub(1) / self.room.unwrap_or(room).clamp(1, MOST_ROWS);
        self.page = self.page.min(last).saturating_add_signed(by).min(last);
    }
}

impl Default for Lenses {
    fn default() -> Self {
        // The hypercolumn is the tutorial's first one.
        Self {
            tiles: None,
            over: None,
            opacity: 0.7,
            rows: Rows::default(),
            hypercolumn: vec![1, 4, 7],
            occlusion: Fill::default(),
            tracing: Tracing::default(),
            best: None,
            is_mask_inverse: false,
            is_hypercolumn_alike: false,
            bases: Arc::new([]),
            since: 0,
        }
    }
}

impl Lenses {
    /// This lens in the tiles, or maps where it was there.
    pub fn toggle_tiles(&mut self, lens: LensName) {
        self.tiles = if self.tiles == Some(lens) { None } else { Some(lens) };
    }

    /// This lens over the picture, or nothing where it was there.
    pub fn toggle_over(&mut self, lens: LensName) {
        self.over = if self.over == Some(lens) { None } else { Some(lens) };
        self.since += 1;
    }

    /// What is held is taken anew.
    pub fn renew(&mut self) {
        self.bases = Arc::new([]);
        self.since += 1;
    }

    /// The basis of a layer that came out of a file.
    pub fn basis_of(&self, layer: LayerIndex) -> Option<&Basis> {
        self.bases.iter().find(|(known, _)| *known == layer).map(|(_, basis)| basis)
    }

    /// More (+1) or less (−1) of the picture is covered.
    pub fn change_opacity(&mut self, steps: i8) {
        let opacity = self.opacity + f32::from(steps) * OPACITY_STEP;
        self.opacity = (opacity * 10.0).round().clamp(0.0, 10.0) / 10.0;
    }

    /// Keeps what another network has too.
    pub fn adopt(&mut self, layers: usize) {
        self.hypercolumn.retain(|&layer| layer < layers);
        self.rows.layers.retain(|&layer| layer < layers);
        self.rows.page = 0;
        self.tracing.adopt();
        self.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_rows_end_where_rows_do() {
        let mut rows = Rows { room: Some(5), ..Rows::default() };
        rows.turn(-1, 12);
        assert_eq!(rows.shown(12), 0..5);
        for expected in [5..10, 10..12, 10..12] {
            rows.turn(1, 12);
            assert_eq!(rows.shown(12), expected);
        }
        rows.turn(-1, 12);
        assert_eq!(rows.shown(12), 5..10);
        assert_eq!(rows.shown(3), 0..3, "another network has fewer");
        let mut one = Rows::default();
        one.turn(1, 3);
        assert_eq!(one.shown(3), 0..3);
    }

    #[test]
    fn a_lens_gives_way_to_another_and_goes_when_asked_for_again() {
        let mut lenses = Lenses::default();
        lenses.toggle_over("a");
        lenses.toggle_over("b");
        assert_eq!(lenses.over, Some("b"));
        lenses.toggle_over("b");
        lenses.toggle_tiles("a");
        assert_eq!((lenses.tiles, lenses.over), (Some("a"), None));
        for _ in 0..20 {
            lenses.change_opacity(1);
        }
        assert_eq!(lenses.opacity, 1.0);
        for _ in 0..3 {
            lenses.change_opacity(-1);
        }
        assert_eq!(lenses.opacity, 0.7);
        lenses.adopt(5);
        assert_eq!(lenses.hypercolumn, [1, 4]);
    }
}
