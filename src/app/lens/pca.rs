//! A layer as one colour picture: where its cells lie along its first three principal components, as red, green and blue over the
//! picture. The basis is of one frame, or out of a file, and held, so that colours mean the same from frame to frame.

use std::path::Path;

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Takes};
use super::legend::Line;
use super::look::Look;
use super::origin::only;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{Basis, LensName, Lenses};
use crate::gpu::{BasisBuffer, ComponentsPass, GpuContext, MapStatistics};
use crate::inspect::Components;
use crate::inspect::components::{COUNT, REACH};
use crate::model::{Graph, LayerIndex, Node};
use crate::record::{basis_tensors, read_bases};

/// In keys, options and JSON.
pub const NAME: LensName = "pca";

/// The command that takes a new basis.
pub const RENEW: &str = "renew";

/// The file of a snapshot that has the basis.
const FILE: &str = "map.safetensors";

/// What `--pca` has for the basis of the first frame.
const FRAME: &str = "frame";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift y"],
    help: "the layer as one colour picture (PCA) over the picture",
    flag: Some(Flag {
        long: "pca",
        takes: Takes::One("BASIS"),
        help: "Lay the first three principal components of the layer's cells over the picture, as red, green and blue: of the \
               first `frame`, or of a FILE that `convscope maps --pca --safetensors` wrote",
    }),
    more: &[More {
        name: RENEW,
        keys: &[],
        help: "take the colours of the layer (PCA) from this frame anew",
    }],
};

/// The colours of the components, the strongest first.
const COLORS: [([u8; 3], &str); COUNT] =
    [([235, 60, 60], "red"), ([60, 200, 80], "green"), ([70, 110, 245], "blue")];

/// Why a layer is no colour picture; `None` where it is.
pub fn not_colored(node: &Node) -> Option<String> {
    let is_one = node.shape.height * node.shape.width == 1;
    is_one.then(|| format!("{} has one cell, and so nothing that differs from cell to cell", node.name))
}

/// `Of what the cells differ by (the variance) red has 31 %, …`; of fewer directions, those that there are.
pub fn explained_in_words(components: &Components) -> String {
    let parts = COLORS.iter().zip(components.explained).take(components.count());
    let parts: Vec<_> = parts.map(|((_, name), part)| format!("{name} has {}", percent(part))).collect();
    match parts.is_empty() {
        true => "All cells are alike: there is no direction in which they differ.".into(),
        false => format!("Of what the cells differ by (the variance) {}.", parts.join(", ")),
    }
}

/// `31 %`, `0.4 %`
fn percent(part: f32) -> String {
    let percent = part * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// What the colours mean, whatever the layer.
pub fn meaning() -> String {
    format!(
        "Equal colours are alike cells. Grey is the mean of the cells that the colours were made of, and {REACH} standard \
         deviations from it are the ends of each colour."
    )
}

/// The basis of the shown layer: out of a file, or of a frame.
fn basis<'a>(look: &Look<'a>) -> Option<&'a Basis> {
    look.lenses.basis_of(look.layer).or(look.basis)
}

/// The lens.
pub struct Pca;

impl OverlayLens for Pca {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        not_colored(look.node())
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work {
            pass: ComponentsPass::new(gpu),
            statistics: MapStatistics::new(gpu),
            basis: None,
            shown: None,
        })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        if command == RENEW {
            lenses.renew();
            lenses.over = Some(NAME);
        }
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        choices.lenses.over = Some(NAME);
        match values.first().map(String::as_str) {
            None | Some(FRAME) => {}
            Some(path) => choices.lenses.bases = given(Path::new(path), choices.graph)?.into(),
        }
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        let basis = if basis(look).is_some() { FILE } else { FRAME };
        format!("--pca {basis}")
    }

    fn numbers(&self, look: &Look<'_>) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        basis(look).map(|basis| basis_tensors(&look.node().name, &basis.components)).unwrap_or_default()
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let Some(basis) = basis(look) else { return Map::new() };
        let explained = Value::from(basis.components.explained.to_vec());
        [("basis".to_string(), basis.made_of.clone().into()), ("explained_variance_ratio".into(), explained)]
            .into_iter()
            .collect()
    }
}

/// The bases in a file, by layer.
///
/// # Errors
/// One sentence where there are none.
pub fn given(path: &Path, graph: &Graph) -> Result<Vec<(LayerIndex, Basis)>, String> {
    let bases = read_bases(path, graph).map_err(|error| error.to_string())?;
    Ok(bases
        .into_iter()
        .map(|(layer, components)| (layer, Basis { components, made_of: made_of(path) }))
        .collect())
}

/// What a basis that comes from a file is said to be made of.
pub fn made_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
}

/// Results, and the layer.
type Key = (u64, LayerIndex);

struct Work {
    pass: ComponentsPass,
    statistics: MapStatistics,
    /// On the drawing device, and what it is of.
    basis: Option<(Components, BasisBuffer)>,
    shown: Option<(Key, Over)>,
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, layer) = (look.shown?, look.layer);
        let components = &basis(look)?.components;
        if self.basis.as_ref().is_none_or(|(known, _)| known != components) {
            self.basis = Some((components.clone(), BasisBuffer::upload(gpu, components)));
            self.shown = None;
        }
        let key = (shown.sequence, layer);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let (_, buffer) = self.basis.as_ref()?;
            let map = self.pass.run(gpu, shown.map(layer)?, buffer)?;
            let (statistics, _) = self.statistics.run(gpu, &map, false);
            let numbers = Some((format!("{}.projected", look.node().name), map.clone()));
            let over = Over::even(map, statistics, None, look.colors.scale);
            self.shown = Some((key, Over { colored: Some(components.ends()), numbers, ..over }));
        }
        self.shown.as_ref().map(|(_, over)| over.clone())
    }

    fn legend(&mut self, _gpu: &GpuContext, look: &Look<'_>, _wait: bool) -> Vec<Line> {
        let (key, name) = (look.key(Action::Over(NAME)), &look.node().name);
        if let Some(reason) = Pca.hindered(look) {
            return only(format!("No principal components ({key}): {reason}."), "principal components");
        }
        let Some(Basis { components, made_of }) = basis(look) else {
            return only(
                format!("The principal components of {name} ({key}) are being computed."),
                "principal components",
            );
        };
        let text = format!("{name} as one colour picture ({key}), {}.", look.opacity_in_words());
        let mut lines = vec![Line::Main(text, "principal components")];
        let numbers = ["first", "second", "third"];
        for (place, (color, _)) in COLORS.into_iter().enumerate().take(components.count()) {
            let part = percent(components.explained[place]);
            let text = format!("{} component: {part} of the variance", numbers[place]);
            lines.push(Line::Sample { color, hatch: None, text });
        }
        if components.count() < COUNT {
            lines.push(Line::quiet(match components.count() {
                0 => "All cells are alike: there is no direction in which they differ.".to_string(),
                count => format!("The cells differ in no more directions than {count}."),
            }));
        }
        lines.push(Line::quiet(meaning()));
        let palette = look.key(Action::TogglePalette);
        let renew = format!("{palette} and `pca {RENEW}` takes this frame's");
        lines.push(Line::quiet(format!("The colours are made of {made_of} and stay; {renew}.")));
        lines
    }
}
