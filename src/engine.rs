//! A network that is ready: weights found and read, placed on a device; pictures in, layer outputs in host
//! memory out. For the commands without a view; the live view draws from the network's own memory instead
//! ([`crate::session`]).
//!
//! An [`Engine`] stays on the thread that made it (Burn's stream is thread-local).

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use burn::tensor::Device;

use crate::bridge;
use crate::frame::{Frame, PixelFormat};
use crate::gpu::{Fit, FrameBuffer, GpuContext, Preprocessor, Resize, readback, twin};
use crate::inspect::LayerOutput;
use crate::model::inception_v3::inception_v3;
use crate::model::{Graph, LayerIndex, Shape};
use crate::network::{ExecutorOptions, Network, calibrate, input_from_values, values};
use crate::source::testcard;
use crate::weights::{Architecture, Origin, Weights, seeded};

/// Why there are no numbers: a weight file that cannot be used, a device that failed. One sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

impl EngineError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Where the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On the drawing device: nothing is copied.
    Gpu,
    /// On the CPU; what is drawn is uploaded.
    Cpu,
}

impl Placement {
    /// The value of `--device`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

/// What `--weights` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum WeightsSpec {
    /// Random numbers from a seed.
    #[default]
    Untrained,
    /// A weight file.
    File(PathBuf),
}

impl FromStr for WeightsSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("it is empty: name a weight file, or `untrained`".into()),
            "untrained" => Ok(Self::Untrained),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// As typed: `untrained`, or the file's path.
impl std::fmt::Display for WeightsSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Untrained => f.write_str("untrained"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl WeightsSpec {
    /// What a person calls these weights in a heading: `untrained`, or the file's name without its ending.
    pub fn short_name(&self) -> String {
        match self {
            Self::Untrained => "untrained".into(),
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

/// Names for weights that are shown beside each other, no two of them the same.
pub fn distinct_names(all: &[&WeightsSpec]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(all.len());
    for spec in all {
        let same_name = all.iter().filter(|other| other.short_name() == spec.short_name()).count() > 1;
        let name = if same_name { spec.to_string() } else { spec.short_name() };
        let number = (2..).find(|number| !names.contains(&format!("{name} ({number})")));
        names.push(match number {
            Some(number) if names.contains(&name) => format!("{name} ({number})"),
            _ => name,
        });
    }
    names
}

/// Heading of the main network's values minus those of another. The word comes first: a long name is cut at its end.
pub fn difference_name(other: &str) -> String {
    format!("difference from {other}")
}

/// Seed of the untrained network.
const UNTRAINED_SEED: u64 = 0;

/// Frames of the test card that an untrained network is calibrated on.
const CALIBRATION_FRAMES: [u64; 2] = [0, 40];

/// The kernels of a network, and whatever else its file holds. An untrained network's are not calibrated, which
/// changes no kernel and takes seconds.
///
/// # Errors
/// What is wrong with the file.
pub fn load_kernels(graph: &Arc<Graph>, spec: &WeightsSpec) -> Result<Arc<Weights>, EngineError> {
    match spec {
        WeightsSpec::File(path) => Weights::load(path, graph).map_err(EngineError::new),
        WeightsSpec::Untrained => Ok(Arc::new(seeded(graph, UNTRAINED_SEED))),
    }
}

/// The architecture that weights are for: what a file's shapes say, or for an untrained network `otherwise`.
///
/// # Errors
/// Where the file cannot be read at all.
pub fn graph_for(spec: &WeightsSpec, otherwise: &Arc<Graph>) -> Result<Arc<Graph>, EngineError> {
    match spec {
        WeightsSpec::Untrained => Ok(otherwise.clone()),
        WeightsSpec::File(path) => {
            let Architecture { classes, width } = Architecture::of_file(path).map_err(EngineError::new)?;
            Ok(Arc::new(inception_v3(classes, width)))
        }
    }
}

/// Reads weights, or makes an untrained network's and calibrates them on the test card. `progress` is told in
/// words what is being done.
///
/// # Errors
/// What is wrong with the file.
pub fn load_weights(
    graph: &Arc<Graph>,
    spec: &WeightsSpec,
    resize: Resize,
    progress: &mut dyn FnMut(&str),
) -> Result<Arc<Weights>, EngineError> {
    match spec {
        WeightsSpec::File(path) => {
            progress(&format!("reading {}", path.display()));
            Weights::load(path, graph).map_err(EngineError::new)
        }
        WeightsSpec::Untrained => {
            progress("making an untrained network");
            let pictures =
                CALIBRATION_FRAMES.map(|number| calibration_picture(number, resize, graph.input_shape()));
            let pictures = pictures.into_iter().collect::<Result<Vec<_>, _>>()?;
            let weights = seeded(graph, UNTRAINED_SEED);
            progress("calibrating the untrained network");
            calibrate(graph, weights, &pictures).map(Arc::new).map_err(EngineError::new)
        }
    }
}

fn calibration_picture(number: u64, resize: Resize, shape: Shape) -> Result<Vec<f32>, EngineError> {
    let (size, bytes) = ((testcard::WIDTH, testcard::HEIGHT), testcard::draw(number));
    let frame =
        Frame::new(number, size, PixelFormat::Rgb8, &bytes, "test card".into()).map_err(EngineError::new)?;
    Ok(twin::preprocess(&frame, Fit::default(), resize, shape))
}

/// How a frame becomes the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preprocessing {
    /// How a picture that is not square is fitted.
    pub fit: Fit,
    /// How it is resized.
    pub resize: Resize,
}

/// A network on a device.
pub struct Engine {
    graph: Arc<Graph>,
    network: Network,
    weights: Arc<Weights>,
    /// `None`: on the CPU.
    gpu: Option<(GpuContext, Preprocessor)>,
}

impl Engine {
    /// Places a network on the CPU, or on this GPU.
    ///
    /// # Errors
    /// Where the GPU cannot be used.
    pub fn new(
        graph: Arc<Graph>,
        weights: Arc<Weights>,
        options: ExecutorOptions,
        gpu: Option<GpuContext>,
    ) -> Result<Self, EngineError> {
        let device = match &gpu {
            Some(gpu) => bridge::adopt(gpu).map_err(EngineError::new)?,
            None => Device::flex(),
        };
        let network = Network::new(graph.clone(), weights.clone(), device, options);
        let gpu = gpu.map(|gpu| {
            let preprocessor = Preprocessor::new(&gpu);
            (gpu, preprocessor)
        });
        Ok(Self { graph, network, weights, gpu })
    }

    /// The network's layers.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Its parameters.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// False where predictions mean nothing.
    pub fn is_trained(&self) -> bool {
        Origin::is_trained(&self.weights.origin)
    }

    /// The outputs of `layers` for one frame, in that order. Layer 0 is the network's input itself.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn run(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        layers: &[LayerIndex],
    ) -> Result<Vec<LayerOutput>, EngineError> {
        let shape = self.graph.input_shape();
        let device = self.network.device().clone();
        let input = match &self.gpu {
            None => input_from_values(twin::preprocess(frame, how.fit, how.resize, shape), shape, &device),
            Some((gpu, preprocessor)) => {
                let (input, place) = bridge::allocate_input(shape, &device).map_err(EngineError::new)?;
                let frame = FrameBuffer::upload(gpu, frame.clone()).map_err(EngineError::new)?;
                preprocessor.run(gpu, &frame, how.fit, how.resize, &place);
                input
            }
        };
        let tensors = self.network.run(input, layers, &mut |_, _| {});
        let mut outputs = Vec::with_capacity(layers.len());
        for (&layer, tensor) in layers.iter().zip(tensors) {
            let values = match &self.gpu {
                None => values(tensor).map_err(EngineError::new)?,
                Some((gpu, _)) => {
                    let map = bridge::feature_map(tensor).map_err(EngineError::new)?;
                    readback::copy_map(gpu, &map).wait(gpu).map_err(EngineError::new)?
                }
            };
            outputs.push(LayerOutput { layer, shape: self.graph.nodes[layer].shape, values });
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_named_by_word_or_path() {
        assert_eq!("untrained".parse(), Ok(WeightsSpec::Untrained));
        assert_eq!("./untrained".parse(), Ok(WeightsSpec::File("./untrained".into())));
        assert!("".parse::<WeightsSpec>().is_err());
        assert_eq!(WeightsSpec::File("a/b.safetensors".into()).short_name(), "b");
    }

    #[test]
    fn no_two_columns_have_the_same_name() {
        let file = |path: &str| WeightsSpec::File(path.into());
        let (a, b, c) = (file("a/m.pth"), file("b/m.pth"), file("c.pth"));
        assert_eq!(distinct_names(&[&a, &b, &c]), ["a/m.pth", "b/m.pth", "c"]);
        let same = &WeightsSpec::Untrained;
        assert_eq!(distinct_names(&[same, same, same]), ["untrained", "untrained (2)", "untrained (3)"]);
    }
}
