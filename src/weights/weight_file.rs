//! A weight file of any layout: read, and fitted to the graph of a network.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::assign;
use super::canonical::{self, Parameter};
use super::complete::complete;
use super::conventions::{
    FROM_FILE, FROM_LAYOUT, FROM_MANIFEST, Known, best, conventions, fid_note, scale_note,
};
use super::described::{DescribedNetwork, ReadOptions};
use super::error::WeightsError;
use super::file::{Layout, Limits, ReadError, Stored, TensorFile};
use super::hints::Hints;
use super::hub::Hub;
use super::inception::{self, Said};
use super::keras_body;
use super::manifest::{Checksum, Entry, Manifest};
use super::parameters::{LayerWeights, Origin, Weights};
use super::pieces;
use super::reading::{self, Content, Reading};
use super::safetensors;
use super::selection;
use super::sentence::shown;
use crate::model::architectures;
use crate::model::head::Given;
use crate::model::{Activation, AvgPool, Conventions, Graph, GraphError, InputScale};

/// What is known of a weight file, beside the network.
#[derive(Clone, Debug)]
pub struct FileFacts {
    /// Where it is.
    pub origin: Origin,
    /// Its size in bytes.
    pub bytes: u64,
    /// How it is built.
    pub layout: Layout,
    /// The number types in it, each once.
    pub stored: Vec<Stored>,
    /// Average pooling, where there is a window that reaches into padding.
    pub avg_pool: Option<Known<AvgPool>>,
    /// Scale of the input.
    pub input_scale: Known<InputScale>,
    /// Name of the known file that it is.
    pub known_as: Option<String>,
    /// Number of parameter values that belong to the network.
    pub parameters: usize,
}

/// A weight file that was read, and the network that it is for.
#[derive(Clone, Debug)]
pub struct WeightFile {
    /// What is known of the file.
    pub facts: FileFacts,
    /// The network that it describes, or that its shapes tell.
    pub graph: Graph,
    /// Names of its classes, where the file has them.
    pub class_names: Option<Vec<String>>,
    /// What its main output is, where the file says more than the graph: see [`Scores`].
    pub scores: Option<Scores>,
    /// What was left aside, and what else is remarkable.
    pub notes: Vec<String>,
    /// What is to be said where the user does not say the input's scale.
    pub scale_note: Option<String>,
    content: Numbers,
}

/// What the numbers of an output without activation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scores {
    /// Scores of classes: the file was trained with a softmax behind it.
    Logits,
    /// Quantities: the file was trained to meet numbers.
    Quantities,
    /// The file does not tell.
    Unknown,
    /// No file of this kind tells, and the graph has what is usual.
    Assumed,
}

/// What libraries call a network that nobody gave a name: then the file's says more.
const GENERAL_NAMES: [&str; 5] = ["functional", "sequential", "model", "main_graph", "ONNX network"];

#[derive(Clone, Debug)]
enum Numbers {
    /// By layer of the graph.
    Layers(Vec<Option<LayerWeights>>),
    /// By name.
    Parameters(Vec<Parameter>),
}

impl WeightFile {
    /// Reads a file; what it is is told by its content, whatever it is called.
    ///
    /// # Errors
    /// [`WeightsError`], where it cannot be read.
    pub fn open(path: &Path, options: ReadOptions<'_>) -> Result<Self, WeightsError> {
        let Reading { content, bytes, sha256, hub } = reading::read(path, options)?;
        let entry = known(&sha256);
        let origin = Origin::File { path: path.into(), sha256 };
        let format = |error: ReadError| WeightsError::Format { path: path.into(), reason: shown(&error.0) };
        let mut file = match content {
            Content::Network(network) => Self::described(*network, origin, entry, bytes),
            Content::Tensors(file) => {
                let input_size = options.input_size.or(hub.input_size);
                let read = Self::of(file, origin, entry, bytes, ReadOptions { input_size, ..options });
                read.map_err(|error| format(pieces::lone_piece(path).map_or(error, ReadError)))?
            }
        };
        if file.graph.classifier().is_none() {
            file.notes.extend(pieces::lone_piece(path));
        }
        file.obey(hub);
        Ok(file)
    }

    /// What lies beside the file tells what the file itself does not.
    fn obey(&mut self, hub: Hub) {
        if let Some(scale) = hub.input_scale
            && ![FROM_FILE, FROM_MANIFEST].contains(&self.facts.input_scale.from)
        {
            self.facts.input_scale = scale;
            self.scale_note = None;
        }
        let outputs = self.graph.answer().map_or(0, |answer| self.graph.nodes[answer.layer].shape.len());
        match hub.class_names {
            Some(names) if self.class_names.is_none() && names.len() == outputs => {
                self.class_names = Some(names);
            }
            Some(names) if self.class_names.is_none() => self.notes.push(format!(
                "{} classes are named beside the weights, and the network has {outputs} outputs: the names are not used",
                names.len()
            )),
            _ => {}
        }
        self.notes.extend(hub.note.map(|note| shown(&note)));
    }

    /// The network that is built in.
    ///
    /// # Errors
    /// Never with the file as it is; a test reads it.
    pub fn embedded() -> Result<Self, WeightsError> {
        let sha256 = reading::sha256(std::iter::once(EMBEDDED));
        let origin = Origin::Embedded { sha256: sha256.clone() };
        let format = |error: ReadError| WeightsError::Format { path: "embedded".into(), reason: error.0 };
        let file = safetensors::read(EMBEDDED, Limits::default()).map_err(format)?;
        let size = EMBEDDED.len() as u64;
        let read = Self::of(file, origin, known(&sha256), size, ReadOptions::default()).map_err(format)?;
        // It was trained so.
        Ok(Self { scale_note: None, ..read })
    }

    fn described(network: DescribedNetwork, origin: Origin, entry: Option<Entry>, bytes: u64) -> Self {
        let value = network.graph.avg_pool();
        let scores = network.metadata.get("logits").map(|said| match said.as_str() {
            "from_logits" => Scores::Logits,
            "regression" => Scores::Quantities,
            _ => Scores::Unknown,
        });
        let input_scale = match network.input_scale {
            Some(value) => Known { value, from: FROM_FILE },
            None => best(None, entry.as_ref().map(|entry| entry.input), network.usual_scale),
        };
        let facts = FileFacts {
            origin,
            bytes,
            layout: network.layout,
            stored: network.stored,
            avg_pool: value.map(|value| Known { value, from: FROM_FILE }),
            input_scale,
            known_as: entry.map(|entry| entry.name),
            parameters: network.layers.iter().flatten().map(LayerWeights::len).sum(),
        };
        let usual = || {
            let scale = network.usual_scale.name();
            format!(
                "the scale of the input is a guess, {scale}: the file does not tell; give --input-scale if it is another"
            )
        };
        let said = network.metadata.get("scale_note").cloned();
        let scale_note = (facts.input_scale.from == FROM_LAYOUT).then(|| said.unwrap_or_else(usual));
        let mut graph = network.graph;
        if GENERAL_NAMES.contains(&&*graph.name)
            && let Origin::File { path, .. } = &facts.origin
        {
            graph.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        }
        Self {
            facts,
            scale_note,
            class_names: network.class_names,
            scores,
            notes: network.notes.iter().map(|note| shown(note)).collect(),
            graph,
            content: Numbers::Layers(network.layers),
        }
    }

    fn of(
        file: TensorFile,
        origin: Origin,
        entry: Option<Entry>,
        bytes: u64,
        options: ReadOptions<'_>,
    ) -> Result<Self, ReadError> {
        let (mut avg_pool, mut input_scale) = conventions(&file, entry.as_ref());
        let layout = file.layout;
        let mut stored: Vec<_> = file.tensors.iter().map(|tensor| tensor.stored).collect();
        stored.sort_unstable();
        stored.dedup();
        let mut notes = file.notes.clone();
        let no_graph = |error: GraphError| ReadError(error.to_string());
        let (parameters, hints) = match layout {
            // safetensors sorts its names.
            Layout::Safetensors => {
                (selection::network(file.tensors, &mut notes)?, Hints::torch(Given::Nothing))
            }
            Layout::Torch => (selection::network(file.tensors, &mut notes)?, Hints::torch(Given::Making)),
            Layout::KerasLegacy | Layout::KerasWeights => keras_body::parameters(file)?,
            _ => (canonical::parameters(file, &mut notes)?, Hints::torch(Given::Making)),
        };
        let parameters = inception::told_apart(parameters);
        let told = architecture(layout, &parameters, options.between);
        let (mut graph, mut parameters) = match &told {
            Some(told) => {
                let size = options.input_size.unwrap_or(architectures::INPUT_SIZE);
                let graph = told.graph(size).map_err(no_graph)?;
                notes.extend(told.notes.iter().cloned());
                if input_scale.from == FROM_LAYOUT {
                    input_scale.value = told.usual_scale;
                }
                if avg_pool.from == FROM_LAYOUT {
                    avg_pool.value = AvgPool::Include;
                }
                let parameters = super::architectures::parameters(parameters, told, &graph);
                (graph, parameters)
            }
            None => {
                let parameters = canonical::without_auxiliary(parameters);
                notes.extend(hints.notes.iter().cloned());
                let said = Said { size: options.input_size, between: options.between };
                let (graph, parameters) = inception::network(parameters, &hints, said, &mut notes)?;
                notes.extend(fid_note(&graph));
                (graph, parameters)
            }
        };
        complete(&mut parameters, &mut graph, &mut notes);
        notes.iter_mut().for_each(|note| *note = shown(note));
        graph.set_avg_pool(avg_pool.value);
        let facts = FileFacts {
            origin,
            bytes,
            layout,
            stored,
            avg_pool: Some(avg_pool),
            input_scale,
            known_as: entry.map(|entry| entry.name),
            parameters: parameters.iter().map(|parameter| parameter.tensor.values.len()).sum(),
        };
        let scale_note = scale_note(input_scale, layout, told.as_ref(), &graph, hints.rescaling.as_deref());
        Ok(Self {
            facts,
            graph,
            scale_note,
            class_names: None,
            scores: Some(Scores::Assumed),
            notes,
            content: Numbers::Parameters(parameters),
        })
    }

    /// Its network with the parameters of each layer.
    ///
    /// # Errors
    /// [`WeightsError::Mismatch`] names everything that does not fit.
    pub fn fit(self) -> Result<(Graph, Weights), WeightsError> {
        let Self { facts: FileFacts { origin, input_scale, .. }, graph, content, mut notes, .. } = self;
        let layers = match content {
            Numbers::Layers(layers) => layers,
            Numbers::Parameters(parameters) => {
                assign::fit(parameters, &graph, &mut notes).map_err(|problems| {
                    let path = match &origin {
                        Origin::File { path, .. } => path.clone(),
                        _ => "embedded".into(),
                    };
                    WeightsError::Mismatch { path, network: graph.name.clone(), problems }
                })?
            }
        };
        notes.iter_mut().for_each(|note| *note = shown(note));
        let conventions = Conventions { input_scale: input_scale.value, ..Conventions::default() };
        Ok((graph, Weights { origin, layers, conventions, notes }))
    }
}

/// The network that is built in; models/embedded/README.md tells how it was trained.
const EMBEDDED: &[u8] = include_bytes!("../../models/embedded/shapes.safetensors");

/// The file of the manifest that this is.
fn known(sha256: &str) -> Option<Entry> {
    let is_it = |checksum: &Checksum| match checksum {
        Checksum::Sha256(digits) | Checksum::Sha256Prefix(digits) => sha256.starts_with(digits),
        Checksum::Md5(_) => false,
    };
    let entries = Manifest::current().ok()?.entries;
    entries.into_iter().find(|entry| entry.checksum.as_ref().is_some_and(is_it))
}

/// The network of a state dict, where it is one of those that are known beside InceptionV3.
fn architecture(
    layout: Layout,
    parameters: &[Parameter],
    between: Option<Activation>,
) -> Option<architectures::Architecture> {
    if !matches!(layout, Layout::Torch | Layout::Safetensors) {
        return None;
    }
    let shapes = parameters.iter().map(|parameter| (&*parameter.name, &*parameter.tensor.shape));
    architectures::tell(&shapes.collect::<Vec<_>>(), between)
}
