//! What a lens in the tiles has to say and do.

use std::sync::Arc;

use image::RgbImage;

use super::about::{About, Choices, Needs};
use super::legend::Line;
use super::look::Look;
use crate::app::state::Lenses;
use crate::gpu::{FeatureMapBuffer, GpuContext, StatisticsBuffer};
use crate::model::{LayerIndex, Shape};
use crate::view::{Colormap, Scale};

/// One answer to what the tiles show. Stateless: what is chosen is in the [`Look`], what is computed in [`TilesWork`].
pub trait TilesLens: Sync {
    /// Name, keys, sentence and option.
    fn about(&self) -> &'static About;

    /// What it asks of the session.
    fn needs(&self, _look: &Look<'_>) -> Needs {
        Needs::default()
    }

    /// True where tiles are maps of the shown layer's channels: they then have statistics, health and ranges.
    fn shows_maps(&self) -> bool {
        false
    }

    /// What there is to show, before any value of it is known.
    ///
    /// # Errors
    /// One sentence on why there is nothing, and what to do.
    fn subject(&self, look: &Look<'_>) -> Result<Subject, String>;

    /// Why it cannot be switched on here; `None` where it can.
    fn hindered(&self, _look: &Look<'_>) -> Option<String> {
        None
    }

    /// A command that only it knows. `layer`: the chosen one.
    fn act(&self, _command: &str, _lenses: &mut Lenses, _layer: LayerIndex) {}

    /// What it keeps while it is in use.
    fn start(&self, gpu: &GpuContext) -> Box<dyn TilesWork>;

    /// What the colours mean.
    fn legend(&self, look: &Look<'_>) -> Vec<Line>;

    /// Switches it on as its option says.
    ///
    /// # Errors
    /// One sentence on what is wrong with the values.
    fn set(&self, _values: &[String], choices: Choices<'_>) -> Result<(), String> {
        choices.lenses.tiles = Some(self.about().name);
        Ok(())
    }

    /// The option with its value, as a command says it again; empty for what is there from the start.
    fn command(&self, _look: &Look<'_>) -> String {
        self.about().flag.as_ref().map_or_else(String::new, |flag| format!("--{}", flag.long))
    }

    /// What a snapshot's JSON says beside its name: fields of an object.
    fn record(&self, _look: &Look<'_>) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }
}

/// What tiles show, before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Width and height of one tile's values.
    pub size: [usize; 2],
    /// How many tiles there are on all pages.
    pub count: usize,
    /// Tiles are the shown channels, one of which is selected. Otherwise they belong together, on one page.
    pub is_selectable: bool,
    /// What stands over the tiles; one for each version that is shown beside the others.
    pub titles: Vec<String>,
    /// Layers, each of which has a row of tiles; empty where all are of one layer.
    pub rows: Vec<LayerIndex>,
}

/// Computes and keeps what is drawn, on the drawing device.
pub trait TilesWork {
    /// The tiles of what is shown: one set for each version; none while there is nothing yet.
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet>;

    /// What only the work knows of the tiles that it gave last.
    fn said(&self) -> Option<String> {
        None
    }

    /// True while there will be other tiles, although nothing else changes.
    fn is_growing(&self) -> bool {
        false
    }
}

/// Tiles of one kind, to be drawn and to be saved.
#[derive(Clone, Debug)]
pub struct TileSet {
    /// Its name in a file of tensors: `mixed5`.
    pub name: String,
    /// What is drawn.
    pub pixels: Pixels,
    /// What each tile is: the channel of the map whose values it has (of coloured ones, the filter).
    pub order: Arc<[u32]>,
    /// The numbers behind it, where they are not the map's: their shape, and the values in row-major order.
    pub numbers: Option<(Vec<usize>, Arc<[f32]>)>,
}

/// What is drawn. The clones keep its memory until then.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// Values in the colours of a colormap.
    Values {
        /// Tile i has the values of channel `order[i]`.
        map: FeatureMapBuffer,
        /// Of the map.
        statistics: StatisticsBuffer,
        /// What colours are chosen by, where that is not `statistics`.
        ranges: Option<StatisticsBuffer>,
        /// How values become places in the colormap.
        scale: Scale,
        /// The colours.
        colormap: Colormap,
        /// Values are interpolated.
        smooth: bool,
    },
    /// Tile i shows the channels 3i, 3i + 1 and 3i + 2 as red, green and blue, from −1 to 1.
    Colored(FeatureMapBuffer),
}

impl TileSet {
    /// Pictures of one size.
    pub fn of_pictures(gpu: &GpuContext, name: String, tiles: &[RgbImage], order: Arc<[u32]>) -> Self {
        let [width, height] =
            tiles.first().map_or([1, 1], |tile| [tile.width() as usize, tile.height() as usize]);
        let mut values = Vec::with_capacity(tiles.len() * width * height * 3);
        for tile in tiles {
            for color in 0..3 {
                values.extend(tile.pixels().map(|pixel| f32::from(pixel.0[color]) / 127.5 - 1.0));
            }
        }
        let shape = Shape { channels: 3 * tiles.len(), height, width };
        let map = FeatureMapBuffer::upload(gpu, &values, shape);
        let numbers = (vec![tiles.len(), 3, height, width], Arc::<[f32]>::from(values));
        Self { name, pixels: Pixels::Colored(map), order, numbers: Some(numbers) }
    }
}
