//! Where things were laid out, and what was asked for meanwhile.

use egui::Rect;

use crate::app::keys::Action;

/// Where things are, in points, and what was asked for by a click or the wheel.
#[derive(Clone, Debug, Default)]
pub struct Arrangement {
    /// The frame; nothing is drawn where it is empty.
    pub picture: Option<Rect>,
    /// The tiles: one area, or one for each version that is compared.
    pub tiles: Vec<Rect>,
    /// The pixel of the network's input under the cursor: column and row.
    pub pixel: Option<[u32; 2]>,
    /// The cell (row, column) of the enlarged map under the cursor.
    pub cell: Option<[usize; 2]>,
    /// Laid out again, something would lie elsewhere.
    pub is_unsettled: bool,
    /// What was asked for since the last time.
    pub actions: Vec<Action>,
}
