//! Turns what is on the screen into a [`SnapshotJob`]: copies are submitted here, the rest is the writer's.

mod command;

use super::lens::{LayerColors, Pixels, TileSet, held};
use super::scene::Scene;
use super::setup::Setup;
use super::state::{AppState, LayerRanges};
use super::view_model::ViewModel;
use crate::engine::Placement;
use crate::gpu::{FeatureMapBuffer, GpuContext, readback};
use crate::inspect::ChannelStatistics;
use crate::record::{
    CellInfo, LayerInfo, LensInfo, LockedRanges, Numbers, OverInfo, Prediction, Provenance, SnapshotInfo,
    SnapshotJob, Values, file_name,
};

/// How many classes a snapshot names.
const NAMED_CLASSES: usize = 10;

/// A snapshot of what `scene` laid out last; `None` before the first frame.
pub fn take(
    gpu: &GpuContext,
    scene: &mut Scene,
    state: &AppState,
    model: &ViewModel,
    setup: &Setup,
    placement: Placement,
) -> Option<Box<SnapshotJob>> {
    let shown = model.activations.as_ref()?;
    let look = model.look(state);
    let layer = look.layer;
    let tap = shown.tap(layer)?;
    let channels = look.channels();
    let hidden = state.place.arranged(layer).map_or(0, |arranged| arranged.hidden);
    let now = jiff::Zoned::now();
    let node = look.node();
    let (tile_area, tile_size) = scene.tile_area();

    let view = readback::copy_picture(gpu, &scene.renderer.draw_to_texture().texture);
    let tiles = scene.renderer.draw_native_tiles().map(|target| readback::copy_picture(gpu, &target.texture));
    let over_numbers = scene.renderer.content.over.as_ref().and_then(|(over, ..)| over.numbers.as_ref());
    let numbers = scene.tile_sets().map(|set| numbers_of(gpu, set));
    let of_overlay = state.overlay_lens().map(|lens| lens.numbers(&look)).unwrap_or_default().into_iter();
    let numbers =
        numbers.chain(over_numbers.map(|(name, map)| all_of(gpu, name, map))).chain(of_overlay.map(
            |(name, shape, values)| Numbers { name, values: Values::There { shape, values: values.into() } },
        ));
    let numbers = numbers.collect();
    let colors = LayerColors::of(&state.colors, node.shape, shown, layer);
    let colors = colors.first()?;

    let mut statistics: Vec<_> = channels.iter().map(|c| tap.channel_statistics[*c as usize]).collect();
    statistics.extend(tap.channel_statistics.last());
    let answer = shown.answer.as_ref().filter(|_| model.trained());
    let named = |answer| Prediction::top(answer, &shown.model.labels, NAMED_CLASSES);
    let predictions = answer.map(named).unwrap_or_default();
    let before = shown.before.as_ref().filter(|_| model.trained());
    let how = shown.request.how;
    let network = &shown.model;
    let frame = shown.frame.frame.clone();
    let lens = state.tiles_lens();
    let over = state.overlay_lens().map(|lens| OverInfo {
        lens: LensInfo { name: lens.about().name, more: lens.record(&look) },
        opacity: state.lenses.opacity,
    });
    let locked = state.colors.locks.get(&layer).filter(|_| colors.is_locked);
    let explained = model.explained.as_ref().and_then(|explained| explained.as_ref().ok());
    let info = SnapshotInfo {
        provenance: Provenance::new(&network.graph, &network.weights, how),
        time: now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        command: command::again(state, model, setup, placement, scene.size(), colors),
        source: frame.source.to_string(),
        picture: frame.name.to_string(),
        note: frame.note.as_deref().map(String::from),
        frame_id: frame.id,
        frame_size: [frame.width, frame.height],
        frame_format: frame.format.name(),
        mirrored_on_screen: state.panels.mirror,
        shown_as_input: state.panels.network_input,
        curve: state.panels.curve,
        tiles: LensInfo { name: lens.about().name, more: lens.record(&look) },
        over,
        experiment: shown.request.experiment.info(&network.graph),
        predictions_before: before.map(|before| named(&before.answer)).unwrap_or_default(),
        sort: state.place.sort,
        filter: state.place.filter,
        hidden,
        health: state.panels.health,
        block: state.panels.block,
        compared_with: setup.session.compare.iter().map(|other| other.spec.to_string()).collect(),
        device: placement.name(),
        adapter: gpu.summary().name,
        layer: LayerInfo::new(look.graph, layer),
        ranges: channels
            .iter()
            .map(|channel| colors.range(*channel))
            .map(|range| [range.low, range.high])
            .collect(),
        channels: channels.to_vec(),
        selected: state.place.selected,
        enlarged: state.place.enlarged,
        cell: explained.map(|cell| CellInfo::new(&network.graph, &cell.sum, cell.own, &cell.told)),
        normalize: colors.scale.normalize.to_string(),
        locked: colors.is_locked,
        locked_ranges: locked.map(|versions| versions.iter().map(locked_ranges).collect()),
        gamma: colors.scale.gamma,
        boost: colors.scale.boost,
        colormap: colors.colormap,
        smooth: state.colors.smooth,
        view_size: scene.size(),
        tile_size,
        tile_area,
        meaning: answer.map(|answer| answer.meaning),
        predictions,
        times: shown.times,
        statistics,
    };
    let name = format!("{}_{}", now.strftime("%Y-%m-%dT%H-%M-%S%.3f"), file_name(&node.name));
    Some(Box::new(SnapshotJob {
        folder: setup.snapshots.clone(),
        name,
        view,
        tiles,
        numbers,
        frame,
        held: look.held.filter(|_| lens.needs(&look).held).map(|held| (held::FILE, held.0.clone())),
        how,
        experiment: shown.request.experiment.clone(),
        input: state.graph().input_shape(),
        info,
    }))
}

/// The numbers behind tiles, on their way.
fn numbers_of(gpu: &GpuContext, set: &TileSet) -> Numbers {
    let values = match (&set.numbers, &set.pixels) {
        (Some((shape, values)), _) => Values::There { shape: shape.clone(), values: values.clone() },
        (None, Pixels::Values { map, .. } | Pixels::Colored(map)) => {
            Values::Coming { map: readback::copy_map(gpu, map), channels: set.order.clone() }
        }
    };
    Numbers { name: set.name.clone(), values }
}

/// All numbers of a map, on their way.
fn all_of(gpu: &GpuContext, name: &str, map: &FeatureMapBuffer) -> Numbers {
    let channels = (0..map.shape.channels as u32).collect();
    Numbers { name: name.into(), values: Values::Coming { map: readback::copy_map(gpu, map), channels } }
}

fn locked_ranges(ranges: &LayerRanges) -> LockedRanges {
    let ends = |statistics: &ChannelStatistics| {
        let (low, high) = statistics.ends();
        [low, high]
    };
    LockedRanges {
        ends: ranges.statistics.iter().map(ends).collect(),
        percentiles: ranges.percentiles.as_ref().map(|all| all.to_vec()),
    }
}
