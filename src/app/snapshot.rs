//! Turns what is on the screen into a [`SnapshotJob`]: copies are submitted here, the rest is the writer's.

use std::path::{Path, PathBuf};

use super::Setup;
use super::colors::LayerColors;
use super::scene::Scene;
use super::state::{AppState, Overlay};
use super::theme::Theme;
use super::view_model::{ViewModel, top_classes};
use crate::engine::{Model, Placement, Preprocessing, WeightsSpec};
use crate::gpu::{GpuContext, readback};
use crate::model::Conventions;
use crate::record::{
    HypercolumnInfo, Prediction, Provenance, SnapshotInfo, SnapshotJob, TapInfo, fit_name, resize_name,
};
use crate::view::{Filter, Normalize, Sort};
use crate::weights::Origin;

/// How many classes a snapshot names.
const NAMED_CLASSES: usize = 10;

/// A snapshot of what `scene` laid out last; `None` before the first frame. `format` is the scene's.
pub fn take(
    gpu: &GpuContext,
    scene: &mut Scene,
    state: &AppState,
    model: &ViewModel,
    setup: &Setup,
    placement: Placement,
    format: wgpu::TextureFormat,
) -> Option<Box<SnapshotJob>> {
    let shown = model.activations.as_ref()?;
    let layer = model.shown_layer(state);
    let tap = shown.tap(layer)?;
    let channels = state.shown_channels(layer);
    let hidden = state.arranged(layer).map_or(0, |arranged| arranged.hidden);
    let now = jiff::Zoned::now();
    let node = &state.graph().nodes[layer];
    let (tile_area, tile_size) = scene.tile_area();

    let view = readback::copy_picture(gpu, &scene.draw_to_texture(format).texture);
    let colors = LayerColors::of(state, shown, layer);
    let colors = colors.first()?;
    let native = scene.draw_native_tiles(tap, &channels, colors, format);
    let tiles = readback::copy_picture(gpu, &native.texture);
    let map = readback::copy_map(gpu, &tap.map);

    let mut statistics: Vec<_> = channels.iter().map(|c| tap.channel_statistics[*c as usize]).collect();
    statistics.extend(tap.channel_statistics.last());
    let probabilities = shown.probabilities.as_deref().filter(|_| model.trained()).unwrap_or_default();
    let predictions = top_classes(probabilities, NAMED_CLASSES)
        .into_iter()
        .map(|class| Prediction::new(class, probabilities[class], model.label(class)))
        .collect();
    let how = Preprocessing { fit: shown.request.fit, resize: shown.request.resize };
    let network = &shown.model;
    let provenance = Provenance::new(&network.graph, &network.weights, how);
    let frame = shown.frame.frame.clone();
    let info = SnapshotInfo {
        provenance,
        time: now.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        command: command(state, setup, network, placement, layer, colors, scene.size()),
        source: model.status.source.to_string(),
        picture: frame.name.to_string(),
        frame_id: frame.id,
        frame_size: [frame.width, frame.height],
        frame_format: frame.format.name(),
        mirrored_on_screen: state.mirror,
        shown_as_input: state.network_input,
        curve: state.curve,
        hypercolumn: (state.overlay == Some(Overlay::Hypercolumn))
            .then(|| HypercolumnInfo { layers: state.hypercolumn.clone(), opacity: state.opacity }),
        kernels: state.shown_kernels().is_some(),
        by_similarity: state.sort == Sort::Similarity,
        sort: state.sort,
        filter: state.filter,
        hidden,
        class_activation: state.overlay == Some(Overlay::ClassActivation),
        over_picture: state.overlay == Some(Overlay::Channel),
        held_frame: shown.request.held,
        health: state.health,
        compared_with: setup.session.compare.iter().map(|other| other.spec.to_string()).collect(),
        device: placement.name(),
        adapter: gpu.summary().name,
        layer: TapInfo {
            index: layer,
            keras_name: node.keras_name.clone(),
            torch_name: node.torch_name.clone(),
            operation: node.op.name(),
            shape: [node.shape.channels, node.shape.height, node.shape.width],
        },
        ranges: channels
            .iter()
            .map(|channel| colors.range(*channel))
            .map(|range| [range.low, range.high])
            .collect(),
        channels: channels.to_vec(),
        selected: state.selected,
        enlarged: state.enlarged,
        normalize: colors.scale.normalize.to_string(),
        locked: colors.is_locked,
        gamma: colors.scale.gamma,
        boost: colors.scale.boost,
        colormap: colors.colormap,
        smooth: state.smooth,
        view_size: scene.size(),
        tile_size,
        tile_area,
        predictions,
        times: shown.times,
        statistics,
    };
    let name = format!("{}_{}", now.strftime("%Y-%m-%dT%H-%M-%S%.3f"), node.keras_name);
    Some(Box::new(SnapshotJob {
        folder: setup.snapshots.clone(),
        name,
        view,
        tiles,
        map,
        frame,
        how,
        input: state.graph().input_shape(),
        info,
    }))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// The command that makes the snapshot again, to be run in its folder.
fn command(
    state: &AppState,
    setup: &Setup,
    network: &Model,
    placement: Placement,
    layer: usize,
    colors: &LayerColors,
    size: [u32; 2],
) -> String {
    let mut words = vec!["convscope --headless --frames 1 --source frame.png".to_string()];
    let Model { graph, weights, .. } = network;
    match &weights.origin {
        Origin::File { path, .. } => words.push(format!("--weights '{}'", absolute(path).display())),
        Origin::Embedded { .. } => words.push("--weights embedded".into()),
        Origin::Untrained { .. } => {
            words.push("--weights untrained".into());
            if graph.width_multiplier != 1.0 {
                words.push(format!("--width-multiplier {}", graph.width_multiplier));
            }
        }
    }
    let Conventions { avg_pool, input_scale, precision } = weights.conventions;
    words.push(format!("--avg-pool {} --input-scale {}", avg_pool.name(), input_scale.name()));
    words.push(format!("--device {} --precision {}", placement.name(), precision.name()));
    words.push(format!("--fit {} --resize {}", fit_name(state.fit), resize_name(state.resize)));
    words.push(format!("--layer {layer}"));
    // An order that was kept still over many frames is not made again by one: its channels are named.
    if !state.channels.is_all() || state.sort != Sort::Index || state.filter != Filter::None {
        let list: Vec<_> = state.shown_channels(layer).iter().map(u32::to_string).collect();
        words.push(format!("--channels {}", list.join(",")));
    }
    for other in &setup.session.compare {
        words.push(match &other.spec {
            WeightsSpec::File(path) => format!("--compare '{}'", absolute(path).display()),
            word => format!("--compare {word}"),
        });
    }
    if state.overlay == Some(Overlay::Hypercolumn) && !state.hypercolumn.is_empty() {
        let layers: Vec<_> = state.hypercolumn.iter().map(usize::to_string).collect();
        words.push(format!("--hypercolumn {} --opacity {}", layers.join(","), state.opacity));
    }
    let switches = [
        (state.network_input, "--show-input"),
        (state.curve, "--curve"),
        (state.overlay == Some(Overlay::ClassActivation), "--cam"),
        (state.kernels, "--kernels"),
        (state.health, "--health"),
    ];
    words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_string()));
    let (scale, one_range) = (colors.scale, colors.range(0));
    let normalize = match scale.normalize {
        // A range that was held for the layer is the same number for all maps; ranges of single maps have no option.
        Normalize::Layer | Normalize::Symmetric
            if colors.is_locked && scale.boost == 0.0 && one_range.low < one_range.high =>
        {
            Normalize::Fixed { low: one_range.low, high: one_range.high }
        }
        normalize => normalize,
    };
    words.push(format!("--normalize={normalize} --colormap {}", colors.colormap.name()));
    if scale.gamma != 1.0 {
        words.push(format!("--gamma {}", scale.gamma));
    }
    if scale.boost > 0.0 {
        words.push(format!("--boost {}", scale.boost));
    }
    if let crate::view::TileSize::Pixels(size) = state.tile_size {
        words.push(format!("--tile-size {size}"));
    }
    if state.theme == Theme::Light {
        words.push("--theme light".into());
    }
    words.push(format!("--size {}x{} --snapshot .", size[0], size[1]));
    words.join(" ")
}
