//! What a lens over the picture has to say and do.

use super::about::{About, Choices, Needs};
use super::legend::Line;
use super::look::Look;
use crate::app::state::Lenses;
use crate::gpu::{Cover, FeatureMapBuffer, GpuContext, StatisticsBuffer};
use crate::model::LayerIndex;
use crate::view::{Colormap, Scale};

/// One answer to what lies over the picture. Stateless: what is chosen is in the [`Look`], what is computed in
/// [`OverlayWork`].
pub trait OverlayLens: Sync {
    /// Name, keys, sentence and option.
    fn about(&self) -> &'static About;

    /// What it asks of the session.
    fn needs(&self, _look: &Look<'_>) -> Needs {
        Needs::default()
    }

    /// Why it has nothing to show, and what to do; `None` where it has.
    fn hindered(&self, _look: &Look<'_>) -> Option<String> {
        None
    }

    /// True where it has something to say of the pixel under the cursor.
    fn explains_pixels(&self) -> bool {
        false
    }

    /// What it keeps while it is in use.
    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork>;

    /// Does one of its own commands ([`About::more`]) at this layer.
    fn act(&self, _command: &str, _lenses: &mut Lenses, _layer: LayerIndex) {}

    /// Switches it on as its option says.
    ///
    /// # Errors
    /// One sentence on what is wrong with the values.
    fn set(&self, _values: &[String], choices: Choices<'_>) -> Result<(), String> {
        choices.lenses.over = Some(self.about().name);
        Ok(())
    }

    /// The option with its value, as a command says it again.
    fn command(&self, _look: &Look<'_>) -> String {
        self.about().flag.as_ref().map_or_else(String::new, |flag| format!("--{}", flag.long))
    }

    /// Numbers that a snapshot keeps beside those of the map: names, shapes, and values in row-major order.
    fn numbers(&self, _look: &Look<'_>) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        vec![]
    }

    /// What a snapshot's JSON says beside its name: fields of an object.
    fn record(&self, _look: &Look<'_>) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }
}

/// Computes and keeps what is drawn, on the drawing device.
pub trait OverlayWork {
    /// The map that lies over the picture, for the frame that is shown.
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over>;

    /// What is said of it: of the frame before while its numbers are on their way back, unless `wait` is set.
    fn legend(&mut self, gpu: &GpuContext, look: &Look<'_>, wait: bool) -> Vec<Line>;

    /// True while numbers are on their way that the next drawing is to show.
    fn is_waiting(&self) -> bool {
        false
    }
}

/// One map over the picture. The clones keep its memory until it is drawn.
#[derive(Clone, Debug)]
pub struct Over {
    /// A map of one channel; of three, where it is `colored`.
    pub map: FeatureMapBuffer,
    /// Of the map.
    pub statistics: StatisticsBuffer,
    /// What colours are chosen by, where that is not `statistics`.
    pub ranges: Option<StatisticsBuffer>,
    /// How values become places in the colormap.
    pub scale: Scale,
    /// The colours, where they are not those of the maps.
    pub colormap: Option<Colormap>,
    /// Its three channels are red, green and blue, from these values of each to these, in place of a colormap's.
    pub colored: Option<[[f32; 3]; 2]>,
    /// What of the opacity a value has.
    pub cover: Cover,
    /// What a snapshot keeps of it: a name, and the numbers behind the map.
    pub numbers: Option<(String, FeatureMapBuffer)>,
}

impl Over {
    /// A map in the colours of the maps, equally opaque everywhere.
    pub fn even(
        map: FeatureMapBuffer,
        statistics: StatisticsBuffer,
        ranges: Option<StatisticsBuffer>,
        scale: Scale,
    ) -> Self {
        let (colormap, colored, cover, numbers) = (None, None, Cover::Even, None);
        Self { map, statistics, ranges, scale, colormap, colored, cover, numbers }
    }
}
