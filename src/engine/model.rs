//! From `--weights` to a network's layers, parameters and class names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::EngineError;
use super::outputs::{Between, OutputChoice, settle_output};
use super::spec::WeightsSpec;
use crate::frame::{Frame, PixelFormat};
use crate::gpu::{Fit, Preprocessing, Resize, twin};
use crate::model::inception_v3::{IMAGENET_CLASSES, INPUT_SIZE, Plan};
use crate::model::labels::{self, Label, Named, Wanted};
use crate::model::{AvgPool, Conventions, Graph, InputScale, Meaning, Precision};
use crate::network::calibrate;
use crate::source::testcard;
use crate::weights::{FileFacts, Origin, ReadOptions, WeightFile, Weights, seeded};

/// Seed of the untrained network.
const UNTRAINED_SEED: u64 = 0;

/// Frames of the test card that an untrained network is calibrated on.
const CALIBRATION_FRAMES: [u64; 2] = [40, 280];

const IDLE_BETWEEN: &str = "--between changes nothing here: the file says what stands between its layers";

/// What the user says of a network besides its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOptions {
    /// Multiplier of the channel counts, for the untrained network.
    pub width_multiplier: f64,
    /// In place of what the file takes for granted.
    pub avg_pool: Option<AvgPool>,
    /// In place of what the file takes for granted.
    pub input_scale: Option<InputScale>,
    /// Height and width of the input, where the file leaves them open.
    pub input_size: Option<[usize; 2]>,
    /// In place of what its last numbers seem to be.
    pub output: Option<OutputChoice>,
    /// What stands between its fully connected layers, where the file does not say.
    pub between: Option<Between>,
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
            input_size: None,
            output: None,
            between: None,
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
    /// What the user said of it.
    pub options: Arc<ModelOptions>,
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
    /// What is known of its file.
    pub facts: Option<FileFacts>,
    options: Arc<ModelOptions>,
    conventions: Conventions,
    /// `None`: untrained.
    weights: Option<Arc<Weights>>,
}

/// A network with its parameters.
///
/// # Errors
/// One sentence: see [`OpenedModel::open`] and [`OpenedModel::load`].
pub fn load(spec: WeightsSpec, options: &ModelOptions, resize: Resize) -> Result<Model, String> {
    let opened = OpenedModel::open(&spec, options, None);
    opened.and_then(|opened| opened.load(resize, &mut |_| {})).map_err(|error| error.to_string())
}

impl OpenedModel {
    /// Where its parameters come from.
    pub fn origin(&self) -> Origin {
        let origin = self.weights.as_ref().map(|weights| weights.origin.clone());
        origin.unwrap_or(Origin::Untrained { seed: UNTRAINED_SEED })
    }

    /// An untrained network of this architecture, with the usual conventions and no class names.
    pub fn untrained(graph: Arc<Graph>) -> Self {
        let conventions = Conventions::default();
        let (spec, labels) = (WeightsSpec::Untrained, Arc::new([]));
        Self { spec, graph, labels, facts: None, options: Arc::default(), conventions, weights: None }
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
        let between = options.between.map(Between::activation);
        let read = ReadOptions { input_size: options.input_size, between, ..ReadOptions::default() };
        let file = match &spec {
            WeightsSpec::File(path) => Some(WeightFile::open(path, read).map_err(EngineError::new)?),
            WeightsSpec::Embedded => Some(WeightFile::embedded().map_err(EngineError::new)?),
            _ => None,
        };
        let (mut names, mut scores, mut facts) = (None, None, None);
        let (mut graph, weights) = match file {
            Some(mut file) => {
                (names, scores) = (file.class_names.take(), file.scores);
                file.notes.extend(file.scale_note.take().filter(|_| options.input_scale.is_none()));
                if options.between.is_some() && file.facts.layout.describes_network() {
                    file.notes.push(IDLE_BETWEEN.into());
                }
                facts = Some(file.facts.clone());
                let (graph, weights) = file.fit().map_err(EngineError::new)?;
                (graph, Some(weights))
            }
            None => {
                let size = options.input_size.unwrap_or([INPUT_SIZE; 2]);
                let new =
                    || Plan { size, ..Plan::published(IMAGENET_CLASSES, options.width_multiplier) }.graph();
                let like = like.map(|graph| Graph::clone(graph));
                (like.map_or_else(new, Ok).map_err(EngineError::new)?, None)
            }
        };
        check_channels(&graph)?;
        if let Some(counts) = options.avg_pool {
            graph.set_avg_pool(counts);
        }
        let mut conventions = weights.as_ref().map_or(Conventions::default(), |weights| weights.conventions);
        conventions.input_scale = options.input_scale.unwrap_or(conventions.input_scale);
        conventions.precision = options.precision;
        let mut weights = weights.map(|weights| Weights { conventions, ..weights });
        settle_output(&mut graph, weights.as_mut(), scores, options.output);
        let own = (spec == WeightsSpec::Embedded).then(labels::embedded);
        let own = own.or_else(|| names.as_deref().map(labels::named));
        let Named { labels, notes } = class_names(options.labels.as_deref(), own, &graph)?;
        if let Some(weights) = &mut weights {
            weights.notes.extend(notes);
        }
        let (graph, weights) = (Arc::new(graph), weights.map(Arc::new));
        let options = Arc::new(options.clone());
        Ok(Self { spec, graph, labels, facts, options, conventions, weights })
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
        let (graph, labels, options) = (self.graph.clone(), self.labels.clone(), self.options.clone());
        Ok(Model { graph, weights, labels, options })
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
        Ok(twin::preprocess(&frame, Preprocessing::new(Fit::default(), resize), scale, shape))
    }
}

/// Refuses a network for something else than pictures.
fn check_channels(graph: &Graph) -> Result<(), EngineError> {
    match graph.input_shape().channels {
        1 | 3 => Ok(()),
        channels => Err(EngineError::new(format!(
            "the network is made for {channels} channels, and a picture has 3 (red, green, blue) or 1 (brightness): only \
             such networks can be shown pictures"
        ))),
    }
}

/// Most bytes of a list of class names; COCO's annotations hold one too.
const MOST_BYTES: u64 = 64 << 20;

/// The names of a network's classes: those of a file, its `own`, ImageNet's where there are as many, else none; and what was
/// taken for granted. One probability can have two: of what it speaks against, and of what it speaks for.
fn class_names(path: Option<&Path>, own: Option<Arc<[Label]>>, graph: &Graph) -> Result<Named, EngineError> {
    let answer = graph.answer();
    let outputs = answer.map_or(0, |output| graph.nodes[output.layer].shape.len());
    let is_probability = answer.is_some_and(|output| output.meaning != Meaning::Numbers);
    let Some(path) = path else {
        let fits = |names: usize| names == outputs || outputs == 1 && names == 2 && is_probability;
        return Ok(match own.filter(|own| fits(own.len())) {
            Some(labels) => Named { labels, notes: vec![] },
            None => labels::usual(outputs),
        });
    };
    let shown = path.display();
    let failed = |reason: &dyn std::fmt::Display| EngineError::new(format!("{shown} {reason}"));
    let unread = |error| EngineError::new(format!("{shown}: the class names cannot be read: {error}"));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(unread)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(failed(&"is larger than any list of class names: give the names alone"));
    }
    if answer.is_none() {
        return Err(failed(&"names classes, but the network gives maps and no classes: leave --labels out"));
    }
    let named = labels::read(&bytes, Wanted { outputs, is_probability }).map_err(|error| failed(&error))?;
    Ok(Named { notes: named.notes.iter().map(|note| format!("{shown} {note}")).collect(), ..named })
}
