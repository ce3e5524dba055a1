//! What colours stand for: the choices. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::inspect::ChannelStatistics;
use crate::model::{LayerIndex, Shape};
use crate::view::{Colormap, Normalize, Scale};

/// Statistics of one version of a layer: one entry a channel, then one of the layer.
pub type LayerStatistics = Arc<[ChannelStatistics]>;

/// What colours can be chosen by, of one version of a layer.
#[derive(Clone, Debug)]
pub struct LayerRanges {
    /// Of all values.
    pub statistics: LayerStatistics,
    /// The values below which 1 % and 99 % of a channel's lie, where they were asked for: one pair a channel.
    pub percentiles: Option<Arc<[[f32; 2]]>>,
}

/// How values become colours.
#[derive(Clone, Debug, Default)]
pub struct Colors {
    /// How values become places in the colormap.
    pub scale: Scale,
    /// Colours that were chosen; otherwise they follow the normalisation.
    pub chosen_colormap: Option<Colormap>,
    /// Ranges that are held: of a layer, those of each version on the frame that was shown then.
    pub locks: BTreeMap<LayerIndex, Vec<LayerRanges>>,
    /// Interpolated tiles.
    pub smooth: bool,
    /// The range that the program was started with, if it was.
    pub fixed: Option<Normalize>,
}

impl Colors {
    /// With this scale from the start.
    pub fn new(scale: Scale, chosen_colormap: Option<Colormap>) -> Self {
        let fixed = Some(scale.normalize).filter(|normalize| matches!(normalize, Normalize::Fixed { .. }));
        Self { scale, chosen_colormap, fixed, ..Self::default() }
    }

    /// The colours: chosen ones, or those that suit the normalisation.
    pub fn colormap(&self) -> Colormap {
        self.chosen_colormap.unwrap_or(self.scale.normalize.colormap())
    }

    /// The colours of values without a sign.
    pub fn sequential(&self) -> Colormap {
        Some(self.colormap()).filter(|colormap| !colormap.is_diverging()).unwrap_or_default()
    }

    /// The colormap after this one.
    pub fn next_colormap(&mut self) {
        self.chosen_colormap = Some(self.colormap().next());
    }

    /// The next meaning of the colormap's ends.
    pub fn next_normalize(&mut self) {
        let choices = Normalize::CHOICES.into_iter().chain(self.fixed);
        let choices: Vec<_> = choices.collect();
        let place = choices.iter().position(|choice| *choice == self.scale.normalize);
        self.scale.normalize = choices[place.map_or(0, |place| (place + 1) % choices.len())];
    }

    /// How values of a layer of this shape become places in the colormap. A map of one value has no range of its own.
    pub fn scale_at(&self, shape: Shape) -> Scale {
        let is_one_cell = shape.height * shape.width == 1;
        match self.scale.normalize {
            normalize if is_one_cell && normalize.is_of_each_map() => {
                Scale { normalize: Normalize::Layer, boost: 0.0, ..self.scale }
            }
            // A map of one cell with its own range says nothing.
            _ if is_one_cell => Scale { boost: 0.0, ..self.scale },
            _ => self.scale,
        }
    }

    /// The scale of one map that is shown by itself: its own range, unless percentiles were asked for.
    pub fn scale_of_one(&self) -> Scale {
        let normalize = match self.scale.normalize {
            Normalize::Percentile => Normalize::Percentile,
            _ => Normalize::Map,
        };
        Scale { normalize, ..self.scale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalisation_goes_round_and_brings_its_colours() {
        let mut colors = Colors::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push((colors.scale.normalize, colors.colormap()));
            colors.next_normalize();
        }
        assert_eq!(
            seen,
            [
                (Normalize::Map, Colormap::Viridis),
                (Normalize::Layer, Colormap::Viridis),
                (Normalize::Symmetric, Colormap::Diverging),
                (Normalize::Percentile, Colormap::Viridis)
            ]
        );
        assert_eq!(colors.scale.normalize, Normalize::Map);
        // What was chosen stays.
        colors.next_colormap();
        colors.next_normalize();
        assert_eq!(colors.colormap(), Colormap::Magma);
        // A range from the command line is one more.
        let fixed = Normalize::Fixed { low: 0.0, high: 2.0 };
        let mut colors = Colors::new(Scale::of(fixed), None);
        let round: Vec<_> = (0..5)
            .map(|_| {
                colors.next_normalize();
                colors.scale.normalize
            })
            .collect();
        assert_eq!((round[0], round[4]), (Normalize::Map, fixed));
    }

    #[test]
    fn maps_of_one_cell_have_the_layers_range() {
        let pool = Shape { channels: 2048, height: 1, width: 1 };
        for normalize in [Normalize::Map, Normalize::Percentile] {
            let colors = Colors::new(Scale { normalize, gamma: 0.5, boost: 0.8 }, None);
            let expected = Scale { normalize: Normalize::Layer, gamma: 0.5, boost: 0.0 };
            assert_eq!(colors.scale_at(pool), expected);
            assert_eq!(colors.scale_at(Shape { width: 2, ..pool }).normalize, normalize);
        }
    }
}
