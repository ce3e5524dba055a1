//! From `--weights` to a network's layers, parameters and class names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::EngineError;
use super::spec::WeightsSpec;
use crate::frame::{Frame, PixelFormat};
use crate::gpu::{Fit, Resize, twin};
use crate::model::inception_v3::{IMAGENET_CLASSES, inception_v3, inception_v3_with_head};
use crate::model::labels::{self, Label};
use crate::model::{AvgPool, Conventions, Graph, InputScale, Precision};
use crate::network::calibrate;
use crate::source::testcard;
use crate::weights::{WeightFile, Weights, seeded};

/// Seed of the untrained network.
const UNTRAINED_SEED: u64 = 0;

/// Frames of the test card that an untrained network is calibrated on.
const CALIBRATION_FRAMES: [u64; 2] = [40, 280];

/// What the user says of a network besides its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOptions {
    /// Multiplier of the channel counts, for the untrained network.
    pub width_multiplier: f64,
    /// In place of what the file takes for granted.
    pub avg_pool: Option<AvgPool>,
    /// In place of what the file takes for granted.
    pub input_scale: Option<InputScale>,
    /// In which numbers it is computed.
    pub precision: Precision,
    /// File of class names.
    pub labels: Option<PathBuf>,
}

impl Default for ModelOptions {
    fn default() -> Self {
        Self {
            width_multiplier: 1.0,
            avg_pool: None,
            input_scale: None,
            precision: Precision::default(),
            labels: None,
        }
    }
}

/// A network with all that belongs to its parameters, ready to be placed on a device.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its layers.
    pub graph: Arc<Graph>,
    /// Their parameters.
    pub weights: Arc<Weights>,
    /// Names of its classes; empty where they are not known.
    pub labels: Arc<[Label]>,
}

/// A network of which everything is known but, where it is untrained, its parameters: making those takes seconds.
#[derive(Clone, Debug)]
pub struct OpenedModel {
    /// What it was opened by, resolved.
    pub spec: WeightsSpec,
    /// Its layers.
    pub graph: Arc<Graph>,
    /// Names of its classes; empty where they are not known.
    pub labels: Arc<[Label]>,
    conventions: Conventions,
    /// `None`: untrained.
    weights: Option<Arc<Weights>>,
}

impl OpenedModel {
    /// An untrained network of this architecture, with the usual conventions and no class names.
    pub fn untrained(graph: Arc<Graph>) -> Self {
        let conventions = Conventions::default();
        Self { spec: WeightsSpec::Untrained, graph, labels: Arc::new([]), conventions, weights: None }
    }

    /// Reads weights, or decides on the architecture of an untrained network: that of `like`, where it is given.
    ///
    /// # Errors
    /// What is wrong with the file of weights or that of class names.
    pub fn open(
        spec: &WeightsSpec,
        options: &ModelOptions,
        like: Option<&Arc<Graph>>,
    ) -> Result<Self, EngineError> {
        let spec = spec.resolve()?;
        let file = match &spec {
            WeightsSpec::File(path) => Some(WeightFile::open(path).map_err(EngineError::new)?),
            WeightsSpec::Embedded => Some(WeightFile::embedded().map_err(EngineError::new)?),
            _ => None,
        };
        let (graph, weights) = match file {
            Some(file) => {
                let graph = inception_v3_with_head(&file.architecture.head, file.architecture.width);
                let weights = file.fit(&graph).map_err(EngineError::new)?;
                (Arc::new(graph), Some(weights))
            }
            None => {
                let new = || Arc::new(inception_v3(IMAGENET_CLASSES, options.width_multiplier));
                (like.cloned().unwrap_or_else(new), None)
            }
        };
        let mut conventions = weights.as_ref().map_or(Conventions::default(), |weights| weights.conventions);
        conventions.avg_pool = options.avg_pool.unwrap_or(conventions.avg_pool);
        conventions.input_scale = options.input_scale.unwrap_or(conventions.input_scale);
        conventions.precision = options.precision;
        let weights = weights.map(|weights| Arc::new(Weights { conventions, ..weights }));
        let own = (spec == WeightsSpec::Embedded).then(labels::embedded);
        let labels = class_names(options.labels.as_deref(), own, &graph)?;
        Ok(Self { spec, graph, labels, conventions, weights })
    }

    /// False where predictions mean nothing.
    pub fn is_trained(&self) -> bool {
        self.weights.is_some()
    }

    /// What the user ought to know about its weights, a sentence each.
    pub fn notes(&self) -> &[String] {
        self.weights.as_ref().map_or(&[], |weights| &weights.notes)
    }

    /// Its kernels, and whatever else its file holds. An untrained network's are not calibrated, which changes no
    /// kernel.
    pub fn kernels(&self) -> Arc<Weights> {
        self.weights.clone().unwrap_or_else(|| Arc::new(seeded(&self.graph, UNTRAINED_SEED)))
    }

    /// The network with its parameters. Those of an untrained one are made, and calibrated on the test card.
    /// `progress` is told in words what is being done.
    ///
    /// # Errors
    /// Where the calibration fails.
    pub fn load(&self, resize: Resize, progress: &mut dyn FnMut(&str)) -> Result<Model, EngineError> {
        let weights = match &self.weights {
            Some(weights) => weights.clone(),
            None => Arc::new(self.make(resize, progress)?),
        };
        Ok(Model { graph: self.graph.clone(), weights, labels: self.labels.clone() })
    }

    fn make(&self, resize: Resize, progress: &mut dyn FnMut(&str)) -> Result<Weights, EngineError> {
        progress("making an untrained network");
        let pictures = CALIBRATION_FRAMES.map(|number| self.calibration_picture(number, resize));
        let pictures = pictures.into_iter().collect::<Result<Vec<_>, _>>()?;
        let weights = Weights { conventions: self.conventions, ..seeded(&self.graph, UNTRAINED_SEED) };
        progress("calibrating the untrained network");
        calibrate(&self.graph, weights, &pictures).map_err(EngineError::new)
    }

    fn calibration_picture(&self, number: u64, resize: Resize) -> Result<Vec<f32>, EngineError> {
        let (size, bytes) = ((testcard::WIDTH, testcard::HEIGHT), testcard::draw(number));
        let frame = Frame::new(number, size, PixelFormat::Rgb8, &bytes, "test card".into())
            .map_err(EngineError::new)?;
        let (scale, shape) = (self.conventions.input_scale, self.graph.input_shape());
        Ok(twin::preprocess(&frame, Fit::default(), resize, scale, shape))
    }
}

/// The names of a network's classes: those of a file, its `own`, ImageNet's where there are as many, else none.
fn class_names(
    path: Option<&Path>,
    own: Option<Arc<[Label]>>,
    graph: &Graph,
) -> Result<Arc<[Label]>, EngineError> {
    let classes = graph.classifier().map_or(0, |classifier| graph.nodes[classifier].shape.channels);
    let Some(path) = path else {
        let usual = || if classes == IMAGENET_CLASSES { labels::imagenet() } else { Arc::new([]) };
        return Ok(own.unwrap_or_else(usual));
    };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| EngineError::new(format!("{shown}: the class names cannot be read: {error}")))?;
    let labels = labels::parse(&text);
    if labels.len() != classes {
        let names = labels.len();
        return Err(EngineError::new(format!(
            "{shown} has {names} class names, but the network has {classes} classes: give the list that it was \
             trained with"
        )));
    }
    Ok(labels)
}
