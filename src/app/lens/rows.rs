//! Chosen layers in rows, one under the other: the first channels of each.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::legend::Line;
use super::look::Look;
use super::tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses, MOST_ROWS};
use crate::gpu::{FeatureMapBuffer, GpuContext, MapStatistics};
use crate::model::{LayerIndex, Shape, layers};
use crate::view::{ColorRange, Normalize};

/// In keys, options and JSON.
pub const NAME: LensName = "rows";

/// The command that takes the shown layer in, or out.
pub const TAKE: &str = "layer";

/// Layers that are computed at most before it is known how many rows have room.
const MOST_BEFORE: usize = 4 * MOST_ROWS;

const ABOUT: About = About {
    name: NAME,
    keys: &[";"],
    help: "several layers in rows, the first channels of each",
    flag: Some(Flag {
        long: "rows",
        takes: Takes::Several("LAYERS"),
        help: "Show the first channels of these layers in rows (`stages`: the ends of all stages; `page:2`: the second page of them)",
    }),
    more: &[More { name: TAKE, keys: &[], help: "take the layer into the rows, or out of them" }],
};

/// What `--rows` has for the ends of all stages.
const STAGES: &str = "stages";

/// What `--rows` has in front of the number of a page.
const PAGE: &str = "page:";

/// The layers that have a row: those that were chosen, or the ends of all stages that have maps.
pub fn chosen(look: &Look<'_>) -> Vec<LayerIndex> {
    let own = &look.lenses.rows.layers;
    if !own.is_empty() {
        return own.clone();
    }
    let graph = look.graph;
    // The layer that a stage is best looked at is its last one, of those that have maps.
    let last =
        |stage: usize| graph.nodes.iter().rposition(|node| node.stage == stage && !node.shape.is_vector());
    let mut ends: Vec<LayerIndex> = (0..graph.stages.len()).filter_map(last).filter(|&end| end > 0).collect();
    ends.sort_unstable();
    if ends.is_empty() { vec![look.layer] } else { ends }
}

/// The layers on the page.
pub fn shown(look: &Look<'_>) -> Vec<LayerIndex> {
    let all = chosen(look);
    all[look.lenses.rows.shown(all.len())].to_vec()
}

/// The channels of a layer that have room in its row.
pub fn channels(look: &Look<'_>, shape: Shape, columns: usize) -> Vec<u32> {
    let mut channels = look.place.channels.within(shape.channels);
    channels.truncate(columns);
    channels
}

/// The lens.
pub struct Rows;

impl TilesLens for Rows {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        // Before the first layout it is not known which are on the page.
        let maps = match look.lenses.rows.room {
            Some(_) => shown(look),
            None => chosen(look).into_iter().take(MOST_BEFORE).collect(),
        };
        Needs { maps, ..Needs::default() }
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        if let Some(why) = self.hindered(look) {
            let back = look.key(Action::Tiles(NAME));
            return Err(format!("Rows {why}. {back} goes back to the maps."));
        }
        let input = look.graph.input_shape();
        let rows = shown(look);
        let widest = rows.iter().map(|&layer| look.graph.nodes[layer].shape.channels).max().unwrap_or(1);
        Ok(Subject {
            size: [input.width, input.height],
            count: widest,
            is_selectable: false,
            titles: vec![],
            rows,
        })
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        let compares = !look.versions.is_empty();
        compares.then(|| "show one network: --compare shows several at one layer".to_string())
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work::default())
    }

    fn act(&self, command: &str, lenses: &mut Lenses, layer: LayerIndex) {
        if command != TAKE {
            return;
        }
        let own = &mut lenses.rows.layers;
        match own.binary_search(&layer) {
            Ok(place) => drop(own.remove(place)),
            Err(place) => own.insert(place, layer),
        }
        lenses.tiles = Some(NAME);
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        let normalize = look.colors.scale.normalize;
        let range = match normalize {
            Normalize::Map => "each map its own range, from its lowest to its highest value".to_string(),
            Normalize::Layer => "one range for the maps shown of each layer".into(),
            Normalize::Symmetric => {
                "one range for the maps shown of each layer, as far below zero as above".into()
            }
            Normalize::Percentile => {
                "each map its own range, but for the lowest and highest 1 % of its values".into()
            }
            Normalize::Fixed { .. } => format!("from {normalize} in all layers"),
        };
        let colormap = look.colors.colormap().name();
        let mut lines = vec![
            Line::Heading("What the colours mean".into(), "colormap"),
            Line::Choices,
            Line::bar(&ColorRange::plain((0.0, 1.0), look.colors.colormap()), look.colors.colormap()),
            Line::quiet(format!("{colormap} · {range}")),
            Line::quiet("A grey tile has one value everywhere."),
            Line::quiet("The first channels of each layer, by number. A click goes to a layer."),
        ];
        let all = chosen(look).len();
        let page = look.lenses.rows.shown(all);
        if page.len() < all {
            let keys = [Action::PreviousPage, Action::NextPage].map(|action| look.key(action));
            let [start, end] = [page.start + 1, page.end];
            lines.push(Line::quiet(format!(
                "Rows {start}–{end} of {all}: {} and {} turn pages.",
                keys[0], keys[1]
            )));
        }
        lines
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        let (pages, names): (Vec<_>, Vec<_>) =
            values.iter().map(|value| value.trim().to_string()).partition(|value| value.starts_with(PAGE));
        let page = match pages.last() {
            Some(word) => {
                let number =
                    word[PAGE.len()..].parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                number.ok_or_else(|| format!("--rows: `{word}` is no page; write as in {PAGE}2"))?
            }
            None => 0,
        };
        let own = match names.as_slice() {
            [] => vec![],
            [word] if word == STAGES => vec![],
            names => {
                let mut own = layers(choices.graph, names).map_err(|error| error.to_string())?;
                own.sort_unstable();
                own
            }
        };
        choices.lenses.rows.page = page;
        (choices.lenses.rows.layers, choices.lenses.tiles) = (own, Some(NAME));
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        let rows = &look.lenses.rows;
        let mut words: Vec<String> = rows.layers.iter().map(usize::to_string).collect();
        if words.is_empty() {
            words.push(STAGES.into());
        }
        let all = chosen(look).len();
        let shown = rows.shown(all);
        if shown.start > 0 {
            words.push(format!("{PAGE}{}", shown.start / rows.room.unwrap_or(MOST_ROWS).max(1) + 1));
        }
        format!("--rows {}", words.join(","))
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let columns = columns(look);
        let row = |layer: LayerIndex| {
            let node = &look.graph.nodes[layer];
            serde_json::json!({
                "layer": layer, "name": node.name, "channels": channels(look, node.shape, columns),
            })
        };
        let rows: Vec<Value> = shown(look).into_iter().map(row).collect();
        [("rows".to_string(), Value::from(rows))].into_iter().collect()
    }
}

/// Tiles in a row, as they were laid out.
fn columns(look: &Look<'_>) -> usize {
    look.place.grid.map_or(1, |grid| grid.columns as usize)
}

/// Frame, layers, tiles in a row, chosen channels by their first, and whether percentiles were wanted.
type Key = (u64, Vec<LayerIndex>, usize, Vec<u32>, bool);

#[derive(Default)]
struct Work {
    /// One for each row, each of which has maps of its own size.
    statistics: Vec<MapStatistics>,
    sets: Option<(Key, Vec<TileSet>)>,
}

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let Some(results) = look.shown else { return vec![] };
        let (rows, columns) = (shown(look), columns(look));
        let by_percentile = look.colors.scale.normalize.is_percentile();
        let of_layer = |layer: LayerIndex| channels(look, look.graph.nodes[layer].shape, columns);
        let first = rows.first().map(|&layer| of_layer(layer)).unwrap_or_default();
        let key = (results.sequence, rows, columns, first, by_percentile);
        if self.sets.as_ref().is_none_or(|(known, _)| *known != key) {
            let maps: Option<Vec<_>> = key.1.iter().map(|&layer| results.map(layer)).collect();
            // Where another page was asked for, its maps are on their way.
            let Some(maps) = maps else { return vec![] };
            while self.statistics.len() < maps.len() {
                self.statistics.push(MapStatistics::new(gpu));
            }
            let sets = key.1.iter().zip(maps).zip(&mut self.statistics).map(|((&layer, map), statistics)| {
                let order: Arc<[u32]> = of_layer(layer).into();
                // Of no more channels than are shown.
                let channels = order.iter().max().map_or(1, |last| *last as usize + 1);
                let shape = Shape { channels, ..map.shape };
                let map = FeatureMapBuffer { shape, ..map.clone() };
                let (statistics, ranges) = statistics.run(gpu, &map, by_percentile);
                let scale = look.colors.scale_at(map.shape);
                let colormap = look.colors.colormap();
                let pixels = Pixels::Values { map, statistics, ranges, scale, colormap, smooth: false };
                TileSet { name: look.graph.nodes[layer].name.clone(), pixels, order, numbers: None }
            });
            let sets = sets.collect();
            self.sets = Some((key, sets));
        }
        let mut sets = self.sets.as_ref().map(|(_, sets)| sets.clone()).unwrap_or_default();
        for set in &mut sets {
            if let Pixels::Values { map, scale, colormap, smooth, .. } = &mut set.pixels {
                *scale = look.colors.scale_at(map.shape);
                (*colormap, *smooth) = (look.colors.colormap(), look.colors.smooth);
            }
        }
        sets
    }
}
