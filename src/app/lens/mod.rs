//! Ways of looking. The view asks two questions: what do the tiles show, and what lies over the picture? Each answer is a
//! lens, and all that is particular to it stands in its own file: name, keys and sentence, what it asks of the session,
//! how that becomes tiles or an overlay, what its colours mean, its option off screen, what a snapshot records of it and
//! how a command says it again. The subcommands that draw the same use the computations and words of these files.
//!
//! A new lens is a file here, and a line in one of the two lists.

mod about;
pub mod best;
pub mod channel;
pub mod class_activation;
pub mod grad_cam;
pub mod gradients;
pub mod held;
pub mod hypercolumn;
pub mod kernels;
mod layer_colors;
mod legend;
pub mod likeness;
mod look;
pub mod maps;
pub mod mask;
pub mod occlusion;
mod origin;
mod overlay;
pub mod pca;
pub mod preferred;
pub mod rows;
pub mod saliency;
mod tiles;

use super::state::LensName;

pub use about::{About, Choices, Flag, More, Needs, Takes};
pub use layer_colors::{LayerColors, Oddities, meaning, ranges_of};
pub use legend::{Line, Strip};
pub use look::Look;
pub use origin::{first_order, first_order_needs, from_words, selected_channel, sorted_by};
pub use overlay::{Over, OverlayLens, OverlayWork};
pub use tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};

/// What the tiles can show; the first is there from the start.
pub static TILES: &[&dyn TilesLens] = &[
    &maps::Maps,
    &held::Held,
    &kernels::Kernels,
    &gradients::Gradients,
    &preferred::Preferred,
    &rows::Rows,
    &best::Best,
];

/// What can lie over the picture.
pub static OVERLAYS: &[&dyn OverlayLens] = &[
    &channel::Channel,
    &mask::Mask,
    &class_activation::ClassActivation,
    &hypercolumn::Hypercolumn,
    &saliency::Saliency,
    &grad_cam::GradCam,
    &occlusion::OcclusionLens,
    &pca::Pca,
    &likeness::LikenessOf,
];

/// The lens of this name; maps where there is none.
pub fn tiles(name: Option<LensName>) -> &'static dyn TilesLens {
    let known = TILES.iter().find(|lens| Some(lens.about().name) == name);
    *known.unwrap_or(&TILES[0])
}

/// The lens of this name.
pub fn overlay(name: LensName) -> Option<&'static dyn OverlayLens> {
    OVERLAYS.iter().find(|lens| lens.about().name == name).copied()
}
