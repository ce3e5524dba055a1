//! The command that makes a snapshot again, to be run in its folder. What was on the screen is said by the options of the
//! live view; lenses say theirs themselves.

use std::path::{Path, PathBuf};

use crate::app::lens::{self, LayerColors, Look, Needs};
use crate::app::setup::Setup;
use crate::app::state::AppState;
use crate::app::theme::Theme;
use crate::app::view_model::ViewModel;
use crate::engine::{Model, Placement, WeightsSpec};
use crate::model::Conventions;
use crate::record::SNAPSHOT_FILE;
use crate::view::{Filter, Sort, TileSize};
use crate::weights::Origin;

/// All options that differ from what the view starts with.
pub(super) fn again(
    state: &AppState,
    model: &ViewModel,
    setup: &Setup,
    placement: Placement,
    [width, height]: [u32; 2],
    colors: &LayerColors,
) -> String {
    let mut words = vec!["convscope --headless --frames 1 --source frame.png".to_string()];
    if let Some(network) = model.network() {
        words.extend(network_words(network, placement));
    }
    words.extend(state.how.like.map(|like| format!("--like {}", like.name())));
    let fit = state.how.fit(state.graph().input_shape());
    words.push(format!("--fit {fit} --resize {}", state.how.resize().name()));
    if !state.how.changes.is_empty() {
        words.push(format!("--input-change {}", state.how.changes));
    }
    let look = model.look(state);
    words.extend(place_words(state, &look));
    for other in &setup.session.compare {
        words.push(match &other.spec {
            WeightsSpec::File(path) => format!("--compare '{}'", absolute(path).display()),
            word => format!("--compare {word}"),
        });
    }
    words.extend(state.experiment.chosen.typed(look.graph));
    words.push(state.tiles_lens().command(&look));
    if let Some(lens) = state.overlay_lens() {
        words.push(lens.command(&look));
        words.push(format!("--opacity {}", state.lenses.opacity));
    }
    // Otherwise it makes no difference.
    let traces = |needs: Needs| !needs.traces.is_empty();
    let overlay = state.overlay_lens();
    let is_chosen = state.lenses.tracing.origin.is_some();
    if is_chosen
        || traces(state.tiles_lens().needs(&look))
        || overlay.is_some_and(|lens| traces(lens.needs(&look)))
    {
        words.push(lens::from_words(&look));
    }
    let panels = &state.panels;
    let switches = [
        (panels.network_input, "--show-input"),
        (panels.curve, "--curve"),
        (panels.health, "--health"),
        (state.explains_cell(), "--cell"),
        (panels.block, "--block"),
        (panels.mirror, "--mirror"),
        (!panels.predictions && model.trained(), "--no-predictions"),
        (state.colors.smooth, "--smooth"),
        (panels.theme == Theme::Light, "--theme light"),
    ];
    words.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, word)| word.to_string()));
    let scale = state.colors.scale;
    words.push(format!("--normalize={} --colormap {}", scale.normalize, state.colors.colormap().name()));
    if scale.gamma != 1.0 {
        words.push(format!("--gamma {}", scale.gamma));
    }
    if scale.boost > 0.0 {
        words.push(format!("--boost {}", scale.boost));
    }
    if colors.is_locked {
        words.push(format!("--lock {SNAPSHOT_FILE}"));
    }
    words.push(format!("--size {width}x{height} --snapshot ."));
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

fn network_words(network: &Model, placement: Placement) -> Vec<String> {
    let Model { graph, weights, options, .. } = network;
    let mut words = Vec::new();
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
    let Conventions { input_scale, precision } = weights.conventions;
    words.extend(graph.avg_pool().map(|counts| format!("--avg-pool {}", counts.name())));
    let input = graph.input_shape();
    words.push(format!("--input-scale {} --input-size {}x{}", input_scale.name(), input.width, input.height));
    words.extend(options.output.map(|output| format!("--meaning {}", output.name())));
    words.extend(options.between.map(|between| format!("--between {}", between.name())));
    words.extend(options.labels.iter().map(|path| format!("--labels '{}'", absolute(path).display())));
    words.push(format!("--device {} --precision {}", placement.name(), precision.name()));
    words
}

/// Layer, channels, the selected one, the marked point, the size of tiles.
fn place_words(state: &AppState, look: &Look<'_>) -> Vec<String> {
    let place = &state.place;
    let mut words = vec![format!("--layer {}", look.layer)];
    // An order that was kept still over many frames is not made again by one: its channels are named.
    if !place.channels.is_all() || place.sort != Sort::Index || place.filter != Filter::None {
        let list: Vec<_> = look.channels().iter().map(u32::to_string).collect();
        words.push(format!("--channels {}", list.join(",")));
    }
    if let Some(channel) = look.selected_channel().filter(|_| place.selected > 0) {
        words.push(format!("--select {channel}"));
    }
    if place.enlarged {
        words.push("--enlarge".into());
    }
    // What the cursor points at is marked, as keys do.
    let input = look.graph.input_shape();
    let pixel = look.pixel.filter(|_| state.overlay_lens().is_some_and(|lens| lens.explains_pixels()));
    let pointed =
        pixel.map(|[x, y]| [(x as f32 + 0.5) / input.width as f32, (y as f32 + 0.5) / input.height as f32]);
    if let Some([x, y]) = pointed.or(place.point) {
        words.push(format!("--mark {x},{y}"));
    }
    if let TileSize::Pixels(size) = place.tile_size {
        words.push(format!("--tile-size {size}"));
    }
    words
}
